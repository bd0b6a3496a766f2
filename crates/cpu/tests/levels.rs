//! EL2, EL3 and FEAT_NMI, by rule: where exceptions and interrupts go, what is trapped, what the GIC sees. The values
//! are those of ARM DDI 0487 and of IHI 0069, "Interrupt grouping and security" and "Traps and enables".

mod common;

use a64::{PstateField, SysReg};
use armagic_cpu::{Conduit, Exit, Extras, Pstate, Vcpu, sysreg};
use common::layered;
use hw::{Access, AccessSize, IntId, Leave, PhysAddr, Requester};

const BOTH: Extras = Extras { el2: true, el3: true, nmi: false };
const EL2: Extras = Extras { el2: true, el3: false, nmi: false };
const EL3: Extras = Extras { el2: false, el3: true, nmi: false };
const NMI: Extras = Extras { el2: true, el3: true, nmi: true };
/// Accesses of Secure state.
const SECURE: Requester = Requester { pe: 0, secure: true };

const PC: u64 = 0x4000_1000;
/// Vectors of ELn are at n times this.
const VBAR: u64 = 0x1_0000;

// SCR_EL3 and HCR_EL2.
const NS: u64 = 1 << 0;
const IRQ: u64 = 1 << 1;
const FIQ: u64 = 1 << 2;
const EA: u64 = 1 << 3;
const SMD: u64 = 1 << 7;
const HCE: u64 = 1 << 8;
const FMO: u64 = 1 << 3;
const IMO: u64 = 1 << 4;
const AMO: u64 = 1 << 5;
const VF: u64 = 1 << 6;
const VI: u64 = 1 << 7;
const VSE: u64 = 1 << 8;
const TWI: u64 = 1 << 13;
const TSC: u64 = 1 << 19;
const TGE: u64 = 1 << 27;

fn reg(name: &str) -> SysReg {
    sysreg::rows().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}")).reg
}

/// MSR, where the PE is.
#[track_caller]
fn msr(c: &mut Vcpu, name: &str, v: u64) {
    let done = c.write_sysreg(reg(name), v);
    assert!(!matches!(done, Err(Leave::Exception)), "{name} can be written");
}

#[track_caller]
fn mrs(c: &mut Vcpu, name: &str) -> u64 {
    c.read_sysreg(reg(name)).unwrap_or_else(|_| panic!("{name} can be read"))
}

/// Goes to `el` by ERET from above, with PSTATE.DAIF `daif` and the stack of the level.
#[track_caller]
fn enter(c: &mut Vcpu, el: u8, daif: u8) {
    let from = c.regs.pstate.el as usize;
    c.sys.spsr[from] = Pstate { el, sp_elx: el > 0, daif, ..Pstate::reset(el) }.to_spsr(0);
    c.sys.elr[from] = PC;
    assert_eq!(c.eret(), Err(Leave::Resync));
    assert_eq!((c.regs.pstate.el, c.regs.pstate.il), (el, false), "the return is legal");
}

/// A PE at `el`, with SCR_EL3 and HCR_EL2.
#[track_caller]
fn at(extras: Extras, el: u8, (scr, hcr): (u64, u64), daif: u8) -> Vcpu {
    let mut c = layered(extras);
    (1..4).for_each(|el| c.sys.vbar[el] = VBAR * el as u64);
    if extras.el2 {
        msr(&mut c, "HCR_EL2", hcr);
    }
    if extras.el3 {
        msr(&mut c, "SCR_EL3", scr);
    }
    enter(&mut c, el, daif);
    c
}

/// Takes what was raised; the level, vector, class and ISS.
fn taken(c: &mut Vcpu) -> String {
    c.take_exception();
    let el = c.regs.pstate.el;
    let esr = c.sys.esr[el as usize];
    let vector = c.regs.pc - VBAR * u64::from(el);
    format!(
        "EL{el}+{vector:03x} {:02x} {:x} {:+}",
        esr >> 26,
        esr & 0x1ff_ffff,
        c.sys.elr[el as usize] as i64 - PC as i64
    )
}

#[track_caller]
fn raises<T: std::fmt::Debug>(c: &mut Vcpu, act: impl FnOnce(&mut Vcpu) -> Result<T, Leave>, want: &str) {
    let result = act(c);
    assert!(matches!(result, Err(Leave::Exception)), "{result:?}, not {want}");
    assert_eq!(taken(c), want);
}

