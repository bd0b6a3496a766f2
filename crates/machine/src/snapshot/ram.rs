//! RAM in a snapshot: the pages that are not zero, in runs.

use super::SnapshotError;
use super::format::{Part, Reader, Writer};
use hw::PhysAddr;
use mem::Ram;
use std::io::{Read, Write};

const PAGE: u64 = 4096;
/// Bytes that are copied at a time: they stay in the host's cache between the file, the checksum and RAM.
const CHUNK: usize = 256 << 10;

/// First page, and how many.
pub(super) type Run = (u64, u64);

/// The runs of pages that are not zero. What was never touched is not looked at.
pub(super) fn runs(ram: &Ram) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut chunk = vec![0; CHUNK];
    for touched in ram.touched() {
        for at in touched.clone().step_by(CHUNK) {
            let bytes = &mut chunk[..(touched.end - at).min(CHUNK as u64) as usize];
            ram.read_bytes(ram.base().offset(at), bytes).expect("the range is in RAM");
            let pages = (at / PAGE..).zip(bytes.chunks(PAGE as usize));
            pages.filter(|(_, page)| !is_zero(page)).for_each(|(page, _)| add(&mut runs, page));
        }
    }
    runs
}

fn add(runs: &mut Vec<Run>, page: u64) {
    match runs.last_mut() {
        Some((first, pages)) if *first + *pages == page => *pages += 1,
        _ => runs.push((page, 1)),
    }
}

fn is_zero(page: &[u8]) -> bool {
    page.chunks_exact(64).all(|line| line.iter().fold(0, |or, byte| or | byte) == 0)
}

/// Bytes of all runs.
pub(super) fn bytes(runs: &[Run]) -> u64 {
    runs.iter().fold(0u64, |sum, (_, pages)| sum.saturating_add(pages.saturating_mul(PAGE)))
}

pub(super) fn write(out: &mut Writer<impl Write>, ram: &Ram) -> Result<u64, SnapshotError> {
    let runs = runs(ram);
    out.part(Part::Runs, &runs)?;
    out.begin(Part::Pages, bytes(&runs))?;
    let mut chunk = vec![0; CHUNK];
    for_each_chunk(&runs, ram.base(), |at, length| {
        let bytes = &mut chunk[..length];
        ram.read_bytes(at, bytes).expect("the run is in RAM");
        out.bytes(bytes)
    })?;
    out.end()?;
    Ok(bytes(&runs))
}

/// The runs, which follow one another in RAM of `size` bytes, and how many bytes of pages begin.
fn begin(input: &mut Reader<impl Read>, size: u64) -> Result<(Vec<Run>, u64), SnapshotError> {
    let content = |what| Err(SnapshotError::Content { part: Part::Runs.name(), what });
    let runs: Vec<Run> = input.part(Part::Runs)?;
    let mut free = 0;
    for &(first, pages) in &runs {
        match first.checked_add(pages) {
            Some(end) if end <= size / PAGE => {}
            _ => return content("a run has pages outside RAM"),
        }
        if first < free || pages == 0 {
            return content("a run overlaps with the one before, or comes too late, or is empty");
        }
        free = first + pages;
    }
    match input.begin(Part::Pages)? {
        length if length == bytes(&runs) => Ok((runs, length)),
        _ => content("the pages are not as many as the runs have"),
    }
}

/// Into RAM that is zero.
pub(super) fn read(input: &mut Reader<impl Read>, ram: &Ram) -> Result<(), SnapshotError> {
    let (runs, _) = begin(input, ram.size())?;
    let mut chunk = vec![0; CHUNK];
    for_each_chunk(&runs, ram.base(), |at, length| {
        let bytes = &mut chunk[..length];
        input.bytes(bytes)?;
        ram.write_bytes(at, bytes).expect("the run is in RAM");
        Ok(())
    })?;
    input.end()
}

fn for_each_chunk(
    runs: &[Run],
    base: PhysAddr,
    mut visit: impl FnMut(PhysAddr, usize) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    for &(first, pages) in runs {
        let (start, end) = (first * PAGE, (first + pages) * PAGE);
        for at in (start..end).step_by(CHUNK) {
            visit(base.offset(at), (end - at).min(CHUNK as u64) as usize)?;
        }
    }
    Ok(())
}

/// Which pages there are; their contents are passed over, or if `whole`, checked.
pub(super) fn skim(input: &mut Reader<impl Read>, size: u64, whole: bool) -> Result<Vec<Run>, SnapshotError> {
    let (runs, mut left) = begin(input, size)?;
    let mut chunk = vec![0; CHUNK];
    while whole && left > 0 {
        let length = left.min(CHUNK as u64);
        input.bytes(&mut chunk[..length as usize])?;
        left -= length;
    }
    if whole {
        input.end()?;
    }
    Ok(runs)
}

#[cfg(test)]
mod tests;
