//! One block: from guest words to host code, in one pass.
//!
//! A block is a run of consecutive instructions in one page. It is entered at its first only, may be left by any
//! branch in it, and goes on where a conditional branch is not taken.

use crate::code::Offset;
use crate::context::Static;
use crate::emit::{Emitter, Flags};
use crate::pages::Without;
use crate::regs::{VFile, XFile};
use crate::rows;
use crate::tables::{Block, block_page};
use crate::tally::Event;
use crate::verify::once_only;
use a64::ROW_COUNT;
use semantics::Handler;

/// Host bytes after which a block ends; what is out of line is not more again.
const ENOUGH: u32 = 24 << 10;
/// Host bytes that a block may need.
pub(crate) const ROOM: usize = 64 << 10;

static HANDLERS: [Handler<Emitter>; ROW_COUNT] = semantics::handlers::<Emitter>();

/// What was compiled.
pub(crate) struct Translation {
    /// Its `Block`.
    pub block: Offset,
    /// Guest instructions.
    pub length: usize,
    /// Bytes of host code, and of records.
    pub code: u32,
    pub records: u32,
    /// End of the host code.
    pub end: Offset,
}

impl Emitter {
    /// Compiles the block at `pc` for `context`, from `words`, which begin there and end with the page.
    /// `self.buf` has `ROOM`. `before` is the block compiled before in the same segment.
    pub fn translate(
        &mut self,
        pc: u64,
        page: u64,
        context: Static,
        words: impl Iterator<Item = u32>,
        before: Offset,
    ) -> Translation {
        let room = self.buf.room() as u32;
        self.context = context;
        self.start = pc;
        self.page = page;
        self.survey(words);
        (self.regs, self.vregs) = (XFile::new(), VFile::new());
        self.spans = Default::default();
        let may_have = |what| !self.once_only && !self.careful.contains(&(pc, block_page(page, context), what));
        (self.with_spans, self.with_pages) = (may_have(Without::Spans), may_have(Without::Pages));
        self.flags = Flags::Memory;
        self.setter = None;
        self.sp_aligned = false;
        self.float_marked = false;
        self.narrow = Default::default();
        self.ended = false;
        self.cold.clear();
        self.arrivals.clear();
        self.states.clear();
        self.constants.clear();
        self.tables.clear();
        self.block = self.buf.reserve(size_of::<Block>());
        let start = self.buf.here();
        self.buf.align_to(16);
        let entry = self.buf.here();
        self.tally(Event::Block);
        self.index = 0;
        self.marks.clear();
        while self.index < self.words.len() && self.buf.here() - entry < ENOUGH {
            self.marks.push(self.buf.here());
            let comes = !self.region.is_label(self.index) || self.write_label();
            if comes && !self.ended {
                self.instruction();
            }
            self.index += 1;
        }
        let length = self.index;
        self.marks.push(self.buf.here());
        if !self.ended {
            self.fall_through(pc.wrapping_add(4 * length as u64));
        }
        self.marks.push(self.buf.here());
        self.write_cold();
        let end = self.buf.here();
        let block = self.write_records(entry, length, before);
        let code = self.buf.here() - start;
        Translation { block, length, code, records: room - self.buf.room() as u32 - code, end }
    }

    /// The present instruction: compiled, or else called.
    fn instruction(&mut self) {
        let (word, row) = (self.word(), self.rows[self.index]);
        let (at, state, spans) = (self.buf.here(), self.state(), self.spans);
        let (cold, sites, ways) = (self.cold.len(), self.tables.sites.len(), self.tables.ways.len());
        self.nodes.clear();
        self.versions = [0; 32];
        self.known = Default::default();
        self.failed = false;
        if self.facts[self.index].special {
            self.drop_spans();
        }
        // What a lowering that gave up computes with must exist.
        self.node(crate::emit::Node::Imm(0));
        let compiled = self.planted.filter(|(as_is, _)| *as_is == word).map_or(word, |(_, other)| other);
        match row {
            Some(row) if self.once_only && once_only(row, word) => self.give_up(),
            Some(row) => _ = HANDLERS[row as usize](self, compiled),
            None => self.give_up(),
        }
        if std::mem::take(&mut self.failed) {
            self.buf.rewind(at);
            self.cold.truncate(cold);
            self.arrivals.retain(|n| usize::from(*n) < cold);
            self.tables.sites.truncate(sites);
            self.tables.ways.truncate(ways);
            self.tables.again.retain(|(site, ..)| (*site as usize) < sites);
            self.set_state(&state);
            self.narrow = Default::default();
            (self.spans, self.setter) = (spans, None);
            self.ended = false;
            let handler = row.map_or(ROW_COUNT as u16, |row| row as u16);
            self.call_handler(handler, row.is_some_and(rows::is_system));
            if row.is_none_or(rows::ends) {
                // It leaves; if it did not, what follows is the next instruction.
                let next = self.pc_here().wrapping_add(4);
                self.index += 1;
                self.fall_through(next);
                self.index -= 1;
                self.ended = true;
            }
        }
        self.regs.release();
        self.vregs.release();
    }
}
