//! The private root against archives on this disk: no network, but the host's own apt.

use super::*;
use crate::record::sha256;

/// An index of one package, which holds the text `test`.
pub(super) const INDEX: &str = "Package: tiny\nVersion: 1:2.0-3\nArchitecture: arm64\nSize: 4\nDepends: libc6 (>= 2), a | b\nPre-Depends: pre\n\
                     Filename: ./tiny.deb\nSHA256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n";

fn host(lists: &[(&str, String)]) -> Host {
    Host {
        codename: Some("bookworm".to_string()),
        arch: "amd64".to_string(),
        lists: lists.iter().map(|(p, t)| (PathBuf::from(p), t.clone())).collect(),
        place: "/etc/apt/sources.list".to_string(),
        transport: String::new(),
    }
}

/// What asking for `package` says when the host's only list is this one. Needs apt on the host, as the
/// project does.
#[track_caller]
fn check(list: impl Fn(&Path) -> String, package: &str, sentence: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    let extra = place.path().join("sources");
    let wanted = Wanted { suite: None, arch: "arm64", extra: &extra };
    let ask = || {
        let host = host(&[("/x.list", list(place.path()))]);
        let mut root = AptRoot::prepare(&place.path().join("a b"), &host, wanted)?;
        root.update(&mut |_| {})?;
        root.package(package)
    };
    let said = ask().unwrap_err().to_string();
    assert!(sentence.iter().all(|part| said.contains(part)), "{said}");
    assert!(!said.contains('\n'), "{said}");
}

/// An archive at `dir` whose Release nobody signed; its entry asks to be trusted all the same.
fn unsigned(dir: &Path) -> String {
    let suite = dir.join("dists/bookworm/main/binary-arm64");
    fs::create_dir_all(&suite).unwrap();
    fs::write(suite.join("Packages"), INDEX).unwrap();
    let hash = format!("SHA256:\n {} {} main/binary-arm64/Packages\n", sha256(INDEX.as_bytes()), INDEX.len());
    let head = "Origin: t\nSuite: bookworm\nCodename: bookworm\nComponents: main\nArchitectures: arm64\nDate: Sat, 01 Jan 2022 00:00:00 UTC\n";
    fs::write(dir.join("dists/bookworm/Release"), format!("{head}{hash}")).unwrap();
    format!("deb [trusted=yes allow-insecure=yes] file:{} bookworm main", dir.display())
}

#[test]
fn an_unsigned_archive_is_refused() {
    check(unsigned, "tiny", &["not signed by a key this host trusts", "arm64", "--kernel FILE", "armagic demo"]);
}

#[test]
fn an_archive_that_is_not_there() {
    let list = |dir: &Path| format!("deb file:{}/nowhere bookworm main", dir.display());
    check(list, "tiny", &["no arm64 packages for bookworm", "sources as NAME.sources", "--kernel FILE"]);
}

#[test]
fn an_archive_that_does_not_answer() {
    // Port 9 of this host: nothing listens there.
    let list = |_: &Path| "deb http://127.0.0.1:9/d bookworm main".to_string();
    check(list, "tiny", &["cannot be reached", "check the network", "--kernel FILE"]);
}

#[test]
fn no_archive_at_all() {
    let list = |_: &Path| "deb http://127.0.0.1:9/d nodistro main".to_string();
    check(list, "tiny", &["no apt source for bookworm", "/etc/apt/sources.list", "sources as NAME.sources"]);
}

#[test]
fn a_list_of_the_users_is_read_and_held_to_the_rules() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("mine.sources"), "Types: deb\nURIs: http://m/d\nSuites: any\nTrusted: yes\n").unwrap();
    fs::write(place.path().join("mine.txt"), "Types: deb\nURIs: http://m/e\nSuites: any\n").unwrap();
    let lists = extra_lists(place.path()).unwrap();
    assert_eq!(
        lists,
        [("extra-mine.sources".to_string(), "Types: deb\nURIs: http://m/d\nSuites: any\n\n".to_string())]
    );
}
