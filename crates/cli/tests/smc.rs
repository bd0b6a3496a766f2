//! `--check-smc`: a guest that forgets cache maintenance is told so, one that does not is not.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use common::{armagic, offline};
use std::io::Write;

const NOP: u32 = 0xd503_201f;
const DSB_ISH: u32 = 0xd503_3b9f;
const IC_IVAU_X1: u32 = 0xd50b_7521;
const ISB: u32 = 0xd503_3fdf;

/// A function is called, changed, and called again, with `maintenance` between.
fn program(maintenance: [u32; 4], new: u32) -> Vec<u8> {
    let before = [
        0xd538_1009, // mrs x9, sctlr_el1
        0xb274_0129, // orr x9, x9, #1 << 12: I
        0xd518_1009, // msr sctlr_el1, x9
        ISB,
        0x1000_01a1,                       // adr x1, function
        0x9400_000c,                       // bl function
        0x5280_0002 | (new & 0xffff) << 5, // movz w2, ...
        0x72a0_0002 | new >> 16 << 5,      // movk w2, ..., lsl #16
        0xb900_0022,                       // str w2, [x1]
    ];
    let after = [
        0x9400_0004, // bl function
        0x5280_0100, // movz w0, #8
        0x72b0_8000, // movk w0, #0x8400, lsl #16: SYSTEM_OFF
        0xd400_0002, // hvc #0
        FUNCTION,
        0xd65f_03c0, // ret
    ];
    [&before[..], &maintenance, &after].concat().into_iter().flat_map(u32::to_le_bytes).collect()
}

/// movz x0, #1 and #2.
const FUNCTION: u32 = 0xd280_0020;
const OTHER: u32 = 0xd280_0040;

#[track_caller]
fn check(maintenance: [u32; 4], new: u32, says: &[&str]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&program(maintenance, new)).expect("written");
    let kernel = file.path().to_str().expect("UTF-8");
    let run = armagic(&["boot", "--kernel", kernel, "--engine", "jit", "--check-smc", "--timeout", "20"]).ended(0);
    assert_eq!(run.err.matches("--check-smc").count(), usize::from(!says.is_empty()), "{}", run.err);
    says.iter().for_each(|text| assert!(run.err.contains(text), "no `{text}` in {}", run.err));
}

#[test]
fn forgotten_maintenance_is_reported_with_the_store() {
    let says = ["executes 0x40080044", "the store at 0x40080020", "from d2800020 to d2800040", "without IC"];
    check([NOP; 4], OTHER, &says);
    check([DSB_ISH, NOP, DSB_ISH, ISB], OTHER, &says);
    check([DSB_ISH, IC_IVAU_X1, DSB_ISH, ISB], OTHER, &[]);
    check([NOP; 4], FUNCTION, &[]);
}

#[test]
fn debian_does_its_maintenance() {
    if offline("debian_does_its_maintenance") {
        return;
    }
    let args = ["boot", "debian", "--engine", "jit", "--check-smc", "--run", "true", "--timeout", "300"];
    let run = armagic(&args).ended(0);
    assert!(!run.err.contains("--check-smc"), "{}", run.err);
}
