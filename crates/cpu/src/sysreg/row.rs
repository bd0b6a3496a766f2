//! One row of the system-register table, and the columns it may have.

use super::bits::{cnthctl, cntkctl, hcr, mdscr, scr, sctlr};
use crate::{Model, Vcpu};
use a64::SysReg;
use hw::Leave;

/// No Exception level.
const NEVER: u8 = 4;

/// What controls EL0's (or everyone's) access, beyond the lowest Exception level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    Open,
    /// CPACR_EL1.FPEN, at EL0 and EL1.
    Fp,
    /// UNDEFINED while it is the current stack pointer.
    SpSel,
    /// These bits of SCTLR_EL1 let EL0 in.
    Sctlr(u64),
    /// Any of these bits of CNTKCTL_EL1 lets EL0 in.
    Cntkctl(u64),
    /// The same, and these bits of CNTHCTL_EL2 let in EL0 and EL1.
    Cnt {
        kernel: u64,
        hyp: u64,
    },
    /// The Secure timer: EL3's, and that of Secure EL1 if SCR_EL3.ST says so.
    SecureTimer,
    /// A register of the GIC CPU interface.
    Icc(Icc),
    /// MDSCR_EL1.TDCC keeps EL0 out.
    Tdcc,
    /// Any of these bits of PMUSERENR_EL0 lets EL0 read, or write.
    Pmuserenr {
        read: u64,
        write: u64,
    },
}

/// What of the GIC CPU interface a register concerns (IHI 0069, "Traps and enables").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Icc {
    Group0,
    Group1,
    Common,
    Dir,
    Sgi,
}

impl Icc {
    /// Do the accesses of EL1 go to the ICV register? SGIs have none.
    #[inline]
    pub fn is_virtual(self, c: &Vcpu) -> bool {
        let bits = match self {
            Icc::Group0 => hcr::FMO,
            Icc::Group1 => hcr::IMO,
            Icc::Common | Icc::Dir => hcr::FMO | hcr::IMO,
            Icc::Sgi => 0,
        };
        c.layered && c.regs.pstate.el == 1 && c.hcr() & bits != 0
    }

    fn verdict(self, c: &Vcpu) -> Verdict {
        let el = c.regs.pstate.el;
        if let (1, true, Some(virt)) = (el, c.el2_enabled(), &c.virt) {
            let traps = match self {
                Icc::Group0 => virt.traps_group0(),
                Icc::Group1 => virt.traps_group1(),
                Icc::Common => virt.traps_common(),
                Icc::Dir => virt.traps_common() || virt.traps_dir(),
                Icc::Sgi => virt.traps_common() || c.hcr() & (hcr::FMO | hcr::IMO) != 0,
            };
            if traps {
                return Verdict::TrapTo(2);
            }
        }
        let routed = match self {
            Icc::Group0 => scr::FIQ,
            Icc::Group1 => scr::IRQ,
            _ => scr::FIQ | scr::IRQ,
        };
        let el3 = c.model.el3 && el < 3 && c.sys.scr & routed == routed && !self.is_virtual(c);
        if el3 { Verdict::TrapTo(3) } else { Verdict::Pass }
    }
}

/// What a `Gate` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Pass,
    Undefined,
    /// Exception class 0x18 (system instruction).
    Trap,
    /// The same, to this level.
    TrapTo(u8),
    /// Exception class 0x07.
    FpTrap,
}

impl Gate {
    pub(super) const DZE: Gate = Gate::Sctlr(sctlr::DZE);
    pub(super) const UCI: Gate = Gate::Sctlr(sctlr::UCI);
    pub(super) const UCT: Gate = Gate::Sctlr(sctlr::UCT);
    pub(super) const UMA: Gate = Gate::Sctlr(sctlr::UMA);
    pub(super) const RCTX: Gate = Gate::Sctlr(sctlr::EN_RCTX);
    pub(super) const VCT: Gate = Gate::Cntkctl(cntkctl::EL0VCTEN);
    pub(super) const PCT: Gate = Gate::Cnt { kernel: cntkctl::EL0PCTEN, hyp: cnthctl::EL1PCTEN };
    pub(super) const FRQ: Gate = Gate::Cntkctl(cntkctl::EL0PCTEN | cntkctl::EL0VCTEN);
    pub(super) const VT: Gate = Gate::Cntkctl(cntkctl::EL0VTEN);
    pub(super) const PT: Gate = Gate::Cnt { kernel: cntkctl::EL0PTEN, hyp: cnthctl::EL1PCEN };

