//! Messages against commands, under every interleaving that loom finds; and variants that are wrong, in which it must
//! find the fault.

use super::entry::Ite;
use super::queue::Executor;
use super::{Its, ItsSpec};
use crate::prim::{AtomicU64, Ordering::*};
use crate::{Affinity, CpuInterface, Gic, GicSpec, LpiSpec, PeSpec};
use hw::{AccessSize, GuestMemory, IntId, PhysAddr, Unbacked};
use loom::thread;
use std::sync::Arc;
use sync::{Attention, Reasons};

const NONE: u64 = 1023;
const DEVICES: u64 = 0x1000;
const COLLECTIONS: u64 = 0x2000;
const ITT: u64 = 0x3000;
const CONFIG: u64 = 0x4000;
const PENDING: u64 = 0x1_0000;

/// One word at each of these places, and zero elsewhere.
struct Memory([(u64, AtomicU64); 6]);

impl Memory {
    fn new() -> Memory {
        let at = |place| (place, AtomicU64::new(0));
        Memory([at(DEVICES), at(COLLECTIONS), at(COLLECTIONS + 8), at(ITT), at(ITT + 8), at(CONFIG)])
    }

    fn word(&self, at: u64) -> Option<&AtomicU64> {
        self.0.iter().find(|(place, _)| *place == at).map(|(_, word)| word)
    }
}

/// Guest RAM: relaxed, single-copy atomic.
impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        let word = self.word(at.0 & !7).map_or(0, |word| word.load(Relaxed));
        out.iter_mut().zip(at.0 % 8..).for_each(|(byte, n)| *byte = (word >> (8 * n)) as u8);
        Ok(())
    }
    fn write(&self, _: PhysAddr, _: &[u8]) -> Result<(), Unbacked> {
        Ok(())
    }
    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        Ok(self.word(at.0).map_or(0, |word| word.load(Relaxed)))
    }
    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.word(at.0).into_iter().for_each(|word| word.store(value, Relaxed));
        Ok(())
    }
}

struct Rig {
    memory: Arc<Memory>,
    gic: Arc<Gic>,
    its: Arc<Its>,
    executor: Executor,
    pes: Vec<CpuInterface>,
    attention: Vec<Arc<Attention>>,
}

/// Events 0 and 1 of device 0 are LPIs 8192 and 8193 in collection 0, at PE 0; collection 1 is at PE 1.
fn rig(pes: usize) -> Rig {
    let attention: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
    let specs = attention.iter().enumerate().map(|(n, attention)| PeSpec {
        affinity: Affinity { aff0: n as u8, ..Affinity::default() },
        attention: attention.clone(),
    });
    let memory = Arc::new(Memory::new());
    let lpis = Some(LpiSpec::new(memory.clone()));
    let gic = Gic::new(GicSpec { spis: 32, pes: specs.collect(), lpis, ..Default::default() }).unwrap();
    gic.distributor().write(0, AccessSize::Word, 3);
    memory.write_u64(PhysAddr(CONFIG), 0x8181).unwrap();
    let interfaces = (0..pes).map(|pe| {
        gic.set_propbaser(pe, CONFIG | 13, !0);
        gic.set_pendbaser(pe, PENDING, !0);
        gic.set_lpis_enabled(pe, true, false);
        gic.state.set_awake(pe, true);
        let mut it = gic.cpu_interface(pe);
        it.set_pmr(0xf0);
        it.set_igrpen1(1);
        it
    });
    let pes: Vec<_> = interfaces.collect();
    let its = Its::new(gic.clone(), ItsSpec::default());
    let mut rig = Rig { memory, gic, its, executor: Executor::default(), pes, attention };
    const VALID: u64 = 1 << 63;
    rig.its.registers().baser = [VALID | DEVICES, VALID | COLLECTIONS];
    rig.its.devices.store(VALID | DEVICES, Relaxed);
    rig.command([8, 0, VALID | ITT, 0]);
    (0..rig.pes.len() as u64).for_each(|n| rig.command([9, 0, VALID | n << 16 | n, 0]));
    rig.command([10, 8192 << 32, 0, 0]);
    rig.command([10, 1 | 8193 << 32, 0, 0]);
    rig.attention.iter().for_each(|attention| _ = attention.take());
    rig
}

impl Rig {
    fn command(&mut self, words: [u64; 4]) {
        self.its.execute(&mut self.executor, words).unwrap();
    }

    fn sender(&self) -> thread::JoinHandle<()> {
        let its = self.its.clone();
        thread::spawn(move || its.write(0, 0))
    }

    fn pending(&self, pe: usize) -> bool {
        self.gic.describe_lpi(pe, IntId(8192)).unwrap().pending
    }
}

fn drain(it: &mut CpuInterface, taken: &mut Vec<u64>) {
    while let id @ 1024.. = it.iar1() {
        taken.push(id);
        it.set_eoir1(id);
    }
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(3);
    builder.check(f);
}

