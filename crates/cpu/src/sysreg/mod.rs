//! The system-register table: MRS, MSR, SYS, MSR (immediate), and raw access for tools.
//!
//! One row per register says its name, encoding, access rules and meaning; execution, naming, snapshots and
//! tests read the same rows. An encoding without a row is UNDEFINED, and is counted.

/// A register that is plain storage: the place, written once, as a getter and a setter.
macro_rules! at {
    ($($place:tt)+) => { (|c| c.$($place)+, |c, v| c.$($place)+ = v) };
}

pub mod bits;
mod control;
mod debug;
mod gic;
mod higher;
mod id;
mod ops;
mod pmu;
mod row;
mod timers;

pub(crate) use control::spsr;
pub(crate) use id::MPIDR_RES1;
pub use row::{Check, Op, Row};

use crate::timer::FREQUENCY_HZ;
use crate::{Model, Sys, Vcpu};
use a64::{Feature, PstateField, SysReg};
use bits::{cnthctl, cptr, hcr, scr, sctlr};
use hw::Leave;
use row::{After, Gate, Verdict, enc};
use std::sync::LazyLock;

const TABLES: [&[Row]; 9] = [
    id::ROWS,
    control::ROWS,
    higher::ROWS,
    debug::ROWS,
    debug::BREAKPOINT_ROWS,
    timers::ROWS,
    pmu::ROWS,
    pmu::COUNTER_ROWS,
    gic::ROWS,
];

/// From encoding to row.
struct Index {
    /// By `SysReg`: 0 is no row, else one more than the place in `rows` (op0 = 2, 3) or `OPS` (op0 = 1).
    by_encoding: Box<[u16]>,
    rows: Vec<&'static Row>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut by_encoding = vec![0; 1 << 16].into_boxed_slice();
    let mut rows: Vec<&Row> = TABLES.iter().copied().flatten().collect();
    for (i, row) in rows.iter().enumerate() {
        by_encoding[row.reg.0 as usize] = i as u16 + 1;
    }
    rows.push(&id::RESERVED);
    for (crm, op2) in (1..8).flat_map(|crm| (0..8).map(move |op2| (crm, op2))) {
        let place = &mut by_encoding[enc(3, 0, 0, crm, op2).0 as usize];
        if *place == 0 {
            *place = rows.len() as u16;
        }
    }
    for (i, op) in ops::OPS.iter().enumerate() {
        by_encoding[op.reg.0 as usize] = i as u16 + 1;
    }
    Index { by_encoding, rows }
});

/// The row of `reg`.
#[inline]
pub fn find(reg: SysReg) -> Option<&'static Row> {
    let index = &*INDEX;
    let place = index.by_encoding[reg.0 as usize].checked_sub(1)?;
    if reg.0 >> 15 != 0 { Some(index.rows[place as usize]) } else { None }
}

/// The row of a system instruction.
pub fn find_op(reg: SysReg) -> Option<&'static Op> {
    let place = INDEX.by_encoding[reg.0 as usize].checked_sub(1)?;
    if reg.0 >> 14 == 1 { Some(&ops::OPS[place as usize]) } else { None }
}

/// Every register that has a row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}

/// Registers of a model that are plain storage, of whose bits some may be fixed: not those of timers, monitors and the GIC.
pub(crate) fn storage(model: &Model) -> impl Iterator<Item = &'static Row> {
    let plain = [control::ROWS, higher::ROWS, debug::ROWS, debug::BREAKPOINT_ROWS];
    plain.into_iter().flatten().filter(|row| row.is_state() && row.writable(model, 3))
}

/// Every system instruction that has a row.
pub fn ops() -> impl Iterator<Item = &'static Op> {
    ops::OPS.iter()
}

/// The manual's name of a register or system instruction.
pub fn name(reg: SysReg) -> Option<&'static str> {
    find(reg).map(|row| row.name).or_else(|| find_op(reg).map(|op| op.name))
}

