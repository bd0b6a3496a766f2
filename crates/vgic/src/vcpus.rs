//! The vCPUs of a VM, and locking all of them.

use crate::errno::{Errno, Refusal};
use crate::flags::{Number, Once};
use crate::locks::{Guard, Lock, Rank};
use crate::prim::{AtomicU32, Ordering::*};
use gic::{Affinity, MAX_PES};
use std::sync::{Arc, OnceLock};
use sync::Attention;

/// One vCPU. Every ioctl on it holds its lock from beginning to end, and so does the guest while it runs.
pub struct Vcpu {
    /// The caller's number for it.
    pub(crate) id: u32,
    /// In order of creation.
    pub(crate) index: usize,
    /// Aff3.Aff2.Aff1.Aff0 once `KVM_ARM_VCPU_INIT` has set it; 0 before.
    affinity: AtomicU32,
    /// It has EL2.
    el2: Once,
    pub(crate) lock: Lock<VcpuState>,
    pub(crate) attention: Arc<Attention>,
}

/// What a vCPU's lock protects.
#[derive(Default)]
pub(crate) struct VcpuState {
    /// `KVM_ARM_VCPU_INIT` was called.
    pub initialised: bool,
    /// It has features that must be finalised, and they are not.
    pub unfinished: bool,
    /// `KVM_RUN` has got past its checks once.
    pub has_run: bool,
}

impl Vcpu {
    pub(crate) fn new(id: u32, index: usize, attention: Arc<Attention>) -> Vcpu {
        let lock = Lock::new(Rank::Vcpu(index as u32), VcpuState::default());
        Vcpu { id, index, affinity: AtomicU32::new(0), el2: Once::new(), lock, attention }
    }

    /// Its number, which the caller chose.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its place in the order of creation.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What wakes it and makes it look at its interrupts.
    pub fn attention(&self) -> Arc<Attention> {
        self.attention.clone()
    }

    /// Aff3.Aff2.Aff1.Aff0 as attributes find it.
    pub(crate) fn affinity(&self) -> u32 {
        self.affinity.load(Relaxed)
    }

    /// The affinity it gets when it is initialised.
    pub fn default_affinity(&self) -> Affinity {
        affinity_of(self.id)
    }

    pub(crate) fn has_el2(&self) -> bool {
        self.el2.is_set()
    }

    pub(crate) fn initialise(&self, state: &mut VcpuState, el2: bool) {
        state.initialised = true;
        if el2 {
            self.el2.set();
        }
        self.affinity.store(self.default_affinity().packed(), Relaxed);
    }
}

/// The affinity that `KVM_ARM_VCPU_INIT` gives the vCPU with this id: 16 in a cluster.
pub(crate) fn affinity_of(id: u32) -> Affinity {
    Affinity { aff0: id as u8 & 0xf, aff1: (id >> 4) as u8, aff2: (id >> 12) as u8, aff3: 0 }
}

/// All vCPUs of a VM, in order of creation.
pub(crate) struct Vcpus {
    all: Box<[OnceLock<Arc<Vcpu>>]>,
    /// Those that can be found. K protects it.
    online: Number,
    /// The same and the one that is being made. K protects it.
    created: Number,
}

/// The locks of vCPUs, held until this is dropped; just those that were taken.
pub(crate) struct VcpuLocks<'a>(pub Vec<Guard<'a, VcpuState>>);

impl Vcpus {
    pub fn new() -> Vcpus {
        let all = (0..MAX_PES).map(|_| OnceLock::new()).collect();
        Vcpus { all, online: Number::new(0), created: Number::new(0) }
    }

    pub fn online(&self) -> usize {
        self.online.get() as usize
    }

    pub fn created(&self) -> usize {
        self.created.get() as usize
    }

    pub fn set_created(&self, created: usize) {
        self.created.set(created as u32);
    }

    /// Puts it where it can be found, under its own lock.
    pub fn publish(&self, vcpu: Arc<Vcpu>) {
        let place = &self.all[vcpu.index];
        assert!(place.set(vcpu).is_ok(), "K is held, so the place was free");
        let vcpu = place.get().expect("it was put here");
        let _it = vcpu.lock.lock();
        self.online.set(vcpu.index as u32 + 1);
    }

    pub fn get(&self, index: usize) -> Option<&Arc<Vcpu>> {
        self.all.get(index).filter(|_| index < self.online())?.get()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Vcpu>> {
        self.all[..self.online()].iter().map(|place| place.get().expect("those online are there"))
    }

    /// The first whose affinity is Aff3.Aff2.Aff1.Aff0.
    pub fn with_affinity(&self, affinity: u32) -> Option<&Arc<Vcpu>> {
        self.iter().find(|vcpu| vcpu.affinity() == affinity)
    }

    /// Locks each in turn without waiting; where one is busy, none.
    pub fn try_lock_all(&self, sees_creation: bool) -> Result<VcpuLocks<'_>, Refusal> {
        if sees_creation && self.created() != self.online() {
            return Err(Errno::Busy.because("a vCPU is being created"));
        }
        let mut locks = Vec::with_capacity(self.online());
        for vcpu in self.iter() {
            let busy = Errno::Busy.because("a vCPU is inside an ioctl, or runs").about(vcpu.index as u64);
            locks.push(vcpu.lock.try_lock().ok_or(busy)?);
        }
        Ok(VcpuLocks(locks))
    }

    /// Locks each in turn and waits for those that are busy.
    pub fn lock_all(&self) -> VcpuLocks<'_> {
        VcpuLocks(self.iter().map(|vcpu| vcpu.lock.lock()).collect())
    }

    /// The same in spite of the order of locks.
    pub fn lock_all_out_of_order(&self) -> VcpuLocks<'_> {
        VcpuLocks(self.iter().map(|vcpu| vcpu.lock.lock_out_of_order()).collect())
    }
}
