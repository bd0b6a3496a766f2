//! `Fidelity::Relaxed`: what comes late, and that it has come when RWP says so.

#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{
    Accessor, CpuInterface, Features, Fidelity, Frame, Gic, GicSpec, Its, ItsSpec, LpiSpec, PeSpec, Security,
};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr, Unbacked};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Nothing comes within a test.
const NEVER: Duration = Duration::from_secs(3600);
/// It comes when RWP is read again.
const SOON: Duration = Duration::from_nanos(1);
const PENDING_TABLE: u64 = 0x1_0000;

type Hook = Box<dyn Fn(PhysAddr) + Send>;

/// Memory, and who wants to know of reads of 64 bits.
struct Memory(Mutex<Vec<u8>>, Mutex<Option<Hook>>);

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
        if let Some(hook) = &*self.1.lock().unwrap() {
            hook(at);
        }
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.write(at, &value.to_le_bytes())
    }
}

/// One PE, Group 1 open, SGI 1, SPI 40 and LPI 8192 enabled in it; no SPI is edge-triggered.
struct Rig {
    gic: Arc<Gic>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
    memory: Arc<Memory>,
    pe: CpuInterface,
}

impl Rig {
    fn new(delay: Duration) -> Rig {
        Rig::of(Fidelity::Relaxed(delay))
    }

    fn of(fidelity: Fidelity) -> Rig {
        let memory = Arc::new(Memory(Mutex::new(vec![0; 0x8_0000]), Mutex::default()));
        memory.write(PhysAddr(0), &[0xa1; 64]).unwrap();
        let lpis = Some(LpiSpec { direct: true, ..LpiSpec::new(memory.clone()) });
        let features = Features { fidelity, ..Features::default() };
        let pe = PeSpec { affinity: Default::default(), attention: Arc::default() };
        let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], features, lpis }).unwrap();
        let pe = gic.cpu_interface(0);
        let mut rig = Rig { gicd: gic.distributor(), gicr: gic.redistributors(), gic, memory, pe };
        for (offset, value) in [(0, 2), (0x84, !0), (0x104, 1 << 8)] {
            rig.d(offset, value);
        }
        for (offset, value) in [(0x14, 0), (0x1_0080, !0), (0x1_0100, 2), (0x70, 13), (0x78, PENDING_TABLE), (0, 1)] {
            rig.r(offset, value);
        }
        while rig.gicr.read(0x14, AccessSize::Word) != 0 && fidelity == Fidelity::Relaxed(SOON) {}
        rig.pe.set_accessor(Accessor { el: 1, secure: false, fiq_to_el3: false, nmi: false });
        rig.pe.set_pmr(0xff);
        rig.pe.set_igrpen1(1);
        rig
    }

    fn d(&self, offset: u64, value: u64) {
        self.gicd.write(offset, AccessSize::Word, value);
    }

    fn r(&self, offset: u64, value: u64) {
        self.gicr.write(offset, AccessSize::Word, value);
    }

    fn rd(&self, offset: u64) -> u64 {
        self.gicd.read(offset, AccessSize::Word)
    }

    fn rr(&self, offset: u64) -> u64 {
        self.gicr.read(offset, AccessSize::Word)
    }

    /// Takes what there is and ends it.
    fn take(&mut self) -> u64 {
        let id = self.pe.iar1();
        self.pe.set_eoir1(id);
        id
    }

    fn poll(&self) {
        while self.rd(0) >> 31 != 0 || self.rr(0) >> 3 & 1 != 0 {}
    }
}