/// What to call a register or system instruction in a trace: its name, or the manual's generic form,
/// `S3_0_C15_C1_0`.
pub fn label(reg: SysReg) -> String {
    let SysReg(code) = reg;
    let (op0, op1, crn, crm, op2) = (code >> 14, code >> 11 & 7, code >> 7 & 15, code >> 3 & 15, code & 7);
    name(reg).map_or_else(|| format!("S{op0}_{op1}_C{crn}_C{crm}_{op2}"), str::to_owned)
}

/// System registers at reset. What the manual leaves UNKNOWN is zero, except SCTLR_EL1.SPAN, which old
/// software expects to read as one.
pub(crate) fn reset_values(model: &Model) -> Sys {
    let span = if model.pan() { sctlr::SPAN } else { 0 };
    let only = |present: bool, value: u64| if present { value } else { 0 };
    Sys {
        sctlr: [0, sctlr::RES1 | span, sctlr::RES1_HIGH, sctlr::RES1_HIGH],
        os_lock: true,
        cntfrq: FREQUENCY_HZ,
        hcr: only(model.el2, hcr::RES1),
        // Without EL3, the PE is Non-secure.
        scr: only(model.el2 || model.el3, scr::RES1) | only(model.el2 && !model.el3, scr::NS),
        cptr: [0, 0, cptr::RES1_EL2 & !cptr::TFP, 0],
        cnthctl: cnthctl::EL1PCTEN | cnthctl::EL1PCEN,
        vpidr: model.midr,
        ..Sys::default()
    }
}

impl Vcpu {
    /// MRS.
    pub fn read_sysreg(&mut self, reg: SysReg) -> Result<u64, Leave> {
        let Some(row) = find(reg) else { return Err(self.unknown(reg)) };
        if !row.readable(self.model, self.regs.pstate.el) {
            return Err(self.raise_undefined());
        }
        self.pass(row.gate, reg, Direction::Read)?;
        if row.is_res0(self.model) {
            return Ok(0);
        }
        Ok(self.read_row(row))
    }

    /// A guest's read that is known to be allowed.
    #[inline]
    pub fn read_row(&mut self, row: &Row) -> u64 {
        match (row.take, row.get.or(row.view)) {
            (Some(take), _) => take(self),
            (None, Some(get)) => get(self),
            (None, None) => 0,
        }
    }

    /// MSR (register).
    pub fn write_sysreg(&mut self, reg: SysReg, v: u64) -> Result<(), Leave> {
        let Some(row) = find(reg) else { return Err(self.unknown(reg)) };
        if !row.writable(self.model, self.regs.pstate.el) {
            return Err(self.raise_undefined());
        }
        self.pass(row.gate, reg, Direction::Write)?;
        if row.is_res0(self.model) {
            return Ok(());
        }
        self.write_row(row, v)
    }

    /// A guest's write that is known to be allowed, by the instruction at the PC.
    #[inline]
    pub fn write_row(&mut self, row: &Row, v: u64) -> Result<(), Leave> {
        (row.set)(self, row.masked(self.model, v));
        self.after(row.after)
    }

    /// After the instruction at the PC has cleared bits of PSTATE.DAIF by itself.
    pub fn masks_opened(&mut self) -> Result<(), Leave> {
        self.after(After::Interrupts)
    }

    /// SYS.
    pub fn sys_op(&mut self, reg: SysReg, v: u64) -> Result<(), Leave> {
        // TLBI operations without the XS attribute are those with CRn one higher.
        let plain = SysReg(reg.0 & !(1 << 7));
        let is_nxs = reg.0 >> 7 & 0xf == 9 && self.model.has(Feature::XS);
        let Some(op) = find_op(if is_nxs { plain } else { reg }) else { return Err(self.unknown(reg)) };
        if self.regs.pstate.el < op.from || !(op.present)(self.model) {
            return Err(self.raise_undefined());
        }
        self.pass(op.gate, reg, Direction::Write)?;
        (op.run)(self, reg, v)
    }

