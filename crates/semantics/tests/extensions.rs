//! Integer instructions that came after Armv8.2: words as GNU as encodes them, results as Python computes them, and
//! what pointer authentication and memory copies ask of the engine.

mod common;

use armagic_semantics::BranchKind::{self, Call, Direct, Indirect, Return};
use armagic_semantics::{MopsStage, PacKey, Pauth, execute};
use common::{PC, Toy};
use hw::{Access, Order};

const X1: u64 = 0xfedc_ba98_7654_3210;
const X2: u64 = 0x8000_0000_f000_0041;
const X3: u64 = 0x0f1e_2d3c_4b5a_6978;
const SP: u64 = 0x0000_ffff_1234_5670;
/// X0, and every other register plus its number.
const T: u64 = 0x1111_1111_1111_1111;

/// NZCV before every instruction: only C is set.
const C: u32 = 0b0010;

#[track_caller]
fn run(word: u32, text: &str) -> Toy {
    let mut toy = Toy { nzcv: C, memory: 0x1122_3344_5566_7788_89ab_cdef_8bad_f00d, ..Toy::default() };
    toy.x = std::array::from_fn(|r| T + r as u64);
    toy.x[..4].copy_from_slice(&[T, X1, X2, X3]);
    toy.x[31] = SP;
    let insn = a64::decode(word).unwrap_or_else(|| panic!("{text}: {word:08x} has no row"));
    execute(&mut toy, insn).unwrap_or_else(|leave| panic!("{text}: {leave:?}"));
    toy
}

#[track_caller]
fn check(word: u32, text: &str, x0: u64, nzcv: u32) {
    let toy = run(word, text);
    assert_eq!((toy.x[0], toy.nzcv), (x0, nzcv), "{text}: {:#x}, not {x0:#x}", toy.x[0]);
    assert_eq!(toy.x[1..4], [X1, X2, X3], "{text}");
}

