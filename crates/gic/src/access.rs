//! The one way an access, the guest's or the host's, goes through the tables of `map`.

use crate::fidelity::Delayed;
use crate::ids::{self, Span};
use crate::late::Late;
use crate::map::{FIELDS, Field, Guard, Place, Row, Security, View};
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

/// One frame: its rows, and the interrupts whose fields it holds.
pub(crate) struct Table {
    pub rows: &'static [Row],
    /// More of them, where `rows` has none.
    pub extra: &'static [Row],
    pub spans: &'static [Span],
}

/// An array of fields in a frame.
#[derive(Clone, Copy)]
struct Array {
    field: &'static Field,
    base: u32,
    span: Span,
}

/// STATUSR bits.
const READ_RESERVED: u32 = 1 << 0;
const WRITE_RESERVED: u32 = 1 << 1;
const READ_WRITE_ONLY: u32 = 1 << 2;
const WRITE_READ_ONLY: u32 = 1 << 3;

impl Table {
    fn row(&self, offset: u32) -> Option<&'static Row> {
        let in_table = |rows: &'static [Row]| {
            let at = rows.partition_point(|row| row.end() <= offset);
            rows.get(at).filter(|row| row.offset <= offset)
        };
        in_table(self.rows).or_else(|| in_table(self.extra))
    }

    fn array(&self, offset: u32) -> Option<Array> {
        let arrays = self.spans.iter().flat_map(|&span| {
            let base = move |field: &Field| if span == Span::Extended { field.extended } else { field.offset };
            FIELDS.iter().map(move |field| Array { field, base: base(field), span })
        });
        { arrays }.find(|array| (array.base..array.base + 128 * array.field.bits).contains(&offset))
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
        let array = self.array(offset).ok_or(READ_RESERVED)?;
        match size {
            AccessSize::Double => self.read_two(place, offset),
            AccessSize::Word => Ok(array.gather(place, offset, 4, array.field.read)),
            AccessSize::Byte if array.field.bits == 8 => Ok(array.gather(place, offset, 1, array.field.read)),
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
        let array = self.array(offset).ok_or(WRITE_RESERVED)?;
        match size {
            AccessSize::Double => return self.write_two(place, offset, value),
            AccessSize::Word => array.scatter(place, offset, 4, value, array.field.write),
            AccessSize::Byte if array.field.bits == 8 => array.scatter(place, offset, 1, value, array.field.write),
            _ => return Err(WRITE_RESERVED),
        }
        Ok(())
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
        let array = self.array(offset)?;
        Some(array.gather(place, offset, 4, array.field.raw_read) as u32)
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
        let Some(array) = self.array(offset) else { return false };
        array.scatter(place, offset, 4, value.into(), array.field.raw_write);
        true
    }
}

impl Array {
    /// The places in an access, with the bit each field begins at.
    fn places(&self, offset: u32, bytes: u32) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (bits, span) = (self.field.bits, self.span);
        let first = (offset - self.base) * 8 / bits;
        (0..bytes * 8 / bits).filter_map(move |n| Some((span.place(first + n)?, n * bits)))
    }

    fn gather(&self, place: &Place, offset: u32, bytes: u32, read: fn(Word, View) -> u32) -> u64 {
        self.places(offset, bytes).fold(0, |value, (n, shift)| {
            let word = place.gic.state.read(place.pe, n);
            let seen = word.implemented() && self.field.guard.allows(n, word, place.view).0;
            value | u64::from(if seen { read(word, place.view) } else { 0 }) << shift
        })
    }

    /// Each interrupt changes by one swap, in which it is also decided whether the access may; an access that covers
    /// several is not one step, as on a bus.
    fn scatter(&self, place: &Place, offset: u32, bytes: u32, value: u64, write: fn(Word, u32, View) -> Word) {
        let mask = (1u32 << self.field.bits) - 1;
        for (n, shift) in self.places(offset, bytes) {
            let v = (value >> shift) as u32 & mask;
            if self.field.guard == Guard::Trigger && place.gic.watch.is_strict() {
                self.check_icfgr(place, n, v);
            }
            place.gic.state.update(place.pe, n, |word| {
                if self.field.guard.allows(n, word, place.view).1 { write(word, v, place.view) } else { word }
            });
        }
        if self.field.tracked && place.view.late {
            let private = self.span == Span::Private;
            let what = if private { Delayed::Redistributor(place.pe) } else { Delayed::Distributor };
            let effects = self.places(offset, bytes).map(|(n, _)| Late::Disable { pe: place.pe, place: n });
            place.gic.later(what, effects);
        }
    }
}

impl Array {
    /// IHI 0069, GICD_ICFGR: changing it while the interrupt is enabled is UNPREDICTABLE, and leaves a pending state UNKNOWN.
    fn check_icfgr(&self, place: &Place, n: u32, v: u32) {
        let word = place.gic.state.word(place.pe, n);
        let state = if word.enabled() { "enabled" } else { "pending" };
        if (word.enabled() || word.pending()) && !word.fixed_edge() && word.edge() != (v & 0b10 != 0) {
            let id = ids::intid(n);
            place.gic.watch.report("ICFGR", id, place.pe, || {
                format!("ICFGR of INTID {id} was changed while it is {state}; it is changed, and what is pending follows from line and latch")
            });
        }
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
            Frame::Distributor => (0, dist::table(self)),
            Frame::Redistributor(pe) => (pe, redist::control_table(self)),
            Frame::Private(pe) => (pe, redist::private_table()),
        };
        // What PEs have written comes before; what the host writes is not late.
        self.complete_all();
        let place = Place::new(self, pe, Security::Secure);
        let place = Place { view: View { late: false, ..place.view }, ..place };
        (pe < self.state.pes()).then_some((place, table))
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
            Frame::Distributor => dist::full_table(),
            Frame::Redistributor(_) => redist::full_control_table(),
            Frame::Private(_) => redist::private_table(),
        };
        table.row(offset).map(|row| row.name).or_else(|| table.array(offset).map(|array| array.field.name))
    }
}
