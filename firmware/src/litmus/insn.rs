//! What a litmus test is made of: the instructions of its threads, and what is looked at afterwards.
//!
//! Shared by the program, which assembles the instructions, and by the model, which reasons about them.

/// A shared location, eight bytes, zero at the start of every iteration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Loc {
    /// The first.
    X,
    /// The second.
    Y,
    /// The third.
    Z,
}

/// A register of one thread that the test looks at, zero at the start of every iteration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reg {
    /// The first.
    R0,
    /// The second.
    R1,
}

/// How a counter is incremented atomically.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counter {
    /// LDXR, ADD, STXR until it succeeds.
    LdxrStxr,
    /// LDAXR, ADD, STLXR until it succeeds.
    LdaxrStlxr,
    /// LDXP, ADD to the low and 3 to the high half, STXP until it succeeds.
    LdxpStxp,
    /// LDADD.
    Ldadd,
    /// LDR, ADD, CAS until it succeeds.
    Cas,
    /// LDP, ADD to the low and 3 to the high half, CASP until it succeeds.
    Casp,
    /// Plain LDR, ADD, STR under a lock in Y taken with LDAXR/STXR and released with STLR.
    LockExclusive,
    /// The same under a lock taken with CASA.
    LockCas,
    /// The same under a lock taken with SWPA and released with SWPL.
    LockSwp,
}

/// One instruction of a thread, or a short sequence that stands for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Insn {
    /// LDR.
    Ldr(Reg, Loc),
    /// LDAR: acquire, RCsc.
    Ldar(Reg, Loc),
    /// LDAPR: acquire, RCpc.
    Ldapr(Reg, Loc),
    /// LDR whose address depends on a register.
    LdrAddr(Reg, Loc, Reg),
    /// STR of a constant.
    Str(Loc, u8),
    /// STLR of a constant: release.
    Stlr(Loc, u8),
    /// STR of a constant; the address depends on a register.
    StrAddr(Loc, u8, Reg),
    /// STR of a constant; the data depend on a register.
    StrData(Loc, u8, Reg),
    /// SWP: loads what was there, stores a constant.
    Swp(Reg, Loc, u8),
    /// SWPAL: acquire and release.
    Swpal(Reg, Loc, u8),
    /// A conditional branch on a register, to the next instruction either way.
    Branch(Reg),
    /// ISB.
    Isb,
    /// DMB ISH.
    Dmb,
    /// DMB ISHLD.
    DmbLd,
    /// DMB ISHST.
    DmbSt,
    /// `INCREMENTS` atomic increments of X.
    Count(Counter),
    /// DSB ISHST, SGI to thread 1, then waits until thread 1 has stored to Y.
    SendSgi,
    /// Takes the SGI as an interrupt, whose handler loads X; then stores to Y.
    TakeSgi(Reg),
    /// Polls ICC_IAR1_EL1 for the SGI, DSB, loads X; then stores to Y.
    PollSgi(Reg),
}

/// Increments that each thread of a counter test does in one iteration.
pub const INCREMENTS: u32 = 16;

/// Something that is part of a test's outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// A thread's register after its last instruction.
    At(usize, Reg),
    /// A location when all threads are through.
    Last(Loc),
    /// The eight bytes after a location when all threads are through.
    LastHigh(Loc),
}

/// What is known of one outcome, written as values with commas in the order of `Test::looks`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The architecture allows it, though no interleaving of the threads gives it.
    Weak(&'static str),
    /// The architecture forbids it.
    Never(&'static str),
    /// It is the only one; beyond the model, which has no loops and no interrupts.
    Only(&'static str),
}

/// A litmus test.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// Its name in the literature, as far as it has one.
    pub name: &'static str,
    /// Instructions of each thread.
    pub threads: &'static [&'static [Insn]],
    /// What makes up an outcome.
    pub looks: &'static [Look],
    /// The outcome that the test is about.
    pub verdict: Verdict,
}
