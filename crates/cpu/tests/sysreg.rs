//! Laws of the system-register table, and access rules line by line.

mod common;

use a64::SysReg;
use armagic_cpu::{Extras, Model, Pstate, Vcpu, sysreg};
use common::vcpu;
use hw::Leave;
use std::collections::HashMap;

/// The register or instruction that the table calls `name`.
#[track_caller]
fn named(name: &str) -> SysReg {
    let rows = sysreg::rows().map(|r| (r.name, r.reg)).chain(sysreg::ops().map(|o| (o.name, o.reg)));
    rows.filter(|(n, _)| *n == name).map(|(_, reg)| reg).next().unwrap_or_else(|| panic!("no row {name}"))
}

fn fields(reg: SysReg) -> [u16; 5] {
    let SysReg(code) = reg;
    [code >> 14, code >> 11 & 7, code >> 7 & 15, code >> 3 & 15, code & 7]
}

#[test]
fn encodings_and_names_are_unique() {
    let mut seen: HashMap<u16, &str> = HashMap::new();
    let mut names: HashMap<&str, u16> = HashMap::new();
    let rows = sysreg::rows().map(|r| (r.name, r.reg)).chain(sysreg::ops().map(|o| (o.name, o.reg)));
    for (name, reg) in rows {
        assert_eq!(seen.insert(reg.0, name), None, "{name} {:?}", fields(reg));
        assert_eq!(names.insert(name, reg.0), None, "{name}");
        assert_eq!(sysreg::name(reg), Some(name));
    }
    assert!(seen.len() > 190, "{}", seen.len());
}

/// op0 names the kind of access; op1 names the lowest Exception level that may use it (ARM DDI 0487,
/// "op0 == 0b11: moves to and from non-debug System registers").
#[test]
fn encodings_agree_with_access_rules() {
    let model = Model::by_name("max").expect("the model with every register");
    // Which register holds the reset address depends on the highest level.
    let models = [
        model,
        model.with(Extras { el2: true, ..Extras::default() }),
        model.with(Extras { el2: true, el3: true, nmi: true }),
    ];
    for row in sysreg::rows() {
        let [op0, op1, ..] = fields(row.reg);
        assert!(op0 == 2 || op0 == 3, "{}", row.name);
        let open = |el: &u8| models.iter().any(|model| row.readable(model, *el) || row.writable(model, *el));
        let lowest = (0..4).find(open).expect(row.name);
        let want = match op1 {
            0..=2 => 1,
            3 => 0,
            4 => 2,
            6 => 3,
            7 => 1, // Secure EL1
            _ => panic!("{} has op1 {op1}", row.name),
        };
        assert_eq!(lowest, want, "{}", row.name);
    }
    for op in sysreg::ops() {
        assert_eq!(fields(op.reg)[0], 1, "{}", op.name);
    }
}

#[test]
fn index_agrees_with_rows() {
    for code in 0..=u16::MAX {
        let reg = SysReg(code);
        let row = sysreg::rows().find(|r| r.reg == reg).map(|r| r.name);
        let op = sysreg::ops().find(|o| o.reg == reg).map(|o| o.name);
        let is_id_space = matches!(fields(reg), [3, 0, 0, 1..=7, _]);
        match (row, op) {
            (None, None) if is_id_space => assert_eq!(sysreg::find(reg).unwrap().name, "reserved ID register"),
            _ => assert_eq!((sysreg::find(reg).map(|r| r.name), sysreg::find_op(reg).map(|o| o.name)), (row, op)),
        }
    }
}

/// All of the identification space reads at EL1, is UNDEFINED at EL0, and cannot be written.
#[test]
fn identification_space() {
    for model in Model::all() {
        let mut c = vcpu(model.name);
        for (crm, op2) in (1..8).flat_map(|crm| (0..8).map(move |op2| (crm, op2))) {
            let reg = SysReg::new(3, 0, 0, crm, op2);
            let value = c.read_sysreg(reg).unwrap();
            assert!(crm >= 4 || value == 0, "AArch32 is absent: {reg:?}");
            assert_eq!(c.write_sysreg(reg, !value), Err(Leave::Exception));
            assert_eq!(c.raw_read(reg), Some(value));
            c.regs.pstate.el = 0;
            assert_eq!((c.read_sysreg(reg), c.exception.class), (Err(Leave::Exception), 0));
            c.regs.pstate.el = 1;
        }
        assert!(c.stats.unknown_sysregs.is_empty());
    }
}

