//! Turns the instruction table (`isa/*.isa`) into Rust: one struct per row, `Row`, `Insn`, `ROWS`, `lookup`.
//!
//! A row that is not 32 bits wide, repeats a field, or overlaps another row without a guard fails the
//! build with the file and line. Rows that overlap only through guards are checked by a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, path::Path};

/// The files of the table, in the order of ARM DDI 0487's "Top-level encodings for A64".
const FILES: &[&str] = &["dpimm", "branch", "ldst", "dpreg", "fp", "simd"];

struct Field {
    name: String,
    lsb: u32,
    width: u32,
}

struct Row {
    name: String,
    class: String,
    /// Bits that must match to decode, and their values.
    mask: u32,
    value: u32,
    /// Values of the bits written "(1)" in the manual: ignored by decode, produced by encode.
    should_be: u32,
    fields: Vec<Field>,
    guard: Option<String>,
    /// The architectural feature it came with, `Feature`'s name; and of words where a condition holds, another.
    feature: String,
    variant: Option<(String, String)>,
    /// The row executes in the SIMD&FP register file: CPACR_EL1.FPEN and friends can trap it.
    fp: bool,
    at: String,
}

fn main() {
    let mut rows = Vec::new();
    for file in FILES {
        let path = format!("isa/{file}.isa");
        println!("cargo:rerun-if-changed={path}");
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        parse(&path, &text, &mut rows);
    }
    check(&rows);
    let out = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("table.rs");
    fs::write(out, generate(&rows)).expect("OUT_DIR is writable");
}

/// Widths of field names that need no `:width`.
fn default_width(name: &str) -> Option<u32> {
    Some(match name {
        "rd" | "rn" | "rm" | "ra" | "rt" | "rt2" | "rs" => 5,
        "sf" | "sh" | "q" | "u" | "a" | "r" | "l" | "h" | "m" | "s" | "n" => 1,
        "size" | "shift" => 2,
        "option" | "cmode" if name == "option" => 3,
        "cond" | "nzcv" | "crm" | "crn" | "cmode" => 4,
        "op1" | "op2" => 3,
        _ => name.strip_prefix("imm")?.parse().ok()?,
    })
}

/// One row a line: `Name token token … [| guard] [@ FEAT_X [if condition]]`. Tokens: `0110` fixed bits, `(11)` should-be bits,
/// `xx` ignored bits, `name` or `name:width` a field. `# text` names the class of the rows below it. A guard is a
/// constant Rust expression over at most four fields of the row.
///
/// `@ FEAT_X` says which feature of the architecture the row belongs to, and with `if condition` that its words
/// need that one too where the condition, over the row's fields, holds. On a line of its own it is said of all rows
/// down to the next such line or class (a condition: of those that have its fields). `@ A64` is what every PE has.
fn parse(path: &str, text: &str, rows: &mut Vec<Row>) {
    let mut class = String::new();
    let mut section = A64;
    for (index, line) in text.lines().enumerate() {
        let at = format!("{path}:{}", index + 1);
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            if !comment.starts_with('#') {
                class = comment.trim().to_owned();
                section = A64;
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        if let Some(feature) = line.strip_prefix('@') {
            section = feature.trim();
            continue;
        }
        let (line, own) = match line.split_once('@') {
            Some((line, feature)) => (line, Some(feature.trim())),
            None => (line, None),
        };
        let (pattern, guard) = match line.split_once('|') {
            Some((p, g)) => (p, Some(g.trim().to_owned())),
            None => (line, None),
        };
        let mut tokens = pattern.split_whitespace();
        let name = tokens.next().expect("the line is not empty").to_owned();
        let mut row = Row {
            name,
            class: class.clone(),
            mask: 0,
            value: 0,
            should_be: 0,
            fields: vec![],
            guard,
            feature: String::new(),
            variant: None,
            fp: path.ends_with("simd.isa") || path.ends_with("fp.isa"),
            at,
        };
        let mut left = 32u32;
        for token in tokens {
            let (bits, decoded) = match token.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
                Some(inner) => (inner, false),
                None => (token, true),
            };
            let mut take = |width: u32| {
                left = left.checked_sub(width).unwrap_or_else(|| panic!("{}: more than 32 bits", row.at));
                left
            };
            if bits.bytes().all(|b| b == b'0' || b == b'1') {
                let lsb = take(bits.len() as u32);
                let value = u32::from_str_radix(bits, 2).expect("only 0 and 1") << lsb;
                if decoded {
                    row.mask |= (((1u64 << bits.len()) - 1) as u32) << lsb;
                    row.value |= value;
                } else {
                    row.should_be |= value;
                }
            } else if bits.bytes().all(|b| b == b'x') {
                take(bits.len() as u32);
            } else {
                let (name, width) = match bits.split_once(':') {
                    Some((n, w)) => (n, w.parse().unwrap_or_else(|_| panic!("{}: width of {bits}", row.at))),
                    None => (bits, default_width(bits).unwrap_or_else(|| panic!("{}: {bits} needs a width", row.at))),
                };
                let lsb = take(width);
                row.fields.push(Field { name: name.to_owned(), lsb, width });
            }
        }
        assert!(left == 0, "{}: {} is {} bits wide, not 32", row.at, row.name, 32 - left);
        (row.feature, row.variant) = feature(&row, own.unwrap_or(section), own.is_some());
        rows.push(row);
    }
}

