//! The GIC against the sequential model: random operations on 1 to 4 PEs, everything observable compared.
//!
//! Also asserted after every step: a PE whose signal appears through somebody else's doing has been posted to.

#![cfg(not(loom))]

mod model;

use armagic_gic::{Affinity, CpuInterface, Gic, GicSpec, PeSpec};
use hw::{AccessSize, IntId, MmioDevice};
use model::Model;
use proptest::prelude::*;
use std::sync::Arc;
use sync::{Attention, Reasons};

const SPIS: usize = 64;
const AFFINITIES: [u64; 4] = [0x0, 0x1, 0x11, 0x02_0001_0100];

#[derive(Clone, Copy, Debug)]
enum Op {
    Spi {
        id: usize,
        high: bool,
    },
    Ppi {
        pe: usize,
        id: usize,
        high: bool,
    },
    ReadDistributor {
        offset: usize,
    },
    WriteDistributor {
        offset: usize,
        value: u64,
    },
    ReadRedistributor {
        pe: usize,
        offset: usize,
    },
    WriteRedistributor {
        pe: usize,
        offset: usize,
        value: u64,
    },
    /// Through the frame that holds the INTID.
    Priority {
        pe: usize,
        id: usize,
        value: u64,
    },
    Route {
        id: usize,
        value: u64,
    },
    ReadIcc {
        pe: usize,
        register: usize,
    },
    WriteIcc {
        pe: usize,
        register: usize,
        value: u64,
    },
    /// EOI (or DIR too) of what this PE acknowledged last.
    End {
        pe: usize,
    },
}

struct Both {
    model: Model,
    gic: Arc<Gic>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
    pes: Vec<CpuInterface>,
    attention: Vec<Arc<Attention>>,
    taken: Vec<Vec<(usize, u64)>>,
}

impl Both {
    fn new(pes: usize) -> Both {
        let attention: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
        let spec = |pe: usize| {
            let [aff0, aff1, aff2, _, aff3, ..] = AFFINITIES[pe].to_le_bytes();
            PeSpec { affinity: Affinity { aff0, aff1, aff2, aff3 }, attention: attention[pe].clone() }
        };
        let gic = Gic::new(GicSpec { spis: SPIS as u32, pes: (0..pes).map(spec).collect() }).unwrap();
        Both {
            model: Model::new(SPIS, &AFFINITIES[..pes]),
            gicd: gic.distributor(),
            gicr: gic.redistributors(),
            pes: (0..pes).map(|pe| gic.cpu_interface(pe)).collect(),
            attention,
            taken: vec![vec![]; pes],
            gic,
        }
    }

    fn signals(&self, pe: usize) -> (bool, bool) {
        let signals = self.pes[pe].signals();
        (signals.irq, signals.fiq)
    }

    /// What most guests set up first, so that most operations meet open gates.
    fn open(&mut self) {
        self.step(Op::WriteDistributor { offset: 0, value: 3 });
        for n in 1..3 {
            self.step(Op::WriteDistributor { offset: 0x80 + 4 * n, value: 0xffff_0fff });
            self.step(Op::WriteDistributor { offset: 0x100 + 4 * n, value: 0xffff_fff0 });
        }
        for pe in 0..self.pes.len() {
            self.step(Op::WriteRedistributor { pe, offset: 0x14, value: 0 });
            self.step(Op::WriteRedistributor { pe, offset: 0x10080, value: 0xfff0_fff0 });
            self.step(Op::WriteRedistributor { pe, offset: 0x10100, value: 0x7fff_fff7 });
            self.step(Op::WriteIcc { pe, register: 5, value: 0xf0 });
            self.step(Op::WriteIcc { pe, register: 11, value: 1 });
            self.step(Op::WriteIcc { pe, register: 12, value: 1 });
        }
    }

