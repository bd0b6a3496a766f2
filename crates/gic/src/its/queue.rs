//! The registers of an ITS, and the command queue: who executes it, and when.
//!
//! One thread at a time executes, under `executor`. It takes `registers` only to see what is next and to say what is
//! done, so a vCPU that writes GITS_CWRITER waits for no command. Without a thread of its own (`Its::start`) the writer
//! executes the queue itself, before its write returns.
//!
//! A guest cannot make it run for ever: each turn performs one command of those between CREADR and CWRITER, which
//! CREADR passes or, stalled, stays at.

use super::Its;
use super::collections::List;
use super::entry::Baser;
use super::error::{CommandError, Fault};
use super::execute::Effect;
use crate::fidelity::Fidelity;
use crate::prim::{MutexGuard, Ordering::*};
use hw::PhysAddr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::{io, thread};

/// What a command error does to the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnError {
    /// The command is passed over.
    #[default]
    Skip,
    /// CREADR stays at it with Stalled=1, until software writes Retry=1.
    Stall,
}

/// What software has written, and what has come of it.
pub(super) struct Registers {
    /// GITS_CTLR.Enabled.
    pub wanted: bool,
    /// Enabled has taken effect: translations are made and commands executed. Quiescent is neither of both.
    pub active: bool,
    pub cbaser: u64,
    /// Offset of GITS_CWRITER.
    pub cwriter: u64,
    /// Offset of GITS_CREADR.
    pub creadr: u64,
    pub stalled: bool,
    /// GITS_BASER0 and GITS_BASER1, without their read-only fields.
    pub baser: [u64; 2],
    /// What is in these tables is ours: they were opened, or put back by the host, since their register last changed.
    pub used: [bool; 2],
    /// A thread of the ITS's own executes.
    threaded: bool,
    stopping: bool,
}

/// What only the executing thread uses.
#[derive(Default)]
pub(super) struct Executor {
    pub list: List,
    /// What commands have done that SYNC is to make visible, in `Fidelity::Relaxed`.
    pub deferred: Vec<Effect>,
    errors: VecDeque<FailedCommand>,
}

/// A command that was not performed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailedCommand {
    /// Where in the queue, from GITS_CBASER.
    pub offset: u64,
    /// Its four words.
    pub words: [u64; 4],
    /// Why.
    pub error: CommandError,
}

/// How many are remembered.
const ERRORS: usize = 32;

/// Bytes of a command.
const COMMAND: u64 = 32;

const CBASER_VALID: u64 = 1 << 63;

enum Step {
    Enable([u64; 2]),
    Disable,
    Command(PhysAddr, u64),
}

impl Default for Registers {
    fn default() -> Registers {
        Registers {
            wanted: false,
            active: false,
            cbaser: 0,
            cwriter: 0,
            creadr: 0,
            stalled: false,
            baser: [Baser::RESET; 2],
            used: [false; 2],
            threaded: false,
            stopping: false,
        }
    }
}

impl Registers {
    /// Bytes of the queue.
    pub fn queue_size(&self) -> u64 {
        ((self.cbaser & 0xff) + 1) << 12
    }

    fn next(&self) -> Option<Step> {
        if self.wanted != self.active {
            return Some(if self.wanted { Step::Enable(self.baser) } else { Step::Disable });
        }
        // An offset outside makes the queue invalid until a valid one is written (CONSTRAINED UNPREDICTABLE).
        let valid = self.cbaser & CBASER_VALID != 0 && self.cwriter < self.queue_size();
        let ready = self.active && !self.stalled && valid && self.creadr != self.cwriter;
        let base = PhysAddr(self.cbaser & 0x000f_ffff_ffff_0000);
        ready.then(|| Step::Command(base.offset(self.creadr), self.creadr))
    }
}

