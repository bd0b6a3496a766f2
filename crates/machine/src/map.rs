//! The board's numbers: addresses, interrupts, affinities. Nothing else in the workspace knows them.
//!
//! They follow the public layout of the `virt` board, for which kernels, firmware and hypervisors are built.

use hw::{IntId, PhysAddr};

/// A range of physical addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Area {
    /// First address.
    pub base: PhysAddr,
    /// Length in bytes.
    pub size: u64,
}

impl Area {
    /// The range of `size` bytes at `base`.
    pub const fn new(base: u64, size: u64) -> Area {
        Area { base: PhysAddr(base), size }
    }

    /// First address after the range.
    pub const fn end(self) -> PhysAddr {
        PhysAddr(self.base.0 + self.size)
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Two banks of flash for firmware; nothing answers there yet.
pub const FLASH: Area = Area::new(0, 128 * MIB);
/// GIC distributor.
pub const GICD: Area = Area::new(0x0800_0000, 64 * KIB);
/// GIC interrupt translation service: control frame, then that of GITS_TRANSLATER.
pub const ITS: Area = Area::new(0x0808_0000, 128 * KIB);
/// GIC redistributors of the first `GICR_PES` PEs.
pub const GICR: Area = Area::new(0x080a_0000, GICR_PES as u64 * GICR_STRIDE);
/// UART.
pub const PL011: Area = Area::new(0x0900_0000, 4 * KIB);
/// Real-time clock.
pub const PL031: Area = Area::new(0x0901_0000, 4 * KIB);
/// Firmware configuration; not present yet.
pub const FW_CFG: Area = Area::new(0x0902_0000, 24);
/// GPIO with the power button; not present yet.
pub const PL061: Area = Area::new(0x0903_0000, 4 * KIB);
/// `VIRTIO_SLOTS` virtio-mmio transports, one every `VIRTIO_STRIDE` bytes.
pub const VIRTIO: Area = Area::new(0x0a00_0000, VIRTIO_SLOTS as u64 * VIRTIO_STRIDE);
/// 32-bit PCIe memory window, there with devices on PCIe.
pub const PCIE_MMIO: Area = Area::new(0x1000_0000, 0x2eff_0000);
/// PCIe I/O ports; not present yet.
pub const PCIE_PIO: Area = Area::new(0x3eff_0000, 64 * KIB);
/// All that RAM may fill; it starts at the base.
pub const RAM: Area = Area::new(0x4000_0000, 255 * GIB);
/// GIC redistributors of the PEs after the first `GICR_PES`: room for 512.
pub const GICR_HIGH: Area = Area::new(256 * GIB, 512 * GICR_STRIDE);

/// PCIe configuration space of 256 buses, there with devices on PCIe.
pub const PCIE_ECAM: Area = Area::new(256 * GIB + 256 * MIB, 256 * MIB);

/// Every area, in address order.
pub const AREAS: [(&str, Area); 14] = [
    ("flash", FLASH),
    ("gicd", GICD),
    ("its", ITS),
    ("gicr", GICR),
    ("pl011", PL011),
    ("pl031", PL031),
    ("fw_cfg", FW_CFG),
    ("pl061", PL061),
    ("virtio-mmio", VIRTIO),
    ("pcie-mmio", PCIE_MMIO),
    ("pcie-pio", PCIE_PIO),
    ("ram", RAM),
    ("gicr-high", GICR_HIGH),
    ("pcie-ecam", PCIE_ECAM),
];

const _: () = {
    let mut i = 1;
    while i < AREAS.len() {
        assert!(AREAS[i - 1].1.end().0 <= AREAS[i].1.base.0, "areas are disjoint and in address order");
        i += 1;
    }
};

/// Bytes of one redistributor: its RD and SGI frames of 64 KiB each.
pub const GICR_STRIDE: u64 = 128 * KIB;
/// PEs whose redistributors fit in `GICR`.
pub const GICR_PES: u32 = 123;
/// SPIs the GIC has unless others are asked for: INTIDs 32 to 287, as the public layout has them.
pub const SPIS: u32 = 256;
/// Number of virtio-mmio slots.
pub const VIRTIO_SLOTS: u32 = 32;
/// Bytes from one virtio-mmio slot to the next.
pub const VIRTIO_STRIDE: u64 = 0x200;
/// Most devices on PCIe: device numbers from 1 on, of the 32 that a bus has.
pub const PCIE_DEVICES: usize = 31;
/// Where a device writes its messages: GITS_TRANSLATER, and GICD_SETSPI_NSR.
pub const ITS_DOORBELL: PhysAddr = PhysAddr(ITS.base.0 + 0x1_0040);
/// See `ITS_DOORBELL`.
pub const SPI_DOORBELL: PhysAddr = PhysAddr(GICD.base.0 + 0x40);
/// Frequency of the clock that feeds the PrimeCells, in Hz.
pub const APB_CLOCK_HZ: u32 = 24_000_000;

/// PMU overflow, by PPI number.
pub const PMU_PPI: u32 = 7;
/// GIC maintenance interrupt, by PPI number.
pub const MAINTENANCE_PPI: u32 = 9;
/// EL2 physical timer, by PPI number.
pub const HYP_TIMER_PPI: u32 = 10;
/// Virtual timer, by PPI number.
pub const VIRTUAL_TIMER_PPI: u32 = 11;
/// Secure EL1 physical timer, by PPI number.
pub const SECURE_TIMER_PPI: u32 = 13;
/// Non-secure EL1 physical timer, by PPI number.
pub const PHYSICAL_TIMER_PPI: u32 = 14;

/// UART, by SPI number.
pub const PL011_SPI: u32 = 1;
/// Real-time clock, by SPI number.
pub const PL031_SPI: u32 = 2;
/// First of four PCIe INTx lines, by SPI number.
pub const PCIE_SPI: u32 = 3;
/// GPIO, by SPI number.
pub const PL061_SPI: u32 = 7;
/// First of `VIRTIO_SLOTS` virtio-mmio slots, by SPI number.
pub const VIRTIO_SPI: u32 = 16;

/// The virtual timer's INTID.
pub const VIRTUAL_TIMER: IntId = IntId::ppi(VIRTUAL_TIMER_PPI);
/// The non-secure EL1 physical timer's INTID.
pub const PHYSICAL_TIMER: IntId = IntId::ppi(PHYSICAL_TIMER_PPI);
/// The UART's INTID.
pub const PL011_INTID: IntId = IntId::spi(PL011_SPI);
/// The real-time clock's INTID.
pub const PL031_INTID: IntId = IntId::spi(PL031_SPI);

/// PEs per value of Aff1: an SGI names at most 16 targets in one Aff0 list (IHI 0069, ICC_SGI1R_EL1).
pub const CLUSTER_PES: u32 = 16;

/// Affinity of PE number `index` as in MPIDR_EL1 without its flag bits: Aff0 below 16, then Aff1, then Aff2.
pub const fn affinity(index: u32) -> u64 {
    let cluster = index / CLUSTER_PES;
    ((cluster >> 8) as u64) << 16 | ((cluster & 0xff) as u64) << 8 | (index % CLUSTER_PES) as u64
}

/// Where the registers of virtio-mmio slot `index` are.
pub const fn virtio_slot(index: u32) -> Area {
    assert!(index < VIRTIO_SLOTS);
    Area::new(VIRTIO.base.0 + index as u64 * VIRTIO_STRIDE, VIRTIO_STRIDE)
}

/// Where the redistributor of PE number `index` is.
pub const fn redistributor(index: u32) -> Area {
    let base = match index.checked_sub(GICR_PES) {
        None => GICR.base.0 + index as u64 * GICR_STRIDE,
        Some(high) => GICR_HIGH.base.0 + high as u64 * GICR_STRIDE,
    };
    Area::new(base, GICR_STRIDE)
}

/// The regions that hold the redistributors of `pes` PEs, each exactly full: one, or two above `GICR_PES`. `virt` puts
/// the second where we do.
pub fn redistributor_regions(pes: u32) -> Vec<Area> {
    let low = pes.min(GICR_PES);
    let regions = [(GICR, low), (GICR_HIGH, pes - low)];
    regions.iter().filter(|(_, n)| *n > 0).map(|(a, n)| Area::new(a.base.0, u64::from(*n) * GICR_STRIDE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinities_are_distinct_and_fit_one_sgi_list() {
        for (index, want) in [(0, 0), (15, 15), (16, 0x100), (17, 0x101), (511, 0x1f0f), (4096, 0x1_0000)] {
            assert_eq!(affinity(index), want);
        }
    }

    #[test]
    fn redistributors_fill_their_regions_in_order() {
        for pes in [1, 2, 64, 123, 124, 512, 635] {
            let regions = redistributor_regions(pes);
            assert_eq!(regions.iter().map(|r| r.size).sum::<u64>(), u64::from(pes) * GICR_STRIDE);
            let last = regions.last().unwrap();
            assert_eq!(redistributor(pes - 1).end(), last.end());
            assert_eq!(redistributor(0).base, GICR.base);
        }
        assert_eq!(GICR.end(), PL011.base, "the first region reaches to the UART");
    }
}
