//! The body of a vCPU's host thread: run the engine, and do what it leaves for.

use crate::control::{Control, Ending, Sleeper, Start};
use crate::engine::{Engine, Engines, Tally};
use crate::load::KernelKind;
use crate::psci::{self, Next};
use cpu::{Conduit, Exit, Model, Shared, Vcpu, VcpuSpec};
use std::sync::Arc;
use vgic::Vm;

/// Offsets in the redistributor's frame.
const GICR_WAKER: u32 = 0x14;
const GICR_PWRR: u32 = 0x24;

/// How a PE begins, and who its firmware is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PowerOn {
    /// What calls this machine's firmware.
    pub conduit: Conduit,
    /// At EL1, as that firmware leaves a PE to an operating system; else at the highest level.
    pub at_el1: bool,
}

impl PowerOn {
    /// A program of its own begins at the highest level, where EL3 is its own to provide; Linux at EL1.
    pub fn of(model: &Model, kind: KernelKind) -> PowerOn {
        let at_el1 = kind == KernelKind::Image;
        let own_firmware = !at_el1 && model.el3;
        PowerOn { conduit: if own_firmware { Conduit::None } else { Conduit::of(model) }, at_el1 }
    }
}

/// Runs vCPU `spec` whenever it is switched on, until the machine is torn down; what was counted.
pub(crate) fn body(
    control: &Control,
    vm: &Vm,
    shared: Arc<Shared>,
    spec: VcpuSpec,
    power_on: PowerOn,
    engines: &Engines,
) -> Tally {
    let (index, vcpu) = (spec.index, vm.vcpu(spec.index).expect("the board has made it"));
    let mut engine = None;
    while control.wait_run(index) {
        // As a VMM's thread is in KVM_RUN: also while the PE sleeps, or is off. The lock is given back at the end of the turn.
        let mut running = match vm.run(vcpu) {
            Ok(running) => running,
            Err(refusal) => {
                control.end(Ending::Internal(format!("CPU {index} cannot run: {refusal}")));
                control.stops_running(index);
                break;
            }
        };
        let interface = running.interface().take().expect("the board has a VGIC");
        let state = control.take_state(index);
        match &mut engine {
            None => {
                let spec = VcpuSpec { index, ..spec };
                let mut cpu = Vcpu::with_interface(spec, shared.clone(), interface);
                // From elsewhere; one that ran here has kept it.
                if let Some(state) = state {
                    cpu.restore(&state);
                    cpu.unpark();
                }
                let it = engine.insert(engines.engine(cpu));
                it.cpu().conduit = power_on.conduit;
            }
            Some(engine) => {
                engine.cpu().gic.insert(interface);
                engine.cpu().unpark();
            }
        }
        let engine = engine.as_mut().expect("just made");
        turn(control, engine, power_on);
        engine.cpu().park();
        control.put_state(index, engine.cpu().state());
        *running.interface() = Some(engine.cpu().gic.remove());
        drop(running);
        control.stops_running(index);
    }
    engine.map(|mut engine| engine.tally()).unwrap_or_default()
}

/// Runs the PE whenever it is on, until the machine pauses or is torn down. A PE that was on goes on.
fn turn(control: &Control, engine: &mut Engine, power_on: PowerOn) {
    let index = engine.cpu().index;
    loop {
        if !control.is_on(index) {
            engine.cpu().park();
            let Some(start) = control.wait_start(index) else { return };
            enter(engine.cpu(), start, power_on);
        }
        let off = loop {
            if control.is_paused() {
                break false;
            }
            if step(control, engine).is_none() {
                break true;
            }
        };
        if !off {
            return;
        }
        engine.cpu().park();
        control.went_off(index);
    }
}

/// Reset state of a PE that is switched on (DEN 0022, "CPU_ON"; Documentation/arch/arm64/booting).
fn enter(cpu: &mut Vcpu, start: Start, power_on: PowerOn) {
    cpu.unpark();
    cpu.reset();
    // What firmware does before it lets others use the PE's interrupts; kernels do it too, other guests count on it.
    if power_on.conduit != Conduit::None {
        let redistributor = gic::Frame::Redistributor(cpu.index);
        for register in [GICR_PWRR, GICR_WAKER] {
            cpu.shared.gic.raw_write(redistributor, register, 0);
        }
    }
    if power_on.at_el1 {
        cpu.leave_to_el1();
    }
    cpu.regs.pc = start.entry;
    cpu.regs.x[0] = start.argument;
}

/// Runs until the engine leaves; `None` when the PE is off.
fn step(control: &Control, engine: &mut Engine) -> Option<()> {
    let exit = engine.run();
    if let Some(report) = engine.difference() {
        control.end(Ending::Miscompiled(report));
        return None;
    }
    let cpu = engine.cpu();
    match exit {
        Exit::Wfi => sleep(control, cpu),
        Exit::Wfe => {
            // An event may come from any store to a monitored address, which nobody watches: poll.
            cpu.complete_writes();
            std::thread::yield_now();
            Some(())
        }
        Exit::Firmware => {
            let x = [cpu.regs.x[0], cpu.regs.x[1], cpu.regs.x[2], cpu.regs.x[3]];
            match psci::call(control, x) {
                Next::Return(value) => cpu.regs.x[0] = value,
                Next::Off => return None,
                Next::Standby => {
                    cpu.regs.x[0] = 0;
                    return sleep(control, cpu);
                }
            }
            Some(())
        }
        Exit::Control => (!control.ending()).then_some(()),
        Exit::Outside => unreachable!("nobody outside answers this board's PEs"),
        Exit::Lockup => {
            control.end(Ending::Lockup(format!("  CPU {}: {}", cpu.index, cpu.describe_exception())));
            None
        }
    }
}

/// WFI: sleeps until something is posted or the next timer deadline.
fn sleep(control: &Control, cpu: &mut Vcpu) -> Option<()> {
    let deadline_ns = cpu.next_deadline_ns();
    let why = match deadline_ns {
        Some(_) => String::new(),
        None => cpu.explain_sleep(),
    };
    control.asleep(cpu.index, Sleeper { deadline_ns, why });
    cpu.park();
    cpu.attention.sleep(deadline_ns.map(|ns| cpu.shared.clock.instant_at(ns)));
    cpu.unpark();
    control.awake(cpu.index);
    cpu.update_timers();
    Some(())
}
