//! GICv3 as one thread would write it: plain fields, every question answered by looking at all interrupts.
//!
//! The specification that the concurrent one is compared with. Slow on purpose; nothing here is shared with it, so
//! that one mistake is not made twice. IHI 0069, one security state, affinity routing.

#[derive(Clone, Default)]
pub struct Irq {
    pub implemented: bool,
    pub latch: bool,
    pub line: bool,
    pub message: bool,
    pub active: bool,
    pub enabled: bool,
    pub group: usize,
    pub edge: bool,
    pub priority: u32,
    /// IROUTER as 64 bits.
    pub router: u64,
    /// The PE chosen for a 1-of-N interrupt. Which one is IMPLEMENTATION DEFINED, so the harness says.
    pub chosen: Option<usize>,
}

#[derive(Clone)]
pub struct Pe {
    /// As IROUTER has it.
    pub affinity: u64,
    pub private: Vec<Irq>,
    pub asleep: bool,
    pub pmr: u32,
    pub bpr: [u32; 2],
    pub cbpr: bool,
    pub eoimode: bool,
    pub enabled: [bool; 2],
    /// active[group][priority / 8]
    pub active: [[bool; 32]; 2],
}

#[derive(Clone)]
pub struct Model {
    pub spis: Vec<Irq>,
    pub pes: Vec<Pe>,
    pub group_enable: [bool; 2],
}

