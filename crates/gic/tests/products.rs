//! What products say they are, GICR_PWRR and Sleep, and redistributors in several regions.

#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{
    Affinity, Features, Fidelity, Frame, Gic, GicError, GicSpec, Its, ItsSpec, LpiSpec, PeSpec, Product, Security,
};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr, Unbacked};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CTLR: u64 = 0;
const TYPER: u64 = 8;
const WAKER: u64 = 0x14;
const PWRR: u64 = 0x24;
const ISENABLER0: u64 = 0x1_0100;
const RDPD: u64 = 1;
const RDAG: u64 = 2;
const RDGPD: u64 = 4;
const RDGPO: u64 = 8;

fn affinity(n: usize) -> Affinity {
    Affinity { aff0: n as u8 % 16, aff1: n as u8 / 16, ..Affinity::default() }
}

fn spec(pes: usize, features: Features) -> GicSpec {
    let pe = |n| PeSpec { affinity: affinity(n), attention: Arc::default() };
    GicSpec { spis: 32, pes: (0..pes).map(pe).collect(), features, lpis: None }
}

struct Rig {
    gic: Arc<Gic>,
    gicr: Arc<dyn MmioDevice>,
}

impl Rig {
    fn new(pes: usize, features: Features) -> Rig {
        let gic = Gic::new(spec(pes, features)).unwrap();
        Rig { gicr: gic.redistributors(), gic }
    }

    fn of(product: Product, pes: usize, fidelity: Fidelity) -> Rig {
        Rig::new(pes, Features { product, fidelity, ..Default::default() })
    }

    fn read(&self, pe: u64, offset: u64) -> u64 {
        self.gicr.read(pe * 0x2_0000 + offset, AccessSize::Word)
    }

    fn write(&self, pe: u64, offset: u64, value: u64) {
        self.gicr.write(pe * 0x2_0000 + offset, AccessSize::Word, value);
    }
}