#[test]
fn identification_and_reset() {
    for (extras, el, pfr0) in [(EL2, 2, 0x1), (EL3, 3, 0x10), (BOTH, 3, 0x11)] {
        let mut c = layered(extras);
        assert_eq!(mrs(&mut c, "CurrentEL"), el << 2);
        assert_eq!(mrs(&mut c, "ID_AA64PFR0_EL1") >> 8 & 0xff, pfr0);
        assert_eq!(mrs(&mut c, "ID_AA64PFR1_EL1") >> 36 & 0xf, 0);
        assert_eq!(c.regs.pstate.daif, 0xf);
        let rvbar = format!("RVBAR_EL{el}");
        assert_eq!(mrs(&mut c, &rvbar), 0);
        assert_eq!(c.read_sysreg(reg("RVBAR_EL1")), Err(Leave::Exception), "only that of the highest level is there");
    }
    let mut c = layered(NMI);
    assert_eq!(mrs(&mut c, "ID_AA64PFR1_EL1") >> 36 & 0xf, 1);
}

#[test]
fn registers_of_higher_levels() {
    let mut c = at(BOTH, 1, (NS, 0), 0);
    for name in ["SCR_EL3", "HCR_EL2", "ICC_SRE_EL2", "ICC_SRE_EL3", "ICC_CTLR_EL3", "ICH_VTR_EL2", "CNTHP_CTL_EL2"] {
        assert_eq!(c.read_sysreg(reg(name)), Err(Leave::Exception), "{name} at EL1");
    }
    let mut c = at(BOTH, 2, (NS, 0), 0);
    assert_eq!(mrs(&mut c, "HCR_EL2"), 1 << 31, "EL1 is AArch64");
    assert_eq!(mrs(&mut c, "ICC_SRE_EL2"), 0xf);
    assert_eq!(mrs(&mut c, "ICH_VTR_EL2") & 0x1f, 3);
    assert_eq!(c.read_sysreg(reg("SCR_EL3")), Err(Leave::Exception));
    // Without EL2, its registers are RES0 at EL3.
    let mut c = layered(EL3);
    msr(&mut c, "VBAR_EL2", 0x8000);
    assert_eq!(mrs(&mut c, "VBAR_EL2"), 0);
    let mut c = layered(EL2);
    assert_eq!(c.read_sysreg(reg("SCR_EL3")), Err(Leave::Exception), "there is no EL3");
    // What EL1 sees of the PE is EL2's to say.
    let mut c = layered(EL2);
    msr(&mut c, "VPIDR_EL2", 0x1234);
    msr(&mut c, "VMPIDR_EL2", 0x5);
    assert_eq!(mrs(&mut c, "MPIDR_EL1"), 0x8000_0000);
    enter(&mut c, 1, 0);
    assert_eq!(mrs(&mut c, "MIDR_EL1"), 0x1234);
    assert_eq!(mrs(&mut c, "MPIDR_EL1"), 0x8000_0005);
}

#[test]
fn stacks_are_banked() {
    let mut c = layered(BOTH);
    msr(&mut c, "SCR_EL3", NS);
    c.regs.sp = 0x300;
    msr(&mut c, "SP_EL1", 0x100);
    msr(&mut c, "SP_EL2", 0x200);
    enter(&mut c, 2, 0);
    assert_eq!(c.regs.sp, 0x200);
    enter(&mut c, 1, 0);
    assert_eq!(c.regs.sp, 0x100);
}

