//! The emitter: what is known while one block is compiled, and the pieces every lowering uses.
//!
//! A lowering appends to `buf`. What it cannot do it says with `give_up`: the instruction's code is then taken
//! back and replaced by a call of the interpreter's handler. Rare code goes to `cold` and is written after the
//! block.

use crate::again::Again;
use crate::code::{CodeBuf, Offset};
use crate::context::{Static, at, slot, vslot};
use crate::evaluate::Evaluation;
use crate::options::Options;
use crate::pages::Without;
use crate::region::Region;
use crate::regs::{HOSTS, MOST_KNOWN, V_PLACES, VFile, Where, XFile};
use crate::scout::{Facts, Scout};
use crate::spans::Spans;
use crate::tables::{Constant, NewSite, SiteRecord, Tables};
use crate::thunks::{Thunks, cc, jump_if};
use crate::vector::{Known, Narrow};
use a64::{FeatureSet, ROW_COUNT, Row};
use dynasmrt::{DynasmApi, dynasm};
use hashbrown::HashSet;

/// `dynasm!` into the emitter's buffer.
macro_rules! asm {
    ($e:expr ; $($code:tt)*) => { dynasm!($e.buf ; .arch x64 ; $($code)*) };
}
pub(crate) use asm;

pub(crate) const RAX: u8 = 0;
pub(crate) const RCX: u8 = 1;
pub(crate) const RDX: u8 = 2;

/// A 64-bit value of the instruction being compiled: an index into `Emitter::nodes`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct W(pub u16);

/// A value, not computed before something uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    Imm(u64),
    /// A guest register (31 is SP) as it was after so many writes to it in this instruction.
    X(u8, u8),
    /// In a place of the register file.
    At(u8),
    Op1(semantics::Op1, W),
    Op2(semantics::Op2, W, W),
    Select(C, W, W),
}

/// A truth value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct C {
    pub test: Test,
    pub inverted: bool,
}

/// What it depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    Always,
    /// A condition of the guest's, below 14.
    Flags(u32),
    Zero(W),
    Bit(W, u32),
}

/// Where the guest's condition flags are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flags {
    /// In `Context::flags`.
    Memory,
    /// In the host's flags.
    Host {
        /// CF is the opposite of C, as after a subtraction.
        borrow: bool,
        /// `Context::flags` has them too.
        saved: bool,
    },
    /// They are what this comparison gives; its operands are in places of their own.
    Kept(Setter),
    /// They are what this comparison of guest registers gives, or in `Context::flags`.
    Again(Again),
}

/// A comparison that sets the flags: `a - b`, or `a & b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Setter {
    pub subtracts: bool,
    pub wide: bool,
    /// A place.
    pub a: u8,
    pub b: Against,
}

/// What is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Against {
    Place(u8),
    Imm(i32),
}

impl Setter {
    /// Does it look at `place`?
    pub fn uses(&self, place: u8) -> bool {
        self.a == place || self.b == Against::Place(place)
    }
}

/// What is known of registers at one point of a block.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub x: XFile,
    pub v: VFile,
    pub flags: Flags,
    pub sp_aligned: bool,
}

/// A state that is kept: an index into `Emitter::states`.
pub(crate) type StateNumber = u16;

/// What an out-of-line access does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlowAccess {
    Load(hw::Access),
    Store(hw::Access),
    Load2(hw::Access),
    Store2(hw::Access),
    Load16(hw::Access),
    Store16(hw::Access),
    Rmw(mem::Atomic, hw::Access),
    Cas(hw::Access),
    LoadExclusive(hw::Access),
    StoreExclusive(hw::Access),
    StoreExclusive2(hw::Access),
    /// DC ZVA.
    Zero,
    /// What a system instruction does.
    System(crate::work::Work),
    /// None: what is to be found in one page of RAM, from the offset on, so many bytes, is looked up, or else the
    /// instruction is interpreted.
    Reach {
        write: bool,
        offset: i16,
        bytes: u16,
    },
    /// None: the instruction is interpreted instead.
    Interpret,
}

