//! Figures: samples and what is said of them, and the host they were taken on.

use serde::{Deserialize, Serialize};
use std::fs;

/// The value that half of `samples`, of which there is at least one, do not exceed.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The smallest and the largest.
pub fn range(samples: &[f64]) -> (f64, f64) {
    samples.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &s| (low.min(s), high.max(s)))
}

/// The geometric mean; of nothing, nothing.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let logs: f64 = values.iter().map(|v| v.ln()).sum();
    (!values.is_empty()).then(|| (logs / values.len() as f64).exp())
}

/// About three digits that matter.
pub fn short(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// What was measured on.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Host {
    /// The model that the CPU says it is.
    pub cpu: String,
    /// How many CPUs this process may use.
    pub cpus: usize,
    /// Runnable tasks over the last minute: figures from a busy host say little.
    pub load: String,
}

/// What `/proc` says of this host; blanks where there is none.
pub fn host() -> Host {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let cpu = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, name)| name);
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    Host { cpu: cpu.to_owned(), cpus: std::thread::available_parallelism().map_or(0, usize::from), load }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[1.0, 4.0])), (2.0, 2.5));
        assert_eq!(range(&[3.0, 1.0, 2.0]), (1.0, 3.0));
        assert_eq!(geometric_mean(&[2.0, 8.0]).map(short), Some("4.00".into()));
        assert_eq!(geometric_mean(&[]), None);
    }

    #[test]
    fn three_digits() {
        let shown: Vec<_> = [1234.5, 61.27, 2.345, 0.0123].map(short).into();
        assert_eq!(shown, ["1234", "61.3", "2.35", "0.012"]);
    }
}
