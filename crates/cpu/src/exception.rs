//! Exceptions: how they are raised, taken and returned from (ARM DDI 0487, `AArch64.TakeException`,
//! `AArch64.ExceptionReturn`).
//!
//! Raising fills `Vcpu::exception` and gives a `Leave`; the run loop calls `take_exception`. `Fault` becomes
//! an exception in `raise_fault` and nowhere else. What EL2 and EL3 route to themselves is in `levels`.

use crate::levels::Conduit;
use crate::sysreg::bits::{cptr, hcr, scr, sctlr};
use crate::{Abort, Exception, Exit, Fault, FaultStatus, Monitor, Pstate, ReturnTo, Vcpu};
use a64::{Feature, PacKey, Pauth, SysReg};
use hw::{AccessSize, Leave, VirtAddr};

/// Exception classes (ESR_ELx.EC).
pub mod class {
    #![allow(missing_docs)]
    pub const UNKNOWN: u32 = 0x00;
    pub const WFX: u32 = 0x01;
    pub const FP: u32 = 0x07;
    pub const BRANCH_TARGET: u32 = 0x0d;
    pub const ILLEGAL_STATE: u32 = 0x0e;
    pub const SVC: u32 = 0x15;
    pub const HVC: u32 = 0x16;
    pub const SMC: u32 = 0x17;
    pub const SYSTEM: u32 = 0x18;
    pub const FETCH_ABORT: u32 = 0x20;
    pub const PC_ALIGNMENT: u32 = 0x22;
    pub const DATA_ABORT: u32 = 0x24;
    pub const SP_ALIGNMENT: u32 = 0x26;
    pub const MOPS: u32 = 0x27;
    pub const SERROR: u32 = 0x2f;
    pub const BREAKPOINT: u32 = 0x30;
    pub const STEP: u32 = 0x32;
    pub const WATCHPOINT: u32 = 0x34;
    pub const BRK: u32 = 0x3c;
}

/// ESR_ELx.IL: every instruction is 32 bits, and the other cases are defined as 1.
const IL: u64 = 1 << 25;
/// ISS of conditional instructions: CV = 1, COND = 0b1110, as always from A64.
const CONDITION: u32 = 1 << 24 | 0xe << 20;

/// Offset of a vector in its group of four.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Vector {
    Synchronous = 0x000,
    Irq = 0x080,
    Fiq = 0x100,
    SError = 0x180,
}

impl Vcpu {
    #[cold]
    fn raise_class(&mut self, class: u32, iss: u32, far: Option<VirtAddr>) -> Leave {
        self.raise(Exception { class, iss, far, return_to: ReturnTo::This, to: 0 })
    }

    /// An abort.
    #[cold]
    pub fn raise_fault(&mut self, fault: Fault) -> Leave {
        if fault.abort == Abort::Fetch && self.is_locked_up(fault.address) {
            return self.leave(Exit::Lockup);
        }
        const WNR: u32 = 1 << 6;
        const CM: u32 = 1 << 8;
        let (class, kind) = match fault.abort {
            Abort::Fetch => (class::FETCH_ABORT, 0),
            Abort::Read => (class::DATA_ABORT, 0),
            Abort::Write => (class::DATA_ABORT, WNR),
            Abort::Maintenance => (class::DATA_ABORT, WNR | CM),
        };
        let external = matches!(fault.status, FaultStatus::External | FaultStatus::ExternalOnWalk(_));
        let to = if external && self.model.el3 && self.sys.scr & scr::EA != 0 { 3 } else { 0 };
        let (iss, far) = (kind | fault.status.code(), Some(fault.address));
        self.raise(Exception { class, iss, far, return_to: ReturnTo::This, to })
    }

    /// The first instruction of the vector that a fetch abort goes to cannot be fetched itself, and it has
    /// already been tried once: nothing this PE does will ever change that.
    fn is_locked_up(&self, at: VirtAddr) -> bool {
        let Pstate { el, sp_elx, daif, .. } = self.regs.pstate;
        let (pc, level) = (self.regs.pc, el as usize);
        let vector = self.sys.vbar[level].wrapping_add(if sp_elx { 0x200 } else { 0 });
        el > 0 && daif == 0xf && at.0 == pc && pc == vector && self.sys.elr[level] == pc
    }

    /// UNDEFINED.
    #[cold]
    pub fn raise_undefined(&mut self) -> Leave {
        self.raise_class(class::UNKNOWN, 0, None)
    }

