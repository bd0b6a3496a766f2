//! Which host register holds which guest register, inside one block.
//!
//! At a block's ends every guest register is in memory. Between them a guest register may be in a host register,
//! or known as a constant; `dirty` says that memory is behind. Copied before every instruction, so that an
//! instruction that cannot be compiled leaves nothing behind. There is one map for X registers and SP, and one for
//! V registers.

/// Host registers that hold guest registers, by place: rdi, rsi, r8 to r13.
pub(crate) const HOSTS: [u8; PLACES] = [7, 6, 8, 9, 10, 11, 12, 13];
pub(crate) const PLACES: usize = 8;
/// Host vector registers that hold V registers and values: xmm0 to xmm12. The others are for use inside one operation.
pub(crate) const V_PLACES: usize = 13;

/// Not in a register.
const NOWHERE: u8 = 0xff;
/// Known: the value is in `constants`.
const CONSTANT: u8 = 0xfe;
/// A place that nothing is in.
const FREE: u8 = 0xff;
/// A place with a value of the instruction being compiled.
const TEMPORARY: u8 = 0xfe;
/// A place with what a `Span` knows, which is kept from instruction to instruction.
const SPAN: u8 = 0xfd;
/// A place with an operand of `Flags::Kept`.
const KEPT: u8 = 0xfc;

/// Where a guest register is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Where {
    Memory,
    Place(u8),
    Constant(u64),
}

/// X registers; 31 is SP.
pub(crate) type XFile = RegFile<PLACES, 32>;
/// V registers. No constants.
pub(crate) type VFile = RegFile<V_PLACES, 0>;

/// The map.
#[derive(Clone, Copy)]
pub(crate) struct RegFile<const N: usize, const M: usize> {
    place: [u8; 32],
    owner: [u8; N],
    used: [u32; N],
    /// Guest registers that memory is behind on.
    dirty: u32,
    /// Places that the present instruction looks at.
    busy: u16,
    /// Places whose guest register the loop being compiled wants to find there again.
    kept: u16,
    tick: u32,
    constants: [u64; M],
}

impl<const N: usize, const M: usize> RegFile<N, M> {
    /// Everything in memory.
    pub fn new() -> Self {
        RegFile {
            place: [NOWHERE; 32],
            owner: [FREE; N],
            used: [0; N],
            dirty: 0,
            busy: 0,
            kept: 0,
            tick: 0,
            constants: [0; M],
        }
    }

    pub fn find(&self, r: u8) -> Where {
        match self.place[r as usize & 31] {
            NOWHERE => Where::Memory,
            CONSTANT => Where::Constant(self.constants[r as usize & 31]),
            place => Where::Place(place),
        }
    }

    pub fn is_dirty(&self, r: u8) -> bool {
        self.dirty >> r & 1 != 0
    }

    /// Guest registers that memory is behind on.
    pub fn all_dirty(&self) -> impl Iterator<Item = u8> + use<N, M> {
        let dirty = self.dirty;
        (0..32).filter(move |r| dirty >> r & 1 != 0)
    }

    /// By place: the guest register that is in it and that memory is behind on, or 0xff.
    pub fn dirty_places(&self) -> [u8; N] {
        self.owner.map(|r| if r < 32 && self.is_dirty(r) { r } else { 0xff })
    }

    /// The present instruction uses this place: it keeps what is in it.
    pub fn touch(&mut self, place: u8) {
        self.tick += 1;
        self.used[place as usize] = self.tick;
        self.busy |= 1 << place;
    }

    /// A place to take: free, or the least recently used one and the guest register that must leave it first.
    pub fn candidate(&self) -> Option<(u8, Option<u8>)> {
        let idle = (0..N as u8).filter(|p| self.busy >> p & 1 == 0 && self.owner[*p as usize] != KEPT);
        let place = idle.min_by_key(|p| match self.owner[*p as usize] {
            FREE => 0,
            _ => 1 + u64::from(self.used[*p as usize]) + (u64::from(self.kept >> p & 1) << 32),
        })?;
        let owner = self.owner[place as usize];
        Some((place, (owner < 32).then_some(owner)))
    }

