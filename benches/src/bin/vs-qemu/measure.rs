//! Measuring: A B C, A B C, ... of one group of rows on one CPU model.

use crate::results::{Results, Row};
use anyhow::{Context, Result, bail, ensure};
use armagic_benches::emulator::{Emulator, Load};
use armagic_benches::kernels::{self, IMAGES, Printed, Size};
use armagic_benches::session::Session;
use clap::ValueEnum;
use guest::{BOOT_OK, EXIT_LINE, Store};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// After which a run has failed.
const LIMIT: Duration = Duration::from_secs(120);

/// What does not change from group to group.
pub struct Bench {
    /// Ours is the first.
    pub emulators: Vec<Emulator>,
    pub dir: PathBuf,
    pub runs: u32,
    pub guest: String,
}

/// Rows that one run of an emulator gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Group {
    /// Debian to userspace and to power-off, with 1 and 2 vCPUs
    Boot,
    /// Integer programs
    Integer,
    /// Floating point programs without vectors
    Float,
    /// Floating point programs, vectorised by the compiler
    FloatVector,
    /// Copying, filling, searching
    Memory,
    /// Exceptions, MMIO, address spaces
    System,
    /// Interrupts
    Gic,
    /// The throughput of two vCPUs
    Two,
    /// System calls, faults, processes, pipes, signals in a guest
    Linux,
    /// Code that runs for the first time
    Cold,
}

impl Group {
    /// In the order of measuring.
    pub const ALL: &[Group] = &[
        Group::Boot,
        Group::Integer,
        Group::Float,
        Group::FloatVector,
        Group::Memory,
        Group::System,
        Group::Gic,
        Group::Two,
        Group::Linux,
        Group::Cold,
    ];
}

/// One run gives these.
type Once<'a> = dyn Fn(&Emulator) -> Result<Vec<Printed>> + 'a;

/// All runs of `group`; what fails or disagrees is said in `failures`.
pub fn measure(
    bench: &Bench,
    cpu: &str,
    group: Group,
    results: &mut Results,
    failures: &mut Vec<String>,
) -> Result<()> {
    match group {
        Group::Boot => {
            for pes in [1, 2] {
                alternate(bench, cpu, &|e| boot(bench, e, cpu, pes), None, results, failures)?;
            }
            Ok(())
        }
        Group::Linux => {
            let program = kernels::build_linux(&bench.dir, Size::Full)?;
            let native = kernels::build_linux_native(&bench.dir, Size::Full)?;
            let image = linux_image(bench, &program)?;
            let once = |e: &Emulator| linux(bench, e, cpu, &image);
            alternate(bench, cpu, &once, Some(&|| run_native(&native, &[])), results, failures)
        }
        bare => {
            let name = bare.to_possible_value().context("every group has a name")?;
            let image = IMAGES.iter().find(|i| i.name == name.get_name()).context("every other group is an image")?;
            let kernel = image.build(&bench.dir, Size::Full)?;
            let program = kernels::build_native(&bench.dir, Size::Full)?;
            let native = image.native.map(|table| move || run_native(&program, &[table]));
            let native = native.as_ref().map(|n| n as &dyn Fn() -> Result<Vec<Printed>>);
            let load = Load { cpu, pes: image.pes, kernel: &kernel, linux: None };
            let once = |e: &Emulator| kernels::read(&Session::start(e.command(&load), LIMIT)?.finish()?.out);
            alternate(bench, cpu, &once, native, results, failures)
        }
    }
}

/// Each run is of every emulator, one after the other, and of the host itself.
fn alternate(
    bench: &Bench,
    cpu: &str,
    once: &Once,
    native: Option<&dyn Fn() -> Result<Vec<Printed>>>,
    results: &mut Results,
    failures: &mut Vec<String>,
) -> Result<()> {
    let mut rows: Vec<Row> = vec![];
    for run in 1..=bench.runs {
        for emulator in &bench.emulators {
            match once(emulator) {
                Ok(printed) => printed.into_iter().for_each(|p| enter(&mut rows, cpu, emulator, p, failures)),
                Err(error) => failures.push(format!("{cpu}, run {run} of {}: {error:#}", emulator.name)),
            }
        }
        for printed in native.map(|n| n()).transpose()?.into_iter().flatten() {
            if let Some(row) = rows.iter_mut().find(|r| r.name == printed.name) {
                row.native.push(printed.ns);
                if !same(row.checksum, printed.checksum) {
                    failures.push(format!("{}: {:#x}, natively {:#x}", row.name, row.checksum, printed.checksum));
                }
            }
        }
    }
    rows.into_iter().for_each(|r| results.put(r));
    Ok(())
}

