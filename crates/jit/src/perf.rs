//! `--perf-map`: where compiled blocks are, so that `perf report` names the guest's addresses.
//!
//! A line per block in `/tmp/perf-PID.map`: host address, bytes, name. Where code was forgotten and other code took its
//! place there are two lines for an address, and perf takes one of them.

use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::sync::Mutex;

/// The file, shared by the vCPUs of a machine.
#[derive(Debug)]
pub struct PerfMap(Mutex<BufWriter<File>>);

impl PerfMap {
    /// A new file for this process.
    pub fn create() -> Result<PerfMap, Error> {
        let path = format!("/tmp/perf-{}.map", std::process::id());
        Ok(PerfMap(Mutex::new(BufWriter::new(File::create(path)?))))
    }

    /// The block at guest address `pc` and Exception level `el` has `size` bytes of host code at `at`.
    pub(crate) fn add(&self, at: usize, size: u64, pc: u64, el: u16) {
        let mut file = self.0.lock().expect("no code panics while it holds this lock");
        // A full disk makes a map that ends early; nothing else depends on it.
        _ = writeln!(file, "{at:x} {size:x} guest_{pc:x}_el{el}");
        _ = file.flush();
    }
}
