//! Saturation. Lanes that differ from the result without it are left in `Float::saturated`; FPSR.QC is made of
//! that.

use super::evex::Evex;
use super::{T0, T1, T2, Vex, by_lane};
use crate::constants::*;
use crate::context::at;
use crate::emit::{Emitter, asm};
use crate::thunks::cc;
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, SOp1, SOp2};

impl Emitter {
    /// Bits of `v` say that a lane saturated. Few do, and the next operation would wait for the memory.
    fn collect(&mut self, v: u8) {
        self.clobber_flags();
        asm!(self ; vptest Rx(v), Rx(v));
        let none = self.forward(cc::E);
        asm!(self ; vmovdqa [rbx + at::SATURATED], Rx(v));
        self.land(none);
    }

    pub(super) fn saturate1(&mut self, op: SOp1, a: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            SOp1::Sqabs(lane) if lane != Lane::D => {
                // Only the least value stays negative.
                match lane {
                    Lane::B => asm!(self ; vpabsb Rx(T0), Rx(a) ; vpminub Rx(to), Rx(T0), [rbx + GREATEST_B]),
                    Lane::H => asm!(self ; vpabsw Rx(T0), Rx(a) ; vpminuw Rx(to), Rx(T0), [rbx + GREATEST_H]),
                    _ => asm!(self ; vpabsd Rx(T0), Rx(a) ; vpminud Rx(to), Rx(T0), [rbx + MAGNITUDE_S]),
                }
                asm!(self ; vpxor Rx(T0), Rx(T0), Rx(to));
            }
            SOp1::Sqabs(Lane::D) if self.avx512 => {
                self.evex_of(Evex::Pabsq, T0, a);
                self.evex_constant(Evex::Pminuq, to, T0, MAGNITUDE_D);
                asm!(self ; vpxor Rx(T0), Rx(T0), Rx(to));
            }
            SOp1::Sqneg(lane) => {
                asm!(self ; vpxor Rx(T1), Rx(T1), Rx(T1));
                match lane {
                    Lane::B => asm!(self ; vpsubb Rx(T0), Rx(T1), Rx(a) ; vpsubsb Rx(to), Rx(T1), Rx(a)),
                    Lane::H => asm!(self ; vpsubw Rx(T0), Rx(T1), Rx(a) ; vpsubsw Rx(to), Rx(T1), Rx(a)),
                    Lane::D => asm!(self
                        ; vpsubq Rx(T0), Rx(T1), Rx(a)
                        ; vpcmpeqq Rx(T1), Rx(a), [rbx + SIGN_D]
                        ; vpxor Rx(to), Rx(T0), Rx(T1)
                    ),
                    Lane::S => asm!(self
                        ; vpsubd Rx(T0), Rx(T1), Rx(a)
                        ; vpcmpeqd Rx(T1), Rx(a), [rbx + SIGN_S]
                        ; vpxor Rx(to), Rx(T0), Rx(T1)
                    ),
                }
                asm!(self ; vpxor Rx(T0), Rx(T0), Rx(to));
            }
            SOp1::Sqxtn(Lane::B) => asm!(self
                ; vpxor Rx(T0), Rx(T0), Rx(T0)
                ; vpacksswb Rx(to), Rx(a), Rx(T0)
                ; vpmovsxbw Rx(T0), Rx(to)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
            ),
            SOp1::Sqxtn(Lane::H) => asm!(self
                ; vpxor Rx(T0), Rx(T0), Rx(T0)
                ; vpackssdw Rx(to), Rx(a), Rx(T0)
                ; vpmovsxwd Rx(T0), Rx(to)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
            ),
            SOp1::Sqxtun(Lane::B) => asm!(self
                ; vpxor Rx(T0), Rx(T0), Rx(T0)
                ; vpackuswb Rx(to), Rx(a), Rx(T0)
                ; vpmovzxbw Rx(T0), Rx(to)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
            ),
            SOp1::Sqxtun(Lane::H) => asm!(self
                ; vpxor Rx(T0), Rx(T0), Rx(T0)
                ; vpackusdw Rx(to), Rx(a), Rx(T0)
                ; vpmovzxwd Rx(T0), Rx(to)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
            ),
            SOp1::Uqxtn(Lane::B) => asm!(self
                ; vpminuw Rx(T0), Rx(a), [rbx + LOW_BYTES]
                ; vpackuswb Rx(to), Rx(T0), Rx(T0)
                ; vmovq Rx(to), Rx(to)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
            ),
            SOp1::Uqxtn(Lane::H) => asm!(self
                ; vpminud Rx(T0), Rx(a), [rbx + LOW_HALVES]
                ; vpackusdw Rx(to), Rx(T0), Rx(T0)
                ; vmovq Rx(to), Rx(to)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
            ),
            SOp1::Sqxtn(Lane::S) if self.avx512 => {
                self.evex(Evex::Pmovsqd, a, 0, to);
                asm!(self ; vpmovsxdq Rx(T0), Rx(to) ; vpxor Rx(T0), Rx(T0), Rx(a));
            }
            SOp1::Uqxtn(Lane::S) if self.avx512 => {
                self.evex(Evex::Pmovusqd, a, 0, to);
                asm!(self ; vpmovzxdq Rx(T0), Rx(to) ; vpxor Rx(T0), Rx(T0), Rx(a));
            }
            SOp1::Sqxtun(Lane::S) if self.avx512 => {
                asm!(self ; vpxor Rx(T0), Rx(T0), Rx(T0));
                self.evex(Evex::Pmaxsq, T0, T0, a);
                self.evex(Evex::Pmovusqd, T0, 0, to);
                asm!(self ; vpmovzxdq Rx(T0), Rx(to) ; vpxor Rx(T0), Rx(T0), Rx(a));
            }
            _ => return self.no_vector(),
        }
        self.collect(T0);
        Some(to)
    }

    pub(super) fn saturate2(&mut self, op: SOp2, a: u8, b: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            SOp2::Sqadd(lane @ (Lane::S | Lane::D)) => {
                by_lane!(self, lane, T0, a, b; vpaddb vpaddw vpaddd vpaddq);
                // Operands of one sign, and a sum of the other.
                asm!(self ; vpxor Rx(T1), Rx(a), Rx(b) ; vpxor Rx(T2), Rx(a), Rx(T0) ; vpandn Rx(T1), Rx(T1), Rx(T2));
                self.saturated_where(lane, to, a);
            }
            SOp2::Sqsub(lane @ (Lane::S | Lane::D)) => {
                by_lane!(self, lane, T0, a, b; vpsubb vpsubw vpsubd vpsubq);
                asm!(self ; vpxor Rx(T1), Rx(a), Rx(b) ; vpxor Rx(T2), Rx(a), Rx(T0) ; vpand Rx(T1), Rx(T1), Rx(T2));
                self.saturated_where(lane, to, a);
            }
            // What is added is at most what is missing.
            SOp2::Uqadd(Lane::S) => asm!(self
                ; vpcmpeqd Rx(T0), Rx(T0), Rx(T0)
                ; vpxor Rx(T0), Rx(T0), Rx(a)
                ; vpminud Rx(T0), Rx(T0), Rx(b)
                ; vpaddd Rx(to), Rx(a), Rx(T0)
                ; vpxor Rx(T0), Rx(T0), Rx(b)
            ),
            SOp2::Uqsub(Lane::S) => asm!(self
                ; vpminud Rx(T0), Rx(a), Rx(b)
                ; vpsubd Rx(to), Rx(a), Rx(T0)
                ; vpxor Rx(T0), Rx(T0), Rx(b)
            ),
            SOp2::Uqadd(Lane::D) if self.avx512 => {
                asm!(self ; vpcmpeqd Rx(T0), Rx(T0), Rx(T0) ; vpxor Rx(T0), Rx(T0), Rx(a));
                self.evex(Evex::Pminuq, T0, T0, b);
                asm!(self ; vpaddq Rx(to), Rx(a), Rx(T0) ; vpxor Rx(T0), Rx(T0), Rx(b));
            }
            SOp2::Uqsub(Lane::D) if self.avx512 => {
                self.evex(Evex::Pminuq, T0, a, b);
                asm!(self ; vpsubq Rx(to), Rx(a), Rx(T0) ; vpxor Rx(T0), Rx(T0), Rx(b));
            }
            SOp2::Sqadd(lane) | SOp2::Uqadd(lane) if lane < Lane::S => {
                match (op, lane) {
                    (SOp2::Sqadd(_), Lane::B) => asm!(self ; vpaddsb Rx(to), Rx(a), Rx(b)),
                    (SOp2::Sqadd(_), _) => asm!(self ; vpaddsw Rx(to), Rx(a), Rx(b)),
                    (_, Lane::B) => asm!(self ; vpaddusb Rx(to), Rx(a), Rx(b)),
                    _ => asm!(self ; vpaddusw Rx(to), Rx(a), Rx(b)),
                }
                by_lane!(self, lane, T0, a, b; vpaddb vpaddw vpaddd vpaddq);
                asm!(self ; vpxor Rx(T0), Rx(T0), Rx(to));
            }
            SOp2::Sqsub(lane) | SOp2::Uqsub(lane) if lane < Lane::S => {
                match (op, lane) {
                    (SOp2::Sqsub(_), Lane::B) => asm!(self ; vpsubsb Rx(to), Rx(a), Rx(b)),
                    (SOp2::Sqsub(_), _) => asm!(self ; vpsubsw Rx(to), Rx(a), Rx(b)),
                    (_, Lane::B) => asm!(self ; vpsubusb Rx(to), Rx(a), Rx(b)),
                    _ => asm!(self ; vpsubusw Rx(to), Rx(a), Rx(b)),
                }
                by_lane!(self, lane, T0, a, b; vpsubb vpsubw vpsubd vpsubq);
                asm!(self ; vpxor Rx(T0), Rx(T0), Rx(to));
            }
            // Of products only the square of the least value saturates, and only it gives the least value.
            SOp2::Sqdmulh(Lane::H) => {
                asm!(self
                    ; vpmulhw Rx(to), Rx(a), Rx(b)
                    ; vpmullw Rx(T0), Rx(a), Rx(b)
                    ; vpsllw Rx(to), Rx(to), 1
                    ; vpsrlw Rx(T0), Rx(T0), 15
                    ; vpor Rx(to), Rx(to), Rx(T0)
                    ; vpcmpeqw Rx(T0), Rx(to), [rbx + LEAST_H]
                    ; vpxor Rx(to), Rx(to), Rx(T0)
                );
            }
            SOp2::Sqrdmulh(Lane::H) => asm!(self
                ; vpmulhrsw Rx(to), Rx(a), Rx(b)
                ; vpcmpeqw Rx(T0), Rx(to), [rbx + LEAST_H]
                ; vpxor Rx(to), Rx(to), Rx(T0)
            ),
            SOp2::Sqdmulh(Lane::S) | SOp2::Sqrdmulh(Lane::S) => {
                asm!(self
                    ; vpsrlq Rx(T0), Rx(a), 32
                    ; vpsrlq Rx(T1), Rx(b), 32
                    ; vpmuldq Rx(T0), Rx(T0), Rx(T1)
                    ; vpmuldq Rx(T1), Rx(a), Rx(b)
                );
                if matches!(op, SOp2::Sqrdmulh(_)) {
                    asm!(self
                        ; vpaddq Rx(T0), Rx(T0), [rbx + TWO_30_D]
                        ; vpaddq Rx(T1), Rx(T1), [rbx + TWO_30_D]
                    );
                }
                asm!(self ; vpsllq Rx(T0), Rx(T0), 1 ; vpsrlq Rx(T1), Rx(T1), 31);
                self.vex(Vex::Blendw, to, T1, T0, 0xcc);
                asm!(self ; vpcmpeqd Rx(T0), Rx(to), [rbx + SIGN_S] ; vpxor Rx(to), Rx(to), Rx(T0));
            }
            SOp2::Sqdmull(Lane::H) => asm!(self
                ; vpmovsxwd Rx(T0), Rx(a)
                ; vpmovsxwd Rx(T1), Rx(b)
                ; vpmulld Rx(to), Rx(T0), Rx(T1)
                ; vpaddd Rx(to), Rx(to), Rx(to)
                ; vpcmpeqd Rx(T0), Rx(to), [rbx + SIGN_S]
                ; vpxor Rx(to), Rx(to), Rx(T0)
            ),
            SOp2::Sqdmull(Lane::S) => asm!(self
                ; vpmovzxdq Rx(T0), Rx(a)
                ; vpmovzxdq Rx(T1), Rx(b)
                ; vpmuldq Rx(to), Rx(T0), Rx(T1)
                ; vpaddq Rx(to), Rx(to), Rx(to)
                ; vpcmpeqq Rx(T0), Rx(to), [rbx + SIGN_D]
                ; vpxor Rx(to), Rx(to), Rx(T0)
            ),
            _ => return self.no_vector(),
        }
        self.collect(T0);
        Some(to)
    }

    /// `to` is the wrapped T0, or the extreme of the sign of `a` where T1 is negative; T0 is then what saturated.
    fn saturated_where(&mut self, lane: Lane, to: u8, a: u8) {
        if lane == Lane::S {
            asm!(self
                ; vpsrad Rx(T2), Rx(a), 31
                ; vpxor Rx(T2), Rx(T2), [rbx + MAGNITUDE_S]
                ; vblendvps Rx(to), Rx(T0), Rx(T2), Rx(T1)
                ; vpand Rx(T0), Rx(T1), [rbx + SIGN_S]
            );
        } else {
            self.signs_d(T2, a);
            asm!(self
                ; vpxor Rx(T2), Rx(T2), [rbx + MAGNITUDE_D]
                ; vblendvpd Rx(to), Rx(T0), Rx(T2), Rx(T1)
                ; vpand Rx(T0), Rx(T1), [rbx + SIGN_D]
            );
        }
    }
}
