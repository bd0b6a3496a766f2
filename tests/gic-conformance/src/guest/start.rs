//! From the first instruction to the first case; exceptions; the second PE; what is printed of a case.

use super::asm::{shared::*, *};
use super::print::Print;
use crate::board::*;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

/// PE 0, from reset.
pub fn leader(a: &mut Asm, labels: &Labels) {
    dynasm!(a ; .arch aarch64 ; movz x19, 0);
    environment(a, labels);
    fill(a, SHARED, 0, 64);
}

/// The registers that stay, the stack, the vectors; everything masked. x19 is set.
pub fn environment(a: &mut Asm, labels: &Labels) {
    load(a, 0, STACKS);
    dynasm!(a
        ; .arch aarch64
        ; msr daifset, 15
        ; add x0, x0, x19, lsl 16
        ; add x0, x0, 16, lsl 12
        ; mov sp, x0
        ; adr x0, =>labels.vectors
        ; msr VBAR_EL1, x0
        ; isb
        ; mrs x18, CNTFRQ_EL0
        ; movz x0, 10
        ; udiv x18, x18, x0
        ; movz x24, 0
        ; movz x25, 0
    );
    load(a, 20, SHARED);
}

/// Switches PE 1 on, if there is one, and waits for it.
pub fn start_other(a: &mut Asm, labels: &Labels) {
    let none = a.new_dynamic_label();
    load(a, 1, GICR + 8);
    dynasm!(a ; .arch aarch64 ; ldr w0, [x1] ; tbnz w0, 4, =>none); // GICR_TYPER.Last
    load(a, 1, GICR + GICR_STRIDE + 12);
    dynasm!(a
        ; .arch aarch64
        ; ldr w1, [x1] // its affinity
        ; and x1, x1, 0xffffff
        ; adr x2, =>labels.secondary
        ; movz x3, 1
    );
    load(a, 0, PSCI_CPU_ON);
    dynasm!(a ; .arch aarch64 ; hvc 0 ; cbnz x0, =>none);
    deadline(a);
    dynasm!(a
        ; .arch aarch64
        ; add x3, x3, x18, lsl 5
        ; not_yet:
        ; ldr x0, [x20, UP]
        ; cbnz x0, =>none
        ; yield
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo <not_yet
        ; =>none
    );
}

/// The end.
pub fn power_off(a: &mut Asm) {
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0 ; forever: ; wfi ; b <forever);
}

/// What the program has at any level.
pub fn routines(a: &mut Asm, print: &Print, labels: &Labels) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.fail
        ; movz x9, verdict::FAIL
        ; br x28
        ; =>labels.skip
        ; movz x9, verdict::SKIP
        ; br x28
    );
    second(a, labels);
    other(a, labels);
    report(a, print, labels);
    vectors(a, labels);
}

/// PE 1: runs what it is given.
fn second(a: &mut Asm, labels: &Labels) {
    let done = a.new_dynamic_label();
    dynasm!(a ; .arch aarch64 ; =>labels.secondary ; movz x19, 1);
    environment(a, labels);
    dynasm!(a
        ; .arch aarch64
        ; adr x28, =>done
        ; movz x0, 1
        ; str x0, [x20, UP]
        ; dsb sy
        ; sev
        ; idle:
        ; ldr x0, [x20, WORK]
        ; cbnz x0, >go
        ; wfe
        ; b <idle
        ; go:
        ; br x0
        ; =>done
        ; movz x24, 0
        ; stp x0, x1, [x20, VALUES as i32]
        ; str x9, [x20, VERDICT]
        ; dsb sy
        ; str xzr, [x20, WORK]
        ; dsb sy
        ; sev
        ; b <idle
    );
}

/// PE 0 has PE 1 do something, and takes over its verdict unless that is to go on.
fn other(a: &mut Asm, labels: &Labels) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.other
        ; ldr x1, [x20, UP]
        ; cbz x1, =>labels.skip
        ; str x0, [x20, WORK]
        ; dsb sy
        ; sev
    );
    deadline(a);
    dynasm!(a
        ; .arch aarch64
        ; add x3, x3, x18, lsl 5 // far longer than a step of PE 1 waits
        ; not_yet:
        ; ldr x0, [x20, WORK]
        ; cbz x0, >through
        ; yield
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo <not_yet
        ; str xzr, [x20, UP]
        ; movz x9, verdict::SILENT
        ; br x28
        ; through:
        ; dsb sy
        ; ldr x9, [x20, VERDICT]
        ; cbz x9, >passed
        ; ldp x0, x1, [x20, VALUES as i32]
        ; br x28
        ; passed:
        ; ret
    );
}

/// Prints a case's verdict, and makes the next one possible.
fn report(a: &mut Asm, print: &Print, labels: &Labels) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.report
        ; msr daifset, 15
        ; mov x26, x30
        ; movz x24, 0
        ; mov x10, x0
        ; mov x11, x1
        ; cbnz x9, >not_passed
    );
    print.text(a, "pass");
    dynasm!(a ; .arch aarch64 ; b >newline ; not_passed: ; cmp x9, verdict::SKIP ; b.ne >failed);
    print.text(a, "skip step ");
    print.hex(a, 27);
    dynasm!(a ; .arch aarch64 ; b >newline ; failed:);
    print.text(a, "fail step ");
    print.hex(a, 27);
    dynasm!(a ; .arch aarch64 ; cmp x9, verdict::EXCEPTION ; b.eq >exception ; cmp x9, verdict::SILENT ; b.eq >silent);
    print.text(a, " got ");
    print.hex(a, 10);
    print.text(a, " expected ");
    print.hex(a, 11);
    dynasm!(a ; .arch aarch64 ; b >newline ; exception:);
    print.text(a, " exception ");
    print.hex(a, 10);
    print.text(a, " at ");
    print.hex(a, 11);
    dynasm!(a ; .arch aarch64 ; b >newline ; silent:);
    print.text(a, " silent");
    dynasm!(a ; .arch aarch64 ; newline:);
    print.text(a, "\n");
    dynasm!(a ; .arch aarch64 ; br x26);
}

/// The current EL with SP_ELx: synchronous, IRQ, FIQ. An interrupt is acknowledged, and not ended: that is the
/// case's to do. It returns with interrupts masked.
fn vectors(a: &mut Asm, labels: &Labels) {
    let [sync, irq, fiq] = std::array::from_fn(|_| a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; .align 2048 ; =>labels.vectors);
    for entry in 0..16 {
        let to = [sync, irq, fiq, sync][entry % 4];
        dynasm!(a ; .arch aarch64 ; b =>to ; .align 128);
    }
    let iar = |name| crate::registers::system(name).expect("in the table");
    for (label, kind, iar) in [(irq, 1, iar("IAR1")), (fiq, 2, iar("IAR0"))] {
        dynasm!(a
            ; .arch aarch64
            ; =>label
            ; mrs x22, iar
            ; movz x23, kind
            ; mrs x21, SPSR_EL1
            ; orr x21, x21, 0xc0
            ; msr SPSR_EL1, x21
            ; eret
        );
    }
    dynasm!(a
        ; .arch aarch64
        ; =>sync
        ; cbz x24, >unexpected
        ; mrs x25, ESR_EL1
        ; mrs x21, ELR_EL1
        ; add x21, x21, 4
        ; msr ELR_EL1, x21
        ; eret
        ; unexpected:
        ; mrs x0, ESR_EL1
        ; mrs x1, ELR_EL1
        ; movz x9, verdict::EXCEPTION
        ; msr ELR_EL1, x28
        ; eret
    );
}
