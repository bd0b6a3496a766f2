//! The time base that the generic timers and the RTC count from.

use std::time::{Duration, Instant};

/// Monotonic time since the machine was created. Copies share the same origin.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts at zero now.
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// Nanoseconds since the start; wraps after 584 years.
    pub fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// The host instant at which `now_ns` will return `ns`. Far deadlines saturate at a year.
    pub fn instant_at(&self, ns: u64) -> Instant {
        const YEAR_NS: u64 = 365 * 24 * 3600 * 1_000_000_000;
        self.origin + Duration::from_nanos(ns.min(self.now_ns().saturating_add(YEAR_NS)))
    }
}
