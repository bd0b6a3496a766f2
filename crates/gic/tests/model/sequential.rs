//! The GIC against the sequential model: random operations on 1 to 4 PEs, everything observable compared.
//!
//! Also asserted after every step: a PE whose signal appears through somebody else's doing has been posted to.

use crate::spec::{self, Model, Who};
use armagic_gic::{Accessor, Affinity, CpuInterface, Features, Gic, GicSpec, PeSpec, Security};
use hw::{AccessSize, IntId, MmioDevice};
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
        secure: bool,
    },
    WriteDistributor {
        offset: usize,
        secure: bool,
        value: u64,
    },
    ReadRedistributor {
        pe: usize,
        offset: usize,
        secure: bool,
    },
    WriteRedistributor {
        pe: usize,
        offset: usize,
        secure: bool,
        value: u64,
    },
    /// Through the frame that holds the INTID.
    Priority {
        pe: usize,
        id: usize,
        secure: bool,
        value: u64,
    },
    Route {
        id: usize,
        value: u64,
    },
    /// Another Exception level or security state at a PE.
    Become {
        pe: usize,
        who: Who,
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
    /// Non-secure and Secure.
    gicd: [Arc<dyn MmioDevice>; 2],
    gicr: [Arc<dyn MmioDevice>; 2],
    two_states: bool,
    pes: Vec<CpuInterface>,
    attention: Vec<Arc<Attention>>,
    taken: Vec<Vec<(usize, u64)>>,
}

impl Both {
    fn new(pes: usize, two_states: bool, extended: bool) -> Both {
        let attention: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
        let spec = |pe: usize| {
            let [aff0, aff1, aff2, _, aff3, ..] = AFFINITIES[pe].to_le_bytes();
            PeSpec { affinity: Affinity { aff0, aff1, aff2, aff3 }, attention: attention[pe].clone() }
        };
        let more = if extended { 32 } else { 0 };
        let features = Features { two_states, nmi: extended, eppis: more, espis: more, ..Default::default() };
        let gic =
            Gic::new(GicSpec { spis: SPIS as u32, pes: (0..pes).map(spec).collect(), features, lpis: None }).unwrap();
        let states = [Security::NonSecure, Security::Secure];
        let more = more as usize;
        Both {
            model: Model::new(SPIS, more, more, two_states, extended, &AFFINITIES[..pes]),
            gicd: states.map(|security| gic.distributor_for(security)),
            gicr: states.map(|security| gic.redistributors_for(security)),
            two_states,
            pes: (0..pes).map(|pe| gic.cpu_interface(pe)).collect(),
            attention,
            taken: vec![vec![]; pes],
            gic,
        }
    }

    fn signals(&self, pe: usize) -> (bool, bool, bool) {
        let signals = self.pes[pe].signals();
        (signals.irq, signals.fiq, signals.nmi)
    }

