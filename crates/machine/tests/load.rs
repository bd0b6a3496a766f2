//! The loader through its public way in: every packing and format, placement, and every kind of bad file.

use armagic_machine::fdt::FdtError;
use armagic_machine::load::{LoadRequest, Loaded, Source, load};
use armagic_machine::map;
use flate2::Compression;
use flate2::write::GzEncoder;
use hw::PhysAddr;
use mem::Ram;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;
use std::path::Path;

const MIB: u64 = 1 << 20;
const DTB: &[u8] = b"a device tree";

fn ram(mib: u64) -> Ram {
    Ram::new(map::RAM.base, mib * MIB).unwrap()
}

fn put(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.resize(bytes.len().max(at + what.len()), 0);
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// Bytes that no shift or truncation leaves equal.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect()
}

/// An Image of `len` bytes that occupies `image_size`.
fn image(len: usize, text_offset: u64, image_size: u64, flags: u64) -> Vec<u8> {
    let mut bytes = pattern(len);
    put(&mut bytes, 0, &0x1400_0010_u32.to_le_bytes());
    put(&mut bytes, 8, &text_offset.to_le_bytes());
    put(&mut bytes, 0x10, &image_size.to_le_bytes());
    put(&mut bytes, 0x18, &flags.to_le_bytes());
    put(&mut bytes, 0x38, b"ARM\x64\0\0\0\0");
    bytes
}

/// The same with an EFI stub, whose one section says how long the file is.
fn efi_image(len: usize, section_end: u32) -> Vec<u8> {
    let mut bytes = image(len, 0, 3 * MIB, 0xa);
    put(&mut bytes, 0, b"MZ");
    put(&mut bytes, 0x3c, &0x40_u32.to_le_bytes());
    put(&mut bytes, 0x40, b"PE\0\0\x64\xaa\x01\0");
    put(&mut bytes, 0x54, &0x10_u16.to_le_bytes()); // optional header
    let section = 0x40 + 24 + 0x10;
    put(&mut bytes, section + 16, &(section_end - 0x1000).to_le_bytes());
    put(&mut bytes, section + 20, &0x1000_u32.to_le_bytes());
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// With the first byte of the checksum, `from_end` bytes before the end, inverted.
fn flip_checksum(mut bytes: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = bytes.len() - from_end;
    bytes[at] ^= 0xff;
    bytes
}

fn zboot(payload: &[u8], compression: &str) -> Vec<u8> {
    let mut bytes = b"MZ\0\0zimg".to_vec();
    put(&mut bytes, 0x08, &0x200_u32.to_le_bytes());
    put(&mut bytes, 0x0c, &(payload.len() as u32).to_le_bytes());
    put(&mut bytes, 0x18, compression.as_bytes());
    put(&mut bytes, 0x200, payload);
    put(&mut bytes, 0x200 + payload.len(), &[0x55; 512]); // the EFI program's own sections
    bytes
}

/// Program header fields: p_vaddr, p_paddr, p_filesz, p_memsz. Contents follow each other from 0x1000.
type Load = (u64, u64, u64, u64);

fn elf(entry: u64, loads: &[Load]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    put(&mut bytes, 16, &[2, 0, 183, 0, 1]); // executable, AArch64
    put(&mut bytes, 24, &entry.to_le_bytes());
    put(&mut bytes, 32, &64_u64.to_le_bytes());
    put(&mut bytes, 52, &[64, 0, 56, 0, loads.len() as u8, 0, 0, 0, 0, 0, 0, 0]);
    let mut offset = 0x1000_u64;
    for (i, (virt, phys, file, memory)) in loads.iter().enumerate() {
        let row = 64 + 56 * i;
        put(&mut bytes, row, &[1, 0, 0, 0, 5, 0, 0, 0]); // PT_LOAD
        for (field, value) in [offset, *virt, *phys, *file, *memory, 4].iter().enumerate() {
            put(&mut bytes, row + 8 + 8 * field, &value.to_le_bytes());
        }
        put(&mut bytes, offset as usize, &pattern(*file as usize));
        offset += file;
    }
    bytes
}

fn with(mut bytes: Vec<u8>, at: usize, what: &[u8]) -> Vec<u8> {
    put(&mut bytes, at, what);
    bytes
}

fn cut(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    bytes.truncate(len);
    bytes
}

fn kernel(bytes: &[u8]) -> Source<'_> {
    Source::Bytes { name: "K", bytes }
}

