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

use crate::ids;
use crate::{wires::Gic, word::G1, word::Word};

/// The security state of an access; with one state, and to the guest's view of it, it makes no difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// From Secure state, or EL3.
    Secure,
    /// From Non-secure state.
    NonSecure,
}

/// What decides which fields an access sees, and how.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub secure: bool,
    /// GICD_CTLR.DS.
    pub one_state: bool,
    /// GICD_TYPER.NMI.
    pub nmi: bool,
    /// Does what RWP tells of come late?
    pub late: bool,
}

impl View {
    /// Does it see the interrupts of every group?
    pub fn all(self) -> bool {
        self.secure || self.one_state
    }
}

/// What an access goes to: the GIC, the PE whose redistributor it is, and from where.
pub(crate) struct Place<'a> {
    pub gic: &'a Gic,
    pub pe: usize,
    pub view: View,
}

impl<'a> Place<'a> {
    pub fn new(gic: &'a Gic, pe: usize, security: Security) -> Place<'a> {
        let secure = security == Security::Secure;
        let view =
            View { secure, one_state: gic.state.control().one_state(), nmi: gic.features.nmi, late: gic.is_relaxed() };
        Place { gic, pe, view }
    }
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

/// Which rule protects the fields of Secure interrupts from Non-secure accesses: with two security states these are
/// RAZ/WI, unless GICD_NSACR of the interrupt grants the access (IHI 0069, GICD_NSACR).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Configuration: never granted.
    Configuration,
    /// The same, but that an SGI is edge-triggered everyone sees.
    Trigger,
    /// Set-pending: from NSACR 1.
    SetPending,
    /// Clear-pending: from NSACR 2.
    ClearPending,
    /// Active bits: from NSACR 2, to read.
    Active,
    /// RAZ/WI for all interrupts.
    SecureOnly,
    /// The same, and RES0 with one security state.
    TwoStates,
    /// NSACR itself: as `TwoStates`, and PPIs have none.
    Grants,
}

impl Guard {
    /// May it be read, may it be written?
    pub fn allows(self, place: u32, word: Word, view: View) -> (bool, bool) {
        let nsacr = if word.fixed_edge() { 0 } else { word.nsacr() };
        let both = |yes| (yes, yes);
        match self {
            Guard::TwoStates => both(view.secure && !view.one_state),
            Guard::Grants => both(view.secure && !view.one_state && !(place >= 16 && ids::is_private(place))),
            _ if view.all() => both(true),
            Guard::SecureOnly => both(false),
            _ if word.group() == G1 => both(true),
            Guard::Configuration => both(false),
            Guard::Trigger => (word.fixed_edge(), false),
            Guard::SetPending => both(nsacr >= 1),
            Guard::ClearPending => both(nsacr >= 2),
            Guard::Active => (nsacr >= 2, false),
        }
    }
}

/// One field per interrupt, packed by position from `offset`.
pub(crate) struct Field {
    pub offset: u32,
    /// Where GICD has the fields of ESPIs.
    pub extended: u32,
    pub name: &'static str,
    /// Bits per INTID: 1, 2 or 8. Fields of 8 bits can be accessed as bytes.
    pub bits: u32,
    pub guard: Guard,
    /// Does RWP tell when a write has come everywhere?
    pub tracked: bool,
    pub read: fn(Word, View) -> u32,
    pub write: fn(Word, u32, View) -> Word,
    pub raw_read: fn(Word, View) -> u32,
    pub raw_write: fn(Word, u32, View) -> Word,
}

/// Two views of one bit: writing 1 to the first sets, writing 1 to the second clears, both read it. The host
/// reads either and replaces through the first.
macro_rules! set_and_clear {
    ($set:literal $clear:literal $at:literal $extended:literal $guards:expr, $tracked:expr, $read:expr, $raw:expr, $with:expr) => {
        [
            Field {
                offset: $at,
                extended: $extended,
                name: $set,
                bits: 1,
                guard: $guards[0],
                tracked: false,
                read: |w, _| $read(w) as u32,
                write: |w, v, _| if v != 0 { $with(w, true) } else { w },
                raw_read: |w, _| $raw(w) as u32,
                raw_write: |w, v, _| $with(w, v != 0),
            },
            Field {
                offset: $at + 0x80,
                extended: $extended + 0x200,
                name: $clear,
                bits: 1,
                guard: $guards[1],
                tracked: $tracked,
                read: |w, _| $read(w) as u32,
                write: |w, v, _| if v != 0 { $with(w, false) } else { w },
                raw_read: |w, _| $raw(w) as u32,
                raw_write: |w, _, _| w,
            },
        ]
    };
}

const fn plain(
    (offset, extended): (u32, u32),
    name: &'static str,
    bits: u32,
    guard: Guard,
    read: fn(Word, View) -> u32,
    write: fn(Word, u32, View) -> Word,
) -> Field {
    Field { offset, extended, name, bits, guard, tracked: false, read, write, raw_read: read, raw_write: write }
}

const ENABLE: [Field; 2] = {
    let [set, clear] = set_and_clear!("ISENABLER" "ICENABLER" 0x100 0x1200 [Guard::Configuration; 2], true,
        reads_enabled, reads_enabled, enable);
    let disable: fn(Word, u32, View) -> Word = |w, v, view| match (v, view.late) {
        (0, _) => w,
        (_, false) => enable(w, false),
        (_, true) => w.with_leaving(w.enabled()),
    };
    [set, Field { write: disable, ..clear }]
};
fn reads_enabled(w: Word) -> bool {
    w.enabled() && !w.leaving()
}
fn enable(w: Word, v: bool) -> Word {
    w.with_enabled(v).with_leaving(false)
}
// Set and clear touch the latch only: a level that is asserted stays pending. The host sees the latch alone.
const PEND: [Field; 2] = set_and_clear!("ISPENDR" "ICPENDR" 0x200 0x1600 [Guard::SetPending, Guard::ClearPending], false,
    Word::pending, Word::latch, Word::with_latch);
const ACTIVE: [Field; 2] = set_and_clear!("ISACTIVER" "ICACTIVER" 0x300 0x1a00 [Guard::Active; 2], false,
    Word::active, Word::active, Word::with_active);

/// Non-secure software sees the lower half of priorities as if it were all there is (IHI 0069, "Software accesses
/// of interrupt priority"). RES0 while the interrupt is non-maskable.
fn ipriorityr(w: Word, view: View) -> u32 {
    let priority = u32::from(w.priority());
    match (w.nmi(), view.all()) {
        (true, _) => 0,
        (false, true) => priority,
        (false, false) => priority << 1 & 0xff,
    }
}

fn set_ipriorityr(w: Word, v: u32, view: View) -> Word {
    match (w.nmi(), view.all()) {
        (true, _) => w,
        (false, true) => w.with_priority(v as u8),
        (false, false) => w.with_priority(0x80 | (v >> 1) as u8),
    }
}

/// Bit 0 of each field is RES0. Pending follows from wire and latch, so a change needs no more than this.
fn set_icfgr(w: Word, v: u32, _: View) -> Word {
    if w.fixed_edge() { w } else { w.with_edge(v & 0b10 != 0) }
}

fn set_inmir(w: Word, v: u32, view: View) -> Word {
    w.with_nmi(v != 0 && view.nmi)
}

/// No such register among those of ESPIs.
const NONE: u32 = 0x7fff_0000;

/// The fields of every interrupt (IHI 0069, GICD_ and GICR_ registers of the same names).
pub(crate) const FIELDS: &[Field] = &{
    use Guard::*;
    let [isenabler, icenabler] = ENABLE;
    let [ispendr, icpendr] = PEND;
    let [isactiver, icactiver] = ACTIVE;
    [
        plain((0x080, 0x1000), "IGROUPR", 1, SecureOnly, |w, _| w.group1() as u32, |w, v, _| w.with_group1(v != 0)),
        isenabler,
        icenabler,
        ispendr,
        icpendr,
        isactiver,
        icactiver,
        Field {
            raw_read: |w, _| w.priority().into(),
            raw_write: |w, v, _| w.with_priority(v as u8),
            ..plain((0x400, 0x2000), "IPRIORITYR", 8, Configuration, ipriorityr, set_ipriorityr)
        },
        plain((0x800, NONE), "ITARGETSR", 8, Configuration, |_, _| 0, |w, _, _| w), // RES0 with affinity routing
        plain((0xc00, 0x3000), "ICFGR", 2, Trigger, |w, _| (w.edge() as u32) << 1, set_icfgr),
        plain((0xd00, 0x3400), "IGRPMODR", 1, TwoStates, |w, _| w.modifier() as u32, |w, v, _| w.with_modifier(v != 0)),
        plain((0xe00, 0x3600), "NSACR", 2, Grants, |w, _| w.nsacr(), |w, v, _| w.with_nsacr(v)),
        plain((0xf80, 0x3b00), "INMIR", 1, Configuration, |w, _| w.nmi() as u32, set_inmir),
    ]
};

const _: () = {
    let mut n = 1;
    while n < FIELDS.len() {
        // 1024 INTIDs in each array.
        let (before, this) = (&FIELDS[n - 1], &FIELDS[n]);
        assert!(before.offset + 128 * before.bits <= this.offset, "fields are sorted and disjoint");
        assert!(before.extended == NONE || before.extended + 128 * before.bits <= this.extended, "likewise");
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
