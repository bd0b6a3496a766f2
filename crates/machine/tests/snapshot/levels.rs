//! What EL2 and EL3 do in the guests of `guest.rs`.

use crate::guest::{Asm, EOIR1, Guest, IAR1, Level, SGI1R, TIMER, load, sysreg, table};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

const HCR_EL2: u32 = sysreg(3, 4, 1, 1, 0);
const ESR_EL2: u32 = sysreg(3, 4, 5, 2, 0);
const VBAR_EL2: u32 = sysreg(3, 4, 12, 0, 0);
const SPSR_EL2: u32 = sysreg(3, 4, 4, 0, 0);
const ELR_EL2: u32 = sysreg(3, 4, 4, 0, 1);
const ICH_HCR_EL2: u32 = sysreg(3, 4, 12, 11, 0);
const ICH_LR0_EL2: u32 = sysreg(3, 4, 12, 12, 0);
const ICC_CTLR_EL1: u32 = sysreg(3, 0, 12, 12, 4);
const ICC_DIR_EL1: u32 = sysreg(3, 0, 12, 11, 1);
const SCR_EL3: u32 = sysreg(3, 6, 1, 1, 0);
const VBAR_EL3: u32 = sysreg(3, 6, 12, 0, 0);
const SPSR_EL3: u32 = sysreg(3, 6, 4, 0, 0);
const ELR_EL3: u32 = sysreg(3, 6, 4, 0, 1);
const IGRPEN0: u32 = sysreg(3, 0, 12, 12, 6);
const IGRPEN1_EL3: u32 = sysreg(3, 6, 12, 12, 7);
const IAR0: u32 = sysreg(3, 0, 12, 8, 0);
const EOIR0: u32 = sysreg(3, 0, 12, 8, 1);
const SGI0R: u32 = sysreg(3, 0, 12, 11, 7);
const CNTPCT_EL0: u32 = sysreg(3, 3, 14, 0, 1);
const CNTPS_CTL_EL1: u32 = sysreg(3, 7, 14, 2, 1);
const CNTPS_CVAL_EL1: u32 = sysreg(3, 7, 14, 2, 2);

/// EL1 with SP_EL1, everything masked.
const TO_EL1: u64 = 0x3c5;
/// SCR_EL3: HVC and EL1 in AArch64, what reads as one; FIQs are EL3's; Non-secure.
const SCR: u64 = 1 << 10 | 1 << 8 | 3 << 4 | 1 << 2 | 1;

fn set(a: &mut Asm, reg: u32, value: u64) {
    load(a, 0, value);
    dynasm!(a ; .arch aarch64 ; msr reg, x0);
}

/// Goes to EL1 at `at`, with vectors of the level above.
pub fn enter(a: &mut Asm, level: Level, at: DynamicLabel, vectors: DynamicLabel) {
    match level {
        Level::One | Level::Nmi => dynasm!(a ; .arch aarch64 ; b =>at),
        Level::Virtual => {
            set(a, HCR_EL2, 1 << 31 | 1 << 4 | 1 << 3); // RW, IMO, FMO
            set(a, ICC_CTLR_EL1, 1 << 1); // EOImode: the guest deactivates
            set(a, ICH_HCR_EL2, 1);
            set(a, SPSR_EL2, TO_EL1);
            dynasm!(a ; .arch aarch64 ; adr x0, =>vectors ; msr VBAR_EL2, x0 ; adr x0, =>at ; msr ELR_EL2, x0 ; isb ; eret);
        }
        Level::Secure => {
            set(a, IGRPEN0, 1);
            set(a, IGRPEN1_EL3, 3);
            dynasm!(a
                ; .arch aarch64
                ; mrs x18, CNTPCT_EL0
                ; add x18, x18, x24
                ; msr CNTPS_CVAL_EL1, x18
                ; movz x0, 1
                ; msr CNTPS_CTL_EL1, x0
            );
            set(a, SCR_EL3, SCR);
            set(a, SPSR_EL3, TO_EL1);
            dynasm!(a ; .arch aarch64 ; adr x0, =>vectors ; msr VBAR_EL3, x0 ; adr x0, =>at ; msr ELR_EL3, x0 ; isb ; eret);
        }
    }
}

pub fn vectors(a: &mut Asm, level: Level, label: DynamicLabel, wrong: DynamicLabel) {
    let [sync, interrupt] = [(); 2].map(|()| a.new_dynamic_label());
    match level {
        Level::One | Level::Nmi => dynasm!(a ; .arch aarch64 ; =>label),
        Level::Virtual => {
            table(a, label, wrong, &[(8, sync), (9, interrupt)]);
            hypervisor(a, sync, interrupt, wrong);
        }
        Level::Secure => {
            table(a, label, wrong, &[(8, sync), (10, interrupt)]);
            monitor(a, sync, interrupt, wrong);
        }
    }
}

