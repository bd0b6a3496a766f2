//! Rows: system instructions. Caches are not modelled, so cleaning has nothing to do beyond the
//! translation that may fault; invalidating instructions is what engines wait for.

use super::row::{Gate, Op, enc};
use crate::mmu::Need;
use crate::{Model, Vcpu};
use a64::{Feature, SysReg};
use hw::Leave;

type Run = fn(&mut Vcpu, SysReg, u64) -> Result<(), Leave>;

const fn op(name: &'static str, reg: SysReg, from: u8, run: Run) -> Op {
    Op { name, reg, from, gate: Gate::Open, run, translates: false, present: |_| true }
}

/// Cleaning by address: caches are not modelled, so nothing is left but the translation.
const fn clean(name: &'static str, reg: SysReg) -> Op {
    Op { translates: true, ..op(name, reg, 0, BY_VA) }.gate(Gate::UCI)
}

impl Op {
    const fn gate(self, gate: Gate) -> Op {
        Op { gate, ..self }
    }

    const fn only(self, present: fn(&Model) -> bool) -> Op {
        Op { present, ..self }
    }
}

/// DC by address: the translation check.
const BY_VA: Run = |c, _, va| c.probe_maintenance(va).map(drop);
/// DC IVAC: to a watchpoint it is a store to the whole line.
const INVALIDATE: Run = |c, _, va| {
    const LINE: u64 = 64;
    c.probe_maintenance(va)?;
    c.check_watchpoints(va & !(LINE - 1), LINE, Need::Nothing, false)
};
/// DC by set and way.
const NOTHING: Run = |_, _, _| Ok(());
const ZERO: Run = |c, _, va| c.zero_block(va);
const TLBI: Run = |c, op, xt| {
    c.tlbi(op, xt);
    Ok(())
};
/// The Outer Shareable and the nXS forms: one machine is one shareability domain, and no memory has the XS
/// attribute, so they do what the Inner Shareable (CRm 3) and the plain (CRn 8) forms do.
const TLBI_AS: Run = |c, op, xt| {
    let (crm, op2) = (u32::from(op.0) >> 3 & 0xf, u32::from(op.0) & 7);
    c.tlbi(enc(1, 0, 8, if crm == 1 { 3 } else { crm }, op2), xt);
    Ok(())
};
/// A range of addresses: more is invalidated than was asked for, which is allowed.
const TLBI_RANGE: Run = |c, op, _| {
    let crm = u32::from(op.0) >> 3 & 0xf;
    c.tlbi(enc(1, 0, 8, if crm == 6 { 7 } else { 3 }, 0), 0);
    Ok(())
};
/// What concerns EL2, EL3 or all of EL1: everything is invalidated, which is allowed.
const TLBI_ALL: Run = |c, op, _| {
    let crm = u32::from(op.0) >> 3 & 0xf;
    c.tlbi(enc(1, 0, 8, if matches!(crm, 0 | 3) { 3 } else { 7 }, 0), 0);
    Ok(())
};
const AT: Run = |c, op, va| {
    c.address_translate(op, va);
    Ok(())
};
const IC_ALL: Run = |c, _, _| {
    c.shared.bus.code().invalidate_all();
    Ok(())
};
const IC_VA: Run = |c, _, va| {
    if let Some(pa) = c.probe_maintenance(va)? {
        c.shared.bus.code().invalidate(pa);
    }
    Ok(())
};

/// Of EL2 (op1 4) and EL3 (6), by CRm and op2.
macro_rules! tlbi_el2 {
    ($name:literal, $crm:literal, $op2:literal) => {
        op($name, enc(1, 4, 8, $crm, $op2), 2, TLBI_ALL).only(|m| m.el2)
    };
}
macro_rules! tlbi_el3 {
    ($name:literal, $crm:literal, $op2:literal) => {
        op($name, enc(1, 6, 8, $crm, $op2), 3, TLBI_ALL).only(|m| m.el3)
    };
}

