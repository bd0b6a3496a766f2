//! Loops whose accesses are in pages that change: in their addresses, and in what is mapped there.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[allow(dead_code)] // other test files ask for more
mod common;

use armagic_jit::{Jit, Options};
use common::{RAM, poke, vcpu};
use cpu::Vcpu;
use hw::{AccessSize, PhysAddr};
use interp::Interp;

const CODE: u64 = RAM + 0x4000;
/// The second gigabyte's tables, with one page, which is one of two.
const GIGABYTE: u64 = RAM + 0x1000 + 16;
const LEVEL_2: u64 = RAM + 0x2000;
const LEVEL_3: u64 = RAM + 0x3000;
const MAPPED: u64 = 0x8000_0000;
const PAGES: [u64; 2] = [RAM + 0x2_0000, RAM + 0x2_1000];
const PAGE: u64 = 1 << 10 | 3 << 8 | 3;
/// Where pointers are followed.
const RING: u64 = RAM + 0x3_0000;
const HVC: u32 = 0xd400_0002;

fn write(cpu: &Vcpu, at: u64, value: u64) {
    cpu.shared.bus.write(PhysAddr(at), AccessSize::Double, value).unwrap();
}

fn start(words: &[u32]) -> Vcpu {
    let mut cpu = vcpu(true);
    poke(&cpu, CODE, words);
    poke(&cpu, CODE + 4 * words.len() as u64, &[HVC]);
    write(&cpu, GIGABYTE, LEVEL_2 | 3);
    write(&cpu, LEVEL_2, LEVEL_3 | 3);
    write(&cpu, LEVEL_3, PAGES[0] | PAGE);
    PAGES.iter().zip([3, 500]).for_each(|(page, v)| write(&cpu, *page, v));
    cpu.regs.pc = CODE;
    cpu
}

/// X4 and what PAGES hold are the same on both engines, and how often code was compiled.
fn run(words: &[u32], set_up: impl Fn(&mut Vcpu)) -> (u64, [u64; 2], u64) {
    let options = Options { hot: 1, ..Options::default() };
    let (mut interp, mut jit) = (Interp::new(start(words)), Jit::with(start(words), &options).unwrap());
    set_up(&mut interp.cpu);
    set_up(&mut jit.interp.cpu);
    interp.run();
    jit.run();
    let outcome = |cpu: &Vcpu| {
        let held = PAGES.map(|page| cpu.shared.bus.read(PhysAddr(page), AccessSize::Double).unwrap());
        (cpu.regs.x, held)
    };
    assert_eq!(outcome(&jit.interp.cpu), outcome(&interp.cpu));
    let (x, held) = outcome(&interp.cpu);
    (x[4], held, jit.counts.blocks)
}

#[test]
fn a_page_that_is_mapped_anew_is_another_page() {
    let words = [
        0xf940_0003, // ldr x3, [x0]
        0x8b03_0084, // add x4, x4, x3
        0x9100_0463, // add x3, x3, #1
        0xf900_0003, // str x3, [x0]
        0xca02_0021, // eor x1, x1, x2
        0xf900_00a1, // str x1, [x5]
        0xd503_3b9f, // dsb ish
        0xd508_8726, // tlbi vae1, x6
        0xd503_3b9f, // dsb ish
        0xd503_3fdf, // isb
        0xd100_04e7, // sub x7, x7, #1
        0xb5ff_fea7, // cbnz x7, .-44
    ];
    let (sum, held, _) = run(&words, |cpu| {
        let x = &mut cpu.regs.x;
        (x[0], x[1], x[2]) = (MAPPED, PAGES[0] | PAGE, PAGES[0] ^ PAGES[1]);
        (x[4], x[5], x[6], x[7]) = (0, LEVEL_3, MAPPED >> 12, 100);
    });
    assert_eq!(held, [53, 550]);
    assert_eq!(sum, (3..53).chain(500..550).sum::<u64>());
}

/// Follows pointers, each of which leads `step` further, `turns` times.
fn follow(step: u64, turns: u64) -> u64 {
    let words = [
        0xf940_0000, // ldr x0, [x0]
        0xf940_0403, // ldr x3, [x0, #8]
        0x8b03_0084, // add x4, x4, x3
        0xd100_04e7, // sub x7, x7, #1
        0xb5ff_ff87, // cbnz x7, .-16
    ];
    const NODES: u64 = 24;
    let (sum, _, blocks) = run(&words, |cpu| {
        for n in 0..NODES {
            write(cpu, RING + n * step, RING + (n + 1) % NODES * step);
            write(cpu, RING + n * step + 8, n);
        }
        (cpu.regs.x[0], cpu.regs.x[4], cpu.regs.x[7]) = (RING, 0, turns);
    });
    assert_eq!(sum, (1..=turns).map(|n| n % NODES).sum::<u64>());
    blocks
}

#[test]
fn pages_that_change_too_often_are_not_remembered() {
    let near = follow(64, 4800);
    let far = follow(4104, 4800);
    assert!(far > near, "compiled again: {far} blocks, and not {near}");
}

#[test]
fn an_access_that_ends_in_the_next_page_is_done() {
    // Eight bytes at each address of the last sixteen of a page.
    let words = [
        0xf840_1403, // ldr x3, [x0], #1
        0xca03_0884, // eor x4, x4, x3, lsl #2
        0xf800_1003, // stur x3, [x0, #1]
        0xd100_04e7, // sub x7, x7, #1
        0xb5ff_ff87, // cbnz x7, .-16
    ];
    run(&words, |cpu| {
        (0..8).for_each(|n| write(cpu, PAGES[0] + 0xfe0 + 8 * n, 0x0123_4567_89ab_cdef << n));
        (cpu.regs.x[0], cpu.regs.x[4], cpu.regs.x[7]) = (PAGES[0] + 0xfe0, 0, 40);
    });
}
