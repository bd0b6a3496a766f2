//! Where interrupts go, from every Exception level and security state, and what a guest of EL2 makes of virtual ones.
//!
//! Begins at EL3 of a PE that has EL2. Each case of `cases` goes to a level with an SGI pending, and comes back by an
//! interrupt or by SMC; one line says what was taken and what ISR_EL1 was. Everything is in registers: x19 and x20 walk
//! the cases, x21 is the SGI frame, x18 where EL3's vectors lead, x22 to x29 what was found.

use crate::asm::*;
use crate::gic::{GICD, GICR};
use crate::print::Print;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

const STACK: u64 = 0x4030_0000;

const HCR_EL2: u32 = sysreg(3, 4, 1, 1, 0);
const VBAR_EL2: u32 = sysreg(3, 4, 12, 0, 0);
const ESR_EL2: u32 = sysreg(3, 4, 5, 2, 0);
const SCR_EL3: u32 = sysreg(3, 6, 1, 1, 0);
const VBAR_EL3: u32 = sysreg(3, 6, 12, 0, 0);
const SPSR_EL3: u32 = sysreg(3, 6, 4, 0, 0);
const ELR_EL3: u32 = sysreg(3, 6, 4, 0, 1);
const ISR_EL1: u32 = sysreg(3, 0, 12, 1, 0);
const ICC_SRE_EL2: u32 = sysreg(3, 4, 12, 9, 5);
const ICC_SRE_EL3: u32 = sysreg(3, 6, 12, 12, 5);
const ICC_CTLR_EL3: u32 = sysreg(3, 6, 12, 12, 4);
const ICC_IGRPEN1_EL3: u32 = sysreg(3, 6, 12, 12, 7);
const ICC_IGRPEN0_EL1: u32 = sysreg(3, 0, 12, 12, 6);
const ICC_IAR0_EL1: u32 = sysreg(3, 0, 12, 8, 0);
const ICC_EOIR0_EL1: u32 = sysreg(3, 0, 12, 8, 1);
const ICC_HPPIR0_EL1: u32 = sysreg(3, 0, 12, 8, 2);
const ICC_HPPIR1_EL1: u32 = sysreg(3, 0, 12, 12, 2);
const ICC_RPR_EL1: u32 = sysreg(3, 0, 12, 11, 3);
const ICH_HCR_EL2: u32 = sysreg(3, 4, 12, 11, 0);
const ICH_MISR_EL2: u32 = sysreg(3, 4, 12, 11, 2);
const ICH_ELRSR_EL2: u32 = sysreg(3, 4, 12, 11, 5);
const ICH_VMCR_EL2: u32 = sysreg(3, 4, 12, 11, 7);
const ICH_LR0_EL2: u32 = sysreg(3, 4, 12, 12, 0);
const ICH_LR1_EL2: u32 = sysreg(3, 4, 12, 12, 1);

// SCR_EL3 and HCR_EL2.
const NS: u64 = 1 << 0;
const IRQ: u64 = 1 << 1;
const FIQ: u64 = 1 << 2;
/// RW, HCE, and what reads as one.
const SCR: u64 = 1 << 10 | 1 << 8 | 3 << 4;
const FMO: u64 = 1 << 3;
const IMO: u64 = 1 << 4;
const VI: u64 = 1 << 7;
const TGE: u64 = 1 << 27;
const RW: u64 = 1 << 31;
const MASKED: u64 = 0xf << 6;

/// One case: what is printed of it, and what it is. Six words.
struct Case {
    /// Level, security state (1 is Non-secure), SGI, routing, and whether PSTATE masks are opened: a digit each.
    name: u64,
    spsr: u64,
    scr: u64,
    hcr: u64,
    sgi: u64,
    probe: usize,
}

/// Where a level begins: with its masks opened, with them closed, at EL0.
const OPEN: usize = 0;
const CLOSED: usize = 1;
const USER: usize = 2;

