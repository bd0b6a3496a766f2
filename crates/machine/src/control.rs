//! Which vCPUs run, which sleep, and how the run ends: the state that vCPU threads and the machine share.
//!
//! One lock. It is taken when a vCPU is switched on or off, goes to sleep or wakes, and when the run ends;
//! never on the way of an interrupt.

use crate::snapshot::Power as Saved;
use cpu::VcpuState;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use sync::{Attention, Reasons};

/// Where a vCPU begins: the arguments of PSCI CPU_ON, or of the boot protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// First PC.
    pub entry: u64,
    /// X0.
    pub argument: u64,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The guest asked for SYSTEM_OFF, or switched its last CPU off.
    PowerOff,
    /// The guest asked for SYSTEM_RESET.
    Reset,
    /// The host asked: time, pattern, user.
    Stopped,
    /// No vCPU can ever run again: each one's PC, and why nothing wakes it.
    Hung(String),
    /// A vCPU takes exceptions without executing anything in between.
    Lockup(String),
    /// `EngineKind::Verify` found a difference.
    Miscompiled(String),
    /// A vCPU thread failed: our own fault.
    Internal(String),
}

/// A vCPU in WFI.
#[derive(Clone, Debug)]
pub(crate) struct Sleeper {
    /// When its timer wakes it, in nanoseconds of machine time.
    pub deadline_ns: Option<u64>,
    /// Where it sleeps and what holds its interrupts back; only computed without a deadline.
    pub why: String,
}

#[derive(Clone, Debug)]
enum Pe {
    Off,
    Starting(Start),
    On,
    Asleep(Sleeper),
}

struct State {
    pes: Vec<Pe>,
    ending: Option<Ending>,
    quit: bool,
    /// Somebody wants the PEs to hold still.
    paused: bool,
    /// Who stops the run wants the PEs to hold still where they are.
    holds: bool,
    /// The run was stopped so.
    held: bool,
    /// Somebody looks at PEs that hold still: until they are done, nobody goes on, whoever lets them.
    looked_at: bool,
    /// Threads that hold their vCPU's lock, as in KVM_RUN.
    running: Vec<bool>,
}

/// Shared by the machine and its vCPU threads.
pub(crate) struct Control {
    state: Mutex<State>,
    /// The machine waits here for what concerns it.
    changed: Condvar,
    /// Each PE that is off waits here to be switched on.
    starts: Vec<Condvar>,
    attentions: Vec<Arc<Attention>>,
    /// What each PE is while it does not run.
    states: Vec<Mutex<Option<Box<VcpuState>>>>,
    /// `State::paused`, for PEs to look at after each exit from their engine.
    paused: AtomicBool,
}

/// How PSCI names the state of a PE (DEN 0022, AFFINITY_INFO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    Off,
    OnPending,
}

