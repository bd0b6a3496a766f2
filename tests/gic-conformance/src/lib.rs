//! A GICv3 conformance suite that stands alone.
//!
//! `rules` lists what is asked of a GIC; `cases` checks it with register accesses, written as text; `guest` makes a
//! bare-metal program of them, for any emulator with a `virt` board; `run` runs it in ours or in another; `trace`
//! finds the in-process tests that check rules too; `table` makes docs/gic-conformance.md of all that.
#![forbid(unsafe_code)]

pub mod board;
pub mod cases;
pub mod guest;
pub mod registers;
pub mod rules;
pub mod run;
pub mod statement;
pub mod table;
pub mod trace;
pub mod verdict;
