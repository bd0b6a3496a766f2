//! Guest instructions and the host code they become, side by side, as people read them.
//!
//! Host addresses are counted from the block's entry, and thunks have their names, so that a listing of a block is
//! the same wherever it lies.

use crate::code::{Arena, CodeBuf, CodeError, Offset};
use crate::context::Static;
use crate::emit::Emitter;
use crate::microops::micro_ops;
use crate::options::Options;
use crate::tables::NONE;
use crate::thunks::Thunks;
use crate::translate::ROOM;
use capstone::Capstone;
use capstone::arch::{BuildsCapstone, BuildsCapstoneSyntax, arm64, x86};
use cpu::Model;
use std::sync::Arc;

/// A guest instruction, or a part of a block that belongs to none.
#[derive(Clone, Debug)]
pub struct Line {
    /// Address and word, and what it is called; or what the part is.
    pub guest: (Option<(u64, u32)>, String),
    /// Its micro-ops, if they were asked for.
    pub micro: Vec<String>,
    /// Its host code.
    pub host: Vec<String>,
}

/// The blocks that `words` at `pc` become for a kernel on `model`: their lines.
pub fn list(model: &'static Model, pc: u64, words: &[u32], options: &Options) -> Result<Vec<Line>, CodeError> {
    let size = 4 * ROOM;
    let arena = Arc::new(Arena::new(size)?);
    let mut buf = CodeBuf::new(arena.clone(), 0, size as Offset);
    let thunks = Thunks::write(&mut buf);
    let buf = || CodeBuf::new(arena.clone(), thunks.end, size as Offset);
    let mut emitter = Emitter::new(buf(), thunks, model, options);
    let (mut lines, mut done) = (Vec::new(), 0);
    while done < words.len() {
        let at = pc.wrapping_add(4 * done as u64);
        let in_page = (4096 - (at & 0xfff) as usize) / 4;
        emitter.buf = buf();
        let words = &words[done..words.len().min(done + in_page.max(1))];
        let block = emitter.block_lines(at, Static::of_kernel(at), words);
        done += block.iter().filter(|line| line.guest.0.is_some()).count().max(1);
        lines.extend(block.into_iter().map(|mut line| {
            line.micro = line.guest.0.map_or_else(Vec::new, |(pc, word)| micro_ops(pc, word, model.features));
            line
        }));
    }
    Ok(lines)
}

/// As text, in columns: a guest instruction beside the first of its micro-ops and of its host code.
pub fn table(lines: &[Line]) -> String {
    let guest = |line: &Line| match &line.guest {
        (Some((pc, word)), name) => format!("{pc:#x}  {word:08x}  {name}"),
        (None, name) => name.clone(),
    };
    // A few long texts may stick out.
    let width = |texts: &mut dyn Iterator<Item = usize>, most: usize| texts.filter(|n| *n <= most).max().unwrap_or(0);
    let left = width(&mut lines.iter().map(|line| guest(line).len()), 60);
    let middle = width(&mut lines.iter().flat_map(|line| &line.micro).map(String::len), 48);
    let mut text = String::new();
    for line in lines {
        let guest = guest(line);
        for n in 0..line.micro.len().max(line.host.len()).max(1) {
            let column = |from: &[String]| from.get(n).cloned().unwrap_or_default();
            let (first, micro, host) = (if n == 0 { &*guest } else { "" }, column(&line.micro), column(&line.host));
            let row = match middle {
                0 => format!("{first:<left$}  {host}"),
                _ => format!("{first:<left$}  {micro:<middle$}  {host}"),
            };
            text += row.trim_end();
            text.push('\n');
        }
    }
    text
}

/// What capstone calls `word` at `pc`.
fn guest_name(capstone: Option<&Capstone>, pc: u64, word: u32) -> String {
    let bytes = word.to_le_bytes();
    let insns = capstone.and_then(|capstone| capstone.disasm_count(&bytes, pc, 1).ok());
    let name = insns.as_ref().and_then(|insns| {
        let insn = insns.first()?;
        Some(format!("{} {}", insn.mnemonic()?, insn.op_str()?).trim_end().to_owned())
    });
    name.unwrap_or_else(|| "unallocated".to_owned())
}

