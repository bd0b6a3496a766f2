//! Rows: the performance monitors. What they mean is in `crate::pmu`.

use super::row::{After, Gate, Row, enc, reg};
use crate::Vcpu;
use crate::pmu::{ALL, CYCLES, EVENTS};

/// PMUSERENR_EL0: EN lets EL0 do everything, SW write PMSWINC, CR read the cycle counter, ER read events.
mod user {
    pub const EN: u64 = 1 << 0;
    pub const SW: u64 = 1 << 1;
    pub const CR: u64 = 1 << 2;
    pub const ER: u64 = 1 << 3;
}
use user::{CR, EN, ER, SW};

/// The gate of one register: what of PMUSERENR_EL0 lets EL0 read, and write.
const fn open(read: u64, write: u64) -> Gate {
    Gate::Pmuserenr { read: read | EN, write: write | EN }
}

/// A register of everyone, which PMUSERENR_EL0.EN opens to EL0.
const fn pm(name: &'static str, crm: u32, op2: u32) -> Row {
    reg(name, enc(3, 3, 9, crm, op2)).gate(open(EN, EN)).after(After::Pmu).only(|m| m.pmu())
}

macro_rules! counter {
    ($n:literal, $name:literal, $kind:literal) => {
        [
            reg($name, enc(3, 3, 14, 8, $n))
                .rw(0, (|c| c.pmu.count($n), |c, v| c.pmu.set_count($n, v)))
                .bits(|_| 0xffff_ffff)
                .gate(open(ER, EN))
                .after(After::Pmu)
                .only(|m| m.pmu()),
            reg($kind, enc(3, 3, 14, 12, $n))
                .rw(0, (|c| c.pmu.kind($n), |c, v| c.pmu.set_kind($n, v)))
                .bits(|m| m.pmu_event_bits() | 3 << 30)
                .gate(open(EN, EN))
                .after(After::Pmu)
                .only(|m| m.pmu()),
        ]
    };
}

const CYCLE: u64 = CYCLES as u64;

fn selected(c: &Vcpu) -> u64 {
    c.pmu.select
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    pm("PMCR_EL0",       12, 0).rw(0, (|c| c.pmu.control(), |c, v| c.pmu.set_control(v))),
    // Views of one set of bits, and so not state each: SET writes ones, CLR writes zeros.
    pm("PMCNTENSET_EL0", 12, 1).wo(0, |c, v| c.pmu.enable(v, 0)).showing(|c| c.pmu.enabled),
    pm("PMCNTENCLR_EL0", 12, 2).wo(0, |c, v| c.pmu.enable(0, v)).showing(|c| c.pmu.enabled),
    pm("PMOVSCLR_EL0",   12, 3).wo(0, |c, v| c.pmu.overflow(0, v)).showing(|c| c.pmu.overflows()),
    pm("PMOVSSET_EL0",   14, 3).wo(0, |c, v| c.pmu.overflow(v, 0)).showing(|c| c.pmu.overflows()),
    reg("PMINTENSET_EL1", enc(3, 0, 9, 14, 1)).wo(1, |c, v| c.pmu.interrupts |= v & ALL)
        .showing(|c| c.pmu.interrupts).after(After::Pmu).only(|m| m.pmu()),
    reg("PMINTENCLR_EL1", enc(3, 0, 9, 14, 2)).wo(1, |c, v| c.pmu.interrupts &= !v)
        .showing(|c| c.pmu.interrupts).after(After::Pmu).only(|m| m.pmu()),
    pm("PMSWINC_EL0",    12, 4).wo(0, |c, v| c.pmu.increment(v, c.regs.pstate.el)).gate(open(EN, SW)),
    pm("PMSELR_EL0",     12, 5).rw(0, at!(pmu.select)).bits(|_| 0x1f).gate(open(ER, ER)).after(After::Nothing),
    pm("PMCEID0_EL0",    12, 6).ro(0, |_| EVENTS),
    pm("PMCEID1_EL0",    12, 7).ro(0, |_| 0),
    pm("PMCCNTR_EL0",    13, 0).rw(0, (|c| c.pmu.count(CYCLE), |c, v| c.pmu.set_count(CYCLE, v))).gate(open(CR, EN)),
    // By PMSELR_EL0; what it selects beyond the counters is CONSTRAINED UNPREDICTABLE and here RAZ/WI.
    pm("PMXEVTYPER_EL0", 13, 1).wo(0, |c, v| c.pmu.set_kind(selected(c), v)).showing(|c| c.pmu.kind(selected(c)))
        .bits(|m| m.pmu_event_bits() | 3 << 30),
    pm("PMXEVCNTR_EL0",  13, 2).wo(0, |c, v| if selected(c) != CYCLE { c.pmu.set_count(selected(c), v) })
        .showing(|c| if selected(c) == CYCLE { 0 } else { c.pmu.count(selected(c)) }).gate(open(ER, EN)),
    reg("PMUSERENR_EL0", enc(3, 3, 9, 14, 0)).rw(1, at!(pmu.user)).bits(|_| EN | SW | CR | ER).readable_from(0)
        .only(|m| m.pmu()),
    reg("PMCCFILTR_EL0", enc(3, 3, 14, 15, 7)).rw(0, (|c| c.pmu.kind(CYCLE), |c, v| c.pmu.set_kind(CYCLE, v)))
        .bits(|_| 3 << 30).gate(open(EN, EN)).after(After::Pmu).only(|m| m.pmu()),
];

/// PMEVCNTRn_EL0 and PMEVTYPERn_EL0.
#[rustfmt::skip]
pub(super) const COUNTER_ROWS: &[Row] = [
    counter!(0, "PMEVCNTR0_EL0", "PMEVTYPER0_EL0"),
    counter!(1, "PMEVCNTR1_EL0", "PMEVTYPER1_EL0"),
    counter!(2, "PMEVCNTR2_EL0", "PMEVTYPER2_EL0"),
    counter!(3, "PMEVCNTR3_EL0", "PMEVTYPER3_EL0"),
    counter!(4, "PMEVCNTR4_EL0", "PMEVTYPER4_EL0"),
    counter!(5, "PMEVCNTR5_EL0", "PMEVTYPER5_EL0"),
]
.as_flattened();
