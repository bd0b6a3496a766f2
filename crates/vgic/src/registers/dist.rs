//! GICD through the interface (doc3, KVM_DEV_ARM_VGIC_GRP_DIST_REGS).

use super::rows::{self, Row, Spot, clear_ones, field, ignore, raw, row, set_ones, set_raw, zero};
use crate::access::{Direction, Place};
use crate::config::{Config, Dist};
use crate::errno::{Errno, Refusal};
use crate::frames::{GuestRead, GuestWrite};
use crate::kernel::Kernel;
use crate::uapi::{GICD_IIDR, GICD_TYPER2};
use gic::Frame;

/// GICD_IIDR but for Revision, bits 15:12: product 'K', implementer Arm.
const IIDR: u32 = 0x4b00_043b;
const IIDR_REVISION: u32 = 0xf000;
/// Revisions that can be set: interrupt groups are the guest's to configure; and GICR_CTLR has IR and CES.
const REVISIONS: std::ops::RangeInclusive<u32> = 2..=3;

/// GICD_CTLR: affinity routing and one security state are fixed; and EnableGrp1, nASSGIreq.
const CTLR_FIXED: u32 = 1 << 4 | 1 << 6;
const ENABLE: u32 = 1 << 1;
const NASSGIREQ: u32 = 1 << 8;

/// GICD_TYPER2.nASSGIcap.
const NASSGICAP: u32 = 1 << 8;

/// INTIDs of each array of fields.
const ALL: u32 = 1024;

static ROWS: [Row; 19] = [
    row(0x0000, "CTLR", 4, ctlr, set_ctlr),
    row(0x0004, "TYPER", 4, typer, ignore),
    row(0x0008, "IIDR", 4, zero, ignore), // IIDR and TYPER2: see `access`
    row(0x000c, "TYPER2", 4, zero, ignore),
    row(0x0010, "STATUSR", 4, |_| !0, ignore), // STATUSR is said to be settable, but reads as ones
    field(0x0080, "IGROUPR", ALL, 1, raw, set_raw),
    field(0x0100, "ISENABLER", ALL, 1, raw, set_ones),
    field(0x0180, "ICENABLER", ALL, 1, raw, clear_ones),
    field(0x0200, "ISPENDR", ALL, 1, raw, set_raw), // pending: the latch, replaced
    field(0x0280, "ICPENDR", ALL, 1, zero, ignore),
    field(0x0300, "ISACTIVER", ALL, 1, raw, set_ones),
    field(0x0380, "ICACTIVER", ALL, 1, raw, clear_ones),
    field(0x0400, "IPRIORITYR", ALL, 8, raw, set_raw),
    field(0x0800, "ITARGETSR", ALL, 8, zero, ignore),
    field(0x0c00, "ICFGR", ALL, 2, raw, set_raw),
    field(0x0d00, "IGRPMODR", ALL, 1, zero, ignore),
    field(0x6000, "IROUTER", ALL, 64, irouter, set_irouter),
    row(0xffd0, "PIDR4", 0x18, zero, ignore),
    row(0xffe8, "PIDR2", 0x18, |spot| if spot.offset == 0xffe8 { 0x3b } else { 0 }, ignore),
];

/// The offset of a register.
pub(crate) fn offset(name: &str) -> Option<u32> {
    rows::offset(&ROWS, name)
}

/// HAS. Before the number of interrupts is chosen there are none but the private.
pub(crate) fn has(config: &Config, offset: u32) -> Result<(), Refusal> {
    rows::has(&ROWS, offset, config.dist.as_ref().expect("the device exists").interrupts())
}

pub(crate) fn access(place: &mut Place, offset: u32, direction: Direction) -> Result<u64, Refusal> {
    let kernel = place.vm.spec.kernel;
    let initialised = place.config.initialised();
    let dist = place.config.dist.as_mut().expect("the device exists");
    match (offset, direction) {
        (GICD_IIDR, Direction::Get) => Ok(iidr(dist).into()),
        (GICD_IIDR, Direction::Set(value)) => {
            set_iidr(kernel, dist, value as u32)?;
            place.vm.revision.set(dist.revision.into());
            Ok(0)
        }
        (GICD_TYPER2, Direction::Get) => Ok(typer2(dist).into()),
        (GICD_TYPER2, Direction::Set(value)) => {
            let direct_sgis = place.vm.spec.host.direct_sgis;
            set_typer2(kernel, dist, initialised, direct_sgis, value as u32).map(|()| 0)
        }
        (_, direction) => {
            let interrupts = dist.interrupts();
            // Private interrupts have their fields in redistributors: here they are RAZ/WI.
            let there = |row: &&Row| row.bits == 0 || (32..interrupts).contains(&row.interrupt(offset));
            let row = rows::find(&ROWS, offset).filter(there);
            Ok(rows::access(row, &mut Spot { place, frame: Frame::Distributor, offset }, direction))
        }
    }
}

