//! Golden ESR, FAR, ELR, SPSR and vectors. The values are computed by hand from ARM DDI 0487, "ESR_ELx".

mod common;

use armagic_cpu::{Abort, Exit, Fault, FaultStatus, Monitor, Pstate, Vcpu};
use common::{open_gic, poke, vcpu};
use hw::{IntId, Leave, VirtAddr};

const PC: u64 = 0x4000_1000;
const VBAR: u64 = 0x4000_8000;

/// A PE at `PC` in `mode` ("el0", "el1t", "el1h"), interrupts unmasked, flags Z and C.
fn at(mode: &str) -> Vcpu {
    let mut c = vcpu("neoverse-n1");
    let (el, sp_elx) = match mode {
        "el0" => (0, false),
        "el1t" => (1, false),
        "el1h" => (1, true),
        _ => panic!("no mode {mode}"),
    };
    c.sys.vbar[1] = VBAR;
    c.sys.spsr[1] = Pstate { el, sp_elx, daif: 0, ..Pstate::reset(1) }.to_spsr(0b0110);
    c.sys.elr[1] = PC;
    assert_eq!(c.eret(), Err(Leave::Resync));
    (c.sys.spsr[1], c.sys.elr[1]) = (0, 0);
    c
}

/// Runs `act` in `mode`, which raises; takes it; compares with `want`.
#[track_caller]
fn check<T: std::fmt::Debug>(mode: &str, act: impl FnOnce(&mut Vcpu) -> Result<T, Leave>, want: &str) {
    let mut c = at(mode);
    let result = act(&mut c);
    assert!(matches!(result, Err(Leave::Exception)), "{mode}: {result:?}");
    c.take_exception();
    assert_eq!(shown(&c), want, "{mode}");
    assert_eq!((c.regs.pstate.el, c.regs.pstate.sp_elx, c.regs.pstate.daif, c.regs.nzcv), (1, true, 0xf, 0b0110));
}

fn shown(c: &Vcpu) -> String {
    let s = &c.sys;
    let vector = c.regs.pc - VBAR;
    format!("{vector:03x} esr={:08x} far={:x} elr={:x} spsr={:08x}", s.esr[1], s.far[1], s.elr[1], s.spsr[1])
}

fn abort(abort: Abort, status: FaultStatus) -> impl Fn(&mut Vcpu) -> Result<(), Leave> {
    move |c| Err(c.raise_fault(Fault { status, abort, address: VirtAddr(0xffff_0000_dead_beec) }))
}

#[test]
#[rustfmt::skip]
fn calls() {
    check("el0",  |c| c.svc(0x1234),            "400 esr=56001234 far=0 elr=40001004 spsr=60000000");
    check("el1t", |c| c.svc(0),                 "000 esr=56000000 far=0 elr=40001004 spsr=60000004");
    check("el1h", |c| c.svc(0xffff),            "200 esr=5600ffff far=0 elr=40001004 spsr=60000005");
    check("el0",  |c| c.brk(0xf000),            "400 esr=f200f000 far=0 elr=40001000 spsr=60000000");
    check("el1h", |c| c.brk(0x800),             "200 esr=f2000800 far=0 elr=40001000 spsr=60000005");
    check("el0",  |c| c.hvc(0),                 "400 esr=02000000 far=0 elr=40001000 spsr=60000000");
    check("el0",  |c| c.smc(0),                 "400 esr=02000000 far=0 elr=40001000 spsr=60000000");
    check("el1h", |c| c.smc(0),                 "200 esr=02000000 far=0 elr=40001000 spsr=60000005");
    check("el0",  |c| c.eret(),                 "400 esr=02000000 far=0 elr=40001000 spsr=60000000");
}

