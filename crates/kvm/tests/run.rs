//! `VcpuFd::run` executes guest code: exits, interrupts of every kind, PSCI, registers.

mod guest;

use armagic_kvm::*;
use guest::program::{self, COUNTS, HEARD};
use guest::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn a_guest_takes_one_interrupt_of_each_kind() {
    let Vmm { vm, mut vcpus, memory } = Vmm::new(&Kvm::new().unwrap(), 2);
    program::write(&memory);
    let (mut second, mut first) = (vcpus.pop().unwrap(), vcpus.pop().unwrap());
    set(&first, PC, RAM).unwrap();
    let kick = second.kick_handle();
    let other = thread::spawn(move || (errno(second.run()), second));
    let mut said = String::new();
    let ending = loop {
        match step(&vm, &mut first) {
            Step::Said(byte) => said.push(char::from(byte)),
            Step::Ended(kind, flags) => break (kind, flags),
            _ => {}
        }
    };
    assert_eq!((said.as_str(), ending), ("hello\n", (KVM_SYSTEM_EVENT_SHUTDOWN, 0)));
    assert_eq!(memory.read(HEARD), 0xffff_ffff_ffff_ff85, "LDRSB extends what the VMM has read");
    let count = |intid: u32| memory.read(COUNTS + 8 * u64::from(intid));
    let counts = [0, program::PING, program::PONG, program::TIMER, program::SPI].map(count);
    assert_eq!(counts, [1; 5], "LPI, ping, pong, timer, SPI");
    // The other vCPU was switched off with the system, and is still in `run`.
    kick.kick();
    let (left, second) = other.join().unwrap();
    assert_eq!(left, EINTR);
    assert_eq!(second.get_mp_state().unwrap().mp_state, KVM_MP_STATE_STOPPED);
    assert_eq!(first.get_mp_state().unwrap().mp_state, KVM_MP_STATE_STOPPED);
    assert_eq!(get(&first, x(0)).unwrap() as i64, -6, "PSCI's INTERNAL_FAILURE, if it went on");
}

/// A VM without a VGIC, and instructions at the start of its RAM.
fn bare(code: &[u32]) -> (VmFd, VcpuFd, Memory) {
    let vm = Kvm::new().unwrap().create_vm().unwrap();
    let memory = Memory::new(0x2_0000);
    memory.give(&vm, 0, RAM).unwrap();
    memory.write(0, &code.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    let vcpu = vcpu(&vm, 0, false);
    set(&vcpu, PC, RAM).unwrap();
    (vm, vcpu, memory)
}

/// Branches to itself.
const STAY: u32 = 0x1400_0000;
const WFI: u32 = 0xd503_207f;
const HVC: u32 = 0xd400_0002;

#[test]
fn an_access_is_completed_by_the_next_run() {
    // ldr w0, [x9]; str w0, [x10, #4]; str x1, [x9]; .
    let (_vm, mut vcpu, memory) = bare(&[0xb940_0120, 0xb900_0540, 0xf900_0121, STAY]);
    set(&vcpu, x(1), 0x1122_3344_5566_7788).unwrap();
    set(&vcpu, x(9), UART).unwrap();
    set(&vcpu, x(10), RAM + 0x1_0000).unwrap();
    match vcpu.run().unwrap() {
        VcpuExit::MmioRead(UART, data) => data.copy_from_slice(&[1, 2, 3, 4]),
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&vcpu, PC), Ok(RAM), "the instruction is not over yet");
    vcpu.set_kvm_immediate_exit(1);
    assert_eq!(errno(vcpu.run()), EINTR);
    assert_eq!((get(&vcpu, PC), get(&vcpu, x(0))), (Ok(RAM + 4), Ok(0x0403_0201)), "completed, and nothing else");
    vcpu.set_kvm_immediate_exit(0);
    match vcpu.run().unwrap() {
        VcpuExit::MmioWrite(UART, data) => assert_eq!(data, 0x1122_3344_5566_7788u64.to_le_bytes()),
        other => panic!("{other:?}"),
    }
    assert_eq!(memory.read(0x1_0000) >> 32, 0x0403_0201);
}

