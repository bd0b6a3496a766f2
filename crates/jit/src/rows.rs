//! What the compiler knows of rows beyond their semantics: who looks at the flags, who changes the context.

use a64::Row;

/// What an instruction has to do with the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// Nothing, and it always finishes.
    None,
    /// Replaces all four, and looks at none.
    Sets,
    /// Looks at them, or may leave the block.
    Needs,
}

pub(crate) const fn flags(row: Row) -> Use {
    use Row::*;
    match row {
        AddsImm | SubsImm | AndsImm | AddsReg | SubsReg | AddsExt | SubsExt | AndsReg | BicsReg => Use::Sets,
        AddImm | SubImm | AndImm | OrrImm | EorImm | Movn | Movz | Movk | Sbfm | Bfm | Ubfm | Extr | Adr | Adrp
        | AndReg | BicReg | OrrReg | OrnReg | EorReg | EonReg | AddReg | SubReg | AddExt | SubExt | Lslv | Lsrv
        | Asrv | Rorv | Madd | Msub | Smaddl | Smsubl | Umaddl | Umsubl | Smulh | Umulh | Udiv | Sdiv | Rbit
        | Rev16 | Rev32 | Rev64 | Clz | Cls => Use::None,
        _ => Use::Needs,
    }
}

/// May it change what code is compiled for?
pub(crate) const fn is_system(row: Row) -> bool {
    matches!(row, Row::Msr | Row::MsrImm | Row::Sys)
}

/// Does control never simply go on after it?
pub(crate) const fn ends(row: Row) -> bool {
    use Row::*;
    matches!(row, Svc | Hvc | Smc | Brk | Hlt | Dcps | Eret | Drps | Br | Blr | Ret | B | Bl | Sysl)
}
