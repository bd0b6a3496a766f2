//! The board's own device tree, one function per node.

use super::{FdtError, FdtSpec};
use crate::map::{self, Area};
use cpu::Conduit;
use vm_fdt::FdtWriter;

type Result<T = ()> = std::result::Result<T, FdtError>;

/// Phandles. PEs follow from `CPU` on.
mod phandle {
    pub const INTC: u32 = 1;
    pub const APB_CLOCK: u32 = 2;
    pub const ITS: u32 = 3;
    pub const CPU: u32 = 0x100;
}

/// First cell of an interrupt (arm,gic-v3 binding).
const SPI: u32 = 0;
const PPI: u32 = 1;
/// Third cell of an interrupt.
const EDGE_RISING: u32 = 1;
const LEVEL_HIGH: u32 = 4;

/// The blob for `spec`.
pub fn build(spec: &FdtSpec) -> Result<Vec<u8>> {
    let mut w = FdtWriter::new()?;
    let root = w.begin_node("")?;
    w.property_string("compatible", "linux,dummy-virt")?;
    w.property_string("model", "armagic,virt")?;
    w.property_u32("#address-cells", 2)?;
    w.property_u32("#size-cells", 2)?;
    w.property_u32("interrupt-parent", phandle::INTC)?;
    w.property_null("dma-coherent")?;
    chosen(&mut w, spec)?;
    aliases(&mut w)?;
    memory(&mut w, spec)?;
    cpus(&mut w, spec)?;
    psci(&mut w, spec.conduit)?;
    timer(&mut w)?;
    pmu(&mut w)?;
    intc(&mut w, spec)?;
    apb_clock(&mut w)?;
    pl011(&mut w)?;
    pl031(&mut w)?;
    (0..map::VIRTIO_SLOTS).try_for_each(|slot| virtio_mmio(&mut w, slot))?;
    if spec.has_pcie {
        pcie(&mut w, spec.has_its)?;
    }
    w.end_node(root)?;
    Ok(w.finish()?)
}

/// A node named `name`, with what `body` puts in it.
fn node(w: &mut FdtWriter, name: &str, body: impl FnOnce(&mut FdtWriter) -> Result) -> Result {
    let node = w.begin_node(name)?;
    body(w)?;
    Ok(w.end_node(node)?)
}

fn unit(name: &str, area: Area) -> String {
    format!("{name}@{:x}", area.base.0)
}

fn reg(w: &mut FdtWriter, areas: &[Area]) -> Result {
    let cells: Vec<u64> = areas.iter().flat_map(|a| [a.base.0, a.size]).collect();
    Ok(w.property_array_u64("reg", &cells)?)
}

fn strings(w: &mut FdtWriter, name: &str, values: &[&str]) -> Result {
    Ok(w.property_string_list(name, values.iter().map(|s| s.to_string()).collect())?)
}

fn chosen(w: &mut FdtWriter, spec: &FdtSpec) -> Result {
    node(w, "chosen", |w| {
        w.property_string("stdout-path", &format!("/{}", unit("pl011", map::PL011)))?;
        if let Some(bootargs) = &spec.bootargs {
            w.property_string("bootargs", bootargs).map_err(|_| FdtError::Bootargs)?;
        }
        if let Some((base, size)) = spec.initrd {
            w.property_u64("linux,initrd-start", base.0)?;
            w.property_u64("linux,initrd-end", base.0 + size)?;
        }
        if let Some(seed) = spec.kaslr_seed {
            w.property_u64("kaslr-seed", seed)?;
        }
        if let Some(seed) = &spec.rng_seed {
            w.property("rng-seed", seed)?;
        }
        Ok(())
    })
}

fn aliases(w: &mut FdtWriter) -> Result {
    node(w, "aliases", |w| Ok(w.property_string("serial0", &format!("/{}", unit("pl011", map::PL011)))?))
}

fn memory(w: &mut FdtWriter, spec: &FdtSpec) -> Result {
    let ram = Area::new(map::RAM.base.0, spec.ram_size);
    node(w, &unit("memory", ram), |w| {
        w.property_string("device_type", "memory")?;
        reg(w, &[ram])
    })
}

