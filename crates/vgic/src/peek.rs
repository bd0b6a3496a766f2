//! Looking without a lock, while guests run: for tools. An attribute is the faithful way, and finds vCPUs busy.

use crate::registers::dist;
use crate::uapi::GICD_IIDR;
use crate::vm::Vm;
use gic::{Frame, InterruptView, Product};
use hw::IntId;

/// How often a look at several interrupts begins again because one has changed.
const TRIES: usize = 16;

impl Vm {
    /// GICD_IIDR as it is now; `None` without a VGIC, and of a GIC that is not KVM's before initialisation. Takes no lock,
    /// but in `Fidelity::Relaxed` that of what is late.
    pub fn peek_iidr(&self) -> Option<u32> {
        if self.spec.features.product != Product::Kvm {
            return self.gic()?.raw_read(Frame::Distributor, GICD_IIDR);
        }
        self.has_vgic.is_set().then(|| dist::iidr_of(self.revision.get()))
    }

    /// Some interrupts as they were at one moment, those that are private seen from a PE; an interrupt that is not there is
    /// `None`. Takes no lock and keeps nobody waiting: looks until nothing has changed between two looks, and gives up
    /// (`None`) where that does not happen soon.
    pub fn peek(&self, pe: usize, interrupts: &[IntId]) -> Option<Vec<Option<InterruptView>>> {
        let gic = self.gic()?;
        let look = || -> Vec<_> { interrupts.iter().map(|id| gic.describe(pe, *id)).collect() };
        let mut before = look();
        for _ in 0..TRIES {
            let now = look();
            if now == before {
                return Some(now);
            }
            before = now;
        }
        None
    }
}
