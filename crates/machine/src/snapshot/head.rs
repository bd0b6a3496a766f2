//! What machine a snapshot is of.

use super::SnapshotError;
use super::format::Part;
use crate::control::Start;
use crate::engine::{EngineKind, Tuning};
use crate::spec::{DeviceKind, DeviceSpec, GicChoice, MachineSpec, Payload};
use crate::vcpu_thread::PowerOn;
use cpu::{Conduit, Extras, Model};
use gic::{Fidelity, LpiCache, OnError, Product};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The board, and what it was started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    model: String,
    /// Of everything that the model says, its ID registers first of all.
    fingerprint: u32,
    /// EL2, EL3, NMI.
    extras: (bool, bool, bool),
    cpus: u64,
    memory: u64,
    gic: Gic,
    /// On PCIe: name, MSI-X vectors.
    devices: Vec<(String, u16)>,
    payload: Files,
    initrd: Option<PathBuf>,
    append: String,
    dtb: Option<PathBuf>,
    /// What the firmware is, by place in `CONDUITS`; and whether it leaves PEs at EL1.
    conduit: u8,
    at_el1: bool,
    /// The machine's clock, in nanoseconds.
    pub ns: u64,
    /// Each PE: off, on its way to (entry, argument), or on.
    pub power: Vec<Power>,
}

/// For a reset, after which the machine is loaded afresh.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Files {
    File(PathBuf),
    Program(Vec<u8>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gic {
    strict: bool,
    relaxed: Option<Duration>,
    product: String,
    spis: u32,
    espis: u32,
    eppis: u32,
    its: bool,
    direct_lpis: bool,
    /// `LpiCache::None`.
    uncached_lpis: bool,
    /// `OnError::Stall`.
    its_stalls: bool,
}

/// Is a PE on?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Power {
    Off,
    Starting(u64, u64),
    On,
}

impl Power {
    pub fn starting(start: Start) -> Power {
        Power::Starting(start.entry, start.argument)
    }
}

const CONDUITS: [Conduit; 3] = [Conduit::Hvc, Conduit::Smc, Conduit::None];

/// Of the machine's clock: 146 years. Sums with it do not overflow.
const MOST_NS: u64 = 1 << 62;
/// Of what a GIC shows late.
const MOST_LATE: Duration = Duration::from_secs(3600);

fn fingerprint(model: &Model) -> u32 {
    crc32fast::hash(format!("{model:?}").as_bytes())
}

impl Head {
    pub fn of(spec: &MachineSpec, power_on: PowerOn, ns: u64, power: Vec<Power>) -> Head {
        // The next process may be somewhere else.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let extras = spec.model.extras();
        let GicChoice { fidelity, product, spis, espis, eppis, its, direct_lpis, lpi_cache, its_errors } = spec.gic;
        let (uncached_lpis, its_stalls) = (lpi_cache == LpiCache::None, its_errors == OnError::Stall);
        let relaxed = if let Fidelity::Relaxed(late) = fidelity { Some(late) } else { None };
        let (strict, product) = (fidelity == Fidelity::Strict, product.name().to_owned());
        let conduit = CONDUITS.iter().position(|it| *it == power_on.conduit).expect("they are all there");
        Head {
            model: spec.model.name.to_owned(),
            fingerprint: fingerprint(spec.model),
            extras: (extras.el2, extras.el3, extras.nmi),
            cpus: spec.cpus as u64,
            memory: spec.memory,
            gic: Gic { strict, relaxed, product, spis, espis, eppis, its, direct_lpis, uncached_lpis, its_stalls },
            devices: spec.devices.iter().map(|it| (it.kind.name().to_owned(), it.vectors)).collect(),
            payload: match &spec.payload {
                Payload::File(path) => Files::File(absolute(path)),
                Payload::Program(bytes) => Files::Program(bytes.clone()),
            },
            initrd: spec.initrd.as_ref().map(absolute),
            append: spec.append.clone(),
            dtb: spec.dtb.as_ref().map(absolute),
            conduit: conduit as u8,
            at_el1: power_on.at_el1,
            ns,
            power,
        }
    }

    /// A machine like that, which executes with `engine`.
    pub fn spec(&self, engine: EngineKind, tuning: Tuning) -> Result<MachineSpec, SnapshotError> {
        let model = Model::by_name(&self.model).ok_or_else(|| SnapshotError::Model(self.model.clone()))?;
        let (el2, el3, nmi) = self.extras;
        let model = model.with(Extras { el2, el3, nmi });
        if fingerprint(model) != self.fingerprint {
            return Err(SnapshotError::ModelChanged(self.model.clone()));
        }
        if self.ns > MOST_NS {
            return Err(content("the machine's clock"));
        }
        if self.gic.relaxed.is_some_and(|late| late > MOST_LATE) {
            return Err(content("how late the GIC is"));
        }
        let fidelity = match (self.gic.strict, self.gic.relaxed) {
            (true, _) => Fidelity::Strict,
            (_, Some(late)) => Fidelity::Relaxed(late),
            _ => Fidelity::Fast,
        };
        let device = |(name, vectors): &(String, u16)| {
            let kind = DeviceKind::ALL.into_iter().find(|kind| kind.name() == name)?;
            Some(DeviceSpec { kind, vectors: *vectors })
        };
        let devices = self.devices.iter().map(device).collect::<Option<_>>();
        let product = Product::ALL.into_iter().find(|it| it.name() == self.gic.product);
        let Gic { spis, espis, eppis, its, direct_lpis, uncached_lpis, its_stalls, .. } = self.gic;
        Ok(MachineSpec {
            cpus: usize::try_from(self.cpus).unwrap_or(usize::MAX),
            memory: self.memory,
            model,
            engine,
            tuning,
            gic: GicChoice {
                fidelity,
                product: product.ok_or(content("the GIC's product"))?,
                spis,
                espis,
                eppis,
                its,
                direct_lpis,
                lpi_cache: if uncached_lpis { LpiCache::None } else { LpiCache::Full },
                its_errors: if its_stalls { OnError::Stall } else { OnError::Skip },
            },
            devices: devices.ok_or(content("a device on PCIe"))?,
            payload: match &self.payload {
                Files::File(path) => Payload::File(path.clone()),
                Files::Program(bytes) => Payload::Program(bytes.clone()),
            },
            initrd: self.initrd.clone(),
            append: self.append.clone(),
            dtb: self.dtb.clone(),
        })
    }

    pub fn power_on(&self, model: &Model) -> Result<PowerOn, SnapshotError> {
        let conduit = CONDUITS.get(usize::from(self.conduit)).copied();
        let own_or_there = |it: &Conduit| *it == Conduit::None || *it == Conduit::of(model);
        let conduit = conduit.filter(own_or_there).ok_or(content("the firmware"))?;
        Ok(PowerOn { conduit, at_el1: self.at_el1 })
    }
}

pub(super) fn content(what: &'static str) -> SnapshotError {
    SnapshotError::Content { part: Part::Board.name(), what }
}
