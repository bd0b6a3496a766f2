//! The command line, as the user writes it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use vgic::LockProtocol;

/// Boots arm64 systems on any host, around a GICv3 that can be seen through.
#[derive(Parser)]
#[command(name = "armagic", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  armagic boot                                  fetch Debian's arm64 kernel once, boot it to a shell
  armagic boot --run 'cat /proc/interrupts'     run one command in the guest, then power off
  armagic boot --kernel Image --initrd root.gz --append 'console=ttyAMA0' --smp 4 --memory 2G
  armagic demo                                  the embedded bare-metal guest; needs no network")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Subcommand)]
pub enum Command {
    /// Boot a guest: a fetched one by name (default: debian), or your own with --kernel
    Boot(Boot),
    /// Boot the embedded bare-metal program: GICv3, timers, SGIs on every CPU
    Demo(Demo),
    /// Show what the compiler makes of instructions: their micro-ops and host code
    Jit(JitArgs),
    /// Fetch and list guests
    #[command(subcommand)]
    Guest(GuestCommand),
    /// Save a running machine, go on with one that was saved, or look at it (docs/snapshot.md)
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// KVM's interface to a VGICv3 and its ITSs, without KVM
    #[command(subcommand)]
    Vgic(VgicCommand),
}

/// `armagic snapshot …`
#[derive(Subcommand)]
pub enum SnapshotCommand {
    /// Go on with a saved machine
    #[command(after_help = "Examples:
  armagic boot --until BOOT-OK --save booted
  armagic snapshot load booted
  armagic snapshot load booted --engine interp --timeout 10 --save later

Exit status: that of `boot`; 3 the snapshot cannot be read.")]
    Load {
        /// The snapshot
        file: PathBuf,
        /// How it is run
        #[command(flatten)]
        run: RunArgs,
    },
    /// Save a machine that runs with `--control SOCKET`, which goes on
    #[command(after_help = "Examples:
  armagic boot --control /tmp/it
  armagic snapshot save /tmp/it booted")]
    Save {
        /// The machine's socket
        socket: PathBuf,
        /// The snapshot
        file: PathBuf,
    },
    /// Say what is in a snapshot, and check that all of it is whole
    Show {
        /// The snapshot
        file: PathBuf,
    },
}

/// `armagic vgic …`
#[derive(Subcommand)]
pub enum VgicCommand {
    /// Run scripts of attribute calls and what they are to give (docs/vgic.md)
    #[command(after_help = "Examples:
  armagic vgic script setup.vgic
  armagic boot --control /tmp/it
  armagic vgic script look.vgic --on /tmp/it

Exit status: 0 every statement ended as it was to; 1 one did not; 3 a script cannot be read.")]
    Script {
        /// Scripts
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// They are about the GIC of the machine that runs with this `--control`, whose devices are `vgic` and `its`
        #[arg(long, value_name = "SOCKET")]
        on: Option<PathBuf>,
    },
    /// Let threads race for GICD_IIDR under each locking protocol: EBUSY rates, and how long calls take
    Race(RaceArgs),
}

/// `armagic vgic race`
#[derive(Args)]
pub struct RaceArgs {
    /// Only this protocol: upstream, rfc, under-config-lock, decide-then-retake, target-vcpu-only, device-level, without-vcpu,
    /// blocking [default: each]
    #[arg(long, value_name = "NAME", value_parser = protocol)]
    pub protocol: Option<LockProtocol>,
    /// vCPUs, each with a thread that is inside its ioctls half of the time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub vcpus: u32,
    /// Threads that access the register
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub threads: u32,
    /// How long for each protocol
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// With an initialised VGIC, as while a guest runs
    #[arg(long)]
    pub initialised: bool,
}

/// One of those that are sound: the others hang or panic, as they are to.
fn protocol(name: &str) -> Result<LockProtocol, String> {
    let names = || LockProtocol::sound().map(LockProtocol::name).collect::<Vec<_>>().join(", ");
    LockProtocol::sound().find(|protocol| protocol.name() == name).ok_or_else(|| format!("give one of {}", names()))
}