    fn check(self, model: &Model, el: u8, fp: bool, sp_elx: bool) -> Option<Check> {
        match (self, el) {
            (Gate::Icc(_), _) => (!model.is_layered()).then_some(Check::None),
            (Gate::Cnt { .. }, _) if model.el2 => None,
            (Gate::SecureTimer, _) => None,
            (Gate::Open, _) => Some(Check::None),
            (Gate::Fp, _) => fp.then_some(Check::None),
            (Gate::SpSel, _) => sp_elx.then_some(Check::None),
            (_, 1..) => Some(Check::None),
            (Gate::Sctlr(bits), _) => Some(Check::Sctlr(bits)),
            (Gate::Cntkctl(bits) | Gate::Cnt { kernel: bits, .. }, _) => Some(Check::Cntkctl(bits)),
            (Gate::Tdcc | Gate::Pmuserenr { .. }, _) => None,
        }
    }

    #[inline]
    pub(super) fn verdict(self, c: &Vcpu, is_write: bool) -> Verdict {
        let el0 = c.regs.pstate.el == 0;
        let trap_if = |closed: bool| if el0 && closed { Verdict::Trap } else { Verdict::Pass };
        match self {
            Gate::Open => Verdict::Pass,
            Gate::Fp if c.fp_open => Verdict::Pass,
            Gate::Fp => Verdict::FpTrap,
            Gate::SpSel if c.regs.pstate.sp_elx => Verdict::Pass,
            Gate::SpSel => Verdict::Undefined,
            Gate::Sctlr(bits) => trap_if(c.sys.sctlr[1] & bits == 0),
            Gate::Cntkctl(bits) => trap_if(c.sys.cntkctl & bits == 0),
            Gate::Cnt { kernel, .. } if el0 && c.sys.cntkctl & kernel == 0 => Verdict::Trap,
            Gate::Cnt { hyp, .. } if c.layered && c.regs.pstate.el < 2 && c.el2_enabled() => {
                if c.sys.cnthctl & hyp == 0 { Verdict::TrapTo(2) } else { Verdict::Pass }
            }
            Gate::Cnt { .. } => Verdict::Pass,
            Gate::SecureTimer => match c.regs.pstate.el {
                3 => Verdict::Pass,
                1 if c.is_secure() && c.sys.scr & scr::ST != 0 => Verdict::Pass,
                1 if c.is_secure() => Verdict::TrapTo(3),
                _ => Verdict::Undefined,
            },
            Gate::Icc(_) if !c.layered => Verdict::Pass,
            Gate::Icc(icc) => icc.verdict(c),
            Gate::Pmuserenr { read, write } => trap_if(c.pmu.user & if is_write { write } else { read } == 0),
            Gate::Tdcc => trap_if(c.sys.mdscr & mdscr::TDCC != 0),
        }
    }
}

/// What a guest's write needs besides the storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    Nothing,
    /// Translation of data and fetches.
    Context,
    /// Permissions of the current level's data accesses (PAN, UAO): nothing that fetch depends on.
    Data,
    /// SIMD&FP access.
    Fp,
    /// Timer lines and deadlines.
    Timers,
    /// An interrupt may have become deliverable, or a debug exception.
    Interrupts,
    /// Debug exceptions.
    Debug,
    /// What is counted, and the overflow interrupt.
    Pmu,
}

/// What must hold, each time, for an access that is otherwise known to be allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// Nothing.
    None,
    /// One of these bits of SCTLR_EL1 is set.
    Sctlr(u64),
    /// One of these bits of CNTKCTL_EL1 is set.
    Cntkctl(u64),
}

/// How to read and write a register's state.
pub(super) type Storage = (fn(&Vcpu) -> u64, fn(&mut Vcpu, u64));

/// Read-as-zero, writes ignored: nothing of the kind is there.
pub(super) const RAZ_WI: Storage = (|_| 0, |_, _| {});

/// One register: encoding, who may access it and how, what it is.
pub struct Row {
    /// The manual's name.
    pub name: &'static str,
    /// Its encoding.
    pub reg: SysReg,
    read_from: u8,
    write_from: u8,
    pub(super) gate: Gate,
    /// What is read, if that depends on the model alone.
    constant: Option<fn(&Model) -> u64>,
    /// The state, without side effects; `None` if it is not state.
    pub(super) get: Option<fn(&Vcpu) -> u64>,
    /// A guest's read, where that differs.
    pub(super) take: Option<fn(&mut Vcpu) -> u64>,
    /// A guest's read of a view of other rows' state.
    pub(super) view: Option<fn(&Vcpu) -> u64>,
    pub(super) set: fn(&mut Vcpu, u64),
    /// Bits that a write keeps, and bits that read as one whatever is written.
    writable: fn(&Model) -> u64,
    ones: u64,
    pub(super) after: After,
    present: fn(&Model) -> bool,
}

