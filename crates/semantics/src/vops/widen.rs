//! Lanes that change width: extension, narrowing, sums, reductions, polynomial and dot products.

use super::Lane;
use super::lanes::Element;

/// CNT
pub(super) fn cnt(a: u128) -> u128 {
    each!(u8, |x = a| x.count_ones() as u8)
}

macro_rules! extend {
    ($t:ty, $wide:ty, $a:expr) => {{
        let a = <$t>::split($a);
        let mut out = <$wide>::ZERO;
        for i in 0..out.len() {
            out[i] = <$wide>::from(a[i]);
        }
        <$wide>::join(out)
    }};
}

/// SXTL
pub(super) fn sxtl(lane: Lane, a: u128) -> u128 {
    widths!(signed lane, extend a)
}

/// UXTL
pub(super) fn uxtl(lane: Lane, a: u128) -> u128 {
    widths!(unsigned lane, extend a)
}

macro_rules! narrow {
    ($t:ty, $wide:ty, $a:expr) => {{
        let a = <$wide>::split($a);
        let mut out = <$t>::ZERO;
        for i in 0..a.len() {
            out[i] = a[i] as $t;
        }
        <$t>::join(out)
    }};
}

/// XTN
pub(super) fn xtn(lane: Lane, a: u128) -> u128 {
    widths!(unsigned lane, narrow a)
}

macro_rules! add_pairs {
    ($t:ty, $wide:ty, $a:expr) => {{
        let a = <$t>::split($a);
        let mut out = <$wide>::ZERO;
        for i in 0..out.len() {
            out[i] = <$wide>::from(a[2 * i]) + <$wide>::from(a[2 * i + 1]);
        }
        <$wide>::join(out)
    }};
}

/// SADDLP
pub(super) fn saddlp(lane: Lane, a: u128) -> u128 {
    widths!(signed lane, add_pairs a)
}

/// UADDLP
pub(super) fn uaddlp(lane: Lane, a: u128) -> u128 {
    widths!(unsigned lane, add_pairs a)
}

/// Defines an op that folds all lanes into one.
macro_rules! across {
    ($($name:ident $b:ty, $h:ty, $s:ty, $d:ty, $fold:expr;)*) => {$(
        pub(super) fn $name(lane: Lane, a: u128) -> u128 {
            let fold = $fold;
            match lane {
                Lane::B => <$b>::split(a).into_iter().reduce(|x, y| fold(x.into(), y.into()) as $b).map_or(0, |x| x as u8 as u128),
                Lane::H => <$h>::split(a).into_iter().reduce(|x, y| fold(x.into(), y.into()) as $h).map_or(0, |x| x as u16 as u128),
                Lane::S => <$s>::split(a).into_iter().reduce(|x, y| fold(x.into(), y.into()) as $s).map_or(0, |x| x as u32 as u128),
                Lane::D => <$d>::split(a).into_iter().reduce(|x, y| fold(x.into(), y.into()) as $d).map_or(0, |x| x as u64 as u128),
            }
        }
    )*};
}
across! {
    addv u8, u16, u32, u64, |x: u64, y: u64| x.wrapping_add(y);
    smaxv i8, i16, i32, i64, |x: i64, y: i64| x.max(y);
    umaxv u8, u16, u32, u64, |x: u64, y: u64| x.max(y);
    sminv i8, i16, i32, i64, |x: i64, y: i64| x.min(y);
    uminv u8, u16, u32, u64, |x: u64, y: u64| x.min(y);
}

/// PMUL
pub(super) fn pmul(a: u128, b: u128) -> u128 {
    each!(u8, |x = a, y = b| polynomial(x.into(), y.into()) as u8)
}

/// PMULL
pub(super) fn pmull(lane: Lane, a: u128, b: u128) -> u128 {
    let (wide_a, wide_b) = (uxtl(lane, a), uxtl(lane, b));
    match lane {
        Lane::B => each!(u16, |x = wide_a, y = wide_b| polynomial(x.into(), y)),
        _ => (0..64).filter(|&bit| b >> bit & 1 != 0).fold(0, |sum, bit| sum ^ u128::from(a as u64) << bit),
    }
}

/// Product of two bytes as polynomials over GF(2).
#[inline(always)]
fn polynomial(x: u32, y: u16) -> u16 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= (x << bit) * u32::from(y >> bit & 1);
    }
    product as u16
}

macro_rules! dot {
    ($t:ty, $sum:ty, $a:expr, $b:expr, $c:expr) => {{
        let (mut out, b, c) = (<$sum>::split($a), <$t>::split($b), <$t>::split($c));
        for i in 0..16 {
            out[i / 4] = out[i / 4].wrapping_add(<$sum>::from(b[i]) * <$sum>::from(c[i]));
        }
        <$sum>::join(out)
    }};
}

/// SDOT
pub(super) fn sdot(a: u128, b: u128, c: u128) -> u128 {
    dot!(i8, i32, a, b, c)
}

/// UDOT
pub(super) fn udot(a: u128, b: u128, c: u128) -> u128 {
    dot!(u8, u32, a, b, c)
}
