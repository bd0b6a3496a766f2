//! The operations, and which: as a reference is, so that they are about what there is.

use super::reference::{AFFINITIES, Reference};
use crate::spec::{self, Who};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Spi {
        id: usize,
        high: bool,
    },
    Ppi {
        pe: usize,
        id: usize,
        high: bool,
    },
    ReadDistributor {
        offset: usize,
        secure: bool,
    },
    WriteDistributor {
        offset: usize,
        secure: bool,
        value: u64,
    },
    ReadRedistributor {
        pe: usize,
        offset: usize,
        secure: bool,
    },
    WriteRedistributor {
        pe: usize,
        offset: usize,
        secure: bool,
        value: u64,
    },
    /// Through the frame that holds the INTID.
    Priority {
        pe: usize,
        id: usize,
        secure: bool,
        value: u64,
    },
    Route {
        id: usize,
        value: u64,
    },
    /// Another Exception level or security state at a PE.
    Become {
        pe: usize,
        who: Who,
    },
    ReadIcc {
        pe: usize,
        register: usize,
    },
    WriteIcc {
        pe: usize,
        register: usize,
        value: u64,
    },
    /// EOIR of a group, and DIR.
    End {
        pe: usize,
        group: usize,
        id: u64,
    },
}

impl Op {
    /// The PE that it is about, where it says one.
    fn pe(self) -> Option<usize> {
        match self {
            Op::Ppi { pe, .. } | Op::ReadRedistributor { pe, .. } | Op::WriteRedistributor { pe, .. } => Some(pe),
            Op::Priority { pe, .. } | Op::Become { pe, .. } | Op::End { pe, .. } => Some(pe),
            Op::ReadIcc { pe, .. } | Op::WriteIcc { pe, .. } => Some(pe),
            _ => None,
        }
    }

    /// Is it about what there is, and ends what was taken last?
    pub fn makes_sense(self, it: &Reference) -> bool {
        let there = self.pe().is_none_or(|pe| pe < it.pes());
        there
            && match self {
                Op::Spi { id, .. } | Op::Ppi { id, .. } => it.shape.extended || id < 1020,
                Op::End { pe, group, id } => it.taken[pe].last() == Some(&(group, id)),
                _ => true,
            }
    }
}

/// The next operation.
pub fn next(it: &Reference) -> BoxedStrategy<Op> {
    let ends = it.taken.iter().enumerate().filter_map(|(pe, taken)| taken.last().map(|last| (pe, *last)));
    let ends: Vec<_> = ends.map(|(pe, (group, id))| Op::End { pe, group, id }).collect();
    match ends.is_empty() {
        true => any_but_end(it).boxed(),
        false => prop_oneof![82 => any_but_end(it), 8 => prop::sample::select(ends)].boxed(),
    }
}

fn any_but_end(it: &Reference) -> impl Strategy<Value = Op> + use<> {
    let (pe, extended) = (0..it.pes(), it.shape.extended);
    let secure = || prop::bool::weighted(0.6);
    let router = || {
        prop_oneof![4 => (id(), 0..2usize)].prop_map(|(id, half)| match id {
            4096.. => 0x8000 + 8 * (id - 4096) + 4 * half,
            _ => 0x6000 + 8 * id + 4 * half,
        })
    };
    let message = prop::sample::select(vec![0x40usize, 0x48, 0x50, 0x58]);
    prop_oneof![
        12 => (wired(extended), any::<bool>()).prop_map(|(id, high)| Op::Spi { id, high }),
        6 => (pe.clone(), ppi(extended), any::<bool>()).prop_map(|(pe, id, high)| Op::Ppi { pe, id, high }),
        4 => (prop_oneof![Just(0), shared_offset(), router()], secure()).prop_map(|(offset, secure)| Op::ReadDistributor { offset, secure }),
        8 => (shared_offset(), secure(), bits()).prop_map(|(offset, secure, value)| Op::WriteDistributor { offset, secure, value }),
        1 => (prop_oneof![7 => 0..8u64, 2 => Just(0x87), 1 => Just(0x47)], secure()).prop_map(|(value, secure)| Op::WriteDistributor { offset: 0, secure, value }),
        2 => (message, id(), secure()).prop_map(|(offset, id, secure)| Op::WriteDistributor { offset, secure, value: id as u64 }),
        1 => (router(), secure(), bits()).prop_map(|(offset, secure, value)| Op::WriteDistributor { offset, secure, value }),
        2 => (pe.clone(), field_offset(1), secure()).prop_map(|(pe, offset, secure)| Op::ReadRedistributor { pe, offset: 0x10000 + offset, secure }),
        1 => (pe.clone(), prop_oneof![Just(0usize), Just(0x14)], secure()).prop_map(|(pe, offset, secure)| Op::ReadRedistributor { pe, offset, secure }),
        4 => (pe.clone(), field_offset(1), secure(), bits()).prop_map(|(pe, offset, secure, value)| Op::WriteRedistributor { pe, offset: 0x10000 + offset, secure, value }),
        1 => (pe.clone(), secure(), 0..4u64).prop_map(|(pe, secure, value)| Op::WriteRedistributor { pe, offset: 0x14, secure, value }),
        1 => (pe.clone(), secure(), 0..8u64).prop_map(|(pe, secure, value)| Op::WriteRedistributor { pe, offset: 0, secure, value: value << 24 }),
        4 => (pe.clone(), prop_oneof![id(), private_id()], secure(), priority()).prop_map(|(pe, id, secure, value)| Op::Priority { pe, id, secure, value }),
        4 => (id(), route()).prop_map(|(id, value)| Op::Route { id, value }),
        3 => (pe.clone(), who()).prop_map(|(pe, who)| Op::Become { pe, who }),
        18 => (pe.clone(), 0..20usize).prop_map(|(pe, register)| Op::ReadIcc { pe, register }),
        12 => (pe, 0..20usize, icc_value()).prop_map(|(pe, register, value)| Op::WriteIcc { pe, register, value }),
    ]
}

