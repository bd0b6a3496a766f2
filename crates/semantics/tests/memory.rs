//! Loads, stores and branches: where they go, how wide, and what they leave. Words from GNU as.

mod common;

use armagic_semantics::BranchKind::{self, Call, Direct, Indirect, Return};
use armagic_semantics::execute;
use common::Toy;
use hw::{Access, Order};

const X0: u64 = 0x5555;
const X1: u64 = 0x0000_ffff_8000_1000;
const X2: u64 = 0xffff_ffff_8000_0010;
const X3: u64 = 0x8877_6655_4433_2211;
const X30: u64 = 0x3000;
const SP: u64 = 0x0000_ffff_1234_5670;

fn run(word: u32, text: &str) -> Toy {
    let mut toy = Toy { nzcv: 0b0010, memory: 0x1122_3344_5566_7788_89ab_cdef_8bad_f00d, ..Toy::default() };
    toy.x[..4].copy_from_slice(&[X0, X1, X2, X3]);
    (toy.x[30], toy.x[31]) = (X30, SP);
    let insn = a64::decode(word).unwrap_or_else(|| panic!("{text}: {word:08x} has no row"));
    execute(&mut toy, insn).unwrap_or_else(|leave| panic!("{text}: {leave:?}"));
    toy
}

/// One access of `1 << size` bytes at `at` was made, and X1 is `x1` afterwards.
#[track_caller]
fn accessed(toy: &Toy, text: &str, at: u64, size: u8, x1: u64) {
    let (address, how) = toy.seen.expect(text);
    assert_eq!((address, how.size, toy.x[1]), (at, size, x1), "{text}: at {address:#x}, X1 {:#x}", toy.x[1]);
}

#[track_caller]
fn loads(word: u32, text: &str, at: u64, size: u8, x0: u64, x1: u64) {
    let toy = run(word, text);
    accessed(&toy, text, at, size, x1);
    assert_eq!(toy.x[0], x0, "{text}: {:#x}", toy.x[0]);
}

#[track_caller]
fn stores(word: u32, text: &str, at: u64, size: u8, memory: u128, x1: u64) {
    let toy = run(word, text);
    accessed(&toy, text, at, size, x1);
    assert_eq!(toy.memory, memory, "{text}: {:#x}", toy.memory);
}

#[track_caller]
fn branches(word: u32, text: &str, next: Option<u64>, kind: Option<BranchKind>, x30: u64) {
    let toy = run(word, text);
    assert_eq!((toy.next, toy.kind, toy.x[30]), (next, kind, x30), "{text}");
}

