//! Atomics and locks: the standard library's, or loom's under `--cfg loom`, or shuttle's under `--cfg shuttle`.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(loom)]
pub(crate) use of_loom::{Mutex, MutexGuard};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// loom (0.7) suspends a thread that is about to try a lock when another takes it, so that a try never fails. This one's
/// does: it looks at a flag.
#[cfg(loom)]
mod of_loom {
    use loom::sync::{Condvar, MutexGuard as Inner};
    use std::ops::{Deref, DerefMut};
    use std::sync::{LockResult, TryLockError, TryLockResult};

    pub struct Mutex<T> {
        taken: loom::sync::Mutex<bool>,
        given_back: Condvar,
        /// Nobody waits for it: who has the flag takes it.
        value: loom::sync::Mutex<T>,
    }

    pub struct MutexGuard<'a, T> {
        mutex: &'a Mutex<T>,
        value: Option<Inner<'a, T>>,
    }

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Mutex<T> {
            let taken = loom::sync::Mutex::new(false);
            Mutex { taken, given_back: Condvar::new(), value: loom::sync::Mutex::new(value) }
        }

        pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            let mut taken = self.taken.lock().unwrap();
            while *taken {
                taken = self.given_back.wait(taken).unwrap();
            }
            *taken = true;
            drop(taken);
            Ok(self.guard())
        }

        pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
            match std::mem::replace(&mut *self.taken.lock().unwrap(), true) {
                true => Err(TryLockError::WouldBlock),
                false => Ok(self.guard()),
            }
        }

        fn guard(&self) -> MutexGuard<'_, T> {
            MutexGuard { mutex: self, value: Some(self.value.lock().unwrap()) }
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.value.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.value.as_mut().unwrap()
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            self.value = None;
            *self.mutex.taken.lock().unwrap() = false;
            self.mutex.given_back.notify_one();
        }
    }
}
