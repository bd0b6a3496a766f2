//! One look at the TLB for all accesses of a stretch of code that have the same base register.
//!
//! The first of them finds out, by what is known of the instructions after it, which bytes around the base they want,
//! and checks that all lie in one page that the TLB has; what is added to an address of that page to give the host's
//! stays in a place. The others are one host instruction. Where the check fails for good (a device, two pages), the
//! interpreter takes over; where that happens often, the block is compiled again without spans.

use crate::emit::{Cold, Emitter, Node, RAX, RCX, RDX, SlowAccess, W, asm};
use crate::memory::{ADDEND, READ, WRITE};
use crate::regs::HOSTS;
use crate::tally::Event;
use dynasmrt::{DynasmApi, dynasm};
use hw::{Access, Order};
use semantics::Op2;

/// The number of SP as a base register.
pub(crate) const SP: u8 = 31;
/// Spans known at once.
const MOST: usize = 3;
/// Bytes that a span may be long, and instructions that are looked at for it.
const LONGEST: i32 = 512;
const AHEAD: usize = 24;

/// Bytes at a base register, `[base + low, base + high)`, that are in one page of RAM, as long as the register is not
/// written otherwise than by a known shift.
#[derive(Clone, Copy, Debug)]
struct Span {
    base: u8,
    low: i32,
    high: i32,
    write: bool,
    /// The place with what is added to the guest's address to give the host's.
    addend: u8,
}

/// Those that are known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spans([Option<Span>; MOST]);

/// An address of the host: base and addend are host registers.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub base: u8,
    pub addend: u8,
    pub offset: i32,
}

impl Spans {
    /// What is in `place` is about to be something else.
    pub fn lose(&mut self, place: u8) {
        self.0.iter_mut().filter(|s| s.is_some_and(|s| s.addend == place)).for_each(|s| *s = None);
    }

    fn find(&self, base: u8, low: i32, high: i32, write: bool) -> Option<Span> {
        let has = |s: &&Span| s.base == base && s.low <= low && high <= s.high && (s.write || !write);
        self.0.iter().flatten().find(has).copied()
    }
}

impl Emitter {
    /// Nothing is known of addresses any more.
    pub fn drop_spans(&mut self) {
        for span in std::mem::take(&mut self.spans).0.into_iter().flatten() {
            self.regs.give_back(span.addend);
        }
    }

    /// Guest register `r` has been written; `by` how much it moved, if that is known.
    pub fn move_spans(&mut self, r: u8, by: Option<i64>) {
        for slot in &mut self.spans.0 {
            let Some(span) = slot.as_mut().filter(|s| s.base == r) else { continue };
            let moved = |offset: i32| by.and_then(|by| i32::try_from(i64::from(offset) - by).ok());
            match (moved(span.low), moved(span.high)) {
                (Some(low), Some(high)) => (span.low, span.high) = (low, high),
                _ => {
                    self.regs.give_back(span.addend);
                    *slot = None;
                }
            }
        }
    }

    /// The base register and offset of an address.
    pub(crate) fn based(&self, w: W) -> Option<(u8, i32)> {
        let register = |w: W| match self.at(w) {
            Node::X(r, version) if self.versions[r as usize & 31] == version => Some(r),
            _ => None,
        };
        match self.at(w) {
            Node::Op2(Op2::Add, a, b) => {
                let offset = i32::try_from(self.constant(b)? as i64).ok().filter(|o| o.abs() < 1 << 20)?;
                Some((register(a)?, offset))
            }
            _ => Some((register(w)?, 0)),
        }
    }

    /// Where the host has `bytes` at the guest's address `w`, if a span says so, old or new.
    pub fn spot(&mut self, w: W, how: Access, bytes: u64, write: bool) -> Option<Spot> {
        let plain = !how.aligned && !how.unprivileged && how.order == Order::Plain;
        // 16 bytes at once want more than a move.
        if !self.with_spans || !plain || !self.context.lenient() || bytes == 16 && self.context.whole() {
            return None;
        }
        let (base, offset) = self.based(w)?;
        let end = offset + bytes as i32;
        if let Some(span) = self.spans.find(base, offset, end, write) {
            self.tally_quietly(Event::Access);
            self.tally_quietly(Event::Shared);
            self.regs.touch(span.addend);
            let addend = HOSTS[span.addend as usize];
            return Some(Spot { base: self.guest(base), addend, offset });
        }
        let (low, high) = self.reach_ahead(base, offset, end, write)?;
        let spot = self.open_span(base, offset, (low, high), write)?;
        self.tally_quietly(Event::Access);
        Some(spot)
    }

