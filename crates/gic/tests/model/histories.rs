//! Histories of three threads on the host's processors, checked as `history/order.rs` says.
//!
//! `HISTORIES=1000000 cargo test -p armagic-gic --release --test model histories` is the long run.

use crate::history::{Event, Forwarded, NONE, Op, PES, Random, Rig, Theme, Verdict, order};
use armagic_gic::CpuInterface;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::{hint::spin_loop, thread, time::Instant};

/// One thread's part of a history.
fn part(rig: &Rig, it: &mut CpuInterface, random: &mut Random, theme: Theme, zero: Instant) -> Vec<Event> {
    let mut taken: Vec<(usize, u64)> = vec![];
    let mut events = vec![];
    while events.len() < 6 {
        let op = match (random.below(4), taken.last()) {
            (0, Some(&(group, id))) => Op::End { group, id },
            _ => random.op(theme),
        };
        // The fences keep the operation between the two looks at the clock.
        let began = zero.elapsed().as_nanos() as u64;
        fence(Ordering::SeqCst);
        let result = rig.run(it, op);
        fence(Ordering::SeqCst);
        let over = zero.elapsed().as_nanos() as u64;
        match op {
            Op::End { .. } => _ = taken.pop(),
            Op::Acknowledge { group } if result != NONE => taken.push((group, result)),
            _ => {}
        }
        events.push(Event { pe: it.pe(), op, result, began, over });
    }
    events
}

#[test]
fn histories_have_an_order() {
    let histories: usize =
        std::env::var("HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(if cfg!(miri) { 8 } else { 4000 });
    let rig = Rig::new();
    // Turns: all threads run history n while `turn` is n; `done` counts who is through.
    let (turn, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let parts: [Mutex<Vec<Event>>; PES] = Default::default();
    let zero = Instant::now();
    let (mut checked, mut overlapping, mut given_up) = (0u64, 0u64, 0u64);
    thread::scope(|scope| {
        for pe in 0..PES {
            let (rig, turn, done, parts) = (&rig, &turn, &done, &parts);
            scope.spawn(move || {
                let mut it = rig.gic.cpu_interface(pe);
                let mut random = Random(pe as u64 + 1);
                for n in 1..=histories {
                    Rig::open(&mut it);
                    done.fetch_add(1, Ordering::SeqCst);
                    let mut spins = 0u32;
                    while turn.load(Ordering::SeqCst) < 2 * n - 1 {
                        spins += 1;
                        if spins.is_multiple_of(64) { thread::yield_now() } else { spin_loop() }
                    }
                    let events = part(rig, &mut it, &mut random, Theme::of(n as u64), zero);
                    *parts[pe].lock().unwrap() = events;
                    done.fetch_add(1, Ordering::SeqCst);
                    while turn.load(Ordering::SeqCst) < 2 * n {
                        thread::yield_now();
                    }
                }
            });
        }
        let wait = || {
            while done.load(Ordering::SeqCst) < PES {
                thread::yield_now();
            }
            done.store(0, Ordering::SeqCst);
        };
        for n in 1..=histories {
            // The threads reset their interfaces; a new turn begins where the last ended.
            wait();
            let model = rig.set_up(Theme::of(n as u64));
            turn.store(2 * n - 1, Ordering::SeqCst);
            wait();
            let mut events: Vec<Event> = parts.iter().flat_map(|part| part.lock().unwrap().clone()).collect();
            events.sort_by_key(|event| (event.began, event.over));
            overlapping += u64::from(events.windows(2).any(|pair| pair[0].over > pair[1].began));
            let verdict = order(&model, &events, Forwarded::Stays);
            if verdict == Verdict::None {
                eprintln!("history {n} has no order:");
                events.iter().for_each(|event| eprintln!("{event:?}"));
                std::process::abort();
            }
            given_up += u64::from(verdict == Verdict::Unknown);
            checked += 1;
            turn.store(2 * n, Ordering::SeqCst);
        }
    });
    eprintln!("{checked} histories, {overlapping} with operations that overlap, {given_up} not decided");
    // On a busy host the threads may take turns; `dense` has interleavings of its own.
    assert_eq!(given_up, 0);
}
