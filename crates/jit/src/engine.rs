//! `Engine` for the compiler: values become nodes, effects become code.
//!
//! The order of the semantics is kept: an access is emitted where it is asked for, and before the first register
//! is written. What gives up here is called instead; see `emit.rs`.

use crate::context::at;
use crate::emit::{Against, C, Emitter, Flags, Node, RAX, RCX, Setter, Test, W, asm};
use crate::evaluate::Op;
use crate::regs::{HOSTS, Where};

use dynasmrt::{DynasmApi, dynasm};
use hw::{Access, Leave};
use mem::Atomic;
use semantics::fops::{FOp1, FOp2, FOp3, Fn1};
use semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use semantics::{
    BranchKind, Cond, Done, Engine, Feature, FlagOp, Gpr, Hint, MopsStage, Op1, Op2, PacKey, Pauth, PstateField,
    SysReg, Trap, WaitFor, Width,
};

/// N, Z, C and V in `Context::flags`.
const FLAG_BITS: u64 = crate::context::pack(15) as u64;

/// What an instruction that gave up computes with.
const NOTHING: W = W(0);

/// The comparison of host register `x` with `imm`, or else with `y`, if they are places.
fn setter(op: FlagOp, wide: bool, x: u8, imm: Option<i32>, y: u8) -> Option<Setter> {
    let place = |host: u8| HOSTS.iter().position(|h| *h == host).map(|p| p as u8);
    let b = match imm {
        Some(v) => Against::Imm(v),
        None => Against::Place(place(y)?),
    };
    Some(Setter { subtracts: op == FlagOp::Sub, wide, a: place(x)?, b })
}

impl Emitter {
    /// A place with the result of a micro-op that sets flags.
    fn result_place(&mut self) -> (u8, u8) {
        let place = self.temporary().unwrap_or(0);
        (place, HOSTS[place as usize])
    }