    /// The PC is not a multiple of 4.
    #[cold]
    pub fn raise_pc_alignment(&mut self, pc: u64) -> Leave {
        self.raise_class(class::PC_ALIGNMENT, 0, Some(VirtAddr(pc)))
    }

    /// SP was used as a base and is not a multiple of 16.
    #[cold]
    pub fn raise_sp_alignment(&mut self) -> Leave {
        self.raise_class(class::SP_ALIGNMENT, 0, None)
    }

    /// A system instruction that a control register traps. The register number of the operand, which the
    /// table does not know, is read from the instruction.
    #[cold]
    pub(crate) fn raise_system_trap(&mut self, reg: SysReg, is_read: bool, to: u8) -> Leave {
        let rt = self.instruction_word().map_or(31, |word| word & 31);
        let SysReg(code) = reg;
        let field = |low: u32, width: u32| u32::from(code) >> low & ((1 << width) - 1);
        let (op0, op1, crn, crm, op2) = (field(14, 2), field(11, 3), field(7, 4), field(3, 4), field(0, 3));
        let iss = op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | u32::from(is_read);
        self.raise_to(to, class::SYSTEM, iss)
    }

    /// The instruction at the PC; it has just been executed, so only another PE's change of the tables
    /// makes this fail.
    fn instruction_word(&mut self) -> Option<u32> {
        let pa = self.fetch(self.regs.pc).ok()?;
        self.shared.bus.read(pa, AccessSize::Word).map(|word| word as u32)
    }

    /// SIMD&FP access while CPACR_EL1.FPEN, CPTR_EL2.TFP or CPTR_EL3.TFP forbids it.
    #[cold]
    pub(crate) fn raise_fp(&mut self) -> Leave {
        let to = match self.regs.pstate.el {
            0 | 1 if !self.fp_open_by_cpacr() => 0,
            0..=2 if self.el2_enabled() && self.sys.cptr[2] & cptr::TFP != 0 => 2,
            _ => 3,
        };
        self.raise_to(to, class::FP, CONDITION)
    }

    /// WFI (`TI` 0), WFE (1), WFIT (2) or WFET (3) trapped by SCTLR_EL1.{nTWI, nTWE}, or by level `to`.
    #[cold]
    pub(crate) fn raise_wfx(&mut self, ti: u32, to: u8) -> Leave {
        self.raise_to(to, class::WFX, CONDITION | ti)
    }

    /// SVC.
    pub fn svc(&mut self, imm: u32) -> Result<(), Leave> {
        Err(self.raise_call(class::SVC, imm))
    }

    fn raise_call(&mut self, class: u32, iss: u32) -> Leave {
        self.raise(Exception { class, iss, far: None, return_to: ReturnTo::Next, to: 0 })
    }

    /// A call of the machine's firmware. PC is then already after it.
    fn call_firmware(&mut self) -> Leave {
        self.regs.pc = self.regs.pc.wrapping_add(4);
        self.leave(Exit::Firmware)
    }

    /// HVC: an exception to EL2, unless it is UNDEFINED there (`AArch64.CallHypervisor`); on models without EL2 a call
    /// of the machine's firmware, which is what PSCI's HVC conduit is.
    pub fn hvc(&mut self, imm: u32) -> Result<(), Leave> {
        let el = self.regs.pstate.el;
        if el > 0 && self.conduit == Conduit::Hvc {
            return Err(self.call_firmware());
        }
        let enabled = match self.model.el3 {
            true => self.sys.scr & scr::HCE != 0,
            false => self.sys.hcr & hcr::HCD == 0,
        };
        if el == 0 || !self.model.el2 || el == 1 && !self.el2_enabled() || !enabled {
            return Err(self.raise_undefined());
        }
        Err(self.raise_call(class::HVC, imm))
    }

    /// SMC: an exception to EL3, or to EL2 if HCR_EL2.TSC asks for EL1's (`AArch64.CheckForSMCUndefOrTrap`); a call of
    /// the machine's firmware if that is what this board has in the place of EL3's software.
    pub fn smc(&mut self, imm: u32) -> Result<(), Leave> {
        let el = self.regs.pstate.el;
        if el == 0 {
            return Err(self.raise_undefined());
        }
        if el == 1 && self.hcr() & hcr::TSC != 0 {
            return Err(self.raise_to(2, class::SMC, imm));
        }
        if self.conduit == Conduit::Smc {
            return Err(self.call_firmware());
        }
        if !self.model.el3 || self.sys.scr & scr::SMD != 0 {
            return Err(self.raise_undefined());
        }
        Err(self.raise_call(class::SMC, imm))
    }

