//! The GIC beside the reference.

use super::op::Op;
use super::reference::{AFFINITIES, Reference, SPIS, opening};
use armagic_gic::{Accessor, Affinity, CpuInterface, Features, Gic, GicSpec, PeSpec, Security};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::Arc;
use sync::{Attention, Reasons};

pub struct Both {
    /// The reference, and it is told the GIC's choices.
    told: Reference,
    gic: Arc<Gic>,
    /// Non-secure and Secure.
    gicd: [Arc<dyn MmioDevice>; 2],
    gicr: [Arc<dyn MmioDevice>; 2],
    pes: Vec<CpuInterface>,
    attention: Vec<Arc<Attention>>,
}

impl Both {
    pub fn new(begin: &Reference) -> Both {
        let shape = begin.shape;
        let attention: Vec<_> = (0..shape.pes).map(|_| Arc::new(Attention::new())).collect();
        let spec = |pe: usize| {
            let [aff0, aff1, aff2, _, aff3, ..] = AFFINITIES[pe].to_le_bytes();
            PeSpec { affinity: Affinity { aff0, aff1, aff2, aff3 }, attention: attention[pe].clone() }
        };
        let more = if shape.extended { 32 } else { 0 };
        let (two_states, nmi) = (shape.two_states, shape.extended);
        let features = Features { two_states, nmi, eppis: more, espis: more, ..Default::default() };
        let pes = (0..shape.pes).map(spec).collect();
        let gic = Gic::new(GicSpec { spis: SPIS as u32, pes, features, lpis: None }).unwrap();
        let states = [Security::NonSecure, Security::Secure];
        let mut both = Both {
            told: Reference::closed(shape),
            gicd: states.map(|security| gic.distributor_for(security)),
            gicr: states.map(|security| gic.redistributors_for(security)),
            pes: (0..shape.pes).map(|pe| gic.cpu_interface(pe)).collect(),
            attention,
            gic,
        };
        if shape.opened {
            opening(shape).into_iter().for_each(|op| both.step(op));
        }
        both
    }

    fn signals(&self, pe: usize) -> (bool, bool, bool) {
        let signals = self.pes[pe].signals();
        (signals.irq, signals.fiq, signals.nmi)
    }

    pub fn step(&mut self, op: Op) {
        let before: Vec<_> = (0..self.pes.len()).map(|pe| self.signals(pe)).collect();
        self.attention.iter().for_each(|attention| _ = attention.take());
        let (read, by) = self.run(op);
        self.told.apply(op);
        assert_eq!(read, self.told.read, "{op:x?}");
        self.tell_choices(op);
        for (pe, before) in before.into_iter().enumerate() {
            let posted = self.attention[pe].take().has(Reasons::INTERRUPT);
            let now = self.signals(pe);
            let model = &self.told.model;
            assert_eq!(now, model.signals(pe), "signals of PE {pe} after {op:?}");
            // A signal that loses its superpriority needs no post: what masks it masked it before.
            let news = now.0 & !before.0 | now.1 & !before.1 | now.2 & !before.2;
            assert!(!news || posted || by == Some(pe), "PE {pe} not posted by {op:?}");
            let hppi = (self.pes[pe].hppir0(), self.pes[pe].hppir1());
            assert_eq!(hppi, (model.hppir(pe, 0), model.hppir(pe, 1)), "HPPIR of PE {pe} after {op:?}");
        }
    }

