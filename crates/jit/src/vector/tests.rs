use crate::evaluate::Op;
use crate::testing::Lowering;
use semantics::vops::{Lane, SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};

const CASES: u32 = 4000;
const LANES: [Lane; 4] = [Lane::B, Lane::H, Lane::S, Lane::D];

/// Each op, on operands of every kind; the ones that are not lowered yet are printed.
fn check(ops: impl IntoIterator<Item = Op>) {
    let mut lowerings = [Lowering::new(false), Lowering::new(true)];
    for op in ops {
        for lowering in &mut lowerings {
            lowering.check(op, CASES, &[0]);
        }
        let [without, with] = lowerings.each_mut().map(|lowering| lowering.is_lowered(op));
        if !with || !without {
            println!("evaluated: {op:?}, with AVX-512 {}, without {}", !with, !without);
        }
    }
}

fn by_lane<T>(ops: &[fn(Lane) -> T], wrap: fn(T) -> Op) -> Vec<Op> {
    ops.iter().flat_map(|op| LANES.map(|lane| wrap(op(lane)))).collect()
}

#[test]
fn one_operand() {
    use VOp1::*;
    check(by_lane(&[Abs, Clz, Cls, Sxtl, Uxtl, Xtn, Saddlp, Uaddlp, Addv, Smaxv, Umaxv, Sminv, Uminv, Cut], Op::V1));
    check([Cnt, AesSub, AesInvSub, AesMix, AesInvMix, Sha1h, Not, Rbit].map(Op::V1));
    for lane in LANES {
        let last = (128 / lane.bits() - 1) as u8;
        check([0, 1, last / 2, last].map(|i| Op::V1(Dup(lane, i))));
        check(LANES.into_iter().filter(|l| *l as u8 <= lane as u8).map(|l| Op::V1(Rev(lane, l))));
    }
}

#[test]
fn shifts_by_an_immediate() {
    use VOp1::*;
    for lane in LANES {
        let bits = lane.bits() as u8;
        for n in [0, 1, 3, bits / 2, bits - 1, bits] {
            check([Sshr(lane, n), Ushr(lane, n)].map(Op::V1));
            if n < bits {
                check([Shl(lane, n), Ror(lane, n)].map(Op::V1));
            }
            if n > 0 {
                check([Srshr(lane, n), Urshr(lane, n)].map(Op::V1));
            }
        }
    }
}

#[test]
fn two_operands() {
    use VOp2::*;
    check(by_lane(&[Add, Sub, Mul, Shadd, Uhadd, Srhadd, Urhadd, Shsub, Uhsub], Op::V2));
    check(by_lane(&[Smax, Umax, Smin, Umin, Sabd, Uabd, Cmeq, Cmtst, Cmgt, Cmge, Cmhi, Cmhs], Op::V2));
    check(by_lane(&[Sshl, Ushl, Srshl, Urshl], Op::V2));
    check(by_lane(&[Uzp1, Uzp2, Zip1, Zip2, Trn1, Trn2, Addp, Smaxp, Umaxp, Sminp, Uminp], Op::V2));
    check([And, Or, Xor, Bic, Orn, Pmul, Pmull(Lane::B), Pmull(Lane::D)].map(Op::V2));
    check([Sha1su1, Sha256su0, Sha512su0].map(Op::V2));
    check((0..16).map(|n| Op::V2(Ext(n))));
}

#[test]
fn three_operands() {
    use VOp3::*;
    check([0, 16, 32, 48].map(|base| Op::V3(Tbx(base))));
    check([Sdot, Udot, Usdot, Bfdot, Bsl, Sha1c, Sha1p, Sha1m, Sha1su0, Sha256h, Sha256h2, Sha256su1].map(Op::V3));
    check([Sha512h, Sha512h2, Sha512su1].map(Op::V3));
}

#[test]
fn saturating() {
    check(by_lane(&[SOp1::Sqabs, SOp1::Sqneg, SOp1::Sqxtn, SOp1::Uqxtn, SOp1::Sqxtun], Op::S1));
    use SOp2::*;
    check(by_lane(&[Sqadd, Uqadd, Sqsub, Uqsub, Suqadd, Usqadd], Op::S2));
    check(by_lane(&[Sqshl, Uqshl, Sqrshl, Uqrshl, Sqshlu], Op::S2));
    for lane in [Lane::H, Lane::S] {
        check([Sqdmulh(lane), Sqrdmulh(lane), Sqdmull(lane)].map(Op::S2));
        check([SOp3::Sqrdmlah(lane), SOp3::Sqrdmlsh(lane)].map(Op::S3));
    }
}