#[rustfmt::skip]
#[test]
fn every_kind_of_load() {
    loads(0xf9400420, "ldr x0, [x1, #8]", 0xffff80001008, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0xb97ffc20, "ldr w0, [x1, #0x3ffc]", 0xffff80004ffc, 2, 0x8badf00d, 0xffff80001000);
    loads(0x79400420, "ldrh w0, [x1, #2]", 0xffff80001002, 1, 0xf00d, 0xffff80001000);
    loads(0x397ffc20, "ldrb w0, [x1, #4095]", 0xffff80001fff, 0, 0xd, 0xffff80001000);
    loads(0x39c00020, "ldrsb w0, [x1]", 0xffff80001000, 0, 0xd, 0xffff80001000);
    loads(0x39800020, "ldrsb x0, [x1]", 0xffff80001000, 0, 0xd, 0xffff80001000);
    loads(0x79c00020, "ldrsh w0, [x1]", 0xffff80001000, 1, 0xfffff00d, 0xffff80001000);
    loads(0x79800020, "ldrsh x0, [x1]", 0xffff80001000, 1, 0xfffffffffffff00d, 0xffff80001000);
    loads(0xb9800020, "ldrsw x0, [x1]", 0xffff80001000, 2, 0xffffffff8badf00d, 0xffff80001000);
    loads(0xf8500020, "ldur x0, [x1, #-256]", 0xffff80000f00, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0xb89ff020, "ldursw x0, [x1, #-1]", 0xffff80000fff, 2, 0xffffffff8badf00d, 0xffff80001000);
    loads(0x384ff3e0, "ldurb w0, [sp, #255]", 0xffff1234576f, 0, 0xd, 0xffff80001000);
    loads(0xf85f0420, "ldr x0, [x1], #-16", 0xffff80001000, 3, 0x89abcdef8badf00d, 0xffff80000ff0);
    loads(0x38cff420, "ldrsb w0, [x1], #255", 0xffff80001000, 0, 0xd, 0xffff800010ff);
    loads(0xb85fcc20, "ldr w0, [x1, #-4]!", 0xffff80000ffc, 2, 0x8badf00d, 0xffff80000ffc);
    loads(0xb8804c20, "ldrsw x0, [x1, #4]!", 0xffff80001004, 2, 0xffffffff8badf00d, 0xffff80001004);
    loads(0xf8627820, "ldr x0, [x1, x2, lsl #3]", 0xfffb80001080, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0xf862c820, "ldr x0, [x1, w2, sxtw]", 0xffff00001010, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0x78625820, "ldrh w0, [x1, w2, uxtw #1]", 0x1000080001020, 1, 0xf00d, 0xffff80001000);
    loads(0x38a2e820, "ldrsb x0, [x1, x2, sxtx]", 0xffff00001010, 0, 0xd, 0xffff80001000);
    loads(0x58000800, "ldr x0, .+0x100", 0x40001334, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0x18ffffe0, "ldr w0, .-4", 0x40001230, 2, 0x8badf00d, 0xffff80001000);
    loads(0x98000040, "ldrsw x0, .+8", 0x4000123c, 2, 0xffffffff8badf00d, 0xffff80001000);
    loads(0xa9600c20, "ldp x0, x3, [x1, #-512]", 0xffff80000e00, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0x28c10c20, "ldp w0, w3, [x1], #8", 0xffff80001000, 2, 0x8badf00d, 0xffff80001008);
    loads(0xa9c10c20, "ldp x0, x3, [x1, #16]!", 0xffff80001010, 3, 0x89abcdef8badf00d, 0xffff80001010);
    loads(0x69408c20, "ldpsw x0, x3, [x1, #4]", 0xffff80001004, 2, 0xffffffff8badf00d, 0xffff80001000);
    loads(0xa8420fe0, "ldnp x0, x3, [sp, #32]", 0xffff12345690, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0xa940003e, "ldp x30, x0, [x1]", 0xffff80001000, 3, 0x1122334455667788, 0xffff80001000);
    loads(0x68ff003e, "ldpsw x30, x0, [x1], #-8", 0xffff80001000, 2, 0xffffffff89abcdef, 0xffff80000ff8);
    loads(0x88dffc20, "ldar w0, [x1]", 0xffff80001000, 2, 0x8badf00d, 0xffff80001000);
    loads(0xf8bfc020, "ldapr x0, [x1]", 0xffff80001000, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0xf8401820, "ldtr x0, [x1, #1]", 0xffff80001001, 3, 0x89abcdef8badf00d, 0xffff80001000);
    loads(0x78dff820, "ldtrsh w0, [x1, #-1]", 0xffff80000fff, 1, 0xfffff00d, 0xffff80001000);
    loads(0xf940003f, "ldr xzr, [x1]", 0xffff80001000, 3, 0x5555, 0xffff80001000);
    loads(0xf8408421, "ldr x1, [x1], #8", 0xffff80001000, 3, X0, 0xffff80001008); // the updated base wins
}