#[test]
fn injection_and_acknowledge() {
    model(|| {
        let mut rig = rig(1);
        let sender = rig.sender();
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        sender.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert_eq!(taken, [8192]);
    });
}

/// A message that merges into another is over: its LPI is there to be taken, wherever the other's sender is.
#[test]
fn a_message_that_merges_need_not_wait_for_the_other() {
    model(|| {
        let mut rig = rig(1);
        let sender = rig.sender();
        rig.its.write(0, 0);
        assert_eq!(rig.pes[0].iar1(), 8192);
        sender.join().unwrap();
    });
}

/// An LPI is taken, and its hint, as another waits; it comes again meanwhile.
#[test]
fn an_lpi_comes_again_while_it_is_taken() {
    model(|| {
        let mut rig = rig(1);
        rig.its.write(0, 0);
        rig.its.write(0, 1);
        let sender = rig.sender();
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        sender.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert!(!rig.pending(0), "lost on the way to the PE");
        taken.sort();
        assert!(taken == [8192, 8193] || taken == [8192, 8192, 8193], "{taken:?}");
    });
}

/// The only LPI of its level is taken, whose hint stays; it comes again meanwhile.
#[test]
fn the_only_lpi_comes_again_while_it_is_taken() {
    model(|| {
        let mut rig = rig(1);
        rig.its.write(0, 0);
        let sender = rig.sender();
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        sender.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert!(!rig.pending(0), "lost on the way to the PE");
        assert!(taken == [8192] || taken == [8192, 8192], "{taken:?}");
    });
}

/// Of two hints one is out of date, that of event `cleared`, and the PE comes by: event 0 comes, or comes again, meanwhile.
fn check_a_hint_out_of_date(cleared: u32) {
    model(move || {
        let mut rig = rig(1);
        rig.its.write(0, 0);
        rig.its.write(0, 1);
        rig.gic.take_lpi(0, cleared);
        let sender = rig.sender();
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        sender.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert!(!rig.pending(0), "lost on the way to the PE");
        taken.sort();
        let other = 8193 - u64::from(cleared);
        assert!(taken == [8192, other] || taken == [8192], "{taken:?}");
    });
}

/// Under loom the search tolerates none.
#[test]
fn a_hint_is_forgotten_while_it_becomes_true() {
    check_a_hint_out_of_date(0);
}

/// The level is taken back, as nothing else is there, while what is taken comes again.
#[test]
fn an_lpi_comes_again_and_its_neighbour_is_out_of_date() {
    check_a_hint_out_of_date(1);
}

/// At 0x80 an LPI is best, and may not preempt 0x90, as BPR1 cuts both to 0; SPI 32 in Group 0 at 0x88 may. A command clears
/// the LPI, and the PE is told.
#[test]
fn an_lpi_leaves_that_held_back_another_group() {
    model(|| {
        let mut rig = rig(1);
        for (at, value) in [(0x420, 0x88), (0x104, 1)] {
            rig.gic.distributor().write(at, AccessSize::Word, value);
        }
        rig.pes[0].set_igrpen0(1);
        rig.pes[0].set_bpr1(7);
        rig.pes[0].set_ap1r0(1 << 18);
        rig.its.write(0, 0);
        rig.gic.set_spi(IntId(32), true);
        assert!(!rig.pes[0].signals().fiq);
        rig.attention[0].take();
        rig.command([4, 0, 0, 0]);
        assert!(rig.attention[0].take().has(Reasons::INTERRUPT), "nobody told the PE");
        assert!(rig.pes[0].signals().fiq);
    });
}

/// The one that waits is not lost when the other, alone so far, is taken.
#[test]
fn another_comes_while_one_is_taken() {
    model(|| {
        let mut rig = rig(1);
        rig.its.write(0, 1);
        let sender = rig.sender();
        assert!(rig.pes[0].iar1() >= 8192);
        sender.join().unwrap();
        rig.pes[0].set_ap1r0(0);
        assert!(rig.pes[0].signals().irq);
        assert!(rig.pes[0].iar1() >= 8192);
    });
}

#[test]
fn a_sleeper_is_woken() {
    model(|| {
        let mut rig = rig(1);
        let sender = rig.sender();
        while !rig.pes[0].signals().irq {
            rig.attention[0].sleep(None);
            rig.attention[0].take();
        }
        assert_eq!(rig.pes[0].iar1(), 8192);
        sender.join().unwrap();
    });
}

#[test]
fn injection_and_acknowledge_and_inv() {
    model(|| {
        let mut rig = rig(1);
        rig.memory.write_u64(PhysAddr(CONFIG), 0x80).unwrap();
        rig.command([12, 0, 0, 0]);
        let sender = rig.sender();
        let (its, memory) = (rig.its.clone(), rig.memory.clone());
        let commander = thread::spawn(move || {
            memory.write_u64(PhysAddr(CONFIG), 0x41).unwrap();
            its.execute(&mut Executor::default(), [12, 0, 0, 0]).unwrap();
        });
        let mut taken = vec![];
        drain(&mut rig.pes[0], &mut taken);
        sender.join().unwrap();
        commander.join().unwrap();
        drain(&mut rig.pes[0], &mut taken);
        assert_eq!(taken, [8192]);
    });
}

