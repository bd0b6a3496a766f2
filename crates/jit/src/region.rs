//! Where control joins inside a block: the heads of its loops, and what its branches skip to.
//!
//! A label has one state of registers. Who comes to it by falling through has that state; who jumps there brings
//! registers into it first (`reconcile`), out of line for branches forward. At the head of a loop the state has in
//! registers what the loop uses most, so that an iteration neither loads nor stores them.

use crate::again::Again;
use crate::code::Offset;
use crate::context::{slot, vslot};
use crate::emit::{C, Cold, Emitter, Flags, State, StateNumber, asm};
use crate::regs::{HOSTS, PLACES, RegFile, V_PLACES, Where, bits};
use crate::scout::{Compared, Facts, Use};
use crate::thunks::jump;
use dynasmrt::{DynasmApi, dynasm};

/// Guest registers that a loop may keep in host registers; the rest is for values on the way.
const KEPT: usize = PLACES - 2;
/// The same of V registers.
const KEPT_V: usize = V_PLACES - 4;
/// Where values rest while places are exchanged.
const SCRATCH: u8 = 0;
const SCRATCH_V: u8 = 15;

/// A label.
#[derive(Clone, Copy)]
pub(crate) struct Label {
    index: usize,
    at: Offset,
    state: StateNumber,
    /// How flags come to the head of a loop, if not in memory.
    again: Option<Compared>,
}

/// The joins of the block being compiled.
#[derive(Default)]
pub(crate) struct Region {
    /// By instruction: branches of the block lead here.
    targets: u64,
    /// By instruction: it can be reached.
    reached: u64,
    /// By instruction: it looks at the flags or may leave; it replaces them and always goes on.
    needs_flags: u64,
    sets_flags: u64,
    /// By instruction: spans end there.
    special: u64,
    /// By base register and instruction: plain accesses.
    accesses: [u64; 32],
    /// By instruction: it is in a loop.
    looped: u64,
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

    /// Does instruction `index`, or one after it, look at the flags as they are before it? Whatever may leave the
    /// block does, and so does a label.
    pub fn flags_needed_from(&self, index: usize) -> bool {
        let from = |set: u64, index: u32| set & u64::MAX.checked_shl(index).unwrap_or(0);
        let needed = from(self.needs_flags, index as u32) | from(self.targets, index as u32 + 1);
        // The first of both says it; nothing is both.
        needed.trailing_zeros() <= from(self.sets_flags, index as u32).trailing_zeros()
    }

    /// Is one of the `count` instructions after `index` a plain access at `base`, before spans end?
    pub fn is_accessed_ahead(&self, base: u8, index: usize, count: usize) -> bool {
        let after = |set: u64| set.checked_shr(index as u32 + 1).unwrap_or(0);
        let end = after(self.targets | self.special).trailing_zeros().min(count as u32);
        after(self.accesses[base as usize & 31]).trailing_zeros() < end
    }

    /// Is instruction `index` in a loop?
    pub fn is_in_loop(&self, index: usize) -> bool {
        self.looped >> index & 1 != 0
    }

    /// No label has been written yet.
    pub fn forget_labels(&mut self) {
        self.labels.clear();
    }

    fn written(&self, index: usize) -> Option<Label> {
        self.labels.iter().find(|l| l.index == index).copied()
    }

    /// The last instruction of the loop that begins at `index`.
    fn loop_end(&self, index: usize) -> Option<usize> {
        self.loops.iter().filter(|l| l.0 == index).map(|l| l.1).max()
    }
}

