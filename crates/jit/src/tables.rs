//! Records that compiled code refers to. They lie in the arena, behind the code of their segment, so that every vCPU
//! reads them without a lock, and they are gone when the code is.
//!
//! Code refers to a record by its offset in the arena: `Site` and `Call` are read by helpers, `Exit` by the
//! dispatcher, a `Block` by whoever found it.

use crate::again::Again;
use crate::code::{Arena, CodeBuf, Offset};
use crate::context::Static;
use crate::emit::SlowAccess;
use crate::regs::{PLACES, V_PLACES, XFile};
use std::mem::offset_of;

/// The state to repair when an instruction in the middle of a block does not finish.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub pc: u64,
    /// `Block::page`.
    pub page: u64,
    /// Instructions of the block before it, and itself.
    pub executed: u32,
    /// By place: the guest register to write back, or 0xff.
    pub dirty: [u8; PLACES],
    /// Where the same of V registers is, `[u8; V_PLACES]`, if any are in use.
    pub dirty_v: Option<Offset>,
    /// Guest registers whose values are known: how many, and the first of their `Constant`s.
    pub constant_count: u8,
    pub constants: Offset,
}

/// A `Site` as it is in the arena. Behind it come `dirty_v`, where vector registers are in use, and the constants.
#[derive(Clone, Copy)]
pub(crate) struct SiteRecord {
    pub block: Offset,
    pub access: SlowAccess,
    pub executed: u8,
    pub constant_count: u8,
    /// Vector registers are in use.
    pub vectors: bool,
    pub dirty: [u8; PLACES],
}

impl SiteRecord {
    /// How far behind the record `dirty_v` is, if it is.
    pub const VECTORS: Offset = size_of::<SiteRecord>().next_multiple_of(8) as Offset;

    /// How far behind the record the constants are.
    #[inline]
    fn constants(&self) -> Offset {
        let vectors = if self.vectors { V_PLACES.next_multiple_of(8) } else { 0 };
        SiteRecord::VECTORS + vectors as Offset
    }

    /// What the record at `at` stands for.
    #[inline]
    pub fn site(&self, arena: &Arena, at: Offset) -> Site {
        Site {
            pc: block::pc(arena, self.block).wrapping_add(4 * (u64::from(self.executed) - 1)),
            page: block::page(arena, self.block),
            executed: self.executed.into(),
            dirty: self.dirty,
            dirty_v: self.vectors.then_some(at + SiteRecord::VECTORS),
            constant_count: self.constant_count,
            constants: at + self.constants(),
        }
    }
}

/// A site of the block being compiled: its constants begin at an index into `Tables::constants`.
#[derive(Clone, Copy)]
pub(crate) struct NewSite {
    pub record: SiteRecord,
    pub dirty_v: [u8; V_PLACES],
    pub constants: usize,
}

/// A guest register with a known value.
#[derive(Clone, Copy)]
pub(crate) struct Constant {
    pub value: u64,
    pub register: u8,
}

/// An instruction that calls the interpreter's handler.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub pc: u64,
    pub word: u32,
    pub handler: u16,
    pub executed: u16,
    /// It may change the context that code is compiled for.
    pub system: bool,
}

/// A direct branch out of the block being compiled.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    /// The field of its jump.
    pub field: Offset,
    /// The field of a jump that is taken instead where attention is wanted.
    pub poll: Option<Offset>,
    pub target: u64,
}

/// What is known of the block being compiled and will be in the arena.
#[derive(Default)]
pub(crate) struct Tables {
    pub sites: Vec<NewSite>,
    pub constants: Vec<Constant>,
    pub ways: Vec<Way>,
    /// Sites where flags are made again first, and where guest registers are there.
    pub again: Vec<(u32, Again, XFile)>,
}

impl Tables {
    /// For a new block.
    pub fn clear(&mut self) {
        self.sites.clear();
        self.constants.clear();
        self.ways.clear();
        self.again.clear();
    }

