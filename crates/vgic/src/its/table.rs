//! Where the entries of an ITS's tables are, by GITS_BASERn, whether or not it is enabled. What is in them is `gic`'s to say.

use gic::its_entry::{Baser, ENTRY, ID_BITS, second_level};
use hw::{GuestMemory, PhysAddr, Unbacked};

/// DeviceIDs, EventIDs and ICIDs.
pub(super) const IDS: u64 = 1 << ID_BITS;

/// A device table or collection table.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub memory: &'a dyn GuestMemory,
    pub baser: Baser,
}

impl Table<'_> {
    pub fn valid(self) -> bool {
        self.baser.valid()
    }

    fn per_page(self) -> u64 {
        self.baser.page() / ENTRY
    }

    /// Entries of a table of one level.
    pub fn entries(self) -> u64 {
        self.baser.entries().min(IDS)
    }

    /// Where the entry of a number is; `None` if the table has none.
    pub fn at(self, number: u64) -> Result<Option<PhysAddr>, Unbacked> {
        if !self.baser.indirect() {
            return Ok((number < self.entries()).then(|| self.baser.base().offset(number * ENTRY)));
        }
        let first = number / self.per_page() * ENTRY;
        if first >= self.baser.size() {
            return Ok(None);
        }
        let page = second_level(self.memory.read_u64(self.baser.base().offset(first))?, self.baser.page());
        Ok(page.map(|page| page.offset(number % self.per_page() * ENTRY)))
    }

    /// From a number without an entry: the next that could have one.
    pub fn after_hole(self, number: u64) -> u64 {
        if self.baser.indirect() { (number / self.per_page() + 1) * self.per_page() } else { IDS }
    }
}
