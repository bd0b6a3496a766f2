//! PSCI and the SMC calling convention's own functions as KVM answers them (DEN 0022, DEN 0028). A vCPU that was not
//! initialised with `KVM_ARM_VCPU_PSCI_0_2` has PSCI 0.1, whose functions have numbers of KVM's own.

use crate::bindings::*;
use crate::pe::{Pe, Start};
use std::sync::Arc;

/// A version as `PSCI_VERSION` says it: major in [31:16], minor in [15:0].
pub(crate) mod version {
    pub const V0_1: u32 = 0;
    pub const V0_2: u32 = 2;
    pub const V1_0: u32 = 0x1_0000;
    pub const V1_1: u32 = 0x1_0001;
    pub const V1_2: u32 = 0x1_0002;
    pub const V1_3: u32 = 0x1_0003;
}
use version::*;

/// Return values (DEN 0022, "Return error codes"; DEN 0028).
mod code {
    pub const SUCCESS: u64 = 0;
    pub const NOT_SUPPORTED: u64 = -1i64 as u64;
    pub const INVALID_PARAMETERS: u64 = -2i64 as u64;
    pub const ALREADY_ON: u64 = -4i64 as u64;
    pub const INTERNAL_FAILURE: u64 = -6i64 as u64;
    /// SMCCC_ARCH_FEATURES: the workaround is not needed on any PE.
    pub const NOT_REQUIRED: u64 = -2i64 as u64;
}

