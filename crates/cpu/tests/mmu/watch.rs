//! Watchpoints: which bytes, which accesses, from which Exception level.

use crate::harness::*;
use a64::SysReg;
use cpu::Vcpu;
use hw::{Access, Leave, Order};
use mem::Atomic;

/// The watched page, and one next to it.
const VA: u64 = 0x1000_0000;
const EDGE: u64 = VA + 0x1000;

const MDSCR: SysReg = SysReg::new(2, 0, 0, 2, 2);
const OSLAR: SysReg = SysReg::new(2, 0, 1, 0, 4);
const OSDLR: SysReg = SysReg::new(2, 0, 1, 3, 4);
const KDE: u64 = 1 << 13;
const MDE: u64 = 1 << 15;
const IVAC: SysReg = SysReg::new(1, 0, 7, 6, 1);
const CIVAC: SysReg = SysReg::new(1, 3, 7, 14, 1);

fn set(c: &mut Vcpu, reg: SysReg, v: u64) {
    assert_ne!(c.write_sysreg(reg, v), Err(Leave::Exception), "{reg:?}");
}

/// DBGWCR: enabled, at `pac`, for `lsc`, bytes `bas`, of an area of `1 << mask`.
const fn control(pac: u64, lsc: u64, bas: u64, mask: u64) -> u64 {
    mask << 24 | bas << 5 | lsc << 3 | pac << 1 | 1
}
const ANY: u64 = 3;
const LOADS: u64 = 1;
const STORES: u64 = 2;

/// At EL1 with watchpoint 1 set, debug exceptions enabled. Both pages were accessed before.
fn watched(value: u64, control: u64) -> Rig {
    let mut rig = Rig::new();
    rig.map(VA, (RAM + 0x1000) | PAGE | USER).map(EDGE, (RAM + 0x5000) | PAGE | USER);
    rig.write(VA, 0);
    rig.read(EDGE);
    set(&mut rig.cpu, OSLAR, 0);
    set(&mut rig.cpu, SysReg::new(2, 0, 0, 1, 6), value);
    set(&mut rig.cpu, SysReg::new(2, 0, 0, 1, 7), control);
    set(&mut rig.cpu, MDSCR, MDE | KDE);
    rig.cpu.regs.pstate.daif = 0;
    rig
}

/// Does the access `how` at `va`: "" if it succeeds, else "r" or "w" (WnR), "c" (CM) and FAR.
fn act(c: &mut Vcpu, how: &str, va: u64) -> String {
    let (kind, size) = how.split_at(how.find(|ch: char| ch.is_ascii_digit()).unwrap_or(how.len()));
    let size = size.parse::<u32>().map_or(0, |bytes| bytes.trailing_zeros());
    let plain = Access::plain(size);
    let result = match kind {
        "ldr" => c.load(va, plain).map(drop),
        "str" => c.store(va, plain, 0),
        "ldp" => c.load2(va, plain).map(drop),
        "stp" => c.store2(va, plain, (0, 0)),
        "ldrq" => c.load16(va, Access::plain(4)).map(drop),
        "strq" => c.store16(va, Access::plain(4), 0),
        "ldtr" => c.load(va, Access::unprivileged(size)).map(drop),
        "ldar" => c.load(va, Access::ordered(size, Order::Acquire)).map(drop),
        "stlr" => c.store(va, Access::ordered(size, Order::Release), 0),
        "ldxr" => c.load_exclusive(va, plain).map(drop),
        "stxr" => c.store_exclusive(va, plain, 0).map(drop),
        "ldadd" => c.rmw(Atomic::Add, va, plain, 1).map(drop),
        "cas" => c.cas(va, plain, 0, 0).map(drop),
        "zva" => c.zero_block(va),
        "ivac" => c.sys_op(IVAC, va),
        "civac" => c.sys_op(CIVAC, va),
        _ => panic!("no access {how}"),
    };
    match result {
        Ok(()) => return String::new(),
        Err(leave) => assert_eq!(leave, Leave::Exception),
    }
    assert_eq!((c.exception.class, c.exception.iss & 0x3f), (0x34, 0b100010), "{how} at {va:#x}");
    let flag = |n: u32, set, clear| if c.exception.iss >> n & 1 != 0 { set } else { clear };
    format!("{}{}{:x}", flag(6, "w", "r"), flag(8, "c", ""), c.exception.far.unwrap().0)
}

