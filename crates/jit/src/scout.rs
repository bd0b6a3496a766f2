//! What is known of an instruction before it is compiled: an engine that executes nothing, and notes what the
//! semantics ask for.
//!
//! A block is looked over once before code is written, so that a loop finds its registers where its end leaves
//! them, and one check of the TLB serves every access that has the same base register.

use a64::{Feature, FeatureSet, MopsStage, PacKey, Pauth, PstateField, ROW_COUNT, Row, SysReg};
use hw::{Access, Leave};
use mem::Atomic;
use semantics::fops::{FOp1, FOp2, FOp3};
use semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use semantics::{BranchKind, Cond, Done, Engine, FlagOp, Gpr, Handler, Hint, Op1, Op2, Trap, WaitFor, Width};

static HANDLERS: [Handler<Scout>; ROW_COUNT] = semantics::handlers::<Scout>();

/// What an instruction has to do with the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// Nothing, and it always finishes.
    None,
    /// Replaces all four, and looks at none.
    Sets,
    /// Looks at them, or may leave the block.
    Needs,
}

/// Bytes that an instruction accesses at a base register: `[base + low, base + high)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reach {
    /// Guest register; 31 is SP.
    pub base: u8,
    pub low: i32,
    pub high: i32,
    pub write: bool,
}

/// What one instruction does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    /// Guest registers, by bit; bit 31 is SP.
    pub reads: u32,
    pub writes: u32,
    /// The same of V registers.
    pub reads_v: u32,
    pub writes_v: u32,
    pub flags: Use,
    /// It may look at them itself; it may change some of them, or all by way of those it looks at.
    pub looks_at_flags: bool,
    pub changes_flags: bool,
    /// What gives the flags that it sets.
    pub compared: Option<Compared>,
    /// Its accesses, if they are plain and have one base.
    pub reach: Option<Reach>,
    /// The register it writes last, if that moves by so much.
    pub shift: Option<(u8, i32)>,
    /// It may do more to memory and its translation than `reach` says.
    pub special: bool,
    /// Bytes from it to the target of a direct branch that is not a call.
    pub branch: Option<i32>,
    /// Control never simply goes on after it.
    pub ends: bool,
}

/// An operation on guest registers, as they are after the instruction, that gives the flags it sets: of `a + plus`
/// and `b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Compared {
    /// An addition, a subtraction or a conjunction.
    pub op: FlagOp,
    pub wide: bool,
    pub a: u8,
    pub plus: i32,
    pub b: Comparand,
}

/// What something is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparand {
    Register(u8),
    Imm(i32),
}

impl Compared {
    /// The registers it looks at.
    pub fn registers(&self) -> u32 {
        1 << self.a | if let Comparand::Register(b) = self.b { 1 << b } else { 0 }
    }

    /// Is `r` the first operand, and the only one among `written`?
    pub fn may_move(&self, r: u8, written: u32) -> bool {
        self.a == r && self.b != Comparand::Register(r) && written & self.registers() == 1 << r
    }

    /// The same, if that is possible, after the result was written to `r`.
    fn after_write(self, r: u8) -> Option<Compared> {
        match (self.op, self.b) {
            // The result says it all.
            (FlagOp::And, _) => Some(Compared { a: r, b: Comparand::Register(r), ..self }),
            (FlagOp::Sub, Comparand::Imm(v)) if self.a == r => Some(Compared { plus: v, ..self }),
            (FlagOp::Add, Comparand::Imm(v)) if self.a == r => Some(Compared { plus: v.checked_neg()?, ..self }),
            _ => Some(self).filter(|c| c.registers() >> r & 1 == 0),
        }
    }
}

/// A value, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Known(u64),
    /// A guest register plus an offset.
    Register(u8, i64),
    Other,
}

/// The engine.
pub(crate) struct Scout {
    features: FeatureSet,
    facts: Facts,
    /// It looked at the flags, or may leave.
    needs: bool,
    sets: bool,
    /// Its accesses have no one base.
    scattered: bool,
    /// What was found out last, by word: the same words come again and again.
    seen: Box<[(u32, Option<Row>, Facts)]>,
}

/// Words whose facts are kept, a power of two.
const SEEN: usize = 1024;

