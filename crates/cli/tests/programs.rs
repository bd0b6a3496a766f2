//! Programs of a distribution, and its kernel's own tests, as witnesses of what instructions do.
//!
//! What is in `programs/` runs in the guest; `programs/checks.sh` says how `programs/expected.txt` was made.

mod common;

use common::{Run, armagic, offline};
use guest::{Arch, Guest, ImageFile, InitSpec, Packing, Store};
use std::path::Path;

/// The kernel with the most built in.
const GUEST: &str = "debian-full";

/// What the programs need of their packages.
const PACKAGES: &[&str] = &["coreutils", "dash", "openssl", "python3-minimal", "libpython3-stdlib"];
const PROGRAMS: &[&str] = &[
    "usr/bin/dash", // which, other than busybox, takes no program of its own for one of these
    "usr/bin/openssl",
    "usr/bin/python3",
    "usr/bin/md5sum",
    "usr/bin/sha1sum",
    "usr/bin/sha224sum",
    "usr/bin/sha256sum",
    "usr/bin/sha384sum",
    "usr/bin/sha512sum",
    "usr/bin/b2sum",
    "usr/bin/cksum",
    "usr/bin/factor",
    "usr/bin/od",
    "usr/bin/seq",
    "etc/ssl/openssl.cnf",
    "usr/lib/ssl/openssl.cnf",
    "usr/lib/ld-linux-aarch64.so.1",
];
/// Libraries, by how their names start.
const LIBRARIES: &[&str] = &["libc.so", "libm.so", "libcrypto.so", "libssl.so", "libz.so", "libexpat.so", "libgmp.so"];

/// How fast openssl is cannot be compared, but that it measures can: 1 s of each, ciphers in blocks of 16 KiB.
const SPEED: &str = "for what in sha256 '-evp aes-128-gcm' '-evp chacha20-poly1305' rsa2048 ecdsap256; do
    openssl speed -seconds 1 -bytes 16384 $what >/tmp/speed 2>&1 && continue
    echo FAILED: openssl speed $what
    cat /tmp/speed
done";

/// Modules whose loading makes the kernel test them, with names of what they register where AES is implemented.
const MODULES: &[(&str, &[&str])] = &[
    ("aes-ce-blk", &["ecb-aes-ce", "cbc-aes-ce", "ctr-aes-ce", "xts-aes-ce", "cts-cbc-aes-ce", "cmac-aes-ce"]),
    ("aes-neon-blk", &["cts-cbc-aes-neon", "cmac-aes-neon", "xcbc-aes-neon"]),
    ("aes-neon-bs", &["ecb-aes-neonbs", "cbc-aes-neonbs", "ctr-aes-neonbs", "xts-aes-neonbs"]),
    ("aes-ce-ccm", &["ccm-aes-ce"]),
    ("ghash-ce", &["gcm-aes-ce"]),
    ("sha1-ce", &["sha1-ce"]),
    ("sha2-ce", &["sha224-ce", "sha256-ce"]),
    ("sha256-arm64", &["sha256-arm64", "sha256-arm64-neon"]),
    ("sha512-arm64", &["sha384-arm64", "sha512-arm64"]),
    ("crct10dif-ce", &["crct10dif-arm64-ce", "crct10dif-arm64-neon"]),
    ("polyval-ce", &["polyval-ce"]),
    ("chacha-neon", &["chacha20-neon", "xchacha20-neon", "xchacha12-neon"]),
    ("poly1305-neon", &["poly1305-neon"]),
    ("nhpoly1305-neon", &["nhpoly1305-neon"]),
    ("raid6_pq", &[]),
    ("xor", &[]),
];
/// Modules for what `neoverse-n1` does not have.
const NEWER_MODULES: &[(&str, &[&str])] = &[
    ("sha512-ce", &["sha384-ce", "sha512-ce"]),
    ("sha3-ce", &["sha3-224-ce", "sha3-256-ce", "sha3-384-ce", "sha3-512-ce"]),
];

fn file(path: &str, bytes: &[u8]) -> ImageFile {
    ImageFile { path: path.to_string(), mode: 0o755, bytes: bytes.to_vec() }
}

