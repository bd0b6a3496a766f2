//! Integer data processing: instructions as GNU as encodes them, results as Python computes them; bitfield
//! moves against the manual's pseudocode, all of them.

mod common;

use armagic_semantics::execute;
use common::Toy;

const X1: u64 = 0xfedc_ba98_7654_3210;
const X2: u64 = 0x8000_0000_f000_0041;
const X3: u64 = 0x0f1e_2d3c_4b5a_6978;
const SP: u64 = 0x0000_ffff_1234_5670;

/// NZCV before every instruction: only C is set.
const C: u32 = 0b0010;

fn before() -> Toy {
    let mut toy = Toy { nzcv: C, ..Toy::default() };
    toy.x[..4].copy_from_slice(&[0x1111_1111_1111_1111, X1, X2, X3]);
    toy.x[31] = SP;
    toy
}

fn run(toy: &mut Toy, word: u32, text: &str) {
    let insn = a64::decode(word).unwrap_or_else(|| panic!("{text}: {word:08x} has no row"));
    execute(toy, insn).unwrap_or_else(|leave| panic!("{text}: {leave:?}"));
}

#[track_caller]
fn check(word: u32, text: &str, x0: u64, nzcv: u32) {
    let mut toy = before();
    run(&mut toy, word, text);
    assert_eq!((toy.x[0], toy.nzcv), (x0, nzcv), "{text}: {:#x}, not {x0:#x}", toy.x[0]);
    assert_eq!(toy.x[1..4], [X1, X2, X3], "{text}");
}