/// An instruction that control does not come to.
pub(crate) const UNREACHED: Facts = NOTHING;

const NOTHING: Facts = Facts {
    reads: 0,
    writes: 0,
    reads_v: 0,
    writes_v: 0,
    flags: Use::None,
    looks_at_flags: false,
    changes_flags: false,
    compared: None,
    reach: None,
    shift: None,
    special: false,
    branch: None,
    ends: false,
};

/// What `word` does on a PE with `features`.
pub(crate) fn facts(features: FeatureSet, word: u32) -> Facts {
    Scout::forgetful(features).find_out(word).1
}

impl Scout {
    pub fn new(features: FeatureSet) -> Scout {
        let mut scout = Scout::forgetful(features);
        let (row, facts) = scout.find_out(0);
        scout.seen = vec![(0, row, facts); SEEN].into();
        scout
    }

    fn forgetful(features: FeatureSet) -> Scout {
        Scout { features, facts: NOTHING, needs: false, sets: false, scattered: false, seen: Box::new([]) }
    }

    /// The row of `word`, if the PE has such an instruction, and what it does.
    #[inline]
    pub fn look(&mut self, word: u32) -> (&Option<Row>, &Facts) {
        let n = (word.wrapping_mul(0x9e37_79b1) >> 16) as usize % SEEN;
        if self.seen[n].0 != word {
            let (row, facts) = self.find_out(word);
            self.seen[n] = (word, row, facts);
        }
        let (_, row, facts) = &self.seen[n];
        (row, facts)
    }

    #[cold]
    fn find_out(&mut self, word: u32) -> (Option<Row>, Facts) {
        let row = a64::lookup(word).filter(|row| self.features.contains(row.needs(word)));
        self.facts = NOTHING;
        (self.needs, self.sets, self.scattered) = (false, false, false);
        match row {
            Some(row) => {
                if HANDLERS[row as usize](self, word).is_err() {
                    self.needs = true;
                }
                self.facts.ends |= matches!(row, Row::Sysl);
            }
            None => (self.needs, self.facts.ends, self.facts.special) = (true, true, true),
        }
        if self.scattered {
            self.facts.reach = None;
        }
        self.facts.flags = match (self.needs, self.sets) {
            (true, _) => Use::Needs,
            (false, true) => Use::Sets,
            (false, false) => Use::None,
        };
        (row, self.facts)
    }

    fn access(&mut self, at: Value, bytes: u64, how: Access, write: bool) {
        self.needs = true;
        let Value::Register(base, offset) = at else {
            self.scattered = true;
            return;
        };
        let (Ok(low), false) = (i32::try_from(offset), how.unprivileged) else {
            self.scattered = true;
            return;
        };
        let new = Reach { base, low, high: low.saturating_add(bytes as i32), write };
        self.facts.reach = match self.facts.reach {
            None => Some(new),
            Some(old) if old.base == base && old.write == write => {
                Some(Reach { low: old.low.min(new.low), high: old.high.max(new.high), ..old })
            }
            Some(_) => {
                self.scattered = true;
                None
            }
        };
    }

    fn written(&mut self, r: u8, v: Value) {
        self.facts.compared = self.facts.compared.and_then(|c| c.after_write(r));
        self.facts.writes |= 1 << r;
        self.facts.shift = match v {
            Value::Register(from, by) if from == r => i32::try_from(by).ok().map(|by| (r, by)),
            _ => None,
        };
    }

    /// It looks at flags.
    fn looks(&mut self, changes: bool) {
        self.needs = true;
        self.facts.looks_at_flags = true;
        self.facts.changes_flags |= changes;
    }

    /// An access of another kind.
    fn special<T>(&mut self, value: T) -> Result<T, Leave> {
        self.needs = true;
        self.scattered = true;
        self.facts.special = true;
        Ok(value)
    }
}

/// `op` of guest registers, if that is what `a` and `b` are.
fn compared(op: FlagOp, wide: bool, a: Value, b: Value) -> Option<Compared> {
    let Value::Register(a, 0) = a else { return None };
    let b = match b {
        Value::Register(b, 0) => Comparand::Register(b),
        Value::Known(v) if wide => Comparand::Imm(i32::try_from(v as i64).ok()?),
        Value::Known(v) => Comparand::Imm(v as i32),
        _ => return None,
    };
    Some(Compared { op, wide, a, plus: 0, b })
}

