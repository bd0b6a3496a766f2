//! Guest RAM: one anonymous mapping of the host, or pieces of memory that somebody else gave, and the only place that reads
//! and writes it.
//!
//! Every access checks that its host address lies inside the mapping, so a wrong `HostAddr` is a panic,
//! never a corrupted host. Aligned accesses are single-copy atomic, as A64 requires of aligned ones up to
//! 8 bytes, and unaligned ones within 16 aligned bytes are too, as FEAT_LSE2 requires; ordering is `Relaxed` and
//! barriers are the engine's (`ARM DDI 0487`, B2 "The AArch64 Application Level Memory Model").

use crate::pages;
use hw::{AccessSize, GuestMemory, PhysAddr, Unbacked};
use portable_atomic::AtomicU128;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion};

/// An address of this process inside guest RAM. Good as a TLB addend; worthless outside `Ram`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostAddr(pub usize);

/// The host would not give the memory.
#[derive(Debug, thiserror::Error)]
#[error("cannot map {mib} MiB of guest RAM: {cause}; ask for less with --memory")]
pub struct RamError {
    mib: u64,
    cause: String,
}

/// What an atomic instruction does to memory (the LSE operations). Values are zero-extended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Atomic {
    /// LDADD.
    Add,
    /// LDCLR: and-not.
    Clear,
    /// LDEOR.
    Xor,
    /// LDSET: or.
    Set,
    /// LDSMAX.
    SMax,
    /// LDSMIN.
    SMin,
    /// LDUMAX.
    UMax,
    /// LDUMIN.
    UMin,
    /// SWP.
    Swap,
}

impl Atomic {
    /// What memory then holds.
    fn eval(self, old: u64, v: u64, size: AccessSize) -> u64 {
        let up = 64 - 8 * size.bytes();
        let signed = |v: u64| (v << up) as i64;
        let (narrow, greater) = (size.truncate(v), signed(old) > signed(v));
        match self {
            Atomic::Add => size.truncate(old.wrapping_add(v)),
            Atomic::Clear => old & !narrow,
            Atomic::Xor => old ^ narrow,
            Atomic::Set => old | narrow,
            Atomic::SMax => [narrow, old][usize::from(greater)],
            Atomic::SMin => [old, narrow][usize::from(greater)],
            Atomic::UMax => old.max(narrow),
            Atomic::UMin => old.min(narrow),
            Atomic::Swap => narrow,
        }
    }
}

/// An unaligned access within 16 aligned bytes.
#[derive(Clone, Copy)]
struct Within {
    quad: HostAddr,
    shift: u32,
    ones: u128,
}

impl Within {
    fn of(at: HostAddr, size: AccessSize) -> Option<Within> {
        let (from, bytes) = (at.0 % 16, size.bytes() as usize);
        let within = Within { quad: HostAddr(at.0 - from), shift: 8 * from as u32, ones: (1 << (8 * bytes)) - 1 };
        (from + bytes <= 16).then_some(within)
    }

    fn of_unaligned(at: HostAddr, size: AccessSize) -> Option<Within> {
        if (at.0 as u64).is_multiple_of(size.bytes()) { None } else { Within::of(at, size) }
    }

    fn get(self, quad: u128) -> u64 {
        (quad >> self.shift & self.ones) as u64
    }

    fn with(self, quad: u128, v: u64) -> u128 {
        quad & !(self.ones << self.shift) | u128::from(v) << self.shift
    }
}

/// Memory of this process that a guest has at one physical base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    base: u64,
    start: usize,
    size: usize,
}

impl Piece {
    /// `size` bytes at `start`, which the guest has at `base`. All three are multiples of 4 KiB, and `size` is not 0.
    ///
    /// # Safety
    /// The memory is mapped, readable and writable as long as a [`Ram`] with this piece is used, and nobody holds a
    /// reference to it: guests write it at any time.
    pub unsafe fn new(base: PhysAddr, start: usize, size: usize) -> Piece {
        let aligned = [base.0, start as u64, size as u64].iter().all(|n| n.is_multiple_of(4096));
        assert!(aligned && size > 0, "a piece consists of pages");
        Piece { base: base.0, start, size }
    }

