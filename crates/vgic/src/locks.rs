//! The locks of a VM, in the one order in which a thread may wait for them: K, V, S, C, and an ITS's two.
//!
//! A build with assertions checks the order whenever a thread waits. A try-lock never waits, so it may be out of order.

use crate::flags::Note;
use crate::prim::{Mutex, MutexGuard};
use std::cell::Cell;
use std::fmt;
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

/// A call of a VMM, which takes locks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Call {
    /// None that is known.
    Other,
    /// `KVM_CREATE_VCPU`.
    CreateVcpu,
    /// `KVM_CREATE_DEVICE`.
    CreateDevice,
    /// `KVM_SET_DEVICE_ATTR`.
    SetAttr,
    /// `KVM_GET_DEVICE_ATTR`.
    GetAttr,
    /// `KVM_HAS_DEVICE_ATTR`.
    HasAttr,
    /// An ioctl of a vCPU that is not `KVM_RUN`.
    VcpuIoctl,
    /// `KVM_RUN`, and the guest.
    Run,
}

impl Call {
    pub(crate) const ALL: [Call; 8] = [
        Call::Other,
        Call::CreateVcpu,
        Call::CreateDevice,
        Call::SetAttr,
        Call::GetAttr,
        Call::HasAttr,
        Call::VcpuIoctl,
        Call::Run,
    ];

    /// This thread makes the call until what it gives back is dropped.
    pub(crate) fn begins(self) -> Calling {
        Calling(CALL.replace(self))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Call::Other => "another call",
            Call::CreateVcpu => "KVM_CREATE_VCPU",
            Call::CreateDevice => "KVM_CREATE_DEVICE",
            Call::SetAttr => "KVM_SET_DEVICE_ATTR",
            Call::GetAttr => "KVM_GET_DEVICE_ATTR",
            Call::HasAttr => "KVM_HAS_DEVICE_ATTR",
            Call::VcpuIoctl => "a vCPU's ioctl",
            Call::Run => "KVM_RUN",
        })
    }
}

thread_local! {
    static CALL: Cell<Call> = const { Cell::new(Call::Other) };
}

/// See [`Call::begins`]; what this thread did before.
pub(crate) struct Calling(Call);

impl Drop for Calling {
    fn drop(&mut self) {
        CALL.set(self.0);
    }
}

/// One lock of a VM, as it was a moment ago.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockState {
    /// K, V0, V1 and so on, S, or C.
    pub name: String,
    /// What holds it.
    pub holder: Option<Call>,
    /// How many threads wait for it.
    pub waiting: u32,
}

impl fmt::Display for LockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder {
            Some(call) => write!(f, "{} held by {call}", self.name)?,
            None => write!(f, "{} free", self.name)?,
        }
        match self.waiting {
            0 => Ok(()),
            waiting => write!(f, " ({waiting} waiting)"),
        }
    }
}

pub(crate) struct Lock<T> {
    rank: Rank,
    mutex: Mutex<T>,
    note: Note,
}

impl<T> Lock<T> {
    pub fn new(rank: Rank, value: T) -> Lock<T> {
        Lock { rank, mutex: Mutex::new(value), note: Note::default() }
    }

    /// Waits.
    pub fn lock(&self) -> Guard<'_, T> {
        held::assert_may_wait(self.rank);
        self.lock_out_of_order()
    }

    /// Waits, whatever is held: only for protocols that are wrong.
    pub fn lock_out_of_order(&self) -> Guard<'_, T> {
        // Only who has to wait says so. A model checker would take the attempt for one more step.
        #[cfg(not(any(loom, shuttle)))]
        if let Some(guard) = self.try_lock() {
            return guard;
        }
        self.note.wait();
        // A thread that panicked under a lock is told of elsewhere; the others go on.
        let guard = self.mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.note.waited();
        self.guard(guard)
    }

    /// What holds it, and how many wait.
    pub fn state(&self, name: impl Into<String>) -> LockState {
        let (holder, waiting) = self.note.read();
        LockState { name: name.into(), holder, waiting }
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
        self.note.held_by(Some(CALL.get()));
        Guard { guard, rank: self.rank, note: &self.note }
    }
}

pub(crate) struct Guard<'a, T> {
    guard: MutexGuard<'a, T>,
    rank: Rank,
    note: &'a Note,
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
        self.note.held_by(None);
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
