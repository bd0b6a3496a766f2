//! The registers of the CPU interface as an access reads and writes them (IHI 0069, ICC_*).

use super::{BPR_MIN, CpuInterface};
use crate::vcpuif::PhysicalDeactivation;
use crate::word::{G0, G1, G1S, PRIORITY_MASK};

/// ICC_CTLR_EL1, and with other names of bits ICC_CTLR_EL3.
const CBPR: u64 = 1 << 0;
const EOIMODE: u64 = 1 << 1;
const PMHE: u64 = 1 << 6;
/// PRIbits 5, IDbits 16, A3V, RSS; SEIS is 0.
const FIXED: u64 = 4 << 8 | 1 << 15 | 1 << 18;
const EXT_RANGE: u64 = 1 << 19;
/// ICC_CTLR_EL3.
const CBPR_NS: u64 = 1 << 1;
const EOIMODE_EL3: u64 = 1 << 2;
const EOIMODE_S: u64 = 1 << 3;
const EOIMODE_NS: u64 = 1 << 4;
const RM: u64 = 1 << 5;
const NO_DS: u64 = 1 << 17;
/// ICC_AP1R0_EL1 and ICC_RPR_EL1.
const NMI: u64 = 1 << 63;
const NMI_NS: u64 = 1 << 62;

impl CpuInterface {
    // Interrupts.

    /// ICC_IAR0_EL1: acknowledges a Group 0 interrupt.
    pub fn iar0(&mut self) -> u64 {
        self.acknowledge(CpuInterface::answer0)
    }

    /// ICC_IAR1_EL1: acknowledges a Group 1 interrupt.
    pub fn iar1(&mut self) -> u64 {
        self.acknowledge_at_once().unwrap_or_else(|| self.acknowledge(|it, group, word| it.answer1(group, word, true)))
    }

    /// ICC_NMIAR1_EL1: acknowledges a Group 1 interrupt that is non-maskable.
    pub fn nmiar1(&mut self) -> u64 {
        self.acknowledge(CpuInterface::answer_nmi)
    }

    /// ICC_HPPIR0_EL1.
    pub fn hppir0(&self) -> u64 {
        self.best().map_or(super::deliver::SPURIOUS, |found| self.answer0(found.slot().group, found.word).intid(found))
    }

    /// ICC_HPPIR1_EL1.
    pub fn hppir1(&self) -> u64 {
        self.best()
            .map_or(super::deliver::SPURIOUS, |found| self.answer1(found.slot().group, found.word, false).intid(found))
    }

    /// ICC_EOIR0_EL1: priority drop, and deactivation unless EOImode is 1.
    pub fn set_eoir0(&mut self, v: u64) {
        self.end(G0, v);
    }

    /// ICC_EOIR1_EL1: priority drop, and deactivation unless EOImode is 1.
    pub fn set_eoir1(&mut self, v: u64) {
        self.end(G1, v);
    }

    /// ICC_DIR_EL1: deactivation; ignored unless EOImode is 1 (IHI 0069, ICC_DIR_EL1). Non-secure software can
    /// deactivate what it could have acknowledged.
    pub fn set_dir(&mut self, v: u64) {
        if self.eoimode() {
            let all = self.who.secure || self.one_state();
            self.deactivate(v as u32 & 0xff_ffff, move |group| all || group == G1);
        } else {
            self.gic
                .watch
                .report("ICC_DIR_EL1", 0, self.pe, || format!("DIR of INTID {v} while EOImode is 0; ignored"));
        }
    }

    /// A guest has deactivated a virtual interrupt that stands for a physical one: the same to that, as by a
    /// Non-secure ICC_DIR_EL1 write.
    pub fn deactivate_for_guest(&mut self, PhysicalDeactivation(id): PhysicalDeactivation) {
        let all = self.one_state();
        self.deactivate(id.0, move |group| all || group == G1);
    }

    /// ICC_RPR_EL1: the running group priority as if the binary point were at its minimum, 0xff when idle.
    pub fn rpr(&self) -> u64 {
        let Some((rank, group, nmi)) = self.highest_active(|_| true) else { return 0xff };
        let seen = match (self.who.shifted(), rank) {
            (false, _) => rank,
            (true, ..0x80) => 0,
            (true, _) => rank << 1 & 0xff,
        };
        let other_state = group == G1 && self.state() == G1S;
        u64::from(seen)
            | if !nmi {
                0
            } else if other_state {
                NMI_NS
            } else {
                NMI
            }
    }

