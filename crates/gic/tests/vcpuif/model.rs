//! The virtual CPU interface as IHI 0069 tells it: plain fields, every question answered by looking at all list
//! registers and all active priorities.
//!
//! The specification that the real one is compared with. Nothing is shared with it, nothing is kept that could be
//! worked out, and registers are put together from fields one by one, so that one mistake is not made twice.

/// One list register.
#[derive(Clone, Copy, Default)]
pub struct List {
    pub pending: bool,
    pub active: bool,
    pub hw: bool,
    pub group: u64,
    pub nmi: bool,
    pub priority: u64,
    /// With `hw`.
    pub pintid: u64,
    /// Without.
    pub eoi: bool,
    pub vintid: u64,
}

/// An active priority: one that was acknowledged and not yet dropped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Active {
    Nmi,
    Level { group: u64, priority: u64 },
}

#[derive(Clone)]
pub struct Model {
    pub nmi_feature: bool,
    pub extended_range: bool,
    pub lists: Vec<List>,
    pub active: Vec<Active>,

    pub en: bool,
    pub uie: bool,
    pub lrenpie: bool,
    pub npie: bool,
    pub vgrp0eie: bool,
    pub vgrp0die: bool,
    pub vgrp1eie: bool,
    pub vgrp1die: bool,
    pub tc: bool,
    pub tall0: bool,
    pub tall1: bool,
    pub tdir: bool,
    pub eoicount: u64,

    pub veng0: bool,
    pub veng1: bool,
    pub vcbpr: bool,
    pub veoim: bool,
    pub vbpr0: u64,
    pub vbpr1: u64,
    pub vpmr: u64,
}

/// Bit `n` of a register.
fn bit(v: u64, n: u32) -> bool {
    v >> n & 1 == 1
}

/// Bits `high:low` of a register.
fn bits(v: u64, high: u32, low: u32) -> u64 {
    (v >> low) % (1 << (high - low + 1))
}

/// The bits of a register that are set.
fn from_bits(flags: &[(u32, bool)]) -> u64 {
    flags.iter().map(|&(n, set)| if set { 1 << n } else { 0 }).sum()
}

fn special(id: u64) -> bool {
    id == 1020 || id == 1021 || id == 1022 || id == 1023
}

fn is_lpi(id: u64) -> bool {
    id >= 8192
}

impl List {
    /// Has the non-maskable property.
    fn non_maskable(&self) -> bool {
        self.nmi && self.group == 1 && !is_lpi(self.vintid)
    }
    fn invalid(&self) -> bool {
        !self.pending && !self.active
    }
}

impl Model {
    pub fn new(list_registers: usize, nmi_feature: bool, extended_range: bool) -> Model {
        Model {
            nmi_feature,
            extended_range,
            lists: vec![List::default(); list_registers],
            active: vec![],
            en: false,
            uie: false,
            lrenpie: false,
            npie: false,
            vgrp0eie: false,
            vgrp0die: false,
            vgrp1eie: false,
            vgrp1die: false,
            tc: false,
            tall0: false,
            tall1: false,
            tdir: false,
            eoicount: 0,
            veng0: false,
            veng1: false,
            vcbpr: false,
            veoim: false,
            vbpr0: 2,
            vbpr1: 3,
            vpmr: 0,
        }
    }

    // The hypervisor's registers.

    pub fn hcr(&self) -> u64 {
        let flags = [
            (0, self.en),
            (1, self.uie),
            (2, self.lrenpie),
            (3, self.npie),
            (4, self.vgrp0eie),
            (5, self.vgrp0die),
            (6, self.vgrp1eie),
            (7, self.vgrp1die),
            (10, self.tc),
            (11, self.tall0),
            (12, self.tall1),
            (14, self.tdir),
        ];
        from_bits(&flags) + (self.eoicount << 27)
    }

    pub fn set_hcr(&mut self, v: u64) {
        self.en = bit(v, 0);
        self.uie = bit(v, 1);
        self.lrenpie = bit(v, 2);
        self.npie = bit(v, 3);
        self.vgrp0eie = bit(v, 4);
        self.vgrp0die = bit(v, 5);
        self.vgrp1eie = bit(v, 6);
        self.vgrp1die = bit(v, 7);
        self.tc = bit(v, 10);
        self.tall0 = bit(v, 11);
        self.tall1 = bit(v, 12);
        self.tdir = bit(v, 14);
        self.eoicount = bits(v, 31, 27);
    }

    pub fn vtr(&self) -> u64 {
        let (pribits, prebits, idbits, a3v, nv4, tds) = (5, 5, 0, 1, 1, 1);
        (self.lists.len() as u64 - 1)
            + (tds << 19)
            + (nv4 << 20)
            + (a3v << 21)
            + (idbits << 23)
            + ((prebits - 1) << 26)
            + ((pribits - 1) << 29)
    }

    pub fn vmcr(&self) -> u64 {
        let vfiqen = true;
        from_bits(&[(0, self.veng0), (1, self.veng1), (3, vfiqen), (4, self.vcbpr), (9, self.veoim)])
            + (self.vbpr1 << 18)
            + (self.vbpr0 << 21)
            + (self.vpmr << 24)
    }

