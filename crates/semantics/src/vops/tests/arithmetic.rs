//! Arithmetic, comparison, shifts, saturation, changes of width.

use super::*;
use crate::vops::*;

/// The signed low byte of a lane.
fn amount(y: i128) -> i32 {
    i32::from(y as i8)
}

/// `x` shifted, modulo any lane's width.
fn shifted(x: i128, n: i32) -> i128 {
    match n {
        64.. => 0,
        0..64 => x.wrapping_shl(n as u32),
        _ => x >> n.unsigned_abs().min(127),
    }
}

/// `x` shifted; a shift right adds half first.
fn rounded(x: i128, n: i32) -> i128 {
    match -n {
        100.. => 0,
        by @ 1..100 => (x + (1 << (by - 1))) >> by,
        _ => shifted(x, n),
    }
}

/// `x` shifted, or a number beyond any lane if it does not fit.
fn exact(x: i128, n: i32, shift: fn(i128, i32) -> i128) -> i128 {
    match n {
        64.. => x.signum() * (1 << 100),
        0..64 => x.checked_mul(1 << n).unwrap_or(1 << 100),
        _ => shift(x, n),
    }
}

fn mask(holds: bool) -> i128 {
    if holds { -1 } else { 0 }
}

fn leading(x: i128, bits: u32, bit: i128) -> i128 {
    i128::from((0..bits).rev().take_while(|&i| x >> i & 1 == bit).count() as u32)
}

type One = (fn(Lane) -> VOp1, Sign, fn(i128, u32) -> i128);
type Two = (fn(Lane) -> VOp2, Sign, fn(i128, i128) -> i128);
/// Signs of the operands and the result, and the exact result.
type SaturatingOne = (fn(Lane) -> SOp1, Sign, fn(i128) -> i128);
type SaturatingTwo = (fn(Lane) -> SOp2, [Sign; 3], fn(i128, i128) -> i128);

const ONE: &[One] = &[
    (VOp1::Abs, Signed, |x, _| x.abs()),
    (VOp1::Clz, Unsigned, |x, bits| leading(x, bits, 0)),
    (VOp1::Cls, Signed, |x, bits| leading(x, bits, x >> 127 & 1) - 1),
];

const TWO: &[Two] = &[
    (VOp2::Add, Unsigned, |x, y| x + y),
    (VOp2::Sub, Unsigned, |x, y| x - y),
    (VOp2::Mul, Unsigned, |x, y| x.wrapping_mul(y)),
    (VOp2::Shadd, Signed, |x, y| (x + y) >> 1),
    (VOp2::Uhadd, Unsigned, |x, y| (x + y) >> 1),
    (VOp2::Srhadd, Signed, |x, y| (x + y + 1) >> 1),
    (VOp2::Urhadd, Unsigned, |x, y| (x + y + 1) >> 1),
    (VOp2::Shsub, Signed, |x, y| (x - y) >> 1),
    (VOp2::Uhsub, Unsigned, |x, y| (x - y) >> 1),
    (VOp2::Smax, Signed, |x, y| if x > y { x } else { y }),
    (VOp2::Umax, Unsigned, |x, y| if x > y { x } else { y }),
    (VOp2::Smin, Signed, |x, y| if x < y { x } else { y }),
    (VOp2::Umin, Unsigned, |x, y| if x < y { x } else { y }),
    (VOp2::Sabd, Signed, |x, y| (x - y).abs()),
    (VOp2::Uabd, Unsigned, |x, y| (x - y).abs()),
    (VOp2::Cmeq, Unsigned, |x, y| mask(x == y)),
    (VOp2::Cmtst, Unsigned, |x, y| mask(x & y != 0)),
    (VOp2::Cmgt, Signed, |x, y| mask(x > y)),
    (VOp2::Cmge, Signed, |x, y| mask(x >= y)),
    (VOp2::Cmhi, Unsigned, |x, y| mask(x > y)),
    (VOp2::Cmhs, Unsigned, |x, y| mask(x >= y)),
    (VOp2::Sshl, Signed, |x, y| shifted(x, amount(y))),
    (VOp2::Ushl, Unsigned, |x, y| shifted(x, amount(y))),
    (VOp2::Srshl, Signed, |x, y| rounded(x, amount(y))),
    (VOp2::Urshl, Unsigned, |x, y| rounded(x, amount(y))),
];

