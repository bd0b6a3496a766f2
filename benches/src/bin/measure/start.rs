//! `start`: from process start to the first guest instruction, told by the first byte that a guest prints.
//!
//! The guest prints with its fifth instruction. Nothing is subtracted, so this is an upper bound.

use crate::Bench;
use crate::report::{Row, Target};
use anyhow::{Context, Result, ensure};
use armagic_benches::session::Session;
use guest::Store;
use std::fs;
use std::path::Path;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let hello = bench.dir.join("hello.bin");
    write(&hello, firmware::hello())?;
    let hello = hello.to_string_lossy();
    let mut rows = Vec::new();
    for (name, smp, memory) in
        [("smp 1, 1G", "1", "1G"), ("smp 8, 1G", "8", "1G"), ("smp 64, 1G", "64", "1G"), ("smp 1, 32G", "1", "32G")]
    {
        rows.push(row(bench, name, &["--smp", smp, "--memory", memory, "--kernel", &hello])?);
    }
    for name in &bench.guests {
        let guest = Store::default_location()?.get(name).context("fetch it with `armagic guest fetch` first")?;
        let kernel = bench.dir.join("hello.Image");
        write(&kernel, &speaking(&fs::read(&guest.kernel).context("cannot read the guest's kernel")?)?)?;
        let (kernel, initrd) = (kernel.to_string_lossy(), guest.initrd.to_string_lossy());
        let args = ["--smp", "1", "--memory", "1G", "--kernel", &kernel, "--initrd", &initrd];
        rows.push(row(bench, &format!("{name}'s Image and initrd, 1G"), &args)?);
    }
    Ok(rows)
}

fn row(bench: &Bench, name: &str, args: &[&str]) -> Result<Row> {
    let mut samples = Vec::new();
    for _ in 0..bench.runs(15) {
        let mut session = Session::boot(&bench.armagic, args)?;
        samples.push(session.expect("!")?.as_secs_f64() * 1e3);
        let run = session.finish()?;
        ensure!(run.status == 0 && run.out == "!", "status {}, console {:?}\n{}", run.status, run.out, run.err);
    }
    Ok(Row::new(format!("first byte, {name}"), "ms", Some(Target::AtMost(20.0)), samples))
}

/// An `Image` that is loaded as `image` is, and does what `firmware::hello` does.
fn speaking(image: &[u8]) -> Result<Vec<u8>> {
    // The kernel's Documentation/arch/arm64/booting: 64 bytes of header, of which code1 is the second word.
    const HEADER: usize = 64;
    let mut image = image.to_vec();
    ensure!(image.get(56..60) == Some(b"ARM\x64"), "the guest's kernel is not a plain Image");
    let branch = 0x1400_0000u32 | ((HEADER as u32 - 4) / 4); // b HEADER
    image[4..8].copy_from_slice(&branch.to_le_bytes());
    let hello = firmware::hello();
    image[HEADER..HEADER + hello.len()].copy_from_slice(hello);
    Ok(image)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
