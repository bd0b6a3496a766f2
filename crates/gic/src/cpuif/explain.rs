//! Why a PE sees no interrupt, in words, for whoever looks at a guest that hangs.

use super::{CpuInterface, Signals};
use crate::{state::Candidate, word::GROUPS};
use std::fmt::Write;

impl CpuInterface {
    /// Why nothing is signalled, in a few words, for a report about a guest that hangs.
    pub fn explain_masked(&self) -> String {
        let state = &self.gic.state;
        let mut text = String::new();
        if !state.awake(self.pe) {
            text.push_str("GICR_WAKER.ProcessorSleep=1; ");
        }
        for group in 0..GROUPS {
            if state.enables() >> group & 1 == 0 {
                _ = write!(text, "GICD_CTLR.EnableGrp{group}=0; ");
            }
            if !self.enabled[group] {
                _ = write!(text, "ICC_IGRPEN{group}_EL1=0; ");
            }
        }
        match self.best() {
            _ if self.signals() != Signals::default() => text.push_str("signalled; the PE masks it"),
            None => text.push_str("nothing pending and enabled in an enabled group"),
            Some(Candidate { id, word, .. }) => {
                let (priority, group, pmr) = (word.priority(), word.group(), self.pmr);
                _ = write!(text, "INTID {id} group {group} priority {priority:#04x} waits: ");
                if priority >= pmr {
                    _ = write!(text, "PMR={pmr:#04x}");
                } else {
                    _ = write!(text, "running priority {:#04x}", self.running());
                }
            }
        }
        text
    }
}
