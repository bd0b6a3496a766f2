//! How kernels are packed: not at all, gzip, zstd, or EFI-zboot around either.
//!
//! zboot is a small EFI program that unpacks the kernel it carries; we take the payload out by its header
//! (Linux, `drivers/firmware/efi/libstub/zboot-header.S`).

use super::source::{Data, Opened, read_head};
use super::{LoadError, Role, Source};
use flate2::read::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::fmt;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

/// Bytes looked at to tell what a file is; enough for every header in `image` and `foreign`.
const HEAD_BYTES: u64 = 4096;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b\x08";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
const ZBOOT_MAGIC: &[u8] = b"MZ\0\0zimg";

/// How a kernel's file was packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Not packed.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// EFI-zboot with a gzip payload.
    ZbootGzip,
    /// EFI-zboot with a Zstandard payload.
    ZbootZstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Packing::None => "unpacked",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::ZbootGzip => "EFI-zboot gzip",
            Packing::ZbootZstd => "EFI-zboot zstd",
        })
    }
}

/// A kernel without its packing.
pub(super) struct Unpacked<'a> {
    /// The first bytes of the kernel.
    pub head: Vec<u8>,
    pub packing: Packing,
    pub body: Body<'a>,
}

/// The kernel's bytes.
pub(super) enum Body<'a> {
    /// As the file has them, rewound to the beginning.
    Whole(Box<dyn Data + 'a>),
    /// As the decompressor makes them, after `head`.
    AfterHead(Box<dyn Read + 'a>),
}

impl<'a> Unpacked<'a> {
    /// All bytes of the kernel, in order.
    pub fn reader(self) -> Box<dyn Read + 'a> {
        match self.body {
            Body::Whole(data) => Box::new(data),
            Body::AfterHead(rest) => Box::new(Cursor::new(self.head).chain(rest)),
        }
    }

    /// All bytes of the kernel, in any order; unpacks it in host memory if it is packed.
    pub fn seekable(self) -> io::Result<Box<dyn Data + 'a>> {
        match self.body {
            Body::Whole(data) => Ok(data),
            Body::AfterHead(mut rest) => {
                let mut bytes = self.head;
                rest.read_to_end(&mut bytes)?;
                Ok(Box::new(Cursor::new(bytes)))
            }
        }
    }
}

/// Opens the kernel `source` and finds its packing.
pub(super) fn open<'a>(source: &Source<'a>) -> Result<Unpacked<'a>, LoadError> {
    let mut file = source.open(Role::Kernel)?;
    let read = |cause| LoadError::Read { role: Role::Kernel, name: source.name(), cause };
    let head = read_head(&mut file.data, HEAD_BYTES).map_err(read)?;
    let (packing, start, len) = match &head {
        h if h.starts_with(GZIP_MAGIC) => (Packing::Gzip, 0, file.len),
        h if h.starts_with(ZSTD_MAGIC) => (Packing::Zstd, 0, file.len),
        h if h.starts_with(ZBOOT_MAGIC) => zboot(source, h, file.len)?,
        _ => (Packing::None, 0, file.len),
    };
    file.data.seek(SeekFrom::Start(start)).map_err(read)?;
    if packing == Packing::None {
        return Ok(Unpacked { head, packing, body: Body::Whole(file.data) });
    }
    let unpack = |cause| LoadError::Unpack { name: source.name(), packing, cause };
    let mut rest = decoder(packing, file, len).map_err(unpack)?;
    let head = read_head(&mut rest, HEAD_BYTES).map_err(unpack)?;
    Ok(Unpacked { head, packing, body: Body::AfterHead(rest) })
}

fn decoder<'a>(packing: Packing, file: Opened<'a>, len: u64) -> io::Result<Box<dyn Read + 'a>> {
    let packed = BufReader::with_capacity(64 << 10, file.data.take(len));
    Ok(match packing {
        Packing::Zstd | Packing::ZbootZstd => {
            Box::new(CheckedZstd(StreamingDecoder::new(packed).map_err(io::Error::other)?))
        }
        _ => Box::new(GzDecoder::new(packed)),
    })
}

/// A decoder that compares the frame's checksum at its end, as gzip's does by itself.
struct CheckedZstd<R: Read>(StreamingDecoder<R, FrameDecoder>);

impl<R: Read> Read for CheckedZstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(out)?;
        let decoder = &self.0.decoder;
        let expected = decoder.get_checksum_from_data().filter(|_| n == 0 && !out.is_empty());
        match expected {
            Some(sum) if decoder.get_calculated_checksum() != Some(sum) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match"))
            }
            _ => Ok(n),
        }
    }
}

/// The packing, start and bytes of the payload of a zboot file whose first bytes are `head`.
fn zboot(source: &Source<'_>, head: &[u8], file_len: u64) -> Result<(Packing, u64, u64), LoadError> {
    //  0x08 payload offset   0x0c payload bytes   0x18 compression, a NUL-terminated name
    const HEADER_BYTES: u64 = 0x40;
    let truncated = |needs| LoadError::Truncated { role: Role::Kernel, name: source.name(), has: file_len, needs };
    let header = head.get(..HEADER_BYTES as usize).ok_or_else(|| truncated(HEADER_BYTES))?;
    let word = |at: usize| u64::from(u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")));
    let (start, len) = (word(0x08), word(0x0c));
    if start + len > file_len {
        return Err(truncated(start + len));
    }
    let name = header[0x18..0x38].split(|&b| b == 0).next().unwrap_or_default();
    match name {
        b"gzip" => Ok((Packing::ZbootGzip, start, len)),
        b"zstd" | b"zstd22" => Ok((Packing::ZbootZstd, start, len)),
        other => Err(LoadError::NotOurs {
            name: source.name(),
            what: format!("an EFI-zboot kernel packed with {:?}", String::from_utf8_lossy(other)),
            next: "only gzip and zstd can be unpacked: build with CONFIG_KERNEL_GZIP or CONFIG_KERNEL_ZSTD, or use arch/arm64/boot/Image",
        }),
    }
}
