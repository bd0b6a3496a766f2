//! `armagic snapshot`, and `--save`.

use crate::args::SnapshotCommand;
use crate::boot;
use crate::control;
use crate::ending::Status;
use anyhow::{Context, Result};
use machine::{Ending, Machine, Summary};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// `armagic snapshot …`
pub fn run(command: &SnapshotCommand) -> Result<Status> {
    match command {
        SnapshotCommand::Load { file, run } => {
            let make = |output| Machine::resume(file, boot::engine(run), boot::tuning(run), output);
            boot::run_made(make, run, false, Instant::now())
        }
        SnapshotCommand::Save { socket, file } => {
            // The machine's process may be somewhere else.
            let path = std::path::absolute(file).with_context(|| file.display().to_string())?;
            let name = path.to_str().with_context(|| format!("{} is not UTF-8, as JSON is", path.display()))?;
            let saved = control::request(socket, "save", &json!({ "file": name }))?;
            let (bytes, seconds) = (saved["ram-bytes"].as_u64(), saved["seconds"].as_f64());
            say_saved(file, bytes.unwrap_or_default(), seconds.unwrap_or_default());
            Ok(Status::Success)
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
    say_saved(path, bytes, start.elapsed().as_secs_f64());
    Ok(if status == Status::Timeout && !until { Status::Success } else { status })
}

fn say_saved(path: &Path, bytes: u64, seconds: f64) {
    eprintln!("armagic: saved to {}: {} MiB of RAM in {seconds:.3} s", path.display(), bytes >> 20);
}
