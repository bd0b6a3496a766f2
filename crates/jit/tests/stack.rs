//! The page of the stack that compiled code remembers: it changes with SP, with what is mapped there, with what is
//! allowed there, and with the address space.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[allow(dead_code)] // other test files ask for more
mod common;

use armagic_jit::{Jit, Options};
use common::{RAM, VECTORS, poke, vcpu};
use cpu::Vcpu;
use hw::{AccessSize, PhysAddr};
use interp::Interp;

const CODE: u64 = RAM + 0x4000;
/// The second gigabyte's tables, with two pages.
const GIGABYTE: u64 = RAM + 0x1000 + 16;
const LEVEL_2: u64 = RAM + 0x2000;
const LEVEL_3: u64 = RAM + 0x3000;
const STACK: u64 = 0x8000_0000;
const PAGES: [u64; 2] = [RAM + 0x2_0000, RAM + 0x2_1000];
/// Accessed, inner shareable, a page; not global, since others have their own.
const PAGE: u64 = 1 << 11 | 1 << 10 | 3 << 8 | 3;
const READ_ONLY: u64 = 1 << 7;
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
    PAGES.iter().zip(0..).for_each(|(page, n)| write(&cpu, LEVEL_3 + 8 * n, page | PAGE));
    (cpu.regs.pc, cpu.regs.sp) = (CODE, STACK + 0x100);
    cpu
}

/// Registers and what is in PAGES are the same on both engines; X4, and the engine that compiled.
fn run(words: &[u32], set_up: impl Fn(&mut Vcpu)) -> (u64, Jit) {
    let options = Options { hot: 1, count: true, ..Options::default() };
    let (mut interp, mut jit) = (Interp::new(start(words)), Jit::with(start(words), &options).unwrap());
    set_up(&mut interp.cpu);
    set_up(&mut jit.interp.cpu);
    interp.run();
    jit.run();
    let outcome = |cpu: &Vcpu| {
        let words = PAGES.iter().flat_map(|page| (0..512).map(move |n| page + 8 * n));
        let held: Vec<_> = words.map(|at| cpu.shared.bus.read(PhysAddr(at), AccessSize::Double).unwrap()).collect();
        (cpu.regs.x, cpu.regs.sp, cpu.regs.pc, cpu.sys.esr[1], cpu.sys.far[1], held)
    };
    assert_eq!(outcome(&jit.interp.cpu), outcome(&interp.cpu));
    (interp.cpu.regs.x[4], jit)
}

/// A function that is not in a loop of its block: it adds what was on the stack, and pushes.
const FUNCTION: [u32; 6] = [
    0xf940_03e3, // ldr x3, [sp]
    0x8b03_0084, // add x4, x4, x3
    0x9100_0463, // add x3, x3, #1
    0xf81f_0fe3, // str x3, [sp, #-16]!
    0xf841_07e5, // ldr x5, [sp], #16
    0xd65f_03c0, // ret
];

/// Calls the function X7 times, with `between` before each further call.
fn calls(between: &[u32]) -> Vec<u32> {
    let length = between.len() as u32;
    let mut words = vec![0x9400_0000 | (length + 3)]; // bl function
    words.extend(between);
    words.push(0xd100_04e7); // sub x7, x7, #1
    words.push(0xb500_0007 | ((length + 2).wrapping_neg() & 0x7ffff) << 5); // cbnz x7, start
    words.push(HVC);
    *words.first_mut().unwrap() = 0x9400_0000 | words.len() as u32;
    words.extend(FUNCTION);
    words
}

#[test]
fn accesses_at_sp_need_no_look_at_the_tlb() {
    let (_, jit) = run(&calls(&[]), |cpu| cpu.regs.x[7] = 1000);
    let n = jit.inline();
    assert!(n.accesses >= 3000 && n.tlb_hits < 20, "{n:?}");
    assert!(n.shared + n.remembered >= 2980, "{n:?}");
}

