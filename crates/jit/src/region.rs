//! Where control joins inside a block: the heads of its loops, and what its branches skip to.
//!
//! A label has one state of registers. Who comes to it by falling through has that state; who jumps there brings
//! registers into it first (`reconcile`), out of line for branches forward. At the head of a loop the state has in
//! registers what the loop uses most, so that an iteration neither loads nor stores them.

use crate::code::Offset;
use crate::context::{at, slot, vslot};
use crate::emit::{C, Cold, Emitter, Flags, State, asm};
use crate::regs::{HOSTS, PLACES, RegFile, V_PLACES, Where};
use crate::scout::Facts;
use crate::thunks::{cc, jump, jump_if};
use dynasmrt::{DynasmApi, dynasm};

/// Guest registers that a loop may keep in host registers; the rest is for values on the way.
const KEPT: usize = PLACES - 2;
/// The same of V registers.
const KEPT_V: usize = V_PLACES - 4;
/// Where values rest while places are exchanged.
const SCRATCH: u8 = 0;
const SCRATCH_V: u8 = 15;

/// A label.
pub(crate) struct Label {
    index: usize,
    at: Offset,
    state: Box<State>,
}

/// The joins of the block being compiled.
#[derive(Default)]
pub(crate) struct Region {
    /// By instruction: branches of the block lead here.
    targets: u64,
    /// By instruction: it can be reached.
    reached: u64,
    /// First and last instruction of each loop.
    loops: Vec<(usize, usize)>,
    /// Labels that have been written.
    labels: Vec<Label>,
}

impl Region {
    /// Do branches of the block lead to instruction `index`?
    pub fn is_label(&self, index: usize) -> bool {
        self.targets >> index & 1 != 0
    }

    /// Can control come to instruction `index`?
    pub fn is_reached(&self, index: usize) -> bool {
        self.reached >> index & 1 != 0
    }

    fn written(&self, index: usize) -> Option<&Label> {
        self.labels.iter().find(|l| l.index == index)
    }

    /// The last instruction of the loop that begins at `index`.
    fn loop_end(&self, index: usize) -> Option<usize> {
        self.loops.iter().filter(|l| l.0 == index).map(|l| l.1).max()
    }
}

impl Emitter {
    /// Looks over the block's words: how far it goes, and where control joins.
    pub fn survey(&mut self) {
        self.facts.clear();
        let mut region = std::mem::take(&mut self.region);
        region.loops.clear();
        region.labels.clear();
        (region.targets, region.reached) = (0, 0);
        let mut index = 0;
        self.rows.clear();
        while index < self.words.len() {
            // Only what is reached is looked up: most blocks are much shorter than they may be.
            self.rows.resize(index, None);
            let word = self.words[index];
            self.rows.push(a64::lookup(word).filter(|row| self.features.contains(row.needs(word))));
            let facts = self.scout.look(self.rows[index], word);
            self.facts.push(facts);
            region.reached |= 1 << index;
            if let Some(offset) = facts.branch
                && let Ok(target) = usize::try_from(index as i64 + offset / 4)
                && target < self.words.len()
                && offset % 4 == 0
            {
                if target > index {
                    region.targets |= 1 << target;
                } else if region.is_reached(target) {
                    region.targets |= 1 << target;
                    region.loops.push((target, index));
                }
            }
            index += 1;
            if facts.ends {
                // What a branch before it skips to is next.
                let ahead = region.targets.checked_shr(index as u32).unwrap_or(0);
                if ahead == 0 {
                    break;
                }
                let next = index + ahead.trailing_zeros() as usize;
                while self.facts.len() < next {
                    self.facts.push(crate::scout::UNREACHED);
                }
                index = next;
            }
        }
        self.words.truncate(index);
        self.rows.resize(index, None);
        self.region = region;
    }

    /// The index of the instruction at `target`, if it is one of the block's that branches lead to.
    pub fn index_of(&self, target: u64) -> Option<usize> {
        let offset = target.wrapping_sub(self.start);
        let index = usize::try_from(offset / 4).ok()?;
        (offset.is_multiple_of(4) && index < self.words.len() && self.region.is_label(index)).then_some(index)
    }

