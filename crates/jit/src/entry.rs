//! The border between Rust and compiled code, in both directions.
//!
//! Compiled code touches the PE's registers, the `Context`, the TLB's entries, the attention word, jump caches,
//! and guest RAM at the addresses that TLB entries give. Helpers get the engine back through `Context::jit`.

use crate::Jit;
use crate::code::Offset;
use crate::context::{Context, pack, unpack};
use crate::emit::SlowAccess;
use crate::evaluate::Evaluation;
use crate::regs::{PLACES, V_PLACES};
use crate::tables::{Call, Constant, Site, SiteRecord};
use crate::thunks::why;
use crate::verify::called_once;
use cpu::Regs;
use hw::Leave;
use std::arch::x86_64::{__m128i, _mm_set_epi64x};
use std::mem::{offset_of, transmute};
use std::panic::{AssertUnwindSafe, catch_unwind};

type Enter = unsafe extern "sysv64" fn(*mut Regs, *mut Context, usize) -> u32;

/// Runs compiled code from `code` on; why it returned (`why`).
pub(crate) fn run(jit: &mut Jit, code: usize) -> u32 {
    let enter = jit.space.arena.address(jit.space.thunks.enter);
    let jit: *mut Jit = jit;
    // SAFETY: `enter` is the thunk of that type, and `code` a block, both in the live arena. The pointers are to
    // fields of `*jit`, which nobody else uses until the call returns, except helpers, through `jit`.
    unsafe {
        (*jit).context.jit = jit;
        (*jit).context.forget_pages();
        let enter: Enter = transmute(enter);
        enter(&raw mut (*jit).interp.cpu.regs, &raw mut (*jit).context, code)
    }
}

/// The address of `slow`.
pub(crate) fn slow_address() -> usize {
    slow as *const () as usize
}

/// The address of `step`.
pub(crate) fn step_address() -> usize {
    step as *const () as usize
}

/// The address of `evaluate`.
pub(crate) fn evaluate_address() -> usize {
    evaluate as *const () as usize
}

/// The address of `turn`.
pub(crate) fn turn_address() -> usize {
    turn as *const () as usize
}

/// Runs `body` on the engine; a panic becomes `why::PANIC`.
///
/// # Safety
/// `context` is the one that `run` gave to compiled code, which called the helper.
unsafe fn helper(context: *mut Context, body: impl FnOnce(&mut Jit) -> u32) -> u32 {
    // SAFETY: `run` put the engine there, and uses nothing of it until compiled code returns.
    let jit = unsafe { &mut *(*context).jit };
    jit.merge_fpsr();
    match catch_unwind(AssertUnwindSafe(|| body(jit))) {
        Ok(why) => why,
        Err(payload) => {
            jit.panic = Some(payload);
            why::PANIC
        }
    }
}

/// What compiled code had in host registers.
pub(crate) struct Saved<'s> {
    places: &'s [u64; PLACES],
    /// Behind the vector registers, where the site says that they were saved.
    vectors: *const u8,
}

impl Saved<'_> {
    /// Host vector register `place`, of a site with vectors.
    fn vector(&self, place: usize) -> u128 {
        // SAFETY: the thunk saved sixteen of them below the places, and eight bytes between, in ascending order.
        unsafe { self.vectors.sub(8 + 16 * 16).cast::<u128>().add(place).read() }
    }
}

/// An access that the fast path did not do: 0 with `Context::result`, or why to leave.
unsafe extern "sysv64" fn slow(
    context: *mut Context,
    va: u64,
    low: u64,
    high: u64,
    places: *const [u64; PLACES],
    site: Offset,
) -> u32 {
    // SAFETY: the thunk saved the places in an array on its stack, the last one first.
    let saved = Saved { places: unsafe { &*places }, vectors: places.cast() };
    // SAFETY: called by compiled code only.
    unsafe { helper(context, |jit| jit.slow_access(va, (low, high), &saved, site)) }
}

/// Runs the handler of the `Call` at an offset: 0 to go on, or why to leave.
unsafe extern "sysv64" fn step(context: *mut Context, call: Offset) -> u32 {
    // SAFETY: called by compiled code only.
    unsafe { helper(context, |jit| jit.step(call)) }
}

