//! Against the host, round to nearest; square roots in every mode.

use super::*;
use crate::fp::{add, divide, fused, multiply};

#[track_caller]
fn check32(a: u64, b: u64) {
    let (x, y) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
    let soft: [(Binary, f32); 4] = [
        (add::soft_add::<Single>, x + y),
        (add::soft_sub::<Single>, x - y),
        (multiply::soft_mul::<Single>, x * y),
        (divide::soft_div::<Single>, x / y),
    ];
    for (n, (ours, host)) in soft.into_iter().enumerate() {
        let got = ours(&mut FpEnv::default(), a, b);
        assert!(host.is_nan() && Single::is_nan(got) || got == u64::from(host.to_bits()), "{n}: {a:#x} {b:#x}");
    }
    let (root, host) = (divide::soft_sqrt::<Single>(&mut FpEnv::default(), a), x.sqrt());
    assert!(host.is_nan() && Single::is_nan(root) || root == u64::from(host.to_bits()), "sqrt {a:#x}");
    let (fused, host) = (fused::soft_mul_add::<Single>(&mut FpEnv::default(), b, a, b), x.mul_add(y, y));
    assert!(host.is_nan() && Single::is_nan(fused) || fused == u64::from(host.to_bits()), "{a:#x} * {b:#x} + {b:#x}");
}

#[track_caller]
fn check64(a: u64, b: u64) {
    let (x, y) = (f64::from_bits(a), f64::from_bits(b));
    let soft: [(Binary, f64); 4] = [
        (add::soft_add::<Double>, x + y),
        (add::soft_sub::<Double>, x - y),
        (multiply::soft_mul::<Double>, x * y),
        (divide::soft_div::<Double>, x / y),
    ];
    for (n, (ours, host)) in soft.into_iter().enumerate() {
        let got = ours(&mut FpEnv::default(), a, b);
        assert!(host.is_nan() && Double::is_nan(got) || got == host.to_bits(), "{n}: {a:#x} {b:#x}");
    }
    let (fused, host) = (fused::soft_mul_add::<Double>(&mut FpEnv::default(), b, a, b), x.mul_add(y, y));
    assert!(host.is_nan() && Double::is_nan(fused) || fused == host.to_bits(), "{a:#x} * {b:#x} + {b:#x}");
    let (root, host) = (divide::soft_sqrt::<Double>(&mut FpEnv::default(), a), x.sqrt());
    assert!(host.is_nan() && Double::is_nan(root) || root == host.to_bits(), "sqrt {a:#x}");
}

/// The root of `a`, truncated, is the largest `r` with `r * r <= a`; the other modes follow from it.
#[track_caller]
fn check_root<F: Format>(a: u64, square_is_at_most: impl Fn(u64, u64) -> bool) {
    let a = a & !F::SIGN;
    let (down, flags) = run(rmode(3), |e| sqrt::<F>(e, a));
    assert!(square_is_at_most(down, a), "{a:#x}");
    assert!(!square_is_at_most(down + 1, a), "{a:#x}");
    let inexact = flags & Fpsr::INEXACT != 0;
    assert_eq!(!inexact, square_is_at_most(down, a) && run(0, |e| mul_add::<F>(e, a | F::SIGN, down, down)).0 == 0);
    assert_eq!(run(rmode(2), |e| sqrt::<F>(e, a)), (down, flags), "{a:#x}");
    assert_eq!(run(rmode(1), |e| sqrt::<F>(e, a)), (down + u64::from(inexact), flags), "{a:#x}");
    assert_eq!(run(0, |e| sqrt::<F>(e, a)).1, flags, "{a:#x}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn as_the_host(a in operand::<Double>(), b in operand::<Double>()) {
        check64(a, b);
    }

    #[test]
    fn as_the_host_in_single(a in operand::<Single>(), b in operand::<Single>()) {
        check32(a, b);
    }

    #[test]
    fn roots(a in operand::<Double>(), s in operand::<Single>()) {
        // The sign of a fused r * r - a is exact while nothing underflows, hence the lower bounds.
        let at_most = |r, a| f64::from_bits(r).mul_add(f64::from_bits(r), -f64::from_bits(a)) <= 0.0;
        if (Double::MIN_NORMAL * 64..Double::INF).contains(&(a & !Double::SIGN)) {
            check_root::<Double>(a, at_most);
        }
        // Squares of singles are exact in double, of halves in single.
        let square = |r| f64::from(f32::from_bits(r as u32)).powi(2);
        if (Single::MIN_NORMAL * 60..Single::INF).contains(&(s & !Single::SIGN)) {
            check_root::<Single>(s, |r, a| square(r) <= f64::from(f32::from_bits(a as u32)));
        }
    }
}

#[test]
fn roots_of_halves() {
    let widen = |x| f32::from_bits(convert::<Half, Single>(&mut FpEnv::default(), x, Rounding::TieEven) as u32);
    for a in Half::MIN_NORMAL * 12..Half::INF {
        check_root::<Half>(a, |r, a| widen(r) * widen(r) <= widen(a));
    }
}
