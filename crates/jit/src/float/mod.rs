//! Floating point on the host's own, exactly.
//!
//! MXCSR has FPCR's rounding mode while compiled code runs, all exceptions masked; its sticky flags are FPSR's, and
//! are brought there when Rust may look (`merge_fpsr`). Code is compiled for an FPCR that flushes nothing and keeps
//! NaNs; for any other, and for half precision, micro-ops are evaluated (`evaluate.rs`).

mod arithmetic;
mod compare;
mod convert;
#[cfg(test)]
mod tests;

use crate::Jit;
use crate::code::Offset;
use crate::constants::*;
use crate::context::{Float, at, regs};
use crate::emit::{Emitter, Node, W, asm};
use crate::evaluate::QC;
use crate::regs::HOSTS;
use crate::thunks::cc;
use crate::vector::{T2, Vex};
use cpu::Regs;
use dynasmrt::{DynasmApi, dynasm};
use semantics::fops::{Fn1, Fpsr, Shape};
use std::mem::offset_of;

/// MXCSR as Rust wants it: every exception masked, to nearest, no flag.
pub(crate) const MXCSR: u32 = 0x1f80;

impl Float {
    /// Compiled code goes on under `fpcr`; MXCSR's flags are in FPSR.
    pub fn enter(&mut self, fpcr: u32) {
        // RMode counts nearest, up, down, zero; RC nearest, down, up, zero.
        let rounding = [0, 2, 1, 3][(fpcr >> 22 & 3) as usize];
        self.guest = MXCSR | rounding << 13;
        self.used |= u32::from(rounding != 0);
    }
}

/// MXCSR's flags as FPSR's. Denormal operands are no event where nothing is flushed.
fn fpsr_of(mxcsr: u32) -> u32 {
    let flag = |bit: u32, fpsr: u32| if mxcsr >> bit & 1 != 0 { fpsr } else { 0 };
    flag(0, Fpsr::INVALID)
        | flag(2, Fpsr::DIVIDE_BY_ZERO)
        | flag(3, Fpsr::OVERFLOW)
        | flag(4, Fpsr::UNDERFLOW)
        | flag(5, Fpsr::INEXACT)
}

impl Jit {
    /// Brings to FPSR what compiled code raised.
    #[inline]
    pub(crate) fn merge_fpsr(&mut self) {
        let float = &mut self.context.float;
        let mut raised = fpsr_of(std::mem::take(&mut float.left));
        if float.saturated != [0; 2] {
            float.saturated = [0; 2];
            raised |= QC;
        }
        self.interp.cpu.regs.fpsr |= raised;
    }
}

/// The single- or double-precision form of an instruction.
macro_rules! sized {
    ($e:ident, $esize:expr; $single:ident $double:ident $($operands:tt)*) => {
        match $esize {
            2 => asm!($e ; $single $($operands)*),
            _ => asm!($e ; $double $($operands)*),
        }
    };
}
use sized;

/// Predicates of VCMP: of numbers; "signalling" raises Invalid for quiet NaNs too.
mod predicate {
    pub const EQUAL: u8 = 0x00;
    pub const LESS_SIGNALLING: u8 = 0x01;
    pub const LESS_OR_EQUAL_SIGNALLING: u8 = 0x02;
    pub const UNORDERED: u8 = 0x03;
    pub const EQUAL_OR_UNORDERED: u8 = 0x08;
    pub const GREATER_OR_EQUAL_SIGNALLING: u8 = 0x0d;
    pub const GREATER_SIGNALLING: u8 = 0x0e;
    pub const NOT_LESS: u8 = 0x15;
    pub const GREATER_OR_EQUAL: u8 = 0x1d;
}

/// What the host may have got wrong in a result, and can be told from it alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// Nothing.
    No,
    /// NaNs: the host's default one has a sign, and it takes the first operand where Arm prefers a signalling one.
    Nan,
    /// And Underflow of what rounds to the smallest normal: the host detects tininess after rounding.
    NanOrTiny,
}

impl Emitter {
    /// Before arithmetic: the flags may change, and MXCSR is to be looked at.
    fn begin_float(&mut self) {
        self.clobber_flags();
        self.mark_float();
    }

    /// MXCSR is to be looked at.
    fn mark_float(&mut self) {
        if !self.float_marked {
            asm!(self ; mov BYTE [rbx + at::FLOAT_USED], 1);
            self.float_marked = true;
        }
    }

    /// FPSR: MXCSR's flags and saturation may not be there yet.
    pub(crate) fn read_fpsr(&mut self) -> W {
        let Some(place) = self.temporary() else { return W(0) };
        let to = HOSTS[place as usize];
        self.clobber_flags();
        asm!(self
            ; stmxcsr [rbx + at::MXCSR_LEFT]
            ; mov eax, [rbx + at::MXCSR_LEFT]
            ; mov ecx, eax
            ; and eax, 1
            ; shr ecx, 1
            ; and ecx, 0x1e
            ; or eax, ecx
            ; or eax, [rbp + regs(offset_of!(Regs, fpsr))]
            ; mov rdx, [rbx + at::SATURATED]
            ; or rdx, [rbx + at::SATURATED + 8]
            ; neg rdx
            ; sbb edx, edx
            ; and edx, QC as i32
            ; or eax, edx
            ; mov Rd(to), eax
        );
        self.node(Node::At(place))
    }

    /// FPSR becomes `v` in the bits that it has.
    pub(crate) fn write_fpsr(&mut self, v: W, bits: u64) {
        let from = self.low(v);
        self.clobber_flags();
        asm!(self
            ; mov eax, Rd(from)
            ; and eax, bits as i32
            ; mov [rbp + regs(offset_of!(Regs, fpsr))], eax
            ; ldmxcsr [rbx + at::MXCSR_GUEST]
            ; xor eax, eax
            ; mov [rbx + at::MXCSR_LEFT], eax
            ; mov [rbx + at::SATURATED], rax
            ; mov [rbx + at::SATURATED + 8], rax
        );
    }

