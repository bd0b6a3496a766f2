//! Lines as words. A word ends at white space that is not in parentheses; a statement at `;` or the end of its line.

use super::Problem;

/// A word, and where it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub at: At,
}

/// A place in a script; both count from 1, columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct At {
    pub line: u32,
    pub column: u32,
}

impl At {
    pub fn after(self, characters: usize) -> At {
        At { column: self.column + characters as u32, ..self }
    }

    pub fn problem(self, message: impl Into<String>) -> Problem {
        Problem { line: self.line, column: self.column, message: message.into() }
    }
}

/// The words of one statement, taken one after another.
pub(super) struct Words<'a> {
    words: Vec<Word<'a>>,
    next: usize,
    end: At,
}

/// The statements of a line, each with its text.
pub(super) fn statements(line: u32, text: &str) -> Vec<(&str, Words<'_>)> {
    let code = text.split('#').next().unwrap_or_default();
    let (mut found, mut column) = (vec![], 1);
    for statement in code.split(';') {
        let words = words(At { line, column }, statement);
        let length = statement.chars().count() as u32;
        column += length + 1;
        if let Some(first) = words.first() {
            let end = At { line, column: words.last().map_or(first.at, |w| w.at.after(w.text.chars().count())).column };
            found.push((statement.trim(), Words { words, next: 0, end }));
        }
    }
    found
}

fn words(start: At, statement: &str) -> Vec<Word<'_>> {
    let (mut words, mut begin, mut depth) = (vec![], None, 0u32);
    for (column, (at, c)) in statement.char_indices().enumerate() {
        depth = match c {
            '(' => depth + 1,
            ')' => depth.saturating_sub(1),
            _ => depth,
        };
        match (c.is_whitespace() && depth == 0, begin) {
            (true, Some((from, at_column))) => {
                words.push(Word { text: &statement[from..at], at: start.after(at_column) });
                begin = None;
            }
            (false, None) => begin = Some((at, column)),
            _ => {}
        }
    }
    if let Some((from, at_column)) = begin {
        words.push(Word { text: statement[from..].trim_end(), at: start.after(at_column) });
    }
    words
}

impl<'a> Words<'a> {
    pub fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.next).copied()
    }

    /// The next word; `expected` says what it would be.
    pub fn next(&mut self, expected: &str) -> Result<Word<'a>, Problem> {
        let word =
            self.peek().ok_or_else(|| self.end.problem(format!("expected {expected}, and the statement ends")))?;
        self.next += 1;
        Ok(word)
    }

    /// Takes this word, if it is next.
    pub fn take(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.text == text);
        self.next += usize::from(found);
        found
    }

    /// Takes the value of `key=value`, wherever it stands among the rest.
    pub fn option(&mut self, key: &str) -> Option<Word<'a>> {
        let value = |word: &Word<'a>| Some((word.text.strip_prefix(key)?.strip_prefix('=')?, word.at));
        let at = self.next + self.words[self.next..].iter().position(|word| value(word).is_some())?;
        let (text, place) = value(&self.words.remove(at))?;
        Some(Word { text, at: place.after(key.chars().count() + 1) })
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Problem> {
        match self.peek() {
            Some(word) => {
                Err(word.at.problem(format!("expected `-> RESULT` or the end of the statement, found `{}`", word.text)))
            }
            None => Ok(()),
        }
    }
}
