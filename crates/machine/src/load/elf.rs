//! ELF executables for AArch64, loaded by physical address as a debugger would.

use super::pack::Unpacked;
use super::source::{Data, copy_into_ram};
use super::{Kernel, KernelKind, LoadError, Role, Source};
use hw::PhysAddr;
use mem::Ram;
use object::LittleEndian;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader};
use std::io::{self, Read, Seek, SeekFrom};

/// One PT_LOAD segment.
#[derive(Clone, Copy)]
struct Segment {
    virt: u64,
    phys: u64,
    offset: u64,
    file_bytes: u64,
    bytes: u64,
}

/// Loads an ELF executable; its zeroed data needs no work, since RAM is as at power-on.
pub(super) fn load(source: &Source<'_>, unpacked: Unpacked<'_>, ram: &Ram) -> Result<Kernel, LoadError> {
    check_ident(source, &unpacked.head)?;
    let packing = unpacked.packing;
    let mut data = unpacked.seekable().map_err(|cause| LoadError::Unpack { name: source.name(), packing, cause })?;
    let len = data.seek(SeekFrom::End(0)).map_err(|e| read_error(source, e))?;
    let (entry, segments) = parse(source, &mut data)?;
    segments.iter().try_for_each(|s| check_segment(source, s, len, ram))?;
    check_overlap(source, &segments)?;
    for segment in &segments {
        data.seek(SeekFrom::Start(segment.offset)).map_err(|e| read_error(source, e))?;
        copy_into_ram(&mut (&mut data).take(segment.file_bytes), PhysAddr(segment.phys), ram)
            .map_err(|e| read_error(source, e))?;
    }
    let (first, last) = (segments[0], segments[segments.len() - 1]); // sorted, disjoint, not empty
    let range = PhysAddr(first.phys)..PhysAddr(last.phys + last.bytes);
    Ok(Kernel { entry: entry_address(source, entry, &segments)?, kind: KernelKind::Elf, packing, range })
}

fn read_error(source: &Source<'_>, cause: io::Error) -> LoadError {
    LoadError::Read { role: Role::Kernel, name: source.name(), cause }
}

fn malformed(source: &Source<'_>, what: impl Into<String>) -> LoadError {
    LoadError::Elf { name: source.name(), what: what.into() }
}

/// Class, byte order, type and machine, from the header's first bytes.
fn check_ident(source: &Source<'_>, head: &[u8]) -> Result<(), LoadError> {
    let Some(head) = head.get(..64) else {
        let (has, needs) = (head.len() as u64, 64);
        return Err(LoadError::Truncated { role: Role::Kernel, name: source.name(), has, needs });
    };
    let order = if head[5] == 2 { u16::from_be_bytes } else { u16::from_le_bytes };
    let (kind, machine) = (order([head[16], head[17]]), order([head[18], head[19]]));
    let not_ours = |what: String, next| Err(LoadError::NotOurs { name: source.name(), what, next });
    if machine != elf::EM_AARCH64.0 {
        return not_ours(format!("an ELF file for {}", machine_name(machine)), "give one for AArch64");
    }
    if head[4] != elf::ELFCLASS64.0 || head[5] != elf::ELFDATA2LSB.0 {
        return not_ours(
            "an ELF file that is not 64-bit little-endian".into(),
            "link it for aarch64, not ILP32 or aarch64_be",
        );
    }
    match kind {
        2 | 3 => Ok(()), // ET_EXEC, ET_DYN
        1 => not_ours("an object file".into(), "link it first"),
        _ => not_ours("an ELF file, but not an executable".into(), "give an executable"),
    }
}

fn machine_name(machine: u16) -> String {
    let known = [(3, "x86"), (8, "MIPS"), (20, "PowerPC"), (21, "PowerPC64"), (22, "S/390"), (40, "32-bit Arm")];
    let more = [(62, "x86-64"), (243, "RISC-V"), (247, "BPF"), (258, "LoongArch")];
    let name = known.iter().chain(&more).find(|(m, _)| *m == machine).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| format!("machine number {machine}"))
}