/// Golden values, from the manual's field tables.
#[test]
#[rustfmt::skip]
fn identification_values() {
    for (name, n1, a57) in [
        ("MIDR_EL1",         0x0000_0000_413f_d0c1, 0x0000_0000_411f_d070),
        ("MPIDR_EL1",        0x0000_0000_8000_0000, 0x0000_0000_8000_0000),
        ("ID_AA64PFR0_EL1",  0x1100_0000_1111_0011, 0x1100_0000_0100_0011),
        ("ID_AA64PFR1_EL1",  0x0000_0000_0000_0020, 0),
        ("ID_AA64DFR0_EL1",  0x0000_0000_1030_5408, 0x0000_0000_1030_5106),
        ("ID_AA64ISAR0_EL1", 0x0000_1000_1021_1120, 0x0000_0000_0001_1120),
        ("ID_AA64ISAR1_EL1", 0x0000_0000_0010_0001, 0),
        ("ID_AA64MMFR0_EL1", 0x0000_0000_0010_0025, 0x0000_0000_0000_0024),
        ("ID_AA64MMFR1_EL1", 0x0000_0000_0020_1002, 0),
        ("ID_AA64MMFR2_EL1", 0x0000_0000_0000_0010, 0),
        ("CTR_EL0",          0x0000_0000_9444_c004, 0x0000_0000_8444_c004),
        ("CLIDR_EL1",        0x0000_0000_0200_0023, 0x0000_0000_0a20_0023),
        ("CCSIDR_EL1",       0x0000_0000_001f_e01a, 0x0000_0000_001f_e00a),
        ("DCZID_EL0",        4,                     4),
    ] {
        for (model, want) in [("neoverse-n1", n1), ("cortex-a57", a57)] {
            assert_eq!(vcpu(model).read_sysreg(named(name)), Ok(want), "{name} of {model}");
        }
    }
}

/// Cache sizes by CSSELR_EL1: bytes = sets * ways * 64.
#[test]
fn cache_geometry() {
    for (model, csselr, want) in [
        ("neoverse-n1", 0, 64 << 10),
        ("neoverse-n1", 1, 64 << 10),
        ("neoverse-n1", 2, 1 << 20),
        ("cortex-a57", 0, 32 << 10),
        ("cortex-a57", 1, 48 << 10),
        ("cortex-a57", 2, 2 << 20),
    ] {
        let mut c = vcpu(model);
        c.write_sysreg(named("CSSELR_EL1"), csselr).unwrap();
        let v = c.read_sysreg(named("CCSIDR_EL1")).unwrap();
        let (sets, ways, line) = ((v >> 13 & 0x7fff) + 1, (v >> 3 & 0x3ff) + 1, 16 << (v & 7));
        assert_eq!((sets * ways * line, line), (want, 64), "{model} {csselr}");
    }
}

/// Registers whose reads do not simply give back what was written, each with its reason.
const NOT_STORAGE: &[(&str, &str)] = &[
    ("ACTLR_EL1", "RAZ/WI"),
    ("AFSR0_EL1", "RAZ/WI"),
    ("AFSR1_EL1", "RAZ/WI"),
    ("AMAIR_EL1", "RAZ/WI"),
    ("ERRSELR_EL1", "RAZ/WI"),
    ("OSDTRRX_EL1", "RAZ/WI"),
    ("OSDTRTX_EL1", "RAZ/WI"),
    ("OSECCR_EL1", "RAZ/WI"),
    ("DBGDTR_EL0", "RAZ/WI"),
    ("DBGDTRTRX_EL0", "RAZ/WI"),
    ("ICC_PMR_EL1", "gic masks it"),
    ("ICC_BPR0_EL1", "has a minimum"),
    ("ICC_BPR1_EL1", "has a minimum"),
    ("ICC_AP0R0_EL1", "gic masks it"),
    ("ICC_AP1R0_EL1", "gic masks it"),
    ("ICC_CTLR_EL1", "read-only fields"),
    ("ICC_SRE_EL1", "RAO/WI"),
    ("ICC_IGRPEN0_EL1", "gic masks it"),
    ("ICC_IGRPEN1_EL1", "gic masks it"),
    ("CNTP_CTL_EL0", "ISTATUS"),
    ("CNTV_CTL_EL0", "ISTATUS"),
    ("PMCR_EL0", "N, LC; P and C act"),
];

