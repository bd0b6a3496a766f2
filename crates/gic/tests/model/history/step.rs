//! What each operation does in the sequential model, step by step.
//!
//! An acknowledge has two steps: at one instant the interrupt was the best that was signalled, at a later one it was
//! taken, and it was ready from the one to the other, though GICD_CTLR or GICR_WAKER may have closed meanwhile. (One
//! step for both would need more than one word to change at once; IHI 0069 has a CPU interface hold what the
//! redistributor last sent it.) Between interrupts of one priority any may be first. Writes of GICD_CTLR, GICR_WAKER and
//! GICR_CTLR.DPG have a step for each PE and group; what is done to LPIs has those in `commands`. Everything else is
//! one step.
//!
//! Which PE a 1-of-N interrupt is at is not said: any that participates may take it. One that is the only one must, once
//! nothing goes on that could move the interrupt.

use super::rig::{bit, configure_model, register, write_of};
use super::{Event, NONE, Op, PES, PPI, SHARED, commands};
use crate::spec::{Best, Irq, Model, Presence};

/// How far an operation is, and what it keeps between its steps.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Progress {
    pub step: u8,
    /// A PE, or what was found by an acknowledge.
    data: u8,
    pub bytes: [u8; 2],
    pub count: u8,
}

impl Progress {
    pub const OVER: Progress = Progress { step: u8::MAX, data: 0, bytes: [0; 2], count: 0 };

    pub fn to(self, step: u8) -> Progress {
        Progress { step, ..self }
    }
    pub fn with_pe(self, pe: usize) -> Progress {
        Progress { data: pe as u8, ..self }
    }
    pub fn with_byte(mut self, n: usize, byte: u8) -> Progress {
        self.bytes[n] = byte;
        self
    }
    pub fn with_count(self, count: u8) -> Progress {
        Progress { count, ..self }
    }
    pub fn pe(self) -> usize {
        self.data.into()
    }
    pub fn is_over(self) -> bool {
        self == Progress::OVER
    }
}

/// How far all operations are.
pub struct Steps<'a>(pub &'a [Event], pub &'a [Progress]);

impl Steps<'_> {
    pub fn any(&self, is: impl Fn(&Op, &Progress) -> bool) -> bool {
        self.0.iter().zip(self.1).any(|(event, at)| is(&event.op, at))
    }
}

/// What an acknowledge has found when a gate closes, of GICD_CTLR or GICR_WAKER.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forwarded {
    /// It may take it: what has been forwarded is not called back.
    Stays,
    /// It does not take it later.
    #[cfg(shuttle)]
    IsCalledBack,
}

/// What goes on during an operation: a bit for each shared interrupt that may move, and whether a PE may just be
/// leaving 1-of-N.
#[derive(Clone, Copy, Default)]
pub struct Restless {
    moving: u8,
    leaving: bool,
}

impl Restless {
    pub fn during(event: &Event, events: &[Event]) -> Restless {
        let mut it = Restless::default();
        for other in events.iter().filter(|other| other.began <= event.over && event.began <= other.over) {
            it.moving |= match other.op {
                Op::Open { .. } | Op::Decline { .. } | Op::Sleep { .. } | Op::Forward { .. } => u8::MAX,
                op => op.id().and_then(place).map_or(0, |n| 1 << n),
            };
            it.leaving |= matches!(other.op, Op::Decline { .. });
        }
        it
    }
}

fn place(id: u64) -> Option<usize> {
    SHARED.iter().position(|shared| *shared == id)
}