#[test]
#[rustfmt::skip]
fn aborts() {
    use {Abort::*, FaultStatus::*};
    let far = "far=ffff0000deadbeec elr=40001000";
    check("el0",  abort(Read, Translation(3)),     &format!("400 esr=92000007 {far} spsr=60000000"));
    check("el1h", abort(Read, Translation(0)),     &format!("200 esr=96000004 {far} spsr=60000005"));
    check("el1t", abort(Write, Permission(3)),     &format!("000 esr=9600004f {far} spsr=60000004"));
    check("el0",  abort(Write, AccessFlag(2)),     &format!("400 esr=9200004a {far} spsr=60000000"));
    check("el1h", abort(Maintenance, Translation(1)), &format!("200 esr=96000145 {far} spsr=60000005"));
    check("el0",  abort(Fetch, Permission(2)),     &format!("400 esr=8200000e {far} spsr=60000000"));
    check("el1h", abort(Fetch, Translation(3)),    &format!("200 esr=86000007 {far} spsr=60000005"));
    check("el1h", abort(Read, AddressSize(0)),     &format!("200 esr=96000000 {far} spsr=60000005"));
    check("el1h", abort(Write, External),          &format!("200 esr=96000050 {far} spsr=60000005"));
    check("el0",  abort(Read, ExternalOnWalk(2)),  &format!("400 esr=92000016 {far} spsr=60000000"));
    check("el0",  abort(Read, Alignment),          &format!("400 esr=92000021 {far} spsr=60000000"));
    check("el0",  abort(Write, UnsupportedAtomic), &format!("400 esr=92000075 {far} spsr=60000000"));
}

#[test]
#[rustfmt::skip]
fn the_rest() {
    fn undefined(c: &mut Vcpu) -> Result<(), Leave> { Err(c.raise_undefined()) }
    fn sp(c: &mut Vcpu) -> Result<(), Leave> { Err(c.raise_sp_alignment()) }
    fn pc(c: &mut Vcpu) -> Result<(), Leave> { c.regs.pc += 2; Err(c.raise_pc_alignment(c.regs.pc)) }
    check("el0",  undefined,          "400 esr=02000000 far=0 elr=40001000 spsr=60000000");
    check("el1h", undefined,          "200 esr=02000000 far=0 elr=40001000 spsr=60000005");
    check("el0",  sp,                 "400 esr=9a000000 far=0 elr=40001000 spsr=60000000");
    check("el1h", sp,                 "200 esr=9a000000 far=0 elr=40001000 spsr=60000005");
    check("el0",  pc,                 "400 esr=8a000000 far=40001002 elr=40001002 spsr=60000000");
    check("el1t", pc,                 "000 esr=8a000000 far=40001002 elr=40001002 spsr=60000004");
    // CPACR_EL1.FPEN is 0 after reset.
    check("el0",  |c| c.fp_access(),  "400 esr=1fe00000 far=0 elr=40001000 spsr=60000000");
    check("el1h", |c| c.fp_access(),  "200 esr=1fe00000 far=0 elr=40001000 spsr=60000005");
    // SCTLR_EL1.{nTWI, nTWE} are 0 after reset; the ERET that brought us to EL0 left an event.
    check("el0",  |c| c.wfi(),        "400 esr=07e00000 far=0 elr=40001000 spsr=60000000");
    check("el0",  |c| c.wfe().and_then(|_| c.wfe()), "400 esr=07e00001 far=0 elr=40001000 spsr=60000000");
}

/// FPEN by value: 0 and 2 trap everyone, 1 traps EL0.
#[test]
fn fpen() {
    for (mode, fpen, open) in
        [("el0", 1, false), ("el1h", 1, true), ("el1h", 2, false), ("el0", 3, true), ("el1h", 3, true)]
    {
        let mut c = at("el1h");
        _ = c.write_sysreg(a64::SysReg::new(3, 0, 1, 0, 2), fpen << 20);
        if mode == "el0" {
            c.sys.spsr[1] = 0;
            _ = c.eret();
        }
        assert_eq!(c.fp_access().is_ok(), open, "{mode} FPEN={fpen}");
    }
}

