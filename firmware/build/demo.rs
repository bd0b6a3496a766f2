//! The demo program.
//!
//! x19 is the CPU's index, x21 its redistributor, x22 its record in `SHARED`, x20 `SHARED` itself; they
//! stay so, and the interrupt handler uses x9 to x15 besides x0 to x2, which it saves.

use crate::asm::*;
use crate::gic::{self, GICD, GICR_CPUS, SPI, TIMER};
use crate::print::Print;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

/// Memory all CPUs share; zero at power-on. First the count of CPUs that are up.
const SHARED: u64 = 0x4020_0000;
/// One record per CPU from here, 64 bytes apart.
const RECORDS: u64 = SHARED + 0x1000;
const STACKS: u64 = 0x4030_0000;

/// Offsets in a record.
const TICKS: u32 = 0;
const PINGS: u32 = 8;
const PONGS: u32 = 16;
const SPIS: u32 = 24;
const MPIDR: u32 = 32;

const TICKS_EACH: u32 = 10;
const ROUNDS: u32 = 1000;

pub fn assemble() -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    let print = Print::new(&mut asm);
    let (cpu_setup, vectors, secondary) = (asm.new_dynamic_label(), asm.new_dynamic_label(), asm.new_dynamic_label());
    let a = &mut asm;

    dynasm!(a ; .arch aarch64 ; movz x19, 0 ; bl =>cpu_setup);
    print.text(a, "Armagic demo: a bare-metal guest on ");
    count_cpus(a);
    print.decimal(a, 23);
    print.text(a, " CPUs\n");
    gic::distributor(a);
    start_others(a, secondary);
    dynasm!(a ; .arch aarch64 ; movz x24, 0 ; each_cpu:);
    record(a, 24, 25);
    print.text(a, "  CPU ");
    print.decimal(a, 24);
    print.text(a, ": MPIDR ");
    dynasm!(a ; .arch aarch64 ; ldr x26, [x25, MPIDR]);
    print.hex(a, 26);
    print.text(a, ", GICR_TYPER ");
    gic::redistributor(a, 24, 26);
    dynasm!(a ; .arch aarch64 ; ldr x26, [x26, 8]);
    print.hex(a, 26);
    print.text(a, "\n");
    dynasm!(a ; .arch aarch64 ; add x24, x24, 1 ; cmp x24, x23 ; b.lo <each_cpu);

    timers(a, &print);
    ping_pong(a, &print);
    one_spi(a, &print);
    print.text(a, "DEMO-OK\n");
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0 ; forever: ; wfi ; b <forever);

    // A CPU that PSCI switched on: X0 is its index.
    dynasm!(a
        ; .arch aarch64
        ; =>secondary
        ; mov x19, x0
        ; bl =>cpu_setup
        ; idle:
        ; wfi
        ; b <idle
    );
    setup(a, cpu_setup, vectors);
    print.routines(a);
    vector_table(a, vectors, &print);
    asm.finalize().expect("every label is defined and in reach")
}

/// Stack, vectors, GIC, timer, and the count of CPUs that are up. x19 is the index.
fn setup(a: &mut Asm, label: dynasmrt::DynamicLabel, vectors: dynasmrt::DynamicLabel) {
    dynasm!(a ; .arch aarch64 ; =>label);
    load(a, 0, STACKS);
    dynasm!(a
        ; .arch aarch64
        ; add x1, x19, 1
        ; add x0, x0, x1, lsl 12
        ; mov sp, x0
        ; adr x0, =>vectors
        ; msr VBAR_EL1, x0
    );
    load(a, 20, SHARED);
    record(a, 19, 22);
    gic::this_cpu(a);
    dynasm!(a
        ; .arch aarch64
        ; mrs x0, MPIDR_EL1
        ; str x0, [x22, MPIDR]
        ; mrs x0, CNTFRQ_EL0
        ; movz x1, 1000
        ; udiv x0, x0, x1
        ; msr CNTV_TVAL_EL0, x0 // a millisecond
        ; movz x0, 1
        ; msr CNTV_CTL_EL0, x0
        ; msr daifclr, 2
        ; up:
        ; ldaxr x0, [x20]
        ; add x0, x0, 1
        ; stlxr w1, x0, [x20]
        ; cbnz w1, <up
        ; ret
    );
}

/// Xto = the record of the CPU whose index is in Xindex. Uses x0.
fn record(a: &mut Asm, index: u8, to: u8) {
    load(a, 0, RECORDS);
    dynasm!(a ; .arch aarch64 ; add X(to), x0, X(index), lsl 6);
}

