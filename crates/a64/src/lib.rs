//! The A64 instruction table: decode, encode, list. No state.
