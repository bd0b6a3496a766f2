//! What the guest of two vCPUs executes: it says "hello" on a UART that the VMM emulates, and takes an SGI, a timer's PPI, an
//! SPI and an LPI, the last two after it has asked for them.
#![allow(clippy::useless_conversion)] // dynasm! converts every register number, also those that need it not

use super::{DIST, ITS, Memory, RAM, REDIST, UART};
use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

type Asm = VecAssembler<Aarch64Relocation>;

/// Offsets in RAM. `COUNTS` has one word for each INTID below 64, and the LPI counts as 0.
pub const COUNTS: u64 = 0x1_0000;
/// What the guest read from the UART.
pub const HEARD: u64 = 0x1_1000;
const STACKS: u64 = 0x2_0000;
const PROPERTIES: u64 = 0x4_0000;
const PENDING: u64 = 0x6_0000;
const QUEUE: u64 = 0x8_0000;
const DEVICES: u64 = 0x9_0000;
const COLLECTIONS: u64 = 0xa_0000;
const TRANSLATIONS: u64 = 0xb_0000;

/// Registers of the VMM's device: a byte that is written is printed; one that is read is what was typed; and a wish.
pub const INPUT: u64 = UART + 0x18;
pub const WISH: u64 = UART + 0x100;
/// The wishes.
pub const SPI_PLEASE: u64 = 1;
pub const LPI_PLEASE: u64 = 2;

pub const PING: u32 = 1;
pub const PONG: u32 = 2;
pub const TIMER: u32 = 27;
pub const SPI: u32 = 40;
pub const LPI: u64 = 8192;
/// Who sends the LPI.
pub const DEVICE: u32 = 2;
pub const EVENT: u32 = 3;

