//! A GIC with LPIs and an ITS, memory for their tables, and short ways to reach them.

use armagic_gic::{
    Affinity, CpuInterface, Features, Fidelity, Gic, GicSpec, Its, ItsSpec, LpiCache, LpiSpec, OnError, PeSpec,
    Security,
};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr, Unbacked};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use sync::{Attention, Reasons};

pub const NONE: u64 = 1023;
pub const BASE: u64 = 0x4000_0000;
pub const SIZE: u64 = 1 << 20;

// Where the rig puts what.
pub const QUEUE: u64 = BASE;
pub const DEVICES: u64 = BASE + 0x1_0000;
pub const COLLECTIONS: u64 = BASE + 0x2_0000;
pub const ITTS: u64 = BASE + 0x3_0000;
pub const CONFIG: u64 = BASE + 0x4_0000;
pub const PENDING: u64 = BASE + 0x6_0000;

/// Little-endian words, each atomic, as guest RAM is; in pages that are made when they are first used.
pub struct Memory(Vec<OnceLock<Box<[AtomicU64]>>>);

impl Memory {
    pub fn new() -> Memory {
        Memory((0..SIZE / 4096).map(|_| OnceLock::new()).collect())
    }

    fn word(&self, at: PhysAddr) -> Result<&AtomicU64, Unbacked> {
        let offset = at.0.checked_sub(BASE).ok_or(Unbacked(at))? as usize;
        let page = self.0.get(offset / 4096).ok_or(Unbacked(at))?;
        Ok(&page.get_or_init(|| (0..512).map(|_| AtomicU64::new(0)).collect())[offset % 4096 / 8])
    }
}

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        for (n, byte) in out.iter_mut().enumerate() {
            let at = at.offset(n as u64);
            *byte = self.word(at)?.load(Relaxed).to_le_bytes()[at.0 as usize % 8];
        }
        Ok(())
    }

    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked> {
        for (n, byte) in bytes.iter().enumerate() {
            let at = at.offset(n as u64);
            let shift = at.0 % 8 * 8;
            let with = |word| Some(word & !(0xff << shift) | u64::from(*byte) << shift);
            _ = self.word(at)?.fetch_update(Relaxed, Relaxed, with);
        }
        Ok(())
    }

    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        if at.0.is_multiple_of(8) { Ok(self.word(at)?.load(Relaxed)) } else { Err(Unbacked(at)) }
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.read_u64(at)?;
        self.word(at)?.store(value, Relaxed);
        Ok(())
    }
}

/// What a rig can be made with.
#[derive(Clone, Copy, Default)]
pub struct Options {
    pub cache: LpiCache,
    pub direct: bool,
    pub on_error: OnError,
    pub two_states: bool,
    pub strict: bool,
}

pub struct Rig {
    pub memory: Arc<Memory>,
    pub gic: Arc<Gic>,
    pub its: Arc<Its>,
    pub gicr: Arc<dyn MmioDevice>,
    pub gicd: Arc<dyn MmioDevice>,
    pub gits: Arc<dyn MmioDevice>,
    pub pes: Vec<CpuInterface>,
    pub attention: Vec<Arc<Attention>>,
    /// Where the next command goes.
    tail: Mutex<u64>,
}

impl Rig {
    /// Nothing enabled.
    pub fn off(pes: usize, options: Options) -> Rig {
        let attention: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
        let specs = attention.iter().enumerate().map(|(n, attention)| PeSpec {
            affinity: Affinity { aff0: n as u8, ..Affinity::default() },
            attention: attention.clone(),
        });
        let memory = Arc::new(Memory::new());
        let lpis = LpiSpec { cache: options.cache, direct: options.direct, ..LpiSpec::new(memory.clone()) };
        let fidelity = if options.strict { Fidelity::Strict } else { Fidelity::Fast };
        let features = Features { two_states: options.two_states, fidelity, ..Default::default() };
        let spec = GicSpec { spis: 32, pes: specs.collect(), lpis: Some(lpis), features };
        let gic = Gic::new(spec).unwrap();
        let its = Its::new(gic.clone(), ItsSpec { on_error: options.on_error, ..ItsSpec::default() });
        Rig {
            memory,
            gicr: gic.redistributors(),
            gicd: gic.distributor(),
            gits: its.frames(0),
            pes: (0..pes).map(|n| gic.cpu_interface(n)).collect(),
            gic,
            its,
            attention,
            tail: Mutex::new(0),
        }
    }

