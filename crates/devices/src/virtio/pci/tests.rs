//! A function behind its bridge, driven as drivers do it, and as none should.

mod fuzz;
mod rig;

use super::*;
use AccessSize::*;
use rig::{DATA, MSIX_AT, Rig, STRUCTURES_AT, TARGET};

#[test]
fn a_scan_finds_the_device_and_nothing_else() {
    let rig = Rig::new(2);
    for device in 0..32 {
        let want = if device == rig::DEVICE_NUMBER { 0x1044_1af4 } else { 0xffff_ffff };
        assert_eq!(rig.ecam.read(u64::from(device) << 15, Word), want, "device {device}");
    }
    for (offset, want) in [(0x8000 + 0x1000, 0xffff_ffff), (0x10_8000, 0xffff_ffff), (0x8100, 0)] {
        assert_eq!(rig.ecam.read(offset, Word), want, "{offset:#x}");
    }
    assert_eq!(rig.window.read(0, Word), 0xffff_ffff, "no BAR is there yet");
}

#[test]
fn capabilities_lead_to_the_structures() {
    let rig = Rig::new(2);
    // Of a structure: kind, offset in BAR 0, length.
    let want = [(1, 0, 0x38), (2, 0x3000, 4), (3, 0x1000, 1), (5, 0, 0)];
    assert_eq!(rig.structures(), want);
    assert_eq!(rig.config(0x40, Word) & 0x7ff_00ff, 0x1_0011, "MSI-X with two vectors");
    assert_eq!((rig.config(0x44, Word), rig.config(0x48, Word)), (1, 0x801));
    let rig = Rig::new(0);
    assert_eq!(rig.structures(), want);
    assert_ne!(rig.config(0x40, Byte), 0x11);
    rig.put_config(0x14, Word, 0xffff_ffff);
    assert_eq!(rig.config(0x14, Word), 0, "no BAR for MSI-X");
}

#[test]
fn a_driver_gets_random_bytes_and_a_message() {
    let rig = Rig::started(2);
    assert_eq!(rig.request(64), 64);
    assert_ne!(rig.bytes(DATA, 64), [0; 64]);
    assert_eq!(rig.messages(), [(8, TARGET, 7)]);
    assert_eq!(rig.request(1), 1);
    assert_eq!(rig.request(1 << 20), 4096, "as much as the device likes to give");
    assert_eq!(rig.messages().len(), 2);
    assert!(!rig.line());
}

#[test]
fn a_masked_vector_waits() {
    // What masks, and what opens again: (offset in configuration space, or in the table), width, values.
    for (table, at, size, closed, open) in
        [(true, 0x1c, Word, 1, 0), (false, 0x42, Half, 0xc000, 0x8000), (false, 4, Half, 2, 6)]
    {
        let rig = Rig::started(2);
        let put = |value| if table { rig.put(MSIX_AT + at, size, value) } else { rig.put_config(at, size, value) };
        // Without bus mastering nothing is served: so the interrupt must be there before.
        if at == 4 {
            rig.put(MSIX_AT + 0x1c, Word, 1);
        }
        let close_first = at != 4;
        if close_first {
            put(closed);
        }
        rig.request(16);
        if !close_first {
            put(closed);
            rig.put(MSIX_AT + 0x1c, Word, 0);
        }
        assert_eq!((rig.messages(), rig.get(MSIX_AT as u64 + 0x800, Word)), (vec![], 2), "{at:#x}");
        put(open);
        assert_eq!((rig.messages(), rig.get(MSIX_AT as u64 + 0x800, Word)), (vec![(8, TARGET, 7)], 0), "{at:#x}");
    }
}

