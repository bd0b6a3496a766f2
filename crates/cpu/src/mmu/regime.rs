//! Translation regimes, and what the control registers say about one stage 1 walk.
//!
//! `Stage1` is read from the registers whenever a walk starts, so that it is not state. The field positions
//! differ between TCR_EL1 and TCR_EL2/EL3, and this is the only file that knows.

use crate::sysreg::bits::{sctlr, tcr};
use crate::{Model, Pstate, Sys};
use a64::Feature;

/// Which registers control a translation (ARM DDI 0487, "Translation regimes").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Regime {
    /// EL1&0, with two address ranges and ASIDs. Stage 2 would follow it, and is not implemented.
    El10,
    /// EL2 without FEAT_VHE.
    El2,
    /// EL3.
    El3,
}

impl Regime {
    /// The regime of instructions executed in state `pstate`.
    #[inline(always)]
    pub fn current(pstate: &Pstate) -> Regime {
        match pstate.el {
            0 | 1 => Regime::El10,
            2 => Regime::El2,
            _ => Regime::El3,
        }
    }

    /// Index of its registers in `Sys`.
    #[inline(always)]
    pub const fn bank(self) -> usize {
        match self {
            Regime::El10 => 1,
            Regime::El2 => 2,
            Regime::El3 => 3,
        }
    }
}

/// Stage 1 translation of one address range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stage1 {
    /// SCTLR_ELx.M.
    pub on: bool,
    /// SCTLR_ELx.WXN.
    pub wxn: bool,
    /// Does the regime have an unprivileged level, and so AP\[1\], UXN, PXN and nG?
    pub unprivileged: bool,
    /// TTBRx_ELx.
    pub ttbr: u64,
    /// log2 of the granule: 12, 14 or 16.
    pub granule: u32,
    /// TxSZ.
    pub txsz: u32,
    /// EPDx: walks are forbidden.
    pub epd: bool,
    /// TBIx: bits [63:56] of an address are not looked at.
    pub tbi: bool,
    /// TBIDx: but in instruction addresses they are.
    pub tbid: bool,
    /// E0PDx: EL0 finds nothing here.
    pub e0pd: bool,
    /// HPDx: tables do not restrict permissions.
    pub hpd: bool,
    /// HA: hardware sets the Access flag.
    pub ha: bool,
    /// HD (with HA): hardware marks pages dirty.
    pub hd: bool,
    /// Bits of an output address: IPS, and what the PE has.
    pub pa_bits: u32,
    /// Bits of a physical address of this PE.
    pub pe_pa_bits: u32,
    /// MAIR_ELx.
    pub mair: u64,
}

const fn bit(v: u64, n: u32) -> bool {
    v >> n & 1 != 0
}

/// Bits of physical address for TCR_EL1.IPS and its kin. Reserved values act as the largest.
const fn ips(field: u64) -> u32 {
    match field & 7 {
        0 => 32,
        1 => 36,
        2 => 40,
        3 => 42,
        4 => 44,
        _ => 48,
    }
}

/// TG0, and TG of EL2 and EL3. A reserved or unimplemented size acts as 4 KiB.
const fn tg0(field: u64, has_16k: bool) -> u32 {
    match field & 3 {
        1 => 16,
        2 if has_16k => 14,
        _ => 12,
    }
}

/// TG1 numbers the same sizes differently.
const fn tg1(field: u64, has_16k: bool) -> u32 {
    match field & 3 {
        3 => 16,
        1 if has_16k => 14,
        _ => 12,
    }
}

/// Which of a regime's two address ranges `va` lies in; bit 55, so that a tag does not matter.
#[inline(always)]
pub const fn half(va: u64) -> usize {
    (va >> 55 & 1) as usize
}

impl Stage1 {
    /// What the registers of `regime` say about `va`.
    pub fn of(regime: Regime, sys: &Sys, model: &Model, va: u64) -> Stage1 {
        let bank = regime.bank();
        let (tcr, control) = (sys.tcr[bank], sys.sctlr[bank]);
        let (has_16k, hafdbs, hpds) = (model.granule_16k(), model.hafdbs(), model.hpds());
        let common = Stage1 {
            on: control & sctlr::M != 0 && !(regime == Regime::El10 && sys.tge()),
            wxn: control & sctlr::WXN != 0,
            unprivileged: false,
            ttbr: sys.ttbr0[bank],
            granule: tg0(tcr >> 14, has_16k),
            txsz: (tcr & 0x3f) as u32,
            epd: false,
            tbi: bit(tcr, 20),
            tbid: bit(tcr, 29) && model.has(Feature::PAuth),
            e0pd: false,
            hpd: bit(tcr, 24) && hpds,
            ha: bit(tcr, 21) && hafdbs >= 1,
            hd: bit(tcr, 21) && bit(tcr, 22) && hafdbs >= 2,
            pa_bits: ips(tcr >> 16).min(model.pa_bits()),
            pe_pa_bits: model.pa_bits(),
            mair: sys.mair[bank],
        };
        if regime != Regime::El10 {
            return common;
        }
        let el1 = Stage1 {
            unprivileged: true,
            ha: bit(tcr, 39) && hafdbs >= 1,
            hd: bit(tcr, 39) && bit(tcr, 40) && hafdbs >= 2,
            pa_bits: ips(tcr >> 32).min(model.pa_bits()),
            ..common
        };
        match half(va) {
            0 => Stage1 {
                epd: bit(tcr, 7),
                tbi: bit(tcr, 37),
                tbid: tcr & tcr::TBID0 != 0,
                e0pd: tcr & tcr::E0PD0 != 0,
                hpd: bit(tcr, 41) && hpds,
                ..el1
            },
            _ => Stage1 {
                ttbr: sys.ttbr1[bank],
                granule: tg1(tcr >> 30, has_16k),
                txsz: (tcr >> 16 & 0x3f) as u32,
                epd: bit(tcr, 23),
                tbi: bit(tcr, 38),
                tbid: tcr & tcr::TBID1 != 0,
                e0pd: tcr & tcr::E0PD1 != 0,
                hpd: bit(tcr, 42) && hpds,
                ..el1
            },
        }
    }

    /// The same for instruction addresses: TBIDx.
    pub const fn of_instructions(self) -> Stage1 {
        Stage1 { tbi: self.tbi && !self.tbid, ..self }
    }

    /// The ASID that TCR_EL1.A1 selects; 8 bits of it unless TCR_EL1.AS.
    #[inline(always)]
    pub const fn asid(sys: &Sys) -> u16 {
        let tcr = sys.tcr[1];
        let ttbr = if bit(tcr, 22) { sys.ttbr1[1] } else { sys.ttbr0[1] };
        (ttbr >> 48) as u16 & Self::asid_mask(sys)
    }

    /// The bits of an ASID that exist.
    #[inline(always)]
    pub const fn asid_mask(sys: &Sys) -> u16 {
        if bit(sys.tcr[1], 36) { 0xffff } else { 0xff }
    }
}
