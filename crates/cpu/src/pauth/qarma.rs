//! QARMA-64, the block cipher of FEAT_PACQARMA5 and FEAT_PACQARMA3 (R. Avanzi, "The QARMA Block Cipher Family",
//! ToSC 2017; ARM DDI 0487, `ComputePAC`).
//!
//! The state is 16 cells of 4 bits; cell 0 is the highest nibble, and cells 0 to 3 are the first row.

/// One member of the family: the number of rounds and the S-box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Qarma {
    rounds: usize,
    sbox: &'static [u8; 16],
    inverse: &'static [u8; 16],
}

/// FEAT_PACQARMA5: 5 rounds, σ2.
pub const QARMA5: Qarma = Qarma { rounds: 5, sbox: &SIGMA2, inverse: &SIGMA2_INVERSE };
/// FEAT_PACQARMA3: 3 rounds, σ1, which is its own inverse.
pub const QARMA3: Qarma = Qarma { rounds: 3, sbox: &SIGMA1, inverse: &SIGMA1 };

const SIGMA1: [u8; 16] = [10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4];
const SIGMA2: [u8; 16] = [11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10];
const SIGMA2_INVERSE: [u8; 16] = inverse(&SIGMA2);
/// τ, which moves cells of the state; h, which moves those of the tweak. Cell `i` comes from cell `T[i]`.
const TAU: [u8; 16] = [0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2];
const TAU_INVERSE: [u8; 16] = inverse(&TAU);
const H: [u8; 16] = [6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11];
const H_INVERSE: [u8; 16] = inverse(&H);
/// Tweak cells that the LFSR ω steps.
const LFSR_CELLS: [u32; 7] = [0, 1, 3, 4, 8, 11, 13];
const ROUND_CONSTANTS: [u64; 5] =
    [0, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89, 0x4528_21e6_38d0_1377];
const ALPHA: u64 = 0xc0ac_29b7_c97c_50dd;

const fn inverse(table: &[u8; 16]) -> [u8; 16] {
    let (mut out, mut i) = ([0; 16], 0);
    while i < 16 {
        out[table[i] as usize] = i as u8;
        i += 1;
    }
    out
}

const fn cell(v: u64, i: u32) -> u64 {
    v >> (60 - 4 * i) & 0xf
}

/// The state whose cells are given by `of`.
fn cells(of: impl Fn(u32) -> u64) -> u64 {
    (0..16).fold(0, |v, i| v << 4 | of(i))
}

fn substitute(v: u64, sbox: &[u8; 16]) -> u64 {
    cells(|i| sbox[cell(v, i) as usize].into())
}

fn shuffle(v: u64, from: &[u8; 16]) -> u64 {
    cells(|i| cell(v, from[i as usize].into()))
}

/// Every column times the matrix circ(0, ρ, ρ², ρ), where ρ turns a cell left by one bit. An involution.
fn mix(v: u64) -> u64 {
    let turned = |i: u32, by: u32| {
        let c = cell(v, i % 16);
        (c << by | c >> (4 - by)) & 0xf
    };
    cells(|i| turned(i + 4, 1) ^ turned(i + 8, 2) ^ turned(i + 12, 1))
}

/// `v` with `step` applied to the cells of the LFSR.
fn stepped(v: u64, step: fn(u64) -> u64) -> u64 {
    cells(|i| if LFSR_CELLS.contains(&i) { step(cell(v, i)) } else { cell(v, i) })
}

fn next_tweak(t: u64) -> u64 {
    stepped(shuffle(t, &H), |c| c >> 1 | (c ^ c >> 1) << 3 & 8)
}

fn previous_tweak(t: u64) -> u64 {
    shuffle(stepped(t, |c| c << 1 & 0xe | (c ^ c >> 3) & 1), &H_INVERSE)
}

impl Qarma {
    /// `ComputePAC`: `data` enciphered under `tweak` with the key `w0`:`k0` (the manual's key0 and key1).
    pub fn encipher(&self, data: u64, tweak: u64, w0: u64, k0: u64) -> u64 {
        let w1 = w0.rotate_right(1) ^ w0 >> 63;
        let (mut v, mut t) = (data ^ w0, tweak);
        for (round, constant) in ROUND_CONSTANTS[..self.rounds].iter().enumerate() {
            v ^= k0 ^ t ^ constant;
            if round > 0 {
                v = mix(shuffle(v, &TAU));
            }
            v = substitute(v, self.sbox);
            t = next_tweak(t);
        }
        // The middle: a round, the reflector, and the round undone.
        v = substitute(mix(shuffle(v ^ w1 ^ t, &TAU)), self.sbox);
        v = shuffle(mix(shuffle(v, &TAU)) ^ k0, &TAU_INVERSE);
        v = shuffle(mix(substitute(v, self.inverse)), &TAU_INVERSE) ^ w0 ^ t;
        for (round, constant) in ROUND_CONSTANTS[..self.rounds].iter().enumerate().rev() {
            v = substitute(v, self.inverse);
            if round > 0 {
                v = shuffle(mix(v), &TAU_INVERSE);
            }
            t = previous_tweak(t);
            v ^= k0 ^ t ^ constant ^ ALPHA;
        }
        v ^ w1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of the cipher's specification for 5 rounds: one key, one tweak, one plaintext.
    #[test]
    fn published_vectors() {
        let check = |sbox: &'static [u8; 16], inverse: &'static [u8; 16], cipher: u64| {
            let qarma = Qarma { rounds: 5, sbox, inverse };
            let (w0, k0) = (0x84be_85ce_9804_e94b, 0xec28_02d4_e0a4_88e9);
            assert_eq!(qarma.encipher(0xfb62_3599_da6e_8127, 0x477d_469d_ec0b_8762, w0, k0), cipher);
        };
        check(&SIGMA1, &SIGMA1, 0x544b_0ab9_5bda_7c3a);
        check(&SIGMA2, &SIGMA2_INVERSE, 0xc003_b939_99b3_3765);
    }

    #[test]
    fn parts_are_undone_by_their_inverses() {
        for v in [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x8421_1248_f00f_aa55_u64] {
            assert_eq!(mix(mix(v)), v);
            assert_eq!(previous_tweak(next_tweak(v)), v);
            assert_eq!(shuffle(shuffle(v, &TAU), &TAU_INVERSE), v);
            assert_eq!(substitute(substitute(v, &SIGMA1), &SIGMA1), v);
            assert_eq!(substitute(substitute(v, &SIGMA2), &SIGMA2_INVERSE), v);
        }
    }
}
