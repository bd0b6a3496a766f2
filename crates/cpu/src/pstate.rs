//! PSTATE without the condition flags, and its form in SPSR_ELx.

/// Process state (ARM DDI 0487, D1.4 "Process state, PSTATE"). AArch64 only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[repr(C)]
pub struct Pstate {
    /// Exception level, 0 to 3.
    pub el: u8,
    /// SPSel: false selects SP_EL0.
    pub sp_elx: bool,
    /// D, A, I, F in bits 3 to 0; set is masked.
    pub daif: u8,
    /// Privileged Access Never.
    pub pan: bool,
    /// User Access Override.
    pub uao: bool,
    /// Illegal execution state.
    pub il: bool,
    /// Software step.
    pub ss: bool,
    /// Speculative Store Bypass Safe.
    pub ssbs: bool,
    /// Data Independent Timing. No effect: nothing here is slow by the data it works on for a guest to see.
    pub dit: bool,
    /// Branch Type, 0 to 3: what kind of indirect branch came here (FEAT_BTI). During an instruction it is 0; an
    /// engine that executes one holds its type back, see `Vcpu::landed`.
    pub btype: u8,
    /// All IRQs and FIQs are masked (FEAT_NMI), while SCTLR_ELx.NMI says so.
    pub allint: bool,
}

impl Pstate {
    /// The I bit in `daif`.
    pub const I: u8 = 0b0010;
    /// The F bit in `daif`.
    pub const F: u8 = 0b0001;
    /// The A bit in `daif`.
    pub const A: u8 = 0b0100;
    /// The D bit in `daif`.
    pub const D: u8 = 0b1000;

    /// The state at reset into `el`: ELx stack, everything masked.
    pub const fn reset(el: u8) -> Pstate {
        Pstate {
            el,
            sp_elx: true,
            daif: 0xf,
            pan: false,
            uao: false,
            il: false,
            ss: false,
            ssbs: false,
            dit: false,
            btype: 0,
            allint: false,
        }
    }

    /// As SPSR_ELx, with `nzcv` (4 bits) on top.
    #[inline]
    pub const fn to_spsr(self, nzcv: u32) -> u64 {
        (nzcv as u64) << 28
            | (self.dit as u64) << 24
            | (self.uao as u64) << 23
            | (self.pan as u64) << 22
            | (self.ss as u64) << 21
            | (self.il as u64) << 20
            | (self.allint as u64) << 13
            | (self.ssbs as u64) << 12
            | (self.btype as u64) << 10
            | (self.daif as u64) << 6
            | (self.el as u64) << 2
            | self.sp_elx as u64
    }

    /// From SPSR_ELx, and the flags. Whether the mode is legal is the caller's question.
    #[inline]
    pub const fn from_spsr(spsr: u64) -> (Pstate, u32) {
        let pstate = Pstate {
            el: (spsr >> 2 & 3) as u8,
            sp_elx: spsr & 1 != 0,
            daif: (spsr >> 6 & 0xf) as u8,
            pan: spsr >> 22 & 1 != 0,
            uao: spsr >> 23 & 1 != 0,
            il: spsr >> 20 & 1 != 0,
            ss: spsr >> 21 & 1 != 0,
            ssbs: spsr >> 12 & 1 != 0,
            dit: spsr >> 24 & 1 != 0,
            btype: (spsr >> 10 & 3) as u8,
            allint: spsr >> 13 & 1 != 0,
        };
        (pstate, (spsr >> 28) as u32 & 0xf)
    }
}

impl Default for Pstate {
    fn default() -> Self {
        Pstate::reset(1)
    }
}
