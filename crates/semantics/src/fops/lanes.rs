//! Shapes of operands, and which lanes meet.

/// How a 128-bit operand divides into lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Lanes have `1 << esize` bytes: 1 half, 2 single, 3 double.
    pub esize: u8,
    /// How many lanes count, from the lowest; the rest of the operand is not looked at.
    pub lanes: u8,
}

/// Which lanes of two operands meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meeting {
    /// Lane with lane.
    Lanewise,
    /// Neighbours, of the second operand put above the first.
    Pairwise,
    /// Every lane of the first with this one lane of the second.
    ByElement(u8),
}

impl Shape {
    /// One lane.
    #[inline(always)]
    pub const fn scalar(esize: u32) -> Shape {
        Shape { esize: esize as u8, lanes: 1 }
    }

    /// 64 bits of lanes, or 128 where `q` is 1.
    #[inline(always)]
    pub const fn vector(esize: u32, q: u32) -> Shape {
        Shape { esize: esize as u8, lanes: 8 << q >> esize }
    }

    /// Lane `i`, zero-extended.
    #[inline(always)]
    pub const fn lane(self, v: u128, i: u8) -> u64 {
        (v >> ((i as u32 * 8) << self.esize)) as u64 & u64::MAX >> (64 - (8 << self.esize))
    }

    /// `f` of each lane number, as lanes of `1 << to` bytes; the rest is zero.
    #[inline(always)]
    pub(super) fn map(self, to: u8, mut f: impl FnMut(u8) -> u64) -> u128 {
        (0..self.lanes).fold(0, |v, i| v | u128::from(f(i)) << ((u32::from(i) * 8) << to))
    }

    /// What meets in lane `i` of the result.
    #[inline(always)]
    pub(super) fn meet(self, meeting: Meeting, a: u128, b: u128, i: u8, lanes: u8) -> (u64, u64) {
        match meeting {
            Meeting::Lanewise => (self.lane(a, i), self.lane(b, i)),
            Meeting::ByElement(index) => (self.lane(a, i), self.lane(b, index)),
            Meeting::Pairwise => {
                let (from, first) = if 2 * i < lanes { (a, 2 * i) } else { (b, 2 * i - lanes) };
                (self.lane(from, first), self.lane(from, first + 1))
            }
        }
    }
}
