//! Computing nodes: from a tree of micro-ops to host instructions.
//!
//! `wide` says whether all 64 bits are wanted; if not, the low 32 are computed, by 32-bit instructions, and
//! zero-extended. rax, rcx and rdx are used inside one operation only.

use crate::emit::{Emitter, Node, RAX, RCX, RDX, Test, W, asm};
use crate::regs::{HOSTS, Where};
use crate::thunks::cc;
use dynasmrt::{DynasmApi, dynasm};
use semantics::{Op1, Op2};

/// An operand that an instruction can have directly.
#[derive(Clone, Copy)]
enum Operand {
    Reg(u8),
    Imm(i32),
}

/// The bits of an immediate that fit an instruction of this width.
fn fits(v: u64, wide: bool) -> Option<i32> {
    if wide { i32::try_from(v as i64).ok() } else { Some(v as u32 as i32) }
}

impl Emitter {
    /// The host register with all of `w`.
    pub fn reg(&mut self, w: W) -> u8 {
        match self.at(w) {
            Node::X(r, version) => {
                if self.versions[r as usize & 31] != version {
                    self.give_up();
                }
                self.guest(r)
            }
            Node::At(place) => {
                self.regs.touch(place);
                HOSTS[place as usize]
            }
            _ => {
                let Some(place) = self.temporary() else { return RAX };
                self.eval(w, HOSTS[place as usize], true);
                self.nodes[w.0 as usize] = Node::At(place);
                HOSTS[place as usize]
            }
        }
    }

    /// A host register whose low 32 bits are those of `w`.
    pub fn low(&mut self, w: W) -> u8 {
        match self.at(w) {
            Node::Op1(Op1::Uxtw | Op1::Sxtw, inner) => self.low(inner),
            Node::X(..) | Node::At(_) => self.reg(w),
            _ => {
                let Some(place) = self.temporary() else { return RAX };
                self.eval(w, HOSTS[place as usize], false);
                HOSTS[place as usize]
            }
        }
    }

    fn source(&mut self, w: W, wide: bool) -> u8 {
        if wide { self.reg(w) } else { self.low(w) }
    }

    fn operand(&mut self, w: W, wide: bool) -> Operand {
        match self.constant(w).and_then(|v| fits(v, wide)) {
            Some(v) => Operand::Imm(v),
            None => Operand::Reg(self.source(w, wide)),
        }
    }

    pub fn copy(&mut self, to: u8, from: u8, wide: bool) {
        match wide {
            true => self.mov(to, from),
            false => asm!(self ; mov Rd(to), Rd(from)),
        }
    }

    /// Makes guest register `r` (31 is SP) be `w`.
    pub fn assign(&mut self, r: u8, w: W) {
        let node = self.at(w);
        let by = match node {
            Node::Op2(op @ (Op2::Add | Op2::Sub), a, b) => match (self.at(a), self.constant(b)) {
                (Node::X(from, _), Some(v)) if from == r && op == Op2::Add => Some(v as i64),
                (Node::X(from, _), Some(v)) if from == r => Some((v as i64).wrapping_neg()),
                _ => None,
            },
            _ => None,
        };
        self.move_compared(r, by);
        match node {
            Node::Imm(v) => self.set_constant(r, v),
            Node::At(place) if self.regs.is_temporary(place) => self.regs.adopt(place, r, true),
            _ => {
                if let Some(place) = self.in_place(r, w) {
                    self.eval(w, HOSTS[place as usize], true);
                    self.overwrite_place(place);
                    self.regs.soil(r);
                } else {
                    let Some(place) = self.temporary() else { return };
                    self.eval(w, HOSTS[place as usize], true);
                    self.regs.adopt(place, r, true);
                }
            }
        }
        self.move_spans(r, by);
        self.versions[r as usize & 31] += 1;
    }

