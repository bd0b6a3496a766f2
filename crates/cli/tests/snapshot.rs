//! Machines that are saved by one process and go on in another.

mod common;

use common::{Session, armagic, offline};
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("the directory's name is text")
}

#[test]
fn the_demo_goes_on_in_the_middle_of_a_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("demo");
    let run = armagic(&["demo", "--until", "DEMO", "--timeout", "60", "--save", text(&file)]).ended(0);
    assert!(run.out.ends_with("DEMO") && run.err.contains("saved to"), "{}{}", run.out, run.err);
    let shown = armagic(&["snapshot", "show", text(&file)]).ended(0);
    assert!(shown.out.contains("neoverse-n1") && shown.out.contains("CPU 1"), "{}", shown.out);
    let run = armagic(&["snapshot", "load", text(&file), "--timeout", "60"]).ended(0);
    assert!(run.out.starts_with("-OK"), "{}", run.out);
}

#[test]
fn what_cannot_be_saved_or_loaded_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("demo");
    let run = armagic(&["demo", "--timeout", "60", "--save", text(&file)]).ended(1);
    assert!(run.err.contains("nothing to save") && !file.exists(), "{}", run.err);
    std::fs::write(&file, b"ARMAGIC\x1a\x09\0\0\0").expect("writable");
    let run = armagic(&["snapshot", "load", text(&file)]).ended(3);
    assert!(run.err.contains("version 9") && run.err.contains(text(&file)), "{}", run.err);
    armagic(&["snapshot", "show", "/nowhere/at/all"]).ended(3);
}

/// Linux is saved when it prints `first`, by one engine; again at its shell while it works, by the other; and goes on to
/// its end.
#[track_caller]
fn check(test: &str, first: &str, engines: [&str; 3]) {
    if offline(test) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (early, late) = (directory.path().join("early"), directory.path().join("late"));
    let common = ["--timeout", "240", "--engine"];
    let begin = ["boot", "debian", "--smp", "2", "--until", first, "--save", text(&early)];
    armagic(&[&begin[..], &common, &engines[..1]].concat()).ended(0);
    let middle = ["snapshot", "load", text(&early), "--until", "LINE 300", "--save", text(&late)];
    let mut session = Session::start(&[&middle[..], &common, &engines[1..2]].concat());
    session.wait_for("BOOT-OK");
    // Both CPUs work, and wake one another.
    session
        .type_line("yes 2>/dev/null | cat >/dev/null & i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo LINE $i; done");
    session.finish().ended(0);
    let end = ["snapshot", "load", text(&late)];
    let mut session = Session::start(&[&end[..], &common, &engines[2..]].concat());
    session.wait_for("LINE 600");
    session.type_line("poweroff -f");
    let run = session.finish().ended(0);
    let lines = run.out.lines().filter_map(|line| line.trim().strip_prefix("LINE ")?.parse::<u32>().ok());
    assert_eq!(lines.collect::<Vec<_>>(), (301..=600).collect::<Vec<_>>(), "{}", run.out);
    for bad in ["Oops", "BUG:", "WARNING:", "rcu: INFO", "soft lockup"] {
        assert!(!run.out.contains(bad), "{bad} in\n{}", run.out);
    }
}

#[test]
fn linux_goes_on_from_the_middle_of_its_boot() {
    check("linux_goes_on_from_the_middle_of_its_boot", "Run /init", ["interp", "interp", "interp"]);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn linux_goes_on_with_the_other_engine() {
    check("linux_goes_on_with_the_other_engine", "smp: Brought up", ["jit", "interp", "jit"]);
}
