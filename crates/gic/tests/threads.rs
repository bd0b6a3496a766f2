//! The GIC on real threads: PEs that sleep as in WFI, devices, and a writer that keeps changing the configuration.
//!
//! Each device raises the next edge only after the last was handled, so one interrupt lost, or one post missing, stops
//! the test; one taken twice is counted. Loom proves the protocols; this runs them on the host's memory model.
#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{AccessSize, IntId};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::{sync::Arc, thread, time::Duration, time::Instant};
use sync::{Attention, Reasons};

const PES: usize = 3;
const DEVICES: u32 = 4;
const EDGES: u64 = if cfg!(miri) { 5 } else { 3000 };

/// What the configuration writer does to SPI 32+n in its step k.
type Churn = fn(&Arc<Gic>, &dyn Fn(u64, AccessSize, u64), u64, u64);

fn check(churn: Churn) {
    let attention: Vec<_> = (0..PES).map(|_| Arc::new(Attention::new())).collect();
    let pes = attention.iter().enumerate().map(|(n, attention)| PeSpec {
        affinity: Affinity { aff0: n as u8, ..Affinity::default() },
        attention: attention.clone(),
    });
    let gic = Gic::new(GicSpec { spis: 32, pes: pes.collect(), ..Default::default() }).unwrap();
    let (gicd, gicr) = (gic.distributor(), gic.redistributors());
    let write = |offset, size, value| gicd.write(offset, size, value);
    for (offset, value) in [(0x84, 0xf), (0x420, 0x8080_8080), (0xc08, 0xaa), (0x104, 0xf), (0, 3)] {
        write(offset, AccessSize::Word, value);
    }
    (0..PES as u64).for_each(|pe| gicr.write(pe * 0x20000 + 0x14, AccessSize::Word, 0));
    let handled: [AtomicU64; DEVICES as usize] = Default::default();
    let stop = AtomicBool::new(false);
    let late = Instant::now() + Duration::from_secs(60);

    thread::scope(|scope| {
        for pe in 0..PES {
            let (gic, attention, handled, stop) = (&gic, &attention[pe], &handled, &stop);
            scope.spawn(move || {
                let mut it = gic.cpu_interface(pe);
                it.set_pmr(0xf0);
                it.set_igrpen1(1);
                while !stop.load(SeqCst) {
                    if !it.signals().irq {
                        attention.sleep(None);
                        attention.take();
                        continue;
                    }
                    let id = it.iar1();
                    it.set_pmr(0x20);
                    it.set_pmr(0xf0);
                    if id < 1020 {
                        handled[id as usize - 32].fetch_add(1, SeqCst);
                        it.set_eoir1(id);
                    }
                }
            });
        }
        let devices: Vec<_> = (0..DEVICES)
            .map(|n| {
                let (gic, handled, stop) = (&gic, &handled, &stop);
                scope.spawn(move || {
                    for edge in 1..=EDGES {
                        gic.set_spi(IntId(32 + n), true);
                        gic.set_spi(IntId(32 + n), false);
                        while handled[n as usize].load(SeqCst) < edge && !stop.load(SeqCst) {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut step = 0;
        while devices.iter().any(|device| !device.is_finished()) {
            (0..DEVICES.into()).for_each(|n| churn(&gic, &write, n, step));
            step += 1;
            if Instant::now() > late {
                break;
            }
            thread::yield_now();
        }
        stop.store(true, SeqCst);
        attention.iter().for_each(|attention| attention.post(Reasons::CONTROL));
    });
    assert_eq!(handled.map(AtomicU64::into_inner), [EDGES; DEVICES as usize], "each edge is handled once");
}

#[test]
fn quiet() {
    check(|_, _, _, _| ());
}

#[test]
fn retargeted() {
    check(|_, write, n, step| write(0x6100 + 8 * n, AccessSize::Double, (n + step) % PES as u64));
}

#[test]
fn reprioritised() {
    check(|_, write, n, step| write(0x420 + n, AccessSize::Byte, (n + step) % 4 * 0x28));
}

#[test]
fn disabled_and_enabled() {
    check(|_, write, n, step| write(0x104 + 0x80 * (step & 1), AccessSize::Word, (1 << n) | step & 1));
}

#[test]
fn one_of_n_and_back() {
    check(|_, write, n, step| write(0x6100 + 8 * n, AccessSize::Double, [1 << 31, n % PES as u64][step as usize % 2]));
}

#[test]
fn gated() {
    check(|gic, write, _, step| {
        write(0, AccessSize::Word, if step % 2 == 0 { 0 } else { 3 });
        gic.redistributors().write(step % PES as u64 * 0x20000 + 0x14, AccessSize::Word, step & 2);
    });
}