    /// Emits `op`; the result is wanted unless `discard`.
    fn flags_from(&mut self, op: FlagOp, width: Width, a: W, b: W, discard: bool) -> W {
        let wide = width == Width::X;
        let x = if wide { self.reg(a) } else { self.low(a) };
        let imm = self.constant(b).and_then(|v| if wide { i32::try_from(v as i64).ok() } else { Some(v as i32) });
        let y = match imm {
            Some(_) => 0,
            None if wide => self.reg(b),
            None => self.low(b),
        };
        if discard && matches!(op, FlagOp::Sub | FlagOp::And) {
            match (op, imm, wide) {
                (FlagOp::Sub, Some(v), true) => asm!(self ; cmp Rq(x), v),
                (FlagOp::Sub, Some(v), false) => asm!(self ; cmp Rd(x), v),
                (FlagOp::Sub, None, true) => asm!(self ; cmp Rq(x), Rq(y)),
                (FlagOp::Sub, None, false) => asm!(self ; cmp Rd(x), Rd(y)),
                (_, Some(v), true) => asm!(self ; test Rq(x), v),
                (_, Some(v), false) => asm!(self ; test Rd(x), v),
                (_, None, true) => asm!(self ; test Rq(x), Rq(y)),
                (_, None, false) => asm!(self ; test Rd(x), Rd(y)),
            }
            self.set_flags(op == FlagOp::Sub, setter(op, wide, x, imm, y));
            return self.node(Node::Imm(0));
        }
        if discard && op == FlagOp::Add {
            self.mov(RAX, x);
            match (imm, wide) {
                (Some(v), true) => asm!(self ; add rax, v),
                (Some(v), false) => asm!(self ; add eax, v),
                (None, true) => asm!(self ; add rax, Rq(y)),
                (None, false) => asm!(self ; add eax, Rd(y)),
            }
            self.set_flags(false, None);
            return self.node(Node::Imm(0));
        }
        let (place, to) = self.result_place();
        if matches!(op, FlagOp::Adc | FlagOp::Sbc) {
            self.load_flags_with(op == FlagOp::Sbc);
        }
        let y = match (op, imm) {
            (FlagOp::Bic | FlagOp::Adc | FlagOp::Sbc, Some(v)) => {
                self.mov_imm(RAX, v as i64 as u64);
                RAX
            }
            _ => y,
        };
        if op != FlagOp::Bic {
            match wide {
                true => asm!(self ; mov Rq(to), Rq(x)),
                false => asm!(self ; mov Rd(to), Rd(x)),
            }
        }
        match (op, imm, wide) {
            (FlagOp::Add, Some(v), true) => asm!(self ; add Rq(to), v),
            (FlagOp::Add, Some(v), false) => asm!(self ; add Rd(to), v),
            (FlagOp::Add, None, true) => asm!(self ; add Rq(to), Rq(y)),
            (FlagOp::Add, None, false) => asm!(self ; add Rd(to), Rd(y)),
            (FlagOp::Sub, Some(v), true) => asm!(self ; sub Rq(to), v),
            (FlagOp::Sub, Some(v), false) => asm!(self ; sub Rd(to), v),
            (FlagOp::Sub, None, true) => asm!(self ; sub Rq(to), Rq(y)),
            (FlagOp::Sub, None, false) => asm!(self ; sub Rd(to), Rd(y)),
            (FlagOp::And, Some(v), true) => asm!(self ; and Rq(to), v),
            (FlagOp::And, Some(v), false) => asm!(self ; and Rd(to), v),
            (FlagOp::And, None, true) => asm!(self ; and Rq(to), Rq(y)),
            (FlagOp::And, None, false) => asm!(self ; and Rd(to), Rd(y)),
            (FlagOp::Adc, _, true) => asm!(self ; adc Rq(to), Rq(y)),
            (FlagOp::Adc, _, false) => asm!(self ; adc Rd(to), Rd(y)),
            (FlagOp::Sbc, _, true) => asm!(self ; sbb Rq(to), Rq(y)),
            (FlagOp::Sbc, _, false) => asm!(self ; sbb Rd(to), Rd(y)),
            (FlagOp::Bic, _, true) => asm!(self ; andn Rq(to), Rq(y), Rq(x)),
            (FlagOp::Bic, _, false) => asm!(self ; andn Rd(to), Rd(y), Rd(x)),
            (FlagOp::Setf8 | FlagOp::Setf16, ..) => self.give_up(),
        }
        let from = match op {
            FlagOp::Sub => setter(op, wide, x, imm, y),
            // The result says it all: C and V are clear.
            FlagOp::And | FlagOp::Bic => setter(FlagOp::And, wide, to, None, to),
            _ => None,
        };
        self.set_flags(matches!(op, FlagOp::Sub | FlagOp::Sbc), from);
        self.node(Node::At(place))
    }

    /// `w`, of which the low 32 bits count unless `wide`, in a place.
    fn placed(&mut self, w: W, wide: bool) -> W {
        let host = if wide { self.reg(w) } else { self.low(w) };
        match HOSTS.iter().position(|h| *h == host) {
            Some(place) => self.node(Node::At(place as u8)),
            // Given up.
            None => w,
        }
    }

    pub(crate) fn select_into(&mut self, c: C, a: W, b: W, to: u8, wide: bool) {
        if let (Some(one), Some(zero)) = (self.constant(a), self.constant(b))
            && one ^ zero == 1
            && one | zero == 1
        {
            let c = C { inverted: c.inverted ^ (one == 0), ..c };
            match self.test(c) {
                None => self.mov_imm(to, u64::from(!c.inverted)),
                Some(cc) => {
                    asm!(self ; .u8 0x0f ; .u8 0x90 | cc ; .u8 0xc0); // setcc al
                    asm!(self ; movzx Rd(to), al);
                }
            }
            return;
        }
        let x = if wide { self.reg(a) } else { self.low(a) };
        self.eval(b, to, wide);
        match self.test(c) {
            None if c.inverted => {}
            None => self.copy(to, x, wide),
            Some(cc) => {
                let rex = 0x40 | u8::from(wide) << 3 | (to >> 3) << 2 | x >> 3;
                asm!(self ; .u8 rex ; .u8 0x0f ; .u8 0x40 | cc ; .u8 0xc0 | (to & 7) << 3 | x & 7);
            }
        }
    }

