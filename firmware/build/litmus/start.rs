//! From power-on to the first test: CPUs up to four, each with the MMU and caches on and its GIC ready.

use super::*;
use crate::gic::{self, GICR, GICR_STRIDE};

/// One translation table: level 1, a GiB each entry.
const TABLE: u64 = 0x4120_0000;
/// A page for each CPU from here.
const STACKS: u64 = 0x4130_0000;

/// CPU 0: prepares what is shared, starts the others, and waits for them. They continue at `worker`.
pub fn leader(a: &mut Asm, print: &Print, labels: &Labels) {
    let (setup, secondary, over) = (a.new_dynamic_label(), a.new_dynamic_label(), a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; movz x19, 0);
    load(a, 20, SHARED);
    gic::distributor(a);
    table(a);
    count_cpus(a);
    dynasm!(a ; .arch aarch64 ; bl =>setup);
    print.text(a, "litmus: CPUs=");
    dynasm!(a ; .arch aarch64 ; ldr x23, [x20, CPUS]);
    print.decimal(a, 23);
    print.text(a, " iterations=");
    load(a, 0, LOAD);
    dynasm!(a
        ; .arch aarch64
        ; ldr x24, [x0, 8]
        ; add x24, x24, BATCH as u32 - 1
        ; lsr x24, x24, BATCH.ilog2()
        ; str x24, [x20, BATCHES]
        ; lsl x24, x24, BATCH.ilog2()
    );
    print.decimal(a, 24);
    print.text(a, "\n");
    dynasm!(a
        ; .arch aarch64
        ; movz x22, 0 // no batch yet
        ; add x0, x20, GO
        ; str xzr, [x0]
        ; movz x24, 1
        ; start:
        ; cmp x24, x23
        ; b.hs >started
    );
    load(a, 0, PSCI_CPU_ON);
    dynasm!(a
        ; .arch aarch64
        ; mov x1, x24 // affinity 0.0.0.n
        ; adr x2, =>secondary
        ; mov x3, x24
        ; dsb ish
        ; hvc 0
        ; add x24, x24, 1
        ; b <start
        ; started:
        ; add x1, x20, UP
        ; sub x2, x23, 1
        ; coming:
        ; ldar x0, [x1]
        ; cmp x0, x2
        ; b.eq =>over
        ; yield
        ; b <coming
        // A CPU that PSCI switched on: X0 is its index.
        ; =>secondary
        ; mov x19, x0
    );
    load(a, 20, SHARED);
    dynasm!(a
        ; .arch aarch64
        ; bl =>setup
        ; movz x0, 1
        ; add x1, x20, UP
        ; ldaddal x0, x0, [x1]
        ; b =>labels.worker
    );
    this_cpu(a, setup, labels.vectors);
    dynasm!(a ; .arch aarch64 ; =>over);
}

/// The table: Device memory below RAM, Normal write-back inner-shareable memory for its first GiB. Zeroes what
/// need not be zero at power-on.
fn table(a: &mut Asm) {
    const BLOCK: u64 = 1;
    const AF: u64 = 1 << 10;
    const XN: u64 = 3 << 53;
    const INNER_SHAREABLE: u64 = 3 << 8;
    load(a, 0, TABLE);
    load(a, 1, XN | AF | 1 << 2 | BLOCK); // MAIR attribute 1
    load(a, 2, 0x4000_0000 | AF | INNER_SHAREABLE | BLOCK); // MAIR attribute 0
    dynasm!(a
        ; .arch aarch64
        ; stp x1, x2, [x0], 16
        ; movz x1, 510 // the other entries
        ; rest:
        ; str xzr, [x0], 8
        ; subs x1, x1, 1
        ; b.ne <rest
        ; add x0, x20, UP
        ; str xzr, [x0]
        ; dsb ish
    );
}

/// `CPUS` = the number of redistributors, at most `MAX_CPUS`.
fn count_cpus(a: &mut Asm) {
    load(a, 0, GICR);
    load(a, 1, GICR_STRIDE);
    dynasm!(a
        ; .arch aarch64
        ; movz x23, 0
        ; more:
        ; ldr x2, [x0, 8] // GICR_TYPER
        ; add x23, x23, 1
        ; add x0, x0, x1
        ; cmp x23, MAX_CPUS
        ; b.hs >all
        ; tbz x2, 4, <more // until Last
        ; all:
        ; str x23, [x20, CPUS]
    );
}

/// Subroutine: stack, vectors, MMU, GIC and random numbers of the CPU whose index is in x19. Interrupts stay masked.
fn this_cpu(a: &mut Asm, label: DynamicLabel, vectors: DynamicLabel) {
    dynasm!(a ; .arch aarch64 ; =>label ; adr x0, =>vectors ; msr VBAR_EL1, x0);
    load(a, 0, STACKS);
    dynasm!(a ; .arch aarch64 ; add x1, x19, 1 ; add x0, x0, x1, lsl 12 ; mov sp, x0);
    load(a, 0, TABLE);
    load(a, 1, 0xff); // attribute 0 Normal write-back, 1 Device-nGnRnE
    // T0SZ 25 (39 bits: walks start at level 1), write-back inner-shareable walks, no TTBR1, 40-bit PA.
    load(a, 2, 2 << 32 | 1 << 23 | 3 << 12 | 1 << 10 | 1 << 8 | 25);
    load(a, 4, 1 << 12 | 1 << 2 | 1); // I, C, M
    dynasm!(a
        ; .arch aarch64
        ; msr TTBR0_EL1, x0
        ; msr MAIR_EL1, x1
        ; msr TCR_EL1, x2
        ; tlbi vmalle1
        ; dsb ish
        ; isb
        ; mrs x3, SCTLR_EL1
        ; orr x3, x3, x4
        ; msr SCTLR_EL1, x3
        ; isb
        ; mrs x24, CNTVCT_EL0
        ; add x24, x24, x19, lsl 40
    );
    gic::this_cpu(a);
    dynasm!(a ; .arch aarch64 ; ret);
}

/// Sixteen entries of 128 bytes; all but "IRQ, current EL, SPx" report and power off.
pub fn vectors(a: &mut Asm, print: &Print, label: DynamicLabel) {
    let (irq, unexpected) = (a.new_dynamic_label(), a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; .align 2048 ; =>label);
    for entry in 0..16 {
        let to = if entry == 5 { irq } else { unexpected };
        dynasm!(a ; .arch aarch64 ; b =>to ; .align 128);
    }
    dynasm!(a ; .arch aarch64 ; =>irq);
    body::handler(a);
    dynasm!(a ; .arch aarch64 ; =>unexpected ; mrs x24, ESR_EL1 ; mrs x25, ELR_EL1 ; mrs x26, FAR_EL1);
    for (name, register) in [("\nunexpected exception: ESR_EL1 ", 24), (", ELR_EL1 ", 25), (", FAR_EL1 ", 26)] {
        print.text(a, name);
        print.hex(a, register);
    }
    print.text(a, "\n");
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0);
}
