//! Random commands, messages and accesses, against a model that is another and more obvious program: sets and maps, no
//! tables, nothing cached but the configuration.

use crate::rig::*;
use armagic_gic::LpiCache;
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::{BTreeMap, BTreeSet};

const PES: usize = 3;
const LPIS: std::ops::Range<u32> = 8192..8204;
/// What the rig's collection table of 4 KiB has room for.
const ICIDS: u64 = 512;
const DEVICES: u32 = 8192;

#[derive(Clone, Debug)]
enum Step {
    Mapd(u32, u64),
    Unmapd(u32),
    Mapc(u64, u64),
    Unmapc(u64),
    Mapti(u32, u32, u32, u64),
    Movi(u32, u32, u64),
    Int(u32, u32),
    Clear(u32, u32),
    Inv(u32, u32),
    Invall(u64),
    Movall(u64, u64),
    Discard(u32, u32),
    Send(u32, u32),
    Config(u32, u8),
    EnableLpis(usize, bool),
    EnableIts(bool),
    InvLpi(usize, u32),
    SetLpi(usize, u32, bool),
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let d = || prop_oneof![20 => 0..3u32, 1 => Just(DEVICES), 1 => Just(1 << 16)];
    let e = || prop_oneof![20 => 0..5u32, 1 => Just(1 << 16)];
    let icid = || prop_oneof![20 => 0..4u64, 1 => Just(ICIDS)];
    let pe = || prop_oneof![20 => 0..PES as u64, 1 => Just(PES as u64)];
    let intid = || prop_oneof![20 => LPIS, 1 => Just(8191), 1 => Just(1 << 16)];
    let byte = prop_oneof![Just(0x80), Just(0x81), Just(0x41), Just(0x83), Just(0xa1), any::<u8>()];
    prop_oneof![
        2 => (d(), 1..4u64).prop_map(|(d, bits)| Step::Mapd(d, bits)),
        1 => d().prop_map(Step::Unmapd),
        4 => (icid(), pe()).prop_map(|(icid, pe)| Step::Mapc(icid, pe)),
        1 => icid().prop_map(Step::Unmapc),
        9 => (d(), e(), intid(), icid()).prop_map(|(d, e, intid, icid)| Step::Mapti(d, e, intid, icid)),
        5 => (d(), e(), icid()).prop_map(|(d, e, icid)| Step::Movi(d, e, icid)),
        2 => (d(), e()).prop_map(|(d, e)| Step::Int(d, e)),
        1 => (d(), e()).prop_map(|(d, e)| Step::Clear(d, e)),
        4 => (d(), e()).prop_map(|(d, e)| Step::Inv(d, e)),
        2 => icid().prop_map(Step::Invall),
        2 => (pe(), pe()).prop_map(|(from, to)| Step::Movall(from, to)),
        1 => (d(), e()).prop_map(|(d, e)| Step::Discard(d, e)),
        12 => (d(), e()).prop_map(|(d, e)| Step::Send(d, e)),
        5 => (LPIS, byte).prop_map(|(intid, byte)| Step::Config(intid, byte)),
        1 => (0..PES, any::<bool>()).prop_map(|(pe, on)| Step::EnableLpis(pe, on)),
        1 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(Step::EnableIts),
        1 => (0..PES, intid()).prop_map(|(pe, intid)| Step::InvLpi(pe, intid)),
        1 => (0..PES, intid(), any::<bool>()).prop_map(|(pe, intid, set)| Step::SetLpi(pe, intid, set)),
        9 => (0..PES).prop_map(Step::Take),
    ]
}

/// A redistributor: while on, what is pending and what it last read of each configuration.
#[derive(Clone, Default)]
struct Redistributor {
    on: bool,
    pending: BTreeSet<u32>,
    read: BTreeMap<u32, u8>,
    /// The pending table in memory.
    table: BTreeSet<u32>,
}

#[derive(Default)]
struct Model {
    cached: bool,
    enabled: bool,
    config: BTreeMap<u32, u8>,
    /// EventID bits of mapped devices.
    devices: BTreeMap<u32, u64>,
    /// What their tables hold, which stays when they are unmapped.
    events: BTreeMap<(u32, u32), (u32, u64)>,
    collections: BTreeMap<u64, usize>,
    pes: Vec<Redistributor>,
    syndrome: Option<u64>,
}

/// Of a command: the last byte of its error code. Of a message: the same.
type Outcome<T = ()> = Result<T, u32>;

impl Model {
    fn byte(&self, intid: u32) -> u8 {
        self.config.get(&intid).copied().unwrap_or(0)
    }

    fn reload(&mut self, pe: usize, intid: u32) {
        let byte = self.byte(intid);
        if self.pes[pe].on {
            self.pes[pe].read.insert(intid, byte);
        }
    }

    fn reload_all(&mut self, pe: usize) {
        LPIS.for_each(|intid| self.reload(pe, intid));
    }

