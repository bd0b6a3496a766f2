//! What a run counted, as `--stats` prints it.

use crate::engine::{Compiled, EngineKind, Tally};
use crate::inline::Rates;
use interp::Counts;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts of all vCPUs since the machine was made, resets included.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stats {
    /// Which engine ran.
    pub engine: &'static str,
    /// Seconds between the first guest instruction and the end.
    pub seconds: f64,
    /// Guest instructions executed.
    pub instructions: u64,
    /// Millions of guest instructions per second of the run, all vCPUs together.
    pub mips: f64,
    /// Synchronous exceptions taken.
    pub exceptions: u64,
    /// Interrupts taken.
    pub interrupts: u64,
    /// Instruction words that belong to no row of the table, and how often each was executed.
    pub unallocated: BTreeMap<String, u64>,
    /// `--check-smc`: instructions that were executed though their change was not made known.
    pub stale_code: Vec<String>,
    /// What the compiler counted.
    pub compiled: Compiled,
    /// Hit rates, if compiled code counted.
    pub rates: Option<Rates>,
}

impl Stats {
    pub(crate) fn of(engine: EngineKind, tallies: &[Tally], seconds: f64) -> Stats {
        let sum = |field: fn(&Counts) -> u64| tallies.iter().map(|t| field(&t.counts)).sum::<u64>();
        let mut unallocated = BTreeMap::new();
        for (word, times) in tallies.iter().flat_map(|t| &t.counts.unallocated) {
            *unallocated.entry(format!("{word:#010x}")).or_default() += times;
        }
        let instructions = sum(|c| c.instructions);
        let compiled = tallies.iter().fold(Compiled::default(), |sum, t| sum.plus(&t.compiled));
        Stats {
            engine: engine.name(),
            seconds,
            instructions,
            mips: instructions as f64 / seconds.max(1e-9) / 1e6,
            exceptions: sum(|c| c.exceptions),
            interrupts: sum(|c| c.interrupts),
            unallocated,
            stale_code: tallies.iter().flat_map(|t| t.stale_code.clone()).collect(),
            rates: compiled.inline.rates(),
            compiled,
        }
    }
}
