//! Conformance: the cases in `cases/*.vgic`, each a script, and docs/vgic.md, which is printed from them.

use armagic_vgic as vgic;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use vgic::script;

/// The files, in order of the document.
const FILES: [&str; 10] = [
    "creation",
    "addresses",
    "interrupts",
    "access",
    "identity",
    "registers",
    "cpu-interface",
    "its",
    "protocols",
    "kernels",
];

/// Cases that cannot pass yet. One that passes is taken out of this list.
const NOT_YET: &[u32] = &[];

/// The same of the scripts of VMMs.
const SCRIPTS_NOT_YET: &[&str] = &[];

struct File {
    name: &'static str,
    title: String,
    /// What is said before the first case.
    about: String,
    cases: Vec<Case>,
}

struct Case {
    number: u32,
    /// S: Linux's selftests; V: what a VMM does; D: Linux's documentation; C: Linux's code.
    source: String,
    what: String,
    /// Statements and comments, at the lines where the file has them.
    script: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn read(name: &'static str) -> File {
    let path = directory().join(name).with_extension("vgic");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut file = File { name, title: String::new(), about: String::new(), cases: vec![] };
    for (n, line) in text.lines().enumerate() {
        match (line.strip_prefix("#: "), file.cases.last_mut()) {
            (Some(heading), _) => {
                let mut words = heading.splitn(3, ' ');
                let mut word = || words.next().unwrap_or_else(|| panic!("{name}:{}: NUMBER SOURCE TITLE", n + 1));
                let number = word().parse().expect("a case has a number");
                let (source, what) = (word().to_owned(), word().to_owned());
                file.cases.push(Case { number, source, what, script: "\n".repeat(n + 1) });
            }
            (None, Some(case)) => case.script += &format!("{line}\n"),
            (None, None) if n == 0 => file.title = line.trim_start_matches("# ").to_owned(),
            (None, None) => writeln!(file.about, "{}", line.trim_start_matches('#').trim()).expect("a string"),
        }
    }
    file
}

fn all() -> Vec<File> {
    FILES.into_iter().map(read).collect()
}

/// What is wrong with a script that failed, or with its place in the list.
fn verdict(name: &str, outcome: &script::Outcome, not_yet: bool) -> Option<String> {
    match (outcome.is_success(), not_yet) {
        (true, false) | (false, true) => None,
        (false, false) => Some(format!("{name}\n{outcome}")),
        (true, true) => Some(format!("{name} passes: take it out of the list")),
    }
}

#[test]
fn every_case() {
    let mut failures = vec![];
    for file in all() {
        for case in &file.cases {
            let outcome = script::run(&case.script, &format!("{}.vgic", file.name));
            let name = format!("case {}: {}", case.number, case.what);
            failures.extend(verdict(&name, &outcome, NOT_YET.contains(&case.number)));
        }
    }
    assert!(failures.is_empty(), "{} cases\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_number_once() {
    let files = all();
    let numbers: Vec<u32> = files.iter().flat_map(|file| file.cases.iter().map(|case| case.number)).collect();
    let set: BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!(set.len(), numbers.len(), "a number stands twice");
    assert_eq!(set, (1..=numbers.len() as u32).collect(), "a number is missing");
    assert!(numbers.len() > 250, "{} cases", numbers.len());
    for case in files.iter().flat_map(|file| &file.cases) {
        assert!(["S", "V", "D", "C"].contains(&case.source.as_str()), "case {}: source {}", case.number, case.source);
        let empty = !case.script.lines().any(|line| line.starts_with("vm"));
        assert_eq!(empty, case.number == 133, "case {} begins with no VM", case.number);
    }
}

/// Case 133: what VMMs do.
#[test]
fn scripts_of_vmms() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let entries = std::fs::read_dir(directory).expect("there are scripts");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let failures = paths.iter().filter_map(|path| {
        let name = path.file_name().expect("a file").to_string_lossy();
        let text = std::fs::read_to_string(path).expect("scripts are text");
        verdict(&name, &script::run(&text, &name), SCRIPTS_NOT_YET.contains(&&*name))
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(paths.len() >= 6, "{} scripts", paths.len());
}

/// `BLESS=1` writes it.
#[test]
fn the_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vgic.md");
    let now = document();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &now).expect("the document can be written");
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(is == now, "docs/vgic.md is not what the cases say: run this test with BLESS=1");
}

fn document() -> String {
    let head = std::fs::read_to_string(directory().join("head.md")).expect("the document has an introduction");
    let mut text = head.replace("{SCRIPTS}", &scripts()).replace("{LANGUAGE}", &language());
    for file in all() {
        let File { name, title, about, cases } = &file;
        let path = format!("../crates/vgic/tests/cases/{name}.vgic");
        write!(text, "\n### {title}\n\n{} [{name}.vgic]({path})\n\n", about.trim()).expect("a string");
        text += "| | | what | statements |\n|---|---|---|---|\n";
        for case in cases {
            let Case { number, source, what, script } = case;
            writeln!(text, "| {number} | {source} | {what} | {} |", cell(script)).expect("a string");
        }
    }
    text
}

/// The language, as its module says it.
fn language() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/script/mod.rs");
    let text = std::fs::read_to_string(path).expect("the module is there");
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).skip(2);
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn cell(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.trim().is_empty());
    let line = |line: &str| match line.strip_prefix('#') {
        Some(comment) => comment.trim().to_owned(),
        None => format!("`{}`", line.split('#').next().unwrap_or_default().trim()),
    };
    lines.map(line).collect::<Vec<_>>().join("<br>")
}

