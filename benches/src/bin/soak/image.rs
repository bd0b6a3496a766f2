//! The guest's image: busybox, `stress-ng`, and the libraries it is linked with.

use anyhow::{Context, Result};
use guest::{Arch, Guest, ImageFile, InitSpec, Packing, Store};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::FileHeader;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PROGRAM: &str = "usr/bin/stress-ng";
const LIBRARIES: &[&str] = &["usr/lib/aarch64-linux-gnu", "usr/lib"];

/// An image with `script` at `/soak`.
pub fn image(store: &Store, guest: &Guest, script: &str) -> Result<Vec<u8>> {
    let mut say = |p: guest::Progress| eprintln!("soak: {}", p.what);
    let root = store.fetch_packages(Arch::Arm64, &["stress-ng"], &mut say)?;
    let mut paths = BTreeSet::from([PROGRAM.to_string()]);
    let mut open = vec![PROGRAM.to_string()];
    while let Some(path) = open.pop() {
        for name in needed(&root.join(&path))? {
            let place = LIBRARIES.iter().map(|dir| format!("{dir}/{name}")).find(|p| root.join(p).exists());
            let place = place.with_context(|| format!("{path} needs {name}, and no package has it"))?;
            if paths.insert(place.clone()) {
                open.push(place);
            }
        }
    }
    paths.insert("usr/lib/ld-linux-aarch64.so.1".into());
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut files = guest::image_files(&root, &paths)?;
    files.push(ImageFile { path: "/lib".into(), mode: 0o120777, bytes: b"usr/lib".to_vec() });
    files.push(ImageFile { path: "/soak".into(), mode: 0o755, bytes: script.into() });
    let busybox = fs::read(&guest.busybox).context("cannot read the guest's busybox")?;
    Ok(guest::initramfs(&busybox, &InitSpec { files, packing: Packing::Plain }))
}

/// The libraries that a program or a library says it needs.
fn needed(path: &Path) -> Result<Vec<String>> {
    let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let about = || format!("{} is not as an ELF file should be", path.display());
    let data = data.as_slice();
    let header = FileHeader64::<Endianness>::parse(data).with_context(about)?;
    let endian = header.endian().with_context(about)?;
    let sections = header.sections(endian, data).with_context(about)?;
    let table = sections.dynamic_table(endian, data).with_context(about)?;
    let mut names = vec![];
    for entry in table.iter().filter(|d| d.tag == DT_NEEDED) {
        names.push(String::from_utf8_lossy(table.string(entry).with_context(about)?).into_owned());
    }
    Ok(names)
}
