//! The host's terminal in raw mode, and always restored: on return, on panic, on signals.

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io::Write;
use std::sync::Mutex;

/// The settings to go back to, while raw mode is on.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode, until dropped.
pub struct RawMode(());

impl RawMode {
    /// Puts the terminal on standard input into raw mode; `None` if there is no terminal.
    pub fn enter() -> Option<RawMode> {
        let stdin = rustix::stdio::stdin();
        if !isatty(stdin) {
            return None;
        }
        let saved = tcgetattr(stdin).ok()?;
        let mut raw = saved.clone();
        raw.make_raw();
        tcsetattr(stdin, OptionalActions::Now, &raw).ok()?;
        *SAVED.lock().unwrap_or_else(|e| e.into_inner()) = Some(saved);
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            hook(info);
        }));
        Some(RawMode(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Back to the settings from before, with line wrap on and attributes reset, which guests like to change.
pub fn restore() {
    let saved = SAVED.lock().unwrap_or_else(|e| e.into_inner()).take();
    if let Some(saved) = saved {
        _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &saved);
        let mut out = std::io::stdout();
        _ = out.write_all(b"\x1b[?7h\x1b[0m").and_then(|()| out.flush());
    }
}
