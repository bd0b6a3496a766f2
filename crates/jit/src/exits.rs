//! How control leaves a block, and the code after it.

use crate::code::Offset;
use crate::context::at;
use crate::emit::{C, Cold, Emitter, Flags, RAX, RCX, RDX, Source, State, W, asm};
use crate::regs::{VFile, Where, XFile};
use crate::tables::{Block, Call, Exit, NONE, Way, block_page};
use crate::thunks::{call, cc, jump, jump_if, why};
use dynasmrt::{DynasmApi, dynasm};
use semantics::BranchKind;

/// Entries of a jump cache, 16 bytes each.
pub(crate) const JUMPS: usize = 8192;
/// How far up the other bits are that choose one: functions like to begin at round addresses.
pub(crate) const JUMP_FOLD: u32 = 9;
/// The bits of an address, folded, that choose one.
pub(crate) const JUMP_MASK: i32 = (JUMPS as i32 - 1) << 2;

/// Exits whose stubs end in common, by short jumps of 4 bytes' distance each.
const STUBS: usize = 30;

impl Emitter {
    /// Brings everything to memory, as `state` says, and counts. Uses rax, and knows what it has then.
    pub(crate) fn settle(&mut self, state: &State, executed: u32) {
        (self.regs, self.flags) = (state.x, state.flags);
        if self.has_far_constants(&state.x) {
            self.save_flags();
        }
        self.write_back_all(&state.x, &state.v);
        self.save_flags();
        asm!(self ; lea r15, [BYTE r15 + executed as i8]);
    }

    /// Is there a constant to be stored that needs rax?
    fn has_far_constants(&self, x: &XFile) -> bool {
        let is_far = |v: u64| i32::try_from(v as i64).is_err();
        x.dirty_known().any(|r| matches!(x.find(r), Where::Constant(n) if is_far(self.constants[n as usize])))
    }

    fn same_page(&self, target: u64) -> bool {
        (target ^ self.start) & !0xfff == 0 && target & 3 == 0
    }

    /// Continues at a known address; everything is in memory.
    fn go(&mut self, target: u64) {
        if !self.same_page(target) {
            // Every cycle has a branch back, or one to a register: those look for attention.
            return self.go_far(target, target <= self.pc_here());
        }
        let mut poll = None;
        if target <= self.pc_here() {
            asm!(self ; mov rcx, [BYTE rbx + at::ATTENTION] ; cmp DWORD [rcx], 0);
            poll = Some(self.forward(cc::NE));
        }
        // Linked by aiming it at the target's block, while others execute it: the field is a word, aligned.
        self.align_end_of(1, 4);
        asm!(self ; .u8 0xe9 ; .i32 0);
        self.tables.ways.push(Way { field: self.buf.here() - 4, poll, target });
    }

    /// Makes the next instruction end its first `bytes` at a multiple of `alignment`, 4 at most.
    fn align_end_of(&mut self, bytes: Offset, alignment: Offset) {
        match (self.buf.here() + bytes).wrapping_neg() % alignment {
            0 => {}
            1 => asm!(self ; nop),
            2 => asm!(self ; .u8 0x66 ; nop),
            _ => asm!(self ; nop DWORD [rax]),
        }
    }

    /// Continues at an address in another page, if the jump cache knows it: which entry to look at is known here.
    fn go_far(&mut self, target: u64, poll: bool) {
        self.rax_becomes(target);
        if target & 3 != 0 {
            return self.probe_jumps(poll);
        }
        if poll {
            let lookup = self.thunks.lookup;
            asm!(self ; mov rcx, [BYTE rbx + at::ATTENTION] ; cmp DWORD [rcx], 0);
            jump_if(&mut self.buf, cc::NE, Some(lookup));
        }
        let entry = 16 * crate::jumps::index(target) as i32;
        asm!(self ; mov rdx, [BYTE rbx + at::JUMPS] ; cmp rax, [DWORD rdx + entry]);
        self.lookup_unless_equal();
        asm!(self ; jmp QWORD [DWORD rdx + entry + 8]);
    }

    /// Continues at the address in rax, if the jump cache knows it.
    fn probe_jumps(&mut self, poll: bool) {
        if poll {
            let lookup = self.thunks.lookup;
            asm!(self ; mov rcx, [BYTE rbx + at::ATTENTION] ; cmp DWORD [rcx], 0);
            jump_if(&mut self.buf, cc::NE, Some(lookup));
        }
        asm!(self
            ; mov ecx, eax
            ; shr ecx, JUMP_FOLD as i8
            ; mov rdx, [BYTE rbx + at::JUMPS]
            ; xor ecx, eax
            ; and ecx, JUMP_MASK
            ; cmp rax, [rdx + 4 * rcx]
        );
        self.lookup_unless_equal();
        asm!(self ; jmp QWORD [BYTE rdx + 4 * rcx + 8]);
    }

