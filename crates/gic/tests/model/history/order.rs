//! Is a history linearizable? There must be an order of the operations, in which none comes before one that was over
//! when it began, that gives each in the sequential model the result it had.
//!
//! An acknowledge has two steps: at one instant the interrupt was the best that was signalled, at a later one it was
//! taken, and it was ready from the one to the other, though GICD_CTLR or GICR_WAKER may have closed meanwhile. (One step for both would need more than one word to change at
//! once; IHI 0069 has a CPU interface hold what the redistributor last sent it.) Between interrupts of one priority any
//! may be first. Writes of GICD_CTLR and GICR_WAKER have a step for each PE and group. Everything else is one step.

use super::rig::{bit, configure_model, register, write_of};
use super::{Event, NONE, Op, PES, PPI};
use crate::spec::Model;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Ordered,
    None,
    /// The search was given up.
    Unknown,
}

const OVER: u8 = u8::MAX;

pub fn order(model: &Model, events: &[Event]) -> Verdict {
    let mut search = Search { events, state: vec![0; events.len()], budget: 2_000_000, seen: HashSet::new() };
    match search.ordered(model) {
        _ if search.budget == 0 => Verdict::Unknown,
        true => Verdict::Ordered,
        false => Verdict::None,
    }
}

/// Quick: a state is some thousand fields, and few states are met again.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u8(&mut self, v: u8) {
        self.write_u64(v.into());
    }
    fn write_u32(&mut self, v: u32) {
        self.write_u64(v.into());
    }
    fn write_usize(&mut self, v: usize) {
        self.write_u64(v as u64);
    }
    fn write_u64(&mut self, v: u64) {
        self.0 = (self.0.rotate_left(23) ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// Depth first.
struct Search<'a> {
    /// By when they began.
    events: &'a [Event],
    /// How many steps of each are done, or `OVER`.
    state: Vec<u8>,
    budget: u32,
    /// Where it has been, in vain.
    seen: HashSet<u64>,
}

impl Search<'_> {
    fn ordered(&mut self, model: &Model) -> bool {
        let Some(first_over) = self.left().map(|event| event.over).min() else { return true };
        if self.budget == 0 {
            return true;
        }
        self.budget -= 1;
        for n in 0..self.events.len() {
            let event = &self.events[n];
            // One of those still to come was over before this began.
            if self.state[n] == OVER || self.state[n] == 0 && first_over < event.began {
                continue;
            }
            // A thread's operations are in its order, whatever the clock's resolution.
            if self.events[..n].iter().zip(&self.state).any(|(e, s)| e.pe == event.pe && *s != OVER) {
                continue;
            }
            let was = self.state[n];
            if let Some((next, now)) = step(model, event, was) {
                self.state[n] = now;
                // While only one goes on there is nothing that could be met again.
                let alone = self.left().filter(|event| event.began <= first_over).count() < 2;
                let hash = || BuildHasherDefault::<Mix>::default().hash_one((&self.state, &next));
                if (alone || self.seen.insert(hash())) && self.ordered(&next) {
                    return true;
                }
                self.state[n] = was;
            }
        }
        false
    }

    fn left(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().zip(&self.state).filter(|(_, s)| **s != OVER).map(|(event, _)| event)
    }
}

/// Does the next step of an operation in the model; `None` if it cannot have had its result now.
fn step(model: &Model, event: &Event, done: u8) -> Option<(Model, u8)> {
    let mut next = model.clone();
    let pe = event.pe;
    let is = |fits: bool, next: Model| fits.then_some((next, OVER));
    // One gate of each group of a PE.
    let gate = |next: &mut Model, pe: usize, group: usize, which: usize, open: bool| {
        next.gates.as_mut().expect("histories have them")[pe][group][which] = open;
    };
    let more = |last: usize| if done as usize == last { OVER } else { done + 1 };
    match event.op {
        Op::Wire { id, high } => next.wire(0, id as usize, high),
        Op::Ppi { pe, high } => next.wire(pe, PPI as usize, high),
        Op::Priority { .. } | Op::Route { .. } => configure_model(&mut next, event.op),
        Op::Sgi { id, pe: to } => next.sgi(pe, 1, id << 24 | 1 << to),
        Op::ReadPending { id } => {
            return is(
                next.read_distributor(register(id, 0x200, 0x1600) as usize, false) & bit(id) == event.result,
                next,
            );
        }
        Op::ReadActive { id } => {
            return is(
                next.read_distributor(register(id, 0x300, 0x1a00) as usize, false) & bit(id) == event.result,
                next,
            );
        }
        Op::Forward { value } => {
            let (pe, group) = (done as usize / 2, done as usize % 2);
            gate(&mut next, pe, group, 0, value >> group & 1 != 0);
            return Some((next, more(2 * PES - 1)));
        }
        Op::Sleep { pe, asleep } => {
            gate(&mut next, pe, done as usize, 1, !asleep);
            return Some((next, more(1)));
        }
        Op::Pmr { value } => next.set_pmr(pe, value),
        Op::Bpr { value } => next.set_bpr1(pe, value),
        Op::Open { group, on } => next.pes[pe].enabled[group] = on,
        Op::End { group, id } => next.eoi(pe, group, id),
        Op::Highest { group } => {
            let best = next.highest(pe);
            let fits = match event.result {
                NONE => best.is_none_or(|best| best.group != group) || next.first_of_any_group(pe, group, best),
                id => next.is_first(pe, id as usize, best),
            };
            return is(fits, next);
        }
        Op::Acknowledge { group } => match (event.result, done) {
            (NONE, _) => {
                let best = next.signalled(pe);
                let none = best.is_none_or(|best| best.group != group) || next.first_of_any_group(pe, group, best);
                return is(none, next);
            }
            (id, 0) => {
                let best = next.signalled(pe);
                return next.is_first(pe, id as usize, best).then_some((next, 1));
            }
            (id, _) => {
                // What has been forwarded is not called back: a gate may have closed since.
                let gates = next.gates.replace(vec![[[true; 2]; 3]; PES]);
                let taken = next.take_ready(pe, id as usize);
                next.gates = gates;
                return is(taken, next);
            }
        },
        _ => {
            let (offset, value) = write_of(event.op).expect("all others are writes of words");
            next.write_distributor(offset as usize, false, value);
        }
    }
    Some((next, OVER))
}