#[rustfmt::skip]
#[test]
fn results() {
    check(0x8b020c20, "add x0, x1, x2, lsl #3", 0xfedcba9ff6543418, C);
    check(0x0b421020, "add w0, w1, w2, lsr #4", 0x85543214, C);
    check(0x0b821020, "add w0, w1, w2, asr #4", 0x75543214, C);
    check(0xcb82fc20, "sub x0, x1, x2, asr #63", 0xfedcba9876543211, C);
    check(0x4b027c20, "sub w0, w1, w2, lsl #31", 0xf6543210, C);
    check(0x0ac22020, "and w0, w1, w2, ror #8", 0x40500000, C);
    check(0x8ae20420, "bic x0, x1, x2, ror #1", 0x3edcba9806543210, C);
    check(0xaa42f020, "orr x0, x1, x2, lsr #60", 0xfedcba9876543218, C);
    check(0x2a220020, "orn w0, w1, w2", 0x7fffffbe, C);
    check(0xca020020, "eor x0, x1, x2", 0x7edcba9886543251, C);
    check(0x4a220420, "eon w0, w1, w2, lsl #1", 0x69abcd6d, C);
    check(0xaa0103e0, "mov x0, x1", 0xfedcba9876543210, C);
    check(0x2a2103e0, "mvn w0, w1", 0x89abcdef, C);
    check(0x12009c20, "and w0, w1, #0xff00ff", 0x540010, C);
    check(0xb2410420, "orr x0, x1, #0x8000000000000001", 0xfedcba9876543211, C);
    check(0x521f7820, "eor w0, w1, #0xfffffffe", 0x89abcdee, C);
    check(0x8b229020, "add x0, x1, w2, sxtb #4", 0xfedcba9876543620, C);
    check(0x8b22cc20, "add x0, x1, w2, sxtw #3", 0xfedcba97f6543418, C);
    check(0x0b222020, "add w0, w1, w2, uxth", 0x76543251, C);
    check(0xcb226be0, "sub x0, sp, x2, uxtx #2", 0xfffb5234556c, C);
    check(0xcb230420, "sub x0, x1, w3, uxtb #1", 0xfedcba9876543120, C);
    check(0x914007e0, "add x0, sp, #1, lsl #12", 0xffff12346670, C);
    check(0x513ffc20, "sub w0, w1, #0xfff", 0x76542211, C);
    check(0x12824680, "movn w0, #0x1234", 0xffffedcb, C);
    check(0x92e24680, "movn x0, #0x1234, lsl #48", 0xedcbffffffffffff, C);
    check(0xd2d7dde0, "movz x0, #0xbeef, lsl #32", 0xbeef00000000, C);
    check(0xf2b7dde0, "movk x0, #0xbeef, lsl #16", 0x11111111beef1111, C);
    check(0x7297dde0, "movk w0, #0xbeef", 0x1111beef, C);
    check(0x9a020020, "adc x0, x1, x2", 0x7edcba9966543252, C);
    check(0x1a020020, "adc w0, w1, w2", 0x66543252, C);
    check(0xda020020, "sbc x0, x1, x2", 0x7edcba97865431cf, C);
    check(0x5a020020, "sbc w0, w1, w2", 0x865431cf, C);
    check(0x9a822020, "csel x0, x1, x2, cs", 0xfedcba9876543210, C);
    check(0x1a823020, "csel w0, w1, w2, cc", 0xf0000041, C);
    check(0x1a820420, "csinc w0, w1, w2, eq", 0xf0000042, C);
    check(0xda820020, "csinv x0, x1, x2, eq", 0x7fffffff0fffffbe, C);
    check(0x5a820020, "csinv w0, w1, w2, eq", 0xfffffbe, C);
    check(0x5a824420, "csneg w0, w1, w2, mi", 0xfffffbf, C);
    check(0xda825420, "csneg x0, x1, x2, pl", 0xfedcba9876543210, C);
    check(0x1ac20820, "udiv w0, w1, w2", 0x0, C);
    check(0x9ac10840, "udiv x0, x2, x1", 0x0, C);
    check(0x9adf0820, "udiv x0, x1, xzr", 0x0, C);
    check(0x9ac20c20, "sdiv x0, x1, x2", 0x0, C);
    check(0x1ac20c20, "sdiv w0, w1, w2", 0xfffffff9, C);
    check(0x1adf0c20, "sdiv w0, w1, wzr", 0x0, C);
    check(0x1ac22020, "lsl w0, w1, w2", 0xeca86420, C);
    check(0x9ac32020, "lsl x0, x1, x3", 0x1000000000000000, C);
    check(0x9ac22420, "lsr x0, x1, x2", 0x7f6e5d4c3b2a1908, C);
    check(0x1ac22420, "lsr w0, w1, w2", 0x3b2a1908, C);
    check(0x9ac32820, "asr x0, x1, x3", 0xfffffffffffffffe, C);
    check(0x1ac32840, "asr w0, w2, w3", 0xfffffff0, C);
    check(0x1ac32c20, "ror w0, w1, w3", 0x54321076, C);
    check(0x9ac32c20, "ror x0, x1, x3", 0xdcba9876543210fe, C);
    check(0x5ac00020, "rbit w0, w1", 0x84c2a6e, C);
    check(0xdac00020, "rbit x0, x1", 0x84c2a6e195d3b7f, C);
    check(0x5ac00420, "rev16 w0, w1", 0x54761032, C);
    check(0xdac00420, "rev16 x0, x1", 0xdcfe98ba54761032, C);
    check(0x5ac00820, "rev w0, w1", 0x10325476, C);
    check(0xdac00820, "rev32 x0, x1", 0x98badcfe10325476, C);
    check(0xdac00c20, "rev x0, x1", 0x1032547698badcfe, C);
    check(0x5ac01060, "clz w0, w3", 0x1, C);
    check(0xdac01060, "clz x0, x3", 0x4, C);
    check(0x5ac01440, "cls w0, w2", 0x3, C);
    check(0xdac01420, "cls x0, x1", 0x6, C);
    check(0x9b020c20, "madd x0, x1, x2, x3", 0xb4187ce156bb1f88, C);
    check(0x1b020c20, "madd w0, w1, w2, w3", 0x56bb1f88, C);
    check(0x9b028c20, "msub x0, x1, x2, x3", 0x6a23dd973ff9b368, C);
    check(0x1b028c20, "msub w0, w1, w2, w3", 0x3ff9b368, C);
    check(0x9b220c20, "smaddl x0, w1, w2, x3", 0x7b8ea3956bb1f88, C);
    check(0x9b228c20, "smsubl x0, w1, w2, x3", 0x1683703f3ff9b368, C);
    check(0x9ba20c20, "umaddl x0, w1, w2, x3", 0x7e0d1c4956bb1f88, C);
    check(0x9ba28c20, "umsubl x0, w1, w2, x3", 0xa02f3e2f3ff9b368, C);
    check(0x9b427c20, "smulh x0, x1, x2", 0x91a2b3c3c4d5e6, C);
    check(0x9bc27c20, "umulh x0, x1, x2", 0x7f6e5d4d2a190837, C);
    check(0x10ffffc0, "adr x0, .-8", 0x4000122c, C);
    check(0xf0000000, "adrp x0, 3 pages on", 0x40004000, C);
}

