//! KVM_IRQ_LINE: the wire of an SPI or PPI, as a VMM's devices drive it.

use crate::errno::{Errno, Refusal};
use crate::vm::Vm;
use hw::IntId;

/// Which wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// Of an SPI, by INTID.
    Spi(u32),
    /// Of a PPI of one vCPU, by index of the vCPU and INTID.
    Ppi(usize, u32),
}

impl Vm {
    /// `KVM_IRQ_LINE`: the wire is now `high`. Takes no lock that a configuration access holds.
    pub fn irq_line(&self, line: Line, high: bool) -> Result<(), Refusal> {
        self.check_alive()?;
        if !self.has_vgic.is_set() {
            return Err(Errno::NxIo.because("the VM has no VGIC"));
        }
        let (intid, vcpu) = match line {
            Line::Spi(intid) => (intid, 0),
            Line::Ppi(vcpu, intid) => (intid, vcpu),
        };
        let wrong = Errno::Inval.because("no wire has this INTID").about(intid.into());
        match line {
            Line::Spi(0..32) => return Err(wrong),
            Line::Ppi(vcpu, _) if self.vcpu(vcpu).is_none() => {
                return Err(Errno::Inval.because("no vCPU has this index").about(vcpu as u64));
            }
            Line::Ppi(_, intid) if !(16..32).contains(&intid) => return Err(wrong),
            _ => {}
        }
        let gic = self.gic.get().ok_or(Errno::Busy.because("the VGIC is not initialised"))?;
        if gic.describe(vcpu, IntId(intid)).is_none() {
            return Err(wrong);
        }
        match line {
            Line::Spi(_) => gic.set_spi(IntId(intid), high),
            Line::Ppi(vcpu, _) => gic.set_ppi(vcpu, IntId(intid), high),
        }
        Ok(())
    }
}
