//! The compiled code of a machine, and how its vCPUs share it.
//!
//! Finding a block takes no lock. Compiling, linking and taking out are done by whoever comes to it, under one lock.
//! A vCPU that finds the compiler busy interprets instead of waiting. Code knows nothing of the vCPU that runs it.
//!
//! A block is taken out when its words have changed (`catch_up`), or when its segment is given up so that the
//! memory can be used again (`Segments`). Then nothing leads to it except jump caches, and vCPUs that are in it: the
//! former are purged by their owners at a context synchronisation event (changed words) or the next time they come
//! to the dispatcher (memory), the latter come out by themselves. `Epochs` says when all have.

use crate::blocks::Blocks;
use crate::code::{Arena, CodeBuf, CodeError, Offset};
use crate::context::Static;
use crate::emit::Emitter;
use crate::jumps::Jumps;
use crate::listing::Line;
use crate::options::Options;
use crate::pages::Without;
use crate::removed::{Log, Removed};
use crate::segments::{Room, Segments};
use crate::tables::{NONE, block, block_page, exit, hash};
use crate::thunks::Thunks;
use crate::translate::ROOM;
use cpu::Model;
use hw::{AccessSize, PhysAddr};
use mem::{Bus, HostAddr, Ram};
use std::sync::{Arc, Mutex, MutexGuard};
use sync::{Epochs, Index};

/// Blocks without spans that are remembered.
const MOST_CAREFUL: usize = 4096;

/// Of code and records, as a rule: the index has room for the blocks that the arena has room for. A small index
/// stays in the host's caches.
const BYTES_OF_BLOCK: usize = 512;

/// Compiled code, shared by vCPUs of one model.
pub struct CodeSpace {
    pub(crate) arena: Arc<Arena>,
    pub(crate) thunks: Thunks,
    pub(crate) epochs: Epochs,
    pub(crate) model: &'static Model,
    index: Arc<Index>,
    compiler: Mutex<Compiler>,
}

/// What only one vCPU at a time may use.
pub(crate) struct Compiler {
    pub(crate) emitter: Emitter,
    blocks: Blocks,
    segments: Segments,
    removed: Log,
    /// Invalidations of instructions that were acted on (`mem::CodePages::events`).
    compared: u64,
}

/// What came of compiling.
pub(crate) enum Compiled {
    /// A new block: guest bytes, bytes of code, bytes of records.
    New(Offset, [u64; 3]),
    /// Another vCPU had compiled it meanwhile.
    Known(Offset),
    /// Another vCPU is compiling, or there is no room at the moment. With `given_up` a segment was given up for it,
    /// and the other vCPUs must come by.
    Later { given_up: bool },
}

/// How far a vCPU is, with what it keeps.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    /// Invalidations that were acted on.
    pub events: u64,
    /// Its jump caches have nothing from before.
    pub epoch: u64,
    /// What was purged of `Compiler::removed`.
    pub removed: u64,
}