    fn offset(&self, pa: PhysAddr, len: usize) -> Option<usize> {
        let offset = usize::try_from(pa.0.checked_sub(self.base)?).ok()?;
        (offset.checked_add(len)? <= self.size).then(|| self.start + offset)
    }

    fn holds(&self, at: HostAddr, bytes: usize) -> bool {
        let offset = at.0.wrapping_sub(self.start);
        self.size >= bytes && offset <= self.size - bytes
    }
}

/// Guest RAM at one physical base, or in several pieces. A clone is the same RAM, for another bus master.
#[derive(Clone)]
pub struct Ram {
    base: u64,
    start: usize,
    size: usize,
    /// Further pieces, which are slower to find.
    more: Arc<[Piece]>,
    map: Option<Arc<MmapRegion>>, // keeps `start..start + size` mapped, if that is ours
}

/// Runs `$body` with `$cell` bound to the atomic of the access's width at a checked, aligned address.
macro_rules! with_atomic {
    ($self:ident, $at:expr, $size:expr, |$cell:ident: $ty:ident| $body:expr) => {
        match $size {
            AccessSize::Byte => {
                #[allow(dead_code)]
                type $ty = u8;
                // SAFETY: `checked` proved the byte lies in the live mapping; only atomics touch it.
                let $cell = unsafe { AtomicU8::from_ptr($self.checked($at, 1) as *mut u8) };
                $body
            }
            AccessSize::Half => {
                #[allow(dead_code)]
                type $ty = u16;
                // SAFETY: as above, and `checked` asserted the alignment.
                let $cell = unsafe { AtomicU16::from_ptr($self.checked($at, 2) as *mut u16) };
                $body
            }
            AccessSize::Word => {
                #[allow(dead_code)]
                type $ty = u32;
                // SAFETY: as above.
                let $cell = unsafe { AtomicU32::from_ptr($self.checked($at, 4) as *mut u32) };
                $body
            }
            AccessSize::Double => {
                #[allow(dead_code)]
                type $ty = u64;
                // SAFETY: as above.
                let $cell = unsafe { AtomicU64::from_ptr($self.checked($at, 8) as *mut u64) };
                $body
            }
        }
    };
}

#[allow(clippy::unnecessary_cast)] // `with_atomic` writes one body for four widths; one of them is u64 already
impl Ram {
    /// `size` bytes of zeroed RAM at physical `base`; both are multiples of 4 KiB. Huge pages are advised.
    pub fn new(base: PhysAddr, size: u64) -> Result<Ram, RamError> {
        assert!(
            base.0.is_multiple_of(4096) && size.is_multiple_of(4096) && size > 0,
            "the board's map is page aligned"
        );
        let error = |cause: String| RamError { mib: size >> 20, cause };
        let len = usize::try_from(size).map_err(|e| error(e.to_string()))?;
        // Under Miri `MmapRegion` is from Rust's allocator, and not aligned to a page.
        let map = MmapRegion::new(if cfg!(miri) { len + 4096 } else { len }).map_err(|e| error(e.to_string()))?;
        let start = (map.as_ptr() as usize).next_multiple_of(4096);
        // SAFETY: the range is exactly the mapping just made. Advice; refusal changes nothing.
        #[cfg(all(target_os = "linux", not(miri)))]
        unsafe {
            libc::madvise(map.as_ptr().cast(), len, libc::MADV_HUGEPAGE);
        }
        let more = Arc::new([]);
        Ok(Ram { base: base.0, start, size: len, more, map: Some(Arc::new(map)) })
    }

    /// The same RAM as libraries of the rust-vmm project take it, for virtio queues; `None` if the mapping is not ours.
    pub fn guest_memory(&self) -> Option<GuestMemoryMmap> {
        let map = self.map.clone().filter(|map| map.as_ptr() as usize == self.start)?; // under Miri RAM begins further on
        let region = Arc::new(GuestRegionMmap::with_arc(map, GuestAddress(self.base))?);
        GuestMemoryMmap::from_arc_regions(vec![region]).ok()
    }

