//! The language of cases: one statement, what it does, and how it is written.
//!
//! A case is statements between `;`. Registers are named as in the manual (`GICD.CTLR`, `GICR1.WAKER`, `PMR`), fields
//! of an interrupt by what they are (`pending[40]`), and accesses may say their size (`GICD.TYPER:8`).
//!
//! | statement | meaning |
//! |---|---|
//! | `P = V` | write |
//! | `P == V`, `P != V`, `P & M == V` | read; the case fails unless it holds |
//! | `until P == V` | the same, before 1.6 seconds are over |
//! | `need P == V` | the case is skipped unless it holds |
//! | `irq`, `fiq`, `no irq`, `no fiq`, `quiet` | which signals ISR_EL1 shows; `quiet` is none |
//! | `take N`, `take fiq N` | the exception is taken, and IAR1 or IAR0 read in its handler gives N |
//! | `took el3 N`, `took fiq el3 N` | the statement before was interrupted by EL3, which read N |
//! | `line up`, `line down`, `timer up`, `timer down` | level of the UART's SPI 33, of the virtual timer's PPI 27 |
//! | `timer soon` | the virtual timer's line rises in a millisecond |
//! | `wfi` | WFI with interrupts masked |
//! | `rwp` | until no RWP bit is 1 |
//! | `undef P`, `undef P = V` | the access is UNDEFINED |
//! | `trap P`, `trap P = V` | the access is taken to EL3 |
//! | `lpis up`, `its up` | LPI tables and EnableLPIs on every PE; the same, and an ITS with empty tables |
//! | `its mapd 1 4` … | a command of the ITS, executed before the next statement |
//! | `try its …` | the same, but it may be refused, and may stall the queue |
//! | `times N …` | the statement N times |
//! | `pe1: …` | PE 1 does it while PE 0 waits |
//! | `s: …`, `ns: …` | Secure or Non-secure EL1 does it, where the program runs at EL3 |

use crate::board::*;
use crate::registers::{self, Field, Place};

/// How a value that was read is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// What is read.
    pub place: Place,
    /// The bits that count.
    pub mask: u64,
    /// What they shall be, or not be.
    pub value: u64,
    /// `==`.
    pub equal: bool,
}

/// What one statement does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Writes.
    Write(Place, u64),
    /// Reads and compares at once.
    Check(Look),
    /// Reads until it compares, or time is up.
    Until(Look),
    /// Reads, and skips the case unless it compares.
    Need(Look),
    /// A signal is there: its bit in ISR_EL1.
    Signal(u32),
    /// None of these signals is there.
    NoSignal(u32),
    /// Takes an exception, 1 for IRQ and 2 for FIQ, of an INTID.
    Take(u32, u32),
    /// The last exception was this one; 0x30 more at EL3.
    Took(u32, u32),
    /// UNDEFINED access to a system register; the value for a write.
    Undefined(u32, Option<u64>),
    /// The same for one that EL3 takes.
    Trapped(u32, Option<u64>),
    /// The virtual timer's line.
    Timer(Line),
    /// WFI.
    Wait,
    /// Until no RWP bit is set.
    Rwp,
    /// LPI tables, and LPIs on.
    Lpis,
    /// The same, and an ITS.
    Its,
    /// A command of the ITS; may it fail?
    Command([u64; 4], bool),
}

/// What becomes of the timer's line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// High at once.
    Up,
    /// Low at once.
    Down,
    /// High in a millisecond.
    Soon,
}

/// Who does a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// PE 0, at the level at which the program runs.
    First,
    /// PE 1, at the same.
    Second,
    /// PE 0 at Secure EL1.
    Secure,
    /// PE 0 at Non-secure EL1.
    NonSecure,
}

impl Who {
    /// Number of the PE.
    pub fn pe(self) -> u64 {
        u64::from(self == Who::Second)
    }
}

/// One statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Who does it.
    pub who: Who,
    /// How often.
    pub times: u32,
    /// What.
    pub action: Action,
}

