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
/// From here on `RegFile::place` is not a place but the number of a known value.
const KNOWN: u8 = 0x10;
/// Known values that a block can have.
pub(crate) const MOST_KNOWN: usize = (NOWHERE - KNOWN) as usize;

/// Where a guest register is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Where {
    Memory,
    Place(u8),
    /// Known: a number in `Emitter::constants`.
    Constant(u8),
}

/// X registers; 31 is SP.
pub(crate) type XFile = RegFile<PLACES>;
/// V registers. No constants.
pub(crate) type VFile = RegFile<V_PLACES>;

/// Places, by bit.
type Places = u16;

/// The map. Of a place at most one of `guests`, `temporary`, `spans` and `flags` is set; of a free one, none.
#[derive(Clone, Copy)]
pub(crate) struct RegFile<const N: usize> {
    /// Place, or known value, of each guest register.
    place: [u8; 32],
    /// The guest registers in `guests`.
    owner: [u8; N],
    used: [u16; N],
    tick: u16,
    /// Guest registers that memory is behind on.
    dirty: u32,
    /// Places with guest registers.
    guests: Places,
    /// With values of the instruction being compiled.
    temporary: Places,
    /// With what a `Span` knows, which is kept from instruction to instruction.
    spans: Places,
    /// With operands of `Flags::Kept`.
    flags: Places,
    /// Places that the present instruction looks at.
    busy: Places,
    /// Places whose guest register the loop being compiled wants to find there again.
    kept: Places,
    /// Guest registers with known values.
    known: u32,
}

/// The numbers of the bits of `set`.
#[inline(always)]
pub(crate) fn bits(mut set: u32) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros() as u8;
        (set != 0).then(|| {
            set &= set - 1;
            bit
        })
    })
}

impl<const N: usize> RegFile<N> {
    const ALL: Places = ((1u32 << N) - 1) as Places;

    /// Everything in memory.
    pub fn new() -> Self {
        RegFile {
            place: [NOWHERE; 32],
            owner: [0; N],
            used: [0; N],
            tick: 0,
            dirty: 0,
            guests: 0,
            temporary: 0,
            spans: 0,
            flags: 0,
            busy: 0,
            kept: 0,
            known: 0,
        }
    }

    #[inline]
    pub fn find(&self, r: u8) -> Where {
        match self.place[r as usize & 31] {
            NOWHERE => Where::Memory,
            place if place < KNOWN => Where::Place(place),
            known => Where::Constant(known - KNOWN),
        }
    }

    #[inline]
    pub fn is_dirty(&self, r: u8) -> bool {
        self.dirty >> r & 1 != 0
    }

    /// Guest registers that memory is behind on.
    #[inline]
    pub fn all_dirty(&self) -> impl Iterator<Item = u8> + use<N> {
        bits(self.dirty)
    }

    /// Those of them whose values are known.
    #[inline]
    pub fn dirty_known(&self) -> impl Iterator<Item = u8> + use<N> {
        bits(self.dirty & self.known)
    }

    /// By place: the guest register that is in it and that memory is behind on, or 0xff.
    #[inline]
    pub fn dirty_places(&self) -> [u8; N] {
        // Without a branch, here and below: which registers are where is not predicted.
        std::array::from_fn(|p| {
            let r = self.owner[p];
            let behind = self.guests >> p & 1 != 0 && self.dirty >> (r & 31) & 1 != 0;
            if behind { r } else { 0xff }
        })
    }

    /// The present instruction uses this place: it keeps what is in it.
    #[inline]
    pub fn touch(&mut self, place: u8) {
        self.tick = self.tick.saturating_add(1);
        self.used[place as usize] = self.tick;
        self.busy |= 1 << place;
    }

    /// A place to take: free, or the least recently used one and the guest register that must leave it first.
    #[inline]
    pub fn candidate(&self) -> Option<(u8, Option<u8>)> {
        let idle = Self::ALL & !self.busy & !self.flags;
        let free = idle & !(self.guests | self.temporary | self.spans);
        if free != 0 {
            return Some((free.trailing_zeros() as u8, None));
        }
        let wanted = idle & !self.kept;
        let choice = if wanted != 0 { wanted } else { idle };
        if choice == 0 {
            return None;
        }
        let age = |p: usize| if choice >> p & 1 != 0 { u32::from(self.used[p]) << 8 | p as u32 } else { u32::MAX };
        let place = (0..N).map(age).fold(u32::MAX, u32::min) as u8;
        Some((place, self.guest_in(place)))
    }

    #[inline]
    fn guest_in(&self, place: u8) -> Option<u8> {
        (self.guests >> place & 1 != 0).then_some(self.owner[place as usize])
    }

    /// Nothing is in `place`.
    #[inline]
    fn empty(&mut self, place: u8) {
        let others: Places = !(1 << place);
        self.guests &= others;
        self.temporary &= others;
        self.spans &= others;
        self.flags &= others;
    }

