//! The steps of SHA-1 and SHA-256 (FIPS 180-4), in the words of the manual's SHA1 and SHA256 instructions.

/// Word 0 is the lowest.
pub(super) fn words(v: u128) -> [u32; 4] {
    [v as u32, (v >> 32) as u32, (v >> 64) as u32, (v >> 96) as u32]
}

pub(super) fn join([w0, w1, w2, w3]: [u32; 4]) -> u128 {
    u128::from(w0) | u128::from(w1) << 32 | u128::from(w2) << 64 | u128::from(w3) << 96
}

/// `Ch`, `Parity`, `Maj` of FIPS 180-4, 4.1.1.
pub(super) fn choose(x: u32, y: u32, z: u32) -> u32 {
    (y ^ z) & x ^ z
}

/// `Parity`
pub(super) fn parity(x: u32, y: u32, z: u32) -> u32 {
    x ^ y ^ z
}

/// `Maj`
pub(super) fn majority(x: u32, y: u32, z: u32) -> u32 {
    x & y | (x | y) & z
}

/// SHA1C, SHA1P, SHA1M: four rounds on (a, b, c, d) = `x` and e = `y`, with `w` the schedule plus constants.
pub(super) fn sha1_rounds(f: fn(u32, u32, u32) -> u32, x: u128, y: u128, w: u128) -> u128 {
    let [mut a, mut b, mut c, mut d] = words(x);
    let mut e = y as u32;
    for w in words(w) {
        let next = e.wrapping_add(a.rotate_left(5)).wrapping_add(f(b, c, d)).wrapping_add(w);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    join([a, b, c, d])
}

/// SHA1SU0
pub(super) fn sha1su0(d: u128, n: u128, m: u128) -> u128 {
    (n << 64 | d >> 64) ^ d ^ m
}

/// SHA1SU1
pub(super) fn sha1su1(d: u128, n: u128) -> u128 {
    let [t0, t1, t2, t3] = words(d ^ n >> 32);
    join([t0.rotate_left(1), t1.rotate_left(1), t2.rotate_left(1), t3.rotate_left(1) ^ t0.rotate_left(2)])
}

/// SHA256H, SHA256H2: four rounds on (a, b, c, d) = `x` and (e, f, g, h) = `y`; both halves after them.
pub(super) fn sha256_rounds(x: u128, y: u128, w: u128) -> (u128, u128) {
    let ([mut a, mut b, mut c, mut d], [mut e, mut f, mut g, mut h]) = (words(x), words(y));
    for w in words(w) {
        let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t1 = h.wrapping_add(big1).wrapping_add(choose(e, f, g)).wrapping_add(w);
        let t2 = big0.wrapping_add(majority(a, b, c));
        (a, b, c, d, e, f, g, h) = (t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g);
    }
    (join([a, b, c, d]), join([e, f, g, h]))
}

/// SHA256SU0
pub(super) fn sha256su0(d: u128, n: u128) -> u128 {
    let small0 = |t: u32| t.rotate_right(7) ^ t.rotate_right(18) ^ t >> 3;
    let (d, t) = (words(d), words(n << 96 | d >> 32));
    join(std::array::from_fn(|i| d[i].wrapping_add(small0(t[i]))))
}

/// SHA256SU1: the upper two words depend on the lower two.
pub(super) fn sha256su1(d: u128, n: u128, m: u128) -> u128 {
    let small1 = |t: u32| t.rotate_right(17) ^ t.rotate_right(19) ^ t >> 10;
    let (d, t) = (words(d), words(m << 96 | n >> 32));
    let [s0, s1, s2, s3] = std::array::from_fn(|i| d[i].wrapping_add(t[i]));
    let [_, _, m2, m3] = words(m);
    let (w0, w1) = (s0.wrapping_add(small1(m2)), s1.wrapping_add(small1(m3)));
    join([w0, w1, s2.wrapping_add(small1(w0)), s3.wrapping_add(small1(w1))])
}
