//! The redistributors' frames, GICR: per PE one page of control and one of its 32 private interrupts.
//!
//! WAKER is a real gate: while ProcessorSleep is 1 the PE's interrupts stay pending here. ChildrenAsleep follows at
//! once, because an interrupt that is withdrawn from this CPU interface leaves nothing behind to wait for.

use crate::access::Table;
use crate::fidelity::Delayed;
use crate::identify::Component;
use crate::ids::Span;
use crate::late::Late;
use crate::map::{Place, Row, STATUS_BITS, Security, View, row, sorted_and_disjoint};
use crate::power;
use crate::wires::Gic;
use crate::word::{G0, G1, G1S, GROUPS};
use hw::{AccessSize, MmioDevice};
use std::{ops::Range, sync::Arc};

const FRAME: u64 = 0x1_0000;
/// RD_base and SGI_base; VLPI_base comes with virtual LPIs.
pub(crate) const STRIDE: u64 = 2 * FRAME;

const PROCESSOR_SLEEP: u64 = 1 << 1;
const CHILDREN_ASLEEP: u64 = 1 << 2;
/// GICR_TYPER.DPGS: the DPG bits are there.
const DPGS: u64 = 1 << 5;

const CONTROL: &[Row] = &[
    // RWP and UWP are 0 as effects are immediate.
    row(0x0000, "CTLR").rw(ctlr, set_ctlr),
    row(0x0004, "IIDR").ro(|p, _| p.gic.features.product.iidr(Component::Redistributor)),
    row(0x0008, "TYPER").ro(typer).wide(),
    row(0x0010, "STATUSR")
        .rw(
            |p, _| p.gic.state.status(Some(p.pe), p.view.secure).into(),
            |p, _, v, _| p.gic.state.clear_status(Some(p.pe), p.view.secure, v as u32),
        )
        .raw_write(|p, _, v, _| {
            p.gic.state.clear_status(Some(p.pe), p.view.secure, !0);
            p.gic.state.set_status(Some(p.pe), p.view.secure, (v & STATUS_BITS) as u32);
        }),
    row(0x0014, "WAKER").rw(waker, set_waker),
    // Without LPIs, or without DirectLPI, these are RAZ/WI.
    row(0x0040, "SETLPIR").wo(|p, _, v, _| p.gic.set_lpi(p.pe, v as u32, true)).wide(),
    row(0x0048, "CLRLPIR").wo(|p, _, v, m| low(p, m, || p.gic.set_lpi(p.pe, v as u32, false))).wide(),
    row(0x0070, "PROPBASER").rw(|p, _| p.gic.propbaser(p.pe), |p, _, v, m| p.gic.set_propbaser(p.pe, v, m)).wide(),
    row(0x0078, "PENDBASER").rw(|p, _| p.gic.pendbaser(p.pe), |p, _, v, m| p.gic.set_pendbaser(p.pe, v, m)).wide(),
    row(0x00a0, "INVLPIR").wo(|p, _, v, m| low(p, m, || p.gic.invalidate_lpi(p.pe, v as u32))).wide(),
    row(0x00b0, "INVALLR").wo(|p, _, _, m| low(p, m, || p.gic.reload_lpis(p.pe))).wide(),
    row(0x00c0, "SYNCR").ro(|p, _| p.gic.watch.is_busy(Delayed::Invalidation(p.pe)).into()),
    row(0xffd0, "PIDR4-7").ro(id).array(4),
    row(0xffe0, "PIDR0-3").ro(|p, n| id(p, 4 + n)).array(4),
    row(0xfff0, "CIDR0-3").ro(|p, n| id(p, 8 + n)).array(4),
];
const _: () = assert!(sorted_and_disjoint(CONTROL));

/// RD_base holds no fields of interrupts.
pub(crate) fn control_table(gic: &Gic) -> Table {
    let extra: &[Row] = if gic.power.has_pwrr() { power::ROWS } else { &[] };
    Table { rows: CONTROL, extra, spans: &[] }
}

/// With what only some products have.
pub(crate) fn full_control_table() -> Table {
    Table { rows: CONTROL, extra: power::ROWS, spans: &[] }
}

/// SGI_base holds nothing but fields of interrupts.
pub(crate) fn private_table() -> Table {
    Table { rows: &[], extra: &[], spans: &[Span::Private] }
}

fn id(place: &Place, index: u32) -> u64 {
    place.gic.features.product.id(Component::Redistributor, index)
}

fn typer(place: &Place, _: u32) -> u64 {
    let last = place.gic.regions().any(|region| region.end == place.pe + 1);
    let affinity = place.gic.routes.affinity(place.pe).packed();
    let eppis = u64::from(place.gic.features.eppis / 32);
    let (plpis, direct) = (u64::from(place.gic.has_lpis()), u64::from(place.gic.has_direct_lpis()));
    let number = u64::from(place.gic.number(place.pe));
    u64::from(affinity) << 32 | eppis << 27 | number << 8 | DPGS | (last as u64) << 4 | direct << 3 | plpis
}

/// WAKER is of the power controller's world: RAZ/WI to Non-secure software while there are two security states.
fn waker(place: &Place, _: u32) -> u64 {
    if !place.view.all() {
        return 0;
    }
    let busy = place.gic.watch.is_busy(Delayed::Sleep(place.pe));
    let of_pe = match (place.gic.state.awake(place.pe), busy) {
        (true, false) => 0,
        (false, false) => PROCESSOR_SLEEP | CHILDREN_ASLEEP,
        // On the way: ChildrenAsleep is still what it was.
        (true, true) => CHILDREN_ASLEEP,
        (false, true) => PROCESSOR_SLEEP,
    };
    of_pe | power::waker(place)
}

