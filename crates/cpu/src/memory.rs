//! Memory as instructions see it: loads, stores, exclusives, atomics, barriers.
//!
//! The fast path of an access is one compare with a TLB tag. The tag matches only RAM, with permission, and
//! an address whose low bits are zero as far as the access is wide; so an aligned access cannot cross a page,
//! and everything else (devices, unaligned, first touches, faults) comes to `slow.rs`.
//!
//! Order (ARM DDI 0487, B2.3): RAM is accessed with relaxed atomics, and the fences are here. RCsc needs that
//! a load-acquire is not performed before an earlier store-release of the same PE; rather than fence every
//! one, a store-release is remembered in `release_pending` and the next load-acquire pays. Everything that
//! modifies memory atomically is `SeqCst` in `Ram`.
//!
//! With FEAT_LSE2, 16 aligned bytes of a pair or of a SIMD register are loaded and stored at once, and so is anything
//! that lies within 16 aligned bytes. Without it this is allowed, and not done: two accesses of 8 are faster.

mod journal;
mod outside;
mod slow;

pub use journal::{Journal, Written};
pub use outside::{Asked, Outside};

use crate::mmu::{Ask, Need, PAGE};
use crate::{Monitor, Vcpu};
use hw::{Access, AccessSize, Leave, Order};
use mem::{Atomic, HostAddr};
use std::sync::atomic::{Ordering, fence};

/// Is a `SeqCst` read-modify-write of the host also a barrier between other accesses? If not, it is to later
/// load-acquires what a store-release is.
const RMW_IS_BARRIER: bool = cfg!(target_arch = "x86_64");

/// The value whose tag match means: RAM, permitted, aligned to `1 << align_log2`, and not over the page's end.
#[inline(always)]
const fn wanted(va: u64, bytes: u64, align: u64) -> u64 {
    va.wrapping_add(bytes - 1) & PAGE | va & (align - 1)
}

/// `Access::bus_size`, in a form that becomes a constant wherever the access is one.
#[inline(always)]
const fn width(how: Access) -> AccessSize {
    match how.size {
        0 => AccessSize::Byte,
        1 => AccessSize::Half,
        2 => AccessSize::Word,
        _ => AccessSize::Double,
    }
}

/// `at` plus `bytes`.
#[inline(always)]
const fn after(at: HostAddr, bytes: u64) -> HostAddr {
    HostAddr(at.0 + bytes as usize)
}

impl Vcpu {
    /// The RAM that a plain load of `bytes` at `va` reads, if the TLB knows it and it needs no second look.
    #[inline(always)]
    fn readable(&self, va: u64, how: Access, bytes: u64) -> Option<HostAddr> {
        let entry = self.mmu.entry(how.unprivileged, va);
        let hit = entry.read == wanted(va, bytes, how.bytes().min(8)) && how.order as u8 == Order::Plain as u8;
        hit.then(|| HostAddr(entry.addend.wrapping_add(va) as usize))
    }

    /// The same for a store.
    #[inline(always)]
    fn writable(&self, va: u64, how: Access, bytes: u64) -> Option<HostAddr> {
        let entry = self.mmu.entry(how.unprivileged, va);
        let hit = entry.write == wanted(va, bytes, how.bytes().min(8)) && how.order as u8 == Order::Plain as u8;
        hit.then(|| HostAddr(entry.addend.wrapping_add(va) as usize))
    }

    /// Brings the page of `va` into the TLB, if an access there would not fault. Are `bytes` from `low` on then in one
    /// page of RAM that an access with nothing to check may use?
    pub fn reaches(&mut self, va: u64, low: u64, bytes: u64, write: bool) -> bool {
        let need = if write { Need::Write } else { Need::Read };
        // A fault is found again, and raised, by who accesses.
        _ = self.resolve(va, Ask { unprivileged: false, need, unaligned: true, write_back: false });
        let entry = self.mmu.entry(false, low);
        (if write { entry.write } else { entry.read }) == wanted(low, bytes, 1)
    }

    /// Loads up to 8 bytes, zero-extended.
    #[inline(always)]
    pub fn load(&mut self, va: u64, how: Access) -> Result<u64, Leave> {
        match self.readable(va, how, how.bytes()) {
            Some(at) => Ok(self.shared.bus.ram().load(at, width(how))),
            None if self.mmu.refill(how.unprivileged, va, false) => self.load(va, how),
            None => self.load_slow(va, how, how.bytes()).map(|v| v as u64),
        }
    }

    /// Stores up to 8 bytes.
    #[inline(always)]
    pub fn store(&mut self, va: u64, how: Access, v: u64) -> Result<(), Leave> {
        match self.writable(va, how, how.bytes()) {
            Some(at) => {
                self.shared.bus.ram().store(at, width(how), v);
                Ok(())
            }
            None if self.mmu.refill(how.unprivileged, va, true) => self.store(va, how, v),
            None => self.store_slow(va, how, how.bytes(), v.into()),
        }
    }