impl Control {
    pub fn new(attentions: Vec<Arc<Attention>>) -> Control {
        let state = State {
            pes: vec![Pe::Off; attentions.len()],
            ending: None,
            quit: false,
            paused: false,
            holds: false,
            held: false,
            looked_at: false,
            running: vec![false; attentions.len()],
        };
        let starts = attentions.iter().map(|_| Condvar::new()).collect();
        Control {
            state: Mutex::new(state),
            changed: Condvar::new(),
            starts,
            states: attentions.iter().map(|_| Mutex::default()).collect(),
            attentions,
            paused: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds this lock")
    }

    /// How many PEs there are.
    pub fn pes(&self) -> usize {
        self.attentions.len()
    }

    /// Switches PE `index` on; false if it is not off, or the run is ending.
    pub fn start(&self, index: usize, start: Start) -> bool {
        let mut state = self.lock();
        let off = matches!(state.pes[index], Pe::Off) && state.ending.is_none();
        if off {
            state.pes[index] = Pe::Starting(start);
            self.starts[index].notify_all();
        }
        off
    }

    /// The state of PE `index`.
    pub fn power(&self, index: usize) -> Power {
        match self.lock().pes[index] {
            Pe::Off => Power::Off,
            Pe::Starting(_) => Power::OnPending,
            Pe::On | Pe::Asleep(_) => Power::On,
        }
    }

    /// Waits until the machine is not paused, and counts PE `index` as running; false when it is torn down.
    pub fn wait_run(&self, index: usize) -> bool {
        let mut state = self.lock();
        while (state.paused || state.looked_at) && !state.quit {
            state = self.starts[index].wait(state).expect("see lock");
        }
        state.running[index] = !state.quit;
        !state.quit
    }

    /// PE `index` has given back its vCPU's lock.
    pub fn stops_running(&self, index: usize) {
        self.lock().running[index] = false;
        self.changed.notify_all();
    }

    /// Is PE `index` on, so that it goes on after a pause?
    pub fn is_on(&self, index: usize) -> bool {
        matches!(self.lock().pes[index], Pe::On | Pe::Asleep(_))
    }

    /// Does somebody want the PEs to hold still?
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// From now on `stop` makes the PEs hold still, instead of switching them off.
    pub fn hold_when_stopped(&self) {
        self.lock().holds = true;
    }

    /// The host wants the run to end.
    pub fn stop(&self) {
        let mut state = self.lock();
        if !state.holds {
            drop(state);
            return self.end(Ending::Stopped);
        }
        (state.paused, state.held) = (true, true);
        self.paused.store(true, Relaxed);
        self.starts.iter().for_each(Condvar::notify_all);
        self.attentions.iter().for_each(|a| a.post(Reasons::CONTROL));
        self.changed.notify_all();
    }

    /// What `look` finds while every PE holds still, who has been paused or stopped so, told whether each is on. `None` if
    /// they do not, or the run has ended.
    pub fn while_held<T>(&self, look: impl FnOnce(Vec<Saved>) -> T) -> Option<T> {
        let mut state = self.lock();
        // With every PE off it ended, unless it has not begun.
        let there = state.held || state.pes.iter().any(|pe| !matches!(pe, Pe::Off));
        if !state.paused || state.looked_at || state.running.contains(&true) || state.ending.is_some() || !there {
            return None;
        }
        let saved = |pe: &Pe| match pe {
            Pe::Off => Saved::Off,
            Pe::Starting(start) => Saved::starting(*start),
            Pe::On | Pe::Asleep(_) => Saved::On,
        };
        let power = state.pes.iter().map(saved).collect();
        state.looked_at = true;
        drop(state);
        let found = look(power);
        self.lock().looked_at = false;
        self.starts.iter().for_each(Condvar::notify_all);
        Some(found)
    }

    /// Is the run paused, and how many PEs are on?
    pub fn status(&self) -> (bool, usize) {
        let state = self.lock();
        (state.paused, state.pes.iter().filter(|pe| !matches!(pe, Pe::Off)).count())
    }

    /// Before anything runs: the PEs are as they were elsewhere.
    pub fn restore(&self, power: &[Saved], states: Vec<Option<Box<VcpuState>>>) {
        let mut state = self.lock();
        for (pe, power) in state.pes.iter_mut().zip(power) {
            *pe = match *power {
                Saved::Off => Pe::Off,
                Saved::Starting(entry, argument) => Pe::Starting(Start { entry, argument }),
                Saved::On => Pe::On,
            };
        }
        // Nobody is there to switch one on.
        if state.pes.iter().all(|pe| matches!(pe, Pe::Off)) {
            state.ending = Some(Ending::PowerOff);
        }
        states.into_iter().enumerate().for_each(|(index, state)| *self.slot(index) = state);
    }

    fn slot(&self, index: usize) -> MutexGuard<'_, Option<Box<VcpuState>>> {
        self.states[index].lock().expect("see lock")
    }

    /// What PE `index` is, if it does not run.
    pub fn state(&self, index: usize) -> Option<Box<VcpuState>> {
        self.slot(index).clone()
    }

    /// The same, for its thread, which runs it.
    pub fn take_state(&self, index: usize) -> Option<Box<VcpuState>> {
        self.slot(index).take()
    }

    /// PE `index` stops running, and is this.
    pub fn put_state(&self, index: usize, state: VcpuState) {
        *self.slot(index) = Some(Box::new(state));
    }

    /// Makes every PE leave its guest, and waits until all have. False if the run ends instead.
    pub fn pause(&self) -> bool {
        let mut state = self.lock();
        if state.ending.is_some() {
            return false;
        }
        state.paused = true;
        self.paused.store(true, Relaxed);
        self.starts.iter().for_each(Condvar::notify_all);
        self.attentions.iter().for_each(|a| a.post(Reasons::CONTROL));
        while state.paused && state.running.contains(&true) {
            state = self.changed.wait(state).expect("see lock");
        }
        state.paused
    }