    /// What most guests set up first, so that most operations meet open gates.
    fn open(&mut self) {
        let secure = true;
        self.step(Op::WriteDistributor { offset: 0, secure, value: 7 });
        for (n, groups, modifiers) in [(1, 0xffff_0fff, 0), (2, 0x0fff_f0ff, 0xf0ff_ff0f)] {
            self.step(Op::WriteDistributor { offset: 0x80 + 4 * n, secure, value: groups });
            self.step(Op::WriteDistributor { offset: 0xd00 + 4 * n, secure, value: modifiers });
            self.step(Op::WriteDistributor { offset: 0x100 + 4 * n, secure, value: 0xffff_fff0 });
        }
        self.step(Op::WriteDistributor { offset: 0x1000, secure, value: 0x0f });
        self.step(Op::WriteDistributor { offset: 0x1200, secure, value: 0xff });
        for pe in 0..self.pes.len() {
            self.step(Op::WriteRedistributor { pe, offset: 0x14, secure, value: 0 });
            self.step(Op::WriteRedistributor { pe, offset: 0x10080, secure, value: 0xfff0_fff0 });
            self.step(Op::WriteRedistributor { pe, offset: 0x10100, secure, value: 0x7fff_fff7 });
            self.step(Op::WriteRedistributor { pe, offset: 0x10104, secure, value: 0x0f });
            self.step(Op::WriteIcc { pe, register: 5, value: 0xf0 });
            self.step(Op::WriteIcc { pe, register: 11, value: 1 });
            self.step(Op::WriteIcc { pe, register: 12, value: 1 });
            if self.two_states {
                self.step(Op::WriteIcc { pe, register: 15, value: 3 });
            }
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
            // A signal that loses its superpriority needs no post: what masks it masked it before.
            let news = now.0 & !before.0 | now.1 & !before.1 | now.2 & !before.2;
            assert!(!news || posted || by == Some(pe), "PE {pe} not posted by {op:?}");
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
            Op::ReadDistributor { offset, secure } => {
                let got = self.gicd[usize::from(secure)].read(offset as u64, word);
                assert_eq!(got, self.model.read_distributor(offset, secure), "{op:x?}");
            }
            Op::WriteDistributor { offset, secure, value } => {
                self.gicd[usize::from(secure)].write(offset as u64, word, value);
                self.model.write_distributor(offset, secure, value);
            }
            Op::ReadRedistributor { pe, offset, secure } => {
                let pe = pe % pes;
                let got = self.gicr[usize::from(secure)].read((pe * 0x20000 + offset) as u64, word);
                assert_eq!(got, self.model.read_redistributor(pe, offset, secure), "{op:x?}");
            }
            Op::WriteRedistributor { pe, offset, secure, value } => {
                let pe = pe % pes;
                self.gicr[usize::from(secure)].write((pe * 0x20000 + offset) as u64, word, value);
                self.model.write_redistributor(pe, offset, secure, value);
            }
            Op::Priority { pe, id, secure, value } => {
                let pe = pe % pes;
                let (gicd, gicr) = (&self.gicd[usize::from(secure)], &self.gicr[usize::from(secure)]);
                match id {
                    0..32 => gicr.write((pe * 0x20000 + 0x10400 + id) as u64, AccessSize::Byte, value),
                    1056..1120 => gicr.write((pe * 0x20000 + 0x10420 + id - 1056) as u64, AccessSize::Byte, value),
                    4096.. => gicd.write((0x2000 + id - 4096) as u64, AccessSize::Byte, value),
                    _ => gicd.write(0x400 + id as u64, AccessSize::Byte, value),
                }
                self.model.write_priority(pe, id, secure, value);
            }
            Op::Route { id, value } => {
                let offset = if id >= 4096 { 0x8000 + 8 * (id - 4096) } else { 0x6000 + 8 * id };
                self.gicd[1].write(offset as u64, AccessSize::Double, value);
                self.model.write_distributor(offset, true, value & 0xffff_ffff);
                self.model.write_distributor(offset + 4, true, value >> 32);
            }
            Op::Become { pe, who } => {
                let pe = pe % pes;
                let who = if self.two_states { who } else { Who { nmi: who.nmi, ..Who::default() } };
                let el = if who.el3 { 3 } else { 1 };
                let accessor = Accessor { el, secure: who.secure, fiq_to_el3: who.fiq_to_el3, nmi: who.nmi };
                self.pes[pe].set_accessor(accessor);
                self.model.pes[pe].who = who;
                return Some(pe);
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
            0 => (it.iar0(), model.iar0(pe)),
            1 | 17.. => (it.iar1(), model.iar1(pe)),
            2 => (it.rpr(), model.rpr(pe)),
            3 => (it.ap0r0(), model.ap(pe, 0)),
            4 => (it.ap1r0(), model.ap(pe, model.bank(pe))),
            5 => (it.pmr(), model.pmr(pe)),
            6 => (it.bpr0(), model.pes[pe].bpr[0].into()),
            7 => (it.bpr1(), model.bpr1(pe)),
            8 => (it.ctlr() & 3, model.ctlr(pe)),
            9 => (it.hppir0(), model.hppir(pe, 0)),
            10 => (it.hppir1(), model.hppir(pe, 1)),
            11 => (it.igrpen0(), model.pes[pe].enabled[0] as u64),
            12 => (it.igrpen1(), model.pes[pe].enabled[model.bank(pe)] as u64),
            13 | 14 => (it.nmiar1(), model.nmiar1(pe)),
            15 => (it.igrpen1_el3(), model.pes[pe].enabled[1] as u64 | (model.pes[pe].enabled[2] as u64) << 1),
            16 => (it.ctlr_el3() & 0x3f, model.ctlr_el3(pe)),
        };
        assert_eq!(got, expect, "{op:?}");
        if !(1020..1024).contains(&got) && matches!(register, 0 | 1 | 13 | 14 | 17..) {
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
            4 => (it.set_ap1r0(value), model.set_ap(pe, model.bank(pe), value)),
            5 => (it.set_pmr(value), model.set_pmr(pe, value)),
            6 => (it.set_bpr0(value), model.set_bpr0(pe, value)),
            7 => (it.set_bpr1(value), model.set_bpr1(pe, value)),
            8 => (it.set_ctlr(value), model.set_ctlr(pe, value)),
            9 => (it.set_sgi0r(value), model.sgi(pe, 0, value)),
            10 | 17.. => (it.set_sgi1r(value), model.sgi(pe, 1, value)),
            11 => (it.set_igrpen0(value), model.pes[pe].enabled[0] = value & 1 != 0),
            12 => (it.set_igrpen1(value), {
                let bank = model.bank(pe);
                model.pes[pe].enabled[bank] = value & 1 != 0;
            }),
            13 | 14 => (it.set_asgi1r(value), model.sgi(pe, 2, value)),
            // Registers of EL3.
            15 | 16 if !self.two_states => ((), ()),
            15 => (it.set_igrpen1_el3(value), {
                (model.pes[pe].enabled[1], model.pes[pe].enabled[2]) = (value & 1 != 0, value & 2 != 0);
            }),
            16 => (it.set_ctlr_el3(value), model.set_ctlr_el3(pe, value)),
        };
        pe
    }

    /// 1-of-N: the GIC's choice is asked for, checked against the rules, and given to the model.
    fn learn_choices(&mut self, op: Op) {
        for n in 0..self.model.shared.len() {
            let irq = self.model.shared[n].clone();
            if !irq.one_of_n() || !irq.ready() {
                self.model.shared[n].chosen = None;
                continue;
            }
            if irq.chosen.is_some_and(|pe| self.model.may_be_chosen(pe, irq.group())) {
                continue;
            }
            let id = self.model.shared_id(n);
            let chosen = self.gic.describe(0, IntId(id as u32)).unwrap().target;
            match chosen {
                Some(pe) => assert!(self.model.may_be_chosen(pe, irq.group()), "{id} went to PE {pe} by {op:?}"),
                None => {
                    let nobody = (0..self.pes.len()).all(|pe| !self.model.may_be_chosen(pe, irq.group()));
                    assert!(nobody, "{id} went to nobody by {op:?}");
                }
            }
            self.model.shared[n].chosen = chosen;
        }
    }
}

fn id() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 32..36usize, 3 => 62..66usize, 3 => 92..98usize, 2 => 4096..4104usize, 1 => 4126..4130usize]
}

