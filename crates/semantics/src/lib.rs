//! What every A64 instruction means, once, in micro-ops, and what every micro-op means.
