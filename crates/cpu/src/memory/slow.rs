//! Accesses that the fast path leaves: unaligned, ordered, devices, first touches, faults.
//!
//! An access may touch two pages. Both are translated, and found on the bus, before any byte is written.
//!
//! FEAT_LSE2 (ARM DDI 0487, "Alignment of data accesses"): exclusive, atomic and ordered accesses may be unaligned
//! within 16 aligned bytes, ordered ones anywhere if SCTLR_ELx.nAA is set. To memory that is not Normal, Inner and
//! Outer Write-Back they fault all the same, which is one of the two things the manual allows.

use super::{Asked, wanted};
use crate::mmu::{Ask, Need, PAGE, Place, SENT_WRITES};
use crate::sysreg::bits::sctlr;
use crate::{FaultStatus, Vcpu};
use hw::{Access, AccessSize, Leave, MmioDevice, Order, PhysAddr, Requester};
use mem::{Bus, HostAddr, Ram, Target};

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

fn read(bus: &Bus, parts: &Parts, unit: u64, by: Requester) -> Option<u128> {
    let (mut v, mut done) = (0, 0);
    for part in parts {
        let mut offset = 0;
        while offset < part.bytes {
            let pa = PhysAddr(part.pa + offset);
            let size = piece(pa.0, part.bytes - offset, unit);
            v |= u128::from(bus.read_for(pa, size, by)?) << (8 * done);
            (offset, done) = (offset + size.bytes(), done + size.bytes());
        }
    }
    Some(v)
}

/// Is any of it on its way?
fn write(bus: &Bus, parts: &Parts, unit: u64, v: u128, by: Requester) -> Option<bool> {
    let (mut done, mut posted) = (0, false);
    for part in parts {
        let mut offset = 0;
        while offset < part.bytes {
            let pa = PhysAddr(part.pa + offset);
            let size = piece(pa.0, part.bytes - offset, unit);
            posted |= bus.write_for(pa, size, size.truncate((v >> (8 * done)) as u64), by)?;
            (offset, done) = (offset + size.bytes(), done + size.bytes());
        }
    }
    Some(posted)
}

/// Bytes anywhere in a page, by aligned loads around them.
fn load_unaligned(ram: &Ram, at: HostAddr, bytes: u64) -> u128 {
    let (start, skew) = (at.0 & !7, at.0 as u32 & 7);
    let word = |i: usize| ram.load(HostAddr(start + 8 * i), AccessSize::Double);
    let words = (u64::from(skew) + bytes).div_ceil(8);
    let low = u128::from(word(0)) | if words > 1 { u128::from(word(1)) << 64 } else { 0 };
    let v = low >> (8 * skew) | if words > 2 { u128::from(word(2)) << (128 - 8 * skew) } else { 0 };
    if bytes < 16 { v & ((1 << (8 * bytes)) - 1) } else { v }
}

/// Bytes anywhere in a page, by the widest aligned stores that fit; others' bytes are not touched.
fn store_unaligned(ram: &Ram, at: HostAddr, bytes: u64, v: u128) {
    let mut done = 0;
    while done < bytes {
        let at = at.0 as u64 + done;
        let size = piece(at, bytes - done, 8);
        ram.store(HostAddr(at as usize), size, size.truncate((v >> (8 * done)) as u64));
        done += size.bytes();
    }
}

/// Does the access lie within 16 aligned bytes?
const fn within_16(va: u64, bytes: u64) -> bool {
    va & 15 <= 16 - bytes
}

/// The `i`th of elements of `bytes`.
const fn nth(at: HostAddr, i: u64, bytes: u64) -> HostAddr {
    HostAddr(at.0 + (i * bytes) as usize)
}

/// Bytes anywhere in a page, as FEAT_LSE2 has them: all at once, or each element that lies within 16 aligned bytes.
fn load_elements(ram: &Ram, at: HostAddr, how: Access, bytes: u64) -> u128 {
    let each = how.bytes();
    let element = |at: HostAddr| match within_16(at.0 as u64, each) {
        true => ram.load(at, how.bus_size()).into(),
        false => load_unaligned(ram, at, each),
    };
    match (bytes, at.0 & 15, how.size) {
        (16, 0, _) => ram.load16(at),
        (16, _, 4) => load_unaligned(ram, at, 16),
        _ => (0..bytes / each).fold(0, |v, i| v | element(nth(at, i, each)) << (8 * each * i)),
    }
}

