//! Lanes: a 128-bit value as an array of equal elements, and the macros that write one formula for every width.
//!
//! The arrays have fixed lengths and the loops no branches, so that rustc makes vector instructions of them.

/// The width of an element, in the order of the `size` field. `Q` (one element) is not spelt: the widening
/// ops reach it from `D`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// An element type: how 128 bits split into lanes of it, lane 0 lowest.
pub(crate) trait Element: Copy {
    /// As many as fill 128 bits.
    type Array: Copy;
    /// All lanes zero.
    const ZERO: Self::Array;
    /// The lanes of `v`.
    fn split(v: u128) -> Self::Array;
    /// The value with these lanes.
    fn join(lanes: Self::Array) -> u128;
}

macro_rules! elements {
    ($($t:ty)*) => {$(
        impl Element for $t {
            type Array = [$t; 16 / size_of::<$t>()];
            const ZERO: Self::Array = [0; 16 / size_of::<$t>()];
            #[inline(always)]
            fn split(v: u128) -> Self::Array {
                let bytes = v.to_le_bytes();
                let (chunks, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                std::array::from_fn(|i| <$t>::from_le_bytes(chunks[i]))
            }
            #[inline(always)]
            fn join(lanes: Self::Array) -> u128 {
                let mut bytes = [0; 16];
                let (chunks, _) = bytes.as_chunks_mut::<{ size_of::<$t>() }>();
                chunks.iter_mut().zip(lanes).for_each(|(to, lane)| *to = lane.to_le_bytes());
                u128::from_le_bytes(bytes)
            }
        }
    )*};
}
elements!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

/// `body` for each lane of type `T`; the names stand for the lanes of their values.
macro_rules! each {
    ($t:ty, |$($x:ident = $v:ident),+| $body:expr) => {{
        #[allow(dead_code)]
        type T = $t;
        $(let $x = <$t as Element>::split($v);)+
        let mut out = <$t as Element>::ZERO;
        for i in 0..out.len() {
            $(let $x = $x[i];)+
            out[i] = $body;
        }
        <$t as Element>::join(out)
    }};
}

/// `each`, where the body gives `(value, saturated)`: the value and whether any lane saturated.
macro_rules! each_saturating {
    ($t:ty, |$($x:ident = $v:ident),+| $body:expr) => {{
        #[allow(dead_code)]
        type T = $t;
        $(let $x = <$t as Element>::split($v);)+
        let mut out = <$t as Element>::ZERO;
        let mut any = false;
        for i in 0..out.len() {
            $(let $x = $x[i];)+
            let (value, saturated) = $body;
            out[i] = value;
            any |= saturated;
        }
        (<$t as Element>::join(out), any)
    }};
}

/// `$each` (one of the above) with the unsigned or signed type of `$lane`.
macro_rules! lanes {
    ($each:ident unsigned $lane:expr, |$($x:ident = $v:ident),+| $body:expr) => {
        match $lane {
            Lane::B => $each!(u8, |$($x = $v),+| $body),
            Lane::H => $each!(u16, |$($x = $v),+| $body),
            Lane::S => $each!(u32, |$($x = $v),+| $body),
            Lane::D => $each!(u64, |$($x = $v),+| $body),
        }
    };
    ($each:ident signed $lane:expr, |$($x:ident = $v:ident),+| $body:expr) => {
        match $lane {
            Lane::B => $each!(i8, |$($x = $v),+| $body),
            Lane::H => $each!(i16, |$($x = $v),+| $body),
            Lane::S => $each!(i32, |$($x = $v),+| $body),
            Lane::D => $each!(i64, |$($x = $v),+| $body),
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

/// `$function($first, operands)`.
macro_rules! call {
    ($function:ident, $first:ident, ($($v:ident),+)) => { $function($first, $($v),+) };
}

/// Declares a family of micro-ops: the enum, and `eval` with one formula per op.
///
/// `lanes` ops carry a `Lane` and state their formula for one lane, with `T` its type; `whole` ops state it
/// for the 128 bits.
macro_rules! ops {
    ($(#[$meta:meta])* enum $name:ident $operands:tt $($rest:tt)*) => {
        ops!(@ $operands, $(#[$meta])* enum $name $operands $($rest)*);
    };
    (
        @ $operands:tt,
        $(#[$meta:meta])*
        enum $name:ident($($v:ident),+) -> $result:ty;
        lanes by $each:ident { $($(#[$lane_meta:meta])* $op:ident $sign:ident |$($x:ident),+| $body:expr;)* }
        whole { $($(#[$whole_meta:meta])* $whole:ident $(($($p:ident: $pt:ty),+))? => $formula:expr;)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)]
        pub enum $name {
            $($(#[$lane_meta])* $op(Lane),)*
            $($(#[$whole_meta])* $whole $(($($pt),+))?,)*
        }

        impl $name {
            /// The meaning of the op.
            #[inline(always)]
            pub fn eval(self, $($v: u128),+) -> $result {
                match self {
                    $($name::$op(lane) => {
                        fn op(lane: Lane, $($x: u128),+) -> $result {
                            lanes!($each $sign lane, |$($x = $x),+| $body)
                        }
                        call!(op, lane, $operands)
                    })*
                    $($name::$whole $(($($p),+))? => $formula,)*
                }
            }
        }
    };
}
