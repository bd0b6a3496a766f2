//! PCIe: the bridge's devices, and what their messages reach.

use crate::board::GicConfig;
use crate::map;
use crate::spec::{DeviceKind, DeviceSpec};
use devices::{HostBridge, IntxLines, Rng, VirtioPci};
use gic::Its;
use hw::{AccessSize, GuestMemory, IntId, MessagePort, MessageSink, MmioDevice, PhysAddr};
use mem::Ram;
use std::sync::Arc;

/// A host bridge with `devices` from device number 1 on.
pub(crate) fn build(devices: &[DeviceSpec], config: &GicConfig, ram: &Ram) -> Arc<HostBridge> {
    let gic = config.gic();
    let lines = IntxLines::new([0, 1, 2, 3].map(|line| gic.spi_line(IntId::spi(map::PCIE_SPI + line))));
    let distributor = config.vm.distributor().expect("it was initialised");
    let sink = Arc::new(Messages { its: config.translator(), distributor, ram: ram.clone() });
    let function = |(number, spec): (u8, &DeviceSpec)| {
        let kind = match spec.kind {
            DeviceKind::VirtioRng => Box::new(Rng),
        };
        // Its bus is 0, and it is function 0.
        let messages = MessagePort::new(u32::from(number) << 3, sink.clone());
        let memory = ram.guest_memory().expect("the board maps its RAM itself");
        let irq = lines.pin(number);
        (number, Arc::new(VirtioPci::new(kind, spec.vectors, memory, irq, messages)))
    };
    HostBridge::new(map::PCIE_MMIO.base.0, (1..).zip(devices).map(function).collect())
}

/// Where messages go: to the ITS as the requester's, to SPIs, or into RAM. Anything else ignores them; no device's
/// registers are reached this way.
struct Messages {
    its: Arc<Its>,
    distributor: Arc<dyn MmioDevice>,
    ram: Ram,
}

impl MessageSink for Messages {
    fn write(&self, requester: u32, address: PhysAddr, data: u32) {
        match address {
            map::ITS_DOORBELL => self.its.write(requester, data),
            map::SPI_DOORBELL => {
                let offset = address.0 - map::GICD.base.0;
                self.distributor.write(offset, AccessSize::Word, data.into());
            }
            _ => _ = GuestMemory::write(&self.ram, address, &data.to_le_bytes()),
        }
    }
}