#[test]
fn without_msix_the_line_is_used() {
    for vectors in [0, 2] {
        let rig = Rig::started(vectors);
        rig.put_config(0x42, Half, 0); // where there is MSI-X, it is not enabled
        rig.request(16);
        assert!(rig.line());
        assert_eq!(rig.config(6, Half), 0x18);
        rig.put_config(4, Half, 0x406);
        assert!(!rig.line(), "INTx is disabled");
        rig.put_config(4, Half, 6);
        assert!(rig.line());
        assert_eq!(rig.get(STRUCTURES_AT + 0x1000, Byte), 1);
        assert_eq!(rig.get(STRUCTURES_AT + 0x1000, Byte), 0, "reading clears");
        assert!(!rig.line() && rig.messages().is_empty());
    }
}

#[test]
fn enabling_msix_takes_the_line_away() {
    let rig = Rig::started(2);
    rig.put_config(0x42, Half, 0);
    rig.request(16);
    assert!(rig.line());
    rig.put_config(0x42, Half, 0x8000);
    assert!(!rig.line());
}

#[test]
fn a_vector_that_is_not_there_cannot_be_chosen() {
    let rig = Rig::started(2);
    for (vector, want) in [(1, 1), (2, 0xffff), (0, 0), (0xffff, 0xffff)] {
        rig.common(0x1a, Half, vector);
        rig.common(0x10, Half, vector);
        assert_eq!((rig.get(STRUCTURES_AT + 0x1a, Half), rig.get(STRUCTURES_AT + 0x10, Half)), (want, want));
    }
    rig.request(16);
    assert!(rig.messages().is_empty() && !rig.line(), "nobody is to be told");
}

#[test]
fn features_are_agreed_on_or_not() {
    for (low, high, want) in [(0, 1, 0xb), (1 << 28, 1, 0xb), (0, 0, 3), (1, 1, 3), (0, 3, 3)] {
        let rig = Rig::placed(2);
        rig.common(0x14, Byte, 3);
        for (select, features) in [(0, low), (1, high), (2, 0xffff_ffff)] {
            rig.common(8, Word, select);
            rig.common(0xc, Word, features);
        }
        rig.common(0x14, Byte, 0xb);
        assert_eq!(rig.get(STRUCTURES_AT + 0x14, Byte), want, "{high:x} {low:08x}");
    }
}

#[test]
fn the_window_reaches_what_is_in_the_bar() {
    let rig = Rig::placed(2);
    rig.put_config(4, Half, 0); // no BAR answers
    let at = rig.window_at();
    let through = |offset, length| {
        rig.put_config(at + 4, Byte, 0);
        rig.put_config(at + 8, Word, offset);
        rig.put_config(at + 12, Word, length);
        rig.config(at + 16, Word)
    };
    assert_eq!(through(0x12, 2), 1, "num_queues");
    assert_eq!(through(0x18, 2), 256, "queue_size");
    through(0x14, 1);
    rig.put_config(at + 16, Byte, 3);
    assert_eq!(rig.config(at + 16, Byte), 3, "device_status");
}

/// What a driver must not do leaves the device asking for a reset, and tells so; after it, it works.
#[track_caller]
fn check_broken(descriptors: &[(u64, u32, u16, u16)], head: u16) {
    let rig = Rig::started(2);
    rig.descriptors(descriptors);
    rig.kick(head);
    assert_eq!(rig.get(STRUCTURES_AT + 0x14, Byte), 0x4f);
    assert_eq!(rig.messages(), [(8, TARGET, 6)], "the configuration's vector");
    rig.kick(head);
    assert_eq!(rig.messages(), []);
    rig.start();
    assert_eq!(rig.request(16), 16);
}

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

#[test]
fn buffers_outside_ram() {
    for at in [0, DATA + rig::RAM_SIZE, u64::MAX - 8, u64::MAX] {
        check_broken(&[(at, 64, WRITE, 0)], 0);
    }
}

#[test]
fn a_descriptor_that_is_not_there() {
    check_broken(&[(DATA, 64, WRITE, 0)], 256);
}

#[test]
fn chains_in_circles_end() {
    let rig = Rig::started(2);
    rig.descriptors(&[(DATA, 8, WRITE | NEXT, 1), (DATA, 8, WRITE | NEXT, 0)]);
    rig.kick(0);
    assert_eq!(rig.used().1, 256 * 8, "as many descriptors as the queue has");
}

