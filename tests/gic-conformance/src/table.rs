//! docs/gic-conformance.md.

use crate::cases::Case;
use crate::rules::{RULES, Rule};
use crate::trace::Tests;
use crate::verdict::{Score, Verdict};
use std::fmt::Write;

/// A run: what the emulator is called, how it was started, and what came of each case.
pub struct Run {
    /// Heading of its column.
    pub name: String,
    /// How to repeat it.
    pub command: String,
    /// A verdict for each case.
    pub verdicts: Vec<Verdict>,
}

const HEAD: &str = include_str!("../head.md");

/// Why a case that fails elsewhere is right, from the architecture's text.
pub const NOTES: &[(&str, &str)] = &[
    (
        "CHK-4.1.6 ptz-reads-0",
        "IHI 0069, GICR_PENDBASER.PTZ: the field is write-only and reads as 0; here it reads as written",
    ),
    (
        "CHK-16.1 waker-is-secure",
        "IHI 0069, GICR_WAKER: RAZ/WI to Non-secure accesses while GICD_CTLR.DS is 0; here a Non-secure write put the PE \
         to sleep",
    ),
    (
        "CHK-6.2.7 non-secure-active-priorities-can-be-cleared",
        "IHI 0069, ICC_AP1R0_EL1: 0 is what software writes for no active priority; here it still reads as before",
    ),
    (
        "CHK-6.2.7 el3-clears-non-secure-active-priorities",
        "the priority that the case before could not clear is still active, though EL3 wrote 0 with SCR_EL3.NS 1",
    ),
    (
        "CHK-8.11 priority-is-res0",
        "IHI 0069, GICD_IPRIORITYR: the field of a non-maskable interrupt is RES0; here it still reads the priority",
    ),
    ("CHK-8.11 none-in-group-0", "IHI 0069, GICD_INMIR: the bit of an interrupt in Group 0 is RES0; here it is set"),
    (
        "CHK-8.12 active-in-ap1r0-and-rpr",
        "IHI 0069, ICC_RPR_EL1.NMI: 1 while the running priority is a non-maskable interrupt's; here it stays 0",
    ),
    (
        "CHK-9.2 nmiar-takes-no-other",
        "IHI 0069, ICC_NMIAR1_EL1: 1023 unless the interrupt is non-maskable; here it acknowledged another",
    ),
];

fn note(id: &str) -> Option<&'static str> {
    NOTES.iter().find(|(case, _)| *case == id).map(|(_, why)| *why)
}

/// The whole document.
pub fn document(cases: &[Case], tests: &Tests, runs: &[Run]) -> String {
    let mut out = HEAD.to_owned();
    scores(&mut out, cases, tests, runs);
    failures(&mut out, cases, runs);
    rules(&mut out, cases, tests, runs);
    out
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    out.write_fmt(text).and_then(|()| out.write_char('\n')).expect("a string takes everything");
}

fn scores(out: &mut String, cases: &[Case], tests: &Tests, runs: &[Run]) {
    let choices = cases.iter().filter(|case| case.choice.is_some()).count();
    let named: std::collections::BTreeSet<_> = tests.values().flatten().collect();
    line(out, format_args!("\n## Score\n"));
    line(
        out,
        format_args!(
            "{} rules; {} cases, of which {choices} test a choice and are not counted; {} in-process tests.\n",
            RULES.len(),
            cases.len(),
            named.len()
        ),
    );
    line(out, format_args!("| emulator | pass | fail | skip | command |\n|---|---|---|---|---|"));
    for run in runs {
        let Score { pass, fail, skip } = Score::of(cases.iter().zip(&run.verdicts));
        line(out, format_args!("| {} | {pass} | {fail} | {skip} | `{}` |", run.name, run.command));
    }
}

fn failures(out: &mut String, cases: &[Case], runs: &[Run]) {
    line(out, format_args!("\n## Cases that failed\n"));
    line(
        out,
        format_args!(
            "| case | emulator | statement, and what was seen | why it is or is not counted |\n|---|---|---|---|"
        ),
    );
    for (at, case) in cases.iter().enumerate() {
        for run in runs {
            let seen = match &run.verdicts[at] {
                Verdict::Fail(seen) => seen.as_str(),
                Verdict::Missing => "the program ended before it",
                _ => continue,
            };
            let why = match &case.choice {
                Some(why) => format!("not counted: {why}"),
                None => note(&case.id()).unwrap_or("not looked into yet").to_owned(),
            };
            line(out, format_args!("| {} | {} | {seen} | {why} |", case.id(), run.name));
        }
    }
}

fn rules(out: &mut String, cases: &[Case], tests: &Tests, runs: &[Run]) {
    line(out, format_args!("\n## Rules\n"));
    let names: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
    line(out, format_args!("| rule | basis | about | what is asked | in process | {} |", names.join(" | ")));
    line(out, format_args!("|---|---|---|---|---|{}", "---|".repeat(runs.len())));
    for rule in RULES {
        let tested = tests.get(rule.id).map_or(0, |tests| tests.len());
        let tested = if tested == 0 { "–".to_owned() } else { tested.to_string() };
        let cells: Vec<_> = runs.iter().map(|run| cell(rule, cases, run)).collect();
        let note = rule.because.map(|why| format!(" *({why})*")).unwrap_or_default();
        line(
            out,
            format_args!(
                "| {} | {} | {} | {}{note} | {tested} | {} |",
                rule.id,
                rule.basis,
                rule.about,
                rule.says,
                cells.join(" | ")
            ),
        );
    }
}

/// `4/4`, `3/4`, `skip`, or nothing if there are no cases that count.
fn cell(rule: &Rule, cases: &[Case], run: &Run) -> String {
    let score = Score::of(cases.iter().zip(&run.verdicts).filter(|(case, _)| case.rule == rule.id));
    let Score { pass, fail, skip } = score;
    match (pass + fail, skip) {
        (0, 0) => "–".into(),
        (0, _) => "skip".into(),
        (n, 0) => format!("{pass}/{n}"),
        (n, _) => format!("{pass}/{n}, {skip} skipped"),
    }
}
