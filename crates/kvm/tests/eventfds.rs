//! Eventfds that raise interrupts and that guests signal, and where GSIs lead.

mod guest;

use armagic_kvm::*;
use guest::program::{self, COUNTS};
use guest::{ITS, PC, RAM, UART, Vmm, set};
use std::time::{Duration, Instant};
use vmm_sys_util::eventfd::EventFd;

const EFD_NONBLOCK: i32 = 0x800;

/// Is the SPI pending?
fn is_pending(vm: &VmFd, spi: u32) -> bool {
    let gic = vm.vm().gic().unwrap();
    gic.describe(0, hw::IntId(spi)).unwrap().pending
}

#[track_caller]
fn comes(what: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < until, "it never comes");
        std::thread::yield_now();
    }
}

fn pin(gsi: u32, pin: u32) -> kvm_irq_routing_entry {
    let irqchip = kvm_irq_routing_irqchip { irqchip: 0, pin };
    let u = kvm_irq_routing_entry__bindgen_ty_1 { irqchip };
    kvm_irq_routing_entry { gsi, type_: KVM_IRQ_ROUTING_IRQCHIP, u, ..Default::default() }
}

fn message(gsi: u32) -> kvm_irq_routing_entry {
    let msi = kvm_irq_routing_msi {
        address_lo: (ITS + 0x1_0040) as u32,
        data: program::EVENT,
        __bindgen_anon_1: kvm_irq_routing_msi__bindgen_ty_1 { devid: program::DEVICE },
        ..Default::default()
    };
    let u = kvm_irq_routing_entry__bindgen_ty_1 { msi };
    kvm_irq_routing_entry { gsi, type_: KVM_IRQ_ROUTING_MSI, flags: KVM_MSI_VALID_DEVID, u, ..Default::default() }
}

fn route(vm: &VmFd, entries: &[kvm_irq_routing_entry]) -> i32 {
    errno(vm.set_gsi_routing(&KvmIrqRouting::from_entries(entries).unwrap()))
}

#[test]
fn a_guest_takes_what_eventfds_raise() {
    let Vmm { vm, mut vcpus, memory } = Vmm::new(&Kvm::new().unwrap(), 2);
    program::write(&memory);
    let (mut second, mut first) = (vcpus.pop().unwrap(), vcpus.pop().unwrap());
    set(&first, PC, RAM).unwrap();
    assert_eq!(route(&vm, &[pin(5, program::SPI - 32), message(6)]), 0);
    let [spi, lpi, wish] = [(); 3].map(|()| EventFd::new(0).unwrap());
    vm.register_irqfd(&spi, 5).unwrap();
    vm.register_irqfd(&lpi, 6).unwrap();
    // What the guest wishes for goes from one eventfd to another, as from a guest's doorbell to a device; no exit.
    vm.register_ioevent(&wish, &IoEventAddress::Mmio(program::WISH), program::SPI_PLEASE as u32).unwrap();
    let kick = second.kick_handle();
    std::thread::scope(|threads| {
        threads.spawn(move || errno(second.run()));
        threads.spawn(|| {
            wish.read().unwrap();
            spi.write(1).unwrap();
        });
        loop {
            match first.run().unwrap() {
                VcpuExit::MmioWrite(UART, _) | VcpuExit::MmioRead(..) => {}
                VcpuExit::MmioWrite(program::WISH, &[2, 0, 0, 0]) => lpi.write(1).unwrap(),
                VcpuExit::SystemEvent(..) => break kick.kick(),
                other => panic!("{other:?}"),
            }
        }
    });
    let count = |intid: u32| memory.read(COUNTS + 8 * u64::from(intid));
    assert_eq!([0, program::SPI].map(count), [1, 1], "LPI, SPI");
}