#[test]
#[rustfmt::skip]
fn calls() {
    for (extras, el, scr, hcr, hvc, smc) in [
        (BOTH, 1, NS | HCE,       0,        "EL2+400 16 7 +4", "EL3+400 17 7 +4"),
        (BOTH, 1, NS,             0,        "EL1+200 00 0 +0", "EL3+400 17 7 +4"),
        (BOTH, 1, NS | HCE,       TSC,      "EL2+400 16 7 +4", "EL2+400 17 7 +0"),
        (BOTH, 1, NS | HCE | SMD, TSC,      "EL2+400 16 7 +4", "EL2+400 17 7 +0"),
        (BOTH, 1, NS | HCE | SMD, 0,        "EL2+400 16 7 +4", "EL1+200 00 0 +0"),
        (BOTH, 1, HCE,            TSC,      "EL1+200 00 0 +0", "EL3+400 17 7 +4"), // Secure: no EL2
        (BOTH, 2, NS | HCE,       TSC,      "EL2+200 16 7 +4", "EL3+400 17 7 +4"),
        (BOTH, 3, NS | HCE,       TSC,      "EL3+200 16 7 +4", "EL3+200 17 7 +4"),
        (BOTH, 0, NS | HCE,       0,        "EL1+400 00 0 +0", "EL1+400 00 0 +0"),
        (BOTH, 0, NS | HCE,       TGE,      "EL2+400 00 0 +0", "EL2+400 00 0 +0"),
        (EL3,  1, NS | HCE,       0,        "EL1+200 00 0 +0", "EL3+400 17 7 +4"),
        (EL2,  1, 0,              0,        "EL2+400 16 7 +4", "EL1+200 00 0 +0"),
        (EL2,  1, 0,              1 << 29,  "EL1+200 00 0 +0", "EL1+200 00 0 +0"), // HCD
        (EL2,  2, 0,              0,        "EL2+200 16 7 +4", "EL2+200 00 0 +0"),
    ] {
        let case = format!("{extras:?} EL{el} SCR {scr:x} HCR {hcr:x}");
        for (what, want) in [("hvc", hvc), ("smc", smc)] {
            let mut c = at(extras, el, (scr, hcr), 0);
            c.conduit = Conduit::None;
            let done = if what == "hvc" { c.hvc(7) } else { c.smc(7) };
            assert_eq!(done, Err(Leave::Exception), "{case} {what}");
            assert_eq!(taken(&mut c), want, "{case} {what}");
        }
        let mut c = at(extras, el, (scr, hcr), 0);
        let want = if el == 0 && hcr & TGE != 0 { "EL2+400 15 9 +4".into() }
            else { format!("EL{}+{}00 15 9 +4", el.max(1), if el == 0 { 4 } else { 2 }) };
        raises(&mut c, |c| c.svc(9), &want);
    }
}

#[test]
fn the_machines_firmware() {
    let mut c = at(EL2, 1, (0, 0), 0);
    assert_eq!(c.conduit, Conduit::Smc);
    assert_eq!((c.smc(0), c.exit, c.regs.pc), (Err(Leave::Exit), Exit::Firmware, PC + 4));
    let mut c = at(EL2, 1, (0, TSC), 0);
    raises(&mut c, |c| c.smc(1), "EL2+400 17 1 +0");
}

#[test]
#[rustfmt::skip]
fn returns() {
    for (extras, from, scr, hcr, to, legal) in [
        (BOTH, 3, NS, 0,   2, true),
        (BOTH, 3, 0,  0,   2, false), // EL2 is not there in Secure state
        (BOTH, 3, 0,  0,   1, true),
        (BOTH, 3, 0,  TGE, 1, true),  // and its HCR_EL2 has no effect
        (BOTH, 3, NS, TGE, 1, false),
        (BOTH, 3, NS, TGE, 0, true),
        (BOTH, 2, NS, 0,   3, false),
        (BOTH, 1, NS, 0,   2, false),
        (EL3,  3, NS, 0,   2, false),
        (EL2,  2, 0,  0,   1, true),
        (EL2,  2, 0,  TGE, 1, false),
        (EL2,  2, 0,  0,   3, false),
    ] {
        let mut c = at(extras, from, (scr, hcr), 0);
        c.sys.spsr[from as usize] = Pstate { el: to, sp_elx: to > 0, daif: 0, ..Pstate::reset(to) }.to_spsr(0);
        _ = c.eret();
        let want = if legal { (to, false) } else { (from, true) };
        assert_eq!((c.regs.pstate.el, c.regs.pstate.il), want, "EL{from} to EL{to}, SCR {scr:x} HCR {hcr:x}");
    }
}

/// Makes an SGI of `group` (0, 1, or 2 for Secure Group 1) pending, and everything open to it.
fn pend(c: &mut Vcpu, group: u32) {
    let secure = c.shared.gic.redistributors_for(gic::Security::Secure);
    let distributor = c.shared.gic.distributor_for(gic::Security::Secure);
    let word = AccessSize::Word;
    distributor.write(0, word, 7);
    secure.write(0x14, word, 0);
    secure.write(0x1_0080, word, u64::from(group == 1));
    secure.write(0x1_0d00, word, u64::from(group == 2));
    secure.write(0x1_0400, word, 0x80);
    secure.write(0x1_0100, word, 1);
    secure.write(0x1_0200, word, 1);
    let was = gic::Accessor { el: 3, secure: true, fiq_to_el3: false, nmi: false };
    c.gic.set_accessor(was);
    c.gic.set_pmr(0xf8);
    c.gic.set_igrpen0(1);
    if c.model.el3 {
        c.gic.set_igrpen1_el3(3)
    } else {
        c.gic.set_igrpen1(1)
    }
    c.refresh();
}

