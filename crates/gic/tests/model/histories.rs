//! Histories of threads that use the GIC at once, checked against the sequential model: there must be an order of the
//! operations, in which none comes before one that was over when it began, that gives each the result it had.
//!
//! Each thread owns a PE and is a device and a configuring CPU besides. An acknowledge has two steps: at one instant
//! the interrupt was the best that was signalled, at a later one it was taken, and it was ready from the one to the
//! other. (One step for both would need more than one word to change at once; IHI 0069 has a CPU interface hold what
//! the redistributor last sent it.) Between interrupts of one priority any may be first. Everything else is one step.
//!
//! `HISTORIES=1000000 cargo test -p armagic-gic --release --test model histories` is the long run.

use crate::spec::Model;
use armagic_gic::{Affinity, CpuInterface, Gic, GicSpec, PeSpec};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};
use std::{hint::spin_loop, thread, time::Instant};

const THREADS: usize = 3;
const AFFINITIES: [u64; THREADS] = [0, 1, 2];
/// The SPIs that histories are about: few, so that threads meet.
const FIRST: u64 = 32;
const SPIS: u64 = 3;
const NONE: u64 = 1023;

#[derive(Clone, Copy, Debug)]
enum Op {
    Wire { id: u64, high: bool },
    Enable { id: u64, on: bool },
    Pend { id: u64, on: bool },
    Priority { id: u64, value: u64 },
    Route { id: u64, pe: u64 },
    Sgi { id: u64, pe: u64 },
    ReadPending,
    ReadActive,
    Pmr { value: u64 },
    Acknowledge { group: usize },
    End { group: usize, id: u64 },
    Highest { group: usize },
}

/// One operation of a history, with when it began and was over.
#[derive(Clone, Debug)]
struct Event {
    pe: usize,
    op: Op,
    result: u64,
    began: u64,
    over: u64,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    fn op(&mut self) -> Op {
        let id = FIRST + self.below(SPIS);
        match self.below(26) {
            0..5 => Op::Wire { id, high: self.below(3) != 0 },
            5 | 6 => Op::Enable { id, on: self.below(2) != 0 },
            7..10 => Op::Pend { id, on: self.below(3) != 0 },
            10..13 => Op::Priority { id, value: [0x40, 0x80, 0xa0][self.below(3) as usize] },
            13 => Op::Route { id, pe: self.below(THREADS as u64) },
            14 => Op::Sgi { id: self.below(2), pe: self.below(THREADS as u64) },
            15 => Op::ReadPending,
            16 => Op::ReadActive,
            17 => Op::Pmr { value: [0x40, 0x80, 0xf0][self.below(3) as usize] },
            18 => Op::Highest { group: self.below(2) as usize },
            _ => Op::Acknowledge { group: usize::from(self.below(4) != 0) },
        }
    }
}

struct Rig {
    gic: Arc<Gic>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
}

impl Rig {
    fn new() -> Rig {
        let spec = |n: usize| PeSpec {
            affinity: Affinity { aff0: n as u8, ..Affinity::default() },
            attention: Arc::default(),
        };
        let gic = Gic::new(GicSpec { spis: 32, pes: (0..THREADS).map(spec).collect(), ..Default::default() }).unwrap();
        Rig { gicd: gic.distributor(), gicr: gic.redistributors(), gic }
    }

    /// Everything open and enabled: Group 1, edge-triggered but for the last SPI, priority 0x80, SPI n to PE n.
    fn set_up(&self, model: &mut Model) {
        (FIRST..FIRST + SPIS).for_each(|id| self.gic.set_spi(IntId(id as u32), false));
        self.gic.reset();
        let set = |model: &mut Model, offset: usize, value: u64| {
            self.gicd.write(offset as u64, AccessSize::Word, value);
            model.write_distributor(offset, false, value);
        };
        set(model, 0, 3);
        set(model, 0x84, 7);
        set(model, 0x420, 0x0080_8080);
        set(model, 0xc08, 0x0a);
        (1..THREADS).for_each(|n| set(model, 0x6100 + 8 * n, n as u64));
        set(model, 0x104, 7);
        for pe in 0..THREADS {
            for (offset, value) in [(0x14, 0), (0x10080, 3), (0x10400, 0x8080), (0x10100, 3)] {
                self.gicr.write((pe * 0x20000 + offset) as u64, AccessSize::Word, value);
                model.write_redistributor(pe, offset, false, value);
            }
        }
    }

