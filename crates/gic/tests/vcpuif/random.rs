//! Random operations on the virtual CPU interface and on the model, everything observable compared after each.

use super::model::Model;
use armagic_gic::{PhysicalDeactivation, VirtualInterface, VirtualSpec};
use proptest::{prelude::*, sample::select};

#[derive(Clone, Copy, Debug)]
enum Op {
    Hcr(u64),
    Vmcr(u64),
    Ap {
        group: u64,
        value: u64,
    },
    Lr {
        n: usize,
        value: u64,
    },
    Iar(u64),
    Iar1WithoutNmi,
    Nmiar1,
    Eoir {
        group: u64,
        value: u64,
    },
    Dir(u64),
    /// EOIR and, with EOImode, DIR of what was acknowledged last and is not yet ended.
    End,
    Pmr(u64),
    Bpr0(u64),
    Bpr1(u64),
    Ctlr(u64),
    Igrpen {
        group: u64,
        value: u64,
    },
    SaveAndRestore,
}

struct Both {
    real: VirtualInterface,
    model: Model,
    /// Acknowledged: group and INTID.
    taken: Vec<(u64, u64)>,
}

impl Both {
    fn new(spec: VirtualSpec) -> Both {
        let model = Model::new(spec.list_registers, spec.nmi, spec.extended_range);
        Both { real: VirtualInterface::new(spec).unwrap(), model, taken: vec![] }
    }

    fn step(&mut self, op: Op) {
        let (real, model) = (&mut self.real, &mut self.model);
        match op {
            Op::Hcr(v) => (real.set_hcr(v), model.set_hcr(v)).0,
            Op::Vmcr(v) => (real.set_vmcr(v), model.set_vmcr(v)).0,
            Op::Ap { group, value } => {
                model.set_ap(group, value);
                if group == 0 { real.set_ap0r0(value) } else { real.set_ap1r0(value) }
            }
            Op::Lr { n, value } => (real.set_lr(n, value), model.set_lr(n, value)).0,
            Op::Iar(group) => {
                let id = if group == 0 { real.iar0() } else { real.iar1() };
                assert_eq!(id, model.iar(group), "IAR{group}");
                self.took(group, id);
            }
            Op::Iar1WithoutNmi => {
                let id = real.iar1_without_nmi();
                assert_eq!(id, model.iar1_without_nmi(), "IAR1");
                self.took(1, id);
            }
            Op::Nmiar1 => {
                let id = real.nmiar1();
                assert_eq!(id, model.nmiar1(), "NMIAR1");
                self.took(1, id);
            }
            Op::Eoir { group, value } => self.end(group, value),
            Op::Dir(value) => self.deactivate(value),
            Op::End => {
                if let Some((group, id)) = self.taken.pop() {
                    self.end(group, id);
                    self.deactivate(id);
                }
            }
            Op::Pmr(v) => (real.set_pmr(v), model.set_pmr(v)).0,
            Op::Bpr0(v) => (real.set_bpr0(v), model.set_bpr0(v)).0,
            Op::Bpr1(v) => (real.set_bpr1(v), model.set_bpr1(v)).0,
            Op::Ctlr(v) => (real.set_ctlr(v), model.set_ctlr(v)).0,
            Op::Igrpen { group: 0, value } => (real.set_igrpen0(value), model.veng0 = value & 1 == 1).0,
            Op::Igrpen { value, .. } => (real.set_igrpen1(value), model.veng1 = value & 1 == 1).0,
            Op::SaveAndRestore => self.save_and_restore(),
        }
        self.compare(op);
    }

    fn took(&mut self, group: u64, id: u64) {
        if !(1020..1024).contains(&id) {
            self.taken.push((group, id));
        }
    }

    fn end(&mut self, group: u64, value: u64) {
        let real = if group == 0 { self.real.set_eoir0(value) } else { self.real.set_eoir1(value) };
        let model = self.model.eoir(group, value);
        assert_eq!(real.map(|PhysicalDeactivation(id)| u64::from(id.0)), model, "EOIR{group} of {value:#x}");
    }

    fn deactivate(&mut self, value: u64) {
        let real = self.real.set_dir(value).map(|PhysicalDeactivation(id)| u64::from(id.0));
        assert_eq!(real, self.model.dir(value), "DIR of {value:#x}");
    }