/// The same for a store.
fn store_elements(ram: &Ram, at: HostAddr, how: Access, bytes: u64, v: u128) {
    let each = how.bytes();
    let element = |at: HostAddr, v: u128| match within_16(at.0 as u64, each) {
        true => ram.store(at, how.bus_size(), how.bus_size().truncate(v as u64)),
        false => store_unaligned(ram, at, each, v),
    };
    match (bytes, at.0 & 15, how.size) {
        (16, 0, _) => ram.store16(at, v),
        (16, _, 4) => store_unaligned(ram, at, 16, v),
        _ => (0..bytes / each).for_each(|i| element(nth(at, i, each), v >> (8 * each * i))),
    }
}

impl Vcpu {
    /// Loads `bytes` (up to 16) as one instruction's access, in elements of `how.bytes()`. Ordered accesses are
    /// of one element.
    #[cold]
    #[inline(never)]
    pub(super) fn load_slow(&mut self, va: u64, how: Access, bytes: u64) -> Result<u128, Leave> {
        if how.order != Order::Plain {
            self.before_load(how.order);
            let v = self.load(va, Access { order: Order::Plain, ..how })?;
            self.after_load(how.order);
            return Ok(v.into());
        }
        if let Some((device, offset)) = self.device_at(va, how, bytes, Need::Read) {
            return Ok(device.read_by(self.index, offset, how.bus_size()).into());
        }
        if let Some(at) = self.within_page(va, how, bytes, Need::Read) {
            return Ok(match self.mmu.whole {
                true => load_elements(self.shared.bus.ram(), at, how, bytes),
                false => load_unaligned(self.shared.bus.ram(), at, bytes),
            });
        }
        let parts = self.parts(va, how, bytes, Need::Read)?;
        if self.outside.is_some()
            && let Some(v) = self.load_outside(&parts, how, bytes)?
        {
            return Ok(v.into());
        }
        if let Some(at) = self.whole_in_ram(&parts) {
            return Ok(load_elements(self.shared.bus.ram(), at, how, bytes));
        }
        match read(&self.shared.bus, &parts, how.bytes(), self.requester()) {
            Some(v) => Ok(v),
            None => Err(self.abort(FaultStatus::External, Need::Read, va)),
        }
    }

    /// Stores `bytes` (up to 16) as one instruction's access.
    #[cold]
    #[inline(never)]
    pub(super) fn store_slow(&mut self, va: u64, how: Access, bytes: u64, v: u128) -> Result<(), Leave> {
        if how.order != Order::Plain {
            // Before the store is known to succeed, which only makes the order stronger.
            self.before_store(how.order);
            return self.store(va, Access { order: Order::Plain, ..how }, v as u64);
        }
        if let Some((device, offset)) = self.device_at(va, how, bytes, Need::Write) {
            let posted = device.write_by(self.index, offset, how.bus_size(), how.bus_size().truncate(v as u64));
            self.note_posted(posted);
            return Ok(());
        }
        if let Some(at) = self.within_page(va, how, bytes, Need::Write) {
            match self.mmu.whole {
                true => store_elements(self.shared.bus.ram(), at, how, bytes, v),
                false => store_unaligned(self.shared.bus.ram(), at, bytes, v),
            }
            return Ok(());
        }
        let parts = self.parts(va, how, bytes, Need::Write)?;
        if self.outside.is_some() && self.store_outside(&parts, how, bytes, v)? {
            return Ok(());
        }
        parts.iter().for_each(|part| self.note_store(part.pa, part.bytes));
        if let Some(at) = self.whole_in_ram(&parts) {
            store_elements(self.shared.bus.ram(), at, how, bytes, v);
            return Ok(());
        }
        match write(&self.shared.bus, &parts, how.bytes(), v, self.requester()) {
            Some(posted) => {
                self.note_posted(posted);
                Ok(())
            }
            None => Err(self.abort(FaultStatus::External, Need::Write, va)),
        }
    }

