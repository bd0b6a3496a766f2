//! Accesses that the fast path leaves: unaligned, ordered, devices, first touches, faults.
//!
//! An access may touch two pages. Both are translated, and found on the bus, before any byte is written.

use crate::mmu::{Ask, Need, PAGE, Place};
use crate::{FaultStatus, Vcpu};
use hw::{Access, AccessSize, Leave, Order, PhysAddr};
use mem::{Bus, HostAddr, Target};

/// The part of an access that lies in one page.
#[derive(Clone, Copy)]
struct Part {
    pa: u64,
    bytes: u64,
}

/// An access as one or two parts; a second part of no bytes is none.
type Parts = [Part; 2];

/// The widest naturally aligned piece at `pa`, of at most `bytes`, and at most `unit` (a power of two).
fn piece(pa: u64, bytes: u64, unit: u64) -> AccessSize {
    let aligned = pa | unit | 8; // its lowest set bit is the widest that alignment allows
    let log2 = aligned.trailing_zeros().min(bytes.ilog2());
    AccessSize::from_log2(log2)
}

fn read(bus: &Bus, parts: &Parts, unit: u64) -> Option<u128> {
    let (mut v, mut done) = (0, 0);
    for part in parts {
        let mut offset = 0;
        while offset < part.bytes {
            let pa = PhysAddr(part.pa + offset);
            let size = piece(pa.0, part.bytes - offset, unit);
            v |= u128::from(bus.read(pa, size)?) << (8 * done);
            (offset, done) = (offset + size.bytes(), done + size.bytes());
        }
    }
    Some(v)
}

fn write(bus: &Bus, parts: &Parts, unit: u64, v: u128) -> Option<()> {
    let mut done = 0;
    for part in parts {
        let mut offset = 0;
        while offset < part.bytes {
            let pa = PhysAddr(part.pa + offset);
            let size = piece(pa.0, part.bytes - offset, unit);
            bus.write(pa, size, size.truncate((v >> (8 * done)) as u64))?;
            (offset, done) = (offset + size.bytes(), done + size.bytes());
        }
    }
    Some(())
}

impl Vcpu {
    /// Loads `bytes` (up to 16) as one instruction's access, in elements of `how.bytes()`.
    #[cold]
    #[inline(never)]
    pub(super) fn load_slow(&mut self, va: u64, how: Access, bytes: u64) -> Result<u128, Leave> {
        if how.order != Order::Plain {
            self.before_load(how.order);
            let v = self.load_slow(va, Access { order: Order::Plain, ..how }, bytes)?;
            self.after_load(how.order);
            return Ok(v);
        }
        let parts = self.parts(va, how, bytes, Need::Read)?;
        match read(&self.shared.bus, &parts, how.bytes()) {
            Some(v) => Ok(v),
            None => Err(self.abort(FaultStatus::External, Need::Read, va)),
        }
    }

    /// Stores `bytes` (up to 16) as one instruction's access.
    #[cold]
    #[inline(never)]
    pub(super) fn store_slow(&mut self, va: u64, how: Access, bytes: u64, v: u128) -> Result<(), Leave> {
        let parts = self.parts(va, how, bytes, Need::Write)?;
        self.before_store(how.order);
        match write(&self.shared.bus, &parts, how.bytes(), v) {
            Some(()) => Ok(()),
            None => Err(self.abort(FaultStatus::External, Need::Write, va)),
        }
    }

    /// Checks alignment, translates every page of the access, and sees that something answers there.
    fn parts(&mut self, va: u64, how: Access, bytes: u64, need: Need) -> Result<Parts, Leave> {
        let unaligned = va & (how.bytes() - 1) != 0;
        if unaligned && (how.aligned || self.mmu.strict) {
            return Err(self.abort(FaultStatus::Alignment, need, va));
        }
        let ask = Ask { unprivileged: how.unprivileged, need, unaligned };
        let here = bytes.min(4096 - (va & !PAGE));
        let first = Part { pa: self.answering(va, ask)?, bytes: here };
        let mut second = Part { pa: 0, bytes: 0 };
        if here != bytes {
            // FAR is the first byte that cannot be accessed.
            second = Part { pa: self.answering(va.wrapping_add(here), ask)?, bytes: bytes - here };
        }
        self.check_watchpoints(va, bytes, need, how.unprivileged)?;
        Ok([first, second])
    }

    /// Translates `va` to where RAM or a device answers.
    fn answering(&mut self, va: u64, ask: Ask) -> Result<u64, Leave> {
        match self.resolve(va, ask) {
            Err(status) => Err(self.abort(status, ask.need, va)),
            Ok(Place { pa, .. }) => match self.shared.bus.find(PhysAddr(pa)) {
                Some(_) => Ok(pa),
                None => Err(self.abort(FaultStatus::External, ask.need, va)),
            },
        }
    }

    /// RAM for an exclusive or atomic access, and its physical address. To a device there is no such access;
    /// to RAM that is mapped as Device memory there is, which is IMPLEMENTATION DEFINED and lets software
    /// take locks before it turns the MMU on.
    pub(super) fn locate(&mut self, va: u64, how: Access, need: Need) -> Result<(HostAddr, u64), Leave> {
        if va & (how.bytes() - 1) != 0 {
            return Err(self.abort(FaultStatus::Alignment, need, va));
        }
        let place = self.resolve(va, Ask { unprivileged: how.unprivileged, need, unaligned: false });
        let status = match place {
            Err(status) => status,
            Ok(Place { pa, .. }) => match self.shared.bus.find(PhysAddr(pa)) {
                Some(Target::Ram(at)) => {
                    self.check_watchpoints(va, how.bytes(), need, how.unprivileged)?;
                    return Ok((at, pa));
                }
                Some(Target::Device(..)) => FaultStatus::UnsupportedAtomic,
                None => FaultStatus::External,
            },
        };
        Err(self.abort(status, need, va))
    }

    /// DC ZVA of the block at `start`; `va` is the operand.
    #[cold]
    #[inline(never)]
    pub(super) fn zero_slow(&mut self, va: u64, start: u64, bytes: u64) -> Result<(), Leave> {
        let ask = Ask { unprivileged: false, need: Need::Write, unaligned: true };
        let status = match self.resolve(start, ask) {
            Err(status) => status,
            Ok(Place { pa, .. }) => match self.shared.bus.find(PhysAddr(pa)) {
                Some(Target::Ram(at)) => {
                    self.check_watchpoints(start, bytes, Need::Write, false)?;
                    self.shared.bus.ram().zero(at, bytes as usize);
                    return Ok(());
                }
                Some(Target::Device(..)) => FaultStatus::Alignment,
                None => FaultStatus::External,
            },
        };
        Err(self.abort(status, Need::Write, va))
    }
}
