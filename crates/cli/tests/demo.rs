//! The embedded guest: no network, and the first test of the GIC as a guest sees it.

mod common;

use common::armagic;

#[track_caller]
fn check(smp: usize) {
    let run = armagic(&["demo", "--smp", &smp.to_string(), "--timeout", "60", "--until", "DEMO-OK"]).ended(0);
    assert!(run.out.contains(&format!("on {smp} CPUs")), "{}", run.out);
    assert!(run.out.contains("timer PPI 27: 10 ticks on every CPU"), "{}", run.out);
    assert!(run.out.contains(&format!("SGI ping-pong with CPU {}: 1000 rounds", smp - 1)), "{}", run.out);
    assert!(run.out.contains(&format!("SPI 72: taken by CPU {}", smp - 1)), "{}", run.out);
}

#[test]
fn one_cpu() {
    check(1);
}

#[test]
fn four_cpus() {
    check(4);
}

#[test]
fn sixty_four_cpus() {
    check(64);
}

/// Their redistributors are in two regions.
#[test]
fn two_hundred_cpus() {
    check(200);
}

#[test]
fn as_many_cpus_as_there_can_be() {
    check(512);
}
