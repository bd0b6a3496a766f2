//! The GIC that is measured: as Linux leaves it, with an ITS, in a given size.

use gic::{Affinity, CpuInterface, Features, Gic, GicSpec, Its, ItsSpec, LpiSpec, PeSpec};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr};
use mem::Ram;
use std::sync::{Arc, Mutex};

const BASE: u64 = 0x4000_0000;
const QUEUE: u64 = BASE;
const DEVICES: u64 = BASE + 0x10_0000;
const COLLECTIONS: u64 = BASE + 0x20_0000;
const ITT: u64 = BASE + 0x30_0000;
const CONFIG: u64 = BASE + 0x40_0000;
const PENDING: u64 = BASE + 0x50_0000;
/// Events of each device of the ITS: device n's go to PE n.
pub const EVENTS: u32 = 12_288;
const VALID: u64 = 1 << 63;

/// How large the GIC is.
#[derive(Clone, Copy)]
pub struct Size {
    pub pes: usize,
    /// Every INTID that there can be, or 64 SPIs.
    pub all_intids: bool,
    /// LPIs at the first two PEs.
    pub lpis: bool,
}

/// The GIC, and whether every call takes one mutex first: what the same code costs behind a lock.
pub struct Rig {
    pub gic: Arc<Gic>,
    pub its: Option<Arc<Its>>,
    gicr: Arc<dyn MmioDevice>,
    lock: Option<Mutex<()>>,
}

/// One PE, as its thread has it.
pub struct Pe<'a> {
    pub rig: &'a Rig,
    pub it: &'a mut CpuInterface,
}

/// SPI 32 + n goes to PE n, edge-triggered; 64 + n too, level-sensitive.
pub fn rig(size: Size, locked: bool) -> (Rig, Vec<CpuInterface>) {
    let affinity = |n: usize| Affinity { aff0: n as u8 % 16, aff1: (n / 16) as u8, ..Affinity::default() };
    let pes = (0..size.pes).map(|n| PeSpec { affinity: affinity(n), attention: Arc::default() }).collect();
    let ram = Ram::new(PhysAddr(BASE), 8 << 20).expect("the host has 8 MiB");
    ram.write(PhysAddr(CONFIG), &[0xa1; 57_344]).expect("it is RAM");
    let features =
        if size.all_intids { Features { eppis: 64, espis: 1024, ..Features::default() } } else { Features::default() };
    let spis = if size.all_intids { 988 } else { 64 };
    let lpis = size.lpis.then(|| LpiSpec { direct: true, ..LpiSpec::new(Arc::new(ram.clone())) });
    let gic = Gic::new(GicSpec { spis, pes, features, lpis }).expect("the spec is in range");
    let (gicd, gicr) = (gic.distributor(), gic.redistributors());
    let word = |offset, value| gicd.write(offset, AccessSize::Word, value);
    word(0x0, 3);
    (1..3).for_each(|n| word(0x80 + 4 * n, 0xffff_ffff));
    (8..24).for_each(|n| word(0x400 + 4 * n, 0xa0a0_a0a0));
    (2..4).for_each(|n| word(0xc00 + 4 * n, 0xaaaa_aaaa));
    for n in 0..size.pes.min(32) as u64 {
        let to = ((n / 16) << 8) | (n % 16);
        gicd.write(0x6000 + 8 * (32 + n), AccessSize::Double, to);
        gicd.write(0x6000 + 8 * (64 + n), AccessSize::Double, to);
    }
    (1..3).for_each(|n| word(0x100 + 4 * n, 0xffff_ffff));
    let interfaces = (0..size.pes).map(|pe| {
        let base = pe as u64 * 0x20000;
        let word = |offset, value| gicr.write(base + offset, AccessSize::Word, value);
        word(0x14, 0);
        if size.lpis && pe < 2 {
            gicr.write(base + 0x70, AccessSize::Double, CONFIG | 15);
            gicr.write(base + 0x78, AccessSize::Double, PENDING + 0x1_0000 * pe as u64);
            word(0, 1);
        }
        word(0x10080, 0xffff_ffff);
        (0..8).for_each(|n| word(0x10400 + 4 * n, 0xa0a0_a0a0));
        word(0x10100, 0xffff_ffff);
        let mut it = gic.cpu_interface(pe);
        it.set_pmr(0xf0);
        it.set_igrpen1(1);
        it
    });
    let interfaces = interfaces.collect();
    let its = size.lpis.then(|| its(&gic, &ram, size.pes.min(2) as u64));
    (Rig { gic, its, gicr, lock: locked.then(Mutex::default) }, interfaces)
}