/// The feature of what every PE has.
const A64: &str = "A64";

/// What `text`, the part after `@`, says of `row`: its feature, and another where a condition holds.
fn feature(row: &Row, text: &str, is_own: bool) -> (String, Option<(String, String)>) {
    let (name, condition) = match text.split_once(" if ") {
        Some((name, condition)) => (name.trim(), Some(condition.trim())),
        None => (text, None),
    };
    let name = match name {
        A64 => name,
        _ => name.strip_prefix("FEAT_").unwrap_or_else(|| panic!("{}: {name} is no FEAT_X", row.at)),
    };
    let Some(condition) = condition else { return (name.to_owned(), None) };
    let has_fields = words(condition)
        .filter(|w| w.starts_with(|c: char| c.is_ascii_alphabetic()) && *w != "matches")
        .all(|w| row.fields.iter().any(|f| f.name == w));
    assert!(has_fields || !is_own, "{}: {} has not the fields of {condition}", row.at, row.name);
    (A64.to_owned(), has_fields.then(|| (name.to_owned(), condition.to_owned())))
}

/// The names and numbers of an expression.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty())
}

fn check(rows: &[Row]) {
    let mut names = BTreeMap::new();
    for row in rows {
        if let Some(other) = names.insert(&row.name, &row.at) {
            panic!("{}: {} is already at {other}", row.at, row.name);
        }
        for (i, f) in row.fields.iter().enumerate() {
            assert!(row.fields[..i].iter().all(|g| g.name != f.name), "{}: field {} twice", row.at, f.name);
        }
    }
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[..i] {
            let overlap = (a.value ^ b.value) & a.mask & b.mask == 0;
            assert!(
                !overlap || a.guard.is_some() || b.guard.is_some(),
                "{}: {} overlaps {} of {}",
                a.at,
                a.name,
                b.name,
                b.at
            );
        }
    }
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut previous_upper = true;
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !previous_upper {
                out.push('_');
            }
            previous_upper = true;
        } else {
            previous_upper = false;
        }
        out.push(c.to_ascii_lowercase());
    }
    // `as`, `in` and friends would be keywords.
    if ["yield", "mod", "ref"].contains(&out.as_str()) { out + "_" } else { out }
}

