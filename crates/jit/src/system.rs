//! System instructions: what is a word of the PE is loaded and stored in line, constants are constants, and the
//! rest is a call of the row of `cpu::sysreg` that was found when the block was compiled (`work.rs`).

use crate::context::{CNTVOFF, DEBUG_ARMED, at, daif, pstate, regs, sent, sys, tpidr};
use crate::emit::{Cold, Emitter, Node, RAX, RCX, RDX, SlowAccess, Source, W, asm};
use crate::regs::HOSTS;
use crate::thunks::cc;
use crate::work::Work;
use cpu::sysreg::{self, Check};
use cpu::{Pstate, Regs, Sys};
use dynasmrt::{DynasmApi, dynasm};
use hw::Access;
use semantics::{Engine, Feature, Op2, Pauth, PstateField, SysReg};
use std::mem::offset_of;

const NZCV: SysReg = SysReg::new(3, 3, 4, 2, 0);
const DAIF: SysReg = SysReg::new(3, 3, 4, 2, 1);
pub(crate) const FPCR: SysReg = SysReg::new(3, 3, 4, 4, 0);
const FPSR: SysReg = SysReg::new(3, 3, 4, 4, 1);
const CURRENT_EL: SysReg = SysReg::new(3, 0, 4, 2, 2);
const SPSEL: SysReg = SysReg::new(3, 0, 4, 2, 0);
const PAN: SysReg = SysReg::new(3, 0, 4, 2, 3);
const UAO: SysReg = SysReg::new(3, 0, 4, 2, 4);
const SSBS: SysReg = SysReg::new(3, 3, 4, 2, 6);
const DIT: SysReg = SysReg::new(3, 3, 4, 2, 5);
const CNTPCT: SysReg = SysReg::new(3, 3, 14, 0, 1);
const CNTVCT: SysReg = SysReg::new(3, 3, 14, 0, 2);
const DC_ZVA: SysReg = SysReg::new(1, 3, 7, 4, 1);

/// Bytes that DC ZVA zeroes.
const BLOCK: i32 = 64;

/// A word of the PE that is read as it is, from rbp.
fn readable(reg: SysReg) -> Option<i32> {
    let el1 = |offset: usize| Some(sys(offset + 8));
    match (reg.0 >> 11 & 7, reg.0 >> 7 & 15, reg.0 >> 3 & 15, reg.0 & 7) {
        (0, 1, 0, 0) => el1(offset_of!(Sys, sctlr)),
        (0, 2, 0, 0) => el1(offset_of!(Sys, ttbr0)),
        (0, 2, 0, 1) => el1(offset_of!(Sys, ttbr1)),
        (0, 2, 0, 2) => el1(offset_of!(Sys, tcr)),
        (0, 10, 2, 0) => el1(offset_of!(Sys, mair)),
        (3, 14, 0, 0) => Some(sys(offset_of!(Sys, cntfrq))),
        _ => writable(reg),
    }
}

/// The same of registers whose writes do nothing but keep the bits that their row says.
fn writable(reg: SysReg) -> Option<i32> {
    let el1 = |offset: usize| Some(sys(offset + 8));
    match (reg.0 >> 11 & 7, reg.0 >> 7 & 15, reg.0 >> 3 & 15, reg.0 & 7) {
        (0, 4, 0, 0) => el1(offset_of!(Sys, spsr)),
        (0, 4, 0, 1) => el1(offset_of!(Sys, elr)),
        // While it is the current stack pointer, it is elsewhere, and not accessible.
        (0, 4, 1, 0) => Some(sys(offset_of!(Sys, sp_el))),
        (0, 5, 2, 0) => el1(offset_of!(Sys, esr)),
        (0, 6, 0, 0) => el1(offset_of!(Sys, far)),
        (0, 7, 4, 0) => Some(sys(offset_of!(Sys, par))),
        (0, 12, 0, 0) => el1(offset_of!(Sys, vbar)),
        (0, 13, 0, 1) => el1(offset_of!(Sys, contextidr)),
        (0, 13, 0, 4) => Some(tpidr(1)),
        (3, 13, 0, 2) => Some(tpidr(0)),
        (3, 13, 0, 3) => Some(sys(offset_of!(Sys, tpidrro))),
        _ => None,
    }
}

