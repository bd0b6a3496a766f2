//! A VMM in small: two vCPUs whose guest says hello on a UART that the VMM emulates, and takes an SGI, a timer's interrupt, an
//! SPI and an LPI. `cargo run -p armagic-kvm --example guest` prints each exit.

#[path = "../tests/guest/mod.rs"]
mod guest;

use armagic_kvm::Kvm;
use guest::{PC, RAM, Step, Vmm, program, set, step};

fn main() {
    let Vmm { vm, mut vcpus, memory } = Vmm::new(&Kvm::new().expect("no kernel is asked"), 2);
    program::write(&memory);
    let (mut second, mut first) = (vcpus.pop().expect("there are two"), vcpus.pop().expect("there are two"));
    set(&first, PC, RAM).expect("it is initialised");
    let kick = second.kick_handle();
    std::thread::scope(|threads| {
        // Switched off until the guest asks PSCI.
        threads.spawn(move || println!("vCPU 1: {}", second.run().expect_err("it is kicked")));
        loop {
            let did = step(&vm, &mut first);
            println!("vCPU 0: {did:x?}");
            if let Step::Ended(..) = did {
                break kick.kick();
            }
        }
    });
}
