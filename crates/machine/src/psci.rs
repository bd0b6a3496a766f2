//! PSCI 1.1 and the SMC calling convention's own functions, over HVC, or SMC where there is EL2 or EL3 (DEN 0022, DEN 0028).

use crate::control::{Control, Ending, Power, Start};
use crate::map;

/// Return values (DEN 0022, "Return error codes").
mod code {
    pub const SUCCESS: u64 = 0;
    pub const NOT_SUPPORTED: u64 = -1i64 as u64;
    pub const INVALID_PARAMETERS: u64 = -2i64 as u64;
    pub const ALREADY_ON: u64 = -4i64 as u64;
    pub const ON_PENDING: u64 = -5i64 as u64;
    pub const INVALID_ADDRESS: u64 = -9i64 as u64;
    /// SMCCC_ARCH_FEATURES: the workaround is not needed on any PE.
    pub const NOT_REQUIRED: u64 = -2i64 as u64;
    /// SMCCC_ARCH_FEATURES: the workaround exists, and this PE does not need it.
    pub const UNAFFECTED: u64 = 1;
}

/// What the calling vCPU does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Go on with X0 set.
    Return(u64),
    /// Sleep until an interrupt, then go on with X0 = SUCCESS.
    Standby,
    /// This PE is off.
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Function {
    SmcccVersion,
    SmcccArchFeatures,
    ArchWorkaround,
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
}

/// Function identifier in the 32-bit convention, and whether the 64-bit one (bit 30 set) exists too.
const FUNCTIONS: &[(u32, bool, Function)] = &[
    (0x8000_0000, false, Function::SmcccVersion),
    (0x8000_0001, false, Function::SmcccArchFeatures),
    (0x8000_8000, false, Function::ArchWorkaround), // ARCH_WORKAROUND_1: branch predictor
    (0x8000_3fff, false, Function::ArchWorkaround), // ARCH_WORKAROUND_3: branch history
    (0x8400_0000, false, Function::Version),
    (0x8400_0001, true, Function::CpuSuspend),
    (0x8400_0002, false, Function::CpuOff),
    (0x8400_0003, true, Function::CpuOn),
    (0x8400_0004, true, Function::AffinityInfo),
    (0x8400_0006, false, Function::MigrateInfoType),
    (0x8400_0008, false, Function::SystemOff),
    (0x8400_0009, false, Function::SystemReset),
    (0x8400_000a, false, Function::Features),
    (0x8400_0012, true, Function::SystemReset2),
];

/// SMCCC_ARCH_WORKAROUND_2 (speculative store bypass): named so that it can be answered "not required".
const ARCH_WORKAROUND_2: u32 = 0x8000_7fff;
/// Bit 30 of a function identifier: 64-bit convention.
const SMC64: u32 = 1 << 30;

fn lookup(id: u32) -> Option<Function> {
    FUNCTIONS.iter().find(|(n, wide, _)| *n == id || *wide && n | SMC64 == id).map(|(_, _, f)| *f)
}

/// Carries out the call whose function identifier and arguments are in `x` (X0 to X3).
pub(crate) fn call(control: &Control, x: [u64; 4]) -> Next {
    let id = x[0] as u32;
    let wide = id & SMC64 != 0;
    let arg = |n: usize| if wide { x[n] } else { u64::from(x[n] as u32) };
    let Some(function) = lookup(id) else { return Next::Return(code::NOT_SUPPORTED) };
    Next::Return(match function {
        Function::SmcccVersion | Function::Version => 0x1_0001, // 1.1 both
        Function::SmcccArchFeatures => arch_feature(arg(1) as u32),
        Function::ArchWorkaround => code::SUCCESS,
        Function::CpuSuspend => return Next::Standby, // a power-down state may always be taken as standby
        Function::CpuOff => return Next::Off,
        Function::CpuOn => cpu_on(control, arg(1), arg(2), arg(3)),
        Function::AffinityInfo => affinity_info(control, arg(1), arg(2)),
        Function::MigrateInfoType => 2, // no trusted OS that would have to migrate
        Function::Features => match lookup(arg(1) as u32) {
            Some(_) => code::SUCCESS,
            None => code::NOT_SUPPORTED,
        },
        Function::SystemOff => return end(control, Ending::PowerOff),
        Function::SystemReset => return end(control, Ending::Reset),
        Function::SystemReset2 => match arg(1) as u32 {
            0 => return end(control, Ending::Reset), // SYSTEM_WARM_RESET
            _ => code::INVALID_PARAMETERS,
        },
    })
}

fn end(control: &Control, ending: Ending) -> Next {
    control.end(ending);
    Next::Off
}

/// A simulator does not speculate, so no PE needs the workarounds for those that do.
fn arch_feature(id: u32) -> u64 {
    match lookup(id) {
        Some(Function::ArchWorkaround) => code::UNAFFECTED,
        Some(_) => code::SUCCESS,
        None if id == ARCH_WORKAROUND_2 => code::NOT_REQUIRED,
        None => code::NOT_SUPPORTED,
    }
}

