//! Memory Copy and Memory Set. What the three instructions of one copy leave to each other is option A of the
//! manual: see `cpu::mops`. Registers that coincide, or are 31 (CONSTRAINED UNPREDICTABLE), are UNDEFINED here.

use super::*;
use crate::Trap;
use a64::*;

/// PSTATE.NZCV of option A.
const OPTION_A: u64 = 0;

const fn stage(field: u32) -> MopsStage {
    match field {
        0 => MopsStage::Prologue,
        1 => MopsStage::Main,
        _ => MopsStage::Epilogue,
    }
}

/// One side of a copy: EL0's permissions if `t` is 1.
const fn side(t: u32) -> Access {
    if t & 1 == 1 { Access::unprivileged(0) } else { Access::plain(0) }
}

/// Registers of a copy or set.
struct Operands {
    rd: u32,
    rs: u32,
    rn: u32,
}

impl Operands {
    const fn overlap(&self) -> bool {
        self.rd == self.rs || self.rs == self.rn || self.rd == self.rn || self.rd == 31 || self.rn == 31
    }

    /// The instruction's part of the syndrome.
    const fn iss(&self, is_set: u32, options: u32) -> u32 {
        is_set << 24 | options << 19 | self.rd << 10 | self.rs << 5 | self.rn
    }
}

/// CPYFP, CPYFM, CPYFE and their forms with options
pub fn cpyf<E: Engine>(e: &mut E, i: Cpyf) -> Done {
    copy(e, Operands { rd: i.rd, rs: i.rs, rn: i.rn }, stage(i.stage), i.options, forwards)
}

/// CPYP, CPYM, CPYE and their forms with options
pub fn cpy<E: Engine>(e: &mut E, i: Cpy) -> Done {
    copy(e, Operands { rd: i.rd, rs: i.rs, rn: i.rn }, stage(i.stage), i.options, either_way)
}

/// What a prologue does with Xd, Xs and Xn.
type Begin<E, W> = fn(&mut E, W, W, W) -> [W; 3];

fn copy<E: Engine>(e: &mut E, to: Operands, stage: MopsStage, options: u32, begin: Begin<E, E::W>) -> Done {
    if to.overlap() || to.rs == 31 {
        return e.trap(Trap::Undefined);
    }
    let [d, s, n] = [to.rd, to.rs, to.rn].map(|r| e.x(Gpr(r)));
    e.mops_check(stage, n, to.iss(0, options))?;
    match stage {
        MopsStage::Prologue => {
            let [d, s, n] = begin(e, d, s, n);
            e.set_x(Gpr(to.rd), d);
            e.set_x(Gpr(to.rs), s);
            e.set_x(Gpr(to.rn), n);
            let nzcv = e.imm(OPTION_A);
            e.set_nzcv(nzcv);
            Ok(())
        }
        MopsStage::Main => {
            let left = e.mops_copy(d, s, n, (side(options), side(options >> 1)))?;
            again(e, to.rn, left)
        }
        MopsStage::Epilogue => Ok(()),
    }
}

/// SETP, SETM, SETE and their forms with options
pub fn set<E: Engine>(e: &mut E, i: Set) -> Done {
    let to = Operands { rd: i.rd, rs: i.rs, rn: i.rn };
    if to.overlap() {
        return e.trap(Trap::Undefined);
    }
    let (stage, [d, n]) = (stage(i.stage), [to.rd, to.rn].map(|r| e.x(Gpr(r))));
    e.mops_check(stage, n, to.iss(1, i.options))?;
    match stage {
        MopsStage::Prologue => {
            let [d, _, n] = forwards(e, d, d, n);
            e.set_x(Gpr(to.rd), d);
            e.set_x(Gpr(to.rn), n);
            let nzcv = e.imm(OPTION_A);
            e.set_nzcv(nzcv);
            Ok(())
        }
        MopsStage::Main => {
            let byte = e.x(Gpr(to.rs));
            let left = e.mops_set(d, n, byte, side(i.options))?;
            again(e, to.rn, left)
        }
        MopsStage::Epilogue => Ok(()),
    }
}

/// What is left goes to Xn, and the instruction is executed again unless that is nothing.
fn again<E: Engine>(e: &mut E, rn: u32, left: E::W) -> Done {
    e.set_x(Gpr(rn), left);
    let is_done = e.is_zero(left);
    let is_left = e.not(is_done);
    e.branch_if(is_left, 0);
    Ok(())
}

/// At most as much as a signed number can say; Xn counts up to zero.
fn forwards<E: Engine>(e: &mut E, d: E::W, s: E::W, n: E::W) -> [E::W; 3] {
    let (most, zero) = (e.imm(i64::MAX as u64), e.imm(0));
    let n = e.op2(Op2::Umin, n, most);
    [e.op2(Op2::Add, d, n), e.op2(Op2::Add, s, n), e.op2(Op2::Sub, zero, n)]
}

/// Backwards if the source begins below the destination and reaches into it; addresses are of 56 bits.
fn either_way<E: Engine>(e: &mut E, d: E::W, s: E::W, n: E::W) -> [E::W; 3] {
    let (most, zero, address) = (e.imm(0x007f_ffff_ffff_ffff), e.imm(0), e.imm(0x00ff_ffff_ffff_ffff));
    let n = e.op2(Op2::Umin, n, most);
    let (to, from) = (e.op2(Op2::And, d, address), e.op2(Op2::And, s, address));
    let end = e.op2(Op2::Add, from, n);
    // Differences of numbers below 2^57: the sign tells the order.
    let (below, reaches) = (e.op2(Op2::Sub, from, to), e.op2(Op2::Sub, to, end));
    let both = e.op2(Op2::And, below, reaches);
    let backwards = e.bit(both, 63);
    let [df, sf, nf] = [e.op2(Op2::Add, d, n), e.op2(Op2::Add, s, n), e.op2(Op2::Sub, zero, n)];
    [e.select(backwards, d, df), e.select(backwards, s, sf), e.select(backwards, n, nf)]
}
