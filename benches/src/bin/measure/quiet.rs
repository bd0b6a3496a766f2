//! `idle` and `rss`: what a guest at its shell prompt costs the host in CPU time and in memory.

use crate::Bench;
use crate::report::{Row, Target};
use anyhow::{Context, Result};
use armagic_benches::session::Session;
use guest::BOOT_OK;
use std::thread::sleep;
use std::time::{Duration, Instant};

const CPUS: [&str; 2] = ["1", "4"];

/// CPU time over wall time, at the prompt.
pub fn idle(bench: &Bench) -> Result<Vec<Row>> {
    /// What the kernel still does after boot is over by then.
    const SETTLE: Duration = Duration::from_secs(3);
    const WATCH: Duration = Duration::from_secs(10);
    let mut rows = Vec::new();
    for guest in &bench.guests {
        for smp in CPUS {
            let (mut percent, mut answer) = (Vec::new(), Vec::new());
            for _ in 0..bench.runs(1) {
                let mut session = at_the_prompt(bench, guest, smp)?;
                sleep(SETTLE);
                let (start, before) = (Instant::now(), session.cpu()?);
                sleep(WATCH);
                let used = session.cpu()?.saturating_sub(before);
                percent.push(100.0 * used.as_secs_f64() / start.elapsed().as_secs_f64());
                // A guest that sleeps for ever is idle too: it must still answer.
                let asked = Instant::now();
                session.type_line("echo $((40 + 2)) bottles")?;
                session.expect("42 bottles")?;
                answer.push(asked.elapsed().as_secs_f64() * 1e3);
                power_off(session)?;
            }
            let target = Some(Target::AtMost(3.0));
            rows.push(Row::new(format!("{guest}, smp {smp}: of one host CPU"), "%", target, percent));
            rows.push(Row::new(format!("{guest}, smp {smp}: an echo's answer"), "ms", None, answer));
        }
    }
    Ok(rows)
}

/// Peak resident memory without what of the guest's RAM is resident, when userspace has come up.
pub fn rss(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for guest in &bench.guests {
        for smp in CPUS {
            let (mut beyond, mut guest_ram) = (Vec::new(), Vec::new());
            for _ in 0..bench.runs(1) {
                let session = at_the_prompt(bench, guest, smp)?;
                let peak = kib(&session.proc("status")?, "VmHWM:").context("no VmHWM in /proc/PID/status")?;
                let ram = guest_ram_kib(&session.proc("smaps")?).context("guest RAM is not in /proc/PID/smaps")?;
                beyond.push(peak.saturating_sub(ram) as f64 / 1024.0);
                guest_ram.push(ram as f64 / 1024.0);
                power_off(session)?;
            }
            let target = Some(Target::AtMost(64.0));
            rows.push(Row::new(format!("{guest}, smp {smp}: beyond guest RAM"), "MiB", target, beyond));
            rows.push(Row::new(format!("{guest}, smp {smp}: guest RAM touched"), "MiB", None, guest_ram));
        }
    }
    Ok(rows)
}

fn at_the_prompt(bench: &Bench, guest: &str, smp: &str) -> Result<Session> {
    let mut session = Session::boot(&bench.armagic, [guest, "--smp", smp, "--memory", "1G"])?;
    session.expect(BOOT_OK)?;
    Ok(session)
}

fn power_off(mut session: Session) -> Result<()> {
    session.type_line("poweroff -f")?;
    session.finish()?;
    Ok(())
}

/// Resident KiB of the largest mapping, which is guest RAM.
fn guest_ram_kib(smaps: &str) -> Option<u64> {
    // Each mapping has a line `Size:` and, two lines on, `Rss:`.
    let sizes = smaps.lines().filter_map(|l| kib(l, "Size:"));
    let resident = smaps.lines().filter_map(|l| kib(l, "Rss:"));
    sizes.zip(resident).max().map(|(_, resident)| resident)
}

/// The number in the line that starts with `name`.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_mapping_is_guest_ram() {
        let smaps = "7f00-7f80 rw-p 0 00:00 0 \nSize:   512 kB\nKernelPageSize: 4 kB\nRss:   500 kB\nPss: 9 kB\n\
                     8000-9000 rw-p 0 00:00 0 \nSize:  4096 kB\nKernelPageSize: 4 kB\nRss:    12 kB\nPss: 9 kB\n";
        assert_eq!(guest_ram_kib(smaps), Some(12));
        assert_eq!(kib("VmPeak:\t 9 kB\nVmHWM:\t   77 kB\n", "VmHWM:"), Some(77));
    }
}
