//! Running the `armagic` binary and looking at what it leaves.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a run of `armagic` gave.
pub struct Run {
    /// Exit status.
    pub status: i32,
    /// Standard output: the guest's console.
    pub out: String,
    /// Standard error: ours.
    pub err: String,
}

/// Runs `armagic` with `args` and no input.
pub fn armagic(args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_armagic"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the binary under test starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

impl Run {
    /// The run, if it ended with `status`; otherwise a panic that shows it.
    #[track_caller]
    pub fn ended(self, status: i32) -> Run {
        assert_eq!(self.status, status, "\n--- console\n{}\n--- stderr\n{}", tail(&self.out), self.err);
        self
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// True, with a line that says so, if this test needs the network and there shall be none.
#[allow(dead_code)] // not every test file needs the network
pub fn offline(test: &str) -> bool {
    let offline = std::env::var_os("ARMAGIC_OFFLINE").is_some_and(|v| !v.is_empty() && v != "0");
    if offline {
        println!("skipped: {test} (ARMAGIC_OFFLINE=1)");
    }
    offline
}

/// A guest whose console is typed at and read line by line.
#[allow(dead_code)] // not every test file types
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// All that was read so far.
    pub seen: String,
}

#[allow(dead_code)]
impl Session {
    /// Starts `armagic` with `args`.
    pub fn start(args: &[&str]) -> Session {
        let mut child = Command::new(env!("CARGO_BIN_EXE_armagic"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Session { child, input, output: BufReader::new(output), seen: String::new() }
    }

    /// Reads until a line ends with `text`. The guest's `--timeout` is what ends a wait in vain.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        loop {
            let mut line = Vec::new();
            let n = self.output.read_until(b'\n', &mut line).expect("readable");
            assert!(n > 0, "the console ended before `{text}`:\n{}", tail(&self.seen));
            let line = String::from_utf8_lossy(&line).into_owned();
            self.seen += &line;
            if line.trim_end().ends_with(text) {
                return;
            }
        }
    }

    /// Types `line` and return.
    pub fn type_line(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).expect("the run takes input");
    }

    /// Reads to the end of the run.
    pub fn finish(mut self) -> Run {
        drop(self.input);
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).expect("readable");
        let mut err = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("readable");
        let status = self.child.wait().expect("it ended").code().unwrap_or(-1);
        Run { status, out: self.seen + &String::from_utf8_lossy(&rest), err }
    }
}
