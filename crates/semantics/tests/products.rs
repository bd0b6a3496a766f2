//! Complex, matrix, mixed-width and BFloat16 products, vector and by element, against the manual's pseudocode
//! written lane by lane.

mod common;

use a64::*;
use armagic_semantics::execute;
use armagic_semantics::fp::{self, FpEnv};
use common::Toy;
use proptest::prelude::*;

/// FPCR.DN, FZ, FZ16, and rounding modes.
const FPCR: u32 = 1 << 25 | 1 << 24 | 1 << 19 | 3 << 22;

/// A register file with numbers in it that meet: near one, special, small, anything.
fn toy() -> impl Strategy<Value = Toy> {
    // The upper bytes of halves, BFloat16 numbers, singles and doubles.
    let near_one = prop::array::uniform8(any::<u16>()).prop_map(|lanes| lanes.map(|v| v & 0x83ff | 0x3c00));
    let bf_near_one = prop::array::uniform8(any::<u16>()).prop_map(|lanes| lanes.map(|v| v & 0x81ff | 0x3f00));
    let special =
        prop::sample::select(vec![0, 1, 0x8000, 0x0040, 0x7c00, 0xfc00, 0x7c01, 0x7e01, 0x7f80, 0xff80, 0x7f81]);
    let special = prop::array::uniform8(special);
    let vector = prop_oneof![3 => near_one, 3 => bf_near_one, 2 => special, 2 => prop::array::uniform8(any::<u16>())];
    let vector = vector.prop_map(|lanes: [u16; 8]| lanes.iter().fold(0, |v, lane| v << 16 | u128::from(*lane)));
    (prop::array::uniform32(vector), any::<u32>()).prop_map(|(v, fpcr)| Toy {
        v,
        env: FpEnv { fpcr: fpcr & FPCR, fpsr: 0 },
        ..Toy::default()
    })
}

/// Element `index` of `bits`.
fn lane(v: u128, bits: u32, index: u32) -> u64 {
    (v >> (bits * index)) as u64 & (u64::MAX >> (64 - bits))
}

/// Vd of `bits` lanes, as many as `q` gives.
fn vector(bits: u32, q: u32, f: impl FnMut(u32) -> u64) -> u128 {
    let lanes: Vec<u64> = (0..(64 << q) / bits).map(f).collect();
    lanes.iter().rev().fold(0, |v, n| v << bits | u128::from(*n))
}

/// Executes `insn`, which names its registers, and compares Vd and FPSR.
fn check(before: &Toy, insn: Insn, rd: u32, expected: impl FnOnce(&mut FpEnv) -> u128) -> Result<(), TestCaseError> {
    let mut toy = before.clone();
    prop_assert_eq!(decode(insn.word()), Some(insn));
    execute(&mut toy, insn).expect("nothing traps here");
    let mut env = before.env;
    let vd = expected(&mut env);
    prop_assert_eq!(toy.v[rd as usize], vd, "{:x?}: {:#x}, not {:#x}", insn, toy.v[rd as usize], vd);
    prop_assert_eq!(toy.env, env, "{:x?}", insn);
    Ok(())
}

/// FPAdd, FPNeg, FPMulAdd of `bits`.
fn add(env: &mut FpEnv, bits: u32, a: u64, b: u64) -> u64 {
    match bits {
        16 => fp::add::<fp::Half>(env, a, b),
        32 => fp::add::<fp::Single>(env, a, b),
        _ => fp::add::<fp::Double>(env, a, b),
    }
}

fn mul_add(env: &mut FpEnv, bits: u32, a: u64, b: u64, c: u64) -> u64 {
    match bits {
        16 => fp::mul_add::<fp::Half>(env, a, b, c),
        32 => fp::mul_add::<fp::Single>(env, a, b, c),
        _ => fp::mul_add::<fp::Double>(env, a, b, c),
    }
}

/// FCMLA: the pseudocode's element1 to element4, for the complex numbers (re, im) of Vn and Vm.
fn fcmla(env: &mut FpEnv, bits: u32, rot: u32, q: u32, d: u128, n: u128, m: impl Fn(u32) -> [u64; 2]) -> u128 {
    let neg = |a: u64| a ^ 1 << (bits - 1);
    vector(bits, q, |i| {
        let (e, [m_re, m_im]) = (i / 2, m(i / 2));
        let (n_re, n_im) = (lane(n, bits, 2 * e), lane(n, bits, 2 * e + 1));
        let [element1, element2, element3, element4] = match rot {
            0 => [m_re, n_re, m_im, n_re],
            1 => [neg(m_im), n_im, m_re, n_im],
            2 => [neg(m_re), n_re, neg(m_im), n_re],
            _ => [m_im, n_im, neg(m_re), n_im],
        };
        let (a, b) = if i % 2 == 0 { (element2, element1) } else { (element4, element3) };
        mul_add(env, bits, lane(d, bits, i), a, b)
    })
}