/// IHI 0069, "Interrupt assignment to IRQ and FIQ signals": CHK-11.1.
#[test]
fn lines_by_state() {
    for (extras, scr, el, want) in [
        (BOTH, NS, 3, "FFF"),
        (BOTH, 0, 3, "FFF"),
        (BOTH, 0, 1, "FFI"),
        (BOTH, 0, 0, "FFI"),
        (BOTH, NS, 2, "FIF"),
        (BOTH, NS, 1, "FIF"),
        (BOTH, NS, 0, "FIF"),
        (EL3, NS, 1, "FIF"),
        (EL2, 0, 2, "FI-"),
        (EL2, 0, 1, "FI-"),
    ] {
        let line = |group| {
            if group == 2 && !extras.el3 {
                return '-';
            }
            let mut c = at(extras, el, (scr, 0), 0xf);
            pend(&mut c, group);
            let isr = match (el, c.gic.signals()) {
                (0, gic::Signals { irq: true, .. }) => 0x80,
                (0, _) => 0x40,
                _ => mrs(&mut c, "ISR_EL1"),
            };
            match isr {
                0x40 => 'F',
                0x80 => 'I',
                other => panic!("ISR_EL1 {other:x}"),
            }
        };
        // Group 0, Non-secure Group 1, Secure Group 1.
        let got: String = [0, 1, 2].map(line).iter().collect();
        assert_eq!(got, want, "EL{el} SCR {scr:x}");
    }
}

/// Where a Group 0 (FIQ) or Group 1 (IRQ) interrupt is taken from Non-secure state, and whether masks hold it.
#[test]
#[rustfmt::skip]
fn routing() {
    for (el, scr, hcr, open, masked) in [
        (1, NS,             0,         "EL1+280 EL1+300", "- -"),
        (0, NS,             0,         "EL1+480 EL1+500", "- -"),
        (1, NS,             IMO | FMO, "EL2+480 EL2+500", "EL2+480 EL2+500"),
        (0, NS,             IMO | FMO, "EL2+480 EL2+500", "EL2+480 EL2+500"),
        (0, NS,             TGE,       "EL2+480 EL2+500", "EL2+480 EL2+500"),
        (2, NS,             IMO | FMO, "EL2+280 EL2+300", "- -"),
        (2, NS,             0,         "- -",             "- -"),
        (2, NS,             TGE,       "EL2+280 EL2+300", "- -"),
        (1, NS | FIQ,       0,         "EL1+280 EL3+500", "- EL3+500"),
        (1, NS | IRQ,       FMO,       "EL3+480 EL2+500", "EL3+480 EL2+500"),
        (2, NS | IRQ | FIQ, IMO | FMO, "EL3+480 EL3+500", "EL3+480 EL3+500"),
        (1, 0,              IMO | FMO, "EL1+300 EL1+300", "- -"), // Secure: HCR_EL2 has no effect
        (3, NS | IRQ | FIQ, 0,         "EL3+300 EL3+300", "- -"), // at EL3 all are FIQs
        (3, NS,             0,         "- -",             "- -"),
    ] {
        for (daif, want) in [(0, open), (0xf, masked)] {
            let got = [1, 0].map(|group| {
                let mut c = at(BOTH, el, (scr, hcr), daif);
                pend(&mut c, group);
                if !c.take_interrupts() {
                    return "-".to_owned();
                }
                let el = c.regs.pstate.el;
                assert_eq!((c.sys.elr[el as usize], c.regs.pstate.daif), (PC, 0xf));
                format!("EL{el}+{:03x}", c.regs.pc - VBAR * u64::from(el))
            });
            assert_eq!(got.join(" "), want, "EL{el} SCR {scr:x} HCR {hcr:x} DAIF {daif:x}");
        }
    }
}

#[test]
#[rustfmt::skip]
fn virtual_interrupts_of_hcr() {
    for (el, scr, hcr, daif, want) in [
        (1, NS, IMO | VI,             0x0, "EL1+280"),
        (0, NS, IMO | VI,             0x0, "EL1+480"),
        (1, NS, IMO | VI,             0x2, "-"),
        (1, NS, VI,                   0x0, "-"), // only with IMO
        (1, NS, FMO | VF,             0x0, "EL1+300"),
        (1, NS, FMO | VF,             0x1, "-"),
        (1, NS, IMO | FMO | VI | VF,  0x0, "EL1+300"),
        (1, NS, AMO | VSE,            0x0, "EL1+380"),
        (1, NS, AMO | VSE,            0x4, "-"),
        (2, NS, IMO | VI | FMO | VF,  0x0, "-"),
        (1, 0,  IMO | VI,             0x0, "-"), // Secure
        (0, NS, IMO | VI | TGE,       0x0, "-"),
    ] {
        let mut c = at(BOTH, el, (scr, hcr), daif);
        c.sys.vsesr = 0x5;
        let got = match c.take_interrupts() {
            false => "-".to_owned(),
            true => format!("EL{}+{:03x}", c.regs.pstate.el, c.regs.pc - VBAR * u64::from(c.regs.pstate.el)),
        };
        assert_eq!(got, want, "EL{el} SCR {scr:x} HCR {hcr:x} DAIF {daif:x}");
        if want == "EL1+380" {
            assert_eq!((c.sys.esr[1], c.sys.hcr & VSE), (0xbe00_0005, 0), "taken, and pending no more");
        }
    }
    let mut c = at(BOTH, 1, (NS, IMO | FMO | AMO | VI | VF | VSE), 0xf);
    assert_eq!(mrs(&mut c, "ISR_EL1"), 0x1c0);
    assert_eq!(c.wfi(), Ok(()), "a masked virtual interrupt wakes");
}

