//! Flags across the end of a loop.
//!
//! What is compared at the end of a loop is in guest registers, so nothing is kept of its flags: who needs them early in
//! the next iteration, which is only who leaves the block there, compares again. When the loop is entered, the flags are
//! in memory; since r15 differs in every iteration, its value then, kept in `Context::entered`, tells the first from
//! the others.

use crate::code::Offset;
use crate::context::{at, slot};
use crate::emit::{Cold, Emitter, Flags, RAX, RCX, State, asm};
use crate::regs::{HOSTS, Where, XFile};
use crate::scout::{Comparand, Compared, Use};
use crate::thunks::{cc, jump_if, jump_on};
use dynasmrt::{DynasmApi, dynasm};
use semantics::FlagOp;

/// A comparison that is made again for who needs its flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Again {
    pub compared: Compared,
    /// If the loop has just been entered, the flags are in memory instead.
    pub unless_entered: bool,
}

/// What must happen on the way back to the head of a loop.
#[derive(Clone, Copy)]
pub(crate) struct WayBack {
    /// The flags for who leaves on the way.
    flags: Flags,
    /// It comes to the head with flags in memory, as from above.
    enters: bool,
}

impl Emitter {
    /// What gives the flags as they are at the branch with number `index`, in the registers as they are there.
    fn compared_at(&self, index: usize) -> Option<Compared> {
        let mut written = 0;
        for i in (0..=index).rev() {
            let facts = &self.facts[i];
            if facts.flags == Use::Sets {
                return facts.compared.filter(|c| c.registers() & written == 0);
            }
            if facts.special || facts.changes_flags || self.region.is_label(i) {
                return None;
            }
            written |= facts.writes;
        }
        None
    }

    /// How the flags come to the head of the loop from `head` to `end`, if not in memory: nobody looks at them there
    /// but who leaves, and only as long as the registers are as they were.
    pub fn flags_again(&self, head: usize, end: usize) -> Option<Compared> {
        let compared = self.compared_at(end)?;
        let mut moved = false;
        for i in head..=end {
            let facts = &self.facts[i];
            if i > head && self.region.is_label(i) || facts.special || facts.looks_at_flags {
                return None;
            }
            match facts.flags {
                Use::Sets => return self.is_entered_at_head(head, end).then_some(compared),
                Use::Needs if moved => return None,
                _ => {}
            }
            let moves = matches!(facts.shift, Some((r, _)) if compared.may_move(r, facts.writes));
            if moves && (facts.flags == Use::None || facts.reach.is_some()) {
                continue;
            }
            if facts.writes & compared.registers() != 0 {
                // A base that moves does so after the access.
                if facts.flags == Use::Needs && facts.reach.is_none() {
                    return None;
                }
                moved = true;
            }
        }
        None
    }

    /// Does nobody come into the loop but to its head?
    fn is_entered_at_head(&self, head: usize, end: usize) -> bool {
        self.facts.iter().enumerate().all(|(i, facts)| match facts.branch {
            Some(offset) if i < head || i > end => {
                let target = i as i64 + i64::from(offset / 4);
                target <= head as i64 || target > end as i64
            }
            _ => true,
        })
    }

    /// The loop is entered: its flags are in memory.
    pub fn mark_entered(&mut self) {
        asm!(self ; mov [BYTE rbx + at::ENTERED], r15);
    }

    /// Before control goes from the branch with number `index` to the loop at `head`, to which flags come as
    /// `wanted`.
    pub fn way_back(&mut self, index: usize, head: usize, wanted: Option<Compared>) -> WayBack {
        let compared = self.compared_at(index).filter(|_| index >= head);
        let needed = self.flags_needed_from(head);
        let fits = !needed || wanted.is_some() && wanted == compared;
        match compared {
            Some(compared) if fits => {
                WayBack { flags: Flags::Again(Again { compared, unless_entered: false }), enters: false }
            }
            _ => {
                self.save_flags();
                WayBack { flags: Flags::Memory, enters: wanted.is_some() }
            }
        }
    }

