//! Whatever state a GIC is in, every register reads the same after it was saved and loaded: as the host, as Secure and as
//! Non-secure software read it. The state is what random accesses leave, and an ITS and LPIs whose tables are in RAM.

use crate::noise::Noise;
use crate::{Heard, spec};
use armagic_machine::{EngineKind, Extras, Fidelity, GicChoice, GicConfig, Machine, Payload, Product, Tuning};
use gic::{Frame, Gic, Its, OnError, Security};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::Arc;
use std::time::Duration;
use vgic::uapi::group;

/// A GIC, how many PEs, and whether there are two security states and NMIs.
struct Case {
    gic: GicChoice,
    cpus: usize,
    secure: bool,
    nmi: bool,
}

fn cases() -> Vec<Case> {
    let all = |product| GicChoice { product, espis: 1024, eppis: 64, spis: 988, ..GicChoice::default() };
    let case = |gic, cpus, secure, nmi| Case { gic, cpus, secure, nmi };
    let relaxed = Fidelity::Relaxed(Duration::from_secs(100));
    vec![
        case(GicChoice::default(), 2, false, false),
        case(GicChoice { product: Product::Kvm, ..GicChoice::default() }, 2, false, false),
        case(GicChoice { direct_lpis: true, its_errors: OnError::Stall, ..all(Product::Gic700) }, 3, true, true),
        case(GicChoice { product: Product::Gic600, ..GicChoice::default() }, 18, true, false),
        case(GicChoice { fidelity: relaxed, ..GicChoice::default() }, 2, true, true),
        case(
            GicChoice { fidelity: Fidelity::Strict, product: Product::Gic500, ..GicChoice::default() },
            125,
            false,
            true,
        ),
    ]
}

/// Where the program is, which here is tables.
const QUEUE: u64 = 0x4008_0000;
const CONFIGURATION: u64 = QUEUE + 0x1_0000;
const DEVICES: u64 = QUEUE + 0x2_0000;
const COLLECTIONS: u64 = QUEUE + 0x3_0000;
const EVENTS: u64 = QUEUE + 0x4_0000;
const PENDING: u64 = QUEUE + 0x5_0000;
/// PEs that have a pending table.
const TABLES: usize = 4;
const QUEUE_SIZE: u64 = 0x1_0000;
const VALID: u64 = 1 << 63;
/// Memory attributes as guests write them: of tables of a redistributor, and of the ITS. KVM has no others.
const CACHED: u64 = 7 << 7 | 1 << 10;
const CACHED_TABLE: u64 = 7 << 59 | 1 << 10;
/// INTIDs of LPIs have 15 bits.
const LPI_BITS: u64 = 14;

/// Commands for 4 devices of 16 events, 8 collections, and 64 LPIs; a few are nonsense. KVM's LPIs have one event each.
fn command(noise: &mut Noise, pes: u64, kvm: bool) -> [u64; 4] {
    let (device, event, icid) = (noise.below(4), noise.below(if kvm { 16 } else { 17 }), noise.below(8));
    let lpi = 8192 + if kvm { 16 * device + event } else { noise.below(64) };
    let of_device = |code: u64| code | device << 32;
    let to = (noise.below(pes) << 16) | icid;
    match noise.below(16) {
        0 | 1 => [of_device(0x08), 3, VALID | (EVENTS + 0x100 * device), 0],
        2 | 3 => [0x09, 0, VALID | to, 0],
        4..8 => [of_device(0x0a), event | lpi << 32, icid, 0],
        8..12 => [of_device(0x03), event, 0, 0],
        12 => [of_device(0x01), event, icid, 0],
        13 => [of_device(0x04), event, 0, 0],
        14 => [of_device(noise.of(&[0x0c, 0x0f])), event, icid, 0],
        _ => [noise.of(&[0x0d, 0x0e, 0x05, noise.0 & 0x1f]), 0, to, noise.below(pes) << 16],
    }
}

