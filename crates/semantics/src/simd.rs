//! Advanced SIMD (integer, permute, cryptographic), and loads and stores of SIMD&FP registers.
//!
//! Every result writes the whole of Vd: an instruction of 64 bits, or a scalar one, leaves zeros above.

mod copy;
mod crypto;
mod element;
mod immediate;
mod long;
mod memory;
mod misc;
mod permute;
mod sha3;
mod shift;
mod sm;
mod structures;
mod three;

pub use copy::*;
pub use crypto::*;
pub use element::*;
pub use immediate::*;
pub use long::*;
pub use memory::*;
pub use misc::*;
pub use permute::*;
pub use sha3::*;
pub use shift::*;
pub use sm::*;
pub use structures::*;
pub use three::*;

use crate::vops::{Lane, SOp1, SOp2, VOp1, VOp2};
use crate::{Done, Engine};

/// How much of the operands exists: a scalar's lane, 64 bits (Q = 0), or all 128 bits.
#[derive(Clone, Copy)]
enum Part {
    Low(Lane),
    Whole,
    /// By the Q bit. It is looked at where the part is cut: an earlier branch would keep compilers from
    /// copying operands as vectors.
    Vector(u32),
}

impl Part {
    /// By the Q bit.
    #[inline(always)]
    fn vector(q: u32) -> Part {
        Part::Vector(q)
    }

    /// By the `size` field of a scalar instruction.
    #[inline(always)]
    fn scalar(size: u32) -> Part {
        Part::Low(Lane::of(size))
    }

    /// `v` with everything that does not exist zero.
    #[inline(always)]
    fn cut<E: Engine>(self, e: &mut E, v: E::V) -> E::V {
        match self {
            Part::Low(lane) => e.vop1(VOp1::Cut(lane), v),
            Part::Vector(0) => e.vop1(VOp1::Cut(Lane::D), v),
            Part::Whole | Part::Vector(_) => v,
        }
    }

    /// Writes the part of `v` that exists.
    #[inline(always)]
    fn write<E: Engine>(self, e: &mut E, rd: u32, v: E::V) -> Done {
        let v = self.cut(e, v);
        e.set_v(rd, v);
        Ok(())
    }

    /// The part of Vn that exists.
    #[inline(always)]
    fn read<E: Engine>(self, e: &mut E, rn: u32) -> E::V {
        let v = e.v(rn);
        self.cut(e, v)
    }
}

/// Vd = op(Vn)
#[inline(always)]
fn pure1<E: Engine>(e: &mut E, part: Part, op: VOp1, rn: u32, rd: u32) -> Done {
    let n = e.v(rn);
    let result = e.vop1(op, n);
    part.write(e, rd, result)
}

/// Vd = op(Vn, Vm)
#[inline(always)]
fn pure2<E: Engine>(e: &mut E, part: Part, op: VOp2, rn: u32, rm: u32, rd: u32) -> Done {
    let (n, m) = (e.v(rn), e.v(rm));
    let result = e.vop2(op, n, m);
    part.write(e, rd, result)
}

/// Vd = `op` of the pairs of lanes of Vm:Vn. Of 64-bit operands, that is words 0 and 2 of what it is of 128.
#[inline(always)]
fn pairwise<E: Engine>(e: &mut E, q: u32, op: VOp2, [rn, rm, rd]: [u32; 3]) -> Done {
    let (n, m) = (e.v(rn), e.v(rm));
    let mut result = e.vop2(op, n, m);
    if q == 0 {
        result = e.vop2(VOp2::Uzp1(Lane::S), result, result);
    }
    Part::vector(q).write(e, rd, result)
}

/// Vd = op(Vn), saturating: only lanes that exist may set QC.
#[inline(always)]
fn saturating1<E: Engine>(e: &mut E, part: Part, op: SOp1, rn: u32, rd: u32) -> Done {
    let n = part.read(e, rn);
    let result = e.sop1(op, n);
    e.set_v(rd, result);
    Ok(())
}

/// Vd = op(Vn, Vm), saturating: only lanes that exist may set QC.
#[inline(always)]
fn saturating2<E: Engine>(e: &mut E, part: Part, op: SOp2, rn: u32, rm: u32, rd: u32) -> Done {
    let (n, m) = (part.read(e, rn), part.read(e, rm));
    let result = e.sop2(op, n, m);
    e.set_v(rd, result);
    Ok(())
}

/// The half of Vn that a long or wide instruction reads, moved to the low half: the "2" forms read the upper.
#[inline(always)]
fn half<E: Engine>(e: &mut E, q: u32, rn: u32) -> E::V {
    let n = e.v(rn);
    if q == 0 { n } else { e.vop1(VOp1::Dup(Lane::D, 1), n) }
}

/// Writes the result of a narrowing instruction, in the low half of `v`: the "2" forms write the upper half
/// of Vd and keep the lower.
#[inline(always)]
fn write_half<E: Engine>(e: &mut E, q: u32, rd: u32, v: E::V) -> Done {
    let result = if q == 0 {
        v
    } else {
        let d = e.v(rd);
        e.vop2(VOp2::Zip1(Lane::D), d, v)
    };
    e.set_v(rd, result);
    Ok(())
}
