//! The CPU interface of one PE: the ICC_* system registers, owned by the vCPU thread by value.
//!
//! Registers are plain fields; what senders need of them (group enables, and a limit at or above the level from
//! which interrupts are held back) is published. Opening publishes at once; closing is published only when
//! `signals` finds that it would have spared a post, so that most priority changes touch nothing shared. The
//! owner looks at `signals` after its own writes, so opening a mask needs no post either.
//!
//! Registers that two security states bank are indexed by group: that of Non-secure software, and of the only
//! state, is `G1`; that of Secure software `G1S`. Who may access what is the PE's to decide; who accesses is said by
//! `set_accessor`.

mod accessor;
mod check;
mod deliver;
mod explain;
mod plug;
mod registers;
mod state;

use crate::ids::{self, LPI_INTID};
use crate::lpi::MAX_LPIS;
use crate::published::Published;
use crate::state::{Pe, Shared};
use crate::wires::Gic;
use crate::word::{G0, G1, G1S, GROUPS};
use std::{cell::Cell, sync::Arc};

pub use accessor::{Accessor, Signals};
pub use plug::Plug;
pub use state::InterfaceState;

/// 5 bits of priority, all of which preempt: BPR0 is at least 2, and BPR1 one more, but for the Secure one.
const BPR_MIN: [u8; GROUPS] = [2, 3, 2];

/// What an EL's bank of ICC_CTLR holds.
#[derive(Clone, Copy, Default)]
struct Bank {
    /// Group 1 uses the binary point of Group 0.
    cbpr: bool,
    /// End of interrupt only drops the priority.
    eoimode: bool,
}

/// The CPU interface of one PE. `Send`, so that it can be made by the machine and moved to its vCPU's thread; not
/// `Sync`, because only its owner clears hints.
pub struct CpuInterface {
    gic: Arc<Gic>,
    /// What this PE publishes.
    shared: Arc<Shared>,
    pe: usize,
    who: Accessor,
    /// At EL3, SCR_EL3.NS chooses a bank of registers, while what may be done is a Secure access's.
    secure_bank: bool,
    pmr: u8,
    /// BPR0, BPR1, and BPR1 of Secure software.
    bpr: [u8; GROUPS],
    /// Of Non-secure and of Secure software; that of `G0` is EL3's.
    banks: [Bank; GROUPS],
    /// PMHE and RM: stored; RM changes which special INTIDs EL3 reads.
    pmhe: bool,
    rm: bool,
    enabled: [bool; GROUPS],
    /// Active priorities of each group: bit n is group priority 8·n.
    ap: [u32; GROUPS],
    /// Bit g: a non-maskable interrupt of group g is active.
    nmi_active: u8,
    /// Cache of the owner's part of the published words, whose limits are never below `limit()`. Being a `Cell` also
    /// makes this type not `Sync`.
    published: [Cell<Published>; GROUPS],
    /// The levels below the limits of `published`.
    open: [Cell<u64>; GROUPS],
    /// The least limit in `published`, of enabled groups.
    least: Cell<u32>,
    /// How often the interrupt at each place was acknowledged here; for tools. Of LPIs from the first one on.
    acknowledged: Box<[u64]>,
    /// In `Fidelity::Strict`: what was acknowledged and not ended, the last at the end.
    in_order: Vec<u32>,
}

impl CpuInterface {
    pub(crate) fn new(gic: Arc<Gic>, pe: usize) -> CpuInterface {
        let places = gic.state.layout().places() as usize;
        let mut it = CpuInterface {
            shared: gic.state.shared(pe),
            gic,
            pe,
            who: Accessor::default(),
            secure_bank: false,
            pmr: 0,
            bpr: BPR_MIN,
            banks: Default::default(),
            pmhe: false,
            rm: false,
            enabled: [false; GROUPS],
            ap: [0; GROUPS],
            nmi_active: 0,
            published: Default::default(),
            open: Default::default(),
            least: Cell::new(u32::MAX),
            acknowledged: vec![0; places].into(),
            in_order: vec![],
        };
        it.publish_all();
        it
    }

