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
mod secure;
mod start;
mod step;

use crate::board::LOAD;
use crate::cases::Case;
use crate::statement::Who;
use asm::{Asm, Labels, verdict};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use print::Print;

/// What the program prints when it has come to its end.
pub const END: &str = "GIC-CONFORMANCE-END";

/// How many security states the program expects: with one it runs at EL1, with two at EL3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum States {
    /// GICD_CTLR.DS is 1.
    One,
    /// GICD_CTLR.DS is 0.
    Two,
}

/// The program that runs those of `cases` that are for so many security states, a raw image for `LOAD`.
pub fn program(cases: &[Case], states: States) -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    let a = &mut asm;
    let (print, labels) = (Print::new(a), Labels::new(a));
    let mut chunks = vec![];
    start::leader(a, &labels);
    if states == States::Two {
        secure::leader(a);
    }
    let cases = || cases.iter().filter(|case| case.states == states);
    for case in cases().filter(|case| case.cold) {
        one(a, &print, &labels, case, &mut chunks);
    }
    if states == States::One {
        start::start_other(a, &labels);
    }
    for case in cases().filter(|case| !case.cold) {
        one(a, &print, &labels, case, &mut chunks);
    }
    print.text(a, END);
    print.text(a, "\n");
    match states {
        States::One => start::power_off(a),
        States::Two => secure::end(a),
    }
    secure::lower(a, &labels);
    start::routines(a, &print, &labels);
    gic::routines(a, &labels, states);
    its::routines(a, &labels);
    print.routines(a);
    for (label, (number, statement)) in chunks {
        dynasm!(a ; .arch aarch64 ; =>label ; movz x27, number);
        repeated(a, statement.times, |a| step::assemble(a, &labels, statement.who.pe(), &statement.action));
        dynasm!(a ; .arch aarch64 ; movz x9, verdict::PASS ; br x28);
    }
    asm.finalize().expect("every label is defined and in reach")
}

/// What another does in a case, and where its code goes.
type Chunk<'a> = (dynasmrt::DynamicLabel, (u32, &'a crate::statement::Statement));

/// x17 counts.
fn repeated(a: &mut Asm, times: u32, body: impl FnOnce(&mut Asm)) {
    if times == 1 {
        return body(a);
    }
    let again = a.new_dynamic_label();
    dynasm!(a ; .arch aarch64 ; movz x17, times ; =>again);
    body(a);
    dynasm!(a ; .arch aarch64 ; sub x17, x17, 1 ; cbnz x17, =>again);
}

fn one<'a>(a: &mut Asm, print: &Print, labels: &Labels, case: &'a Case, chunks: &mut Vec<Chunk<'a>>) {
    let end = a.new_dynamic_label();
    print.text(a, &format!("CHK-{} {} ", case.rule, case.name));
    dynasm!(a ; .arch aarch64 ; adr x28, =>end ; movz x27, 0 ; movz x23, 0);
    if !case.cold {
        dynasm!(a ; .arch aarch64 ; bl =>labels.reset);
    }
    for (number, (_, statement)) in (1..).zip(&case.statements) {
        dynasm!(a ; .arch aarch64 ; movz x27, number);
        if statement.who == Who::First {
            repeated(a, statement.times, |a| step::assemble(a, labels, 0, &statement.action));
        } else {
            let label = a.new_dynamic_label();
            chunks.push((label, (number, statement)));
            dynasm!(a ; .arch aarch64 ; adr x0, =>label);
            match statement.who {
                Who::Second => dynasm!(a ; .arch aarch64 ; bl =>labels.other),
                who => dynasm!(a ; .arch aarch64 ; movz x1, (who == Who::NonSecure) as u32 ; bl =>labels.lower),
            }
        }
    }
    dynasm!(a
        ; .arch aarch64
        ; movz x9, verdict::PASS
        ; =>end
        ; bl =>labels.report
    );
}
