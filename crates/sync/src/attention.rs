//! The one word through which a vCPU is reached from outside, and the doorbell it sleeps on.
//!
//! Engines poll `is_set` (one relaxed load) at back-edges and wherever masks open; whoever wants the
//! vCPU posts reasons; the vCPU takes them all at once.

use crate::prim::{AtomicU32, Condvar, Mutex, Ordering};
use std::time::Instant;

/// Why a vCPU is wanted: a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reasons(pub u32);

impl Reasons {
    /// The GIC's signals to this PE may have changed.
    pub const INTERRUPT: Reasons = Reasons(1 << 0);
    /// A timer deadline of this PE has passed.
    pub const TIMER: Reasons = Reasons(1 << 1);
    /// Another PE broadcast a TLB maintenance operation.
    pub const TLBI: Reasons = Reasons(1 << 2);
    /// An event for WFE (SEV, exclusive monitor).
    pub const EVENT: Reasons = Reasons(1 << 3);
    /// The machine wants the thread to stop at a boundary: pause, reset, power off, CPU_ON.
    pub const CONTROL: Reasons = Reasons(1 << 4);
    /// Compiled code is given up: nothing is to be done but to come out of it.
    pub const CODE: Reasons = Reasons(1 << 5);

    const ASLEEP: u32 = 1 << 31;

    /// True if any of `other`'s bits are set here.
    pub fn has(self, other: Reasons) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for Reasons {
    type Output = Reasons;
    fn bitor(self, other: Reasons) -> Reasons {
        Reasons(self.0 | other.0)
    }
}

/// Invariant: once `post(r)` has returned, a `take` that has not yet started will return `r`, or one
/// that was in progress did; and a sleeper in `sleep` returns.
///
/// Alone on its cache lines: other threads write it while neighbours poll theirs.
#[repr(align(128))]
pub struct Attention {
    word: AtomicU32,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Default for Attention {
    fn default() -> Self {
        Self::new()
    }
}

impl Attention {
    /// Nothing posted, nobody asleep.
    pub fn new() -> Attention {
        Attention { word: AtomicU32::new(0), lock: Mutex::new(()), bell: Condvar::new() }
    }

    /// Adds `reasons` and wakes the vCPU if it sleeps.
    #[inline]
    pub fn post(&self, reasons: Reasons) {
        // Release pairs with `take`'s Acquire: seeing the reason is seeing what it announces.
        self.word.fetch_or(reasons.0, Ordering::AcqRel);
        // Not older than our own write. So either the sleeper's mark comes before that and we see it, or it comes
        // after and the sleeper's check sees our reason. Two steps because a read-modify-write whose old value is
        // used costs more on the most common hosts. Relaxed: the lock orders what follows.
        if self.word.load(Ordering::Relaxed) & Reasons::ASLEEP != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // Taking the lock orders us after the sleeper's re-check, so the notification cannot fall between that check
        // and its wait.
        drop(self.lock.lock().expect("no code panics while it holds this lock"));
        self.bell.notify_one();
    }

    /// Is anything posted? A hint that may lag by a moment; engines poll it.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        self.word.load(Ordering::Relaxed) != 0
    }

    /// Where the word is, for compiled code, which does what `is_set` does. Good while `self` stays in place.
    #[cfg(not(any(loom, shuttle)))]
    pub fn address(&self) -> usize {
        self.word.as_ptr() as usize
    }

    /// Takes every posted reason. Only the owning vCPU thread calls this.
    pub fn take(&self) -> Reasons {
        Reasons(self.word.swap(0, Ordering::AcqRel) & !Reasons::ASLEEP)
    }

    /// Sleeps until something is posted or `deadline` passes. Takes nothing. Only the owner calls this.
    pub fn sleep(&self, deadline: Option<Instant>) {
        let mut guard = self.lock.lock().expect("no code panics while it holds this lock");
        self.word.fetch_or(Reasons::ASLEEP, Ordering::AcqRel);
        while self.word.load(Ordering::Acquire) & !Reasons::ASLEEP == 0 {
            match deadline {
                None => guard = self.bell.wait(guard).expect("see above"),
                Some(at) => {
                    let Some(left) = at.checked_duration_since(Instant::now()) else { break };
                    guard = self.bell.wait_timeout(guard, left).expect("see above").0;
                }
            }
        }
        self.word.fetch_and(!Reasons::ASLEEP, Ordering::AcqRel);
        drop(guard);
    }
}

#[cfg(test)]
mod tests;
