//! Files that are well-formed and say what no machine is: every checksum is right, and the contents are not. Each is refused
//! with a sentence that says where, or makes a machine that runs, in whatever state its guest could have come to.

use crate::Heard;
use crate::noise::Noise;
use crate::running::saved;
use armagic_machine::{Ending, EngineKind, Machine, Summary, Tuning};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Magic and version; a part's tag and length; its checksum.
const HEAD: usize = 12;
const BEFORE: usize = 12;
const AFTER: usize = 4;

/// The parts of a file, by tag.
fn parts(file: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let (mut at, mut parts) = (HEAD, Vec::new());
    while at < file.len() {
        let length = u64::from_le_bytes(file[at + 4..at + BEFORE].try_into().unwrap()) as usize;
        parts.push((file[at..at + 4].try_into().unwrap(), file[at + BEFORE..at + BEFORE + length].to_vec()));
        at += BEFORE + length + AFTER;
    }
    parts
}

/// The file again, with lengths and checksums as they must be.
fn assemble(head: &[u8], parts: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut file = head[..HEAD].to_vec();
    for (tag, contents) in parts {
        let start = file.len();
        file.extend(tag);
        file.extend((contents.len() as u64).to_le_bytes());
        file.extend(contents);
        file.extend(crc32fast::hash(&file[start..]).to_le_bytes());
    }
    file
}

/// What `resume` says of a file whose part `tag` is `contents`.
fn said(file: &[u8], tag: &[u8; 4], contents: &[u8]) -> String {
    let mut parts = parts(file);
    parts.iter_mut().find(|part| part.0 == *tag).unwrap().1 = contents.to_vec();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine");
    std::fs::write(&path, assemble(file, &parts)).unwrap();
    let shown = Summary::read(&path, true).err().map(|error| error.to_string());
    let made = Machine::resume(&path, EngineKind::Interp, Tuning::default(), Box::new(Heard::default()));
    let said = made.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(said.contains(&shown.unwrap_or_default()), "`show` and `load` say the same: {said}");
    said
}

/// As `postcard` has it.
fn varints(values: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        let mut left = *value;
        while left >= 0x80 {
            bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        bytes.push(left as u8);
    }
    bytes
}

#[test]
fn runs_of_pages_are_those_of_ram() {
    let file = saved("sgi");
    let says = |runs: &[u64], what: &str| {
        let said = said(&file, b"RUNS", &varints(runs));
        assert!(said.contains("the part `map of RAM`") && said.contains(what), "{said}");
    };
    says(&[1, 1 << 14, 1], "outside RAM");
    says(&[1, u64::MAX, 2], "outside RAM");
    says(&[1, 0, u64::MAX], "outside RAM");
    says(&[2, 0x80, 2, 0x81, 1], "overlaps");
    says(&[2, 0x82, 1, 0x80, 1], "comes too late");
    says(&[1, 0x80, 0], "is empty");
    says(&[1, 0, 1 << 14], "not as many");
    says(&[0], "not as many");
    says(&[1 << 60], "cannot be decoded");
    says(&[1 << 60, 0x80, 1], "cannot be decoded");
}

#[test]
fn a_part_says_what_it_holds_and_no_more() {
    let file = saved("sgi");
    for (tag, contents) in parts(&file).iter().filter(|part| part.0 != *b"PAGE") {
        let more = [&contents[..], &[0]].concat();
        assert!(said(&file, tag, &more).contains("bytes after its end"), "{tag:?}");
        let less = &contents[..contents.len() - 1];
        assert!(said(&file, tag, less).contains("cannot be decoded"), "{tag:?}");
        assert!(said(&file, tag, &[]).contains("cannot be decoded"), "{tag:?}");
        assert!(said(&file, tag, &[0xff; 4096]).contains("cannot be decoded"), "{tag:?}");
    }
}

/// Bytes of some parts become others.
fn mutate(noise: &mut Noise, parts: &mut [([u8; 4], Vec<u8>)]) {
    for _ in 0..1 + noise.below(3) {
        let place = noise.of(&[0, 1, 1, 1, 2, 2, 2, 3, 4, 5]);
        let contents = &mut parts[place].1;
        for _ in 0..1 + noise.below(8) {
            let at = noise.below(contents.len().max(1) as u64) as usize;
            match noise.below(8) {
                0 if !contents.is_empty() => _ = contents.remove(at),
                1 => contents.insert(at.min(contents.len()), noise.any() as u8),
                2 => contents.iter_mut().skip(at).take(9).for_each(|byte| *byte = 0xff),
                _ => {
                    let flipped = 1 << noise.below(8);
                    let byte = noise.any() as u8;
                    let any = noise.one_in(2);
                    contents.iter_mut().skip(at).take(1).for_each(|it| *it = if any { byte } else { *it ^ flipped });
                }
            }
        }
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Runs a machine for a little while.
fn run(mut machine: Machine, seed: u64) {
    let (done, ended) = mpsc::channel();
    let stopper = machine.stopper();
    let run = thread::spawn(move || {
        let ending = machine.run();
        machine.finish();
        _ = done.send(ending.unwrap());
    });
    thread::sleep(Duration::from_micros(700));
    stopper.stop();
    let ending = ended.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("seed {seed:#x} does not end"));
    assert!(!matches!(ending, Ending::Internal(_)), "seed {seed:#x}: {ending:?}");
    run.join().unwrap();
}

/// What becomes of a file: did it make a machine?
fn resume(path: &Path, engine: EngineKind, seed: u64) -> bool {
    _ = Summary::read(path, false).map(|summary| summary.to_string());
    match Machine::resume(path, engine, Tuning::default(), Box::new(Heard::default())) {
        Ok(machine) => {
            run(machine, seed);
            true
        }
        Err(error) => {
            let said = error.to_string();
            let names = ["the part `", "CPU ", "the GIC refuses", "its CPUs are", "cannot start", "engine"];
            assert!(names.iter().any(|name| said.contains(name)), "seed {seed:#x}: {said}");
            false
        }
    }
}

/// `ARMAGIC_SNAPSHOT_FUZZ` changes as many files, `ARMAGIC_SNAPSHOT_SEED` begins elsewhere.
#[test]
fn whatever_is_in_a_file_nothing_breaks() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (times, first) = (number("ARMAGIC_SNAPSHOT_FUZZ").unwrap_or(600), number("ARMAGIC_SNAPSHOT_SEED").unwrap_or(1));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Relaxed);
        hook(info);
    }));
    let bases = ["sgi", "its", "kvm", "gic-600", "its, relaxed", "nmi", "secure", "virtualization"];
    let files = bases.map(saved);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine");
    let mut made = 0;
    for n in first..first + times {
        let seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let (mut noise, file) = (Noise(seed), &files[n as usize % files.len()]);
        let mut parts = parts(file);
        mutate(&mut noise, &mut parts);
        std::fs::write(&path, assemble(file, &parts)).unwrap();
        let engine = noise.of(&[EngineKind::Interp, EngineKind::fastest()]);
        made += usize::from(resume(&path, engine, n));
        assert_eq!(PANICS.load(Relaxed), 0, "seed {n}, of `{}`", bases[n as usize % bases.len()]);
    }
    eprintln!("{made} of {times} files made a machine");
    assert!(made * 20 > times as usize, "most changes that are refused test nothing else: {made} of {times}");
}
