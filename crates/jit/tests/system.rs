//! Random programs of system instructions on the compiler and on the interpreter: exceptions and returns between
//! EL0 and EL1, interrupts a PE sends itself, masks, address spaces, maintenance, exclusives. Registers, all of the
//! PE's system registers, memory and counts are the same afterwards.
//!
//! `ARMAGIC_CASES=N` runs N programs, `ARMAGIC_SEED=N` others.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use a64::SysReg;
use armagic_jit::{Jit, Options};
use cpu::{Alarms, Exit, Model, Monitor, Peer, Pstate, Shared, TlbiQueue, Vcpu, VcpuSpec, sysreg};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{AccessSize, Clock, PhysAddr};
use interp::Interp;
use mem::{Bus, Ram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sync::{Attention, Reasons};

const RAM: u64 = 0x4000_0000;
const VECTORS: u64 = RAM + 0x2000;
const TABLE: u64 = RAM + 0x1_0000;
const CODE: u64 = RAM + 0x4000;
const DATA: u64 = RAM + 0x8000;
const DATA_SIZE: u64 = 0x2000;
/// Often enough that every block is compiled.
const TURNS: u64 = 14;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// After a synchronous exception from EL1: on behind the instruction; after a branch target exception with the
/// instruction, as if no branch had led there. Branches here are by offsets from the start.
const FROM_EL1: [u32; 16] = [
    0xd518_d080, // msr tpidr_el1, x0
    0xd538_5200, // mrs x0, esr_el1
    0xd35a_fc00, // lsr x0, x0, #26
    0xf100_541f, // cmp x0, #0x15
    0x5400_00c0, // b.eq .+0x28
    0xf100_341f, // cmp x0, #0xd
    0x5400_00c0, // b.eq .+0x30
    0xd538_4020, // mrs x0, elr_el1
    0x9100_1000, // add x0, x0, #0x4
    0xd518_4020, // msr elr_el1, x0
    0xd538_d080, // mrs x0, tpidr_el1
    0xd69f_03e0, // eret
    0xd538_4000, // mrs x0, spsr_el1
    0x9274_f400, // and x0, x0, #0xfffffffffffff3ff
    0xd518_4000, // msr spsr_el1, x0
    0x17ff_fffb, // b .+0x28
];
const INTERRUPT: [u32; 5] = [
    0xd518_d080, // msr tpidr_el1, x0
    0xd538_cc00, // mrs x0, icc_iar1_el1
    0xd518_cc20, // msr icc_eoir1_el1, x0
    0xd538_d080, // mrs x0, tpidr_el1
    0xd69f_03e0, // eret
];
/// From EL0, besides: SVC #0x777 ends the program, SVC #0x778 returns to EL1.
const FROM_EL0: [u32; 27] = [
    0xd518_d080, // msr tpidr_el1, x0
    0xd538_5200, // mrs x0, esr_el1
    0x9240_3c00, // and x0, x0, #0xffff
    0xf11d_dc1f, // cmp x0, #0x777
    0x5400_01c0, // b.eq .+0x48
    0xf11d_e01f, // cmp x0, #0x778
    0x5400_01a0, // b.eq .+0x4c
    0xd538_5200, // mrs x0, esr_el1
    0xd35a_fc00, // lsr x0, x0, #26
    0xf100_541f, // cmp x0, #0x15
    0x5400_00c0, // b.eq .+0x40
    0xf100_341f, // cmp x0, #0xd
    0x5400_0160, // b.eq .+0x5c
    0xd538_4020, // mrs x0, elr_el1
    0x9100_1000, // add x0, x0, #0x4
    0xd518_4020, // msr elr_el1, x0
    0xd538_d080, // mrs x0, tpidr_el1
    0xd69f_03e0, // eret
    0xd400_0002, // hvc #0x0
    0xd280_40a0, // mov x0, #0x205
    0xd518_4000, // msr spsr_el1, x0
    0xd538_d080, // mrs x0, tpidr_el1
    0xd69f_03e0, // eret
    0xd538_4000, // mrs x0, spsr_el1
    0x9274_f400, // and x0, x0, #0xfffffffffffff3ff
    0xd518_4000, // msr spsr_el1, x0
    0x17ff_fff6, // b .+0x40
];
/// The next instruction at EL0, with everything unmasked.
const TO_EL0: [u32; 5] = [0x1000_00a9, 0xd518_4029, 0xd280_0009, 0xd518_4009, 0xd69f_03e0];
const TO_EL1: u32 = 0xd400_ef01; // svc #0x778
const NOP: u32 = 0xd503_201f;

fn vcpu(model: &str) -> Vcpu {
    let clock = Clock::start();
    let attention = Arc::new(Attention::new());
    let pe = PeSpec { affinity: Affinity::default(), attention: attention.clone() };
    let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], ..Default::default() }).unwrap();
    let mut bus = Bus::new(Ram::new(PhysAddr(RAM), 1 << 20).unwrap());
    bus.map(PhysAddr(0x800_0000), 0x1_0000, gic.distributor()).unwrap();
    bus.map(PhysAddr(0x80a_0000), gic.redistributor_region_size(), gic.redistributors()).unwrap();
    let peers = vec![Peer { attention: attention.clone(), tlbi: TlbiQueue::new() }];
    let alarms = Alarms::new(clock, vec![attention]);
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    let mut cpu = Vcpu::new(VcpuSpec { index: 0, mpidr: 0, model: Model::by_name(model).unwrap() }, shared);
    cpu.unpark();
    for (at, words) in [(0x000, &FROM_EL1[..]), (0x080, &INTERRUPT), (0x200, &FROM_EL1), (0x280, &INTERRUPT)] {
        poke(&cpu, VECTORS + at, words);
    }
    poke(&cpu, VECTORS + 0x400, &FROM_EL0);
    poke(&cpu, VECTORS + 0x480, &INTERRUPT);
    tables(&cpu);
    let write = |at, value: u32| cpu.shared.bus.write(PhysAddr(at), AccessSize::Word, value.into()).unwrap();
    write(0x800_0000, 3);
    write(0x80a_0014, 0);
    write(0x80b_0080, !0);
    write(0x80b_0100, !0);
    (0..8).for_each(|n| write(0x80b_0400 + 4 * n, 0x8080_8080));
    // Counters of instructions, exceptions and returns, at both levels.
    for (reg, v) in [
        (SysReg::new(3, 3, 14, 12, 0), 0x08),
        (SysReg::new(3, 3, 14, 12, 1), 0x09),
        (SysReg::new(3, 3, 14, 12, 2), 0x0a),
        (SysReg::new(3, 3, 9, 12, 1), 0x8000_0007),
        (SysReg::new(3, 3, 9, 12, 0), 1),
    ] {
        cpu.write_sysreg(reg, v).unwrap();
    }
    cpu
}

