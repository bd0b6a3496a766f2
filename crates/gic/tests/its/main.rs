//! LPIs and the ITS: the rules of the conformance checklist by number, random operations against a model that is another
//! program, and whatever a guest may write.
#![cfg(not(any(loom, shuttle)))]

mod commands;
mod fuzz;
mod lpis;
mod model;
mod registers;
mod rig;
mod threads;
