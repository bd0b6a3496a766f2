//! Instructions that change while vCPUs execute them, as the architecture has it done: guest programs that write
//! code, invalidate, and tell another vCPU, which synchronises its context and executes.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod board;

use armagic_jit::{CodeSpace, Jit, Options};
use board::{ALIAS, RAM, board, poke, vcpu};
use cpu::{Exit, Model, Shared};
use hw::{AccessSize, PhysAddr};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// Times that the code changes.
const TIMES: u64 = 500;

const WRITER: u64 = RAM + 0x1_0000;
const READER: u64 = RAM + 0x2_0000;
/// What changes: MOVZ W0, #n, at the end of this page or at the start of the next.
const CODE: u64 = RAM + 0x3_0000;
/// How often it has changed, and how often that was seen.
const FLAG: u64 = RAM + 0x4_0000;
const SEEN: u64 = RAM + 0x5_0000;

const MOVZ: u32 = 0x5280_0000;
const NOP: u32 = 0xd503_201f;
const RET: u32 = 0xd65f_03c0;
const HVC: u32 = 0xd400_0002;
const ISB: u32 = 0xd503_3fdf;
const DSB: u32 = 0xd503_3b9f;
/// Of X9, where the changing word is written.
const DC_CVAU: u32 = 0xd50b_7b29;
const IC_IVAU: u32 = 0xd50b_7529;

/// add x1, x1, #1
const NEXT: u32 = 0x9100_0421;
/// blr x10
const CALL: u32 = 0xd63f_0140;

/// Waits until the word at Xn is W1.
fn wait(n: u32) -> [u32; 3] {
    // ldar w4, [xn] ; cmp w4, w1 ; b.ne
    [0x88df_fc04 | n << 5, 0x6b01_009f, 0x5400_0001 | (2u32.wrapping_neg() & 0x7ffff) << 5]
}

/// Stores W1 to the word at Xn, with release.
fn tell(n: u32) -> u32 {
    0x889f_fc01 | n << 5
}

/// Does `body` until X1 is X2.
fn repeat(body: &[u32]) -> Vec<u32> {
    let mut words = vec![NEXT];
    words.extend(body);
    words.push(0xeb02_003f); // cmp x1, x2
    words.push(0x5400_0001 | ((words.len() as u32).wrapping_neg() & 0x7ffff) << 5); // b.ne
    words.push(HVC);
    words
}

/// Writes MOVZ W0, #W1 to the word at X9, and does `maintenance`.
fn change(maintenance: &[u32]) -> Vec<u32> {
    // orr w3, w13, w1, lsl #5 ; str w3, [x9]
    [&[0x2a01_15a3, 0xb900_0123], maintenance].concat()
}

/// Calls the code, and counts in X5 when that does not give W1.
const CHECK: [u32; 3] = [CALL, 0x6b01_001f, 0x9a85_04a5];

struct Case {
    /// SCTLR_EL1.
    sctlr: u64,
    /// Where the changing word is, from `CODE`, and how far before it the function begins.
    at: u64,
    before: u64,
    /// What is added to addresses to execute.
    alias: u64,
    maintenance: &'static [u32],
    options: Options,
}

const INSTRUCTION_CACHE: u64 = 1 << 12;
const MMU: u64 = 1;

fn case() -> Case {
    Case {
        sctlr: INSTRUCTION_CACHE | MMU,
        at: 0,
        before: 0,
        alias: 0,
        maintenance: &[DC_CVAU, DSB, IC_IVAU, DSB],
        options: Options { hot: 1, ..Options::default() },
    }
}

/// Runs `program` on vCPU `index`; errors counted, and blocks taken out.
fn run(case: &Case, shared: &Arc<Shared>, space: &Arc<CodeSpace>, index: usize, program: u64) -> (u64, u64) {
    let mut jit = Jit::sharing(vcpu(shared, index, case.sctlr), space.clone(), &case.options);
    let regs = &mut jit.interp.cpu.regs;
    let word = CODE + 0x1000 + case.at;
    (regs.x[2], regs.x[9], regs.x[10]) = (TIMES, word, word - case.before + case.alias);
    (regs.x[11], regs.x[12], regs.x[13], regs.pc) = (FLAG, SEEN, MOVZ.into(), program);
    while jit.run() != Exit::Firmware {}
    (jit.interp.cpu.regs.x[5], jit.counts.stale)
}