/// Evaluates the micro-op of the `Evaluation` at an offset on the registers in `saved`: 0 to go on, or why to leave.
unsafe extern "sysv64" fn evaluate(context: *mut Context, evaluation: Offset, saved: *mut [__m128i; 16]) -> u32 {
    // SAFETY: the thunk saved the registers in an aligned array on its stack, where they stay until it returns.
    let saved = unsafe { &mut *saved };
    let body = |jit: &mut Jit| {
        // SAFETY: the code that is being executed was compiled with this offset.
        let Evaluation { op, to, from } = unsafe { jit.space.arena.get(evaluation) };
        // SAFETY: both types are 16 bytes, and every pattern is a value of either.
        let operands = from.map(|r| unsafe { transmute::<__m128i, u128>(saved[usize::from(r)]) });
        let v = jit.evaluate(op, operands);
        // One store of 16 bytes: the thunk loads it at once, and would wait for two stores of 8.
        // SAFETY: every x86-64 has SSE2.
        saved[usize::from(to)] = unsafe { _mm_set_epi64x((v >> 64) as i64, v as i64) };
        0
    };
    // SAFETY: called by compiled code only.
    unsafe { helper(context, body) }
}

/// SVC or ERET, as `Jit::leave_level`: where to go on.
unsafe extern "sysv64" fn turn(context: *mut Context, what: u32) -> u32 {
    // SAFETY: called by compiled code only.
    unsafe { helper(context, |jit| jit.leave_level(what)) }
}

impl Jit {
    fn slow_access(&mut self, va: u64, (low, high): (u64, u64), saved: &Saved, site: Offset) -> u32 {
        let place = site;
        // SAFETY: the code that is being executed was compiled with the offset of a `SiteRecord`, of which this is
        // a field.
        let access: SlowAccess = unsafe { self.space.arena.get(place + offset_of!(SiteRecord, access) as Offset) };
        if self.device_access(access, va, low) {
            return 0;
        }
        match access {
            SlowAccess::System(work) => self.system(work, (low, high), saved, place),
            _ => self.other_access(access, va, (low, high), saved, place),
        }
    }

    /// Apart, so that devices and system registers do not pay for its frame.
    #[inline(never)]
    fn other_access(
        &mut self,
        access: SlowAccess,
        va: u64,
        (low, high): (u64, u64),
        saved: &Saved,
        place: Offset,
    ) -> u32 {
        let site = self.site(place);
        self.context.forget_pages();
        self.count_slow(access, va);
        // The interpreter leads out of code that was given up.
        let access = if self.gives_up_pages(&site) { SlowAccess::Interpret } else { access };
        let cpu = &mut self.interp.cpu;
        // A journal says which instruction wrote.
        cpu.regs.pc = site.pc;
        let both = u128::from(low) | u128::from(high) << 64;
        let split = |v: u128| [v as u64, (v >> 64) as u64];
        let done: Result<[u64; 2], Leave> = match access {
            SlowAccess::Load(how) => cpu.load(va, how).map(|v| [v, 0]),
            SlowAccess::Load2(how) => cpu.load2(va, how).map(|(a, b)| [a, b]),
            SlowAccess::Load16(how) => cpu.load16(va, how).map(split),
            SlowAccess::Store(how) => cpu.store(va, how, how.bus_size().truncate(low)).map(|()| [0; 2]),
            SlowAccess::Store2(how) => cpu.store2(va, how, (low, high)).map(|()| [0; 2]),
            SlowAccess::Store16(how) => cpu.store16(va, how, both).map(|()| [0; 2]),
            SlowAccess::Rmw(op, how) => cpu.rmw(op, va, how, how.bus_size().truncate(low)).map(|v| [v, 0]),
            SlowAccess::Cas(how) => {
                let cut = |v| how.bus_size().truncate(v).into();
                cpu.cas(va, how, cut(low), cut(high)).map(|v| [v as u64, 0])
            }
            SlowAccess::LoadExclusive(how) => cpu.load_exclusive(va, how).map(split),
            SlowAccess::StoreExclusive(how) => {
                cpu.store_exclusive(va, how, how.bus_size().truncate(low).into()).map(|stored| [(!stored).into(), 0])
            }
            SlowAccess::StoreExclusive2(how) => {
                let pair = if how.size == 3 { u128::from(low as u32) | u128::from(high as u32) << 32 } else { both };
                cpu.store_exclusive(va, how, pair).map(|stored| [(!stored).into(), 0])
            }
            SlowAccess::Zero => cpu.zero_block(va).map(|()| [0; 2]),
            SlowAccess::Reach { write, offset, bytes } => {
                let low = va.wrapping_add_signed(offset.into());
                let fits = cpu.reaches(va, low, bytes.into(), write);
                self.refresh_tlb();
                // Compiled code looks where its own half of the addresses is.
                let upper = low >> 55 & 1 != 0;
                let seen =
                    upper == self.statics.upper() && self.context.tlb == self.interp.cpu.mmu.data_entries(false, upper);
                if fits && seen {
                    return 0;
                }
                self.misfit(place, &site);
                self.repair(saved, &site);
                self.context.executed = self.context.executed.wrapping_sub(1);
                self.give_back_type(self.context.executed);
                return why::INTERPRET;
            }
            SlowAccess::System(_) => unreachable!("`slow_access` does it"),
            SlowAccess::Interpret => {
                self.repair(saved, &site);
                // The instruction itself is counted by who executes it.
                self.context.executed -= 1;
                self.give_back_type(self.context.executed);
                return why::INTERPRET;
            }
        };
        match done {
            Ok(result) => {
                self.context.result = result;
                self.refresh_tlb();
                0
            }
            Err(leave) => {
                self.repair(saved, &site);
                if leave == Leave::Resync {
                    // A device, refused (`verify`).
                    self.context.executed -= 1;
                    return why::INTERPRET;
                }
                self.turn(leave)
            }
        }
    }

