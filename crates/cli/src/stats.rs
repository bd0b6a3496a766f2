//! What a run counted, as `--stats` prints it: lines for people, or JSON.

use crate::args::StatsFormat;
use machine::{Compiled, Inline, Rates, Stats};
use std::collections::BTreeMap;

/// Prints to standard error.
pub fn print(stats: &Stats, format: StatsFormat) {
    if format == StatsFormat::Json {
        return eprintln!("{}", serde_json::to_string(stats).expect("plain numbers and strings"));
    }
    eprintln!(
        "{} engine, {:.3} s, {} instructions ({:.0} million a second), {} exceptions, {} interrupts",
        stats.engine, stats.seconds, stats.instructions, stats.mips, stats.exceptions, stats.interrupts
    );
    for (word, times) in &stats.unallocated {
        eprintln!("undefined instruction {word} ({}), executed {times} times", disassemble(word));
    }
    if stats.compiled.blocks > 0 {
        compiled(&stats.compiled).iter().for_each(|line| eprintln!("{line}"));
    }
    if let Some(rates) = &stats.rates {
        inline(&stats.compiled.inline, rates).iter().for_each(|line| eprintln!("{line}"));
    }
}

/// What the compiler did, a line for each question that it answers.
fn compiled(c: &Compiled) -> Vec<String> {
    let (exits, slow) = (&c.exits, &c.out_of_line);
    let mut lines = vec![
        format!(
            "compiled {} blocks in {:.3} s: {} guest bytes, {:.1} host bytes for each, and {:.1} of records",
            c.blocks,
            c.compile_seconds,
            c.guest_bytes,
            ratio(c.host_bytes, c.guest_bytes),
            ratio(c.record_bytes, c.guest_bytes)
        ),
        format!(
            "entered {} times, for {:.0} instructions each; {} exits linked, {} entries not in the jump cache",
            c.entries, c.instructions_per_entry, c.links, c.lookups
        ),
        format!(
            "left for an unknown block {}, to be linked or looked at {}, an exception or the machine {}, the \
             interpreter {}",
            exits.lookup, exits.link, exits.event, exits.interpret
        ),
        format!(
            "{} accesses out of line: TLB miss {}, device {}, unaligned {}, two pages {}",
            c.slow, slow.miss, slow.device, slow.unaligned, slow.crossing
        ),
        format!("{} instructions by the interpreter{}", c.calls, most(&c.called)),
        format!("{} vector operations by their eval{}", c.evaluated.values().sum::<u64>(), most(&c.evaluated)),
    ];
    if c.compared > 0 {
        lines.push(format!("{} executions of blocks compared", c.compared));
    }
    lines
}

/// How accesses found their pages, and blocks the next one.
fn inline(n: &Inline, rates: &Rates) -> [String; 2] {
    let percent = |rate: f64| 100.0 * rate;
    [
        format!(
            "{} accesses in compiled code: {} by a check for others, {} in the page remembered, TLB hits {}, misses {} \
             ({:.1} % without the TLB, {:.2} % of the rest hit); second level {}, walks {} ({:.1} %)",
            n.accesses,
            n.shared,
            n.remembered,
            n.tlb_hits,
            n.tlb_misses,
            percent(rates.without_tlb),
            percent(rates.tlb),
            n.second_level_hits,
            n.walks,
            percent(rates.second_level)
        ),
        format!(
            "{} blocks begun: by direct branches {}, the jump cache {} (it missed {}), helpers {}, the dispatcher {} \
             ({:.2} % chained)",
            n.blocks,
            n.direct,
            n.jump_hits,
            n.jump_misses,
            n.turns,
            n.entries,
            percent(rates.chained)
        ),
    ]
}

/// The five most frequent.
fn most<K: AsRef<str> + Ord>(counts: &BTreeMap<K, u64>) -> String {
    let mut all: Vec<_> = counts.iter().collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let most: Vec<String> = all.iter().take(5).map(|(name, n)| format!("{} {n}", name.as_ref())).collect();
    if most.is_empty() { String::new() } else { format!(": {}", most.join(", ")) }
}

fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}

/// What another disassembler calls an instruction word that we do not have, so that the gap has a name.
fn disassemble(word: &str) -> String {
    use capstone::arch::{BuildsCapstone, arm64::ArchMode};
    let number = word.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let engine = capstone::Capstone::new().arm64().mode(ArchMode::Arm).build();
    let text = number.zip(engine.ok()).and_then(|(number, engine)| {
        let insns = engine.disasm_all(&number.to_le_bytes(), 0).ok()?;
        let insn = insns.first()?;
        Some(format!("{} {}", insn.mnemonic()?, insn.op_str()?).trim_end().to_owned())
    });
    text.unwrap_or_else(|| "unallocated".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_names() {
        assert_eq!(disassemble("0xd503201f"), "nop");
        assert_eq!(disassemble("0xffffffff"), "unallocated");
    }

    #[test]
    fn the_most_frequent_come_first() {
        let counts = BTreeMap::from([("a", 1), ("b", 9), ("c", 3), ("d", 2), ("e", 4), ("f", 5)]);
        assert_eq!(most(&counts), ": b 9, f 5, e 4, c 3, d 2");
        assert_eq!(most(&BTreeMap::<&str, u64>::new()), "");
    }
}