    /// The present instruction takes `place` for a value of its own.
    pub fn take(&mut self, place: u8) {
        let owner = self.owner[place as usize];
        if owner < 32 {
            self.place[owner as usize] = NOWHERE;
        }
        self.owner[place as usize] = TEMPORARY;
        self.touch(place);
    }

    /// What is in `place` belongs to a span.
    pub fn lend(&mut self, place: u8) {
        self.owner[place as usize] = SPAN;
        self.touch(place);
    }

    /// The temporary value in `place` is one that flags are made from.
    pub fn keep_flags(&mut self, place: u8) {
        self.owner[place as usize] = KEPT;
    }

    /// Is there something in `place` that flags are made from, and nothing else?
    pub fn is_kept(&self, place: u8) -> bool {
        self.owner[place as usize] == KEPT
    }

    /// Flags are made from nothing in places any more.
    pub fn drop_kept(&mut self) {
        self.owner.iter_mut().filter(|o| **o == KEPT).for_each(|o| *o = FREE);
    }

    /// Nothing is in places but guest registers.
    pub fn release_all(&mut self) {
        self.owner.iter_mut().filter(|o| **o >= 32).for_each(|o| *o = FREE);
        self.busy = 0;
    }

    /// No span needs `place` any more.
    pub fn give_back(&mut self, place: u8) {
        if self.owner[place as usize] == SPAN {
            self.owner[place as usize] = FREE;
        }
    }

    /// Is there a value of the present instruction in `place`, and not a guest register?
    pub fn is_temporary(&self, place: u8) -> bool {
        self.owner[place as usize] == TEMPORARY
    }

    /// What is in `place` now is guest register `r`.
    pub fn adopt(&mut self, place: u8, r: u8, dirty: bool) {
        self.forget(r);
        self.place[r as usize] = place;
        self.owner[place as usize] = r;
        self.dirty |= u32::from(dirty) << r;
        self.touch(place);
    }

    /// Guest register `r` is `v`, and memory is behind.
    pub fn set_constant(&mut self, r: u8, v: u64) {
        self.forget(r);
        self.place[r as usize] = CONSTANT;
        self.constants[r as usize] = v;
        self.dirty |= 1 << r;
    }

    /// The old value of `r` is of no use any more.
    fn forget(&mut self, r: u8) {
        let place = self.place[r as usize];
        if (place as usize) < N {
            self.owner[place as usize] = FREE;
        }
        self.place[r as usize] = NOWHERE;
        self.dirty &= !(1 << r);
    }

    /// Memory has the value of `r` too.
    pub fn clean(&mut self, r: u8) {
        self.dirty &= !(1 << r);
    }

    /// `r` was changed where it is.
    pub fn soil(&mut self, r: u8) {
        debug_assert!(self.place[r as usize] != NOWHERE, "what is dirty is somewhere");
        self.dirty |= 1 << r;
    }

    /// The old value of `r` is of no use any more, and it is nowhere.
    pub fn drop_value(&mut self, r: u8) {
        self.forget(r);
    }

    /// Is any place in use?
    pub fn is_in_use(&self) -> bool {
        self.owner.iter().any(|o| *o != FREE)
    }

    /// By place: the guest register that is in it.
    pub fn residents(&self) -> impl Iterator<Item = (u8, u8)> + use<N, M> {
        let owner = self.owner;
        (0..N as u8).map(move |p| (p, owner[p as usize])).filter(|(_, r)| *r < 32)
    }

    /// The loop being compiled wants to find these guest registers where they are now.
    pub fn keep(&mut self, registers: u32) {
        let wanted = self.residents().filter(|(_, r)| registers >> r & 1 != 0);
        self.kept = wanted.fold(0, |kept, (p, _)| kept | 1 << p);
    }

    /// Memory is behind wherever it is behind in `other`, of registers that are in places.
    pub fn soil_as(&mut self, other: &Self) {
        let placed = self.residents().fold(0, |set, (_, r)| set | 1 << r);
        self.dirty |= other.dirty & placed;
    }

    /// The instruction is over: its own values are gone.
    pub fn release(&mut self) {
        self.owner.iter_mut().filter(|o| **o == TEMPORARY).for_each(|o| *o = FREE);
        self.busy = 0;
    }
}