#[track_caller]
fn check(value: u64, control: u64, how: &str, va: u64, want: &str) {
    // Twice: neither outcome leaves the page in reach of the fast path.
    let mut rig = watched(value, control);
    assert_eq!([(); 2].map(|()| act(&mut rig.cpu, how, va)), [want; 2], "{how} at {va:#x}");
}

#[test]
#[rustfmt::skip]
fn bytes() {
    let all = |bas| control(1, ANY, bas, 0);
    //    WVR       WCR         access   at          what, FAR
    check(VA + 8,   all(0xff),  "ldr8",  VA + 8,     "r10000008");
    check(VA + 8,   all(0xff),  "str8",  VA + 8,     "w10000008");
    check(VA + 8,   all(0xff),  "ldr8",  VA,         "");
    check(VA + 8,   all(0xff),  "ldr8",  VA + 0x10,  "");
    check(VA + 8,   all(0xff),  "str8",  VA + 1,     "w10000008");
    check(VA + 8,   all(0xff),  "ldr8",  VA + 15,    "r1000000f");
    check(VA + 8,   all(0x08),  "ldr1",  VA + 11,    "r1000000b");
    check(VA + 8,   all(0x08),  "ldr1",  VA + 10,    "");
    check(VA + 8,   all(0x08),  "ldr1",  VA + 12,    "");
    check(VA + 8,   all(0x08),  "ldr4",  VA + 8,     "r1000000b");
    check(VA + 8,   all(0x80),  "ldr2",  VA + 15,    "r1000000f");
    check(VA + 8,   all(0x00),  "ldr8",  VA + 8,     "");
    // Aligned to a word: BAS[3:0] only.
    check(VA + 12,  all(0xff),  "ldr4",  VA + 12,    "r1000000c");
    check(VA + 12,  all(0x0f),  "ldr4",  VA + 8,     "");
    check(VA + 12,  all(0xf0),  "ldr4",  VA + 12,    "");
    // Masks: 2^MASK bytes; 1 and 2 are reserved.
    check(VA,       control(1, ANY, 0xff, 5),  "ldr8", VA + 0x18,  "r10000018");
    check(VA,       control(1, ANY, 0xff, 5),  "ldr8", VA + 0x20,  "");
    check(VA,       control(1, ANY, 0xff, 12), "ldr1", VA + 0xfff, "r10000fff");
    check(VA,       control(1, ANY, 0xff, 12), "ldr1", EDGE,       "");
    check(VA,       control(1, ANY, 0xff, 13), "ldr1", EDGE,       "r10001000");
    check(VA,       control(1, ANY, 0xff, 31), "str4", EDGE + 4,   "w10001004");
    check(VA,       control(1, ANY, 0xff, 2),  "ldr4", VA,         "");
    // Over the edge of the page.
    check(EDGE,     all(0xff),  "str8",  EDGE - 4,   "w10001000");
    check(EDGE - 8, all(0xff),  "ldr8",  EDGE - 4,   "r10000ffc");
}

#[test]
#[rustfmt::skip]
fn accesses() {
    let (any, loads, stores) = (control(1, ANY, 0xff, 0), control(1, LOADS, 0xff, 0), control(1, STORES, 0xff, 0));
    for (how, at, with_loads, with_stores) in [
        ("ldr4",   VA + 8,    "r10000008", ""),
        ("str2",   VA + 8,    "",          "w10000008"),
        ("ldp8",   VA,        "r10000008", ""),
        ("stp8",   VA + 8,    "",          "w10000008"),
        ("ldp4",   VA,        "",          ""),
        ("ldrq",   VA,        "r10000008", ""),
        ("strq",   VA,        "",          "w10000008"),
        ("ldar8",  VA + 8,    "r10000008", ""),
        ("stlr8",  VA + 8,    "",          "w10000008"),
        ("ldxr8",  VA + 8,    "r10000008", ""),
        ("ldxr16", VA,        "r10000008", ""),
        ("stxr8",  VA + 8,    "",          "w10000008"),
        // What reads and writes is reported as a read if reads are watched.
        ("ldadd8", VA + 8,    "r10000008", "w10000008"),
        ("cas8",   VA + 8,    "r10000008", "w10000008"),
        ("cas16",  VA,        "r10000008", "w10000008"),
        ("zva",    VA + 0x30, "",          "w10000008"),
        ("ivac",   VA + 0x30, "",          "wc10000008"),
        ("civac",  VA + 8,    "",          ""),
    ] {
        check(VA + 8, loads, how, at, with_loads);
        check(VA + 8, stores, how, at, with_stores);
        let either = if with_loads.is_empty() { with_stores } else { with_loads };
        check(VA + 8, any, how, at, either);
    }
}

