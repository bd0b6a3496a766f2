//! `--engine verify`, as a user sees it.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use common::{armagic, offline};
use std::io::Write;

const ADD_X0_X0_1: u32 = 0x9100_0400;
const B_BACK_1: u32 = 0x17ff_ffff;

/// `armagic boot` of a program that counts for ever ends with `status` and says all of `words`.
#[track_caller]
fn check(args: &[&str], status: i32, words: &[&str]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&[ADD_X0_X0_1, B_BACK_1].map(u32::to_le_bytes).concat()).expect("written");
    let kernel = ["boot", "--kernel", file.path().to_str().expect("UTF-8"), "--timeout", "2", "--engine", "verify"];
    let run = armagic(&[&kernel, args].concat()).ended(status);
    words.iter().for_each(|w| assert!(run.err.contains(w), "`{w}` is not in: {}", run.err));
    assert!(!run.err.contains("panicked at"), "{}", run.err);
}

#[test]
fn a_miscompilation_is_an_internal_error_with_a_listing() {
    check(
        &["--tune", "plant=91000400:91000800"],
        7,
        &["--engine verify: CPU 0", "x0 ", "add x0, x0, #1", "mov qword ptr"],
    );
    check(&["--tune", "plant=91000400:d503201f"], 2, &["91000400", "one row"]);
    check(&["--tune", "block=1,polls=1,misses=2"], 5, &["--timeout"]);
}

#[test]
fn debian_does_the_same_on_both_engines() {
    if offline("debian_does_the_same_on_both_engines") {
        return;
    }
    let run =
        armagic(&["boot", "debian", "--engine", "verify", "--smp", "2", "--until", "Run /init", "--timeout", "600"]);
    run.ended(0);
}
