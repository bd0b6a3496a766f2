//! What was compared, and what differed: for people.

use super::Compared;
use super::layout::SCRATCH;
use super::rows::{self, KNOWN};
use super::state::{Case, Outcome, State};
use a64::{ROW_COUNT, ROWS, RowInfo};
use capstone::prelude::*;
use std::fmt::Write as _;

/// What became of the cases of one row.
#[derive(Clone, Default)]
pub struct Tally {
    /// Cases compared.
    pub compared: usize,
    /// Cases that differed and should not.
    pub differed: usize,
    /// Cases that differed for a known reason.
    pub known: usize,
    /// Cases that ended in a fault, or in a taken branch.
    pub left: usize,
    /// FPSR bits that cases raised.
    pub raised: u32,
    /// The first of those that should not differ, as text.
    pub example: Option<String>,
}

/// A tally per row, in the order of the table.
pub struct Coverage {
    rows: Vec<Tally>,
    reasons: Vec<usize>,
}

impl Coverage {
    pub(super) fn new() -> Coverage {
        Coverage { rows: vec![Tally::default(); ROW_COUNT], reasons: vec![0; KNOWN.len()] }
    }

    pub(super) fn add(&mut self, c: Compared) {
        let tally = &mut self.rows[c.case.row.row as usize];
        tally.compared += 1;
        tally.left += usize::from(c.qemu.outcome != Outcome::Finished);
        tally.raised |= c.qemu.state.fpsr & !c.case.state.fpsr;
        if c.agree() {
            return;
        }
        match KNOWN.iter().position(|known| (known.applies)(&c.case, &c.qemu, &c.ours)) {
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

    /// The rows that are compared, with their tallies.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &Tally)> {
        let rows = ROWS.iter().zip(&self.rows);
        rows.filter(|(row, _)| rows::excluded(row).is_none()).map(|(row, tally)| (row.name, tally))
    }

    /// Cases in all.
    pub fn compared(&self) -> usize {
        self.rows.iter().map(|t| t.compared).sum()
    }

    /// The known reasons, and how many cases each explains.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, usize)> {
        KNOWN.iter().map(|known| known.reason).zip(self.reasons.iter().copied())
    }

    /// The differences: an example of each row that has any.
    pub fn differences(&self) -> String {
        let mut text = String::new();
        for (name, tally) in self.rows() {
            if let Some(example) = &tally.example {
                _ = writeln!(text, "{name}: {} of {} differ, for instance\n{example}", tally.differed, tally.compared);
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
             {} rows, {} cases.\n\n## Known differences\n\n",
            self.rows().count(),
            self.compared()
        );
        self.reasons().for_each(|(reason, count)| _ = writeln!(text, "- {reason} ({count} cases)"));
        _ = writeln!(text, "\n## Not compared\n\n| row | why |\n|---|---|");
        let why = |row: &'static RowInfo| rows::excluded(row).map(|why| (row.name, why));
        ROWS.iter().filter_map(why).for_each(|(name, why)| _ = writeln!(text, "| {name} | {why} |"));
        let mut class = "";
        for (info, (name, tally)) in ROWS.iter().filter(|row| rows::excluded(row).is_none()).zip(self.rows()) {
            if info.class != class {
                class = info.class;
                _ = writeln!(
                    text,
                    "\n## {class}\n\n| row | compared | of which left | FPSR raised | differ, known | differ |\n|---|---|---|---|---|---|"
                );
            }
            let Tally { compared, left, raised, known, differed, .. } = tally;
            _ = writeln!(text, "| {name} | {compared} | {left} | {} | {known} | {differed} |", flags(*raised));
        }
        text
    }
}

/// Names of FPSR bits.
fn flags(fpsr: u32) -> String {
    const NAMES: [(u32, &str); 7] =
        [(0, "IOC"), (1, "DZC"), (2, "OFC"), (3, "UFC"), (4, "IXC"), (7, "IDC"), (27, "QC")];
    NAMES.iter().filter(|(bit, _)| fpsr >> bit & 1 != 0).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

/// The instruction, the registers that its fields name, and what differs.
fn describe(c: &Compared) -> String {
    let mut text = String::new();
    for (i, word) in c.case.words.iter().enumerate() {
        let pc = c.pc + 4 * i as u64;
        _ = writeln!(text, "    {pc:x}: {word:08x}  {}", disassemble(pc, *word));
    }
    let State { nzcv, fpcr, fpsr, sp, .. } = c.case.state;
    _ = writeln!(text, "    nzcv={:x} fpcr={fpcr:08x} fpsr={fpsr:08x} sp={sp:x}", nzcv >> 28);
    for f in c.case.row.fields.iter().filter(|f| f.name.starts_with('r') && f.width >= 4) {
        let r = (c.case.word() >> f.lsb & ((1 << f.width) - 1)) as usize;
        let x = c.case.state.x.get(r).map_or("-".to_string(), |x| format!("{x:016x}"));
        _ = writeln!(text, "    {}={r}: x{r}={x} v{r}={:032x}", f.name, c.case.state.v[r]);
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
