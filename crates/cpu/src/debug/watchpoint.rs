//! Watchpoints.
//!
//! `is_watched_page` keeps a page out of the fast path of memory accesses; the slow path asks
//! `check_watchpoints` once the access is known to succeed otherwise.

use super::E;
use super::matching::ADDRESS;
use crate::Vcpu;
use crate::exception::class;
use crate::mmu::Need;
use crate::sysreg::bits::mdscr;
use hw::{Leave, VirtAddr};

/// The bytes that a pair of DBGWVR and DBGWCR watches.
#[derive(Clone, Copy)]
struct Watch {
    /// First byte of an aligned block of `1 << log2`.
    base: u64,
    log2: u32,
    /// Which bytes of a doubleword, by DBGWCR_EL1.BAS; all of them in a larger block.
    bytes: u8,
}

impl Watch {
    /// CONSTRAINED UNPREDICTABLE choices: bytes that are not contiguous are watched each by itself; BAS does
    /// not matter with MASK; MASK of 1 or 2 watches nothing.
    fn of(value: u64, control: u64) -> Option<Watch> {
        let (mask, bas) = ((control >> 24 & 0x1f) as u32, (control >> 5) as u8);
        let log2 = mask.max(3);
        let bytes = match (mask, value >> 2 & 1) {
            (0, 0) => bas,
            // Aligned to a word: BAS[3:0] are its bytes.
            (0, _) => (bas & 0xf) << 4,
            (1 | 2, _) => 0,
            _ => 0xff,
        };
        (control & E != 0 && bytes != 0).then_some(Watch { base: value >> log2 << log2, log2, bytes })
    }

    /// Is the byte at `va` watched?
    fn has(self, va: u64) -> bool {
        ((va ^ self.base) & ADDRESS) >> self.log2 == 0 && self.bytes >> (va & 7) & 1 != 0
    }

    /// Does it lie in, or cover, the page of `va`?
    fn touches_page(self, va: u64) -> bool {
        ((va ^ self.base) & ADDRESS) >> self.log2.max(12) == 0
    }
}

impl Vcpu {
    fn watch(&self, n: usize) -> Option<Watch> {
        Watch::of(self.sys.dbgwvr[n], self.sys.dbgwcr[n])
    }

    /// Shall accesses to the page of `va` be checked one by one?
    #[inline]
    pub(crate) fn is_watched_page(&self, va: u64) -> bool {
        self.debug.watching && (0..self.sys.dbgwcr.len()).filter_map(|n| self.watch(n)).any(|w| w.touches_page(va))
    }

    /// Raises a Watchpoint exception if `need` of `bytes` at `va` is watched. FAR is the first watched byte.
    #[inline]
    pub(crate) fn check_watchpoints(
        &mut self,
        va: u64,
        bytes: u64,
        need: Need,
        unprivileged: bool,
    ) -> Result<(), Leave> {
        match self.debug.watching.then(|| self.watched_byte(va, bytes, need, unprivileged)).flatten() {
            Some(at) => Err(self.raise_watchpoint(at, need)),
            None => Ok(()),
        }
    }

    #[cold]
    fn watched_byte(&self, va: u64, bytes: u64, need: Need, unprivileged: bool) -> Option<u64> {
        if self.sys.mdscr & mdscr::MDE == 0 || !self.debug_exceptions_enabled() {
            return None;
        }
        // LDTR and STTR act as if at EL0.
        let el = if unprivileged && !self.regs.pstate.uao { 0 } else { self.regs.pstate.el };
        let direction = if need == Need::Read { 1 << 3 } else { 1 << 4 }; // DBGWCR_EL1.LSC
        let applies = |n: usize| {
            let control = self.sys.dbgwcr[n];
            let linked = control >> 20 & 1 != 0; // DBGWCR_EL1.WT
            control & direction != 0 && self.state_matches(control, el, linked)
        };
        let watches = (0..self.sys.dbgwcr.len()).filter(|n| applies(*n)).filter_map(|n| self.watch(n));
        let first = |w: Watch| (0..bytes).map(|i| va.wrapping_add(i)).find(|at| w.has(*at));
        watches.filter_map(first).min()
    }

    #[cold]
    fn raise_watchpoint(&mut self, at: u64, need: Need) -> Leave {
        const WNR: u32 = 1 << 6;
        const CM: u32 = 1 << 8;
        let kind = match need {
            Need::Read | Need::Execute => 0,
            Need::Write => WNR,
            Need::Nothing => WNR | CM,
        };
        self.raise_debug(class::WATCHPOINT, kind, Some(VirtAddr(at)))
    }
}
