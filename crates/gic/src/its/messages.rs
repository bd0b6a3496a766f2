//! GITS_STATUSR and GITS_UMSIR: accesses that went wrong, and messages that were mapped to nothing.

use super::Its;
use super::error::Fault;
use crate::prim::MutexGuard;

const ACCESS: u32 = 0xf;
const UMSI: u32 = 1 << 4;
const OVERFLOW: u32 = 1 << 5;
const SYNDROME: u32 = 0xf << 6;

/// Both registers. Behind a lock, as a message that goes nowhere is on nobody's fast path.
#[derive(Default)]
pub(super) struct Messages {
    status: u32,
    umsir: u64,
    /// GITS_CTLR.UMSIirq.
    pub irq: bool,
}

impl Messages {
    pub fn status(&self) -> u32 {
        self.status
    }

    pub fn umsir(&self) -> u64 {
        self.umsir
    }

    /// An access was refused.
    pub fn record(&mut self, bits: u32) {
        self.status |= bits & ACCESS;
    }

    /// Write one to clear. The syndrome goes with UMSI.
    pub fn clear_status(&mut self, bits: u32) {
        self.status &= !(bits & (ACCESS | UMSI | OVERFLOW));
        if self.status & UMSI == 0 {
            self.status &= !SYNDROME;
        }
    }

    pub fn set_status(&mut self, bits: u32) {
        self.status = bits & (ACCESS | UMSI | OVERFLOW | SYNDROME);
    }

    pub fn set_umsir(&mut self, value: u64, mask: u64) {
        self.umsir = self.umsir & !mask | value & mask;
    }

    /// The first stays until software has seen it; Overflow says that there were others.
    fn unmapped(&mut self, device: u32, event: u32, syndrome: u32) {
        if self.status & UMSI != 0 {
            self.status |= OVERFLOW;
        } else {
            self.status = self.status & !SYNDROME | UMSI | syndrome << 6;
            self.umsir = u64::from(device) << 32 | u64::from(event);
        }
    }
}

impl Its {
    pub(super) fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().expect("no code panics while it holds this lock")
    }

    /// Changes them, and the line that UMSI drives.
    pub(super) fn change_messages(&self, change: impl FnOnce(&mut Messages)) {
        let mut messages = self.messages();
        change(&mut messages);
        if let Some(line) = &self.spec.umsi {
            // With the lock held, so that the last change is the last level.
            line.set(messages.irq && messages.status & UMSI != 0);
        }
    }

    /// A message went nowhere. Not reported while the ITS is disabled.
    #[cold]
    pub(super) fn unmapped(&self, device: u32, event: u32, fault: Fault) {
        self.gic.watch.report("GITS_TRANSLATER", device, 0, || {
            format!("the message of event {event:#x} of device {device:#x} went nowhere: {fault}")
        });
        match fault.syndrome() {
            0 => {}
            syndrome => self.change_messages(|messages| messages.unmapped(device, event, syndrome)),
        }
    }
}
