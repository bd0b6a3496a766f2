//! Every instruction that user programs can execute, against user-mode QEMU: registers, flags, FPSR and
//! memory compared bit for bit.
//!
//! Rows of the instruction table are taken in turn, so that a new row is compared from its first day. A case
//! is one random word of a row with random operands; batches of cases run in a guest process (`runner`)
//! under QEMU and on a PE with the interpreter (`pe`).

mod generate;
mod keys;
mod layout;
mod operands;
mod pe;
mod qemu;
mod report;
mod rows;
mod runner;
mod state;

pub use qemu::fetch;
pub use report::{Coverage, Tally};

use a64::{ROWS, RowInfo};
use layout::{BATCH, SCRATCH_SIZE, entry};
use operands::Random;
use pe::Pe;
use qemu::Qemu;
use state::{Case, Outcome, Ran};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Compares `cases` cases (rounded up to whole batches) that `seed` determines.
pub fn compare(qemu: &Path, seed: u64, cases: usize) -> io::Result<Coverage> {
    let rows: Vec<&'static RowInfo> = ROWS.iter().filter(|row| rows::excluded(row).is_none()).collect();
    let batches = cases.div_ceil(BATCH);
    let (taken, coverage) = (AtomicUsize::new(0), Mutex::new(Coverage::new()));
    let work = || -> io::Result<()> {
        let (mut qemu, mut pe) = (Qemu::start(qemu)?, Pe::new(keys::keys()));
        loop {
            let batch = taken.fetch_add(1, Ordering::Relaxed);
            if batch >= batches {
                return Ok(());
            }
            // A batch depends on its number alone, so threads do not matter.
            let mut random = Random::new(Random::new(seed).u64() ^ batch as u64);
            let row = |i: usize| rows[(batch * BATCH + i) % rows.len()];
            let found = run_batch(&mut qemu, &mut pe, &mut random, row)?;
            let mut coverage = coverage.lock().expect("no thread panics holding it");
            found.into_iter().for_each(|compared| coverage.add(compared));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(batches);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(coverage.into_inner().expect("no thread panicked holding it"))
}

/// A case and its two outcomes.
pub struct Compared {
    case: Case,
    pc: u64,
    qemu: Ran,
    ours: Ran,
}

fn run_batch(
    qemu: &mut Qemu,
    pe: &mut Pe,
    random: &mut Random,
    row: impl Fn(usize) -> &'static RowInfo,
) -> io::Result<Vec<Compared>> {
    let memory: Vec<u8> = (0..SCRATCH_SIZE / 8).flat_map(|_| operands::integer(random).to_le_bytes()).collect();
    let cases: Vec<Case> = (0..BATCH).map(|i| generate::case(random, pe, row(i), i, &memory)).collect();
    let theirs = qemu.run(&memory, &cases)?;
    let compared = cases.into_iter().zip(theirs).enumerate().map(|(index, (case, qemu))| {
        let pc = entry(index);
        let ours = pe.run(&case, &memory, pc);
        Compared { case, pc, qemu, ours }
    });
    Ok(compared.collect())
}

impl Compared {
    /// Do both agree, where the architecture says what is right?
    fn agree(&self) -> bool {
        if self.qemu.outcome != self.ours.outcome {
            return false;
        }
        let (a, b) = (&self.qemu, &self.ours);
        match a.outcome {
            // Of an access that faulted, memory and loaded vector registers are UNKNOWN.
            Outcome::Signal { .. } if !rows::is_branch(self.case.row) => {
                (a.state.x, a.state.sp, a.state.nzcv) == (b.state.x, b.state.sp, b.state.nzcv)
            }
            _ => a == b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A case of `row` on which both agree stops being one when `tamper` has changed our result.
    #[track_caller]
    fn check(row: a64::Row, outcome: Outcome, tamper: fn(&mut Ran), agree: bool) {
        let (memory, info) = (vec![0; SCRATCH_SIZE as usize], row.info());
        let (mut random, mut pe) = (Random::new(1), Pe::new(keys::keys()));
        let case = generate::case(&mut random, &mut pe, info, 0, &memory);
        let qemu = Ran { state: case.state.clone(), outcome, memory };
        let mut compared = Compared { case, pc: 0, ours: qemu.clone(), qemu };
        assert!(compared.agree());
        tamper(&mut compared.ours);
        assert_eq!(compared.agree(), agree);
    }

    const FAULT: Outcome = Outcome::Signal { signal: state::signal::SEGV, pc: 0 };

    #[test]
    fn every_part_of_a_result_counts() {
        let tampers: [fn(&mut Ran); 8] = [
            |r| r.state.x[30] ^= 1 << 63,
            |r| r.state.sp ^= 1,
            |r| r.state.nzcv ^= 1 << 28,
            |r| r.state.fpcr ^= 1 << 24,
            |r| r.state.fpsr ^= 1,
            |r| r.state.v[31] ^= 1 << 127,
            |r| r.memory[4095] ^= 1,
            |r| r.outcome = Outcome::Signal { signal: state::signal::ILL, pc: 0 },
        ];
        for tamper in tampers {
            check(a64::Row::AddImm, Outcome::Finished, tamper, false);
            check(a64::Row::Ret, FAULT, tamper, false);
        }
    }

    #[test]
    fn after_a_fault_what_was_to_be_loaded_is_unknown() {
        check(a64::Row::LdpPost, FAULT, |r| r.memory[0] ^= 1, true);
        check(a64::Row::LdpPostV, FAULT, |r| r.state.v[0] ^= 1, true);
        check(a64::Row::LdpPost, FAULT, |r| r.state.x[0] ^= 1, false);
        check(a64::Row::LdpPost, FAULT, |r| r.state.sp ^= 1, false);
    }
}
