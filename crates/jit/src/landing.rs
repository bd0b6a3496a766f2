//! Branch target identification (FEAT_BTI) in compiled code: an indirect branch finds its target in the jump cache
//! under the target's address and the kind of branch, and is there only if that kind may land on it.
//!
//! PSTATE.BTYPE is not written on the way. If the first instruction after such a branch raises an exception, it is
//! given back (`Context::branched`); the interpreter executes every branch that the jump cache does not know.

use crate::Jit;
use crate::context::{Context, at};
use crate::emit::{Emitter, RAX, W, asm};
use crate::exits::{JUMP_FOLD, JUMP_MASK};
use crate::scout::{self, Use};
use crate::tally::Event;
use crate::thunks::{cc, jump};
use cpu::ReturnTo;
use dynasmrt::{DynasmApi, dynasm};
use hw::{AccessSize, Leave};
use semantics::{BranchKind, Feature};

/// Kinds of branches, in the low bits of an address in the jump cache; 0 is one that may land anywhere.
const CALL: u64 = 1;
/// BR, which sets BTYPE to 0b01 or 0b11 by the page it is in: what it finds is open to both.
const JUMP: u64 = 2;
/// BR of X16 or X17.
const VENEER: u64 = 3;

/// In `Context::branched` when no instruction was.
pub(crate) const NOWHERE: u64 = u64::MAX / 2;

impl Emitter {
    /// Must the target look whether the present call or branch may land there? Those of BL need not.
    pub(crate) fn is_identified(&self) -> bool {
        const BL: u32 = 0b10_0101;
        self.features.has(Feature::BTI) && self.word() >> 26 != BL
    }

    /// BR, BLR and their kin on a PE with FEAT_BTI.
    pub(crate) fn branch_by_kind(&mut self, target: W, kind: BranchKind) {
        let rn = self.word() >> 5 & 31;
        let reads_link = self.facts[self.index].reads >> 30 & 1 != 0;
        let kind = match (kind, rn) {
            // X30, target or modifier, is written by now, and the interpreter could not begin again.
            (BranchKind::Call, _) if reads_link => return self.give_up(),
            (BranchKind::Call, _) => CALL,
            (_, 16 | 17) => VENEER,
            _ => JUMP,
        };
        let from = self.reg(target);
        self.ended = true;
        let state = self.state();
        self.settle(&state, self.executed());
        self.mov(RAX, from);
        asm!(self ; test al, 3);
        let unaligned = self.forward(cc::NE);
        asm!(self ; mov rcx, [BYTE rbx + at::ATTENTION] ; cmp DWORD [rcx], 0);
        let wanted = self.forward(cc::NE);
        asm!(self
            ; mov ecx, eax
            ; shr ecx, JUMP_FOLD as i8
            ; mov rdx, [BYTE rbx + at::JUMPS]
            ; xor ecx, eax
            ; and ecx, JUMP_MASK
            ; xor ecx, 4 * kind as i32
            ; or rax, kind as i32
            ; cmp rax, [rdx + 4 * rcx]
        );
        let unknown = self.unless_equal(Event::JumpMiss, Event::JumpHit);
        asm!(self
            ; mov [BYTE rbx + at::BRANCHED], r15
            ; mov BYTE [BYTE rbx + at::BRANCH_TYPE], if kind == CALL { 0b10 } else { 0b01 }
            ; jmp QWORD [BYTE rdx + 4 * rcx + 8]
        );
        [unaligned, wanted, unknown].into_iter().for_each(|from| self.land(from));
        self.mov_imm(RAX, self.pc_here());
        let interpret = self.thunks.interpret;
        jump(&mut self.buf, interpret);
    }
}

impl Jit {
    /// The addresses to enter the block at the PC under in the jump cache, all but the plain one; `None` if the
    /// interpreter must look whether the branch that led there may land.
    pub(crate) fn landing(&mut self) -> Option<&'static [u64]> {
        let cpu = &mut self.interp.cpu;
        let btype = cpu.regs.pstate.btype;
        if btype == 0 {
            return Some(&[]);
        }
        let pa = cpu.fetch(cpu.regs.pc).ok()?;
        let word = cpu.shared.bus.read(pa, AccessSize::Word)? as u32;
        let always_finishes = || scout::facts(cpu.model.features, word).flags != Use::Needs;
        let open_to = |btype| cpu.may_land(word, btype);
        // Where it is not known what BTYPE was, the first instruction must be one that always finishes.
        let quiet = cpu.fetch_guarded(cpu.regs.pc) || always_finishes();
        match btype {
            0b10 if open_to(0b10) => Some(&[CALL]),
            0b01 if open_to(0b11) && quiet => Some(&[JUMP, VENEER]),
            0b01 if open_to(0b01) => Some(&[VENEER]),
            0b11 if open_to(0b11) && quiet => Some(&[JUMP]),
            _ => None,
        }
    }

    /// `executed` instructions came before one that did not finish, and will be executed again: if an indirect branch
    /// led to it, it is again as it was then.
    #[inline]
    pub(crate) fn give_back_type(&mut self, executed: u64) {
        if executed == self.context.branched {
            self.interp.cpu.regs.pstate.btype = self.context.branch_type;
        }
    }

    /// Is the exception about to be taken by an instruction that will be executed again?
    #[inline]
    pub(crate) fn is_again(&self, leave: Leave) -> bool {
        leave == Leave::Exception && self.interp.cpu.exception.return_to == ReturnTo::This
    }
}

impl Context {
    /// Compiled code is about to be entered after an indirect branch of type `btype`, or none.
    #[inline]
    pub(crate) fn begin_after(&mut self, btype: u8) {
        (self.branched, self.branch_type) = (if btype == 0 { NOWHERE } else { 0 }, btype);
    }
}
