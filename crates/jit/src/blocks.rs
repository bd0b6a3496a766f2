//! The blocks there are: by page of guest code, and by what leads to them.
//!
//! All of it is lists through the records in the arena (`tables.rs`). A block is live from `add` to `remove`: only
//! then can it be found, and only then do jumps of other blocks lead to it.

use crate::code::{Arena, Offset};
use crate::tables::{Exit, NONE, block, exit};
use hashbrown::HashMap;
use std::sync::Arc;
use sync::Filler;

/// Lists of blocks.
pub(crate) struct Blocks {
    arena: Arc<Arena>,
    filler: Filler,
    /// The first block of each physical page.
    pages: HashMap<u64, Offset>,
    /// Blocks for contexts in which the guest need not invalidate.
    untrusted: Vec<Offset>,
}

impl Blocks {
    /// None, found by what `filler` fills.
    pub fn new(arena: Arc<Arena>, filler: Filler) -> Blocks {
        Blocks { arena, filler, pages: HashMap::new(), untrusted: Vec::new() }
    }

    /// As many as can be found quickly?
    pub fn are_many(&self) -> bool {
        self.filler.is_full()
    }

    /// `at` is live.
    pub fn add(&mut self, at: Offset) {
        let arena = &*self.arena;
        let page = block::page(arena, at);
        if let Some(next) = self.pages.insert(page >> 12, at) {
            block::set_next(arena, at, next);
            block::set_previous(arena, next, at);
        }
        if !block::context(arena, at).trusted() {
            self.untrusted.push(at);
        }
        block::set_live(arena, at, 1);
        // From here on other vCPUs find it: everything about it has been written.
        self.filler.insert(block::hash(arena, at), at);
    }

    /// The live blocks of physical page number `page`.
    pub fn of_page(&self, page: u64) -> impl Iterator<Item = Offset> {
        let first = self.pages.get(&page).copied().filter(|at| *at != NONE);
        std::iter::successors(first, |at| Some(block::next(&self.arena, *at)).filter(|at| *at != NONE))
    }

    /// Live blocks for contexts in which the guest need not invalidate.
    pub fn untrusted(&self) -> impl Iterator<Item = Offset> {
        self.untrusted.iter().copied()
    }

    /// Every page that has live blocks.
    pub fn pages(&self) -> Vec<u64> {
        self.pages.keys().copied().collect()
    }

    /// Makes the exit at `from` lead to the block `to`, as long as both are live. True if it did not before.
    pub fn link(&self, from: Offset, to: Offset) -> bool {
        let arena = &*self.arena;
        let live = |at| block::live(arena, at) != 0;
        if !live(exit::block(arena, from)) || !live(to) || exit::to(arena, from) != NONE {
            return false;
        }
        let next = block::incoming(arena, to);
        exit::set_to(arena, from, to);
        exit::set_next(arena, from, next);
        exit::set_previous(arena, from, NONE);
        if next != NONE {
            exit::set_previous(arena, next, from);
        }
        block::set_incoming(arena, to, from);
        arena.retarget(exit::field(arena, from), block::entry(arena, to));
        true
    }

    /// Makes the exit at `from` lead to the dispatcher.
    fn unlink(&self, from: Offset) {
        let arena = &*self.arena;
        let to = exit::to(arena, from);
        if to == NONE {
            return;
        }
        arena.retarget(exit::field(arena, from), exit::stub(arena, from));
        let (next, previous) = (exit::next(arena, from), exit::previous(arena, from));
        match previous {
            NONE => block::set_incoming(arena, to, next),
            previous => exit::set_next(arena, previous, next),
        }
        if next != NONE {
            exit::set_previous(arena, next, previous);
        }
        exit::set_to(arena, from, NONE);
    }

    /// Takes out a live block: it is not found any more, and nothing leads to it or from it.
    pub fn remove(&mut self, at: Offset) {
        let arena = self.arena.clone();
        block::set_live(&arena, at, 0);
        let page = block::page(&arena, at);
        self.filler.remove(block::hash(&arena, at), at);
        if !block::context(&arena, at).trusted() {
            self.untrusted.retain(|other| *other != at);
        }
        let (next, previous) = (block::next(&arena, at), block::previous(&arena, at));
        match previous {
            NONE if next == NONE => _ = self.pages.remove(&(page >> 12)),
            NONE => _ = self.pages.insert(page >> 12, next),
            previous => block::set_next(&arena, previous, next),
        }
        if next != NONE {
            block::set_previous(&arena, next, previous);
        }
        while let from @ 1.. = block::incoming(&arena, at) {
            self.unlink(from);
        }
        let exits = block::exits(&arena, at);
        for n in 0..block::exit_count(&arena, at) {
            self.unlink(exits + n * size_of::<Exit>() as Offset);
        }
    }
}
