//! What an access costs, in nanoseconds, seen from an engine: `cargo run --release -p armagic-cpu --example
//! access_cost`. Informs the layout of TLB entries and which accesses deserve the fast path.

extern crate armagic_cpu as cpu;

#[path = "../tests/mmu/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::{AF, DEVICE, DEVICE_ATTR, NG, PAGE, RAM, Rig};
use hw::{Access, Order};
use std::hint::black_box;
use std::time::Instant;

const LOW: u64 = 0x1000_0000;
const HIGH: u64 = 0xffff_0000_1000_0000;
const IO: u64 = 0x2000_0000;
const PAGES: u64 = 64;
const TURNS: u64 = 4_000_000;

/// Runs `access` on a sequence of numbers, and prints the best of five.
fn cost(what: &str, turns: u64, mut access: impl FnMut(u64) -> u64) {
    let mut sum = 0;
    let best = (0..5).map(|_| {
        let start = Instant::now();
        (0..turns).for_each(|i| sum = access(black_box(i)).wrapping_add(sum));
        start.elapsed().as_nanos() as f64 / turns as f64
    });
    let best = best.fold(f64::INFINITY, f64::min);
    println!("{best:8.2} ns  {what:40} (checksum {sum:x})");
}

fn main() {
    let mut rig = Rig::new();
    for i in 0..PAGES {
        rig.map(LOW + 0x1000 * i, (RAM + 0x1000 * i) | PAGE | NG);
        rig.map(HIGH + 0x1000 * i, (RAM + 0x1000 * i) | PAGE);
    }
    rig.map(IO, DEVICE | DEVICE_ATTR | AF);
    let cpu = &mut rig.cpu;
    let at = |i: u64| LOW + ((i * 0x1048) & (PAGES * 0x1000 - 1) & !7);
    let plain = Access::plain(3);

    cost("load, 8 bytes", TURNS, |i| cpu.load(at(i), plain).unwrap());
    cost("load, 8 bytes, each waits for the last", TURNS, |i| {
        cpu.load(at(i), plain).and_then(|v| cpu.load(LOW + (v & 0xff8), plain)).unwrap()
    });
    cost("load, 1 byte, upper range", TURNS, |i| cpu.load(at(i) | HIGH, Access::plain(0)).unwrap());
    cost("store, 8 bytes", TURNS, |i| cpu.store(at(i), plain, 0).map_or(1, |()| 0));
    cost("load pair", TURNS, |i| cpu.load2(at(i) & !8, plain).unwrap().1);
    cost("load, 16 bytes", TURNS, |i| cpu.load16(at(i) & !8, Access::plain(4)).unwrap() as u64);
    cost("load, 8 bytes, unaligned", TURNS, |i| cpu.load(at(i) & !8 | 3, plain).unwrap());
    cost("store, 8 bytes, unaligned", TURNS, |i| cpu.store(at(i) & !8 | 3, plain, 0).map_or(1, |()| 0));
    cost("load-acquire", TURNS, |i| cpu.load(at(i), Access::ordered(3, Order::Acquire)).unwrap());
    cost("store-release", TURNS, |i| cpu.store(at(i), Access::ordered(3, Order::Release), 0).map_or(1, |()| 0));
    cost("exclusive load and store", TURNS, |i| {
        let v = cpu.load_exclusive(at(i), plain).unwrap();
        cpu.store_exclusive(at(i), plain, v).unwrap().into()
    });
    cost("compare and swap", TURNS, |i| cpu.cas(at(i), plain, 0, 0).unwrap() as u64);
    cost("fetch", TURNS, |i| cpu.fetch(at(i) & !3).unwrap().0);
    cost("device read", TURNS / 100, |i| cpu.load(IO + (i & 0xff8), plain).unwrap());
    cost("context change, nothing new", TURNS, |_| {
        cpu.context_changed();
        0
    });
    cost("EL0 and back", TURNS, |_| {
        cpu.regs.pstate.el = 0;
        cpu.context_changed();
        cpu.regs.pstate.el = 1;
        cpu.context_changed();
        0
    });
    cost("change of ASID", TURNS / 10, |i| {
        cpu.sys.ttbr0[1] = cpu.sys.ttbr0[1] << 16 >> 16 | (i & 7) << 48;
        cpu.context_changed();
        0
    });
    cost("walk of four levels, and fill", TURNS / 100, |i| {
        // 64 pages in 1024 places: only maintenance makes them miss.
        cpu.tlbi(a64::SysReg::new(1, 0, 8, 7, 3), at(i) >> 12);
        cpu.load(at(i), plain).unwrap()
    });
}
