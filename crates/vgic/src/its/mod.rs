//! An ITS as KVM makes it (docits): where it is, its registers, and its tables.

mod attributes;
pub(crate) mod registers;
mod restore;
mod save;
mod table;

pub(crate) use attributes::{get, has, set};

use crate::config::{BASER_RESET, Config};
use crate::flags::Address;
use crate::locks::Guard;
use crate::vm::Vm;
use gic::{Frame, Gic, ItsSpec};
use registers::Register;
use std::sync::Arc;

/// GICR_PROPBASER.
const PROPBASER: u32 = 0x70;

/// The handle of an ITS.
pub(crate) struct Its {
    /// S protects writes.
    pub base: Address,
    /// Among those of the VM.
    pub index: usize,
}

/// What C protects of an ITS.
pub(crate) struct State {
    handle: Arc<Its>,
    /// What GITS_IIDR has in [15:12].
    pub abi: u8,
    /// Registers until the VGIC is initialised, by [`Register`].
    file: [u64; Register::COUNT],
    /// The ITS that translates, from then on.
    live: Option<Arc<gic::Its>>,
    /// No device, and no collection, has been mapped or restored since the address of its table last changed: what is in
    /// guest memory there means nothing.
    pub fresh: [bool; 2],
}

/// Indexes of `fresh`, and of GITS_BASERn.
pub(crate) const DEVICES: usize = 0;
pub(crate) const COLLECTIONS: usize = 1;

/// Makes an ITS. The caller holds K. Neither a VGIC nor a vCPU is needed.
pub(crate) fn create(vm: &Vm, _kvm: &Guard<()>) -> Arc<Its> {
    let mut config = vm.config.lock();
    let live = config.live().map(|live| translator(vm, &live.gic));
    config.has_its = true;
    // Of all redistributors, and whatever was there.
    config.propbaser = BASER_RESET;
    if let Some(live) = config.live() {
        reset_propbaser(&live.gic, vm.vcpus.online());
    }
    let handle = Arc::new(Its { base: Address::unset(), index: config.itss.len() });
    config.itss.push(State { handle: handle.clone(), abi: 0, file: Register::RESET, live, fresh: [true; 2] });
    handle
}

fn translator(vm: &Vm, gic: &Arc<Gic>) -> Arc<gic::Its> {
    gic::Its::new(gic.clone(), ItsSpec { on_error: vm.spec.its_errors, ..ItsSpec::default() })
}

fn reset_propbaser(gic: &Gic, pes: usize) {
    (0..pes).for_each(|pe| _ = gic.raw_write(Frame::Redistributor(pe), PROPBASER, BASER_RESET as u32));
}

/// The VGIC is initialised: every ITS begins to translate with the registers it was given.
pub(crate) fn go_live(vm: &Vm, config: &mut Config, gic: &Arc<Gic>) {
    let pes = vm.vcpus.online();
    if config.has_its {
        reset_propbaser(gic, pes);
    }
    for its in &mut config.itss {
        let live = translator(vm, gic);
        for register in Register::IN_ORDER {
            live.raw_write(register.offset(), its.file[register as usize]);
        }
        its.live = Some(live);
    }
}

impl State {
    /// Of its frames, once set.
    pub fn base(&self) -> Option<u64> {
        let base = &self.handle.base;
        base.is_set().then(|| base.get())
    }

    /// The ITS that translates.
    pub fn live(&self) -> Option<&Arc<gic::Its>> {
        self.live.as_ref()
    }
}
