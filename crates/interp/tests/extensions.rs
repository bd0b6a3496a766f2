//! Features of the models, as programs meet them: what is UNDEFINED without them, and those that reach over more
//! than one instruction (pointer authentication, branch targets, memory copies, timed waits).

mod common;

use armagic_interp::Interp;
use common::{CODE, DATA, VECTORS, load, machine, pe_like, poke, resume, run};
use cpu::{Exit, Pstate};
use hw::{AccessSize, PhysAddr};

const NOP: u32 = 0xd503_201f;
const SVC_5: u32 = 0xd400_00a1;
const BTI_C: u32 = 0xd503_245f;
const BTI_J: u32 = 0xd503_249f;
const PACIASP: u32 = 0xd503_233f;
const AUTIASP: u32 = 0xd503_23bf;
const BRK_1: u32 = 0xd420_0020;
const BR_X5: u32 = 0xd61f_00a0;
const BR_X16: u32 = 0xd61f_0200;
const BLR_X5: u32 = 0xd63f_00a0;
const RET: u32 = 0xd65f_03c0;
const RETAA: u32 = 0xd65f_0bff;
const ERETAA: u32 = 0xd69f_0bff;
const LDR_X0_X0: u32 = 0xf940_0000;

const UNDEFINED: u64 = 0x00;
const BRANCH_TARGET: u64 = 0x0d;
const SVC: u64 = 0x15;
const FETCH_ABORT: u64 = 0x21;
const DATA_ABORT: u64 = 0x25;
const MOPS: u64 = 0x27;
const BRK: u64 = 0x3c;

fn max() -> Interp {
    pe_like("max", &machine(1), 0)
}

/// Is `word` executed, or UNDEFINED? Addresses in registers are of RAM.
fn is_allocated(model: &str, word: u32) -> bool {
    let mut pe = pe_like(model, &machine(1), 0);
    pe.cpu.sys.cpacr = 3 << 20;
    pe.cpu.refresh();
    load(&pe, CODE, &[word, SVC_5]);
    pe.cpu.regs.x = [DATA; 31];
    match run(&mut pe) {
        (UNDEFINED, 0, 0) => false,
        (SVC, 5, 8) => true,
        other => panic!("{word:08x} of {model}: {other:x?}"),
    }
}

/// Lines: instruction, and which of a57, n1 and max have it.
#[test]
fn models_have_their_instructions() {
    for (word, text, want) in [
        (0xf820_0041, "ldadd x0, x1, [x2]", [false, true, true]),
        (0xf8bf_c020, "ldapr x0, [x1]", [false, true, true]),
        (0x1ac2_4820, "crc32w w0, w1, w2", [true, true, true]),
        (0x4e28_4820, "aese v0.16b, v1.16b", [true, true, true]),
        (0x1ee2_2820, "fadd h0, h1, h2", [false, true, true]),
        (0x1e62_2820, "fadd d0, d1, d2", [true, true, true]),
        (0x1ee2_4020, "fcvt s0, h1", [true, true, true]),
        (0x2e42_8420, "sqrdmlah v0.4h, v1.4h, v2.4h", [false, true, true]),
        (0x9950_0020, "ldapur w0, [x1, #-256]", [false, false, true]),
        (0xd500_401f, "cfinv", [false, false, true]),
        (0xd500_405f, "axflag", [false, false, true]),
        (0xdac0_1820, "ctz x0, x1", [false, false, true]),
        (0x11c0_0c20, "smax w0, w1, #3", [false, false, true]),
        (0xdac1_0020, "pacia x0, x1", [false, false, true]),
        (0x9adf_3020, "pacga x0, x1, sp", [false, false, true]),
        (0xd503_30ff, "sb", [false, false, true]),
        (0xd503_323f, "dsb oshnxs", [false, false, true]),
        (0xd503_1000, "wfet x0: long past", [false, false, true]),
        (0xd503_415f, "msr dit, #1", [false, false, true]),
        (0xd50b_7380, "cfp rctx, x0", [false, false, true]),
        (0x5400_0030, "bc.eq .+4", [false, false, true]),
        (PACIASP, "paciasp", [true, true, true]),
        (BTI_C, "bti c", [true, true, true]),
    ] {
        let got = ["cortex-a57", "neoverse-n1", "max"].map(|model| {
            is_allocated(
                model,
                if word == 0xd503_1000 {
                    0xd503_101f // XZR: the deadline is 0
                } else {
                    word
                },
            )
        });
        assert_eq!(got, want, "{text}");
    }
}

