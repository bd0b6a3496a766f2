//! The published vectors of SHA-512, SHA-3, SM3 and SM4, computed with the instructions as guests use them.

mod common;

use a64::{Bcax, Eor3, Insn, Rax1, Xar};
use a64::{Sha512h, Sha512h2, Sha512su0, Sha512su1};
use a64::{Sm3partw1, Sm3partw2, Sm3ss1, Sm3tt1a, Sm3tt1b, Sm3tt2a, Sm3tt2b, Sm4e, Sm4ekey};
use armagic_semantics::execute;
use common::Toy;

/// V0 after `insn`, whose Vd, Vn, Vm, Va are V0, V1, V2, V3.
fn run(insn: Insn, registers: [u128; 4]) -> u128 {
    let mut toy = Toy::default();
    toy.v[..4].copy_from_slice(&registers);
    // By way of the word, so that the table is tested too.
    execute(&mut toy, a64::decode(insn.word()).expect("a row")).expect("nothing traps here");
    toy.v[0]
}

/// Vn and Vm, and Vd where it is an operand.
macro_rules! three {
    ($row:ident($d:expr, $n:expr, $m:expr) $($field:ident: $value:expr)?) => {
        run(Insn::$row($row { rd: 0, rn: 1, rm: 2 $(, $field: $value)? }), [$d, $n, $m, 0])
    };
}

fn ext8(low: u128, high: u128) -> u128 {
    low >> 64 | high << 64
}

/// Lanes of `bits`, added.
fn add(a: u128, b: u128, bits: u32) -> u128 {
    let ones = u128::MAX >> (128 - bits);
    (0..128 / bits).fold(0, |v, i| v | ((a >> (i * bits)).wrapping_add(b >> (i * bits)) & ones) << (i * bits))
}

/// Numbers in the order of the standards, each vector's first in its low lane.
fn lanes<const N: usize>(numbers: [u64; N]) -> u128 {
    numbers.iter().rev().fold(0, |v, &n| v << (128 / N) | u128::from(n))
}

/// Big-endian words of 32 or 64 bits to vectors.
fn big_endian(bytes: &[u8], size: usize) -> Vec<u128> {
    let number = |word: &[u8]| word.iter().fold(0, |n, &byte| n << 8 | u128::from(byte));
    let vector = |chunk: &[u8]| chunk.chunks(size).rev().fold(0, |v, word| v << (8 * size) | number(word));
    bytes.chunks(16).map(vector).collect()
}

fn hex(v: u128, bits: u32) -> String {
    let lane = |i| v >> (i * bits) & (u128::MAX >> (128 - bits));
    (0..128 / bits).map(|i| format!("{:01$x}", lane(i), bits as usize / 4)).collect()
}

/// The message, a one bit, zeros, and the length in bits at the end of a block.
fn padded(message: &[u8], block: usize) -> Vec<u8> {
    let mut bytes = message.to_vec();
    bytes.push(0x80);
    bytes.resize((bytes.len() + block / 8).next_multiple_of(block), 0);
    let end = bytes.len() - 8;
    bytes[end..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
    bytes
}

/// FIPS 180-4, 4.2.3: the first 64 bits of the fractional parts of the cube roots of the first 80 primes.
fn sha512_constants() -> Vec<u64> {
    let primes = (2u64..).filter(|n| (2..*n).all(|d| n % d != 0)).take(80);
    // Numbers as digits of 32 bits, the lowest first.
    let times = |a: &[u64], b: &[u64]| {
        let mut product = vec![0u64; a.len() + b.len()];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                let mut carry = x * y;
                for digit in &mut product[i + j..] {
                    carry += *digit;
                    *digit = carry & 0xffff_ffff;
                    carry >>= 32;
                }
            }
        }
        product
    };
    let root = |p: u64| {
        let limit = [0, 0, 0, 0, 0, 0, p, 0, 0]; // p * 2^192
        (0..67).rev().fold(0u128, |root, bit| {
            let next = root | 1 << bit;
            let digits = [next as u64 & 0xffff_ffff, (next >> 32) as u64 & 0xffff_ffff, (next >> 64) as u64];
            let cube = times(&times(&digits, &digits), &digits);
            if cube.iter().rev().le(limit.iter().rev()) { next } else { root }
        })
    };
    primes.map(|p| root(p) as u64).collect()
}