/// Each access of a lower level to a register of the CPU interface: P physical, V virtual, 2 or 3 trapped there.
#[test]
#[rustfmt::skip]
fn interface_traps() {
    const TC: u64 = 1 << 10;
    const TALL0: u64 = 1 << 11;
    const TALL1: u64 = 1 << 12;
    const TDIR: u64 = 1 << 14;
    // Columns: IGRPEN0, IGRPEN1, PMR, CTLR, DIR, SGI1R.
    for (el, scr, hcr, ich, want) in [
        (1, NS,             0,         0,             "PPPPPP"),
        (1, NS,             FMO,       0,             "VPVVV2"),
        (1, NS,             IMO,       0,             "PVVVV2"),
        (1, NS,             IMO | FMO, 0,             "VVVVV2"),
        (1, NS,             0,         TALL0,         "2PPPPP"),
        (1, NS,             IMO | FMO, TALL0,         "2VVVV2"),
        (1, NS,             IMO | FMO, TALL1,         "V2VVV2"),
        (1, NS,             IMO | FMO, TC,            "VV2222"),
        (1, NS,             IMO | FMO, TDIR,          "VVVV22"),
        (1, NS,             0,         TC,            "PP2222"),
        (1, NS | FIQ,       0,         0,             "3PPPPP"),
        (1, NS | IRQ,       0,         0,             "P3PPPP"),
        (1, NS | IRQ | FIQ, 0,         0,             "333333"),
        (1, NS | IRQ | FIQ, IMO | FMO, 0,             "VVVVV2"),
        (1, NS | IRQ | FIQ, FMO,       0,             "V3VVV2"),
        (1, NS | IRQ | FIQ, 0,         TC | TALL0 | TALL1, "222222"),
        (2, NS,             IMO | FMO, TC | TALL0 | TALL1, "PPPPPP"),
        (2, NS | IRQ | FIQ, 0,         0,             "333333"),
        (2, NS | FIQ,       0,         0,             "3PPPPP"),
        (1, 0,              IMO | FMO, TC | TALL0 | TALL1, "PPPPPP"), // Secure
        (3, NS | IRQ | FIQ, IMO | FMO, TC | TALL0 | TALL1, "PPPPPP"),
    ] {
        let names = ["ICC_IGRPEN0_EL1", "ICC_IGRPEN1_EL1", "ICC_PMR_EL1", "ICC_CTLR_EL1", "ICC_DIR_EL1", "ICC_SGI1R_EL1"];
        let got: String = names.map(|name| {
            let mut c = at(BOTH, el, (scr, hcr), 0xf);
            c.virt.as_mut().unwrap().set_hcr(ich);
            c.gic.set_accessor(gic::Accessor::default());
            c.gic.set_pmr(0x80);
            c.refresh();
            let before = (c.gic.igrpen0(), c.gic.igrpen1(), c.gic.pmr(), c.gic.ctlr());
            let v = match name { "ICC_PMR_EL1" => 0xf8, "ICC_CTLR_EL1" => 2, _ => 1 };
            match c.write_sysreg(reg(name), v) {
                Err(Leave::Exception) => {
                    let was = taken(&mut c);
                    let SysReg(code) = reg(name);
                    let field = |low: u16, width: u16| u64::from(code >> low & ((1 << width) - 1));
                    let iss = field(14, 2) << 20 | field(0, 3) << 17 | field(11, 3) << 14 | field(7, 4) << 10
                        | field(3, 4) << 1;
                    assert_eq!(was, format!("EL{}+400 18 {iss:x} +0", c.regs.pstate.el), "{name}");
                    (b'0' + c.regs.pstate.el) as char
                }
                _ => {
                    let after = (c.gic.igrpen0(), c.gic.igrpen1(), c.gic.pmr(), c.gic.ctlr());
                    match name {
                        "ICC_DIR_EL1" => if (hcr & (IMO | FMO) != 0) && el == 1 && scr & NS != 0 { 'V' } else { 'P' },
                        "ICC_SGI1R_EL1" => 'P',
                        _ if after != before => 'P',
                        _ => 'V',
                    }
                }
            }
        }).iter().collect();
        assert_eq!(got, want, "EL{el} SCR {scr:x} HCR {hcr:x} ICH_HCR {ich:x}");
    }
}

