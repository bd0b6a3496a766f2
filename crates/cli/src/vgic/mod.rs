//! `armagic vgic`: KVM's configuration interface.

mod histogram;
mod race;

use crate::args::VgicCommand;
use crate::ending::Status;
use ::vgic::script::{self, Failure};
use anyhow::{Context, Result};
use std::path::Path;

/// Does one of its commands.
pub fn run(command: &VgicCommand) -> Result<Status> {
    match command {
        VgicCommand::Race(args) => race::run(args),
        VgicCommand::Script { files } => {
            // A script that fails does not keep the others from running.
            let statuses = files.iter().map(|file| play(file)).collect::<Result<Vec<_>>>()?;
            Ok(statuses.into_iter().find(|&status| status != Status::Success).unwrap_or(Status::Success))
        }
    }
}

fn play(file: &Path) -> Result<Status> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let outcome = script::run(&text, &file.display().to_string());
    match outcome.failure {
        None => println!("{outcome}"),
        Some(_) => eprintln!("{outcome}"),
    }
    Ok(match outcome.failure {
        None => Status::Success,
        Some(Failure::Unexpected(_)) => Status::GuestFailed,
        Some(Failure::Script(_)) => Status::Load,
    })
}
