//! Numbers of the interface (Linux, uapi `linux/kvm.h` and `asm/kvm.h` of arm64).

/// Device types of `KVM_CREATE_DEVICE`.
pub mod device_type {
    /// `KVM_DEV_TYPE_ARM_VGIC_V2`.
    pub const VGIC_V2: u32 = 5;
    /// `KVM_DEV_TYPE_ARM_VGIC_V3`.
    pub const VGIC_V3: u32 = 7;
    /// `KVM_DEV_TYPE_ARM_VGIC_ITS`.
    pub const ITS: u32 = 8;
    /// `KVM_DEV_TYPE_ARM_VGIC_V5`.
    pub const VGIC_V5: u32 = 16;
    /// One more than the last.
    pub const MAX: u32 = 17;
}

/// `KVM_CREATE_DEVICE_TEST`: asks whether a device could be created.
pub const CREATE_DEVICE_TEST: u32 = 1;

/// Numbers of the ioctls on a device: `_IOW(0xae, 0xe1, struct kvm_device_attr)` and the two that follow.
pub mod request {
    /// `KVM_SET_DEVICE_ATTR`.
    pub const SET_DEVICE_ATTR: u32 = 0x4018_aee1;
    /// `KVM_GET_DEVICE_ATTR`.
    pub const GET_DEVICE_ATTR: u32 = 0x4018_aee2;
    /// `KVM_HAS_DEVICE_ATTR`.
    pub const HAS_DEVICE_ATTR: u32 = 0x4018_aee3;
}

/// Groups of attributes, `KVM_DEV_ARM_VGIC_GRP_*`.
pub mod group {
    /// Base addresses.
    pub const ADDR: u32 = 0;
    /// Registers of the distributor, and of an ITS nothing.
    pub const DIST_REGS: u32 = 1;
    /// Registers of a GICv2 CPU interface.
    pub const CPU_REGS: u32 = 2;
    /// Number of interrupts.
    pub const NR_IRQS: u32 = 3;
    /// Commands.
    pub const CTRL: u32 = 4;
    /// Registers of a redistributor.
    pub const REDIST_REGS: u32 = 5;
    /// System registers of a CPU interface.
    pub const CPU_SYSREGS: u32 = 6;
    /// Levels of lines.
    pub const LEVEL_INFO: u32 = 7;
    /// Registers of an ITS.
    pub const ITS_REGS: u32 = 8;
    /// The maintenance interrupt.
    pub const MAINT_IRQ: u32 = 9;
}

/// Attributes of [`group::ADDR`], `KVM_VGIC_*_ADDR_TYPE_*`.
pub mod address {
    /// GICv2's distributor.
    pub const V2_DIST: u64 = 0;
    /// GICv2's CPU interface.
    pub const V2_CPU: u64 = 1;
    /// GICD.
    pub const DIST: u64 = 2;
    /// GICR of all vCPUs, one region.
    pub const REDIST: u64 = 3;
    /// An ITS.
    pub const ITS: u64 = 4;
    /// One of several regions of GICR.
    pub const REDIST_REGION: u64 = 5;
}

/// Attributes of [`group::CTRL`], `KVM_DEV_ARM_VGIC_CTRL_*` and `KVM_DEV_ARM_ITS_*`.
pub mod control {
    /// Initialise.
    pub const INIT: u64 = 0;
    /// ITS: write the tables.
    pub const SAVE_TABLES: u64 = 1;
    /// ITS: read the tables.
    pub const RESTORE_TABLES: u64 = 2;
    /// Write the pending tables of LPIs.
    pub const SAVE_PENDING_TABLES: u64 = 3;
    /// ITS: back to the state at creation.
    pub const RESET: u64 = 4;
}

/// Offsets of the two registers that can be accessed before initialisation.
pub const GICD_IIDR: u32 = 0x8;
/// See [`GICD_IIDR`].
pub const GICD_TYPER2: u32 = 0xc;

/// Values of 64-bit addresses that are not set.
pub const UNSET: u64 = u64::MAX;
