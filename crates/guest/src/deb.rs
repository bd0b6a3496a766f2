//! Reads Debian's binary packages: an `ar` archive whose `data.tar` member, packed in one of several
//! ways, holds the files (`deb(5)`). Nothing of a package is ever run.

use crate::error::{GuestError, io};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

/// A member header of `ar(5)`: name 16, time 12, owner 6, group 6, mode 8, size 10, then "`\n".
const MEMBER_HEADER: usize = 60;

/// Debian has had one `/usr` since release 12, but packages still name `/bin` and `/lib`.
const MERGED: &[&str] = &["bin", "lib", "lib64", "sbin"];

/// Unpacks every file of `deb` below `root`. Owners, devices and set-user-id bits are left out; a name
/// that would leave `root` is an error.
pub(crate) fn unpack(deb: &Path, root: &Path) -> Result<(), GuestError> {
    let broken = |why: String| GuestError::Archive { path: deb.to_path_buf(), why };
    let mut archive = tar::Archive::new(data(deb)?);
    archive.set_preserve_mtime(false);
    for entry in archive.entries().map_err(|e| broken(e.to_string()))? {
        let mut entry = entry.map_err(|e| broken(e.to_string()))?;
        let name = entry.path().map(|p| p.into_owned()).map_err(|e| broken(e.to_string()))?;
        if entry.header().entry_type().is_dir() && is_merged(&name, root) {
            continue; // tar would not take a link for a directory
        }
        match entry.unpack_in(root) {
            Ok(true) => {}
            Ok(false) => return Err(broken(format!("it would write outside its directory, to {}", name.display()))),
            Err(e) => return Err(broken(format!("{}: {}", name.display(), innermost(&e)))),
        }
    }
    Ok(())
}

/// Makes `root` with `/bin`, `/lib`, `/lib64` and `/sbin` leading into `/usr`.
pub(crate) fn merged_root(root: &Path) -> Result<(), GuestError> {
    for name in MERGED {
        let below = root.join("usr").join(name);
        fs::create_dir_all(&below).map_err(io("create", &below))?;
        let link = root.join(name);
        std::os::unix::fs::symlink(format!("usr/{name}"), &link).map_err(io("create", &link))?;
    }
    Ok(())
}

/// Is `name` one of the links that `merged_root` made?
fn is_merged(name: &Path, root: &Path) -> bool {
    let plain: PathBuf = name.components().filter(|c| *c != Component::CurDir).collect();
    MERGED.iter().any(|m| plain == Path::new(m)) && root.join(plain).is_symlink()
}

/// The bytes of the first regular file of `deb` whose path, without a leading `./`, `wanted` accepts.
pub(crate) fn file(deb: &Path, wanted: impl Fn(&str) -> bool) -> Result<Option<(PathBuf, Vec<u8>)>, GuestError> {
    let broken = |e: io::Error| GuestError::Archive { path: deb.to_path_buf(), why: innermost(&e) };
    let mut archive = tar::Archive::new(data(deb)?);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = regular(&entry).map_err(broken)?;
        if let Some(path) = path.filter(|path| path.to_str().is_some_and(&wanted)) {
            let mut bytes = vec![];
            entry.read_to_end(&mut bytes).map_err(broken)?;
            return Ok(Some((path, bytes)));
        }
    }
    Ok(None)
}

/// Shows `look` every regular file of `deb`: its path, without a leading `./`, and its bytes to be read.
pub(crate) fn each(deb: &Path, mut look: impl FnMut(&str, &mut dyn Read) -> io::Result<()>) -> Result<(), GuestError> {
    let broken = |e: io::Error| GuestError::Archive { path: deb.to_path_buf(), why: innermost(&e) };
    let mut archive = tar::Archive::new(data(deb)?);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = regular(&entry).map_err(broken)?;
        if let Some(path) = path.as_deref().and_then(Path::to_str) {
            look(path, &mut entry).map_err(broken)?;
        }
    }
    Ok(())
}

/// The path of a regular file, without a leading `./`.
fn regular(entry: &tar::Entry<impl Read>) -> io::Result<Option<PathBuf>> {
    let path = entry.path()?.components().filter(|c| *c != Component::CurDir).collect();
    Ok(entry.header().entry_type().is_file().then_some(path))
}

/// The unpacked `data.tar` of a package.
fn data(deb: &Path) -> Result<Box<dyn Read>, GuestError> {
    let broken = |why: &str| GuestError::Archive { path: deb.to_path_buf(), why: why.to_string() };
    let mut file = BufReader::new(File::open(deb).map_err(io("open", deb))?);
    let mut magic = [0; 8];
    if file.read_exact(&mut magic).is_err() || &magic != b"!<arch>\n" {
        return Err(broken("it is not an ar archive"));
    }
    loop {
        let (name, size) = member(&mut file).ok_or_else(|| broken("it ends before its data.tar"))?;
        match name.strip_prefix("data.tar") {
            Some(packing) => return unpacked(packing, file.take(size)).map_err(|e| broken(&innermost(&e))),
            // Members start at even offsets.
            None => io::copy(&mut (&mut file).take(size.next_multiple_of(2)), &mut io::sink())
                .map_err(|_| broken("it is cut short"))?,
        };
    }
}

/// Name and size of the member whose header is next.
fn member(file: &mut impl Read) -> Option<(String, u64)> {
    let mut header = [0; MEMBER_HEADER];
    file.read_exact(&mut header).ok()?;
    let text = std::str::from_utf8(&header).ok()?.strip_suffix("`\n")?;
    let name = text.get(..16)?.trim_end().trim_end_matches('/');
    Some((name.to_string(), text.get(48..58)?.trim_end().parse().ok()?))
}

fn unpacked(packing: &str, data: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    Ok(match packing {
        "" => Box::new(data),
        ".gz" => Box::new(flate2::read::MultiGzDecoder::new(data)),
        ".xz" => Box::new(lzma_rust2::XzReader::new(data, true)),
        ".zst" => Box::new(ruzstd::decoding::StreamingDecoder::new(data).map_err(io::Error::other)?),
        other => return Err(io::Error::other(format!("its data is packed as `{other}`, which we do not read"))),
    })
}

/// The reason at the bottom: the tar crate wraps it in sentences about our temporary paths.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests;
