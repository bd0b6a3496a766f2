//! Models as sets of features: what they claim, what the instruction table has, and what registers follow from it.

mod common;

use a64::{Feature, PacKey, Pauth, ROWS, SysReg};
use armagic_cpu::{Model, Pstate, Vcpu, sysreg};
use common::vcpu;
use hw::{Access, Leave};

#[track_caller]
fn named(name: &str) -> SysReg {
    let rows = sysreg::rows().map(|r| (r.name, r.reg)).chain(sysreg::ops().map(|o| (o.name, o.reg)));
    rows.filter(|(n, _)| *n == name).map(|(_, reg)| reg).next().unwrap_or_else(|| panic!("no row {name}"))
}

/// Features that are instructions, and so must have rows where they are claimed.
const INSTRUCTIONS: &[Feature] = {
    use Feature::*;
    &[
        A64, AES, BF16, CRC32, CSSC, DotProd, FCMA, FHM, FP16, FRINTTS, FlagM, FlagM2, HBC, I8MM, JSCVT, LRCPC, LRCPC2,
        LSE, MOPS, PAuth, PMULL, RDM, SB, SHA1, SHA256, SHA3, SHA512, SM3, SM4, WFxT, XS,
    ]
};

/// Does some word need it? Variants are told by fields of at most some bits: all values of the low and high halves.
fn has_row(feature: Feature) -> bool {
    let words = |value: u32, mask: u32| (0..4096u32).map(move |n| value | !mask & (n << 20 | n << 11));
    ROWS.iter().any(|row| row.feature == feature || words(row.value, row.mask).any(|w| (row.variant)(w).has(feature)))
}

