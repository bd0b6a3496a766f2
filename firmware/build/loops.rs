//! The loops program: one integer loop, as its header says, then the checksum and power off.
//!
//! x19 counts rounds down, x20 is the checksum, x21 the data of a loop; a loop may use all else below x19.

#[path = "../src/loops/layout.rs"]
mod layout;

use crate::asm::*;
use crate::print::Print;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};
use layout::*;

/// Two translation tables, a page each.
const TABLES: u64 = 0x4020_0000;
const STACK_TOP: u64 = 0x4030_0000;
const DATA: u64 = 0x4100_0000;

type Body = fn(&mut Asm);

/// In the order of `firmware::Loop`.
const LOOPS: [Body; 7] = [alu, bytes, calls, far, crc, list, copy];

pub fn assemble() -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    let print = Print::new(&mut asm);
    let a = &mut asm;
    let (start, mmu, vectors) = (a.new_dynamic_label(), a.new_dynamic_label(), a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; b =>start ; nop ; .bytes [0u8; MMU + 8 - ROUNDS] ; =>start);
    load(a, 0, STACK_TOP);
    load(a, 9, LOAD);
    load(a, 21, DATA);
    dynasm!(a
        ; .arch aarch64
        ; mov sp, x0
        ; adr x0, =>vectors
        ; msr VBAR_EL1, x0
        ; movz x10, 1 << 12 // SCTLR.I: words stay decoded
        ; ldr x0, [x9, MMU as u32]
        ; cbz x0, >no_mmu
        ; bl =>mmu
        ; no_mmu:
        ; mrs x0, SCTLR_EL1
        ; orr x0, x0, x10
        ; msr SCTLR_EL1, x0
        ; isb
        ; ldr x19, [x9, ROUNDS as u32]
        ; ldr x11, [x9, WHICH as u32]
        ; movz x20, 0
    );
    let end = a.new_dynamic_label();
    for (n, body) in LOOPS.iter().enumerate() {
        let other = a.new_dynamic_label();
        dynasm!(a ; .arch aarch64 ; cmp x11, n as u32 ; b.ne =>other);
        body(a);
        dynasm!(a ; .arch aarch64 ; b =>end ; =>other);
    }
    dynasm!(a ; .arch aarch64 ; =>end);
    print.hex(a, 20);
    print.text(a, "\nLOOPS-OK\n");
    off(a);
    print.routines(a);
    identity_map(a, mmu);
    exceptions(a, vectors, &print);
    asm.finalize().expect("every label is defined and in reach")
}

/// Counts a round; goes to `again` if it was not the last.
fn count(a: &mut Asm, again: DynamicLabel) {
    dynasm!(a ; .arch aarch64 ; subs x19, x19, 1 ; b.ne =>again);
}

fn alu(a: &mut Asm) {
    let round = a.new_dynamic_label();
    dynasm!(a
        ; .arch aarch64
        ; movz x1, 1
        ; movz x2, 2
        ; movz x3, 3
        ; movz x4, 4
        ; =>round
        ; add x1, x1, x2, lsl 3
        ; eor x2, x2, x1, ror 17
        ; sub x3, x3, x2
        ; orr x5, x1, x3
        ; madd x4, x4, x1, x5
        ; ubfx x7, x3, 7, 21
        ; add x4, x4, x7
        ; and x6, x2, 0x00ff_00ff_00ff_00ff
        ; add x2, x2, x6
        ; cmp x4, x2
        ; csinc x1, x1, x1, lo
        ; clz x8, x4
        ; add x3, x3, x8
        ; add w9, w3, w4
        ; eor x1, x1, x9
    );
    count(a, round);
    dynasm!(a ; .arch aarch64 ; eor x1, x1, x2 ; eor x3, x3, x4 ; eor x20, x1, x3);
}

