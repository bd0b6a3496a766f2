//! Registers of a vCPU by number, as `KVM_GET_ONE_REG`, `KVM_SET_ONE_REG` and `KVM_GET_REG_LIST` have them: the state of the PE.
//!
//! Core registers are numbered by their offset in `kvm_regs`, system registers by their encoding. Those of the CPU interface
//! are the VGIC's attributes. What of PSTATE and the core registers has an encoding of its own is a core register here.

use crate::bindings::*;
use crate::vcpu::Firmware;
use a64::SysReg;
use cpu::{Pstate, Vcpu, sysreg};
use std::mem::offset_of;
use vgic::Errno;

const CLASS: u64 = 0x0fff_0000;
const CORE: u64 = KVM_REG_ARM64 | KVM_REG_ARM_CORE as u64;
const SYSREG: u64 = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG as u64;
const FIRMWARE: u64 = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_FW as u64;

const fn sysreg(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u16 {
    SysReg::new(op0, op1, crn, crm, op2).0
}

const CNTV_CVAL: u16 = sysreg(3, 3, 14, 3, 2);
const CNTVCT: u16 = sysreg(3, 3, 14, 0, 2);
const CNTPCT: u16 = sysreg(3, 3, 14, 0, 1);

/// Encodings that are no numbers: core registers, PSTATE, what only counts or acknowledges, and what belongs to EL3.
fn is_hidden(name: &str) -> bool {
    const CORE: &[&str] = &["SPSR_EL1", "ELR_EL1", "SP_EL0", "SP_EL1", "FPCR", "FPSR"];
    const PSTATE: &[&str] = &["SPSel", "CurrentEL", "PAN", "UAO", "NZCV", "DAIF", "SSBS", "DIT", "ALLINT"];
    const OTHERS: &[&str] = &["ISR_EL1", "RVBAR_EL1", "DCZID_EL0", "CCSIDR_EL1", "MDCCSR_EL0", "DBGDTR_EL0"];
    let named = |names: &[&str]| names.contains(&name);
    let gic = name.starts_with("ICC_") || name.starts_with("ICH_");
    gic || named(CORE) || named(PSTATE) || named(OTHERS) || name.ends_with("_EL3")
}

/// Bytes of a register, as its number says.
pub(crate) fn size(id: u64) -> usize {
    1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT)
}

/// One core register.
#[derive(Clone, Copy)]
enum Core {
    X(usize),
    /// SP_EL0 and SP_EL1.
    Sp(usize),
    Pc,
    Pstate,
    Elr,
    /// SPSR_EL1, and those of AArch32, which read as zero.
    Spsr(usize),
    V(usize),
    Fpsr,
    Fpcr,
}

/// Where a kind begins in `kvm_regs`, how many there are, and their bytes.
type Place = (usize, usize, usize, fn(usize) -> Core);

const V: usize = offset_of!(kvm_regs, fp_regs) + offset_of!(user_fpsimd_state, vregs);

#[rustfmt::skip]
const PLACES: [Place; 9] = [
    (offset_of!(kvm_regs, regs), 31, 8, Core::X),
    (offset_of!(kvm_regs, regs) + offset_of!(user_pt_regs, sp), 1, 8, |_| Core::Sp(0)),
    (offset_of!(kvm_regs, regs) + offset_of!(user_pt_regs, pc), 1, 8, |_| Core::Pc),
    (offset_of!(kvm_regs, regs) + offset_of!(user_pt_regs, pstate), 1, 8, |_| Core::Pstate),
    (offset_of!(kvm_regs, sp_el1), 1, 8, |_| Core::Sp(1)),
    (offset_of!(kvm_regs, elr_el1), 1, 8, |_| Core::Elr),
    (offset_of!(kvm_regs, spsr), 5, 8, Core::Spsr),
    (V, 32, 16, Core::V),
    (V + 32 * 16, 2, 4, |n| [Core::Fpsr, Core::Fpcr][n]),
];