/// ICH_LR: pending, Group 1, and what is in it.
const fn list(priority: u64, id: u64) -> u64 {
    1 << 62 | 1 << 60 | priority << 48 | id
}

/// EL2: SGIs go on in list register 0, the timer in 1 with its interrupt behind it; what is parked is in 2 and 3.
fn hypervisor(a: &mut Asm, sync: DynamicLabel, irq: DynamicLabel, wrong: DynamicLabel) {
    let [timer, none, hvc] = [(); 3].map(|()| a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; =>irq ; mrs x2, IAR1 ; cmp x2, TIMER ; b.eq =>timer);
    load(a, 3, 1023);
    dynasm!(a ; .arch aarch64 ; cmp x2, x3 ; b.eq =>none);
    load(a, 3, list(0xa0, 0));
    dynasm!(a
        ; .arch aarch64
        ; mrs x4, ICH_LR0_EL2
        ; tbnz x4, 62, =>wrong // two at once
        ; and x4, x4, 1 << 63
        ; orr x3, x3, x4
        ; orr x3, x3, x2
        ; msr ICH_LR0_EL2, x3
        ; msr EOIR1, x2
        ; msr ICC_DIR_EL1, x2
        ; =>none
        ; eret
        ; =>timer
    );
    load(a, 3, list(0xa0, TIMER.into()) | 1 << 61 | u64::from(TIMER) << 32);
    dynasm!(a ; .arch aarch64 ; msr ICH_LR0_EL2 + 1, x3 ; msr EOIR1, x2 ; eret);
    // The guest sends an SGI, by x1 or x12; or parks two interrupts.
    dynasm!(a
        ; .arch aarch64
        ; =>sync
        ; mrs x2, ESR_EL2
        ; lsr x3, x2, 26
        ; cmp x3, 0x16
        ; b.eq =>hvc
        ; cmp x3, 0x18
        ; b.ne =>wrong
        ; ubfx x3, x2, 5, 5
        ; cmp x3, 1
        ; csel x3, x1, x12, eq
        ; msr SGI1R, x3
        ; mrs x3, ELR_EL2
        ; add x3, x3, 4
        ; msr ELR_EL2, x3
        ; eret
        ; =>hvc
    );
    for n in 2..4 {
        load(a, 3, list(0xf0, 38 + u64::from(n)));
        dynasm!(a ; .arch aarch64 ; mrs x4, ICH_LR0_EL2 + n ; lsr x4, x4, 62 ; cbnz x4, =>wrong ; msr ICH_LR0_EL2 + n, x3);
    }
    dynasm!(a ; .arch aarch64 ; eret);
}

/// EL3: sends and takes the answer, in Group 0, and has a timer in Secure Group 1.
fn monitor(a: &mut Asm, smc: DynamicLabel, fiq: DynamicLabel, wrong: DynamicLabel) {
    let [answer, secure, ended, none] = [(); 4].map(|()| a.new_dynamic_label());
    dynasm!(a ; .arch aarch64 ; =>smc);
    load(a, 2, Guest::sgi(3, 0));
    dynasm!(a ; .arch aarch64 ; dsb sy ; msr SGI0R, x2 ; eret);
    dynasm!(a ; .arch aarch64 ; =>fiq ; mrs x2, IAR0 ; cmp x2, 3 ; b.eq =>answer);
    load(a, 3, 1020);
    dynasm!(a ; .arch aarch64 ; cmp x2, x3 ; b.eq =>secure);
    load(a, 3, 1023);
    dynasm!(a ; .arch aarch64 ; cmp x2, x3 ; b.ne =>wrong ; eret);
    dynasm!(a ; .arch aarch64 ; =>answer ; add x20, x20, 1 ; msr EOIR0, x2 ; eret ; =>secure);
    load(a, 3, 1023);
    load(a, 4, SCR & !1);
    dynasm!(a ; .arch aarch64 ; msr SCR_EL3, x4 ; isb ; mrs x2, IAR1 ; cmp x2, x3 ; b.eq =>none ; cmp x2, 29 ; b.ne =>wrong);
    dynasm!(a ; .arch aarch64 ; add x18, x18, x24 ; msr CNTPS_CVAL_EL1, x18 ; isb ; add x29, x29, 1 ; cbnz x19, =>ended);
    dynasm!(a ; .arch aarch64 ; tst x29, 0x3f ; b.ne =>ended ; movz w3, b'u'.into() ; strb w3, [x23]);
    dynasm!(a ; .arch aarch64 ; =>ended ; msr EOIR1, x2 ; =>none);
    load(a, 4, SCR);
    dynasm!(a ; .arch aarch64 ; msr SCR_EL3, x4 ; isb ; eret);
}
