//! System instructions: MRS, MSR, SYS, hints, barriers.
