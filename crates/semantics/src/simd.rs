//! Scalar floating point and Advanced SIMD.
