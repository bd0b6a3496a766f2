//! Integer micro-ops that take the host several instructions, or that it has none for.

use crate::emit::{Emitter, RAX, RCX, RDX, SlowAccess, W, asm};
use crate::work::Work;
use dynasmrt::{DynasmApi, dynasm};
use semantics::{Op1, Op2};

impl Emitter {
    /// Computes `op` of `a` into host register `to`, in which `a` may be.
    pub(crate) fn eval_bits(&mut self, op: Op1, a: W, to: u8, wide: bool) {
        let from = self.reg(a);
        self.clobber_flags();
        match op {
            Op1::Rbit | Op1::Rbit32 => {
                self.mov(to, from);
                asm!(self ; bswap Rq(to));
                for (shift, mask) in [(4, 0x0f), (2, 0x33), (1, 0x55)] {
                    self.swap_neighbours(to, shift, 0x0101_0101_0101_0101 * mask);
                }
                if op == Op1::Rbit32 {
                    asm!(self ; shr Rq(to), 32);
                }
            }
            Op1::Rev16 => {
                self.mov(to, from);
                self.swap_neighbours(to, 8, 0x00ff_00ff_00ff_00ff);
            }
            Op1::Cls => {
                asm!(self ; mov rax, Rq(from) ; sar rax, 1 ; xor rax, Rq(from) ; lzcnt Rq(to), rax ; dec Rd(to))
            }
            Op1::Cls32 => {
                asm!(self ; mov eax, Rd(from) ; sar eax, 1 ; xor eax, Rd(from) ; lzcnt Rd(to), eax ; dec Rd(to))
            }
            Op1::Cnt => asm!(self ; popcnt Rq(to), Rq(from)),
            Op1::Cfinv => {
                self.mov(to, from);
                asm!(self ; btc Rq(to), 29);
            }
            _ => self.have_evaluated(Work::Op1(op), from, None, to),
        }
        if !wide {
            asm!(self ; mov Rd(to), Rd(to));
        }
    }

    /// Swaps the groups of bits that `mask` selects with those `shift` above.
    fn swap_neighbours(&mut self, to: u8, shift: i8, mask: u64) {
        self.mov_imm(RAX, mask);
        asm!(self ; mov rcx, Rq(to) ; shr rcx, shift ; and rcx, rax ; and Rq(to), rax ; shl Rq(to), shift ; or Rq(to), rcx);
    }

    /// Computes `op` into host register `to`, in which no operand is, or the first.
    pub(crate) fn eval_rare(&mut self, op: Op2, a: W, b: W, to: u8, wide: bool) {
        let (x, y) = (self.reg(a), self.reg(b));
        self.clobber_flags();
        match op {
            Op2::Smax | Op2::Smin | Op2::Umax | Op2::Umin => {
                asm!(self ; mov rax, Rq(y) ; cmp Rq(x), rax);
                match op {
                    Op2::Smax => asm!(self ; cmovg rax, Rq(x)),
                    Op2::Smin => asm!(self ; cmovl rax, Rq(x)),
                    Op2::Umax => asm!(self ; cmova rax, Rq(x)),
                    _ => asm!(self ; cmovb rax, Rq(x)),
                }
                self.mov(to, RAX);
            }
            _ => self.have_evaluated(Work::Op2(op), x, Some(y), to),
        }
        if !wide {
            asm!(self ; mov Rd(to), Rd(to));
        }
    }

    /// By a call of the micro-op's own `eval`.
    fn have_evaluated(&mut self, work: Work, x: u8, y: Option<u8>, to: u8) {
        let site = self.site(SlowAccess::System(work));
        self.mov(RDX, x);
        if let Some(y) = y {
            self.mov(RCX, y);
        }
        self.slow([None; 2], site);
        self.mov(to, RAX);
    }
}
