//! The shared pieces of host code: the way in, the way out, and calls into Rust.
//!
//! In compiled code rbp is `Regs` plus `BIAS`, rbx the `Context`, r14 its `tlb`, r15 its `executed`; rsp is a
//! multiple of 16. rax, rcx, rdx are scratch; the other eight hold guest registers (`regs::HOSTS`).

use crate::code::{CodeBuf, Offset};
use crate::context::{BIAS, PC, at};
use crate::entry;
use crate::pages::{self, PLACES};
use crate::tables::Exit;
use dynasmrt::{DynasmApi, dynasm};

/// Why compiled code returned: bits [2:0] of eax; the rest is an offset.
pub(crate) mod why {
    /// The PC is stored; look for its block.
    pub const LOOKUP: u32 = 1;
    /// The `Exit` at offset `eax & !7` was taken: link it.
    pub const LINK: u32 = 2;
    /// An instruction did not simply finish; `Jit::left` says how.
    pub const LEFT: u32 = 3;
    /// The instruction at the PC is to be interpreted.
    pub const INTERPRET: u32 = 4;
    /// A helper panicked; `Jit::panic` has the payload.
    pub const PANIC: u32 = 5;
    /// Not a reason to return: compiled code goes on at `Context::target`.
    pub const JUMP: u32 = 6;
}

/// Condition numbers of the host (`tttn` in its manuals).
#[allow(missing_docs)]
pub(crate) mod cc {
    pub const O: u8 = 0;
    pub const NO: u8 = 1;
    pub const B: u8 = 2;
    pub const AE: u8 = 3;
    pub const E: u8 = 4;
    pub const NE: u8 = 5;
    pub const BE: u8 = 6;
    pub const A: u8 = 7;
    pub const S: u8 = 8;
    pub const NS: u8 = 9;
    pub const P: u8 = 10;
    pub const L: u8 = 12;
    pub const GE: u8 = 13;
    pub const LE: u8 = 14;
    pub const G: u8 = 15;
}

/// Where they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Thunks {
    /// `extern "sysv64" fn(regs, context, code) -> u32`.
    pub enter: Offset,
    /// Begins the block at rdx, as after `enter`.
    pub begin: Offset,
    /// Leaves with eax.
    pub leave: Offset,
    /// Leaves with eax plus that many `Exit`s as the stack says.
    pub leave_nth: Offset,
    /// Leaves with rax as the PC.
    pub lookup: Offset,
    /// Leaves with rax as the PC of an instruction that has been counted, and is interpreted instead.
    pub interpret: Offset,
    /// An access that the fast path does not do: address in rax, values in rdx and rcx; behind the call is an
    /// instruction with the offset of its `Site` as operand. Results in rax and rdx.
    pub slow: Offset,
    /// The same where vector registers are in use.
    pub slow_with_vectors: Offset,
    /// Runs the instruction of the `Call` at offset eax.
    pub step: Offset,
    /// Evaluates the vector micro-op of the record at eax.
    pub evaluate: Offset,
    /// The same for micro-ops that look at FPCR or FPSR.
    pub evaluate_float: Offset,
    /// SVC with the immediate in eax, or ERET (`exception::ERET`): all is in memory, the PC too, and counted.
    pub turn: Offset,
    /// Finds the page that is to be remembered in a place (`pages::write_finders`).
    pub find_page: [Offset; PLACES],
    /// End of all.
    pub end: Offset,
}

