//! One action as code.

use super::asm::*;
use crate::board::*;
use crate::registers::{Field, Place};
use crate::statement::{Action, Line, Look};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

/// How long a signal that shall not be there is waited for: a tenth of a second, shifted right.
const PATIENCE_SHIFT: u32 = 10;

pub fn assemble(a: &mut Asm, labels: &Labels, pe: u64, action: &Action) {
    match *action {
        Action::Write(place, value) => write(a, pe, place, value),
        Action::Check(look) => {
            compare(a, pe, &look);
            dynasm!(a ; .arch aarch64 ; b.ne =>labels.fail);
        }
        Action::Need(look) => {
            compare(a, pe, &look);
            dynasm!(a ; .arch aarch64 ; b.ne =>labels.skip);
        }
        Action::Until(look) => until(a, labels, |a| compare(a, pe, &look)),
        Action::Signal(bits) => until(
            a,
            labels,
            |a| dynasm!(a ; .arch aarch64 ; mrs x0, ISR_EL1 ; movz x1, bits ; and x0, x0, x1 ; cmp x0, x1),
        ),
        Action::NoSignal(bits) => absent(a, labels, bits),
        Action::Take(kind, intid) => {
            take(a);
            took(a, labels, kind, intid);
        }
        Action::Took(kind, intid) => took(a, labels, kind, intid),
        Action::Undefined(operand, value) => refused(a, labels, operand, value, UNKNOWN),
        Action::Trapped(operand, value) => refused(a, labels, operand, value, SYSTEM),
        Action::Timer(line) => timer(a, line),
        Action::Wait => dynasm!(a ; .arch aarch64 ; dsb sy ; wfi),
        Action::Rwp => dynasm!(a ; .arch aarch64 ; bl =>labels.rwp),
        Action::Lpis => dynasm!(a ; .arch aarch64 ; bl =>labels.lpis),
        Action::Its => dynasm!(a ; .arch aarch64 ; bl =>labels.its),
        Action::Command(words, lenient) => {
            load(a, 0, lenient.into());
            dynasm!(a ; .arch aarch64 ; str x0, [x20, shared::LENIENT]);
            (0..).zip(words).for_each(|(r, word)| load(a, r, word));
            dynasm!(a ; .arch aarch64 ; bl =>labels.command);
        }
    }
}

/// Writes are followed by a DSB and an ISB: a case tests what has become visible.
fn write(a: &mut Asm, pe: u64, place: Place, value: u64) {
    match place {
        Place::Memory(address, bytes) => {
            load(a, 1, address);
            load(a, 0, value);
            store(a, 0, bytes);
        }
        Place::System(operand) => {
            load(a, 0, value);
            dynasm!(a ; .arch aarch64 ; dsb sy ; msr operand, x0 ; isb);
        }
        Place::Field(field, intid) => write_field(a, pe, field, intid, value),
        Place::PendingTable(table, lpi) => {
            load(a, 1, pending_byte(table, lpi));
            fetch(a, 1);
            let bit = 1 << (lpi % 8);
            load(a, 2, bit);
            match value {
                0 => dynasm!(a ; .arch aarch64 ; bic x0, x0, x2),
                _ => dynasm!(a ; .arch aarch64 ; orr x0, x0, x2),
            }
            store(a, 0, 1);
        }
    }
    dynasm!(a ; .arch aarch64 ; dsb sy ; isb);
}

fn pending_byte(table: u64, lpi: u32) -> u64 {
    PENDING + table * 0x1_0000 + u64::from(lpi / 8)
}

/// The frame that holds a field: the executing PE's for private interrupts.
fn frame(pe: u64, intid: u32) -> u64 {
    if intid < 32 { GICR + pe * GICR_STRIDE + SGI_FRAME } else { GICD }
}

fn write_field(a: &mut Asm, pe: u64, field: Field, intid: u32, value: u64) {
    let (set, clear) = field.offsets();
    let (base, n) = (frame(pe, intid), u64::from(intid));
    match field {
        Field::Enabled | Field::Pending | Field::Active => {
            load(a, 1, base + if value == 0 { clear } else { set } + n / 32 * 4);
            load(a, 0, 1 << (n % 32));
            store(a, 0, 4);
            if (field, value) == (Field::Enabled, 0) {
                // A disabled interrupt is held back once RWP says so.
                wait_rwp(a, base);
            }
        }
        Field::Group | Field::Modifier | Field::Edge => {
            let bits = if field == Field::Edge { 2 } else { 1 };
            load(a, 1, base + set + n * bits / 32 * 4);
            fetch(a, 4);
            load(a, 2, bits << (n * bits % 32));
            match value {
                0 => dynasm!(a ; .arch aarch64 ; bic w0, w0, w2),
                _ => dynasm!(a ; .arch aarch64 ; orr w0, w0, w2),
            }
            store(a, 0, 4);
        }
        Field::Priority => {
            load(a, 1, base + set + n);
            load(a, 0, value);
            store(a, 0, 1);
        }
        Field::Route => {
            load(a, 1, base + set + 8 * n);
            load(a, 0, value);
            store(a, 0, 8);
        }
    }
}

/// Waits for RWP of the frame that holds `base`. Uses x0, x1.
fn wait_rwp(a: &mut Asm, base: u64) {
    let (control, bit) = if base == GICD { (GICD, 31) } else { (base - SGI_FRAME, 3) };
    load(a, 1, control);
    dynasm!(a ; .arch aarch64 ; busy: ; ldr w0, [x1] ; tbnz w0, bit, <busy);
}