    // Masks.

    /// ICC_PMR_EL1.
    pub fn pmr(&self) -> u64 {
        let pmr = u64::from(self.pmr);
        match (self.who.shifted(), pmr) {
            (false, _) => pmr,
            (true, ..0x80) => 0,
            (true, _) => pmr << 1 & 0xff,
        }
    }

    /// ICC_PMR_EL1; unimplemented bits are RAZ/WI. Non-secure software that sees the lower half of priorities cannot
    /// open a mask that Secure software closed further.
    #[inline]
    pub fn set_pmr(&mut self, v: u64) {
        let v = v as u8;
        let v = match (self.who.shifted(), self.pmr) {
            (false, _) => v,
            (true, ..0x80) => return,
            (true, _) => v >> 1 | 0x80,
        };
        self.pmr = v & PRIORITY_MASK;
        self.update();
    }

    /// ICC_BPR0_EL1.
    pub fn bpr0(&self) -> u64 {
        self.bpr[G0].into()
    }

    /// ICC_BPR0_EL1; less than the minimum stores the minimum.
    pub fn set_bpr0(&mut self, v: u64) {
        self.set_bpr(G0, v);
    }

    /// ICC_BPR1_EL1; with CBPR, BPR0, and plus one, at most 7, for Non-secure software.
    pub fn bpr1(&self) -> u64 {
        match (self.bank(), self.banks[self.bank()].cbpr) {
            (bank, false) => self.bpr[bank].into(),
            (G1S, true) => self.bpr[G0].into(),
            (_, true) => u64::from(self.bpr[G0] + 1).min(7),
        }
    }

    /// ICC_BPR1_EL1; with CBPR ignored, or BPR0 for Secure software.
    pub fn set_bpr1(&mut self, v: u64) {
        match (self.bank(), self.banks[self.bank()].cbpr) {
            (bank, false) => self.set_bpr(bank, v),
            (G1S, true) => self.set_bpr(G0, v),
            (_, true) => {}
        }
    }

    fn set_bpr(&mut self, group: usize, v: u64) {
        self.bpr[group] = (v as u8 & 7).max(BPR_MIN[group]);
        self.update();
    }

    /// ICC_AP0R0_EL1: bit n is active group priority 8·n.
    pub fn ap0r0(&self) -> u64 {
        self.ap[G0].into()
    }

    /// ICC_AP0R0_EL1, for restore.
    pub fn set_ap0r0(&mut self, v: u64) {
        self.ap[G0] = v as u32;
        self.update();
    }

    /// ICC_AP1R0_EL1: bit n is active group priority 8·n, bit 63 an active non-maskable interrupt.
    pub fn ap1r0(&self) -> u64 {
        let bank = self.bank();
        u64::from(self.ap[bank]) | if self.has_nmi_active(bank) { NMI } else { 0 }
    }

    /// ICC_AP1R0_EL1, for restore.
    pub fn set_ap1r0(&mut self, v: u64) {
        let bank = self.bank();
        self.ap[bank] = v as u32;
        let nmi = v & NMI != 0 && self.gic.features.nmi;
        self.nmi_active = self.nmi_active & !(1 << bank) | u8::from(nmi) << bank;
        self.update();
    }

    // Control.

    fn fixed(&self) -> u64 {
        let extended = self.gic.features.eppis | self.gic.features.espis != 0;
        FIXED | if extended { EXT_RANGE } else { 0 }
    }

    /// ICC_CTLR_EL1.
    pub fn ctlr(&self) -> u64 {
        let bank = self.banks[self.bank()];
        let set = |yes: bool, bit: u64| if yes { bit } else { 0 };
        self.fixed() | set(bank.cbpr, CBPR) | set(bank.eoimode, EOIMODE) | set(self.pmhe, PMHE)
    }

    /// ICC_CTLR_EL1: EOImode; CBPR and PMHE only while there is one security state (else they are EL3's).
    pub fn set_ctlr(&mut self, v: u64) {
        let (bank, one_state) = (self.bank(), self.one_state());
        self.banks[bank].eoimode = v & EOIMODE != 0;
        if one_state {
            self.banks[bank].cbpr = v & CBPR != 0;
            self.pmhe = v & PMHE != 0;
        }
        self.update();
    }

