//! PrimeCell real-time clock PL031 (ARM DDI 0224).
//!
//! Counts the host's wall-clock seconds, taken once at construction, on the machine's monotonic clock.
//! The device has no thread: a match is noticed by any register access and by `poll`. Whoever keeps the
//! board's time calls `poll` when `deadline_ns` is reached (about once a second is as good).

use crate::primecell;
use hw::{AccessSize, Clock, IrqLine, MmioDevice};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

const NS: u64 = 1_000_000_000;
const PERIPHERAL_ID: [u8; 4] = [0x31, 0x10, 0x04, 0x00];

const DR: u64 = 0x00;
const MR: u64 = 0x04;
const LR: u64 = 0x08;
const CR: u64 = 0x0c;
const IMSC: u64 = 0x10;
const RIS: u64 = 0x14;
const MIS: u64 = 0x18;
const ICR: u64 = 0x1c;

/// Guest-visible state. `now` is the host's wall clock in seconds, modulo 2^32, in every method.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Regs {
    offset: u32, // what LR added to the wall clock
    load: u32,
    matches: u32,
    mask: bool,
    raw: bool,
    seen: u32, // the count up to which matches have been noticed
}

impl Regs {
    fn power_on(now: u32) -> Regs {
        Regs { seen: now, ..Regs::default() }
    }

    fn count(&self, now: u32) -> u32 {
        now.wrapping_add(self.offset)
    }

    /// Notices a match in the seconds since the last look.
    fn advance(&mut self, now: u32) {
        let count = self.count(now);
        let elapsed = count.wrapping_sub(self.seen);
        let ahead = self.matches.wrapping_sub(self.seen);
        self.raw |= (1..=elapsed).contains(&ahead);
        self.seen = count;
    }

    fn interrupt(&self) -> bool {
        self.raw && self.mask
    }

    fn read(&self, offset: u64, now: u32) -> u32 {
        match offset {
            DR => self.count(now),
            MR => self.matches,
            LR => self.load,
            CR => 1, // started at power-on; once started, writes have no effect
            IMSC => self.mask.into(),
            RIS => self.raw.into(),
            MIS => self.interrupt().into(),
            _ => primecell::id(PERIPHERAL_ID, offset),
        }
    }

    fn write(&mut self, offset: u64, value: u32, now: u32) {
        match offset {
            MR => self.matches = value,
            LR => {
                self.load = value;
                self.offset = value.wrapping_sub(now);
                self.seen = value;
            }
            IMSC => self.mask = value & 1 != 0,
            ICR => self.raw &= value & 1 == 0,
            _ => {}
        }
        // The comparator is equality: setting either side equal to the other is a match at once.
        self.raw |= matches!(offset, MR | LR) && self.matches == self.count(now);
    }

    /// Seconds until the next match, if its interrupt would be seen.
    fn until_match(&self, now: u32) -> Option<u32> {
        let ahead = self.matches.wrapping_sub(self.count(now));
        (self.mask && !self.raw && ahead != 0).then_some(ahead)
    }
}

/// Registers. The time of day is the host's, so that a match that passes meanwhile is noticed.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Pl031State(Regs);

/// The real-time clock.
pub struct Pl031 {
    regs: Mutex<Regs>,
    clock: Clock,
    epoch_ns: u64, // wall-clock nanoseconds (1970) at the clock's zero
    irq: IrqLine,
}

impl Pl031 {
    /// A clock that shows the host's time of day, counts on `clock` and drives `irq`.
    pub fn new(clock: Clock, irq: IrqLine) -> Pl031 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(); // a host before 1970 shows 1970
        let epoch_ns = (wall.as_nanos() as u64).saturating_sub(clock.now_ns());
        let rtc = Pl031 { regs: Mutex::default(), clock, epoch_ns, irq };
        *rtc.lock() = Regs::power_on(rtc.now());
        rtc
    }

    /// Notices a match that has come to pass and drives the line.
    pub fn poll(&self) {
        let mut regs = self.lock();
        self.settle(&mut regs);
    }

    /// What it is now.
    pub fn state(&self) -> Pl031State {
        Pl031State(self.lock().clone())
    }

    /// Goes on as it was elsewhere. The line follows with the next `poll`.
    pub fn restore(&self, state: &Pl031State) {
        let mut regs = self.lock();
        *regs = state.0.clone();
        // Where the host's time of day is an earlier one, nothing has passed meanwhile.
        let count = regs.count(self.now());
        if count.wrapping_sub(regs.seen) > u32::MAX / 2 {
            regs.seen = count;
        }
    }

    /// When `poll` should next be called, in nanoseconds of the machine's clock; `None` while no alarm is
    /// armed. Ask again after at most a second: the guest may have armed one.
    pub fn deadline_ns(&self) -> Option<u64> {
        let wall_ns = self.wall_ns();
        let ahead = self.lock().until_match((wall_ns / NS) as u32)?;
        Some((wall_ns / NS + u64::from(ahead)) * NS - self.epoch_ns)
    }

    fn lock(&self) -> MutexGuard<'_, Regs> {
        self.regs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall_ns(&self) -> u64 {
        self.epoch_ns + self.clock.now_ns()
    }

    fn now(&self) -> u32 {
        (self.wall_ns() / NS) as u32
    }

    /// Brings `regs` up to now and sets the line; returns now. The only place the line is driven.
    fn settle(&self, regs: &mut Regs) -> u32 {
        let now = self.now();
        regs.advance(now);
        self.irq.set(regs.interrupt());
        now
    }
}

