//! The guest program: reads a batch of cases, runs each, writes what came of them.
//!
//! A static ELF file, assembled here. No register is free around an instruction under test: X30 travels
//! through TPIDR_EL0 on the way in, X0 on the way out, and the way back is a direct branch. A signal's
//! handler takes the registers from the signal frame and goes on with the next case without returning.

#![allow(clippy::useless_conversion)] // dynasm converts every register number

use super::layout::*;
use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

type Asm = VecAssembler<Aarch64Relocation>;

/// The operand of MRS and MSR: op0 without its top bit, op1, CRn, CRm, op2.
const fn sysreg(crn: u32, crm: u32, op2: u32) -> u32 {
    1 << 14 | 3 << 11 | crn << 7 | crm << 3 | op2
}
const NZCV: u32 = sysreg(4, 2, 0);
const FPCR: u32 = sysreg(4, 4, 0);
const FPSR: u32 = sysreg(4, 4, 1);
const TPIDR_EL0: u32 = sysreg(13, 0, 2);

/// Linux's system calls on arm64.
const READ: u32 = 63;
const WRITE: u32 = 64;
const EXIT: u32 = 93;
const SETITIMER: u32 = 103;
const SIGALTSTACK: u32 = 132;
const RT_SIGACTION: u32 = 134;

/// A batch takes milliseconds. One that takes this long hangs: SIGALRM ends the process.
const BATCH_SECONDS: u64 = 10;

/// Offsets in `struct ucontext` of arm64: `uc_mcontext` is at 176, its FPSIMD record at 464.
mod frame {
    pub const X: u32 = 184;
    pub const PC: u32 = 440;
    pub const PSTATE: u32 = 448;
    pub const FPSR: u32 = 472;
    pub const FPCR: u32 = 476;
    pub const V: u32 = 480;
}

/// The program: the ELF file, and where slots go to when they are through.
pub struct Runner {
    /// An ET_EXEC file for arm64 Linux.
    pub elf: Vec<u8>,
    capture: u64,
}

impl Runner {
    /// Assembles it.
    pub fn new() -> Runner {
        let mut a = Asm::new(TEXT as usize);
        let (capture, handler) = program(&mut a);
        let text = a.finalize().expect("every label is defined and in reach");
        Runner { elf: elf(&text, &variables(TEXT + handler as u64)), capture: TEXT + capture as u64 }
    }

    /// The slot of case `index`: `words`, and the way in and out.
    pub fn slot(&self, index: usize, words: &[u32]) -> [u8; SLOT_SIZE as usize] {
        const MRS_X30_TPIDR_EL0: u32 = 0xd53b_d05e;
        let end = entry(index) + 4 * words.len() as u64;
        // The second is for a last instruction that is skipped.
        let back = [end, end + 4].map(|at| 5 << 26 | (self.capture.wrapping_sub(at) >> 2) as u32 & 0x03ff_ffff);
        let mut slot = [0; SLOT_SIZE as usize];
        let code = [MRS_X30_TPIDR_EL0].into_iter().chain(words.iter().copied()).chain(back);
        slot.chunks_exact_mut(4).zip(code).for_each(|(at, word)| at.copy_from_slice(&word.to_le_bytes()));
        slot
    }
}

impl Default for Runner {
    fn default() -> Self {
        Runner::new()
    }
}

/// Xr = value.
fn load(a: &mut Asm, r: u8, value: u64) {
    let part = |n: u32| (value >> (16 * n)) as u32 & 0xffff;
    dynasm!(a ; .arch aarch64 ; movz X(r), part(0) ; movk X(r), part(1), lsl 16);
}

/// Copies `bytes`, a multiple of 32, from Xfrom to Xto; both advance. Uses X9, V0 and V1.
fn copy(a: &mut Asm, from: u8, to: u8, bytes: u32) {
    dynasm!(a
        ; .arch aarch64
        ; movz x9, bytes
        ; next:
        ; ldp q0, q1, [X(from)], 32
        ; stp q0, q1, [X(to)], 32
        ; subs x9, x9, 32
        ; b.ne <next
    );
}