/// `armagic guest …`
#[derive(Subcommand)]
pub enum GuestCommand {
    /// Fetch guests by name, through the host's package manager, without root
    Fetch {
        /// Names from `armagic guest list`
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// List known guests and what is here
    List,
}

/// `armagic boot …`
#[derive(Args)]
#[command(after_help = "Examples:
  armagic boot debian --smp 4
  armagic boot --run 'uname -a; nproc' --smp 2
  armagic boot --kernel Image --initrd initrd.gz --append 'console=ttyAMA0' --until login: --timeout 60

Exit status: 0 guest powered off, or --until seen; 1 the guest's own failure; 2 usage; 3 load error;
4 guest crashed; 5 timeout; 6 pattern not seen; 7 internal error.")]
pub struct Boot {
    /// A guest from `armagic guest list`, fetched if it is not here yet [default: debian]
    pub guest: Option<String>,
    /// Kernel: arm64 Image, gzip'd Image, EFI zboot, ELF, or raw binary
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// Initial RAM disk
    #[arg(long, value_name = "FILE")]
    pub initrd: Option<PathBuf>,
    /// Kernel command line; for a fetched guest, added to its own
    #[arg(long, value_name = "STR")]
    pub append: Option<String>,
    /// Run this command in the fetched guest instead of a shell, and power off
    #[arg(long, value_name = "CMD")]
    pub run: Option<String>,
    /// Give the PEs EL3 and the GIC two security states: a bare-metal ELF or raw binary starts at EL3
    #[arg(long)]
    pub secure: bool,
    /// Give the PEs EL2 and the virtual CPU interface: a bare-metal ELF or raw binary starts at EL2, or above
    #[arg(long)]
    pub virtualization: bool,
    /// Give the PEs and the GIC non-maskable interrupts
    #[arg(long)]
    pub nmi: bool,
    /// What machine, and how it is run
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Device tree blob to give the guest instead of the board's own
    #[arg(long, value_name = "FILE")]
    pub dtb: Option<PathBuf>,
    /// Write the device tree the guest would get, and stop
    #[arg(long, value_name = "FILE")]
    pub dump_dtb: Option<PathBuf>,
}

/// `armagic jit …`
#[derive(Args)]
#[command(after_help = "Examples:
  armagic jit vmlinux --symbol memcpy
  armagic jit Image --pc 0x40210000 --length 16
  armagic jit program.bin")]
pub struct JitArgs {
    /// An ELF file, or any kernel that `boot` takes
    pub file: PathBuf,
    /// From this address: of an ELF file as it is linked, of others in RAM [default: where it is entered]
    #[arg(long, value_name = "ADDR", value_parser = address, conflicts_with = "symbol")]
    pub pc: Option<u64>,
    /// This function of an ELF file
    #[arg(long, value_name = "NAME")]
    pub symbol: Option<String>,
    /// Instructions [default: 32, or the whole function]
    #[arg(long, value_name = "N")]
    pub length: Option<usize>,
    /// Processor model
    #[arg(long, value_name = "NAME", default_value = "neoverse-n1", value_parser = model)]
    pub cpu: &'static machine::Model,
}

/// `armagic demo …`
#[derive(Args)]
pub struct Demo {
    /// What machine, and how it is run
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// What machine, and how it is run.
#[derive(Args)]
pub struct MachineArgs {
    /// Number of CPUs
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub smp: usize,
    /// RAM: bytes with suffix K, M, G; a plain number is MiB
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = memory_size)]
    pub memory: u64,
    /// Processor model
    #[arg(long, value_name = "NAME", default_value = "neoverse-n1", value_parser = model)]
    pub cpu: &'static machine::Model,
    /// The GIC, in words with commas between. Mode: fast, relaxed (RWP and the like follow late, and writes that no DSB
    /// waits for are late), strict (misuse is reported at the end). Model: gic-500, gic-600, gic-700, kvm, architecture.
    /// Size: spis=N, espis=N, eppis=N (of each PE). its=off: there is no ITS. direct-lpis: GICR_SETLPIR exists.
    /// lpi-cache=none: LPIs need no INV. its-errors=stall: the ITS stops at a command that fails [default:
    /// fast,architecture,spis=256,lpi-cache=full,its-errors=skip]
    #[arg(long, value_name = "WORD,...", value_parser = crate::gic::parse)]
    pub gic: Option<machine::GicChoice>,
    /// A device on PCIe, as often as wanted: virtio-rng-pci. With vectors=N it has so many MSI-X vectors; with none it
    /// interrupts by INTx
    #[arg(long = "device", value_name = "NAME[,vectors=N]", value_parser = crate::device::parse)]
    pub devices: Vec<machine::DeviceSpec>,
    /// How it is run
    #[command(flatten)]
    pub run: RunArgs,
}

