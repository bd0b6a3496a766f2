//! Where a PE has its CPU interface. Who configures the GIC takes it out while the PE does not run.

use super::CpuInterface;
use std::ops::{Deref, DerefMut};

/// A place for the CPU interface of one PE. Using it while it is empty is a fault of the machine, and panics.
pub struct Plug(Option<CpuInterface>);

impl Plug {
    /// With the interface in it.
    pub fn new(interface: CpuInterface) -> Plug {
        Plug(Some(interface))
    }

    /// Puts the interface in.
    ///
    /// # Panics
    /// If there is one.
    pub fn insert(&mut self, interface: CpuInterface) {
        let before = self.0.replace(interface);
        assert!(before.is_none(), "a PE has one CPU interface");
    }

    /// Takes the interface out.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove(&mut self) -> CpuInterface {
        self.0.take().expect("a PE that stops has its CPU interface")
    }
}

impl Deref for Plug {
    type Target = CpuInterface;
    #[inline(always)]
    fn deref(&self) -> &CpuInterface {
        self.0.as_ref().expect("a PE that runs has its CPU interface")
    }
}

impl DerefMut for Plug {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut CpuInterface {
        self.0.as_mut().expect("a PE that runs has its CPU interface")
    }
}
