//! `soak`: Debian's own `stress-ng` in a guest, every stressor verifying what it does.
//!
//! Decides whether a change may stay: processes, signals, memory maps, pipes, timers and threads of 4 vCPUs at
//! once, for as long as one likes, end without a complaint of the guest's kernel, of a stressor, or of the host.
#![forbid(unsafe_code)]

mod image;
mod verdict;

use anyhow::{Context, Result, bail};
use armagic_benches::session::Session;
use clap::Parser;
use guest::Store;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Stresses a guest and says what went wrong; the console is kept in target/bench/soak.log
#[derive(Parser)]
#[command(name = "soak")]
struct Args {
    /// How long stress-ng runs, in seconds; 1800 every night
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// vCPUs
    #[arg(long, default_value_t = 4)]
    smp: u32,
    /// CPU model
    #[arg(long, default_value = "neoverse-n1")]
    cpu: String,
    /// Engine
    #[arg(long, default_value = "jit")]
    engine: String,
    /// The guest to boot
    #[arg(long, default_value = "debian-full")]
    guest: String,
    /// Only these stressors, as stress-ng's options (default: the mix of all)
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    stressors: Option<String>,
    /// The binary to soak [default: armagic beside this program]
    #[arg(long)]
    armagic: Option<PathBuf>,
}

/// What an operating system and its processor disagree about most easily.
const STRESSORS: &str = "--fork 2 --vfork 1 --clone 1 --exec 1 --pthread 2 --switch 2 --pipe 2 --fifo 1 --eventfd 1 \
    --sigq 1 --signal 1 --sigfpe 1 --sigsegv 1 --kill 1 --timer 1 --timerfd 1 --itimer 1 --nanosleep 1 --clock 1 \
    --mmap 1 --mmapfork 1 --mremap 1 --mprotect 1 --vm 1 --vm-bytes 64m --mmap-bytes 32m --mremap-bytes 16m \
    --userfaultfd 1 --brk 1 --stack 1 --tlb-shootdown 1 --icache 1 --membarrier 1 --futex 1 --sem 1 --mutex 1 \
    --atomic 1 --yield 2 --poll 1 --cpu 1 --matrix 1 --vecmath 1 --fp 1 --crypt 1 --bsearch 1 --qsort 1 --memcpy 1 --str 1 \
    --zlib 1 --cache 1 --get 1 --af-alg 1";

/// What all of it may take beyond its time: booting, starting, and reaping the last children.
const GRACE: u64 = 180;

fn main() -> Result<()> {
    let args = Args::parse();
    let here = std::env::current_exe().context("cannot tell where this program is")?;
    let release = here.parent().context("this program is in a directory")?;
    let dir = release.parent().unwrap_or(release).join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let armagic = args.armagic.clone().unwrap_or_else(|| release.join("armagic"));

    let store = Store::default_location()?;
    let mut say = |p: guest::Progress| eprintln!("soak: {}", p.what);
    let guest = store.get(&args.guest).or_else(|_| store.fetch(&args.guest, &mut say))?;
    let initrd = dir.join("soak.initrd");
    let script = script(args.stressors.as_deref().unwrap_or(STRESSORS), args.seconds);
    let image = image::image(&store, &guest, &script)?;
    fs::write(&initrd, image).with_context(|| format!("cannot write {}", initrd.display()))?;

    let append = format!("{} {}", guest.append, guest::run_argument("sh /soak"));
    let limit = args.seconds + GRACE;
    let mut command = Command::new(&armagic);
    command.args(["boot", "--smp", &args.smp.to_string(), "--memory", "2G", "--stats", "json"]);
    command.args(["--cpu", &args.cpu, "--engine", &args.engine, "--timeout", &limit.to_string()]);
    command.arg("--kernel").arg(&guest.kernel).arg("--initrd").arg(&initrd).args(["--append", &append]);
    let mut session = Session::start(command, Duration::from_secs(limit + 20))?;
    session.wait_for(verdict::STARTED)?;
    eprintln!("soak: stress-ng runs for {} s on {} vCPUs", args.seconds, args.smp);
    let run = session.finish()?;

    let log = dir.join("soak.log");
    let text = format!("{}\n--- standard error\n{}", run.out, run.err);
    fs::write(&log, text).with_context(|| format!("cannot write {}", log.display()))?;
    let wrong = verdict::wrong(&run);
    if !wrong.is_empty() {
        bail!("{}; all of it is in {}", wrong.join("\n"), log.display());
    }
    let stats = run.stats()?;
    println!(
        "sound: {:.0} s, {} million instructions; see {}",
        stats.seconds,
        stats.instructions / 1_000_000,
        log.display()
    );
    Ok(())
}

/// What init runs. WARN lines are warnings, which init would keep off the console.
fn script(stressors: &str, seconds: u64) -> String {
    format!(
        "dmesg -n 6
echo 0 > /proc/sys/kernel/printk_ratelimit
mkdir -p /tmp/soak && cd /tmp/soak
echo {started}
stress-ng {stressors} --timeout {seconds}s --verify --metrics-brief --temp-path /tmp/soak --oomable 2>&1
status=$?
echo {finished} $status
cat /proc/interrupts
dmesg | grep -E 'Oops|BUG|WARNING|rcu:.*(stall|detected)|lockup|blocked for|Call trace' && exit 9
exit $status
",
        started = verdict::STARTED,
        finished = verdict::FINISHED
    )
}