/// The store, with the guest in it.
fn store() -> (Store, Guest) {
    let store = Store::default_location().expect("a place for guests");
    let guest = store.get(GUEST).or_else(|_| store.fetch(GUEST, &mut |_| {})).expect("the guest can be fetched");
    (store, guest)
}

/// Boots the guest's kernel with `files` added to its image, and with `words` of kernel command line, to run
/// `sh /checks/run`; what it said, once it has ended well.
#[track_caller]
fn run(guest: &Guest, mut files: Vec<ImageFile>, script: &str, machine: &[&str], words: &str) -> Run {
    files.push(file("/checks/run", script.as_bytes()));
    let busybox = std::fs::read(&guest.busybox).expect("the store is readable");
    let image = guest::initramfs(&busybox, &InitSpec { files, packing: Packing::Plain });
    assert!(image.len() < 60 << 20, "{} bytes is too much of an image", image.len());
    let place = tempfile::tempdir().expect("a directory");
    let initrd = place.path().join("initrd");
    std::fs::write(&initrd, image).expect("room for an image");
    let kernel = guest.kernel.to_str().expect("a plain path");
    let append = format!("console=ttyAMA0 {words} {}", guest::run_argument("sh /checks/run"));
    let mut arguments = vec!["boot", "--kernel", kernel, "--initrd", initrd.to_str().expect("a plain path")];
    arguments.extend(["--append", &append, "--smp", "2", "--timeout", "300", "--stats", "json"]);
    arguments.extend(machine);
    let run = armagic(&arguments).ended(0);
    assert!(run.out.contains(&format!("{}0\r\n", guest::EXIT_LINE)), "the script failed:\n{}", run.out);
    run
}

/// The kernel complained of nothing.
#[track_caller]
fn check_sound(run: &Run) {
    for bad in ["Oops", "BUG:", "WARNING:", "rcu: INFO", "soft lockup"] {
        assert!(!run.out.contains(bad), "{bad} in\n{}", run.out);
    }
}

/// The lines that `run` printed from the one that is `first` to the one that is `last`.
#[track_caller]
fn between<'r>(run: &'r Run, first: &str, last: &str) -> Vec<&'r str> {
    let lines: Vec<&str> = run.out.lines().map(|l| l.trim_end_matches('\r')).collect();
    let place = |text: &str| lines.iter().position(|l| *l == text);
    match (place(first), place(last)) {
        (Some(first), Some(last)) if first < last => lines[first..=last].to_vec(),
        _ => panic!("no lines from `{first}` to `{last}` in\n{}", run.out),
    }
}

/// Debian's programs, with the libraries and modules they load, and the checks.
fn programs(store: &Store) -> Vec<ImageFile> {
    let root = store.fetch_packages(Arch::Arm64, PACKAGES, &mut |_| {}).expect("the packages can be fetched");
    let names = |dir: &str, wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let entries = std::fs::read_dir(root.join(dir)).expect("the package has it");
        let names = entries.map(|e| e.expect("readable").file_name().into_string().expect("a plain name"));
        names.filter(|n| wanted(n)).map(|n| format!("{dir}/{n}")).collect()
    };
    let mut paths = names("usr/lib/aarch64-linux-gnu", &|n| LIBRARIES.iter().any(|l| n.starts_with(l)));
    paths.extend(names("usr/lib", &|n| n.starts_with("python3.")));
    let paths: Vec<&str> = PROGRAMS.iter().copied().chain(paths.iter().map(String::as_str)).collect();
    let mut files = guest::image_files(&root, &paths).expect("the packages have them");
    files.push(ImageFile { path: "/lib".to_string(), mode: 0o120777, bytes: b"usr/lib".to_vec() });
    let checks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let mut checks = guest::image_files(&checks, &["checks.sh", "checks.py", "keys"]).expect("ours");
    checks.iter_mut().for_each(|f| f.path.insert_str(0, "/checks"));
    files.extend(checks);
    files
}

