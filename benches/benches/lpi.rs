//! What one message costs from the device to its end: translation, LPI, acknowledge, end of interrupt.
//!
//! Decides what a message may do besides: that its translation is a cache of single words, that it is a visit of two
//! read-modify-writes, and that an LPI's word is apart from other interrupts'. Aims: one read-modify-write of the host
//! for each step that others can see; thousands of pending LPIs cost no more than a few.
//! `cargo bench -p armagic-benches --bench lpi`; without `--bench` a smoke size runs.

use gic::{Affinity, CpuInterface, Gic, GicSpec, Its, ItsSpec, LpiSpec, PeSpec};
use hw::{AccessSize, GuestMemory, IntId, PhysAddr};
use mem::Ram;
use std::{sync::Arc, sync::Barrier, thread, time::Instant};

const BASE: u64 = 0x4000_0000;
const QUEUE: u64 = BASE;
const DEVICES: u64 = BASE + 0x10_0000;
const COLLECTIONS: u64 = BASE + 0x20_0000;
const ITT: u64 = BASE + 0x30_0000;
const CONFIG: u64 = BASE + 0x40_0000;
const PENDING: u64 = BASE + 0x50_0000;

const PES: usize = 2;
/// Events of device n, all at PE n; their LPIs follow those of the device before.
const EVENTS: u32 = 16384;

struct Machine {
    gic: Arc<Gic>,
    its: Arc<Its>,
    interfaces: Vec<CpuInterface>,
}

fn machine() -> Machine {
    let affinity = |n: usize| Affinity { aff0: n as u8, ..Affinity::default() };
    let pes = (0..PES).map(|n| PeSpec { affinity: affinity(n), attention: Arc::default() }).collect();
    let ram = Ram::new(PhysAddr(BASE), 16 << 20).expect("the host has 16 MiB");
    let lpis = Some(LpiSpec::new(Arc::new(ram.clone())));
    let gic = Gic::new(GicSpec { spis: 32, pes, lpis, ..Default::default() }).expect("the spec is in range");
    ram.write(PhysAddr(CONFIG), &[0xa1; 57344]).expect("it is RAM");
    gic.distributor().write(0, AccessSize::Word, 3);
    let gicr = gic.redistributors();
    let interfaces = (0..PES).map(|pe| {
        let base = pe as u64 * 0x20000;
        gicr.write(base + 0x14, AccessSize::Word, 0);
        gicr.write(base + 0x70, AccessSize::Double, CONFIG | 15);
        gicr.write(base + 0x78, AccessSize::Double, PENDING + 0x1_0000 * pe as u64);
        gicr.write(base, AccessSize::Word, 1);
        let mut it = gic.cpu_interface(pe);
        it.set_pmr(0xf0);
        it.set_igrpen1(1);
        it
    });
    let interfaces = interfaces.collect();
    let its = Its::new(gic.clone(), ItsSpec::default());
    let gits = its.frames(0);
    const VALID: u64 = 1 << 63;
    gits.write(0x100, AccessSize::Double, VALID | DEVICES);
    gits.write(0x108, AccessSize::Double, VALID | COLLECTIONS);
    gits.write(0x80, AccessSize::Double, VALID | QUEUE | 0xff);
    gits.write(0, AccessSize::Word, 1);
    let mut commands = vec![];
    for n in 0..PES as u64 {
        commands.push([8 | n << 32, 13, VALID | (ITT + n * 0x2_0000), 0]);
        commands.push([9, 0, VALID | n << 16 | n, 0]);
    }
    for (n, event) in (0..PES as u64).flat_map(|n| (0..u64::from(EVENTS)).map(move |event| (n, event))) {
        let intid = 8192 + n * u64::from(EVENTS) + event;
        commands.push([10 | n << 32, event | intid << 32, n, 0]);
    }
    for (n, command) in commands.iter().enumerate() {
        let at = n as u64 % 32768 * 32;
        (0..4).for_each(|word| ram.write_u64(PhysAddr(QUEUE + at + 8 * word), command[word as usize]).expect("RAM"));
        gits.write(0x88, AccessSize::Double, (at + 32) % 0x10_0000);
    }
    assert_eq!(its.failed_commands(), []);
    Machine { gic, its, interfaces }
}

