//! The arm64 `Image` and its 64-byte header (Linux, `Documentation/arch/arm64/booting.rst`), and binaries
//! without a header.

use super::pack::Unpacked;
use super::source::copy_into_ram;
use super::{Kernel, KernelKind, LoadError, Packing, Role, Source, foreign};
use hw::PhysAddr;
use mem::Ram;
use std::io;

const HEADER_BYTES: usize = 64;
const MAGIC: &[u8] = b"ARM\x64";
const MAGIC_AT: usize = 0x38;
/// The base that `text_offset` counts from is a multiple of this.
const BASE_ALIGN: u64 = 2 << 20;
/// Where kernels expected to be before `image_size` existed, and where headerless binaries are put.
const OLD_TEXT_OFFSET: u64 = 0x8_0000;
const FLAG_BIG_ENDIAN: u64 = 1 << 0;

const MORE_MEMORY: &str = "give more --memory";

/// The fields of the header that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    text_offset: u64,
    image_size: u64, // zero before Linux 3.17
    flags: u64,
}

impl Header {
    /// From the first `HEADER_BYTES` of an Image.
    fn parse(head: &[u8]) -> Header {
        let field = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        match field(0x10) {
            // The endianness of text_offset was not fixed then, nor any other value used.
            0 => Header { text_offset: OLD_TEXT_OFFSET, image_size: 0, flags: 0 },
            image_size => Header { text_offset: field(0x08), image_size, flags: field(0x18) },
        }
    }
}

/// Whether a file that begins with `head` has an Image's header.
pub(super) fn is_image(head: &[u8]) -> bool {
    head.len() >= HEADER_BYTES && head[MAGIC_AT..].starts_with(MAGIC)
}

/// Loads an Image.
pub(super) fn load(source: &Source<'_>, unpacked: Unpacked<'_>, ram: &Ram) -> Result<Kernel, LoadError> {
    let header = Header::parse(&unpacked.head);
    if header.flags & FLAG_BIG_ENDIAN != 0 {
        return Err(LoadError::NotOurs {
            name: source.name(),
            what: "a big-endian arm64 kernel".into(),
            next: "build it with CONFIG_CPU_LITTLE_ENDIAN",
        });
    }
    if !header.text_offset.is_multiple_of(4) {
        return Err(LoadError::NotOurs {
            name: source.name(),
            what: format!("an arm64 Image whose text_offset {:#x} is not a multiple of 4", header.text_offset),
            next: "its header is damaged: fetch or build it again",
        });
    }
    let file_bytes = pe_file_bytes(&unpacked.head);
    place(source, unpacked, KernelKind::Image, &header, file_bytes, ram)
}

/// Loads bytes that no one knows as a program without a header, unless they are known to be something else.
pub(super) fn load_raw(source: &Source<'_>, unpacked: Unpacked<'_>, ram: &Ram) -> Result<Kernel, LoadError> {
    if let Some((what, next)) = foreign::identify(&unpacked.head) {
        return Err(LoadError::NotOurs { name: source.name(), what: what.into(), next });
    }
    let header = Header { text_offset: OLD_TEXT_OFFSET, image_size: 0, flags: 0 };
    place(source, unpacked, KernelKind::Raw, &header, 0, ram)
}

/// Copies the kernel to where `header` says. The file has at least `file_bytes`.
fn place(
    source: &Source<'_>,
    unpacked: Unpacked<'_>,
    kind: KernelKind,
    header: &Header,
    file_bytes: u64,
    ram: &Ram,
) -> Result<Kernel, LoadError> {
    let (ram_base, ram_end) = (ram.base(), ram.base().offset(ram.size()));
    let base = PhysAddr(ram_base.0.next_multiple_of(BASE_ALIGN)).0.checked_add(header.text_offset).map(PhysAddr);
    let outside = |size| LoadError::OutsideRam {
        name: source.name(),
        base: base.unwrap_or(PhysAddr(u64::MAX)),
        size,
        ram_base,
        ram_end,
        next: MORE_MEMORY,
    };
    let fits = |b: PhysAddr| b.0.checked_add(header.image_size.max(1)).is_some_and(|end| end <= ram_end.0);
    let entry = base.filter(|b| fits(*b)).ok_or_else(|| outside(header.image_size))?;
    let packing = unpacked.packing;
    let copied = copy_into_ram(&mut unpacked.reader(), entry, ram).map_err(|cause| match (cause.kind(), packing) {
        (io::ErrorKind::StorageFull, _) => outside(header.image_size.max(ram_end.0 - entry.0 + 1)),
        (_, Packing::None) => LoadError::Read { role: Role::Kernel, name: source.name(), cause },
        _ => LoadError::Unpack { name: source.name(), packing, cause },
    })?;
    if copied < file_bytes {
        return Err(LoadError::Truncated { role: Role::Kernel, name: source.name(), has: copied, needs: file_bytes });
    }
    let range = entry..entry.offset(copied.max(header.image_size));
    Ok(Kernel { entry, kind, packing, range })
}

/// The PE header in `head`, if it begins an EFI program.
pub(super) fn pe_header(head: &[u8]) -> Option<&[u8]> {
    let at = u32::from_le_bytes(head.get(0x3c..0x40)?.try_into().ok()?);
    head.get(at as usize..).filter(|pe| head.starts_with(b"MZ") && pe.starts_with(b"PE\0\0"))
}

/// Bytes that the file must have by its PE section table; zero if it is no EFI program, as Images need not
/// be. The Image's own header only counts what the kernel occupies, which says nothing of a truncated file.
fn pe_file_bytes(head: &[u8]) -> u64 {
    let sections = || -> Option<u64> {
        let pe = pe_header(head)?;
        let half = |at: usize| Some(usize::from(u16::from_le_bytes(pe.get(at..at + 2)?.try_into().ok()?)));
        let table = pe.get(24 + half(20)?..)?; // after the optional header
        let word =
            |row: &[u8], at: usize| u64::from(u32::from_le_bytes(row[at..at + 4].try_into().expect("four bytes")));
        // SizeOfRawData and PointerToRawData of each 40-byte row.
        table.chunks_exact(40).take(half(6)?).map(|row| word(row, 16) + word(row, 20)).max()
    };
    sections().unwrap_or(0)
}
