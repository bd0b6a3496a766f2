//! LPIs and the ITS: the rules of the conformance checklist by number, and whatever a guest may write.
#![cfg(not(loom))]

mod commands;
mod fuzz;
mod lpis;
mod registers;
mod rig;
