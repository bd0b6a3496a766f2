//! One LPI at one redistributor as one 32-bit word, and its pure transitions.
//!
//! LPIs have no active state and are all in Group 1 (Non-secure, with two security states), so the word is what is
//! latched and what the configuration table said. No atomics here: `store` makes each transition one swap.

use crate::word::level_of;

/// The state of one LPI at one redistributor.
///
/// | bits  | field                                                                       |
/// |-------|-----------------------------------------------------------------------------|
/// | 0     | enabled, from the configuration table                                       |
/// | 7:3   | priority, from there; as the PE compares it                                 |
/// | 8     | latch: pending                                                              |
/// | 9     | on: EnableLPIs is 1 and PROPBASER.IDbits reaches so far                     |
/// | 31:10 | how often the configuration was read: a slower reader's swap fails by it    |
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LpiWord(pub u32);

const ENABLED: u32 = 1 << 0;
const PRIORITY: u32 = 0xf8;
const CONFIG: u32 = PRIORITY | ENABLED;
const LATCH: u32 = 1 << 8;
const ON: u32 = 1 << 9;
const COUNT: u32 = 1 << 10;

impl LpiWord {
    /// Pending.
    #[inline(always)]
    pub fn latch(self) -> bool {
        self.0 & LATCH != 0
    }

    /// Enabled in the configuration that was read.
    pub fn enabled(self) -> bool {
        self.0 & ENABLED != 0
    }

    /// Implemented by this redistributor, now.
    #[inline(always)]
    pub fn on(self) -> bool {
        self.0 & ON != 0
    }

    /// As the PE compares it.
    #[inline(always)]
    pub fn priority(self) -> u8 {
        (self.0 & PRIORITY) as u8
    }

    /// The level at which it is ready, if it is: see `level_of`.
    #[inline(always)]
    pub fn ready_at(self) -> Option<u32> {
        const READY: u32 = ON | LATCH | ENABLED;
        (self.0 & READY == READY).then(|| level_of(self.0 >> 3 & 0x1f))
    }

    /// The same, pending or not.
    #[inline(always)]
    pub fn with_latch(self, v: bool) -> LpiWord {
        LpiWord(self.0 & !LATCH | if v { LATCH } else { 0 })
    }

    /// A message has come. Off, it is discarded (IHI 0069, GICR_CTLR.EnableLPIs).
    #[inline(always)]
    pub fn pend(self) -> LpiWord {
        if self.on() { self.with_latch(true) } else { self }
    }

    /// The same with a configuration that was read after this word was. Every reading changes the word.
    pub fn configured(self, config: Config) -> LpiWord {
        LpiWord((self.0 & !CONFIG | config.0).wrapping_add(COUNT))
    }

    /// Is this what it was configured with?
    pub fn has(self, config: Config) -> bool {
        self.0 & CONFIG == config.0
    }

    /// Off, and nothing latched. Counted too, so that nobody takes what comes back for what was there.
    pub fn off(self) -> LpiWord {
        LpiWord((self.0 & !(CONFIG | LATCH | ON)).wrapping_add(COUNT))
    }

    /// On, as the tables have it.
    pub fn started(self, config: Config, latch: bool) -> LpiWord {
        LpiWord(self.off().configured(config).0 | ON).with_latch(latch)
    }
}

/// What a byte of the configuration table says, at the priorities that are implemented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Config(u32);

impl Config {
    /// Bit 0 enables; [7:2] are the priority. Of two security states the table has the Non-secure view, whose
    /// priorities are the lower half (IHI 0069, "Software accesses of interrupt priority").
    pub fn of(byte: u8, two_states: bool) -> Config {
        let priority = byte & 0xfc;
        let priority = if two_states { priority >> 1 | 0x80 } else { priority };
        Config(u32::from(priority) & PRIORITY | u32::from(byte) & ENABLED)
    }

    /// At which level it would be ready.
    pub fn level(self) -> u32 {
        level_of(self.0 >> 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chk_13_1_configuration_byte() {
        let word = LpiWord::default().started(Config::of(0xa3, false), true);
        assert_eq!((word.priority(), word.enabled(), word.ready_at()), (0xa0, true, Some(level_of(20))));
        assert_eq!(LpiWord::default().started(Config::of(0xa2, false), true).ready_at(), None);
        assert_eq!(LpiWord::default().started(Config::of(1, false), false).ready_at(), None);
    }

    #[test]
    fn chk_8_5_two_security_states_shift_the_priority() {
        let priority = |byte| LpiWord::default().started(Config::of(byte, true), true).priority();
        assert_eq!([0x01, 0x40, 0xa1, 0xfd].map(priority), [0x80, 0xa0, 0xd0, 0xf8]);
    }

    #[test]
    fn off_discards_messages() {
        let word = LpiWord::default().started(Config::of(1, false), true).off();
        assert!(!word.latch() && !word.pend().latch() && !word.enabled());
    }

    #[test]
    fn every_reading_changes_the_word_and_nothing_else() {
        let word = LpiWord(u32::MAX);
        let again = word.configured(Config::of(0xff, false));
        assert_ne!(word, again);
        assert_eq!((again.latch(), again.on(), again.priority()), (true, true, 0xf8));
    }
}
