//! Which in-process tests check which rule: by their names, in the sources of the workspace.

use crate::rules::{self, RULES};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names of tests for each rule.
pub type Tests = BTreeMap<&'static str, BTreeSet<String>>;

/// The root of the workspace this was built from.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All functions `chk_…` of the workspace's crates.
pub fn names(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut left = vec![root.join("crates")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))?;
            left.extend(entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let found = text.lines().filter_map(|line| line.trim().strip_prefix("fn "));
            names.extend(found.filter(|f| f.starts_with("chk_")).map(|f| f.split('(').next().unwrap_or(f).to_owned()));
        }
    }
    Ok(names)
}

/// The tests of each rule: those whose names have its number, and those that the rule itself names.
pub fn tests(names: &BTreeSet<String>) -> Tests {
    let mut tests = Tests::new();
    for name in names {
        for id in numbers(name) {
            tests.entry(id).or_default().insert(name.clone());
        }
    }
    for rule in RULES {
        tests.entry(rule.id).or_default().extend(rule.also.iter().map(|&name| name.to_owned()));
    }
    tests
}

/// The rules that a test's name begins with: `chk_1_4_and_3_3_6_…`, `chk_7_3_to_7_5_…`.
fn numbers(name: &str) -> Vec<&'static str> {
    let mut words = name.strip_prefix("chk_").unwrap_or(name).split('_').peekable();
    let (mut found, mut range): (Vec<&'static str>, bool) = (vec![], false);
    loop {
        let mut number: Vec<&str> = vec![];
        while let Some(word) = words.next_if(|w| w.parse::<u32>().is_ok()) {
            number.push(word);
        }
        let mut rest = number.as_slice();
        while !rest.is_empty() {
            // The longest number that is a rule's: 3.1.4, then 3.1, then 3.
            let longest = (1..=rest.len().min(3)).rev();
            let Some((n, rule)) = { longest }.find_map(|n| Some((n, rules::find(&rest[..n].join("."))?))) else {
                break;
            };
            if range {
                let from = RULES.iter().position(|r| Some(&r.id) == found.last()).map_or(0, |at| at + 1);
                found.extend(RULES[from..].iter().map(|r| r.id).take_while(|id| *id != rule.id));
            }
            (range, rest) = (false, &rest[n..]);
            found.push(rule.id);
        }
        match words.next() {
            Some("and") => {}
            Some("to") => range = true,
            _ => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[track_caller]
    fn check(name: &str, want: &[&str]) {
        assert_eq!(numbers(name), want);
    }

    #[test]
    fn numbers_of_names() {
        check("chk_7_1_edges_merge", &["7.1"]);
        check("chk_14_movi", &["14"]);
        check("chk_3_1_4_group_1_gates_lpis", &["3.1.4"]);
        check("chk_3_1_control_has_three_layouts", &["3.1"]);
        check("chk_1_4_and_3_3_6_unimplemented", &["1.4", "3.3.6"]);
        check("chk_7_3_to_7_5_active_and_pending", &["7.3", "7.4", "7.5"]);
        check("chk_10_3_10_4_and_10_10_ends", &["10.3", "10.4", "10.10"]);
    }
}
