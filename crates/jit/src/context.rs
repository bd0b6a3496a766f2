//! What compiled code and the dispatcher share, besides the PE's own registers.

use crate::constants::{COUNT, TABLE};
use crate::float::MXCSR;
use crate::pages::Pages;
use crate::tally::EVENTS;
use a64::Feature;
use cpu::{Regs, Sys, Vcpu};
use hw::Ticks;
use semantics::fops::Fpcr;
use std::mem::offset_of;

/// rbx points here while compiled code runs.
#[repr(C)]
pub(crate) struct Context {
    /// The vCPU's attention word.
    pub attention: usize,
    /// Data entries of the current view, of the range that the code itself is in (r14).
    pub tlb: usize,
    /// Data entries of LDTR and STTR, lower range.
    pub tlb_unprivileged: usize,
    /// Entries of the current jump cache.
    pub jumps: usize,
    /// The condition flags: N, Z in bits 15 and 14, C in bit 8, V in bit 0, as LAHF and SETO leave them in AX.
    pub flags: u16,
    /// r15 when the loop that was entered last was (`again`).
    pub entered: u64,
    /// Guest instructions executed (r15); a helper that does not go on counts its own and those before it.
    pub executed: u64,
    /// The engine, for helpers.
    pub jit: *mut crate::Jit,
    /// The count of invalidations of instructions, and how many of them were acted on.
    pub events: usize,
    pub seen: u64,
    /// What an out-of-line load found.
    pub result: [u64; 2],
    /// With `why::JUMP`: the block to go on with.
    pub target: usize,
    /// With FEAT_BTI: `executed` after the indirect branch that was last found in the jump cache, and its BTYPE.
    pub branched: u64,
    pub branch_type: u8,
    /// What the GIC publishes of this PE: two words, whose low bits are zero while nothing waits.
    pub waiting: usize,
    /// What the machine's clock counts in; scale 0 if that is not the host's ticks.
    pub ticks: Ticks,
    pub float: Float,
    pub pages: Pages,
    /// What code that was compiled to count counted (`tally`).
    pub inline: [u64; EVENTS],
}

/// FPCR and FPSR as compiled code has them: in MXCSR, and here. See `float`.
#[repr(C, align(16))]
pub(crate) struct Float {
    /// MXCSR of compiled code as it begins: FPCR.RMode, no flag.
    pub guest: u32,
    /// MXCSR of Rust.
    pub host: u32,
    /// MXCSR as compiled code left it; its flags are not in FPSR yet.
    pub left: u32,
    /// `left` is to be set: compiled code computed, or rounds unlike Rust.
    pub used: u32,
    /// Not zero: a lane saturated, and FPSR.QC does not say so yet.
    pub saturated: [u64; 2],
    pub constants: [u128; COUNT],
}

impl Float {
    pub const fn new() -> Float {
        Float { guest: MXCSR, host: MXCSR, left: 0, used: 0, saturated: [0; 2], constants: TABLE }
    }
}