#[rustfmt::skip]
#[test]
fn every_kind_of_store() {
    stores(0xf9000423, "str x3, [x1, #8]", 0xffff80001008, 3, 0x8877665544332211, 0xffff80001000);
    stores(0xb900003f, "str wzr, [x1]", 0xffff80001000, 2, 0x0, 0xffff80001000);
    stores(0x38001423, "strb w3, [x1], #1", 0xffff80001000, 0, 0x11, 0xffff80001001);
    stores(0x781fec23, "strh w3, [x1, #-2]!", 0xffff80000ffe, 1, 0x2211, 0xffff80000ffe);
    stores(0xb81fd023, "stur w3, [x1, #-3]", 0xffff80000ffd, 2, 0x44332211, 0xffff80001000);
    stores(0xf8225823, "str x3, [x1, w2, uxtw #3]", 0x1000380001080, 3, 0x8877665544332211, 0xffff80001000);
    stores(0x38005823, "sttrb w3, [x1, #5]", 0xffff80001005, 0, 0x11, 0xffff80001000);
    stores(0xc89ffc23, "stlr x3, [x1]", 0xffff80001000, 3, 0x8877665544332211, 0xffff80001000);
    stores(0xa9bf0823, "stp x3, x2, [x1, #-16]!", 0xffff80000ff0, 3, 0xffffffff800000108877665544332211, 0xffff80000ff0);
    stores(0x28810823, "stp w3, w2, [x1], #8", 0xffff80001000, 2, 0x8000001044332211, 0xffff80001008);
    stores(0xa91f8fff, "stp xzr, x3, [sp, #504]", 0xffff12345868, 3, 0x88776655443322110000000000000000, 0xffff80001000);
    stores(0x283f8c22, "stnp w2, w3, [x1, #-4]", 0xffff80000ffc, 2, 0x4433221180000010, 0xffff80001000);
    stores(0xf8008421, "str x1, [x1], #8", 0xffff80001000, 3, 0xffff80001000, 0xffff80001008);
}

#[rustfmt::skip]
#[test]
fn every_kind_of_branch() {
    branches(0x17fffffe, "b .-8", Some(0x4000122c), Some(Direct), 0x3000);
    branches(0x94000040, "bl .+0x100", Some(0x40001334), Some(Call), 0x40001238);
    branches(0xd61f0040, "br x2", Some(0xffffffff80000010), Some(Indirect), 0x3000);
    branches(0xd63f03c0, "blr x30", Some(0x3000), Some(Call), 0x40001238);
    branches(0xd65f03c0, "ret", Some(0x3000), Some(Return), 0x3000);
    branches(0x54000082, "b.cs .+16", Some(0x40001244), None, 0x3000);
    branches(0x54000083, "b.cc .+16", None, None, 0x3000);
    branches(0xb4000040, "cbz x0, .+8", None, None, 0x3000);
    branches(0x34ffffe2, "cbz w2, .-4", None, None, 0x3000);
    branches(0x35000045, "cbnz w5, .+8", None, None, 0x3000);
    branches(0xb5000062, "cbnz x2, .+12", Some(0x40001240), None, 0x3000);
    branches(0xb6f00042, "tbz x2, #62, .+8", None, None, 0x3000);
    branches(0xb7f7ff02, "tbnz x2, #62, .-32", Some(0x40001214), None, 0x3000);
    branches(0x37200042, "tbnz w2, #4, .+8", Some(0x4000123c), None, 0x3000);
    branches(0x36040002, "tbz x2, #0, .-32768", Some(0x3fff9234), None, 0x3000);
}

#[test]
fn accesses_say_how_they_are_made() {
    let check = |word, text, how| assert_eq!(run(word, text).seen.map(|(_, how)| how), Some(how), "{text}");
    check(0xf940_0020, "ldr x0, [x1]", Access::plain(3));
    check(0xc8df_fc20, "ldar x0, [x1]", Access::ordered(3, Order::Acquire));
    check(0x38bf_c020, "ldaprb w0, [x1]", Access::ordered(0, Order::AcquirePc));
    check(0x489f_fc20, "stlrh w0, [x1]", Access::ordered(1, Order::Release));
    check(0xb840_0820, "ldtr w0, [x1]", Access::unprivileged(2));
    check(0xf800_0820, "sttr x0, [x1]", Access::unprivileged(3));
}