    /// The place of `r`, if `w` can be computed there: it does not look at `r`, or is one operation whose first operand
    /// is `r` itself and whose second does not.
    fn in_place(&mut self, r: u8, w: W) -> Option<u8> {
        let Where::Place(place) = self.regs.find(r) else { return None };
        if self.setter.is_some_and(|s| s.uses(place)) {
            return None;
        }
        if self.looks_at(w, r) {
            let (node, _) = self.strip(w);
            let Node::Op2(op, a, b) = node else { return None };
            use Op2::*;
            let simple = matches!(op, Add | Sub | And | Or | Xor | Lsl | Lsr | Asr | Mul);
            let large = matches!(self.at(b), Node::Imm(v) if i32::try_from(v as i64).is_err());
            if !simple || large || !self.begins_with(a, r, op) || self.looks_at(b, r) {
                return None;
            }
        }
        self.guest(r);
        match self.regs.find(r) {
            Where::Place(place) => Some(place),
            _ => None,
        }
    }

    /// Is `w` guest register `r`, or the field of it that a shift right takes from its upper half?
    fn begins_with(&self, w: W, r: u8, op: Op2) -> bool {
        match self.at(w) {
            Node::X(base, _) => base == r,
            Node::Op2(Op2::Lsl, field, by) if matches!(op, Op2::Lsr | Op2::Asr) => {
                self.constant(by).is_some() && matches!(self.at(field), Node::X(base, _) if base == r)
            }
            _ => false,
        }
    }

    /// Does `w` look at guest register `r`?
    fn looks_at(&self, w: W, r: u8) -> bool {
        match self.at(w) {
            Node::X(base, _) => base == r,
            Node::Imm(_) | Node::At(_) => false,
            Node::Op1(_, a) => self.looks_at(a, r),
            Node::Op2(_, a, b) => self.looks_at(a, r) || self.looks_at(b, r),
            Node::Select(c, a, b) => {
                let tested = match c.test {
                    Test::Zero(w) | Test::Bit(w, _) => self.looks_at(w, r),
                    Test::Always | Test::Flags(_) => false,
                };
                tested || self.looks_at(a, r) || self.looks_at(b, r)
            }
        }
    }

    /// Without zero-extensions around it.
    fn strip(&self, w: W) -> (Node, bool) {
        match self.at(w) {
            Node::Op1(Op1::Uxtw, inner) => (self.strip(inner).0, false),
            node => (node, true),
        }
    }

    /// Computes `w` into host register `to`, which no operand is in, or only the first.
    pub fn eval(&mut self, w: W, to: u8, wide: bool) {
        match self.at(w) {
            Node::Imm(v) => self.mov_imm(to, if wide { v } else { v as u32 as u64 }),
            Node::X(..) | Node::At(_) => {
                let from = self.reg(w);
                self.copy(to, from, wide);
            }
            Node::Op1(op, a) => self.eval1(op, a, to, wide),
            Node::Op2(op, a, b) => self.eval2(op, a, b, to, wide),
            Node::Select(c, a, b) => self.select_into(c, a, b, to, wide),
        }
    }

