//! Nothing is used after a wait, under loom (`RUSTFLAGS="--cfg loom"`) and without it.

use super::Grace;
use crate::prim::{Arc, AtomicU64, Ordering::*};
#[cfg(loom)]
use loom::thread;
#[cfg(not(loom))]
use std::thread;

/// Without loom a model is run many times and the scheduler decides what it sees.
#[cfg(not(loom))]
fn model(f: impl Fn() + Sync + Send + 'static) {
    (0..if cfg!(miri) { 20 } else { 1000 }).for_each(|_| f());
}

#[cfg(loom)]
fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // A writer that waits could otherwise be preempted for ever.
    builder.preemption_bound = Some(3);
    builder.check(f);
}

/// A thing that is in reach, its memory, which becomes 1 when it is reused, and how often it was used.
struct World {
    grace: Grace,
    in_reach: AtomicU64,
    memory: AtomicU64,
    uses: AtomicU64,
}

/// Two visitors use what they find; a writer takes it out of reach, waits, and reuses it.
fn check(visit: fn(&World), wait: fn(&Grace)) {
    model(move || {
        let world = Arc::new(World {
            grace: Grace::new(),
            in_reach: AtomicU64::new(1),
            memory: AtomicU64::new(0),
            uses: AtomicU64::new(0),
        });
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                let world = world.clone();
                thread::spawn(move || visit(&world))
            })
            .collect();
        world.in_reach.store(0, Relaxed);
        wait(&world.grace);
        world.memory.store(1, Relaxed);
        let uses = world.uses.load(Relaxed);
        visitors.into_iter().for_each(|visitor| visitor.join().unwrap());
        assert_eq!(world.uses.load(Relaxed), uses, "used after the wait, or not seen by it");
    });
}

fn found(world: &World) {
    if world.in_reach.load(Relaxed) != 0 {
        assert_eq!(world.memory.load(Relaxed), 0, "reused after the wait, while a visitor uses it");
        world.uses.fetch_add(1, Relaxed);
    }
}

fn visit(world: &World) {
    let _visit = world.grace.enter();
    found(world);
}

#[test]
fn nothing_is_used_after_the_wait() {
    check(visit, Grace::wait);
}

/// Loom must see what is wrong with these.
#[cfg(loom)]
mod mutants {
    use super::*;

    #[test]
    #[should_panic(expected = "after the wait")]
    fn not_waiting() {
        check(visit, |_| ());
    }

    #[test]
    #[should_panic(expected = "after the wait")]
    fn looking_at_the_seats_without_writing_them() {
        check(visit, |grace| {
            for seat in &grace.seats {
                let now = seat.0.load(Acquire);
                while now & 1 != 0 && seat.0.load(Acquire) == now {
                    thread::yield_now();
                }
            }
        });
    }

    #[test]
    #[should_panic(expected = "after the wait")]
    fn looking_before_sitting_down() {
        fn visit(world: &World) {
            let in_reach = world.in_reach.load(Relaxed);
            let _visit = world.grace.enter();
            if in_reach != 0 {
                world.uses.fetch_add(1, Relaxed);
            }
        }
        check(visit, Grace::wait);
    }

    #[test]
    #[should_panic(expected = "after the wait")]
    fn getting_up_without_release() {
        fn visit(world: &World) {
            let visit = world.grace.enter();
            found(world);
            visit.seat.0.fetch_add(1, Relaxed);
            std::mem::forget(visit);
        }
        check(visit, Grace::wait);
    }
}
