//! What a driver sees, as lines of data.

use super::regs::Regs;
use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

/// Runs steps from power-on: `w OFFSET VALUE`, `r OFFSET VALUE` (expected), `in TEXT TAKEN`, `out TEXT`
/// (sent since the last `out`), `i 0|1` (the line). Numbers are hex.
#[track_caller]
fn check(script: &str) {
    let mut regs = Regs::power_on();
    let mut sent = String::new();
    for step in script.split(';') {
        let words: Vec<_> = step.split_whitespace().collect();
        let n = |i: usize| u32::from_str_radix(words[i], 16).unwrap();
        match words[0] {
            "w" => sent.extend(regs.write(n(1).into(), n(2)).map(char::from)),
            "r" => assert_eq!(regs.read(n(1).into()), n(2), "{step}"),
            "in" => assert_eq!(regs.receive(words[1].as_bytes()) as u32, n(2), "{step}"),
            "out" => assert_eq!(std::mem::take(&mut sent), words[1], "{step}"),
            "i" => assert_eq!(u32::from(regs.interrupt()), n(1), "{step}"),
            other => panic!("unknown step {other}"),
        }
    }
}

#[rustfmt::skip]
mod lines {
    use super::check;
    // Power-on.
    #[test] fn power_on_values()         { check("r 18 90; r 30 300; r 34 12; r 38 0; r 3c 0; r 2c 0; r 24 0; i 0") }
    #[test] fn identifies_itself()       { check("r fe0 11; r fe4 10; r fe8 14; r fec 0; r ff0 d; r ff4 f0; r ff8 5; r ffc b1") }
    #[test] fn reserved_reads_zero()     { check("w 8 ff; r 8 0; w 80 ff; r 80 0; r 1000 0") }
    #[test] fn keeps_implemented_bits()  { check("w 20 fff; r 20 ff; w 24 fffff; r 24 ffff; w 28 ff; r 28 3f; w 2c fff; r 2c ff; w 30 ffff7f; r 30 ff07; w 34 ff; r 34 3f; w 38 ffff; r 38 7ff; w 48 ff; r 48 7") }
    #[test] fn status_is_read_only()     { check("w 18 0; r 18 90; w 3c 7ff; r 3c 0; w 40 7ff; r 40 0") }
    // Sending.
    #[test] fn sends_at_once()           { check("w 0 41; w 0 42; out AB; r 18 90") }
    #[test] fn tx_rises_on_sending()     { check("w 38 20; i 0; w 0 41; i 1; r 40 20; w 44 20; i 0; w 0 41; i 1") }
    #[test] fn tx_waits_for_its_mask()   { check("w 0 41; r 3c 20; r 40 0; i 0; w 38 20; i 1") }
    // Receiving.
    #[test] fn one_without_fifo()        { check("in ab 1; r 18 c0; r 0 61; r 18 90; in b 1; r 0 62; r 0 0") }
    #[test] fn sixteen_with_fifo()       { check("w 2c 10; in abcdefghijklmnopq 10; r 18 c0; r 0 61; r 18 80") }
    #[test] fn order_is_kept()           { check("w 2c 10; in abc 3; r 0 61; in d 1; r 0 62; r 0 63; r 0 64; r 18 90") }
    #[test] fn rx_at_half()              { check("w 2c 10; w 38 10; in abcdefg 7; i 0; in h 1; i 1; r 0 61; i 0; in i 1; i 1") }
    #[test] fn rx_at_an_eighth()         { check("w 2c 10; w 34 0; w 38 10; in a 1; i 0; in b 1; i 1; r 0 61; i 0") }
    #[test] fn rx_at_seven_eighths()     { check("w 2c 10; w 34 20; w 38 10; in abcdefghijklm d; i 0; in n 1; i 1") }
    #[test] fn rx_without_fifo()         { check("w 38 10; in a 1; i 1; r 0 61; i 0") }
    #[test] fn timeout_below_trigger()   { check("w 2c 10; w 38 40; in a 1; i 1; r 40 40; in b 1; r 0 61; i 1; r 0 62; i 0") }
    #[test] fn timeout_clears_by_icr()   { check("w 2c 10; w 38 40; in a 1; w 44 40; i 0; in b 1; i 1") }
    #[test] fn rx_is_a_transition()      { check("w 2c 10; w 38 10; in abcdefgh 8; w 44 10; i 0; in i 1; i 0; r 0 61; r 0 62; in k 1; i 1") }
    #[test] fn fifo_switch_flushes()     { check("w 2c 10; in abc 3; w 2c 0; r 18 90; r 3c 0; w 2c 0; in a 1; w 2c 60; r 0 61") }
    // Loopback.
    #[test] fn loopback_returns()        { check("w 2c 10; w 30 381; w 0 41; r 0 41; r 18 90") }
    #[test] fn loopback_overruns()       { check("w 30 381; w 38 400; w 0 41; i 0; w 0 42; i 1; r 4 8; r 0 41; w 4 0; r 4 0; w 0 43; r 0 843; r 4 8") }
    #[test] fn loopback_break()          { check("w 30 381; w 2c 1; r 3c 250; r 0 400; r 4 4") }
    #[test] fn loopback_modem()          { check("w 30 380; r 18 90; w 30 b80; r 18 91; r 3c 2; w 30 3f80; r 18 197; r 3c f") }
    #[test] fn open_modem_pins()         { check("w 30 3f01; r 18 90; r 3c 0") }
    // The sequence Linux starts up with, then a line typed at it.
    #[test] fn as_linux_drives_it()      { check("w 2c 70; w 34 12; w 44 7ff; w 38 50; w 30 b01; in ls 2; i 1; r 40 40; r 0 6c; r 0 73; r 18 90; i 0") }
}

