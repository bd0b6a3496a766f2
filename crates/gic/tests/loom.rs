//! The interrupt word, its hints and the published word under every interleaving loom can find.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p armagic-gic --release --test loom` with a target directory of its own. Each
//! model asserts: nothing lost, nothing doubled, and a PE that sleeps until it is posted to wakes.
#![cfg(loom)]

use armagic_gic::{Affinity, CpuInterface, Features, Fidelity, Gic, GicSpec, PeSpec};
use hw::{AccessSize, IntId};
use loom::sync::atomic::{AtomicU32, Ordering::*};
use loom::thread;
use std::{sync::Arc, time::Duration};
use sync::Attention;

const NONE: u64 = 1023;

struct Rig {
    gic: Arc<Gic>,
    attention: Vec<Arc<Attention>>,
    pes: Vec<CpuInterface>,
}

/// All gates open, SPIs 32 to 35 edge-triggered in Group 1, enabled, at priority 0x80, going to PE 0.
fn rig(pes: usize) -> Rig {
    rig_with(pes, Fidelity::Fast)
}

fn rig_with(pes: usize, fidelity: Fidelity) -> Rig {
    let attention: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
    let spec = |n: usize| {
        let affinity = Affinity { aff0: n as u8, ..Affinity::default() };
        PeSpec { affinity, attention: attention[n].clone() }
    };
    let features = Features { fidelity, ..Features::default() };
    let spec = GicSpec { spis: 32, pes: (0..pes).map(spec).collect(), features, ..Default::default() };
    let gic = Gic::new(spec).unwrap();
    d(&gic, 0x84, 0xf);
    d(&gic, 0x420, 0x8080_8080);
    d(&gic, 0xc08, 0xaa);
    d(&gic, 0x104, 0xf);
    d(&gic, 0, 3);
    let pes = (0..pes).map(|pe| {
        gic.redistributors().write(pe as u64 * 0x20000 + 0x14, AccessSize::Word, 0);
        let mut it = gic.cpu_interface(pe);
        it.set_pmr(0xf0);
        it.set_igrpen1(1);
        it
    });
    let rig = Rig { pes: pes.collect(), gic, attention };
    rig.attention.iter().for_each(|attention| _ = attention.take());
    rig
}

fn d(gic: &Arc<Gic>, offset: u64, value: u64) {
    gic.distributor().write(offset, AccessSize::Word, value);
}

fn pulse(gic: &Gic, id: u32) {
    gic.set_spi(IntId(id), true);
    gic.set_spi(IntId(id), false);
}

/// Acknowledges and ends all there is.
fn drain(it: &mut CpuInterface, taken: &mut Vec<u64>) {
    while let id @ ..NONE = it.iar1() {
        taken.push(id);
        it.set_eoir1(id);
    }
}

/// As a vCPU in WFI: asleep until posted to, until something is signalled. Loom fails if it is never posted to.
fn wait(it: &CpuInterface, attention: &Attention) {
    while !it.signals().irq {
        attention.sleep(None);
        attention.take();
    }
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    model_with(3, f);
}

