//! Integer vector micro-ops on 128-bit values, each with its one meaning.

/// One operand, pure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum VOp1 {}

/// Two operands, pure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum VOp2 {}

/// Three operands, pure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum VOp3 {}

/// One operand, saturating.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum SOp1 {}

/// Two operands, saturating.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum SOp2 {}

/// Three operands, saturating.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum SOp3 {}

impl VOp1 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, _a: u128) -> u128 {
        match self {}
    }
}

impl VOp2 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, _a: u128, _b: u128) -> u128 {
        match self {}
    }
}

impl VOp3 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, _a: u128, _b: u128, _c: u128) -> u128 {
        match self {}
    }
}

impl SOp1 {
    /// The value of the op, and whether any lane saturated.
    #[inline(always)]
    pub fn eval(self, _a: u128) -> (u128, bool) {
        match self {}
    }
}

impl SOp2 {
    /// The value of the op, and whether any lane saturated.
    #[inline(always)]
    pub fn eval(self, _a: u128, _b: u128) -> (u128, bool) {
        match self {}
    }
}

impl SOp3 {
    /// The value of the op, and whether any lane saturated.
    #[inline(always)]
    pub fn eval(self, _a: u128, _b: u128, _c: u128) -> (u128, bool) {
        match self {}
    }
}
