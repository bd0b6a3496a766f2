//! The program for two security states: it runs at EL3, and has EL1 of either state do what a statement asks.

use super::asm::{shared::*, *};
use crate::registers::system;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

/// SCR_EL3: EL1 is AArch64 and Secure, nothing is taken to EL3. Bits 4 and 5 are RES1.
pub const SCR: u64 = 1 << 10 | 0x30;
/// SPSR_EL3 for EL1 with its own stack pointer, everything masked.
const EL1: u32 = 0x3c5;
/// SCTLR_EL1 with the MMU off: its RES1 bits.
const MMU_OFF: u64 = 0x30d0_0800;
/// ESR.EC of SMC.
const SMC: u32 = 0x17;

/// From reset at EL3: what `start::leader` leaves to be done.
pub fn leader(a: &mut Asm) {
    load(a, 0, SCR);
    dynasm!(a ; .arch aarch64 ; msr SCR_EL3, x0 ; adr x0, >table ; msr VBAR_EL3, x0);
    load(a, 0, MMU_OFF);
    dynasm!(a ; .arch aarch64 ; msr SCTLR_EL1, x0 ; isb ; b >over);
    vectors(a);
    dynasm!(a ; .arch aarch64 ; over:);
}

/// EL3 has no power to switch off, and waits to be ended.
pub fn end(a: &mut Asm) {
    dynasm!(a ; .arch aarch64 ; forever: ; wfe ; b <forever);
}

/// To EL1, which comes back by SMC.
pub fn lower(a: &mut Asm, labels: &Labels) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.lower
        ; stp x30, x28, [x20, RETURN as i32]
        ; mrs x2, SCR_EL3
        ; bfi x2, x1, 0, 1
        ; msr SCR_EL3, x2
        ; movz x2, EL1
        ; msr SPSR_EL3, x2
        ; msr ELR_EL3, x0
        ; adr x28, >leave
        ; eret
        ; leave:
        ; smc 0
    );
}

/// EL3's: what comes up from EL1, and exceptions of its own, where it takes no interrupt. An interrupt ends the
/// statement that EL1 was at: EL3 masks nothing of EL1's by PSTATE, so who does not acknowledge would take it for ever.
fn vectors(a: &mut Asm) {
    let [here, below, irq, fiq, back]: [DynamicLabel; 5] = std::array::from_fn(|_| a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; .align 2048 ; table:);
    for entry in 0..16 {
        let sync = if entry < 8 { here } else { below };
        let to = [sync, irq, fiq, sync][entry % 4];
        dynasm!(a ; .arch aarch64 ; b =>to ; .align 128);
    }
    let iar = |name| system(name).expect("in the table");
    for (label, kind, iar) in [(irq, 0x31, iar("IAR1")), (fiq, 0x32, iar("IAR0"))] {
        dynasm!(a
            ; .arch aarch64
            ; =>label
            ; mrs x22, iar
            ; movz x23, kind
            ; movz x9, verdict::PASS
            ; b =>back
        );
    }
    dynasm!(a
        ; .arch aarch64
        ; =>below
        ; mrs x21, ESR_EL3
        ; lsr x21, x21, 26
        ; cmp x21, SMC
        ; b.eq =>back
        ; cbnz x24, >expected
        ; mrs x0, ESR_EL3
        ; mrs x1, ELR_EL3
        ; movz x9, verdict::EXCEPTION
        ; =>back
        ; mrs x21, SCR_EL3
        ; and x21, x21, 0xfffffffffffffffe
        ; msr SCR_EL3, x21
        ; isb
        ; ldp x30, x28, [x20, RETURN as i32]
        ; cbnz x9, >ends
        ; ret
        ; ends:
        ; br x28

        ; =>here
        ; cbz x24, >unexpected
        ; expected:
        ; mrs x25, ESR_EL3
        ; mrs x21, ELR_EL3
        ; add x21, x21, 4
        ; msr ELR_EL3, x21
        ; eret
        ; unexpected:
        ; mrs x0, ESR_EL3
        ; mrs x1, ELR_EL3
        ; movz x9, verdict::EXCEPTION
        ; msr ELR_EL3, x28
        ; eret
    );
}

/// The CPU interface of both states as every case finds it, but for what `gic` does at any level. Uses x0.
pub fn interface(a: &mut Asm) {
    let mut write = |name: &str, value: u64| {
        let operand = system(name).expect("in the table");
        load(a, 0, value);
        dynasm!(a ; .arch aarch64 ; msr operand, x0 ; isb);
    };
    write("SRE_EL3", 0xf);
    write("CTLR_EL3", 0);
    write("SCR", SCR | 1);
    // Where there is EL2, it lets EL1 have the GIC and be AArch64.
    let pfr = system("ID_AA64PFR0").expect("in the table");
    let none = a.new_dynamic_label();
    dynasm!(a ; .arch aarch64 ; mrs x0, pfr ; tst x0, 0xf00 ; b.eq =>none);
    let mut write = |name: &str, value: u64| {
        let operand = system(name).expect("in the table");
        load(a, 0, value);
        dynasm!(a ; .arch aarch64 ; msr operand, x0 ; isb);
    };
    for (name, value) in [("SRE_EL2", 0xf), ("HCR", 1 << 31), ("ICH_HCR", 0), ("ICH_LR0", 0)] {
        write(name, value);
    }
    dynasm!(a ; .arch aarch64 ; =>none);
    let mut write = |name: &str, value: u64| {
        let operand = system(name).expect("in the table");
        load(a, 0, value);
        dynasm!(a ; .arch aarch64 ; msr operand, x0 ; isb);
    };
    for (name, value) in [("SRE", 7), ("IGRPEN1", 0), ("AP1R0", 0), ("CTLR", 0), ("BPR1", 0), ("IGRPEN1", 1)] {
        write(name, value);
    }
    write("SCR", SCR);
}
