//! What statements do to a VM: calls of a VMM, and what the guest and its wires do.

use super::Problem;
use super::memory::{Caller, Pointer, Ram};
use super::options::VmOptions;
use super::statement::{Access, GuestFrame, Held, Op, Statement, Verb};
use super::vcpus::{InFlight, Keeper};
use super::words::At;
use crate::regions::STRIDE;
use crate::{Device, DeviceAttr, Line, LockProtocol, Refusal, Vcpu, Vm, VmSpec};
use hw::{AccessSize, GuestMemory, MmioDevice, PhysAddr};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a statement ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Got {
    Done,
    Value(u64),
    Refused(Refusal),
    Waits,
}

type Called = Result<Option<u64>, Refusal>;

impl From<Called> for Got {
    fn from(called: Called) -> Got {
        match called {
            Ok(None) => Got::Done,
            Ok(Some(value)) => Got::Value(value),
            Err(refusal) => Got::Refused(refusal),
        }
    }
}

/// A VM, and what a script has made of it.
pub(super) struct Machine {
    pub vm: Arc<Vm>,
    ram: Arc<dyn GuestMemory>,
    devices: BTreeMap<String, Device>,
    /// vCPUs whose lock a thread holds, by id.
    pub held: BTreeMap<u32, Keeper>,
    /// The call that waits.
    waiting: Option<InFlight<Called>>,
    /// It was there before the script, and its vCPUs run.
    pub runs: bool,
}

/// Told how each call of a statement ended, and of a sweep where; says whether to go on.
pub(super) type Report<'a> = &'a mut dyn FnMut(Option<u64>, Got) -> bool;

impl Machine {
    pub fn new(options: &VmOptions) -> Machine {
        let memory = &options.memory;
        let ram = Arc::new(Ram::new(memory.start, (memory.end - memory.start) as usize));
        let spec = VmSpec {
            kernel: options.kernel,
            host: options.host,
            protocol: options.protocol,
            ..VmSpec::new(ram.clone())
        };
        Machine::with(Vm::new(spec), ram, BTreeMap::new(), false)
    }

    /// One that runs already.
    pub fn running(vm: Arc<Vm>, devices: BTreeMap<String, Device>) -> Machine {
        let ram = vm.spec.memory.clone();
        Machine::with(vm, ram, devices, true)
    }

    fn with(vm: Arc<Vm>, ram: Arc<dyn GuestMemory>, devices: BTreeMap<String, Device>, runs: bool) -> Machine {
        Machine { vm, ram, devices, held: BTreeMap::new(), waiting: None, runs }
    }

    pub fn perform(&mut self, statement: &Statement, report: Report) -> Result<(), Problem> {
        let at = statement.at;
        let got = match &statement.verb {
            Verb::Vm(_) => unreachable!("made where the machine is"),
            Verb::Protocol(protocol) => {
                self.vm.set_protocol(*protocol);
                Got::Done
            }
            Verb::Vcpu { first, count, initialise, el2 } => self.create_vcpus(*first, *count, *initialise, *el2).into(),
            Verb::Init { id, el2 } => {
                let vcpu = self.vcpu(*id, at)?;
                self.unless_held(*id, |it| it.vm.initialise_vcpu(&vcpu, *el2).map(|()| None))
            }
            Verb::Device { kind, flags, name } => {
                let made = self.vm.create_device(*kind, *flags);
                if let Ok(Some(device)) = &made {
                    self.devices.insert(name.clone(), device.clone());
                }
                made.map(|_| None).into()
            }
            Verb::Attribute { device, access, pointer } => {
                let (device, access, pointer) = (self.device(device, at)?, *access, *pointer);
                self.call(move || attribute(&device, access, pointer))
            }
            Verb::Sweep { device, access, first, last, step } => {
                let device = self.device(device, at)?;
                for offset in (*first..=*last).step_by(*step as usize) {
                    let access = Access { attr: access.attr.wrapping_add(offset), ..*access };
                    if !report(Some(offset), attribute(&device, access, Pointer::To(0)).into()) {
                        break;
                    }
                }
                return Ok(());
            }
            Verb::Ioctl { device, request, pointer } => ioctl(&self.device(device, at)?, *request, *pointer).into(),
            Verb::Hold(id) => self.keep(*id, Held::Ioctl, at)?,
            Verb::Running(id) => self.keep(*id, Held::Run, at)?,
            Verb::LetGo(id, how) => self.let_go(*id, *how, at)?,
            Verb::Run(id) => {
                let vcpu = self.vcpu(*id, at)?;
                self.unless_held(*id, |it| it.vm.run(&vcpu).map(|_| None))
            }
            Verb::Finish => self.finish(at)?,
            Verb::Guest { frame, offset, size, write } => self.guest(*frame, *offset, *size, *write, at)?,
            Verb::Line { vcpu, intid, high } => {
                let line = match vcpu {
                    Some(id) => Line::Ppi(self.vcpu(*id, at)?.index(), *intid),
                    None => Line::Spi(*intid),
                };
                self.vm.irq_line(line, *high).map(|()| None).into()
            }
            Verb::RamRead { at: address, size } => Got::Value(self.ram_read(*address, *size, at)?),
            Verb::RamWrite { at: address, size, values } => {
                self.ram_write(*address, *size, values, at)?;
                Got::Done
            }
        };
        report(None, got);
        Ok(())
    }

    // vCPUs.

