//! Whatever a guest does, nothing panics or hangs, and the GIC works after a reset: accesses of any size to any offset of
//! any frame, ICC, ICV and ICH registers, commands and tables that are noise, messages and wires.
//!
//! `FUZZ=10000000 cargo test --profile checked -p armagic-gic --test fuzz` does as many operations; `FUZZ_SEED=N` others.

#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{
    Accessor, Affinity, CpuInterface, Features, Fidelity, Frame, Gic, GicSpec, Its, ItsSpec, LpiCache, LpiSpec,
    OnError, PeSpec, Product, Security, VirtualInterface, VirtualSpec,
};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr, Unbacked};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Operations unless FUZZ says otherwise.
const FEW: u64 = 100_000;
/// Operations on one GIC.
const EACH: u64 = 8_000;
const BASE: u64 = 0x4000_0000;
const SIZE: u64 = 0x10_0000;
const QUEUE: u64 = BASE;
const EL3: Accessor = Accessor { el: 3, secure: true, fiq_to_el3: false, nmi: false };
const NON_SECURE: Accessor = Accessor { el: 1, secure: false, fiq_to_el3: false, nmi: false };

/// xorshift64*
struct Noise(u64);

impl Noise {
    fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.any() >> 11) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Anything; numbers that mean something as often.
    fn value(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => self.below(64),
            3 => 1 << self.below(64),
            4 => 8190 + self.below(80),
            5 => self.table(),
            6 => 1 << 63 | self.table() | 7 << 8,
            _ => self.any(),
        }
    }

    fn table(&mut self) -> u64 {
        (BASE + (self.below(SIZE >> 16) << 16)) | self.below(16)
    }

    fn intid(&mut self) -> u64 {
        match self.below(6) {
            0 => self.below(32),
            1 => 32 + self.below(64),
            2 => 1056 + self.below(64),
            3 => 4096 + self.below(64),
            4 => 8192 + self.below(64),
            _ => self.any(),
        }
    }

    fn size(&mut self) -> AccessSize {
        AccessSize::from_log2(self.of(&[0, 1, 2, 2, 2, 3, 3]))
    }

    /// An offset in a frame of 64 KiB: of a register as often as of anything.
    fn offset(&mut self, registers: &[u64]) -> u64 {
        match self.below(4) {
            0 => self.below(0x1_0000),
            1 => self.below(0x1000) & !3,
            2 => {
                self.of(&[0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0xc00, 0xd00, 0xf80])
                    + 4 * self.below(4)
            }
            _ => self.of(registers),
        }
    }

    fn command(&mut self) -> [u64; 4] {
        let small = |it: &mut Noise, n| if it.one_in(12) { it.any() } else { it.below(n) };
        let op = if self.one_in(6) { self.any() } else { self.below(16) };
        let (device, event, icid) = (small(self, 4), small(self, 40), small(self, 3));
        let (pe, other, intid) = (small(self, 5), small(self, 5), self.intid());
        let valid = self.below(4).min(1) << 63;
        let (second, third) = match op & 0xff {
            8 => (small(self, 8), self.table() & !0xff),
            _ => (event & 0xffff_ffff | intid << 32, pe << 16 | icid),
        };
        [op & 0xff | device << 32, second, valid | third & !(1 << 63), other << 16]
    }
}

struct Memory(Mutex<Vec<u8>>);

