//! A virtio device as a PCI function (Virtual I/O Device 1.2, 4.1), without what came before virtio 1.
//!
//! BAR 0 has the virtio structures, BAR 1 the table of MSI-X. Where a function has no MSI-X, or the driver does not enable
//! it, INTA is high while the ISR has a bit set. A driver's access and all that follows from it, buffers that are used and
//! messages that are sent, is over before the access returns.

mod common;
#[cfg(test)]
mod tests;

use super::core::{Core, Interrupt};
use super::device::Device;
use crate::pcie::{CONFIG_SIZE, Config, Control, Identity, Msix, Write, merge, msix, part};
use common::{Common, CommonState};
use hw::{AccessSize, IrqLine, MessagePort};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vm_memory::GuestMemoryMmap;

/// Vendor, and what is added to a virtio device ID.
const VENDOR: u16 = 0x1af4;
const DEVICE_BASE: u16 = 0x1040;
/// Not one of the classes there are.
const CLASS: [u8; 3] = [0xff, 0, 0];

/// PCI capability ID of what a vendor defines.
const VENDOR_SPECIFIC: u8 = 0x09;
/// Which structure a capability is of.
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const ISR: u8 = 3;
const DEVICE: u8 = 4;
const PCI_CFG: u8 = 5;

/// BARs.
const STRUCTURES: usize = 0;
const STRUCTURES_SIZE: u32 = 0x4000;
const MSIX: usize = 1;

/// Where each structure is in BAR 0; each has a page, so that which one is meant is in the upper bits.
const PAGE: u64 = 0x1000;
const COMMON_PAGE: u64 = 0;
const ISR_PAGE: u64 = 1;
const DEVICE_PAGE: u64 = 2;
const NOTIFY_PAGE: u64 = 3;
/// Bytes from one queue's doorbell to the next.
const DOORBELL: u32 = 4;

/// Bits of the ISR.
const QUEUE: u8 = 1;
const CONFIG: u8 = 2;

/// One function.
pub struct VirtioPci {
    name: &'static str,
    /// Of its registers. A driver's access holds it until all that follows is done.
    state: Mutex<Function>,
    irq: IrqLine,
    messages: MessagePort,
}

struct Function {
    config: Config,
    /// As it is at power-on.
    fresh: Config,
    msix: Option<Msix>,
    /// Where in configuration space MSI-X and the window to BARs are.
    msix_at: usize,
    window_at: usize,
    common: Common,
    isr: u8,
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
        name: &'static str,
        device: Box<dyn Device>,
        vectors: u16,
        memory: GuestMemoryMmap,
        irq: IrqLine,
        messages: MessagePort,
    ) -> VirtioPci {
        let state = Mutex::new(Function::new(Core::new(device, memory), vectors));
        VirtioPci { name, state, irq, messages }
    }

    /// Most vectors that a function can have.
    pub const MAX_VECTORS: u16 = msix::MAX_VECTORS;

    /// What the user calls it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is now.
    pub fn state(&self) -> VirtioPciState {
        let it = self.lock();
        VirtioPciState { config: it.config.saved(), msix: it.msix.clone(), common: it.common.state(), isr: it.isr }
    }

    /// Goes on as it was elsewhere, and drives its line as it was; `None` if such a function cannot have been so. The
    /// bridge is to look at BARs anew.
    pub fn restore(&self, state: &VirtioPciState) -> Option<()> {
        let VirtioPciState { config, msix, common, isr } = state;
        let mut it = self.lock();
        match (&it.msix, msix) {
            (None, None) => {}
            (Some(ours), Some(saved)) if ours.accepts(saved) => {}
            _ => return None,
        }
        it.common.restore(common)?;
        it.config.restore(config)?;
        (it.msix, it.isr) = (msix.clone(), isr & (QUEUE | CONFIG));
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
        let it = self.lock();
        [STRUCTURES, MSIX].into_iter().filter_map(|bar| Some((bar, it.config.bar(bar)?))).collect()
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
        let control = it.control();
        while let Some((address, data)) = it.msix.as_mut().and_then(|msix| msix.take(control)) {
            self.messages.send(address, data);
        }
        let pending = it.isr != 0 && !control.enabled;
        it.config.show_interrupt(pending);
        self.irq.set(pending && it.config.may_assert_intx());
    }
}

impl Function {
    fn new(core: Core, vectors: u16) -> Function {
        let device = DEVICE_BASE + core.device().id();
        let subsystem = (VENDOR, DEVICE_BASE); // 0x40 and above is not from before virtio 1
        let mut config = Config::new(&Identity { vendor: VENDOR, device, revision: 1, class: CLASS, subsystem });
        let msix = (vectors != 0).then(|| Msix::new(vectors));
        config.add_bar(STRUCTURES, STRUCTURES_SIZE);
        let msix_at = msix.as_ref().map_or(0, |msix| {
            config.add_bar(MSIX, msix::BAR_SIZE);
            let (body, writable) = msix.capability(MSIX as u8);
            config.add_capability(msix::ID, &body, &writable)
        });
        let (own, doorbells) = (core.device().config().len() as u32, DOORBELL * u32::from(core.queue_count()));
        add_structure(&mut config, COMMON, COMMON_PAGE, common::LENGTH, &[]);
        add_structure(&mut config, NOTIFY, NOTIFY_PAGE, doorbells, &DOORBELL.to_le_bytes());
        add_structure(&mut config, ISR, ISR_PAGE, 1, &[]);
        if own != 0 {
            add_structure(&mut config, DEVICE, DEVICE_PAGE, own, &[]);
        }
        let window_at = add_window(&mut config);
        let (fresh, common) = (config.clone(), Common::new(core, vectors));
        Function { config, fresh, msix, msix_at, window_at, common, isr: 0 }
    }

