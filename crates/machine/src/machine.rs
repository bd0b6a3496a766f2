//! A machine from power-on to the end of its run.

use crate::board::{self, Board, BoardError, GicConfig};
use crate::control::{Control, Ending, Start};
use crate::engine::{EngineError, EngineKind, Engines, Tally, Tuning};
use crate::fdt::{self, CpuNode, FdtSpec};
use crate::handles::{Pauser, Saver, Stopper};
use crate::load::{self, LoadError, LoadRequest, Loaded, Source};
use crate::map;
use crate::snapshot::{self, SnapshotError};
use crate::spec::{MachineSpec, Payload, SpecError};
use crate::stats::Stats;
use crate::vcpu_thread::{self, PowerOn};
use cpu::{Conduit, VcpuSpec};
use devices::{CharSink, Pl011};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A machine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The specification is out of range.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The engine cannot run on this host.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The board could not be put together.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// The guest's files could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The user's device tree cannot be read.
    #[error("cannot read the device tree {}: {cause}; give a compiled blob with --dtb", path.display())]
    Dtb {
        /// The file.
        path: PathBuf,
        /// The host's words.
        cause: std::io::Error,
    },
    /// A snapshot cannot be written, or be read.
    #[error("{}: {cause}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: SnapshotError,
    },
    /// The host would not give a thread.
    #[error("cannot start a thread for {what}: {cause}; use fewer CPUs with --smp")]
    Thread {
        /// Which thread.
        what: String,
        /// The host's words.
        cause: std::io::Error,
    },
}

/// One machine: built, loaded, ready to run.
pub struct Machine {
    spec: MachineSpec,
    engines: Engines,
    board: Board,
    control: Arc<Control>,
    /// Nothing, if the machine goes on from a snapshot.
    loaded: Option<Loaded>,
    power_on: PowerOn,
    threads: Vec<JoinHandle<Tally>>,
    alarm: Option<JoinHandle<()>>,
    its: Option<gic::ItsThread>,
    late: Option<gic::LateThread>,
    input_open: Arc<AtomicBool>,
    started: Option<Instant>,
}

impl Machine {
    /// Builds the board and loads the guest. `console` gets what the guest's UART sends.
    pub fn new(spec: MachineSpec, console: Box<dyn CharSink>) -> Result<Machine, MachineError> {
        spec.check()?;
        spec.engine.check(&spec.tuning)?;
        let engines = Engines::new(&spec)?;
        let board = board::build(&spec, console)?;
        let control = Arc::new(Control::new(board.attentions.clone()));
        let loaded = load(&spec, &board)?;
        let power_on = PowerOn::of(spec.model, loaded.kind);
        let input_open = Arc::new(AtomicBool::new(true));
        let loaded = Some(loaded);
        let (threads, alarm, its, late, started) = (vec![], None, None, None, None);
        Ok(Machine { spec, engines, board, control, loaded, power_on, threads, alarm, its, late, input_open, started })
    }

    /// A machine that goes on from what `save` wrote to `path`, executing with `engine`. Nothing else is touched if it
    /// cannot.
    pub fn resume(
        path: &Path,
        engine: EngineKind,
        tuning: Tuning,
        console: Box<dyn CharSink>,
    ) -> Result<Machine, MachineError> {
        engine.check(&tuning)?;
        let (loading, ram, clock) = snapshot::read(path, engine, tuning)?;
        let (spec, power_on) = (loading.spec.clone(), loading.power_on);
        let failed = |cause| MachineError::Snapshot { path: path.to_owned(), cause };
        let engines = Engines::new(&spec)?;
        let board = board::build_around(&spec, console, ram, clock).map_err(|cause| failed(cause.into()))?;
        let control = Arc::new(Control::new(board.attentions.clone()));
        loading.restore(&board, &control).map_err(failed)?;
        let input_open = Arc::new(AtomicBool::new(true));
        let (threads, alarm, its, late, started) = (vec![], None, None, None, None);
        let loaded = None;
        Ok(Machine { spec, engines, board, control, loaded, power_on, threads, alarm, its, late, input_open, started })
    }