    fn fold2(&self, op: Op2, a: W, b: W) -> Option<Node> {
        let (x, y) = (self.constant(a), self.constant(b));
        if let (Some(x), Some(y)) = (x, y) {
            return Some(Node::Imm(op.eval(x, y)));
        }
        let same_a = || Some(self.at(a));
        match (op, x, y) {
            (Op2::Add | Op2::Sub | Op2::Or | Op2::Xor | Op2::Lsl | Op2::Lsr | Op2::Asr, _, Some(0)) => same_a(),
            (Op2::Add | Op2::Or | Op2::Xor, Some(0), _) => Some(self.at(b)),
            (Op2::Bic, _, Some(0)) => same_a(),
            _ => None,
        }
    }
}

/// Of a scalar.
fn result_size(FOp1 { op, shape }: FOp1) -> Option<u8> {
    match op {
        Fn1::Convert { to, .. } | Fn1::ToFixed { to, .. } | Fn1::FromFixed { to, .. } => Some(to),
        Fn1::Abs | Fn1::Neg | Fn1::Sqrt | Fn1::RoundInt { .. } => Some(shape.esize),
        _ => None,
    }
}

impl Engine for Emitter {
    type W = W;
    type V = u8;
    type C = C;

    fn has(&mut self, feature: Feature) -> bool {
        self.features.has(feature)
    }
    fn imm(&mut self, v: u64) -> W {
        self.node(Node::Imm(v))
    }
    fn x(&mut self, r: Gpr) -> W {
        let Gpr(r) = r;
        if r == 31 {
            return self.imm(0);
        }
        match self.regs.find(r as u8) {
            Where::Constant(n) => self.imm(self.constants[n as usize]),
            _ => self.node(Node::X(r as u8, self.versions[r as usize & 31])),
        }
    }
    fn set_x(&mut self, r: Gpr, v: W) {
        if r.0 < 31 && !self.failed {
            self.assign(r.0 as u8, v);
        }
    }
    fn sp(&mut self) -> W {
        self.node(Node::X(31, self.versions[31]))
    }
    fn set_sp(&mut self, v: W) {
        if !self.failed {
            self.sp_aligned = self.keeps_sp_aligned(v);
            self.assign(31, v);
        }
    }
    fn pc(&mut self) -> W {
        self.imm(self.pc_here())
    }
    fn op1(&mut self, op: Op1, a: W) -> W {
        match self.constant(a) {
            Some(v) => self.imm(op.eval(v)),
            None => self.node(Node::Op1(op, a)),
        }
    }
    fn op2(&mut self, op: Op2, a: W, b: W) -> W {
        if let Some(folded) = self.fold2(op, a, b) {
            return self.node(folded);
        }
        if let (Op2::Bic, Some(v)) = (op, self.constant(b)) {
            let mask = self.imm(!v);
            return self.node(Node::Op2(Op2::And, a, mask));
        }
        self.node(Node::Op2(op, a, b))
    }

