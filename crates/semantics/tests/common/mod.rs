//! The smallest engine that instructions run on: registers, flags, and one place of memory. Its SIMD&FP half is
//! inlined, as the interpreter's is, for the sake of `benches/vectors.rs`.

use armagic_semantics::fops::{FOp1, FOp2, FOp3, FpEnv};
use armagic_semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use armagic_semantics::{
    BranchKind, Cond, Done, Engine, Feature, FlagOp, Gpr, Hint, Leave, MopsStage, Op1, Op2, PacKey, Pauth, PstateField,
    SysReg, Trap, WaitFor, Width,
};
use hw::Access;
use mem::Atomic;

/// Where every instruction is.
pub const PC: u64 = 0x4000_1234;

/// What an instruction read and left.
#[derive(Clone, Default, Debug)]
pub struct Toy {
    /// X0 to X30, and SP.
    pub x: [u64; 32],
    pub nzcv: u32,
    pub v: [u128; 32],
    pub env: FpEnv,
    /// Where it branched, if it did.
    pub next: Option<u64>,
    pub kind: Option<BranchKind>,
    /// What a load finds; what a store left, the first register of a pair in the low half.
    pub memory: u128,
    /// The last pointer authentication: what, and the modifier.
    pub authentication: Option<(Pauth, u64)>,
    /// The last instruction of a memory copy: its stage, and its part of the syndrome.
    pub copy: Option<(MopsStage, u32)>,
    /// Whether writes and reads of the copy are EL0's.
    pub sides: [bool; 2],
    /// The last access.
    pub seen: Option<(u64, Access)>,
}

/// FPSR.QC: a lane saturated.
#[allow(dead_code)] // not every test file looks
pub const QC: u32 = 1 << 27;

impl Toy {
    #[inline(always)]
    fn saturated(&mut self, (v, any): (u128, bool)) -> u128 {
        self.env.fpsr |= if any { QC } else { 0 };
        v
    }
}

/// The bits of an element of `1 << esize` bytes, and how far up it is.
#[inline(always)]
fn element(esize: u32, index: u32) -> (u128, u32) {
    let bits = 8 << esize;
    ((1 << bits) - 1, bits * index)
}

/// The low bytes of an access.
fn cut(v: u64, how: Access) -> u64 {
    v & u64::MAX >> (64 - 8 * how.bytes())
}

fn towards_zero(size: u64) -> u64 {
    (size as i64 - (size as i64).signum()) as u64
}

impl Engine for Toy {
    type W = u64;
    type V = u128;
    type C = bool;

