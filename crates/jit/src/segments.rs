//! The arena in segments, used one after the other and given up in the same order.
//!
//! One segment is open: its compiler fills it. When it is full the next one is opened, which must have been given up,
//! and left by every vCPU, before. Nobody waits for that: until it is so, nothing is compiled.

use crate::code::{AT_ONCE, Arena, CodeBuf, Offset};
use crate::tables::NONE;
use crate::translate::ROOM;
use std::ops::Range;
use std::sync::Arc;
use sync::Epochs;

/// How many segments a large arena has, and what a segment has at least: most of it can be filled.
const MANY: usize = 64;
const LEAST: usize = 2 * ROOM;

/// What a segment is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Unused,
    /// Blocks in it may be live.
    Used,
    /// They are not, since this epoch.
    GivenUp(u64),
}

struct Segment {
    place: Range<Offset>,
    state: State,
    /// The last block compiled into it: `Block::before` leads to the others.
    last: Offset,
}

/// All segments.
pub(crate) struct Segments {
    all: Vec<Segment>,
    open: usize,
    /// The host gave huge pages up to here.
    asked: Offset,
}

/// What is to be done before a block can be compiled.
pub(crate) enum Room {
    /// Nothing: this is where it goes.
    Open(CodeBuf),
    /// Give up this segment, and say so (`given_up`).
    GiveUp(usize),
    /// Let the vCPUs come by.
    Later,
}

impl Segments {
    /// The part of `arena` from `start` on.
    pub fn new(arena: &Arc<Arena>, start: Offset) -> Segments {
        let size = arena.size();
        let length = (size / MANY).max(LEAST);
        let count = ((size - start as usize) / length).max(1);
        let ends = (1..=count).map(|n| if n == count { size } else { n * length } as Offset);
        let mut from = start;
        let segment = |to: Offset| {
            let place = std::mem::replace(&mut from, to)..to;
            Segment { place, state: State::Unused, last: NONE }
        };
        let mut all: Vec<Segment> = ends.map(segment).collect();
        all[0].state = State::Used;
        let mut segments = Segments { all, open: 0, asked: 0 };
        segments.ask(arena);
        segments
    }

    /// Has the host give memory for the open segment, and, if that does not take longer, for some after it.
    fn ask(&mut self, arena: &Arena) {
        let place = self.all[self.open].place.clone();
        while self.asked < place.end && arena.populate_huge(self.asked) {
            self.asked += AT_ONCE as Offset;
        }
        if self.asked < place.end {
            arena.populate(self.asked.max(place.start)..place.end);
        }
    }

    /// May the open segment be filled further? It is given up before it is opened again.
    pub fn is_open(&self) -> bool {
        self.all[self.open].state == State::Used
    }

    /// The open segment, empty.
    pub fn buffer(&self, arena: &Arc<Arena>) -> CodeBuf {
        let place = &self.all[self.open].place;
        CodeBuf::new(arena.clone(), place.start, place.end)
    }

    /// The block compiled last into the open segment; `NONE` for none.
    pub fn last(&mut self) -> &mut Offset {
        let open = self.open;
        &mut self.all[open].last
    }

    /// Where segment `n` is, and the last block in it.
    pub fn segment(&self, n: usize) -> (Range<Offset>, Offset) {
        (self.all[n].place.clone(), self.all[n].last)
    }

    /// Opens the next segment, or says what must come first.
    pub fn advance(&mut self, arena: &Arc<Arena>, epochs: &Epochs) -> Room {
        let next = (self.open + 1) % self.all.len();
        match self.all[next].state {
            State::Used => return Room::GiveUp(next),
            State::GivenUp(since) if !epochs.all_since(since) => return Room::Later,
            State::GivenUp(_) => arena.synchronise_fetches(),
            State::Unused => {}
        }
        self.open = next;
        self.ask(arena);
        self.all[next].state = State::Used;
        self.all[next].last = NONE;
        Room::Open(self.buffer(arena))
    }

    /// The segment to give up early, so that the vCPUs have left it when it is wanted: the one after the open one,
    /// if there are enough to do without one.
    pub fn early(&self) -> Option<usize> {
        let next = (self.open + 1) % self.all.len();
        (self.all.len() > 2 && self.all[next].state == State::Used).then_some(next)
    }

    /// No block of segment `n` is live since epoch `since`.
    pub fn given_up(&mut self, n: usize, since: u64) {
        self.all[n].state = State::GivenUp(since);
    }
}