/// x23 = number of redistributors up to the one with GICR_TYPER.Last, of the second region if there is one.
fn count_cpus(a: &mut Asm) {
    /// Affinity of the first CPU of the second region.
    const THERE: u32 = GICR_CPUS / 16 * 256 + GICR_CPUS % 16;
    dynasm!(a ; .arch aarch64 ; movz x23, 0 ; more:);
    gic::redistributor(a, 23, 26);
    dynasm!(a
        ; .arch aarch64
        ; ldr x2, [x26, 8]
        ; add x23, x23, 1
        ; tbz x2, 4, <more
        ; cmp x23, GICR_CPUS
        ; b.ne >counted
        ; movz x1, THERE
        ; movz x2, 0
    );
    load(a, 0, PSCI_AFFINITY_INFO);
    dynasm!(a
        ; .arch aarch64
        ; hvc 0
        ; tbz w0, 31, <more // an error: there is no such CPU
        ; counted:
    );
}

/// PSCI CPU_ON for CPUs 1 to x23 - 1, at the affinity their redistributor shows; waits until all are up.
fn start_others(a: &mut Asm, secondary: dynasmrt::DynamicLabel) {
    dynasm!(a ; .arch aarch64 ; movz x24, 1 ; start: ; cmp x24, x23 ; b.hs >started);
    gic::redistributor(a, 24, 26);
    dynasm!(a
        ; .arch aarch64
        ; ldr w1, [x26, 12] // GICR_TYPER.Affinity_Value
        ; and x1, x1, 0xffffff // no Aff3 on this board
        ; adr x2, =>secondary
        ; mov x3, x24
    );
    load(a, 0, PSCI_CPU_ON);
    dynasm!(a
        ; .arch aarch64
        ; hvc 0
        ; add x24, x24, 1
        ; b <start
        ; started:
        ; ldar x0, [x20]
        ; cmp x0, x23
        ; b.hs >all
        ; yield
        ; b <started
        ; all:
    );
}

/// Waits until the count at `offset` of the record in X25 is at least `want`.
fn wait(a: &mut Asm, offset: u32, want_register: u8) {
    dynasm!(a
        ; .arch aarch64
        ; again:
        ; msr daifset, 2
        ; ldr x0, [x25, offset]
        ; cmp x0, X(want_register)
        ; b.hs >enough
        ; wfi // wakes though masked; the interrupt is taken at the unmasking below
        ; msr daifclr, 2
        ; b <again
        ; enough:
        ; msr daifclr, 2
    );
}

fn timers(a: &mut Asm, print: &Print) {
    dynasm!(a ; .arch aarch64 ; movz x24, 0 ; each_timer:);
    record(a, 24, 25);
    dynasm!(a
        ; .arch aarch64
        ; not_yet:
        ; ldar x0, [x25] // TICKS
        ; cmp x0, TICKS_EACH
        ; b.hs >ticked
        ; yield
        ; b <not_yet
        ; ticked:
        ; add x24, x24, 1
        ; cmp x24, x23
        ; b.lo <each_timer
        ; movz x26, TICKS_EACH
    );
    print.text(a, "timer PPI 27: ");
    print.decimal(a, 26);
    print.text(a, " ticks on every CPU\n");
}

/// SGI 1 to the last CPU, whose handler answers with SGI 2.
fn ping_pong(a: &mut Asm, print: &Print) {
    dynasm!(a ; .arch aarch64 ; sub x24, x23, 1);
    record(a, 24, 27);
    dynasm!(a
        ; .arch aarch64
        ; ldr x27, [x27, MPIDR]
        ; mov x25, x22
        ; movz x26, 0
        ; mrs x28, CNTVCT_EL0
        ; round:
    );
    gic::send_sgi(a, 1, 27);
    dynasm!(a ; .arch aarch64 ; add x26, x26, 1);
    wait(a, PONGS, 26);
    dynasm!(a
        ; .arch aarch64
        ; cmp x26, ROUNDS
        ; b.lo <round
        ; mrs x0, CNTVCT_EL0
        ; sub x28, x0, x28
        ; mrs x0, CNTFRQ_EL0
        ; movz x1, 0xca00 // 1 000 000 000
        ; movk x1, 0x3b9a, lsl 16
        ; mul x28, x28, x1
        ; udiv x28, x28, x0
        ; udiv x28, x28, x26
    );
    print.text(a, "SGI ping-pong with CPU ");
    print.decimal(a, 24);
    print.text(a, ": ");
    print.decimal(a, 26);
    print.text(a, " rounds, ");
    print.decimal(a, 28);
    print.text(a, " ns each\n");
}

