//! Random tables, registers and accesses: the MMU against the reference.

use crate::harness::{A, M, Machine, Outcome, RAM, RAM_SIZE, WXN, outcome};
use crate::reference::{Asker, Features, Found, Kind, Registers, Tables, branch_address, translate};
use a64::SysReg;
use cpu::Vcpu;
use hw::{Access, PhysAddr};
use mem::Ram;
use proptest::prelude::*;
use std::collections::VecDeque;

/// Data goes to the first 4 MiB of RAM, tables to 64 KiB places in the second half.
const DATA_SIZE: u64 = 4 << 20;
const TABLES: u64 = RAM + (8 << 20);

/// What is not yet decided about a descriptor until the walk asks for it.
#[derive(Clone, Copy, Debug)]
struct Seed {
    bits: u64,
    kind: u8,
    place: u8,
    data: u32,
}

#[derive(Clone, Debug)]
struct Case {
    is_n1: bool,
    sctlr: u64,
    tcr: u64,
    mair: u64,
    base_bits: u64,
    va: u64,
    path: Vec<Seed>,
    asks: Vec<Ask>,
}

#[derive(Clone, Copy, Debug)]
struct Ask {
    el: u8,
    pan: bool,
    uao: bool,
    op: u8,
    skew: u64,
}

/// RAM; a descriptor that is read for the first time is made up from the next seed.
struct Growing<'a> {
    ram: &'a Ram,
    seeds: VecDeque<Seed>,
    made: Vec<u64>,
}

impl Tables for Growing<'_> {
    fn read(&mut self, pa: u64) -> Option<u64> {
        let mut now = [0; 8];
        self.ram.read_bytes(PhysAddr(pa), &mut now)?;
        if !self.made.contains(&pa) {
            self.made.push(pa);
            if let Some(seed) = self.seeds.pop_front() {
                now = descriptor(seed, self.made.len() as u64).to_le_bytes();
                self.ram.write_bytes(PhysAddr(pa), &now)?;
            }
        }
        Some(u64::from_le_bytes(now))
    }

    fn write(&mut self, pa: u64, descriptor: u64) {
        self.ram.write_bytes(PhysAddr(pa), &descriptor.to_le_bytes()).unwrap();
    }
}

/// Valid in most respects, and with any attributes.
fn descriptor(seed: Seed, depth: u64) -> u64 {
    const ATTRIBUTES: u64 = 0xffff_0000_0000_0ffc;
    let table = TABLES + 0x1_0000 * depth;
    let data = RAM + ((u64::from(seed.data) % DATA_SIZE) & !0xfff);
    let address = match seed.place {
        0 => 0x8000_0000,                        // not RAM
        1 => table | 1 << (32 + seed.data % 16), // perhaps too big
        // Table or data, as the low bits of one serve for the other.
        2..=5 => data,
        6..=9 => RAM,
        _ => table,
    };
    let valid = match seed.kind {
        0 => 0b00,
        1 => 0b10,
        2..=5 => 0b01,
        _ => 0b11,
    };
    let af = if !seed.kind.is_multiple_of(8) { 1 << 10 } else { 0 };
    seed.bits & ATTRIBUTES & !(1 << 10) | af | address | valid
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let seed = ([any::<u64>(), any::<u64>(), any::<u64>()], 0..4u8, 0..32u8, 0..32u8, any::<u32>());
    let seed = seed.prop_map(|([a, b, c], dense, kind, place, data)| {
        // Table and permission bits are mostly clear, so that most walks come to an end.
        let bits = match dense {
            0 => a,
            1 => a & b,
            _ => a & b & c & 0x07ff_ffff_ffff_ffff,
        };
        Seed { bits, kind, place, data }
    });
    proptest::collection::vec(seed, 4)
}

prop_compose! {
    fn tcr()(
        sizes in [prop_oneof![9 => Just(16u64), 9 => 17..40u64, 1 => 0..64u64],
                  prop_oneof![9 => Just(16u64), 9 => 17..40u64, 1 => 0..64u64]],
        granules in [0..4u64, 0..4u64],
        ips in 0..8u64,
        epd in 0..64u64,
        rest in any::<u64>(),
    ) -> u64 {
        let epd = match epd { 0 => 1 << 7, 1 => 1 << 23, _ => 0 };
        // AS, TBI0, TBI1, HA, HD, HPD0, HPD1
        let rest = rest & (0x7f << 36);
        sizes[0] | sizes[1] << 16 | granules[0] << 14 | granules[1] << 30 | ips << 32 | epd | rest
    }
}

prop_compose! {
    fn address(tcr: u64)(low in any::<u64>(), cut in 0..4u32, upper: bool, wild in 0..24u32, flip in 20..56u32, tag: u8) -> u64 {
        let size = (if upper { tcr >> 16 } else { tcr } & 0x3f).clamp(16, 39);
        let inside = low & (u64::MAX >> size);
        // Mostly low in its block, so that large blocks reach RAM too.
        let inside = if cut > 0 { inside & !0x3fc0_0000 } else { inside };
        let va = if upper { inside | !(u64::MAX >> size) } else { inside };
        match wild {
            0 => va ^ 1 << flip,
            1..=6 => va & !(0xff << 56) | u64::from(tag) << 56,
            _ => va,
        }
    }
}