/// A PE of `model` with all keys enabled.
fn signing(model: &str) -> Interp {
    let mut pe = pe_like(model, &machine(1), 0);
    pe.cpu.sys.sctlr[1] |= 0xc800_2000;
    pe.cpu.sys.tcr[1] = 16 | 16 << 16;
    pe.cpu.sys.keys.pointer = [[1, 2], [3, 4], [5, 6], [7, 8]];
    pe.cpu.regs.sp = DATA;
    pe
}

/// A function that signs its return address, and returns where it came from; and one whose X30 was overwritten
/// meanwhile, which does not.
#[test]
fn return_addresses_are_signed() {
    const MOV_X30_X6: u32 = 0xaa06_03fe;
    for (model, back) in [("max", RETAA), ("max-qarma5", RETAA), ("max-qarma3", RETAA), ("neoverse-n1", RET)] {
        let mut pe = signing(model);
        load(&pe, CODE, &[BLR_X5, SVC_5]);
        load(&pe, CODE + 0x100, &[PACIASP, NOP, back]);
        (pe.cpu.regs.x[5], pe.cpu.regs.pc) = (CODE + 0x100, CODE);
        assert_eq!(run(&mut pe), (SVC, 5, 8), "{model}");
        if model == "neoverse-n1" {
            continue;
        }
        load(&pe, CODE + 0x100, &[PACIASP, MOV_X30_X6, RETAA]);
        poke(&pe.cpu.shared, CODE + 0x104, MOV_X30_X6);
        pe.cpu.shared.bus.code().invalidate_all();
        (pe.cpu.regs.x[6], pe.cpu.regs.pc) = (CODE + 4, CODE);
        let (class, _, at) = run(&mut pe);
        // An address of 48 bits with an error code in bits [62:61].
        assert_eq!((class, at), (FETCH_ABORT, 1 << 61 | 4), "{model}");
        assert_eq!(pe.cpu.sys.far[1], 1 << 61 | (CODE + 4));
    }
}

#[test]
fn keys_can_be_off_and_hints_are_then_nothing() {
    let mut pe = signing("max");
    pe.cpu.sys.sctlr[1] &= !0xc800_2000;
    load(&pe, CODE, &[PACIASP, AUTIASP, SVC_5]);
    (pe.cpu.regs.x[30], pe.cpu.regs.pc) = (0x1234_5678_9abc_def0, CODE);
    assert_eq!(run(&mut pe), (SVC, 5, 12));
    assert_eq!(pe.cpu.regs.x[30], 0x1234_5678_9abc_def0);
}

#[test]
fn exception_returns_are_authenticated() {
    let mut pe = signing("max");
    load(&pe, CODE, &[ERETAA]);
    load(&pe, CODE + 0x100, &[SVC_5]);
    for (modifier, want) in [(DATA, (SVC, 5, 0x104)), (DATA + 16, (FETCH_ABORT, 4, 1 << 61 | 0x100))] {
        use a64::{PacKey, Pauth};
        let signed = pe.cpu.pauth(Pauth::Sign(PacKey::Ia), CODE + 0x100, modifier);
        pe.cpu.regs.pstate = Pstate { daif: 0, ..Pstate::reset(1) };
        (pe.cpu.regs.sp, pe.cpu.regs.pc) = (DATA, CODE);
        pe.cpu.sys.elr[1] = signed;
        pe.cpu.sys.spsr[1] = Pstate { daif: 0, ..Pstate::reset(1) }.to_spsr(0);
        let (class, iss, at) = run(&mut pe);
        assert_eq!((class, if class == SVC { iss } else { 4 }, at), want);
    }
}