/// A byte of PSTATE, and where it is in its register.
fn field(reg: SysReg) -> Option<(i32, u64)> {
    Some(match reg {
        DAIF => (daif(), 6),
        PAN => (pstate(offset_of!(Pstate, pan)), 22),
        UAO => (pstate(offset_of!(Pstate, uao)), 23),
        SSBS => (pstate(offset_of!(Pstate, ssbs)), 12),
        DIT => (pstate(offset_of!(Pstate, dit)), 24),
        _ => return None,
    })
}

/// Performance monitors: what they show depends on how many instructions have been counted.
fn is_monitor(reg: SysReg) -> bool {
    let (crn, crm) = (reg.0 >> 7 & 15, reg.0 >> 3 & 15);
    crn == 9 || crn == 14 && crm >= 8
}

impl Emitter {
    /// Looks, each time, whether `check` holds; if not, the interpreter does what follows.
    fn pass(&mut self, check: Check) {
        let (offset, bits) = match check {
            Check::None => return,
            Check::Sctlr(bits) => (sys(offset_of!(Sys, sctlr) + 8), bits),
            Check::Cntkctl(bits) => (sys(offset_of!(Sys, cntkctl)), bits),
        };
        self.clobber_flags();
        asm!(self ; test DWORD [rbp + offset], bits as i32);
        let from = self.forward(cc::E);
        let site = self.site(SlowAccess::Interpret);
        self.cold.push(Cold::Interpret { from: Some(from), site });
    }

    /// Has `work` done by a call. Its result, if one is wanted.
    fn call(&mut self, work: Work, operands: &[W], wanted: bool) -> W {
        let mut from = [Source::Imm(0); 2];
        for (w, from) in operands.iter().zip(&mut from) {
            *from = self.constant(*w).map_or_else(|| Source::Reg(self.reg(*w)), Source::Imm);
        }
        let place = if wanted { self.temporary() } else { None };
        self.clobber_flags();
        let site = self.site(SlowAccess::System(work));
        for (from, to) in from.into_iter().zip([RDX, RCX]).take(operands.len()) {
            match from {
                Source::Reg(from) => self.mov(to, from),
                Source::Imm(v) => self.mov_imm(to, v),
            }
        }
        self.slow([None; 2], site);
        self.drop_spans();
        let Some(place) = place else { return W(0) };
        self.mov(HOSTS[place as usize], RAX);
        self.node(Node::At(place))
    }

    pub(crate) fn read_system(&mut self, reg: SysReg) -> W {
        let el = self.context.el();
        let row = sysreg::find(reg).filter(|row| row.readable(self.model, el) && !is_monitor(reg));
        let check = row.and_then(|row| row.check(self.model, el, self.context.fp(), self.context.sp_elx()));
        let (Some(row), Some(check)) = (row, check) else {
            self.give_up();
            return W(0);
        };
        self.pass(check);
        if let Some(v) = row.constant(self.model) {
            return self.node(Node::Imm(v));
        }
        match reg {
            CURRENT_EL => self.node(Node::Imm(u64::from(el) << 2)),
            SPSEL => self.node(Node::Imm(self.context.sp_elx().into())),
            NZCV => self.nzcv(),
            CNTVCT | CNTPCT => self.read_counter(reg),
            FPCR => {
                let Some(place) = self.temporary() else { return W(0) };
                asm!(self ; mov Rd(HOSTS[place as usize]), [rbp + regs(offset_of!(Regs, fpcr))]);
                self.node(Node::At(place))
            }
            FPSR => self.read_fpsr(),
            _ => match (field(reg), readable(reg)) {
                (Some((offset, shift)), _) => {
                    let Some(place) = self.temporary() else { return W(0) };
                    asm!(self ; movzx Rd(HOSTS[place as usize]), BYTE [rbp + offset]);
                    let (v, by) = (self.node(Node::At(place)), self.node(Node::Imm(shift)));
                    self.node(Node::Op2(Op2::Lsl, v, by))
                }
                (None, Some(offset)) => {
                    let Some(place) = self.temporary() else { return W(0) };
                    asm!(self ; mov Rq(HOSTS[place as usize]), [rbp + offset]);
                    self.node(Node::At(place))
                }
                (None, None) => self.call(Work::Mrs(reg), &[], true),
            },
        }
    }

