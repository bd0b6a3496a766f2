//! How the CPU interface selects, masks, takes and ends interrupts; the registers are in `registers`.
//!
//! One interrupt is the highest priority pending one (IHI 0069, `HighestPriorityPendingInterrupt`): the best of
//! the enabled groups. It alone is signalled and acknowledged. Equal priority: the order is IMPLEMENTATION DEFINED; we
//! choose the lowest INTID.

use super::CpuInterface;
use crate::fidelity::Delayed;
use crate::ids;
use crate::published::Published;
use crate::state::Candidate;
use crate::wires::Gic;
use crate::word::{G0, G1, G1S, GROUPS, NMI_NS, Slot, Word, level_of};

/// INTID returned when there is nothing to return.
pub(super) const SPURIOUS: u64 = 1023;
/// To EL3: the interrupt is for Secure EL1, or (with RM) Group 0.
const FOR_SECURE_EL1: u64 = 1020;
/// To EL3: the interrupt is for Non-secure software.
const FOR_NON_SECURE: u64 = 1021;
/// It is a non-maskable interrupt: ICC_NMIAR1_EL1 acknowledges it.
const NON_MASKABLE: u64 = 1022;

/// What a register says of the interrupt that is first.
pub(super) enum Answer {
    /// Its INTID; an acknowledge takes it.
    Take,
    /// Something else.
    Special(u64),
}

impl Answer {
    pub fn intid(&self, found: Candidate) -> u64 {
        match self {
            Answer::Take => ids::intid(found.place()).into(),
            Answer::Special(id) => *id,
        }
    }
}

impl CpuInterface {
    /// May something wait in this group that is not held back?
    #[inline(always)]
    pub(super) fn waits(&self, group: usize) -> bool {
        let published = self.published[group].get();
        if published.limit() == 0 {
            return false;
        }
        let (forwarded, limit) = (self.shared.look()[group].forwarded(), self.limit(group));
        let below = |limit: u32| forwarded & ((1 << limit) - 1) != 0;
        if below(published.limit()) && !below(limit) {
            // It was posted for nothing: the next like it shall not be.
            self.publish(group, limit);
        }
        below(limit)
    }

    /// The levels of each group that may hold a ready interrupt.
    #[inline(always)]
    fn waiting(&self) -> [u64; GROUPS] {
        self.shared.look().map(Published::deliverable)
    }

    /// The highest priority pending interrupt of the enabled groups, whatever PMR and the running priority.
    ///
    /// Groups are several words, so they are looked at twice. Only we clear levels, so what has none the second time
    /// had none since the first, and there is a moment at which all of it was so: at which nothing was ready, or what
    /// was found had none before it. (A gate that closes and opens again under both looks may hide what it held.)
    #[inline(never)]
    pub(super) fn best(&self) -> Option<Candidate> {
        loop {
            let (level, groups) = self.look();
            if groups == 0 {
                match self.waiting() {
                    [0, 0, 0] => return None,
                    _ => continue,
                }
            }
            let found = self.best_of_level(level, groups);
            if let Some(it) = found
                && self.is_first(it.slot())
            {
                return found;
            }
        }
    }

    /// The first level that may hold a ready interrupt, and the groups where it may, a bit for each: none if there is
    /// no such level.
    #[inline(always)]
    fn look(&self) -> (u32, u64) {
        let waiting = self.waiting();
        let any = waiting[G0] | waiting[G1] | waiting[G1S];
        let first = any & any.wrapping_neg();
        let has = |group: usize| u64::from(waiting[group] & first != 0) << group;
        (any.trailing_zeros(), has(G0) | has(G1) | has(G1S))
    }

    /// Is a slot first at the second look too? If not there is something before it; or its level was out of date, and
    /// the gate closed before its interrupt came, which then was never forwarded.
    #[inline(always)]
    fn is_first(&self, slot: Slot) -> bool {
        let (level, groups) = self.look();
        level == slot.level && groups >> slot.group & 1 != 0
    }

