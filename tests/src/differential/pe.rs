//! A second, obvious `Engine`: registers in a struct, memory in one block, nothing else.

use super::layout::{SCRATCH, SCRATCH_SIZE};
use super::operands::{FPCR_BITS, FPSR_BITS};
use super::state::{Outcome, Ran, State, signal};
use hw::{Access, Leave};
use mem::Atomic;
use semantics::fops::{FOp1, FOp2, FOp3, FpEnv};
use semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use semantics::{
    BranchKind, Cond, Done, Engine, Feature, FlagOp, Gpr, Hint, MopsStage, Op1, Op2, PacKey, Pauth, PstateField,
    SysReg, Trap, WaitFor, Width,
};

/// One PE at EL0, as Linux sets it up.
pub struct Model {
    state: State,
    memory: Vec<u8>,
    pc: u64,
    next: u64,
    /// Address and bytes of the last load-exclusive.
    monitor: Option<(u64, u64)>,
    signal: u32,
    /// Where the first access of the instruction went.
    accessed: Option<u64>,
    /// Where a branch goes or would go.
    target: Option<u64>,
}

/// Registers that `MRS` and `MSR` reach here.
const NZCV: SysReg = SysReg::new(3, 3, 4, 2, 0);
const FPCR: SysReg = SysReg::new(3, 3, 4, 4, 0);
const FPSR: SysReg = SysReg::new(3, 3, 4, 4, 1);

/// FPCR.Len and FPCR.Stride: stored, for AArch32 only.
const LEN_STRIDE: u32 = 0x0037_0000;

impl Model {
    /// About to execute at `pc`.
    pub fn new(state: State, memory: &[u8], pc: u64) -> Model {
        let memory = memory.to_vec();
        Model { state, memory, pc, next: pc, monitor: None, signal: 0, accessed: None, target: None }
    }

    /// Executes `words`, in order of address, until one leaves that order.
    pub fn run(mut self, words: &[u32]) -> Ran {
        for word in words {
            self.step(*word);
            if self.signal != 0 || self.next != self.pc + 4 {
                let (signal, pc) = if self.signal != 0 { (self.signal, self.pc) } else { (signal::SEGV, self.next) };
                return Ran { state: self.state, outcome: Outcome::Signal { signal, pc }, memory: self.memory };
            }
        }
        Ran { state: self.state, outcome: Outcome::Finished, memory: self.memory }
    }

    /// Where the first access of `word` goes, if it makes one; what it does is done.
    pub fn first_access(mut self, word: u32) -> Option<u64> {
        self.step(word);
        self.accessed
    }

    /// Where the branch `word` goes, or would go if its condition held.
    pub fn branch_target(mut self, word: u32) -> Option<u64> {
        self.step(word);
        self.target
    }

    fn step(&mut self, word: u32) {
        self.pc = self.next;
        self.next = self.pc + 4;
        let done = match a64::decode(word) {
            Some(insn) => semantics::execute(self, insn),
            None => self.raise(signal::ILL),
        };
        assert!(done.is_ok() == (self.signal == 0), "nothing leaves without a signal here");
    }

    fn raise<T>(&mut self, signal: u32) -> Result<T, Leave> {
        self.signal = signal;
        Err(Leave::Exception)
    }

    /// The index in scratch of `bytes` bytes at `at`.
    fn place(&mut self, at: u64, bytes: u64, aligned: bool) -> Result<usize, Leave> {
        self.accessed.get_or_insert(at);
        if aligned && !at.is_multiple_of(bytes) {
            return self.raise(signal::BUS);
        }
        let offset = at.wrapping_sub(SCRATCH);
        if offset > SCRATCH_SIZE - bytes {
            return self.raise(signal::SEGV);
        }
        Ok(offset as usize)
    }

    fn read(&mut self, at: u64, bytes: u64, aligned: bool) -> Result<u128, Leave> {
        let from = self.place(at, bytes, aligned)?;
        Ok(self.memory[from..from + bytes as usize].iter().rev().fold(0, |v, byte| v << 8 | u128::from(*byte)))
    }

    fn write(&mut self, at: u64, bytes: u64, aligned: bool, v: u128) -> Done {
        let to = self.place(at, bytes, aligned)?;
        self.memory[to..to + bytes as usize].copy_from_slice(&v.to_le_bytes()[..bytes as usize]);
        Ok(())
    }

