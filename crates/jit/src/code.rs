//! Where host code lives: one memory object mapped twice, writable at one address and executable at another.
//!
//! No page is ever both, and nothing is ever remapped. An `Arena` is shared; a `CodeBuf` is a part of it that one
//! compiler fills: code from the start, records about it from the end. Every write is checked against the bounds.

use dynasmrt::{AssemblyOffset, DynasmApi};
use std::io::Error;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The host would not give memory for compiled code.
#[derive(Debug, thiserror::Error)]
#[error("cannot map {mib} MiB for compiled code: {cause}; use --engine interp")]
pub struct CodeError {
    mib: usize,
    cause: Error,
}

/// A place in the arena: bytes from its start.
pub(crate) type Offset = u32;

/// The host's pages, and huge pages.
const PAGE: usize = 4096;
const HUGE: usize = 2 << 20;
/// Bytes that the host is asked for at once, if it gives huge pages: most of what a boot needs.
pub(crate) const AT_ONCE: usize = 4 * HUGE;

/// The memory.
pub(crate) struct Arena {
    writable: *mut u8,
    executable: usize,
    size: usize,
}

// SAFETY: the mapping belongs to this value until `drop`; shared words of it are accessed as atomics, and the rest
// is written by the one `CodeBuf` that covers it.
unsafe impl Send for Arena {}
// SAFETY: the same.
unsafe impl Sync for Arena {}

impl Arena {
    /// `size` bytes, a multiple of the host's page size.
    pub fn new(size: usize) -> Result<Arena, CodeError> {
        let error = || CodeError { mib: size >> 20, cause: Error::last_os_error() };
        // SAFETY: plain system calls; every result is checked, and the mappings are ours until `drop`.
        unsafe {
            let fd = libc::memfd_create(c"armagic-code".as_ptr(), libc::MFD_CLOEXEC);
            if fd < 0 {
                return Err(error());
            }
            let sized = libc::ftruncate(fd, size as libc::off_t) == 0;
            let writable = if sized { map(fd, size, libc::PROT_READ | libc::PROT_WRITE) } else { libc::MAP_FAILED };
            let executable = if sized { map(fd, size, libc::PROT_READ | libc::PROT_EXEC) } else { libc::MAP_FAILED };
            let failed = error();
            libc::close(fd);
            if writable == libc::MAP_FAILED || executable == libc::MAP_FAILED {
                return Err(failed);
            }
            // Asked for once in a process; see `synchronise_fetches`.
            const REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: libc::c_int = 1 << 6;
            libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
            Ok(Arena { writable: writable.cast(), executable: executable as usize, size })
        }
    }

    /// Bytes of it.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The address that is executed for `at`.
    #[inline(always)]
    pub fn address(&self, at: Offset) -> usize {
        self.executable + at as usize
    }

    /// Where `size` bytes at `at` are written and read; they exist, and `at` is a multiple of `alignment`.
    #[inline(always)]
    fn place(&self, at: Offset, size: usize, alignment: usize) -> *mut u8 {
        let at = at as usize;
        assert!(at.is_multiple_of(alignment) && at + size <= self.size, "offsets are made by `CodeBuf`");
        // SAFETY: inside the mapping, checked.
        unsafe { self.writable.add(at) }
    }

    #[inline(always)]
    fn word(&self, at: Offset) -> &AtomicU32 {
        // SAFETY: in the mapping and aligned, checked; mapped until `drop`; atomics hold any bits.
        unsafe { AtomicU32::from_ptr(self.place(at, 4, 4).cast()) }
    }

    // Relaxed, here and below: what another thread may read was published with the block (`sync::Index`), or is
    // read and written under the compiler's lock.

    /// The 32-bit word at `at`.
    #[inline(always)]
    pub fn get32(&self, at: Offset) -> u32 {
        self.word(at).load(Ordering::Relaxed)
    }

    pub fn set32(&self, at: Offset, v: u32) {
        self.word(at).store(v, Ordering::Relaxed);
    }