/// SGI 0 is in Group 0, SGI 1 in Non-secure Group 1, SGI 2 in Secure Group 1.
fn cases() -> Vec<Case> {
    let routes = [(0, 0), (IRQ | FIQ, 0), (FIQ, 0), (0, IMO | FMO), (FIQ, IMO), (0, TGE)];
    let states = [(3, NS), (1, 0), (0, 0), (2, NS), (1, NS), (0, NS)];
    let mut all = Vec::new();
    for (el, state) in states {
        for (n, (scr, hcr)) in routes.into_iter().enumerate() {
            // There is no EL1 then.
            if hcr == TGE && el == 1 && state == NS {
                continue;
            }
            for sgi in 0..3 {
                for open in [1, 0] {
                    if el == 0 && open == 0 {
                        continue;
                    }
                    let probe = match (el, open) {
                        (0, _) => USER,
                        (_, 1) => OPEN,
                        _ => CLOSED,
                    };
                    all.push(Case {
                        name: el << 16 | state << 12 | sgi << 8 | (n as u64) << 4 | open,
                        spsr: if el == 0 { 0 } else { el << 2 | 1 | MASKED },
                        scr: SCR | state | scr,
                        hcr: RW | hcr,
                        sgi: 1 << sgi,
                        probe,
                    });
                }
            }
        }
    }
    all
}

pub fn assemble() -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    let print = Print::new(&mut asm);
    let a = &mut asm;
    let vectors = [(); 3].map(|()| a.new_dynamic_label());
    let probes = [(); 3].map(|()| a.new_dynamic_label());
    let (table, end, guest, reader) =
        (a.new_dynamic_label(), a.new_dynamic_label(), a.new_dynamic_label(), a.new_dynamic_label());

    load(a, 0, STACK);
    dynasm!(a ; .arch aarch64 ; mov sp, x0);
    for (label, reg) in vectors.into_iter().zip([VBAR_EL1, VBAR_EL2, VBAR_EL3]) {
        dynasm!(a ; .arch aarch64 ; adr x0, =>label ; msr reg, x0);
    }
    gic(a);
    dynasm!(a ; .arch aarch64 ; adr x19, =>table ; adr x20, =>end ; each:);
    dynasm!(a ; .arch aarch64 ; ldp x0, x1, [x19, 8] ; ldp x2, x3, [x19, 24] ; ldr x4, [x19, 40]);
    dynasm!(a ; .arch aarch64 ; adr x5, =>probes[OPEN] ; cmp x4, 1 ; b.lo >begin);
    dynasm!(a ; .arch aarch64 ; adr x5, =>probes[CLOSED] ; b.eq >begin ; adr x5, =>probes[USER] ; begin:);
    go(a);
    dynasm!(a ; .arch aarch64 ; ldr x26, [x19]);
    say(a, &print, &[26, 24, 25]);
    dynasm!(a ; .arch aarch64 ; add x19, x19, 48 ; cmp x19, x20 ; b.lo <each);
    virtual_interrupts(a, &print, &probes, guest, reader);
    print.text(a, "LEVELS-OK\n");
    dynasm!(a ; .arch aarch64 ; forever: ; wfi ; b <forever);

    dynasm!(a
        ; .arch aarch64
        ; =>probes[OPEN]
        ; mrs x25, ISR_EL1
        ; msr daifclr, 15
        ; isb
        ; nop
        ; nop
        ; smc 0
        ; =>probes[CLOSED]
        ; mrs x25, ISR_EL1
        ; isb
        ; nop
        ; smc 0
        ; =>probes[USER]
        ; nop
        ; nop
        ; svc 0
        // A guest that takes and ends what it finds, by reading.
        ; =>guest
        ; mrs x25, ISR_EL1
        ; mrs x24, ICC_HPPIR0_EL1
        ; mrs x26, ICC_IAR0_EL1
        ; mrs x27, ICC_RPR_EL1
        ; msr ICC_EOIR0_EL1, x26
        ; mrs x28, ICC_HPPIR1_EL1
        ; mrs x29, ICC_IAR1_EL1
        ; msr ICC_EOIR1_EL1, x29
        ; smc 0
        ; =>reader
        ; mrs x29, ICC_IAR1_EL1
        ; smc 0
    );
    print.routines(a);
    for (level, label) in (1..).zip(vectors) {
        vector_table(a, level, label);
    }
    while !a.offset().0.is_multiple_of(8) {
        dynasm!(a ; .arch aarch64 ; nop);
    }
    dynasm!(a ; .arch aarch64 ; =>table);
    for Case { name, spsr, scr, hcr, sgi, probe } in cases() {
        let words: Vec<u8> = [name, spsr, scr, hcr, sgi, probe as u64].iter().flat_map(|w| w.to_le_bytes()).collect();
        dynasm!(a ; .arch aarch64 ; .bytes words);
    }
    dynasm!(a ; .arch aarch64 ; =>end);
    asm.finalize().expect("every label is defined and in reach")
}

