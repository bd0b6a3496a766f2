//! The sequential model with what operations do to it, and what they read.

use super::op::Op;
use crate::spec::{Model, Who};
use std::fmt;

pub const SPIS: usize = 64;
pub const AFFINITIES: [u64; 4] = [0x0, 0x1, 0x11, 0x02_0001_0100];

/// Which GIC.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub pes: usize,
    pub two_states: bool,
    /// Extended ranges and non-maskable interrupts.
    pub extended: bool,
    /// It begins as most guests set it up first, so that most operations meet open gates.
    pub opened: bool,
}

#[derive(Clone)]
pub struct Reference {
    pub shape: Shape,
    pub model: Model,
    /// By PE, what it has acknowledged and not ended: group, INTID.
    pub taken: Vec<Vec<(usize, u64)>>,
    /// What the last operation read.
    pub read: Option<u64>,
}

/// What a failure shows of the state that it began with.
impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.shape.fmt(f)
    }
}

impl Reference {
    /// Before it is opened.
    pub fn closed(shape: Shape) -> Reference {
        let more = if shape.extended { 32 } else { 0 };
        let affinities = &AFFINITIES[..shape.pes];
        let model = Model::new(SPIS, more, more, shape.two_states, shape.extended, affinities);
        Reference { shape, model, taken: vec![vec![]; shape.pes], read: None }
    }

    pub fn pes(&self) -> usize {
        self.shape.pes
    }

    /// Who executes at a PE; without Secure state nobody is Secure.
    pub fn who(&self, who: Who) -> Who {
        if self.shape.two_states { who } else { Who { nmi: who.nmi, ..Who::default() } }
    }

    pub fn apply(&mut self, op: Op) {
        let model = &mut self.model;
        self.read = None;
        match op {
            Op::Spi { id, high } => model.wire(0, id, high),
            Op::Ppi { pe, id, high } => model.wire(pe, id, high),
            Op::ReadDistributor { offset, secure } => self.read = Some(model.read_distributor(offset, secure)),
            Op::WriteDistributor { offset, secure, value } => model.write_distributor(offset, secure, value),
            Op::ReadRedistributor { pe, offset, secure } => {
                self.read = Some(model.read_redistributor(pe, offset, secure));
            }
            Op::WriteRedistributor { pe, offset, secure, value } => {
                model.write_redistributor(pe, offset, secure, value);
            }
            Op::Priority { pe, id, secure, value } => model.write_priority(pe, id, secure, value),
            Op::Route { id, value } => {
                let offset = if id >= 4096 { 0x8000 + 8 * (id - 4096) } else { 0x6000 + 8 * id };
                model.write_distributor(offset, true, value & 0xffff_ffff);
                model.write_distributor(offset + 4, true, value >> 32);
            }
            Op::Become { pe, who } => self.model.pes[pe].who = self.who(who),
            Op::ReadIcc { pe, register } => {
                let read = self.read_icc(pe, register);
                if !(1020..1024).contains(&read) && matches!(register, 0 | 1 | 13 | 14 | 17..) {
                    self.taken[pe].push((register.min(1), read));
                }
                self.read = Some(read);
            }
            Op::WriteIcc { pe, register, value } => self.write_icc(pe, register, value),
            Op::End { pe, group, id } => {
                self.taken[pe].pop();
                self.write_icc(pe, group, id);
                self.write_icc(pe, 2, id);
            }
        }
    }

    fn read_icc(&mut self, pe: usize, register: usize) -> u64 {
        let model = &mut self.model;
        match register {
            0 => model.iar0(pe),
            1 | 17.. => model.iar1(pe),
            2 => model.rpr(pe),
            3 => model.ap(pe, 0),
            4 => model.ap(pe, model.bank(pe)),
            5 => model.pmr(pe),
            6 => model.pes[pe].bpr[0].into(),
            7 => model.bpr1(pe),
            8 => model.ctlr(pe),
            9 => model.hppir(pe, 0),
            10 => model.hppir(pe, 1),
            11 => model.pes[pe].enabled[0] as u64,
            12 => model.pes[pe].enabled[model.bank(pe)] as u64,
            13 | 14 => model.nmiar1(pe),
            15 => model.pes[pe].enabled[1] as u64 | (model.pes[pe].enabled[2] as u64) << 1,
            16 => model.ctlr_el3(pe),
        }
    }

    fn write_icc(&mut self, pe: usize, register: usize, value: u64) {
        let model = &mut self.model;
        match register {
            0 => model.eoi(pe, 0, value),
            1 => model.eoi(pe, 1, value),
            2 => model.dir(pe, value),
            3 => model.set_ap(pe, 0, value),
            4 => model.set_ap(pe, model.bank(pe), value),
            5 => model.set_pmr(pe, value),
            6 => model.set_bpr0(pe, value),
            7 => model.set_bpr1(pe, value),
            8 => model.set_ctlr(pe, value),
            9 => model.sgi(pe, 0, value),
            10 | 17.. => model.sgi(pe, 1, value),
            11 => model.pes[pe].enabled[0] = value & 1 != 0,
            12 => {
                let bank = model.bank(pe);
                model.pes[pe].enabled[bank] = value & 1 != 0;
            }
            13 | 14 => model.sgi(pe, 2, value),
            // Registers of EL3.
            15 | 16 if !self.shape.two_states => {}
            15 => (model.pes[pe].enabled[1], model.pes[pe].enabled[2]) = (value & 1 != 0, value & 2 != 0),
            16 => model.set_ctlr_el3(pe, value),
        }
    }

    /// 1-of-N: puts every such interrupt at a PE, where `choose` says, if it is ready and not at one that may have it.
    pub fn place(&mut self, mut choose: impl FnMut(&Model, usize) -> Option<usize>) {
        for n in 0..self.model.shared.len() {
            let irq = &self.model.shared[n];
            let is = irq.one_of_n() && irq.ready();
            let stays = |pe: &usize| is && self.model.may_be_chosen(*pe, irq.group());
            let chosen = match irq.chosen.filter(stays) {
                None if is => choose(&self.model, n),
                stays => stays,
            };
            self.model.shared[n].chosen = chosen;
        }
    }
}

/// What opens all gates.
pub fn opening(shape: Shape) -> Vec<Op> {
    let secure = true;
    let distributor = |offset, value| Op::WriteDistributor { offset, secure, value };
    let mut ops = vec![distributor(0, 7)];
    for (n, groups, modifiers) in [(1, 0xffff_0fff, 0), (2, 0x0fff_f0ff, 0xf0ff_ff0f)] {
        ops.extend([distributor(0x80 + 4 * n, groups), distributor(0xd00 + 4 * n, modifiers)]);
        ops.push(distributor(0x100 + 4 * n, 0xffff_fff0));
    }
    ops.extend([distributor(0x1000, 0x0f), distributor(0x1200, 0xff)]);
    for pe in 0..shape.pes {
        let redistributor = |(offset, value)| Op::WriteRedistributor { pe, offset, secure, value };
        let icc = |(register, value)| Op::WriteIcc { pe, register, value };
        let [groups, enables] = [(0x10080, 0xfff0_fff0), (0x10100, 0x7fff_fff7)];
        ops.extend([(0x14, 0), groups, enables, (0x10104, 0x0f)].map(redistributor));
        ops.extend([(5, 0xf0), (11, 1), (12, 1), (15, 3)].map(icc));
    }
    ops
}
