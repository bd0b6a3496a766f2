//! The LPIs of one redistributor: a word each, and per level the hints that lead to the ready ones.
//!
//! Every transition is one compare-and-swap of the LPI's word, so its history is the word's modification order.
//! Nothing here waits, and nothing is allocated once LPIs are on except when a configuration is *read*, which the
//! ITS, `INVLPIR` and the like do, never who sends or acknowledges (`LpiCache::None` allocates all at the start).

use super::word::{Config, LpiWord};
use crate::ids::LPI_INTID;
use crate::prim::{AtomicU32, Ordering::*};
use crate::word::LEVELS;
use std::sync::OnceLock;
use sync::Hints;

/// LPIs at most: 16 bits of INTID, less those that are no LPIs. Models under loom and shuttle, and Miri, have a few.
pub(crate) const MAX_LPIS: u32 = match cfg!(any(loom, shuttle)) {
    true => 4,
    false if cfg!(miri) => 32,
    false => (1 << 16) - LPI_INTID,
};

/// How many stale hints of a level one search tolerates.
const STALE_HINTS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 8 };

/// A word before and after what happened to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub from: LpiWord,
    pub to: LpiWord,
}

/// An LPI as the owner of the PE found it ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// INTID less 8192.
    pub n: u32,
    pub word: LpiWord,
}

/// The words and hints of one redistributor.
pub(crate) struct Store {
    words: Box<[AtomicU32]>,
    /// By level; made when the first configuration with that priority is read.
    hints: Box<[OnceLock<Hints>]>,
}

impl Store {
    /// All off. `capacity` is this GIC's number of LPIs, which no guest decides.
    pub fn new(capacity: u32, all_levels: bool) -> Store {
        let store = Store {
            words: (0..capacity).map(|_| AtomicU32::new(0)).collect(),
            hints: (0..LEVELS).map(|_| OnceLock::new()).collect(),
        };
        if all_levels {
            (0..LEVELS).for_each(|level| store.use_level(level));
        }
        store
    }

    pub fn capacity(&self) -> u32 {
        self.words.len() as u32
    }

    /// The word of LPI `n`; off if there is no such.
    #[inline(always)]
    pub fn word(&self, n: u32) -> LpiWord {
        // Acquire pairs with the swaps: the word brings along what was written before the message.
        self.words.get(n as usize).map_or(LpiWord(0), |word| LpiWord(word.load(Acquire)))
    }

    /// Changes one word by `f`, which is pure and may run again. Always a swap, even of like for like: who takes a
    /// pending state from here, and who sent it, meet in the word's modification order, and one of them sees the
    /// other's doing.
    #[inline(always)]
    fn update(&self, n: u32, f: impl Fn(LpiWord) -> LpiWord) -> Moved {
        let Some(word) = self.words.get(n as usize) else { return Moved { from: LpiWord(0), to: LpiWord(0) } };
        // Acquire: a transition that builds on another thread's announces for it too, so must see as much; and what
        // `f` reads from memory is not older than the word it goes into, as `reload` needs.
        let mut old = LpiWord(word.load(Acquire));
        loop {
            let new = f(old);
            // Release: what the caller wrote before is seen by who sees the word.
            match word.compare_exchange_weak(old.0, new.0, AcqRel, Acquire) {
                Ok(_) => return Moved { from: old, to: new },
                Err(now) => old = LpiWord(now),
            }
        }
    }

    /// A message has come.
    #[inline(always)]
    pub fn pend(&self, n: u32) -> Moved {
        self.update(n, LpiWord::pend)
    }

    /// As `pend`, with a configuration read in the same step.
    pub fn pend_reading(&self, n: u32, read: impl Fn() -> Config) -> Moved {
        self.update(n, |word| if word.on() { word.configured(read()).pend() } else { word })
    }

    /// Takes the pending state away; `from` says whether there was one.
    pub fn take(&self, n: u32) -> Moved {
        self.update(n, |word| word.with_latch(false))
    }

    /// The configuration is read again. A reader that is slower, and may have read what stood there before, fails its
    /// swap and reads once more; so what is in the word when this returns was in memory when this was called, or later.
    pub fn reload(&self, n: u32, read: impl Fn() -> Config) -> Moved {
        self.update(n, |word| {
            if !word.on() {
                return word;
            }
            let config = read();
            self.use_level(config.level());
            word.configured(config)
        })
    }

    /// EnableLPIs becomes 1 for this one.
    pub fn start(&self, n: u32, config: Config, latch: bool) -> Moved {
        self.use_level(config.level());
        self.update(n, |word| word.started(config, latch))
    }

    /// EnableLPIs becomes 0. A message that is late finds the word off.
    pub fn stop(&self, n: u32) -> Moved {
        self.update(n, LpiWord::off)
    }

    /// Is anything latched here? For whoever visits all.
    pub fn latched(&self) -> impl Iterator<Item = u32> {
        (0..self.capacity()).filter(|n| self.word(*n).latch())
    }

    fn use_level(&self, level: u32) {
        self.hints[level as usize].get_or_init(|| Hints::new(self.capacity()));
    }

    /// What leads to the ready ones of a level. There is a set for each level that a word was configured with.
    #[inline(always)]
    pub fn hints(&self, level: u32) -> Option<&Hints> {
        self.hints[level as usize].get()
    }

    // The owner's side.

