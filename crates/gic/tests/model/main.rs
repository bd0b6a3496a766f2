//! The sequential model, and what is compared with it: one thread's operations (`sequential`), and histories of several
//! threads, on the host's (`histories`) and, under `--cfg shuttle`, on shuttle's (`dense`).

#![cfg(not(loom))]

#[cfg(shuttle)]
mod dense;
#[cfg(not(shuttle))]
mod histories;
mod history;
#[cfg(not(shuttle))]
mod sequential;
#[cfg_attr(shuttle, expect(dead_code, reason = "histories need a part of it"))]
mod spec;
