//! The results as Markdown, which is readable as it is.

use crate::results::{Results, Row, Spread};
use crate::rows::{Class, ROWS, SCALING, Target};
use armagic_benches::figures::{geometric_mean, short};
use std::fmt::Write;

/// Everything that was measured.
pub fn markdown(results: &Results) -> String {
    let mut out = String::new();
    let host = &results.host;
    _ = writeln!(out, "{}, {} CPUs, load {}.", host.cpu, host.cpus, host.load);
    for cpu in results.cpus() {
        _ = writeln!(out, "\n## {cpu}\n");
        summary(results, &cpu, &mut out);
        for &class in Class::ALL {
            let rows = of_class(results, &cpu, class);
            if !rows.is_empty() {
                _ = writeln!(out, "\n### {}\n", class.title());
                lines(&mut out, table(results, &rows));
            }
        }
        scaling(results, &cpu, &mut out);
    }
    out
}

/// The measured rows of a class, in the order of `ROWS`.
pub fn of_class<'r>(results: &'r Results, cpu: &str, class: Class) -> Vec<(&'r Row, Target)> {
    let wanted = ROWS.iter().filter(|r| r.1 == class);
    wanted.filter_map(|r| Some((results.row(cpu, r.0)?, r.2))).collect()
}

fn summary(results: &Results, cpu: &str, out: &mut String) {
    let mut head: Vec<String> = vec!["geometric mean".into()];
    head.extend(results.others().iter().map(|o| format!("{o} : {}", results.ours())));
    head.extend(["target".into(), "slower than native".into(), "target".into()]);
    let mut all = vec![head];
    // Rows of cold code are stages of one thing; their mean says nothing.
    for &class in Class::ALL.iter().filter(|c| **c != Class::Cold) {
        let rows = of_class(results, cpu, class);
        let mut line = vec![class.title().to_string()];
        if rows.is_empty() {
            continue;
        }
        for other in results.others() {
            let times: Vec<f64> =
                rows.iter().filter_map(|(r, _)| Some(r.times_ours(results.ours(), other)?.median)).collect();
            line.push(geometric_mean(&times).map_or(String::new(), short));
        }
        line.push(class.target().map_or(String::new(), |t| format!(">= {t}")));
        let slowdowns: Vec<f64> = rows.iter().filter_map(|(r, _)| r.slowdown(results.ours())).collect();
        line.push(geometric_mean(&slowdowns).map_or(String::new(), short));
        line.push(class.slowdown().map_or(String::new(), |t| format!("<= {t}")));
        all.push(line);
    }
    lines(out, all);
}

fn table(results: &Results, rows: &[(&Row, Target)]) -> Vec<Vec<String>> {
    let native = rows.iter().any(|(r, _)| !r.native.is_empty());
    let mut head: Vec<String> = vec!["row".into()];
    head.extend(results.emulators.iter().cloned());
    head.extend(results.others().iter().map(|o| format!("{o} : {} (min-max)", results.ours())));
    head.push("target".into());
    if native {
        head.extend(["native".into(), "slowdown".into()]);
    }
    let mut all = vec![head];
    for (row, target) in rows {
        let mut line = vec![row.name.clone()];
        line.extend(results.emulators.iter().map(|e| Spread::of(row.of(e)).map_or("-".into(), |s| time(s.median))));
        for other in results.others() {
            let times = row.times_ours(results.ours(), other);
            line.push(times.map_or("-".into(), |t| format!("{} ({}-{})", short(t.median), short(t.min), short(t.max))));
        }
        line.push(match target {
            Target::Times(t) => format!(">= {}", short(*t)),
            Target::Nanoseconds(t) => format!("<= {t} ns"),
            Target::Open => String::new(),
        });
        if native {
            line.push(Spread::of(&row.native).map_or("-".into(), |s| time(s.median)));
            line.push(row.slowdown(results.ours()).map_or("-".into(), short));
        }
        all.push(line);
    }
    all
}

/// What two vCPUs get done of what one does, from the rows `pe1-NAME` and `pe2-NAME`.
fn scaling(results: &Results, cpu: &str, out: &mut String) {
    let mut head = vec!["two vCPUs : one".to_string()];
    head.extend(results.emulators.iter().cloned());
    let mut all = vec![head];
    let mut means: Vec<Vec<f64>> = vec![vec![]; results.emulators.len()];
    for one in results.rows.iter().filter(|r| r.cpu == cpu) {
        let Some(name) = one.name.strip_prefix("pe1-") else { continue };
        let Some(two) = results.row(cpu, &format!("pe2-{name}")) else { continue };
        let mut line = vec![name.to_string()];
        for (emulator, mean) in results.emulators.iter().zip(&mut means) {
            let pairs: Vec<f64> = one.of(emulator).iter().zip(two.of(emulator)).map(|(a, b)| 2.0 * a / b).collect();
            let spread = Spread::of(&pairs);
            mean.extend(spread.map(|s| s.median));
            line.push(
                spread.map_or("-".into(), |s| format!("{} ({}-{})", short(s.median), short(s.min), short(s.max))),
            );
        }
        all.push(line);
    }
    if all.len() > 1 {
        let mut line = vec![format!("geometric mean, target >= {SCALING}")];
        line.extend(means.iter().map(|m| geometric_mean(m).map_or("-".into(), short)));
        all.push(line);
        _ = writeln!(out, "\n### The throughput of two vCPUs\n");
        lines(out, all);
    }
}

/// Nanoseconds in a unit that suits them.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        n if n >= 1e9 => (n / 1e9, "s"),
        n if n >= 1e6 => (n / 1e6, "ms"),
        n if n >= 1e3 => (n / 1e3, "us"),
        n => (n, "ns"),
    };
    format!("{} {unit}", short(value))
}

/// Cells as lines, each column as wide as its widest.
fn lines(out: &mut String, table: Vec<Vec<String>>) {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| table.iter().filter_map(|l| l.get(c)).map(|t| t.chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (n, line) in table.iter().enumerate() {
        let cell = |(c, w): (usize, &usize)| {
            let text = line.get(c).map_or("", String::as_str);
            if c == 0 { format!("{text:w$}", w = *w) } else { format!("{text:>w$}", w = *w) }
        };
        let cells: Vec<String> = widths.iter().enumerate().map(cell).collect();
        _ = writeln!(out, "| {} |", cells.join(" | "));
        if n == 0 {
            let rule =
                |(c, w): (usize, &usize)| if c == 0 { "-".repeat(*w) } else { format!("{}:", "-".repeat(w - 1)) };
            let rules: Vec<String> = widths.iter().enumerate().map(rule).collect();
            _ = writeln!(out, "| {} |", rules.join(" | "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let shown: Vec<_> = [0.553, 12.3, 4567.0, 8.9e6, 1.5e9].map(time).into();
        assert_eq!(shown, ["0.553 ns", "12.3 ns", "4.57 us", "8.90 ms", "1.50 s"]);
    }

    #[test]
    fn columns_are_aligned() {
        let mut out = String::new();
        lines(&mut out, vec![vec!["row".into(), "x".into()], vec!["a".into(), "12345".into()]]);
        assert_eq!(out, "| row |     x |\n| --- | ----: |\n| a   | 12345 |\n");
    }
}