    /// MSR (immediate).
    pub fn write_pstate(&mut self, field: PstateField, imm: u32) -> Result<(), Leave> {
        let (el, model) = (self.regs.pstate.el, self.model);
        let after = match field {
            PstateField::DaifSet => {
                self.pass(Gate::UMA, enc(0, 3, 4, imm, 6), Direction::Write)?;
                self.regs.pstate.daif |= control::daif(imm);
                After::Nothing
            }
            PstateField::DaifClr => {
                self.pass(Gate::UMA, enc(0, 3, 4, imm, 7), Direction::Write)?;
                self.regs.pstate.daif &= !control::daif(imm);
                After::Interrupts
            }
            PstateField::Dit if model.has(Feature::DIT) => {
                self.regs.pstate.dit = imm & 1 != 0;
                After::Nothing
            }
            PstateField::Ssbs if model.ssbs() => {
                self.regs.pstate.ssbs = imm & 1 != 0;
                After::Nothing
            }
            PstateField::SpSel if el > 0 => {
                control::set_spsel(self, imm.into());
                // SCTLR_ELx.SPINTMASK masks by the stack that is in use.
                if self.layered { After::Interrupts } else { After::Nothing }
            }
            PstateField::Pan if el > 0 && model.pan() => {
                self.regs.pstate.pan = imm & 1 != 0;
                After::Data
            }
            PstateField::Uao if el > 0 && model.uao() => {
                self.regs.pstate.uao = imm & 1 != 0;
                After::Data
            }
            PstateField::AllInt if el > 0 && model.has(Feature::NMI) && imm <= 1 => {
                self.regs.pstate.allint = imm != 0;
                After::Interrupts
            }
            _ => return Err(self.raise_undefined()),
        };
        self.after(after)
    }

    /// A register without side effects and without access rules: for debuggers and snapshots. `None` if it
    /// is not there or is not state.
    pub fn raw_read(&self, reg: SysReg) -> Option<u64> {
        find(reg)?.get.map(|get| get(self))
    }

    /// Sets a register's state, without side effects; false if it is not there or is not state. Call
    /// `refresh` and `update_timers` after the last one.
    pub fn raw_write(&mut self, reg: SysReg, v: u64) -> bool {
        let Some(row) = find(reg).filter(|row| row.is_state()) else { return false };
        (row.set)(self, row.masked(self.model, v));
        match row.after {
            After::Debug => self.debug_changed(),
            After::Pmu => self.update_pmu(),
            _ => {}
        }
        true
    }

    #[inline]
    fn pass(&mut self, gate: Gate, reg: SysReg, direction: Direction) -> Result<(), Leave> {
        match gate.verdict(self, direction == Direction::Write) {
            Verdict::Pass => Ok(()),
            Verdict::Undefined => Err(self.raise_undefined()),
            Verdict::Trap => Err(self.raise_system_trap(reg, direction == Direction::Read, 0)),
            Verdict::TrapTo(el) => Err(self.raise_system_trap(reg, direction == Direction::Read, el)),
            Verdict::FpTrap => Err(self.raise_fp()),
        }
    }

    /// What a write needs besides the storage. `Resync` means the PC already stands after the instruction.
    fn after(&mut self, after: After) -> Result<(), Leave> {
        match after {
            After::Nothing => return Ok(()),
            After::Data => {
                self.level_changed();
                return Ok(());
            }
            After::Fp => {
                self.refresh_fp();
                return Ok(());
            }
            After::Context if self.layered => {
                self.refresh_fp();
                self.accessor_changed();
                self.context_changed();
            }
            After::Context => self.context_changed(),
            After::Timers => self.update_timers(),
            After::Pmu => {
                self.update_pmu();
                self.update_timers();
            }
            After::Debug => self.debug_changed(),
            After::Interrupts => self.refresh_debug(),
        }
        if after != After::Context && !self.interrupt_waits() && !self.is_debugged() && !self.is_sampled() {
            return Ok(());
        }
        self.regs.pc = self.regs.pc.wrapping_add(4);
        Err(Leave::Resync)
    }

    #[cold]
    fn unknown(&mut self, reg: SysReg) -> Leave {
        *self.stats.unknown_sysregs.entry(reg.0).or_default() += 1;
        self.raise_undefined()
    }
}

/// Which way a register access goes, as ESR_ELx.ISS says it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Write,
    Read,
}