#[rustfmt::skip]
#[test]
fn results() {
    check(0x1ac26020, "smax w0, w1, w2", 0x76543210, 0b0010);
    check(0x1ac16040, "smax w0, w2, w1", 0x76543210, 0b0010);
    check(0x1ac26060, "smax w0, w3, w2", 0x4b5a6978, 0b0010);
    check(0x1ac36060, "smax w0, w3, w3", 0x4b5a6978, 0b0010);
    check(0x11c20020, "smax w0, w1, #-128", 0x76543210, 0b0010);
    check(0x11c3fc20, "smax w0, w1, #-1", 0x76543210, 0b0010);
    check(0x11c00020, "smax w0, w1, #0", 0x76543210, 0b0010);
    check(0x11c1fc20, "smax w0, w1, #127", 0x76543210, 0b0010);
    check(0x11c20040, "smax w0, w2, #-128", 0xffffff80, 0b0010);
    check(0x11c3fc40, "smax w0, w2, #-1", 0xffffffff, 0b0010);
    check(0x11c00040, "smax w0, w2, #0", 0x0, 0b0010);
    check(0x11c1fc40, "smax w0, w2, #127", 0x7f, 0b0010);
    check(0x11c20060, "smax w0, w3, #-128", 0x4b5a6978, 0b0010);
    check(0x11c3fc60, "smax w0, w3, #-1", 0x4b5a6978, 0b0010);
    check(0x11c00060, "smax w0, w3, #0", 0x4b5a6978, 0b0010);
    check(0x11c1fc60, "smax w0, w3, #127", 0x4b5a6978, 0b0010);
    check(0x9ac26020, "smax x0, x1, x2", 0xfedcba9876543210, 0b0010);
    check(0x9ac16040, "smax x0, x2, x1", 0xfedcba9876543210, 0b0010);
    check(0x9ac26060, "smax x0, x3, x2", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x9ac36060, "smax x0, x3, x3", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c20020, "smax x0, x1, #-128", 0xffffffffffffff80, 0b0010);
    check(0x91c3fc20, "smax x0, x1, #-1", 0xffffffffffffffff, 0b0010);
    check(0x91c00020, "smax x0, x1, #0", 0x0, 0b0010);
    check(0x91c1fc20, "smax x0, x1, #127", 0x7f, 0b0010);
    check(0x91c20040, "smax x0, x2, #-128", 0xffffffffffffff80, 0b0010);
    check(0x91c3fc40, "smax x0, x2, #-1", 0xffffffffffffffff, 0b0010);
    check(0x91c00040, "smax x0, x2, #0", 0x0, 0b0010);
    check(0x91c1fc40, "smax x0, x2, #127", 0x7f, 0b0010);
    check(0x91c20060, "smax x0, x3, #-128", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c3fc60, "smax x0, x3, #-1", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c00060, "smax x0, x3, #0", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c1fc60, "smax x0, x3, #127", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x1ac26820, "smin w0, w1, w2", 0xf0000041, 0b0010);
    check(0x1ac16840, "smin w0, w2, w1", 0xf0000041, 0b0010);
    check(0x1ac26860, "smin w0, w3, w2", 0xf0000041, 0b0010);
    check(0x1ac36860, "smin w0, w3, w3", 0x4b5a6978, 0b0010);
    check(0x11ca0020, "smin w0, w1, #-128", 0xffffff80, 0b0010);
    check(0x11cbfc20, "smin w0, w1, #-1", 0xffffffff, 0b0010);
    check(0x11c80020, "smin w0, w1, #0", 0x0, 0b0010);
    check(0x11c9fc20, "smin w0, w1, #127", 0x7f, 0b0010);
    check(0x11ca0040, "smin w0, w2, #-128", 0xf0000041, 0b0010);
    check(0x11cbfc40, "smin w0, w2, #-1", 0xf0000041, 0b0010);
    check(0x11c80040, "smin w0, w2, #0", 0xf0000041, 0b0010);
    check(0x11c9fc40, "smin w0, w2, #127", 0xf0000041, 0b0010);
    check(0x11ca0060, "smin w0, w3, #-128", 0xffffff80, 0b0010);
    check(0x11cbfc60, "smin w0, w3, #-1", 0xffffffff, 0b0010);
    check(0x11c80060, "smin w0, w3, #0", 0x0, 0b0010);
    check(0x11c9fc60, "smin w0, w3, #127", 0x7f, 0b0010);
    check(0x9ac26820, "smin x0, x1, x2", 0x80000000f0000041, 0b0010);
    check(0x9ac16840, "smin x0, x2, x1", 0x80000000f0000041, 0b0010);
    check(0x9ac26860, "smin x0, x3, x2", 0x80000000f0000041, 0b0010);
    check(0x9ac36860, "smin x0, x3, x3", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91ca0020, "smin x0, x1, #-128", 0xfedcba9876543210, 0b0010);
    check(0x91cbfc20, "smin x0, x1, #-1", 0xfedcba9876543210, 0b0010);
    check(0x91c80020, "smin x0, x1, #0", 0xfedcba9876543210, 0b0010);
    check(0x91c9fc20, "smin x0, x1, #127", 0xfedcba9876543210, 0b0010);
    check(0x91ca0040, "smin x0, x2, #-128", 0x80000000f0000041, 0b0010);
    check(0x91cbfc40, "smin x0, x2, #-1", 0x80000000f0000041, 0b0010);
    check(0x91c80040, "smin x0, x2, #0", 0x80000000f0000041, 0b0010);
    check(0x91c9fc40, "smin x0, x2, #127", 0x80000000f0000041, 0b0010);
    check(0x91ca0060, "smin x0, x3, #-128", 0xffffffffffffff80, 0b0010);
    check(0x91cbfc60, "smin x0, x3, #-1", 0xffffffffffffffff, 0b0010);
    check(0x91c80060, "smin x0, x3, #0", 0x0, 0b0010);
    check(0x91c9fc60, "smin x0, x3, #127", 0x7f, 0b0010);
    check(0x1ac26420, "umax w0, w1, w2", 0xf0000041, 0b0010);
    check(0x1ac16440, "umax w0, w2, w1", 0xf0000041, 0b0010);
    check(0x1ac26460, "umax w0, w3, w2", 0xf0000041, 0b0010);
    check(0x1ac36460, "umax w0, w3, w3", 0x4b5a6978, 0b0010);
    check(0x11c40020, "umax w0, w1, #0", 0x76543210, 0b0010);
    check(0x11c40420, "umax w0, w1, #1", 0x76543210, 0b0010);
    check(0x11c7fc20, "umax w0, w1, #255", 0x76543210, 0b0010);
    check(0x11c40040, "umax w0, w2, #0", 0xf0000041, 0b0010);
    check(0x11c40440, "umax w0, w2, #1", 0xf0000041, 0b0010);
    check(0x11c7fc40, "umax w0, w2, #255", 0xf0000041, 0b0010);
    check(0x11c40060, "umax w0, w3, #0", 0x4b5a6978, 0b0010);
    check(0x11c40460, "umax w0, w3, #1", 0x4b5a6978, 0b0010);
    check(0x11c7fc60, "umax w0, w3, #255", 0x4b5a6978, 0b0010);
    check(0x9ac26420, "umax x0, x1, x2", 0xfedcba9876543210, 0b0010);
    check(0x9ac16440, "umax x0, x2, x1", 0xfedcba9876543210, 0b0010);
    check(0x9ac26460, "umax x0, x3, x2", 0x80000000f0000041, 0b0010);
    check(0x9ac36460, "umax x0, x3, x3", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c40020, "umax x0, x1, #0", 0xfedcba9876543210, 0b0010);
    check(0x91c40420, "umax x0, x1, #1", 0xfedcba9876543210, 0b0010);
    check(0x91c7fc20, "umax x0, x1, #255", 0xfedcba9876543210, 0b0010);
    check(0x91c40040, "umax x0, x2, #0", 0x80000000f0000041, 0b0010);
    check(0x91c40440, "umax x0, x2, #1", 0x80000000f0000041, 0b0010);
    check(0x91c7fc40, "umax x0, x2, #255", 0x80000000f0000041, 0b0010);
    check(0x91c40060, "umax x0, x3, #0", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c40460, "umax x0, x3, #1", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91c7fc60, "umax x0, x3, #255", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x1ac26c20, "umin w0, w1, w2", 0x76543210, 0b0010);
    check(0x1ac16c40, "umin w0, w2, w1", 0x76543210, 0b0010);
    check(0x1ac26c60, "umin w0, w3, w2", 0x4b5a6978, 0b0010);
    check(0x1ac36c60, "umin w0, w3, w3", 0x4b5a6978, 0b0010);
    check(0x11cc0020, "umin w0, w1, #0", 0x0, 0b0010);
    check(0x11cc0420, "umin w0, w1, #1", 0x1, 0b0010);
    check(0x11cffc20, "umin w0, w1, #255", 0xff, 0b0010);
    check(0x11cc0040, "umin w0, w2, #0", 0x0, 0b0010);
    check(0x11cc0440, "umin w0, w2, #1", 0x1, 0b0010);
    check(0x11cffc40, "umin w0, w2, #255", 0xff, 0b0010);
    check(0x11cc0060, "umin w0, w3, #0", 0x0, 0b0010);
    check(0x11cc0460, "umin w0, w3, #1", 0x1, 0b0010);
    check(0x11cffc60, "umin w0, w3, #255", 0xff, 0b0010);
    check(0x9ac26c20, "umin x0, x1, x2", 0x80000000f0000041, 0b0010);
    check(0x9ac16c40, "umin x0, x2, x1", 0x80000000f0000041, 0b0010);
    check(0x9ac26c60, "umin x0, x3, x2", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x9ac36c60, "umin x0, x3, x3", 0xf1e2d3c4b5a6978, 0b0010);
    check(0x91cc0020, "umin x0, x1, #0", 0x0, 0b0010);
    check(0x91cc0420, "umin x0, x1, #1", 0x1, 0b0010);
    check(0x91cffc20, "umin x0, x1, #255", 0xff, 0b0010);
    check(0x91cc0040, "umin x0, x2, #0", 0x0, 0b0010);
    check(0x91cc0440, "umin x0, x2, #1", 0x1, 0b0010);
    check(0x91cffc40, "umin x0, x2, #255", 0xff, 0b0010);
    check(0x91cc0060, "umin x0, x3, #0", 0x0, 0b0010);
    check(0x91cc0460, "umin x0, x3, #1", 0x1, 0b0010);
    check(0x91cffc60, "umin x0, x3, #255", 0xff, 0b0010);
    check(0x5ac01c20, "cnt w0, w1", 0xc, 0b0010);
    check(0x5ac01820, "ctz w0, w1", 0x4, 0b0010);
    check(0x5ac02020, "abs w0, w1", 0x76543210, 0b0010);
    check(0x5ac01c40, "cnt w0, w2", 0x6, 0b0010);
    check(0x5ac01840, "ctz w0, w2", 0x0, 0b0010);
    check(0x5ac02040, "abs w0, w2", 0xfffffbf, 0b0010);
    check(0x5ac01c60, "cnt w0, w3", 0x10, 0b0010);
    check(0x5ac01860, "ctz w0, w3", 0x3, 0b0010);
    check(0x5ac02060, "abs w0, w3", 0x4b5a6978, 0b0010);
    check(0x5ac01fe0, "cnt w0, wzr", 0x0, 0b0010);
    check(0x5ac01be0, "ctz w0, wzr", 0x20, 0b0010);
    check(0x5ac023e0, "abs w0, wzr", 0x0, 0b0010);
    check(0xdac01c20, "cnt x0, x1", 0x20, 0b0010);
    check(0xdac01820, "ctz x0, x1", 0x4, 0b0010);
    check(0xdac02020, "abs x0, x1", 0x123456789abcdf0, 0b0010);
    check(0xdac01c40, "cnt x0, x2", 0x7, 0b0010);
    check(0xdac01840, "ctz x0, x2", 0x0, 0b0010);
    check(0xdac02040, "abs x0, x2", 0x7fffffff0fffffbf, 0b0010);
    check(0xdac01c60, "cnt x0, x3", 0x20, 0b0010);
    check(0xdac01860, "ctz x0, x3", 0x3, 0b0010);
    check(0xdac02060, "abs x0, x3", 0xf1e2d3c4b5a6978, 0b0010);
    check(0xdac01fe0, "cnt x0, xzr", 0x0, 0b0010);
    check(0xdac01be0, "ctz x0, xzr", 0x40, 0b0010);
    check(0xdac023e0, "abs x0, xzr", 0x0, 0b0010);
    check(0xba00042f, "rmif x1, #0, #15", 0x1111111111111111, 0b0000);
    check(0xba01842f, "rmif x1, #3, #15", 0x1111111111111111, 0b0010);
    check(0xba1f842f, "rmif x1, #63, #15", 0x1111111111111111, 0b0001);
    check(0xba1e0449, "rmif x2, #60, #9", 0x1111111111111111, 0b1010);
    check(0xba028466, "rmif x3, #5, #6", 0x1111111111111111, 0b0010);
    check(0xba108460, "rmif x3, #33, #0", 0x1111111111111111, 0b0010);
    check(0xba020428, "rmif x1, #4, #8", 0x1111111111111111, 0b0010);
    check(0x3a00082d, "setf8 w1", 0x1111111111111111, 0b0010);
    check(0x3a00482d, "setf16 w1", 0x1111111111111111, 0b0010);
    check(0x3a00084d, "setf8 w2", 0x1111111111111111, 0b0010);
    check(0x3a00484d, "setf16 w2", 0x1111111111111111, 0b0010);
    check(0x3a00086d, "setf8 w3", 0x1111111111111111, 0b0011);
    check(0x3a00486d, "setf16 w3", 0x1111111111111111, 0b0010);
    check(0x3a000bed, "setf8 wzr", 0x1111111111111111, 0b0110);
    check(0x3a004bed, "setf16 wzr", 0x1111111111111111, 0b0110);
    check(0xd500401f, "cfinv", 0x1111111111111111, 0b0000);
    check(0xd500405f, "axflag", 0x1111111111111111, 0b0010);
    check(0xd500403f, "xaflag", 0x1111111111111111, 0b0010);
}