impl Op {
    /// Which interrupt it is about.
    fn id(self) -> Option<u64> {
        match self {
            Op::Wire { id, .. } | Op::Enable { id, .. } | Op::Pend { id, .. } | Op::Group { id, .. } => Some(id),
            Op::Edge { id, .. } | Op::NonMaskable { id, .. } | Op::Priority { id, .. } => Some(id),
            Op::Route { id, .. } | Op::End { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// May this PE be chosen, as the gates are?
fn participates(model: &Model, pe: usize, group: usize) -> bool {
    let (it, gates) = (&model.pes[pe], model.gates.as_ref().expect("histories have them"));
    it.enabled[group] && !it.declines[group] && (gates[pe][group][1] || model.e1nwf)
}

fn presence(model: &Model, restless: Restless, pe: usize, index: usize, irq: &Irq) -> Presence {
    if !irq.one_of_n() {
        return if model.goes_to(irq, pe) { Presence::Certain } else { Presence::Absent };
    }
    let group = irq.group();
    let alone = || (0..PES).all(|other| other == pe || !participates(model, other, group));
    let moving = place(model.shared_id(index) as u64).is_some_and(|n| restless.moving >> n & 1 != 0);
    match participates(model, pe, group) {
        true if !moving && alone() => Presence::Certain,
        true => Presence::Possible,
        false if restless.leaving => Presence::Possible,
        false => Presence::Absent,
    }
}

/// Could this have been found the best of `group`, or NONE? `passes`: is it let through?
fn found(
    model: &Model,
    restless: Restless,
    pe: usize,
    (group, result): (usize, u64),
    passes: impl Fn(&Best) -> bool,
) -> Option<Best> {
    const NOTHING: Best = Best { priority: 0, maskable: true, id: NONE as usize, group: 0 };
    let ready = || model.ready_at(pe, true, move |index, irq| presence(model, restless, pe, index, irq));
    let first = ready().filter(|(_, certain)| *certain).map(|(best, _)| best.urgency()).min();
    let mut firsts = ready().map(|(best, _)| best).filter(|best| first.is_none_or(|first| best.urgency() <= first));
    match result {
        NONE if first.is_none() => Some(NOTHING),
        NONE => firsts.find(|best| best.group != group || !passes(best)),
        id => firsts.find(|best| best.id as u64 == id && best.group == group && passes(best)),
    }
}

/// Does the next step of an operation in the model; `None` if it cannot have had its result now. Some steps have a
/// second `choice`.
pub fn step(
    model: &Model,
    event: &Event,
    (restless, forwarded): (Restless, Forwarded),
    at: Progress,
    choice: usize,
    others: &Steps,
) -> Option<(Model, Progress)> {
    let pe = event.pe;
    if choice != 0 && !matches!((event.op, at.step), (Op::Send { .. }, 0)) {
        return None;
    }
    // What only looks.
    match event.op {
        Op::Highest { group } => {
            found(model, restless, pe, (group, event.result), |_| true)?;
            return Some((model.clone(), Progress::OVER));
        }
        Op::Acknowledge { group } if at.step == 0 => {
            let best = found(model, restless, pe, (group, event.result), |best| model.passes(pe, best))?;
            let next = if event.result == NONE { Progress::OVER } else { at.to(1).with_pe(urgency(&best)) };
            return Some((model.clone(), next));
        }
        _ => {}
    }
    let mut next = model.clone();
    let more = |last: usize| if at.step as usize == last { Progress::OVER } else { at.to(at.step + 1) };
    // One gate of each group of a PE.
    let gate = |next: &mut Model, pe: usize, group: usize, which: usize, open: bool| {
        next.gates.as_mut().expect("histories have them")[pe][group][which] = open;
    };
    let done = at.step as usize;
    let mut reads = |spi, espi, id| next.read_distributor(register(id, spi, espi) as usize, false) & bit(id);
    match event.op {
        Op::ReadPending { id } => return (reads(0x200, 0x1600, id) == event.result).then_some((next, Progress::OVER)),
        Op::ReadActive { id } => return (reads(0x300, 0x1a00, id) == event.result).then_some((next, Progress::OVER)),
        Op::Acknowledge { group } => {
            let held = forwarded != Forwarded::Stays;
            let anywhere = |_: usize, irq: &Irq| {
                if irq.one_of_n() || model.goes_to(irq, pe) { Presence::Certain } else { Presence::Absent }
            };
            let is = |best: &Best| best.id as u64 == event.result && best.group == group && urgency(best) == at.pe();
            let best = model.ready_at(pe, held, anywhere).map(|(best, _)| best).find(is)?;
            next.take_found(pe, best);
        }
        Op::Wire { id, high } => next.wire(0, id as usize, high),
        Op::Ppi { pe, high } => next.wire(pe, PPI as usize, high),
        Op::Priority { .. } | Op::Route { .. } => configure_model(&mut next, event.op),
        Op::Sgi { id, pe: to } => next.sgi(pe, 1, id << 24 | 1 << to),
        Op::Forward { value } => {
            let (pe, group) = (done / 2, done % 2);
            next.e1nwf = value >> 7 & 1 != 0;
            gate(&mut next, pe, group, 0, value >> group & 1 != 0);
            return Some((next, more(2 * PES - 1)));
        }
        Op::Sleep { pe, asleep } => {
            gate(&mut next, pe, done, 1, !asleep);
            return Some((next, more(1)));
        }
        Op::Decline { pe, groups } => {
            next.pes[pe].declines[done] = groups >> done & 1 != 0;
            return Some((next, more(1)));
        }
        Op::Pmr { value } => next.set_pmr(pe, value),
        Op::Bpr { value } => next.set_bpr1(pe, value),
        Op::Open { group, on } => next.pes[pe].enabled[group] = on,
        Op::End { group, id } => next.eoi(pe, group, id),
        op => match write_of(op) {
            Some((offset, value)) => next.write_distributor(offset as usize, false, value),
            None => {
                let lpis = next.lpis.as_mut().expect("histories have them");
                let at = commands::next(lpis, op, event.result, at, choice, others)?;
                return Some((next, at));
            }
        },
    }
    Some((next, Progress::OVER))
}

/// Priority, and whether it is maskable, as one number.
fn urgency(best: &Best) -> usize {
    (best.priority >> 3) as usize | usize::from(best.maskable) << 5
}
