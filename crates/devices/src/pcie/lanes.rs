//! Accesses of any size and offset to registers of any width, by the bytes that both have.
//!
//! Drivers access a register as a whole, or its halves. A guest that does something else gets what byte lanes would do.

use hw::AccessSize;

/// A write of the low `size` bytes of `value` at `offset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub offset: u64,
    pub size: AccessSize,
    pub value: u64,
}

/// `value` moved up by `to - from` bytes, or down.
fn moved(value: u64, from: u64, to: u64) -> u64 {
    let bits = 8 * from.abs_diff(to).min(8) as u32;
    let up = value.checked_shl(bits);
    if to >= from { up } else { value.checked_shr(bits) }.unwrap_or(0)
}

fn ones(bytes: u64) -> u64 {
    u64::MAX >> (64 - 8 * bytes)
}

/// What a read of `size` at `offset` finds of a register of `width` bytes at `at`: its bytes in their places.
pub(crate) fn part(value: u64, (at, width): (u64, u64), offset: u64, size: AccessSize) -> u64 {
    size.truncate(moved(value & ones(width), offset, at))
}

/// The register of `width` bytes at `at`, which is `old`, after a write; `None` if that touches none of its bytes.
pub(crate) fn merge(old: u64, (at, width): (u64, u64), write: Write) -> Option<u64> {
    let Write { offset, size, value } = write;
    let touched = moved(size.truncate(u64::MAX), at, offset) & ones(width);
    let new = moved(size.truncate(value), at, offset) & touched;
    (touched != 0).then_some(old & !touched | new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccessSize::*;

    const OLD: u64 = 0x8877_6655_4433_2211;

    #[test]
    fn reads_find_the_bytes_that_both_have() {
        for (register, offset, size, want) in [
            ((8, 4), 8, Word, 0x4433_2211),
            ((8, 4), 10, Half, 0x4433),
            ((8, 4), 8, Double, 0x4433_2211),
            ((8, 2), 4, Double, 0x2211_0000_0000),
            ((8, 8), 12, Word, 0x8877_6655),
            ((8, 4), 12, Word, 0),
            ((8, 4), 4, Word, 0),
            ((8, 4), 0, Word, 0),
            ((8, 1), 100, Byte, 0),
        ] {
            assert_eq!(part(OLD, register, offset, size), want, "{register:?} {offset} {size:?}");
        }
    }

    #[test]
    fn writes_change_the_bytes_that_both_have() {
        let value = 0xffee_ddcc_bbaa_9988;
        for (register, offset, size, want) in [
            ((8, 8), 8, Double, Some(value)),
            ((8, 4), 8, Word, Some(0xbbaa_9988 | OLD & !0xffff_ffff)),
            ((8, 4), 9, Byte, Some(0x8877_6655_4433_8811)),
            ((8, 2), 4, Double, Some(0x8877_6655_4433_ddcc)),
            ((8, 8), 12, Word, Some(0xbbaa_9988_4433_2211)),
            ((8, 8), 16, Word, None),
            ((8, 8), 0, Double, None),
        ] {
            assert_eq!(merge(OLD, register, Write { offset, size, value }), want, "{register:?} {offset} {size:?}");
        }
    }
}
