//! Lanes moved, and looked up.

use super::evex::ternary;
use super::{T0, T1, T2, Vex, by_lane};
use crate::constants::*;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2, VOp3};

impl Emitter {
    pub(super) fn permute1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp1::Dup(lane, index) => {
                let from = match (lane, index) {
                    (Lane::S | Lane::D, _) | (_, 0) => a,
                    (Lane::H, _) => {
                        asm!(self ; vpsrldq Rx(to), Rx(a), (2 * (index & 7)) as i8);
                        to
                    }
                    (Lane::B, _) => {
                        asm!(self ; vpsrldq Rx(to), Rx(a), (index & 15) as i8);
                        to
                    }
                };
                match lane {
                    Lane::B => asm!(self ; vpbroadcastb Rx(to), Rx(from)),
                    Lane::H => asm!(self ; vpbroadcastw Rx(to), Rx(from)),
                    Lane::S => asm!(self ; vpshufd Rx(to), Rx(a), ((index & 3) * 0x55) as i8),
                    Lane::D if index & 1 == 0 => asm!(self ; vpunpcklqdq Rx(to), Rx(a), Rx(a)),
                    Lane::D => asm!(self ; vpunpckhqdq Rx(to), Rx(a), Rx(a)),
                }
            }
            VOp1::Rev(Lane::D, Lane::S) => asm!(self ; vpshufd Rx(to), Rx(a), 0xb1_u8 as i8),
            VOp1::Rev(container, lane) => {
                let order = match (container, lane) {
                    (Lane::H, Lane::B) => REV16_B,
                    (Lane::S, Lane::B) => REV32_B,
                    (Lane::S, Lane::H) => REV32_H,
                    (Lane::D, Lane::B) => REV64_B,
                    (Lane::D, Lane::H) => REV64_H,
                    _ => return self.no_vector(),
                };
                asm!(self ; vpshufb Rx(to), Rx(a), [rbx + order]);
            }
            _ => return self.no_vector(),
        }
        Some(to)
    }

    pub(super) fn permute2(&mut self, op: VOp2, a: u8, b: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp2::Zip1(lane) => by_lane!(self, lane, to, a, b; vpunpcklbw vpunpcklwd vpunpckldq vpunpcklqdq),
            VOp2::Zip2(lane) => by_lane!(self, lane, to, a, b; vpunpckhbw vpunpckhwd vpunpckhdq vpunpckhqdq),
            VOp2::Uzp1(lane) => self.even_lanes(lane, to, a, b),
            VOp2::Uzp2(lane) => self.odd_lanes(lane, to, a, b),
            VOp2::Trn1(Lane::D) => asm!(self ; vpunpcklqdq Rx(to), Rx(a), Rx(b)),
            VOp2::Trn2(Lane::D) => asm!(self ; vpunpckhqdq Rx(to), Rx(a), Rx(b)),
            VOp2::Trn1(lane) => match lane {
                Lane::B => asm!(self
                    ; vpsllw Rx(T0), Rx(b), 8
                    ; vpand Rx(to), Rx(a), [rbx + LOW_BYTES]
                    ; vpor Rx(to), Rx(to), Rx(T0)
                ),
                Lane::H => {
                    asm!(self ; vpslld Rx(T0), Rx(b), 16);
                    self.vex(Vex::Blendw, to, a, T0, 0xaa);
                }
                _ => {
                    asm!(self ; vpsllq Rx(T0), Rx(b), 32);
                    self.vex(Vex::Blendw, to, a, T0, 0xcc);
                }
            },
            VOp2::Trn2(lane) => match lane {
                Lane::B => asm!(self
                    ; vpsrlw Rx(T0), Rx(a), 8
                    ; vmovdqa Rx(T1), [rbx + LOW_BYTES]
                    ; vpandn Rx(to), Rx(T1), Rx(b)
                    ; vpor Rx(to), Rx(to), Rx(T0)
                ),
                Lane::H => {
                    asm!(self ; vpsrld Rx(T0), Rx(a), 16);
                    self.vex(Vex::Blendw, to, T0, b, 0xaa);
                }
                _ => {
                    asm!(self ; vpsrlq Rx(T0), Rx(a), 32);
                    self.vex(Vex::Blendw, to, T0, b, 0xcc);
                }
            },
            VOp2::Ext(n) => self.vex(Vex::Alignr, to, b, a, n & 15),
            VOp2::Addp(Lane::H) => asm!(self ; vphaddw Rx(to), Rx(a), Rx(b)),
            VOp2::Addp(Lane::S) => asm!(self ; vphaddd Rx(to), Rx(a), Rx(b)),
            VOp2::Addp(Lane::B) => asm!(self
                ; vpsrlw Rx(T0), Rx(a), 8
                ; vpaddb Rx(T0), Rx(T0), Rx(a)
                ; vpsrlw Rx(T1), Rx(b), 8
                ; vpaddb Rx(T1), Rx(T1), Rx(b)
                ; vpand Rx(T0), Rx(T0), [rbx + LOW_BYTES]
                ; vpand Rx(T1), Rx(T1), [rbx + LOW_BYTES]
                ; vpackuswb Rx(to), Rx(T0), Rx(T1)
            ),
            VOp2::Addp(Lane::D) => asm!(self
                ; vpunpcklqdq Rx(T0), Rx(a), Rx(b)
                ; vpunpckhqdq Rx(T1), Rx(a), Rx(b)
                ; vpaddq Rx(to), Rx(T0), Rx(T1)
            ),
            VOp2::Smaxp(lane) => return self.extreme_of_pairs(lane, VOp2::Smax(lane), to, a, b),
            VOp2::Umaxp(lane) => return self.extreme_of_pairs(lane, VOp2::Umax(lane), to, a, b),
            VOp2::Sminp(lane) => return self.extreme_of_pairs(lane, VOp2::Smin(lane), to, a, b),
            VOp2::Uminp(lane) => return self.extreme_of_pairs(lane, VOp2::Umin(lane), to, a, b),
            _ => return self.no_vector(),
        }
        Some(to)
    }

    fn extreme_of_pairs(&mut self, lane: Lane, op: VOp2, to: u8, a: u8, b: u8) -> Option<u8> {
        if lane == Lane::D {
            return self.no_vector();
        }
        self.even_lanes(lane, T0, a, b);
        self.odd_lanes(lane, T1, a, b);
        self.extreme_lanes(op, to, T0, T1);
        Some(to)
    }

    /// Uses T2.
    fn even_lanes(&mut self, lane: Lane, to: u8, a: u8, b: u8) {
        match lane {
            Lane::B => self.gathered(to, a, b, EVEN_B),
            Lane::H => self.gathered(to, a, b, EVEN_H),
            Lane::S => self.vex(Vex::Shufps, to, a, b, 0x88),
            Lane::D => asm!(self ; vpunpcklqdq Rx(to), Rx(a), Rx(b)),
        }
    }

    /// Uses T2.
    fn odd_lanes(&mut self, lane: Lane, to: u8, a: u8, b: u8) {
        match lane {
            Lane::B => self.gathered(to, a, b, ODD_B),
            Lane::H => self.gathered(to, a, b, ODD_H),
            Lane::S => self.vex(Vex::Shufps, to, a, b, 0xdd),
            Lane::D => asm!(self ; vpunpckhqdq Rx(to), Rx(a), Rx(b)),
        }
    }

    /// What `order` brings to the low halves of both.
    fn gathered(&mut self, to: u8, a: u8, b: u8, order: i32) {
        asm!(self
            ; vpshufb Rx(to), Rx(a), [rbx + order]
            ; vpshufb Rx(T2), Rx(b), [rbx + order]
            ; vpunpcklqdq Rx(to), Rx(to), Rx(T2)
        );
    }

    /// Bytes of `v` by their numbers in `order`.
    pub(crate) fn shuffled(&mut self, v: [u8; 3], order: u128) -> u8 {
        let to = self.vector();
        for (from, n) in v.into_iter().zip(0..) {
            // Of what is in another register PSHUFB makes zero.
            let pick = order.to_le_bytes().map(|byte| if byte >> 4 == n { byte & 15 } else { 0x80 });
            self.load_constant(T0, u128::from_le_bytes(pick));
            match n {
                0 => asm!(self ; vpshufb Rx(to), Rx(from), Rx(T0)),
                _ => asm!(self ; vpshufb Rx(T0), Rx(from), Rx(T0) ; vpor Rx(to), Rx(to), Rx(T0)),
            }
        }
        to
    }

    pub(super) fn permute3(&mut self, op: VOp3, a: u8, b: u8, c: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp3::Bsl if self.avx512 => {
                asm!(self ; vmovdqa Rx(to), Rx(a));
                self.ternary(ternary::CHOOSE, to, b, c);
            }
            VOp3::Bsl => asm!(self
                ; vpand Rx(T0), Rx(a), Rx(b)
                ; vpandn Rx(to), Rx(a), Rx(c)
                ; vpor Rx(to), Rx(to), Rx(T0)
            ),
            VOp3::Tbx(base) => {
                // Indices from 0 to 15 keep their low bits, all others get the top bit, of which PSHUFB makes zero.
                let index = match base {
                    0 => c,
                    _ => {
                        let base = [SIXTEEN_B, THIRTY_TWO_B, FORTY_EIGHT_B][usize::from(base / 16 - 1) % 3];
                        asm!(self ; vpsubb Rx(T0), Rx(c), [rbx + base]);
                        T0
                    }
                };
                asm!(self ; vpaddusb Rx(T0), Rx(index), [rbx + ABOVE_FIFTEEN]);
                match self.known.zero >> a & 1 != 0 {
                    true => asm!(self ; vpshufb Rx(to), Rx(b), Rx(T0)),
                    false => asm!(self ; vpshufb Rx(T1), Rx(b), Rx(T0) ; vpblendvb Rx(to), Rx(T1), Rx(a), Rx(T0)),
                }
            }
            _ => return self.no_vector(),
        }
        Some(to)
    }
}
