//! RAM of a few pages in much of it comes back as it was.

use super::*;

const SIZE: u64 = 256 << 20;
const BASE: PhysAddr = PhysAddr(0x4000_0000);

/// Some offsets of pages, with the first and the last; equal for equal seeds.
fn some_pages(mut seed: u64) -> Vec<u64> {
    let mut next = || {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (seed >> 33) % (SIZE / PAGE) * PAGE
    };
    let alone: Vec<u64> = (0..20).map(|_| next()).collect();
    let neighbours = alone[..4].iter().map(|at| (at + PAGE) % SIZE);
    let mut pages: Vec<u64> = neighbours.chain(alone.iter().copied()).chain([0, SIZE - PAGE]).collect();
    pages.sort_unstable();
    pages.dedup();
    pages
}

fn ram() -> Ram {
    Ram::new(BASE, SIZE).expect("the host has memory")
}

fn saved(ram: &Ram) -> Vec<u8> {
    let mut out = Writer::new(Vec::new()).expect("a vector takes all");
    write(&mut out, ram).expect("a vector takes all");
    out.finish().expect("a vector takes all")
}

fn loaded(file: &[u8]) -> Ram {
    let ram = ram();
    read(&mut Reader::new(file, file.len() as u64).expect("a head"), &ram).expect("it was saved so");
    ram
}

/// All that is not zero, found without asking what was touched.
fn contents(ram: &Ram) -> Vec<(u64, Vec<u8>)> {
    let mut page = vec![0; PAGE as usize];
    let mut found = Vec::new();
    for at in (0..SIZE).step_by(PAGE as usize) {
        ram.read_bytes(BASE.offset(at), &mut page).expect("it is in RAM");
        if page.iter().any(|byte| *byte != 0) {
            found.push((at, page.clone()));
        }
    }
    found
}

#[test]
fn what_is_saved_is_what_was_written() {
    for seed in 0..4 {
        let (ram, pages) = (ram(), some_pages(seed));
        // One byte of each, at its beginning, its end, or anywhere.
        let place = |at: &u64| at + [0, PAGE - 1, (at >> 12) * 37 % PAGE][(at >> 12) as usize % 3];
        for at in &pages {
            ram.write_bytes(BASE.offset(place(at)), &[at.to_le_bytes()[1] | 1]).expect("it is in RAM");
        }
        let file = saved(&ram);
        let before = contents(&ram);
        assert_eq!(before.iter().map(|(at, _)| *at).collect::<Vec<_>>(), pages, "seed {seed}");
        let again = loaded(&file);
        assert!(contents(&again) == before, "seed {seed}");
        assert_eq!(saved(&again), file, "seed {seed}");
    }
}

/// A page that is zero again is not saved, and one beside it is.
#[test]
fn a_page_that_is_zero_again_is_not_saved() {
    let ram = ram();
    let at = BASE.offset(SIZE / 2);
    ram.write_bytes(at, &[7; 3 * PAGE as usize]).expect("it is in RAM");
    ram.write_bytes(at.offset(PAGE), &[0; PAGE as usize]).expect("it is in RAM");
    let first = SIZE / 2 / PAGE;
    assert_eq!(runs(&ram), [(first, 1), (first + 2, 1)]);
    assert!(contents(&loaded(&saved(&ram))) == contents(&ram));
    ram.write_bytes(at, &[0; 3 * PAGE as usize]).expect("it is in RAM");
    assert_eq!(runs(&ram), []);
}

/// Saving takes no memory of the host for what the guest never touched. (Around what it touched the host may give a huge
/// page at any time.)
#[test]
fn what_was_not_touched_is_not_read() {
    let ram = ram();
    ram.write_bytes(BASE.offset(SIZE - PAGE), b"armagic").expect("it is in RAM");
    let touched = || ram.touched().iter().map(|range| range.end - range.start).sum::<u64>();
    if touched() == SIZE {
        return; // this host does not say
    }
    saved(&ram);
    assert!(touched() < SIZE / 16, "{:x?}", ram.touched());
}
