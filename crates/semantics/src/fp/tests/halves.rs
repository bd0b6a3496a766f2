//! Every half-precision value.

use super::*;

#[track_caller]
fn check(fpcr: u32, half: u64, through: Unary) {
    let (back, flags) = run(fpcr, |e| through(e, half));
    let signalling = fpcr & Fpcr::AHP == 0 && Half::is_signalling(half);
    let expected = if signalling { half | Half::QUIET } else { half };
    let invalid = if signalling { Fpsr::INVALID } else { 0 };
    assert_eq!((back, flags), (expected, invalid), "{half:#x} fpcr {fpcr:#x}");
}

#[test]
fn widening_and_narrowing_is_identity() {
    for fpcr in [0, rmode(1), rmode(2), rmode(3), Fpcr::FZ | Fpcr::FZ16, Fpcr::AHP] {
        for half in 0..0x1_0000 {
            check(fpcr, half, |e, h| {
                let wide = convert::<Half, Single>(e, h, Rounding::TieEven);
                let rounding = e.rounding();
                convert::<Single, Half>(e, wide, rounding)
            });
            check(fpcr, half, |e, h| {
                let wide = convert::<Half, Double>(e, h, Rounding::TieEven);
                let rounding = e.rounding();
                convert::<Double, Half>(e, wide, rounding)
            });
        }
    }
}

/// Independent of `unpack`: the value from its fields.
fn value(half: u64) -> f64 {
    let (exp, frac) = ((half >> 10 & 31) as i32, (half & 0x3ff) as f64);
    let magnitude = match exp {
        0 => frac * 2f64.powi(-24),
        31 if frac == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + frac) * 2f64.powi(exp - 25),
    };
    if half & 0x8000 != 0 { -magnitude } else { magnitude }
}

#[test]
fn widening_gives_the_value() {
    for half in 0..0x1_0000 {
        let (wide, _) = run(0, |e| convert::<Half, Double>(e, half, Rounding::TieEven));
        let expected = value(half);
        assert!(expected.is_nan() && Double::is_nan(wide) || wide == expected.to_bits(), "{half:#x}");
    }
}

#[test]
fn estimates_are_within_their_error() {
    for half in 0..0x7c00 {
        let x = value(half);
        let estimate = value(run(0, |e| recip_estimate::<Half>(e, half)).0);
        // Below the normals the estimate is cut to a multiple of the least subnormal.
        let error = estimate / 256.0 + 2f64.powi(-24);
        assert!(half <= 0x00ff || (estimate - 1.0 / x).abs() <= error, "1/{half:#x}");
        let estimate = value(run(0, |e| rsqrt_estimate::<Half>(e, half)).0);
        assert!(half == 0 || (estimate * x.sqrt() - 1.0).abs() <= 1.0 / 256.0, "1/sqrt {half:#x}");
    }
}
