//! PCIe: the bridge's devices, and what their messages reach.

use crate::board::GicConfig;
use crate::map;
use crate::spec::{DeviceKind, DeviceSpec, MachineSpec};
use devices::{HostBridge, IntxLines, Rng, VirtioPci};
use gic::Its;
use hw::{AccessSize, GuestMemory, IntId, MessagePort, MessageSink, MmioDevice, PhysAddr};
use mem::Ram;
use std::sync::Arc;

/// A host bridge with the devices of `spec` from device number 1 on. Without an ITS they have no MSI-X.
pub(crate) fn build(spec: &MachineSpec, config: &GicConfig, ram: &Ram) -> Arc<HostBridge> {
    let (gic, has_its) = (config.gic(), spec.gic.its);
    let lines = IntxLines::new([0, 1, 2, 3].map(|line| gic.spi_line(IntId::spi(map::PCIE_SPI + line))));
    let distributor = config.vm.distributor().expect("it was initialised");
    let sink = Arc::new(Messages { its: has_its.then(|| config.translator()), distributor, ram: ram.clone() });
    let function = |(number, device): (u8, &DeviceSpec)| {
        let kind = match device.kind {
            DeviceKind::VirtioRng => Box::new(Rng),
        };
        // Its bus is 0, and it is function 0.
        let messages = MessagePort::new(u32::from(number) << 3, sink.clone());
        let memory = ram.guest_memory().expect("the board maps its RAM itself");
        let (irq, vectors) = (lines.pin(number), if has_its { device.vectors } else { 0 });
        (number, Arc::new(VirtioPci::new(kind, vectors, memory, irq, messages)))
    };
    HostBridge::new(map::PCIE_MMIO.base.0, (1..).zip(&spec.devices).map(function).collect())
}

/// Where messages go: to the ITS as the requester's, to SPIs, or into RAM. Anything else ignores them; no device's
/// registers are reached this way.
struct Messages {
    its: Option<Arc<Its>>,
    distributor: Arc<dyn MmioDevice>,
    ram: Ram,
}

impl MessageSink for Messages {
    fn write(&self, requester: u32, address: PhysAddr, data: u32) {
        match address {
            map::ITS_DOORBELL => self.its.iter().for_each(|its| its.write(requester, data)),
            map::SPI_DOORBELL => {
                let offset = address.0 - map::GICD.base.0;
                self.distributor.write(offset, AccessSize::Word, data.into());
            }
            _ => _ = GuestMemory::write(&self.ram, address, &data.to_le_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EngineKind, Tuning};
    use crate::spec::{GicChoice, Payload};
    use crate::{Model, board};
    use devices::CharSink;

    struct Silence;

    impl CharSink for Silence {
        fn write(&mut self, _: &[u8]) {}
    }

    fn spec() -> MachineSpec {
        MachineSpec {
            cpus: 1,
            memory: crate::MIN_MEMORY,
            model: Model::by_name("neoverse-n1").unwrap(),
            engine: EngineKind::Interp,
            tuning: Tuning::default(),
            gic: GicChoice::default(),
            devices: vec![DeviceSpec { kind: DeviceKind::VirtioRng, vectors: 2 }; 2],
            payload: Payload::Program(vec![]),
            initrd: None,
            append: String::new(),
            dtb: None,
        }
    }

    /// A word of a configuration space, as the board has it at address `at` from that of device 1 on.
    fn config(spec: &MachineSpec, at: u64) -> Option<u64> {
        let board = board::build(spec, Box::new(Silence)).unwrap();
        board.shared.bus.read(map::PCIE_ECAM.base.offset(0x8000 + at), AccessSize::Word)
    }

    #[test]
    fn the_board_has_what_is_asked_for() {
        let it = spec();
        assert_eq!((config(&it, 0), config(&it, 0x8000)), (Some(0x1044_1af4), Some(0x1044_1af4)));
        assert_eq!(config(&it, 0x1_0000), Some(0xffff_ffff));
        assert_eq!(config(&it, 0x40).unwrap() & 0xff, 0x11, "MSI-X");
        let without = MachineSpec { gic: GicChoice { its: false, ..it.gic }, ..it.clone() };
        assert_ne!(config(&without, 0x40).unwrap() & 0xff, 0x11);
        assert_eq!(config(&MachineSpec { devices: vec![], ..it }, 0), None, "an external abort");
    }

    #[test]
    fn messages_reach_ram_and_spis_and_nothing_else() {
        let board = board::build(&spec(), Box::new(Silence)).unwrap();
        let (bus, config) = (&board.shared.bus, &board.config);
        let distributor = config.vm.distributor().unwrap();
        let sink = Messages { its: Some(config.translator()), distributor, ram: bus.ram().clone() };
        let place = map::RAM.base.offset(0x1000);
        sink.write(8, place, 0x1234_5678);
        assert_eq!(bus.read(place, AccessSize::Double), Some(0x1234_5678));
        // GICD_ISPENDR of INTIDs 96 to 127.
        let pending = || bus.read(map::GICD.base.offset(0x20c), AccessSize::Word).unwrap();
        sink.write(8, map::SPI_DOORBELL, 100);
        assert_eq!(pending(), 1 << 4);
        for at in [map::PL011.base, PhysAddr(0), PhysAddr(u64::MAX - 3), map::PCIE_MMIO.base, map::ITS.base] {
            sink.write(8, at, u32::MAX);
        }
        assert_eq!(pending(), 1 << 4);
        let text = config.translator().route(8, 0).unwrap_err();
        sink.write(8, map::ITS_DOORBELL, 0); // nothing is mapped
        assert_eq!(config.translator().route(8, 0).unwrap_err(), text);
    }
}
