//! The threads of a litmus test as code.
//!
//! A body is a subroutine. On entry x1, x2 and x3 are the addresses of X, Y and Z, and x10 and x11, the registers
//! R0 and R1, are zero. It may change x0, x5 to x9, x12 and x15 besides.

use super::insn::{Counter, INCREMENTS, Insn, Loc, Reg};
use crate::asm::*;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

/// The SGI that tests send; the leader wakes workers with SGI 1.
pub const SGI: u32 = 2;

/// Register that holds the address of `loc`.
pub const fn address(loc: Loc) -> u8 {
    1 + loc as u8
}

/// Register that is looked at as `reg`.
const fn register(reg: Reg) -> u8 {
    10 + reg as u8
}

/// A body of `thread`'s instructions at `label`.
pub fn assemble(a: &mut Asm, label: DynamicLabel, thread: &[Insn]) {
    dynasm!(a ; .arch aarch64 ; .align 64 ; =>label);
    thread.iter().for_each(|&i| insn(a, i));
    dynasm!(a ; .arch aarch64 ; ret);
}

fn insn(a: &mut Asm, insn: Insn) {
    let (r, at) = (register, address);
    match insn {
        Insn::Ldr(t, l) => dynasm!(a ; .arch aarch64 ; ldr X(r(t)), [X(at(l))]),
        Insn::Ldar(t, l) => dynasm!(a ; .arch aarch64 ; ldar X(r(t)), [X(at(l))]),
        Insn::Ldapr(t, l) => dynasm!(a ; .arch aarch64 ; ldapr X(r(t)), [X(at(l))]),
        Insn::LdrAddr(t, l, on) => {
            dynasm!(a ; .arch aarch64 ; eor x5, X(r(on)), X(r(on)) ; ldr X(r(t)), [X(at(l)), x5]);
        }
        Insn::Str(l, v) => dynasm!(a ; .arch aarch64 ; movz x5, v.into() ; str x5, [X(at(l))]),
        Insn::Stlr(l, v) => dynasm!(a ; .arch aarch64 ; movz x5, v.into() ; stlr x5, [X(at(l))]),
        Insn::StrAddr(l, v, on) => dynasm!(a
            ; .arch aarch64
            ; movz x6, v.into()
            ; eor x5, X(r(on)), X(r(on))
            ; str x6, [X(at(l)), x5]
        ),
        Insn::StrData(l, v, on) => dynasm!(a
            ; .arch aarch64
            ; eor x5, X(r(on)), X(r(on))
            ; add x5, x5, v.into()
            ; str x5, [X(at(l))]
        ),
        Insn::Swp(t, l, v) => dynasm!(a ; .arch aarch64 ; movz x5, v.into() ; swp x5, X(r(t)), [X(at(l))]),
        Insn::Swpal(t, l, v) => dynasm!(a ; .arch aarch64 ; movz x5, v.into() ; swpal x5, X(r(t)), [X(at(l))]),
        Insn::Branch(on) => dynasm!(a ; .arch aarch64 ; cbz X(r(on)), >next ; next:),
        Insn::Isb => dynasm!(a ; .arch aarch64 ; isb),
        Insn::Dmb => dynasm!(a ; .arch aarch64 ; dmb ish),
        Insn::DmbLd => dynasm!(a ; .arch aarch64 ; dmb ishld),
        Insn::DmbSt => dynasm!(a ; .arch aarch64 ; dmb ishst),
        Insn::Count(how) => count(a, how),
        Insn::SendSgi => send_sgi(a),
        Insn::TakeSgi(t) => take_sgi(a, t),
        Insn::PollSgi(t) => poll_sgi(a, t),
    }
}