impl Engine for Scout {
    type W = Value;
    type V = ();
    type C = ();

    fn has(&mut self, feature: Feature) -> bool {
        self.features.has(feature)
    }
    fn imm(&mut self, v: u64) -> Value {
        Value::Known(v)
    }
    fn x(&mut self, r: Gpr) -> Value {
        if r.0 == 31 {
            return Value::Known(0);
        }
        self.facts.reads |= 1 << r.0;
        Value::Register(r.0 as u8, 0)
    }
    fn set_x(&mut self, r: Gpr, v: Value) {
        if r.0 != 31 {
            self.written(r.0 as u8, v);
        }
    }
    fn sp(&mut self) -> Value {
        self.facts.reads |= 1 << 31;
        Value::Register(31, 0)
    }
    fn set_sp(&mut self, v: Value) {
        self.written(31, v);
    }
    fn pc(&mut self) -> Value {
        Value::Known(0)
    }
    fn op1(&mut self, op: Op1, a: Value) -> Value {
        match a {
            Value::Known(v) => Value::Known(op.eval(v)),
            _ => Value::Other,
        }
    }
    fn op2(&mut self, op: Op2, a: Value, b: Value) -> Value {
        match (op, a, b) {
            (_, Value::Known(a), Value::Known(b)) => Value::Known(op.eval(a, b)),
            (Op2::Add, Value::Register(r, o), Value::Known(v)) => Value::Register(r, o.wrapping_add(v as i64)),
            (Op2::Sub, Value::Register(r, o), Value::Known(v)) => Value::Register(r, o.wrapping_sub(v as i64)),
            _ => Value::Other,
        }
    }
    fn flag_op(&mut self, op: FlagOp, width: Width, a: Value, b: Value) -> Value {
        match op {
            FlagOp::Add | FlagOp::Sub | FlagOp::And => {
                self.sets = true;
                self.facts.compared = compared(op, width == Width::X, a, b);
            }
            FlagOp::Bic => self.sets = true,
            _ => self.looks(true),
        }
        Value::Other
    }
    fn flag_op_if(&mut self, _: (), _: FlagOp, _: Width, _: Value, _: Value, _: u32) {
        self.looks(true);
    }
    fn add_carry(&mut self, _: Value, _: Value) -> Value {
        self.looks(false);
        Value::Other
    }
    fn nzcv(&mut self) -> Value {
        self.looks(false);
        Value::Other
    }
    fn set_nzcv(&mut self, _: Value) {
        self.looks(true);
    }
    fn cond(&mut self, _: Cond) {
        self.looks(false);
    }
    fn is_zero(&mut self, _: Value) {}
    fn bit(&mut self, _: Value, _: u32) {}
    fn not(&mut self, (): ()) {}
    fn select(&mut self, (): (), _: Value, _: Value) -> Value {
        Value::Other
    }

    fn branch(&mut self, target: Value, kind: BranchKind) {
        self.needs = true;
        self.facts.ends = true;
        if let (Value::Known(offset), BranchKind::Direct) = (target, kind) {
            self.facts.branch = i32::try_from(offset as i64).ok();
        }
    }
    fn branch_if(&mut self, (): (), offset: i64) {
        self.needs = true;
        self.facts.branch = i32::try_from(offset).ok();
    }
    fn indirect(&mut self, _: BranchKind, _: u32) -> Done {
        Ok(())
    }
    fn trap(&mut self, _: Trap) -> Done {
        self.facts.ends = true;
        self.special(())
    }
    fn eret(&mut self, _: Option<PacKey>) -> Done {
        self.facts.ends = true;
        self.special(())
    }
    fn pauth(&mut self, _: Pauth, _: Value, _: Value) -> Result<Value, Leave> {
        self.special(Value::Other)
    }