    /// Before the present instruction: writes its label. False if nothing comes here.
    pub fn write_label(&mut self) -> bool {
        let index = self.index;
        let target = self.pc_here();
        let arrivals = |cold: &Cold| matches!(cold, Cold::Exit { target: to, .. } if *to == target);
        let mut first = None;
        if self.ended {
            let Some(position) = self.cold.iter().position(arrivals) else { return false };
            let Cold::Exit { from, state, executed, .. } = self.cold.remove(position) else {
                unreachable!("it arrives")
            };
            first = Some((from, executed));
            self.set_state(&state);
            self.regs.release();
            self.vregs.release();
            self.ended = false;
        }
        if let Some((from, executed)) = first {
            self.land(from);
            self.count(executed, index);
        }
        if self.label_needs_flags(index) {
            self.save_flags();
        }
        self.flags = Flags::Memory;
        self.setter = None;
        self.drop_spans();
        self.regs.release_all();
        self.float_marked = false;
        let end = self.region.loop_end(index);
        for cold in &self.cold {
            let Cold::Exit { state, target: to, .. } = cold else { continue };
            if *to == target {
                self.regs.soil_as(&state.x);
                self.vregs.soil_as(&state.v);
            }
            if self.may_arrive(*to, target, end.is_some()) {
                self.sp_aligned &= state.sp_aligned;
            }
        }
        self.drop_constants(target, end.is_some());
        if let Some(end) = end {
            self.enter_loop(index, end);
        }
        let over = end.map(|_| {
            asm!(self ; .u8 0xeb ; .u8 0);
            self.buf.here()
        });
        let label = Label { index, at: self.buf.here(), state: Box::new(self.state()) };
        self.region.labels.push(label);
        if let Some(over) = over {
            // Who comes from above has done something since the last look; so whoever looks gets on.
            self.poll_at_label();
            let distance = self.buf.here() - over;
            self.buf.overwrite(over - 1, &[distance as u8]);
        }
        true
    }

    /// Does what follows the label at `index` look at the flags? A loop may be left at its head.
    fn label_needs_flags(&self, index: usize) -> bool {
        self.region.loop_end(index).is_some() || self.flags_needed_from(index)
    }

    /// Will who branches to `to` come to the label at `target` with what is known where it branches? To the head of a
    /// loop also comes who jumped into the loop.
    fn may_arrive(&self, to: u64, target: u64, is_loop: bool) -> bool {
        to == target || is_loop && to > target && self.index_of(to).is_some()
    }

    /// Constants that not all who arrive at `target` agree on go to memory, and so do those that may change before
    /// control comes back to the head of a loop: it may come from anywhere below.
    fn drop_constants(&mut self, target: u64, is_loop: bool) {
        let below = if is_loop { &self.facts[self.index..] } else { &[] };
        let written = below.iter().fold(0, |all, f| all | f.writes);
        for r in 0..32 {
            let Where::Constant(value) = self.regs.find(r) else { continue };
            let agrees = |cold: &Cold| match cold {
                Cold::Exit { target: to, state, .. } if self.may_arrive(*to, target, is_loop) => {
                    state.x.find(r) == Where::Constant(value)
                }
                _ => true,
            };
            let changes = written >> r & 1 != 0;
            if changes || !self.cold.iter().all(agrees) {
                if self.regs.is_dirty(r) {
                    let regs = self.regs;
                    self.write_back(&regs, r);
                }
                self.regs.drop_value(r);
            } else if self
                .cold
                .iter()
                .any(|c| matches!(c, Cold::Exit { target: to, state, .. } if *to == target && state.x.is_dirty(r)))
            {
                self.regs.soil(r);
            }
        }
    }

