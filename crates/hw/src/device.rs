//! What a device is to the bus, and what a wire, or a message instead of one, is to a device.

use crate::{AccessSize, PhysAddr};
use std::sync::Arc;

/// A device with registers on the physical bus. Sees offsets, never addresses, and is called by any
/// vCPU thread at any time: its own lock or atomics keep its state.
pub trait MmioDevice: Send + Sync {
    /// Name for traces and error messages, such as `pl011`.
    fn name(&self) -> &str;

    /// Reads `size` bytes at `offset`; the value is zero-extended. Reserved offsets read as zero.
    fn read(&self, offset: u64, size: AccessSize) -> u64;

    /// Writes the low `size` bytes of `value` at `offset`. Reserved offsets ignore it.
    fn write(&self, offset: u64, size: AccessSize, value: u64);

    /// `read` by the PE with this index, where it matters whose access it is.
    fn read_by(&self, pe: usize, offset: u64, size: AccessSize) -> u64 {
        _ = pe;
        self.read(offset, size)
    }

    /// `write` by the PE with this index. Is it on its way when this returns (an early write acknowledgement, as Device-nGnRE
    /// memory has it)? Then a DSB of that PE waits for it.
    fn write_by(&self, pe: usize, offset: u64, size: AccessSize, value: u64) -> bool {
        _ = pe;
        self.write(offset, size, value);
        false
    }

    /// Back to the state at power-on (a system reset).
    fn reset(&self);
}

/// Whose access it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Requester {
    /// Index of the PE.
    pub pe: usize,
    /// In Secure state, or EL3.
    pub secure: bool,
}

/// Where a device's interrupt output goes; implemented by the interrupt controller.
pub trait Wire: Send + Sync {
    /// The level of the wire is now `high`. Setting the level it already has is not an edge.
    fn set(&self, high: bool);
}

/// One interrupt output of a device. Devices set lines; they do not know who listens.
#[derive(Clone)]
pub struct IrqLine(Arc<dyn Wire>);

impl IrqLine {
    /// A line that drives `wire`.
    pub fn new(wire: Arc<dyn Wire>) -> IrqLine {
        IrqLine(wire)
    }

    /// A line connected to nothing, for boards that leave the output open.
    pub fn unconnected() -> IrqLine {
        struct Open;
        impl Wire for Open {
            fn set(&self, _: bool) {}
        }
        IrqLine(Arc::new(Open))
    }

    /// Sets the level.
    pub fn set(&self, high: bool) {
        self.0.set(high);
    }
}

/// Where the messages of bus masters go that stand for interrupts; implemented by the board.
pub trait MessageSink: Send + Sync {
    /// `requester` writes `data` to `address`. What is not there for messages ignores it.
    fn write(&self, requester: u32, address: PhysAddr, data: u32);
}

/// How one bus master sends messages. Who receives them sees whose they are.
#[derive(Clone)]
pub struct MessagePort {
    requester: u32,
    sink: Arc<dyn MessageSink>,
}

impl MessagePort {
    /// The port of `requester`, whose messages go to `sink`.
    pub fn new(requester: u32, sink: Arc<dyn MessageSink>) -> MessagePort {
        MessagePort { requester, sink }
    }

    /// Writes `data` to `address`.
    pub fn send(&self, address: PhysAddr, data: u32) {
        self.sink.write(self.requester, address, data);
    }
}
