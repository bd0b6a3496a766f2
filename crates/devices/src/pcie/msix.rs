//! MSI-X (PCI Local Bus 3.0, 6.8.2): a table of messages, one per vector, and a bit for each that waits.
//!
//! Every vector that is raised is pending until its message may be sent, which as a rule is at once. So what masks a
//! vector, or all of them, has one place.

use super::lanes::{Write, merge, part};
use hw::{AccessSize, PhysAddr};

/// Capability ID.
pub(crate) const ID: u8 = 0x11;
/// Most vectors: that many bits wait in one word.
pub(crate) const MAX_VECTORS: u16 = 64;
/// Bytes of the BAR that holds the table, and then the pending bits.
pub(crate) const BAR_SIZE: u32 = 0x1000;

const PBA: u64 = 0x800;
const ENTRY: u64 = 16;
/// Of an entry's last word.
const MASKED: u32 = 1;

/// Message Control, which is in configuration space.
const ENABLE: u16 = 1 << 15;
const FUNCTION_MASK: u16 = 1 << 14;

/// What the function's configuration says of all vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Control {
    pub enabled: bool,
    /// Messages wait: by the function's mask, or since it may not be bus master.
    pub held: bool,
}

impl Control {
    /// From Message Control, and Command.Bus Master Enable.
    pub fn of(message_control: u16, is_master: bool) -> Control {
        let held = message_control & FUNCTION_MASK != 0 || !is_master;
        Control { enabled: message_control & ENABLE != 0, held }
    }
}

/// The table and the pending bits.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Msix {
    /// Address, its upper half, data, and whether it is masked.
    table: Vec<[u32; 4]>,
    pending: u64,
}

impl Msix {
    /// A table of so many vectors, all masked.
    pub fn new(vectors: u16) -> Msix {
        assert!((1..=MAX_VECTORS).contains(&vectors), "whoever asks for vectors knows the limit");
        Msix { table: vec![[0, 0, 0, MASKED]; vectors.into()], pending: 0 }
    }

    pub fn vectors(&self) -> u16 {
        self.table.len() as u16
    }

    /// The capability, less ID and link, and what of it software may change; table and pending bits are in BAR `bar`.
    pub fn capability(&self, bar: u8) -> (Vec<u8>, [u8; 2]) {
        let words = [u32::from(bar), PBA as u32 | u32::from(bar)];
        let control = (self.vectors() - 1).to_le_bytes();
        let body = control.into_iter().chain(words.into_iter().flat_map(u32::to_le_bytes)).collect();
        (body, (ENABLE | FUNCTION_MASK).to_le_bytes())
    }

    /// The word at a multiple of 4.
    fn word(&self, at: u64) -> u32 {
        match at {
            PBA => self.pending as u32,
            _ if at == PBA + 4 => (self.pending >> 32) as u32,
            _ => self.table.get((at / ENTRY) as usize).map_or(0, |entry| entry[(at % ENTRY / 4) as usize]),
        }
    }

    pub fn read(&self, offset: u64, size: AccessSize) -> u64 {
        words(offset, size).fold(0, |value, at| value | part(self.word(at).into(), (at, 4), offset, size))
    }

    /// The pending bits are read-only; of an entry's last word, one bit is there.
    pub fn write(&mut self, write: Write) {
        for at in words(write.offset, write.size) {
            let Some(entry) = self.table.get_mut((at / ENTRY) as usize) else { continue };
            let field = (at % ENTRY / 4) as usize;
            let new = merge(entry[field].into(), (at, 4), write).unwrap_or(entry[field].into()) as u32;
            entry[field] = match field {
                0 => new & !0b11,
                3 => new & MASKED,
                _ => new,
            };
        }
    }

    /// The function has a reason to send `vector`.
    pub fn raise(&mut self, vector: u16) {
        if vector < self.vectors() {
            self.pending |= 1 << vector;
        }
    }

    /// A message that can be sent now: address and data. It is no longer pending.
    pub fn take(&mut self, control: Control) -> Option<(PhysAddr, u32)> {
        if self.pending == 0 || !control.enabled || control.held {
            return None;
        }
        let open = |(vector, entry): (usize, &[u32; 4])| self.pending >> vector & 1 != 0 && entry[3] & MASKED == 0;
        let vector = self.table.iter().enumerate().position(open)?;
        self.pending &= !(1 << vector);
        let [low, high, data, _] = self.table[vector];
        Some((PhysAddr(u64::from(high) << 32 | u64::from(low)), data))
    }

