//! Loads and stores: the probe of the TLB in line, everything else out of line.
//!
//! The address is in rax, where the out-of-line code finds it too; rcx is the entry's offset, rdx the tag. The
//! layout probed is `cpu::mmu::Entry`: read and write tags, addend.
//!
//! FEAT_LSE2 wants 16 aligned bytes at once: VMOVDQA, which processors with AVX perform so. What is unaligned within
//! them is a plain access of the host: Intel promises it within a cache line; of AMD's processors, which promise 8
//! bytes, none is known that divides it.

use crate::code::Offset;
use crate::context::at;
use crate::emit::{Cold, Emitter, Node, RAX, SlowAccess, Source, W, asm};
use crate::regs::{HOSTS, Where};
use crate::spans::{SP, Spot};
use crate::tally::Event;
use crate::thunks::{cc, jump_on};
use crate::vector::{T0, T1};
use cpu::mmu::Entry;
use dynasmrt::{DynasmApi, dynasm};
use hw::Access;
use semantics::Op2;
use std::mem::offset_of;

pub(crate) const READ: i8 = offset_of!(Entry, read) as i8;
pub(crate) const WRITE: i8 = offset_of!(Entry, write) as i8;
pub(crate) const ADDEND: i8 = offset_of!(Entry, addend) as i8;
const _: () = assert!(size_of::<Entry>() == 32);

/// An instruction whose last operand is memory at a spot.
macro_rules! from_spot {
    ($e:expr, $spot:expr, $plus:expr ; $($code:tt)*) => {{
        let Spot { base, addend, offset } = $spot;
        match i8::try_from(offset + $plus) {
            Ok(near) => asm!($e ; $($code)* [BYTE Rq(base) + Rq(addend) + near]),
            Err(_) => asm!($e ; $($code)* [DWORD Rq(base) + Rq(addend) + offset + $plus]),
        }
    }};
}

/// An instruction whose first operand is memory at a spot.
macro_rules! to_spot {
    ($e:expr, $spot:expr ; $op:ident $($size:ident)? ; $($operand:tt)*) => {{
        let Spot { base, addend, offset } = $spot;
        match i8::try_from(offset) {
            Ok(near) => asm!($e ; $op $($size)? [BYTE Rq(base) + Rq(addend) + near], $($operand)*),
            Err(_) => asm!($e ; $op $($size)? [DWORD Rq(base) + Rq(addend) + offset], $($operand)*),
        }
    }};
}

/// Where the fast path gives up.
pub(crate) type Misses = [Option<Offset>; 2];

impl Emitter {
    /// Computes an address into rax.
    pub(crate) fn address(&mut self, w: W) {
        self.clobber_flags();
        self.on_stack = self.based(w).is_some_and(|(base, _)| base == SP);
        match self.at(w) {
            Node::X(..) | Node::At(_) => {
                let from = self.reg(w);
                self.mov(RAX, from);
            }
            _ => self.eval(w, RAX, true),
        }
    }

    /// Probes for `bytes` at rax in elements of `how.bytes()`, and makes rax a host address. `spare` is a
    /// register for another TLB than the current one.
    pub(crate) fn probe(&mut self, how: Access, bytes: u64, write: bool, spare: Option<u8>) -> Misses {
        if spare.is_none()
            && let Some(place) = self.page_place(how.aligned, write)
        {
            self.probe_page(place, bytes);
            return [None, None];
        }
        self.probe_tlb(how, bytes, write, spare)
    }

