//! `armagic vgic race`: threads that access GICD_IIDR against threads inside ioctls of vCPUs, for each locking protocol.

use super::histogram::Histogram;
use crate::args::RaceArgs;
use crate::ending::Status;
use ::vgic::uapi::{address, control, device_type, group};
use ::vgic::{Device, Errno, LockProtocol, Refusal, Vm, VmSpec};
use anyhow::{Context, Result};
use hw::{GuestMemory, PhysAddr, Unbacked};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a redistributor.
const STRIDE: u64 = 0x2_0000;

/// No table is used.
struct NoMemory;

impl GuestMemory for NoMemory {
    fn read(&self, at: PhysAddr, _: &mut [u8]) -> std::result::Result<(), Unbacked> {
        Err(Unbacked(at))
    }
    fn write(&self, at: PhysAddr, _: &[u8]) -> std::result::Result<(), Unbacked> {
        Err(Unbacked(at))
    }
    fn read_u64(&self, at: PhysAddr) -> std::result::Result<u64, Unbacked> {
        Err(Unbacked(at))
    }
    fn write_u64(&self, at: PhysAddr, _: u64) -> std::result::Result<(), Unbacked> {
        Err(Unbacked(at))
    }
}

/// What threads that access the register saw.
#[derive(Default)]
struct Seen {
    times: Histogram,
    busy: u64,
    other: Option<Refusal>,
}

impl Seen {
    fn merge(&mut self, other: Seen) {
        self.times.merge(&other.times);
        self.busy += other.busy;
        self.other = self.other.or(other.other);
    }
}

/// Runs the race under one protocol, or under each.
pub fn run(args: &RaceArgs) -> Result<Status> {
    let protocols: Vec<_> = match args.protocol {
        Some(protocol) => vec![protocol],
        None => LockProtocol::sound().collect(),
    };
    let stage = if args.initialised { "after initialisation" } else { "before initialisation" };
    println!(
        "{} threads SET and GET GICD_IIDR {stage}, {} vCPUs are inside ioctls, {} s for each protocol\n",
        args.threads, args.vcpus, args.seconds
    );
    for protocol in protocols {
        let seen = race(args, protocol).with_context(|| format!("the VM for {protocol} cannot be set up"))?;
        let (calls, per_second) = (seen.times.calls(), seen.times.calls() as f64 / args.seconds as f64);
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| seen.times.percentile(part));
        let share = 100.0 * seen.busy as f64 / calls.max(1) as f64;
        println!("{protocol}: {calls} calls, {:.2} M/s, EBUSY {share:.2} %", per_second / 1e6);
        println!("    p50 {p50} ns, p99 {p99} ns, p99.9 {p999} ns");
        println!("{}", seen.times.chart());
        if let Some(refusal) = seen.other {
            println!("    also refused: {refusal}\n");
        }
    }
    Ok(Status::Success)
}

fn race(args: &RaceArgs, protocol: LockProtocol) -> std::result::Result<Seen, Refusal> {
    let vm = Vm::new(VmSpec { protocol, ..VmSpec::new(Arc::new(NoMemory)) });
    for id in 0..args.vcpus {
        let vcpu = vm.create_vcpu(id)?;
        vm.initialise_vcpu(&vcpu, false)?;
    }
    let vgic = vm.create_device(device_type::VGIC_V3, 0)?.expect("it was not only asked for");
    if args.initialised {
        vgic.set(group::ADDR, address::DIST, 0x0800_0000)?;
        vgic.set(group::ADDR, address::REDIST_REGION, u64::from(args.vcpus) << 52 | (0x10 * STRIDE))?;
        vgic.set(group::CTRL, control::INIT, 0)?;
    }
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        for index in 0..args.vcpus as usize {
            let (vm, done) = (&vm, &done);
            scope.spawn(move || {
                let vcpu = vm.vcpu(index).expect("made above");
                while !done.load(Relaxed) {
                    // As long as KVM_GET_ONE_REG, about.
                    _ = vm.with_vcpu(vcpu, || (0..50).for_each(|_| std::hint::spin_loop()));
                    // A VMM does something else, too.
                    (0..50).for_each(|_| std::hint::spin_loop());
                }
            });
        }
        let accesses = |n: u32| {
            let (vgic, done) = (&vgic, &done);
            scope.spawn(move || access(vgic, done, 2 + u64::from(n % 2)))
        };
        let threads: Vec<_> = (0..args.threads).map(accesses).collect();
        thread::sleep(Duration::from_secs(args.seconds));
        done.store(true, Relaxed);
        let mut all = Seen::default();
        threads.into_iter().for_each(|thread| all.merge(thread.join().expect("an access does not panic")));
        all
    });
    Ok(seen)
}

/// Sets a revision and reads whichever is there, until it is done.
fn access(vgic: &Device, done: &AtomicBool, revision: u64) -> Seen {
    let mut seen = Seen::default();
    let mut turn = false;
    while !done.load(Relaxed) {
        let start = Instant::now();
        let result = match turn {
            false => vgic.set(group::DIST_REGS, 8, 0x4b00_043b | revision << 12),
            true => vgic.get(group::DIST_REGS, 8).map(drop),
        };
        seen.times.add(start.elapsed());
        turn = !turn;
        match result {
            Ok(()) => {}
            Err(Refusal { errno: Errno::Busy, .. }) => seen.busy += 1,
            Err(other) => seen.other = Some(other),
        }
    }
    seen
}
