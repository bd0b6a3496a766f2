//! `armagic vgic race` shows what each locking protocol does to who is in the way.

use std::process::{Command, Output};

fn race(arguments: &[&str]) -> Output {
    let it = env!("CARGO_BIN_EXE_armagic");
    Command::new(it).args(["vgic", "race", "--seconds", "1"]).args(arguments).output().expect("it runs")
}

/// The share of calls that were refused.
fn busy(output: &Output) -> f64 {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("p99.9") && text.contains('#'), "{text}");
    // In the table's only row: its number before the first "%".
    let row = text.lines().last().and_then(|row| row.split('%').next()?.split_whitespace().last());
    row.and_then(|share| share.parse().ok()).unwrap_or_else(|| panic!("no share in {text}"))
}

#[test]
fn before_initialisation_upstream_is_refused_and_the_rfc_is_not() {
    assert!(busy(&race(&["--protocol", "upstream", "--vcpus", "2"])) > 0.0);
    assert_eq!(busy(&race(&["--protocol", "rfc", "--vcpus", "2"])), 0.0);
}

#[test]
fn after_it_both_are_and_the_device_level_is_not() {
    assert!(busy(&race(&["--protocol", "rfc", "--vcpus", "2", "--initialised"])) > 0.0);
    assert_eq!(busy(&race(&["--protocol", "device-level", "--vcpus", "2", "--initialised"])), 0.0);
}

#[test]
fn a_protocol_that_is_wrong_cannot_be_raced() {
    let output = race(&["--protocol", "wait-under-config-lock"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("upstream, rfc, under-config-lock"), "{text}");
}