    /// What the outside answers, if it is what has to.
    fn load_outside(&mut self, parts: &Parts, how: Access, bytes: u64) -> Result<Option<u64>, Leave> {
        match self.outside_of(parts, how, bytes) {
            None => Ok(None),
            Some(asked) => self.ask_outside(asked).map(Some),
        }
    }

    /// Was it the outside's?
    fn store_outside(&mut self, parts: &Parts, how: Access, bytes: u64, v: u128) -> Result<bool, Leave> {
        match self.outside_of(parts, how, bytes) {
            None => Ok(false),
            Some(asked) => {
                let write = Some(how.bus_size().truncate(v as u64));
                self.ask_outside(asked.map(|asked| Asked { write, ..asked })).map(|_| true)
            }
        }
    }

    /// `Some` if part of an access is the outside's; `Some(None)` if it is not one access of one register.
    fn outside_of(&self, parts: &Parts, how: Access, bytes: u64) -> Option<Option<Asked>> {
        let concerned = parts.iter().any(|part| part.bytes != 0 && self.is_outside(part.pa));
        let single = bytes == how.bytes() && how.size <= 3 && parts[1].bytes == 0;
        concerned.then(|| single.then_some(Asked { pa: parts[0].pa, bytes, write: None }))
    }

    /// Where an access is, for one that FEAT_LSE2 says something of: RAM, of one page.
    fn whole_in_ram(&self, parts: &Parts) -> Option<HostAddr> {
        let [first, second] = parts;
        if self.mmu.whole && second.bytes == 0 { self.shared.bus.ram().host(PhysAddr(first.pa)) } else { None }
    }

    /// May an unaligned access of a kind that asks for alignment be at `va`, as far as the address tells? SCTLR_ELx.nAA
    /// is for those that are ordered and nothing else.
    fn may_be_unaligned(&self, va: u64, how: Access, is_ordered: bool) -> bool {
        let anywhere = || is_ordered && self.sys.sctlr[self.regime()] & sctlr::NAA != 0;
        self.mmu.whole && (within_16(va, how.bytes()) || anywhere())
    }

    /// As far as the memory there tells? With SCTLR_ELx.C clear, none is cacheable.
    fn is_write_back(&self, place: Place) -> bool {
        place.write_back && self.sys.sctlr[self.regime()] & sctlr::C != 0
    }

    /// The device that an aligned access goes to, if the TLB knows the page and nothing else is to be seen to.
    #[inline]
    fn device_at(&self, va: u64, how: Access, bytes: u64, need: Need) -> Option<(&dyn MmioDevice, u64)> {
        if bytes != how.bytes() || how.size > 3 || self.is_watching() || self.journal.is_some() {
            return None;
        }
        let pa = self.mmu.entry(how.unprivileged, va).outside_ram(va, bytes, need == Need::Write)?;
        self.shared.bus.device_for(PhysAddr(pa), self.is_secure())
    }

    /// What a load reads, if it is a device's register and its page is known.
    #[inline]
    pub fn load_device(&self, va: u64, how: Access) -> Option<u64> {
        if how.order != Order::Plain {
            return None;
        }
        let (device, offset) = self.device_at(va, how, how.bytes(), Need::Read)?;
        Some(device.read_by(self.index, offset, how.bus_size()))
    }

    /// Stores `v` if that goes to a device's register and its page is known; did it?
    #[inline]
    pub fn store_device(&mut self, va: u64, how: Access, v: u64) -> bool {
        if how.order != Order::Plain {
            return false;
        }
        let Some((device, offset)) = self.device_at(va, how, how.bytes(), Need::Write) else { return false };
        let posted = device.write_by(self.index, offset, how.bus_size(), how.bus_size().truncate(v));
        self.note_posted(posted);
        true
    }

    /// Whose accesses go to the bus.
    fn requester(&self) -> Requester {
        Requester { pe: self.index, secure: self.is_secure() }
    }

    /// A write to a device is on its way, if so: the next DSB waits for it.
    #[inline]
    fn note_posted(&mut self, posted: bool) {
        self.mmu.sent |= if posted { SENT_WRITES } else { 0 };
    }