#[test]
fn chk_17_2_a_disabled_interrupt_may_still_come_until_rwp_is_0() {
    let mut rig = Rig::new(NEVER);
    rig.d(0x184, !0);
    rig.r(0x1_0180, !0);
    assert_eq!((rig.rd(0x104), rig.rd(0x184), rig.rr(0x1_0100)), (0, 0, 0), "chk_3_3_2: both read back at once");
    assert_eq!((rig.rd(0) >> 31, rig.rr(0) >> 3 & 1), (1, 1));
    rig.gic.set_spi(IntId(40), true);
    assert_eq!(rig.pe.iar1(), 40, "and then it comes");
    rig.pe.set_sgi1r(1 << 24 | 1);
    rig.gic.set_spi(IntId(40), false);
    rig.pe.set_eoir1(40);
    assert_eq!(rig.take(), 1);

    let mut rig = Rig::new(SOON);
    rig.d(0x184, !0);
    rig.r(0x1_0180, !0);
    rig.poll();
    rig.gic.set_spi(IntId(40), true);
    rig.pe.set_sgi1r(1 << 24 | 1);
    assert_eq!((rig.take(), rig.rd(0x204)), (1023, 1 << 8));
    assert!(!rig.gic.describe(0, IntId(40)).unwrap().enabled);
    rig.d(0x104, 1 << 8);
    assert_eq!(rig.take(), 40);
}

#[test]
fn chk_17_1_enabling_before_the_effect_keeps_it_enabled() {
    let mut rig = Rig::new(SOON);
    rig.d(0x184, 1 << 8);
    rig.d(0x104, 1 << 8);
    rig.poll();
    rig.gic.set_spi(IntId(40), true);
    assert_eq!((rig.rd(0x104), rig.take()), (1 << 8, 40));
}

#[test]
fn chk_17_2_a_closed_group_may_still_come_until_rwp_is_0() {
    let mut rig = Rig::new(NEVER);
    rig.d(0, 0);
    assert_eq!(rig.rd(0), 1 << 31 | 0x50);
    rig.gic.set_spi(IntId(40), true);
    assert_eq!(rig.take(), 40);

    let mut rig = Rig::new(SOON);
    rig.d(0, 0);
    rig.poll();
    rig.gic.set_spi(IntId(40), true);
    assert_eq!((rig.rd(0), rig.take()), (0x50, 1023));
    rig.d(0, 2);
    assert_eq!(rig.take(), 40, "opening is not late");
}

#[test]
fn chk_4_1_5_lpis_go_on_until_rwp_is_0() {
    let bit = |rig: &Rig| rig.memory.0.lock().unwrap()[PENDING_TABLE as usize + 1024] & 1;
    let mut rig = Rig::new(NEVER);
    rig.r(0x40, 8192);
    rig.r(0, 0);
    assert_eq!((rig.rr(0) & 9, bit(&rig)), (8, 0), "the table is not written yet");
    assert_eq!(rig.take(), 8192);
    rig.r(0x40, 8192);
    rig.r(0, 1);
    assert_eq!((bit(&rig), rig.take()), (1, 8192), "who does not wait finds it done");

    let mut rig = Rig::new(SOON);
    rig.r(0x40, 8192);
    rig.r(0, 0);
    rig.poll();
    assert_eq!((rig.rr(0) & 9, bit(&rig), rig.take()), (0, 1, 1023));
}

/// One PE, asleep; SPI 40 is 1-of-N and of Group 1, all others of Group 0. GICD for Secure and for other accesses, and GICR.
fn gates(delay: Duration, two_states: bool) -> (Arc<Gic>, [Arc<dyn MmioDevice>; 3], CpuInterface) {
    let features = Features { fidelity: Fidelity::Relaxed(delay), two_states, ..Features::default() };
    let pe = |_| PeSpec { affinity: Default::default(), attention: Arc::default() };
    let gic = Gic::new(GicSpec { spis: 32, pes: [0].map(pe).into(), features, lpis: None }).unwrap();
    let (secure, gicr) = (gic.distributor_for(Security::Secure), gic.redistributors_for(Security::Secure));
    for (at, value) in [(0, 2), (0x84, 1 << 8), (0x104, !0), (0x6144, 0), (0x6140, 1 << 31)] {
        secure.write(at, AccessSize::Word, value);
    }
    let mut pe = gic.cpu_interface(0);
    pe.set_accessor(Accessor { el: 1, secure: false, fiq_to_el3: false, nmi: false });
    pe.set_igrpen1(1);
    (gic.clone(), [secure, gic.distributor(), gicr], pe)
}