const SATURATING_ONE: &[SaturatingOne] = &[(SOp1::Sqabs, Signed, |x| x.abs()), (SOp1::Sqneg, Signed, |x| -x)];

const SATURATING_TWO: &[SaturatingTwo] = &[
    (SOp2::Sqadd, [Signed, Signed, Signed], |x, y| x + y),
    (SOp2::Uqadd, [Unsigned, Unsigned, Unsigned], |x, y| x + y),
    (SOp2::Sqsub, [Signed, Signed, Signed], |x, y| x - y),
    (SOp2::Uqsub, [Unsigned, Unsigned, Unsigned], |x, y| x - y),
    (SOp2::Suqadd, [Signed, Unsigned, Signed], |x, y| x + y),
    (SOp2::Usqadd, [Unsigned, Signed, Unsigned], |x, y| x + y),
    (SOp2::Sqshl, [Signed, Signed, Signed], |x, y| exact(x, amount(y), shifted)),
    (SOp2::Uqshl, [Unsigned, Signed, Unsigned], |x, y| exact(x, amount(y), shifted)),
    (SOp2::Sqrshl, [Signed, Signed, Signed], |x, y| exact(x, amount(y), rounded)),
    (SOp2::Uqrshl, [Unsigned, Signed, Unsigned], |x, y| exact(x, amount(y), rounded)),
    (SOp2::Sqshlu, [Signed, Signed, Unsigned], |x, y| exact(x, amount(y), shifted)),
];

/// The numbers as `to` of `bits`, clamped, packed; and whether any was.
fn saturate(exact: &[i128], bits: u32, to: Sign) -> (u128, bool) {
    let (min, max) = to.range(bits);
    let cut: Vec<i128> = exact.iter().map(|&n| n.clamp(min, max)).collect();
    let any = cut != exact;
    (pack(cut, bits), any)
}

fn both(a: &[i128], b: &[i128], f: impl Fn(i128, i128) -> i128) -> Vec<i128> {
    a.iter().zip(b).map(|(&x, &y)| f(x, y)).collect()
}

