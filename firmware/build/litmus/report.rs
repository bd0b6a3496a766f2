//! Outcomes: taken from an instance, counted, printed. The leader's.

use super::body::address;
use super::insn::{Look, Reg};
use super::*;

/// Subroutine: x0 = the outcome of the instance in x23, a byte for each value, the first lowest. x1, x2 and x3
/// are the addresses of its locations. Uses x5 and x6.
pub fn look(a: &mut Asm, looks: &[Look]) {
    dynasm!(a ; .arch aarch64 ; movz x0, 0 ; movz x6, 255);
    for (n, look) in (0..).zip(looks) {
        match *look {
            Look::At(t, r) => {
                let offset = RECORDS + 64 * t as u32 + if r == Reg::R1 { 8 } else { 0 };
                dynasm!(a ; .arch aarch64 ; ldr x5, [x23, offset]);
            }
            Look::Last(loc) => dynasm!(a ; .arch aarch64 ; ldr x5, [X(address(loc))]),
            Look::LastHigh(loc) => dynasm!(a ; .arch aarch64 ; ldr x5, [X(address(loc)), 8]),
        }
        // What no test stores must not look like something else.
        dynasm!(a ; .arch aarch64 ; cmp x5, x6 ; csel x5, x5, x6, lo ; lsl x5, x5, 8 * n ; orr x0, x0, x5);
    }
    dynasm!(a ; .arch aarch64 ; ret);
}

/// Adds the outcomes of a batch to the histogram.
pub fn count(a: &mut Asm) {
    load(a, 23, INSTANCES);
    dynasm!(a
        ; .arch aarch64
        ; movz x25, BATCH as u32
        ; ldr x28, [x20, LOOK]
        ; ldp x16, x17, [x20, MET as i32] // and USED
        ; next_outcome:
        ; add x1, x23, LOCATIONS
        ; add x2, x1, x26
        ; add x3, x2, x26
        ; blr x28
        ; add x5, x20, HISTOGRAM
        ; movz x6, 0
        ; search:
        ; cmp x6, x17
        ; b.eq >new
        ; ldr x7, [x5]
        ; cmp x7, x0
        ; b.eq >known
        ; add x5, x5, 16
        ; add x6, x6, 1
        ; b <search
        ; new:
        ; cmp x17, KINDS
        ; b.hs >missing // the counts then do not add up to `ran`
        ; stp x0, xzr, [x5]
        ; add x17, x17, 1
        ; known:
        ; ldr x7, [x5, 8]
        ; add x7, x7, 1
        ; str x7, [x5, 8]
        ; missing:
        ; movz x5, 1
        ; movz x6, 0
        ; add x7, x23, RECORDS
        ; each_thread:
        ; ldr x8, [x7, RECORD_MET]
        ; and x5, x5, x8
        ; add x7, x7, 64
        ; add x6, x6, 1
        ; cmp x6, x27
        ; b.lo <each_thread
        ; add x16, x16, x5
        ; add x23, x23, INSTANCE
        ; subs x25, x25, 1
        ; b.ne <next_outcome
        ; stp x16, x17, [x20, MET as i32]
    );
}

/// Prints the histogram: `ran=256 met=250 0,1=3 1,1=253`.
pub fn print(a: &mut Asm, print: &Print) {
    print.text(a, "ran=");
    dynasm!(a ; .arch aarch64 ; ldr x16, [x20, BATCHES] ; movz x17, BATCH as u32 ; mul x16, x16, x17);
    print.decimal(a, 16);
    print.text(a, " met=");
    dynasm!(a ; .arch aarch64 ; ldr x16, [x20, MET]);
    print.decimal(a, 16);
    dynasm!(a ; .arch aarch64 ; add x17, x20, HISTOGRAM ; ldr x16, [x20, USED] ; next:);
    print.text(a, " ");
    dynasm!(a ; .arch aarch64 ; ldr x23, [x17] ; ldr x25, [x20, VALUES] ; value: ; and x28, x23, 255 ; lsr x23, x23, 8);
    print.decimal(a, 28);
    dynasm!(a ; .arch aarch64 ; subs x25, x25, 1 ; b.eq >last);
    print.text(a, ",");
    dynasm!(a ; .arch aarch64 ; b <value ; last:);
    print.text(a, "=");
    dynasm!(a ; .arch aarch64 ; ldr x25, [x17, 8]);
    print.decimal(a, 25);
    dynasm!(a ; .arch aarch64 ; add x17, x17, 16 ; subs x16, x16, 1 ; b.ne <next);
    print.text(a, "\n");
}
