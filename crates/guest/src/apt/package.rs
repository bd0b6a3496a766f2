//! One package: its entry in the index, and whether a file is what the entry promises.

use crate::error::{GuestError, io};
use crate::record::{PackageLock, sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// One package of the index.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) lock: PackageLock,
    /// Names it depends on; of alternatives, every one.
    pub(crate) depends: Vec<String>,
}

/// One entry of `apt-cache show`.
pub(super) fn parse(stanza: &str) -> Option<Package> {
    let field = |name: &str| stanza.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).map(str::trim);
    let names = |list: &str| -> Vec<String> {
        list.split([',', '|']).filter_map(|d| d.split_whitespace().next()).map(str::to_string).collect()
    };
    let mut depends = names(field("Pre-Depends").unwrap_or(""));
    depends.extend(names(field("Depends").unwrap_or("")));
    let lock = PackageLock {
        name: field("Package")?.to_string(),
        version: field("Version")?.to_string(),
        arch: field("Architecture")?.to_string(),
        size: field("Size")?.parse().ok()?,
        sha256: field("SHA256")?.to_string(),
    };
    Some(Package { lock, depends })
}

/// The `name=version`s that `apt-get --simulate install` would install, from lines like
/// `Inst libc6 (2.36-9 Debian:12/stable [arm64])`.
pub(super) fn planned(simulation: &str) -> Vec<String> {
    let exact = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        Some(format!("{name}={}", rest.split_once('(')?.1.split_whitespace().next()?))
    };
    simulation.lines().filter_map(exact).collect()
}

/// The name under which `apt-get download` stores a package.
pub(crate) fn file_name(package: &PackageLock) -> String {
    format!("{}_{}_{}.deb", package.name, package.version.replace(':', "%3a"), package.arch)
}

/// A step's name for these packages.
pub(super) fn title(packages: &[(&Package, &PathBuf)]) -> String {
    match packages {
        [(one, _)] => format!("{} {}", one.lock.name, one.lock.version),
        [(first, _), ..] => format!("{} {} and {} more", first.lock.name, first.lock.version, packages.len() - 1),
        [] => String::new(),
    }
}

/// Is the file at `path` the one the index describes?
pub(super) fn verify(path: &Path, package: &PackageLock) -> Result<(), GuestError> {
    let bytes = fs::read(path).map_err(io("read", path))?;
    let found = sha256(&bytes);
    if bytes.len() as u64 == package.size && found == package.sha256 {
        return Ok(());
    }
    let why = format!("{} bytes with SHA-256 {found}, not {} with {}", bytes.len(), package.size, package.sha256);
    Err(GuestError::Mismatch { path: path.to_path_buf(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::tests::INDEX;

    #[test]
    fn an_index_entry() {
        let package = parse(INDEX).unwrap();
        assert_eq!((package.lock.name.as_str(), package.lock.size), ("tiny", 4));
        assert_eq!(package.depends, ["pre", "libc6", "a", "b"]);
        assert_eq!(file_name(&package.lock), "tiny_1%3a2.0-3_arm64.deb");
    }

    #[test]
    fn an_entry_without_a_hash_is_none() {
        assert!(parse(&INDEX.replace("SHA256", "MD5sum")).is_none());
    }

    #[test]
    fn a_plan() {
        let said = "Inst libc6 (2.36-9 Debian:12/stable [arm64])\nInst x [1.0] (1:2-3 D [all]) []\nConf libc6 (2.36-9)\nInst\n";
        assert_eq!(planned(said), ["libc6=2.36-9", "x=1:2-3"]);
    }

    #[test]
    fn a_file_is_compared_with_its_entry() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("tiny.deb");
        let lock = parse(INDEX).unwrap().lock;
        fs::write(&path, "test").unwrap();
        verify(&path, &lock).unwrap();
        fs::write(&path, "tess").unwrap();
        let said = verify(&path, &lock).unwrap_err().to_string();
        assert!(said.contains("tiny.deb") && said.contains("signed index"), "{said}");
    }
}