/// A trapped read of ICC_IAR1_EL1 acknowledges nothing: CHK-6.2.6.
#[test]
fn trapped_reads_take_nothing() {
    let mut c = at(BOTH, 1, (NS, 0), 0xf);
    pend(&mut c, 1);
    c.virt.as_mut().unwrap().set_hcr(1 << 12);
    raises(&mut c, |c| c.read_sysreg(reg("ICC_IAR1_EL1")), "EL2+400 18 303019 +0");
    assert_eq!(c.read_sysreg(reg("ICC_IAR1_EL1")), Ok(0), "it still waits");
}

#[test]
fn a_virtual_interrupt_from_list_register_to_deactivation() {
    let mut c = layered(BOTH);
    (1..4).for_each(|el| c.sys.vbar[el] = VBAR * el as u64);
    msr(&mut c, "SCR_EL3", NS);
    // A PPI in Group 1, taken by EL2.
    let gicr = c.shared.gic.redistributors_for(gic::Security::Secure);
    pend(&mut c, 1);
    gicr.write(0x1_0280, AccessSize::Word, 1);
    gicr.write(0x1_0080, AccessSize::Word, 1 << 27 | 1 << 25);
    gicr.write(0x1_0100, AccessSize::Word, 1 << 27);
    gicr.write(0x1_0438 - 0x20, AccessSize::Word, 0x8080_8080);
    enter(&mut c, 2, 0xf);
    msr(&mut c, "HCR_EL2", IMO | FMO);
    msr(&mut c, "ICC_PMR_EL1", 0xf0);
    msr(&mut c, "ICC_CTLR_EL1", 2);
    c.shared.gic.set_ppi(0, IntId::ppi(11), true);
    assert_eq!(mrs(&mut c, "ICC_IAR1_EL1"), 27);
    msr(&mut c, "ICC_EOIR1_EL1", 27);
    // The guest gets it, tied to the physical one.
    msr(&mut c, "ICH_VMCR_EL2", 0xf0 << 24 | 2);
    msr(&mut c, "ICH_HCR_EL2", 1);
    msr(&mut c, "ICH_LR0_EL2", 1 << 62 | 1 << 61 | 1 << 60 | 0x80 << 48 | 27 << 32 | 27);
    enter(&mut c, 1, 0);
    assert_eq!(mrs(&mut c, "ISR_EL1"), 0x80);
    assert!(c.take_interrupts());
    assert_eq!((c.regs.pstate.el, c.regs.pc), (1, VBAR + 0x280));
    assert_eq!(mrs(&mut c, "ICC_IAR1_EL1"), 27);
    assert_eq!(mrs(&mut c, "ICC_RPR_EL1"), 0x80);
    assert_eq!(mrs(&mut c, "ISR_EL1"), 0);
    let active =
        |c: &Vcpu| c.shared.gic.redistributors_for(gic::Security::Secure).read(0x1_0300, AccessSize::Word) >> 27 & 1;
    assert_eq!(active(&c), 1);
    msr(&mut c, "ICC_EOIR1_EL1", 27);
    assert_eq!(active(&c), 0, "the physical one is deactivated with it");
    assert_eq!(c.virt.as_ref().unwrap().lr(0) >> 62, 0);
}

#[test]
fn the_maintenance_interrupt_is_ppi_9() {
    let mut c = at(BOTH, 2, (NS, IMO), 0xf);
    let pending =
        |c: &Vcpu| c.shared.gic.redistributors_for(gic::Security::Secure).read(0x1_0200, AccessSize::Word) >> 25 & 1;
    // UIE: at most one list register is in use.
    msr(&mut c, "ICH_HCR_EL2", 0b11);
    assert_eq!((mrs(&mut c, "ICH_MISR_EL2"), pending(&c)), (2, 1));
    msr(&mut c, "ICH_HCR_EL2", 0b10);
    assert_eq!(pending(&c), 0);
    assert_eq!(mrs(&mut c, "ICH_ELRSR_EL2"), 0xf);
    msr(&mut c, "ICH_HCR_EL2", 0b11);
    c.reset();
    assert_eq!(pending(&c), 0);
}

