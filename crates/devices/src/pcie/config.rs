//! The configuration space of one function: what it is, where its BARs are, what it can do.
//!
//! Bytes and a mask of those bits that software may change; nothing else remembers anything. There are no extended
//! capabilities, so that the space above 256 bytes reads as zero.

use super::lanes::{Write, merge, part};
use hw::AccessSize;
use std::ops::Range;

/// Bytes that can be other than zero.
pub(crate) const SIZE: usize = 256;

const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const BAR0: usize = 0x10;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3c;
const INTERRUPT_PIN: usize = 0x3d;
/// Where the first capability is.
const FIRST_CAPABILITY: usize = 0x40;

/// Command register.
const MEMORY: u16 = 1 << 1;
const BUS_MASTER: u16 = 1 << 2;
const INTX_DISABLE: u16 = 1 << 10;
/// Status register.
const INTERRUPT: u8 = 1 << 3;
const HAS_CAPABILITIES: u8 = 1 << 4;

/// Who made a function, and what it is.
pub(crate) struct Identity {
    pub vendor: u16,
    pub device: u16,
    pub revision: u8,
    /// Class, subclass, programming interface.
    pub class: [u8; 3],
    pub subsystem: (u16, u16),
}

/// Configuration space.
#[derive(Clone)]
pub(crate) struct Config {
    bytes: [u8; SIZE],
    /// Bits that software may change.
    writable: [u8; SIZE],
    /// Bytes of each BAR, 0 for none.
    bars: [u32; 6],
    /// Where the last capability says which is next, and where the next will be.
    link: usize,
    free: usize,
}

impl Config {
    /// That of a function with one interrupt pin, and neither BARs nor capabilities yet.
    pub fn new(identity: &Identity) -> Config {
        let Identity { vendor, device, revision, class: [class, subclass, interface], subsystem } = identity;
        let mut it =
            Config { bytes: [0; SIZE], writable: [0; SIZE], bars: [0; 6], link: CAPABILITIES, free: FIRST_CAPABILITY };
        it.put(0x00, &vendor.to_le_bytes());
        it.put(0x02, &device.to_le_bytes());
        it.put(0x08, &[*revision, *interface, *subclass, *class]);
        it.put(0x2c, &subsystem.0.to_le_bytes());
        it.put(0x2e, &subsystem.1.to_le_bytes());
        it.put(INTERRUPT_PIN, &[1]);
        it.allow(COMMAND, &(MEMORY | BUS_MASTER | INTX_DISABLE).to_le_bytes());
        it.allow(INTERRUPT_LINE, &[0xff]);
        it
    }

    /// BAR number `index`: 32-bit memory, not prefetchable, of `size` bytes, a power of two from 16 on.
    pub fn add_bar(&mut self, index: usize, size: u32) {
        assert!(size.is_power_of_two() && size >= 16, "the low bits of a BAR say what it is");
        self.bars[index] = size;
        self.allow(BAR0 + 4 * index, &(!(size - 1)).to_le_bytes());
    }

    /// Appends a capability: its ID, then after the link `body`, of which software may change the bits in `writable`.
    /// Where it is.
    pub fn add_capability(&mut self, id: u8, body: &[u8], writable: &[u8]) -> usize {
        let at = self.free;
        self.free = (at + 2 + body.len()).next_multiple_of(4);
        assert!(self.free <= SIZE, "a function has few capabilities");
        self.put(STATUS, &[HAS_CAPABILITIES]);
        self.put(self.link, &[at as u8]);
        self.put(at, &[id]);
        self.put(at + 2, body);
        self.allow(at + 2, writable);
        self.link = at + 1;
        at
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, at: usize, bits: &[u8]) {
        self.writable[at..at + bits.len()].copy_from_slice(bits);
    }

    pub fn byte(&self, at: usize) -> u8 {
        self.bytes[at]
    }