fn bytes(a: &mut Asm) {
    let round = a.new_dynamic_label();
    load(a, 12, SIEVE);
    dynasm!(a
        ; .arch aarch64
        ; movz w13, 1
        ; =>round
        ; movz x1, 0
        ; clear:
        ; strb wzr, [x21, x1]
        ; add x1, x1, 1
        ; cmp x1, x12
        ; b.lo <clear
        ; movz x1, 2
        ; next:
        ; ldrb w3, [x21, x1]
        ; cbnz w3, >composite
        ; add x20, x20, x1
        ; lsl x2, x1, 1
        ; mark:
        ; cmp x2, x12
        ; b.hs >composite
        ; strb w13, [x21, x2]
        ; add x2, x2, x1
        ; b <mark
        ; composite:
        ; add x1, x1, 1
        ; cmp x1, x12
        ; b.lo <next
    );
    count(a, round);
}

fn calls(a: &mut Asm) {
    let (round, fib, leave) = (a.new_dynamic_label(), a.new_dynamic_label(), a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; =>round ; movz x0, FIB as u32 ; bl =>fib ; add x20, x20, x0);
    count(a, round);
    dynasm!(a
        ; .arch aarch64
        ; b =>leave
        ; =>fib
        ; cmp x0, 2
        ; b.lo >small
        ; stp x29, x30, [sp, -32]!
        ; str x0, [sp, 16]
        ; sub x0, x0, 1
        ; bl =>fib
        ; ldr x1, [sp, 16]
        ; str x0, [sp, 24]
        ; sub x0, x1, 2
        ; bl =>fib
        ; ldr x1, [sp, 24]
        ; add x0, x0, x1
        ; ldp x29, x30, [sp], 32
        ; small:
        ; ret
        ; =>leave
    );
}

fn far(a: &mut Asm) {
    let (round, leave) = (a.new_dynamic_label(), a.new_dynamic_label());
    let functions: Vec<_> = (0..FAR).map(|_| a.new_dynamic_label()).collect();
    dynasm!(a ; .arch aarch64 ; movz x20, 1 ; =>round);
    functions.iter().for_each(|&f| dynasm!(a ; .arch aarch64 ; bl =>f));
    count(a, round);
    dynasm!(a ; .arch aarch64 ; b =>leave);
    for (k, &f) in (1..).zip(&functions) {
        dynasm!(a ; .arch aarch64 ; .align 4096 ; =>f);
        for _ in 0..2 {
            dynasm!(a
                ; .arch aarch64
                ; eor x20, x20, x20, lsl 13
                ; eor x20, x20, x20, lsr 7
                ; eor x20, x20, x20, lsl 17
                ; add x20, x20, k
            );
        }
        dynasm!(a ; .arch aarch64 ; ret);
    }
    dynasm!(a ; .arch aarch64 ; .align 4096 ; =>leave);
}

fn crc(a: &mut Asm) {
    let round = a.new_dynamic_label();
    load(a, 4, POLYNOMIAL.into());
    dynasm!(a
        ; .arch aarch64
        ; movn w20, 0
        ; =>round
        ; and w1, w19, 0xff
        ; eor w20, w20, w1
        ; movz w3, 8
        ; bit:
        ; lsr w2, w20, 1
        ; tbz w20, 0, >even
        ; eor w2, w2, w4
        ; even:
        ; mov w20, w2
        ; subs w3, w3, 1
        ; b.ne <bit
    );
    count(a, round);
}

fn list(a: &mut Asm) {
    let round = a.new_dynamic_label();
    load(a, 2, STEP);
    load(a, 3, NODES);
    dynasm!(a
        ; .arch aarch64
        ; movz x1, 0
        ; make:
        ; mul x4, x1, x2
        ; add x4, x4, 1
        ; sub x5, x3, 1
        ; and x4, x4, x5
        ; add x4, x21, x4, lsl 6
        ; add x5, x21, x1, lsl 6
        ; stp x4, x1, [x5] // next, value
        ; add x1, x1, 1
        ; cmp x1, x3
        ; b.lo <make
        ; mov x1, x21
        ; =>round
        ; ldr x2, [x1, 8]
        ; ldr x1, [x1]
        ; add x20, x20, x2
    );
    count(a, round);
}