/// Field offsets from rbx.
pub(crate) mod at {
    use super::*;
    pub const ATTENTION: i8 = offset_of!(Context, attention) as i8;
    pub const TLB: i8 = offset_of!(Context, tlb) as i8;
    pub const TLB_UNPRIVILEGED: i8 = offset_of!(Context, tlb_unprivileged) as i8;
    pub const JUMPS: i8 = offset_of!(Context, jumps) as i8;
    pub const FLAGS: i8 = offset_of!(Context, flags) as i8;
    pub const ENTERED: i8 = offset_of!(Context, entered) as i8;
    pub const EXECUTED: i8 = offset_of!(Context, executed) as i8;
    pub const EVENTS: i8 = offset_of!(Context, events) as i8;
    pub const SEEN: i8 = offset_of!(Context, seen) as i8;
    pub const RESULT: i8 = offset_of!(Context, result) as i8;
    pub const RESULT_HIGH: i8 = RESULT + 8;
    pub const TARGET: i8 = offset_of!(Context, target) as i8;
    pub const BRANCHED: i8 = offset_of!(Context, branched) as i8;
    pub const BRANCH_TYPE: i8 = offset_of!(Context, branch_type) as i8;
    pub const WAITING: i8 = offset_of!(Context, waiting) as i8;
    pub const TICKS_BASE: i32 = (offset_of!(Context, ticks) + offset_of!(Ticks, base)) as i32;
    pub const TICKS_SCALE: i32 = (offset_of!(Context, ticks) + offset_of!(Ticks, scale)) as i32;
    // The rest is reached by a signed byte.
    const _: () =
        assert!(offset_of!(Context, waiting) < 128 && offset_of!(Context, ticks) > offset_of!(Context, waiting));
    const FLOAT: i32 = offset_of!(Context, float) as i32;
    pub const MXCSR_GUEST: i32 = FLOAT + offset_of!(Float, guest) as i32;
    pub const MXCSR_HOST: i32 = FLOAT + offset_of!(Float, host) as i32;
    pub const MXCSR_LEFT: i32 = FLOAT + offset_of!(Float, left) as i32;
    pub const FLOAT_USED: i32 = FLOAT + offset_of!(Float, used) as i32;
    pub const SATURATED: i32 = FLOAT + offset_of!(Float, saturated) as i32;
    pub const CONSTANTS: i32 = FLOAT + offset_of!(Float, constants) as i32;
    const PAGES: usize = offset_of!(Context, pages);
    pub const PAGE: i32 = (PAGES + Pages::PAGE) as i32;
    pub const PAGE_ADDEND: i32 = (PAGES + Pages::ADDEND) as i32;
    pub const PAGE_BUDGET: i32 = (PAGES + Pages::BUDGET) as i32;

    /// The count of `event`.
    pub const fn inline(event: crate::tally::Event) -> i32 {
        offset_of!(Context, inline) as i32 + 8 * event as i32
    }
}

/// rbp points this far into `Regs`, so that X0 to X30 and SP are within a signed byte of it.
pub(crate) const BIAS: i32 = 128;
const _: () = assert!(offset_of!(Regs, x) == 0 && offset_of!(Regs, sp) == 31 * 8);

/// Xn, or SP for 31, from rbp.
pub(crate) const fn slot(r: u8) -> i8 {
    (8 * (r as i32 & 31) - BIAS) as i8
}

/// Vn from rbp.
pub(crate) const fn vslot(r: u32) -> i32 {
    offset_of!(Regs, v) as i32 + 16 * (r as i32 & 31) - BIAS
}

/// The PC from rbp.
pub(crate) const PC: i32 = offset_of!(Regs, pc) as i32 - BIAS;

/// A place in the PE from rbp.
pub(crate) const fn in_pe(offset: usize) -> i32 {
    offset as i32 - offset_of!(Vcpu, regs) as i32 - BIAS
}

/// A field of `Regs` from rbp.
pub(crate) const fn regs(offset: usize) -> i32 {
    offset as i32 - BIAS
}

/// A system register from rbp.
pub(crate) const fn sys(offset: usize) -> i32 {
    in_pe(offset_of!(Vcpu, sys) + offset)
}

/// The byte that says that a store-release is not yet ordered before a later load-acquire.
pub(crate) const RELEASE_PENDING: i32 = in_pe(offset_of!(Vcpu, mmu) + cpu::mmu::Mmu::RELEASE_PENDING);

/// The byte that is not zero if there is something that DSB waits for besides memory.
pub(crate) const fn sent() -> i32 {
    in_pe(offset_of!(Vcpu, mmu) + cpu::mmu::Mmu::SENT)
}

/// The byte that says that some breakpoint or step is enabled, for whatever Exception level.
pub(crate) const DEBUG_ARMED: i32 = in_pe(offset_of!(Vcpu, debug) + cpu::Debug::ARMED);

/// CNTVOFF_EL2.
pub(crate) const CNTVOFF: i32 = in_pe(offset_of!(Vcpu, timers) + offset_of!(cpu::Timers, offset));

/// The exclusive monitor; no bytes if it is clear.
pub(crate) const MONITOR: i32 = in_pe(offset_of!(Vcpu, monitor));
pub(crate) const MONITOR_BYTES: i32 = MONITOR + offset_of!(cpu::Monitor, bytes) as i32;

/// PSTATE.{D, A, I, F}.
pub(crate) const fn daif() -> i32 {
    in_pe(offset_of!(Vcpu, regs) + offset_of!(Regs, pstate) + offset_of!(cpu::Pstate, daif))
}

/// PSTATE as a whole.
pub(crate) const fn pstate(offset: usize) -> i32 {
    in_pe(offset_of!(Vcpu, regs) + offset_of!(Regs, pstate) + offset)
}

