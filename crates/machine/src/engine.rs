//! Which engine executes instructions, and one vCPU with it.

use crate::inline::Inline;
use crate::spec::MachineSpec;
use cpu::{Exit, Vcpu};
use interp::{Counts, Interp};
use std::collections::BTreeMap;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use std::sync::Arc;

/// How instructions are executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineKind {
    /// One by one: the reference.
    Interp,
    /// Compiled to the host's instructions, on hosts that the compiler knows.
    Jit,
    /// Both, compared block by block.
    Verify,
}

/// The engine cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another architecture, or a processor without AVX2 and BMI.
    #[error("--engine {0} needs Linux on x86-64 with AVX2 and BMI2; use --engine interp")]
    Unsupported(&'static str),
    /// No memory for host code.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    #[error(transparent)]
    Code(#[from] jit::CodeError),
    /// The compiler cannot work so.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    #[error("--tune {0}")]
    Tuning(#[from] jit::OptionsError),
    /// There is no compiler to tune.
    #[error("--tune, --check-smc and --perf-map are for the compiler; use --engine jit")]
    NothingToTune,
    /// The file for perf could not be made.
    #[error("cannot write a map for perf to /tmp: {0}; leave --perf-map out")]
    PerfMap(std::io::Error),
    /// `verify` runs blocks once more as it is.
    #[error("--check-smc does not go with --engine verify; use --engine jit")]
    CheckedTwice,
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
    /// Segments of code given up because the code cache was full.
    pub evictions: u64,
    /// Hot blocks interpreted because the compiler was busy, or had no room yet.
    pub busy: u64,
    /// Executions of blocks that were compared.
    pub compared: u64,
    /// Guest instructions for each entry into compiled code, exceptions and all.
    pub instructions_per_entry: f64,
    /// Seconds spent in compiling, all vCPUs together.
    pub compile_seconds: f64,
    /// Why compiled code left.
    pub exits: Exits,
    /// Why accesses were done out of line.
    pub out_of_line: OutOfLine,
    /// Vector micro-ops that compiled code had evaluated.
    pub evaluated: BTreeMap<String, u64>,
    /// How accesses found their pages, and blocks the next one.
    pub inline: Inline,
}

/// Why compiled code left.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Exits {
    /// It did not know the block at its next address.
    pub lookup: u64,
    /// An exit had not been linked yet, or attention was wanted there.
    pub link: u64,
    /// An exception, or something that the machine is wanted for.
    pub event: u64,
    /// The interpreter was to execute the next instruction.
    pub interpret: u64,
}

/// Why accesses were done out of line.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct OutOfLine {
    /// Nothing in the TLB.
    pub miss: u64,
    /// A device, or a page that is only written with care.
    pub device: u64,
    /// Not aligned.
    pub unaligned: u64,
    /// Across the end of a page.
    pub crossing: u64,
}

/// What one vCPU's engine counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Common to all engines.
    pub counts: Counts,
    /// The compiler's.
    pub compiled: Compiled,
    /// `--check-smc`: what was found, by any vCPU.
    pub stale_code: Vec<String>,
}

/// One vCPU.
pub(crate) enum Engine {
    Interp(Box<Interp>),
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Jit(Box<jit::Jit>),
}

/// What of the compiler is not as usual. Small limits make rare paths common, which is for tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Times that a block has begun when it is compiled.
    pub hot: Option<u8>,
    /// Most instructions of a block.
    pub block: Option<usize>,
    /// Bytes of host code.
    pub code: Option<usize>,
    /// Each so many-th TLB that compiled code gets knows nothing.
    pub misses: u32,
    /// Each so many-th entry into compiled code ends at the first poll.
    pub polls: u32,
    /// A word that is compiled as if it were another: an error for `verify` to notice.
    pub plant: Option<(u32, u32)>,
    /// Code is compiled to count accesses and branches (`--stats`), which any engine may be told.
    pub count: Option<bool>,
    /// AVX-512 is used; where the host has it, if nothing is said.
    pub avx512: Option<bool>,
    /// `--check-smc`
    pub check_smc: bool,
    /// `--perf-map`
    pub perf_map: bool,
}

