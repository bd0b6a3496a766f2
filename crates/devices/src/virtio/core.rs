//! What every virtio device has whatever its transport: status, features, queues.
//!
//! The transport shows this in registers; a legal order of accesses, and what follows from one, is here.

use super::device::{Broken, Device};
use virtio_bindings::virtio_config::*;
use virtio_bindings::virtio_ring::VIRTIO_RING_F_INDIRECT_DESC;
use virtio_queue::{Queue, QueueState, QueueT};
use vm_memory::{GuestAddress, GuestMemoryMmap};

const DRIVER_OK: u8 = VIRTIO_CONFIG_S_DRIVER_OK as u8;
const FEATURES_OK: u8 = VIRTIO_CONFIG_S_FEATURES_OK as u8;
const NEEDS_RESET: u8 = VIRTIO_CONFIG_S_NEEDS_RESET as u8;
const VERSION_1: u64 = 1 << VIRTIO_F_VERSION_1;
const INDIRECT: u64 = 1 << VIRTIO_RING_F_INDIRECT_DESC;

/// One of the three areas of a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Area {
    Descriptors,
    Driver,
    Device,
}

/// What the driver is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interrupt {
    /// Buffers of this queue were used.
    Queue(usize),
    /// The device's configuration has changed, or its status.
    Config,
}

/// A device, and how far its driver has come with it.
pub(super) struct Core {
    device: Box<dyn Device>,
    memory: GuestMemoryMmap,
    status: u8,
    driver_features: u64,
    queues: Vec<Queue>,
}

/// Status, features and queues, to be saved. Of a queue: size, ready, its areas, next available and used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct CoreState {
    status: u8,
    driver_features: u64,
    queues: Vec<(u16, bool, [u64; 3], u16, u16)>,
}

impl Core {
    /// `device` after a reset, with its queues in `memory`.
    pub fn new(device: Box<dyn Device>, memory: GuestMemoryMmap) -> Core {
        let queue = |size: &u16| Queue::new(*size).expect("a device's queues have legal sizes");
        let queues = device.queues().iter().map(queue).collect();
        Core { device, memory, status: 0, driver_features: 0, queues }
    }

    pub fn device(&self) -> &dyn Device {
        &*self.device
    }

    pub fn reset(&mut self) {
        (self.status, self.driver_features) = (0, 0);
        self.queues.iter_mut().for_each(QueueT::reset);
    }

    pub fn features(&self) -> u64 {
        self.device.features() | VERSION_1 | INDIRECT
    }

    pub fn driver_features(&self) -> u64 {
        self.driver_features
    }

    /// What the driver wants, until both sides have agreed.
    pub fn set_driver_features(&mut self, features: u64) {
        if self.status & FEATURES_OK == 0 {
            self.driver_features = features;
        }
    }

    pub fn status(&self) -> u8 {
        self.status
    }

    /// The driver sets bits of the status, or with 0 resets the device. Agreement is refused by leaving FEATURES_OK 0:
    /// to features that were not offered, and to a driver from before virtio 1.
    pub fn set_status(&mut self, new: u8) {
        if new == 0 {
            return self.reset();
        }
        let agreed = self.driver_features & !self.features() == 0 && self.driver_features & VERSION_1 != 0;
        let refused = if agreed || self.status & FEATURES_OK != 0 { 0 } else { FEATURES_OK };
        self.status |= new & !refused & !NEEDS_RESET;
    }

    pub fn queue(&self, index: u16) -> Option<&Queue> {
        self.queues.get(usize::from(index))
    }

    pub fn queue_count(&self) -> u16 {
        self.queues.len() as u16
    }

    /// A queue whose place can still be chosen.
    fn open(&mut self, index: u16) -> Option<&mut Queue> {
        self.queues.get_mut(usize::from(index)).filter(|queue| !queue.ready())
    }

    /// A size that cannot be is ignored, as are the addresses below.
    pub fn set_queue_size(&mut self, index: u16, size: u16) {
        self.open(index).into_iter().for_each(|queue| _ = queue.try_set_size(size));
    }

    pub fn set_queue_area(&mut self, index: u16, area: Area, at: u64) {
        let Some(queue) = self.open(index) else { return };
        let at = GuestAddress(at);
        _ = match area {
            Area::Descriptors => queue.try_set_desc_table_address(at),
            Area::Driver => queue.try_set_avail_ring_address(at),
            Area::Device => queue.try_set_used_ring_address(at),
        };
    }

    /// The driver is done with the queue's configuration. One that is not in RAM stays disabled.
    pub fn enable_queue(&mut self, index: u16) {
        let Some(queue) = self.queues.get_mut(usize::from(index)) else { return };
        queue.set_ready(true);
        let valid = queue.is_valid(&self.memory);
        queue.set_ready(valid);
    }

    /// The driver has made buffers of a queue available: whom to tell of what came of it.
    pub fn notify(&mut self, index: u16) -> Option<Interrupt> {
        if self.status & DRIVER_OK == 0 || self.status & NEEDS_RESET != 0 {
            return None;
        }
        let index = usize::from(index);
        let queue = self.queues.get_mut(index).filter(|queue| queue.ready())?;
        match self.device.notified(index, queue, &self.memory) {
            Ok(used) => used.then_some(Interrupt::Queue(index)),
            Err(Broken) => {
                self.status |= NEEDS_RESET;
                Some(Interrupt::Config)
            }
        }
    }

    pub fn state(&self) -> CoreState {
        let queue = |queue: &Queue| {
            let QueueState { size, ready, desc_table, avail_ring, used_ring, next_avail, next_used, .. } =
                queue.state();
            (size, ready, [desc_table, avail_ring, used_ring], next_avail, next_used)
        };
        let queues = self.queues.iter().map(queue).collect();
        CoreState { status: self.status, driver_features: self.driver_features, queues }
    }

    /// Goes on as `state` says; `None`, with nothing changed, if such a device cannot be so.
    pub fn restore(&mut self, state: &CoreState) -> Option<()> {
        let sizes = self.device.queues();
        if sizes.len() != state.queues.len() {
            return None;
        }
        let queue = |(max, saved): (&u16, &_)| {
            let &(size, ready, [desc_table, avail_ring, used_ring], next_avail, next_used) = saved;
            let (max_size, event_idx_enabled) = (*max, false);
            let areas = QueueState { max_size, desc_table, avail_ring, used_ring, ..QueueState::default() };
            let queue = QueueState { size, ready, next_avail, next_used, event_idx_enabled, ..areas };
            let queue = Queue::try_from(queue).ok()?;
            (!ready || queue.is_valid(&self.memory)).then_some(queue)
        };
        let queues = sizes.iter().zip(&state.queues).map(queue).collect::<Option<_>>()?;
        (self.status, self.driver_features, self.queues) = (state.status, state.driver_features, queues);
        Some(())
    }
}
