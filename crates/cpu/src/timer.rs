//! The generic timers of one PE (ARM DDI 0487, "The Generic Timer in AArch64 state").
//!
//! The counter is the machine's clock in nanoseconds: CNTFRQ_EL0 is 1 GHz, the frequency that Armv8.6 fixes,
//! so a deadline needs no conversion and no rounding. `Timers` is arithmetic on a time it is given; the
//! methods of `Vcpu` below own the wires, and `update_timers` is the only place that drives them.
//!
//! CNTKCTL_EL1's event stream is not generated: WFE never sleeps for long here.

use crate::Vcpu;
use hw::IntId;

/// CNTFRQ_EL0: the counter's frequency in Hz.
pub const FREQUENCY_HZ: u64 = 1_000_000_000;

/// CNTx_CTL: ENABLE, IMASK, ISTATUS.
const ENABLE: u64 = 1 << 0;
const IMASK: u64 = 1 << 1;
const ISTATUS: u64 = 1 << 2;

/// Which timer of a PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// CNTP: EL1 physical.
    Physical,
    /// CNTV: EL1 virtual.
    Virtual,
    /// CNTHP: EL2 physical.
    Hyp,
    /// CNTPS: Secure physical.
    Secure,
}

/// The timers and their interrupts (Arm Base System Architecture, "PPI assignments").
const TIMERS: [(Which, IntId); 4] = [
    (Which::Physical, IntId::ppi(14)),
    (Which::Virtual, IntId::ppi(11)),
    (Which::Hyp, IntId::ppi(10)),
    (Which::Secure, IntId::ppi(13)),
];

/// Those of a PE without EL2 and EL3.
const TIMERS_OF_EL1: usize = 2;

/// One timer's registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Timer {
    cval: u64,
    /// ENABLE and IMASK.
    ctl: u64,
}

/// The timers of one PE. Times are the physical count, which is the machine's clock in nanoseconds.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Timers {
    timers: [Timer; 4],
    /// CNTVOFF_EL2: virtual count = physical count - offset.
    pub offset: u64,
    /// Cache of the levels last driven.
    lines: [bool; 4],
}

impl Timers {
    /// As they were elsewhere; `layered` as of `Vcpu`. The lines are driven with the next update.
    pub(crate) fn restored(&self, layered: bool, now: u64) -> Timers {
        let mut it = self.clone();
        it.timers.iter_mut().for_each(|timer| timer.ctl &= ENABLE | IMASK);
        it.lines = [false; 4];
        if !layered {
            it.timers[TIMERS_OF_EL1..].fill(Timer::default());
        }
        for (which, _) in TIMERS {
            it.lines[which as usize] = (layered || (which as usize) < TIMERS_OF_EL1) && !it.line(which, now);
        }
        it
    }

    /// The count that `which` compares with.
    pub fn count(&self, which: Which, now: u64) -> u64 {
        match which {
            Which::Physical | Which::Hyp | Which::Secure => now,
            Which::Virtual => now.wrapping_sub(self.offset),
        }
    }

    /// CNTx_CTL, with ISTATUS; UNKNOWN while disabled, and we show it as clear.
    pub fn ctl(&self, which: Which, now: u64) -> u64 {
        let ctl = self.timers[which as usize].ctl;
        ctl | if ctl & ENABLE != 0 && self.left(which, now) == 0 { ISTATUS } else { 0 }
    }

    /// CNTx_CTL.
    pub fn set_ctl(&mut self, which: Which, v: u64) {
        self.timers[which as usize].ctl = v & (ENABLE | IMASK);
    }

    /// CNTx_CVAL.
    pub fn cval(&self, which: Which) -> u64 {
        self.timers[which as usize].cval
    }

    /// CNTx_CVAL.
    pub fn set_cval(&mut self, which: Which, v: u64) {
        self.timers[which as usize].cval = v;
    }

    /// CNTx_TVAL: 32 bits, what is left.
    pub fn tval(&self, which: Which, now: u64) -> u64 {
        u64::from(self.cval(which).wrapping_sub(self.count(which, now)) as u32)
    }

    /// CNTx_TVAL: signed, from now.
    pub fn set_tval(&mut self, which: Which, v: u64, now: u64) {
        self.set_cval(which, self.count(which, now).wrapping_add(v as u32 as i32 as u64));
    }

    /// Nanoseconds until the condition is met; 0 if it is.
    fn left(&self, which: Which, now: u64) -> u64 {
        self.cval(which).saturating_sub(self.count(which, now))
    }

    /// May drive its line: enabled and not masked.
    fn armed(&self, which: Which) -> bool {
        self.timers[which as usize].ctl & (ENABLE | IMASK) == ENABLE
    }

    /// The level of the interrupt output.
    pub fn line(&self, which: Which, now: u64) -> bool {
        self.armed(which) && self.left(which, now) == 0
    }

    /// Each timer's state in a few words.
    pub(crate) fn explain(&self, now: u64) -> String {
        let one = |(which, _): &(Which, IntId)| {
            let state = match self.timers[*which as usize].ctl {
                ctl if ctl & ENABLE == 0 => "off".to_owned(),
                ctl if ctl & IMASK != 0 => "masked".to_owned(),
                _ if self.line(*which, now) => "asserted".to_owned(),
                _ => format!("in {} ns", self.left(*which, now)),
            };
            format!("{which:?} {state}")
        };
        let used =
            |(which, _): &&(Which, IntId)| *which as usize <= 1 || self.timers[*which as usize].ctl & ENABLE != 0;
        TIMERS.iter().filter(used).map(one).collect::<Vec<_>>().join(", ")
    }

    /// When the next line that was low at the last update goes high, in nanoseconds of machine time; one
    /// that should have been driven already gives `now`.
    pub fn next_deadline_ns(&self, now: u64) -> Option<u64> {
        let waits = TIMERS.iter().filter(|(which, _)| self.armed(*which) && !self.lines[*which as usize]);
        waits.map(|(which, _)| now.saturating_add(self.left(*which, now))).min()
    }
}

impl Vcpu {
    /// Drives the timers' lines as they should be now, and sets the alarm for the next change.
    pub fn update_timers(&mut self) {
        let now = self.shared.clock.now_ns();
        let timers = if self.layered { &TIMERS[..] } else { &TIMERS[..TIMERS_OF_EL1] };
        for &(which, intid) in timers {
            let high = self.timers.line(which, now);
            if self.timers.lines[which as usize] != high {
                self.timers.lines[which as usize] = high;
                self.shared.gic.set_ppi(self.index, intid, high);
            }
        }
        let deadlines = [self.timers.next_deadline_ns(now), self.pmu_deadline_ns(now)];
        self.shared.alarms.set(self.index, deadlines.into_iter().flatten().min());
    }

    /// When a timer wakes this PE from WFI, in nanoseconds of machine time.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.timers.next_deadline_ns(self.shared.clock.now_ns())
    }

    /// Timers at reset: disabled, lines low.
    pub(crate) fn reset_timers(&mut self) {
        self.timers = Timers { lines: self.timers.lines, ..Timers::default() };
        self.update_timers();
    }
}
