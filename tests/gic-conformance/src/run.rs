//! Running the program, in our machine or in another emulator.

use crate::board::LOAD;
use crate::guest::{self, States};
use anyhow::{Context, Result, bail};
use machine::{CharSink, EngineKind, Extras, Fidelity, GicChoice, Machine, MachineSpec, Model, Payload, Tuning};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a run may take.
const TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<u8>>>);

impl CharSink for Collected {
    fn write(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }
}

impl Collected {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// The raw image as an ELF file, which other emulators start at the highest level.
fn elf(program: &[u8]) -> Vec<u8> {
    const SEGMENT: usize = 0x1000;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2u16, 183].map(u16::to_le_bytes).concat()); // executable, AArch64
    file.extend(1u32.to_le_bytes());
    file.extend([LOAD, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(0u32.to_le_bytes());
    file.extend([64u16, 56, 1, 0, 0, 0].map(u16::to_le_bytes).concat());
    file.extend([1u32, 7].map(u32::to_le_bytes).concat()); // one segment, to load
    let length = program.len() as u64;
    file.extend([SEGMENT as u64, LOAD, LOAD, length, length, SEGMENT as u64].map(u64::to_le_bytes).concat());
    file.resize(SEGMENT, 0);
    file.extend(program);
    file
}

/// What the program prints in our machine: with two PEs at EL1, or one at EL3.
pub fn ours(program: Vec<u8>, states: States, engine: EngineKind, fidelity: Fidelity) -> Result<String> {
    let extras = Extras { el3: states == States::Two, el2: states == States::Two, nmi: true };
    let spec = MachineSpec {
        // From reset at EL3 every PE would run the program.
        cpus: if states == States::Two { 1 } else { 2 },
        memory: 128 << 20,
        model: Model::by_name("max").context("a model of that name")?.with(extras),
        engine,
        tuning: Tuning::default(),
        payload: Payload::Program(program),
        initrd: None,
        append: String::new(),
        dtb: None,
        devices: Vec::new(),
        gic: GicChoice { fidelity, espis: 32, eppis: 32, direct_lpis: true, ..Default::default() },
    };
    let console = Collected::default();
    let mut machine = Machine::new(spec, Box::new(console.clone()))?;
    let stopper = machine.stopper();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let output = console.clone();
    let watch = std::thread::spawn(move || {
        // At EL3 there may be nothing that the program can switch the machine off with.
        let start = Instant::now();
        while wait.recv_timeout(Duration::from_millis(10)) == Err(RecvTimeoutError::Timeout) {
            if start.elapsed() > TIMEOUT || output.text().contains(guest::END) {
                return stopper.stop();
            }
        }
    });
    let ending = machine.run()?;
    drop(done);
    _ = watch.join();
    machine.finish();
    let text = console.text();
    complete(&text).with_context(|| format!("the run ended with {ending:?}"))?;
    Ok(text)
}

/// What the program prints under `command`, in which `{}` stands for its file.
pub fn command(program: &[u8], states: States, command: &str) -> Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    match states {
        States::One => file.write_all(program)?,
        States::Two => file.write_all(&elf(program))?,
    }
    let path = file.path().to_str().context("a temporary path is UTF-8")?;
    let words: Vec<_> = command.split_whitespace().map(|word| word.replace("{}", path)).collect();
    let Some((name, arguments)) = words.split_first() else { bail!("the emulator's command is empty") };
    let spawned = Command::new(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("cannot run `{name}`"))?;
    let mut output = child.stdout.take().context("the output is piped")?;
    let console = Collected::default();
    let mut sink = console.clone();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = output.read(&mut bytes) {
            sink.write(&bytes[..n]);
        }
    });
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        // At EL3 there may be nothing that the program can switch the machine off with.
        if start.elapsed() > TIMEOUT || console.text().contains(guest::END) {
            _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    _ = reader.join();
    let text = console.text();
    complete(&text)?;
    Ok(text)
}

fn complete(text: &str) -> Result<()> {
    if text.contains(guest::END) {
        return Ok(());
    }
    let lines: Vec<_> = text.lines().collect();
    bail!("the program did not come to its end; its last lines:\n{}", lines[lines.len().saturating_sub(5)..].join("\n"))
}