/// Encoding of MRS, MSR.
pub(super) const fn enc(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> SysReg {
    SysReg::new(op0, op1, crn, crm, op2)
}

/// A row that nobody may access yet.
pub(super) const fn reg(name: &'static str, reg: SysReg) -> Row {
    Row {
        name,
        reg,
        read_from: NEVER,
        write_from: NEVER,
        gate: Gate::Open,
        constant: None,
        get: None,
        take: None,
        view: None,
        set: |_, _| {},
        writable: |_| u64::MAX,
        ones: 0,
        after: After::Nothing,
        present: |_| true,
    }
}

impl Row {
    /// Readable and writable from `el` up.
    pub(super) const fn rw(self, el: u8, (get, set): Storage) -> Row {
        Row { read_from: el, write_from: el, get: Some(get), set, ..self }
    }

    /// Read-only from `el` up.
    pub(super) const fn ro(self, el: u8, get: fn(&Vcpu) -> u64) -> Row {
        Row { read_from: el, get: Some(get), ..self }
    }

    /// Says of a read-only row what its model reads.
    pub(super) const fn fixed(self, constant: fn(&Model) -> u64) -> Row {
        Row { constant: Some(constant), ..self }
    }

    /// Read-only from `el` up, and reading changes something: not state.
    pub(super) const fn taken(self, el: u8, take: fn(&mut Vcpu) -> u64) -> Row {
        Row { read_from: el, take: Some(take), ..self }
    }

    /// Write-only from `el` up: not state.
    pub(super) const fn wo(self, el: u8, set: fn(&mut Vcpu, u64)) -> Row {
        Row { write_from: el, set, ..self }
    }

    /// Readable where it is writable, as a view of other state.
    pub(super) const fn showing(self, view: fn(&Vcpu) -> u64) -> Row {
        Row { read_from: self.write_from, view: Some(view), ..self }
    }

    /// Readable from a lower level than writable.
    pub(super) const fn readable_from(self, el: u8) -> Row {
        Row { read_from: el, ..self }
    }

    pub(super) const fn gate(self, gate: Gate) -> Row {
        Row { gate, ..self }
    }

    /// RES0 or read-only bits are zero in what `writable` gives.
    pub(super) const fn bits(self, writable: fn(&Model) -> u64) -> Row {
        Row { writable, ..self }
    }

    pub(super) const fn ones(self, ones: u64) -> Row {
        Row { ones, ..self }
    }

    pub(super) const fn after(self, after: After) -> Row {
        Row { after, ..self }
    }

    /// Only on models that have it.
    pub(super) const fn only(self, present: fn(&Model) -> bool) -> Row {
        Row { present, ..self }
    }

    /// Is it EL2's, on a model that has only EL3 above EL1? Then it reads as zero there, and ignores writes.
    #[inline]
    pub(super) fn is_res0(&self, model: &Model) -> bool {
        self.read_from == 2 && !model.el2
    }

    /// May `el` of `model` read it?
    pub fn readable(&self, model: &Model, el: u8) -> bool {
        el >= self.read_from && (self.present)(model)
    }

    /// May `el` of `model` write it?
    pub fn writable(&self, model: &Model, el: u8) -> bool {
        el >= self.write_from && (self.present)(model)
    }

    /// What every read gives, if that is known of `model`.
    pub fn constant(&self, model: &Model) -> Option<u64> {
        self.constant.map(|of| of(model))
    }

    /// What stands between `el` and a register that it may read or write; `None` if that must be asked of the PE.
    /// `fp` and `sp_elx` are what they are each time: SIMD&FP does not trap, and PSTATE.SP.
    pub fn check(&self, model: &Model, el: u8, fp: bool, sp_elx: bool) -> Option<Check> {
        if self.is_res0(model) {
            return None;
        }
        self.gate.check(model, el, fp, sp_elx)
    }

    /// What a write of `v` stores.
    pub fn masked(&self, model: &Model, v: u64) -> u64 {
        v & (self.writable)(model) | self.ones
    }

    /// What it holds, without side effects; 0 if it is not state.
    pub(crate) fn held(&self, c: &Vcpu) -> u64 {
        self.get.map_or(0, |get| get(c))
    }

    /// Is it state that a snapshot must hold: readable without effect, and writable?
    pub fn is_state(&self) -> bool {
        self.get.is_some() && self.write_from != NEVER
    }
}

/// One system instruction of the SYS space.
pub struct Op {
    /// The manual's name.
    pub name: &'static str,
    /// Its encoding, with op0 = 1.
    pub reg: SysReg,
    pub(super) from: u8,
    pub(super) gate: Gate,
    pub(super) run: fn(&mut Vcpu, SysReg, u64) -> Result<(), Leave>,
    pub(super) translates: bool,
    pub(super) present: fn(&Model) -> bool,
}

impl Op {
    /// May `el` of `model` execute it, as far as the table knows?
    pub fn allowed(&self, model: &Model, el: u8) -> bool {
        el >= self.from && (self.present)(model)
    }

    /// As of a register, see `Row::check`.
    pub fn check(&self, model: &Model, el: u8) -> Option<Check> {
        self.gate.check(model, el, true, true)
    }

    /// Has it no effect where its address can be read?
    pub fn only_translates(&self) -> bool {
        self.translates
    }
}
