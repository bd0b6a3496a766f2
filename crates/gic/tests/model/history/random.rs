//! Which operations: few things, so that threads meet, in three themes and all of them together.

use super::{ANY, Op, PES, SHARED};
use crate::spec::LPIS;

/// What a history is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Theme {
    /// Wires, SGIs, PPIs, and their configuration.
    Wires,
    /// 1-of-N, and PEs that come and go.
    OneOfN,
    /// LPIs.
    Lpis,
    /// All, but for EnableLPIs: DPG is in the same register.
    All,
}

impl Theme {
    pub fn of(seed: u64) -> Theme {
        [Theme::Wires, Theme::OneOfN, Theme::Lpis, Theme::All][seed as usize % 4]
    }
}

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    /// Group 1 and open gates more often than not.
    fn mostly(&mut self) -> bool {
        self.below(3) != 0
    }

    fn pe(&mut self) -> usize {
        self.below(PES as u64) as usize
    }

    pub fn op(&mut self, theme: Theme) -> Op {
        match (theme, self.below(4)) {
            (_, 0) => Op::Acknowledge { group: usize::from(self.below(4) != 0) },
            (Theme::Wires, _) | (Theme::All, 1) => self.wires(),
            (Theme::OneOfN, _) | (Theme::All, 2) => self.one_of_n(),
            (Theme::Lpis, 1) if self.below(6) == 0 => Op::EnableLpis { pe: self.pe(), on: self.mostly() },
            (Theme::Lpis | Theme::All, _) => self.lpis(),
        }
    }

    fn wires(&mut self) -> Op {
        let id = SHARED[self.below(3) as usize];
        match self.below(29) {
            0..6 => Op::Wire { id, high: self.mostly() },
            6 => Op::Ppi { pe: self.pe(), high: self.mostly() },
            7..9 => Op::Enable { id, on: self.below(2) != 0 },
            9..12 => Op::Pend { id, on: self.mostly() },
            12 => Op::Group { id, one: self.mostly() },
            13 => Op::Edge { id, on: self.mostly() },
            14 => Op::NonMaskable { id, on: self.below(2) != 0 },
            15..18 => Op::Priority { id, value: [0x40, 0x80, 0xa0][self.below(3) as usize] },
            18..20 => Op::Route { id, pe: self.pe() as u64 },
            20 => Op::Sgi { id: self.below(2), pe: self.pe() as u64 },
            21 => Op::ReadPending { id },
            22 => Op::ReadActive { id },
            _ => self.gates(),
        }
    }

    fn gates(&mut self) -> Op {
        match self.below(7) {
            0 => Op::Forward { value: [3, 3, 2, 1, 0][self.below(5) as usize] },
            1 => Op::Sleep { pe: self.pe(), asleep: !self.mostly() },
            2 => Op::Pmr { value: [0x40, 0x80, 0xf0][self.below(3) as usize] },
            3 => Op::Bpr { value: self.below(8) },
            4 => Op::Open { group: self.below(2) as usize, on: self.mostly() },
            _ => Op::Highest { group: self.below(2) as usize },
        }
    }

    fn one_of_n(&mut self) -> Op {
        let id = SHARED[self.below(3) as usize];
        match self.below(20) {
            0..4 => Op::Wire { id, high: self.mostly() },
            4..6 => Op::Pend { id, on: self.mostly() },
            6 => Op::Enable { id, on: self.mostly() },
            7 => Op::Priority { id, value: [0x40, 0x80, 0xa0][self.below(3) as usize] },
            8 => Op::Group { id, one: self.mostly() },
            9 => Op::Route { id, pe: [ANY, ANY, self.pe() as u64][self.below(3) as usize] },
            // Everybody leaves sometimes.
            10..13 => Op::Decline { pe: self.pe(), groups: [0, 0, 2, 2, 3][self.below(5) as usize] },
            13..15 => Op::Sleep { pe: self.pe(), asleep: self.below(2) != 0 },
            15..18 => Op::Open { group: usize::from(self.mostly()), on: self.below(2) != 0 },
            18 => Op::Forward { value: [0x83, 3, 0x83, 2][self.below(4) as usize] },
            _ => self.gates(),
        }
    }

    fn lpis(&mut self) -> Op {
        let (n, pe) = (self.below(LPIS as u64) as usize, self.pe());
        match self.below(20) {
            0..6 => Op::Send { n },
            6..8 => Op::Lpi { pe, n, pending: self.mostly() },
            8..10 => Op::Configure { n, byte: [0x81, 0x41, 0xa1, 0x80][self.below(4) as usize] },
            10 => Op::Reload { pe, n },
            11 => Op::Inv { n },
            12..14 => Op::Movi { n, pe },
            14 => Op::Movall { from: pe, to: self.pe() },
            15 => Op::Discard { n },
            16..18 => Op::Mapti { n, pe },
            18 => Op::Pend { id: SHARED[0], on: true },
            _ => self.gates(),
        }
    }
}
