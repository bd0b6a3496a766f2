//! GICv3 as one thread would write it: plain fields, every question answered by looking at all interrupts.
//!
//! The specification that the concurrent one is compared with. Slow on purpose; nothing here is shared with it, so
//! that one mistake is not made twice. IHI 0069, one or two security states, affinity routing, 5 bits of priority,
//! extended ranges, non-maskable interrupts.

mod frames;
mod lpis;

pub use lpis::{LPI, LPIS, Lpis};

/// Group 0, Group 1 (Non-secure, if there are two states), Group 1 Secure.
pub const GROUP_0: usize = 0;
pub const GROUP_1: usize = 1;
pub const GROUP_1_SECURE: usize = 2;

#[derive(Clone, Default, Hash)]
pub struct Irq {
    pub implemented: bool,
    pub latch: bool,
    pub line: bool,
    pub message: bool,
    pub active: bool,
    pub enabled: bool,
    /// IGROUPR and IGRPMODR.
    pub group_bit: bool,
    pub modifier: bool,
    pub nmi: bool,
    pub nsacr: u64,
    pub edge: bool,
    pub sgi: bool,
    pub priority: u32,
    /// IROUTER as 64 bits.
    pub router: u64,
    /// The PE chosen for a 1-of-N interrupt. Which one is IMPLEMENTATION DEFINED, so the harness says.
    pub chosen: Option<usize>,
}

/// Who executes at a PE.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Who {
    pub el3: bool,
    pub secure: bool,
    pub fiq_to_el3: bool,
    pub nmi: bool,
}

#[derive(Clone, Hash)]
pub struct Pe {
    /// As IROUTER has it.
    pub affinity: u64,
    /// By INTID: SGIs and PPIs, and EPPIs from 32 on.
    pub private: Vec<Irq>,
    pub asleep: bool,
    /// GICR_CTLR.DPG, by group.
    pub declines: [bool; 3],
    pub who: Who,
    pub pmr: u32,
    /// BPR0, BPR1 Non-secure, BPR1 Secure.
    pub bpr: [u32; 3],
    /// CBPR of Non-secure (1) and Secure (2) software.
    pub cbpr: [bool; 3],
    /// EOImode of EL3 (0), Non-secure (1) and Secure (2) software.
    pub eoimode: [bool; 3],
    pub rm: bool,
    pub enabled: [bool; 3],
    /// active[group][priority / 8]
    pub active: [[bool; 32]; 3],
    pub nmi_active: [bool; 3],
}

#[derive(Clone, Hash)]
pub struct Model {
    /// SPIs, then ESPIs.
    pub shared: Vec<Irq>,
    pub spis: usize,
    pub pes: Vec<Pe>,
    pub group_enable: [bool; 3],
    pub one_state: bool,
    pub e1nwf: bool,
    pub has_nmi: bool,
    /// By PE and group, GICD_CTLR's and GICR_WAKER's, if a write of these is more than one step: then they count, and not
    /// `group_enable` and `asleep`.
    pub gates: Option<Vec<[[bool; 2]; 3]>>,
    /// Those of histories; the others have a model of their own (`tests/its/model.rs`).
    pub lpis: Option<Lpis>,
}

pub const IRM: u64 = 1 << 31;

/// The interrupt that a PE would take: what decides between interrupts, in the order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Best {
    pub priority: u32,
    /// False for non-maskable: they come first.
    pub maskable: bool,
    pub id: usize,
    pub group: usize,
}

/// Is a shared interrupt at a PE?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    Absent,
    /// One of several PEs has it, and which one is not said.
    Possible,
    Certain,
}

impl Best {
    /// What decides; between equals any may be first.
    pub fn urgency(&self) -> (u32, bool) {
        (self.priority, self.maskable)
    }
}

impl Irq {
    pub fn pending(&self) -> bool {
        if self.edge { self.latch } else { self.latch || self.line || self.message }
    }
    pub fn ready(&self) -> bool {
        self.implemented && self.enabled && self.pending() && !self.active
    }
    pub fn one_of_n(&self) -> bool {
        self.router & IRM != 0
    }
    pub fn group(&self) -> usize {
        match (self.group_bit, self.modifier) {
            (true, _) => GROUP_1,
            (false, true) => GROUP_1_SECURE,
            (false, false) => GROUP_0,
        }
    }
    fn set_line(&mut self, high: bool) {
        if self.edge && high && !self.line {
            self.latch = true;
        }
        self.line = high;
    }
}

fn bit(value: u64, n: usize) -> bool {
    value >> n & 1 == 1
}

