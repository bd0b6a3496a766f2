//! The redistributors' frames, GICR: per PE one page of control and one of its 32 private interrupts.
//!
//! WAKER is a real gate: while ProcessorSleep is 1 the PE's interrupts stay pending here. ChildrenAsleep follows at
//! once, because an interrupt that is withdrawn from this CPU interface leaves nothing behind to wait for.

use crate::access::Table;
use crate::dist::{IIDR, PIDR2};
use crate::map::{Place, Row, STATUS_BITS, row, sorted_and_disjoint};
use crate::{state::PRIVATE, wires::Gic};
use hw::{AccessSize, MmioDevice};
use std::sync::Arc;

const FRAME: u64 = 0x1_0000;
/// RD_base and SGI_base; VLPI_base comes with virtual LPIs.
pub(crate) const STRIDE: u64 = 2 * FRAME;

const PROCESSOR_SLEEP: u64 = 1 << 1;
const CHILDREN_ASLEEP: u64 = 1 << 2;

const CONTROL: &[Row] = &[
    // No LPIs and no DPG bits, so nothing of it is writable; RWP and UWP are 0 as effects are immediate.
    row(0x0000, "CTLR").rw(|_, _| 0, |_, _, _, _| ()),
    row(0x0004, "IIDR").ro(|_, _| IIDR),
    row(0x0008, "TYPER").ro(typer).wide(),
    row(0x0010, "STATUSR")
        .rw(|p, _| p.gic.state.status(Some(p.pe)).into(), |p, _, v, _| p.gic.state.clear_status(Some(p.pe), v as u32))
        .raw_write(|p, _, v, _| {
            p.gic.state.clear_status(Some(p.pe), !0);
            p.gic.state.set_status(Some(p.pe), (v & STATUS_BITS) as u32);
        }),
    row(0x0014, "WAKER").rw(waker, |p, _, v, _| p.gic.state.set_awake(p.pe, v & PROCESSOR_SLEEP == 0)),
    row(0xffd0, "PIDR4").ro(|_, _| 0x04),
    row(0xffd4, "PIDR5-7").ro(|_, _| 0).array(3),
    row(0xffe0, "PIDR0").ro(|_, _| 0),
    row(0xffe4, "PIDR1").ro(|_, _| 0xb0),
    row(0xffe8, "PIDR2").ro(|_, _| PIDR2),
    row(0xffec, "PIDR3").ro(|_, _| 0),
    row(0xfff0, "CIDR0").ro(|_, _| 0x0d),
    row(0xfff4, "CIDR1").ro(|_, _| 0xf0),
    row(0xfff8, "CIDR2").ro(|_, _| 0x05),
    row(0xfffc, "CIDR3").ro(|_, _| 0xb1),
];
const _: () = assert!(sorted_and_disjoint(CONTROL));

/// RD_base holds no fields of interrupts.
pub(crate) fn control_table() -> Table {
    Table { rows: CONTROL, ids: 0..0 }
}

/// SGI_base holds nothing but fields of interrupts.
pub(crate) fn private_table() -> Table {
    Table { rows: &[], ids: 0..PRIVATE }
}

fn typer(place: &Place, _: u32) -> u64 {
    let last = place.pe + 1 == place.gic.state.pes();
    let affinity = place.gic.routes.affinity(place.pe).packed();
    u64::from(affinity) << 32 | (place.pe as u64) << 8 | (last as u64) << 4
}

fn waker(place: &Place, _: u32) -> u64 {
    if place.gic.state.awake(place.pe) { 0 } else { PROCESSOR_SLEEP | CHILDREN_ASLEEP }
}

/// All redistributors on the bus, one after another.
pub(crate) struct Redistributors(pub Arc<Gic>);

impl Redistributors {
    fn at(&self, offset: u64) -> Option<(Place<'_>, Table, u32)> {
        let pe = (offset / STRIDE) as usize;
        let table = if offset % STRIDE < FRAME { control_table() } else { private_table() };
        (pe < self.0.state.pes()).then_some((Place { gic: &self.0, pe }, table, (offset % FRAME) as u32))
    }
}

impl MmioDevice for Redistributors {
    fn name(&self) -> &str {
        "gicr"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let Some((place, table, within)) = self.at(offset) else { return 0 };
        table.read(&place, within, size).unwrap_or_else(|error| {
            self.0.state.set_status(Some(place.pe), error);
            0
        })
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        let Some((place, table, within)) = self.at(offset) else { return };
        if let Err(error) = table.write(&place, within, size, value) {
            self.0.state.set_status(Some(place.pe), error);
        }
    }

    fn reset(&self) {
        // The distributor resets the GIC as a whole.
    }
}
