//! Who the GIC says it is: the identification registers of each product, as their reference manuals give them.

use crate::spec::Product;

/// Whose frame an identification register is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Component {
    Distributor,
    Redistributor,
    Its,
}

/// The identification registers of one product; of what differs between its frames, in the order of [`Component`].
struct Identity {
    iidr: [u32; 3],
    /// The part number's low byte.
    pidr0: [u32; 3],
    pidr1: u32,
    pidr2: [u32; 3],
    /// 64 KiB frames, and the continuation code of Arm.
    pidr4: [u32; 3],
    /// CIDR0 to CIDR3.
    cidr: [[u32; 4]; 3],
}

const CIDR: [u32; 4] = [0x0d, 0xf0, 0x05, 0xb1];
/// Parts 0x492 to 0x494 are those of Arm's GICs, whichever.
const PARTS: [u32; 3] = [0x92, 0x93, 0x94];

const fn of_arm(iidr: u32) -> Identity {
    Identity { iidr: [iidr; 3], pidr0: PARTS, pidr1: 0xb4, pidr2: [0x3b; 3], pidr4: [0x44; 3], cidr: [CIDR; 3] }
}

/// Implementer 0x43b is Arm; no table of errata has product 0 with these parts.
const ARCHITECTURE: Identity = Identity { pidr0: [0; 3], pidr1: 0xb0, ..of_arm(0x0000_043b) };
/// Product 0, r0p0 (Arm DDI 0516).
const GIC_500: Identity = of_arm(0x0000_043b);
/// Product 2, r1p6 (Arm 100336).
const GIC_600: Identity = of_arm(0x0201_743b);
/// Product 4, r2p0, of a configuration without GICv4.1.
const GIC_700: Identity = of_arm(0x0402_043b);
/// Product 'K', revision 3; it has few identification registers.
const KVM: Identity = Identity {
    iidr: [0x4b00_343b, 0x4b00_043b, 0x4b00_043b],
    pidr0: [0; 3],
    pidr1: 0,
    pidr2: [0x3b, 0x3b, 0x30],
    pidr4: [0, 0, 0x40],
    cidr: [[0; 4], [0; 4], CIDR],
};

impl Product {
    fn identity(self) -> &'static Identity {
        match self {
            Product::Architecture => &ARCHITECTURE,
            Product::Gic500 => &GIC_500,
            Product::Gic600 => &GIC_600,
            Product::Gic700 => &GIC_700,
            Product::Kvm => &KVM,
        }
    }

    /// GICD_IIDR, GICR_IIDR or GITS_IIDR.
    pub(crate) fn iidr(self, of: Component) -> u64 {
        self.identity().iidr[of as usize].into()
    }

    /// The registers from 0xffd0 of a frame: PIDR4 to PIDR7, PIDR0 to PIDR3, CIDR0 to CIDR3.
    pub(crate) fn id(self, of: Component, index: u32) -> u64 {
        let (id, n) = (self.identity(), of as usize);
        u64::from(match index {
            0 => id.pidr4[n],
            4 => id.pidr0[n],
            5 => id.pidr1,
            6 => id.pidr2[n],
            8..12 => id.cidr[n][index as usize - 8],
            _ => 0,
        })
    }
}
