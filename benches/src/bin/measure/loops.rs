//! `mips`: guest instructions per second in the integer loops of `firmware`, each with the MMU off and on.

use crate::Bench;
use crate::report::{Row, Target};
use anyhow::{Context, Result, ensure};
use armagic_benches::session::Session;
use firmware::Loop;
use std::fs;

/// How long a run shall last, in seconds: start-up is then nothing.
const SECONDS: f64 = 1.5;
/// Rounds of the first run, which only tells how many are needed.
const TRIAL: u64 = 100;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for mmu in [true, false] {
        for which in Loop::ALL {
            let mut rounds = TRIAL;
            // Until a run is long enough to be extrapolated from.
            let trial = loop {
                let trial = run(bench, which, rounds, mmu)?;
                if trial.seconds > 0.05 {
                    break trial;
                }
                rounds *= 8;
            };
            let rounds = ((rounds as f64 * SECONDS / trial.seconds) as u64).max(1);
            let runs: Vec<_> = (0..bench.runs(5)).map(|_| run(bench, which, rounds, mmu)).collect::<Result<_>>()?;
            let name = format!("{}, MMU {}", which.name(), if mmu { "on" } else { "off" });
            // What a busy host takes away is no fault of the engine: the best by CPU time is nearest to it.
            let by_cpu = runs.iter().map(|r| r.mips_by_cpu).fold(0.0, f64::max);
            let note = format!("{by_cpu:.0} by CPU time, {rounds} rounds, checksum {:#x}", which.checksum(rounds));
            let mips = runs.iter().map(|r| r.mips).collect();
            rows.push(Row::new(name, "MIPS", Some(Target::AtLeast(100.0)), mips).note(note));
        }
    }
    Ok(rows)
}

/// What is known of one run.
struct Rate {
    /// Guest's first instruction to its last.
    seconds: f64,
    /// By the wall clock.
    mips: f64,
    /// By the host CPU time of the whole process.
    mips_by_cpu: f64,
}

/// One run, whose checksum is the host's.
fn run(bench: &Bench, which: Loop, rounds: u64, mmu: bool) -> Result<Rate> {
    let path = bench.dir.join("loop.bin");
    fs::write(&path, which.program(rounds, mmu)).with_context(|| format!("cannot write {}", path.display()))?;
    let path = path.to_string_lossy();
    let run = Session::boot(&bench.armagic, ["--smp", "1", "--memory", "256M", "--kernel", &path])?.finish()?;
    let want = format!("{:#x}\nLOOPS-OK\n", which.checksum(rounds));
    ensure!(
        run.status == 0 && run.out == want,
        "loop {} ended with status {} and printed {:?}, not {want:?}\n{}",
        which.name(),
        run.status,
        run.out,
        run.err
    );
    let stats = run.stats()?;
    let mips_by_cpu = stats.instructions as f64 / 1e6 / run.cpu.as_secs_f64();
    Ok(Rate { seconds: stats.seconds, mips: stats.mips, mips_by_cpu })
}
