//! The smoke size of `vs-qemu`: every kernel gives the host's checksum on every engine and on two PEs.

use armagic_benches::kernels::{self, IMAGES, Image, Size};
use machine::{CharSink, Ending, EngineKind, Machine, MachineSpec, Model, Payload, Tuning};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl CharSink for Console {
    fn write(&mut self, bytes: &[u8]) {
        self.0.lock().expect("no holder panics").extend(bytes);
    }
}

type Checksums = BTreeMap<String, u64>;

#[track_caller]
fn checksums(console: &str) -> Checksums {
    kernels::read(console).expect("it ran to its end").into_iter().map(|p| (p.name, p.checksum)).collect()
}

#[track_caller]
fn run(image: &Image, elf: &Path, model: &str, engine: EngineKind) -> Checksums {
    let console = Console::default();
    let spec = MachineSpec {
        cpus: image.pes as usize,
        memory: 256 << 20,
        model: Model::by_name(model).expect("a model"),
        engine,
        tuning: Tuning::default(),
        payload: Payload::File(elf.to_path_buf()),
        initrd: None,
        append: String::new(),
        dtb: None,
        devices: Vec::new(),
        gic: Default::default(),
    };
    let mut machine = Machine::new(spec, Box::new(console.clone())).expect("the machine is ordinary");
    let ending = machine.run().expect("it starts");
    let text = String::from_utf8_lossy(&console.0.lock().expect("no holder panics")).into_owned();
    assert!(matches!(ending, Ending::PowerOff), "{} ended otherwise; console: {text}", image.name);
    checksums(&text)
}

/// Integers are the host's; of doubles the last digits depend on what a compiler fused.
fn same(emulated: u64, native: u64, float: bool) -> bool {
    let (a, b) = (f64::from_bits(emulated), f64::from_bits(native));
    emulated == native || float && (a - b).abs() < a.abs() * 1e-5
}

#[test]
fn kernels_give_the_hosts_checksums() {
    if !kernels::can_build() {
        return println!("skipped: kernels_give_the_hosts_checksums ({})", kernels::NO_CROSS);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let native = kernels::build_native(dir.path(), Size::Smoke).expect("the host's compiler takes it");
    let output = Command::new(native).output().expect("the program starts");
    let native = checksums(&String::from_utf8_lossy(&output.stdout));
    let engines =
        [EngineKind::Interp, EngineKind::Jit].into_iter().filter(|engine| engine.check(&Tuning::default()).is_ok());
    let engines: Vec<_> = engines.collect();
    for image in IMAGES {
        let elf = image.build(dir.path(), Size::Smoke).expect("the cross compiler takes it");
        let first = run(image, &elf, "neoverse-n1", engines[0]);
        assert!(first.len() > 2, "{}: {first:?}", image.name);
        for &engine in &engines[1..] {
            assert_eq!(first, run(image, &elf, "max", engine), "{}", image.name);
        }
        for (name, checksum) in first {
            // The same work on one PE and on each of two.
            let base = name.trim_start_matches("pe1-").trim_start_matches("pe2-");
            let float = image.name.starts_with("float");
            match native.get(base) {
                Some(&native) => assert!(same(checksum, native, float), "{name}: {checksum:#x}, {native:#x}"),
                None => assert!(image.native.is_none(), "{name} is not native"),
            }
        }
    }
}
