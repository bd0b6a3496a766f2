//! Our structures and numbers are those of `kvm-bindings`, where that has arm64's.
#![cfg(target_arch = "aarch64")]

use std::mem::{align_of, offset_of, size_of};

macro_rules! same {
    ($($name:ident { $($field:ident)* })*) => {$(
        assert_eq!(size_of::<armagic_kvm::$name>(), size_of::<kvm_bindings::$name>());
        assert_eq!(align_of::<armagic_kvm::$name>(), align_of::<kvm_bindings::$name>());
        $(assert_eq!(offset_of!(armagic_kvm::$name, $field), offset_of!(kvm_bindings::$name, $field));)*
    )*};
}

#[test]
fn structures() {
    same! {
        kvm_device_attr { flags group attr addr }
        kvm_create_device { type_ fd flags }
        kvm_vcpu_init { target features }
        kvm_userspace_memory_region { slot flags guest_phys_addr memory_size userspace_addr }
        kvm_msi { address_lo address_hi data flags devid pad }
        kvm_mp_state { mp_state }
        kvm_regs { regs sp_el1 elr_el1 spsr fp_regs }
    }
}

macro_rules! equal {
    ($($name:ident)*) => {$( assert_eq!(armagic_kvm::$name as i128, kvm_bindings::$name as i128); )*};
}

#[test]
fn numbers() {
    equal! {
        kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2 kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3
        kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS KVM_CREATE_DEVICE_TEST
        KVM_VGIC_V3_ADDR_TYPE_DIST KVM_VGIC_V3_ADDR_TYPE_REDIST KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION KVM_VGIC_ITS_ADDR_TYPE
        KVM_DEV_ARM_VGIC_GRP_ADDR KVM_DEV_ARM_VGIC_GRP_DIST_REGS KVM_DEV_ARM_VGIC_GRP_CPU_REGS
        KVM_DEV_ARM_VGIC_GRP_NR_IRQS KVM_DEV_ARM_VGIC_GRP_CTRL KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
        KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO KVM_DEV_ARM_VGIC_GRP_ITS_REGS
        KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ KVM_DEV_ARM_VGIC_CTRL_INIT KVM_DEV_ARM_ITS_SAVE_TABLES
        KVM_DEV_ARM_ITS_RESTORE_TABLES KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES KVM_DEV_ARM_ITS_CTRL_RESET
        KVM_DEV_ARM_VGIC_V3_MPIDR_MASK KVM_ARM_TARGET_GENERIC_V8 KVM_ARM_VCPU_HAS_EL2
        KVM_ARM_IRQ_TYPE_SPI KVM_ARM_IRQ_TYPE_PPI KVM_MSI_VALID_DEVID KVM_REG_ARM64 KVM_REG_SIZE_U64
        KVM_REG_ARM_CORE KVM_REG_ARM64_SYSREG
    }
}
