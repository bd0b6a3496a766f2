//! Names that a statement may use, and where they are.

use crate::board::*;

/// What a statement reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Memory: address, bytes of the access.
    Memory(u64, u8),
    /// A system register, by its operand in MRS and MSR.
    System(u32),
    /// A field of an interrupt.
    Field(Field, u32),
    /// A bit of a PE's pending table: PE, LPI.
    PendingTable(u64, u32),
}

/// A field that every interrupt has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Field {
    Enabled,
    Pending,
    Active,
    Group,
    Priority,
    Edge,
    Route,
    Modifier,
}

impl Field {
    /// By the word that statements use.
    pub fn by_name(name: &str) -> Option<Field> {
        Some(match name {
            "enabled" => Field::Enabled,
            "pending" => Field::Pending,
            "active" => Field::Active,
            "group" => Field::Group,
            "priority" => Field::Priority,
            "edge" => Field::Edge,
            "route" => Field::Route,
            "modifier" => Field::Modifier,
            _ => return None,
        })
    }

    /// Offset of its array, or of its pair of arrays: to set, to clear.
    pub fn offsets(self) -> (u64, u64) {
        match self {
            Field::Enabled => (0x100, 0x180),
            Field::Pending => (0x200, 0x280),
            Field::Active => (0x300, 0x380),
            Field::Group => (0x80, 0x80),
            Field::Priority => (0x400, 0x400),
            Field::Edge => (0xc00, 0xc00),
            Field::Modifier => (0xd00, 0xd00),
            Field::Route => (0x6000, 0x6000),
        }
    }
}

