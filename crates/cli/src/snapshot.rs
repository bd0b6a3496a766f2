//! `armagic snapshot`, and `--save`.

use crate::args::SnapshotCommand;
use crate::boot;
use crate::ending::Status;
use anyhow::{Context, Result};
use machine::{Ending, Machine, Summary};
use std::path::Path;
use std::time::Instant;

/// `armagic snapshot …`
pub fn run(command: &SnapshotCommand) -> Result<Status> {
    match command {
        SnapshotCommand::Load { file, run } => {
            let make = |output| Machine::resume(file, boot::engine(run), boot::tuning(run), output);
            boot::run_made(make, run, false, Instant::now())
        }
        SnapshotCommand::Show { file } => {
            let summary = Summary::read(file, true).with_context(|| file.display().to_string())?;
            print!("{summary}");
            Ok(Status::Success)
        }
    }
}

/// Saves the machine after a run that ended so, with `status`. A run that was to go on until something is printed, or that
/// panicked, has not succeeded by being saved.
pub fn save(machine: &Machine, path: &Path, ending: &Ending, status: Status, until: bool) -> Result<Status> {
    if *ending != Ending::Stopped {
        eprintln!("armagic: the guest has ended, so there is nothing to save");
        return Ok(if status == Status::Success { Status::GuestFailed } else { status });
    }
    let start = Instant::now();
    let bytes = machine.save(path)?;
    let (path, seconds) = (path.display(), start.elapsed().as_secs_f64());
    eprintln!("armagic: saved to {path}: {} MiB of RAM in {seconds:.3} s", bytes >> 20);
    Ok(if status == Status::Timeout && !until { Status::Success } else { status })
}