#[test]
fn what_has_no_syndrome_is_enosys() {
    const ENOSYS: i32 = 38;
    // ldr x1, [x9], #8; ldp x1, x2, [x9]; ldr q0, [x9]; ldxr x1, [x9]
    for word in [0xf840_8521, 0xa940_0921, 0x3dc0_0120, 0xc85f_7d21] {
        let (_vm, mut vcpu, _memory) = bare(&[0xd2a0_0600, 0xd518_1040, 0xd503_3fdf, word]); // CPACR_EL1.FPEN
        set(&vcpu, x(9), UART).unwrap();
        assert_eq!(errno(vcpu.run()), ENOSYS, "{word:#x}");
        assert_eq!(get(&vcpu, PC), Ok(RAM + 12));
    }
}

#[test]
fn a_region_without_memory_behind_it_is_efault() {
    const EFAULT: i32 = 14;
    let (vm, mut vcpu, _memory) = bare(&[0xb940_0120]); // ldr w0, [x9]
    let region = kvm_userspace_memory_region {
        slot: 1,
        guest_phys_addr: UART,
        memory_size: 0x1000,
        userspace_addr: 0x1000,
        flags: 0,
    };
    // SAFETY: nothing is mapped there.
    unsafe { vm.set_user_memory_region(region) }.unwrap();
    set(&vcpu, x(9), UART).unwrap();
    assert_eq!(errno(vcpu.run()), EFAULT);
}

