//! What programs may rely on between PEs and below instructions: events, coherence of code, exclusives, tags.

mod common;

use armagic_interp::Interp;
use common::{CODE, DATA, load, pe, pes, resume, run};
use cpu::Exit;
use hw::{Access, IntId};

const NOP: u32 = 0xd503_201f;
const WFI: u32 = 0xd503_207f;
const WFE: u32 = 0xd503_205f;
const SEV: u32 = 0xd503_209f;
const SEVL: u32 = 0xd503_20bf;
const CLREX: u32 = 0xd503_3f5f;
const ISB: u32 = 0xd503_3fdf;
const DSB: u32 = 0xd503_3f9f;
const SVC_5: u32 = 0xd400_00a1;
const RET: u32 = 0xd65f_03c0;
const BR_X5: u32 = 0xd61f_00a0;
const BLR_X5: u32 = 0xd63f_00a0;
const ADR_X6: u32 = 0x1000_0006;
const MOV_X0_1: u32 = 0xd280_0020;
const MOV_X0_2: u32 = 0xd280_0040;
const STR_W7_X5: u32 = 0xb900_00a7;
const IC_IVAU_X5: u32 = 0xd50b_7525;
const IC_IALLU: u32 = 0xd508_751f;
const LDXR_X2_X1: u32 = 0xc85f_7c22;
const ADD_X2_1: u32 = 0x9100_0442;
const STXR_W3_X2_X1: u32 = 0xc803_7c22;
const CBNZ_W3_BACK_3: u32 = 0x35ff_ffa3;
const SUB_X4_1: u32 = 0xd100_0484;
const CBNZ_X4_BACK_5: u32 = 0xb5ff_ff64;

/// Runs `program` on one PE of two at EL1; each stop, and where.
#[track_caller]
fn check_events(pe: &mut Interp, program: &[u32], want: &[(Exit, u64)]) {
    load(pe, CODE, program);
    pe.cpu.regs.pc = CODE;
    pe.cpu.event = false;
    for (exit, at) in want {
        assert_eq!(pe.run(), *exit);
        // HVC of the vector: the call's return address.
        let pc = if *exit == Exit::Firmware { pe.cpu.sys.elr[1] } else { pe.cpu.regs.pc };
        assert_eq!(pc, CODE + at, "{exit:?}");
    }
}

#[test]
fn events_and_waiting() {
    use Exit::{Firmware, Wfe, Wfi};
    let mut both = pes(2);
    let (first, second) = both.split_at_mut(1);
    let (a, b) = (&mut first[0], &mut second[0]);
    check_events(a, &[WFE, SVC_5], &[(Wfe, 4), (Firmware, 8)]);
    check_events(a, &[SEVL, WFE, SVC_5], &[(Firmware, 12)]);
    check_events(a, &[SEVL, WFE, WFE, SVC_5], &[(Wfe, 12), (Firmware, 16)]);
    check_events(b, &[NOP, WFE, SVC_5], &[(Wfe, 8), (Firmware, 12)]);
    // SEV is for everybody, the sender included; it is one event however often it is sent.
    check_events(a, &[SEV, SEV, WFE, WFE, SVC_5], &[(Wfe, 16), (Firmware, 20)]);
    load(b, CODE, &[WFE, WFE, SVC_5]);
    (b.cpu.regs.pc, b.cpu.event) = (CODE, false);
    assert_eq!((b.run(), b.cpu.regs.pc), (Wfe, CODE + 8));
    // WFI wakes for what PSTATE masks, and does not take it. WFE does not wake for it.
    check_events(a, &[WFI, SVC_5], &[(Wfi, 4), (Firmware, 8)]);
    common::open_gic(a);
    a.cpu.shared.gic.set_ppi(0, IntId::ppi(4), true);
    a.cpu.regs.pstate.daif = 0xf;
    check_events(a, &[WFI, WFE, SVC_5], &[(Wfe, 8), (Firmware, 12)]);
}

/// `CODE + 0x1000` holds a function that gives 1. After it gives 2 in memory, `change` on the PE that changed it
/// and `synchronise` on the PE that calls it, what does it give?
#[track_caller]
fn check_code(change: &[u32], synchronise: &[u32], same_pe: bool, want: u64) {
    const FUNCTION: u64 = CODE + 0x1000;
    let mut both = pes(2);
    load(&both[0], FUNCTION, &[MOV_X0_1, RET]);
    let call = |pe: &mut Interp, program: &[u32]| {
        load(pe, CODE, &[program, &[SVC_5]].concat());
        pe.cpu.sys.sctlr[1] |= 1 << 12; // instruction cache on
        (pe.cpu.regs.x[5], pe.cpu.regs.x[7]) = (FUNCTION, MOV_X0_2.into());
        resume(pe, 1, CODE, false);
        run(pe);
        pe.cpu.regs.x[0]
    };
    assert_eq!(call(&mut both[0], &[BLR_X5]), 1);
    // Programs of different lengths in one place: the code cache must see those, too.
    let invalidate = |pe: &Interp| pe.cpu.shared.bus.code().invalidate(hw::PhysAddr(CODE));
    let changer = usize::from(!same_pe);
    invalidate(&both[changer]);
    call(&mut both[changer], change);
    invalidate(&both[0]);
    assert_eq!(call(&mut both[0], &[synchronise, &[BLR_X5]].concat()), want);
}

