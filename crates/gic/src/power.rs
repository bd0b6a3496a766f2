//! What Arm's products add to the architecture of power management, as their reference manuals describe it.
//!
//! GIC-600 and GIC-700 have GICR_PWRR: redistributors come out of reset powered down, in groups, and firmware powers
//! them up before it uses them. A group is powered down when all its PEs permit it; their private interrupts are then
//! as after reset, and their frames RAZ/WI but for what identifies them. The GIC-500 and both of these have Sleep and
//! Quiescent in GICR_WAKER, one of each whichever redistributor it is accessed by: once all PEs are asleep, Sleep writes
//! what the GIC caches of memory back.

use crate::fidelity::Delayed;
use crate::map::{Place, Row, row, sorted_and_disjoint};
use crate::prim::{AtomicU32, Mutex, Ordering::*};
use crate::spec::Product;
use std::ops::Range;

/// PEs of one group: those of one cluster, as affinities usually number them.
const GROUP: usize = 16;

const RDPD: u64 = 1 << 0;
const RDAG: u64 = 1 << 1;
const RDGPD: u64 = 1 << 2;
const RDGPO: u64 = 1 << 3;

const SLEEP: u64 = 1 << 0;
const QUIESCENT: u64 = 1 << 31;

/// What RD_base has besides, where there is GICR_PWRR. FCTLR and CLASSR choose nothing here.
pub(crate) const ROWS: &[Row] = &[
    row(0x0020, "FCTLR").rw(|_, _| 0, |_, _, _, _| ()),
    row(0x0024, "PWRR").rw(pwrr, set_pwrr).raw_write(|p, _, v, _| {
        let power = &p.gic.power;
        power.permits(p.pe).store((v & RDPD) as u32, Relaxed);
    }),
    row(0x0028, "CLASSR").rw(|_, _| 0, |_, _, _, _| ()),
];
const _: () = assert!(sorted_and_disjoint(ROWS));

/// The state of what a product adds. Relaxed everywhere: writers have a lock, and a reader that is late by a little is as
/// one that came a little earlier.
pub(crate) struct Power {
    product: Product,
    /// GICR_PWRR.RDPD of each PE: its redistributor may be powered down.
    permits: Box<[AtomicU32]>,
    /// GICR_WAKER.Sleep.
    sleep: AtomicU32,
    writers: Mutex<()>,
}

impl Power {
    pub fn new(product: Product, pes: usize) -> Power {
        let permits = (0..pes).map(|_| AtomicU32::new(1)).collect();
        Power { product, permits, sleep: AtomicU32::new(0), writers: Mutex::new(()) }
    }

    /// After power-on. The vCPUs are stopped.
    pub fn reset(&self) {
        self.permits.iter().for_each(|permits| permits.store(1, Relaxed));
        self.sleep.store(0, Relaxed);
    }

    /// Is there GICR_PWRR?
    pub fn has_pwrr(&self) -> bool {
        matches!(self.product, Product::Gic600 | Product::Gic700)
    }

    /// Are there GICR_WAKER.Sleep and Quiescent?
    fn has_sleep(&self) -> bool {
        self.has_pwrr() || self.product == Product::Gic500
    }

    fn permits(&self, pe: usize) -> &AtomicU32 {
        &self.permits[pe]
    }

    /// The PEs that are powered together with this one.
    fn group(&self, pe: usize) -> Range<usize> {
        let first = pe - pe % GROUP;
        first..(first + GROUP).min(self.permits.len())
    }

    /// RDGPD: is this PE's group meant to be powered down?
    fn is_down(&self, pe: usize) -> bool {
        self.group(pe).all(|pe| self.permits[pe].load(Relaxed) != 0)
    }
}

/// Does an access come through to a redistributor? To what identifies it, and to GICR_PWRR, always; `control` is the
/// offset in RD_base.
pub(crate) fn reaches(place: &Place, control: Option<u32>) -> bool {
    const ALWAYS: [Range<u32>; 3] = [0x0004..0x0010, 0x0024..0x0028, 0xffd0..0x1_0000];
    let power = &place.gic.power;
    if !power.has_pwrr() || control.is_some_and(|at| ALWAYS.iter().any(|area| area.contains(&at))) {
        return true;
    }
    let down = place.pe < power.permits.len() && power.is_down(place.pe);
    if down {
        place.gic.watch.report("GICR_PWRR", 0, place.pe, || {
            "an access to a redistributor that is powered down; it reads 0, and writes are lost".to_owned()
        });
    }
    !down
}

/// Secure, or with one security state.
fn pwrr(place: &Place, _: u32) -> u64 {
    if !place.view.all() {
        return 0;
    }
    let power = &place.gic.power;
    let group = power.group(place.pe);
    let down = power.is_down(place.pe);
    let off = down != place.gic.watch.is_busy(Delayed::Power(group.start));
    let set = |yes: bool, bit: u64| if yes { bit } else { 0 };
    let number = (place.pe / GROUP) as u64;
    number << 15
        | ((place.pe - group.start) as u64) << 8
        | set(power.permits(place.pe).load(Relaxed) != 0, RDPD)
        | set(down, RDGPD)
        | set(off, RDGPO)
}

fn set_pwrr(place: &Place, _: u32, value: u64, _: u64) {
    let (gic, power) = (place.gic, &place.gic.power);
    if !place.view.all() {
        return;
    }
    let _writers = power.writers.lock().expect("no code panics while it holds this lock");
    let (group, permit) = (power.group(place.pe), value & RDPD != 0);
    let was_down = power.is_down(place.pe);
    // On the way to one state, the other cannot be asked for.
    if gic.watch.is_busy(Delayed::Power(group.start)) && permit != was_down {
        return;
    }
    let pes = if value & RDAG != 0 { group.clone() } else { place.pe..place.pe + 1 };
    if permit && pes.clone().any(|pe| gic.state.awake(pe)) {
        return;
    }
    pes.for_each(|pe| power.permits[pe].store(permit.into(), Relaxed));
    if was_down != power.is_down(place.pe) {
        gic.watch.begin(Delayed::Power(group.start));
        if permit {
            group.for_each(|pe| gic.state.reset_private(pe));
        }
    }
}

/// Sleep and Quiescent as GICR_WAKER reads them.
pub(crate) fn waker(place: &Place) -> u64 {
    // Quiescent follows at once: nothing is on its way when the write of Sleep returns.
    if place.gic.power.sleep.load(Relaxed) != 0 { SLEEP | QUIESCENT } else { 0 }
}

/// Sleep as GICR_WAKER was written.
pub(crate) fn set_waker(place: &Place, value: u64) {
    let (gic, power) = (place.gic, &place.gic.power);
    if !power.has_sleep() {
        return;
    }
    let _writers = power.writers.lock().expect("no code panics while it holds this lock");
    let sleep = value & SLEEP != 0;
    if sleep && (0..gic.state.pes()).any(|pe| gic.state.awake(pe)) {
        return gic.watch.report("GICR_WAKER", 2, place.pe, || {
            "Sleep was set while ProcessorSleep of a PE is 0; ignored".to_owned()
        });
    }
    if sleep && power.sleep.load(Relaxed) == 0 {
        // Where there is no memory there is nobody to miss it.
        _ = gic.write_pending_tables();
    }
    power.sleep.store(sleep.into(), Relaxed);
}
