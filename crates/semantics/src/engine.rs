//! What an instruction asks of the engine that runs it.
//!
//! Values are opaque: a number to the interpreter, a location to a compiler. Operations are data, so that
//! the trait stays a few dozen methods. The order of calls is the architectural order; whatever can raise an
//! exception comes before the first register is written.

use crate::fops::{FOp1, FOp2, FOp3};
use crate::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use crate::{Cond, Done, FlagOp, Op1, Op2, Width};
use a64::{Feature, MopsStage, PacKey, Pauth, PstateField, SysReg};
use hw::{Access, Leave};
use mem::Atomic;

/// A general-purpose register number. 31 is XZR here; SP has methods of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gpr(pub u32);

/// How a branch leaves, for engines that predict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BranchKind {
    /// B, B.cond, CBZ, TBZ: the target is a constant.
    Direct,
    /// BL, BLR.
    Call,
    /// RET.
    Return,
    /// BR.
    Indirect,
}

/// Instructions that raise an exception on purpose, with their 16-bit immediate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Trap {
    Svc(u32),
    Hvc(u32),
    Smc(u32),
    Brk(u32),
    Hlt(u32),
    Dcps(u32),
    /// Unallocated, or allocated and undefined here.
    Undefined,
}

/// Hints and barriers: no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Hint {
    Nop,
    Yield,
    Wfe,
    Wfi,
    Sev,
    Sevl,
    Esb,
    Clrex,
    /// DSB and DMB with the `CRm` field.
    Dsb(u32),
    Dmb(u32),
    Isb,
    Sb,
}

/// What WFET and WFIT wait for besides a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum WaitFor {
    Event,
    Interrupt,
}

/// The engine.
pub trait Engine {
    /// A 64-bit value.
    type W: Copy;
    /// A 128-bit value.
    type V: Copy;
    /// A truth value.
    type C: Copy;

    /// Has the PE `feature`? For instructions that are something else without it (hints); the rest are
    /// UNDEFINED then, which decoding sees to.
    fn has(&mut self, feature: Feature) -> bool;

    // Values and registers.

    /// A constant.
    fn imm(&mut self, v: u64) -> Self::W;
    /// Xn; XZR reads as zero.
    fn x(&mut self, r: Gpr) -> Self::W;
    /// Writes Xn; XZR discards.
    fn set_x(&mut self, r: Gpr, v: Self::W);
    /// The current stack pointer.
    fn sp(&mut self) -> Self::W;
    /// Writes the current stack pointer.
    fn set_sp(&mut self, v: Self::W);
    /// The address of this instruction.
    fn pc(&mut self) -> Self::W;
    /// One-operand micro-op.
    fn op1(&mut self, op: Op1, a: Self::W) -> Self::W;
    /// Two-operand micro-op.
    fn op2(&mut self, op: Op2, a: Self::W, b: Self::W) -> Self::W;

    // Flags and conditions.

    /// A micro-op that also sets NZCV.
    fn flag_op(&mut self, op: FlagOp, width: Width, a: Self::W, b: Self::W) -> Self::W;
    /// CCMP, CCMN: `flag_op` without its result where `c` holds, else NZCV = `otherwise` (4 bits).
    fn flag_op_if(&mut self, c: Self::C, op: FlagOp, width: Width, a: Self::W, b: Self::W, otherwise: u32);
    /// ADC, SBC without flags: `a + b + C`, 64 bits.
    fn add_carry(&mut self, a: Self::W, b: Self::W) -> Self::W;
    /// NZCV in bits [31:28].
    fn nzcv(&mut self) -> Self::W;
    /// Sets NZCV from bits [31:28].
    fn set_nzcv(&mut self, v: Self::W);
    /// Does `cond` hold?
    fn cond(&mut self, cond: Cond) -> Self::C;
    /// Is `a` (all 64 bits) zero?
    fn is_zero(&mut self, a: Self::W) -> Self::C;
    /// Is bit `n` of `a` set?
    fn bit(&mut self, a: Self::W, n: u32) -> Self::C;
    /// Inverts a truth value.
    fn not(&mut self, c: Self::C) -> Self::C;
    /// `c ? a : b`.
    fn select(&mut self, c: Self::C, a: Self::W, b: Self::W) -> Self::W;

    // Control flow.

    /// The next instruction is at `target`.
    fn branch(&mut self, target: Self::W, kind: BranchKind);
    /// Branches to `pc + offset` where `c` holds.
    fn branch_if(&mut self, c: Self::C, offset: i64);
    /// The end of BR, BLR and their kin, after `branch`: PSTATE.BTYPE for the instruction at the target (FEAT_BTI).
    /// `rn` is the register that held the target.
    fn indirect(&mut self, kind: BranchKind, rn: u32) -> Done;
    /// Raises an exception on purpose.
    fn trap(&mut self, trap: Trap) -> Done;
    /// ERET; with a key ERETAA, ERETAB.
    fn eret(&mut self, key: Option<PacKey>) -> Done;
    /// Pointer authentication of `ptr` with `modifier`.
    fn pauth(&mut self, op: Pauth, ptr: Self::W, modifier: Self::W) -> Result<Self::W, Leave>;

