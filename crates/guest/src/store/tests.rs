//! A store without a network: what is there, what is not, and what each absence says.

use super::*;
use crate::record::PackageLock;

fn store(offline: bool) -> (tempfile::TempDir, Store) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("cache");
    (place, Store { root, offline })
}

/// Puts guest `debian` into the store by hand.
fn fill(store: &Store, recipe: &str) {
    let dir = store.root.join("guests/debian/6.1-1");
    fs::create_dir_all(&dir).unwrap();
    [KERNEL, INITRD, BUSYBOX].iter().for_each(|f| fs::write(dir.join(f), f).unwrap());
    let package = PackageLock {
        name: "linux-image-6.1".to_string(),
        version: "6.1-1".to_string(),
        arch: "arm64".to_string(),
        size: 5,
        sha256: "00".to_string(),
    };
    let lock = Lock::new("bookworm", "6.1-1", "guests/debian/6.1-1".to_string(), recipe.to_string(), vec![package]);
    lock.write(&store.record("debian")).unwrap();
}

#[test]
fn a_guest_that_is_there() {
    let (_place, store) = store(true);
    fill(&store, &recipe());
    let guest = store.get("debian").unwrap();
    assert_eq!((guest.name.as_str(), guest.version.as_str()), ("debian", "6.1-1"));
    assert_eq!(fs::read_to_string(guest.kernel).unwrap(), KERNEL);
    assert_eq!(fs::read_to_string(guest.initrd).unwrap(), INITRD);
    assert!(guest.append.contains("console=ttyAMA0"));
    let fetched = store.list().into_iter().find(|e| e.name == "debian").unwrap().fetched;
    let bytes = (KERNEL.len() + INITRD.len()) as u64;
    assert_eq!(fetched, Some(Fetched { version: "6.1-1".to_string(), suite: "bookworm".to_string(), bytes }));
    assert!(store.list().iter().filter(|e| e.name != "debian").all(|e| e.fetched.is_none()));
}

#[test]
fn a_new_init_is_packed_around_the_same_busybox() {
    let (_place, store) = store(true);
    fill(&store, "of an older armagic");
    let guest = store.get("debian").unwrap();
    assert_eq!(fs::read(&guest.initrd).unwrap(), image(BUSYBOX.as_bytes()));
    fs::write(&guest.initrd, "kept").unwrap();
    assert_eq!(fs::read_to_string(store.get("debian").unwrap().initrd).unwrap(), "kept");
}

/// Asking for `name` fails with one line that has all of `parts`.
#[track_caller]
fn check(prepare: impl FnOnce(&Store), ask: impl FnOnce(&Store) -> Result<Guest, GuestError>, parts: &[&str]) {
    let (_place, store) = store(true);
    prepare(&store);
    let said = ask(&store).unwrap_err().to_string();
    assert!(parts.iter().all(|p| said.contains(p)) && !said.contains('\n'), "{said}");
}

const NEXT: [&str; 2] = ["--kernel FILE", "armagic demo"];

#[test]
fn not_fetched() {
    check(
        |_| {},
        |s| s.get("debian"),
        &["`debian` is not in ", "cache", "armagic guest fetch debian", NEXT[0], NEXT[1]],
    );
}

#[test]
fn half_there_is_not_fetched() {
    let prepare = |s: &Store| {
        fill(s, &recipe());
        fs::remove_file(s.root.join("guests/debian/6.1-1").join(KERNEL)).unwrap();
    };
    check(prepare, |s| s.get("debian"), &["armagic guest fetch debian"]);
}

#[test]
fn unknown() {
    check(|_| {}, |s| s.get("../etc"), &["no guest is called `../etc`", "debian, debian-full"]);
}

#[test]
fn offline() {
    check(|_| {}, |s| s.fetch("debian", &mut |_| {}), &["guest `debian`", "ARMAGIC_OFFLINE", NEXT[0], NEXT[1]]);
}

#[test]
fn a_broken_record() {
    let prepare = |s: &Store| {
        fill(s, &recipe());
        fs::write(s.record("debian"), "{\"format\":").unwrap();
    };
    check(prepare, |s| s.get("debian"), &["debian.json", "delete it", "armagic guest fetch"]);
}

#[test]
fn a_record_of_the_future() {
    let prepare = |s: &Store| {
        fill(s, &recipe());
        let text = fs::read_to_string(s.record("debian")).unwrap().replace("\"format\": 1", "\"format\": 2");
        fs::write(s.record("debian"), text).unwrap();
    };
    check(prepare, |s| s.get("debian"), &["its format is 2"]);
}

#[test]
fn two_do_not_fetch_at_once() {
    let (_place, store) = store(false);
    let first = store.lock(&mut |_| {}).unwrap();
    let (said, heard) = std::sync::mpsc::channel();
    let second = std::thread::spawn({
        let store = store.clone();
        move || store.lock(&mut |p| said.send(p.what).unwrap()).map(drop)
    });
    assert_eq!(heard.recv().unwrap(), "waiting for another armagic that is fetching");
    assert!(!second.is_finished());
    drop(first);
    second.join().unwrap().unwrap();
}
