//! AES, SHA-1, SHA-256 and polynomial products, where the host has instructions for them.

use super::{T0, T1, T2, Vex};
use crate::constants::*;
use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{Lane, VOp1, VOp2, VOp3};
use std::arch::is_x86_feature_detected as has;

impl Emitter {
    /// The host's instructions do a whole round: without the round key, or after the inverse of what is not wanted.
    pub(super) fn crypto1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        match op {
            VOp1::Sha1h => {
                let to = self.vector();
                asm!(self
                    ; vpslld Rx(T0), Rx(a), 30
                    ; vpsrld Rx(to), Rx(a), 2
                    ; vpor Rx(to), Rx(to), Rx(T0)
                    ; vinsertps Rx(to), Rx(to), Rx(to), 0b1110
                );
                return Some(to);
            }
            VOp1::AesSub | VOp1::AesInvSub | VOp1::AesMix | VOp1::AesInvMix if has!("aes") => {}
            _ => return None,
        }
        let to = self.vector();
        asm!(self ; vpxor Rx(T0), Rx(T0), Rx(T0));
        match op {
            VOp1::AesSub => asm!(self ; vaesenclast Rx(to), Rx(a), Rx(T0)),
            VOp1::AesInvSub => asm!(self ; vaesdeclast Rx(to), Rx(a), Rx(T0)),
            VOp1::AesMix => asm!(self ; vaesdeclast Rx(to), Rx(a), Rx(T0) ; vaesenc Rx(to), Rx(to), Rx(T0)),
            _ => asm!(self ; vaesimc Rx(to), Rx(a)),
        }
        Some(to)
    }

    pub(super) fn crypto2(&mut self, op: VOp2, a: u8, b: u8) -> Option<u8> {
        match op {
            VOp2::Pmull(Lane::D) if has!("pclmulqdq") => {
                let to = self.vector();
                asm!(self ; vpclmulqdq Rx(to), Rx(a), Rx(b), 0);
                Some(to)
            }
            VOp2::Sha1su1 => {
                // A rotation of each word by one; the last word depends on the first.
                let to = self.vector();
                asm!(self ; vpsrldq Rx(T0), Rx(b), 4 ; vpxor Rx(T0), Rx(T0), Rx(a));
                self.rotate_words_by_one(to, T0);
                asm!(self ; vpslldq Rx(T0), Rx(to), 12);
                self.rotate_words_by_one(T2, T0);
                asm!(self ; vpxor Rx(to), Rx(to), Rx(T2));
                Some(to)
            }
            VOp2::Sha256su0 if has!("sha") => {
                let to = self.vector();
                asm!(self ; vmovdqa Rx(to), Rx(a) ; sha256msg1 Rx(to), Rx(b));
                Some(to)
            }
            _ => None,
        }
    }

    /// Uses T1.
    fn rotate_words_by_one(&mut self, to: u8, a: u8) {
        asm!(self ; vpslld Rx(T1), Rx(a), 1 ; vpsrld Rx(to), Rx(a), 31 ; vpor Rx(to), Rx(to), Rx(T1));
    }

    pub(super) fn crypto3(&mut self, op: VOp3, a: u8, b: u8, c: u8) -> Option<u8> {
        match op {
            VOp3::Sha1su0 => {
                let to = self.vector();
                self.vex(Vex::Alignr, to, b, a, 8);
                asm!(self ; vpxor Rx(to), Rx(to), Rx(a) ; vpxor Rx(to), Rx(to), Rx(c));
                Some(to)
            }
            _ if !has!("sha") => None,
            VOp3::Sha256h => Some(self.sha256_rounds(a, b, c, 0xbb)),
            VOp3::Sha256h2 => Some(self.sha256_rounds(b, a, c, 0x11)),
            VOp3::Sha256su1 => {
                let to = self.vector();
                self.vex(Vex::Alignr, T0, c, b, 4);
                asm!(self ; vpaddd Rx(to), Rx(T0), Rx(a) ; sha256msg2 Rx(to), Rx(c));
                Some(to)
            }
            VOp3::Sha1c | VOp3::Sha1p | VOp3::Sha1m => Some(self.sha1_rounds(op, a, b, c)),
            _ => None,
        }
    }

    /// The host wants a, b, e, f and c, d, g, h together, the first on top; it leaves the former in the place of the
    /// latter, twice. Its third operand is always xmm0. `half` chooses a, b, c, d (0xbb) or e, f, g, h (0x11).
    fn sha256_rounds(&mut self, x: u8, y: u8, w: u8, half: u8) -> u8 {
        let to = self.vector();
        self.vex(Vex::Shufps, T0, y, x, 0xbb);
        self.vex(Vex::Shufps, T1, y, x, 0x11);
        asm!(self
            ; vmovdqa Rx(T2), xmm0
            ; vmovdqa xmm0, Rx(w)
            ; sha256rnds2 Rx(T0), Rx(T1)
            ; vpsrldq xmm0, xmm0, 8
            ; sha256rnds2 Rx(T1), Rx(T0)
            ; vmovdqa xmm0, Rx(T2)
        );
        self.vex(Vex::Shufps, to, T1, T0, half);
        to
    }

    /// The host has the words in the other order, and adds the round constants itself: they are subtracted before.
    fn sha1_rounds(&mut self, op: VOp3, x: u8, y: u8, w: u8) -> u8 {
        let to = self.vector();
        let constants = match op {
            VOp3::Sha1c => SHA1_0,
            VOp3::Sha1p => SHA1_1,
            _ => SHA1_2,
        };
        asm!(self
            ; vpsubd Rx(T0), Rx(w), [rbx + constants]
            ; vinsertps Rx(T1), Rx(y), Rx(y), 0b1110
            ; vpaddd Rx(T0), Rx(T0), Rx(T1)
            ; vpshufd Rx(T0), Rx(T0), 0x1b
            ; vpshufd Rx(T1), Rx(x), 0x1b
        );
        match op {
            VOp3::Sha1c => asm!(self ; sha1rnds4 Rx(T1), Rx(T0), 0),
            VOp3::Sha1p => asm!(self ; sha1rnds4 Rx(T1), Rx(T0), 1),
            _ => asm!(self ; sha1rnds4 Rx(T1), Rx(T0), 2),
        }
        asm!(self ; vpshufd Rx(to), Rx(T1), 0x1b);
        to
    }
}
