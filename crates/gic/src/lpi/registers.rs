//! What the registers of a redistributor do to its LPIs: EnableLPIs, the table addresses, direct commands.

use super::tables::{self, PENDBASER_MASK, PROPBASER_MASK, PTZ};
use super::{LpiView, MAX_LPIS, store::Store, word::Config};
use crate::ids::LPI_INTID;
use crate::prim::Ordering::*;
use crate::spec::Product;
use crate::wires::Gic;
use hw::{IntId, Unbacked};

impl Gic {
    /// GICR_CTLR.EnableLPIs.
    pub(crate) fn lpis_enabled(&self, pe: usize) -> bool {
        self.state.lpis().is_some_and(|lpis| lpis.control(pe).enabled)
    }

    /// GICR_CTLR.EnableLPIs. Complete on return; clearing it, if `late`, with `finish_stopping`.
    pub(crate) fn set_lpis_enabled(&self, pe: usize, enable: bool, late: bool) {
        let Some(lpis) = self.state.lpis() else { return };
        if enable && self.watch.is_strict() {
            self.check_common_table(pe);
        }
        let mut control = lpis.control(pe);
        if enable == control.enabled {
            return;
        }
        control.enabled = enable;
        let (propbaser, pendbaser, number) = (control.propbaser, control.pendbaser, tables::lpis(control.propbaser));
        if enable {
            // Software that did not wait for RWP (UNPREDICTABLE) finds it done.
            self.stop_now(pe, &mut control);
            self.start(pe, propbaser, pendbaser, number);
            // What PTZ promised was true once.
            control.pendbaser &= !PTZ;
        } else {
            control.stopping = Some((pendbaser, number));
            if !late {
                self.stop_now(pe, &mut control);
            }
        }
    }

    /// IHI 0069, GICR_PROPBASER: redistributors with one GICR_TYPER.CommonLPIAff, which here are all, have one table.
    fn check_common_table(&self, pe: usize) {
        let Some(lpis) = self.state.lpis() else { return };
        let table = |pe| tables::place(lpis.control(pe).propbaser);
        let mine = table(pe);
        let other = (0..lpis.banks.len()).find(|&other| self.lpis_enabled(other) && table(other) != mine);
        if let Some(other) = other {
            self.watch.report("GICR_PROPBASER", 1, pe, || {
                format!("another table than PE {other}'s, which is UNPREDICTABLE; each redistributor uses its own")
            });
        }
    }

    /// The effect of EnableLPIs=0 has come.
    pub(crate) fn finish_stopping(&self, pe: usize) {
        if let Some(lpis) = self.state.lpis() {
            self.stop_now(pe, &mut lpis.control(pe));
        }
    }

    fn stop_now(&self, pe: usize, control: &mut super::Control) {
        if let (Some(lpis), Some((pendbaser, number))) = (self.state.lpis(), control.stopping.take()) {
            let bits = self.stop(pe, number);
            // KVM forgets them.
            if self.features.product == Product::Kvm {
                return;
            }
            // Where there is no memory there is nobody to miss it.
            _ = tables::write_pending(&*lpis.spec.memory, pendbaser, &bits);
        }
    }

    fn start(&self, pe: usize, propbaser: u64, pendbaser: u64, number: u32) {
        let Some(lpis) = self.state.lpis() else { return };
        let (bank, memory) = (&lpis.banks[pe], &*lpis.spec.memory);
        let all_levels = lpis.spec.cache == super::LpiCache::None;
        let store = bank.store.get_or_init(|| Store::new(MAX_LPIS, all_levels));
        // Relaxed: the words that are started below release it.
        bank.table.store(tables::configuration(propbaser), Relaxed);
        let configuration = tables::read_configuration(memory, propbaser, number);
        let pending = match pendbaser & PTZ {
            0 => tables::read_pending(memory, pendbaser, number),
            _ => vec![0; number.div_ceil(8) as usize],
        };
        let two_states = !self.state.control().one_state();
        for n in 0..number {
            let latch = pending[n as usize / 8] >> (n % 8) & 1 != 0;
            let config = Config::of(configuration[n as usize], two_states);
            self.lpi_moved(pe, n, store, store.start(n, config, latch));
        }
    }

    /// Switches off, and the pending bits there were.
    fn stop(&self, pe: usize, number: u32) -> Vec<u8> {
        let mut bits = vec![0; number.div_ceil(8) as usize];
        let Some(store) = self.state.lpis().and_then(|lpis| lpis.store(pe)) else { return bits };
        for n in 0..number {
            let moved = store.stop(n);
            bits[n as usize / 8] |= u8::from(moved.from.latch()) << (n % 8);
            self.lpi_moved(pe, n, store, moved);
        }
        bits
    }

