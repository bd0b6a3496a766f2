//! An engine that neither executes nor compiles: it writes down what an instruction asks for.
//!
//! A value is its text, so an instruction reads as the tree of micro-ops that it is; effects are a line each, in the
//! architectural order. What comes from memory or with flags has a name of its own (`t0`).

use a64::{FeatureSet, ROW_COUNT};
use hw::{Access, Leave, Order};
use mem::Atomic;
use semantics::fops::{FOp1, FOp2, FOp3};
use semantics::vops::{SOp1, SOp2, SOp3, VOp1, VOp2, VOp3};
use semantics::{
    BranchKind, Cond, Done, Engine, Feature, FlagOp, Gpr, Handler, Hint, MopsStage, Op1, Op2, PacKey, Pauth,
    PstateField, SysReg, Trap, WaitFor, Width,
};
use std::fmt::{Debug, Display};

static HANDLERS: [Handler<Scribe>; ROW_COUNT] = semantics::handlers::<Scribe>();

/// The micro-ops of `word` at `pc`, a line per effect; none if a PE with `features` has no such instruction.
pub fn micro_ops(pc: u64, word: u32, features: FeatureSet) -> Vec<String> {
    let Some(row) = a64::lookup(word).filter(|row| features.contains(row.needs(word))) else { return Vec::new() };
    let mut scribe = Scribe { pc, features, values: Vec::new(), lines: Vec::new(), names: 0 };
    // Every effect was possible, so nothing left early.
    _ = HANDLERS[row as usize](&mut scribe, word);
    if scribe.lines.is_empty() {
        scribe.lines.push("nothing".to_owned());
    }
    scribe.lines
}

/// An index into `Scribe::values`.
#[derive(Clone, Copy)]
struct T(u16);

struct Scribe {
    pc: u64,
    features: FeatureSet,
    values: Vec<String>,
    lines: Vec<String>,
    names: usize,
}

impl Scribe {
    fn value(&mut self, text: impl Display) -> T {
        self.values.push(text.to_string());
        T(self.values.len() as u16 - 1)
    }

    fn text(&self, v: T) -> &str {
        &self.values[usize::from(v.0)]
    }

    /// An operation on values.
    fn op(&mut self, op: impl Debug, operands: &[T]) -> T {
        let text = self.call(op, operands);
        self.value(text)
    }

    fn call(&self, op: impl Debug, operands: &[T]) -> String {
        let operands: Vec<&str> = operands.iter().map(|v| self.text(*v)).collect();
        format!("{op:?}({})", operands.join(", "))
    }

    fn effect(&mut self, text: String) -> Done {
        self.lines.push(text);
        Ok(())
    }

    /// An effect with a result.
    fn named(&mut self, text: String) -> T {
        let name = format!("t{}", self.names);
        self.names += 1;
        self.lines.push(format!("{name} = {text}"));
        self.value(name)
    }

    fn memory(&self, verb: &str, at: T, how: Access, values: &[T]) -> String {
        let order = if how.order == Order::Plain { String::new() } else { format!(".{:?}", how.order) };
        let user = if how.unprivileged { ".unprivileged" } else { "" };
        let values: String = values.iter().map(|v| format!(", {}", self.text(*v))).collect();
        format!("{verb}{}{order}{user} [{}]{values}", 8 << how.size, self.text(at))
    }
}

impl Engine for Scribe {
    type W = T;
    type V = T;
    type C = T;

