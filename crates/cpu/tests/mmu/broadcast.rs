//! TLB maintenance between PEs: once DSB has returned, nobody uses the old translation.

use crate::harness::*;
use a64::SysReg;
use cpu::Vcpu;
use hw::Access;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use sync::Reasons;

const VA: u64 = 0x1000_0000;
const VAE1IS: SysReg = SysReg::new(1, 0, 8, 3, 1);
const VMALLE1IS: SysReg = SysReg::new(1, 0, 8, 3, 0);
const ASIDE1IS: SysReg = SysReg::new(1, 0, 8, 3, 2);
/// Two pages that hold nothing but 1 and 2.
const PAGES: [u64; 2] = [RAM + 0x1000, RAM + 0x2000];

/// Another PE with the tables of `rig`.
fn peer(rig: &Rig, index: usize) -> Vcpu {
    let mut cpu = rig.machine.vcpu(index);
    cpu.sys = rig.cpu.sys.clone();
    cpu.context_changed();
    cpu
}

fn rig(pes: usize) -> Rig {
    let mut rig = Rig::on(Machine::new(pes));
    rig.machine.poke(PAGES[0], 1);
    rig.machine.poke(PAGES[1], 2);
    rig.map(VA, PAGES[0] | PAGE | NG);
    rig
}

fn load(cpu: &mut Vcpu) -> u64 {
    cpu.load(VA, Access::plain(3)).unwrap()
}

#[test]
fn a_parked_pe_is_not_waited_for_and_catches_up() {
    let mut rig = rig(2);
    let mut other = peer(&rig, 1);
    other.unpark();
    assert_eq!(load(&mut other), 1);
    other.park();
    rig.map(VA, PAGES[1] | PAGE | NG);
    rig.cpu.tlbi(VAE1IS, VA >> 12);
    rig.cpu.await_sent(0xb);
    assert!(!other.attention.is_set(), "a parked PE is left asleep");
    other.unpark();
    assert_eq!(load(&mut other), 2);
}

#[test]
fn a_running_pe_is_told() {
    let mut rig = rig(2);
    let mut other = peer(&rig, 1);
    other.unpark();
    assert_eq!(load(&mut other), 1);
    rig.map(VA, PAGES[1] | PAGE | NG);
    rig.cpu.tlbi(VAE1IS, VA >> 12);
    assert!(other.attention.take().has(Reasons::TLBI));
    assert_eq!(load(&mut other), 1, "not before it looks");
    other.drain_tlbi();
    assert_eq!(load(&mut other), 2);
    rig.cpu.await_sent(0xb);
}

#[test]
fn more_operations_than_the_queue_holds() {
    let mut rig = rig(2);
    let mut other = peer(&rig, 1);
    other.unpark();
    assert_eq!(load(&mut other), 1);
    rig.map(VA, PAGES[1] | PAGE | NG);
    (1..5000).for_each(|i| rig.cpu.tlbi(VAE1IS, (VA >> 12) + i));
    rig.cpu.tlbi(VAE1IS, VA >> 12);
    other.drain_tlbi();
    assert_eq!(load(&mut other), 2);
    rig.cpu.await_sent(0xb);
}

/// One PE changes the page back and forth, and says when a change begins and when its DSB has returned. The
/// others read all the time: between two changes there is only one page to be seen.
#[test]
fn no_old_translation_is_used_after_the_barrier() {
    for (op, operand) in [(VAE1IS, VA >> 12), (VMALLE1IS, 0), (ASIDE1IS, 0)] {
        stress(op, operand);
    }
}

const CHANGES: u64 = if cfg!(miri) { 10 } else { 2000 };

fn stress(op: SysReg, operand: u64) {
    const READERS: usize = 2;
    let mut rig = rig(1 + READERS);
    let slot = rig.slot(VA, 3);
    // The last change that has begun, and the last that is complete on every PE.
    let (begun, complete) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (over, start) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(1 + READERS)));
    let readers: Vec<_> = (1..=READERS)
        .map(|index| {
            let mut cpu = peer(&rig, index);
            let (begun, complete) = (begun.clone(), complete.clone());
            let (over, start) = (over.clone(), start.clone());
            std::thread::spawn(move || {
                cpu.unpark();
                start.wait();
                let (mut wrong, mut telling, mut reads) = (0, 0, 0u64);
                while !over.load(SeqCst) {
                    // As an engine does: not between any two accesses.
                    if reads % 64 == 0 && cpu.attention.take().has(Reasons::TLBI) {
                        cpu.drain_tlbi();
                    }
                    // Some of the time asleep, so that parking races with broadcasts.
                    if reads % 1024 == 1023 {
                        cpu.park();
                        std::thread::yield_now();
                        cpu.unpark();
                    }
                    let before = complete.load(SeqCst);
                    let seen = load(&mut cpu);
                    let after = begun.load(SeqCst);
                    // Change n maps page n % 2.
                    wrong += u64::from(!(before..=after).any(|n| seen == 1 + n % 2));
                    telling += u64::from(before == after);
                    reads += 1;
                }
                cpu.park();
                (wrong, telling)
            })
        })
        .collect();
    rig.cpu.unpark();
    start.wait();
    for change in 1..=CHANGES {
        begun.store(change, SeqCst);
        rig.machine.poke(slot, PAGES[change as usize % 2] | PAGE | NG);
        rig.cpu.barrier(0xf);
        rig.cpu.tlbi(op, operand);
        rig.cpu.barrier(0xf);
        rig.cpu.await_sent(0xb);
        complete.store(change, SeqCst);
        // Long enough unchanged for readers to see `before` and `after` alike.
        (0..300).for_each(|_| std::hint::spin_loop());
    }
    over.store(true, SeqCst);
    for reader in readers {
        let (wrong, telling) = reader.join().unwrap();
        assert!(telling > 0, "no read fell between two changes");
        assert_eq!(wrong, 0, "old translations used, in {telling} reads that tell");
    }
}

/// Two PEs that broadcast to each other wait for each other.
#[test]
fn barriers_that_wait_for_each_other_both_return() {
    let rig = rig(3);
    let threads: Vec<_> = (1..3)
        .map(|index| {
            let mut cpu = peer(&rig, index);
            std::thread::spawn(move || {
                cpu.unpark();
                for _ in 0..if cfg!(miri) { 10 } else { 3000 } {
                    cpu.tlbi(VAE1IS, VA >> 12);
                    cpu.await_sent(0xb);
                }
                cpu.park();
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}
