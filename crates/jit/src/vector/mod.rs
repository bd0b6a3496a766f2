//! Advanced SIMD on AVX2, and on AVX-512 where the host has it: one function per family of micro-ops.
//!
//! A lowering writes to registers it got from `vector` and to the scratch registers, never to its operands: those
//! may be guest registers. What it does not know it leaves, and the micro-op is evaluated.

mod crypto;
pub(crate) mod evex;
mod integer;
mod permute;
mod saturate;
mod shift;
#[cfg(test)]
mod tests;
mod widen;

use crate::emit::{Emitter, asm};
use dynasmrt::{DynasmApi, dynasm};
use semantics::vops::{SOp1, SOp2, VOp1, VOp2, VOp3};

/// The first of three registers that a lowering may use, and nobody across lowerings.
pub(crate) const SCRATCH: u8 = 13;
pub(crate) const T0: u8 = SCRATCH;
pub(crate) const T1: u8 = SCRATCH + 1;
pub(crate) const T2: u8 = SCRATCH + 2;

/// What is known of registers that the present instruction computed, one bit for each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known {
    /// Lanes of 64 bits are extended from 32.
    pub signed: u16,
    pub unsigned: u16,
    pub zero: u16,
}

/// What is known of registers between instructions, one bit for each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Narrow {
    /// Zero above 64 bits, and above 32.
    pub double: u16,
    pub single: u16,
}

impl Narrow {
    /// Zero above a lane of `esize`?
    pub fn is(self, esize: u8, v: u8) -> bool {
        let known = if esize == 2 { self.single } else { self.double | self.single };
        known >> v & 1 != 0
    }

    /// `v` is zero above a lane of `esize`, or nothing is known of it.
    pub fn note(&mut self, v: u8, esize: Option<u8>) {
        self.single &= !(1 << v);
        self.double &= !(1 << v);
        match esize {
            Some(2) => self.single |= 1 << v,
            Some(3) => self.double |= 1 << v,
            _ => {}
        }
    }
}

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
pub(crate) use by_lane;

/// Instructions that dynasm 5.1 encodes as others: with the sources exchanged, or in single precision.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Vex {
    // Opcode; map; W and prefix: as the bytes of an instruction, from the last.
    Blendw = 0x0e_03_01,
    Alignr = 0x0f_03_01,
    Shufps = 0xc6_01_00,
    Cmpps = 0xc2_01_00,
    Cmppd = 0xc2_01_01,
    Cmpss = 0xc2_01_02,
    Cmpsd = 0xc2_01_03,
    Fmadd213pd = 0xa8_02_81,
    Fmsub213pd = 0xaa_02_81,
    Fnmadd213pd = 0xac_02_81,
    Fnmsub213pd = 0xae_02_81,
}

impl Emitter {
    /// `op to, a, b, imm`.
    pub(crate) fn vex(&mut self, op: Vex, to: u8, a: u8, b: u8, imm: u8) {
        self.vex_without(op, to, a, b);
        self.buf.push(imm);
    }

    /// `op to, a, b`.
    pub(crate) fn vex_without(&mut self, op: Vex, to: u8, a: u8, b: u8) {
        let [prefix, map, opcode, _] = (op as u32).to_le_bytes();
        let low = |r: u8, bit: u8| if r < 8 { 1 << bit } else { 0 };
        let bytes = [
            0xc4,
            low(to, 7) | 1 << 6 | low(b, 5) | map,
            (!a & 15) << 3 | prefix,
            opcode,
            0xc0 | (to & 7) << 3 | b & 7,
        ];
        bytes.into_iter().for_each(|byte| self.buf.push(byte));
    }

    /// `to` is `v`.
    pub(crate) fn load_constant(&mut self, to: u8, v: u128) {
        match v {
            0 => {
                asm!(self ; vpxor Rx(to), Rx(to), Rx(to));
                self.known.zero |= 1 << to;
            }
            u128::MAX => asm!(self ; vpcmpeqd Rx(to), Rx(to), Rx(to)),
            _ => {
                let (low, high) = (v as u64, (v >> 64) as u64);
                self.mov_imm(crate::emit::RAX, low);
                asm!(self ; vmovq Rx(to), rax);
                if low == high {
                    asm!(self ; vpunpcklqdq Rx(to), Rx(to), Rx(to));
                } else if high != 0 {
                    self.mov_imm(crate::emit::RAX, high);
                    asm!(self ; vpinsrq Rx(to), Rx(to), rax, 1);
                }
            }
        }
    }

    /// There is no lowering. The vector register that was taken for its result is free after the instruction.
    fn no_vector(&mut self) -> Option<u8> {
        None
    }

    pub(crate) fn lower_v1(&mut self, op: VOp1, a: u8) -> Option<u8> {
        use VOp1::*;
        match op {
            Shl(..) | Sshr(..) | Ushr(..) | Srshr(..) | Urshr(..) | Ror(..) => self.shift1(op, a),
            Dup(..) | Rev(..) => self.permute1(op, a),
            Abs(_) | Clz(_) | Cls(_) | Cnt | Not | Rbit | Cut(_) => self.integer1(op, a),
            AesSub | AesInvSub | AesMix | AesInvMix | Sha1h => self.crypto1(op, a),
            _ => self.widen1(op, a),
        }
    }

    pub(crate) fn lower_v2(&mut self, op: VOp2, a: u8, b: u8) -> Option<u8> {
        use VOp2::*;
        match op {
            Uzp1(_) | Uzp2(_) | Zip1(_) | Zip2(_) | Trn1(_) | Trn2(_) | Ext(_) => self.permute2(op, a, b),
            Addp(_) | Smaxp(_) | Umaxp(_) | Sminp(_) | Uminp(_) => self.permute2(op, a, b),
            Sshl(_) | Ushl(_) | Srshl(_) | Urshl(_) => self.shift2(op, a, b),
            Pmull(_) | Sha1su1 | Sha256su0 => self.crypto2(op, a, b),
            _ => self.integer2(op, a, b),
        }
    }

    pub(crate) fn lower_v3(&mut self, op: VOp3, a: u8, b: u8, c: u8) -> Option<u8> {
        use VOp3::*;
        match op {
            Bsl | Tbx(_) => self.permute3(op, a, b, c),
            Sdot | Udot | Usdot => self.widen3(op, a, b, c),
            _ => self.crypto3(op, a, b, c),
        }
    }

    pub(crate) fn lower_s1(&mut self, op: SOp1, a: u8) -> Option<u8> {
        self.saturate1(op, a)
    }

    pub(crate) fn lower_s2(&mut self, op: SOp2, a: u8, b: u8) -> Option<u8> {
        self.saturate2(op, a, b)
    }
}