impl Thunks {
    /// Names of those that compiled code goes to.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, Offset)> {
        let others = [
            ("leave", self.leave),
            ("leave_nth", self.leave_nth),
            ("lookup", self.lookup),
            ("interpret", self.interpret),
            ("slow", self.slow),
            ("slow_with_vectors", self.slow_with_vectors),
            ("step", self.step),
            ("evaluate", self.evaluate),
            ("evaluate_float", self.evaluate_float),
            ("turn", self.turn),
        ];
        others.into_iter().chain(self.find_page.map(|at| ("find_page", at)))
    }

    /// Writes them to the start of `buf`.
    pub fn write(buf: &mut CodeBuf) -> Thunks {
        let mut t = Thunks { enter: buf.here(), ..Thunks::default() };
        dynasm!(buf ; .arch x64
            ; push rbp ; push rbx ; push r12 ; push r13 ; push r14 ; push r15 ; sub rsp, 8
            ; lea rbp, [rdi + BIAS]
            ; mov rbx, rsi
        );
        t.begin = buf.here();
        dynasm!(buf ; .arch x64
            ; mov r14, [BYTE rbx + at::TLB]
            ; mov r15, [BYTE rbx + at::EXECUTED]
            ; ldmxcsr [rbx + at::MXCSR_GUEST]
            ; jmp rdx
        );
        t.leave = buf.here();
        host_rounding(buf);
        dynasm!(buf ; .arch x64
            ; mov [BYTE rbx + at::EXECUTED], r15
            ; add rsp, 8 ; pop r15 ; pop r14 ; pop r13 ; pop r12 ; pop rbx ; pop rbp
            ; ret
        );
        t.leave_nth = buf.here();
        const { assert!(size_of::<Exit>() == 1 << 5) };
        dynasm!(buf ; .arch x64 ; pop rcx ; shl ecx, 5 ; add eax, ecx);
        jump(buf, t.leave);
        buf.align_to(16);
        t.lookup = buf.here();
        dynasm!(buf ; .arch x64 ; mov [rbp + PC], rax ; mov eax, why::LOOKUP as i32);
        jump(buf, t.leave);

        t.interpret = buf.here();
        dynasm!(buf ; .arch x64 ; mov [rbp + PC], rax ; dec r15 ; mov eax, why::INTERPRET as i32);
        jump(buf, t.leave);

        t.slow = t.write_slow(buf, 0);
        t.slow_with_vectors = t.write_slow(buf, 16);

        buf.align_to(16);
        t.step = buf.here();
        host_rounding(buf);
        dynasm!(buf ; .arch x64
            ; sub rsp, 8
            ; mov [BYTE rbx + at::EXECUTED], r15
            ; mov rdi, rbx
            ; mov esi, eax
            ; mov rax, QWORD entry::step_address() as i64
            ; call rax
            ; add rsp, 8
            ; mov r14, [BYTE rbx + at::TLB]
            ; ldmxcsr [rbx + at::MXCSR_GUEST]
            ; test eax, eax
        );
        let left = jump_if(buf, cc::NE, None);
        dynasm!(buf ; .arch x64 ; ret);
        let here = buf.here();
        buf.aim(left, here);
        t.leave_from_call(buf);
        t.evaluate = t.write_evaluate(buf, false);
        t.evaluate_float = t.write_evaluate(buf, true);

        buf.align_to(16);
        t.turn = buf.here();
        host_rounding(buf);
        dynasm!(buf ; .arch x64
            ; mov [BYTE rbx + at::EXECUTED], r15
            ; mov rdi, rbx
            ; mov esi, eax
            ; mov rax, QWORD entry::turn_address() as i64
            ; call rax
            ; ldmxcsr [rbx + at::MXCSR_GUEST]
        );
        t.go_on(buf);
        t.find_page = pages::write_finders(buf);
        t.end = buf.here();
        t
    }

    /// `slow`, which keeps the first `vectors` vector registers.
    fn write_slow(self, buf: &mut CodeBuf, vectors: u8) -> Offset {
        let kept = 16 * i32::from(vectors);
        buf.align_to(16);
        let start = buf.here();
        host_rounding(buf);
        dynasm!(buf ; .arch x64
            ; push rdi ; push rsi ; push r8 ; push r9 ; push r10 ; push r11 ; push r12 ; push r13
            ; sub rsp, 8 + kept
        );
        (0..vectors).for_each(|n| dynasm!(buf ; .arch x64 ; vmovdqa [rsp + 16 * i32::from(n)], Rx(n)));
        dynasm!(buf ; .arch x64
            ; mov [BYTE rbx + at::EXECUTED], r15
            ; mov rdi, rbx
            ; mov rsi, rax
            ; lea r8, [rsp + 8 + kept]
            ; mov r9, [rsp + 72 + kept]
            ; mov r9d, [BYTE r9 + 1]
            ; mov rax, QWORD entry::slow_address() as i64
            ; call rax
            ; mov r14, [BYTE rbx + at::TLB]
            ; ldmxcsr [rbx + at::MXCSR_GUEST]
        );
        (0..vectors).for_each(|n| dynasm!(buf ; .arch x64 ; vmovdqa Rx(n), [rsp + 16 * i32::from(n)]));
        dynasm!(buf ; .arch x64
            ; add rsp, 8 + kept
            ; pop r13 ; pop r12 ; pop r11 ; pop r10 ; pop r9 ; pop r8 ; pop rsi ; pop rdi
            ; test eax, eax
        );
        let left = jump_if(buf, cc::NE, None);
        dynasm!(buf ; .arch x64
            ; mov rax, [BYTE rbx + at::RESULT]
            ; mov rdx, [BYTE rbx + at::RESULT_HIGH]
            ; ret
        );
        let here = buf.here();
        buf.aim(left, here);
        self.leave_from_call(buf);
        start
    }

    /// `evaluate`: every vector register is kept in memory, where the result is put among them.
    fn write_evaluate(self, buf: &mut CodeBuf, float: bool) -> Offset {
        buf.align_to(16);
        let start = buf.here();
        if float {
            host_rounding(buf);
        }
        dynasm!(buf ; .arch x64
            ; push rdi ; push rsi ; push r8 ; push r9 ; push r10 ; push r11
            ; sub rsp, 8 + 256
        );
        (0..16).for_each(|n| dynasm!(buf ; .arch x64 ; vmovdqa [rsp + 16 * i32::from(n)], Rx(n)));
        dynasm!(buf ; .arch x64
            ; mov rdi, rbx
            ; mov esi, eax
            ; mov rdx, rsp
            ; mov rax, QWORD entry::evaluate_address() as i64
            ; call rax
        );
        if float {
            dynasm!(buf ; .arch x64 ; ldmxcsr [rbx + at::MXCSR_GUEST]);
        }
        (0..16).for_each(|n| dynasm!(buf ; .arch x64 ; vmovdqa Rx(n), [rsp + 16 * i32::from(n)]));
        dynasm!(buf ; .arch x64
            ; add rsp, 8 + 256
            ; pop r11 ; pop r10 ; pop r9 ; pop r8 ; pop rsi ; pop rdi
            ; test eax, eax
        );
        let left = jump_if(buf, cc::NE, None);
        dynasm!(buf ; .arch x64 ; ret);
        let here = buf.here();
        buf.aim(left, here);
        self.leave_from_call(buf);
        start
    }

    /// Drops the return address and goes where a helper said by eax: to another block, or out. The helper counted.
    fn leave_from_call(self, buf: &mut CodeBuf) {
        dynasm!(buf ; .arch x64 ; add rsp, 8);
        self.go_on(buf);
    }

    /// Goes where a helper said by eax.
    fn go_on(self, buf: &mut CodeBuf) {
        dynasm!(buf ; .arch x64 ; mov rdx, [BYTE rbx + at::TARGET] ; cmp eax, why::JUMP as i32);
        jump_if(buf, cc::E, Some(self.begin));
        dynasm!(buf ; .arch x64 ; mov r15, [BYTE rbx + at::EXECUTED]);
        jump(buf, self.leave);
    }
}

