//! Whatever a guest writes: nothing panics, and everything ends. A step is what a guest can do; its numbers are likely
//! ones as often as any.

use crate::rig::*;
use armagic_gic::{Gic, LpiCache, OnError};
use hw::{AccessSize, GuestMemory, PhysAddr};
use proptest::prelude::*;
use proptest::test_runner::Config;

#[derive(Clone, Debug)]
enum Step {
    Gits(u64, u8, u64),
    Gicr(u64, u8, u64),
    Commands(Vec<[u64; 4]>),
    Memory(u64, u64),
    Send(u32, u32),
    Take,
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..64u64,
        8190..8260u64,
        BASE..BASE + SIZE,
        Just(u64::MAX),
        Just(1 << 63 | DEVICES | 0x6ff)
    ]
}

/// A table's address with any attributes.
fn table() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..SIZE >> 12).prop_map(|(bits, page)| bits & 0xff00_0000_0000_0fff | (BASE + (page << 12)))
}

fn command() -> impl Strategy<Value = [u64; 4]> {
    let small = |n: u64| prop_oneof![9 => 0..n, 1 => any::<u64>()];
    let op = prop_oneof![4 => 1..16u64, 1 => any::<u64>()];
    (op, small(4), small(40), small(3), small(3), small(8400), any::<bool>(), table()).prop_map(
        |(op, device, event, icid, pe, intid, valid, table)| {
            let last = if op == 8 { table & 0xf_ffff_ffff_ff00 } else { (pe & 0xf_ffff_ffff) << 16 | icid & 0xffff };
            let intid = if op == 8 { 0 } else { intid };
            [op | device << 32, event | intid << 32, u64::from(valid) << 63 | last, pe << 16]
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let gits = prop_oneof![
        0..0x2_0000u64,
        Just(0x10040),
        (0..20usize).prop_map(|n| [0, 0x40, 0x80, 0x84, 0x88, 0x8c, 0x90, 0x100, 0x104, 0x108][n % 10])
    ];
    let gicr = (0..3u64, (0..14usize))
        .prop_map(|(pe, n)| pe * 0x2_0000 + [0, 0, 0, 4, 0x14, 0x40, 0x48, 0x70, 0x74, 0x78, 0xa0, 0xb0, 0xc0, 8][n]);
    let value = || prop_oneof![number(), table()];
    prop_oneof![
        4 => (gits, 0..4u8, value()).prop_map(|(offset, size, value)| Step::Gits(offset, size, value)),
        2 => (gicr, 0..4u8, value()).prop_map(|(offset, size, value)| Step::Gicr(offset, size, value)),
        6 => prop::collection::vec(command(), 1..12).prop_map(Step::Commands),
        2 => (0..SIZE / 8, value()).prop_map(|(at, value)| Step::Memory(BASE + 8 * at, value)),
        1 => ((0..0x600u64).prop_map(|n| DEVICES + 8 * (n % 16) + (n / 16) * 0x1000), value())
            .prop_map(|(at, value)| Step::Memory(at, value)),
        4 => (prop_oneof![0..4u32, any::<u32>()], prop_oneof![0..40u32, any::<u32>()])
            .prop_map(|(device, event)| Step::Send(device, event)),
        2 => Just(Step::Take),
    ]
}

fn run(rig: &mut Rig, steps: &[Step]) {
    for step in steps {
        match step.clone() {
            Step::Gits(offset, size, value) => {
                let size = AccessSize::from_log2(size.into());
                rig.gits.write(offset, size, value);
                rig.gits.read(offset, size);
            }
            Step::Gicr(offset, size, value) => {
                let size = AccessSize::from_log2(size.into());
                rig.gicr.write(offset, size, value);
                rig.gicr.read(offset, size);
            }
            Step::Commands(commands) => rig.commands(&commands),
            Step::Memory(at, value) => _ = rig.memory.write_u64(PhysAddr(at), value),
            Step::Send(device, event) => rig.send(device, event),
            Step::Take => {
                for pe in 0..rig.pes.len() {
                    rig.irq(pe);
                    rig.taken(pe);
                }
            }
        }
    }
}

fn check(steps: &[Step], options: Options) {
    let mut rig = Rig::mapped(2, options);
    // LPIs of which the guest can invalidate thousands at a time: fewer of them.
    (0..2).for_each(|pe| {
        rig.r(pe, 0, 0);
        rig.lpi_tables(pe, 13);
        rig.r(pe, 0, 1);
    });
    run(&mut rig, steps);
    // It still works, once it is set up again.
    rig.gic.reset();
    rig.its.reset();
    rig.pes.iter_mut().for_each(|pe| pe.reset());
    assert!(Gic::has_lpis(&rig.gic) && rig.read_ctlr() == 1 << 31);
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_panics(steps in prop::collection::vec(step(), 1..60), stall: bool, cached: bool) {
        let on_error = if stall { OnError::Stall } else { OnError::Skip };
        let cache = if cached { LpiCache::Full } else { LpiCache::None };
        check(&steps, Options { cache, direct: true, on_error, ..Options::default() });
    }

    /// A queue and tables full of anything, executed from end to end.
    #[test]
    fn any_memory_is_a_queue_that_ends(words in prop::collection::vec(any::<u64>(), 512), seed: u64) {
        let mut rig = Rig::mapped(1, Options::default());
        rig.r(0, 0, 0);
        rig.lpi_tables(0, 13);
        rig.r(0, 0, 1);
        for (n, word) in words.iter().enumerate() {
            // Opcodes of commands in half of them.
            let word = if n % 4 == 0 && word >> 63 != 0 { word & !0xff | word >> 8 & 0xf } else { *word };
            rig.set_word(QUEUE + 8 * n as u64, word);
            rig.set_word(DEVICES + 8 * n as u64, word.rotate_left(seed as u32 % 64));
            rig.set_word(COLLECTIONS + 8 * n as u64, word.swap_bytes());
        }
        rig.ctlr(0);
        rig.ctlr(1);
        rig.w(0x88, 0xfe0);
        prop_assert_eq!(rig.rd(0x90), 0xfe0);
        (0..64).for_each(|n| rig.send(n % 8, words[n as usize] as u32 % 64));
        rig.taken(0);
    }
}
