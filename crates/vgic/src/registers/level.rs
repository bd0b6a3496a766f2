//! Levels of lines (doc3, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO): 32 interrupts in an access.

use crate::access::{Direction, Place};
use crate::errno::{Errno, Refusal};
use hw::IntId;

/// The kind of information: bits 31:10 of the register. LINE_LEVEL is the only one.
fn information(register: u32) -> u32 {
    register >> 10
}

pub(crate) fn has(register: u32) -> Result<(), Refusal> {
    match information(register) {
        0 => Ok(()),
        other => Err(Errno::NxIo.because("LINE_LEVEL is the only information on levels").about(other.into())),
    }
}

/// GET says which lines are high, of interrupts that are configured as levels. SET stores the lines, whatever the
/// interrupts are; a line that becomes high so is no edge. SGIs and interrupts that are not there are left out.
pub(crate) fn access(place: &mut Place, register: u32, direction: Direction) -> Result<u64, Refusal> {
    let first = register & 0x3ff;
    if information(register) != 0 {
        return Err(Errno::Inval
            .because("LINE_LEVEL is the only information on levels")
            .about(information(register).into()));
    }
    if !first.is_multiple_of(32) {
        return Err(Errno::Inval.because("the first of 32 interrupts is a multiple of 32").about(first.into()));
    }
    let pe = place.pe();
    let interrupts = place.config.dist.as_ref().expect("the device exists").interrupts();
    let gic = place.config.gic();
    let lines = (first.max(16)..(first + 32).min(interrupts)).map(|id| (id - first, IntId(id)));
    match direction {
        Direction::Get => {
            let high = |id| gic.describe(pe, id).is_some_and(|it| it.line && !it.edge);
            Ok(lines.fold(0, |bits, (n, id)| bits | u64::from(high(id)) << n))
        }
        Direction::Set(levels) => {
            lines.for_each(|(n, id)| gic.restore_line(pe, id, levels >> n & 1 != 0));
            Ok(0)
        }
    }
}