fn tables(noise: &mut Noise, pes: u64, kvm: bool) -> Vec<u8> {
    let commands: Vec<u8> =
        (0..QUEUE_SIZE / 32).flat_map(|_| command(noise, pes, kvm)).flat_map(u64::to_le_bytes).collect();
    let mut bytes = vec![0; (PENDING - QUEUE) as usize + TABLES * 0x1_0000];
    bytes[..commands.len()].copy_from_slice(&commands);
    let configuration = (CONFIGURATION - QUEUE) as usize..(DEVICES - QUEUE) as usize;
    bytes[configuration].iter_mut().for_each(|byte| *byte = noise.any() as u8);
    bytes
}

struct Rig {
    config: GicConfig,
    gic: Arc<Gic>,
    its: Arc<Its>,
    pes: usize,
    /// GICD and GICR, for each kind of access that there is.
    frames: Vec<(Security, [Arc<dyn MmioDevice>; 2])>,
    gits: Arc<dyn MmioDevice>,
    kvm: bool,
}

/// An access that is not random.
const WORD: AccessSize = AccessSize::Word;
const DOUBLE: AccessSize = AccessSize::Double;

impl Rig {
    fn new(machine: &Machine, case: &Case) -> Rig {
        let config = machine.gic_config();
        let (gic, its) = (config.vm.gic().unwrap().clone(), config.its.translator().unwrap());
        let guest = [config.vm.distributor().unwrap(), config.vm.redistributors().unwrap()];
        let mut frames = vec![(Security::NonSecure, guest)];
        if case.secure {
            let secure = Security::Secure;
            frames.push((secure, [gic.distributor_for(secure), gic.redistributors_for(secure)]));
        }
        let kvm = case.gic.product == Product::Kvm;
        Rig { gits: its.frames(0xffff), config, gic, its, pes: case.cpus, frames, kvm }
    }

    /// The accesses that may do everything.
    fn highest(&self) -> &[Arc<dyn MmioDevice>; 2] {
        &self.frames.last().expect("there is one").1
    }

    /// PEs awake, LPIs with their tables on, the ITS on, groups on.
    fn set_up(&self) {
        let [gicd, gicr] = self.highest();
        for pe in 0..self.pes {
            let base = 0x2_0000 * pe as u64;
            gicr.write(base + 0x24, WORD, 0);
            gicr.write(base + 0x14, WORD, 0);
            if pe < TABLES {
                gicr.write(base + 0x70, DOUBLE, CONFIGURATION | LPI_BITS | CACHED);
                gicr.write(base + 0x78, DOUBLE, (PENDING + 0x1_0000 * pe as u64) | CACHED);
                gicr.write(base, WORD, 1);
            }
        }
        self.gits.write(0x80, DOUBLE, VALID | QUEUE | CACHED_TABLE | (QUEUE_SIZE / 4096 - 1));
        self.gits.write(0x100, DOUBLE, VALID | DEVICES | CACHED_TABLE | 2 << 8);
        self.gits.write(0x108, DOUBLE, VALID | COLLECTIONS | CACHED_TABLE | 2 << 8);
        self.gits.write(0, WORD, 1);
        gicd.write(0, WORD, if self.kvm { 0x12 } else { 0x37 });
    }

    fn step(&self, noise: &mut Noise) {
        match noise.below(16) {
            0..9 => self.access(noise),
            9..11 => self.wire(noise),
            11 | 12 => self.interface(noise),
            // Some commands more.
            13 | 14 => {
                let at = self.its.raw_read(0x88).unwrap();
                self.gits.write(0x88, DOUBLE, (at + 32 * noise.below(12)) % QUEUE_SIZE);
            }
            _ => self.gits.write(noise.of(&[0x40, 0x48, 0x88, 0x1_0040]), WORD, noise.below(64) << 5),
        }
    }

