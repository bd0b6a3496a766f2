//! EL3, EL2 and two security states as firmware sees them. `levels/expected.txt` is what an independent model of the
//! same board (QEMU 7.2, `virt,secure=on,virtualization=on`, cortex-a57) prints of the same program.

mod common;

use common::armagic;

/// The program as an ELF file, which starts at the highest level.
fn elf() -> tempfile::NamedTempFile {
    const LOAD: u64 = 0x4008_0000;
    const OFFSET: u64 = 0x1000;
    let program = firmware::levels();
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    let half = |bytes: &mut Vec<u8>, values: &[u16]| values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    let word = |bytes: &mut Vec<u8>, values: &[u32]| values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    let wide = |bytes: &mut Vec<u8>, values: &[u64]| values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    half(&mut bytes, &[2, 183]); // executable, AArch64
    word(&mut bytes, &[1]);
    wide(&mut bytes, &[LOAD, 64, 0]);
    word(&mut bytes, &[0]);
    half(&mut bytes, &[64, 56, 1, 0, 0, 0]);
    word(&mut bytes, &[1, 7]); // one segment
    let length = program.len() as u64;
    wide(&mut bytes, &[OFFSET, LOAD, LOAD, length, length, OFFSET]);
    bytes.resize(OFFSET as usize, 0);
    bytes.extend(program);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("the file is writable");
    file
}

#[track_caller]
fn check(engine: &[&str]) {
    let file = elf();
    let path = file.path().to_str().expect("a name in ASCII");
    let board = ["boot", "--kernel", path, "--secure", "--virtualization", "--cpu", "cortex-a57", "--smp", "1"];
    let end = ["--until", "LEVELS-OK", "--timeout", "60"];
    let run = armagic(&[&board[..], &end[..], engine].concat()).ended(0);
    let lines = |text: &str| text.lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>();
    let (got, want) = (lines(&run.out), lines(include_str!("levels/expected.txt")));
    let first = got.iter().zip(&want).position(|(got, want)| got != want);
    assert_eq!(first.map(|n| (&got[n], &want[n])), None, "what we print, and what is expected");
    assert_eq!(got.len(), want.len());
}

#[test]
fn interpreted() {
    check(&["--engine", "interp"]);
}

#[test]
fn compiled() {
    check(&["--engine", "jit", "--tune", "hot=1"]);
}

#[test]
fn verified() {
    check(&["--engine", "verify"]);
}
