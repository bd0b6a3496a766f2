//! What a board says about the GIC it wants, and why that may be refused.

use crate::fidelity::Fidelity;
use crate::ids::{self, Home, Layout};
use crate::lpi::LpiSpec;
use hw::IntId;
use std::{fmt, sync::Arc};

/// The most PEs one GIC serves; the interrupt word has room for 1023.
pub const MAX_PES: usize = 512;

/// A PE's place in the affinity hierarchy, as in MPIDR_EL1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Affinity {
    /// Level 0, normally the PE within its cluster.
    pub aff0: u8,
    /// Level 1, normally the cluster.
    pub aff1: u8,
    /// Level 2.
    pub aff2: u8,
    /// Level 3.
    pub aff3: u8,
}

impl Affinity {
    /// The affinity fields where MPIDR_EL1 and GICD_IROUTER have them: Aff3 in bits [39:32], the rest in [23:0].
    pub fn mpidr(self) -> u64 {
        u64::from(self.aff3) << 32 | u64::from(self.packed() & 0xff_ffff)
    }

    /// Aff3.Aff2.Aff1.Aff0, one byte each, as GICR_TYPER[63:32].
    pub fn packed(self) -> u32 {
        u32::from_be_bytes([self.aff3, self.aff2, self.aff1, self.aff0])
    }
}

impl fmt::Display for Affinity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.aff3, self.aff2, self.aff1, self.aff0)
    }
}

/// One PE as the GIC knows it.
pub struct PeSpec {
    /// Its affinity; no two PEs share one.
    pub affinity: Affinity,
    /// Where the GIC posts when this PE may have something to take.
    pub attention: Arc<sync::Attention>,
}

/// The GIC a board wants.
#[derive(Default)]
pub struct GicSpec {
    /// Shared interrupts: a multiple of 32, or 988 for all there can be.
    pub spis: u32,
    /// The PEs, in the order of their redistributors.
    pub pes: Vec<PeSpec>,
    /// What it has beyond the base architecture.
    pub features: Features,
    /// Its LPIs, if it has any.
    pub lpis: Option<LpiSpec>,
}

/// What a GIC has beyond GICv3.0 with one security state.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Features {
    /// Two security states after power-on; Secure software may set GICD_CTLR.DS. Without it DS is RAO/WI.
    pub two_states: bool,
    /// Non-maskable interrupts (FEAT_GICv3_NMI).
    pub nmi: bool,
    /// Extended PPIs of each PE, from INTID 1056: 0, 32 or 64.
    pub eppis: u32,
    /// Extended SPIs, from INTID 4096: a multiple of 32 up to 1024.
    pub espis: u32,
    /// Shared INTIDs in these ranges that are not there: their fields are RAZ/WI.
    pub absent: Vec<IntId>,
    /// What the identification registers say, and what of power that product has.
    pub product: Product,
    /// How many PEs each region of redistributors has, in order; none for all in one.
    pub regions: Vec<usize>,
    /// GICR_TYPER.Processor_Number of each PE, by which commands of an ITS name it; none to count them in order.
    pub numbers: Vec<u32>,
    /// What it shows of delays and misuse.
    pub fidelity: Fidelity,
}

/// Whose identification registers the GIC has. What a product adds to the architecture of power management comes with
/// them: GICR_WAKER.{Sleep, Quiescent} of Arm's, and GICR_PWRR of GIC-600 and GIC-700.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Product {
    /// Arm's architecture numbers and no product: the default.
    #[default]
    Architecture,
    /// Arm GIC-500 r0p0.
    Gic500,
    /// Arm GIC-600 r1p6.
    Gic600,
    /// Arm GIC-700 r2p0 without GICv4.1.
    Gic700,
    /// What KVM's GICv3 says.
    Kvm,
}

impl Product {
    /// All there are.
    pub const ALL: [Product; 5] =
        [Product::Architecture, Product::Gic500, Product::Gic600, Product::Gic700, Product::Kvm];

