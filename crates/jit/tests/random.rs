//! Random programs on the compiler and on the interpreter: registers, system registers and memory afterwards are
//! the same, exceptions on the way included.
//!
//! `ARMAGIC_CASES=N` runs N programs, `ARMAGIC_SEED=N` others.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use a64::{ROWS, RowInfo};
use armagic_jit::{Jit, JitCounts, Options};
use common::{HANDLER, RAM, TABLE, VECTORS, poke, restore, vcpu, vcpu_of};
use cpu::{Exit, Monitor, Vcpu};
use hw::{AccessSize, PhysAddr};
use interp::Interp;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use sync::{Attention, Reasons};

/// Programs begin anywhere in this page, and go on in the next.
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

    /// A value that corners like.
    fn value(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.below(64),
            3 => self.next() as i32 as u64,
            4 => self.below(256),
            _ => self.next(),
        }
    }
}

/// Rows whose words may be anything: what they do is the PE's, and finite.
fn is_usable(row: &RowInfo) -> bool {
    // Indirect branches go anywhere; HVC ends the program; the rest waits, or changes what the program runs on.
    #[rustfmt::skip]
    const NOT: &[&str] = &[
        "Br", "Blr", "Ret", "Bra", "Braz", "Blra", "Blraz", "Reta", "Hvc", "Eret", "Ereta", "HintOp", "Wfet", "Wfit", "Sys",
        "Msr", "Mrs", "MsrImm",
    ];
    !NOT.contains(&row.name)
}

/// Does it compute with SIMD&FP registers, or access memory with them?
fn is_vector(row: &RowInfo) -> bool {
    ["SIMD", "loating", "ryptographic"].iter().any(|word| row.class.contains(word))
}

/// Integer instructions, and those of SIMD&FP registers, come more often than their rows.
fn row(random: &mut Random) -> &'static RowInfo {
    const INTEGER: u64 = 150;
    let kind = random.below(8);
    loop {
        let row = &ROWS[random.below(if kind < 3 { INTEGER } else { ROWS.len() as u64 }) as usize];
        if is_usable(row) && (!(3..6).contains(&kind) || is_vector(row)) {
            return row;
        }
    }
}

impl Random {
    /// Singles or doubles: zeros, subnormals, small and large ones, infinities, NaNs.
    fn floats(&mut self) -> u128 {
        let (bits, fraction, bias) = if self.below(2) == 0 { (32, 23, 0x7f) } else { (64, 52, 0x3ff) };
        (0..128 / bits).fold(0, |v, i| {
            let exponent = match self.below(8) {
                0 => self.below(3),
                1 => 2 * bias + 1 - self.below(3),
                2 => bias / 2 + self.below(3),
                3 => bias + 30 + self.below(36),
                _ => bias - 2 + self.below(4),
            };
            let rest = match self.below(4) {
                0 => self.below(2),
                1 => (1 << fraction) - 1,
                _ => self.next() & ((1 << fraction) - 1),
            };
            let number = self.below(2) << (bits - 1) | exponent << fraction | rest;
            v | u128::from(number) << (i * bits)
        })
    }
}

fn word(random: &mut Random, index: u64, length: u64) -> u32 {
    loop {
        let row = row(random);
        let mut word = random.next() as u32 & !row.mask & !row.should_be | row.value | row.should_be;
        for field in row.fields {
            let mut set = |v: u64| {
                let ones = ((1u64 << field.width) - 1) as u32;
                word = word & !(ones << field.lsb) | (v as u32 & ones) << field.lsb;
            };
            match field.name {
                // Registers that hold addresses are bases; few registers make dependences.
                "rn" if ["Load", "load", "Compare and swap"].iter().any(|word| row.class.contains(word)) => {
                    set([0, 1, 2, 31][random.below(4) as usize])
                }
                "rd" | "rt" | "rt2" | "rs" | "rm" | "rn" | "ra" if random.below(8) > 0 => set(random.below(14)),
                // Direct branches go forward, to the end at most.
                "imm26" | "imm19" | "imm14" if !row.name.contains("Lit") => set(1 + random.below(length - index)),
                "imm19" => set(random.below(64)),
                _ => {}
            }
        }
        let spoils = |field: &a64::Field| {
            matches!(field.name, "rd" | "rt" | "rt2" | "rs" | "rn") && (word >> field.lsb & 31) & !1 == COUNTER & !1
        };
        if row.matches(word) && a64::lookup(word) == Some(row.row) && !row.fields.iter().any(spoils) {
            return word;
        }
    }
}

/// Counts a loop down: nothing else writes it.
const COUNTER: u32 = 25;

