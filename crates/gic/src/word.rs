//! One interrupt's whole state as one 64-bit word, and its pure transitions.
//!
//! No atomics here: a transition maps a word to a word, and `state` makes it one compare-and-swap. The five
//! inputs that models tend to merge stay apart: wire, message level, latch, active, and (in `state`) the hint.

/// The state of one SGI, PPI or SPI at one place.
///
/// | bits  | field                                                       |
/// |-------|-------------------------------------------------------------|
/// | 31:0  | GICD_IROUTER affinity, Aff3.Aff2.Aff1.Aff0                  |
/// | 41:32 | flags, below                                                |
/// | 49:42 | priority as GICD_IPRIORITYR holds it (5 bits implemented)   |
/// | 59:50 | index of the PE it goes to, or `NOBODY`                     |
/// | 61:60 | flags, below                                                |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Word(pub(crate) u64);

/// Where a ready interrupt is announced: the PE it goes to, its group and its level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub pe: usize,
    pub group: usize,
    /// 0 is superpriority (NMI, later); 1 + priority/8 otherwise. Lower wins.
    pub level: u32,
}

/// How many levels a slot can have: superpriority and 32 priorities.
pub const LEVELS: u32 = 33;
/// The implemented bits of a priority.
pub(crate) const PRIORITY_MASK: u8 = 0xf8;
/// The groups of a single security state. Two security states add Group 1 Secure.
pub(crate) const GROUPS: usize = 2;
/// The target of an interrupt that goes to no PE.
pub(crate) const NOBODY: usize = 0x3ff;

const PRIORITY_SHIFT: u32 = 42;
const TARGET_SHIFT: u32 = 50;

macro_rules! flags {
    ($($doc:literal $name:ident $with:ident = $bit:literal;)*) => {$(
        #[doc = $doc]
        #[inline(always)]
        pub fn $name(self) -> bool { self.0 >> $bit & 1 != 0 }
        #[doc = concat!("The same with `", stringify!($name), "` set to `v`.")]
        #[inline(always)]
        pub fn $with(self, v: bool) -> Word { Word(self.0 & !(1 << $bit) | (v as u64) << $bit) }
    )*};
}

impl Word {
    flags! {
        "Pending by edge, message, SGI or software, until activation." latch with_latch = 32;
        "The level of the wire; an input, so reset leaves it." line with_line = 33;
        "Message level: a level-sensitive SPI between SETSPI and CLRSPI." msg with_msg = 34;
        "Acknowledged and not yet deactivated." active with_active = 35;
        "GICx_ISENABLER." enabled with_enabled = 36;
        "GICx_IGROUPR: Group 1." group1 with_group1 = 37;
        "Edge-triggered, GICx_ICFGR." edge with_edge = 40;
        "GICD_IROUTER.Interrupt_Routing_Mode: any one participating PE." one_of_n with_one_of_n = 41;
        "Exists on this GIC; every field of any other INTID is RAZ/WI." implemented with_implemented = 60;
        "GICR_ICFGR0 is read-only: an SGI is always edge-triggered." fixed_edge with_fixed_edge = 61;
    }
    // Bits 38 and 39 are kept for GICx_IGRPMODR and GICx_INMIR.

    /// After power-on: Group 0, disabled, priority 0, level-sensitive, going to `target`.
    pub fn at_reset(target: usize) -> Word {
        Word(0).with_implemented(true).with_target(target)
    }

    /// GICx_IPRIORITYR.
    #[inline(always)]
    pub fn priority(self) -> u8 {
        (self.0 >> PRIORITY_SHIFT) as u8
    }

    /// The same with a new priority; unimplemented bits are RAZ/WI.
    pub fn with_priority(self, priority: u8) -> Word {
        Word(self.0 & !(0xff << PRIORITY_SHIFT) | u64::from(priority & PRIORITY_MASK) << PRIORITY_SHIFT)
    }

    /// Index of the PE it goes to, or `NOBODY`.
    #[inline(always)]
    pub fn target(self) -> usize {
        (self.0 >> TARGET_SHIFT) as usize & NOBODY
    }

    /// The same going to `target`.
    #[inline(always)]
    pub fn with_target(self, target: usize) -> Word {
        Word(self.0 & !((NOBODY as u64) << TARGET_SHIFT) | (target as u64) << TARGET_SHIFT)
    }

    /// Aff3.Aff2.Aff1.Aff0 as GICD_IROUTER was written, one byte each.
    pub fn affinity(self) -> u32 {
        self.0 as u32
    }

