//! `armagic vgic race`: threads that access GICD_IIDR against threads inside ioctls of vCPUs, for each locking protocol.

use super::histogram::{Histogram, time};
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
    done: Histogram,
    /// Refused with EBUSY.
    busy: Histogram,
    other: Option<Refusal>,
}

impl Seen {
    fn merge(&mut self, other: Seen) {
        self.done.merge(&other.done);
        self.busy.merge(&other.busy);
        self.other = self.other.or(other.other);
    }

    fn all(&self) -> Histogram {
        let mut all = Histogram::default();
        all.merge(&self.done);
        all.merge(&self.busy);
        all
    }
}

/// Runs the race under one protocol, or under each.
pub fn run(args: &RaceArgs) -> Result<Status> {
    let protocols: Vec<_> = match args.protocol {
        Some(protocol) => vec![protocol],
        None => LockProtocol::sound().collect(),
    };
    let (stage, meaning) = match args.initialised {
        true => ("after initialisation", "the registers are the guest's then, so that a vCPU is busy is a reason"),
        false => ("before initialisation", "nothing can run then, so each EBUSY is spurious"),
    };
    println!(
        "{} threads SET and GET GICD_IIDR {stage}, {} s for each protocol, while {} vCPUs are inside ioctls for half of \
         the time; {meaning}",
        args.threads, args.seconds, args.vcpus
    );
    let mut table = vec![];
    for &protocol in &protocols {
        let seen = race(args, protocol).with_context(|| format!("the VM for {protocol} cannot be set up"))?;
        let all = seen.all();
        print!("\n{protocol}\n{}", all.chart());
        if let Some(refusal) = seen.other {
            println!("    also refused: {refusal}");
        }
        table.push(row(protocol, args, &seen));
    }
    println!("\n                         all   EBUSY    done: p50       p99     p99.9   longest  EBUSY: p50     p99.9");
    table.iter().for_each(|row| println!("{row}"));
    Ok(Status::Success)
}

fn row(protocol: LockProtocol, args: &RaceArgs, seen: &Seen) -> String {
    let calls = seen.all().calls();
    let rate = calls as f64 / args.seconds as f64 / 1e6;
    let share = 100.0 * seen.busy.calls() as f64 / calls.max(1) as f64;
    // Of a few calls there are no rare ones.
    let at = |times: &Histogram, part: f64| match times.calls() as f64 * (1.0 - part) >= 1.0 {
        true => time(times.percentile(part)),
        false => "-".to_owned(),
    };
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| at(&seen.done, part));
    let longest = if seen.done.calls() > 0 { time(seen.done.longest()) } else { "-".to_owned() };
    let [busy50, busy999] = [0.5, 0.999].map(|part| at(&seen.busy, part));
    format!(
        "{:18} {rate:5.2} M/s {share:6.2} %  {p50:>9} {p99:>9} {p999:>9} {longest:>9}   {busy50:>9} {busy999:>9}",
        protocol.name()
    )
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
        let took = start.elapsed();
        turn = !turn;
        match result {
            Ok(()) => seen.done.add(took),
            Err(Refusal { errno: Errno::Busy, .. }) => seen.busy.add(took),
            Err(other) => seen.other = Some(other),
        }
    }
    seen
}
