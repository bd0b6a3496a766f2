//! `fetch NAME...` fetches guests and prints where they are; `fetch --tool PACKAGE [SUITE]` a host's package.

use armagic_guest::{DEFAULT_GUEST, GuestError, Progress, Store};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fetch: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), GuestError> {
    let store = Store::default_location()?;
    if let [flag, package, suite @ ..] = arguments
        && flag == "--tool"
    {
        let root = match suite.first() {
            Some(suite) => store.fetch_tool_of(suite, package, &mut show()),
            None => store.fetch_tool(package, &mut show()),
        };
        println!("{}", root?.display());
        return Ok(());
    }
    let default = [DEFAULT_GUEST.to_string()];
    for name in if arguments.is_empty() { &default } else { arguments } {
        let guest = store.fetch(name, &mut show())?;
        println!("{} {}", guest.name, guest.version);
        println!("  --kernel {}", guest.kernel.display());
        println!("  --initrd {}", guest.initrd.display());
        println!("  --append '{}'", guest.append);
    }
    Ok(())
}

/// Prints each step as it begins, and its size and rate when all its bytes are there.
fn show() -> impl FnMut(Progress) {
    let (mut begun, mut ended) = (String::new(), String::new());
    move |p| {
        if p.what != begun {
            eprintln!("fetch: {}", p.what);
            begun.clone_from(&p.what);
        }
        if p.bytes_total == Some(p.bytes_done) && p.what != ended {
            eprintln!("fetch: {} kB at {} kB/s", p.bytes_done / 1000, p.rate / 1000);
            ended = p.what;
        }
    }
}
