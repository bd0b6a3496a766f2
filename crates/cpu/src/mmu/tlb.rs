//! One small TLB: the pages that one view of one address range has touched.
//!
//! Direct-mapped, 4 KiB pages whatever the guest's granule; larger leaves fill one entry per 4 KiB. A cache:
//! it may forget anything at any time. Addresses compare without their top byte when entries are dropped,
//! since a tagged address is simply another tag value.

use super::second::Second;
use super::{Leaf, Place};
use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

/// Data entries.
const DATA: usize = 1024;
/// Instruction entries.
const CODE: usize = 256;

/// Page number bits of an address.
pub(crate) const PAGE: u64 = !0xfff;
/// Matches no access: its low bits are never those of an alignment mask.
const INVALID: u64 = u64::MAX;
/// In a tag: valid, but not RAM, so that the fast path's compare fails. Above any alignment mask.
const SLOW: u64 = 0x800;
/// Bits of an address that TLB maintenance looks at.
pub(super) const UNTAGGED: u64 = 0x00ff_ffff_ffff_ffff;

/// One page for data. The layout is what compiled code addresses.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    /// The page's virtual address if it may be read.
    pub read: u64,
    /// The same if it may be written at once.
    pub write: u64,
    /// Added to the virtual address gives the host address, for RAM.
    pub addend: u64,
    /// Physical page in bits [63:12], and `Meta` bits.
    pub meta: u64,
}

/// No page has this address, and none of its bytes has an address that differs from it in the low bits only: bits
/// [55:52] of an address that is translated are all the same, and those of others are zero.
pub const NOWHERE: u64 = 0x0055_0000_0000_0000;

/// The pages that compiled code found last at SP, for reading and for writing. It writes them itself, from entries that
/// promise it at that time, and they may stay when those are evicted; whatever drops entries for good drops them.
#[derive(Debug)]
#[repr(C, align(64))]
struct StackPage {
    /// Virtual addresses; `NOWHERE` if there is none.
    page: [AtomicU64; 2],
    /// As in `Entry`.
    addend: [AtomicU64; 2],
}

impl StackPage {
    const fn none() -> StackPage {
        let page = [const { AtomicU64::new(NOWHERE) }; 2];
        StackPage { page, addend: [const { AtomicU64::new(0) }; 2] }
    }
}

/// One page for instruction fetches.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CodeEntry {
    /// The page's virtual address.
    pub tag: u64,
    /// As in `Entry`.
    pub meta: u64,
}

/// What an entry knows besides its translation, in bits [11:0] of `meta`.
pub(crate) struct Meta;

impl Meta {
    /// log2 of the leaf, in bits [5:0].
    const LOG2: u64 = 0x3f;
    /// Device memory type.
    pub const DEVICE: u64 = 1 << 6;
    /// Guarded page.
    pub const GUARDED: u64 = 1 << 7;
    /// Normal memory, Inner and Outer Write-Back.
    pub const WRITE_BACK: u64 = 1 << 8;

    fn of(leaf: &Leaf) -> u64 {
        let device = if leaf.is_device() { Self::DEVICE } else { 0 };
        let guarded = if leaf.is_guarded() { Self::GUARDED } else { 0 };
        let write_back = if leaf.is_write_back() { Self::WRITE_BACK } else { 0 };
        leaf.pa & PAGE | u64::from(leaf.log2) | device | guarded | write_back
    }
}

/// What a fill may promise about data accesses.
#[derive(Clone, Copy)]
pub(crate) struct Fill {
    pub readable: bool,
    pub writable: bool,
    /// Host address of the page, if it is RAM.
    pub host: Option<u64>,
    /// Stores are written down, so none is done at once.
    pub noted: bool,
}

const NO_DATA: Entry = Entry { read: INVALID, write: INVALID, addend: 0, meta: 0 };
const NO_CODE: CodeEntry = CodeEntry { tag: INVALID, meta: 0 };

/// A span of addresses without top bytes, `[first, last]`.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    first: u64,
    last: u64,
}

/// The TLB of one view of one range.
#[repr(C, align(64))]
pub struct Tlb {
    stack: StackPage,
    data: [Entry; DATA],
    code: [CodeEntry; CODE],
    /// Data entries that were filled, until they are more than `FEW`.
    filled: Vec<u16>,
    /// log2 of the largest last-level page here: how many neighbours one operation by address concerns.
    page_log2: u32,
    /// Where blocks (leaves above the last level) have entries; spans may cover more than that.
    blocks: Vec<Span>,
    /// The same of instruction entries only.
    code_blocks: Vec<Span>,
    /// From the lowest to the highest page of instruction entries since `stamp` was given.
    code_reach: Span,
    /// Does any entry belong to all ASIDs?
    has_global: bool,
    /// Names this TLB until it is cleared, in `Second`.
    life: u64,
    /// Names this set of instruction translations: another value whenever one that was here may be gone. What an
    /// engine derived from instruction addresses under an equal stamp still holds.
    stamp: u64,
    /// Pages of the instruction entries since `stamp` was given, evicted ones too; a bit stands for several.
    code_seen: [u64; SEEN / 64],
}

