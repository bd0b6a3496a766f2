//! Entries of the tables in guest memory, and the registers that say where those are.
//!
//! Private to an implementation. Ours are those that KVM's ITS saves (Linux, Documentation/virt/kvm/devices,
//! arm-vgic-its, "ITS Table ABI REV0"), so that a saved guest needs no conversion: 8 bytes, little-endian. `next` is
//! only filled in when tables are saved, and never read by an ITS.

use hw::PhysAddr;

/// Bytes of an entry of each table.
pub const ENTRY: u64 = 8;
/// DeviceIDs, EventIDs and ICIDs have this many bits.
pub const ID_BITS: u32 = 16;

const VALID: u64 = 1 << 63;

/// Device table entry: [63] valid, [62:49] next, [48:5] ITT address >> 8, [4:0] EventID bits - 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dte(pub u64);

impl Dte {
    /// Where `next` is: the distance to the next valid entry, at most `NEXT_MOST`; 0 in the last.
    pub const NEXT_SHIFT: u32 = 49;
    /// See `NEXT_SHIFT`.
    pub const NEXT_MOST: u64 = (1 << 14) - 1;

    /// Of a device with its ITT and bits of EventID.
    pub fn new(itt: PhysAddr, event_bits: u32) -> Dte {
        Dte(VALID | (itt.0 >> 8 & ((1 << 44) - 1)) << 5 | u64::from(event_bits - 1))
    }

    /// [63].
    pub fn valid(self) -> bool {
        self.0 & VALID != 0
    }

    /// The distance to the next valid entry.
    pub fn next(self) -> u64 {
        self.0 >> Self::NEXT_SHIFT & Self::NEXT_MOST
    }

    /// Bits of EventID: what stands there, up to 32.
    pub fn event_bits(self) -> u32 {
        (self.0 & 0x1f) as u32 + 1
    }

    /// Where the entry of an event is.
    pub fn event(self, event: u64) -> PhysAddr {
        self.itt().offset(event * ENTRY)
    }

    /// Where its ITT begins.
    pub fn itt(self) -> PhysAddr {
        PhysAddr((self.0 >> 5 & ((1 << 44) - 1)) << 8)
    }

    /// What a guest wrote there itself may be any number: never more than there are EventIDs.
    pub fn events(self) -> u32 {
        1 << self.event_bits().min(ID_BITS)
    }
}

/// Interrupt translation entry: [63:48] next, [47:16] INTID, 0 if invalid, [15:0] ICID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ite(pub u64);

impl Ite {
    /// As [`Dte::NEXT_SHIFT`].
    pub const NEXT_SHIFT: u32 = 48;
    /// As [`Dte::NEXT_MOST`].
    pub const NEXT_MOST: u64 = (1 << 16) - 1;

    /// Of an event.
    pub fn new(intid: u32, icid: u16) -> Ite {
        Ite(u64::from(intid) << 16 | u64::from(icid))
    }

    /// The distance to the next valid entry.
    pub fn next(self) -> u64 {
        self.0 >> Self::NEXT_SHIFT
    }

    /// 0 if it is not valid.
    pub fn intid(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The collection.
    pub fn icid(self) -> u16 {
        self.0 as u16
    }
}

/// Collection table entry: [63] valid, [51:16] number of the redistributor, [15:0] ICID. The table is a list that ends
/// with an entry that is not valid, or with the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cte(pub u64);

impl Cte {
    /// The processor of a collection that is unmapped and saved all the same, as KVM does.
    pub const UNMAPPED: u64 = 0xffff_ffff;

    /// Of a collection.
    pub fn new(number: u32, icid: u16) -> Cte {
        Cte(VALID | u64::from(number) << 16 | u64::from(icid))
    }

    /// [63].
    pub fn valid(self) -> bool {
        self.0 & VALID != 0
    }

    /// Of a processor.
    pub fn number(self) -> u64 {
        self.0 >> 16 & ((1 << 36) - 1)
    }