    // Memory. Addresses are virtual, tag byte included.

    /// The base register of a load or store: Xn, or SP with its alignment check when `rn` is 31.
    fn base(&mut self, rn: Gpr) -> Result<Self::W, Leave>;
    /// Loads up to 8 bytes, zero-extended.
    fn load(&mut self, at: Self::W, how: Access) -> Result<Self::W, Leave>;
    /// Stores up to 8 bytes.
    fn store(&mut self, at: Self::W, how: Access, v: Self::W) -> Done;
    /// Two loads of the same size, at `at` and after it (LDP); nothing is written if either faults.
    fn load2(&mut self, at: Self::W, how: Access) -> Result<(Self::W, Self::W), Leave>;
    /// Two stores (STP).
    fn store2(&mut self, at: Self::W, how: Access, a: Self::W, b: Self::W) -> Done;
    /// Loads up to 16 bytes; what is above is zero.
    fn load_v(&mut self, at: Self::W, how: Access) -> Result<Self::V, Leave>;
    /// Stores the low bytes, up to 16.
    fn store_v(&mut self, at: Self::W, how: Access, v: Self::V) -> Done;
    /// LDXR family: loads and sets the monitor.
    fn load_exclusive(&mut self, at: Self::W, how: Access) -> Result<Self::W, Leave>;
    /// STXR family: 0 if stored, 1 if not.
    fn store_exclusive(&mut self, at: Self::W, how: Access, v: Self::W) -> Result<Self::W, Leave>;
    /// LDXP: `how.size` is of the whole pair (3 or 4). First the element at the lower address.
    fn load_exclusive2(&mut self, at: Self::W, how: Access) -> Result<(Self::W, Self::W), Leave>;
    /// STXP: 0 if stored, 1 if not.
    fn store_exclusive2(&mut self, at: Self::W, how: Access, a: Self::W, b: Self::W) -> Result<Self::W, Leave>;
    /// LSE read-modify-write; returns the old value, zero-extended.
    fn rmw(&mut self, op: Atomic, at: Self::W, how: Access, operand: Self::W) -> Result<Self::W, Leave>;
    /// CAS; returns what memory held, zero-extended.
    fn cas(&mut self, at: Self::W, how: Access, expected: Self::W, new: Self::W) -> Result<Self::W, Leave>;
    /// CASP: pairs are (lower address, higher address); `how.size` is of the whole pair (3 or 4).
    fn cas2(
        &mut self,
        at: Self::W,
        how: Access,
        expected: (Self::W, Self::W),
        new: (Self::W, Self::W),
    ) -> Result<(Self::W, Self::W), Leave>;

    /// Before an instruction of FEAT_MOPS: is it enabled, and does what remains (`size`, the value of Xn) suit
    /// its stage? `iss` is its part of the syndrome.
    fn mops_check(&mut self, stage: MopsStage, size: Self::W, iss: u32) -> Done;
    /// Copies some of what remains, at least a byte if there is one; what then remains. `size` is as option A has
    /// it: negative for forwards, counted from the ends. (write, read) say whose permissions count.
    fn mops_copy(&mut self, to: Self::W, from: Self::W, size: Self::W, how: (Access, Access))
    -> Result<Self::W, Leave>;
    /// Sets some of what remains to the low byte of `byte`.
    fn mops_set(&mut self, to: Self::W, size: Self::W, byte: Self::W, how: Access) -> Result<Self::W, Leave>;

    // System.

    /// MRS.
    fn mrs(&mut self, reg: SysReg) -> Result<Self::W, Leave>;
    /// MSR (register).
    fn msr(&mut self, reg: SysReg, v: Self::W) -> Done;
    /// MSR (immediate).
    fn msr_imm(&mut self, field: PstateField, imm: u32) -> Done;
    /// SYS: cache, TLB and address-translation maintenance.
    fn sys(&mut self, op: SysReg, v: Self::W) -> Done;
    /// WFET, WFIT: until the virtual counter is at `deadline`.
    fn wait_until(&mut self, deadline: Self::W, what: WaitFor) -> Done;
    /// Hints and barriers.
    fn hint(&mut self, hint: Hint) -> Done;

    // SIMD&FP.

