//! The virtual CPU interface: the rules of the conformance checklist by number, and random operations beside a
//! sequential model.

#![cfg(not(loom))]

mod model;
mod random;
mod rules;