    /// The lowest INTID of one level in some groups, a bit for each. Where there is none, that is settled.
    #[inline(always)]
    fn best_of_level(&self, level: u32, groups: u64) -> Option<Candidate> {
        let (state, mine) = (&self.gic.state, self.mine());
        let mut best: Option<Candidate> = None;
        for group in groups_in(groups) {
            let found = state.first(mine, Slot { pe: self.pe, group, level });
            if found.is_some_and(|found| best.is_none_or(|best| found.place() < best.place())) {
                best = found;
            }
        }
        if best.is_none() {
            groups_in(groups).for_each(|group| state.settle(mine, Slot { pe: self.pe, group, level }));
        }
        best
    }

    /// `best`, if priority mask and running priority let it through.
    pub(super) fn signalled(&self) -> Option<Candidate> {
        self.best().filter(|found| found.slot().level < self.limit(found.slot().group))
    }

    // What a register says of an interrupt (IHI 0069, ICC_IAR0_EL1, ICC_HPPIR1_EL1 and "Special INTIDs").

    pub(super) fn answer0(&self, group: usize, _: Word) -> Answer {
        let (el3, two) = (self.who.el == 3, !self.one_state());
        match group {
            G0 if two && el3 && self.rm => Answer::Special(FOR_SECURE_EL1),
            G0 if self.who.secure || !two => Answer::Take,
            G1S if el3 => Answer::Special(FOR_SECURE_EL1),
            G1 if el3 && two && !self.rm => Answer::Special(FOR_NON_SECURE),
            _ => Answer::Special(SPURIOUS),
        }
    }

    #[inline(always)]
    pub(super) fn answer1(&self, group: usize, word: Word, acknowledges: bool) -> Answer {
        let visible = match group {
            G1 if !self.who.secure || self.one_state() => true,
            G1 if self.who.el == 3 && self.rm => return Answer::Special(FOR_NON_SECURE),
            G1 => self.who.el == 3,
            G1S => self.who.secure,
            _ => false,
        };
        match visible {
            false => Answer::Special(SPURIOUS),
            true if acknowledges && self.who.nmi && word.nmi() => Answer::Special(NON_MASKABLE),
            true => Answer::Take,
        }
    }

    pub(super) fn answer_nmi(&self, group: usize, word: Word) -> Answer {
        if word.nmi() { self.answer1(group, word, false) } else { Answer::Special(SPURIOUS) }
    }

    /// Acknowledges what is first, if that is simple: it is in Group 1 alone, where its first place is not out of date, and
    /// nothing else has happened since.
    #[inline(always)]
    pub(super) fn acknowledge_at_once(&mut self) -> Option<u64> {
        let first = self.shared.look();
        let [a, b, c] = first.map(Published::deliverable);
        let level = (a | b | c).trailing_zeros();
        if b.wrapping_shr(level) & !(a | c).wrapping_shr(level) & 1 == 0 {
            return None;
        }
        let (mine, slot) = (self.mine(), Slot { pe: self.pe, group: G1, level });
        let (place, word) = self.gic.state.take_first(mine, slot, |word| {
            // The second look of `best`.
            let stands = level < self.passing(G1, self.running()) && self.shared.look() == first;
            stands && matches!(self.answer1(G1, word, true), Answer::Take)
        })?;
        Some(self.activate(place, G1, word))
    }

    #[inline(never)]
    pub(super) fn acknowledge(&mut self, answer: impl Fn(&CpuInterface, usize, Word) -> Answer) -> u64 {
        loop {
            // A read that does not take has no side effect (IHI 0069, ICC_IAR0_EL1).
            let Some(found) = self.signalled() else { return SPURIOUS };
            let group = found.slot().group;
            if let Answer::Special(id) = answer(self, group, found.word) {
                return id;
            }
            if self.gic.state.acknowledge(self.mine(), found) {
                return self.activate(found.place(), group, found.word);
            }
            // Another thread changed the interrupt meanwhile; it may be ours no longer.
        }
    }

    /// It was taken: its priority is active. A non-maskable interrupt is recorded beside the priorities, as it preempts
    /// its own. This opens nothing. Its INTID.
    #[inline(always)]
    fn activate(&mut self, place: u32, group: usize, word: Word) -> u64 {
        if self.gic.watch.is_strict() {
            self.remember(place);
        }
        if word.nmi() {
            self.nmi_active |= 1 << group;
        } else {
            self.ap[group] |= 1 << ((u32::from(word.priority()) & self.group_mask(group)) >> 3);
        }
        match self.acknowledged.get_mut(place as usize) {
            Some(count) => *count += 1,
            None => self.count_lpis(place),
        }
        ids::intid(place).into()
    }