fn its(gic: &Arc<Gic>, ram: &Ram, devices: u64) -> Arc<Its> {
    let its = Its::new(gic.clone(), ItsSpec::default());
    let gits = its.frames(0);
    gits.write(0x100, AccessSize::Double, VALID | DEVICES);
    gits.write(0x108, AccessSize::Double, VALID | COLLECTIONS);
    gits.write(0x80, AccessSize::Double, VALID | QUEUE | 0xff);
    gits.write(0, AccessSize::Word, 1);
    let mut commands = vec![];
    for n in 0..devices {
        commands.push([8 | n << 32, 13, VALID | (ITT + n * 0x2_0000), 0]);
        commands.push([9, 0, VALID | n << 16 | n, 0]);
        let event = |event| [10 | n << 32, event | (8192 + n * u64::from(EVENTS) + event) << 32, n, 0];
        commands.extend((0..u64::from(EVENTS)).map(event));
    }
    for (n, command) in commands.iter().enumerate() {
        let at = n as u64 % 32768 * 32;
        (0..4).for_each(|word| ram.write_u64(PhysAddr(QUEUE + at + 8 * word), command[word as usize]).expect("RAM"));
        gits.write(0x88, AccessSize::Double, (at + 32) % 0x10_0000);
    }
    assert_eq!(its.failed_commands(), []);
    its
}

impl Rig {
    #[inline(always)]
    fn call<T>(&self, f: impl FnOnce() -> T) -> T {
        let _lock = self.lock.as_ref().map(|lock| lock.lock().expect("no call panics"));
        f()
    }

    #[inline(always)]
    pub fn spi(&self, id: u32, high: bool) {
        self.call(|| self.gic.set_spi(IntId(id), high));
    }

    #[inline(always)]
    pub fn ppi(&self, pe: usize, id: u32, high: bool) {
        self.call(|| self.gic.set_ppi(pe, IntId(id), high));
    }

    /// Event of the device whose messages go to `pe`.
    #[inline(always)]
    pub fn message(&self, pe: usize, event: u32) {
        let its = self.its.as_ref().expect("the rig has LPIs");
        self.call(|| its.write(pe as u32, event));
    }

    /// GICR_SETLPIR: an LPI without the ITS.
    #[inline(always)]
    pub fn lpi(&self, pe: usize, intid: u32) {
        let offset = pe as u64 * 0x20000 + 0x40;
        self.call(|| self.gicr.write(offset, AccessSize::Double, intid.into()));
    }
}

impl Pe<'_> {
    /// The sum of what was taken says that all were.
    #[inline(always)]
    pub fn take(&mut self) -> u64 {
        let id = self.acknowledge();
        self.end(id);
        id
    }

    #[inline(always)]
    pub fn acknowledge(&mut self) -> u64 {
        self.rig.call(|| self.it.iar1())
    }

    #[inline(always)]
    pub fn end(&mut self, id: u64) {
        self.rig.call(|| self.it.set_eoir1(id));
    }

    #[inline(always)]
    pub fn sgi(&mut self, value: u64) {
        self.rig.call(|| self.it.set_sgi1r(value));
    }

    #[inline(always)]
    pub fn pmr(&mut self, value: u64) {
        self.rig.call(|| self.it.set_pmr(value));
    }

    #[inline(always)]
    pub fn signals(&self) -> bool {
        self.rig.call(|| self.it.signals().irq)
    }

    /// SGI 5 to itself.
    pub fn to_itself(&self) -> u64 {
        let pe = self.it.pe() as u64;
        5 << 24 | (pe / 16) << 16 | 1 << (pe % 16)
    }
}
