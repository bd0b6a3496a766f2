//! Where bytes come from, and their way into RAM.

use super::{LoadError, Role};
use hw::PhysAddr;
use mem::Ram;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;

/// A file to load.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A file of the host. What cannot seek (a pipe) is read to its end first.
    File(&'a Path),
    /// Bytes we have: the embedded guest, a packed initramfs.
    Bytes {
        /// What messages call it.
        name: &'a str,
        /// Its contents.
        bytes: &'a [u8],
    },
}

/// What can be read in any order.
pub(super) trait Data: Read + Seek {}
impl<T: Read + Seek> Data for T {}

/// An opened source.
pub(super) struct Opened<'a> {
    pub data: Box<dyn Data + 'a>,
    pub len: u64,
}

impl<'a> Source<'a> {
    /// What messages call it.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Bytes { name, .. } => (*name).to_owned(),
        }
    }

    /// Opens it, at its beginning. An empty file is an error.
    pub(super) fn open(&self, role: Role) -> Result<Opened<'a>, LoadError> {
        let (data, len): (Box<dyn Data + 'a>, u64) = match *self {
            Source::Bytes { bytes, .. } => (Box::new(Cursor::new(bytes)), bytes.len() as u64),
            Source::File(path) => {
                open_file(path).map_err(|cause| LoadError::Open { role, name: self.name(), cause })?
            }
        };
        match len {
            0 => Err(LoadError::Empty { role, name: self.name() }),
            _ => Ok(Opened { data, len }),
        }
    }
}

fn open_file<'a>(path: &Path) -> io::Result<(Box<dyn Data + 'a>, u64)> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_file() {
        return Ok((Box::new(file), meta.len()));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let len = bytes.len() as u64;
    Ok((Box::new(Cursor::new(bytes)), len))
}

/// Copies `from` to its end into RAM at `at`; says how many bytes. More than RAM holds is an error of kind
/// `StorageFull`. The buffer stays in the host's L2 cache, so RAM is the only memory written.
pub(super) fn copy_into_ram(from: &mut dyn Read, at: PhysAddr, ram: &Ram) -> io::Result<u64> {
    let mut buffer = vec![0; 128 << 10];
    let mut copied = 0;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        ram.write_bytes(at.offset(copied), &buffer[..n]).ok_or(io::ErrorKind::StorageFull)?;
        copied += n as u64;
    }
}

/// Up to `limit` bytes from the front of `from`.
pub(super) fn read_head(from: &mut dyn Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    from.take(limit).read_to_end(&mut head)?;
    Ok(head)
}