/// With fewer preemptions, for models with many operations.
fn model_with(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

#[test]
fn inject_and_acknowledge() {
    model(|| {
        let mut rig = rig(1);
        let gic = rig.gic.clone();
        let device = thread::spawn(move || pulse(&gic, 32));
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        device.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert_eq!(taken, [32]);
    });
}

#[test]
fn edges_that_do_not_merge_are_each_taken() {
    model(|| {
        let mut rig = rig(1);
        let gic = rig.gic.clone();
        pulse(&gic, 32);
        let device = thread::spawn(move || pulse(&gic, 32));
        let first = rig.pes[0].iar1();
        assert_eq!(first, 32);
        rig.pes[0].set_eoir1(first);
        let mut more = vec![];
        device.join().unwrap();
        drain(&mut rig.pes[0], &mut more);
        assert!(more.len() <= 1);
    });
}

#[test]
fn a_sleeper_is_woken() {
    model(|| {
        let mut rig = rig(1);
        let gic = rig.gic.clone();
        let device = thread::spawn(move || pulse(&gic, 32));
        wait(&rig.pes[0], &rig.attention[0]);
        assert_eq!(rig.pes[0].iar1(), 32);
        device.join().unwrap();
    });
}

#[test]
fn a_mask_that_opens_meets_an_interrupt_that_comes() {
    model(|| {
        let mut rig = rig(1);
        rig.pes[0].set_pmr(0x40);
        pulse(&rig.gic, 33);
        assert!(!rig.pes[0].signals().irq, "and now the closed limit is published");
        rig.pes[0].set_pmr(0x88);
        d(&rig.gic, 0x284, 2);
        rig.pes[0].set_pmr(0x40);
        rig.attention[0].take();
        let gic = rig.gic.clone();
        let device = thread::spawn(move || pulse(&gic, 32));
        rig.pes[0].signals();
        rig.pes[0].set_pmr(0xf0);
        wait(&rig.pes[0], &rig.attention[0]);
        assert_eq!(rig.pes[0].iar1(), 32);
        device.join().unwrap();
    });
}

#[test]
fn a_group_that_opens_meets_an_interrupt_that_comes() {
    for opener in 0..3u32 {
        model_with(2, move || {
            let mut rig = rig(1);
            let waker = |value| rig.gic.redistributors().write(0x14, AccessSize::Word, value);
            match opener {
                0 => rig.pes[0].set_igrpen1(0),
                1 => d(&rig.gic, 0, 1),
                _ => waker(2),
            }
            rig.attention[0].take();
            let (gic, other) = (rig.gic.clone(), rig.gic.clone());
            let device = thread::spawn(move || pulse(&gic, 32));
            let writer = thread::spawn(move || match opener {
                0 => (),
                1 => d(&other, 0, 3),
                _ => other.redistributors().write(0x14, AccessSize::Word, 0),
            });
            if opener == 0 {
                rig.pes[0].set_igrpen1(1);
            }
            wait(&rig.pes[0], &rig.attention[0]);
            assert_eq!(rig.pes[0].iar1(), 32);
            device.join().unwrap();
            writer.join().unwrap();
        });
    }
}

#[test]
fn another_comes_while_the_last_is_taken() {
    model(|| {
        let mut rig = rig(1);
        rig.gic.set_spi(IntId(33), true);
        rig.attention[0].take();
        let gic = rig.gic.clone();
        let device = thread::spawn(move || gic.set_spi(IntId(32), true));
        let first = rig.pes[0].iar1();
        rig.pes[0].set_eoir1(first);
        wait(&rig.pes[0], &rig.attention[0]);
        let mut taken = [first, rig.pes[0].iar1()];
        device.join().unwrap();
        taken.sort();
        assert_eq!(taken, [32, 33]);
    });
}

#[test]
fn what_is_taken_is_deactivated_by_another() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0xc08, 0);
        rig.gic.set_spi(IntId(32), true);
        let gic = rig.gic.clone();
        let other = thread::spawn(move || d(&gic, 0x384, 1));
        assert_eq!(rig.pes[0].iar1(), 32);
        rig.pes[0].set_ap1r0(0);
        other.join().unwrap();
        if !rig.gic.describe(0, IntId(32)).unwrap().active {
            assert_eq!((rig.pes[0].signals().irq, rig.pes[0].iar1()), (true, 32));
        }
    });
}

#[test]
fn inject_and_retarget() {
    model_with(2, || {
        let mut rig = rig(2);
        let (gic, other) = (rig.gic.clone(), rig.gic.clone());
        let device = thread::spawn(move || pulse(&gic, 32));
        let writer = thread::spawn(move || d(&other, 0x6100, 1));
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        device.join().unwrap();
        writer.join().unwrap();
        assert!(!rig.pes[0].signals().irq);
        drain(&mut rig.pes[0], &mut taken);
        drain(&mut rig.pes[1], &mut taken);
        assert_eq!(taken, [32]);
    });
}