    /// The 64-bit word at `at`.
    #[inline(always)]
    pub fn get64(&self, at: Offset) -> u64 {
        // SAFETY: as for `word`.
        unsafe { AtomicU64::from_ptr(self.place(at, 8, 8).cast()) }.load(Ordering::Relaxed)
    }

    /// Makes the jump whose 32-bit field is at `field`, a multiple of 4, lead to `target`. Other threads may be
    /// executing it: they go to the old target or to the new one, since the store is one.
    pub fn retarget(&self, field: Offset, target: Offset) {
        // Relaxed: the code at either target was published before, or is this thread's and the jump to it comes
        // after it in the order in which x86 makes stores visible, to instruction fetches too.
        self.word(field).store(target.wrapping_sub(field + 4), Ordering::Relaxed);
    }

    /// Comes between the last execution of code and the first of what is written in its place: no host thread has
    /// instructions from before in its pipeline. Where the kernel does not offer it, x86's coherence must do.
    pub fn synchronise_fetches(&self) {
        const PRIVATE_EXPEDITED_SYNC_CORE: libc::c_int = 1 << 5;
        // SAFETY: a system call that touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) };
    }

    /// Has the host give the memory of `place` at once, at both addresses: it costs less than page by page. Where the
    /// kernel does not know how (before Linux 5.14), page by page it is.
    pub fn populate(&self, place: Range<Offset>) {
        let start = place.start as usize / PAGE * PAGE;
        let bytes = (place.end as usize).next_multiple_of(PAGE).min(self.size) - start;
        self.advise(self.writable as usize, start, bytes, libc::MADV_POPULATE_WRITE);
        self.advise(self.executable, start, bytes, libc::MADV_POPULATE_READ);
    }

    /// Has the host give `AT_ONCE` bytes from `start` on in huge pages, at both addresses; false if it does not, or there
    /// are not as many. Linux 6.1 does, whatever its settings say of shared memory, and needs 0.06 ms for a MiB, where
    /// small pages need 0.8; but a call waits for every CPU, so there should not be many. What is there stays.
    pub fn populate_huge(&self, start: Offset) -> bool {
        const COLLAPSE: libc::c_int = 25;
        let start = start as usize;
        if start + AT_ONCE > self.size {
            return false;
        }
        let writable = self.writable as usize;
        // None may be quite empty.
        (start..start + AT_ONCE)
            .step_by(HUGE)
            .for_each(|at| _ = self.advise(writable, at, PAGE, libc::MADV_POPULATE_WRITE));
        self.advise(writable, start, AT_ONCE, COLLAPSE)
            && self.advise(self.executable, start, AT_ONCE, libc::MADV_POPULATE_READ)
    }

    /// Says to the host how `bytes` from `start` on are used at `address`. False if it does not listen.
    fn advise(&self, address: usize, start: usize, bytes: usize, how: libc::c_int) -> bool {
        assert!(start + bytes <= self.size);
        // SAFETY: inside the mapping, checked; what is there stays.
        unsafe { libc::madvise((address + start) as *mut libc::c_void, bytes, how) == 0 }
    }

    /// The value that `CodeBuf::put` put at `at`.
    ///
    /// # Safety
    /// A value of this type was put there, and its block has been published to this thread and not yet reused.
    #[inline]
    pub unsafe fn get<T: Copy>(&self, at: Offset) -> T {
        // SAFETY: inside the mapping and aligned, checked; the caller knows that it is a T.
        unsafe { self.place(at, size_of::<T>(), align_of::<T>()).cast::<T>().read() }
    }
}

/// Maps `size` bytes of `fd` where huge pages can be; `MAP_FAILED` if that is not possible.
fn map(fd: libc::c_int, size: usize, prot: libc::c_int) -> *mut libc::c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a system call; what it maps is at an address of its choice.
    let all = unsafe { libc::mmap(std::ptr::null_mut(), size + HUGE, libc::PROT_NONE, flags, -1, 0) };
    if all == libc::MAP_FAILED {
        return all;
    }
    let before = all.addr().next_multiple_of(HUGE) - all.addr();
    // SAFETY: all of it is in what was just mapped, which is nobody's yet; what `fd` does not take is unmapped.
    unsafe {
        let at = all.byte_add(before);
        if before > 0 {
            libc::munmap(all, before);
        }
        libc::munmap(at.byte_add(size), HUGE - before);
        libc::mmap(at, size, prot, libc::MAP_SHARED | libc::MAP_FIXED, fd, 0)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: exactly the two mappings that `new` made; who executes this code has a reference.
        unsafe {
            libc::munmap(self.writable.cast(), self.size);
            libc::munmap(self.executable as *mut _, self.size);
        }
    }
}