/// 64 KiB of memory at zero.
struct Memory(Mutex<Vec<u8>>);

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, to: &mut [u8]) -> Result<(), Unbacked> {
        let memory = self.0.lock().unwrap();
        let from = memory.get(at.0 as usize..at.0 as usize + to.len()).ok_or(Unbacked(at))?;
        to.copy_from_slice(from);
        Ok(())
    }

    fn write(&self, at: PhysAddr, from: &[u8]) -> Result<(), Unbacked> {
        let mut memory = self.0.lock().unwrap();
        let to = memory.get_mut(at.0 as usize..at.0 as usize + from.len()).ok_or(Unbacked(at))?;
        to.copy_from_slice(from);
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

/// IIDR, PIDR0, PIDR2, PIDR4 and CIDR3 of each frame.
#[test]
fn chk_3_2_identification_of_products() {
    let check = |product, want: [[u64; 5]; 3]| {
        let memory = Arc::new(Memory(Mutex::new(vec![0; 0x1_0000])));
        let lpis = Some(LpiSpec::new(memory));
        let features = Features { product, ..Default::default() };
        let gic = Gic::new(GicSpec { lpis, ..spec(1, features) }).unwrap();
        let its = Its::new(gic.clone(), ItsSpec::default());
        let frames = [(gic.distributor(), 8), (gic.redistributors(), 4), (its.frames(0), 4)];
        let seen = frames.map(|(frame, iidr)| {
            [iidr, 0xffe0, 0xffe8, 0xffd0, 0xfffc].map(|offset| frame.read(offset, AccessSize::Word))
        });
        assert_eq!(seen, want, "{}", product.name());
    };
    let arm = |iidr| [0x92, 0x93, 0x94].map(|pidr0| [iidr, pidr0, 0x3b, 0x44, 0xb1]);
    check(Product::Architecture, [[0x43b, 0, 0x3b, 0x44, 0xb1]; 3]);
    check(Product::Gic500, arm(0x43b));
    check(Product::Gic600, arm(0x0201_743b));
    check(Product::Gic700, arm(0x0402_043b));
    let kvm = |iidr| [iidr, 0, 0x3b, 0, 0];
    check(Product::Kvm, [kvm(0x4b00_343b), kvm(0x4b00_043b), [0x4b00_043b, 0, 0x30, 0x40, 0xb1]]);
}

#[test]
fn chk_16_2_redistributors_come_out_of_reset_powered_down() {
    let rig = Rig::of(Product::Gic600, 18, Fidelity::Strict);
    assert_eq!(rig.read(0, PWRR), RDPD | RDGPD | RDGPO);
    assert_eq!(rig.read(1, PWRR), 1 << 8 | RDPD | RDGPD | RDGPO);
    assert_eq!(rig.read(17, PWRR), 1 << 15 | 1 << 8 | RDPD | RDGPD | RDGPO);
    assert_eq!(rig.read(0, WAKER), 0, "RAZ");
    rig.write(0, ISENABLER0, !0);
    assert!(rig.gic.reports().iter().any(|report| report.register == "GICR_PWRR" && report.times == 2));
    assert_eq!(rig.read(1, TYPER) >> 8 & 0xffff, 1, "what identifies it can be read");
    assert!(rig.gic.reports().is_empty());
    rig.write(1, PWRR, 0);
    assert_eq!((rig.read(1, PWRR), rig.read(0, PWRR), rig.read(17, PWRR) & 0xf), (1 << 8, RDPD, 0xd));
    assert_eq!((rig.read(0, WAKER), rig.read(0, ISENABLER0)), (6, 0), "the group is up, and the write was lost");
    assert_eq!(rig.read(17, WAKER), 0);
}

#[test]
fn chk_16_2_a_group_goes_down_when_all_permit_it() {
    let rig = Rig::of(Product::Gic700, 2, Fidelity::Fast);
    rig.write(0, PWRR, RDAG);
    assert_eq!((rig.read(0, PWRR), rig.read(1, PWRR)), (0, 1 << 8), "RDAG applies to the group and reads 0");
    rig.write(0, WAKER, 0);
    rig.write(0, ISENABLER0, 1);
    rig.write(0, PWRR, RDPD);
    rig.write(1, PWRR, RDPD | RDAG);
    assert_eq!((rig.read(0, PWRR), rig.read(1, PWRR)), (0, 1 << 8), "not while a PE of those is awake");
    rig.write(0, WAKER, 2);
    rig.write(0, PWRR, RDPD);
    assert_eq!((rig.read(0, PWRR), rig.read(0, ISENABLER0)), (RDPD, 1), "the other holds it up");
    rig.write(1, PWRR, RDPD);
    assert_eq!((rig.read(0, PWRR), rig.read(0, ISENABLER0)), (RDPD | RDGPD | RDGPO, 0));
    rig.write(0, PWRR, 0);
    assert_eq!(rig.read(0, ISENABLER0), 0, "what it held is lost");
    rig.gic.reset();
    assert_eq!(rig.read(0, PWRR), RDPD | RDGPD | RDGPO);
}

#[test]
fn chk_16_2_powering_takes_its_time() {
    let rig = Rig::of(Product::Gic600, 1, Fidelity::Relaxed(Duration::from_secs(3600)));
    rig.write(0, PWRR, 0);
    assert_eq!(rig.read(0, PWRR), RDGPO, "on the way up");
    rig.write(0, PWRR, RDPD);
    assert_eq!(rig.read(0, PWRR), RDGPO, "and not to be turned round");
}

#[test]
fn chk_16_2_the_register_is_the_secure_sides() {
    let features = Features { product: Product::Gic600, two_states: true, ..Default::default() };
    let rig = Rig::new(1, features);
    let secure = rig.gic.redistributors_for(Security::Secure);
    rig.write(0, PWRR, 0);
    assert_eq!((rig.read(0, PWRR), secure.read(PWRR, AccessSize::Word)), (0, RDPD | RDGPD | RDGPO));
    assert!(rig.gic.raw_write(Frame::Redistributor(0), PWRR as u32, 0), "firmware of the host's");
    assert_eq!(secure.read(PWRR, AccessSize::Word), 0);
}

#[test]
fn chk_16_2_other_products_have_no_such_register() {
    for product in [Product::Architecture, Product::Gic500, Product::Kvm] {
        let rig = Rig::of(product, 1, Fidelity::Fast);
        assert_eq!((rig.read(0, WAKER), rig.read(0, PWRR), rig.read(0, 0x10)), (6, 0, 1), "{}", product.name());
        assert!(!rig.gic.raw_write(Frame::Redistributor(0), PWRR as u32, 0));
    }
}

#[test]
fn chk_16_3_sleep_writes_pending_lpis_back() {
    let memory = Arc::new(Memory(Mutex::new(vec![0; 0x4_0000])));
    memory.write(PhysAddr(0x1_0000), &[0xa1; 32]).unwrap();
    let lpis = LpiSpec { direct: true, ..LpiSpec::new(memory.clone()) };
    let features = Features { product: Product::Gic500, fidelity: Fidelity::Strict, ..Default::default() };
    let gic = Gic::new(GicSpec { lpis: Some(lpis), ..spec(2, features) }).unwrap();
    let gicr = gic.redistributors();
    gicr.write(0x70, AccessSize::Double, 0x1_0000 | 13);
    gicr.write(0x78, AccessSize::Double, 0x2_0000);
    gicr.write(CTLR, AccessSize::Word, 1);
    gicr.write(0x2_0000 + WAKER, AccessSize::Word, 0);
    gicr.write(0x40, AccessSize::Double, 8195);
    let waker = |value| {
        gicr.write(WAKER, AccessSize::Word, value);
        gicr.read(WAKER, AccessSize::Word)
    };
    let bit = || memory.0.lock().unwrap()[0x2_0000 + 8192 / 8] >> 3 & 1;
    assert_eq!((waker(3), bit()), (6, 0), "not while a PE is awake");
    assert_eq!(gic.reports().len(), 1);
    gicr.write(0x2_0000 + WAKER, AccessSize::Word, 2);
    assert_eq!((waker(3), bit()), (1 << 31 | 7, 1));
    assert_eq!(gicr.read(0x2_0000 + WAKER, AccessSize::Word), 1 << 31 | 7, "one of each for all");
    assert_eq!(waker(2), 6);
    let architecture = Rig::of(Product::Architecture, 1, Fidelity::Fast);
    architecture.write(0, WAKER, 3);
    assert_eq!(architecture.read(0, WAKER), 6);
}

#[test]
fn chk_4_1_each_region_has_a_last_redistributor() {
    let rig = Rig::new(5, Features { regions: vec![3, 2], ..Default::default() });
    let last: Vec<_> = (0..5).map(|pe| rig.read(pe, TYPER) >> 4 & 1).collect();
    assert_eq!(last, [0, 0, 1, 0, 1]);
    assert_eq!(rig.gic.regions().collect::<Vec<_>>(), [0..3, 3..5]);
    let second = rig.gic.redistributors_of(3..5, Security::NonSecure);
    let number = |at: u64| second.read(at * 0x2_0000 + TYPER, AccessSize::Double) >> 8 & 0xffff;
    assert_eq!((number(0), number(1)), (3, 4));
    assert_eq!(second.read(2 * 0x2_0000 + TYPER, AccessSize::Double), 0, "the region ends");
    second.write(0x2_0000 + ISENABLER0, AccessSize::Word, 1);
    assert!(rig.gic.describe(4, IntId(0)).unwrap().enabled);
    for regions in [vec![5, 1], vec![4], vec![5, 0]] {
        let features = Features { regions, ..Default::default() };
        assert_eq!(Gic::new(spec(5, features)).err(), Some(GicError::Regions(5)));
    }
}

#[test]
fn chk_4_1_3_syncr_is_busy_for_a_while() {
    let memory = Arc::new(Memory(Mutex::new(vec![0; 0x1_0000])));
    let busy = |fidelity| {
        let lpis = LpiSpec { direct: true, ..LpiSpec::new(memory.clone()) };
        let gic =
            Gic::new(GicSpec { lpis: Some(lpis), ..spec(2, Features { fidelity, ..Default::default() }) }).unwrap();
        let gicr = gic.redistributors();
        let syncr = |pe: u64| gicr.read(pe * 0x2_0000 + 0xc0, AccessSize::Word);
        let before = syncr(1);
        gicr.write(0x2_0000 + 0xb0, AccessSize::Double, 0);
        (before, syncr(0), syncr(1))
    };
    assert_eq!(busy(Fidelity::Relaxed(Duration::from_secs(3600))), (0, 0, 1));
    assert_eq!(busy(Fidelity::Fast), (0, 0, 0));
}
