//! The guest's console on the host: output, what is watched for in it, and keyboard input.

use crate::ending::{Reason, Verdict};
use crate::terminal::RawMode;
use machine::{CharSink, Pl011};
use std::io::{IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The key that the console keeps for itself: Ctrl-A.
const ESCAPE: u8 = 1;

/// What a Linux kernel prints before it gives up.
const PANIC: &[u8] = b"Kernel panic - not syncing";

/// The guest's output: passed on, and watched line by line.
pub struct Output {
    verdict: Verdict,
    until: Vec<u8>,
    line: Vec<u8>,
    marks: Marks,
}

/// Milestones of the run, told to the user once each.
pub struct Marks {
    on: bool,
    start: Instant,
    first_byte: bool,
    userspace: bool,
}

impl Marks {
    /// Marks on standard error if that is a terminal; times count from `start`.
    pub fn new(start: Instant) -> Marks {
        Marks { on: std::io::stderr().is_terminal(), start, first_byte: false, userspace: false }
    }

    /// Prints one stage line.
    pub fn say(&self, what: &str) {
        if self.on {
            eprint!("[{:8.3} s] {what}\r\n", self.start.elapsed().as_secs_f64());
        }
    }
}

impl Output {
    /// Output that reports what it sees to `verdict`. `until` may be empty: nothing is waited for.
    pub fn new(verdict: Verdict, until: Option<&str>, marks: Marks) -> Output {
        Output { verdict, until: until.unwrap_or_default().as_bytes().to_vec(), line: Vec::new(), marks }
    }

    fn watch(&mut self, byte: u8) {
        if byte == b'\n' {
            // Marks stand between the guest's lines, not in them.
            if self.line.trim_ascii_end().ends_with(guest::BOOT_OK.as_bytes())
                && !std::mem::replace(&mut self.marks.userspace, true)
            {
                self.marks.say("userspace");
            }
            self.line.clear();
            return;
        }
        // A guest without line ends must not grow our memory.
        const LONGEST: usize = 4096;
        if self.line.len() >= LONGEST {
            self.line.drain(..LONGEST / 2);
        }
        self.line.push(byte);
        if !self.until.is_empty() && self.line.ends_with(&self.until) {
            self.verdict.decide(Reason::PatternSeen);
        }
        if self.line.ends_with(PANIC) {
            self.verdict.decide(Reason::KernelPanic);
        }
        if byte == b'\r'
            && let Some(status) = exit_line(&self.line)
        {
            self.verdict.command_exited(status);
        }
    }
}

/// The status in a line that the initramfs prints after `--run`'s command.
fn exit_line(line: &[u8]) -> Option<i32> {
    let line = std::str::from_utf8(line).ok()?.trim();
    line.strip_prefix(guest::EXIT_LINE)?.trim().parse().ok()
}

impl CharSink for Output {
    fn write(&mut self, bytes: &[u8]) {
        if !std::mem::replace(&mut self.marks.first_byte, true) {
            self.marks.say("first console byte");
        }
        let mut out = std::io::stdout().lock();
        // A closed pipe is the reader's choice; the guest goes on.
        _ = out.write_all(bytes).and_then(|()| out.flush());
        drop(out);
        bytes.iter().for_each(|&b| self.watch(b));
    }
}

/// Reads standard input for the guest on a thread of its own, until it ends or the process does.
pub fn spawn_input(uart: Arc<Pl011>, open: Arc<AtomicBool>, verdict: Verdict) -> Option<RawMode> {
    let raw = RawMode::enter();
    let interactive = raw.is_some();
    if interactive {
        eprint!("armagic: Ctrl-A x quits, Ctrl-A h helps\r\n");
    }
    let body = move || {
        if !interactive {
            wait_for_reader(&uart);
        }
        let mut escape = interactive.then_some(false);
        let mut buffer = [0; 256];
        while let Ok(n @ 1..) = std::io::stdin().read(&mut buffer) {
            for &byte in &buffer[..n] {
                match filter(&mut escape, byte) {
                    Key::Send(byte) => send(&uart, byte),
                    Key::Nothing => {}
                    Key::Quit => verdict.decide(Reason::UserQuit),
                    Key::Help => eprint!(
                        "\r\nCtrl-A x  quit\r\nCtrl-A h  this help\r\nCtrl-A Ctrl-A  send Ctrl-A to the guest\r\n"
                    ),
                }
            }
        }
        open.store(false, Ordering::Relaxed);
    };
    // Without the thread there is no input; the guest still runs.
    _ = std::thread::Builder::new().name("console".into()).spawn(body);
    raw
}

/// Piped input waits until the guest listens: a driver that resets the UART would lose it.
fn wait_for_reader(uart: &Pl011) {
    while !uart.interrupts_on_input() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(uart: &Pl011, byte: u8) {
    while uart.receive(&[byte]) == 0 {
        uart.wait_room(Duration::from_secs(1));
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Key {
    Send(u8),
    Nothing,
    Quit,
    Help,
}

/// `escape`: None when nothing is special, else whether the last key was Ctrl-A.
fn filter(escape: &mut Option<bool>, byte: u8) -> Key {
    match escape {
        None => Key::Send(byte),
        Some(seen @ false) if byte == ESCAPE => {
            *seen = true;
            Key::Nothing
        }
        Some(false) => Key::Send(byte),
        Some(seen) => {
            *seen = false;
            match byte {
                b'x' | b'X' => Key::Quit,
                b'h' | b'H' | b'?' => Key::Help,
                ESCAPE => Key::Send(ESCAPE),
                _ => Key::Nothing,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[u8], want: &[Key]) {
        let mut escape = Some(false);
        let got: Vec<Key> = keys.iter().map(|&k| filter(&mut escape, k)).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn ctrl_a_is_ours() {
        check(b"a\x01x", &[Key::Send(b'a'), Key::Nothing, Key::Quit]);
        check(b"\x01\x01x", &[Key::Nothing, Key::Send(1), Key::Send(b'x')]);
        check(b"\x01h\x01q", &[Key::Nothing, Key::Help, Key::Nothing, Key::Nothing]);
    }

    #[test]
    fn pipes_have_no_escape() {
        assert_eq!(filter(&mut None, ESCAPE), Key::Send(ESCAPE));
    }

    #[test]
    fn exit_lines() {
        assert_eq!(exit_line(format!("{} 3\r", guest::EXIT_LINE).as_bytes()), Some(3));
        assert_eq!(exit_line(b"# echo 3\r"), None);
    }
}