fn run(kernel: Source<'_>, initrd: Option<Source<'_>>, ram: &Ram) -> Result<Loaded, String> {
    let dtb = |_| Ok(DTB.to_vec());
    load(&LoadRequest { kernel, initrd, dtb: &dtb }, ram).map_err(|e| e.to_string())
}

/// `KIND, PACKING, ENTRY, START..END, DTB` of a loaded kernel, or the message.
fn outcome(result: Result<Loaded, String>) -> String {
    match result {
        Ok(l) => {
            let (start, end) = (l.kernel_range.start, l.kernel_range.end);
            format!("{}, {}, {}, {start}..{end}, {}", l.kind, l.packing, l.entry, l.dtb)
        }
        Err(message) => message,
    }
}

/// Loads `bytes` into 256 MiB; if it loads, `content` is what RAM must hold at the entry.
#[track_caller]
fn check(bytes: &[u8], content: &[u8], want: &str) {
    let ram = ram(256);
    let result = run(kernel(bytes), None, &ram);
    if let Ok(loaded) = &result {
        let read = |at: PhysAddr, len: usize| {
            let mut out = vec![0; len];
            ram.read_bytes(at, &mut out).unwrap();
            out
        };
        assert!(read(loaded.entry, content.len()) == content, "RAM does not hold the kernel");
        assert_eq!(read(loaded.dtb, DTB.len()), DTB);
    }
    assert_eq!(outcome(result), want);
}

#[test]
fn images_of_every_packing() {
    let plain = image(2 << 20, 0, 3 * MIB, 0xa);
    let placed = |packing| format!("arm64 Image, {packing}, 0x40000000, 0x40000000..0x40300000, 0x48000000");
    check(&plain, &plain, &placed("unpacked"));
    check(&gzip(&plain), &plain, &placed("gzip"));
    check(&zstd(&plain), &plain, &placed("zstd"));
    check(&zboot(&gzip(&plain), "gzip"), &plain, &placed("EFI-zboot gzip"));
    check(&zboot(&zstd(&plain), "zstd"), &plain, &placed("EFI-zboot zstd"));
    check(&[&gzip(&plain)[..], b"trailing bytes"].concat(), &plain, &placed("gzip"));
    check(&efi_image(2 << 20, 2 << 20), &efi_image(2 << 20, 2 << 20), &placed("unpacked"));
}

