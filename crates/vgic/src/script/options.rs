//! What a VM of a script is made of: the options of `vm`.

use super::Problem;
use super::parse::{one_of, protocol};
use super::value;
use super::words::{Word, Words};
use crate::{Host, Kernel, LockProtocol};
use std::ops::Range;

/// The options of `vm`.
#[derive(Clone)]
pub(super) struct VmOptions {
    pub kernel: &'static Kernel,
    pub protocol: LockProtocol,
    pub host: Host,
    pub memory: Range<u64>,
}

impl Default for VmOptions {
    fn default() -> VmOptions {
        VmOptions {
            kernel: &Kernel::V7_3,
            protocol: LockProtocol::Upstream,
            host: Host::default(),
            memory: 0x4000_0000..0x4100_0000,
        }
    }
}

/// More RAM than scripts need, and every host has.
const MOST_MEMORY: u64 = 1 << 30;

impl VmOptions {
    pub fn parse(words: &mut Words, number: &dyn Fn(Word) -> Result<u64, Problem>) -> Result<VmOptions, Problem> {
        let mut options = VmOptions::default();
        let host = &mut options.host;
        if let Some(word) = words.option("kernel") {
            let names: Vec<_> = Kernel::ALL.iter().map(|kernel| kernel.name).collect();
            options.kernel = Kernel::by_name(word.text).ok_or_else(|| one_of("a kernel", &names, word))?;
        }
        if let Some(word) = words.option("protocol") {
            options.protocol = protocol(word)?;
        }
        let flags = [
            ("a3v", &mut host.affinity3),
            ("seis", &mut host.local_serrors),
            ("direct_sgis", &mut host.direct_sgis),
            ("gicv2", &mut host.gicv2),
        ];
        for (key, flag) in flags {
            if let Some(word) = words.option(key) {
                *flag = limited(word, number, 0, 1)? != 0;
            }
        }
        let numbers = [
            ("priority_bits", &mut host.priority_bits, 5, 7),
            ("id_bits", &mut host.id_bits, 0, 1),
            ("ipa_bits", &mut host.address_bits, 32, 52),
        ];
        for (key, value, least, most) in numbers {
            if let Some(word) = words.option(key) {
                *value = limited(word, number, least, most)? as u8;
            }
        }
        if let Some(word) = words.option("memory") {
            let (first, end) = value::range(word, &|_| None)?;
            if end < first || end - first > MOST_MEMORY {
                return Err(word.at.problem("expected memory FIRST..END of no more than 1G"));
            }
            options.memory = first..end;
        }
        match words.peek().filter(|word| word.text != "->") {
            Some(word) => Err(one_of("an option KEY=VALUE", KEYS, word)),
            None => Ok(options),
        }
    }
}

const KEYS: &[&str] =
    &["kernel", "protocol", "a3v", "seis", "direct_sgis", "gicv2", "priority_bits", "id_bits", "ipa_bits", "memory"];

fn limited(word: Word, number: &dyn Fn(Word) -> Result<u64, Problem>, least: u64, most: u64) -> Result<u64, Problem> {
    let value = number(word)?;
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(word.at.problem(format!("expected a number from {least} to {most}, found {value:#x}"))),
    }
}
