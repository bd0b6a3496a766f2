//! What every A64 instruction means, once, in micro-ops, and what every micro-op means.
//!
//! One function per row of the instruction table, generic over the `Engine` that runs it: the interpreter
//! evaluates the micro-ops at once, a compiler appends them to its output. Every micro-op is data with one
//! pure `eval`, so an engine that has nothing better calls that.
#![forbid(unsafe_code)]

mod branch;
mod dpimm;
mod dpreg;
mod engine;
mod flags;
mod float;
pub mod fops;
pub mod fp;
mod ldst;
mod ops;
mod pauth;
mod simd;
mod system;
pub mod vops;

pub use a64::{Feature, MopsStage, PacKey, Pauth, PstateField, SysReg};
pub use engine::{BranchKind, Engine, Gpr, Hint, Trap, WaitFor};
pub use flags::{Cond, FlagOp, Width};
pub use hw::Leave;
pub use ops::{Op1, Op2};

use a64::*;
use branch::*;
use dpimm::*;
use dpreg::*;
use float::*;
use ldst::*;
use pauth::*;
use simd::*;
use system::*;

/// What executing an instruction gives.
pub type Done = Result<(), Leave>;

/// Executes an instruction word that is known to belong to one row.
pub type Handler<E> = fn(&mut E, u32) -> Done;

macro_rules! dispatch {
    ($(($row:ident $function:ident))*) => {
        /// Executes `insn` on `e`.
        pub fn execute<E: Engine>(e: &mut E, insn: Insn) -> Done {
            match insn {
                $(Insn::$row(i) => {
                    if $row::FP {
                        e.fp_access()?;
                    }
                    $function(e, i)
                })*
            }
        }

        /// One handler per row, in `Row` order: what a predecoding engine stores.
        pub const fn handlers<E: Engine>() -> [Handler<E>; ROW_COUNT] {
            [$(|e, word| {
                if $row::FP {
                    e.fp_access()?;
                }
                $function(e, $row::from_word(word))
            }),*]
        }
    };
}
a64::for_each_row!(dispatch);
