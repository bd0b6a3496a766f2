//! `armagic jit`: instructions, their micro-ops, and the host code they become.

use crate::args::JitArgs;
use crate::ending::Status;
use anyhow::{Result, ensure};
use machine::{MachineError, Place, excerpt};
use std::io::Write;

/// Prints the listing.
pub fn list(args: &JitArgs) -> Result<Status> {
    let place = match (&args.symbol, args.pc) {
        (Some(name), _) => Place::Symbol(name.clone()),
        (None, Some(pc)) => Place::Address(pc),
        (None, None) => Place::Entry,
    };
    let excerpt = excerpt(&args.file, &place, args.length)?;
    ensure!(excerpt.pc % 4 == 0, "instructions are at multiples of 4, {:#x} is none", excerpt.pc);
    let text = excerpt.listing(args.cpu).map_err(MachineError::Engine)?;
    // Who reads it may have seen enough.
    _ = std::io::stdout().write_all(text.as_bytes());
    Ok(Status::Success)
}