fn count(a: &mut Asm, how: Counter) {
    dynasm!(a ; .arch aarch64 ; movz x12, INCREMENTS ; movz x15, 1 ; more:);
    match how {
        Counter::LdxrStxr => {
            dynasm!(a ; .arch aarch64 ; ldxr x5, [x1] ; add x5, x5, 1 ; stxr w6, x5, [x1] ; cbnz w6, <more)
        }
        Counter::LdaxrStlxr => {
            dynasm!(a ; .arch aarch64 ; ldaxr x5, [x1] ; add x5, x5, 1 ; stlxr w6, x5, [x1] ; cbnz w6, <more);
        }
        Counter::LdxpStxp => dynasm!(a
            ; .arch aarch64
            ; ldxp x6, x7, [x1]
            ; add x6, x6, 1
            ; add x7, x7, 3
            ; stxp w5, x6, x7, [x1]
            ; cbnz w5, <more
        ),
        Counter::Ldadd => dynasm!(a ; .arch aarch64 ; ldadd x15, x5, [x1]),
        Counter::Cas => dynasm!(a
            ; .arch aarch64
            ; ldr x5, [x1]
            ; mov x6, x5
            ; add x7, x5, 1
            ; cas x6, x7, [x1]
            ; cmp x6, x5
            ; b.ne <more
        ),
        // The halves that LDP reads may be of different times; CASP then fails.
        Counter::Casp => dynasm!(a
            ; .arch aarch64
            ; ldp x6, x7, [x1]
            ; mov x0, x6
            ; mov x5, x7
            ; add x8, x6, 1
            ; add x9, x7, 3
            ; casp x6, x7, x8, x9, [x1]
            ; cmp x6, x0
            ; ccmp x7, x5, 0, eq
            ; b.ne <more
        ),
        Counter::LockExclusive => {
            dynasm!(a ; .arch aarch64 ; ldaxr x5, [x2] ; cbnz x5, >taken ; stxr w6, x15, [x2] ; cbnz w6, <more);
            critical_section(a);
            dynasm!(a ; .arch aarch64 ; stlr xzr, [x2]);
        }
        Counter::LockCas => {
            dynasm!(a ; .arch aarch64 ; movz x5, 0 ; casa x5, x15, [x2] ; cbnz x5, >taken);
            critical_section(a);
            dynasm!(a ; .arch aarch64 ; stlr xzr, [x2]);
        }
        Counter::LockSwp => {
            dynasm!(a ; .arch aarch64 ; swpa x15, x5, [x2] ; cbnz x5, >taken);
            critical_section(a);
            dynasm!(a ; .arch aarch64 ; swpl xzr, x5, [x2]);
        }
    }
    dynasm!(a
        ; .arch aarch64
        ; subs x12, x12, 1
        ; b.ne <more
        ; b >counted
        ; taken:
        ; yield
        ; b <more
        ; counted:
    );
}

/// Increments X with plain accesses.
fn critical_section(a: &mut Asm) {
    dynasm!(a ; .arch aarch64 ; ldr x7, [x1] ; add x7, x7, 1 ; str x7, [x1]);
}

fn send_sgi(a: &mut Asm) {
    dynasm!(a
        ; .arch aarch64
        ; movz x5, SGI << 8, lsl 16
        ; movk x5, 1 << 1 // TargetList: thread 1, affinity 0.0.0.1
        ; dsb ishst
        ; msr ICC_SGI1R_EL1, x5
        ; isb
        ; silent:
        ; ldar x5, [x2]
        ; cbnz x5, >answered
        ; yield
        ; b <silent
        ; answered:
    );
}

fn take_sgi(a: &mut Asm, t: Reg) {
    dynasm!(a
        ; .arch aarch64
        ; movz x12, 0
        ; msr daifclr, 2
        ; not_yet:
        ; cbnz x12, >taken // by `handler`
        ; yield
        ; b <not_yet
        ; taken:
        ; msr daifset, 2
        ; mov X(register(t)), x15
        ; movz x5, 1
        ; stlr x5, [x2]
    );
}

/// The interrupt handler: tells `take_sgi` through x12 that there was one, and through x15 what X held.
pub fn handler(a: &mut Asm) {
    dynasm!(a
        ; .arch aarch64
        ; mrs x0, ICC_IAR1_EL1
        ; isb
        ; ldr x15, [x1]
        ; cmp x0, SGI
        ; cset x12, eq
        ; msr ICC_EOIR1_EL1, x0 // ignored if it is a special INTID
        ; isb
        ; eret
    );
}

fn poll_sgi(a: &mut Asm, t: Reg) {
    dynasm!(a
        ; .arch aarch64
        ; nothing:
        ; mrs x0, ICC_IAR1_EL1
        ; cmp x0, SGI
        ; b.eq >got_it
        ; yield
        ; b <nothing
        ; got_it:
        ; dsb sy
        ; ldr X(register(t)), [x1]
        ; msr ICC_EOIR1_EL1, x0
        ; isb
        ; movz x5, 1
        ; stlr x5, [x2]
    );
}