    fn write_exclusive(&mut self, at: u64, bytes: u64, v: u128) -> Result<u64, Leave> {
        self.place(at, bytes, true)?;
        if self.monitor.take() != Some((at, bytes)) {
            return Ok(1);
        }
        self.write(at, bytes, true, v)?;
        Ok(0)
    }

    /// The flags that floating-point micro-ops accumulate.
    fn float<T>(&mut self, op: impl FnOnce(&mut FpEnv) -> T) -> T {
        let mut env = FpEnv { fpcr: self.state.fpcr, fpsr: self.state.fpsr };
        let value = op(&mut env);
        self.state.fpsr = env.fpsr;
        value
    }

    fn saturating(&mut self, (value, saturated): (u128, bool)) -> u128 {
        self.state.fpsr |= u32::from(saturated) << 27;
        value
    }
}

/// The elements of a pair of `bytes` bytes in all; the one at the lower address first.
fn split(v: u128, bytes: u64) -> (u64, u64) {
    if bytes == 8 { (v as u64 & 0xffff_ffff, v as u64 >> 32) } else { (v as u64, (v >> 64) as u64) }
}

fn join((a, b): (u64, u64), bytes: u64) -> u128 {
    if bytes == 8 { u128::from(a as u32) | u128::from(b as u32) << 32 } else { u128::from(a) | u128::from(b) << 64 }
}

/// `v` of `bytes` bytes, sign-extended.
fn signed(v: u64, bytes: u64) -> i64 {
    let up = 64 - 8 * bytes;
    (v << up) as i64 >> up
}

fn modified(op: Atomic, old: u64, v: u64, bytes: u64) -> u64 {
    let (sold, sv) = (signed(old, bytes), signed(v, bytes));
    let (uold, uv) = (old, v & u64::MAX >> (64 - 8 * bytes));
    match op {
        Atomic::Add => old.wrapping_add(v),
        Atomic::Clear => old & !v,
        Atomic::Xor => old ^ v,
        Atomic::Set => old | v,
        Atomic::SMax => sold.max(sv) as u64,
        Atomic::SMin => sold.min(sv) as u64,
        Atomic::UMax => uold.max(uv),
        Atomic::UMin => uold.min(uv),
        Atomic::Swap => v,
    }
}

impl Engine for Model {
    type W = u64;
    type V = u128;
    type C = bool;

    fn has(&mut self, _: Feature) -> bool {
        false // hints with keys are not compared
    }
    fn imm(&mut self, v: u64) -> u64 {
        v
    }
    fn x(&mut self, r: Gpr) -> u64 {
        self.state.x.get(r.0 as usize).copied().unwrap_or(0)
    }
    fn set_x(&mut self, r: Gpr, v: u64) {
        if let Some(x) = self.state.x.get_mut(r.0 as usize) {
            *x = v;
        }
    }
    fn sp(&mut self) -> u64 {
        self.state.sp
    }
    fn set_sp(&mut self, v: u64) {
        self.state.sp = v;
    }
    fn pc(&mut self) -> u64 {
        self.pc
    }
    fn op1(&mut self, op: Op1, a: u64) -> u64 {
        op.eval(a)
    }
    fn op2(&mut self, op: Op2, a: u64, b: u64) -> u64 {
        op.eval(a, b)
    }

