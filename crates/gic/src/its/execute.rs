//! What each command does. On one thread at a time; complete when it returns.

use super::Its;
use super::collections::in_range;
use super::command::{Command, decode, opcode};
use super::entry::{Baser, Dte, ID_BITS, Ite};
use super::error::{CommandError, Fault};
use super::queue::Executor;
use crate::ids::LPI_INTID;

/// What a command does at a redistributor, which SYNC makes visible: which PE's, and which LPI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Pend(usize, u32),
    Take(usize, u32),
    Reload(usize, u32),
    ReloadAll(usize),
}

impl Its {
    /// At once; in `Fidelity::Relaxed` with the next SYNC, or other command that depends on it, or when the queue is
    /// empty (IHI 0069, "ITS commands": visible when a later SYNC is complete).
    fn at_redistributor(&self, executor: &mut Executor, effect: Effect) {
        executor.deferred.push(effect);
        if !self.gic.is_relaxed() {
            self.make_visible(executor);
        }
    }

    /// What was deferred is done.
    pub(super) fn make_visible(&self, executor: &mut Executor) {
        for effect in executor.deferred.drain(..) {
            match effect {
                Effect::Pend(pe, lpi) => self.gic.pend_lpi(pe, lpi),
                Effect::Take(pe, lpi) => _ = self.gic.take_lpi(pe, lpi),
                Effect::Reload(pe, lpi) => self.gic.reload_lpi(pe, lpi),
                Effect::ReloadAll(pe) => self.gic.reload_lpis(pe),
            }
        }
    }

    /// Performs the command in these words.
    pub(super) fn execute(&self, executor: &mut Executor, words: [u64; 4]) -> Result<(), CommandError> {
        let done = decode(words).ok_or(Fault::Unknown).and_then(|command| self.perform(executor, command));
        done.map_err(|fault| fault.of_command(opcode(words)))
    }

    fn perform(&self, executor: &mut Executor, command: Command) -> Result<(), Fault> {
        use Command::{Clear, Int, Inv, Invall};
        if !matches!(command, Int { .. } | Clear { .. } | Inv { .. } | Invall { .. }) {
            self.make_visible(executor);
        }
        match command {
            Command::Movi { device, event, icid } => self.movi(device, event, icid),
            // One that goes nowhere is reported like a device's (IMPLEMENTATION DEFINED).
            Command::Int { device, event } => self
                .on_event(executor, device, event, Effect::Pend)
                .inspect_err(|fault| self.unmapped(device, event, *fault)),
            Command::Clear { device, event } => self.on_event(executor, device, event, Effect::Take),
            // Whatever came before is complete. A redistributor that does not exist has nothing outstanding.
            Command::Sync { pe: _ } => Ok(()),
            Command::Mapd { device, event_bits, itt, valid } => {
                self.mapd(device, if valid { Some((itt, event_bits)) } else { None })
            }
            Command::Mapc { icid, pe, valid } => self.mapc(executor, icid, valid.then_some(pe)),
            Command::Mapti { device, event, intid, icid } => self.mapti(device, event, Ite::new(intid, icid)),
            Command::Inv { device, event } => self.on_event(executor, device, event, Effect::Reload),
            Command::Invall { icid } => {
                let pe = self.collections.find(icid)?;
                self.at_redistributor(executor, Effect::ReloadAll(pe));
                Ok(())
            }
            Command::Movall { from, to } => {
                self.gic.move_all_lpis(self.processor(from)?, self.processor(to)?);
                Ok(())
            }
            Command::Discard { device, event } => self.discard(device, event),
        }
    }

    /// Which PE a processor number names.
    fn processor(&self, number: u64) -> Result<usize, Fault> {
        self.gic.numbered(number).ok_or(Fault::Processor)
    }

