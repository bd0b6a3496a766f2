//! Tables of an ITS in guest memory, in the layout of revision 0 (docits, "ITS Table ABI REV0"): entries of 8 bytes.

use super::registers::VALID;
use hw::{GuestMemory, PhysAddr, Unbacked};

/// Bytes of an entry of any table, and of a page.
const ENTRY: u64 = 8;
const PAGE: u64 = 0x1_0000;
/// DeviceIDs, EventIDs and ICIDs have 16 bits.
pub(super) const IDS: u64 = 1 << 16;

/// A device table or collection table, as GITS_BASERn describes it.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub memory: &'a dyn GuestMemory,
    pub baser: u64,
}

impl Table<'_> {
    pub fn valid(self) -> bool {
        self.baser & VALID != 0
    }

    fn indirect(self) -> bool {
        self.baser >> 62 & 1 != 0
    }

    /// Pages are 64 KiB, so [15:12] are address bits 51:48.
    fn base(self) -> u64 {
        self.baser & 0x0000_ffff_ffff_0000 | (self.baser >> 12 & 0xf) << 48
    }

    fn size(self) -> u64 {
        ((self.baser & 0xff) + 1) * PAGE
    }

    /// Entries of a table of one level.
    pub fn entries(self) -> u64 {
        (self.size() / ENTRY).min(IDS)
    }

    /// Where the entry of a number is; `None` if the table has none.
    pub fn at(self, number: u64) -> Result<Option<PhysAddr>, Unbacked> {
        if !self.indirect() {
            return Ok((number < self.entries()).then(|| PhysAddr(self.base() + number * ENTRY)));
        }
        let per_page = PAGE / ENTRY;
        if number / per_page * ENTRY >= self.size() {
            return Ok(None);
        }
        let first = self.memory.read_u64(PhysAddr(self.base() + number / per_page * ENTRY))?;
        let page = first & 0x000f_ffff_ffff_0000;
        Ok((first & VALID != 0).then(|| PhysAddr(page + number % per_page * ENTRY)))
    }

    /// From a number without an entry: the next that could have one.
    pub fn after_hole(self, number: u64) -> u64 {
        if self.indirect() { (number / (PAGE / ENTRY) + 1) * (PAGE / ENTRY) } else { IDS }
    }
}

/// Device table entry: valid, distance to the next, ITT, and bits of EventID less one.
#[derive(Clone, Copy)]
pub(super) struct Dte(pub u64);

impl Dte {
    pub const NEXT_SHIFT: u32 = 49;
    pub const NEXT_MOST: u64 = (1 << 14) - 1;

    pub fn valid(self) -> bool {
        self.0 & VALID != 0
    }
    pub fn next(self) -> u64 {
        self.0 >> Self::NEXT_SHIFT & Self::NEXT_MOST
    }
    pub fn event_bits(self) -> u32 {
        (self.0 & 0x1f) as u32 + 1
    }
    pub fn itt(self) -> u64 {
        (self.0 >> 5 & ((1 << 44) - 1)) << 8
    }
    pub fn event(self, event: u64) -> PhysAddr {
        PhysAddr(self.itt() + event * ENTRY)
    }
}

/// Interrupt translation entry: distance to the next, INTID, ICID.
#[derive(Clone, Copy)]
pub(super) struct Ite(pub u64);

impl Ite {
    pub const NEXT_SHIFT: u32 = 48;
    pub const NEXT_MOST: u64 = (1 << 16) - 1;

    pub fn next(self) -> u64 {
        self.0 >> Self::NEXT_SHIFT
    }
    pub fn intid(self) -> u64 {
        self.0 >> 16 & 0xffff_ffff
    }
    pub fn icid(self) -> u16 {
        self.0 as u16
    }
}

/// Collection table entry: valid, vCPU id, ICID.
#[derive(Clone, Copy)]
pub(super) struct Cte(pub u64);

impl Cte {
    /// Of a collection that MAPC has unmapped.
    pub const UNMAPPED: u64 = 0xffff_ffff;

    pub fn valid(self) -> bool {
        self.0 & VALID != 0
    }
    pub fn vcpu(self) -> u64 {
        self.0 >> 16 & 0xffff_ffff
    }
    pub fn icid(self) -> u16 {
        self.0 as u16
    }
}
