//! Comparisons: to lanes of ones and zeros, and to the flags.

use super::{predicate, sized};
use crate::constants::*;
use crate::context::pack;
use crate::emit::{C, Emitter, asm};
use crate::vector::{T0, T1};
use dynasmrt::{DynasmApi, dynasm};
use semantics::fops::{FOp2, Fn1, Fn2, Shape};

impl Emitter {
    pub(super) fn compare_vectors(&mut self, op: Fn2, shape: Shape, mut x: u8, mut y: u8) -> u8 {
        if matches!(op, Fn2::AbsGe | Fn2::AbsGt) {
            let magnitude = if shape.esize == 2 { MAGNITUDE_S } else { MAGNITUDE_D };
            asm!(self ; vandps Rx(T0), Rx(x), [rbx + magnitude] ; vandps Rx(T1), Rx(y), [rbx + magnitude]);
            (x, y) = (T0, T1);
        }
        let predicate = match op {
            Fn2::Eq => predicate::EQUAL,
            Fn2::Ge | Fn2::AbsGe => predicate::GREATER_OR_EQUAL_SIGNALLING,
            _ => predicate::GREATER_SIGNALLING,
        };
        self.compared(shape, x, y, predicate)
    }

    pub(super) fn compare_with_zero(&mut self, op: Fn1, shape: Shape, a: u8) -> u8 {
        self.begin_float();
        let x = self.spread(shape, a, T0);
        asm!(self ; vpxor Rx(T1), Rx(T1), Rx(T1));
        let predicate = match op {
            Fn1::EqZero => predicate::EQUAL,
            Fn1::GeZero => predicate::GREATER_OR_EQUAL_SIGNALLING,
            Fn1::GtZero => predicate::GREATER_SIGNALLING,
            Fn1::LeZero => predicate::LESS_OR_EQUAL_SIGNALLING,
            _ => predicate::LESS_SIGNALLING,
        };
        self.compared(shape, x, T1, predicate)
    }

    fn compared(&mut self, shape: Shape, x: u8, y: u8, predicate: u8) -> u8 {
        let (esize, to) = (shape.esize, self.vector());
        self.compare_shape(shape, to, x, y, predicate);
        if shape.lanes == 1 {
            self.lowest(esize, to, to);
        }
        self.cut(shape, to);
        to
    }

    /// FCMP; false if it is to be evaluated.
    pub(crate) fn compare_floats(&mut self, op: FOp2, a: u8, b: u8) -> bool {
        let native = self.is_native(op.shape);
        if native {
            self.mark_float();
            self.set_compared(op, a, b);
        }
        native
    }

    /// FCCMP; false if it is to be evaluated.
    pub(crate) fn compare_floats_if(&mut self, c: C, op: FOp2, a: u8, b: u8, otherwise: u32) -> bool {
        if !self.is_native(op.shape) {
            return false;
        }
        self.mark_float();
        let Some(cc) = self.test(c) else {
            self.set_compared(op, a, b);
            return true;
        };
        let skip = self.forward(cc ^ 1);
        self.set_compared(op, a, b);
        // `jmp` over what follows.
        asm!(self ; .u8 0xeb ; .u8 0);
        let done = self.buf.here();
        self.land(skip);
        asm!(self ; mov eax, pack(otherwise ^ 2) as i32 ; add al, 0x7f ; sahf);
        let distance = self.buf.here() - done;
        self.buf.overwrite(done - 1, &[distance as u8]);
        true
    }

    /// Sets the flags, which are what comparing integers with 1 leaves: 0, 1, 2 for less, equal, greater; for
    /// unordered the least integer, which overflows.
    fn set_compared(&mut self, op: FOp2, a: u8, b: u8) {
        match op.op {
            Fn2::Compare { signal: true } => sized!(self, op.shape.esize; vcomiss vcomisd Rx(a), Rx(b)),
            _ => sized!(self, op.shape.esize; vucomiss vucomisd Rx(a), Rx(b)),
        }
        asm!(self
            ; mov ecx, i32::MIN
            ; seta al
            ; movzx eax, al
            ; cmovp eax, ecx
            ; sbb eax, -1
            ; cmp eax, 1
        );
        self.set_flags(true, None);
    }
}