    /// An access to a device's register, as most are that come here again and again: was it one? Nothing changes that
    /// compiled code goes by.
    #[inline]
    fn device_access(&mut self, access: SlowAccess, va: u64, low: u64) -> bool {
        let done = match access {
            SlowAccess::Load(how) => match self.interp.cpu.load_device(va, how) {
                Some(v) => {
                    self.context.result = [v, 0];
                    true
                }
                None => false,
            },
            SlowAccess::Store(how) => self.interp.cpu.store_device(va, how, low),
            _ => false,
        };
        self.counts.slow += u64::from(done);
        self.counts.causes.device += u64::from(done);
        done
    }

    /// The site at `place`, with which the code that is being executed was compiled.
    #[inline]
    pub(crate) fn site(&self, place: Offset) -> Site {
        // SAFETY: compiled code gave this offset.
        let record: SiteRecord = unsafe { self.space.arena.get(place) };
        record.site(&self.space.arena, place)
    }

    /// Writes back what the block held in host registers when it came to `site`, and the PC; counts up to there.
    pub(crate) fn repair(&mut self, saved: &Saved, site: &Site) {
        let regs = &mut self.interp.cpu.regs;
        let mut set = |r: u8, v: u64| match r {
            0..31 => regs.x[usize::from(r)] = v,
            31 => regs.sp = v,
            // Nothing to write back.
            _ => {}
        };
        for (r, v) in site.dirty.into_iter().zip(saved.places.iter().rev()) {
            set(r, *v);
        }
        for n in 0..u32::from(site.constant_count) {
            // SAFETY: `Tables::place_site` put so many there.
            let known: Constant = unsafe { self.space.arena.get(site.constants + n * size_of::<Constant>() as Offset) };
            set(known.register, known.value);
        }
        if let Some(at) = site.dirty_v {
            // SAFETY: `Tables::place_site` put it there.
            let dirty_v: [u8; V_PLACES] = unsafe { self.space.arena.get(at) };
            for (place, r) in dirty_v.into_iter().enumerate() {
                if r < 32 {
                    regs.v[usize::from(r)] = saved.vector(place);
                }
            }
        }
        regs.pc = site.pc;
        self.context.executed = self.context.executed.wrapping_add(site.executed.into());
    }

    fn step(&mut self, call: Offset) -> u32 {
        // SAFETY: the code that is being executed was compiled with this offset.
        let call: Call = unsafe { self.space.arena.get(call) };
        self.context.forget_pages();
        // What came before it has been executed at the present Exception level.
        // In the middle of a block r15 may be behind zero.
        self.account(self.context.executed.wrapping_add(u64::from(call.executed) - 1), &Ok(()));
        let cpu = &mut self.interp.cpu;
        cpu.regs.pc = call.pc;
        cpu.regs.nzcv = unpack(self.context.flags);
        if self.is_verifying() && a64::ROWS.get(usize::from(call.handler)).is_none_or(|row| called_once(row.row)) {
            self.context.executed = self.context.executed.wrapping_add(u64::from(call.executed) - 1);
            return why::INTERPRET;
        }
        self.counts.calls += 1;
        self.counts.calls_by_row[usize::from(call.handler)] += 1;
        let (done, counted) = self.interp.execute(call.handler, call.word);
        self.accounted += u64::from(counted);
        self.context.flags = pack(self.interp.cpu.regs.nzcv);
        self.context.float.enter(self.interp.cpu.regs.fpcr);
        match done {
            Err(Leave::Resync) if self.interp.cpu.regs.pc == call.pc => {
                // A device, refused (`verify`).
                self.context.executed = self.context.executed.wrapping_add(u64::from(call.executed) - 1);
                why::INTERPRET
            }
            Err(leave) => {
                self.context.executed = self.context.executed.wrapping_add(call.executed.into());
                self.turn(leave)
            }
            Ok(()) => {
                self.refresh_tlb();
                let moved = self.interp.cpu.regs.pc != call.pc.wrapping_add(4);
                if moved || call.system && self.context_moved(call.pc) {
                    self.context.executed = self.context.executed.wrapping_add(call.executed.into());
                    return self.onward();
                }
                0
            }
        }
    }
}