    pub fn set_vmcr(&mut self, v: u64) {
        self.veng0 = bit(v, 0);
        self.veng1 = bit(v, 1);
        self.vcbpr = bit(v, 4);
        self.veoim = bit(v, 9);
        self.vbpr1 = bits(v, 20, 18).max(3);
        self.vbpr0 = bits(v, 23, 21).max(2);
        self.vpmr = bits(v, 31, 27) * 8;
    }

    pub fn lr(&self, n: usize) -> u64 {
        let Some(it) = self.lists.get(n) else { return 0 };
        let flags =
            [(63, it.active), (62, it.pending), (61, it.hw), (60, it.group == 1), (59, it.nmi), (41, it.eoi && !it.hw)];
        from_bits(&flags) + (it.priority << 48) + (if it.hw { it.pintid << 32 } else { 0 }) + it.vintid
    }

    pub fn set_lr(&mut self, n: usize, v: u64) {
        let Some(it) = self.lists.get_mut(n) else { return };
        *it = List {
            active: bit(v, 63),
            pending: bit(v, 62),
            hw: bit(v, 61),
            group: bits(v, 60, 60),
            nmi: bit(v, 59) && self.nmi_feature,
            priority: bits(v, 55, 51) * 8,
            pintid: if self.extended_range { bits(v, 44, 32) } else { bits(v, 41, 32) },
            eoi: bit(v, 41),
            vintid: bits(v, 15, 0),
        };
        if it.non_maskable() {
            it.priority = 0;
        }
    }

    pub fn ap(&self, group: u64) -> u64 {
        let levels = (0..32).map(|n| (n as u32, self.active.contains(&Active::Level { group, priority: 8 * n })));
        let nmi = group == 1 && self.active.contains(&Active::Nmi);
        from_bits(&levels.chain([(63, nmi)]).collect::<Vec<_>>())
    }

    pub fn set_ap(&mut self, group: u64, v: u64) {
        self.active.retain(|active| match active {
            Active::Nmi => group != 1,
            Active::Level { group: of, .. } => *of != group,
        });
        (0..32).filter(|&n| bit(v, n)).for_each(|n| self.activate(Active::Level { group, priority: 8 * u64::from(n) }));
        if group == 1 && self.nmi_feature && bit(v, 63) {
            self.activate(Active::Nmi);
        }
    }

    pub fn eisr(&self) -> u64 {
        self.each_list(|it| it.invalid() && !it.hw && it.eoi)
    }

    pub fn elrsr(&self) -> u64 {
        self.each_list(|it| it.invalid() && (it.hw || !it.eoi))
    }

    fn each_list(&self, condition: impl Fn(&List) -> bool) -> u64 {
        from_bits(&self.lists.iter().enumerate().map(|(n, it)| (n as u32, condition(it))).collect::<Vec<_>>())
    }

    pub fn misr(&self) -> u64 {
        let valid = self.lists.iter().filter(|it| !it.invalid()).count();
        let some_only_pending = self.lists.iter().any(|it| it.pending && !it.active);
        from_bits(&[
            (0, self.eisr() != 0),
            (1, self.uie && valid < 2),
            (2, self.lrenpie && self.eoicount > 0),
            (3, self.npie && !some_only_pending),
            (4, self.vgrp0eie && self.veng0),
            (5, self.vgrp0die && !self.veng0),
            (6, self.vgrp1eie && self.veng1),
            (7, self.vgrp1die && !self.veng1),
        ])
    }

    pub fn maintenance(&self) -> bool {
        self.en && self.misr() != 0
    }

    // Selection.

    fn group_enabled(&self, group: u64) -> bool {
        if group == 0 { self.veng0 } else { self.veng1 }
    }

    /// The highest priority pending virtual interrupt: non-maskable ones first, then by priority, then by number
    /// of the list register.
    fn highest_pending(&self) -> Option<usize> {
        let waits = |it: &List| it.pending && !it.active && self.group_enabled(it.group) && !special(it.vintid);
        let mut waiting: Vec<usize> = (0..self.lists.len()).filter(|&n| waits(&self.lists[n])).collect();
        waiting.sort_by_key(|&n| (!self.lists[n].non_maskable(), self.lists[n].priority, n));
        waiting.first().copied()
    }

    /// What of a priority counts for preemption in this group.
    fn group_priority(&self, group: u64, priority: u64) -> u64 {
        let subpriority_bits = match (group, self.vcbpr) {
            (1, false) => self.vbpr1,
            _ => self.vbpr0 + 1,
        };
        let size = 1 << subpriority_bits;
        priority / size * size
    }

    fn running_priority(&self) -> Option<u64> {
        let priority = |active: &Active| match *active {
            Active::Nmi => 0,
            Active::Level { priority, .. } => priority,
        };
        self.active.iter().map(priority).min()
    }

