//! The litmus program: runs every test of the table, counts outcomes, prints them.
//!
//! CPU 0 leads: it clears a batch of instances of the test's locations, releases the batch, takes part in it, and
//! counts. The others sleep until an SGI says that they take part. Within a batch all threads meet before every
//! instance, at a word of its own; who waits too long goes on alone, so a descheduled thread costs `met`, not time.
//!
//! x14 to x29 are: 14 the generator's factor, 16 batches left (workers), 17 when to yield, 18 return of `batch`,
//! 19 the CPU's index, 20 `SHARED`, 21 batches left (leader), 22 number of the batch, 23 the instance, 24 random
//! state, 25 instances left, 26 bytes between locations, 27 threads of the test, 28 the body, 29 return of `run`.

mod body;
#[path = "../src/litmus/insn.rs"]
#[allow(dead_code)]
mod insn;
mod report;
mod start;
#[path = "../src/litmus/table.rs"]
mod table;

use crate::asm::*;
use crate::print::Print;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};
use insn::Test;

/// What all CPUs share. Offsets from here:
const SHARED: u64 = 0x4100_0000;
/// Bodies of the test's threads.
const BODIES: u32 = 0;
const THREADS: u32 = 32;
const STEP: u32 = 40;
const FIRST_BATCH: u32 = 48;
const BATCHES: u32 = 56;
/// Counts an instance's outcome: a subroutine of the test.
const LOOK: u32 = 64;
/// Values in an outcome.
const VALUES: u32 = 72;
const CPUS: u32 = 80;
/// Instances where all threads met, and entries of the histogram.
const MET: u32 = 96;
const USED: u32 = 104;
/// CPUs that are up, the batch that may run, threads that are through: a cache line each.
const UP: u32 = 0x100;
const GO: u32 = 0x180;
const DONE: u32 = 0x200;
/// Pairs of outcome and count.
const HISTOGRAM: u32 = 0x400;
/// More kinds of outcome than any test of the table has candidates for.
const KINDS: u32 = 128;

/// A batch of instances: the word where threads meet, locations, then a record for each thread.
const INSTANCES: u64 = 0x4110_0000;
const LOCATIONS: u32 = 64;
const RECORDS: u32 = 256;
const INSTANCE: u32 = 512;
/// In a record, after R0 and R1: whether all threads met.
const RECORD_MET: u32 = 16;
const BATCH: u64 = 128;

/// Bytes between locations: a cache line, or the least.
const APART: u32 = 64;
const ADJACENT: u32 = 8;

/// Polls at a meeting before a thread goes on alone. It yields after the first few, so that all can meet where
/// host CPUs are fewer than threads; but two threads never do so in every other batch, since threads that yield to
/// each other may share a host CPU for good, and then nothing happens at the same time.
const PATIENCE: u32 = 2000;
const EAGER: u32 = 64;

/// CPUs that take part.
const MAX_CPUS: u32 = 4;

/// Subroutines.
struct Labels {
    batch: DynamicLabel,
    run: DynamicLabel,
    worker: DynamicLabel,
    vectors: DynamicLabel,
}

pub fn assemble() -> Vec<u8> {
    let mut asm = Asm::new(LOAD as usize);
    let print = Print::new(&mut asm);
    let a = &mut asm;
    let [batch_label, run_label, worker_label, vectors, first] = std::array::from_fn(|_| a.new_dynamic_label());
    let labels = Labels { batch: batch_label, run: run_label, worker: worker_label, vectors };
    dynasm!(a ; .arch aarch64 ; b =>first ; nop ; .u64 1000 ; =>first); // the iterations: `firmware::litmus`
    start::leader(a, &print, &labels);
    let bodies: Vec<Vec<_>> =
        table::TESTS.iter().map(|t| t.threads.iter().map(|_| a.new_dynamic_label()).collect()).collect();
    for (test, bodies) in table::TESTS.iter().zip(&bodies) {
        one_test(a, &print, test, bodies, labels.run);
    }
    print.text(a, "LITMUS-OK\n");
    load(a, 0, PSCI_SYSTEM_OFF);
    dynasm!(a ; .arch aarch64 ; hvc 0);
    run(a, &print, &labels);
    worker(a, &labels);
    batch(a, labels.batch);
    print.routines(a);
    start::vectors(a, &print, vectors);
    for (test, bodies) in table::TESTS.iter().zip(&bodies) {
        test.threads.iter().zip(bodies).for_each(|(thread, &label)| body::assemble(a, label, thread));
    }
    asm.finalize().expect("every label is defined and in reach")
}