    /// The same, without a page that was remembered.
    pub(crate) fn probe_tlb(&mut self, how: Access, bytes: u64, write: bool, spare: Option<u8>) -> Misses {
        let tag = if write { WRITE } else { READ };
        let lenient = self.context.lenient() && !how.aligned;
        let align = how.bytes().min(8) as i32;
        let mut misses = [None, None];
        self.tally(Event::Access);
        asm!(self ; mov ecx, eax ; shr ecx, 7);
        if lenient && bytes > 1 {
            asm!(self ; lea rdx, [BYTE rax + (bytes - 1) as i8] ; and ecx, 0x7fe0 ; and rdx, -4096);
        } else if bytes > align as u64 {
            // An aligned pair may still end in the next page.
            asm!(self ; test al, (align - 1) as i8);
            misses[1] = Some(self.forward(cc::NE));
            asm!(self ; lea rdx, [BYTE rax + (bytes - 1) as i8] ; and ecx, 0x7fe0 ; and rdx, -4096);
        } else {
            asm!(self ; mov rdx, rax ; and ecx, 0x7fe0 ; and rdx, -4096 | (align - 1));
        }
        match spare {
            None => asm!(self ; cmp rdx, [BYTE r14 + rcx + tag]),
            Some(tlb) => {
                asm!(self ; mov Rq(tlb), [BYTE rbx + at::TLB_UNPRIVILEGED] ; cmp rdx, [BYTE Rq(tlb) + rcx + tag]);
            }
        }
        misses[0] = Some(self.unless_equal(Event::TlbMiss, Event::TlbHit));
        match spare {
            None => asm!(self ; add rax, [BYTE r14 + rcx + ADDEND]),
            Some(tlb) => asm!(self ; add rax, [BYTE Rq(tlb) + rcx + ADDEND]),
        }
        misses
    }

    /// A register for the other TLB, if `how` needs it; `None` if there is none left.
    fn spare(&mut self, how: Access) -> Option<Option<u8>> {
        match how.unprivileged {
            true => self.temporary().map(|place| Some(HOSTS[place as usize])),
            false => Some(None),
        }
    }

    /// The place of the register that the present instruction loads, if it writes no other and its address has been
    /// computed; else a new one. Until it is loaded, what was there is still there.
    fn loaded_place(&mut self) -> Option<u8> {
        /// In bits [29:24]: with an unsigned offset, and so without writing to the base, which may be the same.
        const UNSIGNED_OFFSET: u32 = 0b11_1001;
        let (word, facts) = (self.word(), &self.facts[self.index]);
        let r = (word & 31) as u8;
        let only = r != 31 && facts.writes == 1 << r && facts.writes_v == 0;
        let apart = facts.reads >> r & 1 == 0 || word >> 24 & 0x3f == UNSIGNED_OFFSET;
        match self.regs.find(r) {
            Where::Place(place) if only && apart => {
                self.regs.touch(place);
                self.overwrite_place(place);
                Some(place)
            }
            _ => self.temporary(),
        }
    }

    /// The same of a V register, which must not be an operand either.
    fn loaded_vector(&mut self) -> u8 {
        let (r, facts) = ((self.word() & 31) as u8, self.facts[self.index]);
        match self.vregs.find(r) {
            Where::Place(place) if facts.writes_v == 1 << r && facts.reads_v >> r & 1 == 0 => {
                self.vregs.touch(place);
                self.forget_vector(place);
                place
            }
            _ => self.vector(),
        }
    }

