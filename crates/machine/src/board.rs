//! The wiring: RAM, GIC and devices on one bus, with the numbers of `map`.

use crate::map;
use crate::pcie;
use crate::spec::{GicChoice, MachineSpec};
use cpu::{Alarms, Peer, Shared, TlbiQueue};
use devices::{CharSink, HostBridge, Pl011, Pl031, VirtioMmioSlot};
use gic::{Affinity, Features, Frame, Gic, GicError, GicSpec, Its, LpiSpec, PeSpec, Security};
use hw::Clock;
use mem::{Bus, BusError, Ram, RamError};
use std::sync::Arc;
use sync::Attention;
use vgic::uapi::{address, control, device_type, group};
use vgic::{Device, LockProtocol, Refusal, Vm, VmSpec};

/// The board could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// No memory.
    #[error(transparent)]
    Ram(#[from] RamError),
    /// The map is inconsistent.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The GIC refuses the configuration.
    #[error("the interrupt controller cannot be built: {0} (--gic)")]
    Gic(#[from] GicError),
    /// The interface to the GIC refuses a call.
    #[error("the interrupt controller cannot be set up: {0}")]
    Interface(#[from] Refusal),
}

/// DeviceID of a message that a PE writes to the ITS itself; that of no device.
const CPU_DEVICE: u32 = 0xffff;

/// Everything but the vCPUs. A clone is the same board.
#[derive(Clone)]
pub(crate) struct Board {
    pub shared: Arc<Shared>,
    pub uart: Arc<Pl011>,
    pub rtc: Arc<Pl031>,
    pub its: Arc<Its>,
    /// There with devices on it.
    pub pcie: Option<Arc<HostBridge>>,
    pub config: GicConfig,
    pub attentions: Vec<Arc<Attention>>,
}

/// Builds the board for `spec`; the UART sends to `console`.
pub(crate) fn build(spec: &MachineSpec, console: Box<dyn CharSink>) -> Result<Board, BoardError> {
    let clock = Clock::start();
    build_around(spec, console, Ram::new(map::RAM.base, spec.memory)?, clock)
}

/// The same, with RAM and a clock that are there.
pub(crate) fn build_around(
    spec: &MachineSpec,
    console: Box<dyn CharSink>,
    ram: Ram,
    clock: Clock,
) -> Result<Board, BoardError> {
    let config = GicConfig::build(spec, &ram)?;
    let attentions: Vec<_> = config.vcpus().map(|vcpu| vcpu.attention()).collect();
    let (gic, its, extras) = (config.gic(), config.translator(), spec.model.extras());
    let areas = map::redistributor_regions(spec.cpus as u32);

    let mut bus = Bus::new(ram);
    let uart = Arc::new(Pl011::new(console, gic.spi_line(map::PL011_INTID)));
    let rtc = Arc::new(Pl031::new(clock, gic.spi_line(map::PL031_INTID)));
    bus.map(map::GICD.base, map::GICD.size, config.vm.distributor().expect("it was initialised"))?;
    if spec.gic.its {
        bus.map(map::ITS.base, map::ITS.size, its.frames(CPU_DEVICE))?;
    }
    if extras.el3 {
        bus.map_secure(map::GICD.base, gic.distributor_for(Security::Secure));
    }
    for (area, pes) in areas.iter().zip(gic.regions()) {
        bus.map(area.base, area.size, config.vm.redistributors_of(pes.clone()).expect("it was initialised"))?;
        if extras.el3 {
            bus.map_secure(area.base, gic.redistributors_of(pes, Security::Secure));
        }
    }
    bus.map(map::PL011.base, map::PL011.size, uart.clone())?;
    bus.map(map::PL031.base, map::PL031.size, rtc.clone())?;
    for index in 0..map::VIRTIO_SLOTS {
        let slot = map::virtio_slot(index);
        bus.map(slot.base, slot.size, Arc::new(VirtioMmioSlot))?;
    }
    let pcie = (!spec.devices.is_empty()).then(|| pcie::build(spec, &config, bus.ram()));
    if let Some(bridge) = &pcie {
        bus.map(map::PCIE_MMIO.base, map::PCIE_MMIO.size, bridge.memory())?;
        bus.map(map::PCIE_ECAM.base, map::PCIE_ECAM.size, bridge.ecam())?;
    }

    let peers = attentions.iter().map(|a| Peer { attention: a.clone(), tlbi: TlbiQueue::new() }).collect();
    let alarms = Alarms::new(clock, attentions.clone());
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    Ok(Board { shared, uart, rtc, its, pcie, config, attentions })
}

/// MPIDR_EL1's fields, apart.
fn affinity(mpidr: u64) -> Affinity {
    let [aff0, aff1, aff2, _, aff3, ..] = mpidr.to_le_bytes();
    Affinity { aff0, aff1, aff2, aff3 }
}

/// The VM, as a VMM's calls of KVM make it, and its devices: what the board's GIC is configured through.
#[derive(Clone)]
pub struct GicConfig {
    /// The VM.
    pub vm: Arc<Vm>,
    /// The VGICv3.
    pub vgic: Device,
    /// The ITS.
    pub its: Device,
}

impl GicConfig {
    /// Creates vCPUs and devices, sets addresses and sizes, and initialises, as a VMM does.
    fn build(spec: &MachineSpec, ram: &Ram) -> Result<GicConfig, BoardError> {
        let GicChoice { fidelity, product, spis, espis, eppis, its: _, direct_lpis, lpi_cache, its_errors } = spec.gic;
        let extras = spec.model.extras();
        let areas = map::redistributor_regions(spec.cpus as u32);
        let features = Features {
            two_states: extras.el3,
            nmi: extras.nmi,
            espis,
            eppis,
            product,
            regions: areas.iter().map(|area| (area.size / map::GICR_STRIDE) as usize).collect(),
            fidelity,
            ..Features::default()
        };
        let memory = Arc::new(ram.clone());
        let lpis = Some(LpiSpec { direct: direct_lpis, ..LpiSpec::new(memory.clone()) });
        let pe = |index| PeSpec { affinity: affinity(map::affinity(index)), attention: Arc::default() };
        let pes = (0..spec.cpus as u32).map(pe).collect();
        // It says more of what cannot be than an error number does.
        GicSpec { spis, pes, features: features.clone(), lpis }.check()?;
        let vm = Vm::new(VmSpec {
            protocol: LockProtocol::Rfc,
            features,
            spis: Some(spis),
            direct_lpis,
            lpi_cache,
            its_errors,
            ..VmSpec::new(memory)
        });
        for index in 0..spec.cpus as u32 {
            let vcpu = vm.create_vcpu(index)?;
            assert_eq!(vcpu.default_affinity().mpidr(), map::affinity(index), "the board's affinities are KVM's");
            vm.initialise_vcpu(&vcpu, spec.model.el2)?;
        }
        let create = |kind| vm.create_device(kind, 0).map(|device| device.expect("it was not only asked for"));
        let (vgic, its) = (create(device_type::VGIC_V3)?, create(device_type::ITS)?);
        vgic.set(group::ADDR, address::DIST, map::GICD.base.0)?;
        for (index, area) in areas.iter().enumerate() {
            let count = area.size / map::GICR_STRIDE;
            vgic.set(group::ADDR, address::REDIST_REGION, count << 52 | area.base.0 | index as u64)?;
        }
        its.set(group::ADDR, address::ITS, map::ITS.base.0)?;
        vgic.set(group::CTRL, control::INIT, 0)?;
        Ok(GicConfig { vm, vgic, its })
    }

    pub(crate) fn gic(&self) -> Arc<Gic> {
        self.vm.gic().expect("it was initialised").clone()
    }

    pub(crate) fn translator(&self) -> Arc<Its> {
        self.its.translator().expect("it was initialised")
    }

    fn vcpus(&self) -> impl Iterator<Item = &Arc<vgic::Vcpu>> {
        (0..).map_while(|index| self.vm.vcpu(index))
    }
}

impl Board {
    /// What firmware of EL3 leaves to an operating system of Non-secure state: every interrupt is in Group 1.
    pub fn leave_to_non_secure(&self, choice: &GicChoice) {
        const IGROUPR: u32 = 0x80;
        const IGROUPR_E: u32 = 0x1000;
        let gic = &self.shared.gic;
        let distributor = |at| gic.raw_write(Frame::Distributor, at, !0);
        (1..=choice.spis.div_ceil(32)).for_each(|n| _ = distributor(IGROUPR + 4 * n));
        (0..choice.espis / 32).for_each(|n| _ = distributor(IGROUPR_E + 4 * n));
        for pe in 0..self.attentions.len() {
            (0..=choice.eppis / 32).for_each(|n| _ = gic.raw_write(Frame::Private(pe), IGROUPR + 4 * n, !0));
        }
    }

    /// Every device and the GIC back to power-on. Only while all vCPUs are stopped.
    pub fn reset(&self) {
        self.shared.bus.devices().for_each(|(_, _, device)| device.reset());
        self.shared.gic.reset();
        self.attentions.iter().for_each(|a| _ = a.take());
    }
}