#[test]
fn acknowledge_on_both_sides_of_a_retarget() {
    model_with(2, || {
        let mut rig = rig(2);
        pulse(&rig.gic, 32);
        let other = rig.gic.clone();
        let writer = thread::spawn(move || d(&other, 0x6100, 1));
        let mut second = rig.pes.pop().unwrap();
        let second = thread::spawn(move || {
            let id = second.iar1();
            (second, id)
        });
        let mut taken = vec![];
        taken.push(rig.pes[0].iar1());
        writer.join().unwrap();
        let (mut second, id) = second.join().unwrap();
        taken.push(id);
        taken.push(rig.pes[0].iar1());
        taken.push(second.iar1());
        taken.retain(|&id| id != NONE);
        assert_eq!(taken, [32]);
    });
}

#[test]
fn a_priority_changes_under_acknowledge() {
    model(|| {
        let mut rig = rig(1);
        pulse(&rig.gic, 32);
        let gic = rig.gic.clone();
        let writer = thread::spawn(move || d(&gic, 0x420, 0x8080_8040));
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        writer.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert_eq!(taken, [32]);
        assert_eq!(rig.pes[0].rpr(), 0xff);
    });
}

#[test]
fn disable_and_enable_around_inject() {
    model_with(2, || {
        let mut rig = rig(1);
        let (gic, other) = (rig.gic.clone(), rig.gic.clone());
        let device = thread::spawn(move || gic.set_spi(IntId(32), true));
        let writer = thread::spawn(move || {
            d(&other, 0x184, 1);
            d(&other, 0x104, 1);
        });
        wait(&rig.pes[0], &rig.attention[0]);
        let mut taken = vec![rig.pes[0].iar1()];
        device.join().unwrap();
        writer.join().unwrap();
        taken.push(rig.pes[0].iar1());
        taken.retain(|&id| id != NONE);
        assert_eq!(taken, [32], "if it was withdrawn after it was signalled, it is there again");
    });
}

#[test]
fn a_line_falls_under_acknowledge() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0xc08, 0);
        rig.gic.set_spi(IntId(32), true);
        let gic = rig.gic.clone();
        let device = thread::spawn(move || gic.set_spi(IntId(32), false));
        let id = rig.pes[0].iar1();
        assert!(id == 32 || id == NONE);
        device.join().unwrap();
        if id == 32 {
            rig.pes[0].set_eoir1(32);
        }
        let view = rig.gic.describe(0, IntId(32)).unwrap();
        assert!(!view.pending && !view.active);
        assert_eq!((rig.pes[0].iar1(), rig.pes[0].rpr()), (NONE, 0xff));
    });
}

#[test]
fn a_line_rises_while_the_last_is_ended() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0xc08, 0);
        rig.gic.set_spi(IntId(32), true);
        assert_eq!(rig.pes[0].iar1(), 32);
        rig.gic.set_spi(IntId(32), false);
        rig.attention[0].take();
        let gic = rig.gic.clone();
        let device = thread::spawn(move || gic.set_spi(IntId(32), true));
        rig.pes[0].set_eoir1(32);
        wait(&rig.pes[0], &rig.attention[0]);
        assert_eq!(rig.pes[0].iar1(), 32);
        device.join().unwrap();
    });
}

#[test]
fn a_stale_hint_is_forgotten_while_it_becomes_true() {
    model(|| {
        let mut rig = rig(1);
        let mut taken = vec![];
        pulse(&rig.gic, 32);
        drain(&mut rig.pes[0], &mut taken);
        pulse(&rig.gic, 33);
        rig.attention[0].take();
        let gic = rig.gic.clone();
        let device = thread::spawn(move || pulse(&gic, 32));
        // Under loom no stale hint is tolerated, so the search for 33 forgets that of 32.
        let first = rig.pes[0].iar1();
        taken.push(first);
        rig.pes[0].set_eoir1(first);
        wait(&rig.pes[0], &rig.attention[0]);
        drain(&mut rig.pes[0], &mut taken);
        device.join().unwrap();
        taken.sort();
        assert_eq!(taken, [32, 32, 33]);
    });
}

