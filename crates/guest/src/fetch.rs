//! From a guest's name to its files in the store.

use crate::apt::{AptRoot, Host, Package, Wanted, file_name};
use crate::catalog::Known;
use crate::deb;
use crate::error::{GuestError, io};
use crate::initramfs::recipe;
use crate::progress::{Progress, Report, say};
use crate::record::{Lock, PackageLock};
use crate::store::{BUSYBOX, Guest, INITRD, KERNEL, Store, find, image};
use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Debian's name for the architecture we simulate.
pub(crate) const GUEST_ARCH: &str = "arm64";

impl Store {
    /// Fetches guest `name`, or brings it up to date, and reports what it does as it goes.
    pub fn fetch(&self, name: &str, progress: &mut dyn FnMut(Progress)) -> Result<Guest, GuestError> {
        let known = find(name)?;
        let _lock = self.right_to_fetch(&format!("guest `{name}`"), progress)?;
        let apt = self.apt(GUEST_ARCH, known.suite, progress)?;
        let packages = vec![kernel_package(&apt, known.kernel)?, apt.package(known.userland)?];
        let locks: Vec<PackageLock> = packages.iter().map(|p| p.lock.clone()).collect();
        if self.complete(known).ok().flatten().is_none_or(|have| have.packages != locks) {
            let debs = apt.download(&packages, &self.debs(), progress)?;
            self.install(known, apt.suite(), locks, &debs, progress)?;
        }
        self.get(name)
    }

    /// The lock to fetch under; refuses where fetching is forbidden.
    pub(crate) fn right_to_fetch(&self, what: &str, report: Report) -> Result<fs::File, GuestError> {
        match self.offline {
            true => Err(GuestError::Offline { what: what.to_string() }),
            false => self.lock(report),
        }
    }

    /// The private root for `suite` and `arch` (empty: the host's), its index up to date.
    pub(crate) fn apt(&self, arch: &str, suite: Option<&str>, report: Report) -> Result<AptRoot, GuestError> {
        let host = Host::read()?;
        let arch = if arch.is_empty() { &host.arch } else { arch };
        let name = format!("{}-{arch}", suite.or(host.codename.as_deref()).unwrap_or("host"));
        let extra = self.root.join("sources");
        let mut apt =
            AptRoot::prepare(&self.root.join("apt").join(name), &host, Wanted { suite, arch, extra: &extra })?;
        apt.update(report)?;
        Ok(apt)
    }

    /// Where packages of guests stay, since more of them (modules) may be wanted later.
    pub(crate) fn debs(&self) -> PathBuf {
        self.root.join("debs")
    }

    /// Unpacks, packs and publishes: a directory that is complete before it has its name, then the record.
    fn install(
        &self,
        known: &Known,
        suite: &str,
        packages: Vec<PackageLock>,
        debs: &[PathBuf],
        report: Report,
    ) -> Result<(), GuestError> {
        say(report, format!("unpacking {}", packages[0].name));
        let kernel = wanted_file(&debs[0], is_kernel, "kernel (boot/vmlinuz-*)")?;
        let kernel = plain_image(kernel).ok_or_else(|| missing(&debs[0], "plain or gzip'd arm64 Image"))?;
        let busybox = wanted_file(&debs[1], is_busybox, "statically linked busybox")?;

        let version = packages[0].version.clone();
        let dir = format!("guests/{}/{}", known.name, version.replace(['/', ':'], "_"));
        publish(&self.root.join(&dir), |new| {
            put(&new.join(KERNEL), &kernel)?;
            put(&new.join(BUSYBOX), &busybox)?;
            put(&new.join(INITRD), &image(&busybox))
        })?;
        Lock::new(suite, &version, dir, recipe(), packages).write(&self.record(known.name))?;
        self.sweep(known);
        Ok(())
    }

    /// Removes what no record names any more. A failure costs disk space, nothing else, so none is said.
    fn sweep(&self, known: &Known) {
        let locks: Vec<Lock> = self.list().iter().filter_map(|e| Lock::read(&self.record(e.name)).ok()?).collect();
        let named: Vec<String> = locks.iter().flat_map(|l| &l.packages).map(file_name).collect();
        for deb in entries(&self.debs()) {
            if !named.iter().any(|n| deb.ends_with(n)) {
                let _ = fs::remove_file(deb);
            }
        }
        for dir in entries(&self.root.join("guests").join(known.name)) {
            if !locks.iter().any(|l| dir == self.root.join(&l.dir)) {
                let _ = fs::remove_dir_all(dir);
            }
        }
    }
}

