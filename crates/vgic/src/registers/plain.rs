//! GICD and GICR of a GIC that is not KVM's product: every register's raw column as it is. IS- registers replace, IC- registers
//! are ignored; where there is no register, it is 0 and ignored.

use crate::access::{Direction, Place};
use crate::address::FRAME;
use gic::Frame;

pub(crate) fn distributor(place: &Place, offset: u32, direction: Direction) -> u64 {
    access(place, Frame::Distributor, offset, direction)
}

pub(crate) fn redistributor(place: &Place, offset: u32, direction: Direction) -> u64 {
    match offset.checked_sub(FRAME as u32) {
        None => access(place, Frame::Redistributor(place.pe()), offset, direction),
        Some(within) => access(place, Frame::Private(place.pe()), within, direction),
    }
}

fn access(place: &Place, frame: Frame, offset: u32, direction: Direction) -> u64 {
    // Two registers can be accessed before there is a GIC to ask.
    let Some(live) = place.config.live() else { return 0 };
    match direction {
        Direction::Get => live.gic.raw_read(frame, offset).unwrap_or(0).into(),
        Direction::Set(value) => {
            live.gic.raw_write(frame, offset, value as u32);
            0
        }
    }
}
