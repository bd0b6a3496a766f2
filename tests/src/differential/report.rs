//! What was compared, and what differed: for people.

use super::Compared;
use super::layout::SCRATCH;
use super::rows::{self, KNOWN};
use super::sequence::{NOP, Sequence};
use super::state::{Case, Outcome, State};
use super::witness::Witness;
use a64::{ROW_COUNT, ROWS, RowInfo};
use capstone::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What became of the cases of one row.
#[derive(Clone, Default)]
pub struct Tally {
    /// Cases compared with each witness.
    pub compared: [usize; 2],
    /// Cases that differed and should not.
    pub differed: usize,
    /// Cases that differed for a known reason.
    pub known: usize,
    /// Cases that ended in a fault, or in a taken branch.
    pub left: usize,
    /// How often sequences have an instruction of it.
    pub in_sequences: usize,
    /// FPSR bits that cases raised.
    pub raised: u32,
    /// The first of those that should not differ, as text.
    pub example: Option<String>,
}

/// A tally per row, in the order of the table.
pub struct Coverage {
    versions: [String; 2],
    rows: Vec<Tally>,
    reasons: Vec<usize>,
    /// Of all sequences together; an instruction is a case here.
    sequences: Sequences,
    blocks: u64,
}

/// What became of the sequences.
#[derive(Default)]
struct Sequences {
    compared: usize,
    instructions: usize,
    left: usize,
    differed: usize,
    example: Option<String>,
}

impl Coverage {
    pub(super) fn new(versions: [String; 2]) -> Coverage {
        Coverage {
            versions,
            rows: vec![Tally::default(); ROW_COUNT],
            reasons: vec![0; KNOWN.len()],
            sequences: Sequences::default(),
            blocks: 0,
        }
    }

    pub(super) fn add(&mut self, witness: Witness, c: Compared) {
        let tally = &mut self.rows[c.case.row.row as usize];
        tally.compared[witness as usize] += 1;
        tally.left += usize::from(c.qemu.outcome != Outcome::Finished);
        tally.raised |= c.qemu.state.fpsr & !c.case.state.fpsr;
        if c.agree() {
            return;
        }
        match known(witness, &c) {
            Some(known) => {
                tally.known += 1;
                self.reasons[known] += 1;
            }
            None => {
                tally.differed += 1;
                tally.example.get_or_insert_with(|| describe(&c));
            }
        }
    }

    /// A sequence, and what is left of it if it differed.
    pub(super) fn add_sequence(
        &mut self,
        witness: Witness,
        sequence: &Sequence,
        outcome: Outcome,
        shortest: Option<Compared>,
    ) {
        self.sequences.compared += 1;
        self.sequences.left += usize::from(outcome != Outcome::Finished);
        for row in sequence.rows() {
            self.sequences.instructions += 1;
            self.rows[row as usize].in_sequences += 1;
        }
        let Some(shortest) = shortest else { return };
        match known(witness, &shortest) {
            Some(known) => self.reasons[known] += 1,
            None => {
                self.sequences.differed += 1;
                self.sequences.example.get_or_insert_with(|| describe(&shortest));
            }
        }
    }

    /// Blocks that a worker compiled.
    pub(super) fn add_blocks(&mut self, blocks: u64) {
        self.blocks += blocks;
    }

    /// Blocks that were compiled, each to be compared with the interpreter; none on a host without a compiler.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Sequences compared, and their instructions.
    pub fn sequences(&self) -> (usize, usize) {
        (self.sequences.compared, self.sequences.instructions)
    }

