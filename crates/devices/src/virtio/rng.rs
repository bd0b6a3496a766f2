//! Entropy device (Virtual I/O Device 1.2, 5.4): the host's random bytes, into whatever buffers there are.

use super::device::{Broken, Device};
use std::io::Write;
use virtio_bindings::virtio_ids::VIRTIO_ID_RNG;
use virtio_queue::{DescriptorChain, Queue, QueueOwnedT, QueueT};
use vm_memory::GuestMemoryMmap;

/// Most bytes of one buffer, which may be used in part: a guest that asks for gigabytes does not occupy its PE for long.
const MOST: usize = 4096;

/// Device 4.
pub struct Rng;

impl Device for Rng {
    fn id(&self) -> u16 {
        VIRTIO_ID_RNG as u16
    }

    fn queues(&self) -> &'static [u16] {
        &[256]
    }

    fn notified(&mut self, _: usize, queue: &mut Queue, memory: &GuestMemoryMmap) -> Result<bool, Broken> {
        let chains: Vec<_> = queue.iter(memory)?.collect();
        for chain in &chains {
            let filled = fill(chain.clone(), memory)?;
            queue.add_used(memory, chain.head_index(), filled)?;
        }
        Ok(!chains.is_empty())
    }
}

/// Fills the part of `chain` that the device may write; how many bytes.
fn fill(chain: DescriptorChain<&GuestMemoryMmap>, memory: &GuestMemoryMmap) -> Result<u32, Broken> {
    let mut writer = chain.writer(memory)?;
    let mut bytes = [0; MOST];
    let bytes = &mut bytes[..writer.available_bytes().min(MOST)];
    // A host without randomness fails everything that needs it; here it gives no bytes, which a driver expects.
    let bytes = if getrandom::fill(bytes).is_ok() { bytes } else { &mut [] };
    writer.write_all(bytes).map_err(|_| Broken)?;
    Ok(bytes.len() as u32)
}
