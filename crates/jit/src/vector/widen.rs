//! Lanes that change width: extension, narrowing, sums of pairs, reductions, dot products.

use super::evex::Evex;
use super::{T0, T1, T2, by_lane};
use crate::constants::*;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2, VOp3};

impl Emitter {
    pub(super) fn widen1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp1::Sxtl(lane) => match lane {
                Lane::B => asm!(self ; vpmovsxbw Rx(to), Rx(a)),
                Lane::H => asm!(self ; vpmovsxwd Rx(to), Rx(a)),
                Lane::S => {
                    asm!(self ; vpmovsxdq Rx(to), Rx(a));
                    self.known.signed |= 1 << to;
                }
                Lane::D => return self.no_vector(),
            },
            VOp1::Uxtl(lane) => match lane {
                Lane::B => asm!(self ; vpmovzxbw Rx(to), Rx(a)),
                Lane::H => asm!(self ; vpmovzxwd Rx(to), Rx(a)),
                Lane::S => {
                    asm!(self ; vpmovzxdq Rx(to), Rx(a));
                    self.known.unsigned |= 1 << to;
                }
                Lane::D => return self.no_vector(),
            },
            VOp1::Xtn(Lane::B) => asm!(self ; vpshufb Rx(to), Rx(a), [rbx + EVEN_B]),
            VOp1::Xtn(Lane::H) => asm!(self ; vpshufb Rx(to), Rx(a), [rbx + EVEN_H]),
            VOp1::Xtn(Lane::S) => asm!(self ; vpshufb Rx(to), Rx(a), [rbx + EVEN_S]),
            VOp1::Xtn(Lane::D) => asm!(self ; vmovq Rx(to), Rx(a)),
            VOp1::Uaddlp(Lane::B) => asm!(self ; vpmaddubsw Rx(to), Rx(a), [rbx + ONES_B]),
            VOp1::Saddlp(Lane::B) => {
                asm!(self ; vmovdqa Rx(T0), [rbx + ONES_B] ; vpmaddubsw Rx(to), Rx(T0), Rx(a));
            }
            VOp1::Saddlp(Lane::H) => asm!(self ; vpmaddwd Rx(to), Rx(a), [rbx + ONES_H]),
            VOp1::Uaddlp(Lane::H) => asm!(self
                ; vpsrld Rx(T0), Rx(a), 16
                ; vpand Rx(to), Rx(a), [rbx + LOW_HALVES]
                ; vpaddd Rx(to), Rx(to), Rx(T0)
            ),
            VOp1::Uaddlp(Lane::S) => asm!(self
                ; vpsrlq Rx(T0), Rx(a), 32
                ; vpand Rx(to), Rx(a), [rbx + LOW_WORDS]
                ; vpaddq Rx(to), Rx(to), Rx(T0)
            ),
            VOp1::Saddlp(Lane::S) => asm!(self
                ; vpshufd Rx(T0), Rx(a), 0b1000
                ; vpshufd Rx(T1), Rx(a), 0b1101
                ; vpmovsxdq Rx(T0), Rx(T0)
                ; vpmovsxdq Rx(T1), Rx(T1)
                ; vpaddq Rx(to), Rx(T0), Rx(T1)
            ),
            VOp1::Addv(Lane::B) => {
                // Modulo 256, sums of bytes are sums of all of them.
                asm!(self
                    ; vpxor Rx(T0), Rx(T0), Rx(T0)
                    ; vpsadbw Rx(T0), Rx(a), Rx(T0)
                    ; vpshufd Rx(T1), Rx(T0), 0x4e
                    ; vpaddd Rx(to), Rx(T0), Rx(T1)
                    ; vpand Rx(to), Rx(to), [rbx + LOWEST_B]
                );
            }
            VOp1::Addv(lane) => self.across(VOp2::Add(lane), lane, to, a),
            VOp1::Smaxv(lane) if lane != Lane::D => self.across(VOp2::Smax(lane), lane, to, a),
            VOp1::Umaxv(lane) if lane != Lane::D => self.across(VOp2::Umax(lane), lane, to, a),
            VOp1::Sminv(lane) if lane != Lane::D => self.across(VOp2::Smin(lane), lane, to, a),
            VOp1::Uminv(lane) if lane != Lane::D => self.across(VOp2::Umin(lane), lane, to, a),
            _ => return self.no_vector(),
        }
        Some(to)
    }

    /// Folds the upper half onto the lower one, down to one lane.
    fn across(&mut self, op: VOp2, lane: Lane, to: u8, a: u8) {
        let (mut from, mut bytes) = (a, 8);
        while bytes >= lane.bits() / 8 {
            asm!(self ; vpsrldq Rx(T0), Rx(from), bytes as i8);
            match op {
                VOp2::Add(lane) => by_lane!(self, lane, to, from, T0; vpaddb vpaddw vpaddd vpaddq),
                _ => self.extreme_lanes(op, to, from, T0),
            }
            (from, bytes) = (to, bytes / 2);
        }
        match lane {
            Lane::B => asm!(self ; vpand Rx(to), Rx(to), [rbx + LOWEST_B]),
            Lane::H => asm!(self ; vpand Rx(to), Rx(to), [rbx + LOWEST_H]),
            Lane::S => asm!(self ; vinsertps Rx(to), Rx(to), Rx(to), 0b1110),
            Lane::D => asm!(self ; vmovq Rx(to), Rx(to)),
        }
    }

    /// Products of bytes as halfwords, added in pairs, and those again.
    pub(super) fn widen3(&mut self, op: VOp3, a: u8, b: u8, c: u8) -> Option<u8> {
        let (b_signed, c_signed) = match op {
            VOp3::Sdot => (true, true),
            VOp3::Udot => (false, false),
            VOp3::Usdot => (false, true),
            _ => return None,
        };
        if self.avx512 {
            return Some(self.dot(b_signed, c_signed, a, b, c));
        }
        let (to, high) = (self.vector(), self.vector());
        self.bytes_to_halves(b_signed, T0, b);
        self.bytes_to_halves(c_signed, T1, c);
        asm!(self
            ; vpmaddwd Rx(to), Rx(T0), Rx(T1)
            ; vpunpckhqdq Rx(T0), Rx(b), Rx(b)
            ; vpunpckhqdq Rx(T1), Rx(c), Rx(c)
        );
        self.bytes_to_halves(b_signed, T0, T0);
        self.bytes_to_halves(c_signed, T1, T1);
        asm!(self
            ; vpmaddwd Rx(high), Rx(T0), Rx(T1)
            ; vphaddd Rx(to), Rx(to), Rx(high)
            ; vpaddd Rx(to), Rx(to), Rx(a)
        );
        Some(to)
    }

    /// The host multiplies unsigned bytes by signed ones: others are 128 less or more than such. The sum begins at zero,
    /// so that a chain of sums waits for additions only.
    fn dot(&mut self, b_signed: bool, c_signed: bool, a: u8, b: u8, c: u8) -> u8 {
        let to = self.vector();
        asm!(self ; vpxor Rx(to), Rx(to), Rx(to));
        if b_signed || !c_signed {
            asm!(self ; vpxor Rx(T1), Rx(T1), Rx(T1) ; vmovdqa Rx(T2), [rbx + LEAST_B]);
        }
        match (b_signed, c_signed) {
            (true, _) => {
                asm!(self ; vpxor Rx(T0), Rx(b), Rx(T2));
                self.evex(Evex::Dpbusd, to, T0, c);
                self.evex(Evex::Dpbusd, T1, T2, c);
            }
            (false, false) => {
                asm!(self ; vpxor Rx(T0), Rx(c), Rx(T2));
                self.evex(Evex::Dpbusd, to, b, T0);
                self.evex(Evex::Dpbusd, T1, b, T2);
            }
            (false, true) => {
                self.evex(Evex::Dpbusd, to, b, c);
                asm!(self ; vpaddd Rx(to), Rx(to), Rx(a));
                return to;
            }
        }
        asm!(self ; vpsubd Rx(to), Rx(to), Rx(T1) ; vpaddd Rx(to), Rx(to), Rx(a));
        to
    }

    fn bytes_to_halves(&mut self, signed: bool, to: u8, from: u8) {
        match signed {
            true => asm!(self ; vpmovsxbw Rx(to), Rx(from)),
            false => asm!(self ; vpmovzxbw Rx(to), Rx(from)),
        }
    }
}