#[test]
fn a_spoilt_pointer_faults_when_it_is_used() {
    const PACIA_X0_SP: u32 = 0xdac1_03e0;
    const AUTIA_X0_SP: u32 = 0xdac1_13e0;
    const AUTIB_X0_SP: u32 = 0xdac1_17e0;
    let mut pe = signing("max");
    for (check, want) in [(AUTIA_X0_SP, (SVC, 5, 16)), (AUTIB_X0_SP, (DATA_ABORT, 0, 8))] {
        pe.cpu.shared.bus.code().invalidate_all();
        load(&pe, CODE, &[PACIA_X0_SP, check, LDR_X0_X0, SVC_5]);
        pe.cpu.regs.pstate = Pstate { daif: 0, ..Pstate::reset(1) };
        (pe.cpu.regs.x[0], pe.cpu.regs.sp, pe.cpu.regs.pc) = (DATA, DATA, CODE);
        assert_eq!(run(&mut pe), want);
    }
}

/// One 1 GiB block of normal memory, guarded if `gp`, mapped one to one.
fn guarded(gp: u64) -> Interp {
    const TABLE: u64 = DATA + 0x1000;
    let mut pe = max();
    let block = 0x4000_0000 | gp << 50 | 1 << 10 | 1;
    pe.cpu.shared.bus.write(PhysAddr(TABLE + 8), AccessSize::Double, block).unwrap();
    pe.cpu.sys.ttbr0[1] = TABLE;
    pe.cpu.sys.tcr[1] = 25 | 25 << 16 | 1 << 23;
    pe.cpu.sys.mair[1] = 0xff;
    pe.cpu.sys.sctlr[1] |= 1;
    pe.cpu.refresh();
    pe
}

/// Lines: is the page guarded, the branch, SCTLR_EL1.BT1, what it lands on, and how that ends; BTYPE in SPSR_EL1.
#[test]
fn indirect_branches_land_where_they_may() {
    const LANDED: (u64, u64, u64) = (SVC, 5, 0x108);
    let refused = |btype| (BRANCH_TARGET, btype, 0x100);
    for (gp, branch, bt, target, want, btype) in [
        (0, BR_X5, 0, NOP, LANDED, 0),
        (1, BR_X5, 0, NOP, refused(3), 3),
        (1, BR_X16, 0, NOP, refused(1), 1),
        (1, BLR_X5, 0, NOP, refused(2), 2),
        (1, BLR_X5, 0, BTI_C, LANDED, 0),
        (1, BR_X5, 0, BTI_C, refused(3), 3),
        (1, BR_X5, 0, BTI_J, LANDED, 0),
        (1, BR_X16, 0, BTI_C, LANDED, 0),
        (1, BLR_X5, 0, BTI_J, refused(2), 2),
        (1, BR_X5, 0, PACIASP, LANDED, 0),
        (1, BR_X5, 1, PACIASP, refused(3), 3),
        (1, BLR_X5, 1, PACIASP, LANDED, 0),
        // Executed, and raising an exception of its own: it will be executed again, so BTYPE is kept.
        (1, BLR_X5, 0, BRK_1, (BRK, 1, 0x100), 2),
        (0, BLR_X5, 0, 0, (UNDEFINED, 0, 0x100), 2),
        (1, BLR_X5, 0, 0, refused(2), 2),
        // Completed, and calling: not kept.
        (0, BLR_X5, 0, SVC_5, (SVC, 5, 0x104), 0),
        (1, RET, 0, NOP, LANDED, 0),
    ] {
        let mut pe = guarded(gp);
        pe.cpu.sys.sctlr[1] |= bt << 36;
        load(&pe, CODE, &[branch]);
        load(&pe, CODE + 0x100, &[target, SVC_5]);
        [5, 16, 30].into_iter().for_each(|r| pe.cpu.regs.x[r] = CODE + 0x100);
        pe.cpu.regs.pc = CODE;
        assert_eq!(run(&mut pe), want, "gp {gp} {branch:08x} to {target:08x}");
        assert_eq!(pe.cpu.sys.spsr[1] >> 10 & 3, btype, "gp {gp} {branch:08x} to {target:08x}");
        assert_eq!(pe.cpu.regs.pstate.btype, 0);
    }
}

