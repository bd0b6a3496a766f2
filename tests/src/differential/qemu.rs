//! User-mode QEMU as the oracle: a child process that runs batches of cases.

use super::keys;
use super::layout::{self, *};
use super::report::describe_words;
use super::runner::Runner;
use super::state::{Case, Ran};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{fs, io};

/// All that it has.
const CPU: &str = "max";

/// A running QEMU.
pub struct Qemu {
    program: PathBuf,
    runner: Runner,
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    /// Holds the runner's file while it runs.
    _dir: tempfile::TempDir,
}

impl Qemu {
    /// Starts `program` with the runner.
    pub fn start(program: &Path) -> io::Result<Qemu> {
        let runner = Runner::new();
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("runner");
        fs::write(&file, &runner.elf)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700))?; // QEMU asks for it, as execve does
        let mut child = Command::new(program)
            .args(["-cpu", CPU, "-seed", &keys::SEED.to_string()])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Ok(Qemu { program: program.to_path_buf(), runner, child, to, from, _dir: dir })
    }

    /// Runs at most `BATCH` cases; case `i` stands in slot `i`, and each begins with `memory` in scratch.
    ///
    /// Where QEMU does not live to the end, the error says which case it died of.
    pub fn run(&mut self, memory: &[u8], cases: &[Case]) -> io::Result<Vec<Ran>> {
        self.run_once(memory, cases).map_err(|error| {
            let lives = |count: &usize| {
                let ran = Qemu::start(&self.program).and_then(|mut qemu| qemu.run_once(memory, &cases[..*count]));
                ran.is_ok()
            };
            let counts: Vec<usize> = (1..=cases.len()).collect();
            match cases.get(counts.partition_point(lives)) {
                Some(case) => io::Error::other(format!("{error}, of {}", describe_words(case))),
                None => io::Error::other(format!("{error}, but not when tried again")),
            }
        })
    }

    fn run_once(&mut self, memory: &[u8], cases: &[Case]) -> io::Result<Vec<Ran>> {
        let (mut slots, mut states) = (vec![], vec![]);
        for (index, case) in cases.iter().enumerate() {
            slots.extend(self.runner.slot(index, &case.words));
            write_state(&mut states, &case.state);
        }
        slots.resize(BATCH * SLOT_SIZE as usize, 0);
        let mut input = (cases.len() as u64).to_le_bytes().to_vec();
        input.resize(input::MEMORY as usize, 0);
        input.extend(memory);
        input.extend(states);
        input.resize(input::SIZE as usize, 0);

        let mut results = vec![0; cases.len() * layout::RESULT_SIZE];
        let talk = |to: &mut ChildStdin, from: &mut ChildStdout, results: &mut [u8]| {
            to.write_all(&slots)?;
            to.write_all(&input)?;
            to.flush()?;
            from.read_exact(results)
        };
        if let Err(error) = talk(&mut self.to, &mut self.from, &mut results) {
            let status = self.child.wait()?;
            return Err(io::Error::other(format!("QEMU ended within a batch ({status}): {error}")));
        }
        Ok(results.chunks_exact(layout::RESULT_SIZE).map(read_result).collect())
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It is our child, and has nothing to save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::state::State;
    use crate::differential::witness::Witness;

    /// In a batch of NOPs, case `index` ends the process by a system call.
    #[track_caller]
    fn check(index: usize, said: &str) {
        const NOP: u32 = 0xd503_201f;
        const SVC: u32 = 0xd400_0001;
        let case = |word| {
            let mut state = State::default();
            state.x[8] = 93; // exit
            Case { row: a64::lookup(word).expect("both are in the table").info(), words: vec![word], state }
        };
        let cases: Vec<Case> = (0..100).map(|i| case(if i == index { SVC } else { NOP })).collect();
        let program = Witness::Host.fetch().unwrap_or_else(|e| panic!("{e}"));
        let error = Qemu::start(&program).and_then(|mut q| q.run(&[0; SCRATCH_SIZE as usize], &cases));
        let error = error.err().map_or("none".to_string(), |e| e.to_string());
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn what_kills_the_runner_is_named() {
        if std::env::var_os("ARMAGIC_OFFLINE").is_some_and(|v| !v.is_empty() && v != "0") {
            return println!("skipped: what_kills_the_runner_is_named (ARMAGIC_OFFLINE=1)");
        }
        check(0, "of Svc: svc #0");
        check(71, "of Svc: svc #0");
        check(100, "none");
    }
}