    fn eval1(&mut self, op: Op1, a: W, to: u8, wide: bool) {
        match (op, wide) {
            (Op1::Uxtw, _) | (Op1::Sxtw, false) => return self.eval(a, to, false),
            (Op1::Clz | Op1::Clz32 | Op1::Rev32, _) => {}
            (Op1::Rbit | Op1::Rbit32 | Op1::Rev16 | Op1::Cls | Op1::Cls32 | Op1::Cnt, _)
            | (Op1::Cfinv | Op1::Axflag | Op1::Xaflag, _) => return self.eval_bits(op, a, to, wide),
            _ => {}
        }
        let narrow = matches!(op, Op1::Uxtb | Op1::Uxth | Op1::Sxtb | Op1::Sxth | Op1::Sxtw | Op1::Clz32);
        let all = matches!(op, Op1::Clz | Op1::Rev64);
        let from = if narrow || (!wide && !all) { self.low(a) } else { self.reg(a) };
        match op {
            Op1::Not => {
                self.copy(to, from, wide);
                match wide {
                    true => asm!(self ; not Rq(to)),
                    false => asm!(self ; not Rd(to)),
                }
            }
            Op1::Uxtb => asm!(self ; movzx Rd(to), Rb(from)),
            Op1::Uxth => asm!(self ; movzx Rd(to), Rw(from)),
            Op1::Sxtb if wide => asm!(self ; movsx Rq(to), Rb(from)),
            Op1::Sxtb => asm!(self ; movsx Rd(to), Rb(from)),
            Op1::Sxth if wide => asm!(self ; movsx Rq(to), Rw(from)),
            Op1::Sxth => asm!(self ; movsx Rd(to), Rw(from)),
            Op1::Sxtw => asm!(self ; movsxd Rq(to), Rd(from)),
            Op1::Rev64 if wide => {
                self.copy(to, from, true);
                asm!(self ; bswap Rq(to));
            }
            Op1::Rev64 => {
                self.copy(to, from, true);
                asm!(self ; bswap Rq(to) ; mov Rd(to), Rd(to));
            }
            Op1::Rev32 => {
                self.copy(to, from, wide);
                match wide {
                    true => asm!(self ; bswap Rq(to) ; rorx Rq(to), Rq(to), 32),
                    false => asm!(self ; bswap Rd(to)),
                }
            }
            Op1::Clz => {
                self.pass_flags();
                asm!(self ; lzcnt Rq(to), Rq(from));
            }
            Op1::Clz32 => {
                self.pass_flags();
                asm!(self ; lzcnt Rd(to), Rd(from));
            }
            _ => self.give_up(),
        }
    }

    fn eval2(&mut self, op: Op2, a: W, b: W, to: u8, wide: bool) {
        match op {
            Op2::Add => self.add_into(a, b, to, wide),
            Op2::Sub | Op2::And | Op2::Or | Op2::Xor | Op2::Mul => self.plain(op, a, b, to, wide),
            Op2::Bic => {
                let (x, y) = (self.source(a, wide), self.source(b, wide));
                self.pass_flags();
                match wide {
                    true => asm!(self ; andn Rq(to), Rq(y), Rq(x)),
                    false => asm!(self ; andn Rd(to), Rd(y), Rd(x)),
                }
            }
            Op2::Lsl | Op2::Lsr | Op2::Asr => self.shift(op, a, b, to, wide),
            Op2::Ror | Op2::Ror32 => self.rotate(op, a, b, to),
            Op2::Umulh => {
                let (x, y) = (self.reg(a), self.reg(b));
                asm!(self ; mov rdx, Rq(x) ; mulx Rq(to), rax, Rq(y));
            }
            Op2::Smulh => {
                let (x, y) = (self.reg(a), self.reg(b));
                self.pass_flags();
                asm!(self ; mov rax, Rq(x) ; imul Rq(y) ; mov Rq(to), rdx);
            }
            Op2::Udiv => self.divide(a, b, to, wide, false),
            Op2::Sdiv => self.divide(a, b, to, true, true),
            Op2::Sdiv32 => self.divide(a, b, to, false, true),
            Op2::Crc32cb | Op2::Crc32ch | Op2::Crc32cw | Op2::Crc32cx => {
                let (x, y) = (self.low(a), if op == Op2::Crc32cx { self.reg(b) } else { self.low(b) });
                asm!(self ; mov eax, Rd(x));
                match op {
                    Op2::Crc32cb => asm!(self ; crc32 eax, Rb(y)),
                    Op2::Crc32ch => asm!(self ; crc32 eax, Rw(y)),
                    Op2::Crc32cw => asm!(self ; crc32 eax, Rd(y)),
                    _ => asm!(self ; crc32 rax, Rq(y)),
                }
                asm!(self ; mov Rd(to), eax);
            }
            _ => self.eval_rare(op, a, b, to, wide),
        }
    }

