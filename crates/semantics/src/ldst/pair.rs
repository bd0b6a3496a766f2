//! Loads and stores of register pairs. Where both registers of a load are the same (CONSTRAINED
//! UNPREDICTABLE), the second element wins.

use super::*;
use crate::branch::signed;
use a64::*;

/// Stores Rt, Rt2: words, or double words if `sf` is 1.
fn store_pair<E: Engine>(e: &mut E, at: E::W, sf: u32, rt: u32, rt2: u32) -> Done {
    let (a, b) = (e.x(Gpr(rt)), e.x(Gpr(rt2)));
    e.store2(at, Access::plain(2 + sf), a, b)
}

/// Loads Rt, Rt2.
fn load_pair<E: Engine>(e: &mut E, at: E::W, sf: u32, rt: u32, rt2: u32) -> Done {
    let (a, b) = e.load2(at, Access::plain(2 + sf))?;
    e.set_x(Gpr(rt), a);
    e.set_x(Gpr(rt2), b);
    Ok(())
}

/// Loads Rt, Rt2 from words, sign-extended.
fn load_pair_signed<E: Engine>(e: &mut E, at: E::W, rt: u32, rt2: u32) -> Done {
    let (a, b) = e.load2(at, Access::plain(2))?;
    let (a, b) = (e.op1(Op1::Sxtw, a), e.op1(Op1::Sxtw, b));
    e.set_x(Gpr(rt), a);
    e.set_x(Gpr(rt2), b);
    Ok(())
}

/// Bytes from the base: `imm7` counts elements.
fn scaled(imm7: u32, sf: u32) -> i64 {
    signed(imm7, 7) << (2 + sf)
}

/// STNP
pub fn stnp<E: Engine>(e: &mut E, i: Stnp) -> Done {
    let at = offset_from(e, i.rn, scaled(i.imm7, i.sf))?;
    store_pair(e, at, i.sf, i.rt, i.rt2)
}

/// LDNP
pub fn ldnp<E: Engine>(e: &mut E, i: Ldnp) -> Done {
    let at = offset_from(e, i.rn, scaled(i.imm7, i.sf))?;
    load_pair(e, at, i.sf, i.rt, i.rt2)
}

/// STP (post-index)
pub fn stp_post<E: Engine>(e: &mut E, i: StpPost) -> Done {
    let to = post(e, i.rn, scaled(i.imm7, i.sf))?;
    store_pair(e, to.at, i.sf, i.rt, i.rt2)?;
    set_base(e, i.rn, to.base)
}

/// LDP (post-index)
pub fn ldp_post<E: Engine>(e: &mut E, i: LdpPost) -> Done {
    let to = post(e, i.rn, scaled(i.imm7, i.sf))?;
    load_pair(e, to.at, i.sf, i.rt, i.rt2)?;
    set_base(e, i.rn, to.base)
}

/// LDPSW (post-index)
pub fn ldpsw_post<E: Engine>(e: &mut E, i: LdpswPost) -> Done {
    let to = post(e, i.rn, scaled(i.imm7, 0))?;
    load_pair_signed(e, to.at, i.rt, i.rt2)?;
    set_base(e, i.rn, to.base)
}

/// STP (signed offset)
pub fn stp<E: Engine>(e: &mut E, i: Stp) -> Done {
    let at = offset_from(e, i.rn, scaled(i.imm7, i.sf))?;
    store_pair(e, at, i.sf, i.rt, i.rt2)
}

/// LDP (signed offset)
pub fn ldp<E: Engine>(e: &mut E, i: Ldp) -> Done {
    let at = offset_from(e, i.rn, scaled(i.imm7, i.sf))?;
    load_pair(e, at, i.sf, i.rt, i.rt2)
}

/// LDPSW (signed offset)
pub fn ldpsw<E: Engine>(e: &mut E, i: Ldpsw) -> Done {
    let at = offset_from(e, i.rn, scaled(i.imm7, 0))?;
    load_pair_signed(e, at, i.rt, i.rt2)
}

/// STP (pre-index)
pub fn stp_pre<E: Engine>(e: &mut E, i: StpPre) -> Done {
    let to = pre(e, i.rn, scaled(i.imm7, i.sf))?;
    store_pair(e, to.at, i.sf, i.rt, i.rt2)?;
    set_base(e, i.rn, to.base)
}

/// LDP (pre-index)
pub fn ldp_pre<E: Engine>(e: &mut E, i: LdpPre) -> Done {
    let to = pre(e, i.rn, scaled(i.imm7, i.sf))?;
    load_pair(e, to.at, i.sf, i.rt, i.rt2)?;
    set_base(e, i.rn, to.base)
}

/// LDPSW (pre-index)
pub fn ldpsw_pre<E: Engine>(e: &mut E, i: LdpswPre) -> Done {
    let to = pre(e, i.rn, scaled(i.imm7, 0))?;
    load_pair_signed(e, to.at, i.rt, i.rt2)?;
    set_base(e, i.rn, to.base)
}