#[test]
fn a_stack_that_is_mapped_anew_is_another() {
    let between = [
        0xca02_0021, // eor x1, x1, x2
        0xf900_0181, // str x1, [x12]
        0xd503_3b9f, // dsb ish
        0xd508_8726, // tlbi vae1, x6
        0xd503_3b9f, // dsb ish
        0xd503_3fdf, // isb
    ];
    let (sum, _) = run(&calls(&between), |cpu| {
        PAGES.iter().zip([3, 500]).for_each(|(page, v)| write(cpu, *page + 0x100, v));
        let x = &mut cpu.regs.x;
        (x[1], x[2], x[12]) = (PAGES[0] | PAGE, PAGES[0] ^ PAGES[1], LEVEL_3);
        (x[4], x[6], x[7]) = (0, STACK >> 12, 100);
    });
    assert_eq!(sum, 50 * (3 + 500));
}

#[test]
fn a_stack_that_may_only_be_read_faults() {
    let between = [
        0xca02_0021, // eor x1, x1, x2
        0xf900_0181, // str x1, [x12]
        0xd503_3b9f, // dsb ish
        0xd508_8726, // tlbi vae1, x6
        0xd503_3b9f, // dsb ish
        0xd503_3fdf, // isb
    ];
    let (_, jit) = run(&calls(&between), |cpu| {
        let x = &mut cpu.regs.x;
        (x[1], x[2], x[12]) = (PAGES[0] | PAGE, READ_ONLY, LEVEL_3);
        (x[4], x[6], x[7]) = (0, STACK >> 12, 100);
        assert_eq!(cpu.sys.vbar[1], VECTORS);
    });
    assert_eq!(jit.interp.cpu.stats.exceptions[0x25], 50, "each second push");
}

#[test]
fn address_spaces_have_their_own_stacks() {
    // Another ASID, and other tables.
    let between = [
        0xca02_0021, // eor x1, x1, x2
        0xd518_2001, // msr ttbr0_el1, x1
        0xd503_3fdf, // isb
    ];
    const OTHER: [u64; 3] = [RAM + 0x5000, RAM + 0x6000, RAM + 0x7000];
    let (sum, _) = run(&calls(&between), |cpu| {
        PAGES.iter().zip([3, 500]).for_each(|(page, v)| write(cpu, *page + 0x100, v));
        let bus = &cpu.shared.bus;
        let identity = bus.read(PhysAddr(common::TABLE + 8), AccessSize::Double).unwrap();
        write(cpu, OTHER[0] + 8, identity);
        write(cpu, OTHER[0] + 16, OTHER[1] | 3);
        write(cpu, OTHER[1], OTHER[2] | 3);
        write(cpu, OTHER[2], PAGES[1] | PAGE);
        let own = cpu.sys.ttbr0[1];
        let x = &mut cpu.regs.x;
        (x[1], x[2]) = (own, own ^ (OTHER[0] | 7 << 48));
        (x[4], x[7]) = (0, 100);
    });
    assert_eq!(sum, 50 * (3 + 500));
}

#[test]
fn a_stack_goes_from_page_to_page() {
    // SP moves by 1 KiB, over the end of the first page, and back.
    let between = [
        0xcb02_03e2, // neg x2, x2
        0x8b22_63ff, // add sp, sp, x2
    ];
    for at in [0xfe0, 0xff0, 0x1000, 0x1010] {
        run(&calls(&between), |cpu| {
            (cpu.regs.sp, cpu.regs.x[2]) = (STACK + at, 1024);
            (cpu.regs.x[4], cpu.regs.x[7]) = (0, 100);
        });
    }
    // 16 bytes at SP that end in the next page: without SCTLR.SA it need not be aligned.
    let words = calls(&[0xa940_2fea]); // ldp x10, x11, [sp]
    run(&words, |cpu| {
        cpu.sys.sctlr[1] &= !(1 << 3);
        cpu.refresh();
        (cpu.regs.sp, cpu.regs.x[4], cpu.regs.x[7]) = (STACK + 0xffa, 0, 100);
    });
}
