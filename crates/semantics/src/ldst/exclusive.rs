//! Exclusive, ordered (load-acquire, store-release) accesses.
//!
//! Where the status register of a store-exclusive is also its data or base (CONSTRAINED UNPREDICTABLE), the
//! store uses the old value and the status is written.

use super::*;
use crate::branch::signed;
use a64::*;

/// LDXRB, LDXRH, LDXR, LDAXRB, LDAXRH, LDAXR
pub fn ldxr<E: Engine>(e: &mut E, i: Ldxr) -> Done {
    let at = e.base(Gpr(i.rn))?;
    let v = e.load_exclusive(at, Access::ordered(i.size, order(i.o0 == 1, false)))?;
    e.set_x(Gpr(i.rt), v);
    Ok(())
}

/// STXRB, STXRH, STXR, STLXRB, STLXRH, STLXR
pub fn stxr<E: Engine>(e: &mut E, i: Stxr) -> Done {
    let (at, v) = (e.base(Gpr(i.rn))?, e.x(Gpr(i.rt)));
    let status = e.store_exclusive(at, Access::ordered(i.size, order(false, i.o0 == 1)), v)?;
    e.set_x(Gpr(i.rs), status);
    Ok(())
}

/// LDXP, LDAXP
pub fn ldxp<E: Engine>(e: &mut E, i: Ldxp) -> Done {
    let at = e.base(Gpr(i.rn))?;
    let (a, b) = e.load_exclusive2(at, Access::ordered(3 + i.sz, order(i.o0 == 1, false)))?;
    e.set_x(Gpr(i.rt), a);
    e.set_x(Gpr(i.rt2), b);
    Ok(())
}

/// STXP, STLXP
pub fn stxp<E: Engine>(e: &mut E, i: Stxp) -> Done {
    let (at, a, b) = (e.base(Gpr(i.rn))?, e.x(Gpr(i.rt)), e.x(Gpr(i.rt2)));
    let status = e.store_exclusive2(at, Access::ordered(3 + i.sz, order(false, i.o0 == 1)), a, b)?;
    e.set_x(Gpr(i.rs), status);
    Ok(())
}

/// LDARB, LDARH, LDAR
pub fn ldar<E: Engine>(e: &mut E, i: Ldar) -> Done {
    let at = e.base(Gpr(i.rn))?;
    load(e, at, Access::ordered(i.size, Order::Acquire), i.rt)
}

/// LDAPRB, LDAPRH, LDAPR
pub fn ldapr<E: Engine>(e: &mut E, i: Ldapr) -> Done {
    let at = e.base(Gpr(i.rn))?;
    load(e, at, Access::ordered(i.size, Order::AcquirePc), i.rt)
}

/// LDAPURB, LDAPURH, LDAPUR
pub fn ldapur<E: Engine>(e: &mut E, i: Ldapur) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    load(e, at, Access::ordered(i.size, Order::AcquirePc), i.rt)
}

/// LDAPURSB, LDAPURSH, LDAPURSW
pub fn ldapurs<E: Engine>(e: &mut E, i: Ldapurs) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    load_signed(e, at, Access::ordered(i.size, Order::AcquirePc), i.w, i.rt)
}

/// STLURB, STLURH, STLUR
pub fn stlur<E: Engine>(e: &mut E, i: Stlur) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    store(e, at, Access::ordered(i.size, Order::Release), i.rt)
}

/// STLRB, STLRH, STLR
pub fn stlr<E: Engine>(e: &mut E, i: Stlr) -> Done {
    let at = e.base(Gpr(i.rn))?;
    store(e, at, Access::ordered(i.size, Order::Release), i.rt)
}
