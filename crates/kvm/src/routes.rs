//! Where GSIs lead: numbers that a VMM gives to pins of the VGIC and to messages (`KVM_SET_GSI_ROUTING`).

use crate::bindings::*;
use std::collections::BTreeMap;
use vgic::{Errno, Line, Msi, Vm};

/// Pins of the VGIC: its SPIs.
const PINS: u32 = 988;
const FIRST_SPI: u32 = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Route {
    Pin(u32),
    Message(Msi),
}

/// What the VMM has chosen. Initialisation of the VGIC forgets it: then GSI n is pin n.
#[derive(Default)]
pub(crate) struct Routes {
    chosen: BTreeMap<u32, Route>,
    /// After initialisation.
    counts: bool,
}

impl Routes {
    /// All routes at once, or none if one is wrong. A GSI leads to one place.
    pub fn set(&mut self, vm: &Vm, entries: &[kvm_irq_routing_entry]) -> Result<(), Errno> {
        let mut chosen = BTreeMap::new();
        for entry in entries {
            if chosen.insert(entry.gsi, route(entry).ok_or(Errno::Inval)?).is_some() {
                return Err(Errno::Inval);
            }
        }
        *self = Routes { chosen, counts: vm.is_initialised() };
        Ok(())
    }

    fn find(&self, gsi: u32) -> Option<Route> {
        match self.counts {
            true => self.chosen.get(&gsi).copied(),
            false => (gsi < PINS).then_some(Route::Pin(gsi)),
        }
    }

    /// An eventfd of this GSI was signalled: a pulse of its pin, or its message. What leads nowhere is dropped.
    pub fn signal(&self, vm: &Vm, gsi: u32) {
        match self.find(gsi) {
            Some(Route::Pin(pin)) => [true, false].into_iter().for_each(|high| {
                _ = vm.irq_line(Line::Spi(FIRST_SPI + pin), high);
            }),
            Some(Route::Message(msi)) => _ = vm.signal_msi(msi),
            None => {}
        }
    }
}

fn route(entry: &kvm_irq_routing_entry) -> Option<Route> {
    let flags = |allowed: u32| entry.flags & !allowed == 0;
    match entry.type_ {
        KVM_IRQ_ROUTING_IRQCHIP if flags(0) => {
            let kvm_irq_routing_irqchip { irqchip, pin } = entry.pin();
            (irqchip == 0 && pin < PINS).then_some(Route::Pin(pin))
        }
        KVM_IRQ_ROUTING_MSI if flags(KVM_MSI_VALID_DEVID) => {
            let (address, data, device) = entry.message();
            Some(Route::Message(Msi { address, data, flags: entry.flags, device }))
        }
        _ => None,
    }
}