#[test]
fn a_place_is_forgotten_while_it_becomes_true() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0x204, 3);
        d(&rig.gic, 0x284, 1);
        let gic = rig.gic.clone();
        let other = thread::spawn(move || d(&gic, 0x204, 1));
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        other.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        taken.sort();
        assert_eq!(taken, [32, 33]);
    });
}

/// Who takes an interrupt that was sent twice sees what was written before either.
#[test]
fn what_was_written_before_an_edge_that_merges_is_seen() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0x204, 1);
        let data = Arc::new(AtomicU32::new(0));
        let (gic, written) = (rig.gic.clone(), data.clone());
        let other = thread::spawn(move || {
            written.store(1, Relaxed);
            d(&gic, 0x204, 1);
        });
        assert_eq!(rig.pes[0].iar1(), 32);
        let seen = data.load(Relaxed);
        rig.pes[0].set_eoir1(32);
        other.join().unwrap();
        assert!(seen == 1 || rig.pes[0].iar1() == 32, "a message that nobody hears of");
    });
}

/// While one group waits until its gate closes, and the other before that, there is no moment without a signal.
#[test]
fn a_gate_closes_after_another_group_has_come() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0x84, 0xe);
        rig.pes[0].set_igrpen0(1);
        d(&rig.gic, 0x204, 2);
        let gic = rig.gic.clone();
        let other = thread::spawn(move || {
            d(&gic, 0x204, 1);
            d(&gic, 0, 1);
        });
        let signals = rig.pes[0].signals();
        assert!(signals.irq || signals.fiq, "neither");
        other.join().unwrap();
    });
}

/// 32 in Group 0 comes, and then 33 in Group 1 at a lower priority: who finds 33 finds 32 before it. Groups are words of
/// their own, so the first look may have passed the one when the other came.
#[test]
fn what_came_first_in_another_group_is_taken_first() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0x84, 0xe);
        d(&rig.gic, 0x420, 0x8080_8880);
        rig.pes[0].set_igrpen0(1);
        let gic = rig.gic.clone();
        let device = thread::spawn(move || {
            gic.set_spi(IntId(32), true);
            gic.set_spi(IntId(33), true);
        });
        let taken = rig.pes[0].iar1();
        assert_ne!(taken, 33, "32 was there before it");
        device.join().unwrap();
        assert_eq!(rig.pes[0].iar0(), 32);
    });
}

/// 32 in Group 0 at 0x80 is best and may not preempt 0x90, as BPR0 cuts both to 0; 33 in Group 1 at 0x88 may. While 32
/// leaves, the owner does what makes 33 count.
fn the_best_leaves(prepare: fn(&mut CpuInterface), open: fn(&mut CpuInterface)) {
    model(move || {
        let mut rig = rig(1);
        d(&rig.gic, 0x84, 0xe);
        d(&rig.gic, 0x420, 0x8080_8880);
        d(&rig.gic, 0xc08, 0);
        rig.pes[0].set_igrpen0(1);
        rig.pes[0].set_bpr0(7);
        prepare(&mut rig.pes[0]);
        rig.gic.set_spi(IntId(32), true);
        rig.gic.set_spi(IntId(33), true);
        rig.attention[0].take();
        let gic = rig.gic.clone();
        let device = thread::spawn(move || gic.set_spi(IntId(32), false));
        open(&mut rig.pes[0]);
        wait(&rig.pes[0], &rig.attention[0]);
        assert_eq!(rig.pes[0].iar1(), 33);
        device.join().unwrap();
    });
}

