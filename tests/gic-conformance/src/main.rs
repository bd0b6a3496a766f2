//! Runs the suite in our machine and in other emulators, and writes the table.

use anyhow::{Context, Result};
use armagic_gic_conformance::guest::{self, States};
use armagic_gic_conformance::table::{Run, document};
use armagic_gic_conformance::verdict::{Score, Verdict};
use armagic_gic_conformance::{cases, run, trace, verdict};
use clap::Parser;
use machine::{EngineKind, Fidelity};
use std::path::PathBuf;

/// GICv3 conformance by rule number, in Armagic and in any emulator of a `virt` board.
#[derive(Parser)]
struct Args {
    /// Another emulator, NAME=COMMAND, in which {} is the program; it needs two CPUs and the console on stdout.
    #[arg(long, value_name = "NAME=COMMAND")]
    emulator: Vec<String>,
    /// The same emulator with two security states and EL2, NAME=COMMAND; it starts an ELF file at EL3.
    #[arg(long, value_name = "NAME=COMMAND")]
    secure: Vec<String>,
    /// Cases of this file instead of the suite's.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Write the table here.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Write the program here, a raw image for RAM + 0x80000, and run nothing.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Do not run it in Armagic.
    #[arg(long)]
    not_ours: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let cases = args.cases.as_deref().map_or_else(cases::all, cases::from_file)?;
    let program = guest::program(&cases, States::One);
    let secure = guest::program(&cases, States::Two);
    if let Some(path) = &args.program {
        return std::fs::write(path, program).with_context(|| format!("cannot write {}", path.display()));
    }
    let mut runs = vec![];
    let mut add = |name: &str, command: &str, output: String| {
        runs.push(Run { name: name.into(), command: command.into(), verdicts: verdict::read(&output, &cases) });
    };
    if !args.not_ours {
        let engine =
            if cfg!(all(target_arch = "x86_64", target_os = "linux")) { EngineKind::Jit } else { EngineKind::Interp };
        let output = run::ours(program.clone(), States::One, engine, Fidelity::Fast)?
            + &run::ours(secure.clone(), States::Two, engine, Fidelity::Fast)?;
        add("Armagic", "armagic boot --cpu max --smp 2 --nmi --gic espis=32,eppis=32,direct-lpis --kernel {}", output);
    }
    for emulator in &args.emulator {
        let (name, command) = emulator.split_once('=').context("--emulator takes NAME=COMMAND")?;
        // The table says how to repeat it, not where this machine has the emulator.
        let start = command.find(' ').unwrap_or(command.len());
        let shown = command[..start].rfind('/').map_or(command, |slash| &command[slash + 1..]);
        let mut output = run::command(&program, States::One, command)?;
        for (_, command) in args.secure.iter().filter_map(|s| s.split_once('=')).filter(|(n, _)| *n == name) {
            output += &run::command(&secure, States::Two, command)?;
        }
        add(name, shown, output);
    }
    for run in &runs {
        let Score { pass, fail, skip } = Score::of(cases.iter().zip(&run.verdicts));
        println!("{}: {pass} pass, {fail} fail, {skip} skip", run.name);
        for (case, verdict) in cases.iter().zip(&run.verdicts) {
            match verdict {
                Verdict::Fail(seen) => {
                    println!("  {}{}: {seen}", case.id(), if case.choice.is_some() { " (a choice)" } else { "" })
                }
                Verdict::Missing => println!("  {}: the program ended before it", case.id()),
                _ => {}
            }
        }
    }
    if let Some(path) = &args.write {
        let tests = trace::tests(&trace::names(&trace::workspace())?);
        let text = document(&cases, &tests, &runs);
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
