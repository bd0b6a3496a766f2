//! The frames of the model, 32 bits at a time, as accesses of one security state see them.

use super::{GROUP_0, GROUP_1, GROUP_1_SECURE, Irq, Model, bit};

/// An array of fields: its offset in the frame of SGIs, PPIs and SPIs, that in the frame of ESPIs, bits of a field.
const ARRAYS: [(usize, usize, usize); 13] = [
    (0x80, 0x1000, 1),
    (0x100, 0x1200, 1),
    (0x180, 0x1400, 1),
    (0x200, 0x1600, 1),
    (0x280, 0x1800, 1),
    (0x300, 0x1a00, 1),
    (0x380, 0x1c00, 1),
    (0x400, 0x2000, 8),
    (0x800, usize::MAX, 8),
    (0xc00, 0x3000, 2),
    (0xd00, 0x3400, 1),
    (0xe00, 0x3600, 2),
    (0xf80, 0x3b00, 1),
];

/// Where the array at an offset begins in the first frame, bits of a field, the first position.
fn array(offset: usize) -> (usize, usize, usize) {
    let extended = offset >= 0x1000;
    let begins = |&(first, second, _): &(usize, usize, usize)| if extended { second } else { first };
    let found = ARRAYS.iter().filter(|it| begins(it) <= offset).max_by_key(|it| begins(it));
    let found = found.expect("the generator stays in the arrays");
    (found.0, found.2, (offset - begins(found)) * 8 / found.2)
}

impl Model {
    fn all(&self, secure: bool) -> bool {
        secure || self.one_state
    }

    pub fn read_distributor(&mut self, offset: usize, secure: bool) -> u64 {
        match offset {
            0x0 => {
                let [g0, g1, g1s] = self.group_enable.map(u64::from);
                let e1nwf = (self.e1nwf as u64) << 7;
                match (self.one_state, secure) {
                    (true, _) => 0x50 | g0 | g1 << 1 | e1nwf,
                    (false, true) => 0x30 | g0 | g1 << 1 | g1s << 2 | e1nwf,
                    (false, false) => 0x10 | g1 << 1,
                }
            }
            0x80..0x6000 => self.read_fields(0, offset, secure, false),
            0x6100..0x7fe0 | 0x8000..0xa000 => match self.routed(offset) {
                Some(index) if self.may_route(&self.shared[index], secure) => {
                    self.shared[index].router >> (8 * (offset & 4)) & 0xffff_ffff
                }
                _ => 0,
            },
            _ => unreachable!("the generator reads nothing else"),
        }
    }

    /// The index of what IROUTER at an offset routes.
    fn routed(&self, offset: usize) -> Option<usize> {
        self.shared_index(if offset < 0x8000 { (offset - 0x6000) / 8 } else { (offset - 0x8000) / 8 + 4096 })
    }

    fn may_route(&self, irq: &Irq, secure: bool) -> bool {
        self.all(secure) || irq.group() == GROUP_1 || irq.nsacr == 3
    }

    pub fn write_distributor(&mut self, offset: usize, secure: bool, value: u64) {
        match offset {
            0x0 => {
                let enables = [bit(value, 0), bit(value, 1), bit(value, 2)];
                if !self.all(secure) {
                    self.group_enable[GROUP_1] = enables[1];
                    return;
                }
                self.group_enable = enables;
                self.e1nwf = bit(value, 7);
                if !self.one_state && bit(value, 6) {
                    self.one_state = true;
                    let all = self.shared.iter_mut().chain(self.pes.iter_mut().flat_map(|pe| &mut pe.private));
                    for irq in all {
                        let was = irq.group();
                        (irq.modifier, irq.nsacr) = (false, 0);
                        irq.nmi &= irq.group() != GROUP_0;
                        if irq.group() != was {
                            irq.chosen = None;
                        }
                    }
                }
                self.group_enable[GROUP_1_SECURE] &= !self.one_state;
            }
            0x40 | 0x48 | 0x50 | 0x58 => {
                let (set, secure_register) = (offset & 8 == 0, offset >= 0x50);
                if secure_register && (self.one_state || !secure) {
                    return;
                }
                let all = self.all(secure);
                let Some(index) = self.shared_index(value as usize & 0x1fff) else { return };
                let irq = &mut self.shared[index];
                if !all && irq.group() != GROUP_1 && irq.nsacr < if set { 1 } else { 2 } {
                    return;
                }
                match (set, irq.edge) {
                    (true, _) if irq.pending() => (),
                    (set, true) => irq.latch = set,
                    (set, false) => irq.message = set,
                }
            }
            0x80..0x6000 => self.write_fields(0, offset, secure, value, false),
            0x6100..0x7fe0 | 0x8000..0xa000 => {
                let Some(index) = self.routed(offset) else { return };
                if !self.may_route(&self.shared[index], secure) {
                    return;
                }
                let irq = &mut self.shared[index];
                let half = 8 * (offset & 4);
                irq.router = (irq.router & !(0xffff_ffff << half) | value << half) & 0xff_80ff_ffff;
                if !irq.one_of_n() {
                    irq.chosen = None;
                }
            }
            _ => unreachable!("the generator writes nothing else"),
        }
    }

