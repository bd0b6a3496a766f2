//! A set of small numbers that every thread adds to, and that one owner searches and clears: a bitmap of bitmaps.
//!
//! A hint: a number in the set may be out of date, and the owner takes it out then. What must not happen is that a
//! number was put in and is not found. Finding the least costs one load for each layer, however many numbers there
//! may be: one layer holds 64, two 4096, three 262 144.
//!
//! Layer 0 is one word; bit n of it says that word n of the next layer may not be zero, and so on down to the numbers
//! themselves. Invariant: above each bit that is set all bits are set, or the thread that set it is still in `insert`,
//! or the owner between a clear and its second look.

use crate::prim::{AtomicU64, Ordering::*};

const BITS: u32 = 64;

/// A cache line of words.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// The set.
pub struct Hints {
    lines: Box<[Line]>,
    /// Where each layer's words begin, from the top; the last is that of the numbers.
    layers: [u32; 3],
    depth: u32,
    capacity: u32,
}

impl Hints {
    /// An empty set of numbers below `capacity`, at most 262 144.
    pub fn new(capacity: u32) -> Hints {
        assert!(capacity <= BITS.pow(3), "three layers hold no more");
        let mut sizes = vec![capacity.div_ceil(BITS).max(1)];
        while sizes[0] > 1 {
            sizes.insert(0, sizes[0].div_ceil(BITS));
        }
        let (mut layers, mut end) = ([0; 3], 0);
        for (layer, words) in sizes.iter().enumerate() {
            layers[layer] = end;
            end += words;
        }
        let lines = (0..end.div_ceil(8)).map(|_| Line::default()).collect();
        Hints { lines, layers, depth: sizes.len() as u32, capacity }
    }

    /// Numbers are below this.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    #[inline(always)]
    fn word(&self, layer: usize, n: u32) -> &AtomicU64 {
        self.at(self.layers[layer] + n)
    }

    #[inline(always)]
    fn at(&self, n: u32) -> &AtomicU64 {
        &self.lines[n as usize / 8].0[n as usize % 8]
    }

    /// Puts `n` in. True if it, or the way to it, had to be set: who clears what leads to this set must then be told
    /// again, as it may have looked in vain meanwhile.
    pub fn insert(&self, n: u32) -> bool {
        debug_assert!(n < self.capacity);
        let (mut n, mut changed) = (n, false);
        for layer in (0..self.depth as usize).rev() {
            let (word, bit) = (self.word(layer, n / BITS), 1 << (n % BITS));
            // Relaxed: a bit that is seen set was set before what the owner will see of us, or is cleared after, and
            // then the caller's own meeting with the owner shows it (`gic/state`, `announce`). Below a bit that we
            // set, always a read-modify-write: it meets the owner's clear in one modification order, in `remove`.
            if changed || word.load(Relaxed) & bit == 0 {
                word.fetch_or(bit, AcqRel);
                changed = true;
            }
            n /= BITS;
        }
        changed
    }

    /// Takes `n` out. Owner only; it then looks whether what `n` stands for came back, and puts it in again.
    #[cold]
    pub fn remove(&self, n: u32) {
        let mut n = n;
        let mut layer = self.depth as usize - 1;
        let mut left = self.word(layer, n / BITS).fetch_and(!(1 << (n % BITS)), AcqRel) & !(1 << (n % BITS));
        while left == 0 && layer > 0 {
            n /= BITS;
            layer -= 1;
            let (above, bit) = (self.word(layer, n / BITS), 1 << (n % BITS));
            left = above.fetch_and(!bit, AcqRel) & !bit;
            // An `insert` that passed `above` before our clear is seen below; one that passes after sets the bit.
            if self.word(layer + 1, n).load(Acquire) != 0 {
                above.fetch_or(bit, AcqRel);
                return;
            }
        }
    }

    /// Is `n` the only number in the set? Owner only.
    #[inline(always)]
    pub fn is_only(&self, n: u32) -> bool {
        let mut n = n;
        (0..self.depth as usize).rev().all(|layer| {
            // Acquire as in `next`.
            let only = self.word(layer, n / BITS).load(Acquire) == 1 << (n % BITS);
            n /= BITS;
            only
        })
    }

