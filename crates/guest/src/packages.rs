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
        let place = self.root.join("packages").join(format!("{arch:?}").to_lowercase()).join(key(names));
        let root = place.join("root");
        // The directory appears complete, so that it is there is all there is to know.
        if root.is_dir() {
            return Ok(root);
        }
        let _lock = self.right_to_fetch(&format!("package `{}`", names.join(" ")), progress)?;
        if root.is_dir() {
            return Ok(root); // another process fetched it while we waited
        }
        let apt = self.apt(if arch == Arch::Arm64 { GUEST_ARCH } else { "" }, None, progress)?;
        let packages = apt.closure(names)?;
        publish(&place, |new| {
            let debs = apt.download(&packages, &new.join("debs"), progress)?;
            say(progress, format!("unpacking {} packages", debs.len()));
            deb::merged_root(&new.join("root"))?;
            debs.iter().try_for_each(|deb| deb::unpack(deb, &new.join("root")))?;
            let _ = fs::remove_dir_all(new.join("debs")); // their names and hashes stay in the record
            let locks: Vec<PackageLock> = packages.iter().map(|p| p.lock.clone()).collect();
            let version = locks.iter().find(|l| l.name == names[0]).map_or("", |l| &l.version).to_string();
            Lock::new(apt.suite(), &version, "root".to_string(), String::new(), locks).write(&new.join("packages.json"))
        })?;
        Ok(root)
    }
}

/// A directory name for a set of packages: their names, or a hash where those are too long.
fn key(names: &[&str]) -> String {
    match names.join(",") {
        short if short.len() <= 64 => short,
        long => sha256(long.as_bytes())[..16].to_string(),
    }
}