    fn base(&mut self, rn: Gpr) -> Result<Value, Leave> {
        Ok(if rn.0 == 31 { self.sp() } else { self.x(rn) })
    }
    fn load(&mut self, at: Value, how: Access) -> Result<Value, Leave> {
        self.access(at, how.bytes(), how, false);
        Ok(Value::Other)
    }
    fn store(&mut self, at: Value, how: Access, _: Value) -> Done {
        self.access(at, how.bytes(), how, true);
        Ok(())
    }
    fn load2(&mut self, at: Value, how: Access) -> Result<(Value, Value), Leave> {
        self.access(at, 2 * how.bytes(), how, false);
        Ok((Value::Other, Value::Other))
    }
    fn store2(&mut self, at: Value, how: Access, _: Value, _: Value) -> Done {
        self.access(at, 2 * how.bytes(), how, true);
        Ok(())
    }
    fn load_v(&mut self, at: Value, how: Access) -> Result<(), Leave> {
        self.access(at, 16, how, false);
        Ok(())
    }
    fn store_v(&mut self, at: Value, how: Access, (): ()) -> Done {
        self.access(at, 16, how, true);
        Ok(())
    }
    fn load_exclusive(&mut self, _: Value, _: Access) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn store_exclusive(&mut self, _: Value, _: Access, _: Value) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn load_exclusive2(&mut self, _: Value, _: Access) -> Result<(Value, Value), Leave> {
        self.special((Value::Other, Value::Other))
    }
    fn store_exclusive2(&mut self, _: Value, _: Access, _: Value, _: Value) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn rmw(&mut self, _: Atomic, _: Value, _: Access, _: Value) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn cas(&mut self, _: Value, _: Access, _: Value, _: Value) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn cas2(&mut self, _: Value, _: Access, _: (Value, Value), _: (Value, Value)) -> Result<(Value, Value), Leave> {
        self.special((Value::Other, Value::Other))
    }
    fn mops_check(&mut self, _: MopsStage, _: Value, _: u32) -> Done {
        self.special(())
    }
    fn mops_copy(&mut self, _: Value, _: Value, _: Value, _: (Access, Access)) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn mops_set(&mut self, _: Value, _: Value, _: Value, _: Access) -> Result<Value, Leave> {
        self.special(Value::Other)
    }

    fn mrs(&mut self, _: SysReg) -> Result<Value, Leave> {
        self.special(Value::Other)
    }
    fn msr(&mut self, _: SysReg, _: Value) -> Done {
        self.special(())
    }
    fn msr_imm(&mut self, _: PstateField, _: u32) -> Done {
        self.special(())
    }
    fn sys(&mut self, _: SysReg, _: Value) -> Done {
        self.special(())
    }
    fn wait_until(&mut self, _: Value, _: WaitFor) -> Done {
        self.special(())
    }
    fn hint(&mut self, _: Hint) -> Done {
        self.special(())
    }

