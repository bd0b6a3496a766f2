//! What the configuration interface costs under each locking protocol, what a busy vCPU does to it, and what it does to
//! interrupts meanwhile.
//!
//! Decides that the protocols may be values and the checks data. Aims: SET and GET of GICD_IIDR before initialisation
//! 200 ns together under the RFC's protocol; with a thread that is always inside ioctls of a vCPU, upstream's shows EBUSY and
//! the RFC's none; the p99.9 of an interrupt from its wire to EOI within 1.1 of itself while another thread hammers
//! the interface. `cargo bench -p armagic-benches --bench vgic`; without `--bench` a smoke size runs.

use hw::{IntId, PhysAddr};
use mem::Ram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::{thread, time::Instant};
use vgic::uapi::{address, control, device_type, group};
use vgic::{Device, LockProtocol, Vm, VmSpec};

const REVISION_2: u64 = 0x4b00_243b;
const SPI: IntId = IntId::spi(1);

fn vm(protocol: LockProtocol) -> (Arc<Vm>, Device) {
    let ram = Ram::new(PhysAddr(0x4000_0000), 1 << 20).expect("the host has 1 MiB");
    let vm = Vm::new(VmSpec { protocol, ..VmSpec::new(Arc::new(ram)) });
    let vcpu = vm.create_vcpu(0).expect("the first");
    vm.initialise_vcpu(&vcpu, false).expect("a live VM");
    let vgic = vm.create_device(device_type::VGIC_V3, 0).expect("the first").expect("not only a test");
    (vm, vgic)
}

fn initialise(vgic: &Device) {
    vgic.set(group::ADDR, address::DIST, 0x0800_0000).expect("free");
    vgic.set(group::ADDR, address::REDIST, 0x080a_0000).expect("free");
    vgic.set(group::CTRL, control::INIT, 0).expect("all is there");
}

/// SET and GET of GICD_IIDR; did both succeed?
fn exchange(vgic: &Device) -> bool {
    let set = vgic.set(group::DIST_REGS, 8, REVISION_2);
    let get = vgic.get(group::DIST_REGS, 8);
    set.is_ok() && get == Ok(REVISION_2)
}

/// What threads of the bench share is away from what the one that measures has on its stack: else the other's writes are
/// measured, too.
#[repr(align(256))]
struct Apart<T>(T);

/// Calls `f`, which gives 1 for what was refused, again and again on another thread while `work` is done; and the share that
/// was refused.
fn beside<R>(f: impl Fn() -> u64 + Send + Sync, work: impl FnOnce() -> R) -> (R, f64) {
    let (done, begun) = (Apart(AtomicBool::new(false)), Apart(Barrier::new(2)));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let (mut calls, mut refused) = (1, f());
            begun.0.wait();
            while !done.0.load(Ordering::Relaxed) {
                calls += 1;
                refused += f();
            }
            refused as f64 / calls as f64
        });
        begun.0.wait();
        let result = work();
        done.0.store(true, Ordering::Relaxed);
        (result, other.join().expect("it does not panic"))
    })
}

/// ns of single calls, sorted.
fn times(samples: usize, mut f: impl FnMut()) -> Vec<u64> {
    let time = |_| {
        let start = Instant::now();
        f();
        start.elapsed().as_nanos() as u64
    };
    let mut times: Vec<u64> = (0..samples).map(time).collect();
    times.sort_unstable();
    times
}

fn at(times: &[u64], part: f64) -> u64 {
    times[((times.len() - 1) as f64 * part) as usize]
}

fn before_initialisation(samples: usize) {
    println!("| protocol | SET + GET, ns | with a thread in vCPU ioctls: refused | p50, ns | p99.9, ns |");
    println!("|---|---:|---:|---:|---:|");
    for protocol in LockProtocol::sound() {
        let (vm, vgic) = vm(protocol);
        let batch = |_| {
            let start = Instant::now();
            assert!((0..1000).all(|_| exchange(&vgic)), "nothing is in the way");
            start.elapsed().as_nanos() as u64 / 1000
        };
        let alone = (0..samples / 1000 + 1).map(batch).min().expect("there was a batch");
        let vcpu = vm.vcpu(0).expect("made above").clone();
        let mut refused = 0;
        let spinning = || {
            vm.with_vcpu(&vcpu, || (0..100).for_each(|_| std::hint::spin_loop())).expect("a live VM");
            0
        };
        let (busy, _) = beside(spinning, || times(samples, || refused += u64::from(!exchange(&vgic))));
        if samples > 1000 {
            let never =
                !matches!(protocol, LockProtocol::Upstream | LockProtocol::TargetVcpuOnly | LockProtocol::WithoutVcpu);
            assert_eq!(refused == 0, never, "{protocol}: only those that lock every vCPU are refused");
        }
        let share = 100.0 * refused as f64 / samples as f64;
        println!("| {protocol} | {alone} | {share:.1} % | {} | {} |", at(&busy, 0.5), at(&busy, 0.999));
    }
    println!();
}

/// An interrupt from wire to EOI on a vCPU that runs, while nothing, or the interface, or a look without a lock, is in
/// another thread's hands.
fn interrupts(samples: usize) {
    println!("| protocol | beside | p50, ns | p99, ns | p99.9, ns | refused |\n|---|---|---:|---:|---:|---:|");
    for protocol in LockProtocol::sound().filter(|&protocol| protocol != LockProtocol::Blocking) {
        let (vm, vgic) = vm(protocol);
        initialise(&vgic);
        vgic.set(group::DIST_REGS, 0, 2).expect("nothing runs");
        vgic.set(group::DIST_REGS, 0x104, 2).expect("nothing runs");
        let vcpu = vm.vcpu(0).expect("made above").clone();
        let gic = vm.gic().expect("initialised").clone();
        let mut running = vm.run(&vcpu).expect("all is there");
        let it = running.interface().as_mut().expect("there is a VGIC");
        it.set_pmr(0xf0);
        it.set_igrpen1(1);
        let mut interrupt = || {
            gic.set_spi(SPI, true);
            gic.set_spi(SPI, false);
            assert_eq!(it.iar1(), u64::from(SPI.0));
            it.set_eoir1(u64::from(SPI.0));
        };
        let row = |beside: &str, times: &[u64], refused: &str| {
            let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| at(times, part));
            println!("| {protocol} | {beside} | {p50} | {p99} | {p999} | {refused} |");
        };
        let spinning = || {
            (0..100).for_each(|_| std::hint::spin_loop());
            0
        };
        row("a thread that spins", &beside(spinning, || times(samples, &mut interrupt)).0, "");
        let (hammered, refused) = beside(|| u64::from(!exchange(&vgic)), || times(samples, &mut interrupt));
        row("GICD_IIDR", &hammered, &format!("{:.1} %", 100.0 * refused));
        let look = || {
            std::hint::black_box(gic.describe(0, SPI));
            0
        };
        row("a look at the interrupt", &beside(look, || times(samples, &mut interrupt)).0, "");
    }
}

fn main() {
    let full = std::env::args().any(|arg| arg == "--bench");
    before_initialisation(if full { 200_000 } else { 100 });
    interrupts(if full { 1_000_000 } else { 100 });
}
