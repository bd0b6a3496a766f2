//! The words that other threads touch: a vCPU's attention word and the doorbell it sleeps on.
//!
//! With `--cfg loom` the same code runs on loom's types, so that the models check what ships.
#![forbid(unsafe_code)]

mod attention;
mod prim;

pub use attention::{Attention, Reasons};
