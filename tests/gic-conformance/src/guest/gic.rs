//! The GIC as every case finds it: one Group, everything disabled, idle and level-sensitive, masks open.

use super::States;
use super::asm::*;
use crate::board::*;
use crate::registers::system;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

/// Priority that every interrupt has.
const PRIORITY: u64 = 0xa0a0_a0a0;

pub fn routines(a: &mut Asm, labels: &Labels, states: States) {
    rwp(a, labels);
    interface(a, labels, states);
    reset(a, labels, states);
}

/// Waits until neither the distributor nor this PE's redistributor says RWP. Uses x0, x1.
fn rwp(a: &mut Asm, labels: &Labels) {
    dynasm!(a ; .arch aarch64 ; =>labels.rwp);
    load(a, 1, GICD);
    dynasm!(a ; .arch aarch64 ; busy: ; ldr w0, [x1] ; tbnz w0, 31, <busy);
    load(a, 1, GICR);
    dynasm!(a
        ; .arch aarch64
        ; add x1, x1, x19, lsl 17
        ; busy:
        ; ldr w0, [x1]
        ; tbnz w0, 3, <busy
        ; ret
    );
}

fn write(a: &mut Asm, name: &str, value: u64) {
    let operand = system(name).expect("in the table");
    load(a, 0, value);
    dynasm!(a ; .arch aarch64 ; msr operand, x0 ; isb);
}

/// This PE's timer, redistributor and CPU interface. Uses x0 to x2, x11.
fn interface(a: &mut Asm, labels: &Labels, states: States) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.interface
        ; msr daifset, 15
        ; msr CNTV_CTL_EL0, xzr
        ; isb
    );
    load(a, 11, GICR);
    dynasm!(a
        ; .arch aarch64
        ; add x11, x11, x19, lsl 17
        ; ldr w0, [x11, 0x14]
        ; and w0, w0, 0xfffffffd // WAKER.ProcessorSleep
        ; str w0, [x11, 0x14]
        ; asleep:
        ; ldr w0, [x11, 0x14]
        ; tbnz w0, 2, <asleep // until ChildrenAsleep is clear
    );
    if states == States::Two {
        super::secure::interface(a);
    }
    write(a, "SRE", 7);
    for (name, value) in [("IGRPEN0", 0), ("IGRPEN1", 0), ("AP0R0", 0), ("AP1R0", 0)] {
        write(a, name, value);
    }
    dynasm!(a
        ; .arch aarch64
        ; str wzr, [x11] // CTLR: no LPIs, every group takes part in 1-of-N
        ; busy:
        ; ldr w0, [x11]
        ; tbnz w0, 3, <busy
        ; add x11, x11, 16, lsl 12
        ; movn w0, 0
        ; str w0, [x11, 0x180]
        ; str w0, [x11, 0x280]
        ; str w0, [x11, 0x380]
        ; str w0, [x11, 0x80]
        ; str wzr, [x11, 0xc04]
        ; str wzr, [x11, 0xd00] // IGRPMODR0, NSACR: RES0 with one state
        ; str wzr, [x11, 0xe00]
    );
    load(a, 0, PRIORITY);
    for n in 0..8 {
        dynasm!(a ; .arch aarch64 ; str w0, [x11, 0x400 + 4 * n]);
    }
    for (name, value) in [("CTLR", 0), ("PMR", 0xff), ("BPR0", 0), ("BPR1", 0), ("IGRPEN0", 1), ("IGRPEN1", 1)] {
        write(a, name, value);
    }
    dynasm!(a
        ; .arch aarch64
        ; sub x11, x11, 16, lsl 12
        ; busy:
        ; ldr w0, [x11]
        ; tbnz w0, 3, <busy // of ICENABLER0
        ; ret
    );
}

/// Everything. x28 is the case's end. Uses x0 to x3, x10 to x12.
fn reset(a: &mut Asm, labels: &Labels, states: States) {
    let (second, alone, counted) = (a.new_dynamic_label(), a.new_dynamic_label(), a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; =>labels.reset ; mov x12, x30);
    poke(a, UART + 0x38, 0); // IMSC: its line is low
    // An ITS, where there is one, is off, and has come to rest.
    let no_its = a.new_dynamic_label();
    load(a, 1, GICD + 4);
    dynasm!(a ; .arch aarch64 ; ldr w10, [x1] ; tbz w10, 17, =>no_its);
    load(a, 1, GITS);
    dynasm!(a ; .arch aarch64 ; movz x24, 1 ; str wzr, [x1]);
    deadline(a);
    dynasm!(a
        ; .arch aarch64
        ; busy:
        ; movn x0, 0 // what an address without a device leaves
        ; ldr w0, [x1]
        ; tbnz w0, 31, =>no_its
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo <busy
        ; =>no_its
        ; movz x24, 0
    );
    let (off, on) = match states {
        States::One => (0x10, 0x13), // ARE, both groups
        States::Two => (0x30, 0x37), // ARE of both states, three groups
    };
    poke(a, GICD, off);
    dynasm!(a ; .arch aarch64 ; bl =>labels.rwp);
    load(a, 1, GICD);
    dynasm!(a
        ; .arch aarch64
        ; and x10, x10, 0x1f // ITLinesNumber: words of one bit for each SPI
        ; cbz x10, =>counted
        ; movn w0, 0
        ; add x2, x1, x10, lsl 2
        ; more:
        ; str w0, [x2, 0x180] // ICENABLER
        ; str w0, [x2, 0x280] // ICPENDR
        ; str w0, [x2, 0x380] // ICACTIVER
        ; str w0, [x2, 0x80] // IGROUPR
        ; str wzr, [x2, 0xd00] // IGRPMODR
        ; sub x2, x2, 4
        ; cmp x2, x1
        ; b.ne <more
        ; lsl x2, x10, 3
        ; add x2, x1, x2
        ; more:
        ; str wzr, [x2, 0xc00] // ICFGR, in two steps
        ; str wzr, [x2, 0xc04]
        ; str wzr, [x2, 0xe00] // NSACR
        ; str wzr, [x2, 0xe04]
        ; sub x2, x2, 8
        ; cmp x2, x1
        ; b.ne <more
    );
    load(a, 0, PRIORITY);
    dynasm!(a
        ; .arch aarch64
        ; lsl x2, x10, 5
        ; add x2, x2, x1
        ; more:
        ; str w0, [x2, 0x41c]
        ; sub x2, x2, 4
        ; cmp x2, x1
        ; b.ne <more
        ; lsl x2, x10, 8
        ; add x2, x2, x1
        ; add x1, x1, 6, lsl 12
        ; add x2, x2, 6, lsl 12
        ; more:
        ; str xzr, [x2, 0xf8] // IROUTER
        ; sub x2, x2, 8
        ; cmp x2, x1
        ; b.ne <more
        ; =>counted
        ; ldr x0, [x20, shared::UP]
        ; cbz x0, =>alone
        ; adr x0, =>second
        ; bl =>labels.other
        ; =>alone
        ; bl =>labels.interface
        ; bl =>labels.rwp // of ICENABLER
    );
    poke(a, GICD, on);
    dynasm!(a
        ; .arch aarch64
        ; dsb sy
        ; isb
        ; br x12
        ; =>second
        ; bl =>labels.interface
        ; movz x9, verdict::PASS
        ; br x28
    );
}
