//! Writes the archive a kernel unpacks as its first file system: cpio in the "newc" format.
//!
//! Layout from the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`: per entry a
//! header of 110 ASCII characters, the name with its NUL, and the data, the last two padded to 4 bytes.
//! The same input gives the same bytes: times are 0, owners are 0, inode numbers count up.

use std::collections::BTreeSet;

pub(crate) const DIRECTORY: u32 = 0o040000;
pub(crate) const REGULAR: u32 = 0o100000;
pub(crate) const CHARACTER: u32 = 0o020000;
pub(crate) const KIND: u32 = 0o170000;

/// An archive being written. The kernel makes no parents, so this does, once each, mode 0755.
#[derive(Default)]
pub(crate) struct Cpio {
    out: Vec<u8>,
    inode: u32,
    directories: BTreeSet<String>,
}

impl Cpio {
    pub(crate) fn directory(&mut self, path: &str) {
        let path = path.trim_matches('/');
        if path.is_empty() || !self.directories.insert(path.to_string()) {
            return;
        }
        self.parents(path);
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// A file; `mode` may name its kind (a symbolic link's target is its data), else it is a regular one.
    pub(crate) fn file(&mut self, path: &str, mode: u32, data: &[u8]) {
        let path = path.trim_matches('/');
        self.parents(path);
        let kind = if mode & KIND == 0 { REGULAR } else { 0 };
        self.entry(path, kind | mode, (0, 0), data);
    }

    /// A character device.
    pub(crate) fn device(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        let path = path.trim_matches('/');
        self.parents(path);
        self.entry(path, CHARACTER | mode, (major, minor), &[]);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.inode = 0;
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.out
    }

    fn parents(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), data: &[u8]) {
        let links = if mode & KIND == DIRECTORY { 2 } else { 1 };
        let size = u32::try_from(data.len()).expect("no file of an initramfs reaches 4 GiB");
        let name_size = name.len() as u32 + 1;
        self.out.extend_from_slice(b"070701");
        //            ino         mode  uid gid links mtime size major minor  device of the node      name     checksum
        for field in [self.inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0] {
            self.out.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.inode += 1;
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(0);
        self.pad();
        self.out.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }
}

/// Reads back what `Cpio` writes; written from the format's description, not from the writer.
#[cfg(test)]
pub(crate) mod reader {
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct Entry {
        pub(crate) name: String,
        pub(crate) mode: u32,
        pub(crate) device: (u32, u32),
        pub(crate) data: Vec<u8>,
    }

    pub(crate) fn entries(mut archive: &[u8]) -> Vec<Entry> {
        let mut found = vec![];
        loop {
            assert_eq!(&archive[..6], b"070701");
            let field = |n: usize| {
                let digits = std::str::from_utf8(&archive[6 + 8 * n..14 + 8 * n]).unwrap();
                u32::from_str_radix(digits, 16).unwrap()
            };
            let (size, name_size) = (field(6) as usize, field(11) as usize);
            let name = std::str::from_utf8(&archive[110..110 + name_size - 1]).unwrap();
            assert_eq!(archive[110 + name_size - 1], 0, "a name ends with NUL");
            let data = (110 + name_size).next_multiple_of(4);
            if name == "TRAILER!!!" {
                assert_eq!(archive.len(), data, "nothing follows the trailer");
                return found;
            }
            found.push(Entry {
                name: name.to_string(),
                mode: field(1),
                device: (field(9), field(10)),
                data: archive[data..data + size].to_vec(),
            });
            archive = &archive[(data + size).next_multiple_of(4)..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes with `write`, reads back, and compares with lines `mode name data`.
    #[track_caller]
    fn check(write: impl FnOnce(&mut Cpio), lines: &[&str]) {
        let mut cpio = Cpio::default();
        write(&mut cpio);
        let seen: Vec<String> = reader::entries(&cpio.finish())
            .iter()
            .map(|e| format!("{:06o} {} {}", e.mode, e.name, String::from_utf8_lossy(&e.data)).trim_end().to_string())
            .collect();
        assert_eq!(seen, lines);
    }

    #[test]
    fn parents_come_first_and_once() {
        check(
            |c| {
                c.file("/a/b/one", 0o644, b"1");
                c.file("a/b/two", 0o755, b"22");
                c.directory("/a/");
            },
            &["040755 a", "040755 a/b", "100644 a/b/one 1", "100755 a/b/two 22"],
        );
    }

    #[test]
    fn every_padding() {
        check(
            |c| (0..5).for_each(|n| c.file(&"n".repeat(n + 1), 0o600, &b"dddd"[..n.min(4)])),
            &["100600 n", "100600 nn d", "100600 nnn dd", "100600 nnnn ddd", "100600 nnnnn dddd"],
        );
    }

    #[test]
    fn a_link_keeps_its_kind() {
        check(|c| c.file("sh", 0o120777, b"busybox"), &["120777 sh busybox"]);
    }

    #[test]
    fn a_device_has_numbers() {
        let mut cpio = Cpio::default();
        cpio.device("dev/console", 0o600, 5, 1);
        let entries = reader::entries(&cpio.finish());
        assert_eq!((entries[1].mode, entries[1].device), (0o020600, (5, 1)));
    }

    /// The bytes, spelled out by hand from the format's description.
    #[test]
    fn bytes_are_the_documented_ones() {
        let mut cpio = Cpio::default();
        cpio.file("f", 0o644, b"hi");
        let zeros = "00000000";
        let first =
            format!("070701{zeros}000081a4{zeros}{zeros}00000001{zeros}00000002{}00000002{zeros}", zeros.repeat(4));
        let last = format!("070701{zeros}{zeros}{zeros}{zeros}00000001{}0000000b{zeros}", zeros.repeat(6));
        assert_eq!(cpio.finish(), format!("{first}f\0hi\0\0{last}TRAILER!!!\0\0\0\0").into_bytes());
    }
}