    /// BRK.
    pub fn brk(&mut self, imm: u32) -> Result<(), Leave> {
        Err(self.raise_class(class::BRK, imm, None))
    }

    /// Takes the exception that was raised; the PC is still that of the instruction.
    #[inline]
    pub fn take_exception(&mut self) {
        let Exception { class, iss, far, return_to, to } = self.exception;
        let target = if to == 0 { self.synchronous_target(class) } else { to.max(self.regs.pstate.el) };
        let level = target as usize;
        let has_two = matches!(
            class,
            class::FETCH_ABORT | class::DATA_ABORT | class::BREAKPOINT | class::STEP | class::WATCHPOINT
        );
        let same = target == self.regs.pstate.el;
        let class = class + u32::from(has_two && same);
        self.stats.exceptions[class as usize & 63] += 1;
        self.sys.esr[level] = u64::from(class) << 26 | IL | u64::from(iss);
        if let Some(VirtAddr(far)) = far {
            self.sys.far[level] = far;
        }
        let back = match return_to {
            ReturnTo::This => self.regs.pc,
            ReturnTo::Next => self.regs.pc.wrapping_add(4),
        };
        self.enter(target, Vector::Synchronous, back);
    }

    /// Takes an IRQ or FIQ that is signalled and not masked; false if there is none. A PE in Illegal
    /// Execution state, which only context synchronisation leads to, takes that exception here.
    #[inline]
    pub fn take_interrupts(&mut self) -> bool {
        match self.interrupt() {
            Some((target, vector)) => {
                if vector == Vector::SError {
                    self.begin_virtual_serror();
                }
                self.enter(target, vector, self.regs.pc);
                true
            }
            None => {
                if self.regs.pstate.il {
                    self.take_illegal_state();
                }
                false
            }
        }
    }

    /// Would `take_interrupts` take one?
    #[inline]
    pub fn interrupt_waits(&self) -> bool {
        self.interrupt().is_some()
    }

    /// The interrupt to take now. FIQ before IRQ: the order is IMPLEMENTATION DEFINED.
    #[inline]
    fn interrupt(&self) -> Option<(u8, Vector)> {
        const BOTH: u8 = Pstate::I | Pstate::F;
        if self.layered {
            return self.layered_interrupt();
        }
        let masked = self.regs.pstate.daif;
        if masked & BOTH == BOTH || self.gic.is_quiet() {
            return None;
        }
        let signals = self.gic.signals();
        if signals.fiq && masked & Pstate::F == 0 {
            return Some((1, Vector::Fiq));
        }
        (signals.irq && masked & Pstate::I == 0).then_some((1, Vector::Irq))
    }

    /// The virtual SError interrupt is taken: its syndrome is VSESR_EL2's.
    #[cold]
    fn begin_virtual_serror(&mut self) {
        const SYNDROME: u64 = 0x1ff_ffff;
        self.sys.esr[1] = u64::from(class::SERROR) << 26 | IL | self.sys.vsesr & SYNDROME;
        self.sys.hcr &= !hcr::VSE;
    }

    /// Where a synchronous exception from the current level goes.
    #[inline]
    fn synchronous_target(&self, class: u32) -> u8 {
        let el = self.regs.pstate.el;
        match class {
            class::SMC => 3,
            class::HVC => el.max(2),
            _ if el == 0 && self.layered && self.hcr() & hcr::TGE != 0 => 2,
            _ => el.max(1),
        }
    }

    /// Fetching comes before finding that the state is illegal (ARM DDI 0487, "Synchronous exception
    /// prioritization").
    #[cold]
    fn take_illegal_state(&mut self) {
        if self.fetch(self.regs.pc) != Err(Leave::Exception) {
            self.raise_class(class::ILLEGAL_STATE, 0, None);
        }
        self.take_exception();
    }

    /// The common end of all exceptions.
    #[inline(always)]
    fn enter(&mut self, target: u8, vector: Vector, return_address: u64) {
        let level = target as usize;
        let old = self.regs.pstate;
        self.sys.elr[level] = self.branch_address(return_address);
        self.sys.spsr[level] = old.to_spsr(self.regs.nzcv);
        let group = match (target == old.el, old.sp_elx) {
            (true, false) => 0x000,
            (true, true) => 0x200,
            (false, _) => 0x400,
        };
        let control = self.sys.sctlr[level];
        let new = Pstate {
            el: target,
            sp_elx: true,
            daif: 0xf,
            pan: old.pan || target == 1 && self.model.pan() && control & sctlr::SPAN == 0,
            uao: false,
            il: false,
            ss: false,
            ssbs: control & sctlr::DSSBS != 0,
            dit: old.dit,
            btype: 0,
            allint: self.layered && self.model.has(Feature::NMI) && control & sctlr::SPINTMASK == 0,
        };
        self.forget_step();
        self.pmu.exception_taken(target);
        self.set_pstate(new);
        self.regs.pc = self.sys.vbar[level].wrapping_add(group + vector as u64);
    }

