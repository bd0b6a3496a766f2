//! Several vCPUs on one `CodeSpace`, each on a thread of its own: what they compute is what the interpreter computes,
//! while each rewrites some of its code and the arena is too small for all of it.
//!
//! `ARMAGIC_CASES=N` makes N rounds, `ARMAGIC_SEED=N` other programs.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod board;

use armagic_jit::{CodeSpace, Jit, JitCounts, Options};
use board::{RAM, board, poke, vcpu};
use cpu::{Exit, Model, Shared, Vcpu};
use hw::{AccessSize, PhysAddr};
use interp::Interp;
use std::sync::Arc;

/// Functions that nobody rewrites.
const LIBRARY: u64 = RAM + 0x10_0000;
const PAGES: u64 = 12;
/// vCPU n's own functions, its data, its main program: n + 1 times this behind the library.
const OWN: u64 = 0x2_0000;
const DATA: u64 = 0x1_0000;
const MAIN: u64 = 0x1_1000;
/// Bytes between functions.
const FUNCTION: u64 = 128;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % n
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// SCTLR_EL1 of vCPU `number`: even ones have the MMU on.
fn sctlr(number: usize) -> u64 {
    1 << 12 | u64::from(number.is_multiple_of(2))
}

/// One instruction on X0 to X7, or on the data that X20 points at.
fn operation(random: &mut Random) -> u32 {
    let [d, n, m] = [0; 3].map(|_| random.below(8) as u32);
    let small = random.below(64) as u32;
    match random.below(7) {
        0 => 0x8b00_0000 | m << 16 | n << 5 | d,               // add
        1 => 0xca00_0000 | m << 16 | n << 5 | d,               // eor
        2 => 0x9100_0000 | small << 10 | n << 5 | d,           // add, immediate
        3 => 0x93c0_0000 | m << 16 | small << 10 | n << 5 | d, // extr
        4 => 0x9b00_0000 | m << 16 | n << 10 | n << 5 | d,     // madd
        5 => 0xf900_0000 | small << 10 | 20 << 5 | d,          // str
        _ => 0xf940_0000 | small << 10 | 20 << 5 | d,          // ldr
    }
}

/// A function: operations, perhaps in a loop.
fn function(random: &mut Random) -> Vec<u32> {
    let body: Vec<u32> = (0..2 + random.below(16)).map(|_| operation(random)).collect();
    let mut words = vec![];
    if random.below(3) == 0 {
        words.push(0xd280_0000 | (1 + random.below(5) as u32) << 5 | 9); // movz x9
        words.extend(&body);
        words.push(0xd100_0529); // sub x9, x9, #1
        let back = (body.len() as u32 + 1).wrapping_neg() & 0x7ffff;
        words.push(0xb500_0009 | back << 5); // cbnz x9
    }
    words.extend(body);
    words.push(0xd65f_03c0); // ret
    assert!(words.len() * 4 <= 2 * FUNCTION as usize);
    words.truncate(FUNCTION as usize / 4 - 1);
    words.push(0xd65f_03c0);
    words
}

/// Calls of functions at `targets`, from `at` on.
fn main_program(random: &mut Random, at: u64, targets: &[u64]) -> Vec<u32> {
    let mut words: Vec<u32> = vec![];
    for _ in 0..150 {
        let target = targets[random.below(targets.len() as u64) as usize];
        let distance = |words: &[u32]| target.wrapping_sub(at + 4 * words.len() as u64) as u32;
        if random.below(2) == 0 {
            let d = distance(&words);
            words.push(0x1000_000a | (d & 3) << 29 | (d >> 2 & 0x7ffff) << 5); // adr x10
            words.push(0xd63f_0140); // blr x10
        } else {
            words.push(0x9400_0000 | distance(&words) >> 2 & 0x3ff_ffff); // bl
        }
        // Conditional branches on what is computed, over one operation.
        words.push(0x3600_0040 | random.below(8) as u32); // tbz
        words.push(operation(random));
    }
    words.push(0xd400_0002); // hvc
    words
}

fn functions(page: u64) -> impl Iterator<Item = u64> {
    (0..4096 / FUNCTION).map(move |n| page + n * FUNCTION)
}

/// Writes functions all over a page of all `boards`.
fn fill(random: &mut Random, boards: &[&Shared], page: u64) {
    for at in functions(page) {
        let words = function(random);
        boards.iter().for_each(|shared| poke(shared, at, &words));
    }
    // As a guest does, line by line.
    let lines = || (0..4096 / 64).map(|line| PhysAddr(page + 64 * line));
    boards.iter().for_each(|shared| lines().for_each(|at| shared.bus.code().invalidate(at)));
}

fn start(cpu: &mut Vcpu, own: u64, seed: u64) {
    cpu.regs.x = std::array::from_fn(|n| seed.wrapping_mul(n as u64 + 3));
    cpu.regs.x[20] = own + DATA;
    cpu.regs.pc = own + MAIN;
}

fn outcome(cpu: &Vcpu, own: u64) -> Vec<u64> {
    let data = (0..64).map(|n| cpu.shared.bus.read(PhysAddr(own + DATA + 8 * n), AccessSize::Double).unwrap());
    cpu.regs.x.iter().copied().chain([cpu.regs.pc]).chain(data).collect()
}

