//! The loader: from files to a guest that can start.
//!
//! Reads a kernel of any usual packing, an initrd and a device tree into RAM that is as at power-on (zero),
//! and says where to start. Placement follows Linux's `Documentation/arch/arm64/booting.rst`. What is
//! wrong with a file is found here, by name, before a guest can trip over it.

mod elf;
mod error;
mod foreign;
mod image;
mod pack;
mod place;
mod source;

pub use error::{LoadError, Role};
pub use pack::Packing;
pub use source::Source;

use crate::fdt::FdtError;
use hw::PhysAddr;
use mem::Ram;
use std::fmt;
use std::ops::Range;

/// Builds the device tree once the initrd's address and bytes are known.
pub type DtbBuilder<'a> = dyn Fn(Option<(PhysAddr, u64)>) -> Result<Vec<u8>, FdtError> + 'a;

/// What to load.
pub struct LoadRequest<'a> {
    /// The kernel or bare-metal program.
    pub kernel: Source<'a>,
    /// The initial RAM disk.
    pub initrd: Option<Source<'a>>,
    /// The device tree.
    pub dtb: &'a DtbBuilder<'a>,
}

/// How a kernel wants to be entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelKind {
    /// Linux's boot protocol: x0 is the device tree, at EL2 or EL1, MMU off.
    Image,
    /// A program of its own: the highest implemented EL, MMU off, the device tree at the start of RAM
    /// if it fits below the program.
    Elf,
    /// Bytes without a header, entered as an `Image`.
    Raw,
}

impl fmt::Display for KernelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KernelKind::Image => "arm64 Image",
            KernelKind::Elf => "ELF",
            KernelKind::Raw => "raw binary",
        })
    }
}

/// What is in RAM now.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where the first PE starts.
    pub entry: PhysAddr,
    /// How it is entered.
    pub kind: KernelKind,
    /// How the kernel's file was packed.
    pub packing: Packing,
    /// What the kernel occupies, its zeroed data included.
    pub kernel_range: Range<PhysAddr>,
    /// Where the initrd is, and its bytes.
    pub initrd: Option<(PhysAddr, u64)>,
    /// Where the device tree is.
    pub dtb: PhysAddr,
    /// The device tree itself.
    pub dtb_bytes: Vec<u8>,
}

/// A kernel in RAM.
struct Kernel {
    entry: PhysAddr,
    kind: KernelKind,
    packing: Packing,
    range: Range<PhysAddr>,
}

/// Loads `request` into `ram`, which is as at power-on.
pub fn load(request: &LoadRequest<'_>, ram: &Ram) -> Result<Loaded, LoadError> {
    let kernel = load_kernel(&request.kernel, ram)?;
    let initrd = request.initrd.as_ref().map(|source| load_initrd(source, &kernel, ram)).transpose()?;
    let dtb_bytes = (request.dtb)(initrd)?;
    let dtb = place::dtb(dtb_bytes.len() as u64, &kernel, initrd, ram)?;
    ram.write_bytes(dtb, &dtb_bytes).expect("place::dtb chose a range in RAM");
    let Kernel { entry, kind, packing, range: kernel_range } = kernel;
    Ok(Loaded { entry, kind, packing, kernel_range, initrd, dtb, dtb_bytes })
}

fn load_kernel(source: &Source<'_>, ram: &Ram) -> Result<Kernel, LoadError> {
    let unpacked = pack::open(source)?;
    match &unpacked.head {
        head if head.starts_with(b"\x7fELF") => elf::load(source, unpacked, ram),
        head if image::is_image(head) => image::load(source, unpacked, ram),
        _ => image::load_raw(source, unpacked, ram),
    }
}

fn load_initrd(source: &Source<'_>, kernel: &Kernel, ram: &Ram) -> Result<(PhysAddr, u64), LoadError> {
    let mut file = source.open(Role::Initrd)?;
    let at = place::initrd(source, file.len, kernel, ram)?;
    // A file that grew meanwhile is cut at the size it was placed by.
    let copied = source::copy_into_ram(&mut std::io::Read::take(&mut file.data, file.len), at, ram)
        .map_err(|cause| LoadError::Read { role: Role::Initrd, name: source.name(), cause })?;
    match copied == file.len {
        true => Ok((at, copied)),
        false => Err(LoadError::Truncated { role: Role::Initrd, name: source.name(), has: copied, needs: file.len }),
    }
}