    /// RAM that is these pieces, of which the first is found fastest; `None` without any.
    pub fn of(pieces: &[Piece]) -> Option<Ram> {
        let (&Piece { base, start, size }, more) = pieces.split_first()?;
        Some(Ram { base, start, size, more: more.into(), map: None })
    }

    /// Is it in one piece?
    pub fn is_whole(&self) -> bool {
        self.more.is_empty()
    }

    /// Is any of `[base, base + size)` RAM?
    pub fn overlaps(&self, base: PhysAddr, size: u64) -> bool {
        let first = Piece { base: self.base, start: self.start, size: self.size };
        let meets = |p: &Piece| base.0 < p.base + p.size as u64 && p.base < base.0 + size;
        meets(&first) || self.more.iter().any(meets)
    }

    /// First physical address, of the first piece.
    pub fn base(&self) -> PhysAddr {
        PhysAddr(self.base)
    }

    /// Bytes of RAM in the first piece.
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Where the byte at `pa` is in this process; `None` if `pa` is not RAM.
    #[inline(always)]
    pub fn host(&self, pa: PhysAddr) -> Option<HostAddr> {
        let offset = pa.0.wrapping_sub(self.base);
        if offset < self.size as u64 { Some(HostAddr(self.start + offset as usize)) } else { self.host_of_more(pa) }
    }

    #[cold]
    fn host_of_more(&self, pa: PhysAddr) -> Option<HostAddr> {
        self.more.iter().find_map(|piece| piece.offset(pa, 1)).map(HostAddr)
    }

    #[inline(always)]
    fn checked(&self, at: HostAddr, bytes: usize) -> usize {
        let offset = at.0.wrapping_sub(self.start);
        if !(offset <= self.size - bytes && at.0.is_multiple_of(bytes)) {
            self.check_more(at, bytes);
        }
        at.0
    }

    #[cold]
    #[inline(never)]
    fn check_more(&self, at: HostAddr, bytes: usize) {
        let held = self.more.iter().any(|piece| piece.holds(at, bytes));
        assert!(held && at.0.is_multiple_of(bytes), "HostAddr comes from Ram::host, and is aligned");
    }

    /// A relaxed load, zero-extended. An unaligned one is atomic within 16 aligned bytes, else bytewise; it must
    /// stay inside RAM.
    #[inline(always)]
    pub fn load(&self, at: HostAddr, size: AccessSize) -> u64 {
        if (at.0 as u64).is_multiple_of(size.bytes()) {
            with_atomic!(self, at, size, |cell: T| cell.load(Ordering::Relaxed) as u64)
        } else {
            self.load_unaligned(at, size)
        }
    }

    /// A relaxed store of the low bytes of `value`; unaligned ones as `load`.
    #[inline(always)]
    pub fn store(&self, at: HostAddr, size: AccessSize, value: u64) {
        if (at.0 as u64).is_multiple_of(size.bytes()) {
            with_atomic!(self, at, size, |cell: T| cell.store(value as T, Ordering::Relaxed))
        } else {
            self.store_unaligned(at, size, value)
        }
    }

    #[cold]
    fn load_unaligned(&self, at: HostAddr, size: AccessSize) -> u64 {
        match Within::of(at, size) {
            Some(w) => w.get(self.load16(w.quad)),
            None => (0..size.bytes())
                .fold(0, |v, i| v | self.load(HostAddr(at.0 + i as usize), AccessSize::Byte) << (8 * i)),
        }
    }

    #[cold]
    fn store_unaligned(&self, at: HostAddr, size: AccessSize, value: u64) {
        match Within::of(at, size) {
            Some(w) => _ = self.modify_within(w, |_| Some(size.truncate(value))),
            None => (0..size.bytes())
                .for_each(|i| self.store(HostAddr(at.0 + i as usize), AccessSize::Byte, value >> (8 * i))),
        }
    }

    /// Replaces what is at `w` by `new` of it, unless that is `None`; returns the old value.
    fn modify_within(&self, w: Within, new: impl Fn(u64) -> Option<u64>) -> u64 {
        let mut quad = self.load16(w.quad);
        loop {
            let old = w.get(quad);
            let Some(new) = new(old) else { return old };
            match self.cas16(w.quad, quad, w.with(quad, new)) {
                held if held == quad => return old,
                held => quad = held,
            }
        }
    }

