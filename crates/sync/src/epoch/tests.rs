//! Memory is not reused under a reader, under loom (`RUSTFLAGS="--cfg loom"`) and without it.

use super::{Epochs, OUTSIDE};
use crate::prim::{Arc, AtomicU32, Ordering::*};
#[cfg(loom)]
use loom::{model, thread};
#[cfg(not(loom))]
use std::thread;

/// Without loom a model is run many times and the scheduler decides what it sees.
#[cfg(not(loom))]
fn model(f: impl Fn() + Sync + Send + 'static) {
    (0..if cfg!(miri) { 20 } else { 1000 }).for_each(|_| f());
}

/// One thing that is in reach, its memory, which becomes 1 when it is reused, and one reader.
struct World {
    epochs: Epochs,
    in_reach: AtomicU32,
    memory: AtomicU32,
}

/// How a reader comes in, and what it does when the epoch has moved.
#[derive(Clone, Copy)]
struct Reader {
    enter: fn(&Epochs, u64) -> u64,
    forgets: bool,
}

const READER: Reader = Reader { enter: |epochs, known| epochs.enter(0, known), forgets: true };

/// A reader that keeps what it found from one visit to the next, as a jump cache does, against one retirement.
fn check(reader: Reader) {
    model(move || {
        let world = Arc::new(World { epochs: Epochs::new(1), in_reach: AtomicU32::new(1), memory: AtomicU32::new(0) });
        let read = world.clone();
        let thread = thread::spawn(move || {
            let World { epochs, in_reach, memory } = &*read;
            let (mut kept, mut known) = (true, 0);
            let mut visit = |now: u64| {
                if now != known {
                    (kept, known) = (kept && !reader.forgets, now);
                    epochs.pass(0, now);
                }
                kept |= in_reach.load(Acquire) != 0;
                assert!(!kept || memory.load(Relaxed) == 0, "reused while a reader can use it");
            };
            visit((reader.enter)(epochs, 0));
            visit(epochs.now());
            epochs.leave(0);
        });
        world.in_reach.store(0, Release);
        let epoch = world.epochs.advance();
        if world.epochs.all_since(epoch) {
            world.memory.store(1, Relaxed);
        }
        thread.join().unwrap();
        assert!(world.epochs.all_since(epoch), "nobody is inside, so nothing holds it up");
    });
}

#[test]
fn nothing_is_reused_under_a_reader() {
    check(READER);
}

/// Loom must see what is wrong with these.
#[cfg(loom)]
mod mutants {
    use super::*;

    #[test]
    #[should_panic(expected = "reused while")]
    fn looking_at_the_epoch_before_sitting_down() {
        let enter = |epochs: &Epochs, known| {
            let now = epochs.now();
            epochs.seats[0].0.store(known, SeqCst);
            now
        };
        check(Reader { enter, ..READER });
    }

    #[test]
    #[should_panic(expected = "reused while")]
    fn sitting_down_without_a_fence() {
        let enter = |epochs: &Epochs, known| {
            epochs.seats[0].0.store(known, Relaxed);
            epochs.now()
        };
        check(Reader { enter, ..READER });
    }

    #[test]
    #[should_panic(expected = "reused while")]
    fn passing_with_what_was_kept() {
        check(Reader { forgets: false, ..READER });
    }
}

#[test]
fn who_is_outside_holds_nothing_up() {
    model(|| {
        let epochs = Epochs::new(3);
        assert_eq!(epochs.enter(1, 0), 0);
        let first = epochs.advance();
        assert!(!epochs.all_since(first));
        epochs.pass(1, epochs.now());
        assert!(epochs.all_since(first));
        let second = epochs.advance();
        assert!(!epochs.all_since(second) && epochs.all_since(first));
        epochs.leave(1);
        assert!(epochs.all_since(second));
        assert_eq!(epochs.enter(1, first), second, "it comes back with what it kept, and is told");
        assert!(!epochs.all_since(second) && second < OUTSIDE);
    });
}