    /// The present instruction branches to `target`, always.
    pub fn branch_to(&mut self, target: W, kind: BranchKind) {
        self.ended = true;
        if let Some(target) = self.constant(target) {
            let executed = self.executed();
            // What a call arrives at, labels know nothing of.
            let inside = kind == BranchKind::Direct;
            if inside && self.is_ahead(target) {
                asm!(self ; .u8 0xe9 ; .i32 0);
                let from = self.buf.here() - 4;
                self.leave_later(from, target, executed);
                return;
            }
            let state = self.state();
            if inside && self.go_to_label(target, &state, executed) {
                return;
            }
            self.settle(&state, executed);
            return self.go(target);
        }
        let from = self.reg(target);
        let state = self.state();
        self.settle(&state, self.executed());
        self.mov(RAX, from);
        self.probe_jumps(true);
    }

    /// Is there a label at `target` that is yet to be written?
    fn is_ahead(&self, target: u64) -> bool {
        target > self.pc_here() && self.index_of(target).is_some()
    }

    /// The present instruction branches to `target` where `c` holds.
    pub fn branch_where(&mut self, c: C, target: u64) {
        if self.loop_where(c, target) {
            return;
        }
        let Some(cc) = self.test(c) else {
            if !c.inverted {
                let target = self.node(crate::emit::Node::Imm(target));
                self.branch_to(target, BranchKind::Direct);
            }
            return;
        };
        let executed = self.executed();
        if target <= self.pc_here() && self.same_page(target) {
            // A loop: what is likely comes first.
            let state = self.state();
            let over = self.forward(cc ^ 1);
            self.settle(&state, executed);
            self.go(target);
            self.set_state(&state);
            self.land(over);
        } else {
            let from = self.forward(cc);
            self.leave_later(from, target, executed);
        }
    }

    /// The jump at `from` leaves the block, or skips to a label that is yet to be written; registers are as they are
    /// now.
    fn leave_later(&mut self, from: Offset, target: u64, executed: u32) {
        let state = self.keep_state(self.state());
        self.arrivals.push(self.cold.len() as u16);
        self.cold.push(Cold::Exit { from, state, target, executed });
    }

    /// The block ends before `target`, the next instruction.
    pub fn fall_through(&mut self, target: u64) {
        let state = self.state();
        self.settle(&state, self.index as u32);
        // As from the last instruction of the block.
        self.index -= 1;
        self.go(target);
        self.index += 1;
    }

    /// Calls the interpreter's handler for the present instruction.
    pub fn call_handler(&mut self, handler: u16, system: bool) {
        self.flush();
        self.save_flags();
        let executed = self.executed() as u16;
        let record = self.buf.put(Call { pc: self.pc_here(), word: self.word(), handler, executed, system });
        let step = self.thunks.step;
        asm!(self ; mov eax, record as i32);
        call(&mut self.buf, step);
        (self.regs, self.vregs) = (XFile::new(), VFile::new());
        self.spans = Default::default();
        self.flags = Flags::Memory;
        self.setter = None;
        self.sp_aligned = false;
        // What said so may have been taken back.
        self.float_marked = false;
    }