fn scripts() -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let entries = std::fs::read_dir(directory).expect("there are scripts");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("readable").file_name()).collect();
    names.sort();
    let row = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(&*name);
        let text = std::fs::read_to_string(path).expect("scripts are text");
        let first = text.lines().next().unwrap_or_default().trim_start_matches('#').trim();
        format!("- [{name}](../crates/vgic/scripts/{name}): {first}")
    };
    names.iter().map(row).collect::<Vec<_>>().join("\n")
}

// The language.

/// Scripts and what is said of them.
#[track_caller]
fn fail(scripts: &[(&str, &str)]) {
    let wrong = |(text, wanted): &(&str, &str)| {
        let outcome = script::run(text, "x.vgic");
        let right = !outcome.is_success() && outcome.to_string() == *wanted;
        (!right).then(|| format!("{text}\nsays    {outcome}\ninstead {wanted}"))
    };
    let wrong: Vec<_> = scripts.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_wrong_script_says_where() {
    fail(&[
        (
            "vm\nfrob 1",
            "x.vgic:2:1: expected a statement (vm, protocol, vcpu, vcpus, init, device, set, get, has, rewrite, \
         sweep, ioctl, hold, release, run, running, stop, finish, guest, line, ram), found `frob`",
        ),
        ("vm; vcpus", "x.vgic:1:10: expected how many vCPUs, and the statement ends"),
        ("vm; vcpus four", "x.vgic:1:11: expected a number or a name that is known here, found `four`"),
        ("vm\n  set  ADDR  DIST  0x1+", "x.vgic:2:24: expected a value, found its end"),
        ("vm\nset ADDR DIST region(1, 2,, 3)", "x.vgic:2:27: expected a value, found `, 3)`"),
        ("vm\nset ADDR DIST region(1, 2)", "x.vgic:2:26: expected `,` and flags, found `)`"),
        (
            "vm\nset ADDR DIST 0x1_0000_0000_0000_0000",
            "x.vgic:2:15: expected a number of 64 bits, found `0x1_0000_0000_0000_0000`",
        ),
        (
            "vm\nget ADDR DIST -> EWHAT",
            "x.vgic:2:18: expected a number or a name that is known here, found `EWHAT`; \
         a result is ok, a value, waits, or such as EBUSY",
        ),
        (
            "vm\nget ADDR DIST ->",
            "x.vgic:2:17: expected a result: ok, a value, waits, or an error number's name, and the statement ends",
        ),
        ("vm\nrun 0 0", "x.vgic:2:7: expected `-> RESULT` or the end of the statement, found `0`"),
        ("vm kernel=v1", "x.vgic:1:11: expected a kernel (v6.12-unfixed, v6.12, v7.2, v7.3), found `v1`"),
        ("vm priority_bits=9", "x.vgic:1:18: expected a number from 5 to 7, found 0x9"),
        (
            "vm colour=red",
            "x.vgic:1:4: expected an option KEY=VALUE (kernel, protocol, a3v, seis, direct_sgis, gicv2, \
         priority_bits, id_bits, ipa_bits, memory), found `colour=red`",
        ),
        ("vm memory=0..0x100000000", "x.vgic:1:11: expected memory FIRST..END of no more than 1G"),
        (
            "vm; protocol rfc-without-recheck",
            "x.vgic:1:14: expected a lock protocol that can be relied on (upstream, rfc, \
         under-config-lock, decide-then-retake, target-vcpu-only, device-level, without-vcpu, blocking), found \
         `rfc-without-recheck`",
        ),
        (
            "vm; device vgic",
            "x.vgic:1:12: expected a type of device, or its number (vgic-v2, vgic-v3, its, vgic-v5), found `vgic`",
        ),
        (
            "vm; device vgic-v3\nget REDIST_REGS @1.2.3 TYPER",
            "x.vgic:2:18: expected a vCPU's id or AFF3.AFF2.AFF1.AFF0, found `1.2.3`",
        ),
        (
            "vm; device vgic-v3; set 1 2 mapd(1, 2, 3)",
            "x.vgic:1:29: expected one value; `mapd(1, 2, 3)` is a command of four",
        ),
        (
            "vm; device vgic-v3; sweep get DIST_REGS 8..4",
            "x.vgic:1:41: expected FIRST..LAST upwards, of no more than 131072 steps",
        ),
        (
            "vm\nset ADDR BASE 0",
            "x.vgic:2:10: expected a number or a name that is known here, found `BASE`; addresses are V2_DIST, V2_CPU, DIST, \
         REDIST, ITS, REDIST_REGION, REGION",
        ),
        (
            "vm\nset DIST_REGS IIDDR 0",
            "x.vgic:2:15: expected a number or a name that is known here, found `IIDDR`; registers of GICD are such as IIDR, \
         or ISENABLER1",
        ),
        (
            "vm\nget CPU_SYSREGS 0 PMR",
            "x.vgic:2:19: expected a number or a name that is known here, found `PMR`; a vCPU is @ID before the attribute",
        ),
        ("vm\nget DIST_REGS IIDR => EBUSY", "x.vgic:2:20: expected a value, found `=>`; a result is after `->`"),
        ("vm; guest read GITS 0", "x.vgic:1:16: expected a frame (GICD, GICR), found `GITS`"),
    ]);
}

#[test]
fn a_script_that_cannot_be_read_is_not_begun() {
    let outcome = script::run("vm; device vgic-v3\nset NR_IRQS 32\nwhat", "x.vgic");
    assert_eq!(outcome.passed, 0);
    assert!(outcome.to_string().starts_with("x.vgic:3:1: expected a statement"), "{outcome}");
}

#[test]
fn a_statement_about_what_is_not_there_says_so() {
    fail(&[
        ("device vgic-v3", "x.vgic:1:1: expected `vm` before any other statement"),
        ("vm; get NR_IRQS", "x.vgic:1:5: expected a device that was created, found `vgic`"),
        ("vm\n run 7", "x.vgic:2:2: expected the id of a vCPU that was created, found 7"),
        ("vm; vcpus 1; release 0", "x.vgic:1:14: expected `hold 0` before"),
        ("vm; vcpus 1; run 0; hold 0; stop 0", "x.vgic:1:29: expected `running 0` before"),
        ("vm; finish", "x.vgic:1:5: expected a call that waits before `finish`"),
        (
            "vm; vcpus 1; device vgic-v3; guest read GICD 0",
            "x.vgic:1:30: expected an initialised VGIC: guests see its frames then",
        ),
        ("vm; ram write 0x50000000 1", "x.vgic:1:5: no memory at 0x50000000"),
        (
            "vm; vcpus 1; device vgic-v3; set CTRL INIT; guest read GICD 0x10000",
            "x.vgic:1:45: expected an offset within the frame, found 0x10000",
        ),
    ]);
}

#[test]
fn a_failing_expectation_says_what_fired_and_who_holds_what() {
    fail(&[
        (
            "vm; vcpus 2; device vgic-v3; set ADDR DIST 0x8000000; set ADDR REDIST 0x80a0000; set CTRL INIT\n\
         running 1\n\
         hold 0; get DIST_REGS TYPER -> 0x480007",
            "x.vgic:3:9: get DIST_REGS TYPER -> 0x480007\n\
         \x20 expected  0x480007\n\
         \x20 got       EBUSY\n\
         \x20 check     EBUSY: a vCPU is inside an ioctl, or runs (0x0)\n\
         \x20 locks     K free; V0 held by a vCPU's ioctl; V1 held by KVM_RUN; S free; C free\n\
         \x20           the vCPU with id 0 is held inside an ioctl since line 3\n\
         \x20           the vCPU with id 1 runs since line 2",
        ),
        (
            "vm protocol=blocking; vcpus 1; device vgic-v3; set CTRL INIT; hold 0\nset DIST_REGS CTLR 2",
            "x.vgic:2:1: set DIST_REGS CTLR 2\n\
         \x20 expected  ok\n\
         \x20 got       waits: what it waits for is held\n\
         \x20 locks     K held by KVM_SET_DEVICE_ATTR; V0 held by a vCPU's ioctl (1 waiting); S free; C free\n\
         \x20           the vCPU with id 0 is held inside an ioctl since line 1",
        ),
        (
            "vm; vcpus 1; device vgic-v3; set CTRL INIT; sweep get DIST_REGS 0..8 -> 0x50",
            "x.vgic:1:45: sweep get DIST_REGS 0..8 -> 0x50\n\
         \x20 expected  0x50\n\
         \x20 got       0x480007 at 0x4\n\
         \x20 locks     K free; V0 free; S free; C free",
        ),
        (
            "vm; vcpus 600",
            "x.vgic:1:5: vcpus 600\n  expected  ok\n  got       EINVAL\n\
         \x20 check     EINVAL: a vCPU id is below KVM_MAX_VCPU_IDS (0x200)\n\
         \x20 locks     K free; V0 to V511 free; S free; C free",
        ),
        (
            "vm; vcpus 1; device vgic-v3; set NR_IRQS 64 -> EINVAL",
            "x.vgic:1:30: set NR_IRQS 64 -> EINVAL\n  expected  EINVAL\n  got       ok\n  locks     K free; V0 free; S free; C free",
        ),
    ]);
}

#[test]
fn whole_files_are_scripts() {
    for name in ["creation", "addresses", "access"] {
        let text = std::fs::read_to_string(directory().join(name).with_extension("vgic")).expect("it is there");
        let outcome = script::run(&text, name);
        assert!(outcome.is_success(), "{outcome}");
    }
}

/// Whatever a script says, the process goes on.
#[test]
fn no_script_does_harm() {
    let pieces = [
        "vm",
        "vcpus",
        "set",
        "get",
        "ADDR",
        "DIST",
        "->",
        "EBUSY",
        "0x",
        "(",
        ")",
        "region(",
        "~",
        "<<",
        "..",
        "@",
        "@1.2.3.4",
        "running",
        "0",
        "guest",
        "read",
        "GICR",
        "18446744073709551615",
        "1<<64",
        "-",
        "=",
        "memory=0..1",
        ";",
        "#",
        "\u{e9}",
        "sweep",
        "DIST_REGS",
        "line",
        "high",
        "bad",
        "short",
        "device",
        "vgic-v3",
        "CTRL",
        "INIT",
        "finish",
        "0-1",
        "ram",
        "write",
    ];
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    for _ in 0..3000 {
        let words: Vec<_> = (0..next() % 8).map(|_| pieces[next() % pieces.len()]).collect();
        let script = format!("vm; vcpus 2; device vgic-v3; set CTRL INIT\n{}", words.join(" "));
        _ = script::run(&script, "x.vgic").to_string();
    }
}