    /// ERETAA, ERETAB.
    pub fn eret_authenticated(&mut self, key: PacKey) -> Result<(), Leave> {
        let target = self.sys.elr[self.regs.pstate.el as usize];
        self.eret_to(self.pauth(Pauth::Authenticate(key), target, self.regs.sp))
    }

    /// ERET.
    pub fn eret(&mut self) -> Result<(), Leave> {
        self.eret_to(self.sys.elr[self.regs.pstate.el as usize])
    }

    #[inline(always)]
    fn eret_to(&mut self, target: u64) -> Result<(), Leave> {
        let el = self.regs.pstate.el;
        if el == 0 {
            return Err(self.raise_undefined());
        }
        let spsr = self.sys.spsr[el as usize];
        let (wanted, nzcv) = Pstate::from_spsr(spsr);
        let new = if self.is_legal_return(spsr) {
            Pstate { ss: self.step_of_return(wanted, wanted.el), ..wanted }
        } else {
            let Pstate { daif, pan, allint, .. } = wanted;
            Pstate { il: true, ss: self.step_of_return(wanted, el), daif, pan, allint, btype: 0, ..self.regs.pstate }
        };
        self.forget_step();
        self.pmu.exception_returned(el);
        self.regs.nzcv = nzcv;
        self.regs.pc = target;
        self.monitor = Monitor::default();
        self.event = true;
        self.set_pstate(new);
        Err(Leave::Resync)
    }

    /// ARM DDI 0487, "Illegal exception returns from AArch64 state".
    #[inline]
    fn is_legal_return(&self, spsr: u64) -> bool {
        let (el, sp_elx) = ((spsr >> 2 & 3) as u8, spsr & 1 != 0);
        let is_aarch64 = spsr & 0b1_0000 == 0;
        let is_mode = spsr & 0b10 == 0 && (el != 0 || !sp_elx);
        let is_below = el <= self.regs.pstate.el;
        let is_there = match el {
            0 => true,
            1 => !self.layered || self.hcr() & hcr::TGE == 0,
            2 => self.el2_enabled(),
            _ => self.model.el3,
        };
        is_aarch64 && is_mode && is_below && is_there
    }

    /// Replaces PSTATE (without the flags): stack pointer bank, translation context, caches.
    #[inline(always)]
    pub fn set_pstate(&mut self, new: Pstate) {
        let old = std::mem::replace(&mut self.regs.pstate, new);
        self.switch_stack(old);
        self.refresh_fp();
        self.refresh_debug();
        self.level_changed();
        if self.layered {
            self.accessor_changed();
        }
    }

    /// Puts `regs.sp` back into the bank that `old` selected and takes the current one.
    #[inline(always)]
    pub(crate) fn switch_stack(&mut self, old: Pstate) {
        let bank = |p: Pstate| if p.sp_elx { p.el as usize } else { 0 };
        self.sys.sp_el[bank(old)] = self.regs.sp;
        self.regs.sp = self.sys.sp_el[bank(self.regs.pstate)];
    }

    /// The last exception that was taken, for a report about a guest that cannot go on.
    pub fn describe_exception(&self) -> String {
        let level = self.regs.pstate.el.max(1) as usize;
        let (esr, elr, far, pc) = (self.sys.esr[level], self.sys.elr[level], self.sys.far[level], self.regs.pc);
        let what = match (esr >> 26) as u32 {
            class::UNKNOWN => "undefined instruction",
            class::ILLEGAL_STATE => "illegal execution state",
            class::FETCH_ABORT | 0x21 => "instruction abort",
            class::DATA_ABORT | 0x25 => "data abort",
            class::PC_ALIGNMENT => "PC alignment fault",
            class::SP_ALIGNMENT => "SP alignment fault",
            class::BRANCH_TARGET => "branch target exception",
            class::SVC => "SVC",
            class::BREAKPOINT | 0x31 => "breakpoint",
            class::STEP | 0x33 => "software step",
            class::WATCHPOINT | 0x35 => "watchpoint",
            class::BRK => "BRK",
            _ => "exception",
        };
        format!("PC {pc:#x} at EL{level}: {what}, ESR {esr:#x}, ELR {elr:#x}, FAR {far:#x}")
    }
}