fn poke(cpu: &Vcpu, at: u64, words: &[u32]) {
    for (i, word) in words.iter().enumerate() {
        cpu.shared.bus.write(PhysAddr(at + 4 * i as u64), AccessSize::Word, (*word).into()).unwrap();
    }
}

/// RAM by pages, which belong to an ASID: code is read-only to both levels, data is EL0's, the rest EL1's.
fn tables(cpu: &Vcpu) {
    let write = |at, v: u64| cpu.shared.bus.write(PhysAddr(at), AccessSize::Double, v).unwrap();
    write(TABLE + 8, (TABLE + 0x1000) | 3);
    write(TABLE + 0x1000, (TABLE + 0x2000) | 3);
    for page in 0..256 {
        let at = RAM + 0x1000 * page;
        let ap = match at {
            VECTORS..DATA => 0b11,
            _ if (DATA..DATA + DATA_SIZE).contains(&at) => 0b01,
            _ => 0b00,
        };
        // Guarded where there is FEAT_BTI.
        let guarded = u64::from(at == CODE + 0x1000) << 50;
        write(TABLE + 0x2000 + 8 * page, guarded | at | 1 << 11 | 1 << 10 | 3 << 8 | ap << 6 | 3);
    }
}

const fn mrs(reg: SysReg, rt: u32) -> u32 {
    0xd520_0000 | (reg.0 as u32) << 5 | rt
}
const fn msr(reg: SysReg, rt: u32) -> u32 {
    0xd500_0000 | (reg.0 as u32) << 5 | rt
}

