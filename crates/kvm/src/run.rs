//! `KVM_RUN`: executes guest code until a VMM is wanted.
//!
//! The vCPU's lock is held from the checks of a first run to the return, also while the guest sleeps in WFI or is switched
//! off, so that configuration accesses meet it as they meet KVM's.

use crate::board::Inner;
use crate::pe::{Pe, Start};
use crate::psci::{self, Next};
use crate::signals::Waiting;
use crate::vcpu::{State, VcpuExit, VcpuFd};
use crate::{Error, Result, error, plain, regs, syndrome};
use cpu::{Asked, Exit};
use hw::AccessSize;
use interp::Interp;
use sync::Reasons;
use vgic::{Errno, Running};

/// What KVM says of an access that it cannot describe. No error number of the VGIC's.
const ENOSYS: i32 = 38;

/// What `run` gives and takes through `kvm_run`.
#[derive(Default)]
pub(crate) struct Exchange {
    /// The access that the VMM was asked for; the next `run` completes it.
    asked: Option<Asked>,
    data: [u8; 8],
    event: [u64; 1],
}

/// Why the guest was left.
enum Left {
    Mmio(Asked),
    /// A type and flags.
    System(u32, u64),
}

impl VcpuFd {
    /// `KVM_RUN`. Executes the guest until it accesses an address where there is neither memory nor a frame of the VGIC's,
    /// or asks PSCI for the end of the system. `EINTR` says that somebody kicked the vCPU, by `set_kvm_immediate_exit`
    /// before, a signal, or [`VcpuFd::kick_handle`].
    ///
    /// The slice of `MmioRead` is to be filled; the next `run` completes the access before anything else.
    pub fn run(&mut self) -> Result<VcpuExit<'_>> {
        let left = self.execute()?;
        let Exchange { asked, data, event } = &mut self.exchange;
        Ok(match left {
            Left::Mmio(access) => {
                *asked = Some(access);
                *data = access.write.unwrap_or(0).to_le_bytes();
                let data = &mut data[..access.bytes as usize];
                match access.write {
                    Some(_) => VcpuExit::MmioWrite(access.pa, data),
                    None => VcpuExit::MmioRead(access.pa, data),
                }
            }
            Left::System(kind, flags) => {
                *event = [flags];
                VcpuExit::SystemEvent(kind, event)
            }
        })
    }

    fn execute(&mut self) -> Result<Left> {
        let mut running = self.inner.vm.run(&self.vcpu).map_err(error)?;
        let Exchange { asked, data, .. } = &mut self.exchange;
        let answer = asked.take().map(|asked| (asked, u64::from_le_bytes(*data)));
        let mut state = self.state.borrow_mut();
        let state = state.as_mut().expect("a vCPU that runs is initialised");
        let waiting = Waiting::begin();
        let _ticking = self.inner.ticker.tick(self.pe.attention());
        let index = self.vcpu.index();
        let mut turn = Turn::begin(&self.inner, &self.pe, index, &waiting, state, &mut running);
        turn.answer = answer;
        let left = turn.run(self.immediate_exit);
        turn.end(state, &mut running);
        left
    }
}

/// From entering `run` to leaving it.
struct Turn<'a> {
    inner: &'a Inner,
    pe: &'a Pe,
    index: usize,
    waiting: &'a Waiting,
    interp: Interp,
    /// Stands in for the CPU interface when the PE is reset, which the interface is not.
    spare: Option<gic::CpuInterface>,
    psci: u32,
    /// Completes the access at the PC.
    answer: Option<(Asked, u64)>,
    /// In WFI.
    asleep: bool,
    /// The access that the guest was left for can be described to a VMM.
    described: bool,
}