fn set_up(case: &Case, vcpus: usize) -> (Arc<Shared>, Arc<CodeSpace>) {
    let shared = board(vcpus);
    let word = CODE + 0x1000 + case.at;
    poke(&shared, word - case.before, &vec![NOP; case.before as usize / 4]);
    poke(&shared, word, &[MOVZ, RET]);
    let model = Model::by_name("neoverse-n1").unwrap();
    (shared, Arc::new(CodeSpace::new(&case.options, model, vcpus).unwrap()))
}

/// One vCPU changes the code, another executes it. All that they see is new.
#[track_caller]
fn check(case: Case) {
    let (shared, space) = set_up(&case, 2);
    let write = [&change(case.maintenance)[..], &[tell(11)], &wait(12)].concat();
    let read = [&wait(11)[..], &[ISB], &CHECK, &[tell(12)]].concat();
    poke(&shared, WRITER, &repeat(&write));
    poke(&shared, READER, &repeat(&read));
    let ((_, by_writer), (errors, by_reader)) = std::thread::scope(|scope| {
        let [writer, reader] = [(0, WRITER), (1, READER)].map(|(index, program)| {
            let (case, shared, space) = (&case, &shared, &space);
            scope.spawn(move || run(case, shared, space, index, program))
        });
        (writer.join().unwrap(), reader.join().unwrap())
    });
    assert_eq!(errors, 0, "old instructions after a context synchronisation event");
    let stale = by_writer + by_reader;
    assert!(stale > TIMES / 2, "{stale} blocks were taken out: was it compiled?");
}

#[test]
fn another_vcpu_sees_new_code() {
    check(case());
}

#[test]
fn another_vcpu_sees_new_code_that_was_interpreted_first() {
    check(Case { options: Options::default(), ..case() });
}

#[test]
fn another_vcpu_sees_new_code_in_a_small_arena() {
    check(Case { options: Options { hot: 1, code_size: 128 << 10, ..Options::default() }, ..case() });
}

#[test]
fn another_vcpu_sees_new_code_at_another_address() {
    check(Case { alias: ALIAS - RAM, ..case() });
}

/// The function begins in the page before, in which nothing changes.
#[test]
fn another_vcpu_sees_new_code_behind_a_page_boundary() {
    check(Case { before: 12, ..case() });
}

/// It goes on in the next page, in which nothing changes.
#[test]
fn another_vcpu_sees_new_code_before_a_page_boundary() {
    check(Case { at: 0xffc, ..case() });
}

/// Blocks in the same page that do not change lead to the one that does, by links.
#[test]
fn another_vcpu_sees_new_code_at_the_end_of_a_chain() {
    check(Case { at: 0x400, before: 0x400, ..case() });
}

/// With its instruction cache off, a PE sees new instructions without invalidation.
#[test]
fn another_vcpu_sees_new_code_without_an_instruction_cache() {
    check(Case { sctlr: 0, maintenance: &[DSB], ..case() });
    check(Case { sctlr: MMU, maintenance: &[DSB], ..case() });
}

/// The host writes, as a device does; the guest invalidates what it was told is new.
#[test]
fn code_that_a_device_wrote_is_seen() {
    let case = case();
    let (shared, space) = set_up(&case, 1);
    let read = [&wait(11)[..], case.maintenance, &[ISB], &CHECK, &[tell(12)]].concat();
    poke(&shared, READER, &repeat(&read));
    let (errors, stale) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| run(&case, &shared, &space, 0, READER));
        let put = |at, v: u64| shared.bus.write(PhysAddr(at), AccessSize::Word, v).unwrap();
        for n in 1..=TIMES {
            put(CODE + 0x1000, u64::from(MOVZ) | n << 5);
            // A device's writes are visible before what announces them.
            fence(Ordering::Release);
            put(FLAG, n);
            while shared.bus.read(PhysAddr(SEEN), AccessSize::Word).unwrap() != n {
                std::thread::yield_now();
            }
        }
        reader.join().unwrap()
    });
    assert_eq!(errors, 0);
    assert!(stale > TIMES / 2, "{stale} blocks were taken out: was it compiled?");
}
