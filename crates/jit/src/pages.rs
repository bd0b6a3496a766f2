//! The pages that accesses in loops found last, and those at SP elsewhere.
//!
//! The address of such an access is compared with a page remembered for it, and what is added there gives the host's
//! address: it waits for no entry of the TLB, and a pointer that is followed costs little more than on the host. If
//! the page is another, the TLB is probed out of line, and remembered. Where that happens too often, the block is
//! compiled again without.
//!
//! A page is remembered as it was found in the current TLB, for reading or for writing, and forgotten whenever Rust
//! code runs that may change a translation: before compiled code is entered, and in every helper for an instruction.
//!
//! The stack's page is remembered in the TLB that it was found in, for all blocks (`cpu::mmu::Tlb::STACK`): what drops
//! entries of that TLB forgets it, and what makes another TLB current makes another stack's page current.

use crate::Jit;
use crate::code::{CodeBuf, Offset};
use crate::context::{Context, at};
use crate::emit::{Cold, Emitter, RAX, RDX, asm};
use crate::memory::{ADDEND, READ, WRITE};
use crate::tables::Site;
use crate::tally::Event;
use crate::thunks::{call, cc, jump_if};
use cpu::mmu::{NOWHERE, Tlb};
use dynasmrt::{DynasmApi, dynasm};

/// Pages remembered for reading, and for writing.
pub(crate) const PAGES: usize = 8;
/// The place of the stack's page for reading; that for writing follows.
const STACK: u8 = 2 * PAGES as u8;
/// All places.
pub(crate) const PLACES: usize = 2 * PAGES + 2;
/// Changes of a page after which their rate is looked at.
const SAMPLE: i32 = 64;
/// Instructions between two of them that are worth it.
const WORTH: u64 = 24;

/// What a block may have to do without, because it did not serve.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Without {
    Spans,
    Pages,
}

/// Part of `Context`.
#[repr(C)]
pub(crate) struct Pages {
    /// The pages' addresses, and what is to be added to those in them; for reading first.
    page: [u64; 2 * PAGES],
    addend: [u64; 2 * PAGES],
    /// Changes before their rate is looked at, less than zero if it is to be; and as it was when no page was known.
    budget: i32,
    without_pages: i32,
    /// `Context::executed` when that was last done.
    since: u64,
    /// Where the block began that changed them last when they changed too often.
    suspect: u64,
}

impl Pages {
    pub const PAGE: usize = std::mem::offset_of!(Pages, page);
    pub const ADDEND: usize = std::mem::offset_of!(Pages, addend);
    pub const BUDGET: usize = std::mem::offset_of!(Pages, budget);

    pub const fn new() -> Pages {
        Pages { page: [NOWHERE; _], addend: [0; _], budget: SAMPLE, without_pages: SAMPLE, since: 0, suspect: 0 }
    }
}

impl Context {
    /// Translations may change.
    #[inline]
    pub(crate) fn forget_pages(&mut self) {
        let pages = &mut self.pages;
        if pages.without_pages != pages.budget {
            pages.without_pages = pages.budget;
            pages.page = [NOWHERE; _];
        }
    }
}

impl Emitter {
    /// A place for the page of an access that is not `aligned`, if it is in a loop or `on_stack`.
    pub(crate) fn page_place(&mut self, aligned: bool, write: bool) -> Option<u8> {
        let in_loop = self.region.is_in_loop(self.index);
        if !self.with_pages || !self.context.lenient() || aligned || !in_loop && !self.on_stack {
            return None;
        }
        if !in_loop {
            return Some(STACK + u8::from(write));
        }
        self.next_page = (self.next_page + 1) % PAGES as u8;
        Some(self.next_page + if write { PAGES as u8 } else { 0 })
    }

    /// Checks that `bytes` at the address in rcx are in the page of `place`. If they are not, `Cold::Turn`, which is
    /// yet to be given what else it needs, finds the page; what follows it is for when it is not found.
    pub(crate) fn is_in_page(&mut self, place: u8, bytes: u64) -> Offset {
        match place.checked_sub(STACK) {
            None => asm!(self ; xor rcx, [rbx + at::PAGE + 8 * i32::from(place)]),
            Some(write) => asm!(self ; xor rcx, [BYTE r14 + stack(write)]),
        }
        asm!(self ; cmp rcx, 4096 - bytes as i32);
        let from = self.forward(cc::A);
        self.tally(Event::Remembered);
        from
    }

    /// As `probe` for `bytes` at rax.
    pub(crate) fn probe_page(&mut self, place: u8, bytes: u64) {
        self.tally(Event::Access);
        asm!(self ; mov rcx, rax);
        let from = self.is_in_page(place, bytes);
        let back = self.buf.here();
        self.cold.push(Cold::Turn { from, back, place, bytes: bytes as u16, base: None });
        match place.checked_sub(STACK) {
            None => asm!(self ; add rax, [rbx + at::PAGE_ADDEND + 8 * i32::from(place)]),
            Some(write) => asm!(self ; add rax, [BYTE r14 + stack_addend(write)]),
        }
    }

