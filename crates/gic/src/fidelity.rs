//! How much of what silicon shows is shown: delays that software must poll for, and reports of what it must not do.

use crate::prim::{AtomicU64, Mutex, Ordering::*};
use crate::wires::Gic;
use std::{collections::BTreeMap, time::Duration, time::Instant};

/// How faithful the GIC is beyond what it delivers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Fidelity {
    /// Effects are complete when a write returns, and what is UNPREDICTABLE does something harmless.
    #[default]
    Fast,
    /// RWP, UWP and GICR_SYNCR.Busy read 1, and ChildrenAsleep and RDGPO follow ProcessorSleep and RDGPD, for this long after
    /// what they are about: software that does not poll, or that polls the wrong register, shows it. What RWP tells of is
    /// not done before RWP reads 0: see `late`. A PE's write may take as long to arrive unless a DSB waits for it: see
    /// `posted`. ITS commands take as long, each.
    Relaxed(Duration),
    /// As `Fast`; and what IHI 0069 calls UNPREDICTABLE, or a programming error, is reported (`Gic::reports`).
    Strict,
}

/// Something that software should not have done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The register, or registers, it is about.
    pub register: &'static str,
    /// The PE that did it, or whose register it was.
    pub pe: usize,
    /// What happened the first time, and what the GIC did.
    pub text: String,
    /// How often something of the kind happened.
    pub times: u64,
}

/// What software has to poll for.
#[derive(Clone, Copy)]
pub(crate) enum Delayed {
    /// GICD_CTLR.RWP.
    Distributor,
    /// GICR_CTLR.RWP of a PE.
    Redistributor(usize),
    /// GICR_WAKER.ChildrenAsleep of a PE.
    Sleep(usize),
    /// GICR_SYNCR.Busy of a PE.
    Invalidation(usize),
    /// GICR_CTLR.UWP of a PE.
    Upstream(usize),
    /// GICR_PWRR.RDGPO, by the first PE of the group.
    Power(usize),
}

impl Delayed {
    /// How many there are of a GIC.
    fn count(pes: usize) -> usize {
        1 + 5 * pes
    }

    fn index(self) -> usize {
        match self {
            Delayed::Distributor => 0,
            Delayed::Redistributor(pe) => 1 + 5 * pe,
            Delayed::Sleep(pe) => 2 + 5 * pe,
            Delayed::Invalidation(pe) => 3 + 5 * pe,
            Delayed::Upstream(pe) => 4 + 5 * pe,
            Delayed::Power(pe) => 5 + 5 * pe,
        }
    }
}

/// What the modes need; empty in `Fast`.
pub(crate) struct Watch {
    mode: Fidelity,
    begun: Instant,
    /// Until when each `Delayed` lasts, in ns since `begun`.
    until: Box<[AtomicU64]>,
    reports: Mutex<BTreeMap<(&'static str, u32, usize), Report>>,
}

impl Watch {
    pub fn new(mode: Fidelity, pes: usize) -> Watch {
        Watch {
            mode,
            begun: Instant::now(),
            until: (0..Delayed::count(pes)).map(|_| AtomicU64::new(0)).collect(),
            reports: Mutex::new(BTreeMap::new()),
        }
    }

    /// Relaxed everywhere: the effects are ordered by other words, and these only say that a while has passed.
    fn until(&self, what: Delayed) -> &AtomicU64 {
        &self.until[what.index()]
    }

    /// Something began that software should poll for.
    #[inline]
    pub fn begin(&self, what: Delayed) {
        if let Fidelity::Relaxed(delay) = self.mode {
            let until = (self.begun.elapsed() + delay).as_nanos() as u64;
            self.until(what).store(until, Relaxed);
        }
    }

    /// Is it still going on?
    pub fn is_busy(&self, what: Delayed) -> bool {
        matches!(self.mode, Fidelity::Relaxed(_))
            && self.until(what).load(Relaxed) > self.begun.elapsed().as_nanos() as u64
    }

    /// When a write that is sent now arrives by itself.
    pub fn arrival_ns(&self) -> u64 {
        match self.mode {
            Fidelity::Relaxed(delay) => (self.begun.elapsed() + delay).as_nanos() as u64,
            _ => 0,
        }
    }

    /// Nothing goes on any more.
    pub fn settle(&self) {
        self.until.iter().for_each(|until| until.store(0, Relaxed));
    }

    /// Until when it goes on.
    pub fn until_ns(&self, what: Delayed) -> u64 {
        self.until(what).load(Relaxed)
    }

    /// Of its own clock.
    pub fn now_ns(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    pub fn is_strict(&self) -> bool {
        self.mode == Fidelity::Strict
    }

    /// Notes what a PE should not have done; `kind` tells apart what is to be counted apart.
    pub fn report(&self, register: &'static str, kind: u32, pe: usize, text: impl FnOnce() -> String) {
        if self.is_strict() {
            let mut reports = self.reports.lock().expect("no code panics while it holds this lock");
            let report = || Report { register, pe, text: text(), times: 0 };
            reports.entry((register, kind, pe)).or_insert_with(report).times += 1;
        }
    }
}

impl Gic {
    /// What software should not have done since the last call, in `Fidelity::Strict`.
    pub fn reports(&self) -> Vec<Report> {
        let reports = std::mem::take(&mut *self.watch.reports.lock().expect("no code panics while it holds this lock"));
        reports.into_values().collect()
    }
}