impl MmioDevice for Pl031 {
    fn name(&self) -> &str {
        "pl031"
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        let mut regs = self.lock();
        let now = self.settle(&mut regs);
        size.truncate(regs.read(offset, now).into())
    }

    fn write(&self, offset: u64, _: AccessSize, value: u64) {
        let mut regs = self.lock();
        let now = self.settle(&mut regs);
        regs.write(offset, value as u32, now);
        self.irq.set(regs.interrupt());
    }

    fn reset(&self) {
        let mut regs = self.lock();
        *regs = Regs::power_on(self.now());
        self.irq.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `w OFFSET VALUE`, `r OFFSET VALUE` (expected), `t SECONDS` (time passes) and `i 0|1` (the line),
    /// numbers in hex, from wall clock 0x1000.
    #[track_caller]
    fn check(script: &str) {
        let mut now = 0x1000;
        let mut regs = Regs::power_on(now);
        for step in script.split(';') {
            let words: Vec<_> = step.split_whitespace().collect();
            let n = |i: usize| u32::from_str_radix(words[i], 16).unwrap();
            match words[0] {
                "w" => regs.write(n(1).into(), n(2), now),
                "r" => assert_eq!(regs.read(n(1).into(), now), n(2), "{step}"),
                "t" => {
                    now = now.wrapping_add(n(1));
                    regs.advance(now);
                }
                "i" => assert_eq!(u32::from(regs.interrupt()), n(1), "{step}"),
                other => panic!("unknown step {other}"),
            }
        }
    }

    #[rustfmt::skip]
    mod lines {
        use super::check;
        #[test] fn counts_from_the_wall_clock()  { check("r 0 1000; t 5; r 0 1005; r c 1") }
        #[test] fn load_moves_the_count()        { check("w 8 50; r 8 50; r 0 50; t 3; r 0 53") }
        #[test] fn alarm_rings_once_it_is_time() { check("w 10 1; w 4 1005; t 4; i 0; t 1; i 1; r 14 1; r 18 1") }
        #[test] fn alarm_is_not_missed()         { check("w 10 1; w 4 1005; t 100; i 1") }
        #[test] fn alarm_in_the_past_waits()     { check("w 10 1; w 4 fff; t 100; i 0") }
        #[test] fn alarm_now_rings_now()         { check("w 10 1; w 4 1000; i 1") }
        #[test] fn loading_the_match_rings()     { check("w 10 1; w 4 7; w 8 7; i 1") }
        #[test] fn mask_hides_but_keeps()        { check("w 4 1001; t 1; i 0; r 14 1; r 18 0; w 10 1; i 1") }
        #[test] fn clear_clears()                { check("w 10 1; w 4 1001; t 1; i 1; w 1c 1; i 0; t 1; i 0") }
        #[test] fn clear_of_zero_keeps()         { check("w 10 1; w 4 1001; t 1; w 1c 0; i 1") }
        #[test] fn count_wraps_through_match()   { check("w 10 1; w 8 fffffffe; w 4 1; t 2; i 0; t 1; i 1; r 0 1") }
        #[test] fn started_for_good()            { check("w c 0; r c 1; t 1; r 0 1001") }
        #[test] fn identifies_itself()           { check("r fe0 31; r fe4 10; r fe8 4; r fec 0; r ff0 d; r ff4 f0; r ff8 5; r ffc b1") }
        #[test] fn reserved_reads_zero()         { check("w 20 ffff; r 20 0; r 1000 0") }
    }

    #[test]
    fn shell_shows_the_host_time_and_a_deadline() {
        let clock = Clock::start();
        let rtc = Pl031::new(clock, IrqLine::unconnected());
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let shown = rtc.read(DR, AccessSize::Word);
        assert!(shown.abs_diff(host) <= 1, "{shown} is not {host}");
        assert_eq!(rtc.deadline_ns(), None);
        rtc.write(IMSC, AccessSize::Word, 1);
        rtc.write(MR, AccessSize::Word, shown + 1000);
        let ahead = rtc.deadline_ns().unwrap() - clock.now_ns();
        assert!((998 * NS..=1000 * NS).contains(&ahead), "{ahead}");
        rtc.reset();
        assert_eq!((rtc.deadline_ns(), rtc.read(MR, AccessSize::Word)), (None, 0));
    }
}
