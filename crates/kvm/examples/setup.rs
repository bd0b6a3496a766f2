//! The calls with which QEMU, Firecracker, cloud-hypervisor, crosvm and kvmtool set up a VGICv3 and an ITS, in their order, as
//! a VMM written against `kvm-ioctls` makes them. `cargo run -p armagic-kvm --example setup` prints each call.

use armagic_kvm::*;

/// GICD.
pub const DIST: u64 = 0x0800_0000;
/// The ITS.
pub const ITS: u64 = 0x0808_0000;
/// GICR.
pub const REDIST: u64 = 0x080a_0000;
const V3: u32 = kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3;

/// A VM with its VGIC and ITS.
pub struct Machine {
    /// The VM.
    pub vm: VmFd,
    /// In order of their ids.
    pub vcpus: Vec<VcpuFd>,
    /// The VGIC.
    pub vgic: DeviceFd,
    /// Not all make one.
    pub its: Option<DeviceFd>,
}

/// Prints what it does.
struct Log(&'static str);

impl Log {
    fn said<T>(&self, what: &str, result: Result<T>) -> Result<T> {
        match &result {
            Ok(_) => println!("{}: {what}: 0", self.0),
            Err(error) => println!("{}: {what}: {error}", self.0),
        }
        result
    }

    fn create(&self, vm: &VmFd, type_: u32) -> Result<DeviceFd> {
        let mut device = kvm_create_device { type_, fd: 0, flags: 0 };
        self.said(&format!("CREATE_DEVICE {type_}"), vm.create_device(&mut device))
    }

    fn has(&self, device: &DeviceFd, group: u32, attr: u64) -> Result<()> {
        let attribute = kvm_device_attr { group, attr, ..Default::default() };
        self.said(&format!("HAS {group}/{attr:#x}"), device.has_device_attr(&attribute))
    }

    /// A value of the attribute's size, in our memory.
    fn set<T>(&self, device: &DeviceFd, group: u32, attr: u64, value: &T) -> Result<()> {
        let addr = std::ptr::from_ref(value) as u64;
        let attribute = kvm_device_attr { group, attr, addr, flags: 0 };
        self.said(&format!("SET {group}/{attr:#x}"), device.set_device_attr(&attribute))
    }

    fn command(&self, device: &DeviceFd, attr: u32) -> Result<()> {
        self.set(device, KVM_DEV_ARM_VGIC_GRP_CTRL, attr.into(), &0u64)
    }

    fn address(&self, device: &DeviceFd, attr: u32, base: u64) -> Result<()> {
        self.set(device, KVM_DEV_ARM_VGIC_GRP_ADDR, attr.into(), &base)
    }

    fn interrupts(&self, vgic: &DeviceFd, number: u32) -> Result<()> {
        self.set(vgic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &number)
    }

    fn vcpus(&self, vm: &VmFd, number: u64) -> Result<Vec<VcpuFd>> {
        let mut kvi = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut kvi)?;
        kvi.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
        let vcpu = |id| {
            let vcpu = self.said(&format!("CREATE_VCPU {id}"), vm.create_vcpu(id))?;
            self.said("ARM_VCPU_INIT", vcpu.vcpu_init(&kvi))?;
            Ok(vcpu)
        };
        (0..number).map(vcpu).collect()
    }

    fn its(&self, vm: &VmFd, init_first: bool) -> Result<DeviceFd> {
        let its = self.create(vm, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS)?;
        if init_first {
            self.command(&its, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
        }
        self.address(&its, KVM_VGIC_ITS_ADDR_TYPE, ITS)?;
        if !init_first {
            self.command(&its, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
        }
        Ok(its)
    }
}

fn region(count: u64, base: u64, index: u64) -> u64 {
    count << 52 | base | index
}

/// Initialises before any address is set, and asks for features first.
pub fn qemu(kvm: &Kvm) -> Result<Machine> {
    let log = Log("qemu");
    let vm = kvm.create_vm()?;
    let vcpus = log.vcpus(&vm, 4)?;
    let vgic = log.create(&vm, V3)?;
    log.has(&vgic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION.into())?;
    log.interrupts(&vgic, 288)?;
    log.command(&vgic, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    log.has(&vgic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0)?;
    log.has(&vgic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES.into())?;
    let its = log.create(&vm, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS)?;
    log.command(&its, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    log.has(&its, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_DIST, DIST)?;
    let two = [region(2, REDIST, 0), region(2, 0x40_0000_0000 - 0x100_0000, 1)];
    for region in two {
        log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, region)?;
    }
    log.address(&its, KVM_VGIC_ITS_ADDR_TYPE, ITS)?;
    Ok(Machine { vm, vcpus, vgic, its: Some(its) })
}

/// vCPUs first, initialisation last.
pub fn firecracker(kvm: &Kvm) -> Result<Machine> {
    let log = Log("firecracker");
    let vm = kvm.create_vm()?;
    let vcpus = log.vcpus(&vm, 4)?;
    let vgic = log.create(&vm, V3)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_DIST, DIST)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_REDIST, REDIST)?;
    let its = log.its(&vm, false)?;
    log.interrupts(&vgic, 128)?;
    log.command(&vgic, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    Ok(Machine { vm, vcpus, vgic, its: Some(its) })
}

/// As Firecracker, with all interrupts there can be.
pub fn cloud_hypervisor(kvm: &Kvm) -> Result<Machine> {
    let log = Log("cloud-hypervisor");
    let vm = kvm.create_vm()?;
    let vcpus = log.vcpus(&vm, 4)?;
    let vgic = log.create(&vm, V3)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_DIST, DIST)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_REDIST, REDIST)?;
    let its = log.its(&vm, false)?;
    log.interrupts(&vgic, 256)?;
    log.command(&vgic, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    Ok(Machine { vm, vcpus, vgic, its: Some(its) })
}

/// Redistributors before the distributor, and 64 interrupts.
pub fn crosvm(kvm: &Kvm) -> Result<Machine> {
    let log = Log("crosvm");
    let vm = kvm.create_vm()?;
    let vgic = log.create(&vm, V3)?;
    let vcpus = log.vcpus(&vm, 4)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_REDIST, REDIST)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_DIST, DIST)?;
    log.interrupts(&vgic, 64)?;
    let its = log.create(&vm, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS)?;
    log.address(&its, KVM_VGIC_ITS_ADDR_TYPE, ITS)?;
    log.command(&vgic, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    log.command(&its, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    Ok(Machine { vm, vcpus, vgic, its: Some(its) })
}

/// The region of redistributors is set while there are no vCPUs, and grows with them.
pub fn kvmtool(kvm: &Kvm) -> Result<Machine> {
    let log = Log("kvmtool");
    let vm = kvm.create_vm()?;
    let vgic = log.create(&vm, V3)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_REDIST, REDIST)?;
    log.address(&vgic, KVM_VGIC_V3_ADDR_TYPE_DIST, DIST)?;
    let vcpus = log.vcpus(&vm, 4)?;
    log.has(&vgic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0)?;
    log.interrupts(&vgic, 64)?;
    log.has(&vgic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT.into())?;
    log.command(&vgic, KVM_DEV_ARM_VGIC_CTRL_INIT)?;
    Ok(Machine { vm, vcpus, vgic, its: None })
}

/// A VMM's set-up, by its name.
pub type Setup = fn(&Kvm) -> Result<Machine>;

/// All of them.
pub const ALL: [(&str, Setup); 5] = [
    ("qemu", qemu),
    ("firecracker", firecracker),
    ("cloud-hypervisor", cloud_hypervisor),
    ("crosvm", crosvm),
    ("kvmtool", kvmtool),
];

#[allow(dead_code)] // A test includes this file.
fn main() -> Result<()> {
    let kvm = Kvm::new()?;
    for (name, setup) in ALL {
        let mut machine = setup(&kvm)?;
        machine.vcpus.iter_mut().for_each(|vcpu| vcpu.set_kvm_immediate_exit(1));
        for vcpu in &mut machine.vcpus {
            let left = vcpu.run().expect_err("it returns at once").errno();
            println!("{name}: RUN: {left} (EINTR is 4)");
        }
    }
    Ok(())
}
