//! Two PEs update one descriptor: neither update is lost, and no access goes by a descriptor that is gone.

use crate::harness::{Outcome::*, *};
use a64::SysReg;
use std::sync::atomic::{AtomicU64, Ordering};

const VA: u64 = 0x1000_0000;
const PA: u64 = RAM + 0x5000;
const OTHER: u64 = RAM + 0x6000;
const ROUNDS: u64 = if cfg!(miri) { 10 } else { 20_000 };
const HA_HD: u64 = 1 << 39 | 1 << 40;
const VAE1: SysReg = SysReg::new(1, 0, 8, 7, 1);

/// Where two threads meet. Neither sleeps for long, so that they leave within nanoseconds of each other.
#[derive(Default)]
struct Meeting(AtomicU64);

impl Meeting {
    /// The `n`th meeting, from 0.
    fn wait(&self, n: u64) {
        self.0.fetch_add(1, Ordering::AcqRel);
        let mut turns = 0;
        while self.0.load(Ordering::Acquire) < 2 * (n + 1) {
            turns += 1;
            if turns % 10_000 == 0 { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

/// One thread or the other is a little later, by turns, until their accesses overlap.
fn stagger(round: u64, index: u64) {
    let late = if round & 1 == index { round >> 1 & 63 } else { 0 };
    (0..late).for_each(|_| std::hint::spin_loop());
}

/// `pes` rigs on one machine, with the tables of the first.
fn rigs(pes: usize) -> Vec<Rig> {
    let mut first = Rig::on(Machine::new(pes));
    first.map(VA, PA | PAGE);
    first.set(|c| c.sys.tcr[1] |= HA_HD);
    let (roots, next_table, sys) = (first.roots, first.next_table, first.cpu.sys.clone());
    let mut all = vec![first];
    for index in 1..pes {
        let shared = all[0].machine.shared.clone();
        let machine = Machine { shared, probe: all[0].machine.probe.clone() };
        let mut cpu = machine.vcpu(index);
        cpu.sys = sys.clone();
        cpu.refresh();
        all.push(Rig { machine, cpu, next_table, roots });
    }
    all
}

/// One PE reads and the other writes a page that is neither accessed nor dirty: afterwards it is both, however
/// the two compare-and-swaps fell, and software's own bits in the descriptor are as they were.
#[test]
fn access_flag_and_dirty_state() {
    let mut both = rigs(2);
    let slot = both[0].slot(VA, 3);
    let fresh = PA | PAGE & !AF | DBM | READ_ONLY | 5 << 55;
    let done = fresh & !READ_ONLY | AF;
    let (start, end) = (Meeting::default(), Meeting::default());
    std::thread::scope(|scope| {
        let mut threads = vec![];
        for (index, rig) in both.iter_mut().enumerate() {
            let (start, end) = (&start, &end);
            threads.push(scope.spawn(move || {
                // Both threads go through every barrier, whatever they see; the first thing that is wrong is told.
                let mut wrong = None;
                for round in 0..ROUNDS {
                    rig.cpu.tlbi(VAE1, VA >> 12);
                    if index == 0 {
                        rig.machine.poke(slot, fresh);
                    }
                    start.wait(round);
                    stagger(round, index as u64);
                    let seen = if index == 0 { rig.read(VA + 8) } else { rig.write(VA, round) };
                    end.wait(round);
                    let expected = Value(if index == 0 { 0 } else { round });
                    // The next round's `poke` comes from the thread that looks.
                    let descriptor = if index == 0 { rig.machine.peek(slot) } else { done };
                    if (seen, descriptor) != (expected, done) {
                        wrong.get_or_insert((round, seen, descriptor));
                    }
                }
                wrong
            }));
        }
        let wrong: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(wrong, [None, None]);
    });
}

/// Software moves the page to another place with compare-and-swap, as one that trusts the dirty state does,
/// while the other PE makes it dirty. If the descriptor that was taken away is clean, nothing was written there.
#[test]
fn a_clean_page_that_is_taken_away_was_not_written() {
    let mut both = rigs(2);
    let slot = both[0].slot(VA, 3);
    let clean = PA | PAGE | DBM | READ_ONLY;
    let moved = OTHER | PAGE;
    let (start, end) = (Meeting::default(), Meeting::default());
    let (mover, writer) = both.split_at_mut(1);
    let (mover, writer) = (&mut mover[0], &mut writer[0]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                writer.cpu.tlbi(VAE1, VA >> 12);
                start.wait(round);
                stagger(round, 0);
                // If it faults, the mover finds nothing written.
                _ = writer.write(VA, round + 1);
                end.wait(round);
            }
        });
        let mut wrong = None;
        for round in 0..ROUNDS {
            mover.machine.poke(PA, 0);
            mover.machine.poke(OTHER, 0);
            mover.machine.poke(slot, clean);
            start.wait(round);
            // The writer has a table to walk first.
            stagger(round, 1);
            let ram = mover.machine.shared.bus.ram();
            let host = ram.host(hw::PhysAddr(slot)).unwrap();
            let was_clean = ram.cas(host, hw::AccessSize::Double, clean, moved) == clean;
            end.wait(round);
            let written = [mover.machine.peek(PA), mover.machine.peek(OTHER)];
            if written != if was_clean { [0, round + 1] } else { [round + 1, 0] } {
                wrong.get_or_insert((round, was_clean, written));
            }
        }
        assert_eq!(wrong, None);
    });
}
