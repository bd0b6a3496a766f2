//! Every wrong input gets one sentence that names it, and the exit status of its class.

mod common;

use common::armagic;
use std::io::Write;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file
}

/// `armagic ARGS` ends with `status` and says all of `words` on standard error.
#[track_caller]
fn check(args: &[&str], status: i32, words: &[&str]) {
    let run = armagic(args).ended(status);
    words.iter().for_each(|w| assert!(run.err.contains(w), "`{w}` is not in: {}", run.err));
    assert!(!run.err.contains("panicked at"), "{}", run.err);
}

#[test]
fn usage() {
    check(&["boot", "--smp", "0"], 2, &["--smp 0", "1 to 512"]);
    check(&["boot", "--smp", "513"], 2, &["--smp 513", "1 to 512"]);
    check(&["boot", "--memory", "32M"], 2, &["--memory 32 MiB", "64 MiB"]);
    check(&["boot", "--memory", "9999G"], 2, &["--memory", "255 GiB"]);
    check(&["boot", "--memory", "lots"], 2, &["lots", "512M"]);
    check(&["boot", "--cpu", "cortex-x9"], 2, &["cortex-x9", "neoverse-n1", "cortex-a57"]);
    check(&["boot", "--engine", "magic"], 2, &["magic", "interp"]);
    check(&["demo", "--engine", "jit", "--tune", "heat=1"], 2, &["heat", "hot=N"]);
    check(&["demo", "--engine", "jit", "--tune", "block=0"], 2, &["--tune block=0", "1 to 64"]);
    check(&["demo", "--engine", "verify", "--tune", "code=5000"], 2, &["--tune code=5000", "128 KiB"]);
    check(&["demo", "--engine", "interp", "--tune", "hot=1"], 2, &["--tune", "--engine jit"]);
    check(&["boot", "--timeout", "soon"], 2, &["soon"]);
    check(&["boot", "--gic", "gic-400"], 2, &["gic-400", "gic-600", "espis=N"]);
    check(&["boot", "--gic", "spis=32"], 2, &["spis=32", "64"]);
    check(&["demo", "--gic", "spis=1000"], 2, &["1000 SPIs", "988"]);
    check(&["demo", "--gic", "espis=33"], 2, &["33 extended SPIs", "--gic"]);
    check(&["boots"], 2, &["boots"]);
}

#[test]
fn files() {
    check(&["boot", "--kernel", "/nonexistent/Image"], 3, &["/nonexistent/Image"]);
    check(&["boot", "no-such-guest"], 3, &["no-such-guest", "armagic guest list"]);
    let empty = file(b"");
    check(&["boot", "--kernel", empty.path().to_str().unwrap()], 3, &[empty.path().to_str().unwrap()]);
    let x86 = file(&[b"\x7fELF\x02\x01\x01".as_slice(), &[0; 9], &[2, 0, 62, 0], &[0; 100]].concat());
    check(&["boot", "--kernel", x86.path().to_str().unwrap()], 3, &[x86.path().to_str().unwrap()]);
    let kernel = file(&[0x14000000u32.to_le_bytes(); 64].concat());
    let kernel = kernel.path().to_str().unwrap();
    check(&["boot", "--kernel", kernel, "--initrd", "/nonexistent/initrd"], 3, &["/nonexistent/initrd"]);
    check(&["boot", "--kernel", kernel, "--dtb", "/nonexistent/dtb"], 3, &["/nonexistent/dtb"]);
    let dtb = file(b"not a device tree");
    check(&["boot", "--kernel", kernel, "--dtb", dtb.path().to_str().unwrap()], 3, &["device tree"]);
    let big = tempfile::NamedTempFile::new().unwrap();
    big.as_file().set_len(100 << 20).unwrap();
    check(&["boot", "--kernel", kernel, "--memory", "64M", "--initrd", big.path().to_str().unwrap()], 3, &["initrd"]);
}

#[test]
fn a_guest_that_jumps_to_nowhere_is_a_crash() {
    // movz x0, #0x1234, lsl #48 ; br x0 — and VBAR_EL1 is 0, where nothing answers.
    let program = file(&[0xd2e2_4680u32.to_le_bytes(), 0xd61f_0000u32.to_le_bytes()].concat());
    check(&["boot", "--kernel", program.path().to_str().unwrap(), "--timeout", "20"], 4, &["exception", "CPU 0"]);
}

#[test]
fn a_guest_that_sleeps_for_ever_is_reported() {
    // wfi ; b . - 4 — with nothing enabled that could wake it.
    let program = file(&[0xd503_207fu32.to_le_bytes(), 0x17ff_ffffu32.to_le_bytes()].concat());
    check(
        &["boot", "--kernel", program.path().to_str().unwrap(), "--timeout", "20"],
        4,
        &["never wake", "CPU 0: PC 0x"],
    );
}

#[test]
fn a_guest_that_loops_runs_into_the_timeout() {
    let program = file(&0x1400_0000u32.to_le_bytes()); // b .
    let path = program.path().to_str().unwrap();
    check(&["boot", "--kernel", path, "--timeout", "1"], 5, &["--timeout"]);
    check(&["boot", "--kernel", path, "--timeout", "1", "--until", "x"], 5, &["--timeout"]);
}

#[test]
fn a_pattern_that_never_comes_is_exit_status_6() {
    check(&["demo", "--smp", "1", "--until", "no such text", "--timeout", "60"], 6, &["no such text"]);
}

#[test]
fn garbage_never_kills_the_host() {
    // Random words executed at EL1 with the MMU off: whatever happens, it is one of our exit statuses.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..8 {
        let words: Vec<u8> = (0..4096)
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state as u32).to_le_bytes()
            })
            .collect();
        let program = file(&words);
        let run = armagic(&["boot", "--kernel", program.path().to_str().unwrap(), "--timeout", "1", "--memory", "64M"]);
        assert!([0, 3, 4, 5].contains(&run.status), "status {}: {}", run.status, run.err);
        assert!(!run.err.contains("panicked at"), "{}", run.err);
    }
}
