//! How an access to registers locks, as a value. Each protocol is one page; all are steps over the same locks:
//! K, the VM's; V, one per vCPU, which an ioctl of the vCPU holds from beginning to end, and a running guest too; and C,
//! that of the configuration.
//!
//! What a protocol must see to: an access to registers that guests change must not happen while a guest runs; nothing
//! but what `Request::is_early` allows happens before initialisation.

mod blocking;
mod device_level;
mod reviewer;
mod rfc;
mod target;
mod upstream;

use crate::access::{Kind, Request};
use crate::config::Config;
use crate::errno::{Errno, Refusal};
use crate::vcpus::{Vcpu, VcpuLocks};
use crate::vm::Vm;
use std::fmt;

/// Before initialisation there are no registers, but for two.
const NOT_INITIALISED: Refusal = Errno::Busy.because("the VGIC is not initialised");

/// The access, to make once, under C.
type Access<'a> = &'a mut dyn FnMut(&mut Config);

macro_rules! protocols {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $run:path;)*) => {
        /// How an access to registers locks.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[repr(u32)]
        pub enum LockProtocol {
            #[default]
            $($(#[doc = $doc])* $variant,)*
        }

        impl LockProtocol {
            /// All of them, those that are wrong last.
            pub const ALL: &[LockProtocol] = &[$(LockProtocol::$variant),*];

            /// What command lines call it.
            pub fn name(self) -> &'static str {
                match self {
                    $(LockProtocol::$variant => $name,)*
                }
            }

            pub(crate) fn run(self, vm: &Vm, request: Request, vcpu: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
                match self {
                    $(LockProtocol::$variant => $run(vm, request, vcpu, access),)*
                }
            }
        }
    };
}

protocols! {
    /// Linux as it is: K, then every V without waiting, then C.
    Upstream "upstream" upstream::run;
    /// The RFC "Skip vCPU trylock for pre-init register access" (2026): no V before initialisation, looked at again
    /// under C.
    Rfc "rfc" rfc::run;
    /// The reviewer's proposal: decide under C, then try V while C is held.
    UnderConfigLock "under-config-lock" reviewer::try_while_held;
    /// The reviewer's proposal: decide under C, let go of C, try V, take C again.
    DecideThenRetake "decide-then-retake" reviewer::retake;
    /// As upstream, but a system register locks the vCPU it belongs to alone.
    TargetVcpuOnly "target-vcpu-only" target::run;
    /// GICD_IIDR and GICD_TYPER2 are the VM's: C alone, and no vCPU is needed.
    DeviceLevel "device-level" device_level::run;
    /// As upstream, but GICD_IIDR and GICD_TYPER2 need no vCPU to be accessed through.
    WithoutVcpu "without-vcpu" upstream::run;
    /// As the RFC, but waits for every vCPU instead of trying.
    Blocking "blocking" blocking::run;
    /// Wrong: the reviewer's proposal read as waiting for V while C is held. Deadlocks.
    WaitUnderConfigLock "wait-under-config-lock" reviewer::wait_while_held;
    /// Wrong: the RFC without its second look. An access meets a running guest.
    RfcWithoutRecheck "rfc-without-recheck" rfc::without_recheck;
    /// Wrong: upstream, but what is unlocked is counted anew. Unlocks what it did not lock.
    RecountToUnlock "recount-to-unlock" upstream::recount_to_unlock;
}

impl LockProtocol {
    /// Those that can be relied on.
    pub fn sound() -> impl Iterator<Item = LockProtocol> {
        LockProtocol::ALL.iter().copied().take_while(|&protocol| protocol != LockProtocol::WaitUnderConfigLock)
    }

    /// The one of that name.
    pub fn by_name(name: &str) -> Option<LockProtocol> {
        LockProtocol::ALL.iter().copied().find(|protocol| protocol.name() == name)
    }

    /// What it promises of an access.
    pub(crate) fn keeps_idle(self, request: Request, vcpu: Option<&Vcpu>) -> Idle {
        match (self, vcpu) {
            (LockProtocol::DeviceLevel, _) if request.is_of_vm() => Idle::None,
            (LockProtocol::TargetVcpuOnly, Some(vcpu)) if request.kind == Kind::SystemRegister => Idle::One(vcpu.index),
            _ => Idle::All,
        }
    }

    /// GICD_IIDR and GICD_TYPER2 can be accessed in a VM without vCPUs.
    pub(crate) fn needs_no_vcpu(self) -> bool {
        matches!(self, LockProtocol::DeviceLevel | LockProtocol::WithoutVcpu)
    }
}

impl fmt::Display for LockProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which vCPUs do not run during an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Idle {
    All,
    One(usize),
    None,
}

/// What the protocols are made of.
impl Vm {
    fn try_lock_all(&self) -> Result<VcpuLocks<'_>, Refusal> {
        self.vcpus.try_lock_all(self.spec.kernel.lock_all_sees_creation)
    }

    /// Under C, or early to save the way.
    fn check_ready_for(&self, request: Request) -> Result<(), Refusal> {
        if self.is_initialised() || request.is_early(self) { Ok(()) } else { Err(NOT_INITIALISED) }
    }
}