/// At EL0 and at EL1: PAC, MDSCR, PSTATE.D and the locks; LDTR counts as EL0.
#[test]
#[rustfmt::skip]
fn levels() {
    #[track_caller]
    fn check(pac: u64, set_up: fn(&mut Vcpu), want: [bool; 3]) {
        let got = [(0, "ldr8"), (1, "ldr8"), (1, "ldtr8")].map(|(el, how)| {
            let mut rig = watched(VA, control(pac, ANY, 0xff, 0));
            set_up(&mut rig.cpu);
            rig.el(el);
            !act(&mut rig.cpu, how, VA).is_empty()
        });
        assert_eq!(got, want, "PAC {pac}");
    }
    //    PAC                                               EL0    EL1    LDTR
    check(0, |_| {},                                       [false, false, false]);
    check(1, |_| {},                                       [false, true,  false]);
    check(2, |_| {},                                       [true,  false, true]);
    check(3, |_| {},                                       [true,  true,  true]);
    check(1, |c| c.regs.pstate.uao = true,                 [false, true,  true]);
    check(3, |c| set(c, MDSCR, MDE),                       [true,  false, false]);
    check(3, |c| set(c, MDSCR, KDE),                       [false, false, false]);
    check(3, |c| c.regs.pstate.daif = 0b1000,              [true,  false, false]);
    check(3, |c| c.regs.pstate.daif = 0b0111,              [true,  true,  true]);
    check(3, |c| set(c, OSLAR, 1),                         [false, false, false]);
    check(3, |c| set(c, OSDLR, 1),                         [false, false, false]);
    // Linked to breakpoint 4, which compares CONTEXTIDR_EL1; to one that is off; to one of another type.
    const LINK: [SysReg; 3] = [SysReg::new(2, 0, 0, 1, 7), SysReg::new(2, 0, 0, 4, 4), SysReg::new(2, 0, 0, 4, 5)];
    fn link(c: &mut Vcpu, to: u64, kind: u64, context: u64) {
        let linked = control(3, ANY, 0xff, 0) | 1 << 20 | to << 16;
        LINK.into_iter().zip([linked, context, kind << 20 | 1]).for_each(|(reg, v)| set(c, reg, v));
        set(c, SysReg::new(3, 0, 13, 0, 1), 0x1234);
    }
    check(3, |c| link(c, 4, 3, 0x1234),                    [true,  true,  true]);
    check(3, |c| link(c, 4, 3, 0x1235),                    [false, false, false]);
    check(3, |c| link(c, 5, 3, 0x1234),                    [false, false, false]);
    check(3, |c| link(c, 4, 2, 0x1234),                    [false, false, false]);
    check(3, |c| link(c, 15, 3, 0x1234),                   [false, false, false]);
}

/// A fault of the translation, and of alignment, comes first; nothing is written if a byte is watched.
#[test]
fn priorities() {
    let mut rig = watched(EDGE, control(1, ANY, 0xff, 0));
    rig.map(EDGE, (RAM + 0x5000) | PAGE | READ_ONLY);
    rig.cpu.tlbi(SysReg::new(1, 0, 8, 7, 0), 0);
    assert_eq!(rig.write(EDGE, 1), Outcome::Fault { iss: 0b1001111, far: EDGE });
    let result = rig.cpu.load(EDGE + 1, Access::ordered(3, Order::Acquire));
    assert_eq!(outcome(&rig.cpu, result), Outcome::Fault { iss: 0b100001, far: EDGE + 1 });
    let mut rig = watched(EDGE, control(1, STORES, 0xff, 0));
    assert_eq!(act(&mut rig.cpu, "str8", EDGE - 4), "w10001000");
    rig.machine.poke(RAM + 0x1ff8, 7);
    assert_eq!(rig.cpu.store(EDGE - 4, Access::plain(3), !0), Err(Leave::Exception));
    assert_eq!(rig.machine.peek(RAM + 0x1ff8), 7);
}

/// Tags do not hide what is watched.
#[test]
fn tagged_addresses() {
    let mut rig = watched(VA, control(1, ANY, 0xff, 0));
    rig.set(|c| c.sys.tcr[1] |= 1 << 37);
    assert_eq!(act(&mut rig.cpu, "ldr8", VA | 0x5a << 56), format!("r{:x}", VA | 0x5a << 56));
}
