//! System registers of a CPU interface through the interface (doc3, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS).

use crate::access::{Direction, Place};
use crate::config::Cpu;
use crate::errno::{Errno, Refusal};
use crate::kernel::Host;
use gic::CpuInterface;

/// A register by what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Register {
    Pmr,
    Bpr0,
    /// ICC_AP0Rn or ICC_AP1Rn: group, and n.
    Ap(usize, usize),
    Bpr1,
    Ctlr,
    Sre,
    Igrpen0,
    Igrpen1,
    /// Of EL2: its number among the stored ones, and which.
    El2(usize, El2),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum El2 {
    Ap(usize),
    Sre,
    Vtr,
    Stored,
}

/// Op0, Op1, CRn, CRm and Op2 as the attribute packs them, in bits 15:0.
const TABLE: &[(u32, u32, &str, Register)] = &{
    use Register::*;
    // First encoding, how many follow one another, the name with n for which, the first register.
    [
        (0xc230, 1, "ICC_PMR_EL1", Pmr),
        (0xc643, 1, "ICC_BPR0_EL1", Bpr0),
        (0xc644, 4, "ICC_AP0Rn_EL1", Ap(0, 0)),
        (0xc648, 4, "ICC_AP1Rn_EL1", Ap(1, 0)),
        (0xc663, 1, "ICC_BPR1_EL1", Bpr1),
        (0xc664, 1, "ICC_CTLR_EL1", Ctlr),
        (0xc665, 1, "ICC_SRE_EL1", Sre),
        (0xc666, 1, "ICC_IGRPEN0_EL1", Igrpen0),
        (0xc667, 1, "ICC_IGRPEN1_EL1", Igrpen1),
        (0xe640, 4, "ICH_AP0Rn_EL2", El2(0, self::El2::Ap(0))),
        (0xe648, 4, "ICH_AP1Rn_EL2", El2(4, self::El2::Ap(0))),
        (0xe64d, 1, "ICC_SRE_EL2", El2(8, self::El2::Sre)),
        (0xe658, 1, "ICH_HCR_EL2", El2(9, self::El2::Stored)),
        (0xe659, 1, "ICH_VTR_EL2", El2(10, self::El2::Vtr)),
        (0xe65f, 1, "ICH_VMCR_EL2", El2(11, self::El2::Stored)),
        (0xe660, 16, "ICH_LRn_EL2", El2(12, self::El2::Stored)),
    ]
};

/// The encoding of a register, whose name may lack `ICC_` and `_EL1`.
pub(crate) fn encoding(name: &str) -> Option<u32> {
    let matches = |known: &str| known == name || known == format!("ICC_{name}_EL1");
    { TABLE.iter() }.find_map(|&(first, count, known, _)| {
        (0..count).find(|n| matches(&known.replace('n', &n.to_string()))).map(|n| first + n)
    })
}

fn find(encoding: u32, has_el2: bool) -> Option<Register> {
    let encoding = encoding & 0xffff;
    let &(first, _, _, register) = TABLE.iter().find(|(first, n, ..)| (*first..first + n).contains(&encoding))?;
    let n = (encoding - first) as usize;
    match register {
        Register::Ap(group, _) => Some(Register::Ap(group, n)),
        Register::El2(..) if !has_el2 => None,
        Register::El2(at, El2::Ap(_)) => Some(Register::El2(at + n, El2::Ap(n))),
        Register::El2(at, kind) => Some(Register::El2(at + n, kind)),
        other => Some(other),
    }
}

/// HAS, which also finds active priorities that GET and SET refuse.
pub(crate) fn has(encoding: u32, has_el2: bool) -> Result<(), Refusal> {
    let absent = Errno::NxIo.because("no such system register of the CPU interface").about(encoding.into());
    find(encoding, has_el2).map(drop).ok_or(absent)
}

pub(crate) fn access(place: &mut Place, encoding: u32, direction: Direction) -> Result<u64, Refusal> {
    let absent = Errno::NoEnt.because("no such system register of the CPU interface").about(encoding.into());
    let register = find(encoding, place.el2).ok_or(absent)?;
    let (host, pe) = (place.vm.spec.host, place.pe());
    let cpu = &mut place.config.cpus[pe];
    if let Register::El2(at, kind) = register {
        return el2(cpu, &host, at, kind, direction);
    }
    match direction {
        Direction::Get => get(cpu, &host, register),
        Direction::Set(value) => set(cpu, &host, register, value).map(|()| 0),
    }
}