fn iidr(dist: &Dist) -> u32 {
    iidr_of(dist.revision.into())
}

/// GICD_IIDR with a revision.
pub(crate) fn iidr_of(revision: u32) -> u32 {
    IIDR | revision << 12
}

/// Allowed before and after initialisation, up and down.
fn set_iidr(kernel: &Kernel, dist: &mut Dist, value: u32) -> Result<(), Refusal> {
    let revision = (if kernel.iidr_revision_ignored { iidr(dist) } else { value } & IIDR_REVISION) >> 12;
    if (value ^ iidr(dist)) & !IIDR_REVISION != 0 {
        return Err(Errno::Inval
            .because("GICD_IIDR is another product's: only Revision can be set")
            .about(value.into()));
    }
    if !REVISIONS.contains(&revision) {
        return Err(Errno::Inval.because("GICD_IIDR.Revision is 2 or 3").about(revision.into()));
    }
    dist.revision = revision as u8;
    Ok(())
}

fn typer2(dist: &Dist) -> u32 {
    if dist.direct_sgis { NASSGICAP } else { 0 }
}

fn set_typer2(kernel: &Kernel, dist: &mut Dist, initialised: bool, host_can: bool, value: u32) -> Result<(), Refusal> {
    let refuse = |errno: Errno, check| Err(errno.because(check).about(value.into()));
    match typer2(dist) ^ value {
        0 => return Ok(()),
        _ if !kernel.typer2_writable => return refuse(Errno::Inval, "GICD_TYPER2 cannot be changed"),
        _ if initialised => return refuse(Errno::Busy, "the VGIC is initialised, so GICD_TYPER2 stays"),
        NASSGICAP => {}
        _ => return refuse(Errno::Inval, "only nASSGIcap of GICD_TYPER2 can be changed"),
    }
    if value != 0 && !host_can {
        return refuse(Errno::Inval, "this host cannot inject SGIs directly, so nASSGIcap stays 0");
    }
    dist.direct_sgis = value & NASSGICAP != 0;
    Ok(())
}

fn ctlr(spot: &mut Spot) -> u32 {
    let requested = spot.place.config.dist.as_ref().is_some_and(|dist| dist.direct_sgis_requested);
    CTLR_FIXED | spot.raw() & ENABLE | if requested { NASSGIREQ } else { 0 }
}

fn set_ctlr(spot: &mut Spot, value: u32) {
    spot.set_raw(value & ENABLE);
    let dist = spot.place.config.dist.as_mut().expect("the device exists");
    dist.direct_sgis_requested = dist.direct_sgis && value & NASSGIREQ != 0;
}

fn typer(spot: &mut Spot) -> u32 {
    typer_of(spot.place.config)
}

fn typer_of(config: &Config) -> u32 {
    let lines = config.dist.as_ref().expect("the device exists").interrupts() / 32 - 1;
    let (lpis, id_bits) = if config.has_its { (1 << 17, 15) } else { (0, 9) };
    lines | lpis | id_bits << 19
}

/// What guests read otherwise than from the GIC.
pub(crate) fn guest_read(offset: u32) -> Option<GuestRead> {
    fn dist(config: &Config) -> &Dist {
        config.dist.as_ref().expect("the guest has its frame")
    }
    match offset {
        0x0000 => Some(|config, _, inner| inner | if dist(config).direct_sgis_requested { NASSGIREQ } else { 0 }),
        0x0004 => Some(|config, _, _| typer_of(config)),
        GICD_IIDR => Some(|config, _, _| iidr(dist(config))),
        GICD_TYPER2 => Some(|config, _, _| typer2(dist(config))),
        _ => None,
    }
}

/// nASSGIreq stays as it is while interrupts are enabled before and after; the rest is the GIC's.
pub(crate) fn guest_write(offset: u32) -> Option<GuestWrite> {
    (offset == 0x0000).then_some(|config, _, _, value| {
        let enabled = config.gic().raw_read(Frame::Distributor, 0).unwrap_or(0) & ENABLE;
        let dist = config.dist.as_mut().expect("the guest has its frame");
        if enabled & value == 0 {
            dist.direct_sgis_requested = dist.direct_sgis && value & NASSGIREQ != 0;
        }
        Some(value)
    })
}

/// GICD_IROUTER: Aff2 to Aff0 in the lower word; the upper is 0.
const AFFINITY: u32 = 0xff_ffff;

fn irouter(spot: &mut Spot) -> u32 {
    if spot.offset.is_multiple_of(8) { spot.raw() & AFFINITY } else { 0 }
}

fn set_irouter(spot: &mut Spot, value: u32) {
    if spot.offset.is_multiple_of(8) {
        spot.set_raw(value & AFFINITY);
    }
}