fn program(random: &mut Random) -> Vec<u32> {
    let length = 4 + random.below(60);
    let mut words: Vec<u32> = (0..length).map(|i| word(random, i, length)).collect();
    for i in 0..length {
        // Many short ways ahead, that join.
        let ahead = (1 + random.below((length - i).min(8))) as u32;
        let (register, condition) = (random.below(14) as u32, random.below(14) as u32);
        match random.below(12) {
            0 => words[i as usize] = 0x1400_0000 | ahead,                  // b
            1 => words[i as usize] = 0x5400_0000 | ahead << 5 | condition, // b.cond
            2 => words[i as usize] = 0xb400_0000 | ahead << 5 | register,  // cbz
            3 => words[i as usize] = 0x3700_0000 | condition << 19 | ahead << 5 | register, // tbnz
            4 if random.below(2) == 0 => {
                // mrs, msr: fpcr, fpsr
                let which = [0xd53b_4400, 0xd53b_4420, 0xd51b_4400, 0xd51b_4420][random.below(4) as usize];
                words[i as usize] = which | register;
            }
            _ => {}
        }
    }
    if random.below(2) == 0 {
        // Every iteration begins by counting, so that no branch forward makes it endless.
        let head = random.below(length / 2) as usize + 1;
        let end = head + 2 + random.below(length / 2 - 1) as usize;
        words[0] = 0xd280_0000 | (1 + random.below(6) as u32) << 5 | COUNTER; // movz x25, #n
        words[head] = 0xd100_0400 | COUNTER << 5 | COUNTER; // sub x25, x25, #1
        let back = |from: usize| ((head as i32 - from as i32) as u32 & 0x7ffff) << 5;
        let cbnz = |from: usize| 0xb500_0000 | back(from) | COUNTER; // cbnz x25, head
        if end < words.len() && random.below(3) == 0 {
            words[head + 1] = 0xb400_0000 | (end as u32 - head as u32) << 5 | COUNTER; // cbz x25, end + 1
            words[end] = 0x1400_0000 | (head as i32 - end as i32) as u32 & 0x3ff_ffff; // b head
        } else if end < words.len() {
            words[end] = cbnz(end);
            // Another way back.
            let middle = head + 1 + random.below((end - head - 1).max(1) as u64) as usize;
            if random.below(3) == 0 && middle < end {
                words[middle] = cbnz(middle);
            }
        }
    }
    // Two, since the handler returns from an SVC to the instruction after the next.
    words.extend([0xd400_0002; 2]); // hvc #0
    words
}

fn set_up(random: &mut Random, cpu: &mut Vcpu, start: u64) {
    let state = random.0;
    let mut random = Random(state);
    for i in 0..31 {
        cpu.regs.x[i] = random.value();
    }
    for i in 0..3 {
        let skew = if random.below(3) == 0 { random.below(16) } else { 0 };
        // Sometimes near the end of a page, sometimes nowhere.
        cpu.regs.x[i] = match random.below(12) {
            0 => random.value(),
            1 => DATA + 0x1000 - random.below(24),
            _ => DATA + 0x400 + 16 * random.below(0x100) + skew,
        };
    }
    cpu.regs.sp = DATA + 0x800 + 16 * random.below(0x40) + if random.below(8) == 0 { 8 } else { 0 };
    cpu.regs.v = std::array::from_fn(|_| match random.below(3) {
        0 => u128::from(random.value()) << 64 | u128::from(random.value()),
        _ => random.floats(),
    });
    cpu.regs.nzcv = random.below(16) as u32;
    // RMode; DN, FZ, FZ16, AHP.
    let modes =
        (random.below(4) as u32) << 22 | [1 << 25, 1 << 24, 1 << 19, 1 << 26, 0, 0, 0, 0][random.below(8) as usize];
    cpu.regs.fpcr = if random.below(2) == 0 { 0 } else { modes };
    cpu.regs.fpsr = if random.below(2) == 0 { 0 } else { random.next() as u32 & 0x0800_009f };
    cpu.regs.pc = start;
    cpu.monitor = Monitor::default();
    for at in (DATA..DATA + DATA_SIZE).step_by(8) {
        cpu.shared.bus.write(PhysAddr(at), AccessSize::Double, random.value()).unwrap();
    }
}

/// Everything that a program may change, in the order of `name`.
fn outcome(cpu: &Vcpu) -> Vec<u128> {
    let regs = &cpu.regs;
    let mut all: Vec<u128> = vec![
        regs.sp.into(),
        regs.pc.into(),
        regs.nzcv.into(),
        regs.fpsr.into(),
        regs.fpcr.into(),
        regs.pstate.el.into(),
        cpu.sys.esr[1].into(),
        cpu.sys.far[1].into(),
        cpu.sys.spsr[1].into(),
        cpu.sys.elr[1].into(),
    ];
    all.extend(regs.x.iter().map(|x| u128::from(*x)));
    all.extend(regs.v);
    let memory = (DATA - 0x400..DATA + DATA_SIZE + 0x400).step_by(8);
    all.extend(memory.map(|at| u128::from(cpu.shared.bus.read(PhysAddr(at), AccessSize::Double).unwrap())));
    all
}