    /// LEA where it does: it leaves the flags alone.
    fn add_into(&mut self, a: W, b: W, to: u8, wide: bool) {
        if let Some(v) = self.constant(b).and_then(|v| fits(v, wide)) {
            let x = self.source(a, wide);
            self.lea(to, x, v, wide);
            return;
        }
        let scaled = match self.at(b) {
            Node::Op2(Op2::Lsl, inner, by) => match self.constant(by) {
                Some(by @ 1..=3) if wide || !matches!(self.at(inner), Node::Op2(..)) => Some((inner, by)),
                _ => None,
            },
            _ => None,
        };
        let (x, inner, by) = match scaled {
            Some((inner, by)) => (self.source(a, wide), self.source(inner, wide), by),
            None => (self.source(a, wide), self.source(b, wide), 0),
        };
        match (wide, by) {
            (true, 0) => asm!(self ; lea Rq(to), [Rq(x) + Rq(inner)]),
            (true, 1) => asm!(self ; lea Rq(to), [Rq(x) + 2 * Rq(inner)]),
            (true, 2) => asm!(self ; lea Rq(to), [Rq(x) + 4 * Rq(inner)]),
            (true, _) => asm!(self ; lea Rq(to), [Rq(x) + 8 * Rq(inner)]),
            (false, 0) => asm!(self ; lea Rd(to), [Rq(x) + Rq(inner)]),
            (false, 1) => asm!(self ; lea Rd(to), [Rq(x) + 2 * Rq(inner)]),
            (false, 2) => asm!(self ; lea Rd(to), [Rq(x) + 4 * Rq(inner)]),
            (false, _) => asm!(self ; lea Rd(to), [Rq(x) + 8 * Rq(inner)]),
        }
    }

    /// Two-operand instructions.
    fn plain(&mut self, op: Op2, a: W, b: W, to: u8, wide: bool) {
        let negates = op == Op2::Sub && self.constant(a) == Some(0);
        if negates {
            let y = self.source(b, wide);
            self.copy(to, y, wide);
            // -y = !y + 1, without a change of flags.
            match wide {
                true => asm!(self ; not Rq(to)),
                false => asm!(self ; not Rd(to)),
            }
            self.lea(to, to, 1, wide);
            return;
        }
        // The operation that commutes has its constant last.
        let (a, b) = if op != Op2::Sub && self.constant(a).is_some() { (b, a) } else { (a, b) };
        let y = self.operand(b, wide);
        let x = self.source(a, wide);
        if let (Op2::Sub, Operand::Imm(v)) = (op, y)
            && let Some(v) = v.checked_neg()
        {
            self.lea(to, x, v, wide);
            return;
        }
        self.pass_flags();
        if let (Op2::Mul, Operand::Imm(v)) = (op, y) {
            match wide {
                true => asm!(self ; imul Rq(to), Rq(x), v),
                false => asm!(self ; imul Rd(to), Rd(x), v),
            }
            return;
        }
        self.copy(to, x, wide);
        match (op, y, wide) {
            (Op2::Sub, Operand::Reg(y), true) => asm!(self ; sub Rq(to), Rq(y)),
            (Op2::Sub, Operand::Reg(y), false) => asm!(self ; sub Rd(to), Rd(y)),
            (Op2::Sub, Operand::Imm(v), true) => asm!(self ; sub Rq(to), v),
            (Op2::Sub, Operand::Imm(v), false) => asm!(self ; sub Rd(to), v),
            (Op2::And, Operand::Reg(y), true) => asm!(self ; and Rq(to), Rq(y)),
            (Op2::And, Operand::Reg(y), false) => asm!(self ; and Rd(to), Rd(y)),
            (Op2::And, Operand::Imm(v), true) if v >= 0 => asm!(self ; and Rd(to), v),
            (Op2::And, Operand::Imm(v), true) => asm!(self ; and Rq(to), v),
            (Op2::And, Operand::Imm(v), false) => asm!(self ; and Rd(to), v),
            (Op2::Or, Operand::Reg(y), true) => asm!(self ; or Rq(to), Rq(y)),
            (Op2::Or, Operand::Reg(y), false) => asm!(self ; or Rd(to), Rd(y)),
            (Op2::Or, Operand::Imm(v), true) => asm!(self ; or Rq(to), v),
            (Op2::Or, Operand::Imm(v), false) => asm!(self ; or Rd(to), v),
            (Op2::Xor, Operand::Reg(y), true) => asm!(self ; xor Rq(to), Rq(y)),
            (Op2::Xor, Operand::Reg(y), false) => asm!(self ; xor Rd(to), Rd(y)),
            (Op2::Xor, Operand::Imm(v), true) => asm!(self ; xor Rq(to), v),
            (Op2::Xor, Operand::Imm(v), false) => asm!(self ; xor Rd(to), v),
            (_, Operand::Reg(y), true) => asm!(self ; imul Rq(to), Rq(y)),
            (_, Operand::Reg(y), false) => asm!(self ; imul Rd(to), Rd(y)),
            (_, Operand::Imm(_), _) => self.give_up(),
        }
    }