#[test]
fn banks_by_security_state() {
    let mut c = layered(BOTH);
    // At EL3, SCR_EL3.NS chooses the bank.
    msr(&mut c, "ICC_IGRPEN1_EL1", 1);
    assert_eq!(mrs(&mut c, "ICC_IGRPEN1_EL3"), 0b10);
    msr(&mut c, "SCR_EL3", NS);
    assert_eq!(mrs(&mut c, "ICC_IGRPEN1_EL1"), 0);
    msr(&mut c, "ICC_IGRPEN1_EL1", 1);
    assert_eq!(mrs(&mut c, "ICC_IGRPEN1_EL3"), 0b11);
    // SCR_EL3.FIQ shifts what Non-secure software sees of priorities, at once.
    msr(&mut c, "ICC_PMR_EL1", 0xf0);
    msr(&mut c, "SCR_EL3", NS | FIQ);
    assert_eq!(mrs(&mut c, "ICC_PMR_EL1"), 0xf0);
    enter(&mut c, 1, 0xf);
    assert_eq!(mrs(&mut c, "ICC_PMR_EL1"), 0xe0);
}

#[test]
fn frames_by_security_state() {
    let word = Access::plain(2);
    let gicd = |c: &mut Vcpu| c.load(0x800_0000, word).unwrap();
    let mut c = layered(BOTH);
    c.store(0x800_0000, word, 7).unwrap();
    assert_eq!(gicd(&mut c), 0x37, "all enables, ARE_S and ARE_NS");
    msr(&mut c, "SCR_EL3", NS);
    assert_eq!(gicd(&mut c), 0x37, "EL3 is Secure whatever SCR_EL3.NS");
    enter(&mut c, 1, 0);
    assert_eq!(gicd(&mut c), 0x12, "EnableGrp1A and ARE_NS");
    c.store(0x800_0080 + 4, word, u64::from(u32::MAX)).unwrap();
    assert_eq!(c.load(0x800_0084, word), Ok(0), "groups are RAZ/WI");
    let mut c = at(BOTH, 1, (0, 0), 0);
    c.store(0x800_0084, word, u64::from(u32::MAX)).unwrap();
    assert_eq!(c.load(0x800_0084, word), Ok(0xffff_ffff));
    // A pair is read in two parts.
    assert_eq!(c.load2(0x800_0000, word), Ok((0x30, c.load(0x800_0004, word).unwrap())));
}

#[test]
fn waits_and_floating_point() {
    let mut c = at(BOTH, 1, (NS, TWI), 0);
    raises(&mut c, |c| c.wfi(), "EL2+400 01 1e00000 +0");
    let mut c = at(BOTH, 1, (NS | 1 << 13, TWI), 0);
    c.event = false;
    raises(&mut c, |c| c.wfe(), "EL3+400 01 1e00001 +0");
    let mut c = at(BOTH, 2, (NS | 1 << 12, TWI), 0);
    raises(&mut c, |c| c.wfi(), "EL3+400 01 1e00000 +0");
    let mut c = at(BOTH, 1, (NS, 1 << 14), 0);
    c.event = false;
    raises(&mut c, |c| c.wfe(), "EL2+400 01 1e00001 +0");
    let mut c = at(BOTH, 1, (NS, 0), 0);
    assert_eq!((c.wfi(), c.exit), (Err(Leave::Exit), Exit::Wfi));

    const TFP: u64 = 1 << 10;
    for (cpacr, cptr2, cptr3, el, want) in [
        (0, TFP, TFP, 1, "EL1+200 07 1e00000 +0"),
        (3 << 20, TFP, TFP, 1, "EL2+400 07 1e00000 +0"),
        (3 << 20, 0, TFP, 1, "EL3+400 07 1e00000 +0"),
        (0, 0, TFP, 2, "EL3+400 07 1e00000 +0"),
        (0, TFP, 0, 2, "EL2+200 07 1e00000 +0"),
        (0, 0, TFP, 3, "EL3+200 07 1e00000 +0"),
    ] {
        let mut c = layered(BOTH);
        (1..4).for_each(|el| c.sys.vbar[el] = VBAR * el as u64);
        msr(&mut c, "SCR_EL3", NS);
        msr(&mut c, "CPACR_EL1", cpacr);
        msr(&mut c, "CPTR_EL2", cptr2);
        msr(&mut c, "CPTR_EL3", cptr3);
        enter(&mut c, el, 0);
        raises(&mut c, |c| c.fp_access(), want);
    }
    let mut c = at(BOTH, 2, (NS, 0), 0);
    assert_eq!(c.fp_access(), Ok(()));
}

