//! What one PE publishes for one group, as one word, so that announcing an interrupt and opening a mask for it meet in
//! one modification order. Pure; `state` owns the atomics.

use crate::word::LEVELS;

/// The published word of one PE and group.
///
/// | bits  | field                                                    | written by      |
/// |-------|----------------------------------------------------------|-----------------|
/// | 33:0  | rows that may hold a ready interrupt, by level           | announcer sets, owner clears |
/// | 45:40 | limit: levels from here on need no post; never below the owner's own | owner |
/// | 60    | GICR_CTLR.DPGx: not for 1-of-N interrupts                | configuration   |
/// | 61    | ICC_IGRPENx of the PE                                    | owner           |
/// | 62    | GICR_WAKER.ProcessorSleep is 0                           | configuration   |
/// | 63    | GICD_CTLR.EnableGrpx                                     | configuration   |
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Published(pub u64);

impl Published {
    pub const LEVELS: u64 = (1 << LEVELS) - 1;
    const PE_ENABLE: u64 = 1 << 61;
    pub const DECLINED: u64 = 1 << 60;
    pub const AWAKE: u64 = 1 << 62;
    pub const DISTRIBUTED: u64 = 1 << 63;
    const GATES: u64 = Self::AWAKE | Self::DISTRIBUTED;

    /// The owner's part: its group enable, and the first level it holds back (0 while disabled).
    pub fn owner(enabled: bool, limit: u32) -> Published {
        let limit = if enabled { u64::from(limit) << 40 } else { 0 };
        Published(limit | if enabled { Self::PE_ENABLE } else { 0 })
    }

    /// The levels that may hold a ready interrupt and are not held in the distributor or redistributor.
    #[inline(always)]
    pub fn forwarded(self) -> u64 {
        if self.0 & Self::GATES == Self::GATES { self.0 & Self::LEVELS } else { 0 }
    }

    /// The same, where the group is enabled by the PE too.
    #[inline(always)]
    pub fn deliverable(self) -> u64 {
        // The three are the uppermost bits.
        const OPEN: u64 = Published::GATES | Published::PE_ENABLE;
        const _: () = assert!(OPEN == !0 << OPEN.trailing_zeros());
        if self.0 >= OPEN { self.0 & Self::LEVELS } else { 0 }
    }

    #[inline(always)]
    pub fn limit(self) -> u32 {
        (self.0 >> 40) as u32 & 0x3f
    }

    /// ICC_IGRPENx as the owner published it.
    #[inline(always)]
    pub fn pe_enabled(self) -> bool {
        self.0 & Self::PE_ENABLE != 0
    }

    /// Would an interrupt at `level` be signalled, were it the best?
    #[inline(always)]
    pub fn passes(self, level: u32) -> bool {
        self.0 & Self::GATES == Self::GATES && level < self.limit()
    }

    /// Can this PE be chosen for a 1-of-N interrupt (IHI 0069, "1 of N model")?
    pub fn participates(self) -> bool {
        self.participates_if_woken() && self.has(Self::AWAKE)
    }

    /// Could it, were it awake? That is enough with GICD_CTLR.E1NWF.
    pub fn participates_if_woken(self) -> bool {
        self.0 & (Self::PE_ENABLE | Self::DECLINED) == Self::PE_ENABLE
    }

    pub fn has(self, gate: u64) -> bool {
        self.0 & gate != 0
    }
}
