//! GICR through the interface (doc3, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS): RD_base, then SGI_base. Whether the redistributor
//! has an address does not matter.

use super::rows::{self, Row, Spot, clear_ones, field, ignore, raw, row, set_ones, set_raw, zero};
use crate::access::{Direction, Place};
use crate::address::FRAME;
use crate::config::Config;
use crate::errno::Refusal;
use crate::frames::{GuestRead, GuestWrite};
use crate::regions::{self, STRIDE};
use crate::vcpus::Vcpu;
use gic::{Frame, Gic};
use hw::AccessSize;

/// GICR_CTLR: EnableLPIs, and from revision 3 of GICD_IIDR, CES and IR.
const ENABLE_LPIS: u32 = 1 << 0;
const REVISION_3: u32 = 1 << 1 | 1 << 2;
/// GICR_TYPER.Last and PLPIS.
const LAST: u32 = 1 << 4;
const PLPIS: u32 = 1 << 0;

const PRIVATE: u32 = 32;

/// Offsets are those of the attribute: SGI_base is at 0x10000.
static ROWS: [Row; 25] = [
    row(0x0000, "CTLR", 4, ctlr, set_ctlr),
    row(0x0004, "IIDR", 4, |_| 0x4b00_043b, ignore),
    row(0x0008, "TYPER", 4, typer, ignore),
    row(0x000c, "TYPER_HIGH", 4, affinity, ignore),
    row(0x0010, "STATUSR", 4, zero, ignore),
    row(0x0014, "WAKER", 4, zero, ignore), // WAKER
    row(0x0070, "PROPBASER", 8, propbaser, set_propbaser),
    row(0x0078, "PENDBASER", 8, raw, set_pendbaser),
    row(0x00a0, "INVLPIR", 8, zero, as_the_guest), // INVLPIR
    row(0x00b0, "INVALLR", 8, zero, as_the_guest), // INVALLR
    row(0x00c0, "SYNCR", 4, raw, ignore),          // SYNCR
    row(0xffd0, "PIDR4", 0x18, zero, ignore),
    row(0xffe8, "PIDR2", 0x18, |spot| if spot.offset == 0xffe8 { 0x3b } else { 0 }, ignore),
    field(0x1_0080, "IGROUPR", PRIVATE, 1, raw, set_raw),
    field(0x1_0100, "ISENABLER", PRIVATE, 1, raw, set_ones),
    field(0x1_0180, "ICENABLER", PRIVATE, 1, raw, clear_ones),
    field(0x1_0200, "ISPENDR", PRIVATE, 1, raw, set_raw),
    field(0x1_0280, "ICPENDR", PRIVATE, 1, zero, ignore),
    field(0x1_0300, "ISACTIVER", PRIVATE, 1, raw, set_ones),
    field(0x1_0380, "ICACTIVER", PRIVATE, 1, raw, clear_ones),
    field(0x1_0400, "IPRIORITYR", PRIVATE, 8, raw, set_raw),
    row(0x1_0c00, "ICFGR0", 4, |_| 0xaaaa_aaaa, ignore),
    row(0x1_0c04, "ICFGR1", 4, zero, ignore),
    row(0x1_0d00, "IGRPMODR0", 4, zero, ignore),
    row(0x1_0e00, "NSACR", 4, zero, ignore),
];

/// GICR_STATUSR: GET and SET find it, HAS does not: upstream's table is out of order there, and is searched by halves.
const STATUSR: u32 = 0x10;

/// The offset of a register.
pub(crate) fn offset(name: &str) -> Option<u32> {
    rows::offset(&ROWS, name)
}

pub(crate) fn has(offset: u32) -> Result<(), Refusal> {
    let offset_or_hole = if offset == STATUSR { u32::MAX } else { offset };
    rows::has(&ROWS, offset_or_hole, PRIVATE)
}

pub(crate) fn access(place: &mut Place, offset: u32, direction: Direction) -> u64 {
    let pe = place.pe();
    let (frame, within) = match offset.checked_sub(FRAME as u32) {
        None => (Frame::Redistributor(pe), offset),
        Some(within) => (Frame::Private(pe), within),
    };
    rows::access(rows::find(&ROWS, offset), &mut Spot { place, frame, offset: within }, direction)
}

fn ctlr(spot: &mut Spot) -> u32 {
    spot.raw() & ENABLE_LPIS | by_revision(spot.place.config)
}

/// What GICR_CTLR says of LPIs besides whether they are on.
fn by_revision(config: &Config) -> u32 {
    let revision = config.dist.as_ref().expect("the device exists").revision;
    if revision >= 3 { REVISION_3 } else { 0 }
}

fn set_ctlr(spot: &mut Spot, value: u32) {
    if spot.place.config.has_its {
        adopt_propbaser(spot.place.config, spot.place.pe());
        spot.set_raw(value & ENABLE_LPIS);
    }
}

fn typer(spot: &mut Spot) -> u32 {
    typer_of(spot.place.config, spot.place.vcpu.expect("redistributors are a vCPU's"))
}

