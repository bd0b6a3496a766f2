//! Loads and stores of one or two SIMD&FP registers.
//!
//! `size` is log2 of the width in bytes, 0 to 4. No register is written before the last access is done, so a
//! fault leaves the instruction to be restarted.

use crate::branch::signed;
use crate::dpimm::set_x_or_sp;
use crate::{Done, Engine, Gpr, Op1, Op2, Width};
use a64::*;
use hw::{Access, Leave};

/// How the base register gives the address and what becomes of it.
#[derive(Clone, Copy)]
enum Index {
    Offset,
    Pre,
    Post,
}

/// `at + offset`
#[inline(always)]
pub(super) fn plus<E: Engine>(e: &mut E, at: E::W, offset: i64) -> E::W {
    if offset == 0 {
        return at;
    }
    let offset = e.imm(offset as u64);
    e.op2(Op2::Add, at, offset)
}

/// Loads a register of up to 16 bytes; what is above is zero.
#[inline(always)]
pub(super) fn load<E: Engine>(e: &mut E, at: E::W, size: u32) -> Result<E::V, Leave> {
    e.load_v(at, Access::plain(size))
}

/// Stores the low `1 << size` bytes of `v`.
#[inline(always)]
pub(super) fn store<E: Engine>(e: &mut E, at: E::W, size: u32, v: E::V) -> Done {
    e.store_v(at, Access::plain(size), v)
}

/// Runs `access` at the address of `rn` and `offset`, and writes the base back after it.
#[inline(always)]
fn indexed<E: Engine>(
    e: &mut E,
    rn: u32,
    offset: i64,
    index: Index,
    access: impl FnOnce(&mut E, E::W) -> Result<(), Leave>,
) -> Done {
    let base = e.base(Gpr(rn))?;
    let moved = plus(e, base, offset);
    match index {
        Index::Offset => access(e, moved),
        Index::Pre => {
            access(e, moved)?;
            set_x_or_sp(e, Width::X, rn, moved);
            Ok(())
        }
        Index::Post => {
            access(e, base)?;
            set_x_or_sp(e, Width::X, rn, moved);
            Ok(())
        }
    }
}

/// The `size` of a single register: the 128-bit rows set the upper bit of `opc`.
const fn size_of(size: u32, q: u32) -> u32 {
    size | q << 2
}

#[inline(always)]
fn load_one<E: Engine>(e: &mut E, rn: u32, offset: i64, index: Index, size: u32, rt: u32) -> Done {
    indexed(e, rn, offset, index, |e, at| {
        let v = load(e, at, size)?;
        e.set_v(rt, v);
        Ok(())
    })
}

#[inline(always)]
fn store_one<E: Engine>(e: &mut E, rn: u32, offset: i64, index: Index, size: u32, rt: u32) -> Done {
    indexed(e, rn, offset, index, |e, at| {
        let v = e.v(rt);
        store(e, at, size, v)
    })
}

/// Rows of one register with an immediate offset.
macro_rules! single {
    ($($function:ident $row:ident $access:ident $index:ident |$i:ident| $offset:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            $access(e, $i.rn, $offset, Index::$index, size_of($i.size, $i.q), $i.rt)
        }
    )*};
}
single! {
    ldur_v LdurV load_one Offset |i| signed(i.imm9, 9);
    stur_v SturV store_one Offset |i| signed(i.imm9, 9);
    ldr_post_v LdrPostV load_one Post |i| signed(i.imm9, 9);
    str_post_v StrPostV store_one Post |i| signed(i.imm9, 9);
    ldr_pre_v LdrPreV load_one Pre |i| signed(i.imm9, 9);
    str_pre_v StrPreV store_one Pre |i| signed(i.imm9, 9);
    ldr_imm_v LdrImmV load_one Offset |i| i64::from(i.imm12) << size_of(i.size, i.q);
    str_imm_v StrImmV store_one Offset |i| i64::from(i.imm12) << size_of(i.size, i.q);
}

/// The address of the register-offset rows: Xm or its extended low half, shifted by the size where S is set.
#[inline(always)]
fn register_offset<E: Engine>(e: &mut E, [rn, rm, option, shift]: [u32; 4]) -> Result<E::W, Leave> {
    let (base, m) = (e.base(Gpr(rn))?, e.x(Gpr(rm)));
    let mut offset = match option {
        0b010 => e.op1(Op1::Uxtw, m),
        0b110 => e.op1(Op1::Sxtw, m),
        _ => m,
    };
    if shift != 0 {
        let by = e.imm(shift.into());
        offset = e.op2(Op2::Lsl, offset, by);
    }
    Ok(e.op2(Op2::Add, base, offset))
}

/// LDR (register, SIMD&FP)
pub fn ldr_reg_v<E: Engine>(e: &mut E, i: LdrRegV) -> Done {
    let size = size_of(i.size, i.q);
    let at = register_offset(e, [i.rn, i.rm, i.option, i.s * size])?;
    let v = load(e, at, size)?;
    e.set_v(i.rt, v);
    Ok(())
}

/// STR (register, SIMD&FP)
pub fn str_reg_v<E: Engine>(e: &mut E, i: StrRegV) -> Done {
    let size = size_of(i.size, i.q);
    let at = register_offset(e, [i.rn, i.rm, i.option, i.s * size])?;
    let v = e.v(i.rt);
    store(e, at, size, v)
}

/// LDR (literal, SIMD&FP)
pub fn ldr_lit_v<E: Engine>(e: &mut E, i: LdrLitV) -> Done {
    let pc = e.pc();
    let at = plus(e, pc, signed(i.imm19, 19) * 4);
    let v = load(e, at, i.opc + 2)?;
    e.set_v(i.rt, v);
    Ok(())
}

#[inline(always)]
fn load_pair<E: Engine>(e: &mut E, rn: u32, imm7: u32, index: Index, size: u32, [rt, rt2]: [u32; 2]) -> Done {
    indexed(e, rn, signed(imm7, 7) << size, index, |e, at| {
        let (a, b) = if size == 4 {
            let [a, b, ..] = e.load_elements(at, Access::plain(4), 2)?;
            (a, b)
        } else {
            let (a, b) = e.load2(at, Access::plain(size))?;
            (e.vfrom(a), e.vfrom(b))
        };
        e.set_v(rt, a);
        e.set_v(rt2, b);
        Ok(())
    })
}

#[inline(always)]
fn store_pair<E: Engine>(e: &mut E, rn: u32, imm7: u32, index: Index, size: u32, [rt, rt2]: [u32; 2]) -> Done {
    indexed(e, rn, signed(imm7, 7) << size, index, |e, at| {
        let (a, b) = (e.v(rt), e.v(rt2));
        if size == 4 {
            return e.store_elements(at, Access::plain(4), 2, [a, b, a, b]);
        }
        let (a, b) = (e.vget(a, size, 0), e.vget(b, size, 0));
        e.store2(at, Access::plain(size), a, b)
    })
}

/// Rows of two registers.
macro_rules! pair {
    ($($function:ident $row:ident $access:ident $index:ident;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            $access(e, i.rn, i.imm7, Index::$index, i.opc + 2, [i.rt, i.rt2])
        }
    )*};
}
pair! {
    ldnp_v LdnpV load_pair Offset;
    stnp_v StnpV store_pair Offset;
    ldp_off_v LdpOffV load_pair Offset;
    stp_off_v StpOffV store_pair Offset;
    ldp_post_v LdpPostV load_pair Post;
    stp_post_v StpPostV store_pair Post;
    ldp_pre_v LdpPreV load_pair Pre;
    stp_pre_v StpPreV store_pair Pre;
}
