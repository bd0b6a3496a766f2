//! The registers of an ITS as a table: what the guest may do, and what the host may (`raw`).

use super::Its;
use super::entry::Baser;
use crate::identify::Component;

type Read = fn(&Its, u32) -> u64;
/// Index in the array, value, and which bits are written: all, or one half of 64.
type Write = fn(&Its, u32, u64, u64);

/// A register, or an array of the same one.
pub(super) struct Row {
    pub offset: u32,
    pub name: &'static str,
    /// Bytes of one: 4 or 8.
    pub width: u32,
    pub count: u32,
    pub read: Option<Read>,
    pub write: Option<Write>,
    pub raw_write: Option<Write>,
}

const fn row(offset: u32, name: &'static str) -> Row {
    Row { offset, name, width: 4, count: 1, read: None, write: None, raw_write: None }
}

impl Row {
    const fn ro(mut self, read: Read) -> Row {
        self.read = Some(read);
        self
    }
    const fn rw(mut self, read: Read, write: Write) -> Row {
        (self.write, self.raw_write) = (Some(write), Some(write));
        self.ro(read)
    }
    const fn raw_write(mut self, write: Write) -> Row {
        self.raw_write = Some(write);
        self
    }
    const fn wide(mut self) -> Row {
        self.width = 8;
        self
    }
    const fn array(mut self, count: u32) -> Row {
        self.count = count;
        self
    }
    const fn end(&self) -> u32 {
        self.offset + self.width * self.count
    }
}

/// The control frame. TRANSLATER is in the other one.
pub(super) const MAP: &[Row] = &[
    row(0x0000, "CTLR").rw(ctlr, set_ctlr),
    row(0x0004, "IIDR").ro(|its, _| its.gic.features.product.iidr(Component::Its)),
    row(0x0008, "TYPER").ro(typer).wide(),
    row(0x0040, "STATUSR")
        .rw(|its, _| its.messages().status().into(), |its, _, v, _| its.change_messages(|it| it.clear_status(v as u32)))
        .raw_write(|its, _, v, _| its.change_messages(|it| it.set_status(v as u32))),
    row(0x0048, "UMSIR")
        .ro(|its, _| its.messages().umsir())
        .raw_write(|its, _, v, mask| its.messages().set_umsir(v, mask))
        .wide(),
    row(0x0080, "CBASER").rw(|its, _| its.registers().cbaser, set_cbaser).wide(),
    row(0x0088, "CWRITER").rw(|its, _| its.registers().cwriter, set_cwriter).wide(),
    row(0x0090, "CREADR").ro(creadr).raw_write(set_creadr).wide(),
    row(0x0100, "BASER").rw(baser, set_baser).wide().array(8),
    row(0xffd0, "PIDR4-7").ro(id).array(4),
    row(0xffe0, "PIDR0-3").ro(|its, n| id(its, 4 + n)).array(4),
    row(0xfff0, "CIDR0-3").ro(|its, n| id(its, 8 + n)).array(4),
];

const _: () = {
    let mut n = 1;
    while n < MAP.len() {
        assert!(MAP[n - 1].end() <= MAP[n].offset, "rows are sorted and disjoint");
        n += 1;
    }
};

/// The register at an offset, its place in the array, and the byte within.
pub(super) fn find(offset: u32) -> Option<(&'static Row, u32, u32)> {
    let row = &MAP[MAP.partition_point(|row| row.end() <= offset)..].first().filter(|row| row.offset <= offset)?;
    let within = offset - row.offset;
    Some((row, within / row.width, within % row.width))
}

const ENABLED: u64 = 1 << 0;
const QUIESCENT: u64 = 1 << 31;

/// Physical LPIs, 8-byte entries of ITTs, 16 bits of EventID and of DeviceID, unmapped MSIs are reported. PTA,
/// HCC, CIL and INV are 0: processor numbers, all collections in memory, 16 bits of ICID, and nothing
/// stays in a cache that has to be taken out.
const TYPER: u64 = 1 | 7 << 4 | 15 << 8 | 15 << 13 | 1 << 44;

fn id(its: &Its, index: u32) -> u64 {
    its.gic.features.product.id(Component::Its, index)
}

const SEIS: u64 = 1 << 18;
const HAS_UMSI_IRQ: u64 = 1 << 45;
/// GITS_CTLR.
const UMSI_IRQ: u64 = 1 << 8;