fn id() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 32..36usize, 3 => 62..66usize, 3 => 92..98usize, 2 => 4096..4104usize, 1 => 4126..4130usize]
}

/// An SPI that exists; ESPIs in some GICs.
fn wired(extended: bool) -> impl Strategy<Value = usize> {
    let espis = if extended { 4096..4104 } else { 32..36usize };
    prop_oneof![3 => 32..36usize, 3 => 62..66usize, 3 => 92..96usize, 2 => espis]
}

/// A PPI that exists; EPPIs in some GICs.
fn ppi(extended: bool) -> impl Strategy<Value = usize> {
    let eppis = if extended { 1056..1058 } else { 16..19usize };
    prop_oneof![16..19usize, eppis]
}

fn private_id() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..3usize, 3 => 16..18usize, 3 => 30..32usize, 2 => 1056..1059usize]
}

fn who() -> impl Strategy<Value = Who> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(el3, secure, fiq_to_el3, nmi)| Who {
        el3,
        secure: secure || el3,
        fiq_to_el3,
        nmi,
    })
}

/// Few distinct priorities, so that ties and preemption both happen.
fn priority() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0u64, 0x08, 0x40, 0x48, 0x50, 0x80, 0xa0, 0xa8, 0xf0, 0xff])
}

/// One bit, a few, or all.
fn bits() -> impl Strategy<Value = u64> {
    prop_oneof![4 => (0..32u32).prop_map(|n| 1 << n), 2 => any::<u32>().prop_map(u64::from), 1 => Just(0xffff_ffff), 1 => Just(0)]
}

fn field_offset(last: usize) -> impl Strategy<Value = usize> {
    let bits = prop::sample::select(vec![0x80, 0x100, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0xd00, 0xf80]);
    prop_oneof![
        6 => (bits, 0..=last).prop_map(|(base, n)| base + 4 * n),
        1 => (0..=last * 2 + 1).prop_map(|n| 0xc00 + 4 * n),
        1 => (0..=last * 8 + 7).prop_map(|n| 0x400 + 4 * n),
        1 => (0..=last).prop_map(|n| 0x800 + 4 * n),
        1 => (0..=last * 2 + 1).prop_map(|n| 0xe00 + 4 * n),
    ]
}

/// In the distributor, of SPIs or ESPIs.
fn shared_offset() -> impl Strategy<Value = usize> {
    let extended = prop::sample::select(vec![
        0x1000, 0x1200, 0x1200, 0x1400, 0x1600, 0x1800, 0x1a00, 0x1c00, 0x2004, 0x3000, 0x3400, 0x3600, 0x3b00,
    ]);
    prop_oneof![4 => field_offset(3), 1 => extended]
}

fn route() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(AFFINITIES.to_vec()),
        2 => Just(spec::IRM),
        1 => Just(0x05_0000_0000u64),
    ]
}

fn icc_value() -> impl Strategy<Value = u64> {
    let sgi = (0..3u64, prop_oneof![Just(0u64), Just(1 << 44), Just(1 << 16 | 1 << 32), Just(1 << 40)], 1..4u64);
    prop_oneof![
        3 => sgi.prop_map(|(id, place, list)| id << 24 | place | list),
        3 => priority(),
        2 => 0..8u64,
        2 => prop_oneof![id(), private_id()].prop_map(|id| id as u64),
        1 => bits(),
        1 => 1018..1026u64,
    ]
}