/// One vCPU's life: `rounds` times it rewrites one of its pages and its main program, and runs that.
fn live(shared: &Arc<Shared>, space: &Arc<CodeSpace>, options: &Options, number: usize, rounds: u64) -> JitCounts {
    let mut jit = Jit::sharing(vcpu(shared, number, sctlr(number)), space.clone(), options);
    let reference = board(1);
    fill_library(&[&reference]);
    let mut interp = Interp::new(vcpu(&reference, 0, sctlr(number)));
    let own = LIBRARY + OWN * (number as u64 + 1);
    let mut random = Random(number as u64 + 1000 * self::number("ARMAGIC_SEED", 1));
    let boards = [&**shared, &*reference];
    let own_pages: Vec<u64> = (0..4).map(|n| own + 4096 * n).collect();
    own_pages.iter().for_each(|page| fill(&mut random, &boards, *page));
    let library = (0..PAGES).map(|n| LIBRARY + 4096 * n);
    let targets: Vec<u64> = library.chain(own_pages.iter().copied()).flat_map(functions).collect();
    for round in 0..rounds {
        let page = own_pages[random.below(4) as usize];
        fill(&mut random, &boards, page);
        let words = main_program(&mut random, own + MAIN, &targets);
        for shared in boards {
            poke(shared, own + MAIN, &words);
            (0..4).for_each(|n| shared.bus.code().invalidate(PhysAddr(own + MAIN + 4096 * n)));
        }
        for turn in 0..4 {
            for cpu in [&mut interp.cpu, &mut jit.interp.cpu] {
                start(cpu, own, round * 4 + turn);
            }
            assert_eq!(interp.run(), Exit::Firmware);
            while jit.run() != Exit::Firmware {}
            assert_eq!(outcome(&jit.interp.cpu, own), outcome(&interp.cpu, own), "vCPU {number}, round {round}");
        }
    }
    jit.counts
}

fn fill_library(boards: &[&Shared]) {
    let mut random = Random(77);
    (0..PAGES).for_each(|n| fill(&mut random, boards, LIBRARY + 4096 * n));
}

/// `vcpus` lives at once; what all counted.
fn check(vcpus: usize, options: &Options, rounds: u64) -> JitCounts {
    let shared = board(vcpus);
    fill_library(&[&shared]);
    let model = Model::by_name("neoverse-n1").unwrap();
    let space = Arc::new(CodeSpace::new(options, model, vcpus).unwrap());
    let counts = std::thread::scope(|scope| {
        let (shared, space) = (&shared, &space);
        let live = move |number| live(shared, space, options, number, rounds);
        let threads: Vec<_> = (0..vcpus).map(|number| scope.spawn(move || live(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let sum = |field: fn(&JitCounts) -> u64| counts.iter().map(field).sum();
    JitCounts {
        blocks: sum(|c| c.blocks),
        stale: sum(|c| c.stale),
        evictions: sum(|c| c.evictions),
        links: sum(|c| c.links),
        ..JitCounts::default()
    }
}

fn options(code_size: usize) -> Options {
    Options { hot: 1, code_size, ..Options::default() }
}

fn rounds() -> u64 {
    number("ARMAGIC_CASES", 40)
}

#[test]
fn vcpus_agree_with_the_interpreter_while_they_rewrite_code() {
    // Short blocks: what a long one has inside is a link between them.
    let counts = check(4, &Options { longest: 6, ..options(64 << 20) }, rounds());
    assert!(counts.stale > 0 && counts.links > 0 && counts.evictions == 0, "{counts:?}");
}

/// Checks in a small arena until code was both given up and found stale. What is given up in one run is the host's
/// scheduling, as a segment waits for all vCPUs.
fn check_until_reused(code_size: usize) {
    let mut runs = (0..10).map(|_| check(4, &options(code_size), rounds()));
    let reused = runs.any(|counts| counts.evictions > 0 && counts.stale > 0);
    assert!(reused, "{code_size}: in no run was code given up, and other code stale");
}

#[test]
fn vcpus_agree_in_an_arena_of_one_segment() {
    check_until_reused(128 << 10);
}

#[test]
fn vcpus_agree_in_an_arena_of_few_segments() {
    [384 << 10, 512 << 10, 1 << 20].into_iter().for_each(check_until_reused);
}

/// What vCPUs compile that run one program from one state.
fn blocks(vcpus: usize) -> u64 {
    let (shared, options, at) = (board(vcpus), options(64 << 20), LIBRARY + MAIN);
    fill_library(&[&shared]);
    let targets: Vec<u64> = (0..PAGES).flat_map(|n| functions(LIBRARY + 4096 * n)).collect();
    poke(&shared, at, &main_program(&mut Random(3), at, &targets));
    let model = Model::by_name("neoverse-n1").unwrap();
    let space = Arc::new(CodeSpace::new(&options, model, vcpus).unwrap());
    let run = &|number: usize| {
        let mut jit = Jit::sharing(vcpu(&shared, number, sctlr(0)), space.clone(), &options);
        for _ in 0..20 {
            // Data of its own, so that all do the same.
            let own = LIBRARY + OWN * (number as u64 + 1);
            (0..64).for_each(|n| shared.bus.write(PhysAddr(own + DATA + 8 * n), AccessSize::Double, n).unwrap());
            start(&mut jit.interp.cpu, own, 5);
            jit.interp.cpu.regs.x[20] = own + DATA;
            jit.interp.cpu.regs.pc = at;
            while jit.run() != Exit::Firmware {}
        }
        jit.counts.blocks
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..vcpus).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn code_is_compiled_once_for_all() {
    let one = blocks(1);
    assert!(one > 200, "{one}");
    // A few begin where a vCPU came to that interpreted while another compiled.
    let four = blocks(4);
    println!("{one} blocks, {four} of four vCPUs");
    assert!(four < 2 * one, "{one} blocks, {four} of four vCPUs");
}
