//! Real guests, booted as a user boots them. Guests are fetched on first use.

mod common;

use common::{Session, armagic, offline};

/// The counts in the row of /proc/interrupts whose last words are `name`.
#[track_caller]
fn counts(interrupts: &str, name: &str, cpus: usize) -> Vec<u64> {
    let row = interrupts.lines().find(|l| l.trim_end().ends_with(name));
    let row = row.unwrap_or_else(|| panic!("no row {name} in\n{interrupts}"));
    row.split_whitespace().skip(1).take(cpus).map(|n| n.parse().expect("a count")).collect()
}

/// Boots `guest` with `smp` CPUs, types at its shell, powers off; interrupts must have reached every CPU.
#[track_caller]
fn check(test: &str, guest: &str, smp: usize, engine: &str) {
    if offline(test) {
        return;
    }
    let smp_arg = smp.to_string();
    let mut session =
        Session::start(&["boot", guest, "--engine", engine, "--smp", &smp_arg, "--timeout", "240", "--stats", "json"]);
    session.wait_for("BOOT-OK");
    // Every CPU is made busy for some ticks of its own.
    session.type_line(
        "for c in $(seq 0 7); do taskset $((1<<c)) sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done' 2>/dev/null; done",
    );
    session.type_line("cat /proc/interrupts; echo CPUS $(nproc)");
    session.wait_for(&format!("CPUS {smp}"));
    session.type_line("poweroff -f");
    let run = session.finish().ended(0);
    let zeros = |name: &str| counts(&run.out, name, smp).iter().filter(|&&n| n == 0).count();
    assert_eq!(zeros("arch_timer"), 0, "a CPU without timer interrupts:\n{}", run.out);
    assert!(counts(&run.out, "uart-pl011", smp).iter().sum::<u64>() > 0, "{}", run.out);
    if smp > 1 {
        assert_eq!(zeros("Function call interrupts"), 0, "a CPU without IPIs:\n{}", run.out);
    }
    for bad in ["Oops", "BUG:", "WARNING:", "rcu: INFO", "soft lockup"] {
        assert!(!run.out.contains(bad), "{bad} in\n{}", run.out);
    }
    let stats: serde_json::Value = serde_json::from_str(run.err.lines().last().expect("stats")).expect("JSON");
    assert_eq!(stats["unallocated"], serde_json::json!({}), "undefined instructions were executed");
    assert!(stats["instructions"].as_u64().expect("a count") > 100_000_000);
}

#[test]
fn debian_boots_with_one_cpu() {
    check("debian_boots_with_one_cpu", "debian", 1, "interp");
}

#[test]
fn debian_boots_with_four_cpus() {
    check("debian_boots_with_four_cpus", "debian", 4, "interp");
}

#[test]
fn debian_full_boots_with_two_cpus() {
    check("debian_full_boots_with_two_cpus", "debian-full", 2, "interp");
}

/// The compiler is there on Linux on x86-64 only.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod compiled {
    use super::check;

    #[test]
    fn debian_boots_compiled_with_one_cpu() {
        check("debian_boots_compiled_with_one_cpu", "debian", 1, "jit");
    }

    #[test]
    fn debian_boots_compiled_with_four_cpus() {
        check("debian_boots_compiled_with_four_cpus", "debian", 4, "jit");
    }

    #[test]
    fn debian_full_boots_compiled_with_two_cpus() {
        check("debian_full_boots_compiled_with_two_cpus", "debian-full", 2, "jit");
    }
}

#[test]
fn the_exit_status_of_the_command_is_seen() {
    if offline("the_exit_status_of_the_command_is_seen") {
        return;
    }
    let run = armagic(&["boot", "--timeout", "120", "--run", "exit 7"]).ended(1);
    assert!(run.err.contains("status 7"), "{}", run.err);
}

#[test]
fn a_kernel_panic_is_a_crash() {
    if offline("a_kernel_panic_is_a_crash") {
        return;
    }
    let run = armagic(&["boot", "--timeout", "120", "--run", "echo c >/proc/sysrq-trigger"]).ended(4);
    assert!(run.err.contains("panicked"), "{}", run.err);
}

#[test]
fn reset_boots_again() {
    if offline("reset_boots_again") {
        return;
    }
    let mut session = Session::start(&["boot", "--smp", "2", "--timeout", "120"]);
    session.wait_for("BOOT-OK");
    session.type_line("reboot -f");
    session.wait_for("BOOT-OK");
    session.type_line("poweroff -f");
    session.finish().ended(0);
}
