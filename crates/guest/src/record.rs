//! What the store writes beside what it fetched: names, versions and hashes, so that a result can say
//! what it was measured with.

use crate::error::{GuestError, io};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The record's own version; a store written by a later one is refused, not misread.
const FORMAT: u32 = 1;

/// One package, as the signed index described it and as its bytes were found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackageLock {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) arch: String,
    /// Bytes of the .deb.
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// One guest or one set of unpacked packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    format: u32,
    /// The release it came from.
    pub(crate) suite: String,
    /// The kernel's version; for a set of packages, of the one that was asked for first.
    pub(crate) version: String,
    /// The directory with the files, relative to the store.
    pub(crate) dir: String,
    /// What the initramfs was packed by; empty for a set of packages.
    pub(crate) recipe: String,
    pub(crate) packages: Vec<PackageLock>,
}

impl Lock {
    pub(crate) fn new(suite: &str, version: &str, dir: String, recipe: String, packages: Vec<PackageLock>) -> Lock {
        Lock { format: FORMAT, suite: suite.to_string(), version: version.to_string(), dir, recipe, packages }
    }

    /// The record at `path`; `None` where there is no such file.
    pub(crate) fn read(path: &Path) -> Result<Option<Lock>, GuestError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io("read", path)(e)),
        };
        let broken = |why: String| GuestError::Record { path: path.to_path_buf(), why };
        let lock: Lock = serde_json::from_slice(&text).map_err(|e| broken(e.to_string()))?;
        match lock.format {
            FORMAT => Ok(Some(lock)),
            other => Err(broken(format!("its format is {other}, ours is {FORMAT}"))),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), GuestError> {
        let mut text = serde_json::to_vec_pretty(self).expect("strings and numbers are always JSON");
        text.push(b'\n');
        replace(path, &text)
    }
}

/// Gives `path` these bytes at one instant: a reader sees the old file or the new one, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), GuestError> {
    let mut name = path.file_name().expect("we name files ourselves").to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    fs::write(&temporary, bytes).map_err(io("write", &temporary))?;
    fs::rename(&temporary, path).map_err(io("replace", path))
}

/// In hexadecimal, as package indices write it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
