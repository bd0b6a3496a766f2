//! `armagic jit`: what it shows, and what it says when there is nothing to show.

mod common;

use common::armagic;
use std::io::Write;

const ADD_X0_X1_X2_LSL_3: u32 = 0x8b02_0c20;
const LDR_X3_X0_8: u32 = 0xf840_8403;
const RET: u32 = 0xd65f_03c0;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file
}

fn program() -> Vec<u8> {
    [ADD_X0_X1_X2_LSL_3, LDR_X3_X0_8, RET].map(u32::to_le_bytes).concat()
}

/// An executable with `text` at 0x10000, which is entered there.
fn elf(text: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    [2u16, 183].iter().for_each(|h| file.extend(h.to_le_bytes())); // ET_EXEC, EM_AARCH64
    file.extend(1u32.to_le_bytes());
    [0x10000u64, 64, 0].iter().for_each(|w| file.extend(w.to_le_bytes())); // entry, program headers, section headers
    file.extend(0u32.to_le_bytes());
    [64u16, 56, 1, 64, 0, 0].iter().for_each(|h| file.extend(h.to_le_bytes()));
    [1u32, 5].iter().for_each(|w| file.extend(w.to_le_bytes())); // PT_LOAD, R and X
    let size = text.len() as u64;
    [120, 0x10000, 0x10000, size, size, 4096].iter().for_each(|w| file.extend(w.to_le_bytes()));
    file.extend(text);
    file
}

/// The listing has all of `words`, in this order.
#[track_caller]
fn check(bytes: &[u8], args: &[&str], words: &[&str]) {
    let file = file(bytes);
    let run = armagic(&[&["jit", file.path().to_str().unwrap()], args].concat()).ended(0);
    let mut rest = &*run.out;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("`{word}` is not where it should be in\n{}", run.out));
        rest = &rest[at..];
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn guest_micro_ops_and_host_code_are_side_by_side() {
    let add = ["0x40080000  8b020c20  add x0, x1, x2, lsl #3", "x0 = Add(x1, Lsl(x2, 3))", "mov"];
    check(&program(), &["--length", "3"], &add);
    let ldr = [
        "0x40080004  f8408403  ldr x3, [x0], #8",
        "t0 = load64 [x0]",
        "x3 = t0",
        "x0 = Add(x0, 8)",
        "ret",
        "out of line",
    ];
    check(&program(), &["--pc", "0x40080004", "--length", "2"], &ldr);
    check(&elf(&program()), &[], &["0x10000 ", "add x0, x1, x2, lsl #3", "0x10008", "ret"]);
    check(&elf(&program()), &["--pc", "10008"], &["0x10008  d65f03c0  ret", "pc = x30 (Return)"]);
}

#[test]
fn what_is_not_there_is_named() {
    let says = |bytes: &[u8], args: &[&str], words: &[&str]| {
        let file = file(bytes);
        let run = armagic(&[&["jit", file.path().to_str().unwrap()], args].concat());
        assert!(matches!(run.status, 2 | 3), "{} {}", run.status, run.err);
        words.iter().for_each(|w| assert!(run.err.contains(w), "`{w}` is not in: {}", run.err));
        assert!(!run.err.contains("panicked at"), "{}", run.err);
    };
    says(&program(), &["--pc", "0x1000"], &["0x40080000", "0x1000 is outside"]);
    says(&program(), &["--pc", "0x40080002"], &["multiples of 4"]);
    says(&program(), &["--pc", "here"], &["`here`", "hexadecimal"]);
    says(&program(), &["--symbol", "main"], &["only ELF files"]);
    says(&elf(&program()), &["--symbol", "main"], &["no symbol `main`"]);
    says(&elf(&program()), &["--pc", "0x20000"], &["nothing at 0x20000"]);
    says(b"", &[], &["empty"]);
    let run = armagic(&["jit", "/nonexistent/Image"]).ended(3);
    assert!(run.err.contains("/nonexistent/Image"), "{}", run.err);
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn statistics_say_what_the_compiler_did() {
    let run = armagic(&["demo", "--engine", "jit", "--tune", "hot=1", "--stats", "json", "--timeout", "60"]).ended(0);
    let stats: serde_json::Value = serde_json::from_str(run.err.lines().last().expect("stats")).expect("JSON");
    let compiled = &stats["compiled"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or_else(|| panic!("no number in {compiled}"));
    let positive = ["blocks", "entries", "compile_seconds", "instructions_per_entry", "host_bytes", "slow"];
    positive.iter().for_each(|name| assert!(number(&compiled[name]) > 0.0, "{name} in {compiled}"));
    let sum = |group: &serde_json::Value, names: &[&str]| names.iter().map(|name| number(&group[name])).sum::<f64>();
    let exits = sum(&compiled["exits"], &["lookup", "link", "event", "interpret"]);
    assert_eq!(exits, number(&compiled["entries"]), "every entry is left once: {compiled}");
    let slow = sum(&compiled["out_of_line"], &["miss", "device", "unaligned", "crossing"]);
    assert!(slow > 0.0 && slow <= number(&compiled["slow"]), "{compiled}");
    assert!(number(&compiled["out_of_line"]["device"]) > 0.0, "it prints: {compiled}");
    let inline = &compiled["inline"];
    let begun = sum(inline, &["direct", "jump_hits", "turns", "entries"]);
    assert_eq!(begun, number(&inline["blocks"]), "every block is begun somehow: {compiled}");
    assert_eq!(number(&inline["entries"]), number(&compiled["entries"]), "{compiled}");
    let checked = sum(inline, &["shared", "remembered", "tlb_hits", "tlb_misses"]);
    assert!(number(&inline["accesses"]) > 0.0 && number(&inline["accesses"]) <= checked, "{compiled}");
    let misses = number(&inline["tlb_misses"]);
    assert!(slow <= misses && misses <= number(&compiled["slow"]), "each was done out of line: {compiled}");
    for rate in ["without_tlb", "tlb", "second_level", "jump_cache", "chained"] {
        assert!((0.0..=1.0).contains(&number(&stats["rates"][rate])), "{rate} of {stats}");
    }
    let run = armagic(&["demo", "--engine", "jit", "--stats", "--timeout", "60"]).ended(0);
    let says = ["jit engine, ", "compiled ", "entered ", "out of line: TLB miss ", "by the interpreter: ", " chained)"];
    says.iter().for_each(|text| assert!(run.err.contains(text), "no `{text}` in {}", run.err));
}