    /// Are lanes of `shape` computed by the host?
    fn is_native(&self, shape: Shape) -> bool {
        self.context.plain_float() && shape.esize >= 2
    }

    /// `to` is the lowest lane of `from`, the rest zero.
    fn lowest(&mut self, esize: u8, to: u8, from: u8) {
        match esize {
            2 => asm!(self ; vinsertps Rx(to), Rx(from), Rx(from), 0b1110),
            _ => asm!(self ; vmovq Rx(to), Rx(from)),
        }
    }

    /// `v` in a form whose every lane counts: 64 bits are doubled, so that no other lane raises anything. Of 128
    /// bits or of one lane it is `v` itself, else `scratch`.
    fn spread(&mut self, shape: Shape, v: u8, scratch: u8) -> u8 {
        if shape.lanes == 1 || is_whole(shape) {
            return v;
        }
        asm!(self ; vmovddup Rx(scratch), Rx(v));
        scratch
    }

    /// Cuts a result of 64 bits.
    fn cut(&mut self, shape: Shape, v: u8) {
        if shape.lanes > 1 && !is_whole(shape) {
            asm!(self ; vmovq Rx(v), Rx(v));
        }
    }

    /// Jumps where there is doubt of the lanes of `v`; uses the last two scratch registers.
    fn doubt(&mut self, doubt: Doubt, shape: Shape, v: u8) -> Option<Offset> {
        let (esize, scalar) = (shape.esize, shape.lanes == 1);
        match (doubt, scalar) {
            (Doubt::No, _) => return None,
            (Doubt::Nan, true) => {
                sized!(self, esize; vucomiss vucomisd Rx(v), Rx(v));
                return Some(self.forward(cc::P));
            }
            (Doubt::NanOrTiny, true) => {
                let (magnitude, normal) = if esize == 2 { (MAGNITUDE_S, NORMAL_S) } else { (MAGNITUDE_D, NORMAL_D) };
                asm!(self ; vandps Rx(T2), Rx(v), [rbx + magnitude]);
                // Equal, or unordered.
                sized!(self, esize; vucomiss vucomisd Rx(T2), [rbx + normal]);
                return Some(self.forward(cc::E));
            }
            (Doubt::Nan, false) => self.compare_lanes(esize, T2, v, v, predicate::UNORDERED),
            (Doubt::NanOrTiny, false) => {
                let (magnitude, normal) = if esize == 2 { (MAGNITUDE_S, NORMAL_S) } else { (MAGNITUDE_D, NORMAL_D) };
                asm!(self ; vandps Rx(T2), Rx(v), [rbx + magnitude]);
                // VCMPPS or VCMPPD of xmm15, xmm15, [rbx + normal].
                asm!(self ; .u8 0xc5 ; .u8 esize - 2 ; .u8 0xc2 ; .u8 0xbb ; .i32 normal);
                asm!(self ; .u8 predicate::EQUAL_OR_UNORDERED);
                const _: () = assert!(T2 == 15);
            }
        }
        Some(self.any(esize, T2))
    }

    /// Jumps where a lane of `v` has its sign set.
    fn any(&mut self, esize: u8, v: u8) -> Offset {
        sized!(self, esize; vtestps vtestpd Rx(v), Rx(v));
        self.forward(cc::NE)
    }

    /// Ones where `predicate` holds of the lanes that count; nothing else is looked at.
    fn compare_shape(&mut self, shape: Shape, to: u8, a: u8, b: u8, predicate: u8) {
        match (shape.lanes, shape.esize) {
            (1, 2) => self.vex(Vex::Cmpss, to, a, b, predicate),
            (1, _) => self.vex(Vex::Cmpsd, to, a, b, predicate),
            (_, esize) => self.compare_lanes(esize, to, a, b, predicate),
        }
    }

    fn compare_lanes(&mut self, esize: u8, to: u8, a: u8, b: u8, predicate: u8) {
        self.vex(if esize == 2 { Vex::Cmpps } else { Vex::Cmppd }, to, a, b, predicate);
    }

    /// FABS, FNEG: bits, under any FPCR.
    fn change_sign(&mut self, op: Fn1, shape: Shape, a: u8) -> u8 {
        let to = self.vector();
        let (esize, scalar) = (shape.esize, shape.lanes == 1);
        if op == Fn1::Abs {
            let mask = match (esize, scalar) {
                (2, true) => MAGNITUDE_S1,
                (_, true) => MAGNITUDE_D1,
                (2, false) => MAGNITUDE_S,
                (_, false) => MAGNITUDE_D,
            };
            asm!(self ; vandps Rx(to), Rx(a), [rbx + mask]);
        } else {
            self.negate(shape, to, a);
            if scalar {
                self.lowest(esize, to, to);
            }
        }
        self.cut(shape, to);
        to
    }

    /// Inverts the signs of the lanes of `v`, which has zeros above if it is one lane.
    fn negate(&mut self, shape: Shape, to: u8, v: u8) {
        let mask = match (shape.esize, shape.lanes) {
            (2, 1) => SIGN_S1,
            (_, 1) => SIGN_D1,
            (2, _) => SIGN_S,
            _ => SIGN_D,
        };
        asm!(self ; vxorps Rx(to), Rx(v), [rbx + mask]);
    }
}

/// Does it fill 128 bits?
fn is_whole(shape: Shape) -> bool {
    u32::from(shape.lanes) << shape.esize == 16
}
