//! Litmus tests of the locking protocols, under loom: what two or three threads can see of each other, for each
//! protocol exactly the outcomes listed. `RUSTFLAGS="--cfg loom" cargo test -p armagic-vgic --test litmus`.
#![cfg(loom)]

mod scenarios;
mod world;

use armagic_vgic::{Kernel, LockProtocol};
use scenarios::{SCENARIOS, Scenario};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Every outcome that an interleaving leads to, as text.
fn outcomes(scenario: &'static Scenario, kernel: &'static Kernel, protocol: LockProtocol) -> BTreeSet<String> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = seen.clone();
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let outcome = world::run(scenario, kernel, protocol);
        all.lock().unwrap().insert(outcome);
    });
    let seen = seen.lock().unwrap();
    seen.clone()
}

fn scenario(name: &str) -> &'static Scenario {
    SCENARIOS.iter().find(|scenario| scenario.name == name).expect("named in the table")
}

/// A scenario under every sound protocol.
fn check(name: &str) {
    let scenario = scenario(name);
    for &kernel in scenario.kernels {
        for protocol in LockProtocol::sound() {
            let allowed: BTreeSet<_> = scenario.allowed(protocol).iter().map(|&text| text.to_owned()).collect();
            let seen = outcomes(scenario, kernel, protocol);
            assert_eq!(seen, allowed, "{name}, {} {protocol}: seen, and allowed", kernel.name);
        }
    }
}

macro_rules! each {
    ($($test:ident $name:literal;)*) => {
        $(#[test] fn $test() { check($name) })*

        #[test]
        fn every_scenario_has_a_test() {
            let tested = [$($name),*];
            assert_eq!(SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>(), tested);
        }
    };
}

each! {
    l1_revision_against_a_vcpu_ioctl "L1";
    l2_revision_against_initialisation "L2";
    l3_revision_against_both "L3";
    l4_capability_against_initialisation "L4";
    l5_a_register_that_is_not_early "L5";
    l6_revision_against_a_first_run_that_fails "L6";
    l7_revision_against_a_first_run "L7";
    l8_two_writers "L8";
    l9_revision_against_a_new_vcpu "L9";
    l10_initialisation_against_a_new_vcpu "L10";
    l11_accesses_and_runs "L11";
    l12_a_busy_vcpu_among_three "L12";
    l13_reader_and_writer "L13";
    l14_initialisation_and_run_on_the_late_path "L14";
    l15_a_busy_vcpu_on_the_late_path "L15";
    l16_revision_against_the_first_vcpu "L16";
    l17_two_initialisations "L17";
    l18_number_of_interrupts_against_initialisation "L18";
    l19_two_addresses_of_an_its "L19";
    l20_regions_new_vcpu_and_run "L20";
    l21_pending_tables_against_a_run "L21";
    l24_creation_against_a_vcpu_ioctl "L24";
}

/// Runs a test that must fail in a process of its own, as loom cannot clean up after what it finds.
fn fails(test: &str, because: &str) {
    let it = std::env::current_exe().expect("a test is a program");
    let output = Command::new(it).args(["--exact", test, "--ignored", "--nocapture"]).output().expect("it runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{test} finds nothing");
    assert!(text.contains(because), "{test} fails otherwise: {text}");
}

#[test]
fn waiting_for_vcpus_under_the_configuration_lock_deadlocks() {
    fails("wrong::waits_under_the_configuration_lock", "deadlock");
}

#[test]
fn l22_without_a_second_look_an_access_meets_a_guest() {
    fails("wrong::looks_once", "meets a running guest");
}

#[test]
fn l23_who_counts_again_unlocks_what_it_did_not_lock() {
    fails("wrong::counts_again", "was not locked");
}

/// Protocols that are wrong.
mod wrong {
    use super::*;

    #[test]
    #[ignore = "fails, as it should: run by another test"]
    fn waits_under_the_configuration_lock() {
        outcomes(scenario("L7"), &Kernel::V7_3, LockProtocol::WaitUnderConfigLock);
    }

    #[test]
    #[ignore = "fails, as it should: run by another test"]
    fn looks_once() {
        outcomes(scenario("L14"), &Kernel::V7_3, LockProtocol::RfcWithoutRecheck);
    }

    #[test]
    #[ignore = "fails, as it should: run by another test"]
    fn counts_again() {
        outcomes(scenario("L9"), &Kernel::V7_3, LockProtocol::RecountToUnlock);
    }
}
