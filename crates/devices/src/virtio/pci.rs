//! A virtio device as a PCI function (Virtual I/O Device 1.2, 4.1), without what came before virtio 1.
//!
//! BAR 0 has the virtio structures, BAR 1 the table of MSI-X. Where a function has no MSI-X, or the driver does not enable
//! it, INTA is high while the ISR has a bit set. A driver's access and all that follows from it, buffers that are used and
//! messages that are sent, is over before the access returns.

mod capabilities;
mod common;
mod function;
#[cfg(test)]
mod tests;

use super::core::Core;
use super::device::Device;
use crate::pcie::{Msix, Write, msix};
use common::CommonState;
use function::Function;
use hw::{AccessSize, IrqLine, MessagePort};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vm_memory::GuestMemoryMmap;

/// One function.
pub struct VirtioPci {
    /// Of its registers. A driver's access holds it until all that follows is done.
    state: Mutex<Function>,
    irq: IrqLine,
    messages: MessagePort,
}

/// To be saved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VirtioPciState {
    config: Vec<u8>,
    msix: Option<Msix>,
    common: CommonState,
    isr: u8,
}

impl VirtioPci {
    /// `device` with `vectors` of MSI-X, of which there may be none, and its queues in `memory`. It interrupts by `irq`
    /// or `messages`.
    pub fn new(
        device: Box<dyn Device>,
        vectors: u16,
        memory: GuestMemoryMmap,
        irq: IrqLine,
        messages: MessagePort,
    ) -> VirtioPci {
        let state = Mutex::new(Function::new(Core::new(device, memory), vectors));
        VirtioPci { state, irq, messages }
    }

    /// Most vectors that a function can have.
    pub const MAX_VECTORS: u16 = msix::MAX_VECTORS;

    /// What it is now.
    pub fn state(&self) -> VirtioPciState {
        self.lock().state()
    }

    /// Goes on as it was elsewhere, and drives its line as it was; `None` if such a function cannot have been so. The
    /// bridge is to look at BARs anew.
    pub fn restore(&self, state: &VirtioPciState) -> Option<()> {
        let mut it = self.lock();
        it.restore(state)?;
        self.settle(&mut it);
        Some(())
    }

    pub(crate) fn reset(&self) {
        let mut it = self.lock();
        it.reset();
        self.settle(&mut it);
    }

    /// Its BARs that answer, and where.
    pub(crate) fn claims(&self) -> Vec<(usize, Range<u64>)> {
        self.lock().claims()
    }

    pub(crate) fn read_config(&self, offset: u64, size: AccessSize) -> u64 {
        self.access(|it| it.read_config(offset, size))
    }

    pub(crate) fn write_config(&self, offset: u64, size: AccessSize, value: u64) {
        self.access(|it| it.write_config(Write { offset, size, value }));
    }

    pub(crate) fn read_bar(&self, bar: usize, offset: u64, size: AccessSize) -> u64 {
        self.access(|it| it.read_bar(bar, offset, size))
    }

    pub(crate) fn write_bar(&self, bar: usize, offset: u64, size: AccessSize, value: u64) {
        self.access(|it| it.write_bar(bar, Write { offset, size, value }));
    }

    fn lock(&self) -> MutexGuard<'_, Function> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access<T>(&self, access: impl FnOnce(&mut Function) -> T) -> T {
        let mut it = self.lock();
        let result = access(&mut it);
        self.settle(&mut it);
        result
    }

    /// Sends the messages that can go, and sets the line. The only place that does either; under the lock, so that the
    /// last level set is that of the last access.
    fn settle(&self, it: &mut Function) {
        while let Some((address, data)) = it.take_message() {
            self.messages.send(address, data);
        }
        self.irq.set(it.show_line());
    }
}