    fn pend(&mut self, pe: usize, intid: u32) {
        if !self.cached {
            self.reload(pe, intid);
        }
        if self.pes[pe].on {
            self.pes[pe].pending.insert(intid);
        }
    }

    /// Moves one pending state.
    fn shift(&mut self, intid: u32, from: usize, to: usize) {
        if from != to {
            self.reload(to, intid);
            if self.pes[from].pending.remove(&intid) {
                self.pend(to, intid);
            }
        }
    }

    fn place(&self, d: u32, e: u32) -> Outcome {
        match self.devices.get(&d) {
            _ if d >= DEVICES => Err(1),
            None => Err(4),
            Some(bits) if e >= 1 << bits => Err(5),
            Some(_) => Ok(()),
        }
    }

    fn event(&self, d: u32, e: u32) -> Outcome<(u32, u64)> {
        self.place(d, e)?;
        self.events.get(&(d, e)).copied().ok_or(7)
    }

    fn collection(&self, icid: u64) -> Outcome<usize> {
        self.collections.get(&icid).copied().ok_or(9)
    }

    fn target(&self, d: u32, e: u32) -> Outcome<(usize, u32)> {
        let (intid, icid) = self.event(d, e)?;
        Ok((self.collection(icid)?, intid))
    }

    fn unmapped(&mut self, outcome: Outcome) {
        let syndromes = [(1, 0b0010), (4, 0b0011), (5, 0b0100), (7, 0b0101), (9, 0b0111)];
        if let Err(last) = outcome {
            self.syndrome = syndromes.iter().find(|(error, _)| *error == last).map(|(_, syndrome)| *syndrome);
        }
    }

    fn message(&mut self, d: u32, e: u32) -> Outcome {
        let outcome = self.target(d, e).map(|(pe, intid)| self.pend(pe, intid));
        self.unmapped(outcome);
        outcome
    }

    /// Commands; anything else has no outcome.
    fn step(&mut self, step: &Step) -> Outcome {
        match *step {
            Step::Mapd(d, _) | Step::Unmapd(d) if d >= DEVICES => return Err(1),
            Step::Mapd(d, bits) => _ = self.devices.insert(d, bits),
            Step::Unmapd(d) => _ = self.devices.remove(&d),
            Step::Mapc(icid, pe) => {
                if pe >= PES as u64 {
                    return Err(2);
                }
                if icid >= ICIDS {
                    return Err(3);
                }
                if self.collections.insert(icid, pe as usize) != Some(pe as usize) {
                    self.reload_all(pe as usize);
                }
            }
            Step::Unmapc(icid) if icid >= ICIDS => return Err(3),
            Step::Unmapc(icid) => _ = self.collections.remove(&icid),
            Step::Mapti(d, e, intid, icid) => {
                self.place(d, e)?;
                if icid >= ICIDS {
                    return Err(3);
                }
                if !(8192..1 << 16).contains(&intid) {
                    return Err(6);
                }
                self.events.insert((d, e), (intid, icid));
                if let Ok(pe) = self.collection(icid) {
                    self.reload(pe, intid);
                }
            }
            Step::Movi(d, e, icid) => {
                let (intid, old) = self.event(d, e)?;
                let from = self.collection(old)?;
                let to = self.collection(icid)?;
                self.events.insert((d, e), (intid, icid));
                self.shift(intid, from, to);
            }
            Step::Int(d, e) => return self.message(d, e),
            Step::Clear(d, e) => {
                let (pe, intid) = self.target(d, e)?;
                self.pes[pe].pending.remove(&intid);
            }
            Step::Inv(d, e) => {
                let (pe, intid) = self.target(d, e)?;
                self.reload(pe, intid);
            }
            Step::Invall(icid) => self.reload_all(self.collection(icid)?),
            Step::Movall(from, to) => {
                if from.max(to) >= PES as u64 {
                    return Err(1);
                }
                for intid in self.pes[from as usize].pending.clone() {
                    self.shift(intid, from as usize, to as usize);
                }
            }
            Step::Discard(d, e) => {
                let (intid, icid) = self.event(d, e)?;
                self.events.remove(&(d, e));
                if let Ok(pe) = self.collection(icid) {
                    self.pes[pe].pending.remove(&intid);
                }
            }
            Step::Send(d, e) if self.enabled => _ = self.message(d, e),
            Step::Send(..) => {}
            Step::Config(intid, byte) => _ = self.config.insert(intid, byte),
            Step::EnableLpis(pe, on) => self.enable(pe, on),
            Step::EnableIts(on) => self.enabled = on,
            Step::InvLpi(pe, intid) => self.reload(pe, intid),
            Step::SetLpi(pe, intid, set) if (8192..1 << 16).contains(&intid) => {
                if set {
                    self.pend(pe, intid);
                } else {
                    self.pes[pe].pending.remove(&intid);
                }
            }
            Step::SetLpi(..) => {}
            Step::Take(_) => {}
        }
        Ok(())
    }

