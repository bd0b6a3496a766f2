//! One interrupt's whole state as one 64-bit word, and its pure transitions.
//!
//! No atomics here: a transition maps a word to a word, and `state` makes it one compare-and-swap. The five
//! inputs that models tend to merge stay apart: wire, message level, latch, active, and (in `state`) the hint.

/// The state of one interrupt that is no LPI, at one place.
///
/// | bits  | field                                                       |
/// |-------|-------------------------------------------------------------|
/// | 31:0  | GICD_IROUTER affinity, Aff3.Aff2.Aff1.Aff0                  |
/// | 37:32 | flags, below: they decide whether it is ready               |
/// | 46:38 | they decide its slot: priority in 42:38, the upper 5 bits of GICx_IPRIORITYR as Secure software sees it; flags |
/// | 47    | flag, below                                                 |
/// | 49:48 | GICx_NSACR                                                  |
/// | 59:50 | index of the PE it goes to, or `NOBODY`                     |
/// | 62:60 | flags, below                                                |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Word(pub(crate) u64);

/// Where a ready interrupt is announced: the PE it goes to, its group and its level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub pe: usize,
    pub group: usize,
    /// See `level_of`. Lower wins.
    pub level: u32,
}

/// How many levels a slot can have: 32 priorities, and before the first and the middle one the non-maskable
/// interrupts of that priority (IHI 0069, "Non-maskable interrupts": 0x00, or 0x80 if Non-secure).
pub const LEVELS: u32 = 34;
/// The level of Non-secure non-maskable interrupts while there are two security states.
pub(crate) const NMI_NS: u32 = 17;
/// The implemented bits of a priority.
pub(crate) const PRIORITY_MASK: u8 = 0xf8;
/// Group 0, Group 1, and Group 1 Secure. With one security state there are the first two; with two, Group 1 is
/// Group 1 Non-secure.
pub const GROUPS: usize = 3;
/// See [`GROUPS`].
pub(crate) const G0: usize = 0;
/// See [`GROUPS`].
pub(crate) const G1: usize = 1;
/// See [`GROUPS`].
pub(crate) const G1S: usize = 2;
/// The target of an interrupt that goes to no PE.
pub(crate) const NOBODY: usize = 0x3ff;

const NSACR_SHIFT: u32 = 48;
const STATE_SHIFT: u32 = 32;
const SLOT_SHIFT: u32 = 38;
const PRIORITY_SHIFT: u32 = 38;
const TARGET_SHIFT: u32 = 50;
/// What decides the slot, but for the target.
const SLOT_BITS: u64 = 0x1ff << SLOT_SHIFT;
const TARGET: u64 = (NOBODY as u64) << TARGET_SHIFT;

/// The level of a maskable interrupt of a 5-bit priority: 1 to 16 for the upper half, 18 to 33 for the lower.
#[inline(always)]
pub(crate) const fn level_of(priority: u32) -> u32 {
    1 + priority + (priority >> 4)
}

/// The 5-bit priority of a level, and whether it is that of non-maskable interrupts.
const fn priority_of(level: u32) -> (u32, bool) {
    match level {
        0 => (0, true),
        1..NMI_NS => (level - 1, false),
        NMI_NS => (16, true),
        _ => (level - 2, false),
    }
}