/// An SPI that exists; ESPIs in some GICs.
fn wired() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 32..36usize, 3 => 62..66usize, 3 => 92..96usize, 2 => 4096..4104usize]
}

fn private_id() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..3usize, 3 => 16..18usize, 3 => 30..32usize, 2 => 1056..1059usize]
}

fn who() -> impl Strategy<Value = Who> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(el3, secure, fiq_to_el3, nmi)| Who {
        el3,
        secure: secure || el3,
        fiq_to_el3,
        nmi,
    })
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
    let bits = prop::sample::select(vec![0x80, 0x100, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0xd00, 0xf80]);
    prop_oneof![
        6 => (bits, 0..=last).prop_map(|(base, n)| base + 4 * n),
        1 => (0..=last * 2 + 1).prop_map(|n| 0xc00 + 4 * n),
        1 => (0..=last * 8 + 7).prop_map(|n| 0x400 + 4 * n),
        1 => (0..=last).prop_map(|n| 0x800 + 4 * n),
        1 => (0..=last * 2 + 1).prop_map(|n| 0xe00 + 4 * n),
    ]
}

/// In the distributor, of SPIs or ESPIs.
fn shared_offset() -> impl Strategy<Value = usize> {
    let extended = prop::sample::select(vec![
        0x1000, 0x1200, 0x1200, 0x1400, 0x1600, 0x1800, 0x1a00, 0x1c00, 0x2004, 0x3000, 0x3400, 0x3600, 0x3b00,
    ]);
    prop_oneof![4 => field_offset(3), 1 => extended]
}

