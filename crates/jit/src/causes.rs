//! Why compiled code asked for help, and how often: what `--stats` says beyond how much there was.
//!
//! What compiled code does in line is counted by itself, if it was compiled to (`tally`).

use crate::Jit;
use crate::emit::SlowAccess;
use crate::evaluate::Op;
use crate::thunks::why;
use hw::Access;
use std::time::Duration;

/// Counts of one vCPU.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// Compiled code left because it did not know the block at its next address.
    pub lookup: u64,
    /// Because an exit had not been linked yet, or attention was wanted there.
    pub link: u64,
    /// Because of an exception, or something that the machine is wanted for.
    pub event: u64,
    /// Because the interpreter is to execute the next instruction.
    pub interpret: u64,
    /// Accesses out of line: nothing in the TLB.
    pub miss: u64,
    /// A device, or a page that is only written with care.
    pub device: u64,
    /// Not aligned.
    pub unaligned: u64,
    /// Across the end of a page.
    pub crossing: u64,
    /// Time spent in compiling.
    pub compiling: Duration,
    /// Micro-ops evaluated from compiled code, the most frequent near the front.
    evaluated: Vec<(Op, u64)>,
}

impl Causes {
    /// Compiled code left for `why`.
    pub(crate) fn left(&mut self, why: u32) {
        match why & 7 {
            why::LOOKUP => self.lookup += 1,
            why::LINK => self.link += 1,
            why::INTERPRET => self.interpret += 1,
            _ => self.event += 1,
        }
    }

    /// `op` was evaluated.
    #[inline]
    pub(crate) fn evaluated(&mut self, op: Op) {
        match self.evaluated.iter().position(|(known, _)| *known == op) {
            None => self.evaluated.push((op, 1)),
            Some(at) => {
                self.evaluated[at].1 += 1;
                // What is frequent comes to be found soon.
                self.evaluated.swap(at, at.saturating_sub(1));
            }
        }
    }

    /// Micro-ops by name, and how often each was evaluated.
    pub fn evaluations(&self) -> impl Iterator<Item = (String, u64)> {
        let name = |op: &Op| {
            let text = format!("{op:?}");
            // Without the arity.
            text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(&text).to_owned()
        };
        self.evaluated.iter().map(move |(op, n)| (name(op), *n))
    }
}

impl SlowAccess {
    /// Its kind, bytes, and whether it writes; `None` is no access.
    fn span(self) -> Option<(Access, u64, bool)> {
        use SlowAccess::*;
        match self {
            Load(how) => Some((how, how.bytes(), false)),
            Load2(how) => Some((how, 2 * how.bytes(), false)),
            Load16(how) => Some((how, 16, false)),
            Store(how) | Rmw(_, how) | Cas(how) => Some((how, how.bytes(), true)),
            Store2(how) => Some((how, 2 * how.bytes(), true)),
            Store16(how) => Some((how, 16, true)),
            _ => None,
        }
    }
}

impl Jit {
    /// An access of compiled code at `va` is about to be done out of line.
    #[inline]
    pub(crate) fn count_slow(&mut self, access: SlowAccess, va: u64) {
        self.counts.slow += 1;
        let Some((how, bytes, write)) = access.span() else { return };
        let causes = &mut self.counts.causes;
        match () {
            () if (va & 0xfff) + bytes > 4096 => causes.crossing += 1,
            () if va & (how.bytes() - 1) != 0 => causes.unaligned += 1,
            () if self.interp.cpu.knows_page(how.unprivileged, va, write) => causes.device += 1,
            () => causes.miss += 1,
        }
    }
}
