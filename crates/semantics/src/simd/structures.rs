//! Loads and stores of structures: LD1 to LD4, ST1 to ST4, LD1R to LD4R.
//!
//! Registers wrap from V31 to V0. No register is written before the last load is done.

use super::Part;
use super::memory::{load, plus};
use crate::dpimm::set_x_or_sp;
use crate::vops::{Lane, VOp1, VOp2};
use crate::{Done, Engine, Gpr, Op2, Width};
use a64::*;
use hw::Access;

/// The operands that all these rows share.
#[derive(Clone, Copy)]
struct Operands {
    rn: u32,
    rt: u32,
    /// `rm` of the post-indexed rows: 31 stands for the number of bytes.
    post: Option<u32>,
}

impl Operands {
    #[inline(always)]
    fn register(self, k: u32) -> u32 {
        (self.rt + k) % 32
    }

    #[inline(always)]
    fn write_back<E: Engine>(self, e: &mut E, base: E::W, bytes: u32) -> Done {
        let next = match self.post {
            None => return Ok(()),
            Some(31) => plus(e, base, bytes.into()),
            Some(rm) => {
                let m = e.x(Gpr(rm));
                e.op2(Op2::Add, base, m)
            }
        };
        set_x_or_sp(e, Width::X, self.rn, next);
        Ok(())
    }
}

/// LD1 of `registers` whole registers.
fn load_whole<E: Engine>(e: &mut E, q: u32, registers: u32, o: Operands) -> Done {
    let base = e.base(Gpr(o.rn))?;
    let mut v = e.load_elements(base, Access::plain(3 + q), registers)?;
    if q == 0 {
        // Two registers' worth in each.
        let [low, high, ..] = v;
        let upper = |e: &mut E, v| e.vop1(VOp1::Dup(Lane::D, 1), v);
        v = [low, upper(e, low), high, upper(e, high)];
    }
    for k in 0..registers {
        Part::vector(q).write(e, o.register(k), v[k as usize])?;
    }
    o.write_back(e, base, registers * (8 << q))
}

/// ST1 of `registers` whole registers.
fn store_whole<E: Engine>(e: &mut E, q: u32, registers: u32, o: Operands) -> Done {
    let base = e.base(Gpr(o.rn))?;
    let mut v = [e.v(o.rt); 4];
    for k in 1..registers {
        v[k as usize] = e.v(o.register(k));
    }
    if q == 0 {
        let both = |e: &mut E, low, high| e.vop2(VOp2::Zip1(Lane::D), low, high);
        let [a, b, c, d] = v;
        (v[0], v[1]) = (both(e, a, b), both(e, c, d));
    }
    e.store_elements(base, Access::plain(3 + q), registers, v)?;
    o.write_back(e, base, registers * (8 << q))
}

/// LD2, LD3, LD4: `n` registers side by side.
fn load_interleaved<E: Engine>(e: &mut E, q: u32, size: u32, n: u32, o: Operands) -> Done {
    let (base, lane, how) = (e.base(Gpr(o.rn))?, Lane::of(size), Access::plain(size));
    let elements = (8 << q) >> size;
    let mut v = e.load_elements(base, how, n * elements)?;
    if n == 3 {
        let [a, b, c, _] = v;
        // Of 64 bits each, 24 bytes were loaded.
        let from = [a, b, if q == 0 { b } else { c }];
        for k in 0..3 {
            v[k as usize] = e.shuffle3(from, apart(size, k));
        }
    } else {
        // Even and odd elements; of four registers, twice.
        if q == 0 {
            v = if n == 2 { [v[0]; 4] } else { [v[0], v[1], v[0], v[1]] };
        }
        let even = |e: &mut E, a, b| e.vop2(VOp2::Uzp1(lane), a, b);
        let odd = |e: &mut E, a, b| e.vop2(VOp2::Uzp2(lane), a, b);
        let [a, b, c, d] = v;
        if n == 2 {
            (v[0], v[1]) = (even(e, a, b), odd(e, a, b));
        } else {
            let (evens, odds) = ([even(e, a, b), even(e, c, d)], [odd(e, a, b), odd(e, c, d)]);
            let pick = |e: &mut E, [a, b]: [E::V; 2]| (even(e, a, b), odd(e, a, b));
            ((v[0], v[2]), (v[1], v[3])) = (pick(e, evens), pick(e, odds));
        }
    }
    for k in 0..n {
        Part::vector(q).write(e, o.register(k), v[k as usize])?;
    }
    o.write_back(e, base, n * (8 << q))
}

