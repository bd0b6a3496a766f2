//! Lanes moved, and pairs of adjacent lanes combined.

use super::Lane;
use super::lanes::{Bytes, Element};

/// REV16, REV32, REV64: bytes of the container reversed, then each lane's back.
pub(super) fn rev(container: Lane, lane: Lane, out: &mut Bytes, a: &Bytes) {
    let mut reversed = [0; 16];
    swap_bytes(container, &mut reversed, a);
    swap_bytes(lane, out, &reversed);
}

fn swap_bytes(lane: Lane, out: &mut Bytes, a: &Bytes) {
    lanes!(each unsigned lane, out, |x = a| x.swap_bytes())
}

/// Defines an op that fills lane `i` of `n`.
macro_rules! gather {
    ($($(#[$meta:meta])* $name:ident |$a:ident, $b:ident, $i:ident, $n:ident| $body:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
            macro_rules! with {
                ($t:ty,) => {{
                    let ($a, $b) = (<$t>::split(a), <$t>::split(b));
                    let mut lanes = <$t>::ZERO;
                    let $n = lanes.len();
                    for $i in 0..$n {
                        lanes[$i] = $body;
                    }
                    <$t>::join(lanes, out);
                }};
            }
            lanes!(with unsigned lane,)
        }
    )*};
}
gather! {
    /// UZP1
    uzp1 |a, b, i, n| if i < n / 2 { a[2 * i] } else { b[2 * i - n] };
    /// UZP2
    uzp2 |a, b, i, n| if i < n / 2 { a[2 * i + 1] } else { b[2 * i + 1 - n] };
    /// ZIP1
    zip1 |a, b, i, _n| if i % 2 == 0 { a[i / 2] } else { b[i / 2] };
    /// ZIP2
    zip2 |a, b, i, n| if i % 2 == 0 { a[(i + n) / 2] } else { b[(i + n) / 2] };
    /// TRN1
    trn1 |a, b, i, _n| if i % 2 == 0 { a[i] } else { b[i - 1] };
    /// TRN2
    trn2 |a, b, i, _n| if i % 2 == 0 { a[i + 1] } else { b[i] };
}

/// Defines an op on each pair of adjacent lanes of `b:a`.
macro_rules! pairs {
    ($($(#[$meta:meta])* $name:ident $sign:ident |$x:ident, $y:ident| $body:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
            macro_rules! with {
                ($t:ty,) => {{
                    let (a, b) = (<$t>::split(a), <$t>::split(b));
                    let mut lanes = <$t>::ZERO;
                    let half = lanes.len() / 2;
                    for i in 0..half {
                        let ($x, $y) = (a[2 * i], a[2 * i + 1]);
                        lanes[i] = $body;
                        let ($x, $y) = (b[2 * i], b[2 * i + 1]);
                        lanes[half + i] = $body;
                    }
                    <$t>::join(lanes, out);
                }};
            }
            lanes!(with $sign lane,)
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