/// A part of the arena, filled by one compiler.
pub(crate) struct CodeBuf {
    arena: Arc<Arena>,
    start: *mut u8,
    at: *mut u8,
    /// Where records begin, and end.
    floor: *mut u8,
    end: *mut u8,
}

// SAFETY: the pointers lead into `arena`, which is `Send`.
unsafe impl Send for CodeBuf {}

/// How far a `CodeBuf` was filled.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    at: *mut u8,
    floor: *mut u8,
}

impl CodeBuf {
    /// The part of `arena` from `start` to `end`, empty. The caller sees to it that no other covers it.
    pub fn new(arena: Arc<Arena>, start: Offset, end: Offset) -> CodeBuf {
        assert!(start <= end && end as usize <= arena.size && end.is_multiple_of(64));
        // SAFETY: inside the mapping, checked.
        let [start, end] = [start, end].map(|at| unsafe { arena.writable.add(at as usize) });
        CodeBuf { arena, start, at: start, floor: end, end }
    }

    /// What it is a part of.
    #[inline(always)]
    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// Where the next byte goes.
    #[inline(always)]
    pub fn here(&self) -> Offset {
        self.offset_of(self.at)
    }

    #[inline(always)]
    fn offset_of(&self, place: *mut u8) -> Offset {
        (place.addr() - self.arena.writable.addr()) as Offset
    }

    /// Forgets what was written from `to` on.
    #[inline]
    pub fn rewind(&mut self, to: Offset) {
        assert!((self.offset_of(self.start)..=self.here()).contains(&to));
        // SAFETY: inside what this buffer has written, checked.
        self.at = unsafe { self.arena.writable.add(to as usize) };
    }

    /// How far it is filled.
    pub fn mark(&self) -> Mark {
        Mark { at: self.at, floor: self.floor }
    }

    /// Forgets what was written and reserved since `mark`.
    pub fn return_to(&mut self, mark: Mark) {
        let (at, floor) = (self.start..=self.at, self.floor..=self.end);
        assert!(at.contains(&mark.at) && floor.contains(&mark.floor), "it was filled since");
        (self.at, self.floor) = (mark.at, mark.floor);
    }