/// TPIDR_ELn.
pub(crate) const fn tpidr(el: usize) -> i32 {
    sys(offset_of!(Sys, tpidr) + 8 * el)
}

/// From PSTATE.{N, Z, C, V} in bits 3 to 0.
#[inline]
pub(crate) const fn pack(nzcv: u32) -> u16 {
    ((nzcv & 0xc) << 12 | (nzcv & 2) << 7 | nzcv & 1) as u16
}

/// To bits 3 to 0.
#[inline]
pub(crate) const fn unpack(flags: u16) -> u32 {
    let flags = flags as u32;
    flags >> 12 & 0xc | flags >> 7 & 2 | flags & 1
}

/// What blocks are compiled for, besides their address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Static(pub u16);

impl Static {
    const FP: u16 = 1 << 2;
    const UPPER: u16 = 1 << 3;
    const LENIENT: u16 = 1 << 4;
    const SP_CHECK: u16 = 1 << 5;
    const SP_ELX: u16 = 1 << 6;
    const TRUSTED: u16 = 1 << 7;
    const WHOLE: u16 = 1 << 8;
    const PLAIN_FLOAT: u16 = 1 << 9;

    #[inline]
    pub fn of(cpu: &Vcpu, pc: u64) -> Static {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        Static(
            u16::from(cpu.regs.pstate.el & 3)
                | bit(cpu.fp_is_open(), Self::FP)
                | bit(pc >> 55 & 1 != 0, Self::UPPER)
                | bit(cpu.mmu.is_lenient(), Self::LENIENT)
                | bit(cpu.sp_alignment_checked(), Self::SP_CHECK)
                | bit(cpu.regs.pstate.sp_elx, Self::SP_ELX)
                | bit(cpu.instruction_cache_on(), Self::TRUSTED)
                | bit(cpu.model.has(Feature::LSE2), Self::WHOLE)
                | bit(cpu.regs.fpcr & (Fpcr::FZ | Fpcr::DN | Fpcr::AHP) == 0, Self::PLAIN_FLOAT),
        )
    }
    /// As a kernel has it that runs at `pc`.
    pub fn of_kernel(pc: u64) -> Static {
        const FLOAT: u16 = Static::FP | Static::PLAIN_FLOAT;
        let always = 1 | FLOAT | Self::LENIENT | Self::SP_CHECK | Self::SP_ELX | Self::TRUSTED;
        Static(always | if pc >> 55 & 1 != 0 { Self::UPPER } else { 0 })
    }
    /// Its Exception level.
    pub fn level(self) -> u16 {
        self.0 & 3
    }
    /// The Exception level.
    pub fn el(self) -> u8 {
        self.0 as u8 & 3
    }
    /// Exception level 1.
    pub fn is_el1(self) -> bool {
        self.0 & 3 == 1
    }
    /// SP is that of the Exception level.
    pub fn sp_elx(self) -> bool {
        self.0 & Self::SP_ELX != 0
    }
    /// Instructions change only by invalidation.
    pub fn trusted(self) -> bool {
        self.0 & Self::TRUSTED != 0
    }
    /// SIMD&FP instructions do not trap.
    pub fn fp(self) -> bool {
        self.0 & Self::FP != 0
    }
    /// FPCR asks for nothing but a rounding mode, so the host's arithmetic serves.
    pub fn plain_float(self) -> bool {
        self.0 & Self::PLAIN_FLOAT != 0
    }
    /// Instructions are fetched from the upper range.
    #[inline]
    pub fn upper(self) -> bool {
        self.0 & Self::UPPER != 0
    }
    /// Unaligned accesses are allowed wherever the fast path of an access leads.
    pub fn lenient(self) -> bool {
        self.0 & Self::LENIENT != 0
    }
    /// 16 aligned bytes are accessed at once (FEAT_LSE2).
    pub fn whole(self) -> bool {
        self.0 & Self::WHOLE != 0
    }
    /// SP as a base must be aligned.
    pub fn sp_check(self) -> bool {
        self.0 & Self::SP_CHECK != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back() {
        (0..16).for_each(|nzcv| assert_eq!(unpack(pack(nzcv)), nzcv));
        assert_eq!(pack(0b1111), 0xc101);
    }
}
