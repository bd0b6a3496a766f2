//! From a word to its row: a walk through tables that `build.rs` lays out.
//!
//! Tables rather than nested `match`es: in a stream of unlike words every jump is mispredicted, and loads are
//! not. `benches/decode.rs` holds the measurement.
//!
//! An entry of `NODES` is 0 (no row), or bit 31 set: the next entry is at bits [21:0] plus the `[25:22]`-bit
//! number in the word at bit `[30:26]`; or else the index in `LISTS` of the rows that may match. An element of
//! `LISTS` is a row, with bit 14 set if it has a guard, and bit 15 if it is the list's last.

use crate::table::{FIXED, LISTS, NODES, ROOT};
use crate::{Insn, ROWS, Row};

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

/// The first of the candidates whose fixed bits `word` has and that `accept` takes.
#[inline(always)]
fn first<T>(word: u32, accept: impl Fn(Row, bool) -> Option<T>) -> Option<T> {
    let mut at = candidates(word);
    if at == 0 {
        return None;
    }
    loop {
        let element = LISTS[at];
        let row = usize::from(element & 0x3fff);
        let (mask, value) = FIXED[row];
        if word & mask == value
            && let Some(found) = accept(ROWS[row].row, element >> 14 & 1 != 0)
        {
            return Some(found);
        }
        if element >> 15 != 0 {
            return None;
        }
        at += 1;
    }
}

/// The row that `word` belongs to; `None` if it is unallocated or not implemented.
pub fn lookup(word: u32) -> Option<Row> {
    first(word, |row, guarded| (!guarded || (row.info().guard)(word)).then_some(row))
}

/// Decodes one instruction word; `None` if it is unallocated or not implemented.
pub fn decode(word: u32) -> Option<Insn> {
    first(word, |row, _| Insn::guarded(row, word))
}
