//! Printing on the PL011. Leaf routines; they use x0 to x6.

use crate::asm::{Asm, load};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

pub const UART: u64 = 0x0900_0000;

/// Labels of the printing routines.
#[derive(Clone, Copy)]
pub struct Print {
    string: DynamicLabel,
    decimal: DynamicLabel,
    hex: DynamicLabel,
}

impl Print {
    pub fn new(asm: &mut Asm) -> Print {
        Print { string: asm.new_dynamic_label(), decimal: asm.new_dynamic_label(), hex: asm.new_dynamic_label() }
    }

    /// Prints `text`, which is put into the code, jumped over.
    pub fn text(&self, asm: &mut Asm, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let (data, over) = (asm.new_dynamic_label(), asm.new_dynamic_label());
        dynasm!(asm
            ; .arch aarch64
            ; adr x0, =>data
            ; bl =>self.string
            ; b =>over
            ; =>data
            ; .bytes bytes
            ; =>over
        );
    }

    /// Prints Xr in decimal.
    pub fn decimal(&self, asm: &mut Asm, r: u8) {
        dynasm!(asm ; .arch aarch64 ; mov x0, X(r) ; bl =>self.decimal);
    }

    /// Prints Xr in hexadecimal, with 0x.
    pub fn hex(&self, asm: &mut Asm, r: u8) {
        dynasm!(asm ; .arch aarch64 ; mov x0, X(r) ; bl =>self.hex);
    }

    /// The routines themselves.
    pub fn routines(&self, asm: &mut Asm) {
        dynasm!(asm ; .arch aarch64 ; =>self.string);
        load(asm, 1, UART);
        dynasm!(asm
            ; .arch aarch64
            ; next:
            ; ldrb w2, [x0], 1
            ; cbz w2, >done
            ; str w2, [x1]
            ; b <next
            ; done:
            ; ret

            // Digits are made from the last one on, below the stack pointer.
            ; =>self.decimal
            ; mov x3, sp
            ; movz x4, 10
            ; digit:
            ; udiv x5, x0, x4
            ; msub x6, x5, x4, x0
            ; add w6, w6, 48
            ; strb w6, [x3, -1]!
            ; mov x0, x5
            ; cbnz x0, <digit
        );
        load(asm, 1, UART);
        dynasm!(asm
            ; .arch aarch64
            ; out:
            ; ldrb w2, [x3], 1
            ; str w2, [x1]
            ; mov x5, sp
            ; cmp x3, x5
            ; b.lo <out
            ; ret

            ; =>self.hex
        );
        load(asm, 1, UART);
        dynasm!(asm
            ; .arch aarch64
            ; movz w2, 48
            ; str w2, [x1]
            ; movz w2, 120
            ; str w2, [x1]
            // Shift: from the highest digit that is not zero, at least one digit.
            ; orr x3, x0, 1
            ; clz x3, x3
            ; movz x4, 60
            ; and x3, x3, 0x3c
            ; sub x3, x4, x3
            ; nibble:
            ; lsr x2, x0, x3
            ; and w2, w2, 15
            ; cmp w2, 10
            ; add w4, w2, 48
            ; add w5, w2, 87
            ; csel w2, w4, w5, lo
            ; str w2, [x1]
            ; subs x3, x3, 4
            ; b.ge <nibble
            ; ret
        );
    }
}
