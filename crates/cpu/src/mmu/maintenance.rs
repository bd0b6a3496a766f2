//! TLBI, DSB's part in it, and AT.

use super::spaces::{SENT_MAINTENANCE, SENT_WRITES};
use super::{Need, Regime, Stage1, View};
use crate::{FaultStatus, Vcpu};
use a64::SysReg;
use std::time::Duration;
use sync::Reasons;

/// One TLB maintenance operation of the EL1&0 regime. Last-level forms do the same: no walk is cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlbiOp {
    /// VMALLE1.
    All,
    /// ASIDE1.
    Asid(u16),
    /// VAE1, VALE1; without an ASID VAAE1, VAALE1.
    Va {
        /// The address, bits \[55:12\].
        va: u64,
        /// The ASID of non-global entries; `None` is every one.
        asid: Option<u16>,
    },
}

/// The op2 field of a system instruction.
const fn op2(op: SysReg) -> u16 {
    op.0 & 7
}

const fn crm(op: SysReg) -> u16 {
    op.0 >> 3 & 0xf
}

impl TlbiOp {
    /// From TLBI's op2 and operand.
    fn decode(op: SysReg, xt: u64, asid_mask: u16) -> TlbiOp {
        let asid = (xt >> 48) as u16 & asid_mask;
        let va = (xt & 0xfff_ffff_ffff) << 12;
        match op2(op) {
            1 | 5 => TlbiOp::Va { va, asid: Some(asid) },
            2 => TlbiOp::Asid(asid),
            3 | 7 => TlbiOp::Va { va, asid: None },
            _ => TlbiOp::All,
        }
    }
}

/// Turns of waiting in DSB before this thread sleeps. A PE that runs answers within a microsecond or so.
const SPINS: u32 = 64;
/// How long it sleeps before it looks to it again that the host runs those whose answer is missing.
const PATIENCE: Duration = Duration::from_micros(200);

impl Vcpu {
    /// TLBI of the EL1&0 regime: here, and for the Inner Shareable forms on every other PE.
    pub fn tlbi(&mut self, op: SysReg, xt: u64) {
        const INNER_SHAREABLE: u16 = 3;
        let what = TlbiOp::decode(op, xt, Stage1::asid_mask(&self.sys));
        self.mmu.invalidate(what);
        if crm(op) != INNER_SHAREABLE {
            return;
        }
        for (_, peer) in self.shared.peers.iter().enumerate().filter(|(i, _)| *i != self.index) {
            self.mmu.sent |= SENT_MAINTENANCE;
            if peer.tlbi.push(what) {
                peer.attention.post(Reasons::TLBI);
            }
        }
    }

    /// Performs broadcast maintenance that is queued for this PE, which was told so.
    pub fn drain_tlbi(&mut self) {
        self.perform_tlbi();
        let parks_often = std::mem::take(&mut self.mmu.waited);
        if !parks_often && self.shared.peers.iter().any(|peer| peer.tlbi.is_awaited()) {
            // The host has fewer CPUs than would run, and someone who does not is waited for.
            std::thread::yield_now();
        }
    }

    /// The same; was there any?
    fn perform_tlbi(&mut self) -> bool {
        let Vcpu { shared, mmu, index, .. } = self;
        shared.peers[*index].tlbi.drain(|op| mmu.invalidate(op))
    }

    /// DSB with the `CRm` field: returns when the maintenance that this PE broadcast is complete on every PE, and, if it
    /// waits for stores, what this PE wrote to devices has its effect. Of others' maintenance only explicit accesses are
    /// this PE's own matter: instructions it already fetched are left at the next taken branch, because `Reasons::TLBI`
    /// stays posted.
    #[inline]
    pub fn await_sent(&mut self, crm: u32) {
        if self.mmu.sent != 0 {
            self.await_what_was_sent(crm);
        }
    }

    #[cold]
    fn await_what_was_sent(&mut self, crm: u32) {
        /// Access types of DSB: loads alone.
        const LOADS: u32 = 1;
        /// Speculation barriers among its encodings: they wait for nothing.
        const SSBB: u32 = 0;
        const PSSBB: u32 = 4;
        if crm & 3 != LOADS && crm != SSBB && crm != PSSBB {
            self.complete_writes();
        }
        if self.mmu.sent & SENT_MAINTENANCE != 0 {
            self.wait_for_peers();
        }
    }

