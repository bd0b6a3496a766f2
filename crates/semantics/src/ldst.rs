//! Loads and stores of general-purpose registers.
//!
//! The order is the manual's: address, access, transferred register, base register. So where a form with
//! writeback transfers its own base (CONSTRAINED UNPREDICTABLE), a store stores the old base, and a load
//! leaves the updated base.

mod atomic;
mod exclusive;
mod mops;
mod pair;
mod register;
pub use atomic::*;
pub use exclusive::*;
pub use mops::*;
pub use pair::*;
pub use register::*;

use crate::{Done, Engine, Gpr, Op1, Op2};
use hw::{Access, Leave, Order};

/// Where an access goes, and what the base register becomes after it.
struct Indexed<W> {
    at: W,
    base: W,
}

/// `[Xn|SP], #offset`
fn post<E: Engine>(e: &mut E, rn: u32, offset: i64) -> Result<Indexed<E::W>, Leave> {
    let (at, offset) = (e.base(Gpr(rn))?, e.imm(offset as u64));
    let base = e.op2(Op2::Add, at, offset);
    Ok(Indexed { at, base })
}

/// `[Xn|SP, #offset]!`
fn pre<E: Engine>(e: &mut E, rn: u32, offset: i64) -> Result<Indexed<E::W>, Leave> {
    let at = offset_from(e, rn, offset)?;
    Ok(Indexed { at, base: at })
}

/// `[Xn|SP, #offset]`
fn offset_from<E: Engine>(e: &mut E, rn: u32, offset: i64) -> Result<E::W, Leave> {
    let (base, offset) = (e.base(Gpr(rn))?, e.imm(offset as u64));
    Ok(e.op2(Op2::Add, base, offset))
}

/// Writes the base register back.
fn set_base<E: Engine>(e: &mut E, rn: u32, v: E::W) -> Done {
    if rn == 31 {
        e.set_sp(v)
    } else {
        e.set_x(Gpr(rn), v)
    }
    Ok(())
}

/// Stores Rt.
fn store<E: Engine>(e: &mut E, at: E::W, how: Access, rt: u32) -> Done {
    let v = e.x(Gpr(rt));
    e.store(at, how, v)
}

/// Loads Rt, zero-extended. XZR is loaded too: the access happens.
fn load<E: Engine>(e: &mut E, at: E::W, how: Access, rt: u32) -> Done {
    let v = e.load(at, how)?;
    e.set_x(Gpr(rt), v);
    Ok(())
}

/// Loads Rt, sign-extended to 64 bits, or to 32 if `w` is 1.
fn load_signed<E: Engine>(e: &mut E, at: E::W, how: Access, w: u32, rt: u32) -> Done {
    let v = e.load(at, how)?;
    let v = e.op1([Op1::Sxtb, Op1::Sxth, Op1::Sxtw][usize::from(how.size.min(2))], v);
    let v = if w == 1 { e.op1(Op1::Uxtw, v) } else { v };
    e.set_x(Gpr(rt), v);
    Ok(())
}

/// The ordering of an instruction with acquire and release bits.
const fn order(acquire: bool, release: bool) -> Order {
    match (acquire, release) {
        (false, false) => Order::Plain,
        (true, false) => Order::Acquire,
        (false, true) => Order::Release,
        (true, true) => Order::AcquireRelease,
    }
}
