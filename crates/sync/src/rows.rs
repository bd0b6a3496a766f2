//! Rows of small numbers: sets that every thread adds to, and that one owner searches and clears. Two layers of bits in
//! one piece of memory, so that a row is found by arithmetic.
//!
//! A number is in the set from `insert` until the owner's `remove`. A set bit may be out of date; what must not happen
//! is that a number was put in, not removed since, and is not found.
//!
//! The first word of a row is its summary: bit n says that word n of the numbers may not be zero. It is set when it is
//! missing, and the owner takes it back only when a search has come by many empty words, so that the way to what comes
//! and goes stays.

use crate::prim::{AtomicU64, Ordering::*};

const BITS: u32 = 64;

/// How many empty words a search passes by before it takes their bits out of the summary.
const EMPTY_WORDS: u32 = if cfg!(loom) {
    0
} else if cfg!(shuttle) {
    1
} else {
    4
};

/// Words that no row uses, at both ends: nobody else's are in the same cache lines.
const PADDING: usize = 16;

/// The rows.
pub struct Rows {
    words: Box<[AtomicU64]>,
    /// Words of each row.
    stride: usize,
}

/// One of them.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    words: &'a [AtomicU64],
    /// Where its summary is.
    at: usize,
}

impl Rows {
    /// Empty rows of numbers below `capacity`, at most 4096.
    pub fn new(rows: usize, capacity: u32) -> Rows {
        assert!(capacity <= BITS * BITS, "a summary is one word");
        let stride = 1 + capacity.div_ceil(BITS) as usize;
        Rows { words: (0..rows * stride + 2 * PADDING).map(|_| AtomicU64::new(0)).collect(), stride }
    }

    /// Row `n`.
    #[inline(always)]
    pub fn row(&self, n: usize) -> Row<'_> {
        Row { words: &self.words, at: PADDING + n * self.stride }
    }

    /// Empties all, while nobody else uses them.
    pub fn clear(&self) {
        // Relaxed: whoever lets the others go on orders this before.
        self.words.iter().for_each(|word| word.store(0, Relaxed));
    }
}

impl<'a> Row<'a> {
    #[inline(always)]
    fn summary(self) -> &'a AtomicU64 {
        &self.words[self.at]
    }

    /// The word of the numbers from `64 * n`.
    #[inline(always)]
    fn numbers(self, n: u32) -> &'a AtomicU64 {
        &self.words[self.at + 1 + n as usize]
    }

    /// Puts `n` in. Always a read-modify-write of its word: it meets the owner's `remove` there, so either the owner
    /// sees what the caller wrote before, or the number stays.
    #[inline(always)]
    pub fn insert(self, n: u32) {
        // Sequentially consistent, as in `tidy`: the load below comes before that clear, and then our number before
        // the look that follows it, or after, and sees the summary without us.
        self.numbers(n / BITS).fetch_or(1 << (n % BITS), SeqCst);
        fence_of_loom();
        if self.summary().load(SeqCst) >> (n / BITS) & 1 == 0 {
            self.lead(n / BITS);
        }
    }

    #[cold]
    fn lead(self, word: u32) {
        // Release: seeing the bit is seeing the number.
        self.summary().fetch_or(1 << word, AcqRel);
    }

    /// Takes `n` out. Owner only; it then looks whether what `n` stands for came back, and puts it in again.
    #[inline(always)]
    pub fn remove(self, n: u32) {
        // Acquire: an `insert` that came before shows what was written before it.
        self.numbers(n / BITS).fetch_and(!(1 << (n % BITS)), AcqRel);
    }

    /// Is there no number? Owner only.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        // Acquire as in `next`.
        let mut words = self.summary().load(Acquire);
        while words != 0 {
            if self.numbers(words.trailing_zeros()).load(Acquire) != 0 {
                return false;
            }
            words &= words - 1;
        }
        true
    }

    /// The least number in the set that is `from` or above. Owner only, as others may see less than there is.
    #[inline(always)]
    pub fn next(self, from: u32) -> Option<u32> {
        // Acquire: seeing the number is seeing what was written before it was put in.
        let mut words = self.summary().load(Acquire) & u64::MAX.checked_shl(from / BITS).unwrap_or(0);
        let mut empty = 0;
        while words != 0 {
            let n = words.trailing_zeros();
            let passed = if n == from / BITS { u64::MAX << (from % BITS) } else { u64::MAX };
            let all = self.numbers(n).load(Acquire);
            if all & passed != 0 {
                return Some(n * BITS + (all & passed).trailing_zeros());
            }
            empty += u32::from(all == 0);
            if all == 0 && empty > EMPTY_WORDS {
                self.tidy(n);
            }
            words &= words - 1;
        }
        None
    }

    /// Takes an empty word out of the summary.
    #[cold]
    fn tidy(self, n: u32) {
        self.summary().fetch_and(!(1 << n), SeqCst);
        fence_of_loom();
        if self.numbers(n).load(SeqCst) != 0 {
            self.lead(n);
        }
    }
}