    fn step(&mut self, op: Op) {
        let before: Vec<_> = (0..self.pes.len()).map(|pe| self.signals(pe)).collect();
        self.attention.iter().for_each(|attention| _ = attention.take());
        let by = self.apply(op);
        self.learn_choices(op);
        for (pe, before) in before.into_iter().enumerate() {
            let posted = self.attention[pe].take().has(Reasons::INTERRUPT);
            let now = self.signals(pe);
            assert_eq!(now, self.model.signals(pe), "signals of PE {pe} after {op:?}");
            assert!(now == before || now == (false, false) || posted || by == Some(pe), "PE {pe} not posted by {op:?}");
            let hppi = (self.pes[pe].hppir0(), self.pes[pe].hppir1());
            assert_eq!(hppi, (self.model.hppir(pe, 0), self.model.hppir(pe, 1)), "HPPIR of PE {pe} after {op:?}");
        }
    }

    /// Does it on both sides and compares what is read. Returns the PE whose own doing it was.
    fn apply(&mut self, op: Op) -> Option<usize> {
        let pes = self.pes.len();
        let word = AccessSize::Word;
        match op {
            Op::Spi { id, high } => {
                self.gic.set_spi(IntId(id as u32), high);
                self.model.wire(0, id, high);
            }
            Op::Ppi { pe, id, high } => {
                self.gic.set_ppi(pe % pes, IntId(id as u32), high);
                self.model.wire(pe % pes, id, high);
            }
            Op::ReadDistributor { offset } => {
                let (got, expect) = (self.gicd.read(offset as u64, word), self.model.read_distributor(offset));
                assert_eq!(got, expect, "{op:x?}");
            }
            Op::WriteDistributor { offset, value } => {
                self.gicd.write(offset as u64, word, value);
                self.model.write_distributor(offset, value);
            }
            Op::ReadRedistributor { pe, offset } => {
                let pe = pe % pes;
                let got = self.gicr.read((pe * 0x20000 + offset) as u64, word);
                assert_eq!(got, self.model.read_redistributor(pe, offset), "{op:x?}");
            }
            Op::WriteRedistributor { pe, offset, value } => {
                let pe = pe % pes;
                self.gicr.write((pe * 0x20000 + offset) as u64, word, value);
                self.model.write_redistributor(pe, offset, value);
            }
            Op::Priority { pe, id, value } => {
                let pe = pe % pes;
                if id < 32 {
                    self.gicr.write((pe * 0x20000 + 0x10400 + id) as u64, AccessSize::Byte, value);
                } else {
                    self.gicd.write(0x400 + id as u64, AccessSize::Byte, value);
                }
                self.model.write_priority(pe, id, value);
            }
            Op::Route { id, value } => {
                self.gicd.write(0x6000 + 8 * id as u64, AccessSize::Double, value);
                self.model.write_distributor(0x6000 + 8 * id, value & 0xffff_ffff);
                self.model.write_distributor(0x6004 + 8 * id, value >> 32);
            }
            Op::ReadIcc { pe, register } => return Some(self.read_icc(pe % pes, register, op)),
            Op::WriteIcc { pe, register, value } => return Some(self.write_icc(pe % pes, register, value)),
            Op::End { pe } => {
                let pe = pe % pes;
                let (group, id) = self.taken[pe].pop()?;
                self.write_icc(pe, if group == 0 { 0 } else { 1 }, id);
                self.write_icc(pe, 2, id);
                return Some(pe);
            }
        }
        None
    }