/// A half as a single, by its value: NaNs and FZ16 apart, Rust's arithmetic on powers of two is exact.
fn widened(env: &FpEnv, a: u64) -> u64 {
    let (sign, exp, frac) = ((a >> 15) << 31, a >> 10 & 0x1f, a & 0x3ff);
    let magnitude = match exp {
        0x1f => 0x7f80_0000 | frac << 13,
        0 if env.fpcr & 1 << 19 != 0 => 0,
        0 => (frac as f32 / (1 << 24) as f32).to_bits().into(),
        _ => ((1024 + frac) as f32 * 2f32.powi(exp as i32 - 25)).to_bits().into(),
    };
    sign | magnitude
}

/// FMLAL and its kin: `part` is 1 for the 2 forms.
fn fmlal(env: &mut FpEnv, subtract: bool, q: u32, part: u32, d: u128, n: u128, m: impl Fn(u32) -> u64) -> u128 {
    let from = part * (2 << q);
    vector(32, q, |i| {
        let n = lane(n, 16, from + i) ^ if subtract { 0x8000 } else { 0 };
        let (n, m) = (widened(env, n), widened(env, m(from + i)));
        mul_add(env, 32, lane(d, 32, i), n, m)
    })
}

/// Bytes as numbers.
fn byte(signed: bool, v: u128, index: u32) -> i64 {
    let byte = lane(v, 8, index) as u8;
    if signed { i64::from(byte.cast_signed()) } else { i64::from(byte) }
}

/// A word of `d` plus `count` products from byte `n_from` of Vn and byte `m_from` of Vm.
fn dot(d: u64, signs: [bool; 2], [n, m]: [u128; 2], [n_from, m_from]: [u32; 2], count: u32) -> u64 {
    let sum: i64 = (0..count).map(|k| byte(signs[0], n, n_from + k) * byte(signs[1], m, m_from + k)).sum();
    u64::from((d as i64 + sum) as u32)
}

fn registers() -> impl Strategy<Value = [u32; 3]> {
    [0..32u32, 0..32, 0..32]
}

