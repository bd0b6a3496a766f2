//! A guest of two vCPUs that takes one interrupt of each kind, and what a VMM does for it.
#![allow(dead_code)] // each test uses what it needs

pub mod program;

use armagic_kvm::*;
use std::sync::Arc;
use vm_memory::MmapRegion;

pub const DIST: u64 = 0x0800_0000;
pub const ITS: u64 = 0x0808_0000;
pub const REDIST: u64 = 0x080a_0000;
/// Nothing of KVM's is here.
pub const UART: u64 = 0x0900_0000;
pub const RAM: u64 = 0x4000_0000;

/// Memory that a guest has.
#[derive(Clone)]
pub struct Memory(Arc<MmapRegion>);

impl Memory {
    pub fn new(size: usize) -> Memory {
        Memory(Arc::new(MmapRegion::new(size).unwrap()))
    }

    pub fn host(&self) -> u64 {
        self.0.as_ptr() as u64
    }

    pub fn write(&self, offset: u64, bytes: &[u8]) {
        assert!(offset as usize + bytes.len() <= self.0.size());
        // SAFETY: the range was checked, and no vCPU runs yet, or the guest does not use it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.as_ptr().add(offset as usize), bytes.len()) };
    }

    pub fn words(&self, offset: u64, words: &[u64]) {
        self.write(offset, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    }

    pub fn read(&self, offset: u64) -> u64 {
        assert!(offset as usize + 8 <= self.0.size() && offset.is_multiple_of(8));
        // SAFETY: the range was checked, and is aligned.
        unsafe { self.0.as_ptr().add(offset as usize).cast::<u64>().read_volatile() }
    }

    /// The guest has it at `base`.
    pub fn give(&self, vm: &VmFd, slot: u32, base: u64) -> Result<()> {
        let region = kvm_userspace_memory_region {
            slot,
            guest_phys_addr: base,
            memory_size: self.0.size() as u64,
            userspace_addr: self.host(),
            flags: 0,
        };
        // SAFETY: tests keep the memory until the VM is gone, and access it by pointers alone.
        unsafe { vm.set_user_memory_region(region) }
    }
}

/// A VM whose vCPUs have PSCI, all but the first switched off, with a VGIC and an ITS.
pub struct Vmm {
    pub vm: VmFd,
    pub vcpus: Vec<VcpuFd>,
    pub memory: Memory,
}

impl Vmm {
    pub fn new(kvm: &Kvm, vcpus: u64) -> Vmm {
        let vm = kvm.create_vm().unwrap();
        let memory = Memory::new(0x20_0000);
        memory.give(&vm, 0, RAM).unwrap();
        let vcpus: Vec<_> = (0..vcpus).map(|id| vcpu(&vm, id, id > 0)).collect();
        let create = |type_| vm.create_device(&mut kvm_create_device { type_, fd: 0, flags: 0 }).unwrap();
        let set = |device: &DeviceFd, group, attr: u32, value: u64| {
            let addr = &raw const value as u64;
            device.set_device_attr(&kvm_device_attr { group, attr: attr.into(), addr, flags: 0 }).unwrap();
        };
        let vgic = create(kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3);
        set(&vgic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, DIST);
        set(&vgic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, REDIST);
        let its = create(kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS);
        set(&its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, ITS);
        set(&its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
        set(&vgic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, 128);
        set(&vgic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
        Vmm { vm, vcpus, memory }
    }
}

/// An initialised vCPU.
pub fn vcpu(vm: &VmFd, id: u64, off: bool) -> VcpuFd {
    let vcpu = vm.create_vcpu(id).unwrap();
    let mut kvi = kvm_vcpu_init::default();
    vm.get_preferred_target(&mut kvi).unwrap();
    kvi.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2 | u32::from(off) << KVM_ARM_VCPU_POWER_OFF;
    vcpu.vcpu_init(&kvi).unwrap();
    vcpu
}

/// What the VMM did for the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Printed a byte.
    Said(u8),
    /// Let it read a byte.
    Heard(u8),
    /// Raised the SPI.
    Raised,
    /// Sent the message that becomes an LPI.
    Sent,
    /// A system event, and its flags.
    Ended(u32, u64),
}

/// Runs a vCPU to its next exit, and does what the guest of `program` wants.
pub fn step(vm: &VmFd, vcpu: &mut VcpuFd) -> Step {
    match vcpu.run().unwrap() {
        VcpuExit::MmioWrite(UART, data) => Step::Said(data[0]),
        VcpuExit::MmioRead(program::INPUT, data) => {
            data[0] = 0x85;
            Step::Heard(0x85)
        }
        VcpuExit::MmioWrite(program::WISH, &[1, 0, 0, 0]) => {
            let line = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | program::SPI;
            vm.set_irq_line(line, true).unwrap();
            vm.set_irq_line(line, false).unwrap();
            Step::Raised
        }
        VcpuExit::MmioWrite(program::WISH, &[2, 0, 0, 0]) => {
            let msi = kvm_msi {
                address_lo: (ITS + 0x1_0040) as u32,
                data: program::EVENT,
                devid: program::DEVICE,
                flags: KVM_MSI_VALID_DEVID,
                ..Default::default()
            };
            assert_eq!(vm.signal_msi(msi), Ok(1));
            Step::Sent
        }
        VcpuExit::SystemEvent(kind, data) => Step::Ended(kind, data[0]),
        other => panic!("{other:?}"),
    }
}

/// The number of a core register of 64 bits at this offset in `kvm_regs`.
pub const fn core(offset: usize) -> u64 {
    KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE as u64 | (offset / 4) as u64
}

pub const PC: u64 = core(0x100);
pub const PSTATE: u64 = core(0x108);

pub const fn x(n: usize) -> u64 {
    core(8 * n)
}

pub fn get(vcpu: &VcpuFd, id: u64) -> Result<u64> {
    let mut bytes = [0; 8];
    vcpu.get_one_reg(id, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

pub fn set(vcpu: &VcpuFd, id: u64, value: u64) -> Result<()> {
    vcpu.set_one_reg(id, &value.to_le_bytes()).map(drop)
}

pub const EINTR: i32 = 4;

pub fn errno<T>(result: Result<T>) -> i32 {
    result.map_or_else(|error| error.errno(), |_| 0)
}
