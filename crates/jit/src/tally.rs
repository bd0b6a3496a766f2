//! What compiled code counts itself: accesses, probes that hit, and branches from block to block.
//!
//! Only code that was compiled to count (`Options::count`) does; other code has not an instruction for it.

use crate::Jit;
use crate::context::at;
use crate::emit::{Emitter, asm};
use crate::thunks::{cc, jump, jump_if, jump_on};
use crate::{code::Offset, emit::RCX};
use dynasmrt::{DynasmApi, dynasm};

/// What is counted, each in a word of `Context`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Event {
    /// A block has begun.
    Block,
    /// The jump cache knew where a branch goes.
    JumpHit,
    JumpMiss,
    /// An access has begun.
    Access,
    /// It went by what was found for another with the same base register.
    Shared,
    /// It, or the check for several, was in the page remembered for it.
    Remembered,
    /// The first level of the TLB knew its page, or that of a check for several.
    TlbHit,
    TlbMiss,
}

/// How many events there are.
pub(crate) const EVENTS: usize = Event::TlbMiss as usize + 1;

/// What compiled code of one vCPU counted itself; zeros if it was not compiled to count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inline {
    /// Executions of blocks.
    pub blocks: u64,
    /// Branches to another page, or to a register, for which the jump cache knew the block.
    pub jump_hits: u64,
    /// Those for which it did not.
    pub jump_misses: u64,
    /// Accesses to data; a pair, a structure, or maintenance by address is one.
    pub accesses: u64,
    /// Accesses that needed no look at the TLB, since one of the block with the same base register had one.
    pub shared: u64,
    /// Accesses and checks for several of them that were in the page remembered for them.
    pub remembered: u64,
    /// Accesses and checks that found their page in the first level of the TLB.
    pub tlb_hits: u64,
    /// Those that did not: not there, not RAM, across the end of a page. A check is made again after one.
    pub tlb_misses: u64,
}

impl Emitter {
    /// Counts `event`. Changes the host's flags.
    pub(crate) fn tally(&mut self, event: Event) {
        if self.counting {
            asm!(self ; inc QWORD [rbx + at::inline(event)]);
        }
    }

    /// The same without: rcx is changed.
    pub(crate) fn tally_quietly(&mut self, event: Event) {
        if self.counting {
            asm!(self ; mov rcx, [rbx + at::inline(event)]);
            self.lea(RCX, RCX, 1, true);
            asm!(self ; mov [rbx + at::inline(event)], rcx);
        }
    }

    /// As `forward(cc::NE)`, with one event for those who jump and another for those who do not.
    pub(crate) fn unless_equal(&mut self, jumps: Event, goes_on: Event) -> Offset {
        if !self.counting {
            return self.forward(cc::NE);
        }
        let equal = self.forward(cc::E);
        self.tally(jumps);
        let from = jump_on(&mut self.buf);
        self.land(equal);
        self.tally(goes_on);
        from
    }

    /// A branch has looked in the jump cache: to `lookup` unless equal.
    pub(crate) fn lookup_unless_equal(&mut self) {
        let lookup = self.thunks.lookup;
        let from = self.unless_equal(Event::JumpMiss, Event::JumpHit);
        self.buf.aim(from, lookup);
    }

    /// Goes to `back` if equal: the TLB was looked at out of line.
    pub(crate) fn back_if_equal(&mut self, back: Offset) {
        if !self.counting {
            jump_if(&mut self.buf, cc::E, Some(back));
            return;
        }
        let from = self.unless_equal(Event::TlbMiss, Event::TlbHit);
        jump(&mut self.buf, back);
        self.land(from);
    }
}

impl Jit {
    /// What compiled code counted itself.
    pub fn inline(&self) -> Inline {
        let n = |event: Event| self.context.inline[event as usize];
        Inline {
            blocks: n(Event::Block),
            jump_hits: n(Event::JumpHit),
            jump_misses: n(Event::JumpMiss),
            accesses: n(Event::Access),
            shared: n(Event::Shared),
            remembered: n(Event::Remembered),
            tlb_hits: n(Event::TlbHit),
            tlb_misses: n(Event::TlbMiss),
        }
    }
}