/// ST2, ST3, ST4
fn store_interleaved<E: Engine>(e: &mut E, q: u32, size: u32, n: u32, o: Operands) -> Done {
    let (base, lane, how) = (e.base(Gpr(o.rn))?, Lane::of(size), Access::plain(size));
    let elements = (8 << q) >> size;
    if n == 3 {
        let from = [0, 1, 2].map(|k| e.v(o.register(k)));
        let mut v = [from[0]; 4];
        for k in 0..2 + q {
            v[k as usize] = e.shuffle3(from, together(size, k));
        }
        e.store_elements(base, how, n * elements, v)?;
        return o.write_back(e, base, n * (8 << q));
    }
    let zip = |e: &mut E, a, b| (e.vop2(VOp2::Zip1(lane), a, b), e.vop2(VOp2::Zip2(lane), a, b));
    let (mut v, b) = ([e.v(o.rt); 4], e.v(o.register(1)));
    if n == 2 {
        (v[0], v[1]) = zip(e, v[0], b);
    } else {
        // The first with the third, the second with the fourth; then those.
        let (c, d) = (e.v(o.register(2)), e.v(o.register(3)));
        let (ac, bd) = (zip(e, v[0], c), zip(e, b, d));
        (v[0], v[1]) = zip(e, ac.0, bd.0);
        (v[2], v[3]) = zip(e, ac.1, bd.1);
    }
    e.store_elements(base, how, n * elements, v)?;
    o.write_back(e, base, n * (8 << q))
}

/// Where among 48 bytes, three elements side by side, the bytes of register `k` are.
fn apart(size: u32, k: u32) -> u128 {
    let from = |byte: u32| (3 * (byte >> size) + k) << size | byte & ((1 << size) - 1);
    (0..16).fold(0, |order, byte| order | u128::from(from(byte)) << (8 * byte))
}

/// Where among the bytes of three registers those of the `k`th 16 of memory are.
fn together(size: u32, k: u32) -> u128 {
    let from = |byte: u32| {
        let element = (16 * k + byte) >> size;
        16 * (element % 3) + ((element / 3) << size | byte & ((1 << size) - 1))
    };
    (0..16).fold(0, |order, byte| order | u128::from(from(byte)) << (8 * byte))
}

/// How many registers `opcode` of LD1 and ST1 (multiple structures) names.
const fn whole_registers(opcode: u32) -> u32 {
    match opcode {
        0b0111 => 1,
        0b1010 => 2,
        0b0110 => 3,
        _ => 4,
    }
}

/// Rows of multiple structures: whole registers, then interleaved ones.
macro_rules! multiple {
    (
        $($whole:ident $whole_row:ident $whole_access:ident $whole_post:expr;)*
        --
        $($function:ident $row:ident $access:ident $n:literal $post:expr;)*
    ) => {
        $(
            #[doc = stringify!($whole_row)]
            pub fn $whole<E: Engine>(e: &mut E, i: $whole_row) -> Done {
                let post: fn($whole_row) -> Option<u32> = $whole_post;
                $whole_access(e, i.q, whole_registers(i.opcode), Operands { rn: i.rn, rt: i.rt, post: post(i) })
            }
        )*
        $(
            #[doc = stringify!($row)]
            pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
                let post: fn($row) -> Option<u32> = $post;
                $access(e, i.q, i.size, $n, Operands { rn: i.rn, rt: i.rt, post: post(i) })
            }
        )*
    };
}
multiple! {
    ld1_multi Ld1Multi load_whole |_| None;
    ld1_multi_post Ld1MultiPost load_whole |i| Some(i.rm);
    st1_multi St1Multi store_whole |_| None;
    st1_multi_post St1MultiPost store_whole |i| Some(i.rm);
    --
    ld2_multi Ld2Multi load_interleaved 2 |_| None;
    ld3_multi Ld3Multi load_interleaved 3 |_| None;
    ld4_multi Ld4Multi load_interleaved 4 |_| None;
    ld2_multi_post Ld2MultiPost load_interleaved 2 |i| Some(i.rm);
    ld3_multi_post Ld3MultiPost load_interleaved 3 |i| Some(i.rm);
    ld4_multi_post Ld4MultiPost load_interleaved 4 |i| Some(i.rm);
    st2_multi St2Multi store_interleaved 2 |_| None;
    st3_multi St3Multi store_interleaved 3 |_| None;
    st4_multi St4Multi store_interleaved 4 |_| None;
    st2_multi_post St2MultiPost store_interleaved 2 |i| Some(i.rm);
    st3_multi_post St3MultiPost store_interleaved 3 |i| Some(i.rm);
    st4_multi_post St4MultiPost store_interleaved 4 |i| Some(i.rm);
}

/// One element of each register.
#[derive(Clone, Copy)]
struct Element {
    size: u32,
    index: u32,
}