    fn flag_op(&mut self, op: FlagOp, width: Width, a: W, b: W) -> W {
        let discard = self.word() & 31 == 31;
        self.flags_from(op, width, a, b, discard)
    }
    fn flag_op_if(&mut self, c: C, op: FlagOp, width: Width, a: W, b: W, otherwise: u32) {
        // Operands first, so that both ways find them in registers.
        let wide = width == Width::X;
        let fits = |v: u64| !wide || i32::try_from(v as i64).is_ok();
        let a = self.placed(a, wide);
        let b = if self.constant(b).is_some_and(fits) { b } else { self.placed(b, wide) };
        let Some(cc) = self.test(c) else {
            self.flags_from(op, width, a, b, true);
            return;
        };
        let skip = self.forward(cc ^ 1);
        let before = self.regs;
        self.flags_from(op, width, a, b, true);
        if before.dirty_places() != self.regs.dirty_places() {
            // Something moved on one of the two ways only.
            self.give_up();
        }
        let done = {
            self.buf.push(0xeb);
            self.buf.push(0);
            self.buf.here()
        };
        self.land(skip);
        let borrow = op == FlagOp::Sub;
        let word = crate::context::pack(if borrow { otherwise ^ 2 } else { otherwise });
        asm!(self ; mov eax, word as i32 ; add al, 0x7f ; sahf);
        let distance = self.buf.here() - done;
        self.buf.overwrite(done - 1, &[distance as u8]);
        self.set_flags(borrow, None);
    }
    fn add_carry(&mut self, a: W, b: W) -> W {
        let (x, y) = (self.reg(a), self.reg(b));
        let (place, to) = self.result_place();
        self.load_flags_with(false);
        // ADC changes them, and the guest's do not change.
        self.save_flags();
        self.flags = Flags::Memory;
        asm!(self ; mov Rq(to), Rq(x) ; adc Rq(to), Rq(y));
        self.node(Node::At(place))
    }
    fn nzcv(&mut self) -> W {
        let (place, to) = self.result_place();
        self.save_flags();
        self.flags = Flags::Memory;
        self.mov_imm(RCX, FLAG_BITS);
        asm!(self ; movzx eax, WORD [BYTE rbx + at::FLAGS] ; pext Rd(to), eax, ecx ; shl Rd(to), 28);
        self.node(Node::At(place))
    }
    fn set_nzcv(&mut self, v: W) {
        let from = self.low(v);
        self.mov_imm(RCX, FLAG_BITS);
        asm!(self ; mov eax, Rd(from) ; shr eax, 28 ; pdep eax, eax, ecx ; mov [BYTE rbx + at::FLAGS], ax);
        self.flags = Flags::Memory;
    }
    fn cond(&mut self, cond: Cond) -> C {
        let test = if cond.0 < 14 { Test::Flags(cond.0) } else { Test::Always };
        C { test, inverted: false }
    }
    fn is_zero(&mut self, a: W) -> C {
        C { test: Test::Zero(a), inverted: false }
    }
    fn bit(&mut self, a: W, n: u32) -> C {
        C { test: Test::Bit(a, n), inverted: false }
    }
    fn not(&mut self, c: C) -> C {
        C { inverted: !c.inverted, ..c }
    }
    fn select(&mut self, c: C, a: W, b: W) -> W {
        self.node(Node::Select(c, a, b))
    }

    fn branch(&mut self, target: W, kind: BranchKind) {
        match kind {
            _ if self.failed => {}
            BranchKind::Call | BranchKind::Indirect if self.is_identified() => self.branch_by_kind(target, kind),
            _ => self.branch_to(target, kind),
        }
    }
    fn branch_if(&mut self, c: C, offset: i64) {
        if !self.failed {
            let target = self.pc_here().wrapping_add(offset as u64);
            self.branch_where(c, target);
        }
    }
    fn trap(&mut self, trap: Trap) -> Done {
        self.raise(trap);
        Ok(())
    }
    fn indirect(&mut self, _: BranchKind, _: u32) -> Done {
        Ok(())
    }
    fn eret(&mut self, key: Option<PacKey>) -> Done {
        self.exception_return(key);
        Ok(())
    }

    fn base(&mut self, rn: Gpr) -> Result<W, Leave> {
        if rn.0 == 31 {
            self.check_sp();
            return Ok(self.sp());
        }
        Ok(self.x(rn))
    }
    fn load(&mut self, at: W, how: Access) -> Result<W, Leave> {
        let place = self.load_into_place(at, how).unwrap_or(0);
        Ok(self.node(Node::At(place)))
    }
    fn store(&mut self, at: W, how: Access, v: W) -> Done {
        self.store_one(at, how, v);
        Ok(())
    }
    fn load2(&mut self, at: W, how: Access) -> Result<(W, W), Leave> {
        let [a, b] = self.load_pair(at, how).unwrap_or([0, 0]);
        Ok((self.node(Node::At(a)), self.node(Node::At(b))))
    }
    fn store2(&mut self, at: W, how: Access, a: W, b: W) -> Done {
        self.store_pair(at, how, a, b);
        Ok(())
    }
    fn load_v(&mut self, at: W, how: Access) -> Result<u8, Leave> {
        Ok(self.load_vector(at, how))
    }
    fn store_v(&mut self, at: W, how: Access, v: u8) -> Done {
        self.store_vector(at, how, v);
        Ok(())
    }
    fn load_exclusive(&mut self, at: W, how: Access) -> Result<W, Leave> {
        Ok(self.load_marked(at, how))
    }
    fn store_exclusive(&mut self, at: W, how: Access, v: W) -> Result<W, Leave> {
        Ok(self.store_marked(at, how, v))
    }
    fn load_exclusive2(&mut self, at: W, how: Access) -> Result<(W, W), Leave> {
        Ok(self.load_marked_pair(at, how))
    }
    fn store_exclusive2(&mut self, at: W, how: Access, a: W, b: W) -> Result<W, Leave> {
        Ok(self.store_marked_pair(at, how, a, b))
    }
    fn rmw(&mut self, op: Atomic, at: W, how: Access, operand: W) -> Result<W, Leave> {
        Ok(self.modify(op, at, how, operand))
    }
    fn cas(&mut self, at: W, how: Access, expected: W, new: W) -> Result<W, Leave> {
        Ok(self.swap_if(at, how, expected, new))
    }
    fn cas2(&mut self, at: W, how: Access, expected: (W, W), new: (W, W)) -> Result<(W, W), Leave> {
        Ok(self.swap_pair_if(at, how, expected, new))
    }

