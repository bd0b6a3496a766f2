//! One run of a scenario: the VM as it starts, its threads, and what they saw.

use crate::scenarios::{Op, Scenario, Start};
use armagic_vgic::uapi::{address, control, device_type, group};
use armagic_vgic::{Device, Errno, Host, Kernel, LockProtocol, Refusal, Vm, VmSpec};
use hw::{GuestMemory, PhysAddr, Unbacked};
use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::thread;
use std::sync::Arc;

/// No table of a litmus test is in memory.
struct NoMemory;

impl GuestMemory for NoMemory {
    fn read(&self, at: PhysAddr, _: &mut [u8]) -> Result<(), Unbacked> {
        Err(Unbacked(at))
    }
    fn write(&self, at: PhysAddr, _: &[u8]) -> Result<(), Unbacked> {
        Err(Unbacked(at))
    }
    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        Err(Unbacked(at))
    }
    fn write_u64(&self, at: PhysAddr, _: u64) -> Result<(), Unbacked> {
        Err(Unbacked(at))
    }
}

pub const DIST: u64 = 0x0800_0000;
pub const REDIST: u64 = 0x080a_0000;

struct World {
    vm: Arc<Vm>,
    vgic: Option<Device>,
    its: Device,
    /// Touched when a thread begins, so that loom lets each begin first. Without it, it overlooks orders in which a thread
    /// writes what it and another have read before.
    begun: AtomicU32,
}

/// Runs the threads, the last one here; their results and the facts afterwards.
pub fn run(scenario: &'static Scenario, kernel: &'static Kernel, protocol: LockProtocol) -> String {
    let world = Arc::new(World::new(scenario.start, kernel, protocol));
    let (last, others) = scenario.threads.split_last().expect("a scenario has threads");
    let others: Vec<_> = others
        .iter()
        .map(|&ops| {
            let world = world.clone();
            thread::spawn(move || world.thread(ops))
        })
        .collect();
    let last = world.thread(last);
    let mut results: Vec<_> = others.into_iter().map(|thread| thread.join().expect("no thread panics")).collect();
    results.push(last);
    world.assert_nothing_is_held();
    format!("{}{}", results.join(" | "), world.facts(scenario.facts))
}

fn result(of: Result<(), Refusal>) -> String {
    of.map_or_else(|refusal| refusal.errno.name().to_owned(), |()| "0".to_owned())
}

impl World {
    fn new(start: Start, kernel: &'static Kernel, protocol: LockProtocol) -> World {
        let host = Host { direct_sgis: true, ..Host::default() };
        let vm = Vm::new(VmSpec { kernel, host, protocol, ..VmSpec::new(Arc::new(NoMemory)) });
        for id in 0..start.vcpus {
            let vcpu = vm.create_vcpu(id).expect("a new id");
            vm.initialise_vcpu(&vcpu, false).expect("a live VM");
        }
        let vgic = start.vgic.then(|| vm.create_device(device_type::VGIC_V3, 0).unwrap().unwrap());
        if let Some(vgic) = &vgic {
            if start.addresses {
                vgic.set(group::ADDR, address::DIST, DIST).expect("free");
                vgic.set(group::ADDR, address::REDIST, REDIST).expect("free");
            }
            if start.initialised {
                vgic.set(group::NR_IRQS, 0, 64).expect("not chosen yet");
                vgic.set(group::CTRL, control::INIT, 0).expect("all is there");
            }
        }
        let its = vm.create_device(device_type::ITS, 0).unwrap().unwrap();
        World { vm, vgic, its, begun: AtomicU32::new(0) }
    }

    fn vgic(&self) -> &Device {
        self.vgic.as_ref().expect("the scenario has one")
    }

    fn thread(&self, ops: &[Op]) -> String {
        self.begun.fetch_add(1, Relaxed);
        ops.iter().map(|op| self.perform(*op)).collect::<Vec<_>>().join(" ")
    }

