//! Lanes moved, and pairs of adjacent lanes combined.

use super::lanes::Element;
use super::{Lane, VOp2};

/// REV16, REV32, REV64: bytes of the container reversed, then each lane's back.
pub(super) fn rev(container: Lane, lane: Lane, a: u128) -> u128 {
    let swap = |l: Lane, v: u128| lanes!(each unsigned l, |x = v| x.swap_bytes());
    swap(lane, swap(container, a))
}

/// Defines an op that fills a fresh array, lane by lane: `n` lanes, `i` the one filled.
macro_rules! gather {
    ($($(#[$meta:meta])* $name:ident |$a:ident, $b:ident, $i:ident, $n:ident| $body:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, a: u128, b: u128) -> u128 {
            macro_rules! with {
                ($t:ty) => {{
                    let ($a, $b) = (<$t>::split(a), <$t>::split(b));
                    let $n = $a.len();
                    let mut out = <$t>::ZERO;
                    for $i in 0..$n {
                        out[$i] = $body;
                    }
                    <$t>::join(out)
                }};
            }
            match lane {
                Lane::B => with!(u8),
                Lane::H => with!(u16),
                Lane::S => with!(u32),
                Lane::D => with!(u64),
            }
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

/// EXT
#[inline(always)]
pub(super) fn ext(n: u8, a: u128, b: u128) -> u128 {
    let by = u32::from(n & 15) * 8;
    a >> by | b.unbounded_shl(128 - by)
}

/// One register's part of TBL and TBX.
pub(super) fn tbx(base: u8, old: u128, table: u128, indices: u128) -> u128 {
    let table = table.to_le_bytes();
    each!(u8, |was = old, index = indices| {
        let at = index.wrapping_sub(base);
        if at < 16 { table[usize::from(at & 15)] } else { was }
    })
}

/// Pairs of adjacent lanes are the even lanes against the odd.
macro_rules! pairwise {
    ($($name:ident $op:ident;)*) => {$(
        pub(super) fn $name(lane: Lane, a: u128, b: u128) -> u128 {
            VOp2::$op(lane).eval(uzp1(lane, a, b), uzp2(lane, a, b))
        }
    )*};
}
pairwise! {
    addp Add;
    smaxp Smax;
    umaxp Umax;
    sminp Smin;
    uminp Umin;
}
