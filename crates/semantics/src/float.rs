//! Scalar and vector floating point instructions.