/// A value to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Imm(u64),
    Reg(u8),
}

/// Code to be written after the block.
#[derive(Clone, Copy)]
pub(crate) enum Cold {
    /// A branch out of the block, taken rarely.
    Exit {
        from: Offset,
        state: StateNumber,
        target: u64,
        executed: u32,
    },
    /// A branch that needs no code: its label followed, and nobody fell into it.
    Arrived,
    /// Attention is wanted at the head of a loop.
    Poll {
        from: Offset,
        state: StateNumber,
        executed: u32,
    },
    /// An access that the fast path does not do, and where to go on.
    Load {
        from: [Option<Offset>; 2],
        back: Offset,
        site: u32,
        to: [Option<u8>; 2],
    },
    LoadV {
        from: [Option<Offset>; 2],
        back: Offset,
        site: u32,
        to: u8,
    },
    Store {
        from: [Option<Offset>; 2],
        back: Offset,
        site: u32,
        values: [Source; 2],
    },
    Modify {
        from: [Option<Offset>; 2],
        back: Offset,
        site: u32,
        values: [Source; 2],
        to: u8,
    },
    StoreV {
        from: [Option<Offset>; 2],
        back: Offset,
        site: u32,
        value: u8,
    },
    /// A page that is not the one remembered in `place`, and where to go on; what comes after is for when the TLB does
    /// not have it. The address is `HOSTS[base] + offset`, or in rax.
    Turn {
        from: Offset,
        back: Offset,
        place: u8,
        bytes: u16,
        base: Option<(u8, i32)>,
    },
    /// A span that is not in one page that the TLB has; the address of the access is `HOSTS[base] + offset`.
    Reach {
        from: Option<Offset>,
        back: Offset,
        site: u32,
        base: u8,
        offset: i32,
    },
    Interpret {
        from: Option<Offset>,
        site: u32,
    },
    /// A vector micro-op that the host did not do as the guest does.
    Evaluate {
        from: Offset,
        back: Offset,
        evaluation: Evaluation,
    },
}

/// The compiler of one vCPU.
pub(crate) struct Emitter {
    pub buf: CodeBuf,
    pub thunks: Thunks,
    pub tables: Tables,
    /// What the PE has, and its ID registers.
    pub features: FeatureSet,
    pub model: &'static cpu::Model,
    /// Most instructions of a block.
    pub longest: usize,
    /// What cannot be executed twice is called (`verify`).
    pub once_only: bool,
    /// A word that is compiled as if it were another, to see that it is noticed.
    pub planted: Option<(u32, u32)>,
    /// AVX-512 may be used.
    pub avx512: bool,
    /// Code counts what it does (`tally`).
    pub counting: bool,
    /// By row: an instruction of it gave up once.
    pub gives_up: Box<[bool; ROW_COUNT]>,
    /// Where the code of each instruction begins, that after the last, and that out of line.
    pub marks: Vec<Offset>,
    // The block.
    pub context: Static,
    pub start: u64,
    /// Its record.
    pub block: Offset,
    /// Physical page.
    pub page: u64,
    /// The words of the block's page from `start` on, and their rows.
    pub words: Vec<u32>,
    pub rows: Vec<Option<Row>>,
    /// What `scout` says of each of them, as far as the block may go.
    pub facts: Vec<Facts>,
    pub scout: Scout,
    pub region: Region,
    pub cold: Vec<Cold>,
    /// Which of them are `Cold::Exit`.
    pub arrivals: Vec<u16>,
    pub states: Vec<State>,
    /// Known values of registers (`Where::Constant`).
    pub constants: Vec<u64>,
    pub regs: XFile,
    pub vregs: VFile,
    pub flags: Flags,
    /// Where the host's flags came from, as long as its operands are there.
    pub setter: Option<Setter>,
    pub sp_aligned: bool,
    /// What rax has, while registers are written back.
    pub rax: Option<u64>,
    pub spans: Spans,
    /// Blocks that do without something, by PC and `Block::page`: it did not serve too often.
    pub careful: HashSet<(u64, u64, Without)>,
    /// Has the present block spans, and remembers it pages?
    pub with_spans: bool,
    pub with_pages: bool,
    /// The place of a page that was used last.
    pub next_page: u8,
    /// The address of the present access is SP and an offset.
    pub on_stack: bool,
    /// Control does not go on after the present instruction.
    pub ended: bool,
    // The instruction.
    pub index: usize,
    pub nodes: Vec<Node>,
    pub versions: [u8; 32],
    pub known: Known,
    pub narrow: Narrow,
    /// The block has said that it looks at MXCSR.
    pub float_marked: bool,
    pub failed: bool,
}

