//! The host bridge: configuration space by ECAM, and the window through which PEs reach what BARs claim.
//!
//! The bridge is no function itself, and forwards addresses as they are. What nothing claims reads as ones, as a master
//! abort does, and ignores writes.

use crate::virtio::VirtioPci;
use hw::{AccessSize, MmioDevice};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

/// log2 of the configuration space of one function, and of one device's eight.
const FUNCTION: u32 = 12;
const DEVICE: u32 = 15;

/// A BAR, and whose.
struct Claim {
    addresses: Range<u64>,
    function: Arc<VirtioPci>,
    bar: usize,
}

/// The bridge of one bus.
pub struct HostBridge {
    /// By device number on bus 0; each is function 0.
    functions: Vec<(u8, Arc<VirtioPci>)>,
    /// First address of the window.
    window: u64,
    /// What BARs claim, to be found without asking each function. Changes with configuration space.
    claims: RwLock<Vec<Claim>>,
}

impl HostBridge {
    /// A bridge to `functions`, by device number, whose window begins at bus address `window`.
    pub fn new(window: u64, functions: Vec<(u8, Arc<VirtioPci>)>) -> Arc<HostBridge> {
        assert!(functions.iter().all(|(device, _)| *device < 32), "a bus has 32 devices");
        Arc::new(HostBridge { functions, window, claims: RwLock::default() })
    }

    /// Its configuration space, to be mapped where the board has it.
    pub fn ecam(self: &Arc<Self>) -> Arc<dyn MmioDevice> {
        Arc::new(Ecam(self.clone()))
    }

    /// Its window.
    pub fn memory(self: &Arc<Self>) -> Arc<dyn MmioDevice> {
        Arc::new(Window(self.clone()))
    }

    /// The functions.
    pub fn functions(&self) -> impl Iterator<Item = &Arc<VirtioPci>> {
        self.functions.iter().map(|(_, function)| function)
    }

    /// Looks at BARs anew: configuration has changed.
    pub fn find_claims(&self) {
        let mut claims = self.claims.write().unwrap_or_else(PoisonError::into_inner);
        let of = |function: &Arc<VirtioPci>| {
            let claim = |(bar, addresses)| Claim { addresses, function: function.clone(), bar };
            function.claims().into_iter().map(claim).collect::<Vec<_>>()
        };
        *claims = self.functions().flat_map(of).collect();
    }

    /// The function at an offset in ECAM, and the offset in its configuration space.
    fn function(&self, offset: u64) -> Option<(&VirtioPci, u64)> {
        let within = offset & ((1 << FUNCTION) - 1);
        let place = offset >> FUNCTION; // bus, device, function
        let of = |(device, _): &&(u8, _)| u64::from(*device) << (DEVICE - FUNCTION) == place;
        self.functions.iter().find(of).map(|(_, function)| (&**function, within))
    }

    /// Who claims an offset in the window: function, BAR, and the offset in that.
    fn claimant(&self, offset: u64) -> Option<(Arc<VirtioPci>, usize, u64)> {
        let at = self.window + offset;
        let claims = self.claims.read().unwrap_or_else(PoisonError::into_inner);
        let claim = claims.iter().find(|claim| claim.addresses.contains(&at))?;
        Some((claim.function.clone(), claim.bar, at - claim.addresses.start))
    }
}

struct Ecam(Arc<HostBridge>);

impl MmioDevice for Ecam {
    fn name(&self) -> &str {
        "pcie-ecam"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let value = self.0.function(offset).map(|(function, at)| function.read_config(at, size));
        value.unwrap_or(size.truncate(u64::MAX))
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        if let Some((function, at)) = self.0.function(offset) {
            function.write_config(at, size, value);
            self.0.find_claims();
        }
    }

    fn reset(&self) {
        self.0.functions().for_each(|function| function.reset());
        self.0.find_claims();
    }
}

struct Window(Arc<HostBridge>);

impl MmioDevice for Window {
    fn name(&self) -> &str {
        "pcie-mmio"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let value = self.0.claimant(offset).map(|(function, bar, at)| function.read_bar(bar, at, size));
        value.unwrap_or(size.truncate(u64::MAX))
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        if let Some((function, bar, at)) = self.0.claimant(offset) {
            function.write_bar(bar, at, size, value);
        }
    }

    /// With the functions, by ECAM.
    fn reset(&self) {}
}