/// Until RWP of a control register reads 0.
fn polls(device: &dyn MmioDevice, rwp: u32) {
    while device.read(0, AccessSize::Word) >> rwp & 1 != 0 {}
}

#[test]
fn chk_17_2_dpg_applies_when_rwp_is_0() {
    const DPG1NS: u64 = 1 << 25;
    for (delay, target) in [(NEVER, Some(0)), (SOON, None)] {
        let (gic, [_, _, gicr], _pe) = gates(delay, false);
        gicr.write(0x14, AccessSize::Word, 0);
        gicr.write(0, AccessSize::Word, DPG1NS);
        assert_eq!(gicr.read(0, AccessSize::Word) & DPG1NS, DPG1NS, "it reads as written");
        if delay == SOON {
            polls(&*gicr, 3);
        }
        gic.set_spi(IntId(40), true);
        assert_eq!(gic.describe(0, IntId(40)).unwrap().target, target);
        gicr.write(0, AccessSize::Word, 0);
        if delay == SOON {
            polls(&*gicr, 3);
        }
        assert_eq!(gic.describe(0, IntId(40)).unwrap().target, Some(0), "what was declined comes back");
    }
}

#[test]
fn chk_17_2_e1nwf_applies_when_rwp_is_0() {
    const E1NWF: u64 = 1 << 7;
    for (delay, target) in [(NEVER, None), (SOON, Some(0))] {
        // The PE is asleep.
        let (gic, [gicd, ..], _pe) = gates(delay, false);
        gicd.write(0, AccessSize::Word, E1NWF | 2);
        assert_eq!(gicd.read(0, AccessSize::Word) & E1NWF, E1NWF, "it reads as written");
        if delay == SOON {
            polls(&*gicd, 31);
        }
        gic.set_spi(IntId(40), true);
        assert_eq!(gic.describe(0, IntId(40)).unwrap().target, target);
    }
}

#[test]
fn chk_17_2_ds_applies_when_rwp_is_0() {
    const DS: u64 = 1 << 6;
    for (delay, seen) in [(NEVER, 1 << 8), (SOON, u64::from(!0u32))] {
        // All but one interrupt are of Group 0, which Non-secure accesses do not see.
        let (_gic, [secure, other, _], _pe) = gates(delay, true);
        secure.write(0, AccessSize::Word, DS | 2);
        assert_eq!(secure.read(0, AccessSize::Word) & DS, DS, "it reads as written");
        if delay == SOON {
            polls(&*secure, 31);
        }
        assert_eq!(other.read(0x104, AccessSize::Word), seen);
    }
}

/// The host's writes are no guest's, and what waits is not in their way.
#[test]
fn what_the_host_writes_is_not_late() {
    let (gic, [_, other, gicr], _pe) = gates(NEVER, true);
    let frames = [(Frame::Distributor, 0x40), (Frame::Redistributor(0), 1 << 25)];
    frames.iter().for_each(|&(frame, value)| assert!(gic.raw_write(frame, 0, value)));
    assert_eq!(other.read(0x104, AccessSize::Word), u64::from(!0u32));
    gic.raw_write(Frame::Redistributor(0), 0x14, 0);
    gic.set_spi(IntId(40), true);
    assert_eq!((gic.describe(0, IntId(40)).unwrap().target, gicr.read(0, AccessSize::Word) >> 25), (None, 1));
}