#[rustfmt::skip]
#[test]
fn results_with_flags() {
    check(0xab020020, "adds x0, x1, x2", 0x7edcba9966543251, 0b0011);
    check(0x2b020820, "adds w0, w1, w2, lsl #2", 0x36543314, 0b0010);
    check(0xab22a3e0, "adds x0, sp, w2, sxth", 0xffff123456b1, 0b0000);
    check(0xb13ffc20, "adds x0, x1, #4095", 0xfedcba987654420f, 0b1000);
    check(0xeb020020, "subs x0, x1, x2", 0x7edcba97865431cf, 0b0010);
    check(0x6b820c20, "subs w0, w1, w2, asr #3", 0x78543208, 0b0000);
    check(0xeb225020, "subs x0, x1, w2, uxtw #4", 0xfedcba8976542e00, 0b1010);
    check(0x71400420, "subs w0, w1, #1, lsl #12", 0x76542210, 0b0010);
    check(0xeb010020, "subs x0, x1, x1", 0x0, 0b0110);
    check(0x6a020020, "ands w0, w1, w2", 0x70000000, 0b0000);
    check(0xea610440, "bics x0, x2, x1, lsr #1", 0x80000000c0000041, 0b1000);
    check(0xf2607c40, "ands x0, x2, #0xffffffff00000000", 0x8000000000000000, 0b1000);
    check(0x3a020020, "adcs w0, w1, w2", 0x66543252, 0b0010);
    check(0xfa020020, "sbcs x0, x1, x2", 0x7edcba97865431cf, 0b0010);
    check(0xfa422025, "ccmp x1, x2, #5, cs", 0x1111111111111111, 0b0010);
    check(0x7a423025, "ccmp w1, w2, #5, cc", 0x1111111111111111, 0b0101);
    check(0x3a5f1822, "ccmn w1, #31, #2, ne", 0x1111111111111111, 0b0000);
    check(0xba426029, "ccmn x1, x2, #9, vs", 0x1111111111111111, 0b1001);
}

/// `DecodeBitMasks` without its restriction to logical immediates: (wmask, tmask).
fn masks(bits: u32, immr: u32, imms: u32) -> (u64, u64) {
    let run = |ones: u32| (0..=ones).fold(0u64, |v, i| v | 1 << i);
    (rotate_right(run(imms), immr, bits), run(imms.wrapping_sub(immr) % bits))
}

fn rotate_right(v: u64, by: u32, bits: u32) -> u64 {
    if bits == 32 { (v as u32).rotate_right(by).into() } else { v.rotate_right(by) }
}

#[test]
fn bitfield_moves_are_the_manuals() {
    const TOP: u64 = 0x1111_1111_1111_1111;
    for (sf, bits) in [(0u32, 32u32), (1, 64)] {
        let all = u64::MAX >> (64 - bits);
        for (immr, imms, opc) in (0..bits).flat_map(|r| (0..bits).flat_map(move |s| (0..3).map(move |o| (r, s, o)))) {
            let (wmask, tmask) = masks(bits, immr, imms);
            let turned = rotate_right(X1, immr, bits);
            let sign = if X1 >> imms & 1 != 0 { all } else { 0 };
            let expected = match opc {
                0 => sign & !tmask | turned & wmask & tmask,
                1 => TOP & !tmask | (TOP & !wmask | turned & wmask) & tmask,
                _ => turned & wmask & tmask,
            };
            let word = sf << 31 | opc << 29 | 0x1300_0000 | sf << 22 | immr << 16 | imms << 10 | 1 << 5;
            check(word, &format!("opc {opc} sf {sf} immr {immr} imms {imms}"), expected & all, C);
        }
    }
}

#[test]
fn extr_takes_a_window_of_both_registers() {
    for (sf, bits) in [(0u32, 32u32), (1, 64)] {
        let all = u64::MAX >> (64 - bits);
        for lsb in 0..bits {
            let both = u128::from(X1 & all) << bits | u128::from(X2 & all);
            let word = sf << 31 | 0x1380_0000 | sf << 22 | 2 << 16 | lsb << 10 | 1 << 5;
            check(word, &format!("extr sf {sf} lsb {lsb}"), (both >> lsb) as u64 & all, C);
        }
    }
}