impl Emitter {
    pub fn new(buf: CodeBuf, thunks: Thunks, model: &'static cpu::Model, options: &Options) -> Emitter {
        Emitter {
            buf,
            thunks,
            tables: Tables::default(),
            features: model.features,
            model,
            longest: options.longest,
            once_only: options.verify.is_some(),
            planted: options.planted,
            avx512: options.avx512,
            counting: options.count,
            gives_up: Box::new([false; ROW_COUNT]),
            marks: Vec::new(),
            context: Static(0),
            start: 0,
            block: 0,
            page: 0,
            words: Vec::new(),
            rows: Vec::new(),
            facts: Vec::new(),
            scout: Scout::new(model.features),
            region: Region::default(),
            cold: Vec::new(),
            arrivals: Vec::new(),
            states: Vec::new(),
            constants: Vec::new(),
            regs: XFile::new(),
            vregs: VFile::new(),
            flags: Flags::Memory,
            setter: None,
            sp_aligned: false,
            rax: None,
            spans: Spans::default(),
            careful: HashSet::new(),
            with_spans: false,
            with_pages: false,
            next_page: 0,
            on_stack: false,
            ended: false,
            index: 0,
            nodes: Vec::new(),
            versions: [0; 32],
            known: Default::default(),
            narrow: Default::default(),
            float_marked: false,
            failed: false,
        }
    }

    /// The present instruction cannot be compiled.
    pub fn give_up(&mut self) {
        self.failed = true;
    }

    pub fn word(&self) -> u32 {
        self.words[self.index]
    }

    /// The address of the present instruction.
    pub fn pc_here(&self) -> u64 {
        self.start.wrapping_add(4 * self.index as u64)
    }

    /// Instructions executed when control leaves after the present one.
    pub fn executed(&self) -> u32 {
        self.index as u32 + 1
    }

    pub fn node(&mut self, node: Node) -> W {
        self.nodes.push(node);
        W(self.nodes.len() as u16 - 1)
    }

    pub fn at(&self, w: W) -> Node {
        self.nodes[w.0 as usize]
    }

    pub fn constant(&self, w: W) -> Option<u64> {
        match self.at(w) {
            Node::Imm(v) => Some(v),
            _ => None,
        }
    }

    // Host registers.

    pub fn mov_imm(&mut self, to: u8, v: u64) {
        if let Ok(v) = u32::try_from(v) {
            asm!(self ; mov Rd(to), v as i32);
        } else if let Ok(v) = i32::try_from(v as i64) {
            asm!(self ; mov Rq(to), v);
        } else {
            asm!(self ; mov Rq(to), QWORD v as i64);
        }
    }