/// Without anybody who polls, the effect comes by itself.
#[test]
fn chk_17_1_effects_come_in_finite_time() {
    let rig = Rig::new(Duration::from_millis(1));
    let thread = rig.gic.start_late().unwrap();
    assert!(thread.is_some());
    rig.d(0x184, 1 << 8);
    while rig.gic.describe(0, IntId(40)).unwrap().enabled {
        std::thread::yield_now();
    }
    drop(thread);
    let fast = Features::default();
    let pe = PeSpec { affinity: Default::default(), attention: Arc::default() };
    let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], features: fast, lpis: None }).unwrap();
    assert!(gic.start_late().unwrap().is_none(), "nothing is late");
}

/// What the redistributor has of LPI 8193 when the ITS fetches each command after it was changed in memory.
#[track_caller]
fn check_commands(fidelity: Fidelity, threaded: bool, want: &[bool]) {
    const QUEUE: u64 = 0x5_0000;
    let rig = Rig::of(fidelity);
    let its = Its::new(rig.gic.clone(), ItsSpec::default());
    let gits = its.frames(0);
    let double = |at, value| gits.write(at, AccessSize::Double, value);
    double(0x80, 1 << 63 | QUEUE);
    double(0x100, 1 << 63 | 0x6_0000);
    double(0x108, 1 << 63 | 0x7_0000);
    gits.write(0, AccessSize::Word, 1);
    let [mapd, mapc] = [[8, 1, 1 << 63 | 0x4_0000, 0], [9, 0, 1 << 63, 0]];
    let [mapti, inv, sync] = [[10, 1 | 8193 << 32, 0, 0], [12, 1, 0, 0], [5, 0, 0, 0]];
    let commands = [mapd, mapc, mapti, inv, inv, sync, inv];
    for (n, word) in commands.concat().iter().enumerate() {
        rig.memory.write_u64(PhysAddr(QUEUE + 8 * n as u64), *word).unwrap();
    }
    double(0x88, 3 * 32);
    rig.memory.write(PhysAddr(1), &[0xa0]).unwrap();
    let seen = Arc::new(Mutex::new(vec![]));
    let (gic, told) = (rig.gic.clone(), seen.clone());
    *rig.memory.1.lock().unwrap() = Some(Box::new(move |at| {
        if (QUEUE..QUEUE + 0x1000).contains(&at.0) && at.0.is_multiple_of(32) {
            told.lock().unwrap().push(gic.describe_lpi(0, IntId(8193)).unwrap().enabled);
        }
    }));
    let thread = threaded.then(|| its.start().unwrap());
    double(0x88, 7 * 32);
    while gits.read(0x90, AccessSize::Double) != 7 * 32 {}
    drop(thread);
    assert_eq!(*seen.lock().unwrap(), want);
    assert!(!rig.gic.describe_lpi(0, IntId(8193)).unwrap().enabled);
}

#[test]
fn chk_14_5_what_a_command_does_may_be_late_until_a_sync() {
    check_commands(Fidelity::Fast, false, &[true, false, false, false]);
    check_commands(Fidelity::Relaxed(SOON), false, &[true, true, true, false]);
    check_commands(Fidelity::Relaxed(SOON), true, &[true, true, true, false]);
}

#[test]
fn chk_4_1_4_uwp_tells_of_writes_and_sgis_that_are_on_their_way() {
    const UWP: u64 = 1 << 31;
    let later = Rig::new(NEVER);
    assert_eq!(later.rr(0) & UWP, UWP, "it was written to");
    let mut soon = Rig::new(SOON);
    while soon.rr(0) & UWP != 0 {}
    soon.pe.set_sgi1r(1 << 24 | 1);
    while soon.rr(0) & UWP != 0 {}
    assert_eq!(soon.take(), 1);
    let fast = Rig::of(Fidelity::Fast);
    assert_eq!(fast.rr(0) & UWP, 0);
    fast.r(0, UWP);
    assert_eq!(fast.rr(0) & UWP, 0, "it is read-only");
}