#[rustfmt::skip]
mod formats {
    use super::*;
    fn loads(bytes: Vec<u8>, want: &str) { check(&bytes.clone(), &bytes, want) }
    fn starts(bytes: Vec<u8>, want: &str) { check(&bytes, b"", want) }
    #[test] fn text_offset()     { loads(image(4096, 0x8_0000, 0x1_0000, 0), "arm64 Image, unpacked, 0x40080000, 0x40080000..0x40090000, 0x48000000") }
    #[test] fn before_3_17()     { loads(image(4096, 0x1234, 0, 1), "arm64 Image, unpacked, 0x40080000, 0x40080000..0x40081000, 0x48000000") }
    #[test] fn file_beyond_size() { loads(image(8192, 0, 4096, 0), "arm64 Image, unpacked, 0x40000000, 0x40000000..0x40002000, 0x48000000") }
    #[test] fn large_bss()       { loads(image(4096, 0, 200 * MIB, 0), "arm64 Image, unpacked, 0x40000000, 0x40000000..0x4c800000, 0x4c800000") }
    #[test] fn raw()             { loads(pattern(5000), "raw binary, unpacked, 0x40080000, 0x40080000..0x40081388, 0x48000000") }
    #[test] fn raw_one_insn()    { loads(vec![0, 0, 0, 0x14], "raw binary, unpacked, 0x40080000, 0x40080000..0x40080004, 0x48000000") }
    #[test] fn raw_gzip()        { check(&gzip(&pattern(5000)), &pattern(5000), "raw binary, gzip, 0x40080000, 0x40080000..0x40081388, 0x48000000") }
    #[test] fn elf_high()        { check(&elf(0x4010_0000, &[(0x4010_0000, 0x4010_0000, 100, 0x2000)]), &pattern(100), "ELF, unpacked, 0x40100000, 0x40100000..0x40102000, 0x40000000") }
    #[test] fn elf_at_ram_base() { check(&elf(0x4000_0000, &[(0x4000_0000, 0x4000_0000, 100, 100)]), &pattern(100), "ELF, unpacked, 0x40000000, 0x40000000..0x40000064, 0x48000000") }
    #[test] fn elf_gzip()        { check(&gzip(&elf(0x4010_0000, &[(0x4010_0000, 0x4010_0000, 100, 100)])), &pattern(100), "ELF, gzip, 0x40100000, 0x40100000..0x40100064, 0x40000000") }
    #[test] fn elf_two()         { starts(elf(0x4010_0004, &[(0x4020_0000, 0x4020_0000, 8, 8), (0x4010_0000, 0x4010_0000, 8, 8)]), "ELF, unpacked, 0x40100004, 0x40100000..0x40200008, 0x40000000") }
    #[test] fn elf_virtual()     { check(&elf(0xffff_0000_0000_0000, &[(0xffff_0000_0000_0000, 0x4010_0000, 100, 100)]), &pattern(100), "ELF, unpacked, 0x40100000, 0x40100000..0x40100064, 0x40000000") }
    #[test] fn elf_empty_segments() { starts(elf(0x4010_0000, &[(0, 0, 0, 0), (0x4010_0000, 0x4010_0000, 8, 8)]), "ELF, unpacked, 0x40100000, 0x40100000..0x40100008, 0x40000000") }
}

#[rustfmt::skip]
mod refused {
    use super::*;
    fn kernel_is(bytes: Vec<u8>, want: &str) { check(&bytes, b"", &format!("kernel K {want}")) }
    const AGAIN: &str = "fetch or build it again";
    const GOOD: &[Load] = &[(0x4010_0000, 0x4010_0000, 8, 8)];
    const ENTRY: u64 = 0x4010_0000;

