//! Effects that come late, in `Fidelity::Relaxed`: what RWP tells of is done when RWP reads 0, and not before; and what a PE
//! writes is on its way for a while (`posted`).
//!
//! A disabled interrupt, a closed group and LPIs that are switched off read as they were written at once, and are still
//! delivered for a while; DS, E1NWF and DPG read as they were written, and apply a while later. A thread
//! (`Gic::start_late`) brings the effect when its time has come, or who reads RWP as 0.
//!
//! Who brings something holds `bringing` while it comes, so that who finds nothing waiting finds it there.

use crate::fidelity::{Delayed, Fidelity};
use crate::posted::{Posted, Underway};
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
    /// GICD_CTLR's group enables that are 0, DS and E1NWF.
    Control,
    /// GICR_CTLR.EnableLPIs of a PE.
    StopLpis(usize),
    /// GICR_CTLR.DPG of a PE.
    Decline(usize),
}

/// What is to come. Not used but in `Fidelity::Relaxed`.
#[derive(Default)]
pub(crate) struct Queue {
    /// Before `waiting`, and before whatever an effect or a write takes.
    bringing: Mutex<()>,
    /// Nothing else is taken while it is held.
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
pub(crate) struct Waiting {
    /// In their order, and when, in ns as `Watch` counts them.
    effects: VecDeque<(u64, Late)>,
    pub underway: Underway,
    stopping: bool,
}

const PANIC: &str = "no code panics while it holds this lock";

impl Queue {
    pub fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect(PANIC)
    }

    fn bring(&self) -> MutexGuard<'_, ()> {
        self.bringing.lock().expect(PANIC)
    }
}

impl Waiting {
    /// When the next comes.
    fn next(&self) -> Option<u64> {
        let effect = self.effects.front().map(|(until, _)| *until);
        [effect, self.underway.next()].into_iter().flatten().min()
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

    /// A write is on its way from now on.
    pub(crate) fn sends(&self, write: Posted) {
        let mut waiting = self.late.lock();
        // Else the thread wakes no later than this arrives.
        let is_first = waiting.underway.is_empty();
        waiting.underway.push(self.watch.arrival_ns(), write);
        drop(waiting);
        if is_first {
            self.late.bell.notify_all();
        }
    }

    /// Writes arrive that are `wanted`, and those that come before.
    pub(crate) fn complete(&self, wanted: impl Fn(u64, &Posted) -> bool) {
        if self.is_relaxed() {
            let _bringing = self.late.bring();
            let writes = self.late.lock().underway.take(wanted);
            writes.iter().for_each(Posted::arrive);
        }
    }

    /// Does RWP read 1? If not, what it tells of is done.
    pub(crate) fn is_pending(&self, what: Delayed) -> bool {
        let busy = self.watch.is_busy(what);
        if !busy && self.is_relaxed() {
            self.bring_effects(self.watch.now_ns());
        }
        busy
    }

    /// Effects that are to come by a time come now.
    fn bring_effects(&self, by: u64) {
        let _bringing = self.late.bring();
        let next = || {
            let effects = &mut self.late.lock().effects;
            let due = effects.front().is_some_and(|(until, _)| *until <= by);
            if due { effects.pop_front() } else { None }
        };
        while let Some((_, effect)) = next() {
            match effect {
                Late::Disable { pe, place } => self.state.update(pe, place, |word| {
                    if word.leaving() { word.with_enabled(false).with_leaving(false) } else { word }
                }),
                Late::Control => self.state.settle_control(),
                Late::StopLpis(pe) => self.finish_stopping(pe),
                Late::Decline(pe) => self.state.settle_declined(pe),
            }
        }
    }

    /// Everything is done that any PE has asked for. Only while all vCPUs are stopped.
    pub(crate) fn complete_everything(&self) {
        if self.is_relaxed() {
            self.complete_all();
            self.bring_effects(u64::MAX);
        }
    }

    /// The same, and nothing is under way any more: for who saves or restores the state.
    pub fn settle(&self) {
        self.complete_everything();
        self.watch.settle();
    }

    /// Nothing is to come any more. Only while all vCPUs are stopped.
    pub(crate) fn reset_late(&self) {
        let _bringing = self.late.bring();
        let mut waiting = self.late.lock();
        waiting.effects.clear();
        waiting.underway.clear();
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
        let mut waiting = self.late.lock();
        while !waiting.stopping {
            let now = self.watch.now_ns();
            waiting = match waiting.next().map(|next| next.saturating_sub(now)) {
                Some(0) => {
                    drop(waiting);
                    self.complete(|until, _| until <= now);
                    self.bring_effects(now);
                    self.late.lock()
                }
                Some(ns) => self.late.bell.wait_timeout(waiting, Duration::from_nanos(ns)).expect(PANIC).0,
                None => self.late.bell.wait(waiting).expect(PANIC),
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