    fn run(&self, it: &mut CpuInterface, op: Op) -> u64 {
        let bit = |id: u64| 1 << (id - FIRST);
        match op {
            Op::Wire { id, high } => self.gic.set_spi(IntId(id as u32), high),
            Op::Enable { id, on } => self.gicd.write(if on { 0x104 } else { 0x184 }, AccessSize::Word, bit(id)),
            Op::Pend { id, on } => self.gicd.write(if on { 0x204 } else { 0x284 }, AccessSize::Word, bit(id)),
            Op::Priority { id, value } => self.gicd.write(0x400 + id, AccessSize::Byte, value),
            Op::Route { id, pe } => self.gicd.write(0x6000 + 8 * id, AccessSize::Double, pe),
            Op::Sgi { id, pe } => it.set_sgi1r(id << 24 | 1 << pe),
            Op::ReadPending => return self.gicd.read(0x204, AccessSize::Word) & bit(FIRST),
            Op::ReadActive => return self.gicd.read(0x304, AccessSize::Word) & bit(FIRST),
            Op::Pmr { value } => it.set_pmr(value),
            Op::Acknowledge { group: 0 } => return it.iar0(),
            Op::Acknowledge { .. } => return it.iar1(),
            Op::End { group: 0, id } => it.set_eoir0(id),
            Op::End { id, .. } => it.set_eoir1(id),
            Op::Highest { group: 0 } => return it.hppir0(),
            Op::Highest { .. } => return it.hppir1(),
        }
        0
    }
}

/// One thread's part of a history.
fn part(rig: &Rig, it: &mut CpuInterface, random: &mut Random, zero: Instant) -> Vec<Event> {
    let mut taken: Vec<(usize, u64)> = vec![];
    let mut events = vec![];
    while events.len() < 6 {
        let op = match (random.below(4), taken.last()) {
            (0, Some(&(group, id))) => Op::End { group, id },
            _ => random.op(),
        };
        // The fences keep the operation between the two looks at the clock.
        let began = zero.elapsed().as_nanos() as u64;
        fence(Ordering::SeqCst);
        let result = rig.run(it, op);
        fence(Ordering::SeqCst);
        let over = zero.elapsed().as_nanos() as u64;
        match op {
            Op::End { .. } => _ = taken.pop(),
            Op::Acknowledge { group } if result < 1020 => taken.push((group, result)),
            _ => {}
        }
        events.push(Event { pe: it.pe(), op, result, began, over });
    }
    events
}

/// Does the whole operation, or its first step, in the model; `None` if it cannot have had its result now. The
/// boolean: it is over.
fn step(model: &Model, event: &Event, selected: bool) -> Option<(Model, bool)> {
    let mut next = model.clone();
    let (pe, bit) = (event.pe, |id: u64| 1u64 << (id - FIRST));
    match event.op {
        Op::Wire { id, high } => next.wire(0, id as usize, high),
        Op::Enable { id, on } => next.write_distributor(if on { 0x104 } else { 0x184 }, false, bit(id)),
        Op::Pend { id, on } => next.write_distributor(if on { 0x204 } else { 0x284 }, false, bit(id)),
        Op::Priority { id, value } => next.write_priority(0, id as usize, false, value),
        Op::Route { id, pe } => next.write_distributor(0x6000 + 8 * id as usize, false, pe),
        Op::Sgi { id, pe: to } => next.sgi(pe, 1, id << 24 | 1 << to),
        Op::ReadPending => {
            return (next.read_distributor(0x204, false) & bit(FIRST) == event.result).then_some((next, true));
        }
        Op::ReadActive => {
            return (next.read_distributor(0x304, false) & bit(FIRST) == event.result).then_some((next, true));
        }
        Op::Pmr { value } => next.set_pmr(pe, value),
        Op::End { group, id } => next.eoi(pe, group, id),
        Op::Highest { group } => {
            let best = next.highest(pe);
            let fits = match event.result {
                NONE => best.is_none_or(|best| best.group != group) || next.first_of_any_group(pe, group, best),
                id => next.is_first(pe, id as usize, best),
            };
            return fits.then_some((next, true));
        }
        Op::Acknowledge { group } => match (event.result, selected) {
            (NONE, _) => {
                let best = next.signalled(pe);
                let none = best.is_none_or(|best| best.group != group) || next.first_of_any_group(pe, group, best);
                return none.then_some((next, true));
            }
            (id, false) => {
                let best = next.signalled(pe);
                return next.is_first(pe, id as usize, best).then_some((next, false));
            }
            (id, true) => {
                if !next.take_ready(pe, id as usize) {
                    return None;
                }
            }
        },
    }
    Some((next, true))
}

