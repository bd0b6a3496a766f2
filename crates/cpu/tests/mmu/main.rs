//! The MMU from outside: as a guest sees it.

extern crate armagic_cpu as cpu;

mod broadcast;
mod compare;
mod harness;
mod lse2;
mod memory;
mod races;
mod reference;
mod tlb;
mod watch;