/// What the caller does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Goes on with X0 set.
    Return(u64),
    /// Waits for an interrupt; X0 is SUCCESS.
    Standby,
    /// Is stopped.
    Off,
    /// Every vCPU is stopped, and `run` returns a system event of this type with these flags.
    System(u32, u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Function {
    SmcccVersion,
    ArchFeatures,
    Version,
    CpuSuspend,
    CpuOff,
    CpuOn,
    AffinityInfo,
    MigrateInfoType,
    SystemOff,
    SystemReset,
    Features,
    SystemReset2,
    SystemOff2,
}

/// Function identifier in the 32-bit convention, whether the 64-bit one exists too, and from which version on.
#[rustfmt::skip]
const FUNCTIONS: &[(u32, bool, u32, Function)] = &[
    (0x8000_0000, false, V0_1, Function::SmcccVersion),
    (0x8000_0001, false, V0_1, Function::ArchFeatures),
    (0x8400_0000, false, V0_2, Function::Version),
    (0x8400_0001, true,  V0_2, Function::CpuSuspend),
    (0x8400_0002, false, V0_2, Function::CpuOff),
    (0x8400_0003, true,  V0_2, Function::CpuOn),
    (0x8400_0004, true,  V0_2, Function::AffinityInfo),
    (0x8400_0006, false, V0_2, Function::MigrateInfoType),
    (0x8400_0008, false, V0_2, Function::SystemOff),
    (0x8400_0009, false, V0_2, Function::SystemReset),
    (0x8400_000a, false, V1_0, Function::Features),
    (0x8400_0012, true,  V1_1, Function::SystemReset2),
    (0x8400_0015, true,  V1_3, Function::SystemOff2),
];

/// Of PSCI 0.1, by number from here.
const OLD_BASE: u32 = 0x95c1_ba5e;
const OLD: [Function; 3] = [Function::CpuSuspend, Function::CpuOff, Function::CpuOn];

/// SMCCC_ARCH_WORKAROUND_1, 2 and 3: nothing here speculates.
const WORKAROUNDS: [u32; 3] = [0x8000_8000, 0x8000_7fff, 0x8000_3fff];
/// Bit 30 of a function identifier: 64-bit convention.
const SMC64: u32 = 1 << 30;
/// MPIDR_EL1's affinity fields.
const AFFINITY: u64 = 0xff_00ff_ffff;

fn lookup(id: u32, version: u32) -> Option<Function> {
    let old = id.checked_sub(OLD_BASE).and_then(|n| OLD.get(n as usize)).copied();
    let named =
        |(n, wide, since, _): &&(u32, bool, u32, Function)| (*n == id || *wide && n | SMC64 == id) && *since <= version;
    old.filter(|_| version == V0_1).or_else(|| FUNCTIONS.iter().find(named).map(|(_, _, _, function)| *function))
}

/// Carries out the call whose function identifier and arguments are in `x` (X0 to X3).
pub(crate) fn call(pes: &[Arc<Pe>], version: u32, x: [u64; 4]) -> Next {
    let id = x[0] as u32;
    // Old functions have the width of the caller.
    let wide = id & SMC64 != 0 || version == V0_1;
    let arg = |n: usize| if wide { x[n] } else { u64::from(x[n] as u32) };
    let Some(function) = lookup(id, version) else { return Next::Return(code::NOT_SUPPORTED) };
    Next::Return(match function {
        Function::SmcccVersion => 0x1_0001,
        Function::ArchFeatures => match arg(1) as u32 {
            n if WORKAROUNDS.contains(&n) => code::NOT_REQUIRED,
            _ => code::NOT_SUPPORTED,
        },
        Function::Version => version.into(),
        Function::CpuSuspend => return Next::Standby, // a power-down state may always be taken as standby
        Function::CpuOff => return Next::Off,
        Function::CpuOn => cpu_on(pes, version, arg(1), Start { entry: arg(2), argument: arg(3) }),
        Function::AffinityInfo => affinity_info(pes, arg(1), arg(2)),
        Function::MigrateInfoType => 2, // no trusted OS that would have to migrate
        Function::Features => match (arg(1) as u32, lookup(arg(1) as u32, version)) {
            (_, Some(Function::SystemOff2)) => 1, // HIBERNATE_OFF
            (_, None | Some(Function::ArchFeatures)) => code::NOT_SUPPORTED,
            _ => code::SUCCESS,
        },
        Function::SystemOff => return Next::System(KVM_SYSTEM_EVENT_SHUTDOWN, 0),
        Function::SystemReset => return Next::System(KVM_SYSTEM_EVENT_RESET, 0),
        // SYSTEM_WARM_RESET, or a vendor's.
        Function::SystemReset2 => match arg(1) as u32 {
            0 | 0x8000_0000.. => {
                return Next::System(KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2.into());
            }
            _ => code::INVALID_PARAMETERS,
        },
        // HIBERNATE_OFF, which 0 stands for as well.
        Function::SystemOff2 => match (arg(1) as u32, arg(2)) {
            (0 | 1, 0) => {
                return Next::System(KVM_SYSTEM_EVENT_SHUTDOWN, KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2.into());
            }
            _ => code::INVALID_PARAMETERS,
        },
    })
}

/// X0 of who asked for a system event, if it is ever let go on.
pub(crate) const AFTER_SYSTEM_EVENT: u64 = code::INTERNAL_FAILURE;

fn cpu_on(pes: &[Arc<Pe>], version: u32, mpidr: u64, start: Start) -> u64 {
    let named = |pe: &&Arc<Pe>| pe.describe().is_some_and(|(of, _)| of == mpidr);
    let Some(pe) = pes.iter().find(named) else { return code::INVALID_PARAMETERS };
    match pe.start(start) {
        true => code::SUCCESS,
        false if version == V0_1 => code::INVALID_PARAMETERS,
        false => code::ALREADY_ON,
    }
}

/// Level 0 names one PE; a higher level is on if any PE below it is.
fn affinity_info(pes: &[Arc<Pe>], mpidr: u64, level: u64) -> u64 {
    const ON: u64 = 0;
    const OFF: u64 = 1;
    // Affinity fields below `level` do not count; Aff3 stands apart, in [39:32].
    let Some(ignored) = [0u64, 0xff, 0xffff, 0xff_ffff].get(level as usize) else { return code::INVALID_PARAMETERS };
    if mpidr & !AFFINITY != 0 {
        return code::INVALID_PARAMETERS;
    }
    let described = pes.iter().filter_map(|pe| pe.describe());
    let named: Vec<_> = described.filter(|(of, _)| (of ^ mpidr) & !ignored == 0).collect();
    match named.iter().all(|(_, stopped)| *stopped) {
        _ if named.is_empty() => code::INVALID_PARAMETERS,
        true => OFF,
        false => ON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Affinities 0, 1 and 0x100; the last two are stopped.
    fn pes() -> Vec<Arc<Pe>> {
        let pe = |(mpidr, stopped)| {
            let pe = Pe::new(Arc::default());
            pe.initialise(mpidr, stopped);
            Arc::new(pe)
        };
        [(0, false), (1, true), (0x100, true)].map(pe).into()
    }

    #[track_caller]
    fn check(pes: &[Arc<Pe>], version: u32, x: [u64; 4], want: Next) {
        assert_eq!(call(pes, version, x), want, "{x:x?}");
    }

    #[test]
    fn discovery() {
        let pes = pes();
        for version in [V0_2, V1_0, V1_1, V1_3] {
            check(&pes, version, [0x8400_0000, 0, 0, 0], Next::Return(version.into()));
        }
        check(&pes, V0_1, [0x8400_0000, 0, 0, 0], Next::Return(code::NOT_SUPPORTED));
        check(&pes, V0_2, [0x8400_000a, 0x8400_0003, 0, 0], Next::Return(code::NOT_SUPPORTED));
        check(&pes, V1_0, [0x8400_000a, 0xc400_0003, 0, 0], Next::Return(0));
        check(&pes, V1_0, [0x8400_000a, 0xc400_0012, 0, 0], Next::Return(code::NOT_SUPPORTED));
        check(&pes, V1_1, [0x8400_000a, 0xc400_0012, 0, 0], Next::Return(0));
        check(&pes, V1_3, [0x8400_000a, 0xc400_0015, 0, 0], Next::Return(1));
        check(&pes, V1_1, [0x8000_0001, 0x8000_8000, 0, 0], Next::Return(code::NOT_REQUIRED));
        check(&pes, V1_1, [0x8600_ff01, 0, 0, 0], Next::Return(code::NOT_SUPPORTED));
    }

    #[test]
    fn switching_on() {
        let pes = pes();
        let on = |version| [if version == V0_1 { 0x95c1_ba60 } else { 0xc400_0003 }, 1, 0x4000_0000, 7];
        check(&pes, V1_1, [0xc400_0004, 1, 0, 0], Next::Return(1));
        check(&pes, V1_1, [0xc400_0004, 0, 1, 0], Next::Return(0));
        check(&pes, V1_1, [0xc400_0004, 0x100, 1, 0], Next::Return(1));
        check(&pes, V1_1, [0xc400_0004, 2, 0, 0], Next::Return(code::INVALID_PARAMETERS));
        check(&pes, V1_1, [0xc400_0004, 0, 4, 0], Next::Return(code::INVALID_PARAMETERS));
        check(&pes, V1_1, on(V1_1), Next::Return(0));
        assert_eq!(pes[1].take_start(), Some(Start { entry: 0x4000_0000, argument: 7 }));
        check(&pes, V1_1, on(V1_1), Next::Return(code::ALREADY_ON));
        check(&pes, V0_1, on(V0_1), Next::Return(code::INVALID_PARAMETERS));
        check(&pes, V1_1, [0xc400_0003, 2, 0x4000_0000, 0], Next::Return(code::INVALID_PARAMETERS));
        // The 32-bit convention has 32 bits.
        check(&pes, V1_1, [0x8400_0003, 0x1_0000_0100, 0x4000_0000, 0], Next::Return(0));
    }

    #[test]
    fn the_ends() {
        let pes = pes();
        check(&pes, V1_1, [0x8400_0008, 0, 0, 0], Next::System(KVM_SYSTEM_EVENT_SHUTDOWN, 0));
        check(&pes, V1_1, [0x8400_0009, 0, 0, 0], Next::System(KVM_SYSTEM_EVENT_RESET, 0));
        check(&pes, V1_1, [0xc400_0012, 0, 0, 0], Next::System(KVM_SYSTEM_EVENT_RESET, 1));
        check(&pes, V1_1, [0xc400_0012, 1, 0, 0], Next::Return(code::INVALID_PARAMETERS));
        check(&pes, V1_1, [0xc400_0015, 1, 0, 0], Next::Return(code::NOT_SUPPORTED));
        check(&pes, V1_3, [0xc400_0015, 1, 0, 0], Next::System(KVM_SYSTEM_EVENT_SHUTDOWN, 1));
        check(&pes, V1_1, [0x8400_0002, 0, 0, 0], Next::Off);
        check(&pes, V1_1, [0xc400_0001, 0, 0, 0], Next::Standby);
        check(&pes, V0_1, [0x95c1_ba5e, 0, 0, 0], Next::Standby);
    }
}
