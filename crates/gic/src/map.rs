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
    pub offset: u32,
    pub name: &'static str,
    /// Bytes of one register: 4 or 8.
    pub width: u32,
    pub count: u32,
    pub read: Option<Read>,
    pub write: Option<Write>,
    pub raw_read: Option<Read>,
    pub raw_write: Option<Write>,
    /// May a 16-bit write go to its low half?
    pub half: bool,
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
    pub const fn end(&self) -> u32 {
        self.offset + self.width * self.count
    }
}

/// One field per INTID, packed in INTID order from `offset`.
pub(crate) struct Field {
    pub offset: u32,
    pub name: &'static str,
    /// Bits per INTID: 1, 2 or 8. Fields of 8 bits can be accessed as bytes.
    pub bits: u32,
    pub read: fn(Word) -> u32,
    pub write: fn(Word, u32) -> Word,
    pub raw_read: fn(Word) -> u32,
    pub raw_write: fn(Word, u32) -> Word,
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

/// What both STATUSR registers do.
pub(crate) const STATUS_BITS: u64 = 0xf;
