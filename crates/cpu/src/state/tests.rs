//! What writes can leave in registers is accepted, and one bit more is not.

use super::*;
use crate::Extras;

fn each(what: impl Fn(&mut Examiner)) {
    for model in Model::all() {
        for bits in 0..8 {
            let extras = Extras { el2: bits & 1 != 0, el3: bits & 2 != 0, nmi: bits & 4 != 0 };
            what(&mut Examiner::new(model.with(extras)));
        }
    }
}

#[test]
fn what_writes_leave_is_accepted() {
    each(|examiner| {
        let model = examiner.pe.model;
        let state = examiner.pe.state();
        assert_eq!(examiner.check(&state), Ok(()), "at reset");
        for value in [u64::MAX, 0, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa] {
            let state = {
                examiner.pe.reset();
                for row in sysreg::storage(model) {
                    // What is not there is UNDEFINED, or RES0.
                    _ = examiner.pe.write_sysreg(row.reg, value);
                }
                // The level, and what goes with it, is what it was.
                let pstate = Pstate::reset(model.highest_el());
                let pstate = Pstate { allint: examiner.pe.regs.pstate.allint, ..pstate };
                VcpuState { regs: Regs { pstate, ..examiner.pe.regs.clone() }, ..examiner.pe.state() }
            };
            assert_eq!(examiner.check(&state), Ok(()), "{} after {value:#x}", model.name);
        }
    });
}

#[test]
fn what_no_write_leaves_is_refused() {
    each(|examiner| {
        examiner.pe.reset();
        let (model, state) = (examiner.pe.model, examiner.pe.state());
        let mut refused = |name: &str, change: &dyn Fn(&mut VcpuState)| {
            let mut state = state.clone();
            change(&mut state);
            let said = examiner.check(&state).expect_err(name);
            assert!(said.starts_with(name), "{said}");
        };
        refused("VBAR_EL1", &|it| it.sys.vbar[1] = 4);
        refused("SCTLR_EL1", &|it| it.sys.sctlr[1] |= 1 << 63);
        refused("TTBR0_EL1", &|it| it.sys.ttbr0[1] = 1);
        refused("FPCR", &|it| it.regs.fpcr = 1);
        refused("PSTATE.EL", &|it| it.regs.pstate.el = 4);
        refused("PSTATE.EL", &|it| it.regs.pstate.el = 0xff);
        refused("PSTATE.DAIF", &|it| it.regs.pstate.daif = 0x1f);
        refused("PSTATE.BTYPE", &|it| it.regs.pstate.btype = 4);
        refused("PSTATE.NZCV", &|it| it.regs.nzcv = 0x10);
        refused("PSTATE.SP", &|it| it.regs.pstate.el = 0);
        if !model.el2 {
            refused("PSTATE.EL", &|it| it.regs.pstate.el = 2);
            refused("HCR_EL2", &|it| it.sys.hcr ^= 1 << 27);
        }
        if !model.el3 {
            refused("SCR_EL3", &|it| it.sys.scr ^= 1);
        }
        if !model.has(Feature::NMI) {
            refused("PSTATE", &|it| it.regs.pstate.allint = true);
        }
        let lists = |lists| VirtualState { hcr: 0, vmcr: 0, active: [0; 2], lists: vec![0; lists] };
        refused("the virtual CPU interface", &|it| it.virt = Some(lists(if model.el2 { 5 } else { 4 })));
    });
}
