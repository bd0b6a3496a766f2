//! The local exclusive monitor (ARM DDI 0487, "Synchronization and semaphores").

/// What a load-exclusive marked. An exclusive store succeeds if memory still holds the value that was loaded, which
/// differs from hardware only if the value went and came back. Plain words: compiled code works on them too.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Monitor {
    /// Host address of the RAM.
    pub at: usize,
    /// Bytes; 0 while nothing is marked.
    pub bytes: u64,
    /// The value.
    pub low: u64,
    /// Its upper half, of 16 bytes.
    pub high: u64,
}

/// While nothing is marked the rest does not matter.
impl PartialEq for Monitor {
    fn eq(&self, o: &Monitor) -> bool {
        let all = |m: &Monitor| (m.at, m.low, m.high);
        self.bytes == o.bytes && (self.bytes == 0 || all(self) == all(o))
    }
}

impl Monitor {
    /// The value as one number.
    pub(crate) fn value(&self) -> u128 {
        u128::from(self.low) | u128::from(self.high) << 64
    }
}
