//! Gates: what configuration closes between interrupts and PEs, and the words of GICD_CTLR and STATUSR.
//!
//! Writers are serialised by one mutex; readers, and everything on an interrupt's way, never take it.

use super::State;
use crate::prim::{MutexGuard, Ordering::*};
use crate::published::Published;
use crate::word::{G0, GROUPS};
use sync::Reasons;

/// What GICD_CTLR holds, as Secure software sees it: EnableGrp0, EnableGrp1(NS), EnableGrp1S in bits 0 to 2, DS in 6,
/// E1NWF in 7. With one security state bit 2 is zero. DS and E1NWF are there twice: as they apply, and `WRITTEN` bits further
/// up as they read, which is the same but in `Fidelity::Relaxed`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Control(pub u32);

impl Control {
    pub const ENABLES: u32 = 0b111;
    pub const DS: u32 = 1 << 6;
    pub const E1NWF: u32 = 1 << 7;
    /// What applies late, besides groups that close.
    const LATE: u32 = Self::DS | Self::E1NWF;
    const WRITTEN: u32 = 16;

    /// After power-on: no group enabled.
    pub fn at_reset(two_states: bool) -> Control {
        Control::of(if two_states { 0 } else { Self::DS }, if two_states { 0 } else { Self::DS })
    }

    /// Of what the register reads as, and which of `LATE` applies.
    fn of(register: u32, applies: u32) -> Control {
        // EnableGrp1S is RES0 with one security state.
        let enables = if applies & Self::DS != 0 { Self::ENABLES & !0b100 } else { Self::ENABLES };
        Control(register & enables | applies | (register & Self::LATE) << Self::WRITTEN)
    }

    /// What the register reads as.
    pub fn register(self) -> u32 {
        self.0 & Self::ENABLES | self.0 >> Self::WRITTEN & Self::LATE
    }

    /// Is there one security state (DS)?
    #[inline(always)]
    pub fn one_state(self) -> bool {
        self.0 & Self::DS != 0
    }

    /// Is this group enabled in the distributor?
    pub fn enables(self, group: usize) -> bool {
        self.0 >> group & 1 != 0
    }

    /// E1NWF: may a 1-of-N interrupt choose a PE that is asleep?
    pub fn wakes_for_one_of_n(self) -> bool {
        self.0 & Self::E1NWF != 0
    }
}

