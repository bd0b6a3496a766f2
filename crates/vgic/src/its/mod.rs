//! An ITS as KVM makes it (docits): where it is, its registers, and its tables.

mod attributes;
pub(crate) mod registers;
mod restore;
mod save;
mod table;

pub(crate) use attributes::{get, has, set};
pub(crate) use save::destinations;

use crate::config::{BASER_RESET, Config};
use crate::flags::Address;
use crate::locks::Guard;
use crate::registers::redist::share_propbaser;
use crate::vm::Vm;
use gic::{Gic, ItsSpec};
use registers::Register;
use std::sync::Arc;

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
    /// GITS_CBASER as the ITS that translates has it, without the reserved bits of what was written.
    cbaser_effect: u64,
    /// Until initialisation: see [`State::used`].
    used: [bool; 2],
}

/// Indexes of `used`, and of GITS_BASERn.
pub(crate) const DEVICES: usize = 0;
pub(crate) const COLLECTIONS: usize = 1;

/// Makes an ITS. The caller holds K. Neither a VGIC nor a vCPU is needed.
pub(crate) fn create(vm: &Vm, _kvm: &Guard<()>) -> Arc<Its> {
    let mut config = vm.config.lock();
    let live = config.live().map(|live| translator(vm, &live.gic));
    config.has_its = true;
    // Of all redistributors, and whatever was there.
    config.propbaser = BASER_RESET;
    share_propbaser(&config);
    let handle = Arc::new(Its { base: Address::unset(), index: config.itss.len() });
    let state =
        State { handle: handle.clone(), abi: 0, file: Register::RESET, live, cbaser_effect: 0, used: [false; 2] };
    config.itss.push(state);
    handle
}

fn translator(vm: &Vm, gic: &Arc<Gic>) -> Arc<gic::Its> {
    gic::Its::new(gic.clone(), ItsSpec { on_error: vm.spec.its_errors, ..ItsSpec::default() })
}

/// The VGIC is initialised: every ITS begins to translate with the registers it was given.
pub(crate) fn go_live(vm: &Vm, config: &mut Config, gic: &Arc<Gic>) {
    share_propbaser(config);
    for its in &mut config.itss {
        its.live = Some(translator(vm, gic));
        for register in Register::IN_ORDER {
            its.put(register, its.file[register as usize]);
        }
        its.set_used(its.used);
    }
}

impl State {
    /// Of its frames, once set.
    pub fn base(&self) -> Option<u64> {
        let base = &self.handle.base;
        base.is_set().then(|| base.get())
    }

    /// Of the device and the collection table: was anything mapped or restored since its address last changed? If not, what
    /// is in guest memory there means nothing.
    pub fn used(&self) -> [bool; 2] {
        self.live.as_ref().map_or(self.used, |live| live.tables_used())
    }

    fn set_used(&mut self, used: [bool; 2]) {
        self.used = used;
        if let Some(live) = &self.live {
            live.set_tables_used(used);
        }
    }

    /// The ITS that translates.
    pub fn live(&self) -> Option<&Arc<gic::Its>> {
        self.live.as_ref()
    }
}