fn typer(its: &Its, _: u32) -> u64 {
    let set = |yes: bool, bit: u64| if yes { bit } else { 0 };
    TYPER | set(its.spec.system_error.is_some(), SEIS) | set(its.spec.umsi.is_some(), HAS_UMSI_IRQ)
}

fn ctlr(its: &Its, _: u32) -> u64 {
    let irq = if its.messages().irq { UMSI_IRQ } else { 0 };
    let registers = its.registers();
    let quiescent = !registers.wanted && !registers.active;
    irq | (if registers.wanted { ENABLED } else { 0 }) | (if quiescent { QUIESCENT } else { 0 })
}

fn set_ctlr(its: &Its, _: u32, value: u64, _: u64) {
    if its.spec.umsi.is_some() {
        its.change_messages(|messages| messages.irq = value & UMSI_IRQ != 0);
    }
    let mut registers = its.registers();
    let (enable, was) = (value & ENABLED != 0, registers.wanted);
    registers.wanted = enable;
    if enable && !was && registers.active {
        report(its, "GITS_CTLR", "enabled while not quiescent, which is UNPREDICTABLE; it stays enabled");
    }
    drop(registers);
    its.ring();
}

/// UNPREDICTABLE while enabled or not quiescent: then we ignore a write of BASER or CBASER.
fn frozen(registers: &super::queue::Registers) -> bool {
    registers.wanted || registers.active
}

fn report_frozen(its: &Its, register: &'static str) {
    report(its, register, "written while the ITS is enabled or not quiescent, which is UNPREDICTABLE; ignored");
}

fn report(its: &Its, register: &'static str, why: &str) {
    its.gic.watch.report(register, 0, 0, || why.to_owned());
}

/// [15:12] are treated as zero: the queue is 64 KiB aligned.
const CBASER_MASK: u64 = 0xb8ef_ffff_ffff_0cff;
const UNALIGNED: u64 = 0xf000;

fn set_cbaser(its: &Its, _: u32, value: u64, mask: u64) {
    let mut registers = its.registers();
    if !frozen(&registers) {
        if value & mask & UNALIGNED != 0 {
            report(
                its,
                "GITS_CBASER",
                "bits [15:12] are not 0, which is CONSTRAINED UNPREDICTABLE; they are taken as 0",
            );
        }
        registers.cbaser = (registers.cbaser & !mask | value & mask) & CBASER_MASK;
        (registers.creadr, registers.stalled) = (0, false);
    } else {
        report_frozen(its, "GITS_CBASER");
    }
}

const OFFSET: u64 = 0xf_ffe0;
const RETRY: u64 = 1 << 0;
const STALLED: u64 = 1 << 0;

fn set_cwriter(its: &Its, _: u32, value: u64, mask: u64) {
    let mut registers = its.registers();
    registers.cwriter = (registers.cwriter & !mask | value & mask) & OFFSET;
    if value & mask & RETRY != 0 {
        registers.stalled = false;
    }
    if registers.cwriter >= registers.queue_size() {
        report(
            its,
            "GITS_CWRITER",
            "an offset outside the queue, which is CONSTRAINED UNPREDICTABLE; it stops the queue",
        );
    }
    drop(registers);
    its.ring();
}

fn creadr(its: &Its, _: u32) -> u64 {
    let registers = its.registers();
    registers.creadr | if registers.stalled { STALLED } else { 0 }
}

/// The host puts it back before it enables the ITS.
fn set_creadr(its: &Its, _: u32, value: u64, mask: u64) {
    let mut registers = its.registers();
    let new = (registers.creadr & !mask | value & mask) & OFFSET;
    if !frozen(&registers) && new < registers.queue_size() {
        (registers.creadr, registers.stalled) = (new, value & mask & STALLED != 0);
    }
}

fn baser(its: &Its, index: u32) -> u64 {
    match index {
        0 => its.registers().baser[0] | Baser::DEVICES,
        1 => its.registers().baser[1] | Baser::COLLECTIONS,
        _ => 0,
    }
}

fn set_baser(its: &Its, index: u32, value: u64, mask: u64) {
    let writable = match index {
        0 => Baser::MASK | Baser::INDIRECT,
        1 => Baser::MASK,
        _ => return,
    };
    let mut registers = its.registers();
    if !frozen(&registers) {
        let baser = &mut registers.baser[index as usize];
        let new = (*baser & !mask | value & mask) & writable;
        if new != std::mem::replace(baser, new) {
            registers.used[index as usize] = false;
            if index == 1 {
                its.collections.set_gone(true);
            }
        }
    } else {
        report_frozen(its, "GITS_BASER");
    }
}
