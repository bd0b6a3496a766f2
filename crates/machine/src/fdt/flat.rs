//! The flattened format (Devicetree Specification 0.4, chapter 5): bounds-checked reading of any bytes.
//!
//! Our own, because blobs in use break rules that device tree libraries enforce (names over 31 characters,
//! `__symbols__`) and a hostile one must not nest deeper than our stack. Nothing here recurses.

use super::FdtError;
use std::ops::Range;

const MAGIC: u32 = 0xd00d_feed;
const HEADER_BYTES: usize = 40;
/// The version whose header has `size_dt_struct`; later ones say which they are compatible with.
const VERSION: u32 = 17;
/// As deep as Linux unflattens.
const MAX_DEPTH: usize = 64;

/// Structure block tokens.
pub mod token {
    pub const BEGIN_NODE: u32 = 1;
    pub const END_NODE: u32 = 2;
    pub const PROP: u32 = 3;
    pub const NOP: u32 = 4;
    pub const END: u32 = 9;
}

/// One piece of the structure block.
#[derive(Debug)]
pub enum Item<'b> {
    /// A node of this name begins; the root's is empty.
    Begin(&'b [u8]),
    /// A property of the innermost node.
    Prop {
        /// Its name.
        name: &'b [u8],
        /// Its value.
        value: &'b [u8],
    },
    /// The innermost node ends.
    End,
}

/// A well-formed blob.
pub struct Blob<'b> {
    /// The memory reservation block, with its terminator.
    pub reservations: &'b [u8],
    /// The strings block.
    pub strings: &'b [u8],
    /// PE that the blob says is booting.
    pub boot_cpu: u32,
    /// The structure block: each item, and where its encoding stands in the blob.
    pub items: Vec<(Item<'b>, Range<usize>)>,
}

fn bad(reason: &'static str, offset: usize) -> FdtError {
    FdtError::Malformed { reason, offset }
}

/// The big-endian word at `offset`.
fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    let word = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

/// The NUL-terminated string at `offset`, without its NUL.
fn string(bytes: &[u8], offset: usize) -> Option<&[u8]> {
    let rest = bytes.get(offset..)?;
    Some(&rest[..rest.iter().position(|&b| b == 0)?])
}

impl<'b> Blob<'b> {
    /// Reads `bytes`, or says what is wrong and where.
    pub fn parse(bytes: &'b [u8]) -> Result<Blob<'b>, FdtError> {
        let header = |at: usize| word(bytes, at).map(|w| w as usize).ok_or(bad("the header is cut off", bytes.len()));
        if header(0)? != MAGIC as usize {
            return Err(bad("no magic number d00dfeed", 0));
        }
        let total = header(4)?;
        let bytes = bytes.get(..total).ok_or(bad("totalsize is more than the file has", 4))?;
        if total < HEADER_BYTES {
            return Err(bad("totalsize is less than a header", 4));
        }
        if header(20)? < VERSION as usize || header(24)? > VERSION as usize {
            return Err(bad("its version is not compatible with 17", 20));
        }
        let block = |start: usize, size: usize, reason| {
            start.checked_add(size).and_then(|end| bytes.get(start..end)).ok_or(bad(reason, start))
        };
        let structure = block(header(8)?, header(36)?, "the structure block is out of bounds")?;
        let strings = block(header(12)?, header(32)?, "the strings block is out of bounds")?;
        if header(8)? % 4 != 0 {
            return Err(bad("the structure block is not aligned", 8));
        }
        Ok(Blob {
            reservations: reservations(bytes, header(16)?)?,
            strings,
            boot_cpu: header(28)? as u32,
            items: items(structure, strings, header(8)?)?,
        })
    }
}

/// The reservation block at `start`: pairs of 64-bit address and size, up to a pair of zeros.
fn reservations(bytes: &[u8], start: usize) -> Result<&[u8], FdtError> {
    let rest = bytes.get(start..).ok_or(bad("the memory reservation block is out of bounds", 16))?;
    let last = rest.chunks_exact(16).position(|pair| pair == [0; 16]);
    last.map(|i| &rest[..16 * (i + 1)]).ok_or(bad("the memory reservation block does not end", start))
}

/// The items of `structure`, which begins at `base` of the blob.
fn items<'b>(structure: &'b [u8], strings: &'b [u8], base: usize) -> Result<Vec<(Item<'b>, Range<usize>)>, FdtError> {
    let mut items = Vec::new();
    let (mut at, mut depth) = (0, 0);
    loop {
        let start = at;
        let fail = |reason| bad(reason, base + start);
        let kind = word(structure, at).ok_or(fail("the structure block is cut off"))?;
        at += 4;
        // Outside every node there is one root, then the end.
        let misplaced = match kind {
            token::BEGIN_NODE => depth == 0 && !items.is_empty(),
            token::END_NODE | token::PROP => depth == 0,
            token::END => depth != 0 || items.is_empty(),
            _ => false,
        };
        if misplaced {
            return Err(fail("nodes do not nest"));
        }
        let item = match kind {
            token::NOP => continue,
            token::END => return Ok(items),
            token::BEGIN_NODE => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(fail("nodes nest deeper than 64"));
                }
                let name = string(structure, at).ok_or(fail("a node's name does not end"))?;
                at += name.len() + 1;
                Item::Begin(name)
            }
            token::END_NODE => {
                depth -= 1;
                Item::End
            }
            token::PROP => {
                let size = word(structure, at).ok_or(fail("a property is cut off"))? as usize;
                let name = word(structure, at + 4).ok_or(fail("a property is cut off"))? as usize;
                let name = string(strings, name).ok_or(fail("a property's name is out of bounds"))?;
                at += 8;
                let value = at.checked_add(size).and_then(|end| structure.get(at..end));
                at += size;
                Item::Prop { name, value: value.ok_or(fail("a property's value is out of bounds"))? }
            }
            _ => return Err(fail("an unknown token")),
        };
        at = at.next_multiple_of(4);
        items.push((item, base + start..(base + at).min(base + structure.len())));
    }
}