#[test]
fn changed_code() {
    for same_pe in [true, false] {
        check_code(&[STR_W7_X5, DSB, IC_IVAU_X5, DSB], &[ISB], same_pe, 2);
        check_code(&[STR_W7_X5, DSB, IC_IALLU, DSB], &[ISB], same_pe, 2);
        // Without IC it may stay what it was, and here it does: nothing watches stores.
        check_code(&[STR_W7_X5, DSB], &[ISB], same_pe, 1);
    }
}

/// LDXR, something, STXR: does it store?
#[track_caller]
fn check_monitor(between: &[u32], level: u8, want: bool) {
    let mut pe = pe();
    load(&pe, CODE, &[&[LDXR_X2_X1], between, &[STXR_W3_X2_X1, SVC_5]].concat());
    pe.cpu.regs.x[1] = DATA;
    resume(&mut pe, level, CODE, false);
    let mut exception = run(&mut pe);
    while exception.2 != 4 * (between.len() as u64 + 3) {
        resume(&mut pe, level, CODE + exception.2, false);
        exception = run(&mut pe);
    }
    assert_eq!(pe.cpu.regs.x[3] == 0, want, "{between:x?}");
}

#[test]
fn the_monitor() {
    check_monitor(&[], 1, true);
    check_monitor(&[NOP, NOP], 0, true);
    check_monitor(&[CLREX], 1, false);
    // The way back from an exception clears it.
    check_monitor(&[SVC_5], 0, false);
    check_monitor(&[SVC_5], 1, false);
}

/// Two PEs add to one word with LDXR and STXR: nothing is lost.
#[test]
fn exclusives_of_two_pes() {
    const TURNS: u64 = 20_000;
    let program = [LDXR_X2_X1, ADD_X2_1, STXR_W3_X2_X1, CBNZ_W3_BACK_3, SUB_X4_1, CBNZ_X4_BACK_5, SVC_5];
    let shared = common::machine(2);
    program.iter().zip((CODE..).step_by(4)).for_each(|(word, at)| common::poke(&shared, at, *word));
    std::thread::scope(|scope| {
        for index in 0..2 {
            let shared = &shared;
            scope.spawn(move || {
                let mut pe = common::pe_of(shared, index);
                (pe.cpu.regs.x[1], pe.cpu.regs.x[4]) = (DATA, TURNS);
                resume(&mut pe, 1, CODE, false);
                run(&mut pe);
            });
        }
    });
    assert_eq!(shared.bus.read(hw::PhysAddr(DATA), hw::AccessSize::Double), Some(2 * TURNS));
}

/// A branch to `target` with TCR_EL1 `tcr` at EL`el`: what the PC becomes, as ADR and the exception say.
#[track_caller]
fn check_tag(branch: u32, target: u64, tcr: u64, el: u8, want: (u64, u64)) {
    const TARGET: u64 = CODE + 0x40;
    let mut pe = pe();
    load(&pe, CODE, &[branch]);
    load(&pe, TARGET, &[ADR_X6, SVC_5]);
    pe.cpu.sys.tcr[1] = tcr;
    (pe.cpu.regs.x[5], pe.cpu.regs.x[30]) = (target | TARGET, target | TARGET);
    resume(&mut pe, el, CODE, false);
    run(&mut pe);
    assert_eq!((pe.cpu.regs.x[6], pe.cpu.sys.elr[1]), want, "{branch:08x} to {target:#x}");
}

#[test]
#[rustfmt::skip]
fn branches_strip_tags() {
    const TBI0: u64 = 1 << 37;
    const TARGET: u64 = CODE + 0x40;
    for branch in [BR_X5, BLR_X5, RET] {
        for el in [0, 1] {
            check_tag(branch, 0,          0,    el, (TARGET, TARGET + 8));
            check_tag(branch, 0x5a << 56, TBI0, el, (TARGET, TARGET + 8));
            // Without TBI the address has too many bits: fetching it faults, and nothing is stripped.
            check_tag(branch, 0x5a << 56, 0,    el, (0, 0x5a << 56 | TARGET));
            check_tag(branch, 0x5a << 56, 1 << 38, el, (0, 0x5a << 56 | TARGET));
        }
    }
}

/// ERET to a tagged address strips it, at the level it returns to; so does an interrupt before the first
/// instruction there. A vector is an address like any other.
#[test]
fn returns_and_vectors_strip_tags() {
    let mut pe = pe();
    load(&pe, CODE, &[ADR_X6, SVC_5]);
    pe.cpu.sys.tcr[1] = 1 << 37;
    pe.cpu.sys.vbar[1] |= 0x11 << 56;
    resume(&mut pe, 0, CODE | 0x5a << 56, false);
    assert_eq!(run(&mut pe), (0x15, 5, 8));
    assert_eq!((pe.cpu.regs.x[6], pe.cpu.regs.pc >> 56), (CODE, 0));
    common::open_gic(&mut pe);
    pe.cpu.shared.gic.set_ppi(0, IntId::ppi(4), true);
    resume(&mut pe, 0, CODE | 0x5a << 56, false);
    assert_eq!(run(&mut pe).2, 0);
}

/// A fault of data keeps the tag in FAR.
#[test]
fn data_faults_keep_tags() {
    let mut pe = pe();
    pe.cpu.sys.tcr[1] = 1 << 37;
    let va = 0x5a << 56 | 0x1234_5678;
    assert_eq!(pe.cpu.load(va, Access::plain(2)), Err(hw::Leave::Exception));
    assert_eq!(pe.cpu.exception.far, Some(hw::VirtAddr(va)));
}
