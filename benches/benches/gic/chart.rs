//! Growth as lines in SVG: each step of what grows is as wide as the next, ns are from 0.

use std::fmt::Write;

const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 260.0;
const COLOURS: &[&str] = &["#3b6ea5", "#d08a3c", "#6a9a4b", "#8a5aa5", "#c0262d", "#555555"];

/// One line: its name, whether it is dashed, and a value for each step.
pub struct Line {
    pub name: String,
    pub dashed: bool,
    pub values: Vec<f64>,
}

/// The chart of some lines over `steps`.
pub fn svg(title: &str, axis: &str, steps: &[usize], lines: &[Line]) -> String {
    let highest = lines.iter().flat_map(|line| &line.values).fold(1.0, |high, &v| f64::max(high, v));
    let mark = [5.0, 10.0, 20.0, 50.0, 100.0].into_iter().find(|mark| highest / mark <= 10.0).unwrap_or(500.0);
    let top = (highest / mark).ceil() * mark;
    let x = |n: usize| LEFT + WIDTH * n as f64 / (steps.len() - 1) as f64;
    let y = |ns: f64| TOP + HEIGHT * (1.0 - ns / top);
    let (wide, high) = (LEFT + WIDTH + 250.0, TOP + HEIGHT + 45.0);
    let mut out = String::new();
    _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{title}</text>"#
    );
    for n in 0..=(top / mark) as usize {
        let (ns, at) = (n as f64 * mark, y(n as f64 * mark));
        _ = writeln!(out, r##"<path d="M{LEFT} {at:.1}h{WIDTH}" stroke="#ddd"/>"##);
        _ = writeln!(out, r#"<text x="{}" y="{:.1}" text-anchor="end">{ns}</text>"#, LEFT - 6.0, at + 4.0);
    }
    for (n, step) in steps.iter().enumerate() {
        let at = TOP + HEIGHT + 16.0;
        _ = writeln!(out, r#"<text x="{:.1}" y="{at}" text-anchor="middle">{step}</text>"#, x(n));
    }
    _ = writeln!(
        out,
        r#"<text x="{}" y="{}" text-anchor="middle">{axis}</text><text x="8" y="{}">ns</text>"#,
        LEFT + WIDTH / 2.0,
        TOP + HEIGHT + 34.0,
        TOP - 6.0
    );
    for (n, line) in lines.iter().enumerate() {
        let points: Vec<_> =
            line.values.iter().enumerate().map(|(n, &ns)| format!("{:.1},{:.1}", x(n), y(ns))).collect();
        let colour = COLOURS[if lines.iter().any(|line| line.dashed) { n / 2 } else { n } % COLOURS.len()];
        let dashes = if line.dashed { r#" stroke-dasharray="5 3""# } else { "" };
        let (from, at) = (LEFT + WIDTH + 20.0, TOP + 16.0 * n as f64);
        for points in [points.join(" "), format!("{from},{at} {},{at}", from + 24.0)] {
            _ = writeln!(
                out,
                r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>"#
            );
        }
        _ = writeln!(out, r#"<text x="{}" y="{}">{}</text>"#, from + 30.0, at + 4.0, line.name);
    }
    out + "</svg>\n"
}