/// The code; the offsets of `capture` and of the signal handler.
fn program(a: &mut Asm) -> (usize, usize) {
    let [batch, next, finish, read] = std::array::from_fn(|_| a.new_dynamic_label());
    load(a, 0, VARS + u64::from(var::STACK));
    dynasm!(a ; .arch aarch64 ; movz x1, 0 ; movz x8, SIGALTSTACK ; svc 0);
    for signal in [4u32, 5, 7, 8, 11] {
        dynasm!(a ; .arch aarch64 ; movz x0, signal);
        load(a, 1, VARS + u64::from(var::ACTION));
        dynasm!(a ; .arch aarch64 ; movz x2, 0 ; movz x3, 8 ; movz x8, RT_SIGACTION ; svc 0);
    }

    dynasm!(a ; .arch aarch64 ; =>batch ; movz x0, 0);
    load(a, 1, VARS + u64::from(var::TIMER));
    dynasm!(a ; .arch aarch64 ; movz x2, 0 ; movz x8, SETITIMER ; svc 0);
    for (from, size) in [(SLOTS, BATCH as u64 * SLOT_SIZE), (INPUT, input::SIZE)] {
        load(a, 1, from);
        load(a, 2, size);
        dynasm!(a ; .arch aarch64 ; bl =>read);
    }
    load(a, 0, VARS);
    for (at, value) in [(var::CASE, INPUT + input::CASES), (var::RESULT, RESULTS), (var::SLOT, SLOTS)] {
        load(a, 1, value);
        dynasm!(a ; .arch aarch64 ; str x1, [x0, at]);
    }
    load(a, 1, INPUT + input::COUNT);
    dynasm!(a ; .arch aarch64 ; ldr x1, [x1] ; str x1, [x0, var::LEFT]);

    dynasm!(a ; .arch aarch64 ; =>next);
    load(a, 0, INPUT + input::MEMORY);
    load(a, 1, SCRATCH);
    copy(a, 0, 1, SCRATCH_SIZE as u32);
    enter(a);
    let capture = a.offset().0;
    leave(a);

    // Its result stands; scratch goes behind it.
    dynasm!(a ; .arch aarch64 ; =>finish);
    load(a, 2, VARS);
    load(a, 0, SCRATCH);
    dynasm!(a ; .arch aarch64 ; ldr x1, [x2, var::RESULT] ; add x1, x1, at::SIZE);
    copy(a, 0, 1, SCRATCH_SIZE as u32);
    dynasm!(a
        ; .arch aarch64
        ; str x1, [x2, var::RESULT]
        ; ldr x3, [x2, var::CASE]
        ; add x3, x3, at::SIZE
        ; str x3, [x2, var::CASE]
        ; ldr x3, [x2, var::SLOT]
        ; add x3, x3, SLOT_SIZE as u32
        ; str x3, [x2, var::SLOT]
        ; ldr x3, [x2, var::LEFT]
        ; subs x3, x3, 1
        ; str x3, [x2, var::LEFT]
        ; b.ne =>next
    );
    // x1 is the end of the results.
    load(a, 19, RESULTS);
    dynasm!(a
        ; .arch aarch64
        ; sub x20, x1, x19
        ; more:
        ; movz x0, 1
        ; mov x1, x19
        ; mov x2, x20
        ; movz x8, WRITE
        ; svc 0
        ; cmp x0, 0
        ; b.le >fail
        ; add x19, x19, x0
        ; subs x20, x20, x0
        ; b.ne <more
        ; b =>batch
        ; fail:
        ; movz x0, 1
        ; movz x8, EXIT
        ; svc 0

        // x2 bytes to x1; at the end of input the program ends.
        ; =>read
        ; mov x19, x1
        ; mov x20, x2
        ; more:
        ; movz x0, 0
        ; mov x1, x19
        ; mov x2, x20
        ; movz x8, READ
        ; svc 0
        ; cmp x0, 0
        ; b.le >end
        ; add x19, x19, x0
        ; subs x20, x20, x0
        ; b.ne <more
        ; ret
        ; end:
        ; movz x0, 0
        ; movz x8, EXIT
        ; svc 0
    );

    let handler = a.offset().0;
    load(a, 3, VARS);
    dynasm!(a
        ; .arch aarch64
        ; ldr x3, [x3, var::RESULT]
        ; str x0, [x3, at::SIGNAL]
        ; ldr x4, [x2, frame::PC]
        ; str x4, [x3, at::PC]
        ; ldr x4, [x2, frame::PSTATE]
        ; and x4, x4, 0xf0000000
        ; str x4, [x3, at::NZCV]
        ; ldr w4, [x2, frame::FPSR]
        ; str x4, [x3, at::FPSR]
        ; ldr w4, [x2, frame::FPCR]
        ; str x4, [x3, at::FPCR]
        ; add x4, x2, frame::X
        ; add x5, x3, 0
    );
    copy(a, 4, 5, 256); // X0 to X30, SP
    dynasm!(a ; .arch aarch64 ; add x4, x2, frame::V ; add x5, x3, at::V);
    copy(a, 4, 5, 512);
    dynasm!(a ; .arch aarch64 ; b =>finish);
    (capture, handler)
}

