//! Floating-point micro-ops, scalar and vector, each with its one meaning.
//!
//! An op is a function on one lane, the shape of its operands, and (for two or more operands) which lanes
//! meet. Results are 128 bits with every lane the shape does not name zero, which is what instructions write.

mod functions;
mod lanes;
#[cfg(test)]
mod tests;

pub use crate::fp::{FpEnv, Fpcr, Fpsr, Rounding};
pub use functions::{Fn1, Fn2, Fn3};
pub use lanes::{Meeting, Shape};

use crate::fp::{self, Double, Half, Single};
use functions::from_fixed;

/// One operand, with FPCR and FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FOp1 {
    /// The function.
    pub op: Fn1,
    /// The lanes of the operand.
    pub shape: Shape,
}

/// Two operands, with FPCR and FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FOp2 {
    /// The function.
    pub op: Fn2,
    /// The lanes of the operands.
    pub shape: Shape,
    /// Which lanes meet.
    pub meeting: Meeting,
}

/// Three operands, with FPCR and FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FOp3 {
    /// The function.
    pub op: Fn3,
    /// The lanes of the operands.
    pub shape: Shape,
    /// Which lanes of the second and third operand meet.
    pub meeting: Meeting,
}

impl FOp1 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, env: &mut FpEnv, a: u128) -> u128 {
        if let Fn1::Reduce(op) = self.op {
            return u128::from(self.reduce(op, env, a, 0, self.shape.lanes));
        }
        let to = match self.op {
            Fn1::Convert { to, .. } | Fn1::ToFixed { to, .. } | Fn1::FromFixed { to, .. } => to,
            Fn1::ToBrain => 1,
            Fn1::ExtendHalf => 2,
            _ => self.shape.esize,
        };
        self.shape.map(to, |i| self.lane(env, self.shape.lane(a, i)))
    }

    /// The value of one lane.
    #[inline(always)]
    pub fn lane(self, env: &mut FpEnv, a: u64) -> u64 {
        match (self.op, self.shape.esize) {
            (Fn1::FromFixed { to, fbits, unsigned }, from) => from_fixed(env, a, from, to, fbits, unsigned),
            (Fn1::UnsignedRecip, _) => fp::unsigned_recip_estimate(a as u32).into(),
            (Fn1::UnsignedRSqrt, _) => fp::unsigned_rsqrt_estimate(a as u32).into(),
            (op, 1) => op.lane::<Half>(env, a),
            (op, 2) => op.lane::<Single>(env, a),
            (op, _) => op.lane::<Double>(env, a),
        }
    }

    /// Lanes `first` to `first + count`.
    fn reduce(self, op: Fn2, env: &mut FpEnv, a: u128, first: u8, count: u8) -> u64 {
        if count <= 1 {
            return self.shape.lane(a, first);
        }
        let half = count / 2;
        let high = self.reduce(op, env, a, first + half, half);
        let low = self.reduce(op, env, a, first, half);
        op.lane_of(self.shape.esize, env, low, high)
    }
}

impl FOp2 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, env: &mut FpEnv, a: u128, b: u128) -> u128 {
        let Shape { esize, lanes } = self.shape;
        self.shape.map(esize, |i| {
            let (x, y) = self.shape.meet(self.meeting, a, b, i, lanes);
            self.op.lane_of(esize, env, x, y)
        })
    }
}

impl FOp3 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, env: &mut FpEnv, a: u128, b: u128, c: u128) -> u128 {
        let Shape { esize, lanes } = self.shape;
        self.shape.map(esize, |i| {
            let (y, z) = self.shape.meet(self.meeting, b, c, i, lanes);
            self.op.lane_of(esize, env, self.shape.lane(a, i), y, z)
        })
    }
}