    fn perform(&self, op: Op) -> String {
        match op {
            Op::Revision(revision) => self.set_early(0x8, 0x4b00_043b | revision << 12),
            Op::DirectSgis(cap) => self.set_early(0xc, cap << 8),
            Op::GetRevision => match self.vgic().get(group::DIST_REGS, 0x8) {
                Ok(iidr) => format!("rev{}", iidr >> 12 & 0xf),
                Err(refusal) => refusal.errno.name().to_owned(),
            },
            Op::Ctlr(value) => result(self.vgic().set(group::DIST_REGS, 0, value)),
            Op::Init => result(self.vgic().set(group::CTRL, control::INIT, 0)),
            Op::Interrupts(number) => result(self.vgic().set(group::NR_IRQS, 0, number)),
            Op::Redist => result(self.vgic().set(group::ADDR, address::REDIST, REDIST)),
            Op::SavePending => result(self.vgic().set(group::CTRL, control::SAVE_PENDING_TABLES, 0)),
            Op::VcpuIoctl(index) => {
                let vcpu = self.vm.vcpu(index).expect("it is there from the start");
                result(self.vm.with_vcpu(vcpu, || ()))
            }
            Op::Run(index) => {
                let vcpu = self.vm.vcpu(index).expect("it is there from the start");
                result(self.vm.run(vcpu).map(drop))
            }
            Op::NewVcpu(id) => result(self.vm.create_vcpu(id).map(drop)),
            Op::ItsAddress(base) => result(self.its.set(group::ADDR, address::ITS, base)),
            Op::CreateVgic => result(self.vm.create_device(device_type::VGIC_V3, 0).map(drop)),
        }
    }

    /// Tells an EBUSY before initialisation from one that it explains.
    fn set_early(&self, register: u64, value: u64) -> String {
        match self.vgic().set(group::DIST_REGS, register, value) {
            Err(Refusal { errno: Errno::Busy, .. }) if !self.vm.is_initialised() => "EBUSY-early".to_owned(),
            other => result(other),
        }
    }

    /// Who finds a lock taken would wait for ever, and loom says so.
    fn assert_nothing_is_held(&self) {
        let Some(vgic) = self.vgic.as_ref().filter(|_| !self.vm.is_dead()) else { return };
        for vcpu in (0..).map_while(|index| self.vm.vcpu(index)) {
            self.vm.with_vcpu(vcpu, || ()).expect("a live VM");
        }
        if self.vm.vcpu(0).is_some() {
            vgic.get(group::DIST_REGS, 0x8).expect("nothing is held");
        }
    }

    fn facts(&self, facts: &[&str]) -> String {
        let one = |&fact: &&str| match fact {
            _ if self.vm.is_dead() => "dead".to_owned(),
            "rev" => format!("rev={}", self.vgic().get(group::DIST_REGS, 0x8).unwrap_or(0) >> 12 & 0xf),
            "cap" => format!("cap={}", self.vgic().get(group::DIST_REGS, 0xc).unwrap_or(0) >> 8),
            "ctlr" => format!("ctlr={:#x}", self.vgic().get(group::DIST_REGS, 0).unwrap_or(0)),
            "irqs" => format!("irqs={}", self.vgic().get(group::NR_IRQS, 0).unwrap_or(0)),
            "its" => format!("its={:#x}", self.its.get(group::ADDR, address::ITS).unwrap_or(0)),
            // Of vCPU 1, if it is there: bits of priority, which initialisation gives.
            "reset" => match self.vm.vcpu(1) {
                None => "alone".to_owned(),
                Some(vcpu) => {
                    self.vm.initialise_vcpu(vcpu, false).expect("a live VM");
                    self.vgic().set(group::CTRL, control::INIT, 0).expect("it can be, now");
                    let ctlr = self.vgic().get(group::CPU_SYSREGS, 1 << 32 | 0xc664);
                    format!("ctlr1={:#x}", ctlr.unwrap_or(0))
                }
            },
            other => panic!("no fact {other}"),
        };
        facts.iter().map(|fact| format!(" {}", one(fact))).collect()
    }
}
