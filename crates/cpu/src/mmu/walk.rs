//! The stage 1 table walk (ARM DDI 0487, `AArch64.S1Walk`, `AArch64.S1Translate`).
//!
//! The contiguous bit is a hint that we do not take. Tables are little-endian: the models have no mixed
//! endianness. A table outside RAM is a synchronous external abort on the walk.

use super::{Hierarchy, Need, Perms, Stage1, View};
use crate::FaultStatus;
use hw::{AccessSize, PhysAddr};
use mem::Ram;

/// What a translation came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// Output address, of the byte that was asked for.
    pub pa: u64,
    /// log2 of the bytes that the descriptor maps.
    pub log2: u32,
    /// Level of the descriptor.
    pub level: u8,
    /// Not tagged with an ASID.
    pub global: bool,
    /// The byte of MAIR_ELx.
    pub attr: u8,
    /// Shareability as in the descriptor.
    pub sh: u8,
    /// Permissions. Writing may need the descriptor to be marked dirty first.
    pub perms: Perms,
    /// The descriptor and where it is; `None` with stage 1 off.
    descriptor: Option<(PhysAddr, u64)>,
}

const AF: u64 = 1 << 10;
const READ_ONLY: u64 = 1 << 7;
const DBM: u64 = 1 << 51;
const GUARDED: u64 = 1 << 50;
/// Output address bits of descriptors and TTBRs.
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

impl Leaf {
    /// Device memory: MAIR attribute 0b0000xxxx.
    pub const fn is_device(&self) -> bool {
        self.attr & 0xf0 == 0
    }

    /// Normal memory, Inner and Outer Write-Back: MAIR nibbles 0b01RW or 0b11RW, of which 0b0100 is Non-cacheable.
    pub const fn is_write_back(&self) -> bool {
        const fn nibble(n: u8) -> bool {
            n & 0b0100 != 0 && n != 0b0100
        }
        nibble(self.attr >> 4) && nibble(self.attr & 0xf)
    }

    /// The GP bit of a block or page descriptor; RES0, and never looked at, without FEAT_BTI.
    pub fn is_guarded(&self) -> bool {
        self.descriptor.is_some_and(|(_, d)| d & GUARDED != 0)
    }

    /// Must a write first clear AP\[2\] in the descriptor?
    pub fn is_clean(&self, stage1: &Stage1) -> bool {
        stage1.hd && self.descriptor.is_some_and(|(_, d)| d & (DBM | READ_ONLY) == DBM | READ_ONLY)
    }
}

impl Stage1 {
    /// Translates for one access, updating the descriptor as TCR_ELx.{HA, HD} ask. `unaligned` is an access
    /// that Device memory does not allow.
    pub fn translate(&self, ram: &Ram, va: u64, view: View, need: Need, unaligned: bool) -> Result<Leaf, FaultStatus> {
        // Level 0 whatever the tables hold, so that the time a fault takes tells nothing (FEAT_E0PD).
        if self.e0pd && self.on && view == View::User {
            return Err(FaultStatus::Translation(0));
        }
        loop {
            let mut leaf = self.walk(ram, va)?;
            if unaligned && leaf.is_device() {
                return Err(FaultStatus::Alignment);
            }
            if !leaf.perms.allows(view, need) {
                return Err(FaultStatus::Permission(leaf.level));
            }
            let Some((at, old)) = leaf.descriptor else { return Ok(leaf) };
            let dirty = if need == Need::Write && leaf.is_clean(self) { READ_ONLY } else { 0 };
            let new = (old | AF) & !dirty;
            if new == old {
                return Ok(leaf);
            }
            let host = ram.host(at).expect("the walk has just read the descriptor there");
            // Someone else changed it meanwhile: what was decided from `old` is void.
            if ram.cas(host, AccessSize::Double, old, new) == old {
                leaf.descriptor = Some((at, new));
                return Ok(leaf);
            }
        }
    }

