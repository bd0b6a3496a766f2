//! The TLBs of one PE: which ones are in use, and what happens to those that are not.
//!
//! A bank is the TLB of one view of one address range. The banks of the current ASID stand in `banks`, where
//! an access finds its own by indexing; those of other ASIDs wait in `spaces`. So a change of Exception level
//! or PSTATE.PAN is a change of index, a change of ASID is a few swaps of pointers, and neither flushes.
//!
//! The key of a space is the ASID alone, not the TTBR: the architecture lets a PE keep using an ASID's
//! translations after a TTBR write until TLBI, and system software that parks TTBR0 on a reserved table
//! writes TTBR0 far more often than it changes address spaces.
//!
//! The upper range holds the kernel, which is global. Its banks are shared by all ASIDs until the first
//! non-global page is seen there (a kernel with page-table isolation); from then on, until everything is
//! flushed, they belong to the ASID like the lower ones.
//!
//! Maintenance of an address for every ASID would have to look at every space. It is written down in `log` instead, and
//! a space performs what it missed when it becomes current.

use super::second::Second;
use super::tlb::{Entry, Fill, Tlb};
use super::{Leaf, Regime, Stage1, TlbiOp, View, half};
use crate::sysreg::bits::sctlr;
use crate::{Pstate, Sys};
use std::sync::Arc;

/// Views and ranges, rounded up so that masking is the bounds check.
const BANKS: usize = 16;
/// ASIDs remembered. Each that was used holds about 40 KiB per bank it touched.
const SPACES: usize = 80;
/// Operations remembered for spaces that are not current; one that missed more is emptied.
const LOGGED: usize = 16;
/// The views whose lower bank belongs to an ASID, and their upper bank if `tagged_upper`.
const TAGGED_VIEWS: usize = 3;

/// The control registers whose change empties every TLB: software need not invalidate after some of them,
/// and after the others it does.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Control {
    sctlr: u64,
    tcr: u64,
    mair: u64,
}

struct Space {
    asid: u16,
    /// `Mmu::clock` when it was last current.
    used: u64,
    /// How much of `Mmu::log` its banks have performed, while it is not the current one.
    performed: u64,
    /// By view and range; all `empty` while this space is the current one.
    banks: [Arc<Tlb>; 2 * TAGGED_VIEWS],
}

/// `Mmu::sent`: maintenance was broadcast since the last DSB.
pub(crate) const SENT_MAINTENANCE: u8 = 1 << 0;
/// `Mmu::sent`: writes of devices' registers may be on their way.
pub(crate) const SENT_WRITES: u8 = 1 << 1;

/// Translation state of one PE: a cache of its tables, and nothing that the guest could read back.
pub struct Mmu {
    banks: [Arc<Tlb>; BANKS],
    /// First bank of the current view, of LDTR/STTR, and of fetches, which PSTATE.PAN has no say in.
    view: usize,
    unprivileged: usize,
    code: usize,
    /// Cache: all three by Exception level (0 or 1) and PSTATE.PAN, while PSTATE.UAO is clear; `None` unless the EL1&0
    /// regime was the one that `select` saw last.
    levels: Option<[[u8; 3]; 4]>,
    /// SCTLR_ELx.A.
    pub(crate) strict: bool,
    /// FEAT_LSE2: what lies within 16 aligned bytes is accessed at once (see `memory.rs`).
    pub(crate) whole: bool,
    /// A store-release has not been followed by a full barrier yet (see `memory.rs`).
    pub(crate) release_pending: bool,
    /// What DSB waits for besides memory: `SENT_MAINTENANCE`, `SENT_WRITES`.
    pub(crate) sent: u8,
    /// It waited for others in DSB since it was last told of theirs.
    pub(super) waited: bool,
    tagged_upper: bool,
    /// A bank that belongs to an ASID may hold global pages: operations on other ASIDs concern it.
    tagged_global: bool,
    spaces: Vec<Space>,
    current: usize,
    clock: u64,
    /// By `Regime::bank`.
    control: [Control; 4],
    /// The TLB of every bank that has cached nothing; never written.
    empty: Arc<Tlb>,
    /// TLBs to be cleared and used again.
    free: Vec<Arc<Tlb>>,
    second: Second,
    /// The last operations by address that concern spaces which are not current, and how many there have been.
    log: [u64; LOGGED],
    logged: u64,
    /// What the small TLBs did not know.
    pub counts: MmuCounts,
}

/// Translations of data addresses that the small TLBs did not know, whoever accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MmuCounts {
    /// Those that the second level knew.
    pub second_hits: u64,
    /// Walks of tables, those that faulted too.
    pub walks: u64,
}

