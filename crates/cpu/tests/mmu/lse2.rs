//! FEAT_LSE2: what may be unaligned, and what other PEs see of it.

use crate::harness::{Outcome::*, *};
use cpu::Vcpu;
use hw::{Access, Leave, Order};
use mem::Atomic;
use std::sync::atomic::{AtomicBool, Ordering};

/// Normal write-back memory, two pages; Normal non-cacheable; Device; then nothing.
const VA: u64 = 0x1000_0000;
const UNCACHED_VA: u64 = VA + 0x2000;
const DEVICE_VA: u64 = VA + 0x3000;
const HOLE: u64 = VA + 0x4000;

const ALIGNMENT: u32 = 0b100001;

fn rig(model: &str) -> Rig {
    let mut rig = Rig::with_model(Machine::new(2), model);
    rig.map(VA, RAM | PAGE).map(VA + 0x1000, RAM | 0x1000 | PAGE);
    rig.map(UNCACHED_VA, RAM | 0x2000 | UNCACHED).map(DEVICE_VA, RAM | 0x3000 | DEVICE_ATTR);
    rig.set(|c| c.sys.sctlr[1] |= C);
    rig
}

type Kind = (&'static str, fn(&mut Vcpu, u64) -> Result<u64, Leave>);

const fn how(order: Order) -> Access {
    Access::ordered(3, order)
}

/// Accesses of 8 bytes. nAA is for these.
const ORDERED: &[Kind] = &[
    ("ldar", |c, va| c.load(va, how(Order::Acquire))),
    ("ldapr", |c, va| c.load(va, how(Order::AcquirePc))),
    ("stlr", |c, va| c.store(va, how(Order::Release), 0).map(|()| 0)),
];

/// And not for these.
const ATOMIC: &[Kind] = &[
    ("ldxr", |c, va| c.load_exclusive(va, how(Order::Plain)).map(|v| v as u64)),
    ("stxr", |c, va| c.store_exclusive(va, how(Order::Plain), 0).map(u64::from)),
    ("swp", |c, va| c.rmw(Atomic::Swap, va, how(Order::AcquireRelease), 0)),
    ("cas", |c, va| c.cas(va, how(Order::Plain), 0, 0).map(|v| v as u64)),
];

/// Runs all of `kinds` at `va`, twice (by walk and by TLB); `allowed` or an Alignment fault.
#[track_caller]
fn check(rig: &mut Rig, kinds: &[Kind], va: u64, allowed: bool) {
    for (name, access) in kinds.iter().chain(kinds) {
        let result = access(&mut rig.cpu, va);
        match outcome(&rig.cpu, result) {
            Value(_) => assert!(allowed, "{name} at {va:#x} does not fault"),
            Fault { iss, far } => {
                assert!(!allowed && iss & 0x3f == ALIGNMENT && far == va, "{name} at {va:#x}: {iss:#x}")
            }
        }
    }
}

#[test]
fn what_may_be_unaligned() {
    let mut rig = rig("max");
    for naa in [0, NAA] {
        rig.set(|c| c.sys.sctlr[1] = c.sys.sctlr[1] & !NAA | naa);
        for offset in 0..=8 {
            check(&mut rig, ORDERED, VA + offset, true);
            check(&mut rig, ATOMIC, VA + 0x1ff0 + offset, true);
        }
        for offset in (9..16).chain(0xff9..0x1000) {
            check(&mut rig, ORDERED, VA + offset, naa != 0);
            check(&mut rig, ATOMIC, VA + offset, false);
        }
        for kinds in [ORDERED, ATOMIC] {
            check(&mut rig, kinds, UNCACHED_VA + 8, true);
            check(&mut rig, kinds, UNCACHED_VA + 4, false);
            check(&mut rig, kinds, DEVICE_VA + 4, false);
        }
    }
    // 16 bytes are whole or not at all.
    let casp = |c: &mut Vcpu, va| c.cas(va, Access::ordered(4, Order::Plain), 0, 0).map(|v| v as u64);
    check(&mut rig, &[("casp", casp)], VA + 16, true);
    check(&mut rig, &[("casp", casp)], VA + 8, false);
    // What the address tells comes before what the tables tell.
    check(&mut rig, ATOMIC, HOLE + 9, false);
    // With SCTLR_EL1.C clear nothing is cacheable.
    rig.set(|c| c.sys.sctlr[1] &= !C);
    [ORDERED, ATOMIC].into_iter().for_each(|kinds| check(&mut rig, kinds, VA + 1, false));
    rig.set(|c| c.sys.sctlr[1] |= C | A);
    [ORDERED, ATOMIC].into_iter().for_each(|kinds| check(&mut rig, kinds, VA + 1, false));
}

#[test]
fn without_it_nothing_may() {
    let mut rig = rig("neoverse-n1");
    for offset in 1..8 {
        [ORDERED, ATOMIC].into_iter().for_each(|kinds| check(&mut rig, kinds, VA + offset, false));
    }
}

/// Every access gives what is there, changes what it should, and nothing beside it.
#[test]
fn unaligned_accesses_do_what_aligned_ones_do() {
    const OLD: u64 = 0x8877_6655_4433_2211;
    let mut rig = rig("max");
    rig.set(|c| c.sys.sctlr[1] |= NAA);
    for at in (VA..VA + 16).chain(VA + 0xff9..VA + 0x1000) {
        let inside = at & 15 <= 8;
        let set = |rig: &mut Rig| {
            (at..at + 9).for_each(|byte| rig.cpu.store(byte, Access::plain(0), 0xa5).unwrap());
            rig.cpu.store(at, Access::plain(3), OLD).unwrap();
        };
        let held = |rig: &mut Rig| rig.cpu.load(at, Access::plain(3)).unwrap();
        set(&mut rig);
        assert_eq!(rig.cpu.load(at, how(Order::Acquire)), Ok(OLD));
        assert_eq!(rig.cpu.load(at, how(Order::AcquirePc)), Ok(OLD));
        rig.cpu.store(at, how(Order::Release), 5).unwrap();
        assert_eq!(held(&mut rig), 5);
        assert_eq!(rig.cpu.load(at + 8, Access::plain(0)), Ok(0xa5));
        if !inside {
            continue;
        }
        set(&mut rig);
        assert_eq!(rig.cpu.rmw(Atomic::Add, at, how(Order::Plain), 1), Ok(OLD));
        assert_eq!(rig.cpu.cas(at, how(Order::Plain), (OLD + 2).into(), 7), Ok((OLD + 1).into()));
        assert_eq!(rig.cpu.cas(at, how(Order::Plain), (OLD + 1).into(), 7), Ok((OLD + 1).into()));
        assert_eq!(rig.cpu.load_exclusive(at, how(Order::Acquire)), Ok(7));
        assert_eq!(rig.cpu.store_exclusive(at, how(Order::Release), 9), Ok(true));
        assert_eq!(held(&mut rig), 9);
        rig.cpu.load_exclusive(at, how(Order::Plain)).unwrap();
        rig.cpu.store(at + 7, Access::plain(0), 1).unwrap();
        assert_eq!(rig.cpu.store_exclusive(at, how(Order::Plain), 9), Ok(false));
        assert_eq!(rig.cpu.load(at + 8, Access::plain(0)), Ok(0xa5));
    }
}

/// How 16 bytes, or some of them, are stored and loaded; what is loaded is all zeros or all ones.
type Writer = fn(&mut Vcpu, u64) -> Result<(), Leave>;
type Reader = fn(&mut Vcpu) -> Result<u128, Leave>;

fn both((a, b): (u64, u64)) -> u128 {
    u128::from(a) | u128::from(b) << 64
}

const WRITERS: [Writer; 3] = [
    |c, v| c.store2(VA, Access::plain(3), (v, v)),
    |c, v| c.store16(VA, Access::plain(4), both((v, v))),
    |c, v| c.cas(VA, Access::ordered(4, Order::Plain), both((!v, !v)), both((v, v))).map(drop),
];

const READERS: [Reader; 4] = [
    |c| c.load2(VA, Access::plain(3)).map(both),
    |c| c.load16(VA, Access::plain(4)),
    // The sign says what all bits should be.
    |c| c.load(VA + 5, Access::plain(3)).map(|v| both((v, (v as i64 >> 63) as u64))),
    |c| c.load(VA + 7, Access::ordered(1, Order::Acquire)).map(|v| both(if v == 0xffff { (!0, !0) } else { (v, 0) })),
];

const MODEL: &str = "max";

#[test]
fn sixteen_bytes_are_stored_and_loaded_at_once() {
    let mut rig = rig(MODEL);
    let mut other = rig.machine.model(1, MODEL);
    (other.sys, other.regs.pstate) = (rig.cpu.sys.clone(), rig.cpu.regs.pstate);
    other.refresh();
    for (w, write) in WRITERS.iter().enumerate() {
        for (r, read) in READERS.iter().enumerate() {
            rig.cpu.store2(VA, Access::plain(3), (0, 0)).unwrap();
            let done = AtomicBool::new(false);
            std::thread::scope(|threads| {
                let writer = threads.spawn(|| {
                    let store = |v| write(&mut other, v).expect("it is mapped");
                    std::iter::repeat([!0, 0]).take_while(|_| !done.load(Ordering::Relaxed)).flatten().for_each(store);
                });
                let seen: Result<Vec<u128>, Leave> =
                    (0..if cfg!(miri) { 20 } else { 50_000 }).map(|_| read(&mut rig.cpu)).collect();
                done.store(true, Ordering::Relaxed);
                writer.join().expect("it stores");
                let seen = seen.expect("it is mapped");
                let torn = seen.iter().find(|v| ![0, u128::MAX].contains(v));
                assert_eq!(torn, None, "writer {w}, reader {r}");
            });
        }
    }
}
