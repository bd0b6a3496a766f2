//! What others may ask of a vCPU, or do to it, whether it runs or not: power, and coming back from `run`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync::{Attention, Reasons};

/// Where PSCI CPU_ON lets a PE begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Start {
    pub entry: u64,
    pub argument: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Power {
    /// `KVM_MP_STATE_STOPPED`.
    pub stopped: bool,
    /// It is reset before it executes again.
    pub start: Option<Start>,
}

#[derive(Default)]
struct State {
    power: Power,
    /// MPIDR_EL1's affinity fields, once it is initialised.
    mpidr: Option<u64>,
    kicked: bool,
}

pub(crate) struct Pe {
    attention: Arc<Attention>,
    state: Mutex<State>,
}

impl Pe {
    pub fn new(attention: Arc<Attention>) -> Pe {
        Pe { attention, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn attention(&self) -> Arc<Attention> {
        self.attention.clone()
    }

    pub fn initialise(&self, mpidr: u64, stopped: bool) {
        let mut state = self.lock();
        (state.mpidr, state.power) = (Some(mpidr), Power { stopped, start: None });
    }

    /// Its affinity, if it is initialised, and whether it is stopped.
    pub fn describe(&self) -> Option<(u64, bool)> {
        let state = self.lock();
        state.mpidr.map(|mpidr| (mpidr, state.power.stopped))
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().power.stopped
    }

    /// Stops it, or lets it go on where it is.
    pub fn set_stopped(&self, stopped: bool) {
        self.lock().power.stopped = stopped;
        self.attention.post(Reasons::CONTROL);
    }

    /// Switches it on; false if it is not stopped.
    pub fn start(&self, start: Start) -> bool {
        let mut state = self.lock();
        let stopped = state.power.stopped;
        if stopped {
            state.power = Power { stopped: false, start: Some(start) };
        }
        drop(state);
        self.attention.post(Reasons::CONTROL);
        stopped
    }

    /// Where it has to begin, once.
    pub fn take_start(&self) -> Option<Start> {
        self.lock().power.start.take()
    }

    /// The `run` that is under way, or else the next, returns.
    pub fn kick(&self) {
        self.lock().kicked = true;
        self.attention.post(Reasons::CONTROL);
    }

    pub fn take_kick(&self) -> bool {
        std::mem::take(&mut self.lock().kicked)
    }
}

/// Makes a `run` return from another thread, as a signal does.
#[derive(Clone)]
pub struct Kick(pub(crate) Arc<Pe>);

impl Kick {
    /// The `run` that is under way, or else the next, returns.
    pub fn kick(&self) {
        self.0.kick();
    }
}
