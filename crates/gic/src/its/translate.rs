//! From a message to an LPI. No lock: a look in the cache, or else a walk of the tables in guest memory.
//!
//! A message is a visit of its sender. The thread that executes commands changes an entry in memory, waits until
//! nobody is visiting who may have walked over the old one, takes the old translation out of the cache, and waits
//! again for those who found it there (`Its::forget`). After that no message uses the old mapping, and all that did
//! have reached their redistributor; so a command is complete when CREADR passes it, and SYNC has nothing left to do.

use super::Its;
use super::cache::Translation;
use super::entry::{Baser, Dte, ENTRY, ID_BITS, Ite, second_level};
use super::error::Fault;
use crate::ids::LPI_INTID;
use crate::prim::Ordering::*;
use hw::{IntId, PhysAddr};

impl Its {
    /// A device writes `event` to GITS_TRANSLATER. Any thread; never waits for another.
    #[inline]
    pub fn write(&self, device: u32, event: u32) {
        let _visit = self.senders.enter();
        match self.translate(device, event) {
            Ok(to) => self.gic.pend_lpi(to.pe, to.lpi),
            Err(fault) => self.unmapped(device, event, fault),
        }
    }

    /// Where such a message would go, a redistributor and an LPI, or why nowhere; for whoever looks for one that does not
    /// arrive. Reads the tables, and leaves no trace.
    pub fn route(&self, device: u32, event: u32) -> Result<(usize, IntId), Fault> {
        let _visit = self.senders.enter();
        let (_, ite) = self.locate(device, event)?;
        let to = self.destination(ite)?;
        Ok((to.pe, IntId(ite.intid())))
    }

    /// Where the message goes. On a visit, which must last until what follows from the answer is done.
    #[inline]
    fn translate(&self, device: u32, event: u32) -> Result<Translation, Fault> {
        if let Some(found) = self.cache.find(device, event) {
            return Ok(found);
        }
        self.translate_by_tables(device, event)
    }

    #[cold]
    fn translate_by_tables(&self, device: u32, event: u32) -> Result<Translation, Fault> {
        let (_, ite) = self.locate(device, event)?;
        let to = self.destination(ite)?;
        self.cache.fill(device, event, to);
        Ok(to)
    }

    /// Where an entry says that its event goes.
    pub(super) fn destination(&self, ite: Ite) -> Result<Translation, Fault> {
        // A guest that writes tables itself may have put any number there.
        let lpi = ite.intid().checked_sub(LPI_INTID).filter(|_| ite.intid() >> 16 == 0).ok_or(Fault::EventUnmapped)?;
        Ok(Translation { pe: self.collections.find(ite.icid())?, lpi })
    }

    /// The entry of a mapped event, and where it is.
    pub(super) fn locate(&self, device: u32, event: u32) -> Result<(PhysAddr, Ite), Fault> {
        let place = self.event_place(device, event)?;
        let ite = Ite(self.memory.read_u64(place).map_err(|_| Fault::EventUnmapped)?);
        // A guest that writes tables itself may have put anything there.
        let mapped = (LPI_INTID..1 << 16).contains(&ite.intid());
        mapped.then_some((place, ite)).ok_or(Fault::EventUnmapped)
    }

    /// Where the entry of an event is, mapped or not.
    pub(super) fn event_place(&self, device: u32, event: u32) -> Result<PhysAddr, Fault> {
        let (_, dte) = self.device(device)?;
        if !dte.valid() {
            return Err(Fault::DeviceUnmapped);
        }
        if event >= dte.events() {
            return Err(Fault::EventOutOfRange);
        }
        Ok(dte.itt().offset(u64::from(event) * ENTRY))
    }

    /// The entry of a device, mapped or not, and where it is. Never an address outside the table's pages.
    pub(super) fn device(&self, device: u32) -> Result<(PhysAddr, Dte), Fault> {
        // Relaxed: a visitor sees what was stored before it came, or is waited for.
        let baser = Baser(self.devices.load(Relaxed));
        if !baser.valid() {
            return Err(Fault::Closed);
        }
        let place = if device >> ID_BITS != 0 {
            return Err(Fault::DeviceOutOfRange);
        } else if !baser.indirect() {
            let place = baser.base().offset(u64::from(device) * ENTRY);
            (u64::from(device) < baser.entries()).then_some(place).ok_or(Fault::DeviceOutOfRange)?
        } else {
            let (page, of) = (u64::from(device) / (baser.page() / ENTRY), u64::from(device) % (baser.page() / ENTRY));
            if page >= baser.entries() {
                return Err(Fault::DeviceOutOfRange);
            }
            let first = self.memory.read_u64(baser.base().offset(page * ENTRY)).map_err(|_| Fault::Unbacked)?;
            second_level(first, baser.page()).ok_or(Fault::DeviceUnmapped)?.offset(of * ENTRY)
        };
        Ok((place, Dte(self.memory.read_u64(place).map_err(|_| Fault::Unbacked)?)))
    }

    /// The mapping of `which`, an event or all, has changed in memory. Returns when no message uses the old one, and
    /// each that did has reached its redistributor.
    ///
    /// Who came before the first wait, and walked over the old entry, has put it into the cache by the end of it: so
    /// it is taken out, and nobody puts it in again. Who found it in the cache came before the second wait.
    pub(super) fn forget(&self, which: Option<(u32, u32)>) {
        self.senders.wait();
        match which {
            Some((device, event)) => self.cache.clear(device, event),
            None => self.cache.clear_all(),
        }
        self.senders.wait();
    }
}
