//! What the attention word promises, under loom (`RUSTFLAGS="--cfg loom"`) and without it.

use super::{Attention, Reasons};
#[cfg(loom)]
use loom::{model, thread};
use std::sync::Arc;
#[cfg(not(loom))]
use std::thread;
#[cfg(not(loom))]
use std::time::{Duration, Instant};

/// Without loom a model is run many times and the scheduler decides what it sees.
#[cfg(not(loom))]
fn model(f: impl Fn() + Sync + Send + 'static) {
    (0..if cfg!(miri) { 20 } else { 1000 }).for_each(|_| f());
}

fn shared() -> (Arc<Attention>, Arc<Attention>) {
    let attention = Arc::new(Attention::new());
    (attention.clone(), attention)
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    model(|| {
        let (attention, posted) = shared();
        let other = posted.clone();
        let posters =
            [thread::spawn(move || posted.post(Reasons::TIMER)), thread::spawn(move || other.post(Reasons::INTERRUPT))];
        let first = attention.take();
        posters.into_iter().for_each(|poster| poster.join().unwrap());
        let second = attention.take();
        assert_eq!(first | second, Reasons::TIMER | Reasons::INTERRUPT);
        assert!(!first.has(second), "a reason is taken once");
        assert!(!attention.is_set());
    });
}

#[test]
fn a_sleeper_is_woken() {
    model(|| {
        let (attention, posted) = shared();
        let poster = thread::spawn(move || posted.post(Reasons::EVENT));
        attention.sleep(None);
        assert_eq!(attention.take(), Reasons::EVENT);
        poster.join().unwrap();
    });
}

#[test]
fn two_posters_and_a_sleeper_that_wants_both() {
    model(|| {
        let (attention, posted) = shared();
        let other = posted.clone();
        let posters =
            [thread::spawn(move || posted.post(Reasons::TLBI)), thread::spawn(move || other.post(Reasons::CONTROL))];
        let mut seen = Reasons::default();
        while seen != Reasons::TLBI | Reasons::CONTROL {
            attention.sleep(None);
            let new = attention.take();
            assert_ne!(new, Reasons::default(), "sleep returns for a reason");
            seen = seen | new;
        }
        posters.into_iter().for_each(|poster| poster.join().unwrap());
    });
}

#[test]
fn a_post_brings_along_what_it_announces() {
    #[cfg(loom)]
    use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
    #[cfg(not(loom))]
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    model(|| {
        let (attention, posted) = shared();
        let payload = Arc::new(AtomicU32::new(0));
        let written = payload.clone();
        let poster = thread::spawn(move || {
            written.store(7, Relaxed);
            posted.post(Reasons::INTERRUPT);
        });
        if attention.take().has(Reasons::INTERRUPT) {
            assert_eq!(payload.load(Relaxed), 7);
        }
        poster.join().unwrap();
    });
}

#[test]
fn posted_before_sleep_does_not_sleep() {
    model(|| {
        let attention = Attention::new();
        attention.post(Reasons::EVENT);
        attention.sleep(None);
        assert!(attention.is_set());
        assert_eq!((attention.take(), attention.is_set()), (Reasons::EVENT, false));
    });
}

// Loom has no time: its `wait_timeout` waits for ever.
#[cfg(not(loom))]
#[test]
fn a_deadline_ends_sleep() {
    let attention = Attention::new();
    let start = Instant::now();
    attention.sleep(Some(start + Duration::from_millis(5)));
    assert!(start.elapsed() >= Duration::from_millis(5));
    attention.sleep(Some(start));
    assert_eq!((attention.take(), attention.is_set()), (Reasons::default(), false));
}

#[test]
fn has_means_any_of() {
    let both = Reasons::TIMER | Reasons::TLBI;
    assert!(both.has(Reasons::TLBI) && both.has(Reasons::TLBI | Reasons::EVENT) && !both.has(Reasons::EVENT));
}
