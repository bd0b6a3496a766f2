//! What a virtio device is, behind whatever transport.

use virtio_queue::Queue;
use vm_memory::GuestMemoryMmap;

/// The driver has put something in a queue that makes no sense: the device needs a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken;

impl From<virtio_queue::Error> for Broken {
    fn from(_: virtio_queue::Error) -> Broken {
        Broken
    }
}

impl From<vm_memory::GuestMemoryError> for Broken {
    fn from(_: vm_memory::GuestMemoryError) -> Broken {
        Broken
    }
}

/// One kind of device. It is called with its transport's lock held, and answers at once.
pub trait Device: Send {
    /// Virtio device ID.
    fn id(&self) -> u16;

    /// Features besides those that the transport offers.
    fn features(&self) -> u64 {
        0
    }

    /// The largest size of each queue.
    fn queues(&self) -> &'static [u16];

    /// What the driver may read of the device's own configuration; it can write none.
    fn config(&self) -> &[u8] {
        &[]
    }

    /// The driver says that it has made buffers of a queue available: true if some were used.
    ///
    /// A pass over those that are there now is enough: for what is made available meanwhile, it says so again.
    fn notified(&mut self, index: usize, queue: &mut Queue, memory: &GuestMemoryMmap) -> Result<bool, Broken>;
}