/// Registers that may be written with anything.
const FREE: &[SysReg] = &[
    SysReg::new(3, 3, 13, 0, 2),  // TPIDR_EL0
    SysReg::new(3, 3, 13, 0, 3),  // TPIDRRO_EL0
    SysReg::new(3, 0, 13, 0, 4),  // TPIDR_EL1
    SysReg::new(3, 0, 4, 1, 0),   // SP_EL0
    SysReg::new(3, 0, 4, 0, 0),   // SPSR_EL1
    SysReg::new(3, 0, 4, 0, 1),   // ELR_EL1
    SysReg::new(3, 0, 5, 2, 0),   // ESR_EL1
    SysReg::new(3, 0, 6, 0, 0),   // FAR_EL1
    SysReg::new(3, 0, 7, 4, 0),   // PAR_EL1
    SysReg::new(3, 0, 13, 0, 1),  // CONTEXTIDR_EL1
    SysReg::new(3, 3, 4, 2, 0),   // NZCV
    SysReg::new(3, 3, 4, 2, 1),   // DAIF
    SysReg::new(3, 0, 4, 2, 3),   // PAN
    SysReg::new(3, 0, 4, 2, 4),   // UAO
    SysReg::new(3, 0, 4, 2, 0),   // SPSel
    SysReg::new(3, 3, 4, 2, 6),   // SSBS
    SysReg::new(3, 3, 4, 2, 5),   // DIT
    SysReg::new(3, 3, 4, 4, 0),   // FPCR
    SysReg::new(3, 3, 4, 4, 1),   // FPSR
    SysReg::new(3, 0, 4, 6, 0),   // ICC_PMR_EL1
    SysReg::new(3, 0, 12, 12, 3), // ICC_BPR1_EL1
    SysReg::new(3, 0, 12, 12, 7), // ICC_IGRPEN1_EL1
    SysReg::new(3, 0, 12, 12, 1), // ICC_EOIR1_EL1
    SysReg::new(3, 0, 1, 0, 2),   // CPACR_EL1
    SysReg::new(3, 0, 14, 1, 0),  // CNTKCTL_EL1
    SysReg::new(3, 3, 14, 3, 2),  // CNTV_CVAL_EL0
    SysReg::new(3, 2, 0, 0, 0),   // CSSELR_EL1
];

/// Registers that are read besides.
const READ: &[SysReg] = &[
    SysReg::new(3, 0, 0, 0, 0),   // MIDR_EL1
    SysReg::new(3, 0, 0, 0, 5),   // MPIDR_EL1
    SysReg::new(3, 0, 0, 4, 0),   // ID_AA64PFR0_EL1
    SysReg::new(3, 0, 0, 7, 1),   // ID_AA64MMFR1_EL1
    SysReg::new(3, 0, 0, 3, 7),   // a reserved one
    SysReg::new(3, 3, 0, 0, 1),   // CTR_EL0
    SysReg::new(3, 3, 0, 0, 7),   // DCZID_EL0
    SysReg::new(3, 0, 4, 2, 2),   // CurrentEL
    SysReg::new(3, 0, 1, 0, 0),   // SCTLR_EL1
    SysReg::new(3, 0, 2, 0, 0),   // TTBR0_EL1
    SysReg::new(3, 0, 2, 0, 2),   // TCR_EL1
    SysReg::new(3, 0, 12, 0, 0),  // VBAR_EL1
    SysReg::new(3, 0, 12, 1, 0),  // ISR_EL1
    SysReg::new(3, 0, 12, 11, 3), // ICC_RPR_EL1
    SysReg::new(3, 0, 12, 12, 0), // ICC_IAR1_EL1
    SysReg::new(3, 0, 12, 12, 2), // ICC_HPPIR1_EL1
    SysReg::new(3, 3, 14, 0, 0),  // CNTFRQ_EL0
    SysReg::new(3, 3, 9, 13, 0),  // PMCCNTR_EL0
    SysReg::new(3, 3, 14, 8, 0),  // PMEVCNTR0_EL0
    SysReg::new(3, 3, 14, 8, 1),  // PMEVCNTR1_EL0
    SysReg::new(3, 3, 14, 8, 2),  // PMEVCNTR2_EL0
    SysReg::new(3, 0, 15, 3, 4),  // nothing
];

