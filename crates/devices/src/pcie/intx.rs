//! The four INTx lines of a bus, which functions share: a line is high while any of them asserts it.

use hw::{IrqLine, Wire};
use std::sync::{Arc, Mutex, PoisonError};

/// INTA to INTD as they arrive at the host bridge.
pub struct IntxLines([Arc<Shared>; 4]);

struct Shared {
    /// One bit for each device that asserts it.
    asserted: Mutex<u32>,
    irq: IrqLine,
}

/// What one device does to its line.
struct Pin {
    line: Arc<Shared>,
    bit: u32,
}

impl IntxLines {
    /// Drives `lines`.
    pub fn new(lines: [IrqLine; 4]) -> IntxLines {
        IntxLines(lines.map(|irq| Arc::new(Shared { asserted: Mutex::default(), irq })))
    }

    /// Which line pin INTA of the device number `device` is wired to.
    pub fn swizzle(device: u8) -> usize {
        usize::from(device) % 4
    }

    /// Pin INTA of a device.
    pub fn pin(&self, device: u8) -> IrqLine {
        let line = self.0[IntxLines::swizzle(device)].clone();
        IrqLine::new(Arc::new(Pin { line, bit: 1 << (device % 32) }))
    }
}

impl Wire for Pin {
    fn set(&self, high: bool) {
        let mut asserted = self.line.asserted.lock().unwrap_or_else(PoisonError::into_inner);
        *asserted = *asserted & !self.bit | if high { self.bit } else { 0 };
        // With the lock held, so that the last change is the last level.
        self.line.irq.set(*asserted != 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Level(Mutex<bool>);

    impl Wire for Level {
        fn set(&self, high: bool) {
            *self.0.lock().unwrap() = high;
        }
    }

    #[test]
    fn a_line_is_high_while_anyone_asserts_it() {
        let levels: [Arc<Level>; 4] = Default::default();
        let lines = IntxLines::new(levels.clone().map(|level| IrqLine::new(level)));
        let (one, five, two) = (lines.pin(1), lines.pin(5), lines.pin(2));
        let check = |want: [u8; 4]| assert_eq!(levels.clone().map(|it| u8::from(*it.0.lock().unwrap())), want);
        one.set(true);
        five.set(true);
        check([0, 1, 0, 0]);
        one.set(false);
        two.set(true);
        check([0, 1, 1, 0]);
        five.set(false);
        check([0, 0, 1, 0]);
    }
}
