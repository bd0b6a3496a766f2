//! `measure`: the figures that the product promises, taken from the product as users run it.
//!
//! Decides whether the interpreter, the loader and the waiting of idle vCPUs are good enough, and shows at
//! which change they stopped being so. `benches/run [ROWS]` builds both binaries and starts this.
#![forbid(unsafe_code)]

mod boot;
mod loops;
mod quiet;
mod report;
mod start;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use report::{Report, Row};
use std::path::PathBuf;

/// Measures armagic against the figures it promises; writes target/bench/ROW.json
#[derive(Parser)]
#[command(name = "measure")]
struct Args {
    /// What to measure [default: all but repeat]
    rows: Vec<What>,
    /// Runs of each configuration, instead of each row's own default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Guests to boot, separated by commas
    #[arg(long, value_delimiter = ',', default_values = ["debian", "debian-full"])]
    guests: Vec<String>,
    /// Numbers of vCPUs to boot with, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    smp: Vec<u32>,
    /// The binary to measure [default: armagic beside this program]
    #[arg(long)]
    armagic: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum What {
    /// Guest instructions per second in integer loops
    Mips,
    /// Time and instructions per second from start to BOOT-OK and to power off
    Boot,
    /// Process start to the first guest instruction
    Start,
    /// Host CPU time of a guest that waits at its shell prompt
    Idle,
    /// Resident memory beyond the guest RAM that was touched
    Rss,
    /// Many boots in a row, of which none may fail
    Repeat,
    /// All rows
    All,
}

/// What every row needs to know.
struct Bench {
    armagic: PathBuf,
    /// Where results, programs and logs of failures go.
    dir: PathBuf,
    guests: Vec<String>,
    smp: Vec<u32>,
    runs: Option<u32>,
}

impl Bench {
    /// How many runs: as the user says, or `usual`.
    fn runs(&self, usual: u32) -> u32 {
        self.runs.unwrap_or(usual)
    }
}

type Measure = fn(&Bench) -> Result<Vec<Row>>;

/// In the order they are run.
const ROWS: &[(What, &str, Measure)] = &[
    (What::Mips, "mips", loops::measure),
    (What::Start, "start", start::measure),
    (What::Idle, "idle", quiet::idle),
    (What::Rss, "rss", quiet::rss),
    (What::Boot, "boot", boot::measure),
    (What::Repeat, "repeat", boot::repeat),
];

fn main() -> Result<()> {
    let args = Args::parse();
    let here = std::env::current_exe().context("cannot tell where this program is")?;
    let release = here.parent().context("this program is in a directory")?;
    let armagic = args.armagic.unwrap_or_else(|| release.join("armagic"));
    ensure!(armagic.exists(), "{} is not there; start with benches/run, which builds it", armagic.display());
    let dir = release.parent().unwrap_or(release).join("bench");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let bench = Bench { armagic, dir, guests: args.guests, smp: args.smp, runs: args.runs };
    let chosen = |what| match args.rows.as_slice() {
        [] => what != What::Repeat,
        rows => rows.contains(&What::All) || rows.contains(&what),
    };
    let mut missed = 0;
    for &(_, name, measure) in ROWS.iter().filter(|(what, ..)| chosen(*what)) {
        let report = Report::new(name, measure(&bench).with_context(|| format!("while measuring {name}"))?);
        report.print();
        report.save(&bench.dir)?;
        missed += report.missed();
    }
    println!("\n{missed} figures are beyond their targets; all are in {}/*.json", bench.dir.display());
    Ok(())
}
