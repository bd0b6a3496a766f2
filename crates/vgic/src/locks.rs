//! The locks of a VM, in the one order in which a thread may wait for them: K, V, S, C, and an ITS's two.
//!
//! A build with assertions checks the order whenever a thread waits. A try-lock never waits, so it may be out of order.

use crate::prim::{Mutex, MutexGuard};
use std::ops::{Deref, DerefMut};

/// A lock's place in the order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Rank {
    /// Making a vCPU: ours, for versions of Linux that let go of K on the way.
    Creation,
    /// K: the VM (Linux, `kvm->lock`).
    Vm,
    /// V: one vCPU (`vcpu->mutex`), by index.
    Vcpu(u32),
    /// S: addresses and regions (`kvm->slots_lock`).
    Slots,
    /// C: everything of the VGIC (`kvm->arch.config_lock`).
    Config,
}

pub(crate) struct Lock<T> {
    rank: Rank,
    mutex: Mutex<T>,
}

impl<T> Lock<T> {
    pub fn new(rank: Rank, value: T) -> Lock<T> {
        Lock { rank, mutex: Mutex::new(value) }
    }

    /// Waits.
    pub fn lock(&self) -> Guard<'_, T> {
        held::assert_may_wait(self.rank);
        self.lock_out_of_order()
    }

    /// Waits, whatever is held: only for protocols that are wrong.
    pub fn lock_out_of_order(&self) -> Guard<'_, T> {
        // A thread that panicked under a lock is told of elsewhere; the others go on.
        self.guard(self.mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        use std::sync::TryLockError::*;
        match self.mutex.try_lock() {
            Ok(guard) => Some(self.guard(guard)),
            Err(Poisoned(poisoned)) => Some(self.guard(poisoned.into_inner())),
            Err(WouldBlock) => None,
        }
    }

    fn guard<'a>(&'a self, guard: MutexGuard<'a, T>) -> Guard<'a, T> {
        held::push(self.rank);
        Guard { guard, rank: self.rank }
    }
}

pub(crate) struct Guard<'a, T> {
    guard: MutexGuard<'a, T>,
    rank: Rank,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        held::pop(self.rank);
    }
}

/// What this thread holds.
#[cfg(all(debug_assertions, not(any(loom, shuttle))))]
mod held {
    use super::Rank;
    use std::cell::RefCell;

    thread_local! {
        static HELD: RefCell<Vec<Rank>> = const { RefCell::new(vec![]) };
    }

    pub fn assert_may_wait(rank: Rank) {
        HELD.with_borrow(|held| {
            let later = held.iter().find(|&&other| other >= rank);
            assert!(later.is_none(), "a thread that holds {later:?} waits for {rank:?}: the order is K, V, S, C");
        });
    }

    pub fn push(rank: Rank) {
        HELD.with_borrow_mut(|held| held.push(rank));
    }

    pub fn pop(rank: Rank) {
        HELD.with_borrow_mut(|held| {
            let at = held.iter().rposition(|&other| other == rank).expect("a guard is dropped where it was made");
            held.remove(at);
        });
    }
}

#[cfg(not(all(debug_assertions, not(any(loom, shuttle)))))]
mod held {
    use super::Rank;

    pub fn assert_may_wait(_: Rank) {}
    pub fn push(_: Rank) {}
    pub fn pop(_: Rank) {}
}