/// x0 = the place's value.
fn read(a: &mut Asm, pe: u64, place: Place) {
    match place {
        Place::Memory(address, bytes) => {
            load(a, 1, address);
            fetch(a, bytes);
        }
        Place::System(operand) => dynasm!(a ; .arch aarch64 ; mrs x0, operand ; isb),
        Place::PendingTable(table, lpi) => {
            load(a, 1, pending_byte(table, lpi));
            fetch(a, 1);
            dynasm!(a ; .arch aarch64 ; lsr x0, x0, lpi % 8 ; and x0, x0, 1);
        }
        Place::Field(field, intid) => {
            let (offset, n) = (field.offsets().0, u64::from(intid));
            let base = frame(pe, intid) + offset;
            match field {
                Field::Priority => {
                    load(a, 1, base + n);
                    fetch(a, 1);
                }
                Field::Route => {
                    load(a, 1, base + 8 * n);
                    fetch(a, 8);
                }
                Field::Edge => {
                    load(a, 1, base + n / 16 * 4);
                    fetch(a, 4);
                    dynasm!(a ; .arch aarch64 ; lsr x0, x0, intid % 16 * 2 + 1 ; and x0, x0, 1);
                }
                _ => {
                    load(a, 1, base + n / 32 * 4);
                    fetch(a, 4);
                    dynasm!(a ; .arch aarch64 ; lsr x0, x0, intid % 32 ; and x0, x0, 1);
                }
            }
        }
    }
}

/// x0 is what was read of the bits that count, x1 what was expected; Z is set if it is as it shall be.
fn compare(a: &mut Asm, pe: u64, look: &Look) {
    read(a, pe, look.place);
    load(a, 1, look.mask);
    dynasm!(a ; .arch aarch64 ; and x0, x0, x1);
    load(a, 1, look.value);
    dynasm!(a ; .arch aarch64 ; cmp x0, x1);
    if !look.equal {
        // Z the other way round.
        dynasm!(a ; .arch aarch64 ; cset x2, eq ; cmp x2, 0);
    }
}

/// Repeats `compare` until Z is set, or time is up. It may use x0 to x2.
fn until(a: &mut Asm, labels: &Labels, compare: impl FnOnce(&mut Asm)) {
    let (again, held) = (a.new_dynamic_label(), a.new_dynamic_label());
    deadline(a);
    dynasm!(a ; .arch aarch64 ; =>again);
    compare(a);
    dynasm!(a
        ; .arch aarch64
        ; b.eq =>held
        ; yield
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo =>again
        ; b =>labels.fail
        ; =>held
    );
}

/// For a while none of `bits` is in ISR_EL1.
fn absent(a: &mut Asm, labels: &Labels, bits: u32) {
    dynasm!(a
        ; .arch aarch64
        ; mrs x3, CNTVCT_EL0
        ; add x3, x3, x18, lsr PATIENCE_SHIFT
        ; again:
        ; mrs x0, ISR_EL1
        ; movz x2, bits
        ; ands x0, x0, x2
        ; movz x1, 0
        ; b.ne =>labels.fail
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo <again
    );
}

/// Unmasks until an exception has been taken.
fn take(a: &mut Asm) {
    deadline(a);
    dynasm!(a
        ; .arch aarch64
        ; movz x22, 1023
        ; movz x23, 0
        ; msr daifclr, 3
        ; again:
        ; cbnz x23, >taken
        ; yield
        ; mrs x2, CNTVCT_EL0
        ; cmp x2, x3
        ; b.lo <again
        ; taken:
        ; msr daifset, 3
    );
}

/// What the handler left is this.
fn took(a: &mut Asm, labels: &Labels, kind: u32, intid: u32) {
    dynasm!(a
        ; .arch aarch64
        ; mov x0, x23
        ; movz x1, kind
        ; cmp x0, x1
        ; b.ne =>labels.fail
        ; mov x0, x22
    );
    load(a, 1, intid.into());
    dynasm!(a ; .arch aarch64 ; cmp x0, x1 ; b.ne =>labels.fail);
}

/// ESR.EC of an UNDEFINED instruction, and of a system register access that a higher level takes.
const UNKNOWN: u32 = 0;
const SYSTEM: u32 = 0x18;

fn refused(a: &mut Asm, labels: &Labels, operand: u32, value: Option<u64>, class: u32) {
    load(a, 0, value.unwrap_or(0));
    dynasm!(a ; .arch aarch64 ; movn x25, 0 ; movz x24, 1);
    match value {
        Some(_) => dynasm!(a ; .arch aarch64 ; msr operand, x0),
        None => dynasm!(a ; .arch aarch64 ; mrs x0, operand),
    }
    dynasm!(a
        ; .arch aarch64
        ; isb
        ; movz x24, 0
        ; lsr x0, x25, 26
        ; movz x1, class
        ; cmp x0, x1
        ; b.ne =>labels.fail
    );
}

fn timer(a: &mut Asm, line: Line) {
    match line {
        // A hundredth of a tenth of a second.
        Line::Soon => dynasm!(a ; .arch aarch64 ; movz x0, 100 ; udiv x0, x18, x0),
        Line::Up | Line::Down => dynasm!(a ; .arch aarch64 ; movn x0, 0),
    }
    dynasm!(a
        ; .arch aarch64
        ; msr CNTV_TVAL_EL0, x0
        ; movz x0, (line != Line::Down) as u32
        ; msr CNTV_CTL_EL0, x0
        ; isb
    );
}
