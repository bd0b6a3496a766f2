//! `--gic strict` and `--gic relaxed`: Debian does nothing wrong, and waits for what it has to wait for; a guest that
//! ends what it never acknowledged is told so.

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