    fn enable(&mut self, pe: usize, on: bool) {
        let it = &mut self.pes[pe];
        match (it.on, on) {
            (false, true) => {
                it.on = true;
                it.pending = it.table.clone();
                self.reload_all(pe);
            }
            (true, false) => {
                it.on = false;
                it.table = std::mem::take(&mut it.pending);
                it.read.clear();
            }
            _ => {}
        }
    }

    /// What an acknowledge returns, with nothing active and the mask at 0xf0.
    fn take(&mut self, pe: usize) -> u64 {
        loop {
            let it = &self.pes[pe];
            let ready = it.pending.iter().map(|intid| (it.read.get(intid).copied().unwrap_or(0), *intid));
            let ready = ready.filter(|(byte, _)| byte & 1 != 0 && byte & 0xf8 < 0xf0);
            let Some((_, intid)) = ready.min_by_key(|(byte, intid)| (byte & 0xf8, *intid)) else { return NONE };
            let was = it.read.get(&intid).map(|byte| byte & 0xf9);
            if !self.cached && was != Some(self.byte(intid) & 0xf9) {
                self.reload(pe, intid);
                continue;
            }
            self.pes[pe].pending.remove(&intid);
            return intid.into();
        }
    }
}

fn words(step: &Step) -> Option<[u64; 4]> {
    Some(match *step {
        Step::Mapd(d, bits) => mapd(d, bits),
        Step::Unmapd(d) => unmapd(d),
        Step::Mapc(icid, pe) => mapc(icid, pe),
        Step::Unmapc(icid) => unmapc(icid),
        Step::Mapti(d, e, intid, icid) => mapti(d, e, intid, icid),
        Step::Movi(d, e, icid) => movi(d, e, icid),
        Step::Int(d, e) => int(d, e),
        Step::Clear(d, e) => clear(d, e),
        Step::Inv(d, e) => inv(d, e),
        Step::Invall(icid) => invall(icid),
        Step::Movall(from, to) => movall(from, to),
        Step::Discard(d, e) => discard(d, e),
        _ => return None,
    })
}

fn check(steps: &[Step], cache: LpiCache) {
    let mut rig = Rig::with(PES, Options { cache, direct: true, ..Options::default() });
    let on = Redistributor { on: true, ..Default::default() };
    let pes = vec![on; PES];
    let mut model = Model { cached: cache == LpiCache::Full, enabled: true, pes, ..Default::default() };
    rig.pes.iter_mut().for_each(|pe| pe.set_pmr(0xf0));
    let mut failed = 0;
    // Something to begin with, or most commands would fail.
    let begin = (0..3).flat_map(|n| [Step::Mapd(n, 2), Step::Mapc(n.into(), n.into())]);
    let begin = begin.chain((0..6).map(|n| Step::Mapti(n % 3, n / 2, 8192 + n, u64::from(n) % 3)));
    for step in begin.collect::<Vec<_>>().iter().chain(steps) {
        // A queue that is not executed would be, later.
        if words(step).is_some() && !model.enabled {
            continue;
        }
        let outcome = model.step(step);
        if let Some(words) = words(step) {
            rig.commands(&[words]);
        }
        match *step {
            Step::Send(d, e) => rig.send(d, e),
            Step::Config(intid, byte) => rig.config(intid, byte),
            Step::EnableLpis(pe, on) => rig.r(pe, 0, on.into()),
            Step::EnableIts(on) => rig.ctlr(on.into()),
            Step::InvLpi(pe, intid) => rig.r64(pe, 0xa0, intid.into()),
            Step::SetLpi(pe, intid, set) => rig.r64(pe, if set { 0x40 } else { 0x48 }, intid.into()),
            Step::Take(pe) => {
                let id = rig.pes[pe].iar1();
                assert_eq!(id, model.take(pe), "{step:?}");
                if id != NONE {
                    rig.pes[pe].set_eoir1(id);
                }
            }
            _ => {}
        }
        if words(step).is_some() {
            let errors = rig.its.failed_commands();
            let new = errors.get(failed..).and_then(|new| new.first()).map(|failed| failed.error.code & 0xff);
            assert_eq!(new, outcome.err(), "{step:?}");
            failed = errors.len();
            if failed >= 32 {
                return;
            }
        }
        assert_eq!(rig.syndrome(), model.syndrome.take(), "{step:?}");
        for pe in 0..PES {
            let pending: BTreeSet<_> = LPIS.filter(|intid| rig.pending(pe, *intid)).collect();
            assert_eq!(pending, model.pes[pe].pending, "PE {pe} after {step:?}");
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_its_does_what_the_model_does(steps in prop::collection::vec(step(), 1..200), cached: bool) {
        check(&steps, if cached { LpiCache::Full } else { LpiCache::None });
    }
}