fn copy(a: &mut Asm) {
    let round = a.new_dynamic_label();
    load(a, 4, 8 * COPIED);
    dynasm!(a
        ; .arch aarch64
        ; movz x1, 0
        ; make:
        ; orr x2, x1, x1, lsl 32
        ; str x2, [x21, x1, lsl 3]
        ; add x1, x1, 1
        ; cmp x1, x4, lsr 3
        ; b.lo <make
        ; add x4, x21, x4
        ; =>round
        ; mov x0, x21
        ; mov x1, x4
        ; more:
        ; ldp x2, x3, [x0], 16
        ; stp x2, x3, [x1], 16
        ; add x20, x20, x2
        ; cmp x0, x4
        ; b.lo <more
    );
    count(a, round);
}

/// Turns translation on, identity-mapped: a Device block for the first GiB, 512 Normal blocks for the second.
/// Leaves the SCTLR bits to set in x10; uses x0 to x4.
fn identity_map(a: &mut Asm, label: DynamicLabel) {
    const AF: u64 = 1 << 10;
    const XN: u64 = 3 << 53;
    const BLOCK: u64 = 1;
    const TABLE: u64 = 3;
    const INNER_SHAREABLE: u64 = 3 << 8;
    dynasm!(a ; .arch aarch64 ; =>label);
    load(a, 0, TABLES);
    load(a, 1, XN | AF | 1 << 2 | BLOCK); // MAIR attribute 1
    load(a, 2, TABLES + 4096 + TABLE);
    load(a, 3, 0x4000_0000 | AF | INNER_SHAREABLE | BLOCK); // MAIR attribute 0
    load(a, 4, 0x20_0000);
    dynasm!(a
        ; .arch aarch64
        ; stp x1, x2, [x0] // what else is in this table is zero: no such addresses are used
        ; add x1, x0, 1, lsl 12
        ; add x2, x1, 1, lsl 12
        ; fill:
        ; str x3, [x1], 8
        ; add x3, x3, x4
        ; cmp x1, x2
        ; b.lo <fill
        ; msr TTBR0_EL1, x0
    );
    load(a, 0, 0xff); // attribute 0 Normal write-back, 1 Device-nGnRnE
    dynasm!(a ; .arch aarch64 ; msr MAIR_EL1, x0);
    // T0SZ 25 (39 bits: walks start at level 1), write-back inner-shareable walks, no TTBR1, 40-bit PA.
    load(a, 0, 2 << 32 | 1 << 23 | 3 << 12 | 1 << 10 | 1 << 8 | 25);
    dynasm!(a
        ; .arch aarch64
        ; msr TCR_EL1, x0
        ; dsb ish
        ; isb
        ; movz x10, 0x1005 // I, C, M
        ; ret
    );
}

fn off(a: &mut Asm) {
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0);
}

/// No exception is expected: says which came, and powers off.
fn exceptions(a: &mut Asm, vectors: DynamicLabel, print: &Print) {
    let unexpected = a.new_dynamic_label();
    dynasm!(a ; .arch aarch64 ; .align 2048 ; =>vectors);
    for _ in 0..16 {
        dynasm!(a ; .arch aarch64 ; b =>unexpected ; .align 128);
    }
    dynasm!(a ; .arch aarch64 ; =>unexpected ; mrs x24, ESR_EL1 ; mrs x25, ELR_EL1 ; mrs x26, FAR_EL1);
    for (name, register) in [("unexpected exception: ESR_EL1 ", 24), (", ELR_EL1 ", 25), (", FAR_EL1 ", 26)] {
        print.text(a, name);
        print.hex(a, register);
    }
    print.text(a, "\n");
    off(a);
}