impl Model {
    /// `spis` from INTID 32, `espis` from 4096, `eppis` from 1056.
    pub fn new(spis: usize, espis: usize, eppis: usize, two_states: bool, nmi: bool, affinities: &[u64]) -> Model {
        let private = |id: usize| Irq { implemented: true, edge: id < 16, sgi: id < 16, ..Irq::default() };
        let pe = |&affinity: &u64| Pe {
            affinity,
            private: (0..32 + eppis).map(private).collect(),
            asleep: true,
            declines: [false; 3],
            who: Who::default(),
            pmr: 0,
            bpr: [2, 3, 2],
            cbpr: [false; 3],
            eoimode: [false; 3],
            rm: false,
            enabled: [false; 3],
            active: [[false; 32]; 3],
            nmi_active: [false; 3],
        };
        Model {
            shared: vec![Irq { implemented: true, ..Irq::default() }; spis + espis],
            spis,
            pes: affinities.iter().map(pe).collect(),
            group_enable: [false; 3],
            one_state: !two_states,
            e1nwf: false,
            has_nmi: nmi,
            gates: None,
            lpis: None,
        }
    }

    /// The index in `shared` of an INTID.
    pub fn shared_index(&self, id: usize) -> Option<usize> {
        match id {
            32..1020 => Some(id - 32).filter(|n| *n < self.spis),
            4096..5120 => Some(id - 4096 + self.spis).filter(|n| *n < self.shared.len()),
            _ => None,
        }
    }

    pub fn shared_id(&self, index: usize) -> usize {
        if index < self.spis { index + 32 } else { index - self.spis + 4096 }
    }

    pub fn irq(&mut self, pe: usize, id: usize) -> Option<&mut Irq> {
        match id {
            0..32 => Some(&mut self.pes[pe].private[id]),
            1056..1120 => self.pes[pe].private.get_mut(id - 1056 + 32),
            _ => {
                let index = self.shared_index(id)?;
                Some(&mut self.shared[index])
            }
        }
    }

    pub fn wire(&mut self, pe: usize, id: usize, high: bool) {
        self.irq(pe, id).unwrap().set_line(high);
    }

    pub fn may_be_chosen(&self, pe: usize, group: usize) -> bool {
        let it = &self.pes[pe];
        it.enabled[group] && !it.declines[group] && (!it.asleep || self.e1nwf)
    }

    // Selection.

    pub fn goes_to(&self, irq: &Irq, pe: usize) -> bool {
        if irq.one_of_n() { irq.chosen == Some(pe) } else { irq.router == self.pes[pe].affinity }
    }

    /// What a non-maskable interrupt of a group counts as.
    fn nmi_priority(&self, group: usize) -> u32 {
        if group == GROUP_1 && !self.one_state { 0x80 } else { 0 }
    }