/// Makes MXCSR Rust's, and keeps what it was if it matters. Uses the flags.
fn host_rounding(buf: &mut CodeBuf) {
    dynasm!(buf ; .arch x64 ; cmp BYTE [rbx + at::FLOAT_USED], 0);
    let over = jump_if(buf, cc::E, None);
    dynasm!(buf ; .arch x64 ; stmxcsr [rbx + at::MXCSR_LEFT] ; ldmxcsr [rbx + at::MXCSR_HOST]);
    let here = buf.here();
    buf.aim(over, here);
}

/// `jmp target`.
#[inline]
pub(crate) fn jump(buf: &mut CodeBuf, target: Offset) {
    let field = jump_on(buf);
    buf.aim(field, target);
}

/// `jmp`; returns the field to aim later.
#[inline]
pub(crate) fn jump_on(buf: &mut CodeBuf) -> Offset {
    buf.push(0xe9);
    buf.push_i32(0);
    buf.here() - 4
}

/// `j<cc> target`, with the condition's number in the manual's table; returns the field to aim later.
#[inline]
pub(crate) fn jump_if(buf: &mut CodeBuf, cc: u8, target: Option<Offset>) -> Offset {
    buf.push(0x0f);
    buf.push(0x80 | cc);
    buf.push_i32(0);
    let field = buf.here() - 4;
    if let Some(target) = target {
        buf.aim(field, target);
    }
    field
}

/// `call target`.
#[inline]
pub(crate) fn call(buf: &mut CodeBuf, target: Offset) {
    buf.push(0xe8);
    buf.push_i32(0);
    let field = buf.here() - 4;
    buf.aim(field, target);
}