    fn pauth(&mut self, op: Pauth, ptr: W, modifier: W) -> Result<W, Leave> {
        Ok(self.authenticate(op, ptr, modifier))
    }
    fn mops_check(&mut self, _: MopsStage, _: W, _: u32) -> Done {
        self.give_up();
        Ok(())
    }
    fn mops_copy(&mut self, _: W, _: W, _: W, _: (Access, Access)) -> Result<W, Leave> {
        self.give_up();
        Ok(NOTHING)
    }
    fn mops_set(&mut self, _: W, _: W, _: W, _: Access) -> Result<W, Leave> {
        self.give_up();
        Ok(NOTHING)
    }
    fn wait_until(&mut self, _: W, _: WaitFor) -> Done {
        self.give_up();
        Ok(())
    }
    fn mrs(&mut self, reg: SysReg) -> Result<W, Leave> {
        Ok(self.read_system(reg))
    }
    fn msr(&mut self, reg: SysReg, v: W) -> Done {
        self.write_system(reg, v);
        Ok(())
    }
    fn msr_imm(&mut self, field: PstateField, imm: u32) -> Done {
        self.write_field(field, imm);
        Ok(())
    }
    fn sys(&mut self, op: SysReg, v: W) -> Done {
        self.system_operation(op, v);
        Ok(())
    }
    fn hint(&mut self, hint: Hint) -> Done {
        match hint {
            Hint::Nop | Hint::Esb | Hint::Sb => {}
            Hint::Dmb(kind) => self.barrier(kind, false),
            Hint::Dsb(kind) => self.barrier(kind, true),
            Hint::Isb => self.synchronise(),
            Hint::Clrex => self.clear_monitor(),
            _ => self.give_up(),
        }
        Ok(())
    }

