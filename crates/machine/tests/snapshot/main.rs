//! A machine is saved, and another one goes on where it was.

mod words;

use armagic_machine::{
    CharSink, Ending, EngineKind, GicChoice, Machine, MachineSpec, Model, Payload, Product, SnapshotError, Summary,
    Tuning,
};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

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

    /// Waits until `letter` has come so often.
    fn wait(&self, letter: u8, times: usize) {
        let start = Instant::now();
        while self.count(letter) < times {
            assert_eq!(self.count(b'X'), 0, "an interrupt came twice, or time went back");
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "the guest does not go on: {:?}",
                (self.count(b's'), self.count(b't'))
            );
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// The program of `ping.S`.
static PING: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = vec![0; 0x2000];
    for (offset, words) in words::SEGMENTS {
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        bytes[*offset..].iter_mut().zip(words).for_each(|(to, from)| *to = from);
    }
    bytes
});

fn spec(gic: GicChoice, engine: EngineKind) -> MachineSpec {
    MachineSpec {
        cpus: 2,
        memory: 64 << 20,
        model: Model::by_name("neoverse-n1").unwrap(),
        engine,
        tuning: Tuning::default(),
        devices: Vec::new(),
        gic,
        payload: Payload::Program(PING.clone()),
        initrd: None,
        append: String::new(),
        dtb: None,
    }
}

/// Runs the machine until the guest has said `s` and `t`, and `more` has passed; then saves it.
fn run_and_save(mut machine: Machine, heard: &Heard, more: Duration, path: &Path) {
    machine.hold_when_stopped();
    let stopper = machine.stopper();
    let run = thread::spawn(move || (machine.run(), machine));
    heard.wait(b's', 2);
    heard.wait(b't', 1);
    thread::sleep(more);
    stopper.stop();
    let (ending, machine) = run.join().unwrap();
    assert_eq!(ending.unwrap(), Ending::Stopped);
    machine.save(path).unwrap();
    assert_eq!(heard.count(b'X'), 0);
    machine.finish();
}

/// How often a machine is saved and goes on.
fn cycles() -> usize {
    std::env::var("ARMAGIC_SNAPSHOT_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

fn check(gic: GicChoice) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine");
    let engines = [EngineKind::Interp, EngineKind::fastest()];
    let heard = Heard::default();
    let machine = Machine::new(spec(gic, engines[0]), Box::new(heard.clone())).unwrap();
    run_and_save(machine, &heard, Duration::ZERO, &path);
    for cycle in 0..cycles() {
        let heard = Heard::default();
        let engine = engines[(cycle + 1) % 2];
        let machine = Machine::resume(&path, engine, Tuning::default(), Box::new(heard.clone())).unwrap();
        // Not always at the same place in a round.
        run_and_save(machine, &heard, Duration::from_micros(37 * (cycle as u64 % 32)), &path);
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    check(GicChoice::default());
}

#[test]
fn nor_with_the_gic_of_kvm() {
    check(GicChoice { product: Product::Kvm, ..GicChoice::default() });
}

#[test]
fn nor_with_one_that_is_powered_up() {
    check(GicChoice { product: Product::Gic600, eppis: 64, espis: 1024, spis: 988, ..GicChoice::default() });
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