    /// LDP: two elements of `how.bytes()`, each single-copy atomic.
    #[inline(always)]
    pub fn load2(&mut self, va: u64, how: Access) -> Result<(u64, u64), Leave> {
        let each = how.bytes();
        match self.readable(va, how, 2 * each) {
            Some(at) if how.size == 3 && self.mmu.whole && at.0 & 15 == 0 => {
                let v = self.shared.bus.ram().load16(at);
                Ok((v as u64, (v >> 64) as u64))
            }
            Some(at) => {
                let ram = self.shared.bus.ram();
                Ok((ram.load(at, width(how)), ram.load(after(at, each), width(how))))
            }
            None if self.mmu.refill(how.unprivileged, va, false) => self.load2(va, how),
            None => {
                let v = self.load_slow(va, how, 2 * each)?;
                Ok((width(how).truncate(v as u64), (v >> (8 * each)) as u64))
            }
        }
    }

    /// STP.
    #[inline(always)]
    pub fn store2(&mut self, va: u64, how: Access, v: (u64, u64)) -> Result<(), Leave> {
        let each = how.bytes();
        match self.writable(va, how, 2 * each) {
            Some(at) if how.size == 3 && self.mmu.whole && at.0 & 15 == 0 => {
                self.shared.bus.ram().store16(at, u128::from(v.0) | u128::from(v.1) << 64);
                Ok(())
            }
            Some(at) => {
                let ram = self.shared.bus.ram();
                ram.store(at, width(how), v.0);
                ram.store(after(at, each), width(how), v.1);
                Ok(())
            }
            None if self.mmu.refill(how.unprivileged, va, true) => self.store2(va, how, v),
            None => {
                let both = u128::from(width(how).truncate(v.0)) | u128::from(v.1) << (8 * each);
                self.store_slow(va, how, 2 * each, both)
            }
        }
    }

    /// Loads 16 bytes; each half is single-copy atomic if aligned, and with FEAT_LSE2 the whole. SCTLR_ELx.A asks
    /// for 16-byte alignment.
    #[inline(always)]
    pub fn load16(&mut self, va: u64, how: Access) -> Result<u128, Leave> {
        match self.readable(va, how, 16) {
            Some(at) if self.mmu.whole && va & 15 == 0 => Ok(self.shared.bus.ram().load16(at)),
            Some(at) if va & 15 == 0 || !self.mmu.strict => {
                let ram = self.shared.bus.ram();
                let (low, high) = (ram.load(at, AccessSize::Double), ram.load(after(at, 8), AccessSize::Double));
                Ok(u128::from(low) | u128::from(high) << 64)
            }
            _ if self.mmu.refill(how.unprivileged, va, false) => self.load16(va, how),
            _ => self.load_slow(va, how, 16),
        }
    }

    /// Stores 16 bytes.
    #[inline(always)]
    pub fn store16(&mut self, va: u64, how: Access, v: u128) -> Result<(), Leave> {
        match self.writable(va, how, 16) {
            Some(at) if self.mmu.whole && va & 15 == 0 => {
                self.shared.bus.ram().store16(at, v);
                Ok(())
            }
            Some(at) if va & 15 == 0 || !self.mmu.strict => {
                let ram = self.shared.bus.ram();
                ram.store(at, AccessSize::Double, v as u64);
                ram.store(after(at, 8), AccessSize::Double, (v >> 64) as u64);
                Ok(())
            }
            _ if self.mmu.refill(how.unprivileged, va, true) => self.store16(va, how, v),
            _ => self.store_slow(va, how, 16, v),
        }
    }

    /// LDXR and LDXP (`how.size` of the whole, up to 16 bytes): loads, and remembers the value (`Monitor`). The two
    /// halves of 16 bytes may be of different times; the exclusive store then fails.
    pub fn load_exclusive(&mut self, va: u64, how: Access) -> Result<u128, Leave> {
        self.before_load(how.order);
        let at = self.locate_exclusive(va, how, Need::Read)?;
        let ram = self.shared.bus.ram();
        let high = if how.size > 3 { ram.load(after(at, 8), AccessSize::Double) } else { 0 };
        let low = ram.load(at, width(how));
        self.after_load(how.order);
        self.monitor = Monitor { at: at.0, bytes: how.bytes(), low, high };
        Ok(self.monitor.value())
    }

    /// STXR and STXP: true if stored. The translation faults whether or not the monitor would let it store.
    pub fn store_exclusive(&mut self, va: u64, how: Access, v: u128) -> Result<bool, Leave> {
        let at = self.locate_exclusive(va, how, Need::Write)?;
        let marked = std::mem::take(&mut self.monitor);
        if (marked.at, marked.bytes) != (at.0, how.bytes()) {
            return Ok(false);
        }
        let old = marked.value();
        Ok(self.exchange(at, how, old, v) == old)
    }

