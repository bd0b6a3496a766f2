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
