//! GITS through the interface (docits, KVM_DEV_ARM_VGIC_GRP_ITS_REGS): values are always 64 bits.

use super::{COLLECTIONS, DEVICES, State};
use crate::access::Direction;
use crate::errno::{Errno, Refusal};

/// A register that holds something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Register {
    Ctlr,
    Cbaser,
    Cwriter,
    Creadr,
    Devices,
    Collections,
}

impl Register {
    pub const COUNT: usize = 6;

    /// At creation. Tables: cacheable, shared, 64 KiB pages.
    pub const RESET: [u64; Register::COUNT] = [0, 0, 0, 0, 0x1907_0000_0000_0600, 0x1c07_0000_0000_0600];

    /// In which they are put into an ITS: enabling comes last.
    pub const IN_ORDER: [Register; Register::COUNT] = {
        use Register::*;
        [Cbaser, Creadr, Devices, Collections, Cwriter, Ctlr]
    };

    pub fn offset(self) -> u32 {
        match self {
            Register::Ctlr => 0x0,
            Register::Cbaser => 0x80,
            Register::Cwriter => 0x88,
            Register::Creadr => 0x90,
            Register::Devices => 0x100,
            Register::Collections => 0x108,
        }
    }
}

const ENABLED: u64 = 1 << 0;
const QUIESCENT: u64 = 1 << 31;
pub(super) const VALID: u64 = 1 << 63;
const INDIRECT: u64 = 1 << 62;
/// Type and entry size, which are fixed; and the page size, 64 KiB.
const BASER_FIXED: u64 = 7 << 56 | 0x1f << 48 | 3 << 8;
/// Where in the command queue: [19:5].
const OFFSET: u64 = 0xf_ffe0;
/// Address bits that are not there, as the queue is 64 KiB aligned.
const CBASER_RES0: u64 = 0xf000;

const IIDR: u64 = 0x4b00_043b;
/// The only revision of the tables' layout.
const ABI: u64 = 0;
/// Physical LPIs; 8-byte entries of translation tables; 16 bits of EventID and of DeviceID.
const TYPER: u64 = 0x1_ef71;

impl State {
    pub fn get(&self, register: Register) -> u64 {
        match self.live() {
            None => self.file[register as usize],
            // CTLR and CREADR have status bits besides.
            Some(live) => {
                let value = live.raw_read(register.offset()).expect("the ITS has this register");
                match register {
                    Register::Ctlr => value & ENABLED,
                    Register::Creadr => value & OFFSET,
                    Register::Cbaser if value == self.cbaser_effect => self.file[Register::Cbaser as usize],
                    _ => value,
                }
            }
        }
    }

    pub(super) fn put(&mut self, register: Register, value: u64) {
        self.file[register as usize] = value;
        let Some(live) = self.live() else { return };
        live.raw_write(register.offset(), value);
        if register == Register::Cbaser {
            self.cbaser_effect = live.raw_read(register.offset()).expect("the ITS has this register");
        }
    }

    pub fn enabled(&self) -> bool {
        self.get(Register::Ctlr) & ENABLED != 0
    }

    /// Bytes of the command queue.
    fn queue_size(&self) -> u64 {
        ((self.get(Register::Cbaser) & 0xff) + 1) << 12
    }

    /// KVM_DEV_ARM_ITS_CTRL_RESET: the revision of the layout and the address stay.
    pub fn reset(&mut self) {
        self.put(Register::Ctlr, 0);
        for register in [Register::Devices, Register::Collections] {
            self.put(register, self.get(register) & !VALID);
        }
        // Which also empties the queue.
        self.put(Register::Cwriter, 0);
        self.put(Register::Cbaser, 0);
        self.put(Register::Creadr, 0);
        self.set_used([false; 2]);
    }
}

/// Offsets and widths, for HAS and for what has no effect.
const PLACES: [(u32, u32); 7] = [(0x0, 4), (0x4, 4), (0x8, 8), (0x80, 8), (0x88, 8), (0x90, 8), (0x100, 0x40)];
const IDENTIFICATION: std::ops::Range<u32> = 0xffd0..0x1_0000;

/// Registers of 32 bits are aligned to 4, the others to 8.
pub(crate) fn check_alignment(offset: u64) -> Result<(), Refusal> {
    let alignment = if offset < 0x8 || offset >= IDENTIFICATION.start.into() { 4 } else { 8 };
    match offset.is_multiple_of(alignment) {
        true => Ok(()),
        false => Err(Errno::Inval.because("the offset is not aligned as the registers there are").about(offset)),
    }
}

