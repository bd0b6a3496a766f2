//! SIMD&FP instructions whose operands and parts are easy to get wrong. Words from GNU as and LLVM.

mod common;

use armagic_semantics::execute;
use common::{QC, Toy};

/// Vd is V0, the others are V1, V2, V3 in the order of the text.
#[track_caller]
fn check(word: u32, text: &str, [v0, v1, v2, v3]: [u128; 4], result: u128, fpsr: u32) {
    let mut toy = Toy::default();
    toy.v[..4].copy_from_slice(&[v0, v1, v2, v3]);
    let insn = a64::decode(word).unwrap_or_else(|| panic!("{text}: {word:08x} has no row"));
    execute(&mut toy, insn).unwrap_or_else(|leave| panic!("{text}: {leave:?}"));
    assert_eq!(toy.v[0], result, "{text}: {:#034x}, not {result:#034x}", toy.v[0]);
    assert_eq!(toy.env.fpsr, fpsr, "{text}");
    assert_eq!(toy.v[1..4], [v1, v2, v3], "{text}");
}

#[test]
fn sqshlu_saturates_to_the_unsigned_maximum() {
    let halves = 0x0001_000f_7fff_8000_ffff_0010_0001_7fff;
    check(0x2f1c_6420, "sqshlu v0.4h, v1.4h, #12", [1, halves, 0, 0], 0x0000_ffff_1000_ffff, QC);
    check(0x6f1c_6420, "sqshlu v0.8h, v1.8h, #12", [1, halves, 0, 0], 0x1000_f000_ffff_0000_0000_ffff_1000_ffff, QC);
    check(0x7f1c_6420, "sqshlu h0, h1, #12", [1, halves, 0, 0], 0xffff, QC);
    check(0x7f1c_6420, "sqshlu h0, h1, #12", [1, 0x7fff_000f, 0, 0], 0xf000, 0);
    check(0x7f3f_6420, "sqshlu s0, s1, #31", [1, 2, 0, 0], 0xffff_ffff, QC);
    check(0x7f41_6420, "sqshlu d0, d1, #1", [1, u128::MAX >> 65, 0, 0], u128::MAX >> 64 << 1 & u128::MAX >> 64, 0);
    check(0x7f42_6420, "sqshlu d0, d1, #2", [1, u128::MAX >> 65, 0, 0], u128::MAX >> 64, QC);
}

#[rustfmt::skip]
#[test]
fn integers_of_a_width_in_floating_point() {
    const IOC: u32 = 1;
    const IXC: u32 = 1 << 4;
    let v1 = 0x4f00_0000_4eff_ffff_c020_0000_4020_0000; // 2^31, 2147483520, -2.5, 2.5
    check(0x1e28_4020, "frint32z s0, s1", [1, v1, 0, 0], 0x4000_0000, IXC);
    check(0x1e28_c020, "frint32x s0, s1", [1, v1, 0, 0], 0x4000_0000, IXC);
    check(0x1e69_c020, "frint64x d0, d1", [1, 0x4008_0000_0000_0000, 0, 0], 0x4008_0000_0000_0000, 0);
    check(0x1e69_4020, "frint64z d0, d1", [1, 0x43e0_0000_0000_0000, 0, 0], 0xc3e0_0000_0000_0000, IOC);
    check(0x4e21_e820, "frint32z v0.4s, v1.4s", [1, v1, 0, 0], 0xcf00_0000_4eff_ffff_c000_0000_4000_0000, IOC | IXC);
    check(0x2e21_e820, "frint32x v0.2s, v1.2s", [1, v1, 0, 0], 0xc000_0000_4000_0000, IXC);
    check(0x4e21_f820, "frint64z v0.4s, v1.4s", [1, v1, 0, 0], 0x4f00_0000_4eff_ffff_c000_0000_4000_0000, IXC);
    let v1 = 0x3ff8_0000_0000_0000_bff8_0000_0000_0000; // 1.5, -1.5
    check(0x6e61_f820, "frint64x v0.2d, v1.2d", [1, v1, 0, 0], 0x4000_0000_0000_0000_c000_0000_0000_0000, IXC);
}

/// FJCVTZS writes W0 and all of NZCV.
#[test]
fn fjcvtzs_sets_z_where_nothing_was_lost() {
    for (number, w0, nzcv) in [(-5.0, 0xffff_fffb, 0b0100), (4294967301.0, 5, 0), (-0.0, 0, 0), (0.0f64, 0, 0b0100)] {
        let mut toy = Toy { nzcv: 0b1011, ..Toy::default() };
        (toy.x[0], toy.v[1]) = (u64::MAX, number.to_bits().into());
        execute(&mut toy, a64::decode(0x1e7e_0020).expect("fjcvtzs w0, d1")).expect("nothing traps here");
        assert_eq!((toy.x[0], toy.nzcv), (w0, nzcv), "{number}");
    }
}