#[test]
fn irqfds_as_kvm_has_them() {
    let (early, fd) = (Kvm::new().unwrap().create_vm().unwrap(), EventFd::new(EFD_NONBLOCK).unwrap());
    assert_eq!(errno(early.register_irqfd(&fd, 1)), 11, "EAGAIN: there is no VGIC yet");
    let Vmm { vm, .. } = Vmm::new(&Kvm::new().unwrap(), 1);
    // It was signalled before.
    fd.write(1).unwrap();
    vm.register_irqfd(&fd, 1).unwrap();
    comes(|| is_pending(&vm, 33));
    assert_eq!(errno(fd.read()), 11, "the VM has read it");
    let same = fd.try_clone().unwrap();
    assert_eq!(errno(vm.register_irqfd(&same, 2)), 16, "EBUSY: an eventfd raises one GSI, whatever its file's number");
    assert_eq!(errno(vm.unregister_irqfd(&fd, 7)), 0);
    assert_eq!(errno(vm.register_irqfd(&fd, 1)), 16, "that was another");
    vm.unregister_irqfd(&same, 1).unwrap();
    vm.register_irqfd(&fd, 3000).unwrap();
    fd.write(1).unwrap();
    comes(|| errno(fd.read()) == 11);
    assert_eq!(errno(vm.register_irqfd_with_resample(&EventFd::new(0).unwrap(), &fd, 1)), 22);
}

fn errno<T, E: Into<AnyError>>(result: std::result::Result<T, E>) -> i32 {
    result.map_or_else(|error| error.into().0, |_| 0)
}

struct AnyError(i32);

impl From<Error> for AnyError {
    fn from(error: Error) -> AnyError {
        AnyError(error.errno())
    }
}

impl From<std::io::Error> for AnyError {
    fn from(error: std::io::Error) -> AnyError {
        AnyError(error.raw_os_error().unwrap())
    }
}

#[test]
fn routes_as_kvm_has_them() {
    let Vmm { vm, .. } = Vmm::new(&Kvm::new().unwrap(), 1);
    let fd = EventFd::new(0).unwrap();
    vm.register_irqfd(&fd, 4).unwrap();
    for (entries, expected) in [
        (vec![pin(4, 8), pin(4, 9)], 22),
        (vec![pin(4, 988)], 22),
        (vec![kvm_irq_routing_entry { flags: 1, ..pin(4, 8) }], 22),
        (vec![kvm_irq_routing_entry { flags: 2, ..message(4) }], 22),
        (vec![kvm_irq_routing_entry { type_: 3, ..pin(4, 8) }], 22),
        (vec![pin(5, 10), pin(4, 8)], 0),
    ] {
        assert_eq!(route(&vm, &entries), expected);
    }
    fd.write(1).unwrap();
    comes(|| is_pending(&vm, 40));
    assert!(!is_pending(&vm, 36), "the routes were replaced");
}

#[test]
fn ioevents_as_kvm_has_them() {
    let Vmm { vm, .. } = Vmm::new(&Kvm::new().unwrap(), 1);
    let fd = EventFd::new(0).unwrap();
    let at = IoEventAddress::Mmio(UART);
    vm.register_ioevent(&fd, &at, 7u32).unwrap();
    assert_eq!(errno(vm.register_ioevent(&fd, &at, 7u32)), 17);
    assert_eq!(errno(vm.register_ioevent(&fd, &at, NoDatamatch)), 17, "any length collides");
    vm.register_ioevent(&fd, &at, 8u32).unwrap();
    vm.register_ioevent(&fd, &at, 7u16).unwrap();
    assert_eq!(errno(vm.unregister_ioevent(&fd, &at, 9u32)), 2);
    assert_eq!(errno(vm.unregister_ioevent(&EventFd::new(0).unwrap(), &at, 7u32)), 2);
    for value in [7u32, 8] {
        vm.unregister_ioevent(&fd.try_clone().unwrap(), &at, value).unwrap();
    }
    assert_eq!(errno(vm.register_ioevent(&fd, &IoEventAddress::Mmio(u64::MAX), 1u32)), 22);
}