    /// Drops the highest active priority, if it is of the group that the register is for and of who writes it; else it
    /// is UNPREDICTABLE and we ignore it, as we do with nothing active.
    #[inline]
    pub(super) fn end(&mut self, register: usize, v: u64) {
        let id = v as u32 & 0xff_ffff;
        if (1020..1024).contains(&id) {
            return;
        }
        let ends = |group: usize| match (register, group) {
            (G0, G0) => self.who.secure || self.one_state(),
            (G1, G1) => !self.who.secure || self.who.el == 3 || self.one_state(),
            (G1, G1S) => self.who.secure,
            _ => false,
        };
        let mine = self.ended(ends);
        if self.gic.watch.is_strict() {
            self.check_end(register, id, mine.is_some());
        }
        let Some((group, nmi)) = mine else { return };
        if nmi {
            self.nmi_active &= !(1 << group);
        } else {
            self.ap[group] &= self.ap[group] - 1;
        }
        self.update();
        if !self.eoimode() {
            self.deactivate(id, |_| true);
        }
    }

    /// The group of the highest active priority, if it is one of some, and whether it is a non-maskable interrupt's.
    #[inline(always)]
    fn ended(&self, of: impl Fn(usize) -> bool) -> Option<(usize, bool)> {
        if self.nmi_active == 0 {
            let all = self.ap[G0] | self.ap[G1] | self.ap[G1S];
            let first = all & all.wrapping_neg();
            return (0..GROUPS).find(|&group| self.ap[group] & first != 0 && of(group)).map(|group| (group, false));
        }
        let (rank, group, nmi) = self.highest_active(of)?;
        (self.running() >= Some(rank)).then_some((group, nmi))
    }

    /// Global for an SPI, this PE's own otherwise. A level still high is pending again at once.
    #[inline]
    pub(super) fn deactivate(&self, id: u32, may: impl Fn(usize) -> bool) {
        if let Some(place) = ids::place(id) {
            let end = |word: Word| if may(word.group()) { word.with_active(false) } else { word };
            self.gic.state.update(self.pe, place, end);
        }
    }

    /// IHI 0069, ICC_SGI1R_EL1. The group is checked in the same step that makes it pending.
    pub(super) fn send(&self, group: usize, v: u64) {
        let Gic { state, routes, .. } = &*self.gic;
        self.gic.watch.begin(Delayed::Upstream(self.pe));
        let id = (v >> 24) as u32 & 0xf;
        let (one_state, secure) = (self.one_state(), self.who.secure);
        let pend = |pe| {
            state.update(pe, id, |word| {
                let generated = if one_state { word.group() == group } else { generates(secure, group, word) };
                if generated { word.with_latch(true) } else { word }
            })
        };
        if v >> 40 & 1 != 0 {
            (0..state.pes()).filter(|&pe| pe != self.pe).for_each(pend);
        } else {
            let cluster = (v >> 48 & 0xff) << 16 | (v >> 32 & 0xff) << 8 | v >> 16 & 0xff;
            routes.list(cluster as u32, (v >> 44) as u32 & 0xf, v as u16).for_each(pend);
        }
    }

    /// The highest active priority.
    #[inline(always)]
    pub(super) fn running(&self) -> Option<u32> {
        if self.nmi_active == 0 {
            let active = self.ap[G0] | self.ap[G1] | self.ap[G1S];
            return (active != 0).then(|| active.trailing_zeros() << 3);
        }
        self.highest_active(|_| true).map(|it| it.0)
    }

    #[inline(always)]
    pub(super) fn has_nmi_active(&self, group: usize) -> bool {
        self.nmi_active >> group & 1 != 0
    }

    /// The highest active priority of some groups, its group, and whether it is a non-maskable interrupt's, which come
    /// first.
    #[inline(always)]
    pub(super) fn highest_active(&self, of: impl Fn(usize) -> bool) -> Option<(u32, usize, bool)> {
        let mut best: Option<(u32, usize, bool)> = None;
        for group in 0..GROUPS {
            if self.ap[group] == 0 && !self.has_nmi_active(group) || !of(group) {
                continue;
            }
            let maskable = (self.ap[group].trailing_zeros() << 3, group, false);
            let nmi = (self.nmi_rank(group), group, true);
            let found = if self.has_nmi_active(group) && nmi.0 <= maskable.0 { nmi } else { maskable };
            let ahead = |best: (u32, usize, bool)| found.0 < best.0 || found.0 == best.0 && found.2 && !best.2;
            if best.is_none_or(ahead) {
                best = Some(found);
            }
        }
        best
    }

