//! The one way an access, the guest's or the host's, goes through the tables of `map`.

use crate::map::{FIELDS, Field, Place, Row};
use crate::{dist, redist, wires::Gic, word::Word};
use hw::AccessSize;

/// Which 64 KiB frame a host access means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// GICD.
    Distributor,
    /// GICR RD_base of a PE.
    Redistributor(usize),
    /// GICR SGI_base of a PE.
    Private(usize),
}

/// One frame: its rows, and the INTIDs whose fields it holds.
pub(crate) struct Table {
    pub rows: &'static [Row],
    pub ids: std::ops::Range<u32>,
}

/// STATUSR bits.
const READ_RESERVED: u32 = 1 << 0;
const WRITE_RESERVED: u32 = 1 << 1;
const READ_WRITE_ONLY: u32 = 1 << 2;
const WRITE_READ_ONLY: u32 = 1 << 3;

impl Table {
    fn row(&self, offset: u32) -> Option<&'static Row> {
        let at = self.rows.partition_point(|row| row.end() <= offset);
        self.rows.get(at).filter(|row| row.offset <= offset)
    }

    fn field(&self, offset: u32) -> Option<&'static Field> {
        let covers = |f: &&Field| f.offset <= offset && offset < f.offset + 128 * f.bits;
        FIELDS.iter().find(covers).filter(|_| !self.ids.is_empty())
    }

    /// A guest read; `Err` holds the STATUSR bits of a refused one.
    pub fn read(&self, place: &Place, offset: u32, size: AccessSize) -> Result<u64, u32> {
        let bytes = size.bytes() as u32;
        if !offset.is_multiple_of(bytes) {
            return Err(READ_RESERVED);
        }
        if let Some(row) = self.row(offset) {
            return match (size, row.width) {
                (AccessSize::Double, 4) => self.read_two(place, offset),
                (AccessSize::Double, _) | (AccessSize::Word, _) => {
                    let read = row.read.ok_or(READ_WRITE_ONLY)?;
                    let (index, within) = (row.index(offset), row.within(offset));
                    Ok(size.truncate(read(place, index) >> (8 * within)))
                }
                _ => Err(READ_RESERVED),
            };
        }
        let field = self.field(offset).ok_or(READ_RESERVED)?;
        match size {
            AccessSize::Double => self.read_two(place, offset),
            AccessSize::Word => Ok(self.gather(place, field, offset, 4, field.read)),
            AccessSize::Byte if field.bits == 8 => Ok(self.gather(place, field, offset, 1, field.read)),
            _ => Err(READ_RESERVED),
        }
    }

    fn read_two(&self, place: &Place, offset: u32) -> Result<u64, u32> {
        let low = self.read(place, offset, AccessSize::Word);
        let high = self.read(place, offset + 4, AccessSize::Word);
        Ok(low? | high? << 32)
    }

    /// A guest write; `Err` holds the STATUSR bits of a refused one.
    pub fn write(&self, place: &Place, offset: u32, size: AccessSize, value: u64) -> Result<(), u32> {
        let bytes = size.bytes() as u32;
        if !offset.is_multiple_of(bytes) {
            return Err(WRITE_RESERVED);
        }
        if let Some(row) = self.row(offset) {
            let halved = size == AccessSize::Half && row.half && row.within(offset) == 0;
            return match (size, row.width) {
                (AccessSize::Double, 4) => self.write_two(place, offset, value),
                (AccessSize::Double, _) | (AccessSize::Word, _) | (AccessSize::Half, _)
                    if size.bytes() >= 4 || halved =>
                {
                    let write = row.write.ok_or(WRITE_READ_ONLY)?;
                    let shift = 8 * row.within(offset);
                    write(place, row.index(offset), size.truncate(value) << shift, size.truncate(!0) << shift);
                    Ok(())
                }
                _ => Err(WRITE_RESERVED),
            };
        }
        let field = self.field(offset).ok_or(WRITE_RESERVED)?;
        match size {
            AccessSize::Double => self.write_two(place, offset, value),
            AccessSize::Word => self.scatter(place, field, offset, 4, value, field.write),
            AccessSize::Byte if field.bits == 8 => self.scatter(place, field, offset, 1, value, field.write),
            _ => Err(WRITE_RESERVED),
        }
    }

    fn write_two(&self, place: &Place, offset: u32, value: u64) -> Result<(), u32> {
        let low = self.write(place, offset, AccessSize::Word, value & 0xffff_ffff);
        let high = self.write(place, offset + 4, AccessSize::Word, value >> 32);
        low.and(high)
    }

    /// A host read of 32 bits: no side effects; `None` where there is no state.
    pub fn raw_read(&self, place: &Place, offset: u32) -> Option<u32> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        if let Some(row) = self.row(offset) {
            return Some((row.raw_read?(place, row.index(offset)) >> (8 * row.within(offset))) as u32);
        }
        let field = self.field(offset)?;
        Some(self.gather(place, field, offset, 4, field.raw_read) as u32)
    }

    /// A host write of 32 bits: replaces state. False where there is none to write.
    pub fn raw_write(&self, place: &Place, offset: u32, value: u32) -> bool {
        if !offset.is_multiple_of(4) {
            return false;
        }
        if let Some(row) = self.row(offset) {
            let shift = 8 * row.within(offset);
            let Some(write) = row.raw_write else { return false };
            write(place, row.index(offset), u64::from(value) << shift, 0xffff_ffff << shift);
            return true;
        }
        let Some(field) = self.field(offset) else { return false };
        self.scatter(place, field, offset, 4, value.into(), field.raw_write).is_ok()
    }

    fn ids_at(&self, field: &Field, offset: u32, bytes: u32) -> impl Iterator<Item = (u32, u32)> {
        let first = (offset - field.offset) * 8 / field.bits;
        let (bits, ids) = (field.bits, self.ids.clone());
        (0..bytes * 8 / bits).map(move |n| (first + n, n * bits)).filter(move |(id, _)| ids.contains(id))
    }

    fn gather(&self, place: &Place, field: &Field, offset: u32, bytes: u32, read: fn(Word) -> u32) -> u64 {
        self.ids_at(field, offset, bytes).fold(0, |value, (id, shift)| {
            let word = place.gic.state.word(place.pe, id);
            value | u64::from(if word.implemented() { read(word) } else { 0 }) << shift
        })
    }

    /// Each interrupt changes by one swap; an access that covers several is not one step, as on a bus.
    fn scatter(
        &self,
        place: &Place,
        field: &Field,
        offset: u32,
        bytes: u32,
        value: u64,
        write: fn(Word, u32) -> Word,
    ) -> Result<(), u32> {
        let mask = (1u32 << field.bits) - 1;
        for (id, shift) in self.ids_at(field, offset, bytes) {
            let v = (value >> shift) as u32 & mask;
            place.gic.state.update(place.pe, id, |word| write(word, v));
        }
        Ok(())
    }
}

