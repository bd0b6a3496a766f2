//! `--gic`. Strict and relaxed: Debian does nothing wrong, and waits for what it has to wait for; a guest that ends what
//! it never acknowledged is told so. Models and sizes: Debian finds them.

mod common;

use common::{armagic, offline};
use std::io::Write;

const ENDS_NOTHING: [u32; 5] = [
    0xd280_0360, // movz x0, #27
    0xd518_cc20, // msr icc_eoir1_el1, x0
    0x52b0_8000, // movz w0, #0x8400, lsl #16: SYSTEM_OFF
    0x7280_0100, // movk w0, #8
    0xd400_0002, // hvc #0
];

#[test]
fn debian_does_nothing_unpredictable() {
    if offline("debian_does_nothing_unpredictable") {
        return;
    }
    let run = armagic(&["boot", "debian", "--gic", "strict", "--run", "true", "--timeout", "300"]).ended(0);
    assert!(!run.err.contains("--gic strict"), "{}", run.err);
}

#[test]
fn debian_polls_where_it_must() {
    if offline("debian_polls_where_it_must") {
        return;
    }
    armagic(&["boot", "debian", "--gic", "relaxed", "--run", "true", "--timeout", "300"]).ended(0);
}

#[test]
fn an_end_without_an_acknowledge_is_reported() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(ENDS_NOTHING.map(u32::to_le_bytes).as_flattened()).expect("written");
    let kernel = file.path().to_str().expect("UTF-8");
    let run = |mode| armagic(&["boot", "--kernel", kernel, "--gic", mode, "--timeout", "20"]).ended(0).err;
    let expect = "ICC_EOIR1_EL1, CPU 0: EOI of INTID 27 with nothing acknowledged; ignored (1 times)";
    assert!(run("strict").contains(expect), "{}", run("strict"));
    assert!(!run("fast").contains("EOI"));
}

/// What Debian says of the GIC, with 64 CPUs where the compiler is.
#[track_caller]
fn check_found(test: &str, gic: &str, found: &[&str]) {
    if offline(test) {
        return;
    }
    let smp = if cfg!(all(target_arch = "x86_64", target_os = "linux")) { "64" } else { "2" };
    let said = "dmesg | grep GIC; echo CPUS $(nproc)";
    let run = armagic(&["boot", "debian", "--smp", smp, "--gic", gic, "--run", said, "--timeout", "300"]).ended(0);
    for text in found.iter().copied().chain([format!("CPUS {smp}").as_str()]) {
        assert!(run.out.contains(text), "no `{text}` in\n{}", run.out);
    }
    for bad in ["Oops", "BUG:", "WARNING:", "rcu: INFO", "soft lockup"] {
        assert!(!run.out.contains(bad), "{bad} in\n{}", run.out);
    }
}

#[test]
fn debian_finds_extended_ranges_of_a_gic_600() {
    let found = ["GICv3: 960 SPIs implemented", "GICv3: 1024 Extended SPIs implemented", "80 PPIs"];
    check_found("debian_finds_extended_ranges_of_a_gic_600", "strict,gic-600,spis=960,espis=1024,eppis=64", &found);
}

#[test]
fn debian_uses_direct_lpis_of_a_gic_700() {
    let found = ["GICv3: 256 SPIs implemented", "16 PPIs, RSS, DirectLPI"];
    check_found("debian_uses_direct_lpis_of_a_gic_700", "relaxed,gic-700,direct-lpis", &found);
}

#[test]
fn debian_takes_kvms_gic() {
    check_found("debian_takes_kvms_gic", "kvm", &["GICv3: 0 Extended SPIs implemented"]);
}