    #[test] fn empty()           { kernel_is(vec![], &format!("is empty; {AGAIN}")) }
    #[test] fn big_endian()      { kernel_is(image(4096, 0, 4096, 1), "is a big-endian arm64 kernel; build it with CONFIG_CPU_LITTLE_ENDIAN") }
    #[test] fn odd_offset()      { kernel_is(image(4096, 2, 4096, 0), &format!("is an arm64 Image whose text_offset 0x2 is not a multiple of 4; its header is damaged: {AGAIN}")) }
    #[test] fn too_large()       { kernel_is(image(4096, 0, 257 * MIB, 0), "wants 0x10100000 bytes at 0x40000000, outside RAM (0x40000000 to 0x50000000); give more --memory") }
    #[test] fn absurd_size()     { kernel_is(image(4096, 0, u64::MAX, 0), "wants 0xffffffffffffffff bytes at 0x40000000, outside RAM (0x40000000 to 0x50000000); give more --memory") }
    #[test] fn absurd_offset()   { kernel_is(image(4096, !3, 4096, 0), "wants 0x1000 bytes at 0xffffffffffffffff, outside RAM (0x40000000 to 0x50000000); give more --memory") }
    #[test] fn unpacks_too_large() { kernel_is(gzip(&vec![0; 257 << 20]), "wants 0xff80001 bytes at 0x40080000, outside RAM (0x40000000 to 0x50000000); give more --memory") }
    #[test] fn truncated_image() { kernel_is(efi_image(1 << 20, 2 << 20), &format!("is truncated: it has 1048576 bytes of 2097152; {AGAIN}")) }
    #[test] fn truncated_zboot() { kernel_is(cut(zboot(&gzip(&pattern(9999)), "gzip"), 0x300), &format!("is truncated: it has 768 bytes of {}; {AGAIN}", 0x200 + gzip(&pattern(9999)).len())) }
    #[test] fn truncated_header() { kernel_is(b"MZ\0\0zimg\0".to_vec(), &format!("is truncated: it has 9 bytes of 64; {AGAIN}")) }
    #[test] fn truncated_gzip()  { check(&cut(gzip(&image(9000, 0, 9000, 0)), 200), b"", &format!("kernel K: its gzip data is damaged or truncated (incomplete deflate stream); {AGAIN}")) }
    #[test] fn damaged_gzip()    { check(&flip_checksum(gzip(&image(9000, 0, 9000, 0)), 8), b"", &format!("kernel K: its gzip data is damaged or truncated (corrupt gzip stream does not have a matching checksum); {AGAIN}")) }
    #[test] fn cut_gzip_sum()    { let g = gzip(&image(9000, 0, 9000, 0)); check(&cut(g.clone(), g.len() - 4), b"", &format!("kernel K: its gzip data is damaged or truncated (unexpected end of file); {AGAIN}")) }
    #[test] fn damaged_zstd()    { check(&flip_checksum(zstd(&image(9000, 0, 9000, 0)), 4), b"", &format!("kernel K: its zstd data is damaged or truncated (its checksum does not match); {AGAIN}")) }
    #[test] fn elf_odd_phys()    { kernel_is(elf(ENTRY, &[(0x4010_0000, 0x4010_0005, 8, 8)]), "is a malformed ELF file: its entry point 0x40100005 is not a multiple of 4; link it again") }
    #[test] fn zboot_xz()        { kernel_is(zboot(b"x", "xzkern"), "is an EFI-zboot kernel packed with \"xzkern\"; only gzip and zstd can be unpacked: build with CONFIG_KERNEL_GZIP or CONFIG_KERNEL_ZSTD, or use arch/arm64/boot/Image") }
    #[test] fn zboot_of_riscv()  { kernel_is(zboot(&gzip(&with(vec![0; 0x100], 0x30, b"RISCV\0\0\0")), "gzip"), "is a Linux kernel for RISC-V; give a kernel built for arm64") }
    #[test] fn x86()             { kernel_is(with(vec![0x90; 0x400], 0x202, b"HdrS"), "is a Linux kernel for x86; give a kernel built for arm64") }
    #[test] fn arm32()           { kernel_is(with(vec![0x90; 0x400], 0x24, b"\x18\x28\x6f\x01"), "is a Linux zImage for 32-bit Arm; give a kernel built for arm64") }
    #[test] fn twice()           { kernel_is(gzip(&gzip(&pattern(100))), "is packed twice; only gzip and zstd are unpacked here: decompress it first") }
    #[test] fn xz()              { kernel_is(b"\xfd7zXZ\0 and so on".to_vec(), "is packed with xz; only gzip and zstd are unpacked here: decompress it first") }
    #[test] fn efi_program()     { kernel_is(with(efi_image(4096, 8192), 0x38, &[0; 4]), "is an EFI program, not a kernel; it needs UEFI firmware: give an arm64 Image") }
    #[test] fn initramfs()       { kernel_is(b"070701 and so on".to_vec(), "is a cpio archive; give an initramfs with --initrd") }