proptest! {
    #[test]
    fn lanes_of_one_operand(a in vector()) {
        for (&(op, sign, f), lane) in ONE.iter().flat_map(|row| LANES.map(|lane| (row, lane))) {
            let bits = lane.bits();
            let expected = pack(numbers(a, bits, sign).into_iter().map(|x| f(x, bits)), bits);
            prop_assert_eq!(op(lane).eval(a), expected, "{:?} {:#x}", op(lane), a);
        }
    }

    #[test]
    fn lanes_of_two_operands(a in vector(), b in vector()) {
        for (&(op, sign, f), lane) in TWO.iter().flat_map(|row| LANES.map(|lane| (row, lane))) {
            let bits = lane.bits();
            let expected = pack(both(&numbers(a, bits, sign), &numbers(b, bits, sign), f), bits);
            prop_assert_eq!(op(lane).eval(a, b), expected, "{:?} {:#x} {:#x}", op(lane), a, b);
        }
    }

    #[test]
    fn saturating_lanes(a in vector(), b in vector()) {
        for lane in LANES {
            let bits = lane.bits();
            for &(op, sign, f) in SATURATING_ONE {
                let exact: Vec<i128> = numbers(a, bits, sign).into_iter().map(f).collect();
                prop_assert_eq!(op(lane).eval(a), saturate(&exact, bits, sign), "{:?} {:#x}", op(lane), a);
            }
            for &(op, [sign_a, sign_b, to], f) in SATURATING_TWO {
                let exact = both(&numbers(a, bits, sign_a), &numbers(b, bits, sign_b), f);
                prop_assert_eq!(op(lane).eval(a, b), saturate(&exact, bits, to), "{:?} {:#x} {:#x}", op(lane), a, b);
            }
        }
    }

    /// The manual's formulas as they stand, `esize` for `N`.
    #[test]
    fn doubling_products(a in vector(), b in vector(), d in vector()) {
        for lane in [Lane::H, Lane::S] {
            let n = lane.bits();
            let [x, y, z] = [a, b, d].map(|v| numbers(v, n, Signed));
            let product = both(&x, &y, |x, y| 2 * x * y);
            let half = 1 << (n - 1);
            let high = |round: i128| product.iter().map(|p| (p + round) >> n).collect::<Vec<_>>();
            prop_assert_eq!(SOp2::Sqdmulh(lane).eval(a, b), saturate(&high(0), n, Signed));
            prop_assert_eq!(SOp2::Sqrdmulh(lane).eval(a, b), saturate(&high(half), n, Signed));
            let low = &product[..product.len() / 2];
            prop_assert_eq!(SOp2::Sqdmull(lane).eval(a, b), saturate(low, 2 * n, Signed));
            let sum = both(&z, &product, |d, p| ((d << n) + p + half) >> n);
            prop_assert_eq!(SOp3::Sqrdmlah(lane).eval(d, a, b), saturate(&sum, n, Signed));
            let difference = both(&z, &product, |d, p| ((d << n) - p + half) >> n);
            prop_assert_eq!(SOp3::Sqrdmlsh(lane).eval(d, a, b), saturate(&difference, n, Signed));
        }
    }

    #[test]
    fn shifts_by_an_immediate(a in vector()) {
        for lane in LANES {
            let bits = lane.bits();
            let check = |op: VOp1, sign, n: i32, f: fn(i128, i32) -> i128| {
                let expected = pack(numbers(a, bits, sign).into_iter().map(|x| f(x, n)), bits);
                assert_eq!(op.eval(a), expected, "{op:?} {a:#x}");
            };
            for n in 1..=bits as u8 {
                check(VOp1::Sshr(lane, n), Signed, -i32::from(n), shifted);
                check(VOp1::Ushr(lane, n), Unsigned, -i32::from(n), shifted);
                check(VOp1::Srshr(lane, n), Signed, -i32::from(n), rounded);
                check(VOp1::Urshr(lane, n), Unsigned, -i32::from(n), rounded);
                check(VOp1::Shl(lane, n - 1), Unsigned, i32::from(n) - 1, shifted);
            }
        }
    }

    #[test]
    fn lanes_that_change_width(a in vector()) {
        for (lane, sign) in LANES.into_iter().flat_map(|lane| [(lane, Signed), (lane, Unsigned)]) {
            let bits = lane.bits();
            let of = |signed: VOp1, unsigned: VOp1| match sign {
                Signed => signed.eval(a),
                Unsigned => unsigned.eval(a),
            };
            let narrow = numbers(a, bits, sign);
            let extended = pack(narrow[..narrow.len() / 2].iter().copied(), 2 * bits);
            prop_assert_eq!(of(VOp1::Sxtl(lane), VOp1::Uxtl(lane)), extended);
            let pairs = pack(narrow.chunks(2).map(|pair| pair[0] + pair[1]), 2 * bits);
            prop_assert_eq!(of(VOp1::Saddlp(lane), VOp1::Uaddlp(lane)), pairs);
            let greatest = narrow.iter().copied().max();
            prop_assert_eq!(of(VOp1::Smaxv(lane), VOp1::Umaxv(lane)), pack(greatest, bits));
            let least = narrow.iter().copied().min();
            prop_assert_eq!(of(VOp1::Sminv(lane), VOp1::Uminv(lane)), pack(least, bits));
            prop_assert_eq!(VOp1::Addv(lane).eval(a), pack([narrow.iter().sum()], bits));
        }
    }

    #[test]
    fn lanes_that_narrow(a in vector()) {
        for lane in [Lane::B, Lane::H, Lane::S] {
            let bits = lane.bits();
            let (signed, unsigned) = (numbers(a, 2 * bits, Signed), numbers(a, 2 * bits, Unsigned));
            prop_assert_eq!(VOp1::Xtn(lane).eval(a), pack(unsigned.iter().copied(), bits));
            prop_assert_eq!(SOp1::Sqxtn(lane).eval(a), saturate(&signed, bits, Signed));
            prop_assert_eq!(SOp1::Uqxtn(lane).eval(a), saturate(&unsigned, bits, Unsigned));
            prop_assert_eq!(SOp1::Sqxtun(lane).eval(a), saturate(&signed, bits, Unsigned));
        }
    }

    #[test]
    fn pairs(a in vector(), b in vector()) {
        type Pair = (fn(Lane) -> VOp2, Sign, fn(i128, i128) -> i128);
        const PAIRS: &[Pair] = &[
            (VOp2::Addp, Unsigned, |x, y| x + y),
            (VOp2::Smaxp, Signed, i128::max),
            (VOp2::Umaxp, Unsigned, i128::max),
            (VOp2::Sminp, Signed, i128::min),
            (VOp2::Uminp, Unsigned, i128::min),
        ];
        for (&(op, sign, f), lane) in PAIRS.iter().flat_map(|row| LANES.map(|lane| (row, lane))) {
            let bits = lane.bits();
            let all = [numbers(a, bits, sign), numbers(b, bits, sign)].concat();
            let expected = pack(all.chunks(2).map(|pair| f(pair[0], pair[1])), bits);
            prop_assert_eq!(op(lane).eval(a, b), expected, "{:?} {:#x} {:#x}", op(lane), a, b);
        }
    }

    #[test]
    fn dot_products(d in vector(), a in vector(), b in vector()) {
        for (op, sign) in [(VOp3::Sdot, Signed), (VOp3::Udot, Unsigned)] {
            let products = both(&numbers(a, 8, sign), &numbers(b, 8, sign), |x, y| x * y);
            let sums: Vec<i128> = products.chunks(4).map(|four| four.iter().sum()).collect();
            let expected = pack(both(&numbers(d, 32, Unsigned), &sums, |d, sum| d + sum), 32);
            prop_assert_eq!(op.eval(d, a, b), expected);
        }
    }

    /// Multiplication without carries: bit `i + j` of the product counts the pairs of bits modulo 2.
    #[test]
    fn polynomial_products(a in vector(), b in vector()) {
        let product = |x: i128, y: i128, bits: u32| {
            (0..2 * bits).fold(0u128, |sum, k| {
                let pairs = (0..=k).filter(|&i| i < bits && k - i < bits && x >> i & y >> (k - i) & 1 != 0);
                sum | (pairs.count() as u128 & 1) << k
            }) as i128
        };
        for lane in [Lane::B, Lane::D] {
            let bits = lane.bits();
            let products = both(&numbers(a, bits, Unsigned), &numbers(b, bits, Unsigned), |x, y| product(x, y, bits));
            let low = products[..products.len() / 2].iter().copied();
            prop_assert_eq!(VOp2::Pmull(lane).eval(a, b), pack(low, 2 * bits));
            if lane == Lane::B {
                prop_assert_eq!(VOp2::Pmul.eval(a, b), pack(products, bits));
            }
        }
    }

    #[test]
    fn bits(a in any::<u128>(), b in any::<u128>(), c in any::<u128>()) {
        prop_assert_eq!(VOp1::Not.eval(a), a ^ u128::MAX);
        prop_assert_eq!(VOp2::And.eval(a, b), !(!a | !b));
        prop_assert_eq!(VOp2::Or.eval(a, b), !(!a & !b));
        prop_assert_eq!(VOp2::Xor.eval(a, b), (a | b) & !(a & b));
        prop_assert_eq!(VOp2::Bic.eval(a, b), a ^ a & b);
        prop_assert_eq!(VOp2::Orn.eval(a, b), !(b & !a));
        prop_assert_eq!(VOp3::Bsl.eval(a, b, c), ((b ^ c) & a) ^ c);
        let per_byte = |f: fn(u8) -> u8| u128::from_le_bytes(a.to_le_bytes().map(f));
        prop_assert_eq!(VOp1::Cnt.eval(a), per_byte(|x| (0..8).map(|i| x >> i & 1).sum()));
        prop_assert_eq!(VOp1::Rbit.eval(a), per_byte(|x| (0..8).fold(0, |r, i| r | (x >> i & 1) << (7 - i))));
    }
}
