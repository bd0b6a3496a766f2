//! The registers and FIFO of a PL011, without lock, wire or terminal.
//!
//! A character takes no time: transmission ends when DR is written, and the receive timeout (32 bit
//! periods of silence) has passed as soon as a batch of input has been put.

use crate::primecell;
use std::collections::VecDeque;

/// Receive FIFO depth in characters. Linux takes 16 from a revision below 3 in PeriphID2.
pub const FIFO_DEPTH: usize = 16;

/// Part 011, designer Arm, revision 1: the one whose FIFOs are 16 deep.
const PERIPHERAL_ID: [u8; 4] = [0x11, 0x10, 0x14, 0x00];

const DR: u64 = 0x000;
const RSR_ECR: u64 = 0x004;
pub const FR: u64 = 0x018;
const ILPR: u64 = 0x020;
const IBRD: u64 = 0x024;
const FBRD: u64 = 0x028;
const LCR_H: u64 = 0x02c;
const CR: u64 = 0x030;
const IFLS: u64 = 0x034;
const IMSC: u64 = 0x038;
const RIS: u64 = 0x03c;
const MIS: u64 = 0x040;
const ICR: u64 = 0x044;
const DMACR: u64 = 0x048;

/// Error flags that travel with a received character in DR[11:8]; RSR shows them as [3:0].
mod error {
    pub const BREAK: u16 = 1 << 10;
    pub const OVERRUN: u16 = 1 << 11;
}

/// Interrupts, by their bit in IMSC, RIS, MIS and ICR.
mod int {
    pub const RI: u32 = 1 << 0;
    pub const CTS: u32 = 1 << 1;
    pub const DCD: u32 = 1 << 2;
    pub const DSR: u32 = 1 << 3;
    pub const RX: u32 = 1 << 4;
    pub const TX: u32 = 1 << 5;
    pub const RX_TIMEOUT: u32 = 1 << 6;
    pub const BREAK: u32 = 1 << 9;
    pub const OVERRUN: u32 = 1 << 10;
    pub const ALL: u32 = 0x7ff;
}

const FR_RX_EMPTY: u32 = 1 << 4;
const FR_RX_FULL: u32 = 1 << 6;
const FR_TX_EMPTY: u32 = 1 << 7;
const LCR_H_BREAK: u32 = 1 << 0;
const LCR_H_FIFO_ENABLE: u32 = 1 << 4;
const CR_LOOPBACK: u32 = 1 << 7;
const CR_IMPLEMENTED: u32 = 0xff87;

/// In loopback, which output in CR appears as which input in FR and raises which interrupt.
const MODEM: [(u32, u32, u32); 4] = [
    // CR         FR      interrupt
    (1 << 11, 1 << 0, int::CTS), // RTS
    (1 << 10, 1 << 1, int::DSR), // DTR
    (1 << 12, 1 << 2, int::DCD), // Out1
    (1 << 13, 1 << 8, int::RI),  // Out2
];

/// Guest-visible state. Fields hold implemented bits only.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Regs {
    fifo: VecDeque<u16>, // received characters with their error flags
    lost: bool,          // a character came while the FIFO was full; the next one to fit says so
    status: u32,         // RSR
    ilpr: u32,
    ibrd: u32,
    fbrd: u32,
    lcr_h: u32,
    cr: u32,
    ifls: u32,
    mask: u32,
    raw: u32,
    dmacr: u32,
}

impl Regs {
    /// Power-on values (ARM DDI 0183, "Register summary").
    pub fn power_on() -> Regs {
        Regs {
            fifo: VecDeque::with_capacity(FIFO_DEPTH),
            lost: false,
            status: 0,
            ilpr: 0,
            ibrd: 0,
            fbrd: 0,
            lcr_h: 0,
            cr: 0x0300, // RXE, TXE
            ifls: 0x12, // half full, both ways
            mask: 0,
            raw: 0,
            dmacr: 0,
        }
    }

    /// As they were elsewhere, with the bits there are.
    pub fn restored(mut self) -> Regs {
        self.fifo.truncate(FIFO_DEPTH);
        (self.cr, self.mask, self.raw) = (self.cr & CR_IMPLEMENTED, self.mask & int::ALL, self.raw & int::ALL);
        self
    }

    /// The level of the interrupt output.
    pub fn interrupt(&self) -> bool {
        self.raw & self.mask != 0
    }

    /// Would a received character raise the interrupt?
    pub fn interrupts_on_input(&self) -> bool {
        self.mask & (int::RX | int::RX_TIMEOUT) != 0
    }

    /// How many characters fit now.
    pub fn room(&self) -> usize {
        self.depth() - self.fifo.len().min(self.depth())
    }

