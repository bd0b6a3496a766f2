//! What the architecture allows: the axioms of the Armv8 memory model over all candidate executions.
//!
//! ARM DDI 0487, B2.3, "Definition of the Armv8 memory model", as Pulte et al. give it in "Simplifying ARM
//! Concurrency" (POPL 2018): a candidate is a choice of the write that each read takes its value from (`rf`) and
//! of an order of the writes to each location (`co`); it is allowed if each location is coherent, if
//! read-modify-writes are atomic, and if the ordered-before relation has no cycle. Tests are small, so all
//! candidates are tried. The words in backticks are the relations of that paper; what the manual added since is
//! that the write of an atomic with acquire and release comes before all that follows it.

use super::insn::{Insn, Loc, Look, Reg, Test, Verdict};
use std::collections::BTreeSet;

/// Values, in the order of `Test::looks`.
pub type Outcome = Vec<u8>;

/// What holds executions in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Model {
    /// Interleaving of threads: nothing else happens.
    Sequential,
    /// The architecture.
    Armv8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Read(Reg),
    Write(u8),
    Fence(Insn),
}

/// A memory access or fence; a swap is two.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// `None`: the initial write.
    thread: Option<usize>,
    kind: Kind,
    loc: Option<Loc>,
    /// Reads: LDAR's or LDAPR's order. Writes: STLR's.
    acquire: bool,
    acquire_pc: bool,
    release: bool,
    /// Reads that the address, the value, or a branch before this event depends on.
    addr: Option<usize>,
    data: Option<usize>,
    ctrl: Option<usize>,
    /// The read of the same swap.
    swap: Option<usize>,
}

impl Event {
    fn new(thread: Option<usize>, kind: Kind, loc: Option<Loc>) -> Event {
        let (addr, data, ctrl, swap) = (None, None, None, None);
        Event { thread, kind, loc, acquire: false, acquire_pc: false, release: false, addr, data, ctrl, swap }
    }
    fn reads(&self) -> bool {
        matches!(self.kind, Kind::Read(_))
    }
    fn writes(&self) -> bool {
        matches!(self.kind, Kind::Write(_))
    }
    fn is(&self, fence: Insn) -> bool {
        self.kind == Kind::Fence(fence)
    }
}

/// A relation between events, as a matrix.
#[derive(Clone)]
struct Relation(Vec<Vec<bool>>);

impl Relation {
    fn new(n: usize, holds: impl Fn(usize, usize) -> bool) -> Relation {
        Relation((0..n).map(|a| (0..n).map(|b| holds(a, b)).collect()).collect())
    }
    fn acyclic(&self) -> bool {
        let mut reach = self.0.clone();
        let n = reach.len();
        for via in 0..n {
            for from in 0..n {
                if reach[from][via] {
                    (0..n).for_each(|to| reach[from][to] |= reach[via][to]);
                }
            }
        }
        (0..n).all(|e| !reach[e][e])
    }
}

/// The events of a test, each thread's in program order, the initial writes last.
fn events(test: &Test) -> Vec<Event> {
    let mut all = vec![];
    for (t, thread) in test.threads.iter().enumerate() {
        let mut by_reg: [Option<usize>; 2] = [None; 2];
        let mut ctrl = None;
        for &insn in *thread {
            let from = |r: Reg| by_reg[r as usize].expect("a dependency is on a register that was loaded");
            let read = |r, loc| Event { ctrl, ..Event::new(Some(t), Kind::Read(r), Some(loc)) };
            let write = |loc, v| Event { ctrl, ..Event::new(Some(t), Kind::Write(v), Some(loc)) };
            let at = all.len();
            match insn {
                Insn::Ldr(r, l) => all.push(read(r, l)),
                Insn::Ldar(r, l) => all.push(Event { acquire: true, ..read(r, l) }),
                Insn::Ldapr(r, l) => all.push(Event { acquire_pc: true, ..read(r, l) }),
                Insn::LdrAddr(r, l, on) => all.push(Event { addr: Some(from(on)), ..read(r, l) }),
                Insn::Str(l, v) => all.push(write(l, v)),
                Insn::Stlr(l, v) => all.push(Event { release: true, ..write(l, v) }),
                Insn::StrAddr(l, v, on) => all.push(Event { addr: Some(from(on)), ..write(l, v) }),
                Insn::StrData(l, v, on) => all.push(Event { data: Some(from(on)), ..write(l, v) }),
                Insn::Swp(r, l, v) => all.extend([read(r, l), Event { swap: Some(at), ..write(l, v) }]),
                Insn::Swpal(r, l, v) => all.extend([
                    Event { acquire: true, ..read(r, l) },
                    Event { swap: Some(at), release: true, ..write(l, v) },
                ]),
                Insn::Branch(on) => ctrl = Some(from(on)),
                Insn::Isb | Insn::Dmb | Insn::DmbLd | Insn::DmbSt => {
                    all.push(Event { ctrl, ..Event::new(Some(t), Kind::Fence(insn), None) });
                }
                Insn::Count(_) | Insn::SendSgi | Insn::TakeSgi(_) | Insn::PollSgi(_) => {
                    unreachable!("tests with these have `Verdict::Only`")
                }
            }
            if let Some(e) = all[at..].first()
                && let Kind::Read(r) = e.kind
            {
                by_reg[r as usize] = Some(at);
            }
        }
    }
    all.extend([Loc::X, Loc::Y, Loc::Z].map(|l| Event::new(None, Kind::Write(0), Some(l))));
    all
}

