//! The dispatcher: finds the block at the PC, runs it, and does what it leaves for.
//!
//! Cold code is interpreted, a block at a time; where that has begun often enough, it is compiled.

use crate::code::{CodeError, Offset};
use crate::context::{Context, Float, Static, pack, unpack};
use crate::jumps::Jumps;
use crate::landing::NOWHERE;
use crate::options::{Forced, Options};
use crate::pages::{Pages, Without};
use crate::space::{CodeSpace, Compiled, Progress};
use crate::tables::{Site, block};
use crate::tally::EVENTS;
use crate::thunks::why;
use crate::verify::Verifier;
use crate::{Jit, JitCounts, entry};
use cpu::{Exit, Vcpu};
use hashbrown::HashMap;
use hw::{Leave, PhysAddr, Ticks};
use interp::Interp;
use semantics::Done;
use std::sync::Arc;
use std::time::Instant;
use sync::Reasons;

/// Counters of interpreted blocks; addresses share them.
const HEAT: usize = 1 << 16;

impl Jit {
    /// An engine for `cpu` that shares its code with no other.
    pub fn new(cpu: Vcpu) -> Result<Jit, CodeError> {
        Jit::with(cpu, &Options::default())
    }

    /// The same, with `options` that have been checked.
    pub fn with(cpu: Vcpu, options: &Options) -> Result<Jit, CodeError> {
        let space = CodeSpace::new(options, cpu.model, cpu.index + 1)?;
        Ok(Jit::sharing(cpu, Arc::new(space), options))
    }

    /// An engine for `cpu`, which shares `space` with the other vCPUs of its machine.
    pub fn sharing(cpu: Vcpu, space: Arc<CodeSpace>, options: &Options) -> Jit {
        assert!(std::ptr::eq(cpu.model, space.model), "code is compiled for one kind of PE");
        let context = Context {
            attention: cpu.attention.address(),
            tlb: 0,
            tlb_unprivileged: 0,
            jumps: 0,
            flags: 0,
            entered: 0,
            executed: 0,
            jit: std::ptr::null_mut(),
            events: cpu.shared.bus.code().events_address(),
            seen: 0,
            result: [0; 2],
            target: 0,
            branched: NOWHERE,
            branch_type: 0,
            waiting: cpu.gic.waiting_address(),
            ticks: cpu.shared.clock.ticks().unwrap_or(Ticks { base: 0, scale: 0 }),
            float: Float::new(),
            pages: Pages::new(),
            inline: [0; EVENTS],
        };
        Jit {
            interp: Interp::new(cpu),
            counts: JitCounts { calls_by_row: vec![0; a64::ROW_COUNT + 1], ..JitCounts::default() },
            context,
            statics: Static(0),
            stamp: 0,
            space,
            progress: Progress::default(),
            accounted: 0,
            jumps: Jumps::new(),
            heat: vec![0; HEAT].into(),
            hot: options.hot,
            forced: Forced::new(options),
            stores: options.check_smc.clone(),
            perf_map: options.perf_map.clone(),
            verifier: options.verify.clone().map(|turn| Box::new(Verifier::new(turn))),
            resynced: false,
            misfits: HashMap::new(),
            purge: false,
            left: None,
            panic: None,
        }
    }

    /// Jump caches that began empty.
    pub fn jump_caches(&self) -> u64 {
        self.jumps.begun
    }

    /// Executes until the machine must act; the PC is then that of the next instruction.
    pub fn run(&mut self) -> Exit {
        let seat = self.interp.cpu.index;
        // If the epoch is another now, the first thing is to catch up.
        _ = self.space.epochs.enter(seat, self.progress.epoch);
        let exit = self.run_inside();
        self.space.epochs.leave(seat);
        exit
    }