impl<'a> Turn<'a> {
    fn begin(
        inner: &'a Inner,
        pe: &'a Pe,
        index: usize,
        waiting: &'a Waiting,
        state: &mut State,
        running: &mut Running,
    ) -> Turn<'a> {
        let mut cpu = *state.cpu.take().expect("it does not run yet");
        let spare = running.interface().take().map(|interface| {
            let spare = cpu.gic.remove();
            cpu.gic.insert(interface);
            spare
        });
        cpu.refresh();
        let psci = state.firmware.psci();
        let interp = Interp::new(cpu);
        Turn { inner, pe, index, waiting, interp, spare, psci, answer: None, asleep: false, described: false }
    }

    fn end(self, state: &mut State, running: &mut Running) {
        let mut cpu = self.interp.cpu;
        if let Some(spare) = self.spare {
            *running.interface() = Some(cpu.gic.remove());
            cpu.gic.insert(spare);
        }
        state.cpu = Some(Box::new(cpu));
    }

    fn run(&mut self, immediate_exit: bool) -> Result<Left> {
        loop {
            let exit = match self.answer.take() {
                // Before anything else, an interrupt too: the device has seen the access.
                Some(answer) => self.within(|interp| complete(interp, answer)),
                None if immediate_exit || self.pe.take_kick() || self.waiting.any() => return Err(plain(Errno::Intr)),
                None if self.pe.is_stopped() => {
                    self.rest();
                    continue;
                }
                None => {
                    if let Some(start) = self.pe.take_start() {
                        self.start(start);
                    }
                    self.asleep = self.asleep && !self.doze();
                    if self.asleep {
                        continue;
                    }
                    Some(self.within(Interp::run))
                }
            };
            if let Some(left) = exit.map(|exit| self.after(exit)).transpose()?.flatten() {
                return Ok(left);
            }
        }
    }

    /// Lets the engine do something, on the memory and frames that there are now.
    fn within<R>(&mut self, what: impl FnOnce(&mut Interp) -> R) -> R {
        let (_inside, shared) = self.inner.enter();
        if !std::sync::Arc::ptr_eq(&shared, &self.interp.cpu.shared) {
            // Decoded code is of the memory before.
            self.interp.cpu.move_to(self.index, shared);
            self.interp.forget_code();
        }
        self.interp.cpu.unpark();
        self.interp.cpu.update_timers();
        let done = what(&mut self.interp);
        let cpu = &mut self.interp.cpu;
        self.described = cpu.exit == Exit::Outside && instruction(cpu).is_some_and(syndrome::is_valid);
        cpu.park();
        done
    }

    /// Does what the guest was left for; `Some` if that is the VMM's.
    fn after(&mut self, exit: Exit) -> Result<Option<Left>> {
        match exit {
            Exit::Wfi => self.asleep = true,
            // An event may come from any store to a monitored address, which nobody watches: poll.
            Exit::Wfe => std::thread::yield_now(),
            // KVM lets a guest that only takes exceptions go on doing so.
            Exit::Control | Exit::Lockup => {}
            Exit::Firmware => return Ok(self.call()),
            Exit::Outside => return self.outside(),
        }
        Ok(None)
    }

    /// An access that neither memory nor a frame answers.
    fn outside(&mut self) -> Result<Option<Left>> {
        let outside = self.interp.cpu.outside.as_mut().expect("it was made with one");
        match outside.asked.take().filter(|_| self.described) {
            Some(asked) if self.inner.memory.is_slot(asked.pa) => Err(plain(Errno::Fault)),
            Some(asked) => match asked.write {
                Some(value) if self.inner.eventfds.written(asked.pa, asked.bytes, value) => {
                    self.answer = Some((asked, 0));
                    Ok(None)
                }
                _ => Ok(Some(Left::Mmio(asked))),
            },
            None => Err(Error::new(ENOSYS)),
        }
    }

    fn call(&mut self) -> Option<Left> {
        let regs = &mut self.interp.cpu.regs;
        let pes = self.inner.pes();
        match psci::call(&pes, self.psci, [regs.x[0], regs.x[1], regs.x[2], regs.x[3]]) {
            Next::Return(value) => regs.x[0] = value,
            Next::Standby => (regs.x[0], self.asleep) = (0, true),
            Next::Off => self.pe.set_stopped(true),
            Next::System(kind, flags) => {
                regs.x[0] = psci::AFTER_SYSTEM_EVENT;
                pes.iter().for_each(|pe| pe.set_stopped(true));
                return Some(Left::System(kind, flags));
            }
        }
        None
    }

    /// PSCI CPU_ON has switched the PE on.
    fn start(&mut self, Start { entry, argument }: Start) {
        let cpu = &mut self.interp.cpu;
        let interface = self.spare.take().map(|spare| {
            let interface = cpu.gic.remove();
            cpu.gic.insert(spare);
            interface
        });
        regs::reset(cpu);
        if let Some(interface) = interface {
            self.spare = Some(cpu.gic.remove());
            cpu.gic.insert(interface);
        }
        (cpu.regs.pc, cpu.regs.x[0]) = (entry, argument);
        cpu.refresh();
    }

    /// Sleeps while the PE is switched off, until somebody wants it. What is posted meanwhile is for later: interrupts
    /// stay with the GIC, TLB maintenance in its queue.
    fn rest(&mut self) {
        let cpu = &mut self.interp.cpu;
        self.pe.attention().sleep(None);
        cpu.event |= self.pe.attention().take().has(Reasons::EVENT);
    }

    /// WFI: sleeps until something is posted or the next timer deadline. Is there something for the PE?
    fn doze(&mut self) -> bool {
        let cpu = &mut self.interp.cpu;
        let attention = self.pe.attention();
        attention.sleep(cpu.next_deadline_ns().map(|ns| cpu.shared.clock.instant_at(ns)));
        let mut reasons = attention.take();
        cpu.update_timers();
        reasons = reasons | attention.take();
        // The rest is for the engine; that somebody wants the thread is no reason to wake the guest.
        let rest = Reasons(reasons.0 & !Reasons::CONTROL.0);
        let any = rest != Reasons::default();
        if any {
            attention.post(rest);
        }
        any
    }
}

/// Executes the instruction at the PC, which finds its answer.
fn complete(interp: &mut Interp, answer: (Asked, u64)) -> Option<Exit> {
    let outside =
        |interp: &mut Interp, answer| interp.cpu.outside.as_mut().expect("it was made with one").answer = answer;
    let (asked, value) = answer;
    let size = AccessSize::from_log2(asked.bytes.ilog2());
    outside(interp, Some((asked, size.truncate(value))));
    let (_, done) = interp.run_exactly(1);
    // Somebody else may have changed the guest's tables: then it was another access.
    outside(interp, None);
    interp.settle(done)
}

/// The instruction at the PC.
fn instruction(cpu: &mut cpu::Vcpu) -> Option<u32> {
    let pa = cpu.fetch(cpu.regs.pc).ok()?;
    let ram = cpu.shared.bus.ram();
    ram.host(pa).map(|at| ram.load(at, AccessSize::Word) as u32)
}