    /// Could a function with as many vectors as `self` have been like `saved`?
    pub fn accepts(&self, saved: &Msix) -> bool {
        let legal = |entry: &[u32; 4]| entry[0] & 0b11 == 0 && entry[3] & !MASKED == 0;
        let there = u64::MAX >> (64 - self.vectors());
        saved.vectors() == self.vectors() && saved.pending & !there == 0 && saved.table.iter().all(legal)
    }
}

/// Where the words begin that an access touches.
fn words(offset: u64, size: AccessSize) -> impl Iterator<Item = u64> {
    (offset / 4 * 4..offset + size.bytes()).step_by(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccessSize::*;

    const OPEN: Control = Control { enabled: true, held: false };

    /// Two vectors whose messages are (0x1_0000_0040, 5) and (0x1_0000_0040, 6), not masked.
    fn two() -> Msix {
        let mut it = Msix::new(2);
        for vector in 0..2 {
            it.write(Write { offset: 16 * vector, size: Double, value: 0x1_0000_0043 });
            it.write(Write { offset: 16 * vector + 8, size: Word, value: 5 + vector });
            it.write(Write { offset: 16 * vector + 12, size: Word, value: 0xffff_fffe });
        }
        it
    }

    fn sent(it: &mut Msix, control: Control) -> Vec<u32> {
        std::iter::from_fn(|| it.take(control)).map(|(_, data)| data).collect()
    }

    #[test]
    fn a_raised_vector_is_sent_once() {
        let mut it = two();
        it.raise(1);
        assert_eq!(it.take(OPEN), Some((PhysAddr(0x1_0000_0040), 6)));
        assert_eq!(it.take(OPEN), None);
        it.raise(2); // there is none
        it.raise(0xffff);
        assert!(sent(&mut it, OPEN).is_empty());
    }

    #[test]
    fn masked_vectors_wait_and_show_it() {
        let mut it = two();
        it.write(Write { offset: 12, size: Byte, value: 1 });
        for _ in 0..2 {
            it.raise(0);
            it.raise(1);
        }
        assert_eq!(it.read(PBA, Double), 3);
        assert!(sent(&mut it, Control { held: true, ..OPEN }).is_empty());
        assert!(sent(&mut it, Control { enabled: false, ..OPEN }).is_empty());
        assert_eq!(sent(&mut it, OPEN), [6]);
        assert_eq!((it.read(PBA, Word), it.read(PBA + 1, Byte)), (1, 0));
        it.write(Write { offset: PBA, size: Double, value: 0 });
        it.write(Write { offset: 12, size: Word, value: 0 });
        assert_eq!(sent(&mut it, OPEN), [5]);
    }

    #[test]
    fn message_control_and_bus_mastering_hold() {
        for (control, master, want) in [
            (0x8001, true, OPEN),
            (0xc001, true, Control { enabled: true, held: true }),
            (0x8001, false, Control { enabled: true, held: true }),
            (0x0001, true, Control { enabled: false, held: false }),
        ] {
            assert_eq!(Control::of(control, master), want, "{control:#x} {master}");
        }
    }

    #[test]
    fn the_table_reads_as_it_was_written() {
        let mut it = two();
        assert_eq!((it.read(16, Double), it.read(24, Double)), (0x1_0000_0040, 6));
        it.write(Write { offset: 21, size: Half, value: 0xabcd });
        assert_eq!((it.read(20, Word), it.read(32, Double), it.read(0xff8, Double)), (0xab_cd01, 0, 0));
        let saved = it.clone();
        assert!(Msix::new(2).accepts(&saved) && !Msix::new(3).accepts(&saved));
        assert!(!Msix::new(2).accepts(&Msix { pending: 4, ..saved }));
    }

    #[test]
    fn all_vectors_fit() {
        let mut it = Msix::new(MAX_VECTORS);
        it.raise(63);
        assert_eq!((it.read(PBA + 4, Word), it.read(u64::from(PBA as u32 - 16), Word)), (1 << 31, 0));
        assert!(it.accepts(&it.clone()));
    }
}
