//! Scripts: attribute calls as text, with what they are to give, so that a bug report is a file.
//!
//! A line has statements, separated by `;`; `#` begins a comment. `-> RESULT` says how a statement is to end: `ok`, a
//! value, an error number's name, or `waits`; without it, it is to succeed. The first that does otherwise ends the script.
//! Names in capitals are those of Linux's headers and of IHI 0069, less their prefixes; a number is good wherever a name
//! is.
//!
//! | statement | what it does |
//! |---|---|
//! | `vm [KEY=VALUE…]` | begins anew with another VM: `kernel`, `protocol`, `memory=FIRST..END`; of the host `priority_bits`, `id_bits`, `a3v`, `seis`, `direct_sgis`, `gicv2`, `ipa_bits` |
//! | `protocol NAME` | accesses to registers lock otherwise from now on |
//! | `vcpu ID [raw] [el2]` | KVM_CREATE_VCPU and, unless `raw`, KVM_ARM_VCPU_INIT |
//! | `vcpus N` | the same for the ids below N |
//! | `init ID [el2]` | KVM_ARM_VCPU_INIT |
//! | `device TYPE [test] [flags=N] [as NAME]` | KVM_CREATE_DEVICE; it is called `vgic`, an ITS `its`, unless it has a name |
//! | `set [DEVICE] GROUP [@CPU] ATTR VALUE` | KVM_SET_DEVICE_ATTR. NR_IRQS and MAINT_IRQ have no ATTR, CTRL has no VALUE |
//! | `get [DEVICE] GROUP [@CPU] ATTR [VALUE]` | KVM_GET_DEVICE_ATTR, where VALUE is in memory before |
//! | `has [DEVICE] GROUP [@CPU] ATTR` | KVM_HAS_DEVICE_ATTR |
//! | `rewrite [DEVICE] GROUP [@CPU] ATTR` | GET, then SET to what was read |
//! | `sweep get\|has\|rewrite [DEVICE] GROUP [@CPU] FIRST..LAST [step=N]` | the same for each attribute of a range; all are to end alike |
//! | `ioctl NUMBER [bad]` | any ioctl on the VGIC's device |
//! | `run ID` | KVM_RUN, which returns at once |
//! | `running ID`, `stop ID` | KVM_RUN on a thread, until stopped |
//! | `hold ID`, `release ID` | another ioctl of the vCPU on a thread, until released |
//! | `finish` | how the call ends that was `-> waits` |
//! | `guest read\|write [SIZE] GICD\|GICR @ID OFFSET [VALUE]` | a guest's access to a frame; SIZE is `byte`, `half`, `word` or `double` |
//! | `line [@ID] INTID high\|low` | KVM_IRQ_LINE of an SPI, or of a vCPU's PPI |
//! | `ram read\|write [SIZE] ADDRESS [VALUE…]` | guest memory, by default in 64 bits |
//!
//! `@CPU` is the affinity of the vCPU with that id, or AFF3.AFF2.AFF1.AFF0. Instead of VALUE, `bad` is a pointer to
//! nothing, and `short VALUE` one to 4 bytes; `flags=N` and `attr=N` set these fields of the structure. Values are
//! numbers, MAX (the end of guest physical addresses), UNSET (64 ones), sums, shifts and `~`; `region(count, base, flags,
//! index)` is packed as REDIST_REGION is; entries of an ITS's tables are `dte(next, itt, bits)`, `ite(next, intid, icid)`,
//! `cte(vcpu, icid)`, `l1(page)`, and its commands, of four words, such as `mapd(device, itt, bits)`.

mod attributes;
mod guest;
mod machine;
mod memory;
mod names;
mod options;
mod parse;
mod run;
mod statement;
mod value;
mod vcpus;
mod words;

use crate::{Device, LockState, Refusal, Vm};
use std::{fmt, sync::Arc};

/// How a script went: how many statements did as they say, or why it ended before.
#[derive(Debug)]
pub struct Outcome {
    /// As the caller named the script.
    pub name: String,
    /// Statements that ended as they were to.
    pub passed: usize,
    /// Why the next one did not.
    pub failure: Option<Failure>,
}

/// Why a script ended.
#[derive(Debug)]
pub enum Failure {
    /// It is no script, or a statement is about something that is not there. A script that cannot be read is not begun.
    Script(Problem),
    /// A statement ended otherwise than it was to.
    Unexpected(Box<Unexpected>),
}

/// What is wrong with a script, and where; both count from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
    /// What was expected.
    pub message: String,
}

impl Problem {
    fn adding(self, hint: &str) -> Problem {
        Problem { message: format!("{}; {hint}", self.message), ..self }
    }
}

/// A statement that ended otherwise than it was to.
#[derive(Debug)]
pub struct Unexpected {
    /// Its line.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// As it was written.
    pub statement: String,
    /// How it was to end.
    pub expected: String,
    /// How it ended.
    pub got: String,
    /// The check that fired, if it was refused.
    pub refusal: Option<Refusal>,
    /// The locks of the VM afterwards.
    pub locks: Vec<LockState>,
    /// What holds vCPUs, in words of the script.
    pub held: Vec<String>,
}

/// Runs a script; `name` is what messages call it.
pub fn run(text: &str, name: &str) -> Outcome {
    play(text, name, run::Runner::default())
}

/// The same with a VM whose vCPUs run, or pause, in threads of their own, and its devices by name. Statements that make
/// a VM or devices, or are a vCPU's, are refused.
pub fn run_on(text: &str, name: &str, vm: Arc<Vm>, devices: impl IntoIterator<Item = (String, Device)>) -> Outcome {
    play(text, name, run::Runner::on(machine::Machine::running(vm, devices.into_iter().collect())))
}

fn play(text: &str, name: &str, mut runner: run::Runner) -> Outcome {
    let mut outcome = Outcome { name: name.to_owned(), passed: 0, failure: None };
    match parse::parse(text) {
        Ok(statements) => {
            for statement in &statements {
                if let Err(failure) = runner.step(statement) {
                    outcome.failure = Some(failure);
                    break;
                }
                outcome.passed += 1;
            }
        }
        Err(problem) => outcome.failure = Some(Failure::Script(problem)),
    }
    outcome
}

impl Outcome {
    /// Did every statement end as it was to?
    pub fn is_success(&self) -> bool {
        self.failure.is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.failure {
            None => write!(f, "{name}: {} statements, all as expected", self.passed),
            Some(Failure::Script(problem)) => write!(f, "{name}:{problem}"),
            Some(Failure::Unexpected(unexpected)) => write!(f, "{name}:{unexpected}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}: {}", self.line, self.column, self.statement)?;
        writeln!(f, "  expected  {}", self.expected)?;
        write!(f, "  got       {}", self.got)?;
        if let Some(refusal) = self.refusal {
            write!(f, "\n  check     {refusal}")?;
        }
        if !self.locks.is_empty() {
            write!(f, "\n  locks     {}", locks(&self.locks).join("; "))?;
        }
        self.held.iter().try_for_each(|held| write!(f, "\n            {held}"))
    }
}

/// What is said of each lock; of more than two vCPUs in a row that are free, once.
fn locks(all: &[LockState]) -> Vec<String> {
    let is_free = |lock: &LockState| lock.name.starts_with('V') && lock.holder.is_none() && lock.waiting == 0;
    let alike = all.chunk_by(|one, next| is_free(one) && is_free(next));
    let said = alike.flat_map(|locks| match locks {
        [first, _, .., last] => vec![format!("{} to {} free", first.name, last.name)],
        few => few.iter().map(LockState::to_string).collect(),
    });
    said.collect()
}
