//! GICR through the interface (doc3, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS): RD_base, then SGI_base. Whether the redistributor
//! has an address does not matter.

use super::rows::{self, Row, Spot, clear_ones, field, ignore, raw, row, set_ones, set_raw, zero};
use crate::access::{Direction, Place};
use crate::address::FRAME;
use crate::errno::Refusal;
use crate::regions::{self, STRIDE};
use gic::Frame;
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
    row(0x0000, 4, ctlr, set_ctlr),
    row(0x0004, 4, |_| 0x4b00_043b, ignore),
    row(0x0008, 4, typer, ignore),
    row(0x000c, 4, affinity, ignore),
    row(0x0010, 4, zero, ignore),
    row(0x0014, 4, zero, ignore), // WAKER
    row(0x0070, 8, raw, set_propbaser),
    row(0x0078, 8, raw, set_pendbaser),
    row(0x00a0, 8, zero, as_the_guest), // INVLPIR
    row(0x00b0, 8, zero, as_the_guest), // INVALLR
    row(0x00c0, 4, raw, ignore),        // SYNCR
    row(0xffd0, 0x18, zero, ignore),
    row(0xffe8, 0x18, |spot| if spot.offset == 0xffe8 { 0x3b } else { 0 }, ignore),
    field(0x1_0080, PRIVATE, 1, raw, set_raw),
    field(0x1_0100, PRIVATE, 1, raw, set_ones),
    field(0x1_0180, PRIVATE, 1, raw, clear_ones),
    field(0x1_0200, PRIVATE, 1, raw, set_raw),
    field(0x1_0280, PRIVATE, 1, zero, ignore),
    field(0x1_0300, PRIVATE, 1, raw, set_ones),
    field(0x1_0380, PRIVATE, 1, raw, clear_ones),
    field(0x1_0400, PRIVATE, 8, raw, set_raw),
    row(0x1_0c00, 4, |_| 0xaaaa_aaaa, ignore),
    row(0x1_0c04, 4, zero, ignore),
    row(0x1_0d00, 4, zero, ignore),
    row(0x1_0e00, 4, zero, ignore),
];

/// GICR_STATUSR: GET and SET find it, HAS does not: upstream's table is out of order there, and is searched by halves.
const STATUSR: u32 = 0x10;

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
    let revision = spot.place.config.dist.as_ref().expect("the device exists").revision;
    spot.raw() & ENABLE_LPIS | if revision >= 3 { REVISION_3 } else { 0 }
}

fn set_ctlr(spot: &mut Spot, value: u32) {
    if spot.place.config.has_its {
        spot.set_raw(value & ENABLE_LPIS);
    }
}

fn typer(spot: &mut Spot) -> u32 {
    let (config, vcpu) = (&spot.place.config, spot.place.vcpu.expect("redistributors are a vCPU's"));
    let last = if regions::is_last(config, vcpu.index) { LAST } else { 0 };
    vcpu.id << 8 | last | if config.has_its { PLPIS } else { 0 }
}

fn affinity(spot: &mut Spot) -> u32 {
    spot.place.vcpu.expect("redistributors are a vCPU's").affinity() & 0xff_ffff
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

/// One value serves all redistributors. Those that have LPIs on keep theirs.
fn set_propbaser(spot: &mut Spot, value: u32) {
    let gic = spot.place.config.gic();
    if spot.raw_at(0) & ENABLE_LPIS != 0 {
        return;
    }
    let value = sanitised(spot.offset, value);
    for pe in 0..spot.place.vm.vcpus.online() {
        gic.raw_write(Frame::Redistributor(pe), spot.offset, value);
    }
    let shift = 8 * (spot.offset % 8);
    let config = &mut spot.place.config;
    config.propbaser = config.propbaser & !(0xffff_ffff << shift) | u64::from(value) << shift;
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
