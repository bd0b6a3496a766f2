//! Loads and stores of structures against the manual's formula: element `index * n + k` of memory is lane `index` of
//! register `k`. On both engines; the other tests only compare them.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[allow(dead_code)] // other test files ask for more
mod common;

use armagic_jit::{Jit, Options};
use common::{RAM, poke, vcpu};
use cpu::Vcpu;
use hw::{AccessSize, PhysAddr};
use interp::Interp;

const CODE: u64 = RAM + 0x4000;
const DATA: u64 = RAM + 0x8000;
/// Often enough to be compiled.
const TURNS: usize = 3;

fn set_up(cpu: &mut Vcpu) {
    for at in 0..64 {
        cpu.shared.bus.write(PhysAddr(DATA + at), AccessSize::Byte, (7 * at + 3) & 0xff).unwrap();
    }
    cpu.regs.v = std::array::from_fn(|r| u128::from_le_bytes(std::array::from_fn(|i| (16 * r + i) as u8 ^ 0xa5)));
    (cpu.regs.x[0], cpu.regs.pc) = (DATA, CODE);
}

/// The bytes of memory, register and lane by register and lane.
fn check(cpu: &Vcpu, [q, size, n]: [usize; 3], load: bool) {
    let element = 1 << size;
    for index in 0..(8 << q >> size) {
        for (k, v) in cpu.regs.v[..n].iter().enumerate() {
            for byte in 0..element {
                let at = (index * n + k) * element + byte;
                let memory = cpu.shared.bus.read(PhysAddr(DATA + at as u64), AccessSize::Byte).unwrap() as u8;
                let register = v.to_le_bytes()[index * element + byte];
                let was = if load { (7 * at + 3) as u8 } else { (16 * k + index * element + byte) as u8 ^ 0xa5 };
                assert_eq!((memory, register), (was, was), "q {q}, size {size}, n {n}, load {load}: {index} of {k}");
            }
        }
    }
    if load {
        assert!(q == 1 || cpu.regs.v[..n].iter().all(|v| v >> 64 == 0), "the upper half is zero");
    }
}

#[test]
fn elements_are_where_the_manual_says() {
    let options = Options { hot: 1, ..Options::default() };
    let (mut interp, mut jit) = (Interp::new(vcpu(true)), Jit::with(vcpu(true), &options).unwrap());
    for (n, opcode) in [(2, 0b1000), (3, 0b0100), (4, 0b0000)] {
        for (q, size) in (0..2).flat_map(|q| (0..4).map(move |size| (q, size))).filter(|c| *c != (0, 3)) {
            for load in [false, true] {
                let word = 0x0c00_0000 | q << 30 | u32::from(load) << 22 | opcode << 12 | size << 10;
                for cpu in [&mut interp.cpu, &mut jit.interp.cpu] {
                    poke(cpu, CODE, &[word, 0xd400_0002]);
                    cpu.shared.bus.code().invalidate(PhysAddr(CODE));
                }
                let shape = [q as usize, size as usize, n];
                for _ in 0..TURNS {
                    set_up(&mut interp.cpu);
                    interp.run();
                    check(&interp.cpu, shape, load);
                    set_up(&mut jit.interp.cpu);
                    jit.run();
                    check(&jit.interp.cpu, shape, load);
                }
            }
        }
    }
}
