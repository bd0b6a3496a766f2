//! Accesses to registers: which vCPU is meant, when the caller's memory is touched, and what happens under the locks
//! that the protocol takes (doc3, groups DIST_REGS, REDIST_REGS, CPU_SYSREGS and LEVEL_INFO).

use crate::config::{Config, Cpu};
use crate::device::DeviceAttr;
use crate::errno::{Errno, Refusal};
use crate::protocol::Idle;
use crate::registers::{dist, level, plain, redist, sysregs};
use crate::uapi::{GICD_IIDR, GICD_TYPER2, group};
use crate::user::UserPointer;
use crate::vcpus::Vcpu;
use crate::vm::Vm;
use gic::Product;
use std::sync::Arc;

/// Which registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Distributor,
    Redistributor,
    SystemRegister,
    Level,
}

/// An access as the attribute says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub kind: Kind,
    /// Aff3.Aff2.Aff1.Aff0 in bits 63:32, a register in bits 31:0.
    pub attr: u64,
}

/// What an access finds under the locks.
pub(crate) struct Place<'a> {
    pub vm: &'a Vm,
    pub config: &'a mut Config,
    /// `None` only for registers that belong to no vCPU.
    pub vcpu: Option<&'a Vcpu>,
    /// It has system registers of EL2.
    pub el2: bool,
}

impl Place<'_> {
    /// Index of the vCPU.
    ///
    /// # Panics
    /// If the access is to none.
    pub fn pe(&self) -> usize {
        self.vcpu.expect("this register is a vCPU's").index
    }
}

impl Request {
    pub fn of(attr: &DeviceAttr) -> Option<Request> {
        let kind = match attr.group {
            group::DIST_REGS => Kind::Distributor,
            group::REDIST_REGS => Kind::Redistributor,
            group::CPU_SYSREGS => Kind::SystemRegister,
            group::LEVEL_INFO => Kind::Level,
            _ => return None,
        };
        Some(Request { kind, attr: attr.attr })
    }

    /// The register: an offset, an encoding, or an INTID and what about it.
    pub fn register(self) -> u32 {
        self.attr as u32
    }

    /// May it be accessed before initialisation?
    pub fn is_early(self, vm: &Vm) -> bool {
        vm.spec.kernel.early_registers
            && self.kind == Kind::Distributor
            && matches!(self.register(), GICD_IIDR | GICD_TYPER2)
    }

    /// Does it belong to the VM, so that an interface of another design would need no vCPU for it?
    pub fn is_of_vm(self) -> bool {
        self.kind == Kind::Distributor && matches!(self.register(), GICD_IIDR | GICD_TYPER2)
    }

    /// The distributor is accessed through the first vCPU, the rest by affinity.
    fn vcpu(self, vm: &Vm) -> Result<Option<Arc<Vcpu>>, Refusal> {
        let affinity = (self.attr >> 32) as u32;
        let (found, none) = match self.kind {
            Kind::Distributor => (
                vm.vcpus.get(0),
                Errno::Inval.because("the distributor is accessed through the first vCPU, and there is none"),
            ),
            _ => (
                vm.vcpus.with_affinity(affinity),
                Errno::Inval.because("no vCPU has this affinity").about(affinity.into()),
            ),
        };
        match found {
            Some(vcpu) => Ok(Some(vcpu.clone())),
            None if self.is_of_vm() && vm.protocol().needs_no_vcpu() => Ok(None),
            None => Err(none),
        }
    }
}

/// Reads and writes happen alike but for the value.
pub(crate) enum Direction {
    Get,
    Set(u64),
}

pub(crate) fn set(vm: &Vm, request: Request, user: UserPointer) -> Result<(), Refusal> {
    let vcpu = request.vcpu(vm)?;
    if request.kind == Kind::SystemRegister {
        // The caller's memory is read under the locks.
        return locked(vm, request, vcpu, |place| {
            let value = user.read_u64()?;
            perform(place, request, Direction::Set(value)).map(drop)
        });
    }
    let value = user.read_u32()?;
    locked(vm, request, vcpu, |place| perform(place, request, Direction::Set(value.into())).map(drop))
}

pub(crate) fn get(vm: &Vm, request: Request, user: UserPointer) -> Result<(), Refusal> {
    let vcpu = request.vcpu(vm)?;
    if request.kind == Kind::SystemRegister {
        return locked(vm, request, vcpu, |place| user.write_u64(perform(place, request, Direction::Get)?));
    }
    let value = locked(vm, request, vcpu, |place| perform(place, request, Direction::Get))?;
    user.write_u32(value as u32)
}

pub(crate) fn has(vm: &Vm, request: Request) -> Result<(), Refusal> {
    match request.kind {
        Kind::Distributor => {
            request.vcpu(vm)?;
            dist::has(&vm.config.lock(), request.register())
        }
        Kind::Redistributor => {
            request.vcpu(vm)?;
            redist::has(request.register())
        }
        Kind::SystemRegister => {
            let vcpu = request.vcpu(vm)?.expect("system registers are a vCPU's");
            sysregs::has(request.register(), shows_el2(vm, &vcpu))
        }
        Kind::Level => level::has(request.register()),
    }
}

/// Are there system registers of EL2?
fn shows_el2(vm: &Vm, vcpu: &Vcpu) -> bool {
    vm.spec.kernel.nested && vcpu.has_el2()
}

fn locked<R>(
    vm: &Vm,
    request: Request,
    vcpu: Option<Arc<Vcpu>>,
    access: impl FnOnce(Place) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let vcpu = vcpu.as_deref();
    let mut access = Some(access);
    let mut result = None;
    let protocol = vm.protocol();
    let mut once = |config: &mut Config| {
        assert_idle(config, protocol.keeps_idle(request, vcpu));
        let access = access.take().expect("a protocol makes the access once");
        let el2 = vcpu.is_some_and(|vcpu| shows_el2(vm, vcpu));
        result = Some(access(Place { vm, config, vcpu, el2 }));
    };
    protocol.run(vm, request, vcpu, &mut once)?;
    result.expect("a protocol that succeeds has made the access")
}

/// What a protocol is for: during the access these vCPUs do not run. One that runs has taken its CPU interface.
fn assert_idle(config: &Config, idle: Idle) {
    let runs = |cpu: &Cpu| config.initialised() && cpu.interface.is_none();
    let meets_guest = match idle {
        Idle::All => config.cpus[..].iter().any(runs),
        Idle::One(index) => runs(&config.cpus[index]),
        Idle::None => false,
    };
    assert!(!meets_guest, "an access to registers meets a running guest");
}

fn perform(mut place: Place, request: Request, direction: Direction) -> Result<u64, Refusal> {
    let register = request.register();
    if place.vm.spec.features.product != Product::Kvm {
        match request.kind {
            Kind::Distributor => return Ok(plain::distributor(&place, register, direction)),
            Kind::Redistributor => return Ok(plain::redistributor(&place, register, direction)),
            Kind::SystemRegister | Kind::Level => {}
        }
    }
    match request.kind {
        Kind::Distributor => dist::access(&mut place, register, direction),
        Kind::Redistributor => Ok(redist::access(&mut place, register, direction)),
        Kind::SystemRegister => sysregs::access(&mut place, register, direction),
        Kind::Level => level::access(&mut place, register, direction),
    }
}