pub const IRM: u64 = 1 << 31;

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
    pub fn new(spis: usize, affinities: &[u64]) -> Model {
        let pe = |&affinity: &u64| Pe {
            affinity,
            private: (0..32).map(|id| Irq { implemented: true, edge: id < 16, ..Irq::default() }).collect(),
            asleep: true,
            pmr: 0,
            bpr: [2, 3],
            cbpr: false,
            eoimode: false,
            enabled: [false; 2],
            active: [[false; 32]; 2],
        };
        Model {
            spis: vec![Irq { implemented: true, ..Irq::default() }; spis],
            pes: affinities.iter().map(pe).collect(),
            group_enable: [false; 2],
        }
    }

    pub fn irq(&mut self, pe: usize, id: usize) -> Option<&mut Irq> {
        if id < 32 { Some(&mut self.pes[pe].private[id]) } else { self.spis.get_mut(id - 32) }
    }

    pub fn wire(&mut self, pe: usize, id: usize, high: bool) {
        self.irq(pe, id).unwrap().set_line(high);
    }

    pub fn may_be_chosen(&self, pe: usize, group: usize) -> bool {
        !self.pes[pe].asleep && self.pes[pe].enabled[group]
    }

    // Selection.

    fn goes_to(&self, irq: &Irq, pe: usize) -> bool {
        if irq.one_of_n() { irq.chosen == Some(pe) } else { irq.router == self.pes[pe].affinity }
    }

    /// The highest priority pending interrupt of a PE: INTID, group, priority.
    fn highest(&self, pe: usize) -> Option<(usize, usize, u32)> {
        let it = &self.pes[pe];
        if it.asleep {
            return None;
        }
        let mut best: Option<(usize, usize, u32)> = None;
        let shared =
            self.spis.iter().enumerate().filter(|(_, irq)| self.goes_to(irq, pe)).map(|(n, irq)| (n + 32, irq));
        for (id, irq) in it.private.iter().enumerate().chain(shared) {
            let open = self.group_enable[irq.group] && it.enabled[irq.group];
            if irq.ready() && open && best.is_none_or(|(_, _, priority)| irq.priority < priority) {
                best = Some((id, irq.group, irq.priority));
            }
        }
        best
    }

    fn running(&self, pe: usize) -> u32 {
        let both = self.pes[pe].active;
        (0..32).find(|&n| both[0][n] || both[1][n]).map_or(0xff, |n| n as u32 * 8)
    }

    fn group_priority(&self, pe: usize, group: usize, priority: u32) -> u32 {
        let it = &self.pes[pe];
        // How many low bits do not count.
        let subpriority = if group == 0 || it.cbpr { it.bpr[0] + 1 } else { it.bpr[1] };
        priority >> subpriority << subpriority
    }

    fn signalled(&self, pe: usize) -> Option<(usize, usize, u32)> {
        let (id, group, priority) = self.highest(pe)?;
        let running = self.running(pe);
        let preempts = running == 0xff || self.group_priority(pe, group, priority) < running;
        (priority < self.pes[pe].pmr && preempts).then_some((id, group, priority))
    }

    /// (irq, fiq)
    pub fn signals(&self, pe: usize) -> (bool, bool) {
        let group = self.signalled(pe).map(|(_, group, _)| group);
        (group == Some(1), group == Some(0))
    }

    // The CPU interface.

    pub fn iar(&mut self, pe: usize, group: usize) -> u64 {
        match self.signalled(pe) {
            Some((id, of, priority)) if of == group => {
                let group_priority = self.group_priority(pe, group, priority);
                self.pes[pe].active[group][group_priority as usize / 8] = true;
                let irq = self.irq(pe, id).unwrap();
                irq.latch = false;
                irq.active = true;
                irq.chosen = None;
                id as u64
            }
            _ => 1023,
        }
    }

    pub fn hppir(&self, pe: usize, group: usize) -> u64 {
        self.highest(pe).filter(|best| best.1 == group).map_or(1023, |best| best.0 as u64)
    }

    pub fn rpr(&self, pe: usize) -> u64 {
        self.running(pe).into()
    }

    pub fn eoi(&mut self, pe: usize, group: usize, id: u64) {
        let id = id as usize & 0xff_ffff;
        let running = self.running(pe);
        if (1020..1024).contains(&id) || running == 0xff || !self.pes[pe].active[group][running as usize / 8] {
            return;
        }
        self.pes[pe].active[group][running as usize / 8] = false;
        if !self.pes[pe].eoimode {
            self.deactivate(pe, id);
        }
    }

    pub fn dir(&mut self, pe: usize, id: u64) {
        if self.pes[pe].eoimode {
            self.deactivate(pe, id as usize & 0xff_ffff);
        }
    }

    fn deactivate(&mut self, pe: usize, id: usize) {
        if let Some(irq) = self.irq(pe, id) {
            irq.active = false;
        }
    }

    pub fn bpr1(&self, pe: usize) -> u64 {
        let it = &self.pes[pe];
        (if it.cbpr { (it.bpr[0] + 1).min(7) } else { it.bpr[1] }).into()
    }

    pub fn set_bpr(&mut self, pe: usize, group: usize, value: u64) {
        let it = &mut self.pes[pe];
        if group == 0 || !it.cbpr {
            it.bpr[group] = (value as u32 & 7).max(2 + group as u32);
        }
    }

    pub fn ap(&self, pe: usize, group: usize) -> u64 {
        (0..32).map(|n| (self.pes[pe].active[group][n] as u64) << n).sum()
    }

    pub fn set_ap(&mut self, pe: usize, group: usize, value: u64) {
        (0..32).for_each(|n| self.pes[pe].active[group][n] = bit(value, n));
    }

    pub fn sgi(&mut self, from: usize, group: usize, value: u64) {
        let id = value as usize >> 24 & 15;
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
            if hit && irq.group == group {
                irq.latch = true;
            }
        }
    }

    // Frames: 32 bits at a time.

    pub fn read_distributor(&mut self, offset: usize) -> u64 {
        match offset {
            0x0 => 0x50 | self.group_enable[0] as u64 | (self.group_enable[1] as u64) << 1,
            0x80..0xf00 => self.read_fields(0, offset, 32..32 + self.spis.len()),
            0x6100..0x7fe0 => {
                let irq = self.spis.get((offset - 0x6100) / 8).cloned().unwrap_or_default();
                irq.router >> (8 * (offset & 4)) & 0xffff_ffff
            }
            _ => unreachable!("the generator reads nothing else"),
        }
    }

    pub fn write_distributor(&mut self, offset: usize, value: u64) {
        match offset {
            0x0 => self.group_enable = [bit(value, 0), bit(value, 1)],
            0x40 | 0x48 => {
                let Some(irq) = (value & 0x1fff).checked_sub(32).and_then(|n| self.spis.get_mut(n as usize)) else {
                    return;
                };
                match (offset == 0x40, irq.edge) {
                    (true, _) if irq.pending() => (),
                    (set, true) => irq.latch = set,
                    (set, false) => irq.message = set,
                }
            }
            0x80..0xf00 => self.write_fields(0, offset, 32..32 + self.spis.len(), value),
            0x6100..0x7fe0 => {
                let Some(irq) = self.spis.get_mut((offset - 0x6100) / 8) else { return };
                let half = 8 * (offset & 4);
                irq.router = (irq.router & !(0xffff_ffff << half) | value << half) & 0xff_80ff_ffff;
                if !irq.one_of_n() {
                    irq.chosen = None;
                }
            }
            _ => unreachable!("the generator writes nothing else"),
        }
    }

    pub fn read_redistributor(&mut self, pe: usize, offset: usize) -> u64 {
        match offset {
            0x14 => {
                if self.pes[pe].asleep {
                    6
                } else {
                    0
                }
            }
            0x10080..0x10f00 => self.read_fields(pe, offset - 0x10000, 0..32),
            _ => unreachable!("the generator reads nothing else"),
        }
    }

    pub fn write_redistributor(&mut self, pe: usize, offset: usize, value: u64) {
        match offset {
            0x14 => self.pes[pe].asleep = bit(value, 1),
            0x10080..0x10f00 => self.write_fields(pe, offset - 0x10000, 0..32, value),
            _ => unreachable!("the generator writes nothing else"),
        }
    }

    pub fn write_priority(&mut self, pe: usize, id: usize, value: u64) {
        if let Some(irq) = self.irq(pe, id) {
            irq.priority = value as u32 & 0xf8;
        }
    }

    fn read_fields(&mut self, pe: usize, offset: usize, ids: std::ops::Range<usize>) -> u64 {
        let (base, bits) = array(offset);
        let first = (offset - base) * 8 / bits;
        let mut value = 0;
        for n in 0..32 / bits {
            let Some(irq) = self.irq(pe, first + n).filter(|_| ids.contains(&(first + n))) else { continue };
            let field = match base {
                0x80 => irq.group as u64,
                0x100 | 0x180 => irq.enabled as u64,
                0x200 | 0x280 => irq.pending() as u64,
                0x300 | 0x380 => irq.active as u64,
                0x400 => irq.priority as u64,
                0xc00 => (irq.edge as u64) << 1,
                _ => 0,
            };
            value |= field << (n * bits);
        }
        value
    }

    fn write_fields(&mut self, pe: usize, offset: usize, ids: std::ops::Range<usize>, value: u64) {
        let (base, bits) = array(offset);
        let first = (offset - base) * 8 / bits;
        for n in 0..32 / bits {
            let id = first + n;
            let Some(irq) = self.irq(pe, id).filter(|_| ids.contains(&id)) else { continue };
            let field = value >> (n * bits) & ((1 << bits) - 1);
            let one = field == 1;
            match base {
                0x80 => {
                    if irq.group != field as usize {
                        irq.chosen = None;
                    }
                    irq.group = field as usize;
                }
                0x100 => irq.enabled |= one,
                0x180 => irq.enabled &= !one,
                0x200 => irq.latch |= one,
                0x280 => irq.latch &= !one,
                0x300 => irq.active |= one,
                0x380 => irq.active &= !one,
                0x400 => irq.priority = field as u32 & 0xf8,
                0xc00 if id >= 16 => irq.edge = field & 2 != 0,
                _ => (),
            }
        }
    }
}

/// Where the array at an offset begins, and how many bits each INTID has in it.
fn array(offset: usize) -> (usize, usize) {
    match offset {
        0x80..0x400 => (offset & !0x7f, 1),
        0x400..0x800 => (0x400, 8),
        0x800..0xc00 => (0x800, 8),
        0xc00..0xd00 => (0xc00, 2),
        0xd00..0xe00 => (0xd00, 1),
        _ => (0xe00, 2),
    }
}