/// Leader: runs `test` with its locations apart, and in one line.
fn one_test(a: &mut Asm, print: &Print, test: &Test, bodies: &[DynamicLabel], run: DynamicLabel) {
    let (look, end) = (a.new_dynamic_label(), a.new_dynamic_label());
    let threads = test.threads.len() as u32;
    assert!(threads <= MAX_CPUS && test.looks.len() <= 8, "{} is too large", test.name);
    print.text(a, &format!("litmus {}: ", test.name));
    dynasm!(a ; .arch aarch64 ; ldr x0, [x20, CPUS] ; cmp x0, threads ; b.hs >enough);
    print.text(a, &format!("needs {threads} CPUs\n"));
    dynasm!(a ; .arch aarch64 ; b =>end ; enough: ; movz x27, threads ; str x27, [x20, THREADS]);
    for (t, &label) in (0..).zip(bodies) {
        dynasm!(a ; .arch aarch64 ; adr x0, =>label ; str x0, [x20, BODIES + 8 * t]);
    }
    dynasm!(a
        ; .arch aarch64
        ; adr x0, =>look
        ; movz x1, test.looks.len() as u32
        ; stp x0, x1, [x20, LOOK as i32]
        ; movz x26, APART
        ; bl =>run
    );
    print.text(a, &format!("litmus {}@line: ", test.name));
    dynasm!(a ; .arch aarch64 ; movz x26, ADJACENT ; bl =>run ; b =>end ; =>look);
    report::look(a, test.looks);
    dynasm!(a ; .arch aarch64 ; =>end);
}

/// Leader: all batches of a test. x26 and x27 are set.
fn run(a: &mut Asm, print: &Print, labels: &Labels) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.run
        ; mov x29, x30
        ; str x26, [x20, STEP]
        ; str x22, [x20, FIRST_BATCH]
        ; ldr x21, [x20, BATCHES]
        ; stp xzr, xzr, [x20, MET as i32]
        // SGI 1 to threads 1 and up.
        ; movz x0, 1
        ; lsl x0, x0, x27
        ; sub x0, x0, 2
        ; movk x0, 1 << 8, lsl 16
        ; dsb ish
        ; msr ICC_SGI1R_EL1, x0
        ; isb
        ; next_batch:
    );
    clear(a);
    dynasm!(a
        ; .arch aarch64
        ; add x0, x20, DONE
        ; str xzr, [x0]
        ; add x22, x22, 1
        ; add x0, x20, GO
        ; stlr x22, [x0] // releases the cleared instances, and DONE
        ; ldr x28, [x20, BODIES]
        ; bl =>labels.batch
        ; add x1, x20, DONE
        ; sub x2, x27, 1
        ; running:
        ; ldar x0, [x1]
        ; cmp x0, x2
        ; b.eq >through
        ; yield
        ; b <running
        ; through:
    );
    report::count(a);
    dynasm!(a ; .arch aarch64 ; subs x21, x21, 1 ; b.ne <next_batch);
    report::print(a, print);
    dynasm!(a ; .arch aarch64 ; br x29);
}