/// Every register of EL0 and EL1 that is state: what is written is read, as far as its mask goes, by guests
/// and by tools alike, and a raw write leaves the PC alone.
#[test]
fn round_trips() {
    for (model, row) in Model::all().iter().flat_map(|m| sysreg::rows().map(move |r| (m, r))) {
        if !row.is_state() || !row.writable(model, 1) || NOT_STORAGE.iter().any(|(name, _)| *name == row.name) {
            continue;
        }
        let mut c = vcpu(model.name);
        // So that FPCR and FPSR are reachable; SP_EL0 is, since reset selects SP_EL1.
        c.sys.cpacr = 3 << 20;
        c.refresh();
        for v in [!0, 0, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa] {
            let want = row.masked(model, v);
            assert!(matches!(c.write_sysreg(row.reg, v), Ok(()) | Err(Leave::Resync)), "{}", row.name);
            assert_eq!(c.raw_read(row.reg), Some(want), "{} of {}, {v:x}", row.name, model.name);
            let pc = c.regs.pc;
            assert!(c.raw_write(row.reg, !v));
            assert_eq!(c.raw_read(row.reg), Some(row.masked(model, !v)), "{} raw", row.name);
            assert_eq!(c.regs.pc, pc);
        }
    }
}

#[test]
fn raz_wi() {
    let mut c = vcpu("neoverse-n1");
    for (name, _) in NOT_STORAGE.iter().filter(|(_, why)| *why == "RAZ/WI") {
        c.write_sysreg(named(name), !0).unwrap();
        assert_eq!(c.read_sysreg(named(name)), Ok(0), "{name}");
    }
}

/// Lines: register, access, model, the EL0 enables that are set, and what comes of it at EL0 and at EL1.
#[track_caller]
fn check(name: &str, write: bool, enables: &[(&str, u64)], want: [&str; 2]) {
    for (el, want) in [0, 1].into_iter().zip(want) {
        let mut c = vcpu("neoverse-n1");
        for (control, bits) in enables {
            let old = c.raw_read(named(control)).unwrap();
            assert!(c.raw_write(named(control), old | bits));
        }
        c.regs.pstate = Pstate { el, sp_elx: el == 1, ..c.regs.pstate };
        c.refresh();
        let got = match access(&mut c, named(name), write) {
            Ok(()) => "ok",
            Err(Leave::Resync) => "resync",
            Err(Leave::Exit) => "exit",
            Err(Leave::Exception) => match c.exception.class {
                0x00 => "undefined",
                0x07 => "fp trap",
                0x18 => "trap",
                0x24 => "abort",
                class => panic!("{name}: class {class:#x}"),
            },
        };
        assert_eq!(got, want, "{name} at EL{el}");
    }
}

fn access(c: &mut Vcpu, reg: SysReg, write: bool) -> Result<(), Leave> {
    match (sysreg::find_op(reg), write) {
        (Some(_), _) => c.sys_op(reg, common::RAM),
        (None, true) => c.write_sysreg(reg, 0),
        (None, false) => c.read_sysreg(reg).map(drop),
    }
}