#[test]
fn hvc_is_a_call_of_the_firmware() {
    let mut c = at("el1h");
    assert_eq!(c.hvc(0), Err(Leave::Exit));
    assert_eq!((c.exit, c.regs.pc), (Exit::Firmware, PC + 4));
}

#[test]
fn stack_pointers_are_banked() {
    let mut c = at("el0");
    c.regs.sp = 0x1000;
    c.sys.sp_el[1] = 0x2000;
    _ = c.svc(0);
    c.take_exception();
    assert_eq!((c.regs.sp, c.sys.sp_el[0]), (0x2000, 0x1000));
    _ = c.write_pstate(a64::PstateField::SpSel, 0);
    assert_eq!((c.regs.sp, c.sys.sp_el[1]), (0x1000, 0x2000));
    c.regs.sp = 0x3000;
    _ = c.write_pstate(a64::PstateField::SpSel, 1);
    assert_eq!((c.regs.sp, c.sys.sp_el[0]), (0x2000, 0x3000));
    _ = c.eret();
    assert_eq!((c.regs.pstate.el, c.regs.sp, c.regs.pc), (0, 0x3000, PC + 4));
}

/// SPAN, DSSBS, UAO and IL at entry: (model, SCTLR_EL1 bits, PSTATE bits before) -> after.
#[test]
fn pstate_at_entry() {
    const SPAN: u64 = 1 << 23;
    const DSSBS: u64 = 1 << 44;
    for (model, control, pan, want) in [
        ("neoverse-n1", SPAN, false, (false, false)),
        ("neoverse-n1", SPAN, true, (true, false)),
        ("neoverse-n1", 0, false, (true, false)),
        ("neoverse-n1", SPAN | DSSBS, false, (false, true)),
        ("cortex-a57", 0, false, (false, false)),
    ] {
        let mut c = vcpu(model);
        c.sys.sctlr[1] = control;
        (c.regs.pstate.pan, c.regs.pstate.uao, c.regs.pstate.il) = (pan, true, true);
        _ = c.raise_undefined();
        c.take_exception();
        let p = c.regs.pstate;
        assert_eq!(((p.pan, p.ssbs), p.uao, p.il), (want, false, false), "{model} {control:x}");
        assert_eq!(c.sys.spsr[1] >> 20 & 0b1001, 0b1001, "UAO and IL were saved");
    }
}

/// SPSR_EL1 values that ERET may not use: PSTATE.IL is set, the level stays, flags and masks are taken.
#[test]
fn illegal_returns() {
    for (spsr, why) in [
        (0x1_u64, "EL0 with SP_ELx"),
        (0x2, "reserved mode"),
        (0x9, "EL2 is not there"),
        (0xd, "EL3 is not there"),
        (0x10, "AArch32"),
        (0x8, "a higher level"),
    ] {
        let mut c = at("el1h");
        c.sys.spsr[1] = spsr | 0x9000_0080;
        c.sys.elr[1] = PC + 0x100;
        assert_eq!(c.eret(), Err(Leave::Resync));
        let p = c.regs.pstate;
        assert_eq!((p.il, p.el, p.sp_elx, p.daif, c.regs.nzcv), (true, 1, true, 0b0010, 0b1001), "{why}");
        assert_eq!(c.regs.pc, PC + 0x100);
        assert!(!c.take_interrupts());
        assert_eq!(shown(&c), "200 esr=3a000000 far=0 elr=40001100 spsr=90100085", "{why}");
    }
}

#[test]
fn eret_restores_all_of_pstate_and_clears_the_monitor() {
    let mut c = at("el1h");
    c.monitor = Monitor { bytes: 4, ..Monitor::default() };
    c.event = false;
    c.sys.spsr[1] = 0xa0c0_1240; // N C, UAO, PAN, SSBS, D and F
    _ = c.eret();
    let want = Pstate { sp_elx: false, daif: 0b1001, pan: true, uao: true, ssbs: true, ..Pstate::reset(0) };
    assert_eq!((c.regs.pstate, c.regs.nzcv), (want, 0b1010));
    assert_eq!((c.monitor, c.event), (Monitor::default(), true));
}

