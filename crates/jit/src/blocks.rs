//! The blocks of one vCPU: by address, and by the page of guest code they were made from.
//!
//! A block is found by the address it was compiled for, the physical page, and the static context. Pages are
//! trusted until their version in `mem::CodePages` moves; then the words of their blocks are compared, and those
//! that differ are taken out: their entry leads back to the dispatcher, and so does every link to them.

use crate::code::Offset;
use crate::context::Static;
use hashbrown::HashMap;

/// Identifies a block in `Blocks`.
pub(crate) type BlockId = u32;

/// One block.
pub(crate) struct Block {
    pub pc: u64,
    pub pa: u64,
    pub context: Static,
    pub entry: Offset,
    pub words: Box<[u32]>,
    /// Numbers of the exits that are linked to it.
    pub incoming: Vec<u32>,
}

/// What a block is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    pc: u64,
    /// Physical page, and the static context in the low bits.
    page: u64,
}

fn key(pc: u64, pa: u64, context: Static) -> Key {
    Key { pc, page: pa & !0xfff | u64::from(context.0) }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Blocks {
    all: Vec<Option<Block>>,
    by_key: HashMap<Key, BlockId>,
    /// By physical page number.
    by_page: HashMap<u64, Vec<BlockId>>,
}

impl Blocks {
    pub fn find(&self, pc: u64, pa: u64, context: Static) -> Option<BlockId> {
        self.by_key.get(&key(pc, pa, context)).copied()
    }

    pub fn get(&self, id: BlockId) -> &Block {
        self.all[id as usize].as_ref().expect("an id is given up with its block")
    }

    pub fn add(&mut self, block: Block) -> BlockId {
        let id = self.all.len() as BlockId;
        self.by_key.insert(key(block.pc, block.pa, block.context), id);
        self.by_page.entry(block.pa >> 12).or_default().push(id);
        self.all.push(Some(block));
        id
    }

    /// Exit `exit` now leads to block `id`.
    pub fn link(&mut self, id: BlockId, exit: u32) {
        let block = self.all[id as usize].as_mut().expect("an id is given up with its block");
        if !block.incoming.contains(&exit) {
            block.incoming.push(exit);
        }
    }

    /// Takes out the blocks of page `pa` (`None` is every page) that `differs` says so of.
    pub fn take_stale(&mut self, pa: Option<u64>, mut differs: impl FnMut(&Block) -> bool) -> Vec<Block> {
        let ids: Vec<BlockId> = match pa {
            Some(pa) => self.by_page.get(&(pa >> 12)).cloned().unwrap_or_default(),
            None => self.by_page.values().flatten().copied().collect(),
        };
        let stale = |id: &BlockId| self.all[*id as usize].as_ref().is_some_and(&mut differs);
        let ids: Vec<BlockId> = ids.into_iter().filter(stale).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    fn remove(&mut self, id: BlockId) -> Option<Block> {
        let block = self.all[id as usize].take()?;
        self.by_key.remove(&key(block.pc, block.pa, block.context));
        if let Some(ids) = self.by_page.get_mut(&(block.pa >> 12)) {
            ids.retain(|other| *other != id);
        }
        Some(block)
    }

    pub fn clear(&mut self) {
        *self = Blocks::default();
    }
}