    /// Goes to the head of the loop with number `head` and registers `to`, at `at`, unless attention is wanted.
    pub fn go_back(&mut self, way: WayBack, head: usize, at: Offset, to: &State) {
        if way.enters {
            self.mark_entered();
        }
        asm!(self ; mov rcx, [BYTE rbx + at::ATTENTION] ; cmp DWORD [rcx], 0);
        jump_if(&mut self.buf, cc::E, Some(at));
        let from = jump_on(&mut self.buf);
        let state = self.keep_state(State { flags: way.flags, ..*to });
        self.cold.push(Cold::Poll { from, state, executed: head as u32 });
    }

    /// Guest register `r` is about to be written; `by` how much it moves, if that is known.
    pub fn move_compared(&mut self, r: u8, by: Option<i64>) {
        let Flags::Again(mut again) = self.flags else { return };
        if again.compared.registers() >> r & 1 == 0 || !self.region.flags_needed_from(self.index + 1) {
            return;
        }
        let plus = by.and_then(|by| i32::try_from(i64::from(again.compared.plus) - by).ok());
        match plus.filter(|_| again.compared.may_move(r, 1 << r)) {
            Some(plus) => {
                again.compared.plus = plus;
                self.flags = Flags::Again(again);
            }
            None => self.save_flags(),
        }
    }

    /// Makes the flags and saves them; `regs` says where guest registers are. Changes only rax.
    pub fn compare_again(&mut self, again: Again, regs: &XFile) {
        let Again { compared: Compared { op, wide, a, plus, b }, unless_entered } = again;
        let first = unless_entered.then(|| {
            asm!(self ; cmp r15, [BYTE rbx + at::ENTERED]);
            self.forward(cc::E)
        });
        match regs.find(a) {
            Where::Place(place) => self.lea(RAX, HOSTS[place as usize], plus, true),
            Where::Constant(n) => self.mov_imm(RAX, self.constants[n as usize].wrapping_add_signed(plus.into())),
            Where::Memory => {
                asm!(self ; mov rax, [BYTE rbp + slot(a)]);
                self.lea(RAX, RAX, plus, true);
            }
        }
        match b {
            Comparand::Imm(v) => match (op, wide) {
                (FlagOp::Add, true) => asm!(self ; add rax, v),
                (FlagOp::Add, false) => asm!(self ; add eax, v),
                (FlagOp::And, true) => asm!(self ; test rax, v),
                (FlagOp::And, false) => asm!(self ; test eax, v),
                (_, true) => asm!(self ; cmp rax, v),
                (_, false) => asm!(self ; cmp eax, v),
            },
            Comparand::Register(r) => {
                asm!(self ; push rcx);
                match regs.find(r) {
                    Where::Place(place) => self.mov(RCX, HOSTS[place as usize]),
                    Where::Constant(n) => self.mov_imm(RCX, self.constants[n as usize]),
                    Where::Memory => asm!(self ; mov rcx, [BYTE rbp + slot(r)]),
                }
                match (op, wide) {
                    (FlagOp::Add, true) => asm!(self ; add rax, rcx),
                    (FlagOp::Add, false) => asm!(self ; add eax, ecx),
                    (FlagOp::And, true) => asm!(self ; test rax, rcx),
                    (FlagOp::And, false) => asm!(self ; test eax, ecx),
                    (_, true) => asm!(self ; cmp rax, rcx),
                    (_, false) => asm!(self ; cmp eax, ecx),
                }
                asm!(self ; pop rcx);
            }
        }
        if op == FlagOp::Sub {
            asm!(self ; cmc);
        }
        asm!(self ; lahf ; seto al ; mov [BYTE rbx + at::FLAGS], ax);
        first.into_iter().for_each(|first| self.land(first));
    }
}
