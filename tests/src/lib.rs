//! Whole-system tests: crate levels, boots, oracles.
