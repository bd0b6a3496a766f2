//! The steps of SHA-512 (FIPS 180-4), in the words of the manual's SHA512 instructions.
//!
//! The instructions compute two rounds, the upper double first, because the eight variables move down.

/// Double 0 is the low one.
fn doubles(v: u128) -> [u64; 2] {
    [v as u64, (v >> 64) as u64]
}

fn join(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

/// `Ch` of FIPS 180-4, 4.1.3.
fn choose(x: u64, y: u64, z: u64) -> u64 {
    (y ^ z) & x ^ z
}

/// `Maj`
fn majority(x: u64, y: u64, z: u64) -> u64 {
    x & y | (x | y) & z
}

/// The upper-case sigmas.
fn big0(x: u64) -> u64 {
    x.rotate_right(28) ^ x.rotate_right(34) ^ x.rotate_right(39)
}

fn big1(x: u64) -> u64 {
    x.rotate_right(14) ^ x.rotate_right(18) ^ x.rotate_right(41)
}

/// The lower-case sigmas.
fn small0(x: u64) -> u64 {
    x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7
}

fn small1(x: u64) -> u64 {
    x.rotate_right(19) ^ x.rotate_right(61) ^ x >> 6
}

/// SHA512H: what two rounds add to d and c, which is T1 of each.
pub(super) fn h(d: u128, n: u128, m: u128) -> u128 {
    let ([w0, w1], [g, h], [e, f]) = (doubles(d), doubles(n), doubles(m));
    // The manual's names: Y is f:e of the next round, X is h:g.
    let first = choose(f, g, h).wrapping_add(big1(f)).wrapping_add(w1);
    let next = first.wrapping_add(e);
    let second = choose(next, f, g).wrapping_add(big1(next)).wrapping_add(w0);
    join(second, first)
}

/// SHA512H2: `big0 + Maj` of two rounds.
pub(super) fn h2(d: u128, n: u128, m: u128) -> u128 {
    let ([w0, w1], [x, _], [y0, y1]) = (doubles(d), doubles(n), doubles(m));
    let first = majority(x, y1, y0).wrapping_add(big0(y0)).wrapping_add(w1);
    let second = majority(first, y0, y1).wrapping_add(big0(first)).wrapping_add(w0);
    join(second, first)
}

/// SHA512SU0
pub(super) fn su0(d: u128, n: u128) -> u128 {
    let ([w0, w1], [w2, _]) = (doubles(d), doubles(n));
    join(w0.wrapping_add(small0(w1)), w1.wrapping_add(small0(w2)))
}

/// SHA512SU1
pub(super) fn su1(d: u128, n: u128, m: u128) -> u128 {
    let ([d0, d1], [n0, n1], [m0, m1]) = (doubles(d), doubles(n), doubles(m));
    join(d0.wrapping_add(small1(n0)).wrapping_add(m0), d1.wrapping_add(small1(n1)).wrapping_add(m1))
}