impl Emitter {
    /// Takes the words of the block from those that `words` offers, and looks over them: how far it goes, and where
    /// control joins.
    pub fn survey(&mut self, words: impl Iterator<Item = u32>) {
        let most = self.longest.min((4096 - (self.start as usize & 0xfff)) / 4);
        let region = &mut self.region;
        region.loops.clear();
        (region.targets, region.reached, region.looped) = (0, 0, 0);
        (region.needs_flags, region.sets_flags, region.special) = (0, 0, 0);
        region.accesses = [0; 32];
        self.facts.clear();
        self.words.clear();
        self.rows.clear();
        // The next one that control comes to.
        let mut next = 0;
        for (index, word) in words.take(most).enumerate() {
            self.words.push(word);
            if index < next {
                self.rows.push(None);
                self.facts.push(crate::scout::UNREACHED);
                continue;
            }
            let (row, facts) = self.scout.look(word);
            self.rows.push(*row);
            self.facts.push(*facts);
            // Without a branch, as what the next instruction does is not predicted.
            let here = |is: bool| u64::from(is) << index;
            region.reached |= here(true);
            region.sets_flags |= here(facts.flags == Use::Sets);
            region.needs_flags |= here(facts.flags == Use::Needs);
            region.special |= here(facts.special);
            let base = facts.reach.map_or(0, |reach| reach.base);
            region.accesses[base as usize & 31] |= here(facts.reach.is_some());
            if let Some(offset) = facts.branch
                && let Ok(target) = usize::try_from(index as i64 + i64::from(offset / 4))
                && target < most
                && offset % 4 == 0
            {
                if target > index {
                    region.targets |= 1 << target;
                } else if region.is_reached(target) {
                    region.targets |= 1 << target;
                    region.loops.push((target, index));
                    region.looped |= u64::MAX >> (63 - (index - target)) << target;
                }
            }
            next = index + 1;
            if facts.ends {
                // What a branch before it skips to is next.
                let ahead = region.targets.checked_shr(next as u32).unwrap_or(0);
                if ahead == 0 {
                    break;
                }
                next += ahead.trailing_zeros() as usize;
            }
        }
        // Where fewer words were offered, nothing is behind them.
        let length = 64 - region.reached.leading_zeros() as usize;
        self.words.truncate(length);
        region.targets &= region.reached;
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
        let mut first = None;
        if self.ended {
            let arrives = |(from, state, to, executed)| (to == target).then_some((from, state, executed));
            let Some((position, (from, state, executed))) =
                (0..self.arrivals.len()).find_map(|n| Some((n, arrives(self.arrival(n))?)))
            else {
                return false;
            };
            let cold = self.arrivals.remove(position);
            self.cold[cold as usize] = Cold::Arrived;
            first = Some((from, executed));
            let state = self.states[state as usize];
            self.set_state(&state);
            self.regs.release();
            self.vregs.release();
            self.ended = false;
        }
        first.into_iter().for_each(|(from, _)| self.land(from));
        let needed = self.flags_needed_from(index);
        if needed {
            self.save_flags();
        }
        if let Some((_, executed)) = first {
            self.count(executed, index);
        }
        self.flags = Flags::Memory;
        self.setter = None;
        self.drop_spans();
        self.regs.release_all();
        self.float_marked = false;
        self.narrow = Default::default();
        let end = self.region.loop_end(index);
        for n in 0..self.arrivals.len() {
            let (_, state, to, _) = self.arrival(n);
            let state = &self.states[state as usize];
            if to == target {
                self.regs.soil_as(&state.x);
                self.vregs.soil_as(&state.v);
            }
            if self.may_arrive(to, target, end.is_some()) {
                self.sp_aligned &= state.sp_aligned;
            }
        }
        self.drop_constants(target, end.is_some());
        if let Some(end) = end {
            self.enter_loop(index, end);
        }
        let again = end.filter(|_| needed).and_then(|end| self.flags_again(index, end));
        if let Some(compared) = again {
            self.mark_entered();
            self.flags = Flags::Again(Again { compared, unless_entered: true });
        }
        let state = self.keep_state(self.state());
        let label = Label { index, at: self.buf.here(), state, again };
        self.region.labels.push(label);
        true
    }

    /// The `n`-th branch that is yet to arrive, or leaves: where it is, the state there, its target, and after how many
    /// instructions.
    fn arrival(&self, n: usize) -> (Offset, StateNumber, u64, u32) {
        let Cold::Exit { from, state, target, executed } = self.cold[self.arrivals[n] as usize] else {
            unreachable!("exits are listed")
        };
        (from, state, target, executed)
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
        for r in bits(self.regs.known()) {
            let (mut agree, mut behind) = (written >> r & 1 == 0, false);
            for n in 0..self.arrivals.len() {
                let (_, state, to, _) = self.arrival(n);
                let x = &self.states[state as usize].x;
                agree &= !self.may_arrive(to, target, is_loop) || self.same_constant(x.find(r), self.regs.find(r));
                behind |= to == target && x.is_dirty(r);
            }
            if !agree {
                if self.regs.is_dirty(r) {
                    self.write_back(r, self.regs.find(r));
                }
                self.regs.drop_value(r);
            } else if behind {
                self.regs.soil(r);
            }
        }
    }