#[test]
fn what_is_claimed_has_rows_and_what_has_rows_is_claimed() {
    for model in Model::all() {
        let missing: Vec<_> = INSTRUCTIONS.iter().filter(|f| model.has(**f) && !has_row(**f)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", model.name);
    }
    let max = Model::by_name("max").unwrap();
    for row in &ROWS {
        assert!(INSTRUCTIONS.contains(&row.feature), "{}: {:?} is not listed here", row.name, row.feature);
        assert!(max.has(row.feature), "{}: {:?}", row.name, row.feature);
    }
}

/// Golden values for `max`, from the manual's field tables.
#[test]
#[rustfmt::skip]
fn identification_of_max() {
    for (name, fast, qarma5, qarma3) in [
        ("ID_AA64PFR0_EL1",  0x1101_0000_1111_0011, 0x1101_0000_1111_0011, 0x1101_0000_1111_0011),
        ("ID_AA64PFR1_EL1",  0x0000_0000_0000_0021, 0x0000_0000_0000_0021, 0x0000_0000_0000_0021),
        ("ID_AA64ISAR0_EL1", 0x1221_1111_1021_2120, 0x1221_1111_1021_2120, 0x1221_1111_1021_2120),
        ("ID_AA64ISAR1_EL1", 0x0110_1111_1021_1102, 0x0110_1111_0121_1012, 0x0110_1111_0021_1002),
        ("ID_AA64ISAR2_EL1", 0x0010_0000_0011_0002, 0x0010_0000_0011_0002, 0x0010_0000_0011_1102),
        ("ID_AA64MMFR1_EL1", 0x0000_0000_0020_1002, 0x0000_0000_0020_1002, 0x0000_0000_0020_1002),
        ("ID_AA64MMFR2_EL1", 0x1000_0001_0000_0010, 0x1000_0001_0000_0010, 0x1000_0001_0000_0010),
    ] {
        for (model, want) in [("max", fast), ("max-qarma5", qarma5), ("max-qarma3", qarma3)] {
            let got = vcpu(model).read_sysreg(named(name));
            assert_eq!(got, Ok(want), "{name} of {model}: {:x}", got.unwrap());
        }
    }
}

/// Control bits that only a feature makes writable: register, bits, and who has them.
#[test]
fn control_bits() {
    const N1: &str = "neoverse-n1";
    for (name, bits, model) in [
        ("SCTLR_EL1", 0xc800_2000, "max"),      // EnIA, EnIB, EnDA, EnDB
        ("SCTLR_EL1", 0x400, "max"),            // EnRCTX
        ("SCTLR_EL1", 1 << 6, "max"),           // nAA
        ("SCTLR_EL1", 1 << 33, "max"),          // MSCEn
        ("SCTLR_EL1", 3 << 35, "max"),          // BT0, BT1
        ("SCTLR_EL1", 1 << 44, N1),             // DSSBS
        ("TCR_EL1", 3 << 55 | 3 << 51, "max"),  // E0PD, TBID
        ("SPSR_EL1", 1 << 24 | 3 << 10, "max"), // DIT, BTYPE
    ] {
        for of in [N1, "max"] {
            let mut c = vcpu(of);
            _ = c.write_sysreg(named(name), bits);
            let want = if of == model || of == "max" { bits } else { 0 };
            assert_eq!(c.read_sysreg(named(name)).unwrap() & bits, want, "{name} of {of}: {bits:x}");
        }
    }
}

/// A PE at EL1 with `tcr`, all keys enabled and unlike.
fn with_keys(model: &str, tcr: u64) -> Vcpu {
    let mut c = vcpu(model);
    c.sys.tcr[1] = tcr;
    c.sys.sctlr[1] |= 0xc800_2000;
    for (n, key) in c.sys.keys.pointer.iter_mut().enumerate() {
        *key = [0xec28_02d4_e0a4_88e9 + n as u64, 0x84be_85ce_9804_e94b];
    }
    c.sys.keys.generic = c.sys.keys.pointer[0];
    c
}

/// The cipher's published vector, through PACGA.
#[test]
fn generic_codes() {
    let (data, modifier) = (0xfb62_3599_da6e_8127, 0x477d_469d_ec0b_8762);
    assert_eq!(with_keys("max-qarma5", 0).pauth(Pauth::Generic, data, modifier), 0xc003_b939_0000_0000);
    for model in ["max", "max-qarma3"] {
        let c = with_keys(model, 0);
        let code = c.pauth(Pauth::Generic, data, modifier);
        assert_eq!(code << 32, 0);
        assert_ne!(code, c.pauth(Pauth::Generic, data, modifier + 1));
    }
}

/// Lines: TCR_EL1, pointer, key; the bits that may hold the code, and what authentication gives back.
#[track_caller]
fn check(tcr: u64, ptr: u64, key: PacKey, code: u64) {
    for model in ["max", "max-qarma5", "max-qarma3"] {
        let c = with_keys(model, tcr);
        let all = (0..64).map(|modifier| c.pauth(Pauth::Sign(key), ptr, modifier) ^ ptr);
        assert_eq!(all.fold(0, |all, changed| all | changed), code, "{model} {ptr:x}");
        let signed = c.pauth(Pauth::Sign(key), ptr, 7);
        assert_eq!(c.pauth(Pauth::Authenticate(key), signed, 7), ptr, "{model} {ptr:x}");
        let strip = if key.is_data() { Pauth::StripData } else { Pauth::StripCode };
        assert_eq!(c.pauth(strip, signed, 0), ptr);
        let other = if key == PacKey::Ib { PacKey::Ia } else { PacKey::Ib };
        if !key.is_data() {
            assert_ne!(c.pauth(Pauth::Authenticate(other), signed, 7), ptr, "{model} {ptr:x}");
        }
    }
}

#[test]
fn codes_take_the_bits_that_the_address_leaves() {
    use PacKey::*;
    const TBI0: u64 = 1 << 37;
    const TBI1: u64 = 1 << 38;
    const TBID0: u64 = 1 << 51;
    let sizes = |t0: u64, t1: u64| t0 | t1 << 16;
    check(sizes(16, 16), 0x0000_1234_5678_9abc, Ia, 0xff7f_0000_0000_0000);
    check(sizes(16, 16), 0xffff_1234_5678_9abc, Ib, 0xff7f_0000_0000_0000);
    check(sizes(25, 16), 0x0000_0034_5678_9abc, Da, 0xff7f_ff80_0000_0000);
    check(sizes(25, 16), 0xffff_1234_5678_9abc, Db, 0xff7f_0000_0000_0000);
    check(sizes(39, 16), 0x0000_0000_0178_9abc, Ia, 0xff7f_ffff_fe00_0000);
    // The top byte stays what it is.
    check(TBI0 | sizes(16, 16), 0xab00_1234_5678_9abc, Ia, 0x007f_0000_0000_0000);
    check(TBI0 | TBI1 | sizes(16, 16), 0xabff_1234_5678_9abc, Da, 0x007f_0000_0000_0000);
    // TBID: of instruction addresses it is not ignored.
    check(TBI0 | TBID0 | sizes(16, 16), 0x0000_1234_5678_9abc, Ia, 0xff7f_0000_0000_0000);
    check(TBI0 | TBID0 | sizes(16, 16), 0xab00_1234_5678_9abc, Da, 0x007f_0000_0000_0000);
    // Of the upper range the top byte counts, though the lower range's does not.
    check(TBI0 | sizes(16, 16), 0xffff_1234_5678_9abc, Ia, 0xff7f_0000_0000_0000);
}

/// A failed check leaves an address that faults, with 0b01 or 0b10 below its top bits.
#[test]
fn what_fails_is_spoilt() {
    let c = with_keys("max", 16 | 16 << 16);
    for (ptr, key, want) in [
        (0x0000_1234_5678_9abc, PacKey::Ia, 0x2000_1234_5678_9abc),
        (0x0000_1234_5678_9abc, PacKey::Db, 0x4000_1234_5678_9abc),
        (0xffff_1234_5678_9abc, PacKey::Da, 0xbfff_1234_5678_9abc),
        (0xffff_1234_5678_9abc_u64, PacKey::Ib, 0xdfff_1234_5678_9abc),
    ] {
        let signed = c.pauth(Pauth::Sign(key), ptr, 7);
        assert_eq!(c.pauth(Pauth::Authenticate(key), signed, 8), want, "{ptr:x} {key:?}");
    }
}

/// Without its enable in SCTLR_EL1 a key does nothing; stripping needs none.
#[test]
fn keys_are_enabled_one_by_one() {
    for (key, bit) in [(PacKey::Ia, 31), (PacKey::Ib, 30), (PacKey::Da, 27), (PacKey::Db, 13)] {
        let mut c = with_keys("max", 16 | 16 << 16);
        c.sys.sctlr[1] &= !(1 << bit);
        for other in [PacKey::Ia, PacKey::Ib, PacKey::Da, PacKey::Db] {
            let signed = (0..4).any(|modifier| c.pauth(Pauth::Sign(other), 0x1234, modifier) != 0x1234);
            assert_eq!(signed, other != key, "{key:?} {other:?}");
        }
        assert_eq!(c.pauth(Pauth::Authenticate(key), 0x1234_5678_9abc_def0, 0), 0x1234_5678_9abc_def0);
        assert_eq!(c.pauth(Pauth::StripCode, 0x1234_5678_9abc_def0, 0), 0x0000_5678_9abc_def0);
    }
}

#[test]
fn random_numbers_differ_and_say_that_they_are() {
    let (mut a, mut b) = (vcpu("max"), vcpu("max"));
    let draw = |c: &mut Vcpu, name| {
        c.regs.nzcv = 0b1111;
        let v = c.read_sysreg(named(name)).unwrap();
        assert_eq!(c.regs.nzcv, 0, "NZCV = 0b0100 would say that there was none");
        v
    };
    let drawn = [draw(&mut a, "RNDR"), draw(&mut a, "RNDRRS"), draw(&mut a, "RNDR"), draw(&mut b, "RNDR")];
    for (i, v) in drawn.iter().enumerate() {
        assert!(!drawn[..i].contains(v), "{drawn:x?}");
    }
    assert_eq!(a.raw_read(named("RNDR")), None, "looking at it from outside changes nothing");
}

/// System instructions of later features: encodings, access rules, and who has them.
#[test]
fn system_instructions() {
    let sys = |op1, crn, crm, op2| SysReg::new(1, op1, crn, crm, op2);
    let mut all = vec![];
    for op2 in [0, 1, 2, 3, 5, 7] {
        all.push((sys(0, 8, 1, op2), "max", false)); // TLBI …OS
        all.extend([1, 3, 7].map(|crm| (sys(0, 9, crm, op2), "max", false))); // … nXS
    }
    for op2 in [1, 3, 5, 7] {
        all.extend([2, 5, 6].map(|crm| (sys(0, 8, crm, op2), "max", false))); // TLBI R…
        all.extend([2, 5, 6].map(|crm| (sys(0, 9, crm, op2), "max", false)));
    }
    all.extend([4, 5, 7].map(|op2| (sys(3, 7, 3, op2), "max", true))); // CFP, DVP, CPP RCTX
    all.push((sys(3, 7, 12, 1), "neoverse-n1", true)); // DC CVAP
    all.push((sys(3, 7, 13, 1), "max", true)); // DC CVADP
    for (op, model, from_el0) in all {
        for of in ["neoverse-n1", "max"] {
            let mut c = vcpu(of);
            let has = of == "max" || model == of;
            let done = c.sys_op(op, common::RAM);
            assert_eq!(done.is_ok(), has, "{op:?} of {of}");
            c.regs.pstate = Pstate::reset(0);
            c.sys.sctlr[1] |= 1 << 26 | 1 << 10; // UCI, EnRCTX
            c.refresh();
            assert_eq!(c.sys_op(op, common::RAM).is_ok(), has && from_el0, "{op:?} of {of} at EL0");
            c.sys.sctlr[1] &= !(1 << 26 | 1 << 10);
            let trapped = c.sys_op(op, common::RAM) == Err(Leave::Exception) && c.exception.class == 0x18;
            assert_eq!(trapped, has && from_el0, "{op:?} of {of} at EL0 without enable");
        }
    }
}

/// TCR_EL1.E0PD0: a level 0 fault for EL0, whatever tables hold; with 39 bits of address a walk would begin at
/// level 1.
#[test]
fn e0pd_hides_a_range_from_el0() {
    for (el, e0pd, unprivileged, status) in
        [(0, 0, false, 0b101), (0, 1, false, 0b100), (1, 1, false, 0b101), (1, 1, true, 0b100), (0, 2, false, 0b101)]
    {
        let mut c = vcpu("max");
        c.sys.sctlr[1] |= 1;
        c.sys.tcr[1] = 25 | 25 << 16 | e0pd << 55;
        c.sys.ttbr0[1] = common::RAM;
        c.regs.pstate = Pstate::reset(el);
        c.refresh();
        let how = if unprivileged { Access::unprivileged(0) } else { Access::plain(0) };
        assert_eq!(c.load(0x1000, how), Err(Leave::Exception));
        assert_eq!(c.exception.iss & 0x3f, status, "EL{el}, E0PD {e0pd}, unprivileged: {unprivileged}");
    }
}