    /// All awake and open, LPIs enabled, the ITS enabled with empty tables.
    pub fn with(pes: usize, options: Options) -> Rig {
        let mut rig = Rig::off(pes, options);
        // Secure software opens all groups and wakes the PEs, if there is any.
        rig.gic.distributor_for(Security::Secure).write(0, AccessSize::Word, 7);
        for pe in 0..pes {
            rig.gic.redistributors_for(Security::Secure).write(pe as u64 * 0x20000 + 0x14, AccessSize::Word, 0);
            rig.lpi_tables(pe, 15);
            rig.r(pe, 0, 1);
            rig.pes[pe].set_pmr(0xf8);
            rig.pes[pe].set_igrpen1(1);
        }
        rig.w(0x100, 1 << 63 | DEVICES | 2 << 8);
        rig.w(0x108, 1 << 63 | COLLECTIONS);
        rig.w(0x80, 1 << 63 | QUEUE);
        rig.gits.write(0, AccessSize::Word, 1);
        rig.attention.iter().for_each(|attention| _ = attention.take());
        rig
    }

    pub fn new(pes: usize) -> Rig {
        Rig::with(pes, Options::default())
    }

    /// GICR_PROPBASER and GICR_PENDBASER.
    pub fn lpi_tables(&self, pe: usize, id_bits: u64) {
        self.r64(pe, 0x70, CONFIG | id_bits);
        self.r64(pe, 0x78, PENDING + 0x1_0000 * pe as u64);
    }

    pub fn r(&self, pe: usize, offset: u64, value: u64) {
        self.gicr.write(pe as u64 * 0x20000 + offset, AccessSize::Word, value);
    }
    pub fn r64(&self, pe: usize, offset: u64, value: u64) {
        self.gicr.write(pe as u64 * 0x20000 + offset, AccessSize::Double, value);
    }
    pub fn rr(&self, pe: usize, offset: u64) -> u64 {
        self.gicr.read(pe as u64 * 0x20000 + offset, AccessSize::Word)
    }
    pub fn rr64(&self, pe: usize, offset: u64) -> u64 {
        self.gicr.read(pe as u64 * 0x20000 + offset, AccessSize::Double)
    }
    /// An ITS register of 64 bits.
    pub fn w(&self, offset: u64, value: u64) {
        self.gits.write(offset, AccessSize::Double, value);
    }
    pub fn rd(&self, offset: u64) -> u64 {
        self.gits.read(offset, AccessSize::Double)
    }
    pub fn ctlr(&self, value: u64) {
        self.gits.write(0, AccessSize::Word, value);
    }
    pub fn read_ctlr(&self) -> u64 {
        self.gits.read(0, AccessSize::Word)
    }
    pub fn word(&self, at: u64) -> u64 {
        self.memory.read_u64(PhysAddr(at)).unwrap()
    }
    pub fn set_word(&self, at: u64, value: u64) {
        self.memory.write_u64(PhysAddr(at), value).unwrap();
    }

    /// The byte in the configuration table, and no INV.
    pub fn config(&self, intid: u32, byte: u8) {
        self.memory.write(PhysAddr(CONFIG + u64::from(intid) - 8192), &[byte]).unwrap();
    }
    pub fn pending_bit(&self, pe: usize, intid: u32) -> bool {
        let mut byte = [0];
        let at = PENDING + 0x1_0000 * pe as u64 + u64::from(intid) / 8;
        self.memory.read(PhysAddr(at), &mut byte).unwrap();
        byte[0] >> (intid % 8) & 1 != 0
    }

    /// Puts commands into the queue and rings.
    pub fn commands(&self, commands: &[[u64; 4]]) {
        let mut tail = self.tail.lock().unwrap();
        let size = ((self.rd(0x80) & 0xff) + 1) * 4096;
        for command in commands {
            (0..4).for_each(|n| self.set_word(QUEUE + *tail + 8 * n, command[n as usize]));
            *tail = (*tail + 32) % size;
        }
        self.w(0x88, *tail);
    }
    /// One command; the code of its error, if it had one.
    #[track_caller]
    pub fn command(&self, command: [u64; 4]) -> Option<u32> {
        let before = self.its.failed_commands().len();
        self.commands(&[command]);
        let failed = self.its.failed_commands();
        failed.get(before..).and_then(|new| new.first()).map(|failed| failed.error.code)
    }
    #[track_caller]
    pub fn ok(&self, commands: &[[u64; 4]]) {
        for command in commands {
            assert_eq!(self.command(*command), None, "{command:x?}");
        }
    }

