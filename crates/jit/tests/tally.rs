//! What compiled code counts of itself, where it can be told beforehand.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[allow(dead_code)] // other test files ask for more
mod common;

use armagic_jit::{Inline, Jit, Options};
use common::{RAM, poke, vcpu};

const CODE: u64 = RAM + 0x4000;
const FUNCTION: u64 = RAM + 0x5000;
const DATA: u64 = RAM + 0x2_0000;
const STACK: u64 = RAM + 0x3_0100;
const TURNS: u64 = 1000;
const HVC: u32 = 0xd400_0002;

/// Runs `words` with X7 turns, and `function` a page further; compiled to count if `count`.
fn run(words: &[u32], function: &[u32], count: bool) -> Jit {
    let mut cpu = vcpu(true);
    poke(&cpu, CODE, words);
    poke(&cpu, CODE + 4 * words.len() as u64, &[HVC]);
    poke(&cpu, FUNCTION, function);
    (cpu.regs.pc, cpu.regs.sp) = (CODE, STACK);
    (cpu.regs.x[0], cpu.regs.x[1], cpu.regs.x[7]) = (DATA, DATA + 0x1000, TURNS);
    let mut jit = Jit::with(cpu, &Options { hot: 1, count, ..Options::default() }).unwrap();
    jit.run();
    assert_eq!(jit.interp.cpu.regs.x[7], 0);
    jit
}

const COPY: [u32; 4] = [
    0xf940_0003, // ldr x3, [x0]
    0xf900_0023, // str x3, [x1]
    0xd100_04e7, // sub x7, x7, #1
    0xb5ff_ffa7, // cbnz x7, .-12
];

const CALL: [u32; 3] = [
    0x9400_0400, // bl .+4096
    0xd100_04e7, // sub x7, x7, #1
    0xb5ff_ffc7, // cbnz x7, .-8
];

const FRAME: [u32; 4] = [
    0xa901_13e3, // stp x3, x4, [sp, #16]
    0xf940_0be5, // ldr x5, [sp, #16]
    0xf940_0fe6, // ldr x6, [sp, #24]
    0xd65f_03c0, // ret
];

#[test]
fn a_loop_looks_at_the_tlb_once_for_each_page() {
    let n = run(&COPY, &[], true).inline();
    assert_eq!(n.accesses, 2 * TURNS);
    assert_eq!(n.shared + n.remembered + n.tlb_hits + n.tlb_misses, n.accesses, "{n:?}");
    assert!(n.tlb_misses >= 2 && n.tlb_hits + n.tlb_misses < 12, "{n:?}");
    assert!(n.blocks > 0 && n.blocks < 12, "a loop is a block: {n:?}");
}

#[test]
fn accesses_of_a_frame_share_a_check() {
    let n = run(&CALL, &FRAME, true).inline();
    assert_eq!(n.accesses, 3 * TURNS);
    assert_eq!(n.shared, 2 * TURNS);
    // The check that missed is made again.
    assert_eq!(n.remembered + n.tlb_hits, TURNS, "{n:?}");
    assert_eq!(n.tlb_misses, 1, "{n:?}");
}

#[test]
fn branches_are_all_counted() {
    let jit = run(&CALL, &FRAME, true);
    let n = jit.inline();
    // The call, the function, and what follows, which branches back in its page.
    assert_eq!(n.blocks, 3 * TURNS);
    assert_eq!(n.jump_hits + n.jump_misses, 2 * TURNS);
    assert!(n.jump_misses > 0 && n.jump_misses < 8, "{n:?}");
    let direct = n.blocks - n.jump_hits - jit.counts.turns - jit.counts.entries;
    assert!((TURNS - 8..TURNS).contains(&direct), "{direct} of {n:?}");
}

#[test]
fn code_that_is_not_to_count_does_not() {
    let (counts, plain) = (run(&CALL, &FRAME, true), run(&CALL, &FRAME, false));
    assert_eq!(plain.inline(), Inline::default());
    assert!(plain.counts.host_bytes < counts.counts.host_bytes);
    assert_eq!(plain.interp.cpu.regs.x, counts.interp.cpu.regs.x);
}
