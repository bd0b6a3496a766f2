//! Files that people give as a kernel and that are none, by their magic numbers.

/// What it is, and the next step.
pub type Verdict = (&'static str, &'static str);

const DECOMPRESS: &str = "only gzip and zstd are unpacked here: decompress it first";
const ARM64_ONLY: &str = "give a kernel built for arm64";
const UNWRAP: &str = "take the kernel out first, with dumpimage or the like";
const NO_KERNEL: &str = "give the kernel with --kernel";

#[rustfmt::skip]
const TABLE: &[(usize, &[u8], Verdict)] = &[
    // offset magic                          what it is, next step
    (0x202, b"HdrS",                         ("a Linux kernel for x86", ARM64_ONLY)),
    (0x030, b"RISCV\0\0\0",                  ("a Linux kernel for RISC-V", ARM64_ONLY)),
    (0x038, b"\xcd\x23\x82\x81",             ("a Linux kernel for LoongArch", ARM64_ONLY)),
    (0x024, b"\x18\x28\x6f\x01",             ("a Linux zImage for 32-bit Arm", ARM64_ONLY)),
    (0x000, b"\x1f\x8b\x08",                 ("packed twice", DECOMPRESS)),
    (0x000, b"\x28\xb5\x2f\xfd",             ("packed twice", DECOMPRESS)),
    (0x000, b"\xfd7zXZ\0",                   ("packed with xz", DECOMPRESS)),
    (0x004, b"1AY&SY",                       ("packed with bzip2", DECOMPRESS)),
    (0x000, b"\x5d\0\0\0\x04\xff",           ("packed with lzma", DECOMPRESS)),
    (0x000, b"\x5d\0\0\x80\0\xff",           ("packed with lzma", DECOMPRESS)),
    (0x000, b"\x04\x22\x4d\x18",             ("packed with lz4", DECOMPRESS)),
    (0x000, b"\x02\x21\x4c\x18",             ("packed with lz4", DECOMPRESS)),
    (0x000, b"\x89LZO\0\r\n",                ("packed with lzop", DECOMPRESS)),
    (0x000, b"\x27\x05\x19\x56",             ("a U-Boot uImage", UNWRAP)),
    (0x000, b"ANDROID!",                     ("an Android boot image", UNWRAP)),
    (0x000, b"\xd0\x0d\xfe\xed",             ("a device tree or FIT image", "give a device tree with --dtb")),
    (0x000, b"070701",                       ("a cpio archive", "give an initramfs with --initrd")),
    (0x000, b"070702",                       ("a cpio archive", "give an initramfs with --initrd")),
    (0x000, b"QFI\xfb",                      ("a qcow2 disk", NO_KERNEL)),
    (0x000, b"!<arch>\n",                    ("an archive or Debian package", "unpack it, then give its boot/vmlinuz")),
    (0x000, b"PK\x03\x04",                   ("a zip archive", "unpack it first")),
    (0x101, b"ustar",                        ("a tar archive", "unpack it first")),
    (0x000, b"<!DOCTYPE",                    ("a web page", "the download went wrong: fetch it again")),
    (0x000, b"<html",                        ("a web page", "the download went wrong: fetch it again")),
    // Last: the kernels above may be EFI programs too.
    (0x000, b"MZ\0\0zimg",                   ("packed twice", DECOMPRESS)),
];

/// What the file that begins with `head` is, if it is known and not a kernel for us.
pub fn identify(head: &[u8]) -> Option<Verdict> {
    let found = TABLE.iter().find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    let program =
        || pe_machine(head).map(|_| ("an EFI program, not a kernel", "it needs UEFI firmware: give an arm64 Image"));
    found.map(|(.., verdict)| *verdict).or_else(program)
}

/// The machine of a PE file.
fn pe_machine(head: &[u8]) -> Option<[u8; 2]> {
    let header = super::image::pe_header(head)?;
    header.get(4..6)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_own_magic() {
        for (at, magic, want) in TABLE {
            let mut head = vec![0x20; 0x400];
            head[*at..at + magic.len()].copy_from_slice(magic);
            assert_eq!(identify(&head), Some(*want));
            assert_eq!(identify(&head[..at + magic.len() - 1]), None, "{want:?} cut off");
        }
    }

    #[test]
    fn instructions_are_not_mistaken() {
        assert_eq!(identify(&[0x14u32.to_le_bytes(), 0xd503_201f_u32.to_le_bytes()].concat()), None);
        assert_eq!(identify(b""), None);
    }
}
