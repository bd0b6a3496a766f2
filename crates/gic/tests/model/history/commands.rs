//! The steps of what is done to LPIs. A message is translated at one instant and pending at a later one; who reads a
//! configuration acts on it later; a command that changes a mapping lets messages go either way for a while, waits for
//! those that go the old one, and only then moves or clears what is pending.

use super::Op;
use super::step::{Progress, Steps};
use crate::spec::{LPIS, Lpis};

/// The next step of an operation: what has come of it then, or `None` if it cannot have had its result. `choice`: of
/// two mappings the second. `others`: how far the operations are.
pub fn next(it: &mut Lpis, op: Op, result: u64, at: Progress, choice: usize, others: &Steps) -> Option<Progress> {
    match op {
        Op::Send { n } if at.step == 0 => {
            let to = if choice == 0 { Some(it.events[n]) } else { it.before[n] };
            return to.map(|to| to.map_or(Progress::OVER, |pe| at.to(1).with_pe(pe)));
        }
        Op::Send { n } => it.pend(at.pe(), n),
        Op::Lpi { pe, n, pending: true } => it.pend(pe, n),
        Op::Lpi { pe, n, .. } => it.at[pe][n].pending = false,
        Op::Configure { n, byte } => it.table[n] = byte,
        Op::Reload { pe, n } => return reload(it, pe, n, at, 0),
        Op::EnableLpis { pe, on } => return enable(it, pe, on, at),
        _ => return command(it, op, result, at, others),
    }
    Some(Progress::OVER)
}

/// Two steps from `first` on. One that is off is not configured.
fn reload(it: &mut Lpis, pe: usize, n: usize, at: Progress, first: u8) -> Option<Progress> {
    let lpi = it.at[pe][n];
    if at.step == first {
        let read = at.to(first + 1).with_byte(n, it.table[n]).with_count(lpi.read);
        return Some(if lpi.on { read } else { Progress::OVER });
    }
    // Whoever read later has not acted yet.
    (lpi.on && lpi.read == at.count).then(|| it.configure(pe, n, at.bytes[n]))?;
    Some(Progress::OVER)
}

/// GICR_CTLR.EnableLPIs: reads the table, then starts each; or stops each.
fn enable(it: &mut Lpis, pe: usize, on: bool, at: Progress) -> Option<Progress> {
    let step = at.step as usize;
    if step == 0 {
        let same = it.at[pe].iter().all(|lpi| lpi.on == on);
        if it.writing[pe] || same {
            return (!it.writing[pe]).then_some(Progress::OVER);
        }
        it.writing[pe] = true;
    }
    let last = match on {
        true if step < LPIS => {
            return Some(at.to(at.step + 1).with_byte(step, it.table[step]));
        }
        true => {
            let n = step - LPIS;
            it.configure(pe, n, at.bytes[n]);
            let lpi = &mut it.at[pe][n];
            (lpi.on, lpi.pending) = (true, lpi.saved);
            n
        }
        false => {
            it.stop(pe, step);
            step
        }
    };
    if last + 1 < LPIS {
        return Some(at.to(at.step + 1));
    }
    it.writing[pe] = false;
    Some(Progress::OVER)
}

/// Commands are executed one after another.
fn command(it: &mut Lpis, op: Op, failed: u64, at: Progress, others: &Steps) -> Option<Progress> {
    if at.step == 0 {
        if it.executing {
            return None;
        }
        it.executing = true;
    }
    let next = match op {
        Op::Inv { n } => inv(it, n, failed != 0, at),
        Op::Movi { n, pe } => movi(it, n, pe, failed != 0, at, others),
        Op::Discard { n } => discard(it, n, failed != 0, at, others),
        Op::Mapti { n, pe } => mapti(it, n, pe, failed != 0, at, others),
        Op::Movall { from, to } => movall(it, from, to, at),
        _ => unreachable!("all others are no commands"),
    };
    if next == Some(Progress::OVER) {
        it.executing = false;
    }
    next
}

/// From now on to `to`, and for a while where it went before.
fn open(it: &mut Lpis, n: usize, to: Option<usize>) {
    it.before[n] = Some(it.events[n]);
    it.events[n] = to;
}

