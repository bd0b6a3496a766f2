//! The distributor's frame, GICD: identification, group enables, and the shared interrupts.
//!
//! Its arrays hold INTIDs from 32 up; the private ones are RES0 here because affinity routing is fixed on.

use crate::access::Table;
use crate::map::{Place, Row, STATUS_BITS, row, sorted_and_disjoint};
use crate::{state::PRIVATE, wires::Gic, word::NOBODY};
use hw::{AccessSize, MmioDevice};
use std::sync::Arc;

/// Architectural product number and revision 0 of implementer 0x43B (Arm); no errata table has it.
pub(crate) const IIDR: u64 = 0x0000_043b;
/// PIDR2: architecture revision 3, JEDEC-assigned implementer.
pub(crate) const PIDR2: u64 = 0x3b;

const ARE: u64 = 1 << 4;
const DS: u64 = 1 << 6;

const MAP: &[Row] = &[
    row(0x0000, "CTLR").rw(ctlr, |p, _, v, _| p.gic.state.set_enables(v as u32 & 3)),
    row(0x0004, "TYPER").ro(typer),
    row(0x0008, "IIDR").ro(|_, _| IIDR),
    row(0x000c, "TYPER2").ro(|_, _| 0),
    row(0x0010, "STATUSR")
        .rw(|p, _| p.gic.state.status(None).into(), |p, _, v, _| p.gic.state.clear_status(None, v as u32))
        .raw_write(|p, _, v, _| {
            p.gic.state.clear_status(None, !0);
            p.gic.state.set_status(None, (v & STATUS_BITS) as u32);
        }),
    row(0x0040, "SETSPI_NSR").wo(|p, _, v, _| message(p, v, true)).half(),
    row(0x0048, "CLRSPI_NSR").wo(|p, _, v, _| message(p, v, false)).half(),
    row(0x0050, "SETSPI_SR").wo(|_, _, _, _| ()).half(), // WI with one security state
    row(0x0058, "CLRSPI_SR").wo(|_, _, _, _| ()).half(),
    row(0x6100, "IROUTER").rw(irouter, set_irouter).wide().array(988),
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
const _: () = assert!(sorted_and_disjoint(MAP));

pub(crate) fn table() -> Table {
    Table { rows: MAP, ids: PRIVATE..1020 }
}

/// ARE and DS are fixed; E1NWF is not offered; RWP is 0 because effects are complete when a write returns.
fn ctlr(place: &Place, _: u32) -> u64 {
    ARE | DS | u64::from(place.gic.state.enables())
}

fn typer(place: &Place, _: u32) -> u64 {
    let it_lines = place.gic.state.spis().div_ceil(32);
    let (mbis, id_bits, a3v, rss) = (1 << 16, 9 << 19, 1 << 24, 1 << 26);
    // No LPIs, no NMIs, no extended SPIs; No1N is 0, so IRM works; CPUNumber is 0 with affinity routing.
    u64::from(it_lines) | mbis | id_bits | a3v | rss
}

fn message(place: &Place, value: u64, set: bool) {
    let id = value as u32 & 0x1fff;
    if id >= PRIVATE {
        place.gic.state.update(0, id, |word| if set { word.message_set() } else { word.message_clear() });
    }
}

const IRM: u64 = 1 << 31;
const AFFINITY: u64 = 0xff_00ff_ffff;

fn irouter(place: &Place, index: u32) -> u64 {
    let word = place.gic.state.word(0, PRIVATE + index);
    let affinity = u64::from(word.affinity());
    (affinity >> 24) << 32 | affinity & 0xff_ffff | if word.one_of_n() { IRM } else { 0 }
}

/// A half leaves the other half alone. An affinity without a PE reads back and goes nowhere.
fn set_irouter(place: &Place, index: u32, value: u64, mask: u64) {
    let Gic { state, routes } = place.gic;
    if value & mask & IRM != 0 {
        state.use_one_of_n();
    }
    state.update(0, PRIVATE + index, |word| {
        let old = u64::from(word.affinity() >> 24) << 32 | u64::from(word.affinity() & 0xff_ffff);
        let kept = old | if word.one_of_n() { IRM } else { 0 };
        let new = (kept & !mask | value & mask) & (AFFINITY | IRM);
        let packed = (new >> 32 << 24 | new & 0xff_ffff) as u32;
        let word = word.with_affinity(packed).with_one_of_n(new & IRM != 0);
        // With IRM the choice of a PE is `state`'s.
        if word.one_of_n() { word } else { word.with_target(routes.find(packed).unwrap_or(NOBODY)) }
    });
}

/// The frame on the bus.
pub(crate) struct Distributor(pub Arc<Gic>);

impl MmioDevice for Distributor {
    fn name(&self) -> &str {
        "gicd"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let place = Place { gic: &self.0, pe: 0 };
        table().read(&place, offset as u32, size).unwrap_or_else(|error| {
            self.0.state.set_status(None, error);
            0
        })
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        let place = Place { gic: &self.0, pe: 0 };
        if let Err(error) = table().write(&place, offset as u32, size, value) {
            self.0.state.set_status(None, error);
        }
    }

    fn reset(&self) {
        self.0.reset();
    }
}
