//! What compiled code has the PE do for a system instruction, without the interpreter.
//!
//! The row of the register or operation was found, and its access rules were looked at, when the block was
//! compiled. Guest registers stay in host registers; only if control does not simply go on are they written back.

use crate::Jit;
use crate::code::Offset;
use crate::context::{pack, unpack};
use crate::entry::Saved;
use crate::system::FPCR;
use crate::tables::Site;
use cpu::sysreg;
use hw::Leave;
use semantics::{Done, Op1, Op2, Pauth, PstateField, SysReg};

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// MRS of a register that may be read.
    Mrs(SysReg),
    /// MSR of a register that may be written.
    Msr(SysReg),
    /// MSR (immediate) of a field that may be written.
    MsrImm(PstateField, u32),
    /// SYS.
    Sys(SysReg),
    /// PSTATE.DAIF was opened, and something may wait.
    Opened,
    /// What DSB, with its `CRm` field, waits for besides memory.
    Wait(u32),
    /// Pointer authentication.
    Pauth(Pauth),
    /// A micro-op's `eval`.
    Op1(Op1),
    /// The same of two operands.
    Op2(Op2),
}

impl Jit {
    /// Does `work` for the instruction of the site at `place`: 0 to go on, or why not.
    #[inline(never)]
    pub(crate) fn system(&mut self, work: Work, (v, modifier): (u64, u64), saved: &Saved, place: Offset) -> u32 {
        let site = self.site(place);
        let pc = site.pc;
        self.context.forget_pages();
        self.counts.slow += 1;
        let cpu = &mut self.interp.cpu;
        cpu.regs.pc = pc;
        self.counts.works += 1;
        let done = match work {
            Work::Mrs(reg) => {
                // Some reads set the flags.
                cpu.regs.nzcv = unpack(self.context.flags);
                self.context.result[0] = cpu.read_row(sysreg::find(reg).expect("found by the compiler"));
                self.context.flags = pack(cpu.regs.nzcv);
                return 0;
            }
            Work::Msr(reg) => {
                let done = cpu.write_row(sysreg::find(reg).expect("found by the compiler"), v);
                if reg == FPCR {
                    self.context.float.enter(cpu.regs.fpcr);
                }
                done
            }
            Work::MsrImm(field, imm) => cpu.write_pstate(field, imm),
            Work::Sys(op) => cpu.sys_op(op, v),
            Work::Opened => cpu.masks_opened(),
            Work::Wait(crm) => {
                cpu.await_sent(crm);
                // What others broadcast may have been performed.
                self.refresh_tlb();
                return 0;
            }
            Work::Pauth(op) => {
                self.context.result[0] = cpu.pauth(op, v, modifier);
                return 0;
            }
            Work::Op1(op) => {
                self.context.result[0] = op.eval(v);
                return 0;
            }
            Work::Op2(op) => {
                self.context.result[0] = op.eval(v, modifier);
                return 0;
            }
        };
        self.after(done, pc, saved, &site)
    }

    /// The instruction of `site`, at `pc`, ended with `done`, and may have changed what the code goes by.
    fn after(&mut self, done: Done, pc: u64, saved: &Saved, site: &Site) -> u32 {
        let cpu = &self.interp.cpu;
        let on = match done {
            Ok(()) => true,
            // A write that translation depends on; an engine that fetches must fetch again.
            Err(Leave::Resync) => !cpu.interrupt_waits() && !self.interp.is_watched() && self.statics.trusted(),
            Err(_) => false,
        };
        if on && !self.context_moved(pc) {
            self.refresh_tlb();
            return 0;
        }
        let next = if done.is_ok() { pc.wrapping_add(4) } else { self.interp.cpu.regs.pc };
        self.repair(saved, site);
        self.interp.cpu.regs.pc = next;
        self.turn(done.err().unwrap_or(Leave::Resync))
    }
}