/// How a machine is run.
#[derive(Args)]
pub struct RunArgs {
    /// How instructions are executed [default: jit where the host can, else interp]
    #[arg(long, value_enum)]
    pub engine: Option<EngineName>,
    /// Limits of the compiler: hot=N, block=N, code=BYTES, misses=N, polls=N (docs/jit.md)
    #[arg(long, value_name = "KEY=N,...", value_parser = crate::tune::parse)]
    pub tune: Option<machine::Tuning>,
    /// Report guests that execute instructions they changed without cache maintenance: slow
    #[arg(long)]
    pub check_smc: bool,
    /// Name guest addresses of compiled code for `perf`, in /tmp/perf-PID.map
    #[arg(long)]
    pub perf_map: bool,
    /// Give up after this many seconds of host time (exit status 5)
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// End with success when the console prints this text; without it, ending is exit status 6
    #[arg(long, value_name = "PATTERN")]
    pub until: Option<String>,
    /// Save the machine to this file when --until, --timeout, Ctrl-A x or a signal ends the run; `armagic snapshot load`
    /// goes on from there
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Listen on this Unix socket for lines of JSON, meanwhile: status, pause, resume, save, stop (docs/snapshot.md)
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
    /// Print what was counted when the run ends
    #[arg(long, value_name = "json", num_args = 0..=1, default_missing_value = "text")]
    pub stats: Option<StatsFormat>,
}

/// Engines.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub enum EngineName {
    /// The interpreter: the reference
    Interp,
    /// The compiler (Linux on x86-64)
    Jit,
    /// Both, compared block by block: slow; a difference is exit status 7
    Verify,
}

/// How `--stats` prints.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub enum StatsFormat {
    /// Lines for people
    Text,
    /// One JSON object on standard error
    Json,
}

fn memory_size(text: &str) -> Result<u64, String> {
    let usage = || format!("`{text}` is not a size: write 512M, 2G, or a number of MiB");
    let (number, shift) = match text.to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        t if t.ends_with('K') => (t[..t.len() - 1].to_owned(), 10),
        t if t.ends_with('M') => (t[..t.len() - 1].to_owned(), 20),
        t if t.ends_with('G') => (t[..t.len() - 1].to_owned(), 30),
        t => (t.to_owned(), 20),
    };
    let number: u64 = number.parse().map_err(|_| usage())?;
    number.checked_mul(1 << shift).ok_or_else(usage)
}

fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| format!("`{text}` is not an address in hexadecimal"))
}

fn model(name: &str) -> Result<&'static machine::Model, String> {
    machine::Model::by_name(name).ok_or_else(|| {
        let names: Vec<_> = machine::Model::all().iter().map(|m| m.name).collect();
        format!("no such model; there are {}", names.join(", "))
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a number of seconds");
    let seconds: f64 = text.parse().map_err(|_| bad())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        for (text, want) in
            [("512M", 512 << 20), ("2G", 2 << 30), ("64", 64 << 20), ("1GiB", 1 << 30), ("4096k", 4 << 20)]
        {
            assert_eq!(memory_size(text), Ok(want), "{text}");
        }
        for text in ["", "M", "-1", "2T", "99999999999999999999G", "17179869184G"] {
            assert!(memory_size(text).is_err(), "{text}");
        }
    }
}
