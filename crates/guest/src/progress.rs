//! What a fetch is doing right now, for whoever wants to show it.

use std::time::Instant;

/// One report of a fetch in progress. Reports with equal `what` belong to one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The step, as words for people: `linux-image-6.1.0-1-cloud-arm64 6.1.1-1`.
    pub what: String,
    /// Bytes so far; 0 for a step that has no bytes.
    pub bytes_done: u64,
    /// Bytes in all, where that is known before the end.
    pub bytes_total: Option<u64>,
    /// Bytes per second since the step began; 0 until there is something to divide.
    pub rate: u64,
}

/// Where reports go.
pub(crate) type Report<'a> = &'a mut dyn FnMut(Progress);

/// A step that has no bytes to count.
pub(crate) fn say(report: Report, what: impl Into<String>) {
    report(Progress { what: what.into(), bytes_done: 0, bytes_total: None, rate: 0 });
}

/// A step whose bytes are counted from its start.
pub(crate) struct Step {
    what: String,
    total: Option<u64>,
    began: Instant,
}

impl Step {
    pub(crate) fn new(what: impl Into<String>, total: Option<u64>) -> Step {
        Step { what: what.into(), total, began: Instant::now() }
    }

    /// Reports `done` bytes and the rate so far.
    pub(crate) fn at(&self, done: u64, report: Report) {
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { (done as f64 / seconds) as u64 } else { 0 };
        report(Progress { what: self.what.clone(), bytes_done: done, bytes_total: self.total, rate });
    }
}