fn set_waker(place: &Place, _: u32, value: u64, _: u64) {
    let (state, watch, awake) = (&place.gic.state, &place.gic.watch, value & PROCESSOR_SLEEP == 0);
    if !place.view.all() {
        return;
    }
    if awake == state.awake(place.pe) {
        return power::set_waker(place, value);
    }
    if !awake && (0..GROUPS).any(|group| state.published(place.pe, group).pe_enabled()) {
        watch.report("GICR_WAKER", 0, place.pe, || {
            "ProcessorSleep was set while a group is enabled at the PE, which is UNPREDICTABLE; its interrupts are held"
                .to_owned()
        });
    }
    if watch.is_busy(Delayed::Sleep(place.pe)) {
        watch.report("GICR_WAKER", 1, place.pe, || {
            "ProcessorSleep was changed before ChildrenAsleep had followed, which is UNPREDICTABLE; it is changed"
                .to_owned()
        });
    }
    watch.begin(Delayed::Sleep(place.pe));
    state.set_awake(place.pe, awake);
    power::set_waker(place, value);
}

/// GICR_CTLR.RWP: as in GICD_CTLR, of ICENABLER0, the DPG bits and EnableLPIs.
const RWP: u64 = 1 << 3;

/// GICR_CTLR.UWP: writes of the redistributor, or SGIs of its PE, are on their way to the distributor.
const UWP: u64 = 1 << 31;

/// GICR_CTLR.DPG0, DPG1NS and DPG1S: bit, and group.
const DECLINES: [(u32, usize); 3] = [(24, G0), (25, G1), (26, G1S)];

/// Non-secure software has DPG1NS only; DPG1S is RES0 with one security state.
fn declines(view: View) -> impl Iterator<Item = (u32, usize)> {
    DECLINES.into_iter().filter(move |&(_, group)| match group {
        G0 => view.all(),
        G1S => view.secure && !view.one_state,
        _ => true,
    })
}

const ENABLE_LPIS: u64 = 1 << 0;
/// CES: EnableLPIs can be cleared. IR: INVLPIR, INVALLR and SYNCR are there.
const LPI_FEATURES: u64 = 1 << 1 | 1 << 2;

/// A write of the upper half alone is no command. GICR_SYNCR tells when one is complete; it is when its write returns, but
/// `Fidelity::Relaxed` shows who does not ask.
fn low(place: &Place, mask: u64, command: impl FnOnce()) {
    if mask & 1 != 0 {
        place.gic.watch.begin(Delayed::Invalidation(place.pe));
        command();
    }
}

fn ctlr(place: &Place, _: u32) -> u64 {
    let state = &place.gic.state;
    let lpis = if place.gic.has_lpis() { LPI_FEATURES } else { 0 };
    let lpis = lpis | if place.gic.lpis_enabled(place.pe) { ENABLE_LPIS } else { 0 };
    let lpis = lpis | if place.gic.is_pending(Delayed::Redistributor(place.pe)) { RWP } else { 0 };
    let lpis = lpis | if place.gic.watch.is_busy(Delayed::Upstream(place.pe)) { UWP } else { 0 };
    lpis | declines(place.view).fold(0, |value, (bit, group)| value | u64::from(state.declined(place.pe, group)) << bit)
}

fn set_ctlr(place: &Place, _: u32, value: u64, mask: u64) {
    let (state, late) = (&place.gic.state, place.view.late);
    let later = |effect| place.gic.later(Delayed::Redistributor(place.pe), [effect]);
    let moved = declines(place.view).filter(|&(bit, group)| {
        let declines = value >> bit & 1 != 0;
        let moves = mask >> bit & 1 != 0 && declines != state.declined(place.pe, group);
        if moves {
            state.set_declined(place.pe, group, declines);
        }
        moves
    });
    match (moved.count(), late) {
        (0, _) => {}
        (_, true) => later(Late::Decline(place.pe)),
        (_, false) => state.settle_declined(place.pe),
    }
    if mask & ENABLE_LPIS != 0 {
        let stops = value & ENABLE_LPIS == 0 && place.gic.lpis_enabled(place.pe);
        place.gic.set_lpis_enabled(place.pe, value & ENABLE_LPIS != 0, late);
        if stops && late {
            later(Late::StopLpis(place.pe));
        }
    }
}

/// Redistributors on the bus, one after another, for accesses of one security state.
pub(crate) struct Redistributors {
    pub gic: Arc<Gic>,
    pub security: Security,
    /// Of these PEs.
    pub pes: Range<usize>,
}

impl Redistributors {
    fn at(&self, offset: u64) -> Option<(Place<'_>, Table, u32)> {
        let pe = self.pes.start + (offset / STRIDE) as usize;
        let control = offset % STRIDE < FRAME;
        let table = if control { control_table(&self.gic) } else { private_table() };
        let (place, within) = (Place::new(&self.gic, pe, self.security), (offset % FRAME) as u32);
        let there = self.pes.contains(&pe) && power::reaches(&place, control.then_some(within));
        there.then_some((place, table, within))
    }
}

impl MmioDevice for Redistributors {
    fn name(&self) -> &str {
        "gicr"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let Some((place, table, within)) = self.at(offset) else { return 0 };
        table.read(&place, within, size).unwrap_or_else(|error| {
            self.gic.state.set_status(Some(place.pe), place.view.secure, error);
            0
        })
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        let Some((place, table, within)) = self.at(offset) else { return };
        self.gic.watch.begin(Delayed::Upstream(place.pe));
        if let Err(error) = table.write(&place, within, size, value) {
            self.gic.state.set_status(Some(place.pe), place.view.secure, error);
        }
    }

    fn reset(&self) {
        // The distributor resets the GIC as a whole.
    }
}
