//! When memory that readers use without a lock may be used for something else.
//!
//! Readers pass a quiescent point now and then, where they keep nothing of what they found before, or are outside.
//! A writer takes something out of reach, calls `advance`, and may reuse it when `all_since` says so. It never waits:
//! it asks again later.

use crate::prim::{AtomicU64, Ordering, fence};

/// In a seat: the reader uses nothing.
const OUTSIDE: u64 = u64::MAX;

/// One reader's word, alone on its cache lines.
#[repr(align(128))]
struct Seat(AtomicU64);

/// Invariant: once `all_since(e)` has said true for an `e` that `advance` returned, no reader uses what was taken out
/// of reach before that `advance`, unless it kept it past a `pass(e)` or an `enter` that returned `e` or more.
pub struct Epochs {
    now: AtomicU64,
    seats: Box<[Seat]>,
}

impl Epochs {
    /// The first epoch, for so many readers, all outside.
    pub fn new(readers: usize) -> Epochs {
        Epochs { now: AtomicU64::new(0), seats: (0..readers).map(|_| Seat(AtomicU64::new(OUTSIDE))).collect() }
    }

    /// The present epoch. A reader that finds it moved since it last passed forgets what it keeps, and passes.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        // Acquire: who sees an epoch sees what was taken out of reach before it.
        self.now.load(Ordering::Acquire)
    }

    /// The reader comes in; what it keeps, it has kept since epoch `known`. The present epoch: if that is another, it
    /// uses nothing of what it keeps before it has passed.
    #[must_use]
    pub fn enter(&self, reader: usize, known: u64) -> u64 {
        self.seats[reader].0.store(known, Ordering::Relaxed);
        // Against `advance` and `all_since`: either the writer sees this seat, or we see its epoch.
        fence(Ordering::SeqCst);
        self.now.load(Ordering::Acquire)
    }

    /// The reader, inside, keeps nothing from before `epoch`.
    pub fn pass(&self, reader: usize, epoch: u64) {
        // Release pairs with `all_since`: its uses of older things are over.
        self.seats[reader].0.store(epoch, Ordering::Release);
    }

    /// The reader goes out.
    pub fn leave(&self, reader: usize) {
        // Release: as in `pass`.
        self.seats[reader].0.store(OUTSIDE, Ordering::Release);
    }

    /// Begins an epoch, after something was taken out of reach.
    pub fn advance(&self) -> u64 {
        // Release pairs with `now`.
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        // Against `enter`: see there.
        fence(Ordering::SeqCst);
        now
    }

    /// Is that reader inside, and has not passed since `epoch` began? It may have by now.
    pub fn is_before(&self, reader: usize, epoch: u64) -> bool {
        self.seats[reader].0.load(Ordering::Relaxed) < epoch
    }

    /// Has every reader passed since `epoch` began, or is outside?
    pub fn all_since(&self, epoch: u64) -> bool {
        // Acquire pairs with `pass` and `leave`. OUTSIDE is later than every epoch.
        self.seats.iter().all(|seat| seat.0.load(Ordering::Acquire) >= epoch)
    }
}

#[cfg(test)]
mod tests;