    #[test] fn elf_x86()         { kernel_is(with(elf(ENTRY, GOOD), 18, &[62]), "is an ELF file for x86-64; give one for AArch64") }
    #[test] fn elf_unknown()     { kernel_is(with(elf(ENTRY, GOOD), 18, &[0, 0x77]), "is an ELF file for machine number 30464; give one for AArch64") }
    #[test] fn elf_big_endian()  { kernel_is(with(elf(ENTRY, GOOD), 5, &[2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 183]), "is an ELF file that is not 64-bit little-endian; link it for aarch64, not ILP32 or aarch64_be") }
    #[test] fn elf_object()      { kernel_is(with(elf(ENTRY, GOOD), 16, &[1]), "is an object file; link it first") }
    #[test] fn elf_cut_header()  { kernel_is(cut(elf(ENTRY, GOOD), 60), &format!("is truncated: it has 60 bytes of 64; {AGAIN}")) }
    #[test] fn elf_cut()         { kernel_is(cut(elf(ENTRY, GOOD), 0x1004), &format!("is truncated: it has 4100 bytes of 4104; {AGAIN}")) }
    #[test] fn elf_nothing()     { kernel_is(elf(ENTRY, &[]), "is a malformed ELF file: it has nothing to load (no PT_LOAD segment); link it again") }
    #[test] fn elf_shrinks()     { kernel_is(elf(ENTRY, &[(0x4010_0000, 0x4010_0000, 8, 4)]), "is a malformed ELF file: the segment at 0x40100000 is larger in the file than in memory; link it again") }
    #[test] fn elf_vmlinux()     { kernel_is(elf(ENTRY, &[(!0xffff, !0xffff, 8, 8)]), "wants 0x8 bytes at 0xffffffffffff0000, outside RAM (0x40000000 to 0x50000000); it is linked to virtual addresses, as vmlinux is: give arch/arm64/boot/Image") }
    #[test] fn elf_in_flash()    { kernel_is(elf(0, &[(0, 0, 8, 8)]), "wants 0x8 bytes at 0x0, outside RAM (0x40000000 to 0x50000000); link it for this RAM or give more --memory") }
    #[test] fn elf_entry()       { kernel_is(elf(0x4010_0008, GOOD), "is a malformed ELF file: its entry point 0x40100008 is in none of its segments; link it again") }
    #[test] fn elf_odd_entry()   { kernel_is(elf(0x4010_0002, GOOD), "is a malformed ELF file: its entry point 0x40100002 is not a multiple of 4; link it again") }
    #[test] fn elf_overlap()     { check(&elf(ENTRY, &[(0x4010_0000, 0x4010_0000, 8, 8), (0x4010_0004, 0x4010_0004, 8, 8)]), b"", "kernel K: its segments at 0x40100000 and 0x40100004 overlap; link it again") }
}

/// `INITRD, DTB` for a kernel that occupies `kernel` MiB and an initrd of `initrd` bytes in `mib` MiB, or the message.
#[track_caller]
fn check_placement(kernel_mib: u64, initrd: usize, mib: u64, want: &str) {
    let ram = ram(mib);
    let bytes = pattern(initrd);
    let image = image(4096, 0, kernel_mib * MIB, 0);
    let got = run(kernel(&image), Some(Source::Bytes { name: "R", bytes: &bytes }), &ram).map(|l| {
        let (at, len) = l.initrd.expect("one was given");
        let mut held = vec![0; len as usize];
        ram.read_bytes(at, &mut held).unwrap();
        assert!(held == bytes, "RAM does not hold the initrd");
        assert!(at >= l.kernel_range.end && l.dtb >= at.offset(len), "they overlap");
        format!("{at}, {}", l.dtb)
    });
    assert_eq!(got.unwrap_or_else(|e| e), want);
}