/// Every core register and its number.
fn cores() -> impl Iterator<Item = (u64, Core)> {
    PLACES.iter().flat_map(|&(at, count, bytes, core)| {
        let number = move |n| CORE | u64::from(bytes.ilog2()) << KVM_REG_SIZE_SHIFT | ((at + n * bytes) / 4) as u64;
        (0..count).map(move |n| (number(n), core(n)))
    })
}

fn core(id: u64) -> Result<Core, Errno> {
    let beyond = (id & 0xffff) as usize * 4 + size(id) > size_of::<kvm_regs>();
    let found = cores().find(|(number, _)| *number == id).map(|(_, core)| core);
    // In the middle of one, or not of its size.
    found.ok_or(if beyond { Errno::NoEnt } else { Errno::Inval })
}

/// The bank of stack pointers that PSTATE selects.
fn bank(pstate: Pstate) -> usize {
    if pstate.sp_elx { pstate.el.into() } else { 0 }
}

impl Core {
    fn get(self, cpu: &Vcpu) -> u128 {
        let regs = &cpu.regs;
        match self {
            Core::X(n) => regs.x[n].into(),
            Core::Sp(n) if n == bank(regs.pstate) => regs.sp.into(),
            Core::Sp(n) => cpu.sys.sp_el[n].into(),
            Core::Pc => regs.pc.into(),
            Core::Pstate => regs.pstate.to_spsr(regs.nzcv).into(),
            Core::Elr => cpu.sys.elr[1].into(),
            Core::Spsr(0) => cpu.sys.spsr[1].into(),
            Core::Spsr(_) => 0,
            Core::V(n) => regs.v[n],
            Core::Fpsr => regs.fpsr.into(),
            Core::Fpcr => regs.fpcr.into(),
        }
    }

    fn set(self, cpu: &mut Vcpu, value: u128) -> Result<(), Errno> {
        let word = value as u64;
        match self {
            Core::X(n) => cpu.regs.x[n] = word,
            Core::Sp(n) if n == bank(cpu.regs.pstate) => cpu.regs.sp = word,
            Core::Sp(n) => cpu.sys.sp_el[n] = word,
            Core::Pc => cpu.regs.pc = word,
            Core::Pstate => return set_pstate(cpu, word),
            Core::Elr => cpu.sys.elr[1] = word,
            Core::Spsr(0) => cpu.sys.spsr[1] = word,
            Core::Spsr(_) => {}
            Core::V(n) => cpu.regs.v[n] = value,
            // By the rows of MSR, which know what is writable.
            Core::Fpsr => _ = cpu.raw_write(SysReg::new(3, 3, 4, 4, 1), word),
            Core::Fpcr => _ = cpu.raw_write(SysReg::new(3, 3, 4, 4, 0), word),
        }
        Ok(())
    }
}

/// Modes are those of AArch64 that the PE has.
fn set_pstate(cpu: &mut Vcpu, value: u64) -> Result<(), Errno> {
    let (pstate, nzcv) = Pstate::from_spsr(value);
    let aarch32 = value & 1 << 4 != 0;
    let handler_of_el0 = pstate.el == 0 && pstate.sp_elx;
    if aarch32 || value & 1 << 1 != 0 || handler_of_el0 || pstate.el > cpu.model.highest_el() {
        return Err(Errno::Inval);
    }
    cpu.set_pstate(pstate);
    cpu.regs.nzcv = nzcv;
    Ok(())
}

/// The row of a system register that has a number.
fn row(cpu: &Vcpu, encoding: u16) -> Option<&'static sysreg::Row> {
    let row = sysreg::find(SysReg(encoding)).filter(|row| !is_hidden(row.name))?;
    let el = cpu.model.highest_el();
    let there = row.readable(cpu.model, el) && (cpu.model.el2 || !row.name.ends_with("_EL2"));
    (there && cpu.raw_read(row.reg).is_some()).then_some(row)
}

fn get_sysreg(cpu: &Vcpu, encoding: u16) -> Result<u64, Errno> {
    let row = row(cpu, timer(encoding)).ok_or(Errno::NoEnt)?;
    cpu.raw_read(row.reg).ok_or(Errno::NoEnt)
}