    fn flag_op(&mut self, op: FlagOp, width: Width, a: u64, b: u64) -> u64 {
        let (v, nzcv) = op.eval(width, a, b, self.state.nzcv >> 29 & 1 != 0);
        self.state.nzcv = nzcv << 28;
        v
    }
    fn flag_op_if(&mut self, c: bool, op: FlagOp, width: Width, a: u64, b: u64, otherwise: u32) {
        if c {
            self.flag_op(op, width, a, b);
        } else {
            self.state.nzcv = otherwise << 28;
        }
    }
    fn add_carry(&mut self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b).wrapping_add(u64::from(self.state.nzcv >> 29 & 1))
    }
    fn nzcv(&mut self) -> u64 {
        self.state.nzcv.into()
    }
    fn set_nzcv(&mut self, v: u64) {
        self.state.nzcv = v as u32 & 0xf000_0000;
    }
    fn cond(&mut self, cond: Cond) -> bool {
        cond.holds(self.state.nzcv >> 28)
    }
    fn is_zero(&mut self, a: u64) -> bool {
        a == 0
    }
    fn bit(&mut self, a: u64, n: u32) -> bool {
        a >> n & 1 != 0
    }
    fn not(&mut self, c: bool) -> bool {
        !c
    }
    fn select(&mut self, c: bool, a: u64, b: u64) -> u64 {
        if c { a } else { b }
    }

    fn branch(&mut self, target: u64, _: BranchKind) {
        self.target = Some(target);
        self.next = target;
    }
    fn branch_if(&mut self, c: bool, offset: i64) {
        let target = self.pc.wrapping_add_signed(offset);
        self.target = Some(target);
        if c {
            self.next = target;
        }
    }
    fn trap(&mut self, trap: Trap) -> Done {
        self.raise(if matches!(trap, Trap::Brk(_)) { signal::TRAP } else { signal::ILL })
    }
    fn indirect(&mut self, _: BranchKind, _: u32) -> Done {
        Ok(())
    }
    fn eret(&mut self, _: Option<PacKey>) -> Done {
        self.raise(signal::ILL)
    }

    // User-mode QEMU does not check the alignment of SP, so cases keep it aligned where it is a base.
    fn base(&mut self, rn: Gpr) -> Result<u64, Leave> {
        Ok(if rn.0 == 31 { self.state.sp } else { self.x(rn) })
    }
    fn load(&mut self, at: u64, how: Access) -> Result<u64, Leave> {
        Ok(self.read(at, how.bytes(), how.aligned)? as u64)
    }
    fn store(&mut self, at: u64, how: Access, v: u64) -> Done {
        self.write(at, how.bytes(), how.aligned, v.into())
    }
    fn load2(&mut self, at: u64, how: Access) -> Result<(u64, u64), Leave> {
        let a = self.load(at, how)?;
        Ok((a, self.load(at.wrapping_add(how.bytes()), how)?))
    }
    fn store2(&mut self, at: u64, how: Access, a: u64, b: u64) -> Done {
        self.store(at, how, a)?;
        self.store(at.wrapping_add(how.bytes()), how, b)
    }
    fn load_v(&mut self, at: u64, how: Access) -> Result<u128, Leave> {
        self.read(at, 16, how.aligned)
    }
    fn store_v(&mut self, at: u64, how: Access, v: u128) -> Done {
        self.write(at, 16, how.aligned, v)
    }
    fn load_exclusive(&mut self, at: u64, how: Access) -> Result<u64, Leave> {
        let v = self.read(at, how.bytes(), true)?;
        self.monitor = Some((at, how.bytes()));
        Ok(v as u64)
    }
    fn store_exclusive(&mut self, at: u64, how: Access, v: u64) -> Result<u64, Leave> {
        self.write_exclusive(at, how.bytes(), v.into())
    }
    fn load_exclusive2(&mut self, at: u64, how: Access) -> Result<(u64, u64), Leave> {
        let v = self.read(at, how.bytes(), true)?;
        self.monitor = Some((at, how.bytes()));
        Ok(split(v, how.bytes()))
    }
    fn store_exclusive2(&mut self, at: u64, how: Access, a: u64, b: u64) -> Result<u64, Leave> {
        self.write_exclusive(at, how.bytes(), join((a, b), how.bytes()))
    }
    fn rmw(&mut self, op: Atomic, at: u64, how: Access, operand: u64) -> Result<u64, Leave> {
        let old = self.read(at, how.bytes(), true)? as u64;
        self.write(at, how.bytes(), true, modified(op, old, operand, how.bytes()).into())?;
        Ok(old)
    }
    fn cas(&mut self, at: u64, how: Access, expected: u64, new: u64) -> Result<u64, Leave> {
        let old = self.read(at, how.bytes(), true)? as u64;
        if signed(old, how.bytes()) == signed(expected, how.bytes()) {
            self.write(at, how.bytes(), true, new.into())?;
        }
        Ok(old)
    }
    fn cas2(&mut self, at: u64, how: Access, expected: (u64, u64), new: (u64, u64)) -> Result<(u64, u64), Leave> {
        let old = self.read(at, how.bytes(), true)?;
        if old == join(expected, how.bytes()) {
            self.write(at, how.bytes(), true, join(new, how.bytes()))?;
        }
        Ok(split(old, how.bytes()))
    }

    // QEMU's keys are random, and its 7.2 has no FEAT_MOPS and no FEAT_WFxT: such rows are not compared.
    fn pauth(&mut self, op: Pauth, ptr: u64, _: u64) -> Result<u64, Leave> {
        match op {
            // 48 bits of address; the top byte is ignored in the lower range, as Linux has it.
            Pauth::StripCode | Pauth::StripData if ptr >> 55 & 1 == 1 => Ok(ptr | 0xffff << 48),
            Pauth::StripCode | Pauth::StripData => Ok(ptr & !(0xff << 48)),
            _ => self.raise(signal::ILL),
        }
    }
    fn mops_check(&mut self, _: MopsStage, _: u64, _: u32) -> Done {
        self.raise(signal::ILL)
    }
    fn mops_copy(&mut self, _: u64, _: u64, _: u64, _: (Access, Access)) -> Result<u64, Leave> {
        self.raise(signal::ILL)
    }
    fn mops_set(&mut self, _: u64, _: u64, _: u64, _: Access) -> Result<u64, Leave> {
        self.raise(signal::ILL)
    }
    fn wait_until(&mut self, _: u64, _: WaitFor) -> Done {
        self.raise(signal::ILL)
    }
    fn mrs(&mut self, reg: SysReg) -> Result<u64, Leave> {
        match reg {
            NZCV => Ok(self.state.nzcv.into()),
            FPCR => Ok(self.state.fpcr.into()),
            FPSR => Ok(self.state.fpsr.into()),
            _ => self.raise(signal::ILL),
        }
    }
    fn msr(&mut self, reg: SysReg, v: u64) -> Done {
        match reg {
            NZCV => self.set_nzcv(v),
            FPCR => self.state.fpcr = v as u32 & (FPCR_BITS | LEN_STRIDE),
            FPSR => self.state.fpsr = v as u32 & FPSR_BITS,
            _ => return self.raise(signal::ILL),
        }
        Ok(())
    }
    fn msr_imm(&mut self, _: PstateField, _: u32) -> Done {
        self.raise(signal::ILL)
    }
    fn sys(&mut self, _: SysReg, _: u64) -> Done {
        self.raise(signal::ILL)
    }
    fn hint(&mut self, hint: Hint) -> Done {
        if matches!(hint, Hint::Clrex) {
            self.monitor = None;
        }
        Ok(())
    }

    fn fp_access(&mut self) -> Done {
        Ok(())
    }
    fn v(&mut self, r: u32) -> u128 {
        self.state.v[r as usize]
    }
    fn set_v(&mut self, r: u32, v: u128) {
        self.state.v[r as usize] = v;
    }
    fn vimm(&mut self, v: u128) -> u128 {
        v
    }
    fn vfrom(&mut self, v: u64) -> u128 {
        v.into()
    }
    fn vget(&mut self, v: u128, esize: u32, index: u32) -> u64 {
        let bits = 8 << esize;
        (v >> (index * bits)) as u64 & u64::MAX >> (64 - bits)
    }
    fn vset(&mut self, v: u128, esize: u32, index: u32, to: u64) -> u128 {
        let bits = 8 << esize;
        let lane = u128::from(u64::MAX >> (64 - bits)) << (index * bits);
        v & !lane | u128::from(to) << (index * bits) & lane
    }
    fn vop1(&mut self, op: VOp1, a: u128) -> u128 {
        op.eval(a)
    }
    fn vop2(&mut self, op: VOp2, a: u128, b: u128) -> u128 {
        op.eval(a, b)
    }
    fn vop3(&mut self, op: VOp3, a: u128, b: u128, c: u128) -> u128 {
        op.eval(a, b, c)
    }
    fn sop1(&mut self, op: SOp1, a: u128) -> u128 {
        self.saturating(op.eval(a))
    }
    fn sop2(&mut self, op: SOp2, a: u128, b: u128) -> u128 {
        self.saturating(op.eval(a, b))
    }
    fn sop3(&mut self, op: SOp3, a: u128, b: u128, c: u128) -> u128 {
        self.saturating(op.eval(a, b, c))
    }
    fn fop1(&mut self, op: FOp1, a: u128) -> u128 {
        self.float(|env| op.eval(env, a))
    }
    fn fop2(&mut self, op: FOp2, a: u128, b: u128) -> u128 {
        self.float(|env| op.eval(env, a, b))
    }
    fn fop3(&mut self, op: FOp3, a: u128, b: u128, c: u128) -> u128 {
        self.float(|env| op.eval(env, a, b, c))
    }
}