#[test]
#[rustfmt::skip]
fn access_rules() {
    const R: bool = false;
    const W: bool = true;
    let sctlr = |bit: u32| [("SCTLR_EL1", 1 << bit)];
    let kctl = |bit: u32| [("CNTKCTL_EL1", 1 << bit)];
    let fpen = |v: u64| [("CPACR_EL1", v << 20)];
    check("MIDR_EL1",       R, &[],                  ["undefined", "ok"]);
    check("MIDR_EL1",       W, &[],                  ["undefined", "undefined"]);
    check("VBAR_EL1",       W, &[],                  ["undefined", "ok"]);
    check("TTBR0_EL1",      W, &[],                  ["undefined", "resync"]);
    check("VBAR_EL2",       R, &[],                  ["undefined", "undefined"]);
    check("SCR_EL3",        W, &[],                  ["undefined", "undefined"]);
    check("CurrentEL",      R, &[],                  ["undefined", "ok"]);
    check("CurrentEL",      W, &[],                  ["undefined", "undefined"]);
    check("SP_EL0",         R, &[],                  ["undefined", "ok"]);
    check("TPIDR_EL0",      W, &[],                  ["ok",        "ok"]);
    check("TPIDRRO_EL0",    R, &[],                  ["ok",        "ok"]);
    check("TPIDRRO_EL0",    W, &[],                  ["undefined", "ok"]);
    check("NZCV",           W, &[],                  ["ok",        "ok"]);
    check("SSBS",           W, &[],                  ["ok",        "ok"]);
    check("DAIF",           R, &[],                  ["trap",      "ok"]);
    check("DAIF",           R, &sctlr(9),            ["ok",        "ok"]);
    check("CTR_EL0",        R, &[],                  ["trap",      "ok"]);
    check("CTR_EL0",        R, &sctlr(15),           ["ok",        "ok"]);
    check("CTR_EL0",        W, &sctlr(15),           ["undefined", "undefined"]);
    check("DCZID_EL0",      R, &[],                  ["ok",        "ok"]);
    check("FPCR",           R, &[],                  ["fp trap",   "fp trap"]);
    check("FPSR",           W, &fpen(1),             ["fp trap",   "ok"]);
    check("FPSR",           W, &fpen(2),             ["fp trap",   "fp trap"]);
    check("FPCR",           W, &fpen(3),             ["ok",        "ok"]);
    check("CNTVCT_EL0",     R, &[],                  ["trap",      "ok"]);
    check("CNTVCT_EL0",     R, &kctl(1),             ["ok",        "ok"]);
    check("CNTVCT_EL0",     R, &kctl(0),             ["trap",      "ok"]);
    check("CNTPCT_EL0",     R, &kctl(0),             ["ok",        "ok"]);
    check("CNTFRQ_EL0",     R, &[],                  ["trap",      "ok"]);
    check("CNTFRQ_EL0",     R, &kctl(0),             ["ok",        "ok"]);
    check("CNTFRQ_EL0",     R, &kctl(1),             ["ok",        "ok"]);
    check("CNTFRQ_EL0",     W, &kctl(1),             ["undefined", "ok"]);
    check("CNTV_CVAL_EL0",  W, &kctl(9),             ["trap",      "ok"]);
    check("CNTV_CVAL_EL0",  W, &kctl(8),             ["ok",        "ok"]);
    check("CNTP_TVAL_EL0",  R, &kctl(9),             ["ok",        "ok"]);
    check("CNTP_CTL_EL0",   W, &kctl(8),             ["trap",      "ok"]);
    check("MDCCSR_EL0",     R, &[],                  ["ok",        "ok"]);
    check("MDCCSR_EL0",     R, &[("MDSCR_EL1", 1 << 12)], ["trap", "ok"]);
    check("OSLAR_EL1",      W, &[],                  ["undefined", "ok"]);
    check("OSLAR_EL1",      R, &[],                  ["undefined", "undefined"]);
    check("ICC_IAR1_EL1",   R, &[],                  ["undefined", "ok"]);
    check("ICC_IAR1_EL1",   W, &[],                  ["undefined", "undefined"]);
    check("ICC_EOIR1_EL1",  R, &[],                  ["undefined", "undefined"]);
    check("ICC_SGI1R_EL1",  W, &[],                  ["undefined", "ok"]);
    let user = |bits: u64| [("PMUSERENR_EL0", bits)];
    check("PMCR_EL0",       R, &[],                  ["trap",      "ok"]);
    check("PMCR_EL0",       W, &user(1),             ["ok",        "ok"]);
    check("PMCR_EL0",       R, &user(0xe),           ["trap",      "ok"]);
    check("PMSWINC_EL0",    W, &user(2),             ["ok",        "ok"]);
    check("PMSWINC_EL0",    W, &user(0xc),           ["trap",      "ok"]);
    check("PMSWINC_EL0",    R, &user(1),             ["undefined", "undefined"]);
    check("PMCCNTR_EL0",    R, &user(4),             ["ok",        "ok"]);
    check("PMCCNTR_EL0",    W, &user(4),             ["trap",      "ok"]);
    check("PMCCNTR_EL0",    R, &user(0xa),           ["trap",      "ok"]);
    check("PMXEVCNTR_EL0",  R, &user(8),             ["ok",        "ok"]);
    check("PMXEVCNTR_EL0",  W, &user(8),             ["trap",      "ok"]);
    check("PMEVCNTR3_EL0",  R, &user(8),             ["ok",        "ok"]);
    check("PMSELR_EL0",     W, &user(8),             ["ok",        "ok"]);
    check("PMXEVTYPER_EL0", R, &user(8),             ["trap",      "ok"]);
    check("PMUSERENR_EL0",  R, &[],                  ["ok",        "ok"]);
    check("PMUSERENR_EL0",  W, &user(1),             ["undefined", "ok"]);
    check("PMINTENSET_EL1", W, &user(0xf),           ["undefined", "ok"]);
    // With stage 1 off memory is Device memory.
    check("DC ZVA",         W, &[],                  ["trap",      "abort"]);
    check("DC ZVA",         W, &sctlr(14),           ["abort",     "abort"]);
    check("DC CIVAC",       W, &[],                  ["trap",      "ok"]);
    check("DC CVAU",        W, &sctlr(26),           ["ok",        "ok"]);
    check("DC CVAP",        W, &sctlr(26),           ["ok",        "ok"]);
    check("DC IVAC",        W, &sctlr(26),           ["undefined", "ok"]);
    check("DC CISW",        W, &[],                  ["undefined", "ok"]);
    check("IC IVAU",        W, &[],                  ["trap",      "ok"]);
    check("IC IVAU",        W, &sctlr(26),           ["ok",        "ok"]);
    check("IC IALLU",       W, &sctlr(26),           ["undefined", "ok"]);
    check("TLBI VMALLE1",   W, &[],                  ["undefined", "ok"]);
}

