//! The board: memory map, wiring, device tree, loader, PSCI, vCPU threads.
#![forbid(unsafe_code)]

mod board;
mod control;
mod engine;
mod excerpt;
pub mod fdt;
mod handles;
mod inline;
pub mod load;
mod machine;
pub mod map;
mod pcie;
mod psci;
mod snapshot;
mod spec;
mod stats;
mod vcpu_thread;

pub use board::{BoardError, GicConfig};
pub use control::Ending;
pub use cpu::{Extras, Model};
pub use devices::{CharSink, Pl011};
pub use engine::{Compiled, EngineError, EngineKind, Exits, OutOfLine, Tuning};
pub use excerpt::{Excerpt, ExcerptError, Place, excerpt};
pub use gic::{Fidelity, LpiCache, OnError, Product, Report};
pub use handles::{Pauser, Saver, Stopper};
pub use inline::{Inline, Rates};
pub use machine::{Machine, MachineError};
pub use snapshot::{CpuSummary, SnapshotError, Summary};
pub use spec::{DeviceKind, DeviceSpec, GicChoice, MAX_CPUS, MIN_MEMORY, MachineSpec, Payload, SpecError};
pub use stats::Stats;
