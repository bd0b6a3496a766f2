//! EL2, EL3 and FEAT_NMI: what they change of who takes an interrupt, what is trapped, and what the GIC and the bus
//! see of a PE (ARM DDI 0487, "Asynchronous exception types", "Configurable instruction controls").
//!
//! A PE with none of the three (`Vcpu::layered`) asks nothing here. There is no FEAT_VHE and no FEAT_SEL2: EL2 is
//! Non-secure and HCR_EL2.E2H is RES0.

use crate::exception::Vector;
use crate::sysreg::bits::{hcr, scr, sctlr};
use crate::{Exception, Model, Pstate, ReturnTo, Vcpu};
use a64::Feature;
use gic::{Accessor, VirtualInterface, VirtualSignals, VirtualSpec};
use hw::{IntId, Leave};

/// Which instruction calls the machine's firmware, which is the host and no code of the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduit {
    /// HVC, on a PE without EL2.
    Hvc,
    /// SMC, whether or not there is EL3.
    Smc,
    /// None: the guest has its own firmware.
    None,
}

impl Conduit {
    /// As far as the PE tells: HVC is EL2's where there is EL2.
    pub fn of(model: &Model) -> Conduit {
        if model.el2 || model.el3 { Conduit::Smc } else { Conduit::Hvc }
    }
}

/// List registers of a PE with EL2.
pub(crate) const LIST_REGISTERS: usize = 4;
/// The maintenance interrupt (Arm Base System Architecture, "PPI assignments").
const MAINTENANCE: IntId = IntId::ppi(9);

/// The virtual CPU interface of a PE with EL2.
pub(crate) fn virtual_interface(model: &Model) -> Option<Box<VirtualInterface>> {
    let nmi = model.has(Feature::NMI);
    let spec = VirtualSpec { list_registers: LIST_REGISTERS, nmi, extended_range: true };
    model.el2.then(|| Box::new(VirtualInterface::new(spec).expect("the number of list registers is in range")))
}

impl Vcpu {
    /// Is EL2 there in the current security state? SCR_EL3.NS is 1 on models without EL3.
    #[inline]
    pub(crate) fn el2_enabled(&self) -> bool {
        self.model.el2 && self.sys.scr & scr::NS != 0
    }

    /// HCR_EL2 as it has effect.
    #[inline]
    pub(crate) fn hcr(&self) -> u64 {
        if self.el2_enabled() { self.sys.hcr } else { 0 }
    }

    /// Are this PE's accesses Secure? Page tables have no say (their NS bits are ignored).
    #[inline(always)]
    pub(crate) fn is_secure(&self) -> bool {
        self.model.el3 && (self.regs.pstate.el == 3 || self.sys.scr & scr::NS == 0)
    }

    /// The Exception level, SCR_EL3, or SCTLR_ELx.NMI has changed: tells the CPU interface.
    pub(crate) fn accessor_changed(&mut self) {
        let el = self.regs.pstate.el;
        let nmi = self.sys.sctlr[el.max(1) as usize & 3] & sctlr::NMI != 0;
        let (secure, fiq_to_el3) = match self.model.el3 {
            true => (self.sys.scr & scr::NS == 0, self.sys.scr & scr::FIQ != 0),
            false => (false, false),
        };
        self.gic.set_accessor(Accessor { el, secure, fiq_to_el3, nmi });
    }

    // Interrupts.

    /// Where a physical interrupt goes.
    fn interrupt_target(&self, hcr_bit: u64, scr_bit: u64) -> u8 {
        if self.model.el3 && self.sys.scr & scr_bit != 0 {
            3
        } else if self.hcr() & (hcr_bit | hcr::TGE) != 0 {
            2
        } else {
            1
        }
    }

    /// Is an interrupt for `target` taken now? It cannot be masked below its level, and waits above it.
    fn is_open(&self, target: u8, mask: u8, superpriority: bool) -> bool {
        let Pstate { el, sp_elx, daif, allint, .. } = self.regs.pstate;
        let el = el.max(1);
        if target != el {
            return target > el;
        }
        let control = self.sys.sctlr[el as usize & 3];
        let nmis = control & sctlr::NMI != 0;
        let all = nmis && (allint || control & sctlr::SPINTMASK != 0 && sp_elx);
        !all && (daif & mask == 0 || nmis && superpriority)
    }

    /// Virtual interrupts that wait for EL1, whether masked or not; only below EL2.
    fn virtual_lines(&self) -> VirtualSignals {
        let hcr = self.hcr();
        if hcr & (hcr::IMO | hcr::FMO) == 0 || hcr & hcr::TGE != 0 || self.regs.pstate.el > 1 {
            return VirtualSignals::default();
        }
        let listed = self.virt.as_ref().map_or(VirtualSignals::default(), |virt| virt.signals());
        let irq = hcr & hcr::IMO != 0 && (hcr & hcr::VI != 0 || listed.irq);
        let fiq = hcr & hcr::FMO != 0 && (hcr & hcr::VF != 0 || listed.fiq);
        VirtualSignals { irq, fiq, nmi: irq && listed.nmi }
    }

