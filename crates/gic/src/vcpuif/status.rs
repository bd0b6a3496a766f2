//! What is cached, because it is looked at more often than it changes: which list registers are in which state,
//! which of them goes first, the signals, and the causes of a maintenance interrupt.

use super::hyp::MAINTENANCE_ENABLES;
use super::list::ListRegister;
use super::{MAX_LISTS, VirtualInterface, VirtualSignals};

/// The list registers by state, one bit for each, and in which order they go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ListStatus {
    /// State is pending, and not active too.
    pub pending: u16,
    /// Invalid, with an EOI maintenance interrupt: ICH_EISR_EL2.
    pub ended: u16,
    /// Invalid without: ICH_ELRSR_EL2.
    pub empty: u16,
    /// The least goes first: urgency, then number, or `NOT_WAITING`. Signed, because hosts find the least of those
    /// in a few instructions.
    order: [i16; MAX_LISTS],
    /// The least of `order`.
    least: i16,
}

const NOT_WAITING: i16 = i16::MAX;

impl Default for ListStatus {
    fn default() -> ListStatus {
        ListStatus { pending: 0, ended: 0, empty: 0, order: [NOT_WAITING; MAX_LISTS], least: NOT_WAITING }
    }
}

impl ListStatus {
    #[inline]
    fn note(&mut self, n: usize, list: ListRegister, enabled: [bool; 2]) {
        let set = |word: u16, v: bool| word & !(1 << n) | (v as u16) << n;
        self.pending = set(self.pending, list.is_pending());
        self.ended = set(self.ended, list.is_invalid() && list.eoi());
        self.empty = set(self.empty, list.is_invalid() && !list.eoi());
        // Equal urgency: the order is IMPLEMENTATION DEFINED; we choose the lowest list register.
        let place = i16::from(list.urgency()) << 4 | n as i16;
        let place = if list.is_presentable() && enabled[list.group()] { place } else { NOT_WAITING };
        let before = std::mem::replace(&mut self.order[n], place);
        self.least = if before == self.least && place > before {
            self.order.iter().copied().fold(NOT_WAITING, i16::min)
        } else {
            self.least.min(place)
        };
    }

    /// The highest priority pending interrupt of the enabled groups, whatever is masked.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        (self.least != NOT_WAITING).then_some(self.least as usize & (MAX_LISTS - 1))
    }
}

impl VirtualInterface {
    /// One list register has changed.
    pub(super) fn list_changed(&mut self, n: usize) {
        self.status.note(n, self.lists[n], self.enabled);
        self.masks_changed();
    }

    /// A group enable has changed.
    pub(super) fn enables_changed(&mut self) {
        for n in 0..self.spec.list_registers {
            self.status.note(n, self.lists[n], self.enabled);
        }
        self.masks_changed();
    }

    /// Something else has changed.
    #[inline]
    pub(super) fn masks_changed(&mut self) {
        self.signals = match self.deliverable() {
            None => VirtualSignals::default(),
            // VFIQEn is RES1.
            Some((_, it)) => VirtualSignals { irq: it.group() == 1, fiq: it.group() == 0, nmi: it.nmi() },
        };
        self.misr = self.maintenance_causes();
    }

    /// ICH_MISR_EL2: each condition whose enable in ICH_HCR_EL2 is set, and EOI, which needs none.
    #[inline]
    fn maintenance_causes(&self) -> u8 {
        let ended = (self.status.ended != 0) as u8;
        let enables = (self.hcr & MAINTENANCE_ENABLES) as u8;
        if enables == 0 {
            return ended;
        }
        let valid = self.spec.list_registers as u32 - (self.status.ended | self.status.empty).count_ones();
        let [group0, group1] = self.enabled;
        let conditions = ((valid <= 1) as u8) << 1 // U
            | (self.has_eoicount() as u8) << 2 // LRENP
            | ((self.status.pending == 0) as u8) << 3 // NP
            | (group0 as u8) << 4 // VGrp0E
            | (!group0 as u8) << 5 // VGrp0D
            | (group1 as u8) << 6 // VGrp1E
            | (!group1 as u8) << 7; // VGrp1D
        ended | conditions & enables
    }
}
