//! One PE: registers, system registers, exceptions, MMU and TLB, timers.