    /// A virtual SError interrupt waits.
    fn virtual_serror(&self) -> bool {
        const BOTH: u64 = hcr::AMO | hcr::VSE;
        self.regs.pstate.el <= 1 && self.hcr() & (BOTH | hcr::TGE) == BOTH
    }

    /// The interrupt to take now, of a PE that has any of EL2, EL3 and NMI. The order is IMPLEMENTATION DEFINED.
    pub(crate) fn layered_interrupt(&self) -> Option<(u8, Vector)> {
        use Pstate as P;
        let real = self.gic.signals();
        if real.fiq {
            let target = self.interrupt_target(hcr::FMO, scr::FIQ);
            if self.is_open(target, P::F, real.nmi) {
                return Some((target, Vector::Fiq));
            }
        }
        if real.irq {
            let target = self.interrupt_target(hcr::IMO, scr::IRQ);
            if self.is_open(target, P::I, real.nmi) {
                return Some((target, Vector::Irq));
            }
        }
        if self.model.el2 { self.virtual_interrupt() } else { None }
    }

    fn virtual_interrupt(&self) -> Option<(u8, Vector)> {
        use Pstate as P;
        let lines = self.virtual_lines();
        if lines.fiq && self.is_open(1, P::F, false) {
            return Some((1, Vector::Fiq));
        }
        if lines.irq && self.is_open(1, P::I, lines.nmi) {
            return Some((1, Vector::Irq));
        }
        (self.virtual_serror() && self.regs.pstate.daif & P::A == 0).then_some((1, Vector::SError))
    }

    /// ISR_EL1: what is pending for this level, whatever masks it. SErrors are only ever virtual.
    pub(crate) fn isr(&self) -> u64 {
        const FS: u64 = 1 << 9;
        const IS: u64 = 1 << 10;
        let real = self.gic.signals();
        let (mut irq, mut fiq, mut nmi) = (real.irq, real.fiq, real.nmi);
        let mut serror = false;
        if self.regs.pstate.el <= 1 {
            let (hcr, lines) = (self.hcr(), self.virtual_lines());
            if hcr & hcr::FMO != 0 {
                (fiq, nmi) = (lines.fiq, nmi && irq);
            }
            if hcr & hcr::IMO != 0 {
                (irq, nmi) = (lines.irq, lines.nmi || nmi && fiq);
            }
            serror = self.virtual_serror();
        }
        let superpriority = match (nmi && self.model.has(Feature::NMI), irq) {
            (false, _) => 0,
            (true, true) => IS,
            (true, false) => FS,
        };
        u64::from(serror) << 8 | u64::from(irq) << 7 | u64::from(fiq) << 6 | superpriority
    }

    /// Does WFI not wait? Waking early is always allowed, so that routing does not matter.
    #[inline]
    pub(crate) fn has_wake_up(&self) -> bool {
        let signals = self.gic.signals();
        if signals.irq || signals.fiq || !self.layered {
            return signals.irq || signals.fiq;
        }
        let lines = self.virtual_lines();
        lines.irq || lines.fiq || self.virtual_serror()
    }

    /// The level that traps a wait which SCTLR_EL1 does not: HCR_EL2.{TWI, TWE}, SCR_EL3.{TWI, TWE}.
    pub(crate) fn wait_trap(&self, hcr_bit: u64, scr_bit: u64) -> Option<u8> {
        let el = self.regs.pstate.el;
        if !self.layered {
            None
        } else if el < 2 && self.hcr() & hcr_bit != 0 {
            Some(2)
        } else if el < 3 && self.model.el3 && self.sys.scr & scr_bit != 0 {
            Some(3)
        } else {
            None
        }
    }

    /// An exception that level `to` wants of a lower one; the instruction has had no effect.
    #[cold]
    pub(crate) fn raise_to(&mut self, to: u8, class: u32, iss: u32) -> Leave {
        self.raise(Exception { class, iss, far: None, return_to: ReturnTo::This, to })
    }

    /// What firmware of EL3, and what boots at EL2, leave to an operating system at Non-secure EL1: nothing is routed
    /// or trapped above it. The PE has just been reset.
    pub fn leave_to_el1(&mut self) {
        if self.model.highest_el() == 1 {
            return;
        }
        self.sys.scr |= scr::NS;
        self.set_pstate(Pstate::reset(1));
        self.refresh();
    }

    // The virtual CPU interface.

    /// Does something with the virtual CPU interface, and drives the maintenance interrupt as it is then.
    pub(crate) fn with_virt<T: Default>(&mut self, what: impl FnOnce(&mut VirtualInterface) -> T) -> T {
        let Some(virt) = &mut self.virt else { return T::default() };
        let result = what(virt);
        let high = virt.maintenance();
        if self.maintenance != high {
            self.maintenance = high;
            self.shared.gic.set_ppi(self.index, MAINTENANCE, high);
        }
        result
    }

    /// At reset: nothing in the list registers, and the line low.
    pub(crate) fn reset_virt(&mut self) {
        self.with_virt(|virt| virt.reset());
    }
}
