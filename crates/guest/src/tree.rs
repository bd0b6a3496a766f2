//! Files out of an unpacked package, for an image.

use crate::error::{GuestError, io};
use crate::initramfs::ImageFile;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The files `paths` below `root`, and for a directory everything in it, each at its own path. Links are
/// followed: what the image gets are files.
pub fn image_files(root: &Path, paths: &[&str]) -> Result<Vec<ImageFile>, GuestError> {
    let mut files = vec![];
    paths.iter().try_for_each(|path| add(root, path.trim_matches('/'), &mut files))?;
    Ok(files)
}

fn add(root: &Path, path: &str, files: &mut Vec<ImageFile>) -> Result<(), GuestError> {
    let here = root.join(path);
    let about = fs::metadata(&here).map_err(io("read", &here))?;
    if !about.is_dir() {
        let bytes = fs::read(&here).map_err(io("read", &here))?;
        files.push(ImageFile { path: format!("/{path}"), mode: about.permissions().mode() & 0o777, bytes });
        return Ok(());
    }
    let mut names = vec![];
    for entry in fs::read_dir(&here).map_err(io("read", &here))? {
        let entry = entry.map_err(io("read", &here))?;
        // A link that leads nowhere leads into a package that is not here.
        if entry.path().exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort(); // the same tree gives the same image
    names.iter().try_for_each(|name| add(root, &format!("{path}/{name}"), files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_links_and_directories() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/real"), "x").unwrap();
        fs::write(root.path().join("a/other"), "y").unwrap();
        std::os::unix::fs::symlink("b/real", root.path().join("a/link")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", root.path().join("a/dangling")).unwrap();
        let files = image_files(root.path(), &["a", "/a/link"]).unwrap();
        let seen: Vec<_> = files.iter().map(|f| (&f.path[..], &f.bytes[..])).collect();
        let x = &b"x"[..];
        assert_eq!(seen, [("/a/b/real", x), ("/a/link", x), ("/a/other", b"y"), ("/a/link", x)]);
        let said = image_files(root.path(), &["a/absent"]).unwrap_err().to_string();
        assert!(said.contains("cannot read") && said.contains("a/absent"), "{said}");
    }
}