/// Outer Shareable forms, by op2.
macro_rules! tlbi_os {
    ($name:literal, $op2:literal) => {
        op($name, enc(1, 0, 8, 1, $op2), 1, TLBI_AS).only(|m| m.has(Feature::TLBIOS))
    };
}

/// Forms with a range of addresses, by CRm and op2.
macro_rules! range {
    ($name:literal, $crm:literal, $op2:literal) => {
        op($name, enc(1, 0, 8, $crm, $op2), 1, TLBI_RANGE).only(|m| m.has(Feature::TLBIRANGE))
    };
}

#[rustfmt::skip]
pub(super) const OPS: &[Op] = &[
    op("IC IALLUIS",      enc(1, 0, 7, 1, 0), 1, IC_ALL),
    op("IC IALLU",        enc(1, 0, 7, 5, 0), 1, IC_ALL),
    op("IC IVAU",         enc(1, 3, 7, 5, 1), 0, IC_VA).gate(Gate::UCI),
    op("DC IVAC",         enc(1, 0, 7, 6, 1), 1, INVALIDATE),
    op("DC ISW",          enc(1, 0, 7, 6, 2), 1, NOTHING),
    op("DC CSW",          enc(1, 0, 7, 10, 2), 1, NOTHING),
    op("DC CISW",         enc(1, 0, 7, 14, 2), 1, NOTHING),
    op("DC ZVA",          enc(1, 3, 7, 4, 1), 0, ZERO).gate(Gate::DZE),
    clean("DC CVAC",         enc(1, 3, 7, 10, 1)),
    clean("DC CVAU",         enc(1, 3, 7, 11, 1)),
    clean("DC CVAP",         enc(1, 3, 7, 12, 1)).only(|m| m.dpb()),
    clean("DC CVADP",        enc(1, 3, 7, 13, 1)).only(|m| m.has(Feature::DPB2)),
    clean("DC CIVAC",        enc(1, 3, 7, 14, 1)),
    op("AT S1E1R",        enc(1, 0, 7, 8, 0), 1, AT),
    op("AT S1E1W",        enc(1, 0, 7, 8, 1), 1, AT),
    op("AT S1E0R",        enc(1, 0, 7, 8, 2), 1, AT),
    op("AT S1E0W",        enc(1, 0, 7, 8, 3), 1, AT),
    op("AT S1E1RP",       enc(1, 0, 7, 9, 0), 1, AT).only(|m| m.pan2()),
    op("AT S1E1WP",       enc(1, 0, 7, 9, 1), 1, AT).only(|m| m.pan2()),
    op("TLBI VMALLE1IS",  enc(1, 0, 8, 3, 0), 1, TLBI),
    op("TLBI VAE1IS",     enc(1, 0, 8, 3, 1), 1, TLBI),
    op("TLBI ASIDE1IS",   enc(1, 0, 8, 3, 2), 1, TLBI),
    op("TLBI VAAE1IS",    enc(1, 0, 8, 3, 3), 1, TLBI),
    op("TLBI VALE1IS",    enc(1, 0, 8, 3, 5), 1, TLBI),
    op("TLBI VAALE1IS",   enc(1, 0, 8, 3, 7), 1, TLBI),
    op("TLBI VMALLE1",    enc(1, 0, 8, 7, 0), 1, TLBI),
    op("TLBI VAE1",       enc(1, 0, 8, 7, 1), 1, TLBI),
    op("TLBI ASIDE1",     enc(1, 0, 8, 7, 2), 1, TLBI),
    op("TLBI VAAE1",      enc(1, 0, 8, 7, 3), 1, TLBI),
    op("TLBI VALE1",      enc(1, 0, 8, 7, 5), 1, TLBI),
    op("TLBI VAALE1",     enc(1, 0, 8, 7, 7), 1, TLBI),
    tlbi_os!("TLBI VMALLE1OS", 0), tlbi_os!("TLBI VAE1OS", 1), tlbi_os!("TLBI ASIDE1OS", 2),
    tlbi_os!("TLBI VAAE1OS", 3), tlbi_os!("TLBI VALE1OS", 5), tlbi_os!("TLBI VAALE1OS", 7),
    range!("TLBI RVAE1IS", 2, 1), range!("TLBI RVAAE1IS", 2, 3), range!("TLBI RVALE1IS", 2, 5),
    range!("TLBI RVAALE1IS", 2, 7), range!("TLBI RVAE1OS", 5, 1), range!("TLBI RVAAE1OS", 5, 3),
    range!("TLBI RVALE1OS", 5, 5), range!("TLBI RVAALE1OS", 5, 7), range!("TLBI RVAE1", 6, 1),
    range!("TLBI RVAAE1", 6, 3), range!("TLBI RVALE1", 6, 5), range!("TLBI RVAALE1", 6, 7),
    op("AT S1E2R",        enc(1, 4, 7, 8, 0), 2, AT).only(|m| m.el2),
    op("AT S1E2W",        enc(1, 4, 7, 8, 1), 2, AT).only(|m| m.el2),
    op("AT S12E1R",       enc(1, 4, 7, 8, 4), 2, AT).only(|m| m.el2),
    op("AT S12E1W",       enc(1, 4, 7, 8, 5), 2, AT).only(|m| m.el2),
    op("AT S12E0R",       enc(1, 4, 7, 8, 6), 2, AT).only(|m| m.el2),
    op("AT S12E0W",       enc(1, 4, 7, 8, 7), 2, AT).only(|m| m.el2),
    op("AT S1E3R",        enc(1, 6, 7, 8, 0), 3, AT).only(|m| m.el3),
    op("AT S1E3W",        enc(1, 6, 7, 8, 1), 3, AT).only(|m| m.el3),
    tlbi_el2!("TLBI IPAS2E1IS", 0, 1), tlbi_el2!("TLBI IPAS2LE1IS", 0, 5), tlbi_el2!("TLBI IPAS2E1", 4, 1),
    tlbi_el2!("TLBI IPAS2LE1", 4, 5), tlbi_el2!("TLBI ALLE2IS", 3, 0), tlbi_el2!("TLBI VAE2IS", 3, 1),
    tlbi_el2!("TLBI ALLE1IS", 3, 4), tlbi_el2!("TLBI VALE2IS", 3, 5), tlbi_el2!("TLBI VMALLS12E1IS", 3, 6),
    tlbi_el2!("TLBI ALLE2", 7, 0), tlbi_el2!("TLBI VAE2", 7, 1), tlbi_el2!("TLBI ALLE1", 7, 4),
    tlbi_el2!("TLBI VALE2", 7, 5), tlbi_el2!("TLBI VMALLS12E1", 7, 6),
    tlbi_el3!("TLBI ALLE3IS", 3, 0), tlbi_el3!("TLBI VAE3IS", 3, 1), tlbi_el3!("TLBI VALE3IS", 3, 5),
    tlbi_el3!("TLBI ALLE3", 7, 0), tlbi_el3!("TLBI VAE3", 7, 1), tlbi_el3!("TLBI VALE3", 7, 5),
    // Prediction restriction: nothing here predicts.
    op("CFP RCTX",        enc(1, 3, 7, 3, 4), 0, NOTHING).gate(Gate::RCTX).only(|m| m.has(Feature::SPECRES)),
    op("DVP RCTX",        enc(1, 3, 7, 3, 5), 0, NOTHING).gate(Gate::RCTX).only(|m| m.has(Feature::SPECRES)),
    op("CPP RCTX",        enc(1, 3, 7, 3, 7), 0, NOTHING).gate(Gate::RCTX).only(|m| m.has(Feature::SPECRES)),
];
