//! Arithmetic, comparison and logic within a lane.

use super::evex::{Evex, ternary};
use super::{T0, T1, T2, by_lane};
use crate::constants::*;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2};

impl Emitter {
    pub(super) fn integer1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp1::Not => asm!(self ; vpcmpeqd Rx(T0), Rx(T0), Rx(T0) ; vpxor Rx(to), Rx(T0), Rx(a)),
            VOp1::Cut(Lane::D) => asm!(self ; vmovq Rx(to), Rx(a)),
            VOp1::Cut(Lane::S) => asm!(self ; vinsertps Rx(to), Rx(a), Rx(a), 0b1110),
            VOp1::Cut(Lane::H) => asm!(self ; vpand Rx(to), Rx(a), [rbx + LOWEST_H]),
            VOp1::Cut(Lane::B) => asm!(self ; vpand Rx(to), Rx(a), [rbx + LOWEST_B]),
            VOp1::Abs(Lane::B) => asm!(self ; vpabsb Rx(to), Rx(a)),
            VOp1::Abs(Lane::H) => asm!(self ; vpabsw Rx(to), Rx(a)),
            VOp1::Abs(Lane::S) => asm!(self ; vpabsd Rx(to), Rx(a)),
            VOp1::Abs(Lane::D) if self.avx512 => self.evex_of(Evex::Pabsq, to, a),
            VOp1::Abs(Lane::D) => {
                self.signs_d(T0, a);
                asm!(self ; vpxor Rx(to), Rx(a), Rx(T0) ; vpsubq Rx(to), Rx(to), Rx(T0));
            }
            VOp1::Cnt if self.avx512 => self.evex_of(Evex::Popcntb, to, a),
            VOp1::Rbit if self.avx512 => self.reverse_bits(to, a),
            VOp1::Cnt => {
                self.by_nibble(to, T0, a, BITS_OF_NIBBLE, BITS_OF_NIBBLE);
                asm!(self ; vpaddb Rx(to), Rx(to), Rx(T0));
            }
            VOp1::Rbit => {
                self.by_nibble(to, T0, a, REVERSED_NIBBLE_HIGH, REVERSED_NIBBLE);
                asm!(self ; vpor Rx(to), Rx(to), Rx(T0));
            }
            VOp1::Clz(lane) if lane != Lane::D => self.leading_zeros(lane, to, a),
            VOp1::Cls(lane) if lane != Lane::D => {
                // Of what differs from the bit above it, one less.
                let changes = self.vector();
                self.shift_right_signed(lane, 1, changes, a);
                asm!(self ; vpxor Rx(changes), Rx(changes), Rx(a));
                self.leading_zeros(lane, to, changes);
                asm!(self ; vpcmpeqd Rx(T0), Rx(T0), Rx(T0));
                by_lane!(self, lane, to, to, T0; vpaddb vpaddw vpaddd vpaddq);
            }
            _ => return self.no_vector(),
        }
        Some(to)
    }

    /// `low` and `high` of the low and the high nibble of each byte, to two registers. Uses T1 and T2.
    fn by_nibble(&mut self, to_low: u8, to_high: u8, a: u8, low: i32, high: i32) {
        asm!(self
            ; vmovdqa Rx(T1), [rbx + LOW_NIBBLES]
            ; vpsrlw Rx(T2), Rx(a), 4
            ; vpand Rx(T2), Rx(T2), Rx(T1)
            ; vpand Rx(T1), Rx(T1), Rx(a)
            ; vmovdqa Rx(to_low), [rbx + low]
            ; vmovdqa Rx(to_high), [rbx + high]
            ; vpshufb Rx(to_low), Rx(to_low), Rx(T1)
            ; vpshufb Rx(to_high), Rx(to_high), Rx(T2)
        );
    }

    /// Of bytes from nibbles, and so on: where the upper half is all zeros, the lower half counts too.
    fn leading_zeros(&mut self, lane: Lane, to: u8, a: u8) {
        match lane {
            Lane::S if self.avx512 => return self.evex_of(Evex::Lzcntd, to, a),
            Lane::H if self.avx512 => {
                asm!(self ; vpmovzxwd Ry(T0), Rx(a));
                self.evex_wide(Evex::Lzcntd, T0, 0, T0);
                self.narrow_wide(Evex::Pmovdw, to, T0);
                return asm!(self ; vpsubw Rx(to), Rx(to), [rbx + SIXTEEN_H]);
            }
            _ => {}
        }
        self.by_nibble(T0, to, a, ZEROS_OF_NIBBLE, ZEROS_OF_NIBBLE);
        asm!(self
            ; vpcmpeqb Rx(T1), Rx(to), [rbx + FOUR_B]
            ; vpand Rx(T0), Rx(T0), Rx(T1)
            ; vpaddb Rx(to), Rx(to), Rx(T0)
        );
        if lane >= Lane::H {
            asm!(self
                ; vpand Rx(T0), Rx(to), [rbx + LOW_BYTES]
                ; vpsrlw Rx(to), Rx(to), 8
                ; vpcmpeqw Rx(T1), Rx(to), [rbx + EIGHT_H]
                ; vpand Rx(T0), Rx(T0), Rx(T1)
                ; vpaddw Rx(to), Rx(to), Rx(T0)
            );
        }
        if lane >= Lane::S {
            asm!(self
                ; vpand Rx(T0), Rx(to), [rbx + LOW_HALVES]
                ; vpsrld Rx(to), Rx(to), 16
                ; vpcmpeqd Rx(T1), Rx(to), [rbx + SIXTEEN_S]
                ; vpand Rx(T0), Rx(T0), Rx(T1)
                ; vpaddd Rx(to), Rx(to), Rx(T0)
            );
        }
    }

    /// Ones where a lane of 64 bits is negative.
    pub(super) fn signs_d(&mut self, to: u8, a: u8) {
        asm!(self ; vpxor Rx(to), Rx(to), Rx(to) ; vpcmpgtq Rx(to), Rx(to), Rx(a));
    }

    /// Inverts `v`. Uses T2.
    fn invert(&mut self, v: u8) {
        if self.avx512 {
            return self.ternary(ternary::NOT_C, v, v, v);
        }
        asm!(self ; vpcmpeqd Rx(T2), Rx(T2), Rx(T2) ; vpxor Rx(v), Rx(v), Rx(T2));
    }

    pub(super) fn integer2(&mut self, op: VOp2, a: u8, b: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp2::And => asm!(self ; vpand Rx(to), Rx(a), Rx(b)),
            VOp2::Or => asm!(self ; vpor Rx(to), Rx(a), Rx(b)),
            VOp2::Xor => asm!(self ; vpxor Rx(to), Rx(a), Rx(b)),
            VOp2::Bic => asm!(self ; vpandn Rx(to), Rx(b), Rx(a)),
            VOp2::Orn if self.avx512 => {
                asm!(self ; vmovdqa Rx(to), Rx(b));
                self.ternary(ternary::OR_NOT, to, a, a);
            }
            VOp2::Orn => {
                asm!(self
                    ; vpcmpeqd Rx(T0), Rx(T0), Rx(T0)
                    ; vpxor Rx(T0), Rx(T0), Rx(b)
                    ; vpor Rx(to), Rx(T0), Rx(a)
                );
            }
            VOp2::Add(lane) => by_lane!(self, lane, to, a, b; vpaddb vpaddw vpaddd vpaddq),
            VOp2::Sub(lane) => by_lane!(self, lane, to, a, b; vpsubb vpsubw vpsubd vpsubq),
            VOp2::Mul(lane) => self.multiply(lane, to, a, b),
            VOp2::Smax(lane) | VOp2::Umax(lane) | VOp2::Smin(lane) | VOp2::Umin(lane) => {
                if lane == Lane::D {
                    return self.no_vector();
                }
                self.extreme_lanes(op, to, a, b);
            }
            VOp2::Urhadd(Lane::B) => asm!(self ; vpavgb Rx(to), Rx(a), Rx(b)),
            VOp2::Urhadd(Lane::H) => asm!(self ; vpavgw Rx(to), Rx(a), Rx(b)),
            VOp2::Shadd(lane) | VOp2::Uhadd(lane) | VOp2::Srhadd(lane) | VOp2::Urhadd(lane) => {
                asm!(self ; vpxor Rx(to), Rx(a), Rx(b));
                match matches!(op, VOp2::Shadd(_) | VOp2::Srhadd(_)) {
                    true => self.shift_right_signed(lane, 1, to, to),
                    false => self.shift_right(lane, 1, to, to),
                }
                match matches!(op, VOp2::Shadd(_) | VOp2::Uhadd(_)) {
                    true => {
                        asm!(self ; vpand Rx(T2), Rx(a), Rx(b));
                        by_lane!(self, lane, to, T2, to; vpaddb vpaddw vpaddd vpaddq);
                    }
                    false => {
                        asm!(self ; vpor Rx(T2), Rx(a), Rx(b));
                        by_lane!(self, lane, to, T2, to; vpsubb vpsubw vpsubd vpsubq);
                    }
                }
            }
            VOp2::Shsub(lane) | VOp2::Uhsub(lane) => {
                asm!(self ; vpxor Rx(to), Rx(a), Rx(b));
                match op {
                    VOp2::Shsub(_) => self.shift_right_signed(lane, 1, to, to),
                    _ => self.shift_right(lane, 1, to, to),
                }
                asm!(self ; vpandn Rx(T2), Rx(a), Rx(b));
                by_lane!(self, lane, to, to, T2; vpsubb vpsubw vpsubd vpsubq);
            }
            VOp2::Sabd(lane) | VOp2::Uabd(lane) => self.difference(op, lane, to, a, b),
            VOp2::Cmeq(lane) => by_lane!(self, lane, to, a, b; vpcmpeqb vpcmpeqw vpcmpeqd vpcmpeqq),
            VOp2::Cmtst(lane) => {
                asm!(self ; vpand Rx(T0), Rx(a), Rx(b) ; vpxor Rx(T1), Rx(T1), Rx(T1));
                by_lane!(self, lane, to, T0, T1; vpcmpeqb vpcmpeqw vpcmpeqd vpcmpeqq);
                self.invert(to);
            }
            VOp2::Cmgt(lane) => by_lane!(self, lane, to, a, b; vpcmpgtb vpcmpgtw vpcmpgtd vpcmpgtq),
            VOp2::Cmge(lane) => {
                by_lane!(self, lane, to, b, a; vpcmpgtb vpcmpgtw vpcmpgtd vpcmpgtq);
                self.invert(to);
            }
            VOp2::Cmhi(Lane::D) => self.greater_unsigned_d(to, a, b),
            VOp2::Cmhs(Lane::D) => {
                self.greater_unsigned_d(to, b, a);
                self.invert(to);
            }
            VOp2::Cmhi(lane) => {
                self.extreme_lanes(VOp2::Umax(lane), T0, a, b);
                by_lane!(self, lane, to, T0, b; vpcmpeqb vpcmpeqw vpcmpeqd vpcmpeqq);
                self.invert(to);
            }
            VOp2::Cmhs(lane) => {
                self.extreme_lanes(VOp2::Umax(lane), T0, a, b);
                by_lane!(self, lane, to, T0, a; vpcmpeqb vpcmpeqw vpcmpeqd vpcmpeqq);
            }
            _ => return self.no_vector(),
        }
        Some(to)
    }

    /// Uses T0 and T1.
    fn greater_unsigned_d(&mut self, to: u8, a: u8, b: u8) {
        asm!(self
            ; vpxor Rx(T0), Rx(a), [rbx + SIGN_D]
            ; vpxor Rx(T1), Rx(b), [rbx + SIGN_D]
            ; vpcmpgtq Rx(to), Rx(T0), Rx(T1)
        );
    }

    /// Greater and lesser, of lanes up to 32 bits.
    pub(super) fn extreme_lanes(&mut self, op: VOp2, to: u8, a: u8, b: u8) {
        match op {
            VOp2::Smax(lane) => by_lane!(self, lane, to, a, b; vpmaxsb vpmaxsw vpmaxsd vpmaxsd),
            VOp2::Umax(lane) => by_lane!(self, lane, to, a, b; vpmaxub vpmaxuw vpmaxud vpmaxud),
            VOp2::Smin(lane) => by_lane!(self, lane, to, a, b; vpminsb vpminsw vpminsd vpminsd),
            VOp2::Umin(lane) => by_lane!(self, lane, to, a, b; vpminub vpminuw vpminud vpminud),
            _ => unreachable!("the caller has looked"),
        }
    }

    fn difference(&mut self, op: VOp2, lane: Lane, to: u8, a: u8, b: u8) {
        let signed = matches!(op, VOp2::Sabd(_));
        match (lane, signed) {
            (Lane::D, _) => {
                match signed {
                    true => asm!(self ; vpcmpgtq Rx(T0), Rx(b), Rx(a)),
                    false => {
                        self.greater_unsigned_d(T2, b, a);
                        asm!(self ; vmovdqa Rx(T0), Rx(T2));
                    }
                }
                asm!(self ; vpsubq Rx(to), Rx(a), Rx(b) ; vpxor Rx(to), Rx(to), Rx(T0) ; vpsubq Rx(to), Rx(to), Rx(T0));
            }
            (Lane::B, false) => {
                asm!(self
                    ; vpsubusb Rx(T0), Rx(a), Rx(b)
                    ; vpsubusb Rx(to), Rx(b), Rx(a)
                    ; vpor Rx(to), Rx(to), Rx(T0)
                );
            }
            (Lane::H, false) => {
                asm!(self
                    ; vpsubusw Rx(T0), Rx(a), Rx(b)
                    ; vpsubusw Rx(to), Rx(b), Rx(a)
                    ; vpor Rx(to), Rx(to), Rx(T0)
                );
            }
            _ => {
                let [max, min] = match signed {
                    true => [VOp2::Smax(lane), VOp2::Smin(lane)],
                    false => [VOp2::Umax(lane), VOp2::Umin(lane)],
                };
                self.extreme_lanes(max, T0, a, b);
                self.extreme_lanes(min, T1, a, b);
                by_lane!(self, lane, to, T0, T1; vpsubb vpsubw vpsubd vpsubq);
            }
        }
    }

    fn multiply(&mut self, lane: Lane, to: u8, a: u8, b: u8) {
        let both = |set: u16| set >> a & set >> b & 1 != 0;
        match lane {
            // Even bytes, and odd ones.
            Lane::B => asm!(self
                ; vpsrlw Rx(T0), Rx(a), 8
                ; vpsrlw Rx(T1), Rx(b), 8
                ; vpmullw Rx(T0), Rx(T0), Rx(T1)
                ; vpsllw Rx(T0), Rx(T0), 8
                ; vpmullw Rx(to), Rx(a), Rx(b)
                ; vpand Rx(to), Rx(to), [rbx + LOW_BYTES]
                ; vpor Rx(to), Rx(to), Rx(T0)
            ),
            Lane::H => asm!(self ; vpmullw Rx(to), Rx(a), Rx(b)),
            Lane::S => asm!(self ; vpmulld Rx(to), Rx(a), Rx(b)),
            Lane::D if both(self.known.signed) => asm!(self ; vpmuldq Rx(to), Rx(a), Rx(b)),
            Lane::D if both(self.known.unsigned) => asm!(self ; vpmuludq Rx(to), Rx(a), Rx(b)),
            Lane::D if self.avx512 => self.evex(Evex::Pmullq, to, a, b),
            Lane::D => asm!(self
                ; vpsrlq Rx(T0), Rx(a), 32
                ; vpmuludq Rx(T0), Rx(T0), Rx(b)
                ; vpsrlq Rx(T1), Rx(b), 32
                ; vpmuludq Rx(T1), Rx(T1), Rx(a)
                ; vpaddq Rx(T0), Rx(T0), Rx(T1)
                ; vpsllq Rx(T0), Rx(T0), 32
                ; vpmuludq Rx(to), Rx(a), Rx(b)
                ; vpaddq Rx(to), Rx(to), Rx(T0)
            ),
        }
    }
}