    fn read_icc(&mut self, pe: usize, register: usize, op: Op) -> usize {
        let (it, model) = (&mut self.pes[pe], &mut self.model);
        let (got, expect) = match register {
            0 => (it.iar0(), model.iar(pe, 0)),
            1 | 13.. => (it.iar1(), model.iar(pe, 1)),
            2 => (it.rpr(), model.rpr(pe)),
            3 => (it.ap0r0(), model.ap(pe, 0)),
            4 => (it.ap1r0(), model.ap(pe, 1)),
            5 => (it.pmr(), model.pes[pe].pmr.into()),
            6 => (it.bpr0(), model.pes[pe].bpr[0].into()),
            7 => (it.bpr1(), model.bpr1(pe)),
            8 => (it.ctlr() & 3, model.pes[pe].cbpr as u64 | (model.pes[pe].eoimode as u64) << 1),
            9 => (it.hppir0(), model.hppir(pe, 0)),
            10 => (it.hppir1(), model.hppir(pe, 1)),
            11 => (it.igrpen0(), model.pes[pe].enabled[0] as u64),
            12 => (it.igrpen1(), model.pes[pe].enabled[1] as u64),
        };
        assert_eq!(got, expect, "{op:?}");
        if got < 1020 && matches!(register, 0 | 1 | 13..) {
            self.taken[pe].push((register.min(1), got));
        }
        pe
    }

    fn write_icc(&mut self, pe: usize, register: usize, value: u64) -> usize {
        let (it, model) = (&mut self.pes[pe], &mut self.model);
        match register {
            0 => (it.set_eoir0(value), model.eoi(pe, 0, value)),
            1 => (it.set_eoir1(value), model.eoi(pe, 1, value)),
            2 => (it.set_dir(value), model.dir(pe, value)),
            3 => (it.set_ap0r0(value), model.set_ap(pe, 0, value)),
            4 => (it.set_ap1r0(value), model.set_ap(pe, 1, value)),
            5 => (it.set_pmr(value), model.pes[pe].pmr = value as u32 & 0xf8),
            6 => (it.set_bpr0(value), model.set_bpr(pe, 0, value)),
            7 => (it.set_bpr1(value), model.set_bpr(pe, 1, value)),
            8 => (it.set_ctlr(value), (model.pes[pe].cbpr, model.pes[pe].eoimode) = (value & 1 != 0, value & 2 != 0)),
            9 => (it.set_sgi0r(value), model.sgi(pe, 0, value)),
            10 | 13.. => (it.set_sgi1r(value), model.sgi(pe, 1, value)),
            11 => (it.set_igrpen0(value), model.pes[pe].enabled[0] = value & 1 != 0),
            12 => (it.set_igrpen1(value), model.pes[pe].enabled[1] = value & 1 != 0),
        };
        pe
    }

    /// 1-of-N: the GIC's choice is asked for, checked against the rules, and given to the model.
    fn learn_choices(&mut self, op: Op) {
        for n in 0..SPIS {
            let irq = self.model.spis[n].clone();
            if !irq.one_of_n() || !irq.ready() {
                self.model.spis[n].chosen = None;
                continue;
            }
            if irq.chosen.is_some_and(|pe| self.model.may_be_chosen(pe, irq.group)) {
                continue;
            }
            let chosen = self.gic.describe(0, IntId(n as u32 + 32)).unwrap().target;
            match chosen {
                Some(pe) => assert!(self.model.may_be_chosen(pe, irq.group), "SPI {n} went to PE {pe} by {op:?}"),
                None => {
                    let nobody = (0..self.pes.len()).all(|pe| !self.model.may_be_chosen(pe, irq.group));
                    assert!(nobody, "SPI {n} went to nobody by {op:?}");
                }
            }
            self.model.spis[n].chosen = chosen;
        }
    }
}

fn id() -> impl Strategy<Value = usize> {
    prop_oneof![32..36usize, 62..66usize, 92..98usize]
}

/// An SPI that exists.
fn wired() -> impl Strategy<Value = usize> {
    prop_oneof![32..36usize, 62..66usize, 92..96usize]
}

fn private_id() -> impl Strategy<Value = usize> {
    prop_oneof![0..3usize, 16..18usize, 30..32usize]
}

/// Few distinct priorities, so that ties and preemption both happen.
fn priority() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0u64, 0x08, 0x40, 0x48, 0x50, 0x80, 0xa0, 0xa8, 0xf0, 0xff])
}

