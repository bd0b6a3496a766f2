//! The performance monitors of one PE: PMUv3 with six event counters (ARM DDI 0487, "The Performance
//! Monitors Extension").
//!
//! A cycle is a retired instruction: nothing here has a pipeline, and so counts repeat from run to run. WFI
//! takes no cycles. Engines and exceptions add to tallies by Exception level; the counters are brought up to
//! date from those (`fold`) when somebody looks, so counting costs nothing while it goes on. The engine's
//! `retire` also watches the distance to the next overflow: the interrupt comes when the engine adds up its
//! instructions, that is at the end of a run within one page and at an access to a system register. While
//! `is_sampled`, an engine that can should add up at the taken branch after `until_overflow`; for one that does
//! not, the alarm that `pmu_deadline_ns` asks for ends long loops.

use crate::{Model, Vcpu};
use hw::IntId;

/// Event counters, 32 bits each; the cycle counter comes besides.
pub const COUNTERS: usize = 6;
/// The cycle counter's bit in registers that name counters, PMSELR_EL0 included.
pub const CYCLES: usize = 31;
/// Its place in `counts` and `types`.
const CYCLE_SLOT: usize = COUNTERS;
/// Every counter's bit.
pub const ALL: u64 = (1 << CYCLES) | ((1 << COUNTERS) - 1);
/// PPI of the overflow interrupt (Arm Base System Architecture, "PPI assignments").
const OVERFLOW: IntId = IntId::ppi(7);

/// Event numbers.
mod event {
    pub const SW_INCR: u64 = 0x00;
    pub const INST_RETIRED: u64 = 0x08;
    pub const EXC_TAKEN: u64 = 0x09;
    pub const EXC_RETURN: u64 = 0x0a;
    pub const CPU_CYCLES: u64 = 0x11;
    pub const CHAIN: u64 = 0x1e;
}

/// PMCEID0_EL0: the events that are counted.
pub const EVENTS: u64 = 1 << event::SW_INCR
    | 1 << event::INST_RETIRED
    | 1 << event::EXC_TAKEN
    | 1 << event::EXC_RETURN
    | 1 << event::CPU_CYCLES
    | 1 << event::CHAIN;

/// PMCR_EL0.
pub mod pmcr {
    #![allow(missing_docs)]
    pub const E: u64 = 1 << 0;
    pub const P: u64 = 1 << 1;
    pub const C: u64 = 1 << 2;
    pub const DP: u64 = 1 << 5;
    /// Long cycle counter: RES1 without AArch32, as D is RES0.
    pub const LC: u64 = 1 << 6;
    /// N.
    pub const COUNTERS: u64 = (super::COUNTERS as u64) << 11;
}

/// PMEVTYPER and PMCCFILTR: do not count at EL1, at EL0.
const P: u64 = 1 << 31;
const U: u64 = 1 << 30;

/// What is tallied by Exception level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Tallies {
    retired: [u64; 4],
    taken: [u64; 4],
    returned: [u64; 4],
}

/// The registers of the performance monitors, and what they count.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Pmu {
    /// PMCR_EL0.{E, DP}.
    control: u64,
    /// PMCNTENSET_EL0.
    pub(crate) enabled: u64,
    /// PMOVSSET_EL0.
    pub(crate) overflowed: u64,
    /// PMINTENSET_EL1.
    pub(crate) interrupts: u64,
    /// PMSELR_EL0.
    pub(crate) select: u64,
    /// PMUSERENR_EL0.
    pub(crate) user: u64,
    /// PMEVCNTRn_EL0 and PMCCNTR_EL0, as of `folded`.
    counts: [u64; COUNTERS + 1],
    /// PMEVTYPERn_EL0 and PMCCFILTR_EL0.
    types: [u64; COUNTERS + 1],
    tallies: Tallies,
    /// The tallies that `counts` include.
    folded: Tallies,
    /// Instructions until a counter may overflow.
    left: i64,
    /// Cache of the level last driven.
    line: bool,
    /// Cache: an overflow of a counter that runs would interrupt.
    sampled: bool,
}

impl Default for Pmu {
    /// At reset: nothing counts. UNKNOWN fields are zero.
    fn default() -> Pmu {
        Pmu {
            control: 0,
            enabled: 0,
            overflowed: 0,
            interrupts: 0,
            select: 0,
            user: 0,
            counts: [0; COUNTERS + 1],
            types: [0; COUNTERS + 1],
            tallies: Tallies::default(),
            folded: Tallies::default(),
            left: i64::MAX,
            line: false,
            sampled: false,
        }
    }
}

/// The bit of a slot in registers that name counters.
const fn bit(slot: usize) -> u64 {
    if slot == CYCLE_SLOT { 1 << CYCLES } else { 1 << slot }
}

/// The largest count of a slot.
const fn limit(slot: usize) -> u64 {
    if slot == CYCLE_SLOT { u64::MAX } else { u32::MAX as u64 }
}

