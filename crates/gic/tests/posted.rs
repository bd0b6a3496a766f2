//! `Fidelity::Relaxed`: what a PE writes is on its way until a DSB, an access to the same frame, or a while later.

#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{
    Accessor, Affinity, CpuInterface, Features, Fidelity, Frame, Gic, GicSpec, InterruptView, Its, ItsSpec, LpiSpec,
    PeSpec,
};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr, Unbacked};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Nothing comes by itself within a test.
const NEVER: Fidelity = Fidelity::Relaxed(Duration::from_secs(3600));
/// It comes when RWP is read again.
const SOON: Fidelity = Fidelity::Relaxed(Duration::from_nanos(1));
/// Of GICR frames.
const STRIDE: u64 = 0x2_0000;
/// An SPI that goes to PE 1, and whose wire is high.
const SPI: IntId = IntId(40);
const ISENABLER: u64 = 0x104;
const ICENABLER: u64 = 0x184;
/// IPRIORITYR of INTIDs 40 to 43.
const PRIORITIES: u64 = 0x428;
const WORD: AccessSize = AccessSize::Word;

struct Memory(Mutex<Vec<u8>>);

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, to: &mut [u8]) -> Result<(), Unbacked> {
        let memory = self.0.lock().unwrap();
        to.copy_from_slice(memory.get(at.0 as usize..at.0 as usize + to.len()).ok_or(Unbacked(at))?);
        Ok(())
    }

    fn write(&self, at: PhysAddr, from: &[u8]) -> Result<(), Unbacked> {
        let mut memory = self.0.lock().unwrap();
        memory.get_mut(at.0 as usize..at.0 as usize + from.len()).ok_or(Unbacked(at))?.copy_from_slice(from);
        Ok(())
    }

    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.write(at, &value.to_le_bytes())
    }
}

/// Two PEs, Group 1 open, everything in it and nothing enabled; whatever is not said to be a PE's write is there at once.
struct Rig {
    gic: Arc<Gic>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
    its: Arc<Its>,
    gits: Arc<dyn MmioDevice>,
    memory: Arc<Memory>,
    pes: Vec<CpuInterface>,
}

impl Rig {
    fn new(fidelity: Fidelity) -> Rig {
        let memory = Arc::new(Memory(Mutex::new(vec![0; 0x10_0000])));
        let features = Features { fidelity, ..Features::default() };
        let pe = |n| PeSpec { affinity: Affinity { aff0: n, ..Affinity::default() }, attention: Arc::default() };
        let spec = GicSpec {
            spis: 32,
            pes: (0..2).map(pe).collect(),
            features,
            lpis: Some(LpiSpec { direct: true, ..LpiSpec::new(memory.clone()) }),
        };
        let gic = Gic::new(spec).unwrap();
        let its = Its::new(gic.clone(), ItsSpec::default());
        let (gicd, gicr, gits) = (gic.distributor(), gic.redistributors(), its.frames(0));
        [(0, 2), (0x84, !0)].iter().for_each(|&(at, v)| gicd.write(at, WORD, v));
        gicd.write(0x6000 + 8 * u64::from(SPI.0), AccessSize::Double, 1);
        for pe in 0..2 {
            [(0x14, 0), (0x1_0080, !0)].iter().for_each(|&(at, v)| gicr.write(pe * STRIDE + at, WORD, v));
        }
        let mut pes: Vec<_> = (0..2).map(|pe| gic.cpu_interface(pe)).collect();
        for pe in &mut pes {
            pe.set_accessor(Accessor { el: 1, secure: false, fiq_to_el3: false, nmi: false });
            pe.set_pmr(0xff);
            pe.set_igrpen1(1);
        }
        gic.set_spi(SPI, true);
        Rig { gic, gicd, gicr, its, gits, memory, pes }
    }

    /// PE `pe` writes.
    fn d(&self, pe: usize, offset: u64, value: u64) {
        assert!(self.gicd.write_by(pe, offset, WORD, value));
    }

