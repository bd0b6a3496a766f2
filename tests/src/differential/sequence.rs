//! Random sequences of instructions that end where they should: accesses stay in scratch, branches go forwards.
//!
//! A sequence is made of units. What an instruction needs in order not to leave (a base register that points into
//! scratch, something to skip) stands before it in its unit, so that units can be dropped and the rest still ends.

use super::generate::word;
use super::layout::{SCRATCH, SCRATCH_SIZE, SLOT_WORDS, entry};
use super::operands::{Random, state};
use super::pe::Pe;
use super::rows::{self, is_branch, is_memory};
use super::state::{Case, Outcome, State};
use super::witness::Witness;
use a64::{Field, ROWS, Row, RowInfo};

pub const NOP: u32 = 0xd503_201f;
const CLREX: u32 = 0xd503_3f5f;

/// The most instructions of a sequence.
const LONGEST: usize = 64;
const _: () = assert!(LONGEST <= SLOT_WORDS);

/// Instructions that stay together.
type Unit = Vec<u32>;

/// A sequence, where it runs, and what it starts from.
#[derive(Clone)]
pub struct Sequence {
    units: Vec<Unit>,
    state: State,
    /// The slot it is made for: some instructions know their address.
    pub slot: usize,
}

impl Sequence {
    /// As a case, of the row of its last instruction.
    pub fn case(&self) -> Case {
        let mut words = self.units.concat();
        let length = words.iter().rposition(|word| *word != NOP).map_or(1, |last| last + 1);
        words.truncate(length);
        let row = a64::lookup(words[length - 1]).expect("every word is of a row").info();
        Case { row, words, state: self.state.clone() }
    }

    /// The rows of its instructions.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.units.iter().flatten().filter_map(|word| a64::lookup(*word))
    }

    /// The same without most of it: every unit whose absence leaves `differs` true is NOPs. (With the units out,
    /// those behind them would find themselves elsewhere, and their addresses with them.)
    pub fn shrink<E>(mut self, mut differs: impl FnMut(&Sequence) -> Result<bool, E>) -> Result<Sequence, E> {
        let is_gone = |unit: &Unit| unit.iter().all(|word| *word == NOP);
        let mut dropped = true;
        while dropped {
            dropped = false;
            for i in (0..self.units.len()).rev() {
                let mut fewer = self.clone();
                fewer.units[i].fill(NOP);
                if is_gone(&self.units[i]) || fewer.units.iter().all(is_gone) || !differs(&fewer)? {
                    continue;
                }
                (self, dropped) = (fewer, true);
            }
        }
        Ok(self)
    }
}

/// Makes sequences.
pub struct Sequences {
    witness: Witness,
    memory: Vec<&'static RowInfo>,
    branches: Vec<&'static RowInfo>,
    vectors: Vec<&'static RowInfo>,
    integers: Vec<&'static RowInfo>,
}

impl Sequences {
    /// From all rows that can stand in one and that `witness` knows.
    pub fn new(witness: Witness) -> Sequences {
        // These end a case; their like below go to the next instruction.
        const LEAVE: [Row; 7] = [Row::Brk, Row::Bra, Row::Blra, Row::Braz, Row::Blraz, Row::Reta, Row::Ldra];
        let usable = |row: &&RowInfo| rows::excluded_from(witness, row).is_none() && !LEAVE.contains(&row.row);
        let of = |kind: fn(&RowInfo) -> bool| ROWS.iter().filter(usable).filter(|row| kind(row)).collect();
        let is_vector = |row: &RowInfo| row.value >> 25 & 0b111 == 0b111;
        Sequences {
            witness,
            memory: of(is_memory),
            branches: of(is_branch),
            vectors: of(is_vector),
            integers: ROWS
                .iter()
                .filter(usable)
                .filter(|row| !is_memory(row) && !is_branch(row) && !is_vector(row))
                .collect(),
        }
    }

    /// A sequence for slot `slot`, with `memory` in scratch.
    pub fn sequence(&self, random: &mut Random, pe: &mut Pe, slot: usize, memory: &[u8]) -> Sequence {
        let most = 1 + random.below(LONGEST as u64) as usize;
        let esize = random.below(4) as u32;
        let mut sequence = Sequence { units: vec![], state: state(random, esize), slot };
        let mut length = 0;
        while length < most {
            let unit = self.unit(random, pe, &sequence.state, entry(slot) + 4 * length as u64, memory);
            if length + unit.len() > LONGEST {
                break;
            }
            length += unit.len();
            sequence.units.push(unit);
        }
        if sequence.units.is_empty() { self.sequence(random, pe, slot, memory) } else { sequence }
    }

    /// A unit at `pc` that goes through, whatever the registers hold (as `state` shows).
    fn unit(&self, random: &mut Random, pe: &mut Pe, state: &State, pc: u64, memory: &[u8]) -> Unit {
        if random.one_in(16) {
            return self.branch(random, pe, state, pc, memory);
        }
        for _ in 0..1000 {
            let unit = match random.below(15) {
                0..4 => self.access(random, pe, pc, memory),
                4..9 => self.compute(random, &self.integers),
                _ => self.compute(random, &self.vectors),
            };
            if let Some(unit) = unit {
                let row = a64::lookup(unit[unit.len() - 1]).expect("units are made from rows").info();
                let case = Case { row, words: unit, state: state.clone() };
                if pe.run(&case, memory, pc).outcome == Outcome::Finished {
                    return case.words;
                }
            }
        }
        panic!("no unit in 1000 goes through")
    }