    /// The name that users write.
    pub fn name(self) -> &'static str {
        match self {
            Product::Architecture => "architecture",
            Product::Gic500 => "gic-500",
            Product::Gic600 => "gic-600",
            Product::Gic700 => "gic-700",
            Product::Kvm => "kvm",
        }
    }
}

/// Why a [`GicSpec`] is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GicError {
    /// Not a multiple of 32, or more than 988.
    Spis(u32),
    /// Not 0, 32 or 64.
    Eppis(u32),
    /// Not a multiple of 32, or more than 1024.
    Espis(u32),
    /// No shared interrupt that the GIC could do without.
    Absent(IntId),
    /// None, or more than [`MAX_PES`].
    Pes(usize),
    /// Two PEs share this affinity.
    Affinity(Affinity),
    /// Not one number for each PE, or two PEs share one.
    Numbers,
    /// Regions that are empty, or do not have these PEs together.
    Regions(usize),
}

impl fmt::Display for GicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GicError::Spis(n) => {
                write!(f, "a GIC cannot have {n} SPIs: give a multiple of 32 up to 960, or 988")
            }
            GicError::Eppis(n) => write!(f, "a PE cannot have {n} extended PPIs: give 0, 32 or 64"),
            GicError::Espis(n) => write!(f, "a GIC cannot have {n} extended SPIs: give a multiple of 32 up to 1024"),
            GicError::Absent(id) => write!(f, "INTID {} is no SPI of this GIC, so it cannot be left out", id.0),
            GicError::Pes(n) => write!(f, "a GIC cannot serve {n} PEs: give 1 to {MAX_PES}"),
            GicError::Numbers => write!(f, "each PE needs a processor number of its own, below 65536"),
            GicError::Affinity(a) => write!(f, "two PEs have affinity {a}: each needs its own"),
            GicError::Regions(n) => write!(f, "regions of redistributors must have PEs, and {n} together"),
        }
    }
}

impl std::error::Error for GicError {}

impl GicSpec {
    pub(crate) fn layout(&self) -> Layout {
        Layout { spis: self.spis, eppis: self.features.eppis, espis: self.features.espis }
    }

    /// May there be such a GIC?
    pub fn check(&self) -> Result<(), GicError> {
        if self.spis > 988 || (!self.spis.is_multiple_of(32) && self.spis != 988) {
            return Err(GicError::Spis(self.spis));
        }
        let Features { eppis, espis, absent, .. } = &self.features;
        if ![0, 32, 64].contains(eppis) {
            return Err(GicError::Eppis(*eppis));
        }
        if *espis > 1024 || !espis.is_multiple_of(32) {
            return Err(GicError::Espis(*espis));
        }
        let shared =
            |id: &IntId| ids::place(id.0).is_some_and(|n| matches!(self.layout().home(n), Some(Home::Shared(_))));
        if let Some(id) = absent.iter().find(|id| !shared(id)) {
            return Err(GicError::Absent(*id));
        }
        if self.pes.is_empty() || self.pes.len() > MAX_PES {
            return Err(GicError::Pes(self.pes.len()));
        }
        let mut numbers = self.features.numbers.clone();
        numbers.sort_unstable();
        numbers.dedup();
        let whole = self.features.numbers.is_empty() || numbers.len() == self.pes.len();
        if !whole || numbers.len() != self.features.numbers.len() || numbers.last().is_some_and(|n| *n > 0xffff) {
            return Err(GicError::Numbers);
        }
        let regions = &self.features.regions;
        let whole = regions.is_empty() || regions.iter().sum::<usize>() == self.pes.len();
        if !whole || regions.contains(&0) {
            return Err(GicError::Regions(self.pes.len()));
        }
        let mut seen: Vec<_> = self.pes.iter().map(|pe| pe.affinity).collect();
        seen.sort();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(GicError::Affinity(pair[0])),
            None => Ok(()),
        }
    }
}