    fn r(&self, pe: usize, offset: u64, value: u64) {
        assert!(self.gicr.write_by(pe, offset, WORD, value));
    }

    /// As it is, without an access.
    fn view(&self, id: u32) -> InterruptView {
        self.gic.describe(1, IntId(id)).unwrap()
    }
}

#[test]
fn chk_17_1_a_write_has_its_effect_later_unless_a_dsb_waits_for_it() {
    let mut rig = Rig::new(NEVER);
    rig.d(0, ISENABLER, 1 << 8);
    assert_eq!((rig.pes[1].hppir1(), rig.view(40).enabled), (1023, false));
    rig.gic.complete_writes(1);
    assert_eq!(rig.pes[1].hppir1(), 1023, "the barrier of another PE");
    rig.gic.complete_writes(0);
    assert_eq!(rig.pes[1].iar1(), 40);
}

#[test]
fn chk_17_1_an_access_to_the_same_frame_comes_after_it() {
    let reads: [fn(&Rig) -> u64; 3] = [
        |rig| rig.gicd.read_by(0, ISENABLER, WORD),
        |rig| rig.gicd.read_by(1, ISENABLER, WORD),
        |rig| rig.gicd.read(ISENABLER, WORD),
    ];
    for read in reads {
        let mut rig = Rig::new(NEVER);
        rig.d(0, ISENABLER, 1 << 8);
        assert_eq!((read(&rig), rig.pes[1].iar1()), (1 << 8, 40));
    }
    let mut rig = Rig::new(NEVER);
    rig.d(0, ISENABLER, 1 << 8);
    rig.gicd.write(PRIORITIES, WORD, 0x80);
    assert_eq!((rig.pes[1].iar1(), rig.pes[1].rpr()), (40, 0x80));
}

#[test]
fn chk_17_1_an_access_to_another_frame_does_not() {
    let rig = Rig::new(NEVER);
    rig.d(0, ISENABLER, 1 << 8);
    rig.r(0, STRIDE + 0x1_0100, 1 << 3);
    for (device, at) in [(&rig.gicr, 0), (&rig.gicr, 0x1_0100), (&rig.gits, 0)] {
        device.read_by(0, at, WORD);
        device.read_by(1, at, WORD);
    }
    rig.r(1, 0x1_0100, 1 << 3);
    rig.gic.complete_writes(1);
    assert!(rig.gic.describe(0, IntId(3)).unwrap().enabled);
    assert_eq!((rig.view(40).enabled, rig.view(3).enabled), (false, false));
}

#[test]
fn chk_17_2_a_poll_of_rwp_finds_what_it_is_about() {
    // What it enables and disables, by which registers, and where RWP is.
    type Case = (fn(&Rig) -> &Arc<dyn MmioDevice>, u64, u32, u64, u64);
    let cases: [Case; 2] = [(|rig| &rig.gicd, 0x104, 40, 0, 31), (|rig| &rig.gicr, STRIDE + 0x1_0100, 3, STRIDE, 3)];
    for (device, isenabler, id, control, rwp) in cases {
        let (bit, icenabler) = (1 << (id % 32), isenabler + 0x80);
        let rig = Rig::new(NEVER);
        device(&rig).write_by(0, isenabler, WORD, bit);
        device(&rig).write_by(0, icenabler, WORD, bit);
        assert_eq!(device(&rig).read_by(0, control, WORD) >> rwp & 1, 1, "not 0 because it has not arrived");
        assert!(rig.view(id).enabled, "the effect is still to come");
        let rig = Rig::new(SOON);
        device(&rig).write_by(0, isenabler, WORD, bit);
        device(&rig).write_by(0, icenabler, WORD, bit);
        while device(&rig).read_by(0, control, WORD) >> rwp & 1 != 0 {}
        assert!(!rig.view(id).enabled);
    }
}

