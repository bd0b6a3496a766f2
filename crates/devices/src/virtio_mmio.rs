//! A virtio-mmio transport with nothing behind it (Virtual I/O Device 1.2, 4.2.2 "MMIO Device Register
//! Layout"). DeviceID 0 tells the driver to ignore the slot without an error.

use hw::{AccessSize, MmioDevice};

const MAGIC_VALUE: u64 = 0x000;
const VERSION: u64 = 0x004;

/// An empty slot: probes as absent.
pub struct VirtioMmioSlot;

impl MmioDevice for VirtioMmioSlot {
    fn name(&self) -> &str {
        "virtio-mmio"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let value: u64 = match offset {
            MAGIC_VALUE => u32::from_le_bytes(*b"virt").into(),
            VERSION => 2,
            _ => 0, // DeviceID and the rest
        };
        size.truncate(value)
    }

    fn write(&self, _: u64, _: AccessSize, _: u64) {}

    fn reset(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_as_absent() {
        for (offset, want) in [(0, 0x7472_6976), (4, 2), (8, 0), (0xc, 0), (0x70, 0), (0x100, 0)] {
            VirtioMmioSlot.write(offset, AccessSize::Word, u64::MAX);
            assert_eq!(VirtioMmioSlot.read(offset, AccessSize::Word), want, "offset {offset:#x}");
        }
    }
}