    /// Atomic read-modify-write, sequentially consistent; returns the old value, zero-extended.
    /// `at` is aligned to `size`, or the access lies within 16 aligned bytes.
    pub fn rmw(&self, at: HostAddr, size: AccessSize, op: Atomic, operand: u64) -> u64 {
        use Ordering::SeqCst;
        if let Some(w) = Within::of_unaligned(at, size) {
            return self.modify_within(w, |old| Some(op.eval(old, operand, size)));
        }
        with_atomic!(self, at, size, |cell: T| {
            let v = operand as T;
            // Signed minima of the unsigned atomics, by the order-preserving flip of the sign bit.
            const SIGN: T = 1 << (T::BITS - 1);
            let signed = |pick: fn(T, T) -> T| {
                let update = |old| Some(pick(old ^ SIGN, v ^ SIGN) ^ SIGN);
                cell.fetch_update(SeqCst, SeqCst, update).unwrap_or_else(|old| old)
            };
            (match op {
                Atomic::Add => cell.fetch_add(v, SeqCst),
                Atomic::Clear => cell.fetch_and(!v, SeqCst),
                Atomic::Xor => cell.fetch_xor(v, SeqCst),
                Atomic::Set => cell.fetch_or(v, SeqCst),
                Atomic::UMax => cell.fetch_max(v, SeqCst),
                Atomic::UMin => cell.fetch_min(v, SeqCst),
                Atomic::Swap => cell.swap(v, SeqCst),
                Atomic::SMax => signed(T::max),
                Atomic::SMin => signed(T::min),
            }) as u64
        })
    }

    /// Compare-and-swap, sequentially consistent; returns what memory held, zero-extended. Where as `rmw`.
    pub fn cas(&self, at: HostAddr, size: AccessSize, expected: u64, new: u64) -> u64 {
        use Ordering::SeqCst;
        if let Some(w) = Within::of_unaligned(at, size) {
            return self.modify_within(w, |old| (old == size.truncate(expected)).then_some(size.truncate(new)));
        }
        with_atomic!(self, at, size, |cell: T| {
            cell.compare_exchange(expected as T, new as T, SeqCst, SeqCst).unwrap_or_else(|old| old) as u64
        })
    }

    fn quad(&self, at: HostAddr) -> &AtomicU128 {
        // SAFETY: `checked` proved that 16 aligned bytes lie in the live mapping; only atomics touch them.
        unsafe { AtomicU128::from_ptr(self.checked(at, 16) as *mut u128) }
    }

    /// Relaxed 16-byte load, single-copy atomic where the host can; `at` is 16-byte aligned. Little-endian: low
    /// half at `at`.
    #[inline(always)]
    pub fn load16(&self, at: HostAddr) -> u128 {
        #[cfg(all(target_arch = "x86_64", not(miri)))] // Miri knows no assembly
        {
            use std::arch::x86_64::{__m128i, _mm_cvtsi128_si64, _mm_unpackhi_epi64};
            let (v, high): (__m128i, __m128i);
            // One instruction that processors with AVX perform atomically (Intel SDM 3A, "Guaranteed Atomic
            // Operations"; AMD64 APM 2, "Access Atomicity"). A library would first ask whether there is AVX.
            // SAFETY: `checked` proved that 16 aligned bytes lie in the live mapping.
            unsafe {
                std::arch::asm!("movdqa {v}, [{at}]", v = out(xmm_reg) v, at = in(reg) self.checked(at, 16),
                    options(nostack, readonly, preserves_flags));
                high = _mm_unpackhi_epi64(v, v);
                u128::from(_mm_cvtsi128_si64(v) as u64) | u128::from(_mm_cvtsi128_si64(high) as u64) << 64
            }
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        self.quad(at).load(Ordering::Relaxed)
    }

    /// Relaxed 16-byte store; as `load16`.
    #[inline(always)]
    pub fn store16(&self, at: HostAddr, value: u128) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            // SAFETY: as in `load16`.
            unsafe {
                let v = std::arch::x86_64::_mm_set_epi64x((value >> 64) as i64, value as i64);
                std::arch::asm!("movdqa [{at}], {v}", v = in(xmm_reg) v, at = in(reg) self.checked(at, 16),
                    options(nostack, preserves_flags));
            }
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        self.quad(at).store(value, Ordering::Relaxed)
    }