/// INV gives it another priority. Between that and its announcement at the new level nothing but the old leads to it.
#[test]
fn a_pending_lpi_is_found_while_its_priority_changes() {
    model(|| {
        let mut rig = rig(1);
        rig.its.write(0, 0);
        let (its, memory) = (rig.its.clone(), rig.memory.clone());
        let commander = thread::spawn(move || {
            memory.write_u64(PhysAddr(CONFIG), 0x81a1).unwrap();
            its.execute(&mut Executor::default(), [12, 0, 0, 0]).unwrap();
        });
        assert_eq!(rig.pes[0].iar1(), 8192);
        commander.join().unwrap();
    });
}

type Forget = fn(&Its, Option<(u32, u32)>);

/// A message in flight while the event moves to PE 1. `warm`: its translation is in the cache.
fn check_movi(warm: bool, forget: Forget) {
    model(move || {
        let mut rig = rig(2);
        if warm {
            rig.its.write(0, 0);
            drain(&mut rig.pes[0], &mut vec![]);
        }
        let sender = rig.sender();
        // As `Its::movi`.
        let (place, _) = rig.its.locate(0, 0).unwrap();
        rig.its.memory.write_u64(place, Ite::new(8192, 1).0).unwrap();
        forget(&rig.its, Some((0, 0)));
        rig.gic.move_lpi(0, 0, 1);
        assert!(!rig.pending(0), "left behind");
        sender.join().unwrap();
        assert!(!rig.pending(0), "sent to the old PE");
        assert!(rig.pending(1), "lost");
        assert_eq!((rig.pes[0].iar1(), rig.pes[1].iar1()), (NONE, 8192));
    });
}

/// A message in flight while its event is discarded: when that is done, so is the message.
fn check_discard(warm: bool, forget: Forget) {
    model(move || {
        let mut rig = rig(1);
        if warm {
            rig.its.write(0, 0);
            drain(&mut rig.pes[0], &mut vec![]);
        }
        let sender = rig.sender();
        // As `Its::discard`.
        let (place, _) = rig.its.locate(0, 0).unwrap();
        rig.its.memory.write_u64(place, 0).unwrap();
        forget(&rig.its, Some((0, 0)));
        rig.gic.take_lpi(0, 0);
        assert!(!rig.pending(0), "left behind");
        sender.join().unwrap();
        assert!(!rig.pending(0), "sent after it was discarded");
        rig.its.write(0, 0);
        assert!(!rig.pending(0), "sent after it was discarded");
    });
}

#[test]
fn movi_and_a_message() {
    check_movi(false, Its::forget);
    check_movi(true, Its::forget);
}

#[test]
fn discard_and_a_message() {
    check_discard(false, Its::forget);
    check_discard(true, Its::forget);
}

#[test]
fn enable_lpis_is_cleared_under_a_message() {
    model(|| {
        let mut rig = rig(1);
        let sender = rig.sender();
        rig.gic.set_lpis_enabled(0, false, false);
        assert_eq!(rig.pes[0].iar1(), NONE);
        sender.join().unwrap();
        assert_eq!((rig.pes[0].iar1(), rig.pes[0].signals().irq), (NONE, false));
    });
}

/// Loom must see what is wrong with these.
mod mutants {
    use super::*;

    fn not_at_all(_: &Its, _: Option<(u32, u32)>) {}

    fn without_waiting(its: &Its, _: Option<(u32, u32)>) {
        its.cache.clear(0, 0);
    }

    fn waiting_only_before(its: &Its, _: Option<(u32, u32)>) {
        its.senders.wait();
        its.cache.clear(0, 0);
    }

    fn waiting_only_after(its: &Its, _: Option<(u32, u32)>) {
        its.cache.clear(0, 0);
        its.senders.wait();
    }

    #[test]
    #[should_panic(expected = "sent")]
    fn the_cache_keeps_it() {
        check_discard(true, not_at_all);
    }

    #[test]
    #[should_panic(expected = "sent")]
    fn a_message_outlives_discard() {
        check_discard(true, without_waiting);
    }

    #[test]
    #[should_panic(expected = "sent")]
    fn who_found_it_in_the_cache_is_not_waited_for() {
        check_movi(true, waiting_only_before);
    }

    #[test]
    #[should_panic(expected = "sent")]
    fn who_walked_the_tables_puts_it_back() {
        check_discard(false, waiting_only_after);
    }

    #[test]
    #[should_panic(expected = "sent")]
    fn movi_that_does_not_wait() {
        check_movi(false, without_waiting);
    }
}