impl Memory {
    fn range(at: PhysAddr, len: usize) -> Result<std::ops::Range<usize>, Unbacked> {
        let first = at.0.checked_sub(BASE).filter(|first| first + len as u64 <= SIZE).ok_or(Unbacked(at))?;
        Ok(first as usize..first as usize + len)
    }
}

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, to: &mut [u8]) -> Result<(), Unbacked> {
        let range = Memory::range(at, to.len())?;
        to.copy_from_slice(&self.0.lock().unwrap()[range]);
        Ok(())
    }

    fn write(&self, at: PhysAddr, from: &[u8]) -> Result<(), Unbacked> {
        let range = Memory::range(at, from.len())?;
        self.0.lock().unwrap()[range].copy_from_slice(from);
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

struct World {
    memory: Arc<Memory>,
    gic: Arc<Gic>,
    its: Arc<Its>,
    gicd: [Arc<dyn MmioDevice>; 2],
    gicr: [Arc<dyn MmioDevice>; 2],
    gits: Arc<dyn MmioDevice>,
    pes: Vec<CpuInterface>,
    guests: Vec<VirtualInterface>,
    /// INTIDs that were acknowledged, special ones too.
    taken: Vec<u64>,
}

const GICD: &[u64] =
    &[0, 4, 8, 0x10, 0x40, 0x48, 0x50, 0x58, 0x6100, 0x6108, 0x610c, 0x8000, 0x8008, 0x1200, 0x2000, 0x3000];
const GICR: &[u64] = &[4, 8, 0x10, 0x14, 0x20, 0x24, 0x28, 0x40, 0x48, 0x70, 0x74, 0x78, 0x7c, 0xa0, 0xc0, 0xffe8];
const GITS: &[u64] = &[0, 4, 8, 0x40, 0x48, 0x80, 0x84, 0x88, 0x8c, 0x90, 0x100, 0x104, 0x108, 0x10c, 0x110];

impl World {
    fn new(noise: &mut Noise) -> World {
        let memory = Arc::new(Memory(Mutex::new((0..SIZE).map(|_| 0).collect())));
        let pe = |n: u8| PeSpec {
            affinity: Affinity { aff0: n % 2, aff1: n / 2, ..Affinity::default() },
            attention: Arc::default(),
        };
        let features = Features {
            two_states: noise.one_in(2),
            nmi: noise.one_in(2),
            eppis: noise.of(&[0, 32, 64]),
            espis: noise.of(&[0, 32, 1024]),
            absent: vec![IntId(40)],
            product: noise.of(&Product::ALL),
            regions: noise.of(&[[3, 1], [1, 3]]).to_vec(),
            numbers: noise.of(&[[0, 1, 2, 3], [5, 2, 0, 1]]).to_vec(),
            fidelity: noise.of(&[Fidelity::Fast, Fidelity::Strict, Fidelity::Relaxed(Duration::from_nanos(300))]),
        };
        let cache = noise.of(&[LpiCache::None, LpiCache::Full]);
        let lpis = LpiSpec { memory: memory.clone(), cache, direct: noise.one_in(2) };
        let spec = GicSpec { spis: 64, pes: (0..4).map(pe).collect(), features, lpis: Some(lpis) };
        let gic = Gic::new(spec).unwrap();
        let its = Its::new(
            gic.clone(),
            ItsSpec {
                on_error: noise.of(&[OnError::Skip, OnError::Stall]),
                umsi: Some(gic.spi_line(IntId(60))),
                system_error: Some(gic.spi_line(IntId(61))),
            },
        );
        let states = [Security::NonSecure, Security::Secure];
        let virt = |n: usize| {
            let spec = VirtualSpec { list_registers: 4 + 4 * n, nmi: n.is_multiple_of(2), extended_range: n > 1 };
            VirtualInterface::new(spec).unwrap()
        };
        World {
            gicd: states.map(|state| gic.distributor_for(state)),
            gicr: states.map(|state| gic.redistributors_for(state)),
            gits: its.frames(3),
            pes: (0..4).map(|pe| gic.cpu_interface(pe)).collect(),
            guests: (0..4).map(virt).collect(),
            taken: vec![],
            memory,
            gic,
            its,
        }
    }

    /// What software does once, so that noise comes further.
    fn set_up(&mut self, noise: &mut Noise) {
        let s = usize::from(!noise.one_in(4));
        for (offset, value) in [(0, 7), (0x84, !0), (0x104, !0), (0x1000, !0), (0x1200, !0)] {
            self.gicd[s].write(offset, AccessSize::Word, value);
        }
        // What comes last by INTID comes first.
        for n in 0..8 {
            self.gicd[s].write(0x2000 + 4 * n, AccessSize::Word, 0x6060_6060);
            self.gicd[s].write(0x420 + 4 * n, AccessSize::Word, 0xb0b0_b0b0);
        }
        for pe in 0..4 {
            (0..24).for_each(|n| {
                self.gicr[s].write(
                    pe * 0x2_0000 + 0x1_0400 + 4 * n,
                    AccessSize::Word,
                    0xb0b0_b0b0 - 0x1010_1010 * (n / 8),
                )
            });
            for (offset, value) in
                [(0x24, 0), (0x14, 0), (0x1_0080, !0), (0x1_0084, !0), (0x1_0100, !0), (0x1_0104, !0)]
            {
                self.gicr[s].write(pe * 0x2_0000 + offset, AccessSize::Word, value);
            }
            let (propbaser, pendbaser) = (BASE + 0x1_000d, (BASE + 0x4_0000 + (pe << 16)) | 1 << 62);
            self.gicr[s].write(pe * 0x2_0000 + 0x70, AccessSize::Double, propbaser);
            self.gicr[s].write(pe * 0x2_0000 + 0x78, AccessSize::Double, pendbaser);
            _ = self.memory.write(PhysAddr(BASE + 0x1_0000), &[0x01; 128]);
            self.gicr[s].write(pe * 0x2_0000, AccessSize::Word, 1);
            let it = &mut self.pes[pe as usize];
            it.set_accessor(EL3);
            it.set_pmr(0xff);
            for who in [EL3, NON_SECURE] {
                it.set_accessor(who);
                it.set_ap0r0(0);
                it.set_ap1r0(0);
            }
            it.set_accessor(EL3);
            it.set_igrpen0(1);
            it.set_igrpen1_el3(3);
            it.set_igrpen1(1);
        }
        self.gits.write(0x80, AccessSize::Double, 1 << 63 | QUEUE);
        self.gits.write(0x100, AccessSize::Double, 1 << 63 | (BASE + 0x2_0000) | noise.below(2) << 62);
        self.gits.write(0x108, AccessSize::Double, 1 << 63 | (BASE + 0x3_0000));
        self.gits.write(0, AccessSize::Word, 1);
    }

    fn step(&mut self, noise: &mut Noise) {
        let (s, pe) = (noise.below(2) as usize, noise.below(4));
        match noise.below(20) {
            0..3 => access(noise, &self.gicd[s].clone(), GICD, 0),
            3..6 => {
                let frame = pe * 0x2_0000 + if noise.one_in(2) { 0x1_0000 } else { 0 };
                access(noise, &self.gicr[s].clone(), GICR, frame);
            }
            6 if noise.one_in(20) => {
                // EnableLPIs, INVALLR: each goes over all LPIs.
                let offset = noise.of(&[0, 0, 0xb0]);
                self.gicr[s].write(pe * 0x2_0000 + offset, AccessSize::Word, noise.below(2));
            }
            6..8 => access(noise, &self.gits.clone(), GITS, 0),
            8 => {
                self.gicr[s].write(pe * 0x2_0000 + 0x40, AccessSize::Double, 8192 + noise.below(64));
                let size = noise.size();
                self.gits.write(0x1_0040, size, noise.below(40));
                self.its.write(noise.below(4) as u32, noise.value() as u32);
            }
            9..11 => self.commands(noise),
            11 => {
                let at = BASE + noise.below(SIZE / 8) * 8;
                _ = self.memory.write_u64(PhysAddr(at), noise.value());
            }
            12 => {
                let (high, ppi) = (noise.one_in(2), 16 + noise.below(16) as u32);
                self.gic.set_ppi(pe as usize, IntId(ppi), high);
                self.gicd[s].write(0x40, AccessSize::Word, noise.intid());
                self.gic.set_spi(IntId(32 + noise.below(64) as u32), high);
                let eppi = IntId(1056 + noise.below(64) as u32);
                if self.gic.describe(0, eppi).is_some() {
                    self.gic.set_ppi(pe as usize, eppi, high);
                }
            }
            13..17 => self.taken.extend(physical(noise, &mut self.pes[pe as usize])),
            17..19 => {
                let given = guest(noise, &mut self.guests[pe as usize]);
                given.into_iter().for_each(|it| self.pes[pe as usize].deactivate_for_guest(it));
            }
            _ => {
                let frame =
                    noise.of(&[Frame::Distributor, Frame::Redistributor(pe as usize), Frame::Private(pe as usize)]);
                let id = IntId(noise.intid() as u32);
                let (at, n) = (noise.below(0x1_0000) as u32, pe as usize);
                _ = (self.gic.raw_read(frame, at), Gic::register_name(frame, at), self.its.raw_read(at));
                _ = (self.gic.describe(n, id), self.gic.describe_lpi(n, id), self.pes[n].acknowledged(id));
                _ = (self.pes[n].explain_masked(), self.pes[n].wake_request(), self.its.route(n as u32, at));
                _ = (self.gic.reports(), self.its.failed_commands());
                self.gic.complete_writes(n);
            }
        }
    }

    fn commands(&mut self, noise: &mut Noise) {
        let tail = self.gits.read(0x88, AccessSize::Double) & 0xf_ffe0;
        let n = 1 + noise.below(6);
        for at in 0..n {
            let words = if noise.one_in(20) { [0; 4].map(|_| noise.any()) } else { noise.command() };
            let at = QUEUE + (tail + 32 * at) % 0x1000;
            words.iter().zip(0..).for_each(|(word, n)| _ = self.memory.write_u64(PhysAddr(at + 8 * n), *word));
        }
        self.gits.write(0x88, AccessSize::Double, ((tail + 32 * n) % 0x1000) | (noise.below(8) / 7));
    }

    /// After power-on and set up by itself it does what it is for.
    fn still_works(&mut self) {
        self.gic.reset();
        self.its.reset();
        self.pes.iter_mut().for_each(CpuInterface::reset);
        let mut quiet = Noise(1);
        self.set_up(&mut quiet);
        self.gicd[1].write(0xc08, AccessSize::Word, !0);
        (32..96).for_each(|id| self.gic.set_spi(IntId(id), false));
        self.gicd[1].write(0x284, AccessSize::Word, !0);
        self.gicd[1].write(0x288, AccessSize::Word, !0);
        for pe in 0..4 {
            let there = (16..32).chain(1056..1120).filter(|id| self.gic.describe(pe, IntId(*id)).is_some());
            there.for_each(|id| self.gic.set_ppi(pe, IntId(id), false));
        }
        self.gic.set_spi(IntId(33), true);
        let it = &mut self.pes[0];
        assert_eq!((it.iar1(), it.iar1()), (33, 1023));
        it.set_eoir1(33);
        assert_eq!(it.acknowledged(IntId(33)), 1);
    }
}

fn access(noise: &mut Noise, device: &Arc<dyn MmioDevice>, registers: &[u64], frame: u64) {
    let (offset, size, pe) = (frame + noise.offset(registers), noise.size(), noise.below(4) as usize);
    match noise.below(4) {
        0 => _ = device.read(offset, size),
        1 => _ = device.read_by(pe, offset, size),
        2 => device.write(offset, size, noise.value()),
        _ => _ = device.write_by(pe, offset, size, noise.value()),
    }
}

fn physical(noise: &mut Noise, it: &mut CpuInterface) -> Option<u64> {
    if noise.one_in(8) {
        let bit = |noise: &mut Noise| noise.one_in(2);
        let (el, secure) = (noise.below(4) as u8, bit(noise));
        it.set_accessor(Accessor { el, secure, fiq_to_el3: bit(noise), nmi: bit(noise) });
    }
    let v = if noise.one_in(2) { noise.value() } else { noise.intid() };
    match noise.below(24) {
        0..3 => return Some(it.iar0()),
        3..8 => return Some(it.iar1()),
        8 => return Some(it.nmiar1()),
        9 => it.set_eoir0(v),
        10..13 => it.set_eoir1(v),
        13 => it.set_dir(v),
        14 => it.set_pmr(v),
        15 => [CpuInterface::set_bpr0, CpuInterface::set_bpr1][noise.below(2) as usize](it, v),
        16 => [CpuInterface::set_ap0r0, CpuInterface::set_ap1r0][noise.below(2) as usize](it, v),
        17 => [CpuInterface::set_ctlr, CpuInterface::set_ctlr_el3][noise.below(2) as usize](it, v),
        18 => [CpuInterface::set_igrpen0, CpuInterface::set_igrpen1, CpuInterface::set_igrpen1_el3]
            [noise.below(3) as usize](it, v),
        19..22 => {
            [CpuInterface::set_sgi0r, CpuInterface::set_sgi1r, CpuInterface::set_asgi1r][noise.below(3) as usize](it, v)
        }
        _ => {
            it.set_sre(v);
            _ = (it.hppir0(), it.hppir1(), it.rpr(), it.pmr(), it.bpr0(), it.bpr1(), it.ap0r0(), it.ap1r0());
            _ = (
                it.ctlr(),
                it.ctlr_el3(),
                it.sre(),
                it.igrpen0(),
                it.igrpen1(),
                it.igrpen1_el3(),
                it.signals(),
                it.is_quiet(),
            );
        }
    }
    None
}

fn guest(noise: &mut Noise, it: &mut VirtualInterface) -> Option<armagic_gic::PhysicalDeactivation> {
    let v = if noise.one_in(2) { noise.value() } else { noise.intid() };
    match noise.below(16) {
        0 => _ = it.iar0(),
        1 => _ = it.iar1(),
        2 => _ = (it.iar1_without_nmi(), it.nmiar1()),
        3 => return it.set_eoir0(v),
        4 => return it.set_eoir1(v),
        5 => return it.set_dir(v),
        6 => it.set_pmr(v),
        7 => [VirtualInterface::set_bpr0, VirtualInterface::set_bpr1][noise.below(2) as usize](it, v),
        8 => [VirtualInterface::set_ctlr, VirtualInterface::set_igrpen0, VirtualInterface::set_igrpen1]
            [noise.below(3) as usize](it, v),
        9 => it.set_hcr(v),
        10 => it.set_vmcr(v),
        11 => [VirtualInterface::set_ap0r0, VirtualInterface::set_ap1r0][noise.below(2) as usize](it, v),
        12..15 => {
            // A guest of a hypervisor that means something: state, group, hardware, priority, both INTIDs.
            let lr = noise.any() & 0xff00_0000_0000_0000
                | noise.below(256) << 48
                | noise.intid() << 32 & 0x3ff_0000_0000
                | noise.intid() & 0xffff_ffff;
            let lr = if noise.one_in(4) { noise.any() } else { lr };
            it.set_lr(noise.below(it.spec().list_registers as u64) as usize, lr);
        }
        _ => {
            _ = (it.hppir0(), it.hppir1(), it.rpr(), it.pmr(), it.bpr0(), it.bpr1(), it.ctlr(), it.vtr(), it.hcr());
            _ = (it.vmcr(), it.misr(), it.eisr(), it.elrsr(), it.ap0r0(), it.ap1r0(), it.signals(), it.maintenance());
        }
    }
    None
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// Says, if it panics, how to come there again.
struct Where(u64, u64);

impl Drop for Where {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FUZZ_SEED={} at operation {}", self.0, self.1);
        }
    }
}

#[test]
fn a_guests_garbage_does_no_harm() {
    let (many, seed) = (from_environment("FUZZ").unwrap_or(FEW), from_environment("FUZZ_SEED").unwrap_or(1));
    let mut taken = vec![];
    for first in (0..many).step_by(EACH as usize) {
        // Each GIC has a seed of its own, so that the one at fault can be had without those before it.
        let seed = seed + first / EACH;
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut at = Where(seed, 0);
        let mut world = World::new(&mut noise);
        world.set_up(&mut noise);
        for n in 0..EACH.min(many - first) {
            at.1 = n;
            if noise.one_in(300) {
                world.set_up(&mut noise);
            }
            world.step(&mut noise);
        }
        world.still_works();
        taken.append(&mut world.taken);
    }
    // It has been everywhere: SGIs, PPIs, SPIs, extended ones, LPIs.
    for kind in [0..16, 16..32, 32..1020, 1056..1120, 4096..5120, 8192..65536] {
        assert!(taken.iter().any(|id| kind.contains(id)), "none of {kind:?} was taken");
    }
}
