//! One entropy device behind a bridge, the memory it sees, and what it sends.

use super::super::*;
use crate::pcie::HostBridge;
use crate::virtio::Rng;
use AccessSize::*;
use hw::{MessageSink, MmioDevice, PhysAddr, Wire};
use std::cell::Cell;
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress};

pub const DEVICE_NUMBER: u8 = 1;
pub const REQUESTER: u32 = (DEVICE_NUMBER as u32) << 3;
/// Where the window begins, and in it the BARs.
const WINDOW: u64 = 0x1000_0000;
pub const STRUCTURES_AT: u64 = 0x1_0000;
pub const MSIX_AT: usize = 0x2_0000;

/// Memory, and what a driver has there.
pub const RAM: u64 = 0x4000_0000;
pub const RAM_SIZE: u64 = 0x4_0000;
pub const TABLE: u64 = RAM;
pub const AVAIL: u64 = RAM + 0x1000;
pub const USED: u64 = RAM + 0x2000;
pub const DATA: u64 = RAM + 0x3000;

/// Where messages go. The data is 6 for changes of configuration, 7 for used buffers.
pub const TARGET: u64 = 0x0809_0040;

#[derive(Default)]
struct Seen {
    messages: Mutex<Vec<(u32, u64, u32)>>,
    high: Mutex<bool>,
}

impl MessageSink for Seen {
    fn write(&self, requester: u32, address: PhysAddr, data: u32) {
        self.messages.lock().unwrap().push((requester, address.0, data));
    }
}

impl Wire for Seen {
    fn set(&self, high: bool) {
        *self.high.lock().unwrap() = high;
    }
}

pub struct Rig {
    pub memory: GuestMemoryMmap,
    pub function: Arc<VirtioPci>,
    pub bridge: Arc<HostBridge>,
    pub ecam: Arc<dyn MmioDevice>,
    pub window: Arc<dyn MmioDevice>,
    seen: Arc<Seen>,
    /// What the driver has made available.
    available: Cell<u16>,
}

impl Rig {
    /// At power-on.
    pub fn new(vectors: u16) -> Rig {
        Rig::with_memory(vectors, GuestMemoryMmap::from_ranges(&[(GuestAddress(RAM), RAM_SIZE as usize)]).unwrap())
    }

    pub fn with_memory(vectors: u16, memory: GuestMemoryMmap) -> Rig {
        let seen = Arc::new(Seen::default());
        let messages = MessagePort::new(REQUESTER, seen.clone());
        let irq = IrqLine::new(seen.clone());
        let function = VirtioPci::new(Box::new(Rng), vectors, memory.clone(), irq, messages);
        let function = Arc::new(function);
        let bridge = HostBridge::new(WINDOW, vec![(DEVICE_NUMBER, function.clone())]);
        let (ecam, window) = (bridge.ecam(), bridge.memory());
        let available = Cell::new(memory.read_obj(GuestAddress(AVAIL + 2)).unwrap());
        Rig { memory, function, bridge, ecam, window, seen, available }
    }

    /// With BARs.
    pub fn placed(vectors: u16) -> Rig {
        let rig = Rig::new(vectors);
        rig.place();
        rig
    }

    /// With a driver that has started it.
    pub fn started(vectors: u16) -> Rig {
        let rig = Rig::placed(vectors);
        rig.start();
        rig
    }

    /// Sets BARs as firmware or a kernel does, and lets the function answer there, be bus master, and send messages.
    pub fn place(&self) {
        self.put_config(0x10, Word, WINDOW + STRUCTURES_AT);
        self.put_config(0x14, Word, WINDOW + MSIX_AT as u64);
        self.put_config(4, Half, 6);
        self.put_config(0x42, Half, 0x8000);
    }

    pub fn config(&self, offset: usize, size: AccessSize) -> u64 {
        self.ecam.read((u64::from(DEVICE_NUMBER) << 15) + offset as u64, size)
    }

    pub fn put_config(&self, offset: usize, size: AccessSize, value: u64) {
        self.ecam.write((u64::from(DEVICE_NUMBER) << 15) + offset as u64, size, value);
    }

    pub fn get(&self, offset: u64, size: AccessSize) -> u64 {
        self.window.read(offset, size)
    }

    pub fn put(&self, offset: usize, size: AccessSize, value: u64) {
        self.window.write(offset as u64, size, value);
    }

    /// Writes a register of the common structure.
    pub fn common(&self, offset: u64, size: AccessSize, value: u64) {
        self.window.write(STRUCTURES_AT + offset, size, value);
    }

