//! Arithmetic and logic within a lane.

use super::by_lane;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2};

impl Emitter {
    pub(super) fn integer1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp1::Not => asm!(self ; vpcmpeqd Rx(to), Rx(to), Rx(to) ; vpxor Rx(to), Rx(to), Rx(a)),
            VOp1::Cut(Lane::D) => asm!(self ; vmovq Rx(to), Rx(a)),
            VOp1::Cut(Lane::S) => asm!(self ; vinsertps Rx(to), Rx(a), Rx(a), 0b1110),
            VOp1::Dup(lane, 0) => match lane {
                Lane::B => asm!(self ; vpbroadcastb Rx(to), Rx(a)),
                Lane::H => asm!(self ; vpbroadcastw Rx(to), Rx(a)),
                Lane::S => asm!(self ; vpbroadcastd Rx(to), Rx(a)),
                Lane::D => asm!(self ; vpbroadcastq Rx(to), Rx(a)),
            },
            VOp1::Dup(Lane::D, _) => asm!(self ; vpunpckhqdq Rx(to), Rx(a), Rx(a)),
            _ => {
                self.vectors -= 1;
                return None;
            }
        }
        Some(to)
    }

    pub(super) fn integer2(&mut self, op: VOp2, a: u8, b: u8) -> Option<u8> {
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
            _ => {
                self.vectors -= 1;
                return None;
            }
        }
        Some(to)
    }
}
