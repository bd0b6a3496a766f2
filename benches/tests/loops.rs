//! The smoke size of `measure mips`: every loop prints what the host computes, with the MMU off and on.

use firmware::Loop;
use machine::{CharSink, Ending, EngineKind, Machine, MachineSpec, Model, Payload, Tuning};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl CharSink for Console {
    fn write(&mut self, bytes: &[u8]) {
        self.0.lock().expect("no holder panics").extend(bytes);
    }
}

/// Runs it, compares what it prints, and gives the instructions it took.
#[track_caller]
fn check(which: Loop, rounds: u64, mmu: bool, engine: EngineKind) -> u64 {
    let console = Console::default();
    let spec = MachineSpec {
        cpus: 1,
        memory: 256 << 20,
        model: Model::by_name("neoverse-n1").expect("the default model"),
        engine,
        tuning: Tuning::default(),
        payload: Payload::Program(which.program(rounds, mmu)),
        initrd: None,
        append: String::new(),
        dtb: None,
        devices: Vec::new(),
        gic: Default::default(),
    };
    let mut machine = Machine::new(spec, Box::new(console.clone())).expect("the machine is ordinary");
    let ending = machine.run().expect("it starts");
    let text = String::from_utf8_lossy(&console.0.lock().expect("no holder panics")).into_owned();
    assert!(matches!(ending, Ending::PowerOff), "{} ended otherwise; console: {text}", which.name());
    assert_eq!(text, format!("{:#x}\nLOOPS-OK\n", which.checksum(rounds)), "{}, MMU {mmu}", which.name());
    machine.finish().instructions
}

/// Every engine that this host has.
fn engines() -> Vec<EngineKind> {
    [EngineKind::Interp, EngineKind::Jit]
        .into_iter()
        .filter(|engine| engine.check(&Tuning::default()).is_ok())
        .collect()
}

#[test]
fn checksums_are_the_hosts() {
    for which in Loop::ALL {
        for rounds in [1, 2, 17] {
            let counts = |mmu| engines().into_iter().map(|e| check(which, rounds, mmu, e)).collect::<Vec<_>>();
            let (off, on) = (counts(false), counts(true));
            assert!(off[0] < on[0], "an identity map is built with instructions");
            let same = |counts: &[u64]| counts.iter().all(|n| *n == counts[0]);
            assert!(same(&off) && same(&on), "{}: engines count {off:?}, {on:?}", which.name());
        }
    }
}

/// Rates are quotients of the engine's own count; what a round takes is known from its text.
#[test]
fn instructions_are_counted_as_written() {
    // Checksums whose digits take another number of instructions to print differ by some dozens.
    const PRINTING: u64 = 200;
    for (which, each) in [(Loop::Alu, 17), (Loop::List, 5), (Loop::Far, 8 * 10 + 2), (Loop::Copy, 256 * 5 + 4)] {
        for engine in engines() {
            let (few, many) = (check(which, 1000, true, engine), check(which, 3000, true, engine));
            let difference = (many - few).abs_diff(2000 * each);
            assert!(difference < PRINTING, "{}: {difference} away from {each} a round", which.name());
        }
    }
}