#[test]
fn chk_17_1_what_one_pe_writes_arrives_in_its_order() {
    let rig = Rig::new(NEVER);
    rig.r(0, STRIDE + 0x1_0100, 1 << 3);
    rig.d(0, ISENABLER, 1 << 8);
    rig.r(0, STRIDE + 0x1_0100, 1 << 4);
    rig.gicd.read_by(1, 0, WORD);
    assert_eq!((rig.view(3).enabled, rig.view(40).enabled, rig.view(4).enabled), (true, true, false));
}

#[test]
fn chk_17_1_what_several_pes_write_to_a_frame_arrives_in_one_order() {
    let mut rig = Rig::new(NEVER);
    rig.d(0, PRIORITIES, 0x80);
    rig.d(1, PRIORITIES, 0x40);
    rig.gic.complete_writes(1);
    rig.gic.complete_writes(0);
    assert_eq!(rig.view(40).priority, 0x40);
    // Also what came before that of the other PE: PE 0 wrote to GICR first.
    rig.r(0, STRIDE + 0x1_0100, 1 << 3);
    rig.d(0, PRIORITIES, 0x80);
    rig.d(1, ISENABLER, 1 << 8);
    rig.gic.complete_writes(1);
    assert!(rig.view(3).enabled);
    assert_eq!((rig.pes[1].iar1(), rig.pes[1].rpr()), (40, 0x80));
}

#[test]
fn chk_17_1_no_more_are_under_way_than_there_is_room_for() {
    let rig = Rig::new(NEVER);
    (32..40).for_each(|id| rig.d(0, ISENABLER, 1 << (id - 32)));
    rig.d(1, ISENABLER, 1 << 8);
    let enabled = |rig: &Rig| (32..42).filter(|id| rig.view(*id).enabled).count();
    assert_eq!(enabled(&rig), 0);
    rig.d(0, ISENABLER, 1 << 9);
    assert_eq!(enabled(&rig), 8);
}

#[test]
fn chk_17_1_a_write_arrives_in_finite_time() {
    let rig = Rig::new(Fidelity::Relaxed(Duration::from_micros(100)));
    let thread = rig.gic.start_late().unwrap();
    for _ in 0..20 {
        rig.d(0, ISENABLER, 1 << 8);
        while !rig.view(40).enabled {
            std::thread::yield_now();
        }
        rig.d(0, ICENABLER, 1 << 8);
        while rig.view(40).enabled {
            std::thread::yield_now();
        }
    }
    drop(thread);
}

#[test]
fn what_the_host_sees_and_writes_comes_after_it() {
    let rig = Rig::new(NEVER);
    rig.d(0, ISENABLER, 1 << 8);
    assert_eq!(rig.gic.raw_read(Frame::Distributor, ISENABLER as u32), Some(1 << 8));
    rig.d(0, PRIORITIES, 0x80);
    assert!(rig.gic.raw_write(Frame::Distributor, PRIORITIES as u32, 0x40));
    rig.gic.complete_writes(0);
    assert_eq!(rig.view(40).priority, 0x40);
    assert!(rig.gits.write_by(0, 0x84, WORD, 1 << 31));
    assert_eq!(rig.its.raw_read(0x80), Some(1 << 63));
    assert!(rig.gits.write_by(0, 0x84, WORD, 0));
    assert!(rig.its.raw_write(0x80, 1 << 63));
    rig.gic.complete_writes(0);
    assert_eq!(rig.its.raw_read(0x80), Some(1 << 63));
}

/// A stop that has not come is no reason to lose what is pending.
#[test]
fn pending_tables_have_what_a_late_stop_would_write() {
    const TABLE: u64 = 0x2_0000;
    let rig = Rig::new(NEVER);
    rig.memory.write(PhysAddr(0), &[0xa1; 8]).unwrap();
    for (at, v) in [(0x70, 13), (0x78, TABLE), (0, 1), (0x40, 8192), (0, 0)] {
        rig.r(0, at, v);
    }
    let bit = || rig.memory.0.lock().unwrap()[TABLE as usize + 1024] & 1;
    rig.gic.complete_writes(0);
    assert_eq!(bit(), 0);
    rig.gic.save_pending_tables().unwrap();
    assert_eq!(bit(), 1);
}