    fn fp_access(&mut self) -> Done {
        Ok(())
    }
    fn v(&mut self, r: u32) {
        self.facts.reads_v |= 1 << (r & 31);
    }
    fn set_v(&mut self, r: u32, (): ()) {
        self.facts.writes_v |= 1 << (r & 31);
    }
    fn vimm(&mut self, _: u128) {}
    fn vfrom(&mut self, _: Value) {}
    fn vget(&mut self, (): (), _: u32, _: u32) -> Value {
        Value::Other
    }
    fn vset(&mut self, (): (), _: u32, _: u32, _: Value) {}
    fn vop1(&mut self, _: VOp1, (): ()) {}
    fn vop2(&mut self, _: VOp2, (): (), (): ()) {}
    fn vop3(&mut self, _: VOp3, (): (), (): (), (): ()) {}
    fn sop1(&mut self, _: SOp1, (): ()) {}
    fn sop2(&mut self, _: SOp2, (): (), (): ()) {}
    fn sop3(&mut self, _: SOp3, (): (), (): (), (): ()) {}
    fn fop1(&mut self, _: FOp1, (): ()) {}
    fn fop2(&mut self, _: FOp2, (): (), (): ()) {}
    fn fop3(&mut self, _: FOp3, (): (), (): (), (): ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(word: u32) -> Facts {
        facts(cpu::Model::by_name("max").expect("a model").features, word)
    }

    #[test]
    fn registers_are_noted() {
        let add = look(0x8b02_0020); // add x0, x1, x2
        assert_eq!((add.reads, add.writes, add.flags), (0b110, 0b1, Use::None));
        let cmp = look(0xf100_041f); // cmp x0, #1
        assert_eq!((cmp.reads, cmp.writes, cmp.flags), (0b1, 0, Use::Sets));
        assert_eq!((cmp.looks_at_flags, cmp.changes_flags), (false, false));
        let adc = look(0x9a02_0020); // adc x0, x1, x2
        assert_eq!(adc.flags, Use::Needs);
    }

    #[test]
    fn comparisons_are_noted() {
        use Comparand::*;
        let noted = |word| look(word).compared.map(|c| (c.op, c.wide, c.a, c.plus, c.b));
        assert_eq!(noted(0xf100_041f), Some((FlagOp::Sub, true, 0, 0, Imm(1)))); // cmp x0, #1
        assert_eq!(noted(0x6b05_009f), Some((FlagOp::Sub, false, 4, 0, Register(5)))); // cmp w4, w5
        assert_eq!(noted(0x7100_0421), Some((FlagOp::Sub, false, 1, 1, Imm(1)))); // subs w1, w1, #1
        assert_eq!(noted(0xb100_0421), Some((FlagOp::Add, true, 1, -1, Imm(1)))); // adds x1, x1, #1
        assert_eq!(noted(0xeb02_0022), None); // subs x2, x1, x2
        assert_eq!(noted(0xea02_0023), Some((FlagOp::And, true, 3, 0, Register(3)))); // ands x3, x1, x2
        assert_eq!(noted(0xea02_003f), Some((FlagOp::And, true, 1, 0, Register(2)))); // tst x1, x2
        assert_eq!(noted(0xeb02_043f), None); // cmp x1, x2, lsl #1
    }

    #[test]
    fn accesses_are_noted() {
        let ldp = look(0xa9c1_7bfd); // ldp x29, x30, [sp, #16]!
        assert_eq!(ldp.reach, Some(Reach { base: 31, low: 16, high: 32, write: false }));
        assert_eq!((ldp.writes, ldp.flags), (1 << 29 | 1 << 30 | 1 << 31, Use::Needs));
        let str = look(0xf800_8420); // str x0, [x1], #8
        assert_eq!(str.reach, Some(Reach { base: 1, low: 0, high: 8, write: true }));
        let ldr = look(0xf862_6820); // ldr x0, [x1, x2]
        assert_eq!(ldr.reach, None);
        let ldtr = look(0xf840_0820); // ldtr x0, [x1]
        assert_eq!(ldtr.reach, None);
    }

    #[test]
    fn moves_of_a_base_are_noted() {
        assert_eq!(look(0xa9bf_7bfd).shift, Some((31, -16))); // stp x29, x30, [sp, #-16]!
        assert_eq!(look(0xf800_8420).shift, Some((1, 8))); // str x0, [x1], #8
        assert_eq!(look(0x9100_43ff).shift, Some((31, 16))); // add sp, sp, #16
        assert_eq!(look(0x8b02_0020).shift, None); // add x0, x1, x2
    }

    #[test]
    fn branches_are_noted() {
        let bne = look(0x54ff_ffe1); // b.ne .-4
        assert_eq!((bne.branch, bne.ends), (Some(-4), false));
        let b = look(0x1400_0002); // b .+8
        assert_eq!((b.branch, b.ends), (Some(8), true));
        let bl = look(0x9400_0002); // bl .+8
        assert_eq!((bl.branch, bl.ends), (None, true));
        let ret = look(0xd65f_03c0);
        assert_eq!((ret.branch, ret.ends), (None, true));
    }

    /// What is kept of a word is what is found out of it, whatever came between, and of no other word.
    #[test]
    fn facts_are_kept() {
        let features = cpu::Model::by_name("max").expect("a model").features;
        let mut scout = Scout::new(features);
        let mut random = crate::testing::Random(1);
        let words: Vec<u32> = (0..4 * SEEN).map(|_| random.next() as u32 & 0x7fff_ffff).chain([0, !0]).collect();
        for word in words.iter().chain(words.iter().rev()) {
            assert_eq!(*scout.look(*word).1, facts(features, *word), "{word:#010x}");
        }
    }
}