    /// Kind, offset and length of each virtio structure, in the capabilities' order.
    pub fn structures(&self) -> Vec<(u64, u64, u64)> {
        let mut found = vec![];
        self.each_capability(|at| {
            if self.config(at, Byte) == 9 {
                found.push((self.config(at + 3, Byte), self.config(at + 8, Word), self.config(at + 12, Word)));
            }
        });
        found
    }

    pub fn window_at(&self) -> usize {
        let mut found = 0;
        self.each_capability(|at| {
            if self.config(at + 3, Byte) == 5 {
                found = at;
            }
        });
        found
    }

    fn each_capability(&self, mut visit: impl FnMut(usize)) {
        let mut at = self.config(0x34, Byte) as usize;
        while at != 0 {
            visit(at);
            at = self.config(at + 1, Byte) as usize;
        }
    }

    /// Reset, features, one queue, two vectors.
    pub fn start(&self) {
        self.negotiate();
        self.set_queue();
        for vector in 0..2 {
            self.put(MSIX_AT + 16 * vector, Double, TARGET);
            self.put(MSIX_AT + 16 * vector + 8, Double, 6 + vector as u64);
        }
        self.common(0x10, Half, 0);
        self.common(0x1a, Half, 1);
        self.common(0x1c, Half, 1);
        self.common(0x14, Byte, 0xf);
    }

    pub fn negotiate(&self) {
        self.common(0x14, Byte, 0);
        self.common(0x14, Byte, 3);
        self.common(8, Word, 1);
        self.common(0xc, Word, 1);
        self.common(0x14, Byte, 0xb);
    }

    pub fn set_queue(&self) {
        self.available.set(0);
        self.ram(AVAIL, &[0; 4]);
        self.ram(USED, &[0; 4]);
        self.common(0x16, Half, 0);
        for (offset, at) in [(0x20, TABLE), (0x28, AVAIL), (0x30, USED)] {
            self.common(offset, Word, at);
            self.common(offset + 4, Word, 0);
        }
    }

    pub fn ram(&self, at: u64, bytes: &[u8]) {
        self.memory.write_slice(bytes, GuestAddress(at)).unwrap();
    }

    pub fn bytes(&self, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.memory.read_slice(&mut bytes, GuestAddress(at)).unwrap();
        bytes
    }

    /// Address, length, flags, next of the first descriptors.
    pub fn descriptors(&self, all: &[(u64, u32, u16, u16)]) {
        for (n, (at, length, flags, next)) in all.iter().enumerate() {
            let mut bytes = at.to_le_bytes().to_vec();
            bytes.extend(length.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend(next.to_le_bytes());
            self.ram(TABLE + 16 * n as u64, &bytes);
        }
    }

    /// Makes the chain that begins with descriptor `head` available.
    pub fn kick(&self, head: u16) {
        let index = self.available.get();
        self.ram(AVAIL + 4 + 2 * u64::from(index % 256), &head.to_le_bytes());
        self.available.set(index.wrapping_add(1));
        self.ram(AVAIL + 2, &self.available.get().to_le_bytes());
        self.notify();
    }

    pub fn notify(&self) {
        self.common(0x3000, Half, 0);
    }

    /// The last used buffer: which, and how many bytes of it.
    pub fn used(&self) -> (u32, u32) {
        let index: u16 = self.memory.read_obj(GuestAddress(USED + 2)).unwrap();
        assert_eq!(index, self.available.get(), "each buffer was used");
        let at = GuestAddress(USED + 4 + 8 * u64::from(index.wrapping_sub(1) % 256));
        let [which, length]: [u32; 2] = self.memory.read_obj(at).unwrap();
        (which, length)
    }

    /// Asks for `length` bytes at `DATA`; how many came.
    pub fn request(&self, length: u32) -> u32 {
        let length = length.min((RAM + RAM_SIZE - DATA) as u32);
        self.descriptors(&[(DATA, length, 2, 0)]);
        self.kick(0);
        self.used().1
    }

    /// The messages since the last look: requester, address, data.
    pub fn messages(&self) -> Vec<(u32, u64, u32)> {
        std::mem::take(&mut self.seen.messages.lock().unwrap())
    }

    /// The device asks for a reset.
    pub fn is_broken(&self) -> bool {
        self.function.lock().read_bar(0, 0x14, Byte) & 0x40 != 0
    }

    pub fn line(&self) -> bool {
        *self.seen.high.lock().unwrap()
    }
}