    /// RAM that the TLB knows, for an access whose only fault is that it is unaligned, where it may be.
    fn within_page(&self, va: u64, how: Access, bytes: u64, need: Need) -> Option<HostAddr> {
        let entry = self.mmu.entry(how.unprivileged, va);
        let tag = if need == Need::Write { entry.write } else { entry.read };
        let place = entry.place(va, need == Need::Write).filter(|place| !place.device)?;
        let hit = tag == wanted(va, bytes, 1) && !self.mmu.strict;
        let may_be = || !how.aligned || self.may_be_unaligned(va, how, true) && self.is_write_back(place);
        (hit && may_be()).then(|| HostAddr(entry.addend.wrapping_add(va) as usize))
    }

    /// Checks alignment, translates every page of the access, and sees that something answers there.
    fn parts(&mut self, va: u64, how: Access, bytes: u64, need: Need) -> Result<Parts, Leave> {
        let unaligned = va & (how.bytes() - 1) != 0;
        if unaligned && (self.mmu.strict || how.aligned && !self.may_be_unaligned(va, how, true)) {
            return Err(self.abort(FaultStatus::Alignment, need, va));
        }
        let ask = Ask { unprivileged: how.unprivileged, need, unaligned, write_back: unaligned && how.aligned };
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
            Ok(place) if ask.write_back && !self.is_write_back(place) => {
                Err(self.abort(FaultStatus::Alignment, ask.need, va))
            }
            Ok(Place { pa, .. }) => match self.shared.bus.find(PhysAddr(pa)) {
                Some(Target::Device(..)) if self.refuses_devices() => Err(Leave::Resync),
                Some(_) => Ok(pa),
                None if self.outside.is_some() => Ok(pa),
                None => Err(self.abort(FaultStatus::External, ask.need, va)),
            },
        }
    }

    /// RAM for an exclusive or atomic access. To a device there is no such access;
    /// to RAM that is mapped as Device memory there is, which is IMPLEMENTATION DEFINED and lets software
    /// take locks before it turns the MMU on.
    pub(super) fn locate(&mut self, va: u64, how: Access, need: Need) -> Result<HostAddr, Leave> {
        let unaligned = va & (how.bytes() - 1) != 0;
        if unaligned && (self.mmu.strict || !self.may_be_unaligned(va, how, false)) {
            return Err(self.abort(FaultStatus::Alignment, need, va));
        }
        let ask = Ask { unprivileged: how.unprivileged, need, unaligned, write_back: unaligned };
        let status = match self.resolve(va, ask) {
            Err(status) => status,
            Ok(place) if ask.write_back && !self.is_write_back(place) => FaultStatus::Alignment,
            Ok(place @ Place { pa, .. }) => match self.shared.bus.find(PhysAddr(pa)) {
                Some(Target::Ram(at)) => {
                    self.check_watchpoints(va, how.bytes(), need, how.unprivileged)?;
                    if need == Need::Write {
                        self.note_store(pa, how.bytes());
                    }
                    return Ok(at);
                }
                Some(Target::Device(..)) => FaultStatus::UnsupportedAtomic,
                None => return Err(self.nowhere(place, need, va)),
            },
        };
        Err(self.abort(status, need, va))
    }

    /// DC ZVA of the block at `start`; `va` is the operand.
    #[cold]
    #[inline(never)]
    pub(super) fn zero_slow(&mut self, va: u64, start: u64, bytes: u64) -> Result<(), Leave> {
        let ask = Ask { unprivileged: false, need: Need::Write, unaligned: true, write_back: false };
        let status = match self.resolve(start, ask) {
            Err(status) => status,
            Ok(place @ Place { pa, .. }) => match self.shared.bus.find(PhysAddr(pa)) {
                Some(Target::Ram(at)) => {
                    self.check_watchpoints(start, bytes, Need::Write, false)?;
                    self.note_store(pa, bytes);
                    self.shared.bus.ram().zero(at, bytes as usize);
                    return Ok(());
                }
                Some(Target::Device(..)) => FaultStatus::Alignment,
                None => return Err(self.nowhere(place, Need::Write, va)),
            },
        };
        Err(self.abort(status, Need::Write, va))
    }
}
