//! The sequential model, and what is compared with it: one thread's operations (`sequential`), and histories of several
//! threads (`histories`).

#![cfg(not(loom))]

mod histories;
mod sequential;
mod spec;
