//! Copies between elements and general-purpose registers.

use super::{Part, pure1};
use crate::vops::{Lane, VOp1};
use crate::{Done, Engine, Gpr, Op1, Width};
use a64::*;

/// `imm5`: the lowest bit that is set gives the lane, the bits above it the index.
#[inline(always)]
fn lane_and_index(imm5: u32) -> (Lane, u32) {
    let size = imm5.trailing_zeros();
    (Lane::of(size), imm5 >> (size + 1))
}

/// DUP (element)
pub fn dup_elem<E: Engine>(e: &mut E, i: DupElem) -> Done {
    let (lane, index) = lane_and_index(i.imm5);
    pure1(e, Part::vector(i.q), VOp1::Dup(lane, index as u8), i.rn, i.rd)
}

/// DUP (scalar)
pub fn dup_scalar<E: Engine>(e: &mut E, i: DupScalar) -> Done {
    let (lane, index) = lane_and_index(i.imm5);
    pure1(e, Part::Low(lane), VOp1::Dup(lane, index as u8), i.rn, i.rd)
}

/// DUP (general)
pub fn dup_gen<E: Engine>(e: &mut E, i: DupGen) -> Done {
    let (lane, _) = lane_and_index(i.imm5);
    let n = e.x(Gpr(i.rn));
    let v = e.vfrom(n);
    let result = e.vop1(VOp1::Dup(lane, 0), v);
    Part::vector(i.q).write(e, i.rd, result)
}

/// SMOV
pub fn smov<E: Engine>(e: &mut E, i: Smov) -> Done {
    let ((lane, index), n) = (lane_and_index(i.imm5), e.v(i.rn));
    let element = e.vget(n, lane.size(), index);
    let extend = match lane {
        Lane::B => Op1::Sxtb,
        Lane::H => Op1::Sxth,
        // The guard leaves no other lane.
        Lane::S | Lane::D => Op1::Sxtw,
    };
    let wide = e.op1(extend, element);
    let result = crate::dpimm::cut(e, Width::of(i.q), wide);
    e.set_x(Gpr(i.rd), result);
    Ok(())
}

/// UMOV
pub fn umov<E: Engine>(e: &mut E, i: Umov) -> Done {
    let ((lane, index), n) = (lane_and_index(i.imm5), e.v(i.rn));
    let element = e.vget(n, lane.size(), index);
    e.set_x(Gpr(i.rd), element);
    Ok(())
}

/// INS (general)
pub fn ins_gen<E: Engine>(e: &mut E, i: InsGen) -> Done {
    let ((lane, index), d, n) = (lane_and_index(i.imm5), e.v(i.rd), e.x(Gpr(i.rn)));
    let result = e.vset(d, lane.size(), index, n);
    e.set_v(i.rd, result);
    Ok(())
}

/// INS (element)
pub fn ins_elem<E: Engine>(e: &mut E, i: InsElem) -> Done {
    let ((lane, index), d, n) = (lane_and_index(i.imm5), e.v(i.rd), e.v(i.rn));
    let element = e.vget(n, lane.size(), i.imm4 >> lane.size());
    let result = e.vset(d, lane.size(), index, element);
    e.set_v(i.rd, result);
    Ok(())
}