#[test]
fn the_least_number_is_its_own_absolute_value() {
    let mut toy = Toy::default();
    for (word, sf, least) in [(0x5ac0_2020, 0, 0x8000_0000), (0xdac0_2020, 1, 1 << 63)] {
        toy.x[1] = least;
        execute(&mut toy, a64::decode(word).unwrap()).unwrap();
        assert_eq!(toy.x[0], least, "sf {sf}");
    }
}

/// `register` becomes what the engine made of it, with this operation and modifier.
#[track_caller]
fn authenticates(word: u32, text: &str, register: usize, op: Pauth, modifier: u64) {
    let toy = run(word, text);
    let before = if register < 4 { [T, X1, X2, X3][register] } else { T + register as u64 };
    assert_eq!(toy.authentication, Some((op, modifier)), "{text}");
    assert_eq!(toy.x[register], !before, "{text}");
}

#[test]
fn pointer_authentication() {
    use PacKey::*;
    use Pauth::*;
    let x16 = T + 16;
    authenticates(0xdac1_0020, "pacia x0, x1", 0, Sign(Ia), X1);
    authenticates(0xdac1_07e0, "pacib x0, sp", 0, Sign(Ib), SP);
    authenticates(0xdac1_27e0, "pacizb x0", 0, Sign(Ib), 0);
    authenticates(0xdac1_0820, "pacda x0, x1", 0, Sign(Da), X1);
    authenticates(0xdac1_2fe0, "pacdzb x0", 0, Sign(Db), 0);
    authenticates(0xdac1_1020, "autia x0, x1", 0, Authenticate(Ia), X1);
    authenticates(0xdac1_37e0, "autizb x0", 0, Authenticate(Ib), 0);
    authenticates(0xdac1_1fe0, "autdb x0, sp", 0, Authenticate(Db), SP);
    authenticates(0xdac1_3be0, "autdza x0", 0, Authenticate(Da), 0);
    authenticates(0xdac1_43e0, "xpaci x0", 0, StripCode, 0);
    authenticates(0xdac1_47e0, "xpacd x0", 0, StripData, 0);
    authenticates(0xd503_20ff, "xpaclri", 30, StripCode, 0);
    authenticates(0xd503_211f, "pacia1716", 17, Sign(Ia), x16);
    authenticates(0xd503_215f, "pacib1716", 17, Sign(Ib), x16);
    authenticates(0xd503_219f, "autia1716", 17, Authenticate(Ia), x16);
    authenticates(0xd503_21df, "autib1716", 17, Authenticate(Ib), x16);
    authenticates(0xd503_231f, "paciaz", 30, Sign(Ia), 0);
    authenticates(0xd503_233f, "paciasp", 30, Sign(Ia), SP);
    authenticates(0xd503_235f, "pacibz", 30, Sign(Ib), 0);
    authenticates(0xd503_237f, "pacibsp", 30, Sign(Ib), SP);
    authenticates(0xd503_239f, "autiaz", 30, Authenticate(Ia), 0);
    authenticates(0xd503_23bf, "autiasp", 30, Authenticate(Ia), SP);
    authenticates(0xd503_23df, "autibz", 30, Authenticate(Ib), 0);
    authenticates(0xd503_23ff, "autibsp", 30, Authenticate(Ib), SP);
    let toy = run(0x9adf_3020, "pacga x0, x1, sp");
    assert_eq!((toy.authentication, toy.x[0]), (Some((Generic, SP)), !X1));
}