    fn compute(&self, random: &mut Random, of: &[&RowInfo]) -> Option<Unit> {
        let row = random.pick(of);
        let word = word(random, self.witness, row);
        let pointer = rows::pointer(row, word);
        let mut unit = Vec::from_iter(pointer.filter(|r| *r < 31).map(|r| adr(r, 8)));
        unit.extend(rows::before(random, row, word));
        unit.push(word);
        (!rows::is_disputed(row, word)).then_some(unit)
    }

    /// A branch over the unit after it, or to the next instruction by its address.
    fn branch(&self, random: &mut Random, pe: &mut Pe, state: &State, pc: u64, memory: &[u8]) -> Unit {
        let row = random.pick(&self.branches);
        let word = word(random, self.witness, row);
        match row.fields.iter().find(|f| f.name.starts_with("imm")) {
            Some(f) => {
                let over = self.unit(random, pe, state, pc + 4, memory);
                [vec![with(word, f, 1 + over.len() as u32)], over].concat()
            }
            None if word >> 5 & 31 < 31 => vec![adr(word >> 5 & 31, 8), word],
            None => self.branch(random, pe, state, pc, memory),
        }
    }

    /// A load or store somewhere in scratch.
    fn access(&self, random: &mut Random, pe: &mut Pe, pc: u64, memory: &[u8]) -> Option<Unit> {
        let row = random.pick(&self.memory);
        let word = word(random, self.witness, row);
        if rows::is_mops(row) {
            return mops(random, row, word, pc);
        }
        let may_be_unaligned = self.witness.has_lse2() || !rows::is_aligned(row);
        let aligned = if may_be_unaligned && random.one_in(4) { !0 } else { !15 };
        let target = SCRATCH + 256 + (random.below(SCRATCH_SIZE - 512) & aligned);
        let field = |name: &str| row.fields.iter().find(|f| f.name == name);
        if let Some(f) = field("imm19") {
            return Some(vec![with(word, f, (target.wrapping_sub(pc) >> 2) as u32)]);
        }
        let register = |name: &str| field(name).map(|f| word >> f.lsb & 31);
        let (n, m) = (register("rn")?, register("rm").filter(|m| *m < 31));
        if m == Some(n) {
            return None;
        }
        let (mut unit, mut state) = (vec![], State::default());
        if let Some(m) = m {
            let index = random.below(128);
            state.x[m as usize] = index;
            unit.push(0xd280_0000 | (index as u32) << 5 | m); // MOVZ
        }
        let from_base = pe.inaccessible(&state, &[word], memory, pc).unwrap_or(0);
        let offset = target.wrapping_sub(from_base).wrapping_sub(pc + 4 * unit.len() as u64) as i64;
        if !(-(1 << 20)..1 << 20).contains(&offset) {
            return None;
        }
        if n < 31 {
            unit.push(adr(n, offset));
        } else {
            let via = (m.unwrap_or(0) + 1) % 31;
            unit.extend([adr(via, offset), 0x9100_001f | via << 5]); // MOV SP, Xvia
        }
        let before = rows::before(random, row, word);
        // Without a load-exclusive of its own, a store-exclusive must not find that of another.
        unit.extend(if before.is_empty() { vec![CLREX] } else { before });
        unit.push(word);
        Some(unit)
    }
}

/// A copy or set in scratch, the three instructions together.
fn mops(random: &mut Random, row: &RowInfo, word: u32, pc: u64) -> Option<Unit> {
    let register = |name: &str| row.fields.iter().find(|f| f.name == name).map_or(31, |f| word >> f.lsb & 31);
    let (d, s, n) = (register("rd"), register("rs"), register("rn"));
    let mut unit = vec![];
    let mut places = [0; 2].map(|_| SCRATCH + 256 + random.below(SCRATCH_SIZE - 1024));
    // As for single ones.
    places.sort_unstable_by_key(|at| if row.row == Row::Cpyf { *at } else { 0 });
    for (r, to) in [d, s].into_iter().zip(places).take(if row.row == Row::Set { 1 } else { 2 }) {
        unit.push(adr(r, to.wrapping_sub(pc + 4 * unit.len() as u64) as i64));
    }
    unit.push(0xd280_0000 | (random.below(256) as u32) << 5 | n); // MOVZ
    unit.extend(rows::mops(row, word));
    Some(unit)
}

/// `word` with `v` in `f`.
fn with(word: u32, f: &Field, v: u32) -> u32 {
    let ones = (1 << f.width) - 1;
    word & !(ones << f.lsb) | (v & ones) << f.lsb
}

/// ADR Xr, . + offset.
fn adr(r: u32, offset: i64) -> u32 {
    let offset = offset as u32;
    0x1000_0000 | (offset & 3) << 29 | (offset >> 2 & 0x7_ffff) << 5 | r
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Of a sequence that differs where words `wanted` are in it, those are left.
    #[test]
    fn what_is_not_needed_is_dropped() {
        let units = (1..20).map(|i| vec![0x9100_0000 | i << 10, NOP]).collect();
        let sequence = Sequence { units, state: State::default(), slot: 0 };
        let wanted = [0x9100_0000 | 3 << 10, 0x9100_0000 | 17 << 10];
        let differs = |s: &Sequence| Ok::<_, Infallible>(wanted.iter().all(|w| s.units.concat().contains(w)));
        let shrunk = sequence.shrink(differs).expect("cannot fail");
        let left: Vec<u32> = shrunk.units.concat().into_iter().filter(|word| *word != NOP).collect();
        assert_eq!((left, shrunk.units.len()), (wanted.to_vec(), 19));
    }
}