impl Element {
    /// Q:S:size is the index, less the bits that say how wide the element is.
    #[inline(always)]
    fn of(q: u32, scale: u32, s: u32, size: u32) -> Element {
        let bits = q << 3 | s << 2 | size;
        match scale {
            2 if size & 1 == 1 => Element { size: 3, index: q },
            _ => Element { size: scale, index: bits >> scale },
        }
    }
}

/// LD1 to LD4 (single structure)
fn load_element<E: Engine>(e: &mut E, element: Element, n: u32, o: Operands) -> Done {
    let base = e.base(Gpr(o.rn))?;
    let mut v = [e.imm(0); 4];
    for k in 0..n {
        let at = plus(e, base, (k << element.size).into());
        v[k as usize] = e.load(at, Access::plain(element.size))?;
    }
    for k in 0..n {
        let old = e.v(o.register(k));
        let new = e.vset(old, element.size, element.index, v[k as usize]);
        e.set_v(o.register(k), new);
    }
    o.write_back(e, base, n << element.size)
}

/// ST1 to ST4 (single structure)
fn store_element<E: Engine>(e: &mut E, element: Element, n: u32, o: Operands) -> Done {
    let base = e.base(Gpr(o.rn))?;
    for k in 0..n {
        let (at, v) = (plus(e, base, (k << element.size).into()), e.v(o.register(k)));
        let v = e.vget(v, element.size, element.index);
        e.store(at, Access::plain(element.size), v)?;
    }
    o.write_back(e, base, n << element.size)
}

/// LD1R to LD4R
fn load_replicated<E: Engine>(e: &mut E, q: u32, size: u32, n: u32, o: Operands) -> Done {
    let base = e.base(Gpr(o.rn))?;
    let mut v = [e.vimm(0); 4];
    for k in 0..n {
        let at = plus(e, base, (k << size).into());
        v[k as usize] = load(e, at, size)?;
    }
    for k in 0..n {
        let all = e.vop1(VOp1::Dup(Lane::of(size), 0), v[k as usize]);
        Part::vector(q).write(e, o.register(k), all)?;
    }
    o.write_back(e, base, n << size)
}

/// Rows of a single structure: one element, then replicated ones.
macro_rules! single {
    (
        $($one:ident $one_row:ident $access:ident $one_n:literal $one_post:expr;)*
        --
        $($function:ident $row:ident $n:literal $post:expr;)*
    ) => {
        $(
            #[doc = stringify!($one_row)]
            pub fn $one<E: Engine>(e: &mut E, i: $one_row) -> Done {
                let post: fn($one_row) -> Option<u32> = $one_post;
                let element = Element::of(i.q, i.scale, i.s, i.size);
                $access(e, element, $one_n, Operands { rn: i.rn, rt: i.rt, post: post(i) })
            }
        )*
        $(
            #[doc = stringify!($row)]
            pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
                let post: fn($row) -> Option<u32> = $post;
                load_replicated(e, i.q, i.size, $n, Operands { rn: i.rn, rt: i.rt, post: post(i) })
            }
        )*
    };
}
single! {
    ld1_single Ld1Single load_element 1 |_| None;
    ld2_single Ld2Single load_element 2 |_| None;
    ld3_single Ld3Single load_element 3 |_| None;
    ld4_single Ld4Single load_element 4 |_| None;
    ld1_single_post Ld1SinglePost load_element 1 |i| Some(i.rm);
    ld2_single_post Ld2SinglePost load_element 2 |i| Some(i.rm);
    ld3_single_post Ld3SinglePost load_element 3 |i| Some(i.rm);
    ld4_single_post Ld4SinglePost load_element 4 |i| Some(i.rm);
    st1_single St1Single store_element 1 |_| None;
    st2_single St2Single store_element 2 |_| None;
    st3_single St3Single store_element 3 |_| None;
    st4_single St4Single store_element 4 |_| None;
    st1_single_post St1SinglePost store_element 1 |i| Some(i.rm);
    st2_single_post St2SinglePost store_element 2 |i| Some(i.rm);
    st3_single_post St3SinglePost store_element 3 |i| Some(i.rm);
    st4_single_post St4SinglePost store_element 4 |i| Some(i.rm);
    --
    ld1_rep Ld1Rep 1 |_| None;
    ld2_rep Ld2Rep 2 |_| None;
    ld3_rep Ld3Rep 3 |_| None;
    ld4_rep Ld4Rep 4 |_| None;
    ld1_rep_post Ld1RepPost 1 |i| Some(i.rm);
    ld2_rep_post Ld2RepPost 2 |i| Some(i.rm);
    ld3_rep_post Ld3RepPost 3 |i| Some(i.rm);
    ld4_rep_post Ld4RepPost 4 |i| Some(i.rm);
}
