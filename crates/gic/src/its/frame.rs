//! The two frames of an ITS on the bus, 64 KiB each: control, and the page that devices write their messages to.

use super::Its;
use super::map::{self, Row};
use crate::posted::Unit;
use hw::{AccessSize, MmioDevice};
use std::sync::Arc;

/// GITS_STATUSR bits of an access.
const READ_RESERVED: u32 = 1 << 0;
const WRITE_RESERVED: u32 = 1 << 1;
const READ_WRITE_ONLY: u32 = 1 << 2;
const WRITE_READ_ONLY: u32 = 1 << 3;

const CONTROL: u64 = 0x1_0000;
const TRANSLATER: u64 = CONTROL + 0x40;

/// Bytes that both frames take.
pub(super) const SIZE: u64 = 0x2_0000;

impl Its {
    fn read_register(&self, offset: u32, size: AccessSize) -> Result<u64, u32> {
        let row = aligned(offset, size).and_then(map::find);
        match (row, size) {
            (Some((Row { width: 4, .. }, ..)), AccessSize::Double) => {
                let low = self.read_register(offset, AccessSize::Word);
                Ok(low? | self.read_register(offset + 4, AccessSize::Word)? << 32)
            }
            (Some((row, index, within)), AccessSize::Word | AccessSize::Double) => {
                Ok(size.truncate(row.read.ok_or(READ_WRITE_ONLY)?(self, index) >> (8 * within)))
            }
            _ => Err(READ_RESERVED),
        }
    }

    fn write_register(&self, offset: u32, size: AccessSize, value: u64) -> Result<(), u32> {
        let row = aligned(offset, size).and_then(map::find);
        match (row, size) {
            (Some((Row { width: 4, .. }, ..)), AccessSize::Double) => {
                let low = self.write_register(offset, AccessSize::Word, value & 0xffff_ffff);
                low.and(self.write_register(offset + 4, AccessSize::Word, value >> 32))
            }
            (Some((row, index, within)), AccessSize::Word | AccessSize::Double) => {
                let write = row.write.ok_or(WRITE_READ_ONLY)?;
                write(self, index, size.truncate(value) << (8 * within), size.truncate(!0) << (8 * within));
                Ok(())
            }
            _ => Err(WRITE_RESERVED),
        }
    }

    /// The host reads a register, all 64 bits where it has them, without side effects. `None` where there is none, or
    /// the offset is not the register's own.
    pub fn raw_read(&self, offset: u32) -> Option<u64> {
        let (row, index, within) = map::find(offset).filter(|(.., within)| *within == 0)?;
        self.gic.complete_all();
        debug_assert_eq!(within, 0);
        Some(row.read?(self, index))
    }

    /// The host replaces a register, all of it. False where there is none, or it cannot be replaced.
    pub fn raw_write(&self, offset: u32, value: u64) -> bool {
        let Some((row, index, 0)) = map::find(offset) else { return false };
        let Some(write) = row.raw_write else { return false };
        self.gic.complete_all();
        write(self, index, value, u64::MAX);
        true
    }

    /// The name of the register at an offset, as IHI 0069 has it less the frame's prefix.
    pub fn register_name(offset: u32) -> Option<&'static str> {
        if u64::from(offset) == TRANSLATER { Some("TRANSLATER") } else { map::find(offset).map(|(row, ..)| row.name) }
    }

    /// Both frames, one after the other, `frames_size` bytes. What PEs write to GITS_TRANSLATER comes from `requester`.
    pub fn frames(self: &Arc<Self>, requester: u32) -> Arc<dyn MmioDevice> {
        let unit = Unit::Its(Arc::as_ptr(self) as usize);
        self.gic.posting(unit, Arc::new(Frames { its: self.clone(), requester }))
    }

    /// Bytes of address space that the frames take.
    pub fn frames_size() -> u64 {
        SIZE
    }
}

fn aligned(offset: u32, size: AccessSize) -> Option<u32> {
    u64::from(offset).is_multiple_of(size.bytes()).then_some(offset)
}

struct Frames {
    its: Arc<Its>,
    requester: u32,
}

impl MmioDevice for Frames {
    fn name(&self) -> &str {
        "gits"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let read = match offset {
            ..CONTROL => self.its.read_register(offset as u32, size),
            TRANSLATER => Err(READ_WRITE_ONLY),
            _ => Err(READ_RESERVED),
        };
        read.unwrap_or_else(|error| {
            self.its.messages().record(error);
            0
        })
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        let written = match (offset, size) {
            (..CONTROL, _) => self.its.write_register(offset as u32, size, value),
            // 16 bits are the EventID's low half; the other is zero then.
            (TRANSLATER, AccessSize::Half | AccessSize::Word) => {
                self.its.write(self.requester, size.truncate(value) as u32);
                Ok(())
            }
            _ => Err(WRITE_RESERVED),
        };
        if let Err(error) = written {
            self.its.messages().record(error);
        }
    }

    fn reset(&self) {
        self.its.reset();
    }
}
