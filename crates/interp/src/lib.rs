//! The interpreter: evaluates micro-ops at once. The reference engine.