    pub fn read_redistributor(&mut self, pe: usize, offset: usize, secure: bool) -> u64 {
        match offset {
            0x0 => {
                let shown = self.shown_declines(secure);
                let bit = |(n, group): (usize, usize)| ((shown[group] && self.pes[pe].declines[group]) as u64) << n;
                [(24, GROUP_0), (25, GROUP_1), (26, GROUP_1_SECURE)].into_iter().map(bit).sum()
            }
            0x14 if self.all(secure) && self.pes[pe].asleep => 6,
            0x14 => 0,
            0x10080..0x11000 => self.read_fields(pe, offset - 0x10000, secure, true),
            _ => unreachable!("the generator reads nothing else"),
        }
    }

    fn shown_declines(&self, secure: bool) -> [bool; 3] {
        [self.all(secure), true, secure && !self.one_state]
    }

    pub fn write_redistributor(&mut self, pe: usize, offset: usize, secure: bool, value: u64) {
        match offset {
            0x0 => {
                let shown = self.shown_declines(secure);
                for (n, group) in [(24, GROUP_0), (25, GROUP_1), (26, GROUP_1_SECURE)] {
                    if shown[group] {
                        self.pes[pe].declines[group] = bit(value, n);
                    }
                }
            }
            0x14 if self.all(secure) => self.pes[pe].asleep = bit(value, 1),
            0x14 => {}
            0x10080..0x11000 => self.write_fields(pe, offset - 0x10000, secure, value, true),
            _ => unreachable!("the generator writes nothing else"),
        }
    }

    /// One byte of IPRIORITYR in the frame that has the interrupt.
    pub fn write_priority(&mut self, pe: usize, id: usize, secure: bool, value: u64) {
        let (all, one_state) = (self.all(secure), self.one_state);
        if let Some(irq) = self.irq(pe, id) {
            write_field(irq, id, 0x400, value, all, secure, one_state, false);
        }
    }

    /// The INTID at a position of an array.
    fn intid(&self, extended: bool, private: bool, position: usize) -> Option<usize> {
        match (private, extended) {
            (true, _) if position < 32 => Some(position),
            (true, _) => Some(position - 32 + 1056),
            (false, true) => Some(position + 4096),
            (false, false) => (32..1020).contains(&position).then_some(position),
        }
    }

    fn read_fields(&mut self, pe: usize, offset: usize, secure: bool, private: bool) -> u64 {
        let (base, bits, first) = array(offset);
        let (all, one_state) = (self.all(secure), self.one_state);
        let mut value = 0;
        for n in 0..32 / bits {
            let Some(id) = self.intid(offset >= 0x1000, private, first + n) else { continue };
            let Some(irq) = self.irq(pe, id) else { continue };
            let visible = all || irq.group() == GROUP_1;
            let granted = if irq.sgi { 0 } else { irq.nsacr };
            let field = match base {
                0x80 if all => irq.group_bit as u64,
                0x100 | 0x180 if visible => irq.enabled as u64,
                0x200 if visible || granted >= 1 => irq.pending() as u64,
                0x280 if visible || granted >= 2 => irq.pending() as u64,
                0x300 | 0x380 if visible || granted >= 2 => irq.active as u64,
                0x400 if visible && !irq.nmi => u64::from(irq.priority << u32::from(!all) & 0xff),
                0xc00 if visible || irq.sgi => (irq.edge as u64) << 1,
                0xd00 if secure && !one_state => irq.modifier as u64,
                0xe00 if secure && !one_state => irq.nsacr,
                0xf80 if visible => irq.nmi as u64,
                _ => 0,
            };
            value |= field << (n * bits);
        }
        value
    }

    fn write_fields(&mut self, pe: usize, offset: usize, secure: bool, value: u64, private: bool) {
        let (base, bits, first) = array(offset);
        let (all, one_state, has_nmi) = (self.all(secure), self.one_state, self.has_nmi);
        for n in 0..32 / bits {
            let Some(id) = self.intid(offset >= 0x1000, private, first + n) else { continue };
            let Some(irq) = self.irq(pe, id) else { continue };
            let field = value >> (n * bits) & ((1 << bits) - 1);
            write_field(irq, id, base, field, all, secure, one_state, has_nmi);
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn write_field(
    irq: &mut Irq,
    id: usize,
    base: usize,
    field: u64,
    all: bool,
    secure: bool,
    one_state: bool,
    has_nmi: bool,
) {
    let was = irq.group();
    let (visible, granted, one) = (all || was == GROUP_1, if irq.sgi { 0 } else { irq.nsacr }, field == 1);
    let both = secure && !one_state;
    match base {
        0x80 if all => irq.group_bit = one,
        0x100 if visible => irq.enabled |= one,
        0x180 if visible => irq.enabled &= !one,
        0x200 if visible || granted >= 1 => irq.latch |= one,
        0x280 if visible || granted >= 2 => irq.latch &= !one,
        0x300 if visible => irq.active |= one,
        0x380 if visible => irq.active &= !one,
        0x400 if all && !irq.nmi => irq.priority = field as u32 & 0xf8,
        0x400 if visible && !irq.nmi => irq.priority = (field as u32 >> 1 | 0x80) & 0xf8,
        0xc00 if visible && !irq.sgi => irq.edge = field & 2 != 0,
        0xd00 if both => irq.modifier = one,
        0xe00 if both && (id < 16 || (32..1020).contains(&id) || id >= 4096) => irq.nsacr = field,
        0xf80 if visible => irq.nmi = one && has_nmi,
        _ => (),
    }
    irq.nmi &= irq.group() != GROUP_0;
    if irq.group() != was {
        irq.chosen = None;
    }
}
