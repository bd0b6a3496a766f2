//! TLB maintenance of another vCPU that is performed while compiled code waits in DSB.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod board;

use a64::SysReg;
use armagic_jit::{CodeSpace, Jit, Options};
use board::{ALIAS, RAM, board, poke, vcpu};
use cpu::{Exit, Model};
use hw::{AccessSize, PhysAddr};
use std::sync::Arc;

const CODE: u64 = RAM + 0x10_0000;
/// What ALIAS maps: two halves of RAM.
const HALF: u64 = 0x20_0000;
const LEVEL_1: u64 = RAM + 0x1000;
const LEVEL_2: u64 = RAM + 0x2000;
const OFFSET: u64 = 0x8000;
const VMALLE1IS: SysReg = SysReg::new(1, 0, 8, 3, 0);

#[test]
fn what_others_changed_is_seen_after_the_barrier() {
    let shared = board(2);
    let write = |at, v: u64| shared.bus.write(PhysAddr(at), AccessSize::Double, v).unwrap();
    let map = |half: u64| write(LEVEL_2, half | 1 << 10 | 3 << 8 | 1);
    write(LEVEL_1 + 8 * (ALIAS >> 30), LEVEL_2 | 3);
    map(RAM);
    write(RAM + OFFSET, 1);
    write(RAM + HALF + OFFSET, 2);
    let words = [
        0xf940_0281, // ldr x1, [x20]
        0xd508_8322, // tlbi vae1is, x2
        0xd503_3b9f, // dsb ish
        0xf940_0283, // ldr x3, [x20]
        0xd400_0002, // hvc #0
    ];
    poke(&shared, CODE, &words);
    let options = Options { hot: 1, ..Options::default() };
    let space = CodeSpace::new(&options, Model::by_name("neoverse-n1").unwrap(), 2).unwrap();
    let (mut waits, mut other) = (vcpu(&shared, 0, 1 << 12 | 1), vcpu(&shared, 1, 1 << 12 | 1));
    waits.regs.pc = CODE;
    waits.regs.x[20] = ALIAS + OFFSET;
    // Of an address that nothing maps: what ALIAS was mapped to stays in its TLB.
    waits.regs.x[2] = 0;
    let thread = std::thread::spawn(move || {
        let mut jit = Jit::sharing(waits, Arc::new(space), &options);
        assert_eq!(jit.run(), Exit::Firmware);
        jit.interp.cpu.park();
        (jit.interp.cpu.regs.x[1], jit.interp.cpu.regs.x[3], jit.counts.entries)
    });
    while !other.attention.is_set() {
        std::thread::yield_now();
    }
    // It is on its way to the barrier, and not through it before we answer.
    map(RAM + HALF);
    other.tlbi(VMALLE1IS, 0);
    other.await_sent(0xb);
    other.drain_tlbi();
    let (before, after, entries) = thread.join().unwrap();
    assert!(entries > 0, "nothing was compiled");
    assert_eq!((before, after), (1, 2));
}