    /// Places site number `site`; where it is.
    pub fn place_site(&self, buf: &mut CodeBuf, site: u32) -> Offset {
        let NewSite { record, dirty_v, constants } = self.sites[site as usize];
        let (first, count) = (record.constants(), usize::from(record.constant_count));
        let at = buf.reserve(first as usize + count * size_of::<Constant>());
        buf.fill(at, record);
        if record.vectors {
            buf.fill(at + SiteRecord::VECTORS, dirty_v);
        }
        for (constant, n) in self.constants[constants..][..count].iter().zip(0..) {
            buf.fill(at + first + n * size_of::<Constant>() as Offset, *constant);
        }
        at
    }
}

/// No record: nothing else is at the start of the arena.
pub(crate) const NONE: Offset = 0;

/// A direct branch out of a block. Its jump leads to `stub`, which leaves to the dispatcher, or to a block. Fields
/// after `stub` change, under the compiler's lock.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Exit {
    pub target: u64,
    /// The field of its jump, a multiple of 4.
    pub field: Offset,
    pub stub: Offset,
    /// The block it leaves.
    pub block: Offset,
    /// The block it is linked to, and its neighbours among the exits linked to that.
    pub to: Offset,
    pub next: Offset,
    pub previous: Offset,
}

/// A block, what it was made from, and what leads to it. Fields after `length` change, under the compiler's lock.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Block {
    pub pc: u64,
    /// Physical page, and the static context in the low bits.
    pub page: u64,
    pub entry: Offset,
    /// The words it was made from, and how many.
    pub words: Offset,
    pub length: u32,
    /// It can be found and linked to.
    pub live: u32,
    /// The first of its exits, which lie one behind the other, and how many.
    pub exits: Offset,
    pub exit_count: u32,
    /// The first exit that is linked to it.
    pub incoming: Offset,
    /// Its neighbours among the blocks of its page.
    pub next: Offset,
    pub previous: Offset,
    /// The block compiled before it in its segment.
    pub before: Offset,
}

/// `Block::page` of physical page number `page` and a context.
pub(crate) fn block_page(page: u64, context: Static) -> u64 {
    assert!(context.0 < 1 << 12, "it shares a word with the page");
    page << 12 | u64::from(context.0)
}

/// Of the address and the page of a block.
#[inline]
pub(crate) fn hash(pc: u64, page: u64) -> u64 {
    // Blocks of a page are found near each other, in the order of their addresses.
    let page = ((pc >> 12) ^ page.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (page << 4).wrapping_add(pc >> 2 & 0x3ff)
}

/// Accessors of fields of records in the arena.
macro_rules! fields {
    ($record:ident: $($get:ident $(, $set:ident)? = $field:ident;)*) => { $(
        #[inline(always)]
        pub(crate) fn $get(arena: &Arena, at: Offset) -> u32 {
            arena.get32(at + offset_of!($record, $field) as Offset)
        }
        $(pub(crate) fn $set(arena: &Arena, at: Offset, v: u32) {
            arena.set32(at + offset_of!($record, $field) as Offset, v);
        })?
    )* };
}

/// Fields of the `Block` at an offset.
pub(crate) mod block {
    use super::*;
    fields! { Block:
        entry = entry;
        words = words;
        length = length;
        live, set_live = live;
        exits = exits;
        exit_count = exit_count;
        incoming, set_incoming = incoming;
        next, set_next = next;
        previous, set_previous = previous;
        before = before;
    }
    #[inline(always)]
    pub fn pc(arena: &Arena, at: Offset) -> u64 {
        arena.get64(at + offset_of!(Block, pc) as Offset)
    }
    #[inline(always)]
    pub fn page(arena: &Arena, at: Offset) -> u64 {
        arena.get64(at + offset_of!(Block, page) as Offset)
    }
    /// What it was compiled for.
    pub fn context(arena: &Arena, at: Offset) -> Static {
        Static(page(arena, at) as u16 & 0xfff)
    }
    /// What it is found by.
    pub fn hash(arena: &Arena, at: Offset) -> u64 {
        super::hash(pc(arena, at), page(arena, at))
    }
}

/// Fields of the `Exit` at an offset.
pub(crate) mod exit {
    use super::*;
    fields! { Exit:
        field = field;
        stub = stub;
        block = block;
        to, set_to = to;
        next, set_next = next;
        previous, set_previous = previous;
    }
    #[inline(always)]
    pub fn target(arena: &Arena, at: Offset) -> u64 {
        arena.get64(at + offset_of!(Exit, target) as Offset)
    }
}
