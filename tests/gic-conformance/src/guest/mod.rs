//! The program: every case as code, one after another, between a start and what they share.
//!
//! Registers: x18 is a tenth of a second in ticks, x19 the PE's number, x20 `SHARED`, x21 the handlers' own, x22 and
//! x23 what the last interrupt was (INTID; 1 IRQ, 2 FIQ), x24 whether a synchronous exception is expected and x25 its
//! ESR, x27 the statement's number, x28 where the case ends. Statements use x0 to x9, subroutines x10 to x17 too.
#![allow(clippy::useless_conversion)] // dynasm! converts every register number, also those that need it not

mod asm;
mod gic;
mod its;
mod print;
mod start;
mod step;

use crate::board::LOAD;
use crate::cases::Case;
use asm::{Asm, Labels, verdict};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use print::Print;

/// What the program prints when it has come to its end.
pub const END: &str = "GIC-CONFORMANCE-END";

/// The program that runs `cases`, a raw image for `LOAD`.
pub fn program(cases: &[Case]) -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    let a = &mut asm;
    let (print, labels) = (Print::new(a), Labels::new(a));
    let mut chunks = vec![];
    start::leader(a, &labels);
    for case in cases.iter().filter(|case| case.cold) {
        one(a, &print, &labels, case, &mut chunks);
    }
    start::start_other(a, &labels);
    for case in cases.iter().filter(|case| !case.cold) {
        one(a, &print, &labels, case, &mut chunks);
    }
    print.text(a, END);
    print.text(a, "\n");
    start::power_off(a);
    start::routines(a, &print, &labels);
    gic::routines(a, &labels);
    its::routines(a, &labels);
    print.routines(a);
    for (label, (number, action)) in chunks {
        dynasm!(a ; .arch aarch64 ; =>label ; movz x27, number);
        step::assemble(a, &labels, 1, &action);
        dynasm!(a ; .arch aarch64 ; movz x9, verdict::PASS ; br x28);
    }
    asm.finalize().expect("every label is defined and in reach")
}

/// What PE 1 does in a case, and where its code goes.
type Chunk = (dynasmrt::DynamicLabel, (u32, crate::statement::Action));

fn one(a: &mut Asm, print: &Print, labels: &Labels, case: &Case, chunks: &mut Vec<Chunk>) {
    let end = a.new_dynamic_label();
    print.text(a, &format!("CHK-{} {} ", case.rule, case.name));
    dynasm!(a ; .arch aarch64 ; adr x28, =>end ; movz x27, 0);
    if !case.cold {
        dynasm!(a ; .arch aarch64 ; bl =>labels.reset);
    }
    for (number, (_, statement)) in (1..).zip(&case.statements) {
        dynasm!(a ; .arch aarch64 ; movz x27, number);
        if statement.pe == 0 {
            step::assemble(a, labels, 0, &statement.action);
        } else {
            let label = a.new_dynamic_label();
            chunks.push((label, (number, statement.action)));
            dynasm!(a ; .arch aarch64 ; adr x0, =>label ; bl =>labels.other);
        }
    }
    dynasm!(a
        ; .arch aarch64
        ; movz x9, verdict::PASS
        ; =>end
        ; bl =>labels.report
    );
}
