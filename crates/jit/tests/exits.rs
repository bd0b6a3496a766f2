//! Blocks with many ways out, each of which is taken: before it is linked, and after.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[allow(dead_code)] // other test files ask for more
mod common;

use armagic_jit::{Jit, Options};
use common::{RAM, poke, vcpu};
use cpu::Vcpu;
use interp::Interp;

const CODE: u64 = RAM + 0x4000;
const HVC: u32 = 0xd400_0002;

/// Branches, `count` of them, to `count` other blocks, which count what they are and go back: x0 goes down from three
/// times `count`, and so every branch is taken three times.
fn start(count: u32) -> Vcpu {
    let cpu = vcpu(true);
    // The blocks are where the first one cannot go on to.
    let (table, first) = (4, 300);
    let b = |from: u32, to: u32| 0x1400_0000 | to.wrapping_sub(from) & 0x3ff_ffff;
    let at = |n: u32| CODE + 4 * u64::from(n);
    poke(
        &cpu,
        at(0),
        &[
            0xb500_0040, // cbnz x0, .+8
            HVC,
            0xd100_0400, // sub x0, x0, #1
            b(3, table),
        ],
    );
    for n in 0..count {
        let to = first + 4 * n;
        // cmp w2, #n; b.eq: x2 is which.
        let compare = 0x7100_005f | n << 10;
        let jump = 0x5400_0000 | (to - (table + 2 * n + 1)) << 5;
        poke(&cpu, at(table + 2 * n), &[compare, jump]);
        poke(
            &cpu,
            at(to),
            &[
                0x9100_0063 | n << 10, // add x3, x3, #n
                0x1100_0442,           // add w2, w2, #1
                b(to + 2, 0),
            ],
        );
    }
    let after = table + 2 * count;
    // mov w2, #0; b start
    poke(&cpu, at(after), &[0x5280_0002, b(after + 1, 0)]);
    cpu
}

#[track_caller]
fn check(count: u32) {
    let begin = |mut cpu: Vcpu| {
        (cpu.regs.pc, cpu.regs.x[0]) = (CODE, u64::from(3 * count + 3));
        cpu
    };
    let options = Options { hot: 1, ..Options::default() };
    let mut interp = Interp::new(begin(start(count)));
    let mut jit = Jit::with(begin(start(count)), &options).unwrap();
    interp.run();
    jit.run();
    assert_eq!(jit.interp.cpu.regs.x, interp.cpu.regs.x, "{count} ways");
    let sum: u64 = (0..u64::from(count)).sum();
    assert_eq!(interp.cpu.regs.x[3], 3 * sum);
    assert!(jit.counts.blocks >= u64::from(count), "they were compiled");
}

#[test]
fn every_way_out_is_found() {
    for count in [1, 2, 3, 29, 30, 31, 32] {
        check(count);
    }
}