/// A candidate execution.
struct Candidate<'a> {
    events: &'a [Event],
    /// Per event: the write that a read takes its value from.
    rf: Vec<usize>,
    /// Per event: place of a write in the order of all writes; only those to one location are compared.
    co: Vec<usize>,
}

impl Candidate<'_> {
    fn external(&self, a: usize, b: usize) -> bool {
        self.events[a].thread.is_none() || self.events[a].thread != self.events[b].thread
    }
    fn po(&self, a: usize, b: usize) -> bool {
        a < b && !self.external(a, b)
    }
    fn same_loc(&self, a: usize, b: usize) -> bool {
        self.events[a].loc.is_some() && self.events[a].loc == self.events[b].loc
    }
    fn rf(&self, w: usize, r: usize) -> bool {
        self.events[r].reads() && self.rf[r] == w
    }
    fn co(&self, a: usize, b: usize) -> bool {
        self.events[a].writes() && self.events[b].writes() && self.same_loc(a, b) && self.co[a] < self.co[b]
    }
    fn fr(&self, r: usize, w: usize) -> bool {
        self.events[r].reads() && self.co(self.rf[r], w)
    }
    fn communicates(&self, a: usize, b: usize) -> bool {
        self.rf(a, b) || self.co(a, b) || self.fr(a, b)
    }
    fn relation(&self, holds: impl Fn(usize, usize) -> bool) -> Relation {
        Relation::new(self.events.len(), holds)
    }

    /// Is there a fence between `a` and `b`?
    fn between(&self, a: usize, b: usize, fence: Insn) -> bool {
        (a..b).any(|f| self.events[f].is(fence))
    }

    /// `dob`: dependencies.
    fn dependency(&self, a: usize, b: usize) -> bool {
        let (from, to) = (Some(a), &self.events[b]);
        let address_before = |limit: usize| (0..limit).any(|m| self.po(a, m) && self.events[m].addr == from);
        let isb = (a..b).find(|&f| {
            self.events[f].is(Insn::Isb) && self.po(a, f) && (self.after_branch_on(a, f) || address_before(f))
        });
        to.addr == from
            || to.data == from
            || to.writes() && (self.after_branch_on(a, b) || self.po(a, b) && address_before(b))
            || to.reads() && isb.is_some()
            || (0..b)
                .any(|w| (self.events[w].addr == from || self.events[w].data == from) && self.po(w, b) && self.rf(w, b))
    }

    /// A later branch does not undo an earlier one.
    fn after_branch_on(&self, a: usize, b: usize) -> bool {
        (a..=b).any(|e| self.po(a, e) && self.events[e].ctrl == Some(a))
    }

    /// `bob`: barriers, acquires and releases.
    fn barrier(&self, a: usize, b: usize) -> bool {
        let (from, to) = (&self.events[a], &self.events[b]);
        let full_swap = from.release && from.swap.is_some_and(|r| self.events[r].acquire);
        self.between(a, b, Insn::Dmb)
            || full_swap
            || from.reads() && self.between(a, b, Insn::DmbLd)
            || from.writes() && to.writes() && self.between(a, b, Insn::DmbSt)
            || from.acquire
            || from.acquire_pc
            || to.release
            || from.release && to.acquire
    }

    /// `aob`: atomics.
    fn atomic(&self, a: usize, b: usize) -> bool {
        let acquires = self.events[b].acquire || self.events[b].acquire_pc;
        self.events[b].swap == Some(a) || self.events[a].swap.is_some() && self.rf(a, b) && acquires
    }

    fn allowed(&self, model: Model) -> bool {
        if model == Model::Sequential {
            return self.swaps_are_atomic() && self.relation(|a, b| self.po(a, b) || self.communicates(a, b)).acyclic();
        }
        let coherent = self.relation(|a, b| self.po(a, b) && self.same_loc(a, b) || self.communicates(a, b));
        let ordered_before = self.relation(|a, b| {
            let local = self.po(a, b) && (self.dependency(a, b) || self.atomic(a, b) || self.barrier(a, b));
            local || self.external(a, b) && self.communicates(a, b)
        });
        coherent.acyclic() && self.swaps_are_atomic() && ordered_before.acyclic()
    }

    /// No write of another comes between a swap's read and its write.
    fn swaps_are_atomic(&self) -> bool {
        let n = self.events.len();
        let broken = |w: usize| {
            let read = self.events[w].swap;
            read.is_some_and(|r| (0..n).any(|other| other != w && self.fr(r, other) && self.co(other, w)))
        };
        !(0..n).any(broken)
    }

    fn outcome(&self, looks: &[Look]) -> Outcome {
        let value = |w: usize| match self.events[w].kind {
            Kind::Write(v) => v,
            _ => unreachable!("rf and co are of writes"),
        };
        let last = |loc| {
            let writes = (0..self.events.len()).filter(|&e| self.events[e].writes() && self.events[e].loc == Some(loc));
            value(writes.max_by_key(|&w| self.co[w]).expect("there is the initial write"))
        };
        let register = |t, r| {
            let is = |e: &usize| self.events[*e].thread == Some(t) && self.events[*e].kind == Kind::Read(r);
            (0..self.events.len()).rfind(is).map_or(0, |e| value(self.rf[e]))
        };
        let look = |l: &Look| match *l {
            Look::At(t, r) => register(t, r),
            Look::Last(loc) => last(loc),
            Look::LastHigh(_) => 0,
        };
        looks.iter().map(look).collect()
    }
}

