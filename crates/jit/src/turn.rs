//! One vCPU executes at a time, in turn: what is executed twice must find memory the same.

use cpu::Vcpu;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use sync::{Attention, Reasons};

/// The turn, shared by the vCPUs of a machine.
#[derive(Default)]
pub struct Turn {
    line: Mutex<Line>,
    moved: Condvar,
}

/// Who waits has a ticket.
#[derive(Default)]
struct Line {
    next_ticket: u64,
    serving: u64,
    holder: Option<Arc<Attention>>,
}

/// It is this vCPU's turn, until dropped.
pub(crate) struct Held(Arc<Turn>);

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn")
    }
}

impl Turn {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().expect("no code panics while it holds this lock")
    }

    /// Waits until it is the turn of `cpu`, which executes nothing meanwhile.
    pub(crate) fn take(self: &Arc<Turn>, cpu: &mut Vcpu) -> Held {
        // How long a vCPU may go on without a look at its attention word, when others wait.
        const PATIENCE: Duration = Duration::from_millis(1);
        let mut line = self.lock();
        let ticket = line.next_ticket;
        line.next_ticket += 1;
        if line.serving != ticket {
            cpu.park();
            while line.serving != ticket {
                let (again, timeout) = self.moved.wait_timeout(line, PATIENCE).expect("see `lock`");
                line = again;
                if timeout.timed_out()
                    && let Some(holder) = &line.holder
                {
                    // It may spin, in compiled code, for something that another does. There need not be an interrupt.
                    holder.post(Reasons::INTERRUPT);
                }
            }
            line.holder = Some(cpu.attention.clone());
            drop(line);
            cpu.unpark();
        } else {
            line.holder = Some(cpu.attention.clone());
        }
        Held(self.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut line = self.0.lock();
        line.serving += 1;
        line.holder = None;
        self.0.moved.notify_all();
    }
}