fn sha512(message: &[u8]) -> String {
    let k = sha512_constants();
    assert_eq!((k[0], k[79]), (0x428a_2f98_d728_ae22, 0x6c44_198c_4a47_5817));
    let mut w = big_endian(&padded(message, 128), 8);
    assert_eq!(w.len(), 8, "one block");
    for t in 8..40 {
        let start = three!(Sha512su1(
            run(Insn::Sha512su0(Sha512su0 { rd: 0, rn: 1 }), [w[t - 8], w[t - 7], 0, 0]),
            w[t - 1],
            ext8(w[t - 4], w[t - 3])
        ));
        w.push(start);
    }
    let start = [
        lanes([0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b]),
        lanes([0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1]),
        lanes([0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f]),
        lanes([0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179]),
    ];
    let [mut ab, mut cd, mut ef, mut gh] = start;
    for t in 0..40 {
        let input = add(w[t], lanes([k[2 * t], k[2 * t + 1]]), 64);
        let input = add(gh, ext8(input, input), 64);
        let t1 = three!(Sha512h(input, ext8(ef, gh), ext8(cd, ef)));
        let next = three!(Sha512h2(t1, cd, ab));
        (ab, cd, ef, gh) = (next, ab, add(cd, t1, 64), ef);
    }
    [ab, cd, ef, gh].iter().zip(start).map(|(v, start)| hex(add(*v, start, 64), 64)).collect()
}