macro_rules! flags {
    ($($doc:literal $name:ident $with:ident = $bit:literal;)*) => {$(
        #[doc = $doc]
        #[inline(always)]
        pub const fn $name(self) -> bool { self.0 >> $bit & 1 != 0 }
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
        "Acknowledged and not yet deactivated." active with_active = 37;
        "GICx_ISENABLER." enabled with_enabled = 36;
        "GICx_IGROUPR: Group 1, Non-secure if there are two security states." group1 with_group1_bit = 43;
        "GICx_IGRPMODR: Group 1 Secure instead of Group 0. Zero with one security state." modifier with_modifier_bit = 44;
        "GICx_INMIR, of an interrupt in Group 1." nmi with_nmi_bit = 45;
        "Edge-triggered, GICx_ICFGR." edge with_edge = 35;
        "GICD_IROUTER.Interrupt_Routing_Mode: any one participating PE." one_of_n with_one_of_n = 47;
        "There are two security states: a copy of what GICD_CTLR.DS is not." two_states with_two_states = 46;
        "Exists on this GIC; every field of any other INTID is RAZ/WI." implemented with_implemented = 60;
        "GICR_ICFGR0 is read-only: an SGI is always edge-triggered." fixed_edge with_fixed_edge = 61;
        "GICx_ICENABLER was written, and the effect is to come: still enabled, and reads as disabled." leaving with_leaving = 62;
    }

    /// After power-on: Group 0, disabled, priority 0, level-sensitive, going to `target`.
    pub fn at_reset(target: usize) -> Word {
        Word(0).with_implemented(true).with_target(target)
    }

    /// GICx_IPRIORITYR as Secure software, or the only state, sees it.
    #[inline(always)]
    pub fn priority(self) -> u8 {
        (self.priority5() << 3) as u8
    }

    #[inline(always)]
    const fn priority5(self) -> u32 {
        (self.0 >> PRIORITY_SHIFT) as u32 & 0x1f
    }

    /// The same with a new priority; unimplemented bits are RAZ/WI.
    pub fn with_priority(self, priority: u8) -> Word {
        Word(self.0 & !(0x1f << PRIORITY_SHIFT) | u64::from(priority >> 3) << PRIORITY_SHIFT)
    }

    /// GICx_NSACR.
    pub fn nsacr(self) -> u32 {
        (self.0 >> NSACR_SHIFT) as u32 & 3
    }

    /// The same with another GICx_NSACR field.
    pub fn with_nsacr(self, v: u32) -> Word {
        Word(self.0 & !(3 << NSACR_SHIFT) | u64::from(v & 3) << NSACR_SHIFT)
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

    /// The same in another group by IGROUPR. Group 0 has no non-maskable interrupts.
    pub fn with_group1(self, v: bool) -> Word {
        self.with_group1_bit(v).without_nmi_in_group_0()
    }

    /// The same in another group by IGRPMODR, which is RES0 with one security state.
    pub fn with_modifier(self, v: bool) -> Word {
        self.with_modifier_bit(v && self.two_states()).without_nmi_in_group_0()
    }

    /// The same as a non-maskable interrupt, or not; RES0 in Group 0.
    pub fn with_nmi(self, v: bool) -> Word {
        self.with_nmi_bit(v).without_nmi_in_group_0()
    }

    fn without_nmi_in_group_0(self) -> Word {
        if self.group() == G0 { self.with_nmi_bit(false) } else { self }
    }

    /// The same after GICD_CTLR.DS changed.
    pub fn with_states(self, two: bool) -> Word {
        let it = self.with_two_states(two);
        if two { it } else { it.with_modifier(false).with_nsacr(0) }
    }

    /// GICx_ISPENDR: the latch is not the whole answer for a level-sensitive interrupt.
    #[inline(always)]
    pub const fn pending(self) -> bool {
        // Not `||`: three bit operations beat two branches here.
        self.latch() | (!self.edge() & (self.line() | self.msg()))
    }

    /// Pending, enabled and not active. Active-and-pending is signalled to nobody (IHI 0069, "Interrupt
    /// handling state machine").
    #[inline(always)]
    pub fn ready(self) -> bool {
        const TABLE: u64 = {
            let (mut table, mut state) = (0, 0);
            while state < 64 {
                let word = Word(state << STATE_SHIFT);
                table |= ((word.pending() & word.enabled() & !word.active()) as u64) << state;
                state += 1;
            }
            table
        };
        TABLE >> (self.0 >> STATE_SHIFT & 0x3f) & 1 != 0
    }

    /// One of [`GROUPS`]. IGROUPR wins over IGRPMODR.
    #[inline(always)]
    pub const fn group(self) -> usize {
        if self.group1() { G1 } else { (self.modifier() as usize) << 1 }
    }

    /// See [`Slot::level`].
    #[inline(always)]
    pub const fn level(self) -> u32 {
        if self.nmi() {
            if self.group1() && self.two_states() { NMI_NS } else { 0 }
        } else {
            level_of(self.priority5())
        }
    }

    /// Its group and level.
    #[inline(always)]
    fn group_and_level(self) -> (usize, u32) {
        const TABLE: [(u8, u8); 512] = {
            let (mut table, mut n) = ([(0, 0); 512], 0);
            while n < table.len() {
                let word = Word((n as u64) << SLOT_SHIFT);
                table[n] = (word.group() as u8, word.level() as u8);
                n += 1;
            }
            table
        };
        static TABLE_OF_SLOTS: [(u8, u8); 512] = TABLE;
        let (group, level) = TABLE_OF_SLOTS[(self.0 >> SLOT_SHIFT) as usize & 0x1ff];
        (group.into(), level.into())
    }

    /// The group priority's base: 0 to 0xf8; that of a non-maskable interrupt is the least of its security state.
    #[inline(always)]
    pub fn rank(self) -> u32 {
        priority_of(self.level()).0 << 3
    }

    /// Where it must be announced, if it is ready and goes anywhere.
    #[inline(always)]
    pub fn slot(self) -> Option<Slot> {
        let (pe, (group, level)) = (self.target(), self.group_and_level());
        (self.ready() && pe != NOBODY).then_some(Slot { pe, group, level })
    }

    /// Are all fields that decide the slot of a ready word the same in both?
    #[inline(always)]
    pub fn shares_slot(self, other: Word) -> bool {
        (self.0 ^ other.0) & (TARGET | SLOT_BITS) == 0
    }

    /// Is `slot` its slot?
    #[inline(always)]
    pub fn is_at(self, slot: Slot) -> bool {
        self.ready() & (self.target() == slot.pe) & (self.group_and_level() == (slot.group, slot.level))
    }

    /// The wire moves. Only a rise of an edge-triggered interrupt latches; the level it already had is no edge.
    #[inline(always)]
    pub fn wire(self, high: bool) -> Word {
        if !high {
            return self.with_line(false);
        }
        let rise = !self.line() & self.edge();
        self.with_line(true).with_latch(self.latch() | rise)
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
        let all = Word(0).with_affinity(!0).with_priority(!0).with_target(NOBODY).with_nsacr(3);
        let flags = [32, 33, 34, 35, 36, 37, 43, 44, 45, 46, 47, 60, 61, 62].iter().fold(0u64, |m, b| m | 1 << b);
        assert_eq!(all.0 & flags, 0);
        assert_eq!((all.priority(), all.target(), all.affinity(), all.nsacr()), (0xf8, NOBODY, !0, 3));
        let none = Word(flags).with_affinity(0).with_priority(0).with_target(0).with_nsacr(0);
        assert_eq!(none, Word(flags));
    }

    #[test]
    fn the_tables_say_what_the_fields_say() {
        for bits in 0..1 << 15 {
            for target in [3, NOBODY] {
                let word = Word(bits << STATE_SHIFT).with_target(target);
                let ready = word.pending() && word.enabled() && !word.active();
                assert_eq!(word.ready(), ready);
                let slot = Slot { pe: target, group: word.group(), level: word.level() };
                assert_eq!(word.slot(), (ready && target != NOBODY).then_some(slot));
                assert_eq!(word.is_at(slot), ready);
                for other in [
                    Slot { pe: 2, ..slot },
                    Slot { group: (slot.group + 1) % GROUPS, ..slot },
                    Slot { level: slot.level + 1, ..slot },
                ] {
                    assert!(!word.is_at(other), "{word:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn levels_keep_the_order_of_priorities_and_nmis_come_first() {
        let levels: Vec<_> = (0..32).map(level_of).collect();
        assert!(levels.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((0..32).all(|priority| priority_of(level_of(priority)) == (priority, false)));
        let nmi = Word::at_reset(0).with_two_states(true).with_group1(true).with_nmi(true);
        assert_eq!((nmi.level(), nmi.rank()), (NMI_NS, 0x80));
        assert!(level_of(15) < NMI_NS && NMI_NS < level_of(16));
        assert_eq!((nmi.with_states(false).level(), nmi.with_states(false).rank()), (0, 0));
        assert!(!nmi.with_group1(false).nmi(), "Group 0 has none");
        let secure = nmi.with_modifier(true).with_group1(false);
        assert!(!secure.nmi() || secure.level() == 0);
    }

    #[test]
    fn chk_7_3_activation_keeps_the_line() {
        let w = Word::at_reset(0).with_enabled(true).with_latch(true).wire(true).acknowledge();
        assert!(w.active() && w.pending() && !w.latch() && !w.ready());
        assert!(w.with_active(false).ready());
    }
}