/// Only to where it goes now. No message is on its way to where it went, `from`.
fn close(it: &mut Lpis, n: usize, from: usize, others: &Steps) -> Option<()> {
    it.before[n] = None;
    let late = |op: &Op, at: &Progress| matches!(op, Op::Send { n: m } if *m == n) && at.step == 1 && at.pe() == from;
    (!others.any(late)).then_some(())
}

fn inv(it: &mut Lpis, n: usize, failed: bool, at: Progress) -> Option<Progress> {
    if at.step == 0 {
        return match (it.events[n], failed) {
            (None, true) => Some(Progress::OVER),
            (Some(pe), false) => reload(it, pe, n, at.with_pe(pe), 0),
            _ => None,
        };
    }
    reload(it, at.pe(), n, at, 0)
}

fn discard(it: &mut Lpis, n: usize, failed: bool, at: Progress, others: &Steps) -> Option<Progress> {
    match (at.step, it.events[n], failed) {
        (0, None, true) => return Some(Progress::OVER),
        (0, Some(from), false) => {
            open(it, n, None);
            return Some(at.to(1).with_pe(from));
        }
        (1, ..) => {
            close(it, n, at.pe(), others)?;
            return Some(at.to(2));
        }
        (2, ..) => it.at[at.pe()][n].pending = false,
        _ => return None,
    }
    Some(Progress::OVER)
}

fn movi(it: &mut Lpis, n: usize, to: usize, failed: bool, at: Progress, others: &Steps) -> Option<Progress> {
    match (at.step, it.events[n], failed) {
        (0, None, true) => Some(Progress::OVER),
        (0, Some(from), false) => {
            open(it, n, Some(to));
            Some(at.to(1).with_pe(from))
        }
        (1, ..) => {
            close(it, n, at.pe(), others)?;
            Some(if at.pe() == to { Progress::OVER } else { at.to(2) })
        }
        (2.., ..) => shift(it, at.pe(), to, n, at, 2),
        _ => None,
    }
}

/// One pending state moves: the destination reads the configuration, then it is taken, then it is there. Four steps
/// from `first` on.
fn shift(it: &mut Lpis, from: usize, to: usize, n: usize, at: Progress, first: u8) -> Option<Progress> {
    match at.step - first {
        0 | 1 => reload(it, to, n, at, first).map(|next| if next == Progress::OVER { at.to(first + 2) } else { next }),
        2 => {
            let taken = std::mem::take(&mut it.at[from][n].pending);
            Some(if taken { at.to(first + 3) } else { Progress::OVER })
        }
        _ => {
            it.pend(to, n);
            Some(Progress::OVER)
        }
    }
}

fn movall(it: &mut Lpis, from: usize, to: usize, at: Progress) -> Option<Progress> {
    if from == to {
        return Some(Progress::OVER);
    }
    let n = usize::from(at.step / 5);
    let next = match at.step % 5 {
        0 if it.at[from][n].pending => return Some(at.to(at.step + 1)),
        0 => Progress::OVER,
        _ => shift(it, from, to, n, at, 5 * n as u8 + 1)?,
    };
    Some(if next == Progress::OVER && n + 1 < LPIS { at.to(5 * (n as u8 + 1)) } else { next })
}

/// It fails where EnableLPIs is 1 and the LPI is off: between the two looks it was cleared.
fn mapti(it: &mut Lpis, n: usize, to: usize, failed: bool, at: Progress, others: &Steps) -> Option<Progress> {
    match (at.step, it.events[n], failed) {
        (0, _, true) => (!it.writing[to] && it.at[to][n].on).then(|| at.to(1)),
        (1, _, true) => (!it.at[to][n].on).then_some(Progress::OVER),
        (0, Some(from), false) => {
            open(it, n, Some(to));
            Some(at.to(1).with_pe(from))
        }
        (0, None, false) => {
            it.events[n] = Some(to);
            Some(at.to(2))
        }
        (1, ..) => {
            close(it, n, at.pe(), others)?;
            Some(at.to(2))
        }
        _ => reload(it, to, n, at, 2),
    }
}
