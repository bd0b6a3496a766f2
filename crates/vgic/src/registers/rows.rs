//! Rows of registers, and what fields of interrupts do.

use crate::access::{Direction, Place};
use crate::errno::{Errno, Refusal};
use gic::Frame;

/// Where an access is: in one frame of the GIC.
pub(crate) struct Spot<'a, 'b> {
    pub place: &'a mut Place<'b>,
    pub frame: Frame,
    /// In the frame.
    pub offset: u32,
}

impl Spot<'_, '_> {
    /// The raw column of the GIC's register; 0 where it has none.
    pub fn raw(&self) -> u32 {
        self.raw_at(self.offset)
    }

    pub fn raw_at(&self, offset: u32) -> u32 {
        self.place.config.gic().raw_read(self.frame, offset).unwrap_or(0)
    }

    pub fn set_raw(&self, value: u32) {
        self.set_raw_at(self.offset, value);
    }

    pub fn set_raw_at(&self, offset: u32, value: u32) {
        self.place.config.gic().raw_write(self.frame, offset, value);
    }
}

pub(crate) type Get = fn(&mut Spot) -> u32;
pub(crate) type Set = fn(&mut Spot, u32);

/// A register, an array of them, or an array of fields.
pub(crate) struct Row {
    /// First offset.
    pub offset: u32,
    /// As IHI 0069 has it less its prefix, and less the number that tells one of an array.
    pub name: &'static str,
    /// Bytes.
    pub size: u32,
    /// Bits per interrupt; 0 for what is no field of interrupts.
    pub bits: u32,
    pub get: Get,
    pub set: Set,
}

pub(crate) const fn row(offset: u32, name: &'static str, size: u32, get: Get, set: Set) -> Row {
    Row { offset, name, size, bits: 0, get, set }
}

/// A field of each of `interrupts`.
pub(crate) const fn field(offset: u32, name: &'static str, interrupts: u32, bits: u32, get: Get, set: Set) -> Row {
    Row { offset, name, size: interrupts * bits / 8, bits, get, set }
}

impl Row {
    /// The first interrupt of the word at an offset.
    pub fn interrupt(&self, offset: u32) -> u32 {
        match self.bits {
            0 => 0,
            bits => (offset - self.offset) * 8 / bits,
        }
    }
}

/// The offset of a register: one of an array of fields by its number.
pub(crate) fn offset(rows: &[Row], name: &str) -> Option<u32> {
    let whole = rows.iter().find(|row| row.bits == 0 && row.name == name);
    if let Some(row) = whole {
        return Some(row.offset);
    }
    let (base, index) = split_index(name);
    let row = rows.iter().find(|row| row.bits != 0 && row.name == base)?;
    let within = index?.checked_mul(if row.bits == 64 { 8 } else { 4 })?;
    (within < row.size).then_some(row.offset + within)
}

/// A name and the number it ends with.
pub(crate) fn split_index(name: &str) -> (&str, Option<u32>) {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (base, name[base.len()..].parse().ok())
}

/// The row of an aligned offset.
pub(crate) fn find(rows: &'static [Row], offset: u32) -> Option<&'static Row> {
    let row = rows.iter().find(|row| (row.offset..row.offset + row.size).contains(&offset));
    row.filter(|_| offset.is_multiple_of(4))
}

/// HAS: a register is there, and so are its interrupts.
pub(crate) fn has(rows: &'static [Row], offset: u32, interrupts: u32) -> Result<(), Refusal> {
    match find(rows, offset) {
        Some(row) if row.interrupt(offset) < interrupts => Ok(()),
        Some(_) => Err(Errno::NxIo.because("the VGIC has no interrupts there").about(offset.into())),
        None => Err(Errno::NxIo.because("no register is at this offset").about(offset.into())),
    }
}

/// GET and SET. Where there is no register, it is 0 and ignored, silently.
pub(crate) fn access(row: Option<&Row>, spot: &mut Spot, direction: Direction) -> u64 {
    match (row, direction) {
        (None, _) => 0,
        (Some(row), Direction::Get) => (row.get)(spot).into(),
        (Some(row), Direction::Set(value)) => {
            (row.set)(spot, value as u32);
            0
        }
    }
}

// What many rows do.

pub(crate) fn zero(_: &mut Spot) -> u32 {
    0
}

pub(crate) fn ignore(_: &mut Spot, _: u32) {}

pub(crate) fn raw(spot: &mut Spot) -> u32 {
    spot.raw()
}

pub(crate) fn set_raw(spot: &mut Spot, value: u32) {
    spot.set_raw(value);
}

/// Writing 1 to bits of IS- registers sets, where the GIC's raw column replaces.
pub(crate) fn set_ones(spot: &mut Spot, value: u32) {
    spot.set_raw(spot.raw() | value);
}

/// Writing 1 to bits of IC- registers clears: through the IS- register 0x80 below.
pub(crate) fn clear_ones(spot: &mut Spot, value: u32) {
    let set = spot.offset - 0x80;
    spot.set_raw_at(set, spot.raw_at(set) & !value);
}
