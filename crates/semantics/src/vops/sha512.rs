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

/// SHA512H: T1 of two rounds, of g:f in `n` and e:d in `m`; `d` is h and g plus schedule and constants.
pub(super) fn h(d: u128, n: u128, m: u128) -> u128 {
    let ([w1, w0], [f, g], [d, e]) = (doubles(d), doubles(n), doubles(m));
    let first = choose(e, f, g).wrapping_add(big1(e)).wrapping_add(w0);
    let next = first.wrapping_add(d);
    let second = choose(next, e, f).wrapping_add(big1(next)).wrapping_add(w1);
    join(second, first)
}

/// SHA512H2: a of two rounds, of c in `n` and b:a in `m`; `d` is T1 of both.
pub(super) fn h2(d: u128, n: u128, m: u128) -> u128 {
    let ([t1, t0], [c, _], [a, b]) = (doubles(d), doubles(n), doubles(m));
    let first = majority(a, b, c).wrapping_add(big0(a)).wrapping_add(t0);
    let second = majority(first, a, b).wrapping_add(big0(first)).wrapping_add(t1);
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