const TTBR0: SysReg = SysReg::new(3, 0, 2, 0, 0);
const SCTLR: SysReg = SysReg::new(3, 0, 1, 0, 0);
const SGI1R: SysReg = SysReg::new(3, 0, 12, 11, 5);

/// A register that no address is in.
fn any(random: &mut Random) -> u32 {
    3 + random.below(9) as u32
}

/// One instruction.
fn single(random: &mut Random) -> u32 {
    let (a, b, c) = (any(random), any(random), any(random));
    let base = random.below(3) as u32;
    match random.below(26) {
        0 | 1 => mrs(random.one(FREE), a),
        2 | 3 => mrs(random.one(READ), a),
        4 | 5 => msr(random.one(FREE), if random.below(4) == 0 { 31 } else { a }),
        // DAIFSet, DAIFClr
        6 | 7 => 0xd503_40df | (random.below(16) as u32) << 8 | (random.below(2) as u32) << 5,
        // MSR PAN, UAO, SPSel, SSBS, DIT
        8 => {
            random.one(&[0xd500_409f, 0xd500_407f, 0xd500_40bf, 0xd503_403f, 0xd503_405f])
                | (random.below(16) as u32) << 8
        }
        9 => 0xd400_0001 | (random.below(0x700) as u32) << 5, // svc
        10 => random.one(&[0xd503_3fdf, 0xd503_3f9f, 0xd503_3bbf, 0xd503_309f, 0xd503_201f, 0xd503_207f]),
        11 => random.one(&[0xd503_3f5f, NOP, 0xd420_0000]), // clrex, nop, brk
        // ldxr, ldaxr, stxr, stlxr of every size
        12 => 0x085f_7c00 | (random.below(4) as u32) << 30 | (random.below(2) as u32) << 15 | base << 5 | a,
        13 | 14 => {
            0x0800_7c00
                | (random.below(4) as u32) << 30
                | a << 16
                | (random.below(2) as u32) << 15
                | base << 5
                | if a == b { c } else { b }
        }
        // ldxp, stxp
        15 => 0x887f_0000 | (random.below(2) as u32) << 30 | (a + 1) << 10 | base << 5 | a,
        16 => 0x8820_0000 | (random.below(2) as u32) << 30 | 14 << 16 | b << 10 | base << 5 | a,
        // casp
        17 => 0x0820_7c00 | (random.below(2) as u32) << 30 | (a & !1) << 16 | base << 5 | (b & !1),
        // ldsmax, ldsmin, ldumax, ldumin
        18 => 0x3820_4000 | (random.below(4) as u32) << 30 | a << 16 | (random.below(4) as u32) << 12 | base << 5 | b,
        // str, ldr
        19 => 0xf900_0000 | (random.below(2) as u32) << 22 | (random.below(8) as u32) << 10 | base << 5 | a,
        // sttr, ldtr
        20 => 0xf800_0800 | (random.below(2) as u32) << 22 | base << 5 | a,
        // adds, sub
        21 => 0xab00_0000 | c << 16 | b << 5 | a,
        // dc zva, dc cvac, dc civac, dc ivac, ic ivau, ic iallu, at
        22 => {
            const OPS: &[(u32, u32, u32)] = &[
                (3, 4, 1),
                (3, 10, 1),
                (3, 11, 1),
                (3, 14, 1),
                (0, 6, 1),
                (3, 5, 1),
                (0, 5, 0),
                (0, 8, 0),
                (0, 8, 1),
                (0, 8, 2),
                (0, 8, 3),
                (0, 9, 0),
            ];
            let (op1, crm, op2) = random.one(OPS);
            msr(SysReg::new(1, op1, 7, crm, op2), base)
        }
        // smax, smin, umax, umin; rbit, rev16, cls, cnt; cfinv, axflag, xaflag
        24 => 0x1ac0_6000 | (random.below(2) as u32) << 31 | a << 16 | (random.below(4) as u32) << 10 | b << 5 | c,
        25 => {
            let op = random.one(&[0xdac0_0000, 0x5ac0_0000, 0xdac0_0400, 0xdac0_1400, 0x5ac0_1400, 0xdac0_1c00]);
            random.one(&[op | b << 5 | a, op | b << 5 | a, 0xd500_401f, 0xd500_405f, 0xd500_403f])
        }
        // tlbi
        _ => {
            let (crm, op2) = (random.one(&[3, 7]), random.one(&[0, 1, 2, 3, 5, 7]));
            msr(SysReg::new(1, 0, 8, crm, op2), random.one(&[12, 13, 31]))
        }
    }
}

