//! The vectors of FIPS 197 and FIPS 180-4, computed as a guest computes them.

use crate::vops::*;

fn block(hex: &str) -> u128 {
    u128::from_str_radix(hex, 16).expect("32 digits").swap_bytes()
}

#[track_caller]
fn check(op: VOp1, from: &str, to: &str) {
    assert_eq!(op.eval(block(from)), block(to), "{op:?}");
}

/// FIPS 197, appendix C.1, round 1: start, s_box then s_row in one step, m_col; and the inverse cipher's.
#[test]
fn aes_steps() {
    check(VOp1::AesSub, "00102030405060708090a0b0c0d0e0f0", "6353e08c0960e104cd70b751bacad0e7");
    check(VOp1::AesMix, "6353e08c0960e104cd70b751bacad0e7", "5f72641557f5bc92f7be3b291db9f91a");
    check(VOp1::AesInvSub, "6353e08c0960e104cd70b751bacad0e7", "00102030405060708090a0b0c0d0e0f0");
    check(VOp1::AesInvMix, "5f72641557f5bc92f7be3b291db9f91a", "6353e08c0960e104cd70b751bacad0e7");
}

/// FIPS 197, 5.2: SubWord is AESE on a block of equal columns, whose rows shift onto themselves.
fn aes128_keys(key: u128) -> Vec<u128> {
    let mut keys = vec![key];
    for constant in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36] {
        let previous = keys[keys.len() - 1];
        let last = VOp1::Dup(Lane::S, 3).eval(previous);
        let mut word = (VOp1::AesSub.eval(last) as u32).rotate_right(8) ^ constant;
        let mut next = 0;
        for i in 0..4 {
            word ^= (previous >> (32 * i)) as u32;
            next |= u128::from(word) << (32 * i);
        }
        keys.push(next);
    }
    keys
}

#[track_caller]
fn check_aes128(key: &str, plain: &str, cipher: &str) {
    let keys = aes128_keys(block(key));
    let mut state = block(plain);
    for key in &keys[..9] {
        state = VOp1::AesMix.eval(VOp1::AesSub.eval(state ^ key));
    }
    state = VOp1::AesSub.eval(state ^ keys[9]) ^ keys[10];
    assert_eq!(state, block(cipher));

    // The equivalent inverse cipher: round keys pass through InvMixColumns.
    state ^= keys[10];
    for key in keys[1..10].iter().rev() {
        state = VOp1::AesInvMix.eval(VOp1::AesInvSub.eval(state)) ^ VOp1::AesInvMix.eval(*key);
    }
    assert_eq!(VOp1::AesInvSub.eval(state) ^ keys[0], block(plain));
}

#[test]
fn aes128() {
    // Appendix B, appendix C.1.
    check_aes128(
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
    );
    check_aes128(
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    );
}

/// The single block of a short message: four vectors of big-endian words.
fn padded(message: &[u8]) -> [u128; 4] {
    assert!(message.len() < 56, "one block");
    let mut bytes = [0; 64];
    bytes[..message.len()].copy_from_slice(message);
    bytes[message.len()] = 0x80;
    bytes[56..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
    let word = |i: usize| u128::from(u32::from_be_bytes(bytes[4 * i..4 * i + 4].try_into().expect("four")));
    std::array::from_fn(|v| (0..4).fold(0, |all, k| all | word(4 * v + k) << (32 * k)))
}

fn words(v: u128) -> String {
    (0..4).map(|i| format!("{:08x}", (v >> (32 * i)) as u32)).collect()
}

fn add(a: u128, b: u128) -> u128 {
    VOp2::Add(Lane::S).eval(a, b)
}

fn sha1(message: &[u8]) -> String {
    let mut w = padded(message).to_vec();
    let (abcd0, e0) = (0x10325476_98badcfe_efcdab89_67452301u128, 0xc3d2e1f0u128);
    let (mut abcd, mut e) = (abcd0, e0);
    for round in 0..20 {
        if round >= 4 {
            let schedule = VOp3::Sha1su0.eval(w[round - 4], w[round - 3], w[round - 2]);
            w.push(VOp2::Sha1su1.eval(schedule, w[round - 1]));
        }
        let (op, constant) = match round {
            0..5 => (VOp3::Sha1c, 0x5a827999),
            5..10 => (VOp3::Sha1p, 0x6ed9eba1),
            10..15 => (VOp3::Sha1m, 0x8f1bbcdc),
            _ => (VOp3::Sha1p, 0xca62c1d6),
        };
        let next_e = VOp1::Sha1h.eval(abcd);
        abcd = op.eval(abcd, e, add(w[round], Lane::S.splat(constant)));
        e = next_e;
    }
    format!("{}{:08x}", words(add(abcd, abcd0)), (e as u32).wrapping_add(e0 as u32))
}

#[test]
fn sha1_of_messages() {
    assert_eq!(sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sha1(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

/// FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
fn sha256_constants() -> Vec<u32> {
    let primes = (2u128..).filter(|n| (2..*n).all(|d| n % d != 0)).take(64);
    let root = |p: u128| {
        // The greatest integer whose cube is at most p * 2^96: the root with 32 fractional bits.
        (0..36).rev().fold(0u128, |root, bit| {
            let next = root | 1 << bit;
            if next * next * next <= p << 96 { next } else { root }
        })
    };
    primes.map(|p| root(p) as u32).collect()
}

fn sha256(message: &[u8]) -> String {
    let mut w = padded(message).to_vec();
    let k = sha256_constants();
    let (abcd0, efgh0) = (0xa54ff53a_3c6ef372_bb67ae85_6a09e667, 0x5be0cd19_1f83d9ab_9b05688c_510e527f);
    let (mut abcd, mut efgh) = (abcd0, efgh0);
    for round in 0..16 {
        if round >= 4 {
            let schedule = VOp2::Sha256su0.eval(w[round - 4], w[round - 3]);
            w.push(VOp3::Sha256su1.eval(schedule, w[round - 2], w[round - 1]));
        }
        let constants = (0..4).fold(0, |all, i| all | u128::from(k[4 * round + i]) << (32 * i));
        let input = add(w[round], constants);
        let before = abcd;
        abcd = VOp3::Sha256h.eval(abcd, efgh, input);
        efgh = VOp3::Sha256h2.eval(efgh, before, input);
    }
    words(add(abcd, abcd0)) + &words(add(efgh, efgh0))
}

#[test]
fn sha256_of_messages() {
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