/// BTYPE comes back from SPSR_EL1, so an interrupted landing goes on where it was.
#[test]
fn branch_type_survives_an_exception_return() {
    for (btype, target, want) in [(2, BTI_C, SVC), (2, NOP, BRANCH_TARGET), (0, NOP, SVC)] {
        let mut pe = guarded(1);
        load(&pe, CODE, &[target, SVC_5]);
        pe.cpu.sys.elr[1] = CODE;
        pe.cpu.sys.spsr[1] = Pstate { daif: 0, btype, ..Pstate::reset(1) }.to_spsr(0);
        _ = pe.cpu.eret();
        assert_eq!(run(&mut pe).0, want, "{btype} {target:08x}");
    }
}

const CPYF: [u32; 3] = [0x1901_0440, 0x1941_0440, 0x1981_0440];
const CPY: [u32; 3] = [0x1d01_0440, 0x1d41_0440, 0x1d81_0440];
const SET: [u32; 3] = [0x19c1_0440, 0x19c1_4440, 0x19c1_8440];

fn bytes(pe: &Interp, at: u64, n: usize) -> Vec<u8> {
    let mut out = vec![0; n];
    pe.cpu.shared.bus.ram().read_bytes(PhysAddr(at), &mut out).unwrap();
    out
}

/// The three instructions on X0, X1, X2, in memory that is normal so that they may be unaligned.
fn copied(words: [u32; 3], x: [u64; 3]) -> Interp {
    let mut pe = guarded(0);
    let pattern: Vec<u8> = (0..0x6000u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    pe.cpu.shared.bus.ram().write_bytes(PhysAddr(DATA + 0x2000), &pattern).unwrap();
    load(&pe, CODE, &[&words[..], &[SVC_5]].concat());
    pe.cpu.regs.x[..3].copy_from_slice(&x);
    (pe.cpu.regs.nzcv, pe.cpu.regs.pc) = (0b1111, CODE);
    pe
}

/// Copies of every kind of overlap, alignment and length are what copying by bytes through a buffer is.
#[test]
fn memory_is_copied() {
    let base = DATA + 0x3000;
    for (words, to, from, n) in [
        (CPYF, 0x1000, 0, 0),
        (CPYF, 0x1000, 0, 1),
        (CPYF, 0x1003, 1, 4097),
        (CPYF, 0, 3, 100),
        (CPYF, 0, 1, 5000),
        (CPY, 0x1800, 5, 2000),
        (CPY, 3, 0, 100),
        (CPY, 1, 0, 5000),
        (CPY, 0, 1, 5000),
        (CPY, 8, 0, 4096 * 2),
        (CPY, 0, 0, 77),
        (CPY, 7, 8, 0),
    ] {
        let mut pe = copied(words, [base + to, base + from, n]);
        let mut want = bytes(&pe, DATA + 0x2000, 0x6000);
        let [to, from] = [to, from].map(|v| v as usize + 0x1000);
        want.copy_within(from..from + n as usize, to);
        assert_eq!(run(&mut pe), (SVC, 5, 16));
        assert!(bytes(&pe, DATA + 0x2000, 0x6000) == want, "{to:x} {from:x} {n}");
        assert_eq!((pe.cpu.regs.x[2], pe.cpu.regs.nzcv), (0, 0));
    }
}

#[test]
fn memory_is_set() {
    for (to, n) in [(0, 0), (1, 1), (3, 7), (5, 8), (0, 4096), (1, 9001)] {
        let mut pe = copied(SET, [DATA + 0x3000 + to, 0x1234_56a5, n]);
        let mut want = bytes(&pe, DATA + 0x2000, 0x6000);
        want[0x1000 + to as usize..][..n as usize].fill(0xa5);
        assert_eq!(run(&mut pe), (SVC, 5, 16));
        assert!(bytes(&pe, DATA + 0x2000, 0x6000) == want, "{to:x} {n}");
        assert_eq!((pe.cpu.regs.x[2], pe.cpu.regs.x[1]), (0, 0x1234_56a5));
    }
}

/// A copy into what is not mapped: everything before it is copied, the abort is of the first byte that cannot be
/// written, and the registers say how much remains, so that it goes on once the page is there.
#[test]
fn copies_stop_at_the_first_fault_and_go_on() {
    const END: u64 = VECTORS + (1 << 20);
    const READ: u64 = 0b001_0000;
    const WRITE: u64 = 0b101_0000;
    for (words, to, from, n, left, kind, fault) in [
        (CPYF, END - 5000, DATA + 0x2000, 6000, -1000, WRITE, END),
        (CPYF, END - 13, DATA + 0x2000, 20, -7, WRITE, END),
        (CPYF, DATA + 0x2000, END - 11, 20, -9, READ, END),
        // Backwards: the first byte read is the last.
        (CPY, END - 100, END - 110, 200, 200, READ, END + 89),
        (CPY, END - 190, END - 200, 195, 195, WRITE, END + 4),
        (SET, END - 21, 0, 30, -9, WRITE, END),
    ] {
        let mut pe = copied(words, [to, from, n]);
        assert_eq!(run(&mut pe), (DATA_ABORT, kind, 4), "{to:x}: an external abort");
        assert_eq!(pe.cpu.sys.far[1], fault, "{to:x}");
        assert_eq!(pe.cpu.regs.x[2] as i64, left, "{to:x}");
    }
}

/// What the stages leave each other is checked: ISS names the instruction, the stage and the option.
#[test]
fn stages_that_do_not_fit_are_refused() {
    const OPTION_A: u64 = 1 << 16;
    const WRONG: u64 = 1 << 17;
    const EPILOGUE: u64 = 1 << 18;
    let regs = |s: u64| s << 5 | 2;
    for (word, nzcv, size, want) in [
        (CPYF[1], 0b0010, 5, OPTION_A | WRONG | regs(1)),
        (CPY[2], 0b0010, 0, OPTION_A | WRONG | EPILOGUE | regs(1)),
        (CPY[2], 0b0000, 5, OPTION_A | EPILOGUE | regs(1)),
        (SET[1], 0b1010, 5, 1 << 24 | OPTION_A | WRONG | regs(1)),
    ] {
        let mut pe = copied([word, NOP, NOP], [DATA, DATA + 0x100, size]);
        pe.cpu.regs.nzcv = nzcv;
        assert_eq!(run(&mut pe), (MOPS, want, 0), "{word:08x}");
    }
    // Registers that coincide, and the stack pointer.
    for word in [CPYF[0] & !(0x1f << 16), CPY[0] | 31, SET[1] | 31 << 5, CPY[1] | 31 << 16] {
        let mut pe = copied([word, NOP, NOP], [DATA; 3]);
        assert_eq!(run(&mut pe), (UNDEFINED, 0, 0), "{word:08x}");
    }
}

/// SCTLR_EL1.MSCEn lets EL0 copy.
#[test]
fn copies_at_el0_are_enabled_by_el1() {
    for (enabled, want) in [(0, (UNDEFINED, 0, 0)), (1, (SVC, 5, 16))] {
        let mut pe = max();
        load(&pe, CODE, &[CPY[0], CPY[1], CPY[2], SVC_5]);
        pe.cpu.sys.sctlr[1] |= enabled << 33;
        pe.cpu.regs.x[..3].copy_from_slice(&[DATA, DATA + 0x100, 16]);
        resume(&mut pe, 0, CODE, false);
        assert_eq!(run(&mut pe), want);
    }
}

/// WFET and WFIT come back at once when the time has come, and let others run otherwise.
#[test]
fn timed_waits() {
    const WFET_X0: u32 = 0xd503_1000;
    const WFIT_X0: u32 = 0xd503_1020;
    for word in [WFET_X0, WFIT_X0] {
        let mut pe = max();
        load(&pe, CODE, &[word, SVC_5]);
        assert_eq!(run(&mut pe), (SVC, 5, 8), "the deadline is 0");
        pe.cpu.regs.pstate = Pstate { daif: 0, ..Pstate::reset(1) };
        (pe.cpu.regs.x[0], pe.cpu.regs.pc) = (u64::MAX, CODE);
        assert_eq!((pe.run(), pe.cpu.regs.pc), (Exit::Wfe, CODE + 4));
    }
    let mut pe = max();
    load(&pe, CODE, &[WFET_X0, SVC_5]);
    (pe.cpu.event, pe.cpu.regs.x[0]) = (true, u64::MAX);
    assert_eq!(run(&mut pe), (SVC, 5, 8), "an event was registered");
    assert!(!pe.cpu.event);
}
