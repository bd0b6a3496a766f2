//! Guests that notice when an interrupt is lost or comes twice.
//!
//! PE 0 and another one play ping-pong, by SGIs, SPIs, or LPIs that the ITS is told to send, while their timers tick. Some
//! more interrupts are parked: pending at PE 0, and masked until 256 rounds are played. It says `s` when that many were
//! played and every parked interrupt has come once, `t` after 64 ticks (`u` of the Secure timer), and `X` for ever when an
//! interrupt came twice, or one that was not sent, or time went back; one that is lost ends the rounds.
//!
//! Registers: x19 which PE; x20 answers, x21 pings; x22 ticks; x23 UART; x24 period, x25 next tick; x26 which parked ones have
//! come; x28 the count before. Handlers of EL1 use x10 to x15, those of higher levels and of NMIs x2 to x7, besides x18 and x29,
//! the Secure timer's next tick and ticks.

use crate::levels;
use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

pub type Asm = VecAssembler<Aarch64Relocation>;

/// How PEs interrupt one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Send {
    Sgi,
    /// Extended SPIs that are made pending by hand.
    Espi,
    /// Commands of an ITS.
    Its,
}

/// Where the game takes place, and what else does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// At EL1.
    One,
    /// At EL1; pings are non-maskable, and interrupt the timer's handler too.
    Nmi,
    /// At EL1 under EL2, which shows the guest what comes by list registers.
    Virtual,
    /// At Non-secure EL1; answers are EL3's, in Group 0, and Secure Group 1 has a timer.
    Secure,
}

/// One guest.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    pub send: Send,
    pub level: Level,
    /// The other PE.
    pub other: u32,
}

const LOAD: usize = 0x4008_0000;
const GICD: u64 = 0x0800_0000;
const GITS: u64 = 0x0808_0000;
const UART: u64 = 0x0900_0000;
/// Set once everything but the other PE's own is set up, and PE 0 sends nothing for a while.
const READY: u64 = 0x4020_0000;
/// Tables of LPIs and the ITS, 64 KiB each.
const CONFIGURATION: u64 = 0x4040_0000;
const PENDING: u64 = 0x4041_0000;
const DEVICES: u64 = 0x4043_0000;
const COLLECTIONS: u64 = 0x4044_0000;
const EVENTS: u64 = 0x4045_0000;
const QUEUE: u64 = 0x4046_0000;
const PERIOD: u64 = 200_000;
pub const TIMER: u32 = 27;
const VALID: u64 = 1 << 63;
/// Where parked interrupts wait, by priority 0xf0.
const CLOSED: u64 = 0xe0;

