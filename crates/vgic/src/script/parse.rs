//! Statements: what each is made of, from its words.

use super::Problem;
use super::memory::Pointer;
use super::names::{self, lookup};
use super::options::VmOptions;
use super::value;
use super::words::{self, At, Word, Words};
use crate::uapi::{CREATE_DEVICE_TEST, group};
use crate::{Errno, LockProtocol};
use hw::AccessSize;

/// A statement, where it stands, and how it ends.
pub(super) struct Statement {
    pub at: At,
    /// As it was written.
    pub text: String,
    pub verb: Verb,
    pub expected: Expected,
}

/// How a statement is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    Success,
    Value(u64),
    Refusal(Errno),
    Waits,
}

/// What a statement does.
pub(super) enum Verb {
    Vm(VmOptions),
    Protocol(LockProtocol),
    Vcpu {
        first: u32,
        count: u32,
        initialise: bool,
        el2: bool,
    },
    Init {
        id: u32,
        el2: bool,
    },
    Device {
        kind: u32,
        flags: u32,
        name: String,
    },
    Attribute {
        device: String,
        access: Access,
        pointer: Pointer,
    },
    Sweep {
        device: String,
        access: Access,
        first: u64,
        last: u64,
        step: u64,
    },
    Ioctl {
        device: String,
        request: u32,
        pointer: Pointer,
    },
    Hold(u32),
    Running(u32),
    /// A vCPU's ioctl or run ends: its name for that.
    LetGo(u32, Held),
    Run(u32),
    Finish,
    Guest {
        frame: GuestFrame,
        offset: u64,
        size: AccessSize,
        write: Option<u64>,
    },
    Line {
        vcpu: Option<u32>,
        intid: u32,
        high: bool,
    },
    RamRead {
        at: u64,
        size: usize,
    },
    RamWrite {
        at: u64,
        size: usize,
        values: Vec<u64>,
    },
}

/// What a vCPU is kept in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Ioctl,
    Run,
}

/// One attribute, and what is done with it.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub op: Op,
    pub group: u32,
    pub attr: u64,
    pub flags: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Set,
    Get,
    Has,
    /// GET, and SET to what was read.
    Rewrite,
}

/// A frame of registers, as guests see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GuestFrame {
    Distributor,
    /// RD_base and SGI_base of the vCPU with this id.
    Redistributor(u32),
}

const OPS: &[(&str, Op)] = &[("set", Op::Set), ("get", Op::Get), ("has", Op::Has), ("rewrite", Op::Rewrite)];

/// KVM_SET_DEVICE_ATTR and its neighbours, by the numbers of the ioctls.
const REQUESTS: &[(&str, u64)] = &[
    ("SET_DEVICE_ATTR", crate::uapi::request::SET_DEVICE_ATTR as u64),
    ("GET_DEVICE_ATTR", crate::uapi::request::GET_DEVICE_ATTR as u64),
    ("HAS_DEVICE_ATTR", crate::uapi::request::HAS_DEVICE_ATTR as u64),
];

const SIZES: &[(&str, AccessSize)] = &[
    ("byte", AccessSize::Byte),
    ("half", AccessSize::Half),
    ("word", AccessSize::Word),
    ("double", AccessSize::Double),
];

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

