//! Values: numbers, names, sums, and the packed words of regions, table entries and ITS commands.

use super::Problem;
use super::words::{At, Word};

/// What names mean where a value stands.
pub(super) type Names<'a> = &'a dyn Fn(&str) -> Option<u64>;

/// One value.
pub(super) fn value(word: Word, names: Names) -> Result<u64, Problem> {
    match values(word, names)?[..] {
        [value] => Ok(value),
        _ => Err(word.at.problem(format!("expected one value; `{}` is a command of four", word.text))),
    }
}

/// Values one after another: a command of an ITS has four.
pub(super) fn values(word: Word, names: Names) -> Result<Vec<u64>, Problem> {
    let characters: Vec<char> = word.text.chars().collect();
    let mut parser = Parser { characters: &characters, next: 0, at: word.at, names, depth: 0 };
    let values = parser.sum()?;
    match parser.next == characters.len() {
        true => Ok(values),
        false => Err(parser.problem("an operator, + - or <<")),
    }
}

/// `FIRST..LAST`.
pub(super) fn range(word: Word, names: Names) -> Result<(u64, u64), Problem> {
    let (first, last) = word
        .text
        .split_once("..")
        .ok_or_else(|| word.at.problem(format!("expected a range FIRST..LAST, found `{}`", word.text)))?;
    let then = word.at.after(first.chars().count() + 2);
    Ok((value(Word { text: first, at: word.at }, names)?, value(Word { text: last, at: then }, names)?))
}

struct Parser<'a> {
    characters: &'a [char],
    next: usize,
    at: At,
    names: Names<'a>,
    depth: u32,
}

/// Nested deeper than any script of a person.
const DEPTH: u32 = 32;

impl Parser<'_> {
    fn problem(&self, expected: &str) -> Problem {
        let found: String = self.characters[self.next..].iter().collect();
        let found = if found.is_empty() { "its end".to_owned() } else { format!("`{found}`") };
        self.at.after(self.next).problem(format!("expected {expected}, found {found}"))
    }

    fn take(&mut self, text: &str) -> bool {
        while self.depth > 0 && self.characters.get(self.next).is_some_and(|c| c.is_whitespace()) {
            self.next += 1;
        }
        let found = self.characters[self.next..].iter().copied().take(text.len()).eq(text.chars());
        self.next += if found { text.len() } else { 0 };
        found
    }

    fn sum(&mut self) -> Result<Vec<u64>, Problem> {
        let mut values = self.shift()?;
        loop {
            let minus = self.take("-");
            if !minus && !self.take("+") {
                return Ok(values);
            }
            let operand = self.single(|it| it.shift())?;
            let Some(value) = values.first_mut() else { return Ok(values) };
            *value = if minus { value.wrapping_sub(operand) } else { value.wrapping_add(operand) };
        }
    }

    fn shift(&mut self) -> Result<Vec<u64>, Problem> {
        let mut values = self.term()?;
        while self.take("<<") {
            let by = self.single(|it| it.term())?;
            let Some(value) = values.first_mut() else { break };
            *value = u32::try_from(by).ok().and_then(|by| value.checked_shl(by)).unwrap_or(0);
        }
        Ok(values)
    }

    fn single(&mut self, parse: impl Fn(&mut Self) -> Result<Vec<u64>, Problem>) -> Result<u64, Problem> {
        let begin = self.next;
        match parse(self)?[..] {
            [value] => Ok(value),
            _ => Err(self.at.after(begin).problem("expected one value, not a command")),
        }
    }

    fn term(&mut self) -> Result<Vec<u64>, Problem> {
        if self.depth >= DEPTH {
            return Err(self.problem("fewer parentheses"));
        }
        self.depth += 1;
        let term = self.term_below();
        self.depth -= 1;
        term
    }

    fn term_below(&mut self) -> Result<Vec<u64>, Problem> {
        if self.take("~") {
            return Ok(vec![!self.single(|it| it.term())?]);
        }
        if self.take("(") {
            let inner = self.sum()?;
            return if self.take(")") { Ok(inner) } else { Err(self.problem("`)`")) };
        }
        let begin = self.next;
        let word: String =
            { self.characters[begin..].iter() }.take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
        self.next += word.len();
        if word.is_empty() {
            return Err(self.problem("a value"));
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return number(&word)
                .map(|n| vec![n])
                .ok_or_else(|| self.at.after(begin).problem(format!("expected a number of 64 bits, found `{word}`")));
        }
        if self.take("(") {
            return self.call(&word, begin);
        }
        (self.names)(&word).map(|n| vec![n]).ok_or_else(|| {
            self.at.after(begin).problem(format!("expected a number or a name that is known here, found `{word}`"))
        })
    }

    fn call(&mut self, name: &str, begin: usize) -> Result<Vec<u64>, Problem> {
        let Some(&(_, parameters, make)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            let known: Vec<_> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
            return Err(self.at.after(begin).problem(format!("expected one of {}, found `{name}`", known.join(", "))));
        };
        let mut arguments = vec![];
        for (n, parameter) in parameters.iter().enumerate() {
            if n > 0 && !self.take(",") {
                return Err(self.problem(&format!("`,` and {parameter}")));
            }
            self.take(""); // white space
            arguments.push(self.single(|it| it.sum())?);
        }
        if !self.take(")") {
            return Err(self.problem(&format!("`)` after {}", parameters.join(", "))));
        }
        Ok(make(&arguments))
    }
}