    /// 16-byte compare-and-swap; returns what memory held. `at` is 16-byte aligned.
    pub fn cas16(&self, at: HostAddr, expected: u128, new: u128) -> u128 {
        self.quad(at).compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst).unwrap_or_else(|old| old)
    }

    /// Writes `bytes` zero bytes at `at`, both multiples of 8 (`DC ZVA`).
    pub fn zero(&self, at: HostAddr, bytes: usize) {
        for i in (0..bytes).step_by(8) {
            self.store(HostAddr(at.0 + i), AccessSize::Double, 0);
        }
    }

    /// Copies out of RAM; `None` if any byte of the range is not RAM. vCPUs may write meanwhile: what is read is then a
    /// mix, of aligned words that are whole.
    pub fn read_bytes(&self, pa: PhysAddr, out: &mut [u8]) -> Option<()> {
        let (head, words, tail) = self.cells(pa, out.len())?;
        let (first, rest) = out.split_at_mut(head.len());
        let (middle, last) = rest.split_at_mut(8 * words.len());
        let bytes = |out: &mut [u8], cells: &[AtomicU8]| {
            out.iter_mut().zip(cells).for_each(|(out, cell)| *out = cell.load(Ordering::Relaxed));
        };
        bytes(first, head);
        for (out, cell) in middle.chunks_exact_mut(8).zip(words) {
            out.copy_from_slice(&cell.load(Ordering::Relaxed).to_ne_bytes());
        }
        bytes(last, tail);
        Some(())
    }

    /// Copies into RAM; `None`, with nothing written, if any byte of the range is not RAM. As `read_bytes`.
    pub fn write_bytes(&self, pa: PhysAddr, bytes: &[u8]) -> Option<()> {
        let (head, words, tail) = self.cells(pa, bytes.len())?;
        let (first, rest) = bytes.split_at(head.len());
        let (middle, last) = rest.split_at(8 * words.len());
        let store = |cells: &[AtomicU8], bytes: &[u8]| {
            cells.iter().zip(bytes).for_each(|(cell, byte)| cell.store(*byte, Ordering::Relaxed));
        };
        store(head, first);
        for (cell, word) in words.iter().zip(middle.chunks_exact(8)) {
            cell.store(u64::from_ne_bytes(word.try_into().expect("it has 8 bytes")), Ordering::Relaxed);
        }
        store(tail, last);
        Some(())
    }

    /// A range of RAM: bytes up to a word, words, and bytes.
    fn cells(&self, pa: PhysAddr, len: usize) -> Option<(&[AtomicU8], &[AtomicU64], &[AtomicU8])> {
        let from = self.range(pa, len)?;
        // SAFETY: `range` proved that it lies in the live mapping; only atomics touch it, and any bits are a value.
        Some(unsafe { std::slice::from_raw_parts(from as *const AtomicU8, len).align_to() })
    }

    /// Gives every page back to the host; RAM reads as zero again (power-on reset). Pieces are not ours to clear.
    pub fn clear(&self) {
        assert!(self.map.is_some(), "only who mapped memory discards it");
        // SAFETY: the range is exactly our private anonymous mapping; discarding it reads as zero.
        #[cfg(all(target_os = "linux", not(miri)))]
        if unsafe { libc::madvise(self.start as *mut _, self.size, libc::MADV_DONTNEED) } == 0 {
            return;
        }
        self.zero(HostAddr(self.start), self.size);
    }

    /// Offsets from `base` outside which all of [`size`](Ram::size) bytes are zero: whole pages, in order and apart,
    /// whose bytes may be zero too. Of memory that is not ours, and where the host does not say, that is all of it.
    pub fn touched(&self) -> Vec<Range<u64>> {
        let ours = self.map.as_ref().and_then(|_| pages::given(self.start, self.size));
        ours.unwrap_or_else(|| std::iter::once(0..self.size()).collect())
    }

    /// A range that lies in one piece.
    fn range(&self, pa: PhysAddr, len: usize) -> Option<usize> {
        let first = Piece { base: self.base, start: self.start, size: self.size };
        first.offset(pa, len).or_else(|| self.more.iter().find_map(|piece| piece.offset(pa, len)))
    }

    fn aligned(&self, pa: PhysAddr) -> Result<HostAddr, Unbacked> {
        self.range(pa, 8).filter(|at| at.is_multiple_of(8)).map(HostAddr).ok_or(Unbacked(pa))
    }
}