#[test]
fn a_reset_forgets_what_is_on_its_way() {
    let rig = Rig::new(NEVER);
    rig.d(0, ISENABLER, 1 << 8);
    rig.gicd.reset();
    rig.gic.complete_writes(0);
    assert!(!rig.view(40).enabled);
}

#[test]
fn chk_17_1_commands_of_an_its_begin_when_cwriter_arrives() {
    const QUEUE: u64 = 0x5_0000;
    let rig = Rig::new(NEVER);
    let double = |at, v| assert!(rig.gits.write_by(0, at, AccessSize::Double, v));
    for (at, v) in [(0x80, 1 << 63 | QUEUE), (0x100, 1 << 63 | 0x6_0000), (0x108, 1 << 63 | 0x7_0000), (0, 1)] {
        double(at, v);
    }
    let mapc: [u64; 4] = [9, 0, 1 << 63 | 1 << 16, 0];
    (0..).zip(mapc).for_each(|(n, word)| rig.memory.write_u64(PhysAddr(QUEUE + 8 * n), word).unwrap());
    double(0x88, 32);
    let collection = || rig.memory.read_u64(PhysAddr(0x7_0000)).unwrap();
    assert_eq!(collection(), 0);
    rig.gic.complete_writes(0);
    assert_ne!(collection(), 0);
    assert_eq!(rig.gits.read_by(0, 0x90, AccessSize::Double), 32);
}

#[test]
fn an_access_error_is_the_frames_that_was_written() {
    let rig = Rig::new(NEVER);
    rig.r(0, STRIDE + 4, 0);
    let status = |at| rig.gicr.read(at + 0x10, WORD);
    assert_eq!((status(0), status(STRIDE)), (0, 1 << 3));
}

#[test]
fn nothing_is_on_its_way_in_other_modes() {
    for fidelity in [Fidelity::Fast, Fidelity::Strict] {
        let mut rig = Rig::new(fidelity);
        assert!(!rig.gicd.write_by(0, ISENABLER, WORD, 1 << 8));
        assert_eq!(rig.pes[1].iar1(), 40);
    }
}

/// Two PEs and the thread that brings what is late: each PE finds what it wrote last, and at the end everything is there.
#[test]
fn nothing_is_lost() {
    let Rig { gic, gicd, gicr, .. } = Rig::new(Fidelity::Relaxed(Duration::from_micros(2)));
    let late = gic.start_late().unwrap();
    let of = |round: u64| round.wrapping_mul(0x9e37_79b9) >> 8 & 0xf8f8_f8f8;
    let run = &|pe: usize| {
        let at = |round: u64| PRIORITIES + 8 * pe as u64 + round % 2 * 4;
        let own = pe as u64 * STRIDE + 0x1_0400;
        for round in 0..4000 {
            gicd.write_by(pe, at(round), WORD, of(round));
            gicr.write_by(pe, own, WORD, of(round));
            match round % 5 {
                0 => gic.complete_writes(pe),
                1 => assert_eq!(gicd.read_by(pe, at(round), WORD), of(round)),
                2 => assert_eq!(gicr.read_by(pe, own, WORD), of(round)),
                _ => {}
            }
        }
        gic.complete_writes(pe);
        assert_eq!(gic.describe(pe, IntId(44 + 8 * pe as u32)).unwrap().priority, of(3999) as u8);
        assert_eq!(gic.describe(pe, IntId(0)).unwrap().priority, of(3999) as u8);
    };
    std::thread::scope(|scope| [0, 1].map(|pe| scope.spawn(move || run(pe))).map(|it| it.join().unwrap()));
    drop(late);
}