const fn sysreg(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

const VBAR_EL1: u32 = sysreg(3, 0, 12, 0, 0);
const CNTV_TVAL_EL0: u32 = sysreg(3, 3, 14, 3, 0);
const CNTV_CTL_EL0: u32 = sysreg(3, 3, 14, 3, 1);
const ICC_SRE_EL1: u32 = sysreg(3, 0, 12, 12, 5);
const ICC_PMR_EL1: u32 = sysreg(3, 0, 4, 6, 0);
const ICC_IGRPEN1_EL1: u32 = sysreg(3, 0, 12, 12, 7);
const ICC_IAR1_EL1: u32 = sysreg(3, 0, 12, 12, 0);
const ICC_EOIR1_EL1: u32 = sysreg(3, 0, 12, 12, 1);
const ICC_SGI1R_EL1: u32 = sysreg(3, 0, 12, 11, 5);

const PSCI_CPU_ON: u64 = 0xc400_0003;
const PSCI_SYSTEM_OFF: u64 = 0x8400_0008;

/// Xr = value.
pub fn load(asm: &mut Asm, r: u8, value: u64) {
    for n in 0..4 {
        let part = (value >> (16 * n)) as u32 & 0xffff;
        match n {
            0 => dynasm!(asm ; .arch aarch64 ; movz X(r), part),
            1 => dynasm!(asm ; .arch aarch64 ; movk X(r), part, lsl 16),
            2 => dynasm!(asm ; .arch aarch64 ; movk X(r), part, lsl 32),
            _ => dynasm!(asm ; .arch aarch64 ; movk X(r), part, lsl 48),
        }
    }
}

/// Stores `value` at `address` in 8 bytes, or in 4. Uses x0 and x1.
fn put8(asm: &mut Asm, address: u64, value: u64) {
    load(asm, 0, address);
    load(asm, 1, value);
    dynasm!(asm ; .arch aarch64 ; str x1, [x0]);
}

fn put4(asm: &mut Asm, address: u64, value: u64) {
    load(asm, 0, address);
    load(asm, 1, value);
    dynasm!(asm ; .arch aarch64 ; str w1, [x0]);
}

/// Stack, vectors and CPU interface of the vCPU with this number.
fn this_cpu(asm: &mut Asm, cpu: u64, vectors: dynasmrt::DynamicLabel) {
    load(asm, 0, RAM + STACKS + 0x1000 * (cpu + 1));
    dynasm!(asm ; .arch aarch64 ; mov sp, x0 ; adr x0, =>vectors ; msr VBAR_EL1, x0);
    // SGIs and the timer.
    put4(asm, REDIST + 0x2_0000 * cpu + 0x1_0100, 1 << PING | 1 << PONG | 1 << TIMER);
    dynasm!(asm
        ; .arch aarch64
        ; movz x0, 7
        ; msr ICC_SRE_EL1, x0
        ; isb
        ; movz x0, 0xf0
        ; msr ICC_PMR_EL1, x0
        ; movz x0, 1
        ; msr ICC_IGRPEN1_EL1, x0
        ; isb
        ; msr daifclr, 2
    );
}

/// Sleeps until the INTID was counted.
fn wait(asm: &mut Asm, intid: u32) {
    load(asm, 2, RAM + COUNTS + 8 * u64::from(intid));
    dynasm!(asm
        ; .arch aarch64
        ; again:
        ; msr daifset, 2
        ; ldr x0, [x2]
        ; cbnz x0, >counted
        ; wfi // wakes though masked
        ; msr daifclr, 2
        ; b <again
        ; counted:
        ; msr daifclr, 2
    );
}

/// Sends an SGI to the vCPU of that Aff0.
fn send(asm: &mut Asm, intid: u32, aff0: u32) {
    load(asm, 0, u64::from(intid) << 24 | 1 << aff0);
    dynasm!(asm ; .arch aarch64 ; msr ICC_SGI1R_EL1, x0 ; isb);
}

/// The ITS and the LPIs of vCPU 0. Its commands are in the queue already.
fn lpis(asm: &mut Asm) {
    const VALID: u64 = 1 << 63;
    put8(asm, REDIST + 0x70, (RAM + PROPERTIES) | 0xf);
    put8(asm, REDIST + 0x78, RAM + PENDING);
    put4(asm, REDIST, 1);
    put8(asm, ITS + 0x80, VALID | (RAM + QUEUE));
    put8(asm, ITS + 0x100, VALID | (RAM + DEVICES));
    put8(asm, ITS + 0x108, VALID | (RAM + COLLECTIONS));
    put4(asm, ITS, 1);
    put8(asm, ITS + 0x88, 32 * commands().len() as u64);
    load(asm, 0, ITS + 0x90);
    load(asm, 1, 32 * commands().len() as u64);
    dynasm!(asm ; .arch aarch64 ; busy: ; ldr x2, [x0] ; cmp x2, x1 ; b.ne <busy);
}

fn commands() -> [[u64; 4]; 5] {
    let device = u64::from(DEVICE) << 32;
    [
        [0x08 | device, 4, 1 << 63 | (RAM + TRANSLATIONS), 0], // MAPD
        [0x09, 0, 1 << 63, 0],                                 // MAPC: collection 0 is vCPU 0's
        [0x0a | device, u64::from(EVENT) | LPI << 32, 0, 0],   // MAPTI
        [0x0c | device, EVENT.into(), 0, 0],                   // INV
        [0x05, 0, 0, 0],                                       // SYNC
    ]
}

/// Puts the program at the start of RAM, where vCPU 0 begins, and what the guest's tables hold.
pub fn write(memory: &Memory) {
    memory.write(0, &assemble());
    memory.write(PROPERTIES, &[0xa1]);
    memory.words(QUEUE, commands().as_flattened());
}

fn assemble() -> Vec<u8> {
    let mut asm = Asm::new(RAM as usize);
    let a = &mut asm;
    let (vectors, second) = (a.new_dynamic_label(), a.new_dynamic_label());
    load(a, 1, UART);
    for byte in "hello\n".bytes() {
        dynasm!(a ; .arch aarch64 ; movz w0, byte.into() ; strb w0, [x1]);
    }
    load(a, 1, INPUT);
    load(a, 2, RAM + HEARD);
    dynasm!(a ; .arch aarch64 ; ldrsb x0, [x1] ; str x0, [x2]);
    put4(a, DIST, 0x12); // ARE, EnableGrp1
    put4(a, DIST + 0x100 + 4 * u64::from(SPI / 32), 1 << (SPI % 32));
    this_cpu(a, 0, vectors);
    lpis(a);

    load(a, 0, PSCI_CPU_ON);
    load(a, 1, 1);
    dynasm!(a ; .arch aarch64 ; adr x2, =>second ; movz x3, 0x77 ; hvc 0 ; cbnz x0, =>second);
    send(a, PING, 1);
    wait(a, PONG);

    load(a, 0, 1_000_000);
    dynasm!(a ; .arch aarch64 ; msr CNTV_TVAL_EL0, x0 ; movz x0, 1 ; msr CNTV_CTL_EL0, x0);
    wait(a, TIMER);
    put4(a, WISH, SPI_PLEASE);
    wait(a, SPI);
    put4(a, WISH, LPI_PLEASE);
    wait(a, 0);
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0 ; b =>second);

    // Its argument is 0x77, or it waits for ever.
    dynasm!(a ; .arch aarch64 ; =>second ; cmp x0, 0x77 ; stop: ; b.ne <stop);
    this_cpu(a, 1, vectors);
    dynasm!(a ; .arch aarch64 ; idle: ; wfi ; b <idle);

    handler(a, vectors);
    asm.finalize().expect("every label is defined")
}

/// Counts the interrupt; a ping is answered, and the timer stopped.
fn handler(a: &mut Asm, vectors: dynasmrt::DynamicLabel) {
    dynasm!(a ; .arch aarch64 ; .align 2048 ; =>vectors);
    for entry in 0..16 {
        match entry {
            5 => dynasm!(a ; .arch aarch64 ; b >irq ; .align 128),
            _ => dynasm!(a ; .arch aarch64 ; stuck: ; b <stuck ; .align 128),
        }
    }
    dynasm!(a
        ; .arch aarch64
        ; irq:
        ; stp x0, x1, [sp, -32]!
        ; stp x2, x3, [sp, 16]
        ; mrs x3, ICC_IAR1_EL1
        ; and x1, x3, 63
    );
    load(a, 0, RAM + COUNTS);
    dynasm!(a
        ; .arch aarch64
        ; add x0, x0, x1, lsl 3
        ; ldr x1, [x0]
        ; add x1, x1, 1
        ; str x1, [x0]
        ; cmp x3, TIMER
        ; b.ne >no_timer
        ; msr CNTV_CTL_EL0, xzr
        ; no_timer:
        ; cmp x3, PING
        ; b.ne >no_ping
    );
    send(a, PONG, 0);
    dynasm!(a
        ; .arch aarch64
        ; no_ping:
        ; msr ICC_EOIR1_EL1, x3
        ; isb
        ; ldp x2, x3, [sp, 16]
        ; ldp x0, x1, [sp], 32
        ; eret
    );
}
