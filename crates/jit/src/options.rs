//! What may be chosen of the engine. Small limits make rare paths common, which is what tests want of them.

use crate::perf::PerfMap;
use crate::smc::CodeStores;
use crate::turn::Turn;
use crate::vector::evex;
use cpu::Vcpu;
use cpu::mmu::Tlb;
use std::sync::Arc;

/// Most instructions of a block: as many as `Region` has bits.
const LONGEST: usize = 64;
/// Least and most bytes of host code: one block must fit, and jumps reach 2 GiB.
const LEAST_CODE: usize = 128 << 10;
const MOST_CODE: usize = 1 << 30;

/// How the engine works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Times that a block has begun when it is compiled.
    pub hot: u8,
    /// Most instructions of a block.
    pub longest: usize,
    /// Bytes of host code, a multiple of 4 KiB. A small buffer is emptied often.
    pub code_size: usize,
    /// Each so many-th time that compiled code gets a TLB, it gets one that knows nothing: with 1 every access is
    /// out of line. Zero: never.
    pub miss_every: u32,
    /// Each so many-th entry into compiled code, polls find attention posted. Zero: only when it is.
    pub attend_every: u32,
    /// Everything is executed twice and compared (`verify`), by one vCPU at a time of those that share this.
    pub verify: Option<Arc<Turn>>,
    /// Blocks are compared with memory before they are executed (`smc`).
    pub check_smc: Option<Arc<CodeStores>>,
    /// Code is compiled to count accesses and branches (`tally`).
    pub count: bool,
    /// Where blocks are noted for perf.
    pub perf_map: Option<Arc<PerfMap>>,
    /// The first word is compiled as if it were the second, which is of the same row: an error to be noticed.
    pub planted: Option<(u32, u32)>,
    /// AVX-512 is used, which the host must have.
    pub avx512: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            hot: 2,
            longest: LONGEST,
            code_size: 64 << 20,
            miss_every: 0,
            attend_every: 0,
            verify: None,
            check_smc: None,
            count: false,
            perf_map: None,
            planted: None,
            avx512: evex::is_supported(),
        }
    }
}

/// A choice that the engine cannot work with.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum OptionsError {
    #[error("hot={0}: a block is compiled when it has begun 1 to 255 times")]
    Hot(u8),
    #[error("block={0}: a block has 1 to {LONGEST} instructions")]
    Longest(usize),
    #[error("code={0}: host code takes {least} KiB to {most} MiB, in steps of 4 KiB", least = LEAST_CODE >> 10, most = MOST_CODE >> 20)]
    CodeSize(usize),
    #[error("{0:#010x} and {1:#010x} are not words of one row of the instruction table")]
    Planted(u32, u32),
    #[error("avx512=1: this host does not have the parts of AVX-512 that are used")]
    Avx512,
}

impl Options {
    /// Can the engine work so?
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.hot == 0 {
            return Err(OptionsError::Hot(self.hot));
        }
        if !(1..=LONGEST).contains(&self.longest) {
            return Err(OptionsError::Longest(self.longest));
        }
        if !(LEAST_CODE..=MOST_CODE).contains(&self.code_size) || !self.code_size.is_multiple_of(4096) {
            return Err(OptionsError::CodeSize(self.code_size));
        }
        if self.avx512 && !evex::is_supported() {
            return Err(OptionsError::Avx512);
        }
        match self.planted {
            Some((word, other)) if a64::lookup(word).is_none() || a64::lookup(word) != a64::lookup(other) => {
                Err(OptionsError::Planted(word, other))
            }
            _ => Ok(()),
        }
    }
}

/// What is forced, and how often it was asked for.
pub(crate) struct Forced {
    miss_every: u32,
    attend_every: u32,
    asked: (u32, u32),
    /// A TLB that knows nothing, if one is ever wanted.
    blind: Option<Box<Tlb>>,
    /// An attention word that is always set.
    posted: Box<u32>,
}

impl Forced {
    pub fn new(options: &Options) -> Forced {
        let (miss_every, attend_every) = (options.miss_every, options.attend_every);
        let blind = (miss_every != 0).then(|| Box::new(Tlb::new()));
        Forced { miss_every, attend_every, asked: (0, 0), blind, posted: Box::new(1) }
    }

    /// The entries that compiled code is to look in instead of the real ones.
    #[inline(always)]
    pub fn misses(&mut self) -> Option<usize> {
        if self.miss_every == 0 { None } else { self.count_miss() }
    }

    #[cold]
    fn count_miss(&mut self) -> Option<usize> {
        self.asked.0 = (self.asked.0 + 1) % self.miss_every;
        self.blind.as_ref().filter(|_| self.asked.0 == 0).map(|blind| blind.entries())
    }

    /// An attention word that is always set.
    pub fn posted(&self) -> usize {
        std::ptr::from_ref(&*self.posted).addr()
    }

    /// The attention word that compiled code polls until it leaves.
    #[inline(always)]
    pub fn attention(&mut self, cpu: &Vcpu) -> usize {
        if self.attend_every != 0 {
            self.asked.1 = (self.asked.1 + 1) % self.attend_every;
            if self.asked.1 == 0 {
                return self.posted();
            }
        }
        cpu.attention.address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_choices_are_named() {
        let check = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.check().map_err(|e| e.to_string())
        };
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|o| (o.hot, o.longest, o.code_size) = (1, 1, 128 << 10)), Ok(()));
        assert!(check(|o| o.hot = 0).is_err_and(|e| e.contains("hot=0")));
        assert!(check(|o| o.longest = 0).is_err_and(|e| e.contains("block=0")));
        assert!(check(|o| o.longest = 65).is_err_and(|e| e.contains("1 to 64")));
        for size in [0, 4096, (128 << 10) + 1, 2 << 30] {
            let mut options = Options { code_size: size, ..Options::default() };
            assert!(options.check().is_err_and(|e| e.to_string().contains("128 KiB to 1024 MiB")), "{size}");
            options.code_size = 128 << 10;
            assert_eq!(options.check(), Ok(()));
        }
    }
}
