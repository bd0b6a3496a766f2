//! Benchmarks: each says which decision it informs.