/// `0x` and `_` as in Rust; K, M and G are powers of 1024.
fn number(word: &str) -> Option<u64> {
    let digits = word.replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    let (digits, shift) = match digits.char_indices().last()? {
        (at, 'K') => (&digits[..at], 10),
        (at, 'M') => (&digits[..at], 20),
        (at, 'G') => (&digits[..at], 30),
        _ => (&digits[..], 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

type Make = fn(&[u64]) -> Vec<u64>;

/// Functions, their parameters, and the words they are: a value of REDIST_REGION; entries of an ITS's tables as ABI
/// revision 0 has them (docits); and commands of an ITS (IHI 0069, "ITS commands").
const FUNCTIONS: &[(&str, &[&str], Make)] = &[
    ("region", &["count", "base", "flags", "index"], |a| {
        vec![(a[0] << 52).wrapping_add(a[1]).wrapping_add(a[2] << 12).wrapping_add(a[3])]
    }),
    ("dte", &["next", "itt", "bits"], |a| vec![1 << 63 | a[0] << 49 | a[1] >> 8 << 5 | a[2].wrapping_sub(1) & 0x1f]),
    ("ite", &["next", "intid", "icid"], |a| vec![a[0] << 48 | a[1] << 16 | a[2]]),
    ("cte", &["vcpu", "icid"], |a| vec![1 << 63 | a[0] << 16 | a[1]]),
    ("l1", &["page"], |a| vec![1 << 63 | a[0]]),
    ("mapd", &["device", "itt", "bits"], |a| vec![0x08 | a[0] << 32, a[2].wrapping_sub(1) & 0x1f, 1 << 63 | a[1], 0]),
    ("unmapd", &["device"], |a| vec![0x08 | a[0] << 32, 0, 0, 0]),
    ("mapc", &["icid", "vcpu"], |a| vec![0x09, 0, 1 << 63 | a[1] << 16 | a[0], 0]),
    ("unmapc", &["icid"], |a| vec![0x09, 0, a[0], 0]),
    ("mapti", &["device", "event", "intid", "icid"], |a| vec![0x0a | a[0] << 32, a[1] | a[2] << 32, a[3], 0]),
    ("int", &["device", "event"], |a| vec![0x03 | a[0] << 32, a[1], 0, 0]),
    ("clear", &["device", "event"], |a| vec![0x04 | a[0] << 32, a[1], 0, 0]),
    ("discard", &["device", "event"], |a| vec![0x0f | a[0] << 32, a[1], 0, 0]),
    ("inv", &["device", "event"], |a| vec![0x0c | a[0] << 32, a[1], 0, 0]),
    ("invall", &["icid"], |a| vec![0x0d, 0, a[0], 0]),
    ("sync", &["vcpu"], |a| vec![0x05, 0, a[0] << 16, 0]),
];