fn enter(rows: &mut Vec<Row>, cpu: &str, emulator: &Emulator, printed: Printed, failures: &mut Vec<String>) {
    let Printed { name, ns, checksum } = printed;
    let place = rows.iter().position(|r| r.name == name).unwrap_or_else(|| {
        rows.push(Row { cpu: cpu.into(), name: name.clone(), ns: Default::default(), native: vec![], checksum });
        rows.len() - 1
    });
    let row = &mut rows[place];
    row.ns.entry(emulator.name.clone()).or_default().push(ns);
    if row.checksum != checksum {
        failures.push(format!("{cpu}: {name} is {:#x}, and {checksum:#x} in {}", row.checksum, emulator.name));
    }
}

/// Emulators agree to the bit. The host's compiler may have fused other multiplications with additions: what
/// are doubles of the same size agree to five digits. (As doubles, sums of integers are next to nothing.)
fn same(checksum: u64, native: u64) -> bool {
    let (a, b) = (f64::from_bits(checksum), f64::from_bits(native));
    checksum == native || a.is_normal() && a.abs() > 1e-9 && (a - b).abs() < a.abs() * 1e-5
}

fn run_native(program: &Path, args: &[&str]) -> Result<Vec<Printed>> {
    let output = Command::new(program).args(args).output().context("cannot start the host's program")?;
    kernels::read(&String::from_utf8_lossy(&output.stdout))
}

/// The guest, fetched when it is not here.
fn guest(bench: &Bench) -> Result<guest::Guest> {
    let store = Store::default_location()?;
    Ok(store.get(&bench.guest).or_else(|_| store.fetch(&bench.guest, &mut |_| {}))?)
}

/// The same for all. QEMU gives a seed for KASLR, and with it the kernel isolates its page tables from EL0's, which
/// takes two changes of TTBR a system call: a price of the seed, not of the emulator. armagic gives none.
fn command_line(guest: &guest::Guest, run: &str) -> String {
    format!("{} nokaslr {}", guest.append, guest::run_argument(run))
}

/// From the start of the process, as rows that nothing is computed in.
fn boot(bench: &Bench, emulator: &Emulator, cpu: &str, pes: u32) -> Result<Vec<Printed>> {
    let guest = guest(bench)?;
    let append = command_line(&guest, "true");
    let load = Load { cpu, pes, kernel: &guest.kernel, linux: Some((&guest.initrd, &append)) };
    let mut session = Session::start(emulator.command(&load), LIMIT)?;
    let userspace = session.expect(BOOT_OK)?;
    let run = session.finish()?;
    ensure!(run.out.contains(&format!("{EXIT_LINE}0")), "it did not run its command:\n{}", run.out);
    let row =
        |what: &str, at: Duration| Printed { name: format!("{what}-{pes}"), ns: at.as_secs_f64() * 1e9, checksum: 0 };
    Ok(vec![row("userspace", userspace), row("power-off", run.wall)])
}

/// The guest's image with `program` in it.
fn linux_image(bench: &Bench, program: &Path) -> Result<PathBuf> {
    let busybox = fs::read(guest(bench)?.busybox).context("cannot read the guest's busybox")?;
    let program = fs::read(program).context("cannot read the program for the guest")?;
    let image = guest::initramfs_with(&busybox, &[("/bench", 0o755, &program)]);
    let path = bench.dir.join("linux.initrd");
    fs::write(&path, image).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn linux(bench: &Bench, emulator: &Emulator, cpu: &str, image: &Path) -> Result<Vec<Printed>> {
    let guest = guest(bench)?;
    let append = command_line(&guest, "/bench");
    let load = Load { cpu, pes: 1, kernel: &guest.kernel, linux: Some((image, &append)) };
    let run = Session::start(emulator.command(&load), LIMIT)?.finish()?;
    if !run.out.contains(&format!("{EXIT_LINE}0")) {
        bail!("the program did not end well:\n{}\n{}", run.out, run.err);
    }
    kernels::read(&run.out)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn doubles_are_the_same_to_five_digits() {
        assert!(same(3.0f64.to_bits(), 3.00001f64.to_bits()) && !same(3.0f64.to_bits(), 3.001f64.to_bits()));
        assert!(same(7, 7) && !same(0x48bc0, 0x48bc1));
    }
}