    /// Characters from the line, as many as fit; says how many. Accepted before the guest enables the
    /// UART too, so that what was typed early is not lost.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        bytes[..taken].iter().for_each(|&b| self.put(b.into()));
        taken
    }

    /// A register read; reading DR takes a character.
    pub fn read(&mut self, offset: u64) -> u32 {
        match offset {
            DR => self.take(),
            RSR_ECR => self.status,
            FR => self.flags(),
            ILPR => self.ilpr,
            IBRD => self.ibrd,
            FBRD => self.fbrd,
            LCR_H => self.lcr_h,
            CR => self.cr,
            IFLS => self.ifls,
            IMSC => self.mask,
            RIS => self.raw,
            MIS => self.raw & self.mask,
            DMACR => self.dmacr,
            _ => primecell::id(PERIPHERAL_ID, offset),
        }
    }

    /// A register write; returns the character to put on the line, if it sends one.
    #[must_use]
    pub fn write(&mut self, offset: u64, value: u32) -> Option<u8> {
        match offset {
            DR => return self.send(value as u8),
            RSR_ECR => self.status = 0,
            ILPR => self.ilpr = value & 0xff,
            IBRD => self.ibrd = value & 0xffff,
            FBRD => self.fbrd = value & 0x3f,
            LCR_H => self.set_line_control(value & 0xff),
            CR => self.set_control(value & CR_IMPLEMENTED),
            IFLS => self.ifls = value & 0x3f,
            IMSC => self.mask = value & int::ALL,
            ICR => self.raw &= !value,
            DMACR => self.dmacr = value & 7, // kept, but nothing requests DMA
            _ => {}
        }
        None
    }

    fn fifo_enabled(&self) -> bool {
        self.lcr_h & LCR_H_FIFO_ENABLE != 0
    }

    fn depth(&self) -> usize {
        if self.fifo_enabled() { FIFO_DEPTH } else { 1 }
    }

    /// Characters at which the receive interrupt rises: IFLS.RXIFLSEL as 1/8, 1/4, 1/2, 3/4, 7/8.
    fn rx_trigger(&self) -> usize {
        const EIGHTHS: [usize; 8] = [1, 2, 4, 6, 7, 7, 7, 7]; // the last three are reserved
        if self.fifo_enabled() { EIGHTHS[(self.ifls >> 3) as usize & 7] * FIFO_DEPTH / 8 } else { 1 }
    }

    /// Puts one character with its flags; a full FIFO drops it and remembers the overrun.
    fn put(&mut self, character: u16) {
        if self.room() == 0 {
            self.lost = true;
            self.status |= u32::from(error::OVERRUN >> 8);
            self.raw |= int::OVERRUN;
            return;
        }
        let overrun = if std::mem::take(&mut self.lost) { error::OVERRUN } else { 0 };
        self.fifo.push_back(character | overrun);
        // RX is a transition to the trigger level: cleared by ICR, it stays clear while the FIFO is above.
        if self.fifo.len() == self.rx_trigger() {
            self.raw |= int::RX;
        }
        self.raw |= int::RX_TIMEOUT;
    }

    /// Takes one character; an empty FIFO gives zero.
    fn take(&mut self) -> u32 {
        let Some(character) = self.fifo.pop_front() else { return 0 };
        self.status = u32::from(character >> 8) | self.status & u32::from(error::OVERRUN >> 8);
        if self.fifo.len() < self.rx_trigger() {
            self.raw &= !int::RX;
        }
        if self.fifo.is_empty() {
            self.raw &= !int::RX_TIMEOUT;
        }
        character.into()
    }

    /// Sends one character, whatever CR says: guests made for boards whose firmware has enabled the UART
    /// write DR first and set up later. The FIFO is empty again at once, which is the TX transition.
    fn send(&mut self, byte: u8) -> Option<u8> {
        self.raw |= int::TX;
        if self.cr & CR_LOOPBACK == 0 {
            return Some(byte);
        }
        self.put(byte.into());
        None
    }

    fn set_line_control(&mut self, value: u32) {
        let changed = self.lcr_h ^ value;
        self.lcr_h = value;
        if changed & LCR_H_FIFO_ENABLE != 0 {
            // Switching between FIFO and holding register flushes both ways.
            self.fifo.clear();
            self.raw &= !(int::RX | int::RX_TIMEOUT);
        }
        if changed & value & LCR_H_BREAK != 0 && self.cr & CR_LOOPBACK != 0 {
            self.raw |= int::BREAK;
            self.put(error::BREAK);
        }
    }

    fn set_control(&mut self, value: u32) {
        let before = self.modem_inputs();
        self.cr = value;
        let changed = before ^ self.modem_inputs();
        self.raw |= MODEM.iter().filter(|(_, input, _)| changed & input != 0).fold(0, |r, (_, _, i)| r | i);
    }

    /// CTS, DSR, DCD and RI as FR shows them; the board leaves the pins open.
    fn modem_inputs(&self) -> u32 {
        if self.cr & CR_LOOPBACK == 0 {
            return 0;
        }
        MODEM.iter().filter(|(output, ..)| self.cr & output != 0).fold(0, |f, (_, input, _)| f | input)
    }

    /// FR.
    pub fn flags(&self) -> u32 {
        let empty = if self.fifo.is_empty() { FR_RX_EMPTY } else { 0 };
        let full = if self.room() == 0 { FR_RX_FULL } else { 0 };
        FR_TX_EMPTY | empty | full | self.modem_inputs()
    }
}