    fn has(&mut self, _: Feature) -> bool {
        true
    }
    fn imm(&mut self, v: u64) -> u64 {
        v
    }
    fn x(&mut self, r: Gpr) -> u64 {
        if r.0 == 31 { 0 } else { self.x[r.0 as usize] }
    }
    fn set_x(&mut self, r: Gpr, v: u64) {
        if r.0 < 31 {
            self.x[r.0 as usize] = v
        }
    }
    fn sp(&mut self) -> u64 {
        self.x[31]
    }
    fn set_sp(&mut self, v: u64) {
        self.x[31] = v
    }
    fn pc(&mut self) -> u64 {
        PC
    }
    fn op1(&mut self, op: Op1, a: u64) -> u64 {
        op.eval(a)
    }
    fn op2(&mut self, op: Op2, a: u64, b: u64) -> u64 {
        op.eval(a, b)
    }
    fn flag_op(&mut self, op: FlagOp, width: Width, a: u64, b: u64) -> u64 {
        let (r, nzcv) = op.eval(width, a, b, self.nzcv & 2 != 0);
        self.nzcv = nzcv;
        r
    }
    fn flag_op_if(&mut self, c: bool, op: FlagOp, width: Width, a: u64, b: u64, otherwise: u32) {
        self.nzcv = if c { op.eval(width, a, b, self.nzcv & 2 != 0).1 } else { otherwise };
    }
    fn add_carry(&mut self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b).wrapping_add(u64::from(self.nzcv >> 1 & 1))
    }
    fn nzcv(&mut self) -> u64 {
        u64::from(self.nzcv) << 28
    }
    fn set_nzcv(&mut self, v: u64) {
        self.nzcv = (v >> 28) as u32 & 15;
    }
    fn cond(&mut self, cond: Cond) -> bool {
        cond.holds(self.nzcv)
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
    fn branch(&mut self, target: u64, kind: BranchKind) {
        self.next = Some(target);
        self.kind = Some(kind);
    }
    fn branch_if(&mut self, c: bool, offset: i64) {
        if c {
            self.next = Some(PC.wrapping_add(offset as u64))
        }
    }
    fn trap(&mut self, _: Trap) -> Done {
        unreachable!("no test here needs it")
    }
    fn indirect(&mut self, _: BranchKind, _: u32) -> Done {
        Ok(())
    }
    fn eret(&mut self, _: Option<PacKey>) -> Done {
        unreachable!("no test here needs it")
    }
    fn base(&mut self, rn: Gpr) -> Result<u64, Leave> {
        Ok(if rn.0 == 31 { self.x[31] } else { self.x[rn.0 as usize] })
    }
    fn load(&mut self, at: u64, how: Access) -> Result<u64, Leave> {
        self.seen = Some((at, how));
        Ok(cut(self.memory as u64, how))
    }
    fn store(&mut self, at: u64, how: Access, v: u64) -> Done {
        self.seen = Some((at, how));
        self.memory = cut(v, how).into();
        Ok(())
    }
    fn load2(&mut self, at: u64, how: Access) -> Result<(u64, u64), Leave> {
        self.seen = Some((at, how));
        Ok((cut(self.memory as u64, how), cut((self.memory >> (8 * how.bytes())) as u64, how)))
    }
    fn store2(&mut self, at: u64, how: Access, a: u64, b: u64) -> Done {
        self.seen = Some((at, how));
        self.memory = u128::from(cut(a, how)) | u128::from(cut(b, how)) << (8 * how.bytes());
        Ok(())
    }
    fn load_v(&mut self, at: u64, how: Access) -> Result<u128, Leave> {
        self.load(at, how).map(u128::from)
    }
    fn store_v(&mut self, at: u64, how: Access, v: u128) -> Done {
        self.store(at, how, v as u64)
    }
    fn load_exclusive(&mut self, _: u64, _: Access) -> Result<u64, Leave> {
        unreachable!("no test here needs it")
    }
    fn store_exclusive(&mut self, _: u64, _: Access, _: u64) -> Result<u64, Leave> {
        unreachable!("no test here needs it")
    }
    fn load_exclusive2(&mut self, _: u64, _: Access) -> Result<(u64, u64), Leave> {
        unreachable!("no test here needs it")
    }
    fn store_exclusive2(&mut self, _: u64, _: Access, _: u64, _: u64) -> Result<u64, Leave> {
        unreachable!("no test here needs it")
    }
    fn rmw(&mut self, _: Atomic, _: u64, _: Access, _: u64) -> Result<u64, Leave> {
        unreachable!("no test here needs it")
    }
    fn cas(&mut self, _: u64, _: Access, _: u64, _: u64) -> Result<u64, Leave> {
        unreachable!("no test here needs it")
    }
    fn cas2(&mut self, _: u64, _: Access, _: (u64, u64), _: (u64, u64)) -> Result<(u64, u64), Leave> {
        unreachable!("no test here needs it")
    }
    /// The pointer inverted, with the operation and the modifier left for the test to look at.
    fn pauth(&mut self, op: Pauth, ptr: u64, modifier: u64) -> Result<u64, Leave> {
        self.authentication = Some((op, modifier));
        Ok(!ptr)
    }
    fn mops_check(&mut self, stage: MopsStage, _: u64, iss: u32) -> Done {
        self.copy = Some((stage, iss));
        Ok(())
    }
    /// One byte at a time.
    fn mops_copy(&mut self, _: u64, _: u64, size: u64, how: (Access, Access)) -> Result<u64, Leave> {
        self.sides = [how.0.unprivileged, how.1.unprivileged];
        Ok(towards_zero(size))
    }
    fn mops_set(&mut self, _: u64, size: u64, byte: u64, how: Access) -> Result<u64, Leave> {
        self.sides = [how.unprivileged, false];
        self.memory = byte.into();
        Ok(towards_zero(size))
    }
    fn wait_until(&mut self, _: u64, _: WaitFor) -> Done {
        unreachable!("no test here needs it")
    }
    fn mrs(&mut self, _: SysReg) -> Result<u64, Leave> {
        unreachable!("no test here needs it")
    }
    fn msr(&mut self, _: SysReg, _: u64) -> Done {
        unreachable!("no test here needs it")
    }
    fn msr_imm(&mut self, _: PstateField, _: u32) -> Done {
        unreachable!("no test here needs it")
    }
    fn sys(&mut self, _: SysReg, _: u64) -> Done {
        unreachable!("no test here needs it")
    }
    fn hint(&mut self, _: Hint) -> Done {
        unreachable!("no test here needs it")
    }
    #[inline(always)]
    fn fp_access(&mut self) -> Done {
        Ok(())
    }
    #[inline(always)]
    fn v(&mut self, r: u32) -> u128 {
        self.v[r as usize & 31]
    }
    #[inline(always)]
    fn set_v(&mut self, r: u32, v: u128) {
        self.v[r as usize & 31] = v
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
        let (ones, up) = element(esize, index);
        (v >> up & ones) as u64
    }
    #[inline(always)]
    fn vset(&mut self, v: u128, esize: u32, index: u32, to: u64) -> u128 {
        let (ones, up) = element(esize, index);
        v & !(ones << up) | (u128::from(to) & ones) << up
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
        self.saturated(op.eval(a))
    }
    #[inline(always)]
    fn sop2(&mut self, op: SOp2, a: u128, b: u128) -> u128 {
        self.saturated(op.eval(a, b))
    }
    #[inline(always)]
    fn sop3(&mut self, op: SOp3, a: u128, b: u128, c: u128) -> u128 {
        self.saturated(op.eval(a, b, c))
    }
    #[inline(always)]
    fn fop1(&mut self, op: FOp1, a: u128) -> u128 {
        op.eval(&mut self.env, a)
    }
    #[inline(always)]
    fn fop2(&mut self, op: FOp2, a: u128, b: u128) -> u128 {
        op.eval(&mut self.env, a, b)
    }
    #[inline(always)]
    fn fop3(&mut self, op: FOp3, a: u128, b: u128, c: u128) -> u128 {
        op.eval(&mut self.env, a, b, c)
    }
}
