//! The flags that a fault finds inside a loop whose end compares: in its first iteration, and in later ones.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[allow(dead_code)] // other test files ask for more
mod common;

use armagic_jit::{Jit, Options};
use common::{RAM, VECTORS, poke, vcpu};
use cpu::{Exit, Vcpu};
use hw::{AccessSize, PhysAddr};
use interp::Interp;

const CODE: u64 = RAM + 0x4000;
const DATA: u64 = RAM + 0x8000;
const NOWHERE: u64 = 0x7_0000_0000;
const HVC: u32 = 0xd400_0002;

/// What sets the flags at the end, and the condition to go on.
const ENDS: [(u32, u32); 9] = [
    (0xeb02_003f, 1),  // cmp x1, x2
    (0xeb02_001f, 1),  // cmp x0, x2
    (0x7101_903f, 1),  // cmp w1, #100
    (0xf100_04a5, 1),  // subs x5, x5, #1
    (0x7100_04a5, 1),  // subs w5, w5, #1
    (0xb100_04a5, 1),  // adds x5, x5, #1
    (0xb100_043f, 1),  // cmn x1, #1
    (0xea02_0026, 10), // ands x6, x1, x2; ge
    (0xeb02_0026, 1),  // subs x6, x1, x2
];

/// Loads through a list of pointers, of which the one after `good` leads nowhere.
fn start(end: (u32, u32), good: u64, nzcv: u32, entered: bool) -> Vcpu {
    let mut cpu = vcpu(true);
    let words = [
        0xf840_8403, // ldr x3, [x0], #8
        0xf940_0064, // ldr x4, [x3]
        0x9100_0421, // add x1, x1, #1
        end.0,
        0x54ff_ff80 | end.1, // b.cond .-16
        HVC,
    ];
    // Another way into the loop: a branch to its head.
    let before: &[u32] = if entered { &[0x3600_0069, 0xd503_201f, 0x1400_0001] } else { &[] };
    poke(&cpu, CODE, before);
    poke(&cpu, CODE + 4 * before.len() as u64, &words);
    // Where the exception would be taken.
    poke(&cpu, VECTORS + 0x200, &[HVC; 2]);
    for n in 0..64 {
        let pointer = if n < good { DATA } else { NOWHERE };
        cpu.shared.bus.write(PhysAddr(DATA + 8 * n), AccessSize::Double, pointer).unwrap();
    }
    (cpu.regs.pc, cpu.regs.nzcv, cpu.regs.x[0]) = (CODE, nzcv, DATA);
    (cpu.regs.x[1], cpu.regs.x[2], cpu.regs.x[5], cpu.regs.x[9]) = (0, DATA - 8, 200, 0);
    cpu
}

#[test]
fn faults_in_loops_find_the_flags() {
    let attend = |every| Options { hot: 1, attend_every: every, ..Options::default() };
    for (options, entered) in [(attend(0), false), (attend(0), true), (attend(2), true)] {
        for (end, good, nzcv) in
            ENDS.iter().flat_map(|end| [0, 1, 2, 9, 40].iter().flat_map(move |n| [0, 5, 15].map(|f| (*end, *n, f))))
        {
            let make = || start(end, good, nzcv, entered);
            let (mut interp, mut jit) = (Interp::new(make()), Jit::with(make(), &options).unwrap());
            assert_eq!((interp.run(), jit.run()), (Exit::Firmware, Exit::Firmware));
            let outcome = |cpu: &Vcpu| (cpu.regs.x, cpu.regs.pc, cpu.regs.nzcv, cpu.sys.spsr[1], cpu.sys.elr[1]);
            let want = outcome(&interp.cpu);
            assert_eq!(outcome(&jit.interp.cpu), want, "{:x} after {good}, nzcv {nzcv}", end.0);
            assert_eq!(jit.interp.counts.instructions, interp.counts.instructions);
            assert!(want.1 < CODE, "it is in the handler: {:x}", want.1);
        }
    }
}