    /// LSE read-modify-write; returns the old value, zero-extended.
    pub fn rmw(&mut self, op: Atomic, va: u64, how: Access, operand: u64) -> Result<u64, Leave> {
        let at = self.locate_atomic(va, how)?;
        self.after_atomic(how.order);
        Ok(self.shared.bus.ram().rmw(at, width(how), op, operand))
    }

    /// CAS and CASP (`how.size` of the whole); returns what memory held. Needs write permission even if the
    /// comparison fails.
    pub fn cas(&mut self, va: u64, how: Access, expected: u128, new: u128) -> Result<u128, Leave> {
        let at = self.locate_atomic(va, how)?;
        Ok(self.exchange(at, how, expected, new))
    }

    fn exchange(&mut self, at: HostAddr, how: Access, expected: u128, new: u128) -> u128 {
        self.after_atomic(how.order);
        let ram = self.shared.bus.ram();
        match how.size {
            4 => ram.cas16(at, expected, new),
            _ => ram.cas(at, width(how), expected as u64, new as u64).into(),
        }
    }

    /// RAM for an exclusive access.
    #[inline(always)]
    fn locate_exclusive(&mut self, va: u64, how: Access, need: Need) -> Result<HostAddr, Leave> {
        let entry = self.mmu.entry(how.unprivileged, va);
        let tag = if need == Need::Write { entry.write } else { entry.read };
        if tag == wanted(va, how.bytes(), how.bytes()) {
            return Ok(HostAddr(entry.addend.wrapping_add(va) as usize));
        }
        self.locate(va, how, need)
    }

    /// RAM for an atomic. It is a read first: a fault that a plain read would raise is reported as one
    /// (ISS.WnR), so that the guest's handler maps the page for reading before it learns of the write.
    fn locate_atomic(&mut self, va: u64, how: Access) -> Result<HostAddr, Leave> {
        let entry = self.mmu.entry(how.unprivileged, va);
        let wanted = wanted(va, how.bytes(), how.bytes());
        if entry.read == wanted && entry.write == wanted {
            return Ok(HostAddr(entry.addend.wrapping_add(va) as usize));
        }
        self.locate(va, how, Need::Read)?;
        self.locate(va, how, Need::Write)
    }

    /// DC ZVA: zeroes 64 bytes. Device memory is an alignment fault.
    pub fn zero_block(&mut self, va: u64) -> Result<(), Leave> {
        const BLOCK: u64 = 64;
        let start = va & !(BLOCK - 1);
        let entry = self.mmu.entry(false, start);
        if entry.write == wanted(start, BLOCK, 8) && !entry.is_device() {
            self.shared.bus.ram().zero(HostAddr(entry.addend.wrapping_add(start) as usize), BLOCK as usize);
            return Ok(());
        }
        self.zero_slow(va, start, BLOCK)
    }

    /// DMB and DSB with the `CRm` field: types 1 is loads before everything, 2 is stores before stores, else
    /// everything before everything. Domains make no difference on one host. For DSB, `await_sent` follows.
    #[inline]
    pub fn barrier(&mut self, crm: u32) {
        match crm & 3 {
            // Earlier loads come before later loads and stores.
            1 => fence(Ordering::Acquire),
            // Earlier loads and stores come before later stores.
            2 => fence(Ordering::Release),
            _ => {
                fence(Ordering::SeqCst);
                self.mmu.release_pending = false;
            }
        }
    }

    #[inline(always)]
    fn before_load(&mut self, order: Order) {
        if matches!(order, Order::Acquire | Order::AcquireRelease) && self.mmu.release_pending {
            // Store-release, then load-acquire: the one pair that a Release and an Acquire leave unordered.
            fence(Ordering::SeqCst);
            self.mmu.release_pending = false;
        }
    }

    #[inline(always)]
    fn after_load(&mut self, order: Order) {
        if matches!(order, Order::Acquire | Order::AcquirePc | Order::AcquireRelease) {
            // The load comes before everything after it.
            fence(Ordering::Acquire);
        }
    }

    #[inline(always)]
    fn before_store(&mut self, order: Order) {
        if matches!(order, Order::Release | Order::AcquireRelease) {
            // Everything before the store comes before it.
            fence(Ordering::Release);
            self.mmu.release_pending = true;
        }
    }

    #[inline(always)]
    fn after_atomic(&mut self, order: Order) {
        let releases = matches!(order, Order::Release | Order::AcquireRelease);
        self.mmu.release_pending = !RMW_IS_BARRIER && (self.mmu.release_pending || releases);
    }
}
