//! A running machine as a file, and a machine that goes on from one (docs/snapshot.md).
//!
//! Saving looks at a machine that is held: PEs are between two instructions and their CPU interfaces with the GIC. Loading
//! makes a new machine: RAM first, since tables of the GIC are in it; then the clock, which goes on from what it was;
//! then the GIC, devices, and PEs, which their threads pick up.

mod error;
mod format;
mod gic;
mod head;
mod ram;
mod registers;
mod show;

pub use error::SnapshotError;
pub(crate) use head::Power;
pub use show::{CpuSummary, Summary};

use crate::board::{Board, BoardError};
use crate::control::Control;
use crate::engine::{EngineKind, Tuning};
use crate::machine::MachineError;
use crate::map;
use crate::spec::MachineSpec;
use crate::vcpu_thread::PowerOn;
use cpu::{Examiner, VcpuState};
use devices::{Pl011State, Pl031State, VirtioPciState};
use format::{Part, Reader, Writer};
use gic::GicState;
use head::Head;
use hw::Clock;
use mem::Ram;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use sync::Reasons;

#[derive(Serialize, Deserialize)]
struct Devices {
    uart: Pl011State,
    rtc: Pl031State,
    /// By device number.
    pcie: Vec<VirtioPciState>,
}

/// A PE that has executed, or is to.
type Cpu = Option<Box<VcpuState>>;

/// What there is in a file but RAM, which is where it belongs.
pub(crate) struct Contents {
    head: Head,
    cpus: Vec<Cpu>,
    gic: GicState,
    devices: Devices,
}

/// Writes the machine, which is held, to `path`, where nothing changes unless all of it can be written. Bytes of RAM that were not zero.
pub(crate) fn save(
    path: &Path,
    spec: &MachineSpec,
    power_on: PowerOn,
    board: &Board,
    control: &Control,
    power: Vec<Power>,
) -> Result<u64, SnapshotError> {
    let shared = &board.shared;
    let gic = gic::save(&board.config, spec.gic.product, spec.gic.spis)?;
    let pcie = board.pcie.iter().flat_map(|bridge| bridge.functions()).map(|function| function.state()).collect();
    let devices = Devices { uart: board.uart.state(), rtc: board.rtc.state(), pcie };
    let cpus: Vec<Cpu> =
        (0..spec.cpus).map(|index| control.state(index).map(|it| with_event(it, board, index))).collect();
    let partial = partial(path);
    let write = || {
        let mut out = Writer::new(BufWriter::with_capacity(1 << 20, File::create(&partial)?))?;
        out.part(Part::Board, &Head::of(spec, power_on, shared.clock.now_ns(), power))?;
        out.part(Part::Cpus, &cpus)?;
        out.part(Part::Gic, &gic)?;
        out.part(Part::Devices, &devices)?;
        let bytes = ram::write(&mut out, shared.bus.ram())?;
        out.finish()?;
        std::fs::rename(&partial, path)?;
        Ok(bytes)
    };
    write().inspect_err(|_| _ = std::fs::remove_file(&partial))
}

/// An event that was sent to a PE after it had stopped.
fn with_event(mut state: Box<VcpuState>, board: &Board, index: usize) -> Box<VcpuState> {
    let attention = &board.attentions[index];
    let posted = attention.take();
    attention.post(posted);
    state.event |= posted.has(Reasons::EVENT);
    state
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn open(path: &Path) -> Result<Reader<File>, SnapshotError> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Reader::new(file, size)
}

fn contents(input: &mut Reader<File>) -> Result<Contents, SnapshotError> {
    let (head, cpus) = (input.part(Part::Board)?, input.part(Part::Cpus)?);
    Ok(Contents { head, cpus, gic: input.part(Part::Gic)?, devices: input.part(Part::Devices)? })
}

/// A machine that is being made from a file.
pub(crate) struct Loading {
    contents: Contents,
    pub spec: MachineSpec,
    pub power_on: PowerOn,
}

/// Reads `path`; RAM, and the time since which the machine's clock runs again.
pub(crate) fn read(path: &Path, engine: EngineKind, tuning: Tuning) -> Result<(Loading, Ram, Clock), MachineError> {
    let failed = |cause: SnapshotError| MachineError::Snapshot { path: path.to_owned(), cause };
    let mut input = open(path).map_err(failed)?;
    let contents = contents(&mut input).map_err(failed)?;
    let spec = contents.spec(engine, tuning).map_err(failed)?;
    let power_on = contents.head.power_on(spec.model).map_err(failed)?;
    let ram = Ram::new(map::RAM.base, spec.memory).map_err(|cause| failed(BoardError::from(cause).into()))?;
    ram::read(&mut input, &ram).map_err(failed)?;
    let clock = Clock::resume(contents.head.ns);
    Ok((Loading { contents, spec, power_on }, ram, clock))
}

impl Contents {
    /// The machine, if the PEs are ones that it can have.
    fn spec(&self, engine: EngineKind, tuning: Tuning) -> Result<MachineSpec, SnapshotError> {
        let spec = self.head.spec(engine, tuning)?;
        spec.check()?;
        self.check(&spec)?;
        Ok(spec)
    }

    fn check(&self, spec: &MachineSpec) -> Result<(), SnapshotError> {
        if self.cpus.len() != spec.cpus || self.head.power.len() != spec.cpus {
            return Err(head::content("the number of CPUs"));
        }
        let mut examiner = Examiner::new(spec.model);
        for (index, (cpu, power)) in self.cpus.iter().zip(&self.head.power).enumerate() {
            match cpu {
                Some(state) => examiner.check(state).map_err(|what| SnapshotError::Cpu { index, what })?,
                None if *power == Power::On => {
                    return Err(SnapshotError::Cpu { index, what: "it is on, and has none" });
                }
                None => {}
            }
        }
        Ok(())
    }
}

impl Loading {
    /// Everything but RAM, into a board that is at power-on.
    pub fn restore(self, board: &Board, control: &Control) -> Result<(), SnapshotError> {
        let Contents { head, cpus, gic, devices } = self.contents;
        gic::restore(&board.config, self.spec.gic.product, self.spec.gic.spis, &gic)?;
        board.uart.restore(&devices.uart);
        board.rtc.restore(&devices.rtc);
        restore_pcie(board, &devices.pcie)?;
        control.restore(&head.power, cpus);
        Ok(())
    }
}

fn restore_pcie(board: &Board, states: &[VirtioPciState]) -> Result<(), SnapshotError> {
    let content = |what| SnapshotError::Content { part: Part::Devices.name(), what };
    let functions: Vec<_> = board.pcie.iter().flat_map(|bridge| bridge.functions()).collect();
    if functions.len() != states.len() {
        return Err(content("the number of devices on PCIe"));
    }
    for (function, state) in functions.into_iter().zip(states) {
        function.restore(state).ok_or(content("a device on PCIe"))?;
    }
    board.pcie.iter().for_each(|bridge| bridge.find_claims());
    Ok(())
}