/// Routes `SPI` to the last CPU and makes it pending.
fn one_spi(a: &mut Asm, print: &Print) {
    record(a, 24, 25);
    load(a, 0, GICD + 0x6000 + 8 * SPI);
    dynasm!(a
        ; .arch aarch64
        ; ldr x1, [x25, MPIDR]
        ; and x1, x1, 0xffffff
        ; str x1, [x0] // IROUTER
    );
    load(a, 0, GICD + 0x200 + 4 * (SPI / 32));
    dynasm!(a
        ; .arch aarch64
        ; movz w1, 1 << (SPI % 32) as u32
        ; str w1, [x0] // ISPENDR
        ; add x1, x25, SPIS
        ; not_taken:
        ; ldar x0, [x1]
        ; cbnz x0, >taken
        ; yield
        ; b <not_taken
        ; taken:
        ; movz x26, SPI as u32
    );
    print.text(a, "SPI ");
    print.decimal(a, 26);
    print.text(a, ": taken by CPU ");
    print.decimal(a, 24);
    print.text(a, "\n");
}

/// Sixteen entries of 128 bytes; all but "IRQ, current EL, SPx" report and power off.
fn vector_table(a: &mut Asm, vectors: dynasmrt::DynamicLabel, print: &Print) {
    let (irq, unexpected) = (a.new_dynamic_label(), a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; .align 2048 ; =>vectors);
    for entry in 0..16 {
        let to = if entry == 5 { irq } else { unexpected };
        dynasm!(a ; .arch aarch64 ; b =>to ; .align 128);
    }
    dynasm!(a
        ; .arch aarch64
        ; =>unexpected
        ; mrs x24, ESR_EL1
        ; mrs x25, ELR_EL1
        ; mrs x26, FAR_EL1
    );
    print.text(a, "unexpected exception: ESR_EL1 ");
    print.hex(a, 24);
    print.text(a, ", ELR_EL1 ");
    print.hex(a, 25);
    print.text(a, ", FAR_EL1 ");
    print.hex(a, 26);
    print.text(a, "\n");
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0);
    irq_handler(a, irq);
}

fn irq_handler(a: &mut Asm, label: dynasmrt::DynamicLabel) {
    let end = a.new_dynamic_label();
    let count = |a: &mut Asm, offset: u32| dynasm!(a ; .arch aarch64 ; ldr x10, [x22, offset] ; add x10, x10, 1 ; str x10, [x22, offset]);
    dynasm!(a
        ; .arch aarch64
        ; =>label
        ; stp x0, x1, [sp, -32]!
        ; str x2, [sp, 16]
        ; mrs x9, ICC_IAR1_EL1
        ; cmp x9, TIMER as u32
        ; b.eq >timer
        ; cmp x9, 1
        ; b.eq >ping
        ; cmp x9, 2
        ; b.eq >pong
        ; cmp x9, SPI as u32
        ; b.eq >spi
        ; b =>end // spurious, or not ours: EOI ignores the special INTIDs

        ; timer:
    );
    count(a, TICKS);
    dynasm!(a
        ; .arch aarch64
        ; movz x11, 0
        ; cmp x10, TICKS_EACH
        ; b.hs >last_tick
        ; mrs x11, CNTFRQ_EL0
        ; movz x12, 1000
        ; udiv x11, x11, x12
        ; msr CNTV_TVAL_EL0, x11
        ; b =>end
        ; last_tick:
        ; msr CNTV_CTL_EL0, x11
        ; b =>end

        ; ping:
    );
    count(a, PINGS);
    // CPU 0's affinity is in its record, the first.
    load(a, 11, RECORDS);
    dynasm!(a ; .arch aarch64 ; ldr x11, [x11, MPIDR]);
    gic::send_sgi(a, 2, 11);
    dynasm!(a ; .arch aarch64 ; b =>end ; pong:);
    count(a, PONGS);
    dynasm!(a ; .arch aarch64 ; b =>end ; spi:);
    count(a, SPIS);
    dynasm!(a
        ; .arch aarch64
        ; =>end
        ; isb
        ; msr ICC_EOIR1_EL1, x9
        ; isb
        ; ldr x2, [sp, 16]
        ; ldp x0, x1, [sp], 32
        ; eret
    );
}
