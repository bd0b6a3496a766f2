//! Whole-system tests: crate levels, boots, oracles. This library holds what they share.
#![forbid(unsafe_code)]

pub mod differential;
