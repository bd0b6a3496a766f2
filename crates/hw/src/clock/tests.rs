//! Time does not go back.

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
    let pace = || {
        let clock = Clock::start();
        let (began, host) = (clock.now_ns(), Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let (passed, host) = (clock.now_ns() - began, host.elapsed().as_nanos() as u64);
        passed.abs_diff(host) < host / 10
    };
    // The two are not read at one moment, and the scheduler may come between; not every time.
    assert!((0..20).any(|_| pace()));
}

#[test]
fn an_instant_is_that_far_away() {
    let clock = Clock::start();
    let at = clock.instant_at(clock.now_ns() + 3_600_000_000_000);
    let left = at - Instant::now();
    assert!(left > Duration::from_secs(3500) && left <= Duration::from_secs(3600), "{left:?}");
    assert!(clock.instant_at(u64::MAX) > at);
}
