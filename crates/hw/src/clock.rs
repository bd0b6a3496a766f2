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
    ticks: Option<Ticks>,
}

impl Clock {
    /// A clock that starts at zero now.
    pub fn start() -> Clock {
        let ticks = Ticks::start();
        Clock { origin: Instant::now(), ticks }
    }

    /// Nanoseconds since the start; wraps after 584 years.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        match self.ticks {
            Some(ticks) => ticks.now_ns(),
            None => self.origin.elapsed().as_nanos() as u64,
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
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Threads hand one another the time: it never goes back.
    #[test]
    fn time_does_not_go_back_between_threads() {
        let (clock, latest) = (Clock::start(), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200_000 {
                        let seen = latest.load(Ordering::Acquire);
                        let now = clock.now_ns();
                        assert!(now >= seen, "{now} after {seen}");
                        latest.fetch_max(now, Ordering::AcqRel);
                    }
                });
            }
        });
    }

    #[test]
    fn it_keeps_the_hosts_pace() {
        let clock = Clock::start();
        let (began, host) = (clock.now_ns(), Instant::now());
        std::thread::sleep(Duration::from_millis(100));
        let (passed, host) = (clock.now_ns() - began, host.elapsed().as_nanos() as u64);
        // The two are not read at one moment: the scheduler may come between.
        assert!(passed.abs_diff(host) < host / 10, "{passed} ns for the host's {host}");
    }

    #[test]
    fn an_instant_is_that_far_away() {
        let clock = Clock::start();
        let at = clock.instant_at(clock.now_ns() + 3_600_000_000_000);
        let left = at - Instant::now();
        assert!(left > Duration::from_secs(3500) && left <= Duration::from_secs(3600), "{left:?}");
        assert!(clock.instant_at(u64::MAX) > at);
    }
}
