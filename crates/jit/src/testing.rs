//! Lowerings against the micro-ops' own `eval`: one op at a time, compiled alone, run on many operands.

use crate::code::CodeBuf;
use crate::context::Static;
use crate::emit::{Emitter, Flags, asm};
use crate::evaluate::Op;
use crate::regs::{VFile, XFile};
use crate::thunks::{jump, why};
use crate::{Jit, Options};
use cpu::{Alarms, Model, Peer, Shared, TlbiQueue, Vcpu, VcpuSpec};
use dynasmrt::{DynasmApi, dynasm};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{Clock, PhysAddr};
use mem::{Bus, Ram};
use semantics::Engine;
use semantics::vops::Lane;
use std::sync::Arc;
use sync::Attention;

pub(crate) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn number(&mut self, lane: Lane) -> u64 {
        let bits = u64::from(lane.bits());
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << (bits - 1),
            3 => (1 << (bits - 1)) - 1,
            4 => 1 << self.below(bits),
            // The size of a shift.
            5 => (self.below(4 * bits) as i64 - 2 * bits as i64) as u64,
            _ => self.next(),
        }
    }

    /// Single or double, of the kinds that corners are made of.
    fn float(&mut self, lane: Lane) -> u64 {
        let (fraction, exponents) = match lane {
            Lane::D => (52, 0x7ff),
            Lane::S => (23, 0xff),
            _ => (10, 0x1f),
        };
        let bias = exponents / 2;
        let low = self.next() & ((1 << fraction) - 1);
        // Few ones, or nearly all, so that exact results and ties happen.
        let low = match self.below(5) {
            0 => 0,
            1 => (1 << fraction) - 1 - self.below(2),
            2 => 1 << self.below(fraction),
            3 => self.below(3),
            _ => low,
        };
        let exponent = match self.below(10) {
            0 => 0,
            1 => exponents,
            2 => 1 + self.below(3),
            3 => exponents - 1 - self.below(3),
            4 => bias / 2 + self.below(4),
            5 => bias + 28 + self.below(8),
            6 => bias + 60 + self.below(6),
            7 => self.below(exponents),
            _ => bias - 3 + self.below(6),
        };
        self.below(2) << (lane.bits() - 1) | exponent.min(exponents) << fraction | low
    }

    fn lanes(&mut self, lane: Lane, mut pick: impl FnMut(&mut Random, Lane) -> u64) -> u128 {
        let bits = lane.bits();
        (0..128 / bits).fold(0, |v, i| v | (u128::from(pick(self, lane)) & (u128::MAX >> (128 - bits))) << (i * bits))
    }

    /// Of integers, or of floating-point numbers where `float`.
    pub fn vector(&mut self, float: bool) -> u128 {
        let lane = match float {
            true => [Lane::S, Lane::D, Lane::S, Lane::D, Lane::H][self.below(5) as usize],
            false => Lane::of(self.below(4) as u32),
        };
        match self.below(8) {
            0 => u128::from(self.next()) << 64 | u128::from(self.next()),
            1 => self.lanes(lane, Random::number),
            _ if float => self.lanes(lane, Random::float),
            _ => self.lanes(lane, Random::number),
        }
    }
}

fn vcpu() -> Vcpu {
    let (clock, attention) = (Clock::start(), Arc::new(Attention::new()));
    let pe = PeSpec { affinity: Affinity::default(), attention: attention.clone() };
    let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], ..Default::default() }).unwrap();
    let bus = Bus::new(Ram::new(PhysAddr(0x4000_0000), 1 << 20).unwrap());
    let peers = vec![Peer { attention: attention.clone(), tlbi: TlbiQueue::new() }];
    let alarms = Alarms::new(clock, vec![attention]);
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    let mut cpu = Vcpu::new(VcpuSpec { index: 0, mpidr: 0, model: Model::by_name("max").unwrap() }, shared);
    cpu.sys.cpacr = 3 << 20;
    cpu.refresh();
    cpu
}

/// The host's V registers: operands, result, and what became of the operands.
const RESULT: usize = 3;
const AFTER: usize = 4;

/// The operation under test.
pub(crate) struct Lowering {
    jit: Jit,
    start: crate::code::Offset,
    /// What was compiled last calls `eval` on its way.
    calls: bool,
}

