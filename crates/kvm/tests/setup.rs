//! A VMM's set-up against this crate, as its unit tests would make it.

#[path = "../examples/setup.rs"]
mod setup;

use armagic_kvm::*;
use setup::{ALL, ITS};
use std::thread;
use vgic::{Host, Kernel, LockProtocol};

const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const ENOEXEC: i32 = 8;
const EFAULT: i32 = 14;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;

fn errno<T>(result: Result<T>) -> i32 {
    result.map_or_else(|error| error.errno(), |_| 0)
}

fn get(vgic: &DeviceFd, group: u32, attr: u64) -> Result<u64> {
    let mut value = 0u64;
    let mut attribute = kvm_device_attr { group, attr, addr: &raw mut value as u64, flags: 0 };
    // SAFETY: the address is `value`'s, which is read afterwards.
    unsafe { vgic.get_device_attr(&mut attribute) }?;
    Ok(std::hint::black_box(value))
}

#[test]
fn every_setup_ends_with_vcpus_that_run() {
    for (name, setup) in ALL {
        for protocol in LockProtocol::sound() {
            let kvm = Kvm::like(&Kernel::V7_3, Host::default(), protocol);
            let mut machine = setup(&kvm).unwrap_or_else(|error| panic!("{name}: {error}, {:?}", last_refusal()));
            for vcpu in &mut machine.vcpus {
                vcpu.set_kvm_immediate_exit(1);
                assert_eq!(errno(vcpu.run()), EINTR, "{name}");
            }
            let its = machine.its.is_some();
            let typer = get(&machine.vgic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 4).expect("it is initialised");
            assert_eq!(typer >> 17 & 1, u64::from(its), "{name}: LPIs show once there is an ITS");
            if let Some(its) = machine.its {
                assert_eq!(get(&its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE.into()), Ok(ITS));
            }
        }
    }
}

#[test]
fn a_vcpu_that_runs_makes_registers_busy_until_it_is_kicked() {
    let mut machine = setup::firecracker(&Kvm::new().unwrap()).unwrap();
    let ctlr = |vgic: &DeviceFd| get(vgic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0);
    assert_eq!(ctlr(&machine.vgic), Ok(0x50));
    let mut vcpu = machine.vcpus.remove(0);
    let kick = vcpu.kick_handle();
    let running = thread::spawn(move || errno(vcpu.run()));
    while errno(ctlr(&machine.vgic)) != EBUSY {
        thread::yield_now();
    }
    assert!(last_refusal().unwrap().check.contains("runs"), "{:?}", last_refusal());
    kick.kick();
    assert_eq!(running.join().unwrap(), EINTR);
    assert_eq!(ctlr(&machine.vgic), Ok(0x50));
}

#[test]
fn pointers_that_lead_nowhere_are_efault() {
    let machine = setup::kvmtool(&Kvm::new().unwrap()).unwrap();
    let mut wild = kvm_device_attr { group: KVM_DEV_ARM_VGIC_GRP_NR_IRQS, addr: 0x10, ..Default::default() };
    assert_eq!(errno(machine.vgic.set_device_attr(&wild)), EFAULT);
    // SAFETY: nothing is at the address, so nothing changes.
    assert_eq!(errno(unsafe { machine.vgic.get_device_attr(&mut wild) }), EFAULT);
}

#[test]
fn a_first_run_without_addresses_kills_the_vm() {
    let vm = Kvm::new().unwrap().create_vm().unwrap();
    let mut vcpu = vm.create_vcpu(0).unwrap();
    vm.create_device(&mut kvm_create_device { type_: 7, fd: 0, flags: 0 }).unwrap();
    assert_eq!(errno(vcpu.run()), ENOEXEC);
    let mut kvi = kvm_vcpu_init::default();
    vm.get_preferred_target(&mut kvi).unwrap();
    vcpu.vcpu_init(&kvi).unwrap();
    assert_eq!(errno(vcpu.run()), ENXIO);
    assert_eq!(errno(vm.create_vcpu(1)), EIO);
    assert_eq!(errno(vcpu.get_mp_state()), EIO);
}

