//! Statements from their words: what they are, and how they are to end. Those about attributes, and about the guest,
//! are in `attributes` and `guest`.

use super::Problem;
use super::names::lookup;
use super::options::VmOptions;
use super::statement::{Expected, Held, Op, Statement, Verb};
use super::value;
use super::words::{self, Word, Words};
use crate::{Errno, LockProtocol};

pub(super) const OPS: &[(&str, Op)] = &[("set", Op::Set), ("get", Op::Get), ("has", Op::Has), ("rewrite", Op::Rewrite)];

/// All statements of a script.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>, Problem> {
    let mut parser = Parser { max: 1 << VmOptions::default().host.address_bits };
    let mut script = vec![];
    for (n, line) in text.lines().enumerate() {
        for (text, words) in words::statements(n as u32 + 1, line) {
            script.push(parser.statement(text, words)?);
        }
    }
    Ok(script)
}

pub(super) struct Parser {
    /// The end of guest physical addresses in the VM that a statement is about.
    max: u64,
}

impl Parser {
    fn statement(&mut self, text: &str, mut words: Words) -> Result<Statement, Problem> {
        let first = words.next("a statement")?;
        let verb = self.verb(first, &mut words)?;
        let expected = self.expected(&mut words)?;
        words.end()?;
        Ok(Statement { at: first.at, text: text.to_owned(), verb, expected })
    }

    fn verb(&mut self, first: Word, words: &mut Words) -> Result<Verb, Problem> {
        if let Some(op) = lookup(OPS, first.text) {
            return self.attribute(op, words);
        }
        Ok(match first.text {
            "vm" => {
                let options = VmOptions::parse(words, &|word| self.number(word))?;
                self.max = 1 << options.host.address_bits;
                Verb::Vm(options)
            }
            "protocol" => Verb::Protocol(protocol(words.next("the name of a lock protocol")?)?),
            "vcpu" => {
                let first = self.id(words)?;
                let initialise = !words.take("raw");
                Verb::Vcpu { first, count: 1, initialise, el2: words.take("el2") }
            }
            "vcpus" => Verb::Vcpu { first: 0, count: self.u32(words, "how many vCPUs")?, initialise: true, el2: false },
            "init" => Verb::Init { id: self.id(words)?, el2: words.take("el2") },
            "device" => self.device(words)?,
            "sweep" => self.sweep(words)?,
            "ioctl" => self.ioctl(words)?,
            "hold" => Verb::Hold(self.id(words)?),
            "release" => Verb::LetGo(self.id(words)?, Held::Ioctl),
            "run" => Verb::Run(self.id(words)?),
            "running" => Verb::Running(self.id(words)?),
            "stop" => Verb::LetGo(self.id(words)?, Held::Run),
            "finish" => Verb::Finish,
            "guest" => self.guest(words)?,
            "line" => self.line(words)?,
            "ram" => self.ram(words)?,
            _ => return Err(one_of("a statement", STATEMENTS, first)),
        })
    }

    fn expected(&self, words: &mut Words) -> Result<Expected, Problem> {
        if !words.take("->") {
            return Ok(Expected::Success);
        }
        let result = words.next("a result: ok, a value, waits, or an error number's name")?;
        Ok(match (result.text, Errno::by_name(result.text)) {
            ("ok", _) => Expected::Success,
            ("waits", _) => Expected::Waits,
            (_, Some(errno)) => Expected::Refusal(errno),
            _ => Expected::Value(
                value::value(result, &|name| self.constant(name))
                    .map_err(|problem| problem.adding("a result is ok, a value, waits, or such as EBUSY"))?,
            ),
        })
    }

    // Numbers.

    pub(super) fn constant(&self, name: &str) -> Option<u64> {
        match name {
            "MAX" => Some(self.max),
            "UNSET" => Some(crate::uapi::UNSET),
            _ => None,
        }
    }

    pub(super) fn number(&self, word: Word) -> Result<u64, Problem> {
        value::value(word, &|name| self.constant(name))
    }

    pub(super) fn next_number(&self, words: &mut Words, expected: &str) -> Result<u64, Problem> {
        self.number(words.next(expected)?)
    }

    pub(super) fn u32(&self, words: &mut Words, expected: &str) -> Result<u32, Problem> {
        self.narrow(words.next(expected)?)
    }

    pub(super) fn narrow(&self, word: Word) -> Result<u32, Problem> {
        let number = self.number(word)?;
        number.try_into().map_err(|_| word.at.problem(format!("expected a number of 32 bits, found {number:#x}")))
    }

    pub(super) fn id(&self, words: &mut Words) -> Result<u32, Problem> {
        self.u32(words, "the id of a vCPU")
    }
}

/// Protocols that cannot be relied on would take the process with them.
pub(super) fn protocol(word: Word) -> Result<LockProtocol, Problem> {
    let sound = LockProtocol::by_name(word.text).filter(|wanted| LockProtocol::sound().any(|sound| sound == *wanted));
    let names: Vec<_> = LockProtocol::sound().map(LockProtocol::name).collect();
    sound.ok_or_else(|| one_of("a lock protocol that can be relied on", &names, word))
}

/// What statements begin with.
const STATEMENTS: &[&str] = &[
    "vm", "protocol", "vcpu", "vcpus", "init", "device", "set", "get", "has", "rewrite", "sweep", "ioctl", "hold",
    "release", "run", "running", "stop", "finish", "guest", "line", "ram",
];

pub(super) fn listed<T>(list: &[(&'static str, T)]) -> Vec<&'static str> {
    list.iter().map(|(name, _)| *name).collect()
}

pub(super) fn one_of(what: &str, known: &[&str], found: Word) -> Problem {
    found.at.problem(format!("expected {what} ({}), found `{}`", known.join(", "), found.text))
}
