//! The file: magic, version, then parts, each with its length and a checksum. Numbers are little-endian.

use super::SnapshotError;
use crc32fast::Hasher;
use serde::{Serialize, de::DeserializeOwned};
use std::io::{Read, Write};

const MAGIC: [u8; 8] = *b"ARMAGIC\x1a";
/// Changes with every change of what a part holds.
pub(super) const VERSION: u32 = 5;

/// More than a part that is a value ever has, whose bytes are in memory at once.
const MOST: u64 = 256 << 20;

/// The parts, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// What machine it is.
    Board,
    /// Each PE.
    Cpus,
    /// The interrupt controller.
    Gic,
    /// The board's other devices.
    Devices,
    /// Which pages of RAM are not zero.
    Runs,
    /// These pages.
    Pages,
}

impl Part {
    fn tag(self) -> [u8; 4] {
        match self {
            Part::Board => *b"BORD",
            Part::Cpus => *b"CPUS",
            Part::Gic => *b"GICS",
            Part::Devices => *b"DEVS",
            Part::Runs => *b"RUNS",
            Part::Pages => *b"PAGE",
        }
    }

    /// In messages.
    pub fn name(self) -> &'static str {
        match self {
            Part::Board => "board",
            Part::Cpus => "CPUs",
            Part::Gic => "GIC",
            Part::Devices => "devices",
            Part::Runs => "map of RAM",
            Part::Pages => "RAM",
        }
    }
}

/// Writes a snapshot.
pub(super) struct Writer<W> {
    out: W,
    sum: Hasher,
}

impl<W: Write> Writer<W> {
    pub fn new(mut out: W) -> Result<Self, SnapshotError> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        Ok(Writer { out, sum: Hasher::new() })
    }

    /// One part that is a value.
    pub fn part(&mut self, part: Part, value: &impl Serialize) -> Result<(), SnapshotError> {
        let bytes = postcard::to_stdvec(value).map_err(|cause| SnapshotError::Encode { part: part.name(), cause })?;
        self.begin(part, bytes.len() as u64)?;
        self.bytes(&bytes)?;
        self.end()
    }

    /// A part of so many bytes, which follow.
    pub fn begin(&mut self, part: Part, length: u64) -> Result<(), SnapshotError> {
        self.sum = Hasher::new();
        self.bytes(&part.tag())?;
        self.bytes(&length.to_le_bytes())
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.sum.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    pub fn end(&mut self) -> Result<(), SnapshotError> {
        let sum = std::mem::take(&mut self.sum).finalize();
        Ok(self.out.write_all(&sum.to_le_bytes())?)
    }

    pub fn finish(mut self) -> Result<W, SnapshotError> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads a snapshot, and believes nothing that its checksum does not cover.
pub(super) struct Reader<R> {
    input: R,
    /// Bytes that the file still has.
    left: u64,
    part: &'static str,
    sum: Hasher,
}

impl<R: Read> Reader<R> {
    /// A file of `size` bytes.
    pub fn new(input: R, size: u64) -> Result<Self, SnapshotError> {
        let mut it = Reader { input, left: size, part: "head", sum: Hasher::new() };
        let mut magic = [0; 8];
        it.bytes(&mut magic).map_err(|_| SnapshotError::Foreign)?;
        if magic != MAGIC {
            return Err(SnapshotError::Foreign);
        }
        let mut version = [0; 4];
        it.bytes(&mut version)?;
        match u32::from_le_bytes(version) {
            VERSION => Ok(it),
            version => Err(SnapshotError::Version(version)),
        }
    }

    /// The next part, which is a value.
    pub fn part<T: DeserializeOwned>(&mut self, part: Part) -> Result<T, SnapshotError> {
        let length = self.begin(part)?;
        // Not more than the file has, so that a wrong length asks for no memory; but a file may have holes.
        if length > MOST {
            return Err(SnapshotError::Content { part: part.name(), what: "its length is more than any machine's" });
        }
        let mut bytes = vec![0; length as usize];
        self.bytes(&mut bytes)?;
        self.end()?;
        let decoded = postcard::take_from_bytes(&bytes);
        let (value, rest) = decoded.map_err(|cause| SnapshotError::Decode { part: part.name(), cause })?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(SnapshotError::Content { part: part.name(), what: "it has bytes after its end" })
        }
    }

    /// The next part's length; its bytes follow.
    pub fn begin(&mut self, part: Part) -> Result<u64, SnapshotError> {
        (self.part, self.sum) = (part.name(), Hasher::new());
        let (mut tag, mut length) = ([0; 4], [0; 8]);
        self.bytes(&mut tag)?;
        self.bytes(&mut length)?;
        let length = u64::from_le_bytes(length);
        match () {
            () if tag != part.tag() => Err(SnapshotError::Corrupt(part.name())),
            () if length > self.left => Err(SnapshotError::Truncated(part.name())),
            () => Ok(length),
        }
    }

    pub fn bytes(&mut self, bytes: &mut [u8]) -> Result<(), SnapshotError> {
        let cut = SnapshotError::Truncated(self.part);
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(cut)?;
        self.input.read_exact(bytes).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::UnexpectedEof => SnapshotError::Truncated(self.part),
            _ => SnapshotError::Io(cause),
        })?;
        self.sum.update(bytes);
        Ok(())
    }

    pub fn end(&mut self) -> Result<(), SnapshotError> {
        let want = std::mem::take(&mut self.sum).finalize();
        let mut sum = [0; 4];
        self.bytes(&mut sum)?;
        if u32::from_le_bytes(sum) == want { Ok(()) } else { Err(SnapshotError::Corrupt(self.part)) }
    }
}
