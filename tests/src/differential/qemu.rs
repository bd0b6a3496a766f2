//! User-mode QEMU as the oracle: a child process that runs batches of cases.

use super::layout::{self, *};
use super::runner::Runner;
use super::state::{Case, Ran};
use guest::Store;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{fs, io};

/// The core that this project's default model follows.
const CPU: &str = "neoverse-n1";

/// The name of the package, and of the program in it.
const PACKAGE: &str = "qemu-user-static";
const PROGRAM: &str = "usr/bin/qemu-aarch64-static";

/// Fetches user-mode QEMU if it is not here yet; where it is.
pub fn fetch() -> Result<PathBuf, guest::GuestError> {
    Ok(Store::default_location()?.fetch_tool(PACKAGE, &mut |_| {})?.join(PROGRAM))
}

/// A running QEMU.
pub struct Qemu {
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
            .args(["-cpu", CPU])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Ok(Qemu { runner, child, to, from, _dir: dir })
    }

    /// Runs at most `BATCH` cases; case `i` stands in slot `i`, and each begins with `memory` in scratch.
    pub fn run(&mut self, memory: &[u8], cases: &[Case]) -> io::Result<Vec<Ran>> {
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
