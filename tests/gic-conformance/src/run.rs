//! Running the program, in our machine or in another emulator.

use crate::guest;
use anyhow::{Context, Result, bail};
use machine::{CharSink, EngineKind, Machine, MachineSpec, Model, Payload, Tuning};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
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

/// What the program prints in our machine with two PEs.
pub fn ours(program: Vec<u8>, engine: EngineKind) -> Result<String> {
    let spec = MachineSpec {
        cpus: 2,
        memory: 128 << 20,
        model: Model::by_name("max").context("a model of that name")?,
        engine,
        tuning: Tuning::default(),
        payload: Payload::Program(program),
        initrd: None,
        append: String::new(),
        dtb: None,
        fidelity: Default::default(),
    };
    let console = Collected::default();
    let mut machine = Machine::new(spec, Box::new(console.clone()))?;
    let stopper = machine.stopper();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if wait.recv_timeout(TIMEOUT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            stopper.stop();
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
pub fn command(program: &[u8], command: &str) -> Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(program)?;
    let path = file.path().to_str().context("a temporary path is UTF-8")?;
    let words: Vec<_> = command.split_whitespace().map(|word| word.replace("{}", path)).collect();
    let Some((name, arguments)) = words.split_first() else { bail!("the emulator's command is empty") };
    let spawned = Command::new(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("cannot run `{name}`"))?;
    let mut output = child.stdout.take().context("the output is piped")?;
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![];
        _ = output.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > TIMEOUT {
            _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = reader.join().unwrap_or_default();
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