    fn fp_access(&mut self) -> Done {
        if !self.context.fp() {
            self.give_up();
        }
        Ok(())
    }
    fn v(&mut self, r: u32) -> u8 {
        self.guest_v(r as u8 & 31)
    }
    fn set_v(&mut self, r: u32, v: u8) {
        self.assign_v(r as u8 & 31, v);
    }
    fn vimm(&mut self, v: u128) -> u8 {
        let to = self.vector();
        self.load_constant(to, v);
        self.narrow.note(to, [32, 64].iter().position(|bits| v >> bits == 0).map(|n| n as u8 + 2));
        to
    }
    fn vfrom(&mut self, v: W) -> u8 {
        let from = self.reg(v);
        let to = self.vector();
        asm!(self ; vmovq Rx(to), Rq(from));
        self.narrow.note(to, Some(3));
        to
    }
    fn vget(&mut self, v: u8, esize: u32, index: u32) -> W {
        let (place, to) = self.result_place();
        match (esize, index) {
            (2, 0) => asm!(self ; vmovd Rd(to), Rx(v)),
            (3, 0) => asm!(self ; vmovq Rq(to), Rx(v)),
            (0, _) => asm!(self ; vpextrb Rd(to), Rx(v), index as i8),
            (1, _) => asm!(self ; vpextrw Rd(to), Rx(v), index as i8),
            (2, _) => asm!(self ; vpextrd Rd(to), Rx(v), index as i8),
            _ => asm!(self ; vpextrq Rq(to), Rx(v), index as i8),
        }
        self.node(Node::At(place))
    }
    fn vset(&mut self, v: u8, esize: u32, index: u32, with: W) -> u8 {
        let from = self.reg(with);
        let to = self.vector();
        match esize {
            0 => asm!(self ; vpinsrb Rx(to), Rx(v), Rd(from), index as i8),
            1 => asm!(self ; vpinsrw Rx(to), Rx(v), Rd(from), index as i8),
            2 => asm!(self ; vpinsrd Rx(to), Rx(v), Rd(from), index as i8),
            _ => asm!(self ; vpinsrq Rx(to), Rx(v), Rq(from), index as i8),
        }
        to
    }
    fn vop1(&mut self, op: VOp1, a: u8) -> u8 {
        self.lower_v1(op, a).unwrap_or_else(|| self.evaluated(Op::V1(op), [a, 0, 0]))
    }
    fn vop2(&mut self, op: VOp2, a: u8, b: u8) -> u8 {
        self.lower_v2(op, a, b).unwrap_or_else(|| self.evaluated(Op::V2(op), [a, b, 0]))
    }
    fn vop3(&mut self, op: VOp3, a: u8, b: u8, c: u8) -> u8 {
        self.lower_v3(op, a, b, c).unwrap_or_else(|| self.evaluated(Op::V3(op), [a, b, c]))
    }
    fn sop1(&mut self, op: SOp1, a: u8) -> u8 {
        self.lower_s1(op, a).unwrap_or_else(|| self.evaluated(Op::S1(op), [a, 0, 0]))
    }
    fn sop2(&mut self, op: SOp2, a: u8, b: u8) -> u8 {
        self.lower_s2(op, a, b).unwrap_or_else(|| self.evaluated(Op::S2(op), [a, b, 0]))
    }
    fn sop3(&mut self, op: SOp3, a: u8, b: u8, c: u8) -> u8 {
        self.evaluated(Op::S3(op), [a, b, c])
    }
    fn fop1(&mut self, op: FOp1, a: u8) -> u8 {
        let to = self.lower_f1(op, a).unwrap_or_else(|| self.evaluated(Op::F1(op), [a, 0, 0]));
        if op.shape.lanes == 1 {
            self.narrow.note(to, result_size(op));
        }
        to
    }
    fn fop2(&mut self, op: FOp2, a: u8, b: u8) -> u8 {
        self.lower_f2(op, a, b).unwrap_or_else(|| self.evaluated(Op::F2(op), [a, b, 0]))
    }
    fn fop3(&mut self, op: FOp3, a: u8, b: u8, c: u8) -> u8 {
        self.lower_f3(op, a, b, c).unwrap_or_else(|| self.evaluated(Op::F3(op), [a, b, c]))
    }
    fn load_elements(&mut self, at: W, how: Access, count: u32) -> Result<[u8; 4], Leave> {
        if let Some(v) = self.load_bytes(at, how, count << how.size) {
            return Ok(v);
        }
        if how.size < 4 {
            self.give_up();
        }
        let mut v = [0; 4];
        for (to, i) in v.iter_mut().zip(0..count) {
            let at = self.element(at, how, i);
            *to = self.load_vector(at, how);
        }
        Ok(v)
    }
    fn shuffle3(&mut self, v: [u8; 3], order: u128) -> u8 {
        self.shuffled(v, order)
    }
    fn store_elements(&mut self, at: W, how: Access, count: u32, v: [u8; 4]) -> Done {
        if self.store_bytes(at, how, count << how.size, v) {
            return Ok(());
        }
        if how.size < 4 {
            self.give_up();
        }
        for (from, i) in v.into_iter().zip(0..count) {
            let at = self.element(at, how, i);
            self.store_vector(at, how, from);
        }
        Ok(())
    }
    fn compare(&mut self, op: FOp2, a: u8, b: u8) {
        if !self.compare_floats(op, a, b) {
            let v = self.fop2(op, a, b);
            let nzcv = self.vget(v, 2, 0);
            self.set_nzcv(nzcv);
        }
    }
    fn compare_if(&mut self, c: C, op: FOp2, a: u8, b: u8, otherwise: u32) {
        if !self.compare_floats_if(c, op, a, b, otherwise) {
            self.give_up();
        }
    }
}
