//! Lanes: a 128-bit value as an array of equal elements, and the macros that write one formula for every width.
//!
//! The arrays have fixed lengths and the loops no branches, so that rustc makes vector instructions of them.

/// The width of an element, in the order of the `size` field. `Q` (one element) is not spelt: the widening
/// ops reach it from `D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// 8 bits.
    B,
    /// 16 bits.
    H,
    /// 32 bits.
    S,
    /// 64 bits.
    D,
}

impl Lane {
    /// From a `size` field: log2 of the width in bytes.
    #[inline(always)]
    pub const fn of(size: u32) -> Lane {
        match size & 3 {
            0 => Lane::B,
            1 => Lane::H,
            2 => Lane::S,
            _ => Lane::D,
        }
    }

    /// log2 of the width in bytes.
    #[inline(always)]
    pub const fn size(self) -> u32 {
        self as u32
    }

    /// The width in bits.
    #[inline(always)]
    pub const fn bits(self) -> u32 {
        8 << self as u32
    }

    /// The lane of twice the width; `D` is the widest.
    #[inline(always)]
    pub const fn double(self) -> Lane {
        Lane::of(if self.size() < 3 { self.size() + 1 } else { 3 })
    }

    /// `v`, cut to this width, in every lane.
    #[inline(always)]
    pub const fn splat(self, v: u64) -> u128 {
        match self {
            Lane::B => v as u8 as u128 * (u128::MAX / 0xff),
            Lane::H => v as u16 as u128 * (u128::MAX / 0xffff),
            Lane::S => v as u32 as u128 * (u128::MAX / 0xffff_ffff),
            Lane::D => v as u128 * (u128::MAX / 0xffff_ffff_ffff_ffff),
        }
    }
}

/// A vector in memory, lane 0 first. Formulas read and write it there, because rustc makes vector
/// instructions of consecutive loads and stores, and not of shifts of a `u128`.
pub(crate) type Bytes = [u8; 16];

/// An element type: how a vector splits into lanes of it.
pub(crate) trait Element: Copy {
    /// As many as fill 128 bits.
    type Array: Copy;
    /// All lanes zero.
    const ZERO: Self::Array;
    /// The lanes of `v`.
    fn split(v: &Bytes) -> Self::Array;
    /// Writes the lanes to `out`.
    fn join(lanes: Self::Array, out: &mut Bytes);
}

macro_rules! elements {
    ($($t:ty)*) => {$(
        impl Element for $t {
            type Array = [$t; 16 / size_of::<$t>()];
            const ZERO: Self::Array = [0; 16 / size_of::<$t>()];
            #[inline(always)]
            fn split(v: &Bytes) -> Self::Array {
                let (chunks, _) = v.as_chunks::<{ size_of::<$t>() }>();
                std::array::from_fn(|i| <$t>::from_le_bytes(chunks[i]))
            }
            #[inline(always)]
            fn join(lanes: Self::Array, out: &mut Bytes) {
                let (chunks, _) = out.as_chunks_mut::<{ size_of::<$t>() }>();
                chunks.iter_mut().zip(lanes).for_each(|(to, lane)| *to = lane.to_le_bytes());
            }
        }
    )*};
}
elements!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

/// What an op gives: a value, or a value and whether any lane saturated.
pub(crate) trait Outcome {
    /// What a formula returns besides the lanes it writes.
    type Flag;
    /// Both together.
    fn of(value: Bytes, flag: Self::Flag) -> Self;
}

impl Outcome for u128 {
    type Flag = ();
    #[inline(always)]
    fn of(value: Bytes, (): ()) -> u128 {
        u128::from_le_bytes(value)
    }
}

impl Outcome for (u128, bool) {
    type Flag = bool;
    #[inline(always)]
    fn of(value: Bytes, saturated: bool) -> (u128, bool) {
        (u128::from_le_bytes(value), saturated)
    }
}

/// Writes `body` of each lane, of type `T`, to `out`; the names stand for the lanes of their values.
macro_rules! each {
    ($t:ty, $out:ident, |$($x:ident = $v:tt),+| $body:expr) => {{
        #[allow(dead_code)]
        type T = $t;
        $(let $x = <$t as Element>::split($v);)+
        let mut lanes = <$t as Element>::ZERO;
        for i in 0..lanes.len() {
            $(let $x = $x[i];)+
            lanes[i] = $body;
        }
        <$t as Element>::join(lanes, $out);
    }};
}