    /// Another interface, written as this one reads, is the same in everything.
    fn save_and_restore(&mut self) {
        let old = &self.real;
        let mut new = VirtualInterface::new(old.spec()).unwrap();
        new.set_vmcr(old.vmcr());
        new.set_ap0r0(old.ap0r0());
        new.set_ap1r0(old.ap1r0());
        (0..16).for_each(|n| new.set_lr(n, old.lr(n)));
        new.set_hcr(old.hcr());
        assert_eq!(new, *old);
        self.real = new;
    }

    fn compare(&self, op: Op) {
        let (real, model) = (&self.real, &self.model);
        let signals = real.signals();
        assert_eq!([signals.irq, signals.fiq, signals.nmi], model.signals(), "signals after {op:x?}");
        assert_eq!(real.maintenance(), model.maintenance(), "maintenance interrupt after {op:x?}");
        let same = |name: &str, real: u64, model: u64| {
            assert!(real == model, "{name} is {real:#x}, not {model:#x}, after {op:x?}");
        };
        same("HPPIR0", real.hppir0(), model.hppir(0));
        same("HPPIR1", real.hppir1(), model.hppir(1));
        same("MISR", real.misr(), model.misr());
        same("EISR", real.eisr(), model.eisr());
        same("ELRSR", real.elrsr(), model.elrsr());
        same("HCR", real.hcr(), model.hcr());
        same("VMCR", real.vmcr(), model.vmcr());
        same("VTR", real.vtr(), model.vtr());
        same("AP0R0", real.ap0r0(), model.ap(0));
        same("AP1R0", real.ap1r0(), model.ap(1));
        (0..16).for_each(|n| same(&format!("LR{n}"), real.lr(n), model.lr(n)));
        same("RPR", real.rpr(), model.rpr());
        same("PMR", real.pmr(), model.vpmr);
        same("BPR0", real.bpr0(), model.vbpr0);
        same("BPR1", real.bpr1(), model.bpr1());
        same("CTLR", real.ctlr(), model.ctlr());
        same("IGRPEN0", real.igrpen0(), model.veng0.into());
        same("IGRPEN1", real.igrpen1(), model.veng1.into());
        let traps = [real.traps_common(), real.traps_group0(), real.traps_group1(), real.traps_dir()];
        assert_eq!(traps, [model.tc, model.tall0, model.tall1, model.tdir], "traps after {op:x?}");
        self.a_signal_can_be_answered();
    }

    /// What is signalled, the register that belongs to it acknowledges; and nothing else can be acknowledged.
    fn a_signal_can_be_answered(&self) {
        let signals = self.real.signals();
        let special = |id: u64| (1020..1024).contains(&id);
        assert!(!(signals.irq && signals.fiq || signals.nmi && !signals.irq), "{signals:?}");
        assert_eq!(signals.fiq, !special(self.real.clone().iar0()));
        assert_eq!(signals.irq, !special(self.real.clone().iar1()));
        assert_eq!(signals.irq && !signals.nmi, !special(self.real.clone().iar1_without_nmi()));
        assert_eq!(signals.nmi, !special(self.real.clone().nmiar1()));
    }
}

/// Few INTIDs, so that list registers, EOIR and DIR meet: of each kind, and beside each boundary.
fn intid() -> impl Strategy<Value = u64> {
    let common = select(vec![0, 27, 40, 1019, 5000, 8192]);
    prop_oneof![8 => common, 1 => select(vec![1020, 1021, 1022, 1023, 1024, 8191, 8193, 0xffff]), 1 => any::<u64>()]
}

/// Few priorities, so that they tie and nest; with garbage in the bits that are not implemented.
fn priority() -> impl Strategy<Value = u64> {
    prop_oneof![4 => select(vec![0, 8, 0x10, 0x40, 0x48, 0x80, 0xa0, 0xf0, 0xf8]), 1 => 0u64..256]
}

