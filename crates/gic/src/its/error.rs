//! What can be wrong with an interrupt message or an ITS command, said once for both.

use std::fmt;

/// Which check failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The ITS makes no translations now: disabled, or without a device table.
    Closed,
    /// The DeviceID is beyond GITS_TYPER.Devbits or the device table.
    DeviceOutOfRange,
    /// No MAPD for this DeviceID.
    DeviceUnmapped,
    /// The EventID is beyond GITS_TYPER.ID_bits or what MAPD gave the device.
    EventOutOfRange,
    /// No MAPTI or MAPI for this EventID.
    EventUnmapped,
    /// The ICID is beyond the collection table, or that has no room.
    CollectionOutOfRange,
    /// No MAPC for the event's ICID.
    CollectionUnmapped,
    /// MAPD with more EventID bits than GITS_TYPER.ID_bits.
    IttSize,
    /// RDbase names no redistributor.
    Processor,
    /// The INTID is no LPI of this GIC, or of the redistributor.
    IntidOutOfRange,
    /// Not a command of a GICv3 ITS.
    Unknown,
    /// There is no memory where the queue or a table should be.
    Unbacked,
}

/// Fault, last byte of the command's error code, syndrome of an unmapped MSI, words.
const FAULTS: &[(Fault, u32, u32, &str)] = &[
    (Fault::Closed, 0, 0, "the ITS is disabled or has no device table"),
    (Fault::DeviceOutOfRange, 1, 0b0010, "the DeviceID is out of range"),
    (Fault::DeviceUnmapped, 4, 0b0011, "the device is unmapped"),
    (Fault::EventOutOfRange, 5, 0b0100, "the EventID is out of the device's range"),
    (Fault::EventUnmapped, 7, 0b0101, "the event is unmapped"),
    (Fault::CollectionOutOfRange, 3, 0, "the ICID is out of range, or the collection table is full"),
    (Fault::CollectionUnmapped, 9, 0b0111, "the collection is unmapped"),
    (Fault::IttSize, 2, 0, "the device has too many EventID bits"),
    (Fault::Processor, 2, 0, "RDbase names no redistributor"),
    (Fault::IntidOutOfRange, 6, 0, "the INTID is no LPI that is implemented"),
    (Fault::Unknown, 0, 0, "there is no such command"),
    (Fault::Unbacked, 0, 0, "there is no memory at the queue or table"),
];

const CLEAR: u8 = 0x04;
const MOVALL: u8 = 0x0e;

impl Fault {
    fn row(self) -> &'static (Fault, u32, u32, &'static str) {
        FAULTS.iter().find(|row| row.0 == self).expect("every fault has a row")
    }

    /// GITS_STATUSR.Syndrome; 0 is not reported.
    pub(super) fn syndrome(self) -> u32 {
        self.row().2
    }

    /// As the outcome of a command.
    pub(super) fn of_command(self, opcode: u8) -> CommandError {
        // Each command numbers its own; MOVALL's only operand that can be wrong is its first.
        let last = if (opcode, self) == (MOVALL, Fault::Processor) { 1 } else { self.row().1 };
        // The manual counts CLEAR's from 0x010500, though its opcode is 4.
        let command = if opcode == CLEAR { 5 } else { opcode };
        CommandError { code: 1 << 16 | u32::from(command) << 8 | last, fault: self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().3)
    }
}

/// Why a command was not performed. No register shows it; it is for who takes the system error, with GITS_TYPER.SEIS, and
/// for whoever looks for the reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandError {
    /// As an ITS with GITS_TYPER.SEIS reports it in its syndrome (IHI 0069, "ITS command error encodings"); the last
    /// byte is 0 where that has no number.
    pub code: u32,
    /// Which check failed.
    pub fault: Fault,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ITS command error {:#08x}: {}", self.code, self.fault)
    }
}

impl std::error::Error for CommandError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chk_14_6_codes_and_words() {
        let error = Fault::DeviceUnmapped.of_command(0x0a);
        assert_eq!(error.to_string(), "ITS command error 0x010a04: the device is unmapped");
        assert_eq!(Fault::Processor.of_command(0x09).code, 0x010902);
        assert_eq!(Fault::Processor.of_command(0x0e).code, 0x010e01);
    }
}
