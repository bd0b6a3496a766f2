//! Whether a run was sound, by what it left.

use armagic_benches::session::Run;
use guest::EXIT_LINE;

/// The guest says so before the first stressor starts.
pub const STARTED: &str = "SOAK-STARTED";
/// And this, with stress-ng's exit status, after the last has ended.
pub const FINISHED: &str = "SOAK-FINISHED";

/// What a sound kernel does not print.
const COMPLAINTS: &[&str] = &[
    "Internal error",
    "Oops",
    "BUG:",
    "WARNING:",
    "Call trace:",
    "rcu: INFO",
    "detected stall",
    "soft lockup",
    "blocked for more than",
    "Unable to handle kernel",
    "Kernel panic",
    "undefined instruction",
];

/// What a stressor prints that found another result than it should.
const FAILURES: &[&str] = &["stress-ng: fail:", "stress-ng: error:", "unsuccessful run completed"];

/// Everything that is wrong with `run`, in which `stressors` were to run, one sentence each.
pub fn wrong(run: &Run, stressors: &[&str]) -> Vec<String> {
    let mut wrong = vec![];
    if run.status != 0 {
        wrong.push(format!("armagic ended with status {}: {}", run.status, run.err.trim()));
    }
    for (mark, what) in [(STARTED, "stress-ng never started"), (FINISHED, "stress-ng never ended")] {
        if !run.out.contains(mark) {
            wrong.push(what.into());
        }
    }
    if run.out.contains(FINISHED) && !run.out.contains(&format!("{EXIT_LINE}0")) {
        wrong.push("stress-ng or the kernel's log says that something failed".into());
    }
    // stress-ng counts it as success when time was over before it had started one.
    let measured = |name: &&&str| run.out.lines().any(|l| l.contains("metrc:") && l.contains(&format!("] {name} ")));
    let absent: Vec<&str> = stressors.iter().filter(|name| !measured(name)).copied().collect();
    if run.out.contains(FINISHED) && !absent.is_empty() {
        wrong.push(format!("these never ran: {}", absent.join(", ")));
    }
    // A debug line of stress-ng may name a complaint of the kernel's.
    let lines = || run.out.lines().map(|l| l.trim_end());
    let kernel = lines().filter(|l| !l.starts_with("stress-ng:") && COMPLAINTS.iter().any(|c| l.contains(c)));
    wrong.extend(kernel.map(|l| format!("the kernel: {l}")));
    let stressors = lines().filter(|l| FAILURES.iter().any(|f| l.contains(f)));
    wrong.extend(stressors.map(str::to_string));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(status: i32, out: &str, parts: &[&str]) {
        let run = Run { status, out: out.into(), err: String::new(), wall: Duration::ZERO, cpu: Duration::ZERO };
        let wrong = wrong(&run, &["fork"]);
        assert!(wrong.len() == parts.len() && wrong.iter().zip(parts).all(|(w, p)| w.contains(p)), "{wrong:?}");
    }

    #[test]
    fn verdicts() {
        let sound = "SOAK-STARTED\r\nstress-ng: metrc: [7] fork    1 2\r\nSOAK-FINISHED 0\r\nARMAGIC-EXIT: 0\r\n";
        check(0, sound, &[]);
        check(5, "SOAK-STARTED\r\n", &["status 5", "never ended"]);
        check(1, "SOAK-FINISHED 2\r\n", &["status 1", "never started", "something failed", "never ran: fork"]);
        check(0, &format!("{sound}[ 1.0] WARNING: CPU: 1 PID: 3\r\n"), &["the kernel: [ 1.0] WARNING"]);
        check(0, &format!("{sound}stress-ng: fail:  [12] memcpy: wrong\r\n"), &["memcpy: wrong"]);
    }
}
