//! Translation: regimes and their walks, and the TLBs that keep the results.
//!
//! `Stage1` is the architecture, without memory of its own; `Mmu` is a cache of what it answered. Everything
//! between the two, and the only place that fills a TLB, is `resolve` and `fetch` here.

mod maintenance;
mod perm;
mod queue;
mod regime;
mod second;
mod spaces;
mod tlb;
mod walk;

pub use maintenance::TlbiOp;
pub use perm::{Hierarchy, Need, Perms, View};
pub use queue::TlbiQueue;
pub use regime::{Regime, Stage1, half};
pub use spaces::{Mmu, MmuCounts};
pub use tlb::{CodeEntry, Entry, NOWHERE, Tlb};
pub use walk::Leaf;

pub(crate) use spaces::SENT_WRITES;
pub(crate) use tlb::PAGE;

use crate::address::is_untagged;
use crate::{Abort, Fault, FaultStatus, Vcpu};
use hw::{Leave, PhysAddr, VirtAddr};
use tlb::Fill;

/// Where an access goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Physical address of its first byte.
    pub pa: u64,
    /// The memory type is Device.
    pub device: bool,
    /// It is Normal, Inner and Outer Write-Back.
    pub write_back: bool,
}

/// From whose standing, and what for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ask {
    pub unprivileged: bool,
    pub need: Need,
    /// Not allowed to Device memory.
    pub unaligned: bool,
    /// Only to memory that is Normal, Inner and Outer Write-Back; not looked at by translation.
    pub write_back: bool,
}

impl Vcpu {
    /// Where the instruction at `va`, the PC, is: RAM, and executable. A tag that the branch to it should have
    /// stripped is stripped here, from the PC as well.
    #[inline]
    pub fn fetch(&mut self, va: u64) -> Result<PhysAddr, Leave> {
        let entry = self.mmu.code_bank(va).code_entry(va);
        if entry.tag == va & (PAGE | 3) {
            return Ok(PhysAddr(entry.meta & PAGE | va & !PAGE));
        }
        self.fetch_slow(va)
    }

    /// Is the page at `va`, which `fetch` has just found, guarded (FEAT_BTI)?
    pub fn fetch_guarded(&self, va: u64) -> bool {
        let entry = self.mmu.code_bank(va).code_entry(va);
        entry.tag == va & (PAGE | 3) && entry.is_guarded()
    }

    #[cold]
    #[inline(never)]
    fn fetch_slow(&mut self, va: u64) -> Result<PhysAddr, Leave> {
        if !is_untagged(va) {
            let address = self.branch_address(va);
            if address != va {
                self.regs.pc = address;
                return self.fetch(address);
            }
        }
        if va & 3 != 0 {
            return Err(self.raise_pc_alignment(va));
        }
        let view = self.mmu.view(false);
        let stage1 = self.stage1(va).of_instructions();
        let found = stage1.translate(self.shared.bus.ram(), va, view, Need::Execute, false);
        let leaf = match found {
            // Instructions are only fetched from RAM. The memory type does not matter: whether Device
            // memory without XN can be executed is IMPLEMENTATION DEFINED.
            Ok(leaf) if self.shared.bus.ram().host(PhysAddr(leaf.pa)).is_some() => leaf,
            Ok(_) => return Err(self.abort(FaultStatus::External, Need::Execute, va)),
            Err(status) => return Err(self.abort(status, Need::Execute, va)),
        };
        self.mmu.fill_code(va, &leaf);
        Ok(PhysAddr(leaf.pa))
    }

    /// Does the TLB know the page at `va`, for reading or writing, even if it promises nothing?
    pub fn knows_page(&self, unprivileged: bool, va: u64, write: bool) -> bool {
        self.mmu.entry(unprivileged, va).place(va, write).is_some()
    }

    /// Translates one access that stays within a page, by TLB or walk.
    pub(crate) fn resolve(&mut self, va: u64, ask: Ask) -> Result<Place, FaultStatus> {
        self.mmu.refill(ask.unprivileged, va, ask.need == Need::Write);
        let entry = self.mmu.entry(ask.unprivileged, va);
        if let Some(place) = entry.place(va, ask.need == Need::Write) {
            return if place.device && ask.unaligned { Err(FaultStatus::Alignment) } else { Ok(place) };
        }
        self.mmu.counts.walks += 1;
        let view = self.mmu.view(ask.unprivileged);
        let stage1 = self.stage1(va);
        let ram = self.shared.bus.ram();
        let leaf = stage1.translate(ram, va, view, ask.need, ask.unaligned)?;
        let fill = Fill {
            readable: leaf.perms.allows(view, Need::Read),
            writable: leaf.perms.allows(view, Need::Write) && !leaf.is_clean(&stage1),
            // Left to the slow path: watched pages, and Device memory under translation, since what is fast may be
            // unaligned.
            host: ram
                .host(PhysAddr(leaf.pa & PAGE))
                .filter(|_| (!stage1.on || !leaf.is_device()) && !self.is_watched_page(va))
                .map(|host| host.0 as u64),
            noted: self.journal.is_some(),
        };
        self.mmu.fill_data(ask.unprivileged, va, &leaf, fill);
        Ok(Place { pa: leaf.pa, device: leaf.is_device(), write_back: leaf.is_write_back() })
    }

    fn stage1(&self, va: u64) -> Stage1 {
        Stage1::of(Regime::current(&self.regs.pstate), &self.sys, self.model, va)
    }

    /// Raises an abort.
    #[cold]
    pub(crate) fn abort(&mut self, status: FaultStatus, need: Need, va: u64) -> Leave {
        let abort = match need {
            Need::Read => Abort::Read,
            Need::Write => Abort::Write,
            Need::Execute => Abort::Fetch,
            Need::Nothing => Abort::Maintenance,
        };
        self.raise_fault(Fault { status, abort, address: VirtAddr(va) })
    }

    /// The translation of cache maintenance by address; the physical address if it is RAM. At EL0 it needs
    /// to be readable; at EL1 permissions and PSTATE.PAN do not matter (DC IVAC may demand write permission
    /// there, which we do not).
    pub fn probe_maintenance(&mut self, va: u64) -> Result<Option<PhysAddr>, Leave> {
        let need = if self.regs.pstate.el == 0 { Need::Read } else { Need::Nothing };
        match self.resolve(va, Ask { unprivileged: false, need, unaligned: false, write_back: false }) {
            Ok(Place { pa, .. }) => Ok(self.shared.bus.ram().host(PhysAddr(pa)).map(|_| PhysAddr(pa))),
            Err(status) => Err(self.abort(status, Need::Nothing, va)),
        }
    }

    /// PSTATE has changed, and no register that controls translation.
    #[inline(always)]
    pub(crate) fn level_changed(&mut self) {
        self.mmu.select_level(&self.regs.pstate, &self.sys);
    }

    /// The Exception level, PSTATE.{PAN, UAO}, or a register that controls translation has changed.
    #[inline]
    pub fn context_changed(&mut self) {
        self.mmu.select(&self.regs.pstate, &self.sys);
    }
}