impl Lowering {
    /// With AVX-512, if this host has it.
    pub fn new(avx512: bool) -> Lowering {
        let avx512 = avx512 && Options::default().avx512;
        let jit = Jit::with(vcpu(), &Options { code_size: 1 << 20, avx512, ..Options::default() }).unwrap();
        let start = jit.space.lock().emitter.buf.here();
        Lowering { jit, start, calls: false }
    }

    /// Compiles `op` for an FPCR.
    fn compile(&mut self, op: Op, fpcr: u32) {
        self.jit.interp.cpu.regs.fpcr = fpcr;
        let context = Static::of(&self.jit.interp.cpu, 0x4000_0000);
        let space = self.jit.space.clone();
        let e: &mut Emitter = &mut space.lock().emitter;
        let (start, end) = (self.start, 1 << 20);
        e.buf = CodeBuf::new(e.buf.arena().clone(), start, end);
        (e.context, e.start, e.index, e.words, e.rows) = (context, 0, 0, vec![0], Vec::new());
        (e.regs, e.vregs, e.flags, e.failed) = (XFile::new(), VFile::new(), Flags::Memory, false);
        (e.float_marked, e.known) = (false, Default::default());
        e.cold.clear();
        e.constants.clear();
        e.nodes.clear();
        e.node(crate::emit::Node::Imm(0));
        let [a, b, c] = [0, 1, 2].map(|r| e.v(r));
        let v = match op {
            Op::V1(op) => e.vop1(op, a),
            Op::V2(op) => e.vop2(op, a, b),
            Op::V3(op) => e.vop3(op, a, b, c),
            Op::S1(op) => e.sop1(op, a),
            Op::S2(op) => e.sop2(op, a, b),
            Op::S3(op) => e.sop3(op, a, b, c),
            Op::F1(op) => e.fop1(op, a),
            Op::F2(op) => e.fop2(op, a, b),
            Op::F3(op) => e.fop3(op, a, b, c),
        };
        assert!(!e.failed, "{op:?}: gave up");
        e.set_v(RESULT as u32, v);
        [a, b, c].into_iter().enumerate().for_each(|(i, r)| e.set_v((AFTER + i) as u32, r));
        e.flush();
        asm!(e ; mov eax, why::LOOKUP as i32);
        jump(&mut e.buf, e.thunks.leave);
        self.calls = e.buf.room() + e.buf.here() as usize != end as usize;
        e.write_cold();
    }

    /// Value, FPSR, operands afterwards.
    fn run(&mut self, operands: [u128; 3], fpcr: u32, fpsr: u32) -> (u128, u32, [u128; 3]) {
        let regs = &mut self.jit.interp.cpu.regs;
        (regs.fpcr, regs.fpsr) = (fpcr, fpsr);
        regs.v[..3].copy_from_slice(&operands);
        let code = self.jit.space.arena.address(self.start);
        self.jit.context.float.used = 0;
        self.jit.context.float.enter(fpcr);
        assert_eq!(crate::entry::run(&mut self.jit, code), why::LOOKUP);
        self.jit.merge_fpsr();
        let regs = &self.jit.interp.cpu.regs;
        (regs.v[RESULT], regs.fpsr, [0, 1, 2].map(|i| regs.v[AFTER + i]))
    }

    /// `op` on `cases` triples of operands; is it lowered at all?
    #[track_caller]
    pub fn check(&mut self, op: Op, cases: u32, fpcrs: &[u32]) {
        let float = matches!(op, Op::F1(_) | Op::F2(_) | Op::F3(_));
        for &fpcr in fpcrs {
            self.compile(op, fpcr);
            let mut random = Random(u64::from(fpcr));
            for _ in 0..cases {
                let operands = [(); 3].map(|()| random.vector(float));
                let got = self.run(operands, fpcr, 0);
                let regs = &mut self.jit.interp.cpu.regs;
                regs.fpsr = 0;
                let want = self.jit.evaluate(op, operands);
                let want = (want, self.jit.interp.cpu.regs.fpsr, operands);
                assert_eq!(got, want, "{op:?} of {operands:#x?}, fpcr {fpcr:#x}: got {:#x}, want {:#x}", got.0, want.0);
            }
        }
    }

    /// Is `op` compiled without a call on the way?
    pub fn is_lowered(&mut self, op: Op) -> bool {
        self.compile(op, 0);
        !self.calls
    }
}
