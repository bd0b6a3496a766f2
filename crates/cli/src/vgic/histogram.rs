//! How long calls take, without keeping each: counts by time, four for every doubling.

use std::time::Duration;

const PER_DOUBLING: u32 = 4;
const PLACES: usize = 40 * PER_DOUBLING as usize;

/// Counts by time.
pub struct Histogram {
    counts: Box<[u64; PLACES]>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: Box::new([0; PLACES]) }
    }
}

fn place(ns: u64) -> usize {
    let ns = ns.max(1);
    let doubling = ns.ilog2();
    // The two bits after the highest.
    let quarter = (ns << 2 >> doubling) & 3;
    ((doubling * PER_DOUBLING) as usize + quarter as usize).min(PLACES - 1)
}

/// The least time that is counted at a place, in ns.
fn begins(place: usize) -> u64 {
    let (doubling, quarter) = (place as u32 / PER_DOUBLING, place as u64 % 4);
    (4 + quarter) << doubling >> 2
}

impl Histogram {
    /// One call more.
    pub fn add(&mut self, time: Duration) {
        self.counts[place(time.as_nanos() as u64)] += 1;
    }

    /// Those of another, too.
    pub fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(other.counts.iter()).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time in ns that this part of the calls stays below, to a quarter of a doubling.
    pub fn percentile(&self, part: f64) -> u64 {
        let wanted = (self.calls() as f64 * part) as u64;
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen > wanted
        });
        begins(at.map_or(PLACES, |at| at + 1))
    }

    /// One line for each doubling that has calls: from when, how many of a hundred, and a bar.
    pub fn chart(&self) -> String {
        let doublings: Vec<u64> = self.counts.chunks(PER_DOUBLING as usize).map(|four| four.iter().sum()).collect();
        let used = |count: &u64| *count > 0;
        let Some(first) = doublings.iter().position(used) else { return String::new() };
        let last = doublings.iter().rposition(used).expect("there is a first");
        let line = |doubling: usize| {
            let share = 100.0 * doublings[doubling] as f64 / self.calls() as f64;
            // Rare times have a mark too: they are what one looks for.
            let bar = "#".repeat(((share / 2.0) as usize).max(usize::from(doublings[doubling] > 0)));
            format!("    {:>9} ns {share:6.2} % {bar}\n", 1u64 << doubling)
        };
        (first..=last).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_order_and_begin_where_they_say() {
        for at in 8..PLACES - 1 {
            assert_eq!(place(begins(at)), at);
            assert!(begins(at) < begins(at + 1));
        }
    }

    #[test]
    fn percentiles_are_within_a_quarter_of_a_doubling() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|ns| histogram.add(Duration::from_nanos(ns)));
        assert_eq!(histogram.calls(), 1000);
        for (part, exact) in [(0.5, 500.0), (0.99, 990.0)] {
            let ratio = histogram.percentile(part) as f64 / exact;
            assert!((1.0..1.25).contains(&ratio), "{part}: {ratio}");
        }
        let lines = histogram.chart();
        assert_eq!(lines.lines().count(), 10);
        assert!(lines.lines().last().unwrap().trim().starts_with("512 ns"), "{lines}");
    }
}
