//! The cases on our machine, by each engine; and every rule has a test or a reason.

use armagic_gic_conformance::guest::{self, States};
use armagic_gic_conformance::rules::{self, RULES};
use armagic_gic_conformance::verdict::{Score, Verdict};
use armagic_gic_conformance::{cases, run, table, trace, verdict};
use machine::{EngineKind, Fidelity};
use std::collections::BTreeSet;
use std::time::Duration;

#[track_caller]
fn check(engine: EngineKind, fidelity: Fidelity) {
    let cases = cases::all().expect("the cases are well-formed");
    let output = [States::One, States::Two].map(|states| {
        run::ours(guest::program(&cases, states), states, engine, fidelity).expect("the program comes to its end")
    });
    let output = output.concat();
    let verdicts = verdict::read(&output, &cases);
    let failed: Vec<_> = { cases.iter().zip(&verdicts) }
        .filter(|(_, verdict)| matches!(verdict, Verdict::Fail(_) | Verdict::Missing))
        .map(|(case, verdict)| format!("{}: {verdict:?}", case.id()))
        .collect();
    // A choice of ours is kept too.
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let score = Score::of(cases.iter().zip(&verdicts));
    assert!(score.pass >= 450, "{score:?}: too much is skipped");
}

#[test]
fn interpreted() {
    check(EngineKind::Interp, Fidelity::Fast);
}

/// The cases poll where software has to, and have a DSB where one is needed, so that they hold where RWP and ChildrenAsleep
/// take their time and writes are late.
#[test]
fn relaxed() {
    check(EngineKind::Interp, Fidelity::Relaxed(Duration::from_micros(20)));
}

#[test]
fn strict() {
    check(EngineKind::Interp, Fidelity::Strict);
}

/// The compiler is there on Linux on x86-64 only.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn compiled() {
    check(EngineKind::Jit, Fidelity::Fast);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn compiled_and_relaxed() {
    check(EngineKind::Jit, Fidelity::Relaxed(Duration::from_micros(20)));
}

#[test]
fn a_wrong_expectation_fails() {
    let path = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = "7.2 wrong: pending[120] = 1; pending[120] == 0\n7.2 absent: irq\n7.2 unexpected: pe1: undef RPR; quiet\n\
                7.2 other: enabled[121] = 1; pending[121] = 1; take 120\n7.2 needs: need GICD.CTLR & 0x10 == 0; irq\n\
                7.2 right: enabled[120] = 1; pending[120] = 1; pe1: quiet; take 120";
    std::fs::write(path.path(), text).expect("written");
    let cases = cases::from_file(path.path()).expect("cases");
    let output = run::ours(guest::program(&cases, States::One), States::One, EngineKind::Interp, Fidelity::Fast)
        .expect("the program comes to its end");
    let seen = verdict::read(&output, &cases);
    let fail = |text: &str| Verdict::Fail(text.to_owned());
    let want = [
        fail("`pending[120] == 0`: got 0x1 expected 0x0"),
        fail("`irq`: got 0x0 expected 0x80"),
        fail("`pe1: undef RPR`: got 0x3fffffffff expected 0x0"),
        fail("`take 120`: got 0x79 expected 0x78"),
        Verdict::Skip("need GICD.CTLR & 0x10 == 0".into()),
        Verdict::Pass,
    ];
    assert_eq!(seen, want, "{output}");
}

#[test]
fn every_rule_has_a_test_or_a_reason() {
    let cases = cases::all().expect("the cases are well-formed");
    let names = trace::names(&trace::workspace()).expect("the sources are there");
    let tests = trace::tests(&names);
    assert!(names.len() > 150, "only {} tests seen: is this the workspace?", names.len());
    for rule in RULES {
        let tested = tests.get(rule.id).is_some_and(|tests| !tests.is_empty());
        let cased = cases.iter().any(|case| case.rule == rule.id);
        assert!(tested || cased || rule.because.is_some(), "CHK-{} has neither a test nor a reason", rule.id);
        for name in rule.also {
            assert!(names.contains(*name), "CHK-{} names {name}, which is no test", rule.id);
        }
    }
    for case in &cases {
        assert!(rules::find(&case.rule).is_some(), "{} is a case of no rule", case.id());
    }
    for (case, _) in table::NOTES {
        assert!(cases.iter().any(|c| c.id() == *case), "{case} has a note, and is no case");
    }
    let known: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(known.len(), RULES.len(), "a number is there twice");
    let of_no_rule: Vec<_> = names.iter().filter(|name| !tests.values().any(|t| t.contains(*name))).collect();
    assert!(of_no_rule.is_empty(), "tests whose names begin with no rule: {of_no_rule:?}");
}

/// The table has a row for every rule; how the other emulators did is not checked here.
#[test]
fn the_table_lists_every_rule() {
    let path = trace::workspace().join("docs/gic-conformance.md");
    let text = std::fs::read_to_string(path).expect("the table is in docs/");
    for rule in RULES {
        let row = format!("| {} | {} | {} | {}", rule.id, rule.basis, rule.about, rule.says);
        assert!(text.contains(&row), "the table has no row for CHK-{}: write it again", rule.id);
    }
}