fn list_register() -> impl Strategy<Value = u64> {
    let state = prop_oneof![1 => Just(0u64), 5 => Just(1), 1 => Just(2), 1 => Just(3)];
    let properties = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), select(vec![0, 5, 1023, 4100, 0x1fff]));
    let fields = (state, properties, any::<bool>(), priority(), intid(), prop::bool::weighted(0.05), any::<u64>());
    fields.prop_map(|(state, (hw, group1, nmi, pintid), eoi, priority, id, garbage, other)| {
        let behind = if hw { pintid << 32 } else { u64::from(eoi) << 41 };
        let flags = u64::from(hw) << 61 | u64::from(group1) << 60 | u64::from(nmi) << 59;
        let value = state << 62 | flags | priority << 48 | behind | id & 0xffff_ffff;
        if garbage { value ^ other } else { value }
    })
}

fn op() -> impl Strategy<Value = Op> {
    let group = || 0u64..2;
    // Mostly on: the enable bit more often than not, a maintenance cause now and then.
    let hcr = (prop::bool::weighted(0.9), any::<u64>(), any::<u64>()).prop_map(|(on, a, b)| (a & b & !1) | on as u64);
    let vmcr = (any::<u64>(), priority()).prop_map(|(v, pmr)| (v | 3) & 0xffff_ffff_00ff_ffff | pmr << 24);
    let few_bits = (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c);
    prop_oneof![
        2 => hcr.prop_map(Op::Hcr),
        1 => any::<u64>().prop_map(Op::Hcr),
        1 => vmcr.prop_map(Op::Vmcr),
        1 => any::<u64>().prop_map(Op::Vmcr),
        1 => (group(), few_bits).prop_map(|(group, value)| Op::Ap { group, value }),
        12 => (0..17usize, list_register()).prop_map(|(n, value)| Op::Lr { n, value }),
        8 => (0..4usize, list_register()).prop_map(|(n, value)| Op::Lr { n, value }),
        10 => group().prop_map(Op::Iar),
        4 => Just(Op::Iar1WithoutNmi),
        3 => Just(Op::Nmiar1),
        4 => (group(), intid()).prop_map(|(group, value)| Op::Eoir { group, value }),
        4 => intid().prop_map(Op::Dir),
        12 => Just(Op::End),
        3 => priority().prop_map(Op::Pmr),
        1 => any::<u64>().prop_map(Op::Bpr0),
        1 => any::<u64>().prop_map(Op::Bpr1),
        2 => any::<u64>().prop_map(Op::Ctlr),
        1 => (group(), any::<u64>()).prop_map(|(group, value)| Op::Igrpen { group, value }),
        1 => Just(Op::SaveAndRestore),
    ]
}

fn spec() -> impl Strategy<Value = VirtualSpec> {
    let fields = (4..17usize, any::<bool>(), any::<bool>());
    fields.prop_map(|(list_registers, nmi, extended_range)| VirtualSpec { list_registers, nmi, extended_range })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_operations_agree_with_the_model(spec in spec(), ops in prop::collection::vec(op(), 1..100)) {
        let mut both = Both::new(spec);
        both.compare(Op::SaveAndRestore);
        // What most hypervisors and guests set up first, so that most operations meet open gates.
        both.step(Op::Hcr(1));
        both.step(Op::Vmcr(0xf84c_000b));
        ops.into_iter().for_each(|op| both.step(op));
    }

    /// Nested as deep as they come, what is ended in the reverse order leaves nothing behind.
    #[test]
    fn nothing_stays_active(lists in prop::collection::vec(list_register(), 16), eoimode in any::<bool>()) {
        let mut both = Both::new(VirtualSpec { list_registers: 16, nmi: true, extended_range: true });
        both.step(Op::Hcr(1));
        both.step(Op::Vmcr(0xf84c_000b | u64::from(eoimode) << 9));
        for (n, value) in lists.into_iter().enumerate() {
            // None was active before, and each INTID is there once.
            both.step(Op::Lr { n, value: value & !(1 << 63 | 0xffff_ffff) | [n, 8192 + n][n % 2] as u64 });
            both.step(Op::Iar(0));
            both.step(Op::Iar(1));
        }
        while !both.taken.is_empty() {
            both.step(Op::End);
        }
        let active = (0..16).filter(|&n| both.real.lr(n) >> 63 == 1).count();
        prop_assert_eq!((active, both.real.ap0r0(), both.real.ap1r0(), both.real.rpr()), (0, 0, 0, 0xff));
        prop_assert_eq!(both.real.hcr() >> 27, 0);
    }
}