    /// The rows that are compared, with their tallies.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &Tally)> {
        let rows = ROWS.iter().zip(&self.rows);
        rows.filter(|(row, _)| rows::excluded(row).is_none()).map(|(row, tally)| (row.name, tally))
    }

    /// Cases in all.
    pub fn compared(&self) -> usize {
        self.rows.iter().flat_map(|t| t.compared).sum()
    }

    /// The known reasons, and how many cases each explains.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, usize)> {
        KNOWN.iter().map(|known| known.reason).zip(self.reasons.iter().copied())
    }

    /// The differences: an example of each row that has any.
    pub fn differences(&self) -> String {
        let mut text = String::new();
        if let Sequences { compared, differed, example: Some(example), .. } = &self.sequences {
            _ = writeln!(
                text,
                "{differed} of {compared} sequences differ, for instance what is left of one:\n{example}"
            );
        }
        for (name, tally) in self.rows() {
            if let Some(example) = &tally.example {
                _ = writeln!(
                    text,
                    "{name}: {} of {} differ, for instance\n{example}",
                    tally.differed,
                    tally.compared[0] + tally.compared[1]
                );
            }
        }
        text
    }

    /// `docs/isa-coverage.md`.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Instructions compared with user-mode QEMU\n\n\
             Written by `BLESS=1 cargo test -p armagic-tests --test differential`. Each row of the instruction table \
             is one encoding of the manual;\na case is a random word of it with random operands, of which registers, \
             flags, FPSR and memory are compared bit for bit.\n\
             Left: ended in a fault or a taken branch.\n\n\
             QEMU {} and QEMU {} are the witnesses, and have a column each.\n\n\
             A sequence is 1 to 64 instructions of these rows, of which the end state is compared.\n\n\
             {} rows, {} cases with {} differences; {} sequences of {} instructions ({} were left before their end) with {} differences.\n\n\
             ## Known differences\n\n",
            self.versions[0],
            self.versions[1],
            self.rows().count(),
            self.compared(),
            self.rows().map(|(_, tally)| tally.differed).sum::<usize>(),
            self.sequences.compared,
            self.sequences.instructions,
            self.sequences.left,
            self.sequences.differed,
        );
        self.reasons().for_each(|(reason, count)| _ = writeln!(text, "- {reason} ({count} cases)"));
        _ = writeln!(text, "\n## Not compared\n\n| row | why |\n|---|---|");
        let why = |row: &'static RowInfo| rows::excluded(row).map(|why| (row.name, why));
        ROWS.iter().filter_map(why).for_each(|(name, why)| _ = writeln!(text, "| {name} | {why} |"));
        for witness in Witness::ALL {
            let version = &self.versions[witness as usize];
            _ = writeln!(text, "\n## Not compared with QEMU {version}\n\n| row | why |\n|---|---|");
            let why = |row: &'static RowInfo| witness.excludes(row).map(|why| (row.name, why));
            ROWS.iter().filter_map(why).for_each(|(name, why)| _ = writeln!(text, "| {name} | {why} |"));
        }
        let mut class = "";
        for (info, (name, tally)) in ROWS.iter().filter(|row| rows::excluded(row).is_none()).zip(self.rows()) {
            if info.class != class {
                class = info.class;
                _ = writeln!(
                    text,
                    "\n## {class}\n\n| row | {} | {} | of which left | FPSR raised | in sequences | differ, known | differ |\n|---|---|---|---|---|---|---|---|",
                    self.versions[0], self.versions[1]
                );
            }
            let Tally { compared, left, raised, in_sequences, known, differed, .. } = tally;
            _ = writeln!(
                text,
                "| {name} | {} | {} | {left} | {} | {in_sequences} | {known} | {differed} |",
                compared[0],
                compared[1],
                flags(*raised)
            );
        }
        text
    }
}

/// Which of `KNOWN` explains it.
fn known(witness: Witness, c: &Compared) -> Option<usize> {
    if c.miscompiled {
        return None;
    }
    KNOWN.iter().position(|known| known.of.contains(&witness) && (known.applies)(&c.case, &c.qemu, &c.ours))
}

