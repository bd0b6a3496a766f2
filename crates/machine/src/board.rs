//! The wiring: RAM, GIC and devices on one bus, with the numbers of `map`.

use crate::map;
use crate::spec::{GicChoice, MachineSpec};
use cpu::{Alarms, Peer, Shared, TlbiQueue};
use devices::{CharSink, Pl011, Pl031, VirtioMmioSlot};
use gic::{Affinity, Features, Frame, Gic, GicError, GicSpec, Its, ItsSpec, LpiSpec, PeSpec, Security};
use hw::Clock;
use mem::{Bus, BusError, Ram, RamError};
use std::sync::Arc;
use sync::Attention;

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
    Gic(GicError),
}

/// DeviceID of a message that a PE writes to the ITS itself; that of no device.
const CPU_DEVICE: u32 = 0xffff;

/// Everything but the vCPUs.
pub(crate) struct Board {
    pub shared: Arc<Shared>,
    pub uart: Arc<Pl011>,
    pub rtc: Arc<Pl031>,
    pub its: Arc<Its>,
    pub attentions: Vec<Arc<Attention>>,
}

/// Builds the board for `spec`; the UART sends to `console`.
pub(crate) fn build(spec: &MachineSpec, console: Box<dyn CharSink>) -> Result<Board, BoardError> {
    let clock = Clock::start();
    let attentions: Vec<_> = (0..spec.cpus).map(|_| Arc::new(Attention::new())).collect();
    let pe = |(index, attention): (usize, &Arc<Attention>)| PeSpec {
        affinity: affinity(map::affinity(index as u32)),
        attention: attention.clone(),
    };
    let pes = attentions.iter().enumerate().map(pe).collect();
    let ram = Ram::new(map::RAM.base, spec.memory)?;
    let GicChoice { fidelity, product, spis, espis, eppis, direct_lpis } = spec.gic;
    let lpis = Some(LpiSpec { direct: direct_lpis, ..LpiSpec::new(Arc::new(ram.clone())) });
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
    let gic = Gic::new(GicSpec { spis, pes, features, lpis }).map_err(BoardError::Gic)?;
    let its = Its::new(gic.clone(), ItsSpec::default());

    let mut bus = Bus::new(ram);
    let uart = Arc::new(Pl011::new(console, gic.spi_line(map::PL011_INTID)));
    let rtc = Arc::new(Pl031::new(clock, gic.spi_line(map::PL031_INTID)));
    bus.map(map::GICD.base, map::GICD.size, gic.distributor())?;
    bus.map(map::ITS.base, map::ITS.size, its.frames(CPU_DEVICE))?;
    if extras.el3 {
        bus.map_secure(map::GICD.base, gic.distributor_for(Security::Secure));
    }
    for (area, pes) in areas.iter().zip(gic.regions()) {
        bus.map(area.base, area.size, gic.redistributors_of(pes.clone(), Security::NonSecure))?;
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

    let peers = attentions.iter().map(|a| Peer { attention: a.clone(), tlbi: TlbiQueue::new() }).collect();
    let alarms = Alarms::new(clock, attentions.clone());
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    Ok(Board { shared, uart, rtc, its, attentions })
}

/// MPIDR_EL1's fields, apart.
fn affinity(mpidr: u64) -> Affinity {
    let [aff0, aff1, aff2, _, aff3, ..] = mpidr.to_le_bytes();
    Affinity { aff0, aff1, aff2, aff3 }
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
