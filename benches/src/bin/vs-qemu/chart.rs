//! The ratios of one CPU model as a bar chart in SVG.

use crate::results::Results;
use crate::rows::{Class, Target};
use crate::table::of_class;
use armagic_benches::figures::{geometric_mean, short};
use std::fmt::Write;

const LEFT: f64 = 190.0;
const WIDTH: f64 = 620.0;
const BAR: f64 = 9.0;
const TOP: f64 = 64.0;
/// The axis, in times: logarithmic, since twice as slow is as far from 1 as twice as fast.
const FROM: f64 = 0.05;
const TO: f64 = 200.0;
const MARKS: &[f64] = &[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
const COLOURS: &[&str] = &["#3b6ea5", "#d08a3c", "#6a9a4b", "#8a5aa5"];

fn x(times: f64) -> f64 {
    LEFT + WIDTH * (times.clamp(FROM, TO) / FROM).ln() / (TO / FROM).ln()
}

/// A group of bars, one for each other emulator, or a headline.
enum Line {
    Head(&'static str),
    Bars { name: String, times: Vec<Option<f64>>, target: Option<f64>, mean: Mean },
}

#[derive(PartialEq, Clone, Copy)]
enum Mean {
    Row,
    Class,
}

fn lines_of(results: &Results, cpu: &str) -> Vec<Line> {
    let mut lines = vec![];
    for &class in Class::ALL {
        let rows = of_class(results, cpu, class);
        if rows.is_empty() {
            continue;
        }
        lines.push(Line::Head(class.title()));
        let of = |other: &String, row: &crate::results::Row| Some(row.times_ours(results.ours(), other)?.median);
        for (row, target) in &rows {
            let times = results.others().iter().map(|o| of(o, row)).collect();
            let target = if let Target::Times(t) = target { Some(*t) } else { None };
            lines.push(Line::Bars { name: row.name.clone(), times, target, mean: Mean::Row });
        }
        if class == Class::Cold {
            continue; // stages of one thing
        }
        let mean = |o: &String| geometric_mean(&rows.iter().filter_map(|(r, _)| of(o, r)).collect::<Vec<_>>());
        let times = results.others().iter().map(mean).collect();
        lines.push(Line::Bars { name: "geometric mean".into(), times, target: class.target(), mean: Mean::Class });
    }
    lines
}

/// The chart of `cpu`.
pub fn svg(results: &Results, cpu: &str) -> String {
    let lines = lines_of(results, cpu);
    let bars = results.others().len().max(1) as f64;
    let height = |line: &Line| if matches!(line, Line::Head(_)) { 26.0 } else { BAR * bars + 6.0 };
    let bottom = TOP + lines.iter().map(height).sum::<f64>() + 8.0;
    let (wide, high) = (LEFT + WIDTH + 60.0, bottom + 40.0);
    let mut out = String::new();
    _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0} {high:.0}" width="{wide:.0}" height="{high:.0}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="bold">How many times longer others take than {}, -cpu {cpu}</text>"#,
        escaped(results.ours())
    );
    for (n, other) in results.others().iter().enumerate() {
        let at = LEFT + 130.0 * n as f64;
        _ = writeln!(out, r#"<rect x="{at}" y="30" width="10" height="10" fill="{}"/>"#, colour(n));
        _ = writeln!(out, r#"<text x="{}" y="39">{}</text>"#, at + 15.0, escaped(other));
    }
    let at = LEFT + 130.0 * bars;
    _ = writeln!(
        out,
        r#"<path d="M{at} 29v12" stroke="{TARGET}" stroke-width="2"/><text x="{}" y="39">target</text>"#,
        at + 6.0
    );
    for &mark in MARKS {
        let (at, width) = (x(mark), if mark == 1.0 { 1.5 } else { 0.5 });
        let colour = if mark == 1.0 { "black" } else { "#bbb" };
        _ = writeln!(out, r#"<path d="M{at:.1} {TOP}V{bottom:.1}" stroke="{colour}" stroke-width="{width}"/>"#);
        for y in [TOP - 6.0, bottom + 14.0] {
            _ = writeln!(out, r#"<text x="{at:.1}" y="{y:.1}" text-anchor="middle" fill="dimgray">{mark}</text>"#);
        }
    }
    let mut y = TOP;
    for line in &lines {
        draw(line, y, bars, &mut out);
        y += height(line);
    }
    _ = writeln!(
        out,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">times longer than {} (right of 1: {} is faster), logarithmic</text>"#,
        LEFT + WIDTH / 2.0,
        bottom + 31.0,
        escaped(results.ours()),
        escaped(results.ours())
    );
    out += "</svg>\n";
    out
}

const TARGET: &str = "#c0262d";

fn draw(line: &Line, y: f64, bars: f64, out: &mut String) {
    match line {
        Line::Head(title) => {
            _ = writeln!(out, r#"<text x="8" y="{:.1}" font-weight="bold">{title}</text>"#, y + 19.0);
        }
        Line::Bars { name, times, target, mean } => {
            let (weight, middle) = (if *mean == Mean::Class { "bold" } else { "normal" }, y + BAR * bars / 2.0 + 5.0);
            _ = writeln!(
                out,
                r#"<text x="{:.1}" y="{middle:.1}" text-anchor="end" font-weight="{weight}">{}</text>"#,
                LEFT - 8.0,
                escaped(name)
            );
            for (n, times) in times.iter().enumerate() {
                let Some(times) = *times else { continue };
                let (a, b, y) = (x(1.0).min(x(times)), x(1.0).max(x(times)), y + 2.0 + BAR * n as f64);
                _ = writeln!(
                    out,
                    r#"<rect x="{a:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" fill="{}"/>"#,
                    b - a,
                    BAR - 1.0,
                    colour(n)
                );
                _ = writeln!(
                    out,
                    r#"<text x="{:.1}" y="{:.1}" font-size="8">{}</text>"#,
                    b + 3.0,
                    y + BAR - 2.0,
                    short(times)
                );
            }
            if let Some(target) = target {
                let (at, high) = (x(*target), BAR * bars + 3.0);
                _ = writeln!(out, r#"<path d="M{at:.1} {y:.1}v{high:.1}" stroke="{TARGET}" stroke-width="2"/>"#);
            }
        }
    }
}

fn colour(n: usize) -> &'static str {
    COLOURS[n % COLOURS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
