//! What C protects: the configuration of the VGIC.

use crate::its;
use crate::regions::{Placement, Region};
use crate::registers::{redist, sysregs::Written};
use crate::uapi::UNSET;
use crate::vm::Vm;
use gic::{CpuInterface, Gic, Product};
use hw::MmioDevice;
use std::sync::Arc;

/// GICR_PENDBASER after initialisation, and GICR_PROPBASER once there is an ITS: Inner Shareable, Normal Write-Back.
pub(crate) const BASER_RESET: u64 = 0x580;

/// The configuration of a VM's interrupt controllers.
#[derive(Default)]
pub(crate) struct Config {
    /// The VGIC, once created. It lives as long as the VM.
    pub dist: Option<Dist>,
    /// By index of the vCPU.
    pub cpus: Vec<Cpu>,
    /// An ITS was created, so LPIs are there to be seen.
    pub has_its: bool,
    /// By index of the ITS.
    pub itss: Vec<its::State>,
    /// GICR_PROPBASER, of all redistributors of a GIC as KVM's.
    pub propbaser: u64,
}

/// The VGIC.
pub(crate) struct Dist {
    /// 0 until chosen by NR_IRQS or initialisation.
    pub spis: u32,
    /// Of GICD.
    pub base: Option<u64>,
    /// Of GICR, in order of index.
    pub regions: Vec<Region>,
    /// GICD_IIDR.Revision; 0 until it has its default.
    pub revision: u8,
    /// GICD_TYPER2.nASSGIcap.
    pub direct_sgis: bool,
    /// GICD_CTLR.nASSGIreq.
    pub direct_sgis_requested: bool,
    /// INTID of the maintenance interrupt; 0 until set.
    pub maintenance: u32,
    /// From initialisation on.
    pub live: Option<Live>,
}

/// The GIC that guests run on.
pub(crate) struct Live {
    pub gic: Arc<Gic>,
    /// Its frames, for what a register does that only guests use.
    pub redistributors: Arc<dyn MmioDevice>,
}

/// What belongs to one vCPU.
#[derive(Default)]
pub(crate) struct Cpu {
    /// Where its redistributor is.
    pub placed: Option<Placement>,
    /// Its CPU interface, unless it runs.
    pub interface: Option<CpuInterface>,
    /// Bits of priority and ICC_CTLR_EL1.IDbits, which can be lowered.
    pub priority_bits: u8,
    pub id_bits: u8,
    /// ICC_PMR_EL1; ICC_BPR0_EL1 and ICC_BPR1_EL1, of which the interface has at least its minimum.
    pub pmr: Written,
    pub bpr: [Written; 2],
    /// ICC_AP0Rn and ICC_AP1Rn as written: their bits between the interface's group priorities.
    pub more_ap: [[u32; 4]; 2],
    /// System registers of EL2, by number in their table.
    pub el2: [u64; 32],
}

impl Config {
    pub fn initialised(&self) -> bool {
        self.live().is_some()
    }

    pub fn live(&self) -> Option<&Live> {
        self.dist.as_ref()?.live.as_ref()
    }

    /// GICR_PROPBASER: of a GIC that is not as KVM's, that of the first redistributor.
    pub fn propbaser(&self, vm: &Vm) -> u64 {
        match self.live().filter(|_| vm.spec.features.product != Product::Kvm) {
            Some(live) => redist::raw_propbaser(&live.gic, 0),
            None => self.propbaser,
        }
    }

    /// # Panics
    /// Before initialisation.
    pub fn gic(&self) -> &Arc<Gic> {
        &self.live().expect("protocols let no access through before initialisation").gic
    }
}

impl Dist {
    /// INTIDs that are neither LPIs nor special.
    pub fn interrupts(&self) -> u32 {
        self.spis + 32
    }

    /// The base of GICD, as GET has it.
    pub fn base_or_unset(&self) -> u64 {
        self.base.unwrap_or(UNSET)
    }
}