/// What stands at `index` of an outcome.
fn name(index: usize) -> String {
    const FIRST: [&str; 10] = ["sp", "pc", "nzcv", "fpsr", "fpcr", "el", "esr", "far", "spsr", "elr"];
    match index {
        0..10 => FIRST[index].to_owned(),
        10..41 => format!("x{}", index - 10),
        41..73 => format!("v{}", index - 41),
        _ => format!("[{:#x}]", DATA - 0x400 + 8 * (index as u64 - 73)),
    }
}

fn listing(words: &[u32], start: u64) -> String {
    let line = |(i, w): (usize, &u32)| format!("{:#x}: {w:08x} {:?}\n", start + 4 * i as u64, a64::lookup(*w));
    words.iter().enumerate().map(line).collect()
}

/// Stops a vCPU whose program does not end.
fn watch(attention: Arc<Attention>, cases: Weak<AtomicU64>) {
    let mut before = None;
    while let Some(now) = cases.upgrade().map(|c| c.load(Ordering::Relaxed)) {
        if before.replace(now) == Some(now) {
            attention.post(Reasons::CONTROL);
        }
        std::thread::sleep(Duration::from_secs(4));
    }
}

/// What came of one program.
#[derive(PartialEq, Debug)]
enum Verdict {
    Same,
    Differs(String),
    /// It wrote to instructions or tables without maintenance (SET and CPY find their way there), and what it does then
    /// is defined no more. The engines are to be made anew.
    Overwrote,
}

/// What a program may not write to.
fn ground(cpu: &Vcpu, start: u64, length: usize) -> Vec<u64> {
    let tables = (TABLE..TABLE + 0x1000).step_by(8).map(|at| (at, AccessSize::Double));
    let code = [(VECTORS + 0x200, HANDLER.len()), (start, length)].into_iter();
    let words = code.flat_map(|(at, length)| (0..length as u64).map(move |i| (at + 4 * i, AccessSize::Word)));
    tables.chain(words).map(|(at, size)| cpu.shared.bus.read(PhysAddr(at), size).unwrap()).collect()
}

