//! Tables as another implementation expects to find them: what is kept in memory anyway, and the links between entries.
//!
//! A restore needs nothing of the kind. The registers are put back (`raw_write`), CTLR last: enabling reads the
//! collections, everything else is read when it is used, and pending states come with GICR_CTLR.EnableLPIs.

use super::Its;
use super::entry::{Dte, ENTRY, ID_BITS, Ite};
use hw::{PhysAddr, Unbacked};

/// The last valid entry on the way through a table, and its number.
struct Chain<'a> {
    its: &'a Its,
    last: Option<(PhysAddr, u64, u32)>,
    /// Where `next` is in an entry, and its greatest value.
    shift: u32,
    greatest: u32,
}

impl Chain<'_> {
    /// Links the last entry to this one, which is valid.
    fn push(&mut self, at: PhysAddr, entry: u64, number: u32) -> Result<(), Unbacked> {
        self.link(number)?;
        self.last = Some((at, entry, number));
        Ok(())
    }

    /// Writes the last entry, whose next is `to`; itself if it is the last of all.
    fn link(&self, to: u32) -> Result<(), Unbacked> {
        let Some((at, entry, number)) = self.last else { return Ok(()) };
        let mask = u64::from(self.greatest) << self.shift;
        let next = u64::from((to - number).min(self.greatest)) << self.shift;
        self.its.memory.write_u64(at, entry & !mask | next)
    }

    fn end(&self) -> Result<(), Unbacked> {
        self.link(self.last.map_or(0, |(_, _, number)| number))
    }
}

impl Its {
    /// Fills in the links of all entries (Linux, arm-vgic-its, "ITS Table ABI REV0"), for who saves guest memory. Events
    /// whose collection is unmapped are taken out. The tables stay in use. Only while no command is executed and all
    /// vCPUs are stopped; afterwards `Gic::save_pending_tables` has a place in the order of things, too.
    pub fn save_tables(&self) -> Result<(), Unbacked> {
        let mut devices = Chain { its: self, last: None, shift: 49, greatest: (1 << 14) - 1 };
        for device in 0..1 << ID_BITS {
            // Beyond the table, or without a page of it: a device that cannot be addressed is not saved.
            let Ok((at, dte)) = self.device(device) else { continue };
            if dte.valid() {
                self.save_events(dte)?;
                devices.push(at, dte.0, device)?;
            }
        }
        devices.end()
    }

    fn save_events(&self, dte: Dte) -> Result<(), Unbacked> {
        let mut events = Chain { its: self, last: None, shift: 48, greatest: (1 << 16) - 1 };
        for event in 0..dte.events() {
            let at = dte.itt().offset(u64::from(event) * ENTRY);
            let ite = Ite(self.memory.read_u64(at)?);
            if ite.intid() == 0 {
                continue;
            }
            if self.destination(ite).is_err() {
                self.memory.write_u64(at, 0)?;
                continue;
            }
            events.push(at, ite.0, event)?;
        }
        events.end()
    }
}