impl Its {
    pub(super) fn registers(&self) -> MutexGuard<'_, Registers> {
        self.registers.lock().expect("no code panics while it holds this lock")
    }

    /// Something of the registers has changed that the executing thread may be waiting for.
    pub(super) fn ring(&self) {
        let registers = self.registers();
        if registers.threaded {
            self.work.notify_all();
        } else {
            drop(registers);
            self.run();
        }
    }

    /// Executes what there is, on this thread.
    pub fn run(&self) {
        let mut executor = self.executor.lock().expect("no code panics while it holds this lock");
        loop {
            // Not in the condition of the loop, where the lock would be held for a turn.
            let threaded = self.registers().threaded;
            if let (Fidelity::Relaxed(delay), true) = (self.gic.features.fidelity, threaded) {
                thread::sleep(delay);
            }
            let Some(step) = self.registers().next() else { return self.make_visible(&mut executor) };
            match step {
                Step::Enable(baser) => self.open(&mut executor, baser),
                Step::Disable => self.close(&mut executor),
                Step::Command(at, offset) => self.turn(&mut executor, at, offset),
            }
        }
    }

    fn open(&self, executor: &mut Executor, [devices, collections]: [u64; 2]) {
        self.collections.load(&mut executor.list, &*self.memory, Baser(collections), &self.gic);
        // Release: who translates sees the collections.
        self.devices.store(devices, Release);
        let mut registers = self.registers();
        registers.active = registers.wanted && registers.baser == [devices, collections];
        if registers.active {
            registers.used = [true; 2];
        } else {
            // It was disabled meanwhile, when nothing was active, and so could be told of other tables.
            drop(registers);
            self.close(executor);
        }
    }

    /// Nothing is kept but what is in guest memory.
    fn close(&self, executor: &mut Executor) {
        self.make_visible(executor);
        self.devices.store(0, Release);
        self.forget(None);
        self.collections.unload(&mut executor.list);
        self.registers().active = false;
    }

    fn turn(&self, executor: &mut Executor, at: PhysAddr, offset: u64) {
        let mut words = [0; 4];
        let mut fetch = || -> Result<(), hw::Unbacked> {
            for (n, word) in words.iter_mut().enumerate() {
                *word = self.memory.read_u64(at.offset(8 * n as u64))?;
            }
            Ok(())
        };
        let done = fetch().map_err(|_| Fault::Unbacked.of_command(0));
        let done = done.and_then(|()| self.execute(executor, words));
        if let Err(error) = done {
            self.gic.watch.report("GITS_CWRITER", error.code, 0, || {
                format!("command {words:x?} at {offset:#x} of the queue was not performed: {error}")
            });
            let pulse = |line: &hw::IrqLine| [true, false].map(|high| line.set(high));
            if executor.errors.len() == ERRORS {
                executor.errors.pop_front();
            }
            executor.errors.push_back(FailedCommand { offset, words, error });
            self.spec.system_error.iter().for_each(|line| _ = pulse(line));
        }
        let mut registers = self.registers();
        if done.is_err() && self.spec.on_error == OnError::Stall {
            registers.stalled = true;
        } else {
            registers.creadr = (offset + COMMAND) % registers.queue_size();
        }
    }

    /// The last commands that were not performed, oldest first.
    pub fn failed_commands(&self) -> Vec<FailedCommand> {
        let executor = self.executor.lock().expect("no code panics while it holds this lock");
        executor.errors.iter().copied().collect()
    }

    /// Back to power-on. Only while all vCPUs are stopped and no device sends.
    pub(super) fn reset_queue(&self) {
        let mut executor = self.executor.lock().expect("no code panics while it holds this lock");
        self.close(&mut executor);
        executor.errors.clear();
        let mut registers = self.registers();
        let (threaded, stopping) = (registers.threaded, registers.stopping);
        *registers = Registers { threaded, stopping, ..Registers::default() };
    }

    /// Starts the thread that executes commands, until the handle is dropped.
    pub fn start(self: &Arc<Self>) -> io::Result<ItsThread> {
        let its = self.clone();
        let thread = thread::Builder::new().name("its".into()).spawn(move || its.work())?;
        self.registers().threaded = true;
        Ok(ItsThread { its: self.clone(), thread: Some(thread) })
    }

    fn work(&self) {
        loop {
            self.run();
            let mut registers = self.registers();
            while registers.next().is_none() && !registers.stopping {
                registers = self.work.wait(registers).expect("no code panics while it holds this lock");
            }
            if registers.stopping {
                return;
            }
        }
    }
}

/// The thread that executes an ITS's commands. Dropped, it ends after the command it is at.
pub struct ItsThread {
    its: Arc<Its>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for ItsThread {
    fn drop(&mut self) {
        self.its.registers().stopping = true;
        self.its.work.notify_all();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
        let mut registers = self.its.registers();
        (registers.threaded, registers.stopping) = (false, false);
    }
}
