//! LPI tables and the ITS, from nothing to their first command.

use super::asm::*;
use crate::board::*;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

/// Normal memory, Write-Back, Inner Shareable, as the tables' attributes.
const CACHED: u64 = 7 << 7 | 1 << 10;
const CACHED_QUEUE: u64 = 7 << 59 | 1 << 10;
const PTZ: u64 = 1 << 62;
const VALID: u64 = 1 << 63;
/// GITS_BASER.Page_Size: 64 KiB.
const PAGE_64K: u64 = 2 << 8;

pub fn routines(a: &mut Asm, labels: &Labels) {
    lpis(a, labels);
    its(a, labels);
    command(a, labels);
}

/// All LPIs disabled at priority 0xa0, none pending, tables known to the redistributors, EnableLPIs set. Skips
/// without LPIs. Uses x0 to x3, x13, x14.
fn lpis(a: &mut Asm, labels: &Labels) {
    let alone = a.new_dynamic_label();
    dynasm!(a ; .arch aarch64 ; =>labels.lpis);
    load(a, 1, GICD + 4);
    dynasm!(a ; .arch aarch64 ; ldr w0, [x1] ; tbz w0, 17, =>labels.skip);
    fill(a, CONFIG, 0xa0a0_a0a0, (1 << (ID_BITS + 1)) / 4 - 2048);
    fill(a, PENDING, 0, 0x2_0000 / 4);
    dynasm!(a ; .arch aarch64 ; dsb sy);
    for pe in 0..2 {
        if pe == 1 {
            dynasm!(a ; .arch aarch64 ; ldr x0, [x20, shared::UP] ; cbz x0, =>alone);
        }
        let frame = GICR + pe * GICR_STRIDE;
        poke64(a, frame + 0x70, CONFIG | CACHED | ID_BITS);
        poke64(a, frame + 0x78, (PENDING + pe * 0x1_0000) | CACHED | PTZ);
        poke(a, frame, 1);
    }
    dynasm!(a ; .arch aarch64 ; =>alone ; dsb sy ; ret);
}

/// The same, and an ITS with empty tables and an empty queue. Skips without one, or with RDbase in addresses.
fn its(a: &mut Asm, labels: &Labels) {
    dynasm!(a ; .arch aarch64 ; =>labels.its ; mov x14, x30 ; bl =>labels.lpis ; movz x24, 1 ; movz x0, 0);
    load(a, 1, GITS + 8);
    dynasm!(a
        ; .arch aarch64
        ; ldr x0, [x1] // TYPER
        ; movz x24, 0
        ; tbz w0, 0, =>labels.skip
        ; tbnz w0, 19, =>labels.skip // PTA
    );
    fill(a, TABLES, 0, 8 * 0x1_0000 / 4);
    fill(a, ITTS, 0, DEVICES * ITT_STRIDE / 4);
    for n in 0..8 {
        load(a, 1, GITS + 0x100 + 8 * n);
        dynasm!(a ; .arch aarch64 ; ldr x0, [x1] ; ubfx x2, x0, 56, 3 ; cbz x2, >no_table);
        load(a, 0, (TABLES + n * 0x1_0000) | VALID | CACHED_QUEUE | PAGE_64K);
        dynasm!(a ; .arch aarch64 ; str x0, [x1] ; no_table:);
    }
    poke64(a, GITS + 0x80, VALID | QUEUE | CACHED_QUEUE);
    poke64(a, GITS + 0x88, 0);
    poke(a, GITS, 1);
    dynasm!(a ; .arch aarch64 ; dsb sy ; br x14);
}

/// x0 to x3 into the queue, and on with CWRITER; waits until CREADR has come there. Uses x4 to x7.
fn command(a: &mut Asm, labels: &Labels) {
    let done = a.new_dynamic_label();
    dynasm!(a ; .arch aarch64 ; =>labels.command);
    load(a, 4, GITS);
    load(a, 5, QUEUE);
    dynasm!(a
        ; .arch aarch64
        ; ldr x6, [x4, 0x88]
        ; add x5, x5, x6
        ; stp x0, x1, [x5]
        ; stp x2, x3, [x5, 16]
        ; dsb sy
        ; add x6, x6, 32
        ; and x6, x6, QUEUE_SIZE - 32
        ; str x6, [x4, 0x88]
    );
    deadline(a);
    dynasm!(a
        ; .arch aarch64
        ; again:
        ; ldr x0, [x4, 0x90]
        ; cmp x0, x6
        ; b.eq =>done
        ; yield
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo <again
        ; mov x1, x6
        ; ldr x2, [x20, shared::LENIENT]
        ; cbz x2, =>labels.fail
        ; =>done
        ; ret
    );
}
