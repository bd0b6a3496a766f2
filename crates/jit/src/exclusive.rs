//! Exclusive accesses and 16-byte compare-and-swap, in line.
//!
//! The monitor is `cpu::Monitor`: what was loaded, and from where. A store-exclusive is a locked compare-and-swap of
//! that value, so it is a barrier as well; where the monitor does not match it stores nothing, and is none.

use crate::context::{MONITOR, RELEASE_PENDING};
use crate::emit::{Cold, Emitter, Node, RAX, RCX, RDX, SlowAccess, Source, W, asm};
use crate::regs::HOSTS;
use crate::thunks::cc;
use cpu::Monitor;
use dynasmrt::{DynasmApi, dynasm};
use hw::Access;
use semantics::Op1;
use std::mem::offset_of;

const AT: i32 = MONITOR + offset_of!(Monitor, at) as i32;
const BYTES: i32 = MONITOR + offset_of!(Monitor, bytes) as i32;
const LOW: i32 = MONITOR + offset_of!(Monitor, low) as i32;
const HIGH: i32 = MONITOR + offset_of!(Monitor, high) as i32;

impl Emitter {
    /// Probes for an access that is aligned to its size, up to 16 bytes.
    fn probe_aligned(&mut self, how: Access, write: bool) -> [Option<u32>; 2] {
        let mut from = [None; 2];
        if how.size == 4 {
            asm!(self ; test al, 15);
            from[1] = Some(self.forward(cc::NE));
        }
        let each = Access { size: how.size.min(3), aligned: true, ..how };
        from[0] = self.probe_tlb(each, each.bytes(), write, None)[0];
        from
    }

