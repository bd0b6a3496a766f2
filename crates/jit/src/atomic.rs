//! Ordered and atomic accesses, by the host's total store order.
//!
//! A load-acquire is a load, a store-release a store. What the host may reorder is a store-release with a later
//! load-acquire: the store leaves a mark (`Mmu::release_pending`), and the load that finds it is fenced first.
//! Atomics are locked instructions, which are barriers.

use crate::context::RELEASE_PENDING;
use crate::emit::{Cold, Emitter, Node, RAX, RCX, SlowAccess, Source, W, asm};
use crate::regs::HOSTS;
use crate::thunks::{cc, jump_if};
use dynasmrt::{DynasmApi, dynasm};
use hw::{Access, Order};
use mem::Atomic;

impl Emitter {
    /// Before a load-acquire. Uses no register.
    pub(crate) fn fence_if_released(&mut self, order: Order) {
        if matches!(order, Order::Acquire | Order::AcquireRelease) {
            self.clobber_flags();
            asm!(self ; cmp BYTE [rbp + RELEASE_PENDING], 0);
            let none = self.forward(cc::E);
            asm!(self ; lock or DWORD [rsp], 0 ; mov BYTE [rbp + RELEASE_PENDING], 0);
            self.land(none);
        }
    }

    /// After a store-release.
    pub(crate) fn mark_release(&mut self, order: Order) {
        if matches!(order, Order::Release | Order::AcquireRelease) {
            asm!(self ; mov BYTE [rbp + RELEASE_PENDING], 1);
        }
    }

    /// LSE read-modify-write: the place with the old value.
    pub(crate) fn modify(&mut self, op: Atomic, at: W, how: Access, operand: W) -> W {
        let operand = self.reg(operand);
        let Some(place) = self.temporary() else { return W(0) };
        let to = HOSTS[place as usize];
        self.address(at);
        let site = self.site(SlowAccess::Rmw(op, how));
        let from = self.probe_tlb(how, how.bytes(), true, None);
        self.mov(to, operand);
        match (op, how.size) {
            (Atomic::Add, 0) => asm!(self ; lock xadd [rax], Rb(to)),
            (Atomic::Add, 1) => asm!(self ; lock xadd [rax], Rw(to)),
            (Atomic::Add, 2) => asm!(self ; lock xadd [rax], Rd(to)),
            (Atomic::Add, _) => asm!(self ; lock xadd [rax], Rq(to)),
            (Atomic::Swap, 0) => asm!(self ; xchg [rax], Rb(to)),
            (Atomic::Swap, 1) => asm!(self ; xchg [rax], Rw(to)),
            (Atomic::Swap, 2) => asm!(self ; xchg [rax], Rd(to)),
            (Atomic::Swap, _) => asm!(self ; xchg [rax], Rq(to)),
            _ => self.modify_in_loop(op, how.size, operand, to),
        }
        self.cut_to_size(to, to, how.size);
        asm!(self ; mov BYTE [rbp + RELEASE_PENDING], 0);
        let back = self.buf.here();
        self.cold.push(Cold::Modify { from, back, site, values: [Source::Reg(operand), Source::Imm(0)], to });
        self.node(Node::At(place))
    }

    /// What the host has no instruction for that gives the old value. The address is in rax.
    fn modify_in_loop(&mut self, op: Atomic, size: u8, operand: u8, to: u8) {
        asm!(self ; mov rdx, rax);
        match size {
            0 => asm!(self ; movzx eax, BYTE [rdx]),
            1 => asm!(self ; movzx eax, WORD [rdx]),
            2 => asm!(self ; mov eax, [rdx]),
            _ => asm!(self ; mov rax, [rdx]),
        }
        let again = self.buf.here();
        match op {
            Atomic::Clear => asm!(self ; andn rcx, Rq(operand), rax),
            Atomic::Set => asm!(self ; mov rcx, rax ; or rcx, Rq(operand)),
            Atomic::SMax | Atomic::SMin | Atomic::UMax | Atomic::UMin => {
                self.mov(RCX, operand);
                match size {
                    0 => asm!(self ; cmp al, Rb(operand)),
                    1 => asm!(self ; cmp ax, Rw(operand)),
                    2 => asm!(self ; cmp eax, Rd(operand)),
                    _ => asm!(self ; cmp rax, Rq(operand)),
                }
                match op {
                    Atomic::SMax => asm!(self ; cmovg rcx, rax),
                    Atomic::SMin => asm!(self ; cmovl rcx, rax),
                    Atomic::UMax => asm!(self ; cmova rcx, rax),
                    _ => asm!(self ; cmovb rcx, rax),
                }
            }
            _ => asm!(self ; mov rcx, rax ; xor rcx, Rq(operand)),
        }
        self.compare_and_swap(size, 1);
        jump_if(&mut self.buf, cc::NE, Some(again));
        self.mov(to, RAX);
    }

    /// `lock cmpxchg [rdx], new` with the old value in rax; `new` is rcx for 1.
    pub(crate) fn compare_and_swap(&mut self, size: u8, new: u8) {
        match size {
            0 => asm!(self ; lock cmpxchg [rdx], Rb(new)),
            1 => asm!(self ; lock cmpxchg [rdx], Rw(new)),
            2 => asm!(self ; lock cmpxchg [rdx], Rd(new)),
            _ => asm!(self ; lock cmpxchg [rdx], Rq(new)),
        }
    }

    fn cut_to_size(&mut self, to: u8, from: u8, size: u8) {
        match size {
            0 => asm!(self ; movzx Rd(to), Rb(from)),
            1 => asm!(self ; movzx Rd(to), Rw(from)),
            2 => asm!(self ; mov Rd(to), Rd(from)),
            _ => self.mov(to, from),
        }
    }

    /// CAS: the place with what memory held.
    pub(crate) fn swap_if(&mut self, at: W, how: Access, expected: W, new: W) -> W {
        if how.size > 3 {
            self.give_up();
            return W(0);
        }
        let (expected, new) = (self.reg(expected), self.reg(new));
        let Some(place) = self.temporary() else { return W(0) };
        let to = HOSTS[place as usize];
        self.address(at);
        let site = self.site(SlowAccess::Cas(how));
        let from = self.probe_tlb(how, how.bytes(), true, None);
        asm!(self ; mov rdx, rax ; mov rax, Rq(expected));
        self.compare_and_swap(how.size, new);
        self.cut_to_size(to, RAX, how.size);
        asm!(self ; mov BYTE [rbp + RELEASE_PENDING], 0);
        let back = self.buf.here();
        self.cold.push(Cold::Modify { from, back, site, values: [Source::Reg(expected), Source::Reg(new)], to });
        self.node(Node::At(place))
    }
}