const SRE: u64 = 0b111;
const SRE_EL2: u64 = 0b1111;

/// ICC_CTLR_EL1.
const CBPR: u64 = 1 << 0;
const EOIMODE: u64 = 1 << 1;

fn get(cpu: &mut Cpu, host: &Host, register: Register) -> Result<u64, Refusal> {
    if let Register::Ap(group, n) = register {
        check_ap(cpu, n)?;
        return Ok(cpu.active(group, n).into());
    }
    let interface = cpu.interface();
    Ok(match register {
        Register::Pmr => cpu.pmr.seen(interface.pmr()),
        Register::Bpr0 => cpu.bpr[0].seen(interface.bpr0()),
        Register::Bpr1 if interface.ctlr() & CBPR != 0 => (cpu.bpr[0].seen(interface.bpr0()) + 1).min(7),
        Register::Bpr1 => cpu.bpr[1].seen(interface.bpr1()),
        Register::Ctlr => {
            u64::from(cpu.priority_bits - 1) << 8
                | u64::from(cpu.id_bits) << 11
                | u64::from(host.local_serrors) << 14
                | u64::from(host.affinity3) << 15
                | interface.ctlr() & (CBPR | EOIMODE)
        }
        Register::Sre => SRE,
        Register::Igrpen0 => interface.igrpen0(),
        Register::Igrpen1 => interface.igrpen1(),
        Register::Ap(..) | Register::El2(..) => unreachable!("answered before"),
    })
}

fn set(cpu: &mut Cpu, host: &Host, register: Register, value: u64) -> Result<(), Refusal> {
    match register {
        Register::Ap(group, n) => {
            check_ap(cpu, n)?;
            cpu.set_active(group, n, value as u32);
        }
        Register::Pmr => {
            cpu.interface_mut().set_pmr(value & 0xff);
            cpu.pmr = Written { value: value as u8, effect: cpu.interface().pmr() as u8 };
        }
        Register::Bpr0 => {
            cpu.interface_mut().set_bpr0(value & 7);
            cpu.bpr[0] = Written { value: value as u8 & 7, effect: cpu.interface().bpr0() as u8 };
        }
        Register::Bpr1 if cpu.interface().ctlr() & CBPR != 0 => {}
        Register::Bpr1 => {
            cpu.interface_mut().set_bpr1(value & 7);
            cpu.bpr[1] = Written { value: value as u8 & 7, effect: cpu.interface().bpr1() as u8 };
        }
        Register::Ctlr => return set_ctlr(cpu, host, value),
        Register::Sre if value & 1 == 0 => {
            return Err(Errno::Inval.because("ICC_SRE_EL1.SRE is 1: there is no other interface").about(value));
        }
        Register::Sre => {}
        Register::Igrpen0 => cpu.interface_mut().set_igrpen0(value & 1),
        Register::Igrpen1 => cpu.interface_mut().set_igrpen1(value & 1),
        Register::El2(..) => unreachable!("answered before"),
    }
    Ok(())
}

/// What passes takes effect, also when a later field is refused. Lowering is for good.
fn set_ctlr(cpu: &mut Cpu, host: &Host, value: u64) -> Result<(), Refusal> {
    let refuse = |check| Err(Errno::Inval.because(check).about(value));
    let (priority_bits, id_bits) = ((value >> 8 & 7) as u8 + 1, (value >> 11 & 7) as u8);
    if priority_bits > cpu.priority_bits {
        return refuse("ICC_CTLR_EL1.PRIbits is more than this vCPU has");
    }
    cpu.priority_bits = priority_bits;
    if id_bits > cpu.id_bits {
        return refuse("ICC_CTLR_EL1.IDbits is more than this vCPU has");
    }
    cpu.id_bits = id_bits;
    if (value >> 14 & 1 != 0) != host.local_serrors {
        return refuse("ICC_CTLR_EL1.SEIS is not the host's");
    }
    if (value >> 15 & 1 != 0) != host.affinity3 {
        return refuse("ICC_CTLR_EL1.A3V is not the host's");
    }
    let rest = cpu.interface().ctlr() & !(CBPR | EOIMODE);
    cpu.interface_mut().set_ctlr(rest | value & (CBPR | EOIMODE));
    Ok(())
}

