//! The least program that can be heard: one byte, and power off.

use crate::asm::*;
use crate::print::UART;
use dynasmrt::dynasm;

pub fn assemble() -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    load(&mut asm, 1, UART);
    dynasm!(asm ; .arch aarch64 ; movz w0, 33 ; str w0, [x1]);
    load(&mut asm, 0, PSCI_SYSTEM_OFF);
    dynasm!(asm ; .arch aarch64 ; hvc 0);
    asm.finalize().expect("no labels")
}
