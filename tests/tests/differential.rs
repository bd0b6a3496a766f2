//! Every instruction of the table against two versions of user-mode QEMU, on random operands.
//!
//! `ARMAGIC_CASES=N` compares N cases, `ARMAGIC_SEED=N` others; `BLESS=1` writes docs/isa-coverage.md.

use armagic_tests::differential::{Witness, compare};
use std::env;

/// What one run of the test command compares.
const CASES: u64 = 200_000;

/// Cases that every row has in such a run.
const CASES_PER_ROW: usize = 100;

/// The number in environment variable `name`.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.replace('_', "").parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

fn offline(test: &str) -> bool {
    let off = env::var_os("ARMAGIC_OFFLINE").is_some_and(|v| !v.is_empty() && v != "0");
    if off {
        println!("skipped: {test} (ARMAGIC_OFFLINE=1)");
    }
    off
}

#[test]
fn instructions_do_what_qemu_does() {
    if offline("instructions_do_what_qemu_does") {
        return;
    }
    let (cases, seed) = (number("ARMAGIC_CASES").unwrap_or(CASES), number("ARMAGIC_SEED").unwrap_or(1));
    println!("ARMAGIC_SEED={seed} ARMAGIC_CASES={cases}");
    Witness::ALL.iter().for_each(|witness| drop(witness.fetch().unwrap_or_else(|e| panic!("{e}"))));
    let coverage = compare(seed, cases as usize).unwrap_or_else(|e| panic!("{e}"));
    for (name, tally) in coverage.rows() {
        let least = if cases >= CASES { CASES_PER_ROW } else { 0 };
        let compared = tally.compared[0] + tally.compared[1];
        assert!(compared >= least, "{name}: only {compared} cases");
    }
    let (sequences, instructions) = coverage.sequences();
    println!("{} rows, {} cases", coverage.rows().count(), coverage.compared());
    println!("{sequences} sequences of {instructions} instructions");
    println!("the same by the compiler, in {} blocks", coverage.blocks());
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    assert!(coverage.blocks() >= cases || !jit::is_supported(), "programs were not compiled");
    coverage.reasons().for_each(|(reason, count)| println!("known: {reason}: {count}"));
    if env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/isa-coverage.md");
        std::fs::write(path, coverage.markdown()).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    let differences = coverage.differences();
    assert!(differences.is_empty(), "ARMAGIC_SEED={seed}\n{differences}");
}