/// What tells a thunk where a record is depends on where the block lies.
fn without_record(line: &str, instruction: &str) -> String {
    match line.split_once(instruction) {
        Some((before, record)) if record.starts_with("0x") => format!("{before}{instruction}record"),
        _ => line.to_owned(),
    }
}

impl Emitter {
    /// Compiles the block at `pc` of `words`, which nobody will find; its lines. No line if there is no room.
    pub(crate) fn block_lines(&mut self, pc: u64, context: Static, words: &[u32]) -> Vec<Line> {
        if self.buf.room() < ROOM {
            return Vec::new();
        }
        // The page does not matter to what is emitted.
        let made = self.translate(pc, 0, context, words.iter().copied(), NONE);
        let marks = self.marks.clone();
        let entry = marks[0];
        let capstone = Capstone::new().arm64().mode(arm64::ArchMode::Arm).build().ok();
        let mut lines = Vec::new();
        for (n, (word, at)) in words.iter().zip(&marks).take(made.length).enumerate() {
            let pc = pc.wrapping_add(4 * n as u64);
            let guest = (Some((pc, *word)), guest_name(capstone.as_ref(), pc, *word));
            lines.push(Line { guest, micro: Vec::new(), host: self.host_lines(entry, *at, marks[n + 1]) });
        }
        let (tail, cold) = (marks[made.length], marks[made.length + 1]);
        for (name, from, to) in [("falls through", tail, cold), ("out of line", cold, made.end)] {
            if from < to {
                let host = self.host_lines(entry, from, to);
                lines.push(Line { guest: (None, name.to_owned()), micro: Vec::new(), host });
            }
        }
        lines
    }

    /// The host code from `from` to `to`, of the block whose entry is `entry`.
    fn host_lines(&self, entry: Offset, from: Offset, to: Offset) -> Vec<String> {
        let syntax = x86::ArchSyntax::Intel;
        let capstone = Capstone::new().x86().mode(x86::ArchMode::Mode64).syntax(syntax).build();
        let Ok(capstone) = capstone else { return Vec::new() };
        let code = self.buf.read(from, to);
        let (mut lines, mut at) = (Vec::new(), 0);
        while at < code.len() {
            let place = from + at as Offset;
            let insns = capstone.disasm_count(&code[at..], place.into(), 1);
            let insn = insns.as_ref().ok().and_then(|insns| insns.first());
            let Some(insn) = insn else {
                lines.push(format!("{:4x}  .byte {:#04x}", place - entry, code[at]));
                at += 1;
                continue;
            };
            let (name, operands) = (insn.mnemonic().unwrap_or("?"), insn.op_str().unwrap_or(""));
            at += insn.bytes().len();
            let (operands, thunk) = self.target(entry, name, operands);
            if let (Some(_), Some(last)) = (thunk, lines.last_mut()) {
                *last = without_record(last, "mov eax, ");
            }
            let line = format!("{:4x}  {name} {operands}", place - entry).trim_end().to_owned();
            // A call of `slow` is followed by where its site is.
            lines.push(if lines.last().is_some_and(|l| l.contains("call slow")) {
                without_record(&line, "test eax, ")
            } else {
                line
            });
        }
        lines
    }

    /// The operands of a jump or call with names, and the thunk it goes to.
    fn target(&self, entry: Offset, name: &str, operands: &str) -> (String, Option<&'static str>) {
        let jumps = name.starts_with('j') || name == "call";
        let to = operands.strip_prefix("0x").filter(|_| jumps).and_then(|hex| Offset::from_str_radix(hex, 16).ok());
        let Some(to) = to else { return (operands.to_owned(), None) };
        match self.thunks.names().find(|(_, at)| *at == to) {
            Some((name, _)) => (name.to_owned(), Some(name)),
            None => (format!("{:#x}", to.wrapping_sub(entry)), None),
        }
    }
}
