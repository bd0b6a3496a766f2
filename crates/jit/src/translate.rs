//! One block: from guest words to host code, in one pass.
//!
//! A block is a run of consecutive instructions in one page. It is entered at its first only, may be left by any
//! branch in it, and goes on where a conditional branch is not taken.

use crate::code::Offset;
use crate::context::Static;
use crate::emit::{Emitter, Flags, State};
use crate::pages::Without;
use crate::regs::{VFile, XFile};
use crate::rows;
use crate::spans::Spans;
use crate::tables::{Block, block_page};
use crate::tally::Event;
use crate::verify::once_only;
use a64::{ROW_COUNT, Row};
use semantics::Handler;

/// Host bytes after which a block ends; what is out of line is not more again.
const ENOUGH: u32 = 24 << 10;
/// Host bytes that a block may need.
pub(crate) const ROOM: usize = 64 << 10;

static HANDLERS: [Handler<Emitter>; ROW_COUNT] = semantics::handlers::<Emitter>();

/// What was so before an instruction.
struct Before {
    at: Offset,
    state: State,
    spans: Spans,
    cold: usize,
    sites: usize,
    ways: usize,
}

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
        self.context = context;
        self.start = pc;
        self.page = page;
        self.survey(words);
        let may_have = |what| !self.once_only && !self.careful.contains(&(pc, block_page(page, context), what));
        (self.with_spans, self.with_pages) = (may_have(Without::Spans), may_have(Without::Pages));
        let (begun, next_page) = (self.buf.mark(), self.next_page);
        loop {
            if let Some(made) = self.write_block(before) {
                return made;
            }
            self.buf.return_to(begun);
            self.next_page = next_page;
        }
    }

    /// Writes the block that was looked over. `None` if an instruction gave up of whose row that was not known: this
    /// happens once for a row.
    fn write_block(&mut self, before: Offset) -> Option<Translation> {
        let room = self.buf.room() as u32;
        (self.regs, self.vregs) = (XFile::new(), VFile::new());
        self.spans = Default::default();
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
        self.region.forget_labels();
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
            if comes && !self.ended && !self.instruction() {
                return None;
            }
            self.index += 1;
        }
        let length = self.index;
        self.marks.push(self.buf.here());
        if !self.ended {
            self.fall_through(self.start.wrapping_add(4 * length as u64));
        }
        self.marks.push(self.buf.here());
        self.write_cold();
        let end = self.buf.here();
        let block = self.write_records(entry, length, before);
        let code = self.buf.here() - start;
        Some(Translation { block, length, code, records: room - self.buf.room() as u32 - code, end })
    }

    /// The present instruction: compiled, or else called. False if the block is to be written anew, since it gave up
    /// unexpectedly.
    fn instruction(&mut self) -> bool {
        let (word, row) = (self.word(), self.rows[self.index]);
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
            Some(row) if !(self.once_only && once_only(row, word)) => {
                let handler = HANDLERS[row as usize];
                if self.gives_up[row as usize] {
                    let before = self.before();
                    _ = handler(self, compiled);
                    if std::mem::take(&mut self.failed) {
                        self.take_back(&before);
                        self.call_instead(Some(row));
                    }
                } else {
                    _ = handler(self, compiled);
                    if std::mem::take(&mut self.failed) {
                        self.gives_up[row as usize] = true;
                        return false;
                    }
                }
            }
            _ => self.call_instead(row),
        }
        self.regs.release();
        self.vregs.release();
        true
    }

    /// What to go back to if the present instruction gives up. A copy of what is known of registers costs more than
    /// many an instruction, so only those rows have one that did give up before.
    fn before(&self) -> Before {
        Before {
            at: self.buf.here(),
            state: self.state(),
            spans: self.spans,
            cold: self.cold.len(),
            sites: self.tables.sites.len(),
            ways: self.tables.ways.len(),
        }
    }

    /// Takes back what the present instruction did.
    fn take_back(&mut self, before: &Before) {
        self.buf.rewind(before.at);
        self.cold.truncate(before.cold);
        self.arrivals.retain(|n| usize::from(*n) < before.cold);
        self.tables.sites.truncate(before.sites);
        self.tables.ways.truncate(before.ways);
        self.tables.again.retain(|(site, ..)| (*site as usize) < before.sites);
        self.set_state(&before.state);
        (self.spans, self.setter) = (before.spans, None);
    }

    /// Calls the interpreter's handler for the present instruction.
    fn call_instead(&mut self, row: Option<Row>) {
        self.narrow = Default::default();
        self.setter = None;
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
}
