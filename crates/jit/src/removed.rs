//! What was taken out lately, for the jump caches of the vCPUs: each looks at what is new to it.

use crate::jumps::Jumps;
use std::ops::Range;

/// How much is remembered; who was away for longer forgets everything.
const LOG: usize = 1024;

/// Something that is not to be jumped to any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Removed {
    /// The block at this address.
    Block(u64),
    /// All code at these host addresses.
    Code(Range<usize>),
}

/// The last of them, a ring indexed by number.
#[derive(Default)]
pub(crate) struct Log {
    ring: Vec<Removed>,
    count: u64,
}

impl Log {
    pub fn push(&mut self, removed: Removed) {
        match self.ring.len() < LOG {
            true => self.ring.push(removed),
            false => self.ring[self.count as usize % LOG] = removed,
        }
        self.count += 1;
    }

    /// Takes out of `jumps` what was removed since number `seen`; the number to come with next time.
    pub fn purge(&self, jumps: &mut Jumps, seen: u64) -> u64 {
        if self.count - seen > LOG as u64 {
            jumps.clear();
            return self.count;
        }
        for n in seen..self.count {
            match &self.ring[n as usize % LOG] {
                Removed::Block(pc) => jumps.remove(*pc),
                Removed::Code(place) => jumps.remove_code(place),
            }
        }
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Static;

    fn with(pcs: &[u64]) -> Jumps {
        let mut jumps = Jumps::new();
        jumps.select(1, Static(0));
        pcs.iter().for_each(|pc| jumps.insert(*pc, 0x1000 + *pc as usize));
        jumps
    }

    #[test]
    fn what_is_new_is_taken_out() {
        let mut log = Log::default();
        log.push(Removed::Block(8));
        let mut jumps = with(&[4, 8, 12, 16]);
        let seen = log.purge(&mut jumps, 1);
        assert!(jumps.find(8).is_some(), "that was seen");
        log.push(Removed::Block(12));
        log.push(Removed::Code(0x1000 + 16..0x1000 + 17));
        assert_eq!(log.purge(&mut jumps, seen), 3);
        assert_eq!([4, 8, 12, 16].map(|pc| jumps.find(pc).is_some()), [true, true, false, false]);
    }

    #[test]
    fn who_was_away_for_long_forgets_everything() {
        let mut log = Log::default();
        (0..LOG as u64).for_each(|n| log.push(Removed::Block(4096 + 4 * n)));
        let mut jumps = with(&[4, 4096]);
        log.purge(&mut jumps, 0);
        assert_eq!([4, 4096].map(|pc| jumps.find(pc).is_some()), [true, false]);
        log.push(Removed::Block(0));
        log.purge(&mut jumps, 0);
        assert_eq!(jumps.find(4), None);
    }
}