/// Offset of a register, bytes of the usual access, bytes from one to the next of an array.
struct Row(&'static str, u64, u8, u64);

/// Arrays that GICD and SGI_base share.
const ARRAYS: &[Row] = &[
    Row("IGROUPR", 0x80, 4, 4),
    Row("ISENABLER", 0x100, 4, 4),
    Row("ICENABLER", 0x180, 4, 4),
    Row("ISPENDR", 0x200, 4, 4),
    Row("ICPENDR", 0x280, 4, 4),
    Row("ISACTIVER", 0x300, 4, 4),
    Row("ICACTIVER", 0x380, 4, 4),
    Row("IPRIORITYR", 0x400, 4, 4),
    Row("ICFGR", 0xc00, 4, 4),
    Row("IGRPMODR", 0xd00, 4, 4),
    Row("NSACR", 0xe00, 4, 4),
    Row("INMIR", 0xf80, 4, 4),
];

const GICD_ROWS: &[Row] = &[
    Row("CTLR", 0, 4, 0),
    Row("TYPER", 4, 4, 0),
    Row("IIDR", 8, 4, 0),
    Row("TYPER2", 0xc, 4, 0),
    Row("STATUSR", 0x10, 4, 0),
    Row("SETSPI_NSR", 0x40, 4, 0),
    Row("CLRSPI_NSR", 0x48, 4, 0),
    Row("SETSPI_SR", 0x50, 4, 0),
    Row("CLRSPI_SR", 0x58, 4, 0),
    Row("ITARGETSR", 0x800, 4, 4),
    Row("SGIR", 0xf00, 4, 0),
    Row("CPENDSGIR", 0xf10, 4, 4),
    Row("SPENDSGIR", 0xf20, 4, 4),
    Row("IROUTER", 0x6000, 8, 8),
    Row("PIDR", 0xffe0, 4, 4),
    Row("CIDR", 0xfff0, 4, 4),
];

const GICR_ROWS: &[Row] = &[
    Row("CTLR", 0, 4, 0),
    Row("IIDR", 4, 4, 0),
    Row("TYPER", 8, 8, 0),
    Row("STATUSR", 0x10, 4, 0),
    Row("WAKER", 0x14, 4, 0),
    Row("SETLPIR", 0x40, 8, 0),
    Row("CLRLPIR", 0x48, 8, 0),
    Row("PROPBASER", 0x70, 8, 0),
    Row("PENDBASER", 0x78, 8, 0),
    Row("INVLPIR", 0xa0, 8, 0),
    Row("INVALLR", 0xb0, 8, 0),
    Row("SYNCR", 0xc0, 4, 0),
    Row("PIDR", 0xffe0, 4, 4),
    Row("CIDR", 0xfff0, 4, 4),
];

const GITS_ROWS: &[Row] = &[
    Row("CTLR", 0, 4, 0),
    Row("IIDR", 4, 4, 0),
    Row("TYPER", 8, 8, 0),
    Row("CBASER", 0x80, 8, 0),
    Row("CWRITER", 0x88, 8, 0),
    Row("CREADR", 0x90, 8, 0),
    Row("BASER", 0x100, 8, 8),
    Row("TRANSLATER", 0x10040, 4, 0),
    Row("PIDR", 0xffe0, 4, 4),
    Row("CIDR", 0xfff0, 4, 4),
];

const UART_ROWS: &[Row] = &[Row("IMSC", 0x38, 4, 0), Row("RIS", 0x3c, 4, 0)];

/// System registers: name without ICC_ and _EL1, then op1, CRn, CRm, op2; op0 is 3.
const SYSTEM: &[(&str, [u32; 4])] = &[
    ("PMR", [0, 4, 6, 0]),
    ("IAR0", [0, 12, 8, 0]),
    ("EOIR0", [0, 12, 8, 1]),
    ("HPPIR0", [0, 12, 8, 2]),
    ("BPR0", [0, 12, 8, 3]),
    ("AP0R0", [0, 12, 8, 4]),
    ("AP0R1", [0, 12, 8, 5]),
    ("AP0R2", [0, 12, 8, 6]),
    ("AP0R3", [0, 12, 8, 7]),
    ("NMIAR1", [0, 12, 9, 5]),
    ("AP1R0", [0, 12, 9, 0]),
    ("AP1R1", [0, 12, 9, 1]),
    ("AP1R2", [0, 12, 9, 2]),
    ("AP1R3", [0, 12, 9, 3]),
    ("DIR", [0, 12, 11, 1]),
    ("RPR", [0, 12, 11, 3]),
    ("SGI1R", [0, 12, 11, 5]),
    ("ASGI1R", [0, 12, 11, 6]),
    ("SGI0R", [0, 12, 11, 7]),
    ("IAR1", [0, 12, 12, 0]),
    ("EOIR1", [0, 12, 12, 1]),
    ("HPPIR1", [0, 12, 12, 2]),
    ("BPR1", [0, 12, 12, 3]),
    ("CTLR", [0, 12, 12, 4]),
    ("SRE", [0, 12, 12, 5]),
    ("IGRPEN0", [0, 12, 12, 6]),
    ("IGRPEN1", [0, 12, 12, 7]),
    ("SRE_EL3", [6, 12, 12, 5]),
    ("CTLR_EL3", [6, 12, 12, 4]),
    ("IGRPEN1_EL3", [6, 12, 12, 7]),
    ("SCR", [6, 1, 1, 0]),
    ("HCR", [4, 1, 1, 0]),
    ("SRE_EL2", [4, 12, 9, 5]),
    ("ICH_HCR", [4, 12, 11, 0]),
    ("ICH_VTR", [4, 12, 11, 1]),
    ("ICH_MISR", [4, 12, 11, 2]),
    ("ICH_EISR", [4, 12, 11, 3]),
    ("ICH_ELRSR", [4, 12, 11, 5]),
    ("ICH_VMCR", [4, 12, 11, 7]),
    ("ICH_LR0", [4, 12, 12, 0]),
    ("MPIDR", [0, 0, 0, 5]),
    ("ID_AA64PFR0", [0, 0, 4, 0]),
    ("ISR", [0, 12, 1, 0]),
];

/// The operand of MRS and MSR of a register of `SYSTEM`.
pub fn system(name: &str) -> Option<u32> {
    let (_, [op1, crn, crm, op2]) = SYSTEM.iter().find(|(n, _)| *n == name)?;
    Some(1 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2)
}

fn row(rows: &[Row], name: &str) -> Option<(u64, u8)> {
    if let Some(Row(_, offset, size, _)) = rows.iter().find(|r| r.0 == name && r.3 == 0) {
        return Some((*offset, *size));
    }
    let digits = name.find(|c: char| c.is_ascii_digit())?;
    let n: u64 = name[digits..].parse().ok()?;
    let Row(_, offset, size, stride) = rows.iter().find(|r| r.0 == &name[..digits] && r.3 != 0)?;
    Some((offset + n * stride, *size))
}

/// A register in a frame: `GICD.ISENABLER1`, `GICR.WAKER`, `GICR1.ISPENDR0`, `GICD+0x104`. Without a number, GICR is
/// that of `pe`.
pub fn memory(text: &str, pe: u64) -> Option<(u64, u8)> {
    let at = text.find(['.', '+'])?;
    let (frame, name) = (&text[..at], &text[at + 1..]);
    let redistributor = |pe: u64| GICR + pe * GICR_STRIDE;
    let (base, rows): (u64, &[Row]) = match frame {
        "GICD" => (GICD, GICD_ROWS),
        "GICR" => (redistributor(pe), GICR_ROWS),
        "GICR0" => (redistributor(0), GICR_ROWS),
        "GICR1" => (redistributor(1), GICR_ROWS),
        "GITS" => (GITS, GITS_ROWS),
        "UART" => (UART, UART_ROWS),
        _ => return None,
    };
    if &text[at..=at] == "+" {
        return Some((base + crate::statement::number(name)?, 4));
    }
    if let Some((offset, size)) = row(rows, name) {
        return Some((base + offset, size));
    }
    let shared = match frame {
        "GICD" => base,
        "GICR" | "GICR0" | "GICR1" => base + SGI_FRAME,
        _ => return None,
    };
    row(ARRAYS, name).map(|(offset, size)| (shared + offset, size))
}
