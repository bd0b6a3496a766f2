//! Capabilities that say where a device's structures are, and the one through which they are reached without BARs
//! (Virtual I/O Device 1.2, 4.1.4).

use super::function::{Function, PAGE, STRUCTURES, STRUCTURES_SIZE};
use crate::pcie::{CONFIG_SIZE, Config, Write, merge};
use hw::AccessSize;

/// PCI capability ID of what a vendor defines.
const VENDOR_SPECIFIC: u8 = 0x09;
/// Which structure a capability is of.
pub(super) const COMMON: u8 = 1;
pub(super) const NOTIFY: u8 = 2;
pub(super) const ISR: u8 = 3;
pub(super) const DEVICE: u8 = 4;
const PCI_CFG: u8 = 5;

/// Appends the capability of a structure of `length` bytes in page `page` of BAR 0.
pub(super) fn add_structure(config: &mut Config, kind: u8, page: u64, length: u32, more: &[u8]) {
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
pub(super) fn add_window(config: &mut Config) -> usize {
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

    pub(super) fn read_config(&mut self, offset: u64, size: AccessSize) -> u64 {
        if self.touches_window(offset, size)
            && let Some((bar, at, width)) = self.window()
        {
            let value = self.read_bar(bar, at, width) as u32;
            self.config.put(self.window_at + WINDOW_DATA, &value.to_le_bytes());
        }
        self.config.read(offset, size)
    }

    pub(super) fn write_config(&mut self, write: Write) {
        self.config.write(write);
        if self.touches_window(write.offset, write.size)
            && let Some((bar, offset, size)) = self.window()
        {
            let value = self.config.word(self.window_at + WINDOW_DATA).into();
            self.write_bar(bar, Write { offset, size, value });
        }
    }
}