impl State {
    /// Serialises the writers of gates; nothing on an interrupt's way takes it.
    pub(super) fn configure(&self) -> MutexGuard<'_, ()> {
        self.configuration.lock().expect("no code panics while it holds this lock")
    }

    #[inline(always)]
    pub fn control(&self) -> Control {
        // Acquire: who sees the second security state gone sees the words as that left them.
        Control(self.control.load(Acquire))
    }

    /// Replaces what `mask` covers of the register. DS can be set, and only power-on clears it (IHI 0069,
    /// GICD_CTLR.DS). Groups that are disabled close, and DS and E1NWF apply, at once, or, if `late`, with `settle_control`.
    pub fn set_control(&self, value: u32, mask: u32, late: bool) {
        let _configuration = self.configure();
        let old = self.control();
        let register = old.register() & (!mask | Control::DS) | value & mask;
        let applies = if late { old.0 } else { register };
        self.change_control(old, Control::of(register, applies & Control::LATE), late);
    }

    /// What GICD_CTLR reads as applies.
    pub fn settle_control(&self) {
        let _configuration = self.configure();
        let old = self.control();
        self.change_control(old, Control::of(old.register(), old.register() & Control::LATE), false);
    }

    /// All that follows from a change, under `configuration`; if `late`, no group closes.
    fn change_control(&self, old: Control, new: Control, late: bool) {
        self.control.store(new.0, Release);
        if old.one_state() != new.one_state() {
            self.set_states(false);
        }
        for pe in 0..self.pes.len() {
            for group in 0..GROUPS {
                if new.enables(group) || !late {
                    self.set_gate(pe, group, Published::DISTRIBUTED, new.enables(group));
                }
            }
            if old.wakes_for_one_of_n() != new.wakes_for_one_of_n() {
                self.participation_changed(pe);
            }
            if old.one_state() != new.one_state() {
                // What was an FIQ, as the PE is in the other state, may be an IRQ now.
                self.pes[pe].attention.post(Reasons::INTERRUPT);
            }
        }
    }

    /// Each interrupt's copy of GICD_CTLR.DS follows it.
    fn set_states(&self, two: bool) {
        for place in self.layout.shared_places() {
            self.update(0, place, |word| word.with_states(two));
        }
        for pe in 0..self.pes.len() {
            self.layout.private_places().for_each(|place| self.update(pe, place, |word| word.with_states(two)));
        }
    }

    /// Is GICR_WAKER.ProcessorSleep 0?
    pub fn awake(&self, pe: usize) -> bool {
        self.published(pe, G0).has(Published::AWAKE)
    }

    /// Holds, or releases, everything that goes to `pe`.
    pub fn set_awake(&self, pe: usize, awake: bool) {
        let _configuration = self.configure();
        if awake != self.awake(pe) {
            (0..GROUPS).for_each(|group| self.set_gate(pe, group, Published::AWAKE, awake));
            self.participation_changed(pe);
        }
    }

    /// GICR_CTLR.DPGx as it reads: does `pe` decline 1-of-N interrupts of this group?
    pub fn declined(&self, pe: usize, group: usize) -> bool {
        // Relaxed: what applies is in the published word.
        self.pes[pe].declines.load(Relaxed) >> group & 1 != 0
    }

    /// GICR_CTLR.DPGx; applies with `settle_declined`.
    pub fn set_declined(&self, pe: usize, group: usize, declined: bool) {
        let (word, bit) = (&self.pes[pe].declines, 1 << group);
        _ = if declined { word.fetch_or(bit, Relaxed) } else { word.fetch_and(!bit, Relaxed) };
    }

    /// GICR_CTLR.DPG applies as it reads.
    pub fn settle_declined(&self, pe: usize) {
        let _configuration = self.configure();
        for group in 0..GROUPS {
            let declined = self.declined(pe, group);
            if declined != self.published(pe, group).has(Published::DECLINED) {
                self.set_gate(pe, group, Published::DECLINED, declined);
                self.participation_changed(pe);
            }
        }
    }

    fn set_gate(&self, pe: usize, group: usize, gate: u64, open: bool) {
        let word = self.pes[pe].published.of(group);
        // Decided on the same word as the limit, by the same argument as `announce`.
        let before = if open { word.fetch_or(gate, AcqRel) } else { word.fetch_and(!gate, AcqRel) };
        // Closing one group may make another's best interrupt first, so any change with something waiting is
        // news; the owner finds out what it means.
        if Published(before).has(gate) != open {
            self.pes[pe].attention.post(Reasons::INTERRUPT);
        }
    }

    // STATUSR: a register each for Non-secure and Secure accesses.

    /// GICD_STATUSR, or GICR_STATUSR of a PE.
    pub fn status(&self, pe: Option<usize>, secure: bool) -> u32 {
        self.status_cell(pe, secure).load(Relaxed)
    }

    /// Records an access error. Relaxed: nothing is published through these bits.
    pub fn set_status(&self, pe: Option<usize>, secure: bool, bits: u32) {
        self.status_cell(pe, secure).fetch_or(bits, Relaxed);
    }

    /// Write one to clear.
    pub fn clear_status(&self, pe: Option<usize>, secure: bool, bits: u32) {
        self.status_cell(pe, secure).fetch_and(!bits, Relaxed);
    }

    fn status_cell(&self, pe: Option<usize>, secure: bool) -> &crate::prim::AtomicU32 {
        &pe.map_or(&self.status, |pe| &self.pes[pe].status)[usize::from(secure)]
    }
}
