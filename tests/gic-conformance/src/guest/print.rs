//! Printing on the PL011. Leaf routines; they use x0 to x6.

use super::asm::{Asm, load};
use crate::board::UART;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

/// Labels of the printing routines.
#[derive(Clone, Copy)]
pub struct Print {
    string: DynamicLabel,
    hex: DynamicLabel,
}

impl Print {
    pub fn new(asm: &mut Asm) -> Print {
        Print { string: asm.new_dynamic_label(), hex: asm.new_dynamic_label() }
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
