//! The dispatcher: finds the block at the PC, runs it, and does what it leaves for.
//!
//! Cold code is interpreted, a block at a time; where that has begun often enough, it is compiled.

use crate::blocks::Blocks;
use crate::code::{Arena, CodeBuf, CodeError, Offset};
use crate::context::{Context, Float, Static, pack, unpack};
use crate::emit::Emitter;
use crate::jumps::Jumps;
use crate::options::{Forced, Options};
use crate::tables::{NONE, block, exit};
use crate::thunks::{Thunks, why};
use crate::verify::Verifier;
use crate::{Jit, JitCounts, entry, translate};
use cpu::{Exit, Vcpu};
use hw::{AccessSize, Leave, PhysAddr};
use interp::Interp;
use semantics::Done;
use std::sync::Arc;

/// Counters of interpreted blocks; addresses share them.
const HEAT: usize = 1 << 16;

impl Jit {
    /// An engine for `cpu`.
    pub fn new(cpu: Vcpu) -> Result<Jit, CodeError> {
        Jit::with(cpu, &Options::default())
    }

    /// The same, with `options` that have been checked.
    pub fn with(cpu: Vcpu, options: &Options) -> Result<Jit, CodeError> {
        let features = cpu.model.features;
        let context = Context {
            attention: cpu.attention.address(),
            tlb: 0,
            tlb_unprivileged: 0,
            jumps: 0,
            flags: 0,
            executed: 0,
            jit: std::ptr::null_mut(),
            events: cpu.shared.bus.code().events_address(),
            seen: cpu.shared.bus.code().events(),
            result: [0; 2],
            target: 0,
            float: Float::new(),
        };
        let size = options.code_size;
        let arena = Arc::new(Arena::new(size)?);
        let mut buf = CodeBuf::new(arena.clone(), 0, size as Offset);
        let thunks = Thunks::write(&mut buf);
        Ok(Jit {
            interp: Interp::new(cpu),
            counts: JitCounts { calls_by_row: vec![0; a64::ROW_COUNT + 1], ..JitCounts::default() },
            context,
            statics: Static(0),
            stamp: 0,
            emitter: Emitter::new(CodeBuf::new(arena.clone(), thunks.end, size as Offset), thunks, features, options),
            end: size as Offset,
            accounted: 0,
            blocks: Blocks::new(arena),
            jumps: Jumps::new(),
            heat: vec![0; HEAT].into(),
            hot: options.hot,
            forced: Forced::new(options),
            verifier: options.verify.clone().map(|turn| Box::new(Verifier::new(turn))),
            resynced: false,
            left: None,
            panic: None,
        })
    }

    /// Jump caches that began empty.
    pub fn jump_caches(&self) -> u64 {
        self.jumps.begun
    }

    /// Executes until the machine must act; the PC is then that of the next instruction.
    pub fn run(&mut self) -> Exit {
        if let Some(turn) = self.turn_taken() {
            return self.run_verified(turn);
        }
        loop {
            if let Some(exit) = self.once() {
                return exit;
            }
        }
    }

    /// Once around the loop of `run`.
    #[inline(always)]
    pub(crate) fn once(&mut self) -> Option<Exit> {
        if let Some(exit) = self.interp.posted() {
            return Some(exit);
        }
        let done = if self.interp.is_watched() {
            self.interp.run_watched()
        } else {
            let taken = self.interp.counts.interrupts;
            self.interp.take_interrupts();
            self.resynced |= self.interp.counts.interrupts != taken;
            self.advance()
        };
        self.resynced |= done.is_err();
        self.interp.settle(done)
    }

    /// Runs the block at the PC.
    fn advance(&mut self) -> Done {
        self.look_for_changes();
        if self.interp.cpu.regs.pstate.btype != 0 {
            // Whether an indirect branch may land there is the interpreter's question.
            return self.interp.run_block();
        }
        if self.is_verifying() {
            return self.advance_verified();
        }
        let pc = self.interp.cpu.regs.pc;
        self.refresh(pc);
        if let Some(code) = self.jumps.find(pc) {
            return self.run_code(code);
        }
        match self.block()? {
            Some(at) => {
                self.counts.lookups += 1;
                let arena = self.emitter.buf.arena();
                let code = arena.address(block::entry(arena, at));
                self.jumps.insert(self.interp.cpu.regs.pc, code);
                self.run_code(code)
            }
            None => {
                self.counts.interpreted += 1;
                self.interp.run_block()
            }
        }
    }

