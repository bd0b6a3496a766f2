//! Random cases of a row: an instruction word, and registers it makes sense with.

use super::layout::{SCRATCH, SCRATCH_SIZE, entry, is_mapped};
use super::operands::{Random, integer, lane_size, state};
use super::pe::Pe;
use super::rows::{self, is_branch, is_memory};
use super::state::{Case, State};
use super::witness::Witness;
use a64::{Field, Insn, Row, RowInfo};

/// A case of `row` for slot `index`, with `memory` in scratch.
pub fn case(
    random: &mut Random,
    pe: &mut Pe,
    (witness, row): (Witness, &'static RowInfo),
    index: usize,
    memory: &[u8],
) -> Case {
    for _ in 0..10_000 {
        let case = attempt(random, pe, (witness, row), index, memory);
        if is_usable(pe, &case, index, memory) {
            return case;
        }
    }
    panic!("{}: no usable case in 10000", row.name)
}

/// A word of `row` that the manual does not call CONSTRAINED UNPREDICTABLE, should-be bits as they should be.
pub fn word(random: &mut Random, witness: Witness, row: &RowInfo) -> u32 {
    for _ in 0..100_000 {
        // Once in eight, all registers are the same one.
        let same = random.one_in(8).then(|| free_bits(random, 5));
        let field = |f: &Field| match same {
            Some(r) if f.name.starts_with('r') && f.width == 5 => r,
            _ => free_bits(random, f.width),
        };
        let free = row.fields.iter().map(field).zip(row.fields).fold(0, |word, (v, f)| word | v << f.lsb);
        let word = rows::pinned(random, row, free | row.value | row.should_be);
        if (row.guard)(word) && rows::allows(witness, row, word) && !is_unpredictable(word) {
            return word;
        }
    }
    panic!("{}: no usable word in 100000", row.name)
}

/// All zeros, all ones, or random.
fn free_bits(random: &mut Random, width: u32) -> u32 {
    let ones = ((1u64 << width) - 1) as u32;
    match random.below(10) {
        0 => 0,
        1 => ones,
        _ => random.u64() as u32 & ones,
    }
}

fn is_unpredictable(word: u32) -> bool {
    exarmo_aarch64::decode_word(word).is_ok_and(|insn| insn.unpredictable())
}

fn attempt(
    random: &mut Random,
    pe: &mut Pe,
    (witness, row): (Witness, &'static RowInfo),
    index: usize,
    memory: &[u8],
) -> Case {
    let mut word = word(random, witness, row);
    let esize = lane_size(random, row, word);
    let mut state = state(random, esize);
    if rows::is_mops(row) {
        let words = rows::mops(row, word).to_vec();
        mops_operands(random, row, word, &mut state);
        return Case { row, words, state };
    }
    let mut words = rows::before(random, row, word);
    if is_memory(row) {
        let pc = entry(index) + 4 * words.len() as u64;
        word = aim(random, pe, row, (&words, word), &mut state, memory, pc);
    }
    if is_branch(row) && random.one_in(2) {
        // Where branches to a register can go: the lower half, aligned. Conditional ones have all values.
        state.x.iter_mut().for_each(|x| *x &= 0x7fff_ffff_fffc);
    }
    words.push(word);
    Case { row, words, state }
}

/// Makes the access of `word` go where it is interesting; literals move by their offset, all others by
/// their base register. Returns the word.
fn aim(
    random: &mut Random,
    pe: &mut Pe,
    row: &RowInfo,
    (before, word): (&[u32], u32),
    state: &mut State,
    memory: &[u8],
    pc: u64,
) -> u32 {
    let target = match random.below(16) {
        // Across the ends: half of these fault.
        0 => SCRATCH - 32 + random.below(64),
        1 => SCRATCH + SCRATCH_SIZE - 32 + random.below(64),
        2..5 => SCRATCH + 256 + random.below(SCRATCH_SIZE - 512),
        _ => SCRATCH + 256 + (random.below(SCRATCH_SIZE - 512) & !15),
    };
    let field = |name: &str| row.fields.iter().find(|f| f.name == name);
    if let Some(f) = field("imm19") {
        let offset = (target.wrapping_sub(pc) >> 2) as u32 & ((1 << f.width) - 1);
        return word & !(((1 << f.width) - 1) << f.lsb) | offset << f.lsb;
    }
    let register = |name: &str| field(name).map(|f| word >> f.lsb & 31);
    if let Some(m) = register("rm").filter(|m| *m < 31) {
        state.x[m as usize] = (random.below(512) as i64 - 256) as u64;
    }
    let Some(n) = register("rn") else { return word };
    set_base(state, n, 0);
    let words: Vec<u32> = before.iter().copied().filter(|_| row.row == Row::Ldra).chain([word]).collect();
    let from_base = pe.inaccessible(state, &words, memory, pc).unwrap_or(0);
    let base = target.wrapping_sub(from_base);
    set_base(state, n, if n == 31 { base & !15 } else { base });
    compare_equal(random, row, word, state, memory, target);
    word
}

/// Makes a copy or set go where it is interesting: some over an end of scratch, most within; copies often overlap.
fn mops_operands(random: &mut Random, row: &RowInfo, word: u32, state: &mut State) {
    let register = |name: &str| row.fields.iter().find(|f| f.name == name).map_or(31, |f| word >> f.lsb & 31);
    let most = random.pick(&[0, 1, 2, 8, 17, 64, 300, 1024]);
    let size = random.below(most + 1);
    let place = |random: &mut Random| match random.below(12) {
        0 => SCRATCH - random.below(32),
        1 => SCRATCH + SCRATCH_SIZE - random.below(size + 32),
        _ => SCRATCH + random.below(SCRATCH_SIZE - size),
    };
    let to = place(random);
    let near = (to + random.below(2 * size + 1)).wrapping_sub(size);
    let from = if random.one_in(2) { near } else { place(random) };
    // Forwards, over a source that is not yet copied, depends on how much is copied at a time.
    let (to, from) = if row.row == Row::Cpyf { (to.min(from), to.max(from)) } else { (to, from) };
    // Of a set, Xs is the byte. Above 55 bits a size is one too large to be copied.
    set_base(state, register("rd"), to);
    if row.row != Row::Set {
        set_base(state, register("rs"), from);
    }
    set_base(state, register("rn"), size);
}

fn set_base(state: &mut State, n: u32, v: u64) {
    match state.x.get_mut(n as usize) {
        Some(x) => *x = v,
        None => state.sp = v,
    }
}

/// Half of the compare-and-swaps find what they expect.
fn compare_equal(random: &mut Random, row: &RowInfo, word: u32, state: &mut State, memory: &[u8], target: u64) {
    let at = |offset: u64| {
        let from = (target + offset).wrapping_sub(SCRATCH).min(SCRATCH_SIZE) as usize;
        memory.get(from..from + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().expect("8 bytes were cut")))
    };
    if random.one_in(2) {
        return;
    }
    // Above the width of the access anything goes.
    let (expected, noise) = match Insn::from_row(row.row, word) {
        Insn::Cas(i) => ([(i.rs, at(0)), (31, 0)], if i.size == 3 { 0 } else { u64::MAX << (8 << i.size) }),
        Insn::Casp(i) if i.sz == 0 => ([(i.rs, at(0)), (i.rs + 1, at(4))], u64::MAX << 32),
        Insn::Casp(i) => ([(i.rs, at(0)), (i.rs + 1, at(8))], 0),
        _ => return,
    };
    let Some(base) = row.fields.iter().find(|f| f.name == "rn").map(|f| word >> f.lsb & 31) else { return };
    for (r, v) in expected {
        if r < 31 && r != base {
            state.x[r as usize] = v & !noise | integer(random) & noise;
        }
    }
}

/// Does the case end where its end can be told, even if we are wrong about a condition?
fn is_usable(pe: &mut Pe, case: &Case, index: usize, memory: &[u8]) -> bool {
    let (pc, word) = (entry(index), case.word());
    let imm = case.row.fields.iter().find(|f| f.name.starts_with("imm"));
    let target = match imm {
        _ if !is_branch(case.row) => return true,
        Some(f) => {
            let up = 32 - f.width;
            let offset = ((word >> f.lsb) << up) as i32 >> up;
            Some(pc.wrapping_add_signed(4 * i64::from(offset)))
        }
        None => pe.leaves_to(&case.state, &case.words, memory, pc),
    };
    // The target of a branch must be an address at which nothing is mapped.
    target.is_some_and(|pc| !is_mapped(pc) && pc < 1 << 47 && pc % 4 == 0)
}