    fn can_be_signalled(&self, it: &List) -> bool {
        if it.non_maskable() {
            return !self.active.contains(&Active::Nmi);
        }
        let unmasked = it.priority < self.vpmr;
        let group_priority = |priority| self.group_priority(it.group, priority);
        let preempts = |running| group_priority(it.priority) < group_priority(running);
        unmasked && self.running_priority().is_none_or(preempts)
    }

    /// The list register whose interrupt is signalled.
    fn signalled(&self) -> Option<usize> {
        self.highest_pending().filter(|&n| self.en && self.can_be_signalled(&self.lists[n]))
    }

    /// IRQ, FIQ, superpriority.
    pub fn signals(&self) -> [bool; 3] {
        let Some(n) = self.signalled() else { return [false; 3] };
        let it = &self.lists[n];
        [it.group == 1, it.group == 0, it.non_maskable()]
    }

    pub fn hppir(&self, group: u64) -> u64 {
        match self.highest_pending() {
            Some(n) if self.lists[n].group == group => self.lists[n].vintid,
            _ => 1023,
        }
    }

    // Taking and ending.

    fn activate(&mut self, active: Active) {
        if !self.active.contains(&active) {
            self.active.push(active);
        }
    }

    fn acknowledge(&mut self, n: usize) -> u64 {
        let List { group, priority, vintid, .. } = self.lists[n];
        let level = Active::Level { group, priority: self.group_priority(group, priority) };
        self.activate(if self.lists[n].non_maskable() { Active::Nmi } else { level });
        self.lists[n].pending = false;
        self.lists[n].active = true;
        vintid
    }

    pub fn iar(&mut self, group: u64) -> u64 {
        match self.signalled() {
            Some(n) if self.lists[n].group == group => self.acknowledge(n),
            _ => 1023,
        }
    }

    /// IAR1 where SCTLR_EL1.NMI is 1.
    pub fn iar1_without_nmi(&mut self) -> u64 {
        match self.signalled() {
            Some(n) if self.lists[n].non_maskable() => 1022,
            _ => self.iar(1),
        }
    }

    pub fn nmiar1(&mut self) -> u64 {
        match self.signalled() {
            Some(n) if self.lists[n].non_maskable() => self.acknowledge(n),
            _ => 1023,
        }
    }

    /// The pINTID that must be deactivated, if any.
    pub fn eoir(&mut self, group: u64, v: u64) -> Option<u64> {
        let id = bits(v, 15, 0);
        // The highest active priority; where both groups have the same, the one that is asked for.
        let rank = |active: &Active| match *active {
            Active::Nmi => (0, 0, false),
            Active::Level { group: of, priority } => (1, priority, of != group),
        };
        let highest = self.active.iter().copied().min_by_key(rank)?;
        let its_group = match highest {
            Active::Nmi => 1,
            Active::Level { group, .. } => group,
        };
        if special(id) || its_group != group {
            return None;
        }
        self.active.retain(|&active| active != highest);
        let held = self.lists.iter().position(|it| it.active && it.vintid == id);
        match held {
            Some(n) if !self.veoim || is_lpi(id) => self.deactivate(n),
            None if !self.veoim && !is_lpi(id) => self.count(),
            _ => None,
        }
    }

    pub fn dir(&mut self, v: u64) -> Option<u64> {
        let id = bits(v, 15, 0);
        if !self.veoim || special(id) || is_lpi(id) {
            return None;
        }
        match self.lists.iter().position(|it| it.active && it.vintid == id) {
            Some(n) => self.deactivate(n),
            None => self.count(),
        }
    }

    fn deactivate(&mut self, n: usize) -> Option<u64> {
        let it = &mut self.lists[n];
        it.active = false;
        (it.hw && !special(it.pintid)).then_some(it.pintid)
    }

    fn count(&mut self) -> Option<u64> {
        self.eoicount = (self.eoicount + 1) % 32;
        None
    }

    // The guest's registers.

    pub fn rpr(&self) -> u64 {
        from_bits(&[(63, self.active.contains(&Active::Nmi))]) + self.running_priority().unwrap_or(0xff)
    }

    pub fn set_pmr(&mut self, v: u64) {
        self.vpmr = bits(v, 7, 3) * 8;
    }

    pub fn set_bpr0(&mut self, v: u64) {
        self.vbpr0 = bits(v, 2, 0).max(2);
    }

    pub fn bpr1(&self) -> u64 {
        if self.vcbpr { (self.vbpr0 + 1).min(7) } else { self.vbpr1 }
    }

    pub fn set_bpr1(&mut self, v: u64) {
        if !self.vcbpr {
            self.vbpr1 = bits(v, 2, 0).max(3);
        }
    }

    pub fn ctlr(&self) -> u64 {
        let (pribits, a3v, rss) = (5, true, true);
        let flags = [(0, self.vcbpr), (1, self.veoim), (15, a3v), (18, rss), (19, self.extended_range)];
        from_bits(&flags) + ((pribits - 1) << 8)
    }

    pub fn set_ctlr(&mut self, v: u64) {
        self.vcbpr = bit(v, 0);
        self.veoim = bit(v, 1);
    }
}
