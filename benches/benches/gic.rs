//! What one interrupt costs inside the GIC, and whether PEs slow one another.
//!
//! Decides the layout of `gic::state`: what is one word, what is padded, and which steps are worth a
//! read-modify-write. Aims: SPI inject, acknowledge and EOI at most 60 ns together; two threads on two PEs at
//! least 1.8 times one. `cargo bench -p armagic-benches --bench gic`; without `--bench` a smoke size runs.

use gic::{Affinity, CpuInterface, Gic, GicSpec, PeSpec};
use hw::{AccessSize, IntId};
use std::sync::atomic::{AtomicU64, Ordering::AcqRel};
use std::{hint::black_box, sync::Arc, sync::Barrier, thread, time::Instant};

const PES: usize = 8;

/// A GIC as Linux leaves it: Group 1, edge-triggered SPIs 32+n routed to PE n, everything at priority 0xa0.
fn machine() -> (Arc<Gic>, Vec<CpuInterface>) {
    let affinity = |n: usize| Affinity { aff0: n as u8, ..Affinity::default() };
    let pes = (0..PES).map(|n| PeSpec { affinity: affinity(n), attention: Arc::default() }).collect();
    let gic = Gic::new(GicSpec { spis: 256, pes, ..Default::default() }).expect("the spec is in range");
    let (gicd, gicr) = (gic.distributor(), gic.redistributors());
    let word = |offset, value| gicd.write(offset, AccessSize::Word, value);
    word(0x0, 3);
    word(0x84, 0xffff_ffff);
    (0..8).for_each(|n| word(0x420 + 4 * n, 0xa0a0_a0a0));
    (0..2).for_each(|n| word(0xc08 + 4 * n, 0xaaaa_aaaa));
    (0..PES as u64).for_each(|n| gicd.write(0x6100 + 8 * n, AccessSize::Double, n));
    word(0x104, 0xffff_ffff);
    let interfaces = (0..PES).map(|pe| {
        let base = pe as u64 * 0x20000;
        gicr.write(base + 0x14, AccessSize::Word, 0);
        gicr.write(base + 0x10080, AccessSize::Word, 0xffff_ffff);
        (0..8).for_each(|n| gicr.write(base + 0x10400 + 4 * n, AccessSize::Word, 0xa0a0_a0a0));
        gicr.write(base + 0x10100, AccessSize::Word, 0xffff_ffff);
        let mut it = gic.cpu_interface(pe);
        it.set_pmr(0xf0);
        it.set_igrpen1(1);
        it
    });
    let interfaces = interfaces.collect();
    (gic, interfaces)
}

/// One edge on SPI 32+`pe`, taken and ended by that PE. The sum of what was acknowledged.
fn spis(gic: &Gic, it: &mut CpuInterface, rounds: u64) -> u64 {
    let id = IntId(32 + it.pe() as u32);
    (0..rounds).fold(0, |sum, _| {
        gic.set_spi(id, true);
        gic.set_spi(id, false);
        let taken = it.iar1();
        it.set_eoir1(taken);
        sum + taken
    })
}

/// The same, level-sensitive: the line falls between acknowledge and EOI, as a driver makes it.
fn levels(gic: &Gic, it: &mut CpuInterface, rounds: u64) -> u64 {
    let id = IntId(32 + it.pe() as u32);
    (0..rounds).fold(0, |sum, _| {
        gic.set_spi(id, true);
        let taken = it.iar1();
        gic.set_spi(id, false);
        it.set_eoir1(taken);
        sum + taken
    })
}

/// An SGI to oneself through SGI1R, taken and ended.
fn sgis(it: &mut CpuInterface, rounds: u64) -> u64 {
    let v = 5 << 24 | 1 << it.pe();
    (0..rounds).fold(0, |sum, _| {
        it.set_sgi1r(v);
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

/// Throughput of `threads` PEs at once: ns for one interrupt on any of them, best batch.
fn together(threads: usize, batches: u64) -> f64 {
    let (gic, mut interfaces) = machine();
    let start = Barrier::new(threads);
    let mut best = f64::MAX;
    let taken: Vec<Vec<f64>> = thread::scope(|scope| {
        let running = interfaces[..threads].iter_mut().map(|it| {
            let (gic, start) = (&gic, &start);
            scope.spawn(move || {
                let batch = |_| {
                    start.wait();
                    let begun = Instant::now();
                    let sum = spis(gic, it, BATCH);
                    assert_eq!(sum, BATCH * (32 + it.pe() as u64), "each edge is taken once");
                    begun.elapsed().as_nanos() as f64
                };
                (0..batches).map(batch).collect()
            })
        });
        let running: Vec<_> = running.collect();
        running.into_iter().map(|t| t.join().expect("no round fails")).collect()
    });
    for batch in 0..batches as usize {
        let slowest = taken.iter().map(|times| times[batch]).fold(0.0, f64::max);
        best = best.min(slowest / (BATCH * threads as u64) as f64);
    }
    best
}

fn main() {
    let batches = if std::env::args().any(|arg| arg == "--bench") { 1000 } else { 1 };
    let (gic, mut interfaces) = machine();
    // What the host charges for the step that everything here is counted in.
    let cell = AtomicU64::new(0);
    measure("host: one read-modify-write", batches, |n| {
        (0..n).for_each(|_| _ = black_box(&cell).fetch_or(1, AcqRel));
        n
    });
    measure("signals(), idle", batches, |n| (0..n).map(|_| black_box(&interfaces[0]).signals().irq as u64).sum());
    measure("spi: rise, fall, signals, iar, eoi (edge)", batches, |n| {
        let id = IntId(32);
        (0..n).fold(0, |sum, _| {
            gic.set_spi(id, true);
            gic.set_spi(id, false);
            let seen = interfaces[0].signals().irq as u64;
            let taken = interfaces[0].iar1();
            interfaces[0].set_eoir1(taken);
            sum + taken * seen
        })
    });
    measure("spi: rise, fall, iar, eoi (edge)", batches, |n| spis(&gic, &mut interfaces[0], n));
    gic.distributor().write(0xc08, AccessSize::Word, 0);
    measure("spi: rise, iar, fall, eoi (level)", batches, |n| levels(&gic, &mut interfaces[0], n));
    measure("sgi to self: sgi1r, iar, eoi", batches, |n| sgis(&mut interfaces[0], n));
    measure("sgi to seven others, pending already", batches, |n| {
        (0..n).for_each(|_| interfaces[0].set_sgi1r(1 << 40 | 5 << 24));
        interfaces[0].rpr()
    });
    measure("pmr: mask and unmask", batches, |n| {
        (0..n).for_each(|_| {
            interfaces[0].set_pmr(0x60);
            interfaces[0].set_pmr(0xf0);
        });
        interfaces[0].pmr()
    });
    let (one, two) = (together(1, batches), together(2, batches));
    println!("{:44} {one:8.2} ns", "1 thread, edge spi");
    println!("{:44} {two:8.2} ns   scale {:.2}", "2 threads on 2 PEs, per interrupt", one / two);
}
