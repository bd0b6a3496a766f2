//! Vector micro-ops that the host has.

use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2};

/// One host instruction per lane width.
macro_rules! by_lane {
    ($e:ident, $lane:expr, $to:expr, $x:expr, $y:expr; $b:ident $h:ident $s:ident $d:ident) => {
        match $lane {
            Lane::B => asm!($e ; $b Rx($to), Rx($x), Rx($y)),
            Lane::H => asm!($e ; $h Rx($to), Rx($x), Rx($y)),
            Lane::S => asm!($e ; $s Rx($to), Rx($x), Rx($y)),
            Lane::D => asm!($e ; $d Rx($to), Rx($x), Rx($y)),
        }
    };
}

impl Emitter {
    pub(crate) fn vector1(&mut self, op: VOp1, a: u8) -> u8 {
        let to = self.vector();
        match op {
            VOp1::Not => asm!(self ; vpcmpeqd Rx(to), Rx(to), Rx(to) ; vpxor Rx(to), Rx(to), Rx(a)),
            VOp1::Cut(Lane::D) => asm!(self ; vmovq Rx(to), Rx(a)),
            VOp1::Cut(Lane::S) => {
                asm!(self ; vpxor Rx(to), Rx(to), Rx(to) ; vpblendw Rx(to), Rx(to), Rx(a), 3);
            }
            VOp1::Dup(lane, 0) => match lane {
                Lane::B => asm!(self ; vpbroadcastb Rx(to), Rx(a)),
                Lane::H => asm!(self ; vpbroadcastw Rx(to), Rx(a)),
                Lane::S => asm!(self ; vpbroadcastd Rx(to), Rx(a)),
                Lane::D => asm!(self ; vpbroadcastq Rx(to), Rx(a)),
            },
            VOp1::Dup(Lane::D, _) => asm!(self ; vpunpckhqdq Rx(to), Rx(a), Rx(a)),
            _ => self.give_up(),
        }
        to
    }

    pub(crate) fn vector2(&mut self, op: VOp2, a: u8, b: u8) -> u8 {
        let to = self.vector();
        match op {
            VOp2::And => asm!(self ; vpand Rx(to), Rx(a), Rx(b)),
            VOp2::Or => asm!(self ; vpor Rx(to), Rx(a), Rx(b)),
            VOp2::Xor => asm!(self ; vpxor Rx(to), Rx(a), Rx(b)),
            VOp2::Bic => asm!(self ; vpandn Rx(to), Rx(b), Rx(a)),
            VOp2::Add(lane) => by_lane!(self, lane, to, a, b; vpaddb vpaddw vpaddd vpaddq),
            VOp2::Sub(lane) => by_lane!(self, lane, to, a, b; vpsubb vpsubw vpsubd vpsubq),
            VOp2::Cmeq(lane) => by_lane!(self, lane, to, a, b; vpcmpeqb vpcmpeqw vpcmpeqd vpcmpeqq),
            VOp2::Cmgt(lane) => by_lane!(self, lane, to, a, b; vpcmpgtb vpcmpgtw vpcmpgtd vpcmpgtq),
            VOp2::Zip1(lane) => by_lane!(self, lane, to, a, b; vpunpcklbw vpunpcklwd vpunpckldq vpunpcklqdq),
            VOp2::Zip2(lane) => by_lane!(self, lane, to, a, b; vpunpckhbw vpunpckhwd vpunpckhdq vpunpckhqdq),
            VOp2::Umax(Lane::B) => asm!(self ; vpmaxub Rx(to), Rx(a), Rx(b)),
            VOp2::Umin(Lane::B) => asm!(self ; vpminub Rx(to), Rx(a), Rx(b)),
            VOp2::Mul(Lane::H) => asm!(self ; vpmullw Rx(to), Rx(a), Rx(b)),
            VOp2::Mul(Lane::S) => asm!(self ; vpmulld Rx(to), Rx(a), Rx(b)),
            _ => self.give_up(),
        }
        to
    }
}