/// Every line that `checks.sh` prints in the guest is the one it prints on another architecture.
#[track_caller]
fn check_programs(test: &str, engine: &str) {
    if offline(test) {
        return;
    }
    let (store, guest) = store();
    let script = format!("dash /checks/checks.sh | cat; {SPEED}");
    let run = run(&guest, programs(&store), &script, &["--engine", engine], "cryptomgr.notests");
    let expected: Vec<&str> = include_str!("programs/expected.txt").lines().collect();
    let seen = between(&run, expected[0], expected[expected.len() - 1]);
    let differ = expected.iter().zip(&seen).filter(|(e, s)| e != s);
    let differ: Vec<String> = differ.map(|(e, s)| format!("expected {e}\nseen     {s}\n")).collect();
    assert!(differ.is_empty() && expected.len() == seen.len(), "{}{}", differ.concat(), run.err);
    assert!(!run.out.contains("FAILED: "), "{}", run.out);
    check_sound(&run);
    let stats: serde_json::Value = serde_json::from_str(run.err.lines().last().expect("stats")).expect("JSON");
    assert_eq!(stats["unallocated"], serde_json::json!({}), "undefined instructions were executed");
}

#[test]
fn debian_programs_give_the_hosts_results() {
    check_programs("debian_programs_give_the_hosts_results", "interp");
}

/// The compiler is there on Linux on x86-64 only.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn debian_programs_give_the_hosts_results_compiled() {
    check_programs("debian_programs_give_the_hosts_results_compiled", "jit");
}

/// Loads `modules`, each with the drivers it registers, into a kernel that tests what is registered.
#[track_caller]
fn check_kernel(test: &str, modules: &[&[(&str, &[&str])]], machine: &[&str]) {
    if offline(test) {
        return;
    }
    let modules = modules.concat();
    let (store, guest) = store();
    let names: Vec<&str> = modules.iter().map(|m| m.0).collect();
    let files = store.modules(GUEST, &names).expect("the kernel's package has them");
    let insert: String = files.iter().map(|f| format!("insmod {} || status=1\n", f.path)).collect();
    // A test may still be under way when its module is there.
    let script = format!(
        "status=0\n{insert}sleep 1; echo = log; dmesg; echo = crypto; cat /proc/crypto; echo = end
        echo no tests: $(cat /sys/module/cryptomgr/parameters/notests); exit $status"
    );
    let run = run(&guest, files, &script, machine, "");
    // Untested is `passed` too, where tests are off.
    assert!(run.out.contains("no tests: N\r\n"), "the kernel does not test:\n{}", run.out);
    let log = between(&run, "= log", "= crypto");
    let failed: Vec<_> = log.iter().filter(|l| l.contains("alg: ") && l.contains("failed")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    check_sound(&run);
    let said = |part: &str| assert!(log.iter().any(|l| l.contains(part)), "no `{part}` in\n{}", log.join("\n"));
    // Which wins depends on the host.
    said("raid6: neonx8   gen()");
    said("raid6: using algorithm ");
    said("raid6: using neon recovery algorithm");
    said("xor: using function:");

    let drivers = drivers(&between(&run, "= crypto", "= end"));
    let untested: Vec<_> = drivers.iter().filter(|d| d.1 != "passed").collect();
    assert!(untested.is_empty(), "{untested:?}");
    let there = |name: &str| drivers.iter().any(|d| d.0 == name);
    let absent: Vec<_> = modules.iter().flat_map(|m| m.1).filter(|name| !there(name)).collect();
    assert!(absent.is_empty(), "not registered: {absent:?}, but {drivers:?}");
}

/// Of each block of /proc/crypto, the driver's name and what became of its test.
fn drivers(lines: &[&str]) -> Vec<(String, String)> {
    let value = |block: &[&str], key: &str| {
        let of = |l: &&str| l.split_once(':').filter(|(k, _)| k.trim() == key).map(|(_, v)| v.trim().to_string());
        block.iter().find_map(of)
    };
    lines.split(|l| l.is_empty()).filter_map(|b| Some((value(b, "driver")?, value(b, "selftest")?))).collect()
}

#[test]
fn the_kernels_own_tests_pass() {
    check_kernel("the_kernels_own_tests_pass", &[MODULES], &[]);
}

#[test]
fn the_kernels_own_tests_pass_on_max() {
    check_kernel("the_kernels_own_tests_pass_on_max", &[MODULES, NEWER_MODULES], &["--cpu", "max"]);
}