/// What the engines of one machine share.
#[derive(Clone)]
pub(crate) enum Engines {
    Interp,
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Jit(Arc<jit::CodeSpace>, jit::Options),
}

impl EngineKind {
    /// The compiler where this host can run it, or else the interpreter.
    pub fn fastest() -> EngineKind {
        match EngineKind::Jit.check(&Tuning::default()) {
            Ok(()) => EngineKind::Jit,
            Err(_) => EngineKind::Interp,
        }
    }

    /// Can this host run it?
    pub fn check(self, tuning: &Tuning) -> Result<(), EngineError> {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        let supported = jit::is_supported();
        #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
        let supported = false;
        self.check_on(supported, tuning)
    }

    fn check_on(self, supported: bool, tuning: &Tuning) -> Result<(), EngineError> {
        match self {
            EngineKind::Interp if (Tuning { count: None, ..tuning.clone() }) != Tuning::default() => {
                Err(EngineError::NothingToTune)
            }
            EngineKind::Interp => Ok(()),
            EngineKind::Jit | EngineKind::Verify if !supported => Err(EngineError::Unsupported(self.name())),
            EngineKind::Verify if tuning.check_smc => Err(EngineError::CheckedTwice),
            EngineKind::Jit | EngineKind::Verify => self.check_options(tuning),
        }
    }

    /// What engines of this kind are made with.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn options(self, tuning: &Tuning) -> Result<jit::Options, EngineError> {
        let usual = jit::Options::default();
        let verify = self == EngineKind::Verify;
        let options = jit::Options {
            // What is interpreted is not compared.
            hot: tuning.hot.unwrap_or(if verify || tuning.check_smc { 1 } else { usual.hot }),
            longest: tuning.block.unwrap_or(usual.longest),
            code_size: tuning.code.unwrap_or(usual.code_size),
            miss_every: tuning.misses,
            attend_every: tuning.polls,
            verify: verify.then(Default::default),
            check_smc: tuning.check_smc.then(Default::default),
            count: tuning.count.unwrap_or(usual.count),
            perf_map: None,
            planted: tuning.plant,
            avx512: tuning.avx512.unwrap_or(usual.avx512),
        };
        options.check()?;
        Ok(options)
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn check_options(self, tuning: &Tuning) -> Result<(), EngineError> {
        self.options(tuning).map(|_| ())
    }

    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    fn check_options(self, _: &Tuning) -> Result<(), EngineError> {
        Ok(())
    }

    /// Its name on the command line and in statistics.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Interp => "interp",
            EngineKind::Jit => "jit",
            EngineKind::Verify => "verify",
        }
    }
}

impl Engines {
    /// For the vCPUs of `spec`.
    pub fn new(spec: &MachineSpec) -> Result<Engines, EngineError> {
        match spec.engine {
            EngineKind::Interp => Ok(Engines::Interp),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            EngineKind::Jit | EngineKind::Verify => {
                let map = || jit::PerfMap::create().map(Arc::new).map_err(EngineError::PerfMap);
                let perf_map = spec.tuning.perf_map.then(map).transpose()?;
                let options = jit::Options { perf_map, ..spec.engine.options(&spec.tuning)? };
                let space = jit::CodeSpace::new(&options, spec.model, spec.cpus)?;
                Ok(Engines::Jit(Arc::new(space), options))
            }
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            EngineKind::Jit | EngineKind::Verify => Err(EngineError::Unsupported(spec.engine.name())),
        }
    }

    /// One for `cpu`.
    pub fn engine(&self, cpu: Vcpu) -> Engine {
        match self {
            Engines::Interp => Engine::Interp(Box::new(Interp::new(cpu))),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Engines::Jit(space, options) => Engine::Jit(Box::new(jit::Jit::sharing(cpu, space.clone(), options))),
        }
    }
}

impl Engine {
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

    /// `--check-smc`: what was found since it was last asked, by any vCPU.
    pub fn stale_code(&self) -> Vec<String> {
        match self {
            Engine::Interp(_) => Vec::new(),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Engine::Jit(jit) => jit.stale_code(),
        }
    }