    /// Power-on of this PE: everything disabled and masked, nothing active here.
    pub fn reset(&mut self) {
        (self.pmr, self.bpr, self.banks) = (0, BPR_MIN, Default::default());
        (self.pmhe, self.rm, self.nmi_active) = (false, false, 0);
        (self.enabled, self.ap) = ([false; GROUPS], [0; GROUPS]);
        self.acknowledged = vec![0; self.gic.state.layout().places() as usize].into();
        self.in_order.clear();
        self.publish_all();
    }

    /// Who executes from now on: after each change of Exception level or security state, of SCR_EL3, and of
    /// SCTLR_ELx.NMI. `signals` may be different then.
    #[inline]
    pub fn set_accessor(&mut self, who: Accessor) {
        self.secure_bank = who.secure;
        self.who = Accessor { secure: who.secure || who.el == 3, ..who };
    }

    /// What the GIC asserts at this PE now. One load for each group when nothing waits.
    #[inline]
    pub fn signals(&self) -> Signals {
        let [a, b, c] = self.shared.look();
        let waits = |word: Published, group: usize| word.0 & self.open[group].get();
        if waits(a, G0) | waits(b, G1) | waits(c, G1S) == 0 { Signals::default() } else { self.signals_of_best() }
    }

    #[inline(never)]
    fn signals_of_best(&self) -> Signals {
        if !self.waits(G1) && !self.waits(G0) && !self.waits(G1S) {
            return Signals::default();
        }
        match self.signalled() {
            Some(best) => self.who.signals(best.slot().group, best.word.nmi(), self.one_state()),
            None => Signals::default(),
        }
    }

    /// What is shared of this PE.
    #[inline(always)]
    fn mine(&self) -> &Pe {
        self.gic.state.pe(self.pe)
    }

    #[inline]
    fn one_state(&self) -> bool {
        self.gic.state.control().one_state()
    }

    /// The group that stands for the banked registers of whoever executes.
    #[inline]
    fn bank(&self) -> usize {
        if self.secure_bank && !self.one_state() { G1S } else { G1 }
    }

    // For engines.

    /// Does nothing wait at this PE, whatever is masked? It may say no when the answer is yes.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.shared.is_quiet()
    }

    /// Where [`GROUPS`](crate::GROUPS) words are, one after another, whose low [`LEVELS`](crate::LEVELS) bits are zero
    /// while nothing waits at this PE. Good while the GIC is there.
    pub fn waiting_address(&self) -> usize {
        self.gic.state.published_address(self.pe)
    }

    // For tools.

    /// Which PE this is, counted as in the spec.
    pub fn pe(&self) -> usize {
        self.pe
    }

    /// How often `id` was acknowledged here since power-on.
    pub fn acknowledged(&self, id: hw::IntId) -> u64 {
        let lpi = || id.0.checked_sub(LPI_INTID).filter(|n| *n < MAX_LPIS).map(|n| ids::LPI + n);
        let place = ids::place(id.0).or_else(lpi);
        place.and_then(|place| self.acknowledged.get(place as usize).copied()).unwrap_or(0)
    }

    /// The first LPI was acknowledged here: now there is room for all, which most PEs never need.
    #[cold]
    fn count_lpis(&mut self, place: u32) {
        let mut all = vec![0; (ids::LPI + MAX_LPIS) as usize];
        all[..self.acknowledged.len()].copy_from_slice(&self.acknowledged);
        all[place as usize] += 1;
        self.acknowledged = all.into();
    }

    /// GICR_WAKER: does something wait for this PE while it is asleep (WakeRequest)?
    pub fn wake_request(&self) -> bool {
        self.gic.state.wake_request(self.pe)
    }
}

impl Drop for CpuInterface {
    fn drop(&mut self) {
        self.reset();
        self.gic.state.unclaim(self.pe);
    }
}
