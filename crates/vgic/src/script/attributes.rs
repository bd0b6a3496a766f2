//! Statements about devices and their attributes, from their words.

use super::Problem;
use super::memory::Pointer;
use super::names::{self, lookup};
use super::parse::{OPS, Parser, listed, one_of};
use super::statement::{Access, Op, Verb};
use super::value;
use super::words::{Word, Words};
use crate::uapi::{self, CREATE_DEVICE_TEST, group};

/// KVM_SET_DEVICE_ATTR and its neighbours, by the numbers of the ioctls.
const REQUESTS: &[(&str, u64)] = &[
    ("SET_DEVICE_ATTR", uapi::request::SET_DEVICE_ATTR as u64),
    ("GET_DEVICE_ATTR", uapi::request::GET_DEVICE_ATTR as u64),
    ("HAS_DEVICE_ATTR", uapi::request::HAS_DEVICE_ATTR as u64),
];

/// Steps of a sweep: every byte of GICR's two frames.
const MOST: u64 = 0x2_0000;

impl Parser {
    pub(super) fn device(&self, words: &mut Words) -> Result<Verb, Problem> {
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

    pub(super) fn attribute(&self, op: Op, words: &mut Words) -> Result<Verb, Problem> {
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

    pub(super) fn attr(&self, group: u32, word: Word) -> Result<u64, Problem> {
        value::value(word, &|name| names::attribute(group, name).or_else(|| self.constant(name)))
            .map_err(|problem| problem.adding(&names::known(group)))
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
            Some(word) if op == Op::Set || op == Op::Get => {
                let hint = match word.text.chars().next() {
                    Some('=') => Some("a result is after `->`"),
                    Some('A'..='Z') if op == Op::Get => Some("a vCPU is @ID before the attribute"),
                    _ => None,
                };
                let value = self.next_number(words, "a value");
                value.map_err(|problem| hint.map_or(problem.clone(), |hint| problem.adding(hint)))?
            }
            None if op == Op::Set && group != group::CTRL => self.next_number(words, "a value, or `bad`")?,
            _ => 0,
        };
        Ok(if short { Pointer::Short(value) } else { Pointer::To(value) })
    }

    pub(super) fn sweep(&self, words: &mut Words) -> Result<Verb, Problem> {
        let word = words.next("get, has or rewrite")?;
        let op = lookup(OPS, word.text).filter(|&op| op != Op::Set);
        let op = op.ok_or_else(|| one_of("what to do", &["get", "has", "rewrite"], word))?;
        let step = words.option("step").map_or(Ok(4), |word| self.number(word))?;
        let (device, group) = self.device_and_group(words)?;
        let base = self.affinity(words)?;
        let range = words.next("a range FIRST..LAST")?;
        let names = |name: &str| names::attribute(group, name).or_else(|| self.constant(name));
        let (first, last) = value::range(range, &names).map_err(|problem| problem.adding(&names::known(group)))?;
        if step == 0 || first > last || (last - first) / step >= MOST {
            return Err(range.at.problem(format!("expected FIRST..LAST upwards, of no more than {MOST} steps")));
        }
        let access = Access { op, group, attr: base, flags: 0 };
        Ok(Verb::Sweep { device, access, first, last, step })
    }

    pub(super) fn ioctl(&self, words: &mut Words) -> Result<Verb, Problem> {
        let word = words.next("the number of an ioctl")?;
        let names = |name: &str| lookup(REQUESTS, name);
        let request = value::value(word, &names)?;
        let request = u32::try_from(request).map_err(|_| word.at.problem("expected a number of 32 bits"))?;
        let pointer = if words.take("bad") { Pointer::Bad } else { Pointer::To(0) };
        Ok(Verb::Ioctl { device: "vgic".to_owned(), request, pointer })
    }
}
