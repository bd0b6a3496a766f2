//! `boot` and `repeat`: from process start to userspace and to clean power off.

use crate::Bench;
use crate::report::{Row, Target};
use anyhow::{Context, Result};
use armagic_benches::session::{Run, Session, Stats};
use guest::BOOT_OK;
use std::fs;
use std::time::Duration;

/// What a kernel prints when something went wrong that did not stop it.
const COMPLAINTS: &[&str] = &["WARNING: ", "BUG: ", "Call trace:", "rcu: INFO", "Internal error", "soft lockup"];

/// One boot.
struct Boot {
    /// Process start to `BOOT-OK`.
    userspace: Option<Duration>,
    run: Run,
}

/// Boots of one guest on one number of vCPUs: those that were good, and what was wrong with the others.
struct Boots {
    name: String,
    good: Vec<(Duration, Run, Stats)>,
    failures: Vec<String>,
}

/// Times and rates; a few boots of each.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for boots in boots(bench, 5)? {
        let Boots { name, good, failures } = boots;
        rows.push(Row::new(format!("{name}: failures"), "", Some(Target::AtMost(0.0)), vec![failures.len() as f64]));
        if good.is_empty() {
            continue;
        }
        let one = name.ends_with(" smp 1");
        let mut row = |what: &str, unit, target: Option<Target>, of: fn(&(Duration, Run, Stats)) -> f64| {
            let target = target.filter(|_| one);
            rows.push(Row::new(format!("{name}: {what}"), unit, target, good.iter().map(of).collect()));
        };
        row(BOOT_OK, "s", Some(Target::AtMost(12.0)), |(at, ..)| at.as_secs_f64());
        row("power off", "s", None, |(_, run, _)| run.wall.as_secs_f64());
        row("instructions", "million", None, |(.., stats)| stats.instructions as f64 / 1e6);
        row("rate", "MIPS", Some(Target::AtLeast(60.0)), |(.., stats)| stats.mips);
        row("rate by host CPU time", "MIPS", None, |(_, run, s)| s.instructions as f64 / 1e6 / run.cpu.as_secs_f64());
    }
    Ok(rows)
}

/// Many boots of each in a row, of which none may fail; the console of each failure is kept.
pub fn repeat(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for Boots { name, good, failures } in boots(bench, 20)? {
        let count = failures.len();
        let target = Some(Target::AtMost(0.0));
        let note = format!("of {}  {}", good.len() + count, failures.join("; "));
        rows.push(Row::new(format!("{name}: failures"), "", target, vec![count as f64]).note(note));
        if !good.is_empty() {
            let seconds = good.iter().map(|(at, ..)| at.as_secs_f64()).collect();
            rows.push(Row::new(format!("{name}: {BOOT_OK}"), "s", None, seconds));
        }
    }
    Ok(rows)
}

fn boots(bench: &Bench, usual: u32) -> Result<Vec<Boots>> {
    let mut all = Vec::new();
    for guest in &bench.guests {
        for &smp in &bench.smp {
            let mut boots = Boots { name: format!("{guest}, smp {smp}"), good: Vec::new(), failures: Vec::new() };
            for n in 1..=bench.runs(usual) {
                let boot = boot(bench, guest, smp)?;
                match (boot.userspace, wrong(&boot)) {
                    (Some(at), None) => {
                        let stats = boot.run.stats()?;
                        boots.good.push((at, boot.run, stats));
                    }
                    (_, why) => {
                        let log = format!("fail-{guest}-smp{smp}-{n}.log");
                        let why = why.unwrap_or_default();
                        let text = format!("{}\n--- standard error\n{}\n--- {why}\n", boot.run.out, boot.run.err);
                        fs::write(bench.dir.join(&log), text).with_context(|| format!("cannot write {log}"))?;
                        eprintln!("{}, boot {n}: {why}; see {log}", boots.name);
                        boots.failures.push(format!("{log}: {why}"));
                    }
                }
            }
            all.push(boots);
        }
    }
    Ok(all)
}

fn boot(bench: &Bench, guest: &str, smp: u32) -> Result<Boot> {
    let smp = smp.to_string();
    let mut session = Session::boot(&bench.armagic, [guest, "--smp", &smp, "--memory", "1G", "--run", "true"])?;
    let userspace = session.wait_for(BOOT_OK)?;
    Ok(Boot { userspace, run: session.finish()? })
}

/// Why a boot is not good.
fn wrong(boot: &Boot) -> Option<String> {
    let Boot { userspace, run } = boot;
    if run.status != 0 {
        return Some(format!("exit status {}", run.status));
    }
    if userspace.is_none() {
        return Some(format!("no {BOOT_OK}"));
    }
    if let Some(complaint) = COMPLAINTS.iter().find(|c| run.out.contains(**c)) {
        return Some(format!("the kernel printed `{complaint}`"));
    }
    match run.stats() {
        Err(error) => Some(error.to_string()),
        Ok(stats) if !stats.unallocated.is_empty() => {
            let words: Vec<_> = stats.unallocated.keys().map(String::as_str).collect();
            Some(format!("undefined instructions {}", words.join(", ")))
        }
        Ok(_) => None,
    }
}
