//! The words of a VM that are read without a lock.

use crate::locks::Call;
use crate::prim::{AtomicU32, AtomicU64, Ordering::*};
use crate::uapi::UNSET;
use std::sync::atomic::AtomicU32 as Plain;

/// Goes from false to true once, and stays.
pub(crate) struct Once(AtomicU32);

impl Once {
    pub fn new() -> Once {
        Once(AtomicU32::new(0))
    }

    /// Acquire: who sees it set sees what was done before.
    pub fn is_set(&self) -> bool {
        self.0.load(Acquire) != 0
    }

    pub fn set(&self) {
        self.0.store(1, Release);
    }
}

/// A number that one lock protects and others read: how many vCPUs there are, a choice.
pub(crate) struct Number(AtomicU32);

impl Number {
    pub fn new(value: u32) -> Number {
        Number(AtomicU32::new(value))
    }

    /// Acquire: who sees a vCPU counted sees it made.
    pub fn get(&self) -> u32 {
        self.0.load(Acquire)
    }

    pub fn set(&self, value: u32) {
        self.0.store(value, Release);
    }
}

/// A guest physical address that is set once, under S.
pub(crate) struct Address(AtomicU64);

impl Address {
    pub fn unset() -> Address {
        Address(AtomicU64::new(UNSET))
    }

    /// All ones, if it is not set.
    pub fn get(&self) -> u64 {
        self.0.load(Acquire)
    }

    pub fn is_set(&self) -> bool {
        self.get() != UNSET
    }

    pub fn set(&self, base: u64) {
        self.0.store(base, Release);
    }
}

/// What a lock is held by, and whether somebody waits for it: for people, so it may lag behind. It orders nothing and
/// decides nothing, and is no step to a model checker.
#[derive(Default)]
pub(crate) struct Note {
    /// A [`Call`], plus 1.
    holder: Plain,
    waiting: Plain,
}

impl Note {
    // Relaxed: nobody draws a conclusion about other words.
    pub fn held_by(&self, call: Option<Call>) {
        self.holder.store(call.map_or(0, |call| call as u32 + 1), Relaxed);
    }

    pub fn wait(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    pub fn waited(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    /// Who holds it, and how many wait.
    pub fn read(&self) -> (Option<Call>, u32) {
        let holder = self.holder.load(Relaxed).checked_sub(1);
        (holder.and_then(|n| Call::ALL.get(n as usize).copied()), self.waiting.load(Relaxed))
    }
}
