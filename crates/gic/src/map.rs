//! Register maps as tables, and the one way an access goes through them.
//!
//! Two kinds of rows. A [`Row`] is one register or an array of them. A [`Field`] is one field per INTID, packed
//! into an array; the distributor and the SGI frame of a redistributor have the same fields at the same offsets
//! and differ in which INTIDs they hold, so one table serves both. Each row has what the guest may do and what
//! the host may do (`raw`): read state without side effects, and put state back.
//!
//! Licence taken (IHI 0069, "Register access sizes"): an access of a size or alignment that the register does not
//! have is RAZ/WI; a 64-bit access to 32-bit registers is one to each. Both, and accesses to reserved, read-only
//! or write-only places, are recorded in STATUSR.

use crate::{wires::Gic, word::Word};
use hw::AccessSize;

/// What an access goes to: the GIC, and the PE whose redistributor it is.
pub(crate) struct Place<'a> {
    pub gic: &'a Gic,
    pub pe: usize,
}

pub(crate) type Read = fn(&Place, u32) -> u64;
/// Index in the array, value, and which bits of the register are written (all, or one half of 64).
pub(crate) type Write = fn(&Place, u32, u64, u64);

/// A register, or an array of the same one.
pub(crate) struct Row {
    offset: u32,
    pub name: &'static str,
    /// Bytes of one register: 4 or 8.
    width: u32,
    count: u32,
    read: Option<Read>,
    write: Option<Write>,
    raw_read: Option<Read>,
    raw_write: Option<Write>,
    /// May a 16-bit write go to its low half?
    half: bool,
}

pub(crate) const fn row(offset: u32, name: &'static str) -> Row {
    let (read, write, raw_read, raw_write) = (None, None, None, None);
    Row { offset, name, width: 4, count: 1, read, write, raw_read, raw_write, half: false }
}

impl Row {
    /// The guest and the host read it.
    pub const fn ro(mut self, read: Read) -> Row {
        (self.read, self.raw_read) = (Some(read), Some(read));
        self
    }
    /// The guest and the host write it, to the same effect.
    pub const fn rw(mut self, read: Read, write: Write) -> Row {
        (self.write, self.raw_write) = (Some(write), Some(write));
        self.ro(read)
    }
    /// A request, not state: the host has no use for it.
    pub const fn wo(mut self, write: Write) -> Row {
        self.write = Some(write);
        self
    }
    /// Host writes differ from the guest's.
    pub const fn raw_write(mut self, write: Write) -> Row {
        self.raw_write = Some(write);
        self
    }
    pub const fn wide(mut self) -> Row {
        self.width = 8;
        self
    }
    pub const fn array(mut self, count: u32) -> Row {
        self.count = count;
        self
    }
    pub const fn half(mut self) -> Row {
        self.half = true;
        self
    }
    const fn end(&self) -> u32 {
        self.offset + self.width * self.count
    }
}

/// One field per INTID, packed in INTID order from `offset`.
pub(crate) struct Field {
    pub offset: u32,
    pub name: &'static str,
    /// Bits per INTID: 1, 2 or 8. Fields of 8 bits can be accessed as bytes.
    bits: u32,
    read: fn(Word) -> u32,
    write: fn(Word, u32) -> Word,
    raw_read: fn(Word) -> u32,
    raw_write: fn(Word, u32) -> Word,
}

/// Two views of one bit: writing 1 to the first sets, writing 1 to the second clears, both read it. The host
/// reads either and replaces through the first.
macro_rules! set_and_clear {
    ($set:literal $clear:literal $at:literal, $read:expr, $raw:expr, $with:expr) => {
        [
            Field {
                offset: $at,
                name: $set,
                bits: 1,
                read: |w| $read(w) as u32,
                write: |w, v| if v != 0 { $with(w, true) } else { w },
                raw_read: |w| $raw(w) as u32,
                raw_write: |w, v| $with(w, v != 0),
            },
            Field {
                offset: $at + 0x80,
                name: $clear,
                bits: 1,
                read: |w| $read(w) as u32,
                write: |w, v| if v != 0 { $with(w, false) } else { w },
                raw_read: |w| $raw(w) as u32,
                raw_write: |w, _| w,
            },
        ]
    };
}

