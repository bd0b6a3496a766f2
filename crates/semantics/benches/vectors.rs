//! What the instructions of copying, searching and cryptographic loops cost, one by one, on the smallest
//! engine. Run with `cargo bench -p armagic-semantics`; as a test it only makes sure that it runs.
//!
//! "apart" is the time of an instruction that waits for nothing, "chained" of one whose result the next one
//! reads: that shows results that are stored in one width and loaded in another, which hosts are slow at.

#[path = "../tests/common/mod.rs"]
mod common;

use armagic_semantics::{Handler, handlers};
use common::Toy;
use std::hint::black_box;
use std::time::Instant;

/// Text, and word from GNU as.
const INSTRUCTIONS: &[(&str, u32)] = &[
    ("add v0.16b, v1.16b, v2.16b", 0x4e22_8420),
    ("add v0.2d, v1.2d, v2.2d", 0x4ee2_8420),
    ("sub v0.4s, v1.4s, v2.4s", 0x6ea2_8420),
    ("mul v0.4s, v1.4s, v2.4s", 0x4ea2_9c20),
    ("cmeq v0.16b, v1.16b, v2.16b", 0x6e22_8c20),
    ("cmeq v0.16b, v1.16b, #0", 0x4e20_9820),
    ("cmhs v0.16b, v1.16b, v2.16b", 0x6e22_3c20),
    ("and v0.16b, v1.16b, v2.16b", 0x4e22_1c20),
    ("orr v0.16b, v1.16b, v2.16b", 0x4ea2_1c20),
    ("eor v0.16b, v1.16b, v2.16b", 0x6e22_1c20),
    ("bsl v0.16b, v1.16b, v2.16b", 0x6e62_1c20),
    ("ext v0.16b, v1.16b, v2.16b, #3", 0x6e02_1820),
    ("tbl v0.16b, {v1.16b}, v2.16b", 0x4e02_0020),
    ("zip1 v0.16b, v1.16b, v2.16b", 0x4e02_3820),
    ("zip2 v0.2d, v1.2d, v2.2d", 0x4ec2_7820),
    ("uzp1 v0.16b, v1.16b, v2.16b", 0x4e02_1820),
    ("trn1 v0.4s, v1.4s, v2.4s", 0x4e82_2820),
    ("umaxp v0.16b, v1.16b, v2.16b", 0x6e22_a420),
    ("uminp v0.16b, v1.16b, v2.16b", 0x6e22_ac20),
    ("addp v0.16b, v1.16b, v2.16b", 0x4e22_bc20),
    ("addp v0.2d, v1.2d, v2.2d", 0x4ee2_bc20),
    ("addv b0, v1.16b", 0x4e31_b820),
    ("umaxv b0, v1.16b", 0x6e30_a820),
    ("uaddlp v0.8h, v1.16b", 0x6e20_2820),
    ("cnt v0.8b, v1.8b", 0x0e20_5820),
    ("shl v0.4s, v1.4s, #7", 0x4f27_5420),
    ("ushr v0.2d, v1.2d, #7", 0x6f79_0420),
    ("sshr v0.16b, v1.16b, #7", 0x4f09_0420),
    ("shrn v0.8b, v1.8h, #4", 0x0f0c_8420),
    ("sri v0.4s, v1.4s, #7", 0x6f39_4420),
    ("xtn v0.8b, v1.8h", 0x0e21_2820),
    ("ushll v0.8h, v1.8b, #0", 0x2f08_a420),
    ("umull v0.4s, v1.4h, v2.4h", 0x2e62_c020),
    ("umlal v0.2d, v1.2s, v2.2s", 0x2ea2_8020),
    ("sdot v0.4s, v1.16b, v2.16b", 0x4e82_9420),
    ("rev64 v0.16b, v1.16b", 0x4e20_0820),
    ("rev32 v0.16b, v1.16b", 0x6e20_0820),
    ("dup v0.16b, v1.b[3]", 0x4e07_0420),
    ("mov v0.d[1], v1.d[0]", 0x6e18_0420),
    ("rax1 v0.2d, v1.2d, v2.2d", 0xce62_8c20),
    ("xar v0.2d, v1.2d, v2.2d, #7", 0xce82_1c20),
    ("ushl v0.4s, v1.4s, v2.4s", 0x6ea2_4420),
    ("aese v0.16b, v1.16b", 0x4e28_4820),
    ("aesd v0.16b, v1.16b", 0x4e28_5820),
    ("aesmc v0.16b, v1.16b", 0x4e28_6820),
    ("aesimc v0.16b, v1.16b", 0x4e28_7820),
    ("pmull v0.1q, v1.1d, v2.1d", 0x0ee2_e020),
    ("pmull v0.8h, v1.8b, v2.8b", 0x0e22_e020),
    ("sha1c q0, s1, v2.4s", 0x5e02_0020),
    ("sha1m q0, s1, v2.4s", 0x5e02_2020),
    ("sha1su0 v0.4s, v1.4s, v2.4s", 0x5e02_3020),
    ("sha256h q0, q1, v2.4s", 0x5e02_4020),
    ("sha256h2 q0, q1, v2.4s", 0x5e02_5020),
    ("sha256su0 v0.4s, v1.4s", 0x5e28_2820),
    ("sha256su1 v0.4s, v1.4s, v2.4s", 0x5e02_6020),
    ("sha512h q0, q1, v2.2d", 0xce62_8020),
    ("sha512su1 v0.2d, v1.2d, v2.2d", 0xce62_8820),
    ("sm3tt1a v0.4s, v1.4s, v2.s[1]", 0xce42_9020),
    ("sm4e v0.4s, v1.4s", 0xcec0_8420),
    ("bfdot v0.4s, v1.8h, v2.8h", 0x6e42_fc20),
];

fn main() {
    let (samples, rounds) = if std::env::args().any(|a| a == "--bench") { (1000, 2000) } else { (1, 10) };
    println!("{:34} {:>6} {:>8}", "nanoseconds", "apart", "chained");
    for &(text, word) in INSTRUCTIONS {
        let [apart, chained] = [word, word & !(31 << 5)].map(|word| least(word, samples, rounds));
        println!("{text:34} {apart:6.2} {chained:8.2}");
    }
}

/// The least of many samples: what the instruction costs when nothing else runs on the host.
fn least(word: u32, samples: u32, rounds: u32) -> f64 {
    const HANDLERS: [Handler<Toy>; a64::ROW_COUNT] = handlers::<Toy>();
    let row = a64::lookup(word).unwrap_or_else(|| panic!("{word:08x} has no row"));
    let (handler, word) = (black_box(HANDLERS[row as usize]), black_box(word));
    let mut toy = Toy::default();
    toy.v[..3].copy_from_slice(&[
        0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0,
        u128::MAX / 3,
        u128::MAX / 0xffff * 0x0305,
    ]);
    let sample = |_| {
        let start = Instant::now();
        for _ in 0..rounds {
            handler(&mut toy, word).expect("nothing traps here");
        }
        start.elapsed().as_nanos() as f64 / f64::from(rounds)
    };
    (0..samples).map(sample).fold(f64::INFINITY, f64::min)
}
