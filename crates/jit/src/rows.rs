//! What the compiler knows of rows beyond their semantics: who changes the context.

use a64::Row;

/// May it change what code is compiled for?
pub(crate) const fn is_system(row: Row) -> bool {
    matches!(row, Row::Msr | Row::MsrImm | Row::Sys)
}

/// Does control never simply go on after it?
pub(crate) const fn ends(row: Row) -> bool {
    use Row::*;
    matches!(row, Svc | Hvc | Smc | Brk | Hlt | Dcps | Eret | Drps | Br | Blr | Ret | B | Bl | Sysl)
}