fn ask() -> impl Strategy<Value = Ask> {
    (0..2u8, any::<bool>(), any::<bool>(), 0..11u8, prop_oneof![3 => Just(0u64), 1 => 1..8u64])
        .prop_map(|(el, pan, uao, op, skew)| Ask { el, pan, uao, op, skew })
}

fn case() -> impl Strategy<Value = Case> {
    let on = prop_oneof![15 => Just(M), 1 => Just(0)];
    let control = prop_oneof![3 => Just(0), 1 => Just(WXN), 1 => Just(A)];
    let mair = prop_oneof![Just(0x44_ff_04_00_ff_ff_bb_44u64), any::<u64>()];
    let base = prop_oneof![12 => Just(0u64), 1 => (0..48u32).prop_map(|n| 1 << n)];
    let asks = proptest::collection::vec(ask(), 1..8);
    (any::<bool>(), on, control, tcr(), mair, base, seeds(), asks).prop_flat_map(
        |(is_n1, on, control, tcr, mair, base_bits, path, asks)| {
            address(tcr).prop_map(move |va| {
                let (path, asks) = (path.clone(), asks.clone());
                Case { is_n1, sctlr: on | control, tcr, mair, base_bits, va, path, asks }
            })
        },
    )
}

fn registers(case: &Case) -> Registers {
    let features = match case.is_n1 {
        true => Features { pa_bits: 48, has_16k: true, has_af: true, has_dbm: true, has_hpd: true },
        false => Features { pa_bits: 44, has_16k: false, has_af: false, has_dbm: false, has_hpd: false },
    };
    Registers {
        mmu_on: case.sctlr & M != 0,
        wxn: case.sctlr & WXN != 0,
        tcr: case.tcr,
        ttbr: [TABLES ^ case.base_bits; 2],
        mair: case.mair,
        features,
    }
}

const WRITTEN: u64 = 0x0123_4567_89ab_cdef;

/// One access on the PE: the value or address, or syndrome and FAR.
fn perform(cpu: &mut Vcpu, ask: Ask, va: u64) -> Outcome {
    let (plain, unprivileged) = (Access::plain(3), Access::unprivileged(3));
    let result = match ask.op {
        0 | 1 => cpu.load(va, plain),
        2 | 3 => cpu.store(va, plain, WRITTEN).map(|()| WRITTEN),
        4 => cpu.load(va, unprivileged),
        5 => cpu.store(va, unprivileged, WRITTEN).map(|()| WRITTEN),
        6 | 7 => cpu.fetch(va).map(|pa| pa.0),
        _ => {
            cpu.address_translate(at(ask), va);
            Ok(cpu.sys.par)
        }
    };
    outcome(cpu, result)
}

/// Which AT stands for operations 8 and up.
fn at(ask: Ask) -> SysReg {
    let write = u32::from(ask.uao);
    match ask.op {
        8 => SysReg::new(1, 0, 7, 8, write),
        9 => SysReg::new(1, 0, 7, 8, 2 | write),
        _ => SysReg::new(1, 0, 7, 9, write),
    }
}

/// What a branch to `va` leaves in the PC.
fn untagged(case: &Case, va: u64) -> u64 {
    let tbi = if va >> 55 & 1 != 0 { 38 } else { 37 };
    if case.tcr >> tbi & 1 != 0 { ((va << 8) as i64 >> 8) as u64 } else { va }
}

/// The same by the reference.
fn expect(case: &Case, ask: Ask, va: u64, memory: &mut Growing) -> Outcome {
    let kind = match ask.op {
        2 | 3 | 5 => Kind::Write,
        6 | 7 => Kind::Fetch,
        8.. if ask.uao => Kind::Write,
        _ => Kind::Read,
    };
    let va = if kind == Kind::Fetch { branch_address(&registers(case), va) } else { va };
    let privileged = match ask.op {
        4 | 5 => ask.el == 1 && ask.uao,
        8 | 10 => true,
        9 => false,
        _ => ask.el == 1,
    };
    let (is_data, only_asking) = (ask.op < 6, ask.op >= 8);
    let unaligned = is_data && !va.is_multiple_of(8);
    let pan = ask.pan && ask.op != 8;
    let iss = |status: u64, kind| status as u32 | if kind == Kind::Write { 1 << 6 } else { 0 };
    if unaligned && case.sctlr & A != 0 {
        return Outcome::Fault { iss: iss(0b100001, kind), far: va };
    }
    let found = translate(&registers(case), Asker { privileged, pan, kind, unaligned, only_asking }, va, memory);
    match found {
        Ok(Found { pa, attr, sh }) if only_asking => {
            let sh = if attr >> 4 == 0 || attr == 0x44 { 2 } else { sh };
            Outcome::Value(attr << 56 | pa & !0xfff | 1 << 11 | 1 << 9 | sh << 7)
        }
        Err(status) if only_asking => Outcome::Value(1 << 11 | status << 1 | 1),
        _ if kind == Kind::Fetch && untagged(case, va) != va => expect(case, ask, untagged(case, va), memory),
        Ok(Found { pa, .. }) if !(RAM..RAM + RAM_SIZE).contains(&pa) => {
            Outcome::Fault { iss: iss(0b010000, kind), far: va }
        }
        Ok(Found { pa, .. }) if kind == Kind::Fetch => Outcome::Value(pa),
        Ok(_) if kind == Kind::Write => Outcome::Value(WRITTEN),
        Ok(Found { pa, .. }) => {
            let mut value = [0; 8];
            memory.ram.read_bytes(PhysAddr(pa), &mut value).unwrap();
            Outcome::Value(u64::from_le_bytes(value))
        }
        Err(status) => Outcome::Fault { iss: iss(status, kind), far: va },
    }
}

