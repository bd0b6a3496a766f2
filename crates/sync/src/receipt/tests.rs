//! Nothing is touched in ignorance once it is done, and nobody sleeps for ever; under loom and without it.

use super::*;
use crate::prim::Arc;
#[cfg(loom)]
use loom::thread;
#[cfg(not(loom))]
use std::thread;

/// Every interleaving with so few preemptions; all of them are too many where threads sleep.
#[cfg(loom)]
fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(f);
}

/// Without loom a model is run many times and the scheduler decides what it sees.
#[cfg(not(loom))]
fn model(f: impl Fn() + Sync + Send + 'static) {
    (0..if cfg!(miri) { 20 } else { 1000 }).for_each(|_| f());
}

/// A page that one thread takes away and another may have a translation of.
struct World {
    receipt: Receipt,
    /// The queue: 1 if the request is in it.
    queue: AtomicU32,
    /// The attention word.
    told: AtomicU32,
    /// What is in the page; 1 once it belongs to someone else.
    page: AtomicU32,
}

/// How the owner goes on, and whether it looks for requests then.
#[derive(Clone, Copy)]
struct Owner {
    unpark: fn(&Receipt),
    looks: bool,
}

const OWNER: Owner = Owner { unpark: Receipt::unpark, looks: true };

/// The owner accesses the page, looks for requests if it was told, parks, comes back, and accesses it again.
fn owner(world: &World, how: Owner) {
    let World { receipt, queue, told, page } = world;
    let mut knows = true;
    let access = |knows: bool| assert!(!knows || page.load(Ordering::Relaxed) == 0, "used after it was taken away");
    let perform = |knows: &mut bool| {
        if let Some(ticket) = receipt.begin() {
            *knows &= queue.load(Ordering::Relaxed) == 0;
            receipt.finish(ticket);
        }
    };
    access(knows);
    if told.load(Ordering::Relaxed) != 0 {
        perform(&mut knows);
        access(knows);
    }
    receipt.park();
    (how.unpark)(receipt);
    if how.looks {
        perform(&mut knows);
    }
    access(knows);
    receipt.park();
}

fn check(how: Owner) {
    model(move || {
        let word = || AtomicU32::new(0);
        let world = Arc::new(World { receipt: Receipt::new(), queue: word(), told: word(), page: word() });
        world.receipt.unpark();
        let owned = world.clone();
        let thread = thread::spawn(move || owner(&owned, how));
        let World { receipt, queue, told, page } = &*world;
        queue.store(1, Ordering::Relaxed);
        if receipt.post() {
            told.store(1, Ordering::Relaxed);
        }
        let ticket = receipt.ticket();
        while !receipt.wait(ticket, Duration::from_secs(60)) {}
        page.store(1, Ordering::Relaxed);
        thread.join().unwrap();
        assert!(!receipt.is_awaited());
    });
}

#[test]
fn what_is_done_is_done_everywhere_and_nobody_sleeps_for_ever() {
    check(OWNER);
}

/// Two that wait for each other, both parked meanwhile.
#[test]
fn two_that_wait_for_each_other() {
    model(|| {
        let receipts = Arc::new([Receipt::new(), Receipt::new()]);
        let body = |own: usize, receipts: &[Receipt; 2]| {
            receipts[own].unpark();
            receipts[own].begin().into_iter().for_each(|ticket| receipts[own].finish(ticket));
            _ = receipts[1 - own].post();
            let ticket = receipts[1 - own].ticket();
            receipts[own].park();
            while !receipts[1 - own].wait(ticket, Duration::from_secs(60)) {}
            receipts[own].unpark();
            receipts[own].begin().into_iter().for_each(|ticket| receipts[own].finish(ticket));
            receipts[own].park();
        };
        let other = receipts.clone();
        let thread = thread::spawn(move || body(1, &other));
        body(0, &receipts);
        thread.join().unwrap();
    });
}

// Loom has no time: its `wait_timeout` waits for ever.
#[cfg(not(loom))]
#[test]
fn patience_ends() {
    let receipt = Receipt::new();
    receipt.unpark();
    assert!(receipt.post());
    assert!(!receipt.wait(receipt.ticket(), Duration::from_millis(2)));
    receipt.finish(receipt.begin().unwrap());
    assert!(receipt.wait(receipt.ticket(), Duration::ZERO) && receipt.begin().is_none());
}

/// Loom must see what is wrong with these. (Parking without ringing it sees too, and aborts: a sleeper left alone is a
/// deadlock, which it reports from under the lock.)
#[cfg(loom)]
mod mutants {
    use super::*;

    #[test]
    #[should_panic(expected = "used after")]
    fn going_on_without_a_look() {
        check(Owner { looks: false, ..OWNER });
    }

    #[test]
    #[should_panic(expected = "used after")]
    fn going_on_without_a_fence() {
        check(Owner { unpark: |receipt| receipt.parked.store(0, Ordering::Relaxed), ..OWNER });
    }
}