struct Parser {
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
            _ => Expected::Value(value::value(result, &|name| self.constant(name)).map_err(|problem| {
                let message = format!("{}; a result is ok, a value, waits, or such as EBUSY", problem.message);
                Problem { message, ..problem }
            })?),
        })
    }

    // Numbers.

    fn constant(&self, name: &str) -> Option<u64> {
        match name {
            "MAX" => Some(self.max),
            "UNSET" => Some(crate::uapi::UNSET),
            _ => None,
        }
    }

    fn number(&self, word: Word) -> Result<u64, Problem> {
        value::value(word, &|name| self.constant(name))
    }

    fn next_number(&self, words: &mut Words, expected: &str) -> Result<u64, Problem> {
        self.number(words.next(expected)?)
    }

    fn u32(&self, words: &mut Words, expected: &str) -> Result<u32, Problem> {
        self.narrow(words.next(expected)?)
    }

    fn narrow(&self, word: Word) -> Result<u32, Problem> {
        let number = self.number(word)?;
        number.try_into().map_err(|_| word.at.problem(format!("expected a number of 32 bits, found {number:#x}")))
    }

    fn id(&self, words: &mut Words) -> Result<u32, Problem> {
        self.u32(words, "the id of a vCPU")
    }

    // Devices and attributes.

    fn device(&self, words: &mut Words) -> Result<Verb, Problem> {
        let flags = words.option("flags").map_or(Ok(0), |word| self.narrow(word))?;
        let kind = words.next("a type of device")?;
        let number = match lookup(names::DEVICES, kind.text) {
            Some(number) => number,
            None if kind.text.starts_with(|c: char| c.is_ascii_digit()) => self.narrow(kind)?,
            None => return Err(one_of("a type of device, or its number", &listed(names::DEVICES), kind)),
        };
        let test = if words.take("test") { CREATE_DEVICE_TEST } else { 0 };
        let name = match words.take("as") {
            true => words.next("a name for the device")?.text,
            false if kind.text == "its" => "its",
            false => "vgic",
        };
        Ok(Verb::Device { kind: number, flags: flags | test, name: name.to_owned() })
    }

    fn attribute(&self, op: Op, words: &mut Words) -> Result<Verb, Problem> {
        let flags = words.option("flags").map_or(Ok(0), |word| self.narrow(word))?;
        let attr = words.option("attr");
        let (device, group) = self.device_and_group(words)?;
        let attr = match (attr, group) {
            (Some(word), _) => self.attr(group, word)?,
            // Their attribute is never looked at.
            (None, group::NR_IRQS | group::MAINT_IRQ) => 0,
            (None, _) => self.affinity(words)? | self.attr(group, words.next("an attribute")?)?,
        };
        let pointer = self.pointer(op, group, words)?;
        Ok(Verb::Attribute { device, access: Access { op, group, attr, flags }, pointer })
    }

    fn device_and_group(&self, words: &mut Words) -> Result<(String, u32), Problem> {
        let mut device = None;
        if let Some(word) = words.peek().filter(|word| word.text.starts_with(|c: char| c.is_ascii_lowercase())) {
            device = Some(words.next("a device")?.text).filter(|_| !word.text.is_empty());
        }
        let word = words.next("a group of attributes")?;
        let group = match lookup(names::GROUPS, word.text) {
            Some(group) => group,
            None if word.text.starts_with(|c: char| c.is_ascii_digit()) => self.narrow(word)?,
            None => return Err(one_of("a group, or its number", &listed(names::GROUPS), word)),
        };
        let default = if group == group::ITS_REGS { "its" } else { "vgic" };
        Ok((device.unwrap_or(default).to_owned(), group))
    }

    fn attr(&self, group: u32, word: Word) -> Result<u64, Problem> {
        value::value(word, &|name| names::attribute(group, name).or_else(|| self.constant(name)))
    }

    /// `@ID`, the affinity that a vCPU of that id gets, or `@AFF3.AFF2.AFF1.AFF0`, in bits 63:32.
    fn affinity(&self, words: &mut Words) -> Result<u64, Problem> {
        let Some(word) = words.peek().filter(|word| word.text.starts_with('@')) else { return Ok(0) };
        words.next("an affinity")?;
        let inner = Word { text: &word.text[1..], at: word.at.after(1) };
        if !inner.text.contains('.') {
            let id = self.narrow(inner)?;
            let affinity = crate::vcpus::affinity_of(id).packed();
            return Ok(u64::from(affinity) << 32);
        }
        let parts: Vec<u8> = inner.text.split('.').filter_map(|part| part.parse().ok()).collect();
        let dots = inner.text.split('.').count();
        match <[u8; 4]>::try_from(parts) {
            Ok(bytes) if dots == 4 => Ok(u64::from(u32::from_be_bytes(bytes)) << 32),
            _ => Err(inner.at.problem(format!("expected a vCPU's id or AFF3.AFF2.AFF1.AFF0, found `{}`", inner.text))),
        }
    }

    /// The value of a SET, what a GET finds where it writes, or where that is not.
    fn pointer(&self, op: Op, group: u32, words: &mut Words) -> Result<Pointer, Problem> {
        if words.take("bad") {
            return Ok(Pointer::Bad);
        }
        let short = words.take("short");
        let given = words.peek().filter(|word| word.text != "->");
        let value = match given {
            Some(_) if op == Op::Set || op == Op::Get => self.next_number(words, "a value")?,
            None if op == Op::Set && group != group::CTRL => self.next_number(words, "a value, or `bad`")?,
            _ => 0,
        };
        Ok(if short { Pointer::Short(value) } else { Pointer::To(value) })
    }

    fn sweep(&self, words: &mut Words) -> Result<Verb, Problem> {
        let word = words.next("get, has or rewrite")?;
        let op = lookup(OPS, word.text).filter(|&op| op != Op::Set);
        let op = op.ok_or_else(|| one_of("what to do", &["get", "has", "rewrite"], word))?;
        let step = words.option("step").map_or(Ok(4), |word| self.number(word))?;
        let (device, group) = self.device_and_group(words)?;
        let base = self.affinity(words)?;
        let range = words.next("a range FIRST..LAST")?;
        let names = |name: &str| names::attribute(group, name).or_else(|| self.constant(name));
        let (first, last) = value::range(range, &names)?;
        if step == 0 || first > last || (last - first) / step >= MOST {
            return Err(range.at.problem(format!("expected FIRST..LAST upwards, of no more than {MOST} steps")));
        }
        let access = Access { op, group, attr: base, flags: 0 };
        Ok(Verb::Sweep { device, access, first, last, step })
    }

    fn ioctl(&self, words: &mut Words) -> Result<Verb, Problem> {
        let word = words.next("the number of an ioctl")?;
        let names = |name: &str| lookup(REQUESTS, name);
        let request = value::value(word, &names)?;
        let request = u32::try_from(request).map_err(|_| word.at.problem("expected a number of 32 bits"))?;
        let pointer = if words.take("bad") { Pointer::Bad } else { Pointer::To(0) };
        Ok(Verb::Ioctl { device: "vgic".to_owned(), request, pointer })
    }

    // The guest's side.

    fn guest(&self, words: &mut Words) -> Result<Verb, Problem> {
        let what = words.next("read or write")?;
        let write = match what.text {
            "read" => false,
            "write" => true,
            _ => return Err(one_of("an access", &["read", "write"], what)),
        };
        let size = words.peek().and_then(|word| lookup(SIZES, word.text));
        if size.is_some() {
            words.next("a size")?;
        }
        let name = words.next("GICD or GICR")?;
        let (frame, group) = match name.text {
            "GICD" => (GuestFrame::Distributor, group::DIST_REGS),
            "GICR" => {
                let word = words.next("@ID of a vCPU")?;
                let id = word.text.strip_prefix('@').ok_or_else(|| one_of("the vCPU", &["@ID"], word))?;
                let id = self.narrow(Word { text: id, at: word.at.after(1) })?;
                (GuestFrame::Redistributor(id), group::REDIST_REGS)
            }
            _ => return Err(one_of("a frame", &["GICD", "GICR"], name)),
        };
        let offset = self.attr(group, words.next("an offset or a register")?)?;
        let write = if write { Some(self.next_number(words, "a value")?) } else { None };
        Ok(Verb::Guest { frame, offset, size: size.unwrap_or(AccessSize::Word), write })
    }

    fn line(&self, words: &mut Words) -> Result<Verb, Problem> {
        let vcpu = match words.peek().filter(|word| word.text.starts_with('@')) {
            Some(word) => {
                words.next("a vCPU")?;
                Some(self.narrow(Word { text: &word.text[1..], at: word.at.after(1) })?)
            }
            None => None,
        };
        let intid = self.u32(words, "an INTID")?;
        let level = words.next("high or low")?;
        let high = match level.text {
            "high" => true,
            "low" => false,
            _ => return Err(one_of("a level", &["high", "low"], level)),
        };
        Ok(Verb::Line { vcpu, intid, high })
    }

    fn ram(&self, words: &mut Words) -> Result<Verb, Problem> {
        let what = words.next("read or write")?;
        let size = words.peek().and_then(|word| lookup(SIZES, word.text));
        if size.is_some() {
            words.next("a size")?;
        }
        let size = size.unwrap_or(AccessSize::Double).bytes() as usize;
        let at = self.next_number(words, "a guest physical address")?;
        match what.text {
            "read" => Ok(Verb::RamRead { at, size }),
            "write" => {
                let mut values = value::values(words.next("a value")?, &|name| self.constant(name))?;
                while words.peek().is_some_and(|word| word.text != "->") {
                    values.extend(value::values(words.next("a value")?, &|name| self.constant(name))?);
                }
                Ok(Verb::RamWrite { at, size, values })
            }
            _ => Err(one_of("an access", &["read", "write"], what)),
        }
    }
}

/// Steps of a sweep: every byte of GICR's two frames.
const MOST: u64 = 0x2_0000;

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

fn listed<T>(list: &[(&'static str, T)]) -> Vec<&'static str> {
    list.iter().map(|(name, _)| *name).collect()
}

pub(super) fn one_of(what: &str, known: &[&str], found: Word) -> Problem {
    found.at.problem(format!("expected {what} ({}), found `{}`", known.join(", "), found.text))
}
