//! The keys of pointer authentication that user-mode QEMU gives a program, from its `-seed`.
//!
//! They are numbers of its Mersenne Twister (GLib's `GRand`: mt19937ar, seeded by an array), after those for
//! the 16 bytes of AT_RANDOM. So what a key makes of a pointer can be compared, not only round trips.

use cpu::pauth::Keys;

/// What QEMU is started with; its two halves are the array.
pub const SEED: u64 = 0x6172_6d61_6769_6331;

/// 32-bit numbers that AT_RANDOM takes.
const SKIPPED: usize = 4;

/// The keys of a program that is started with `SEED`.
pub fn keys() -> Keys {
    let mut numbers = Twister::new(&[SEED as u32, (SEED >> 32) as u32]);
    (0..SKIPPED).for_each(|_| _ = numbers.next());
    let mut word = || u64::from(numbers.next()) | u64::from(numbers.next()) << 32;
    let mut key = || [word(), word()];
    Keys { pointer: [key(), key(), key(), key()], generic: key() }
}

const N: usize = 624;

/// mt19937ar (Makoto Matsumoto and Takuji Nishimura, 2002).
struct Twister {
    state: [u32; N],
    index: usize,
}

impl Twister {
    /// `init_by_array`.
    fn new(array: &[u32]) -> Twister {
        let before = |s: &[u32; N], i: usize| s[i - 1] ^ s[i - 1] >> 30;
        let mut s = [19_650_218_u32; N];
        (1..N).for_each(|i| s[i] = before(&s, i).wrapping_mul(1_812_433_253).wrapping_add(i as u32));
        // The first place is passed over, and takes the last one's value instead.
        let places = (0..).map(|turn| 1 + turn % (N - 1));
        for (turn, i) in places.clone().enumerate().take(N) {
            let j = turn % array.len();
            s[i] = (s[i] ^ before(&s, i).wrapping_mul(1_664_525)).wrapping_add(array[j]).wrapping_add(j as u32);
            s[0] = if i == N - 1 { s[i] } else { s[0] };
        }
        for i in places.skip(N).take(N - 1) {
            s[i] = (s[i] ^ before(&s, i).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            s[0] = if i == N - 1 { s[i] } else { s[0] };
        }
        s[0] = 1 << 31;
        Twister { state: s, index: 0 }
    }

    /// `genrand_int32`, with the state renewed word by word instead of all at once.
    fn next(&mut self) -> u32 {
        let (s, i) = (&mut self.state, self.index);
        let joined = s[i] & 1 << 31 | s[(i + 1) % N] & !(1 << 31);
        s[i] = s[(i + 397) % N] ^ joined >> 1 ^ ((joined & 1) * 0x9908_b0df);
        self.index = (i + 1) % N;
        let mut y = s[i];
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        y ^ y >> 18
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The authors' `mt19937ar.out`.
    #[test]
    fn published_numbers() {
        let mut numbers = Twister::new(&[0x123, 0x234, 0x345, 0x456]);
        let first: Vec<u32> = (0..5).map(|_| numbers.next()).collect();
        assert_eq!(first, [1067595299, 955945823, 477289528, 4107218783, 4228976476]);
        assert_eq!((5..1000).map(|_| numbers.next()).last(), Some(3460025646));
    }
}
