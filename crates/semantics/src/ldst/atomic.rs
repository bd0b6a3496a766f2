//! Atomic memory operations (Large System Extensions).

use super::*;
use a64::*;
use mem::Atomic;

/// CASB, CASH, CAS and their A and L forms
pub fn cas<E: Engine>(e: &mut E, i: Cas) -> Done {
    let (at, expected, new) = (e.base(Gpr(i.rn))?, e.x(Gpr(i.rs)), e.x(Gpr(i.rt)));
    let old = e.cas(at, Access::ordered(i.size, order(i.l == 1, i.o0 == 1)), expected, new)?;
    e.set_x(Gpr(i.rs), old);
    Ok(())
}

/// CASP and its A and L forms. Register 31 as the second of a pair is XZR.
pub fn casp<E: Engine>(e: &mut E, i: Casp) -> Done {
    let at = e.base(Gpr(i.rn))?;
    let expected = (e.x(Gpr(i.rs)), e.x(Gpr(i.rs + 1)));
    let new = (e.x(Gpr(i.rt)), e.x(Gpr(i.rt + 1)));
    let (low, high) = e.cas2(at, Access::ordered(3 + i.sz, order(i.l == 1, i.o0 == 1)), expected, new)?;
    e.set_x(Gpr(i.rs), low);
    e.set_x(Gpr(i.rs + 1), high);
    Ok(())
}

/// The access of a read-modify-write; loading into XZR never acquires (ARM DDI 0487, LDADD).
const fn how(size: u32, a: u32, r: u32, rt: u32) -> Access {
    Access::ordered(size, order(a == 1 && rt != 31, r == 1))
}

/// Rt = memory; memory = memory `op` Rs.
fn modify<E: Engine>(e: &mut E, op: Atomic, how: Access, rs: u32, rn: u32, rt: u32) -> Done {
    let (at, operand) = (e.base(Gpr(rn))?, e.x(Gpr(rs)));
    let old = e.rmw(op, at, how, operand)?;
    e.set_x(Gpr(rt), old);
    Ok(())
}

/// LDADD, STADD
pub fn ldadd<E: Engine>(e: &mut E, i: Ldadd) -> Done {
    modify(e, Atomic::Add, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDCLR, STCLR
pub fn ldclr<E: Engine>(e: &mut E, i: Ldclr) -> Done {
    modify(e, Atomic::Clear, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDEOR, STEOR
pub fn ldeor<E: Engine>(e: &mut E, i: Ldeor) -> Done {
    modify(e, Atomic::Xor, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDSET, STSET
pub fn ldset<E: Engine>(e: &mut E, i: Ldset) -> Done {
    modify(e, Atomic::Set, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDSMAX, STSMAX
pub fn ldsmax<E: Engine>(e: &mut E, i: Ldsmax) -> Done {
    modify(e, Atomic::SMax, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDSMIN, STSMIN
pub fn ldsmin<E: Engine>(e: &mut E, i: Ldsmin) -> Done {
    modify(e, Atomic::SMin, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDUMAX, STUMAX
pub fn ldumax<E: Engine>(e: &mut E, i: Ldumax) -> Done {
    modify(e, Atomic::UMax, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// LDUMIN, STUMIN
pub fn ldumin<E: Engine>(e: &mut E, i: Ldumin) -> Done {
    modify(e, Atomic::UMin, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}

/// SWP
pub fn swp<E: Engine>(e: &mut E, i: Swp) -> Done {
    modify(e, Atomic::Swap, how(i.size, i.a, i.r, i.rt), i.rs, i.rn, i.rt)
}
