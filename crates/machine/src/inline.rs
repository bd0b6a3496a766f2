//! What compiled code counts itself, where it was compiled to: how accesses found their pages, and blocks the next one.

/// Sums of all vCPUs.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Inline {
    /// Accesses to data; a pair, a structure, or cache maintenance by address is one.
    pub accesses: u64,
    /// Accesses that went by the check for another with the same base register.
    pub shared: u64,
    /// Checks, for one access or several, that found the page remembered for them.
    pub remembered: u64,
    /// Checks that found their page in the first level of the TLB.
    pub tlb_hits: u64,
    /// Checks that did not: not there, not RAM, or across the end of a page. One for several is then made again.
    pub tlb_misses: u64,
    /// Pages that the second level knew, for the interpreter too.
    pub second_level_hits: u64,
    /// Table walks for data, for the interpreter too.
    pub walks: u64,
    /// Blocks begun, each in one of the next four ways.
    pub blocks: u64,
    /// By a branch that leads there directly.
    pub direct: u64,
    /// By the jump cache.
    pub jump_hits: u64,
    /// By a helper: after SVC, ERET, an abort, or a change of context.
    pub turns: u64,
    /// By the dispatcher.
    pub entries: u64,
    /// Branches that the jump cache did not know.
    pub jump_misses: u64,
}

impl Inline {
    /// What one vCPU counted.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    pub(crate) fn of(jit: &jit::Jit) -> Inline {
        let (n, mmu, counts) = (jit.inline(), jit.interp.cpu.mmu.counts, &jit.counts);
        if n.blocks == 0 {
            return Inline::default(); // not compiled to count
        }
        Inline {
            accesses: n.accesses,
            shared: n.shared,
            remembered: n.remembered,
            tlb_hits: n.tlb_hits,
            tlb_misses: n.tlb_misses,
            second_level_hits: mmu.second_hits,
            walks: mmu.walks,
            blocks: n.blocks,
            direct: n.blocks.saturating_sub(n.jump_hits + counts.turns + counts.entries),
            jump_hits: n.jump_hits,
            turns: counts.turns,
            entries: counts.entries,
            jump_misses: n.jump_misses,
        }
    }

    /// Both together.
    pub(crate) fn plus(self, o: &Inline) -> Inline {
        Inline {
            accesses: self.accesses + o.accesses,
            shared: self.shared + o.shared,
            remembered: self.remembered + o.remembered,
            tlb_hits: self.tlb_hits + o.tlb_hits,
            tlb_misses: self.tlb_misses + o.tlb_misses,
            second_level_hits: self.second_level_hits + o.second_level_hits,
            walks: self.walks + o.walks,
            blocks: self.blocks + o.blocks,
            direct: self.direct + o.direct,
            jump_hits: self.jump_hits + o.jump_hits,
            turns: self.turns + o.turns,
            entries: self.entries + o.entries,
            jump_misses: self.jump_misses + o.jump_misses,
        }
    }

    /// `None` if nothing was counted.
    pub(crate) fn rates(&self) -> Option<Rates> {
        (self.blocks > 0).then(|| Rates {
            without_tlb: part(self.shared + self.remembered, self.tlb_hits + self.tlb_misses),
            tlb: part(self.tlb_hits, self.tlb_misses),
            second_level: part(self.second_level_hits, self.walks),
            jump_cache: part(self.jump_hits, self.jump_misses),
            chained: part(self.direct + self.jump_hits + self.turns, self.entries),
        })
    }
}

/// What follows from `Inline`, as parts of one.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Rates {
    /// Accesses and checks that needed no look at the TLB.
    pub without_tlb: f64,
    /// Looks at the first level of the TLB that found the page.
    pub tlb: f64,
    /// Looks at the second level that did.
    pub second_level: f64,
    /// Looks at the jump cache that found the block.
    pub jump_cache: f64,
    /// Ways from one block to the next that stayed in compiled code, or in a helper that it called.
    pub chained: f64,
}

/// `some` of `some` and `others`; all of none.
fn part(some: u64, others: u64) -> f64 {
    match some + others {
        0 => 1.0,
        all => some as f64 / all as f64,
    }
}
