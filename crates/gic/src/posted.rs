//! Writes of registers that are on their way, in `Fidelity::Relaxed`: what a PE writes has its effect later, unless the PE
//! executes a DSB.
//!
//! Software maps a GIC's frames as Device-nGnRE memory, whose writes are acknowledged before they arrive, so that the PE is
//! already at what follows: another frame, a register of a CPU interface, a flag for another PE. What the architecture orders
//! is this (ARM DDI 0487, "Device memory", "Data Synchronization Barrier"; IHI 0069, "Register access"):
//!
//! - Accesses by one PE to one memory-mapped peripheral arrive in program order: a read finds what the PE wrote there. What
//!   a peripheral is here is a [`Unit`], which is IMPLEMENTATION DEFINED; a redistributor is one, as its RWP tells of both of
//!   its frames, and an ITS is.
//! - Writes by several PEs to one location have one order, which agrees with what other memory and DMB say of the PEs. So
//!   who accesses a unit, whoever it is, comes after the writes to it that are under way.
//! - A DSB that waits for stores ends when those of its PE have their effect, also on what is not memory. A DMB is no DSB:
//!   it does not end the wait for an effect elsewhere.
//!
//! Besides, what one PE writes arrives in its program order, wherever it goes, which is more than is asked for. A write
//! arrives by itself a little later (`late`), and at once if its PE has too many under way.

use crate::redist;
use crate::wires::Gic;
use hw::{AccessSize, MmioDevice};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// How many a PE has under way at most.
pub(crate) const CAPACITY: usize = 8;

/// Accesses to the same one are in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// GICD.
    Distributor,
    /// GICR of a PE.
    Redistributor(usize),
    /// GITS, by where the ITS is in memory.
    Its(usize),
}

/// A write on its way.
pub(crate) struct Posted {
    pe: usize,
    unit: Unit,
    /// If it is not there any more, nor is who could tell.
    device: Weak<dyn MmioDevice>,
    offset: u64,
    size: AccessSize,
    value: u64,
}

impl Posted {
    /// It arrives.
    pub fn arrive(&self) {
        if let Some(device) = self.device.upgrade() {
            device.write(self.offset, self.size, self.value);
        }
    }
}

/// The writes on their way, in the order in which they were made, each with the time it arrives by itself.
#[derive(Default)]
pub(crate) struct Underway(VecDeque<(u64, Posted)>);

impl Underway {
    pub fn push(&mut self, until: u64, write: Posted) {
        self.0.push_back((until, write));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// When the first arrives by itself.
    pub fn next(&self) -> Option<u64> {
        self.0.front().map(|(until, _)| *until)
    }

    fn has_room(&self, pe: usize) -> bool {
        self.0.iter().filter(|(_, it)| it.pe == pe).count() < CAPACITY
    }

    /// Those that are `wanted`, and those that must arrive before one that does, in their order.
    pub fn take(&mut self, wanted: impl Fn(u64, &Posted) -> bool) -> Vec<Posted> {
        let (mut pes, mut units) = (vec![], vec![]);
        let mut now = vec![false; self.0.len()];
        for ((until, it), now) in self.0.iter().zip(&mut now).rev() {
            *now = wanted(*until, it) || pes.contains(&it.pe) || units.contains(&it.unit);
            if *now {
                pes.push(it.pe);
                units.push(it.unit);
            }
        }
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().zip(now).partition(|(_, now)| *now);
        self.0 = later.into_iter().map(|(it, _)| it).collect();
        now.into_iter().map(|((_, it), _)| it).collect()
    }
}

impl Gic {
    /// A DSB of a PE, or another reason why it goes on only when all it wrote has its effect. Nothing to do but in
    /// `Fidelity::Relaxed`.
    pub fn complete_writes(&self, pe: usize) {
        self.complete(|_, it| it.pe == pe);
    }

    /// The host looks, or writes: all that is on its way arrives before.
    pub(crate) fn complete_all(&self) {
        self.complete(|_, _| true);
    }

    fn post(&self, write: Posted) {
        // Only its own thread adds writes of a PE.
        if !self.late.lock().underway.has_room(write.pe) {
            self.complete_writes(write.pe);
        }
        self.sends(write);
    }

    /// A device as PEs find it: itself, but in `Fidelity::Relaxed`.
    pub(crate) fn posting(self: &Arc<Self>, first: Unit, device: Arc<dyn MmioDevice>) -> Arc<dyn MmioDevice> {
        if self.is_relaxed() { Arc::new(Posting { gic: self.clone(), first, device }) } else { device }
    }
}

/// A device whose writes are posted when it is known which PE makes them.
struct Posting {
    gic: Arc<Gic>,
    first: Unit,
    device: Arc<dyn MmioDevice>,
}

impl Posting {
    fn unit(&self, offset: u64) -> Unit {
        match self.first {
            Unit::Redistributor(first) => Unit::Redistributor(first + (offset / redist::STRIDE) as usize),
            unit => unit,
        }
    }

    fn order(&self, offset: u64) {
        let unit = self.unit(offset);
        self.gic.complete(|_, it| it.unit == unit);
    }
}

impl MmioDevice for Posting {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        self.order(offset);
        self.device.read(offset, size)
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        self.order(offset);
        self.device.write(offset, size, value);
    }

    fn write_by(&self, pe: usize, offset: u64, size: AccessSize, value: u64) -> bool {
        let (unit, device) = (self.unit(offset), Arc::downgrade(&self.device));
        self.gic.post(Posted { pe, unit, device, offset, size, value });
        true
    }

    fn reset(&self) {
        self.device.reset();
    }
}