    /// Writes the code after the block.
    pub fn write_cold(&mut self) {
        // What is written may have something out of line itself.
        let mut n = 0;
        while n < self.cold.len() {
            match self.cold[n] {
                Cold::Arrived => {}
                Cold::Exit { from, state, target, executed } => {
                    let state = self.states[state as usize];
                    self.land(from);
                    if !self.go_to_label(target, &state, executed) {
                        self.settle(&state, executed);
                        self.go(target);
                    }
                }
                Cold::Poll { from, state, executed } => {
                    let state = self.states[state as usize];
                    self.land(from);
                    self.settle(&state, executed);
                    self.rax_becomes(self.start.wrapping_add(4 * u64::from(executed)));
                    let lookup = self.thunks.lookup;
                    jump(&mut self.buf, lookup);
                }
                Cold::Load { from, back, site, to } => {
                    self.slow(from, site);
                    if let [Some(to), _] = to {
                        self.mov(to, RAX);
                    }
                    if let [_, Some(to)] = to {
                        self.mov(to, RDX);
                    }
                    jump(&mut self.buf, back);
                }
                Cold::LoadV { from, back, site, to } => {
                    self.slow(from, site);
                    asm!(self ; vmovdqu Rx(to), [BYTE rbx + at::RESULT]);
                    jump(&mut self.buf, back);
                }
                Cold::Store { from, back, site, values } => {
                    from.into_iter().flatten().for_each(|from| self.land(from));
                    for (value, to) in values.into_iter().zip([RDX, RCX]) {
                        match value {
                            Source::Reg(v) => self.mov(to, v),
                            Source::Imm(v) => self.mov_imm(to, v),
                        }
                    }
                    self.slow([None; 2], site);
                    jump(&mut self.buf, back);
                }
                Cold::Modify { from, back, site, values, to } => {
                    from.into_iter().flatten().for_each(|from| self.land(from));
                    for (value, to) in values.into_iter().zip([RDX, RCX]) {
                        if let Source::Reg(v) = value {
                            self.mov(to, v);
                        }
                    }
                    self.slow([None; 2], site);
                    self.mov(to, RAX);
                    jump(&mut self.buf, back);
                }
                Cold::StoreV { from, back, site, value } => {
                    from.into_iter().flatten().for_each(|from| self.land(from));
                    asm!(self ; vmovq rdx, Rx(value) ; vpextrq rcx, Rx(value), 1);
                    self.slow([None; 2], site);
                    jump(&mut self.buf, back);
                }
                Cold::Turn { from, back, place, bytes, base } => self.write_turn(from, back, place, bytes, base),
                Cold::Reach { from, back, site, base, offset } => self.write_reach(from, back, site, base, offset),
                Cold::Interpret { from, site } => self.slow([from, None], site),
                Cold::Evaluate { from, back, evaluation } => {
                    self.land(from);
                    self.call_evaluation(evaluation);
                    jump(&mut self.buf, back);
                }
            }
            n += 1;
        }
    }

    pub(crate) fn slow(&mut self, from: [Option<u32>; 2], site: u32) {
        from.into_iter().flatten().for_each(|from| self.land(from));
        if let Some((_, again, regs)) = self.tables.again.iter().find(|(of, ..)| *of == site).copied() {
            asm!(self ; push rax);
            self.compare_again(again, &regs);
            asm!(self ; pop rax);
        }
        let vectors = self.tables.sites[site as usize].record.vectors;
        let slow = if vectors { self.thunks.slow_with_vectors } else { self.thunks.slow };
        let record = self.tables.place_site(&mut self.buf, site);
        call(&mut self.buf, slow);
        // Where the record is: for `entry::slow`, which finds it behind the call. The flags are dead here.
        asm!(self ; test eax, record as i32);
    }

    /// The ways out of the block at `entry`, where the dispatcher finds them, and the block's own record.
    pub fn write_records(&mut self, entry: Offset, length: usize, before: Offset) -> Offset {
        let ways = std::mem::take(&mut self.tables.ways);
        let exits = self.buf.reserve(ways.len() * size_of::<Exit>());
        let at = self.block;
        let record = |n: usize| exits + (n * size_of::<Exit>()) as Offset;
        for (group, first) in ways.chunks(STUBS).zip((0..).step_by(STUBS)) {
            for (way, n) in group.iter().zip(0..) {
                let stub = self.buf.here();
                self.land(way.field);
                if let Some(poll) = way.poll {
                    self.land(poll);
                }
                if group.len() > 1 {
                    asm!(self ; push BYTE n as i8);
                    let rest = group.len() - 1 - n;
                    if rest > 0 {
                        asm!(self ; .u8 0xeb ; .u8 (4 * rest - 2) as u8);
                    }
                }
                let (target, field) = (way.target, way.field);
                let exit = Exit { target, field, stub, block: at, to: NONE, next: NONE, previous: NONE };
                self.buf.fill(record(first + n), exit);
            }
            asm!(self ; mov eax, (record(first) | why::LINK) as i32);
            let leave = if group.len() > 1 { self.thunks.leave_nth } else { self.thunks.leave };
            jump(&mut self.buf, leave);
        }
        let words = self.buf.reserve(4 * length);
        for (word, n) in self.words[..length].iter().zip(0..) {
            self.buf.fill(words + 4 * n, *word);
        }
        let block = Block {
            pc: self.start,
            page: block_page(self.page, self.context),
            entry,
            words,
            length: length as u32,
            live: 0,
            exits,
            exit_count: ways.len() as u32,
            incoming: NONE,
            next: NONE,
            previous: NONE,
            before,
        };
        self.buf.fill(at, block);
        self.tables.ways = ways;
        at
    }
}