/// Prints registers in one line. x30 is lost.
fn say(a: &mut Asm, print: &Print, registers: &[u8]) {
    for (n, r) in registers.iter().enumerate() {
        print.hex(a, *r);
        print.text(a, if n + 1 == registers.len() { "\n" } else { " " });
    }
}

/// Goes to x5 with SPSR x0, SCR_EL3 x1, HCR_EL2 x2, and SGIs x3 pending; back with nothing pending.
fn go(a: &mut Asm) {
    dynasm!(a
        ; .arch aarch64
        ; msr HCR_EL2, x2
        ; msr SCR_EL3, x1
        ; isb
        ; str w3, [x21, 0x200] // ISPENDR0
        ; ldr w6, [x21, 0x200]
        ; movz x24, 0
        ; movz x25, 0
        ; movz x26, 0
        ; movz x27, 0
        ; msr SPSR_EL3, x0
        ; msr ELR_EL3, x5
        ; adr x18, >back
        ; eret
        ; back:
        ; msr daifset, 15
        ; movz w6, 0xffff
        ; str w6, [x21, 0x280] // ICPENDR0
        ; ldr w6, [x21, 0x280]
    );
}

/// Both states on; SGIs 0 to 2 in the three groups and PPI 20 in Non-secure Group 1, enabled, at priority 0x80.
fn gic(a: &mut Asm) {
    load(a, 0, GICD);
    dynasm!(a ; .arch aarch64 ; movz w1, 0x37 ; str w1, [x0]);
    load(a, 0, GICR);
    load(a, 21, GICR + 0x1_0000);
    dynasm!(a
        ; .arch aarch64
        ; str wzr, [x0, 0x14] // WAKER
        ; asleep:
        ; ldr w1, [x0, 0x14]
        ; tbnz w1, 2, <asleep
    );
    for (offset, value) in [(0x80, 1 << 20 | 2), (0xd00, 4), (0x100, 1 << 20 | 7), (0x400, 0x8080_8080), (0x414, 0x80)]
    {
        load(a, 1, value);
        dynasm!(a ; .arch aarch64 ; str w1, [x21, offset]);
    }
    dynasm!(a ; .arch aarch64 ; movz x1, 0xf ; msr ICC_SRE_EL3, x1 ; isb ; msr ICC_SRE_EL1, x1);
    load(a, 2, SCR | NS);
    dynasm!(a
        ; .arch aarch64
        ; msr SCR_EL3, x2
        ; isb
        ; msr ICC_SRE_EL2, x1
        ; isb
        ; msr ICC_SRE_EL1, x1
        ; isb
        ; movz x1, 0xf8
        ; msr ICC_PMR_EL1, x1
        ; movz x1, 1
        ; msr ICC_IGRPEN0_EL1, x1
        ; movz x1, 3
        ; msr ICC_IGRPEN1_EL3, x1
        ; isb
    );
}

/// Vectors of `level`: x24 is the level and the number of the vector, if it is an interrupt's; x26 the syndrome of what
/// EL2 trapped.
fn vector_table(a: &mut Asm, level: u32, label: DynamicLabel) {
    while !a.offset().0.is_multiple_of(0x800) {
        dynasm!(a ; .arch aarch64 ; nop);
    }
    dynasm!(a ; .arch aarch64 ; =>label);
    for n in 0..16u32 {
        let start = a.offset().0;
        if n % 4 != 0 {
            dynasm!(a ; .arch aarch64 ; movz x24, level << 4 | n);
        } else if level == 2 {
            dynasm!(a ; .arch aarch64 ; mrs x26, ESR_EL2);
        }
        match level {
            3 => dynasm!(a ; .arch aarch64 ; br x18),
            _ => dynasm!(a ; .arch aarch64 ; smc 0),
        }
        while a.offset().0 < start + 0x80 {
            dynasm!(a ; .arch aarch64 ; nop);
        }
    }
}