#[test]
fn the_best_leaves_while_the_running_priority_changes() {
    the_best_leaves(|_| (), |it| it.set_ap0r0(1 << 18));
}

#[test]
fn the_best_leaves_while_the_other_group_opens() {
    let prepare = |it: &mut CpuInterface| {
        it.set_ap0r0(1 << 18);
        it.set_igrpen1(0);
    };
    the_best_leaves(prepare, |it| it.set_igrpen1(1));
}

#[test]
fn sgis_from_two_senders() {
    model_with(2, || {
        let mut rig = rig(3);
        rig.gic.redistributors().write(0x10080, AccessSize::Word, 0xff);
        rig.gic.redistributors().write(0x10100, AccessSize::Word, 0xff);
        let senders = [1, 2].map(|id| {
            let mut from = rig.pes.pop().unwrap();
            thread::spawn(move || from.set_sgi1r(id << 24 | 1))
        });
        let mut taken = vec![];
        wait(&rig.pes[0], &rig.attention[0]);
        drain(&mut rig.pes[0], &mut taken);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        drain(&mut rig.pes[0], &mut taken);
        taken.sort();
        assert_eq!(taken, [1, 2]);
    });
}

// The wire only rises in these two: its fall would be a second chance to choose.

#[test]
fn one_of_n_and_a_pe_that_leaves() {
    model(|| {
        let mut rig = rig(2);
        d(&rig.gic, 0x6100, 1 << 31);
        let gic = rig.gic.clone();
        let device = thread::spawn(move || gic.set_spi(IntId(32), true));
        rig.pes[0].set_igrpen1(0);
        device.join().unwrap();
        assert_eq!((rig.pes[0].iar1(), rig.pes[1].signals().irq, rig.pes[1].iar1()), (NONE, true, 32));
    });
}

#[test]
fn one_of_n_and_a_pe_that_joins() {
    model(|| {
        let mut rig = rig(1);
        d(&rig.gic, 0x6100, 1 << 31);
        rig.pes[0].set_igrpen1(0);
        let gic = rig.gic.clone();
        let device = thread::spawn(move || gic.set_spi(IntId(32), true));
        rig.pes[0].set_igrpen1(1);
        wait(&rig.pes[0], &rig.attention[0]);
        assert_eq!(rig.pes[0].iar1(), 32);
        device.join().unwrap();
    });
}

/// Whoever has seen an interrupt pending finds it: a read of GICD_ISPENDR announces what its sender has not yet.
#[test]
fn what_was_read_as_pending_is_taken() {
    model(|| {
        let Rig { gic, mut pes, .. } = rig(1);
        // Both begin with an access that they share: without it loom lets the sender swap after the read only, since it has
        // read the word itself before.
        let begun = Arc::new(AtomicU32::new(0));
        let sender = {
            let (gic, begun) = (gic.clone(), begun.clone());
            thread::spawn(move || {
                begun.fetch_add(1, Relaxed);
                gic.set_spi(IntId(33), true);
            })
        };
        begun.fetch_add(1, Relaxed);
        let seen = gic.distributor().read(0x204, AccessSize::Word) & 2 != 0;
        let taken = pes[0].iar1();
        assert!(!seen || taken == 33, "it was pending, and then {taken} was acknowledged");
        sender.join().unwrap();
    });
}

/// A DSB may find nothing under way because another thread is bringing it: it ends when that is there.
#[test]
fn a_write_that_another_brings_is_there_when_a_barrier_ends() {
    model(|| {
        let rig = rig_with(1, Fidelity::Relaxed(Duration::from_secs(3600)));
        let (gic, gicd) = (rig.gic.clone(), rig.gic.distributor());
        assert!(gicd.write_by(0, 0x104, AccessSize::Word, 1 << 4));
        let other = thread::spawn(move || gic.complete_writes(0));
        rig.gic.complete_writes(0);
        assert!(rig.gic.describe(0, IntId(36)).unwrap().enabled);
        other.join().unwrap();
    });
}
