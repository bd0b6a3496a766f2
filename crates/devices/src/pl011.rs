//! PrimeCell UART PL011 (ARM DDI 0183).
//!
//! Output leaves at once through a `CharSink`, input comes by `receive` from the console's thread. The two
//! locks are never held together: a terminal that does not take output stops the vCPU that writes, not the
//! thread that reads the keyboard.

mod regs;
#[cfg(test)]
mod tests;

use hw::{AccessSize, IrqLine, MmioDevice};
use regs::{FR, Regs};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the UART's output goes.
pub trait CharSink: Send {
    /// Takes all of `bytes`. May block, which stops the vCPU that sends. Errors are the sink's own affair.
    fn write(&mut self, bytes: &[u8]);
}

/// Registers and FIFO.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Pl011State(Regs);

/// The UART.
pub struct Pl011 {
    regs: Mutex<Regs>,
    /// FR as `regs` has it, for reading without the lock: drivers poll it. Written under the lock. Relaxed: whoever
    /// acts on it takes the lock, and finds at least what it told.
    flags: AtomicU32,
    drained: Condvar, // the guest made room in a full FIFO
    sink: Mutex<Box<dyn CharSink>>,
    irq: IrqLine,
}

impl Pl011 {
    /// A UART in its power-on state that sends to `sink` and drives `irq`.
    pub fn new(sink: Box<dyn CharSink>, irq: IrqLine) -> Pl011 {
        let regs = Regs::power_on();
        let flags = AtomicU32::new(regs.flags());
        Pl011 { regs: Mutex::new(regs), flags, drained: Condvar::new(), sink: Mutex::new(sink), irq }
    }

    /// What it is now, without what is on its way to the sink: nothing is.
    pub fn state(&self) -> Pl011State {
        Pl011State(self.lock().clone())
    }

    /// Goes on as it was elsewhere, and drives its line as it was.
    pub fn restore(&self, state: &Pl011State) {
        let mut regs = self.lock();
        *regs = state.0.clone().restored();
        self.show(&regs);
    }

    /// Input from the line: accepts as many of `bytes` as fit and says how many. Callable from any thread.
    #[must_use]
    pub fn receive(&self, bytes: &[u8]) -> usize {
        let mut regs = self.lock();
        let taken = regs.receive(bytes);
        self.show(&regs);
        taken
    }

    /// Has the guest asked for an interrupt on input? Then typing can wake it.
    pub fn interrupts_on_input(&self) -> bool {
        self.lock().interrupts_on_input()
    }

    /// How many characters `receive` would accept now.
    pub fn room(&self) -> usize {
        self.lock().room()
    }

    /// Sleeps until there is room, or `timeout` has passed; the room there is then.
    pub fn wait_room(&self, timeout: Duration) -> usize {
        let full = |regs: &mut Regs| regs.room() == 0;
        let waited = self.drained.wait_timeout_while(self.lock(), timeout, full);
        waited.unwrap_or_else(PoisonError::into_inner).0.room()
    }

    fn lock(&self) -> MutexGuard<'_, Regs> {
        self.regs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the line and the flags to what the registers say. Under the lock, so that the last level set is the level
    /// of the last access.
    fn show(&self, regs: &Regs) {
        self.flags.store(regs.flags(), Ordering::Relaxed);
        self.irq.set(regs.interrupt());
    }

    /// Runs `access` on the registers, then shows what came of it, and wakes the console if there is new room.
    fn access<T>(&self, access: impl FnOnce(&mut Regs) -> T) -> T {
        let mut regs = self.lock();
        let was_full = regs.room() == 0;
        let result = access(&mut regs);
        self.show(&regs);
        if was_full && regs.room() > 0 {
            self.drained.notify_all();
        }
        result
    }
}

impl MmioDevice for Pl011 {
    fn name(&self) -> &str {
        "pl011"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let value = match offset {
            FR => self.flags.load(Ordering::Relaxed),
            _ => self.access(|regs| regs.read(offset)),
        };
        size.truncate(value.into())
    }

    fn write(&self, offset: u64, _: AccessSize, value: u64) {
        if let Some(byte) = self.access(|regs| regs.write(offset, value as u32)) {
            self.sink.lock().unwrap_or_else(PoisonError::into_inner).write(&[byte]);
        }
    }

    fn reset(&self) {
        self.access(|regs| *regs = Regs::power_on());
    }
}