    pub(crate) fn write_system(&mut self, reg: SysReg, v: W) {
        let el = self.context.el();
        let row = sysreg::find(reg).filter(|row| row.writable(self.model, el) && !is_monitor(reg));
        let check = row.and_then(|row| row.check(self.model, el, self.context.fp(), self.context.sp_elx()));
        let (Some(row), Some(check)) = (row, check) else { return self.give_up() };
        self.pass(check);
        match reg {
            FPCR => self.write_fpcr(v),
            FPSR => self.write_fpsr(v, row.masked(self.model, u64::MAX)),
            // What waits is then not only what the GIC publishes.
            DAIF if self.model.is_layered() => self.give_up(),
            NZCV => self.set_nzcv(v),
            DAIF => {
                let from = self.low(v);
                self.clobber_flags();
                asm!(self ; mov eax, Rd(from) ; shr eax, 6 ; and eax, 15 ; mov [rbp + daif()], al);
                self.masks_opened(true);
            }
            _ => match writable(reg) {
                Some(offset) => {
                    let (kept, ones) = (row.masked(self.model, u64::MAX), row.masked(self.model, 0));
                    self.store_masked(offset, v, kept, ones);
                }
                None => {
                    self.call(Work::Msr(reg), &[v], false);
                }
            },
        }
    }

    /// FPCR, which rarely changes: what it says is in MXCSR, and in what code is compiled for.
    fn write_fpcr(&mut self, v: W) {
        let from_reg = self.low(v);
        self.clobber_flags();
        asm!(self ; cmp Rd(from_reg), [rbp + regs(offset_of!(Regs, fpcr))]);
        let from = [Some(self.forward(cc::NE)), None];
        let site = self.site(SlowAccess::System(Work::Msr(FPCR)));
        let back = self.buf.here();
        self.cold.push(Cold::Store { from, back, site, values: [Source::Reg(from_reg), Source::Imm(0)] });
    }

    fn store_masked(&mut self, offset: i32, v: W, kept: u64, ones: u64) {
        if let Some(v) = self.constant(v) {
            self.mov_imm(RAX, v & kept | ones);
            return asm!(self ; mov [rbp + offset], rax);
        }
        let from = self.reg(v);
        if kept == u64::MAX {
            return asm!(self ; mov [rbp + offset], Rq(from));
        }
        self.clobber_flags();
        self.mov_imm(RAX, kept);
        asm!(self ; and rax, Rq(from));
        debug_assert_eq!(ones, 0, "no plain register has bits that are always one");
        asm!(self ; mov [rbp + offset], rax);
    }