#[test]
fn external_aborts() {
    let load = |c: &mut Vcpu| c.load(0x1234_5678, Access::plain(2)).map(drop);
    raises(&mut at(BOTH, 1, (NS, 0), 0), load, "EL1+200 25 10 +0");
    raises(&mut at(BOTH, 1, (NS | EA, 0), 0), load, "EL3+400 24 10 +0");
    raises(&mut at(BOTH, 2, (NS | EA, 0), 0), load, "EL3+400 24 10 +0");
    raises(&mut at(BOTH, 3, (NS | EA, 0), 0), load, "EL3+200 25 10 +0");
    raises(&mut at(BOTH, 2, (NS, 0), 0), load, "EL2+200 25 10 +0");
}

#[test]
fn timers() {
    let mut c = at(BOTH, 1, (NS, 0), 0);
    assert!(c.read_sysreg(reg("CNTP_CTL_EL0")).is_ok());
    c.sys.cnthctl = 0;
    assert_eq!(c.read_sysreg(reg("CNTPCT_EL0")), Err(Leave::Exception));
    assert!(taken(&mut c).starts_with("EL2+400 18"));
    // The Secure timer: EL3's, and with SCR_EL3.ST that of Secure EL1.
    let secure = |scr| at(BOTH, 1, (scr, 0), 0).read_sysreg(reg("CNTPS_CTL_EL1"));
    assert_eq!([secure(NS), secure(0)], [Err(Leave::Exception); 2]);
    assert_eq!(secure(1 << 11), Ok(0));
    for (prefix, el, id) in [("CNTHP", "EL2", 26), ("CNTPS", "EL1", 29)] {
        let mut c = layered(BOTH);
        let pending = |c: &Vcpu| c.shared.bus.read_for(PhysAddr(0x80b_0200), AccessSize::Word, SECURE).unwrap();
        msr(&mut c, &format!("{prefix}_CVAL_{el}"), 0);
        assert_eq!(pending(&c), 0);
        msr(&mut c, &format!("{prefix}_CTL_{el}"), 1);
        assert_eq!(pending(&c), 1 << id);
        msr(&mut c, &format!("{prefix}_CVAL_{el}"), u64::MAX);
        assert_eq!(pending(&c), 0);
    }
}

/// FEAT_NMI: PSTATE.ALLINT and SCTLR_ELx.{NMI, SPINTMASK}.
#[test]
#[rustfmt::skip]
fn non_maskable() {
    const SUPER: u64 = 1 << 61;
    const SPINTMASK: u64 = 1 << 62;
    // Columns: an NMI, and another interrupt.
    for (sctlr, daif, allint, want) in [
        (0,                 0x0, false, "taken taken"),
        (0,                 0x2, false, "- -"),
        (0,                 0x0, true,  "taken taken"), // ALLINT masks nothing then
        (SUPER,             0x0, false, "taken taken"),
        (SUPER,             0x2, false, "taken -"),
        (SUPER,             0x0, true,  "- -"),
        (SUPER | SPINTMASK, 0x0, false, "- -"),         // SP_EL1 is in use
    ] {
        let got = [true, false].map(|nmi| {
            let mut c = at(NMI, 1, (NS, 0), 0xf);
            pend(&mut c, 1);
            c.shared.gic.redistributors_for(gic::Security::Secure).write(0x1_0f80, AccessSize::Word, nmi.into());
            msr(&mut c, "SCTLR_EL1", sctlr);
            msr(&mut c, "DAIF", daif << 6);
            msr(&mut c, "ALLINT", u64::from(allint) << 13);
            if c.take_interrupts() { "taken" } else { "-" }
        });
        assert_eq!(got.join(" "), want, "SCTLR {sctlr:x} DAIF {daif:x} ALLINT {allint}");
    }
    let mut c = at(NMI, 1, (NS, 0), 0);
    _ = c.write_pstate(PstateField::AllInt, 1);
    assert_eq!(mrs(&mut c, "ALLINT"), 1 << 13);
    _ = c.write_pstate(PstateField::AllInt, 0);
    // Entry sets it, unless SPINTMASK will do.
    assert_eq!(c.svc(0), Err(Leave::Exception));
    c.take_exception();
    assert!(c.regs.pstate.allint);
    msr(&mut c, "SCTLR_EL1", SPINTMASK);
    _ = c.svc(0);
    c.take_exception();
    assert!(!c.regs.pstate.allint);
    assert_eq!(c.sys.spsr[1] >> 13 & 1, 1);
}
