//! What interrupts cost inside the GIC, how that grows, and whether PEs slow one another.
//!
//! Decides the layout of `gic::state`: what is one word, what is padded, which steps are worth a read-modify-write, and
//! whether doing without a lock is worth it: the peer is the same GIC with one mutex around each call. Aims:
//! acknowledge and EOI, and inject, 25 ns each; "deliverable?" 1 ns; SGI 30 ns; two threads at least 1.9 times one; 512
//! PEs, and 10 000 pending LPIs, at most 1.3 times as slow as few. `cargo bench -p armagic-benches --bench gic` prints
//! tables; with `--charts DIR` after another `--` it draws growth there. The first is of round trips that guests of armagic
//! and of QEMU measure: `--armagic PATH`, `--qemu [NAME=]PATH` as often as there are some; `--guests` prints that alone.
//! Without `--bench` a smoke size runs, and no guest.

mod chart;
mod guest;
mod measure;
mod operation;
mod rig;

use armagic_benches::figures::short;
use chart::Line;
use gic::CpuInterface;
use measure::{best, spread, together};
use operation::Operation;
use rig::{EVENTS, Pe, Rig, Size, rig};
use std::{hint::black_box, path::Path, time::Instant};

const PES: &[usize] = &[1, 2, 4, 8, 64, 512];
const WAITING: &[usize] = &[0, 100, 10_000];
const TYPICAL: Size = Size { pes: 4, all_intids: false, lpis: true };

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let full = args.iter().any(|arg| arg == "--bench");
    let charts = args.iter().position(|arg| arg == "--charts").and_then(|n| args.get(n + 1)).map(Path::new);
    let (batches, samples) = if full { (300, 100_000) } else { (1, 10) };
    if full {
        guests(&args, batches);
    }
    if args.iter().any(|arg| arg == "--guests") {
        return;
    }
    parts(batches);
    kinds(batches, samples);
    let pes = growth_with_pes(batches, if full { PES } else { &PES[..3] });
    let waiting = growth_with_waiting(batches);
    broadcast(if full { 200 } else { 1 }, if full { PES } else { &PES[..3] });
    if let Some(dir) = charts {
        let write = |name, svg: String| std::fs::write(dir.join(name), svg).expect("the folder is there");
        let steps = if full { PES } else { &PES[..3] };
        write("gic-pes.svg", chart::svg("One interrupt, by the number of PEs", "PEs", steps, &pes));
        write("gic-pending.svg", chart::svg("One interrupt while LPIs wait", "LPIs pending", WAITING, &waiting));
    }
}

/// Edge-triggered SPIs to PE 0 that nothing else uses.
const FREE: std::ops::Range<u32> = 36..64;

