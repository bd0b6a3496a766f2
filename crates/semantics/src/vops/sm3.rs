//! The steps of SM3 (GB/T 32905-2016), in the words of the manual's SM3 instructions.

use super::sha::{join, words};

/// `P0` and `P1` of GB/T 32905, 4.4.
fn p0(x: u32) -> u32 {
    x ^ x.rotate_left(9) ^ x.rotate_left(17)
}

fn p1(x: u32) -> u32 {
    x ^ x.rotate_left(15) ^ x.rotate_left(23)
}

/// Of x, y, z.
type Boolean = fn(u32, u32, u32) -> u32;

/// SM3SS1: the top word.
pub(super) fn ss1(n: u128, m: u128, a: u128) -> u128 {
    let [n, m, a] = [n, m, a].map(|v| words(v)[3]);
    join([0, 0, 0, n.rotate_left(12).wrapping_add(m).wrapping_add(a).rotate_left(7)])
}

/// SM3TT1A, SM3TT1B: the words of `d` are d, c, b, a of the round, and `ff` is its FF.
#[inline(always)]
pub(super) fn tt1(ff: Boolean, index: u8, d: u128, n: u128, m: u128) -> u128 {
    let ([d, c, b, a], w) = (words(d), words(m)[usize::from(index & 3)]);
    let ss2 = words(n)[3] ^ a.rotate_left(12);
    let tt1 = ff(a, b, c).wrapping_add(d).wrapping_add(ss2).wrapping_add(w);
    join([c, b.rotate_left(9), a, tt1])
}

/// SM3TT2A, SM3TT2B: the words of `d` are h, g, f, e of the round, and `gg` is its GG.
#[inline(always)]
pub(super) fn tt2(gg: Boolean, index: u8, d: u128, n: u128, m: u128) -> u128 {
    let ([h, g, f, e], w) = (words(d), words(m)[usize::from(index & 3)]);
    let tt2 = gg(e, f, g).wrapping_add(h).wrapping_add(words(n)[3]).wrapping_add(w);
    join([g, f.rotate_left(19), e, p0(tt2)])
}

/// SM3PARTW1: the last word needs the first.
pub(super) fn partw1(d: u128, n: u128, m: u128) -> u128 {
    let ([x0, x1, x2, x3], [_, m1, m2, m3]) = (words(d ^ n), words(m));
    let (w0, w1, w2) = (p1(x0 ^ m1.rotate_left(15)), p1(x1 ^ m2.rotate_left(15)), p1(x2 ^ m3.rotate_left(15)));
    join([w0, w1, w2, p1(x3 ^ w0.rotate_left(15))])
}

/// SM3PARTW2
pub(super) fn partw2(d: u128, n: u128, m: u128) -> u128 {
    let part = words(n ^ join(words(m).map(|w| w.rotate_left(7))));
    let [d0, d1, d2, d3] = words(d ^ join(part));
    join([d0, d1, d2, d3 ^ p1(part[0].rotate_left(15))])
}