    /// Would `next(0)` find none? Owner only.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        // Acquire as in `next`.
        self.at(0).load(Acquire) == 0
    }

    /// The least number in the set that is `from` or above. Owner only, as others may see less than there is.
    #[inline(always)]
    pub fn next(&self, from: u32) -> Option<u32> {
        match self.depth {
            1 => self.within(0, 0, from),
            2 => {
                let mut word = self.word(0, 0).load(Acquire) & from_bit(from / BITS);
                while word != 0 {
                    let found = self.within(1, word.trailing_zeros(), from);
                    if found.is_some() {
                        return found;
                    }
                    word &= word - 1;
                }
                None
            }
            _ if from == 0 => self.first().or_else(|| self.below(0, 0, 0)),
            _ => self.below(0, 0, from),
        }
    }

    /// The least number in a set of three layers, unless a word on the way to it is empty.
    #[inline(always)]
    fn first(&self) -> Option<u32> {
        let mut n = 0;
        for layer in 0..3 {
            // Acquire as in `within`.
            let word = self.word(layer, n).load(Acquire);
            if word == 0 {
                return None;
            }
            n = n * BITS + word.trailing_zeros();
        }
        Some(n)
    }

    /// In word `n` of the last layer.
    #[inline(always)]
    fn within(&self, layer: usize, n: u32, from: u32) -> Option<u32> {
        // Acquire: seeing the number is seeing what was written before it was put in.
        let word = self.word(layer, n).load(Acquire) & from_bit(from.saturating_sub(n * BITS));
        (word != 0).then(|| n * BITS + word.trailing_zeros())
    }

    /// In what is below word `n` of a layer above the last.
    fn below(&self, layer: usize, n: u32, from: u32) -> Option<u32> {
        let last = self.depth as usize - 1;
        // Numbers that one bit of this word stands for.
        let span = BITS.pow((last - layer) as u32);
        let mut word = self.word(layer, n).load(Acquire) & from_bit((from / span).saturating_sub(n * BITS));
        while word != 0 {
            let child = n * BITS + word.trailing_zeros();
            let found =
                if layer + 1 == last { self.within(last, child, from) } else { self.below(layer + 1, child, from) };
            if found.is_some() {
                return found;
            }
            word &= word - 1;
        }
        None
    }

    /// Empties the set, while nobody else uses it.
    pub fn clear(&self) {
        // Relaxed: whoever lets the others go on orders this before.
        self.lines.iter().flat_map(|line| &line.0).for_each(|word| word.store(0, Relaxed));
    }
}

/// All bits from `n` up; none if there is no such bit.
#[inline(always)]
fn from_bit(n: u32) -> u64 {
    u64::MAX.checked_shl(n).unwrap_or(0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Against a `BTreeSet`, in each number of layers.
    #[test]
    fn is_a_set() {
        for capacity in [1, 33, 64, 65, 2112, 4096, 4097, 57_344, 262_144] {
            let (hints, mut set, mut seed) = (Hints::new(capacity), BTreeSet::new(), 1u64);
            for step in 0..if cfg!(miri) { 100 } else { 4000 } {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let n = (seed >> 33) as u32 % capacity;
                if seed >> 32 & 1 == 0 || step < 50 {
                    assert_eq!(hints.insert(n), set.insert(n));
                } else {
                    let n = hints.next(n).unwrap_or(n);
                    hints.remove(n);
                    set.remove(&n);
                }
                assert_eq!(hints.next(0), set.first().copied());
                assert_eq!(hints.is_empty(), set.is_empty());
                assert_eq!(hints.is_only(n), set.len() == 1 && set.contains(&n));
                assert_eq!(hints.next(n), set.range(n..).next().copied(), "{capacity} from {n}");
            }
            let all: Vec<_> =
                std::iter::successors(hints.next(0), |n| hints.next(n + 1)).take_while(|n| *n < capacity).collect();
            assert_eq!(all, set.into_iter().collect::<Vec<_>>());
            hints.clear();
            assert_eq!(hints.next(0), None);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{sync::Arc, sync::atomic::AtomicBool, thread};

    /// The owner clears a hint that is out of date and looks once more, while another thread makes it true and puts
    /// it in. Afterwards a true one is found.
    #[test]
    fn what_is_put_in_is_found() {
        for capacity in [64, 128, 4160] {
            loom::model(move || {
                let hints = Arc::new(Hints::new(capacity));
                let (a, b) = (capacity - 1, capacity - 2);
                let truth = Arc::new(AtomicBool::new(false));
                hints.insert(a);
                let other = {
                    let (hints, truth) = (hints.clone(), truth.clone());
                    thread::spawn(move || {
                        truth.store(true, Release);
                        hints.insert(b);
                    })
                };
                hints.remove(a);
                let seen = hints.next(0);
                assert!(seen.is_none_or(|n| n == b));
                // Seeing the number is seeing what it stands for.
                assert!(seen.is_none() || truth.load(Acquire));
                other.join().unwrap();
                assert_eq!(hints.next(0), Some(b));
            });
        }
    }

    /// Two threads put the same number in, and the second to come helps the first: when its `insert` is over the
    /// number is found, wherever the other is.
    #[test]
    fn who_comes_second_need_not_wait_for_the_first() {
        loom::model(|| {
            let hints = Arc::new(Hints::new(128));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let hints = hints.clone();
                    thread::spawn(move || {
                        hints.insert(100);
                        assert_eq!(hints.next(0), Some(100));
                    })
                })
                .collect();
            others.into_iter().for_each(|other| other.join().unwrap());
        });
    }
}