fn set_sysreg(cpu: &mut Vcpu, encoding: u16, value: u64) -> Result<(), Errno> {
    let encoding = timer(encoding);
    let row = row(cpu, encoding).ok_or(Errno::NoEnt)?;
    match encoding {
        // The count goes on from there.
        CNTVCT => cpu.timers.offset = cpu.shared.clock.now_ns().wrapping_sub(value),
        // The physical count is the VM's; KVM shifts both together.
        CNTPCT => {}
        _ if row.is_state() => _ = cpu.raw_write(row.reg, value),
        // An invariant register takes back what it gave.
        _ if cpu.raw_read(row.reg) == Some(value) => {}
        _ => return Err(Errno::Inval),
    }
    Ok(())
}

/// The numbers of the virtual timer's compare value and count were swapped when they were given out, and stay so (Linux,
/// Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG).
fn timer(encoding: u16) -> u16 {
    match encoding {
        CNTVCT => CNTV_CVAL,
        CNTV_CVAL => CNTVCT,
        other => other,
    }
}

fn firmware(id: u64) -> Result<usize, Errno> {
    (0..Firmware::COUNT).find(|n| FIRMWARE | *n as u64 == id).ok_or(Errno::NoEnt)
}

/// Every number that a PE has.
pub(crate) fn list(cpu: &Vcpu) -> Vec<u64> {
    let known = |row: &&sysreg::Row| self::row(cpu, row.reg.0).is_some();
    let sysregs = sysreg::rows().filter(known).map(|row| SYSREG | u64::from(timer(row.reg.0)));
    let firmware = (0..Firmware::COUNT).map(|n| FIRMWARE | n as u64);
    cores().map(|(number, _)| number).chain(sysregs).chain(firmware).collect()
}

/// Reads a register into `out`, which has its size.
pub(crate) fn get(cpu: &Vcpu, firmware_of: &Firmware, id: u64, out: &mut [u8]) -> Result<(), Errno> {
    let value = match (id & CLASS) as u32 {
        _ if id >> 56 != KVM_REG_ARM64 >> 56 => return Err(Errno::NoEnt),
        KVM_REG_ARM_CORE => core(id)?.get(cpu),
        KVM_REG_ARM64_SYSREG if size(id) == 8 => get_sysreg(cpu, id as u16)?.into(),
        KVM_REG_ARM_FW => firmware_of.get(firmware(id)?).into(),
        _ => return Err(Errno::NoEnt),
    };
    out.copy_from_slice(&value.to_le_bytes()[..out.len()]);
    Ok(())
}

/// Writes a register from `data`, which has its size.
pub(crate) fn set(cpu: &mut Vcpu, firmware_of: &mut Firmware, id: u64, data: &[u8]) -> Result<(), Errno> {
    let mut bytes = [0; 16];
    let place = bytes.get_mut(..data.len()).ok_or(Errno::NoEnt)?;
    place.copy_from_slice(data);
    let value = u128::from_le_bytes(bytes);
    match (id & CLASS) as u32 {
        _ if id >> 56 != KVM_REG_ARM64 >> 56 => return Err(Errno::NoEnt),
        KVM_REG_ARM_CORE => core(id)?.set(cpu, value)?,
        KVM_REG_ARM64_SYSREG if size(id) == 8 => set_sysreg(cpu, id as u16, value as u64)?,
        KVM_REG_ARM_FW => firmware_of.set(firmware(id)?, value as u64)?,
        _ => return Err(Errno::NoEnt),
    }
    cpu.refresh();
    Ok(())
}

/// A reset, as `KVM_ARM_VCPU_INIT` and PSCI CPU_ON make it. The CPU interface is the VGIC's, which is not reset; nor is the
/// VM's time.
pub(crate) fn reset(cpu: &mut Vcpu) {
    let offset = cpu.timers.offset;
    cpu.reset();
    cpu.timers.offset = offset;
}
