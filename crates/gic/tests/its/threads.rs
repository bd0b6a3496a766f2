//! The ITS on real threads: PEs that sleep as in WFI, devices that send, and a guest that keeps moving their events while
//! the ITS's own thread executes its commands.
//!
//! Each device sends the next message only after the last was handled, so one that is lost, or a post that is missing,
//! stops the test; one that is taken twice is counted.

use crate::rig::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::{thread, time::Duration, time::Instant};

const PES: usize = 2;
const EVENTS: u32 = 4;
const MESSAGES: u64 = if cfg!(miri) { 4 } else { 2000 };

/// What the guest does in its step k: commands about event k % EVENTS.
type Churn = fn(&Rig, u64) -> Vec<[u64; 4]>;

fn check(churn: Churn) {
    let mut rig = Rig::mapped(PES, Options::default());
    let interfaces: Vec<_> = rig.pes.drain(..).collect();
    let (rig, attention) = (&rig, rig.attention.clone());
    let handled: [AtomicU64; EVENTS as usize] = Default::default();
    let stop = AtomicBool::new(false);
    let late = Instant::now() + Duration::from_secs(120);
    let worker = rig.its.start().unwrap();

    thread::scope(|scope| {
        for (mut it, attention) in interfaces.into_iter().zip(&attention) {
            let (handled, stop) = (&handled, &stop);
            scope.spawn(move || {
                while !stop.load(SeqCst) {
                    if !it.signals().irq {
                        attention.sleep(None);
                        attention.take();
                        continue;
                    }
                    let id = it.iar1();
                    if id >= 8192 {
                        handled[id as usize - 8192].fetch_add(1, SeqCst);
                        it.set_eoir1(id);
                    }
                }
            });
        }
        let devices: Vec<_> = (0..EVENTS)
            .map(|event| {
                let (its, handled) = (&rig.its, &handled[event as usize]);
                scope.spawn(move || {
                    for n in 0..MESSAGES {
                        its.write(1, event);
                        while handled.load(SeqCst) <= n {
                            assert!(Instant::now() < late, "message {n} of event {event} is lost");
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut step = 0;
        while devices.iter().any(|device| !device.is_finished()) {
            rig.commands(&churn(rig, step));
            while rig.rd(0x90) != rig.rd(0x88) && devices.iter().any(|device| !device.is_finished()) {
                thread::yield_now();
            }
            step += 1;
        }
        let lost = devices.into_iter().any(|device| device.join().is_err());
        stop.store(true, SeqCst);
        attention.iter().for_each(|attention| attention.post(sync::Reasons::INTERRUPT));
        assert!(!lost);
    });
    drop(worker);
    assert_eq!(handled.map(AtomicU64::into_inner), [MESSAGES; EVENTS as usize]);
    assert_eq!(rig.its.failed_commands(), []);
}

#[test]
fn events_that_move() {
    check(|_, step| vec![movi(1, step as u32 % EVENTS, step / 4 % 2), sync(0), sync(1)]);
}

#[test]
fn configurations_that_change() {
    check(|rig, step| {
        let event = step as u32 % EVENTS;
        rig.config(8192 + event, [0xa0, 0xa1, 0x41, 0x81][step as usize / 4 % 4] | 1);
        vec![inv(1, event), invall(step % 2)]
    });
}

#[test]
fn collections_that_move() {
    check(|_, step| vec![mapc(0, step % 2), movall((step + 1) % 2, step % 2), sync(0), sync(1)]);
}