fn cpus(w: &mut FdtWriter, spec: &FdtSpec) -> Result {
    // One cell holds Aff2..Aff0, which is all this board numbers unless someone sets Aff3.
    let wide = spec.cpus.iter().any(|c| c.mpidr > u64::from(u32::MAX));
    node(w, "cpus", |w| {
        w.property_u32("#address-cells", if wide { 2 } else { 1 })?;
        w.property_u32("#size-cells", 0)?;
        node(w, "cpu-map", |w| cpu_map(w, spec.cpus.len()))?;
        for (cpu, phandle) in spec.cpus.iter().zip(phandle::CPU..) {
            node(w, &format!("cpu@{:x}", cpu.mpidr), |w| {
                w.property_string("device_type", "cpu")?;
                w.property_string("compatible", &spec.cpu_compatible)?;
                w.property_string("enable-method", "psci")?;
                match wide {
                    true => w.property_u64("reg", cpu.mpidr)?,
                    false => w.property_u32("reg", cpu.mpidr as u32)?,
                }
                Ok(w.property_phandle(phandle)?)
            })?;
        }
        Ok(())
    })
}

/// All PEs are cores of one socket; without this, Linux takes every 16 for a package of their own.
fn cpu_map(w: &mut FdtWriter, count: usize) -> Result {
    node(w, "socket0", |w| {
        node(w, "cluster0", |w| {
            (0..count).zip(phandle::CPU..).try_for_each(|(core, phandle)| {
                node(w, &format!("core{core}"), |w| Ok(w.property_u32("cpu", phandle)?))
            })
        })
    })
}

fn psci(w: &mut FdtWriter, conduit: Conduit) -> Result {
    node(w, "psci", |w| {
        strings(w, "compatible", &["arm,psci-1.0", "arm,psci-0.2", "arm,psci"])?;
        w.property_string("method", if conduit == Conduit::Smc { "smc" } else { "hvc" })?;
        // For guests that know PSCI 0.1 only, whose function numbers are not fixed (ARM DEN 0022).
        w.property_u32("cpu_suspend", 0xc400_0001)?;
        w.property_u32("cpu_off", 0x8400_0002)?;
        Ok(w.property_u32("cpu_on", 0xc400_0003)?)
    })
}

fn timer(w: &mut FdtWriter) -> Result {
    // The order is the binding's: secure physical, non-secure physical, virtual, hypervisor.
    let ppis = [map::SECURE_TIMER_PPI, map::PHYSICAL_TIMER_PPI, map::VIRTUAL_TIMER_PPI, map::HYP_TIMER_PPI];
    let interrupts: Vec<u32> = ppis.iter().flat_map(|&ppi| [PPI, ppi, LEVEL_HIGH]).collect();
    node(w, "timer", |w| {
        strings(w, "compatible", &["arm,armv8-timer"])?;
        w.property_array_u32("interrupts", &interrupts)?;
        Ok(w.property_null("always-on")?)
    })
}

fn pmu(w: &mut FdtWriter) -> Result {
    node(w, "pmu", |w| {
        w.property_string("compatible", "arm,armv8-pmuv3")?;
        Ok(w.property_array_u32("interrupts", &[PPI, map::PMU_PPI, LEVEL_HIGH])?)
    })
}

fn intc(w: &mut FdtWriter, spec: &FdtSpec) -> Result {
    let mut areas = vec![map::GICD];
    areas.extend(map::redistributor_regions(spec.cpus.len() as u32));
    node(w, &unit("intc", map::GICD), |w| {
        w.property_string("compatible", "arm,gic-v3")?;
        w.property_u32("#interrupt-cells", 3)?;
        w.property_null("interrupt-controller")?;
        w.property_u32("#address-cells", 2)?;
        w.property_u32("#size-cells", 2)?;
        w.property_null("ranges")?;
        w.property_u32("#redistributor-regions", areas.len() as u32 - 1)?;
        reg(w, &areas)?;
        if spec.has_el2 {
            w.property_array_u32("interrupts", &[PPI, map::MAINTENANCE_PPI, LEVEL_HIGH])?;
        }
        w.property_phandle(phandle::INTC)?;
        if spec.has_its { its(w) } else { Ok(()) }
    })
}

/// Within its GIC (arm,gic-v3 binding). The cell of an MSI specifier is the DeviceID.
fn its(w: &mut FdtWriter) -> Result {
    node(w, &unit("its", map::ITS), |w| {
        w.property_string("compatible", "arm,gic-v3-its")?;
        w.property_null("msi-controller")?;
        w.property_u32("#msi-cells", 1)?;
        reg(w, &[map::ITS])?;
        Ok(w.property_phandle(phandle::ITS)?)
    })
}