/// `each`, where the body gives `(value, saturated)`; the whole gives whether any lane saturated.
macro_rules! each_saturating {
    ($t:ty, $out:ident, |$($x:ident = $v:ident),+| $body:expr) => {{
        #[allow(dead_code)]
        type T = $t;
        $(let $x = <$t as Element>::split($v);)+
        let mut lanes = <$t as Element>::ZERO;
        let mut any = false;
        for i in 0..lanes.len() {
            $(let $x = $x[i];)+
            let (value, saturated) = $body;
            lanes[i] = value;
            any |= saturated;
        }
        <$t as Element>::join(lanes, $out);
        any
    }};
}

/// `$each` (one of the above) with the unsigned or signed type of `$lane`.
macro_rules! lanes {
    ($each:ident unsigned $lane:expr, $($rest:tt)*) => {
        match $lane {
            Lane::B => $each!(u8, $($rest)*),
            Lane::H => $each!(u16, $($rest)*),
            Lane::S => $each!(u32, $($rest)*),
            Lane::D => $each!(u64, $($rest)*),
        }
    };
    ($each:ident signed $lane:expr, $($rest:tt)*) => {
        match $lane {
            Lane::B => $each!(i8, $($rest)*),
            Lane::H => $each!(i16, $($rest)*),
            Lane::S => $each!(i32, $($rest)*),
            Lane::D => $each!(i64, $($rest)*),
        }
    };
}

/// `$with!(narrow, wide, …)` with the types of a lane and of one twice as wide.
macro_rules! widths {
    (unsigned $lane:expr, $with:ident $($rest:tt)*) => {
        match $lane {
            Lane::B => $with!(u8, u16, $($rest)*),
            Lane::H => $with!(u16, u32, $($rest)*),
            Lane::S => $with!(u32, u64, $($rest)*),
            Lane::D => $with!(u64, u128, $($rest)*),
        }
    };
    (signed $lane:expr, $with:ident $($rest:tt)*) => {
        match $lane {
            Lane::B => $with!(i8, i16, $($rest)*),
            Lane::H => $with!(i16, i32, $($rest)*),
            Lane::S => $with!(i32, i64, $($rest)*),
            Lane::D => $with!(i64, i128, $($rest)*),
        }
    };
}

/// Calls a formula with parameters and operands, by way of memory.
macro_rules! run {
    ($function:expr, [$($parameter:expr),*], ($($v:ident),+)) => {{
        let mut out = [0; 16];
        let flag = $function($($parameter,)* &mut out, $(&$v.to_le_bytes()),+);
        Outcome::of(out, flag)
    }};
}

/// Declares a family of micro-ops: the enum, and `eval` with one formula per op.
///
/// `lanes` ops carry a `Lane` and state their formula for one lane, with `T` its type; `vector` ops name the
/// function that holds it; `whole` ops state it for the 128 bits as a number.
macro_rules! ops {
    ($(#[$meta:meta])* enum $name:ident $operands:tt $($rest:tt)*) => {
        ops!(@ $operands, $(#[$meta])* enum $name $operands $($rest)*);
    };
    (
        @ $operands:tt,
        $(#[$meta:meta])*
        enum $name:ident($($v:ident),+) -> $result:ty;
        lanes by $each:ident { $($(#[$lane_meta:meta])* $op:ident $sign:ident |$($x:ident),+| $body:expr;)* }
        vector { $($(#[$vector_meta:meta])* $vector:ident $(($($q:ident: $qt:ty),+))? = $function:expr;)* }
        whole { $($(#[$whole_meta:meta])* $whole:ident $(($($p:ident: $pt:ty),+))? => $formula:expr;)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)]
        pub enum $name {
            $($(#[$lane_meta])* $op(Lane),)*
            $($(#[$vector_meta])* $vector $(($($qt),+))?,)*
            $($(#[$whole_meta])* $whole $(($($pt),+))?,)*
        }

        impl $name {
            /// The meaning of the op.
            #[inline(always)]
            pub fn eval(self, $($v: u128),+) -> $result {
                match self {
                    $($name::$op(lane) => {
                        #[inline(never)]
                        #[allow(clippy::useless_conversion)] // one formula serves every width, the widest too
                        fn op(lane: Lane, out: &mut Bytes, $($x: &Bytes),+) -> <$result as Outcome>::Flag {
                            lanes!($each $sign lane, out, |$($x = $x),+| $body)
                        }
                        run!(op, [lane], $operands)
                    })*
                    $($name::$vector $(($($q),+))? => run!($function, [$($($q),+)?], $operands),)*
                    $($name::$whole $(($($p),+))? => $formula,)*
                }
            }
        }
    };
}
