//! The smoke size of `measure mips`: every loop prints what the host computes, with the MMU off and on.

use firmware::Loop;
use machine::{CharSink, Ending, Machine, MachineSpec, Model, Payload};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl CharSink for Console {
    fn write(&mut self, bytes: &[u8]) {
        self.0.lock().expect("no holder panics").extend(bytes);
    }
}

#[track_caller]
fn check(which: Loop, rounds: u64, mmu: bool) {
    let console = Console::default();
    let spec = MachineSpec {
        cpus: 1,
        memory: 256 << 20,
        model: Model::by_name("neoverse-n1").expect("the default model"),
        payload: Payload::Program(which.program(rounds, mmu)),
        initrd: None,
        append: String::new(),
        dtb: None,
    };
    let mut machine = Machine::new(spec, Box::new(console.clone())).expect("the machine is ordinary");
    let ending = machine.run().expect("it starts");
    let text = String::from_utf8_lossy(&console.0.lock().expect("no holder panics")).into_owned();
    assert!(matches!(ending, Ending::PowerOff), "{} ended otherwise; console: {text}", which.name());
    assert_eq!(text, format!("{:#x}\nLOOPS-OK\n", which.checksum(rounds)), "{}, MMU {mmu}", which.name());
}

#[test]
fn checksums_are_the_hosts() {
    for which in Loop::ALL {
        for rounds in [1, 2, 17] {
            check(which, rounds, false);
            check(which, rounds, true);
        }
    }
}