const fn plain(
    offset: u32,
    name: &'static str,
    bits: u32,
    read: fn(Word) -> u32,
    write: fn(Word, u32) -> Word,
) -> Field {
    Field { offset, name, bits, read, write, raw_read: read, raw_write: write }
}

const ENABLE: [Field; 2] =
    set_and_clear!("ISENABLER" "ICENABLER" 0x100, Word::enabled, Word::enabled, Word::with_enabled);
// Set and clear touch the latch only: a level that is asserted stays pending. The host sees the latch alone.
const PEND: [Field; 2] = set_and_clear!("ISPENDR" "ICPENDR" 0x200, Word::pending, Word::latch, Word::with_latch);
const ACTIVE: [Field; 2] = set_and_clear!("ISACTIVER" "ICACTIVER" 0x300, Word::active, Word::active, Word::with_active);

const fn razwi(offset: u32, name: &'static str, bits: u32) -> Field {
    plain(offset, name, bits, |_| 0, |w, _| w)
}

/// Bit 0 of each field is RES0. Pending follows from wire and latch, so a change needs no more than this.
fn set_icfgr(w: Word, v: u32) -> Word {
    if w.fixed_edge() { w } else { w.with_edge(v & 0b10 != 0) }
}

/// The fields of every interrupt (IHI 0069, GICD_ and GICR_ registers of the same names).
pub(crate) const FIELDS: &[Field] = &{
    let [isenabler, icenabler] = ENABLE;
    let [ispendr, icpendr] = PEND;
    let [isactiver, icactiver] = ACTIVE;
    [
        plain(0x080, "IGROUPR", 1, |w| w.group1() as u32, |w, v| w.with_group1(v != 0)),
        isenabler,
        icenabler,
        ispendr,
        icpendr,
        isactiver,
        icactiver,
        plain(0x400, "IPRIORITYR", 8, |w| w.priority().into(), |w, v| w.with_priority(v as u8)),
        razwi(0x800, "ITARGETSR", 8), // RES0 with affinity routing
        plain(0xc00, "ICFGR", 2, |w| (w.edge() as u32) << 1, set_icfgr),
        razwi(0xd00, "IGRPMODR", 1), // RES0 with one security state
        razwi(0xe00, "NSACR", 2),    // likewise
    ]
};

const _: () = {
    let mut n = 1;
    while n < FIELDS.len() {
        // 1024 INTIDs in each array.
        let before = &FIELDS[n - 1];
        assert!(before.offset + 128 * before.bits <= FIELDS[n].offset, "fields are sorted and disjoint");
        n += 1;
    }
};

/// Are the rows in order, and none over another? For the tables to assert.
pub(crate) const fn sorted_and_disjoint(rows: &[Row]) -> bool {
    let mut n = 1;
    while n < rows.len() {
        if rows[n - 1].end() > rows[n].offset {
            return false;
        }
        n += 1;
    }
    true
}

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

/// What both STATUSR registers do.
pub(crate) const STATUS_BITS: u64 = 0xf;

impl Gic {
    fn frame(&self, frame: Frame) -> Option<(Place<'_>, Table)> {
        let (pe, table) = match frame {
            Frame::Distributor => (0, crate::dist::table()),
            Frame::Redistributor(pe) => (pe, crate::redist::control_table()),
            Frame::Private(pe) => (pe, crate::redist::private_table()),
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
            Frame::Distributor => crate::dist::table(),
            Frame::Redistributor(_) => crate::redist::control_table(),
            Frame::Private(_) => crate::redist::private_table(),
        };
        table.row(offset).map(|row| row.name).or_else(|| table.field(offset).map(|field| field.name))
    }
}
