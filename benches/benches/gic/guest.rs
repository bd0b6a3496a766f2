//! The same as guests see it: round trips measured by a bare-metal program in armagic and in each QEMU.

use crate::operation::Operation;
use anyhow::{Context, Result};
use armagic_benches::emulator::{Emulator, Load};
use armagic_benches::figures::{median, short};
use armagic_benches::kernels::{self, IMAGES, Printed, Size};
use armagic_benches::session::Session;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Rows of the program, and what of the GIC alone is in them.
const ROWS: &[(&str, Option<Operation>)] = &[
    ("sgi-self", Some(Operation::Sgi)),
    ("sgi-peer", None),
    ("sgi-peer-asleep", None),
    ("spi-set-pending", Some(Operation::Edge)),
    ("timer-interrupt", Some(Operation::Ppi)),
    ("pmr-write", Some(Operation::Pmr)),
];

const RUNS: usize = 3;
const LIMIT: Duration = Duration::from_secs(60);

/// Prints the table, or why there is none. `alone`: ns of the GIC alone.
pub fn round_trips(args: &[String], alone: impl Fn(Operation) -> f64) {
    if let Err(error) = table(args, alone) {
        println!("No round trips of guests: {error:#}\n");
    }
}

fn table(args: &[String], alone: impl Fn(Operation) -> f64) -> Result<()> {
    let emulators = emulators(args);
    let dir = tempfile::tempdir().context("cannot make a directory")?;
    let image = IMAGES.iter().find(|image| image.name == "gic").context("there is a program for the GIC")?;
    let kernel = image.build(dir.path(), Size::Full)?;
    let load = Load { cpu: "neoverse-n1", pes: image.pes, kernel: &kernel, linux: None };
    let mut columns: Vec<Vec<Printed>> = vec![vec![]; emulators.len()];
    for _ in 0..RUNS {
        for (emulator, column) in emulators.iter().zip(&mut columns) {
            let run = Session::start(emulator.command(&load), LIMIT)?.finish()?;
            column.extend(kernels::read(&run.out).with_context(|| emulator.name.clone())?);
        }
    }
    let names: Vec<_> = emulators.iter().map(|emulator| format!(" {} |", emulator.name)).collect();
    println!("| ns of a round trip, seen by a guest | the GIC alone |{}", names.concat());
    println!("|---|---:|{}", "---:|".repeat(emulators.len()));
    for &(name, operation) in ROWS {
        let cells = columns.iter().map(|column| {
            let ns: Vec<_> = column.iter().filter(|row| row.name == name).map(|row| row.ns).collect();
            format!(" {} |", short(median(&ns)))
        });
        let inside = operation.map_or("–".into(), |operation| short(alone(operation)));
        println!("| {name} | {inside} |{}", cells.collect::<String>());
    }
    println!();
    Ok(())
}

/// `--armagic PATH`, or armagic where `cargo build --release` puts it; each `--qemu [NAME=]PATH`, or the one in PATH.
/// Which are not there is said.
fn emulators(args: &[String]) -> Vec<Emulator> {
    let given = |option: &str| -> Vec<String> {
        args.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].clone()).collect()
    };
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/armagic");
    let armagic = given("--armagic").first().map_or_else(built, PathBuf::from);
    let mut found = vec![];
    match Command::new(&armagic).arg("--version").output() {
        Ok(_) => found.push(Emulator::armagic(armagic)),
        Err(_) => println!("There is no armagic at {}: cargo build --release, or --armagic PATH.", armagic.display()),
    }
    let mut qemus = given("--qemu");
    if qemus.is_empty() {
        qemus.push("qemu-system-aarch64".into());
    }
    for qemu in qemus {
        match Emulator::qemu(&qemu) {
            Ok(emulator) => found.push(emulator),
            Err(error) => println!("{error:#}: no column for it; --qemu PATH gives another."),
        }
    }
    found
}