    /// ICC_CTLR_EL3.
    pub fn ctlr_el3(&self) -> u64 {
        let set = |yes: bool, bit: u64| if yes { bit } else { 0 };
        self.fixed()
            | set(self.banks[G1S].cbpr, CBPR)
            | set(self.banks[G1].cbpr, CBPR_NS)
            | set(self.banks[G0].eoimode, EOIMODE_EL3)
            | set(self.banks[G1S].eoimode, EOIMODE_S)
            | set(self.banks[G1].eoimode, EOIMODE_NS)
            | set(self.rm, RM)
            | set(self.pmhe, PMHE)
            | set(!self.gic.features.two_states, NO_DS)
    }

    /// ICC_CTLR_EL3.
    pub fn set_ctlr_el3(&mut self, v: u64) {
        self.banks[G1S].cbpr = v & CBPR != 0;
        self.banks[G1].cbpr = v & CBPR_NS != 0;
        self.banks[G0].eoimode = v & EOIMODE_EL3 != 0;
        self.banks[G1S].eoimode = v & EOIMODE_S != 0;
        self.banks[G1].eoimode = v & EOIMODE_NS != 0;
        (self.rm, self.pmhe) = (v & RM != 0, v & PMHE != 0);
        self.update();
    }

    /// EOImode of the current Exception level.
    pub(super) fn eoimode(&self) -> bool {
        let bank = if self.who.el == 3 { G0 } else { self.bank() };
        self.banks[bank].eoimode
    }

    /// ICC_SRE_EL1: system registers only, no bypass.
    pub fn sre(&self) -> u64 {
        0b111
    }

    /// ICC_SRE_EL1: all bits are RAO/WI.
    pub fn set_sre(&mut self, _: u64) {}

    /// ICC_SRE_EL2 and ICC_SRE_EL3: system registers only, no bypass, lower levels may. RAO/WI.
    pub fn sre_of_higher(&self) -> u64 {
        0b1111
    }

    /// ICC_IGRPEN0_EL1.
    pub fn igrpen0(&self) -> u64 {
        self.enabled[G0].into()
    }

    /// ICC_IGRPEN0_EL1.
    pub fn set_igrpen0(&mut self, v: u64) {
        self.enabled[G0] = v & 1 != 0;
        self.publish_all();
    }

    /// ICC_IGRPEN1_EL1.
    pub fn igrpen1(&self) -> u64 {
        self.enabled[self.bank()].into()
    }

    /// ICC_IGRPEN1_EL1.
    pub fn set_igrpen1(&mut self, v: u64) {
        self.enabled[self.bank()] = v & 1 != 0;
        self.publish_all();
    }

    /// ICC_IGRPEN1_EL3: EnableGrp1NS and EnableGrp1S.
    pub fn igrpen1_el3(&self) -> u64 {
        u64::from(self.enabled[G1]) | u64::from(self.enabled[G1S]) << 1
    }

    /// ICC_IGRPEN1_EL3.
    pub fn set_igrpen1_el3(&mut self, v: u64) {
        (self.enabled[G1], self.enabled[G1S]) = (v & 1 != 0, v & 2 != 0);
        self.publish_all();
    }

    /// Group 1 of the current security state.
    fn state(&self) -> usize {
        if self.who.secure && !self.one_state() { G1S } else { G1 }
    }

    /// ICC_SGI1R_EL1: an SGI to the targets where it is in Group 1 of the current security state.
    pub fn set_sgi1r(&mut self, v: u64) {
        self.send(self.state(), v);
    }

    /// ICC_SGI0R_EL1: an SGI to those targets where it is in Group 0.
    pub fn set_sgi0r(&mut self, v: u64) {
        self.send(G0, v);
    }

    /// ICC_ASGI1R_EL1: the other security state's Group 1. With one security state, Group 0.
    pub fn set_asgi1r(&mut self, v: u64) {
        let group = match (self.one_state(), self.state()) {
            (true, _) => G0,
            (false, G1S) => G1,
            (false, _) => G1S,
        };
        self.send(group, v);
    }
}
