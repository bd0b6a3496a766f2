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
    /// Only these stressors, as stress-ng's options, in one phase
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    stressors: Option<String>,
    /// The binary to soak [default: armagic beside this program]
    #[arg(long)]
    armagic: Option<PathBuf>,
}

/// What an operating system and its processor disagree about most easily, in phases of about twenty: with more
/// at once each gets too little of the machine to get anywhere.
const PHASES: &[&str] = &[
    // Processes, threads, and what they tell each other.
    "--fork 2 --vfork 1 --clone 1 --pthread 2 --switch 2 --pipe 2 --fifo 1 --eventfd 1 --sigq 1 --signal 1 \
     --sigsegv 1 --kill 1 --timer 1 --timerfd 1 --itimer 1 --nanosleep 1 --futex 1 --sem 1 --mutex 1 --yield 1",
    // Memory, and who sees it when.
    "--mmap 1 --mmap-bytes 4m --mremap 1 --mremap-bytes 4m --mprotect 1 --vm 1 --vm-bytes 32m --brk 1 \
     --stack 1 --userfaultfd 1 --tlb-shootdown 1 --icache 1 --membarrier 1 --atomic 1 --switch 1 --fork 1 --cache 1",
    // Computing, while processes come and go and clocks tick.
    "--cpu 1 --matrix 1 --vecmath 1 --fp 1 --crypt 1 --bsearch 1 --qsort 1 --memcpy 1 --str 1 --zlib 1 --hash 1 \
     --clock 1 --get 1 --poll 1 --timer 1 --fork 1 --pipe 1 --sigq 1 --mmap 1 --mmap-bytes 4m",
];

/// What all of it may take beyond its time: booting, starting, and reaping the last children.
const GRACE: u64 = 240;

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
    let phases = args.stressors.as_deref().map_or(PHASES.to_vec(), |s| vec![s]);
    let script = script(&phases, args.seconds);
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
    let wrong = verdict::wrong(&run, &stressors(&phases));
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

/// The names of the stressors among stress-ng's options.
fn stressors<'a>(phases: &[&'a str]) -> Vec<&'a str> {
    let options = phases.iter().flat_map(|p| p.split_whitespace()).filter_map(|o| o.strip_prefix("--"));
    options.filter(|o| !o.ends_with("-bytes")).collect()
}

/// What init runs. WARN lines are warnings, which init would keep off the console. stress-ng's own `exec` does
/// nothing as root, so a shell executes all the time instead.
fn script(phases: &[&str], seconds: u64) -> String {
    let each = seconds.div_ceil(phases.len() as u64);
    let common = format!("--timeout {each}s --verify --metrics-brief --temp-path /tmp/soak --oomable");
    let phases: String = phases.iter().map(|p| format!("stress-ng {p} {common} 2>&1 || status=$?\n")).collect();
    format!(
        "dmesg -n 6
echo 0 > /proc/sys/kernel/printk_ratelimit
mkdir -p /tmp/soak && cd /tmp/soak
status=0
(while [ ! -e /tmp/enough ]; do /bin/busybox true || echo stress-ng: fail: exec; done) &
echo {started}
{phases}
touch /tmp/enough
wait
echo {finished} $status
cat /proc/interrupts
dmesg | grep -E 'Oops|BUG|WARNING|rcu:.*(stall|detected)|lockup|blocked for|Call trace' && exit 9
exit $status
",
        started = verdict::STARTED,
        finished = verdict::FINISHED
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stressors_are_told_from_their_options() {
        assert_eq!(stressors(&["--vm 1 --vm-bytes 32m", "--fork 2"]), ["vm", "fork"]);
    }

    #[test]
    fn a_second_is_enough_for_a_phase() {
        let script = script(&["--fork 1", "--pipe 1"], 1);
        assert_eq!(script.matches("--timeout 1s").count(), 2, "{script}");
    }
}
