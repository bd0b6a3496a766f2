//! What the program printed, read.

use crate::cases::Case;

/// How a case ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All statements held.
    Pass,
    /// What it needs is not there: the statement that said so.
    Skip(String),
    /// The statement that failed, and what was seen.
    Fail(String),
    /// The program printed nothing of it.
    Missing,
}

/// The verdict of each of `cases`.
pub fn read(output: &str, cases: &[Case]) -> Vec<Verdict> {
    let of = |case: &Case| {
        let start = format!("{} ", case.id());
        let line = output.lines().find_map(|line| line.trim_end().strip_prefix(&start));
        line.and_then(|line| verdict(line, case)).unwrap_or(Verdict::Missing)
    };
    cases.iter().map(of).collect()
}

/// `pass`, `skip step 0x3`, `fail step 0x3 got 0x0 expected 0x1`, `fail step 0x3 exception 0x… at 0x…`.
fn verdict(line: &str, case: &Case) -> Option<Verdict> {
    if line == "pass" {
        return Some(Verdict::Pass);
    }
    let (kind, rest) = line.split_once(" step ")?;
    let (step, seen) = rest.split_once(' ').unwrap_or((rest, ""));
    let number = usize::from_str_radix(step.strip_prefix("0x")?, 16).ok()?;
    let text = match number.checked_sub(1) {
        Some(at) => case.statements.get(at)?.0.clone(),
        None => "before the first statement".to_owned(),
    };
    match kind {
        "skip" => Some(Verdict::Skip(text)),
        "fail" => Some(Verdict::Fail(format!("`{text}`: {seen}"))),
        _ => None,
    }
}

/// Counts of verdicts that count: passed, failed, skipped.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Score {
    /// Passed.
    pub pass: usize,
    /// Failed, or not reached.
    pub fail: usize,
    /// Skipped.
    pub skip: usize,
}

impl Score {
    /// Of these; cases that test a choice do not count.
    pub fn of<'a>(verdicts: impl Iterator<Item = (&'a Case, &'a Verdict)>) -> Score {
        verdicts.filter(|(case, _)| case.choice.is_none()).fold(Score::default(), |mut score, (_, verdict)| {
            match verdict {
                Verdict::Pass => score.pass += 1,
                Verdict::Skip(_) => score.skip += 1,
                Verdict::Fail(_) | Verdict::Missing => score.fail += 1,
            }
            score
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let cases = crate::cases::parse("7.1 a: quiet; irq\n7.1 b: quiet\n7.1 c: quiet\n7.1 d: quiet").expect("cases");
        let output = "CHK-7.1 a fail step 0x2 got 0x0 expected 0x80\r\nCHK-7.1 b pass\nCHK-7.1 c skip step 0x1\n";
        let fail = Verdict::Fail("`irq`: got 0x0 expected 0x80".into());
        assert_eq!(read(output, &cases), [fail, Verdict::Pass, Verdict::Skip("quiet".into()), Verdict::Missing]);
    }
}