/// One to a few instructions that belong together.
fn item(random: &mut Random, words: &mut Vec<u32>, el1: &mut bool) {
    match random.below(24) {
        0 if *el1 => {
            words.extend(TO_EL0);
            *el1 = false;
        }
        1 if !*el1 => {
            words.push(TO_EL1);
            *el1 = true;
        }
        2 | 3 if *el1 => {
            // TTBR0 with an ASID.
            let asid = random.below(4) as u32;
            words.extend([0xd280_0000 | 10, 0xf2a8_0020 | 10, 0xf2e0_000a | asid << 5, msr(TTBR0, 10)]);
        }
        4 | 5 if *el1 => {
            // An SGI to oneself, perhaps more than one.
            words.extend([0xd280_0029, 0xf2a0_0009 | (random.below(16) as u32) << 13, msr(SGI1R, 9)]);
        }
        6 if *el1 => {
            // One bit of SCTLR_EL1: A, SA, SA0, UMA, DZE, UCT, SPAN, UCI. EOR with one bit is N=1, immr = 64 - bit.
            let bit = random.one(&[1, 3, 4, 9, 14, 15, 23, 26]);
            words.extend([mrs(SCTLR, 9), 0xd240_0129 | (64 - bit) << 16, msr(SCTLR, 9)]);
        }
        8 | 9 => {
            // An indirect branch over nothing, to something that may or may not be landed on.
            let branch = random.one(&[
                [0x1000_0049, 0xd63f_0120], // adr x9, .+8; blr x9
                [0x1000_0049, 0xd61f_0120], // br x9
                [0x1000_0050, 0xd61f_0200], // br x16
                [0x1000_005e, 0xd63f_03c0], // blr x30
                [0x1000_005e, 0xd65f_03c0], // ret
            ]);
            words.extend(branch);
            const LANDINGS: [u32; 6] = [0xd503_241f, 0xd503_245f, 0xd503_249f, 0xd503_24df, 0xd503_233f, NOP];
            words.push(if random.below(2) == 0 { random.one(&LANDINGS) } else { single(random) });
        }
        7 => words.extend([0x5400_0040 | random.below(14) as u32, single(random)]), // b.cond over the next
        _ => words.push(single(random)),
    }
}

fn program(random: &mut Random, mut el1: bool) -> Vec<u32> {
    let mut words = vec![];
    let items = 4 + random.below(60);
    (0..items).for_each(|_| item(random, &mut words, &mut el1));
    words.extend([0xd400_eee1, 0xd400_0002]); // svc #0x777, hvc #0
    words
}