thread_local! {
    static MACHINE: Machine = {
        let machine = Machine::new(1);
        (0..DATA_SIZE / 8).for_each(|i| machine.poke(RAM + 8 * i, i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        machine
    };
}

/// The order of events is the point: each access sees the TLB as the ones before left it.
fn run(machine: &Machine, case: &Case) -> Result<(), TestCaseError> {
    let mut cpu = machine.model(0, if case.is_n1 { "neoverse-n1" } else { "cortex-a57" });
    let registers = registers(case);
    cpu.sys.sctlr[1] = case.sctlr;
    cpu.sys.tcr[1] = case.tcr;
    cpu.sys.mair[1] = case.mair;
    (cpu.sys.ttbr0[1], cpu.sys.ttbr1[1]) = (registers.ttbr[0], registers.ttbr[1]);
    let ram = machine.shared.bus.ram();
    let mut memory = Growing { ram, seeds: case.path.iter().copied().collect(), made: Vec::new() };
    for (i, ask) in case.asks.iter().enumerate() {
        let ask = Ask { pan: ask.pan && case.is_n1, uao: ask.uao && (case.is_n1 || ask.op > 5), ..*ask };
        cpu.regs.pstate.el = ask.el;
        (cpu.regs.pstate.pan, cpu.regs.pstate.uao) = (ask.pan, ask.uao);
        cpu.context_changed();
        // Fetches are aligned, and no access crosses a page here.
        let va = case.va & !7;
        let va = if va % 4096 == 4088 || ask.op > 5 { va } else { va + ask.skew };
        // A store to the tables themselves would need maintenance, which is not what is compared here.
        let is_store = matches!(ask.op, 2 | 3 | 5);
        if is_store
            && let Some(page) = physical(&mut memory, case, ask, va)
            && (page >= RAM + DATA_SIZE || memory.made.iter().any(|at| at & !0xfff == page))
        {
            continue;
        }
        // The reference changes tables after it has read them; the PE must do the same to what it reads.
        let before = snapshot(&mut memory, case, ask, va);
        let seen = perform(&mut cpu, ask, va);
        let after: Vec<u64> = memory.made.iter().map(|pa| machine.peek(*pa)).collect();
        prop_assert_eq!(seen, before.outcome, "access {}: {:?} at {:#x}", i, ask, va);
        prop_assert_eq!(after, before.tables, "tables after access {}: {:?}", i, ask);
    }
    memory.made.iter().for_each(|pa| machine.poke(*pa, 0));
    Ok(())
}

/// The 4 KiB page where an access would go if it were permitted; makes the descriptors that do not exist yet.
fn physical(memory: &mut Growing, case: &Case, ask: Ask, va: u64) -> Option<u64> {
    // AT S1E1R: what anyone may do, privileged software may at least read.
    match expect(case, Ask { op: 8, uao: false, ..ask }, va, memory) {
        Outcome::Value(par) if par & 1 == 0 => Some(par & 0xffff_ffff_f000),
        _ => None,
    }
}

struct Expected {
    outcome: Outcome,
    tables: Vec<u64>,
}

/// Asks the reference, notes what it made of the tables, and puts them back.
fn snapshot(memory: &mut Growing, case: &Case, ask: Ask, va: u64) -> Expected {
    physical(memory, case, ask, va);
    let words = |m: &Growing| -> Vec<u64> {
        let word = |pa: &u64| {
            let mut bytes = [0; 8];
            m.ram.read_bytes(PhysAddr(*pa), &mut bytes).unwrap();
            u64::from_le_bytes(bytes)
        };
        m.made.iter().map(word).collect()
    };
    let original = words(memory);
    let outcome = expect(case, ask, va, memory);
    let tables = words(memory);
    for (pa, word) in memory.made.clone().into_iter().zip(original) {
        memory.write(pa, word);
    }
    Expected { outcome, tables }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_access_ends_as_the_reference_says(case in case()) {
        MACHINE.with(|machine| run(machine, &case))?;
    }
}