fn generate(rows: &[Row]) -> String {
    let mut o = String::new();
    let w = &mut o;
    for r in rows {
        let name = &r.name;
        _ = writeln!(w, "/// {}: `{}`.", if r.class.is_empty() { "Instruction" } else { &r.class }, r.name);
        _ = writeln!(w, "#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]\npub struct {name} {{");
        for f in &r.fields {
            _ = writeln!(w, "/// Bits [{}:{}].\npub {}: u32,", f.lsb + f.width - 1, f.lsb, f.name);
        }
        _ = writeln!(w, "}}\nimpl {name} {{");
        _ = writeln!(
            w,
            "/// Does it use the SIMD&FP registers (and may trap by CPACR_EL1.FPEN)?\npub const FP: bool = {};",
            r.fp
        );
        _ = writeln!(w, "/// The fields of `word`, which matches this row.\n#[inline(always)]");
        _ = writeln!(w, "pub const fn from_word(word: u32) -> Self {{ let _ = word; Self {{");
        for f in &r.fields {
            _ = writeln!(w, "{}: (word >> {}) & {:#x},", f.name, f.lsb, (1u64 << f.width) - 1);
        }
        _ = writeln!(w, "}} }}\n/// The instruction word; fields are cut to their width.");
        _ = write!(w, "pub const fn word(self) -> u32 {{ {:#010x}", r.value | r.should_be);
        for f in &r.fields {
            _ = write!(w, " | (self.{} & {:#x}) << {}", f.name, (1u64 << f.width) - 1, f.lsb);
        }
        _ = writeln!(w, " }}");
        let bind: String = r.fields.iter().map(|f| format!("let {0} = i.{0}; let _ = {0};", f.name)).collect();
        _ = writeln!(w, "/// Are the fields of `word` an allocated combination?\n#[inline]");
        _ = match &r.guard {
            Some(g) => {
                writeln!(w, "const fn guard(word: u32) -> bool {{ let i = Self::from_word(word); {bind} {g} }}\n}}")
            }
            None => writeln!(w, "const fn guard(_: u32) -> bool {{ true }}\n}}"),
        };
        if let Some((feature, condition)) = &r.variant {
            _ = writeln!(
                w,
                "impl {name} {{ const fn variant(word: u32) -> FeatureSet {{ let i = Self::from_word(word); {bind}
                FeatureSet::of(if {condition} {{ &[Feature::{feature}] }} else {{ &[] }}) }} }}"
            );
        }
    }
    _ = writeln!(
        w,
        "/// A row of the instruction table.\n#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]\n#[repr(u16)]\n#[allow(missing_docs)]\npub enum Row {{"
    );
    rows.iter().for_each(|r| _ = writeln!(w, "{},", r.name));
    _ = writeln!(
        w,
        "}}\n/// One decoded instruction.\n#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]\n#[allow(missing_docs)]\npub enum Insn {{"
    );
    rows.iter().for_each(|r| _ = writeln!(w, "{0}({0}),", r.name));
    _ = writeln!(
        w,
        "}}\nimpl Insn {{\n/// The fields of `word` read as `row`.\npub const fn from_row(row: Row, word: u32) -> Insn {{ match row {{"
    );
    rows.iter().for_each(|r| _ = writeln!(w, "Row::{0} => Insn::{0}({0}::from_word(word)),", r.name));
    _ = writeln!(w, "}} }}\n/// The row this instruction belongs to.\npub const fn row(self) -> Row {{ match self {{");
    rows.iter().for_each(|r| _ = writeln!(w, "Insn::{0}(_) => Row::{0},", r.name));
    _ = writeln!(w, "}} }}\n/// The instruction word.\npub const fn word(self) -> u32 {{ match self {{");
    rows.iter().for_each(|r| _ = writeln!(w, "Insn::{}(i) => i.word(),", r.name));
    _ = writeln!(w, "}} }}\n}}\n/// How many rows the table has.\npub const ROW_COUNT: usize = {};", rows.len());
    _ = writeln!(w, "/// The table, in `Row` order.\npub static ROWS: [RowInfo; ROW_COUNT] = [");
    for r in rows {
        _ = write!(
            w,
            "RowInfo {{ row: Row::{}, name: {:?}, class: {:?}, mask: {:#x}, value: {:#x}, should_be: {:#x}, guarded: {}, guard: {}::guard, feature: Feature::{}, variant: {}, fields: &[",
            r.name,
            r.name,
            r.class,
            r.mask,
            r.value,
            r.should_be,
            r.guard.is_some(),
            r.name,
            r.feature,
            r.variant.as_ref().map_or("|_| FeatureSet::EMPTY".to_owned(), |_| format!("{}::variant", r.name))
        );
        r.fields
            .iter()
            .for_each(|f| _ = write!(w, "Field {{ name: {:?}, lsb: {}, width: {} }},", f.name, f.lsb, f.width));
        _ = writeln!(w, "] }},");
    }
    _ = writeln!(w, "];\n/// What each row matches.\npub(crate) static MATCHERS: [Matcher; ROW_COUNT] = [");
    rows.iter().for_each(|r| matcher(w, r));
    let mut tree = Tree { rows, nodes: vec![], lists: vec![0], known: BTreeMap::new() };
    let root = tree.node((0..rows.len()).collect(), Some((21, 11)));
    _ = writeln!(w, "];\n/// The tree of `lookup`.\npub(crate) const ROOT: u32 = {root};");
    _ = writeln!(
        w,
        "/// Entries of its tables.\npub(crate) static NODES: [u32; {}] = {:?};",
        tree.nodes.len(),
        tree.nodes
    );
    _ = writeln!(w, "/// Its lists.\npub(crate) static LISTS: [u16; {}] = {:?};", tree.lists.len(), tree.lists);
    _ = writeln!(
        w,
        "/// Calls macro `$each` with `(Row function)` of every row; `function` is the row's name in snake case.\n#[macro_export]\nmacro_rules! for_each_row {{ ($each:ident) => {{ $each! {{"
    );
    rows.iter().for_each(|r| _ = writeln!(w, "({} {})", r.name, snake(&r.name)));
    _ = writeln!(w, "}} }}; }}");
    o
}