    /// What is read, and the PE whose own doing it was.
    fn run(&mut self, op: Op) -> (Option<u64>, Option<usize>) {
        let word = AccessSize::Word;
        match op {
            Op::Spi { id, high } => self.gic.set_spi(IntId(id as u32), high),
            Op::Ppi { pe, id, high } => self.gic.set_ppi(pe, IntId(id as u32), high),
            Op::ReadDistributor { offset, secure } => {
                return (Some(self.gicd[usize::from(secure)].read(offset as u64, word)), None);
            }
            Op::WriteDistributor { offset, secure, value } => {
                self.gicd[usize::from(secure)].write(offset as u64, word, value);
            }
            Op::ReadRedistributor { pe, offset, secure } => {
                return (Some(self.gicr[usize::from(secure)].read((pe * 0x20000 + offset) as u64, word)), None);
            }
            Op::WriteRedistributor { pe, offset, secure, value } => {
                self.gicr[usize::from(secure)].write((pe * 0x20000 + offset) as u64, word, value);
            }
            Op::Priority { pe, id, secure, value } => {
                let (gicd, gicr) = (&self.gicd[usize::from(secure)], &self.gicr[usize::from(secure)]);
                match id {
                    0..32 => gicr.write((pe * 0x20000 + 0x10400 + id) as u64, AccessSize::Byte, value),
                    1056..1120 => gicr.write((pe * 0x20000 + 0x10420 + id - 1056) as u64, AccessSize::Byte, value),
                    4096.. => gicd.write((0x2000 + id - 4096) as u64, AccessSize::Byte, value),
                    _ => gicd.write(0x400 + id as u64, AccessSize::Byte, value),
                }
            }
            Op::Route { id, value } => {
                let offset = if id >= 4096 { 0x8000 + 8 * (id - 4096) } else { 0x6000 + 8 * id };
                self.gicd[1].write(offset as u64, AccessSize::Double, value);
            }
            Op::Become { pe, who } => {
                let who = self.told.who(who);
                let el = if who.el3 { 3 } else { 1 };
                let accessor = Accessor { el, secure: who.secure, fiq_to_el3: who.fiq_to_el3, nmi: who.nmi };
                self.pes[pe].set_accessor(accessor);
                return (None, Some(pe));
            }
            Op::ReadIcc { pe, register } => return (Some(self.read_icc(pe, register)), Some(pe)),
            Op::WriteIcc { pe, register, value } => {
                self.write_icc(pe, register, value);
                return (None, Some(pe));
            }
            Op::End { pe, group, id } => {
                self.write_icc(pe, group, id);
                self.write_icc(pe, 2, id);
                return (None, Some(pe));
            }
        }
        (None, None)
    }

    fn read_icc(&mut self, pe: usize, register: usize) -> u64 {
        let it = &mut self.pes[pe];
        match register {
            0 => it.iar0(),
            1 | 17.. => it.iar1(),
            2 => it.rpr(),
            3 => it.ap0r0(),
            4 => it.ap1r0(),
            5 => it.pmr(),
            6 => it.bpr0(),
            7 => it.bpr1(),
            8 => it.ctlr() & 3,
            9 => it.hppir0(),
            10 => it.hppir1(),
            11 => it.igrpen0(),
            12 => it.igrpen1(),
            13 | 14 => it.nmiar1(),
            15 => it.igrpen1_el3(),
            16 => it.ctlr_el3() & 0x3f,
        }
    }

    fn write_icc(&mut self, pe: usize, register: usize, value: u64) {
        let (it, two_states) = (&mut self.pes[pe], self.told.shape.two_states);
        match register {
            0 => it.set_eoir0(value),
            1 => it.set_eoir1(value),
            2 => it.set_dir(value),
            3 => it.set_ap0r0(value),
            4 => it.set_ap1r0(value),
            5 => it.set_pmr(value),
            6 => it.set_bpr0(value),
            7 => it.set_bpr1(value),
            8 => it.set_ctlr(value),
            9 => it.set_sgi0r(value),
            10 | 17.. => it.set_sgi1r(value),
            11 => it.set_igrpen0(value),
            12 => it.set_igrpen1(value),
            13 | 14 => it.set_asgi1r(value),
            // Registers of EL3.
            15 | 16 if !two_states => {}
            15 => it.set_igrpen1_el3(value),
            16 => it.set_ctlr_el3(value),
        }
    }

    /// 1-of-N: the GIC's choice is asked for, and checked against the rules.
    fn tell_choices(&mut self, op: Op) {
        let (gic, pes) = (&self.gic, self.pes.len());
        self.told.place(|model, n| {
            let (id, group) = (model.shared_id(n), model.shared[n].group());
            let may = |pe: usize| model.may_be_chosen(pe, group);
            let chosen = gic.describe(0, IntId(id as u32)).unwrap().target;
            match chosen {
                Some(pe) => assert!(may(pe), "{id} went to PE {pe} by {op:?}"),
                None => assert!(!(0..pes).any(may), "{id} went to nobody by {op:?}"),
            }
            chosen
        });
    }
}
