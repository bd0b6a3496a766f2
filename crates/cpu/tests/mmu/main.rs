//! The MMU from outside: as a guest sees it.

extern crate armagic_cpu as cpu;

mod compare;
mod harness;
mod reference;
mod tlb;
