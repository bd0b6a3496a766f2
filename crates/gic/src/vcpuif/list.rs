//! One list register, `ICH_LR<n>_EL2`, as a value.

use super::{LPIS, PRIORITY_MASK, VirtualSpec};

/// `ICH_LR<n>_EL2` as it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct ListRegister(pub u64);

const ACTIVE: u64 = 1 << 63;
const PENDING: u64 = 1 << 62;
const HW: u64 = 1 << 61;
const GROUP1: u64 = 1 << 60;
const NMI: u64 = 1 << 59;
const PRIORITY: u64 = (PRIORITY_MASK as u64) << 48;
/// With HW=0, where pINTID is otherwise.
const EOI: u64 = 1 << 41;
const PINTID_SHIFT: u32 = 32;
const VINTID: u64 = 0xffff;

/// 1020 to 1023 are never interrupts.
#[inline]
pub(super) fn is_special(id: u32) -> bool {
    (1020..1024).contains(&id)
}

impl ListRegister {
    /// What a write of `v` stores: RES0 bits stay zero.
    pub fn written(v: u64, spec: VirtualSpec) -> ListRegister {
        let pintid = (if spec.extended_range { 0x1fff } else { 0x3ff }) << PINTID_SHIFT;
        let behind = if v & HW != 0 { pintid } else { EOI };
        let nmi = if spec.nmi { NMI } else { 0 };
        let it = ListRegister(v & (ACTIVE | PENDING | HW | GROUP1 | nmi | PRIORITY | behind | VINTID));
        // The priority of an NMI is RES0.
        if it.nmi() { ListRegister(it.0 & !PRIORITY) } else { it }
    }

    /// State 0b00.
    #[inline]
    pub fn is_invalid(self) -> bool {
        self.0 & (ACTIVE | PENDING) == 0
    }

    /// State 0b01. Pending and active is signalled to nobody.
    #[inline]
    pub fn is_pending(self) -> bool {
        self.0 & (ACTIVE | PENDING) == PENDING
    }

    /// State 0b10 or 0b11.
    #[inline]
    pub fn is_active(self) -> bool {
        self.0 & ACTIVE != 0
    }

    /// Pending, and an interrupt that the guest can be shown.
    #[inline]
    pub fn is_presentable(self) -> bool {
        self.is_pending() && !is_special(self.vintid())
    }

    /// Lower goes first; superpriority is before priority 0.
    #[inline]
    pub fn urgency(self) -> u8 {
        if self.nmi() { 0 } else { 1 + (self.priority() >> 3) }
    }

    /// 0 or 1.
    #[inline]
    pub fn group(self) -> usize {
        (self.0 & GROUP1 != 0) as usize
    }

    /// Non-maskable. LPIs and Group 0 have no such interrupts, whatever the bit says.
    #[inline]
    pub fn nmi(self) -> bool {
        self.0 & NMI != 0 && self.group() == 1 && self.vintid() < LPIS
    }

    /// 0 for an NMI.
    #[inline]
    pub fn priority(self) -> u8 {
        (self.0 >> 48) as u8
    }

    /// The interrupt as the guest sees it.
    #[inline]
    pub fn vintid(self) -> u32 {
        (self.0 & VINTID) as u32
    }

    /// The interrupt behind it, if HW=1.
    #[inline]
    pub fn pintid(self) -> Option<u32> {
        (self.0 & HW != 0).then_some((self.0 >> PINTID_SHIFT) as u32 & 0x1fff)
    }

    /// Wants a maintenance interrupt when it becomes invalid.
    #[inline]
    pub fn eoi(self) -> bool {
        self.0 & (HW | EOI) == EOI
    }

    /// The same, acknowledged.
    #[inline]
    pub fn acknowledged(self) -> ListRegister {
        ListRegister(self.0 & !PENDING | ACTIVE)
    }

    /// The same, deactivated: pending again if it was both.
    #[inline]
    pub fn deactivated(self) -> ListRegister {
        ListRegister(self.0 & !ACTIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_stored_again() {
        for nmi in [false, true] {
            for extended_range in [false, true] {
                let spec = VirtualSpec { list_registers: 4, nmi, extended_range };
                for bit in 0..64 {
                    for around in [0, HW, GROUP1, NMI, GROUP1 | NMI, HW | GROUP1 | NMI, !0] {
                        let once = ListRegister::written(around ^ 1 << bit, spec);
                        assert_eq!(ListRegister::written(once.0, spec), once);
                    }
                }
            }
        }
    }
}