    /// A write to a register of GICD or GICR, but for addresses of tables.
    fn access(&self, noise: &mut Noise) {
        let (_, [gicd, gicr]) = &self.frames[noise.below(self.frames.len() as u64) as usize];
        let (pe, size) =
            (noise.below(self.pes as u64) as usize, noise.of(&[WORD, WORD, WORD, AccessSize::Byte, DOUBLE]));
        let frame = noise.of(&[Frame::Distributor, Frame::Private(pe), Frame::Private(pe), Frame::Redistributor(pe)]);
        let named = |at: &u32| Gic::register_name(frame, *at).is_some();
        let Some(at) = (0..200).map(|_| (noise.any() as u32 & 0xfffc) >> noise.below(5)).find(named) else { return };
        let (at, base) = (u64::from(at) & !(size.bytes() - 1), 0x2_0000 * pe as u64);
        // KVM's attributes know IROUTER as Aff2 to Aff0.
        let route = self.kvm && matches!(frame, Frame::Distributor) && (0x6000..0x8000).contains(&at);
        let value = if !route {
            noise.value()
        } else if at & 4 != 0 {
            0
        } else {
            noise.any() & 0xff_ffff
        };
        match frame {
            // Not always: what was set up is gone then.
            Frame::Distributor if at == 0 => {
                let kept = if noise.one_in(20) { 0 } else { 0x37 };
                // KVM's attributes know Group 1 and nothing else.
                gicd.write(at, size, (value | kept) & if self.kvm { 0x12 } else { !0 });
            }
            Frame::Distributor => gicd.write(at, size, value),
            Frame::Private(_) if self.kvm && (0xc00..0xc08).contains(&at) => {} // of PPIs it is fixed there
            Frame::Private(_) => gicr.write(base + 0x1_0000 + at, size, value),
            Frame::Redistributor(_) => match at {
                0x70..0x80 => {}
                0x14 => gicr.write(base + at, size, if noise.one_in(4) { value } else { 0 }),
                0x24 if !noise.one_in(4) => {}
                // KVM's attributes know only EnableLPIs, without which pending bits that have moved are lost.
                0 if self.kvm => {}
                0 => gicr.write(base, size, if pe < TABLES { value } else { value & !1 }),
                _ => gicr.write(base + at, size, value),
            },
        }
    }

    /// A wire moves that no device of the board drives.
    fn wire(&self, noise: &mut Noise) {
        let high = noise.one_in(2);
        if noise.one_in(2) {
            self.gic.set_spi(IntId(36 + noise.below(60) as u32), high);
        } else {
            self.gic.set_ppi(noise.below(self.pes as u64) as usize, IntId(16 + noise.below(7) as u32), high);
        }
    }

    /// A register of a CPU interface.
    fn interface(&self, noise: &mut Noise) {
        let pe = noise.below(self.pes as u64) as usize;
        let at = self.affinity(pe) | noise.of(&SYSTEM);
        let fixed = self.config.vgic.get(group::CPU_SYSREGS, self.affinity(pe) | CTLR).unwrap() & !3;
        let value = if at as u32 as u64 == CTLR { fixed | noise.below(4) } else { noise.value() };
        self.config.vgic.set(group::CPU_SYSREGS, at, value).unwrap();
    }

    fn affinity(&self, pe: usize) -> u64 {
        u64::from(self.config.vm.vcpu(pe).unwrap().default_affinity().packed()) << 32
    }

    /// PEs that are looked at: those at the edges of what groups PEs.
    fn seen(&self) -> Vec<usize> {
        [0, 1, 2, 15, 16, 17, 122, 123, 124].into_iter().filter(|pe| *pe < self.pes).collect()
    }