fn typer_of(config: &Config, vcpu: &Vcpu) -> u32 {
    let last = if regions::is_last(config, vcpu.index) { LAST } else { 0 };
    vcpu.id << 8 | last | if config.has_its { PLPIS } else { 0 }
}

fn affinity(spot: &mut Spot) -> u32 {
    spot.place.vcpu.expect("redistributors are a vCPU's").affinity() & 0xff_ffff
}

/// What guests read otherwise than from the GIC.
pub(crate) fn guest_read(offset: u32) -> Option<GuestRead> {
    match offset {
        0x0000 => Some(|config, _, inner| inner & !REVISION_3 | by_revision(config)),
        0x0008 => Some(|config, vcpu, _| typer_of(config, vcpu)),
        0x000c => Some(|_, vcpu, _| vcpu.affinity() & 0xff_ffff),
        0x0070 => Some(|config, _, _| config.propbaser as u32),
        0x0074 => Some(|config, _, _| (config.propbaser >> 32) as u32),
        _ => None,
    }
}

/// What of a guest's write reaches the GIC.
pub(crate) fn guest_write(offset: u32) -> Option<GuestWrite> {
    match offset {
        // Without an ITS there are no LPIs to enable.
        0x0000 => Some(|config, pe, _, value| {
            adopt_propbaser(config, pe);
            config.has_its.then_some(value)
        }),
        0x0070 | 0x0074 => Some(|config, pe, offset, value| {
            write_propbaser(config, pe, offset, value);
            None
        }),
        0x0078 | 0x007c => Some(|_, _, offset, value| Some(sanitised(offset, value))),
        _ => None,
    }
}

/// The fields of both table registers that upstream corrects, each within one word: Outer Shareable becomes Inner; an
/// inner cacheability that is not cacheable becomes Write-Back; an outer one that is not as the inner becomes "as inner".
fn sanitised(offset: u32, value: u32) -> u32 {
    match offset % 8 {
        0 => {
            let shareability = match value >> 10 & 3 {
                2 => 1,
                other => other,
            };
            let inner = match value >> 7 & 7 {
                0 | 1 => 3,
                other => other,
            };
            value & !(3 << 10 | 7 << 7) | shareability << 10 | inner << 7
        }
        // Bits 58:56 of the register.
        _ => match value >> 24 & 7 {
            0 | 1 => value,
            _ => value & !(7 << 24),
        },
    }
}

const CTLR: u32 = 0;
const PROPBASER: u32 = 0x70;

fn propbaser(spot: &mut Spot) -> u32 {
    (spot.place.config.propbaser >> (8 * (spot.offset % 8))) as u32
}

fn set_propbaser(spot: &mut Spot, value: u32) {
    write_propbaser(spot.place.config, spot.place.pe(), spot.offset, value);
}

/// One value serves all redistributors: it is the configuration's, and theirs follow. A vCPU that has LPIs on cannot write
/// it, whoever else has.
fn write_propbaser(config: &mut Config, pe: usize, offset: u32, value: u32) {
    let gic = config.gic();
    if lpis_on(gic, pe) {
        return;
    }
    // Bits that are reserved are the GIC's to know.
    adopt_propbaser(config, pe);
    gic.raw_write(Frame::Redistributor(pe), offset, sanitised(offset, value));
    config.propbaser = raw_propbaser(gic, pe);
    share_propbaser(config);
}

fn lpis_on(gic: &Gic, pe: usize) -> bool {
    gic.raw_read(Frame::Redistributor(pe), CTLR).unwrap_or(0) & ENABLE_LPIS != 0
}

/// What one redistributor has.
pub(crate) fn raw_propbaser(gic: &Gic, pe: usize) -> u64 {
    let half = |at| u64::from(gic.raw_read(Frame::Redistributor(pe), at).unwrap_or(0));
    half(PROPBASER) | half(PROPBASER + 4) << 32
}

/// A redistributor gets the VM's value; one that has LPIs on keeps what it works with until it enables them anew.
fn adopt_propbaser(config: &Config, pe: usize) {
    let gic = config.gic();
    if lpis_on(gic, pe) {
        return;
    }
    gic.raw_write(Frame::Redistributor(pe), PROPBASER, config.propbaser as u32);
    gic.raw_write(Frame::Redistributor(pe), PROPBASER + 4, (config.propbaser >> 32) as u32);
}

/// Every one does. Nothing before initialisation.
pub(crate) fn share_propbaser(config: &Config) {
    if config.live().is_some() {
        (0..config.cpus.len()).for_each(|pe| adopt_propbaser(config, pe));
    }
}

fn set_pendbaser(spot: &mut Spot, value: u32) {
    spot.set_raw(sanitised(spot.offset, value));
}

/// A request, which only has a meaning as a guest makes it. Its upper word is nothing.
fn as_the_guest(spot: &mut Spot, value: u32) {
    if spot.offset.is_multiple_of(8) {
        let live = spot.place.config.live().expect("initialised, as there is a GIC");
        let at = spot.place.pe() as u64 * STRIDE + u64::from(spot.offset);
        live.redistributors.write(at, AccessSize::Word, value.into());
    }
}
