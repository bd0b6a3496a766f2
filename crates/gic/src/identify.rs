//! Who the GIC says it is: the identification registers of each product, as their reference manuals give them.

use crate::spec::Product;

/// The identification registers of one product.
pub(crate) struct Identity {
    /// GICD_IIDR and GICR_IIDR.
    pub iidr: u32,
    /// The same in redistributors.
    pub redistributor_iidr: u32,
    /// PIDR0 of GICD and of GICR.
    pub pidr0: [u32; 2],
    pub pidr1: u32,
    pub pidr2: u32,
}

/// PIDR4: 64 KiB frames of implementer Arm.
pub(crate) const PIDR4: u64 = 0x44;

/// Implementer 0x43b is Arm; no table of errata has product 0.
const ARCHITECTURE: Identity =
    Identity { iidr: 0x0000_043b, redistributor_iidr: 0x0000_043b, pidr0: [0, 0], pidr1: 0xb0, pidr2: 0x3b };
/// Product 2, r1p6.
const GIC_600: Identity =
    Identity { iidr: 0x0201_743b, redistributor_iidr: 0x0201_743b, pidr0: [0x92, 0x93], pidr1: 0xb4, pidr2: 0x3b };
/// Product 'K', revision 3.
const KVM: Identity =
    Identity { iidr: 0x4b00_343b, redistributor_iidr: 0x4b00_043b, pidr0: [0, 0], pidr1: 0, pidr2: 0x3b };

impl Product {
    pub(crate) fn identity(self) -> &'static Identity {
        match self {
            Product::Architecture => &ARCHITECTURE,
            Product::Gic600 => &GIC_600,
            Product::Kvm => &KVM,
        }
    }
}