    /// The bytes at `base`, from the present instruction's `[low, high)` on, that the next instructions want too; `None`
    /// if they want none.
    fn reach_ahead(&self, base: u8, low: i32, high: i32, write: bool) -> Option<(i32, i32)> {
        if !self.region.is_accessed_ahead(base, self.index, AHEAD - 1) {
            return None;
        }
        let (mut low, mut high, mut moved, mut more) = (low, high, 0i64, false);
        for (index, facts) in self.facts.iter().enumerate().skip(self.index).take(AHEAD) {
            if index > self.index {
                if facts.special || self.region.is_label(index) {
                    break;
                }
                if let Some(reach) = facts.reach.filter(|r| r.base == base && (write || !r.write)) {
                    let at = |offset: i32| i32::try_from(i64::from(offset) + moved).ok();
                    let (from, to) = (low.min(at(reach.low)?), high.max(at(reach.high)?));
                    if to.checked_sub(from).is_some_and(|bytes| bytes <= LONGEST) {
                        (low, high, more) = (from, to, true);
                    }
                }
            }
            if facts.writes >> base & 1 != 0 {
                match facts.shift {
                    Some((r, by)) if r == base => moved += i64::from(by),
                    _ => break,
                }
            }
            if facts.ends {
                break;
            }
        }
        more.then_some((low, high))
    }

    /// Looks up `[base + low, base + high)` for an access at `offset`.
    fn open_span(&mut self, base: u8, offset: i32, (low, high): (i32, i32), write: bool) -> Option<Spot> {
        let host = self.guest(base);
        let place = self.temporary()?;
        let addend = HOSTS[place as usize];
        self.clobber_flags();
        let (tag, last) = (if write { WRITE } else { READ }, high - low - 1);
        let site = self.site(SlowAccess::Reach { write, offset: (low - offset) as i16, bytes: (high - low) as u16 });
        let back = self.buf.here();
        self.on_stack = base == SP;
        if let Some(page) = self.page_place(false, write) {
            match low {
                0 => self.mov(RCX, host),
                _ => self.lea(RCX, host, low, true),
            }
            let from = self.is_in_page(page, (high - low) as u64);
            let found = self.buf.here();
            let turn =
                Cold::Turn { from, back: found, place: page, bytes: (high - low) as u16, base: Some((host, low)) };
            self.cold.extend([turn, Cold::Reach { from: None, back, site, base: host, offset }]);
            self.page_addend(addend, page);
            self.add_span(Span { base, low, high, write, addend: place });
            return Some(Spot { base: host, addend, offset });
        }
        match low {
            0 => self.mov(RAX, host),
            _ => self.lea(RAX, host, low, true),
        }
        asm!(self ; mov ecx, eax ; shr ecx, 7);
        self.lea(RDX, RAX, last, true);
        asm!(self ; and ecx, 0x7fe0 ; and rdx, -4096 ; cmp rdx, [BYTE r14 + rcx + tag]);
        let from = self.unless_equal(Event::TlbMiss, Event::TlbHit);
        asm!(self ; mov Rq(addend), [BYTE r14 + rcx + ADDEND]);
        self.cold.push(Cold::Reach { from: Some(from), back, site, base: host, offset });
        self.add_span(Span { base, low, high, write, addend: place });
        Some(Spot { base: host, addend, offset })
    }

    fn add_span(&mut self, span: Span) {
        let free = self.spans.0.iter().position(Option::is_none).unwrap_or(0);
        if let Some(old) = self.spans.0[free].replace(span) {
            self.regs.give_back(old.addend);
        }
        self.regs.lend(span.addend);
    }

    /// A span that was not in one page that the TLB has: has it looked up, and tries again.
    pub fn write_reach(&mut self, from: Option<u32>, back: u32, site: u32, base: u8, offset: i32) {
        from.into_iter().for_each(|from| self.land(from));
        self.lea(RAX, base, offset, true);
        self.slow([None; 2], site);
        crate::thunks::jump(&mut self.buf, back);
    }
}
