//! Shifts by an immediate, and by lanes.

use super::evex::{Evex, ternary};
use super::{T0, T1, T2, Vex, by_lane};
use crate::constants::*;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2};

impl Emitter {
    pub(super) fn shift1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        let to = self.vector();
        match op {
            VOp1::Shl(lane, n) => self.shift_left(lane, n, to, a),
            VOp1::Ushr(lane, n) => self.shift_right(lane, n, to, a),
            VOp1::Sshr(lane, n) => self.shift_right_signed(lane, n, to, a),
            VOp1::Urshr(lane, n) | VOp1::Srshr(lane, n) => {
                match op {
                    VOp1::Urshr(..) => self.shift_right(lane, n, to, a),
                    _ => self.shift_right_signed(lane, n, to, a),
                }
                // The highest bit that was shifted out.
                self.shift_right(lane, n - 1, T1, a);
                let one = [ONES_B, ONES_H, ONES_S, ONES_D][lane as usize];
                asm!(self ; vpand Rx(T1), Rx(T1), [rbx + one]);
                by_lane!(self, lane, to, to, T1; vpaddb vpaddw vpaddd vpaddq);
            }
            VOp1::Ror(Lane::S, n) if self.avx512 => self.evex_shift(Evex::Prord, to, a, n),
            VOp1::Ror(Lane::D, n) if self.avx512 => self.evex_shift(Evex::Prorq, to, a, n),
            VOp1::Ror(lane @ (Lane::S | Lane::D), n) if n > 0 => {
                self.shift_right(lane, n, to, a);
                self.shift_left(lane, lane.bits() as u8 - n, T1, a);
                asm!(self ; vpor Rx(to), Rx(to), Rx(T1));
            }
            _ => return self.no_vector(),
        }
        Some(to)
    }

    /// Uses T0.
    pub(super) fn shift_left(&mut self, lane: Lane, n: u8, to: u8, a: u8) {
        match lane {
            Lane::B => {
                asm!(self ; vpsllw Rx(to), Rx(a), n as i8);
                self.keep_bytes(to, 0xff << n);
            }
            Lane::H => asm!(self ; vpsllw Rx(to), Rx(a), n as i8),
            Lane::S => asm!(self ; vpslld Rx(to), Rx(a), n as i8),
            Lane::D => asm!(self ; vpsllq Rx(to), Rx(a), n as i8),
        }
    }

    /// A shift by the whole width leaves nothing. Uses T0.
    pub(super) fn shift_right(&mut self, lane: Lane, n: u8, to: u8, a: u8) {
        match lane {
            Lane::B => {
                asm!(self ; vpsrlw Rx(to), Rx(a), n as i8);
                self.keep_bytes(to, 0xff_u8.unbounded_shr(n.into()));
            }
            Lane::H => asm!(self ; vpsrlw Rx(to), Rx(a), n as i8),
            Lane::S => asm!(self ; vpsrld Rx(to), Rx(a), n as i8),
            Lane::D => asm!(self ; vpsrlq Rx(to), Rx(a), n as i8),
        }
    }

    /// A shift by the whole width leaves the sign. Uses T0.
    pub(super) fn shift_right_signed(&mut self, lane: Lane, n: u8, to: u8, a: u8) {
        match lane {
            Lane::B => {
                // The sign bit where it is now, subtracted from what is above it.
                let n = n.min(7);
                self.shift_right(lane, n, to, a);
                self.splat_byte(T0, 0x80 >> n);
                asm!(self ; vpxor Rx(to), Rx(to), Rx(T0) ; vpsubb Rx(to), Rx(to), Rx(T0));
            }
            Lane::H => asm!(self ; vpsraw Rx(to), Rx(a), n as i8),
            Lane::S => asm!(self ; vpsrad Rx(to), Rx(a), n as i8),
            Lane::D if self.avx512 => self.evex_shift(Evex::Psraq, to, a, n),
            Lane::D => {
                // The logical shift of what has the sign taken out, and the sign again.
                self.signs_d(T0, a);
                asm!(self
                    ; vpxor Rx(to), Rx(a), Rx(T0)
                    ; vpsrlq Rx(to), Rx(to), n as i8
                    ; vpxor Rx(to), Rx(to), Rx(T0)
                );
            }
        }
    }

    /// `v` and `mask` in each byte. Uses T0.
    fn keep_bytes(&mut self, v: u8, mask: u8) {
        self.splat_byte(T0, mask);
        asm!(self ; vpand Rx(v), Rx(v), Rx(T0));
    }

    fn splat_byte(&mut self, to: u8, v: u8) {
        self.mov_imm(crate::emit::RAX, v.into());
        asm!(self ; vmovd Rx(to), eax ; vpbroadcastb Rx(to), Rx(to));
    }

    /// The count is the low byte of the lane, signed. A count that is too large empties a lane, and a negative one,
    /// taken as unsigned, is too large; so a shift each way, one of which gives nothing.
    pub(super) fn shift2(&mut self, op: VOp2, a: u8, b: u8) -> Option<u8> {
        match op {
            VOp2::Ushl(lane @ (Lane::S | Lane::D)) => {
                let to = self.vector();
                self.counts(lane, b);
                match lane {
                    Lane::S => asm!(self ; vpsllvd Rx(T0), Rx(a), Rx(T0) ; vpsrlvd Rx(T1), Rx(a), Rx(T1)),
                    _ => asm!(self ; vpsllvq Rx(T0), Rx(a), Rx(T0) ; vpsrlvq Rx(T1), Rx(a), Rx(T1)),
                }
                asm!(self ; vpor Rx(to), Rx(T0), Rx(T1));
                Some(to)
            }
            VOp2::Sshl(Lane::S) => {
                let to = self.vector();
                self.counts(Lane::S, b);
                asm!(self
                    ; vpslld Rx(T2), Rx(b), 24
                    ; vpsllvd Rx(T0), Rx(a), Rx(T0)
                    ; vpsravd Rx(T1), Rx(a), Rx(T1)
                    ; vblendvps Rx(to), Rx(T0), Rx(T1), Rx(T2)
                );
                Some(to)
            }
            VOp2::Sshl(Lane::D) => {
                let to = self.vector();
                self.counts(Lane::D, b);
                asm!(self ; vpsllvq Rx(T0), Rx(a), Rx(T0));
                if self.avx512 {
                    self.evex(Evex::Psravq, T1, a, T1);
                    asm!(self ; vpsllq Rx(T2), Rx(b), 56 ; vblendvpd Rx(to), Rx(T0), Rx(T1), Rx(T2));
                    return Some(to);
                }
                self.signs_d(T2, a);
                asm!(self
                    ; vpxor Rx(to), Rx(a), Rx(T2)
                    ; vpsrlvq Rx(to), Rx(to), Rx(T1)
                    ; vpxor Rx(T1), Rx(to), Rx(T2)
                    ; vpsllq Rx(T2), Rx(b), 56
                    ; vblendvpd Rx(to), Rx(T0), Rx(T1), Rx(T2)
                );
                Some(to)
            }
            VOp2::Ushl(Lane::H) | VOp2::Sshl(Lane::H) if self.avx512 => {
                let to = self.vector();
                // Too large a count leaves nothing, or the sign.
                asm!(self ; vpsllw Rx(T2), Rx(b), 8 ; vpsraw Rx(T2), Rx(T2), 8 ; vpabsw Rx(T1), Rx(T2));
                let right = if matches!(op, VOp2::Sshl(_)) { Evex::Psravw } else { Evex::Psrlvw };
                self.evex(Evex::Psllvw, to, a, T2);
                self.evex(right, T1, a, T1);
                asm!(self ; vpsraw Rx(T2), Rx(T2), 15);
                self.ternary(ternary::CHOOSE_LAST, to, T1, T2);
                Some(to)
            }
            VOp2::Ushl(Lane::B) | VOp2::Sshl(Lane::B) if self.avx512 => {
                let to = self.vector();
                asm!(self ; vpmovsxbw Ry(T2), Rx(b) ; vpabsw Ry(T1), Ry(T2));
                let right = match op {
                    VOp2::Sshl(_) => {
                        asm!(self ; vpmovsxbw Ry(T0), Rx(a));
                        Evex::Psravw
                    }
                    _ => {
                        asm!(self ; vpmovzxbw Ry(T0), Rx(a));
                        Evex::Psrlvw
                    }
                };
                self.evex_wide(right, T1, T0, T1);
                self.evex_wide(Evex::Psllvw, T0, T0, T2);
                asm!(self ; vpsraw Ry(T2), Ry(T2), 15 ; vpblendvb Ry(T0), Ry(T0), Ry(T1), Ry(T2));
                self.narrow_wide(Evex::Pmovwb, to, T0);
                Some(to)
            }
            // Bytes and halfwords, as words.
            VOp2::Ushl(Lane::H) | VOp2::Sshl(Lane::H) => Some(self.shift_halves(matches!(op, VOp2::Sshl(_)), a, b)),
            VOp2::Ushl(Lane::B) | VOp2::Sshl(Lane::B) => Some(self.shift_bytes(matches!(op, VOp2::Sshl(_)), a, b)),
            _ => None,
        }
    }

    /// The counts left to T0, right to T1.
    fn counts(&mut self, lane: Lane, b: u8) {
        asm!(self ; vpxor Rx(T1), Rx(T1), Rx(T1));
        match lane {
            Lane::S => asm!(self ; vpsubd Rx(T1), Rx(T1), Rx(b)),
            _ => asm!(self ; vpsubq Rx(T1), Rx(T1), Rx(b)),
        }
        let low = if lane == Lane::S { LOW_BYTE_S } else { LOW_BYTE_D };
        asm!(self ; vpand Rx(T1), Rx(T1), [rbx + low] ; vpand Rx(T0), Rx(b), [rbx + low]);
    }

    /// Even and odd halves in words, the odd ones first.
    fn shift_halves(&mut self, signed: bool, a: u8, b: u8) -> u8 {
        let [to, odd, even] = [self.vector(), self.vector(), self.vector()];
        asm!(self ; vpsrld Rx(even), Rx(b), 16);
        match signed {
            true => asm!(self ; vpsrad Rx(to), Rx(a), 16),
            false => asm!(self ; vpsrld Rx(to), Rx(a), 16),
        }
        self.shift_words(signed, odd, to, even);
        match signed {
            true => asm!(self ; vpslld Rx(to), Rx(a), 16 ; vpsrad Rx(to), Rx(to), 16),
            false => asm!(self ; vpand Rx(to), Rx(a), [rbx + LOW_HALVES]),
        }
        self.shift_words(signed, even, to, b);
        asm!(self ; vpslld Rx(odd), Rx(odd), 16);
        self.vex(Vex::Blendw, to, even, odd, 0xaa);
        to
    }

    /// Words by the low bytes of words. Uses every scratch register.
    fn shift_words(&mut self, signed: bool, to: u8, a: u8, b: u8) {
        self.counts(Lane::S, b);
        match signed {
            true => asm!(self
                ; vpslld Rx(T2), Rx(b), 24
                ; vpsllvd Rx(T0), Rx(a), Rx(T0)
                ; vpsravd Rx(T1), Rx(a), Rx(T1)
                ; vblendvps Rx(to), Rx(T0), Rx(T1), Rx(T2)
            ),
            false => asm!(self
                ; vpsllvd Rx(T0), Rx(a), Rx(T0)
                ; vpsrlvd Rx(T1), Rx(a), Rx(T1)
                ; vpor Rx(to), Rx(T0), Rx(T1)
            ),
        }
    }

    /// By products with powers of two, which a table has: left they are a byte's, and right what is above it.
    fn shift_bytes(&mut self, signed: bool, a: u8, b: u8) -> u8 {
        let [to, low, high] = [self.vector(), self.vector(), self.vector()];
        // Counts from 0 to 7 keep their low bits, all others get the top bit, of which the table makes zero.
        asm!(self
            ; vpaddusb Rx(T0), Rx(b), [rbx + ABOVE_SEVEN]
            ; vmovdqa Rx(T1), [rbx + POWERS_OF_TWO]
            ; vpshufb Rx(T0), Rx(T1), Rx(T0)
        );
        // Left: even and odd bytes.
        asm!(self
            ; vpsrlw Rx(T1), Rx(a), 8
            ; vpsrlw Rx(T2), Rx(T0), 8
            ; vpmullw Rx(T1), Rx(T1), Rx(T2)
            ; vpsllw Rx(T1), Rx(T1), 8
            ; vpmullw Rx(to), Rx(a), Rx(T0)
            ; vpand Rx(to), Rx(to), [rbx + LOW_BYTES]
            ; vpor Rx(to), Rx(to), Rx(T1)
        );
        // Right by n, from 1 to 8: the high byte of the product with 2^(8 - n). Longer ones are as 8.
        asm!(self
            ; vpxor Rx(T0), Rx(T0), Rx(T0)
            ; vpsubb Rx(T0), Rx(T0), Rx(b)
            ; vpminub Rx(T0), Rx(T0), [rbx + EIGHT_B]
            ; vmovdqa Rx(T1), [rbx + POWERS_TO_256]
            ; vpshufb Rx(T0), Rx(T1), Rx(T0)
            ; vpxor Rx(T2), Rx(T2), Rx(T2)
        );
        match signed {
            true => asm!(self
                ; vpunpcklbw Rx(low), Rx(T2), Rx(a)
                ; vpunpckhbw Rx(high), Rx(T2), Rx(a)
                ; vpsraw Rx(low), Rx(low), 8
                ; vpsraw Rx(high), Rx(high), 8
            ),
            false => asm!(self
                ; vpunpcklbw Rx(low), Rx(a), Rx(T2)
                ; vpunpckhbw Rx(high), Rx(a), Rx(T2)
            ),
        }
        asm!(self
            ; vpunpcklbw Rx(T1), Rx(T0), Rx(T2)
            ; vpunpckhbw Rx(T0), Rx(T0), Rx(T2)
            ; vpmullw Rx(low), Rx(low), Rx(T1)
            ; vpmullw Rx(high), Rx(high), Rx(T0)
        );
        match signed {
            true => asm!(self
                ; vpsraw Rx(low), Rx(low), 8
                ; vpsraw Rx(high), Rx(high), 8
                ; vpacksswb Rx(low), Rx(low), Rx(high)
            ),
            false => asm!(self
                ; vpsrlw Rx(low), Rx(low), 8
                ; vpsrlw Rx(high), Rx(high), 8
                ; vpackuswb Rx(low), Rx(low), Rx(high)
            ),
        }
        asm!(self ; vpblendvb Rx(to), Rx(to), Rx(low), Rx(b));
        to
    }
}
