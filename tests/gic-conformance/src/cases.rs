//! The cases: text, one file for each area, so that adding one is adding a line.
//!
//! `RULE name: statements` (see `statement`), continued on lines that begin with a space; `#` begins a comment. After
//! the name may stand `[cold]`, for a case that sees the GIC as it comes out of reset, or `[choice: WHY]`, for one
//! that expects what is our choice among several that the architecture leaves: it is not counted. After a line
//! `[two states]` cases are for a program that runs at EL3, until `[one state]`.

use crate::guest::States;
use crate::statement::{self, Statement};
use anyhow::{Context, Result, ensure};
use std::path::Path;

const FILES: &[&str] = &[
    include_str!("../cases/identity.txt"),
    include_str!("../cases/registers.txt"),
    include_str!("../cases/states.txt"),
    include_str!("../cases/priorities.txt"),
    include_str!("../cases/acknowledge.txt"),
    include_str!("../cases/routing.txt"),
    include_str!("../cases/its.txt"),
    include_str!("../cases/extended.txt"),
    include_str!("../cases/nmi.txt"),
    include_str!("../cases/secure.txt"),
    include_str!("../cases/virtual.txt"),
];

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The rule it checks, as `rules` numbers it.
    pub rule: String,
    /// Its name, unique within the rule.
    pub name: String,
    /// It runs before anything is set up.
    pub cold: bool,
    /// How many security states there are.
    pub states: States,
    /// Why another result would be permitted too.
    pub choice: Option<String>,
    /// What it does, with the texts.
    pub statements: Vec<(String, Statement)>,
}

impl Case {
    /// How the program and the table call it.
    pub fn id(&self) -> String {
        format!("CHK-{} {}", self.rule, self.name)
    }
}

/// The cases of the suite.
pub fn all() -> Result<Vec<Case>> {
    parse(&FILES.concat())
}

/// The cases of a file.
pub fn from_file(path: &Path) -> Result<Vec<Case>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read cases from {}", path.display()))?;
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Result<Vec<Case>> {
    let mut whole: Vec<String> = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match whole.last_mut().filter(|_| line.starts_with(' ')) {
            Some(last) => *last += line,
            None => whole.push(line.to_owned()),
        }
    }
    let mut states = States::One;
    let mut cases = vec![];
    for line in &whole {
        match line.trim() {
            "[one state]" => states = States::One,
            "[two states]" => states = States::Two,
            line => cases.push(Case { states, ..case(line)? }),
        }
    }
    let mut names: Vec<_> = cases.iter().map(Case::id).collect();
    names.sort();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(twice.is_none(), "two cases are called {}", names[0]);
    Ok(cases)
}

fn case(line: &str) -> Result<Case> {
    let (head, cold) = match line.split_once(" [cold]:") {
        Some((head, rest)) => ((head, rest), true),
        None => (("", ""), false),
    };
    let (head, rest, choice) = match (cold, line.split_once(" [choice: ")) {
        (true, _) => (head.0, head.1, None),
        (false, Some((head, rest))) => {
            let (why, rest) = rest.split_once("]:").with_context(|| format!("`]:` is missing in `{line}`"))?;
            (head, rest, Some(why.to_owned()))
        }
        (false, None) => {
            let (head, rest) = line.split_once(':').with_context(|| format!("`:` is missing in `{line}`"))?;
            (head, rest, None)
        }
    };
    let (rule, name) = head.split_once(' ').with_context(|| format!("a rule and a name are missing in `{line}`"))?;
    let statements = statement::parse(rest).map_err(|part| anyhow::anyhow!("CHK-{head}: `{part}` is no statement"))?;
    let (rule, name) = (rule.to_owned(), name.to_owned());
    Ok(Case { rule, name, cold, states: States::One, choice, statements })
}
