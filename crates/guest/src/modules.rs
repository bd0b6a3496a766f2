//! A guest's kernel modules, out of the package its kernel came in.
//!
//! That package stays in the store. It names no order to load modules in (`modules.dep` is made where a
//! package is installed), but each module says what it needs, in its `.modinfo`.

use crate::deb;
use crate::error::{GuestError, io};
use crate::fetch::missing;
use crate::initramfs::ImageFile;
use crate::store::{Store, find};
use std::fs;
use std::io::Read;
use std::path::Path;

impl Store {
    /// The modules `names` of fetched guest `guest` and all they need, in an order to load them in, as
    /// `/modules/NAME.ko`. They are kept beside the kernel, so that a second call is quick.
    pub fn modules(&self, guest: &str, names: &[&str]) -> Result<Vec<ImageFile>, GuestError> {
        let known = find(guest)?;
        let absent = || GuestError::NotFetched { name: guest.to_string(), store: self.root.clone() };
        let lock = self.complete(known)?.ok_or_else(absent)?;
        let deb = self.debs().join(crate::apt::file_name(lock.packages.first().ok_or_else(absent)?));
        let place = self.root.join(&lock.dir).join("modules");
        fs::create_dir_all(&place).map_err(io("create", &place))?;
        loop {
            let mut order: Vec<ImageFile> = vec![];
            let mut absent = vec![];
            names.iter().try_for_each(|name| visit(&plain(name), &place, &mut order, &mut absent))?;
            if absent.is_empty() {
                return Ok(order);
            }
            unpack(&deb, &absent, &place)?;
        }
    }
}

/// Puts module `name`, after what it needs, at the end of `order`; or, if it is not in `place`, of `absent`.
fn visit(name: &str, place: &Path, order: &mut Vec<ImageFile>, absent: &mut Vec<String>) -> Result<(), GuestError> {
    let path = format!("/modules/{name}.ko");
    let file = place.join(format!("{name}.ko"));
    if order.iter().any(|f| f.path == path) {
        return Ok(());
    }
    if !file.exists() {
        absent.push(name.to_string());
        return Ok(());
    }
    let bytes = fs::read(&file).map_err(io("read", &file))?;
    // The kernel's own build refuses needs that go in a circle.
    needs(&bytes).iter().try_for_each(|need| visit(need, place, order, absent))?;
    order.push(ImageFile { path, mode: 0o644, bytes });
    Ok(())
}

/// Unpacks modules `names` of `deb` into `place`.
fn unpack(deb: &Path, names: &[String], place: &Path) -> Result<(), GuestError> {
    let mut left = names.to_vec();
    deb::each(deb, |path, data| {
        let Some(name) = module_name(path).filter(|name| left.contains(name)) else { return Ok(()) };
        let mut bytes = vec![];
        match path.ends_with(".xz") {
            true => lzma_rust2::XzReader::new(data, true).read_to_end(&mut bytes)?,
            false => data.read_to_end(&mut bytes)?,
        };
        left.retain(|l| *l != name);
        fs::write(place.join(format!("{name}.ko")), bytes)
    })?;
    match left.first() {
        None => Ok(()),
        Some(name) => Err(missing(deb, &format!("module `{name}`"))),
    }
}

/// Which module the file at `path` is.
fn module_name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    Some(plain(file.strip_suffix(".ko").or_else(|| file.strip_suffix(".ko.xz"))?))
}

/// Dashes and underscores are the same in a module's name; its file may have either.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// What the module `bytes` says it needs: `.modinfo` is made of strings, one of them `depends=a,b`.
fn needs(bytes: &[u8]) -> Vec<String> {
    let key = b"\0depends=";
    let Some(start) = bytes.windows(key.len()).position(|w| w == key) else { return vec![] };
    let value = bytes[start + key.len()..].split(|&b| b == 0).next().unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    value.split(',').filter(|n| !n.is_empty()).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_needs(bytes: &[u8], expected: &[&str]) {
        assert_eq!(needs(bytes), expected);
    }

    #[test]
    fn no_needs() {
        check_needs(b"\x7fELF\0license=GPL\0depends=\0name=x\0", &[])
    }
    #[test]
    fn two_needs() {
        check_needs(b"\0license=GPL\0depends=aes-ce-cipher,cryptd\0name=x\0", &["aes_ce_cipher", "cryptd"])
    }
    #[test]
    fn needs_cut_short() {
        check_needs(b"\0depends=xor", &["xor"])
    }
    #[test]
    fn not_a_module() {
        check_needs(b"", &[])
    }

    #[test]
    fn names_of_files() {
        let name = |path| module_name(path);
        assert_eq!(name("lib/modules/6/kernel/crypto/aes-ti.ko").as_deref(), Some("aes_ti"));
        assert_eq!(name("usr/lib/modules/6/xor.ko.xz").as_deref(), Some("xor"));
        assert_eq!(name("lib/modules/6/modules.order"), None);
    }

    #[test]
    fn what_is_needed_comes_first_and_once() {
        let place = tempfile::tempdir().unwrap();
        for (name, depends) in [("a", "b,c"), ("b", "c"), ("c", "")] {
            fs::write(place.path().join(format!("{name}.ko")), format!("\0depends={depends}\0")).unwrap();
        }
        let (mut order, mut absent) = (vec![], vec![]);
        for name in ["a", "b", "d"] {
            visit(name, place.path(), &mut order, &mut absent).unwrap();
        }
        let paths: Vec<_> = order.iter().map(|f| &f.path[..]).collect();
        assert_eq!((paths, absent), (vec!["/modules/c.ko", "/modules/b.ko", "/modules/a.ko"], vec!["d".to_string()]));
    }
}
