//! How far the owner of a queue got with what others asked it to do, and how they wait for that.
//!
//! The queue itself lies elsewhere. Whoever put a request there posts it here; the owner performs requests at times of
//! its own choosing. While it is *parked* it does nothing that a request could concern, so nobody waits for it, and it
//! performs what was posted before it goes on. Who waits for long sleeps: the owner's thread may have no processor.

use crate::prim::{AtomicU32, AtomicU64, Condvar, Mutex, Ordering, fence};
use std::time::Duration;

/// Invariant: a request whose ticket is at most `done` has been performed, after everything that the owner did in
/// ignorance of it. While `parked` reads 1, the owner does nothing until it has performed all that was posted before.
///
/// On cache lines of its own: waiters poll it.
#[repr(align(128))]
pub struct Receipt {
    /// Requests posted.
    posted: AtomicU64,
    /// Of those, how many the owner has performed. Only the owner writes it.
    done: AtomicU64,
    /// Only the owner writes it.
    parked: AtomicU32,
    /// Threads in `wait`.
    waiting: AtomicU32,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Default for Receipt {
    fn default() -> Self {
        Self::new()
    }
}

impl Receipt {
    /// Nothing posted; the owner is parked.
    pub fn new() -> Receipt {
        Receipt {
            posted: AtomicU64::new(0),
            done: AtomicU64::new(0),
            parked: AtomicU32::new(1),
            waiting: AtomicU32::new(0),
            lock: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    /// A request has been put into the queue. True if the owner must be told, false if it is parked.
    #[must_use]
    pub fn post(&self) -> bool {
        // Release: an owner that counts this one finds the request.
        self.posted.fetch_add(1, Ordering::Release);
        // Against `unpark`: either we see it running and tell it, or it counts this one when it has come back.
        fence(Ordering::SeqCst);
        self.parked.load(Ordering::Relaxed) == 0
    }

    /// The ticket of everything posted so far; `is_done` with it waits for nothing later.
    pub fn ticket(&self) -> u64 {
        self.posted.load(Ordering::Relaxed)
    }

    /// Has the owner performed all up to `ticket`, or is it parked?
    pub fn is_done(&self, ticket: u64) -> bool {
        // Acquire pairs with the Release of `finish` and `park`: what the owner did in ignorance comes before what the
        // waiter does next. A parked owner that starts again after we looked counts first: our request was posted
        // before we looked, see `post`.
        self.done.load(Ordering::Acquire) >= ticket || self.parked.load(Ordering::Acquire) != 0
    }

    /// The owner: what is to be performed now, as the ticket of the last; `None` if there is nothing.
    pub fn begin(&self) -> Option<u64> {
        // Acquire pairs with `post`; before the queue is looked at, so that every counted request is in it.
        let posted = self.posted.load(Ordering::Acquire);
        (posted != self.done.load(Ordering::Relaxed)).then_some(posted)
    }

    /// The owner has performed everything up to `ticket`, which `begin` gave.
    pub fn finish(&self, ticket: u64) {
        // Release pairs with `is_done`.
        self.done.store(ticket, Ordering::Release);
        self.ring();
    }

    /// The owner stops: nothing that requests are about happens until `unpark`.
    pub fn park(&self) {
        // Release pairs with `is_done`.
        self.parked.store(1, Ordering::Release);
        self.ring();
    }

    /// The owner is about to go on. It calls `begin` right after this.
    pub fn unpark(&self) {
        self.parked.store(0, Ordering::Relaxed);
        // Against `post`: see there.
        fence(Ordering::SeqCst);
    }

    /// Is the owner parked? A hint.
    pub fn is_parked(&self) -> bool {
        self.parked.load(Ordering::Relaxed) != 0
    }

    /// Does anyone sleep until the owner answers?
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Sleeps until all up to `ticket` is done, or `patience` is over; is it done?
    pub fn wait(&self, ticket: u64, patience: Duration) -> bool {
        let guard = self.lock.lock().expect("no code panics while it holds this lock");
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Against `ring`: either it sees us, or we see what it rings for.
        fence(Ordering::SeqCst);
        // One sleep only: who wakes early, for whatever reason, comes again.
        if !self.is_done(ticket) {
            drop(self.bell.wait_timeout(guard, patience).expect("see above"));
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.is_done(ticket)
    }

    /// Wakes who waits, after a store that may be waited for.
    fn ring(&self) {
        // Against `wait`: see there.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) != 0 {
            // Behind the waiter's look: it sleeps by now, or has seen.
            drop(self.lock.lock().expect("no code panics while it holds this lock"));
            self.bell.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
