//! What can be done with a machine from other threads, while it runs.

use crate::board::{Board, GicConfig};
use crate::control::Control;
use crate::machine::MachineError;
use crate::snapshot::{self, SnapshotError};
use crate::spec::MachineSpec;
use crate::vcpu_thread::PowerOn;
use std::path::Path;
use std::sync::Arc;

/// Ends a machine's run from another thread.
#[derive(Clone)]
pub struct Stopper(pub(crate) Arc<Control>);

impl Stopper {
    /// The run ends soon with `Ending::Stopped`.
    pub fn stop(&self) {
        self.0.stop();
    }
}

/// Makes a machine's PEs hold still, from another thread: then the configuration interface finds no vCPU busy.
#[derive(Clone)]
pub struct Pauser(pub(crate) Arc<Control>);

impl Pauser {
    /// Every PE leaves its guest before this returns, as a VMM's vCPU threads leave KVM_RUN. The guest's time goes on.
    /// False if the run ends instead.
    pub fn pause(&self) -> bool {
        self.0.pause()
    }

    /// They go on where they were.
    pub fn resume(&self) {
        self.0.resume();
    }

    /// Do they hold still, or are to; and how many are switched on?
    pub fn status(&self) -> (bool, usize) {
        self.0.status()
    }
}

/// Writes a machine to files, from another thread.
#[derive(Clone)]
pub struct Saver {
    pub(crate) spec: MachineSpec,
    pub(crate) power_on: PowerOn,
    pub(crate) board: Board,
    pub(crate) control: Arc<Control>,
}

impl Saver {
    /// What its GIC is configured through: the GIC it runs with.
    pub fn gic_config(&self) -> GicConfig {
        self.board.config.clone()
    }

    /// The same machine, as `Machine::pauser`.
    pub fn pauser(&self) -> Pauser {
        Pauser(self.control.clone())
    }

    /// Writes all of the machine to `path`, which is paused or was stopped so that it is held; how many bytes of RAM. It is
    /// still paused afterwards.
    pub fn save_held(&self, path: &Path) -> Result<u64, MachineError> {
        let Saver { spec, power_on, board, control } = self;
        let save = |power| snapshot::save(path, spec, *power_on, board, control, power);
        let saved = control.while_held(save).unwrap_or(Err(SnapshotError::NotHeld));
        saved.map_err(|cause| MachineError::Snapshot { path: path.to_owned(), cause })
    }

    /// The same of a machine that runs: its PEs hold still meanwhile, and go on. One user at a time, who has not paused it.
    pub fn save(&self, path: &Path) -> Result<u64, MachineError> {
        // Where it ends instead, there is nothing to save.
        self.control.pause();
        let saved = self.save_held(path);
        self.control.resume();
        saved
    }
}
