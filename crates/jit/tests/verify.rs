//! `--engine verify`: what agrees runs to its end, and what does not is caught and shown.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use armagic_jit::{Jit, Options, PerfMap, Turn};
use common::{RAM, poke, vcpu};
use cpu::Exit;
use std::sync::Arc;

const CODE: u64 = RAM + 0x4000;
const DATA: u64 = RAM + 0x8000;
const ADD_X0_X0_1: u32 = 0x9100_0400;
const ADD_X0_X0_2: u32 = 0x9100_0800;
const STR_X0_X1_8: u32 = 0xf800_8420;
const STR_X0_X1_16: u32 = 0xf801_0420;
const STUR_X0_X1: u32 = 0xf800_0020;
const STUR_X0_X1_8: u32 = 0xf800_8020;
const SUBS_X2_X2_1: u32 = 0xf100_0442;
const SUBS_W2_W2_1: u32 = 0x7100_0442;
const B_NE_BACK_3: u32 = 0x54ff_ffa1;
const EOR_V0_V0_V1: u32 = 0x6e21_1c00;
const EOR_V0_V1_V1: u32 = 0x6e21_1c20;
const HVC: u32 = 0xd400_0002;

/// A loop of `body` and two more, compiled with one word taken for another.
fn run(body: u32, planted: Option<(u32, u32)>) -> (Exit, Jit) {
    let options = Options { hot: 1, verify: Some(Arc::new(Turn::default())), planted, ..Options::default() };
    assert_eq!(options.check(), Ok(()));
    let mut jit = Jit::with(vcpu(true), &options).unwrap();
    poke(&jit.interp.cpu, CODE, &[ADD_X0_X0_1, body, SUBS_X2_X2_1, B_NE_BACK_3, HVC]);
    let regs = &mut jit.interp.cpu.regs;
    (regs.pc, regs.x[1], regs.x[2]) = (CODE, DATA, 100);
    (regs.v[0], regs.v[1]) = (1.5f64.to_bits().into(), 0.25f64.to_bits().into());
    (jit.run(), jit)
}

#[test]
fn what_agrees_runs_to_its_end() {
    for body in [STR_X0_X1_8, STUR_X0_X1, EOR_V0_V0_V1] {
        let (exit, mut jit) = run(body, None);
        assert_eq!((exit, jit.difference()), (Exit::Firmware, None));
        assert_eq!((jit.interp.cpu.regs.x[0], jit.interp.counts.instructions), (100, 401));
        assert!(jit.compared() >= 4, "{}", jit.compared());
    }
}

/// The report has all of `says`.
#[track_caller]
fn check(body: u32, planted: (u32, u32), says: &[&str]) {
    let (exit, mut jit) = run(body, Some(planted));
    assert_eq!(exit, Exit::Control);
    let report = jit.difference().expect("an error was planted");
    says.iter().for_each(|text| assert!(report.contains(text), "no `{text}` in\n{report}"));
    assert_eq!(jit.difference(), None);
}

#[test]
fn a_wrong_register_is_shown() {
    let row = format!("  {:<16}{:<36}{}\n", "x0", "0x0000000000000001", "0x0000000000000002");
    check(
        STUR_X0_X1,
        (ADD_X0_X0_1, ADD_X0_X0_2),
        &[&row, "0x40004000", "add x0, x0, #1", "out of line", "mov qword ptr"],
    );
}

#[test]
fn a_store_that_is_elsewhere_is_shown_at_both_places() {
    let row =
        |at: u64, want: u64, got: u64| format!("  {:<16}{want:#018x}{:18}{got:#018x}\n", format!("[{at:#x}]"), "");
    let rows = [row(DATA, 1, 0), row(DATA + 8, 0, 1)];
    check(STUR_X0_X1, (STUR_X0_X1, STUR_X0_X1_8), &[&rows[0], &rows[1]]);
    check(STR_X0_X1_8, (STR_X0_X1_8, STR_X0_X1_16), &["x1 "]);
}

#[test]
fn a_wrong_vector_is_shown() {
    check(EOR_V0_V0_V1, (EOR_V0_V0_V1, EOR_V0_V1_V1), &["v0 "]);
    let planted = Options { planted: Some((SUBS_X2_X2_1, ADD_X0_X0_1)), ..Options::default() };
    assert!(planted.check().is_err(), "of another row");
    let planted = Options { planted: Some((SUBS_X2_X2_1, SUBS_W2_W2_1)), ..Options::default() };
    assert_eq!(planted.check(), Ok(()));
}

#[test]
fn perf_learns_where_blocks_are() {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let options = Options { hot: 1, perf_map: Some(Arc::new(PerfMap::create().unwrap())), ..Options::default() };
    let mut jit = Jit::with(vcpu(true), &options).unwrap();
    poke(&jit.interp.cpu, CODE, &[ADD_X0_X0_1, HVC]);
    jit.interp.cpu.regs.pc = CODE;
    assert_eq!(jit.run(), Exit::Firmware);
    let map = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let line = map.lines().find(|line| line.ends_with(" guest_40004000_el1")).unwrap_or_else(|| panic!("{map}"));
    let numbers: Vec<_> = line.split(' ').take(2).map(|hex| u64::from_str_radix(hex, 16).unwrap()).collect();
    assert!(numbers[0] > 0x1000 && (8..200).contains(&numbers[1]), "{line}");
}
