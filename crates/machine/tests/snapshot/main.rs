//! A machine is saved, and another one goes on where it was.
#![allow(clippy::useless_conversion)] // dynasm! converts every register number

mod full;
mod guest;
mod hostile;
mod levels;
mod noise;
mod running;

use armagic_machine::{
    CharSink, EngineKind, GicChoice, Machine, MachineSpec, Model, Payload, SnapshotError, Summary, Tuning,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts what the guest says, by letter.
#[derive(Clone)]
struct Heard(Arc<[AtomicUsize; 256]>);

impl Default for Heard {
    fn default() -> Heard {
        Heard(Arc::new(std::array::from_fn(|_| AtomicUsize::new(0))))
    }
}

impl CharSink for Heard {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| _ = self.0[*byte as usize].fetch_add(1, Relaxed));
    }
}

impl Heard {
    fn count(&self, letter: u8) -> usize {
        self.0[letter as usize].load(Relaxed)
    }
}

fn spec(gic: GicChoice, engine: EngineKind) -> MachineSpec {
    MachineSpec {
        cpus: 2,
        memory: 64 << 20,
        model: Model::by_name("neoverse-n1").unwrap(),
        engine,
        tuning: Tuning::default(),
        devices: Vec::new(),
        gic,
        payload: Payload::Program(vec![0; 64]),
        initrd: None,
        append: String::new(),
        dtb: None,
    }
}

/// A file of a machine, and what `resume` says of it after `change`.
#[track_caller]
fn refused(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine");
    let machine = Machine::new(spec(GicChoice::default(), EngineKind::Interp), Box::new(Heard::default())).unwrap();
    machine.hold_when_stopped();
    machine.stopper().stop();
    machine.save(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    _ = Summary::read(&path, true).map(|summary| summary.to_string());
    let made = Machine::resume(&path, EngineKind::Interp, Tuning::default(), Box::new(Heard::default()));
    made.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    assert_eq!(refused(|_| ()), "");
    let says = |said: String, what: &str| assert!(said.contains(what), "{said}");
    says(refused(|bytes| bytes[0] = b'B'), "not a snapshot");
    says(refused(|bytes| bytes.truncate(5)), "not a snapshot");
    says(refused(|bytes| bytes[8] = 99), "version 99");
    says(refused(|bytes| bytes.truncate(bytes.len() - 1)), "it ends in the part `RAM`");
    says(refused(|bytes| bytes.truncate(40)), "it ends in the part `board`");
    says(refused(|bytes| bytes[40] ^= 1), "corrupted in the part `board`");
    says(refused(|bytes| *bytes.last_mut().unwrap() ^= 1), "corrupted in the part `RAM`");
    // A length that nothing has.
    says(refused(|bytes| bytes[16..24].fill(0xff)), "truncated");
}

/// Every byte that could be another is met by a checksum, and none makes anything panic.
#[test]
fn no_byte_can_be_changed_unnoticed() {
    for n in 0..40 {
        let mut length = 0;
        let said = refused(|bytes| {
            length = bytes.len();
            bytes[n * 7919 % length] ^= 0x10;
        });
        assert!(!said.is_empty(), "byte {} of {length}", n * 7919 % length);
    }
}

#[test]
fn a_machine_that_is_not_held_cannot_be_saved() {
    let machine = Machine::new(spec(GicChoice::default(), EngineKind::Interp), Box::new(Heard::default())).unwrap();
    let error = machine.save(Path::new("/nowhere/at/all")).unwrap_err();
    let held = matches!(&error, armagic_machine::MachineError::Snapshot { cause: SnapshotError::NotHeld, .. });
    assert!(held, "{error}");
}
