//! Where guests are kept, and what is there.
//!
//! `ROOT/guests/NAME.json` says what guest NAME is and in which directory its files are; it is replaced
//! at one instant, after the files are complete, so a reader needs no lock. Whoever fetches holds
//! `ROOT/lock`.

use crate::catalog::{Known, known};
use crate::error::{GuestError, io};
use crate::initramfs::{InitSpec, Packing, initramfs, recipe};
use crate::progress::{Report, say};
use crate::record::{Lock, replace};
use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Names of a guest's files in its directory.
pub(crate) const KERNEL: &str = "Image";
pub(crate) const INITRD: &str = "initrd.cpio";
pub(crate) const BUSYBOX: &str = "busybox";

/// A directory of fetched guests and packages. Everything in it can be fetched again.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) root: PathBuf,
    pub(crate) offline: bool,
}

/// A guest that is ready to boot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guest {
    /// Its name in the table.
    pub name: String,
    /// A plain arm64 `Image`.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
    /// The userland inside `initrd`, for packing another with [`initramfs`](crate::initramfs).
    pub busybox: PathBuf,
    /// The kernel command line.
    pub append: String,
    /// The kernel package's version.
    pub version: String,
}

/// A known guest, and whether it is here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What the user types.
    pub name: &'static str,
    /// One line about it.
    pub description: &'static str,
    /// The packages it is made of, before meta packages are followed.
    pub packages: Vec<&'static str>,
    /// What is in the store, if it has been fetched.
    pub fetched: Option<Fetched>,
}

/// What the store has of a guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// The kernel package's version.
    pub version: String,
    /// The release it came from.
    pub suite: String,
    /// Bytes of the kernel and the initramfs together.
    pub bytes: u64,
}

impl Store {
    /// `$ARMAGIC_CACHE`, or `armagic` in `$XDG_CACHE_HOME`, or `~/.cache/armagic`.
    pub fn default_location() -> Result<Store, GuestError> {
        let variable = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        variable("ARMAGIC_CACHE")
            .or_else(|| variable("XDG_CACHE_HOME").map(|d| d.join("armagic")))
            .or_else(|| variable("HOME").map(|d| d.join(".cache/armagic")))
            .map(Store::at)
            .ok_or(GuestError::NoHome)
    }

    /// The store at `path`, which need not exist yet. With `ARMAGIC_OFFLINE` set it fetches nothing.
    pub fn at(path: impl AsRef<Path>) -> Store {
        let root = std::path::absolute(&path).unwrap_or_else(|_| path.as_ref().to_path_buf());
        let offline = env::var_os("ARMAGIC_OFFLINE").is_some_and(|v| !v.is_empty() && v != "0");
        Store { root, offline }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every known guest. A record that cannot be read counts as not fetched; `get` says what is wrong.
    pub fn list(&self) -> Vec<Entry> {
        known().iter().map(|known| self.entry(known)).collect()
    }

    /// A guest that has been fetched before. Needs no network, no apt and no lock.
    pub fn get(&self, name: &str) -> Result<Guest, GuestError> {
        let known = find(name)?;
        let lock = self
            .complete(known)?
            .ok_or_else(|| GuestError::NotFetched { name: name.to_string(), store: self.root.clone() })?;
        let dir = self.root.join(&lock.dir);
        if lock.recipe != recipe() {
            self.repack(known, lock.clone())?;
        }
        Ok(Guest {
            name: name.to_string(),
            kernel: dir.join(KERNEL),
            initrd: dir.join(INITRD),
            busybox: dir.join(BUSYBOX),
            append: known.append.to_string(),
            version: lock.version,
        })
    }

    /// The record of a guest, if there is one and its files are all there.
    pub(crate) fn complete(&self, known: &Known) -> Result<Option<Lock>, GuestError> {
        let lock = Lock::read(&self.record(known.name))?;
        Ok(lock.filter(|lock| [KERNEL, INITRD, BUSYBOX].iter().all(|f| self.root.join(&lock.dir).join(f).is_file())))
    }

    pub(crate) fn record(&self, name: &str) -> PathBuf {
        self.root.join("guests").join(format!("{name}.json"))
    }

    /// The exclusive right to change the store, until the file is dropped.
    pub(crate) fn lock(&self, report: Report) -> Result<File, GuestError> {
        let path = self.root.join("lock");
        fs::create_dir_all(&self.root).map_err(io("create", &self.root))?;
        let file = File::create(&path).map_err(io("create", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => say(report, "waiting for another armagic that is fetching"),
            Err(TryLockError::Error(e)) => return Err(io("lock", &path)(e)),
        }
        file.lock().map_err(io("lock", &path))?;
        Ok(file)
    }

    /// A new armagic packs its own init around the busybox that is here.
    fn repack(&self, known: &Known, mut lock: Lock) -> Result<(), GuestError> {
        let dir = self.root.join(&lock.dir);
        let busybox = dir.join(BUSYBOX);
        let bytes = fs::read(&busybox).map_err(io("read", &busybox))?;
        replace(&dir.join(INITRD), &image(&bytes))?;
        lock.recipe = recipe();
        lock.write(&self.record(known.name))
    }

    fn entry(&self, known: &'static Known) -> Entry {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |m| m.len());
        let fetched = self.complete(known).ok().flatten().map(|lock| Fetched {
            bytes: [KERNEL, INITRD].iter().map(|f| size(self.root.join(&lock.dir).join(f))).sum(),
            version: lock.version,
            suite: lock.suite,
        });
        Entry {
            name: known.name,
            description: known.description,
            packages: vec![known.kernel, known.userland],
            fetched,
        }
    }
}

/// The stored initramfs. Not gzip'd: inflating these 2 MB takes a guest 30 million instructions.
pub(crate) fn image(busybox: &[u8]) -> Vec<u8> {
    initramfs(busybox, &InitSpec { packing: Packing::Plain, ..InitSpec::default() })
}

/// The table's row for `name`.
pub(crate) fn find(name: &str) -> Result<&'static Known, GuestError> {
    known().iter().find(|k| k.name == name).ok_or_else(|| GuestError::Unknown {
        name: name.to_string(),
        known: known().iter().map(|k| k.name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests;