    fn run_inside(&mut self) -> Exit {
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
        self.catch_up();
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
        // EL2 and EL3 are interpreted: their translations and registers are not compiled for.
        if self.interp.cpu.regs.pstate.el > 1 {
            return self.interp.run_block();
        }
        let Some(kinds) = self.landing() else { return self.interp.run_block() };
        if self.is_verifying() {
            if !kinds.is_empty() {
                return self.interp.run_block();
            }
            return self.advance_verified();
        }
        if let Some(stores) = self.stores.clone() {
            return self.advance_checked(&stores);
        }
        let pc = self.interp.cpu.regs.pc;
        self.refresh(pc);
        let code = match self.jumps.find(pc) {
            Some(code) => Some(code),
            None => self.block()?.map(|at| {
                self.counts.lookups += 1;
                let arena = &*self.space.arena;
                let code = arena.address(block::entry(arena, at));
                self.jumps.insert(self.interp.cpu.regs.pc, code);
                code
            }),
        };
        match code {
            Some(code) => {
                let pc = self.interp.cpu.regs.pc;
                kinds.iter().for_each(|kind| self.jumps.insert(pc | kind, code));
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
        let arena = &*self.space.arena;
        let (why, done) = self.enter(arena.address(block::entry(arena, block)));
        if why & 7 == why::LINK {
            self.interp.cpu.regs.pc = self.space.taken(why & !7).target;
        }
        (why & 7 == why::INTERPRET, done)
    }

    /// Counts what `run_once` has executed.
    pub(crate) fn account_once(&mut self, done: &Done) {
        self.account(self.context.executed, done);
    }

    /// Runs compiled code until it leaves: why it did, and how its last instruction ended.
    fn enter(&mut self, code: usize) -> (u32, Done) {
        self.context.flags = pack(self.interp.cpu.regs.nzcv);
        self.context.executed = 0;
        self.context.begin_after(std::mem::take(&mut self.interp.cpu.regs.pstate.btype));
        // What is compared is no longer than one turn of a loop.
        self.context.attention = match self.is_verifying() {
            true => self.forced.posted(),
            false => self.forced.attention(&self.interp.cpu),
        };
        self.context.float.used = 0;
        self.context.float.enter(self.interp.cpu.regs.fpcr);
        self.accounted = 0;
        self.counts.entries += 1;
        let why = entry::run(self, code);
        self.counts.causes.left(why);
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
        let taken = self.space.taken(from);
        self.interp.cpu.regs.pc = taken.target;
        if taken.linked {
            // It came for attention.
            return Ok(());
        }
        // The page is that of the block that was left, and so is the context. This vCPU has not passed since it was
        // there, so the records are still what they were.
        if let Some(to) = self.block()?
            && block::page(&self.space.arena, to) == taken.page
        {
            self.counts.links += u64::from(self.space.link(from, to));
        }
        Ok(())
    }

    /// The block at the PC, compiled now if it is worth it.
    pub(crate) fn block(&mut self) -> Result<Option<Offset>, Leave> {
        let pa = self.interp.cpu.fetch(self.interp.cpu.regs.pc)?;
        // Fetching may have taken a tag from the PC, and changed the translations that are current.
        let pc = self.interp.cpu.regs.pc;
        self.refresh(pc);
        if let Some(at) = self.space.find(pc, pa, self.statics) {
            return Ok(Some(at));
        }
        let heat = &mut self.heat[(pa.0 >> 2) as usize % HEAT];
        *heat = heat.saturating_add(1);
        if *heat < self.hot {
            return Ok(None);
        }
        Ok(self.compile(pc, pa))
    }

    fn compile(&mut self, pc: u64, pa: PhysAddr) -> Option<Offset> {
        let begun = Instant::now();
        match self.space.compile(pc, pa, self.statics, self.interp.cpu.shared.bus.ram()) {
            Compiled::New(at, [guest, host, records]) => {
                self.counts.causes.compiling += begun.elapsed();
                if let Some(map) = &self.perf_map {
                    let arena = &self.space.arena;
                    map.add(arena.address(block::entry(arena, at)), host, pc, self.statics.level());
                }
                self.counts.blocks += 1;
                self.counts.guest_bytes += guest;
                self.counts.host_bytes += host;
                self.counts.record_bytes += records;
                Some(at)
            }
            Compiled::Known(at) => Some(at),
            Compiled::Later { given_up } => {
                self.counts.busy += 1;
                if given_up {
                    self.counts.evictions += 1;
                    self.call_others();
                }
                None
            }
        }
    }

    /// The span of `site`, which is at `place`, was not in one page of RAM.
    pub(crate) fn misfit(&mut self, place: Offset, site: &Site) {
        /// As often as that is rare.
        const SELDOM: u8 = 6;
        self.counts.misfits += 1;
        let seen = self.misfits.entry(place).or_default();
        *seen += 1;
        if *seen > SELDOM {
            self.misfits.clear();
            let start = site.pc.wrapping_sub(4 * (u64::from(site.executed) - 1));
            self.space.without(start, site.page, Without::Spans);
            self.purge = true;
        }
    }

    /// Brings the other vCPUs to their dispatchers, if they may be in code that was given up.
    fn call_others(&self) {
        let (cpu, epoch) = (&self.interp.cpu, self.space.epochs.now());
        for (index, peer) in cpu.shared.peers.iter().enumerate() {
            if index != cpu.index && self.space.epochs.is_before(index, epoch) {
                peer.attention.post(Reasons::CODE);
            }
        }
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

    /// Forgets blocks that were taken out, after taking out those whose words have changed, if instructions were
    /// invalidated anywhere. Comes after every context synchronisation event, since all of them come to the
    /// dispatcher.
    #[inline]
    pub(crate) fn catch_up(&mut self) {
        // Without an instruction cache the guest need not invalidate.
        let all = std::mem::take(&mut self.resynced) && !self.interp.cpu.instruction_cache_on();
        let events = self.interp.cpu.shared.bus.code().events();
        let purge = std::mem::take(&mut self.purge);
        if all || purge || events != self.progress.events || self.space.epochs.now() != self.progress.epoch {
            let bus = &self.interp.cpu.shared.bus;
            self.counts.stale += self.space.catch_up(bus, &mut self.jumps, &mut self.progress, all);
            self.context.seen = self.progress.events;
            self.space.epochs.pass(self.interp.cpu.index, self.progress.epoch);
        }
    }
}