/// All orders of `items`.
fn orders(items: &[usize]) -> Vec<Vec<usize>> {
    let Some((&first, rest)) = items.split_first() else { return vec![vec![]] };
    let insert = |order: Vec<usize>| (0..=order.len()).map(move |at| [&order[..at], &[first], &order[at..]].concat());
    orders(rest).into_iter().flat_map(insert).collect()
}

/// Every outcome of `test` that `model` allows.
pub fn outcomes(test: &Test, model: Model) -> BTreeSet<Outcome> {
    if let Verdict::Only(outcome) = test.verdict {
        return [parse(outcome)].into();
    }
    let events = events(test);
    let writes: Vec<_> = (0..events.len()).filter(|&e| events[e].writes() && events[e].thread.is_some()).collect();
    let reads: Vec<_> = (0..events.len()).filter(|&e| events[e].reads()).collect();
    let sources = |r: usize| (0..events.len()).filter(move |&w| w != r).filter(|&w| events[w].writes());
    let sources: Vec<Vec<_>> =
        reads.iter().map(|&r| sources(r).filter(|&w| events[w].loc == events[r].loc).collect()).collect();
    let mut found = BTreeSet::new();
    for order in orders(&writes) {
        let mut co = vec![0; events.len()];
        (1..).zip(&order).for_each(|(place, &w)| co[w] = place);
        for n in 0..sources.iter().map(Vec::len).product() {
            let mut rf = vec![usize::MAX; events.len()];
            reads.iter().zip(&sources).fold(n, |n: usize, (&r, from)| {
                rf[r] = from[n % from.len()];
                n / from.len()
            });
            let candidate = Candidate { events: &events, rf, co: co.clone() };
            let outcome = candidate.outcome(test.looks);
            if !found.contains(&outcome) && candidate.allowed(model) {
                found.insert(outcome);
            }
        }
    }
    found
}

/// Values from `1,0`.
pub fn parse(outcome: &str) -> Outcome {
    outcome.split(',').map(|v| v.parse().expect("outcomes are numbers below 256")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::TESTS;

    #[test]
    fn every_verdict_is_the_models() {
        for test in TESTS {
            let (all, interleaved) = (outcomes(test, Model::Armv8), outcomes(test, Model::Sequential));
            assert!(interleaved.is_subset(&all), "{}: the architecture allows interleavings", test.name);
            let (outcome, allowed) = match test.verdict {
                Verdict::Weak(o) => (o, true),
                Verdict::Never(o) => (o, false),
                Verdict::Only(_) => continue,
            };
            assert_eq!(parse(outcome).len(), test.looks.len(), "{}", test.name);
            assert_eq!(all.contains(&parse(outcome)), allowed, "{}: {outcome}", test.name);
            assert!(!interleaved.contains(&parse(outcome)), "{}: {outcome} is an interleaving", test.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = TESTS.iter().map(|t| t.name).collect();
        assert_eq!(names.len(), TESTS.len());
    }
}
