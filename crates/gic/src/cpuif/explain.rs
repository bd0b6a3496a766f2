//! Why a PE sees no interrupt, in words, for whoever looks at a guest that hangs.

use super::{CpuInterface, Signals};
use crate::{ids, word::GROUPS};
use std::fmt::Write;

impl CpuInterface {
    /// Why nothing is signalled, in a few words, for a report about a guest that hangs.
    pub fn explain_masked(&self) -> String {
        let state = &self.gic.state;
        let mut text = String::new();
        if !state.awake(self.pe) {
            text.push_str("GICR_WAKER.ProcessorSleep=1; ");
        }
        let groups = if self.one_state() { GROUPS - 1 } else { GROUPS };
        for group in 0..groups {
            let (distributor, pe) = [("0", "0_EL1"), ("1", "1_EL1"), ("1S", "1_EL1(S)")][group];
            if !state.control().enables(group) {
                _ = write!(text, "GICD_CTLR.EnableGrp{distributor}=0; ");
            }
            if !self.enabled[group] {
                _ = write!(text, "ICC_IGRPEN{pe}=0; ");
            }
        }
        match self.best() {
            _ if self.signals() != Signals::default() => text.push_str("signalled; the PE masks it"),
            None => text.push_str("nothing pending and enabled in an enabled group"),
            Some(found) => {
                let (place, word) = (found.place(), found.word);
                let (id, priority, group, pmr) = (ids::intid(place), word.rank(), word.group(), self.pmr);
                _ = write!(text, "INTID {id} group {group} priority {priority:#04x} waits: ");
                if priority >= u32::from(pmr) {
                    _ = write!(text, "PMR={pmr:#04x}");
                } else {
                    _ = write!(text, "running priority {:#04x}", self.running().unwrap_or(0xff));
                }
            }
        }
        text
    }
}
