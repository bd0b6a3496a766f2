//! One host thread that posts `TIMER` to running vCPUs whose deadline has passed.
//!
//! A vCPU asleep in WFI wakes by its own timeout; this is for those that are executing and would not look.

use hw::Clock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use sync::{Attention, Reasons};

/// No deadline.
const NEVER: u64 = u64::MAX;

/// The deadlines of all vCPUs, in nanoseconds of the machine's clock.
pub struct Alarms {
    clock: Clock,
    slots: Vec<(AtomicU64, Arc<Attention>)>,
    /// The deadline the thread sleeps towards; a vCPU with an earlier one rings.
    armed: AtomicU64,
    stop: AtomicBool,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Alarms {
    /// Alarms for vCPUs with these attention words; nothing is set.
    pub fn new(clock: Clock, attentions: Vec<Arc<Attention>>) -> Alarms {
        let slots = attentions.into_iter().map(|a| (AtomicU64::new(NEVER), a)).collect();
        let (armed, stop) = (AtomicU64::new(NEVER), AtomicBool::new(false));
        Alarms { clock, slots, armed, stop, lock: Mutex::new(()), bell: Condvar::new() }
    }

    /// vCPU `pe` wants `TIMER` posted at `deadline_ns`; `None` cancels. Rings the thread only if this is
    /// earlier than what it sleeps towards; a later deadline is found when it wakes.
    pub fn set(&self, pe: usize, deadline_ns: Option<u64>) {
        let at = deadline_ns.unwrap_or(NEVER);
        // SeqCst here and in `run` orders "slot, then armed" against "armed, then slots": one of the two
        // sides sees the other's store, so an earlier deadline is never slept through.
        self.slots[pe].0.store(at, Ordering::SeqCst);
        if at < self.armed.load(Ordering::SeqCst) {
            drop(self.lock.lock().expect("no code panics while it holds this lock"));
            self.bell.notify_one();
        }
    }

    /// Ends `run`.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(self.lock.lock().expect("see above"));
        self.bell.notify_one();
    }

    /// The thread's body: returns after `stop`.
    pub fn run(&self) {
        let mut guard = self.lock.lock().expect("see above");
        while !self.stop.load(Ordering::SeqCst) {
            // Anything set while we scan must ring: it compares with NEVER.
            self.armed.store(NEVER, Ordering::SeqCst);
            let now = self.clock.now_ns();
            let mut next = NEVER;
            for (slot, attention) in &self.slots {
                let at = slot.load(Ordering::SeqCst);
                if at > now {
                    next = next.min(at);
                } else if slot.compare_exchange(at, NEVER, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                    attention.post(Reasons::TIMER);
                }
            }
            self.armed.store(next, Ordering::SeqCst);
            // A deadline set between the scan and this store compared with NEVER and is waiting for our
            // lock to ring; one earlier than `next` set after it rings too.
            guard = match next {
                NEVER => self.bell.wait(guard).expect("see above"),
                _ => {
                    let left = std::time::Duration::from_nanos(next.saturating_sub(self.clock.now_ns()));
                    self.bell.wait_timeout(guard, left).expect("see above").0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_deadline_overtakes_a_later_one() {
        let (clock, attention) = (Clock::start(), Arc::new(Attention::new()));
        let alarms = Arc::new(Alarms::new(clock, vec![attention.clone(), Arc::new(Attention::new())]));
        let thread = std::thread::spawn({
            let alarms = alarms.clone();
            move || alarms.run()
        });
        alarms.set(1, Some(clock.now_ns() + 3_600_000_000_000));
        alarms.set(0, Some(clock.now_ns() + 1_000_000));
        attention.sleep(Some(clock.instant_at(clock.now_ns() + 10_000_000_000)));
        assert!(attention.take().has(Reasons::TIMER));
        alarms.stop();
        thread.join().unwrap();
    }
}
