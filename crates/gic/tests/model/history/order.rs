//! Is a history linearizable? There must be an order of the operations' steps, in which none comes before one that was
//! over when it began, that gives each in the sequential model the result it had.

use super::step::{Forwarded, Progress, Restless, Steps, step};
use super::{Event, PPI, SHARED};
use crate::spec::Model;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Ordered,
    None,
    /// The search was given up.
    Unknown,
}

pub fn order(model: &Model, events: &[Event], forwarded: Forwarded) -> Verdict {
    let restless = events.iter().map(|event| Restless::during(event, events)).collect();
    let at = vec![Progress::default(); events.len()];
    let mut search = Search { events, restless, forwarded, at, budget: 2_000_000, seen: HashSet::default() };
    match search.ordered(model) {
        _ if search.budget == 0 => Verdict::Unknown,
        true => Verdict::Ordered,
        false => Verdict::None,
    }
}

/// Quick: what is hashed is mixed already.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
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
    restless: Vec<Restless>,
    forwarded: Forwarded,
    /// How far each is.
    at: Vec<Progress>,
    budget: u32,
    /// Where it has been, in vain.
    seen: HashSet<u64, BuildHasherDefault<Mix>>,
}

impl Search<'_> {
    fn ordered(&mut self, model: &Model) -> bool {
        let Some(first_over) = self.left().map(|event| event.over).min() else { return true };
        if self.budget == 0 {
            return true;
        }
        self.budget -= 1;
        for n in 0..self.events.len() {
            let (event, was) = (&self.events[n], self.at[n]);
            // One of those still to come was over before this began.
            if was.is_over() || was == Progress::default() && first_over < event.began {
                continue;
            }
            // A thread's operations are in its order, whatever the clock's resolution.
            if self.events[..n].iter().zip(&self.at).any(|(e, at)| e.pe == event.pe && !at.is_over()) {
                continue;
            }
            for choice in 0..2 {
                let others = Steps(self.events, &self.at);
                let why = (self.restless[n], self.forwarded);
                let Some((next, at)) = step(model, event, why, was, choice, &others) else { continue };
                self.at[n] = at;
                // While only one goes on there is nothing that could be met again.
                let alone = self.left().filter(|event| event.began <= first_over).count() < 2;
                if (alone || self.seen.insert(self.digest(&next))) && self.ordered(&next) {
                    return true;
                }
                self.at[n] = was;
            }
        }
        false
    }

    fn left(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().zip(&self.at).filter(|(_, at)| !at.is_over()).map(|(event, _)| event)
    }

    /// Of all that histories change.
    fn digest(&self, model: &Model) -> u64 {
        let mut mix = Mix::default();
        self.at.iter().for_each(|at| at.hash(&mut mix));
        for id in SHARED {
            model.shared_index(id as usize).map(|n| &model.shared[n]).hash(&mut mix);
        }
        for pe in &model.pes {
            [0, 1, PPI as usize].map(|n| &pe.private[n]).hash(&mut mix);
            (pe.declines, pe.pmr, pe.bpr, pe.enabled, pe.active, pe.nmi_active).hash(&mut mix);
        }
        (&model.gates, model.e1nwf, &model.lpis).hash(&mut mix);
        mix.finish()
    }
}