impl Default for Mmu {
    fn default() -> Self {
        Self::new()
    }
}

impl Mmu {
    /// Nothing cached. Call `select` before the first access.
    pub fn new() -> Mmu {
        let empty = Arc::new(Tlb::new());
        let none = || empty.clone();
        Mmu {
            banks: std::array::from_fn(|_| none()),
            view: View::Off as usize * 2,
            unprivileged: View::Off as usize * 2,
            code: View::Off as usize * 2,
            levels: None,
            strict: false,
            whole: false,
            release_pending: false,
            sent: 0,
            waited: false,
            tagged_upper: false,
            tagged_global: false,
            spaces: vec![Space { asid: 0, used: 0, performed: 0, banks: std::array::from_fn(|_| none()) }],
            current: 0,
            clock: 0,
            control: [Control::default(); 4],
            free: Vec::new(),
            second: Second::new(),
            log: [0; LOGGED],
            logged: 0,
            counts: MmuCounts::default(),
            empty,
        }
    }

    /// The TLB that a data access looks in.
    #[inline(always)]
    pub(crate) fn bank(&self, unprivileged: bool, va: u64) -> &Tlb {
        let view = if unprivileged { self.unprivileged } else { self.view };
        &self.banks[(view | half(va)) % BANKS]
    }

    /// The TLB that a fetch looks in.
    #[inline(always)]
    pub(crate) fn code_bank(&self, va: u64) -> &Tlb {
        &self.banks[(self.code | half(va)) % BANKS]
    }

    /// Where compiled code finds the data entries of one range (`Entry`, 32 bytes each, indexed by the page
    /// number modulo 1024). Good until the next call of anything on this PE.
    #[inline(always)]
    pub fn data_entries(&self, unprivileged: bool, upper: bool) -> usize {
        self.bank(unprivileged, u64::from(upper) << 55).entries()
    }

    /// `Tlb::stamp` of the translations that instructions of one range are fetched by.
    #[inline(always)]
    pub fn code_stamp(&self, upper: bool) -> u64 {
        self.code_bank(u64::from(upper) << 55).stamp()
    }

    /// Are accesses translated, and unaligned ones to Normal memory allowed?
    #[inline]
    pub fn is_lenient(&self) -> bool {
        !self.strict && self.view(false) != View::Off
    }

    /// Offset of the byte that says that a store-release is not yet ordered before a later load-acquire.
    pub const RELEASE_PENDING: usize = std::mem::offset_of!(Mmu, release_pending);

    /// Offset of the byte that is not zero if there is something that DSB waits for besides memory.
    pub const SENT: usize = std::mem::offset_of!(Mmu, sent);

    /// The view of plain accesses, or of LDTR/STTR.
    pub(crate) fn view(&self, unprivileged: bool) -> View {
        const VIEWS: [View; 8] = [
            View::User,
            View::Privileged,
            View::PrivilegedNever,
            View::Off,
            View::El2,
            View::El3,
            View::El3,
            View::El3,
        ];
        VIEWS[(if unprivileged { self.unprivileged } else { self.view }) / 2 % 8]
    }

    /// Selects the banks after a change of PSTATE alone.
    #[inline(always)]
    pub(crate) fn select_level(&mut self, pstate: &Pstate, sys: &Sys) {
        match (&self.levels, pstate.el, pstate.uao) {
            (Some(levels), 0 | 1, false) => {
                let [view, unprivileged, code] = levels[usize::from(pstate.el << 1 | u8::from(pstate.pan)) % 4];
                (self.view, self.unprivileged, self.code) = (view.into(), unprivileged.into(), code.into());
            }
            _ => self.select(pstate, sys),
        }
    }

