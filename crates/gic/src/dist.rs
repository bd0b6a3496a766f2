//! The distributor's frame, GICD: identification, group enables, and the shared interrupts.
//!
//! Its arrays hold INTIDs from 32 up; the private ones are RES0 here because affinity routing is fixed on.

use crate::access::Table;
use crate::fidelity::Delayed;
use crate::identify::Component;
use crate::ids::{self, PRIVATE, Span};
use crate::late::Late;
use crate::map::{Place, Row, STATUS_BITS, Security, row, sorted_and_disjoint};
use crate::state::Control;
use crate::wires::Gic;
use crate::word::{G1, NOBODY, Word};
use hw::{AccessSize, MmioDevice};
use std::sync::Arc;

/// A group was closed, or an interrupt disabled, so lately that the effect may not have come everywhere (`Fidelity`).
const RWP: u64 = 1 << 31;
/// Affinity routing is on for the security state of the access.
const ARE: u64 = 1 << 4;
/// The same for Non-secure state, as Secure software sees it.
const ARE_NS: u64 = 1 << 5;

const MAP: &[Row] = &[
    row(0x0000, "CTLR").rw(ctlr, set_ctlr),
    row(0x0004, "TYPER").ro(typer),
    row(0x0008, "IIDR").ro(|p, _| p.gic.features.product.iidr(Component::Distributor)),
    row(0x000c, "TYPER2").ro(|_, _| 0),
    row(0x0010, "STATUSR")
        .rw(
            |p, _| p.gic.state.status(None, p.view.secure).into(),
            |p, _, v, _| p.gic.state.clear_status(None, p.view.secure, v as u32),
        )
        .raw_write(|p, _, v, _| {
            p.gic.state.clear_status(None, p.view.secure, !0);
            p.gic.state.set_status(None, p.view.secure, (v & STATUS_BITS) as u32);
        }),
    row(0x0040, "SETSPI_NSR").wo(|p, _, v, _| message(p, v, true, p.view.all())).half(),
    row(0x0048, "CLRSPI_NSR").wo(|p, _, v, _| message(p, v, false, p.view.all())).half(),
    row(0x0050, "SETSPI_SR").wo(|p, _, v, _| secure_message(p, v, true)).half(),
    row(0x0058, "CLRSPI_SR").wo(|p, _, v, _| secure_message(p, v, false)).half(),
    row(0x6100, "IROUTER")
        .rw(|p, n| irouter(p, PRIVATE + n), |p, n, v, m| set_irouter(p, PRIVATE + n, v, m))
        .wide()
        .array(988),
    row(0x8000, "IROUTERE")
        .rw(|p, n| irouter(p, espi(n)), |p, n, v, m| set_irouter(p, espi(n), v, m))
        .wide()
        .array(1024),
    row(0xffd0, "PIDR4-7").ro(id).array(4),
    row(0xffe0, "PIDR0-3").ro(|p, n| id(p, 4 + n)).array(4),
    row(0xfff0, "CIDR0-3").ro(|p, n| id(p, 8 + n)).array(4),
];
const _: () = assert!(sorted_and_disjoint(MAP));

/// The frame of a GIC with extended SPIs.
pub(crate) fn full_table() -> Table {
    Table { rows: MAP, extra: &[], spans: &[Span::Shared, Span::Extended] }
}

/// The frame of this GIC.
pub(crate) fn table(gic: &Gic) -> Table {
    if gic.features.espis != 0 { full_table() } else { Table { rows: MAP, extra: &[], spans: &[Span::Shared] } }
}

fn id(place: &Place, index: u32) -> u64 {
    place.gic.features.product.id(Component::Distributor, index)
}

fn espi(n: u32) -> u32 {
    ids::place(ids::ESPIS.start + n).expect("the row has no more registers than there are ESPIs")
}

/// IHI 0069, GICD_CTLR: three layouts. ARE is fixed on. RWP tells of group enables from 1 to 0, of ARE, DS and E1NWF, and of
/// ICENABLER; effects are complete when a write returns, but in `Fidelity::Relaxed` (`late`).
fn ctlr(place: &Place, _: u32) -> u64 {
    let control = place.gic.state.control();
    let held = u64::from(control.register()) | if place.gic.is_pending(Delayed::Distributor) { RWP } else { 0 };
    match (control.one_state(), place.view.secure) {
        (true, _) => held | ARE,
        (false, true) => held | ARE | ARE_NS,
        // EnableGrp1A, and nothing of Secure state.
        (false, false) => held & (1 << G1 | RWP) | ARE,
    }
}

fn set_ctlr(place: &Place, _: u32, value: u64, mask: u64) {
    let writable = match (place.view.one_state, place.view.secure) {
        (true, _) => Control::ENABLES | Control::E1NWF,
        (false, true) => Control::ENABLES | Control::E1NWF | Control::DS,
        (false, false) => 1 << G1,
    };
    let (old, mask) = (place.gic.state.control().register(), writable & mask as u32);
    let (closes, moves) = (old & !value as u32 & Control::ENABLES, (old ^ value as u32) & !Control::ENABLES);
    if moves & mask & Control::DS != 0
        && place.gic.watch.is_strict()
        && (old & Control::ENABLES != 0 || any_active(place))
    {
        place.gic.watch.report("GICD_CTLR", 0, place.pe, || {
            "DS was set while a group is enabled or a shared interrupt active, which is UNPREDICTABLE; it is set, and \
             Secure groups are gone"
                .to_owned()
        });
    }
    place.gic.state.set_control(value as u32, mask, place.view.late);
    if (closes | moves) & mask != 0 && place.view.late {
        place.gic.later(Delayed::Distributor, [Late::Control]);
    }
}