    /// Back to power-on: everything off, nothing kept. Only while all vCPUs are stopped.
    pub(crate) fn reset_lpis(&self) {
        let Some(lpis) = self.state.lpis() else { return };
        for pe in 0..lpis.banks.len() {
            let mut control = lpis.control(pe);
            let stopping = control.stopping.map_or(0, |(_, number)| number);
            self.stop(pe, if control.enabled { tables::lpis(control.propbaser) } else { stopping });
            *control = super::Control { propbaser: super::PROPBASER_RESET, ..Default::default() };
        }
    }

    /// GICR_TYPER.DirectLPI: do GICR_SETLPIR and GICR_CLRLPIR exist?
    pub(crate) fn has_direct_lpis(&self) -> bool {
        self.state.lpis().is_some_and(|lpis| lpis.spec.direct)
    }

    /// GICR_PROPBASER; 0 without LPIs.
    pub(crate) fn propbaser(&self, pe: usize) -> u64 {
        self.state.lpis().map_or(0, |lpis| lpis.control(pe).propbaser)
    }

    /// GICR_PROPBASER. UNPREDICTABLE while EnableLPIs is 1; we ignore it then.
    pub(crate) fn set_propbaser(&self, pe: usize, value: u64, mask: u64) {
        let Some(lpis) = self.state.lpis() else { return };
        let mut control = lpis.control(pe);
        if control.enabled {
            self.report_tables("GICR_PROPBASER", pe);
        } else {
            control.propbaser = (control.propbaser & !mask | value & mask) & PROPBASER_MASK;
        }
    }

    /// GICR_PENDBASER; PTZ reads as 0.
    pub(crate) fn pendbaser(&self, pe: usize) -> u64 {
        self.state.lpis().map_or(0, |lpis| lpis.control(pe).pendbaser & !PTZ)
    }

    /// GICR_PENDBASER; as GICR_PROPBASER.
    pub(crate) fn set_pendbaser(&self, pe: usize, value: u64, mask: u64) {
        let Some(lpis) = self.state.lpis() else { return };
        let mut control = lpis.control(pe);
        if control.enabled {
            self.report_tables("GICR_PENDBASER", pe);
        } else {
            control.pendbaser = (control.pendbaser & !mask | value & mask) & PENDBASER_MASK;
        }
    }

    fn report_tables(&self, register: &'static str, pe: usize) {
        let why = || "written while EnableLPIs is 1, which is UNPREDICTABLE; ignored".to_owned();
        self.watch.report(register, 0, pe, why);
    }

    /// GICR_SETLPIR and GICR_CLRLPIR.
    pub(crate) fn set_lpi(&self, pe: usize, intid: u32, pending: bool) {
        let Some(n) = intid.checked_sub(LPI_INTID).filter(|_| self.has_direct_lpis()) else { return };
        if pending { self.pend_lpi(pe, n) } else { _ = self.take_lpi(pe, n) }
    }

    /// GICR_INVLPIR.
    pub(crate) fn invalidate_lpi(&self, pe: usize, intid: u32) {
        if let Some(n) = intid.checked_sub(LPI_INTID) {
            self.reload_lpi(pe, n);
        }
    }

    /// Does this GIC have LPIs?
    pub fn has_lpis(&self) -> bool {
        self.state.lpis().is_some()
    }

    /// The LPI at a redistributor; `None` if that has none with this INTID, or its EnableLPIs is 0.
    pub fn describe_lpi(&self, pe: usize, id: IntId) -> Option<LpiView> {
        let word = self.state.lpis()?.store(pe)?.word(id.0.checked_sub(LPI_INTID)?);
        let view = LpiView { pending: word.latch(), enabled: word.enabled(), priority: word.priority() };
        word.on().then_some(view)
    }

    /// Who restores a guest found its bit set in the pending table: the LPI is pending. Nothing if there is none with this
    /// INTID, or EnableLPIs is 0.
    pub fn restore_lpi(&self, pe: usize, id: IntId) {
        if let Some(n) = id.0.checked_sub(LPI_INTID) {
            self.pend_lpi(pe, n);
        }
    }

    /// Writes the pending bits of all redistributors with EnableLPIs to their tables, for who saves guest memory.
    /// Only while nothing is sent and all vCPUs are stopped.
    pub fn save_pending_tables(&self) -> Result<(), Unbacked> {
        self.complete_everything();
        self.write_pending_tables()
    }

    /// The same of what has arrived.
    pub(crate) fn write_pending_tables(&self) -> Result<(), Unbacked> {
        let Some(lpis) = self.state.lpis() else { return Ok(()) };
        for pe in 0..lpis.banks.len() {
            let control = lpis.control(pe);
            let Some(store) = lpis.store(pe).filter(|_| control.enabled) else { continue };
            let mut bits = vec![0; tables::lpis(control.propbaser).div_ceil(8) as usize];
            store.latched().for_each(|n| bits[n as usize / 8] |= 1 << (n % 8));
            tables::write_pending(&*lpis.spec.memory, control.pendbaser, &bits)?;
        }
        Ok(())
    }
}