/// Bits of `Tlb::code_seen`: so many that a page without instructions seldom shares one.
const SEEN: usize = 8192;

/// A stamp that no TLB of this process has had.
fn fresh_stamp() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// So many data entries are cleared one by one.
const FEW: usize = 128;

/// Spans kept apart; further ones widen the nearest. The kernel image and the linear map are two.
const MAX_SPANS: usize = 8;

impl Default for Tlb {
    fn default() -> Self {
        Self::new()
    }
}

impl Tlb {
    /// Nothing cached.
    pub fn new() -> Tlb {
        let (data, code) = ([NO_DATA; DATA], [NO_CODE; CODE]);
        Tlb {
            stack: StackPage::none(),
            data,
            code,
            filled: Vec::with_capacity(FEW),
            page_log2: 12,
            blocks: Vec::with_capacity(MAX_SPANS),
            code_blocks: Vec::new(),
            code_reach: Span::NONE,
            has_global: false,
            life: fresh_stamp(),
            stamp: fresh_stamp(),
            code_seen: [0; SEEN / 64],
        }
    }

    /// Where the page remembered of the stack is, from `entries`: for reading, and 8 bytes further for writing.
    pub const STACK: isize = offset_of!(Tlb, stack) as isize - offset_of!(Tlb, data) as isize;
    /// What is to be added to addresses in them.
    pub const STACK_ADDEND: isize = Self::STACK + offset_of!(StackPage, addend) as isize;

    /// Where compiled code finds the data entries.
    #[inline(always)]
    pub fn entries(&self) -> usize {
        self.data.as_ptr().addr()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stack = StackPage::none();
        match self.filled.len() < FEW {
            true => self.filled.iter().for_each(|i| self.data[usize::from(*i) % DATA] = NO_DATA),
            false => self.data = [NO_DATA; DATA],
        }
        self.filled.clear();
        self.code = [NO_CODE; CODE];
        self.page_log2 = 12;
        self.blocks.clear();
        self.code_blocks.clear();
        self.has_global = false;
        self.life = fresh_stamp();
        self.restamp();
    }

    /// The name of the present set of instruction translations.
    #[inline(always)]
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// See `Second`.
    #[inline(always)]
    pub(super) fn life(&self) -> u64 {
        self.life
    }

    /// Keeps what is known of `va` already.
    #[inline]
    pub(super) fn refill(&mut self, va: u64, entry: Entry, second: &mut Second) {
        *self.make_room(va, second) = entry;
    }

    /// The data entry for `va`. If it is of another page, that moves to the second level.
    #[inline]
    fn make_room(&mut self, va: u64, second: &mut Second) -> &mut Entry {
        let i = (va >> 12) as usize % DATA;
        if self.filled.len() < FEW {
            self.filled.push(i as u16);
        }
        let entry = &mut self.data[i];
        if entry.read != INVALID && !entry.is_of(va) {
            second.keep(self.life, entry);
        }
        entry
    }

    fn restamp(&mut self) {
        self.stamp = fresh_stamp();
        self.code_seen = [0; SEEN / 64];
        self.code_reach = Span::NONE;
        // What stays is used without being filled again.
        for tag in self.code.map(|e| e.tag).into_iter().filter(|tag| *tag != INVALID) {
            self.see_code(tag);
        }
    }

    /// Instructions of the page of `va` may be remembered under the present stamp.
    fn see_code(&mut self, va: u64) {
        let (word, bit) = Self::seen_at(va);
        self.code_seen[word] |= bit;
        let page = va & UNTAGGED & PAGE;
        self.code_reach.widen(Span { first: page, last: page | !PAGE });
    }

    /// Where a page's bit is in `code_seen`.
    fn seen_at(va: u64) -> (usize, u64) {
        let bit = (va >> 12) as usize % SEEN;
        (bit / 64, 1 << (bit % 64))
    }

    /// The data entry that `va` would be in.
    #[inline(always)]
    pub fn entry(&self, va: u64) -> &Entry {
        &self.data[(va >> 12) as usize % DATA]
    }

    /// The instruction entry that `va` would be in.
    #[inline(always)]
    pub fn code_entry(&self, va: u64) -> &CodeEntry {
        &self.code[(va >> 12) as usize % CODE]
    }

    /// Keeps the data translation of `va`.
    pub(super) fn fill_data(&mut self, va: u64, leaf: &Leaf, fill: Fill, second: &mut Second) {
        let page = va & PAGE | if fill.host.is_none() { SLOW } else { 0 };
        let tag = |may: bool| if may { page } else { INVALID };
        let entry = self.make_room(va, second);
        // Field by field: a whole one would be read back from parts that are still being written.
        entry.read = tag(fill.readable);
        entry.write = tag(fill.writable) | if fill.noted { SLOW } else { 0 };
        entry.addend = fill.host.unwrap_or(0).wrapping_sub(va & PAGE);
        entry.meta = Meta::of(leaf);
        self.remember(va, leaf);
    }