/// A sink and a wire that the test can look at.
#[derive(Clone, Default)]
struct Probe(Arc<(Mutex<Vec<u8>>, AtomicBool)>);

impl CharSink for Probe {
    fn write(&mut self, bytes: &[u8]) {
        self.0.0.lock().unwrap().extend(bytes);
    }
}

impl hw::Wire for Probe {
    fn set(&self, high: bool) {
        self.0.1.store(high, Ordering::SeqCst);
    }
}

fn uart() -> (Arc<Pl011>, Probe) {
    let probe = Probe::default();
    (Arc::new(Pl011::new(Box::new(probe.clone()), IrqLine::new(Arc::new(probe.clone())))), probe)
}

#[test]
fn shell_sends_and_drives_the_line_and_resets() {
    let (uart, probe) = uart();
    let line = || probe.0.1.load(Ordering::SeqCst);
    uart.write(0x38, AccessSize::Word, 0x10);
    "hello".bytes().for_each(|b| uart.write(0, AccessSize::Byte, 0xff00 | u64::from(b)));
    assert_eq!(*probe.0.0.lock().unwrap(), b"hello");
    assert_eq!((uart.receive(b"xy"), uart.room(), line()), (1, 0, true));
    assert_eq!((uart.read(0, AccessSize::Byte), line()), (u64::from(b'x'), false));
    assert_eq!(uart.receive(b"z"), 1);
    uart.reset();
    assert_eq!((uart.read(0x18, AccessSize::Word), uart.read(0x38, AccessSize::Word), line()), (0x90, 0, false));
}

#[test]
fn the_console_thread_sleeps_until_there_is_room() {
    let (uart, _) = uart();
    assert_eq!(uart.wait_room(Duration::ZERO), 1);
    assert_eq!(uart.receive(b"a"), 1);
    assert_eq!(uart.wait_room(Duration::from_millis(1)), 0);
    let console = thread::spawn({
        let uart = uart.clone();
        move || uart.wait_room(Duration::from_secs(60))
    });
    assert_eq!(uart.read(0, AccessSize::Word), u64::from(b'a'));
    assert_eq!(console.join().unwrap(), 1);
}

proptest! {
    /// FR is read without the lock, and is what it would be with it.
    #[test]
    fn the_flags_shown_are_those_of_the_registers(
        steps in prop::collection::vec((0u64..0x50, any::<u32>(), 0usize..20), 0..100),
    ) {
        let (uart, _) = uart();
        for (offset, value, input) in steps {
            let shown = || (uart.read(FR, AccessSize::Word), uart.access(|regs| regs.read(FR)).into());
            _ = uart.receive(&vec![value as u8; input]);
            let (flags, true_flags): (u64, u64) = shown();
            prop_assert_eq!(flags, true_flags);
            match value % 8 {
                0 => uart.reset(),
                1..4 => _ = uart.read(offset & !3, AccessSize::Word),
                _ => uart.write(offset & !3, AccessSize::Word, value.into()),
            }
            let (flags, true_flags) = shown();
            prop_assert_eq!(flags, true_flags);
        }
    }

    /// Any sequence of accesses: nothing panics, room and FR agree, MIS is what drives the line.
    #[test]
    fn any_access_keeps_the_flags_true(steps in prop::collection::vec((0u64..0x50, any::<u32>(), 0usize..20), 0..200)) {
        let mut regs = Regs::power_on();
        for (offset, value, input) in steps {
            let offset = offset & !3;
            let room = regs.room();
            prop_assert_eq!(regs.receive(&vec![value as u8; input]), input.min(room));
            if value & 1 == 0 { regs.read(offset); } else { let _ = regs.write(offset, value); }
            let flags = regs.read(0x18);
            prop_assert_eq!(flags & 0x40 != 0, regs.room() == 0);
            prop_assert!(flags & 0x50 != 0x50, "full and empty");
            prop_assert_eq!(regs.interrupt(), regs.read(0x40) != 0);
        }
    }
}