    /// Runs compiled code, from block to block, as long as only links are missing.
    fn run_code(&mut self, code: usize) -> Done {
        let (why, done) = self.enter(code);
        self.account(self.context.executed, &done);
        match why & 7 {
            why::LINK => self.link(why & !7),
            why::INTERPRET => self.interp.run_block(),
            _ => done,
        }
    }

    /// Runs the block at `block` and nothing after it: is the instruction at the PC to be interpreted, and how did
    /// the last one end?
    pub(crate) fn run_once(&mut self, block: Offset) -> (bool, Done) {
        let arena = self.emitter.buf.arena();
        let (why, done) = self.enter(arena.address(block::entry(arena, block)));
        if why & 7 == why::LINK {
            self.interp.cpu.regs.pc = exit::target(self.emitter.buf.arena(), why & !7);
        }
        (why & 7 == why::INTERPRET, done)
    }

    /// Runs compiled code until it leaves: why it did, and how its last instruction ended.
    fn enter(&mut self, code: usize) -> (u32, Done) {
        self.context.flags = pack(self.interp.cpu.regs.nzcv);
        self.context.executed = 0;
        self.context.attention = self.forced.attention(&self.interp.cpu);
        self.context.float.used = 0;
        self.context.float.enter(self.interp.cpu.regs.fpcr);
        self.accounted = 0;
        self.counts.entries += 1;
        let why = entry::run(self, code);
        self.merge_fpsr();
        self.interp.cpu.regs.nzcv = unpack(self.context.flags);
        let done = match why & 7 {
            why::LEFT => Err(self.left.take().expect("set with `why::LEFT`")),
            why::PANIC => std::panic::resume_unwind(self.panic.take().expect("set with `why::PANIC`")),
            _ => Ok(()),
        };
        (why, done)
    }

    /// Compiled code has executed `executed` instructions since it was entered; the last ended with `done`.
    pub(crate) fn account(&mut self, executed: u64, done: &Done) {
        let new = executed - self.accounted;
        self.accounted = executed;
        // What is executed again is counted then.
        if new > 0 && !self.is_verifying() {
            self.interp.executed_elsewhere(new, done);
        }
    }

    /// A block was left by the exit at `from`: goes there directly from now on, if there is a block.
    fn link(&mut self, from: Offset) -> Done {
        let arena = self.emitter.buf.arena().clone();
        self.interp.cpu.regs.pc = exit::target(&arena, from);
        if exit::to(&arena, from) != NONE {
            // It came for attention.
            return Ok(());
        }
        // The page is that of the block that was left, and so is the context.
        let page = block::page(&arena, exit::block(&arena, from));
        let before = self.counts.flushes;
        if let Some(to) = self.block()?
            && self.counts.flushes == before
            && block::page(&arena, to) == page
        {
            self.counts.links += u64::from(self.blocks.link(from, to));
        }
        Ok(())
    }

    /// The block at the PC, compiled now if it is worth it.
    pub(crate) fn block(&mut self) -> Result<Option<Offset>, Leave> {
        let pa = self.interp.cpu.fetch(self.interp.cpu.regs.pc)?;
        // Fetching may have taken a tag from the PC, and changed the translations that are current.
        let pc = self.interp.cpu.regs.pc;
        self.refresh(pc);
        if let Some(at) = self.blocks.find(pc, pa.0, self.statics) {
            return Ok(Some(at));
        }
        let heat = &mut self.heat[(pa.0 >> 2) as usize % HEAT];
        *heat = heat.saturating_add(1);
        if *heat < self.hot {
            return Ok(None);
        }
        Ok(Some(self.compile(pc, pa)))
    }

