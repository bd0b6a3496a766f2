//! The whole state of one PE at once, for who takes it to another process.

use crate::{Model, Pmu, Regs, Sys, Timers, Vcpu};
use gic::{InterfaceState, VirtualInterface};
use serde::{Deserialize, Serialize};

/// What a PE is between two instructions. TLBs and decoded code are not part of it, nor is the exclusive monitor, which a
/// PE may lose at any time; statistics are the tool's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VcpuState {
    /// Registers.
    pub regs: Regs,
    /// System registers.
    pub sys: Sys,
    /// Generic timers: compare values are of a count that goes on.
    timers: Timers,
    pmu: Pmu,
    /// The event register.
    pub event: bool,
    /// What software step has just let through.
    stepped: Option<bool>,
    /// The GIC CPU interface.
    interface: InterfaceState,
    virt: Option<VirtualState>,
    /// The level of the maintenance interrupt that was last driven.
    maintenance: bool,
}

/// The registers that are the whole state of a virtual CPU interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct VirtualState {
    hcr: u64,
    vmcr: u64,
    active: [u64; 2],
    lists: Vec<u64>,
}

impl VirtualState {
    fn of(virt: &VirtualInterface) -> VirtualState {
        VirtualState {
            hcr: virt.hcr(),
            vmcr: virt.vmcr(),
            active: [virt.ap0r0(), virt.ap1r0()],
            lists: (0..virt.spec().list_registers).map(|n| virt.lr(n)).collect(),
        }
    }

    fn put(&self, virt: &mut VirtualInterface) {
        self.lists.iter().enumerate().for_each(|(n, list)| virt.set_lr(n, *list));
        virt.set_vmcr(self.vmcr);
        virt.set_ap0r0(self.active[0]);
        virt.set_ap1r0(self.active[1]);
        virt.set_hcr(self.hcr);
    }
}

impl VcpuState {
    /// Is it one that a PE of `model` can have? What is not, and why it matters, if it cannot.
    pub fn check(&self, model: &Model) -> Result<(), &'static str> {
        let pstate = self.regs.pstate;
        match () {
            () if pstate.el > model.highest_el() || pstate.el == 2 && !model.el2 => Err("PSTATE.EL"),
            () if pstate.daif > 0xf => Err("PSTATE.DAIF"),
            () if pstate.btype > 3 => Err("PSTATE.BTYPE"),
            () if self.regs.nzcv > 0xf => Err("PSTATE.NZCV"),
            () if self.virt.is_some() != model.el2 => Err("the virtual CPU interface"),
            () => Ok(()),
        }
    }
}

impl Vcpu {
    /// What it is now. Only between runs of its engine.
    pub fn state(&self) -> VcpuState {
        VcpuState {
            regs: self.regs.clone(),
            sys: self.sys.clone(),
            timers: self.timers.clone(),
            pmu: self.pmu.clone(),
            event: self.event,
            stepped: self.debug.stepped,
            interface: self.gic.save(),
            virt: self.virt.as_deref().map(VirtualState::of),
            maintenance: self.maintenance,
        }
    }

    /// A PE that has just been made goes on as `state`, which fits its model. The GIC has its lines already; here is only
    /// remembered which they are.
    pub fn restore(&mut self, state: &VcpuState) {
        (self.regs, self.sys) = (state.regs.clone(), state.sys.clone());
        (self.timers, self.pmu) = (state.timers.restored(), state.pmu.restored());
        self.event = state.event;
        self.gic.restore(&state.interface);
        if let (Some(virt), Some(state)) = (&mut self.virt, &state.virt) {
            state.put(virt);
        }
        self.maintenance = state.maintenance;
        self.with_virt(|_| ());
        self.debug_changed();
        self.debug.stepped = state.stepped;
        self.refresh();
        self.update_pmu();
        self.update_timers();
    }
}