    fn same_constant(&self, a: Where, b: Where) -> bool {
        match (a, b) {
            (Where::Constant(a), Where::Constant(b)) => self.constants[a as usize] == self.constants[b as usize],
            _ => false,
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
                for r in bits(of(facts) & !except) {
                    uses[r as usize] += 1;
                }
            }
            let mut all: Vec<(u8, u8)> = (0..32).map(|r| (uses[r as usize], r)).filter(|(n, _)| *n > 0).collect();
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.iter().take(count).fold(0u32, |set, (_, r)| set | 1 << r)
        };
        let known = self.regs.known();
        let x = most(&|f| f.reads | f.writes, KEPT, known);
        let v = most(&|f| f.reads_v | f.writes_v, KEPT_V, 0);
        for (_, r) in self.regs.residents().filter(|(_, r)| x >> r & 1 == 0) {
            if self.regs.is_dirty(r) {
                self.write_back(r, self.regs.find(r));
            }
            self.regs.drop_value(r);
        }
        for (_, r) in self.vregs.residents().filter(|(_, r)| v >> r & 1 == 0) {
            if self.vregs.is_dirty(r) {
                self.write_back_v(r, self.vregs.find(r));
            }
            self.vregs.drop_value(r);
        }
        for r in bits(x) {
            self.guest(r);
            if written >> r & 1 != 0 {
                self.regs.soil(r);
            }
        }
        for r in bits(v) {
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
        let (at, to, again) = (label.at, self.states[label.state as usize], label.again);
        (self.regs, self.flags) = (state.x, state.flags);
        if self.region.loop_end(index).is_some() {
            let way = self.way_back(executed as usize - 1, index, again);
            self.reconcile(state, &to);
            self.count(executed, index);
            self.go_back(way, index, at, &to);
            return true;
        }
        if self.flags_needed_from(index) {
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
        let (at, to, again) = (label.at, self.states[label.state as usize], label.again);
        let way = self.way_back(self.index, index, again);
        let Some(test) = self.test(c) else { return false };
        self.regs.release();
        let (state, executed) = (self.state(), self.executed());
        let over = self.forward(test ^ 1);
        self.reconcile(&state, &to);
        self.count(executed, index);
        self.go_back(way, index, at, &to);
        self.land(over);
        true
    }

    /// Moves, loads and stores until what is as `from` says is as `to` says. Changes no flags; uses rax, xmm15.
    fn reconcile(&mut self, from: &State, to: &State) {
        if agree(from, to) {
            return;
        }
        for r in from.x.all_dirty().filter(|r| !to.x.is_dirty(*r)) {
            self.write_back(r, from.x.find(r));
        }
        for r in from.v.all_dirty().filter(|r| !to.v.is_dirty(*r)) {
            self.write_back_v(r, from.v.find(r));
        }
        let (moves, rest) = plan(&from.x, &to.x);
        for (to, from) in order(moves) {
            let host = |p: u8| if p == REST { SCRATCH } else { HOSTS[p as usize] };
            self.mov(host(to), host(from));
        }
        for (place, r) in rest {
            let host = HOSTS[place as usize];
            match from.x.find(r) {
                Where::Constant(n) => self.mov_imm(host, self.constants[n as usize]),
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
    from.x.serves_as(&to.x) && from.v.serves_as(&to.v)
}

/// What must move between places, as (to, from), and what comes from elsewhere, as (to, guest register).
#[allow(clippy::type_complexity)]
fn plan<const N: usize>(from: &RegFile<N>, to: &RegFile<N>) -> (Vec<(u8, u8)>, Vec<(u8, u8)>) {
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