/// Loads the current case's state and jumps to its slot.
fn enter(a: &mut Asm) {
    load(a, 30, VARS);
    dynasm!(a
        ; .arch aarch64
        ; ldr x0, [x30, var::CASE]
        ; ldr x30, [x30, var::SLOT]
        ; ldr x1, [x0, at::FPCR]
        ; msr FPCR, x1
        ; ldr x1, [x0, at::FPSR]
        ; msr FPSR, x1
        ; ldr x1, [x0, at::NZCV]
        ; msr NZCV, x1
        ; ldr x1, [x0, at::SP]
        ; mov sp, x1
        ; ldr x1, [x0, 240]
        ; msr TPIDR_EL0, x1
    );
    for i in (0..32).step_by(2) {
        let [r, s] = [i as u8, i as u8 + 1];
        dynasm!(a ; .arch aarch64 ; ldp Q(r), Q(s), [x0, (at::V + 16 * i) as i32]);
    }
    for i in (1..29).step_by(2) {
        let [r, s] = [i as u8, i as u8 + 1];
        dynasm!(a ; .arch aarch64 ; ldp X(r), X(s), [x0, 8 * i]);
    }
    dynasm!(a ; .arch aarch64 ; ldr x29, [x0, 232] ; ldr x0, [x0] ; clrex ; br x30);
}

/// Stores the state where slots come back to.
fn leave(a: &mut Asm) {
    dynasm!(a ; .arch aarch64 ; msr TPIDR_EL0, x0);
    load(a, 0, VARS);
    dynasm!(a ; .arch aarch64 ; ldr x0, [x0, var::RESULT]);
    for i in (1..29).step_by(2) {
        let [r, s] = [i as u8, i as u8 + 1];
        dynasm!(a ; .arch aarch64 ; stp X(r), X(s), [x0, 8 * i]);
    }
    for i in (0..32).step_by(2) {
        let [r, s] = [i as u8, i as u8 + 1];
        dynasm!(a ; .arch aarch64 ; stp Q(r), Q(s), [x0, (at::V + 16 * i) as i32]);
    }
    dynasm!(a
        ; .arch aarch64
        ; stp x29, x30, [x0, 232]
        ; mrs x1, TPIDR_EL0
        ; str x1, [x0]
        ; mov x1, sp
        ; str x1, [x0, at::SP]
        ; mrs x1, NZCV
        ; str x1, [x0, at::NZCV]
        ; mrs x1, FPCR
        ; str x1, [x0, at::FPCR]
        ; mrs x1, FPSR
        ; str x1, [x0, at::FPSR]
        ; str xzr, [x0, at::PC]
        ; str xzr, [x0, at::SIGNAL]
    );
}

/// What `VARS` holds at the start.
fn variables(handler: u64) -> Vec<u8> {
    const SIGINFO_ONSTACK_NODEFER: u64 = 0x4 | 0x0800_0000 | 0x4000_0000;
    let mut words = [0u64; 16];
    let mut put = |at: u32, values: &[u64]| words[at as usize / 8..][..values.len()].copy_from_slice(values);
    put(var::STACK, &[VARS + u64::from(var::FREE), 0, VARS_SIZE - u64::from(var::FREE)]);
    put(var::ACTION, &[handler, SIGINFO_ONSTACK_NODEFER, 0, 0]);
    put(var::TIMER, &[0, 0, BATCH_SECONDS, 0]);
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// An ELF file with these contents of TEXT and VARS, entered at TEXT.
fn elf(text: &[u8], vars: &[u8]) -> Vec<u8> {
    const X: u32 = 1;
    const W: u32 = 2;
    const R: u32 = 4;
    let page = |bytes: &[u8]| (bytes.len() as u64).next_multiple_of(4096);
    let results = BATCH as u64 * RESULT_SIZE as u64;
    let segments = [
        // address, flags, offset in the file, bytes there, bytes in memory
        (TEXT, R | X, 4096, text.len() as u64, text.len() as u64),
        (VARS, R | W, 4096 + page(text), vars.len() as u64, VARS_SIZE),
        (SCRATCH, R | W, 0, 0, SCRATCH_SIZE),
        (SLOTS, R | W | X, 0, 0, BATCH as u64 * SLOT_SIZE),
        (INPUT, R | W, 0, 0, input::SIZE),
        (RESULTS, R | W, 0, 0, results),
    ];
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    [2u16, 183].iter().for_each(|h| file.extend(h.to_le_bytes())); // ET_EXEC, EM_AARCH64
    file.extend(1u32.to_le_bytes());
    [TEXT, 64, 0].iter().for_each(|w| file.extend(w.to_le_bytes())); // entry, program headers, section headers
    file.extend(0u32.to_le_bytes());
    [64u16, 56, segments.len() as u16, 64, 0, 0].iter().for_each(|h| file.extend(h.to_le_bytes()));
    for (address, flags, offset, in_file, in_memory) in segments {
        [1u32, flags].iter().for_each(|w| file.extend(w.to_le_bytes())); // PT_LOAD
        [offset, address, address, in_file, in_memory, 4096].iter().for_each(|w| file.extend(w.to_le_bytes()));
    }
    file.resize(4096, 0);
    file.extend(text);
    file.resize(4096 + page(text) as usize, 0);
    file.extend(vars);
    file
}
