//! What a board says about the GIC it wants, and why that may be refused.

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
pub struct GicSpec {
    /// Shared interrupts: a multiple of 32, or 988 for all there can be.
    pub spis: u32,
    /// The PEs, in the order of their redistributors.
    pub pes: Vec<PeSpec>,
}

/// Why a [`GicSpec`] is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GicError {
    /// Not a multiple of 32, or more than 988.
    Spis(u32),
    /// None, or more than [`MAX_PES`].
    Pes(usize),
    /// Two PEs share this affinity.
    Affinity(Affinity),
}

impl fmt::Display for GicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GicError::Spis(n) => {
                write!(f, "a GIC cannot have {n} SPIs: give a multiple of 32 up to 960, or 988")
            }
            GicError::Pes(n) => write!(f, "a GIC cannot serve {n} PEs: give 1 to {MAX_PES}"),
            GicError::Affinity(a) => write!(f, "two PEs have affinity {a}: each needs its own"),
        }
    }
}

impl std::error::Error for GicError {}

impl GicSpec {
    pub(crate) fn check(&self) -> Result<(), GicError> {
        if self.spis > 988 || (!self.spis.is_multiple_of(32) && self.spis != 988) {
            return Err(GicError::Spis(self.spis));
        }
        if self.pes.is_empty() || self.pes.len() > MAX_PES {
            return Err(GicError::Pes(self.pes.len()));
        }
        let mut seen: Vec<_> = self.pes.iter().map(|pe| pe.affinity).collect();
        seen.sort();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(GicError::Affinity(pair[0])),
            None => Ok(()),
        }
    }
}