    fn on_event(
        &self,
        executor: &mut Executor,
        device: u32,
        event: u32,
        effect: impl Fn(usize, u32) -> Effect,
    ) -> Result<(), Fault> {
        let (_, ite) = self.locate(device, event)?;
        let to = self.destination(ite)?;
        self.at_redistributor(executor, effect(to.pe, to.lpi));
        Ok(())
    }

    /// Once no message goes to the old redistributor, its pending state follows.
    fn movi(&self, device: u32, event: u32, icid: u16) -> Result<(), Fault> {
        let (place, ite) = self.locate(device, event)?;
        let from = self.destination(ite)?;
        let to = self.collections.find(icid)?;
        self.store(place, Ite::new(ite.intid(), icid).0)?;
        self.forget(Some((device, event)));
        self.gic.move_lpi(from.lpi, from.pe, to);
        Ok(())
    }

    /// The pending state goes with the mapping, once no message can bring it back.
    fn discard(&self, device: u32, event: u32) -> Result<(), Fault> {
        let (place, ite) = self.locate(device, event)?;
        self.store(place, 0)?;
        self.forget(Some((device, event)));
        if let Ok(to) = self.destination(ite) {
            self.gic.take_lpi(to.pe, to.lpi);
        }
        Ok(())
    }

    fn mapd(&self, device: u32, to: Option<(hw::PhysAddr, u32)>) -> Result<(), Fault> {
        let (place, old) = self.device(device).map_err(|fault| match fault {
            // No page of the second level: to this command that is a device without room in the table.
            Fault::DeviceUnmapped => Fault::DeviceOutOfRange,
            other => other,
        })?;
        let new = match to {
            Some((_, bits)) if bits > ID_BITS => return Err(Fault::IttSize),
            Some((itt, bits)) => Dte::new(itt, bits).0,
            None => 0,
        };
        self.store(place, new)?;
        if old.valid() {
            self.forget(None);
        }
        Ok(())
    }

    /// LPIs that were pending stay where they are: MOVALL is for them.
    fn mapc(&self, executor: &mut Executor, icid: u16, pe: Option<u64>) -> Result<(), Fault> {
        let baser = Baser(self.registers().baser[1]);
        let before = self.collections.find(icid).ok();
        let (list, memory) = (&mut executor.list, &*self.memory);
        let after = match pe {
            Some(number) => {
                let pe = self.processor(number)?;
                self.collections.map(list, memory, baser, icid, (&self.gic, pe))?;
                Some(pe)
            }
            None => {
                self.collections.unmap(list, memory, baser, icid, &self.gic)?;
                None
            }
        };
        if before != after {
            if before.is_some() {
                self.forget(None);
            }
            // Software sends no INV for the LPIs that come here with the collection.
            if let Some(pe) = after {
                self.gic.reload_lpis(pe);
            }
        }
        Ok(())
    }

    fn mapti(&self, device: u32, event: u32, ite: Ite) -> Result<(), Fault> {
        let place = self.event_place(device, event)?;
        if !in_range(Baser(self.registers().baser[1]), ite.icid()) {
            return Err(Fault::CollectionOutOfRange);
        }
        let pe = self.collections.find(ite.icid()).ok();
        let lpi = ite.intid().checked_sub(LPI_INTID).filter(|_| ite.intid() >> 16 == 0);
        let lpi = lpi.filter(|lpi| pe.is_none_or(|pe| self.gic.lpi_in_range(pe, *lpi)));
        let lpi = lpi.ok_or(Fault::IntidOutOfRange)?;
        let was_mapped = self.locate(device, event).is_ok();
        self.store(place, ite.0)?;
        self.collections.named(ite.icid());
        if was_mapped {
            self.forget(Some((device, event)));
        }
        if let Some(pe) = pe {
            self.gic.reload_lpi(pe, lpi);
        }
        Ok(())
    }

    fn store(&self, place: hw::PhysAddr, entry: u64) -> Result<(), Fault> {
        self.memory.write_u64(place, entry).map_err(|_| Fault::Unbacked)
    }
}
