//! What the vCPUs of a VM execute on: memory, frames, alarms. It is made when a vCPU is about to execute, and made anew
//! when there is other memory or a new frame.

use crate::eventfds::Eventfds;
use crate::gate::{Gate, Inside};
use crate::memory::Memory;
use crate::pe::Pe;
use crate::ticker::Ticker;
use cpu::{Alarms, Peer, Shared, TlbiQueue};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{Clock, PhysAddr};
use mem::{Bus, Ram};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};
use std::thread::JoinHandle;
use sync::Attention;
use vgic::{Vcpu, Vm};

/// Where no PE's physical addresses reach: RAM of a VM without any is here.
const NOWHERE: PhysAddr = PhysAddr(1 << 60);

/// What a board was made of. Another one has another board.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Plan {
    memory: u64,
    frames: usize,
    vcpus: usize,
}

/// Everything of a VM, shared by its files.
pub(crate) struct Inner {
    pub vm: Arc<Vm>,
    pub memory: Arc<Memory>,
    pub clock: Clock,
    pub gate: Gate,
    pub ticker: Ticker,
    pub eventfds: Eventfds,
    /// PSCI_VERSION, if the VMM chose one.
    psci: Mutex<Option<u32>>,
    /// Of all vCPUs, from the first that was initialised.
    features: OnceLock<u32>,
    /// In order of creation.
    pes: RwLock<Vec<Arc<Pe>>>,
    board: Mutex<Option<(Plan, Board)>>,
}

struct Board {
    shared: Arc<Shared>,
    alarm: Option<JoinHandle<()>>,
}

impl Inner {
    pub fn new(vm: Arc<Vm>, memory: Arc<Memory>) -> Inner {
        Inner {
            eventfds: Eventfds::new(vm.clone()),
            vm,
            memory,
            clock: Clock::start(),
            gate: Gate::default(),
            ticker: Ticker::default(),
            psci: Mutex::default(),
            features: OnceLock::new(),
            pes: RwLock::default(),
            board: Mutex::default(),
        }
    }

    pub fn psci(&self) -> Option<u32> {
        *self.psci.lock().expect("no code panics while it holds this lock")
    }

    pub fn set_psci(&self, version: u32) {
        *self.psci.lock().expect("see psci") = Some(version);
    }

    /// Are these the features of those that were initialised before, if any?
    pub fn agree_on_features(&self, features: u32) -> bool {
        *self.features.get_or_init(|| features) == features
    }

    /// A vCPU that has just been made, and those before it that are not here yet.
    pub fn add(&self, vcpu: &Vcpu) -> Arc<Pe> {
        let mut pes = self.pes.write().expect("no code panics while it holds this lock");
        for index in pes.len()..=vcpu.index() {
            let vcpu = self.vm.vcpu(index).expect("vCPUs come in order of index");
            pes.push(Arc::new(Pe::new(vcpu.attention())));
        }
        pes[vcpu.index()].clone()
    }

    pub fn pes(&self) -> Vec<Arc<Pe>> {
        self.pes.read().expect("see add").clone()
    }

    fn attentions(&self) -> impl Iterator<Item = Arc<Attention>> {
        self.pes().into_iter().map(|pe| pe.attention())
    }

    /// Does `work` while no vCPU executes.
    pub fn while_still<R>(&self, work: impl FnOnce() -> R) -> R {
        self.gate.closed(self.attentions(), work)
    }

    fn plan(&self) -> Plan {
        Plan { memory: self.memory.version(), frames: self.vm.frames_count(), vcpus: self.pes().len() }
    }

    fn board(&self) -> MutexGuard<'_, Option<(Plan, Board)>> {
        self.board.lock().expect("no code panics while it holds this lock")
    }

    /// Passes the gate; what there is to execute on stays as it is until `Inside` is dropped.
    pub fn enter(&self) -> (Inside<'_>, Arc<Shared>) {
        loop {
            let inside = self.gate.enter();
            if let Some((plan, board)) = &*self.board()
                && *plan == self.plan()
            {
                return (inside, board.shared.clone());
            }
            drop(inside);
            self.while_still(|| self.rebuild());
        }
    }

    /// Nobody executes, so nobody misses what is broadcast between vCPUs meanwhile.
    fn rebuild(&self) {
        let (plan, mut board) = (self.plan(), self.board());
        if board.as_ref().is_none_or(|(made_of, _)| *made_of != plan) {
            *board = Some((plan, Board::new(self)));
        }
    }
}

impl Board {
    fn new(of: &Inner) -> Board {
        let ram = of.memory.ram().unwrap_or_else(|| Ram::new(NOWHERE, 4096).expect("the host has a page"));
        let mut bus = Bus::new(ram);
        for (base, size, device) in of.vm.frames() {
            // Where the VMM has memory as well, guests see that.
            _ = bus.map(PhysAddr(base), size, device);
        }
        let attentions: Vec<_> = of.attentions().collect();
        let gic = of.vm.gic().cloned().unwrap_or_else(|| spare_gic(attentions.len()));
        let peers = attentions.iter().map(|a| Peer { attention: a.clone(), tlbi: TlbiQueue::new() }).collect();
        let alarms = Alarms::new(of.clock, attentions);
        let shared = Arc::new(Shared { bus, gic, clock: of.clock, alarms, peers });
        let ringing = shared.clone();
        let thread = std::thread::Builder::new().name("kvm timers".into());
        // Without it, a timer is noticed by the ticker's next tick.
        let alarm = thread.spawn(move || ringing.alarms.run()).ok();
        Board { shared, alarm }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.shared.alarms.stop();
        _ = self.alarm.take().map(JoinHandle::join);
    }
}

/// The GIC of PEs that have none: nothing reaches it but their timers.
fn spare_gic(pes: usize) -> Arc<Gic> {
    let affinity = |n: usize| Affinity { aff0: n as u8, aff1: (n >> 8) as u8, ..Affinity::default() };
    let pe = |n| PeSpec { affinity: affinity(n), attention: Arc::default() };
    let spec = GicSpec { spis: 32, pes: (0..pes).map(pe).collect(), ..GicSpec::default() };
    Gic::new(spec).expect("a small GIC can be built")
}

/// What a PE is made on before there is a board.
pub(crate) fn workbench(clock: Clock) -> Arc<Shared> {
    let attention = Arc::new(Attention::new());
    let bus = Bus::new(Ram::new(NOWHERE, 4096).expect("the host has a page"));
    let peers = vec![Peer { attention: attention.clone(), tlbi: TlbiQueue::new() }];
    Arc::new(Shared { bus, gic: spare_gic(1), clock, alarms: Alarms::new(clock, vec![attention]), peers })
}