#[test]
fn registers_are_where_kvm_numbers_them() {
    let machine = setup::firecracker(&Kvm::new().unwrap()).unwrap();
    let mpidr = 0x6030_0000_0013_c005;
    let mut value = [0; 8];
    machine.vcpus[3].get_one_reg(mpidr, &mut value).unwrap();
    assert_eq!(u64::from_le_bytes(value), 0x8000_0003);
    let pc = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | u64::from(KVM_REG_ARM_CORE) | 0x40;
    machine.vcpus[0].set_one_reg(pc, &0x4008_0000u64.to_le_bytes()).unwrap();
    machine.vcpus[0].get_one_reg(pc, &mut value).unwrap();
    assert_eq!(u64::from_le_bytes(value), 0x4008_0000);
    assert_eq!(errno(machine.vcpus[0].get_one_reg(0x6030_0000_0099_0000, &mut value)), 2);
    assert_eq!(errno(machine.vcpus[0].get_one_reg(pc, &mut [0; 4])), EINVAL);
}

#[test]
fn guest_memory_is_the_callers() {
    let vm = Kvm::new().unwrap().create_vm().unwrap();
    let memory = vec![0u64; 4096];
    let page = (memory.as_ptr() as u64).next_multiple_of(4096);
    let mut region = kvm_userspace_memory_region {
        guest_phys_addr: 0x4000_0000,
        memory_size: 0x2000,
        userspace_addr: page,
        ..Default::default()
    };
    let set = |region| {
        // SAFETY: no device of this VM uses the memory.
        errno(unsafe { vm.set_user_memory_region(region) })
    };
    assert_eq!(set(region), 0);
    region.slot = 1;
    assert_eq!(set(region), 17, "regions do not overlap");
    region.guest_phys_addr = 0x4000_2001;
    assert_eq!(set(region), EINVAL);
    region.guest_phys_addr = 1 << 40;
    assert_eq!(set(region), EFAULT);
}

#[test]
fn lines_and_messages_need_what_they_name() {
    let machine = setup::firecracker(&Kvm::new().unwrap()).unwrap();
    let spi = |number| KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | number;
    assert_eq!(errno(machine.vm.set_irq_line(spi(33), true)), 0);
    assert_eq!(errno(machine.vm.set_irq_line(spi(31), true)), EINVAL);
    assert_eq!(errno(machine.vm.set_irq_line(spi(128), true)), EINVAL);
    assert_eq!(errno(machine.vm.set_irq_line(33, true)), ENXIO);
    let ppi = |vcpu: u32| KVM_ARM_IRQ_TYPE_PPI << KVM_ARM_IRQ_TYPE_SHIFT | vcpu << KVM_ARM_IRQ_VCPU_SHIFT | 27;
    assert_eq!(
        [errno(machine.vm.set_irq_line(ppi(3), true)), errno(machine.vm.set_irq_line(ppi(4), true))],
        [0, EINVAL]
    );
    let mut msi = kvm_msi { address_lo: ITS as u32 + 0x1_0040, flags: KVM_MSI_VALID_DEVID, ..Default::default() };
    assert_eq!(machine.vm.signal_msi(msi), Ok(0), "the guest has mapped nothing");
    msi.address_lo += 4;
    assert_eq!(errno(machine.vm.signal_msi(msi)), EINVAL);
}

#[test]
fn asking_for_a_device_gives_none() {
    let vm = Kvm::new().unwrap().create_vm().unwrap();
    let create = |type_| vm.create_device(&mut kvm_create_device { type_, fd: 0, flags: KVM_CREATE_DEVICE_TEST });
    let none = create(kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3).unwrap();
    assert_eq!(errno(none.has_device_attr(&kvm_device_attr::default())), 25, "ENOTTY: it is no device");
    assert_eq!(errno(none.set_device_attr(&kvm_device_attr::default())), 25);
    assert_eq!(errno(create(kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2)), 19);
    // Nothing was made.
    vm.create_device(&mut kvm_create_device { type_: 7, fd: 0, flags: 0 }).unwrap();
}