    /// What this PE wrote to devices and is on its way arrives: at DSB, and before the PE executes nothing for a while.
    #[inline]
    pub fn complete_writes(&mut self) {
        if self.mmu.sent & SENT_WRITES != 0 {
            self.mmu.sent &= !SENT_WRITES;
            self.shared.gic.complete_writes(self.index);
        }
    }

    fn wait_for_peers(&mut self) {
        self.mmu.sent &= !SENT_MAINTENANCE;
        let own = self.index;
        if self.shared.peers.iter().enumerate().all(|(i, peer)| i == own || peer.tlbi.behind().is_none()) {
            return;
        }
        // Every access of this PE is over, so nobody need wait for it in turn.
        self.park();
        self.mmu.waited = true;
        let peers = &self.shared.peers;
        for (i, peer) in peers.iter().enumerate() {
            let Some(ticket) = peer.tlbi.behind().filter(|_| i != own) else { continue };
            let mut turns = 0;
            while !peer.tlbi.is_done(ticket) {
                turns += 1;
                if turns < SPINS {
                    std::hint::spin_loop();
                    continue;
                }
                // Its thread may want a CPU that another of ours has: see `drain_tlbi`.
                let others = peers.iter().filter(|other| !other.tlbi.is_parked());
                others.for_each(|other| other.attention.post(Reasons::TLBI));
                peer.tlbi.wait(ticket, PATIENCE);
            }
        }
        if self.resume() {
            // Instructions that were fetched by what is gone are left soon, as if it had been told.
            self.attention.post(Reasons::TLBI);
        }
    }

    /// This PE executes nothing until `unpark`: nobody waits for it meanwhile.
    pub fn park(&mut self) {
        self.complete_writes();
        self.shared.peers[self.index].tlbi.park();
    }

    /// It executes again.
    pub fn unpark(&mut self) {
        self.resume();
    }

    /// The same; was anything to be performed?
    fn resume(&mut self) -> bool {
        self.shared.peers[self.index].tlbi.unpark();
        self.perform_tlbi()
    }

    /// AT S1E1R, S1E1W, S1E0R, S1E0W, S1E1RP, S1E1WP, those of EL2 and EL3, and S12E, which is the same without a
    /// stage 2: the answer is in PAR_EL1. Tables are not updated: a
    /// clear Access flag that hardware would set is no fault. An external abort on the walk is reported in
    /// PAR_EL1 as well.
    pub fn address_translate(&mut self, op: SysReg, va: u64) {
        const WITH_PAN: u16 = 9;
        let regime = match (op.0 >> 11 & 7, op2(op)) {
            (4, 0 | 1) => Regime::El2,
            (6, _) => Regime::El3,
            _ => Regime::El10,
        };
        let stage1 = Stage1::of(regime, &self.sys, self.model, va);
        let view = match (op2(op) & 2 != 0, crm(op) == WITH_PAN && self.regs.pstate.pan) {
            _ if regime == Regime::El2 => View::El2,
            _ if regime == Regime::El3 => View::El3,
            _ if !stage1.on => View::Off,
            (true, _) => View::User,
            (false, true) => View::PrivilegedNever,
            (false, false) => View::Privileged,
        };
        let need = if op2(op) & 1 != 0 { Need::Write } else { Need::Read };
        let found = match view {
            View::User if stage1.e0pd => Err(FaultStatus::Translation(0)),
            _ => stage1.walk(self.shared.bus.ram(), va),
        };
        self.sys.par = match found {
            Ok(leaf) if leaf.perms.allows(view, need) => {
                // Device and non-cacheable memory is Outer Shareable whatever the descriptor says.
                let sh = if leaf.is_device() || leaf.attr == 0x44 { 0b10 } else { leaf.sh };
                const NON_SECURE: u64 = 1 << 9;
                let pa = leaf.pa & 0x0000_ffff_ffff_f000;
                u64::from(leaf.attr) << 56 | pa | RES1 | NON_SECURE | u64::from(sh) << 7
            }
            Ok(leaf) => fault(FaultStatus::Permission(leaf.level)),
            Err(status) => fault(status),
        };
    }
}

/// PAR_EL1\[11\].
const RES1: u64 = 1 << 11;

/// PAR_EL1 for a translation that failed.
fn fault(status: FaultStatus) -> u64 {
    RES1 | u64::from(status.code()) << 1 | 1
}