/// The PE whose affinity fields are `mpidr`.
fn target(control: &Control, mpidr: u64) -> Option<usize> {
    (0..control.pes()).find(|&i| map::affinity(i as u32) == mpidr)
}

fn cpu_on(control: &Control, mpidr: u64, entry: u64, argument: u64) -> u64 {
    let Some(index) = target(control, mpidr) else { return code::INVALID_PARAMETERS };
    if !entry.is_multiple_of(4) {
        return code::INVALID_ADDRESS;
    }
    if control.start(index, Start { entry, argument }) {
        return code::SUCCESS;
    }
    match control.power(index) {
        Power::OnPending => code::ON_PENDING,
        _ => code::ALREADY_ON,
    }
}

/// Level 0 names one PE; a higher level is on if any PE below it is.
fn affinity_info(control: &Control, mpidr: u64, level: u64) -> u64 {
    if level > 3 {
        return code::INVALID_PARAMETERS;
    }
    // Affinity fields at `level` and above; Aff3 stands apart, in [39:32].
    let ignored = [0, 0xff, 0xffff, 0xff_ffff][level as usize];
    let named = |i: &usize| (map::affinity(*i as u32) ^ mpidr) & !ignored & 0xff_00ff_ffff == 0;
    let mut states = (0..control.pes()).filter(named).map(|i| control.power(i)).peekable();
    if states.peek().is_none() {
        return code::INVALID_PARAMETERS;
    }
    let rank = |power| match power {
        Power::On => 0,
        Power::OnPending => 2,
        Power::Off => 1,
    };
    let states: Vec<u64> = states.map(rank).collect();
    if states.contains(&0) {
        0
    } else if states.contains(&2) {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use sync::Attention;

    fn control() -> Control {
        Control::new((0..18).map(|_| Arc::new(Attention::new())).collect())
    }

    #[track_caller]
    fn check(control: &Control, x: [u64; 4], want: Next) {
        assert_eq!(call(control, x), want, "{x:x?}");
    }

    #[test]
    fn discovery() {
        let c = control();
        check(&c, [0x8400_0000, 0, 0, 0], Next::Return(0x1_0001));
        check(&c, [0x8400_000a, 0xc400_0003, 0, 0], Next::Return(0));
        check(&c, [0x8400_000a, 0x8400_0003, 0, 0], Next::Return(0));
        check(&c, [0x8400_000a, 0xc400_0002, 0, 0], Next::Return(code::NOT_SUPPORTED));
        check(&c, [0x8400_000a, 0x8000_0000, 0, 0], Next::Return(0));
        check(&c, [0x8000_0001, 0x8000_8000, 0, 0], Next::Return(1));
        check(&c, [0x8000_0001, 0x8000_7fff, 0, 0], Next::Return(-2i64 as u64));
        check(&c, [0x8600_0000, 0, 0, 0], Next::Return(code::NOT_SUPPORTED));
        check(&c, [0x8400_0006, 0, 0, 0], Next::Return(2));
    }

    #[test]
    fn cpu_on_and_affinity_info() {
        let c = control();
        let on = 0xc400_0003;
        check(&c, [0xc400_0004, 0x101, 0, 0], Next::Return(1));
        check(&c, [on, 0x101, 0x4000_0000, 7], Next::Return(0));
        check(&c, [on, 0x101, 0x4000_0000, 7], Next::Return(code::ON_PENDING));
        check(&c, [0xc400_0004, 0x101, 0, 0], Next::Return(2));
        assert_eq!(c.wait_start(17), Some(Start { entry: 0x4000_0000, argument: 7 }));
        check(&c, [on, 0x101, 0x4000_0000, 7], Next::Return(code::ALREADY_ON));
        check(&c, [0xc400_0004, 0x100, 1, 0], Next::Return(0));
        check(&c, [0xc400_0004, 0, 1, 0], Next::Return(1));
        check(&c, [on, 0x102, 0x4000_0000, 7], Next::Return(code::INVALID_PARAMETERS));
        check(&c, [on, 0, 0x4000_0002, 7], Next::Return(code::INVALID_ADDRESS));
        check(&c, [0xc400_0004, 0, 4, 0], Next::Return(code::INVALID_PARAMETERS));
    }

    #[test]
    fn the_ends() {
        let c = control();
        check(&c, [0xc400_0012, 0, 0, 0], Next::Off);
        check(&c, [0xc400_0012, 0x8000_0000, 0, 0], Next::Return(code::INVALID_PARAMETERS));
        check(&c, [0x8400_0002, 0, 0, 0], Next::Off);
        check(&c, [0xc400_0001, 0, 0, 0], Next::Standby);
        assert!(c.ending());
    }
}
