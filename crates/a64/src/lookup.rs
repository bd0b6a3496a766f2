//! From a word to its row: a walk through tables that `build.rs` lays out.
//!
//! Tables rather than nested `match`es and calls of guards: in a stream of unlike words every such jump is
//! mispredicted, and loads are not. `benches/decode.rs` holds the measurement.
//!
//! An entry of `NODES` is 0 (no row), or bit 31 set: the next entry is at bits [21:0] plus the `[25:22]`-bit
//! number in the word at bit `[30:26]`; or else the index in `LISTS` of the rows that may match. An element of
//! `LISTS` is a row, with bit 15 set if it is the list's last.

use crate::table::{LISTS, MATCHERS, NODES, ROOT};
use crate::{Insn, ROWS, Row};

/// What the words of a row have in common.
pub(crate) struct Matcher {
    pub mask: u32,
    pub value: u32,
    /// The fields that the guard looks at.
    pub parts: [Part; 4],
    /// A bit for each combination of their values, set if the guard allows it.
    pub allowed: &'static [u64],
}

/// One field, and its place in the index into `allowed`.
pub(crate) struct Part {
    pub lsb: u8,
    pub up: u8,
    pub mask: u16,
}

/// A word that has in the fields of `parts` what `index` says.
pub(crate) const fn scatter(parts: &[Part; 4], index: u32) -> u32 {
    let mut word = 0;
    let mut i = 0;
    while i < parts.len() {
        word |= (index >> parts[i].up & parts[i].mask as u32) << parts[i].lsb;
        i += 1;
    }
    word
}

impl Matcher {
    #[inline(always)]
    fn matches(&self, word: u32) -> bool {
        let index = self.parts.iter().fold(0, |index, p| index | (word >> p.lsb & u32::from(p.mask)) << p.up);
        let allowed = self.allowed[index as usize / 64] >> (index % 64) & 1 != 0;
        (word & self.mask == self.value) & allowed
    }
}

/// Where the list of the rows that `word` may belong to begins; 0 if there are none.
#[inline(always)]
fn candidates(word: u32) -> usize {
    let mut entry = ROOT;
    while entry >> 31 != 0 {
        let (lsb, width, at) = (entry >> 26 & 31, entry >> 22 & 15, entry & 0x3f_ffff);
        entry = NODES[(at + (word >> lsb & ((1 << width) - 1))) as usize];
    }
    entry as usize
}

/// The row that `word` belongs to; `None` if it is unallocated or not implemented.
pub fn lookup(word: u32) -> Option<Row> {
    let mut at = candidates(word);
    if at == 0 {
        return None;
    }
    loop {
        let element = LISTS[at];
        let row = usize::from(element & 0x7fff);
        if MATCHERS[row].matches(word) {
            return Some(ROWS[row].row);
        }
        if element >> 15 != 0 {
            return None;
        }
        at += 1;
    }
}

/// Decodes one instruction word; `None` if it is unallocated or not implemented.
pub fn decode(word: u32) -> Option<Insn> {
    lookup(word).map(|row| Insn::from_row(row, word))
}