#[track_caller]
fn branches(word: u32, text: &str, next: Option<u64>, kind: Option<BranchKind>, modifier: Option<u64>, x30: u64) {
    let toy = run(word, text);
    assert_eq!((toy.next, toy.kind, toy.x[30]), (next, kind, x30), "{text}");
    assert_eq!(toy.authentication.map(|(_, m)| m), modifier, "{text}");
    assert!(toy.authentication.is_none_or(|(op, _)| matches!(op, Pauth::Authenticate(PacKey::Ia | PacKey::Ib))));
}

#[test]
fn branches_authenticate_their_target() {
    let x30 = T + 30;
    branches(0xd71f_0822, "braa x1, x2", Some(!X1), Some(Indirect), Some(X2), x30);
    branches(0xd61f_0c3f, "brabz x1", Some(!X1), Some(Indirect), Some(0), x30);
    branches(0xd73f_083f, "blraa x1, sp", Some(!X1), Some(Call), Some(SP), PC + 4);
    branches(0xd63f_0fdf, "blrabz x30", Some(!x30), Some(Call), Some(0), PC + 4);
    branches(0xd65f_0bff, "retaa", Some(!x30), Some(Return), Some(SP), x30);
    branches(0xd65f_0fff, "retab", Some(!x30), Some(Return), Some(SP), x30);
    branches(0x5400_0090, "bc.eq .+16", None, None, None, x30);
    branches(0x54ff_ffd2, "bc.cs .-8", Some(PC - 8), None, None, x30);
    branches(0x1400_0002, "b .+8", Some(PC + 8), Some(Direct), None, x30);
}