    fn has(&mut self, feature: Feature) -> bool {
        self.features.has(feature)
    }
    fn imm(&mut self, v: u64) -> T {
        if v < 10 { self.value(v) } else { self.value(format_args!("{v:#x}")) }
    }
    fn x(&mut self, r: Gpr) -> T {
        if r.0 < 31 { self.value(format_args!("x{}", r.0)) } else { self.value(0) }
    }
    fn set_x(&mut self, r: Gpr, v: T) {
        if r.0 < 31 {
            self.lines.push(format!("x{} = {}", r.0, self.text(v)));
        }
    }
    fn sp(&mut self) -> T {
        self.value("sp")
    }
    fn set_sp(&mut self, v: T) {
        self.lines.push(format!("sp = {}", self.text(v)));
    }
    fn pc(&mut self) -> T {
        self.imm(self.pc)
    }
    fn op1(&mut self, op: Op1, a: T) -> T {
        self.op(op, &[a])
    }
    fn op2(&mut self, op: Op2, a: T, b: T) -> T {
        self.op(op, &[a, b])
    }

    fn flag_op(&mut self, op: FlagOp, width: Width, a: T, b: T) -> T {
        let text = format!("{}, nzcv of {width:?}", self.call(op, &[a, b]));
        self.named(text)
    }
    fn flag_op_if(&mut self, c: T, op: FlagOp, width: Width, a: T, b: T, otherwise: u32) {
        let text = self.call(op, &[a, b]);
        self.lines.push(format!("nzcv = {} ? {text} of {width:?} : {otherwise:04b}", self.text(c)));
    }
    fn add_carry(&mut self, a: T, b: T) -> T {
        let text = self.call(format_args!("AddCarry"), &[a, b]);
        self.value(text)
    }
    fn nzcv(&mut self) -> T {
        self.value("nzcv")
    }
    fn set_nzcv(&mut self, v: T) {
        self.lines.push(format!("nzcv = {}", self.text(v)));
    }
    fn cond(&mut self, cond: Cond) -> T {
        const NAMES: [&str; 16] =
            ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"];
        self.value(NAMES[cond.0 as usize & 15])
    }
    fn is_zero(&mut self, a: T) -> T {
        let text = format!("{} == 0", self.text(a));
        self.value(text)
    }
    fn bit(&mut self, a: T, n: u32) -> T {
        let text = format!("{}[{n}]", self.text(a));
        self.value(text)
    }
    fn not(&mut self, c: T) -> T {
        let text = format!("!({})", self.text(c));
        self.value(text)
    }
    fn select(&mut self, c: T, a: T, b: T) -> T {
        let text = format!("({} ? {} : {})", self.text(c), self.text(a), self.text(b));
        self.value(text)
    }

    fn branch(&mut self, target: T, kind: BranchKind) {
        self.lines.push(format!("pc = {} ({kind:?})", self.text(target)));
    }
    fn branch_if(&mut self, c: T, offset: i64) {
        let target = self.pc.wrapping_add(offset as u64);
        self.lines.push(format!("if {}: pc = {target:#x}", self.text(c)));
    }
    fn indirect(&mut self, _: BranchKind, _: u32) -> Done {
        Ok(())
    }
    fn trap(&mut self, trap: Trap) -> Done {
        self.effect(format!("exception {trap:?}"))
    }
    fn eret(&mut self, _: Option<PacKey>) -> Done {
        self.effect("exception return".to_owned())
    }
    fn pauth(&mut self, op: Pauth, ptr: T, modifier: T) -> Result<T, Leave> {
        Ok(self.op(op, &[ptr, modifier]))
    }