/// The package that holds the kernel: meta packages name the image, and newer releases' images name the
/// package with the binary.
fn kernel_package(apt: &AptRoot, name: &str) -> Result<Package, GuestError> {
    let mut package = apt.package(name)?;
    for prefix in ["linux-image-", "linux-binary-"] {
        let numbered =
            |n: &&String| n.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(next) = package.depends.iter().find(numbered) {
            package = apt.package(next)?;
        }
    }
    Ok(package)
}

/// Debian 12 and 13: `boot/vmlinuz-6.1.0-1-arm64`; unstable: `usr/lib/modules/7.2.1/vmlinuz`.
fn is_kernel(path: &str) -> bool {
    path.starts_with("boot/vmlinuz-") || (path.contains("lib/modules/") && path.ends_with("/vmlinuz"))
}

fn is_busybox(path: &str) -> bool {
    path == "bin/busybox" || path == "usr/bin/busybox"
}

fn wanted_file(deb: &Path, wanted: fn(&str) -> bool, what: &str) -> Result<Vec<u8>, GuestError> {
    deb::file(deb, wanted)?.map(|(_, bytes)| bytes).ok_or_else(|| missing(deb, what))
}

pub(crate) fn missing(deb: &Path, wanted: &str) -> GuestError {
    GuestError::Missing { path: deb.to_path_buf(), wanted: wanted.to_string() }
}

/// The kernel as a plain `Image`: magic `ARM\x64` at 56 (`Documentation/arch/arm64/booting.rst`).
fn plain_image(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let is_image = |b: &[u8]| b.get(56..60) == Some(b"ARM\x64");
    if is_image(&bytes) {
        return Some(bytes);
    }
    let mut plain = vec![];
    MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).ok()?;
    is_image(&plain).then_some(plain)
}

/// Makes directory `dir` appear complete: filled under another name, then renamed.
pub(crate) fn publish(dir: &Path, fill: impl FnOnce(&Path) -> Result<(), GuestError>) -> Result<(), GuestError> {
    let new = dir.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_dir_all(&new); // of a process that had our number and died
    fs::create_dir_all(&new).map_err(io("create", &new))?;
    let filled = fill(&new);
    if filled.is_err() {
        let _ = fs::remove_dir_all(&new);
        return filled;
    }
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(io("replace", dir))?;
    }
    fs::rename(&new, dir).map_err(io("create", dir))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), GuestError> {
    fs::write(path, bytes).map_err(io("write", path))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map_or(vec![], |entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[track_caller]
    fn check_names(is: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        yes.iter().for_each(|n| assert!(is(n), "{n}"));
        no.iter().for_each(|n| assert!(!is(n), "{n}"));
    }

    #[test]
    fn where_kernels_are() {
        let yes = ["boot/vmlinuz-6.1.0-1-arm64", "usr/lib/modules/7.2/vmlinuz", "lib/modules/7.2/vmlinuz"];
        check_names(is_kernel, &yes, &["boot/System.map-6.1", "boot/config-6.1", "usr/share/vmlinuz"]);
    }

    #[test]
    fn where_busybox_is() {
        check_names(is_busybox, &["bin/busybox", "usr/bin/busybox"], &["usr/share/doc/busybox", "usr/sbin/busybox"]);
    }

    #[test]
    fn a_kernel_becomes_plain() {
        let mut image = vec![0; 64];
        image[56..60].copy_from_slice(b"ARMd");
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        gzip.write_all(&image).unwrap();
        assert_eq!(plain_image(gzip.finish().unwrap()), Some(image.clone()));
        assert_eq!(plain_image(image.clone()), Some(image));
        assert_eq!(plain_image(b"MZ, but not for arm64".repeat(9)), None);
        assert_eq!(plain_image(vec![]), None);
    }

    #[test]
    fn a_directory_appears_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("1.0~rc1-2");
        for text in ["first", "second"] {
            publish(&dir, |new| put(&new.join("file"), text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), text);
        }
        publish(&dir, |_| Err(GuestError::NoHome)).unwrap_err();
        assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "second");
        assert_eq!(entries(place.path()), [dir]);
    }
}