/// The steps of the aims, each alone: as many as can be made one after another, each with an interrupt of its own.
fn parts(batches: u64) {
    let (rig, mut interfaces) = rig(Size { lpis: false, ..TYPICAL }, false);
    println!("| step | ns |\n|---|---:|");
    let row = |name: &str, ns: f64| println!("| {name} | {} |", short(ns));
    let pe = &mut Pe { rig: &rig, it: &mut interfaces[0] };
    let wires = |high: bool| FREE.for_each(|id| rig.spi(id, high));
    let ended = |pe: &mut Pe| {
        FREE.for_each(|id| {
            pe.it.set_ap1r0(1 << 20);
            pe.end(id.into());
        });
    };
    let drain = |pe: &mut Pe| {
        wires(false);
        ended(pe);
        while pe.take() != 1023 {}
    };
    let pending = |pe: &mut Pe| {
        drain(pe);
        wires(true);
    };
    // What was acknowledged stays active, and the running priority is idle again: else the next could not be.
    let active = |pe: &mut Pe| {
        pending(pe);
        FREE.for_each(|id| {
            assert_eq!(pe.acknowledge(), u64::from(id));
            pe.it.set_ap1r0(0);
        });
    };
    let count = FREE.len() as u64;
    let idle = measure::step(batches, count, pe, drain, |pe| FREE.for_each(|_| pe.it.set_ap1r0(0)));
    let inject = measure::step(batches, count, pe, drain, |_| wires(true));
    let fall = measure::step(batches, count, pe, pending, |_| wires(false));
    let both = measure::step(batches, count, pe, pending, |pe| FREE.for_each(|_| _ = pe.take()));
    let acknowledge = measure::step(batches, count, pe, pending, |pe| {
        FREE.for_each(|_| {
            black_box(pe.acknowledge());
            pe.it.set_ap1r0(0);
        });
    });
    let end = measure::step(batches, count, pe, active, ended);
    drain(pe);
    row("inject: an edge-triggered SPI rises", inject);
    row("it falls, pending", fall);
    row("acknowledge and EOI", both);
    row("acknowledge", acknowledge - idle);
    row("EOI", end - idle);
    let (itself, sgi) = (pe.to_itself() & !(15 << 24), |id: u64| id << 24);
    let taken = |pe: &mut Pe| while pe.take() != 1023 {};
    let send = measure::step(batches, 16, pe, taken, |pe| (0..16).for_each(|id| pe.sgi(itself | sgi(id))));
    taken(pe);
    row("SGI to one PE", send);
    row("SPI: rise, fall, acknowledge, EOI, in turn", measure::operation(Operation::Edge, pe, batches));
    row("SGI: send, acknowledge, EOI, in turn", measure::operation(Operation::Sgi, pe, batches));
    let again = best(batches, |n| (0..n).for_each(|_| Operation::Edge.inject(black_box(&mut *pe))));
    pe.take();
    let merged = best(batches, |n| (0..n).for_each(|_| Operation::Sgi.inject(black_box(&mut *pe))));
    pe.take();
    row("SPI: rise and fall, pending already", again);
    row("SGI, pending already", merged);
    row("PMR write", best(batches, |n| (0..n).for_each(|_| black_box(&mut *pe.it).set_pmr(0xf0))));
    let it = &*pe.it;
    let deliverable = |n| assert_eq!((0..n).map(|_| u64::from(black_box(it).signals().irq)).sum::<u64>(), 0);
    row("is anything deliverable? (nothing is)", best(batches, deliverable));
    println!();
}

/// Round trips of guests, beside what they take in the GIC alone.
fn guests(args: &[String], batches: u64) {
    guest::round_trips(args, |operation| {
        let (rig, mut interfaces) = rig(TYPICAL, false);
        measure::operation(operation, &mut Pe { rig: &rig, it: &mut interfaces[0] }, batches)
    });
}

/// Each kind with one thread and with two, beside the same behind one mutex.
fn kinds(batches: u64, samples: usize) {
    println!(
        "| operation | ns | p50 | p99 | p99.9 | M/s, 1 thread | 2 threads | times | one mutex: ns | M/s, 2 threads |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let ((free, mut owners), (locked, mut lockers)) = (rig(TYPICAL, false), rig(TYPICAL, true));
    for operation in Operation::ALL {
        let ns = measure::operation(operation, &mut Pe { rig: &free, it: &mut owners[0] }, batches);
        let pe = &mut Pe { rig: &free, it: &mut owners[0] };
        let spread = spread(samples, || _ = operation.all(pe));
        // New threads each time: on a busy host they may be given one CPU for as long as they are there.
        let together = |rig: &Rig, owners: &mut [CpuInterface]| {
            let time = |_| together(rig, owners, operation, batches / 10 + 1);
            (0..batches.min(10)).map(time).fold(0.0, f64::max)
        };
        let one = together(&free, &mut owners[..1]);
        let two = together(&free, &mut owners[..2]);
        let peer = measure::operation(operation, &mut Pe { rig: &locked, it: &mut lockers[0] }, batches);
        let peers = together(&locked, &mut lockers[..2]);
        let figures = [ns, spread.p50, spread.p99, spread.p999, one, two, two / one, peer, peers].map(short);
        println!("| {} | {} |", operation.name(), figures.join(" | "));
    }
    println!();
}

/// One interrupt with more and more PEs, with few INTIDs and with all.
fn growth_with_pes(batches: u64, steps: &[usize]) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![];
    for &pes in steps {
        for all_intids in [false, true] {
            let (rig, mut interfaces) = rig(Size { pes, all_intids, lpis: true }, false);
            for operation in Operation::ALL {
                let name = format!("{}{}", operation.name(), if all_intids { ", all INTIDs" } else { "" });
                let ns = measure::operation(operation, &mut Pe { rig: &rig, it: &mut interfaces[0] }, batches);
                match lines.iter_mut().find(|line| line.name == name) {
                    Some(line) => line.values.push(ns),
                    None => lines.push(Line { name, dashed: all_intids, values: vec![ns] }),
                }
            }
        }
    }
    lines.sort_by(|a, b| a.name.cmp(&b.name));
    table("ns by number of PEs", steps, &lines);
    // The name of a line begins with its kind, which is enough beside a chart.
    shown(lines, |name| !name.contains("PMR") && !name.contains('?'))
}

