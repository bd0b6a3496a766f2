//! A thread that lets vCPUs look, every two milliseconds, whether a signal is pending for the thread that runs them: nothing
//! else tells that. It exists from the first `run` on, and sleeps while there is none.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use sync::{Attention, Reasons};

const PERIOD: Duration = Duration::from_millis(2);

#[derive(Default)]
struct State {
    running: Vec<Arc<Attention>>,
    quit: bool,
}

type Common = Arc<(Mutex<State>, Condvar)>;

#[derive(Default)]
pub(crate) struct Ticker {
    common: Common,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A vCPU looks from time to time until this is dropped.
pub(crate) struct Ticking<'a>(&'a Ticker, Arc<Attention>);

impl Ticker {
    pub fn tick(&self, attention: Arc<Attention>) -> Ticking<'_> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let common = self.common.clone();
            *thread = std::thread::Builder::new().name("kvm ticker".into()).spawn(move || run(&common)).ok();
        }
        self.common.0.lock().unwrap_or_else(PoisonError::into_inner).running.push(attention.clone());
        self.common.1.notify_one();
        Ticking(self, attention)
    }
}

fn run((state, changed): &(Mutex<State>, Condvar)) {
    let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
    while !guard.quit {
        guard.running.iter().for_each(|attention| attention.post(Reasons::CONTROL));
        guard = match guard.running.is_empty() {
            true => changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
            false => {
                drop(guard);
                std::thread::sleep(PERIOD);
                state.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.common.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.running.iter().position(|attention| Arc::ptr_eq(attention, &self.1)) {
            state.running.swap_remove(at);
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.common.0.lock().unwrap_or_else(PoisonError::into_inner).quit = true;
        self.common.1.notify_one();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner);
        _ = thread.take().map(JoinHandle::join);
    }
}
