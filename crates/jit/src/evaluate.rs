//! Vector micro-ops evaluated as the interpreter does, by their own `eval`, from inside a block.
//!
//! For what has no lowering, and for the rare operands with which a lowering would not be exact. Operands are host
//! registers; all of them are kept, but the one of the result.

use crate::emit::{Cold, Emitter, asm};
use crate::thunks::call;
use crate::{Jit, code::Offset};
use dynasmrt::{DynasmApi, dynasm};
use semantics::fops::{FOp1, FOp2, FOp3, FpEnv};
use semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};

/// FPSR.QC: a lane saturated.
pub(crate) const QC: u32 = 1 << 27;

/// Any vector micro-op.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    V1(VOp1),
    V2(VOp2),
    V3(VOp3),
    S1(SOp1),
    S2(SOp2),
    S3(SOp3),
    F1(FOp1),
    F2(FOp2),
    F3(FOp3),
}

impl Op {
    /// Does it look at FPCR or FPSR?
    fn is_float(self) -> bool {
        matches!(self, Op::F1(_) | Op::F2(_) | Op::F3(_))
    }
}

/// One to evaluate, a record in the arena: the host registers of its result and of its operands, as many as it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluation {
    pub op: Op,
    pub to: u8,
    pub from: [u8; 3],
}

impl Emitter {
    /// The result of `op`, evaluated.
    pub(crate) fn evaluated(&mut self, op: Op, from: [u8; 3]) -> u8 {
        let to = self.vector();
        self.clobber_flags();
        self.call_evaluation(Evaluation { op, to, from });
        to
    }

    /// Evaluates `op` instead of what was computed to `to`, if control comes from one of `from`; the rest of the
    /// block goes on here.
    pub(crate) fn or_evaluate(&mut self, from: impl IntoIterator<Item = Offset>, op: Op, to: u8, operands: [u8; 3]) {
        let (back, evaluation) = (self.buf.here(), Evaluation { op, to, from: operands });
        self.cold.extend(from.into_iter().map(|from| Cold::Evaluate { from, back, evaluation }));
    }

    pub(crate) fn call_evaluation(&mut self, evaluation: Evaluation) {
        let thunk = if evaluation.op.is_float() { self.thunks.evaluate_float } else { self.thunks.evaluate };
        let record = self.buf.put(evaluation);
        asm!(self ; mov eax, record as i32);
        call(&mut self.buf, thunk);
    }
}

impl Jit {
    /// The value of `op`; FPSR gets its flags.
    pub(crate) fn evaluate(&mut self, op: Op, [a, b, c]: [u128; 3]) -> u128 {
        self.counts.causes.evaluated(op);
        let regs = &mut self.interp.cpu.regs;
        let mut env = FpEnv { fpcr: regs.fpcr, fpsr: regs.fpsr };
        let (v, saturated) = match op {
            Op::V1(op) => (op.eval(a), false),
            Op::V2(op) => (op.eval(a, b), false),
            Op::V3(op) => (op.eval(a, b, c), false),
            Op::S1(op) => op.eval(a),
            Op::S2(op) => op.eval(a, b),
            Op::S3(op) => op.eval(a, b, c),
            Op::F1(op) => (op.eval(&mut env, a), false),
            Op::F2(op) => (op.eval(&mut env, a, b), false),
            Op::F3(op) => (op.eval(&mut env, a, b, c), false),
        };
        regs.fpsr = env.fpsr | if saturated { QC } else { 0 };
        v
    }
}