/// A vector that cannot be fetched ends in `Exit::Lockup`, once the state repeats.
#[test]
fn lockup() {
    let mut c = at("el1h");
    c.sys.vbar[1] = 0x1000_0000;
    c.regs.pc = 0x2000_0000;
    let mut steps = vec![];
    for _ in 0..3 {
        let pc = c.regs.pc;
        let fault = Fault { status: FaultStatus::External, abort: Abort::Fetch, address: VirtAddr(pc) };
        let leave = c.raise_fault(fault);
        steps.push((pc, leave));
        if leave == Leave::Exception {
            c.take_exception();
        }
    }
    use Leave::{Exception, Exit as Out};
    assert_eq!(steps, [(0x2000_0000, Exception), (0x1000_0200, Exception), (0x1000_0200, Out)]);
    assert_eq!(c.exit, Exit::Lockup);
    assert!(c.describe_exception().contains("instruction abort, ESR 0x86000010, ELR 0x10000200"));
}

/// PPI 20 in `group`, raised in `mode` with `daif`: the vector, or none.
#[track_caller]
fn check_interrupt(mode: &str, group: u32, daif: u8, want: Option<&str>) {
    let mut c = at(mode);
    open_gic(&mut c, if group == 0 { 1 << 20 } else { 0 });
    c.regs.pstate.daif = daif;
    let isr = a64::SysReg::new(3, 0, 12, 1, 0);
    assert!(!c.take_interrupts());
    assert_eq!(c.raw_read(isr), Some(0));
    c.shared.gic.set_ppi(0, IntId(20), true);
    assert_eq!(c.raw_read(isr), Some(if group == 0 { 0x40 } else { 0x80 }));
    assert_eq!(c.interrupt_waits(), want.is_some());
    assert_eq!(c.take_interrupts().then(|| shown(&c)).as_deref(), want);
    assert!(!c.take_interrupts(), "masked by its own entry");
    // WFI does not sleep, whatever PSTATE masks.
    assert_eq!(c.wfi(), Ok(()));
}

#[test]
#[rustfmt::skip]
fn interrupts() {
    check_interrupt("el0",  1, 0b0000, Some("480 esr=00000000 far=0 elr=40001000 spsr=60000000"));
    check_interrupt("el1h", 1, 0b0001, Some("280 esr=00000000 far=0 elr=40001000 spsr=60000045"));
    check_interrupt("el1t", 1, 0b1100, Some("080 esr=00000000 far=0 elr=40001000 spsr=60000304"));
    check_interrupt("el1h", 1, 0b0010, None);
    check_interrupt("el0",  1, 0b0010, None);
    check_interrupt("el0",  0, 0b0010, Some("500 esr=00000000 far=0 elr=40001000 spsr=60000080"));
    check_interrupt("el1h", 0, 0b0000, Some("300 esr=00000000 far=0 elr=40001000 spsr=60000005"));
    check_interrupt("el1h", 0, 0b0001, None);
    check_interrupt("el1h", 0, 0b0011, None);
}

/// Unmasking ends in `Resync`, with the PC after the instruction, only if something is there to take.
#[test]
fn unmasking_looks_at_interrupts() {
    use a64::PstateField::{DaifClr, DaifSet};
    let mut c = at("el1h");
    open_gic(&mut c, 0);
    assert_eq!((c.write_pstate(DaifSet, 2), c.write_pstate(DaifClr, 2)), (Ok(()), Ok(())));
    c.write_pstate(DaifSet, 3).unwrap();
    c.shared.gic.set_ppi(0, IntId(20), true);
    assert_eq!((c.write_pstate(DaifClr, 1), c.regs.pc), (Ok(()), PC));
    assert_eq!((c.write_pstate(DaifClr, 2), c.regs.pc), (Err(Leave::Resync), PC + 4));
    c.write_pstate(DaifSet, 2).unwrap();
    let daif = a64::SysReg::new(3, 3, 4, 2, 1);
    assert_eq!((c.write_sysreg(daif, 0), c.regs.pc), (Err(Leave::Resync), PC + 8));
    // The priority mask opens an interrupt as PSTATE does.
    let pmr = a64::SysReg::new(3, 0, 4, 6, 0);
    assert_eq!((c.write_sysreg(pmr, 0x80), c.regs.pc), (Ok(()), PC + 8));
    assert_eq!((c.write_sysreg(pmr, 0x88), c.regs.pc), (Err(Leave::Resync), PC + 12));
}

