//! Packages built here by the format's description, read by the code under test.

use super::*;
use std::io::Write;

/// An ar archive of these members.
fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, data) in members {
        writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", data.len()).unwrap();
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// A tar of these files, named as they are given.
fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let mut out = tar::Builder::new(vec![]);
    for (name, data) in files {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o4755);
        header.set_entry_type(if name.ends_with('/') { tar::EntryType::Directory } else { tar::EntryType::Regular });
        header.set_cksum();
        out.append(&header, data.as_bytes()).unwrap();
    }
    out.into_inner().unwrap()
}

fn pack(packing: &str, bytes: &[u8]) -> Vec<u8> {
    match packing {
        ".gz" => {
            let mut out = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        ".xz" => {
            let mut out = lzma_rust2::XzWriter::new(vec![], lzma_rust2::XzOptions::with_preset(1)).unwrap();
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        ".zst" => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
        _ => bytes.to_vec(),
    }
}

/// A package with `files`, written to a directory of its own.
fn deb(packing: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let data = pack(packing, &tarball(files));
    written(&ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", b"odd"), (&format!("data.tar{packing}"), &data)]))
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tiny.deb");
    fs::write(&path, bytes).unwrap();
    (place, path)
}

/// A file of a package packed in this way is found, and unpacks to the same bytes.
#[track_caller]
fn check(packing: &str) {
    let content = "kernel ".repeat(1000);
    let (place, path) = deb(packing, &[("./usr/share/doc/x", "doc"), ("./boot/vmlinuz-1", &content)]);
    let (name, bytes) = file(&path, |n| n.starts_with("boot/vmlinuz-")).unwrap().unwrap();
    assert_eq!((name.to_str().unwrap(), bytes), ("boot/vmlinuz-1", content.clone().into_bytes()));
    assert_eq!(file(&path, |n| n == "boot").unwrap(), None);
    let root = place.path().join("root");
    fs::create_dir(&root).unwrap();
    unpack(&path, &root).unwrap();
    assert_eq!(fs::read_to_string(root.join("boot/vmlinuz-1")).unwrap(), content);
}

#[test]
fn plain() {
    check("")
}
#[test]
fn gzip() {
    check(".gz")
}
#[test]
fn xz() {
    check(".xz")
}
#[test]
fn zstd() {
    check(".zst")
}

#[test]
fn set_user_id_is_left_out() {
    use std::os::unix::fs::PermissionsExt;
    let (place, path) = deb("", &[("./su", "x")]);
    unpack(&path, place.path()).unwrap();
    assert_eq!(fs::metadata(place.path().join("su")).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn old_names_lead_into_usr() {
    let (place, path) =
        deb("", &[("./", ""), ("./lib/", ""), ("./lib/ld.so", "ld"), ("./usr/lib/", ""), ("./usr/lib/other", "o")]);
    let root = place.path().join("root");
    merged_root(&root).unwrap();
    unpack(&path, &root).unwrap();
    assert_eq!(fs::read(root.join("usr/lib/ld.so")).unwrap(), b"ld");
    assert_eq!(fs::read(root.join("lib/other")).unwrap(), b"o");
}

/// Bytes that are no good package are refused with a sentence that says `why` and names the file.
#[track_caller]
fn check_refused(bytes: &[u8], why: &str) {
    let (place, path) = written(bytes);
    let root = place.path().join("root");
    fs::create_dir(&root).unwrap();
    let said = unpack(&path, &root).unwrap_err().to_string();
    assert!(said.contains(why) && said.contains("tiny.deb"), "{said}");
    assert!(!place.path().join("escaped").exists());
}

#[test]
fn refuses_nothing() {
    check_refused(b"", "not an ar archive")
}
#[test]
fn refuses_other_files() {
    check_refused(b"\x7fELF rather than a package", "not an ar archive")
}
#[test]
fn refuses_an_archive_without_data() {
    check_refused(&ar(&[("debian-binary", b"2.0\n")]), "ends before its data.tar")
}
#[test]
fn refuses_a_bad_size() {
    check_refused(&ar(&[("x", b"")])[..40], "ends before its data.tar")
}
#[test]
fn refuses_unknown_packing() {
    check_refused(&ar(&[("data.tar.lz9", b"x")]), "packed as `.lz9`")
}
#[test]
fn refuses_to_escape() {
    check_refused(&ar(&[("data.tar", &tarball(&[("../escaped", "x")]))]), "outside its directory")
}
#[test]
fn refuses_cut_xz() {
    let packed = pack(".xz", &tarball(&[("./a", &"a".repeat(5000))]));
    check_refused(&ar(&[("data.tar.xz", &packed[..packed.len() / 2])]), "cannot be unpacked")
}