fn set_up(mut random: Random, cpu: &mut Vcpu, start: u64, el1: bool) {
    for i in 0..31 {
        cpu.regs.x[i] = random.next() >> random.below(64);
    }
    for i in 0..3 {
        let skew = if random.below(6) == 0 { random.below(16) } else { 0 };
        cpu.regs.x[i] = match random.below(16) {
            0 => random.next(),
            1 => VECTORS + 0x1000, // not to be written
            2 => RAM,              // EL1's
            _ => DATA + 0x400 + 16 * random.below(8) + skew,
        };
    }
    // Operands of TLBI.
    cpu.regs.x[12] = random.below(4) << 48 | DATA >> 12;
    cpu.regs.x[13] = random.below(4) << 48 | CODE >> 12;
    let sp = DATA + 0x800 + 16 * random.below(0x40);
    cpu.regs.v = std::array::from_fn(|i| i as u128);
    (cpu.regs.fpcr, cpu.regs.fpsr) = (0, 0);
    cpu.regs.nzcv = random.below(16) as u32;
    cpu.regs.pc = start;
    cpu.regs.sp = sp;
    cpu.sys.sp_el = [sp; 4];
    let daif = if el1 { random.below(16) as u8 } else { 0 };
    cpu.regs.pstate = Pstate { el: el1.into(), sp_elx: el1, daif, pan: random.below(4) == 0, ..Pstate::reset(1) };
    cpu.monitor = Monitor::default();
    cpu.sys.vbar[1] = VECTORS;
    cpu.sys.cpacr = 3 << 20;
    cpu.sys.cntkctl = 0;
    cpu.sys.mair[1] = 0xff;
    cpu.sys.ttbr0[1] = TABLE;
    cpu.sys.tcr[1] = 25 | 2 << 32 | 1 << 23 | 1 << 36;
    // RES1, SPAN, UCI, UCT, DZE, UMA, I, M.
    cpu.sys.sctlr[1] = 0x30d0_0980 | 1 << 23 | 1 << 26 | 1 << 15 | 1 << 14 | 1 << 9 | 1 << 12 | 1;
    cpu.gic.set_pmr(0xf0);
    cpu.gic.set_igrpen1(1);
    cpu.refresh();
    for at in (DATA + 0x400..DATA + 0x500).step_by(8) {
        cpu.shared.bus.write(PhysAddr(at), AccessSize::Double, random.next()).unwrap();
    }
}

/// Everything that a program may change.
fn outcome(cpu: &Vcpu) -> Vec<(String, u128)> {
    let mut all = vec![
        ("sp".to_owned(), cpu.regs.sp.into()),
        ("pc".to_owned(), cpu.regs.pc.into()),
        ("nzcv".to_owned(), cpu.regs.nzcv.into()),
        ("pstate".to_owned(), cpu.regs.pstate.to_spsr(0).into()),
        ("monitor".to_owned(), cpu.monitor.bytes.into()),
    ];
    all.extend(cpu.regs.x.iter().enumerate().map(|(i, x)| (format!("x{i}"), (*x).into())));
    // The counter's own time is no part of it.
    let rows = sysreg::rows().filter(|row| !row.name.starts_with("CNT") || row.name.ends_with("CVAL_EL0"));
    all.extend(rows.filter_map(|row| Some((row.name.to_owned(), cpu.raw_read(row.reg)?.into()))));
    all.extend(cpu.stats.exceptions.iter().enumerate().map(|(i, n)| (format!("exceptions {i:#x}"), (*n).into())));
    for at in (DATA..DATA + DATA_SIZE).step_by(8) {
        all.push((format!("[{at:#x}]"), cpu.shared.bus.read(PhysAddr(at), AccessSize::Double).unwrap().into()));
    }
    all
}

