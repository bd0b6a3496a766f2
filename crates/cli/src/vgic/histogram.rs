//! How long calls take, without keeping each: counts by time, four for every doubling.

use std::fmt;
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

    /// The longest, to a quarter of a doubling.
    pub fn longest(&self) -> u64 {
        self.counts.iter().rposition(|count| *count > 0).map_or(0, |at| begins(at + 1))
    }

    /// One line for each doubling that has calls, from the shortest: its share and a bar. What is beyond the last line that
    /// fits, and the next lines that are empty with it, is one line: there the host let other threads run.
    pub fn chart(&self) -> String {
        let doublings: Vec<u64> = self.counts.chunks(PER_DOUBLING as usize).map(|four| four.iter().sum()).collect();
        let used = |count: &u64| *count > 0;
        let Some(first) = doublings.iter().position(used) else { return String::new() };
        let last = doublings.iter().rposition(used).expect("there is a first");
        let shown = last.min(first + LINES - 1);
        let mut chart: String =
            (first..=shown).map(|at| self.line(&Place::Between(at as u32), doublings[at])).collect();
        if last > shown {
            chart += &self.line(&Place::From(shown as u32 + 1), doublings[shown + 1..].iter().sum());
        }
        chart
    }

    fn line(&self, place: &Place, count: u64) -> String {
        let percent = 100.0 * count as f64 / self.calls() as f64;
        // Rare times have a mark too: they are what one looks for.
        let bar = if count > 0 && percent < 2.0 { ".".to_owned() } else { "#".repeat((percent / 2.0) as usize) };
        format!("    {place:>17} {count:>11} {percent:6.2} % {bar}").trim_end().to_owned() + "\n"
    }
}

/// Lines of a chart.
const LINES: usize = 9;

/// Where a line of a chart is, in doublings of 1 ns.
enum Place {
    Between(u32),
    From(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Place::Between(at) => format!("{} - {}", time(1 << at), time(2 << at)),
            Place::From(at) => format!("{} and longer", time(1 << at)),
        })
    }
}

/// A time of so many ns, with three digits at most.
pub fn time(ns: u64) -> String {
    match ns {
        ..1_000 => format!("{ns} ns"),
        1_000..10_000 => format!("{:.1} us", ns as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
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
        assert_eq!(histogram.longest(), 1024);
    }

    #[test]
    fn a_chart_has_what_is_rare_and_ends_where_the_host_is_to_blame() {
        let mut histogram = Histogram::default();
        (0..75).for_each(|_| histogram.add(Duration::from_nanos(70)));
        (0..24).for_each(|_| histogram.add(Duration::from_nanos(300)));
        histogram.add(Duration::from_micros(5));
        histogram.add(Duration::from_millis(20));
        assert_eq!(
            histogram.chart(),
            "       64 ns - 128 ns          75  74.26 % #####################################
      128 ns - 256 ns           0   0.00 %
      256 ns - 512 ns          24  23.76 % ###########
      512 ns - 1.0 us           0   0.00 %
      1.0 us - 2.0 us           0   0.00 %
      2.0 us - 4.1 us           0   0.00 %
      4.1 us - 8.2 us           1   0.99 % .
       8.2 us - 16 us           0   0.00 %
        16 us - 33 us           0   0.00 %
     33 us and longer           1   0.99 % .
"
        );
        assert_eq!(Histogram::default().chart(), "");
    }

    #[test]
    fn times_have_a_unit() {
        let all = [0, 999, 1_000, 9_999, 33_000, 5_000_000, 2_500_000_000].map(time);
        assert_eq!(all, ["0 ns", "999 ns", "1.0 us", "10.0 us", "33 us", "5 ms", "2.5 s"]);
    }
}
