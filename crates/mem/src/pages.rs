//! Which pages of an anonymous private mapping the host has given so far: all others read as zero, and whoever looks
//! for what is not zero passes them over, so that they are not given for that.
//!
//! Linux tells it in /proc/self/pagemap: 64 bits per page of its own, of which bit 63 says that the page is in memory,
//! and bit 62 that it is in swap, on the way there, or moving. A part of a huge page is a page. A page with neither bit
//! was never touched, or was given back. Where the file is missing, or denies a page that is certainly there, nothing
//! is known.

use std::ops::Range;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Entries that are read at a time.
const ENTRIES: usize = 8192;

/// Offsets of what the mapping of `len` bytes at `start` may hold, in order and apart; `None` if the host does not say.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn given(start: usize, len: usize) -> Option<Vec<Range<u64>>> {
    use std::os::unix::fs::FileExt;
    let (file, page) = (std::fs::File::open("/proc/self/pagemap").ok()?, rustix::param::page_size());
    let entries = |at: usize, out: &mut [u8]| file.read_exact_at(out, (at / page * 8) as u64).ok();
    // The buffer has just been written, so its own page is there: a file that denies it is no witness.
    let mut buffer = vec![1; 8 * ENTRIES];
    let mut own = [0; 8];
    entries(buffer.as_ptr() as usize, &mut own)?;
    if !is_given(u64::from_ne_bytes(own)) {
        return None;
    }
    let mut given = Given { ranges: Vec::new(), page: page as u64, len: len as u64 };
    let pages = len.div_ceil(page);
    for first in (0..pages).step_by(ENTRIES) {
        let bytes = &mut buffer[..8 * (pages - first).min(ENTRIES)];
        entries(start + first * page, bytes)?;
        let (words, _) = bytes.as_chunks();
        given.add(first as u64, words.iter().map(|word| u64::from_ne_bytes(*word)));
    }
    Some(given.ranges)
}

/// Other hosts, and Miri, do not say.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn given(_start: usize, _len: usize) -> Option<Vec<Range<u64>>> {
    None
}

fn is_given(entry: u64) -> bool {
    entry & (PRESENT | SWAPPED) != 0
}

struct Given {
    ranges: Vec<Range<u64>>,
    /// Bytes of a page, and of the mapping, which may end within one.
    page: u64,
    len: u64,
}

impl Given {
    /// The entries of pages from the `first` on.
    fn add(&mut self, first: u64, entries: impl Iterator<Item = u64>) {
        for (page, _) in (first..).zip(entries).filter(|(_, entry)| is_given(*entry)) {
            let (from, to) = (page * self.page, ((page + 1) * self.page).min(self.len));
            match self.ranges.last_mut() {
                Some(last) if last.end == from => last.end = to,
                _ => self.ranges.push(from..to),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the other bits; neighbours are one range, also from one reading to the next.
    #[test]
    fn what_is_in_memory_or_in_swap_is_given() {
        let mut given = Given { ranges: Vec::new(), page: 0x4000, len: 0x1e000 };
        given.add(0, [PRESENT, 0, SWAPPED, PRESENT | 1 << 55].into_iter());
        given.add(4, [SWAPPED | 0x1f, !(PRESENT | SWAPPED), 0, PRESENT | SWAPPED].into_iter());
        assert_eq!(given.ranges, [0..0x4000, 0x8000..0x14000, 0x1c000..0x1e000]);
    }
}