/// Upstream takes the lower 32 bits of an offset when it looks for a register; we do not imitate that.
pub(crate) fn check_exists(offset: u64) -> Result<u32, Refusal> {
    let absent = Errno::NxIo.because("an ITS has no register at this offset").about(offset);
    let offset = u32::try_from(offset).map_err(|_| absent)?;
    let there = PLACES.iter().any(|&(first, size)| (first..first + size).contains(&offset));
    if there || IDENTIFICATION.contains(&offset) { Ok(offset) } else { Err(absent) }
}

/// The access itself, to a register that exists.
pub(crate) fn access(its: &mut State, offset: u32, direction: Direction) -> Result<u64, Refusal> {
    match direction {
        Direction::Get => Ok(get(its, offset)),
        Direction::Set(value) => set(its, offset, value).map(|()| 0),
    }
}

fn get(its: &State, offset: u32) -> u64 {
    match offset {
        0x0 => {
            let idle = its.get(Register::Creadr) == its.get(Register::Cwriter);
            its.get(Register::Ctlr) | if idle { QUIESCENT } else { 0 }
        }
        0x4 => IIDR | u64::from(its.abi) << 12,
        0x8 => TYPER,
        0x80 => its.get(Register::Cbaser),
        0x88 => its.get(Register::Cwriter),
        0x90 => its.get(Register::Creadr),
        0x100 => its.get(Register::Devices),
        0x108 => its.get(Register::Collections),
        0xffd0 => 0x40,
        0xffe0 => 0x92,
        0xffe4 => 0xb4,
        0xffe8 => 0x3b,
        0xfff0 => 0x0d,
        0xfff4 => 0xf0,
        0xfff8 => 0x05,
        0xfffc => 0xb1,
        _ => 0,
    }
}

fn set(its: &mut State, offset: u32, value: u64) -> Result<(), Refusal> {
    match offset {
        0x0 => set_ctlr(its, value),
        0x4 if value >> 12 & 0xf > ABI => {
            let revision = value >> 12 & 0xf;
            return Err(Errno::Inval.because("the tables have no layout of this revision").about(revision));
        }
        0x4 => its.abi = (value >> 12 & 0xf) as u8,
        0x80 if !its.enabled() => {
            its.put(Register::Cwriter, 0);
            its.put(Register::Cbaser, sanitised(value) & !CBASER_RES0);
            its.put(Register::Creadr, 0);
        }
        0x88 if value & OFFSET < its.queue_size() => its.put(Register::Cwriter, value & OFFSET),
        0x90 if its.enabled() => {
            return Err(Errno::Busy.because("the ITS is enabled, so GITS_CREADR is its own"));
        }
        0x90 if value & OFFSET >= its.queue_size() => {
            return Err(Errno::Inval.because("GITS_CREADR would be beyond the command queue").about(value));
        }
        0x90 => its.put(Register::Creadr, value & OFFSET),
        0x100 => set_baser(its, Register::Devices, DEVICES, value),
        0x108 => set_baser(its, Register::Collections, COLLECTIONS, value & !INDIRECT),
        _ => {}
    }
    Ok(())
}

/// Enabling an ITS without tables or queue is ignored. Commands that wait are executed before this returns.
fn set_ctlr(its: &mut State, value: u64) {
    let missing = |register| its.get(register) & VALID == 0;
    let complete = ![Register::Devices, Register::Collections, Register::Cbaser].into_iter().any(missing);
    if value & ENABLED == 0 {
        its.put(Register::Ctlr, 0);
    } else if complete {
        its.put(Register::Ctlr, ENABLED);
        its.used = [true; 2];
    }
}

/// A table of which anything changes is another table: what was mapped is gone.
fn set_baser(its: &mut State, register: Register, table: usize, value: u64) {
    let old = its.get(register);
    let new = sanitised(value) & !BASER_FIXED | Register::RESET[register as usize] & BASER_FIXED;
    if !its.enabled() && new != old {
        its.put(register, new);
        its.used[table] = false;
    }
}

/// GITS_CBASER and GITS_BASERn: Outer Shareable becomes Inner; an inner cacheability that is not cacheable becomes
/// Write-Back; an outer one that is not as the inner becomes "as inner".
fn sanitised(value: u64) -> u64 {
    let shareability = if value >> 10 & 3 == 2 { 1 } else { value >> 10 & 3 };
    let inner = if value >> 59 & 7 <= 1 { 3 } else { value >> 59 & 7 };
    let outer = if value >> 53 & 7 <= 1 { value >> 53 & 7 } else { 0 };
    value & !(3 << 10 | 7 << 59 | 7 << 53) | shareability << 10 | inner << 59 | outer << 53
}