/// Runs one program on both; what differs.
fn check(seed: u64, engines: &mut (Interp, Jit)) -> Option<String> {
    let mut random = Random(seed);
    let el1 = random.below(2) == 0;
    let words = program(&mut random, el1);
    let start = CODE + 4 * random.below(1024);
    let (interp, jit) = engines;
    for cpu in [&mut interp.cpu, &mut jit.interp.cpu] {
        poke(cpu, start, &words);
        cpu.shared.bus.code().invalidate(PhysAddr(start));
        cpu.shared.bus.code().invalidate(PhysAddr(start + 0x1000));
    }
    for turn in 0..TURNS {
        for cpu in [&mut interp.cpu, &mut jit.interp.cpu] {
            set_up(Random(random.0), cpu, start, el1);
        }
        random.next();
        let counts = |e: &Interp| [e.counts.instructions, e.counts.exceptions, e.counts.interrupts];
        let before = (counts(interp), counts(&jit.interp));
        let exits = (run(|| interp.run()), run(|| jit.run()));
        assert_eq!(exits, (Exit::Firmware, Exit::Firmware), "seed {seed}");
        let after = (counts(interp), counts(&jit.interp));
        let executed: [(u64, u64); 3] = std::array::from_fn(|i| (after.0[i] - before.0[i], after.1[i] - before.1[i]));
        let (want, got) = (outcome(&interp.cpu), outcome(&jit.interp.cpu));
        if want != got || executed.iter().any(|(a, b)| a != b) {
            let listing: Vec<String> = words
                .iter()
                .enumerate()
                .map(|(i, w)| format!("{:#x}: {w:08x} {:?}", start + 4 * i as u64, a64::lookup(*w)))
                .collect();
            let differences: Vec<String> = want
                .iter()
                .zip(&got)
                .filter(|(a, b)| a != b)
                .take(12)
                .map(|((name, a), (_, b))| format!("{name}: interp {a:#x}, jit {b:#x}"))
                .collect();
            return Some(format!(
                "seed {seed}, turn {turn}, EL{}, executed {executed:?}\n{}\n{}",
                u8::from(el1),
                differences.join("\n"),
                listing.join("\n")
            ));
        }
    }
    None
}

/// Until the program ends: it may wait meanwhile.
fn run(mut engine: impl FnMut() -> Exit) -> Exit {
    loop {
        match engine() {
            Exit::Wfi | Exit::Wfe | Exit::Control => {}
            exit => return exit,
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[track_caller]
fn compare(model: &str, options: &Options, disturbed: bool) {
    let (cases, seed) = (number("ARMAGIC_CASES", 600), number("ARMAGIC_SEED", 1));
    let make = || (Interp::new(vcpu(model)), Jit::with(vcpu(model), options).unwrap());
    let mut engines = make();
    let mut failures = 0;
    for seed in seed << 32..(seed << 32) + cases {
        let done = AtomicBool::new(!disturbed);
        let attention = engines.1.interp.cpu.attention.clone();
        let difference = std::thread::scope(|scope| {
            // Nothing follows from what is posted, at whatever moment.
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    attention.post(Reasons::TIMER);
                    std::hint::spin_loop();
                }
            });
            let difference = check(seed, &mut engines);
            done.store(true, Ordering::Relaxed);
            difference
        });
        if let Some(difference) = difference {
            println!("{difference}\n");
            failures += 1;
            assert!(failures < 4, "too many differences; the first are above");
            engines = make();
        }
    }
    assert_eq!(failures, 0);
    let counts = &engines.1.counts;
    assert!(counts.turns > cases && counts.works > cases, "too little was compiled: {counts:?}");
    assert!(engines.1.interp.counts.interrupts > cases / 4, "hardly an interrupt");
}

fn small() -> Options {
    Options { code_size: 4 << 20, ..Options::default() }
}

#[test]
fn engines_agree() {
    compare("neoverse-n1", &small(), false);
}

#[test]
fn engines_agree_when_attention_is_wanted_at_any_time() {
    compare("neoverse-n1", &Options { attend_every: 3, ..small() }, true);
}

#[test]
fn engines_agree_when_every_access_is_out_of_line() {
    compare("neoverse-n1", &Options { miss_every: 1, ..small() }, false);
}

#[test]
fn engines_agree_on_the_max_model() {
    compare("max", &small(), false);
}
