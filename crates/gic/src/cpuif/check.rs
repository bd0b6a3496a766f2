//! What software should not do at the CPU interface, reported in `Fidelity::Strict`.

use super::CpuInterface;
use crate::ids;
use crate::word::G0;

impl CpuInterface {
    /// IHI 0069, ICC_EOIR1_EL1: the INTID must be that of the last acknowledge that was not ended, in the group's register.
    pub(super) fn check_end(&mut self, register: usize, id: u32, ends: bool) {
        let name = if register == G0 { "ICC_EOIR0_EL1" } else { "ICC_EOIR1_EL1" };
        let place = self.in_order.pop();
        let (last, watch) = (place.map(ids::intid), &self.gic.watch);
        match last {
            None => watch.report(name, 0, self.pe, || format!("EOI of INTID {id} with nothing acknowledged; ignored")),
            Some(last) if !ends => watch.report(name, 1, self.pe, || {
                format!("EOI of INTID {id} in the wrong group's register: the last acknowledged was {last}; ignored")
            }),
            Some(last) if last != id => watch.report(name, 2, self.pe, || {
                format!("EOI of INTID {id}, but the last acknowledged was {last}; its priority is dropped, {id} is deactivated")
            }),
            _ => {}
        }
        self.in_order.extend(place.filter(|_| !ends));
    }

    /// Remembers an acknowledge; only the last few of a PE that never ends them.
    pub(super) fn remember(&mut self, place: u32) {
        const DEPTH: usize = 64;
        if self.in_order.len() == DEPTH {
            self.in_order.remove(0);
        }
        self.in_order.push(place);
    }
}