    fn compile(&mut self, pc: u64, pa: PhysAddr) -> Offset {
        if self.emitter.buf.room() < translate::ROOM {
            self.flush();
        }
        let ram = self.interp.cpu.shared.bus.ram();
        let count = (4096 - (pa.0 & 0xfff)) / 4;
        let words = (0..count).map_while(|i| {
            let at = ram.host(PhysAddr(pa.0 + 4 * i))?;
            Some(ram.load(at, AccessSize::Word) as u32)
        });
        let made = self.emitter.translate(pc, pa.0 >> 12, self.statics, words, NONE);
        self.counts.blocks += 1;
        self.counts.guest_bytes += 4 * made.length as u64;
        self.counts.host_bytes += u64::from(made.code);
        self.counts.record_bytes += u64::from(made.records);
        self.blocks.add(made.block);
        made.block
    }

    /// Forgets all compiled code.
    fn flush(&mut self) {
        self.counts.flushes += 1;
        let arena = self.emitter.buf.arena().clone();
        self.blocks = Blocks::new(arena.clone());
        self.jumps.clear();
        self.emitter.buf = CodeBuf::new(arena, self.emitter.thunks.end, self.end);
    }

    /// Brings what compiled code reads of the translation context up to date.
    #[inline]
    pub(crate) fn refresh(&mut self, pc: u64) {
        let cpu = &self.interp.cpu;
        self.statics = Static::of(cpu, pc);
        self.stamp = cpu.mmu.code_stamp(self.statics.upper());
        self.context.jumps = self.jumps.select(self.stamp, self.statics);
        self.refresh_tlb();
    }

    /// After anything that may have filled a TLB.
    #[inline]
    pub(crate) fn refresh_tlb(&mut self) {
        let mmu = &self.interp.cpu.mmu;
        self.context.tlb = mmu.data_entries(false, self.statics.upper());
        self.context.tlb_unprivileged = mmu.data_entries(true, false);
        if let Some(blind) = self.forced.misses() {
            (self.context.tlb, self.context.tlb_unprivileged) = (blind, blind);
        }
    }

    /// Does the code being executed, at `pc`, not fit the context any more?
    pub(crate) fn context_moved(&self, pc: u64) -> bool {
        let cpu = &self.interp.cpu;
        let statics = Static::of(cpu, pc);
        statics != self.statics || cpu.mmu.code_stamp(statics.upper()) != self.stamp
    }

    /// Takes out blocks whose words have changed, if instructions were invalidated anywhere. Comes after every
    /// context synchronisation event, since all of them come to the dispatcher.
    #[inline]
    pub(crate) fn look_for_changes(&mut self) {
        if self.interp.cpu.shared.bus.code().events() != self.context.seen {
            self.compare_changed();
        }
        if self.resynced {
            self.resynced = false;
            if !self.interp.cpu.instruction_cache_on() {
                // Without an instruction cache the guest need not invalidate.
                self.compare(None);
            }
        }
    }

    #[cold]
    fn compare_changed(&mut self) {
        let shared = self.interp.cpu.shared.clone();
        let seen = std::mem::replace(&mut self.context.seen, shared.bus.code().events());
        let mut pages = Vec::new();
        shared.bus.code().changed_since(seen, |page| pages.push(page.map(|pa| pa.0)));
        pages.into_iter().for_each(|page| self.compare(page));
    }

    /// Takes out the blocks of a page (`None` is every page) whose words are not those in RAM.
    fn compare(&mut self, page: Option<u64>) {
        let pages = page.map_or_else(|| self.blocks.all_pages(), |pa| vec![pa >> 12]);
        let shared = self.interp.cpu.shared.clone();
        let (ram, arena) = (shared.bus.ram(), self.emitter.buf.arena().clone());
        let differs = |at: &Offset| {
            let (words, pa) =
                (block::words(&arena, *at), block::page(&arena, *at) & !0xfff | block::pc(&arena, *at) & 0xfff);
            (0..block::length(&arena, *at)).any(|n| {
                let host = ram.host(PhysAddr(pa + 4 * u64::from(n)));
                host.is_none_or(|host| ram.load(host, AccessSize::Word) as u32 != arena.get32(words + 4 * n))
            })
        };
        for page in pages {
            let stale: Vec<Offset> = self.blocks.of_page(page).filter(differs).collect();
            for at in stale {
                self.counts.stale += 1;
                self.blocks.remove(at);
                self.jumps.remove(block::pc(&arena, at));
            }
        }
    }
}