    /// `verify` only: how the engines differ, after `run` has returned for that.
    pub fn difference(&mut self) -> Option<String> {
        match self {
            Engine::Interp(_) => None,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Engine::Jit(jit) => jit.difference(),
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
                    evictions: c.evictions,
                    busy: c.busy,
                    compared: jit.compared(),
                    instructions_per_entry: jit.interp.counts.instructions as f64 / c.entries.max(1) as f64,
                    compile_seconds: c.causes.compiling.as_secs_f64(),
                    exits: Exits {
                        lookup: c.causes.lookup,
                        link: c.causes.link,
                        event: c.causes.event,
                        interpret: c.causes.interpret,
                    },
                    out_of_line: OutOfLine {
                        miss: c.causes.miss,
                        device: c.causes.device,
                        unaligned: c.causes.unaligned,
                        crossing: c.causes.crossing,
                    },
                    evaluated: c.causes.evaluations().collect(),
                    inline: Inline::of(jit),
                }
            }
        };
        Tally { counts: self.interp().counts.clone(), compiled, stale_code: self.stale_code() }
    }
}

impl Compiled {
    /// Both together.
    pub(crate) fn plus(self, o: &Compiled) -> Compiled {
        let mut called = self.called;
        o.called.iter().for_each(|(row, n)| *called.entry(row).or_default() += n);
        let mut evaluated = self.evaluated;
        o.evaluated.iter().for_each(|(op, n)| *evaluated.entry(op.clone()).or_default() += n);
        // The mean, weighted by entries.
        let executed = |c: f64, entries: u64| c * entries as f64;
        let executed =
            executed(self.instructions_per_entry, self.entries) + executed(o.instructions_per_entry, o.entries);
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
            evictions: self.evictions + o.evictions,
            busy: self.busy + o.busy,
            compared: self.compared + o.compared,
            instructions_per_entry: executed / (self.entries + o.entries).max(1) as f64,
            compile_seconds: self.compile_seconds + o.compile_seconds,
            exits: Exits {
                lookup: self.exits.lookup + o.exits.lookup,
                link: self.exits.link + o.exits.link,
                event: self.exits.event + o.exits.event,
                interpret: self.exits.interpret + o.exits.interpret,
            },
            out_of_line: OutOfLine {
                miss: self.out_of_line.miss + o.out_of_line.miss,
                device: self.out_of_line.device + o.out_of_line.device,
                unaligned: self.out_of_line.unaligned + o.out_of_line.unaligned,
                crossing: self.out_of_line.crossing + o.out_of_line.crossing,
            },
            evaluated,
            inline: self.inline.plus(&o.inline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said where the host has no compiler, or has one.
    #[track_caller]
    fn check(kind: EngineKind, supported: bool, tuning: Tuning, says: Option<&str>) {
        let said = kind.check_on(supported, &tuning).err().map(|e| e.to_string());
        assert_eq!(said.is_none(), says.is_none(), "{said:?}");
        says.into_iter().for_each(|says| assert!(said.as_ref().is_some_and(|s| s.contains(says)), "{said:?}"));
    }

    #[test]
    fn an_engine_that_cannot_run_here_is_refused() {
        check(EngineKind::Interp, false, Tuning::default(), None);
        check(EngineKind::Jit, false, Tuning::default(), Some("--engine jit needs Linux on x86-64"));
        check(EngineKind::Verify, false, Tuning::default(), Some("--engine verify needs Linux on x86-64"));
        check(EngineKind::Interp, true, Tuning { polls: 1, ..Tuning::default() }, Some("--engine jit"));
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn impossible_tuning_is_refused() {
        check(EngineKind::Verify, true, Tuning::default(), None);
        check(EngineKind::Jit, true, Tuning { hot: Some(0), ..Tuning::default() }, Some("--tune hot=0"));
        check(EngineKind::Jit, true, Tuning { block: Some(99), ..Tuning::default() }, Some("--tune block=99"));
        check(EngineKind::Verify, true, Tuning { code: Some(4096), ..Tuning::default() }, Some("--tune code=4096"));
    }
}