    /// The collection.
    pub fn icid(self) -> u16 {
        self.0 as u16
    }
}

/// GITS_BASERn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Baser(pub u64);

impl Baser {
    /// Type 1, and 4; 8 bytes each.
    pub const DEVICES: u64 = 1 << 56 | 7 << 48;
    /// Of the collection table.
    pub const COLLECTIONS: u64 = 4 << 56 | 7 << 48;
    /// Valid, cacheability, address, shareability, page size and size can be written; Indirect where there is a type
    /// with two levels.
    pub const MASK: u64 = VALID | 0x38e0_ffff_ffff_ffff;
    /// The table has two levels.
    pub const INDIRECT: u64 = 1 << 62;
    /// UNKNOWN in the manual. Cacheable, shared and with 64 KiB pages, as KVM has it: its unit tests count on it.
    pub const RESET: u64 = 3 << 59 | 1 << 10 | 2 << 8;

    /// [63].
    pub fn valid(self) -> bool {
        self.0 & VALID != 0
    }

    /// Has it two levels?
    pub fn indirect(self) -> bool {
        self.0 & Baser::INDIRECT != 0
    }

    /// Bytes of a page.
    pub fn page(self) -> u64 {
        match self.0 >> 8 & 3 {
            0 => 4 << 10,
            1 => 16 << 10,
            _ => 64 << 10,
        }
    }

    /// Where the table begins.
    pub fn base(self) -> PhysAddr {
        match self.page() {
            // Bits [15:12] are address bits [51:48] with these pages.
            0x10000 => PhysAddr(self.0 & 0xffff_ffff_0000 | (self.0 >> 12 & 0xf) << 48),
            page => PhysAddr(self.0 & 0xffff_ffff_f000 & !(page - 1)),
        }
    }

    /// Bytes of the table, of its first level if it has two.
    pub fn size(self) -> u64 {
        ((self.0 & 0xff) + 1) * self.page()
    }

    /// Entries of a table with one level.
    pub fn entries(self) -> u64 {
        self.size() / ENTRY
    }
}

/// An entry of the first level of a table with two: [63] valid, [51:12] address of a page (IHI 0069, "ITS tables").
pub fn second_level(entry: u64, page: u64) -> Option<PhysAddr> {
    (entry & VALID != 0).then_some(PhysAddr(entry & 0x000f_ffff_ffff_f000 & !(page - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chk_14_1_layouts_are_the_published_ones() {
        assert_eq!(Dte::new(PhysAddr(0x000f_1234_5678_9a00), 5).0, 1 << 63 | 0x0f12_3456_789a << 5 | 4);
        assert_eq!(Dte(1 << 63 | 0x3fff << 49 | 0x0f12_3456_789a << 5).itt(), PhysAddr(0x000f_1234_5678_9a00));
        assert_eq!(Ite::new(8200, 0x1234).0, 8200 << 16 | 0x1234);
        assert_eq!((Ite(7 << 48 | 8200 << 16 | 3).intid(), Ite(3).icid()), (8200, 3));
        assert_eq!(Cte::new(5, 9).0, 1 << 63 | 5 << 16 | 9);
        assert_eq!(Dte(0x1f).events(), 1 << 16);
    }

    #[test]
    fn bases_and_pages() {
        let at = |page: u64, address: u64| Baser(address | page << 8).base().0;
        assert_eq!(at(0, 0x1234_5678_9000), 0x1234_5678_9000);
        assert_eq!(at(1, 0x1234_5678_9000), 0x1234_5678_8000);
        assert_eq!(at(2, 0x1234_5678_f000), 0x000f_1234_5678_0000);
        assert_eq!(at(3, 0x1234_5678_1000), 0x0001_1234_5678_0000);
        assert_eq!((Baser(0x2ff).size(), Baser(1).entries()), (16 << 20, 1024));
        assert_eq!(second_level(1 << 63 | 0x4000_f000, 0x10000), Some(PhysAddr(0x4000_0000)));
    }
}