    /// `to = from + by`, of 64 or 32 bits, without a change of flags. dynasm's has a byte that only r12 needs.
    pub fn lea(&mut self, to: u8, from: u8, by: i32, wide: bool) {
        let rex = 0x40 | u8::from(wide) << 3 | to >> 3 << 2 | from >> 3;
        if rex != 0x40 {
            asm!(self ; .u8 rex);
        }
        let mode = if i8::try_from(by).is_ok() { 0x40 } else { 0x80 };
        asm!(self ; .u8 0x8d ; .u8 mode | (to & 7) << 3 | from & 7);
        if from & 7 == 4 {
            asm!(self ; .u8 0x24);
        }
        match i8::try_from(by) {
            Ok(near) => asm!(self ; .i8 near),
            Err(_) => asm!(self ; .i32 by),
        }
    }

    pub fn mov(&mut self, to: u8, from: u8) {
        if to != from {
            asm!(self ; mov Rq(to), Rq(from));
        }
    }

    /// Stores the value of guest register `r`, which is there. May use rax.
    pub fn write_back(&mut self, r: u8, from: Where) {
        self.rax = None;
        self.write_back_next(r, from);
    }

    /// The same where rax is what `Emitter::rax` says.
    fn write_back_next(&mut self, r: u8, from: Where) {
        match from {
            Where::Place(place) => asm!(self ; mov [BYTE rbp + slot(r)], Rq(HOSTS[place as usize])),
            Where::Constant(n) => match i32::try_from(self.constants[n as usize] as i64) {
                Ok(v) => asm!(self ; mov QWORD [BYTE rbp + slot(r)], v),
                Err(_) => {
                    self.rax_becomes(self.constants[n as usize]);
                    asm!(self ; mov [BYTE rbp + slot(r)], rax);
                }
            },
            Where::Memory => {}
        }
    }

    /// Puts `v` into rax: kernel addresses are long, and near the one that may be there. Changes no flags.
    pub fn rax_becomes(&mut self, v: u64) {
        let by = self.rax.and_then(|is| i32::try_from(v.wrapping_sub(is) as i64).ok());
        match by {
            Some(by) if i32::try_from(v as i64).is_err() && u32::try_from(v).is_err() => self.lea(RAX, RAX, by, true),
            _ => self.mov_imm(RAX, v),
        }
        self.rax = Some(v);
    }

    /// Stores V register `r`, which is there.
    pub fn write_back_v(&mut self, r: u8, from: Where) {
        if let Where::Place(place) = from {
            asm!(self ; vmovdqu [rbp + vslot(r.into())], Rx(place));
        }
    }

    /// Stores every guest register that memory is behind on.
    pub fn write_back_all(&mut self, x: &XFile, v: &VFile) {
        self.rax = None;
        x.all_dirty().for_each(|r| self.write_back_next(r, x.find(r)));
        v.all_dirty().for_each(|r| self.write_back_v(r, v.find(r)));
    }

    /// Memory and registers agree; the registers stay.
    pub fn flush(&mut self) {
        let (x, v) = (self.regs, self.vregs);
        self.write_back_all(&x, &v);
        x.all_dirty().for_each(|r| self.regs.clean(r));
        v.all_dirty().for_each(|r| self.vregs.clean(r));
    }

    /// What is known now.
    pub fn state(&self) -> State {
        State { x: self.regs, v: self.vregs, flags: self.flags, sp_aligned: self.sp_aligned }
    }

    /// Keeps `state` for later.
    pub fn keep_state(&mut self, state: State) -> StateNumber {
        self.states.push(state);
        (self.states.len() - 1) as StateNumber
    }

    /// Guest register `r` is `v`, known and not in memory.
    pub fn set_constant(&mut self, r: u8, v: u64) {
        if self.constants.len() == MOST_KNOWN {
            return self.give_up();
        }
        self.regs.set_constant(r, self.constants.len() as u8);
        self.constants.push(v);
    }

    /// It is as `state` says.
    pub fn set_state(&mut self, state: &State) {
        State { x: self.regs, v: self.vregs, flags: self.flags, sp_aligned: self.sp_aligned } = *state;
    }