    /// Lets them go on.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.paused = false;
        self.paused.store(false, Relaxed);
        self.starts.iter().for_each(Condvar::notify_all);
    }

    /// Waits until PE `index` is switched on; `None` when the machine pauses or is torn down.
    pub fn wait_start(&self, index: usize) -> Option<Start> {
        let mut state = self.lock();
        loop {
            if state.quit || state.paused {
                return None;
            }
            if let Pe::Starting(start) = state.pes[index] {
                state.pes[index] = Pe::On;
                return Some(start);
            }
            state = self.starts[index].wait(state).expect("see lock");
        }
    }

    /// PE `index` is off now. If it was the last one, the run ends.
    pub fn went_off(&self, index: usize) {
        let mut state = self.lock();
        state.pes[index] = Pe::Off;
        if state.pes.iter().all(|pe| matches!(pe, Pe::Off)) && state.ending.is_none() {
            state.ending = Some(Ending::PowerOff);
        }
        self.changed.notify_all();
    }

    /// PE `index` goes to sleep.
    pub fn asleep(&self, index: usize, sleeper: Sleeper) {
        let forever = sleeper.deadline_ns.is_none();
        self.lock().pes[index] = Pe::Asleep(sleeper);
        if forever {
            self.changed.notify_all();
        }
    }

    /// PE `index` woke up.
    pub fn awake(&self, index: usize) {
        self.lock().pes[index] = Pe::On;
    }

    /// Ends the run; the first reason stays. Every vCPU leaves its engine soon after, also one that is paused.
    pub fn end(&self, ending: Ending) {
        let mut state = self.lock();
        state.ending.get_or_insert(ending);
        if !state.held {
            state.paused = false;
            self.paused.store(false, Relaxed);
            self.starts.iter().for_each(Condvar::notify_all);
        }
        self.changed.notify_all();
        drop(state);
        self.attentions.iter().for_each(|a| a.post(Reasons::CONTROL));
    }

    /// Is the run ending?
    pub fn ending(&self) -> bool {
        self.lock().ending.is_some()
    }

    /// Lets the vCPU threads go for good.
    pub fn quit(&self) {
        self.lock().quit = true;
        self.starts.iter().for_each(Condvar::notify_all);
    }

    /// Waits until the run has ended and every PE is off, and clears the ending for another run.
    /// `tick` is called from time to time and says when it wants to be called next at the latest.
    /// `wakes` says whether something outside may still wake a PE that sleeps without a deadline.
    pub fn wait_end(&self, mut tick: impl FnMut() -> Duration, wakes: impl Fn() -> bool) -> Ending {
        // A guest that just went quiet may have an interrupt on its way.
        const SETTLE: Duration = Duration::from_millis(500);
        let mut quiet_since: Option<Instant> = None;
        let mut state = self.lock();
        loop {
            let off = state.pes.iter().all(|pe| matches!(pe, Pe::Off));
            let still = state.held && !state.running.contains(&true);
            // A guest that ended was quicker than who stopped it.
            if (off || still)
                && let Some(ending) = state.ending.take()
            {
                state.pes.fill(Pe::Off);
                if std::mem::take(&mut state.held) {
                    state.paused = false;
                    self.paused.store(false, Relaxed);
                    self.starts.iter().for_each(Condvar::notify_all);
                }
                return ending;
            }
            if still {
                return Ending::Stopped;
            }
            let quiet = state.ending.is_none() && !state.paused && state.hung() && !wakes();
            quiet_since = quiet.then(|| quiet_since.unwrap_or_else(Instant::now));
            if quiet_since.is_some_and(|since| since.elapsed() >= SETTLE) {
                let report = state.report();
                drop(state);
                self.end(Ending::Hung(report));
                state = self.lock();
                continue;
            }
            let wait = tick().min(if quiet { SETTLE } else { Duration::from_secs(1) });
            state = self.changed.wait_timeout(state, wait).expect("see lock").0;
        }
    }
}

impl State {
    /// Every PE that is on sleeps without a deadline.
    fn hung(&self) -> bool {
        let mut sleepers = 0;
        for pe in &self.pes {
            match pe {
                Pe::Off => {}
                Pe::Asleep(Sleeper { deadline_ns: None, .. }) => sleepers += 1,
                _ => return false,
            }
        }
        sleepers > 0
    }

    fn report(&self) -> String {
        let line = |(index, pe): (usize, &Pe)| match pe {
            Pe::Asleep(s) => Some(format!("  CPU {index}: {}", s.why)),
            _ => None,
        };
        self.pes.iter().enumerate().filter_map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(pes: usize) -> Control {
        Control::new((0..pes).map(|_| Arc::new(Attention::new())).collect())
    }

    #[test]
    fn the_last_cpu_off_is_power_off() {
        let control = control(2);
        let start = Start { entry: 1, argument: 2 };
        assert!(control.start(0, start));
        assert!(!control.start(0, start), "already on its way");
        assert_eq!(control.power(0), Power::OnPending);
        assert_eq!(control.wait_start(0), Some(start));
        assert_eq!((control.power(0), control.power(1)), (Power::On, Power::Off));
        control.went_off(0);
        assert_eq!(control.wait_end(|| Duration::ZERO, || false), Ending::PowerOff);
        assert!(!control.ending(), "a new run begins clean");
    }

    #[test]
    fn asleep_for_ever_is_reported_with_the_reason() {
        let control = Arc::new(control(1));
        control.start(0, Start { entry: 0, argument: 0 });
        control.wait_start(0);
        control.asleep(0, Sleeper { deadline_ns: None, why: "PC 0x42, masked".into() });
        let thread = std::thread::spawn({
            let control = control.clone();
            move || {
                while !control.ending() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                control.went_off(0);
            }
        });
        let ending = control.wait_end(|| Duration::from_secs(1), || false);
        assert_eq!(ending, Ending::Hung("  CPU 0: PC 0x42, masked".into()));
        thread.join().unwrap();
    }
}