/// Runs one program on both.
fn check(seed: u64, engines: &mut (Interp, Jit)) -> Verdict {
    let mut random = Random(seed);
    let words = program(&mut random);
    let start = CODE + 4 * random.below(1024);
    let (interp, jit) = engines;
    for cpu in [&mut interp.cpu, &mut jit.interp.cpu] {
        restore(cpu);
        cpu.shared.bus.code().invalidate(PhysAddr(VECTORS));
        poke(cpu, start, &words);
        cpu.shared.bus.code().invalidate(PhysAddr(start));
        cpu.shared.bus.code().invalidate(PhysAddr(start + 0x1000));
    }
    let ground_before = ground(&interp.cpu, start, words.len());
    for turn in 0..TURNS {
        for cpu in [&mut interp.cpu, &mut jit.interp.cpu] {
            set_up(&mut random, cpu, start);
        }
        random.next();
        let counts = (interp.counts.instructions, jit.interp.counts.instructions);
        let exit = interp.run();
        if ground(&interp.cpu, start, words.len()) != ground_before {
            return Verdict::Overwrote;
        }
        let exits = (exit, jit.run());
        if exits != (Exit::Firmware, Exit::Firmware) {
            let pc = (interp.cpu.regs.pc, jit.interp.cpu.regs.pc);
            let text = format!("seed {seed}, turn {turn}: {exits:?} at {pc:#x?}\n{}", listing(&words, start));
            return Verdict::Differs(text);
        }
        let executed = (interp.counts.instructions - counts.0, jit.interp.counts.instructions - counts.1);
        let (want, got) = (outcome(&interp.cpu), outcome(&jit.interp.cpu));
        let spared = ground(&jit.interp.cpu, start, words.len()) == ground_before;
        if want != got || !spared || executed.0 != executed.1 {
            let differences: Vec<String> = want
                .iter()
                .zip(&got)
                .enumerate()
                .filter(|(_, (a, b))| a != b)
                .take(8)
                .map(|(i, (a, b))| format!("{}: interp {a:#x}, jit {b:#x}", name(i)))
                .collect();
            return Verdict::Differs(format!(
                "seed {seed}, turn {turn}, executed {executed:?}, code as it was: {spared}\n{}\n{}",
                differences.join("\n"),
                listing(&words, start)
            ));
        }
    }
    Verdict::Same
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[track_caller]
fn compare(mmu: bool, options: &Options, cases: u64) -> JitCounts {
    compare_on(|| vcpu(mmu), options, cases)
}

#[track_caller]
fn compare_on(vcpu: impl Fn() -> Vcpu, options: &Options, cases: u64) -> JitCounts {
    let seed = number("ARMAGIC_SEED", 1);
    let make = || (Interp::new(vcpu()), Jit::with(vcpu(), options).unwrap());
    let mut engines = make();
    let (mut failures, mut overwrote, mut blocks) = (0, 0, 0);
    let progress = Arc::new(AtomicU64::new(0));
    for seed in seed << 32..(seed << 32) + cases {
        if progress.fetch_add(1, Ordering::Relaxed) == 0 {
            for attention in [&engines.0.cpu.attention, &engines.1.interp.cpu.attention] {
                let (attention, progress) = (attention.clone(), Arc::downgrade(&progress));
                std::thread::spawn(move || watch(attention, progress));
            }
        }
        match check(seed, &mut engines) {
            Verdict::Same => continue,
            Verdict::Overwrote => overwrote += 1,
            Verdict::Differs(difference) => {
                println!("{options:?}\n{difference}\n");
                failures += 1;
                assert!(failures < 4, "too many differences; the first are above");
            }
        }
        blocks += engines.1.counts.blocks;
        engines = make();
        progress.store(0, Ordering::Relaxed);
    }
    assert_eq!(failures, 0);
    assert!(overwrote <= 1 + cases / 50, "{overwrote} programs of {cases} wrote over themselves");
    let mut counts = engines.1.counts;
    counts.blocks += blocks;
    assert!(counts.blocks > cases, "too little was compiled");
    counts
}

fn cases() -> u64 {
    number("ARMAGIC_CASES", 400)
}

fn code(code_size: usize) -> Options {
    Options { code_size, ..Options::default() }
}

#[test]
fn engines_agree_with_the_mmu_off_and_without_avx512() {
    compare(false, &Options { avx512: false, ..code(4 << 20) }, cases());
}

#[test]
fn engines_agree_with_the_mmu_on() {
    compare(true, &code(4 << 20), cases());
}

/// SCTLR_EL1.C, without which FEAT_LSE2 allows nothing, and nAA.
#[test]
fn engines_agree_on_the_model_with_everything() {
    for control in [0, 1 << 2, 1 << 2 | 1 << 6] {
        let vcpu = || {
            let mut cpu = vcpu_of("max", true);
            cpu.sys.sctlr[1] |= control;
            cpu.refresh();
            cpu
        };
        compare_on(vcpu, &code(4 << 20), cases() / 2);
    }
}

#[test]
fn engines_agree_when_the_code_buffer_is_small() {
    compare(true, &code(128 << 10), cases());
}

#[test]
fn engines_agree_when_every_access_is_out_of_line() {
    let few = compare(true, &code(4 << 20), cases() / 4);
    let many = compare(true, &Options { miss_every: 1, ..code(4 << 20) }, cases() / 4);
    assert!(many.slow > few.slow * 3 / 2, "{} of {}", few.slow, many.slow);
}

#[test]
fn engines_agree_when_code_counts() {
    compare(true, &Options { count: true, ..code(4 << 20) }, cases());
}

#[test]
fn engines_agree_whatever_the_limits() {
    let mut random = Random(number("ARMAGIC_SEED", 1));
    for _ in 0..12 {
        let most = 2 << random.below(5);
        let options = Options {
            hot: 1 + random.below(TURNS - 2) as u8,
            longest: 1 + random.below(most) as usize,
            code_size: 4096 * (32 + random.below(32)) as usize,
            miss_every: random.below(6) as u32,
            attend_every: random.below(4) as u32,
            avx512: random.below(2) == 0 && Options::default().avx512,
            count: random.below(2) == 0,
            ..Options::default()
        };
        assert_eq!(options.check(), Ok(()));
        compare(random.below(4) > 0, &options, cases() / 12);
    }
}

/// An event means nothing to these programs, but it ends loops and chains of blocks wherever it finds them.
#[test]
fn engines_agree_when_attention_is_wanted_at_any_time() {
    let options = Options { hot: 1, ..code(4 << 20) };
    let mut engines = (Interp::new(vcpu(true)), Jit::with(vcpu(true), &options).unwrap());
    let attention = engines.1.interp.cpu.attention.clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                attention.post(Reasons::EVENT);
                std::thread::yield_now();
            }
        });
        let seed = number("ARMAGIC_SEED", 1) << 32;
        let mut verdicts = (seed..seed + cases() / 4).map(|seed| check(seed, &mut engines));
        let difference = verdicts.find(|verdict| matches!(verdict, Verdict::Differs(_)));
        done.store(true, Ordering::Relaxed);
        assert_eq!(difference, None);
    });
}
