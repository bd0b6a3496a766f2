//! `armagic`: arguments and main.
#![forbid(unsafe_code)]

mod args;
mod boot;
mod console;
mod control;
mod device;
mod ending;
mod gic;
mod guests;
mod jit;
mod snapshot;
mod stats;
mod terminal;
mod tune;
mod vgic;

use args::{Cli, Command};
use clap::Parser;
use ending::Status;
use machine::{BoardError, MachineError};

fn main() -> ! {
    hw::prepare();
    let done = match &Cli::parse().command {
        Command::Boot(args) => boot::boot(args),
        Command::Demo(args) => boot::demo(args),
        Command::Jit(args) => jit::list(args),
        Command::Guest(command) => guests::run(command),
        Command::Snapshot(command) => snapshot::run(command),
        Command::Vgic(command) => vgic::run(command),
    };
    let status = done.unwrap_or_else(|error| {
        terminal::restore();
        eprintln!("armagic: {error:#}");
        status_of(&error)
    });
    // No teardown: the host takes the guest's memory and threads back faster than we could.
    std::process::exit(status as i32)
}

/// Numbers out of range are usage; what remains of errors before a run is about files.
fn status_of(error: &anyhow::Error) -> Status {
    match error.downcast_ref::<MachineError>() {
        Some(MachineError::Spec(_) | MachineError::Engine(_) | MachineError::Board(BoardError::Gic(_))) => {
            Status::Usage
        }
        Some(MachineError::Thread { .. } | MachineError::Board(_)) => Status::Internal,
        _ => Status::Load,
    }
}