fn any_active(place: &Place) -> bool {
    let state = &place.gic.state;
    state.layout().shared_places().any(|n| state.word(0, n).active())
}

fn typer(place: &Place, _: u32) -> u64 {
    let (state, features) = (&place.gic.state, &place.gic.features);
    let it_lines = state.layout().spis.div_ceil(32);
    let lpis = place.gic.has_lpis();
    let (mbis, a3v, rss) = (1 << 16, 1 << 24, 1 << 26);
    let id_bits = match (lpis, features.espis | features.eppis) {
        (true, _) => 15,
        (false, 0) => 9,
        (false, _) => 12,
    } << 19;
    let security = u32::from(features.two_states && !place.view.one_state) << 10;
    let espi = if features.espis != 0 { 1 << 8 | (features.espis / 32 - 1) << 27 } else { 0 };
    let lpis = u32::from(lpis) << 17;
    // num_LPIs is 0: as many as IDbits says. No1N is 0, so IRM works; CPUNumber is 0 with affinity routing.
    u64::from(it_lines | mbis | lpis | id_bits | a3v | rss | security | espi | u32::from(features.nmi) << 9)
}

fn secure_message(place: &Place, value: u64, set: bool) {
    if place.view.secure && !place.view.one_state {
        message(place, value, set, true);
    }
}

/// SETSPI and CLRSPI: INTID in bits 12:0. Who may not see the interrupt needs NSACR 1 to set, 2 to clear.
fn message(place: &Place, value: u64, set: bool, all: bool) {
    let id = ids::place(value as u32 & 0x1fff).filter(|&n| !ids::is_private(n));
    let Some(id) = id else { return };
    let granted = |word: Word| all || word.group() == G1 || word.nsacr() >= if set { 1 } else { 2 };
    place.gic.state.update(0, id, |word| match (granted(word), set) {
        (false, _) => word,
        (true, true) => word.message_set(),
        (true, false) => word.message_clear(),
    });
}

const IRM: u64 = 1 << 31;
const AFFINITY: u64 = 0xff_00ff_ffff;

/// Who may not see the interrupt needs NSACR 3.
fn routes_for(place: &Place, word: Word) -> bool {
    word.implemented() && (place.view.all() || word.group() == G1 || word.nsacr() == 3)
}

fn irouter(place: &Place, n: u32) -> u64 {
    let word = place.gic.state.read(0, n);
    let affinity = u64::from(word.affinity());
    let held = (affinity >> 24) << 32 | affinity & 0xff_ffff | if word.one_of_n() { IRM } else { 0 };
    if routes_for(place, word) { held } else { 0 }
}

/// A half leaves the other half alone. An affinity without a PE reads back and goes nowhere.
fn set_irouter(place: &Place, n: u32, value: u64, mask: u64) {
    let Gic { state, routes, .. } = place.gic;
    if value & mask & IRM != 0 {
        state.use_one_of_n();
    }
    state.update(0, n, |word| {
        if !routes_for(place, word) {
            return word;
        }
        let old = u64::from(word.affinity() >> 24) << 32 | u64::from(word.affinity() & 0xff_ffff);
        let kept = old | if word.one_of_n() { IRM } else { 0 };
        let new = (kept & !mask | value & mask) & (AFFINITY | IRM);
        let packed = (new >> 32 << 24 | new & 0xff_ffff) as u32;
        let word = word.with_affinity(packed).with_one_of_n(new & IRM != 0);
        // With IRM the choice of a PE is `state`'s.
        if word.one_of_n() { word } else { word.with_target(routes.find(packed).unwrap_or(NOBODY)) }
    });
    let word = state.word(0, n);
    if !word.one_of_n() && routes.find(word.affinity()).is_none() {
        let id = ids::intid(n);
        place.gic.watch.report("GICD_IROUTER", id, place.pe, || format!("INTID {id} goes to no PE there is; it waits"));
    }
}

/// The frame on the bus, for accesses of one security state.
pub(crate) struct Distributor(pub Arc<Gic>, pub Security);

impl Distributor {
    fn place(&self) -> Place<'_> {
        Place::new(&self.0, 0, self.1)
    }
}

impl MmioDevice for Distributor {
    fn name(&self) -> &str {
        "gicd"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let place = self.place();
        table(&self.0).read(&place, offset as u32, size).unwrap_or_else(|error| {
            self.0.state.set_status(None, place.view.secure, error);
            0
        })
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        let place = self.place();
        if let Err(error) = table(&self.0).write(&place, offset as u32, size, value) {
            self.0.state.set_status(None, place.view.secure, error);
        }
    }

    fn reset(&self) {
        self.0.reset();
    }
}