#[test]
fn memory_comes_and_goes_while_a_vcpu_runs() {
    // again: ldr x0, [x9]; cbz x0, again; str x0, [x10]
    let (vm, mut vcpu, _memory) = bare(&[0xf940_0120, 0xb4ff_ffe0, 0xf900_0140, STAY]);
    const HERE: u64 = RAM + 0x10_0000;
    set(&vcpu, x(9), HERE).unwrap();
    set(&vcpu, x(10), UART).unwrap();
    let (zero, seven) = (Memory::new(0x1000), Memory::new(0x1000));
    seven.words(0, &[7]);
    zero.give(&vm, 1, HERE).unwrap();
    let (asked, was_asked) = std::sync::mpsc::channel();
    let running = thread::spawn(move || {
        loop {
            match vcpu.run().unwrap() {
                VcpuExit::MmioRead(HERE, data) => _ = (data.fill(0), asked.send(())),
                VcpuExit::MmioWrite(UART, data) => break data[0],
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(was_asked.recv_timeout(Duration::from_millis(10)).is_err(), "there is memory");
    // SAFETY: no memory is given.
    unsafe { vm.set_user_memory_region(kvm_userspace_memory_region { slot: 1, ..Default::default() }) }.unwrap();
    was_asked.recv().unwrap();
    seven.give(&vm, 1, HERE).unwrap();
    assert_eq!(running.join().unwrap(), 7);
}

#[test]
fn a_signal_makes_run_return() {
    extern "C" fn nothing(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}
    let signal = libc::SIGRTMIN() + 3;
    vmm_sys_util::signal::register_signal_handler(signal, nothing).unwrap();
    for code in [[STAY, STAY], [WFI, 0x17ff_ffff]] {
        let (_vm, mut vcpu, _memory) = bare(&code);
        let running = thread::spawn(move || (errno(vcpu.run()), errno(vcpu.run())));
        use std::os::unix::thread::JoinHandleExt;
        let id = running.as_pthread_t();
        // One that comes while the thread is not in `run` is nothing to it.
        while !running.is_finished() {
            // SAFETY: the thread is joined below, so it exists.
            unsafe { libc::pthread_kill(id, signal) };
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(running.join().unwrap(), (EINTR, EINTR), "{code:x?}");
    }
}

#[test]
fn a_kick_before_run_is_not_lost() {
    let (_vm, mut vcpu, _memory) = bare(&[STAY]);
    vcpu.kick_handle().kick();
    assert_eq!(errno(vcpu.run()), EINTR);
    vcpu.set_kvm_immediate_exit(1);
    assert_eq!(errno(vcpu.run()), EINTR);
}

#[test]
fn switched_off_and_on_again() {
    // mov w0, #0x84000000; orr w0, w0, #2; hvc #0 (CPU_OFF); str x0, [x9]
    let (_vm, mut vcpu, _memory) = bare(&[0x52b0_8000, 0x321f_0000, HVC, 0xf900_0120, STAY]);
    set(&vcpu, x(9), UART).unwrap();
    let kick = vcpu.kick_handle();
    let done = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                kick.kick();
                thread::sleep(Duration::from_millis(5));
            }
        });
        while vcpu.get_mp_state().unwrap().mp_state != KVM_MP_STATE_STOPPED {
            assert_eq!(errno(vcpu.run()), EINTR);
        }
        // Also when it is off.
        assert_eq!(errno(vcpu.run()), EINTR);
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(get(&vcpu, PC), Ok(RAM + 12));
    vcpu.set_mp_state(kvm_mp_state { mp_state: KVM_MP_STATE_RUNNABLE }).unwrap();
    let left = loop {
        // A kick may be left over.
        match vcpu.run() {
            Err(_) => continue,
            Ok(VcpuExit::MmioWrite(at, _)) => break at,
            Ok(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(left, UART);
}

#[test]
fn registers_are_the_pes() {
    // mrs x0, tpidr_el1; msr vbar_el1, x1; mov sp, x2; add x3, x3, #1; str x0, [x9]
    let (_vm, mut vcpu, _memory) = bare(&[0xd538_d080, 0xd518_c001, 0x9100_005f, 0x9100_0463, 0xf900_0120]);
    let sysreg = |op1: u64, crn: u64, crm: u64, op2: u64| {
        KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG as u64 | 3 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
    };
    let (tpidr, vbar) = (sysreg(0, 13, 0, 4), sysreg(0, 12, 0, 0));
    assert_eq!(get(&vcpu, PSTATE), Ok(0x3c5));
    for (id, value) in [(tpidr, 0x1234), (x(1), 0x4000_0800), (x(2), 0x4000_1000), (x(3), u64::MAX), (x(9), UART)] {
        set(&vcpu, id, value).unwrap();
    }
    assert!(matches!(vcpu.run().unwrap(), VcpuExit::MmioWrite(UART, [0x34, 0x12, ..])));
    let sp_el1 = core(0x110);
    assert_eq!([vbar, sp_el1, x(3)].map(|id| get(&vcpu, id).unwrap()), [0x4000_0800, 0x4000_1000, 0]);
    // EL0t: then SP_EL1 is not the current one.
    set(&vcpu, PSTATE, 0x6000_0000).unwrap();
    assert_eq!(
        (get(&vcpu, PSTATE), get(&vcpu, sp_el1), get(&vcpu, core(0xf8))),
        (Ok(0x6000_0000), Ok(0x4000_1000), Ok(0))
    );
    for (wrong, value) in [(PSTATE, 0x10), (PSTATE, 9), (core(0x104), 0)] {
        assert_eq!(errno(set(&vcpu, wrong, value)), 22, "{wrong:#x}");
    }
    // The virtual timer's compare value and count have each other's numbers.
    let (cval, count) = (sysreg(3, 14, 0, 2), sysreg(3, 14, 3, 2));
    set(&vcpu, cval, 1 << 40).unwrap();
    set(&vcpu, count, 1 << 50).unwrap();
    assert_eq!(get(&vcpu, cval), Ok(1 << 40));
    assert!((1 << 50..1 << 51).contains(&get(&vcpu, count).unwrap()));
    // Whatever is listed can be read, and written back but for what counts.
    let mut list = RegList::new(500).unwrap();
    vcpu.get_reg_list(&mut list).unwrap();
    assert!(list.as_slice().len() > 100 && [PC, tpidr, cval, count].iter().all(|id| list.as_slice().contains(id)));
    for &id in list.as_slice() {
        let mut bytes = [0; 16];
        let size = vcpu.get_one_reg(id, &mut bytes).unwrap_or_else(|error| panic!("{id:#x}: {error}"));
        vcpu.set_one_reg(id, &bytes[..size]).unwrap_or_else(|error| panic!("{id:#x}: {error}"));
    }
    assert_eq!(errno(vcpu.get_reg_list(&mut RegList::new(3).unwrap())), 7);
}

#[test]
fn the_vmm_chooses_the_version_of_psci() {
    let version = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | u64::from(KVM_REG_ARM_FW);
    // mov w0, #0x84000000; hvc #0; str x0, [x9]
    let (_vm, mut vcpu, _memory) = bare(&[0x52b0_8000, HVC, 0xf900_0120]);
    assert_eq!(get(&vcpu, version), Ok(0x1_0003));
    assert_eq!(errno(set(&vcpu, version, 0x2_0000)), 22);
    set(&vcpu, version, 0x1_0000).unwrap();
    set(&vcpu, x(9), UART).unwrap();
    assert!(matches!(vcpu.run().unwrap(), VcpuExit::MmioWrite(UART, [0, 0, 1, 0, ..])));
}
