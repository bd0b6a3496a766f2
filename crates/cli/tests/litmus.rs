//! The memory model as a guest sees it: no outcome that the architecture forbids, no increment lost.
//!
//! `ARMAGIC_LITMUS=N` runs every test N times instead of `ITERATIONS`. What was seen is printed: run with
//! `--nocapture` to read it.

mod common;

use common::armagic;
use firmware::litmus::{self, BATCH, Model, Outcome, TESTS, Test, Verdict};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

const ITERATIONS: u64 = 1024;

/// Runs share the host's CPUs badly: threads shall run at the same time.
static ONE_RUN: Mutex<()> = Mutex::new(());

/// One line of the program: what a test gave.
struct Seen {
    ran: u64,
    met: u64,
    outcomes: BTreeMap<Outcome, u64>,
}

/// Reads `ran=128 met=120 0,1=100 1,0=28`.
fn read(line: &str) -> Option<Seen> {
    let mut pairs = line.split_whitespace().map(|word| word.split_once('='));
    let mut number = |name| pairs.next()?.filter(|(key, _)| *key == name)?.1.parse().ok();
    let (ran, met) = (number("ran")?, number("met")?);
    let pair = |pair: Option<(&str, &str)>| pair.and_then(|(values, n)| Some((litmus::parse(values), n.parse().ok()?)));
    Some(Seen { ran, met, outcomes: pairs.map(pair).collect::<Option<_>>()? })
}

/// Did `seen` stay within what the architecture allows? All complaints otherwise.
fn judge(test: &Test, name: &str, seen: &Seen, ran: u64) -> Vec<String> {
    let allowed = litmus::outcomes(test, Model::Armv8);
    let mut wrong = vec![];
    for (outcome, n) in seen.outcomes.iter().filter(|(o, _)| !allowed.contains(*o)) {
        wrong.push(format!("{name}: the architecture forbids {outcome:?}, seen {n} times"));
    }
    let counted: u64 = seen.outcomes.values().sum();
    if (seen.ran, counted) != (ran, ran) {
        wrong.push(format!("{name}: {ran} iterations were asked for, {} ran, {counted} were counted", seen.ran));
    }
    wrong
}

#[track_caller]
fn check(engine: &str, cpus: usize, iterations: u64) {
    let _one = ONE_RUN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&litmus::program(iterations)).expect("written");
    let path = file.path().to_str().expect("a temporary path is UTF-8");
    let timeout = (60 + iterations / 50).to_string();
    let run =
        armagic(&["boot", "--engine", engine, "--kernel", path, "--smp", &cpus.to_string(), "--timeout", &timeout])
            .ended(0);
    assert!(run.out.trim_end().ends_with("LITMUS-OK"), "{}", run.out);
    println!("{}", run.out);

    let ran = iterations.next_multiple_of(BATCH);
    let (mut wrong, mut weak) = (vec![], vec![]);
    for test in TESTS {
        for name in [test.name.to_owned(), format!("{}@line", test.name)] {
            let start = format!("litmus {name}: ");
            let line = run.out.lines().find_map(|l| l.strip_prefix(&start));
            match line.and_then(read) {
                Some(seen) => {
                    wrong.extend(judge(test, &name, &seen, ran));
                    if let Verdict::Weak(outcome) = test.verdict
                        && let Some(n) = seen.outcomes.get(&litmus::parse(outcome))
                    {
                        weak.push(format!("{name} {outcome} {n} of {} ({} met)", seen.ran, seen.met));
                    }
                }
                None if test.threads.len() > cpus => {}
                None => wrong.push(format!("{name} did not run: {line:?}")),
            }
        }
    }
    match weak.is_empty() {
        // No verdict on us: the host may be busy, or have one CPU.
        true => println!("no weak outcome: the vCPUs' threads hardly ran at the same time, so little was tested"),
        false => println!("weak outcomes, all allowed:\n  {}", weak.join("\n  ")),
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn iterations() -> u64 {
    match std::env::var("ARMAGIC_LITMUS") {
        Ok(text) => text.parse().expect("ARMAGIC_LITMUS is a number of iterations"),
        Err(_) => ITERATIONS,
    }
}

#[test]
fn two_cpus() {
    check("interp", 2, iterations());
}

#[test]
fn four_cpus() {
    check("interp", 4, iterations());
}

/// The compiler is there on Linux on x86-64 only.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod compiled {
    use super::{check, iterations};

    #[test]
    fn two_cpus_compiled() {
        check("jit", 2, iterations());
    }

    #[test]
    fn four_cpus_compiled() {
        check("jit", 4, iterations());
    }
}

/// The judge's complaints about `line` of `name` when 128 iterations were asked for.
#[track_caller]
fn check_judge(name: &str, line: &str, complaints: usize) {
    let test = TESTS.iter().find(|t| t.name == name).expect("a test of the table");
    let seen = read(line).expect("a line of the program");
    let wrong = judge(test, name, &seen, 128);
    assert_eq!(wrong.len(), complaints, "{wrong:?}");
}

#[test]
fn the_judge_objects_to_what_is_forbidden_or_missing() {
    check_judge("SB", "ran=128 met=128 0,0=28 1,0=100", 0);
    check_judge("SB+dmbs", "ran=128 met=128 0,0=28 1,0=100", 1);
    check_judge("SB+stlr-ldars", "ran=128 met=9 0,0=1 1,1=127", 1);
    check_judge("SB", "ran=128 met=128 0,1=28 2,0=100", 1); // nobody stores 2
    check_judge("SB", "ran=128 met=128 0,1=28 1,0=99", 1); // 127
    check_judge("SB", "ran=0 met=0", 1);
    check_judge("LDADD", "ran=128 met=128 32=127 31=1", 1);
    check_judge("CASP", "ran=128 met=128 32,96=127 32,93=1", 1);
}
