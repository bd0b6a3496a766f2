//! TLB maintenance between PEs: a bounded queue per PE, and a receipt that tells how far it got.
//!
//! Nobody is stopped. The sender pushes and posts `Reasons::TLBI`; the owner performs what is queued between
//! two instructions; the sender's DSB waits until that has happened. A PE that executes nothing (WFI, PSCI off, not yet
//! started, or itself waiting in DSB) is *parked*: it is not waited for, and performs its queue before it executes
//! again. So two PEs that wait for each other both get on, and one that waits may sleep.

use super::TlbiOp;
use crossbeam::queue::ArrayQueue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sync::Receipt;

/// Operations that fit; beyond that the owner flushes everything, which is cheaper than many more anyway.
const CAPACITY: usize = 256;

/// TLB maintenance broadcast to one PE. Its `Receipt` says what is done: what the owner does in ignorance of an
/// operation is every memory access with an older translation.
pub struct TlbiQueue {
    ops: ArrayQueue<TlbiOp>,
    /// An operation did not fit.
    overflow: AtomicBool,
    receipt: Receipt,
}

impl Default for TlbiQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl TlbiQueue {
    /// Nothing queued; the owner has not started.
    pub fn new() -> TlbiQueue {
        TlbiQueue { ops: ArrayQueue::new(CAPACITY), overflow: AtomicBool::new(false), receipt: Receipt::new() }
    }

    /// Queues `op`. True if the owner must be told, false if it is parked.
    #[must_use]
    pub(super) fn push(&self, op: TlbiOp) -> bool {
        if self.ops.push(op).is_err() {
            // Relaxed: posting publishes it.
            self.overflow.store(true, Ordering::Relaxed);
        }
        self.receipt.post()
    }

    /// The ticket of everything queued so far, if that is not done.
    pub(super) fn behind(&self) -> Option<u64> {
        let ticket = self.receipt.ticket();
        (!self.receipt.is_done(ticket)).then_some(ticket)
    }

    /// Has the owner performed all up to `ticket`, or is it parked?
    pub(super) fn is_done(&self, ticket: u64) -> bool {
        self.receipt.is_done(ticket)
    }

    /// Sleeps until it has, or `patience` is over.
    pub(super) fn wait(&self, ticket: u64, patience: Duration) {
        _ = self.receipt.wait(ticket, patience);
    }

    /// Does anyone sleep in `wait`?
    pub(super) fn is_awaited(&self) -> bool {
        self.receipt.is_awaited()
    }

    /// Performs what is queued; was there anything? Only the owner calls this, between two instructions.
    pub(super) fn drain(&self, mut perform: impl FnMut(TlbiOp)) -> bool {
        let Some(ticket) = self.receipt.begin() else { return false };
        // A flag set after this swap belongs to an operation that `ticket` does not count; it is seen next time.
        if self.overflow.swap(false, Ordering::Relaxed) {
            perform(TlbiOp::All);
        }
        while let Some(op) = self.ops.pop() {
            perform(op);
        }
        self.receipt.finish(ticket);
        true
    }

    /// Does the owner execute nothing? A hint.
    pub(super) fn is_parked(&self) -> bool {
        self.receipt.is_parked()
    }

    /// The owner stops executing.
    pub(crate) fn park(&self) {
        self.receipt.park();
    }

    /// The owner is about to execute again; it drains right after this.
    pub(super) fn unpark(&self) {
        self.receipt.unpark();
    }
}
