//! Effects that come late, in `Fidelity::Relaxed`: what RWP tells of is done when RWP reads 0, and not before.
//!
//! A disabled interrupt, a closed group and LPIs that are switched off read as they were written at once, and are still
//! delivered for a while. A thread (`Gic::start_late`) brings the effect when its time has come, or who reads RWP as 0.

use crate::fidelity::{Delayed, Fidelity};
use crate::prim::{Condvar, Mutex, MutexGuard};
use crate::wires::Gic;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

/// An effect that is to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Late {
    /// GICx_ICENABLER of the interrupt at a place, of a PE if it is private.
    Disable { pe: usize, place: u32 },
    /// GICD_CTLR's group enables that are 0.
    CloseGroups,
    /// GICR_CTLR.EnableLPIs of a PE.
    StopLpis(usize),
}

/// The effects that are to come, in their order. Not used but in `Fidelity::Relaxed`.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// When, in ns as `Watch` counts them.
    effects: VecDeque<(u64, Late)>,
    stopping: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no code panics while it holds this lock")
    }
}

impl Gic {
    pub(crate) fn is_relaxed(&self) -> bool {
        matches!(self.features.fidelity, Fidelity::Relaxed(_))
    }

    /// These effects come late, and `what` tells until when.
    pub(crate) fn later(&self, what: Delayed, effects: impl IntoIterator<Item = Late>) {
        let mut waiting = self.late.lock();
        // Under the lock, so that the queue is in the order of time.
        self.watch.begin(what);
        let until = self.watch.until_ns(what);
        waiting.effects.extend(effects.into_iter().map(|effect| (until, effect)));
        drop(waiting);
        self.late.bell.notify_all();
    }

    /// Does RWP read 1? If not, what it tells of is done.
    pub(crate) fn is_pending(&self, what: Delayed) -> bool {
        let busy = self.watch.is_busy(what);
        if !busy && self.is_relaxed() {
            let mut waiting = self.late.lock();
            while self.take_effect(&mut waiting).is_none() {}
        }
        busy
    }

    /// The next effect, if it is due, comes now; otherwise in how many ns the next one is. With the lock held, so that
    /// who finds the queue empty finds the effects there.
    fn take_effect(&self, waiting: &mut Waiting) -> Option<Option<u64>> {
        let Some((until, effect)) = waiting.effects.front().copied() else { return Some(None) };
        let left = until.saturating_sub(self.watch.now_ns());
        if left != 0 {
            return Some(Some(left));
        }
        waiting.effects.pop_front();
        match effect {
            Late::Disable { pe, place } => self.state.update(pe, place, |word| {
                if word.leaving() { word.with_enabled(false).with_leaving(false) } else { word }
            }),
            Late::CloseGroups => self.state.close_groups(),
            Late::StopLpis(pe) => self.finish_stopping(pe),
        }
        None
    }

    /// Nothing is to come any more. Only while all vCPUs are stopped.
    pub(crate) fn reset_late(&self) {
        self.late.lock().effects.clear();
    }

    /// Starts the thread that brings late effects, until the handle is dropped; none where there are no such effects.
    pub fn start_late(self: &Arc<Self>) -> io::Result<Option<LateThread>> {
        if !self.is_relaxed() {
            return Ok(None);
        }
        let gic = self.clone();
        let thread = thread::Builder::new().name("gic".into()).spawn(move || gic.bring())?;
        Ok(Some(LateThread { gic: self.clone(), thread: Some(thread) }))
    }

    fn bring(&self) {
        const PANIC: &str = "no code panics while it holds this lock";
        let mut waiting = self.late.lock();
        while !waiting.stopping {
            waiting = match self.take_effect(&mut waiting) {
                None => waiting,
                Some(None) => self.late.bell.wait(waiting).expect(PANIC),
                Some(Some(ns)) => self.late.bell.wait_timeout(waiting, Duration::from_nanos(ns)).expect(PANIC).0,
            };
        }
        waiting.stopping = false;
    }
}

/// The thread that brings late effects. Dropped, it ends.
pub struct LateThread {
    gic: Arc<Gic>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for LateThread {
    fn drop(&mut self) {
        self.gic.late.lock().stopping = true;
        self.gic.late.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