    fn shift(&mut self, op: Op2, a: W, b: W, to: u8, wide: bool) {
        match self.constant(b) {
            Some(by) => self.shift_by(op, a, (by & 63) as u8, to, wide),
            None => self.shift_variable(op, a, b, to, wide),
        }
    }

    fn shift_by(&mut self, op: Op2, a: W, by: u8, to: u8, wide: bool) {
        // A field moved up, then down: an extension, or a shift of 32 bits.
        if let (Node::Op2(Op2::Lsl, field, up), false) = (self.at(a), op == Op2::Lsl)
            && let Some(up) = self.constant(up)
        {
            let signed = op == Op2::Asr;
            match (up, by, signed) {
                (56, 56, _) => return self.eval1(if signed { Op1::Sxtb } else { Op1::Uxtb }, field, to, wide),
                (48, 48, _) => return self.eval1(if signed { Op1::Sxth } else { Op1::Uxth }, field, to, wide),
                (32, 32, _) => return self.eval1(if signed { Op1::Sxtw } else { Op1::Uxtw }, field, to, wide),
                (32, 32.., false) => {
                    let x = self.low(field);
                    self.pass_flags();
                    self.copy(to, x, false);
                    return asm!(self ; shr Rd(to), by as i8 - 32);
                }
                (32, 32.., true) if !wide => {
                    let x = self.low(field);
                    self.pass_flags();
                    self.copy(to, x, false);
                    return asm!(self ; sar Rd(to), by as i8 - 32);
                }
                _ => {}
            }
        }
        if let (Node::Op1(Op1::Uxtw, inner), Op2::Lsr, 0..32) = (self.at(a), op, by) {
            let x = self.low(inner);
            self.pass_flags();
            self.copy(to, x, false);
            return asm!(self ; shr Rd(to), by as i8);
        }
        if op == Op2::Lsl && !wide {
            if by >= 32 {
                return self.mov_imm(to, 0);
            }
            let x = self.low(a);
            self.pass_flags();
            self.copy(to, x, false);
            return asm!(self ; shl Rd(to), by as i8);
        }
        // The low half of a right shift comes from all bits.
        let x = self.reg(a);
        self.pass_flags();
        self.mov(to, x);
        match op {
            Op2::Lsl => asm!(self ; shl Rq(to), by as i8),
            Op2::Lsr => asm!(self ; shr Rq(to), by as i8),
            _ => asm!(self ; sar Rq(to), by as i8),
        }
        if !wide {
            asm!(self ; mov Rd(to), Rd(to));
        }
    }