    fn base(&mut self, rn: Gpr) -> Result<T, Leave> {
        Ok(if rn.0 == 31 { self.sp() } else { self.x(rn) })
    }
    fn load(&mut self, at: T, how: Access) -> Result<T, Leave> {
        let text = self.memory("load", at, how, &[]);
        Ok(self.named(text))
    }
    fn store(&mut self, at: T, how: Access, v: T) -> Done {
        self.effect(self.memory("store", at, how, &[v]))
    }
    fn load2(&mut self, at: T, how: Access) -> Result<(T, T), Leave> {
        let text = self.memory("load pair ", at, how, &[]);
        let low = self.named(text);
        let high = self.named("its second".to_string());
        Ok((low, high))
    }
    fn store2(&mut self, at: T, how: Access, a: T, b: T) -> Done {
        self.effect(self.memory("store pair ", at, how, &[a, b]))
    }
    fn load_v(&mut self, at: T, how: Access) -> Result<T, Leave> {
        self.load(at, how)
    }
    fn store_v(&mut self, at: T, how: Access, v: T) -> Done {
        self.store(at, how, v)
    }
    fn load_exclusive(&mut self, at: T, how: Access) -> Result<T, Leave> {
        let text = self.memory("load exclusive ", at, how, &[]);
        Ok(self.named(text))
    }
    fn store_exclusive(&mut self, at: T, how: Access, v: T) -> Result<T, Leave> {
        let text = self.memory("store exclusive ", at, how, &[v]);
        Ok(self.named(text))
    }
    fn load_exclusive2(&mut self, at: T, how: Access) -> Result<(T, T), Leave> {
        let low = self.load_exclusive(at, how)?;
        let high = self.named("its second".to_owned());
        Ok((low, high))
    }
    fn store_exclusive2(&mut self, at: T, how: Access, a: T, b: T) -> Result<T, Leave> {
        let text = self.memory("store exclusive ", at, how, &[a, b]);
        Ok(self.named(text))
    }
    fn rmw(&mut self, op: Atomic, at: T, how: Access, operand: T) -> Result<T, Leave> {
        let text = self.memory(&format!("atomic {op:?} "), at, how, &[operand]);
        Ok(self.named(text))
    }
    fn cas(&mut self, at: T, how: Access, expected: T, new: T) -> Result<T, Leave> {
        let text = self.memory("compare and swap ", at, how, &[expected, new]);
        Ok(self.named(text))
    }
    fn cas2(&mut self, at: T, how: Access, expected: (T, T), new: (T, T)) -> Result<(T, T), Leave> {
        let text = self.memory("compare and swap ", at, how, &[expected.0, expected.1, new.0, new.1]);
        let low = self.named(text);
        let high = self.named("its second".to_owned());
        Ok((low, high))
    }

    fn mops_check(&mut self, stage: MopsStage, size: T, _: u32) -> Done {
        self.effect(format!("check {stage:?}, {} bytes", self.text(size)))
    }
    fn mops_copy(&mut self, to: T, from: T, size: T, _: (Access, Access)) -> Result<T, Leave> {
        let text = format!("copy [{}], [{}], {} bytes", self.text(to), self.text(from), self.text(size));
        Ok(self.named(text))
    }
    fn mops_set(&mut self, to: T, size: T, byte: T, _: Access) -> Result<T, Leave> {
        let text = format!("set [{}], {}, {} bytes", self.text(to), self.text(byte), self.text(size));
        Ok(self.named(text))
    }

    fn mrs(&mut self, reg: SysReg) -> Result<T, Leave> {
        Ok(self.named(format!("system register {}", name(reg))))
    }
    fn msr(&mut self, reg: SysReg, v: T) -> Done {
        self.effect(format!("system register {} = {}", name(reg), self.text(v)))
    }
    fn msr_imm(&mut self, field: PstateField, imm: u32) -> Done {
        self.effect(format!("pstate {field:?} = {imm}"))
    }
    fn sys(&mut self, op: SysReg, v: T) -> Done {
        self.effect(format!("system operation {}, {}", name(op), self.text(v)))
    }
    fn wait_until(&mut self, deadline: T, what: WaitFor) -> Done {
        self.effect(format!("wait for {what:?} until {}", self.text(deadline)))
    }
    fn hint(&mut self, hint: Hint) -> Done {
        self.effect(format!("{hint:?}"))
    }

