//! Who executes guest code, and who needs that nobody does.
//!
//! A vCPU passes the gate each time before its engine runs, and again afterwards. Who changes guest memory closes it, makes
//! every vCPU come out, and works.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use sync::{Attention, Reasons};

#[derive(Default)]
struct State {
    /// vCPUs whose engine runs.
    inside: usize,
    /// Those that want nobody to be inside.
    closing: usize,
}

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// The engine may run until this is dropped.
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds this lock")
    }

    /// Waits while it is closed.
    pub fn enter(&self) -> Inside<'_> {
        let mut state = self.lock();
        while state.closing > 0 {
            state = self.changed.wait(state).expect("see lock");
        }
        state.inside += 1;
        Inside(self)
    }

    /// Does `work` while nobody is inside. `attentions` are of all who may be.
    pub fn closed<R>(&self, attentions: impl Iterator<Item = Arc<Attention>>, work: impl FnOnce() -> R) -> R {
        let mut state = self.lock();
        // Before anybody is told to come out: who does finds it closed.
        state.closing += 1;
        drop(state);
        attentions.for_each(|attention| attention.post(Reasons::CONTROL));
        state = self.lock();
        while state.inside > 0 {
            state = self.changed.wait(state).expect("see lock");
        }
        let done = work();
        state.closing -= 1;
        drop(state);
        self.changed.notify_all();
        done
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.inside -= 1;
        if state.inside == 0 {
            self.0.changed.notify_all();
        }
    }
}
