//! Some instructions of a file, and what the compiler makes of them.

use crate::engine::EngineError;
use crate::load::{LoadError, LoadRequest, Source, load};
use crate::map;
use cpu::Model;
use hw::{AccessSize, PhysAddr};
use mem::Ram;
use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object, ObjectSegment, ObjectSymbol};
use std::path::{Path, PathBuf};

/// Instructions, and the address of the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// Its address.
    pub pc: u64,
    /// They.
    pub words: Vec<u32>,
}

/// Which instructions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// From where the file is entered.
    Entry,
    /// From an address.
    Address(u64),
    /// A function of an ELF file.
    Symbol(String),
}

/// There are no such instructions.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ExcerptError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("{}: {why}", path.display())]
    Nothing { path: PathBuf, why: String },
}

/// `length` instructions of the file at `path`: of an ELF file at the addresses it is linked for, of any other where
/// a machine has them when it starts. Fewer if there are no more.
pub fn excerpt(path: &Path, place: &Place, length: Option<usize>) -> Result<Excerpt, ExcerptError> {
    let bytes = std::fs::read(path).map_err(|cause| ExcerptError::Read { path: path.to_owned(), cause })?;
    let nothing = |why: String| ExcerptError::Nothing { path: path.to_owned(), why };
    match ElfFile64::<Endianness>::parse(&*bytes) {
        Ok(file) if file.architecture() == Architecture::Aarch64 => of_elf(&file, place, length).map_err(nothing),
        _ => of_memory(path, place, length.unwrap_or(LENGTH))?.map_err(nothing),
    }
}

/// Instructions, if nobody says how many.
const LENGTH: usize = 32;
/// Bytes of RAM to load into.
const RAM: u64 = 1 << 30;

fn of_elf(file: &ElfFile64<'_>, place: &Place, length: Option<usize>) -> Result<Excerpt, String> {
    let (pc, size) = match place {
        Place::Entry => (file.entry(), None),
        Place::Address(at) => (*at, None),
        Place::Symbol(name) => {
            let symbol = file.symbol_by_name(name).ok_or_else(|| format!("no symbol `{name}`"))?;
            (symbol.address(), Some(symbol.size() as usize / 4).filter(|n| *n > 0))
        }
    };
    let length = length.or(size).unwrap_or(LENGTH);
    let data = file.segments().find_map(|segment| {
        let skip = pc.checked_sub(segment.address())?;
        segment.data().ok()?.get(usize::try_from(skip).ok()?..).filter(|data| data.len() >= 4)
    });
    let data = data.ok_or_else(|| format!("it has nothing at {pc:#x}"))?;
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four at a time"));
    Ok(Excerpt { pc, words: data.chunks_exact(4).take(length).map(word).collect() })
}

fn of_memory(path: &Path, place: &Place, length: usize) -> Result<Result<Excerpt, String>, LoadError> {
    let Ok(ram) = Ram::new(map::RAM.base, RAM) else { return Ok(Err("no memory to load it into".into())) };
    let request = LoadRequest { kernel: Source::File(path), initrd: None, dtb: &|_| Ok(vec![0; 8]) };
    let loaded = load(&request, &ram)?;
    let pc = match place {
        Place::Entry => loaded.entry.0,
        Place::Address(at) => *at,
        Place::Symbol(name) => return Ok(Err(format!("only ELF files have symbols, `{name}` is given"))),
    };
    let range = &loaded.kernel_range;
    if !(range.start.0..range.end.0).contains(&pc) {
        return Ok(Err(format!("it is loaded from {:#x} to {:#x}, {pc:#x} is outside", range.start.0, range.end.0)));
    }
    let places = (pc..range.end.0.saturating_sub(3)).step_by(4).take(length);
    let words = places.filter_map(|at| Some(ram.load(ram.host(PhysAddr(at))?, AccessSize::Word) as u32));
    Ok(Ok(Excerpt { pc, words: words.collect() }))
}

impl Excerpt {
    /// Guest instructions, micro-ops, and host code side by side, as for a kernel.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    pub fn listing(&self, model: &'static Model) -> Result<String, EngineError> {
        if !jit::is_supported() {
            return Err(EngineError::Unsupported("jit"));
        }
        Ok(jit::table(&jit::list(model, self.pc, &self.words, &jit::Options::default())?))
    }

    /// Guest instructions, micro-ops, and host code side by side, as for a kernel.
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    pub fn listing(&self, _: &'static Model) -> Result<String, EngineError> {
        Err(EngineError::Unsupported("jit"))
    }
}