impl Row {
    fn index(&self, offset: u32) -> u32 {
        (offset - self.offset) / self.width
    }
    fn within(&self, offset: u32) -> u32 {
        (offset - self.offset) % self.width
    }
}

impl Gic {
    fn frame(&self, frame: Frame) -> Option<(Place<'_>, Table)> {
        let (pe, table) = match frame {
            Frame::Distributor => (0, dist::table()),
            Frame::Redistributor(pe) => (pe, redist::control_table()),
            Frame::Private(pe) => (pe, redist::private_table()),
        };
        (pe < self.state.pes()).then_some((Place { gic: self, pe }, table))
    }

    /// The host reads 32 bits of state, without side effects. Pending registers give the latch alone. `None`
    /// where the frame holds no state. The owners should be stopped, if more than one register is to agree.
    pub fn raw_read(&self, frame: Frame, offset: u32) -> Option<u32> {
        let (place, table) = self.frame(frame)?;
        table.raw_read(&place, offset)
    }

    /// The host replaces 32 bits of state: IS- registers replace, IC- registers are ignored. What becomes ready is
    /// announced as ever. False where the frame holds no state that can be written.
    pub fn raw_write(&self, frame: Frame, offset: u32, value: u32) -> bool {
        self.frame(frame).is_some_and(|(place, table)| table.raw_write(&place, offset, value))
    }

    /// The name of the register at an offset, as IHI 0069 has it less the frame's prefix.
    pub fn register_name(frame: Frame, offset: u32) -> Option<&'static str> {
        let table = match frame {
            Frame::Distributor => dist::table(),
            Frame::Redistributor(_) => redist::control_table(),
            Frame::Private(_) => redist::private_table(),
        };
        table.row(offset).map(|row| row.name).or_else(|| table.field(offset).map(|field| field.name))
    }
}
