//! TLB maintenance between PEs: a bounded queue per PE, and the words that tell how far it got.
//!
//! Nobody is stopped. The sender pushes and posts `Reasons::TLBI`; the owner performs what is queued between
//! two instructions; the sender's DSB waits until that has happened, performing its own queue meanwhile so
//! that two PEs waiting for each other both get on. A PE that executes nothing (WFI, PSCI off, not yet
//! started) is *parked*: it is not waited for, and performs its queue before it executes again.

use super::TlbiOp;
use crossbeam::queue::ArrayQueue;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

/// Operations that fit; beyond that the owner flushes everything, which is cheaper than many more anyway.
const CAPACITY: usize = 256;

/// TLB maintenance broadcast to one PE.
///
/// Invariant: an operation whose ticket is at most `done` has been performed by the owner, after every
/// memory access that the owner made with older translations. While `parked` reads true, the owner makes no
/// access until it has performed everything pushed before that.
pub struct TlbiQueue {
    ops: ArrayQueue<TlbiOp>,
    /// An operation did not fit.
    overflow: AtomicBool,
    /// Operations pushed, or dropped into `overflow`.
    posted: AtomicU64,
    /// Of those, how many the owner has performed. Only the owner writes it.
    done: AtomicU64,
    parked: AtomicBool,
}

impl Default for TlbiQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl TlbiQueue {
    /// Nothing queued; the owner has not started.
    pub fn new() -> TlbiQueue {
        TlbiQueue {
            ops: ArrayQueue::new(CAPACITY),
            overflow: AtomicBool::new(false),
            posted: AtomicU64::new(0),
            done: AtomicU64::new(0),
            parked: AtomicBool::new(true),
        }
    }

    /// Queues `op`. True if the owner must be told, false if it is parked.
    #[must_use]
    pub(super) fn push(&self, op: TlbiOp) -> bool {
        if self.ops.push(op).is_err() {
            // Relaxed: the increment below publishes it.
            self.overflow.store(true, Ordering::Relaxed);
        }
        // Release: an owner that counts this ticket finds the operation (or the overflow).
        self.posted.fetch_add(1, Ordering::Release);
        // Against `unpark`: either we see it running and tell it, or its drain sees the operation.
        fence(Ordering::SeqCst);
        !self.parked.load(Ordering::Relaxed)
    }

    /// The ticket of everything queued so far; `is_done` with it waits for no later operation.
    pub(super) fn ticket(&self) -> u64 {
        self.posted.load(Ordering::Relaxed)
    }

    /// Has the owner performed all up to `ticket`, or is it parked?
    pub(super) fn is_done(&self, ticket: u64) -> bool {
        // Acquire pairs with the Release of `drain` and `park`: what the owner accessed with the old
        // translations comes before what the waiter does next. A parked owner that starts again after we
        // looked drains first: our push came before our look, see `push`.
        self.done.load(Ordering::Acquire) >= ticket || self.parked.load(Ordering::Acquire)
    }

    /// Performs what is queued. Only the owner calls this, between two instructions.
    pub(super) fn drain(&self, mut perform: impl FnMut(TlbiOp)) {
        // Acquire pairs with `push`; read before the queue, so that every counted operation is in it.
        let posted = self.posted.load(Ordering::Acquire);
        // A flag set after this swap belongs to an operation not counted in `posted`; it is seen next time.
        if self.overflow.swap(false, Ordering::Relaxed) {
            perform(TlbiOp::All);
        }
        while let Some(op) = self.ops.pop() {
            perform(op);
        }
        // Release pairs with `is_done`: our accesses with the old translations are over.
        self.done.store(posted, Ordering::Release);
    }

    /// The owner stops executing.
    pub(crate) fn park(&self) {
        // Release: its accesses so far come before what a waiter that sees this does.
        self.parked.store(true, Ordering::Release);
    }

    /// The owner is about to execute again; it drains right after this.
    pub(super) fn unpark(&self) {
        self.parked.store(false, Ordering::Relaxed);
        // Against `push`: see there.
        fence(Ordering::SeqCst);
    }
}