    /// Selects the banks for the present state. Called after every change of it, so it first looks at what
    /// changes most.
    pub(crate) fn select(&mut self, pstate: &Pstate, sys: &Sys) {
        const TRANSLATION: u64 = sctlr::M | sctlr::WXN;
        let regime = Regime::current(pstate);
        let bank = regime.bank();
        let sctlr = sys.sctlr[bank];
        let control = Control { sctlr: sctlr & TRANSLATION, tcr: sys.tcr[bank], mair: sys.mair[bank] };
        if control != self.control[bank] {
            self.flush();
            self.control[bank] = control;
        }
        self.strict = sctlr & sctlr::A != 0;
        let on = sctlr & sctlr::M != 0 && !(regime == Regime::El10 && sys.tge());
        let view = match (regime, pstate.el) {
            (Regime::El10, _) if !on => View::Off,
            (Regime::El10, 0) => View::User,
            (Regime::El10, _) if pstate.pan => View::PrivilegedNever,
            (Regime::El10, _) => View::Privileged,
            (Regime::El2, _) => View::El2,
            (Regime::El3, _) => View::El3,
        };
        self.levels = match (regime, on) {
            (Regime::El10, false) => Some([[View::Off as u8 * 2; 3]; 4]),
            (Regime::El10, _) => {
                let [user, el1, never] = [View::User, View::Privileged, View::PrivilegedNever].map(|v| v as u8 * 2);
                Some([[user; 3], [user; 3], [el1, user, el1], [never, user, el1]])
            }
            _ => None,
        };
        let is_el1 = matches!(view, View::Privileged | View::PrivilegedNever);
        let unprivileged = if is_el1 && !pstate.uao { View::User } else { view };
        self.view = view as usize * 2;
        self.unprivileged = unprivileged as usize * 2;
        self.code = if view == View::PrivilegedNever { View::Privileged } else { view } as usize * 2;
        let asid = Stage1::asid(sys);
        if asid != self.spaces[self.current].asid {
            self.switch(asid);
        }
    }

    #[cold]
    fn switch(&mut self, asid: u16) {
        self.clock += 1;
        self.exchange();
        self.spaces[self.current].used = self.clock;
        self.spaces[self.current].performed = self.logged;
        self.current = match self.spaces.iter().position(|s| s.asid == asid) {
            Some(known) => known,
            None => self.claim(asid),
        };
        self.catch_up();
        self.exchange();
    }

    /// Performs on the current space, whose banks are still its own, what it missed.
    fn catch_up(&mut self) {
        let Mmu { spaces, current, empty, free, second, log, logged, .. } = self;
        let space = &mut spaces[*current];
        let missed = *logged - std::mem::replace(&mut space.performed, *logged);
        if missed > LOGGED as u64 {
            space.banks.iter_mut().for_each(|bank| recycle(bank, empty, free));
        } else {
            let missed = (*logged - missed..*logged).map(|n| log[n as usize % LOGGED]);
            missed.for_each(|va| drop_page(of_half(&mut space.banks, va), va, empty, second));
        }
    }

    /// Swaps the tagged banks with those of the current space.
    fn exchange(&mut self) {
        let space = &mut self.spaces[self.current];
        let step = if self.tagged_upper { 1 } else { 2 };
        for i in (0..space.banks.len()).step_by(step) {
            std::mem::swap(&mut self.banks[i], &mut space.banks[i]);
        }
    }

    /// A space for `asid`: a new one, or the least recently used one, emptied.
    fn claim(&mut self, asid: u16) -> usize {
        if self.spaces.len() < SPACES {
            let banks = std::array::from_fn(|_| self.empty.clone());
            self.spaces.push(Space { asid, used: 0, performed: self.logged, banks });
            return self.spaces.len() - 1;
        }
        let oldest = (0..SPACES).min_by_key(|i| self.spaces[*i].used).expect("SPACES is not zero");
        self.spaces[oldest].asid = asid;
        for bank in &mut self.spaces[oldest].banks {
            recycle(bank, &self.empty, &mut self.free);
        }
        oldest
    }

    /// The TLB of `view` to fill for `leaf` at `va`, and the second level.
    fn bank_mut(&mut self, view: usize, va: u64, leaf: &Leaf) -> (&mut Tlb, &mut Second) {
        if !leaf.global && half(va) == 1 {
            // So far no upper bank holds a non-global page: what they hold may stay with this ASID.
            self.tagged_global |= !self.tagged_upper;
            self.tagged_upper = true;
        }
        self.tagged_global |= leaf.global && (half(va) == 0 || self.tagged_upper);
        let bank = &mut self.banks[(view | half(va)) % BANKS];
        if Arc::ptr_eq(bank, &self.empty) {
            *bank = self.free.pop().unwrap_or_else(new_bank);
            Arc::get_mut(bank).expect("only `empty` is shared").clear();
        }
        (Arc::get_mut(bank).expect("only `empty` is shared"), &mut self.second)
    }

    pub(super) fn fill_data(&mut self, unprivileged: bool, va: u64, leaf: &Leaf, fill: Fill) {
        let view = if unprivileged { self.unprivileged } else { self.view };
        let (bank, second) = self.bank_mut(view, va, leaf);
        bank.fill_data(va, leaf, fill, second);
    }

    pub(super) fn fill_code(&mut self, va: u64, leaf: &Leaf) {
        self.bank_mut(self.code, va, leaf).0.fill_code(va, leaf);
    }

