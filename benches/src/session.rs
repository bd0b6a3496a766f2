//! One run of an emulator: its console with times, its CPU time, its end.
//!
//! Whatever happens the run ends: it has a limit, and is killed if it outlives it.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde::Deserialize;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Given to `armagic --timeout`, where a measurement has no limit of its own.
const LIMIT: Duration = Duration::from_secs(180);
/// How much longer than `LIMIT` a run may last before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A process while it runs.
pub struct Session {
    child: Child,
    out: ChildStdout,
    errors: JoinHandle<String>,
    started: Instant,
    /// The console so far.
    pub seen: String,
    /// Dropping it calls the watchdog off.
    _watchdog: Sender<()>,
}

/// How a run ended.
pub struct Run {
    /// Its exit status; -1 where a signal ended it.
    pub status: i32,
    /// The console.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// From before the process existed to its end.
    pub wall: Duration,
    /// User and system time of all threads.
    pub cpu: Duration,
}

/// What `--stats json` prints, as far as it is used here.
#[derive(Deserialize)]
pub struct Stats {
    /// From the first guest instruction to the end.
    pub seconds: f64,
    /// Guest instructions.
    pub instructions: u64,
    /// Millions of them in a second.
    pub mips: f64,
    /// Instruction words that no row of the table has, with how often they were executed.
    pub unallocated: serde_json::Map<String, serde_json::Value>,
}

impl Session {
    /// Starts `armagic boot` with `args`; its input is a pipe that is kept open.
    pub fn boot<S: AsRef<str>>(armagic: &Path, args: impl IntoIterator<Item = S>) -> Result<Session> {
        let mut command = Command::new(armagic);
        command.args(["boot", "--timeout", &LIMIT.as_secs().to_string(), "--stats", "json", "--tune", "count=0"]);
        command.args(args.into_iter().map(|a| a.as_ref().to_owned()));
        Session::start(command, LIMIT + GRACE)
    }

    /// Starts any program whose standard output is a console; it is killed after `limit`.
    pub fn start(mut command: Command, limit: Duration) -> Result<Session> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let out = child.stdout.take().expect("piped");
        let mut err = child.stderr.take().expect("piped");
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            _ = err.read_to_end(&mut text); // what came before an error is all there is
            String::from_utf8_lossy(&text).into_owned()
        });
        let (_watchdog, called_off) = channel::<()>();
        let pid = Pid::from_child(&child);
        thread::spawn(move || {
            if called_off.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                _ = kill_process(pid, Signal::KILL);
            }
        });
        Ok(Session { child, out, errors, started, seen: String::new(), _watchdog })
    }

    /// Reads until the console has shown `text`; the time since the start. `None`: it ended before.
    pub fn wait_for(&mut self, text: &str) -> Result<Option<Duration>> {
        let from = self.seen.floor_char_boundary(self.seen.len().saturating_sub(text.len()));
        let mut buffer = [0; 4096];
        loop {
            let n = self.out.read(&mut buffer).context("cannot read the console")?;
            let now = self.started.elapsed();
            // Whole characters only matter to people, who read this in logs.
            self.seen += &String::from_utf8_lossy(&buffer[..n]);
            if self.seen[from..].contains(text) {
                return Ok(Some(now));
            }
            if n == 0 {
                return Ok(None);
            }
        }
    }

    /// As `wait_for`, where going without is an error.
    pub fn expect(&mut self, text: &str) -> Result<Duration> {
        match self.wait_for(text)? {
            Some(at) => Ok(at),
            None => bail!("the run ended before it printed {text:?}; its console was:\n{}", self.seen),
        }
    }

    /// Types `line` and return.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().expect("piped");
        input.write_all(format!("{line}\n").as_bytes()).context("the run takes no input")
    }

    /// A file of `/proc/PID`.
    pub fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// User and system time of all threads so far.
    pub fn cpu(&self) -> Result<Duration> {
        // In fields 14 and 15, counted from 1; the second is a name in parentheses that may contain anything.
        let stat = self.proc("stat")?;
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Reads to the end of the run.
    pub fn finish(mut self) -> Result<Run> {
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).context("cannot read the console")?;
        let child = Pid::from_child(&self.child);
        waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            .context("cannot wait for the end of the run")?;
        let (wall, cpu) = (self.started.elapsed(), self.cpu()?);
        let status = self.child.wait().context("cannot wait for the end of the run")?.code().unwrap_or(-1);
        let err = self.errors.join().expect("reading does not panic");
        let out = std::mem::take(&mut self.seen) + &String::from_utf8_lossy(&rest);
        Ok(Run { status, out, err, wall, cpu })
    }
}

impl Run {
    /// What `--stats json` printed.
    pub fn stats(&self) -> Result<Stats> {
        let json = self.err.lines().rev().find(|l| l.starts_with('{')).context("armagic printed no statistics")?;
        serde_json::from_str(json).with_context(|| format!("armagic's statistics are not as expected: {json}"))
    }
}
