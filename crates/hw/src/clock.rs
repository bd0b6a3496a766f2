//! The time base that the generic timers and the RTC count from.

use crate::Ticks;
use std::time::{Duration, Instant};

/// Monotonic time since the machine was created. Copies share the same origin.
///
/// It is counted in the host's ticks where those tell the time, since compiled code reads them too; its pace is then
/// what was measured at the start, and may differ from the host's by a few millionths.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    /// What `now_ns` was at `origin`.
    ahead: u64,
    ticks: Option<Ticks>,
}

impl Clock {
    /// A clock that starts at zero now.
    pub fn start() -> Clock {
        Clock::resume(0)
    }

    /// A clock that goes on from `ns` now.
    pub fn resume(ns: u64) -> Clock {
        let ticks = Ticks::start().map(|ticks| ticks.begun(ns));
        Clock { origin: Instant::now(), ahead: ns, ticks }
    }

    /// Nanoseconds since the start; wraps after 584 years.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        match self.ticks {
            Some(ticks) => ticks.now_ns(),
            None => self.ahead.wrapping_add(self.origin.elapsed().as_nanos() as u64),
        }
    }

    /// What it counts in, if that is the host's ticks.
    pub fn ticks(&self) -> Option<Ticks> {
        self.ticks
    }

    /// About the host instant at which `now_ns` will return `ns`. Far deadlines saturate at a year.
    pub fn instant_at(&self, ns: u64) -> Instant {
        const YEAR_NS: u64 = 365 * 24 * 3600 * 1_000_000_000;
        Instant::now() + Duration::from_nanos(ns.saturating_sub(self.now_ns()).min(YEAR_NS))
    }
}

#[cfg(test)]
mod tests;
