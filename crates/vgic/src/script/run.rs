//! Statements, one after another: what each is to give, and what is said where it gives something else.

use super::machine::{Got, Machine};
use super::statement::{Expected, Held, Statement, Verb};
use super::{Failure, Unexpected};

/// What the statements so far have made.
#[derive(Default)]
pub(super) struct Runner {
    machine: Option<Machine>,
}

impl Runner {
    /// Statements are about a machine that runs.
    pub fn on(machine: Machine) -> Runner {
        Runner { machine: Some(machine) }
    }

    /// Does one statement.
    pub fn step(&mut self, statement: &Statement) -> Result<(), Failure> {
        if self.machine.as_ref().is_some_and(|it| it.runs) && !statement.verb.suits_a_running_machine() {
            let message = "expected a statement for a machine that runs: protocol (but blocking), set, get, has, rewrite, \
                           sweep, ioctl, guest, line, ram";
            return Err(Failure::Script(statement.at.problem(message)));
        }
        if let Verb::Vm(options) = &statement.verb {
            self.machine = None;
            self.machine = Some(Machine::new(options));
            return Ok(());
        }
        let no_vm = || Failure::Script(statement.at.problem("expected `vm` before any other statement"));
        let machine = self.machine.as_mut().ok_or_else(no_vm)?;
        let (mut failed, mut last) = (None, Got::Done);
        machine
            .perform(statement, &mut |at, got| {
                last = got;
                let as_expected = matches(statement.expected, got);
                if !as_expected {
                    failed = Some((at, got));
                }
                as_expected
            })
            .map_err(Failure::Script)?;
        match failed {
            Some((at, got)) => Err(Failure::Unexpected(Box::new(machine.unexpected(statement, at, got)))),
            None => Ok(()),
        }
    }
}

fn matches(expected: Expected, got: Got) -> bool {
    match (expected, got) {
        (Expected::Success, Got::Done | Got::Value(_)) | (Expected::Value(0), Got::Done) => true,
        (Expected::Value(expected), Got::Value(got)) => expected == got,
        (Expected::Refusal(errno), Got::Refused(refusal)) => errno == refusal.errno,
        (Expected::Waits, Got::Waits) => true,
        _ => false,
    }
}

impl Machine {
    fn unexpected(&self, statement: &Statement, at: Option<u64>, got: Got) -> Unexpected {
        let place = at.map_or(String::new(), |at| format!(" at {at:#x}"));
        let (got, refusal) = match got {
            Got::Done => ("ok".to_owned(), None),
            Got::Value(value) => (format!("{value:#x}"), None),
            Got::Refused(refusal) => (refusal.errno.to_string(), Some(refusal)),
            Got::Waits => ("waits: what it waits for is held".to_owned(), None),
        };
        let expected = match statement.expected {
            Expected::Success => "ok".to_owned(),
            Expected::Value(value) => format!("{value:#x}"),
            Expected::Refusal(errno) => errno.to_string(),
            Expected::Waits => "waits".to_owned(),
        };
        let held = { self.held.iter() }.map(|(id, keeper)| {
            let how = if keeper.how == Held::Run { "runs" } else { "is held inside an ioctl" };
            format!("the vCPU with id {id} {how} since line {}", keeper.line)
        });
        Unexpected {
            line: statement.at.line,
            column: statement.at.column,
            statement: statement.text.clone(),
            expected,
            got: got + &place,
            refusal,
            locks: self.vm.locks(),
            held: held.collect(),
        }
    }
}