/// Where the access went and how, what came to X0, and what became of X1.
#[track_caller]
fn accesses(word: u32, text: &str, at: u64, how: Access, x0: u64, x1: u64) {
    let toy = run(word, text);
    assert_eq!(toy.seen, Some((at, how)), "{text}: {:x?}", toy.seen);
    assert_eq!((toy.x[0], toy.x[1]), (x0, x1), "{text}: {:#x} {:#x}", toy.x[0], toy.x[1]);
}

#[test]
fn loads_and_stores() {
    let (pc, release) = (|size| Access::ordered(size, Order::AcquirePc), |size| Access::ordered(size, Order::Release));
    let double = 0x89ab_cdef_8bad_f00d;
    accesses(0xf820_1420, "ldraa x0, [x1, #8]", (!X1).wrapping_add(8), Access::plain(3), double, X1);
    let back = (!X1).wrapping_sub(4096);
    accesses(0xf8e0_0c20, "ldrab x0, [x1, #-4096]!", back, Access::plain(3), double, back);
    accesses(0xf83f_ffe0, "ldraa x0, [sp, #4088]!", (!SP).wrapping_add(4088), Access::plain(3), double, X1);
    accesses(0xf820_0c3f, "ldraa xzr, [x1]!", !X1, Access::plain(3), T, !X1);
    accesses(0x9950_0020, "ldapur w0, [x1, #-256]", X1 - 256, pc(2), 0x8bad_f00d, X1);
    accesses(0x1980_0020, "ldapursb x0, [x1]", X1, pc(0), 0xd, X1);
    accesses(0x59c0_2020, "ldapursh w0, [x1, #2]", X1 + 2, pc(1), 0xffff_f00d, X1);
    accesses(0x9980_43e0, "ldapursw x0, [sp, #4]", SP + 4, pc(2), 0xffff_ffff_8bad_f00d, X1);
    accesses(0x5940_1020, "ldapurh w0, [x1, #1]", X1 + 1, pc(1), 0xf00d, X1);
    accesses(0xd91f_c020, "stlur x0, [x1, #-4]", X1 - 4, release(3), T, X1);
    accesses(0x190f_f020, "stlurb w0, [x1, #255]", X1 + 255, release(0), T, X1);
}