#[test]
fn sha512_of_messages() {
    assert_eq!(
        sha512(b"abc"),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
    assert_eq!(
        sha512(b""),
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    );
}

/// FIPS 202, 3.2.5: the round constants, from a shift register.
fn keccak_constant(round: usize) -> u64 {
    let bit = |t: usize| (0..t).fold(1u32, |r, _| r << 1 ^ if r & 0x80 != 0 { 0x171 } else { 0 }) & 1;
    (0..7).fold(0, |rc, j| rc | u64::from(bit(7 * round + j)) << ((1 << j) - 1))
}

/// Keccak-f[1600] on the two states in the lanes; lane (x, y) is at 5 * y + x.
fn keccak_f(a: &mut [u128; 25]) {
    for round in 0..24 {
        let eor3 = |n, m, a| run(Insn::Eor3(Eor3 { rd: 0, rn: 1, rm: 2, ra: 3 }), [0, n, m, a]);
        let c: [u128; 5] = std::array::from_fn(|x| eor3(a[x], a[x + 5], eor3(a[x + 10], a[x + 15], a[x + 20])));
        let d: [u128; 5] = std::array::from_fn(|x| three!(Rax1(0, c[(x + 4) % 5], c[(x + 1) % 5])));
        let mut b = [0; 25];
        b[0] = a[0] ^ d[0];
        let (mut x, mut y) = (1, 0);
        for t in 0..24 {
            let left = (t + 1) * (t + 2) / 2 % 64;
            let (to_x, to_y) = (y, (2 * x + 3 * y) % 5);
            b[5 * to_y + to_x] = three!(Xar(0, a[5 * y + x], d[x]) imm6: (64 - left) % 64);
            (x, y) = (to_x, to_y);
        }
        let bcax = |n, m, a| run(Insn::Bcax(Bcax { rd: 0, rn: 1, rm: 2, ra: 3 }), [0, n, m, a]);
        *a = std::array::from_fn(|i| {
            let (row, x) = (i / 5 * 5, i % 5);
            bcax(b[i], b[row + (x + 2) % 5], b[row + (x + 1) % 5])
        });
        a[0] ^= lanes([keccak_constant(round); 2]);
    }
}

/// SHA3-256 of two short messages at once.
fn sha3_256(messages: [&[u8]; 2]) -> [String; 2] {
    let mut state = [0u128; 25];
    for (lane, message) in messages.iter().enumerate() {
        let mut block = message.to_vec();
        block.push(0x06);
        block.resize(136, 0);
        block[135] |= 0x80;
        for (to, bytes) in state.iter_mut().zip(block.chunks(8)) {
            *to |= u128::from(u64::from_le_bytes(bytes.try_into().expect("136 is a multiple of 8"))) << (64 * lane);
        }
    }
    keccak_f(&mut state);
    [0, 64].map(|up| state[..4].iter().map(|v| format!("{:016x}", ((v >> up) as u64).swap_bytes())).collect())
}

#[test]
fn sha3_of_messages() {
    let hashes = [
        "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
        "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    ];
    assert_eq!(sha3_256([b"", b"abc"]), hashes);
}

/// GB/T 32905-2016, 5.3. Words stand in the vectors upside down: a and e are the top ones.
fn sm3(message: &[u8]) -> String {
    let [mut dcba, mut hgfe] = [0x7380166f_4914b2b9_172442d7_da8a0600, 0xa96f30bc_163138aa_e38dee4d_b0fb0e4e_u128];
    for block in padded(message, 64).chunks(64) {
        let mut w = big_endian(block, 4);
        for j in 4..17 {
            let [s0, s1, s2, s3]: [u128; 4] = std::array::from_fn(|i| w[j - 4 + i]);
            let words_from = |n: u32, low: u128, high: u128| low >> (32 * n) | high << (128 - 32 * n);
            let start = three!(Sm3partw1(words_from(3, s1, s2), s0, s3));
            w.push(three!(Sm3partw2(start, words_from(2, s2, s3), words_from(3, s0, s1))));
        }
        let before = [dcba, hgfe];
        for j in 0..64 {
            let (t, group, imm2) = (if j < 16 { 0x79cc_4519u32 } else { 0x7a87_9d8a }, j / 4, j as u32 % 4);
            let t = u128::from(t.rotate_left(j as u32)) << 96;
            let ss1 = run(Insn::Sm3ss1(Sm3ss1 { rd: 0, rn: 1, rm: 2, ra: 3 }), [0, dcba, t, hgfe]);
            let both = w[group] ^ w[group + 1];
            (dcba, hgfe) = if j < 16 {
                (three!(Sm3tt1a(dcba, ss1, both) imm2: imm2), three!(Sm3tt2a(hgfe, ss1, w[group]) imm2: imm2))
            } else {
                (three!(Sm3tt1b(dcba, ss1, both) imm2: imm2), three!(Sm3tt2b(hgfe, ss1, w[group]) imm2: imm2))
            };
        }
        dcba ^= before[0];
        hgfe ^= before[1];
    }
    format!("{dcba:032x}{hgfe:032x}")
}

/// Appendices A.1 and A.2 of the standard.
#[test]
fn sm3_of_messages() {
    assert_eq!(sm3(b"abc"), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    assert_eq!(sm3(&b"abcd".repeat(16)), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

/// GB/T 32907-2016: round keys, four to a vector.
fn sm4_keys(key: u128) -> Vec<u128> {
    let fk = lanes([0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc]);
    let mut state = key ^ fk;
    let keys = (0..8).map(|group| {
        let ck = |i: u32| (0..4).fold(0u32, |word, j| word << 8 | ((28 * i + 7 * j) & 0xff));
        let constants = lanes(std::array::from_fn::<u64, 4, _>(|i| ck(4 * group + i as u32).into()));
        state = three!(Sm4ekey(0, state, constants));
        state
    });
    keys.collect()
}

/// Appendix A, example 1, there and back.
#[test]
fn sm4_of_a_block() {
    let words = lanes([0x0123_4567, 0x89ab_cdef, 0xfedc_ba98, 0x7654_3210]);
    let keys = sm4_keys(words);
    let reversed = |v: u128| lanes([(v >> 96) as u32, (v >> 64) as u32, (v >> 32) as u32, v as u32].map(u64::from));
    let cipher = |v: u128, keys: &mut dyn Iterator<Item = u128>| {
        reversed(keys.fold(v, |v, key| run(Insn::Sm4e(Sm4e { rd: 0, rn: 1 }), [v, key, 0, 0])))
    };
    let encrypted = cipher(words, &mut keys.iter().copied());
    assert_eq!(hex(encrypted, 32), "681edf34d206965e86b3e94f536e4246");
    let decrypted = cipher(encrypted, &mut keys.iter().rev().map(|key| reversed(*key)));
    assert_eq!(decrypted, words);
}
