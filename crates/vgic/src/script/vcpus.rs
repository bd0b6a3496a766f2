//! Threads of a script: vCPUs that are kept inside an ioctl or in KVM_RUN, and a call that waits.

use super::statement::Held;
use crate::{Refusal, Vcpu, Vm};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A vCPU whose lock a thread holds, until this is dropped.
pub(super) struct Keeper {
    pub how: Held,
    /// Line of the statement.
    pub line: u32,
    /// Dropping it lets go.
    go_on: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Returns when the lock is held, or the call was refused.
    pub fn begin(vm: &Arc<Vm>, vcpu: &Arc<Vcpu>, how: Held, line: u32) -> Result<Keeper, Refusal> {
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let (vm, vcpu) = (vm.clone(), vcpu.clone());
        let thread = thread::spawn(move || {
            let refused = match how {
                Held::Ioctl => vm.with_vcpu(&vcpu, || keep(&begun, &may_go_on)).err(),
                Held::Run => vm.run(&vcpu).map(|_running| keep(&begun, &may_go_on)).err(),
            };
            // Who began it may be gone.
            refused.map(|refusal| begun.send(Err(refusal)));
        });
        let keeper = Keeper { how, line, go_on: Some(go_on), thread: Some(thread) };
        has_begun.recv().expect("the thread says how it began")?;
        Ok(keeper)
    }
}

fn keep(begun: &Sender<Result<(), Refusal>>, may_go_on: &Receiver<()>) {
    if begun.send(Ok(())).is_ok() {
        // Ends when the other side is dropped.
        _ = may_go_on.recv();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.go_on.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the vCPU's thread does nothing that fails");
        }
    }
}

/// A call on a thread of its own.
pub(super) struct InFlight<R>(Receiver<R>);

impl<R: Send + 'static> InFlight<R> {
    pub fn begin(call: impl FnOnce() -> R + Send + 'static) -> InFlight<R> {
        let (ended, has_ended) = channel();
        thread::spawn(move || _ = ended.send(call()));
        InFlight(has_ended)
    }

    /// Its result, unless it waits for a vCPU: then itself. Those that hold vCPUs let go when the script says so, so who
    /// waits once waits for good.
    pub fn end_or_wait(self, vm: &Vm) -> Result<R, InFlight<R>> {
        loop {
            match self.0.recv_timeout(Duration::from_millis(1)) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Timeout) if vm.locks().iter().any(|lock| lock.waiting > 0) => return Err(self),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("a call does not panic"),
            }
        }
    }
}