/// Names of FPSR bits.
fn flags(fpsr: u32) -> String {
    const NAMES: [(u32, &str); 7] =
        [(0, "IOC"), (1, "DZC"), (2, "OFC"), (3, "UFC"), (4, "IXC"), (7, "IDC"), (27, "QC")];
    NAMES.iter().filter(|(bit, _)| fpsr >> bit & 1 != 0).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

/// The instructions, the registers that their fields name, and what differs.
fn describe(c: &Compared) -> String {
    let mut text = String::new();
    if c.miscompiled {
        _ = writeln!(text, "    compiled, which is not what the interpreter does:");
    }
    // A NOP stands where an instruction was that does not matter.
    let shown = |word: u32| c.case.words.len() == 1 || word != NOP;
    for (i, word) in c.case.words.iter().enumerate().filter(|(_, word)| shown(**word)) {
        let pc = c.pc + 4 * i as u64;
        _ = writeln!(text, "    {pc:x}: {word:08x}  {}", disassemble(pc, *word));
    }
    let State { nzcv, fpcr, fpsr, sp, .. } = c.case.state;
    _ = writeln!(text, "    nzcv={:x} fpcr={fpcr:08x} fpsr={fpsr:08x} sp={sp:x}", nzcv >> 28);
    let fields = |word: u32| {
        let named = a64::lookup(word).map_or(&[][..], |row| row.info().fields).iter();
        let named = named.filter(|f| f.name.starts_with('r') && f.width >= 4);
        named.map(move |f| (word >> f.lsb & ((1 << f.width) - 1)) as usize)
    };
    for r in c.case.words.iter().flat_map(|word| fields(*word)).collect::<BTreeSet<_>>() {
        let x = c.case.state.x.get(r).map_or("-".to_string(), |x| format!("{x:016x}"));
        _ = writeln!(text, "    x{r}={x} v{r}={:032x}", c.case.state.v[r]);
    }
    let (q, o) = (&c.qemu, &c.ours);
    let mut differs = |what: String, q: String, o: String| {
        if q != o {
            _ = writeln!(text, "    {what}: QEMU {q}, ours {o}");
        }
    };
    differs("end".into(), outcome(q.outcome), outcome(o.outcome));
    (0..31).for_each(|i| differs(format!("x{i}"), format!("{:016x}", q.state.x[i]), format!("{:016x}", o.state.x[i])));
    differs("sp".into(), format!("{:x}", q.state.sp), format!("{:x}", o.state.sp));
    differs("nzcv".into(), format!("{:x}", q.state.nzcv >> 28), format!("{:x}", o.state.nzcv >> 28));
    differs("fpcr".into(), format!("{:08x}", q.state.fpcr), format!("{:08x}", o.state.fpcr));
    differs("fpsr".into(), format!("{:08x}", q.state.fpsr), format!("{:08x}", o.state.fpsr));
    (0..32).for_each(|i| differs(format!("v{i}"), format!("{:032x}", q.state.v[i]), format!("{:032x}", o.state.v[i])));
    if let Some(at) = (0..q.memory.len()).find(|i| q.memory[*i] != o.memory[*i]) {
        let bytes = |m: &[u8]| m[at..m.len().min(at + 16)].iter().map(|b| format!("{b:02x}")).collect::<String>();
        differs(format!("memory from {:x}", SCRATCH + at as u64), bytes(&q.memory), bytes(&o.memory));
    }
    text
}

/// The row and the instructions of a case, in one line.
pub(super) fn describe_words(case: &Case) -> String {
    let words: Vec<String> = case.words.iter().map(|word| disassemble(0, *word)).collect();
    format!("{}: {} ({:08x?}, disassembled at address 0)", case.row.name, words.join("; "), case.words)
}

fn outcome(o: Outcome) -> String {
    match o {
        Outcome::Finished => "finished".to_string(),
        Outcome::Signal { signal, pc } => format!("signal {signal} at {pc:x}"),
    }
}

fn disassemble(pc: u64, word: u32) -> String {
    let cs =
        Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build().expect("capstone has AArch64 compiled in");
    let text = cs.disasm_count(&word.to_le_bytes(), pc, 1).ok().and_then(|insns| {
        let insn = insns.iter().next()?;
        Some(format!("{} {}", insn.mnemonic()?, insn.op_str().unwrap_or("")))
    });
    text.unwrap_or_else(|| "(unknown to capstone)".to_string())
}