/// Active priorities fill one register of 32 for each bit of priority over 5.
fn check_ap(cpu: &Cpu, n: usize) -> Result<(), Refusal> {
    let last = match cpu.priority_bits {
        7 => 3,
        6 => 1,
        _ => 0,
    };
    match n <= last {
        true => Ok(()),
        false => Err(Errno::Inval
            .because("with these bits of priority there is no such active priorities register")
            .about(n as u64)),
    }
}

fn el2(cpu: &mut Cpu, host: &Host, at: usize, kind: El2, direction: Direction) -> Result<u64, Refusal> {
    let refuse = |check, value| Err(Errno::Inval.because(check).about(value));
    if let El2::Ap(n) = kind {
        check_ap(cpu, n)?;
    }
    let fixed = match kind {
        El2::Sre => Some(SRE_EL2),
        El2::Vtr => Some(vtr(host)),
        _ => None,
    };
    match (direction, fixed) {
        (Direction::Get, Some(fixed)) => Ok(fixed),
        (Direction::Get, None) => Ok(cpu.el2[at]),
        (Direction::Set(value), Some(fixed)) if value == fixed => Ok(0),
        (Direction::Set(value), Some(_)) => refuse("this register of EL2 has one value", value),
        (Direction::Set(value), None) => {
            cpu.el2[at] = value;
            Ok(0)
        }
    }
}

/// ICH_VTR_EL2: priority and preemption bits, IDbits, SEIS, A3V, and four list registers.
fn vtr(host: &Host) -> u64 {
    let priority = u64::from(host.priority_bits - 1);
    priority << 29
        | priority << 26
        | u64::from(host.id_bits) << 23
        | u64::from(host.local_serrors) << 22
        | u64::from(host.affinity3) << 21
        | 3
}

/// A value that the interface holds less exactly than the caller wrote it: KVM gives back what was written until the
/// guest changes it.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Written {
    pub value: u8,
    /// What the interface read afterwards.
    pub effect: u8,
}

impl Written {
    fn seen(self, now: u64) -> u64 {
        if now == u64::from(self.effect) { self.value.into() } else { now }
    }
}

impl Cpu {
    /// As KVM's shadow of a CPU interface begins: all zero.
    pub fn reset(&mut self, interface: CpuInterface, host: &Host) {
        (self.priority_bits, self.id_bits) = (host.priority_bits, host.id_bits);
        let begins = |effect: u64| Written { value: 0, effect: effect as u8 };
        self.pmr = begins(interface.pmr());
        self.bpr = [begins(interface.bpr0()), begins(interface.bpr1())];
        self.interface = Some(interface);
    }

    /// # Panics
    /// If the vCPU runs: the protocol has let an access through that it must not.
    fn interface(&self) -> &CpuInterface {
        self.interface.as_ref().expect("no vCPU runs during an access")
    }

    fn interface_mut(&mut self) -> &mut CpuInterface {
        self.interface.as_mut().expect("no vCPU runs during an access")
    }

    /// How far apart the interface's 32 group priorities are in registers for more bits of priority.
    fn spread(&self) -> usize {
        1 << self.priority_bits.saturating_sub(5)
    }

    /// ICC_APgRn.
    fn active(&self, group: usize, n: usize) -> u32 {
        let (held, step) = (ap(self.interface(), group), self.spread());
        (0..32).step_by(step).fold(self.more_ap[group][n], |bits, bit| {
            let priority = (32 * n + bit) / step;
            bits & !(1 << bit) | (held >> priority & 1) << bit
        })
    }

    fn set_active(&mut self, group: usize, n: usize, value: u32) {
        let step = self.spread();
        let held = (0..32).step_by(step).fold(ap(self.interface(), group), |held, bit| {
            let priority = (32 * n + bit) / step;
            held & !(1 << priority) | (value >> bit & 1) << priority
        });
        self.more_ap[group][n] = value;
        match group {
            0 => self.interface_mut().set_ap0r0(held.into()),
            _ => self.interface_mut().set_ap1r0(held.into()),
        }
    }
}

fn ap(interface: &CpuInterface, group: usize) -> u32 {
    match group {
        0 => interface.ap0r0() as u32,
        _ => interface.ap1r0() as u32,
    }
}