    /// Loads what is to be added to addresses in the page of `place`.
    pub(crate) fn page_addend(&mut self, to: u8, place: u8) {
        match place.checked_sub(STACK) {
            None => asm!(self ; mov Rq(to), [rbx + at::PAGE_ADDEND + 8 * i32::from(place)]),
            Some(write) => asm!(self ; mov Rq(to), [BYTE r14 + stack_addend(write)]),
        }
    }

    /// Another page than the one remembered: goes back if the TLB has it. `base` is the address, if not rax.
    pub(crate) fn write_turn(&mut self, from: Offset, back: Offset, place: u8, bytes: u16, base: Option<(u8, i32)>) {
        self.land(from);
        if let Some((base, offset)) = base {
            self.lea(RAX, base, offset, true);
        }
        self.lea(RDX, RAX, i32::from(bytes) - 1, true);
        let find = self.thunks.find_page[usize::from(place)];
        call(&mut self.buf, find);
        self.back_if_equal(back);
    }
}

/// Where the stack's page is from r14, for reading (0) or writing (1).
const fn stack(write: u8) -> i8 {
    Tlb::STACK as i8 + 8 * write as i8
}

/// The same of what is added.
const fn stack_addend(write: u8) -> i8 {
    Tlb::STACK_ADDEND as i8 + 8 * write as i8
}

/// For each place, a routine that looks in the TLB for the page of the address in rax, whose last byte is at rdx, and
/// remembers it: the zero flag says that it is there.
pub(crate) fn write_finders(buf: &mut CodeBuf) -> [Offset; PLACES] {
    std::array::from_fn(|place| {
        if let Some(write) = place.checked_sub(usize::from(STACK)) {
            return write_stack_finder(buf, write as u8);
        }
        buf.align_to(16);
        let start = buf.here();
        let (tag, field) = (if place < PAGES { READ } else { WRITE }, 8 * place as i32);
        dynasm!(buf ; .arch x64
            ; mov ecx, eax ; shr ecx, 7 ; and ecx, 0x7fe0 ; and rdx, -4096
            ; cmp rdx, [BYTE r14 + rcx + tag]
        );
        let unknown = jump_if(buf, cc::NE, None);
        dynasm!(buf ; .arch x64 ; dec DWORD [rbx + at::PAGE_BUDGET]);
        let often = jump_if(buf, cc::S, None);
        dynasm!(buf ; .arch x64
            ; mov rcx, [BYTE r14 + rcx + ADDEND]
            ; mov [rbx + at::PAGE + field], rdx
            ; mov [rbx + at::PAGE_ADDEND + field], rcx
            ; cmp ecx, ecx
        );
        let here = buf.here();
        [unknown, often].into_iter().for_each(|from| buf.aim(from, here));
        dynasm!(buf ; .arch x64 ; ret);
        start
    })
}

/// The same for the stack's page. What it promises besides is kept as well.
fn write_stack_finder(buf: &mut CodeBuf, write: u8) -> Offset {
    buf.align_to(16);
    let start = buf.here();
    let [tag, other] = if write == 0 { [READ, WRITE] } else { [WRITE, READ] };
    dynasm!(buf ; .arch x64
        ; mov ecx, eax ; shr ecx, 7 ; and ecx, 0x7fe0 ; and rdx, -4096
        ; cmp rdx, [BYTE r14 + rcx + tag]
    );
    let unknown = jump_if(buf, cc::NE, None);
    dynasm!(buf ; .arch x64
        ; cmp rdx, [BYTE r14 + rcx + other]
        ; mov rcx, [BYTE r14 + rcx + ADDEND]
        ; mov [BYTE r14 + stack(write)], rdx
        ; mov [BYTE r14 + stack_addend(write)], rcx
    );
    let only = jump_if(buf, cc::NE, None);
    dynasm!(buf ; .arch x64
        ; mov [BYTE r14 + stack(1 - write)], rdx
        ; mov [BYTE r14 + stack_addend(1 - write)], rcx
    );
    let here = buf.here();
    buf.aim(only, here);
    dynasm!(buf ; .arch x64 ; cmp ecx, ecx);
    let here = buf.here();
    buf.aim(unknown, here);
    dynasm!(buf ; .arch x64 ; ret);
    start
}

impl Jit {
    /// Have the pages changed so often that the block of `site`, which found another one, is to do without?
    #[inline]
    pub(crate) fn gives_up_pages(&mut self, site: &Site) -> bool {
        let pages = &mut self.context.pages;
        if pages.budget >= 0 {
            return false;
        }
        let executed = self.context.executed.wrapping_sub(pages.since);
        // They have just been forgotten.
        (pages.budget, pages.without_pages, pages.since) = (SAMPLE, SAMPLE, self.context.executed);
        let start = site.pc.wrapping_sub(4 * (u64::from(site.executed) - 1));
        let suspect = if executed < WORTH * SAMPLE as u64 { start } else { 0 };
        let often = suspect != 0 && suspect == pages.suspect;
        pages.suspect = suspect;
        if often {
            self.space.without(start, site.page, Without::Pages);
            self.purge = true;
        }
        often
    }
}
