//! The virtual CPU interface: the rules of the conformance checklist by number, and random operations beside a
//! sequential model.

#![cfg(not(any(loom, shuttle)))]

mod model;
mod random;
mod rules;
