//! The host's tick counter (x86: the TSC), where it can tell the time by itself.
//!
//! It can if the kernel tells the time by it: then it is invariant, and the same on every CPU.

/// Nanoseconds from ticks: `(ticks - base) * scale >> 64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Ticks {
    /// The count when the clock was zero.
    pub base: u64,
    /// Nanoseconds of a tick, times 2^64. A tick is shorter than a nanosecond.
    pub scale: u64,
}

impl Ticks {
    /// Ticks that begin now; `None` where there are none to rely on. The first call of a process takes some
    /// milliseconds.
    pub(crate) fn start() -> Option<Ticks> {
        host::scale().map(|scale| Ticks { base: host::now(), scale })
    }

    /// The same, as if they had begun `ns` nanoseconds, or a tick more, before. The base may be before the host's zero:
    /// what is counted from it wraps.
    pub(crate) fn begun(self, ns: u64) -> Ticks {
        let ticks = (u128::from(ns) << 64).div_ceil(u128::from(self.scale.max(1)));
        Ticks { base: self.base.wrapping_sub(ticks as u64), ..self }
    }

    /// Nanoseconds since the start.
    #[inline]
    pub(crate) fn now_ns(self) -> u64 {
        ((u128::from(host::now().wrapping_sub(self.base)) * u128::from(self.scale)) >> 64) as u64
    }
}

/// Begins to measure, so that `Ticks::start` need not wait for long.
pub fn prepare() {
    _ = host::first();
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[allow(unsafe_code)]
mod host {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    /// How long ticks are compared with the kernel's clock: a reading is some 10 ns from the truth.
    const COMPARED: Duration = Duration::from_millis(5);

    /// The count, not earlier than what this thread has read from memory before: another thread that read the count
    /// and told us has read less.
    #[inline]
    pub fn now() -> u64 {
        // SAFETY: every x86-64 has both.
        unsafe {
            _mm_lfence();
            _rdtsc()
        }
    }

    /// The count and the kernel's time at one moment, as close as can be.
    fn both() -> (u64, Instant) {
        let read = |_| {
            let before = now();
            let at = Instant::now();
            let took = now() - before;
            (took, before + took / 2, at)
        };
        let (_, ticks, at) = (0..32).map(read).min_by_key(|(took, ..)| *took).expect("32 is not zero");
        (ticks, at)
    }

    static FIRST: LazyLock<Option<(u64, Instant)>> = LazyLock::new(|| {
        let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        source.is_ok_and(|name| name.trim() == "tsc").then(both)
    });

    static SCALE: LazyLock<Option<u64>> = LazyLock::new(|| {
        let (ticks, at) = (*FIRST)?;
        while at.elapsed() < COMPARED {
            std::hint::spin_loop();
        }
        let (ticks, passed) = {
            let (now, then) = both();
            (now.checked_sub(ticks)?, then.duration_since(at))
        };
        let scale = (passed.as_nanos() << 64) / u128::from(ticks.max(1));
        u64::try_from(scale).ok()
    });

    pub fn first() -> Option<(u64, Instant)> {
        *FIRST
    }

    pub fn scale() -> Option<u64> {
        *SCALE
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod host {
    pub fn now() -> u64 {
        0
    }
    pub fn first() {}
    pub fn scale() -> Option<u64> {
        None
    }
}