    /// Keeps the instruction translation of `va`.
    pub(crate) fn fill_code(&mut self, va: u64, leaf: &Leaf) {
        self.code[(va >> 12) as usize % CODE] = CodeEntry { tag: va & PAGE, meta: Meta::of(leaf) };
        self.see_code(va);
        if let Some(block) = block_of(va, leaf) {
            cover(&mut self.code_blocks, block);
        }
        self.remember(va, leaf);
    }

    fn remember(&mut self, va: u64, leaf: &Leaf) {
        self.has_global |= leaf.global;
        if leaf.level == 3 {
            self.page_log2 = self.page_log2.max(leaf.log2);
        }
        if let Some(block) = block_of(va, leaf) {
            cover(&mut self.blocks, block);
        }
    }

    /// Does an operation on `asid` (`None` is every ASID) concern this TLB, whose own entries have `own`?
    pub(crate) fn concerns(&self, own: u16, asid: Option<u16>) -> bool {
        self.has_global || asid.is_none_or(|asid| asid == own)
    }

    /// Drops every entry whose leaf maps `va`, and perhaps neighbours.
    pub(super) fn drop_va(&mut self, va: u64, second: &mut Second) {
        self.stack = StackPage::none();
        let va = va & UNTAGGED;
        let first = va >> self.page_log2 << self.page_log2;
        let mut had_code = false;
        for page in (first..first + (1 << self.page_log2)).step_by(0x1000) {
            let data = &mut self.data[(page >> 12) as usize % DATA];
            if data.read != INVALID && (data.read ^ page) & UNTAGGED & PAGE == 0 {
                *data = NO_DATA;
            }
            second.drop_page(self.life, page);
            let code = &mut self.code[(page >> 12) as usize % CODE];
            if (code.tag ^ page) & UNTAGGED & PAGE == 0 {
                *code = NO_CODE;
            }
            let (word, bit) = Self::seen_at(page);
            had_code |= self.code_seen[word] & bit != 0 && self.code_reach.has(page);
        }
        if self.blocks.iter().any(|s| s.has(va)) {
            let hit = |tag: u64, meta: u64| ((tag ^ va) & UNTAGGED) >> (meta & Meta::LOG2) == 0;
            self.data.iter_mut().filter(|e| hit(e.read, e.meta)).for_each(|e| *e = NO_DATA);
            self.code.iter_mut().filter(|e| hit(e.tag, e.meta)).for_each(|e| *e = NO_CODE);
            // More than need be.
            self.life = fresh_stamp();
            had_code |= self.code_blocks.iter().any(|s| s.has(va));
        }
        if had_code {
            self.restamp();
        }
    }
}

/// What a leaf above the last level maps.
fn block_of(va: u64, leaf: &Leaf) -> Option<Span> {
    let first = va & UNTAGGED & !((1 << leaf.log2) - 1);
    (leaf.level != 3 && leaf.log2 > 12).then(|| Span { first, last: first + ((1 << leaf.log2) - 1) })
}

/// Adds `new` to `spans`, or widens the nearest.
fn cover(spans: &mut Vec<Span>, new: Span) {
    let gap = |s: &Span| new.first.saturating_sub(s.last).max(s.first.saturating_sub(new.last));
    let has_room = spans.len() < MAX_SPANS;
    match spans.iter_mut().min_by_key(|s| gap(s)) {
        Some(span) if !has_room || gap(span) <= 1 => span.widen(new),
        _ => spans.push(new),
    }
}

impl Span {
    const NONE: Span = Span { first: u64::MAX, last: 0 };

    fn has(&self, va: u64) -> bool {
        self.first <= va && va <= self.last
    }

    fn widen(&mut self, other: Span) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

impl CodeEntry {
    /// Indirect branches into it are restricted (FEAT_BTI).
    #[inline(always)]
    pub(crate) fn is_guarded(&self) -> bool {
        self.meta & Meta::GUARDED != 0
    }
}

impl Entry {
    /// Is it of the page at `va`, and may that be read?
    #[inline(always)]
    pub(super) fn is_of(&self, va: u64) -> bool {
        self.read & !SLOW == va & PAGE
    }

    /// Where `va` is, if this entry promises `write` (or else reading).
    pub(crate) fn place(&self, va: u64, write: bool) -> Option<Place> {
        let tag = if write { self.write } else { self.read };
        let place = || Place {
            pa: self.meta & PAGE | va & !PAGE,
            device: self.is_device(),
            write_back: self.meta & Meta::WRITE_BACK != 0,
        };
        (tag & !SLOW == va & PAGE).then(place)
    }

    /// The physical address of `va`, aligned as an access of `bytes` wants it, if the fast path leaves the page alone.
    #[inline(always)]
    pub(crate) fn outside_ram(&self, va: u64, bytes: u64, write: bool) -> Option<u64> {
        let tag = if write { self.write } else { self.read };
        (tag == va & (PAGE | (bytes - 1)) | SLOW).then_some(self.meta & PAGE | va & !PAGE)
    }

    /// The memory type is Device.
    #[inline(always)]
    pub(crate) fn is_device(&self) -> bool {
        self.meta & Meta::DEVICE != 0
    }
}