    /// LDXR, LDAXR: the place with the value.
    pub(crate) fn load_marked(&mut self, at: W, how: Access) -> W {
        let Some(place) = self.temporary() else { return W(0) };
        let to = HOSTS[place as usize];
        self.fence_if_released(how.order);
        self.address(at);
        let site = self.site(SlowAccess::LoadExclusive(how));
        let from = self.probe_aligned(how, false);
        match how.size {
            0 => asm!(self ; movzx Rd(to), BYTE [rax]),
            1 => asm!(self ; movzx Rd(to), WORD [rax]),
            2 => asm!(self ; mov Rd(to), [rax]),
            _ => asm!(self ; mov Rq(to), [rax]),
        }
        asm!(self
            ; mov [rbp + AT], rax
            ; mov QWORD [rbp + BYTES], how.bytes() as i32
            ; mov [rbp + LOW], Rq(to)
            ; mov QWORD [rbp + HIGH], 0
        );
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: [Some(to), None] });
        self.node(Node::At(place))
    }

    /// LDXP, LDAXP: the places with both elements, the one at the lower address first.
    pub(crate) fn load_marked_pair(&mut self, at: W, how: Access) -> (W, W) {
        if how.size == 3 {
            let both = self.load_marked(at, how);
            let Some(place) = self.temporary() else { return (W(0), W(0)) };
            let from = self.reg(both);
            self.clobber_flags();
            asm!(self ; mov Rq(HOSTS[place as usize]), Rq(from) ; shr Rq(HOSTS[place as usize]), 32);
            return (self.node(Node::Op1(Op1::Uxtw, both)), self.node(Node::At(place)));
        }
        let (Some(low), Some(high)) = (self.temporary(), self.temporary()) else { return (W(0), W(0)) };
        let to = [low, high].map(|place| HOSTS[place as usize]);
        self.fence_if_released(how.order);
        self.address(at);
        let site = self.site(SlowAccess::LoadExclusive(how));
        let from = self.probe_aligned(how, false);
        asm!(self
            ; mov Rq(to[1]), [BYTE rax + 8]
            ; mov Rq(to[0]), [rax]
            ; mov [rbp + AT], rax
            ; mov QWORD [rbp + BYTES], 16
            ; mov [rbp + LOW], Rq(to[0])
            ; mov [rbp + HIGH], Rq(to[1])
        );
        let back = self.buf.here();
        self.cold.push(Cold::Load { from, back, site, to: to.map(Some) });
        (self.node(Node::At(low)), self.node(Node::At(high)))
    }

    /// STXR, STLXR: the place with the status.
    pub(crate) fn store_marked(&mut self, at: W, how: Access, v: W) -> W {
        let v = self.reg(v);
        let Some(place) = self.temporary() else { return W(0) };
        self.address(at);
        let site = self.site(SlowAccess::StoreExclusive(how));
        let from = self.probe_aligned(how, true);
        asm!(self ; mov rdx, rax);
        let fails = self.unmarked(RDX, how.bytes());
        asm!(self ; mov rax, [rbp + LOW]);
        self.compare_and_swap(how.size, v);
        self.status(fails, place, site, from, [Source::Reg(v), Source::Imm(0)])
    }

    /// STXP, STLXP: the place with the status.
    pub(crate) fn store_marked_pair(&mut self, at: W, how: Access, a: W, b: W) -> W {
        let (low, high) = (self.reg(a), self.reg(b));
        let Some(place) = self.temporary() else { return W(0) };
        let to = HOSTS[place as usize];
        self.address(at);
        let site = self.site(SlowAccess::StoreExclusive2(how));
        let from = self.probe_aligned(how, true);
        asm!(self ; mov Rq(to), rax);
        let fails = self.unmarked(to, how.bytes());
        if how.size == 3 {
            asm!(self
                ; mov rdx, Rq(high) ; shl rdx, 32 ; mov ecx, Rd(low) ; or rcx, rdx
                ; mov rdx, Rq(to) ; mov rax, [rbp + LOW]
            );
            self.compare_and_swap(3, RCX);
        } else {
            asm!(self ; mov rax, [rbp + LOW] ; mov rdx, [rbp + HIGH] ; mov rcx, Rq(high));
            self.compare_and_swap_pair(to, low);
        }
        self.status(fails, place, site, from, [Source::Reg(low), Source::Reg(high)])
    }

    /// Jumps that are taken unless the monitor holds `bytes` at host address `at`; then ZF is clear.
    fn unmarked(&mut self, at: u8, bytes: u64) -> [u32; 2] {
        asm!(self ; cmp Rq(at), [rbp + AT]);
        let elsewhere = self.forward(cc::NE);
        asm!(self ; cmp QWORD [rbp + BYTES], bytes as i32);
        [elsewhere, self.forward(cc::NE)]
    }

    /// The end of an exclusive store: ZF says that it stored.
    fn status(&mut self, fails: [u32; 2], place: u8, site: u32, from: [Option<u32>; 2], values: [Source; 2]) -> W {
        let to = HOSTS[place as usize];
        asm!(self ; mov BYTE [rbp + RELEASE_PENDING], 0);
        fails.into_iter().for_each(|from| self.land(from));
        asm!(self ; setne al ; movzx Rd(to), al ; mov QWORD [rbp + BYTES], 0);
        let back = self.buf.here();
        self.cold.push(Cold::Modify { from, back, site, values, to });
        self.node(Node::At(place))
    }

    /// `lock cmpxchg16b` at host address `at` with rdx:rax; the new value is in rcx and `low`. rbx is needed for it.
    fn compare_and_swap_pair(&mut self, at: u8, low: u8) {
        asm!(self ; xchg rbx, Rq(low) ; lock cmpxchg16b [Rq(at)] ; xchg rbx, Rq(low));
    }

    /// CASP of 16 bytes: the places with what memory held.
    pub(crate) fn swap_pair_if(&mut self, at: W, how: Access, expected: (W, W), new: (W, W)) -> (W, W) {
        if how.size != 4 {
            self.give_up();
            return (W(0), W(0));
        }
        let (low, high) = (self.reg(new.0), self.reg(new.1));
        let (Some(one), Some(two)) = (self.temporary(), self.temporary()) else { return (W(0), W(0)) };
        let to = [one, two].map(|place| HOSTS[place as usize]);
        let (e0, e1) = (self.reg(expected.0), self.reg(expected.1));
        self.address(at);
        let site = self.site(SlowAccess::Interpret);
        // Read first, as an atomic access is; then for writing.
        let from = self.probe_aligned(how, true);
        from.into_iter().flatten().for_each(|from| self.cold.push(Cold::Interpret { from: Some(from), site }));
        asm!(self ; mov Rq(to[0]), rax ; mov rax, Rq(e0) ; mov rdx, Rq(e1) ; mov rcx, Rq(high));
        self.compare_and_swap_pair(to[0], low);
        asm!(self ; mov Rq(to[0]), rax ; mov Rq(to[1]), rdx ; mov BYTE [rbp + RELEASE_PENDING], 0);
        debug_assert!(!to.contains(&RAX) || self.failed);
        (self.node(Node::At(one)), self.node(Node::At(two)))
    }
}