/// The operand of MRS and MSR: op0 without its top bit, op1, CRn, CRm, op2.
pub const fn sysreg(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

const MPIDR_EL1: u32 = sysreg(3, 0, 0, 0, 5);
const SCTLR_EL1: u32 = sysreg(3, 0, 1, 0, 0);
const ELR_EL1: u32 = sysreg(3, 0, 4, 0, 1);
const SPSR_EL1: u32 = sysreg(3, 0, 4, 0, 0);
const VBAR_EL1: u32 = sysreg(3, 0, 12, 0, 0);
const CNTVCT_EL0: u32 = sysreg(3, 3, 14, 0, 2);
const CNTV_CTL_EL0: u32 = sysreg(3, 3, 14, 3, 1);
const CNTV_CVAL_EL0: u32 = sysreg(3, 3, 14, 3, 2);
const PMR: u32 = sysreg(3, 0, 4, 6, 0);
pub const IAR1: u32 = sysreg(3, 0, 12, 12, 0);
pub const EOIR1: u32 = sysreg(3, 0, 12, 12, 1);
const IGRPEN1: u32 = sysreg(3, 0, 12, 12, 7);
pub const SGI1R: u32 = sysreg(3, 0, 12, 11, 5);
const NMIAR1: u32 = sysreg(3, 0, 12, 9, 5);

/// Xr = value.
pub fn load(a: &mut Asm, r: u8, value: u64) {
    let part = |n: u32| (value >> (16 * n)) as u32 & 0xffff;
    dynasm!(a
        ; .arch aarch64
        ; movz X(r), part(0)
        ; movk X(r), part(1), lsl 16
        ; movk X(r), part(2), lsl 32
        ; movk X(r), part(3), lsl 48
    );
}

/// Stores a word, by x0 and x1.
fn poke(a: &mut Asm, at: u64, value: u64) {
    load(a, 1, at);
    load(a, 0, value);
    dynasm!(a ; .arch aarch64 ; str w0, [x1]);
}

/// Stores 64 bits, by x0 and x1.
fn poke64(a: &mut Asm, at: u64, value: u64) {
    load(a, 1, at);
    load(a, 0, value);
    dynasm!(a ; .arch aarch64 ; str x0, [x1]);
}

impl Guest {
    /// A PE's redistributor: two regions, as the board has them.
    fn redistributor(pe: u32) -> u64 {
        if pe < 123 { 0x080a_0000 + u64::from(pe) * 0x2_0000 } else { 0x40_0000_0000 + u64::from(pe - 123) * 0x2_0000 }
    }

    /// ICC_SGI1R_EL1 for one target.
    pub fn sgi(id: u32, pe: u32) -> u64 {
        u64::from(id) << 24 | u64::from(pe / 16) << 16 | 1 << (pe % 16)
    }

    /// INTIDs of the ping, of the answer, of the first that is parked; and how many are.
    fn ids(&self) -> (u32, u32, u32, u32) {
        match (self.send, self.level) {
            (Send::Sgi, Level::Virtual) => (2, 3, 40, 2),
            (Send::Sgi, _) => (2, 3, 8, 8),
            (Send::Espi, _) => (4096 + 34, 4096 + 35, 4096 + 40, 8),
            (Send::Its, _) => (8193, 8192, 8200, 8),
        }
    }

    pub fn assemble(&self) -> Vec<u8> {
        let mut asm = Asm::new(LOAD);
        let a = &mut asm;
        let labels = [(); 7].map(|()| a.new_dynamic_label());
        let [other, game, idle, wrong, vectors, higher, timer] = labels;
        dynasm!(a ; .arch aarch64 ; mrs x19, MPIDR_EL1 ; ubfx x19, x19, 0, 16);
        load(a, 23, UART);
        load(a, 24, PERIOD);
        dynasm!(a ; .arch aarch64 ; movz x20, 0 ; movz x21, 0 ; movz x22, 0 ; movz x26, 0 ; movz x28, 0 ; movz x29, 0);
        dynasm!(a ; .arch aarch64 ; cbnz x19, =>other);
        self.distributor(a);
        self.this_pe(a, 0);
        self.switch_on(a);
        levels::enter(a, self.level, game, higher);
        dynasm!(a ; .arch aarch64 ; =>other);
        load(a, 1, READY);
        dynasm!(a ; .arch aarch64 ; early: ; ldar w0, [x1] ; cbz w0, <early);
        self.this_pe(a, self.other);
        levels::enter(a, self.level, idle, higher);
        self.play(a, game, vectors, wrong);
        self.wait(a, idle, vectors);
        self.vectors(a, vectors, wrong, timer);
        levels::vectors(a, self.level, higher, wrong);
        asm.finalize().expect("every label is defined and in reach")
    }

    fn distributor(&self, a: &mut Asm) {
        poke(a, GICD, if self.level == Level::Secure { 0x37 } else { 0x12 });
        if self.send == Send::Espi {
            // INTIDs 4128 to 4159.
            poke(a, GICD + 0x1004, 0xffff_ffff); // IGROUPR1E
            poke(a, GICD + 0x3008, 0xaaaa_aaaa); // ICFGR2E: edge
            poke(a, GICD + 0x300c, 0xaaaa_aaaa);
            (32..40).step_by(4).for_each(|n| poke(a, GICD + 0x2000 + n, 0xa0a0_a0a0));
            (40..48).step_by(4).for_each(|n| poke(a, GICD + 0x2000 + n, 0xf0f0_f0f0));
            let affinity = u64::from(self.other / 16) << 8 | u64::from(self.other % 16);
            (35..48).for_each(|n| poke64(a, GICD + 0x8000 + 8 * n, 0)); // IROUTERE
            poke64(a, GICD + 0x8000 + 8 * 34, affinity);
            poke(a, GICD + 0x1204, 0xff0c); // ISENABLER1E
        }
        if self.send == Send::Its {
            for n in [0, 1].into_iter().chain(8..16) {
                load(a, 1, CONFIGURATION + n);
                dynasm!(a ; .arch aarch64 ; movz w0, if n < 8 { 0xa1 } else { 0xf1 } ; strb w0, [x1]);
            }
            poke64(a, GITS + 0x100, VALID | DEVICES | 2 << 8);
            poke64(a, GITS + 0x108, VALID | COLLECTIONS | 2 << 8);
            poke64(a, GITS + 0x80, VALID | QUEUE | 0xf);
            poke(a, GITS, 1);
            let mut commands = vec![[0x08, 3, VALID | EVENTS, 0]];
            commands.extend([(0, 0), (1, self.other)].map(|(n, pe)| [0x09, 0, VALID | u64::from(pe) << 16 | n, 0]));
            let events = [0, 1].into_iter().chain(8..16);
            commands.extend(events.map(|n| [0x0a, n | (8192 + n) << 32, u64::from(n == 1), 0]));
            for (n, words) in commands.iter().enumerate() {
                for (word, value) in words.iter().enumerate() {
                    poke64(a, QUEUE + (32 * n + 8 * word) as u64, *value);
                }
            }
            // Both redistributors are powered up and read the tables before LPIs come.
            for (n, pe) in [0, self.other].into_iter().enumerate() {
                let frame = Guest::redistributor(pe);
                poke(a, frame + 0x24, 0);
                poke64(a, frame + 0x70, CONFIGURATION | 14);
                poke64(a, frame + 0x78, (PENDING + 0x1_0000 * n as u64) | 1 << 62);
                poke(a, frame, 1);
            }
            dynasm!(a ; .arch aarch64 ; dsb sy);
            poke64(a, GITS + 0x88, 32 * commands.len() as u64);
        }
    }

    /// Redistributor, CPU interface and timer of the PE that executes this.
    fn this_pe(&self, a: &mut Asm, pe: u32) {
        let frame = Guest::redistributor(pe);
        let secure = self.level == Level::Secure;
        poke(a, frame + 0x24, 0);
        poke(a, frame + 0x14, 0);
        dynasm!(a ; .arch aarch64 ; asleep: ; ldr w0, [x1] ; tbnz w0, 2, <asleep);
        // In Group 0 the answer, in Secure Group 1 that state's timer.
        poke(a, frame + 0x1_0080, if secure { !(1 << 3 | 1 << 29) & 0xffff_ffff } else { 0xffff_ffff });
        poke(a, frame + 0x1_0d00, if secure { 1 << 29 } else { 0 });
        for (n, priority) in
            [(0, 0xa0a0_a0a0), (4, 0xa0a0_a0a0), (8, 0xf0f0_f0f0), (12, 0xf0f0_f0f0), (24, 0xa0a0_a0a0)]
        {
            poke(a, frame + 0x1_0400 + n, priority);
        }
        if secure {
            poke(a, frame + 0x1_0400, 0x20a0_a0a0);
            poke(a, frame + 0x1_041c, 0x4000);
        }
        if self.level == Level::Nmi {
            poke(a, frame + 0x1_0f80, 1 << 2 | 1 << 3);
        }
        poke(a, frame + 0x1_0100, 0xff0c | 1 << TIMER | if secure { 1 << 29 } else { 0 });
        load(a, 0, if self.level == Level::Virtual { 0xff } else { CLOSED });
        dynasm!(a ; .arch aarch64 ; msr PMR, x0 ; movz x0, 1 ; msr IGRPEN1, x0 ; isb);
    }

    /// PSCI CPU_ON; without firmware it is on.
    fn switch_on(&self, a: &mut Asm) {
        load(a, 0, 0xc400_0003);
        load(a, 1, u64::from(self.other / 16) << 8 | u64::from(self.other % 16));
        load(a, 2, LOAD as u64);
        match self.level {
            Level::Secure => {}
            Level::Virtual => dynasm!(a ; .arch aarch64 ; movz x3, 0 ; smc 0),
            _ => dynasm!(a ; .arch aarch64 ; movz x3, 0 ; hvc 0),
        }
    }

    /// What EL1 of every PE begins with.
    fn begin(&self, a: &mut Asm, label: DynamicLabel, vectors: DynamicLabel) {
        dynasm!(a ; .arch aarch64 ; =>label ; adr x0, =>vectors ; msr VBAR_EL1, x0);
        if self.level == Level::Nmi {
            dynasm!(a ; .arch aarch64 ; mrs x0, SCTLR_EL1 ; orr x0, x0, 1 << 61 ; msr SCTLR_EL1, x0);
        }
        if matches!(self.level, Level::Virtual | Level::Secure) {
            load(a, 0, self.closed());
            dynasm!(a ; .arch aarch64 ; msr PMR, x0 ; movz x0, 1 ; msr IGRPEN1, x0);
        }
        dynasm!(a
            ; .arch aarch64
            ; isb
            ; mrs x25, CNTVCT_EL0
            ; add x25, x25, x24
            ; msr CNTV_CVAL_EL0, x25
            ; movz x0, 1
            ; msr CNTV_CTL_EL0, x0
        );
        if self.level == Level::Nmi {
            a.push_u32(0xd501_401f); // MSR ALLINT, #0
        }
        dynasm!(a ; .arch aarch64 ; msr daifclr, 3);
    }

    /// ICC_PMR_EL1 as EL1 sees it: Non-secure software has the lower half of priorities.
    fn closed(&self) -> u64 {
        if self.level == Level::Secure { (CLOSED << 1) & 0xff } else { CLOSED }
    }

    /// Sends the ping or the answer, or parks; by four registers from `r`.
    fn send(&self, a: &mut Asm, id: u32, to: u32, r: u8) {
        let (_, answer, ..) = self.ids();
        let (x0, x1, x2, x3) = (r, r + 1, r + 2, r + 3);
        match self.send {
            // The monitor sends it.
            Send::Sgi if self.level == Level::Secure && id == answer => dynasm!(a ; .arch aarch64 ; smc 0),
            Send::Sgi => {
                load(a, x1, Guest::sgi(id, to));
                dynasm!(a ; .arch aarch64 ; dsb sy ; msr SGI1R, X(x1));
            }
            Send::Espi => {
                load(a, x0, GICD + 0x1604); // ISPENDR1E
                load(a, x1, 1 << (id % 32));
                dynasm!(a ; .arch aarch64 ; dsb sy ; str W(x1), [X(x0)]);
            }
            // Two commands, and nobody waits for them.
            Send::Its => {
                for code in [0x0c, 0x03] {
                    load(a, x0, GITS);
                    load(a, x1, QUEUE);
                    dynasm!(a ; .arch aarch64 ; ldr X(x2), [X(x0), 0x88] ; add X(x1), X(x1), X(x2) ; movz X(x3), code);
                    dynasm!(a ; .arch aarch64 ; str X(x3), [X(x1)] ; movz X(x3), id - 8192);
                    dynasm!(a ; .arch aarch64 ; str X(x3), [X(x1), 8] ; stp xzr, xzr, [X(x1), 16] ; dsb sy);
                    dynasm!(a ; .arch aarch64 ; add XSP(x2), XSP(x2), 32 ; and XSP(x2), X(x2), 0xffe0 ; str X(x2), [X(x0), 0x88]);
                }
            }
        }
    }

    /// Makes the parked interrupts pending.
    fn park(&self, a: &mut Asm) {
        let (.., first, count) = self.ids();
        match self.level {
            Level::Virtual => dynasm!(a ; .arch aarch64 ; hvc 0),
            _ => (first..first + count).for_each(|id| self.send(a, id, 0, 0)),
        }
    }

    fn play(&self, a: &mut Asm, game: DynamicLabel, vectors: DynamicLabel, wrong: DynamicLabel) {
        let (ping, _, _, parked) = self.ids();
        let [round, wait, done, all] = [(); 4].map(|()| a.new_dynamic_label());
        self.begin(a, game, vectors);
        self.park(a);
        // The other PE goes on, and says that it is there.
        poke(a, READY, 1);
        dynasm!(a ; .arch aarch64 ; movz x21, 1 ; b =>wait ; =>round);
        dynasm!(a ; .arch aarch64 ; add x21, x21, 1 ; mrs x1, CNTVCT_EL0 ; cmp x1, x28 ; b.lo =>wrong ; mov x28, x1);
        self.send(a, ping, self.other, 0);
        dynasm!(a
            ; .arch aarch64
            ; =>wait
            ; cmp x20, x21
            ; b.hi =>wrong
            ; b.eq =>done
            ; wfi
            ; b =>wait
            ; =>done
            ; cbnz x26, =>wrong // a parked one came, though it is masked
            ; tst x21, 0xff
            ; b.ne =>round
        );
        load(a, 0, 0xff);
        dynasm!(a ; .arch aarch64 ; msr PMR, x0 ; isb ; =>all ; cmp x26, (1 << parked) - 1 ; b.ne =>all);
        load(a, 0, self.closed());
        dynasm!(a ; .arch aarch64 ; msr PMR, x0 ; isb ; movz x26, 0);
        self.park(a);
        dynasm!(a ; .arch aarch64 ; movz w1, b's'.into() ; strb w1, [x23] ; b =>round);
        dynasm!(a ; .arch aarch64 ; =>wrong ; movz w1, b'X'.into() ; strb w1, [x23] ; b =>wrong);
    }

    /// The other PE.
    fn wait(&self, a: &mut Asm, idle: DynamicLabel, vectors: DynamicLabel) {
        let (_, answer, ..) = self.ids();
        self.begin(a, idle, vectors);
        self.send(a, answer, 0, 0);
        dynasm!(a ; .arch aarch64 ; again: ; wfi ; b <again);
    }

    /// Vectors of EL1: IRQs from EL1, and nothing else.
    fn vectors(&self, a: &mut Asm, vectors: DynamicLabel, wrong: DynamicLabel, timer: DynamicLabel) {
        let [irq, took_ping, took_answer, ended, none] = [(); 5].map(|()| a.new_dynamic_label());
        table(a, vectors, wrong, &[(5, irq)]);
        let (ping, answer, parked, count) = self.ids();
        dynasm!(a ; .arch aarch64 ; =>irq);
        if self.level == Level::Nmi {
            self.nmi(a, wrong);
        }
        dynasm!(a ; .arch aarch64 ; mrs x10, IAR1 ; cmp x10, TIMER ; b.eq =>timer);
        // 1022: a non-maskable one came meanwhile.
        dynasm!(a ; .arch aarch64 ; orr x11, x10, 1 ; cmp x11, 1023 ; b.eq =>none);
        load(a, 11, ping.into());
        dynasm!(a ; .arch aarch64 ; cmp x10, x11 ; b.eq =>took_ping);
        load(a, 11, answer.into());
        dynasm!(a ; .arch aarch64 ; cmp x10, x11 ; b.eq =>took_answer);
        load(a, 11, parked.into());
        dynasm!(a
            ; .arch aarch64
            ; sub x11, x10, x11
            ; cmp x11, count
            ; b.hs =>wrong
            ; lsr x12, x26, x11
            ; tbnz x12, 0, =>wrong // it has come before
            ; movz x12, 1
            ; lsl x12, x12, x11
            ; orr x26, x26, x12
            ; b =>ended
            ; =>took_ping
        );
        self.send(a, answer, 0, 11);
        dynasm!(a ; .arch aarch64 ; b =>ended ; =>took_answer ; add x20, x20, 1 ; =>ended ; msr EOIR1, x10 ; =>none ; eret);
        dynasm!(a ; .arch aarch64 ; =>timer ; add x25, x25, x24 ; msr CNTV_CVAL_EL0, x25 ; isb ; add x22, x22, 1);
        if self.level == Level::Nmi {
            // What is non-maskable may come while this goes on.
            dynasm!(a ; .arch aarch64 ; mrs x13, ELR_EL1 ; mrs x14, SPSR_EL1);
            a.push_u32(0xd501_401f); // MSR ALLINT, #0
            dynasm!(a ; .arch aarch64 ; movz x15, 2000 ; spin: ; sub x15, x15, 1 ; cbnz x15, <spin);
            a.push_u32(0xd501_411f); // MSR ALLINT, #1
            dynasm!(a ; .arch aarch64 ; msr ELR_EL1, x13 ; msr SPSR_EL1, x14);
        }
        dynasm!(a
            ; .arch aarch64
            ; cbnz x19, =>ended // the other PE says nothing
            ; tst x22, 0x3f
            ; b.ne =>ended
            ; movz w11, b't'.into()
            ; strb w11, [x23]
            ; b =>ended
        );
    }

    /// A non-maskable interrupt; goes on if there is none.
    fn nmi(&self, a: &mut Asm, wrong: DynamicLabel) {
        let (ping, answer, ..) = self.ids();
        let [other, ended, none] = [(); 3].map(|()| a.new_dynamic_label());
        load(a, 3, 1023);
        dynasm!(a ; .arch aarch64 ; mrs x2, NMIAR1 ; cmp x2, x3 ; b.eq =>none ; cmp x2, answer ; b.ne =>other);
        dynasm!(a ; .arch aarch64 ; add x20, x20, 1 ; b =>ended ; =>other ; cmp x2, ping ; b.ne =>wrong);
        self.send(a, answer, 0, 3);
        dynasm!(a ; .arch aarch64 ; =>ended ; msr EOIR1, x2 ; eret ; =>none);
    }
}

/// Sixteen vectors, of which all lead to `wrong` but some.
pub fn table(a: &mut Asm, label: DynamicLabel, wrong: DynamicLabel, some: &[(usize, DynamicLabel)]) {
    while !a.offset().0.is_multiple_of(0x800) {
        dynasm!(a ; .arch aarch64 ; nop);
    }
    dynasm!(a ; .arch aarch64 ; =>label);
    for n in 0..16 {
        let to = some.iter().find(|(place, _)| *place == n).map_or(wrong, |(_, label)| *label);
        dynasm!(a ; .arch aarch64 ; b =>to);
        (1..32).for_each(|_| dynasm!(a ; .arch aarch64 ; nop));
    }
}
