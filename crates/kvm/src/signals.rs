//! Signals as `KVM_RUN` has them: one that is pending makes it return, and its handler runs when it has.
//!
//! While a vCPU runs, its thread's signals wait; a handler that only sets `immediate_exit`, or does nothing, is what a VMM
//! kicks a vCPU with.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;
use vmm_sys_util::signal::get_blocked_signals;

/// What an instruction of this process itself raises cannot wait.
const SYNCHRONOUS: [Signal; 6] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGTRAP, Signal::SIGSYS];

/// The first number that is no signal of its own name.
const REAL_TIME: i32 = 32;

/// This thread's signals wait until this is dropped; those that waited before go on doing so.
pub(crate) struct Waiting {
    before: SigSet,
    /// Readable while a signal is pending that would not wait otherwise. Without it none is seen.
    pending: Option<SignalFd>,
    /// Real-time signals that waited before, which `SigSet` does not know one by one: bit n - 1 is signal n.
    real_time: u64,
}

impl Waiting {
    /// From now on.
    pub fn begin() -> Waiting {
        let blocked = get_blocked_signals().unwrap_or_default();
        let real_time =
            blocked.into_iter().filter(|n| (REAL_TIME..=64).contains(n)).fold(0, |all, n| all | 1 << (n - 1));
        let mut all = SigSet::all();
        SYNCHRONOUS.into_iter().for_each(|signal| all.remove(signal));
        let before = all.thread_swap_mask(SigmaskHow::SIG_BLOCK).unwrap_or(SigSet::empty());
        before.iter().for_each(|signal| all.remove(signal));
        let pending = SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok();
        Waiting { before, pending, real_time }
    }

    /// Does a signal wait? It goes on waiting.
    pub fn any(&self) -> bool {
        let Some(pending) = &self.pending else { return false };
        let mut fds = [PollFd::new(pending.as_fd(), PollFlags::POLLIN)];
        let any = poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
        any && (self.real_time == 0 || pending_signals().is_none_or(|signals| signals & !self.real_time != 0))
    }
}

/// This thread's and this process's, as /proc tells them.
fn pending_signals() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = |name| status.lines().find_map(|line| line.strip_prefix(name));
    let mask = |name| u64::from_str_radix(line(name)?.trim(), 16).ok();
    Some(mask("SigPnd:")? | mask("ShdPnd:")?)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Handlers run here.
        _ = self.before.thread_set_mask();
    }
}
