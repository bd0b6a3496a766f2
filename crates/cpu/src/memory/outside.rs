//! Accesses that somebody outside answers: where there is neither RAM nor a device of the bus, a PE with
//! [`Vcpu::outside`] leaves with `Exit::Outside` instead of taking an external abort.
//!
//! The PC is then still that of the access. Who answers says so in `answer`, and has the instruction executed again, and
//! nothing before it: it finds the answer, and finishes.

use crate::mmu::{Need, Place};
use crate::{FaultStatus, Vcpu};
use hw::{Leave, PhysAddr};

/// An access as the outside sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Where.
    pub pa: u64,
    /// How many bytes: 1, 2, 4 or 8.
    pub bytes: u64,
    /// What is written; `None` for a read.
    pub write: Option<u64>,
}

/// What a PE and the outside have to say to each other.
#[derive(Debug, Default)]
pub struct Outside {
    /// After `Exit::Outside`: the access, or `None` if it is none that one answer would do for (several registers,
    /// exclusives, atomics, across two pages).
    pub asked: Option<Asked>,
    /// The answer that waits for its access to be executed again: what is read.
    pub answer: Option<(Asked, u64)>,
}

impl Vcpu {
    /// Does nobody but the outside answer at `pa`?
    pub(super) fn is_outside(&self, pa: u64) -> bool {
        self.outside.is_some() && self.shared.bus.find(PhysAddr(pa)).is_none()
    }

    /// Asks the outside, or takes its answer.
    pub(super) fn ask_outside(&mut self, asked: Option<Asked>) -> Result<u64, Leave> {
        let outside = self.outside.as_mut().expect("only a PE that has an outside asks it");
        match outside.answer.take() {
            Some((of, value)) if Some(of) == asked => Ok(value),
            _ => {
                outside.asked = asked;
                Err(self.leave(crate::Exit::Outside))
            }
        }
    }

    /// Nothing of the bus answers at `place`, for an access that cannot be handed out: as the PE's kind has it.
    pub(super) fn nowhere(&mut self, place: Place, need: Need, va: u64) -> Leave {
        match self.is_outside(place.pa) {
            true => self.ask_outside(None).expect_err("there is no answer to what was not asked"),
            false => self.abort(FaultStatus::External, need, va),
        }
    }
}