#[rustfmt::skip]
mod placement {
    use super::check_placement;
    const M: usize = 1 << 20;
    #[test] fn usual()            { check_placement(30, 10 * M, 1024, "0x48000000, 0x48a00000") }
    #[test] fn half_of_little()   { check_placement(30, 10 * M, 128, "0x44000000, 0x44a00000") }
    #[test] fn smallest_machine() { check_placement(28, 10 * M, 64, "0x42000000, 0x42a00000") }
    #[test] fn odd_size()         { check_placement(30, 12345, 1024, "0x48000000, 0x48200000") }
    #[test] fn after_large_bss()  { check_placement(301, M, 1024, "0x52e00000, 0x53000000") }
    #[test] fn squeezed()         { check_placement(28, 33 * M, 64, "0x41c00000, 0x43e00000") }
    #[test] fn exactly_full()     { check_placement(28, 34 * M, 64, "0x41c00000, 0x43e00000") }
    #[test] fn one_byte_more()    { check_placement(28, 34 * M + 1, 64, "initrd R has 35651585 bytes, but beside the kernel there is room for 35651584; give more --memory") }
    #[test] fn larger_than_ram()  { check_placement(28, 65 * M, 64, "initrd R has 68157440 bytes, but beside the kernel there is room for 35651584; give more --memory") }
    #[test] fn no_initrd_bytes()  { check_placement(28, 0, 64, "initrd R is empty; fetch or build it again") }
    #[test] fn kernel_fills_ram() { check_placement(64, M, 64, "initrd R has 1048576 bytes, but beside the kernel there is room for 0; give more --memory") }
}

#[test]
fn the_device_tree_learns_where_the_initrd_is_and_has_its_own_errors() {
    let ram = ram(64);
    let image = image(4096, 0, 4096, 0);
    let go = |initrd, dtb: &dyn Fn(Option<(PhysAddr, u64)>) -> Result<Vec<u8>, FdtError>| {
        load(&LoadRequest { kernel: kernel(&image), initrd, dtb }, &ram).map_err(|e| e.to_string())
    };
    let three = Source::Bytes { name: "R", bytes: b"abc" };
    let told = go(Some(three), &|at| Ok(format!("{at:?}").into_bytes())).unwrap().dtb_bytes;
    assert_eq!(String::from_utf8(told).unwrap(), "Some((0x42000000, 3))");
    assert_eq!(go(None, &|at| Ok(format!("{at:?}").into_bytes())).unwrap().dtb_bytes, b"None");
    let huge = go(None, &|_| Ok(vec![0; (2 << 20) + 1])).unwrap_err();
    assert_eq!(huge, "the device tree has 2097153 bytes, but a kernel maps 2 MiB at most; make it smaller");
    let bad = go(None, &|_| armagic_machine::fdt::check(b"not a tree").map(|()| vec![])).unwrap_err();
    assert_eq!(bad, "malformed device tree blob: no magic number d00dfeed at byte 0x0; make it with dtc or --dump-dtb");
    let full = image_that_fills(64);
    let none =
        load(&LoadRequest { kernel: kernel(&full), initrd: None, dtb: &|_| Ok(DTB.to_vec()) }, &ram).unwrap_err();
    assert_eq!(
        none.to_string(),
        "there is no room for a device tree of 13 bytes beside kernel and initrd; give more --memory"
    );
}

fn image_that_fills(mib: u64) -> Vec<u8> {
    image(4096, 0, mib * MIB, 0)
}

#[test]
fn a_truncated_zstd_kernel_is_refused() {
    let packed = zstd(&image(9000, 0, 9000, 0));
    let message = run(kernel(&packed[..packed.len() / 2]), None, &ram(64)).unwrap_err();
    assert!(message.starts_with("kernel K: its zstd data is damaged or truncated ("), "{message}");
}

