//! What is found is what was put in, under loom (`RUSTFLAGS="--cfg loom"`) and without it.

use super::{EMPTY, Filler, Index};
use crate::prim::{Arc, AtomicU32, Ordering::*};
#[cfg(loom)]
use loom::{model, thread};
#[cfg(not(loom))]
use std::thread;

/// Without loom a model is run many times and the scheduler decides what it sees.
#[cfg(not(loom))]
fn model(f: impl Fn() + Sync + Send + 'static) {
    (0..if cfg!(miri) { 20 } else { 1000 }).for_each(|_| f());
}

type Insert = fn(&mut Filler, u64, u32);
type Remove = fn(&mut Filler, u64, u32);

/// What a value stands for is written before it is put in, and read by who finds it.
fn check_publication(insert: Insert) {
    model(move || {
        let (index, mut filler) = Index::with_filler(2);
        let record = Arc::new(AtomicU32::new(0));
        let written = record.clone();
        let writer = thread::spawn(move || {
            written.store(7, Relaxed);
            insert(&mut filler, 1, 3);
        });
        if let Some(value) = index.find(1, |_| true) {
            assert_eq!((value, record.load(Relaxed)), (3, 7), "found before it is there");
        }
        writer.join().unwrap();
        assert_eq!(index.find(1, |v| v == 3), Some(3));
    });
}

/// Of two values with one hash, the second is found while the first is taken out, and so is what comes instead.
fn check_removal(remove: Remove) {
    model(move || {
        let (index, mut filler) = Index::with_filler(4);
        [3, 4].into_iter().for_each(|value| filler.insert(2, value));
        let writer = thread::spawn(move || {
            remove(&mut filler, 2, 3);
            filler.insert(2, 5);
        });
        assert_eq!(index.find(2, |v| v == 4), Some(4), "hidden");
        writer.join().unwrap();
        assert_eq!([3, 4, 5].map(|value| index.find(2, |v| v == value)), [None, Some(4), Some(5)]);
    });
}

#[test]
fn what_is_found_is_there() {
    check_publication(Filler::insert);
}

#[test]
fn removal_hides_nothing_else() {
    check_removal(Filler::remove);
}

/// Loom must see what is wrong with these.
#[cfg(loom)]
mod mutants {
    use super::*;

    #[test]
    #[should_panic(expected = "found before it is there")]
    fn publishing_without_release() {
        check_publication(|filler, hash, value| filler.index.slot(hash, 0).store(value, Relaxed));
    }

    #[test]
    #[should_panic(expected = "hidden")]
    fn emptying_at_once() {
        check_removal(|filler, hash, _| filler.index.slot(hash, 0).store(EMPTY, Relaxed));
    }
}

/// Against a list, with few hashes, so that values share them and wrap around.
#[cfg(not(loom))]
#[test]
fn it_holds_what_a_list_holds() {
    let (index, mut filler) = Index::with_filler(16);
    let mut list: Vec<(u64, u32)> = vec![];
    let mut random = 1u64;
    for value in 1..if cfg!(miri) { 60 } else { 20_000u32 } {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let hash = random >> 33;
        if filler.is_full() || hash.is_multiple_of(3) && !list.is_empty() {
            let (hash, value) = list.swap_remove(hash as usize % list.len());
            filler.remove(hash, value);
            assert_eq!(index.find(hash, |v| v == value), None);
        } else {
            let hash = 12 + hash % 6;
            filler.insert(hash, value);
            list.push((hash, value));
        }
        list.iter().for_each(|(hash, value)| assert_eq!(index.find(*hash, |v| v == *value), Some(*value)));
    }
    list.drain(..).for_each(|(hash, value)| filler.remove(hash, value));
    let clean = |slot: &AtomicU32| matches!(slot.load(Relaxed), EMPTY | super::REMOVED);
    assert!(index.slots.iter().all(clean));
    assert_eq!(filler.values, 0);
}
