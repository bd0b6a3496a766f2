//! The whole state of one PE at once, for who takes it to another process.

use crate::levels::LIST_REGISTERS;
use crate::sysreg::{self, bits::scr};
use crate::{Alarms, Model, Peer, Pmu, Pstate, Regs, Shared, Sys, Timers, TlbiQueue, Vcpu, VcpuSpec};
use a64::Feature;
use gic::{Affinity, Features, Gic, GicSpec, InterfaceState, PeSpec, VirtualInterface};
use hw::{Clock, PhysAddr};
use mem::{Bus, Ram};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use sync::Attention;

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
    /// Is it one that a PE of `model` can have, as far as PSTATE tells? What is not, if it cannot.
    fn check_pstate(&self, model: &Model) -> Result<(), &'static str> {
        let (Pstate { el, sp_elx, daif, btype, .. }, nzcv) = (self.regs.pstate, self.regs.nzcv);
        let fits = |it: Pstate| it.to_spsr(nzcv) & !sysreg::spsr(model) == 0;
        match () {
            () if el > model.highest_el() || el == 2 && !model.el2 => Err("PSTATE.EL"),
            () if el == 2 && model.el3 && self.sys.scr & scr::NS == 0 => Err("PSTATE.EL, as EL2 is Non-secure"),
            () if el == 0 && sp_elx => Err("PSTATE.SP, as EL0 has one stack pointer"),
            () if daif > 0xf => Err("PSTATE.DAIF"),
            () if btype > 3 => Err("PSTATE.BTYPE"),
            () if nzcv > 0xf => Err("PSTATE.NZCV"),
            () if !fits(self.regs.pstate) => Err("PSTATE, which has a bit of a feature that is not there"),
            () => Ok(()),
        }
    }
}

/// Whether states that come from elsewhere are ones that PEs of a model can have.
pub struct Examiner {
    /// To ask.
    pe: Vcpu,
    /// What its registers hold at reset, which a write need not be able to leave there.
    begins: Vec<u64>,
}

impl Examiner {
    /// Of a model.
    pub fn new(model: &'static Model) -> Examiner {
        let attention = Arc::new(Attention::new());
        let pe = PeSpec { affinity: Affinity::default(), attention: attention.clone() };
        let features = Features { two_states: model.el3, nmi: model.has(Feature::NMI), ..Features::default() };
        let gic = Gic::new(GicSpec { pes: vec![pe], features, ..GicSpec::default() }).expect("one PE is allowed");
        let ram = Ram::new(PhysAddr(0), 4096).expect("the host has a page");
        let (clock, attentions) = (Clock::start(), vec![attention.clone()]);
        let alarms = Alarms::new(clock, attentions);
        let peers = vec![Peer { attention, tlbi: TlbiQueue::new() }];
        let shared = Arc::new(Shared { bus: Bus::new(ram), gic, clock, alarms, peers });
        let pe = Vcpu::new(VcpuSpec { index: 0, mpidr: 0, model }, shared);
        Examiner { begins: sysreg::storage(model).map(|row| row.held(&pe)).collect(), pe }
    }

    /// What of `state` no PE can have: a field of PSTATE, or a register that holds what none of its writes leaves there.
    pub fn check(&mut self, state: &VcpuState) -> Result<(), &'static str> {
        let model = self.pe.model;
        state.check_pstate(model)?;
        let Sys { hcr, scr, .. } = state.sys;
        let fixed = sysreg::reset_values(model);
        let lists = state.virt.as_ref().map(|virt| virt.lists.len());
        match () {
            () if lists != model.el2.then_some(LIST_REGISTERS) => return Err("the virtual CPU interface"),
            () if !model.el2 && hcr != fixed.hcr => return Err("HCR_EL2"),
            () if !model.el3 && scr != fixed.scr => return Err("SCR_EL3"),
            () => {}
        }
        (self.pe.regs, self.pe.sys) = (state.regs.clone(), state.sys.clone());
        let mut rows = sysreg::storage(model).zip(&self.begins).map(|(row, begins)| (row, row.held(&self.pe), *begins));
        let odd = rows.find(|(row, held, begins)| row.masked(model, *held) != *held && held != begins);
        odd.map_or(Ok(()), |(row, ..)| Err(row.name))
    }
}

impl Vcpu {
    /// What it is now. Only between runs of its engine.
    pub fn state(&self) -> VcpuState {
        VcpuState {
            regs: self.regs.clone(),
            sys: self.sys.clone(),
            timers: self.timers.clone(),
            pmu: self.pmu.saved(),
            event: self.event,
            stepped: self.debug.stepped,
            interface: self.gic.save(),
            virt: self.virt.as_deref().map(VirtualState::of),
        }
    }

    /// A PE that has just been made goes on as `state`, which fits its model. The GIC has its lines already: driving them again
    /// as they are is no edge.
    pub fn restore(&mut self, state: &VcpuState) {
        (self.regs, self.sys) = (state.regs.clone(), state.sys.clone());
        let now = self.shared.clock.now_ns();
        (self.timers, self.pmu) = (state.timers.restored(self.layered, now), state.pmu.restored(self.model));
        self.event = state.event;
        self.gic.restore(&state.interface);
        if let (Some(virt), Some(state)) = (&mut self.virt, &state.virt) {
            state.put(virt);
        }
        // Driven anew, whatever was said of it.
        self.maintenance = self.virt.as_ref().is_some_and(|virt| !virt.maintenance());
        self.with_virt(|_| ());
        self.debug_changed();
        self.debug.stepped = state.stepped;
        self.refresh();
        self.update_pmu();
        self.update_timers();
    }
}

#[cfg(test)]
mod tests;
