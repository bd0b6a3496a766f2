//! The configuration interface beside a guest that runs: vCPUs are in KVM_RUN until the machine pauses.

use armagic_machine::{
    CharSink, Ending, EngineKind, GicChoice, GicConfig, Machine, MachineSpec, Model, Payload, Product, Tuning,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use vgic::uapi::group;
use vgic::{Errno, LockProtocol};

/// Counts what the guest sends.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl CharSink for Counter {
    fn write(&mut self, _: &[u8]) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Counter {
    /// Waits for the guest to send more.
    fn moves(&self) {
        self.exceeds(self.0.load(Relaxed));
    }

    fn exceeds(&self, before: usize) {
        let start = Instant::now();
        while self.0.load(Relaxed) <= before {
            assert!(start.elapsed() < Duration::from_secs(30), "the guest does not go on");
            thread::yield_now();
        }
    }
}

/// Sends for ever: MOVZ W1, #'a'; MOVZ X2, #0x900, LSL #16; STRB W1, [X2]; B back.
const SENDS: [u32; 4] = [0x5280_0c21, 0xd2a1_2002, 0x3900_0041, 0x17ff_ffff];
/// Sends once and sleeps: the same; WFI; B back.
const SLEEPS: [u32; 5] = [0x5280_0c21, 0xd2a1_2002, 0x3900_0041, 0xd503_207f, 0x17ff_ffff];

fn machine(program: &[u32], cpus: usize, engine: EngineKind, product: Product) -> (Machine, Counter) {
    let spec = MachineSpec {
        cpus,
        memory: 64 << 20,
        model: Model::by_name("neoverse-n1").unwrap(),
        engine,
        tuning: Tuning::default(),
        devices: Vec::new(),
        gic: GicChoice { product, ..GicChoice::default() },
        payload: Payload::Program(program.iter().flat_map(|word| word.to_le_bytes()).collect()),
        initrd: None,
        append: String::new(),
        dtb: None,
    };
    let sent = Counter::default();
    (Machine::new(spec, Box::new(sent.clone())).unwrap(), sent)
}

/// Runs the machine while `work` is done.
fn beside(
    program: &[u32],
    cpus: usize,
    engine: EngineKind,
    work: impl FnOnce(&GicConfig, &armagic_machine::Pauser, &Counter),
) {
    beside_a(Product::Architecture, program, cpus, engine, work);
}

/// The same with another GIC.
fn beside_a(
    product: Product,
    program: &[u32],
    cpus: usize,
    engine: EngineKind,
    work: impl FnOnce(&GicConfig, &armagic_machine::Pauser, &Counter),
) {
    let (mut machine, sent) = machine(program, cpus, engine, product);
    let (config, pauser, stopper) = (machine.gic_config(), machine.pauser(), machine.stopper());
    thread::scope(|scope| {
        let run = scope.spawn(move || {
            let ending = machine.run().unwrap();
            machine.finish();
            ending
        });
        let worked = catch_unwind(AssertUnwindSafe(|| {
            sent.exceeds(0);
            work(&config, &pauser, &sent);
        }));
        // The run ends whatever was found, so that what was found is told.
        pauser.resume();
        stopper.stop();
        worked.unwrap_or_else(|panic| resume_unwind(panic));
        assert_eq!(run.join().unwrap(), Ending::Stopped);
    });
    assert!(config.vgic.get(group::DIST_REGS, 0).is_ok(), "nothing is held after the end");
}

const CTLR: u64 = 0;
const IIDR: u64 = 8;

fn errno<T: std::fmt::Debug>(result: Result<T, vgic::Refusal>) -> Errno {
    result.unwrap_err().errno
}

#[test]
fn registers_are_busy_until_the_machine_pauses() {
    for engine in [EngineKind::Interp, EngineKind::fastest()] {
        beside(&SENDS, 2, engine, |config, pauser, sent| {
            assert_eq!(errno(config.vgic.get(group::DIST_REGS, CTLR)), Errno::Busy);
            for _ in 0..20 {
                pauser.pause();
                let before = sent.0.load(Relaxed);
                config.vgic.set(group::DIST_REGS, CTLR, 2).unwrap();
                assert_eq!(config.vgic.get(group::DIST_REGS, CTLR).unwrap() & 2, 2);
                assert!(config.vgic.get(group::CPU_SYSREGS, 0xc230).is_ok());
                assert_eq!(sent.0.load(Relaxed), before, "the guest holds still");
                pauser.resume();
                sent.moves();
            }
            assert_eq!(errno(config.vgic.get(group::DIST_REGS, CTLR)), Errno::Busy);
        });
    }
}

#[test]
fn a_pe_that_sleeps_or_is_off_is_in_kvm_run() {
    beside(&SLEEPS, 2, EngineKind::fastest(), |config, pauser, _| {
        thread::sleep(Duration::from_millis(20));
        let refusal = config.vgic.get(group::DIST_REGS, CTLR).unwrap_err();
        assert_eq!(refusal.errno, Errno::Busy);
        pauser.pause();
        assert!(config.vgic.get(group::REDIST_REGS, 1 << 32).is_ok());
        pauser.resume();
    });
}

#[test]
fn the_protocol_decides_what_is_busy_while_the_guest_runs() {
    beside(&SENDS, 1, EngineKind::fastest(), |config, _, sent| {
        for protocol in LockProtocol::sound().filter(|&protocol| protocol != LockProtocol::Blocking) {
            config.vm.set_protocol(protocol);
            let iidr = config.vgic.get(group::DIST_REGS, IIDR);
            assert_eq!(iidr.is_ok(), protocol == LockProtocol::DeviceLevel, "{protocol}");
            sent.moves();
        }
    });
}

#[test]
fn a_look_needs_no_pause() {
    beside_a(Product::Kvm, &SENDS, 1, EngineKind::fastest(), |config, _, sent| {
        config.vm.set_protocol(LockProtocol::DeviceLevel);
        config.vgic.set(group::DIST_REGS, IIDR, 0x4b00_243b).unwrap();
        assert_eq!(config.vm.peek_iidr(), Some(0x4b00_243b));
        let seen = config.vm.peek(0, &[hw::IntId(0), hw::IntId(33), hw::IntId(1023)]).expect("nothing changes");
        assert_eq!(seen.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        sent.moves();
    });
}

#[test]
fn who_waits_for_vcpus_waits_for_a_pause() {
    beside(&SENDS, 2, EngineKind::fastest(), |config, pauser, sent| {
        config.vm.set_protocol(LockProtocol::Blocking);
        thread::scope(|scope| {
            let waits = scope.spawn(|| config.vgic.get(group::DIST_REGS, CTLR));
            sent.moves();
            assert!(!waits.is_finished(), "the guest runs");
            pauser.pause();
            assert!(waits.join().unwrap().is_ok());
            pauser.resume();
        });
    });
}