    /// Traps if CPACR_EL1.FPEN or its kin say so.
    fn fp_access(&mut self) -> Done;
    /// Vn, all 128 bits.
    fn v(&mut self, r: u32) -> Self::V;
    /// Writes all 128 bits of Vn.
    fn set_v(&mut self, r: u32, v: Self::V);
    /// A constant.
    fn vimm(&mut self, v: u128) -> Self::V;
    /// `v` zero-extended to 128 bits.
    fn vfrom(&mut self, v: Self::W) -> Self::V;
    /// Element `index` of `1 << esize` bytes (esize 0 to 3), zero-extended.
    fn vget(&mut self, v: Self::V, esize: u32, index: u32) -> Self::W;
    /// `v` with that element replaced.
    fn vset(&mut self, v: Self::V, esize: u32, index: u32, to: Self::W) -> Self::V;
    /// Pure vector micro-ops.
    fn vop1(&mut self, op: VOp1, a: Self::V) -> Self::V;
    /// Pure vector micro-ops.
    fn vop2(&mut self, op: VOp2, a: Self::V, b: Self::V) -> Self::V;
    /// Pure vector micro-ops.
    fn vop3(&mut self, op: VOp3, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Saturating micro-ops: a saturated lane sets FPSR.QC.
    fn sop1(&mut self, op: SOp1, a: Self::V) -> Self::V;
    /// Saturating micro-ops.
    fn sop2(&mut self, op: SOp2, a: Self::V, b: Self::V) -> Self::V;
    /// Saturating micro-ops.
    fn sop3(&mut self, op: SOp3, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Micro-ops that read FPCR and accumulate into FPSR (floating point).
    fn fop1(&mut self, op: FOp1, a: Self::V) -> Self::V;
    /// Micro-ops that read FPCR and accumulate into FPSR.
    fn fop2(&mut self, op: FOp2, a: Self::V, b: Self::V) -> Self::V;
    /// Micro-ops that read FPCR and accumulate into FPSR.
    fn fop3(&mut self, op: FOp3, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Loads `count` elements that lie one behind the other, 64 bytes at most: their bytes as they lie, zeros behind
    /// them.
    #[inline(always)]
    fn load_elements(&mut self, at: Self::W, how: Access, count: u32) -> Result<[Self::V; 4], Leave> {
        let mut v = [self.vimm(0); 4];
        for i in 0..count {
            let (at, to, index) = (self.element(at, how, i), (i << how.size >> 4) as usize, i & (15 >> how.size));
            v[to] = if how.size == 4 {
                self.load_v(at, how)?
            } else {
                let element = self.load(at, how)?;
                self.vset(v[to], how.size.into(), index, element)
            };
        }
        Ok(v)
    }
    /// The reverse.
    #[inline(always)]
    fn store_elements(&mut self, at: Self::W, how: Access, count: u32, v: [Self::V; 4]) -> Done {
        for i in 0..count {
            let (at, from, index) = (self.element(at, how, i), (i << how.size >> 4) as usize, i & (15 >> how.size));
            if how.size == 4 {
                self.store_v(at, how, v[from])?;
            } else {
                let element = self.vget(v[from], how.size.into(), index);
                self.store(at, how, element)?;
            }
        }
        Ok(())
    }
    /// Bytes of three registers by their numbers in `order`, from 0 to 47.
    #[inline(always)]
    fn shuffle3(&mut self, v: [Self::V; 3], order: u128) -> Self::V {
        let (zero, order) = (self.vimm(0), self.vimm(order));
        let [a, b, c] = v;
        let from_a = self.vop3(VOp3::Tbx(0), zero, a, order);
        let from_b = self.vop3(VOp3::Tbx(16), from_a, b, order);
        self.vop3(VOp3::Tbx(32), from_b, c, order)
    }
    /// The address of element `i` of those at `at`.
    #[inline(always)]
    fn element(&mut self, at: Self::W, how: Access, i: u32) -> Self::W {
        if i == 0 {
            return at;
        }
        let offset = self.imm(u64::from(i) << how.size);
        self.op2(Op2::Add, at, offset)
    }
    /// FCMP, FCMPE: sets NZCV by `op`, whose function is `Fn2::Compare`.
    #[inline(always)]
    fn compare(&mut self, op: FOp2, a: Self::V, b: Self::V) {
        let v = self.fop2(op, a, b);
        let nzcv = self.vget(v, 2, 0);
        self.set_nzcv(nzcv);
    }
    /// FCCMP, FCCMPE: the same where `c` holds, else NZCV = `otherwise` (4 bits).
    #[inline(always)]
    fn compare_if(&mut self, c: Self::C, op: FOp2, a: Self::V, b: Self::V, otherwise: u32) {
        // Where the condition fails nothing is compared: zero with zero raises nothing.
        let zero = self.imm(0);
        let [a, b] = [a, b].map(|v| {
            let low = self.vget(v, op.shape.esize.into(), 0);
            let low = self.select(c, low, zero);
            self.vfrom(low)
        });
        let v = self.fop2(op, a, b);
        let (compared, given) = (self.vget(v, 2, 0), self.imm(u64::from(otherwise) << 28));
        let nzcv = self.select(c, compared, given);
        self.set_nzcv(nzcv);
    }
}
