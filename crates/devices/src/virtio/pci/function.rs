//! The registers of a function: configuration space, virtio structures in BAR 0, the table of MSI-X in BAR 1.
//!
//! Plain state: what it sends and which level its line has is the shell's business.

use super::VirtioPciState;
use super::capabilities::{COMMON, DEVICE, ISR, NOTIFY, add_structure, add_window};
use super::common::{self, Common};
use crate::pcie::{Config, Control, Identity, Msix, Write, msix, part};
use crate::virtio::core::{Core, Interrupt};
use hw::{AccessSize, PhysAddr};
use std::ops::Range;

/// Vendor, and what is added to a virtio device ID.
const VENDOR: u16 = 0x1af4;
const DEVICE_BASE: u16 = 0x1040;
/// Not one of the classes there are.
const CLASS: [u8; 3] = [0xff, 0, 0];

/// BARs.
pub(super) const STRUCTURES: usize = 0;
pub(super) const STRUCTURES_SIZE: u32 = 0x4000;
const MSIX: usize = 1;

/// Where each structure is in BAR 0; each has a page, so that which one is meant is in the upper bits.
pub(super) const PAGE: u64 = 0x1000;
const COMMON_PAGE: u64 = 0;
const ISR_PAGE: u64 = 1;
const DEVICE_PAGE: u64 = 2;
const NOTIFY_PAGE: u64 = 3;
/// Bytes from one queue's doorbell to the next.
const DOORBELL: u32 = 4;

/// Bits of the ISR.
const QUEUE: u8 = 1;
const CONFIG: u8 = 2;

/// One function's registers.
pub(super) struct Function {
    pub config: Config,
    /// As it is at power-on.
    fresh: Config,
    msix: Option<Msix>,
    /// Where in configuration space MSI-X and the window to BARs are.
    msix_at: usize,
    pub window_at: usize,
    common: Common,
    isr: u8,
}

impl Function {
    pub fn new(core: Core, vectors: u16) -> Function {
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

    pub fn reset(&mut self) {
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

    /// Its BARs that answer, and where.
    pub fn claims(&self) -> Vec<(usize, Range<u64>)> {
        [STRUCTURES, MSIX].into_iter().filter_map(|bar| Some((bar, self.config.bar(bar)?))).collect()
    }

    /// A message that can be sent now: address and data.
    pub fn take_message(&mut self) -> Option<(PhysAddr, u32)> {
        let control = self.control();
        self.msix.as_mut()?.take(control)
    }

    /// The level of INTA, of which the status register tells too.
    pub fn show_line(&mut self) -> bool {
        let pending = self.isr != 0 && !self.control().enabled;
        self.config.show_interrupt(pending);
        pending && self.config.may_assert_intx()
    }

    pub fn state(&self) -> VirtioPciState {
        let Function { config, fresh: _, msix, msix_at: _, window_at: _, common, isr } = self;
        VirtioPciState { config: config.saved(), msix: msix.clone(), common: common.state(), isr: *isr }
    }

    /// Goes on as `state` says; `None` if such a function cannot be so.
    pub fn restore(&mut self, state: &VirtioPciState) -> Option<()> {
        let VirtioPciState { config, msix, common, isr } = state;
        match (&self.msix, msix) {
            (None, None) => {}
            (Some(ours), Some(saved)) if ours.accepts(saved) => {}
            _ => return None,
        }
        self.common.restore(common)?;
        self.config.restore(config)?;
        (self.msix, self.isr) = (msix.clone(), isr & (QUEUE | CONFIG));
        Some(())
    }

    fn raise(&mut self, interrupt: Interrupt) {
        let control = self.control();
        match &mut self.msix {
            Some(msix) if control.enabled => {
                self.common.vector_of(interrupt).into_iter().for_each(|vector| msix.raise(vector));
            }
            _ => self.isr |= if interrupt == Interrupt::Config { CONFIG } else { QUEUE },
        }
    }

    pub fn read_bar(&mut self, bar: usize, offset: u64, size: AccessSize) -> u64 {
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

    pub fn write_bar(&mut self, bar: usize, write: Write) {
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