    /// The count of the generic timer, as `hw::Clock` reads it.
    fn read_counter(&mut self, reg: SysReg) -> W {
        let Some(place) = self.temporary() else { return W(0) };
        let to = HOSTS[place as usize];
        self.clobber_flags();
        asm!(self ; cmp QWORD [rbx + at::TICKS_SCALE], 0);
        let from = [Some(self.forward(cc::E)), None];
        let site = self.site(SlowAccess::System(Work::Mrs(reg)));
        asm!(self
            ; lfence ; rdtsc ; shl rdx, 32 ; or rdx, rax ; sub rdx, [rbx + at::TICKS_BASE]
            ; mulx Rq(to), rax, [rbx + at::TICKS_SCALE]
        );
        if reg == CNTVCT {
            asm!(self ; sub Rq(to), [rbp + CNTVOFF]);
        }
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: [Some(to), None] });
        self.node(Node::At(place))
    }

    /// MSR (immediate).
    pub(crate) fn write_field(&mut self, field: PstateField, imm: u32) {
        let el1 = self.context.is_el1();
        match field {
            PstateField::DaifSet if el1 => {
                self.clobber_flags();
                asm!(self ; or BYTE [rbp + daif()], imm as i8 & 15);
            }
            PstateField::DaifClr if el1 && !self.model.is_layered() => {
                self.clobber_flags();
                asm!(self ; and BYTE [rbp + daif()], !(imm as i8 & 15));
                self.masks_opened(imm & u32::from(Pstate::D) != 0);
            }
            PstateField::Ssbs if self.model.ssbs() => {
                asm!(self ; mov BYTE [rbp + pstate(offset_of!(Pstate, ssbs))], imm as i8 & 1)
            }
            PstateField::Dit if self.has_feature(Feature::DIT) => {
                asm!(self ; mov BYTE [rbp + pstate(offset_of!(Pstate, dit))], imm as i8 & 1)
            }
            PstateField::Pan | PstateField::Uao | PstateField::SpSel if el1 => {
                self.call(Work::MsrImm(field, imm), &[], false);
            }
            _ => self.give_up(),
        }
    }

    fn has_feature(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// PSTATE.DAIF may have been opened: is there an interrupt, or (if D may be) a debug exception to take? What the
    /// GIC publishes says no more than that something may wait.
    fn masks_opened(&mut self, debug: bool) {
        asm!(self
            ; mov rcx, [BYTE rbx + at::WAITING]
            ; mov rax, [rcx]
            ; or rax, [BYTE rcx + 8]
            ; or rax, [BYTE rcx + 16]
            ; shl rax, 64 - gic::LEVELS as i8
        );
        let mut from = [Some(self.forward(cc::NE)), None];
        if debug {
            asm!(self ; cmp BYTE [rbp + DEBUG_ARMED], 0);
            from[1] = Some(self.forward(cc::NE));
        }
        let site = self.site(SlowAccess::System(Work::Opened));
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: [None; 2] });
    }

    /// Pointer authentication.
    pub(crate) fn authenticate(&mut self, op: Pauth, ptr: W, modifier: W) -> W {
        self.call(Work::Pauth(op), &[ptr, modifier], true)
    }

    /// CLREX.
    pub(crate) fn clear_monitor(&mut self) {
        asm!(self ; mov DWORD [rbp + crate::context::MONITOR_BYTES], 0);
    }

    pub(crate) fn system_operation(&mut self, op: SysReg, v: W) {
        let el = self.context.el();
        let row = sysreg::find_op(op).filter(|row| row.allowed(self.model, el));
        let (Some(row), Some(check)) = (row, row.and_then(|row| row.check(self.model, el))) else {
            return self.give_up();
        };
        if op == DC_ZVA && !self.context.lenient() {
            return self.give_up();
        }
        self.pass(check);
        match op {
            DC_ZVA => self.zero_block(v),
            _ if row.only_translates() => self.maintain(op, v),
            _ => {
                self.call(Work::Sys(op), &[v], false);
            }
        }
    }

    /// Cache maintenance by address: where the TLB says that it may be read, there is nothing to do.
    fn maintain(&mut self, op: SysReg, v: W) {
        let from_reg = self.reg(v);
        self.clobber_flags();
        self.mov(RAX, from_reg);
        let site = self.site(SlowAccess::System(Work::Sys(op)));
        let from = self.probe_tlb(Access::plain(0), 1, false, None);
        let back = self.buf.here();
        self.cold.push(Cold::Store { from, back, site, values: [Source::Reg(from_reg), Source::Imm(0)] });
    }

    fn zero_block(&mut self, v: W) {
        let zero = self.vector();
        self.address(v);
        let site = self.site(SlowAccess::Zero);
        // Out of line the address is wanted as it was given.
        let from = self.probe_tlb(Access::plain(0), 1, true, None);
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
            // Maintenance that was broadcast, and writes on their way, are waited for; others' maintenance may be performed
            // meanwhile.
            self.drop_spans();
            asm!(self ; cmp BYTE [rbp + sent()], 0);
            let from = [Some(self.forward(cc::NE)), None];
            let site = self.site(SlowAccess::System(Work::Wait(crm)));
            let back = self.buf.here();
            self.cold.push(Cold::Load { from, back, site, to: [None; 2] });
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
        self.cold.push(Cold::Interpret { from: Some(from), site });
    }
}
