//! Accesses of all sizes to configuration space and BARs, and rubbish in the queue: nothing panics, and after a reset the
//! device works as if nothing had been.

use super::rig::{self, Rig};
use super::*;

/// A small generator; its seed is what a failure prints.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % n
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn value(&mut self) -> u64 {
        let any = self.below(1 << 32) << 32 | self.below(1 << 32);
        self.one_of(&[any, 0, 1, 2, 3, 0xb, 0xf, any & 0xffff, any & 0xff, u64::MAX, rig::TABLE, rig::AVAIL, rig::USED])
    }
}

fn step(rig: &Rig, random: &mut Random) {
    let (size, value) = (random.one_of(&[Byte, Half, Word, Double]), random.value());
    let spread = random.one_of(&[0x40, 0x100, 0x1000, 0x4000]);
    let offset = random.below(spread);
    match random.below(8) {
        0 => _ = rig.config(offset as usize, size),
        1 => rig.put_config(offset as usize, size, value),
        2 => _ = rig.get(random.one_of(&[STRUCTURES_AT, MSIX_AT as u64, 0]) + offset, size),
        3 => rig.put(MSIX_AT + offset as usize, size, value),
        4 | 5 => rig.common(offset, size, value),
        6 => rig.ram(rig::TABLE + offset, &value.to_le_bytes()),
        _ => rig.kick(value as u16),
    }
    // Its place is as good as always lost otherwise.
    if random.below(64) == 0 {
        rig.place();
    }
    if random.below(64) == 0 {
        rig.start();
    }
}

#[test]
fn rubbish_does_no_harm() {
    let (mut messages, mut broken) = (0, 0);
    for seed in 1..=200 {
        let (rig, mut random) = (Rig::started(vectors(seed)), Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        for _ in 0..500 {
            step(&rig, &mut random);
            messages += rig.messages().len();
        }
        broken += usize::from(rig.is_broken());
        let state = rig.function.state();
        let other = Rig::with_memory(vectors(seed), rig.memory.clone());
        assert_eq!(other.function.restore(&state), Some(()), "seed {seed}: what can be, can be restored");
        assert_eq!(other.function.state(), state, "seed {seed}");
        rig.ecam.reset();
        rig.place();
        rig.start();
        rig.messages();
        assert_eq!(rig.request(16), 16, "seed {seed}");
        assert_eq!((rig.messages().len(), rig.line()), if vectors(seed) == 0 { (0, true) } else { (1, false) });
    }
    // Not all of it was lost before it reached the device.
    assert!(messages > 1000 && broken > 20, "{messages} messages, {broken} broken devices");
}

fn vectors(seed: u64) -> u16 {
    [2, 0, 64][(seed % 3) as usize]
}
