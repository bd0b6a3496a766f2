//! What is in a snapshot, for people.

use super::{Contents, Power, SnapshotError, contents, open, ram};
use crate::engine::{EngineKind, Tuning};
use crate::spec::MachineSpec;
use std::fmt;
use std::path::Path;

/// What is in a snapshot.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The machine.
    pub spec: MachineSpec,
    /// Its clock, in nanoseconds.
    pub ns: u64,
    /// Its PEs.
    pub cpus: Vec<CpuSummary>,
    /// Bytes of RAM in it.
    pub ram: u64,
    /// In how many runs of pages.
    pub runs: usize,
}

/// A PE in a snapshot.
#[derive(Clone, Debug)]
pub struct CpuSummary {
    /// `on`, `off`, or `starting`.
    pub power: &'static str,
    /// Where it goes on, at which Exception level, and PSTATE.DAIF.
    pub at: Option<(u64, u8, u8)>,
}

impl Summary {
    /// Reads all of the file but the contents of RAM, unless `whole`, which is then checked too.
    pub fn read(path: &Path, whole: bool) -> Result<Summary, SnapshotError> {
        let mut input = open(path)?;
        let it: Contents = contents(&mut input)?;
        let spec = it.spec(EngineKind::Interp, Tuning::default())?;
        let runs = ram::skim(&mut input, spec.memory, whole)?;
        let cpus = it.head.power.iter().zip(&it.cpus).map(|(power, state)| CpuSummary {
            power: match power {
                Power::Off => "off",
                Power::Starting(..) => "starting",
                Power::On => "on",
            },
            at: state.as_ref().filter(|_| *power == Power::On).map(|it| {
                let pstate = it.regs.pstate;
                (it.regs.pc, pstate.el, pstate.daif)
            }),
        });
        Ok(Summary { ns: it.head.ns, cpus: cpus.collect(), ram: ram::bytes(&runs), runs: runs.len(), spec })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MachineSpec { model, memory, gic, devices, append, .. } = &self.spec;
        let extras = model.extras();
        let levels = [(extras.el2, "EL2"), (extras.el3, "EL3"), (extras.nmi, "NMI")];
        let levels: String = levels.iter().filter(|it| it.0).map(|it| format!(", {}", it.1)).collect();
        writeln!(f, "model   {}{levels}", model.name)?;
        writeln!(f, "time    {:.3} s", self.ns as f64 / 1e9)?;
        writeln!(f, "RAM     {} MiB, of which {} KiB in {} runs", memory >> 20, self.ram >> 10, self.runs)?;
        writeln!(f, "GIC     {}, {} SPIs, {} ESPIs, {} EPPIs", gic.product.name(), gic.spis, gic.espis, gic.eppis)?;
        for device in devices {
            writeln!(f, "device  {}, {} vectors", device.kind.name(), device.vectors)?;
        }
        if !append.is_empty() {
            writeln!(f, "append  {append}")?;
        }
        for (index, cpu) in self.cpus.iter().enumerate() {
            write!(f, "CPU {index:<3} {}", cpu.power)?;
            match cpu.at {
                Some((pc, el, daif)) => writeln!(f, ", PC {pc:#x}, EL{el}, PSTATE.DAIF {daif:04b}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
