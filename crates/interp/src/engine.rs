//! `Engine` for the interpreter: a value is a number, a micro-op is its `eval`.

use crate::Interp;
use cpu::Monitor;
use hw::{Access, Leave};
use mem::Atomic;
use semantics::fops::{FOp1, FOp2, FOp3, FpEnv};
use semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use semantics::{
    BranchKind, Cond, Done, Engine, Feature, FlagOp, Gpr, Hint, MopsStage, Op1, Op2, PacKey, Pauth, PstateField,
    SysReg, Trap, WaitFor, Width,
};

/// FPSR.QC: a saturating instruction saturated.
const QC: u32 = 1 << 27;

/// (low address, high address) as the pair sits in memory.
fn join(size: u8, a: u64, b: u64) -> u128 {
    match size {
        3 => u128::from(a as u32) | u128::from(b as u32) << 32,
        _ => u128::from(a) | u128::from(b) << 64,
    }
}

fn part(size: u8, v: u128) -> (u64, u64) {
    match size {
        3 => (v as u32 as u64, (v >> 32) as u32 as u64),
        _ => (v as u64, (v >> 64) as u64),
    }
}

impl Interp {
    /// Runs a floating-point micro-op with this PE's FPCR, and keeps the flags it raised.
    #[inline(always)]
    fn with_env(&mut self, op: impl FnOnce(&mut FpEnv) -> u128) -> u128 {
        let mut env = FpEnv { fpcr: self.cpu.regs.fpcr, fpsr: self.cpu.regs.fpsr };
        let v = op(&mut env);
        self.cpu.regs.fpsr = env.fpsr;
        v
    }

    #[inline(always)]
    fn saturated(&mut self, (v, saturated): (u128, bool)) -> u128 {
        if saturated {
            self.cpu.regs.fpsr |= QC;
        }
        v
    }
}

impl Engine for Interp {
    type W = u64;
    type V = u128;
    type C = bool;

    #[inline(always)]
    fn has(&mut self, feature: Feature) -> bool {
        self.cpu.model.has(feature)
    }
    #[inline(always)]
    fn imm(&mut self, v: u64) -> u64 {
        v
    }
    #[inline(always)]
    fn x(&mut self, r: Gpr) -> u64 {
        if r.0 < 31 { self.cpu.regs.x[r.0 as usize] } else { 0 }
    }
    #[inline(always)]
    fn set_x(&mut self, r: Gpr, v: u64) {
        if r.0 < 31 {
            self.cpu.regs.x[r.0 as usize] = v;
        }
    }
    #[inline(always)]
    fn sp(&mut self) -> u64 {
        self.cpu.regs.sp
    }
    #[inline(always)]
    fn set_sp(&mut self, v: u64) {
        self.cpu.regs.sp = v;
    }
    #[inline(always)]
    fn pc(&mut self) -> u64 {
        self.cpu.regs.pc
    }
    #[inline(always)]
    fn op1(&mut self, op: Op1, a: u64) -> u64 {
        op.eval(a)
    }
    #[inline(always)]
    fn op2(&mut self, op: Op2, a: u64, b: u64) -> u64 {
        op.eval(a, b)
    }