    /// Loads up to 8 bytes into a place.
    pub fn load_into_place(&mut self, at: W, how: Access) -> Option<u8> {
        if let Some(spot) = self.spot(at, how, how.bytes(), false) {
            let place = self.loaded_place()?;
            let to = HOSTS[place as usize];
            match how.size {
                0 => from_spot!(self, spot, 0 ; movzx Rd(to), BYTE),
                1 => from_spot!(self, spot, 0 ; movzx Rd(to), WORD),
                2 => from_spot!(self, spot, 0 ; mov Rd(to),),
                _ => from_spot!(self, spot, 0 ; mov Rq(to),),
            }
            return Some(place);
        }
        let spare = self.spare(how)?;
        self.fence_if_released(how.order);
        self.address(at);
        let place = self.loaded_place()?;
        let site = self.site(SlowAccess::Load(how));
        let from = self.probe(how, how.bytes(), false, spare);
        let to = HOSTS[place as usize];
        match how.size {
            0 => asm!(self ; movzx Rd(to), BYTE [rax]),
            1 => asm!(self ; movzx Rd(to), WORD [rax]),
            2 => asm!(self ; mov Rd(to), [rax]),
            _ => asm!(self ; mov Rq(to), [rax]),
        }
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: [Some(to), None] });
        Some(place)
    }

    /// Loads two elements.
    pub fn load_pair(&mut self, at: W, how: Access) -> Option<[u8; 2]> {
        if let Some(spot) = self.spot(at, how, 2 * how.bytes(), false) {
            let places = [self.temporary()?, self.temporary()?];
            for (to, plus) in places.map(|p| HOSTS[p as usize]).into_iter().zip([0, how.bytes() as i32]) {
                match how.size {
                    2 => from_spot!(self, spot, plus ; mov Rd(to),),
                    _ => from_spot!(self, spot, plus ; mov Rq(to),),
                }
            }
            return Some(places);
        }
        let places = [self.temporary()?, self.temporary()?];
        self.address(at);
        let site = self.site(SlowAccess::Load2(how));
        let from = self.probe(how, 2 * how.bytes(), false, None);
        let to = places.map(|p| HOSTS[p as usize]);
        match how.size {
            2 => asm!(self ; mov Rd(to[0]), [rax] ; mov Rd(to[1]), [BYTE rax + 4]),
            _ => {
                let whole = self.if_whole(|e| {
                    asm!(e ; vmovdqa Rx(T0), [rax] ; vmovq Rq(to[0]), Rx(T0) ; vpextrq Rq(to[1]), Rx(T0), 1);
                });
                asm!(self ; mov Rq(to[0]), [rax] ; mov Rq(to[1]), [BYTE rax + 8]);
                whole.into_iter().for_each(|done| self.land(done));
            }
        }
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: to.map(Some) });
        Some(places)
    }

    fn stored(&mut self, v: W, size: u8) -> Source {
        match self.constant(v) {
            Some(c) if size < 3 || i32::try_from(c as i64).is_ok() => Source::Imm(c),
            _ if size < 3 => Source::Reg(self.low(v)),
            _ => Source::Reg(self.reg(v)),
        }
    }

    fn store_at(&mut self, v: Source, size: u8, offset: i8) {
        match (v, size) {
            (Source::Reg(v), 0) => asm!(self ; mov [BYTE rax + offset], Rb(v)),
            (Source::Reg(v), 1) => asm!(self ; mov [BYTE rax + offset], Rw(v)),
            (Source::Reg(v), 2) => asm!(self ; mov [BYTE rax + offset], Rd(v)),
            (Source::Reg(v), _) => asm!(self ; mov [BYTE rax + offset], Rq(v)),
            (Source::Imm(v), 0) => asm!(self ; mov BYTE [BYTE rax + offset], v as i8),
            (Source::Imm(v), 1) => asm!(self ; mov WORD [BYTE rax + offset], v as i16),
            (Source::Imm(v), 2) => asm!(self ; mov DWORD [BYTE rax + offset], v as i32),
            (Source::Imm(v), _) => asm!(self ; mov QWORD [BYTE rax + offset], v as i32),
        }
    }

    /// The same at a spot.
    fn store_at_spot(&mut self, v: Source, size: u8, spot: Spot) {
        match (v, size) {
            (Source::Reg(v), 0) => to_spot!(self, spot ; mov ; Rb(v)),
            (Source::Reg(v), 1) => to_spot!(self, spot ; mov ; Rw(v)),
            (Source::Reg(v), 2) => to_spot!(self, spot ; mov ; Rd(v)),
            (Source::Reg(v), _) => to_spot!(self, spot ; mov ; Rq(v)),
            (Source::Imm(v), 0) => to_spot!(self, spot ; mov BYTE ; v as i8),
            (Source::Imm(v), 1) => to_spot!(self, spot ; mov WORD ; v as i16),
            (Source::Imm(v), 2) => to_spot!(self, spot ; mov DWORD ; v as i32),
            (Source::Imm(v), _) => to_spot!(self, spot ; mov QWORD ; v as i32),
        }
    }

    /// Stores up to 8 bytes.
    pub fn store_one(&mut self, at: W, how: Access, v: W) {
        let v = self.stored(v, how.size);
        if let Some(spot) = self.spot(at, how, how.bytes(), true) {
            return self.store_at_spot(v, how.size, spot);
        }
        let Some(spare) = self.spare(how) else { return };
        self.address(at);
        let site = self.site(SlowAccess::Store(how));
        let from = self.probe(how, how.bytes(), true, spare);
        self.store_at(v, how.size, 0);
        self.mark_release(how.order);
        let back = self.buf.here();
        self.cold.push(Cold::Store { from, back, site, values: [v, Source::Imm(0)] });
    }

    /// Stores two elements.
    pub fn store_pair(&mut self, at: W, how: Access, a: W, b: W) {
        let values = [self.stored(a, how.size), self.stored(b, how.size)];
        if let Some(spot) = self.spot(at, how, 2 * how.bytes(), true) {
            self.store_at_spot(values[0], how.size, spot);
            let next = Spot { offset: spot.offset + how.bytes() as i32, ..spot };
            return self.store_at_spot(values[1], how.size, next);
        }
        self.address(at);
        let site = self.site(SlowAccess::Store2(how));
        let from = self.probe(how, 2 * how.bytes(), true, None);
        let whole = if how.size < 3 { None } else { self.if_whole(|e| e.store_whole(values)) };
        self.store_at(values[0], how.size, 0);
        self.store_at(values[1], how.size, how.bytes() as i8);
        whole.into_iter().for_each(|done| self.land(done));
        let back = self.buf.here();
        self.cold.push(Cold::Store { from, back, site, values });
    }

    /// With FEAT_LSE2, `access` if the host address in rax is 16-byte aligned; what is emitted next is for when it
    /// is not, and the jump over it is returned.
    fn if_whole(&mut self, access: impl FnOnce(&mut Emitter)) -> Option<Offset> {
        if !self.context.whole() {
            return None;
        }
        asm!(self ; test al, 15);
        let not = self.forward(cc::NE);
        access(self);
        let done = jump_on(&mut self.buf);
        self.land(not);
        Some(done)
    }

    /// Stores two double words at once. The address, in rax, is aligned.
    fn store_whole(&mut self, values: [Source; 2]) {
        let [low, high] = [T0, T1]; // nothing may be taken where control may not come
        for (to, value) in [(low, values[0]), (high, values[1])] {
            match value {
                Source::Reg(v) => asm!(self ; vmovq Rx(to), Rq(v)),
                Source::Imm(0) => asm!(self ; vpxor Rx(to), Rx(to), Rx(to)),
                Source::Imm(v) => asm!(self ; mov rdx, v as i32 ; vmovq Rx(to), rdx),
            }
        }
        asm!(self ; vpunpcklqdq Rx(low), Rx(low), Rx(high) ; vmovdqa [rax], Rx(low));
    }

    /// Loads up to 16 bytes into a vector register.
    pub fn load_vector(&mut self, at: W, how: Access) -> u8 {
        let to = self.loaded_vector();
        if let Some(spot) = self.spot(at, how, how.bytes(), false) {
            match how.size {
                0 => from_spot!(self, spot, 0 ; movzx ecx, BYTE),
                1 => from_spot!(self, spot, 0 ; movzx ecx, WORD),
                2 => from_spot!(self, spot, 0 ; vmovd Rx(to),),
                3 => from_spot!(self, spot, 0 ; vmovq Rx(to),),
                _ => from_spot!(self, spot, 0 ; vmovdqu Rx(to),),
            }
            if how.size < 2 {
                asm!(self ; vmovd Rx(to), ecx);
            }
            self.narrow.note(to, Some(how.size));
            return to;
        }
        self.address(at);
        let site = self.site(if how.size == 4 { SlowAccess::Load16(how) } else { SlowAccess::Load(how) });
        let from = self.probe_vector(how, false);
        match how.size {
            0 => asm!(self ; movzx ecx, BYTE [rax] ; vmovd Rx(to), ecx),
            1 => asm!(self ; movzx ecx, WORD [rax] ; vmovd Rx(to), ecx),
            2 => asm!(self ; vmovd Rx(to), [rax]),
            3 => asm!(self ; vmovq Rx(to), [rax]),
            _ => {
                let whole = self.if_whole(|e| asm!(e ; vmovdqa Rx(to), [rax]));
                asm!(self ; vmovdqu Rx(to), [rax]);
                whole.into_iter().for_each(|done| self.land(done));
            }
        }
        let back = self.buf.here();
        self.cold.push(Cold::LoadV { from, back, site, to });
        self.narrow.note(to, Some(how.size));
        to
    }

    /// Stores the low bytes of a vector register, up to 16.
    pub fn store_vector(&mut self, at: W, how: Access, value: u8) {
        if how.size >= 2
            && let Some(spot) = self.spot(at, how, how.bytes(), true)
        {
            return match how.size {
                2 => to_spot!(self, spot ; vmovd ; Rx(value)),
                3 => to_spot!(self, spot ; vmovq ; Rx(value)),
                _ => to_spot!(self, spot ; vmovdqu ; Rx(value)),
            };
        }
        self.address(at);
        let site = self.site(if how.size == 4 { SlowAccess::Store16(how) } else { SlowAccess::Store(how) });
        let from = self.probe_vector(how, true);
        match how.size {
            0 => asm!(self ; vpextrb [rax], Rx(value), 0),
            1 => asm!(self ; vpextrw [rax], Rx(value), 0),
            2 => asm!(self ; vmovd [rax], Rx(value)),
            3 => asm!(self ; vmovq [rax], Rx(value)),
            _ => {
                let whole = self.if_whole(|e| asm!(e ; vmovdqa [rax], Rx(value)));
                asm!(self ; vmovdqu [rax], Rx(value));
                whole.into_iter().for_each(|done| self.land(done));
            }
        }
        let back = self.buf.here();
        self.cold.push(Cold::StoreV { from, back, site, value });
    }

    fn probe_vector(&mut self, how: Access, write: bool) -> Misses {
        if how.size < 4 {
            return self.probe(how, how.bytes(), write, None);
        }
        let mut from = [None; 2];
        if !self.context.lenient() {
            // SCTLR_ELx.A may ask for 16-byte alignment.
            asm!(self ; test al, 15);
            from[1] = Some(self.forward(cc::NE));
        }
        let aligned = Access { size: 3, ..how };
        from[0] = self.probe(aligned, if self.context.lenient() { 16 } else { 8 }, write, None)[0];
        from
    }

    /// One probe for several elements, where they need no alignment; false if they do. Else, if it misses, the
    /// instruction is interpreted: it has changed nothing yet.
    fn probe_elements(&mut self, at: W, how: Access, bytes: u32, write: bool) -> bool {
        // With FEAT_LSE2 what is 16 bytes is accessed at once.
        let possible = self.context.lenient() && !(how.size == 4 && self.context.whole());
        if possible {
            self.address(at);
            let site = self.site(SlowAccess::Interpret);
            let from = self.probe(how, bytes.into(), write, None);
            self.cold.push(Cold::Interpret { from: from[0], site });
        }
        possible
    }

    /// Loads consecutive bytes; `None` if the elements are to be loaded one by one.
    pub fn load_bytes(&mut self, at: W, how: Access, bytes: u32) -> Option<[u8; 4]> {
        if !self.probe_elements(at, how, bytes, false) {
            return None;
        }
        let mut v = [0; 4];
        for (to, n) in v.iter_mut().zip(0..bytes.div_ceil(16)) {
            *to = self.vector();
            match bytes - 16 * n {
                8 => asm!(self ; vmovq Rx(*to), [BYTE rax + (16 * n) as i8]),
                _ => asm!(self ; vmovdqu Rx(*to), [BYTE rax + (16 * n) as i8]),
            }
        }
        Some(v)
    }

    /// Stores consecutive bytes; false if the elements are to be stored one by one.
    pub fn store_bytes(&mut self, at: W, how: Access, bytes: u32, v: [u8; 4]) -> bool {
        if !self.probe_elements(at, how, bytes, true) {
            return false;
        }
        for (from, n) in v.into_iter().zip(0..bytes.div_ceil(16)) {
            match bytes - 16 * n {
                8 => asm!(self ; vmovq [BYTE rax + (16 * n) as i8], Rx(from)),
                _ => asm!(self ; vmovdqu [BYTE rax + (16 * n) as i8], Rx(from)),
            }
        }
        true
    }

    /// The base register SP: must it be aligned, and is that not known yet?
    pub fn check_sp(&mut self) {
        if !self.context.sp_check() || self.sp_aligned {
            return;
        }
        let sp = self.guest(31);
        self.clobber_flags();
        asm!(self ; test Rb(sp), 15);
        let from = Some(self.forward(cc::NE));
        let site = self.site(SlowAccess::Interpret);
        self.cold.push(Cold::Interpret { from, site });
        self.sp_aligned = true;
    }

    /// Does SP stay aligned, if it is, when it becomes `w`?
    pub fn keeps_sp_aligned(&self, w: W) -> bool {
        match self.at(w) {
            Node::Imm(v) => v % 16 == 0,
            Node::X(31, _) => self.sp_aligned,
            Node::Op2(Op2::Add | Op2::Sub, a, b) => {
                let multiple = self.constant(b).is_some_and(|v| v % 16 == 0);
                matches!(self.at(a), Node::X(31, _)) && multiple && self.sp_aligned
            }
            Node::Op2(Op2::And, _, b) => self.constant(b).is_some_and(|v| v % 16 == 0),
            _ => false,
        }
    }
}
