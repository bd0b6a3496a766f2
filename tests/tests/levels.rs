//! A crate may depend on lower levels only (docs/architecture.md, "Rooms").

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::BTreeMap;

/// The rooms, and what each is for in one line of docs/architecture.md.
const LEVELS: &[(&str, u32)] = &[
    ("armagic-sync", 0),
    ("armagic-hw", 0),
    ("armagic-a64", 0),
    ("armagic-guest", 0),
    ("armagic-firmware", 0),
    ("armagic-mem", 1),
    ("armagic-gic", 1),
    ("armagic-vgic", 2),
    ("armagic-cpu", 2),
    ("armagic-devices", 2),
    ("armagic-semantics", 3),
    ("armagic-interp", 4),
    // It calls the interpreter for what it does not compile.
    ("armagic-jit", 5),
    // It executes with the interpreter.
    ("armagic-kvm", 5),
    ("armagic-machine", 6),
    ("armagic-cli", 7),
];

/// Packages outside the house: they may look at every room.
const OUTSIDE: &[&str] = &["armagic-tests", "armagic-gic-conformance", "armagic-benches"];

#[test]
fn crates_depend_on_lower_levels_only() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs in the workspace");
    let levels: BTreeMap<_, _> = LEVELS.iter().copied().collect();
    let mut edges = 0;
    for package in metadata.packages.iter().filter(|p| !OUTSIDE.contains(&p.name.as_str())) {
        let level = levels.get(package.name.as_str()).unwrap_or_else(|| panic!("{} has no level here", package.name));
        let normal = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        for dependency in normal.filter(|d| d.name.starts_with("armagic-")) {
            let below = levels.get(dependency.name.as_str()).expect("every room has a level");
            assert!(below < level, "{} (level {level}) uses {} (level {below})", package.name, dependency.name);
            edges += 1;
        }
    }
    assert!(edges > 20, "only {edges} dependencies seen: is this the workspace?");
}

#[test]
fn unsafe_has_an_address() {
    // The only crates that may contain it, and where; every other crate forbids it at its root.
    const ADDRESSES: &[(&str, &[&str])] = &[
        ("crates/hw", &["src/ticks.rs"]),
        ("crates/mem", &["src/ram.rs"]),
        ("crates/jit", &["src/code.rs", "src/entry.rs"]),
        // Functions that are unsafe as those they stand for are, and do nothing that is.
        // Structures that end with an array.
        ("crates/kvm", &["src/vm.rs", "src/device.rs", "src/fam.rs"]),
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs in the workspace");
    for package in metadata.packages.iter().filter(|p| !OUTSIDE.contains(&p.name.as_str())) {
        for target in package.targets.iter().filter(|t| t.is_lib() || t.is_bin()) {
            let path = target.src_path.as_std_path();
            let relative = path.strip_prefix(root).expect("members are in the workspace");
            let text = std::fs::read_to_string(path).expect("the target exists");
            let forbids = text.contains("#![forbid(unsafe_code)]");
            let may = ADDRESSES.iter().any(|(room, _)| relative.starts_with(room));
            assert_eq!(forbids, !may, "{}", relative.display());
        }
    }
    for (room, files) in ADDRESSES {
        let sources = std::fs::read_dir(root.join(room).join("src")).expect("the room has sources");
        for path in sources.map(|entry| entry.expect("readable").path()).filter(|p| p.is_file()) {
            let text = std::fs::read_to_string(&path).expect("sources are text");
            let named = files.iter().any(|file| path.ends_with(file));
            let has =
                text.lines().any(|l| l.contains("unsafe {") || l.contains("unsafe fn") || l.contains("unsafe impl"));
            assert!(named || !has, "{} has unsafe code", path.display());
        }
    }
}

#[test]
fn a_written_ordering_has_an_address() {
    // Files, and directories for everything in them. Four say when a run pauses or ends, and order nothing else.
    const ADDRESSES: &[&str] = &[
        "sync/src",
        "mem/src",
        "gic/src",
        "vgic/src/flags.rs",
        "vgic/src/vcpus.rs",
        "cpu/src/memory.rs",
        "cpu/src/mmu/queue.rs",
        "cpu/src/mmu/tlb.rs",
        "cpu/src/alarm.rs",
        "jit/src/code.rs",
        "devices/src/pl011.rs",
        "machine/src/control.rs",
        "machine/src/machine.rs",
        "cli/src/console.rs",
        "cli/src/vgic/race.rs",
    ];
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut rooms: Vec<_> = list(&crates).into_iter().map(|room| room.join("src")).collect();
    let mut seen = 0;
    while let Some(path) = rooms.pop() {
        if path.is_dir() {
            rooms.extend(list(&path));
            continue;
        }
        let name = path.strip_prefix(&crates).expect("found below it").to_str().expect("our names are text").to_owned();
        let test = name.ends_with("tests.rs") || name.contains("/tests/");
        if !name.ends_with(".rs") || test {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("sources are text");
        let orders = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
        let written = orders.iter().any(|order| text.contains(&format!("Ordering::{order}")));
        let imported = text.contains("sync::atomic::Ordering::");
        let may = ADDRESSES.iter().any(|address| name.starts_with(address));
        assert!(may || !(written || imported), "{name} has an Ordering");
        seen += u32::from(written);
    }
    assert!(seen > 8, "only {seen} files with an Ordering: is this the workspace?");
}

fn list(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).expect("the workspace has it");
    entries.map(|entry| entry.expect("readable").path()).collect()
}
