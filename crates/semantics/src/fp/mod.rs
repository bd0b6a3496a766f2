//! Exact floating point: our own softfloat under FPCR, accumulating FPSR.