impl Pmu {
    /// The slot that counter number `n` (31 is the cycle counter) is in.
    fn slot(n: u64) -> Option<usize> {
        match n as usize {
            n if n < COUNTERS => Some(n),
            CYCLES => Some(CYCLE_SLOT),
            _ => None,
        }
    }

    fn counts(&self, slot: usize) -> bool {
        self.control & pmcr::E != 0 && self.enabled & bit(slot) != 0
    }

    /// The event of a slot.
    fn event(&self, slot: usize) -> u64 {
        if slot == CYCLE_SLOT { event::CPU_CYCLES } else { self.types[slot] & 0xffff }
    }

    /// Events of a slot since the last fold, at the Exception levels that its filter lets through.
    fn news(&self, slot: usize) -> u64 {
        let (now, old) = match self.event(slot) {
            event::INST_RETIRED | event::CPU_CYCLES => (self.tallies.retired, self.folded.retired),
            event::EXC_TAKEN => (self.tallies.taken, self.folded.taken),
            event::EXC_RETURN => (self.tallies.returned, self.folded.returned),
            _ => return 0,
        };
        let passes = [self.types[slot] & U == 0, self.types[slot] & P == 0, false, false];
        (0..4).filter(|el| passes[*el]).map(|el| now[el].wrapping_sub(old[el])).sum()
    }

    /// Adds `n` to a slot; how often it overflowed.
    fn add(&mut self, slot: usize, n: u64) -> u64 {
        let sum = u128::from(self.counts[slot]) + u128::from(n);
        let wraps = (sum / (u128::from(limit(slot)) + 1)) as u64;
        self.counts[slot] = sum as u64 & limit(slot);
        if wraps > 0 {
            self.overflowed |= bit(slot);
        }
        wraps
    }

    /// Adds events to a slot, and its overflows to the odd counter above it if that is chained.
    fn add_chained(&mut self, slot: usize, n: u64) {
        let wraps = self.add(slot, n);
        let next = slot + 1;
        if wraps > 0
            && slot.is_multiple_of(2)
            && next < CYCLE_SLOT
            && self.event(next) == event::CHAIN
            && self.counts(next)
        {
            self.add(next, wraps);
        }
    }

    /// Brings the counters up to date. Comes before every change of what is counted.
    pub(crate) fn fold(&mut self) {
        for slot in 0..=CYCLE_SLOT {
            if self.counts(slot) {
                let news = self.news(slot);
                self.add_chained(slot, news);
            }
        }
        self.folded = self.tallies;
        self.left = self.distance();
    }

    /// Instructions until a counter may overflow. Exceptions are rarer than instructions.
    fn distance(&self) -> i64 {
        let running = (0..=CYCLE_SLOT).filter(|slot| self.counts(*slot));
        let left = running.map(|slot| limit(slot) - self.counts[slot]).min();
        left.map_or(i64::MAX, |left| left.min(i64::MAX as u64) as i64)
    }

    /// A copy with the counters up to date.
    fn up_to_date(&self) -> Pmu {
        let mut copy = self.clone();
        copy.fold();
        copy
    }

    /// PMEVCNTRn_EL0, PMCCNTR_EL0; counters that are not there read as zero.
    pub(crate) fn count(&self, n: u64) -> u64 {
        Pmu::slot(n).map_or(0, |slot| self.up_to_date().counts[slot])
    }

    /// PMOVSSET_EL0.
    pub(crate) fn overflows(&self) -> u64 {
        self.up_to_date().overflowed
    }

    /// PMEVCNTRn_EL0, PMCCNTR_EL0.
    pub(crate) fn set_count(&mut self, n: u64, v: u64) {
        self.fold();
        if let Some(slot) = Pmu::slot(n) {
            self.counts[slot] = v & limit(slot);
        }
        self.left = self.distance();
    }

    /// PMEVTYPERn_EL0, PMCCFILTR_EL0.
    pub(crate) fn kind(&self, n: u64) -> u64 {
        Pmu::slot(n).map_or(0, |slot| self.types[slot])
    }

    /// PMEVTYPERn_EL0, PMCCFILTR_EL0; the cycle counter has no event number.
    pub(crate) fn set_kind(&mut self, n: u64, v: u64) {
        self.fold();
        match Pmu::slot(n) {
            Some(CYCLE_SLOT) => self.types[CYCLE_SLOT] = v & (P | U),
            Some(slot) => self.types[slot] = v,
            None => {}
        }
        self.left = self.distance();
    }

    /// PMCR_EL0.
    pub(crate) fn control(&self) -> u64 {
        self.control | pmcr::LC | pmcr::COUNTERS
    }

    /// PMCR_EL0: P and C reset counters, without touching overflow flags.
    pub(crate) fn set_control(&mut self, v: u64) {
        self.fold();
        if v & pmcr::P != 0 {
            self.counts[..COUNTERS].fill(0);
        }
        if v & pmcr::C != 0 {
            self.counts[CYCLE_SLOT] = 0;
        }
        self.control = v & (pmcr::E | pmcr::DP);
        self.left = self.distance();
    }