    /// From now on who stops the run makes the PEs hold still between two instructions, so that `save` can follow.
    pub fn hold_when_stopped(&self) {
        self.control.hold_when_stopped();
    }

    /// Writes all of the machine to `path`, after a run that was stopped by `Stopper` and is held; how many bytes of RAM.
    pub fn save(&self, path: &Path) -> Result<u64, MachineError> {
        self.saver().save_held(path)
    }

    /// The device tree the guest is given; none in a machine that goes on from a snapshot.
    pub fn dtb(&self) -> &[u8] {
        self.loaded.as_ref().map_or(&[], |loaded| &loaded.dtb_bytes)
    }

    /// The UART, for console input.
    pub fn uart(&self) -> Arc<Pl011> {
        self.board.uart.clone()
    }

    /// What the guest did with the GIC that it should not have, in `Fidelity::Strict`; each is told once.
    pub fn gic_reports(&self) -> Vec<gic::Report> {
        self.board.shared.gic.reports()
    }

    /// The calls that the GIC is configured with, also while the guest runs.
    pub fn gic_config(&self) -> GicConfig {
        self.board.config.clone()
    }

    /// Makes the PEs hold still, from elsewhere.
    pub fn pauser(&self) -> Pauser {
        Pauser(self.control.clone())
    }

    /// Ends the run from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.control.clone())
    }

    /// Saves the machine from elsewhere, also while it runs.
    pub fn saver(&self) -> Saver {
        let (spec, power_on, board, control) = (&self.spec, self.power_on, &self.board, &self.control);
        Saver { spec: spec.clone(), power_on, board: board.clone(), control: control.clone() }
    }

    /// Cleared by the console when its input has ended: then the UART can no longer wake a guest.
    pub fn input_open(&self) -> Arc<AtomicBool> {
        self.input_open.clone()
    }

    /// Runs until the guest or the host ends it; a reset ends it too, and `run` may then be called again
    /// after `reload`.
    pub fn run(&mut self) -> Result<Ending, MachineError> {
        if self.threads.is_empty() {
            self.spawn()?;
        }
        self.started.get_or_insert_with(Instant::now);
        // What goes on from a snapshot has started.
        if let Some(loaded) = &self.loaded {
            self.start(Start { entry: loaded.entry.0, argument: loaded.dtb.0 });
        }
        let (rtc, uart, input_open) = (&self.board.rtc, &self.board.uart, &self.input_open);
        let clock = self.board.shared.clock;
        let tick = || {
            rtc.poll();
            let left = rtc.deadline_ns().map(|at| at.saturating_sub(clock.now_ns()));
            left.map_or(Duration::from_secs(1), Duration::from_nanos)
        };
        let wakes = || {
            let typed = input_open.load(Ordering::Relaxed) && uart.interrupts_on_input();
            typed || rtc.deadline_ns().is_some()
        };
        Ok(self.control.wait_end(tick, wakes))
    }

    fn start(&self, start: Start) {
        if self.power_on.at_el1 && self.spec.model.el3 {
            self.board.leave_to_non_secure(&self.spec.gic);
        }
        // Without firmware of ours nobody else would switch the others on.
        let first = if self.power_on.conduit == Conduit::None { self.spec.cpus } else { 1 };
        for index in 0..first {
            // Whoever was quick to end the run may have done so by now: then nothing starts, and it has ended.
            assert!(self.control.start(index, start) || self.control.ending(), "every PE is off between runs");
        }
    }

    /// After `Ending::Reset`: devices at power-on, the guest's files loaded afresh.
    pub fn reload(&mut self) -> Result<(), MachineError> {
        self.board.reset();
        // The loader counts on RAM as at power-on.
        self.board.shared.bus.ram().clear();
        self.loaded = Some(load(&self.spec, &self.board)?);
        self.board.shared.bus.code().invalidate_all();
        Ok(())
    }

    /// Ends the vCPU threads; what they counted.
    pub fn finish(mut self) -> Stats {
        let seconds = self.started.map_or(0.0, |at| at.elapsed().as_secs_f64());
        self.control.quit();
        self.board.shared.alarms.stop();
        let counts: Vec<_> = self.threads.drain(..).filter_map(|t| t.join().ok()).collect();
        if let Some(alarm) = self.alarm.take() {
            _ = alarm.join();
        }
        (self.its, self.late) = (None, None);
        Stats::of(self.spec.engine, &counts, seconds)
    }

    fn spawn(&mut self) -> Result<(), MachineError> {
        let error = |what: String| move |cause| MachineError::Thread { what, cause };
        let shared = self.board.shared.clone();
        let alarm = std::thread::Builder::new().name("alarms".into()).spawn(move || shared.alarms.run());
        self.alarm = Some(alarm.map_err(error("timers".into()))?);
        self.its = Some(self.board.its.start().map_err(error("the ITS".into()))?);
        self.late = self.board.shared.gic.start_late().map_err(error("the GIC".into()))?;
        for index in 0..self.spec.cpus {
            let (control, shared) = (self.control.clone(), self.board.shared.clone());
            let (engines, power_on) = (self.engines.clone(), self.power_on);
            let vm = self.board.config.vm.clone();
            let spec = VcpuSpec { index, mpidr: map::affinity(index as u32), model: self.spec.model };
            let body = move || {
                // A panic here is our bug; it must end the run with a message, not leave it waiting.
                let run = || vcpu_thread::body(&control, &vm, shared.clone(), spec, power_on, &engines);
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|_| {
                    let why = format!("the thread of CPU {index} panicked; the message is above");
                    shared.peers[index].abandon();
                    control.end(Ending::Internal(why));
                    control.went_off(index);
                    control.stops_running(index);
                    Tally::default()
                })
            };
            let thread = std::thread::Builder::new().name(format!("vcpu{index}")).spawn(body);
            self.threads.push(thread.map_err(error(format!("CPU {index}")))?);
        }
        Ok(())
    }
}