/// One bit, a few, or all.
fn bits() -> impl Strategy<Value = u64> {
    prop_oneof![4 => (0..32u32).prop_map(|n| 1 << n), 2 => any::<u32>().prop_map(u64::from), 1 => Just(0xffff_ffff), 1 => Just(0)]
}

fn field_offset(last: usize) -> impl Strategy<Value = usize> {
    let bits = prop::sample::select(vec![0x80, 0x100, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0xd00]);
    prop_oneof![
        6 => (bits, 0..=last).prop_map(|(base, n)| base + 4 * n),
        1 => (0..=last * 2 + 1).prop_map(|n| 0xc00 + 4 * n),
        1 => (0..=last * 8 + 7).prop_map(|n| 0x400 + 4 * n),
        1 => (0..=last).prop_map(|n| 0x800 + 4 * n),
    ]
}

fn route() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(AFFINITIES.to_vec()),
        2 => Just(model::IRM),
        1 => Just(0x05_0000_0000u64),
    ]
}

fn icc_value() -> impl Strategy<Value = u64> {
    let sgi = (0..3u64, prop_oneof![Just(0u64), Just(1 << 44), Just(1 << 16 | 1 << 32), Just(1 << 40)], 1..4u64);
    prop_oneof![
        3 => sgi.prop_map(|(id, place, list)| id << 24 | place | list),
        3 => priority(),
        2 => 0..8u64,
        2 => prop_oneof![id(), private_id()].prop_map(|id| id as u64),
        1 => bits(),
        1 => 1018..1026u64,
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let pe = 0..4usize;
    let router = || (id(), 0..2usize).prop_map(|(id, half)| 0x6000 + 8 * id + 4 * half);
    prop_oneof![
        12 => (wired(), any::<bool>()).prop_map(|(id, high)| Op::Spi { id, high }),
        6 => (pe.clone(), 16..32usize, any::<bool>()).prop_map(|(pe, id, high)| Op::Ppi { pe, id: 16 + id % 3, high }),
        4 => prop_oneof![Just(0), field_offset(3), router()].prop_map(|offset| Op::ReadDistributor { offset }),
        8 => (field_offset(3), bits()).prop_map(|(offset, value)| Op::WriteDistributor { offset, value }),
        1 => (0..4u64).prop_map(|value| Op::WriteDistributor { offset: 0, value }),
        2 => (any::<bool>(), id()).prop_map(|(set, id)| Op::WriteDistributor { offset: if set { 0x40 } else { 0x48 }, value: id as u64 }),
        1 => (router(), bits()).prop_map(|(offset, value)| Op::WriteDistributor { offset, value }),
        2 => (pe.clone(), field_offset(0)).prop_map(|(pe, offset)| Op::ReadRedistributor { pe, offset: 0x10000 + offset }),
        4 => (pe.clone(), field_offset(0), bits()).prop_map(|(pe, offset, value)| Op::WriteRedistributor { pe, offset: 0x10000 + offset, value }),
        1 => (pe.clone(), 0..4u64).prop_map(|(pe, value)| Op::WriteRedistributor { pe, offset: 0x14, value }),
        4 => (pe.clone(), prop_oneof![id(), private_id()], priority()).prop_map(|(pe, id, value)| Op::Priority { pe, id, value }),
        4 => (id(), route()).prop_map(|(id, value)| Op::Route { id, value }),
        16 => (pe.clone(), 0..16usize).prop_map(|(pe, register)| Op::ReadIcc { pe, register }),
        10 => (pe.clone(), 0..16usize, icc_value()).prop_map(|(pe, register, value)| Op::WriteIcc { pe, register, value }),
        8 => pe.prop_map(|pe| Op::End { pe }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gic_does_what_the_model_does(pes in 1..5usize, opened in prop::bool::weighted(0.8), ops in prop::collection::vec(op(), 1..120)) {
        let mut both = Both::new(pes);
        if opened {
            both.open();
        }
        ops.into_iter().for_each(|op| both.step(op));
    }
}