    /// The first that is ready at this level. Stale hints cost a few loads each; beyond a few they are forgotten.
    /// `meet` is called between a clear and the look after it: it meets the announcers in one modification order.
    /// One that is ready at another level, by a configuration whose reader may not have announced it there yet, is led
    /// there: `lead`, by LPI and level. So something leads to it always.
    #[inline]
    pub fn first(&self, level: u32, meet: impl Fn(), lead: impl Fn(u32, u32)) -> Option<Found> {
        let hints = self.hints(level)?;
        let (mut from, mut stale) = (0, 0);
        while let Some(n) = hints.next(from) {
            let word = self.word(n);
            let ready = word.ready_at();
            if ready == Some(level) {
                return Some(Found { n, word });
            }
            stale += 1;
            if ready.is_some() || stale > STALE_HINTS {
                self.forget(n, hints, &meet, &lead);
            }
            from = n + 1;
        }
        None
    }

    #[cold]
    fn forget(&self, n: u32, hints: &Hints, meet: &impl Fn(), lead: &impl Fn(u32, u32)) {
        hints.remove(n);
        // An announcement is ordered before this, and its word is visible to the look below, or after, and sees the
        // hint gone.
        meet();
        if let Some(level) = self.word(n).ready_at() {
            lead(n, level);
        }
    }

    /// The PE takes it, unless the word has changed since it was found.
    #[inline(always)]
    pub fn acknowledge(&self, Found { n, word }: Found) -> bool {
        let Some(cell) = self.words.get(n as usize) else { return false };
        // Acquire: what was written before the message was sent is visible to the PE that takes it.
        cell.compare_exchange(word.0, word.with_latch(false).0, AcqRel, Relaxed).is_ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const ENABLED: u8 = 1;

    fn config(byte: u8) -> Config {
        Config::of(byte, false)
    }

    fn store(bytes: &[u8]) -> Store {
        let store = Store::new(200, false);
        bytes.iter().enumerate().for_each(|(n, byte)| _ = store.start(n as u32, config(*byte), false));
        store
    }

    fn announce(store: &Store, n: u32) {
        if let Some(level) = store.pend(n).to.ready_at() {
            store.hints(level).unwrap().insert(n);
        }
    }

    #[test]
    fn the_lowest_of_a_level_is_first() {
        let store = store(&[0xa1, 0x81, 0xa1, 0x80, 0xa1]);
        [4, 2, 3, 1].iter().for_each(|n| announce(&store, *n));
        let level = |byte| config(byte).level();
        let first = |byte| store.first(level(byte), || (), |_, _| ()).map(|found| found.n);
        assert_eq!((first(0xa1), first(0x81), first(0x91)), (Some(2), Some(1), None));
        assert!(store.acknowledge(store.first(level(0xa1), || (), |_, _| ()).unwrap()));
        assert_eq!(first(0xa1), Some(4));
        assert!(store.word(3).latch(), "pending and not enabled");
    }

    #[test]
    fn what_was_found_and_has_changed_is_not_taken() {
        let store = store(&[ENABLED]);
        announce(&store, 0);
        let found = store.first(1, || (), |_, _| ()).unwrap();
        store.take(0);
        assert!(!store.acknowledge(found));
        announce(&store, 0);
        let found = store.first(1, || (), |_, _| ()).unwrap();
        store.reload(0, || config(ENABLED));
        assert!(!store.acknowledge(found), "the configuration was read again");
    }

    #[test]
    fn stale_hints_are_forgotten() {
        let store = store(&[ENABLED; 100]);
        (0..100).for_each(|n| announce(&store, n));
        (0..99).for_each(|n| _ = store.take(n));
        assert_eq!(store.first(1, || (), |_, _| ()).map(|found| found.n), Some(99));
        let left = std::iter::successors(store.hints(1).unwrap().next(0), |n| store.hints(1).unwrap().next(n + 1));
        assert_eq!(left.count(), STALE_HINTS as usize + 1);
    }

    #[test]
    fn outside_there_is_nothing() {
        let store = store(&[ENABLED]);
        assert!(!store.pend(1).to.latch(), "not started");
        assert!(!store.pend(200).to.latch() && !store.take(u32::MAX).from.latch());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::prim::AtomicU32;
    use loom::thread;
    use std::sync::Arc;

    type Reload = fn(&Store, &AtomicU32);

    fn read(table: &AtomicU32) -> Config {
        Config::of(table.load(Relaxed) as u8, false)
    }

    /// A slow reader of the configuration, who may have read that the LPI was disabled, while software enables it and
    /// says so. When that is done it stays enabled.
    fn check(reload: Reload) {
        loom::model(move || {
            let shared = Arc::new((Store::new(1, true), AtomicU32::new(0x80)));
            shared.0.start(0, Config::of(0x81, false), false);
            let other = shared.clone();
            let slow = thread::spawn(move || reload(&other.0, &other.1));
            shared.1.store(0x81, Relaxed);
            reload(&shared.0, &shared.1);
            slow.join().unwrap();
            assert!(shared.0.word(0).enabled(), "stale");
        });
    }

    #[test]
    fn a_slow_reader_does_not_bring_back_what_was() {
        check(|store, table| _ = store.reload(0, || read(table)));
    }

    /// Loom must see what is wrong with this: the word is the same before and after, so the slow reader's swap succeeds.
    #[test]
    #[should_panic(expected = "stale")]
    fn a_reading_that_does_not_change_the_word() {
        check(|store, table| {
            store.update(0, |word| {
                let config = read(table);
                if word.has(config) { word } else { word.configured(config) }
            });
        });
    }
}