fn apb_clock(w: &mut FdtWriter) -> Result {
    node(w, "apb-pclk", |w| {
        w.property_string("compatible", "fixed-clock")?;
        w.property_u32("#clock-cells", 0)?;
        w.property_u32("clock-frequency", map::APB_CLOCK_HZ)?;
        w.property_string("clock-output-names", "clk24mhz")?;
        Ok(w.property_phandle(phandle::APB_CLOCK)?)
    })
}

fn pl011(w: &mut FdtWriter) -> Result {
    node(w, &unit("pl011", map::PL011), |w| {
        strings(w, "compatible", &["arm,pl011", "arm,primecell"])?;
        reg(w, &[map::PL011])?;
        w.property_array_u32("interrupts", &[SPI, map::PL011_SPI, LEVEL_HIGH])?;
        w.property_array_u32("clocks", &[phandle::APB_CLOCK, phandle::APB_CLOCK])?;
        strings(w, "clock-names", &["uartclk", "apb_pclk"])
    })
}

fn pl031(w: &mut FdtWriter) -> Result {
    node(w, &unit("pl031", map::PL031), |w| {
        strings(w, "compatible", &["arm,pl031", "arm,primecell"])?;
        reg(w, &[map::PL031])?;
        w.property_array_u32("interrupts", &[SPI, map::PL031_SPI, LEVEL_HIGH])?;
        w.property_u32("clocks", phandle::APB_CLOCK)?;
        w.property_string("clock-names", "apb_pclk").map_err(Into::into)
    })
}

fn virtio_mmio(w: &mut FdtWriter, slot: u32) -> Result {
    let area = map::virtio_slot(slot);
    node(w, &unit("virtio_mmio", area), |w| {
        w.property_string("compatible", "virtio,mmio")?;
        reg(w, &[area])?;
        w.property_array_u32("interrupts", &[SPI, map::VIRTIO_SPI + slot, EDGE_RISING])?;
        Ok(w.property_null("dma-coherent")?)
    })
}

/// A host bridge (pci-host-generic and PCI bindings). Addresses on the bus are those of the PEs.
fn pcie(w: &mut FdtWriter, has_its: bool) -> Result {
    const MEMORY_32: u32 = 0x0200_0000;
    const INTX: u32 = 4;
    let halves = |value: u64| [(value >> 32) as u32, value as u32];
    let window = [halves(map::PCIE_MMIO.base.0), halves(map::PCIE_MMIO.base.0), halves(map::PCIE_MMIO.size)].concat();
    // A device number's low bits and a pin choose a line; the parent's address has two cells, and the GIC ignores it.
    let row = |device: u32, pin: u32| {
        let spi = map::PCIE_SPI + (device + pin) % INTX;
        [device << 11, 0, 0, pin + 1, phandle::INTC, 0, 0, SPI, spi, LEVEL_HIGH]
    };
    let lines: Vec<u32> = (0..INTX).flat_map(|device| (0..INTX).flat_map(move |pin| row(device, pin))).collect();
    node(w, &unit("pcie", map::PCIE_ECAM), |w| {
        w.property_string("compatible", "pci-host-ecam-generic")?;
        w.property_string("device_type", "pci")?;
        w.property_u32("#address-cells", 3)?;
        w.property_u32("#size-cells", 2)?;
        w.property_u32("#interrupt-cells", 1)?;
        reg(w, &[map::PCIE_ECAM])?;
        w.property_array_u32("bus-range", &[0, (map::PCIE_ECAM.size >> 20) as u32 - 1])?;
        w.property_u32("linux,pci-domain", 0)?;
        w.property_array_u32("ranges", &[&[MEMORY_32][..], &window].concat())?;
        w.property_null("dma-coherent")?;
        if has_its {
            // The DeviceID is the requester's: bus, device, function.
            w.property_array_u32("msi-map", &[0, phandle::ITS, 0, 0x1_0000])?;
        }
        w.property_array_u32("interrupt-map-mask", &[(INTX - 1) << 11, 0, 0, 7])?;
        Ok(w.property_array_u32("interrupt-map", &lines)?)
    })
}