    fn reset(&mut self) {
        self.config = self.fresh.clone();
        self.msix = self.msix.as_ref().map(|msix| Msix::new(msix.vectors()));
        self.common.reset();
        self.isr = 0;
    }

    fn control(&self) -> Control {
        match &self.msix {
            Some(_) => Control::of(self.config.half(self.msix_at + 2), self.config.is_master()),
            None => Control { enabled: false, held: false },
        }
    }

    fn raise(&mut self, interrupt: Interrupt) {
        match &mut self.msix {
            Some(msix) if Control::of(self.config.half(self.msix_at + 2), true).enabled => {
                self.common.vector_of(interrupt).into_iter().for_each(|vector| msix.raise(vector));
            }
            _ => self.isr |= if interrupt == Interrupt::Config { CONFIG } else { QUEUE },
        }
    }

    fn read_bar(&mut self, bar: usize, offset: u64, size: AccessSize) -> u64 {
        let within = offset % PAGE;
        match (bar, offset / PAGE) {
            (MSIX, _) => self.msix.as_ref().map_or(0, |msix| msix.read(offset, size)),
            (_, COMMON_PAGE) => self.common.read(within, size),
            (_, ISR_PAGE) if within == 0 => std::mem::take(&mut self.isr).into(),
            (_, DEVICE_PAGE) => {
                let bytes = self.common.core.device().config().iter().enumerate();
                bytes.fold(0, |value, (at, byte)| value | part((*byte).into(), (at as u64, 1), within, size))
            }
            _ => 0,
        }
    }

    fn write_bar(&mut self, bar: usize, write: Write) {
        let within = write.offset % PAGE;
        match (bar, write.offset / PAGE) {
            (MSIX, _) => self.msix.iter_mut().for_each(|msix| msix.write(write)),
            (_, COMMON_PAGE) => {
                self.common.write(Write { offset: within, ..write });
                if self.common.core.status() == 0 {
                    self.isr = 0;
                }
            }
            // A function that may not be bus master cannot reach its queues.
            (_, NOTIFY_PAGE) if self.config.is_master() => {
                let interrupt = self.common.core.notify((within / u64::from(DOORBELL)) as u16);
                interrupt.into_iter().for_each(|interrupt| self.raise(interrupt));
            }
            _ => {}
        }
    }
}

/// Appends the capability of a structure of `length` bytes in page `page` of BAR 0.
fn add_structure(config: &mut Config, kind: u8, page: u64, length: u32, more: &[u8]) {
    let mut body = vec![16 + more.len() as u8, kind, STRUCTURES as u8, 0, 0, 0];
    body.extend(((page * PAGE) as u32).to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(more);
    config.add_capability(VENDOR_SPECIFIC, &body, &[]);
}

/// Places in the capability of the window: BAR, offset, length, data.
const WINDOW_BAR: usize = 4;
const WINDOW_OFFSET: usize = 8;
const WINDOW_LENGTH: usize = 12;
const WINDOW_DATA: usize = 16;

/// Appends the capability through which a driver without access to BARs reaches what is in them.
fn add_window(config: &mut Config) -> usize {
    let (mut body, mut writable) = ([0; 18], [0xff; 18]);
    (body[0], body[1]) = (20, PCI_CFG);
    (writable[0], writable[1], writable[3], writable[4], writable[5]) = (0, 0, 0, 0, 0);
    config.add_capability(VENDOR_SPECIFIC, &body, &writable)
}

impl Function {
    /// What a window access means: BAR, offset, size. `None` if the driver has put nothing sensible there.
    fn window(&self) -> Option<(usize, u64, AccessSize)> {
        let place = |at| self.config.word(self.window_at + at);
        let (bar, offset, length) =
            (self.config.byte(self.window_at + WINDOW_BAR), place(WINDOW_OFFSET), place(WINDOW_LENGTH));
        let size = [1, 2, 4].contains(&length).then(|| AccessSize::from_log2(length.trailing_zeros()))?;
        let inside = usize::from(bar) == STRUCTURES && offset < STRUCTURES_SIZE && offset.is_multiple_of(length);
        inside.then_some((STRUCTURES, offset.into(), size))
    }

    fn touches_window(&self, offset: u64, size: AccessSize) -> bool {
        let data = ((self.window_at + WINDOW_DATA) as u64, 4);
        offset < CONFIG_SIZE as u64 && merge(0, data, Write { offset, size, value: 0 }).is_some()
    }

    fn read_config(&mut self, offset: u64, size: AccessSize) -> u64 {
        if self.touches_window(offset, size)
            && let Some((bar, at, width)) = self.window()
        {
            let value = self.read_bar(bar, at, width) as u32;
            self.config.put(self.window_at + WINDOW_DATA, &value.to_le_bytes());
        }
        self.config.read(offset, size)
    }

    fn write_config(&mut self, write: Write) {
        self.config.write(write);
        if self.touches_window(write.offset, write.size)
            && let Some((bar, offset, size)) = self.window()
        {
            let value = self.config.word(self.window_at + WINDOW_DATA).into();
            self.write_bar(bar, Write { offset, size, value });
        }
    }
}
