//! What GET, SET and HAS do with each register: tables over the raw columns of the GIC's own, with what KVM has
//! otherwise.

pub(crate) mod dist;
pub(crate) mod level;
pub(crate) mod plain;
pub(crate) mod redist;
mod rows;
pub(crate) mod sysregs;

pub(crate) use rows::split_index;