proptest! {
    #[test]
    fn complex_vectors(toy in toy(), [rd, rn, rm] in registers(), size in 1..4u32, q in 0..2u32, rot in 0..4u32) {
        let (q, bits) = (if size == 3 { 1 } else { q }, 8 << size);
        let [d, n, m] = [rd, rn, rm].map(|r| toy.v[r as usize]);
        check(&toy, Insn::FcmlaVec(FcmlaVec { q, size, rm, rot, rn, rd }), rd, |env| {
            fcmla(env, bits, rot, q, d, n, |e| [lane(m, bits, 2 * e), lane(m, bits, 2 * e + 1)])
        })?;
        check(&toy, Insn::FcaddVec(FcaddVec { q, size, rm, rot: rot & 1, rn, rd }), rd, |env| {
            vector(bits, q, |i| {
                let negative = (i % 2 == 0) == (rot & 1 == 0);
                let other = lane(m, bits, i ^ 1) ^ if negative { 1 << (bits - 1) } else { 0 };
                add(env, bits, lane(n, bits, i), other)
            })
        })?;
    }

    #[test]
    fn complex_elements(toy in toy(), [rd, rn, rm] in registers(), size in 1..3u32, q in 0..2u32, rot in 0..4u32, at in 0..4u32) {
        let q = if size == 2 { 1 } else { q };
        let index = if size == 2 { at & 1 } else { at & (1 << q | 1) };
        let (h, l) = if size == 2 { (index, 0) } else { (index >> 1, index & 1) };
        let (bits, m) = (8 << size, toy.v[rm as usize]);
        check(&toy, Insn::FcmlaElem(FcmlaElem { q, size, l, rm, rot, h, rn, rd }), rd, |env| {
            let element = [lane(m, bits, 2 * index), lane(m, bits, 2 * index + 1)];
            fcmla(env, bits, rot, q, toy.v[rd as usize], toy.v[rn as usize], |_| element)
        })?;
    }

    #[test]
    fn halves_into_singles(toy in toy(), [rd, rn, rm] in registers(), q in 0..2u32, at in 0..8u32) {
        let [d, n, m] = [rd, rn, rm].map(|r| toy.v[r as usize]);
        let rows = [
            (Insn::FmlalVec(FmlalVec { q, rm, rn, rd }), false, 0),
            (Insn::FmlslVec(FmlslVec { q, rm, rn, rd }), true, 0),
            (Insn::Fmlal2Vec(Fmlal2Vec { q, rm, rn, rd }), false, 1),
            (Insn::Fmlsl2Vec(Fmlsl2Vec { q, rm, rn, rd }), true, 1),
        ];
        for (insn, subtract, part) in rows {
            check(&toy, insn, rd, |env| fmlal(env, subtract, q, part, d, n, |i| lane(m, 16, i)))?;
        }
        let (h, l, low, rm) = (at >> 2, at >> 1 & 1, at & 1, rm & 15);
        let element = lane(toy.v[rm as usize], 16, at);
        let rows = [
            (Insn::FmlalElem(FmlalElem { q, l, m: low, rm, h, rn, rd }), false, 0),
            (Insn::FmlslElem(FmlslElem { q, l, m: low, rm, h, rn, rd }), true, 0),
            (Insn::Fmlal2Elem(Fmlal2Elem { q, l, m: low, rm, h, rn, rd }), false, 1),
            (Insn::Fmlsl2Elem(Fmlsl2Elem { q, l, m: low, rm, h, rn, rd }), true, 1),
        ];
        for (insn, subtract, part) in rows {
            check(&toy, insn, rd, |env| fmlal(env, subtract, q, part, d, n, |_| element))?;
        }
    }

    #[test]
    fn bytes_into_words(toy in toy(), [rd, rn, rm] in registers(), q in 0..2u32, at in 0..4u32) {
        let [d, n, m] = [rd, rn, rm].map(|r| toy.v[r as usize]);
        let (h, l) = (at >> 1, at & 1);
        let rows = [
            (Insn::UsdotVec(UsdotVec { q, rm, rn, rd }), [false, true], None),
            (Insn::UsdotElem(UsdotElem { q, l, rm, h, rn, rd }), [false, true], Some(4 * at)),
            (Insn::SudotElem(SudotElem { q, l, rm, h, rn, rd }), [true, false], Some(4 * at)),
        ];
        for (insn, signs, element) in rows {
            let word = |i| dot(lane(d, 32, i), signs, [n, m], [4 * i, element.unwrap_or(4 * i)], 4);
            check(&toy, insn, rd, |_| vector(32, q, word))?;
        }
        let rows = [
            (Insn::Smmla(Smmla { rm, rn, rd }), [true, true]),
            (Insn::Ummla(Ummla { rm, rn, rd }), [false, false]),
            (Insn::Usmmla(Usmmla { rm, rn, rd }), [false, true]),
        ];
        for (insn, signs) in rows {
            let word = |i| dot(lane(d, 32, i), signs, [n, m], [8 * (i / 2), 8 * (i % 2)], 8);
            check(&toy, insn, rd, |_| vector(32, 1, word))?;
        }
    }

    #[test]
    fn brains_into_singles(toy in toy(), [rd, rn, rm] in registers(), q in 0..2u32, at in 0..8u32) {
        let [d, n, m] = [rd, rn, rm].map(|r| toy.v[r as usize]);
        let pair = |v, i| lane(v, 32, i) as u32;
        let dot = |i, n: u32, m: u32| u64::from(fp::bf_dot_add(pair(d, i), n, m));
        check(&toy, Insn::BfdotVec(BfdotVec { q, rm, rn, rd }), rd, |_| {
            vector(32, q, |i| dot(i, pair(n, i), pair(m, i)))
        })?;
        let insn = Insn::BfdotElem(BfdotElem { q, l: at & 1, rm, h: at >> 1 & 1, rn, rd });
        check(&toy, insn, rd, |_| vector(32, q, |i| dot(i, pair(n, i), pair(m, at & 3))))?;
        check(&toy, Insn::Bfmmla(Bfmmla { rm, rn, rd }), rd, |_| {
            vector(32, 1, |i| {
                let (row, column) = (i / 2 * 2, i % 2 * 2);
                let half = dot(i, pair(n, row), pair(m, column)) as u32;
                fp::bf_dot_add(half, pair(n, row + 1), pair(m, column + 1)).into()
            })
        })?;
        let single = |v, i| lane(v, 16, i) << 16;
        check(&toy, Insn::BfmlalVec(BfmlalVec { q, rm, rn, rd }), rd, |env| {
            vector(32, 1, |i| mul_add(env, 32, lane(d, 32, i), single(n, 2 * i + q), single(m, 2 * i + q)))
        })?;
        let (rm, h, l, low) = (rm & 15, at >> 2, at >> 1 & 1, at & 1);
        let element = single(toy.v[rm as usize], at);
        check(&toy, Insn::BfmlalElem(BfmlalElem { q, l, m: low, rm, h, rn, rd }), rd, |env| {
            vector(32, 1, |i| mul_add(env, 32, lane(d, 32, i), single(n, 2 * i + q), element))
        })?;
    }

    #[test]
    fn brains_from_singles(toy in toy(), [rd, rn, _] in registers(), q in 0..2u32) {
        let (d, n) = (toy.v[rd as usize], toy.v[rn as usize]);
        let convert = |env: &mut FpEnv, i| {
            let rounding = env.rounding();
            fp::convert::<fp::Single, fp::Brain>(env, lane(n, 32, i), rounding)
        };
        check(&toy, Insn::Bfcvt(Bfcvt { rn, rd }), rd, |env| convert(env, 0).into())?;
        check(&toy, Insn::Bfcvtn(Bfcvtn { q, rn, rd }), rd, |env| {
            let low = vector(16, 0, |i| convert(env, i));
            if q == 0 { low } else { d & u128::from(u64::MAX) | low << 64 }
        })?;
    }
}
