//! The interrupt translation service: messages of devices become LPIs, as tables in guest memory say.
//!
//! The tables are the truth, and commands change them (`execute`), on one thread (`queue`). Devices translate on theirs,
//! without a lock (`translate`), through a cache of single words. Everything a command changes is in guest memory when
//! it is complete, except which collection goes where, which is there too and in an index besides.

mod cache;
mod collections;
mod command;
pub mod entry;
mod error;
mod execute;
mod frame;
#[cfg(all(test, loom))]
mod loom;
mod map;
mod messages;
mod queue;
mod translate;

pub use error::{CommandError, Fault};
pub use queue::{FailedCommand, ItsThread, OnError};

use crate::prim::{AtomicU64, Condvar, Mutex};
use crate::wires::Gic;
use cache::Cache;
use collections::Collections;
use hw::{GuestMemory, IrqLine};
use messages::Messages;
use queue::{Executor, Registers};
use std::sync::Arc;
use sync::Grace;

/// The ITS a board wants.
#[derive(Clone, Default)]
pub struct ItsSpec {
    /// What a command error does to the queue.
    pub on_error: OnError,
    /// GITS_TYPER.UMSIirq: driven while GITS_STATUSR.UMSI and GITS_CTLR.UMSIirq are 1.
    pub umsi: Option<IrqLine>,
    /// GITS_TYPER.SEIS: pulsed at each command error, whose code is the last of `Its::failed_commands`.
    pub system_error: Option<IrqLine>,
}

/// One ITS of a GIC. Shared by all threads.
pub struct Its {
    gic: Arc<Gic>,
    memory: Arc<dyn GuestMemory>,
    spec: ItsSpec,
    registers: Mutex<Registers>,
    work: Condvar,
    executor: Mutex<Executor>,
    /// GITS_BASER0 while translations are made; otherwise 0.
    devices: AtomicU64,
    collections: Collections,
    cache: Cache,
    senders: Grace,
    messages: Mutex<Messages>,
}

impl Its {
    /// An ITS at power-on, whose LPIs are those of `gic`; its tables are where theirs are.
    ///
    /// # Panics
    /// If that GIC has no LPIs: see [`GicSpec::lpis`](crate::GicSpec::lpis).
    pub fn new(gic: Arc<Gic>, spec: ItsSpec) -> Arc<Its> {
        let memory = gic.state.lpis().expect("an ITS needs a GIC with LPIs: see GicSpec::lpis").spec.memory.clone();
        Arc::new(Its {
            gic,
            memory,
            spec,
            registers: Mutex::default(),
            work: Condvar::new(),
            executor: Mutex::default(),
            devices: AtomicU64::new(0),
            collections: Collections::new(),
            cache: Cache::new(),
            senders: Grace::new(),
            messages: Mutex::default(),
        })
    }

    /// Has this collection been unmapped, by a command or with its table, since an event was last mapped to it? KVM's ITS
    /// forgets a collection's events with it, and keeps those of one that was never mapped: for who saves tables.
    pub fn is_collection_gone(&self, icid: u16) -> bool {
        self.collections.is_gone(icid)
    }

    /// Of the device and the collection table: is what is in it this ITS's doing, because the ITS was enabled with it, or it
    /// was put back, since GITS_BASERn last changed?
    pub fn tables_used(&self) -> [bool; 2] {
        self.registers().used
    }

    /// The host says so. The events in tables that were put back belong to the collections that they name. Only while
    /// disabled.
    pub fn set_tables_used(&self, used: [bool; 2]) {
        self.collections.set_gone(!used[1]);
        self.registers().used = used;
    }

    /// Back to power-on. Only while all vCPUs are stopped and no device sends.
    pub fn reset(&self) {
        self.reset_queue();
        self.collections.set_gone(false);
        self.change_messages(|messages| *messages = Messages::default());
    }
}