    /// Brings what the loop uses most into registers.
    fn enter_loop(&mut self, start: usize, end: usize) {
        let body = &self.facts[start..=end];
        let written = body.iter().fold(0, |all, f| all | f.writes);
        let written_v = body.iter().fold(0, |all, f| all | f.writes_v);
        let most = |of: &dyn Fn(&Facts) -> u32, count: usize, except: u32| {
            let mut uses = [0u8; 32];
            for facts in body {
                let mut set = of(facts) & !except;
                while set != 0 {
                    uses[set.trailing_zeros() as usize] += 1;
                    set &= set - 1;
                }
            }
            let mut all: Vec<(u8, u8)> = (0..32).map(|r| (uses[r as usize], r)).filter(|(n, _)| *n > 0).collect();
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.iter().take(count).fold(0u32, |set, (_, r)| set | 1 << r)
        };
        let known = (0..32).filter(|r| matches!(self.regs.find(*r), Where::Constant(_))).fold(0, |set, r| set | 1 << r);
        let x = most(&|f| f.reads | f.writes, KEPT, known);
        let v = most(&|f| f.reads_v | f.writes_v, KEPT_V, 0);
        for (_, r) in self.regs.residents().filter(|(_, r)| x >> r & 1 == 0) {
            if self.regs.is_dirty(r) {
                let regs = self.regs;
                self.write_back(&regs, r);
            }
            self.regs.drop_value(r);
        }
        for (_, r) in self.vregs.residents().filter(|(_, r)| v >> r & 1 == 0) {
            if self.vregs.is_dirty(r) {
                let vregs = self.vregs;
                self.write_back_v(&vregs, r);
            }
            self.vregs.drop_value(r);
        }
        for r in (0..32u8).filter(|r| x >> r & 1 != 0) {
            self.guest(r);
            if written >> r & 1 != 0 {
                self.regs.soil(r);
            }
        }
        for r in (0..32u8).filter(|r| v >> r & 1 != 0) {
            self.guest_v(r);
            if written_v >> r & 1 != 0 {
                self.vregs.soil(r);
            }
        }
        self.regs.release();
        self.vregs.release();
        self.regs.keep(x);
        self.vregs.keep(v);
        self.sp_aligned &= self.facts[start..].iter().all(|f| f.writes >> 31 == 0);
    }

    /// Every iteration of a loop looks for attention, at its head.
    fn poll_at_label(&mut self) {
        asm!(self ; mov rcx, [BYTE rbx + at::ATTENTION] ; cmp DWORD [rcx], 0);
        let from = self.forward(cc::NE);
        self.cold.push(Cold::Poll { from, state: Box::new(self.state()), executed: self.index as u32 });
    }

    /// Control goes from after `executed` instructions to the one at `index`: the count of instructions is that of
    /// r15 plus the index.
    fn count(&mut self, executed: u32, index: usize) {
        let by = executed as i32 - index as i32;
        if by != 0 {
            asm!(self ; lea r15, [BYTE r15 + by as i8]);
        }
    }

    /// Goes to a label that has been written, from `state`, after `executed` instructions. False if there is none at
    /// `target`.
    pub fn go_to_label(&mut self, target: u64, state: &State, executed: u32) -> bool {
        let Some(index) = self.index_of(target) else { return false };
        let Some(label) = self.region.written(index) else { return false };
        let (at, to) = (label.at, *label.state);
        self.flags = state.flags;
        if self.label_needs_flags(index) {
            self.save_flags();
        }
        self.reconcile(state, &to);
        self.count(executed, index);
        jump(&mut self.buf, at);
        true
    }

    /// The end of a loop: goes back to the label at `target` where `c` holds. False if that is not possible.
    pub fn loop_where(&mut self, c: C, target: u64) -> bool {
        let Some(index) = self.index_of(target) else { return false };
        let Some(label) = self.region.written(index) else { return false };
        let (at, to) = (label.at, *label.state);
        self.save_flags();
        let Some(test) = self.test(c) else { return false };
        self.regs.release();
        let (state, executed) = (self.state(), self.executed());
        if agree(&state, &to) {
            self.count(executed, index);
            jump_if(&mut self.buf, test, Some(at));
            self.count(index as u32, executed as usize);
            return true;
        }
        let over = self.forward(test ^ 1);
        self.reconcile(&state, &to);
        self.count(executed, index);
        jump(&mut self.buf, at);
        self.land(over);
        true
    }

