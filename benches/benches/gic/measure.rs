//! Times: batches for what an operation costs among others like it, and single ones for how that varies.

use crate::operation::Operation;
use crate::rig::{Pe, Rig};
use gic::CpuInterface;
use std::{hint::black_box, sync::Barrier, thread, time::Instant};

/// Rounds at a time: short, so that some batches run undisturbed on a busy host, and the best of them speaks.
pub const BATCH: u64 = 2_000;

/// ns for each of `f`'s rounds, in the best batch.
pub fn best(batches: u64, mut f: impl FnMut(u64)) -> f64 {
    let batch = |_| {
        let start = Instant::now();
        f(BATCH);
        start.elapsed().as_nanos() as f64 / BATCH as f64
    };
    (0..batches).map(batch).fold(f64::MAX, f64::min)
}

/// ns for one operation, whose interrupts are all checked to have been taken.
pub fn operation(operation: Operation, pe: &mut Pe, batches: u64) -> f64 {
    let expected = operation.intid(pe.it.pe()) * BATCH;
    best(batches, |rounds| assert_eq!(operation.rounds(pe, rounds), expected, "{}", operation.name()))
}

/// ns for each of `count` steps that `f` makes at once, in the best of many times; `prepare` comes before, outside of
/// the time.
pub fn step<T>(batches: u64, count: u64, on: &mut T, prepare: impl Fn(&mut T), f: impl Fn(&mut T)) -> f64 {
    let clock = (0..batches * 10).map(|_| Instant::now().elapsed().as_nanos()).min().unwrap_or(0);
    let time = |_| {
        prepare(on);
        let start = Instant::now();
        f(black_box(&mut *on));
        start.elapsed().as_nanos()
    };
    let best = (0..batches * 20).map(time).min().expect("there are batches");
    best.saturating_sub(clock) as f64 / count as f64
}

/// What single times are: at the median, and what one of 100 and of 1000 exceeds.
#[derive(Clone, Copy)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// Times of single calls of `f`, less what the clock takes.
pub fn spread(samples: usize, mut f: impl FnMut()) -> Spread {
    let time = |f: &mut dyn FnMut()| {
        let mut times: Vec<f64> = (0..samples)
            .map(|_| {
                let start = Instant::now();
                f();
                start.elapsed().as_nanos() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let clock = time(&mut || {})[samples / 2];
    let times = time(&mut f);
    let at = |part: f64| (times[((samples - 1) as f64 * part) as usize] - clock).max(0.0);
    Spread { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

/// Millions of operations a second that `threads` PEs do together, in the best batch.
pub fn together(rig: &Rig, interfaces: &mut [CpuInterface], operation: Operation, batches: u64) -> f64 {
    let (threads, rounds) = (interfaces.len(), operation.rounds_together());
    let start = Barrier::new(threads);
    let times: Vec<Vec<(Instant, Instant)>> = thread::scope(|scope| {
        let running = interfaces.iter_mut().map(|it| {
            let start = &start;
            scope.spawn(move || {
                let pe = &mut Pe { rig, it };
                let batch = |_| {
                    start.wait();
                    let begun = Instant::now();
                    let sum = operation.rounds(pe, rounds);
                    assert_eq!(sum, rounds * operation.intid(pe.it.pe()), "each is taken once, by its own PE");
                    (begun, Instant::now())
                };
                (0..batches).map(batch).collect()
            })
        });
        let running: Vec<_> = running.collect();
        running.into_iter().map(|thread| thread.join().expect("no round fails")).collect()
    });
    // From the first that begins to the last that ends: on a busy host they may not have run at the same time.
    let took = |batch: usize| {
        let (begun, ended) = (times.iter().map(|t| t[batch].0).min(), times.iter().map(|t| t[batch].1).max());
        (ended.expect("a thread ran") - begun.expect("a thread ran")).as_nanos() as f64
    };
    (rounds * threads as u64) as f64 * 1e3 / (0..batches as usize).map(took).fold(f64::MAX, f64::min)
}