    fn vcpu(&self, id: u32, at: At) -> Result<Arc<Vcpu>, Problem> {
        let all = (0..).map_while(|index| self.vm.vcpu(index));
        let found = { all }.find(|vcpu| vcpu.id() == id).cloned();
        found.ok_or_else(|| at.problem(format!("expected the id of a vCPU that was created, found {id}")))
    }

    fn create_vcpus(&mut self, first: u32, count: u32, initialise: bool, el2: bool) -> Called {
        for id in (0..count).map(|n| first.wrapping_add(n)) {
            let vcpu = self.vm.create_vcpu(id)?;
            if initialise {
                self.vm.initialise_vcpu(&vcpu, el2)?;
            }
        }
        Ok(None)
    }

    /// An ioctl of a vCPU, which would wait for ever if a thread of the script is inside another.
    fn unless_held(&mut self, id: u32, call: impl FnOnce(&Machine) -> Called) -> Got {
        if self.held.contains_key(&id) { Got::Waits } else { call(self).into() }
    }

    fn keep(&mut self, id: u32, how: Held, at: At) -> Result<Got, Problem> {
        let vcpu = self.vcpu(id, at)?;
        if self.held.contains_key(&id) {
            return Ok(Got::Waits);
        }
        Ok(match Keeper::begin(&self.vm, &vcpu, how, at.line) {
            Ok(keeper) => {
                self.held.insert(id, keeper);
                Got::Done
            }
            Err(refusal) => Got::Refused(refusal),
        })
    }

    fn let_go(&mut self, id: u32, how: Held, at: At) -> Result<Got, Problem> {
        match self.held.get(&id).is_some_and(|keeper| keeper.how == how) {
            true => {
                self.held.remove(&id);
                Ok(Got::Done)
            }
            false => {
                let verb = if how == Held::Run { "running" } else { "hold" };
                Err(at.problem(format!("expected `{verb} {id}` before")))
            }
        }
    }

    // Devices.

    fn device(&self, name: &str, at: At) -> Result<Device, Problem> {
        let found = self.devices.get(name).cloned();
        found.ok_or_else(|| at.problem(format!("expected a device that was created, found `{name}`")))
    }

    /// A call that may wait for vCPUs.
    fn call(&mut self, call: impl FnOnce() -> Called + Send + 'static) -> Got {
        if self.vm.protocol() != LockProtocol::Blocking || self.held.is_empty() {
            return call().into();
        }
        self.until_it_waits(InFlight::begin(call))
    }

    fn until_it_waits(&mut self, call: InFlight<Called>) -> Got {
        match call.end_or_wait(&self.vm) {
            Ok(result) => result.into(),
            Err(waits) => {
                self.waiting = Some(waits);
                Got::Waits
            }
        }
    }

    fn finish(&mut self, at: At) -> Result<Got, Problem> {
        let call = self.waiting.take().ok_or_else(|| at.problem("expected a call that waits before `finish`"))?;
        Ok(self.until_it_waits(call))
    }

    // The guest's side.

    fn guest(
        &self,
        frame: GuestFrame,
        offset: u64,
        size: AccessSize,
        write: Option<u64>,
        at: At,
    ) -> Result<Got, Problem> {
        let (device, base): (Option<Arc<dyn MmioDevice>>, u64) = match frame {
            GuestFrame::Distributor => (self.vm.distributor(), 0),
            GuestFrame::Redistributor(id) => (self.vm.redistributors(), self.vcpu(id, at)?.index() as u64 * STRIDE),
        };
        let device = device.ok_or_else(|| at.problem("expected an initialised VGIC: guests see its frames then"))?;
        let limit = if frame == GuestFrame::Distributor { STRIDE / 2 } else { STRIDE };
        if offset > limit - size.bytes() {
            return Err(at.problem(format!("expected an offset within the frame, found {offset:#x}")));
        }
        Ok(match write {
            Some(value) => {
                device.write(base + offset, size, value);
                Got::Done
            }
            None => Got::Value(device.read(base + offset, size)),
        })
    }

    fn ram_read(&self, address: u64, size: usize, at: At) -> Result<u64, Problem> {
        let mut bytes = [0; 8];
        self.ram.read(PhysAddr(address), &mut bytes[..size]).map_err(|error| at.problem(error.to_string()))?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn ram_write(&self, address: u64, size: usize, values: &[u64], at: At) -> Result<(), Problem> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect();
        self.ram.write(PhysAddr(address), &bytes).map_err(|error| at.problem(error.to_string()))
    }
}

/// One call on an attribute, in the caller's memory.
fn attribute(device: &Device, access: Access, pointer: Pointer) -> Called {
    let (memory, addr) = Caller::with(pointer);
    let attr = DeviceAttr { flags: access.flags, group: access.group, attr: access.attr, addr };
    match access.op {
        Op::Set => device.set_attr(&attr, &memory).map(|()| None),
        Op::Has => device.has_attr(&attr).map(|()| None),
        Op::Get => device.get_attr(&attr, &memory).map(|()| Some(memory.value())),
        Op::Rewrite => {
            device.get_attr(&attr, &memory)?;
            device.set_attr(&attr, &memory).map(|()| None)
        }
    }
}

/// An ioctl with a structure of zeros: group ADDR, attribute 0, a pointer to nothing.
fn ioctl(device: &Device, request: u32, pointer: Pointer) -> Called {
    let at = if pointer == Pointer::Bad { Caller::NOWHERE } else { Caller::BASE };
    device.ioctl(request, at, &Caller::new(vec![0; 24])).map(|()| None)
}
