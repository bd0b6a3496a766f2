//! Lanes that change width: extension, narrowing, sums, reductions, polynomial and dot products.

use super::Lane;
use super::lanes::{Bytes, Element};
use crate::fp::bf_dot_add;

/// CNT
pub(super) fn cnt(out: &mut Bytes, a: &Bytes) {
    each!(u8, out, |x = a| x.count_ones() as u8)
}

macro_rules! extend {
    ($t:ty, $wide:ty, $out:ident, $a:ident) => {{
        let a = <$t>::split($a);
        let mut lanes = <$wide>::ZERO;
        for i in 0..lanes.len() {
            lanes[i] = <$wide>::from(a[i]);
        }
        <$wide>::join(lanes, $out);
    }};
}

/// SXTL
pub(super) fn sxtl(lane: Lane, out: &mut Bytes, a: &Bytes) {
    widths!(signed lane, extend out, a)
}

/// UXTL
pub(super) fn uxtl(lane: Lane, out: &mut Bytes, a: &Bytes) {
    widths!(unsigned lane, extend out, a)
}

macro_rules! narrow {
    ($t:ty, $wide:ty, $out:ident, $a:ident) => {{
        let a = <$wide>::split($a);
        let mut lanes = <$t>::ZERO;
        for i in 0..a.len() {
            lanes[i] = a[i] as $t;
        }
        <$t>::join(lanes, $out);
    }};
}

/// XTN
pub(super) fn xtn(lane: Lane, out: &mut Bytes, a: &Bytes) {
    widths!(unsigned lane, narrow out, a)
}

macro_rules! add_pairs {
    ($t:ty, $wide:ty, $out:ident, $a:ident) => {{
        let a = <$t>::split($a);
        let mut lanes = <$wide>::ZERO;
        for i in 0..lanes.len() {
            lanes[i] = <$wide>::from(a[2 * i]) + <$wide>::from(a[2 * i + 1]);
        }
        <$wide>::join(lanes, $out);
    }};
}

/// SADDLP
pub(super) fn saddlp(lane: Lane, out: &mut Bytes, a: &Bytes) {
    widths!(signed lane, add_pairs out, a)
}

/// UADDLP
pub(super) fn uaddlp(lane: Lane, out: &mut Bytes, a: &Bytes) {
    widths!(unsigned lane, add_pairs out, a)
}

/// Defines an op that folds all lanes into lane 0.
macro_rules! across {
    ($($(#[$meta:meta])* $name:ident $sign:ident |$x:ident, $y:ident| $body:expr;)*) => {$(
        $(#[$meta])*
        pub(super) fn $name(lane: Lane, out: &mut Bytes, a: &Bytes) {
            macro_rules! with {
                ($t:ty,) => {{
                    let mut lanes = <$t>::ZERO;
                    lanes[0] = <$t>::split(a).into_iter().reduce(|$x, $y| $body).unwrap_or(0);
                    <$t>::join(lanes, out);
                }};
            }
            lanes!(with $sign lane,)
        }
    )*};
}
across! {
    /// ADDV
    addv unsigned |x, y| x.wrapping_add(y);
    /// SMAXV
    smaxv signed |x, y| x.max(y);
    /// UMAXV
    umaxv unsigned |x, y| x.max(y);
    /// SMINV
    sminv signed |x, y| x.min(y);
    /// UMINV
    uminv unsigned |x, y| x.min(y);
}

/// PMUL
pub(super) fn pmul(out: &mut Bytes, a: &Bytes, b: &Bytes) {
    each!(u8, out, |x = a, y = b| polynomial(x, y) as u8)
}

/// PMULL
pub(super) fn pmull(lane: Lane, out: &mut Bytes, a: &Bytes, b: &Bytes) {
    match lane {
        Lane::B => {
            let (a, b) = (u8::split(a), u8::split(b));
            u16::join(std::array::from_fn(|i| polynomial(a[i], b[i])), out);
        }
        _ => {
            let ([a, _], [b, _]) = (u64::split(a), u64::split(b));
            // The products with every polynomial below x^4, then four bits of `b` at a time.
            let mut products = [0u128; 16];
            for i in 1..16 {
                products[i] = products[i / 2] << 1 ^ if i % 2 == 1 { a.into() } else { 0 };
            }
            let product = (0..16).fold(0, |sum, i| sum ^ products[(b >> (4 * i) & 15) as usize] << (4 * i));
            u128::join([product], out);
        }
    }
}

/// Product of two bytes as polynomials over GF(2).
#[inline(always)]
fn polynomial(x: u8, y: u8) -> u16 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= (u16::from(x) << bit) & u16::from(y >> bit & 1).wrapping_neg();
    }
    product
}

macro_rules! dot {
    ($t:ty, $u:ty, $sum:ty, $out:ident, $a:ident, $b:ident, $c:ident) => {{
        let (mut lanes, b, c) = (<$sum>::split($a), <$t>::split($b), <$u>::split($c));
        for i in 0..16 {
            lanes[i / 4] = lanes[i / 4].wrapping_add(<$sum>::from(b[i]) * <$sum>::from(c[i]));
        }
        <$sum>::join(lanes, $out);
    }};
}

/// SDOT
pub(super) fn sdot(out: &mut Bytes, a: &Bytes, b: &Bytes, c: &Bytes) {
    dot!(i8, i8, i32, out, a, b, c)
}

/// UDOT
pub(super) fn udot(out: &mut Bytes, a: &Bytes, b: &Bytes, c: &Bytes) {
    dot!(u8, u8, u32, out, a, b, c)
}

/// USDOT
pub(super) fn usdot(out: &mut Bytes, a: &Bytes, b: &Bytes, c: &Bytes) {
    dot!(u8, i8, i32, out, a, b, c)
}

/// BFDOT
pub(super) fn bfdot(out: &mut Bytes, a: &Bytes, b: &Bytes, c: &Bytes) {
    each!(u32, out, |sum = a, x = b, y = c| bf_dot_add(sum, x, y))
}