#[test]
fn indirect_tables_of_all_kinds() {
    let rig = Rig::started(2);
    // A table in itself, one that is not in RAM, one of no descriptor, and of an odd size.
    for table in [(rig::TABLE, 32, INDIRECT, 0), (8, 16, INDIRECT, 0), (DATA, 0, INDIRECT, 0), (DATA, 17, INDIRECT, 0)]
    {
        rig.descriptors(&[table, table]);
        rig.kick(0);
        assert_eq!(rig.used().1, 0, "nothing could be written");
    }
}

#[test]
fn more_available_than_the_queue_has() {
    let rig = Rig::started(2);
    rig.descriptors(&[(DATA, 8, WRITE, 0)]);
    rig.ram(rig::AVAIL + 2, &0x8000u16.to_le_bytes());
    rig.notify();
    assert_eq!(rig.get(STRUCTURES_AT + 0x14, Byte), 0x4f);
}

#[test]
fn a_queue_outside_ram_stays_disabled() {
    for area in [0x20, 0x28, 0x30] {
        for at in [0, rig::TABLE + rig::RAM_SIZE - 16, !0xf] {
            let rig = Rig::placed(2);
            rig.negotiate();
            rig.set_queue();
            rig.common(area, Double, at);
            rig.common(0x1c, Half, 1);
            assert_eq!(rig.get(STRUCTURES_AT + 0x1c, Half), 0, "{area:#x} {at:#x}");
            rig.common(0x14, Byte, 0xf);
            rig.notify();
            assert_eq!(rig.messages(), []);
        }
    }
}

#[test]
fn the_queue_stays_where_it_is_while_it_is_enabled() {
    let rig = Rig::started(2);
    rig.common(0x20, Double, 0x1000);
    rig.common(0x18, Half, 8);
    assert_eq!((rig.get(STRUCTURES_AT + 0x20, Double), rig.get(STRUCTURES_AT + 0x18, Half)), (rig::TABLE, 256));
    rig.common(0x16, Half, 1); // a queue that is not there
    for offset in [0x18, 0x1c, 0x1e, 0x20, 0x28, 0x30] {
        rig.common(offset, Half, 0xffff);
        assert_eq!(rig.get(STRUCTURES_AT + offset, Half), 0);
    }
}

#[test]
fn what_is_saved_goes_on_elsewhere() {
    let one = Rig::started(2);
    one.put(MSIX_AT + 0x1c, Word, 1);
    one.request(16);
    let state = one.function.state();
    let other = Rig::with_memory(2, one.memory.clone());
    other.function.restore(&state).unwrap();
    other.bridge.find_claims();
    assert_eq!(other.function.state(), state);
    other.put(MSIX_AT + 0x1c, Word, 0);
    assert_eq!(other.messages(), [(8, TARGET, 7)]);
    assert_eq!(other.request(32), 32);
    assert_eq!(Rig::new(0).function.restore(&state), None, "it has no MSI-X");
    assert_eq!(Rig::new(3).function.restore(&state), None, "it has another number of vectors");
    let elsewhere = Rig::new(2); // RAM that is as large, but zero: the queue is there
    assert_eq!(elsewhere.function.restore(&state), Some(()));
}

#[test]
fn a_line_that_was_high_is_high_elsewhere() {
    let one = Rig::started(0);
    one.request(16);
    let other = Rig::with_memory(0, one.memory.clone());
    other.function.restore(&one.function.state()).unwrap();
    assert!(other.line());
}

#[test]
fn a_reset_forgets_everything() {
    for vectors in [0, 2] {
        let rig = Rig::started(vectors);
        rig.put(MSIX_AT + 0x1c, Word, 1);
        rig.request(16);
        rig.ecam.reset();
        assert_eq!(rig.function.state(), Rig::new(vectors).function.state());
        assert_eq!((rig.window.read(0, Word), rig.line()), (0xffff_ffff, false));
    }
}