    /// A host vector register for a value of the present instruction.
    pub fn vector(&mut self) -> u8 {
        let Some((place, owner)) = self.vregs.candidate() else {
            self.give_up();
            return 0;
        };
        if let Some(r) = owner
            && self.vregs.is_dirty(r)
        {
            self.write_back_v(r, Where::Place(place));
            self.vregs.clean(r);
        }
        self.vregs.take(place);
        self.forget_vector(place);
        place
    }

    /// What is in `place` is about to be something else.
    pub fn forget_vector(&mut self, place: u8) {
        self.narrow.note(place, None);
        let Known { signed, unsigned, zero } = &mut self.known;
        [signed, unsigned, zero].into_iter().for_each(|set| *set &= !(1 << place));
    }

    /// The host register of V register `r`, loaded if need be.
    pub fn guest_v(&mut self, r: u8) -> u8 {
        if let Where::Place(place) = self.vregs.find(r) {
            self.vregs.touch(place);
            return place;
        }
        let place = self.vector();
        if !self.failed {
            asm!(self ; vmovdqu Rx(place), [rbp + vslot(r.into())]);
            self.vregs.adopt(place, r, false);
        }
        place
    }

    /// V register `r` becomes what is in `from`.
    pub fn assign_v(&mut self, r: u8, from: u8) {
        if self.failed {
            return;
        }
        if self.vregs.is_temporary(from) {
            return self.vregs.adopt(from, r, true);
        }
        // Loaded there.
        if self.vregs.find(r) == Where::Place(from) {
            return self.vregs.soil(r);
        }
        let to = self.vector();
        asm!(self ; vmovdqa Rx(to), Rx(from));
        if !self.failed {
            self.vregs.adopt(to, r, true);
        }
    }

    /// A place for a value of the present instruction.
    pub fn temporary(&mut self) -> Option<u8> {
        let Some((place, owner)) = self.regs.candidate() else {
            self.give_up();
            return None;
        };
        if let Some(r) = owner
            && self.regs.is_dirty(r)
        {
            self.write_back(r, Where::Place(place));
            self.regs.clean(r);
        }
        self.regs.take(place);
        self.overwrite_place(place);
        Some(place)
    }

    /// The host register of guest register `r`, loaded if need be.
    pub fn guest(&mut self, r: u8) -> u8 {
        let place = match self.regs.find(r) {
            Where::Place(place) => place,
            elsewhere => {
                let Some(place) = self.temporary() else { return RAX };
                let host = HOSTS[place as usize];
                match elsewhere {
                    Where::Constant(n) => self.mov_imm(host, self.constants[n as usize]),
                    _ => asm!(self ; mov Rq(host), [BYTE rbp + slot(r)]),
                }
                let dirty = self.regs.is_dirty(r);
                self.regs.adopt(place, r, dirty);
                place
            }
        };
        self.regs.touch(place);
        HOSTS[place as usize]
    }

    // Flags.

    /// The guest's flags are in the host's now, as `setter` makes them if that is known.
    pub fn set_flags(&mut self, borrow: bool, setter: Option<Setter>) {
        self.regs.drop_kept();
        self.flags = Flags::Host { borrow, saved: false };
        self.setter = setter;
    }

    /// Saves the guest's flags, if they are not in memory; they are in the host's, too, if they were anywhere else.
    /// Uses rax.
    pub fn save_flags(&mut self) {
        if let Flags::Again(again) = self.flags {
            let regs = self.regs;
            self.compare_again(again, &regs);
            self.flags = Flags::Memory;
        }
        if let Flags::Kept(_) = self.flags {
            self.load_flags();
        }
        if let Flags::Host { borrow, saved: false } = self.flags {
            if borrow {
                asm!(self ; cmc);
            }
            asm!(self ; lahf ; seto al ; mov [BYTE rbx + at::FLAGS], ax);
            self.flags = Flags::Host { borrow: false, saved: true };
            self.setter = None;
            self.regs.drop_kept();
        }
    }

