//! The common configuration structure (Virtual I/O Device 1.2, 4.1.4.3): registers through which the driver negotiates.

use super::super::core::{Area, Core, CoreState, Interrupt};
use crate::pcie::{Write, merge, part};
use hw::AccessSize;
use virtio_queue::{Queue, QueueT};

/// "No vector": what it is for is not told by a message.
const NO_VECTOR: u16 = 0xffff;
/// Bytes of the structure.
pub(super) const LENGTH: u32 = 0x38;

/// A device's core as its driver sees it over PCI.
pub(super) struct Common {
    pub core: Core,
    /// How many MSI-X vectors there are to choose from.
    vectors: u16,
    choice: Choice,
}

/// What the driver has chosen besides.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Choice {
    device_select: u32,
    driver_select: u32,
    queue_select: u16,
    config_vector: u16,
    queue_vectors: Vec<u16>,
}

/// To be saved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct CommonState {
    core: CoreState,
    choice: Choice,
}

/// One register: where, how wide, what it reads as, what a write does.
struct Row {
    place: (u64, u64),
    read: fn(&Common) -> u64,
    write: fn(&mut Common, u64),
}

const fn row(at: u64, width: u64, read: fn(&Common) -> u64, write: fn(&mut Common, u64)) -> Row {
    Row { place: (at, width), read, write }
}

const fn ro(at: u64, width: u64, read: fn(&Common) -> u64) -> Row {
    row(at, width, read, |_, _| {})
}

#[rustfmt::skip]
static ROWS: &[Row] = &[
    //  at   width                                                                      name
    row(0x00, 4, |c| c.choice.device_select.into(), |c, v| c.choice.device_select = v as u32), // device_feature_select
    ro (0x04, 4, |c| half(c.core.features(), c.choice.device_select)),                   // device_feature
    row(0x08, 4, |c| c.choice.driver_select.into(), |c, v| c.choice.driver_select = v as u32), // driver_feature_select
    row(0x0c, 4, |c| half(c.core.driver_features(), c.choice.driver_select), Common::set_driver_feature),
    row(0x10, 2, |c| c.choice.config_vector.into(), |c, v| c.choice.config_vector = c.vector(v)),
    ro (0x12, 2, |c| c.core.queue_count().into()),                                       // num_queues
    row(0x14, 1, |c| c.core.status().into(), Common::set_status),                        // device_status
    ro (0x15, 1, |_| 0),                               // config_generation: the configuration never changes
    row(0x16, 2, |c| c.choice.queue_select.into(), |c, v| c.choice.queue_select = v as u16),
    row(0x18, 2, |c| c.queue(|q| q.size().into()), |c, v| c.core.set_queue_size(c.choice.queue_select, v as u16)),
    row(0x1a, 2, Common::queue_vector, Common::set_queue_vector),                        // queue_msix_vector
    row(0x1c, 2, |c| c.queue(|q| q.ready().into()), Common::enable_queue),               // queue_enable
    ro (0x1e, 2, |c| c.queue(|_| c.choice.queue_select.into())),                         // queue_notify_off
    row(0x20, 8, |c| c.queue(Queue::desc_table), |c, v| c.set_area(Area::Descriptors, v)),
    row(0x28, 8, |c| c.queue(Queue::avail_ring), |c, v| c.set_area(Area::Driver, v)),
    row(0x30, 8, |c| c.queue(Queue::used_ring), |c, v| c.set_area(Area::Device, v)),
];

/// The half of a 64-bit set of features that is selected; there are two.
fn half(features: u64, select: u32) -> u64 {
    if select < 2 { features >> (32 * select) & 0xffff_ffff } else { 0 }
}

impl Common {
    pub fn new(core: Core, vectors: u16) -> Common {
        let choice = Choice::none(core.queue_count());
        Common { core, vectors, choice }
    }

    pub fn reset(&mut self) {
        self.core.reset();
        self.choice = Choice::none(self.core.queue_count());
    }

    pub fn read(&self, offset: u64, size: AccessSize) -> u64 {
        ROWS.iter().fold(0, |value, row| value | part((row.read)(self), row.place, offset, size))
    }

    /// A register of which only some bytes are written keeps the others.
    pub fn write(&mut self, write: Write) {
        for row in ROWS {
            if let Some(value) = merge((row.read)(self), row.place, write) {
                (row.write)(self, value);
            }
        }
    }

    /// Which vector tells of `interrupt`, if one does.
    pub fn vector_of(&self, interrupt: Interrupt) -> Option<u16> {
        let vector = match interrupt {
            Interrupt::Queue(index) => self.choice.queue_vectors[index],
            Interrupt::Config => self.choice.config_vector,
        };
        (vector < self.vectors).then_some(vector)
    }

    pub fn state(&self) -> CommonState {
        CommonState { core: self.core.state(), choice: self.choice.clone() }
    }

    /// `None`, with nothing changed, if such a device cannot be so.
    pub fn restore(&mut self, state: &CommonState) -> Option<()> {
        if state.choice.queue_vectors.len() != self.choice.queue_vectors.len() {
            return None;
        }
        self.core.restore(&state.core)?;
        self.choice = state.choice.clone();
        Some(())
    }

    /// Of the selected queue; 0 where there is none.
    fn queue(&self, value: impl Fn(&Queue) -> u64) -> u64 {
        self.core.queue(self.choice.queue_select).map_or(0, value)
    }

    fn set_area(&mut self, area: Area, at: u64) {
        self.core.set_queue_area(self.choice.queue_select, area, at);
    }

    fn enable_queue(&mut self, value: u64) {
        if value == 1 {
            self.core.enable_queue(self.choice.queue_select);
        }
    }

    fn set_status(&mut self, value: u64) {
        match value as u8 {
            0 => self.reset(),
            status => self.core.set_status(status),
        }
    }

    fn set_driver_feature(&mut self, value: u64) {
        let (features, up) = (self.core.driver_features(), 32 * self.choice.driver_select.min(1));
        if self.choice.driver_select < 2 {
            self.core.set_driver_features(features & !(0xffff_ffff << up) | value << up);
        }
    }

    /// What is chosen by naming a vector: the driver reads back whether there is one.
    fn vector(&self, value: u64) -> u16 {
        if value < self.vectors.into() { value as u16 } else { NO_VECTOR }
    }

    fn queue_vector(&self) -> u64 {
        self.choice.queue_vectors.get(usize::from(self.choice.queue_select)).copied().unwrap_or(NO_VECTOR).into()
    }

    fn set_queue_vector(&mut self, value: u64) {
        let vector = self.vector(value);
        let queue = self.choice.queue_vectors.get_mut(usize::from(self.choice.queue_select));
        queue.into_iter().for_each(|chosen| *chosen = vector);
    }
}

impl Choice {
    fn none(queues: u16) -> Choice {
        let queue_vectors = vec![NO_VECTOR; queues.into()];
        Choice { device_select: 0, driver_select: 0, queue_select: 0, config_vector: NO_VECTOR, queue_vectors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_fill_the_structure_without_gap() {
        let end = ROWS.iter().fold(0, |end, row| {
            assert_eq!(row.place.0, end, "the structure has no gaps");
            end + row.place.1
        });
        assert_eq!(end, u64::from(LENGTH));
    }
}