    pub fn half(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    pub fn word(&self, at: usize) -> u32 {
        u32::from(self.half(at)) | u32::from(self.half(at + 2)) << 16
    }

    /// A read of any size, at any offset.
    pub fn read(&self, offset: u64, size: AccessSize) -> u64 {
        self.touched(offset, size)
            .fold(0, |value, at| value | part(self.bytes[at].into(), (at as u64, 1), offset, size))
    }

    /// A write of any size, at any offset.
    pub fn write(&mut self, write: Write) {
        for at in self.touched(write.offset, write.size) {
            let (old, writable) = (self.bytes[at], self.writable[at]);
            let new = merge(old.into(), (at as u64, 1), write).unwrap_or(old.into()) as u8;
            self.bytes[at] = old & !writable | new & writable;
        }
    }

    fn touched(&self, offset: u64, size: AccessSize) -> Range<usize> {
        let place = |at: u64| at.min(SIZE as u64) as usize;
        place(offset)..place(offset + size.bytes())
    }

    /// Where BAR `index` is, if the function answers there.
    pub fn bar(&self, index: usize) -> Option<Range<u64>> {
        let (base, size) = (u64::from(self.word(BAR0 + 4 * index)), u64::from(self.bars[index]));
        (size != 0 && self.half(COMMAND) & MEMORY != 0).then(|| base..base + size)
    }

    /// May it write memory and send messages?
    pub fn is_master(&self) -> bool {
        self.half(COMMAND) & BUS_MASTER != 0
    }

    pub fn may_assert_intx(&self) -> bool {
        self.half(COMMAND) & INTX_DISABLE == 0
    }

    /// What the status register says of INTx.
    pub fn show_interrupt(&mut self, pending: bool) {
        let status = self.bytes[STATUS] & !INTERRUPT;
        self.bytes[STATUS] = status | if pending { INTERRUPT } else { 0 };
    }

    /// What software has put in, to save it.
    pub fn saved(&self) -> Vec<u8> {
        self.bytes.iter().zip(&self.writable).map(|(byte, writable)| byte & writable).collect()
    }

    /// The same put in again; `None` if it is not that of such a function.
    pub fn restore(&mut self, saved: &[u8]) -> Option<()> {
        let foreign = |(saved, writable): (&u8, &u8)| saved & !writable != 0;
        if saved.len() != SIZE || saved.iter().zip(&self.writable).any(foreign) {
            return None;
        }
        for ((byte, writable), saved) in self.bytes.iter_mut().zip(&self.writable).zip(saved) {
            *byte = *byte & !writable | saved;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccessSize::*;

    fn config() -> Config {
        let class = [0x02, 0x80, 0x01];
        let identity = Identity { vendor: 0x1af4, device: 0x1041, revision: 3, class, subsystem: (0x1af4, 0x40) };
        let mut it = Config::new(&identity);
        it.add_bar(0, 0x4000);
        it.add_bar(1, 0x1000);
        it.add_capability(0x11, &[1, 0, 2, 3], &[0, 0xc0]);
        it.add_capability(0x09, &[7], &[]);
        it
    }

    /// `r OFFSET SIZE VALUE` (expected), `w OFFSET SIZE VALUE`, numbers in hex.
    #[track_caller]
    fn check(script: &str) {
        let mut it = config();
        for step in script.split(';') {
            let words: Vec<_> = step.split_whitespace().collect();
            let n = |i: usize| u64::from_str_radix(words[i], 16).unwrap();
            let (offset, size) = (n(1), AccessSize::from_log2(n(2).trailing_zeros()));
            match words[0] {
                "r" => assert_eq!(it.read(offset, size), n(3), "{step}"),
                _ => it.write(Write { offset, size, value: n(3) }),
            }
        }
    }

    #[rustfmt::skip]
    mod lines {
        use super::check;
        #[test] fn says_what_it_is()     { check("r 0 4 10411af4; r 8 4 02800103; r e 1 0; r 2c 4 401af4; r 3d 1 1") }
        #[test] fn identity_is_fixed()   { check("w 0 8 0; w 8 4 ffffffff; r 0 4 10411af4; r 8 4 02800103") }
        #[test] fn bars_say_their_size() { check("w 10 4 ffffffff; r 10 4 ffffc000; w 14 4 ffffffff; r 14 4 fffff000; w 18 4 ffffffff; r 18 4 0") }
        #[test] fn odd_sizes()           { check("w 10 8 1234567812345678; r 10 4 12344000; r 14 4 12345000; w 13 1 ab; r 12 2 ab34; r 11 2 3440") }
        #[test] fn command_bits()        { check("w 4 2 ffff; r 4 2 406; w 6 2 ffff; r 6 2 10") }
        #[test] fn capabilities()        { check("r 34 1 40; r 40 4 14811; r 48 4 70009") }
        #[test] fn extended_is_nothing() { check("w fc 8 ffffffffffffffff; r 100 4 0; r ffc 4 0; r fe 4 0") }
        #[test] fn the_line_is_a_note()  { check("w 3c 1 25; r 3c 2 125") }
    }

    #[test]
    fn a_bar_answers_where_it_is_and_when_it_may() {
        let mut it = config();
        it.write(Write { offset: 0x10, size: Word, value: 0xffff_ffff });
        assert_eq!(it.bar(0), None);
        it.write(Write { offset: 4, size: Half, value: 2 });
        assert_eq!((it.bar(0), it.bar(2)), (Some(0xffff_c000..0x1_0000_0000), None));
    }

    #[test]
    fn what_software_put_in_is_kept() {
        let (mut one, mut other) = (config(), config());
        one.write(Write { offset: 4, size: Half, value: 6 });
        one.write(Write { offset: 0x10, size: Word, value: 0x1000_0000 });
        other.restore(&one.saved()).unwrap();
        assert_eq!(one.bytes, other.bytes);
        assert_eq!(other.restore(&[0; 255]), None);
        assert_eq!(other.restore(&[1; SIZE]), None);
        assert_eq!(one.bytes, other.bytes);
    }
}