    /// Device 1 with 32 events, collection n at PE n, and events n of it are LPIs 8192 + n of collection 0, enabled at
    /// priority 0xa0.
    pub fn mapped(pes: usize, options: Options) -> Rig {
        let rig = Rig::with(pes, options);
        (0..32).for_each(|n| rig.config(8192 + n, 0xa1));
        rig.ok(&[mapd(1, 5)]);
        (0..pes as u64).for_each(|pe| rig.ok(&[mapc(pe, pe)]));
        (0..32).for_each(|n| rig.ok(&[mapti(1, n, 8192 + n, 0), inv(1, n)]));
        rig
    }

    pub fn send(&self, device: u32, event: u32) {
        self.its.write(device, event);
    }
    pub fn pending(&self, pe: usize, intid: u32) -> bool {
        self.gic.describe_lpi(pe, IntId(intid)).is_some_and(|view| view.pending)
    }
    pub fn irq(&self, pe: usize) -> bool {
        self.pes[pe].signals().irq
    }
    pub fn posted(&self, pe: usize) -> bool {
        self.attention[pe].take().has(Reasons::INTERRUPT)
    }
    /// Acknowledges and ends all there is.
    pub fn taken(&mut self, pe: usize) -> Vec<u64> {
        let mut taken = vec![];
        while let id @ 1024.. = self.pes[pe].iar1() {
            taken.push(id);
            self.pes[pe].set_eoir1(id);
        }
        taken
    }
    /// GITS_STATUSR's syndrome if UMSI is set; clears it.
    pub fn syndrome(&self) -> Option<u64> {
        let status = self.gits.read(0x40, AccessSize::Word);
        self.gits.write(0x40, AccessSize::Word, 0x3f);
        (status >> 4 & 1 != 0).then_some(status >> 6 & 0xf)
    }
}

pub fn itt(device: u64) -> u64 {
    ITTS + device % 16 * 0x1000
}

const VALID: u64 = 1 << 63;

fn on_event(op: u64, device: u32, event: u32) -> [u64; 4] {
    [op | u64::from(device) << 32, event.into(), 0, 0]
}
pub fn movi(device: u32, event: u32, icid: u64) -> [u64; 4] {
    let [a, b, ..] = on_event(1, device, event);
    [a, b, icid, 0]
}
pub fn int(device: u32, event: u32) -> [u64; 4] {
    on_event(3, device, event)
}
pub fn clear(device: u32, event: u32) -> [u64; 4] {
    on_event(4, device, event)
}
pub fn sync(pe: u64) -> [u64; 4] {
    [5, 0, pe << 16, 0]
}
/// With room for 2^bits events.
pub fn mapd(device: u32, bits: u64) -> [u64; 4] {
    [8 | u64::from(device) << 32, bits - 1, VALID | itt(device.into()), 0]
}
pub fn unmapd(device: u32) -> [u64; 4] {
    [8 | u64::from(device) << 32, 0, 0, 0]
}
pub fn mapc(icid: u64, pe: u64) -> [u64; 4] {
    [9, 0, VALID | pe << 16 | icid, 0]
}
pub fn unmapc(icid: u64) -> [u64; 4] {
    [9, 0, icid, 0]
}
pub fn mapti(device: u32, event: u32, intid: u32, icid: u64) -> [u64; 4] {
    let [a, b, ..] = on_event(10, device, event);
    [a, b | u64::from(intid) << 32, icid, 0]
}
pub fn mapi(device: u32, event: u32, icid: u64) -> [u64; 4] {
    let [a, b, ..] = on_event(11, device, event);
    [a, b, icid, 0]
}
pub fn inv(device: u32, event: u32) -> [u64; 4] {
    on_event(12, device, event)
}
pub fn invall(icid: u64) -> [u64; 4] {
    [13, 0, icid, 0]
}
pub fn movall(from: u64, to: u64) -> [u64; 4] {
    [14, 0, from << 16, to << 16]
}
pub fn discard(device: u32, event: u32) -> [u64; 4] {
    on_event(15, device, event)
}
