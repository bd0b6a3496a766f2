//! Programs for the host and for guests out of packages, without installing them: what tests need.

use crate::deb;
use crate::error::GuestError;
use crate::fetch::{GUEST_ARCH, publish};
use crate::progress::{Progress, say};
use crate::record::{Lock, PackageLock, sha256};
use crate::store::Store;
use std::fs;
use std::path::PathBuf;

/// Which machine a package is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    /// The one this program runs on.
    Host,
    /// The simulated one.
    Arm64,
}

impl Store {
    /// A package for the host, with all it depends on, unpacked; the directory that stands for `/`.
    ///
    /// `fetch_tool("qemu-user-static", ..)` has `usr/bin/qemu-aarch64-static` in it.
    pub fn fetch_tool(&self, package: &str, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, GuestError> {
        self.fetch_packages(Arch::Host, &[package], progress)
    }

    /// The same of another release than the host's. What it runs on is this host, so it should be linked statically.
    pub fn fetch_tool_of(
        &self,
        suite: &str,
        package: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, GuestError> {
        self.fetch_from(Some(suite), Arch::Host, &[package], progress)
    }

    /// These packages and all they depend on, unpacked together; the directory that stands for `/`.
    ///
    /// What was fetched once is returned as it is, without a network; remove the directory to fetch
    /// anew. No script of a package is run.
    pub fn fetch_packages(
        &self,
        arch: Arch,
        names: &[&str],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, GuestError> {
        self.fetch_from(None, arch, names, progress)
    }

    fn fetch_from(
        &self,
        suite: Option<&str>,
        arch: Arch,
        names: &[&str],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, GuestError> {
        if let Some(odd) = names.iter().find(|name| !is_package_name(name)) {
            let (arch, suite) = (format!("{arch:?}").to_lowercase(), "any release".to_string());
            return Err(GuestError::NoPackage { package: odd.to_string(), arch, suite });
        }
        let of = suite.map_or(String::new(), |suite| format!("-{suite}"));
        let place = self.root.join("packages").join(format!("{arch:?}").to_lowercase() + &of).join(key(names));
        let root = place.join("root");
        // The directory appears complete, so that it is there is all there is to know.
        if root.is_dir() {
            return Ok(root);
        }
        let _lock = self.right_to_fetch(&format!("package `{}`", names.join(" ")), progress)?;
        if root.is_dir() {
            return Ok(root); // another process fetched it while we waited
        }
        let apt = self.apt(if arch == Arch::Arm64 { GUEST_ARCH } else { "" }, suite, progress)?;
        let packages = apt.closure(names)?;
        let downloads = self.root.join("packages/downloads");
        let debs = apt.download(&packages, &downloads, progress)?;
        publish(&place, |new| {
            say(progress, format!("unpacking {} packages", debs.len()));
            deb::merged_root(&new.join("root"))?;
            debs.iter().try_for_each(|deb| deb::unpack(deb, &new.join("root")))?;
            let locks: Vec<PackageLock> = packages.iter().map(|p| p.lock.clone()).collect();
            let version = locks.iter().find(|l| l.name == names[0]).map_or("", |l| &l.version).to_string();
            Lock::new(apt.suite(), &version, "root".to_string(), String::new(), locks).write(&new.join("packages.json"))
        })?;
        let _ = fs::remove_dir_all(downloads); // their names and hashes stay in the record
        Ok(root)
    }
}

/// Debian Policy, "Source and binary package names". Keeps options and paths out of command lines.
fn is_package_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    name.len() >= 2 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(rest)
}

/// A directory name for a set of packages: their names, or a hash where those are too long.
fn key(names: &[&str]) -> String {
    match names.join(",") {
        short if short.len() <= 64 => short,
        long => sha256(long.as_bytes())[..16].to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asking for these names offline fails with a line that has `part`, and leaves no trace.
    #[track_caller]
    fn check(names: &[&str], part: &str) {
        let place = tempfile::tempdir().unwrap();
        let store = Store { root: place.path().join("cache"), offline: true };
        let said = store.fetch_packages(Arch::Host, names, &mut |_| {}).unwrap_err().to_string();
        assert!(said.contains(part) && !store.root.exists(), "{said}");
    }

    #[test]
    fn offline() {
        check(&["qemu-user-static"], "package `qemu-user-static` cannot be fetched because ARMAGIC_OFFLINE is set");
    }

    #[test]
    fn not_an_option() {
        check(&["libc6", "--yes"], "no package `--yes`");
    }

    #[test]
    fn not_a_path() {
        check(&["../../etc"], "no package `../../etc`");
    }

    #[test]
    fn what_is_there_needs_no_network() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("packages/arm64/bash,libc6/root");
        fs::create_dir_all(&root).unwrap();
        let store = Store { root: place.path().to_path_buf(), offline: true };
        assert_eq!(store.fetch_packages(Arch::Arm64, &["bash", "libc6"], &mut |_| {}).unwrap(), root);
    }

    #[test]
    fn releases_are_kept_apart() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("packages/host-sid/tiny/root");
        fs::create_dir_all(&root).unwrap();
        let store = Store { root: place.path().to_path_buf(), offline: true };
        assert_eq!(store.fetch_tool_of("sid", "tiny", &mut |_| {}).unwrap(), root);
        store.fetch_tool_of("trixie", "tiny", &mut |_| {}).unwrap_err();
        store.fetch_tool("tiny", &mut |_| {}).unwrap_err();
    }

    #[test]
    fn a_long_list_has_a_short_name() {
        assert_eq!(key(&["a1", "b1"]), "a1,b1");
        assert_eq!(key(&["a-rather-long-package-name"; 9]).len(), 16);
    }
}
