//! Eventfds of a VM: those that raise interrupts when they are signalled (irqfd), and those that a guest's write signals
//! (ioeventfd).
//!
//! KVM raises the interrupt inside the write to the eventfd; here a thread sees it a moment later.

use crate::routes::Routes;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use vgic::{Errno, Vm};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::EventFd;

/// Where a guest's write is looked for. There are no ports on arm64, so `Pio` is never met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoEventAddress {
    /// A port.
    Pio(u64),
    /// A physical address.
    Mmio(u64),
}

/// Any value, of any length.
#[derive(Debug, Clone, Copy)]
pub struct NoDatamatch;

impl From<NoDatamatch> for u64 {
    fn from(_: NoDatamatch) -> u64 {
        0
    }
}

/// No error numbers of the VGIC's.
pub(crate) const EAGAIN: i32 = 11;

struct Irqfd {
    file: EventFd,
    identity: u64,
    gsi: u32,
}

/// What a write is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub address: IoEventAddress,
    /// Bytes; 0 is any number of them.
    pub length: u64,
    /// `None` is any value.
    pub value: Option<u64>,
}

impl Match {
    /// Would one write signal both?
    fn collides(&self, other: &Match) -> bool {
        let values = self.value.is_none() || other.value.is_none() || self.value == other.value;
        self.address == other.address
            && (self.length == 0 || other.length == 0 || self.length == other.length && values)
    }

    fn meets(&self, pa: u64, bytes: u64, value: u64) -> bool {
        let any = self.length == 0;
        self.address == IoEventAddress::Mmio(pa)
            && (any || self.length == bytes && self.value.is_none_or(|wanted| wanted == value))
    }
}

struct Common {
    vm: Arc<Vm>,
    routes: Mutex<Routes>,
    /// By a number of our own, which epoll gives back.
    irqfds: Mutex<BTreeMap<u64, Irqfd>>,
    epoll: Epoll,
    /// Signalled when the VM goes.
    quit: EventFd,
}

pub(crate) struct Eventfds {
    vm: Arc<Vm>,
    /// From the first irqfd or route on.
    common: Mutex<Option<(Arc<Common>, JoinHandle<()>)>>,
    writes: Mutex<Vec<(Match, u64, EventFd)>>,
}

/// Which eventfd it is, whatever number its file has.
fn identity(file: &EventFd) -> u64 {
    let fd = file.as_raw_fd();
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let id = info.lines().find_map(|line| line.strip_prefix("eventfd-id:")?.trim().parse().ok());
    // An old kernel does not tell.
    id.unwrap_or(1 << 32 | fd as u64)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Eventfds {
    pub fn new(vm: Arc<Vm>) -> Eventfds {
        Eventfds { vm, common: Mutex::default(), writes: Mutex::default() }
    }

    fn common(&self) -> io::Result<Arc<Common>> {
        let mut slot = locked(&self.common);
        if let Some((common, _)) = &*slot {
            return Ok(common.clone());
        }
        let (epoll, quit) = (Epoll::new()?, EventFd::new(0)?);
        epoll.ctl(ControlOperation::Add, quit.as_raw_fd(), EpollEvent::new(EventSet::IN, QUIT))?;
        let common = Common { vm: self.vm.clone(), routes: Mutex::default(), irqfds: Mutex::default(), epoll, quit };
        let common = Arc::new(common);
        let thread = std::thread::Builder::new().name("kvm irqfds".into());
        let thread = thread.spawn({
            let common = common.clone();
            move || common.run()
        })?;
        *slot = Some((common.clone(), thread));
        Ok(common)
    }

    /// Runs `set` on the routes.
    pub fn with_routes<R>(&self, set: impl FnOnce(&mut Routes, &Vm) -> R) -> io::Result<R> {
        let common = self.common()?;
        let mut routes = locked(&common.routes);
        Ok(set(&mut routes, &self.vm))
    }

    /// From now on `file` raises `gsi`, also if it was signalled before. `EAGAIN` before the VGIC is initialised, `EBUSY` if it
    /// raises another.
    pub fn assign(&self, file: &EventFd, gsi: u32) -> Result<(), i32> {
        if !self.vm.is_initialised() {
            return Err(EAGAIN);
        }
        let host = |error: io::Error| error.raw_os_error().unwrap_or(Errno::NoMem.number());
        let common = self.common().map_err(host)?;
        let irqfd = Irqfd { file: file.try_clone().map_err(host)?, identity: identity(file), gsi };
        let mut irqfds = locked(&common.irqfds);
        if irqfds.values().any(|other| other.identity == irqfd.identity) {
            return Err(Errno::Busy.number());
        }
        let number = irqfds.last_key_value().map_or(FIRST, |(last, _)| last + 1);
        let event = EpollEvent::new(EventSet::IN, number);
        common.epoll.ctl(ControlOperation::Add, irqfd.file.as_raw_fd(), event).map_err(host)?;
        irqfds.insert(number, irqfd);
        Ok(())
    }

    /// Not any more. That it did not is no error.
    pub fn deassign(&self, file: &EventFd, gsi: u32) {
        let Some(common) = locked(&self.common).as_ref().map(|(common, _)| common.clone()) else { return };
        let identity = identity(file);
        // The lock is held by who raises, so nothing is raised afterwards.
        locked(&common.irqfds).retain(|_, irqfd| {
            let goes = irqfd.identity == identity && irqfd.gsi == gsi;
            if goes {
                _ = common.epoll.ctl(ControlOperation::Delete, irqfd.file.as_raw_fd(), EpollEvent::default());
            }
            !goes
        });
    }

    /// A write that matches signals `file` instead of leaving the guest.
    pub fn watch(&self, file: &EventFd, what: Match) -> Result<(), Errno> {
        let mut writes = locked(&self.writes);
        if writes.iter().any(|(other, ..)| other.collides(&what)) {
            return Err(Errno::Exist);
        }
        let copy = file.try_clone().map_err(|_| Errno::NoMem)?;
        writes.push((what, identity(file), copy));
        Ok(())
    }

    /// Not any more.
    pub fn unwatch(&self, file: &EventFd, what: Match) -> Result<(), Errno> {
        let (mut writes, identity) = (locked(&self.writes), identity(file));
        let at = writes.iter().position(|(other, id, _)| *other == what && *id == identity).ok_or(Errno::NoEnt)?;
        writes.remove(at);
        Ok(())
    }

    /// Did a guest's write signal one?
    pub fn written(&self, pa: u64, bytes: u64, value: u64) -> bool {
        let writes = locked(&self.writes);
        let met = writes.iter().find(|(what, ..)| what.meets(pa, bytes, value));
        // A counter that is full stays so.
        met.map(|(_, _, file)| file.write(1)).is_some()
    }
}

const QUIT: u64 = 0;
const FIRST: u64 = 1;

impl Common {
    fn run(&self) {
        let mut events = [EpollEvent::default(); 16];
        loop {
            let count = match self.epoll.wait(-1, &mut events) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(_) => return,
            };
            for event in &events[..count] {
                if event.data() == QUIT {
                    return;
                }
                let irqfds = locked(&self.irqfds);
                let Some(irqfd) = irqfds.get(&event.data()) else { continue };
                if irqfd.file.read().is_ok() {
                    locked(&self.routes).signal(&self.vm, irqfd.gsi);
                }
            }
        }
    }
}

impl Drop for Eventfds {
    fn drop(&mut self) {
        if let Some((common, thread)) = locked(&self.common).take() {
            _ = common.quit.write(1);
            _ = thread.join();
        }
    }
}
