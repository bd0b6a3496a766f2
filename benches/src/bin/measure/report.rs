//! Rows of figures: medians, targets, a table for people and JSON for programs.

use anyhow::{Context, Result};
use armagic_benches::figures::{Host, host, median, range, short};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a figure shall be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn met(self, value: f64) -> bool {
        match self {
            Target::AtLeast(bound) => value >= bound,
            Target::AtMost(bound) => value <= bound,
        }
    }
}

/// One figure, measured several times.
#[derive(Serialize)]
pub struct Row {
    what: String,
    unit: &'static str,
    target: Option<Target>,
    median: f64,
    min: f64,
    max: f64,
    samples: Vec<f64>,
    note: String,
}

impl Row {
    /// A figure with at least one sample.
    pub fn new(what: impl Into<String>, unit: &'static str, target: Option<Target>, samples: Vec<f64>) -> Row {
        let (min, max) = range(&samples);
        Row { what: what.into(), unit, target, median: median(&samples), min, max, samples, note: String::new() }
    }

    /// The same figure with a remark.
    pub fn note(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    fn verdict(&self) -> String {
        match self.target {
            None => String::new(),
            Some(target) => {
                let (sign, bound) = match target {
                    Target::AtLeast(bound) => (">=", bound),
                    Target::AtMost(bound) => ("<=", bound),
                };
                format!("{sign} {bound}{}", if target.met(self.median) { "" } else { "  MISSED" })
            }
        }
    }
}

/// Rows that were measured together, and on what.
#[derive(Serialize)]
pub struct Report {
    name: &'static str,
    /// Seconds since 1970.
    time: u64,
    host: Host,
    rows: Vec<Row>,
}

impl Report {
    pub fn new(name: &'static str, rows: Vec<Row>) -> Report {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Report { name, time, host: host(), rows }
    }

    /// How many medians are beyond their targets.
    pub fn missed(&self) -> usize {
        self.rows.iter().filter(|r| r.target.is_some_and(|t| !t.met(r.median))).count()
    }

    pub fn print(&self) {
        let Host { cpu, cpus, load } = &self.host;
        println!("\n{}  ({cpu}, {cpus} CPUs, load {load})", self.name);
        println!("{:46} {:>8} {:>17} {:>4} {:7} target", "", "median", "min - max", "runs", "");
        for row in &self.rows {
            let range = format!("{} - {}", short(row.min), short(row.max));
            let (median, runs) = (short(row.median), row.samples.len());
            let line = format!("{:46} {median:>8} {range:>17} {runs:>4} {:7} {}", row.what, row.unit, row.verdict());
            println!("{}", format!("{line:102} {}", row.note).trim_end());
        }
    }

    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(self.name).with_extension("json");
        let text = serde_json::to_string_pretty(self).expect("plain numbers and strings");
        fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: &[f64], target: Target, median: f64, verdict: &str) {
        let row = Row::new("x", "s", Some(target), samples.to_vec());
        assert_eq!((row.median, row.verdict().as_str()), (median, verdict));
    }

    #[test]
    fn the_median_is_what_is_judged() {
        check(&[3.0, 1.0, 2.0], Target::AtMost(2.0), 2.0, "<= 2");
        check(&[1.0, 4.0], Target::AtMost(2.0), 2.5, "<= 2  MISSED");
        check(&[90.0, 120.0, 100.0], Target::AtLeast(100.0), 100.0, ">= 100");
        check(&[99.5], Target::AtLeast(100.0), 99.5, ">= 100  MISSED");
    }
}
