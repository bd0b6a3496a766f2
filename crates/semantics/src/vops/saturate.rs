//! Saturation: exact results in a wider type, then cut to what the lane holds.

use super::Lane;
use super::lanes::{Bytes, Element};

/// `v` cut to `min..=max`, and whether that changed it.
#[inline(always)]
pub(super) fn cut_signed<T>(v: i128, min: i128, max: i128, to: impl Fn(i128) -> T) -> (T, bool) {
    (to(v.clamp(min, max)), v < min || v > max)
}

/// `v` cut to `max`, and whether that changed it.
#[inline(always)]
pub(super) fn cut_unsigned<T>(v: u128, max: u128, to: impl Fn(u128) -> T) -> (T, bool) {
    (to(v.min(max)), v > max)
}

/// `x` shifted by `n`, exact where it fits a lane: shifts of 64 and more overflow any lane just as 64 does.
#[inline(always)]
pub(super) fn shl(x: i64, n: i8) -> i128 {
    let (x, by) = (i128::from(x), u32::from(n.unsigned_abs()));
    if n >= 0 { x << by.min(64) } else { x >> by.min(127) }
}

/// `shl`, unsigned.
#[inline(always)]
pub(super) fn ushl(x: u64, n: i8) -> u128 {
    let (x, by) = (u128::from(x), u32::from(n.unsigned_abs()));
    if n >= 0 { x << by.min(64) } else { x.unbounded_shr(by) }
}

/// `shl`, where shifts right round half up.
#[inline(always)]
pub(super) fn rshl(x: i64, n: i8) -> i128 {
    let by = u32::from(n.unsigned_abs());
    if n >= 0 { shl(x, n) } else { shl(x, n) + (i128::from(x) >> (by - 1).min(127) & 1) }
}

/// `rshl`, unsigned.
#[inline(always)]
pub(super) fn urshl(x: u64, n: i8) -> u128 {
    let by = u32::from(n.unsigned_abs());
    if n >= 0 { ushl(x, n) } else { ushl(x, n) + (u128::from(x).unbounded_shr(by - 1) & 1) }
}

macro_rules! narrow {
    ($t:ty, $wide:ty, $out:ident, $a:ident) => {
        narrow!($t, $wide, $out, $a, <$t>::MIN as $wide, <$t>::MAX as $wide)
    };
    ($t:ty, $wide:ty, $out:ident, $a:ident, $min:expr, $max:expr) => {{
        let a = <$wide>::split($a);
        let (mut lanes, mut any) = (<$t>::ZERO, false);
        for i in 0..a.len() {
            let v = a[i].clamp($min, $max);
            lanes[i] = v as $t;
            any |= v != a[i];
        }
        <$t>::join(lanes, $out);
        any
    }};
}

/// SQXTN
pub(super) fn sqxtn(lane: Lane, out: &mut Bytes, a: &Bytes) -> bool {
    widths!(signed lane, narrow out, a)
}

/// UQXTN
pub(super) fn uqxtn(lane: Lane, out: &mut Bytes, a: &Bytes) -> bool {
    widths!(unsigned lane, narrow out, a)
}

/// SQXTUN
pub(super) fn sqxtun(lane: Lane, out: &mut Bytes, a: &Bytes) -> bool {
    widths!(signed lane, narrow out, a, 0, !(-1 << lane.bits()))
}

/// Defines an op on signed lanes with an exact formula in the wide type, `n` the lane's bits.
macro_rules! exact {
    ($($(#[$meta:meta])* $name:ident |$($x:ident),+; $n:ident| $body:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, $($x: &Bytes),+) -> bool {
            macro_rules! with {
                ($t:ty, $wide:ty,) => {{
                    each_saturating!($t, out, |$($x = $x),+| {
                        const $n: u32 = T::BITS;
                        $(let $x = <$wide>::from($x);)+
                        let exact: $wide = $body;
                        let v = exact.clamp(T::MIN.into(), T::MAX.into());
                        (v as T, v != exact)
                    })
                }};
            }
            widths!(signed lane, with)
        }
    )*};
}
// Half of the manual's formulas: `2 * x * y + (1 << (N - 1)) >> N` would not fit the wide type.
exact! {
    /// SQDMULH
    sqdmulh |x, y; N| (x * y) >> (N - 1);
    /// SQRDMULH
    sqrdmulh |x, y; N| (x * y + (1 << (N - 2))) >> (N - 1);
    /// SQRDMLAH
    sqrdmlah |d, x, y; N| ((d << (N - 1)) + x * y + (1 << (N - 2))) >> (N - 1);
    /// SQRDMLSH
    sqrdmlsh |d, x, y; N| ((d << (N - 1)) - x * y + (1 << (N - 2))) >> (N - 1);
}

/// SQDMULL: only the square of the least value saturates.
pub(super) fn sqdmull(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) -> bool {
    macro_rules! with {
        ($t:ty, $wide:ty,) => {{
            let (a, b) = (<$t>::split(a), <$t>::split(b));
            let (mut lanes, mut any) = (<$wide>::ZERO, false);
            for i in 0..lanes.len() {
                let product = <$wide>::from(a[i]) * <$wide>::from(b[i]);
                lanes[i] = product.saturating_add(product);
                any |= product.checked_add(product).is_none();
            }
            <$wide>::join(lanes, out);
            any
        }};
    }
    widths!(signed lane, with)
}