    /// Everything that reads as something. Reserved places read too, which STATUSR records, here as there.
    fn read(&self) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        let events = (0..4).flat_map(|device| (0..16).map(move |event| (device, event)));
        let routes: Vec<_> = events.map(|(device, event)| self.its.route(device, event)).collect();
        for pe in self.seen() {
            for at in SYSTEM {
                let value = self.config.vgic.get(group::CPU_SYSREGS, self.affinity(pe) | at).unwrap();
                all.push((format!("PE {pe} system register {at:#x}"), value));
            }
            for id in (0..1020).chain(1056..1120).chain(4096..5120) {
                if let Some(mut it) = self.gic.describe(pe, IntId(id)) {
                    // Which PE a 1-of-N interrupt waits for is chosen again.
                    it.target = it.target.filter(|_| !it.one_of_n);
                    all.push((format!("PE {pe} interrupt {id}: {it:?}"), 0));
                }
            }
            let lpis = (8192..8256).filter(|_| !self.kvm);
            lpis.for_each(|id| all.push((format!("PE {pe} LPI {id}: {:?}", self.gic.describe_lpi(pe, IntId(id))), 0)));
        }
        // KVM saves the pending bits of LPIs that an ITS translates to, and has them pending where they go to.
        for id in routes.iter().flatten().map(|(_, id)| *id).filter(|_| self.kvm) {
            let pending = (0..self.pes).any(|pe| self.gic.describe_lpi(pe, id).is_some_and(|it| it.pending));
            all.push((format!("LPI {id:?}"), pending.into()));
        }
        all.push((format!("{:?} {routes:?}", self.gic.inputs()), 0));
        let frames = self.seen().into_iter().flat_map(|pe| [Frame::Redistributor(pe), Frame::Private(pe)]);
        let frames: Vec<_> = [Frame::Distributor].into_iter().chain(frames).collect();
        for at in (0..0x1_0000u32).step_by(4) {
            for frame in &frames {
                let raw = if self.kvm { None } else { self.gic.raw_read(*frame, at) };
                all.extend(raw.map(|value| (format!("{frame:?} {at:#x}, raw"), value.into())));
                for (security, [gicd, gicr]) in &self.frames {
                    let base = |pe: &usize| 0x2_0000 * *pe as u64;
                    let value = match frame {
                        Frame::Distributor => gicd.read(at.into(), WORD),
                        Frame::Redistributor(pe) => gicr.read(base(pe) + u64::from(at), WORD),
                        Frame::Private(pe) => gicr.read(base(pe) + 0x1_0000 + u64::from(at), WORD),
                    };
                    all.push((format!("{frame:?} {at:#x}, {security:?}"), value));
                }
            }
            all.push((format!("GITS {at:#x}"), self.gits.read(at.into(), WORD)));
        }
        all
    }
}

const CTLR: u64 = 0xc664;
/// ICC_PMR_EL1, BPR0, AP0R0, AP1R0, BPR1, CTLR, IGRPEN0, IGRPEN1.
const SYSTEM: [u64; 8] = [0xc230, 0xc643, 0xc644, 0xc648, 0xc663, CTLR, 0xc666, 0xc667];

fn check(case: &Case, seed: u64) {
    let mut noise = Noise(seed);
    let mut spec = spec(case.gic, EngineKind::Interp);
    spec.cpus = case.cpus;
    spec.model = spec.model.with(Extras { el2: false, el3: case.secure, nmi: case.nmi });
    spec.payload = Payload::Program(tables(&mut noise, case.cpus as u64, case.gic.product == Product::Kvm));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine");
    let machine = Machine::new(spec, Box::new(Heard::default())).unwrap();
    let rig = Rig::new(&machine, case);
    rig.set_up();
    (0..2000).for_each(|_| rig.step(&mut noise));
    machine.hold_when_stopped();
    machine.stopper().stop();
    machine.save(&path).unwrap();
    let loaded = Machine::resume(&path, EngineKind::Interp, Tuning::default(), Box::new(Heard::default())).unwrap();
    let (before, after) = (rig.read(), Rig::new(&loaded, case).read());
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after, "{} with {} PEs, seed {seed}", case.gic.product.name(), case.cpus);
    }
}

#[test]
fn every_register_reads_the_same_after_loading() {
    let seeds = std::env::var("ARMAGIC_SNAPSHOT_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    for case in cases() {
        (1..=seeds).for_each(|seed: u64| check(&case, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    }
}
