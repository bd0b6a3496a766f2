//! Where host code lives: one memory object mapped twice, writable at one address and executable at another.
//!
//! No page is ever both, and nothing is ever remapped. One vCPU thread owns a buffer, writes it and runs it, so
//! nothing here synchronises. Every write is checked against the buffer's end.

use dynasmrt::{AssemblyOffset, DynasmApi};
use std::io::Error;

/// The host would not give memory for compiled code.
#[derive(Debug, thiserror::Error)]
#[error("cannot map {mib} MiB for compiled code: {cause}; use --engine interp")]
pub struct CodeError {
    mib: usize,
    cause: Error,
}

/// A place in the buffer: bytes from its start.
pub(crate) type Offset = u32;

/// The buffer, filled from the start.
pub(crate) struct CodeBuf {
    writable: *mut u8,
    executable: usize,
    size: usize,
    at: usize,
}

// SAFETY: the pointer is to a mapping that this value owns alone.
unsafe impl Send for CodeBuf {}

impl CodeBuf {
    /// An empty buffer of `size` bytes, a multiple of the host's page size.
    pub fn new(size: usize) -> Result<CodeBuf, CodeError> {
        let error = || CodeError { mib: size >> 20, cause: Error::last_os_error() };
        // SAFETY: plain system calls; every result is checked, and the mappings are ours until `drop`.
        unsafe {
            let fd = libc::memfd_create(c"armagic-code".as_ptr(), libc::MFD_CLOEXEC);
            if fd < 0 {
                return Err(error());
            }
            let sized = libc::ftruncate(fd, size as libc::off_t) == 0;
            let map = |prot| libc::mmap(std::ptr::null_mut(), size, prot, libc::MAP_SHARED, fd, 0);
            let writable = if sized { map(libc::PROT_READ | libc::PROT_WRITE) } else { libc::MAP_FAILED };
            let executable = if sized { map(libc::PROT_READ | libc::PROT_EXEC) } else { libc::MAP_FAILED };
            let failed = error();
            libc::close(fd);
            if writable == libc::MAP_FAILED || executable == libc::MAP_FAILED {
                return Err(failed);
            }
            Ok(CodeBuf { writable: writable.cast(), executable: executable as usize, size, at: 0 })
        }
    }

    /// Where the next byte goes.
    #[inline(always)]
    pub fn here(&self) -> Offset {
        self.at as Offset
    }

    /// Forgets what was written from `to` on.
    pub fn rewind(&mut self, to: Offset) {
        self.at = to as usize;
    }

    /// Bytes left.
    pub fn room(&self) -> usize {
        self.size - self.at
    }

    /// Fills up to a multiple of `alignment`.
    pub fn align_to(&mut self, alignment: usize) {
        DynasmApi::align(self, alignment, 0xcc);
    }

    /// The address that is executed for `at`.
    #[inline(always)]
    pub fn address(&self, at: Offset) -> usize {
        self.executable + at as usize
    }

    /// Makes the 32-bit relative field at `field`, the end of its instruction, lead to `target`.
    #[inline]
    pub fn aim(&mut self, field: Offset, target: Offset) {
        self.overwrite(field, &(target.wrapping_sub(field + 4)).to_le_bytes());
    }

    /// Replaces bytes written before.
    pub fn overwrite(&mut self, at: Offset, bytes: &[u8]) {
        assert!(at as usize + bytes.len() <= self.size, "only what was written is replaced");
        // SAFETY: inside the writable mapping, checked; `bytes` is elsewhere.
        unsafe { self.writable.add(at as usize).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        assert!(self.at + bytes.len() <= self.size, "the translator asks for room before it begins");
        // SAFETY: inside the writable mapping, checked; `bytes` is elsewhere.
        unsafe { self.writable.add(self.at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.at += bytes.len();
    }
}

impl Drop for CodeBuf {
    fn drop(&mut self) {
        // SAFETY: exactly the two mappings that `new` made; no code of this vCPU runs any more.
        unsafe {
            libc::munmap(self.writable.cast(), self.size);
            libc::munmap(self.executable as *mut _, self.size);
        }
    }
}

impl Extend<u8> for CodeBuf {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        bytes.into_iter().for_each(|b| self.write(&[b]));
    }
}

impl<'a> Extend<&'a u8> for CodeBuf {
    fn extend<T: IntoIterator<Item = &'a u8>>(&mut self, bytes: T) {
        bytes.into_iter().for_each(|b| self.write(&[*b]));
    }
}

impl DynasmApi for CodeBuf {
    fn offset(&self) -> AssemblyOffset {
        AssemblyOffset(self.at)
    }
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.write(&[byte]);
    }
    fn align(&mut self, alignment: usize, with: u8) {
        while !self.at.is_multiple_of(alignment) {
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