    #[inline(always)]
    fn flag_op(&mut self, op: FlagOp, width: Width, a: u64, b: u64) -> u64 {
        let carry = self.cpu.regs.nzcv & 2 != 0;
        let (r, nzcv) = op.eval(width, a, b, carry);
        self.cpu.regs.nzcv = nzcv;
        r
    }
    #[inline(always)]
    fn flag_op_if(&mut self, c: bool, op: FlagOp, width: Width, a: u64, b: u64, otherwise: u32) {
        if c {
            self.flag_op(op, width, a, b);
        } else {
            self.cpu.regs.nzcv = otherwise;
        }
    }
    #[inline(always)]
    fn add_carry(&mut self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b).wrapping_add(u64::from(self.cpu.regs.nzcv >> 1 & 1))
    }
    #[inline(always)]
    fn nzcv(&mut self) -> u64 {
        u64::from(self.cpu.regs.nzcv) << 28
    }
    #[inline(always)]
    fn set_nzcv(&mut self, v: u64) {
        self.cpu.regs.nzcv = (v >> 28) as u32 & 0xf;
    }
    #[inline(always)]
    fn cond(&mut self, cond: Cond) -> bool {
        cond.holds(self.cpu.regs.nzcv)
    }
    #[inline(always)]
    fn is_zero(&mut self, a: u64) -> bool {
        a == 0
    }
    #[inline(always)]
    fn bit(&mut self, a: u64, n: u32) -> bool {
        a >> n & 1 != 0
    }
    #[inline(always)]
    fn not(&mut self, c: bool) -> bool {
        !c
    }
    #[inline(always)]
    fn select(&mut self, c: bool, a: u64, b: u64) -> u64 {
        if c { a } else { b }
    }

    #[inline(always)]
    fn branch(&mut self, target: u64, _: BranchKind) {
        self.next = target;
    }
    #[inline(always)]
    fn branch_if(&mut self, c: bool, offset: i64) {
        if c {
            self.next = self.cpu.regs.pc.wrapping_add(offset as u64);
        }
    }
    #[inline(always)]
    fn indirect(&mut self, kind: BranchKind, rn: u32) -> Done {
        self.cpu.set_branch_type(kind == BranchKind::Call, rn).inspect_err(|_| self.cpu.regs.pc = self.next)
    }
    fn trap(&mut self, trap: Trap) -> Done {
        match trap {
            Trap::Svc(imm) => self.cpu.svc(imm),
            Trap::Hvc(imm) => self.cpu.hvc(imm),
            Trap::Smc(imm) => self.cpu.smc(imm),
            Trap::Brk(imm) => self.cpu.brk(imm),
            Trap::Hlt(_) | Trap::Dcps(_) | Trap::Undefined => Err(self.cpu.raise_undefined()),
        }
    }
    fn eret(&mut self, key: Option<PacKey>) -> Done {
        self.retire_now();
        match key {
            Some(key) => self.cpu.eret_authenticated(key),
            None => self.cpu.eret(),
        }
    }
    fn pauth(&mut self, op: Pauth, ptr: u64, modifier: u64) -> Result<u64, Leave> {
        Ok(self.cpu.pauth(op, ptr, modifier))
    }

    #[inline(always)]
    fn base(&mut self, rn: Gpr) -> Result<u64, Leave> {
        if rn.0 < 31 {
            return Ok(self.cpu.regs.x[rn.0 as usize]);
        }
        let sp = self.cpu.regs.sp;
        if sp & 15 != 0 && self.cpu.sp_alignment_checked() {
            return Err(self.cpu.raise_sp_alignment());
        }
        Ok(sp)
    }
    #[inline(always)]
    fn load(&mut self, at: u64, how: Access) -> Result<u64, Leave> {
        self.cpu.load(at, how)
    }
    #[inline(always)]
    fn store(&mut self, at: u64, how: Access, v: u64) -> Done {
        self.cpu.store(at, how, v)
    }
    #[inline(always)]
    fn load2(&mut self, at: u64, how: Access) -> Result<(u64, u64), Leave> {
        self.cpu.load2(at, how)
    }
    #[inline(always)]
    fn store2(&mut self, at: u64, how: Access, a: u64, b: u64) -> Done {
        self.cpu.store2(at, how, (a, b))
    }
    #[inline(always)]
    fn load_v(&mut self, at: u64, how: Access) -> Result<u128, Leave> {
        if how.size == 4 { self.cpu.load16(at, how) } else { self.load(at, how).map(u128::from) }
    }
    #[inline(always)]
    fn store_v(&mut self, at: u64, how: Access, v: u128) -> Done {
        if how.size == 4 { self.cpu.store16(at, how, v) } else { self.store(at, how, v as u64) }
    }
    fn load_exclusive(&mut self, at: u64, how: Access) -> Result<u64, Leave> {
        self.cpu.load_exclusive(at, how).map(|v| v as u64)
    }
    fn store_exclusive(&mut self, at: u64, how: Access, v: u64) -> Result<u64, Leave> {
        self.cpu.store_exclusive(at, how, v.into()).map(|stored| (!stored).into())
    }
    fn load_exclusive2(&mut self, at: u64, how: Access) -> Result<(u64, u64), Leave> {
        self.cpu.load_exclusive(at, how).map(|v| part(how.size, v))
    }
    fn store_exclusive2(&mut self, at: u64, how: Access, a: u64, b: u64) -> Result<u64, Leave> {
        self.cpu.store_exclusive(at, how, join(how.size, a, b)).map(|stored| (!stored).into())
    }
    #[inline(always)]
    fn rmw(&mut self, op: Atomic, at: u64, how: Access, operand: u64) -> Result<u64, Leave> {
        self.cpu.rmw(op, at, how, operand)
    }
    #[inline(always)]
    fn cas(&mut self, at: u64, how: Access, expected: u64, new: u64) -> Result<u64, Leave> {
        self.cpu.cas(at, how, expected.into(), new.into()).map(|v| v as u64)
    }
    fn cas2(&mut self, at: u64, how: Access, expected: (u64, u64), new: (u64, u64)) -> Result<(u64, u64), Leave> {
        let (expected, new) = (join(how.size, expected.0, expected.1), join(how.size, new.0, new.1));
        self.cpu.cas(at, how, expected, new).map(|v| part(how.size, v))
    }

    fn mops_check(&mut self, stage: MopsStage, size: u64, iss: u32) -> Done {
        self.cpu.mops_check(stage, size, iss)
    }
    fn mops_copy(&mut self, to: u64, from: u64, size: u64, how: (Access, Access)) -> Result<u64, Leave> {
        self.cpu.mops_copy(to, from, size, how)
    }
    fn mops_set(&mut self, to: u64, size: u64, byte: u64, how: Access) -> Result<u64, Leave> {
        self.cpu.mops_set(to, size, byte as u8, how)
    }

    fn mrs(&mut self, reg: SysReg) -> Result<u64, Leave> {
        self.retire_now();
        self.cpu.read_sysreg(reg)
    }
    fn msr(&mut self, reg: SysReg, v: u64) -> Done {
        self.retire_now();
        self.cpu.write_sysreg(reg, v)
    }
    fn msr_imm(&mut self, field: PstateField, imm: u32) -> Done {
        self.cpu.write_pstate(field, imm)
    }
    fn sys(&mut self, op: SysReg, v: u64) -> Done {
        self.cpu.sys_op(op, v)
    }
    fn wait_until(&mut self, deadline: u64, what: WaitFor) -> Done {
        match what {
            WaitFor::Event => self.cpu.wfet(deadline),
            WaitFor::Interrupt => self.cpu.wfit(deadline),
        }
    }
    fn hint(&mut self, hint: Hint) -> Done {
        match hint {
            Hint::Nop | Hint::Esb => {}
            // A spinning guest lets other vCPUs of a smaller host run.
            Hint::Yield => std::thread::yield_now(),
            Hint::Wfi => return self.cpu.wfi(),
            Hint::Wfe => return self.cpu.wfe(),
            Hint::Sev => self.cpu.sev(),
            Hint::Sevl => self.cpu.event = true,
            Hint::Clrex => self.cpu.monitor = Monitor::default(),
            Hint::Dsb(kind) => {
                self.cpu.barrier(kind);
                self.cpu.await_sent(kind);
            }
            Hint::Dmb(kind) => self.cpu.barrier(kind),
            Hint::Isb => {
                self.cpu.regs.pc = self.next;
                return Err(Leave::Resync);
            }
            Hint::Sb => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn fp_access(&mut self) -> Done {
        self.cpu.fp_access()
    }
    #[inline(always)]
    fn v(&mut self, r: u32) -> u128 {
        self.cpu.regs.v[r as usize & 31]
    }
    #[inline(always)]
    fn set_v(&mut self, r: u32, v: u128) {
        self.cpu.regs.v[r as usize & 31] = v;
    }
    #[inline(always)]
    fn vimm(&mut self, v: u128) -> u128 {
        v
    }
    #[inline(always)]
    fn vfrom(&mut self, v: u64) -> u128 {
        v.into()
    }
    #[inline(always)]
    fn vget(&mut self, v: u128, esize: u32, index: u32) -> u64 {
        let bits = 8 << esize;
        let element = (v >> (bits * index)) as u64;
        if bits == 64 { element } else { element & ((1 << bits) - 1) }
    }
    #[inline(always)]
    fn vset(&mut self, v: u128, esize: u32, index: u32, to: u64) -> u128 {
        let bits = 8 << esize;
        let mask = ((1u128 << bits) - 1) << (bits * index);
        v & !mask | u128::from(to) << (bits * index) & mask
    }
    #[inline(always)]
    fn vop1(&mut self, op: VOp1, a: u128) -> u128 {
        op.eval(a)
    }
    #[inline(always)]
    fn vop2(&mut self, op: VOp2, a: u128, b: u128) -> u128 {
        op.eval(a, b)
    }
    #[inline(always)]
    fn vop3(&mut self, op: VOp3, a: u128, b: u128, c: u128) -> u128 {
        op.eval(a, b, c)
    }
    #[inline(always)]
    fn sop1(&mut self, op: SOp1, a: u128) -> u128 {
        let r = op.eval(a);
        self.saturated(r)
    }
    #[inline(always)]
    fn sop2(&mut self, op: SOp2, a: u128, b: u128) -> u128 {
        let r = op.eval(a, b);
        self.saturated(r)
    }
    #[inline(always)]
    fn sop3(&mut self, op: SOp3, a: u128, b: u128, c: u128) -> u128 {
        let r = op.eval(a, b, c);
        self.saturated(r)
    }
    #[inline(always)]
    fn fop1(&mut self, op: FOp1, a: u128) -> u128 {
        self.with_env(|env| op.eval(env, a))
    }
    #[inline(always)]
    fn fop2(&mut self, op: FOp2, a: u128, b: u128) -> u128 {
        self.with_env(|env| op.eval(env, a, b))
    }
    #[inline(always)]
    fn fop3(&mut self, op: FOp3, a: u128, b: u128, c: u128) -> u128 {
        self.with_env(|env| op.eval(env, a, b, c))
    }
}
