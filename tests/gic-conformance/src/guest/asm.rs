//! The assembler, system register operands, and what every part of the program shares.

use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

pub type Asm = VecAssembler<Aarch64Relocation>;

/// The operand of MRS and MSR: op0 without its top bit, op1, CRn, CRm, op2.
const fn sysreg(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

pub const VBAR_EL1: u32 = sysreg(3, 0, 12, 0, 0);
pub const ESR_EL1: u32 = sysreg(3, 0, 5, 2, 0);
pub const ELR_EL1: u32 = sysreg(3, 0, 4, 0, 1);
pub const SPSR_EL1: u32 = sysreg(3, 0, 4, 0, 0);
pub const SCTLR_EL1: u32 = sysreg(3, 0, 1, 0, 0);
pub const SCR_EL3: u32 = sysreg(3, 6, 1, 1, 0);
pub const VBAR_EL3: u32 = sysreg(3, 6, 12, 0, 0);
pub const ESR_EL3: u32 = sysreg(3, 6, 5, 2, 0);
pub const ELR_EL3: u32 = sysreg(3, 6, 4, 0, 1);
pub const SPSR_EL3: u32 = sysreg(3, 6, 4, 0, 0);
pub const ISR_EL1: u32 = sysreg(3, 0, 12, 1, 0);
pub const CNTVCT_EL0: u32 = sysreg(3, 3, 14, 0, 2);
pub const CNTFRQ_EL0: u32 = sysreg(3, 3, 14, 0, 0);
pub const CNTV_TVAL_EL0: u32 = sysreg(3, 3, 14, 3, 0);
pub const CNTV_CTL_EL0: u32 = sysreg(3, 3, 14, 3, 1);

/// PSCI functions (DEN 0022).
pub const PSCI_CPU_ON: u64 = 0xc400_0003;
pub const PSCI_SYSTEM_OFF: u64 = 0x8400_0008;

/// How a case ended, in x9. x0 and x1 say more.
pub mod verdict {
    pub const PASS: u32 = 0;
    /// x0 was read, x1 was expected.
    pub const FAIL: u32 = 1;
    pub const SKIP: u32 = 2;
    /// ESR_EL1 and ELR_EL1.
    pub const EXCEPTION: u32 = 3;
    /// The other PE does not answer.
    pub const SILENT: u32 = 4;
}

/// Words between PEs, from `SHARED`.
pub mod shared {
    /// What PE 1 shall run; it clears it when it is through.
    pub const WORK: u32 = 0;
    /// Its verdict, x0 and x1.
    pub const VERDICT: u32 = 8;
    pub const VALUES: u32 = 16;
    /// PE 1 is up.
    pub const UP: u32 = 64;
    /// Commands fail without a verdict.
    pub const LENIENT: u32 = 72;
    /// Where EL3 goes on after EL1, then where the case ends.
    pub const RETURN: u32 = 80;
}

/// Subroutines and ends.
pub struct Labels {
    /// x9 = FAIL, SKIP, and so on; then to the case's end.
    pub fail: DynamicLabel,
    pub skip: DynamicLabel,
    /// PE 1 runs what x0 points at; returns if it passed.
    pub other: DynamicLabel,
    /// EL1 runs what x0 points at, Non-secure if x1 is 1; returns if it passed.
    pub lower: DynamicLabel,
    /// The PE's own part of the GIC as every case finds it.
    pub interface: DynamicLabel,
    /// The whole GIC as every case finds it.
    pub reset: DynamicLabel,
    pub lpis: DynamicLabel,
    pub its: DynamicLabel,
    /// The ITS executes x0 to x3.
    pub command: DynamicLabel,
    pub rwp: DynamicLabel,
    pub vectors: DynamicLabel,
    /// Prints what x9 says.
    pub report: DynamicLabel,
    pub secondary: DynamicLabel,
}

impl Labels {
    pub fn new(a: &mut Asm) -> Labels {
        let mut new = || a.new_dynamic_label();
        Labels {
            fail: new(),
            skip: new(),
            other: new(),
            lower: new(),
            interface: new(),
            reset: new(),
            lpis: new(),
            its: new(),
            command: new(),
            rwp: new(),
            vectors: new(),
            report: new(),
            secondary: new(),
        }
    }
}

/// Xr = value, in as few moves as it takes.
pub fn load(asm: &mut Asm, r: u8, value: u64) {
    let part = |n: u32| (value >> (16 * n)) as u32 & 0xffff;
    dynasm!(asm ; .arch aarch64 ; movz X(r), part(0));
    if part(1) != 0 {
        dynasm!(asm ; .arch aarch64 ; movk X(r), part(1), lsl 16);
    }
    if part(2) != 0 {
        dynasm!(asm ; .arch aarch64 ; movk X(r), part(2), lsl 32);
    }
    if part(3) != 0 {
        dynasm!(asm ; .arch aarch64 ; movk X(r), part(3), lsl 48);
    }
}

/// `bytes` at [x1] = Xr. Leaves x1.
pub fn store(a: &mut Asm, r: u8, bytes: u8) {
    match bytes {
        1 => dynasm!(a ; .arch aarch64 ; strb W(r), [x1]),
        2 => dynasm!(a ; .arch aarch64 ; strh W(r), [x1]),
        4 => dynasm!(a ; .arch aarch64 ; str W(r), [x1]),
        _ => dynasm!(a ; .arch aarch64 ; str X(r), [x1]),
    }
}

/// x0 = `bytes` at [x1].
pub fn fetch(a: &mut Asm, bytes: u8) {
    match bytes {
        1 => dynasm!(a ; .arch aarch64 ; ldrb w0, [x1]),
        2 => dynasm!(a ; .arch aarch64 ; ldrh w0, [x1]),
        4 => dynasm!(a ; .arch aarch64 ; ldr w0, [x1]),
        _ => dynasm!(a ; .arch aarch64 ; ldr x0, [x1]),
    }
}

/// 32 bits to a constant address. Uses x0 and x1.
pub fn poke(a: &mut Asm, address: u64, value: u64) {
    load(a, 1, address);
    load(a, 0, value);
    store(a, 0, if value >> 32 == 0 { 4 } else { 8 });
}

/// 64 bits to a constant address. Uses x0 and x1.
pub fn poke64(a: &mut Asm, address: u64, value: u64) {
    load(a, 1, address);
    load(a, 0, value);
    store(a, 0, 8);
}

/// Fills memory with a 32-bit value, `count` times, `step` bytes apart. Uses x0 to x2.
pub fn fill(a: &mut Asm, address: u64, value: u64, count: u64) {
    load(a, 1, address);
    load(a, 0, value);
    load(a, 2, count);
    dynasm!(a
        ; .arch aarch64
        ; next:
        ; str w0, [x1], 4
        ; subs x2, x2, 1
        ; b.ne <next
    );
}

/// x3 = when 1.6 seconds will be over, long enough for a thread of the emulator on a busy host; x18 is a tenth of a
/// second in ticks.
pub fn deadline(a: &mut Asm) {
    dynasm!(a ; .arch aarch64 ; mrs x3, CNTVCT_EL0 ; add x3, x3, x18, lsl 4);
}