/// Writes the row's `Matcher`: its guard becomes a table over the fields that the guard names, filled by
/// evaluating the guard when the crate is compiled.
fn matcher(w: &mut String, r: &Row) {
    let guard = r.guard.as_deref().unwrap_or("");
    let words: Vec<&str> = words(guard).collect();
    let named: Vec<&Field> = r.fields.iter().filter(|f| words.contains(&f.name.as_str())).collect();
    let bits: u32 = named.iter().map(|f| f.width).sum();
    assert!(named.len() <= 4 && bits <= 14, "{}: a guard has room for 4 fields and 14 bits", r.at);
    let mut parts = String::new();
    let mut up = 0;
    for f in &named {
        _ = write!(parts, "Part {{ lsb: {}, up: {up}, mask: {} }},", f.lsb, (1 << f.width) - 1);
        up += f.width;
    }
    parts.push_str(&"Part { lsb: 0, up: 0, mask: 0 },".repeat(4 - named.len()));
    _ = writeln!(
        w,
        "{{ const PARTS: [Part; 4] = [{parts}]; static ALLOWED: [u64; {}] = {{
            let mut table = [0; {0}]; let mut i = 0;
            while i < 1 << {bits} {{ if {}::guard(scatter(&PARTS, i)) {{ table[i as usize / 64] |= 1 << (i % 64); }} i += 1; }}
            table }};
        Matcher {{ mask: {:#x}, value: {:#x}, parts: PARTS, allowed: &ALLOWED }} }},",
        (1u32 << bits).div_ceil(64),
        r.name,
        r.mask,
        r.value
    );
}

/// The tree of tables that `src/lookup.rs` walks; the format stands there.
struct Tree<'a> {
    rows: &'a [Row],
    nodes: Vec<u32>,
    lists: Vec<u16>,
    /// The entry for a set of candidates: most sets occur in many places.
    known: BTreeMap<Vec<usize>, u32>,
}

impl Tree<'_> {
    /// The entry that tells `candidates` apart, by the `window` (lsb, width) if given.
    fn node(&mut self, candidates: Vec<usize>, window: Option<(u32, u32)>) -> u32 {
        if candidates.is_empty() {
            return 0;
        }
        if let Some(&entry) = self.known.get(&candidates) {
            return entry;
        }
        let split = match window {
            Some((lsb, width)) => Some((lsb, width, split(self.rows, &candidates, lsb, width))),
            None if candidates.len() > 1 => best_split(self.rows, &candidates),
            None => None,
        };
        let entry = match split {
            None => self.list(&candidates),
            Some((lsb, width, groups)) => {
                let children: Vec<u32> = groups.into_iter().map(|group| self.node(group, None)).collect();
                let at = self.nodes.len() as u32;
                assert!(at < 1 << 22, "the tree has 22 bits for an address");
                self.nodes.extend(children);
                1 << 31 | lsb << 26 | width << 22 | at
            }
        };
        self.known.insert(candidates, entry);
        entry
    }

    fn list(&mut self, candidates: &[usize]) -> u32 {
        let at = self.lists.len();
        self.lists.extend(candidates.iter().map(|&i| i as u16));
        *self.lists.last_mut().expect("there are candidates") |= 1 << 15;
        at as u32
    }
}

type Split = (u32, u32, Vec<Vec<usize>>);

/// The window of up to 8 bits that leaves the fewest candidates, squared and summed.
fn best_split(all: &[Row], rows: &[usize]) -> Option<Split> {
    let mut best: Option<(f64, Split)> = None;
    for width in 1..=8u32 {
        for lsb in 0..=(32 - width) {
            let groups = split(all, rows, lsb, width);
            let cost = groups.iter().map(|g| (g.len() * g.len()) as f64).sum::<f64>() / (1u64 << width) as f64;
            // A wider window must pay for its size.
            let cost = cost * (1.0 + 0.02 * f64::from(width));
            if groups.iter().all(|g| g.len() < rows.len()) && best.as_ref().is_none_or(|(c, _)| cost < *c) {
                best = Some((cost, (lsb, width, groups)));
            }
        }
    }
    best.map(|(_, split)| split)
}

fn split(all: &[Row], rows: &[usize], lsb: u32, width: u32) -> Vec<Vec<usize>> {
    let window = ((1u32 << width) - 1) << lsb;
    (0..1u32 << width)
        .map(|v| {
            let fits = |&i: &usize| (all[i].value ^ (v << lsb)) & all[i].mask & window == 0;
            rows.iter().copied().filter(fits).collect()
        })
        .collect()
}
