//! Lanes moved, and pairs of adjacent lanes combined.

use super::Lane;
use super::lanes::{Bytes, Element};

/// REV16, REV32, REV64: bytes of the container reversed, then each lane's back.
pub(super) fn rev(container: Lane, lane: Lane, out: &mut Bytes, a: &Bytes) {
    if lane == Lane::B {
        return swap_bytes(container, out, a);
    }
    let mut reversed = [0; 16];
    swap_bytes(container, &mut reversed, a);
    swap_bytes(lane, out, &reversed);
}

fn swap_bytes(lane: Lane, out: &mut Bytes, a: &Bytes) {
    lanes!(each unsigned lane, out, |x = a| x.swap_bytes())
}

/// Defines an op on pairs of adjacent lanes, taken as one lane `$wide` of twice the width: the lower one is its
/// low part, the upper one its high part. (Hosts have vector instructions for that, and not for every other lane.)
macro_rules! deinterleave {
    ($($(#[$meta:meta])* $name:ident |$pair:ident, $bits:ident| $part:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
            macro_rules! with {
                ($t:ty, $wide:ty,) => {{
                    let (a, b) = (<$wide>::split(a), <$wide>::split(b));
                    let mut lanes = <$t>::ZERO;
                    let ($bits, half) = (<$t>::BITS, a.len());
                    for i in 0..half {
                        let $pair = a[i];
                        lanes[i] = $part as $t;
                    }
                    for i in 0..half {
                        let $pair = b[i];
                        lanes[half + i] = $part as $t;
                    }
                    <$t>::join(lanes, out);
                }};
            }
            widths!(unsigned lane, with)
        }
    )*};
}
deinterleave! {
    /// UZP1
    uzp1 |pair, _bits| pair;
    /// UZP2
    uzp2 |pair, bits| pair >> bits;
}

/// TRN1
pub(super) fn trn1(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
    macro_rules! with {
        ($t:ty, $wide:ty,) => {
            each!($wide, out, |x = a, y = b| x << <$t>::BITS >> <$t>::BITS | y << <$t>::BITS)
        };
    }
    widths!(unsigned lane, with)
}

/// TRN2
pub(super) fn trn2(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
    macro_rules! with {
        ($t:ty, $wide:ty,) => {
            each!($wide, out, |x = a, y = b| x >> <$t>::BITS | y >> <$t>::BITS << <$t>::BITS)
        };
    }
    widths!(unsigned lane, with)
}

/// Defines an op that interleaves halves: lane `i` of each, from the one given on.
macro_rules! interleave {
    ($($(#[$meta:meta])* $name:ident |$half:ident| $from:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
            macro_rules! with {
                ($t:ty,) => {{
                    let (a, b) = (<$t>::split(a), <$t>::split(b));
                    let mut lanes = <$t>::ZERO;
                    let $half = lanes.len() / 2;
                    for i in 0..$half {
                        lanes[2 * i] = a[$from + i];
                        lanes[2 * i + 1] = b[$from + i];
                    }
                    <$t>::join(lanes, out);
                }};
            }
            lanes!(with unsigned lane,)
        }
    )*};
}
interleave! {
    /// ZIP1
    zip1 |_half| 0;
    /// ZIP2
    zip2 |half| half;
}

/// Defines an op on each pair of adjacent lanes of `b:a`, taken apart in the same way.
macro_rules! pairs {
    ($($(#[$meta:meta])* $name:ident $sign:ident |$x:ident, $y:ident| $body:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
            macro_rules! with {
                ($t:ty, $wide:ty,) => {{
                    let (a, b) = (<$wide>::split(a), <$wide>::split(b));
                    let (mut even, mut odd) = (<$t>::ZERO, <$t>::ZERO);
                    let half = a.len();
                    for i in 0..half {
                        (even[i], odd[i]) = (a[i] as $t, (a[i] >> <$t>::BITS) as $t);
                        (even[half + i], odd[half + i]) = (b[i] as $t, (b[i] >> <$t>::BITS) as $t);
                    }
                    let mut lanes = <$t>::ZERO;
                    for i in 0..2 * half {
                        let ($x, $y) = (even[i], odd[i]);
                        lanes[i] = $body;
                    }
                    <$t>::join(lanes, out);
                }};
            }
            widths!($sign lane, with)
        }
    )*};
}
pairs! {
    /// ADDP
    addp unsigned |x, y| x.wrapping_add(y);
    /// SMAXP
    smaxp signed |x, y| x.max(y);
    /// UMAXP
    umaxp unsigned |x, y| x.max(y);
    /// SMINP
    sminp signed |x, y| x.min(y);
    /// UMINP
    uminp unsigned |x, y| x.min(y);
}

/// EXT
#[inline(always)]
pub(super) fn ext(n: u8, a: u128, b: u128) -> u128 {
    let by = u32::from(n & 15) * 8;
    a >> by | b.unbounded_shl(128 - by)
}

/// One register's part of TBL and TBX.
pub(super) fn tbx(base: u8, out: &mut Bytes, old: &Bytes, table: &Bytes, indices: &Bytes) {
    each!(u8, out, |was = old, index = indices| {
        let at = index.wrapping_sub(base);
        if at < 16 { table[usize::from(at & 15)] } else { was }
    })
}