    /// Brings back the data entry of `va`, if it had been evicted and promises reading (or `write`); true if so.
    #[cold]
    #[inline(never)]
    pub(crate) fn refill(&mut self, unprivileged: bool, va: u64, write: bool) -> bool {
        let view = if unprivileged { self.unprivileged } else { self.view };
        let bank = &mut self.banks[(view | half(va)) % BANKS];
        if bank.entry(va).is_of(va) {
            return false;
        }
        match self.second.find(bank.life(), va).filter(|entry| !write || entry.place(va, true).is_some()) {
            Some(entry) => {
                let entry = *entry;
                self.counts.second_hits += 1;
                Arc::get_mut(bank).expect("nothing is known of `empty`").refill(va, entry, &mut self.second);
                true
            }
            None => false,
        }
    }

    /// The data entry of `va`.
    #[inline(always)]
    pub(crate) fn entry(&self, unprivileged: bool, va: u64) -> &Entry {
        self.bank(unprivileged, va).entry(va)
    }

    /// Forgets every translation.
    pub fn flush(&mut self) {
        let Mmu { banks, spaces, empty, free, .. } = self;
        let all = spaces.iter_mut().flat_map(|s| &mut s.banks).chain(banks);
        all.for_each(|bank| recycle(bank, empty, free));
        (self.tagged_upper, self.tagged_global) = (false, false);
    }

    /// Performs one maintenance operation on this PE's TLBs.
    pub(super) fn invalidate(&mut self, op: TlbiOp) {
        match op {
            TlbiOp::All => self.flush(),
            TlbiOp::Asid(asid) => self.drop_asid(asid),
            TlbiOp::Va { va, asid } => self.drop_va(va, asid),
        }
    }

    /// Global entries of the ASID's banks go too, which is allowed; the shared upper banks stay.
    fn drop_asid(&mut self, asid: u16) {
        let Mmu { banks, spaces, current, empty, free, tagged_upper, .. } = self;
        if spaces[*current].asid == asid {
            let step = if *tagged_upper { 1 } else { 2 };
            banks.iter_mut().take(2 * TAGGED_VIEWS).step_by(step).for_each(|b| recycle(b, empty, free));
        }
        let space = spaces.iter_mut().filter(|s| s.asid == asid);
        space.flat_map(|s| &mut s.banks).for_each(|b| recycle(b, empty, free));
    }

    fn drop_va(&mut self, va: u64, asid: Option<u16>) {
        let Mmu { banks, spaces, current, empty, second, log, logged, .. } = self;
        let own = spaces[*current].asid;
        for bank in of_half(banks, va).filter(|bank| !Arc::ptr_eq(bank, empty)) {
            let tlb = Arc::get_mut(bank).expect("only `empty` is shared");
            if tlb.concerns(own, asid) {
                tlb.drop_va(va, second);
            }
        }
        if half(va) == 1 && !self.tagged_upper {
            return; // the spaces have no such banks
        }
        match asid {
            Some(asid) if !self.tagged_global => {
                if asid != own
                    && let Some(space) = spaces.iter_mut().find(|s| s.asid == asid)
                {
                    drop_page(of_half(&mut space.banks, va), va, empty, second);
                }
            }
            _ => {
                log[*logged as usize % LOGGED] = va;
                *logged += 1;
            }
        }
    }
}

/// Its own function, since it comes seldom and takes much of the stack.
#[cold]
#[inline(never)]
fn new_bank() -> Arc<Tlb> {
    Arc::new(Tlb::new())
}

/// The banks of the range of `va`.
fn of_half(banks: &mut [Arc<Tlb>], va: u64) -> impl Iterator<Item = &mut Arc<Tlb>> {
    banks.iter_mut().skip(half(va)).step_by(2)
}

/// Drops the page at `va` from `banks`.
fn drop_page<'b>(banks: impl Iterator<Item = &'b mut Arc<Tlb>>, va: u64, empty: &Arc<Tlb>, second: &mut Second) {
    for bank in banks.filter(|bank| !Arc::ptr_eq(bank, empty)) {
        Arc::get_mut(bank).expect("only `empty` is shared").drop_va(va, second);
    }
}

/// Puts `empty` in the place of a used TLB.
fn recycle(bank: &mut Arc<Tlb>, empty: &Arc<Tlb>, free: &mut Vec<Arc<Tlb>>) {
    if !Arc::ptr_eq(bank, empty) {
        free.push(std::mem::replace(bank, empty.clone()));
    }
}
