//! System instructions that are frequent enough to be compiled: plain registers, barriers, DC ZVA.

use crate::context::{Static, at, daif, sent, sys, tpidr};
use crate::emit::{Cold, Emitter, Node, SlowAccess, W, asm};
use crate::regs::HOSTS;
use crate::thunks::cc;
use cpu::Sys;
use dynasmrt::{DynasmApi, dynasm};
use hw::Access;
use semantics::{Op2, SysReg};
use std::mem::offset_of;

const TPIDR_EL0: SysReg = SysReg::new(3, 3, 13, 0, 2);
const TPIDRRO_EL0: SysReg = SysReg::new(3, 3, 13, 0, 3);
const TPIDR_EL1: SysReg = SysReg::new(3, 0, 13, 0, 4);
const SP_EL0: SysReg = SysReg::new(3, 0, 4, 1, 0);
const ELR_EL1: SysReg = SysReg::new(3, 0, 4, 0, 1);
const SPSR_EL1: SysReg = SysReg::new(3, 0, 4, 0, 0);
const ESR_EL1: SysReg = SysReg::new(3, 0, 5, 2, 0);
const FAR_EL1: SysReg = SysReg::new(3, 0, 6, 0, 0);
const DAIF: SysReg = SysReg::new(3, 3, 4, 2, 1);
const DC_ZVA: SysReg = SysReg::new(1, 3, 7, 4, 1);

/// Bytes that DC ZVA zeroes.
const BLOCK: i32 = 64;

/// A register that is a plain word of the PE, from rbp, if it may be read without a check in `context`.
fn readable(reg: SysReg, context: Static) -> Option<i32> {
    match reg {
        ESR_EL1 if context.is_el1() => Some(sys(offset_of!(Sys, esr) + 8)),
        FAR_EL1 if context.is_el1() => Some(sys(offset_of!(Sys, far) + 8)),
        SPSR_EL1 if context.is_el1() => Some(sys(offset_of!(Sys, spsr) + 8)),
        TPIDRRO_EL0 => Some(sys(offset_of!(Sys, tpidrro))),
        _ => writable(reg, context),
    }
}

/// The same for registers that keep every bit written.
fn writable(reg: SysReg, context: Static) -> Option<i32> {
    match reg {
        TPIDR_EL0 => Some(tpidr(0)),
        TPIDR_EL1 if context.is_el1() => Some(tpidr(1)),
        ELR_EL1 if context.is_el1() => Some(sys(offset_of!(Sys, elr) + 8)),
        // While it is the current stack pointer, it is elsewhere, and not accessible.
        SP_EL0 if context.is_el1() && context.sp_elx() => Some(sys(offset_of!(Sys, sp_el))),
        _ => None,
    }
}

impl Emitter {
    pub(crate) fn read_system(&mut self, reg: SysReg) -> W {
        if reg == DAIF && self.context.is_el1() {
            let Some(place) = self.temporary() else { return W(0) };
            let to = HOSTS[place as usize];
            asm!(self ; movzx Rd(to), BYTE [rbp + daif()]);
            let (masks, by) = (self.node(Node::At(place)), self.node(Node::Imm(6)));
            return self.node(Node::Op2(Op2::Lsl, masks, by));
        }
        let (Some(offset), Some(place)) = (readable(reg, self.context), self.temporary()) else {
            self.give_up();
            return W(0);
        };
        asm!(self ; mov Rq(HOSTS[place as usize]), [rbp + offset]);
        self.node(Node::At(place))
    }

    pub(crate) fn write_system(&mut self, reg: SysReg, v: W) {
        let Some(offset) = writable(reg, self.context) else { return self.give_up() };
        let from = self.reg(v);
        asm!(self ; mov [rbp + offset], Rq(from));
    }

    /// MSR DAIFSet.
    pub(crate) fn mask_interrupts(&mut self, imm: u32) {
        if !self.context.is_el1() {
            return self.give_up();
        }
        self.clobber_flags();
        asm!(self ; or BYTE [rbp + daif()], imm as i8 & 15);
    }

    pub(crate) fn system_operation(&mut self, op: SysReg, v: W) {
        match op {
            DC_ZVA if self.context.is_el1() && self.context.lenient() => self.zero_block(v),
            _ => self.give_up(),
        }
    }

    fn zero_block(&mut self, v: W) {
        let zero = self.vector();
        self.address(v);
        let site = self.site(SlowAccess::Zero);
        // Out of line the address is wanted as it was given.
        let from = self.probe(Access::plain(0), 1, true, None);
        asm!(self
            ; and rax, -BLOCK
            ; vpxor Rx(zero), Rx(zero), Rx(zero)
            ; vmovdqu [rax], Rx(zero)
            ; vmovdqu [BYTE rax + 16], Rx(zero)
            ; vmovdqu [BYTE rax + 32], Rx(zero)
            ; vmovdqu [BYTE rax + 48], Rx(zero)
        );
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: [None, None] });
    }

    /// DMB and DSB with the `CRm` field. The host orders loads, and stores, among themselves.
    pub(crate) fn barrier(&mut self, crm: u32, waits: bool) {
        let full = !matches!(crm & 3, 1 | 2);
        if full || waits {
            self.clobber_flags();
        }
        if full {
            asm!(self ; lock or DWORD [rsp], 0 ; mov BYTE [rbp + crate::context::RELEASE_PENDING], 0);
        }
        if waits {
            // Maintenance that was broadcast is waited for by the interpreter.
            asm!(self ; cmp BYTE [rbp + sent()], 0);
            let from = self.forward(cc::NE);
            let site = self.site(SlowAccess::Interpret);
            self.cold.push(Cold::Interpret { from, site });
        }
    }

    /// ISB: what it waits for is a change of instructions; changes of registers were acted on at once.
    pub(crate) fn synchronise(&mut self) {
        if !self.context.trusted() {
            return self.give_up();
        }
        self.clobber_flags();
        asm!(self
            ; mov rax, [BYTE rbx + at::EVENTS]
            ; mov rax, [rax]
            ; cmp rax, [BYTE rbx + at::SEEN]
        );
        let from = self.forward(cc::NE);
        let site = self.site(SlowAccess::Interpret);
        self.cold.push(Cold::Interpret { from, site });
    }
}