fn load(spec: &MachineSpec, board: &Board) -> Result<Loaded, MachineError> {
    let blob = spec.dtb.as_deref().map(read_dtb).transpose()?;
    let dtb = |initrd| {
        let cpus = (0..spec.cpus).map(|i| CpuNode { mpidr: map::affinity(i as u32) }).collect();
        let fdt = FdtSpec {
            cpus,
            cpu_compatible: spec.model.compatible.to_owned(),
            conduit: Conduit::of(spec.model),
            has_el2: spec.model.el2,
            has_its: spec.gic.its,
            has_pcie: !spec.devices.is_empty(),
            ram_size: spec.memory,
            bootargs: Some(spec.append.clone()),
            initrd,
            kaslr_seed: None,
            rng_seed: Some(random_seed()),
        };
        match &blob {
            Some(blob) => fdt::patch(blob, &fdt),
            None => fdt::build(&fdt),
        }
    };
    let kernel = match &spec.payload {
        Payload::File(path) => Source::File(path),
        Payload::Program(bytes) => Source::Bytes { name: "embedded program", bytes },
    };
    let initrd = spec.initrd.as_deref().map(Source::File);
    Ok(load::load(&LoadRequest { kernel, initrd, dtb: &dtb }, board.shared.bus.ram())?)
}

fn read_dtb(path: &Path) -> Result<Vec<u8>, MachineError> {
    std::fs::read(path).map_err(|cause| MachineError::Dtb { path: path.to_owned(), cause })
}

/// Seed of the guest's random numbers: from the host's hash seeds, which differ from run to run.
fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    for (i, part) in seed.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&RandomState::new().hash_one(i).to_le_bytes());
    }
    seed
}