fn route() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(AFFINITIES.to_vec()),
        2 => Just(spec::IRM),
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
    let secure = || prop::bool::weighted(0.6);
    let router = || {
        prop_oneof![4 => (id(), 0..2usize)].prop_map(|(id, half)| match id {
            4096.. => 0x8000 + 8 * (id - 4096) + 4 * half,
            _ => 0x6000 + 8 * id + 4 * half,
        })
    };
    let message = prop::sample::select(vec![0x40usize, 0x48, 0x50, 0x58]);
    prop_oneof![
        12 => (wired(), any::<bool>()).prop_map(|(id, high)| Op::Spi { id, high }),
        6 => (pe.clone(), prop_oneof![16..19usize, 1056..1058usize], any::<bool>()).prop_map(|(pe, id, high)| Op::Ppi { pe, id, high }),
        4 => (prop_oneof![Just(0), shared_offset(), router()], secure()).prop_map(|(offset, secure)| Op::ReadDistributor { offset, secure }),
        8 => (shared_offset(), secure(), bits()).prop_map(|(offset, secure, value)| Op::WriteDistributor { offset, secure, value }),
        1 => (prop_oneof![7 => 0..8u64, 2 => Just(0x87), 1 => Just(0x47)], secure()).prop_map(|(value, secure)| Op::WriteDistributor { offset: 0, secure, value }),
        2 => (message, id(), secure()).prop_map(|(offset, id, secure)| Op::WriteDistributor { offset, secure, value: id as u64 }),
        1 => (router(), secure(), bits()).prop_map(|(offset, secure, value)| Op::WriteDistributor { offset, secure, value }),
        2 => (pe.clone(), field_offset(1), secure()).prop_map(|(pe, offset, secure)| Op::ReadRedistributor { pe, offset: 0x10000 + offset, secure }),
        1 => (pe.clone(), prop_oneof![Just(0usize), Just(0x14)], secure()).prop_map(|(pe, offset, secure)| Op::ReadRedistributor { pe, offset, secure }),
        4 => (pe.clone(), field_offset(1), secure(), bits()).prop_map(|(pe, offset, secure, value)| Op::WriteRedistributor { pe, offset: 0x10000 + offset, secure, value }),
        1 => (pe.clone(), secure(), 0..4u64).prop_map(|(pe, secure, value)| Op::WriteRedistributor { pe, offset: 0x14, secure, value }),
        1 => (pe.clone(), secure(), 0..8u64).prop_map(|(pe, secure, value)| Op::WriteRedistributor { pe, offset: 0, secure, value: value << 24 }),
        4 => (pe.clone(), prop_oneof![id(), private_id()], secure(), priority()).prop_map(|(pe, id, secure, value)| Op::Priority { pe, id, secure, value }),
        4 => (id(), route()).prop_map(|(id, value)| Op::Route { id, value }),
        3 => (pe.clone(), who()).prop_map(|(pe, who)| Op::Become { pe, who }),
        18 => (pe.clone(), 0..20usize).prop_map(|(pe, register)| Op::ReadIcc { pe, register }),
        12 => (pe.clone(), 0..20usize, icc_value()).prop_map(|(pe, register, value)| Op::WriteIcc { pe, register, value }),
        8 => pe.prop_map(|pe| Op::End { pe }),
    ]
}

/// Is it about interrupts that this GIC has?
fn exists(op: &Op, extended: bool) -> bool {
    match op {
        Op::Spi { id, .. } | Op::Ppi { id, .. } => extended || *id < 1020,
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gic_does_what_the_model_does(
        pes in 1..5usize,
        two_states: bool,
        extended: bool,
        opened in prop::bool::weighted(0.8),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut both = Both::new(pes, two_states, extended);
        if opened {
            both.open();
        }
        ops.into_iter().filter(|op| exists(op, extended)).for_each(|op| both.step(op));
    }
}
