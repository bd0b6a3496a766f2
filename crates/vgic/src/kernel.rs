//! What differs between versions of Linux, and between hosts, as data.

/// When something is decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// When the VGIC is created.
    Created,
    /// When it is initialised.
    Initialised,
}

/// One version of Linux, as far as this interface differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kernel {
    /// As `uname` begins.
    pub name: &'static str,
    /// GICD_IIDR and GICD_TYPER2 can be accessed before initialisation.
    pub early_registers: bool,
    /// When the revision in GICD_IIDR gets its default.
    pub default_revision: When,
    /// A write of GICD_TYPER2 may change nASSGIcap; else it must equal what is there.
    pub typer2_writable: bool,
    /// The group MAINT_IRQ, and the system registers of EL2, exist.
    pub nested: bool,
    /// An attribute of an ITS's CTRL that is not known succeeds.
    pub unknown_its_control_succeeds: bool,
    /// KVM_CREATE_VCPU holds the VM's lock from beginning to end, and looks early whether the id exists.
    pub create_vcpu_in_one: bool,
    /// Locking all vCPUs fails while one is being created.
    pub lock_all_sees_creation: bool,
    /// Creating a VGIC fails with `EBUSY`, before `EEXIST`, while a vCPU is being created.
    pub create_vgic_sees_creation: bool,
    /// `next` of an ITS's saved entries counts events whose collection is unmapped.
    pub next_counts_unmapped: bool,
    /// The historical fault of GICD_IIDR: a write takes the revision from the register instead of the value, so any
    /// revision is accepted and none is set.
    pub iidr_revision_ignored: bool,
}

impl Kernel {
    /// Linux 6.12.117.
    pub const V6_12: Kernel = Kernel {
        name: "v6.12",
        early_registers: false,
        default_revision: When::Initialised,
        typer2_writable: false,
        nested: false,
        unknown_its_control_succeeds: true,
        create_vcpu_in_one: false,
        lock_all_sees_creation: false,
        create_vgic_sees_creation: false,
        next_counts_unmapped: true,
        iidr_revision_ignored: false,
    };

    /// Linux 6.12 before GICD_IIDR was corrected ("Fix IIDR revision field extracted from wrong value", 2026), as every
    /// version since about 2022.
    pub const V6_12_UNFIXED: Kernel = Kernel { name: "v6.12-unfixed", iidr_revision_ignored: true, ..Kernel::V6_12 };

    /// Linux 7.2.13.
    pub const V7_2: Kernel = Kernel {
        name: "v7.2",
        early_registers: true,
        default_revision: When::Created,
        typer2_writable: true,
        nested: true,
        unknown_its_control_succeeds: false,
        create_vgic_sees_creation: true,
        ..Kernel::V6_12
    };

    /// Linux 7.3-rc7.
    pub const V7_3: Kernel = Kernel {
        name: "v7.3",
        create_vcpu_in_one: true,
        lock_all_sees_creation: true,
        create_vgic_sees_creation: false,
        next_counts_unmapped: false,
        ..Kernel::V7_2
    };

    /// All of them.
    pub const ALL: [&Kernel; 4] = [&Kernel::V6_12_UNFIXED, &Kernel::V6_12, &Kernel::V7_2, &Kernel::V7_3];

    /// The one of that name.
    pub fn by_name(name: &str) -> Option<&'static Kernel> {
        Kernel::ALL.into_iter().find(|kernel| kernel.name == name)
    }
}

/// What of the host shows through the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Host {
    /// Bits of priority of its CPU interfaces: 5, 6 or 7 (ICH_VTR_EL2.PRIbits + 1).
    pub priority_bits: u8,
    /// ICH_VTR_EL2.IDbits: 0 is 16 bits of INTID, 1 is 24.
    pub id_bits: u8,
    /// ICH_VTR_EL2.A3V.
    pub affinity3: bool,
    /// ICH_VTR_EL2.SEIS.
    pub local_serrors: bool,
    /// Direct injection of virtual SGIs (GICv4.1).
    pub direct_sgis: bool,
    /// It can emulate a GICv2.
    pub gicv2: bool,
    /// Bits of guest physical address, of a VM that does not ask for others.
    pub address_bits: u8,
}

impl Default for Host {
    fn default() -> Host {
        Host {
            priority_bits: 5,
            id_bits: 0,
            affinity3: true,
            local_serrors: false,
            direct_sgis: false,
            gicv2: false,
            address_bits: 40,
        }
    }
}