/// Loom takes sequentially consistent accesses for acquire and release ones. Of one that writes and a later one that
/// reads, a fence between them is what it understands.
#[inline(always)]
fn fence_of_loom() {
    #[cfg(loom)]
    crate::prim::fence(SeqCst);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Against `BTreeSet`s, three rows at once.
    #[test]
    fn are_sets() {
        for capacity in [1, 33, 64, 65, 448, 449, 2112, 4096] {
            let (rows, mut sets, mut seed) = (Rows::new(3, capacity), [const { BTreeSet::new() }; 3], 1u64);
            for step in 0..if cfg!(miri) { 100 } else { 4000 } {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let (n, which) = ((seed >> 33) as u32 % capacity, (seed >> 20) as usize % 3);
                let (row, set) = (rows.row(which), &mut sets[which]);
                if seed >> 32 & 1 == 0 || step < 50 {
                    row.insert(n);
                    set.insert(n);
                } else {
                    let n = row.next(n).unwrap_or(n);
                    row.remove(n);
                    set.remove(&n);
                }
                assert_eq!(row.is_empty(), set.is_empty());
                assert_eq!(row.next(0), set.first().copied());
                assert_eq!(row.next(n), set.range(n..).next().copied(), "{capacity} from {n}");
            }
            rows.clear();
            assert!((0..3).all(|n| rows.row(n).is_empty()));
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{sync::Arc, sync::atomic::AtomicBool, thread};

    /// The owner removes a number and looks once more, while another thread makes another true and puts it in; the
    /// owner's search tidies the summary. Afterwards the true one is found.
    #[test]
    fn what_is_put_in_is_found() {
        for (a, b) in [(127, 126), (1, 127), (127, 1)] {
            loom::model(move || {
                let rows = Arc::new(Rows::new(1, 128));
                let truth = Arc::new(AtomicBool::new(false));
                rows.row(0).insert(a);
                let other = {
                    let (rows, truth) = (rows.clone(), truth.clone());
                    thread::spawn(move || {
                        truth.store(true, Release);
                        rows.row(0).insert(b);
                    })
                };
                rows.row(0).remove(a);
                let seen = rows.row(0).next(0);
                assert!(seen.is_none_or(|n| n == b));
                // Seeing the number is seeing what it stands for.
                assert!(seen.is_none() || truth.load(Acquire));
                other.join().unwrap();
                assert_eq!(rows.row(0).next(0), Some(b));
            });
        }
    }

    /// A number is removed while it becomes true again: the owner sees that, or it is in.
    #[test]
    fn what_comes_back_is_seen_or_stays() {
        loom::model(|| {
            let rows = Arc::new(Rows::new(1, 64));
            let truth = Arc::new(AtomicBool::new(false));
            rows.row(0).insert(5);
            let other = {
                let (rows, truth) = (rows.clone(), truth.clone());
                thread::spawn(move || {
                    truth.store(true, Relaxed);
                    rows.row(0).insert(5);
                })
            };
            rows.row(0).remove(5);
            let seen = truth.load(Relaxed);
            other.join().unwrap();
            assert!(seen || rows.row(0).next(0) == Some(5));
        });
    }

    /// Two threads put the same number in, and the second to come helps the first: when its `insert` is over the
    /// number is found, wherever the other is.
    #[test]
    fn who_comes_second_need_not_wait_for_the_first() {
        loom::model(|| {
            let rows = Arc::new(Rows::new(1, 128));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let rows = rows.clone();
                    thread::spawn(move || {
                        rows.row(0).insert(100);
                        assert_eq!(rows.row(0).next(0), Some(100));
                    })
                })
                .collect();
            others.into_iter().for_each(|other| other.join().unwrap());
        });
    }
}
