//! Statements about what the guest and the wires do, from their words.

use super::Problem;
use super::names::lookup;
use super::parse::{Parser, one_of};
use super::statement::{GuestFrame, Verb};
use super::value;
use super::words::{Word, Words};
use crate::uapi::group;
use hw::AccessSize;

const SIZES: &[(&str, AccessSize)] = &[
    ("byte", AccessSize::Byte),
    ("half", AccessSize::Half),
    ("word", AccessSize::Word),
    ("double", AccessSize::Double),
];

impl Parser {
    pub(super) fn guest(&self, words: &mut Words) -> Result<Verb, Problem> {
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

    pub(super) fn line(&self, words: &mut Words) -> Result<Verb, Problem> {
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

    pub(super) fn ram(&self, words: &mut Words) -> Result<Verb, Problem> {
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
