//! How a virtual interrupt is selected, masked, taken and ended.

use super::list::{ListRegister, is_special};
use super::{LPIS, PhysicalDeactivation, VirtualInterface};
use hw::IntId;

/// INTID returned when there is nothing to return.
const SPURIOUS: u64 = 1023;
/// Running priority when nothing is active.
const IDLE: u8 = 0xff;

impl VirtualInterface {
    /// The list register that goes first, and its number, if the interface is on and it is not masked.
    #[inline]
    pub(super) fn deliverable(&self) -> Option<(usize, ListRegister)> {
        let n = self.status.first()?;
        (self.on() && self.passes(self.lists[n])).then_some((n, self.lists[n]))
    }

    #[inline]
    fn passes(&self, it: ListRegister) -> bool {
        if it.nmi() {
            // No mask holds back superpriority, and it preempts everything else.
            return !self.nmi_active;
        }
        // The running priority is masked too, since it may be of the other group or of another binary point: or else
        // a coarser binary point would let a lower priority preempt a higher one.
        let (priority, mask, running) = (it.priority(), self.group_mask(it.group()), self.running());
        priority < self.pmr && (running == IDLE || priority & mask < running & mask)
    }

    /// The bits of a priority that decide preemption (IHI 0069, "Priority grouping"): BPR0=n keeps `[7:n+1]`, BPR1=n
    /// keeps `[7:n]`; with CBPR both use BPR0.
    #[inline]
    fn group_mask(&self, group: usize) -> u8 {
        let drop = if group == 1 && !self.common_bpr { self.bpr1 } else { self.bpr0 + 1 };
        (0xff << drop & 0xff_u16) as u8
    }

    #[inline]
    pub(super) fn running(&self) -> u8 {
        match self.ap[0] | self.ap[1] {
            _ if self.nmi_active => 0,
            0 => IDLE,
            active => (active.trailing_zeros() << 3) as u8,
        }
    }

    pub(super) fn highest(&self, group: usize) -> u64 {
        let first = self.status.first().map(|n| self.lists[n]);
        first.filter(|it| it.group() == group).map_or(SPURIOUS, |it| it.vintid().into())
    }

    pub(super) fn acknowledge(&mut self, group: usize) -> u64 {
        // A spurious read has no side effect.
        let Some((n, it)) = self.deliverable().filter(|(_, it)| it.group() == group) else { return SPURIOUS };
        if it.nmi() {
            self.nmi_active = true;
        } else {
            self.ap[group] |= 1 << ((it.priority() & self.group_mask(group)) >> 3);
        }
        self.lists[n] = it.acknowledged();
        self.list_changed(n);
        it.vintid().into()
    }

    /// EOIR of a group.
    pub(super) fn end(&mut self, group: usize, v: u64) -> Option<PhysicalDeactivation> {
        let id = v as u32 & 0xffff;
        if is_special(id) || !self.drop_priority(group) {
            return None;
        }
        match self.active_list(id) {
            // An LPI asks for no DIR, so that EOIR ends it even with EOImode.
            Some(n) if !self.eoimode || id >= LPIS => return self.finish(n),
            None if !self.eoimode && id < LPIS => self.count_eoi(),
            _ => self.masks_changed(),
        }
        None
    }

    /// Drops the running priority, if it is this group's.
    #[inline]
    fn drop_priority(&mut self, group: usize) -> bool {
        let (mine, other) = (self.ap[group].trailing_zeros(), self.ap[1 - group].trailing_zeros());
        let ours = if self.nmi_active { group == 1 } else { self.ap[group] != 0 && mine <= other };
        match ours {
            true if self.nmi_active => self.nmi_active = false,
            true => self.ap[group] &= self.ap[group] - 1,
            false => {}
        }
        ours
    }

    /// DIR with EOImode.
    pub(super) fn deactivate(&mut self, v: u64) -> Option<PhysicalDeactivation> {
        let id = v as u32 & 0xffff;
        if is_special(id) || id >= LPIS {
            return None;
        }
        match self.active_list(id) {
            Some(n) => return self.finish(n),
            None => self.count_eoi(),
        }
        None
    }

    #[inline]
    fn active_list(&self, id: u32) -> Option<usize> {
        self.lists.iter().position(|list| list.is_active() && list.vintid() == id)
    }

    #[inline]
    fn finish(&mut self, n: usize) -> Option<PhysicalDeactivation> {
        self.lists[n] = self.lists[n].deactivated();
        self.list_changed(n);
        let physical = self.lists[n].pintid().filter(|&id| !is_special(id));
        physical.map(|id| PhysicalDeactivation(IntId(id)))
    }
}
