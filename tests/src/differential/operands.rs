//! Random operands, biased towards where instructions go wrong.

use super::state::State;
use a64::RowInfo;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// The sequence that `seed` begins.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.u64() % n
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `of`.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// FPCR bits that there are: AHP, DN, FZ, RMode, FZ16.
pub const FPCR_BITS: u32 = 0x07c8_0000;

/// FPSR bits that there are: QC, IDC, and the five cumulative flags. (The flags of AArch32 comparisons are RES0.)
pub const FPSR_BITS: u32 = 0x0800_009f;

/// Registers for an instruction whose lanes are mostly of `1 << esize` bytes.
pub fn state(random: &mut Random, esize: u32) -> State {
    let mut state = State {
        x: std::array::from_fn(|_| integer(random)),
        sp: integer(random),
        nzcv: (random.below(16) as u32) << 28,
        fpcr: if random.one_in(3) { 0 } else { random.u64() as u32 & FPCR_BITS },
        fpsr: if random.one_in(2) { 0 } else { random.u64() as u32 & FPSR_BITS },
        v: std::array::from_fn(|_| {
            let esize = if random.one_in(8) { random.below(4) as u32 } else { esize };
            vector(random, esize)
        }),
    };
    // Sums that cancel and comparisons of equals need operands that are alike.
    if random.one_in(4) {
        let v = state.v[random.below(32) as usize];
        let signs = lanes(esize, |_| 1 << ((8 << esize) - 1));
        state.v.iter_mut().for_each(|to| match random.below(4) {
            0 => *to = v,
            1 => *to = v ^ signs,
            _ => (),
        });
    }
    state
}

/// log2 of the bytes of the lanes that `word` works on, as far as its fields say.
pub fn lane_size(random: &mut Random, row: &RowInfo, word: u32) -> u32 {
    let field = |name| row.fields.iter().find(|f| f.name == name).map(|f| word >> f.lsb & ((1 << f.width) - 1));
    match (field("ftype"), field("sz"), field("size")) {
        (Some(ftype), _, _) => [2, 3, 3, 1][ftype as usize],
        (_, Some(sz), _) => 2 + (sz & 1),
        (_, _, Some(size)) => size & 3,
        _ if row.name.ends_with('H') => 1,
        _ => random.below(4) as u32,
    }
}

/// Values of 64 bits, many of them at an edge of some width.
pub fn integer(random: &mut Random) -> u64 {
    match random.below(8) {
        0..3 => random.u64(),
        3 => random.below(130).wrapping_sub(65),
        4 => random.pick(&[0, 1, u64::MAX, 1 << 63, u64::MAX >> 1, 1 << 31, 0x7fff_ffff, 0xffff_ffff, 1 << 32]),
        5 => (1u64 << random.below(64)).wrapping_add(random.below(3)).wrapping_sub(1),
        6 => random.u64() & random.u64() & random.u64(),
        _ => random.u64() << random.below(64) >> random.below(64),
    }
}

/// 128 bits in lanes of one kind.
fn vector(random: &mut Random, esize: u32) -> u128 {
    match random.below(8) {
        0 => u128::from(random.u64()) << 64 | u128::from(random.u64()),
        1 | 2 => lanes(esize, |_| integer(random)),
        3 => lanes(esize, |_| edge(random, esize)),
        // Bytes have no floating-point format.
        _ if esize == 0 => lanes(0, |_| edge(random, 0)),
        _ => lanes(esize, |_| float(random, esize)),
    }
}

/// A vector of `1 << esize`-byte lanes.
fn lanes(esize: u32, mut lane: impl FnMut(u32) -> u64) -> u128 {
    let bits = 8 << esize;
    let ones = u64::MAX >> (64 - bits);
    (0..128 / bits).fold(0, |v, i| v | u128::from(lane(i) & ones) << (i * bits))
}

/// What saturation and shifts turn at.
fn edge(random: &mut Random, esize: u32) -> u64 {
    let top = 1u64 << ((8 << esize) - 1);
    random.pick(&[0, 1, 2, top, top - 1, top + 1, u64::MAX, u64::MAX - 1, 8 << esize, 0u64.wrapping_sub(8 << esize)])
}

/// A floating-point value of 2, 4 or 8 bytes.
fn float(random: &mut Random, esize: u32) -> u64 {
    let (exponent_bits, fraction_bits) = [(0, 0), (5, 10), (8, 23), (11, 52)][esize as usize];
    let (top, bias) = ((1u64 << exponent_bits) - 1, (1u64 << (exponent_bits - 1)) - 1);
    let ones = (1u64 << fraction_bits) - 1;
    let fraction = match random.below(8) {
        0 => 0,
        1 => ones,
        2 => 1,
        3 => 1 << random.below(fraction_bits),
        4 => ones & !(ones >> random.below(fraction_bits)), // few bits from the top: products are exact
        _ => random.u64() & ones,
    };
    let near = |random: &mut Random, to: u64, by: u64| (to + random.below(2 * by + 1)).saturating_sub(by).min(top - 1);
    let integer_bits = random.pick(&[7, 8, 15, 16, 31, 32, 63, 64]);
    let (exponent, fraction) = match random.below(16) {
        0 => (0, 0),
        1 => (top, 0),
        2 => (top, fraction | 1 << (fraction_bits - 1)), // quiet NaN
        3 => (top, (fraction & ones >> 1).max(1)),       // signalling NaN
        4 | 5 => (0, fraction),                          // mostly subnormal
        6 => (near(random, 0, 3), fraction),             // around the smallest normal
        7 => (near(random, top - 1, 3), fraction),       // around the largest
        8 => (near(random, bias + fraction_bits, 3), fraction), // around the largest odd integers
        9 => (near(random, bias + integer_bits, 1), fraction),
        10 => (bias, 0),
        11 => (random.below(top), fraction),
        _ => (near(random, bias, fraction_bits), fraction),
    };
    random.below(2) << (exponent_bits + fraction_bits) | exponent << fraction_bits | fraction
}
