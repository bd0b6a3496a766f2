//! `armagic guest`, and fetching on the way to `armagic boot`.

use crate::args::GuestCommand;
use crate::ending::Status;
use anyhow::Result;
use guest::{Guest, GuestError, Progress, Store};
use std::io::{IsTerminal, Write};

/// `armagic guest …`
pub fn run(command: &GuestCommand) -> Result<Status> {
    match command {
        GuestCommand::Fetch { names } => {
            for name in names {
                let guest = fetch(&Store::default_location()?, name)?;
                println!("{name} {}: {}", guest.version, guest.kernel.display());
            }
        }
        GuestCommand::List => list(&Store::default_location()?),
    }
    Ok(Status::Success)
}

/// The guest called `name`, fetched first if it is not here.
pub fn obtain(name: &str) -> Result<Guest> {
    let store = Store::default_location()?;
    match store.get(name) {
        Err(GuestError::NotFetched { .. }) => fetch(&store, name),
        found => Ok(found?),
    }
}

fn fetch(store: &Store, name: &str) -> Result<Guest> {
    let terminal = std::io::stderr().is_terminal();
    let mut show = |p: Progress| {
        if terminal {
            eprint!("\r\x1b[K{}", line(&p));
            _ = std::io::stderr().flush();
        } else if p.bytes_total.is_none_or(|total| total == p.bytes_done) {
            eprintln!("{}", line(&p));
        }
    };
    let guest = store.fetch(name, &mut show);
    if terminal {
        eprint!("\r\x1b[K");
    }
    Ok(guest?)
}

/// `what  3.1 of 22.2 MB, 12.5 MB/s`
fn line(p: &Progress) -> String {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    match p.bytes_total {
        None if p.bytes_done == 0 => p.what.clone(),
        None => format!("{}  {:.1} MB", p.what, mb(p.bytes_done)),
        Some(total) => format!("{}  {:.1} of {:.1} MB, {:.1} MB/s", p.what, mb(p.bytes_done), mb(total), mb(p.rate)),
    }
}

fn list(store: &Store) {
    for entry in store.list() {
        let state = match &entry.fetched {
            Some(fetched) => format!("here: {}", fetched.version),
            None => "not fetched".to_owned(),
        };
        println!("{:14} {} ({state})", entry.name, entry.description);
    }
    println!("kept in {}", store.root().display());
}