/// Is there an order? Depth first; `state` holds for each event whether it is to come, selected, or over.
fn ordered(model: &Model, events: &[Event], state: &mut [u8], budget: &mut u64) -> bool {
    if state.iter().all(|&s| s == 2) {
        return true;
    }
    if *budget == 0 {
        return true;
    }
    *budget -= 1;
    let first_over = events.iter().zip(state.iter()).filter(|(_, s)| **s != 2).map(|(e, _)| e.over).min();
    for n in 0..events.len() {
        let event = &events[n];
        // One of those still to come was over before this began.
        if state[n] == 2 || state[n] == 0 && first_over.is_some_and(|over| over < event.began) {
            continue;
        }
        // A thread's operations are in its order, whatever the clock's resolution.
        if events[..n].iter().zip(state.iter()).any(|(e, s)| e.pe == event.pe && *s != 2) {
            continue;
        }
        if let Some((next, over)) = step(model, event, state[n] == 1) {
            let was = state[n];
            state[n] = if over { 2 } else { 1 };
            if ordered(&next, events, state, budget) {
                return true;
            }
            state[n] = was;
        }
    }
    false
}

#[test]
fn histories_have_an_order() {
    let histories: usize = std::env::var("HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let rig = Rig::new();
    let mut fresh = Model::new(32, 0, 0, false, false, &AFFINITIES);
    // Turns: all threads run history n while `turn` is n; `done` counts who is through.
    let (turn, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let parts: [Mutex<Vec<Event>>; THREADS] = Default::default();
    let zero = Instant::now();
    let (mut checked, mut overlapping, mut given_up) = (0u64, 0u64, 0u64);
    thread::scope(|scope| {
        for pe in 0..THREADS {
            let (rig, turn, done, parts) = (&rig, &turn, &done, &parts);
            scope.spawn(move || {
                let mut it = rig.gic.cpu_interface(pe);
                let mut random = Random(pe as u64 + 1);
                for n in 1..=histories {
                    it.reset();
                    it.set_pmr(0xf0);
                    it.set_igrpen0(1);
                    it.set_igrpen1(1);
                    done.fetch_add(1, Ordering::SeqCst);
                    let mut spins = 0u32;
                    while turn.load(Ordering::SeqCst) < 2 * n - 1 {
                        spins += 1;
                        if spins.is_multiple_of(64) { thread::yield_now() } else { spin_loop() }
                    }
                    let events = part(rig, &mut it, &mut random, zero);
                    *parts[pe].lock().unwrap() = events;
                    done.fetch_add(1, Ordering::SeqCst);
                    while turn.load(Ordering::SeqCst) < 2 * n {
                        thread::yield_now();
                    }
                }
            });
        }
        let wait = || {
            while done.load(Ordering::SeqCst) < THREADS {
                thread::yield_now();
            }
            done.store(0, Ordering::SeqCst);
        };
        for n in 1..=histories {
            // The threads reset their interfaces; a new turn begins where the last ended.
            wait();
            fresh = Model::new(32, 0, 0, false, false, &AFFINITIES);
            rig.set_up(&mut fresh);
            for pe in &mut fresh.pes {
                (pe.pmr, pe.enabled) = (0xf0, [true, true, false]);
            }
            turn.store(2 * n - 1, Ordering::SeqCst);
            wait();
            let mut events: Vec<Event> = parts.iter().flat_map(|part| part.lock().unwrap().clone()).collect();
            events.sort_by_key(|event| (event.began, event.over));
            overlapping += u64::from(events.windows(2).any(|pair| pair[0].over > pair[1].began));
            let (mut state, mut budget) = (vec![0; events.len()], 2_000_000);
            if !ordered(&fresh, &events, &mut state, &mut budget) {
                eprintln!("history {n} has no order:");
                events.iter().for_each(|event| eprintln!("{event:?}"));
                std::process::abort();
            }
            given_up += u64::from(budget == 0);
            checked += 1;
            turn.store(2 * n, Ordering::SeqCst);
        }
    });
    _ = fresh;
    eprintln!("{checked} histories, {overlapping} with operations that overlap, {given_up} not decided");
    assert!(overlapping > 0, "the threads never meet");
    assert_eq!(given_up, 0);
}