    /// The host's shifts look at as many bits of the amount as the guest's.
    fn shift_variable(&mut self, op: Op2, a: W, b: W, to: u8, wide: bool) {
        let (amount, modulo) = match self.at(b) {
            Node::Op2(Op2::And, inner, mask) => match self.constant(mask) {
                Some(63) => (inner, 64),
                Some(31) => (inner, 32),
                _ => (b, 64),
            },
            _ => (b, 64),
        };
        let narrow = match (op, self.at(a)) {
            (Op2::Lsl, _) if !wide => Some(a),
            (Op2::Lsr, Node::Op1(Op1::Uxtw, inner)) => Some(inner),
            (Op2::Asr, Node::Op1(Op1::Sxtw, inner)) if !wide => Some(inner),
            _ => None,
        };
        if let (Some(inner), 32) = (narrow, modulo) {
            let (x, y) = (self.low(inner), self.low(amount));
            return match op {
                Op2::Lsl => asm!(self ; shlx Rd(to), Rd(x), Rd(y)),
                Op2::Lsr => asm!(self ; shrx Rd(to), Rd(x), Rd(y)),
                _ => asm!(self ; sarx Rd(to), Rd(x), Rd(y)),
            };
        }
        let x = self.reg(a);
        let y = if modulo == 64 { self.reg(amount) } else { self.reg(b) };
        match op {
            Op2::Lsl => asm!(self ; shlx Rq(to), Rq(x), Rq(y)),
            Op2::Lsr => asm!(self ; shrx Rq(to), Rq(x), Rq(y)),
            _ => asm!(self ; sarx Rq(to), Rq(x), Rq(y)),
        }
        if !wide {
            asm!(self ; mov Rd(to), Rd(to));
        }
    }

    fn rotate(&mut self, op: Op2, a: W, b: W, to: u8) {
        let wide = op == Op2::Ror;
        let x = self.source(a, wide);
        if let Some(by) = self.constant(b) {
            return match wide {
                true => asm!(self ; rorx Rq(to), Rq(x), (by & 63) as i8),
                false => asm!(self ; rorx Rd(to), Rd(x), (by & 31) as i8),
            };
        }
        let y = self.low(b);
        self.pass_flags();
        asm!(self ; mov ecx, Rd(y));
        // The first operand may be where the result goes; the amount is safe in rcx.
        self.copy(to, x, wide);
        match wide {
            true => asm!(self ; ror Rq(to), cl),
            false => asm!(self ; ror Rd(to), cl),
        }
    }

    /// By zero gives zero; the quotient that overflows is the dividend.
    fn divide(&mut self, a: W, b: W, to: u8, wide: bool, signed: bool) {
        // A 32-bit unsigned division has its operands cut already.
        let (x, y) = (self.source(a, wide), self.source(b, wide));
        self.pass_flags();
        asm!(self ; xor eax, eax);
        match wide {
            true => asm!(self ; test Rq(y), Rq(y)),
            false => asm!(self ; test Rd(y), Rd(y)),
        }
        let by_zero = self.forward(cc::E);
        self.copy(RAX, x, wide);
        if !signed {
            asm!(self ; xor edx, edx);
            match wide {
                true => asm!(self ; div Rq(y)),
                false => asm!(self ; div Rd(y)),
            }
            self.land(by_zero);
        } else {
            match wide {
                true => asm!(self ; neg rax ; cmp Rq(y), -1),
                false => asm!(self ; neg eax ; cmp Rd(y), -1),
            }
            let by_minus_one = self.forward(cc::E);
            match wide {
                true => asm!(self ; neg rax ; cqo ; idiv Rq(y)),
                false => asm!(self ; neg eax ; cdq ; idiv Rd(y)),
            }
            self.land(by_minus_one);
            self.land(by_zero);
        }
        self.copy(to, RAX, wide);
        debug_assert!(![RAX, RCX, RDX].contains(&x) && ![RAX, RCX, RDX].contains(&y) || self.failed);
    }
}