/// Makes all instances of a batch as at the beginning.
fn clear(a: &mut Asm) {
    load(a, 0, INSTANCES);
    dynasm!(a
        ; .arch aarch64
        ; movz x1, BATCH as u32
        ; next_instance:
        ; str xzr, [x0]
        ; stp xzr, xzr, [x0, LOCATIONS as i32]
        ; stp xzr, xzr, [x0, LOCATIONS as i32 + 16]
        ; stp xzr, xzr, [x0, (LOCATIONS + APART) as i32]
        ; stp xzr, xzr, [x0, (LOCATIONS + 2 * APART) as i32]
        ; add x0, x0, INSTANCE
        ; subs x1, x1, 1
        ; b.ne <next_instance
    );
}

/// A CPU that is not the leader: sleeps until SGI 1, then takes part in all batches of the test.
fn worker(a: &mut Asm, labels: &Labels) {
    dynasm!(a
        ; .arch aarch64
        ; =>labels.worker
        ; wfi // wakes though masked
        ; mrs x0, ICC_IAR1_EL1
        ; cmp x0, 1
        ; b.ne =>labels.worker
        ; msr ICC_EOIR1_EL1, x0
        ; isb
        ; dsb sy
        ; ldr x27, [x20, THREADS]
        ; ldr x26, [x20, STEP]
        ; ldr x22, [x20, FIRST_BATCH]
        ; ldr x16, [x20, BATCHES]
        ; add x0, x20, x19, lsl 3
        ; ldr x28, [x0, BODIES]
        ; next:
        ; add x22, x22, 1
        ; add x0, x20, GO
        ; closed:
        ; ldar x1, [x0]
        ; cmp x1, x22
        ; b.hs >open
        ; yield
        ; b <closed
        ; open:
        ; bl =>labels.batch
        ; movz x0, 1
        ; add x1, x20, DONE
        ; ldaddal x0, x0, [x1]
        ; subs x16, x16, 1
        ; b.ne <next
        ; b =>labels.worker
    );
}

/// One thread's part of a batch.
fn batch(a: &mut Asm, label: DynamicLabel) {
    dynasm!(a
        ; .arch aarch64
        ; =>label
        ; mov x18, x30
        ; movz x25, BATCH as u32
        ; movz x17, PATIENCE - EAGER
        ; tst x22, 1
        ; ccmp x27, 2, 0, ne
        ; csel x17, xzr, x17, eq
    );
    load(a, 23, INSTANCES);
    load(a, 14, 6_364_136_223_846_793_005); // Knuth's factor, MMIX
    dynasm!(a
        ; .arch aarch64
        ; next:
        ; add x1, x23, LOCATIONS
        ; add x2, x1, x26
        ; add x3, x2, x26
        ; madd x24, x24, x14, x14
        ; movz x10, 0
        ; movz x11, 0
        ; movz x13, 0
        // Half of the time this CPU has copies of the lines beforehand.
        ; tbz x24, 60, >cold
        ; ldr x5, [x1]
        ; ldr x5, [x2]
        ; ldr x5, [x3]
        ; cold:
        ; movz x5, 1
        ; ldaddal x5, x5, [x23]
        ; movz x6, PATIENCE
        ; poll:
        ; ldar x5, [x23]
        ; cmp x5, x27
        ; b.hs >met
        ; subs x6, x6, 1
        ; b.eq >alone
        ; cmp x6, x17
        ; b.hs <poll
        ; yield
        ; b <poll
        ; met:
        ; movz x13, 1
        ; alone:
        // A delay of up to 63, 15, 3 or no rounds.
        ; ubfx x5, x24, 50, 6
        ; lsr x6, x24, 61
        ; and x6, x6, 6
        ; lsr x5, x5, x6
        ; delay:
        ; cbz x5, >now
        ; sub x5, x5, 1
        ; b <delay
        ; now:
        ; blr x28
        ; add x5, x23, x19, lsl 6
        ; stp x10, x11, [x5, RECORDS as i32]
        ; str x13, [x5, RECORDS + RECORD_MET]
        ; add x23, x23, INSTANCE
        ; subs x25, x25, 1
        ; b.ne <next
        ; br x18
    );
}
