//! A machine is saved while its guest runs, and another one goes on where it was, with the other engine: in this process,
//! and in one of its own. The guests notice themselves what is lost or comes twice (`guest.rs`).

use crate::guest::{Guest, Level, Send};
use crate::{Heard, spec};
use armagic_machine::{
    Ending, EngineKind, Extras, Fidelity, GicChoice, Machine, MachineSpec, Payload, Product, Tuning,
};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A machine: its GIC, PEs, and what they have besides EL1; and its guest.
struct Case {
    name: &'static str,
    gic: GicChoice,
    cpus: usize,
    send: Send,
    level: Level,
}

fn cases() -> Vec<Case> {
    let plain = GicChoice::default();
    let of = |product| GicChoice { product, ..plain };
    let large = GicChoice { eppis: 64, espis: 1024, spis: 988, ..of(Product::Gic600) };
    let relaxed = GicChoice { fidelity: Fidelity::Relaxed(Duration::from_micros(10)), ..plain };
    let case = |name, gic, cpus, send, level| Case { name, gic, cpus, send, level };
    vec![
        case("sgi", plain, 2, Send::Sgi, Level::One),
        case("kvm", of(Product::Kvm), 2, Send::Sgi, Level::One),
        case("gic-600", large, 2, Send::Espi, Level::One),
        case("its", plain, 2, Send::Its, Level::One),
        case("its of kvm", of(Product::Kvm), 2, Send::Its, Level::One),
        case("its, relaxed", relaxed, 2, Send::Its, Level::One),
        case("relaxed", relaxed, 2, Send::Sgi, Level::One),
        case("strict", GicChoice { fidelity: Fidelity::Strict, ..plain }, 2, Send::Sgi, Level::One),
        case("two regions", plain, 125, Send::Sgi, Level::One),
        case("two regions, its", of(Product::Gic700), 125, Send::Its, Level::One),
        case("nmi", plain, 2, Send::Sgi, Level::Nmi),
        case("secure", plain, 2, Send::Sgi, Level::Secure),
        case("secure, gic-600", of(Product::Gic600), 2, Send::Sgi, Level::Secure),
        case("virtualization", plain, 2, Send::Sgi, Level::Virtual),
    ]
}

impl Case {
    fn spec(&self, engine: EngineKind) -> MachineSpec {
        let mut spec = spec(self.gic, engine);
        spec.cpus = self.cpus;
        let level = self.level;
        let extras = Extras { el2: level == Level::Virtual, el3: level == Level::Secure, nmi: level == Level::Nmi };
        spec.model = spec.model.with(extras);
        let guest = Guest { send: self.send, level, other: self.cpus as u32 - 1 };
        spec.payload = Payload::Program(guest.assemble());
        spec
    }

    /// What the guest says, and how often it says it at least before it is saved.
    fn wanted(&self) -> &'static [(u8, usize)] {
        if self.level == Level::Secure { &[(b's', 2), (b't', 1), (b'u', 1)] } else { &[(b's', 2), (b't', 1)] }
    }
}

/// Waits until the guest has said what it should.
fn wait(heard: &Heard, case: &Case) {
    let start = Instant::now();
    let ready = || case.wanted().iter().all(|(letter, times)| heard.count(*letter) >= *times);
    while !ready() {
        assert_eq!(heard.count(b'X'), 0, "{}: an interrupt came twice, or out of place", case.name);
        let said = case.wanted().iter().map(|(letter, _)| (char::from(*letter), heard.count(*letter)));
        let said: Vec<_> = said.collect();
        assert!(start.elapsed() < Duration::from_secs(60), "{}: the guest does not go on: {said:?}", case.name);
        thread::sleep(Duration::from_micros(200));
    }
}

/// Runs the machine until the guest has said enough, and `more` has passed; then saves it.
fn run_and_save(mut machine: Machine, heard: &Heard, case: &Case, more: Duration, path: &Path) {
    machine.hold_when_stopped();
    let stopper = machine.stopper();
    let run = thread::spawn(move || (machine.run(), machine));
    wait(heard, case);
    thread::sleep(more);
    stopper.stop();
    let (ending, machine) = run.join().unwrap();
    assert_eq!(ending.unwrap(), Ending::Stopped, "{}", case.name);
    machine.save(path).unwrap();
    assert_eq!(heard.count(b'X'), 0, "{}", case.name);
    machine.finish();
}

/// The file of a machine of this name, while its guest ran.
pub fn saved(name: &str) -> Vec<u8> {
    let case = cases().into_iter().find(|case| case.name == name).expect("it is there");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine");
    let heard = Heard::default();
    let machine = Machine::new(case.spec(EngineKind::fastest()), Box::new(heard.clone())).unwrap();
    run_and_save(machine, &heard, &case, Duration::ZERO, &path);
    std::fs::read(&path).unwrap()
}

fn go_on(case: &Case, engine: EngineKind, cycle: usize, path: &Path) {
    let heard = Heard::default();
    let machine = Machine::resume(path, engine, Tuning::default(), Box::new(heard.clone())).unwrap();
    // Not always at the same place in a round.
    run_and_save(machine, &heard, case, Duration::from_micros(37 * (cycle as u64 % 32)), path);
}

fn engines() -> [EngineKind; 2] {
    [EngineKind::Interp, EngineKind::fastest()]
}

/// How often a machine is saved and goes on; `ARMAGIC_SNAPSHOT_ONLY` names the only case.
fn cycles() -> usize {
    std::env::var("ARMAGIC_SNAPSHOT_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

/// The variables that tell a process which file to go on from, and by what number which case it is.
const FILE: &str = "ARMAGIC_SNAPSHOT_FILE";
const CASE: &str = "ARMAGIC_SNAPSHOT_CASE";

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let only = std::env::var("ARMAGIC_SNAPSHOT_ONLY");
    let wanted = |case: &Case| only.as_ref().map_or(true, |name| name == case.name);
    for (number, case) in cases().iter().enumerate().filter(|(_, case)| wanted(case)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("machine");
        let heard = Heard::default();
        let machine = Machine::new(case.spec(engines()[number % 2]), Box::new(heard.clone())).unwrap();
        run_and_save(machine, &heard, case, Duration::ZERO, &path);
        (1..=cycles()).for_each(|cycle| go_on(case, engines()[(number + cycle) % 2], cycle, &path));
        let other = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "running::in_a_process_of_its_own"])
            .envs([(FILE, path.display().to_string()), (CASE, number.to_string())])
            .output()
            .unwrap();
        assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stdout));
    }
}

/// The other process, if it is one.
#[test]
fn in_a_process_of_its_own() {
    let number = std::env::var(CASE).ok().and_then(|number| number.parse::<usize>().ok());
    if let (Ok(path), Some(number)) = (std::env::var(FILE), number) {
        engines().into_iter().for_each(|engine| go_on(&cases()[number], engine, number, Path::new(&path)));
    }
}