/// ICH_LR: pending, and what is in it.
fn list(group: u64, priority: u64, id: u64) -> u64 {
    1 << 62 | group << 60 | priority << 48 | id
}

fn set(a: &mut Asm, reg: u32, value: u64) {
    load(a, 0, value);
    dynasm!(a ; .arch aarch64 ; msr reg, x0);
}

/// To Non-secure EL1 with these bits of HCR_EL2, at x5.
fn go_guest(a: &mut Asm, hcr: u64) {
    load(a, 0, 1 << 2 | 1 | MASKED);
    load(a, 1, SCR | NS);
    load(a, 2, RW | hcr);
    dynasm!(a ; .arch aarch64 ; movz x3, 0);
    go(a);
}

fn virtual_interrupts(
    a: &mut Asm,
    print: &Print,
    probes: &[DynamicLabel; 3],
    guest: DynamicLabel,
    reader: DynamicLabel,
) {
    set(a, ICH_HCR_EL2, 1);
    set(a, ICH_VMCR_EL2, 0xf0 << 24 | 3);
    print.text(a, "by list register, taken\n");
    for (group, hcr) in [(1, IMO | FMO), (0, IMO | FMO), (1, FMO), (0, IMO)] {
        set(a, ICH_LR0_EL2, list(group, 0x80, 40));
        dynasm!(a ; .arch aarch64 ; adr x5, =>probes[OPEN]);
        go_guest(a, hcr);
        say(a, print, &[24, 25]);
    }
    set(a, ICH_LR0_EL2, 0);
    dynasm!(a ; .arch aarch64 ; adr x5, =>probes[OPEN]);
    go_guest(a, IMO | VI);
    say(a, print, &[24, 25]);

    print.text(a, "by list register, read\n");
    set(a, ICH_LR0_EL2, list(1, 0x80, 40));
    set(a, ICH_LR1_EL2, list(0, 0x40, 41));
    dynasm!(a ; .arch aarch64 ; adr x5, =>guest);
    go_guest(a, IMO | FMO);
    say(a, print, &[25, 24, 26, 27, 28, 29]);
    dynasm!(a ; .arch aarch64 ; mrs x24, ICH_LR0_EL2 ; mrs x25, ICH_LR1_EL2 ; mrs x26, ICH_MISR_EL2);
    dynasm!(a ; .arch aarch64 ; mrs x27, ICH_ELRSR_EL2 ; and x27, x27, 15);
    say(a, print, &[24, 25, 26, 27]);

    // EL3 takes PPI 20 and leaves it active; the guest's end of interrupt deactivates it.
    print.text(a, "tied to a physical interrupt\n");
    set(a, ICC_CTLR_EL3, 1 << 2);
    load(a, 0, 1 << 20);
    dynasm!(a
        ; .arch aarch64
        ; str w0, [x21, 0x200]
        ; ldr w0, [x21, 0x200]
        ; mrs x24, ICC_IAR1_EL1
        ; msr ICC_EOIR1_EL1, x24
        ; isb
        ; ldr w25, [x21, 0x300]
    );
    say(a, print, &[24, 25]);
    set(a, ICH_LR0_EL2, list(1, 0x80, 40) | 1 << 61 | 20 << 32);
    dynasm!(a ; .arch aarch64 ; adr x5, =>guest);
    go_guest(a, IMO | FMO);
    dynasm!(a ; .arch aarch64 ; ldr w25, [x21, 0x300]);
    say(a, print, &[28, 29, 25]);

    print.text(a, "maintenance, and a trap\n");
    set(a, ICH_HCR_EL2, 3);
    dynasm!(a ; .arch aarch64 ; isb ; ldr w24, [x21, 0x200] ; mrs x25, ICH_MISR_EL2);
    set(a, ICH_HCR_EL2, 1 | 1 << 12);
    dynasm!(a ; .arch aarch64 ; isb ; ldr w28, [x21, 0x200] ; adr x5, =>reader);
    dynasm!(a ; .arch aarch64 ; mov x22, x24 ; mov x23, x25);
    go_guest(a, IMO | FMO);
    say(a, print, &[22, 23, 28, 26]);
}