/// The entry point as the header has it, and the segments that occupy memory, by physical address.
fn parse(source: &Source<'_>, data: &mut Box<dyn Data + '_>) -> Result<(u64, Vec<Segment>), LoadError> {
    let cache = ReadCache::new(data);
    let fail = |e: object::read::Error| malformed(source, e.to_string());
    let header = FileHeader64::<LittleEndian>::parse(&cache).map_err(fail)?;
    let rows = header.program_headers(LittleEndian, &cache).map_err(fail)?;
    let loads = rows.iter().filter(|r| r.p_type(LittleEndian) == elf::PT_LOAD && r.p_memsz(LittleEndian) > 0);
    let mut segments: Vec<Segment> = loads.map(segment).collect();
    segments.sort_by_key(|s| s.phys);
    match segments.is_empty() {
        true => Err(malformed(source, "it has nothing to load (no PT_LOAD segment)")),
        false => Ok((header.e_entry(LittleEndian), segments)),
    }
}

fn segment(row: &ProgramHeader64<LittleEndian>) -> Segment {
    let e = LittleEndian;
    Segment {
        virt: row.p_vaddr(e),
        phys: row.p_paddr(e),
        offset: row.p_offset(e),
        file_bytes: row.p_filesz(e),
        bytes: row.p_memsz(e),
    }
}

fn check_segment(source: &Source<'_>, s: &Segment, file_len: u64, ram: &Ram) -> Result<(), LoadError> {
    if s.file_bytes > s.bytes {
        return Err(malformed(source, format!("the segment at {:#x} is larger in the file than in memory", s.phys)));
    }
    let needs = s.offset.saturating_add(s.file_bytes);
    if needs > file_len {
        return Err(LoadError::Truncated { role: Role::Kernel, name: source.name(), has: file_len, needs });
    }
    let (ram_base, ram_end) = (ram.base(), ram.base().offset(ram.size()));
    if s.phys >= ram_base.0 && s.phys.checked_add(s.bytes).is_some_and(|end| end <= ram_end.0) {
        return Ok(());
    }
    let next = match s.phys >> 48 {
        0 => "link it for this RAM or give more --memory",
        _ => "it is linked to virtual addresses, as vmlinux is: give arch/arm64/boot/Image",
    };
    Err(LoadError::OutsideRam { name: source.name(), base: PhysAddr(s.phys), size: s.bytes, ram_base, ram_end, next })
}

fn check_overlap(source: &Source<'_>, segments: &[Segment]) -> Result<(), LoadError> {
    match segments.windows(2).find(|pair| pair[0].phys + pair[0].bytes > pair[1].phys) {
        None => Ok(()),
        Some(pair) => {
            let [first, second] = [pair[0].phys, pair[1].phys].map(PhysAddr);
            Err(LoadError::Overlap { name: source.name(), first, second })
        }
    }
}

/// The entry point's physical address: `e_entry` is virtual where a segment's two addresses differ.
fn entry_address(source: &Source<'_>, entry: u64, segments: &[Segment]) -> Result<PhysAddr, LoadError> {
    let inside = |base: u64, s: &Segment| entry.wrapping_sub(base) < s.bytes;
    let by_virt = segments.iter().find(|s| inside(s.virt, s)).map(|s| s.phys + (entry - s.virt));
    let by_phys = || segments.iter().any(|s| inside(s.phys, s)).then_some(entry);
    match by_virt.or_else(by_phys) {
        None => Err(malformed(source, format!("its entry point {entry:#x} is in none of its segments"))),
        Some(at) if at % 4 != 0 => Err(malformed(source, format!("its entry point {at:#x} is not a multiple of 4"))),
        Some(at) => Ok(PhysAddr(at)),
    }
}
