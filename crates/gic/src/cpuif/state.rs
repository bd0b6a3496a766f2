//! The whole state of a CPU interface at once, for who takes a PE to another process. The registers that an access sees
//! are views of it: they depend on the security state, and with CBPR they hide one another.

use super::{BPR_MIN, Bank, CpuInterface};
use crate::word::{GROUPS, PRIORITY_MASK};
use serde::{Deserialize, Serialize};

/// What a CPU interface holds, by group: Group 0, Group 1 of Non-secure or the only state, Group 1 of Secure state.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct InterfaceState {
    /// Priority mask.
    pub pmr: u8,
    /// Binary points.
    pub bpr: [u8; GROUPS],
    /// CBPR and EOImode of each bank of ICC_CTLR; that of Group 0 is EL3's.
    pub banks: [(bool, bool); GROUPS],
    /// ICC_CTLR_EL3.PMHE and RM.
    pub pmhe_rm: (bool, bool),
    /// Group enables.
    pub enabled: [bool; GROUPS],
    /// Active priorities: bit n is group priority 8·n.
    pub active: [u32; GROUPS],
    /// Bit g: a non-maskable interrupt of group g is active.
    pub nmi_active: u8,
    /// For `Fidelity::Strict`: INTIDs that were acknowledged and not ended.
    pub in_order: Vec<u32>,
}

impl CpuInterface {
    /// What it holds. What it counted for tools is not part of that.
    pub fn save(&self) -> InterfaceState {
        InterfaceState {
            pmr: self.pmr,
            bpr: self.bpr,
            banks: self.banks.map(|bank| (bank.cbpr, bank.eoimode)),
            pmhe_rm: (self.pmhe, self.rm),
            enabled: self.enabled,
            active: self.ap,
            nmi_active: self.nmi_active,
            in_order: self.in_order.clone(),
        }
    }

    /// Puts it back. Who executes is said by `set_accessor`, as ever; values that no register can have are corrected.
    pub fn restore(&mut self, state: &InterfaceState) {
        self.pmr = state.pmr & PRIORITY_MASK;
        for (group, least) in BPR_MIN.into_iter().enumerate() {
            self.bpr[group] = (state.bpr[group] & 7).max(least);
        }
        self.banks = state.banks.map(|(cbpr, eoimode)| Bank { cbpr, eoimode });
        (self.pmhe, self.rm) = state.pmhe_rm;
        (self.enabled, self.ap) = (state.enabled, state.active);
        self.nmi_active = if self.gic.features.nmi { state.nmi_active & 7 } else { 0 };
        self.in_order = state.in_order.clone();
        self.publish_all();
    }
}