    /// Bytes left.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.floor.addr() - self.at.addr()
    }

    /// Fills up to a multiple of `alignment`.
    pub fn align_to(&mut self, alignment: usize) {
        DynasmApi::align(self, alignment, 0xcc);
    }

    /// Makes the 32-bit relative field at `field`, the end of its instruction, lead to `target`. It has not been
    /// executed yet.
    #[inline]
    pub fn aim(&mut self, field: Offset, target: Offset) {
        self.overwrite(field, &target.wrapping_sub(field + 4).to_le_bytes());
    }

    /// Replaces code that has not been executed yet.
    #[inline]
    pub fn overwrite(&mut self, at: Offset, bytes: &[u8]) {
        let place = self.arena.writable.addr() + at as usize;
        let written = self.start.addr()..=self.at.addr();
        assert!(
            *written.start() <= place && place + bytes.len() <= *written.end(),
            "only what was written is replaced"
        );
        // SAFETY: inside what this buffer has written, checked; `bytes` is elsewhere.
        unsafe { self.arena.writable.add(at as usize).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// The code from `from` to `to`, which this buffer has written.
    pub fn read(&self, from: Offset, to: Offset) -> Vec<u8> {
        assert!(self.offset_of(self.start) <= from && from <= to && to <= self.here(), "only what was written is read");
        let (from, to) = (from as usize, to as usize);
        // SAFETY: inside what this buffer has written, checked; links that change it meanwhile give either value.
        unsafe { std::slice::from_raw_parts(self.arena.writable.add(from), to - from) }.to_vec()
    }

    /// Room for `size` bytes of records, a multiple of 8.
    #[inline]
    pub fn reserve(&mut self, size: usize) -> Offset {
        let size = size + (self.floor.addr() - size) % 8;
        assert!(size <= self.room(), "the translator asks for room before it begins");
        // SAFETY: not below `at`, checked.
        self.floor = unsafe { self.floor.sub(size) };
        self.offset_of(self.floor)
    }

    /// Writes `value` where `reserve` made room.
    #[inline]
    pub fn fill<T: Copy>(&mut self, at: Offset, value: T) {
        assert!(at >= self.offset_of(self.floor), "reserved");
        let to = self.arena.place(at, size_of::<T>(), align_of::<T>());
        // SAFETY: inside the mapping and aligned, checked; reserved, so nobody else looks at it yet.
        unsafe { to.cast::<T>().write(value) };
    }

    /// Adds a record.
    #[inline]
    pub fn put<T: Copy>(&mut self, value: T) -> Offset {
        const { assert!(align_of::<T>() <= 8) };
        let at = self.reserve(size_of::<T>());
        self.fill(at, value);
        at
    }

    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        self.check(bytes.len());
        // SAFETY: inside the writable mapping, checked; `bytes` is elsewhere.
        unsafe {
            self.at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.at = self.at.add(bytes.len());
        }
    }

    #[inline(always)]
    fn check(&self, bytes: usize) {
        assert!(bytes <= self.room(), "the translator asks for room before it begins");
    }
}

impl Extend<u8> for CodeBuf {
    #[inline(always)]
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        bytes.into_iter().for_each(|b| self.write(&[b]));
    }
}

impl<'a> Extend<&'a u8> for CodeBuf {
    /// What `dynasm!` knows of an instruction comes this way: an array.
    #[inline(always)]
    fn extend<T: IntoIterator<Item = &'a u8>>(&mut self, bytes: T) {
        let bytes = bytes.into_iter();
        let most = bytes.size_hint().0;
        self.check(most);
        let mut at = self.at;
        for byte in bytes.take(most) {
            // SAFETY: one of `most` bytes, which fit: checked.
            unsafe {
                at.write(*byte);
                at = at.add(1);
            }
        }
        self.at = at;
    }
}

impl DynasmApi for CodeBuf {
    fn offset(&self) -> AssemblyOffset {
        AssemblyOffset(self.here() as usize)
    }
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.write(&[byte]);
    }
    fn align(&mut self, alignment: usize, with: u8) {
        while !self.here().is_multiple_of(alignment as Offset) {
            self.push(with);
        }
    }
    #[inline(always)]
    fn push_i16(&mut self, value: i16) {
        self.write(&value.to_le_bytes());
    }
    #[inline(always)]
    fn push_i32(&mut self, value: i32) {
        self.write(&value.to_le_bytes());
    }
    #[inline(always)]
    fn push_i64(&mut self, value: i64) {
        self.write(&value.to_le_bytes());
    }
    #[inline(always)]
    fn push_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }
    #[inline(always)]
    fn push_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }
    #[inline(always)]
    fn push_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory is given where some of it is in use.
    #[test]
    fn what_is_there_stays() {
        let size = AT_ONCE + (1 << 20);
        let arena = Arc::new(Arena::new(size).unwrap());
        let mut buf = CodeBuf::new(arena.clone(), 0, size as Offset);
        assert!(arena.address(0).is_multiple_of(HUGE));
        (0..5000u32).for_each(|n| buf.push_u32(n));
        let record = buf.put(0x1234_5678u32);
        arena.populate_huge(0);
        arena.populate(1 << 20..size as Offset);
        assert!(!arena.populate_huge(AT_ONCE as Offset), "there are not as many");
        assert!((0..5000).all(|n| arena.get32(4 * n) == n));
        assert_eq!(arena.get32(record), 0x1234_5678);
        assert_eq!(arena.get32(AT_ONCE as Offset / 2), 0);
    }
}
