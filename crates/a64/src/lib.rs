//! The A64 instruction table: decode, encode, list. No state, no meaning.
//!
//! The table itself is text, `isa/*.isa`, in the order and the words of ARM DDI 0487 ("A64 instruction set
//! encoding"); `build.rs` turns each row into a struct of its fields and checks the table's laws.
#![forbid(unsafe_code)]

mod feature;
mod lookup;
pub use feature::{Feature, FeatureSet};
pub use lookup::{decode, lookup};

mod system;

pub use system::{MopsStage, PacKey, Pauth, PstateField, SysReg};

/// One operand or opcode field of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The manual's name in lower case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u32,
    /// Width in bits.
    pub width: u32,
}

/// What generators, coverage reports and tools need to know of a row.
pub struct RowInfo {
    /// Which row this is.
    pub row: Row,
    /// Its name.
    pub name: &'static str,
    /// The manual's encoding class.
    pub class: &'static str,
    /// Bits that decode looks at.
    pub mask: u32,
    /// The values of those bits.
    pub value: u32,
    /// Bits the manual writes as "(1)": produced by encode, ignored by decode.
    pub should_be: u32,
    /// True if `guard` can refuse a word.
    pub guarded: bool,
    /// Field combinations that are allocated: false means the word is not this row.
    pub guard: fn(u32) -> bool,
    /// The architectural feature the row belongs to.
    pub feature: Feature,
    /// What a word of the row needs besides (half precision, for one).
    pub variant: fn(u32) -> FeatureSet,
    /// The fields, from the highest bit down.
    pub fields: &'static [Field],
}

impl RowInfo {
    /// Does `word` belong to this row?
    pub fn matches(&self, word: u32) -> bool {
        word & self.mask == self.value && (self.guard)(word)
    }
}

impl Row {
    /// This row's entry of the table.
    #[inline]
    pub fn info(self) -> &'static RowInfo {
        &ROWS[self as usize]
    }

    /// The feature this row belongs to.
    pub fn feature(self) -> Feature {
        self.info().feature
    }

    /// Everything that a PE needs for `word`, which is of this row, to be allocated.
    #[inline]
    pub fn needs(self, word: u32) -> FeatureSet {
        (self.info().variant)(word).with(self.info().feature)
    }
}

/// `DecodeBitMasks` of the manual, for logical immediates: the 64-bit value, of which a 32-bit instruction uses
/// the low half. `None` if the combination is reserved.
#[inline(always)]
pub const fn bit_mask(n: u32, immr: u32, imms: u32) -> Option<u64> {
    // Elements are 1 << len bits; the highest bit of N:NOT(imms) gives len.
    let coded = n << 6 | !imms & 0x3f;
    if coded < 2 {
        return None;
    }
    let len = 31 - coded.leading_zeros();
    let levels = (1 << len) - 1;
    let (ones, turn) = (imms & levels, immr & levels);
    if ones == levels {
        return None;
    }
    let element = (2u64 << ones) - 1;
    // One element rotated right by `turn`, then repeated: all ones over the element's ones has a bit per element.
    let full = u64::MAX >> (63 - levels);
    let rotated = (element >> turn | element << (levels - turn) << 1) & full;
    Some(rotated.wrapping_mul(u64::MAX / full))
}

/// What `build.rs` wrote: not a place to be read, so not one to be linted for style.
#[allow(clippy::all)]
mod table {
    use crate::lookup::{Matcher, Part, scatter};
    use crate::*;
    include!(concat!(env!("OUT_DIR"), "/table.rs"));
}
pub use table::*;
