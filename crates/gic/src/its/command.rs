//! ITS commands: 32 bytes each, the first of which says which (IHI 0069, "ITS commands").

use hw::PhysAddr;

/// One command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    Movi { device: u32, event: u32, icid: u16 },
    Int { device: u32, event: u32 },
    Clear { device: u32, event: u32 },
    Sync { pe: u64 },
    Mapd { device: u32, event_bits: u32, itt: PhysAddr, valid: bool },
    Mapc { icid: u16, pe: u64, valid: bool },
    Mapti { device: u32, event: u32, intid: u32, icid: u16 },
    Inv { device: u32, event: u32 },
    Invall { icid: u16 },
    Movall { from: u64, to: u64 },
    Discard { device: u32, event: u32 },
}

/// The opcode of a command.
pub(super) fn opcode(words: [u64; 4]) -> u8 {
    words[0] as u8
}

/// `None` is no command of a GICv3 ITS; those of GICv4 are not.
pub(super) fn decode(words: [u64; 4]) -> Option<Command> {
    let (device, event) = ((words[0] >> 32) as u32, words[1] as u32);
    // GITS_TYPER.PTA is 0: RDbase is a processor number, where an address's bits [51:16] would be.
    let rdbase = |word: u64| word >> 16 & ((1 << 36) - 1);
    let (icid, valid) = (words[2] as u16, words[2] >> 63 != 0);
    Some(match opcode(words) {
        0x01 => Command::Movi { device, event, icid },
        0x03 => Command::Int { device, event },
        0x04 => Command::Clear { device, event },
        0x05 => Command::Sync { pe: rdbase(words[2]) },
        0x08 => {
            let itt = PhysAddr(words[2] & 0x000f_ffff_ffff_ff00);
            Command::Mapd { device, event_bits: (words[1] as u32 & 0x1f) + 1, itt, valid }
        }
        0x09 => Command::Mapc { icid, pe: rdbase(words[2]), valid },
        0x0a => Command::Mapti { device, event, intid: (words[1] >> 32) as u32, icid },
        // MAPI: the EventID is the INTID.
        0x0b => Command::Mapti { device, event, intid: event, icid },
        0x0c => Command::Inv { device, event },
        0x0d => Command::Invall { icid },
        0x0e => Command::Movall { from: rdbase(words[2]), to: rdbase(words[3]) },
        0x0f => Command::Discard { device, event },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chk_14_fields_are_where_the_manual_has_them() {
        let (device, event) = (0x0a0b_0c0d, 0x0102_0304);
        let dw0 = |op: u64| op | u64::from(device) << 32;
        let check = |words, command| assert_eq!(decode(words), Some(command));
        let dw1 = u64::from(event) | 9000 << 32;
        check([dw0(1), dw1, 0xffff_1234, 0], Command::Movi { device, event, icid: 0x1234 });
        check([dw0(5), 0, 3 << 16, 0], Command::Sync { pe: 3 });
        let itt = PhysAddr(0x0008_1234_5678_9a00);
        check([dw0(8), 4, 1 << 63 | itt.0 | 0xff, 0], Command::Mapd { device, event_bits: 5, itt, valid: true });
        check([9, 0, 1 << 63 | 2 << 16 | 7, 0], Command::Mapc { icid: 7, pe: 2, valid: true });
        check([dw0(10), dw1, 7, 0], Command::Mapti { device, event, intid: 9000, icid: 7 });
        check([dw0(11), dw1, 7, 0], Command::Mapti { device, event, intid: event, icid: 7 });
        check([14, 0, 2 << 16, 5 << 16], Command::Movall { from: 2, to: 5 });
        assert_eq!(decode([0x2a, 0, 0, 0]), None, "VMAPTI");
    }
}
