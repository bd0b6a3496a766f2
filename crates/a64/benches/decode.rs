//! Decode speed over random allocated words: it decides whether the tree in `build.rs` is good enough, or needs a
//! table at its top. Run with `cargo bench -p armagic-a64`; as a test it only makes sure that it runs.

use armagic_a64::{ROWS, decode, lookup};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let measured = std::env::args().any(|a| a == "--bench");
    let (per_row, rounds) = if measured { (64, 200) } else { (2, 1) };
    let words = sample(per_row);
    time("lookup, shuffled words of all rows", &words, rounds, |w| lookup(w).map_or(0, |r| r as u64));
    time("decode, shuffled words of all rows", &words, rounds, |w| decode(w).map_or(0, |i| i.row() as u64));
    let one_kind: Vec<u32> = words.iter().copied().filter(|w| lookup(*w) == lookup(words[0])).collect();
    time("lookup, words of one row", &one_kind, rounds * ROWS.len(), |w| lookup(w).map_or(0, |r| r as u64));
}

/// `per_row` words of each row, in an order that no branch predictor knows.
fn sample(per_row: usize) -> Vec<u32> {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let mut words = Vec::new();
    for row in &ROWS {
        let fitting = std::iter::repeat_with(|| random() & !row.mask | row.value).filter(|w| (row.guard)(*w));
        words.extend(fitting.take(per_row));
    }
    for i in (1..words.len()).rev() {
        words.swap(i, random() as usize % (i + 1));
    }
    words
}

fn time(what: &str, words: &[u32], rounds: usize, each: impl Fn(u32) -> u64) {
    let start = Instant::now();
    let mut sum = 0u64;
    for _ in 0..rounds {
        sum = words.iter().fold(sum, |sum, w| sum.wrapping_mul(31).wrapping_add(each(black_box(*w))));
    }
    let calls = (words.len() * rounds) as f64;
    println!("{what}: {:.2} ns ({calls} calls, checksum {sum:016x})", start.elapsed().as_secs_f64() * 1e9 / calls);
}