    /// Moves, loads and stores until what is as `from` says is as `to` says. Changes no flags; uses rax, xmm15.
    fn reconcile(&mut self, from: &State, to: &State) {
        for r in from.x.all_dirty().filter(|r| !to.x.is_dirty(*r)) {
            self.write_back(&from.x, r);
        }
        for r in from.v.all_dirty().filter(|r| !to.v.is_dirty(*r)) {
            self.write_back_v(&from.v, r);
        }
        let (moves, rest) = plan(&from.x, &to.x);
        for (to, from) in order(moves) {
            let host = |p: u8| if p == REST { SCRATCH } else { HOSTS[p as usize] };
            self.mov(host(to), host(from));
        }
        for (place, r) in rest {
            let host = HOSTS[place as usize];
            match from.x.find(r) {
                Where::Constant(v) => self.mov_imm(host, v),
                _ => asm!(self ; mov Rq(host), [BYTE rbp + slot(r)]),
            }
        }
        let (moves, rest) = plan(&from.v, &to.v);
        for (to, from) in order(moves) {
            let host = |p: u8| if p == REST { SCRATCH_V } else { p };
            asm!(self ; vmovdqa Rx(host(to)), Rx(host(from)));
        }
        for (place, r) in rest {
            asm!(self ; vmovdqu Rx(place), [rbp + vslot(r.into())]);
        }
    }
}

/// A place that is none: the scratch register.
const REST: u8 = 0xff;

/// Is nothing to be done between the two?
fn agree(from: &State, to: &State) -> bool {
    fn same<const N: usize, const M: usize>(from: &RegFile<N, M>, to: &RegFile<N, M>) -> bool {
        to.residents().all(|(p, r)| from.find(r) == Where::Place(p)) && from.all_dirty().all(|r| to.is_dirty(r))
    }
    same::<PLACES, 32>(&from.x, &to.x) && same::<V_PLACES, 0>(&from.v, &to.v)
}

/// What must move between places, as (to, from), and what comes from elsewhere, as (to, guest register).
#[allow(clippy::type_complexity)]
fn plan<const N: usize, const M: usize>(from: &RegFile<N, M>, to: &RegFile<N, M>) -> (Vec<(u8, u8)>, Vec<(u8, u8)>) {
    let (mut moves, mut rest) = (Vec::new(), Vec::new());
    for (place, r) in to.residents() {
        match from.find(r) {
            Where::Place(p) if p == place => {}
            Where::Place(p) => moves.push((place, p)),
            _ => rest.push((place, r)),
        }
    }
    (moves, rest)
}

/// Moves that happen at once, one after another. Cycles are opened by way of `REST`.
fn order(mut moves: Vec<(u8, u8)>) -> Vec<(u8, u8)> {
    let mut all = Vec::new();
    while !moves.is_empty() {
        let free = moves.iter().position(|(to, _)| moves.iter().all(|(_, from)| from != to));
        match free {
            Some(i) => all.push(moves.remove(i)),
            None => {
                let from = moves[0].1;
                all.push((REST, from));
                moves[0].1 = REST;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Performs the moves on places that hold their own numbers.
    fn check(moves: &[(u8, u8)]) {
        let mut places: Vec<u8> = (0..=255).collect();
        for (to, from) in order(moves.to_vec()) {
            places[to as usize] = places[from as usize];
        }
        for (to, from) in moves {
            assert_eq!(places[*to as usize], *from, "{moves:?}");
        }
    }

    #[test]
    fn moves_happen_at_once() {
        check(&[]);
        check(&[(0, 1), (1, 2), (2, 3)]);
        check(&[(0, 1), (1, 0)]);
        check(&[(0, 1), (1, 2), (2, 0), (4, 0)]);
        check(&[(0, 1), (1, 0), (2, 3), (3, 2), (5, 2)]);
    }
}