    /// Walks without looking at permissions and without changing anything. A clear Access flag is a fault
    /// unless hardware would set it.
    pub fn walk(&self, ram: &Ram, va: u64) -> Result<Leaf, FaultStatus> {
        let top = if self.tbi { 56 } else { 64 };
        if !self.on {
            return self.flat(va, top);
        }
        let high = super::half(va) == 1 && self.unprivileged;
        let va_bits = 64 - self.txsz;
        // CONSTRAINED UNPREDICTABLE: a TxSZ out of range is a fault. FEAT_LVA and FEAT_TTST are absent.
        if self.epd || !(16..=39).contains(&self.txsz) || !in_range(va, va_bits, top, high) {
            return Err(FaultStatus::Translation(0));
        }
        self.descend(ram, va, va_bits)
    }

    fn descend(&self, ram: &Ram, va: u64, va_bits: u32) -> Result<Leaf, FaultStatus> {
        let stride = self.granule - 3;
        let below = (va_bits - self.granule - 1) / stride; // levels after the first
        let mut level = 3 - below as u8;
        let shift_of = |level: u8| self.granule + stride * u32::from(3 - level);
        let first_bits = va_bits - shift_of(level);
        let mut table = self.ttbr & 0x0000_ffff_ffff_fffe & !((8 << first_bits) - 1);
        if table >> self.pa_bits != 0 {
            return Err(FaultStatus::AddressSize(0));
        }
        let mut index = va >> shift_of(level) & ((1 << first_bits) - 1);
        let mut hierarchy = Hierarchy::default();
        loop {
            let at = PhysAddr(table + 8 * index);
            let host = ram.host(at).ok_or(FaultStatus::ExternalOnWalk(level))?;
            let desc = ram.load(host, AccessSize::Double);
            let shift = shift_of(level);
            match (desc & 3, level) {
                (3, 3) => return self.leaf(va, at, desc, level, shift, hierarchy),
                (1, 1) if self.granule == 12 => return self.leaf(va, at, desc, level, shift, hierarchy),
                (1, 2) => return self.leaf(va, at, desc, level, shift, hierarchy),
                (3, _) => {}
                _ => return Err(FaultStatus::Translation(level)),
            }
            table = desc & ADDRESS & !((1 << self.granule) - 1);
            if table >> self.pa_bits != 0 {
                return Err(FaultStatus::AddressSize(level));
            }
            if !self.hpd {
                hierarchy = hierarchy.and_table(desc);
            }
            level += 1;
            index = va >> shift_of(level) & ((1 << stride) - 1);
        }
    }

    fn leaf(
        &self,
        va: u64,
        at: PhysAddr,
        desc: u64,
        level: u8,
        log2: u32,
        hierarchy: Hierarchy,
    ) -> Result<Leaf, FaultStatus> {
        let base = desc & ADDRESS & !((1 << log2) - 1);
        if base >> self.pa_bits != 0 {
            return Err(FaultStatus::AddressSize(level));
        }
        if desc & AF == 0 && !self.ha {
            return Err(FaultStatus::AccessFlag(level));
        }
        let dirtiable = self.hd && desc & DBM != 0;
        Ok(Leaf {
            pa: base | va & ((1 << log2) - 1),
            log2,
            level,
            global: !self.unprivileged || desc >> 11 & 1 == 0,
            attr: (self.mair >> (8 * (desc >> 2 & 7))) as u8,
            sh: (desc >> 8 & 3) as u8,
            perms: hierarchy.perms(desc, dirtiable, self),
            descriptor: Some((at, desc)),
        })
    }

    /// Stage 1 off: addresses are physical, data is Device-nGnRnE (ARM DDI 0487, `AArch64.S1DisabledOutput`).
    fn flat(&self, va: u64, top: u32) -> Result<Leaf, FaultStatus> {
        let pa = va & (u64::MAX >> (64 - top));
        // TCR_ELx.IPS has no say here.
        if pa >> self.pe_pa_bits != 0 {
            return Err(FaultStatus::AddressSize(0));
        }
        let (perms, descriptor) = (Perms::ALL, None);
        Ok(Leaf { pa, log2: 12, level: 0, global: true, attr: 0, sh: 0b10, perms, descriptor })
    }
}

/// Are bits [top - 1 : va_bits] all zero, or all one in the upper range?
fn in_range(va: u64, va_bits: u32, top: u32, high: bool) -> bool {
    let rest = (if high { !va } else { va }) & (u64::MAX >> (64 - top));
    rest >> va_bits == 0
}
