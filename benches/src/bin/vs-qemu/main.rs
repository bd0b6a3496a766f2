//! `vs-qemu`: armagic beside system-mode QEMU, on the same kernels, guests, CPU features and vCPU counts.
//!
//! Decides where the compiler is not fast enough yet, and shows at which change it stopped being so.
//! `benches/vs-qemu/run` gets QEMU, builds everything and starts this.
#![forbid(unsafe_code)]

mod chart;
mod measure;
mod results;
mod rows;
mod table;

use anyhow::{Context, Result, ensure};
use armagic_benches::emulator::Emulator;
use clap::Parser;
use measure::{Bench, Group};
use results::Results;
use std::fs;
use std::path::PathBuf;

/// Measures armagic and QEMU in alternation; writes target/bench/vs-qemu/{results.json,table.md,CPU.svg}
#[derive(Parser)]
#[command(name = "vs-qemu")]
struct Args {
    /// A QEMU to compare with, with a name for its column or without; all that are given are compared
    #[arg(long, value_name = "[NAME=]PATH", default_value = "qemu-system-aarch64")]
    qemu: Vec<String>,
    /// The armagic to compare [default: armagic beside this program]
    #[arg(long)]
    armagic: Option<PathBuf>,
    /// CPU models, separated by commas
    #[arg(long, value_delimiter = ',', default_values = ["neoverse-n1", "max"])]
    cpu: Vec<String>,
    /// Only these groups of rows, separated by commas
    #[arg(long, value_delimiter = ',')]
    only: Vec<Group>,
    /// Runs of each emulator
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The guest to boot
    #[arg(long, default_value = guest::DEFAULT_GUEST)]
    guest: String,
    /// Keep rows of the last results that are not measured now
    #[arg(long)]
    add: bool,
    /// Measure nothing: print the last results
    #[arg(long)]
    show: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let here = std::env::current_exe().context("cannot tell where this program is")?;
    let release = here.parent().context("this program is in a directory")?;
    let dir = release.parent().unwrap_or(release).join("bench/vs-qemu");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let saved = dir.join("results.json");
    let mut results = if args.add || args.show { Results::load(&saved)? } else { Results::new() };
    let mut failures = vec![];
    if !args.show {
        let armagic = args.armagic.clone().unwrap_or_else(|| release.join("armagic"));
        ensure!(armagic.exists(), "{} is not there; start with benches/vs-qemu/run", armagic.display());
        let mut emulators = vec![Emulator::armagic(armagic)];
        for text in &args.qemu {
            emulators.push(Emulator::qemu(text)?);
        }
        results.emulators = emulators.iter().map(|e| e.name.clone()).collect();
        let bench = Bench { emulators, dir: dir.clone(), runs: args.runs, guest: args.guest };
        for cpu in &args.cpu {
            for &group in Group::ALL.iter().filter(|g| args.only.is_empty() || args.only.contains(g)) {
                eprintln!("{cpu}: {group:?}");
                measure::measure(&bench, cpu, group, &mut results, &mut failures)
                    .with_context(|| format!("while measuring {group:?} on {cpu}"))?;
                results.save(&saved)?;
            }
        }
    }
    let table = table::markdown(&results);
    print!("{table}");
    fs::write(dir.join("table.md"), &table).context("cannot write the table")?;
    for cpu in results.cpus() {
        let path = dir.join(format!("{cpu}.svg"));
        fs::write(&path, chart::svg(&results, &cpu)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("\nAll of it is in {}", dir.display());
    failures.iter().for_each(|f| eprintln!("FAILED {f}"));
    ensure!(failures.is_empty(), "{} runs failed or disagree", failures.len());
    Ok(())
}