    fn fp_access(&mut self) -> Done {
        Ok(())
    }
    fn v(&mut self, r: u32) -> T {
        self.value(format_args!("v{r}"))
    }
    fn set_v(&mut self, r: u32, v: T) {
        self.lines.push(format!("v{r} = {}", self.text(v)));
    }
    fn vimm(&mut self, v: u128) -> T {
        self.value(format_args!("{v:#x}"))
    }
    fn vfrom(&mut self, v: T) -> T {
        v
    }
    fn vget(&mut self, v: T, esize: u32, index: u32) -> T {
        let text = format!("{}.{}[{index}]", self.text(v), 8 << esize);
        self.value(text)
    }
    fn vset(&mut self, v: T, esize: u32, index: u32, to: T) -> T {
        let text = format!("({} with {}[{index}] = {})", self.text(v), 8 << esize, self.text(to));
        self.value(text)
    }
    fn vop1(&mut self, op: VOp1, a: T) -> T {
        self.op(op, &[a])
    }
    fn vop2(&mut self, op: VOp2, a: T, b: T) -> T {
        self.op(op, &[a, b])
    }
    fn vop3(&mut self, op: VOp3, a: T, b: T, c: T) -> T {
        self.op(op, &[a, b, c])
    }
    fn sop1(&mut self, op: SOp1, a: T) -> T {
        self.op(op, &[a])
    }
    fn sop2(&mut self, op: SOp2, a: T, b: T) -> T {
        self.op(op, &[a, b])
    }
    fn sop3(&mut self, op: SOp3, a: T, b: T, c: T) -> T {
        self.op(op, &[a, b, c])
    }
    fn fop1(&mut self, op: FOp1, a: T) -> T {
        self.op(format_args!("{:?}.{}x{}", op.op, op.shape.lanes, 8 << op.shape.esize), &[a])
    }
    fn fop2(&mut self, op: FOp2, a: T, b: T) -> T {
        self.op(format_args!("{:?}.{}x{}", op.op, op.shape.lanes, 8 << op.shape.esize), &[a, b])
    }
    fn fop3(&mut self, op: FOp3, a: T, b: T, c: T) -> T {
        self.op(format_args!("{:?}.{}x{}", op.op, op.shape.lanes, 8 << op.shape.esize), &[a, b, c])
    }
}

/// op0_op1_CRn_CRm_op2, as assemblers take it.
fn name(reg: SysReg) -> String {
    let field = |lsb: u32, width: u32| reg.0 >> lsb & ((1 << width) - 1);
    format!("S{}_{}_C{}_C{}_{}", field(14, 2), field(11, 3), field(7, 4), field(3, 4), field(0, 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: u32, want: &[&str]) {
        assert_eq!(micro_ops(0x1000, word, cpu::Model::by_name("max").unwrap().features), want);
    }

    #[test]
    fn an_instruction_is_its_micro_ops() {
        check(0x8b02_0c20, &["x0 = Add(x1, Lsl(x2, 3))"]); // add x0, x1, x2, lsl #3
        check(0xf100_043f, &["t0 = Sub(x1, 1), nzcv of X"]); // cmp x1, #1
        check(0x5400_0040, &["if eq: pc = 0x1008"]); // b.eq
        check(0xf840_8461, &["t0 = load64 [x3]", "x1 = t0", "x3 = Add(x3, 8)"]); // ldr x1, [x3], #8
        check(0xd503_3bbf, &["Dmb(11)"]);
        check(0xd503_201f, &["Nop"]);
        check(0x1e62_2820, &["v0 = Add.1x64(v1, v2)"]); // fadd d0, d1, d2
        check(0x9a02_0020, &["x0 = AddCarry(x1, x2)"]); // adc x0, x1, x2
        check(0xd53b_d040, &["t0 = system register S3_3_C13_C0_2", "x0 = t0"]);
        check(0, &[]);
    }

    #[test]
    fn every_row_can_be_written_down() {
        for row in &a64::ROWS {
            for noise in [0, u32::MAX] {
                let word = noise & !row.mask & !row.should_be | row.value | row.should_be;
                if a64::lookup(word) == Some(row.row) {
                    micro_ops(0, word, cpu::Model::by_name("max").unwrap().features);
                }
            }
        }
    }
}
