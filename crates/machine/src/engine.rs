//! Which engine executes instructions, and one vCPU with it.

use cpu::{Exit, Vcpu};
use interp::{Counts, Interp};
use std::collections::BTreeMap;

/// How instructions are executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineKind {
    /// One by one: the reference.
    Interp,
    /// Compiled to the host's instructions, on hosts that the compiler knows.
    Jit,
}

/// The engine cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another architecture, or a processor without AVX2 and BMI.
    #[error("--engine jit needs Linux on x86-64 with AVX2 and BMI2; use --engine interp")]
    Unsupported,
    /// No memory for host code.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    #[error(transparent)]
    Code(#[from] jit::CodeError),
}

/// What the compiler counted; zero without one.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Compiled {
    /// Blocks compiled.
    pub blocks: u64,
    /// Guest bytes they were made from.
    pub guest_bytes: u64,
    /// Host bytes they became.
    pub host_bytes: u64,
    /// Bytes of records about it.
    pub record_bytes: u64,
    /// Entries into compiled code.
    pub entries: u64,
    /// Entries that the jump cache did not know.
    pub lookups: u64,
    /// Jump caches begun: new translations, or new address spaces.
    pub jump_caches: u64,
    /// Direct branches linked to their target.
    pub links: u64,
    /// Blocks interpreted because they were cold.
    pub interpreted: u64,
    /// Instructions in compiled code that the interpreter executed.
    pub calls: u64,
    /// Those of them that were most, by row of the instruction table.
    pub called: BTreeMap<&'static str, u64>,
    /// Accesses that the inline TLB probe did not do.
    pub slow: u64,
    /// Blocks dropped because their words had changed.
    pub stale: u64,
    /// Times the code buffer was full.
    pub flushes: u64,
}

/// What one vCPU's engine counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Common to all engines.
    pub counts: Counts,
    /// The compiler's.
    pub compiled: Compiled,
}

/// One vCPU.
pub(crate) enum Engine {
    Interp(Box<Interp>),
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Jit(Box<jit::Jit>),
}

impl EngineKind {
    /// Can this host run it?
    pub fn check(self) -> Result<(), EngineError> {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        let supported = jit::is_supported();
        #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
        let supported = false;
        if self == EngineKind::Jit && !supported { Err(EngineError::Unsupported) } else { Ok(()) }
    }

    /// Its name on the command line and in statistics.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Interp => "interp",
            EngineKind::Jit => "jit",
        }
    }
}

impl Engine {
    pub fn new(kind: EngineKind, cpu: Vcpu) -> Result<Engine, EngineError> {
        match kind {
            EngineKind::Interp => Ok(Engine::Interp(Box::new(Interp::new(cpu)))),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            EngineKind::Jit => Ok(Engine::Jit(Box::new(jit::Jit::new(cpu)?))),
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            EngineKind::Jit => Err(EngineError::Unsupported),
        }
    }

    fn interp(&mut self) -> &mut Interp {
        match self {
            Engine::Interp(interp) => interp,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Engine::Jit(jit) => &mut jit.interp,
        }
    }

    /// The PE.
    pub fn cpu(&mut self) -> &mut Vcpu {
        &mut self.interp().cpu
    }

    /// Executes until the machine must act.
    pub fn run(&mut self) -> Exit {
        match self {
            Engine::Interp(interp) => interp.run(),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Engine::Jit(jit) => jit.run(),
        }
    }

    /// What was counted.
    pub fn tally(&mut self) -> Tally {
        let compiled = match self {
            Engine::Interp(_) => Compiled::default(),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Engine::Jit(jit) => {
                let c = &jit.counts;
                let rows = a64::ROWS.iter().zip(&c.calls_by_row).filter(|(_, n)| **n * 500 > c.calls);
                Compiled {
                    blocks: c.blocks,
                    guest_bytes: c.guest_bytes,
                    host_bytes: c.host_bytes,
                    record_bytes: c.record_bytes,
                    entries: c.entries,
                    lookups: c.lookups,
                    jump_caches: jit.jump_caches(),
                    links: c.links,
                    interpreted: c.interpreted,
                    calls: c.calls,
                    called: rows.map(|(row, n)| (row.name, *n)).collect(),
                    slow: c.slow,
                    stale: c.stale,
                    flushes: c.flushes,
                }
            }
        };
        Tally { counts: self.interp().counts.clone(), compiled }
    }
}

impl Compiled {
    /// Both together.
    pub(crate) fn plus(self, o: &Compiled) -> Compiled {
        let mut called = self.called;
        o.called.iter().for_each(|(row, n)| *called.entry(row).or_default() += n);
        Compiled {
            blocks: self.blocks + o.blocks,
            guest_bytes: self.guest_bytes + o.guest_bytes,
            host_bytes: self.host_bytes + o.host_bytes,
            record_bytes: self.record_bytes + o.record_bytes,
            entries: self.entries + o.entries,
            lookups: self.lookups + o.lookups,
            jump_caches: self.jump_caches + o.jump_caches,
            links: self.links + o.links,
            interpreted: self.interpreted + o.interpreted,
            calls: self.calls + o.calls,
            called,
            slow: self.slow + o.slow,
            stale: self.stale + o.stale,
            flushes: self.flushes + o.flushes,
        }
    }
}
