//! LPIs: what each redistributor keeps of them, and the tables in guest memory that they come from.
//!
//! A redistributor's words and hints (`store`) are made when EnableLPIs is first set, for as many LPIs as the GIC has;
//! the guest decides only how many of them are on. While EnableLPIs is 1 the words are the truth, the configuration
//! table is read when a command says so (or each time, [`LpiCache::None`]), and the pending table is out of date.
//!
//! Sending, taking back and acknowledging are swaps of one word. What needs a lock is what writes GICR_CTLR,
//! GICR_PROPBASER and GICR_PENDBASER, among themselves.

mod deliver;
mod registers;
mod store;
mod tables;
mod word;

pub(crate) use store::{Found, MAX_LPIS, Store};
pub(crate) use tables::PROPBASER_RESET;
pub(crate) use word::LpiWord;

use crate::prim::{AtomicU64, Mutex, MutexGuard, Ordering::*};
use crossbeam::utils::CachePadded;
use hw::GuestMemory;
use std::sync::{Arc, OnceLock};
use word::Config;

/// When a redistributor looks at the configuration table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LpiCache {
    /// At each message and each acknowledge too: a changed configuration needs no INV.
    None,
    /// When EnableLPIs is set, when a command or register says so, and when an LPI comes from another redistributor.
    /// A guest that forgets INV sees the old configuration, as on most silicon.
    #[default]
    Full,
}

/// The LPIs a board wants.
#[derive(Clone)]
pub struct LpiSpec {
    /// Where the tables are.
    pub memory: Arc<dyn GuestMemory>,
    /// When the configuration is read.
    pub cache: LpiCache,
    /// GICR_TYPER.DirectLPI: GICR_SETLPIR and GICR_CLRLPIR exist.
    pub direct: bool,
}

impl LpiSpec {
    /// LPIs whose tables are in `memory`, with a cache and without direct injection.
    pub fn new(memory: Arc<dyn GuestMemory>) -> LpiSpec {
        LpiSpec { memory, cache: LpiCache::default(), direct: false }
    }
}

/// One LPI at one redistributor, at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LpiView {
    /// Its pending bit.
    pub pending: bool,
    /// Enabled in the configuration that was last read.
    pub enabled: bool,
    /// As that configuration has it; lower is more urgent.
    pub priority: u8,
}

/// The LPIs of all redistributors.
pub(crate) struct Lpis {
    pub spec: LpiSpec,
    banks: Box<[CachePadded<Bank>]>,
}

/// Of one redistributor.
#[derive(Default)]
struct Bank {
    store: OnceLock<Store>,
    /// Where the configuration table is, while EnableLPIs is 1.
    table: AtomicU64,
    control: Mutex<Control>,
}

/// GICR_PROPBASER and the like.
#[derive(Default)]
struct Control {
    propbaser: u64,
    pendbaser: u64,
    enabled: bool,
    /// EnableLPIs was cleared, and the effect is to come: GICR_PENDBASER of then, and how many LPIs there were.
    stopping: Option<(u64, u32)>,
}

impl Lpis {
    pub fn new(spec: LpiSpec, pes: usize) -> Lpis {
        Lpis { spec, banks: (0..pes).map(|_| CachePadded::default()).collect() }
    }

    fn control(&self, pe: usize) -> MutexGuard<'_, Control> {
        self.banks[pe].control.lock().expect("no code panics while it holds this lock")
    }

    /// Of a redistributor whose EnableLPIs has been 1.
    #[inline(always)]
    pub fn store(&self, pe: usize) -> Option<&Store> {
        self.banks.get(pe)?.store.get()
    }

    /// Reads the configuration byte of LPI `n`: disabled where there is no memory.
    pub fn read_config(&self, pe: usize, n: u32, two_states: bool) -> Config {
        // Relaxed: who finds the word on sees the table it was started with.
        let table = self.banks[pe].table.load(Relaxed);
        let mut byte = [0];
        _ = self.spec.memory.read(hw::PhysAddr(table + u64::from(n)), &mut byte);
        Config::of(byte[0], two_states)
    }
}
