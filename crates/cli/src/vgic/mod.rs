//! `armagic vgic`: KVM's configuration interface.

mod histogram;
mod race;

use crate::args::VgicCommand;
use crate::control;
use crate::ending::Status;
use ::vgic::script::{self, Failure, Outcome};
use anyhow::{Context, Result};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Does one of its commands.
pub fn run(command: &VgicCommand) -> Result<Status> {
    match command {
        VgicCommand::Race(args) => race::run(args),
        VgicCommand::Script { files, on } => {
            // A script that fails does not keep the others from running.
            let play = |file: &PathBuf| play(file, on.as_deref());
            let statuses = files.iter().map(play).collect::<Result<Vec<_>>>()?;
            Ok(statuses.into_iter().find(|&status| status != Status::Success).unwrap_or(Status::Success))
        }
    }
}

/// How scripts end, as a machine's control socket says it, and the exit status for that.
const ENDS: [(&str, Status); 3] =
    [("as-expected", Status::Success), ("otherwise", Status::GuestFailed), ("unreadable", Status::Load)];

/// Which of `ENDS` it is.
pub fn ended(outcome: &Outcome) -> &'static str {
    let (name, _) = match outcome.failure {
        None => ENDS[0],
        Some(Failure::Unexpected(_)) => ENDS[1],
        Some(Failure::Script(_)) => ENDS[2],
    };
    name
}

/// Runs a script: with a VM of its own, or on the machine that listens on a socket.
fn play(file: &Path, on: Option<&Path>) -> Result<Status> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.display().to_string();
    let (said, ended) = match on {
        None => {
            let outcome = script::run(&text, &name);
            (outcome.to_string(), ended(&outcome).to_owned())
        }
        Some(socket) => {
            let answer = control::request(socket, "vgic-script", &json!({ "script": text, "name": name }))?;
            let word = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
            (word("outcome"), word("ended"))
        }
    };
    let known = ENDS.into_iter().find(|(name, _)| *name == ended);
    let (_, status) = known.with_context(|| format!("the machine's answer on {name} is none"))?;
    match status {
        Status::Success => println!("{said}"),
        _ => eprintln!("{said}"),
    }
    Ok(status)
}