    /// The priority that a non-maskable interrupt of this group counts as.
    fn nmi_rank(&self, group: usize) -> u32 {
        if group == G1 && !self.one_state() { 0x80 } else { 0 }
    }

    /// The bits of a priority that decide preemption (IHI 0069, "Priority grouping"): BPR0=n and Secure BPR1=n keep
    /// [7:n+1], BPR1=n keeps [7:n]; with CBPR all use BPR0.
    #[inline(always)]
    fn group_mask(&self, group: usize) -> u32 {
        let drop = match group {
            G1 if !self.banks[G1].cbpr => self.bpr[G1],
            G1S if !self.banks[G1S].cbpr => self.bpr[G1S] + 1,
            _ => self.bpr[G0] + 1,
        };
        0xff << drop & 0xff
    }

    /// The first level of this group that PMR or the running priority holds back. Both compare strictly, and
    /// grouping is monotonic, so all levels below it pass and none above.
    #[inline(always)]
    fn passing(&self, group: usize, running: Option<u32>) -> u32 {
        // Priorities below PMR pass, and the non-maskable interrupts of a half that is open at all.
        let unmasked = level_of(u32::from(self.pmr >> 3));
        let Some(running) = running else { return unmasked };
        // Both are compared as this group compares priorities, so that a coarse binary point lets nothing preempt what
        // is more urgent. A non-maskable interrupt also preempts its own priority, unless by another of its kind.
        let held = match ((running & self.group_mask(group)) >> 3, self.has_nmi_active(group)) {
            (0, active) => u32::from(!active),
            (16, true) => NMI_NS,
            (n, _) => level_of(n),
        };
        unmasked.min(held)
    }

    /// The first level of this group that is held back; 0 while it is disabled.
    #[inline(always)]
    fn limit(&self, group: usize) -> u32 {
        if self.enabled[group] { self.passing(group, self.running()) } else { 0 }
    }

    /// Registers that masks and priorities depend on have changed. Opens what they open, now; what they close may be
    /// published later.
    #[inline(always)]
    pub(super) fn update(&mut self) {
        // No limit is above that of PMR.
        if level_of(u32::from(self.pmr >> 3)) > self.least.get() {
            self.publish_all();
        }
    }

    /// The same, and the groups that are enabled may have changed.
    #[inline(never)]
    pub(super) fn publish_all(&mut self) {
        for group in 0..GROUPS {
            let (limit, published) = (self.limit(group), self.published[group].get());
            if limit > published.limit() || self.enabled[group] != published.pe_enabled() {
                self.publish(group, limit);
            }
        }
    }

    fn publish(&self, group: usize, limit: u32) {
        let new = Published::owner(self.enabled[group], limit);
        self.open[group].set((1 << new.limit()) - 1);
        self.gic.state.publish(self.pe, group, self.published[group].replace(new), new);
        let enabled = (0..GROUPS).filter(|&group| self.enabled[group]);
        self.least.set(enabled.map(|group| self.published[group].get().limit()).min().unwrap_or(u32::MAX));
    }
}

/// The groups whose bits are set.
#[inline(always)]
fn groups_in(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let group = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (group < GROUPS).then_some(group)
    })
}

/// May this register, written in this security state, generate the SGI of a target with two security states? By the
/// group it is in there and the target's GICR_NSACR (IHI 0069, "Use of control registers for SGI forwarding").
fn generates(secure: bool, group: usize, target: Word) -> bool {
    match (secure, group, target.group()) {
        (_, asked, is) if asked == is && (secure || is == G1) => true,
        // Group 0 may be asked for as Secure Group 1.
        (true, G1S, G0) => true,
        (true, ..) => false,
        (false, G0 | G1 | G1S, G0) => target.nsacr() >= 1,
        (false, G1 | G1S, G1S) => target.nsacr() >= 2,
        (false, ..) => false,
    }
}