/// What a57 lacks is UNDEFINED there, and known: it does not count as a gap of ours.
#[test]
fn features_of_the_model() {
    for name in ["DIT", "RNDR", "RNDRRS", "APIAKeyLo_EL1", "APGAKeyHi_EL1"] {
        assert!(vcpu("max").read_sysreg(named(name)).is_ok(), "{name}");
        let mut c = vcpu("neoverse-n1");
        assert_eq!((c.read_sysreg(named(name)), c.exception.class), (Err(Leave::Exception), 0), "{name}");
        assert!(c.stats.unknown_sysregs.is_empty());
    }
    assert_eq!(vcpu("max").write_pstate(a64::PstateField::Dit, 1), Ok(()));
    assert_eq!(vcpu("neoverse-n1").write_pstate(a64::PstateField::Dit, 1), Err(Leave::Exception));
    for name in ["PAN", "UAO", "SSBS", "ERRIDR_EL1", "DISR_EL1"] {
        assert!(vcpu("neoverse-n1").read_sysreg(named(name)).is_ok(), "{name}");
        let mut c = vcpu("cortex-a57");
        assert_eq!((c.read_sysreg(named(name)), c.exception.class), (Err(Leave::Exception), 0), "{name}");
        assert!(c.stats.unknown_sysregs.is_empty());
    }
    for (field, imm) in [(a64::PstateField::Pan, 1), (a64::PstateField::Uao, 1), (a64::PstateField::Ssbs, 1)] {
        assert_eq!(vcpu("neoverse-n1").write_pstate(field, imm), Ok(()), "{field:?}");
        assert_eq!(vcpu("cortex-a57").write_pstate(field, imm), Err(Leave::Exception), "{field:?}");
    }
    let mut c = vcpu("cortex-a57");
    c.write_sysreg(named("TCR_EL1"), !0).unwrap_err();
    assert_eq!(c.sys.tcr[1] >> 39, 0, "no hardware update of descriptors");
}