#[test]
fn files_are_read_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let plain = image(100_000, 0, 200_000, 0);
    std::fs::write(path("Image"), &plain).unwrap();
    std::fs::write(path("initrd"), pattern(300_000)).unwrap();
    let ram = ram(64);
    let (image, initrd) = (path("Image"), path("initrd"));
    let loaded = run(Source::File(&image), Some(Source::File(&initrd)), &ram).unwrap();
    let mut held = vec![0; 300_000];
    ram.read_bytes(loaded.initrd.unwrap().0, &mut held).unwrap();
    assert!(held == pattern(300_000));

    let message =
        |kernel: &Path, initrd: Option<&Path>| run(Source::File(kernel), initrd.map(Source::File), &ram).unwrap_err();
    let missing = path("missing");
    let name = missing.display();
    assert_eq!(
        message(&missing, None),
        format!("cannot open kernel {name}: No such file or directory (os error 2); check --kernel")
    );
    assert_eq!(
        message(&image, Some(&missing)),
        format!("cannot open initrd {name}: No such file or directory (os error 2); check --initrd")
    );
    let directory = dir.path().display();
    assert_eq!(
        message(dir.path(), None),
        format!("cannot open kernel {directory}: Is a directory (os error 21); check --kernel")
    );
}

#[test]
fn a_large_image_is_read_once() {
    // Not timed; the point is that 30 MiB arrive whole through the chunked copy, at any alignment of the end.
    let plain = image((30 << 20) + 12_345, 0, 32 * MIB, 0);
    check(&plain, &plain, "arm64 Image, unpacked, 0x40000000, 0x40000000..0x42000000, 0x48000000");
}

/// Good files to damage.
fn seeds() -> Vec<Vec<u8>> {
    let plain = efi_image(9000, 9000);
    vec![
        plain.clone(),
        gzip(&plain),
        zstd(&plain),
        zboot(&gzip(&plain), "gzip"),
        zboot(&zstd(&plain), "zstd"),
        elf(0x4010_0000, &[(0x4010_0000, 0x4010_0000, 100, 0x2000), (0x4020_0000, 0x4020_0000, 8, 8)]),
        gzip(&elf(0x4010_0000, &[(0x4010_0000, 0x4010_0000, 100, 0x2000)])),
    ]
}

/// Loads `bytes`; whatever they are, an error or parts that lie in RAM and apart. Never a panic.
fn check_sane(bytes: &[u8]) {
    let ram = ram(64);
    if let Ok(loaded) = run(kernel(bytes), Some(Source::Bytes { name: "R", bytes: b"initrd" }), &ram) {
        let (initrd, len) = loaded.initrd.unwrap();
        let mut parts = [
            (loaded.kernel_range.start, loaded.kernel_range.end),
            (initrd, initrd.offset(len)),
            (loaded.dtb, loaded.dtb.offset(DTB.len() as u64)),
        ];
        parts.sort();
        assert!(parts[0].0 >= ram.base() && parts[2].1 <= ram.base().offset(ram.size()), "{parts:?}");
        assert!(parts.windows(2).all(|p| p[0].1 <= p[1].0), "{parts:?}");
        assert!(loaded.kernel_range.contains(&loaded.entry) && loaded.entry.0 % 4 == 0 && loaded.dtb.0 % 8 == 0);
    }
}

proptest! {
    #[test]
    fn damaged_files_never_panic(seed in 0usize..7, noise in prop::collection::vec((0usize..700, any::<u8>()), 0..6), keep in 0usize..12_000) {
        let mut bytes = cut(seeds().swap_remove(seed), keep);
        noise.iter().for_each(|&(at, byte)| if let Some(b) = bytes.get_mut(at) { *b = byte });
        check_sane(&bytes);
    }

    #[test]
    fn damaged_words_never_panic(seed in 0usize..7, at in 0usize..40, word in prop_oneof![Just(u64::MAX), Just(0), Just(1 << 63), any::<u64>()]) {
        check_sane(&with(seeds().swap_remove(seed), at * 4, &word.to_le_bytes()));
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        check_sane(&bytes);
        check_sane(&with(bytes, 0, b"\x7fELF\x02\x01\x01"));
    }
}