    /// The present instruction takes `place` for a value of its own.
    #[inline]
    pub fn take(&mut self, place: u8) {
        if let Some(r) = self.guest_in(place) {
            self.place[r as usize & 31] = NOWHERE;
        }
        self.empty(place);
        self.temporary |= 1 << place;
        self.touch(place);
    }

    /// What is in `place` belongs to a span.
    pub fn lend(&mut self, place: u8) {
        self.empty(place);
        self.spans |= 1 << place;
        self.touch(place);
    }

    /// The temporary value in `place` is one that flags are made from.
    pub fn keep_flags(&mut self, place: u8) {
        self.empty(place);
        self.flags |= 1 << place;
    }

    /// Is there something in `place` that flags are made from, and nothing else?
    pub fn is_kept(&self, place: u8) -> bool {
        self.flags >> place & 1 != 0
    }

    /// Flags are made from nothing in places any more.
    #[inline]
    pub fn drop_kept(&mut self) {
        self.flags = 0;
    }

    /// Nothing is in places but guest registers.
    pub fn release_all(&mut self) {
        (self.temporary, self.spans, self.flags, self.busy) = (0, 0, 0, 0);
    }

    /// No span needs `place` any more.
    #[inline]
    pub fn give_back(&mut self, place: u8) {
        self.spans &= !(1 << place);
    }

    /// Is there a value of the present instruction in `place`, and not a guest register?
    #[inline]
    pub fn is_temporary(&self, place: u8) -> bool {
        self.temporary >> place & 1 != 0
    }

    /// What is in `place` now is guest register `r`.
    #[inline]
    pub fn adopt(&mut self, place: u8, r: u8, dirty: bool) {
        self.forget(r);
        self.empty(place);
        self.place[r as usize & 31] = place;
        self.owner[place as usize] = r;
        self.guests |= 1 << place;
        self.dirty |= u32::from(dirty) << r;
        self.touch(place);
    }

    /// Guest register `r` is the known value of this number, and memory is behind.
    pub fn set_constant(&mut self, r: u8, number: u8) {
        self.forget(r);
        self.place[r as usize & 31] = KNOWN + number;
        self.known |= 1 << r;
        self.dirty |= 1 << r;
    }

    /// The old value of `r` is of no use any more.
    #[inline]
    fn forget(&mut self, r: u8) {
        let place = self.place[r as usize & 31];
        if (place as usize) < N {
            self.guests &= !(1 << place);
        }
        self.place[r as usize & 31] = NOWHERE;
        self.dirty &= !(1 << r);
        self.known &= !(1 << r);
    }

    /// Memory has the value of `r` too.
    #[inline]
    pub fn clean(&mut self, r: u8) {
        self.dirty &= !(1 << r);
    }

    /// `r` was changed where it is.
    #[inline]
    pub fn soil(&mut self, r: u8) {
        debug_assert!(self.place[r as usize & 31] != NOWHERE, "what is dirty is somewhere");
        self.dirty |= 1 << r;
    }

    /// The old value of `r` is of no use any more, and it is nowhere.
    pub fn drop_value(&mut self, r: u8) {
        self.forget(r);
    }

    /// Is any place in use?
    #[inline]
    pub fn is_in_use(&self) -> bool {
        self.guests | self.temporary | self.spans | self.flags != 0
    }

    /// Has every guest register that `other` has in a place that place here too, and is memory behind on none that it
    /// is not behind on there?
    #[inline]
    pub fn serves_as(&self, other: &Self) -> bool {
        let misses = |p: usize| other.guests >> p & 1 != 0 && self.place[other.owner[p] as usize & 31] != p as u8;
        self.dirty & !other.dirty == 0 && (other.guests == 0 || (0..N).fold(0, |n, p| n + u8::from(misses(p))) == 0)
    }

    /// By place: the guest register that is in it.
    #[inline]
    pub fn residents(&self) -> impl Iterator<Item = (u8, u8)> + use<N> {
        let owner = self.owner;
        bits(self.guests.into()).map(move |p| (p, owner[p as usize]))
    }

    /// Guest registers whose values are known, by bit.
    pub fn known(&self) -> u32 {
        self.known
    }

    /// The loop being compiled wants to find these guest registers where they are now.
    pub fn keep(&mut self, registers: u32) {
        let wanted = self.residents().filter(|(_, r)| registers >> r & 1 != 0);
        self.kept = wanted.fold(0, |kept, (p, _)| kept | 1 << p);
    }

    /// Memory is behind wherever it is behind in `other`, of registers that are in places.
    pub fn soil_as(&mut self, other: &Self) {
        let placed = (0..N).fold(0, |set, p| set | u32::from(self.guests >> p & 1) << (self.owner[p] & 31));
        self.dirty |= other.dirty & placed;
    }

    /// The instruction is over: its own values are gone.
    #[inline]
    pub fn release(&mut self) {
        (self.temporary, self.busy) = (0, 0);
    }
}
