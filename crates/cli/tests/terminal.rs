//! The console on a real terminal: the hint, the keys that are ours, and the terminal given back as it was.

use rustix::fd::OwnedFd;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A terminal with `armagic` on it.
struct Terminal {
    ours: File,
    guest_side: OwnedFd,
    child: Child,
    seen: String,
}

impl Terminal {
    fn start(args: &[&str]) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&ours).expect("ours");
        unlockpt(&ours).expect("ours");
        let name = ptsname(&ours, Vec::new()).expect("it has a name");
        let open =
            || File::options().read(true).write(true).open(name.to_str().expect("a path")).expect("the other side");
        let child = Command::new(env!("CARGO_BIN_EXE_armagic"))
            .args(args)
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .expect("the binary under test starts");
        let guest_side = open().into();
        Terminal { ours: ours.into(), guest_side, child, seen: String::new() }
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.guest_side).expect("a terminal").local_modes.contains(LocalModes::ECHO)
    }

    /// Reads until `text` was printed. The guest prints or the test's own time limit ends it.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let mut buffer = [0; 256];
        while !self.seen.contains(text) {
            let n = self.ours.read(&mut buffer).unwrap_or(0);
            assert!(n > 0, "no `{text}` in {}", self.seen);
            self.seen += &String::from_utf8_lossy(&buffer[..n]);
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.ours.write_all(keys).expect("the terminal takes keys");
    }

    #[track_caller]
    fn ended(&mut self) -> Option<i32> {
        let limit = Instant::now() + Duration::from_secs(20);
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        _ = self.child.kill();
        panic!("still running: {}", self.seen)
    }
}

/// A program that loops for ever: `b .`
fn endless() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&0x1400_0000u32.to_le_bytes()).expect("written");
    file
}

#[test]
fn ctrl_a_x_quits_and_the_terminal_is_restored() {
    let program = endless();
    let mut terminal = Terminal::start(&["boot", "--kernel", program.path().to_str().unwrap(), "--timeout", "60"]);
    terminal.wait_for("Ctrl-A x quits");
    assert!(!terminal.echoes(), "raw mode");
    terminal.press(b"\x01h");
    terminal.wait_for("Ctrl-A Ctrl-A");
    terminal.press(b"\x01x");
    assert_eq!(terminal.ended(), Some(0));
    assert!(terminal.echoes(), "as it was");
}

#[test]
fn a_run_that_is_ended_before_it_begins_ends() {
    let program = endless();
    for _ in 0..10 {
        let mut terminal = Terminal::start(&["boot", "--kernel", program.path().to_str().unwrap(), "--timeout", "60"]);
        terminal.wait_for("Ctrl-A x quits");
        // Before the vCPUs' threads are there, or thereabouts.
        terminal.press(b"\x01x");
        assert_eq!(terminal.ended(), Some(0));
    }
}

#[test]
fn stages_are_told_with_times() {
    let mut terminal = Terminal::start(&["demo", "--smp", "1", "--timeout", "60"]);
    for stage in ["s] loading", "s] kernel entry", "s] first console byte", "DEMO-OK"] {
        terminal.wait_for(stage);
    }
    assert_eq!(terminal.ended(), Some(0));
    assert!(terminal.echoes(), "as it was");
}

#[test]
fn the_terminal_is_restored_after_a_signal() {
    let program = endless();
    let mut terminal = Terminal::start(&["boot", "--kernel", program.path().to_str().unwrap(), "--timeout", "60"]);
    terminal.wait_for("Ctrl-A x quits");
    let pid = terminal.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(terminal.ended(), Some(0));
    assert!(terminal.echoes(), "as it was");
}