#[test]
fn unknown_registers_are_undefined_and_counted() {
    let mut c = vcpu("neoverse-n1");
    let (actlr, pmscr) = (SysReg::new(3, 0, 15, 1, 0), SysReg::new(3, 0, 9, 9, 0));
    assert_eq!((c.read_sysreg(actlr), c.exception.class), (Err(Leave::Exception), 0));
    assert_eq!(c.write_sysreg(actlr, 0), Err(Leave::Exception));
    assert_eq!(c.read_sysreg(pmscr), Err(Leave::Exception));
    assert_eq!(c.sys_op(SysReg::new(1, 7, 15, 0, 0), 0), Err(Leave::Exception));
    assert_eq!(c.stats.unknown_sysregs.values().sum::<u64>(), 4);
    assert_eq!(c.stats.unknown_sysregs[&actlr.0], 2);
    assert_eq!((c.raw_read(actlr), c.raw_write(actlr, 0)), (None, false));
    let labels = [actlr, pmscr, named("VBAR_EL1"), named("DC ZVA")].map(sysreg::label);
    assert_eq!(labels, ["S3_0_C15_C1_0", "S3_0_C9_C9_0", "VBAR_EL1", "DC ZVA"]);
}

#[test]
fn locks_and_claims() {
    let mut c = vcpu("neoverse-n1");
    assert_eq!(c.read_sysreg(named("OSLSR_EL1")), Ok(0b1010), "locked at reset");
    c.write_sysreg(named("OSLAR_EL1"), 0).unwrap();
    assert_eq!(c.read_sysreg(named("OSLSR_EL1")), Ok(0b1000));
    c.write_sysreg(named("DBGCLAIMSET_EL1"), 0x1_0f).unwrap();
    c.write_sysreg(named("DBGCLAIMCLR_EL1"), 0x03).unwrap();
    assert_eq!(c.read_sysreg(named("DBGCLAIMCLR_EL1")), Ok(0x0c));
    assert_eq!(c.read_sysreg(named("DBGCLAIMSET_EL1")), Ok(0xff));
}

/// IC moves the version of the code page, or of all.
#[test]
fn ic_is_seen_by_engines() {
    let mut c = vcpu("neoverse-n1");
    let at = hw::PhysAddr(common::RAM + 0x3000);
    let version = |c: &Vcpu| c.shared.bus.code().version(at);
    let (page, all) = version(&c);
    c.sys_op(named("IC IVAU"), at.0 + 0x40).unwrap();
    assert_eq!(version(&c), (page + 1, all));
    c.sys_op(named("IC IALLU"), 0).unwrap();
    c.sys_op(named("IC IALLUIS"), 0).unwrap();
    assert_eq!(version(&c), (page + 1, all + 2));
}

#[test]
fn reset_state() {
    let mut c = vcpu("neoverse-n1");
    c.write_sysreg(named("VBAR_EL1"), 0x4000_0800).unwrap();
    (c.regs.pc, c.regs.x[3], c.regs.pstate.daif, c.event) = (0x1234, 1, 0, true);
    c.reset();
    assert_eq!(c.read_sysreg(named("VBAR_EL1")), Ok(0));
    assert_eq!(c.read_sysreg(named("SCTLR_EL1")), Ok(0x30d0_0980), "MMU and caches off");
    assert_eq!((c.regs.pc, c.regs.x[3], c.regs.pstate, c.event), (0, 0, Pstate::reset(1), false));
}