    /// The same with GICD_IROUTER's affinity replaced. The caller also sets the target.
    pub fn with_affinity(self, affinity: u32) -> Word {
        Word(self.0 & !0xffff_ffff | u64::from(affinity))
    }

    /// GICx_ISPENDR: the latch is not the whole answer for a level-sensitive interrupt.
    #[inline(always)]
    pub fn pending(self) -> bool {
        // Not `||`: three bit operations beat two branches here.
        self.latch() | (!self.edge() & (self.line() | self.msg()))
    }

    /// Pending, enabled and not active. Active-and-pending is signalled to nobody (IHI 0069, "Interrupt
    /// handling state machine").
    #[inline(always)]
    pub fn ready(self) -> bool {
        self.pending() & self.enabled() & !self.active()
    }

    /// 0 or 1.
    #[inline(always)]
    pub fn group(self) -> usize {
        self.group1() as usize
    }

    /// See [`Slot::level`].
    #[inline(always)]
    pub fn level(self) -> u32 {
        1 + u32::from(self.priority() >> 3)
    }

    /// Where it must be announced, if it is ready and goes anywhere.
    #[inline(always)]
    pub fn slot(self) -> Option<Slot> {
        let pe = self.target();
        (self.ready() && pe != NOBODY).then(|| Slot { pe, group: self.group(), level: self.level() })
    }

    /// Is `slot` its slot? One comparison of the fields that decide it, for searches.
    #[inline(always)]
    pub fn is_at(self, slot: Slot) -> bool {
        const DECIDING: Word =
            Word((NOBODY as u64) << TARGET_SHIFT | 0xff << PRIORITY_SHIFT).with(37).with(36).with(35);
        let there = (slot.pe as u64) << TARGET_SHIFT
            | (u64::from(slot.level.wrapping_sub(1)) << 3) << PRIORITY_SHIFT
            | (slot.group as u64) << 37
            | 1 << 36;
        self.0 & DECIDING.0 == there && self.pending()
    }

    const fn with(self, bit: u32) -> Word {
        Word(self.0 | 1 << bit)
    }

    /// The wire moves. Only a rise of an edge-triggered interrupt latches; the level it already had is no edge.
    #[inline(always)]
    pub fn wire(self, high: bool) -> Word {
        let rise = high && !self.line() && self.edge();
        self.with_line(high).with_latch(self.latch() || rise)
    }

    /// SETSPI: ignored while already pending (IHI 0069, GICD_SETSPI_NSR).
    pub fn message_set(self) -> Word {
        match (self.pending(), self.edge()) {
            (true, _) => self,
            (false, true) => self.with_latch(true),
            (false, false) => self.with_msg(true),
        }
    }

    /// CLRSPI: ends the message level, or takes back an edge.
    pub fn message_clear(self) -> Word {
        if self.edge() { self.with_latch(false) } else { self.with_msg(false) }
    }

    /// Activation clears the latch and leaves wire and message, so a level still high is active and pending.
    #[inline(always)]
    pub fn acknowledge(self) -> Word {
        self.with_latch(false).with_active(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        let all = Word(0).with_affinity(!0).with_priority(!0).with_target(NOBODY);
        let flags = [32, 33, 34, 35, 36, 37, 40, 41, 60, 61].iter().fold(0u64, |m, b| m | 1 << b);
        assert_eq!(all.0 & flags, 0);
        assert_eq!((all.priority(), all.target(), all.affinity()), (0xf8, NOBODY, !0));
        assert_eq!(Word(flags).with_affinity(0).with_priority(0).with_target(0), Word(flags));
    }

    #[test]
    fn is_at_says_what_slot_says() {
        let slot = |pe, group, level| Slot { pe, group, level };
        for pattern in 0..1 << 9 {
            let word = Word((pattern & 0x7f) << 32).with_edge(pattern >> 7 & 1 != 0).with_target(3).with_priority(0xa0);
            let word = if pattern >> 8 != 0 { word.with_target(NOBODY) } else { word };
            for other in [slot(3, 0, 21), slot(3, 1, 21), slot(2, 1, 21), slot(3, 1, 20)] {
                assert_eq!(word.is_at(other), word.slot() == Some(other), "{word:?} {other:?}");
            }
        }
    }

    #[test]
    fn chk_7_3_activation_keeps_the_line() {
        let w = Word::at_reset(0).with_enabled(true).with_latch(true).wire(true).acknowledge();
        assert!(w.active() && w.pending() && !w.latch() && !w.ready());
        assert!(w.with_active(false).ready());
    }
}