impl CodeSpace {
    /// An empty one for `vcpus` vCPUs. `options` have been checked.
    pub fn new(options: &Options, model: &'static Model, vcpus: usize) -> Result<CodeSpace, CodeError> {
        let size = options.code_size;
        let arena = Arc::new(Arena::new(size)?);
        let mut buf = CodeBuf::new(arena.clone(), 0, size as Offset);
        let thunks = Thunks::write(&mut buf);
        let segments = Segments::new(&arena, thunks.end.next_multiple_of(64));
        let buf = segments.buffer(&arena);
        let (index, filler) = Index::with_filler((size / BYTES_OF_BLOCK).next_power_of_two());
        let compiler = Compiler {
            emitter: Emitter::new(buf, thunks, model, options),
            blocks: Blocks::new(arena.clone(), filler),
            segments,
            removed: Log::default(),
            compared: 0,
        };
        let epochs = Epochs::new(vcpus);
        Ok(CodeSpace { arena, thunks, epochs, model, index, compiler: Mutex::new(compiler) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Compiler> {
        self.compiler.lock().expect("a panic of another vCPU ends the machine")
    }

    /// The live block at `pc`, which is at `pa`, for `context`.
    #[inline]
    pub(crate) fn find(&self, pc: u64, pa: PhysAddr, context: Static) -> Option<Offset> {
        let (arena, page) = (&*self.arena, block_page(pa.0 >> 12, context));
        self.index.find(hash(pc, page), |at| block::pc(arena, at) == pc && block::page(arena, at) == page)
    }

    /// Compiles the block at `pc`.
    pub(crate) fn compile(&self, pc: u64, pa: PhysAddr, context: Static, ram: &Ram) -> Compiled {
        let Ok(mut compiler) = self.compiler.try_lock() else { return Compiled::Later { given_up: false } };
        if let Some(at) = self.find(pc, pa, context) {
            return Compiled::Known(at);
        }
        let given_up = match compiler.make_room(self) {
            Some(given_up) => given_up,
            None => return compiler.translate(pc, pa, context, ram),
        };
        Compiled::Later { given_up }
    }

    /// A listing of the block at `pc` as it would be compiled.
    pub(crate) fn block_lines(&self, pc: u64, context: Static, words: &[u32]) -> Vec<Line> {
        self.lock().emitter.block_lines(pc, context, words)
    }

    /// Makes the exit at `from` lead to the block `to`, if nobody is at it and both are still live. True if so.
    pub(crate) fn link(&self, from: Offset, to: Offset) -> bool {
        self.compiler.try_lock().is_ok_and(|compiler| compiler.blocks.link(from, to))
    }

    /// The block at `pc`, of `page` (`Block::page`), is to be compiled without `what` from now on.
    pub(crate) fn without(&self, pc: u64, page: u64, what: Without) {
        let mut compiler = self.lock();
        let careful = &mut compiler.emitter.careful;
        if careful.len() >= MOST_CAREFUL {
            careful.clear();
        }
        careful.insert((pc, page, what));
        let arena = &*self.arena;
        if let Some(at) =
            self.index.find(hash(pc, page), |at| block::pc(arena, at) == pc && block::page(arena, at) == page)
        {
            compiler.take_out(vec![at]);
        }
    }

    /// Acts on invalidations of instructions, once for all vCPUs, and takes out of `jumps` what was taken out since
    /// `progress`, which moves. Blocks taken out. With `all`, also compares what needs no invalidation.
    #[cold]
    pub(crate) fn catch_up(&self, bus: &Bus, jumps: &mut Jumps, progress: &mut Progress, all: bool) -> u64 {
        let mut compiler = self.lock();
        let mut stale = compiler.compare_changed(bus);
        if all {
            stale += compiler.compare_untrusted(bus.ram());
        }
        let removed = compiler.removed.purge(jumps, progress.removed);
        *progress = Progress { events: compiler.compared, epoch: self.epochs.now(), removed };
        stale
    }
}

impl Compiler {
    /// `None`, with an open segment that has room; else whether a segment was given up for it just now.
    fn make_room(&mut self, space: &CodeSpace) -> Option<bool> {
        if self.segments.is_open() && self.emitter.buf.room() >= ROOM && !self.blocks.are_many() {
            return None;
        }
        match self.segments.advance(&space.arena, &space.epochs) {
            Room::Later => Some(false),
            Room::GiveUp(n) => {
                self.give_up(n, space);
                Some(true)
            }
            Room::Open(buf) => {
                self.emitter.buf = buf;
                let early = self.segments.early();
                early.map(|n| self.give_up(n, space)).map(|()| true)
            }
        }
    }

    /// Takes out the blocks of segment `n`.
    fn give_up(&mut self, n: usize, space: &CodeSpace) {
        let (place, last) = self.segments.segment(n);
        let arena = &space.arena;
        let mut at = last;
        while at != NONE {
            if block::live(arena, at) != 0 {
                self.blocks.remove(at);
            }
            at = block::before(arena, at);
        }
        self.removed.push(Removed::Code(arena.address(place.start)..arena.address(place.end)));
        self.segments.given_up(n, space.epochs.advance());
    }

    fn translate(&mut self, pc: u64, pa: PhysAddr, context: Static, ram: &Ram) -> Compiled {
        // RAM is whole pages.
        let (first, count) = match ram.host(pa) {
            Some(at) => (at, (4096 - (pa.0 as usize & 0xfff)) / 4),
            None => (HostAddr(0), 0),
        };
        let words = (0..count).map(|i| ram.load(HostAddr(first.0 + 4 * i), AccessSize::Word) as u32);
        let before = *self.segments.last();
        let made = self.emitter.translate(pc, pa.0 >> 12, context, words, before);
        *self.segments.last() = made.block;
        self.blocks.add(made.block);
        Compiled::New(made.block, [4 * made.length as u64, made.code.into(), made.records.into()])
    }

    /// Acts on invalidations that nobody acted on yet.
    fn compare_changed(&mut self, bus: &Bus) -> u64 {
        let code = bus.code();
        let events = code.events();
        if events == self.compared {
            return 0;
        }
        let mut pages = Vec::new();
        code.changed_since(self.compared, |page| pages.push(page.map(|pa| pa.0 >> 12)));
        // Not what was counted after the list was made; comparing twice does no harm.
        self.compared = events;
        let mut stale = Vec::new();
        for page in pages {
            let listed = match page {
                Some(page) => vec![page],
                None => self.blocks.pages(),
            };
            listed
                .into_iter()
                .for_each(|page| stale.extend(self.blocks.of_page(page).filter(|at| self.differs(bus.ram(), *at))));
        }
        self.take_out(stale)
    }

    /// The same where the guest need not invalidate, since its instruction cache is off.
    fn compare_untrusted(&mut self, ram: &Ram) -> u64 {
        let stale = self.blocks.untrusted().filter(|at| self.differs(ram, *at)).collect();
        self.take_out(stale)
    }

    /// Takes out blocks, each once. How many.
    fn take_out(&mut self, blocks: Vec<Offset>) -> u64 {
        let arena = self.emitter.buf.arena().clone();
        let mut count = 0;
        for at in blocks {
            if block::live(&arena, at) != 0 {
                self.blocks.remove(at);
                self.removed.push(Removed::Block(block::pc(&arena, at)));
                count += 1;
            }
        }
        count
    }

    /// Are the words of the block at `at` not those in RAM?
    fn differs(&self, ram: &Ram, at: Offset) -> bool {
        let arena = self.emitter.buf.arena();
        let pa = block::page(arena, at) & !0xfff | block::pc(arena, at) & 0xfff;
        let words = block::words(arena, at);
        (0..block::length(arena, at)).any(|n| {
            let host = ram.host(PhysAddr(pa + 4 * u64::from(n)));
            host.is_none_or(|host| ram.load(host, AccessSize::Word) as u32 != arena.get32(words + 4 * n))
        })
    }
}

/// What the dispatcher needs of an exit that was taken.
pub(crate) struct Taken {
    pub target: u64,
    /// `Block::page` of the block that was left.
    pub page: u64,
    /// It leads to a block: it was taken because attention is wanted.
    pub linked: bool,
}

impl CodeSpace {
    /// The exit at `from`.
    pub(crate) fn taken(&self, from: Offset) -> Taken {
        let arena = &*self.arena;
        Taken {
            target: exit::target(arena, from),
            page: block::page(arena, exit::block(arena, from)),
            linked: exit::to(arena, from) != NONE,
        }
    }
}
