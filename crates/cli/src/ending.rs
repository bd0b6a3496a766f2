//! How a run ended, and the exit status that says so.

use machine::{Ending, Stopper};
use std::sync::{Arc, Mutex, OnceLock};

/// The process's exit status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Status {
    /// The guest powered off, or `--until` was seen.
    Success = 0,
    /// The guest's own failure: `--run`'s command exited with another status than 0.
    GuestFailed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A file could not be read, fetched or loaded.
    Load = 3,
    /// The guest crashed: kernel panic, exception loop, asleep for ever.
    GuestCrashed = 4,
    /// `--timeout` passed.
    Timeout = 5,
    /// The run ended before `--until`'s pattern was seen.
    PatternNotSeen = 6,
    /// Our own failure.
    Internal = 7,
}

/// Why the host ended the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// `--until` was seen.
    PatternSeen,
    /// The kernel's panic line was seen.
    KernelPanic,
    /// `--timeout` passed.
    Timeout,
    /// Ctrl-A x, or a signal.
    UserQuit,
}

#[derive(Default)]
struct Inner {
    reason: Mutex<Option<Reason>>,
    command: Mutex<Option<i32>>,
    stopper: OnceLock<Stopper>,
}

/// What was seen of the run so far, from any thread. The first reason decides.
#[derive(Clone, Default)]
pub struct Verdict(Arc<Inner>);

impl Verdict {
    /// From now on a reason stops `stopper`'s machine; one that came earlier stops it at once.
    pub fn attach(&self, stopper: Stopper) {
        let early = lock(&self.0.reason).is_some();
        if early {
            stopper.stop();
        }
        _ = self.0.stopper.set(stopper);
    }

    /// The run ends for `reason`, unless it already has one.
    pub fn decide(&self, reason: Reason) {
        lock(&self.0.reason).get_or_insert(reason);
        if let Some(stopper) = self.0.stopper.get() {
            stopper.stop();
        }
    }

    /// `--run`'s command exited.
    pub fn command_exited(&self, status: i32) {
        *lock(&self.0.command) = Some(status);
    }

    /// The exit status, and a sentence for standard error if there is something to say.
    pub fn status(&self, ending: &Ending, until: Option<&str>, ran: bool) -> (Status, Option<String>) {
        let reason = *lock(&self.0.reason);
        let command = *lock(&self.0.command);
        match (ending, reason) {
            (Ending::Internal(why), _) => (Status::Internal, Some(format!("internal error: {why}"))),
            (Ending::Miscompiled(report), _) => (Status::Internal, Some(format!("--engine verify: {report}"))),
            (_, Some(Reason::PatternSeen)) => (Status::Success, None),
            (_, Some(Reason::KernelPanic)) => {
                (Status::GuestCrashed, Some("the guest's kernel panicked; its last lines say why".into()))
            }
            (Ending::Hung(report), _) => {
                (Status::GuestCrashed, Some(format!("the guest can never wake up again:\n{report}")))
            }
            (Ending::Lockup(report), _) => (
                Status::GuestCrashed,
                Some(format!("the guest takes one exception after another and executes nothing:\n{report}")),
            ),
            (_, Some(Reason::Timeout)) => (Status::Timeout, Some("--timeout has passed".into())),
            (_, _) if until.is_some() => {
                let pattern = until.unwrap_or_default();
                (Status::PatternNotSeen, Some(format!("the run ended, and `{pattern}` was never printed")))
            }
            (_, Some(Reason::UserQuit)) => (Status::Success, None),
            (_, None) => match command {
                Some(0) => (Status::Success, None),
                Some(status) => (Status::GuestFailed, Some(format!("the command exited with status {status}"))),
                None if ran => (Status::GuestFailed, Some("the guest powered off before the command had ended".into())),
                None => (Status::Success, None),
            },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reasons: &[Reason], command: Option<i32>, ending: Ending, until: Option<&str>, want: Status) {
        let verdict = Verdict::default();
        reasons.iter().for_each(|&r| verdict.decide(r));
        command.into_iter().for_each(|s| verdict.command_exited(s));
        assert_eq!(verdict.status(&ending, until, command.is_some()).0, want);
    }

    #[test]
    fn the_first_reason_decides() {
        use {Ending::*, Reason::*};
        check(&[], None, PowerOff, None, Status::Success);
        check(&[], None, PowerOff, Some("x"), Status::PatternNotSeen);
        check(&[PatternSeen, Timeout], None, Stopped, Some("x"), Status::Success);
        check(&[Timeout, PatternSeen], None, Stopped, Some("x"), Status::Timeout);
        check(&[KernelPanic], None, Stopped, Some("x"), Status::GuestCrashed);
        check(&[UserQuit], None, Stopped, None, Status::Success);
        check(&[], Some(0), PowerOff, None, Status::Success);
        check(&[], Some(3), PowerOff, None, Status::GuestFailed);
        check(&[], None, Hung(String::new()), Some("x"), Status::GuestCrashed);
        check(&[], None, Internal(String::new()), None, Status::Internal);
        check(&[PatternSeen], None, Miscompiled(String::new()), None, Status::Internal);
    }
}