    /// The host's flags are about to change, and memory must have the guest's.
    pub fn clobber_flags(&mut self) {
        if let Flags::Again(_) = self.flags
            && self.flags_needed()
        {
            return;
        }
        if matches!(self.flags, Flags::Host { saved: false, .. } | Flags::Kept(_)) && self.flags_needed() {
            self.save_flags();
        }
        self.flags = Flags::Memory;
        self.setter = None;
        self.regs.drop_kept();
    }

    /// The host's flags are about to change; the guest's need not be in memory, since nothing can leave here.
    pub fn pass_flags(&mut self) {
        let kept = matches!(self.flags, Flags::Host { saved: false, .. } | Flags::Kept(_) | Flags::Again(_));
        let live = kept && self.flags_needed();
        match (self.flags, self.setter) {
            (Flags::Kept(_) | Flags::Again(_), _) if live => {}
            (_, Some(setter)) if live => match self.keep(setter) {
                Some(setter) => self.flags = Flags::Kept(setter),
                None => self.clobber_flags(),
            },
            _ => self.clobber_flags(),
        }
    }

    /// `setter` with its operands in places that nothing else writes. Changes no flags.
    fn keep(&mut self, setter: Setter) -> Option<Setter> {
        self.regs.touch(setter.a);
        if let Against::Place(b) = setter.b {
            self.regs.touch(b);
        }
        let a = self.keep_place(setter.a)?;
        let b = match setter.b {
            Against::Place(b) if b == setter.a => Against::Place(a),
            Against::Place(b) => Against::Place(self.keep_place(b)?),
            imm => imm,
        };
        Some(Setter { a, b, ..setter })
    }

    fn keep_place(&mut self, place: u8) -> Option<u8> {
        if self.regs.is_kept(place) {
            return Some(place);
        }
        // Eviction stores a register at most.
        self.regs.candidate()?;
        let to = self.temporary()?;
        self.mov(HOSTS[to as usize], HOSTS[place as usize]);
        self.regs.keep_flags(to);
        Some(to)
    }

    /// What is in `place` is about to be something else.
    pub fn overwrite_place(&mut self, place: u8) {
        self.spans.lose(place);
        if self.setter.is_some_and(|s| s.uses(place)) {
            self.setter = None;
        }
    }

    /// Does the present instruction, or one after it, look at the flags as they are before it? Whatever may
    /// leave the block does, and so does the head of a loop.
    pub fn flags_needed(&self) -> bool {
        self.flags_needed_from(self.index)
    }

    /// The same of the instruction at `index`.
    pub fn flags_needed_from(&self, index: usize) -> bool {
        self.region.flags_needed_from(index)
    }

    /// Brings the guest's flags into the host's. Uses rax.
    pub fn load_flags(&mut self) {
        if let Flags::Again(_) = self.flags {
            self.save_flags();
        }
        if let Flags::Kept(setter) = self.flags {
            let a = HOSTS[setter.a as usize];
            match (setter.subtracts, setter.wide, setter.b) {
                (true, true, Against::Place(b)) => asm!(self ; cmp Rq(a), Rq(HOSTS[b as usize])),
                (true, false, Against::Place(b)) => asm!(self ; cmp Rd(a), Rd(HOSTS[b as usize])),
                (true, true, Against::Imm(v)) => asm!(self ; cmp Rq(a), v),
                (true, false, Against::Imm(v)) => asm!(self ; cmp Rd(a), v),
                (false, true, Against::Place(b)) => asm!(self ; test Rq(a), Rq(HOSTS[b as usize])),
                (false, false, Against::Place(b)) => asm!(self ; test Rd(a), Rd(HOSTS[b as usize])),
                (false, true, Against::Imm(v)) => asm!(self ; test Rq(a), v),
                (false, false, Against::Imm(v)) => asm!(self ; test Rd(a), v),
            }
            self.flags = Flags::Host { borrow: setter.subtracts, saved: false };
            self.setter = Some(setter);
        }
        if self.flags == Flags::Memory {
            asm!(self ; movzx eax, WORD [BYTE rbx + at::FLAGS] ; add al, 0x7f ; sahf);
            self.flags = Flags::Host { borrow: false, saved: true };
        }
    }

