//! The words that other threads touch: a vCPU's attention word and the doorbell it sleeps on; the table by which
//! compiled code is found, and the epochs by which its memory is used again; the sets that lead to ready interrupts; how
//! far a PE got with TLB maintenance.
//!
//! With `--cfg loom` the same code runs on loom's types, so that the models check what ships.
#![forbid(unsafe_code)]

mod attention;
mod epoch;
mod grace;
mod hints;
mod index;
mod prim;
mod receipt;
mod rows;

pub use attention::{Attention, Reasons};

pub use epoch::Epochs;
pub use grace::{Grace, Visit};
pub use hints::Hints;
pub use index::{Filler, Index};
pub use receipt::Receipt;
pub use rows::{Row, Rows};