    /// Every interrupt that a PE could take if it were alone, and whether it is certain that it is there. `at` says where
    /// the shared ones are. `held`: gates count.
    pub fn ready_at<'a>(
        &'a self,
        pe: usize,
        held: bool,
        at: impl Fn(usize, &Irq) -> Presence + 'a,
    ) -> impl Iterator<Item = (Best, bool)> + 'a {
        let it = &self.pes[pe];
        let private = it.private.iter().enumerate().map(|(n, irq)| (if n < 32 { n } else { n - 32 + 1056 }, irq, true));
        let shared = self.shared.iter().enumerate().filter(|(_, irq)| irq.ready()).filter_map(move |(n, irq)| {
            let presence = at(n, irq);
            (presence != Presence::Absent).then(|| (self.shared_id(n), irq, presence == Presence::Certain))
        });
        let open = move |group: usize| (!held || self.forwards(pe, group)) && it.enabled[group];
        let best = |(id, irq, certain): (usize, &Irq, bool)| {
            let priority = if irq.nmi { self.nmi_priority(irq.group()) } else { irq.priority };
            (Best { priority, maskable: !irq.nmi, id, group: irq.group() }, certain)
        };
        let lpis = self.lpis.iter().flat_map(move |lpis| lpis.ready(pe)).map(|best| (best, true));
        private.chain(shared).filter(|(_, irq, _)| irq.ready()).map(best).chain(lpis).filter(move |it| open(it.0.group))
    }

    fn forwards(&self, pe: usize, group: usize) -> bool {
        match &self.gates {
            None => self.group_enable[group] && !self.pes[pe].asleep,
            Some(gates) => gates[pe][group] == [true; 2],
        }
    }

    /// The highest priority pending interrupt of a PE.
    pub fn highest(&self, pe: usize) -> Option<Best> {
        let at = |_: usize, irq: &Irq| if self.goes_to(irq, pe) { Presence::Certain } else { Presence::Absent };
        self.ready_at(pe, true, at).map(|(best, _)| best).min()
    }

    /// All that is active at a PE: priority, false if non-maskable, group.
    fn all_active(&self, pe: usize) -> Vec<(u32, bool, usize)> {
        let it = &self.pes[pe];
        let mut all = vec![];
        for group in 0..3 {
            all.extend((0..32).filter(|&n| it.active[group][n]).map(|n| (n as u32 * 8, true, group)));
            all.extend(it.nmi_active[group].then(|| (self.nmi_priority(group), false, group)));
        }
        all.sort();
        all
    }

    fn group_priority(&self, pe: usize, group: usize, priority: u32) -> u32 {
        let it = &self.pes[pe];
        // How many low bits do not count.
        let subpriority = match group {
            GROUP_1 if !it.cbpr[GROUP_1] => it.bpr[GROUP_1],
            GROUP_1_SECURE if !it.cbpr[GROUP_1_SECURE] => it.bpr[GROUP_1_SECURE] + 1,
            _ => it.bpr[GROUP_0] + 1,
        };
        priority >> subpriority << subpriority
    }

    pub fn signalled(&self, pe: usize) -> Option<Best> {
        self.highest(pe).filter(|best| self.passes(pe, best))
    }

    /// Do priority mask and running priority let it through?
    pub fn passes(&self, pe: usize, best: &Best) -> bool {
        let pmr = self.pes[pe].pmr;
        let unmasked = match (best.maskable, best.priority) {
            (true, priority) => priority < pmr,
            (false, 0) => true,
            (false, _) => pmr >= 0x80,
        };
        let preempts = match self.all_active(pe).first() {
            None => true,
            Some(&(running, _, _)) => {
                let group_priority = self.group_priority(pe, best.group, best.priority);
                let running = self.group_priority(pe, best.group, running);
                let again = !best.maskable && best.priority == running && !self.pes[pe].nmi_active[best.group];
                group_priority < running || again
            }
        };
        unmasked && preempts
    }

    /// (irq, fiq, nmi)
    pub fn signals(&self, pe: usize) -> (bool, bool, bool) {
        let Some(best) = self.signalled(pe) else { return (false, false, false) };
        let who = self.pes[pe].who;
        let fiq = if self.one_state {
            best.group == GROUP_0
        } else {
            match (best.group, who) {
                (GROUP_0, _) | (_, Who { el3: true, .. }) => true,
                (GROUP_1, who) => who.secure,
                (_, who) => !who.secure,
            }
        };
        (!fiq, fiq, !best.maskable)
    }

    // The CPU interface.

    /// The bank of whoever executes.
    pub fn bank(&self, pe: usize) -> usize {
        if self.pes[pe].who.secure && !self.one_state { GROUP_1_SECURE } else { GROUP_1 }
    }

    /// Err is a special INTID.
    fn answer0(&self, pe: usize, best: Best) -> Result<Best, u64> {
        let (who, rm) = (self.pes[pe].who, self.pes[pe].rm);
        if self.one_state {
            return if best.group == GROUP_0 { Ok(best) } else { Err(1023) };
        }
        match (best.group, who.el3, who.secure) {
            (GROUP_0, true, _) if rm => Err(1020),
            (GROUP_0, _, true) => Ok(best),
            (GROUP_1_SECURE, true, _) => Err(1020),
            (GROUP_1, true, _) if !rm => Err(1021),
            _ => Err(1023),
        }
    }

    fn answer1(&self, pe: usize, best: Best) -> Result<Best, u64> {
        let (who, rm) = (self.pes[pe].who, self.pes[pe].rm);
        match best.group {
            GROUP_0 => Err(1023),
            GROUP_1_SECURE => {
                if who.secure {
                    Ok(best)
                } else {
                    Err(1023)
                }
            }
            _ if self.one_state || !who.secure => Ok(best),
            _ if who.el3 && rm => Err(1021),
            _ if who.el3 => Ok(best),
            _ => Err(1023),
        }
    }

    fn take(&mut self, pe: usize, best: Result<Best, u64>) -> u64 {
        let best = match best {
            Ok(best) => best,
            Err(special) => return special,
        };
        self.take_found(pe, best)
    }

    /// Takes it, whatever else there is.
    pub fn take_found(&mut self, pe: usize, best: Best) -> u64 {
        if best.maskable {
            let group_priority = self.group_priority(pe, best.group, best.priority);
            self.pes[pe].active[best.group][group_priority as usize / 8] = true;
        } else {
            self.pes[pe].nmi_active[best.group] = true;
        }
        if let (Some(lpis), LPI..) = (&mut self.lpis, best.id) {
            lpis.at[pe][best.id - LPI].pending = false;
            return best.id as u64;
        }
        let irq = self.irq(pe, best.id).unwrap();
        irq.latch = false;
        irq.active = true;
        irq.chosen = None;
        best.id as u64
    }

    pub fn iar0(&mut self, pe: usize) -> u64 {
        let Some(best) = self.signalled(pe) else { return 1023 };
        self.take(pe, self.answer0(pe, best))
    }

    pub fn iar1(&mut self, pe: usize) -> u64 {
        let Some(best) = self.signalled(pe) else { return 1023 };
        let by_nmiar = !best.maskable && self.pes[pe].who.nmi;
        self.take(pe, self.answer1(pe, best).and_then(|best| if by_nmiar { Err(1022) } else { Ok(best) }))
    }

    pub fn nmiar1(&mut self, pe: usize) -> u64 {
        let Some(best) = self.signalled(pe) else { return 1023 };
        self.take(pe, if best.maskable { Err(1023) } else { self.answer1(pe, best) })
    }

    pub fn hppir(&self, pe: usize, group: usize) -> u64 {
        let Some(best) = self.highest(pe) else { return 1023 };
        let answer = if group == 0 { self.answer0(pe, best) } else { self.answer1(pe, best) };
        answer.map_or_else(|special| special, |best| best.id as u64)
    }

    fn shifted(&self, pe: usize) -> bool {
        let who = self.pes[pe].who;
        who.fiq_to_el3 && !who.secure
    }

    pub fn rpr(&self, pe: usize) -> u64 {
        let Some(&(running, maskable, group)) = self.all_active(pe).first() else { return 0xff };
        let seen = match (self.shifted(pe), running < 0x80) {
            (false, _) => running,
            (true, true) => 0,
            (true, false) => (running * 2) & 0xff,
        };
        let nmi_bit = if self.bank(pe) == GROUP_1_SECURE && group == GROUP_1 { 62 } else { 63 };
        u64::from(seen) | (!maskable as u64) << nmi_bit
    }

    pub fn eoi(&mut self, pe: usize, register: usize, id: u64) {
        let id = id as usize & 0xff_ffff;
        let who = self.pes[pe].who;
        let ends = |group: usize| match (register, group) {
            (0, GROUP_0) => self.one_state || who.secure,
            (1, GROUP_1) => self.one_state || !who.secure || who.el3,
            (1, GROUP_1_SECURE) => who.secure,
            _ => false,
        };
        let all = self.all_active(pe);
        let mine = all.iter().copied().find(|&(_, _, group)| ends(group));
        let Some((priority, maskable, group)) = mine else { return };
        if (1020..1024).contains(&id) || all[0].0 < priority {
            return;
        }
        if maskable {
            self.pes[pe].active[group][priority as usize / 8] = false;
        } else {
            self.pes[pe].nmi_active[group] = false;
        }
        if !self.eoimode(pe)
            && let Some(irq) = self.irq(pe, id)
        {
            irq.active = false;
        }
    }

    fn eoimode(&self, pe: usize) -> bool {
        let it = &self.pes[pe];
        it.eoimode[if it.who.el3 { 0 } else { self.bank(pe) }]
    }

    pub fn dir(&mut self, pe: usize, id: u64) {
        let all = self.one_state || self.pes[pe].who.secure;
        if self.eoimode(pe)
            && let Some(irq) = self.irq(pe, id as usize & 0xff_ffff)
            && (all || irq.group() == GROUP_1)
        {
            irq.active = false;
        }
    }

    pub fn pmr(&self, pe: usize) -> u64 {
        let pmr = u64::from(self.pes[pe].pmr);
        if !self.shifted(pe) {
            pmr
        } else if pmr < 0x80 {
            0
        } else {
            (pmr * 2) & 0xff
        }
    }

    pub fn set_pmr(&mut self, pe: usize, value: u64) {
        let value = value as u32 & 0xff;
        if !self.shifted(pe) {
            self.pes[pe].pmr = value & 0xf8;
        } else if self.pes[pe].pmr >= 0x80 {
            self.pes[pe].pmr = ((value / 2) | 0x80) & 0xf8;
        }
    }

    pub fn bpr1(&self, pe: usize) -> u64 {
        let (it, bank) = (&self.pes[pe], self.bank(pe));
        u64::from(match (bank, it.cbpr[bank]) {
            (_, false) => it.bpr[bank],
            (GROUP_1_SECURE, true) => it.bpr[0],
            (_, true) => (it.bpr[0] + 1).min(7),
        })
    }

    pub fn set_bpr0(&mut self, pe: usize, value: u64) {
        self.pes[pe].bpr[0] = (value as u32 & 7).max(2);
    }

    pub fn set_bpr1(&mut self, pe: usize, value: u64) {
        let bank = self.bank(pe);
        match (bank, self.pes[pe].cbpr[bank]) {
            (GROUP_1_SECURE, true) => self.set_bpr0(pe, value),
            (GROUP_1_SECURE, false) => self.pes[pe].bpr[bank] = (value as u32 & 7).max(2),
            (_, false) => self.pes[pe].bpr[bank] = (value as u32 & 7).max(3),
            (_, true) => {}
        }
    }

    pub fn ap(&self, pe: usize, group: usize) -> u64 {
        (0..32).map(|n| (self.pes[pe].active[group][n] as u64) << n).sum::<u64>()
            | (self.pes[pe].nmi_active[group] as u64) << 63
    }

    pub fn set_ap(&mut self, pe: usize, group: usize, value: u64) {
        (0..32).for_each(|n| self.pes[pe].active[group][n] = bit(value, n));
        self.pes[pe].nmi_active[group] = group != GROUP_0 && self.has_nmi && bit(value, 63);
    }

    /// CBPR and EOImode of the bank.
    pub fn ctlr(&self, pe: usize) -> u64 {
        let bank = self.bank(pe);
        self.pes[pe].cbpr[bank] as u64 | (self.pes[pe].eoimode[bank] as u64) << 1
    }

    pub fn set_ctlr(&mut self, pe: usize, value: u64) {
        let bank = self.bank(pe);
        self.pes[pe].eoimode[bank] = bit(value, 1);
        if self.one_state {
            self.pes[pe].cbpr[bank] = bit(value, 0);
        }
    }

    /// CBPR, EOImode and RM of ICC_CTLR_EL3.
    pub fn ctlr_el3(&self, pe: usize) -> u64 {
        let it = &self.pes[pe];
        let bits = [it.cbpr[2], it.cbpr[1], it.eoimode[0], it.eoimode[2], it.eoimode[1], it.rm];
        bits.iter().enumerate().map(|(n, &set)| (set as u64) << n).sum()
    }

    pub fn set_ctlr_el3(&mut self, pe: usize, value: u64) {
        let it = &mut self.pes[pe];
        (it.cbpr[2], it.cbpr[1]) = (bit(value, 0), bit(value, 1));
        (it.eoimode[0], it.eoimode[2], it.eoimode[1]) = (bit(value, 2), bit(value, 3), bit(value, 4));
        it.rm = bit(value, 5);
    }

    /// `register`: 0 for SGI0R, 1 for SGI1R, 2 for ASGI1R.
    pub fn sgi(&mut self, from: usize, register: usize, value: u64) {
        let id = value as usize >> 24 & 15;
        let (one_state, secure) = (self.one_state, self.pes[from].who.secure);
        for pe in 0..self.pes.len() {
            let affinity = self.pes[pe].affinity;
            let hit = if bit(value, 40) {
                pe != from
            } else {
                let cluster = (value >> 48 & 0xff, value >> 32 & 0xff, value >> 16 & 0xff);
                let aff0 = affinity as usize & 0xff;
                (affinity >> 32 & 0xff, affinity >> 16 & 0xff, affinity >> 8 & 0xff) == cluster
                    && aff0 / 16 == (value >> 44) as usize & 15
                    && bit(value, aff0 % 16)
            };
            let irq = &mut self.pes[pe].private[id];
            let (group, nsacr) = (irq.group(), irq.nsacr);
            let generated = match (one_state, secure, register) {
                (true, _, 1) => group == GROUP_1,
                (true, _, _) => group == GROUP_0,
                (false, true, 0) => group == GROUP_0,
                (false, true, 1) => group == GROUP_1_SECURE || group == GROUP_0,
                (false, true, _) => group == GROUP_1,
                (false, false, 0) => group == GROUP_0 && nsacr >= 1,
                (false, false, 1) => match group {
                    GROUP_1 => true,
                    GROUP_0 => nsacr >= 1,
                    _ => nsacr >= 2,
                },
                (false, false, _) => group == GROUP_0 && nsacr >= 1 || group == GROUP_1_SECURE && nsacr >= 2,
            };
            if hit && generated {
                irq.latch = true;
            }
        }
    }
}
