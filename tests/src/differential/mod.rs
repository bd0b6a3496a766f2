//! Every instruction that user programs can execute, against user-mode QEMU: registers, flags, FPSR and
//! memory compared bit for bit.
//!
//! Rows of the instruction table are taken in turn, so that a new row is compared from its first day. A case
//! is one random word of a row with random operands; batches of cases run in a guest process (`runner`)
//! under QEMU and on a PE with the interpreter (`pe`).

mod compiler;
mod generate;
mod keys;
mod layout;
mod operands;
mod pe;
mod qemu;
mod report;
mod rows;
mod runner;
mod sequence;
mod state;
mod witness;

pub use report::{Coverage, Tally};
pub use witness::Witness;

use a64::{ROWS, RowInfo};
use layout::{BATCH, SCRATCH_SIZE, entry};
use operands::Random;
use pe::Pe;
use qemu::Qemu;
use sequence::{Sequence, Sequences};
use state::{Case, Outcome, Ran};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cases for each sequence.
const CASES_PER_SEQUENCE: usize = 20;

/// Compares `cases` cases (rounded up to whole batches) that `seed` determines, and sequences besides.
pub fn compare(seed: u64, cases: usize) -> io::Result<Coverage> {
    let plans = Witness::ALL.map(Plan::of);
    let versions = [Witness::ALL[0].version()?, Witness::ALL[1].version()?];
    let batches = cases.div_ceil(BATCH);
    let all = batches + batches.div_ceil(CASES_PER_SEQUENCE);
    let (taken, coverage) = (AtomicUsize::new(0), Mutex::new(Coverage::new(versions)));
    let work = || -> io::Result<()> {
        let mut pe = Pe::new(keys::keys());
        let start = |witness: Witness| Qemu::start(&witness.fetch().map_err(io::Error::other)?);
        let mut qemus = [start(Witness::ALL[0])?, start(Witness::ALL[1])?];
        loop {
            let batch = taken.fetch_add(1, Ordering::Relaxed);
            if batch >= all {
                coverage.lock().expect("no thread panics holding it").add_blocks(pe.blocks());
                return Ok(());
            }
            // A batch depends on its number alone, so threads do not matter.
            let mut random = Random::new(Random::new(seed).u64() ^ batch as u64);
            let turn = batch % 2;
            let (qemu, Plan { witness, rows, sequences }) = (&mut qemus[turn], &plans[turn]);
            if batch >= batches {
                let found = run_sequences(qemu, &mut pe, &mut random, sequences)?;
                let mut coverage = coverage.lock().expect("no thread panics holding it");
                found.into_iter().for_each(|(sequence, outcome, shortest)| {
                    coverage.add_sequence(*witness, &sequence, outcome, shortest)
                });
                continue;
            }
            let row = |i: usize| (*witness, rows[(batch / 2 * BATCH + i) % rows.len()]);
            let found = run_batch(qemu, &mut pe, &mut random, row)?;
            let mut coverage = coverage.lock().expect("no thread panics holding it");
            found.into_iter().for_each(|compared| coverage.add(*witness, compared));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(batches);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(coverage.into_inner().expect("no thread panicked holding it"))
}

/// What is compared with one witness.
struct Plan {
    witness: Witness,
    rows: Vec<&'static RowInfo>,
    sequences: Sequences,
}

impl Plan {
    fn of(witness: Witness) -> Plan {
        let rows = ROWS.iter().filter(|row| rows::excluded_from(witness, row).is_none()).collect();
        Plan { witness, rows, sequences: Sequences::new(witness) }
    }
}

/// A case and its two outcomes.
pub struct Compared {
    case: Case,
    pc: u64,
    qemu: Ran,
    ours: Ran,
    /// Ours is that of the compiler, and the interpreter's is another.
    miscompiled: bool,
}

/// Random memory for scratch.
fn memory(random: &mut Random) -> Vec<u8> {
    (0..SCRATCH_SIZE / 8).flat_map(|_| operands::integer(random).to_le_bytes()).collect()
}

fn run_batch(
    qemu: &mut Qemu,
    pe: &mut Pe,
    random: &mut Random,
    row: impl Fn(usize) -> (Witness, &'static RowInfo),
) -> io::Result<Vec<Compared>> {
    let memory = memory(random);
    let cases: Vec<Case> = (0..BATCH).map(|i| generate::case(random, pe, row(i), i, &memory)).collect();
    let theirs = qemu.run(&memory, &cases)?;
    let compared = cases.into_iter().zip(theirs).enumerate();
    Ok(compared.map(|(index, (case, qemu))| Compared::new(pe, case, &memory, entry(index), qemu)).collect())
}

/// A batch of sequences; of those that differ, what is left when all is dropped that does not matter.
fn run_sequences(
    qemu: &mut Qemu,
    pe: &mut Pe,
    random: &mut Random,
    from: &Sequences,
) -> io::Result<Vec<(Sequence, Outcome, Option<Compared>)>> {
    let memory = memory(random);
    let sequences: Vec<Sequence> = (0..BATCH).map(|slot| from.sequence(random, pe, slot, &memory)).collect();
    let cases: Vec<Case> = sequences.iter().map(Sequence::case).collect();
    let theirs = qemu.run(&memory, &cases)?;
    let mut found = vec![];
    for ((sequence, case), theirs) in sequences.into_iter().zip(cases).zip(theirs) {
        let compared = Compared::new(pe, case, &memory, entry(sequence.slot), theirs);
        let shortest = if compared.agree() { None } else { Some(shortest(qemu, pe, &sequence, &memory)?) };
        found.push((sequence, compared.qemu.outcome, shortest));
    }
    Ok(found)
}

/// What is left of a sequence that differs.
fn shortest(qemu: &mut Qemu, pe: &mut Pe, sequence: &Sequence, memory: &[u8]) -> io::Result<Compared> {
    let mut again = |sequence: &Sequence| {
        // It runs in its slot, and nothing does in those before it.
        let nothing = Case { row: a64::Row::HintOp.info(), words: vec![sequence::NOP], state: sequence.case().state };
        let mut cases = vec![nothing; sequence.slot];
        cases.push(sequence.case());
        let theirs = qemu.run(memory, &cases)?.pop().expect("as many results as cases");
        io::Result::Ok(Compared::new(pe, sequence.case(), memory, entry(sequence.slot), theirs))
    };
    let shrunk = sequence.clone().shrink(|fewer| io::Result::Ok(!again(fewer)?.agree()))?;
    again(&shrunk)
}

impl Compared {
    fn new(pe: &mut Pe, case: Case, memory: &[u8], pc: u64, qemu: Ran) -> Compared {
        let ours = pe.run(&case, memory, pc);
        match pe.run_compiled(&case, memory, pc) {
            Some(compiled) if compiled != ours => Compared { case, pc, qemu, ours: compiled, miscompiled: true },
            _ => Compared { case, pc, qemu, ours, miscompiled: false },
        }
    }

    /// A copy or set that faults: which of its instructions does is IMPLEMENTATION DEFINED, and so are its registers.
    fn agree_on_fault(&self) -> bool {
        let end = self.pc + 4 * self.case.words.len() as u64;
        let fault = |ran: &Ran| match ran.outcome {
            Outcome::Signal { signal, pc } if (self.pc..end).contains(&pc) => Some(signal),
            _ => None,
        };
        fault(&self.qemu).is_some() && fault(&self.qemu) == fault(&self.ours) && self.qemu.memory == self.ours.memory
    }

    /// Do both agree, where the architecture says what is right?
    fn agree(&self) -> bool {
        if self.miscompiled {
            return false;
        }
        let (a, b) = (&self.qemu, &self.ours);
        if rows::is_mops(self.case.row) && self.agree_on_fault() {
            return true;
        }
        if a.outcome != b.outcome {
            return false;
        }
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
        let case = generate::case(&mut random, &mut pe, (Witness::Host, info), 0, &memory);
        let qemu = Ran { state: case.state.clone(), outcome, memory };
        let mut compared = Compared { case, pc: 0, ours: qemu.clone(), qemu, miscompiled: false };
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