#[test]
fn a_vcpu_has_attributes_of_its_pmu_and_timers() {
    let with = |feature: u32| {
        let vm = Kvm::new().unwrap().create_vm().unwrap();
        let vcpu = vm.create_vcpu(0).unwrap();
        let mut kvi = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut kvi).unwrap();
        kvi.features[0] |= feature;
        vcpu.vcpu_init(&kvi).unwrap();
        (vm, vcpu)
    };
    let attribute = |group, attr: u32, value: &u32| kvm_device_attr {
        group,
        attr: attr.into(),
        addr: std::ptr::from_ref(value) as u64,
        flags: 0,
    };
    let irq = |value| attribute(KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, value);
    let init = attribute(KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, &0);
    let timer = |value| attribute(KVM_ARM_VCPU_TIMER_CTRL, KVM_ARM_VCPU_TIMER_IRQ_VTIMER, value);
    let (_vm, plain) = with(0);
    assert_eq!([errno(plain.has_device_attr(&init)), errno(plain.set_device_attr(&init))], [ENXIO, 19]);
    assert_eq!([errno(plain.set_device_attr(&timer(&27))), errno(plain.set_device_attr(&timer(&28)))], [0, EINVAL]);
    let (vm, vcpu) = with(1 << KVM_ARM_VCPU_PMU_V3);
    assert_eq!(errno(vcpu.set_device_attr(&init)), 19, "no VGIC is initialised");
    let vgic = vm.create_device(&mut kvm_create_device { type_: 7, fd: 0, flags: 0 }).unwrap();
    vgic.set_device_attr(&attribute(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, &0)).unwrap();
    assert_eq!(errno(vcpu.has_device_attr(&init)), 0);
    assert_eq!(errno(vcpu.set_device_attr(&init)), ENXIO, "no interrupt is set");
    let wild = kvm_device_attr { addr: 0x10, ..irq(&0) };
    assert_eq!(errno(vcpu.set_device_attr(&wild)), EFAULT);
    assert_eq!([errno(vcpu.set_device_attr(&irq(&22))), errno(vcpu.set_device_attr(&irq(&23)))], [EINVAL, 0]);
    assert_eq!([errno(vcpu.set_device_attr(&init)), errno(vcpu.set_device_attr(&init))], [0, EBUSY]);
    let stolen_time = attribute(KVM_ARM_VCPU_PVTIME_CTRL, KVM_ARM_VCPU_PVTIME_IPA, &0);
    assert_eq!(errno(vcpu.has_device_attr(&stolen_time)), ENXIO);
}

#[test]
fn features_are_the_vms() {
    let vm = Kvm::new().unwrap().create_vm().unwrap();
    let init = |id, features: u32| {
        let mut kvi = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut kvi).unwrap();
        kvi.features[0] = features;
        errno(vm.create_vcpu(id).unwrap().vcpu_init(&kvi))
    };
    let psci = 1 << KVM_ARM_VCPU_PSCI_0_2;
    let unknown = [1 << 9, 1 << KVM_ARM_VCPU_SVE, 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS, psci];
    assert_eq!([0, 1, 2, 3].map(|id| init(id, unknown[id as usize])), [2, EINVAL, EINVAL, 0]);
    assert_eq!([init(4, 0), init(5, psci | 1 << KVM_ARM_VCPU_POWER_OFF)], [EINVAL, 0]);
}

#[test]
fn every_page_may_be_dirty() {
    let vm = Kvm::new().unwrap().create_vm().unwrap();
    let memory = vec![0u64; 66 * 512 + 512];
    let mut region = kvm_userspace_memory_region {
        flags: KVM_MEM_LOG_DIRTY_PAGES,
        memory_size: 66 * 4096,
        userspace_addr: (memory.as_ptr() as u64).next_multiple_of(4096),
        ..Default::default()
    };
    // SAFETY: no vCPU of this VM runs.
    unsafe { vm.set_user_memory_region(region) }.unwrap();
    assert_eq!(vm.get_dirty_log(0, 66 * 4096), Ok(vec![u64::MAX, 3]));
    assert_eq!(errno(vm.get_dirty_log(1, 4096)), 2);
    (region.slot, region.flags, region.guest_phys_addr) = (1, KVM_MEM_READONLY, 1 << 30);
    // SAFETY: as above.
    assert_eq!(errno(unsafe { vm.set_user_memory_region(region) }), EINVAL);
}
