//! The real thing: packages from this host's mirror, into a store of the test's own.
//!
//! With `ARMAGIC_OFFLINE=1` these tests say that they are skipped, and why; without it a host that
//! cannot fetch fails them with the sentence a user would see.

use armagic_guest::{Arch, Progress, Store, run_argument};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn offline(test: &str) -> bool {
    let off = std::env::var_os("ARMAGIC_OFFLINE").is_some_and(|v| !v.is_empty() && v != "0");
    if off {
        println!("skipped: {test} (ARMAGIC_OFFLINE=1)");
    }
    off
}

/// Shared by tests that want programs, and by their next run.
fn tools() -> Store {
    Store::default_location().unwrap_or_else(|e| panic!("{e}"))
}

fn fetch_tool(package: &str) -> PathBuf {
    tools().fetch_tool(package, &mut |_| {}).unwrap_or_else(|e| panic!("{e}"))
}

/// Two at once, from nothing, in one store: both get the same complete guest.
#[test]
fn fetches_debian() {
    if offline("fetches_debian") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let fetch = || {
        let mut steps: Vec<Progress> = vec![];
        let guest = Store::at(place.path()).fetch("debian", &mut |p| steps.push(p));
        (guest.unwrap_or_else(|e| panic!("{e}")), steps)
    };
    let [(guest, steps), (other, more)] = std::thread::scope(|s| {
        let both = [s.spawn(fetch), s.spawn(fetch)];
        both.map(|t| t.join().unwrap())
    });
    assert_eq!(guest, other);
    let kernel = fs::read(&guest.kernel).unwrap();
    assert_eq!(&kernel[56..60], b"ARM\x64", "the magic of a plain arm64 Image");
    assert!(fs::read(&guest.initrd).unwrap().starts_with(b"070701"));
    let downloads = [&steps, &more].map(|s| s.iter().any(|p| p.bytes_total == Some(p.bytes_done) && p.rate > 0));
    assert_eq!(downloads.iter().filter(|&&d| d).count(), 1, "the second to come finds it done");

    let store = Store::at(place.path());
    assert_eq!(store.get("debian").unwrap(), guest);
    let fetched = store.list().into_iter().find(|e| e.name == "debian").unwrap().fetched.unwrap();
    assert_eq!(fetched.version, guest.version);
    assert_eq!(
        fetched.bytes,
        [&guest.kernel, &guest.initrd].map(|f| fs::metadata(f).unwrap().len()).iter().sum::<u64>()
    );
    let left: Vec<_> = walk(place.path()).into_iter().filter(|p| p.to_string_lossy().contains(".new")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Every program that init names is in busybox, and busybox decodes what `run_argument` encodes.
#[test]
fn busybox_serves_init() {
    if offline("busybox_serves_init") {
        return;
    }
    let busybox = fetch_tool("busybox-static").join("bin/busybox");
    let run = |arguments: &[&str]| {
        let out = Command::new(&busybox).args(arguments).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let applets = run(&["--list"]);
    let used = [
        "sh", "mount", "mkdir", "hostname", "cat", "base64", "dmesg", "setsid", "cttyhack", "stty", "poweroff",
        "reboot",
    ];
    used.iter().for_each(|u| assert!(applets.lines().any(|a| a == *u), "busybox has no {u}"));

    let init = include_str!("../src/init.sh");
    let start = init.find("decode() {").unwrap();
    let decode = &init[start..start + init[start..].find("\n}\n").unwrap() + 3];
    let command = "echo \"$HOME\" 'é' | wc -c; exit 3\n# +/= ~~?>";
    let argument = run_argument(command);
    let value = argument.strip_prefix("armagic.run=").unwrap();
    assert_eq!(run(&["sh", "-c", &format!("{decode}decode \"$1\""), "sh", value]), command);
}

/// A dynamically linked arm64 program finds everything it needs in the unpacked closure.
#[test]
fn an_arm64_program_has_its_libraries() {
    if offline("an_arm64_program_has_its_libraries") {
        return;
    }
    let qemu = fetch_tool("qemu-user-static").join("usr/bin/qemu-aarch64-static");
    let root = tools().fetch_packages(Arch::Arm64, &["openssl"], &mut |_| {}).unwrap_or_else(|e| panic!("{e}"));
    let out =
        Command::new(&qemu).arg("-L").arg(&root).arg(root.join("usr/bin/openssl")).arg("version").output().unwrap();
    assert!(out.status.success() && out.stdout.starts_with(b"OpenSSL"), "{out:?}");
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let below = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    below.flat_map(|p| if p.is_dir() && !p.is_symlink() { walk(&p) } else { vec![p] }).collect()
}