impl GuestMemory for Ram {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        self.read_bytes(at, out).ok_or(Unbacked(at))
    }

    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked> {
        self.write_bytes(at, bytes).ok_or(Unbacked(at))
    }

    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        Ok(self.load(self.aligned(at)?, AccessSize::Double))
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.store(self.aligned(at)?, AccessSize::Double, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ram() -> Ram {
        Ram::new(PhysAddr(0x4000_0000), 0x10000).unwrap()
    }

    #[test]
    fn loads_see_stores_of_every_width_and_alignment() {
        let ram = ram();
        for size in [AccessSize::Byte, AccessSize::Half, AccessSize::Word, AccessSize::Double] {
            for skew in 0..8 {
                let at = HostAddr(ram.host(PhysAddr(0x4000_0100)).unwrap().0 + skew);
                ram.store(at, size, 0x8877_6655_4433_2211);
                assert_eq!(ram.load(at, size), size.truncate(0x8877_6655_4433_2211));
            }
        }
    }

    /// Every read-modify-write gives the same at an aligned place and at an unaligned one within 16 bytes.
    #[test]
    fn unaligned_atomics_are_like_aligned_ones() {
        use Atomic::*;
        let ram = ram();
        let at = |offset| HostAddr(ram.host(PhysAddr(0x4000_0100)).unwrap().0 + offset);
        let values = [0, 1, 0x80, 0x7fff, 0x8000_0000, u64::MAX, 0x8877_6655_4433_2211, 1 << 63];
        let values = &values[if cfg!(miri) { 5..8 } else { 0..8 }];
        for size in [AccessSize::Half, AccessSize::Word, AccessSize::Double] {
            for skew in (1..=16 - size.bytes() as usize).filter(|s| s % size.bytes() as usize != 0) {
                for (a, b) in values.iter().flat_map(|a| values.iter().map(move |b| (*a, *b))) {
                    let (around, plain) = (u128::from(a ^ b) << 64 | 0x1234, at(0x40));
                    let both = |act: &dyn Fn(HostAddr) -> u64| {
                        ram.store16(at(0), around);
                        ram.store(at(skew), size, a);
                        ram.store(plain, size, a);
                        assert_eq!(act(at(skew)), act(plain), "{size:?} {a:x} {b:x}");
                        assert_eq!(ram.load(at(skew), size), ram.load(plain, size), "{size:?} {a:x} {b:x}");
                        let mask = ((1u128 << (8 * size.bytes())) - 1) << (8 * skew);
                        assert_eq!(ram.load16(at(0)) & !mask, around & !mask);
                    };
                    for op in [Add, Clear, Xor, Set, SMax, SMin, UMax, UMin, Swap] {
                        both(&|at| ram.rmw(at, size, op, b));
                    }
                    both(&|at| ram.cas(at, size, size.truncate(a), b));
                    both(&|at| ram.cas(at, size, size.truncate(b), !b));
                }
            }
        }
    }

    /// While one thread stores zeros and ones in turn, another sees nothing in between.
    #[test]
    fn within_sixteen_bytes_nothing_tears() {
        let ram = ram();
        let quad = ram.host(PhysAddr(0x4000_0100)).unwrap();
        let loads = if cfg!(miri) { 100 } else { 100_000 };
        for skew in 0..=8 {
            // To Rust, atomics of two sizes at one place race; they do not where guest RAM is.
            if cfg!(miri) && skew % 8 == 0 {
                continue;
            }
            let at = HostAddr(quad.0 + skew);
            ram.store16(quad, 0);
            let done = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        [u64::MAX, 0].into_iter().for_each(|v| ram.store(at, AccessSize::Double, v));
                        [u128::MAX, 0].into_iter().for_each(|v| ram.store16(quad, v));
                    }
                });
                let seen: Vec<u64> = (0..loads).map(|_| ram.load(at, AccessSize::Double)).collect();
                done.store(true, Ordering::Relaxed);
                let torn = seen.iter().find(|v| ![0, u64::MAX].contains(*v));
                assert_eq!(torn, None, "at {skew}");
            });
        }
    }

    /// Devices read and write while vCPUs do; what is aligned is whole then too.
    #[test]
    fn a_bus_master_meets_a_vcpu() {
        let ram = ram();
        let (words, place) = (8, PhysAddr(0x4000_0100));
        let at = |n: usize| HostAddr(ram.host(place).unwrap().0 + 8 * n);
        let rounds = if cfg!(miri) { 20 } else { 20_000 };
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for round in 0..rounds {
                    let v = if round % 2 == 0 { u64::MAX } else { 0 };
                    (0..words).for_each(|n| ram.store(at(n), AccessSize::Double, v));
                    ram.write_bytes(place.offset(64), &[v as u8; 64]).unwrap();
                }
            });
            let whole = |word: u64| [0, u64::MAX].contains(&word);
            for _ in 0..rounds {
                let mut bytes = [0; 64];
                ram.read_bytes(place, &mut bytes).unwrap();
                assert!(bytes.chunks(8).all(|word| whole(u64::from_le_bytes(word.try_into().unwrap()))), "{bytes:x?}");
                assert!((words..2 * words).all(|n| whole(ram.load(at(n), AccessSize::Double))));
            }
        });
    }

    #[test]
    fn signed_extremes_compare_as_signed() {
        let ram = ram();
        let at = ram.host(PhysAddr(0x4000_0000)).unwrap();
        ram.store(at, AccessSize::Byte, 0x80); // -128
        assert_eq!(ram.rmw(at, AccessSize::Byte, Atomic::SMax, 0x01), 0x80);
        assert_eq!(ram.load(at, AccessSize::Byte), 0x01);
        assert_eq!(ram.rmw(at, AccessSize::Byte, Atomic::SMin, 0xff), 0x01);
        assert_eq!(ram.load(at, AccessSize::Byte), 0xff);
    }

    #[test]
    fn outside_is_not_ram() {
        let ram = ram();
        assert!(ram.host(PhysAddr(0x3fff_ffff)).is_none());
        assert!(ram.host(PhysAddr(0x4001_0000)).is_none());
        assert!(ram.write_bytes(PhysAddr(0x4000_ffff), &[0; 2]).is_none());
        assert!(ram.read_bytes(PhysAddr(u64::MAX), &mut [0; 2]).is_none());
    }

    #[test]
    #[should_panic(expected = "HostAddr comes from")]
    fn a_wrong_host_address_is_caught() {
        let ram = ram();
        ram.load(HostAddr(ram.host(PhysAddr(0x4000_fff8)).unwrap().0 + 8), AccessSize::Double);
    }

    #[test]
    fn pieces_are_found_and_checked_each() {
        let (low, high) = (Ram::new(PhysAddr(0), 0x2000).unwrap(), Ram::new(PhysAddr(0), 0x3000).unwrap());
        // SAFETY: both mappings outlive `ram`, and only atomics touch them.
        let piece = |base, ram: &Ram| unsafe { Piece::new(PhysAddr(base), ram.start, ram.size) };
        let ram = Ram::of(&[piece(0x4000_0000, &low), piece(0x8_0000_0000, &high)]).unwrap();
        assert!(!ram.is_whole() && Ram::of(&[]).is_none());
        for (pa, owner, offset) in
            [(0x4000_1ff8, &low, 0x1ff8), (0x8_0000_0000, &high, 0), (0x8_0000_2ff8, &high, 0x2ff8)]
        {
            let at = ram.host(PhysAddr(pa)).unwrap();
            assert_eq!(at.0, owner.start + offset);
            ram.store(at, AccessSize::Double, pa);
            assert_eq!(owner.load(at, AccessSize::Double), pa);
            assert_eq!(ram.read_u64(PhysAddr(pa)), Ok(pa));
        }
        for pa in [0x3fff_ffff, 0x4000_2000, 0x7_ffff_ffff, 0x8_0000_3000] {
            assert!(ram.host(PhysAddr(pa)).is_none(), "{pa:#x}");
        }
        assert!(ram.overlaps(PhysAddr(0x8_0000_2fff), 1) && !ram.overlaps(PhysAddr(0x4000_2000), 0x1000));
        // The host may have put one after the other: past the last.
        let past = HostAddr([&low, &high].map(|piece| piece.start + piece.size).into_iter().max().unwrap());
        assert!(std::panic::catch_unwind(|| ram.load(past, AccessSize::Double)).is_err());
    }

    #[test]
    fn a_bus_master_gets_an_error_where_there_is_no_memory() {
        let ram = ram();
        let memory: &dyn GuestMemory = &ram.clone();
        memory.write_u64(PhysAddr(0x4000_fff8), 0x1122_3344_5566_7788).unwrap();
        let mut byte = [0];
        memory.read(PhysAddr(0x4000_ffff), &mut byte).unwrap();
        assert_eq!((memory.read_u64(PhysAddr(0x4000_fff8)), byte), (Ok(0x1122_3344_5566_7788), [0x11]));
        assert_eq!(ram.load(ram.host(PhysAddr(0x4000_fff8)).unwrap(), AccessSize::Byte), 0x88, "the same memory");
        for at in [0x3fff_fff8, 0x4000_0004, 0x4000_fffc, 0x4001_0000, u64::MAX, u64::MAX - 7].map(PhysAddr) {
            assert_eq!(memory.read_u64(at), Err(Unbacked(at)));
            assert_eq!(memory.write_u64(at, 1), Err(Unbacked(at)));
        }
        assert_eq!(memory.read(PhysAddr(0x4000_ffff), &mut [0; 2]), Err(Unbacked(PhysAddr(0x4000_ffff))));
        assert_eq!(memory.write(PhysAddr(0x4000_ffff), &[0; 2]), Err(Unbacked(PhysAddr(0x4000_ffff))));
    }

    /// Where the host says what was touched, it is what was, and not much around it; nothing is untouched by mistake.
    #[test]
    fn what_was_written_was_touched() {
        const HUGE: u64 = 2 << 20;
        let base = PhysAddr(0x4000_0000);
        let ram = Ram::new(base, 64 * HUGE).unwrap();
        let all = 0..ram.size();
        let whole = std::slice::from_ref(&all);
        if ram.touched() == whole {
            return; // this host does not say
        }
        assert_eq!(ram.touched(), []);
        let last = ram.size() - 1;
        for at in [0, 0x1fff, 17 * HUGE + 0x5000, last] {
            ram.write_bytes(base.offset(at), &[1]).unwrap();
            assert!(ram.touched().iter().any(|range| range.contains(&at)), "{at:#x}");
        }
        let touched = ram.touched();
        assert!(touched.iter().all(|range| range.start.is_multiple_of(4096) && range.end.is_multiple_of(4096)));
        let bytes: u64 = touched.iter().map(|range| range.end - range.start).sum();
        assert!(bytes <= 6 * HUGE, "{touched:x?}");
        ram.clear();
        assert_eq!(ram.touched(), []);
        // SAFETY: the mapping outlives `piece`, and only atomics touch it.
        let piece = unsafe { Piece::new(base, ram.start, ram.size) };
        assert_eq!(Ram::of(&[piece]).unwrap().touched(), whole, "who gave it may share it with others");
    }

    #[test]
    fn clear_zeroes() {
        let ram = ram();
        ram.write_bytes(PhysAddr(0x4000_0040), b"armagic").unwrap();
        ram.clear();
        let mut out = [1; 7];
        ram.read_bytes(PhysAddr(0x4000_0040), &mut out).unwrap();
        assert_eq!(out, [0; 7]);
    }
}