    /// The same with CF as wanted.
    pub fn load_flags_with(&mut self, borrow: bool) {
        self.load_flags();
        if let Flags::Host { borrow: is, saved } = self.flags
            && is != borrow
        {
            asm!(self ; cmc);
            self.flags = Flags::Host { borrow, saved };
        }
    }

    /// The host condition for a guest condition below 14.
    pub fn host_condition(&mut self, cond: u32) -> u8 {
        self.load_flags();
        if matches!(cond, 8 | 9) {
            self.load_flags_with(true);
        }
        let Flags::Host { borrow, .. } = self.flags else { unreachable!("just loaded") };
        match cond {
            0 => cc::E,
            1 => cc::NE,
            2 if borrow => cc::AE,
            2 => cc::B,
            3 if borrow => cc::B,
            3 => cc::AE,
            4 => cc::S,
            5 => cc::NS,
            6 => cc::O,
            7 => cc::NO,
            8 => cc::A,
            9 => cc::BE,
            10 => cc::GE,
            11 => cc::L,
            12 => cc::G,
            _ => cc::LE,
        }
    }

    /// Makes the host's flags tell `c`; the condition to look at. `None` if it always holds.
    pub fn test(&mut self, c: C) -> Option<u8> {
        let cc = match c.test {
            Test::Always => return None,
            Test::Flags(cond) => self.host_condition(cond),
            Test::Zero(w) => {
                let (reg, wide) = match self.at(w) {
                    Node::Op1(semantics::Op1::Uxtw, inner) => (self.low(inner), false),
                    _ => (self.reg(w), true),
                };
                self.pass_flags();
                match wide {
                    true => asm!(self ; test Rq(reg), Rq(reg)),
                    false => asm!(self ; test Rd(reg), Rd(reg)),
                }
                cc::E
            }
            Test::Bit(w, n) => {
                let reg = self.reg(w);
                self.pass_flags();
                match n {
                    0..=6 => asm!(self ; test Rb(reg), 1 << n),
                    7..=30 => asm!(self ; test Rd(reg), 1 << n),
                    _ => {
                        asm!(self ; bt Rq(reg), n as i8);
                        return Some(if c.inverted { cc::AE } else { cc::B });
                    }
                }
                cc::NE
            }
        };
        Some(if c.inverted { cc ^ 1 } else { cc })
    }

    // Jumps inside a block.

    /// `j<cc>` forward; aim it with `land`.
    pub fn forward(&mut self, cc: u8) -> Offset {
        jump_if(&mut self.buf, cc, None)
    }

    /// Here is where `forward` goes.
    pub fn land(&mut self, field: Offset) {
        let here = self.buf.here();
        self.buf.aim(field, here);
    }

    /// Remembers how to repair the state if the present instruction does not finish.
    pub fn site(&mut self, access: SlowAccess) -> u32 {
        let constants = self.tables.constants.len();
        for register in self.regs.dirty_known() {
            if let Where::Constant(n) = self.regs.find(register) {
                self.tables.constants.push(Constant { value: self.constants[n as usize], register });
            }
        }
        let vectors = self.vregs.is_in_use();
        let record = SiteRecord {
            block: self.block,
            access,
            executed: self.executed() as u8,
            constant_count: (self.tables.constants.len() - constants) as u8,
            vectors,
            dirty: self.regs.dirty_places(),
        };
        if let Flags::Again(again) = self.flags {
            self.tables.again.push((self.tables.sites.len() as u32, again, self.regs));
        }
        let dirty_v = if vectors { self.vregs.dirty_places() } else { [0xff; V_PLACES] };
        self.tables.sites.push(NewSite { record, dirty_v, constants });
        self.tables.sites.len() as u32 - 1
    }
}