/// A memory copy of X2 bytes from X1 to X0: those three registers afterwards.
#[track_caller]
fn copies(word: u32, text: &str, before: [u64; 3], after: [u64; 3], stage: MopsStage, sides: [bool; 2], again: bool) {
    let mut toy = Toy { nzcv: C, ..Toy::default() };
    toy.x[..3].copy_from_slice(&before);
    let insn = a64::decode(word).unwrap_or_else(|| panic!("{text}: {word:08x} has no row"));
    execute(&mut toy, insn).unwrap_or_else(|leave| panic!("{text}: {leave:?}"));
    assert_eq!(toy.x[..3], after, "{text}: {:x?}", &toy.x[..3]);
    // Option A has C clear; only the prologue says so.
    assert_eq!(toy.nzcv, if stage == MopsStage::Prologue { 0 } else { C }, "{text}");
    assert_eq!(toy.copy.map(|(stage, _)| stage), Some(stage), "{text}");
    assert_eq!((toy.sides, toy.next), (sides, again.then_some(PC)), "{text}");
}

#[rustfmt::skip]
#[test]
fn memory_copies() {
    use MopsStage::*;
    const EL1: [bool; 2] = [false, false];
    const MOST: u64 = 0x007f_ffff_ffff_ffff;
    let minus = |v: u64| v.wrapping_neg();
    copies(0x1901_0440, "cpyfp [x0]!, [x1]!, x2!", [100, 200, 50], [150, 250, minus(50)], Prologue, EL1, false);
    copies(0x1901_0440, "cpyfp [x0]!, [x1]!, x2!", [0, 1, !0], [(1 << 63) - 1, 1 << 63, minus((1 << 63) - 1)], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [100, 200, 50], [150, 250, minus(50)], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [200, 100, 50], [250, 150, minus(50)], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [120, 100, 50], [120, 100, 50], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [150, 100, 50], [200, 150, minus(50)], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [149, 100, 50], [149, 100, 50], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [100, 100, 50], [150, 150, minus(50)], Prologue, EL1, false);
    // The tag does not make addresses different.
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [120, 0xab << 56 | 100, 50], [120, 0xab << 56 | 100, 50], Prologue, EL1, false);
    copies(0x1d01_0440, "cpyp [x0]!, [x1]!, x2!", [9, 100, !0], [9 + MOST, 100 + MOST, minus(MOST)], Prologue, EL1, false);
    copies(0x1941_0440, "cpyfm [x0]!, [x1]!, x2!", [150, 250, minus(50)], [150, 250, minus(49)], Main, EL1, true);
    copies(0x1d41_0440, "cpym [x0]!, [x1]!, x2!", [150, 250, 2], [150, 250, 1], Main, EL1, true);
    copies(0x1d41_0440, "cpym [x0]!, [x1]!, x2!", [150, 250, 1], [150, 250, 0], Main, EL1, false);
    copies(0x1d41_0440, "cpym [x0]!, [x1]!, x2!", [150, 250, 0], [150, 250, 0], Main, EL1, false);
    copies(0x1981_0440, "cpyfe [x0]!, [x1]!, x2!", [150, 250, 0], [150, 250, 0], Epilogue, EL1, false);
    copies(0x1d81_0440, "cpye [x0]!, [x1]!, x2!", [150, 250, 0], [150, 250, 0], Epilogue, EL1, false);
    copies(0x1941_1440, "cpyfmwt [x0]!, [x1]!, x2!", [9, 9, 0], [9, 9, 0], Main, [true, false], false);
    copies(0x1d41_2440, "cpymrt [x0]!, [x1]!, x2!", [9, 9, 0], [9, 9, 0], Main, [false, true], false);
    copies(0x1941_b440, "cpyfmtrn [x0]!, [x1]!, x2!", [9, 9, 0], [9, 9, 0], Main, [true, true], false);
    copies(0x19c1_0440, "setp [x0]!, x2!, x1", [100, 200, 50], [150, 200, minus(50)], Prologue, EL1, false);
    copies(0x19c1_0440, "setp [x0]!, x2!, x1", [100, 200, 0], [100, 200, 0], Prologue, EL1, false);
    copies(0x19c1_4440, "setm [x0]!, x2!, x1", [150, 200, minus(1)], [150, 200, 0], Main, EL1, false);
    copies(0x19c1_5440, "setmt [x0]!, x2!, x1", [150, 200, minus(3)], [150, 200, minus(2)], Main, [true, false], true);
    copies(0x19c1_8440, "sete [x0]!, x2!, x1", [150, 200, 0], [150, 200, 0], Epilogue, EL1, false);
}

/// ESR_ELx.ISS of the memory copy exception, the instruction's part: MemInst, Options, registers.
#[test]
fn the_syndrome_names_the_instruction() {
    let check = |word, text, iss| assert_eq!(run(word, text).copy.map(|(_, iss)| iss), Some(iss), "{text}");
    check(0x1d1d_c79e, "cpypn [x30]!, [x29]!, x28!", 0b1100 << 19 | 30 << 10 | 29 << 5 | 28);
    check(0x1901_1440, "cpyfpwt [x0]!, [x1]!, x2!", 0b0001 << 19 | 1 << 5 | 2);
    check(0x19df_7440, "setmtn [x0]!, x2!, xzr", 1 << 24 | 0b11 << 19 | 31 << 5 | 2);
}
