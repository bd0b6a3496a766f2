//! Our structures and numbers are those of `kvm-bindings`, where that has arm64's: on arm64 only. Elsewhere, with its C
//! library and an emulator of programs (Debian: `gcc-aarch64-linux-gnu`, `qemu-user-static`):
//!
//! ```sh
//! rustup target add aarch64-unknown-linux-gnu
//! export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
//! export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
//! cargo test --target aarch64-unknown-linux-gnu -p armagic-kvm --test layout
//! ```
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
        kvm_vcpu_events { exception reserved }
        kvm_vcpu_events__bindgen_ty_1 { serror_pending serror_has_esr ext_dabt_pending pad serror_esr }
        kvm_enable_cap { cap flags args pad }
        kvm_reg_list { n reg }
        kvm_irq_routing { nr flags entries }
        kvm_irq_routing_entry { gsi type_ flags pad u }
        kvm_irq_routing_irqchip { irqchip pin }
        kvm_irq_routing_msi { address_lo address_hi data __bindgen_anon_1 }
        user_pt_regs { regs sp pc pstate }
        user_fpsimd_state { vregs fpsr fpcr }
        kvm_regs { regs sp_el1 elr_el1 spsr fp_regs }
    }
}

macro_rules! equal {
    ($($name:ident)*) => {$( assert_eq!(armagic_kvm::$name as i128, kvm_bindings::$name as i128); )*};
}

/// A capability and its number.
macro_rules! capabilities {
    ($($cap:ident $number:ident)*) => {$( assert_eq!(armagic_kvm::Cap::$cap as u32, kvm_bindings::$number); )*};
}

#[test]
fn capability_numbers() {
    capabilities! {
        Irqchip KVM_CAP_IRQCHIP
        UserMemory KVM_CAP_USER_MEMORY
        NrVcpus KVM_CAP_NR_VCPUS
        NrMemslots KVM_CAP_NR_MEMSLOTS
        MpState KVM_CAP_MP_STATE
        DestroyMemoryRegionWorks KVM_CAP_DESTROY_MEMORY_REGION_WORKS
        SetGuestDebug KVM_CAP_SET_GUEST_DEBUG
        IrqRouting KVM_CAP_IRQ_ROUTING
        Irqfd KVM_CAP_IRQFD
        Ioeventfd KVM_CAP_IOEVENTFD
        VcpuEvents KVM_CAP_VCPU_EVENTS
        MaxVcpus KVM_CAP_MAX_VCPUS
        OneReg KVM_CAP_ONE_REG
        SignalMsi KVM_CAP_SIGNAL_MSI
        ReadonlyMem KVM_CAP_READONLY_MEM
        IrqfdResample KVM_CAP_IRQFD_RESAMPLE
        DeviceCtrl KVM_CAP_DEVICE_CTRL
        ArmEl132bit KVM_CAP_ARM_EL1_32BIT
        ArmPsci02 KVM_CAP_ARM_PSCI_0_2
        CheckExtensionVm KVM_CAP_CHECK_EXTENSION_VM
        ArmPmuV3 KVM_CAP_ARM_PMU_V3
        MaxVcpuId KVM_CAP_MAX_VCPU_ID
        MsiDevid KVM_CAP_MSI_DEVID
        ImmediateExit KVM_CAP_IMMEDIATE_EXIT
        ArmVmIPASize KVM_CAP_ARM_VM_IPA_SIZE
        ArmSve KVM_CAP_ARM_SVE
        ArmPtrAuthAddress KVM_CAP_ARM_PTRAUTH_ADDRESS
        ArmPtrAuthGeneric KVM_CAP_ARM_PTRAUTH_GENERIC
    }
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
        KVM_REG_ARM_CORE KVM_REG_ARM64_SYSREG KVM_REG_ARM_FW KVM_REG_ARM_COPROC_MASK KVM_REG_SIZE_MASK KVM_REG_SIZE_SHIFT
        KVM_REG_SIZE_U8 KVM_REG_SIZE_U16 KVM_REG_SIZE_U32 KVM_REG_SIZE_U128 KVM_NR_SPSR KVM_API_VERSION
        KVM_REG_ARM64_SYSREG_OP0_MASK KVM_REG_ARM64_SYSREG_OP1_MASK KVM_REG_ARM64_SYSREG_CRN_MASK
        KVM_REG_ARM64_SYSREG_CRM_MASK KVM_REG_ARM64_SYSREG_OP2_MASK KVM_REG_ARM64_SYSREG_OP0_SHIFT
        KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_REQUIRED KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED
        KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_REQUIRED
        KVM_ARM_VCPU_PMU_V3_CTRL KVM_ARM_VCPU_PMU_V3_IRQ KVM_ARM_VCPU_PMU_V3_INIT KVM_ARM_VCPU_PMU_V3_FILTER
        KVM_ARM_VCPU_PMU_V3_SET_PMU KVM_ARM_VCPU_TIMER_CTRL KVM_ARM_VCPU_TIMER_IRQ_VTIMER KVM_ARM_VCPU_TIMER_IRQ_PTIMER
        KVM_ARM_VCPU_PVTIME_CTRL KVM_ARM_VCPU_PVTIME_IPA KVM_ARM_VCPU_POWER_OFF KVM_ARM_VCPU_PSCI_0_2 KVM_ARM_VCPU_PMU_V3
        KVM_ARM_VCPU_SVE KVM_ARM_VCPU_PTRAUTH_ADDRESS KVM_ARM_VCPU_PTRAUTH_GENERIC KVM_ARM_VCPU_HAS_EL2_E2H0
        KVM_MP_STATE_RUNNABLE KVM_MP_STATE_STOPPED KVM_IRQ_ROUTING_IRQCHIP KVM_IRQ_ROUTING_MSI
        KVM_SYSTEM_EVENT_SHUTDOWN KVM_SYSTEM_EVENT_RESET KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2
        KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 KVM_MEM_LOG_DIRTY_PAGES KVM_MEM_READONLY
    }
}