/// One interrupt while others, less urgent ones, wait at the same PE.
fn growth_with_waiting(batches: u64) -> Vec<Line> {
    let kinds = [Operation::Edge, Operation::Sgi, Operation::Its, Operation::Direct];
    let mut lines: Vec<Line> =
        kinds.map(|kind| Line { name: kind.name().into(), dashed: false, values: vec![] }).into();
    lines.push(Line { name: "acknowledge and EOI of each of them".into(), dashed: false, values: vec![] });
    for &waiting in WAITING {
        let (rig, mut interfaces) = rig(TYPICAL, false);
        let pe = &mut Pe { rig: &rig, it: &mut interfaces[0] };
        (1..=waiting as u32).for_each(|event| rig.message(0, EVENTS - event));
        for (line, kind) in lines.iter_mut().zip(kinds) {
            line.values.push(measure::operation(kind, pe, batches));
        }
        let count = waiting.max(1);
        let drained = (0..batches.div_ceil(10)).map(|_| {
            (1..=count as u32).for_each(|event| rig.message(0, EVENTS - event));
            let begun = Instant::now();
            let taken = std::iter::from_fn(|| Some(pe.take()).filter(|&id| id != 1023)).count();
            assert_eq!(taken, count, "each is taken once");
            begun.elapsed().as_nanos() as f64 / count as f64
        });
        let drained = drained.fold(f64::MAX, f64::min);
        lines.last_mut().expect("it was made above").values.push(drained);
    }
    table("ns by number of pending LPIs", WAITING, &lines);
    shown(lines, |_| true)
}

/// SGI to all but oneself. Each takes it outside of the time.
fn broadcast(batches: u64, steps: &[usize]) {
    let mut line = Line { name: "for each PE that it goes to".into(), dashed: false, values: vec![] };
    for &pes in &steps[1..] {
        let (rig, mut interfaces) = rig(Size { pes, all_intids: false, lpis: false }, false);
        let batch = |_| {
            let begun = Instant::now();
            interfaces[0].set_sgi1r(1 << 40 | 5 << 24);
            let time = begun.elapsed().as_nanos() as f64;
            for it in &mut interfaces[1..] {
                assert_eq!(Pe { rig: &rig, it }.take(), 5);
            }
            time / (pes - 1) as f64
        };
        line.values.push((0..batches).map(batch).fold(f64::MAX, f64::min));
    }
    table("ns of an SGI to all others, by number of PEs (with the clock's)", &steps[1..], &[line]);
}

fn table(title: &str, steps: &[usize], lines: &[Line]) {
    println!("| {title} | {} |", steps.iter().map(usize::to_string).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---:|".repeat(steps.len()));
    for line in lines {
        println!("| {} | {} |", line.name, line.values.iter().map(|&ns| short(ns)).collect::<Vec<_>>().join(" | "));
    }
    println!();
}

/// The lines of a chart: some, by the kind of interrupt alone.
fn shown(lines: Vec<Line>, which: impl Fn(&str) -> bool) -> Vec<Line> {
    let short = |line: Line| {
        let kind = line.name.split(':').next().unwrap_or_default();
        let all = if line.dashed { ", all INTIDs" } else { "" };
        Line { name: format!("{kind}{all}"), ..line }
    };
    lines.into_iter().filter(|line| which(&line.name)).map(short).collect()
}