#[test]
fn events() {
    let mut pes = common::vcpus(2, "neoverse-n1");
    let (first, second) = pes.split_at_mut(1);
    let (a, b) = (&mut first[0], &mut second[0]);
    assert_eq!((a.wfe(), a.exit, a.regs.pc), (Err(Leave::Exit), Exit::Wfe, 4));
    a.sev();
    assert_eq!((a.wfe(), a.regs.pc), (Ok(()), 4));
    assert!(b.attention.take().has(sync::Reasons::EVENT));
    assert!(!a.attention.is_set(), "our own event needs no post");
    assert_eq!((b.wfi(), b.exit, b.regs.pc), (Err(Leave::Exit), Exit::Wfi, 4));
    assert!(b.explain_sleep().starts_with("PC 0x4, PSTATE.DAIF 1111, timers: Physical off, Virtual off, GIC: "));
}

/// Both wait for what PSTATE does not mask, but WFI also for what it does: a guest that spins on WFE with interrupts
/// masked lets others run.
#[test]
fn a_masked_interrupt_ends_wfi_and_not_wfe() {
    let mut c = at("el1h");
    open_gic(&mut c, 0);
    c.write_pstate(a64::PstateField::DaifSet, 3).unwrap();
    c.shared.gic.set_ppi(0, IntId(20), true);
    assert_eq!((c.wfi(), c.regs.pc), (Ok(()), PC));
    c.event = false;
    assert_eq!((c.wfe(), c.exit, c.regs.pc), (Err(Leave::Exit), Exit::Wfe, PC + 4));
    assert_eq!((c.wfet(u64::MAX), c.exit, c.regs.pc), (Err(Leave::Exit), Exit::Wfe, PC + 8));
}

/// The register number of a trapped access comes from the instruction itself.
#[test]
#[rustfmt::skip]
fn system_traps_name_the_instruction() {
    use a64::{PstateField::DaifSet, SysReg};
    let with = |word: u32, act: fn(&mut Vcpu) -> Result<u64, Leave>| {
        move |c: &mut Vcpu| { poke(c, PC, word); act(c) }
    };
    // mrs x7, ctr_el0: op0 3, op1 3, CRn 0, CRm 0, op2 1, read
    check("el0", with(0xd53b_0027, |c| c.read_sysreg(SysReg::new(3, 3, 0, 0, 1))),
          "400 esr=6232c0e1 far=0 elr=40001000 spsr=60000000");
    // dc zva, x3: op0 1, op1 3, CRn 7, CRm 4, op2 1
    check("el0", with(0xd50b_7423, |c| c.sys_op(SysReg::new(1, 3, 7, 4, 1), 0).map(|_| 0)),
          "400 esr=6212dc68 far=0 elr=40001000 spsr=60000000");
    // msr daifset, #2: op0 0, op1 3, CRn 4, CRm 2, op2 6, Rt 31
    check("el0", with(0xd503_42df, |c| c.write_pstate(DaifSet, 2).map(|_| 0)),
          "400 esr=620cd3e4 far=0 elr=40001000 spsr=60000000");
    // mrs x0, cntvct_el0: op0 3, op1 3, CRn 14, CRm 0, op2 2, read
    check("el0", with(0xd53b_e040, |c| c.read_sysreg(SysReg::new(3, 3, 14, 0, 2))),
          "400 esr=6234f801 far=0 elr=40001000 spsr=60000000");
}
