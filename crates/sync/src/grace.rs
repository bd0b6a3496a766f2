//! When what readers use without a lock is used no longer: those who are inside when it was changed have left.
//!
//! For readers that nobody has counted beforehand, such as whoever sends an interrupt: each sits down for one visit.
//! A writer changes something, waits, and then knows that no visitor still uses the old, and has seen all that those
//! who did have done. Visitors never wait for the writer.

use crate::prim::{AtomicU64, Ordering::*, yield_now};

/// One more than the visitors inside at once that get a seat without looking for it.
const SEATS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 32 };

/// Visits begun and visits ended here, added: odd while somebody sits. Alone on its cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Seat(AtomicU64);

/// The seats.
///
/// Invariant: when `wait` returns, each visitor that had entered before it was called has left; and whoever enters
/// later sees what the caller of `wait` wrote before.
pub struct Grace {
    seats: Box<[Seat]>,
}

/// A visit; it ends when this is dropped.
#[must_use]
pub struct Visit<'g> {
    seat: &'g Seat,
}

impl Default for Grace {
    fn default() -> Grace {
        Grace::new()
    }
}

impl Grace {
    /// Nobody inside.
    pub fn new() -> Grace {
        Grace { seats: (0..SEATS).map(|_| Seat::default()).collect() }
    }

    /// Sits down, and gets up: two read-modify-writes, on a seat that other threads seldom use. Only if there are more
    /// visitors than seats does this wait for one to leave.
    #[inline]
    pub fn enter(&self) -> Visit<'_> {
        let first = seat_of_this_thread();
        for tries in 1.. {
            let seat = &self.seats[(first + tries) % SEATS];
            let began = seat.0.load(Relaxed);
            // Meets `wait` in the seat's modification order. If this comes first, the writer finds us; if second,
            // Acquire shows us what it had changed.
            if began & 1 == 0 && seat.0.compare_exchange(began, began + 1, Acquire, Relaxed).is_ok() {
                return Visit { seat };
            }
            if tries % SEATS == 0 {
                yield_now();
            }
        }
        unreachable!("there are more numbers than tries")
    }

    /// Returns when everybody has left who is inside now.
    pub fn wait(&self) {
        for seat in &self.seats {
            // A read as a read-modify-write: see `enter`. Acquire: what earlier visitors did here is seen.
            let now = seat.0.fetch_or(0, AcqRel);
            // Acquire pairs with the end of that visit, whoever sits there by now: to sit down is to acquire it too.
            while now & 1 != 0 && seat.0.load(Acquire) == now {
                yield_now();
            }
        }
    }
}

impl Drop for Visit<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with `wait`. Not a store, which need not come after the writer's read-modify-write.
        self.seat.0.fetch_add(1, Release);
    }
}

/// Where this thread looks first. Thread-local memory lies where no other thread's does, which is all that is needed.
#[inline(always)]
fn seat_of_this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    let address = HERE.with(|here| std::ptr::from_ref(here).addr() as u64);
    ((address >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % SEATS
}

#[cfg(test)]
mod tests;
