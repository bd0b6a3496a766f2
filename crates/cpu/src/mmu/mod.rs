//! Placeholder of the translation unit: flat, so that the rest of the PE compiles and can be tested.

use crate::{Abort, Fault, FaultStatus, Vcpu};
use a64::SysReg;
use hw::{Leave, PhysAddr, VirtAddr};
use mem::Target;

/// TLB maintenance broadcast to one vCPU.
#[derive(Default)]
pub struct TlbiQueue {}

impl TlbiQueue {
    /// Nothing queued.
    pub fn new() -> TlbiQueue {
        TlbiQueue {}
    }
}

/// Translation state of one PE.
#[derive(Default)]
pub struct Mmu {}

impl Mmu {
    /// Nothing cached.
    pub fn new() -> Mmu {
        Mmu {}
    }
}

impl Vcpu {
    /// Where the instruction at `va` is.
    pub fn fetch(&mut self, va: u64) -> Result<PhysAddr, Leave> {
        if va & 3 != 0 {
            return Err(self.raise_pc_alignment(va));
        }
        match self.shared.bus.find(PhysAddr(va)) {
            Some(Target::Ram(_)) => Ok(PhysAddr(va)),
            _ => Err(self.raise_fault(Fault {
                status: FaultStatus::External,
                abort: Abort::Fetch,
                address: VirtAddr(va),
            })),
        }
    }

    /// Translation check for cache maintenance by address.
    pub fn probe_maintenance(&mut self, va: u64) -> Result<Option<PhysAddr>, Leave> {
        Ok(self.shared.bus.ram().host(PhysAddr(va)).map(|_| PhysAddr(va)))
    }

    /// AT.
    pub fn address_translate(&mut self, _op: SysReg, _va: u64) {
        unimplemented!("the translation unit is not here yet");
    }

    /// TLBI.
    pub fn tlbi(&mut self, _op: SysReg, _xt: u64) {}

    /// Performs broadcast maintenance that is queued.
    pub fn drain_tlbi(&mut self) {}

    /// DSB: waits for broadcast maintenance.
    pub fn tlbi_barrier(&mut self) {}

    /// The registers or the Exception level that select a translation context have changed.
    pub fn context_changed(&mut self) {}

    /// This vCPU stops executing for a while.
    pub fn park(&mut self) {}

    /// It executes again.
    pub fn unpark(&mut self) {}
}