/// Messages of events of the PE's own device, `step` apart, each taken and ended before the next.
fn messages(its: &Its, it: &mut CpuInterface, step: u32, rounds: u64) -> u64 {
    let device = it.pe() as u32;
    (0..rounds as u32).fold(0, |sum, n| {
        its.write(device, n.wrapping_mul(step) % EVENTS);
        let taken = it.iar1();
        it.set_eoir1(taken);
        sum + taken
    })
}

/// Rounds at a time: short, so that some batches run undisturbed on a busy host, and the best of them speaks.
const BATCH: u64 = 10_000;

fn measure(name: &str, batches: u64, mut f: impl FnMut(u64) -> u64) {
    let mut sum = 0;
    let mut times: Vec<f64> = (0..batches)
        .map(|_| {
            let start = Instant::now();
            sum += f(BATCH);
            start.elapsed().as_nanos() as f64 / BATCH as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0], times[times.len() / 2]);
    println!("{name:44} {best:8.2} ns   median {median:8.2}   checksum {sum}");
}

/// Both PEs at once, each with a device: ns for one message on either, best batch.
fn together(threads: usize, batches: u64) -> f64 {
    let mut machine = machine();
    let start = Barrier::new(threads);
    let times: Vec<Vec<f64>> = thread::scope(|scope| {
        let running = machine.interfaces[..threads].iter_mut().map(|it| {
            let (its, start) = (&machine.its, &start);
            scope.spawn(move || {
                let batch = |_| {
                    start.wait();
                    let begun = Instant::now();
                    messages(its, it, 0, BATCH);
                    begun.elapsed().as_nanos() as f64
                };
                (0..batches).map(batch).collect()
            })
        });
        let running: Vec<_> = running.collect();
        running.into_iter().map(|thread| thread.join().expect("no message fails")).collect()
    });
    let slowest = |batch: usize| times.iter().map(|times| times[batch]).fold(0.0, f64::max);
    (0..batches as usize).map(slowest).fold(f64::MAX, f64::min) / (BATCH * threads as u64) as f64
}

fn main() {
    let batches = if std::env::args().any(|arg| arg == "--bench") { 500 } else { 1 };
    let Machine { gic, its, mut interfaces } = machine();
    let it = &mut interfaces[0];
    measure("one event: message, iar, eoi", batches, |n| messages(&its, it, 0, n));
    measure("64 events in turn", batches, |n| messages(&its, it, 256, n));
    measure("16384 events in turn, most by the tables", batches, |n| messages(&its, it, 1, n));
    measure("message, pending already", batches, |n| {
        (0..n).for_each(|_| its.write(0, 0));
        it.hppir1()
    });
    while it.iar1() != 1023 {
        it.set_eoir1(0);
    }
    for (name, pending) in [("iar, eoi of a few", 8), ("iar, eoi of ten thousand", 10_000)] {
        let mut best = f64::MAX;
        for _ in 0..batches.div_ceil(20) {
            (0..pending).for_each(|n| its.write(0, n));
            let begun = Instant::now();
            let taken = std::iter::from_fn(|| {
                let id = it.iar1();
                it.set_eoir1(id);
                (id != 1023).then_some(id)
            });
            assert_eq!(taken.count() as u32, pending);
            best = best.min(begun.elapsed().as_nanos() as f64 / f64::from(pending));
        }
        println!("{name:44} {best:8.2} ns");
    }
    // What others pay for it that there are LPIs: an edge-triggered SPI of the same priority.
    for (offset, value) in [(0x84, 1), (0x420, 0xa0), (0xc08, 2), (0x104, 1)] {
        gic.distributor().write(offset, AccessSize::Word, value);
    }
    measure("an SPI: rise, fall, iar, eoi", batches, |n| {
        (0..n).fold(0, |sum, _| {
            gic.set_spi(IntId(32), true);
            gic.set_spi(IntId(32), false);
            let taken = it.iar1();
            it.set_eoir1(taken);
            sum + taken
        })
    });
    let redistributors = gic.redistributors();
    measure("invalidate all of a redistributor (us)", batches.div_ceil(20), |n| {
        (0..n / 1000).for_each(|_| redistributors.write(0xb0, AccessSize::Word, 0));
        n
    });
    let (one, two) = (together(1, batches), together(2, batches));
    println!("{:44} {one:8.2} ns", "1 thread");
    println!("{:44} {two:8.2} ns   scale {:.2}", "2 threads, 2 devices, 2 PEs, per message", one / two);
}