    /// PMCNTENSET_EL0 and PMCNTENCLR_EL0.
    pub(crate) fn enable(&mut self, set: u64, clear: u64) {
        self.fold();
        self.enabled = (self.enabled | set & ALL) & !clear;
        self.left = self.distance();
    }

    /// PMOVSSET_EL0 and PMOVSCLR_EL0.
    pub(crate) fn overflow(&mut self, set: u64, clear: u64) {
        self.fold();
        self.overflowed = (self.overflowed | set & ALL) & !clear;
    }

    /// PMSWINC_EL0 at `el`.
    pub(crate) fn increment(&mut self, counters: u64, el: u8) {
        self.fold();
        let closed = if el == 0 { U } else { P };
        for slot in (0..COUNTERS).filter(|slot| counters >> slot & 1 != 0) {
            if self.counts(slot) && self.event(slot) == event::SW_INCR && self.types[slot] & closed == 0 {
                self.add_chained(slot, 1);
            }
        }
        self.left = self.distance();
    }

    /// An exception is taken to `el`, which is the level that EXC_TAKEN is attributed to.
    #[inline(always)]
    pub(crate) fn exception_taken(&mut self, el: u8) {
        self.tallies.taken[el as usize & 3] += 1;
    }

    /// ERET was executed at `el`.
    #[inline(always)]
    pub(crate) fn exception_returned(&mut self, el: u8) {
        self.tallies.returned[el as usize & 3] += 1;
    }

    /// To take elsewhere: what was tallied is counted.
    pub(crate) fn saved(&self) -> Pmu {
        Pmu { tallies: Tallies::default(), folded: Tallies::default(), ..self.up_to_date() }
    }

    /// As it was elsewhere, with what its registers can hold. The line is driven with the next update.
    pub(crate) fn restored(&self, model: &Model) -> Pmu {
        if !model.pmu() {
            return Pmu::default();
        }
        let mut it = Pmu { tallies: Tallies::default(), folded: Tallies::default(), ..self.clone() };
        it.types[..COUNTERS].iter_mut().for_each(|kind| *kind &= model.pmu_event_bits() | P | U);
        it.types[CYCLE_SLOT] &= P | U;
        (it.select, it.user) = (it.select & 0x1f, it.user & 0xf);
        it.counts.iter_mut().enumerate().for_each(|(slot, count)| *count &= limit(slot));
        (it.enabled, it.overflowed, it.interrupts) = (it.enabled & ALL, it.overflowed & ALL, it.interrupts & ALL);
        it.control &= pmcr::E | pmcr::DP;
        it.line = !it.interrupt();
        it
    }

    /// The level of the overflow interrupt.
    fn interrupt(&self) -> bool {
        self.control & pmcr::E != 0 && self.overflowed & self.interrupts != 0
    }
}

impl Vcpu {
    /// `n` instructions were executed at the current Exception level. Engines say so before anything that
    /// looks at counters (system registers), and before the Exception level changes.
    #[inline(always)]
    pub fn retire(&mut self, n: u64) {
        let el = self.regs.pstate.el as usize & 3;
        self.pmu.tallies.retired[el] = self.pmu.tallies.retired[el].wrapping_add(n);
        self.pmu.left = self.pmu.left.wrapping_sub_unsigned(n);
        if self.pmu.left < 0 {
            self.update_pmu();
        }
    }

    /// Would an overflow interrupt?
    #[inline(always)]
    pub fn is_sampled(&self) -> bool {
        self.pmu.sampled
    }

    /// How many instructions may be executed before a counter may overflow.
    #[inline(always)]
    pub fn until_overflow(&self) -> u64 {
        self.pmu.left.max(0) as u64
    }

    /// Brings the counters up to date and drives the overflow interrupt as it should be now.
    #[cold]
    pub(crate) fn update_pmu(&mut self) {
        self.pmu.fold();
        self.pmu.sampled = self.pmu.control & pmcr::E != 0 && self.pmu.interrupts & self.pmu.enabled != 0;
        let high = self.pmu.interrupt();
        if self.pmu.line != high {
            self.pmu.line = high;
            self.shared.gic.set_ppi(self.index, OVERFLOW, high);
        }
    }

    /// When to look again whether a counter with its interrupt enabled has overflowed: a guess from a fast
    /// engine's speed, and not too often.
    pub(crate) fn pmu_deadline_ns(&self, now: u64) -> Option<u64> {
        const FAST_NS: u64 = 2;
        const LEAST_NS: u64 = 50_000;
        let waits = self.pmu.sampled && !self.pmu.line;
        let left = self.pmu.left.max(0) as u64;
        waits.then(|| now.saturating_add(left.saturating_mul(FAST_NS).max(LEAST_NS)))
    }

    /// The monitors at reset: nothing counts, the line is low.
    pub(crate) fn reset_pmu(&mut self) {
        self.pmu = Pmu { line: self.pmu.line, ..Pmu::default() };
        self.update_pmu();
    }
}