/// Decimal or hexadecimal, with `_` anywhere.
pub fn number(text: &str) -> Option<u64> {
    let text = text.trim().replace('_', "");
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The statements of a case, with their texts; the error is the text that is none.
pub fn parse(text: &str) -> Result<Vec<(String, Statement)>, String> {
    let words = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let parts = text.split(';').map(words).filter(|part| !part.is_empty());
    parts.map(|part| statement(&part).map(|s| (part.clone(), s)).ok_or(part)).collect()
}

fn statement(text: &str) -> Option<Statement> {
    let others = [("pe1: ", Who::Second), ("s: ", Who::Secure), ("ns: ", Who::NonSecure)];
    let other = others.iter().find_map(|&(prefix, who)| Some((who, text.strip_prefix(prefix)?)));
    let (who, text) = other.unwrap_or((Who::First, text));
    let (times, text) = match text.strip_prefix("times ").and_then(|rest| rest.split_once(' ')) {
        Some((times, rest)) => (number(times)? as u32, rest),
        None => (1, text),
    };
    Some(Statement { who, times, action: action(text, who.pe())? })
}

/// ISR_EL1.I and F.
const IRQ: u32 = 1 << 7;
const FIQ: u32 = 1 << 6;

fn action(text: &str, pe: u64) -> Option<Action> {
    match text {
        "irq" => return Some(Action::Signal(IRQ)),
        "fiq" => return Some(Action::Signal(FIQ)),
        "no irq" => return Some(Action::NoSignal(IRQ)),
        "no fiq" => return Some(Action::NoSignal(FIQ)),
        "quiet" => return Some(Action::NoSignal(IRQ | FIQ)),
        "line up" => return Some(Action::Write(Place::Memory(UART + 0x38, 4), 0x20)),
        "line down" => return Some(Action::Write(Place::Memory(UART + 0x38, 4), 0)),
        "timer up" => return Some(Action::Timer(Line::Up)),
        "timer down" => return Some(Action::Timer(Line::Down)),
        "timer soon" => return Some(Action::Timer(Line::Soon)),
        "wfi" => return Some(Action::Wait),
        "rwp" => return Some(Action::Rwp),
        "lpis up" => return Some(Action::Lpis),
        "its up" => return Some(Action::Its),
        _ => {}
    }
    let (word, rest) = text.split_once(' ')?;
    match word {
        "until" => Some(Action::Until(look(rest, pe)?)),
        "need" => Some(Action::Need(look(rest, pe)?)),
        "take" => {
            let (kind, rest) = rest.strip_prefix("fiq ").map_or((1, rest), |rest| (2, rest));
            Some(Action::Take(kind, number(rest)? as u32))
        }
        "took" => {
            let (kind, rest) = rest.strip_prefix("fiq ").map_or((1, rest), |rest| (2, rest));
            Some(Action::Took(0x30 | kind, number(rest.strip_prefix("el3 ")?)? as u32))
        }
        "undef" | "trap" => {
            let refused = if word == "undef" { Action::Undefined } else { Action::Trapped };
            let (name, value) = match rest.split_once(" = ") {
                Some((name, value)) => (name, Some(number(value)?)),
                None => (rest, None),
            };
            Some(refused(registers::system(name)?, value))
        }
        "its" => Some(Action::Command(command(rest)?, false)),
        "try" => Some(Action::Command(command(rest.strip_prefix("its ")?)?, true)),
        _ if text.contains("==") || text.contains("!=") => Some(Action::Check(look(text, pe)?)),
        _ => {
            let (to, value) = text.split_once(" = ")?;
            Some(Action::Write(place(to, pe)?, number(value)?))
        }
    }
}

fn look(text: &str, pe: u64) -> Option<Look> {
    let (left, value, equal) = match (text.split_once(" == "), text.split_once(" != ")) {
        (Some((left, value)), _) => (left, value, true),
        (None, Some((left, value))) => (left, value, false),
        _ => return None,
    };
    let (left, mask) = match left.split_once(" & ") {
        Some((left, mask)) => (left, number(mask)?),
        None => (left, !0),
    };
    Some(Look { place: place(left, pe)?, mask, value: number(value)?, equal })
}

fn place(text: &str, pe: u64) -> Option<Place> {
    if let Some((name, index)) = text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        let n = number(index)?;
        return match name {
            "config" => Some(Place::Memory(CONFIG + n.checked_sub(8192)?, 1)),
            "memory" => Some(Place::Memory(SCRATCH + 8 * n, 8)),
            "tables" => Some(Place::Memory(TABLES + 8 * n, 8)),
            "table0" | "table1" => Some(Place::PendingTable(u64::from(name == "table1"), n as u32)),
            _ => Some(Place::Field(Field::by_name(name)?, n as u32)),
        };
    }
    if let Some(operand) = registers::system(text) {
        return Some(Place::System(operand));
    }
    let (name, size) = match text.split_once(':') {
        Some((name, bits)) => (name, Some(number(bits)? as u8 / 8)),
        None => (text, None),
    };
    let (address, usual) = registers::memory(name, pe)?;
    Some(Place::Memory(address, size.unwrap_or(usual)))
}

