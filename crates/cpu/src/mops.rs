//! Memory Copy and Memory Set (ARM DDI 0487, FEAT_MOPS): the accesses of their main part, some at a time.
//!
//! We implement option A of the manual's two: Xn counts up to zero from minus the bytes that remain, with Xd and Xs
//! at the ends; a copy backwards has Xn count down with Xd and Xs at the starts. An instruction copies as much as
//! suits and is then executed again, so that interrupts are taken between; what was copied before a fault stays.

use crate::exception::class;
use crate::sysreg::bits::sctlr;
use crate::{Exception, ReturnTo, Vcpu};
use a64::MopsStage;
use hw::{Access, Leave};

/// Bytes that one execution copies at most.
const MOST: u64 = 4096;

/// ISS of the exception: fields that instructions do not give.
const FROM_EPILOGUE: u32 = 1 << 18;
const WRONG_OPTION: u32 = 1 << 17;
const OPTION_A: u32 = 1 << 16;

impl Vcpu {
    /// What comes before a CPY or SET of any stage: is it enabled, and does the state that the stage before left
    /// fit? `iss` is the instruction's part of the syndrome. All that remains is copied by the main part, so an
    /// epilogue that finds something to do was entered wrongly.
    pub fn mops_check(&mut self, stage: MopsStage, size: u64, iss: u32) -> Result<(), Leave> {
        if self.regs.pstate.el == 0 && self.sys.sctlr[self.regime()] & sctlr::MSC_EN == 0 {
            return Err(self.raise_undefined());
        }
        let is_option_b = self.regs.nzcv & 0b0010 != 0;
        if stage == MopsStage::Prologue || !is_option_b && (stage == MopsStage::Main || size == 0) {
            return Ok(());
        }
        let wrong = if is_option_b { WRONG_OPTION } else { 0 };
        let from = if stage == MopsStage::Epilogue { FROM_EPILOGUE } else { 0 };
        let iss = iss | OPTION_A | wrong | from;
        Err(self.raise(Exception { class: class::MOPS, iss, far: None, return_to: ReturnTo::This, to: 0 }))
    }

    /// Copies some of what remains; gives what then remains. Fails only if nothing was copied.
    pub fn mops_copy(&mut self, to: u64, from: u64, size: u64, (write, read): (Access, Access)) -> Result<u64, Leave> {
        self.mops_steps(size, |c, at, bytes| {
            let how = |access: Access| Access { size: bytes.ilog2() as u8, ..access };
            let (to, from) = (to.wrapping_add(at), from.wrapping_add(at));
            let v = c.load(from, how(read))?;
            c.store(to, how(write), v)
        })
    }

    /// Sets some of what remains to `byte`.
    pub fn mops_set(&mut self, to: u64, size: u64, byte: u8, write: Access) -> Result<u64, Leave> {
        let pattern = u64::from_ne_bytes([byte; 8]);
        self.mops_steps(size, |c, at, bytes| {
            let how = Access { size: bytes.ilog2() as u8, ..write };
            c.store(to.wrapping_add(at), how, pattern)
        })
    }

    /// Calls `step` with offsets and widths (1 or 8) until all or enough is done, or a step faults.
    fn mops_steps(&mut self, size: u64, step: impl Fn(&mut Vcpu, u64, u64) -> Result<(), Leave>) -> Result<u64, Leave> {
        let (mut left, mut done) = (size as i64, 0);
        while left != 0 && done < MOST {
            let bytes = if left.unsigned_abs() >= 8 { 8 } else { 1 };
            // Forwards from the low end of what remains, backwards from the high end.
            let (at, next) = match left < 0 {
                true => (left, left + bytes),
                false => (left - bytes, left - bytes),
            };
            // A fault of a wide step may be of its far end: bytes tell how far it goes.
            let result = match step(self, at as u64, bytes as u64) {
                Err(_) if bytes > 1 => {
                    let (at, next) = if left < 0 { (left, left + 1) } else { (left - 1, left - 1) };
                    step(self, at as u64, 1).map(|()| next)
                }
                result => result.map(|()| next),
            };
            match result {
                Ok(next) => (left, done) = (next, done + bytes as u64),
                Err(leave) if done == 0 => return Err(leave),
                Err(_) => break,
            }
        }
        Ok(left as u64)
    }
}
