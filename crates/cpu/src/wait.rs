//! Waiting: WFI, WFE, SEV.

use crate::sysreg::bits::{hcr, scr, sctlr};
use crate::timer::Which;
use crate::{Exit, Vcpu};
use hw::Leave;
use sync::Reasons;

/// What lets EL0 wait, and what keeps lower levels from it in EL2 and EL3.
const WAIT_I: [u64; 3] = [sctlr::NTWI, hcr::TWI, scr::TWI];
const WAIT_E: [u64; 3] = [sctlr::NTWE, hcr::TWE, scr::TWE];

impl Vcpu {
    /// WFI. `Exit::Wfi`, with the PC after it, unless an interrupt is signalled; PSTATE masks do not count.
    pub fn wfi(&mut self) -> Result<(), Leave> {
        if self.has_wake_up() {
            return Ok(());
        }
        // A trap only of what would otherwise sleep (ARM DDI 0487, SCTLR_EL1.nTWI).
        self.check_wait(WAIT_I, 0)?;
        self.regs.pc = self.regs.pc.wrapping_add(4);
        Err(self.leave(Exit::Wfi))
    }

    /// WFE. `Exit::Wfe`, with the PC after it, unless an event is registered, which it consumes. The machine
    /// does not let it sleep for long: events of the exclusive monitor and the event stream are not generated. An
    /// interrupt that PSTATE masks is no wake-up event for it (ARM DDI 0487, "Wait for Event"); one that it does not mask
    /// is taken when the machine comes back.
    pub fn wfe(&mut self) -> Result<(), Leave> {
        if self.event {
            self.event = false;
            return Ok(());
        }
        self.check_wait(WAIT_E, 1)?;
        self.regs.pc = self.regs.pc.wrapping_add(4);
        Err(self.leave(Exit::Wfe))
    }

    /// WFIT: WFI until the virtual count reaches `deadline`. Waking early is always allowed, so the machine gets no
    /// deadline: it lets other threads run and comes back, as for WFE.
    pub fn wfit(&mut self, deadline: u64) -> Result<(), Leave> {
        if self.is_past(deadline) || self.has_wake_up() {
            return Ok(());
        }
        self.check_wait(WAIT_I, 2)?;
        self.regs.pc = self.regs.pc.wrapping_add(4);
        Err(self.leave(Exit::Wfe))
    }

    /// WFET: WFE until the virtual count reaches `deadline`.
    pub fn wfet(&mut self, deadline: u64) -> Result<(), Leave> {
        if std::mem::take(&mut self.event) || self.is_past(deadline) {
            return Ok(());
        }
        self.check_wait(WAIT_E, 3)?;
        self.regs.pc = self.regs.pc.wrapping_add(4);
        Err(self.leave(Exit::Wfe))
    }

    fn is_past(&self, deadline: u64) -> bool {
        self.timers.count(Which::Virtual, self.shared.clock.now_ns()) >= deadline
    }

    /// SEV: an event for every PE.
    pub fn sev(&mut self) {
        self.event = true;
        let others = self.shared.peers.iter().enumerate().filter(|(index, _)| *index != self.index);
        others.for_each(|(_, peer)| peer.attention.post(Reasons::EVENT));
    }

    /// Traps what would otherwise sleep, if SCTLR_EL1 keeps EL0 from it, or HCR_EL2 or SCR_EL3 everyone below.
    fn check_wait(&mut self, [sctlr, hcr, scr]: [u64; 3], ti: u32) -> Result<(), Leave> {
        if self.regs.pstate.el == 0 && self.sys.sctlr[1] & sctlr == 0 {
            return Err(self.raise_wfx(ti, 0));
        }
        match self.wait_trap(hcr, scr) {
            Some(to) => Err(self.raise_wfx(ti, to)),
            None => Ok(()),
        }
    }

    /// Why this PE, asleep in WFI, is not woken; for a report about a guest that hangs.
    pub fn explain_sleep(&self) -> String {
        let now = self.shared.clock.now_ns();
        let (pc, daif) = (self.regs.pc, self.regs.pstate.daif);
        let timers = self.timers.explain(now);
        format!("PC {pc:#x}, PSTATE.DAIF {daif:04b}, timers: {timers}, GIC: {}", self.gic.explain_masked())
    }
}