/// IHI 0069, "ITS command descriptions": opcode and fields of the physical commands.
fn command(text: &str) -> Option<[u64; 4]> {
    let (name, rest) = text.split_once(' ')?;
    let n: Vec<u64> = rest.split(' ').map(number).collect::<Option<_>>()?;
    let valid = 1 << 63;
    let event = |opcode: u64, n: &[u64]| [opcode | n[0] << 32, n[1], 0, 0];
    let itt = |device: u64| ITTS + (device % DEVICES) * ITT_STRIDE;
    Some(match (name, n.as_slice()) {
        ("movi", [_, _, icid]) => [event(1, &n)[0], n[1], *icid, 0],
        ("int", [_, _]) => event(3, &n),
        ("clear", [_, _]) => event(4, &n),
        ("sync", [pe]) => [5, 0, pe << 16, 0],
        // Bits of EventID: the field holds one less.
        ("mapd", [device, bits]) => [8 | device << 32, bits - 1, valid | itt(*device), 0],
        ("unmapd", [device]) => [8 | device << 32, 0, 0, 0],
        ("mapc", [icid, pe]) => [9, 0, valid | pe << 16 | icid, 0],
        ("unmapc", [icid]) => [9, 0, *icid, 0],
        ("mapti", [_, event_id, lpi, icid]) => [event(0xa, &n)[0], lpi << 32 | event_id, *icid, 0],
        ("mapi", [_, event_id, icid]) => [event(0xb, &n)[0], *event_id, *icid, 0],
        ("inv", [_, _]) => event(0xc, &n),
        ("invall", [icid]) => [0xd, 0, *icid, 0],
        ("movall", [from, to]) => [0xe, 0, from << 16, to << 16],
        ("discard", [_, _]) => event(0xf, &n),
        ("raw", [a, b, c, d]) => [*a, *b, *c, *d],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Action) {
        assert_eq!(parse(text).expect("it parses")[0].1, Statement { who: Who::First, times: 1, action: want });
    }

    #[test]
    fn statements_mean_what_they_say() {
        check("GICD.ISENABLER1 = 0x10", Action::Write(Place::Memory(GICD + 0x104, 4), 0x10));
        check("GICR1.WAKER = 2", Action::Write(Place::Memory(GICR + GICR_STRIDE + 0x14, 4), 2));
        check("pending[40] = 1", Action::Write(Place::Field(Field::Pending, 40), 1));
        let place = Place::Memory(GICR + 0x1_0400, 1);
        let look = Look { place, mask: 0xf0, value: 0xa0, equal: true };
        check("until GICR.IPRIORITYR0:8 & 0xf0 == 0xa0", Action::Until(look));
        check("take fiq 40", Action::Take(2, 40));
        check("its mapti 1 2 8192 3", Action::Command([1 << 32 | 0xa, 8192 << 32 | 2, 3, 0], false));
    }

    #[test]
    fn what_is_no_statement_is_named() {
        assert_eq!(parse("irq; GICD.NOTHING = 1"), Err("GICD.NOTHING = 1".to_owned()));
        assert_eq!(parse("its mapti 1 2"), Err("its mapti 1 2".to_owned()));
    }
}
