//! What was measured: samples by CPU model, row and emulator, kept as JSON.

use anyhow::{Context, Result};
use armagic_benches::figures::{Host, host, median, range};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// All samples.
#[derive(Serialize, Deserialize)]
pub struct Results {
    /// Seconds since 1970 when measuring began.
    pub time: u64,
    /// Where.
    pub host: Host,
    /// Names in the order of columns; ours is the first.
    pub emulators: Vec<String>,
    /// In the order of measuring.
    pub rows: Vec<Row>,
}

/// One row on one CPU model.
#[derive(Serialize, Deserialize, Clone)]
pub struct Row {
    /// The model.
    pub cpu: String,
    /// The row's name.
    pub name: String,
    /// Nanoseconds of a round, by emulator, in the order of runs.
    pub ns: BTreeMap<String, Vec<f64>>,
    /// The same natively, where the row is a program that the host can run.
    pub native: Vec<f64>,
    /// What the work came to.
    pub checksum: u64,
}

/// A median with the smallest and the largest.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of `samples`, if there are any.
    pub fn of(samples: &[f64]) -> Option<Spread> {
        let (min, max) = range(samples);
        (!samples.is_empty()).then(|| Spread { median: median(samples), min, max })
    }
}

impl Row {
    /// The samples of one emulator.
    pub fn of(&self, emulator: &str) -> &[f64] {
        self.ns.get(emulator).map_or(&[], Vec::as_slice)
    }

    /// How many times longer than ours another takes: of medians, and the range of runs side by side.
    pub fn times_ours(&self, ours: &str, other: &str) -> Option<Spread> {
        let (ours, other) = (self.of(ours), self.of(other));
        let pairs: Vec<f64> = ours.iter().zip(other).map(|(a, b)| b / a).collect();
        let (min, max) = range(&pairs);
        (!pairs.is_empty()).then(|| Spread { median: median(other) / median(ours), min, max })
    }

    /// How many times longer than native code ours takes.
    pub fn slowdown(&self, ours: &str) -> Option<f64> {
        (!self.native.is_empty() && !self.of(ours).is_empty()).then(|| median(self.of(ours)) / median(&self.native))
    }
}

impl Results {
    /// Nothing yet, here and now.
    pub fn new() -> Results {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Results { time: now.map_or(0, |d| d.as_secs()), host: host(), emulators: vec![], rows: vec![] }
    }

    /// What `save` wrote.
    pub fn load(path: &Path) -> Result<Results> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is of another version", path.display()))
    }

    /// As JSON.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).expect("plain numbers and strings");
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Puts `row` where the row of that name was, or at the end.
    pub fn put(&mut self, row: Row) {
        match self.rows.iter_mut().find(|r| r.cpu == row.cpu && r.name == row.name) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
    }

    /// CPU models, in the order of measuring.
    pub fn cpus(&self) -> Vec<String> {
        let mut cpus: Vec<String> = vec![];
        for row in &self.rows {
            if !cpus.contains(&row.cpu) {
                cpus.push(row.cpu.clone());
            }
        }
        cpus
    }

    /// The row, if it was measured.
    pub fn row(&self, cpu: &str, name: &str) -> Option<&Row> {
        self.rows.iter().find(|r| r.cpu == cpu && r.name == name)
    }

    /// Our own name.
    pub fn ours(&self) -> &str {
        self.emulators.first().map_or("", String::as_str)
    }

    /// The others' names.
    pub fn others(&self) -> &[String] {
        self.emulators.get(1..).unwrap_or(&[])
    }
}
